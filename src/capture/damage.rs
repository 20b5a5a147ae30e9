//! What can be wrong with captures: those that cannot be used at all, and those that end early.

use super::Compression;
use std::fmt;
use std::io;
use std::path::PathBuf;

/// Nothing can be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CaptureError {
    /// No path was given.
    #[error("no capture given")]
    NoPaths,
    /// A file or directory cannot be opened or listed.
    #[error("cannot open `{}`: {source}", file.display())]
    Open {
        /// The path.
        file: PathBuf,
        /// The system's word.
        source: io::Error,
    },
    /// The first bytes of a file cannot be read or decompressed.
    #[error("cannot read `{}`: {source}", file.display())]
    Read {
        /// The path.
        file: PathBuf,
        /// The system's or the decompressor's word.
        source: io::Error,
    },
    /// A file without a single byte.
    #[error("`{}` is empty", file.display())]
    Empty {
        /// The path.
        file: PathBuf,
    },
    /// A file that begins as no capture does.
    #[error("`{}` is not a capture: {}", file.display(), found(magic, *compression))]
    NotACapture {
        /// The path.
        file: PathBuf,
        /// Its first bytes, at most four.
        magic: Vec<u8>,
        /// How it is compressed, if it is; `magic` is what was inside.
        compression: Option<Compression>,
    },
    /// A capture whose file header cannot be used.
    #[error("cannot read the capture `{}`: {problem}", file.display())]
    Header {
        /// The path.
        file: PathBuf,
        /// What is wrong.
        problem: DamageKind,
    },
    /// A directory without captures.
    #[error("`{}` holds no captures; of other files and directories it holds {others}", directory.display())]
    NoCaptures {
        /// The path.
        directory: PathBuf,
        /// How many files and directories are in it.
        others: usize,
    },
    /// `-` was given more than once.
    #[error("standard input (`-`) can be read only once")]
    StandardInputTwice,
    /// Captures, but not one frame in any of them.
    #[error("no frames in {}{}", file_list(files), damage.first().map(|damage| format!(": {damage}")).unwrap_or_default())]
    NoFrames {
        /// The files that were read.
        files: Vec<PathBuf>,
        /// What is wrong with them, if anything is.
        damage: Vec<Damage>,
    },
}

impl CaptureError {
    /// What to do about it.
    pub fn help(&self) -> &'static str {
        match self {
            Self::NoPaths | Self::Empty { .. } => "give a capture: pcap or pcapng, also in gzip, zstd or lz4",
            Self::Open { source, .. } if source.kind() == io::ErrorKind::NotFound => {
                "paths are relative to the working directory"
            }
            Self::Open { .. } => "check the file's permissions",
            Self::Read { .. } | Self::Header { .. } => "the file is damaged: copy or capture it again",
            Self::NotACapture { .. } => "captures are pcap or pcapng, also in gzip, zstd or lz4",
            Self::NoCaptures { .. } => "directories are not descended into: name the one with the captures, or files",
            Self::StandardInputTwice => "give `-` once",
            Self::NoFrames { .. } => "there is nothing to replay: capture again, or check the capture filter",
        }
    }
}

fn found(magic: &[u8], compression: Option<Compression>) -> String {
    let hex: Vec<String> = magic.iter().map(|byte| format!("{byte:02x}")).collect();
    let inside = compression.map(|c| format!(" inside the {c} stream")).unwrap_or_default();
    format!("expected a pcap or pcapng magic, found `{}`{inside}", hex.join(" "))
}

fn file_list(files: &[PathBuf]) -> String {
    match files {
        [file] => format!("`{}`", file.display()),
        _ => format!("{} captures", files.len()),
    }
}

/// A capture that ended before its time: all frames in front of `offset` were delivered, none behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// The file.
    pub file: PathBuf,
    /// Where the record or block that cannot be read begins, in bytes from the start of the (decompressed) capture.
    pub offset: u64,
    /// How many frames of the file stand in front of it.
    pub frames: u64,
    /// How the file is compressed: `offset` counts decompressed bytes then.
    pub compression: Option<Compression>,
    /// What is wrong there.
    pub kind: DamageKind,
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, offset, frames, compression, kind } = self;
        let decompressed = if compression.is_some() { "decompressed " } else { "" };
        let s = if *frames == 1 { "" } else { "s" };
        write!(f, "`{}` ends early at {decompressed}byte {offset}, after {frames} frame{s}: {kind}", file.display())
    }
}

/// What is wrong with a record or block.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DamageKind {
    /// The file ends inside it.
    Truncated {
        /// Bytes it should have.
        expected: u64,
        /// Bytes that are there.
        found: u64,
    },
    /// The captured length is larger than [`MAX_FRAME_BYTES`](super::MAX_FRAME_BYTES).
    FrameTooLong {
        /// The length it claims.
        length: u32,
    },
    /// A pcapng block length that cannot be: too small, too large, or not a multiple of four.
    BlockLength {
        /// The length it claims.
        length: u32,
    },
    /// The block length behind a pcapng block differs from the one in front.
    BlockTrailer {
        /// The length in front.
        header: u32,
        /// The length behind.
        trailer: u32,
    },
    /// A pcapng packet block names an interface that was not described.
    UnknownInterface {
        /// The interface.
        interface: u32,
    },
    /// More interfaces than a section can name.
    TooManyInterfaces,
    /// A pcapng section header without a byte-order magic.
    ByteOrder,
    /// A time stamp resolution that does not fit 64 bits.
    TimeResolution {
        /// `if_tsresol` as it stands in the file.
        value: u8,
    },
    /// A version of the format that is not known.
    Version {
        /// Major.
        major: u16,
        /// Minor.
        minor: u16,
    },
    /// Reading or decompressing failed; the message of whoever failed.
    Unreadable(String),
}

impl fmt::Display for DamageKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated { expected, found } => write!(f, "{expected} bytes expected, {found} left"),
            Self::FrameTooLong { length } => {
                write!(f, "a frame of {length} bytes is larger than the maximum of {}", super::MAX_FRAME_BYTES)
            }
            Self::BlockLength { length } => write!(f, "a block cannot have {length} bytes"),
            Self::BlockTrailer { header, trailer } => {
                write!(f, "the block says {header} bytes in front and {trailer} behind")
            }
            Self::UnknownInterface { interface } => write!(f, "interface {interface} is not described"),
            Self::TooManyInterfaces => write!(f, "more than 65535 interfaces in a section"),
            Self::ByteOrder => write!(f, "a section header without a byte-order magic"),
            Self::TimeResolution { value } => write!(f, "time stamp resolution {value:#04x} is too high"),
            Self::Version { major, minor } => write!(f, "version {major}.{minor} of the format is not known"),
            Self::Unreadable(message) => f.write_str(message),
        }
    }
}

impl From<io::Error> for DamageKind {
    fn from(error: io::Error) -> Self {
        Self::Unreadable(error.to_string())
    }
}
