//! The syntax tree of a rule. Every node knows its place; nothing is resolved yet (variables stay names).

use crate::source::{Span, Spanned};
use crate::verdict::RuleAction;
use ipnet::IpNet;

/// One rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Pass, drop, reject or alert.
    pub action: Spanned<RuleAction>,
    /// The protocol word of the header, lower case: `tcp`, `tls`, `ip`, `pkthdr`, ...
    pub protocol: Spanned<String>,
    /// Left address expression.
    pub source: Spanned<AddressExpr>,
    /// Left port expression.
    pub source_port: Spanned<PortExpr>,
    /// `->` or `<>`.
    pub arrow: Spanned<Arrow>,
    /// Right address expression.
    pub destination: Spanned<AddressExpr>,
    /// Right port expression.
    pub destination_port: Spanned<PortExpr>,
    /// The options in order.
    pub options: Vec<RuleOption>,
    /// The whole rule.
    pub span: Span,
    /// The domain (or `StatefulRules` element) a generated rule was made for; `None` for rules that were written.
    pub generated_from: Option<Span>,
}

/// Direction operator of the header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrow {
    /// `->`
    Forward,
    /// `<>`
    Both,
}

/// An address expression. `Not` negates its operand; a list is the union of its positive members without its negated ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AddressExpr {
    /// `any`
    Any,
    /// One address or prefix.
    Net(IpNet),
    /// `10.0.0.1-10.0.0.9`, inclusive.
    Range(std::net::IpAddr, std::net::IpAddr),
    /// `$NAME`
    Variable(String),
    /// `@NAME`, an IP set reference (AWS only).
    Reference(String),
    /// `!x`
    Not(Box<Spanned<AddressExpr>>),
    /// `[a,b,!c]`
    List(Vec<Spanned<AddressExpr>>),
}

/// A port expression; same rules as [`AddressExpr`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PortExpr {
    /// `any`
    Any,
    /// `a:b`, inclusive; a single port is a range of one.
    Range(u16, u16),
    /// `$NAME`
    Variable(String),
    /// `!x`
    Not(Box<Spanned<PortExpr>>),
    /// `[a,b:c,!d]`
    List(Vec<Spanned<PortExpr>>),
}

/// One option, with what it means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleOption {
    /// The whole option, without its semicolon.
    pub span: Span,
    /// Meaning.
    pub keyword: crate::rules::keyword::Keyword,
}
