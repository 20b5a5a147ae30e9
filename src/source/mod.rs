//! Files as the user wrote them, places in them, and what is wrong there.
//!
//! In: the bytes of policy, rule and suite files. Out: [`Span`]s that survive decoding (JSON escapes, YAML block
//! scalars, heredocs, template substitution) and [`Diagnostic`]s that point at them. Nothing here knows what a policy
//! or a rule is, and nothing prints: rendering is the job of `cli`.

mod diagnostic;
mod text;

pub use diagnostic::{Diagnostic, Label, Severity};
pub use text::{MappedText, TextBuilder};

use std::ops::Range;

/// Names one file of a [`Sources`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId(u32);

/// A byte range of one of the user's files; `end` is exclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Span {
    /// The file.
    pub file: FileId,
    /// Offset of the first byte.
    pub start: u32,
    /// Offset behind the last byte.
    pub end: u32,
}

impl Span {
    /// The span of `range` in `file`.
    pub fn new(file: FileId, range: Range<usize>) -> Self {
        Self { file, start: range.start as u32, end: range.end as u32 }
    }

    /// The smallest span that holds both; `self` when they are in different files.
    #[must_use]
    pub fn to(self, other: Self) -> Self {
        if self.file != other.file {
            return self;
        }
        Self { file: self.file, start: self.start.min(other.start), end: self.end.max(other.end) }
    }
}

/// A value and where it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spanned<T> {
    /// The value.
    pub value: T,
    /// Its place.
    pub span: Span,
}

impl<T> Spanned<T> {
    /// `value`, written at `span`.
    pub fn new(value: T, span: Span) -> Self {
        Self { value, span }
    }
}

/// A file name, a line and a column, both counted from 1; the column counts characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    /// The name as the user gave it.
    pub file: String,
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
}

impl std::fmt::Display for Location {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

#[derive(Clone, Debug)]
struct SourceFile {
    name: String,
    text: String,
    line_starts: Vec<u32>,
    /// Every character is a byte, so that columns need not be counted: a file may be one line of 2 MB.
    is_ascii: bool,
}

/// All files of one load, in the order they were read.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    files: Vec<SourceFile>,
}

impl Sources {
    /// No files yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes a file in. `name` is printed in messages as it is; texts of 4 GiB and more are not supported.
    pub fn add(&mut self, name: impl Into<String>, text: impl Into<String>) -> FileId {
        let text = text.into();
        let mut line_starts = vec![0];
        line_starts.extend(memchr::memchr_iter(b'\n', text.as_bytes()).map(|at| at as u32 + 1));
        self.files.push(SourceFile { name: name.into(), is_ascii: text.is_ascii(), text, line_starts });
        FileId(self.files.len() as u32 - 1)
    }

    /// The files, in the order they were read.
    pub fn files(&self) -> impl Iterator<Item = FileId> + use<> {
        (0..self.files.len() as u32).map(FileId)
    }

    /// The name of a file; empty when the id is of another `Sources`.
    pub fn name(&self, file: FileId) -> &str {
        self.file(file).map_or("", |f| &f.name)
    }

    /// The names of all files.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.files.iter().map(|file| file.name.as_str())
    }

    /// The whole text of a file; empty when the id is of another `Sources`.
    pub fn text(&self, file: FileId) -> &str {
        self.file(file).map_or("", |f| &f.text)
    }

    /// The text under a span; empty when the span does not fit its file.
    pub fn slice(&self, span: Span) -> &str {
        self.text(span.file).get(span.start as usize..span.end as usize).unwrap_or("")
    }

    /// Where a span begins.
    pub fn location(&self, span: Span) -> Location {
        let Some(file) = self.file(span.file) else {
            return Location { file: String::new(), line: 1, column: 1 };
        };
        let line = self.line_number(span) as usize;
        let line_start = file.line_starts.get(line - 1).copied().unwrap_or(0);
        let before = file.text.get(line_start as usize..span.start as usize).unwrap_or("");
        let column = if file.is_ascii { before.len() } else { before.chars().count() };
        Location { file: file.name.clone(), line: line as u32, column: column as u32 + 1 }
    }

    /// The line that a span begins in, from 1: what [`Self::location`] says, without counting characters.
    pub fn line_number(&self, span: Span) -> u32 {
        let starts = self.file(span.file).map_or(&[][..], |file| file.line_starts.as_slice());
        starts.partition_point(|&start| start <= span.start).max(1) as u32
    }

    /// The text of line `line` (from 1) without its line end.
    pub fn line(&self, file: FileId, line: u32) -> &str {
        let Some(file) = self.file(file) else { return "" };
        let start = file.line_starts.get(line.saturating_sub(1) as usize).copied().unwrap_or(0);
        let end = file.line_starts.get(line as usize).map_or(file.text.len(), |&next| next as usize - 1);
        file.text.get(start as usize..end).unwrap_or("").trim_end_matches('\r')
    }

    fn file(&self, id: FileId) -> Option<&SourceFile> {
        self.files.get(id.0 as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_location_counts_lines_and_characters_from_one() {
        let mut sources = Sources::new();
        let file = sources.add("x.rules", "first\nsécond line\n");
        let at = sources.text(file).find("line").unwrap();
        assert_eq!(sources.location(Span::new(file, at..at + 4)).to_string(), "x.rules:2:8");
        assert_eq!(sources.line(file, 2), "sécond line");
        assert_eq!(sources.slice(Span::new(file, at..at + 4)), "line");
    }
}
