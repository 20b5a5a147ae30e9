//! Host names with ports.

use std::net::Ipv6Addr;
use std::str::FromStr;

use super::text::{number, split_while, trim};

/// A host, and the port behind it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct HostPort {
    pub(super) host: Option<Vec<u8>>,
    pub(super) port: Option<u16>,
    /// It is not what the grammar allows.
    pub(super) invalid: bool,
}

/// Reads the value of a `Host` header or the target of a `CONNECT`.
///
/// As in libhtp 0.5 a name is made lower case only when no port follows it; `lower`: always.
pub(super) fn parse(value: &[u8], lower: bool) -> HostPort {
    let value = trim(value);
    let mut parsed = HostPort::default();
    if value.is_empty() {
        parsed.invalid = true;
        return parsed;
    }
    let (host, behind) = if value.first() == Some(&b'[') {
        let Some(end) = value.iter().position(|&byte| byte == b']') else {
            parsed.invalid = true;
            return parsed;
        };
        let (host, behind) = value.split_at_checked(end + 1).unwrap_or((value, &[]));
        match behind.split_first() {
            None => (host.to_vec(), None),
            Some((b':', port)) => (host.to_vec(), Some(port)),
            Some(_) => {
                parsed.invalid = true;
                (host.to_vec(), None)
            }
        }
    } else {
        match value.iter().position(|&byte| byte == b':') {
            None => (value.to_ascii_lowercase(), None),
            Some(colon) => {
                let host = value.get(..colon).unwrap_or_default();
                let end = host.iter().rposition(|byte| !byte.is_ascii_whitespace() && *byte != 0x0b);
                let host = host.get(..end.map_or(0, |at| at + 1)).unwrap_or_default();
                (if lower { host.to_ascii_lowercase() } else { host.to_vec() }, value.get(colon + 1..))
            }
        }
    };
    if let Some(port) = behind {
        parsed.port = number(port, 10).and_then(|port| u16::try_from(port).ok()).filter(|&port| port != 0);
        parsed.invalid |= parsed.port.is_none();
    }
    parsed.invalid |= !is_valid(&host);
    parsed.host = Some(host);
    parsed
}

/// The same as the libhtp in Rust reads it: what is no host is none, and nothing is wrong with that.
pub(super) fn parse_loosely(value: &[u8]) -> HostPort {
    let mut parsed = HostPort::default();
    let Some((host, rest)) = split_host(value) else { return parsed };
    parsed.invalid = !is_loosely_valid(host);
    if let Some(port) = split_port(rest) {
        parsed.port = port_number(port.0);
        parsed.invalid |= parsed.port.is_none();
    } else {
        parsed.invalid |= !rest.is_empty();
    }
    parsed.host = Some(host.to_ascii_lowercase());
    parsed
}

/// A host at the beginning, slashes before it passed over, and what is behind it.
pub(super) fn split_host(value: &[u8]) -> Option<(&[u8], &[u8])> {
    let value = value.strip_prefix(b"//").unwrap_or(value);
    if value.first() == Some(&b'/') {
        return None;
    }
    let (_, value) = split_while(value, |byte| byte == b' ');
    let bracketed = value.strip_prefix(b"[").and_then(|inner| {
        let (address, _) = split_while(inner, |byte| !matches!(byte, b'/' | b'?' | b'#' | b']'));
        let len = 1 + address.len() + usize::from(inner.get(address.len()) == Some(&b']'));
        (!address.is_empty()).then(|| value.split_at_checked(len))?
    });
    let (mut host, rest) = match bracketed {
        Some(split) => split,
        None => split_while(value, |byte| !matches!(byte, b'/' | b'?' | b'#' | b':')),
    };
    if host.is_empty() {
        return None;
    }
    while let Some(shorter) = host.strip_suffix(b" ") {
        host = shorter;
    }
    Some((host, rest))
}

/// A port behind a colon, and what is behind it.
pub(super) fn split_port(rest: &[u8]) -> Option<(&[u8], &[u8])> {
    let (_, rest) = split_while(rest.strip_prefix(b":")?, |byte| byte == b' ');
    let (port, rest) = split_while(rest, |byte| !matches!(byte, b'/' | b'?' | b'#'));
    let (port, _) = split_while(port, |byte| byte != b' ');
    (!port.is_empty()).then_some((port, rest))
}

/// The number of a port that is one.
pub(super) fn port_number(port: &[u8]) -> Option<u16> {
    std::str::from_utf8(port).ok()?.parse().ok().filter(|&port| port != 0)
}

/// What the libhtp in Rust takes for a host: letters of Latin-1 as well, and any number of dots at the end but two in a row.
pub(super) fn is_loosely_valid(host: &[u8]) -> bool {
    if host.is_empty() || host.len() > 255 {
        return false;
    }
    if let Some(inner) = host.strip_prefix(b"[") {
        let (address, rest) = split_while(inner, |byte| !matches!(byte, b'/' | b'?' | b'#' | b']'));
        if rest.first() == Some(&b']')
            && !address.is_empty()
            && let Ok(address) = std::str::from_utf8(address)
        {
            return Ipv6Addr::from_str(address).is_ok();
        }
    }
    host.first() != Some(&b'.')
        && !host.windows(2).any(|pair| pair == b"..")
        && host.split(|&byte| byte == b'.').all(|label| {
            label.len() <= 63
                && label.iter().all(|&byte| matches!(byte, b'-' | b'_') || char::from(byte).is_alphanumeric())
        })
}

/// A name of labels of up to 63 letters, digits, hyphens and underscores, or an address in brackets. A dot at the end
/// is allowed, two in a row are not.
pub(super) fn is_valid(host: &[u8]) -> bool {
    if host.is_empty() || host.len() > 255 {
        return false;
    }
    if let Some(address) = host.strip_prefix(b"[") {
        let Some(address) = address.strip_suffix(b"]") else { return false };
        return std::str::from_utf8(address).is_ok_and(|address| Ipv6Addr::from_str(address).is_ok());
    }
    let host = host.strip_suffix(b".").unwrap_or(host);
    host.split(|&byte| byte == b'.').all(|label| {
        (1..=63).contains(&label.len())
            && label.iter().all(|&byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(value: &str, host: Option<&str>, port: Option<u16>, invalid: bool) {
        let parsed = parse(value.as_bytes(), false);
        let got = parsed.host.as_deref().map(|host| std::str::from_utf8(host).unwrap());
        assert_eq!((got, parsed.port, parsed.invalid), (host, port, invalid));
    }

    #[test]
    fn hosts_and_ports_are_told_apart() {
        check("WWW.example.COM", Some("www.example.com"), None, false);
        check(" a.example.:8080", Some("a.example."), Some(8080), false);
        check("[::1]:80", Some("[::1]"), Some(80), false);
        check("a.example:x", Some("a.example"), None, true);
        check("a.example, b.example", Some("a.example, b.example"), None, true);
        check("", None, None, true);
    }
}
