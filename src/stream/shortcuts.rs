//! Packets that are done with before the state machine sees them: keep-alives, answers to window probes, outdated
//! acknowledgements, data from before what is held.

use super::seq::Seq;
use super::session::TcpState;
use super::step::Step;
use crate::packet::tcp_flag;

impl Step<'_> {
    /// The packet changes nothing, and no state need look at it.
    pub(crate) fn is_shortcut(&mut self) -> bool {
        if self.is_keep_alive() {
            self.sender().keep_alive = true;
            return true;
        }
        if self.is_keep_alive_ack() {
            self.receiver().keep_alive = false;
            self.sender().keep_alive = false;
            return true;
        }
        self.sender().keep_alive = false;
        let probe_ack = self.is_zero_window_probe_ack();
        let probed = self.segment.direction.opposite().index();
        if let Some(probe) = self.session.zero_window_probe.get_mut(probed) {
            *probe = false;
        }
        if probe_ack {
            return true;
        }
        if !self.is_shutdown_ack()
            && !self.is_window_update()
            && (self.is_bad_window_update() || self.is_outdated_ack())
        {
            return true;
        }
        self.is_spurious_retransmission()
    }

    fn is_control(&self) -> bool {
        self.segment.flags & (tcp_flag::SYN | tcp_flag::FIN | tcp_flag::RST) != 0
    }

    fn numbers(&self) -> (Seq, Seq) {
        (self.segment.seq, self.segment.ack)
    }

    fn is_keep_alive(&mut self) -> bool {
        let (seq, ack) = self.numbers();
        self.segment.payload.len() <= 1
            && !self.is_control()
            && ack == self.receiver().last_ack
            && seq == self.sender().next_seq - 1
    }

    fn is_keep_alive_ack(&mut self) -> bool {
        let (seq, ack) = self.numbers();
        let segment = self.segment;
        if !segment.payload.is_empty() || self.is_control() || segment.window == 0 {
            return false;
        }
        let half = self.receiver();
        segment.scaled_window(half.window_scale) == half.window
            && half.keep_alive
            && ack == half.last_ack
            && seq == self.sender().next_seq
    }

    /// Suricata scales the window of this packet by the sender's own factor here; so do we.
    fn is_zero_window_probe_ack(&mut self) -> bool {
        let (seq, ack) = self.numbers();
        let probed = self.segment.direction.opposite().index();
        let under_way = self.session.zero_window_probe.get(probed).copied().unwrap_or_default();
        under_way
            && self.session.state >= TcpState::Established
            && self.segment.payload.is_empty()
            && self.segment.is_plain_ack()
            && self.segment.window == 0
            && self.receiver().window == 0
            && seq == self.sender().next_seq
            && ack == self.receiver().last_ack
    }

    /// The last ACK of a connection that is being closed, counting both FINs.
    fn is_shutdown_ack(&mut self) -> bool {
        let (seq, ack) = self.numbers();
        matches!(self.session.state, TcpState::TimeWait | TcpState::CloseWait | TcpState::LastAck)
            && self.segment.flags == tcp_flag::ACK
            && self.segment.payload.is_empty()
            && seq == self.sender().next_seq + 1
            && ack == self.receiver().next_seq + 1
    }

    fn is_window_update(&mut self) -> bool {
        let (seq, ack) = self.numbers();
        let segment = self.segment;
        if self.session.state < TcpState::Established
            || !segment.payload.is_empty()
            || self.is_control()
            || segment.window == 0
        {
            return false;
        }
        let half = self.receiver();
        segment.scaled_window(half.window_scale) != half.window && ack == half.last_ack && seq == self.sender().next_seq
    }

    /// The window shrinks by more than the acknowledged data explains, on a packet that runs ahead on both sides.
    fn is_bad_window_update(&mut self) -> bool {
        let (seq, ack) = self.numbers();
        let segment = self.segment;
        if self.session.state < TcpState::Established || self.session.state == TcpState::Closed || self.is_control() {
            return false;
        }
        let ahead = seq > self.sender().next_seq;
        let half = self.receiver();
        let window = segment.scaled_window(half.window_scale);
        if window >= half.window || !ahead || ack <= half.next_seq {
            return false;
        }
        let shrunk_by = half.window - window;
        let acked = ack.since(half.last_ack);
        let tolerance = if window > 1024 { 32 } else { 0 };
        let bad = shrunk_by > segment.len() && u64::from(shrunk_by) > u64::from(acked.wrapping_add(tolerance));
        if bad {
            self.event("pkt_bad_window_update");
        }
        bad
    }

    /// An ACK that arrives late: others have said more since.
    fn is_outdated_ack(&mut self) -> bool {
        let (seq, ack) = self.numbers();
        let segment = self.segment;
        if self.session.state < TcpState::Established || !segment.payload.is_empty() || !segment.is_plain_ack() {
            return false;
        }
        if seq != self.sender().next_seq {
            return false;
        }
        let half = self.receiver();
        ack < half.last_ack
            && segment.tcp.options.sack.iter().all(|&(left, right)| half.sacked.covers(Seq(left), Seq(right)))
    }

    /// Data that was acknowledged long ago. It is done with only if it lies before what is still held.
    fn is_spurious_retransmission(&mut self) -> bool {
        if self.segment.payload.is_empty() {
            return false;
        }
        let end = self.segment.end();
        let half = self.sender();
        let before_held = !half.no_reassembly && end <= half.base_seq;
        if before_held || end <= half.last_ack {
            self.event("pkt_spurious_retransmission");
        }
        before_held
    }
}
