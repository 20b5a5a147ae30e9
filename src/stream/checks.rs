//! Is this acknowledgement, timestamp or reset believable? The checks that several states share.

use super::config::OsPolicy;
use super::session::TcpState;
use super::step::{Accepted, Invalid, Step};
use crate::packet::{HostOs, tcp_flag};
use crate::verdict::Direction;

/// A timestamp older than this proves nothing (RFC 7323, section 5.5).
const PAWS_S: u32 = 24 * 24 * 3600;

impl Step<'_> {
    /// How the host this packet goes to decides in doubtful cases.
    pub(crate) fn receiver_policy(&mut self) -> OsPolicy {
        let (config, to) = (self.config, self.segment.to);
        *self
            .receiver()
            .os_policy
            .get_or_insert_with(|| OsPolicy::of_host_os(to.map_or(HostOs::default(), |host| config.hosts.of(host))))
    }

    /// The acknowledgement is of something that was, or may have been, sent, and not too old.
    pub(crate) fn check_ack(&mut self) -> Accepted {
        if !self.segment.has(tcp_flag::ACK) {
            return Ok(());
        }
        let ack = self.segment.ack;
        let (state, asynchronous) = (self.session.state, self.session.asynchronous);
        let reset_to_client = self.segment.direction == Direction::ToClient && self.segment.has(tcp_flag::RST);
        let half = self.receiver();
        let valid = if ack == half.last_ack || (ack > half.last_ack && ack <= half.next_win) {
            true
        } else if ack < half.last_ack {
            half.window == 0 || ack >= half.last_ack - half.window
        } else if asynchronous {
            true
        } else {
            state == TcpState::SynSent && reset_to_client && ack == half.isn + 1
        };
        if valid { Ok(()) } else { self.refuse("pkt_invalid_ack") }
    }

    /// As [`Self::check_ack`], with an event of the state on top.
    pub(crate) fn check_ack_or(&mut self, event: &'static str) -> Accepted {
        if self.check_ack().is_err() {
            return self.refuse(event);
        }
        Ok(())
    }

    /// Where both sides use timestamps: it does not run backwards.
    pub(crate) fn check_timestamp(&mut self) -> Accepted {
        if self.session.timestamps { self.timestamp(false) } else { Ok(()) }
    }

    /// Where both sides use timestamps: remembers this packet's.
    pub(crate) fn take_timestamp(&mut self) {
        if self.session.timestamps {
            // Believed already, or the packet is wanted all the same; a bad one is only noted.
            let _ = self.timestamp(true);
        }
    }

    /// Checks the timestamp option after RFC 7323 (protection against wrapped sequence numbers), in the manner of the
    /// receiving host; with `take`, remembers it.
    fn timestamp(&mut self, take: bool) -> Accepted {
        let policy = self.receiver_policy();
        let Some((ts, _)) = self.segment.tcp.options.timestamp else {
            if take && policy == OsPolicy::Solaris {
                self.session.timestamps = false;
            }
            return Ok(());
        };
        let (now, seq, midstream) = (self.segment.time_s, self.segment.seq, self.session.midstream);
        let liberal = self.config.liberal_timestamps || policy == OsPolicy::Linux;
        let mut still_used = true;
        let half = self.session.half_mut(self.segment.direction);
        let in_order = half.next_seq == seq;
        let mut check = policy != OsPolicy::Hpux11 || in_order;
        if half.zero_timestamp {
            match policy {
                OsPolicy::Linux | OsPolicy::Windows2k3 => {
                    still_used = false;
                    check = false;
                }
                OsPolicy::OldLinux | OsPolicy::Windows | OsPolicy::Vista => {
                    check &= !in_order;
                    if take {
                        half.zero_timestamp = false;
                        if in_order {
                            half.last_ts = ts;
                        }
                    }
                }
                OsPolicy::Bsd | OsPolicy::Solaris | OsPolicy::Hpux11 => {}
            }
        }
        let zero_allowed = matches!(
            policy,
            OsPolicy::OldLinux | OsPolicy::Windows | OsPolicy::Windows2k3 | OsPolicy::Vista | OsPolicy::Solaris
        );
        let mut valid = ts != 0 || zero_allowed;
        if valid && check {
            let since_last = ts.wrapping_sub(half.last_ts).wrapping_add(u32::from(liberal)) as i32;
            let mut last_packet_s = half.last_packet_s;
            if last_packet_s == 0 && midstream {
                last_packet_s = now;
                if take {
                    half.last_packet_s = now;
                }
            }
            let long_ago = now > last_packet_s.wrapping_add(PAWS_S);
            let plausible = since_last >= 0 && !(half.last_ts != 0 && long_ago);
            valid = plausible || (in_order && long_ago);
            if take && valid {
                if in_order {
                    half.last_ts = ts;
                }
                half.last_packet_s = now;
            }
        }
        if take && !still_used {
            self.session.timestamps = false;
        }
        if valid { Ok(()) } else { self.refuse("pkt_invalid_timestamp") }
    }

    /// The receiving host would take this reset as genuine.
    pub(crate) fn check_reset(&mut self) -> Accepted {
        if self.session.lossy {
            return Ok(());
        }
        self.check_timestamp()?;
        if !self.segment.payload.is_empty() {
            self.event("rst_with_data");
        }
        let policy = self.receiver_policy();
        if self.segment.ack.0 != 0 {
            self.check_ack_or("rst_invalid_ack")?;
        }
        if self.segment.tcp.options.signed {
            self.receiver().reset_received = true;
        }
        let (seq, end, asynchronous) = (self.segment.seq, self.segment.end(), self.session.asynchronous);
        let half = self.sender();
        let valid = if asynchronous {
            seq >= half.next_seq
        } else {
            match policy {
                OsPolicy::Hpux11 => seq >= half.next_seq,
                OsPolicy::Linux | OsPolicy::OldLinux | OsPolicy::Solaris => {
                    end >= half.last_ack && seq < half.next_seq + half.window
                }
                OsPolicy::Bsd | OsPolicy::Windows | OsPolicy::Windows2k3 | OsPolicy::Vista => seq == half.next_seq,
            }
        };
        if valid { Ok(()) } else { Err(Invalid) }
    }

    /// Notes payload that was sent before: acknowledged already, or still in flight.
    pub(crate) fn is_retransmission(&mut self) -> bool {
        let (seq, end) = (self.segment.seq, self.segment.end());
        if self.segment.payload.is_empty() {
            return false;
        }
        let half = self.sender();
        let again = (seq < half.last_ack && end > half.last_ack) || end <= half.last_ack || end <= half.next_seq;
        if again {
            self.event("pkt_retransmission");
        }
        again
    }

    /// The packet ends within the window of its receiver, or that window is not known well enough.
    pub(crate) fn fits_window(&mut self) -> bool {
        let (end, liberal) = (self.segment.end(), self.session.midstream || self.session.asynchronous);
        liberal || end <= self.sender().next_win
    }

    /// The packet starts beyond what the receiver has last offered.
    pub(crate) fn starts_beyond_window(&mut self) -> bool {
        let seq = self.segment.seq;
        let half = self.sender();
        seq > half.last_ack + half.window
    }

    /// Remembers the window that the packet offers to the other side.
    pub(crate) fn take_window(&mut self) {
        let segment = self.segment;
        let half = self.receiver();
        half.window = segment.scaled_window(half.window_scale);
    }

    /// Takes the selective acknowledgements of the packet into account.
    pub(crate) fn take_sack(&mut self) {
        let segment = self.segment;
        let half = self.receiver();
        if segment.tcp.options.sack.is_empty() {
            return;
        }
        for (idx, &(left, right)) in segment.tcp.options.sack.iter().enumerate() {
            let (left, right) = (super::Seq(left), super::Seq(right));
            // The second block is never used: Suricata only looks there for signs of a duplicate.
            let usable = idx != 1
                && left >= segment.ack
                && right > half.last_ack
                && right <= half.next_win
                && left < right
                && left <= half.last_ack + half.window;
            if usable {
                half.sacked.insert(left, right);
            }
        }
        half.sacked.prune(half.last_ack);
    }
}
