//! Frames by the block, to be handed from thread to thread.

use super::{Frame, LinkType, Record};

/// Frames in a row, with their bytes. Used again and again: [`super::Capture::next_batch`].
#[derive(Debug, Default)]
pub struct Batch {
    bytes: Vec<u8>,
    frames: Vec<Place>,
    first_number: u64,
}

/// A frame, and where its bytes are.
#[derive(Clone, Copy, Debug)]
struct Place {
    time_ns: i64,
    start: u32,
    len: u32,
    wire_len: u32,
    link_type: LinkType,
}

impl Batch {
    /// How many frames it holds.
    pub fn len(&self) -> usize {
        self.frames.len()
    }

    /// It holds none.
    pub fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// The frames in order.
    pub fn frames(&self) -> impl Iterator<Item = Frame<'_>> {
        (self.first_number..).zip(&self.frames).map(|(number, place)| Frame {
            number,
            time_ns: place.time_ns,
            link_type: place.link_type,
            wire_len: place.wire_len,
            bytes: self
                .bytes
                .get(place.start as usize..)
                .and_then(|rest| rest.get(..place.len as usize))
                .unwrap_or(&[]),
        })
    }

    pub(super) fn clear(&mut self) {
        self.frames.clear();
    }

    /// Bytes of all frames that were copied into it.
    pub(super) fn n_bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Makes room for copies of frames.
    pub(super) fn drop_bytes(&mut self) {
        self.bytes.clear();
    }

    /// Adds a copy of a frame.
    pub(super) fn push(&mut self, frame: &Frame<'_>) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(frame.bytes);
        let Frame { number, time_ns, link_type, wire_len, bytes } = *frame;
        self.add(number, Place { time_ns, start: start as u32, len: bytes.len() as u32, wire_len, link_type });
    }

    /// Adds a frame that lies at `start` of the block that [`Batch::exchange`] will bring.
    pub(super) fn note(&mut self, number: u64, record: &Record, start: usize) {
        let Record { time_ns, link_type, wire_len, frame_bytes, .. } = *record;
        self.add(number, Place { time_ns, start: start as u32, len: frame_bytes as u32, wire_len, link_type });
    }

    /// Gives its old block for the one with the frames that were noted.
    pub(super) fn exchange(&mut self, exchange: impl FnOnce(Vec<u8>) -> Vec<u8>) {
        self.bytes = exchange(std::mem::take(&mut self.bytes));
    }

    fn add(&mut self, number: u64, place: Place) {
        if self.frames.is_empty() {
            self.first_number = number;
        }
        self.frames.push(place);
    }
}
