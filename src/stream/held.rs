//! The bytes of one direction that are still needed: by the parser, by `content` without a buffer, or to tell whether
//! bytes sent again are the same.
//!
//! Bytes are addressed by their offset in the stream, 0 being the byte after the SYN. They are kept as blocks with gaps
//! between them, so memory follows what was received, not what sequence numbers claim. The first copy of a byte wins.

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

    /// Offset of the first byte that is there, or would follow.
    pub(crate) fn first_offset(&self) -> u64 {
        self.blocks
            .first()
            .map_or(self.floor(), |block| if block.start <= self.floor() { self.base } else { block.start })
    }

    /// There never was a gap since the last time nothing was held.
    pub(crate) fn never_had_gap(&self) -> bool {
        !self.had_gap
    }

    /// What lies at `offset`.
    pub(crate) fn at(&self, offset: u64) -> At<'_> {
        let Some(block) = self.blocks.iter().find(|block| block.end() > offset) else { return At::End };
        match offset.checked_sub(block.start) {
            Some(skip) => At::Data(block.data().get(skip as usize..).unwrap_or_default()),
            None => At::Gap(block.start - offset),
        }
    }

    /// The contiguous bytes that hold all of `from..to`, with the offset of the first.
    pub(crate) fn around(&self, from: u64, to: u64) -> Option<(u64, &[u8])> {
        let block = self.blocks.iter().find(|block| block.end() > from)?;
        (block.start <= from && block.end() >= to && !block.data().is_empty()).then(|| (block.start, block.data()))
    }

    /// There is a gap behind the bytes at `offset`, followed by more bytes; says where it begins.
    pub(crate) fn gap_after(&self, offset: u64) -> Option<u64> {
        let idx = self.blocks.iter().position(|block| block.end() > offset)?;
        let block = self.blocks.get(idx)?;
        (block.start <= offset && self.blocks.len() > idx + 1).then(|| block.end())
    }

    /// Stores bytes. Where some are held already, those stay; when they differ, the answer is `bytes` as they are after
    /// the held ones have replaced them.
    pub(crate) fn insert(&mut self, offset: u64, bytes: &[u8]) -> Option<Vec<u8>> {
        let floor = self.floor();
        let below = floor.saturating_sub(offset).min(bytes.len() as u64) as usize;
        let (offset, fresh) = (offset + below as u64, bytes.get(below..).unwrap_or_default());
        if fresh.is_empty() {
            return None;
        }
        let end = offset + fresh.len() as u64;
        match self.blocks.last_mut() {
            // The ordinary case: it follows what is there.
            Some(last) if last.end() == offset => {
                last.bytes.extend_from_slice(fresh);
                return None;
            }
            None if offset == floor => {
                self.blocks.push(Block { start: offset, bytes: fresh.to_vec(), skip: 0 });
                return None;
            }
            None => {
                self.had_gap = true;
                self.blocks.push(Block { start: offset, bytes: fresh.to_vec(), skip: 0 });
                return None;
            }
            Some(last) if last.end() < offset => {
                self.had_gap = true;
                self.blocks.push(Block { start: offset, bytes: fresh.to_vec(), skip: 0 });
                return None;
            }
            Some(_) => {}
        }
        self.insert_among(offset, end, fresh).map(|merged| {
            let mut all = bytes.to_vec();
            all.truncate(below);
            all.extend_from_slice(&merged);
            all
        })
    }

    /// Stores bytes that overlap, touch or precede blocks.
    fn insert_among(&mut self, offset: u64, end: u64, fresh: &[u8]) -> Option<Vec<u8>> {
        let first = self.blocks.iter().position(|block| block.end() >= offset).unwrap_or(self.blocks.len());
        let n_touched = self.blocks.iter().skip(first).take_while(|block| block.start <= end).count();
        if n_touched == 0 {
            self.had_gap = true;
            self.blocks.insert(first, Block { start: offset, bytes: fresh.to_vec(), skip: 0 });
            return None;
        }
        // The new bytes, overwritten where older copies exist.
        let mut merged = fresh.to_vec();
        let mut differs = false;
        for block in self.blocks.iter().skip(first).take(n_touched) {
            let (from, to) = (block.start.max(offset), block.end().min(end));
            if from >= to {
                continue;
            }
            let old = block.data().get((from - block.start) as usize..(to - block.start) as usize);
            let new = merged.get_mut((from - offset) as usize..(to - offset) as usize);
            if let (Some(old), Some(new)) = (old, new)
                && old != new
            {
                differs = true;
                new.copy_from_slice(old);
            }
        }
        if let Some(only) = self.blocks.get(first)
            && n_touched == 1
            && only.start <= offset
            && only.end() >= end
        {
            return differs.then_some(merged); // nothing new in it
        }
        let mut grown: Option<Block> = None;
        let last_end = self.blocks.get(first + n_touched - 1).map_or(end, Block::end);
        for block in self.blocks.drain(first..first + n_touched) {
            match &mut grown {
                None if block.start <= offset => grown = Some(block),
                None => {
                    let lead = merged.get(..(block.start - offset) as usize).unwrap_or_default();
                    let mut bytes = lead.to_vec();
                    bytes.extend_from_slice(block.data());
                    grown = Some(Block { start: offset, bytes, skip: 0 });
                }
                Some(block_before) => {
                    let from = block_before.end().saturating_sub(offset) as usize;
                    let to = (block.start - offset) as usize;
                    block_before.bytes.extend_from_slice(merged.get(from..to).unwrap_or_default());
                    block_before.bytes.extend_from_slice(block.data());
                }
            }
        }
        if let Some(mut block) = grown {
            if end > last_end {
                let from = block.end().saturating_sub(offset) as usize;
                block.bytes.extend_from_slice(merged.get(from..).unwrap_or_default());
            }
            self.blocks.insert(first, block);
        }
        differs.then_some(merged)
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
        assert_eq!(held.insert(0, b"ab"), None);
        assert_eq!(held.insert(2, b"cd"), None);
        assert_eq!(held.at(1), At::Data(b"bcd"));
        assert_eq!(held.at(4), At::End);
        assert!(held.never_had_gap());
        held.slide(4);
        assert_eq!(held.insert(4, b"ef"), None);
        assert_eq!((held.at(4), held.contiguous_end()), (At::Data(b"ef"), 6));
    }

    #[test]
    fn a_late_segment_closes_the_gap() {
        let mut held = Held::default();
        held.insert(4, b"ef");
        held.insert(0, b"ab");
        assert_eq!((held.at(2), held.gap_after(0)), (At::Gap(2), Some(2)));
        held.insert(2, b"cd");
        assert_eq!((held.at(0), held.contiguous_end()), (At::Data(b"abcdef"), 6));
    }

    #[test]
    fn the_first_copy_wins() {
        let mut held = Held::default();
        held.insert(0, b"abcd");
        assert_eq!(held.insert(2, b"cdef"), None);
        assert_eq!(held.insert(4, b"XYgh"), Some(b"efgh".to_vec()));
        held.insert(10, b"kl");
        assert_eq!(held.insert(6, b"ZZijZZmn"), Some(b"ghijklmn".to_vec()));
        assert_eq!(held.at(0), At::Data(b"abcdefghijklmn"));
    }

    #[test]
    fn forgotten_bytes_still_count_as_seen() {
        let mut held = Held::default();
        held.insert(0, b"abcdef");
        held.forget(4);
        assert_eq!((held.contiguous_end(), held.at(4)), (6, At::Data(b"ef")));
        assert_eq!(held.insert(0, b"XXXXef"), None);
    }

    #[test]
    fn random_inserts_agree_with_a_plain_array() {
        let mut state = 7u32;
        let mut next = |n: u32| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 16) % n
        };
        for _ in 0..200 {
            let mut held = Held::default();
            let mut plain = [None; 64];
            for step in 0..20u8 {
                let (from, len) = (next(50) as usize, 1 + next(12) as usize);
                held.insert(from as u64, &vec![step; len]);
                for slot in &mut plain[from..from + len] {
                    slot.get_or_insert(step);
                }
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
