//! A directory of our own that is gone when the comparison is over.

use super::CannotRun;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// A temporary directory: the exported files, and a folder for each run.
#[derive(Debug)]
pub struct Workplace {
    root: PathBuf,
    runs: AtomicU32,
}

/// What one run of Suricata reads and writes; gone when it is dropped.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) capture: PathBuf,
    pub(super) log: PathBuf,
}

impl Workplace {
    /// Makes the directory and writes the files into it.
    ///
    /// # Errors
    /// When the disk says no.
    pub fn new(files: &[(&'static str, String)]) -> Result<Self, CannotRun> {
        let root = fresh_directory()?;
        let place = Self { root, runs: AtomicU32::new(0) };
        for (name, text) in files {
            let path = place.files().join(name);
            let written =
                path.parent().map_or(Ok(()), std::fs::create_dir_all).and_then(|()| std::fs::write(&path, text));
            written.map_err(|error| cannot_write(&path, &error))?;
        }
        Ok(place)
    }

    /// Where the exported files are.
    pub(super) fn files(&self) -> PathBuf {
        self.root.join("files")
    }

    /// Where a program of our own can be.
    pub(super) fn program(&self) -> PathBuf {
        self.root.join("suricata-strict")
    }

    /// A place for one run.
    pub(super) fn run(&self) -> Result<Run, CannotRun> {
        let number = self.runs.fetch_add(1, Ordering::Relaxed);
        let log = self.root.join(format!("run-{number}"));
        std::fs::create_dir_all(&log).map_err(|error| cannot_write(&log, &error))?;
        Ok(Run { capture: log.join("capture.pcap"), log })
    }
}

impl Run {
    /// Suricata's answer.
    pub(super) fn eve(&self) -> PathBuf {
        self.log.join(crate::export::LOG_FILE)
    }
}

impl Drop for Workplace {
    fn drop(&mut self) {
        // what stays behind is for the system to clear up
        let _ = std::fs::remove_dir_all(&self.root);
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.log);
    }
}

/// A directory that only we can read, under a name that nobody has taken.
fn fresh_directory() -> Result<PathBuf, CannotRun> {
    let parent = std::env::temp_dir();
    let mut builder = std::fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    for attempt in 0..1000_u32 {
        let path = parent.join(format!("firedrill-verify-{}-{attempt}", std::process::id()));
        match builder.create(&path) {
            Ok(()) => return Ok(path),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(cannot_write(&path, &error)),
        }
    }
    Err(CannotRun::new(format!("`{}` is full of old directories of ours", parent.display()), "clear it up"))
}

pub(super) fn cannot_write(path: &Path, error: &std::io::Error) -> CannotRun {
    CannotRun::new(format!("`{}` cannot be written: {error}", path.display()), "TMPDIR says where temporary files go")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_stays_behind() {
        let place = Workplace::new(&[("rules/x.rules", "# x\n".to_owned())]).unwrap();
        let (root, run) = (place.root.clone(), place.run().unwrap());
        assert_eq!(std::fs::read_to_string(place.files().join("rules/x.rules")).unwrap(), "# x\n");
        let log = run.log.clone();
        assert!(log.is_dir());
        drop(run);
        assert!(!log.exists());
        drop(place);
        assert!(!root.exists());
    }
}
