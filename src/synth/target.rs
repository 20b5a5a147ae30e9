//! What is tried, as a URL.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

/// A URL, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// As the user wrote it.
    pub url: String,
    /// What is spoken.
    pub scheme: Scheme,
    /// With whom.
    pub host: Host,
    /// The server's port; 0 for ICMP.
    pub port: u16,
    /// Path and query; `/` when there is none.
    pub path: String,
}

/// What is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// TLS over TCP.
    Https,
    /// HTTP/1.1 over TCP.
    Http,
    /// A DNS query for the host's address, over UDP.
    Dns,
    /// Opaque data over TCP.
    Tcp,
    /// Opaque datagrams.
    Udp,
    /// An echo request.
    Icmp,
    /// TLS in QUIC over UDP.
    Quic,
}

/// A name or an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Host {
    /// A domain name in lower case.
    Name(String),
    /// An address.
    Address(IpAddr),
}

impl Host {
    /// The name, if it is one.
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Name(name) => Some(name),
            Self::Address(_) => None,
        }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Address(IpAddr::V4(address)) => write!(f, "{address}"),
            Self::Address(IpAddr::V6(address)) => write!(f, "[{address}]"),
        }
    }
}

/// Why a URL cannot be tried.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct TargetError {
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub help: String,
}

pub(super) fn refuse<T>(message: impl Into<String>, help: impl Into<String>) -> Result<T, TargetError> {
    Err(TargetError { message: message.into(), help: help.into() })
}

impl Target {
    /// The port that the scheme has when the URL gives none.
    pub fn default_port(&self) -> Option<u16> {
        self.scheme.default_port()
    }
}

impl Scheme {
    /// As it stands in URLs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Https => "https",
            Self::Http => "http",
            Self::Dns => "dns",
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::Icmp => "icmp",
            Self::Quic => "quic",
        }
    }

    fn default_port(self) -> Option<u16> {
        match self {
            Self::Https | Self::Quic => Some(443),
            Self::Http => Some(80),
            Self::Dns => Some(53),
            Self::Icmp => Some(0),
            Self::Tcp | Self::Udp => None,
        }
    }
}

impl FromStr for Target {
    type Err = TargetError;

    fn from_str(url: &str) -> Result<Self, TargetError> {
        let Some((scheme, rest)) = url.split_once("://") else {
            return refuse(
                format!("`{url}` has no scheme"),
                format!("write https://{url}, or tcp://{url} with a port"),
            );
        };
        let scheme = match scheme.to_ascii_lowercase().as_str() {
            "https" | "tls" => Scheme::Https,
            "http" => Scheme::Http,
            "dns" => Scheme::Dns,
            "tcp" => Scheme::Tcp,
            "udp" => Scheme::Udp,
            "icmp" | "ping" => Scheme::Icmp,
            "quic" | "h3" => Scheme::Quic,
            other => {
                return refuse(
                    format!("`{other}` cannot be tried"),
                    "the schemes are https, http, dns, tcp, udp, icmp, quic",
                );
            }
        };
        let rest = rest.split_once('#').map_or(rest, |(before, _)| before);
        let cut = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(cut);
        let (host, port) = host_and_port(authority)?;
        let port = match (port, scheme) {
            (Some(_), Scheme::Icmp) => return refuse(format!("`{url}`: ICMP has no ports"), "write icmp://HOST"),
            (Some(port), _) => port,
            (None, _) => match scheme.default_port() {
                Some(port) => port,
                None => return refuse(format!("`{url}` has no port"), format!("write {url}:PORT")),
            },
        };
        if scheme == Scheme::Dns && host.name().is_none() {
            return refuse(format!("`{url}` asks for an address"), "write dns://NAME; the server is given with --to");
        }
        if !path.bytes().all(|b| b.is_ascii_graphic()) {
            return refuse(format!("the path of `{url}` is not a URL's"), "percent-encode it");
        }
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
        Ok(Self { url: url.to_owned(), scheme, host, port, path })
    }
}

fn host_and_port(authority: &str) -> Result<(Host, Option<u16>), TargetError> {
    if authority.contains('@') {
        return refuse(format!("`{authority}` holds a user name"), "leave it out");
    }
    let (host, port) = if let Some(rest) = authority.strip_prefix('[') {
        let Some((address, rest)) = rest.split_once(']') else {
            return refuse(format!("`{authority}` has no closing bracket"), "write [2001:db8::1]:PORT");
        };
        let Ok(address) = address.parse::<Ipv6Addr>() else {
            return refuse(format!("`{address}` is not an IPv6 address"), "write [2001:db8::1]:PORT");
        };
        (Host::Address(address.into()), rest.strip_prefix(':'))
    } else {
        match authority.rsplit_once(':') {
            Some((host, port)) if !host.contains(':') => (host_of(host)?, Some(port)),
            Some(_) => return refuse(format!("`{authority}` is ambiguous"), "write IPv6 addresses in brackets"),
            None => (host_of(authority)?, None),
        }
    };
    let port = match port.map(str::parse::<u16>) {
        None => None,
        Some(Ok(port @ 1..)) => Some(port),
        Some(_) => return refuse(format!("`{authority}` has no usable port"), "ports are 1 to 65535"),
    };
    Ok((host, port))
}

pub(super) fn host_of(text: &str) -> Result<Host, TargetError> {
    if let Ok(address) = text.parse::<IpAddr>() {
        return Ok(Host::Address(address));
    }
    if !text.is_ascii() {
        return refuse(format!("`{text}` is not ASCII"), "write the name as it goes over the wire: xn--...");
    }
    let labels = text.strip_suffix('.').unwrap_or(text).split('.');
    let good = |label: &str| {
        (1..=63).contains(&label.len()) && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    if text.len() > 253 || !labels.clone().all(good) {
        return refuse(format!("`{text}` is not a host name"), "names are letters, digits and hyphens between dots");
    }
    Ok(Host::Name(text.to_ascii_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(url: &str) -> String {
        match url.parse::<Target>() {
            Ok(t) => format!("{:?} {} {} {}", t.scheme, t.host, t.port, t.path),
            Err(error) => format!("{error}; {}", error.help),
        }
    }

    #[test]
    fn urls_are_taken_apart() {
        assert_eq!(parsed("https://www.Kaggle.com"), "Https www.kaggle.com 443 /");
        assert_eq!(parsed("http://packages.example.org:8080/x?y=1#z"), "Http packages.example.org 8080 /x?y=1");
        assert_eq!(parsed("http://a.example?q"), "Http a.example 80 /?q");
        assert_eq!(parsed("tcp://10.0.0.1:22"), "Tcp 10.0.0.1 22 /");
        assert_eq!(parsed("udp://[2001:db8::1]:123"), "Udp [2001:db8::1] 123 /");
        assert_eq!(parsed("icmp://10.0.0.1"), "Icmp 10.0.0.1 0 /");
        assert_eq!(parsed("quic://a.example"), "Quic a.example 443 /");
        assert_eq!(parsed("dns://example.com."), "Dns example.com. 53 /");
    }

    #[test]
    fn what_cannot_be_tried_is_said_with_what_to_write() {
        assert_eq!(
            parsed("www.kaggle.com"),
            "`www.kaggle.com` has no scheme; write https://www.kaggle.com, or tcp://www.kaggle.com with a port"
        );
        for url in [
            "tcp://a",
            "icmp://a:1",
            "dns://10.0.0.1",
            "http://a b/",
            "http://ä.example",
            "ftp://a",
            "http://u@a",
            "http://",
            "http://a..b",
            "http://a:0",
            "http://a:70000",
            "http://2001:db8::1/",
            "http://a/\u{1}",
        ] {
            assert!(url.parse::<Target>().is_err(), "{url}");
        }
    }
}
