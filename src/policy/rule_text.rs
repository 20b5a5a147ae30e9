//! The way into the rule language: all rule texts of policies are parsed through these two functions.

use crate::rules::ast::{AddressExpr, Arrow, PortExpr, Rule};
use crate::source::{Diagnostic, MappedText, Spanned};
use crate::verdict::RuleAction;

/// What a text of rules holds.
pub(super) struct Parsed {
    pub(super) rules: Vec<Rule>,
    pub(super) diagnostics: Vec<Diagnostic>,
}

pub(super) fn parse_rules(text: &MappedText) -> Parsed {
    let mut parsed = Parsed { rules: Vec::new(), diagnostics: Vec::new() };
    let mut at = 0;
    for line in text.as_str().split_inclusive('\n') {
        let rule = line.trim();
        let start = at + (line.len() - line.trim_start().len());
        at += line.len();
        if rule.is_empty() || rule.starts_with('#') {
            continue;
        }
        match parse_rule(&text.slice(start..start + rule.len())) {
            Ok(rule) => parsed.rules.push(rule),
            Err(problems) => parsed.diagnostics.extend(problems),
        }
    }
    parsed
}

pub(super) fn parse_rule(text: &MappedText) -> Result<Rule, Vec<Diagnostic>> {
    let span = text.whole();
    let bad = |what: &str| vec![Diagnostic::error("FD0299", format!("stand-in parser: {what}")).at(span)];
    let head = text.as_str().split_once('(').map_or("", |(head, _)| head);
    let words: Vec<&str> = head.split_whitespace().collect();
    let [action, protocol, source, source_port, arrow, destination, destination_port] = words[..] else {
        return Err(bad("seven words expected"));
    };
    let at = |word: &str| {
        text.span(
            (word.as_ptr() as usize - text.as_str().as_ptr() as usize)
                ..(word.as_ptr() as usize - text.as_str().as_ptr() as usize + word.len()),
        )
    };
    let action = match action {
        "pass" => RuleAction::Pass,
        "drop" => RuleAction::Drop,
        "reject" => RuleAction::Reject,
        "alert" => RuleAction::Alert,
        _ => return Err(bad("action")),
    };
    fn address(word: &str, span: crate::source::Span) -> AddressExpr {
        if let Some(name) = word.strip_prefix('$') {
            AddressExpr::Variable(name.to_owned())
        } else if let Some(name) = word.strip_prefix('@') {
            AddressExpr::Reference(name.to_owned())
        } else if let Some(rest) = word.strip_prefix('!') {
            AddressExpr::Not(Box::new(Spanned::new(address(rest, span), span)))
        } else if let Some(list) = word.strip_prefix('[') {
            AddressExpr::List(
                list.trim_end_matches(']').split(',').map(|w| Spanned::new(address(w.trim(), span), span)).collect(),
            )
        } else {
            word.parse().map_or(AddressExpr::Any, AddressExpr::Net)
        }
    }
    fn port(word: &str, span: crate::source::Span) -> PortExpr {
        if let Some(name) = word.strip_prefix('$') {
            PortExpr::Variable(name.to_owned())
        } else if let Some(rest) = word.strip_prefix('!') {
            PortExpr::Not(Box::new(Spanned::new(port(rest, span), span)))
        } else if let Some(list) = word.strip_prefix('[') {
            PortExpr::List(list.trim_end_matches(']').split(',').map(|w| Spanned::new(port(w, span), span)).collect())
        } else {
            word.parse().map_or(PortExpr::Any, |p| PortExpr::Range(p, p))
        }
    }
    Ok(Rule {
        action: Spanned::new(action, span),
        protocol: Spanned::new(protocol.to_owned(), at(protocol)),
        source: Spanned::new(address(source, at(source)), at(source)),
        source_port: Spanned::new(port(source_port, at(source_port)), at(source_port)),
        arrow: Spanned::new(if arrow == "<>" { Arrow::Both } else { Arrow::Forward }, at(arrow)),
        destination: Spanned::new(address(destination, at(destination)), at(destination)),
        destination_port: Spanned::new(port(destination_port, at(destination_port)), at(destination_port)),
        options: Vec::new(),
        span,
        generated_from: None,
    })
}
