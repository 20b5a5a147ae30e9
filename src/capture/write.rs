//! Writing classic pcap files: synthesized traffic, excerpts.

use super::LinkType;
use std::io::{self, Write};

/// Writes a little-endian pcap with microseconds.
#[derive(Debug)]
pub struct PcapWriter<W: Write> {
    output: W,
}

impl<W: Write> PcapWriter<W> {
    /// Writes the file header; all frames must have this link type.
    pub fn new(mut output: W, link_type: LinkType) -> io::Result<Self> {
        output.write_all(&0xa1b2_c3d4_u32.to_le_bytes())?;
        output.write_all(&[2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0])?; // version 2.4, UTC, no accuracy
        output.write_all(&super::MAX_FRAME_BYTES.to_le_bytes())?;
        output.write_all(&u32::from(link_type.0).to_le_bytes())?;
        Ok(Self { output })
    }

    /// Writes a frame of at most [`MAX_FRAME_BYTES`](super::MAX_FRAME_BYTES). Times before 1970 or after 2106 are set to
    /// these limits, and nanoseconds below a microsecond are lost.
    pub fn write(&mut self, time_ns: i64, wire_len: u32, bytes: &[u8]) -> io::Result<()> {
        let length = u32::try_from(bytes.len()).ok().filter(|&length| length <= super::MAX_FRAME_BYTES);
        let length = length.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "the frame is too long"))?;
        let seconds = time_ns.div_euclid(1_000_000_000).clamp(0, i64::from(u32::MAX)) as u32;
        let microseconds = (time_ns.rem_euclid(1_000_000_000) / 1000) as u32;
        for number in [seconds, microseconds, length, wire_len] {
            self.output.write_all(&number.to_le_bytes())?;
        }
        self.output.write_all(bytes)
    }

    /// Flushes and gives the output back.
    pub fn finish(mut self) -> io::Result<W> {
        self.output.flush()?;
        Ok(self.output)
    }
}
