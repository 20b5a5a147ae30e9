//! Which segments the held bytes came in, and what happens where they overlap.
//!
//! Inline, the first copy of a byte wins: bytes sent again must be the same, else the packet is rewritten. Suricata finds
//! overlaps by looking at a segment's neighbours in order of sequence numbers only. Where segments were nested it so misses
//! some, and then the *last* copy wins. To see the same stream, the borders of segments have to be remembered.

use std::collections::VecDeque;

use super::held::At;
use super::seq::Seq;
use super::session::Half;

/// More segments than this are not kept of a direction: the rest is treated as Suricata does when its memory for segments
/// is used up. Keeps hostile captures from costing more than their size is worth.
const SEGMENTS_MAX: usize = 32_768;

/// A segment: where it begins, and how long it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Piece {
    seq: Seq,
    len: u32,
}

impl Piece {
    fn end(self) -> Seq {
        self.seq + self.len
    }

    fn precedes(self, other: Self) -> bool {
        self.seq < other.seq || (self.seq == other.seq && self.len < other.len)
    }
}

/// Segments by sequence number, those that begin at the same one by length.
#[derive(Clone, Debug, Default)]
pub(crate) struct Segments {
    pieces: VecDeque<Piece>,
    right_edge: Seq,
}

/// How a segment lies to those that are there.
enum Place {
    /// Its neighbours do not touch it.
    Free,
    /// It is the one at this index again.
    Same(usize),
    /// It was put at this index and overlaps a neighbour.
    Overlaps(usize),
}

impl Segments {
    pub(crate) fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// Where the first segment begins.
    pub(crate) fn first(&self) -> Option<Seq> {
        self.pieces.front().map(|piece| piece.seq)
    }

    /// Right edge of all segments seen.
    pub(crate) fn right_edge(&self) -> Seq {
        self.right_edge
    }

    /// Forgets segments that lie wholly before what is held.
    pub(crate) fn prune(&mut self, base_seq: Seq) {
        while self.pieces.front().is_some_and(|piece| piece.end() <= base_seq) {
            self.pieces.pop_front();
        }
    }

    /// There is no room for another segment.
    pub(crate) fn is_full(&self) -> bool {
        self.pieces.len() >= SEGMENTS_MAX
    }

    pub(crate) fn clear(&mut self) {
        self.pieces = VecDeque::new();
    }

    fn insert(&mut self, piece: Piece) -> Place {
        if self.pieces.back().is_none_or(|last| last.end() <= piece.seq) {
            if self.pieces.is_empty() || piece.end() > self.right_edge {
                self.right_edge = piece.end();
            }
            self.pieces.push_back(piece);
            return Place::Free;
        }
        let idx = self.pieces.partition_point(|other| other.precedes(piece));
        if self.pieces.get(idx) == Some(&piece) {
            return Place::Same(idx);
        }
        self.right_edge = self.right_edge.later(piece.end());
        let next = self.pieces.get(idx).is_some_and(|next| next.seq == piece.seq || piece.end() > next.seq);
        let previous = idx.checked_sub(1).and_then(|idx| self.pieces.get(idx));
        let previous = previous.is_some_and(|previous| previous.seq == piece.seq || previous.end() > piece.seq);
        self.pieces.insert(idx, piece);
        if next || previous { Place::Overlaps(idx) } else { Place::Free }
    }
}

impl Half {
    /// Takes a segment in, of which `size` bytes are within the reassembly depth. The answer is its payload as forwarded if
    /// bytes of it were sent before and differed then.
    pub(crate) fn take_segment(&mut self, seq: Seq, payload: &[u8], size: u32) -> Option<Vec<u8>> {
        let piece = Piece { seq, len: size };
        if piece.end() <= self.base_seq {
            return None;
        }
        let known = if seq < self.base_seq { self.base_seq.since(seq) as usize } else { 0 };
        let offset = self.offset_of(seq.later(self.base_seq));
        let mut forwarded = None;
        match self.segments.insert(piece) {
            Place::Free => {}
            Place::Same(idx) => {
                self.keep_first_copy(piece, piece, payload, &mut forwarded);
                self.keep_first_copies(idx, payload, &mut forwarded);
            }
            Place::Overlaps(idx) => self.keep_first_copies(idx, payload, &mut forwarded),
        }
        let bytes = forwarded.as_deref().unwrap_or(payload);
        self.held.write(offset, bytes.get(known..).unwrap_or_default());
        forwarded
    }

    /// Compares a segment with its neighbours, backwards and forwards for as long as they overlap it.
    fn keep_first_copies(&mut self, idx: usize, payload: &[u8], forwarded: &mut Option<Vec<u8>>) {
        let Some(&piece) = self.segments.pieces.get(idx) else { return };
        for at in (0..idx).rev() {
            let Some(&other) = self.segments.pieces.get(at) else { break };
            if other.end() <= self.base_seq {
                continue;
            }
            if other.end() <= piece.seq {
                break;
            }
            self.keep_first_copy(piece, other, payload, forwarded);
        }
        for at in idx + 1..self.segments.pieces.len() {
            let Some(&other) = self.segments.pieces.get(at) else { break };
            if piece.end() <= other.seq {
                break;
            }
            self.keep_first_copy(piece, other, payload, forwarded);
        }
    }

    /// Where a segment overlaps an older one, the older bytes stay.
    fn keep_first_copy(&self, piece: Piece, other: Piece, payload: &[u8], forwarded: &mut Option<Vec<u8>>) {
        let from = piece.seq.later(other.seq).later(self.base_seq);
        let to = if piece.end() < other.end() { piece.end() } else { other.end() };
        let held_len = other.end().since(other.seq.later(self.base_seq));
        if from >= to || piece.seq > other.seq + held_len {
            return;
        }
        let At::Data(old) = self.held.at(self.offset_of(from)) else { return };
        let Some(old) = old.get(..to.since(from) as usize) else { return };
        let range = from.since(piece.seq) as usize..to.since(piece.seq) as usize;
        let current = forwarded.as_deref().unwrap_or(payload);
        if current.get(range.clone()).is_some_and(|new| new != old) {
            let bytes = forwarded.get_or_insert_with(|| payload.to_vec());
            if let Some(new) = bytes.get_mut(range) {
                new.copy_from_slice(old);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn half() -> Half {
        let mut half = Half::default();
        half.start_after(Seq(u32::MAX - 2));
        half
    }

    fn take(half: &mut Half, offset: u32, bytes: &[u8]) -> Option<Vec<u8>> {
        half.take_segment(half.base_seq + offset, bytes, bytes.len() as u32)
    }

    #[test]
    fn the_first_copy_wins() {
        let mut half = half();
        assert_eq!(take(&mut half, 0, b"abcd"), None);
        assert_eq!(take(&mut half, 2, b"cdef"), None);
        assert_eq!(take(&mut half, 4, b"XYgh"), Some(b"efgh".to_vec()));
        assert_eq!(take(&mut half, 10, b"kl"), None);
        assert_eq!(take(&mut half, 6, b"ZZijZZmn"), Some(b"ghijklmn".to_vec()));
        assert_eq!(half.held.at(0), At::Data(b"abcdefghijklmn"));
        assert_eq!(take(&mut half, 0, b"abXd"), Some(b"abcd".to_vec()));
    }

    #[test]
    fn an_overlap_hidden_behind_a_nested_segment_is_missed() {
        let mut half = half();
        take(&mut half, 0, b"abcdefgh");
        assert_eq!(take(&mut half, 2, b"XY"), Some(b"cd".to_vec()));
        assert_eq!(take(&mut half, 4, b"ZZ"), None);
        assert_eq!(half.held.at(0), At::Data(b"abcdZZgh"));
    }
}
