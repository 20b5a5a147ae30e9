//! The bytes of one direction that are still needed: by the parser, by `content` without a buffer, or to tell whether
//! bytes sent again are the same.
//!
//! Bytes are addressed by their offset in the stream, 0 being the byte after the SYN. They are kept as blocks with gaps
//! between them, so memory follows what was received, not what sequence numbers claim. What is written last stays; that the
//! first copy of a byte wins is seen to in `segments.rs`.

use smallvec::SmallVec;

/// A front part that is no longer needed is cut off when it is at least this large and outweighs the rest.
const COMPACT_BYTES: usize = 4096;

/// Contiguous bytes.
#[derive(Clone, Debug, Default)]
struct Block {
    /// Offset of the first byte that counts.
    start: u64,
    /// `bytes[skip..]` count.
    bytes: Vec<u8>,
    skip: usize,
}

impl Block {
    fn new(start: u64, bytes: &[u8]) -> Self {
        Self { start, bytes: bytes.to_vec(), skip: 0 }
    }

    fn data(&self) -> &[u8] {
        self.bytes.get(self.skip..).unwrap_or_default()
    }

    fn end(&self) -> u64 {
        self.start + (self.bytes.len() - self.skip.min(self.bytes.len())) as u64
    }

    fn cut_front(&mut self, to: u64) {
        let by = to.saturating_sub(self.start).min(self.end() - self.start) as usize;
        self.start += by as u64;
        self.skip += by;
        if self.skip == self.bytes.len() {
            self.bytes.clear();
            self.skip = 0;
        } else if self.skip >= COMPACT_BYTES && self.skip > self.bytes.len() / 2 {
            self.bytes.drain(..self.skip);
            self.skip = 0;
        }
    }
}

/// What lies at an offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum At<'a> {
    /// Bytes, up to the next gap.
    Data(&'a [u8]),
    /// Nothing for this many bytes; then there are some.
    Gap(u64),
    /// Nothing, and nothing behind it.
    End,
}

/// The bytes held of one direction.
#[derive(Clone, Debug, Default)]
pub(crate) struct Held {
    /// Offset below which everything was let go: Suricata's stream offset of the buffer.
    base: u64,
    /// Bytes below this offset are known to have arrived but are not kept, although `base` may be lower.
    kept_from: u64,
    /// In ascending order, never touching.
    blocks: SmallVec<[Block; 1]>,
    /// There was a gap at some time: then Suricata keeps book of blocks until all are let go.
    had_gap: bool,
}

impl Held {
    /// Whether any byte was ever stored.
    pub(crate) fn has_seen_data(&self) -> bool {
        self.base != 0 || self.kept_from != 0 || !self.blocks.is_empty()
    }

    fn floor(&self) -> u64 {
        self.base.max(self.kept_from)
    }

    /// The end of what is contiguous from the base on.
    pub(crate) fn contiguous_end(&self) -> u64 {
        match self.blocks.first() {
            Some(block) if block.start <= self.floor() => block.end(),
            _ => self.floor(),
        }
    }

    /// How many bytes protocol detection counts as available when it considers giving up.
    pub(crate) fn available_for_detection(&self) -> u64 {
        if self.had_gap {
            self.blocks.iter().map(|block| block.end() - block.start).sum()
        } else if self.base == 0 {
            self.contiguous_end()
        } else {
            0
        }
    }

    /// There never was a gap since the last time nothing was held.
    pub(crate) fn never_had_gap(&self) -> bool {
        !self.had_gap
    }

    /// The first block that ends behind `offset`.
    fn idx_at(&self, offset: u64) -> usize {
        self.blocks.partition_point(|block| block.end() <= offset)
    }

    /// What lies at `offset`.
    pub(crate) fn at(&self, offset: u64) -> At<'_> {
        let Some(block) = self.blocks.get(self.idx_at(offset)) else { return At::End };
        match offset.checked_sub(block.start) {
            Some(skip) => At::Data(block.data().get(skip as usize..).unwrap_or_default()),
            None => At::Gap(block.start - offset),
        }
    }

    /// The contiguous bytes that hold all of `from..to`, with the offset of the first.
    pub(crate) fn around(&self, from: u64, to: u64) -> Option<(u64, &[u8])> {
        let block = self.blocks.get(self.idx_at(from))?;
        (block.start <= from && block.end() >= to && !block.data().is_empty()).then(|| (block.start, block.data()))
    }

    /// There is a gap behind the bytes at `offset`, followed by more bytes; says where it begins.
    pub(crate) fn gap_after(&self, offset: u64) -> Option<u64> {
        let idx = self.idx_at(offset);
        let block = self.blocks.get(idx)?;
        (block.start <= offset && self.blocks.len() > idx + 1).then(|| block.end())
    }

    /// Stores bytes, over what is held already.
    pub(crate) fn write(&mut self, offset: u64, bytes: &[u8]) {
        let floor = self.floor();
        let below = floor.saturating_sub(offset).min(bytes.len() as u64) as usize;
        let (offset, fresh) = (offset + below as u64, bytes.get(below..).unwrap_or_default());
        if fresh.is_empty() {
            return;
        }
        match self.blocks.last_mut() {
            // The ordinary case: it follows what is there.
            Some(last) if last.end() == offset => last.bytes.extend_from_slice(fresh),
            Some(last) if last.end() >= offset => self.write_among(offset, fresh),
            None if offset == floor => self.blocks.push(Block::new(offset, fresh)),
            _ => {
                self.had_gap = true;
                self.blocks.push(Block::new(offset, fresh));
            }
        }
    }

    /// Stores bytes that overlap, touch or precede blocks.
    fn write_among(&mut self, offset: u64, fresh: &[u8]) {
        let end = offset + fresh.len() as u64;
        let first = self.blocks.partition_point(|block| block.end() < offset);
        let n_touched = self.blocks.iter().skip(first).take_while(|block| block.start <= end).count();
        if n_touched == 0 {
            self.had_gap = true;
            self.blocks.insert(first, Block::new(offset, fresh));
            return;
        }
        // What of the first block lies before the new bytes stays in place, what of the last lies behind is put after them.
        let last = self.blocks.get(first + n_touched - 1);
        let tail =
            last.and_then(|last| last.data().get(end.checked_sub(last.start)? as usize..)).unwrap_or_default().to_vec();
        let Some(block) = self.blocks.get_mut(first) else { return };
        if block.start <= offset && block.end() >= end {
            let at = block.skip + (offset - block.start) as usize;
            if let Some(old) = block.bytes.get_mut(at..at + fresh.len()) {
                old.copy_from_slice(fresh);
            }
            return;
        }
        if block.start <= offset {
            block.bytes.truncate(block.skip + (offset - block.start) as usize);
            block.bytes.extend_from_slice(fresh);
        } else {
            *block = Block::new(offset, fresh);
        }
        block.bytes.extend_from_slice(&tail);
        self.blocks.drain(first + 1..first + n_touched);
    }

    /// Lets go of everything below `offset`; what comes again from there is not looked at.
    pub(crate) fn slide(&mut self, offset: u64) {
        self.base = self.base.max(offset);
        self.cut(offset);
    }

    /// Forgets the bytes below `offset`, but not that they were there: for streams that nobody reads any more.
    pub(crate) fn forget(&mut self, offset: u64) {
        let to = offset.min(self.contiguous_end());
        if to > self.floor() {
            self.kept_from = to;
            self.cut(to);
        }
    }

    fn cut(&mut self, offset: u64) {
        let n_gone = self.blocks.iter().take_while(|block| block.end() <= offset).count();
        if let (1, Some(only)) = (self.blocks.len(), self.blocks.first_mut())
            && n_gone == 1
            && !self.had_gap
            && only.end() == offset
        {
            only.cut_front(offset); // keeps its memory for what follows
            return;
        }
        self.blocks.drain(..n_gone);
        if let Some(block) = self.blocks.first_mut() {
            block.cut_front(offset);
        } else {
            self.had_gap = false;
        }
    }

    /// Lets go of everything for good.
    pub(crate) fn clear(&mut self) {
        self.blocks = SmallVec::new();
        self.had_gap = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn in_order_bytes_are_one_piece() {
        let mut held = Held::default();
        held.write(0, b"ab");
        held.write(2, b"cd");
        assert_eq!(held.at(1), At::Data(b"bcd"));
        assert_eq!(held.at(4), At::End);
        assert!(held.never_had_gap());
        held.slide(4);
        held.write(4, b"ef");
        assert_eq!((held.at(4), held.contiguous_end()), (At::Data(b"ef"), 6));
    }

    #[test]
    fn a_late_segment_closes_the_gap() {
        let mut held = Held::default();
        held.write(4, b"ef");
        held.write(0, b"ab");
        assert_eq!((held.at(2), held.gap_after(0)), (At::Gap(2), Some(2)));
        held.write(2, b"cd");
        assert_eq!((held.at(0), held.contiguous_end()), (At::Data(b"abcdef"), 6));
    }

    #[test]
    fn forgotten_bytes_still_count_as_seen() {
        let mut held = Held::default();
        held.write(0, b"abcdef");
        held.forget(4);
        assert_eq!((held.contiguous_end(), held.at(4)), (6, At::Data(b"ef")));
        held.write(0, b"XXXXef");
        assert_eq!(held.at(4), At::Data(b"ef"));
    }

    #[test]
    fn random_writes_agree_with_a_plain_array() {
        let mut state = 7u32;
        let mut next = |n: u32| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 16) % n
        };
        for _ in 0..300 {
            let mut held = Held::default();
            let mut plain = [None; 64];
            for step in 0..20u8 {
                let (from, len) = (next(50) as usize, 1 + next(12) as usize);
                held.write(from as u64, &vec![step; len]);
                plain[from..from + len].fill(Some(step));
                for (at, slot) in plain.iter().enumerate() {
                    match (held.at(at as u64), slot) {
                        (At::Data(data), Some(byte)) => assert_eq!(data[0], *byte),
                        (At::Data(_), None) | (_, Some(_)) => panic!("{at}"),
                        _ => {}
                    }
                }
            }
        }
    }
}
