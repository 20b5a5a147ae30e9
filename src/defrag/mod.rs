//! IP fragments become datagrams, as Suricata 7.0 does it.
//!
//! In: decoded packets that are fragments. Out: the whole datagram, with the fragment that completes it, as bytes for
//! [`crate::packet::decode_datagram`]. Which bytes count where fragments overlap is the receiving host's matter and
//! therefore a setting. Not done here: judging fragments; each is a packet of its own as well.
//!
//! Bytes that overlapping fragments took from each other so that nobody has them are zero here; Suricata leaves there what
//! an earlier packet left in its buffer. Only crafted overlaps under [`DefragPolicy::Bsd`] were seen to lead to that.
//!
//! Memory is bounded: by the number of trackers that `memcap` allows, by the number of fragments, and (Suricata has no
//! such limit) by their bytes. Read `tracker.rs` next, then `policy.rs`.

mod policy;
mod table;
mod tracker;

pub use policy::DefragPolicy;

use crate::packet::{Event, HostPolicies, Packet};
use std::net::IpAddr;
use table::{Place, Table};
use tracker::{Arrival, Assembly, Key, Pool, Taken, Tracker};

/// What Suricata counts against `memcap` for a tracker, and for the hash table of 65536 rows.
const TRACKER_BYTES: usize = 168;
const HASH_TABLE_BYTES: usize = 65_536 * 64;

/// Settings of defragmentation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DefragConfig {
    /// What destinations run. Default Linux for IPv4, BSD (Suricata's own default) for IPv6.
    pub hosts: HostPolicies,
    /// How long a tracker waits for its next fragment, in seconds of capture time. Default 60.
    pub timeout_secs: u32,
    /// What happens to a tracker that has waited so long. Default: what 7.0 does.
    pub expiry: Expiry,
    /// Bound on trackers and hash table in bytes, counted as Suricata counts them. Default 32 MiB.
    pub memcap_bytes: usize,
    /// Bound on fragments kept at a time. Default 65535.
    pub max_frags: usize,
    /// Bound on the bytes of fragments kept at a time, default 256 MiB: the tracker unused for longest goes.
    pub max_bytes: usize,
}

impl Default for DefragConfig {
    fn default() -> Self {
        Self {
            hosts: HostPolicies::linux(),
            timeout_secs: 60,
            expiry: Expiry::WhenRoomIsNeeded,
            memcap_bytes: 32 * 1024 * 1024,
            max_frags: 65_535,
            max_bytes: 256 * 1024 * 1024,
        }
    }
}

impl DefragConfig {
    /// What may be kept before something has to give way.
    pub fn limit(&self) -> Load {
        Load { pieces: self.max_frags.min(self.max_trackers()) as u64, bytes: self.max_bytes as u64 }
    }

    fn max_trackers(&self) -> usize {
        self.memcap_bytes.saturating_sub(HASH_TABLE_BYTES) / TRACKER_BYTES
    }
}

/// Fragments that are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Load {
    /// Fragments, or the datagrams that they are of if these are more.
    pub pieces: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// When a tracker is given up whose time is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Expiry {
    /// Suricata 7.0: a late fragment is still taken, as look-up does not ask for the time; a background thread clears
    /// up. Here that happens when there is no room.
    WhenRoomIsNeeded,
    /// Suricata 8.0: a late fragment begins a new datagram.
    AtLookUp,
}

/// Puts datagrams together.
#[derive(Debug)]
pub struct Defrag {
    config: DefragConfig,
    trackers: Table,
    pool: Pool,
}

impl Defrag {
    /// No fragments yet.
    pub fn new(config: DefragConfig) -> Self {
        Self { config, trackers: Table::new(), pool: Pool::default() }
    }

    /// Takes a packet in if it is a fragment, notes in its events what is odd, and gives the datagram that it completes:
    /// header and payload, ready to be decoded. Give the bytes back with [`Defrag::recycle`].
    #[inline]
    pub fn insert(&mut self, packet: &mut Packet<'_>) -> Option<Vec<u8>> {
        packet.ip.and_then(|ip| ip.fragment)?;
        self.insert_fragment(packet)
    }

    /// Takes the bytes of a datagram back to use them again.
    pub fn recycle(&mut self, datagram: Vec<u8>) {
        self.pool.put_back(datagram);
    }

    /// Frame `number` is at hand: how long ago a tracker was used counts in frames.
    pub fn begin_frame(&mut self, number: u64) {
        self.trackers.now = number;
    }

    /// Takes in what another has kept, which must not be of the same datagrams.
    pub fn absorb(&mut self, other: Self) {
        self.pool.absorb(&other.pool);
        self.trackers.absorb(other.trackers);
    }

    /// How much is kept.
    pub fn load(&self) -> Load {
        Load { pieces: self.pool.n_pieces.max(self.trackers.len()) as u64, bytes: self.pool.bytes as u64 }
    }

    /// How many datagrams wait for fragments.
    pub fn n_trackers(&self) -> usize {
        self.trackers.len()
    }

    fn insert_fragment(&mut self, packet: &mut Packet<'_>) -> Option<Vec<u8>> {
        let ip = packet.ip?;
        let fragment = ip.fragment?;
        let v6 = ip.dst.is_ipv6();
        let data = packet.fragment_data();
        let header_bytes = if v6 { fragment.header_offset } else { fragment.data_offset };
        let end = fragment.offset as usize + data.len() + if v6 { 0 } else { 20 };
        if end > 65_535 {
            packet.events.push(Event(if v6 { "ipv6.frag_pkt_too_large" } else { "ipv4.frag_pkt_too_large" }));
            return None;
        }
        let arrival = Arrival {
            offset: fragment.offset as u16,
            more: fragment.more,
            header: packet.datagram.get(..usize::from(header_bytes)).unwrap_or_default(),
            next_header: v6.then_some((usize::from(fragment.next_header_offset), fragment.next_header)),
            data,
        };
        let now_secs = packet.time_ns.div_euclid(1_000_000_000);
        self.make_room(now_secs, data.len());
        let key = Key::new(ip.src, ip.dst, fragment.id, ip.proto, packet.vlan);
        let place = self.tracker(key, ip.dst, packet.time_ns)?;
        let tracker = self.trackers.get_mut(place)?;
        tracker.expires_secs = now_secs.saturating_add(i64::from(self.config.timeout_secs));
        let (taken, overlap) = tracker.take(&arrival, &mut self.pool, self.config.max_frags);
        let assembly = match taken {
            Taken::Kept => tracker.assemble(&mut self.pool),
            Taken::Refused | Taken::NoRoom => Assembly::Incomplete,
        };
        if taken == Taken::NoRoom {
            packet.events.push(Event(if v6 { "ipv6.frag_ignored" } else { "ipv4.frag_ignored" }));
        }
        if overlap {
            packet.events.push(Event(if v6 { "ipv6.frag_overlap" } else { "ipv4.frag_overlap" }));
        }
        match assembly {
            Assembly::Incomplete => None,
            Assembly::Hopeless => {
                self.remove(place);
                None
            }
            Assembly::Whole(datagram) => {
                self.remove(place);
                Some(datagram)
            }
        }
    }

    /// The tracker of a datagram; a new one if there is none.
    fn tracker(&mut self, key: Key, dst: IpAddr, time_ns: i64) -> Option<Place> {
        if let Some(place) = self.trackers.find(&key) {
            let expires_secs = self.trackers.get_mut(place)?.expires_secs;
            if self.config.expiry == Expiry::WhenRoomIsNeeded || time_ns < expires_secs.saturating_mul(1_000_000_000) {
                self.trackers.touch(place);
                return Some(place);
            }
            self.remove(place);
        }
        if self.trackers.len() >= self.config.max_trackers() {
            let (oldest, _) = self.trackers.oldest()?;
            self.remove(oldest);
        }
        let policy = DefragPolicy::of_host_os(self.config.hosts.of(dst));
        Some(self.trackers.add(key, Tracker::new(policy, dst.is_ipv6())))
    }

    /// Gives up trackers: those whose time is over when fragments have become too many, the oldest when their bytes have.
    fn make_room(&mut self, now_secs: i64, more_bytes: usize) {
        while self.pool.n_pieces >= self.config.max_frags
            && let Some((place, tracker)) = self.trackers.oldest()
            && tracker.expires_secs <= now_secs
        {
            self.remove(place);
        }
        while self.pool.bytes + more_bytes > self.config.max_bytes
            && let Some((place, _)) = self.trackers.oldest()
        {
            self.remove(place);
        }
    }

    fn remove(&mut self, place: Place) {
        if let Some(tracker) = self.trackers.get_mut(place) {
            tracker.clear(&mut self.pool);
        }
        self.trackers.remove(place);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::{Frame, LinkType};
    use crate::packet::{DecodeConfig, HostOs, Transport, decode_datagram, decode_frame};

    /// A raw IPv4 frame; `offset` in bytes.
    fn v4(id: u16, offset: u16, more: bool, data: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0x45, 0];
        bytes.extend((20 + data.len() as u16).to_be_bytes());
        bytes.extend(id.to_be_bytes());
        bytes.extend(((offset / 8) | if more { 0x2000 } else { 0 }).to_be_bytes());
        bytes.extend([64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]);
        bytes.extend(data);
        bytes
    }

    /// A raw IPv6 frame with a destination-options header in front of the fragment header.
    fn v6(offset: u16, more: bool, data: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0x60, 0, 0, 0];
        bytes.extend((16 + data.len() as u16).to_be_bytes());
        bytes.extend([60, 64]);
        bytes.extend([0x20; 16]);
        bytes.extend([0x21; 16]);
        bytes.extend([44, 0, 1, 4, 0, 0, 0, 0]);
        bytes.extend([17, 0]);
        bytes.extend((offset | u16::from(more)).to_be_bytes());
        bytes.extend([0, 0, 0, 9]);
        bytes.extend(data);
        bytes
    }

    /// A UDP datagram of eight-byte blocks.
    fn udp(blocks: &str) -> Vec<u8> {
        let mut bytes = vec![0x12, 0x34, 0, 53];
        bytes.extend((8 + 8 * blocks.len() as u16).to_be_bytes());
        bytes.extend([0, 0]);
        bytes.extend(blocks.bytes().flat_map(|letter| [letter; 8]));
        bytes
    }

    struct Bench {
        defrag: Defrag,
        log: Vec<String>,
    }

    impl Bench {
        fn new(config: DefragConfig) -> Self {
            Self { defrag: Defrag::new(config), log: Vec::new() }
        }

        /// Feeds a frame; notes its defragmentation events and one letter per block of a datagram that it completes.
        fn feed(&mut self, seconds: i64, bytes: &[u8]) {
            let config = DecodeConfig::default();
            let frame = Frame {
                number: 1,
                time_ns: seconds * 1_000_000_000,
                link_type: LinkType(101),
                wire_len: bytes.len() as u32,
                bytes,
            };
            let mut packet = decode_frame(&frame, &config).packet;
            let datagram = self.defrag.insert(&mut packet);
            let events = packet.events.iter().map(|event| event.0.to_string());
            self.log.extend(events.filter(|event| event.contains(".frag")));
            if let Some(datagram) = datagram {
                let whole = decode_datagram(&packet, &datagram, &config).packet;
                assert!(matches!(whole.transport, Transport::Udp(_)), "{whole:?}");
                let blocks = whole.payload.chunks(8).map(|block| block[0] as char);
                self.log.push(blocks.collect());
                self.defrag.recycle(datagram);
            }
        }
    }

    fn check(config: DefragConfig, frames: &[(i64, Vec<u8>)], expected: &[&str]) {
        let mut bench = Bench::new(config);
        for (seconds, bytes) in frames {
            bench.feed(*seconds, bytes);
        }
        assert_eq!(bench.log, expected);
    }

    /// Fragments of a datagram cut before the blocks at `cuts`.
    fn cut(id: u16, blocks: &str, cuts: &[usize]) -> Vec<(i64, Vec<u8>)> {
        let whole = udp(blocks);
        let ends = cuts.iter().skip(1).map(|cut| cut * 8).chain([whole.len()]);
        let starts = cuts.iter().map(|cut| cut * 8);
        starts.zip(ends).map(|(from, to)| (1, v4(id, from as u16, to < whole.len(), &whole[from..to]))).collect()
    }

    #[test]
    fn fragments_complete_a_datagram_in_any_order() {
        let parts = cut(7, "abcdef", &[0, 2, 4]);
        let order = |order: [usize; 3]| order.map(|i| parts[i].clone());
        check(DefragConfig::default(), &order([0, 1, 2]), &["abcdef"]);
        check(DefragConfig::default(), &order([2, 0, 1]), &["abcdef"]);
        check(DefragConfig::default(), &order([1, 2, 1]), &["ipv4.frag_overlap"]);
        check(DefragConfig::default(), &[cut(7, "abc", &[0, 2]), cut(8, "xyz", &[0, 1])].concat(), &["abc", "xyz"]);
    }

    #[test]
    fn a_datagram_is_forgotten_once_it_is_whole() {
        let parts = cut(7, "abcdef", &[0, 3]);
        let mut bench = Bench::new(DefragConfig::default());
        for (seconds, bytes) in [&parts[..], &parts[..], &parts[1..]].concat() {
            bench.feed(seconds, &bytes);
        }
        assert_eq!(bench.log, ["abcdef", "abcdef"]);
        assert_eq!((bench.defrag.n_trackers(), bench.defrag.pool.n_pieces), (1, 1));
    }

    #[test]
    fn fragments_of_both_directions_but_not_of_other_vlans_belong_together() {
        let mut back = cut(7, "abcdef", &[0, 2]);
        let [.., s0, s1, s2, s3, d0, d1, d2, d3] = back[1].1.first_chunk_mut::<20>().unwrap();
        for (src, dst) in [(s0, d0), (s1, d1), (s2, d2), (s3, d3)] {
            std::mem::swap(src, dst);
        }
        check(DefragConfig::default(), &back, &["abcdef"]);

        let key = |vlan| Key::new([10, 0, 0, 1].into(), [10, 0, 0, 2].into(), 7, 17, [vlan, 0, 0]);
        assert_ne!(key(1), key(2));
    }

    #[test]
    fn the_host_policy_says_whose_bytes_count() {
        let (mut first, second) = (cut(7, "abcdef", &[0, 2, 4]), cut(7, "ABCDEF", &[0, 2, 4]));
        first.insert(2, second[1].clone());
        let with = |hosts| DefragConfig { hosts, ..DefragConfig::default() };
        check(with(HostPolicies::linux()), &first, &["ipv4.frag_overlap", "aBCdef"]);
        check(with(HostPolicies::default()), &first, &["ipv4.frag_overlap", "abcdef"]);
    }

    #[test]
    fn a_late_fragment_still_counts_in_7_and_not_in_8() {
        let mut parts = cut(7, "abcdef", &[0, 2, 4]);
        parts[2].0 = 71;
        check(DefragConfig::default(), &parts, &["abcdef"]);
        let as_8 = DefragConfig { expiry: Expiry::AtLookUp, ..DefragConfig::default() };
        check(as_8.clone(), &parts, &[]);
        parts[2].0 = 60;
        check(as_8, &parts, &["abcdef"]);
    }

    #[test]
    fn the_whole_datagram_has_a_header_of_its_own() {
        let parts = cut(7, "abcdef", &[0, 3]);
        let mut defrag = Defrag::new(DefragConfig::default());
        let mut whole = None;
        for (_, bytes) in &parts {
            let mut bytes = bytes.clone();
            let sum = bytes[..20].chunks(2).map(|w| u32::from(u16::from_be_bytes([w[0], w[1]]))).sum::<u32>();
            bytes[10..12].copy_from_slice(&(!((sum & 0xffff) + (sum >> 16)) as u16).to_be_bytes());
            let frame =
                Frame { number: 1, time_ns: 0, link_type: LinkType(101), wire_len: bytes.len() as u32, bytes: &bytes };
            let mut packet = decode_frame(&frame, &DecodeConfig::default()).packet;
            whole = defrag.insert(&mut packet);
        }
        let whole = whole.unwrap();
        assert_eq!(whole[2..8], [0, 76, 0, 7, 0, 0]);
        let sum = whole[..20].chunks(2).map(|w| u32::from(u16::from_be_bytes([w[0], w[1]]))).sum::<u32>();
        assert_eq!((sum & 0xffff) + (sum >> 16), 0xffff);
    }

    #[test]
    fn the_ipv6_fragment_header_is_taken_out() {
        let whole = udp("abc");
        let frames = [(1, v6(16, false, &whole[16..])), (1, v6(0, true, &whole[..16]))];
        check(DefragConfig::default(), &frames, &["abc"]);
    }

    #[test]
    fn what_would_be_too_large_is_left_alone() {
        check(DefragConfig::default(), &[(1, v4(1, 65_512, false, &[0; 8]))], &["ipv4.frag_pkt_too_large"]);
        check(DefragConfig::default(), &[(1, v4(1, 65_504, false, &[0; 8]))], &[]);
        check(DefragConfig::default(), &[(1, v6(65_528, false, &[0; 8]))], &["ipv6.frag_pkt_too_large"]);
    }

    #[test]
    fn limits_hold() {
        let few = DefragConfig { max_frags: 2, ..DefragConfig::default() };
        let start = |id| (1, v4(id, 0, true, &udp("ab")));
        check(few.clone(), &[start(1), start(2), start(3)], &["ipv4.frag_ignored"]);
        let late = |id| (61, v4(id, 24, false, &[b'c'; 8]));
        check(few, &[start(1), start(2), late(2)], &["ab"]);

        let small = DefragConfig { max_bytes: 100, ..DefragConfig::default() };
        let mut bench = Bench::new(small);
        for id in 0..50 {
            bench.feed(1, &start(id).1);
            assert!(bench.defrag.pool.bytes <= 100);
        }
        assert_eq!(bench.defrag.n_trackers(), 2);

        let one = DefragConfig { memcap_bytes: HASH_TABLE_BYTES + TRACKER_BYTES, ..DefragConfig::default() };
        let parts = [cut(7, "abc", &[0, 2]), cut(8, "xyz", &[0, 2])].concat();
        let alternating = [0, 2, 1, 3].map(|i: usize| parts[i].clone());
        check(one, &alternating, &[]);
    }

    proptest::proptest! {
        #[test]
        fn any_fragments_are_taken_without_panic(
            policy in 0_usize..6,
            fragments in proptest::collection::vec((0_u16..12, 0_usize..6, proptest::bool::ANY, 0_u8..2), 0..40),
        ) {
            let os = ["macos", "bsd", "bsd-right", "linux", "windows", "solaris"]
                .map(|name| HostOs::by_name(name).unwrap())[policy];
            let mut hosts = HostPolicies::default();
            hosts.add("0.0.0.0/0".parse().unwrap(), os);
            hosts.add("::/0".parse().unwrap(), os);
            let config = DefragConfig { hosts, max_frags: 9, ..DefragConfig::default() };
            let mut defrag = Defrag::new(config);
            for (offset, blocks, more, family) in fragments {
                let data = vec![b'x'; blocks * 8 + usize::from(!more)];
                let bytes = if family == 0 { v4(1, offset * 8, more, &data) } else { v6(offset * 8, more, &data) };
                let frame =
                    Frame { number: 1, time_ns: 0, link_type: LinkType(101), wire_len: 0, bytes: &bytes };
                let mut packet = decode_frame(&frame, &DecodeConfig::default()).packet;
                if let Some(datagram) = defrag.insert(&mut packet) {
                    defrag.recycle(datagram);
                }
            }
            while let Some((place, _)) = defrag.trackers.oldest() {
                defrag.remove(place);
            }
            proptest::prop_assert_eq!((defrag.pool.n_pieces, defrag.pool.bytes, defrag.n_trackers()), (0, 0, 0));
        }
    }
}
