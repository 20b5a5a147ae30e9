//! All live flows.

use super::{Flow, FlowKey, NANOS_PER_SEC, Timeouts, is_icmp_error};
use crate::packet::Packet;
use std::collections::{BTreeMap, HashMap};

/// Live flows by key. Flows sit in a slab whose places are used again, so that a flow can be held by number.
///
/// When a flow is over depends on it and on the times of frames alone, never on its place or on the other flows here:
/// however flows are spread over several tables, the same ones end at the same frame.
#[derive(Debug)]
pub struct Table {
    places: HashMap<FlowKey, u32, foldhash::fast::RandomState>,
    slab: Vec<Option<Slot>>,
    free: Vec<u32>,
    /// Places by the second at which their flow has to be looked at. A flow that has been heard of since is put off by
    /// that look and not by each of its packets. A place counts only under the second that its slot names.
    timers: BTreeMap<i64, Vec<u32>>,
    n_timers: usize,
    /// No timer is under an earlier second.
    next_timer: i64,
    /// The frame at hand, and how many flows it has begun.
    frame: (u64, u64),
    /// Capture time of the frame at hand, seconds.
    now: i64,
    timeouts: Timeouts,
}

#[derive(Debug)]
struct Slot {
    key: FlowKey,
    flow: Flow,
    /// The second of its timer: never later than it is over.
    timer: i64,
}

/// In place of a timer's second: the flow is over.
const NO_TIMER: i64 = i64::MIN;

/// What a packet found.
#[derive(Debug)]
pub struct Lookup {
    /// The flow's place; `None` for an ICMP error about a flow that is over.
    pub place: Option<u32>,
    /// A flow with the same key that was over; it has left the table.
    pub ended: Option<Box<Flow>>,
}

impl Table {
    /// How much later than its time-out a flow that nothing was heard of ends, so that packets out of order in time
    /// still find it.
    const GRACE_SECS: i64 = 10;

    /// No flows.
    pub fn new(timeouts: Timeouts) -> Self {
        Self {
            places: HashMap::default(),
            slab: Vec::new(),
            free: Vec::new(),
            timers: BTreeMap::new(),
            n_timers: 0,
            next_timer: i64::MAX,
            frame: (0, 0),
            now: i64::MIN,
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

    /// The next frame is at hand: flows that it begins are known by its number.
    pub fn begin_frame(&mut self, number: u64) {
        self.frame = (number, 0);
    }

    /// The flow of a packet. One that has timed out, or whose session `is_reuse` says is followed by a new one, gives
    /// way to a new flow. A packet without an IP header and an ICMP error about a flow that is not there have none.
    pub fn find(&mut self, packet: &Packet<'_>, is_reuse: impl FnOnce(&Flow) -> bool) -> Lookup {
        let Some(key) = FlowKey::of(packet) else { return Lookup { place: None, ended: None } };
        let mut ended = None;
        if let Some(&place) = self.places.get(&key) {
            match self.get(place) {
                Some(flow) if !flow.is_over_at(packet.time_ns, &self.timeouts) && !is_reuse(flow) => {
                    return Lookup { place: Some(place), ended: None };
                }
                _ => ended = self.take(place).map(Box::new),
            }
        }
        Lookup { place: self.create(key, packet), ended }
    }

    fn create(&mut self, key: FlowKey, packet: &Packet<'_>) -> Option<u32> {
        if is_icmp_error(packet) {
            return None;
        }
        let ip = packet.ip?;
        let (frame, before) = self.frame;
        self.frame.1 += 1;
        let id = frame + before * Flow::NEXT_OF_THE_SAME_FRAME;
        let flow = Flow::new(id, packet, ip.src, ip.dst, &self.timeouts);
        Some(self.insert(key, flow))
    }

    fn insert(&mut self, key: FlowKey, flow: Flow) -> u32 {
        let place = match self.free.pop() {
            Some(place) => place,
            None => {
                self.slab.push(None);
                self.slab.len() as u32 - 1
            }
        };
        let timer = Self::ends_at(&flow);
        if let Some(slot) = self.slab.get_mut(place as usize) {
            *slot = Some(Slot { key, flow, timer });
        }
        self.places.insert(key, place);
        self.set_timer(place, timer);
        place
    }

    /// A flow by place.
    pub fn get(&self, place: u32) -> Option<&Flow> {
        self.slab.get(place as usize)?.as_ref().map(|slot| &slot.flow)
    }

    /// A flow by place, to change it. See [`Table::settle`].
    pub fn get_mut(&mut self, place: u32) -> Option<&mut Flow> {
        self.slab.get_mut(place as usize)?.as_mut().map(|slot| &mut slot.flow)
    }

    /// To be called when a flow has changed: its end may have come nearer.
    pub fn settle(&mut self, place: u32) {
        let Some(Some(slot)) = self.slab.get_mut(place as usize) else { return };
        let ends_at = Self::ends_at(&slot.flow);
        if ends_at < slot.timer {
            slot.timer = ends_at;
            self.set_timer(place, ends_at);
        }
    }

    /// Takes a flow out.
    pub fn take(&mut self, place: u32) -> Option<Flow> {
        let slot = self.slab.get_mut(place as usize)?.take()?;
        self.places.remove(&slot.key);
        self.free.push(place);
        Some(slot.flow)
    }

    /// The places of the flows that are over at a frame of this time, in order of creation. Only a flow that was over at
    /// the frame before as well is, so that one frame with a wrong time does not end the flows of all others; and the
    /// latest time ever seen does not count, so that flows live that begin where time goes backwards.
    #[inline]
    pub fn over_at(&mut self, time_ns: i64) -> Vec<u32> {
        let secs = time_ns.div_euclid(NANOS_PER_SEC);
        let now = std::mem::replace(&mut self.now, secs).min(secs);
        if self.next_timer < now { self.run_timers(now) } else { Vec::new() }
    }

    fn run_timers(&mut self, now: i64) -> Vec<u32> {
        let mut over = Vec::new();
        while let Some(first) = self.timers.first_entry().filter(|first| *first.key() < now) {
            let (second, places) = first.remove_entry();
            self.n_timers -= places.len();
            for place in places {
                let Some(Some(slot)) = self.slab.get_mut(place as usize) else { continue };
                if slot.timer != second {
                    continue;
                }
                let ends_at = Self::ends_at(&slot.flow);
                if ends_at < now {
                    // a timer that is there twice is to find it once
                    slot.timer = NO_TIMER;
                    over.push((slot.flow.id, place));
                } else {
                    slot.timer = ends_at;
                    self.set_timer(place, ends_at);
                }
            }
        }
        self.next_timer = self.timers.first_key_value().map_or(i64::MAX, |(second, _)| *second);
        over.sort_unstable();
        over.into_iter().map(|(_, place)| place).collect()
    }

    /// Takes in the flows of a table that has seen the same times, and none of the same flows.
    pub fn absorb(&mut self, other: Self) {
        for slot in other.slab.into_iter().flatten() {
            self.insert(slot.key, slot.flow);
        }
    }

    /// The last second at which nothing need be done about a flow if no packet of it comes any more.
    fn ends_at(flow: &Flow) -> i64 {
        flow.expires_at().saturating_add(Self::GRACE_SECS)
    }

    fn set_timer(&mut self, place: u32, second: i64) {
        self.timers.entry(second).or_default().push(place);
        self.n_timers += 1;
        self.next_timer = self.next_timer.min(second);
        // flows that ended early or whose end came nearer have left timers behind
        if self.n_timers > 1024 + 4 * self.places.len() {
            self.timers.clear();
            self.n_timers = 0;
            for (place, slot) in (0..).zip(&self.slab) {
                if let Some(slot) = slot
                    && slot.timer != NO_TIMER
                {
                    self.timers.entry(slot.timer).or_default().push(place);
                    self.n_timers += 1;
                }
            }
        }
    }

    /// Takes all flows out, in order of creation.
    pub fn drain(&mut self) -> Vec<Flow> {
        let mut flows: Vec<Flow> = self.slab.drain(..).flatten().map(|slot| slot.flow).collect();
        self.places.clear();
        self.free.clear();
        self.timers.clear();
        self.n_timers = 0;
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
            number: table.frame.0 + 1,
            time_ns: secs * NANOS_PER_SEC,
            link_type: LinkType(101),
            wire_len: bytes.len() as u32,
            bytes,
        };
        table.begin_frame(frame.number);
        let packet = decode_frame(&frame, &DecodeConfig::default()).packet;
        let lookup = table.find(&packet, |_| false);
        let flow = table.get_mut(lookup.place.unwrap()).unwrap();
        flow.last_ns = flow.last_ns.max(packet.time_ns);
        (flow.id, flow.direction(&packet), lookup.ended.is_some())
    }

    /// The flows that end when a frame of this time has gone by.
    fn over(table: &mut Table, secs: i64) -> Vec<u64> {
        let places = table.over_at(secs * NANOS_PER_SEC);
        places.into_iter().filter_map(|place| table.take(place)).map(|flow| flow.id).collect()
    }

    fn from_port(port: u16) -> Vec<u8> {
        udp(([10, 0, 0, 1], port), ([8, 8, 8, 8], 53))
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
        assert_eq!(find(&mut table, &there, 91), (4, Direction::ToServer, true));
        assert_eq!(table.len(), 1);
    }

    #[test]
    fn an_established_flow_lives_longer() {
        let there = from_port(5000);
        let mut table = Table::new(Timeouts::default());
        find(&mut table, &there, 0);
        let timeouts = *table.timeouts();
        table.get_mut(0).unwrap().set_state(FlowState::Established, &timeouts);
        assert_eq!(find(&mut table, &there, 300), (1, Direction::ToServer, false));
        assert_eq!(find(&mut table, &there, 601).0, 3);
    }

    #[test]
    fn flows_end_when_time_has_passed_in_order_of_creation() {
        let mut table = Table::new(Timeouts::default());
        for (port, secs) in [(1, 5), (2, 0), (3, 0)] {
            find(&mut table, &from_port(port), secs);
        }
        find(&mut table, &from_port(3), 30);
        // 30 s of the time-out and 10 s of grace, at two frames in a row
        let ended = [41, 40, 41, 41, 46, 46, 71, 71].map(|secs| over(&mut table, secs));
        assert_eq!(ended, [vec![], vec![], vec![], vec![2], vec![], vec![1], vec![], vec![3]]);
        assert!(table.is_empty());
    }

    #[test]
    fn an_end_that_comes_nearer_is_not_missed() {
        let mut table = Table::new(Timeouts::default());
        let timeouts = *table.timeouts();
        find(&mut table, &from_port(1), 0);
        for (state, end) in [(FlowState::Established, 310), (FlowState::Bypassed, 110)] {
            table.get_mut(0).unwrap().set_state(state, &timeouts);
            table.settle(0);
            over(&mut table, 41);
            assert!(over(&mut table, 41).is_empty());
            assert_eq!(table.slab[0].as_ref().unwrap().timer, end);
        }
        over(&mut table, 111);
        assert_eq!(over(&mut table, 111), [1]);
    }

    #[test]
    fn timers_left_behind_do_not_pile_up() {
        let mut table = Table::new(Timeouts::default());
        for _ in 0..10_000 {
            find(&mut table, &from_port(1), 0);
            table.take(0);
        }
        assert!(table.n_timers <= 1028);
        assert_eq!(table.timers.values().map(Vec::len).sum::<usize>(), table.n_timers);
    }

    #[test]
    fn flows_outlive_a_frame_with_a_wrong_time() {
        let mut table = Table::new(Timeouts::default());
        let [early, lost, late] = [1, 2, 3].map(from_port);
        let seen =
            [(&early, 1000), (&lost, 900_000), (&late, -5000), (&early, 1000), (&late, -5000)].map(|(bytes, secs)| {
                let id = find(&mut table, bytes, secs).0;
                assert!(over(&mut table, secs).is_empty());
                id
            });
        assert_eq!(seen, [1, 2, 3, 1, 3]);
    }
}
