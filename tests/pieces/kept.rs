//! Frames that are kept, to be judged more than once.

use firedrill::capture::{Capture, CaptureError, CaptureOptions, Frame, LinkType};
use std::path::Path;

pub struct Kept {
    pub time_ns: i64,
    pub link_type: LinkType,
    pub wire_len: u32,
    pub bytes: Vec<u8>,
}

impl Kept {
    /// As the frame of that number.
    pub fn frame(&self, number: u64) -> Frame<'_> {
        let Self { time_ns, link_type, wire_len, ref bytes } = *self;
        Frame { number, time_ns, link_type, wire_len, bytes }
    }
}

/// All frames of a capture; some of ours hold none.
pub fn frames_in(path: &Path) -> Vec<Kept> {
    let mut capture = Capture::open(&[path.to_owned()], &CaptureOptions::default()).unwrap();
    let mut frames = Vec::new();
    loop {
        match capture.next_frame() {
            Ok(Some(Frame { time_ns, link_type, wire_len, bytes, .. })) => {
                frames.push(Kept { time_ns, link_type, wire_len, bytes: bytes.to_vec() });
            }
            Ok(None) | Err(CaptureError::NoFrames { .. }) => return frames,
            Err(error) => panic!("{error}"),
        }
    }
}
