//! Content codings of responses, undone as libhtp 0.5 undoes them.
//!
//! In: the body as transferred, piece by piece. Out: the body that rules see. What is undone comes out in blocks of
//! [`BLOCK_BYTES`], whatever the packets: rules see it when a block is full or the body ends. What cannot be undone is tried
//! again with the other method, and in the end passed on as it is.

use flate2::{Decompress, FlushDecompress, Status};

/// Suricata: `GZIP_BUF_SIZE` of libhtp.
const BLOCK_BYTES: usize = 8192;
/// So often a decoder is set up again.
const RESTARTS_MAX: u8 = 3;
/// A body that is longer than this and so many times longer than what was transferred is not undone any further.
/// Suricata: `compression-bomb-limit`.
const BOMB_BYTES: u64 = 1024 * 1024;
const BOMB_RATIO: u64 = 2048;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Coding {
    Gzip,
    Deflate,
    /// Known, but Suricata's default is to pass it on.
    Lzma,
}

/// What is odd about a `Content-Encoding`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Oddity {
    TooManyLayers,
    Abnormal,
}

/// The codings of a response, the first to be undone first.
#[derive(Debug)]
pub(super) struct Decoders {
    layers: Vec<Decoder>,
    bytes_in: u64,
    bytes_out: u64,
    /// The body has ended, or an error has ended the decoders.
    done: bool,
}

/// The body has ended, and yet something came for the decoders.
pub(super) struct Over;

impl Decoders {
    /// What undoes a `Content-Encoding` of at most so many layers, or any number for 0; `None` when there is nothing to undo.
    /// `at_once`: rules see what comes of a piece at once, not when a block is full.
    pub(super) fn new(value: &[u8], layers_max: usize, at_once: bool, mut tell: impl FnMut(Oddity)) -> Option<Self> {
        let text = super::text::without_nul(value);
        let is = |word: &[u8]| text.eq_ignore_ascii_case(word);
        let codings = if is(b"gzip") || is(b"x-gzip") {
            vec![Coding::Gzip]
        } else if is(b"deflate") || is(b"x-deflate") {
            vec![Coding::Deflate]
        } else if is(b"lzma") {
            vec![Coding::Lzma]
        } else if is(b"inflate") {
            Vec::new()
        } else {
            listed(value, layers_max, &mut tell)
        };
        let layers: Vec<Decoder> = codings.into_iter().map(|coding| Decoder::new(coding, at_once)).collect();
        (!layers.is_empty()).then_some(Self { layers, bytes_in: 0, bytes_out: 0, done: false })
    }

    /// Takes a piece as transferred and hands out what comes of it.
    pub(super) fn take(&mut self, data: &[u8], mut out: impl FnMut(&[u8])) -> Result<(), Over> {
        if self.done {
            return Err(Over);
        }
        self.bytes_in += data.len() as u64;
        let (bytes_in, bytes_out) = (self.bytes_in, &mut self.bytes_out);
        // a decoder that has failed in this way takes no more
        let _ = run(&mut self.layers, Some(data), &mut |block| {
            out(block);
            *bytes_out += block.len() as u64;
            if *bytes_out > BOMB_BYTES && *bytes_out > BOMB_RATIO * bytes_in { Err(Broken) } else { Ok(()) }
        });
        Ok(())
    }

    /// The body is over: hands out what is left.
    pub(super) fn finish(&mut self, mut out: impl FnMut(&[u8])) {
        if !std::mem::replace(&mut self.done, true) {
            let _ = run(&mut self.layers, None, &mut |block| {
                out(block);
                Ok(())
            });
        }
    }
}

/// The codings of a value that is not just one of the usual ones.
fn listed(value: &[u8], layers_max: usize, tell: &mut impl FnMut(Oddity)) -> Vec<Coding> {
    let holds = |layer: &[u8], word: &[u8]| super::text::contains_nocase(layer, word);
    let mut codings = Vec::new();
    let layers = value.split(|&byte| byte == b',' || byte == b' ').filter(|layer| !layer.is_empty());
    for (n_before, layer) in layers.enumerate() {
        if layers_max > 0 && n_before >= layers_max {
            tell(Oddity::TooManyLayers);
            break;
        }
        if holds(layer, b"gzip") {
            if !matches!(layer, b"gzip" | b"x-gzip") {
                tell(Oddity::Abnormal);
            }
            codings.push(Coding::Gzip);
        } else if holds(layer, b"deflate") {
            if !matches!(layer, b"deflate" | b"x-deflate") {
                tell(Oddity::Abnormal);
            }
            codings.push(Coding::Deflate);
        } else if layer == b"lzma" {
            // more of it than is allowed, which is none
            break;
        } else if !matches!(layer, b"inflate" | b"none") {
            tell(Oddity::Abnormal);
        }
    }
    codings
}

/// Nothing more comes of a decoder.
struct Broken;

type Sink<'s> = dyn FnMut(&[u8]) -> Result<(), Broken> + 's;

/// Runs a piece, or the end of the body, through all layers.
fn run(layers: &mut [Decoder], data: Option<&[u8]>, out: &mut Sink<'_>) -> Result<(), Broken> {
    let Some((first, rest)) = layers.split_first_mut() else { return data.map_or(Ok(()), out) };
    match data {
        Some(data) => first.take(data, rest, out),
        None => first.finish(rest, out),
    }
}

#[derive(Debug)]
struct Decoder {
    coding: Coding,
    at_once: bool,
    inflate: Option<Inflate>,
    /// Undone, and not a whole block yet.
    block: Vec<u8>,
    restarts: u8,
    pass_on: bool,
}

impl Decoder {
    fn new(coding: Coding, at_once: bool) -> Self {
        let pass_on = coding == Coding::Lzma;
        Self { coding, at_once, inflate: Inflate::new(coding), block: Vec::new(), restarts: 0, pass_on }
    }

    fn finish(&mut self, rest: &mut [Decoder], out: &mut Sink<'_>) -> Result<(), Broken> {
        let block = std::mem::take(&mut self.block);
        if self.pass_on || self.inflate.is_none() {
            return if block.is_empty() { Ok(()) } else { out(&block) };
        }
        // a layer that gets a last block is not told that it is the last
        run(rest, Some(block.as_slice()).filter(|block| !block.is_empty()), out)
    }

    fn take(&mut self, data: &[u8], rest: &mut [Decoder], out: &mut Sink<'_>) -> Result<(), Broken> {
        if self.pass_on {
            return out(data);
        }
        let mut left = data;
        while !left.is_empty() {
            if self.block.len() == BLOCK_BYTES {
                self.hand_on(rest, out)?;
            }
            let Some(inflate) = &mut self.inflate else { return Err(Broken) };
            match inflate.step(&mut left, &mut self.block) {
                Stepped::More => {}
                Stepped::Ended => return self.hand_on(rest, out),
                // what came before the defect is good
                Stepped::Failed if !self.block.is_empty() => return self.hand_on(rest, out),
                Stepped::Failed => match self.restart(data) {
                    Some(skip) => left = data.get(skip..).unwrap_or_default(),
                    None => {
                        self.inflate = None;
                        out(data)?;
                        self.pass_on = true;
                        return Ok(());
                    }
                },
            }
        }
        if self.at_once { self.hand_on(rest, out) } else { Ok(()) }
    }

    fn hand_on(&mut self, rest: &mut [Decoder], out: &mut Sink<'_>) -> Result<(), Broken> {
        let result = if self.block.is_empty() { Ok(()) } else { run(rest, Some(&self.block), out) };
        self.block.clear();
        if result.is_err() {
            self.inflate = None;
        }
        result
    }

    /// Tries once more with the same method, then with the other; how much of the data is to be skipped.
    fn restart(&mut self, data: &[u8]) -> Option<usize> {
        if self.restarts >= RESTARTS_MAX {
            return None;
        }
        if self.restarts > 0 {
            self.coding = match self.coding {
                Coding::Gzip => Coding::Deflate,
                _ => Coding::Gzip,
            };
        }
        self.restarts += 1;
        self.inflate = Inflate::new(self.coding);
        Some(header_bytes(data))
    }
}

/// The bytes of a gzip header with extensions, roughly.
fn header_bytes(data: &[u8]) -> usize {
    let Some(&[0x1f, 0x8b, _, flags]) = data.first_chunk::<4>() else { return 0 };
    if flags == 0 {
        return 0;
    }
    let bytes = if flags & (1 << 3 | 1 << 4) != 0 {
        let name = data.get(10..).unwrap_or_default();
        10 + name.iter().position(|&byte| byte == 0).unwrap_or(name.len()) + 1
    } else if flags & (1 << 1) != 0 {
        12
    } else {
        10
    };
    if bytes > data.len() { 0 } else { bytes }
}

enum Stepped {
    More,
    Ended,
    Failed,
}

/// zlib's `inflate`.
#[derive(Debug)]
enum Inflate {
    /// Two bytes will tell gzip from zlib.
    Undecided(Option<u8>),
    Running(Decompress),
    Ended,
    Failed,
}

impl Inflate {
    fn new(coding: Coding) -> Option<Self> {
        match coding {
            Coding::Gzip => Some(Self::Undecided(None)),
            Coding::Deflate => Some(Self::Running(Decompress::new(false))),
            Coding::Lzma => None,
        }
    }

    /// Takes of `data` what fits into what is left of a block.
    fn step(&mut self, data: &mut &[u8], block: &mut Vec<u8>) -> Stepped {
        if let Self::Undecided(first) = self {
            let Some((&byte, rest)) = data.split_first() else { return Stepped::More };
            let Some(first) = *first else {
                *first = Some(byte);
                *data = rest;
                return Stepped::More;
            };
            let mut inflate =
                if [first, byte] == [0x1f, 0x8b] { Decompress::new_gzip(15) } else { Decompress::new(true) };
            let taken = inflate.decompress(&[first], &mut [], FlushDecompress::None);
            *self = if taken.is_err() { Self::Failed } else { Self::Running(inflate) };
        }
        let inflate = match self {
            Self::Running(inflate) => inflate,
            Self::Ended => return Stepped::Ended,
            Self::Undecided(_) | Self::Failed => return Stepped::Failed,
        };
        let (before_in, before_out) = (inflate.total_in(), inflate.total_out());
        let begin = block.len();
        block.resize(BLOCK_BYTES, 0);
        let result = inflate.decompress(data, block.get_mut(begin..).unwrap_or_default(), FlushDecompress::None);
        let taken = usize::try_from(inflate.total_in() - before_in).unwrap_or(data.len());
        let made = usize::try_from(inflate.total_out() - before_out).unwrap_or(0);
        block.truncate(begin + made);
        *data = data.get(taken..).unwrap_or_default();
        match result {
            Ok(Status::StreamEnd) => {
                *self = Self::Ended;
                Stepped::Ended
            }
            Ok(_) if taken > 0 || made > 0 => Stepped::More,
            Ok(_) | Err(_) => {
                *self = Self::Failed;
                Stepped::Failed
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use std::io::Write;

    fn gzip(data: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(data).unwrap();
        encoder.finish().unwrap()
    }

    fn deflate(data: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(data).unwrap();
        encoder.finish().unwrap()
    }

    /// What comes out for each piece, and at the end.
    fn decode(value: &str, pieces: &[&[u8]]) -> Vec<Vec<u8>> {
        let mut decoders = Decoders::new(value.as_bytes(), 2, false, |_| {}).unwrap();
        let mut all = Vec::new();
        for piece in pieces {
            let mut out = Vec::new();
            decoders.take(piece, |block| out.extend_from_slice(block)).ok().unwrap();
            all.push(out);
        }
        let mut out = Vec::new();
        decoders.finish(|block| out.extend_from_slice(block));
        all.push(out);
        all
    }

    #[test]
    fn a_body_comes_out_at_its_end() {
        let coded = gzip(b"hello");
        assert_eq!(decode("gzip", &[&coded]), [&b"hello"[..], b""]);
        let pieces = decode("gzip", &[&coded[..1], &coded[1..15]]);
        assert!(pieces[0].is_empty() && pieces[1].is_empty() && b"hello".starts_with(&pieces[2]));
        assert_eq!(decode("x-deflate", &[&deflate(b"hello")]), [&b"hello"[..], b""]);
    }

    #[test]
    fn the_other_method_is_tried() {
        assert_eq!(decode("deflate", &[&gzip(b"hello")]).concat(), b"hello");
        assert_eq!(decode("gzip", &[&deflate(b"hello")]).concat(), b"hello");
        assert_eq!(decode("gzip", &[b"plain text", b", more"]), [&b"plain text"[..], b", more", b""]);
    }

    #[test]
    fn layers_are_undone_in_the_order_in_which_they_are_named() {
        let coded = gzip(&deflate(b"hello"));
        assert_eq!(decode("gzip, deflate", &[&coded]).concat(), b"hello");
        assert!(Decoders::new(b"identity", 2, false, |_| {}).is_none());
    }
}
