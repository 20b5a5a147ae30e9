//! Several captures as one stream in order of time.

use super::file::CaptureFile;
use super::paths::{self, Skipped};
use super::{Batch, CaptureError, Damage, Frame, LinkType, MIN_BLOCK_BYTES, Record};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// All blocks together should stay below this when many files are open at the same time.
const BLOCKS_BUDGET_BYTES: usize = 64 * 1024 * 1024;

/// A batch is full with so many frames, however small they are.
const MAX_COPIED_FRAMES: usize = 16_384;

/// How to read captures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaptureOptions {
    /// Bytes to read at once, default 1 MiB, at least 64 KiB. With more than 64 files it is less, so that memory stays
    /// bounded when all of them overlap in time.
    pub block_bytes: usize,
}

impl Default for CaptureOptions {
    fn default() -> Self {
        Self { block_bytes: 1024 * 1024 }
    }
}

/// What was seen so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CaptureStats {
    /// Frames delivered.
    pub frames: u64,
    /// Frames whose time is before that of the frame in front of them.
    pub time_went_backwards: u64,
    /// Frames that the snap length cut.
    pub cut_frames: u64,
    /// Link types in order of appearance.
    pub link_types: Vec<LinkType>,
}

/// One or more captures as a stream of frames, ordered by time. Of frames with equal times those of the file named first
/// come first; within a file its own order is kept, even where its time goes backwards.
///
/// ```no_run
/// # use firedrill::capture::{Capture, CaptureError, CaptureOptions};
/// # fn main() -> Result<(), CaptureError> {
/// let mut capture = Capture::open(&["morning.pcapng.zst".into(), "noon.pcap".into()], &CaptureOptions::default())?;
/// while let Some(frame) = capture.next_frame()? {
///     assert!(frame.number > 0);
/// }
/// for damage in capture.damage() {
///     // the frames in front of the damage were delivered
///     assert!(damage.to_string().contains("ends early"));
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Capture {
    sources: Vec<Source>,
    names: Vec<PathBuf>,
    /// Sources that have a frame to offer: its time, and their place in `sources`.
    waiting: BinaryHeap<Reverse<(i64, usize)>>,
    current: Option<usize>,
    last_time_ns: i64,
    block_bytes: usize,
    spare_blocks: Vec<Vec<u8>>,
    bytes_read: Arc<AtomicU64>,
    total_bytes: Option<u64>,
    stats: CaptureStats,
    damage: Vec<Damage>,
    skipped: Vec<Skipped>,
}

/// A file of the merge.
enum Source {
    /// Its first frame's time is known; it is opened when its turn comes, so that a thousand files in a row need one
    /// descriptor and one buffer.
    Closed(PathBuf),
    Open(Box<CaptureFile>),
    Finished,
}

impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Closed(path) => f.debug_tuple("Closed").field(path).finish(),
            Self::Open(_) => f.write_str("Open"),
            Self::Finished => f.write_str("Finished"),
        }
    }
}

impl CaptureStats {
    #[inline]
    fn note(&mut self, record: &Record, last_time_ns: &mut i64) {
        if record.time_ns < *last_time_ns && self.frames > 0 {
            self.time_went_backwards += 1;
        }
        *last_time_ns = record.time_ns;
        self.frames += 1;
        self.cut_frames += u64::from(record.wire_len as usize > record.frame_bytes);
        if self.link_types.last() != Some(&record.link_type) && !self.link_types.contains(&record.link_type) {
            self.link_types.push(record.link_type);
        }
    }
}

impl Capture {
    /// Opens captures. `-` is standard input. A directory stands for the captures in it (not below it), sorted by name;
    /// what else is in it can be asked for with [`Capture::skipped`].
    ///
    /// # Errors
    /// When a file cannot be opened or is no capture, or a directory holds none. Damage further on is no error:
    /// see [`Capture::damage`].
    pub fn open(paths: &[PathBuf], options: &CaptureOptions) -> Result<Self, CaptureError> {
        if paths.is_empty() {
            return Err(CaptureError::NoPaths);
        }
        let found = paths::expand(paths)?;
        let share = BLOCKS_BUDGET_BYTES / found.files.len().max(1);
        let block_bytes = options.block_bytes.min(share).max(MIN_BLOCK_BYTES);
        let mut capture = Self::empty(block_bytes);
        capture.total_bytes = found.total_bytes;
        capture.skipped = found.skipped;
        capture.damage = found.damage;
        capture.names.clone_from(&found.files);
        for path in &found.files {
            capture.add_path(path, found.files.len() == 1)?;
        }
        Ok(capture)
    }

    /// Reads one capture from anything; `name` is what messages call it.
    ///
    /// # Errors
    /// When it does not begin as a capture.
    pub fn from_reader(name: impl Into<PathBuf>, reader: impl Read + Send + 'static) -> Result<Self, CaptureError> {
        let mut capture = Self::empty(CaptureOptions::default().block_bytes);
        let block = capture.block();
        let name = name.into();
        capture.names.push(name.clone());
        let file = CaptureFile::from_input(name, Box::new(reader), block, &capture.bytes_read)?;
        capture.add_open(file);
        Ok(capture)
    }

    /// The next frame; `None` at the end of all files.
    ///
    /// # Errors
    /// When a file that was there at the start cannot be opened any more, and [`CaptureError::NoFrames`] when there is
    /// not a single frame.
    #[inline]
    pub fn next_frame(&mut self) -> Result<Option<Frame<'_>>, CaptureError> {
        match self.select()? {
            Some(index) => Ok(self.show(index)),
            None => self.check_end().map(|()| None),
        }
    }

    /// A capture without a frame is none.
    fn check_end(&self) -> Result<(), CaptureError> {
        if self.stats.frames > 0 {
            return Ok(());
        }
        Err(CaptureError::NoFrames { files: self.names.clone(), damage: self.damage.clone() })
    }

    /// The frame of a file that has been selected.
    #[inline]
    fn show(&mut self, index: usize) -> Option<Frame<'_>> {
        let Some(Source::Open(file)) = self.sources.get(index) else { return None };
        let (record, bytes) = file.frame()?;
        self.stats.note(record, &mut self.last_time_ns);
        Some(Frame {
            number: self.stats.frames,
            time_ns: record.time_ns,
            link_type: record.link_type,
            wire_len: record.wire_len,
            bytes,
        })
    }

    /// Fills a batch with the next frames: those of a block, or as many as can be had without waiting for input. It stays
    /// empty at the end of all files.
    ///
    /// # Errors
    /// Those of [`Capture::next_frame`]; the batch holds the frames in front.
    pub fn next_batch(&mut self, batch: &mut Batch) -> Result<(), CaptureError> {
        batch.clear();
        let Some(index) = self.select()? else { return self.check_end() };
        if self.waiting.is_empty()
            && let Some(Source::Open(file)) = self.sources.get_mut(index)
        {
            // no other file has a frame to put in between: the block goes from hand to hand
            while let Some((record, start)) = file.place() {
                self.stats.note(record, &mut self.last_time_ns);
                batch.note(self.stats.frames, record, start);
                file.advance_at_hand();
            }
            batch.exchange(|block| file.exchange_block(block));
            return Ok(());
        }
        batch.drop_bytes();
        let mut next = Some(index);
        while let Some(index) = next {
            if let Some(frame) = self.show(index) {
                batch.push(&frame);
            }
            if batch.n_bytes() >= self.block_bytes || batch.len() >= MAX_COPIED_FRAMES {
                break;
            }
            next = self.select()?;
        }
        Ok(())
    }

    /// Bytes read so far and, if it is known, how many there are; compressed bytes where files are compressed.
    pub fn progress(&self) -> (u64, Option<u64>) {
        (self.bytes_read.load(Ordering::Relaxed), self.total_bytes)
    }

    /// Files that ended early so far, with the place. Complete when [`Capture::next_frame`] has returned `None`.
    pub fn damage(&self) -> &[Damage] {
        &self.damage
    }

    /// What was in the directories beside captures.
    pub fn skipped(&self) -> &[Skipped] {
        &self.skipped
    }

    /// What was seen so far.
    pub fn stats(&self) -> &CaptureStats {
        &self.stats
    }

    /// How many files are read.
    pub fn n_files(&self) -> usize {
        self.sources.len()
    }

    fn empty(block_bytes: usize) -> Self {
        Self {
            sources: Vec::new(),
            names: Vec::new(),
            waiting: BinaryHeap::new(),
            current: None,
            last_time_ns: 0,
            block_bytes,
            spare_blocks: Vec::new(),
            bytes_read: Arc::default(),
            total_bytes: None,
            stats: CaptureStats::default(),
            damage: Vec::new(),
            skipped: Vec::new(),
        }
    }

    fn add_path(&mut self, path: &Path, alone: bool) -> Result<(), CaptureError> {
        let block = self.block();
        if path == Path::new(paths::STANDARD_INPUT) {
            let input = Box::new(std::io::stdin());
            let file = CaptureFile::from_input("standard input".into(), input, block, &self.bytes_read)?;
            self.add_open(file);
        } else if alone || !path.is_file() {
            // A pipe cannot be read a second time.
            let file = CaptureFile::open(path, block, &self.bytes_read)?;
            self.add_open(file);
        } else {
            let mut file = CaptureFile::open(path, block, &Arc::default())?;
            let first = self.advance(&mut file);
            self.spare_blocks.push(file.into_block());
            self.add(Source::Closed(path.to_owned()), first);
        }
        Ok(())
    }

    fn add_open(&mut self, mut file: CaptureFile) {
        let first = self.advance(&mut file);
        self.add(Source::Open(Box::new(file)), first);
    }

    fn add(&mut self, source: Source, first: Option<i64>) {
        if let Some(time) = first {
            self.waiting.push(Reverse((time, self.sources.len())));
            self.sources.push(source);
        } else {
            self.sources.push(Source::Finished);
        }
    }

    /// The file whose frame is next, with that frame ready to be shown.
    #[inline]
    fn select(&mut self) -> Result<Option<usize>, CaptureError> {
        if let Some(index) = self.current {
            let Some(Source::Open(file)) = self.sources.get_mut(index) else { return Ok(None) };
            match file.advance() {
                Ok(Some(time)) if self.waiting.peek().is_none_or(|Reverse(first)| (time, index) < *first) => {
                    return Ok(Some(index));
                }
                Ok(Some(time)) => self.waiting.push(Reverse((time, index))),
                Ok(None) => self.close(index),
                Err(damage) => {
                    self.damage.push(damage);
                    self.close(index);
                }
            }
        }
        self.select_waiting()
    }

    fn select_waiting(&mut self) -> Result<Option<usize>, CaptureError> {
        loop {
            let Some(Reverse((_, index))) = self.waiting.pop() else {
                self.current = None;
                return Ok(None);
            };
            self.current = Some(index);
            let Some(Source::Closed(path)) = self.sources.get(index) else { return Ok(Some(index)) };
            let path = path.clone();
            let block = self.block();
            let mut file = CaptureFile::open(&path, block, &self.bytes_read)?;
            if self.advance(&mut file).is_some()
                && let Some(source) = self.sources.get_mut(index)
            {
                *source = Source::Open(Box::new(file));
                return Ok(Some(index));
            }
        }
    }

    fn advance(&mut self, file: &mut CaptureFile) -> Option<i64> {
        file.advance().unwrap_or_else(|damage| {
            self.damage.push(damage);
            None
        })
    }

    fn close(&mut self, index: usize) {
        if let Some(source) = self.sources.get_mut(index)
            && let Source::Open(file) = std::mem::replace(source, Source::Finished)
        {
            self.spare_blocks.push(file.into_block());
        }
    }

    fn block(&mut self) -> Vec<u8> {
        self.spare_blocks.pop().unwrap_or_else(|| vec![0; self.block_bytes])
    }
}
