//! `xbits` and `hostbits`: bits of a host or of a pair of hosts, each with a time to live.
//!
//! Setting a bit that is set does not lengthen its life. A bit whose time is over is taken away by the next question
//! about it; until then it is there for changes: it cannot be set anew, and a toggle takes it away.

use super::{BitChange, Memory, Remembered};
use crate::packet::Packet;
use crate::rules::keyword::XbitTrack;

/// A bit, and whose.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HostBit {
    pub(crate) track: XbitTrack,
    /// Written as `hostbits`, not as `xbits`. It only counts for the order of rules.
    pub(crate) by_hostbits: bool,
    pub(super) bit: u32,
}

/// A bit that is set.
#[derive(Clone, Copy, Debug)]
pub(super) struct Set {
    bit: u32,
    /// The last second of its life; seconds since 1970 modulo 2^32.
    until: u32,
}

impl Memory {
    pub(super) fn host_bit_is_set(&mut self, bit: HostBit, packet: &Packet<'_>) -> bool {
        let Some(remembered) = self.known(bit.track, packet) else { return false };
        let Some(at) = remembered.place(bit.bit) else { return false };
        let alive = remembered.bits.get(at).is_some_and(|set| set.until >= seconds(packet));
        if !alive {
            remembered.bits.remove(at);
        }
        alive
    }

    pub(super) fn change_host_bit(&mut self, change: BitChange, bit: HostBit, expire: u32, packet: &Packet<'_>) {
        let remembered = match change {
            BitChange::Unset => self.known(bit.track, packet),
            BitChange::Set | BitChange::Toggle => self.remembered(bit.track, packet),
        };
        let Some(remembered) = remembered else { return };
        match (change, remembered.place(bit.bit)) {
            (BitChange::Set | BitChange::Toggle, None) => {
                remembered.bits.push(Set { bit: bit.bit, until: seconds(packet).wrapping_add(expire) });
            }
            (BitChange::Unset | BitChange::Toggle, Some(at)) => {
                remembered.bits.remove(at);
            }
            (BitChange::Set, Some(_)) | (BitChange::Unset, None) => {}
        }
    }

    fn known(&mut self, track: XbitTrack, packet: &Packet<'_>) -> Option<&mut Remembered> {
        let ip = packet.ip.as_ref()?;
        match track {
            XbitTrack::Source => self.hosts.get(&ip.src),
            XbitTrack::Destination => self.hosts.get(&ip.dst),
            XbitTrack::Pair => self.pairs.get(&(ip.src.min(ip.dst), ip.src.max(ip.dst))),
        }
    }

    /// The same, from now on known if it was not.
    pub(super) fn remembered(&mut self, track: XbitTrack, packet: &Packet<'_>) -> Option<&mut Remembered> {
        let ip = packet.ip.as_ref()?;
        match track {
            XbitTrack::Source => self.hosts.get_or_insert(ip.src),
            XbitTrack::Destination => self.hosts.get_or_insert(ip.dst),
            XbitTrack::Pair => self.pairs.get_or_insert((ip.src.min(ip.dst), ip.src.max(ip.dst))),
        }
    }
}

impl Remembered {
    fn place(&self, bit: u32) -> Option<usize> {
        self.bits.iter().position(|set| set.bit == bit)
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "modulo 2^32, as Suricata keeps it")]
fn seconds(packet: &Packet<'_>) -> u32 {
    packet.time_ns.div_euclid(1_000_000_000) as u32
}

#[cfg(test)]
mod tests {
    use super::super::MemoryLimits;
    use super::*;

    fn at(second: i64) -> Packet<'static> {
        let end = |last| (std::net::IpAddr::from([10, 0, 0, last]), 1);
        Packet::end_of_flow(end(1), end(2), (0, 0), second * 1_000_000_000)
    }

    #[test]
    fn a_bit_lives_through_its_last_second_and_is_in_the_way_until_asked_about() {
        let mut memory = Memory::new(MemoryLimits::default());
        let bit = HostBit { track: XbitTrack::Pair, by_hostbits: false, bit: 1 };
        let set = |memory: &mut Memory, second| memory.change_host_bit(BitChange::Set, bit, 5, &at(second));
        set(&mut memory, 100);
        set(&mut memory, 103);
        assert!(memory.host_bit_is_set(bit, &at(105)));
        set(&mut memory, 106);
        assert!(!memory.host_bit_is_set(bit, &at(106)));
        set(&mut memory, 106);
        assert!(memory.host_bit_is_set(bit, &at(111)));
        memory.change_host_bit(BitChange::Toggle, bit, 5, &at(112));
        assert!(!memory.host_bit_is_set(bit, &at(101)));
    }
}
