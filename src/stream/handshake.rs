//! From the first packet to an established connection: the three-way handshake with everything that can be odd about it,
//! simultaneous open, Fast Open, and connections picked up without a handshake.

use super::config::OsPolicy;
use super::seq::Seq;
use super::session::{Candidate, TcpState};
use super::step::{Accepted, Opening, Segment, Step};
use crate::packet::tcp_flag;
use crate::verdict::Direction::{self, ToClient, ToServer};

/// The largest window scale (RFC 7323, section 2.3); also what is assumed where none was seen.
pub(crate) const WINDOW_SCALE_MAX: u8 = 14;

impl Candidate {
    fn of(segment: &Segment<'_>) -> Self {
        Self {
            seq: segment.seq,
            ack: segment.ack,
            window: segment.window,
            window_scale: segment.window_scale(),
            timestamp: segment.tcp.options.timestamp.map(|(ts, _)| ts),
            sack_ok: segment.tcp.options.sack_ok,
            packet_s: segment.time_s,
        }
    }

    /// A SYN, of which the numbers do not matter.
    fn of_syn(segment: &Segment<'_>) -> Self {
        Self { seq: Seq(0), ack: Seq(0), ..Self::of(segment) }
    }

    /// The same SYN/ACK again.
    fn repeats(&self, other: &Self) -> bool {
        Self { packet_s: 0, ..self.clone() } == Self { packet_s: 0, ..other.clone() }
    }
}

impl Step<'_> {
    /// The first packet of a session.
    pub(crate) fn open(&mut self, opening: Opening) {
        match opening {
            Opening::Syn => self.open_with_syn(),
            Opening::MidstreamSynAck => self.pick_up_at_syn_ack(),
            Opening::MidstreamData => self.pick_up_in_the_middle(TcpState::Established, self.segment.end()),
            Opening::MidstreamFin => self.pick_up_in_the_middle(TcpState::FinWait1, self.segment.end() + 1),
        }
    }

    fn open_with_syn(&mut self) {
        let segment = self.segment;
        self.set_state(TcpState::SynSent);
        self.session.asynchronous |= self.config.async_oneside;
        let client = self.session.half_mut(ToServer);
        client.start_after(segment.seq);
        client.next_seq = segment.seq + 1;
        if let Some((ts, _)) = segment.tcp.options.timestamp {
            client.last_ts = ts;
            client.zero_timestamp |= ts == 0;
            client.last_packet_s = segment.time_s;
            client.has_timestamp = true;
        }
        self.session.half_mut(ToClient).window = u32::from(segment.window);
        if let Some(scale) = segment.window_scale() {
            self.session.syn_window_scale = true;
            self.session.half_mut(ToClient).window_scale = scale;
        }
        self.session.syn_sack_ok |= segment.tcp.options.sack_ok;
        if segment.tcp.options.fast_open.is_some() {
            self.session.fast_open = true;
            if !segment.payload.is_empty() {
                let next = self.session.half(ToServer).next_seq + segment.len();
                self.expect_next(ToServer, next);
                self.reassemble(ToServer);
                self.out.established |= self.config.fast_open_at_syn;
            }
        }
    }

    /// The SYN was not seen: the flow has begun with the server's packet.
    fn pick_up_at_syn_ack(&mut self) {
        let segment = self.segment;
        self.session.swap_direction();
        if let Some(app) = self.app {
            app.swap();
        }
        self.out.swapped = true;
        self.segment.direction = ToClient;
        self.set_state(TcpState::SynRecv);
        self.session.midstream = true;
        self.session.midstream_synack = true;
        self.session.asynchronous |= self.config.async_oneside;
        let server = self.session.half_mut(ToClient);
        server.start_after(segment.seq);
        server.next_seq = segment.seq + 1;
        server.window = u32::from(segment.window);
        server.last_ack = segment.seq;
        server.next_win = segment.seq + server.window;
        let client = self.session.half_mut(ToServer);
        client.start_after(segment.ack - 1);
        client.next_seq = segment.ack;
        client.last_ack = segment.ack;
        if let Some(scale) = segment.window_scale() {
            client.window_scale = scale;
            self.session.half_mut(ToClient).window_scale = WINDOW_SCALE_MAX;
        }
        self.pick_up_timestamps(ToClient);
    }

    /// Neither SYN nor SYN/ACK was seen: whoever sent this is the client.
    fn pick_up_in_the_middle(&mut self, state: TcpState, next: Seq) {
        let segment = self.segment;
        self.set_state(state);
        self.session.midstream = true;
        self.session.midstream_one_sided = true;
        self.session.asynchronous = self.config.async_oneside;
        let client = self.session.half_mut(ToServer);
        client.window_scale = WINDOW_SCALE_MAX;
        client.start_after(segment.seq - 1);
        client.next_seq = next;
        client.window = segment.scaled_window(WINDOW_SCALE_MAX);
        client.last_ack = segment.seq;
        client.next_win = segment.seq + client.window;
        let server = self.session.half_mut(ToClient);
        server.window_scale = WINDOW_SCALE_MAX;
        server.start_after(segment.ack - 1);
        server.next_seq = segment.ack;
        server.last_ack = segment.ack;
        server.next_win = segment.ack;
        self.pick_up_timestamps(ToServer);
        self.reassemble(ToServer);
    }

    fn pick_up_timestamps(&mut self, sender: Direction) {
        let segment = self.segment;
        let Some((ts, echo)) = segment.tcp.options.timestamp else { return };
        self.session.timestamps = true;
        for (direction, ts) in [(sender, ts), (sender.opposite(), echo)] {
            let half = self.session.half_mut(direction);
            half.last_ts = ts;
            half.zero_timestamp |= ts == 0;
        }
        self.session.half_mut(sender).last_packet_s = segment.time_s;
    }

    /// After the SYN.
    pub(crate) fn syn_sent(&mut self) -> Accepted {
        let segment = self.segment;
        match (segment.is_syn_ack(), segment.direction) {
            (true, ToClient) => return self.syn_ack_on_syn(),
            (true, ToServer) => return self.syn_ack_on_simultaneous_open(),
            (false, _) => {}
        }
        if !self.echoes_syn_timestamp() {
            return self.refuse("pkt_invalid_timestamp");
        }
        if segment.has(tcp_flag::RST) {
            self.reset_on_syn()
        } else if segment.has(tcp_flag::FIN) {
            Ok(())
        } else if segment.has(tcp_flag::SYN) {
            if segment.to_server() {
                self.another_syn();
            } else {
                self.syn_from_server();
            }
            Ok(())
        } else if segment.has(tcp_flag::ACK) && self.config.async_oneside {
            self.ack_without_syn_ack()
        } else {
            Ok(())
        }
    }

    fn syn_ack_on_syn(&mut self) -> Accepted {
        if self.config.syns_by_sequence {
            return self.syn_ack_on_any_syn();
        }
        let segment = self.segment;
        let client = self.session.half(ToServer);
        let (isn, next) = (client.isn, client.next_seq);
        if segment.tcp.options.fast_open.is_some() || self.session.fast_open {
            if segment.ack != next {
                if segment.ack != isn + 1 {
                    return self.refuse("3whs_synack_with_wrong_ack");
                }
                self.session.half_mut(ToServer).next_seq = isn;
                self.event("3whs_synack_tfo_data_ignored");
                self.session.fast_open_ignored = true;
            }
            self.session.fast_open = true;
            if !self.config.fast_open_at_syn {
                self.set_state(TcpState::Established);
            }
        } else if segment.ack != isn + 1 {
            return self.refuse("3whs_synack_with_wrong_ack");
        }
        if !self.echoes_syn_timestamp() {
            // It may answer an earlier SYN. Looked up by what it echoes.
            let echo = segment.tcp.options.timestamp.map(|(_, echo)| echo);
            let answered = self.session.candidates.iter().find(|candidate| candidate.timestamp == echo).cloned();
            let Some(syn) = answered else { return self.refuse("pkt_invalid_timestamp") };
            self.use_syn(&syn);
        }
        self.session.candidates.clear();
        self.use_syn_ack(&Candidate::of(&segment));
        Ok(())
    }

    /// The SYN that it answers is looked up by the sequence number it acknowledges and the time stamp it echoes.
    fn syn_ack_on_any_syn(&mut self) -> Accepted {
        let segment = self.segment;
        let client = self.session.half(ToServer);
        let (isn, next) = (client.isn, client.next_seq);
        let wrong_echo = !(self.config.liberal_timestamps || self.echoes_syn_timestamp());
        let fast_open = segment.tcp.options.fast_open.is_some() || self.session.fast_open;
        if fast_open && segment.ack == next && !wrong_echo {
            // Fast Open's data is acknowledged
        } else if segment.ack == isn + 1 && !wrong_echo {
            if fast_open {
                self.session.half_mut(ToServer).next_seq = isn;
                self.event("3whs_synack_tfo_data_ignored");
                self.session.fast_open_ignored = true;
            }
        } else {
            let echo = segment.tcp.options.timestamp.map(|(_, echo)| echo);
            let liberal = self.config.liberal_timestamps;
            let answers = |syn: &&Candidate| {
                syn.seq == segment.ack - 1 && if echo.is_some() { syn.timestamp == echo } else { liberal }
            };
            let Some(syn) = self.session.candidates.iter().find(answers).cloned() else {
                let known = segment.ack == isn + 1 || (fast_open && segment.ack == next);
                return self.refuse(if known { "pkt_invalid_timestamp" } else { "3whs_synack_with_wrong_ack" });
            };
            self.use_syn(&syn);
        }
        self.session.fast_open |= fast_open;
        if fast_open && !self.config.fast_open_at_syn {
            self.set_state(TcpState::Established);
        }
        self.session.candidates.clear();
        self.use_syn_ack(&Candidate::of(&segment));
        Ok(())
    }

    fn syn_ack_on_simultaneous_open(&mut self) -> Accepted {
        let segment = self.segment;
        if !self.session.four_way {
            return self.refuse("3whs_synack_in_wrong_direction");
        }
        if segment.ack != self.session.half(ToClient).isn + 1 {
            return self.refuse("4whs_synack_with_wrong_ack");
        }
        if segment.seq != self.session.half(ToServer).isn {
            return self.refuse("4whs_synack_with_wrong_syn");
        }
        self.set_state(TcpState::SynRecv);
        let client = self.session.half_mut(ToServer);
        client.start_after(segment.seq);
        client.next_seq = segment.seq + 1;
        client.last_ack = segment.seq + 1;
        client.next_win = client.last_ack + client.window;
        if let Some((ts, _)) = segment.tcp.options.timestamp
            && self.session.half(ToClient).has_timestamp
        {
            self.session.timestamps = true;
            let client = self.session.half_mut(ToServer);
            client.last_ts = ts;
            client.last_packet_s = segment.time_s;
            client.zero_timestamp |= ts == 0;
        } else {
            self.session.half_mut(ToServer).last_ts = 0;
            self.session.half_mut(ToClient).last_ts = 0;
            self.session.half_mut(ToClient).zero_timestamp = false;
        }
        let scale = if self.session.syn_window_scale { segment.window_scale().unwrap_or(0) } else { 0 };
        let server = self.session.half_mut(ToClient);
        server.window = u32::from(segment.window);
        server.last_ack = segment.ack;
        server.window_scale = scale;
        server.next_win = server.last_ack + server.window;
        Ok(())
    }

    /// A timestamp to the client echoes that of the SYN; none is echoed where none was sent.
    fn echoes_syn_timestamp(&self) -> bool {
        let (ToClient, Some((_, echo))) = (self.segment.direction, self.segment.tcp.options.timestamp) else {
            return true;
        };
        let client = self.session.half(ToServer);
        if client.has_timestamp {
            client.last_ts == 0 || echo == 0 || echo == client.last_ts
        } else {
            client.last_ts != 0 || echo == 0
        }
    }

    fn reset_on_syn(&mut self) -> Accepted {
        self.check_reset()?;
        let segment = self.segment;
        let isn = self.session.half(ToServer).isn;
        if segment.to_server() && !(segment.seq == isn && segment.window == 0 && segment.ack == isn + 1) {
            return Ok(());
        }
        self.receiver().reset_received = true;
        self.close_by_reset();
        self.session.candidates.clear();
        Ok(())
    }

    /// Simultaneous open, or somebody wants it to look so.
    fn syn_from_server(&mut self) {
        let segment = self.segment;
        self.session.four_way = true;
        let server = self.session.half_mut(ToClient);
        server.start_after(segment.seq);
        server.next_seq = segment.seq + 1;
        if let Some((ts, _)) = segment.tcp.options.timestamp {
            server.last_ts = ts;
            server.zero_timestamp |= ts == 0;
            server.last_packet_s = segment.time_s;
            server.has_timestamp = true;
        }
        server.window = u32::from(segment.window);
        server.window_scale = segment.window_scale().unwrap_or(0);
        self.session.syn_window_scale = segment.window_scale().is_some();
        self.session.syn_sack_ok = segment.tcp.options.sack_ok;
    }

    /// Another SYN of the client: from now on the latest one counts, but a SYN/ACK may still answer an earlier one.
    fn another_syn(&mut self) {
        let by_sequence = self.config.syns_by_sequence;
        let latest = if by_sequence {
            Candidate { ack: Seq(0), ..Candidate::of(&self.segment) }
        } else {
            Candidate::of_syn(&self.segment)
        };
        let client = self.session.half(ToServer);
        let server = self.session.half(ToClient);
        let known = Candidate {
            seq: if by_sequence { client.isn } else { Seq(0) },
            window: server.window as u16,
            window_scale: self.session.syn_window_scale.then_some(server.window_scale),
            timestamp: client.has_timestamp.then_some(client.last_ts),
            sack_ok: self.session.syn_sack_ok,
            packet_s: client.last_packet_s,
            ..Candidate::default()
        };
        if by_sequence && latest != known {
            self.remember_syn(known);
        } else if latest != known && !self.session.candidates.iter().any(|old| old.timestamp == known.timestamp) {
            if self.session.candidates.len() >= usize::from(self.config.syn_queued_max) {
                self.event("3whs_syn_flood");
            } else {
                self.session.candidates.insert(0, known);
            }
        }
        self.use_syn(&latest);
    }

    /// Keeps a SYN behind those before it, in the oldest one's place if there are too many.
    fn remember_syn(&mut self, syn: Candidate) {
        let same = |old: &Candidate| syn.timestamp.is_some() && old.timestamp == syn.timestamp && old.seq == syn.seq;
        if self.session.candidates.iter().any(same) {
            return;
        }
        if self.session.candidates.len() >= usize::from(self.config.syn_queued_max) {
            self.event("3whs_syn_flood");
            self.session.candidates.remove(0);
        }
        self.session.candidates.push(syn);
    }

    fn use_syn(&mut self, syn: &Candidate) {
        let by_sequence = self.config.syns_by_sequence;
        let client = self.session.half_mut(ToServer);
        if by_sequence {
            client.start_after(syn.seq);
            client.next_seq = syn.seq + 1;
        }
        if let Some(ts) = syn.timestamp {
            client.last_packet_s = syn.packet_s;
            client.last_ts = ts;
            client.has_timestamp = true;
        }
        let server = self.session.half_mut(ToClient);
        server.window = u32::from(syn.window);
        server.window_scale = syn.window_scale.unwrap_or(0);
        if syn.window_scale.is_some() {
            self.session.syn_window_scale = true;
        } else {
            // Suricata clears every flag but this one.
            self.session.fast_open = false;
            self.session.fast_open_ignored = false;
            self.session.four_way = false;
            self.session.asynchronous = false;
            self.session.app_disabled = false;
            self.session.lossy = false;
        }
        self.session.syn_sack_ok = syn.sack_ok;
    }

    /// The SYN/ACK that counts.
    fn use_syn_ack(&mut self, syn_ack: &Candidate) {
        self.set_state(TcpState::SynRecv);
        let server = self.session.half_mut(ToClient);
        server.start_after(syn_ack.seq);
        server.next_seq = syn_ack.seq + 1;
        server.last_ack = syn_ack.seq + 1;
        server.next_win = server.last_ack + server.window;
        if let Some(ts) = syn_ack.timestamp
            && self.session.half(ToServer).has_timestamp
        {
            self.session.timestamps = true;
            let server = self.session.half_mut(ToClient);
            server.last_ts = ts;
            server.last_packet_s = syn_ack.packet_s;
            server.zero_timestamp |= ts == 0;
        } else {
            self.session.half_mut(ToClient).last_ts = 0;
            self.session.half_mut(ToServer).last_ts = 0;
            self.session.half_mut(ToServer).zero_timestamp = false;
        }
        let scale = if self.session.syn_window_scale { syn_ack.window_scale.unwrap_or(0) } else { 0 };
        let client = self.session.half_mut(ToServer);
        client.window = u32::from(syn_ack.window);
        client.last_ack = syn_ack.ack;
        client.window_scale = scale;
        client.next_win = client.last_ack + client.window;
        self.session.four_way = false;
    }

    /// Only the client is seen: its ACK completes the handshake.
    fn ack_without_syn_ack(&mut self) -> Accepted {
        let segment = self.segment;
        if segment.seq != self.session.half(ToServer).next_seq {
            return self.refuse("3whs_async_wrong_seq");
        }
        self.session.asynchronous = true;
        self.set_state(TcpState::Established);
        self.session.candidates.clear();
        let scaled = self.session.syn_window_scale;
        let client = self.session.half_mut(ToServer);
        client.window = u32::from(segment.window);
        client.last_ack = segment.seq;
        client.next_win = segment.seq + client.window;
        if scaled {
            client.window_scale = WINDOW_SCALE_MAX;
        }
        let timestamps = segment.tcp.options.timestamp.is_some() && client.has_timestamp;
        if timestamps {
            client.has_timestamp = false;
            client.last_packet_s = segment.time_s;
        } else {
            client.last_ts = 0;
            client.zero_timestamp = false;
        }
        self.session.timestamps |= timestamps;
        let server = self.session.half_mut(ToClient);
        server.start_after(segment.ack - 1);
        server.next_seq = segment.ack;
        server.last_ack = segment.ack;
        server.next_win = segment.ack;
        self.reassemble(ToServer);
        Ok(())
    }

    /// After the SYN/ACK.
    pub(crate) fn syn_recv(&mut self) -> Accepted {
        let segment = self.segment;
        if segment.has(tcp_flag::RST) {
            self.reset_on_syn_ack()
        } else if segment.has(tcp_flag::FIN) {
            self.check_timestamp()?;
            self.first_fin()
        } else if segment.is_syn_ack() {
            self.another_syn_ack()
        } else if segment.has(tcp_flag::SYN) {
            if !segment.to_server() {
                return self.refuse("3whs_syn_toclient_on_syn_recv");
            }
            if segment.seq != self.session.half(ToServer).isn {
                return self.refuse("3whs_syn_resend_diff_seq_on_syn_recv");
            }
            Ok(())
        } else if segment.has(tcp_flag::ACK) {
            self.handshake_ack()
        } else {
            Ok(())
        }
    }

    fn reset_on_syn_ack(&mut self) -> Accepted {
        self.check_reset()?;
        let policy = self.receiver().os_policy;
        let takes_wrong_ack = matches!(policy, Some(OsPolicy::Linux | OsPolicy::OldLinux | OsPolicy::Solaris));
        if !(self.session.evasion_attempt && takes_wrong_ack) {
            self.close_by_reset();
            self.take_timestamp();
        }
        Ok(())
    }

    fn another_syn_ack(&mut self) -> Accepted {
        let segment = self.segment;
        if segment.to_server() {
            return self.refuse("3whs_synack_toserver_on_syn_recv");
        }
        if segment.ack != self.session.half(ToServer).last_ack {
            return self.refuse("3whs_synack_resend_with_diff_ack");
        }
        if segment.seq == self.session.half(ToClient).isn {
            return Ok(());
        }
        // One of several: the client's ACK will tell which.
        let candidate = Candidate::of(&segment);
        if self.session.candidates.iter().any(|old| old.repeats(&candidate)) {
            return Ok(());
        }
        if self.session.candidates.len() >= usize::from(self.config.synack_queued_max) {
            return self.refuse("3whs_synack_flood");
        }
        self.session.candidates.insert(0, candidate);
        Ok(())
    }

    fn handshake_ack(&mut self) -> Accepted {
        let segment = self.segment;
        let answered =
            self.session.candidates.iter().find(|c| segment.ack - 1 == c.seq && segment.seq == c.ack).cloned();
        if let Some(syn_ack) = answered {
            self.use_syn_ack(&syn_ack);
        }
        self.check_timestamp()?;
        if self.session.four_way && !segment.to_server() {
            return self.simultaneous_open_ack();
        }
        let (client, server) = (self.session.half(ToServer), self.session.half(ToClient));
        let (client_next, client_acked, client_win) = (client.next_seq, client.last_ack, client.next_win);
        let server_next = server.next_seq;
        if !segment.to_server() && !self.session.midstream_synack && !self.session.fast_open {
            let injects = !segment.payload.is_empty() && segment.ack == client_acked && segment.seq == server_next;
            return self.refuse(if injects { "3whs_ack_data_inject" } else { "3whs_ack_in_wrong_dir" });
        }
        if segment.seq == client_next && segment.ack == server_next {
            self.complete_handshake();
        } else if self.config.async_oneside && segment.seq == server_next {
            self.complete_with_server_only();
        } else if segment.seq == client_next {
            self.session.evasion_attempt = true;
            return self.refuse("3whs_right_seq_wrong_ack_evasion");
        } else if segment.seq > client_next && segment.seq <= client_win && segment.ack == server_next {
            self.complete_with_lost_data();
        } else if self.session.fast_open && segment.ack == client_acked && segment.seq == server_next {
            self.complete_with_server_data();
        } else {
            return self.refuse("3whs_wrong_seq_wrong_ack");
        }
        Ok(())
    }

    fn simultaneous_open_ack(&mut self) -> Accepted {
        let segment = self.segment;
        if segment.seq != self.session.half(ToClient).next_seq {
            return self.refuse("4whs_wrong_seq");
        }
        self.check_ack_or("4whs_invalid_ack")?;
        self.take_timestamp();
        self.session.half_mut(ToServer).acknowledge(segment.ack);
        self.expect_next(ToClient, segment.end());
        let client = self.session.half_mut(ToServer);
        client.window = segment.scaled_window(client.window_scale);
        client.next_win = client.last_ack + client.window;
        self.set_state(TcpState::Established);
        self.reassemble(ToClient);
        Ok(())
    }

    /// The ordinary end of a handshake.
    fn complete_handshake(&mut self) {
        let segment = self.segment;
        self.take_timestamp();
        self.session.half_mut(ToClient).acknowledge(segment.ack);
        self.expect_next(ToServer, segment.end());
        let server = self.session.half_mut(ToClient);
        server.window = segment.scaled_window(server.window_scale);
        server.next_win = server.last_ack + server.window;
        if self.session.midstream {
            let client = self.session.half_mut(ToServer);
            client.window = segment.scaled_window(client.window_scale);
            client.next_win = client.last_ack + client.window;
            if !self.session.midstream_synack {
                self.assume_largest_scales();
            }
        }
        self.set_state(TcpState::Established);
        self.out.established_by_data |= !segment.payload.is_empty();
        self.reassemble(ToServer);
    }

    /// Only the server is seen.
    fn complete_with_server_only(&mut self) {
        let segment = self.segment;
        self.session.asynchronous = true;
        let server = self.session.half_mut(ToClient);
        server.next_seq += segment.len();
        server.last_ack = segment.seq;
        let client = self.session.half_mut(ToServer);
        client.window = segment.scaled_window(client.window_scale);
        client.last_ack = segment.ack;
        self.take_timestamp();
        if self.session.midstream {
            let server = self.session.half_mut(ToClient);
            server.window = u32::from(segment.window);
            server.next_win = server.last_ack + server.window;
            self.assume_largest_scales();
        }
        self.set_state(TcpState::Established);
        self.reassemble(ToClient);
    }

    /// The ACK itself and some data were lost, but this packet acknowledges the SYN/ACK.
    fn complete_with_lost_data(&mut self) {
        let segment = self.segment;
        self.take_timestamp();
        self.session.half_mut(ToServer).next_seq = segment.end();
        let server = self.session.half_mut(ToClient);
        server.acknowledge(segment.ack);
        server.window = segment.scaled_window(server.window_scale);
        server.next_win = server.last_ack + server.window;
        if self.session.midstream {
            self.session.half_mut(ToServer).window = u32::from(segment.window);
            self.assume_largest_scales();
        }
        self.set_state(TcpState::Established);
        self.reassemble(ToServer);
    }

    /// Fast Open: the server sends before the client's ACK has come.
    fn complete_with_server_data(&mut self) {
        let segment = self.segment;
        self.expect_next(ToClient, segment.end());
        let server = self.session.half_mut(ToClient);
        server.window = segment.scaled_window(server.window_scale);
        server.next_win = server.last_ack + server.window;
        self.set_state(TcpState::Established);
        self.reassemble(ToClient);
    }

    fn assume_largest_scales(&mut self) {
        for half in &mut self.session.halves {
            half.window_scale = WINDOW_SCALE_MAX;
        }
    }

    /// The connection is over.
    pub(crate) fn close_by_reset(&mut self) {
        self.session.closed_by_reset = true;
        self.set_state(TcpState::Closed);
    }
}
