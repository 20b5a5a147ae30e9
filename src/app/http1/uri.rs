//! Request targets: their parts, and the normal form that `http.uri` holds.
//!
//! The normal form is that of libhtp's personality IDS without lower-casing: escapes and `%u` escapes decoded, UTF-8
//! mapped to single bytes, backslashes turned into slashes, slashes in a row made one, dot segments removed.

use super::host;
use super::text::{number, split_while};

/// The parts of a target as sent.
#[derive(Debug, Default)]
struct Parts<'a> {
    has_scheme: bool,
    host: Option<&'a [u8]>,
    port: Option<&'a [u8]>,
    path: Option<&'a [u8]>,
    query: Option<&'a [u8]>,
    fragment: Option<&'a [u8]>,
}

/// What a target says.
#[derive(Debug, Default)]
pub(super) struct Target {
    /// The host of an absolute URI, lower case and without dots at the end.
    pub(super) host: Option<Vec<u8>>,
    pub(super) port: Option<u16>,
    /// The port is none.
    pub(super) invalid: bool,
    /// There is a path, be it empty.
    pub(super) has_path: bool,
    /// What `http.uri` holds.
    pub(super) normal: Vec<u8>,
}

/// Reads and normalises a target; `loosely`: as the libhtp in Rust does.
pub(super) fn parse(sent: &[u8], loosely: bool) -> Target {
    let parts = if loosely { loose_parts(sent) } else { parts(sent) };
    let mut target = Target::default();
    if let Some(host) = parts.host {
        target.host = Some(normal_host(&decode_query(host, true)));
    }
    if let Some(port) = parts.port {
        target.port = if loosely {
            host::port_number(port)
        } else {
            number(port, 10).and_then(|port| u16::try_from(port).ok()).filter(|&port| port != 0)
        };
        target.invalid = target.port.is_none();
    }
    if let Some(path) = parts.path {
        target.has_path = true;
        target.normal = remove_dot_segments(&utf8_to_bytes(&decode_path(path)));
    }
    if let Some(query) = parts.query {
        target.normal.push(b'?');
        target.normal.extend(decode_query(query, false));
    }
    if let Some(fragment) = parts.fragment {
        target.normal.push(b'#');
        target.normal.extend(decode_query(fragment, true));
    }
    target
}

/// Lower case, without dots at the end.
pub(super) fn normal_host(host: &[u8]) -> Vec<u8> {
    let end = host.iter().rposition(|&byte| byte != b'.').map_or(0, |at| at + 1);
    host.get(..end).unwrap_or_default().to_ascii_lowercase()
}

fn parts(sent: &[u8]) -> Parts<'_> {
    let end = sent.iter().rposition(|&byte| byte != b' ').map_or(0, |at| at + 1);
    let mut rest = sent.get(..end).unwrap_or_default();
    let mut parts = Parts::default();
    if rest.is_empty() {
        return parts;
    }
    if rest.first() != Some(&b'/')
        && let Some(colon) = rest.iter().position(|&byte| byte == b':')
    {
        parts.has_scheme = true;
        rest = rest.get(colon + 1..).unwrap_or_default();
    }
    if parts.has_scheme
        && let Some(behind) = rest.strip_prefix(b"//")
        && behind.first().is_some_and(|&byte| byte != b'/')
    {
        let (authority, behind) = split_while(behind, |byte| !matches!(byte, b'?' | b'/' | b'#'));
        read_authority(authority, &mut parts);
        rest = behind;
    }
    let (path, rest) = split_while(rest, |byte| !matches!(byte, b'?' | b'#'));
    parts.path = Some(path);
    let mut rest = rest;
    if let Some(behind) = rest.strip_prefix(b"?") {
        let (query, behind) = split_while(behind, |byte| byte != b'#');
        parts.query = Some(query);
        rest = behind;
    }
    parts.fragment = rest.strip_prefix(b"#");
    parts
}

/// The parts as the libhtp in Rust finds them: a host follows a scheme with or without slashes, and credentials are
/// whatever stands before an at sign.
fn loose_parts(sent: &[u8]) -> Parts<'_> {
    let mut parts = Parts::default();
    let mut rest = sent;
    if rest.first() != Some(&b'/')
        && let Some(colon) = rest.iter().position(|&byte| byte == b':')
    {
        parts.has_scheme = true;
        rest = rest.get(colon + 1..).unwrap_or_default();
        let authority = rest.strip_prefix(b"//").filter(|behind| behind.first() != Some(&b'/'));
        if let Some(authority) = authority
            && let Some(at) = authority.iter().position(|&byte| byte == b'@')
        {
            rest = authority.get(at + 1..).unwrap_or_default();
        }
        if let Some((host, behind)) = host::split_host(rest) {
            parts.host = Some(host);
            rest = behind;
            if let Some((port, behind)) = host::split_port(rest) {
                parts.port = Some(port);
                rest = behind;
            }
        }
    }
    let (path, rest) = split_while(rest, |byte| !matches!(byte, b'?' | b'#'));
    parts.path = (!path.is_empty()).then_some(path);
    let (query, rest) = match rest.strip_prefix(b"?") {
        Some(behind) => {
            let (query, rest) = split_while(behind, |byte| byte != b'#');
            (Some(query), rest)
        }
        None => (None, rest),
    };
    parts.query = query;
    parts.fragment = rest.strip_prefix(b"#");
    parts
}

fn read_authority<'a>(authority: &'a [u8], parts: &mut Parts<'a>) {
    let host_port = match authority.iter().position(|&byte| byte == b'@') {
        Some(at) => authority.get(at + 1..).unwrap_or_default(),
        None => authority,
    };
    let bracket = host_port.iter().position(|&byte| byte == b']');
    let host_end = match (host_port.first(), bracket) {
        (Some(b'['), None) => {
            parts.host = Some(host_port);
            return;
        }
        (Some(b'['), Some(end)) => end + 1,
        _ => host_port.iter().position(|&byte| byte == b':').unwrap_or(host_port.len()),
    };
    let (host, behind) = host_port.split_at_checked(host_end).unwrap_or((host_port, &[]));
    parts.host = Some(host);
    parts.port = behind.iter().position(|&byte| byte == b':').and_then(|colon| behind.get(colon + 1..));
}

fn hex(high: u8, low: u8) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    Some((digit(high)? * 16 + digit(low)?) as u8)
}

/// Decodes escapes; what is not one stays as it is. A path's `%u` escapes are for hosts and fragments as well.
fn decode_query(sent: &[u8], with_u: bool) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(sent.len());
    let mut rest = sent;
    while let Some((&byte, behind)) = rest.split_first() {
        rest = behind;
        if byte != b'%' {
            decoded.push(byte);
            continue;
        }
        let (byte, behind) = escape(behind, with_u);
        decoded.push(byte);
        rest = behind;
    }
    decoded
}

/// The byte that an escape stands for, given what follows its percent sign, and what follows the escape.
fn escape(behind: &[u8], with_u: bool) -> (u8, &[u8]) {
    match behind {
        [b'u' | b'U', a, b, c, d, rest @ ..] if with_u => match (hex(*a, *b), hex(*c, *d)) {
            (Some(high), Some(low)) => (best_fit(u32::from(high) << 8 | u32::from(low)), rest),
            _ => (b'%', behind),
        },
        [b'u' | b'U', ..] if with_u => (b'%', behind),
        [high, low, rest @ ..] => match hex(*high, *low) {
            Some(byte) => (byte, rest),
            None => (b'%', behind),
        },
        _ => (b'%', behind),
    }
}

fn decode_path(sent: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(sent.len());
    let mut rest = sent;
    while let Some((&byte, behind)) = rest.split_first() {
        let (byte, behind) = if byte == b'%' { escape(behind, true) } else { (byte, behind) };
        rest = behind;
        let byte = if byte == b'\\' { b'/' } else { byte };
        if byte != b'/' || decoded.last() != Some(&b'/') {
            decoded.push(byte);
        }
    }
    decoded
}

/// The single byte for a code point: ASCII and Latin-1 as they are, full-width forms as their narrow ones, else `?`.
fn best_fit(code: u32) -> u8 {
    match code {
        0..=0xff => code as u8,
        0xff01..=0xff5e => (code - 0xff01 + 0x21) as u8,
        0x2044 | 0x2215 => b'/',
        0x2216 => b'\\',
        _ => b'?',
    }
}

/// UTF-8 sequences as single bytes, overlong ones too. What is none becomes `?`; an unfinished one at the end is lost.
fn utf8_to_bytes(path: &[u8]) -> Vec<u8> {
    if path.is_ascii() {
        return path.to_vec();
    }
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path;
    while let Some((&lead, behind)) = rest.split_first() {
        let (n_more, bits) = match lead {
            0..=0x7f => (0, lead),
            0xc0..=0xdf => (1, lead & 0x1f),
            0xe0..=0xef => (2, lead & 0x0f),
            0xf0..=0xf4 => (3, lead & 0x07),
            _ => {
                bytes.push(b'?');
                rest = behind;
                continue;
            }
        };
        let allowed = |at: usize, byte: u8| {
            matches!(byte, 0x80..=0xbf)
                && !(at == 0 && ((lead == 0xed && byte > 0x9f) || (lead == 0xf4 && byte > 0x8f)))
        };
        let n_good = behind.iter().take(n_more).enumerate().take_while(|(at, byte)| allowed(*at, **byte)).count();
        let (more, behind) = behind.split_at_checked(n_good).unwrap_or((behind, &[]));
        rest = behind;
        if n_good == n_more {
            bytes.push(best_fit(more.iter().fold(u32::from(bits), |code, &byte| code << 6 | u32::from(byte & 0x3f))));
        } else if !rest.is_empty() {
            bytes.push(b'?');
        }
    }
    bytes
}

/// Source: RFC 3986, section 5.2.4.
fn remove_dot_segments(path: &[u8]) -> Vec<u8> {
    let mut output: Vec<u8> = Vec::with_capacity(path.len());
    let mut rest = path;
    // A slash that stands before `rest` although the input has it no more.
    let mut slash = false;
    loop {
        if !slash {
            if let Some(behind) = rest.strip_prefix(b"../").or_else(|| rest.strip_prefix(b"./")) {
                rest = behind;
                continue;
            }
            match rest.split_first() {
                None => break,
                Some((b'/', behind)) => {
                    slash = true;
                    rest = behind;
                }
                Some(_) if rest == b"." || rest == b".." => break,
                Some(_) => {
                    let (segment, behind) = split_segment(rest);
                    output.extend_from_slice(segment);
                    rest = behind;
                    continue;
                }
            }
        }
        if let Some(behind) = rest.strip_prefix(b"./") {
            rest = behind;
        } else if rest == b"." {
            rest = &[];
        } else if let Some(behind) = rest.strip_prefix(b"../") {
            rest = behind;
            drop_segment(&mut output);
        } else if rest == b".." {
            rest = &[];
            drop_segment(&mut output);
        } else {
            slash = false;
            output.push(b'/');
            let (segment, behind) = split_while(rest, |byte| byte != b'/');
            output.extend_from_slice(segment);
            rest = behind;
        }
    }
    output
}

/// The first segment of a path that does not begin with a slash.
fn split_segment(path: &[u8]) -> (&[u8], &[u8]) {
    split_while(path, |byte| byte != b'/')
}

fn drop_segment(output: &mut Vec<u8>) {
    let end = output.iter().rposition(|&byte| byte == b'/').unwrap_or(0);
    output.truncate(end);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(sent: &str, normal: &str) {
        for loosely in [false, true] {
            assert_eq!(String::from_utf8_lossy(&parse(sent.as_bytes(), loosely).normal), normal);
        }
    }

    #[test]
    fn paths_are_normalised() {
        check("/a/./b/../c", "/a/c");
        check("/a%2fb//c\\d", "/a/b/c/d");
        check("/../../etc/passwd", "/etc/passwd");
        check("/%75%u0062?q=%41+b%zz#f", "/ub?q=A+b%zz#f");
        check("/a/..", "/");
        check("*", "*");
        check("/%c0%af%ef%bc%a1%ffx%e9y", "//A?x?y");
    }

    #[test]
    fn an_absolute_uri_has_a_host() {
        let target = parse(b"http://user@WWW.Example.com.:8080/a?b", false);
        assert_eq!(target.host.as_deref(), Some(&b"www.example.com"[..]));
        assert_eq!(target.port, Some(8080));
        assert_eq!(target.normal, b"/a?b");
    }
}
