//! Which files a list of paths stands for.

use super::file::CaptureFile;
use super::{CaptureError, Damage, MIN_BLOCK_BYTES};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Stands for standard input.
pub(super) const STANDARD_INPUT: &str = "-";

/// An entry of a directory that is not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// The entry.
    pub path: PathBuf,
    /// Why not.
    pub reason: SkipReason,
}

/// Why an entry of a directory is not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SkipReason {
    /// It does not begin as a capture does.
    NotACapture,
    /// It has no bytes.
    Empty,
    /// It is a directory, and directories are not descended into, or a device, a socket, ...
    NotAFile,
}

pub(super) struct Found {
    pub(super) files: Vec<PathBuf>,
    pub(super) skipped: Vec<Skipped>,
    /// Captures in directories whose very beginning is damaged.
    pub(super) damage: Vec<Damage>,
    /// Their sizes together, if each is known.
    pub(super) total_bytes: Option<u64>,
}

/// Replaces directories by the captures in them.
pub(super) fn expand(paths: &[PathBuf]) -> Result<Found, CaptureError> {
    let mut found = Found { files: Vec::new(), skipped: Vec::new(), damage: Vec::new(), total_bytes: Some(0) };
    let mut standard_input = false;
    for path in paths {
        if path == Path::new(STANDARD_INPUT) {
            if std::mem::replace(&mut standard_input, true) {
                return Err(CaptureError::StandardInputTwice);
            }
            found.files.push(path.clone());
            found.total_bytes = None;
        } else if path.is_dir() {
            list(path, &mut found)?;
        } else {
            found.add(path.clone())?;
        }
    }
    Ok(found)
}

impl Found {
    fn add(&mut self, path: PathBuf) -> Result<(), CaptureError> {
        let metadata = std::fs::metadata(&path).map_err(|source| CaptureError::Open { file: path.clone(), source })?;
        self.total_bytes = self.total_bytes.filter(|_| metadata.is_file()).map(|sum| sum + metadata.len());
        self.files.push(path);
        Ok(())
    }
}

fn list(directory: &Path, found: &mut Found) -> Result<(), CaptureError> {
    let cannot_list = |source| CaptureError::Open { file: directory.to_owned(), source };
    let mut entries = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(cannot_list)? {
        entries.push(entry.map_err(cannot_list)?.path());
    }
    entries.sort();
    let n_entries = entries.len();
    let n_before = found.files.len() + found.damage.len();
    let mut block = Vec::new();
    for path in entries {
        if !path.is_file() {
            found.skipped.push(Skipped { path, reason: SkipReason::NotAFile });
            continue;
        }
        block.resize(MIN_BLOCK_BYTES, 0);
        match CaptureFile::open(&path, std::mem::take(&mut block), &Arc::default()) {
            Ok(file) => {
                block = file.into_block();
                found.add(path)?;
            }
            Err(CaptureError::NotACapture { .. } | CaptureError::Read { .. }) => {
                found.skipped.push(Skipped { path, reason: SkipReason::NotACapture });
            }
            Err(CaptureError::Empty { .. }) => found.skipped.push(Skipped { path, reason: SkipReason::Empty }),
            Err(CaptureError::Header { file, problem: kind }) => {
                found.damage.push(Damage { file, offset: 0, frames: 0, compression: None, kind });
            }
            Err(error) => return Err(error),
        }
    }
    if found.files.len() + found.damage.len() == n_before {
        return Err(CaptureError::NoCaptures { directory: directory.to_owned(), others: n_entries });
    }
    Ok(())
}
