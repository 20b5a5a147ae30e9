//! Which flows are meant: the words of `where:`.
//!
//! `sni=*.example.com dport=443`: every word must hold, of several values of a word any. Names take `*` and `?`, addresses
//! take prefixes, ports take ranges, and `none` stands for a flow that has no such thing.

use super::names::ProtocolName;
use crate::verdict::FlowRecord;
use ipnet::IpNet;
use std::fmt;
use std::net::IpAddr;

/// What a selection looks at.
#[derive(Clone, Copy, Debug)]
pub struct FlowFacts<'a> {
    /// IANA protocol number.
    pub proto: u8,
    /// The client.
    pub src: (IpAddr, Option<u16>),
    /// The server.
    pub dst: (IpAddr, Option<u16>),
    /// Suricata's name of the application protocol.
    pub app: Option<&'a str>,
    /// The TLS server name.
    pub sni: Option<&'a str>,
    /// HTTP host names.
    pub hosts: &'a [String],
}

impl<'a> FlowFacts<'a> {
    /// Those of a flow that has ended.
    pub fn of(flow: &'a FlowRecord) -> Self {
        Self {
            proto: flow.proto,
            src: flow.src,
            dst: flow.dst,
            app: flow.app_proto,
            sni: flow.sni.as_deref(),
            hosts: &flow.http_hosts,
        }
    }
}

/// A selection of flows; without words it selects all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    words: Vec<(Field, Vec<Pattern>)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    Proto,
    App,
    Src,
    Sport,
    Dst,
    Dport,
    Sni,
    Host,
}

const FIELDS: [(&str, Field); 8] = [
    ("proto", Field::Proto),
    ("app", Field::App),
    ("src", Field::Src),
    ("sport", Field::Sport),
    ("dst", Field::Dst),
    ("dport", Field::Dport),
    ("sni", Field::Sni),
    ("host", Field::Host),
];

/// One value of a word, as written and as understood.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Pattern {
    text: String,
    test: Test,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Test {
    None,
    Number(u8),
    Name(String),
    Ports(u16, u16),
    Net(IpNet),
}

impl Selection {
    /// The words there are.
    pub fn words() -> impl Iterator<Item = &'static str> + Clone {
        FIELDS.into_iter().map(|(word, _)| word)
    }

    /// Whether it selects everything.
    pub fn is_all(&self) -> bool {
        self.words.is_empty()
    }

    /// Reads `word=value` pairs, with blanks between them; several values of a word stand between commas.
    ///
    /// # Errors
    /// What makes no sense, in one line.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut selection = Self::default();
        for word in text.split_whitespace() {
            let (word, values) = word.split_once('=').ok_or_else(|| format!("`{word}` is not WORD=VALUE"))?;
            values.split(',').try_for_each(|value| selection.add(word, value))?;
        }
        Ok(selection)
    }

    /// Adds a value to a word.
    ///
    /// # Errors
    /// When there is no such word, or the value is none of its kind.
    pub fn add(&mut self, word: &str, value: &str) -> Result<(), String> {
        let Some((_, field)) = FIELDS.into_iter().find(|(known, _)| *known == word) else {
            let words = Self::words().collect::<Vec<_>>().join(", ");
            return Err(format!("flows are not selected by `{word}`; the words are {words}"));
        };
        let (test, form) = match field {
            _ if value == "none" && !matches!(field, Field::Proto | Field::Src | Field::Dst) => (Some(Test::None), ""),
            Field::Proto => (protocol(value), "a protocol (tcp, udp, icmp, or its number)"),
            Field::App | Field::Sni | Field::Host => {
                (Some(Test::Name(value.to_ascii_lowercase())).filter(|_| !value.is_empty()), "a name, or `none`")
            }
            Field::Src | Field::Dst => (net(value), "an address or a prefix"),
            Field::Sport | Field::Dport => (ports(value), "a port or a range such as 1024-65535"),
        };
        let test = test.ok_or_else(|| format!("`{value}` is not {form}"))?;
        let pattern = Pattern { text: value.to_owned(), test };
        match self.words.iter_mut().find(|(known, _)| *known == field) {
            Some((_, patterns)) => patterns.push(pattern),
            None => self.words.push((field, vec![pattern])),
        }
        Ok(())
    }

    /// Whether a flow is meant.
    pub fn selects(&self, flow: &FlowFacts<'_>) -> bool {
        self.words.iter().all(|(field, patterns)| patterns.iter().any(|pattern| pattern.test.holds(*field, flow)))
    }
}

impl fmt::Display for Selection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (field, patterns)) in self.words.iter().enumerate() {
            let word = FIELDS.iter().find(|(_, known)| known == field).map_or("", |(word, _)| *word);
            let values = patterns.iter().map(|pattern| pattern.text.as_str()).collect::<Vec<_>>().join(",");
            write!(f, "{}{word}={values}", if index > 0 { " " } else { "" })?;
        }
        Ok(())
    }
}

impl Test {
    fn holds(&self, field: Field, flow: &FlowFacts<'_>) -> bool {
        let port = |port: Option<u16>| match self {
            Self::None => port.is_none(),
            Self::Ports(low, high) => port.is_some_and(|port| (*low..=*high).contains(&port)),
            _ => false,
        };
        let address = |address: IpAddr| matches!(self, Self::Net(net) if net.contains(&address));
        let name = |mut names: &mut dyn Iterator<Item = &str>| match self {
            Self::None => names.next().is_none(),
            Self::Name(pattern) => Iterator::any(&mut names, |name| is_like(pattern.as_bytes(), name.as_bytes())),
            _ => false,
        };
        match field {
            Field::Proto => matches!(self, Self::Number(number) if *number == flow.proto),
            Field::App => name(&mut flow.app.into_iter()),
            Field::Src => address(flow.src.0),
            Field::Sport => port(flow.src.1),
            Field::Dst => address(flow.dst.0),
            Field::Dport => port(flow.dst.1),
            Field::Sni => name(&mut flow.sni.into_iter()),
            Field::Host => name(&mut flow.hosts.iter().map(String::as_str)),
        }
    }
}

fn protocol(text: &str) -> Option<Test> {
    let named = (0..=u8::MAX).find(|number| ProtocolName(*number).to_string().eq_ignore_ascii_case(text));
    let number = match text.to_ascii_lowercase().as_str() {
        "icmpv6" | "icmp6" => Some(58),
        _ => named.or_else(|| text.parse().ok()),
    };
    number.map(Test::Number)
}

fn ports(text: &str) -> Option<Test> {
    let (low, high) = text.split_once(['-', ':']).unwrap_or((text, text));
    let (low, high) = (low.parse().ok()?, high.parse().ok()?);
    (low <= high).then_some(Test::Ports(low, high))
}

fn net(text: &str) -> Option<Test> {
    let address = || text.parse::<IpAddr>().ok().map(IpNet::from);
    text.parse::<IpNet>().ok().or_else(address).map(Test::Net)
}

/// Whether `name` is like `pattern`, where `*` stands for anything and `?` for one byte; letters of both cases are equal.
fn is_like(pattern: &[u8], name: &[u8]) -> bool {
    let (mut pattern, mut name) = (pattern, name);
    // where to go on when what follows the last star does not fit here
    let mut retry: Option<(&[u8], &[u8])> = None;
    loop {
        match (pattern.split_first(), name.split_first()) {
            (Some((b'*', rest)), _) => {
                retry = Some((rest, name));
                pattern = rest;
                continue;
            }
            (Some((&wanted, rest)), Some((&byte, behind))) if wanted == b'?' || wanted.eq_ignore_ascii_case(&byte) => {
                (pattern, name) = (rest, behind);
                continue;
            }
            (None, None) => return true,
            _ => {}
        }
        let Some((behind_star, at)) = retry else { return false };
        let Some((_, behind)) = at.split_first() else { return false };
        retry = Some((behind_star, behind));
        (pattern, name) = (behind_star, behind);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selects(words: &str) -> bool {
        let hosts = [];
        let flow = FlowFacts {
            proto: 6,
            src: ("10.2.1.5".parse().unwrap(), Some(40000)),
            dst: ("203.0.113.10".parse().unwrap(), Some(443)),
            app: Some("tls"),
            sni: Some("www.Kaggle.com"),
            hosts: &hosts,
        };
        Selection::parse(words).unwrap().selects(&flow)
    }

    #[test]
    fn every_word_must_hold_and_any_value_of_it() {
        assert!(selects(""));
        assert!(selects("sni=*.kaggle.com dport=443 dst=203.0.113.0/24 proto=tcp app=tls"));
        assert!(selects("sni=a.example,www.kaggle.com sport=1024-65535 host=none"));
        assert!(!selects("sni=kaggle.com"));
        assert!(!selects("sni=*.kaggle.com dport=80"));
        assert!(!selects("sni=none"));
        assert!(!selects("src=10.3.0.0/16"));
        assert!(!selects("host=*"));
    }

    #[test]
    fn wildcards_stand_for_anything() {
        let like = |pattern: &str, name: &str| is_like(pattern.as_bytes(), name.as_bytes());
        assert!(like("*", "") && like("a*c*e", "abcde") && like("a*b", "axbxb") && like("?.b", "a.b"));
        assert!(!like("a*b", "axbx") && !like("?", "") && !like("", "a") && !like("*a", "b"));
    }

    #[test]
    fn what_makes_no_sense_is_said() {
        let error = |words: &str| Selection::parse(words).unwrap_err();
        assert!(error("snii=x").contains("the words are proto, app"));
        assert_eq!(error("dport=https"), "`https` is not a port or a range such as 1024-65535");
        assert_eq!(error("dst=10.0.0.0/99"), "`10.0.0.0/99` is not an address or a prefix");
        assert_eq!(
            Selection::parse("proto=icmpv6  dst=::/0,10.0.0.1").unwrap().to_string(),
            "proto=icmpv6 dst=::/0,10.0.0.1"
        );
    }
}
