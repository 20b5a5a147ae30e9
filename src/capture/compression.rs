//! Compressed captures, known by their first bytes and never by their names.

use super::block_buffer::Input;
use lz4_flex::frame::FrameDecoder as Lz4Frame;
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder as ZstdFrame};
use std::fmt;
use std::io::{self, BufRead, BufReader, Read};

/// Compressed bytes are read in pieces of this size.
const COMPRESSED_BLOCK_BYTES: usize = 256 * 1024;

/// How a capture is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Compression {
    /// gzip, RFC 1952; several members are read as one stream.
    Gzip,
    /// Zstandard, RFC 8878; several frames are read as one stream, skippable ones are skipped. A window of more than
    /// 128 MiB is refused, as the `zstd` program does.
    Zstd,
    /// LZ4 frames, the legacy format among them.
    Lz4,
}

impl Compression {
    /// What the first four bytes of a file say.
    pub(super) fn sniff(magic: [u8; 4]) -> Option<Self> {
        match (magic, u32::from_le_bytes(magic)) {
            ([0x1f, 0x8b, _, _], _) => Some(Self::Gzip),
            // Zstandard and LZ4 share their skippable frames; only Zstandard's tools put one first.
            (_, 0xfd2f_b528 | 0x184d_2a50..=0x184d_2a5f) => Some(Self::Zstd),
            (_, 0x184d_2204 | 0x184c_2102) => Some(Self::Lz4),
            _ => None,
        }
    }

    /// Decompresses `input`.
    pub(super) fn decoder(self, input: Input) -> Input {
        let input = BufReader::with_capacity(COMPRESSED_BLOCK_BYTES, input);
        match self {
            Self::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(input)),
            Self::Zstd => Box::new(ZstdFrames { input, frame: ZstdFrame::new(), in_frame: false }),
            Self::Lz4 => Box::new(Lz4Frames { frame: Some(Lz4Frame::new(input)) }),
        }
    }
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
            Self::Lz4 => "lz4",
        })
    }
}

/// The decoder of `ruzstd` stops after one frame; this goes on to the next.
struct ZstdFrames<R> {
    input: R,
    frame: ZstdFrame,
    in_frame: bool,
}

impl<R: BufRead> Read for ZstdFrames<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if !self.in_frame {
                if self.input.fill_buf()?.is_empty() {
                    return Ok(0);
                }
                match self.frame.init(&mut self.input) {
                    Ok(()) => self.in_frame = true,
                    Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                        length, ..
                    })) => {
                        skip(&mut self.input, u64::from(length))?;
                        continue;
                    }
                    Err(error) => return Err(io::Error::new(io::ErrorKind::InvalidData, error)),
                }
            }
            while self.frame.can_collect() == 0 && !self.frame.is_finished() {
                self.frame
                    .decode_blocks(&mut self.input, BlockDecodingStrategy::UptoBlocks(1))
                    .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
            }
            if self.frame.can_collect() > 0 {
                return self.frame.read(buffer);
            }
            let stored = self.frame.get_checksum_from_data();
            if stored.is_some() && stored != self.frame.get_calculated_checksum() {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "checksum mismatch in a zstd frame"));
            }
            self.in_frame = false;
        }
    }
}

/// The decoder of `lz4_flex` says 0 at the end of each frame, refuses skippable ones, and must not be used for a frame
/// with smaller blocks than the one before.
struct Lz4Frames<R: BufRead> {
    /// `None` after an error.
    frame: Option<Lz4Frame<R>>,
}

impl<R: BufRead> Read for Lz4Frames<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while let Some(mut frame) = self.frame.take() {
            match frame.read(buffer) {
                Ok(0) if !buffer.is_empty() => {
                    let mut input = frame.into_inner();
                    if input.fill_buf()?.is_empty() {
                        return Ok(0);
                    }
                    self.frame = Some(Lz4Frame::new(input));
                }
                Ok(read) => {
                    self.frame = Some(frame);
                    return Ok(read);
                }
                Err(error) => {
                    let length = match error.get_ref().and_then(|e| e.downcast_ref::<lz4_flex::frame::Error>()) {
                        Some(lz4_flex::frame::Error::SkippableFrame(length)) => *length,
                        _ => return Err(error),
                    };
                    let mut input = frame.into_inner();
                    skip(&mut input, u64::from(length))?;
                    self.frame = Some(Lz4Frame::new(input));
                }
            }
        }
        Ok(0)
    }
}

fn skip(input: &mut impl Read, length: u64) -> io::Result<()> {
    if io::copy(&mut input.take(length), &mut io::sink())? < length {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(())
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use std::io::Write;

    pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    pub(crate) fn zstd(bytes: &[u8]) -> Vec<u8> {
        ruzstd::encoding::compress_to_vec(bytes, ruzstd::encoding::CompressionLevel::Fastest)
    }

    pub(crate) fn lz4(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = lz4_flex::frame::FrameEncoder::new(Vec::new());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn skippable() -> Vec<u8> {
        [&0x184d_2a53_u32.to_le_bytes()[..], &3_u32.to_le_bytes(), b"abc"].concat()
    }

    fn read(bytes: Vec<u8>) -> io::Result<Vec<u8>> {
        let compression = Compression::sniff(bytes[..4].try_into().unwrap()).unwrap();
        let mut all = Vec::new();
        compression.decoder(Box::new(io::Cursor::new(bytes))).read_to_end(&mut all)?;
        Ok(all)
    }

    #[test]
    fn several_members_or_frames_are_one_stream() {
        let (first, second) = (vec![7; 300_000], b"the end".to_vec());
        let whole = [&first[..], &second].concat();
        assert_eq!(read([gzip(&first), gzip(&second)].concat()).unwrap(), whole);
        assert_eq!(read([zstd(&first), skippable(), zstd(b""), zstd(&second)].concat()).unwrap(), whole);
        assert_eq!(read([skippable(), zstd(&whole)].concat()).unwrap(), whole);
        assert_eq!(read([lz4(&first), skippable(), lz4(b""), lz4(&second)].concat()).unwrap(), whole);
    }

    #[test]
    fn a_cut_stream_is_an_error_and_not_an_end() {
        let bytes: Vec<u8> = (0..100_000_u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
        for mut packed in [gzip(&bytes), zstd(&bytes), lz4(&bytes)] {
            packed.truncate(packed.len() / 2);
            assert!(read(packed).is_err());
        }
    }
}
