//! Host names with ports.

use std::net::Ipv6Addr;
use std::str::FromStr;

use super::text::{number, trim};

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
