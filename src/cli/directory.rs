//! Writing a directory that appears as a whole or not at all.

use super::console::Stop;
use std::io;
use std::path::{Path, PathBuf};

/// Writes `files` (paths below `target`) into a new directory beside `target`, and gives it its name last.
///
/// A directory that holds something is replaced with `force` only, and only when all that it holds is what an earlier
/// run has written, or the `leavings` of who used it.
///
/// # Errors
/// When the directory is not to be replaced, or the disk says no.
pub fn write(target: &Path, files: &[(&'static str, String)], leavings: &str, force: bool) -> Result<(), Stop> {
    let there = target.symlink_metadata().is_ok();
    if there {
        may_replace(target, files, leavings, force)?;
    }
    let cannot = |error: io::Error| {
        Stop::bad_input(
            format!("`{}` cannot be written: {error}", target.display()),
            "the directory above must be there",
        )
    };
    let fresh = beside(target, "new").map_err(cannot)?;
    let written = std::fs::create_dir(&fresh).and_then(|()| fill(&fresh, files));
    if let Err(error) = written.and_then(|()| take_place(&fresh, target, there)) {
        // what is half written is of no use
        let _ = std::fs::remove_dir_all(&fresh);
        return Err(cannot(error));
    }
    Ok(())
}

fn may_replace(target: &Path, files: &[(&'static str, String)], leavings: &str, force: bool) -> Result<(), Stop> {
    let shown = target.display();
    if !target.is_dir() {
        return Err(Stop::bad_input(format!("`{shown}` is not a directory"), "choose another name with -o DIR"));
    }
    let mut found = Vec::new();
    list(target, Path::new(""), &mut found)
        .map_err(|error| Stop::bad_input(format!("`{shown}` cannot be read: {error}"), ""))?;
    found.sort();
    if found.is_empty() {
        return Ok(());
    }
    if !force {
        let help = "choose another name with -o DIR, or replace an earlier export with --force";
        return Err(Stop::bad_input(format!("`{shown}` is there and not empty"), help));
    }
    let known = files.iter().map(|(name, _)| *name).chain([leavings]);
    match found.iter().find(|path| !known.clone().any(|name| Path::new(name) == path.as_path())) {
        None => Ok(()),
        Some(strange) => Err(Stop::bad_input(
            format!("`{shown}` holds `{}`, which is not from an export", strange.display()),
            "--force replaces earlier exports only: choose another name with -o DIR",
        )),
    }
}

/// All files below a directory, and the empty directories.
fn list(root: &Path, below: &Path, found: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in std::fs::read_dir(root.join(below))? {
        let entry = entry?;
        let path = below.join(entry.file_name());
        // one directory is ours; a deeper one is somebody else's
        if entry.file_type()?.is_dir() && below.as_os_str().is_empty() {
            list(root, &path, found)?;
        } else {
            found.push(path);
        }
    }
    Ok(())
}

/// A name beside `target` that is not taken.
fn beside(target: &Path, word: &str) -> io::Result<PathBuf> {
    let whole = std::path::absolute(target)?;
    let no_name = || io::Error::new(io::ErrorKind::InvalidInput, "it has no name");
    let (parent, name) = (whole.parent().ok_or_else(no_name)?, whole.file_name().ok_or_else(no_name)?);
    (0..100_u32)
        .map(|attempt| parent.join(format!(".{}.{word}-{}-{attempt}", name.to_string_lossy(), std::process::id())))
        .find(|path| path.symlink_metadata().is_err())
        .ok_or_else(|| io::Error::new(io::ErrorKind::AlreadyExists, "too many old directories beside it"))
}

fn fill(folder: &Path, files: &[(&'static str, String)]) -> io::Result<()> {
    for (name, text) in files {
        let path = folder.join(name);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)?;
        }
        std::fs::write(path, text)?;
    }
    Ok(())
}

/// Gives `fresh` the name of `target`; what had it comes back when that fails.
fn take_place(fresh: &Path, target: &Path, there: bool) -> io::Result<()> {
    if !there {
        return std::fs::rename(fresh, target);
    }
    let old = beside(target, "old")?;
    std::fs::rename(target, &old)?;
    if let Err(error) = std::fs::rename(fresh, target) {
        std::fs::rename(&old, target)?;
        return Err(error);
    }
    std::fs::remove_dir_all(old)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(text: &str) -> [(&'static str, String); 2] {
        [("a.yaml", text.to_owned()), ("rules/b.rules", text.to_owned())]
    }

    /// An empty directory of that name.
    fn scratch(name: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("firedrill-directory-{}-{name}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir(&path).unwrap();
        path
    }

    fn names(path: &Path) -> Vec<String> {
        let mut names: Vec<String> =
            std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_directory_is_written_and_replaced_with_force_only() {
        let root = scratch("replaced");
        let target = root.join("x");
        write(&target, &files("1"), "log", false).unwrap();
        assert_eq!(
            write(&target, &files("2"), "log", false).unwrap_err().message.rsplit_once('`').unwrap().1,
            " is there and not empty"
        );
        assert_eq!(std::fs::read_to_string(target.join("rules/b.rules")).unwrap(), "1");
        std::fs::write(target.join("log"), "").unwrap();
        write(&target, &files("2"), "log", true).unwrap();
        assert_eq!(std::fs::read_to_string(target.join("rules/b.rules")).unwrap(), "2");
        assert_eq!(names(&root), ["x"]);
        std::fs::remove_dir_all(root).unwrap();
    }

    #[test]
    fn what_is_not_ours_is_never_replaced() {
        let root = scratch("strange");
        let target = root.join("x");
        std::fs::create_dir(&target).unwrap();
        write(&target, &files("1"), "log", false).unwrap();
        std::fs::write(target.join("rules/mine.rules"), "").unwrap();
        let message = write(&target, &files("2"), "log", true).unwrap_err().message;
        assert!(message.ends_with("holds `rules/mine.rules`, which is not from an export"), "{message}");
        std::fs::write(root.join("file"), "").unwrap();
        assert!(
            write(&root.join("file"), &files("2"), "log", true).unwrap_err().message.ends_with("is not a directory")
        );
        assert!(write(&root.join("none/x"), &files("2"), "log", true).is_err());
        assert_eq!(names(&root), ["file", "x"]);
        std::fs::remove_dir_all(root).unwrap();
    }
}
