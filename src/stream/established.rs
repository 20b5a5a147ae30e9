//! The established connection: data, and the packets that begin its end.

use super::session::TcpState;
use super::step::{Accepted, Step};
use crate::packet::tcp_flag;

impl Step<'_> {
    /// An established connection.
    pub(crate) fn established(&mut self) -> Accepted {
        let segment = self.segment;
        if segment.has(tcp_flag::RST) {
            self.reset_established()
        } else if segment.has(tcp_flag::FIN) {
            self.check_timestamp()?;
            self.first_fin()
        } else if segment.is_syn_ack() {
            self.syn_ack_resent()
        } else if segment.has(tcp_flag::SYN) {
            self.syn_resent()
        } else if segment.has(tcp_flag::ACK) {
            self.check_timestamp()?;
            self.session.handshake_confirmed |= !segment.to_server();
            // A packet that is refused here is not dropped, only left out: Suricata does not use the answer (case
            // `tcp-out-of-window`).
            let _ = self.data();
            Ok(())
        } else {
            Ok(())
        }
    }

    fn reset_established(&mut self) -> Accepted {
        self.check_reset()?;
        let segment = self.segment;
        self.close_by_reset();
        let counts_itself = u32::from(!segment.to_server());
        self.receiver().next_seq = segment.ack;
        let half = self.sender();
        half.next_seq = segment.end() + counts_itself;
        half.window = segment.scaled_window(half.window_scale);
        self.after_reset();
        Ok(())
    }

    /// What an accepted reset acknowledges, and that its sender will send no more.
    pub(crate) fn after_reset(&mut self) {
        let segment = self.segment;
        if segment.has(tcp_flag::ACK) && self.check_ack().is_ok() {
            self.receiver().acknowledge(segment.ack);
        }
        self.sender().acknowledge(segment.seq);
        self.take_timestamp();
        self.reassemble(segment.direction);
    }

    fn syn_ack_resent(&mut self) -> Accepted {
        let segment = self.segment;
        if segment.to_server() {
            return self.refuse("est_synack_toserver");
        }
        if segment.ack != self.receiver().last_ack {
            return self.refuse("est_synack_resend_with_diff_ack");
        }
        if segment.seq != self.sender().isn {
            return self.refuse("est_synack_resend_with_diff_seq");
        }
        // The last ACK of the handshake may not have reached the server, unless it has sent something since.
        if self.session.handshake_confirmed { self.refuse("est_synack_resend") } else { Ok(()) }
    }

    fn syn_resent(&mut self) -> Accepted {
        let segment = self.segment;
        if !segment.to_server() {
            return self.refuse("est_syn_toclient");
        }
        let same = segment.seq == self.sender().isn;
        self.refuse(if same { "est_syn_resend" } else { "est_syn_resend_diff_seq" })
    }

    /// Data or an acknowledgement.
    fn data(&mut self) -> Accepted {
        let segment = self.segment;
        let direction = segment.direction;
        if segment.has(tcp_flag::ACK) {
            let probed = self.session.zero_window_probe.get(direction.opposite().index()).copied().unwrap_or_default();
            if probed && segment.ack == self.receiver().next_seq + 1 {
                self.event("est_ack_zwp_data");
            } else {
                self.check_ack_or("est_invalid_ack")?;
            }
        }
        if !segment.to_server() && self.session.midstream && self.session.midstream_one_sided {
            let server = self.sender();
            server.window = segment.scaled_window(server.window_scale);
            server.next_win = server.last_ack + server.window;
            self.session.midstream_one_sided = false;
        }
        self.check_not_old()?;
        let (next, window) = (self.sender().next_seq, self.sender().window);
        if segment.len() == 1 && segment.seq == next && window == 0 {
            if let Some(probe) = self.session.zero_window_probe.get_mut(direction.index()) {
                *probe = true;
            }
            self.reassemble(direction);
            return Ok(());
        }
        if segment.end() >= next {
            self.expect_next(direction, segment.end());
        }
        if !self.fits_window() {
            return self.refuse("est_packet_out_of_window");
        }
        self.take_window();
        if segment.has(tcp_flag::ACK) {
            self.receiver().acknowledge(segment.ack);
        }
        self.take_timestamp();
        self.take_sack();
        let half = self.receiver();
        half.widen_window(half.last_ack + half.window);
        self.reassemble(direction);
        Ok(())
    }

    /// The packet does not end before what is acknowledged already; where one side only is seen, it moves that on instead.
    fn check_not_old(&mut self) -> Accepted {
        let segment = self.segment;
        let one_sided = self.config.async_oneside && self.session.midstream;
        let asynchronous = self.session.asynchronous;
        let half = self.sender();
        let keep_alive = segment.len() <= 1 && segment.seq == half.next_seq - 1;
        if keep_alive || segment.end() >= half.last_ack {
            return Ok(());
        }
        let seems_one_sided =
            segment.to_server() && one_sided && (half.next_seq == segment.seq || half.last_ack == half.isn + 1);
        let acked_unseen = half.last_ack > half.next_seq && segment.end() > half.next_seq;
        if asynchronous || seems_one_sided {
            if segment.to_server() {
                half.acknowledge(segment.seq);
            } else {
                half.last_ack = segment.seq;
            }
            self.session.asynchronous = true;
            Ok(())
        } else if acked_unseen {
            Ok(())
        } else {
            self.refuse("est_pkt_before_last_ack")
        }
    }

    /// The first FIN of a connection.
    pub(crate) fn first_fin(&mut self) -> Accepted {
        let segment = self.segment;
        self.check_ack_or("fin_invalid_ack")?;
        let half = self.sender();
        if segment.seq < half.last_ack || segment.end() > half.next_win {
            return self.refuse("fin_out_of_window");
        }
        if segment.to_server() {
            if segment.has(tcp_flag::SYN) {
                return self.refuse("fin_syn");
            }
            self.set_state(TcpState::CloseWait);
            self.sender().next_seq = segment.end();
        } else {
            self.set_state(TcpState::FinWait1);
            self.sender().next_seq = segment.end() + 1;
        }
        self.take_window();
        self.take_timestamp();
        self.catch_up_receiver(0);
        if segment.has(tcp_flag::ACK) {
            self.receiver().acknowledge(segment.ack);
        }
        self.reassemble(segment.direction);
        Ok(())
    }

    /// Data of the other side that is acknowledged was sent, seen or not. `less` allows for a FIN counted already.
    pub(crate) fn catch_up_receiver(&mut self, less: u32) {
        let ack = self.segment.ack;
        let half = self.receiver();
        if half.next_seq - less < ack {
            half.next_seq = ack;
        }
    }
}
