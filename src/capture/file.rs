//! One capture file, opened and read frame by frame.

use super::block_buffer::{BlockBuffer, Input};
use super::pcap::PcapFile;
use super::pcapng::PcapNgFile;
use super::{CaptureError, Compression, Damage, DamageKind, Record};
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A capture that is open.
pub(super) struct CaptureFile {
    name: PathBuf,
    buffer: BlockBuffer,
    format: Format,
    compression: Option<Compression>,
    frames: u64,
    /// The record that [`CaptureFile::frame`] shows; its bytes are still in the buffer.
    record: Option<Record>,
}

enum Format {
    Pcap(PcapFile),
    PcapNg(PcapNgFile),
}

impl CaptureFile {
    /// Opens `path`, counting the bytes that are read from the disk in `progress`. `block` is the buffer to use.
    pub(super) fn open(path: &Path, block: Vec<u8>, progress: &Arc<AtomicU64>) -> Result<Self, CaptureError> {
        let file = File::open(path).map_err(|source| CaptureError::Open { file: path.to_owned(), source })?;
        Self::from_input(path.to_owned(), Box::new(file), block, progress)
    }

    /// Reads a stream called `name` from its beginning.
    pub(super) fn from_input(
        name: PathBuf,
        input: Input,
        block: Vec<u8>,
        progress: &Arc<AtomicU64>,
    ) -> Result<Self, CaptureError> {
        let input = Box::new(Counted { input, total: Arc::clone(progress) });
        let mut buffer = BlockBuffer::new(input, block);
        let mut magic = sniff(&mut buffer, &name, None)?;
        let compression = Compression::sniff(magic);
        if let Some(compression) = compression {
            let (input, block) = buffer.into_parts();
            buffer = BlockBuffer::new(compression.decoder(input), block);
            magic = sniff(&mut buffer, &name, Some(compression))?;
        }
        let format = if let Some(order) = PcapFile::sniff(magic) {
            PcapFile::open(&mut buffer, order).map(Format::Pcap)
        } else if PcapNgFile::sniff(magic) {
            PcapNgFile::open(&mut buffer).map(Format::PcapNg)
        } else {
            return Err(CaptureError::NotACapture { file: name, magic: magic.to_vec(), compression });
        };
        match format {
            Ok(format) => Ok(Self { name, buffer, format, compression, frames: 0, record: None }),
            Err(problem) => Err(CaptureError::Header { file: name, problem }),
        }
    }

    /// Goes to the next frame and gives its time; `None` at the end.
    #[inline]
    pub(super) fn advance(&mut self) -> Result<Option<i64>, Damage> {
        if let Some(record) = self.record.take() {
            self.buffer.consume(record.total_bytes);
        }
        let next = match &mut self.format {
            Format::Pcap(file) => file.next(&mut self.buffer),
            Format::PcapNg(file) => file.next(&mut self.buffer),
        };
        match next {
            Ok(Some(record)) => {
                self.frames += 1;
                let time_ns = record.time_ns;
                self.record = Some(record);
                Ok(Some(time_ns))
            }
            Ok(None) => Ok(None),
            Err(kind) => Err(self.damage(kind)),
        }
    }

    /// Goes to the next frame if that needs no reading; then frames before it stay in the block as well. False, too, where
    /// the file is damaged, which [`CaptureFile::advance`] tells.
    #[inline]
    pub(super) fn advance_at_hand(&mut self) -> bool {
        if let Some(record) = self.record.take() {
            self.buffer.consume(record.total_bytes);
        }
        let bytes = self.buffer.bytes();
        let next = match &mut self.format {
            Format::Pcap(file) if file.is_at_hand(bytes) => file.next(&mut self.buffer),
            Format::PcapNg(file) if file.is_at_hand(bytes) => file.next(&mut self.buffer),
            Format::Pcap(_) | Format::PcapNg(_) => return false,
        };
        self.record = next.ok().flatten();
        self.frames += u64::from(self.record.is_some());
        self.record.is_some()
    }

    /// The current frame's record, and where its bytes begin in the block.
    #[inline]
    pub(super) fn place(&self) -> Option<(&Record, usize)> {
        self.record.as_ref().map(|record| (record, self.buffer.start() + record.frame_start))
    }

    /// Gives the block away with the frames in it, all of which have been gone to, and goes on in another.
    pub(super) fn exchange_block(&mut self, block: Vec<u8>) -> Vec<u8> {
        self.buffer.exchange(block)
    }

    /// The current frame's record and bytes.
    #[inline]
    pub(super) fn frame(&self) -> Option<(&Record, &[u8])> {
        let record = self.record.as_ref()?;
        let end = record.frame_start + record.frame_bytes;
        Some((record, self.buffer.bytes().get(record.frame_start..end)?))
    }

    /// Closes the file and keeps its buffer.
    pub(super) fn into_block(self) -> Vec<u8> {
        self.buffer.into_buffer()
    }

    #[cold]
    fn damage(&self, kind: DamageKind) -> Damage {
        Damage {
            file: self.name.clone(),
            offset: self.buffer.record_offset(),
            frames: self.frames,
            compression: self.compression,
            kind,
        }
    }
}

/// The first four bytes. They stay in the buffer.
fn sniff(buffer: &mut BlockBuffer, name: &Path, compression: Option<Compression>) -> Result<[u8; 4], CaptureError> {
    buffer.require(4).map_err(|source| CaptureError::Read { file: name.to_owned(), source })?;
    match (buffer.bytes().first_chunk(), buffer.bytes()) {
        (Some(magic), _) => Ok(*magic),
        (None, []) => Err(CaptureError::Empty { file: name.to_owned() }),
        (None, few) => Err(CaptureError::NotACapture { file: name.to_owned(), magic: few.to_vec(), compression }),
    }
}

/// Counts what is read.
struct Counted {
    input: Input,
    total: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read(buffer)?;
        self.total.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}
