//! The fragments of one datagram, and putting them together.

use super::policy::{DefragPolicy, Extent, settle};
use std::net::IpAddr;

/// Suricata's largest packet; a datagram whose parts reach beyond is given up.
const MAX_DATAGRAM_BYTES: usize = 40 + 65_536 + 28;

/// What belongs to one datagram. Direction does not count: Suricata joins fragments of both.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key {
    addresses: (IpAddr, IpAddr),
    id: u32,
    proto: u8,
    vlan: [u16; 3],
}

impl Key {
    pub(super) fn new(src: IpAddr, dst: IpAddr, id: u32, proto: u8, vlan: [u16; 3]) -> Self {
        Self { addresses: (src.min(dst), src.max(dst)), id, proto, vlan }
    }
}

/// A fragment that is kept.
#[derive(Debug)]
pub(super) struct Piece {
    more: bool,
    /// How many of `bytes` are the IP header; 0 for all fragments that do not begin the datagram.
    header_bytes: u16,
    /// Header, then data.
    bytes: Vec<u8>,
}

/// A fragment that arrives.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arrival<'a> {
    pub(super) offset: u16,
    pub(super) more: bool,
    /// What stands in front of the data once the datagram is whole: without a fragment header.
    pub(super) header: &'a [u8],
    /// IPv6: where in `header` the protocol behind it is named, and what it is.
    pub(super) next_header: Option<(usize, u8)>,
    pub(super) data: &'a [u8],
}

/// The fragments of a datagram.
#[derive(Debug)]
pub(super) struct Tracker {
    pub(super) policy: DefragPolicy,
    pub(super) v6: bool,
    pub(super) expires_secs: i64,
    seen_last: bool,
    /// In order of offset, those with equal offsets in order of arrival.
    extents: Vec<Extent>,
    /// The fragments of these extents.
    pieces: Vec<Piece>,
}

/// What became of an arrival.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Taken {
    /// Kept, and perhaps the datagram is whole now.
    Kept,
    /// Other fragments have its bytes already.
    Refused,
    /// There is no room.
    NoRoom,
}

/// The state of a datagram.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Assembly {
    /// Fragments are missing.
    Incomplete,
    /// It is whole.
    Whole(Vec<u8>),
    /// It can never be one.
    Hopeless,
}

/// Buffers to use again, and how much of the limits is in use.
#[derive(Debug, Default)]
pub(super) struct Pool {
    buffers: Vec<Vec<u8>>,
    pub(super) n_pieces: usize,
    pub(super) bytes: usize,
}

/// As many unused buffers are kept.
const SPARE_BUFFERS: usize = 256;

impl Pool {
    pub(super) fn take(&mut self) -> Vec<u8> {
        self.buffers.pop().unwrap_or_default()
    }

    pub(super) fn put_back(&mut self, mut buffer: Vec<u8>) {
        if self.buffers.len() < SPARE_BUFFERS {
            buffer.clear();
            self.buffers.push(buffer);
        }
    }

    /// Takes over what another has in use.
    pub(super) fn absorb(&mut self, other: &Self) {
        self.n_pieces += other.n_pieces;
        self.bytes += other.bytes;
    }

    fn release(&mut self, piece: Piece) {
        self.n_pieces -= 1;
        self.bytes -= piece.bytes.len();
        self.put_back(piece.bytes);
    }
}

impl Tracker {
    pub(super) fn new(policy: DefragPolicy, v6: bool) -> Self {
        Self { policy, v6, expires_secs: 0, seen_last: false, extents: Vec::new(), pieces: Vec::new() }
    }

    /// Takes a fragment in; also says whether it overlaps with one that is there.
    pub(super) fn take(&mut self, arrival: &Arrival<'_>, pool: &mut Pool, max_pieces: usize) -> (Taken, bool) {
        let mut extent = Extent { offset: arrival.offset, len: arrival.data.len() as u16, trim: 0 };
        let verdict = settle(self.policy, &mut self.extents, &mut extent);
        if let Some(place) = verdict.gone
            && place < self.pieces.len()
        {
            self.extents.remove(place);
            pool.release(self.pieces.remove(place));
        }
        if verdict.refused {
            return (Taken::Refused, verdict.overlap);
        }
        if pool.n_pieces >= max_pieces {
            return (Taken::NoRoom, verdict.overlap);
        }
        let (extent, piece) = keep(arrival, extent, pool);
        let place = self.extents.partition_point(|old| old.offset <= extent.offset);
        self.extents.insert(place, extent);
        self.pieces.insert(place, piece);
        self.seen_last |= !arrival.more;
        (Taken::Kept, verdict.overlap)
    }

    /// Puts the datagram together if all of it is there.
    pub(super) fn assemble(&self, pool: &mut Pool) -> Assembly {
        if !self.seen_last || !self.is_covered() {
            return Assembly::Incomplete;
        }
        let mut datagram = pool.take();
        let mut header_bytes = 0;
        let mut payload_bytes = 0;
        // The last fragment ends the datagram, but one with the same offset may have come after it.
        let mut last_offset = None;
        for (extent, piece) in self.extents.iter().zip(&self.pieces) {
            if last_offset.is_some_and(|last| extent.offset > last) {
                break;
            }
            if extent.is_gone() {
                continue;
            }
            if extent.offset == 0 {
                // It counts from its beginning, header and all, whatever was trimmed.
                header_bytes = usize::from(piece.header_bytes);
                payload_bytes = usize::from(extent.len);
                lay(&mut datagram, 0, &piece.bytes);
            } else {
                let data = piece.bytes.get(usize::from(extent.trim)..).unwrap_or_default();
                let at = header_bytes + extent.kept() as usize;
                if at + data.len() > MAX_DATAGRAM_BYTES {
                    pool.put_back(datagram);
                    return Assembly::Hopeless;
                }
                lay(&mut datagram, at, data);
                payload_bytes = payload_bytes.max(extent.end() as usize);
            }
            last_offset = (!piece.more).then_some(extent.offset);
        }
        if header_bytes == 0 {
            pool.put_back(datagram);
            return Assembly::Hopeless;
        }
        datagram.resize(header_bytes + payload_bytes, 0);
        if self.v6 {
            set_payload_length(&mut datagram);
        } else {
            make_whole(&mut datagram, header_bytes);
        }
        Assembly::Whole(datagram)
    }

    /// Gives everything back to the pool.
    pub(super) fn clear(&mut self, pool: &mut Pool) {
        self.extents.clear();
        for piece in self.pieces.drain(..) {
            pool.release(piece);
        }
    }

    /// From the first byte on without a hole. What was trimmed counts as there: another fragment has those bytes.
    fn is_covered(&self) -> bool {
        let mut end = 0;
        for extent in &self.extents {
            if extent.start() > end {
                return false;
            }
            end = end.max(extent.end());
        }
        !self.extents.is_empty()
    }
}

/// Copies what counts of a fragment. One that loses its front is a shorter one further behind.
fn keep(arrival: &Arrival<'_>, extent: Extent, pool: &mut Pool) -> (Extent, Piece) {
    let mut bytes = pool.take();
    let offset = extent.offset.wrapping_add(extent.trim);
    let mut header_bytes = 0;
    if offset == 0 {
        bytes.extend_from_slice(arrival.header);
        header_bytes = arrival.header.len() as u16;
        if let Some((at, protocol)) = arrival.next_header
            && let Some(byte) = bytes.get_mut(at)
        {
            *byte = protocol;
        }
    }
    bytes.extend_from_slice(arrival.data.get(usize::from(extent.trim)..).unwrap_or_default());
    pool.n_pieces += 1;
    pool.bytes += bytes.len();
    let extent = Extent { offset, len: extent.len - extent.trim, trim: 0 };
    (extent, Piece { more: arrival.more, header_bytes, bytes })
}

/// Copies `bytes` to `at`, over what is there.
fn lay(datagram: &mut Vec<u8>, at: usize, bytes: &[u8]) {
    let end = at + bytes.len();
    if datagram.len() < end {
        datagram.resize(end, 0);
    }
    if let Some(place) = datagram.get_mut(at..end) {
        place.copy_from_slice(bytes);
    }
}

/// IPv4: writes length and offset of a whole datagram, and corrects the checksum; a wrong one stays as wrong as it was.
fn make_whole(datagram: &mut [u8], header_bytes: usize) {
    let total = (datagram.len() as u16).to_be_bytes();
    debug_assert!(header_bytes >= 20);
    let Some([_, _, len0, len1, _, _, fo0, fo1, _, _, sum0, sum1, ..]) = datagram.first_chunk_mut::<20>() else {
        return;
    };
    // RFC 1624, equation 3.
    let words = [[*sum0, *sum1], [*len0, *len1], [*fo0, *fo1]].map(u16::from_be_bytes);
    let mut sum: u32 =
        words.into_iter().map(|word| u32::from(!word)).sum::<u32>() + u32::from(u16::from_be_bytes(total));
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    [*sum0, *sum1] = (!(sum as u16)).to_be_bytes();
    [*len0, *len1] = total;
    [*fo0, *fo1] = [0, 0];
}

/// IPv6: writes the payload length.
fn set_payload_length(datagram: &mut [u8]) {
    let length = (datagram.len().saturating_sub(40) as u16).to_be_bytes();
    if let Some([_, _, _, _, len0, len1, ..]) = datagram.first_chunk_mut::<40>() {
        [*len0, *len1] = length;
    }
}
