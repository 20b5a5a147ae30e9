//! A conversation in one line: a URL, and words for what is unusual about it.
//!
//! `https://www.example.com from=10.2.1.5 sni=none segments=3`

use super::target::{TargetError, refuse};
use super::{Hello, Host, Scheme, Target};
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// What is to be made up. It prints as it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shorthand {
    /// What is spoken, and with whom.
    pub target: Target,
    /// `from=ADDRESS`: the client.
    pub from: Option<IpAddr>,
    /// `to=ADDRESS`: the server, whatever the URL says.
    pub to: Option<IpAddr>,
    /// `sni=NAME` or `sni=none`: the server name of TLS and QUIC, where it is not the URL's.
    pub sni: Option<Sni>,
    /// `host=NAME`: the Host header of HTTP, where it is not the URL's.
    pub host: Option<String>,
    /// `hello=classic` or `hello=post-quantum`: the ClientHello.
    pub hello: Option<Hello>,
    /// `segments=N`: the client's first message is cut into so many pieces, each a packet of its own.
    pub segments: Option<usize>,
    /// `payload=TEXT`: what the client says over TCP or UDP, percent-encoded.
    pub payload: Option<Vec<u8>>,
}

/// A server name that is not the URL's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sni {
    /// The extension is left out.
    None,
    /// This name.
    Name(String),
}

/// The words that may follow a URL, and what their values look like.
pub const WORDS: [(&str, &str); 7] = [
    ("from", "ADDRESS"),
    ("to", "ADDRESS"),
    ("sni", "NAME|none"),
    ("host", "NAME"),
    ("hello", "classic|post-quantum"),
    ("segments", "N"),
    ("payload", "TEXT"),
];

/// The most pieces that a message is cut into.
pub const SEGMENTS_MAX: usize = 1000;

impl From<Target> for Shorthand {
    fn from(target: Target) -> Self {
        Self { target, from: None, to: None, sni: None, host: None, hello: None, segments: None, payload: None }
    }
}

impl Shorthand {
    /// Reads several: each URL with the words that follow it.
    ///
    /// # Errors
    /// The first word that makes no sense.
    pub fn parse_all<'a>(words: impl IntoIterator<Item = &'a str>) -> Result<Vec<Self>, TargetError> {
        let mut all: Vec<Self> = Vec::new();
        for word in words.into_iter().flat_map(str::split_whitespace) {
            let is_key = |key: &str| !key.is_empty() && key.bytes().all(|b| b.is_ascii_alphabetic() || b == b'-');
            match (word.split_once('=').filter(|(key, _)| is_key(key)), all.last_mut()) {
                (Some((key, value)), Some(last)) => last.set(key, value)?,
                _ => all.push(word.parse::<Target>()?.into()),
            }
        }
        Ok(all)
    }

    /// Sets what the word `key=value` says.
    ///
    /// # Errors
    /// When there is no such word, it is given twice, or it makes no sense for what is spoken.
    pub fn set(&mut self, key: &str, value: &str) -> Result<(), TargetError> {
        let Some((_, form)) = WORDS.into_iter().find(|(known, _)| *known == key) else {
            let words = WORDS.map(|(word, _)| word).join(", ");
            return refuse(format!("`{key}` says nothing about a conversation"), format!("the words are {words}"));
        };
        if self.says(key) {
            return refuse(format!("`{key}` is given twice"), "remove one");
        }
        if !self.takes(key) {
            let message = format!("`{key}` does not go with {}://", self.target.scheme.name());
            let help = match key {
                "sni" | "hello" => "write it behind https:// or quic://",
                "host" => "write it behind http://",
                "payload" => "write it behind tcp:// or udp://",
                _ => "write it behind https://, http://, tcp:// or quic://",
            };
            return refuse(message, help);
        }
        let name = || match value.parse::<NameOnly>() {
            Ok(NameOnly(name)) => Ok(name),
            Err(error) => refuse(error.message, error.help),
        };
        let known = match key {
            "from" => value.parse().map(|address| self.from = Some(address)).is_ok(),
            "to" => value.parse().map(|address| self.to = Some(address)).is_ok(),
            "sni" if value == "none" => {
                self.sni = Some(Sni::None);
                true
            }
            "sni" => {
                self.sni = Some(Sni::Name(name()?));
                true
            }
            "host" => {
                self.host = Some(name()?);
                true
            }
            "hello" => {
                self.hello = Hello::from_name(value);
                self.hello.is_some()
            }
            "segments" => {
                self.segments = value.parse().ok().filter(|n| (1..=SEGMENTS_MAX).contains(n));
                self.segments.is_some()
            }
            _ => {
                self.payload = percent_decoded(value).filter(|payload| !payload.is_empty());
                self.payload.is_some()
            }
        };
        if known {
            return Ok(());
        }
        let help = match key {
            "segments" => format!("write segments=N with N from 1 to {SEGMENTS_MAX}"),
            "payload" => "write the bytes as in a URL: a%20line%0d%0a".to_owned(),
            _ => format!("write {key}={form}"),
        };
        refuse(format!("`{value}` is no value for `{key}`"), help)
    }

    /// Whether a word was given.
    pub fn says(&self, key: &str) -> bool {
        self.words().iter().any(|(given, _)| *given == key)
    }

    /// Whether a word makes sense for what is spoken.
    pub fn takes(&self, key: &str) -> bool {
        let scheme = self.target.scheme;
        match key {
            "sni" | "hello" => matches!(scheme, Scheme::Https | Scheme::Quic),
            "host" => scheme == Scheme::Http,
            "segments" => matches!(scheme, Scheme::Https | Scheme::Http | Scheme::Tcp | Scheme::Quic),
            "payload" => matches!(scheme, Scheme::Tcp | Scheme::Udp),
            _ => true,
        }
    }

    /// The server name to send, if any.
    pub(super) fn server_name(&self) -> Option<&str> {
        match &self.sni {
            Some(Sni::None) => None,
            Some(Sni::Name(name)) => Some(name),
            None => self.target.host.name(),
        }
    }

    /// The words that were given, with their values.
    fn words(&self) -> Vec<(&'static str, String)> {
        let sni = self.sni.as_ref().map(|sni| match sni {
            Sni::None => "none".to_owned(),
            Sni::Name(name) => name.clone(),
        });
        let values = [
            self.from.map(|address| address.to_string()),
            self.to.map(|address| address.to_string()),
            sni,
            self.host.clone(),
            self.hello.map(|hello| hello.name().to_owned()),
            self.segments.map(|n| n.to_string()),
            self.payload.as_deref().map(percent_encoded),
        ];
        WORDS.into_iter().zip(values).filter_map(|((word, _), value)| Some((word, value?))).collect()
    }
}

impl FromStr for Shorthand {
    type Err = TargetError;

    fn from_str(text: &str) -> Result<Self, TargetError> {
        let mut all = Self::parse_all([text])?;
        match (all.pop(), all.is_empty()) {
            (Some(one), true) => Ok(one),
            (None, _) => refuse("there is no URL", "write https://NAME"),
            (Some(last), false) => {
                refuse(format!("`{}` begins a second conversation", last.target.url), "write one URL, then its words")
            }
        }
    }
}

impl fmt::Display for Shorthand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.target.url)?;
        self.words().iter().try_for_each(|(word, value)| write!(f, " {word}={value}"))
    }
}

/// A host name, and not an address.
struct NameOnly(String);

impl FromStr for NameOnly {
    type Err = TargetError;

    fn from_str(text: &str) -> Result<Self, TargetError> {
        match super::target::host_of(text)? {
            Host::Name(name) => Ok(Self(name)),
            // as some clients write them
            Host::Address(address) => Ok(Self(address.to_string())),
        }
    }
}

fn percent_decoded(text: &str) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, behind)) = rest.split_first() {
        rest = behind;
        if byte == b'%' {
            let (digits, behind) = rest.split_first_chunk::<2>()?;
            let digits = std::str::from_utf8(digits).ok().filter(|d| d.bytes().all(|b| b.is_ascii_hexdigit()))?;
            out.push(u8::from_str_radix(digits, 16).ok()?);
            rest = behind;
        } else {
            out.push(byte);
        }
    }
    Some(out)
}

fn percent_encoded(bytes: &[u8]) -> String {
    let as_is = |byte: u8| byte.is_ascii_graphic() && byte != b'%';
    bytes.iter().map(|&byte| if as_is(byte) { char::from(byte).to_string() } else { format!("%{byte:02x}") }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_prints_as_it_is_written() {
        for text in [
            "https://www.example.com",
            "https://192.0.2.1 from=10.2.1.5 sni=www.example.com segments=3",
            "https://a.example sni=none hello=post-quantum",
            "http://a.example:8080/x?y=1 host=b.example",
            "tcp://a.example:22 payload=SSH-2.0-x%0d%0a",
            "quic://a.example segments=2",
        ] {
            assert_eq!(text.parse::<Shorthand>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn words_belong_to_the_url_in_front_of_them() {
        let all = Shorthand::parse_all(["https://a.example", "sni=none", "http://b.example/?x=1", "host=c"]).unwrap();
        let all: Vec<String> = all.iter().map(ToString::to_string).collect();
        assert_eq!(all, ["https://a.example sni=none", "http://b.example/?x=1 host=c"]);
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        let refused = |text: &str| match text.parse::<Shorthand>() {
            Ok(made) => panic!("{made}"),
            Err(error) => format!("{error}; {}", error.help),
        };
        insta::assert_snapshot!(
            [
                "https://a snl=b",
                "dns://a segments=2",
                "http://a sni=b",
                "https://a sni=a..b",
                "https://a segments=0",
                "udp://a:1 payload=%zz",
                "icmp://a from=b",
                "https://a sni=b sni=c",
                "https://a http://b",
                "",
            ]
            .map(refused)
            .join("\n"),
            @r"
        `snl` says nothing about a conversation; the words are from, to, sni, host, hello, segments, payload
        `segments` does not go with dns://; write it behind https://, http://, tcp:// or quic://
        `sni` does not go with http://; write it behind https:// or quic://
        `a..b` is not a host name; names are letters, digits and hyphens between dots
        `0` is no value for `segments`; write segments=N with N from 1 to 1000
        `%zz` is no value for `payload`; write the bytes as in a URL: a%20line%0d%0a
        `b` is no value for `from`; write from=ADDRESS
        `sni` is given twice; remove one
        `http://b` begins a second conversation; write one URL, then its words
        there is no URL; write https://NAME
        "
        );
    }
}
