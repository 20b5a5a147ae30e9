//! From the first FIN to the end.
//!
//! Where the server closes first, its FIN is counted in its `next_seq` at once (FIN_WAIT1); where the client does, its
//! FIN is not (CLOSE_WAIT). Many of the differences between the directions below come from that.

use super::session::TcpState;
use super::step::{Accepted, Step};
use crate::packet::tcp_flag;

/// What a packet is to a connection that is being closed.
enum Kind {
    Reset,
    Fin,
    Syn,
    Ack,
    Other,
}

impl Step<'_> {
    fn kind(&self) -> Kind {
        let flags = self.segment.flags;
        if flags & tcp_flag::RST != 0 {
            Kind::Reset
        } else if flags & tcp_flag::FIN != 0 {
            Kind::Fin
        } else if flags & tcp_flag::SYN != 0 {
            Kind::Syn
        } else if flags & tcp_flag::ACK != 0 {
            Kind::Ack
        } else {
            Kind::Other
        }
    }

    fn reset(&mut self) -> Accepted {
        self.check_reset()?;
        self.close_by_reset();
        self.after_reset();
        Ok(())
    }

    /// Takes the acknowledgement and hands the payload on.
    fn conclude(&mut self) {
        if self.segment.has(tcp_flag::ACK) {
            let ack = self.segment.ack;
            self.receiver().acknowledge(ack);
        }
        self.reassemble(self.segment.direction);
    }

    /// The same, where data may still flow: the window moves on too.
    fn conclude_with_window(&mut self) {
        let ack = self.segment.ack;
        self.receiver().acknowledge(ack);
        self.take_sack();
        let half = self.receiver();
        half.widen_window(half.last_ack + half.window);
        self.reassemble(self.segment.direction);
    }

    /// If the packet starts where its sender is expected to go on, less `less`, that moves on.
    fn move_on_from(&mut self, less: u32) {
        let segment = self.segment;
        if self.sender().next_seq - less == segment.seq {
            self.expect_next(segment.direction, segment.end());
        }
    }

    /// The server has sent its FIN.
    pub(crate) fn fin_wait1(&mut self) -> Accepted {
        match self.kind() {
            Kind::Reset => self.reset(),
            Kind::Fin => self.fin_on_fin_wait1(),
            Kind::Syn => self.refuse("shutdown_syn_resend"),
            Kind::Ack => self.ack_on_fin_wait1(),
            Kind::Other => Ok(()),
        }
    }

    fn fin_on_fin_wait1(&mut self) -> Accepted {
        let segment = self.segment;
        let acks = segment.has(tcp_flag::ACK);
        self.check_timestamp()?;
        let mut again = self.is_retransmission();
        if !again && acks && !segment.to_server() {
            again = self.sender().next_seq - 1 == segment.seq && self.receiver().last_ack == segment.ack;
        }
        if !again && (segment.seq < self.sender().next_seq - 1 || self.starts_beyond_window()) {
            return self.refuse("fin1_fin_wrong_seq");
        }
        self.check_ack_or("fin1_invalid_ack")?;
        if !again {
            self.set_state(if acks { TcpState::TimeWait } else { TcpState::Closing });
            self.take_window();
        }
        self.take_timestamp();
        if again && acks && !segment.to_server() {
            self.reassemble(segment.direction);
            return Ok(());
        }
        self.catch_up_receiver(1);
        self.move_on_from(u32::from(!(acks && segment.to_server())));
        self.conclude();
        Ok(())
    }

    fn ack_on_fin_wait1(&mut self) -> Accepted {
        let segment = self.segment;
        self.check_timestamp()?;
        let again = self.is_retransmission();
        self.check_ack_or("fin1_invalid_ack")?;
        let fin_of_sender = u32::from(!segment.to_server());
        // The client's ACK counts only when it is of everything; the server's own packets always do.
        let counts = !again && (!segment.to_server() || segment.ack == self.receiver().next_seq);
        if counts {
            if !self.fits_window() {
                return self.refuse("fin1_ack_wrong_seq");
            }
            if segment.seq == self.sender().next_seq - fin_of_sender {
                self.set_state(TcpState::FinWait2);
            }
            self.take_window();
        }
        self.take_timestamp();
        self.catch_up_receiver(1);
        self.move_on_from(fin_of_sender);
        self.conclude_with_window();
        Ok(())
    }

    /// The server's FIN is acknowledged.
    pub(crate) fn fin_wait2(&mut self) -> Accepted {
        match self.kind() {
            Kind::Reset => self.reset(),
            Kind::Fin => self.fin_on_fin_wait2(),
            Kind::Syn => self.refuse("shutdown_syn_resend"),
            Kind::Ack => self.ack_on_fin_wait2(),
            Kind::Other => Ok(()),
        }
    }

    fn fin_on_fin_wait2(&mut self) -> Accepted {
        let segment = self.segment;
        self.check_timestamp()?;
        let same_fin = segment.seq == self.sender().next_seq - 1 && segment.ack == self.receiver().last_ack;
        let again = same_fin || self.is_retransmission();
        if !again && (segment.seq < self.sender().next_seq || self.starts_beyond_window()) {
            return self.refuse("fin2_fin_wrong_seq");
        }
        self.check_ack_or("fin2_invalid_ack")?;
        if !again {
            self.set_state(TcpState::TimeWait);
            if segment.to_server() {
                self.move_on_from(0);
            }
            self.take_window();
        }
        self.take_timestamp();
        self.catch_up_receiver(0);
        self.conclude();
        Ok(())
    }

    fn ack_on_fin_wait2(&mut self) -> Accepted {
        self.check_timestamp()?;
        let again = self.is_retransmission();
        self.check_ack_or("fin2_invalid_ack")?;
        if !again {
            if !self.fits_window() {
                return self.refuse("fin2_ack_wrong_seq");
            }
            self.take_window();
        }
        self.take_timestamp();
        self.move_on_from(0);
        self.conclude_with_window();
        Ok(())
    }

    /// Both have sent a FIN at once.
    pub(crate) fn closing(&mut self) -> Accepted {
        match self.kind() {
            Kind::Reset => return self.reset(),
            Kind::Syn => return self.refuse("shutdown_syn_resend"),
            Kind::Fin if self.segment.has(tcp_flag::SYN) => return self.refuse("shutdown_syn_resend"),
            _ if !self.segment.has(tcp_flag::ACK) => return Ok(()),
            _ => {}
        }
        let segment = self.segment;
        self.check_timestamp()?;
        let again = self.is_retransmission();
        if segment.seq != self.sender().next_seq {
            return self.refuse("closing_ack_wrong_seq");
        }
        self.check_ack_or("closing_invalid_ack")?;
        if !again {
            self.set_state(TcpState::TimeWait);
            // In both directions it is this one that Suricata updates.
            let client = self.session.half_mut(crate::verdict::Direction::ToServer);
            client.window = segment.scaled_window(client.window_scale);
        }
        self.take_timestamp();
        self.catch_up_receiver(0);
        self.conclude();
        Ok(())
    }

    /// The client has sent its FIN.
    pub(crate) fn close_wait(&mut self) -> Accepted {
        match self.kind() {
            Kind::Reset => self.reset(),
            Kind::Fin => self.fin_on_close_wait(),
            Kind::Syn => self.refuse("shutdown_syn_resend"),
            Kind::Ack => self.ack_on_close_wait(),
            Kind::Other => Ok(()),
        }
    }

    fn fin_on_close_wait(&mut self) -> Accepted {
        let segment = self.segment;
        self.check_timestamp()?;
        let again = self.is_retransmission();
        if !again && (segment.seq < self.sender().next_seq || self.starts_beyond_window()) {
            return self.refuse("closewait_fin_out_of_window");
        }
        self.check_ack_or("closewait_invalid_ack")?;
        if !again {
            if !segment.to_server() {
                self.set_state(TcpState::LastAck);
            }
            self.take_window();
        }
        self.take_timestamp();
        self.catch_up_receiver(0);
        self.conclude();
        Ok(())
    }

    fn ack_on_close_wait(&mut self) -> Accepted {
        let segment = self.segment;
        self.check_timestamp()?;
        let again = self.is_retransmission();
        if !segment.payload.is_empty() && segment.end() <= self.sender().last_ack {
            return self.refuse("closewait_pkt_before_last_ack");
        }
        if self.starts_beyond_window() {
            return self.refuse("closewait_ack_out_of_window");
        }
        self.check_ack_or("closewait_invalid_ack")?;
        if !again {
            self.take_window();
        }
        self.take_timestamp();
        self.catch_up_receiver(0);
        self.move_on_from(0);
        self.conclude();
        Ok(())
    }

    /// After the client's FIN, the server's was seen.
    pub(crate) fn last_ack(&mut self) -> Accepted {
        match self.kind() {
            Kind::Reset => return self.reset(),
            Kind::Syn => return self.refuse("shutdown_syn_resend"),
            Kind::Fin | Kind::Other => return Ok(()),
            Kind::Ack => {}
        }
        let segment = self.segment;
        self.check_timestamp()?;
        if !segment.to_server() {
            return Ok(());
        }
        let again = self.is_retransmission();
        self.check_ack_or("lastack_invalid_ack")?;
        if !again {
            let next = self.sender().next_seq;
            if segment.seq >= next {
                if segment.seq != next && segment.seq != next + 1 {
                    return self.refuse("lastack_ack_wrong_seq");
                }
                self.set_state(TcpState::Closed);
            }
            self.take_window();
        }
        self.take_timestamp();
        self.catch_up_receiver(0);
        self.conclude();
        Ok(())
    }

    /// Both FINs were seen, the server's first.
    pub(crate) fn time_wait(&mut self) -> Accepted {
        match self.kind() {
            Kind::Reset => return self.reset(),
            Kind::Syn => return self.refuse("shutdown_syn_resend"),
            Kind::Fin | Kind::Other => return Ok(()),
            Kind::Ack => {}
        }
        let segment = self.segment;
        self.check_timestamp()?;
        let again = self.is_retransmission();
        let half = self.sender();
        let other_expected = if segment.to_server() { half.next_seq + 1 } else { half.next_seq - 1 };
        if !again && segment.seq != half.next_seq && segment.seq != other_expected {
            if !segment.to_server() && !segment.payload.is_empty() && segment.seq == half.last_ack {
                return Ok(());
            }
            return self.refuse("timewait_ack_wrong_seq");
        }
        self.check_ack_or("timewait_invalid_ack")?;
        if !again {
            self.set_state(TcpState::Closed);
            self.take_window();
        }
        self.take_timestamp();
        self.catch_up_receiver(0);
        self.conclude();
        Ok(())
    }

    /// It is over, unless it was a reset that nobody need have believed: then its victim's packets go on as before.
    pub(crate) fn closed(&mut self) -> Accepted {
        if self.segment.has(tcp_flag::RST) || self.sender().reset_received || !self.receiver().reset_received {
            return Ok(());
        }
        self.dispatch(self.session.previous)?;
        if self.session.state == TcpState::Closed {
            self.session.state = self.session.previous;
        }
        Ok(())
    }
}
