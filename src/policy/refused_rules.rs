//! Stateful rules that AWS would refuse although Suricata takes them. Keywords that AWS refuses are not evaluated, and that is
//! said where rules are compiled.
//!
//! Source of the words: as in `refusals`.

use super::code::{self, refused};
use super::problems::Problems;
use crate::rules::Protocol;
use crate::rules::ast::Rule;
use crate::rules::keyword::{Buffer, Keyword};
use crate::source::Span;
use crate::verdict::RuleAction;

/// Bytes of a rule that AWS takes, less its own `gid:NNNNNNNNNNNNNNNN;`.
const RULE_BYTES_MAX: u32 = 8192 - 17;

/// What AWS has against a rule.
pub(super) fn rule(rule: &Rule, problems: &mut Problems) {
    let mut says = |span: Span, what: &str, text: &str| {
        problems.push(refused(code::REFUSED_STATEFUL_RULE, span, what, text));
    };
    let length = rule.span.end.saturating_sub(rule.span.start);
    if rule.generated_from.is_none() && length > RULE_BYTES_MAX {
        let what = format!("a rule of {length} bytes, which AWS's own `gid` makes longer than 8192");
        says(rule.sid_span(), &what, "reason: Rule exceeds max length (8192)");
    }
    if rule.action.value == RuleAction::Reject && !can_be_rejected(rule.protocol.value) {
        let protocol = rule.protocol.value.as_str();
        let what = format!("a reject of `{protocol}`");
        says(rule.action.span, &what, &format!("reason: {protocol} reject is not supported"));
    }
    let mut pcre = None;
    let mut has_anchor = false;
    for option in &rule.options {
        match &option.keyword {
            Keyword::Gid(_) => says(option.span, "a `gid`", "GIDs are not allowed"),
            Keyword::Pcre(_) => pcre = pcre.or(Some(option.span)),
            Keyword::Content(_)
            | Keyword::Buffer(Buffer::TlsSni | Buffer::HttpHost | Buffer::DnsQuery | Buffer::HttpUri) => {
                has_anchor = true;
            }
            _ => {}
        }
    }
    if let Some(span) = pcre.filter(|_| !has_anchor) {
        let text = "reason: Using pcre without one of the following options is not allowed: [tls.sni, http.host, dns.query, \
                    http.uri, content].";
        says(span, "a `pcre` alone", text);
    }
}

/// Protocols over TCP that AWS lists for `reject`; of HTTP/2 nothing is known.
fn can_be_rejected(protocol: Protocol) -> bool {
    use Protocol::{Dcerpc, Http, Http1, Http2, Smb, Smtp, Ssh, Tcp, TcpPkt, TcpStream, Tls};
    matches!(protocol, Dcerpc | Http | Http1 | Http2 | Smb | Smtp | Ssh | Tcp | TcpPkt | TcpStream | Tls)
}
