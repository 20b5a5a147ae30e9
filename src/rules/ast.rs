//! The syntax tree of a rule. Every node knows its place; nothing is resolved yet (variables stay names).

use super::Protocol;
use super::keyword::Keyword;
use crate::source::{Span, Spanned};
use crate::verdict::{Direction, RuleAction};
use ipnet::IpNet;

/// One rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Pass, drop, reject or alert.
    pub action: Spanned<RuleAction>,
    /// The protocol word of the header.
    pub protocol: Spanned<Protocol>,
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
    /// The application protocol that header and options bind the rule to. Old-style modifiers narrow `http` to HTTP/1.
    pub app_protocol: Option<Protocol>,
    /// The one direction that `flow` and the buffers leave to the rule; `None` is both.
    pub direction: Option<Direction>,
    /// Whether header and options ask for packets or for the stream; `None` leaves it to the contents.
    pub basis: Option<Basis>,
    /// The whole rule.
    pub span: Span,
    /// The domain (or `StatefulRules` element) a generated rule was made for; `None` for rules that were written.
    pub generated_from: Option<Span>,
}

impl Rule {
    /// The number of the rule; 0 only when there is none.
    pub fn sid(&self) -> u32 {
        self.find(|keyword| if let Keyword::Sid(sid) = keyword { Some(*sid) } else { None }).unwrap_or(0)
    }

    /// The version, 0 if there is none.
    pub fn rev(&self) -> u32 {
        self.find(|keyword| if let Keyword::Rev(rev) = keyword { Some(*rev) } else { None }).unwrap_or(0)
    }

    /// The group of the number, 1 if there is none. Of several the last counts.
    pub fn gid(&self) -> u32 {
        let gid = self
            .options
            .iter()
            .rev()
            .find_map(|option| if let Keyword::Gid(gid) = option.keyword { Some(gid) } else { None });
        gid.unwrap_or(1)
    }

    /// The message, empty if there is none.
    pub fn msg(&self) -> &str {
        self.find(|keyword| if let Keyword::Msg(msg) = keyword { Some(msg.as_str()) } else { None }).unwrap_or("")
    }

    /// The smallest `priority` option.
    pub fn priority(&self) -> Option<u32> {
        let priorities = self
            .options
            .iter()
            .filter_map(|option| if let Keyword::Priority(n) = option.keyword { Some(n) } else { None });
        priorities.min()
    }

    /// Where the number stands; the whole rule when there is none.
    pub fn sid_span(&self) -> Span {
        self.options
            .iter()
            .find(|option| matches!(option.keyword, Keyword::Sid(_)))
            .map_or(self.span, |option| option.span)
    }

    fn find<'a, T>(&'a self, pick: impl Fn(&'a Keyword) -> Option<T>) -> Option<T> {
        self.options.iter().find_map(|option| pick(&option.keyword))
    }
}

/// What a rule's contents are looked for in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Basis {
    /// Packets: `tcp-pkt`, `dsize`, `flags`, ...
    Packet,
    /// The stream: `tcp-stream`, `flow:only_stream`.
    Stream,
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
    pub keyword: Keyword,
}
