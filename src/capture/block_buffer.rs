//! Bytes read in blocks into one buffer that is used again and again.

use std::io::{self, Read};

/// Where bytes come from: a file, a pipe, a decompressor.
pub(super) type Input = Box<dyn Read + Send>;

/// A window over a stream. What is in the window stays in place until the next call that needs more.
pub(super) struct BlockBuffer {
    input: Input,
    data: Vec<u8>,
    block_bytes: usize,
    start: usize,
    end: usize,
    offset: u64,
    record_offset: u64,
    at_end: bool,
}

impl BlockBuffer {
    /// Reads `input` through `data`, whose length is the size of a block.
    pub(super) fn new(input: Input, data: Vec<u8>) -> Self {
        Self { input, block_bytes: data.len(), data, start: 0, end: 0, offset: 0, record_offset: 0, at_end: false }
    }

    /// What has been read and not yet consumed.
    pub(super) fn bytes(&self) -> &[u8] {
        self.data.get(self.start..self.end).unwrap_or_default()
    }

    /// Place of the first unconsumed byte in the buffer.
    pub(super) fn start(&self) -> usize {
        self.start
    }

    /// Goes on in another buffer and gives this one away, in which nothing has moved.
    pub(super) fn exchange(&mut self, mut data: Vec<u8>) -> Vec<u8> {
        let rest = self.bytes();
        let rest_bytes = rest.len();
        if data.len() < self.block_bytes.max(rest_bytes) {
            data.resize(self.block_bytes.max(rest_bytes), 0);
        }
        if let Some(front) = data.get_mut(..rest_bytes) {
            front.copy_from_slice(rest);
        }
        (self.start, self.end) = (0, rest_bytes);
        std::mem::replace(&mut self.data, data)
    }

    /// Place of the first unconsumed byte in the stream.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// Notes that a record or block begins here.
    pub(super) fn begin_record(&mut self) {
        self.record_offset = self.offset;
    }

    /// Where the record or block that is being read begins.
    pub(super) fn record_offset(&self) -> u64 {
        self.record_offset
    }

    /// Makes `count` bytes available; `false` when the stream ends before them. The buffer grows when it has to, so
    /// `count` must have been checked against a bound.
    #[inline]
    pub(super) fn require(&mut self, count: usize) -> io::Result<bool> {
        if self.end - self.start >= count {
            return Ok(true);
        }
        self.fill(count)
    }

    /// Gives up `count` bytes that are in the window.
    pub(super) fn consume(&mut self, count: usize) {
        let count = count.min(self.end - self.start);
        self.start += count;
        self.offset += count as u64;
    }

    /// Passes over `count` bytes, whether they are in the window or not; `false` when the stream ends before that.
    pub(super) fn skip(&mut self, mut count: u64) -> io::Result<bool> {
        loop {
            let here = count.min((self.end - self.start) as u64);
            self.consume(here as usize);
            count -= here;
            if count == 0 {
                return Ok(true);
            }
            if !self.fill(1)? {
                return Ok(false);
            }
        }
    }

    /// The stream from the first unconsumed byte on, and an empty buffer.
    pub(super) fn into_parts(self) -> (Input, Vec<u8>) {
        let rest = self.bytes().to_vec();
        (Box::new(io::Cursor::new(rest).chain(self.input)), self.data)
    }

    /// The buffer alone, for the next file.
    pub(super) fn into_buffer(self) -> Vec<u8> {
        self.data
    }

    #[cold]
    fn fill(&mut self, count: usize) -> io::Result<bool> {
        self.data.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        while self.end < count && !self.at_end {
            if self.end == self.data.len() {
                // Twice as much and not at once what a file claims to need.
                self.data.resize(count.min(self.data.len().max(1024) * 2), 0);
            }
            let space = self.data.get_mut(self.end..).unwrap_or_default();
            match self.input.read(space) {
                Ok(0) => self.at_end = true,
                Ok(read) => self.end += read.min(space.len()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.at_end = true; // a decompressor is not asked again after an error
                    return Err(error);
                }
            }
        }
        Ok(self.end >= count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Hands out one byte at a time, as a slow pipe may.
    struct Trickle(Vec<u8>);

    impl Read for Trickle {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            if self.0.is_empty() {
                return Ok(0);
            }
            buffer[0] = self.0.remove(0);
            Ok(1)
        }
    }

    #[test]
    fn bytes_arrive_in_order_whatever_the_reads_and_the_buffer() {
        let mut buffer = BlockBuffer::new(Box::new(Trickle((0..50).collect())), vec![0; 4]);
        assert!(buffer.require(5).unwrap());
        assert_eq!(buffer.bytes()[..5], [0, 1, 2, 3, 4]);
        buffer.consume(3);
        assert!(buffer.require(20).unwrap());
        assert_eq!(buffer.bytes()[0], 3);
        assert!(buffer.skip(40).unwrap());
        assert_eq!(buffer.offset(), 43);
        assert!(buffer.require(7).unwrap());
        assert_eq!(buffer.bytes()[0], 43);
        assert!(!buffer.require(8).unwrap());
        assert!(!buffer.skip(8).unwrap());
    }

    #[test]
    fn the_rest_can_be_read_on_elsewhere() {
        let mut buffer = BlockBuffer::new(Box::new(io::Cursor::new(vec![1, 2, 3, 4, 5, 6])), vec![0; 4]);
        assert!(buffer.require(2).unwrap());
        buffer.consume(1);
        let mut rest = Vec::new();
        buffer.into_parts().0.read_to_end(&mut rest).unwrap();
        assert_eq!(rest, [2, 3, 4, 5, 6]);
    }
}
