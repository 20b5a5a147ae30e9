//! Classic pcap files.
//!
//! Read as libpcap does: both byte orders, micro- and nanoseconds, the 24-byte record headers of patched Linux libpcaps,
//! the swapped lengths of versions before 2.4, and frames cut to the file's own snap length.
//! Source: draft-ietf-opsawg-pcap and `sf-pcap.c` of libpcap.

use super::block_buffer::BlockBuffer;
use super::wire::ByteOrder;
use super::{DamageKind, LinkType, MAX_FRAME_BYTES, Record};

const FILE_HEADER_BYTES: usize = 24;

const MICROSECONDS: u32 = 0xa1b2_c3d4;
const NANOSECONDS: u32 = 0xa1b2_3c4d;
/// The "modified" format: records carry interface, protocol and packet type too.
const MODIFIED: u32 = 0xa1b2_cd34;

/// Which of the two lengths of a record comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lengths {
    CapturedFirst,
    WireFirst,
    /// Version 2.3 was written both ways: the smaller one is the captured length.
    SmallerIsCaptured,
}

/// The state of a pcap file: what its header said.
#[derive(Debug)]
pub(super) struct PcapFile {
    order: ByteOrder,
    record_header_bytes: usize,
    ns_per_tick: i64,
    lengths: Lengths,
    snaplen: u32,
    link_type: LinkType,
}

impl PcapFile {
    /// Whether a file that begins with these bytes is a pcap, and in which byte order.
    pub(super) fn sniff(magic: [u8; 4]) -> Option<ByteOrder> {
        [ByteOrder::Little, ByteOrder::Big]
            .into_iter()
            .find(|order| matches!(order.u32(magic), MICROSECONDS | NANOSECONDS | MODIFIED))
    }

    /// Reads the file header, which begins with a magic of byte order `order`.
    pub(super) fn open(buffer: &mut BlockBuffer, order: ByteOrder) -> Result<Self, DamageKind> {
        let available = buffer.require(FILE_HEADER_BYTES)?;
        let header = buffer.bytes().first_chunk::<FILE_HEADER_BYTES>().filter(|_| available);
        let Some(&header) = header else {
            return Err(DamageKind::Truncated {
                expected: FILE_HEADER_BYTES as u64,
                found: buffer.bytes().len() as u64,
            });
        };
        let magic = order.u32_at(&header, 0);
        let (major, minor) = (order.u16_at(&header, 4), order.u16_at(&header, 6));
        let lengths = match (major, minor) {
            (2, 0..=2) | (543, 0) => Lengths::WireFirst,
            (2, 3) => Lengths::SmallerIsCaptured,
            (2, 4) => Lengths::CapturedFirst,
            _ => return Err(DamageKind::Version { major, minor }),
        };
        let snaplen = order.u32_at(&header, 16);
        buffer.consume(FILE_HEADER_BYTES);
        Ok(Self {
            order,
            record_header_bytes: if magic == MODIFIED { 24 } else { 16 },
            ns_per_tick: if magic == NANOSECONDS { 1 } else { 1000 },
            lengths,
            snaplen: if snaplen == 0 || snaplen > i32::MAX as u32 { MAX_FRAME_BYTES } else { snaplen },
            link_type: LinkType(order.u32_at(&header, 20) as u16), // the upper half says how long the FCS is
        })
    }

    /// Whether [`PcapFile::next`] gives a record that is among `bytes` already.
    #[inline]
    pub(super) fn is_at_hand(&self, bytes: &[u8]) -> bool {
        bytes.first_chunk().is_some_and(|header| {
            let (captured, _) = self.lengths(header);
            captured <= MAX_FRAME_BYTES && bytes.len() >= self.record_header_bytes + captured as usize
        })
    }

    /// Captured length and length on the wire.
    #[inline]
    fn lengths(&self, header: &[u8; 16]) -> (u32, u32) {
        let (first, second) = (self.order.u32_at(header, 8), self.order.u32_at(header, 12));
        match self.lengths {
            Lengths::CapturedFirst => (first, second),
            Lengths::WireFirst => (second, first),
            Lengths::SmallerIsCaptured => (first.min(second), first.max(second)),
        }
    }

    /// Finds the next record and makes it available; `None` at a proper end.
    #[inline]
    pub(super) fn next(&self, buffer: &mut BlockBuffer) -> Result<Option<Record>, DamageKind> {
        let header_bytes = self.record_header_bytes;
        buffer.begin_record();
        if !buffer.require(header_bytes)? {
            let found = buffer.bytes().len() as u64;
            return if found == 0 {
                Ok(None)
            } else {
                Err(DamageKind::Truncated { expected: header_bytes as u64, found })
            };
        }
        let order = self.order;
        let Some(header) = buffer.bytes().first_chunk::<16>() else { return Ok(None) };
        let (seconds, ticks) = (order.u32_at(header, 0), order.u32_at(header, 4));
        let (captured, wire_len) = self.lengths(header);
        if captured > MAX_FRAME_BYTES {
            return Err(DamageKind::FrameTooLong { length: captured });
        }
        let record_bytes = header_bytes + captured as usize;
        if !buffer.require(record_bytes)? {
            return Err(DamageKind::Truncated { expected: record_bytes as u64, found: buffer.bytes().len() as u64 });
        }
        Ok(Some(Record {
            time_ns: i64::from(seconds) * 1_000_000_000 + i64::from(ticks) * self.ns_per_tick,
            link_type: self.link_type,
            wire_len,
            frame_start: header_bytes,
            frame_bytes: captured.min(self.snaplen) as usize,
            total_bytes: record_bytes,
        }))
    }
}
