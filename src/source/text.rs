//! Text that was decoded from a file, and the way back.

use super::{FileId, Span};
use std::ops::Range;

/// Decoded text (a JSON string, a YAML block scalar, a heredoc, the result of a substitution) with a map from its bytes
/// back to the bytes of the user's files, so that a mistake inside a rule string is shown where the user wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MappedText {
    text: String,
    whole: Span,
    pieces: Vec<Piece>,
}

/// A run of decoded bytes. Verbatim runs map byte by byte; the others (an escape, a substituted value) map as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Piece {
    text_start: u32,
    source: Span,
    verbatim: bool,
}

impl MappedText {
    /// Text that stands in the file exactly as it is, from `start` on.
    pub fn verbatim(text: impl Into<String>, file: FileId, start: usize) -> Self {
        let text = text.into();
        let whole = Span::new(file, start..start + text.len());
        Self { text, whole, pieces: vec![Piece { text_start: 0, source: whole, verbatim: true }] }
    }

    /// Text that was made from what stands at `span`; every byte maps to the whole span.
    pub fn derived(text: impl Into<String>, span: Span) -> Self {
        Self { text: text.into(), whole: span, pieces: vec![Piece { text_start: 0, source: span, verbatim: false }] }
    }

    /// The decoded text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Where all of it was written.
    pub fn whole(&self) -> Span {
        self.whole
    }

    /// The source bytes behind a range of decoded bytes. A range that is out of bounds is cut.
    pub fn span(&self, range: Range<usize>) -> Span {
        let Some(first) = self.piece_at(range.start) else { return self.whole };
        let last = self.piece_at(range.end.saturating_sub(1).max(range.start)).unwrap_or(first);
        let start = if first.verbatim { Self::offset(first, range.start) } else { first.source.start };
        let end = if last.verbatim { Self::offset(last, range.end) } else { last.source.end };
        if first.source.file != last.source.file {
            return first.source;
        }
        Span { file: first.source.file, start, end: end.max(start) }
    }

    /// A part of the text with its part of the map; empty when the range does not fit the text.
    #[must_use]
    pub fn slice(&self, range: Range<usize>) -> Self {
        let whole = self.span(range.clone());
        let Some(text) = self.text.get(range.clone()).filter(|text| !text.is_empty()) else {
            return Self { text: String::new(), whole, pieces: Vec::new() };
        };
        let first = self.pieces.partition_point(|piece| piece.text_start as usize <= range.start).saturating_sub(1);
        let pieces = self.pieces.iter().skip(first).take_while(|piece| (piece.text_start as usize) < range.end);
        let pieces = pieces.cloned().map(|mut piece| {
            if piece.verbatim {
                piece.source.start = Self::offset(&piece, range.start.max(piece.text_start as usize));
            }
            piece.text_start = piece.text_start.saturating_sub(range.start as u32);
            piece
        });
        Self { text: text.to_owned(), whole, pieces: pieces.collect() }
    }

    /// Parts of this text one behind the other, with their places. Parts that are out of bounds are left out.
    #[must_use]
    pub fn joined(&self, parts: &[Range<usize>]) -> Self {
        let mut joined = TextBuilder::new();
        for part in parts {
            joined.mapped(&self.slice(part.clone()));
        }
        joined.finish(self.whole)
    }

    fn piece_at(&self, at: usize) -> Option<&Piece> {
        let next = self.pieces.partition_point(|piece| piece.text_start as usize <= at);
        self.pieces.get(next.saturating_sub(1))
    }

    fn offset(piece: &Piece, at: usize) -> u32 {
        let within = (at as u32).saturating_sub(piece.text_start);
        piece.source.start.saturating_add(within).min(piece.source.end)
    }
}

/// Builds a [`MappedText`] from pieces.
#[derive(Debug)]
pub struct TextBuilder {
    text: String,
    pieces: Vec<Piece>,
}

impl Default for TextBuilder {
    fn default() -> Self {
        Self::new()
    }
}

impl TextBuilder {
    /// Nothing yet.
    pub fn new() -> Self {
        Self { text: String::new(), pieces: Vec::new() }
    }

    /// Adds bytes that stand in `file` at `start` as they are.
    pub fn verbatim(&mut self, text: &str, file: FileId, start: usize) {
        self.push(text, Span::new(file, start..start + text.len()), true);
    }

    /// Adds bytes that were made from what stands at `span`.
    pub fn derived(&mut self, text: &str, span: Span) {
        self.push(text, span, false);
    }

    /// Adds another mapped text with its map.
    pub fn mapped(&mut self, other: &MappedText) {
        let base = self.text.len() as u32;
        self.text.push_str(&other.text);
        self.pieces.extend(other.pieces.iter().cloned().map(|mut piece| {
            piece.text_start += base;
            piece
        }));
    }

    /// The text, written at `whole` as a whole.
    pub fn finish(self, whole: Span) -> MappedText {
        MappedText { text: self.text, whole, pieces: self.pieces }
    }

    fn push(&mut self, text: &str, source: Span, verbatim: bool) {
        if text.is_empty() {
            return;
        }
        self.pieces.push(Piece { text_start: self.text.len() as u32, source, verbatim });
        self.text.push_str(text);
    }
}

#[cfg(test)]
mod tests {
    use super::super::Sources;
    use super::*;

    #[test]
    fn a_place_behind_an_escape_is_found_in_the_file() {
        let mut sources = Sources::new();
        let file = sources.add("a.json", r#"{"x": "ab\ncd"}"#);
        let mut text = TextBuilder::new();
        text.verbatim("ab", file, 7);
        text.derived("\n", Span::new(file, 9..11));
        text.verbatim("cd", file, 11);
        let text = text.finish(Span::new(file, 6..14));
        assert_eq!(text.as_str(), "ab\ncd");
        assert_eq!(sources.slice(text.span(3..5)), "cd");
        assert_eq!(sources.slice(text.span(1..3)), r"b\n");
        assert_eq!(sources.slice(text.span(0..5)), r"ab\ncd");
        let tail = text.slice(1..5);
        assert_eq!(tail.as_str(), "b\ncd");
        assert_eq!(sources.slice(tail.span(0..1)), "b");
        assert_eq!(sources.slice(tail.span(3..4)), "d");
    }

    #[test]
    fn joined_parts_keep_their_places() {
        let mut sources = Sources::new();
        let file = sources.add("a.rules", "one \\\ntwo");
        let text = MappedText::verbatim(sources.text(file), file, 0).joined(&[0..4, 6..9]);
        assert_eq!(text.as_str(), "one two");
        assert_eq!(sources.slice(text.span(4..7)), "two");
        assert_eq!(sources.slice(text.span(0..3)), "one");
    }
}
