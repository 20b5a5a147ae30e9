//! SIP over UDP: detection, which parses the whole header.

use super::probe::{Context, Probe};
use crate::verdict::Direction;

/// A complete request of the client or a complete response of the server.
pub(super) fn probe(context: Context, data: &[u8]) -> Probe {
    let behind_line = match context.direction {
        Direction::ToServer => request_line(data),
        Direction::ToClient => status_line(data),
    };
    match behind_line.and_then(headers) {
        Some(()) => Probe::MATCH,
        None => Probe::Unknown,
    }
}

fn request_line(data: &[u8]) -> Option<&[u8]> {
    let data = skip(data, |byte| byte.is_ascii_alphabetic()).strip_prefix(b" ")?;
    let behind_uri = skip(data, |byte| is_token(byte) || b"~#@:;=?+&$,/".contains(&byte));
    if behind_uri.len() == data.len() {
        return None;
    }
    version(behind_uri.strip_prefix(b" ")?)?.strip_prefix(b"\r\n")
}

fn status_line(data: &[u8]) -> Option<&[u8]> {
    let data = version(data)?.strip_prefix(b" ")?;
    let (code, data) = data.split_at_checked(3)?;
    std::str::from_utf8(code).ok()?;
    let data = data.strip_prefix(b" ")?;
    skip(data, |byte| is_token(byte) || b"$&(),/:;=?@[\\]^ ".contains(&byte)).strip_prefix(b"\r\n")
}

fn version(data: &[u8]) -> Option<&[u8]> {
    let data = data.strip_prefix(b"SIP/")?;
    let rest = skip(data, |byte| byte.is_ascii_digit() || byte == b'.');
    (rest.len() < data.len()).then_some(rest)
}

fn headers(mut data: &[u8]) -> Option<()> {
    while !data.starts_with(b"\r\n") {
        data = skip(skip(data, is_token), is_blank).strip_prefix(b":")?;
        data = behind_value(skip(data, is_blank))?;
    }
    Some(())
}

/// What follows a header value, which goes on over folded lines.
fn behind_value(data: &[u8]) -> Option<&[u8]> {
    let mut value_end = 0;
    let mut n_blanks = 0;
    let mut bytes = data.iter().copied().enumerate().peekable();
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'\n' => match bytes.peek() {
                None => return None,
                Some((_, b' ' | b'\t')) => {
                    bytes.next();
                }
                Some(_) => return data.get(value_end + n_blanks..)?.strip_prefix(b"\r\n"),
            },
            b' ' | b'\t' => n_blanks += 1,
            b'\r' => {}
            byte if is_token(byte) || b"\"#$&(),/;:<=>?@[]{}()^|~\\".contains(&byte) => {
                n_blanks = 0;
                value_end = at + 1;
            }
            _ => return None,
        }
    }
    None
}

fn skip(data: &[u8], allowed: impl Fn(u8) -> bool) -> &[u8] {
    let end = data.iter().position(|&byte| !allowed(byte)).unwrap_or(data.len());
    data.get(end..).unwrap_or_default()
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!%'*+-._`~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_needs_its_blank_line() {
        let message = b"OPTIONS sip:a@b.example SIP/2.0\r\nVia: x;\r\n  y \r\nContent-Length: 0\r\n\r\n";
        assert!(request_line(message).and_then(headers).is_some());
        assert!(request_line(&message[..message.len() - 2]).and_then(headers).is_none());
    }

    #[test]
    fn a_response_is_read() {
        assert!(status_line(b"SIP/2.0 200 OK\r\nTo: <sip:a@b>\r\n\r\n").and_then(headers).is_some());
        assert!(status_line(b"HTTP/1.1 200 OK\r\n\r\n").is_none());
    }
}
