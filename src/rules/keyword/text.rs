//! Text of values: escapes in quoted strings, bytes in content patterns, and back.

use std::fmt::Write as _;

/// Takes the backslashes out of a quoted string: the character behind one stands for itself.
pub(crate) fn unescape(text: &str) -> String {
    if !text.contains('\\') {
        return text.to_owned();
    }
    let mut plain = String::with_capacity(text.len());
    let mut escaped = false;
    for c in text.chars() {
        if c == '\\' && !escaped {
            escaped = true;
        } else {
            plain.push(c);
            escaped = false;
        }
    }
    plain
}

/// Text for a double-quoted value.
pub fn quoted_text(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        if matches!(c, '"' | ';' | '\\') {
            quoted.push('\\');
        }
        quoted.push(c);
    }
    quoted.push('"');
    quoted
}

/// Bytes as a double-quoted content pattern: printable characters as they are, all others in `|hex|`.
pub fn content_text(bytes: &[u8]) -> String {
    let mut quoted = String::with_capacity(bytes.len() + 2);
    quoted.push('"');
    let mut in_hex = false;
    for &byte in bytes {
        let plain = matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b';' | b'\\' | b':' | b'|');
        if plain == in_hex {
            quoted.push('|');
            in_hex = !in_hex;
        } else if in_hex {
            quoted.push(' ');
        }
        if plain {
            quoted.push(byte as char);
        } else {
            let _ = write!(quoted, "{byte:02X}");
        }
    }
    if in_hex {
        quoted.push('|');
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backslash_makes_the_next_character_plain() {
        assert_eq!(unescape(r#"a\;b\"c\\d\e"#), r#"a;b"c\de"#);
        assert_eq!(quoted_text(r#"a;b"c\d"#), r#""a\;b\"c\\d""#);
    }

    #[test]
    fn bytes_that_cannot_stand_alone_are_written_in_hexadecimal() {
        assert_eq!(content_text(b"GET \r\n/;x"), r#""GET |0D 0A|/|3B|x""#);
        assert_eq!(content_text(b"\xff"), r#""|FF|""#);
    }
}
