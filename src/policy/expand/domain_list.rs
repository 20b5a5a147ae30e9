//! `RulesSourceList` to rules.
//!
//! Source: AWS Network Firewall Developer Guide, "Examples of stateful rules for Network Firewall", domain lists; the
//! numbering over several targets and protocols is ours (targets in order, TLS before HTTP, then the closing drops).

use crate::policy::model::RuleOrder;
use crate::policy::rule_text::parse_rule;
use crate::rules::ast::Rule;
use crate::rules::keyword::Keyword;
use crate::source::{Diagnostic, MappedText, Span};
use crate::verdict::RuleAction;

/// `GeneratedRulesType`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::policy) enum ListType {
    Allow,
    Deny,
    Reject,
    Alert,
}

impl ListType {
    fn action(self) -> RuleAction {
        match self {
            Self::Allow => RuleAction::Pass,
            Self::Deny => RuleAction::Drop,
            Self::Reject => RuleAction::Reject,
            Self::Alert => RuleAction::Alert,
        }
    }

    /// AWS documents `allowlisted` and `denylisted`; the others follow the pattern.
    fn word(self) -> &'static str {
        match self {
            Self::Allow => "allowlisted",
            Self::Deny => "denylisted",
            Self::Reject => "rejectlisted",
            Self::Alert => "alertlisted",
        }
    }
}

/// A protocol that a list covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Protocol {
    Tls,
    Http,
}

/// What a domain list says.
#[derive(Clone, Debug)]
pub(in crate::policy) struct DomainList {
    pub(in crate::policy) list: ListType,
    pub(in crate::policy) tls: bool,
    pub(in crate::policy) http: bool,
    pub(in crate::policy) targets: Vec<MappedText>,
    /// Where the list is, for its closing rules.
    pub(in crate::policy) span: Span,
}

/// The rules of a list; strict order has neither `priority` nor the closing drops.
///
/// A list may have tens of thousands of targets, so one rule of each shape is parsed and the others are made from it.
pub(in crate::policy) fn expand(list: &DomainList, order: RuleOrder) -> Result<Vec<Rule>, Vec<Diagnostic>> {
    let protocols = list.protocols();
    let mut rules = Vec::with_capacity((list.targets.len() + 1) * protocols.len());
    let mut shapes: Vec<((Protocol, bool), Rule)> = Vec::new();
    let mut sid = 0;
    for target in &list.targets {
        let (text, span) = (target.as_str(), target.whole());
        for &protocol in &protocols {
            sid += 1;
            if !is_plain(text) {
                rules.push(parse(target_rule(list.list, protocol, text, order, sid), span)?);
                continue;
            }
            let shape = (protocol, text.starts_with('.'));
            if let Some((_, known)) = shapes.iter().find(|(known, _)| *known == shape) {
                rules.push(like(known, protocol, text, sid, span));
            } else {
                let rule = parse(target_rule(list.list, protocol, text, order, sid), span)?;
                shapes.push((shape, rule.clone()));
                rules.push(rule);
            }
        }
    }
    if list.list == ListType::Allow && order == RuleOrder::Action {
        for &protocol in &protocols {
            sid += 1;
            rules.push(parse(closing_rule(protocol, sid), list.span)?);
        }
    }
    Ok(rules)
}

impl DomainList {
    /// TLS first, whatever the order of `TargetTypes`.
    fn protocols(&self) -> Vec<Protocol> {
        let all = [(self.tls, Protocol::Tls), (self.http, Protocol::Http)];
        all.into_iter().filter(|(covered, _)| *covered).map(|(_, protocol)| protocol).collect()
    }
}

fn parse(text: String, span: Span) -> Result<Rule, Vec<Diagnostic>> {
    let mut rule = parse_rule(&MappedText::derived(text, span))?;
    rule.generated_from = Some(span);
    Ok(rule)
}

/// Whether a target can be put into a parsed rule as it is.
fn is_plain(target: &str) -> bool {
    let label_byte = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    target.bytes().all(label_byte) && (2..=200).contains(&target.len())
}

/// The rule of another target of the same shape.
fn like(rule: &Rule, protocol: Protocol, target: &str, sid: u32, span: Span) -> Rule {
    let mut rule = rule.clone();
    for place in [
        &mut rule.action.span,
        &mut rule.protocol.span,
        &mut rule.source.span,
        &mut rule.source_port.span,
        &mut rule.arrow.span,
        &mut rule.destination.span,
        &mut rule.destination_port.span,
        &mut rule.span,
    ] {
        *place = span;
    }
    for option in &mut rule.options {
        option.span = span;
        match &mut option.keyword {
            Keyword::Sid(number) => *number = sid,
            Keyword::Content(content) => {
                content.pattern.clear();
                content.pattern.extend_from_slice(target.as_bytes());
                if protocol == Protocol::Http {
                    content.pattern.make_ascii_lowercase();
                }
            }
            _ => {}
        }
    }
    rule.generated_from = Some(span);
    rule
}

fn target_rule(list: ListType, protocol: Protocol, target: &str, order: RuleOrder, sid: u32) -> String {
    let action = list.action().name();
    let priority = match order {
        RuleOrder::Action => "priority:1; ",
        RuleOrder::Strict => "",
    };
    let subdomains = target.starts_with('.');
    let (name, buffer, content) = match protocol {
        Protocol::Tls => ("TLS", "ssl_state:client_hello; tls.sni; ", content(target)),
        // The buffer is lower case, and the engine refuses a content that can never match it.
        Protocol::Http => ("HTTP", "http.host; ", content(&target.to_lowercase())),
    };
    let (before, after) = match (subdomains, protocol) {
        (true, Protocol::Tls) => ("dotprefix; ", "nocase; endswith; "),
        (true, Protocol::Http) => ("dotprefix; ", "endswith; "),
        (false, Protocol::Tls) => ("", "startswith; nocase; endswith; "),
        (false, Protocol::Http) => ("", "startswith; endswith; "),
    };
    let protocol = name.to_lowercase();
    let word = list.word();
    format!(
        "{action} {protocol} $HOME_NET any -> $EXTERNAL_NET any ({buffer}{before}content:\"{content}\"; {after}\
         msg:\"matching {name} {word} FQDNs\"; {priority}flow:to_server, established; sid:{sid}; rev:1;)"
    )
}

fn closing_rule(protocol: Protocol, sid: u32) -> String {
    match protocol {
        Protocol::Tls => format!(
            "drop tls $HOME_NET any -> $EXTERNAL_NET any (msg:\"not matching any TLS allowlisted FQDNs\"; priority:1; \
             ssl_state:client_hello; flow:to_server, established; sid:{sid}; rev:1;)"
        ),
        Protocol::Http => format!(
            "drop http $HOME_NET any -> $EXTERNAL_NET any (http.header_names; content:\"|0d 0a|\"; startswith; \
             msg:\"not matching any HTTP allowlisted FQDNs\"; priority:1; flow:to_server, established; sid:{sid}; rev:1;)"
        ),
    }
}

/// A target as a content: what means something else in a content is written in hexadecimal.
fn content(target: &str) -> String {
    let mut out = String::with_capacity(target.len());
    for byte in target.bytes() {
        let means_more = matches!(byte, b'"' | b';' | b'\\' | b'|' | b':' | b'(' | b')' | 0..=0x20 | 0x7f..);
        if means_more {
            out.extend(['|', hex_digit(byte >> 4), hex_digit(byte & 15), '|']);
        } else {
            out.push(char::from(byte));
        }
    }
    out
}

fn hex_digit(value: u8) -> char {
    char::from_digit(value.into(), 16).unwrap_or('0')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Sources;

    fn texts(list: ListType, tls: bool, http: bool, targets: &[&str], order: RuleOrder) -> Vec<String> {
        let file = Sources::new().add("x", "");
        let targets = targets.iter().map(|t| MappedText::verbatim(*t, file, 0)).collect();
        let list = DomainList { list, tls, http, targets, span: Span::new(file, 0..0) };
        let texts = in_order(&list, order);
        let parsed: Vec<Rule> = texts.iter().map(|(text, span)| parse(text.clone(), *span).unwrap()).collect();
        assert_eq!(expand(&list, order).unwrap(), parsed, "rules made from others equal parsed ones");
        texts.into_iter().map(|(text, _)| text).collect()
    }

    /// All rule texts of a list, the plain way.
    fn in_order(list: &DomainList, order: RuleOrder) -> Vec<(String, Span)> {
        let mut texts = Vec::new();
        for target in &list.targets {
            for protocol in list.protocols() {
                let sid = texts.len() as u32 + 1;
                texts.push((target_rule(list.list, protocol, target.as_str(), order, sid), target.whole()));
            }
        }
        if list.list == ListType::Allow && order == RuleOrder::Action {
            for protocol in list.protocols() {
                texts.push((closing_rule(protocol, texts.len() as u32 + 1), list.span));
            }
        }
        texts
    }

    #[test]
    fn rules_made_from_others_equal_parsed_ones() {
        let targets = ["a.example", ".b.example", "C.Example", ".D.example", "x", "odd;name", "e.example"];
        for list in [ListType::Allow, ListType::Deny, ListType::Reject, ListType::Alert] {
            for order in [RuleOrder::Action, RuleOrder::Strict] {
                texts(list, true, true, &targets, order);
            }
        }
    }

    #[test]
    fn a_denylist_in_action_order_is_what_aws_documents() {
        let rules = texts(ListType::Deny, true, true, &["bad.example.net", ".ads.example.org"], RuleOrder::Action);
        assert_eq!(
            rules,
            [
                r#"drop tls $HOME_NET any -> $EXTERNAL_NET any (ssl_state:client_hello; tls.sni; content:"bad.example.net"; startswith; nocase; endswith; msg:"matching TLS denylisted FQDNs"; priority:1; flow:to_server, established; sid:1; rev:1;)"#,
                r#"drop http $HOME_NET any -> $EXTERNAL_NET any (http.host; content:"bad.example.net"; startswith; endswith; msg:"matching HTTP denylisted FQDNs"; priority:1; flow:to_server, established; sid:2; rev:1;)"#,
                r#"drop tls $HOME_NET any -> $EXTERNAL_NET any (ssl_state:client_hello; tls.sni; dotprefix; content:".ads.example.org"; nocase; endswith; msg:"matching TLS denylisted FQDNs"; priority:1; flow:to_server, established; sid:3; rev:1;)"#,
                r#"drop http $HOME_NET any -> $EXTERNAL_NET any (http.host; dotprefix; content:".ads.example.org"; endswith; msg:"matching HTTP denylisted FQDNs"; priority:1; flow:to_server, established; sid:4; rev:1;)"#,
            ]
        );
    }

    #[test]
    fn an_allowlist_in_action_order_closes_with_drops() {
        let rules = texts(ListType::Allow, true, true, &["a.example"], RuleOrder::Action);
        assert_eq!(
            rules[2..],
            [
                r#"drop tls $HOME_NET any -> $EXTERNAL_NET any (msg:"not matching any TLS allowlisted FQDNs"; priority:1; ssl_state:client_hello; flow:to_server, established; sid:3; rev:1;)"#,
                r#"drop http $HOME_NET any -> $EXTERNAL_NET any (http.header_names; content:"|0d 0a|"; startswith; msg:"not matching any HTTP allowlisted FQDNs"; priority:1; flow:to_server, established; sid:4; rev:1;)"#,
            ]
        );
        assert!(rules[0].starts_with("pass tls ") && rules[1].starts_with("pass http "));
    }

    #[test]
    fn strict_order_has_no_priority_and_no_closing_drop() {
        let rules = texts(ListType::Allow, true, false, &[".a.example"], RuleOrder::Strict);
        assert_eq!(
            rules,
            [
                r#"pass tls $HOME_NET any -> $EXTERNAL_NET any (ssl_state:client_hello; tls.sni; dotprefix; content:".a.example"; nocase; endswith; msg:"matching TLS allowlisted FQDNs"; flow:to_server, established; sid:1; rev:1;)"#
            ]
        );
    }

    #[test]
    fn reject_and_alert_lists_use_the_same_matchers_and_http_is_lower_case() {
        let reject = texts(ListType::Reject, false, true, &["Ex.Org"], RuleOrder::Action);
        assert!(reject[0].starts_with("reject http ") && reject[0].contains(r#"content:"ex.org""#));
        let alert = texts(ListType::Alert, true, false, &["Ex.Org"], RuleOrder::Action);
        assert!(alert[0].starts_with("alert tls ") && alert[0].contains(r#"content:"Ex.Org""#));
    }

    #[test]
    fn odd_characters_cannot_leave_the_content() {
        assert_eq!(content("a\"; b|\\é"), "a|22||3b||20|b|7c||5c||c3||a9|");
    }
}
