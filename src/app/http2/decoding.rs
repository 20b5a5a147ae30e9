//! Content codings of HTTP/2 bodies, undone as Suricata undoes them: what can be undone of a frame comes out with it, and
//! after a defect the rest is passed on as it is.

use brotli_decompressor::{BrotliDecompressStream, BrotliResult, BrotliState, StandardAlloc};
use flate2::{Decompress, FlushDecompress, Status};
use std::fmt;

/// So much room is made at a time for what comes out.
const STEP_BYTES: usize = 4096;

/// How a body is coded. The first `content-encoding` counts.
#[derive(Debug, Default)]
pub(super) enum Coding {
    /// None has been named.
    #[default]
    Unknown,
    /// Nothing is undone.
    Plain,
    Deflate(Box<Decompress>),
    Brotli(Box<Brotli>),
    /// The coded body has ended; what follows is nothing.
    Ended,
}

/// A brotli decoder.
pub(super) struct Brotli(BrotliState<StandardAlloc, StandardAlloc, StandardAlloc>);

impl fmt::Debug for Brotli {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Brotli")
    }
}

/// It cannot be undone.
pub(super) struct Defect;

impl Coding {
    pub(super) fn named(&mut self, value: &[u8]) {
        if !matches!(self, Self::Unknown) {
            return;
        }
        *self = match value {
            b"gzip" => Self::Deflate(Box::new(Decompress::new_gzip(15))),
            b"deflate" => Self::Deflate(Box::new(Decompress::new(false))),
            b"br" => {
                let alloc = StandardAlloc::default;
                Self::Brotli(Box::new(Brotli(BrotliState::new(alloc(), alloc(), alloc()))))
            }
            _ => Self::Plain,
        };
    }

    /// Undoes what comes in a frame, up to `max` bytes of it.
    pub(super) fn undo(&mut self, data: &[u8], max: usize) -> Result<Vec<u8>, Defect> {
        let mut out = Vec::new();
        let ended = match self {
            Self::Unknown | Self::Plain => return Ok(data.to_vec()),
            Self::Ended => return Ok(out),
            Self::Deflate(inflate) => inflated(inflate, data, max, &mut out),
            Self::Brotli(brotli) => unbrotlied(brotli, data, max, &mut out),
        };
        match ended {
            Ok(false) => Ok(out),
            Ok(true) => {
                *self = Self::Ended;
                Ok(out)
            }
            Err(Defect) => {
                *self = Self::Plain;
                Err(Defect)
            }
        }
    }
}

/// `true`: the coded body ends here.
fn inflated(inflate: &mut Decompress, mut data: &[u8], max: usize, out: &mut Vec<u8>) -> Result<bool, Defect> {
    while out.len() < max {
        let begin = out.len();
        out.resize(begin + STEP_BYTES, 0);
        let before = (inflate.total_in(), inflate.total_out());
        let status = inflate.decompress(data, out.get_mut(begin..).unwrap_or_default(), FlushDecompress::None);
        let taken = usize::try_from(inflate.total_in() - before.0).unwrap_or(data.len());
        let made = usize::try_from(inflate.total_out() - before.1).unwrap_or(0);
        out.truncate(begin + made);
        data = data.get(taken..).unwrap_or_default();
        match status {
            Ok(Status::StreamEnd) => return Ok(true),
            Ok(_) if taken == 0 && made == 0 => return Ok(false),
            Ok(_) if data.is_empty() && made < STEP_BYTES => return Ok(false),
            Ok(_) => {}
            Err(_) => return Err(Defect),
        }
    }
    Ok(false)
}

/// `true`: the coded body ends here.
fn unbrotlied(brotli: &mut Brotli, data: &[u8], max: usize, out: &mut Vec<u8>) -> Result<bool, Defect> {
    let (mut left, mut at, mut total) = (data.len(), 0, 0);
    while out.len() < max {
        let begin = out.len();
        out.resize(begin + STEP_BYTES, 0);
        let (mut room, mut made) = (STEP_BYTES, 0);
        let space = out.get_mut(begin..).unwrap_or_default();
        let state = &mut brotli.0;
        let result = BrotliDecompressStream(&mut left, &mut at, data, &mut room, &mut made, space, &mut total, state);
        out.truncate(begin + made);
        match result {
            BrotliResult::ResultSuccess => return Ok(true),
            BrotliResult::NeedsMoreInput => return Ok(false),
            BrotliResult::NeedsMoreOutput => {}
            BrotliResult::ResultFailure => return Err(Defect),
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn undo(name: &str, pieces: &[&[u8]]) -> Vec<Vec<u8>> {
        let mut coding = Coding::default();
        coding.named(name.as_bytes());
        pieces.iter().map(|piece| coding.undo(piece, 1 << 20).unwrap_or_default()).collect()
    }

    #[test]
    fn what_can_be_undone_comes_out_at_once() {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::none());
        encoder.write_all(b"hello world").unwrap();
        let coded = encoder.finish().unwrap();
        let out = undo("gzip", &[&coded[..20], &coded[20..], b"more"]);
        assert!(b"hello world".starts_with(&out[0]) && !out[0].is_empty());
        assert_eq!((out.concat().as_slice(), out[2].as_slice()), (&b"hello world"[..], &b""[..]));
    }

    #[test]
    fn brotli_is_undone() {
        let coded = b"\x0b\x02\x80hello\x03";
        assert_eq!(undo("br", &[&coded[..4], &coded[4..]]).concat(), b"hello");
    }

    #[test]
    fn after_a_defect_the_rest_is_passed_on() {
        assert_eq!(undo("gzip", &[b"no gzip", b"plain"]), [&b""[..], b"plain"]);
        assert_eq!(undo("identity", &[b"plain"]), [b"plain"]);
    }
}
