//! pcapng files: any number of sections, each with its own byte order and interfaces.
//!
//! Packets come from enhanced, simple and obsolete packet blocks; other blocks are passed over whatever they are.
//! Where libpcap refuses several link types or byte orders in one file, this reads on: every frame says its link type.
//! Source: draft-ietf-opsawg-pcapng and `sf-pcapng.c` of libpcap.

use super::block_buffer::BlockBuffer;
use super::wire::ByteOrder;
use super::{DamageKind, LinkType, MAX_FRAME_BYTES, Record};

/// A block that has to be in memory as a whole may have this many bytes; libpcap's bound.
const MAX_BLOCK_BYTES: u32 = 16 * 1024 * 1024;
/// Type and length in front, length behind.
const BLOCK_FRAME_BYTES: u32 = 12;
const MAX_INTERFACES: usize = 65_535;

const SECTION_HEADER: u32 = 0x0a0d_0d0a;
const BYTE_ORDER_MAGIC: u32 = 0x1a2b_3c4d;
const INTERFACE_DESCRIPTION: u32 = 1;
const OBSOLETE_PACKET: u32 = 2;
const SIMPLE_PACKET: u32 = 3;
const ENHANCED_PACKET: u32 = 6;

const OPTION_END: u16 = 0;
const OPTION_TSRESOL: u16 = 9;
const OPTION_TSOFFSET: u16 = 14;

/// The state of a pcapng file: its current section.
#[derive(Debug)]
pub(super) struct PcapNgFile {
    order: ByteOrder,
    interfaces: Vec<Interface>,
}

#[derive(Clone, Copy, Debug)]
struct Interface {
    link_type: LinkType,
    snaplen: u32,
    clock: Clock,
}

/// How time stamps of an interface count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Clock {
    ticks_per_second: u64,
    /// Set when a tick is a whole number of nanoseconds, as nearly always: saves two divisions per frame.
    ns_per_tick: Option<u64>,
    offset_ns: i64,
}

impl Clock {
    /// `resolution` is `if_tsresol`, `offset_seconds` is `if_tsoffset`.
    fn new(resolution: u8, offset_seconds: i64) -> Result<Self, DamageKind> {
        let exponent = u32::from(resolution & 0x7f);
        let ticks_per_second =
            if resolution & 0x80 == 0 { 10_u64.checked_pow(exponent) } else { 1_u64.checked_shl(exponent) }
                .ok_or(DamageKind::TimeResolution { value: resolution })?;
        Ok(Self {
            ticks_per_second,
            ns_per_tick: 1_000_000_000_u64.is_multiple_of(ticks_per_second).then(|| 1_000_000_000 / ticks_per_second),
            offset_ns: offset_seconds.saturating_mul(1_000_000_000),
        })
    }

    /// Nanoseconds since the epoch; what does not fit 64 bits stays at their end.
    fn time_ns(self, ticks: u64) -> i64 {
        let ns = match self.ns_per_tick {
            Some(factor) => ticks.saturating_mul(factor),
            None => {
                (u128::from(ticks) * 1_000_000_000 / u128::from(self.ticks_per_second)).try_into().unwrap_or(u64::MAX)
            }
        };
        i64::try_from(ns).unwrap_or(i64::MAX).saturating_add(self.offset_ns)
    }
}

impl PcapNgFile {
    /// Whether a file that begins with these bytes is a pcapng.
    pub(super) fn sniff(magic: [u8; 4]) -> bool {
        u32::from_le_bytes(magic) == SECTION_HEADER // the same in both byte orders
    }

    /// Reads the first section header.
    pub(super) fn open(buffer: &mut BlockBuffer) -> Result<Self, DamageKind> {
        let mut file = Self { order: ByteOrder::Little, interfaces: Vec::new() };
        require(buffer, BLOCK_FRAME_BYTES)?;
        let length = file.begin_section(buffer)?;
        file.pass_over(buffer, length)?;
        Ok(file)
    }

    /// Whether [`PcapNgFile::next`] gives a packet that is among `bytes` already, or finds fault with it.
    pub(super) fn is_at_hand(&self, bytes: &[u8]) -> bool {
        let is_packet = |block_type| matches!(block_type, ENHANCED_PACKET | OBSOLETE_PACKET | SIMPLE_PACKET);
        bytes.len() >= BLOCK_FRAME_BYTES as usize
            && is_packet(self.order.u32_at(bytes, 0))
            && bytes.len() >= self.order.u32_at(bytes, 4) as usize
    }

    /// Finds the next packet and makes it available; `None` at a proper end.
    pub(super) fn next(&mut self, buffer: &mut BlockBuffer) -> Result<Option<Record>, DamageKind> {
        loop {
            buffer.begin_record();
            if !buffer.require(BLOCK_FRAME_BYTES as usize)? {
                let found = buffer.bytes().len() as u64;
                return if found == 0 {
                    Ok(None)
                } else {
                    Err(DamageKind::Truncated { expected: u64::from(BLOCK_FRAME_BYTES), found })
                };
            }
            let block_type = self.order.u32_at(buffer.bytes(), 0);
            if block_type == SECTION_HEADER {
                let length = self.begin_section(buffer)?;
                self.pass_over(buffer, length)?;
                continue;
            }
            let length = self.block_length(buffer)?;
            match block_type {
                ENHANCED_PACKET | OBSOLETE_PACKET | SIMPLE_PACKET => {
                    self.require_block(buffer, length)?;
                    return self.packet(buffer.bytes(), block_type, length).map(Some);
                }
                INTERFACE_DESCRIPTION => {
                    self.require_block(buffer, length)?;
                    let interface = self.interface(buffer.bytes(), length)?;
                    if self.interfaces.len() == MAX_INTERFACES {
                        return Err(DamageKind::TooManyInterfaces);
                    }
                    self.interfaces.push(interface);
                    buffer.consume(length as usize);
                }
                _ => self.pass_over(buffer, length)?,
            }
        }
    }

    /// Takes over the byte order of the section header in front of `buffer` and gives its length.
    fn begin_section(&mut self, buffer: &BlockBuffer) -> Result<u32, DamageKind> {
        self.order = [ByteOrder::Little, ByteOrder::Big]
            .into_iter()
            .find(|order| order.u32_at(buffer.bytes(), 8) == BYTE_ORDER_MAGIC)
            .ok_or(DamageKind::ByteOrder)?;
        self.interfaces.clear();
        let length = self.block_length(buffer)?;
        let (major, minor) = (self.order.u16_at(buffer.bytes(), 12), self.order.u16_at(buffer.bytes(), 14));
        if buffer.bytes().len() >= 16 && major != 1 {
            return Err(DamageKind::Version { major, minor });
        }
        if length < 28 { Err(DamageKind::BlockLength { length }) } else { Ok(length) }
    }

    fn block_length(&self, buffer: &BlockBuffer) -> Result<u32, DamageKind> {
        let length = self.order.u32_at(buffer.bytes(), 4);
        if length < BLOCK_FRAME_BYTES || !length.is_multiple_of(4) {
            return Err(DamageKind::BlockLength { length });
        }
        Ok(length)
    }

    /// Makes a whole block available and compares its two lengths.
    fn require_block(&self, buffer: &mut BlockBuffer, length: u32) -> Result<(), DamageKind> {
        if length > MAX_BLOCK_BYTES {
            return Err(DamageKind::BlockLength { length });
        }
        require(buffer, length)?;
        let trailer = self.order.u32_at(buffer.bytes(), length as usize - 4);
        if trailer != length {
            return Err(DamageKind::BlockTrailer { header: length, trailer });
        }
        Ok(())
    }

    /// Passes over a block without having it in memory.
    fn pass_over(&self, buffer: &mut BlockBuffer, length: u32) -> Result<(), DamageKind> {
        let begin = buffer.offset();
        if !buffer.skip(u64::from(length) - 4)? || !buffer.require(4)? {
            let found = buffer.offset() + buffer.bytes().len() as u64 - begin;
            return Err(DamageKind::Truncated { expected: u64::from(length), found });
        }
        let trailer = self.order.u32_at(buffer.bytes(), 0);
        if trailer != length {
            return Err(DamageKind::BlockTrailer { header: length, trailer });
        }
        buffer.consume(4);
        Ok(())
    }

    fn interface(&self, block: &[u8], length: u32) -> Result<Interface, DamageKind> {
        if length < 20 {
            return Err(DamageKind::BlockLength { length });
        }
        let order = self.order;
        let (mut resolution, mut offset) = (6, 0);
        let mut options = block.get(16..length as usize - 4).unwrap_or_default();
        while let Some((&[c0, c1, l0, l1], rest)) = options.split_first_chunk::<4>() {
            let option_bytes = usize::from(order.u16([l0, l1]));
            let Some(value) = rest.get(..option_bytes) else { break };
            match (order.u16([c0, c1]), value) {
                (OPTION_END, _) => break,
                (OPTION_TSRESOL, &[value]) => resolution = value,
                (OPTION_TSOFFSET, value) => offset = value.try_into().map_or(offset, |bytes| order.i64(bytes)),
                _ => {}
            }
            options = rest.get(option_bytes.next_multiple_of(4)..).unwrap_or_default();
        }
        Ok(Interface {
            link_type: LinkType(order.u16_at(block, 8)),
            snaplen: order.u32_at(block, 12),
            clock: Clock::new(resolution, offset)?,
        })
    }

    fn packet(&self, block: &[u8], block_type: u32, length: u32) -> Result<Record, DamageKind> {
        let order = self.order;
        let frame_start: u32 = if block_type == SIMPLE_PACKET { 12 } else { 28 };
        let room = length.checked_sub(frame_start + 4).ok_or(DamageKind::BlockLength { length })?;
        let index = match block_type {
            ENHANCED_PACKET => order.u32_at(block, 8),
            OBSOLETE_PACKET => u32::from(order.u16_at(block, 8)),
            _ => 0,
        };
        let interface = self.interfaces.get(index as usize).ok_or(DamageKind::UnknownInterface { interface: index })?;
        let (ticks, captured, wire_len) = if block_type == SIMPLE_PACKET {
            // No time and no captured length: the snap length of the first interface says how much there is.
            let wire_len = order.u32_at(block, 8);
            let snaplen = if interface.snaplen == 0 { MAX_FRAME_BYTES } else { interface.snaplen };
            (0, wire_len.min(snaplen), wire_len)
        } else {
            let ticks = u64::from(order.u32_at(block, 12)) << 32 | u64::from(order.u32_at(block, 16));
            (ticks, order.u32_at(block, 20), order.u32_at(block, 24))
        };
        if captured > MAX_FRAME_BYTES {
            return Err(DamageKind::FrameTooLong { length: captured });
        }
        if captured > room {
            return Err(DamageKind::BlockLength { length });
        }
        Ok(Record {
            time_ns: interface.clock.time_ns(ticks),
            link_type: interface.link_type,
            wire_len,
            frame_start: frame_start as usize,
            frame_bytes: captured as usize,
            total_bytes: length as usize,
        })
    }
}

fn require(buffer: &mut BlockBuffer, count: u32) -> Result<(), DamageKind> {
    if buffer.require(count as usize)? {
        return Ok(());
    }
    Err(DamageKind::Truncated { expected: u64::from(count), found: buffer.bytes().len() as u64 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_stamps_of_any_resolution_become_nanoseconds() {
        let check = |resolution, offset, ticks| Clock::new(resolution, offset).unwrap().time_ns(ticks);
        assert_eq!(check(6, 0, 1_500_000), 1_500_000_000);
        assert_eq!(check(9, 0, 1_500_000), 1_500_000);
        assert_eq!(check(0, -3, 5), 2_000_000_000);
        assert_eq!(check(12, 0, 2_345_678), 2_345);
        assert_eq!(check(0x8a, 1, 512), 1_500_000_000);
        assert_eq!(check(0xbf, 0, 1 << 62), 500_000_000);
        assert_eq!(check(6, i64::MAX, u64::MAX), i64::MAX);
        assert_eq!(Clock::new(20, 0), Err(DamageKind::TimeResolution { value: 20 }));
        assert_eq!(Clock::new(0xff, 0), Err(DamageKind::TimeResolution { value: 0xff }));
    }
}
