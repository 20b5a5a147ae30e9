//! The only place where a Terraform configuration reaches the disk: `file()`, `templatefile()`, local modules and
//! variable files, all confined to the directory that was given.

use crate::policy::json;
use crate::policy::value::Node;
use crate::source::{Diagnostic, FileId, Sources};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Component, Path, PathBuf};

/// The largest file read, in bytes; AWS takes 2 MB of rules.
const FILE_BYTES_MAX: u64 = 16 << 20;
/// The most `.tf` files of one directory that are read.
const FILES_MAX: usize = 1000;

/// The user's files, and the way to more of them.
#[derive(Debug)]
pub(super) struct Files<'s> {
    sources: RefCell<&'s mut Sources>,
    base_dir: PathBuf,
    read: RefCell<BTreeMap<PathBuf, Result<FileId, String>>>,
}

impl<'s> Files<'s> {
    pub(super) fn new(sources: &'s mut Sources, base_dir: &Path) -> Self {
        Self { sources: RefCell::new(sources), base_dir: base_dir.to_owned(), read: RefCell::default() }
    }

    pub(super) fn name_and_text(&self, id: FileId) -> (String, String) {
        let sources = self.sources.borrow();
        (sources.name(id).to_owned(), sources.text(id).to_owned())
    }

    pub(super) fn text(&self, id: FileId) -> String {
        self.sources.borrow().text(id).to_owned()
    }

    /// Takes in a text that is in no file (the value of an option).
    pub(super) fn add(&self, name: &str, text: &str) -> FileId {
        self.sources.borrow_mut().add(name, text)
    }

    /// The file at `path`, relative to the root module; the same file is read once.
    pub(super) fn file(&self, path: &Path) -> Result<FileId, String> {
        let inside = inside(path).ok_or("it lies outside the directory that was given")?;
        if let Some(done) = self.read.borrow().get(&inside) {
            return done.clone();
        }
        let result = self.read_text(&inside).map(|text| {
            let name = self.base_dir.join(&inside).display().to_string();
            self.sources.borrow_mut().add(name, text)
        });
        self.read.borrow_mut().insert(inside, result.clone());
        result
    }

    /// Whether `path` names a file inside the directory.
    pub(super) fn exists(&self, path: &Path) -> Result<bool, String> {
        let inside = inside(path).ok_or("it lies outside the directory that was given")?;
        Ok(self.base_dir.join(inside).is_file())
    }

    /// Whether `path` names a directory inside the directory.
    pub(super) fn is_directory(&self, path: &Path) -> bool {
        inside(path).is_some_and(|inside| self.base_dir.join(inside).is_dir())
    }

    /// The JSON document in a file.
    pub(super) fn json(&self, id: FileId) -> Result<Node, Diagnostic> {
        json::parse(&self.sources.borrow(), id)
    }

    /// The `.tf` files of a directory, by name.
    pub(super) fn directory(&self, dir: &Path) -> Result<Vec<FileId>, String> {
        let mut names = self.names(dir)?;
        names.retain(|name| [".tf", ".tf.json"].iter().any(|end| name.ends_with(end)));
        if names.len() > FILES_MAX {
            return Err(format!("it holds more than {FILES_MAX} .tf files"));
        }
        names.iter().map(|name| self.file(&dir.join(name)).map_err(|why| format!("`{name}`: {why}"))).collect()
    }

    /// The names in a directory, sorted; names that are not UTF-8 are left out, no `.tf` file has one.
    pub(super) fn names(&self, dir: &Path) -> Result<Vec<String>, String> {
        let inside = inside(dir).ok_or("it lies outside the directory that was given")?;
        let path = self.base_dir.join(inside);
        let path = if path.as_os_str().is_empty() { PathBuf::from(".") } else { path };
        let entries = std::fs::read_dir(path).map_err(|error| plain(&error))?;
        let mut names: Vec<_> = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok()).collect();
        names.sort();
        Ok(names)
    }

    fn read_text(&self, inside: &Path) -> Result<String, String> {
        let path = self.base_dir.join(inside);
        let base = if self.base_dir.as_os_str().is_empty() { Path::new(".") } else { &self.base_dir };
        let real = path.canonicalize().map_err(|error| plain(&error))?;
        let real_base = base.canonicalize().map_err(|error| plain(&error))?;
        if !real.starts_with(real_base) {
            return Err("it is a link to outside the directory that was given".into());
        }
        if !real.is_file() {
            return Err("it is not a file".into());
        }
        let file = std::fs::File::open(real).map_err(|error| plain(&error))?;
        let mut bytes = Vec::new();
        file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(|error| plain(&error))?;
        if bytes.len() as u64 > FILE_BYTES_MAX {
            return Err(format!("it is larger than {FILE_BYTES_MAX} bytes"));
        }
        String::from_utf8(bytes).map_err(|_| "it is not UTF-8 text".into())
    }
}

/// `path` without `.` and `..`, when it is relative and does not leave the directory it is relative to.
pub(super) fn inside(path: &Path) -> Option<PathBuf> {
    let mut inside = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::Normal(name) => inside.push(name),
            Component::ParentDir => {
                if !inside.pop() {
                    return None;
                }
            }
            Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    Some(inside)
}

/// The system's words without its error number.
fn plain(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "there is no such file".into(),
        std::io::ErrorKind::PermissionDenied => "permission denied".into(),
        _ => error.to_string().to_lowercase(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_may_not_leave_the_directory() {
        assert_eq!(inside(Path::new("./a/../b.rules")), Some(PathBuf::from("b.rules")));
        assert_eq!(inside(Path::new("a/../../b.rules")), None);
        assert_eq!(inside(Path::new("/etc/passwd")), None);
    }
}
