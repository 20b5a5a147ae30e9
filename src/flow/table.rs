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
    /// Capture times of the last two packets, seconds.
    recent: [i64; 2],
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
    /// still find it. One packet with a time that is far off clears nothing, and when time goes back for good, it is the
    /// new time that counts, as in Suricata.
    const SWEEP_GRACE_SECS: i64 = 10;

    /// No flows.
    pub fn new(timeouts: Timeouts) -> Self {
        Self {
            places: HashMap::default(),
            slab: Vec::new(),
            free: Vec::new(),
            created: 0,
            sweep_at: 0,
            recent: [i64::MIN; 2],
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
        let [_, before] = self.recent;
        self.recent = [before, secs];
        let mut ended = None;
        if let Some(&place) = self.places.get(&key) {
            match self.get(place) {
                Some(flow) if flow.expires_at() >= secs && !is_reuse(flow) => {
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
        let [before, latest] = self.recent;
        let now = before.min(latest);
        for _ in 0..Self::SWEEP_STEP {
            let at = self.sweep_at;
            self.sweep_at = if at + 1 >= self.slab.len() { 0 } else { at + 1 };
            let over =
                self.get(at as u32).is_some_and(|flow| flow.expires_at().saturating_add(Self::SWEEP_GRACE_SECS) < now);
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
    use std::net::IpAddr;

    fn packet(host: u8, secs: i64) -> Packet<'static> {
        let end = |last| (IpAddr::from([10, 0, 0, last]), 1000);
        Packet::end_of_flow(end(host), end(200), secs * NANOS_PER_SEC)
    }

    #[test]
    fn a_single_packet_from_the_future_ends_no_flow() {
        let mut table = Table::new(Timeouts::default());
        for (host, secs) in [(1, 1000), (2, 1001), (3, 900_000), (4, 1001)] {
            assert!(table.sweep().is_none());
            table.find(&packet(host, secs), |_| false);
        }
        assert!(table.sweep().is_none());
        assert_eq!(table.len(), 4);
    }

    #[test]
    fn when_time_goes_back_new_flows_live_on() {
        let mut table = Table::new(Timeouts::default());
        for (host, secs) in [(1, 900_000), (2, 900_001), (3, 1000), (4, 1001)] {
            table.find(&packet(host, secs), |_| false);
            assert!(table.sweep().is_none());
        }
        for _ in 0..4 {
            assert!(table.sweep().is_none());
        }
    }

    #[test]
    fn flows_that_are_over_are_found_in_time() {
        let mut table = Table::new(Timeouts::default());
        for (host, secs) in [(1, 1000), (2, 900_000), (3, 900_001)] {
            table.find(&packet(host, secs), |_| false);
        }
        assert_eq!(table.sweep().map(|flow| flow.id), Some(1));
    }
}
