//! Where suites are.

use super::super::console::Stop;
use std::io;
use std::path::{Path, PathBuf};

/// What the names of suites end with.
const ENDINGS: [&str; 3] = [".firedrill.yaml", ".firedrill.yml", ".firedrill.json"];

/// How deep directories are descended into.
const DEPTH_MAX: usize = 32;

/// The files that are meant: those named, and the suites in directories, in order of their paths.
///
/// # Errors
/// When there are none, or a directory cannot be read.
pub(super) fn suites(named: &[PathBuf]) -> Result<Vec<PathBuf>, Stop> {
    let mut found = Vec::new();
    let here = [PathBuf::from(".")];
    for path in if named.is_empty() { &here } else { named } {
        if path.is_dir() {
            let cannot =
                |error: io::Error| Stop::bad_input(format!("`{}` cannot be read: {error}", path.display()), "");
            let start = if path.as_os_str() == "." { Path::new("") } else { path.as_path() };
            look(start, 0, &mut found).map_err(cannot)?;
        } else {
            found.push(path.clone());
        }
    }
    found.sort();
    found.dedup();
    if found.is_empty() {
        let help = "name a suite, or call it *.firedrill.yaml; docs/suites.md says what is in one";
        return Err(Stop::bad_input("there is no suite here", help));
    }
    Ok(found)
}

/// Hidden directories and those that builds write are left out, and links are not followed.
fn look(folder: &Path, depth: usize, found: &mut Vec<PathBuf>) -> io::Result<()> {
    let shown = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    for entry in std::fs::read_dir(shown)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let kind = entry.file_type()?;
        let path = folder.join(&name);
        if kind.is_dir() {
            let skipped = name.starts_with('.') || matches!(name.as_str(), "target" | "node_modules");
            if !skipped && depth < DEPTH_MAX {
                look(&path, depth + 1, found)?;
            }
        } else if kind.is_file() && ENDINGS.iter().any(|ending| name.ends_with(ending)) {
            found.push(path);
        }
    }
    Ok(())
}
