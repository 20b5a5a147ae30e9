//! Address expressions of the header.

use super::ast::AddressExpr;
use super::parse::Part;
use super::ranges::{Members, RangeSet};
use crate::source::{Diagnostic, Spanned};
use ipnet::IpNet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// How deep lists and variables may be nested.
const DEPTH_MAX: usize = 64;

/// What may stand here.
const FORMS: &str = "an address is written `10.0.0.1`, `10.0.0.0/8`, `10.0.0.1-10.0.0.9`, `[..,!..]`, `any` or `$NAME`";

/// Reads an address expression.
pub(super) fn parse(part: Part<'_>) -> Result<Spanned<AddressExpr>, Diagnostic> {
    let expr = list_or_item(part, 0)?;
    if !matches!(expr.value, AddressExpr::Not(_) | AddressExpr::List(_)) {
        return Ok(expr);
    }
    match expr.value.ranges(&|_| None) {
        Err(RangesError::NegatesEverything) => {
            Err(Diagnostic::error("FD0207", "everything is negated, so that no address is left")
                .at(part.span())
                .help("list what is meant first: `[10.0.0.0/8,!10.1.0.0/16]`"))
        }
        Ok(ranges) if ranges.is_empty() => Err(nothing_left(part)),
        _ => Ok(expr),
    }
}

fn nothing_left(part: Part<'_>) -> Diagnostic {
    Diagnostic::error("FD0207", "no address is left: all that is listed is negated as well")
        .at(part.span())
        .help("negate less than is listed: `[10.0.0.0/8,!10.1.0.0/16]`")
}

/// Items with commas between them. Suricata takes them at the top without brackets too.
fn list_or_item(part: Part<'_>, depth: usize) -> Result<Spanned<AddressExpr>, Diagnostic> {
    let mut items = items(part, depth)?;
    match items.pop() {
        Some(item) if items.is_empty() => Ok(item),
        Some(item) => {
            items.push(item);
            Ok(Spanned::new(AddressExpr::List(items), part.span()))
        }
        None => Err(Diagnostic::error("FD0207", "there is no address").at(part.span()).help(FORMS)),
    }
}

fn items(part: Part<'_>, depth: usize) -> Result<Vec<Spanned<AddressExpr>>, Diagnostic> {
    let mut items = Vec::new();
    for piece in super::port::split_list(part) {
        let piece =
            piece.map_err(|at| Diagnostic::error("FD0207", "brackets do not match").at(at.span()).help(FORMS))?;
        items.push(item(piece, depth)?);
    }
    Ok(items)
}

fn item(part: Part<'_>, depth: usize) -> Result<Spanned<AddressExpr>, Diagnostic> {
    if depth > DEPTH_MAX {
        return Err(Diagnostic::error("FD0207", format!("lists are nested more than {DEPTH_MAX} times"))
            .at(part.span())
            .help("write one list: inner brackets change nothing"));
    }
    let whole = part.trim_start();
    // Suricata takes any number of `!` for one.
    let rest = whole.text.trim_start_matches(|c: char| c == '!' || c.is_ascii_whitespace());
    let part = whole.sub(whole.text.len() - rest.len()..whole.text.len());
    let negated = part.text.len() < whole.text.len();
    let expr = if let Some(inner) = part.text.strip_prefix('[') {
        let Some(inner) = inner.trim_ascii_end().strip_suffix(']') else {
            return Err(Diagnostic::error("FD0207", "a list ends with `]`").at(part.span()).help(FORMS));
        };
        AddressExpr::List(items(part.sub(1..1 + inner.len()), depth + 1)?)
    } else {
        atom(part)?
    };
    let expr = Spanned::new(expr, part.span());
    Ok(if negated { Spanned::new(AddressExpr::Not(Box::new(expr)), whole.span()) } else { expr })
}

fn atom(part: Part<'_>) -> Result<AddressExpr, Diagnostic> {
    let text = part.text;
    let error = |message: String| Diagnostic::error("FD0207", message).at(part.span()).help(FORMS);
    if text.eq_ignore_ascii_case("any") {
        return Ok(AddressExpr::Any);
    }
    if let Some(name) = text.strip_prefix('$') {
        return if is_name(name) {
            Ok(AddressExpr::Variable(name.to_owned()))
        } else {
            Err(error(format!("`{text}` is not a variable")))
        };
    }
    if let Some(name) = text.strip_prefix('@') {
        return if is_name(name) {
            Ok(AddressExpr::Reference(name.to_owned()))
        } else {
            Err(error(format!("`{text}` is not a reference")))
        };
    }
    if text.is_empty() {
        return Err(error("there is nothing between the commas".into()));
    }
    if let Some((low, high)) = text.split_once('-') {
        return match (low.parse(), high.parse()) {
            (Ok(low @ IpAddr::V4(_)), Ok(high @ IpAddr::V4(_)))
            | (Ok(low @ IpAddr::V6(_)), Ok(high @ IpAddr::V6(_)))
                if low <= high =>
            {
                Ok(AddressExpr::Range(low, high))
            }
            (Ok(low), Ok(high)) if low > high => {
                Err(error(format!("the range `{text}` runs backwards")).help("exchange the two addresses"))
            }
            _ => Err(error(format!("`{text}` is not a range of addresses"))),
        };
    }
    if let Some((address, mask)) = text.split_once('/') {
        let address: IpAddr = address.parse().map_err(|_| error(format!("`{address}` is not an address")))?;
        let prefix = prefix_len(address, mask).ok_or_else(|| match address {
            IpAddr::V4(_) => error(format!("`{mask}` is not a prefix length from 0 to 32, nor a netmask that is one")),
            IpAddr::V6(_) => error(format!("`{mask}` is not a prefix length from 0 to 128")),
        })?;
        return IpNet::new(address, prefix)
            .map(AddressExpr::Net)
            .map_err(|_| error(format!("`{text}` is not a network")));
    }
    if let Ok(address) = text.parse::<IpAddr>() {
        return Ok(AddressExpr::Net(IpNet::from(address)));
    }
    let error = error(format!("`{text}` is not an address"));
    if text.contains('.') && text.bytes().any(|byte| byte.is_ascii_alphabetic()) {
        return Err(
            error.help("names are not looked up: write addresses, or test the name with `tls.sni` or `http.host`")
        );
    }
    if text.ends_with(|c: char| c.is_ascii_whitespace()) {
        return Err(error.help("there must be no space behind an address"));
    }
    if text.split_ascii_whitespace().count() > 1 {
        return Err(error.help("addresses in a list are separated by commas"));
    }
    Err(
        if text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
            && text.starts_with(|c: char| c.is_ascii_alphabetic())
        {
            error.help(format!("a variable is written `${text}`"))
        } else {
            error
        },
    )
}

pub(super) fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'))
}

fn prefix_len(address: IpAddr, mask: &str) -> Option<u8> {
    let number = || mask.parse::<u8>().ok();
    match address {
        IpAddr::V4(_) if mask.contains('.') => {
            let bits = u32::from(mask.parse::<Ipv4Addr>().ok()?);
            (bits.leading_ones() + bits.trailing_zeros() == 32 || bits == u32::MAX).then_some(bits.leading_ones() as u8)
        }
        IpAddr::V4(_) => number().filter(|&len| len <= 32),
        IpAddr::V6(_) => number().filter(|&len| len <= 128),
    }
}

/// A name in an expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Name<'a> {
    /// `$NAME`
    Variable(&'a str),
    /// `@NAME`
    Reference(&'a str),
}

/// Why an expression does not come to ranges.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RangesError {
    /// A name that means nothing: `$NAME` or `@NAME`.
    Unknown(String),
    /// Names that mean each other, or lists nested too deep.
    Loop,
    /// What is negated is everything (Suricata looks at IPv4 only).
    NegatesEverything,
}

/// The addresses of an expression.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AddressRanges {
    /// IPv4.
    pub v4: RangeSet<u32>,
    /// IPv6.
    pub v6: RangeSet<u128>,
}

impl AddressRanges {
    /// Whether there is no address. Suricata refuses such a rule.
    pub fn is_empty(&self) -> bool {
        self.v4.is_empty() && self.v6.is_empty()
    }

    /// Whether an address is among them.
    pub fn contains(&self, address: IpAddr) -> bool {
        match address {
            IpAddr::V4(address) => self.v4.contains(u32::from(address)),
            IpAddr::V6(address) => self.v6.contains(u128::from(address)),
        }
    }
}

struct Both {
    v4: Members<u32>,
    v6: Members<u128>,
}

impl Both {
    fn new() -> Self {
        Self { v4: Members::new(), v6: Members::new() }
    }

    fn finish(self) -> Result<AddressRanges, RangesError> {
        if self.v4.negates_everything() {
            return Err(RangesError::NegatesEverything);
        }
        Ok(AddressRanges { v4: self.v4.finish(), v6: self.v6.finish() })
    }
}

impl AddressExpr {
    /// The addresses that the expression comes to. `resolve` gives what a name stands for.
    ///
    /// As in Suricata, `!10.0.0.1` is all other IPv4 addresses and no IPv6 address, because an expression of negated members
    /// starts from everything only in the families that it names.
    pub fn ranges<'a>(&'a self, resolve: &dyn Fn(Name<'_>) -> Option<&'a Self>) -> Result<AddressRanges, RangesError> {
        let mut members = Both::new();
        self.collect(false, &mut members, resolve, 0)?;
        members.finish()
    }

    fn collect<'a>(
        &'a self,
        negated: bool,
        into: &mut Both,
        resolve: &dyn Fn(Name<'_>) -> Option<&'a Self>,
        depth: usize,
    ) -> Result<(), RangesError> {
        if depth > 2 * DEPTH_MAX {
            return Err(RangesError::Loop);
        }
        let (name, sigil) = match self {
            Self::Any => {
                into.v4.add(negated, u32::MIN, u32::MAX);
                into.v6.add(negated, u128::MIN, u128::MAX);
                return Ok(());
            }
            Self::Net(net) => {
                match net {
                    IpNet::V4(net) => into.v4.add(negated, u32::from(net.network()), u32::from(net.broadcast())),
                    IpNet::V6(net) => into.v6.add(negated, u128::from(net.network()), u128::from(net.broadcast())),
                }
                return Ok(());
            }
            Self::Range(low, high) => {
                match (low, high) {
                    (IpAddr::V4(low), IpAddr::V4(high)) => into.v4.add(negated, u32::from(*low), u32::from(*high)),
                    (low, high) => into.v6.add(negated, to_v6(*low), to_v6(*high)),
                }
                return Ok(());
            }
            Self::Not(inner) => return inner.value.collect(true, into, resolve, depth + 1),
            Self::List(items) if !negated => {
                return items.iter().try_for_each(|item| item.value.collect(false, into, resolve, depth + 1));
            }
            Self::List(items) => {
                let mut inner = Both::new();
                items.iter().try_for_each(|item| item.value.collect(false, &mut inner, resolve, depth + 1))?;
                let inner = inner.finish()?;
                into.v4.add_negated_set(&inner.v4);
                into.v6.add_negated_set(&inner.v6);
                return Ok(());
            }
            Self::Variable(name) => (Name::Variable(name), '$'),
            Self::Reference(name) => (Name::Reference(name), '@'),
        };
        let (Name::Variable(text) | Name::Reference(text)) = name;
        let meaning = resolve(name).ok_or_else(|| RangesError::Unknown(format!("{sigil}{text}")))?;
        if !negated {
            return meaning.collect(false, into, resolve, depth + 1);
        }
        let mut inner = Both::new();
        meaning.collect(false, &mut inner, resolve, depth + 1)?;
        let inner = inner.finish()?;
        into.v4.add_negated_set(&inner.v4);
        into.v6.add_negated_set(&inner.v6);
        Ok(())
    }
}

fn to_v6(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(address.to_ipv6_mapped()),
        IpAddr::V6(address) => u128::from(Ipv6Addr::from(address.octets())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::{MappedText, Sources};

    fn read(text: &str) -> Result<AddressExpr, String> {
        let mut sources = Sources::new();
        let file = sources.add("x", text);
        let whole = MappedText::verbatim(text, file, 0);
        parse(Part { text: whole.as_str(), at: 0, whole: &whole }).map(|expr| expr.value).map_err(|error| error.message)
    }

    fn matches(text: &str, address: &str) -> bool {
        read(text).unwrap().ranges(&|_| None).unwrap().contains(address.parse().unwrap())
    }

    #[test]
    fn networks_may_be_written_in_many_ways() {
        for text in [
            "any",
            "ANY",
            "10.0.0.1",
            "10.0.0.0/8",
            "10.0.0.0/255.0.0.0",
            "10.0.0.0/08",
            "10.0.0.1-10.0.0.9",
            "2001:db8::/32",
            "$HOME_NET",
            "@LIST",
            "!$HOME_NET",
            "[10.0.0.1, 10.0.0.2]",
            "10.0.0.1,10.0.0.2",
            "[10.0.0.1,]",
            "!!10.0.0.1",
            "[[10.0.0.0/8,!10.1.0.0/16],192.168.0.1]",
        ] {
            assert!(read(text).is_ok(), "{text}: {:?}", read(text));
        }
    }

    #[test]
    fn what_suricata_refuses_is_refused() {
        for text in [
            "!any",
            "[!any]",
            "[any,!any]",
            "[]",
            "[,10.0.0.1]",
            "[10.0.0.1,,10.0.0.2]",
            "[10.0.0.1 ,10.0.0.2]",
            "10.0.0.0/33",
            "10.0.0.0/",
            "10.0.0.0/-1",
            "10.0.0",
            "10.0.0.256",
            "010.0.0.1",
            "10.0.0.9-10.0.0.1",
            "10.0.0.0/255.0.255.0",
            "2001:db8::/129",
            "!0.0.0.0/0",
            "!::/0",
            "[10.0.0.1,!10.0.0.0/8]",
            "fe80::1%eth0",
            "host",
            "10.0.0.1-",
            "[10.0.0.1;10.0.0.2]",
        ] {
            assert!(read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_negated_address_leaves_the_other_family_out() {
        assert!(matches("!10.0.0.1", "10.0.0.2") && !matches("!10.0.0.1", "10.0.0.1"));
        assert!(!matches("!10.0.0.1", "2001:db8::1"));
        assert!(matches("[any,!10.0.0.1]", "2001:db8::1"));
    }

    #[test]
    fn a_negated_list_is_taken_as_a_whole() {
        assert!(!matches("![10.0.0.0/8,!10.1.0.0/16]", "10.2.0.1"));
        assert!(matches("![10.0.0.0/8,!10.1.0.0/16]", "10.1.0.1"));
        assert!(matches("![10.0.0.0/8,!10.1.0.0/16]", "11.0.0.1"));
    }

    #[test]
    fn variables_are_looked_up_and_loops_are_found() {
        let home = read("[10.0.0.0/8,192.168.0.0/16]").unwrap();
        let expr = read("!$HOME_NET").unwrap();
        let ranges = expr.ranges(&|name| (name == Name::Variable("HOME_NET")).then_some(&home)).unwrap();
        assert!(ranges.contains("8.8.8.8".parse().unwrap()) && !ranges.contains("10.1.1.1".parse().unwrap()));
        assert_eq!(expr.ranges(&|_| None), Err(RangesError::Unknown("$HOME_NET".into())));
        assert_eq!(expr.ranges(&|_| Some(&expr)), Err(RangesError::Loop));
    }
}
