//! The way back from the text of a YAML scalar to the bytes it was written as: through indentation, folded lines,
//! escapes and doubled quotes.

use crate::source::{FileId, MappedText, Span, TextBuilder};
use saphyr_parser::ScalarStyle;

/// Maps `text`, decoded from `source`, which stands at `start` of `file` (with its tag, anchor and quotes).
///
/// Both are walked side by side: what is equal maps byte by byte, source blanks that have no counterpart are
/// indentation, and a decoded blank against another one is a folded line end.
pub(super) fn map_scalar(text: &str, source: &str, style: ScalarStyle, file: FileId, start: usize) -> MappedText {
    let mut at = content_start(source);
    let quote = match style {
        ScalarStyle::SingleQuoted => Some(b'\''),
        ScalarStyle::DoubleQuoted => Some(b'"'),
        ScalarStyle::Plain | ScalarStyle::Literal | ScalarStyle::Folded => None,
    };
    at += usize::from(quote.is_some());
    let whole = Span::new(file, start..start + source.trim_end().len());
    let source = source.as_bytes();
    let mut out = TextBuilder::new();
    let mut done = 0;
    while let Some(rest) = text.get(done..).filter(|rest| !rest.is_empty()) {
        let run = common_run(rest.as_bytes(), source.get(at..).unwrap_or(&[]), quote);
        // Never cut a character in two: a difference inside one is a difference of the whole.
        let run = (0..=run).rev().find(|&n| rest.is_char_boundary(n)).unwrap_or(0);
        if run > 0 {
            out.verbatim(rest.get(..run).unwrap_or(""), file, start + at);
            done += run;
            at += run;
            continue;
        }
        let Some(first) = rest.chars().next() else { break };
        let here = source.get(at..).unwrap_or(&[]);
        let written = match here {
            [b'\\', b'\r', b'\n', ..] if quote == Some(b'"') => Written::Nothing(3),
            [b'\\', b'\n', ..] if quote == Some(b'"') => Written::Nothing(2),
            [b'\\', kind, ..] if quote == Some(b'"') => Written::As(match kind {
                b'x' => 4,
                b'u' => 6,
                b'U' => 10,
                _ => 2,
            }),
            [b'\'', b'\'', ..] if quote == Some(b'\'') => Written::As(2),
            [b' ' | b'\t', ..] => Written::Nothing(1),
            [b'\n' | b'\r', ..] if first == ' ' || first == '\n' => Written::As(1),
            [b'\n' | b'\r', ..] => Written::Nothing(1),
            // Leading blank lines of a block, which the parser counts to the text but not to its place.
            _ if first.is_whitespace() => Written::As(0),
            _ => Written::Elsewhere,
        };
        match written {
            Written::Nothing(length) => at += length,
            Written::As(length) => {
                let end = (at + length).min(source.len());
                out.derived(first.encode_utf8(&mut [0; 4]), Span::new(file, start + at..start + end));
                done += first.len_utf8();
                at = end;
            }
            Written::Elsewhere => {
                out.derived(rest, whole);
                break;
            }
        }
    }
    out.finish(whole)
}

enum Written {
    /// So many bytes stand for nothing.
    Nothing(usize),
    /// So many bytes stand for the next character.
    As(usize),
    /// The text cannot be followed any further.
    Elsewhere,
}

/// How many bytes are the same in both, up to something that means more than itself.
fn common_run(text: &[u8], source: &[u8], quote: Option<u8>) -> usize {
    let special = |byte: u8| byte == b'\r' || (byte == b'\\' && quote == Some(b'"')) || Some(byte) == quote;
    text.iter().zip(source).take_while(|&(a, b)| a == b && !special(*b)).count()
}

/// Where the scalar itself begins, behind a tag and an anchor.
fn content_start(source: &str) -> usize {
    let mut at = 0;
    while let Some(rest) = source.get(at..).filter(|rest| rest.starts_with(['!', '&'])) {
        let word = rest.find(char::is_whitespace).unwrap_or(rest.len());
        let behind = rest.get(word..).unwrap_or("");
        at += word + (behind.len() - behind.trim_start().len());
    }
    let rest = source.get(at..).unwrap_or("");
    // The header of a block scalar; the parser usually starts behind it.
    if rest.starts_with(['|', '>']) { at + rest.find('\n').map_or(rest.len(), |line_end| line_end + 1) } else { at }
}

#[cfg(test)]
mod tests {
    use crate::policy::yaml;
    use crate::source::Sources;

    /// Reads `yaml` and checks that every word of the decoded text maps to the same word in the file.
    fn check(yaml: &str, path: &str, decoded: &str) {
        let mut sources = Sources::new();
        let file = sources.add("x.yaml", yaml);
        let (node, _) = yaml::parse(&sources, file).unwrap();
        let mut node = node.get("k").unwrap();
        if !path.is_empty() {
            node = node.get(path).unwrap();
        }
        let text = node.as_text().unwrap();
        assert_eq!(text.as_str(), decoded);
        let base = decoded.as_ptr() as usize;
        let mut found = 0;
        for word in decoded.split_whitespace().filter(|w| w.chars().all(char::is_alphanumeric)) {
            let at = word.as_ptr() as usize - base;
            let span = text.span(at..at + word.len());
            assert_eq!(sources.slice(span), word);
            let next = yaml.get(found..).unwrap().find(word).unwrap() + found;
            assert_eq!(span.start as usize, next, "`{word}` maps to its own place");
            found = next + word.len();
        }
    }

    #[test]
    fn literal_blocks_map_line_by_line() {
        check("k: |\n    one two\n\n      three\n    four\nj: 1\n", "", "one two\n\n  three\nfour\n");
        check("k: |-\r\n  one\r\n  two\r\n", "", "one\ntwo");
        check("k: !Sub |\n  pass ${X} one\n  two\n", "Fn::Sub", "pass ${X} one\ntwo\n");
        check("k: |2\n   one\n  two\n", "", " one\ntwo\n");
        check("k: |\n\n\n  one\n  two # no comment\n", "", "\n\none\ntwo # no comment\n");
    }

    #[test]
    fn folded_and_plain_lines_map_word_by_word() {
        check("k: >-\n  one\n  two\n\n  three\n", "", "one two\nthree");
        check("k: one\n  two\n  three\n", "", "one two three");
        check("k: !Ref   one\n", "Ref", "one");
    }

    #[test]
    fn quotes_and_escapes_map() {
        check("k: 'it''s one'\n", "", "it's one");
        check("k: \"one\\n\\x2e \\\n   two \\\"q\\\" three\"\n", "", "one\n. two \"q\" three");
        check("k: \"one  \n   two\"\n", "", "one two");
    }
}
