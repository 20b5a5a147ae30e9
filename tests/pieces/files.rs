//! Files of the repository.

use std::path::{Path, PathBuf};

/// The files of a folder whose names hold some text, in order.
pub fn files(folder: &str, wanted: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let mut found: Vec<PathBuf> =
        paths.filter(|path| path.is_file() && path.file_name().unwrap().to_string_lossy().contains(wanted)).collect();
    found.sort();
    found
}
