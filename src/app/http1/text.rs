//! Bytes of a line: what counts as space, where a line ends, numbers.

/// White space in a line, line ends included.
pub(super) fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | 0x0b | 0x0c | b'\r' | b'\n')
}

/// White space within a header.
pub(super) fn is_lws(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

/// A line beginning with this goes on with the header before it.
pub(super) fn is_folding(byte: u8) -> bool {
    is_lws(byte) || byte == 0
}

/// A byte of a token. Source: RFC 2616, section 2.2.
pub(super) fn is_token(byte: u8) -> bool {
    (0x20..0x7f).contains(&byte) && !b"()<>@,;:\\\"/[]?={} \t".contains(&byte)
}

/// The line without its end, however often that is repeated.
pub(super) fn chomp(mut line: &[u8]) -> &[u8] {
    while let Some((b'\r' | b'\n', rest)) = line.split_last() {
        line = rest;
    }
    line
}

/// The line ends the headers. A single space does when the line behind it is not empty.
pub(super) fn is_terminator(line: &[u8], next_is_text: bool) -> bool {
    match line {
        b"\r" | b"\n" | b"\r\n" => true,
        b" \n" | b"\t\n" => next_is_text,
        _ => false,
    }
}

/// Splits off leading bytes.
pub(super) fn split_while(bytes: &[u8], mut belongs: impl FnMut(u8) -> bool) -> (&[u8], &[u8]) {
    let end = bytes.iter().position(|&byte| !belongs(byte)).unwrap_or(bytes.len());
    bytes.split_at_checked(end).unwrap_or((bytes, &[]))
}

/// Without bytes 0, which libhtp passes over in some values.
pub(super) fn without_nul(value: &[u8]) -> Vec<u8> {
    value.iter().copied().filter(|&byte| byte != 0).collect()
}

/// Without white space at both ends.
pub(super) fn trim(bytes: &[u8]) -> &[u8] {
    let (_, rest) = split_while(bytes, is_space);
    let end = rest.iter().rposition(|&byte| !is_space(byte)).map_or(0, |at| at + 1);
    rest.get(..end).unwrap_or_default()
}

/// A whole number with nothing but blanks around it.
pub(super) fn number(bytes: &[u8], base: u32) -> Option<u64> {
    let (_, rest) = split_while(bytes, is_lws);
    let (digits, rest) = split_while(rest, |byte| char::from(byte).is_digit(base));
    if digits.is_empty() || !rest.iter().copied().all(is_lws) {
        return None;
    }
    leading_number(digits, base)
}

/// The number that digits spell, as far as they are digits.
fn leading_number(digits: &[u8], base: u32) -> Option<u64> {
    let mut number: u64 = 0;
    for &byte in digits {
        let Some(digit) = char::from(byte).to_digit(base) else { break };
        number = number.checked_mul(u64::from(base))?.checked_add(u64::from(digit))?;
    }
    (i64::try_from(number).is_ok()).then_some(number)
}

/// The value of a `Content-Length`, junk around the number passed over.
pub(super) fn content_length(value: &[u8]) -> Option<u64> {
    let (_, rest) = split_while(value, |byte| !byte.is_ascii_digit());
    if rest.is_empty() { None } else { leading_number(rest, 10) }
}

/// What a line before a chunk says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ChunkLength {
    /// So many bytes follow, behind an extension or not.
    Bytes(u64),
    /// Nothing but control characters.
    Empty,
    /// No number.
    Invalid,
    /// A number that is too large.
    TooLarge,
}

/// Reads the line before a chunk as the libhtp in Rust does.
pub(super) fn loose_chunk_length(line: &[u8]) -> (ChunkLength, bool) {
    let (_, rest) = split_while(line, is_space);
    if rest.is_empty() {
        return (ChunkLength::Empty, false);
    }
    let (digits, junk) = split_while(rest, |byte| byte.is_ascii_hexdigit());
    let number = std::str::from_utf8(digits).ok().and_then(|digits| u64::from_str_radix(digits, 16).ok());
    match number {
        None => (ChunkLength::Invalid, false),
        Some(len) if i32::try_from(len).is_err() => (ChunkLength::TooLarge, false),
        Some(len) => (ChunkLength::Bytes(len), junk.contains(&b';')),
    }
}

/// What has come of the line before a chunk cannot become a number.
pub(super) fn is_no_chunk_length(begun: &[u8]) -> bool {
    let (_, rest) = split_while(begun, is_space);
    rest.first().is_some_and(|byte| !byte.is_ascii_hexdigit())
}

/// Reads the line before a chunk; the other value says that it has an extension.
pub(super) fn chunk_length(line: &[u8]) -> (ChunkLength, bool) {
    let (_, rest) = split_while(line, is_space);
    if rest.is_empty() {
        return (ChunkLength::Empty, false);
    }
    let (digits, junk) = split_while(rest, |byte| byte.is_ascii_hexdigit());
    let has_extension = junk.contains(&b';');
    let len = leading_number(digits, 16).filter(|&len| !digits.is_empty() && i32::try_from(len).is_ok());
    (len.map_or(ChunkLength::Invalid, ChunkLength::Bytes), has_extension)
}

/// One of the comma-separated tokens of a value.
pub(super) fn has_token(value: &[u8], token: &[u8]) -> bool {
    value.split(|&byte| byte == b',').any(|part| trim(part).eq_ignore_ascii_case(token))
}

/// Occurs anywhere, in any case.
pub(super) fn contains_nocase(value: &[u8], word: &[u8]) -> bool {
    value.windows(word.len()).any(|window| window.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_libhtp_does() {
        assert_eq!(number(b" 80 ", 10), Some(80));
        assert_eq!(number(b"80x", 10), None);
        assert_eq!(content_length(b"abc 12, 12"), Some(12));
        assert_eq!(content_length(b"-"), None);
        assert_eq!(chunk_length(b"1f;a=b"), (ChunkLength::Bytes(31), true));
        assert_eq!(chunk_length(b" \r"), (ChunkLength::Empty, false));
        assert_eq!(chunk_length(b"xyz"), (ChunkLength::Invalid, false));
    }

    #[test]
    fn tokens_are_separated_by_commas() {
        assert!(has_token(b"gzip, Chunked", b"chunked"));
        assert!(!has_token(b"chunkedx", b"chunked"));
    }
}
