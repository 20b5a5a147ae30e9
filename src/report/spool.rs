//! Records that must come out later than they become known, in bounded memory.
//!
//! Up to a bound they are held; beyond it they go to a temporary file, which is gone when the spool is.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

/// Bytes held in memory per spool before a file is used.
pub const MEMORY_BYTES: usize = 32 << 20;

/// A queue of bytes.
#[derive(Debug)]
pub struct Spool {
    bound: usize,
    memory: Vec<u8>,
    file: Option<Temporary>,
}

impl Spool {
    /// An empty one that holds `bound` bytes in memory.
    pub fn new(bound: usize) -> Self {
        Self { bound, memory: Vec::new(), file: None }
    }

    /// Appends a record.
    pub fn push(&mut self, record: &[u8]) -> io::Result<()> {
        if self.memory.len() + record.len() > self.bound && !self.memory.is_empty() {
            let file = match &mut self.file {
                Some(file) => file,
                empty => empty.insert(Temporary::create()?),
            };
            file.file.write_all(&self.memory)?;
            self.memory.clear();
        }
        self.memory.extend_from_slice(record);
        Ok(())
    }

    /// Writes everything to `out` in order of arrival, and is empty again.
    pub fn drain(&mut self, out: &mut dyn Write) -> io::Result<()> {
        if let Some(mut file) = self.file.take() {
            file.file.seek(SeekFrom::Start(0))?;
            io::copy(&mut file.file, out)?;
        }
        out.write_all(&self.memory)?;
        self.memory = Vec::new();
        Ok(())
    }
}

/// Records that come out in order of a key: an external merge sort.
#[derive(Debug)]
pub struct SortedSpool {
    bound: usize,
    held: usize,
    rows: Vec<Row>,
    runs: Vec<Temporary>,
}

/// A key, compared as bytes, and its record.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Row {
    key: Box<[u8]>,
    record: Box<[u8]>,
}

impl SortedSpool {
    /// An empty one that holds about `bound` bytes in memory.
    pub fn new(bound: usize) -> Self {
        Self { bound, held: 0, rows: Vec::new(), runs: Vec::new() }
    }

    /// Adds a record.
    pub fn push(&mut self, key: &[u8], record: &[u8]) -> io::Result<()> {
        let size = size_of::<Row>() + key.len() + record.len();
        if self.held + size > self.bound && !self.rows.is_empty() {
            self.write_run()?;
        }
        self.held += size;
        self.rows.push(Row { key: key.into(), record: record.into() });
        Ok(())
    }

    /// Writes everything to `out` by ascending key, and is empty again.
    pub fn drain(&mut self, out: &mut dyn Write) -> io::Result<()> {
        if !self.runs.is_empty() && !self.rows.is_empty() {
            self.write_run()?;
        }
        self.rows.sort_unstable();
        for row in self.rows.drain(..) {
            out.write_all(&row.record)?;
        }
        self.held = 0;

        let mut runs = Vec::new();
        let mut next = BinaryHeap::new();
        for (index, mut run) in std::mem::take(&mut self.runs).into_iter().enumerate() {
            run.file.seek(SeekFrom::Start(0))?;
            let mut run = BufReader::new(run);
            if let Some(row) = read_row(&mut run)? {
                next.push(Reverse((row, index)));
            }
            runs.push(run);
        }
        while let Some(Reverse((row, index))) = next.pop() {
            out.write_all(&row.record)?;
            let Some(run) = runs.get_mut(index) else { continue };
            if let Some(row) = read_row(run)? {
                next.push(Reverse((row, index)));
            }
        }
        Ok(())
    }

    fn write_run(&mut self) -> io::Result<()> {
        self.rows.sort_unstable();
        let mut out = BufWriter::new(Temporary::create()?);
        for row in self.rows.drain(..) {
            out.write_all(&(row.key.len() as u32).to_le_bytes())?;
            out.write_all(&row.key)?;
            out.write_all(&(row.record.len() as u32).to_le_bytes())?;
            out.write_all(&row.record)?;
        }
        self.held = 0;
        self.runs.push(out.into_inner().map_err(io::IntoInnerError::into_error)?);
        Ok(())
    }
}

fn read_row(run: &mut BufReader<Temporary>) -> io::Result<Option<Row>> {
    let mut len = [0; 4];
    match run.read_exact(&mut len) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(error),
    }
    // the lengths are our own: written by `write_run` into a file that nobody else has
    let mut key = vec![0; u32::from_le_bytes(len) as usize];
    run.read_exact(&mut key)?;
    run.read_exact(&mut len)?;
    let mut record = vec![0; u32::from_le_bytes(len) as usize];
    run.read_exact(&mut record)?;
    Ok(Some(Row { key: key.into(), record: record.into() }))
}

/// A file in the system's temporary directory that nobody else can have opened.
#[derive(Debug)]
struct Temporary {
    file: File,
    path: Option<PathBuf>,
}

impl Temporary {
    fn create() -> io::Result<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        loop {
            let name = format!("firedrill-{}-{}.spool", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
            let path = std::env::temp_dir().join(name);
            match OpenOptions::new().read(true).write(true).create_new(true).open(&path) {
                // where an open file can be removed it is removed at once, so that a killed run leaves nothing behind
                Ok(file) if cfg!(unix) && std::fs::remove_file(&path).is_ok() => return Ok(Self { file, path: None }),
                Ok(file) => return Ok(Self { file, path: Some(path) }),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
    }
}

impl Read for Temporary {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.file.read(buf)
    }
}

impl Write for Temporary {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.file.write(buf)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if let Some(path) = &self.path {
            let _ = std::fs::remove_file(path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spool_gives_back_what_went_in_whatever_its_bound() {
        for bound in [1, 10, 1000] {
            let mut spool = Spool::new(bound);
            for record in ["one", "two", "three", "four"] {
                spool.push(record.as_bytes()).unwrap();
            }
            let mut out = Vec::new();
            spool.drain(&mut out).unwrap();
            assert_eq!(out, b"onetwothreefour");
            assert!(spool.file.is_none());
        }
    }

    #[test]
    fn a_sorted_spool_sorts_whatever_its_bound() {
        for bound in [1, 150, 1 << 20] {
            let mut spool = SortedSpool::new(bound);
            for key in [5_u8, 1, 4, 1, 3] {
                spool.push(&[key], format!("{key} ").as_bytes()).unwrap();
            }
            let mut out = Vec::new();
            spool.drain(&mut out).unwrap();
            assert_eq!(out, b"1 1 3 4 5 ");
        }
    }
}
