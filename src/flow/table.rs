//! All live flows.

use super::{Flow, FlowKey, NANOS_PER_SEC, Timeouts, is_icmp_error};
use crate::packet::Packet;
use std::collections::HashMap;

/// Live flows by key. Flows sit in a slab whose places are used again, so that a flow can be held by number.
#[derive(Debug)]
pub struct Table {
    places: HashMap<FlowKey, u32, foldhash::fast::RandomState>,
    slab: Vec<Option<(FlowKey, Flow)>>,
    free: Vec<u32>,
    created: u64,
    /// Where the next look for flows that are over begins.
    sweep_at: usize,
    /// Capture time of the packet at hand, seconds.
    now: i64,
    /// That of the packet before it. Only a flow that is over by both is swept out, so that one packet with a wrong time
    /// does not end the flows of all others; and the latest time ever seen does not count, so that flows live that begin
    /// where time goes backwards.
    before: i64,
    timeouts: Timeouts,
}

/// What a packet found.
#[derive(Debug)]
pub struct Lookup {
    /// The flow's place; `None` for an ICMP error about a flow that is over.
    pub place: Option<u32>,
    /// A flow with the same key that was over; it has left the table.
    pub ended: Option<Box<Flow>>,
}

impl Table {
    /// How many places one packet looks at to find flows that are over. The whole table is seen once in
    /// `len / SWEEP_STEP` packets, so that dead flows cannot pile up.
    const SWEEP_STEP: usize = 2;

    /// How much later than its time-out a flow is cleared away by the sweep, so that packets out of order in time
    /// still find it.
    const SWEEP_GRACE_SECS: i64 = 10;

    /// No flows.
    pub fn new(timeouts: Timeouts) -> Self {
        Self {
            places: HashMap::default(),
            slab: Vec::new(),
            free: Vec::new(),
            created: 0,
            sweep_at: 0,
            now: i64::MIN,
            before: i64::MIN,
            timeouts,
        }
    }

    /// The time-outs in force.
    pub fn timeouts(&self) -> &Timeouts {
        &self.timeouts
    }

    /// Live flows.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// No live flows.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// The flow of a packet. One that has timed out, or whose session `is_reuse` says is followed by a new one, gives
    /// way to a new flow. A packet without an IP header and an ICMP error about a flow that is not there have none.
    pub fn find(&mut self, packet: &Packet<'_>, is_reuse: impl FnOnce(&Flow) -> bool) -> Lookup {
        let Some(key) = FlowKey::of(packet) else { return Lookup { place: None, ended: None } };
        let secs = packet.time_ns.div_euclid(NANOS_PER_SEC);
        self.before = std::mem::replace(&mut self.now, secs);
        let mut ended = None;
        if let Some(&place) = self.places.get(&key) {
            match self.get(place) {
                Some(flow) if !flow.is_over_at(packet.time_ns, &self.timeouts) && !is_reuse(flow) => {
                    return Lookup { place: Some(place), ended: None };
                }
                _ => ended = self.remove(place).map(Box::new),
            }
        }
        Lookup { place: self.create(key, packet), ended }
    }

    fn create(&mut self, key: FlowKey, packet: &Packet<'_>) -> Option<u32> {
        if is_icmp_error(packet) {
            return None;
        }
        let ip = packet.ip?;
        self.created += 1;
        let flow = Flow::new(self.created, packet, ip.src, ip.dst, &self.timeouts);
        let place = match self.free.pop() {
            Some(place) => place,
            None => {
                self.slab.push(None);
                self.slab.len() as u32 - 1
            }
        };
        *self.slab.get_mut(place as usize)? = Some((key, flow));
        self.places.insert(key, place);
        Some(place)
    }

    /// A flow by place.
    pub fn get(&self, place: u32) -> Option<&Flow> {
        self.slab.get(place as usize)?.as_ref().map(|(_, flow)| flow)
    }

    /// A flow by place, to change it.
    pub fn get_mut(&mut self, place: u32) -> Option<&mut Flow> {
        self.slab.get_mut(place as usize)?.as_mut().map(|(_, flow)| flow)
    }

    fn remove(&mut self, place: u32) -> Option<Flow> {
        let (key, flow) = self.slab.get_mut(place as usize)?.take()?;
        self.places.remove(&key);
        self.free.push(place);
        Some(flow)
    }

    /// Looks at the next few places and takes out a flow that has been over for a while, if one is found.
    pub fn sweep(&mut self) -> Option<Box<Flow>> {
        for _ in 0..Self::SWEEP_STEP {
            let at = self.sweep_at;
            self.sweep_at = if at + 1 >= self.slab.len() { 0 } else { at + 1 };
            let over = self.get(at as u32).is_some_and(|flow| {
                flow.expires_at().saturating_add(Self::SWEEP_GRACE_SECS) < self.now.min(self.before)
            });
            if over {
                return self.remove(at as u32).map(Box::new);
            }
        }
        None
    }

    /// Takes all flows out, in order of creation.
    pub fn drain(&mut self) -> Vec<Flow> {
        let mut flows: Vec<Flow> = self.slab.drain(..).flatten().map(|(_, flow)| flow).collect();
        self.places.clear();
        self.free.clear();
        flows.sort_unstable_by_key(|flow| flow.id);
        flows
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::{Frame, LinkType};
    use crate::flow::FlowState;
    use crate::packet::{DecodeConfig, decode_frame};
    use crate::verdict::Direction;
    use etherparse::PacketBuilder;

    fn udp(from: ([u8; 4], u16), to: ([u8; 4], u16)) -> Vec<u8> {
        let mut bytes = Vec::new();
        PacketBuilder::ipv4(from.0, to.0, 64).udp(from.1, to.1).write(&mut bytes, b"x").unwrap();
        bytes
    }

    fn find(table: &mut Table, bytes: &[u8], secs: i64) -> (u64, Direction, bool) {
        let frame = Frame {
            number: 1,
            time_ns: secs * NANOS_PER_SEC,
            link_type: LinkType(101),
            wire_len: bytes.len() as u32,
            bytes,
        };
        let packet = decode_frame(&frame, &DecodeConfig::default()).packet;
        let lookup = table.find(&packet, |_| false);
        let flow = table.get_mut(lookup.place.unwrap()).unwrap();
        flow.last_ns = flow.last_ns.max(packet.time_ns);
        (flow.id, flow.direction(&packet), lookup.ended.is_some())
    }

    #[test]
    fn both_directions_share_a_flow_until_it_has_been_idle_too_long() {
        let (client, server) = (([10, 0, 0, 1], 5000), ([8, 8, 8, 8], 53));
        let (there, back) = (udp(client, server), udp(server, client));
        let mut table = Table::new(Timeouts::default());
        assert_eq!(find(&mut table, &there, 0), (1, Direction::ToServer, false));
        assert_eq!(find(&mut table, &back, 30), (1, Direction::ToClient, false));
        // 30 s without an established state: the second at the limit still belongs to it, the next does not
        assert_eq!(find(&mut table, &there, 60), (1, Direction::ToServer, false));
        assert_eq!(find(&mut table, &there, 91), (2, Direction::ToServer, true));
        assert_eq!(table.len(), 1);
    }

    #[test]
    fn an_established_flow_lives_longer() {
        let (client, server) = (([10, 0, 0, 1], 5000), ([8, 8, 8, 8], 53));
        let there = udp(client, server);
        let mut table = Table::new(Timeouts::default());
        find(&mut table, &there, 0);
        let timeouts = *table.timeouts();
        table.get_mut(0).unwrap().set_state(FlowState::Established, &timeouts);
        assert_eq!(find(&mut table, &there, 300), (1, Direction::ToServer, false));
        assert_eq!(find(&mut table, &there, 601).0, 2);
    }

    #[test]
    fn dead_flows_are_swept_out() {
        let mut table = Table::new(Timeouts::default());
        for port in 1..=100 {
            find(&mut table, &udp(([10, 0, 0, 1], port), ([8, 8, 8, 8], 53)), 0);
        }
        for _ in 0..2 {
            find(&mut table, &udp(([10, 0, 0, 2], 1), ([8, 8, 8, 8], 53)), 1000);
        }
        let mut swept = 0;
        for _ in 0..200 {
            swept += usize::from(table.sweep().is_some());
        }
        assert_eq!((swept, table.len()), (100, 1));
        assert_eq!(table.drain().len(), 1);
    }

    #[test]
    fn flows_outlive_a_packet_with_a_wrong_time() {
        let mut table = Table::new(Timeouts::default());
        let [early, lost, late] = [1, 2, 3].map(|port| udp(([10, 0, 0, 1], port), ([8, 8, 8, 8], 53)));
        let seen =
            [(&early, 1000), (&lost, 900_000), (&late, -5000), (&early, 1000), (&late, -5000)].map(|(bytes, secs)| {
                let id = find(&mut table, bytes, secs).0;
                for _ in 0..5 {
                    assert!(table.sweep().is_none());
                }
                id
            });
        assert_eq!(seen, [1, 2, 3, 1, 3]);
    }
}
