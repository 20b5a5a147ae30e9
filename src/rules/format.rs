//! Rules files in canonical spelling: every rule as it is printed, comments and blank lines as they are.
//!
//! A rule whose printed form would not be read back as the same rule keeps its own text.

use super::ast::{AddressExpr, PortExpr, Rule};
use super::dialect::Dialect;
use super::file::{parse_rule_in, parse_rules_in};
use crate::source::{Diagnostic, MappedText, Severity, Sources, Spanned};

/// A file in canonical spelling.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Formatted {
    /// Its text.
    pub text: String,
    /// How many rules are spelled differently now.
    pub n_changed: usize,
}

/// Spells the rules of a text canonically.
///
/// # Errors
/// What is wrong with it: a text that cannot be read is not touched.
pub fn format_rules(text: &str, dialect: Dialect) -> Result<Formatted, Vec<Diagnostic>> {
    let mut sources = Sources::new();
    let file = sources.add("", text);
    let parsed = parse_rules_in(&MappedText::verbatim(text, file, 0), dialect);
    if parsed.diagnostics.iter().any(|problem| problem.severity == Severity::Error) {
        return Err(parsed.diagnostics);
    }
    let mut formatted = Formatted { text: String::with_capacity(text.len()), n_changed: 0 };
    let mut at = 0;
    for rule in &parsed.rules {
        let (start, end) = (rule.span.start as usize, rule.span.end as usize);
        let (Some(before), Some(own)) = (text.get(at..start), text.get(start..end)) else { continue };
        let printed = rule.to_string();
        formatted.text.push_str(before);
        if printed != own && is_same(rule, &printed, dialect) {
            formatted.text.push_str(&printed);
            formatted.n_changed += 1;
        } else {
            formatted.text.push_str(own);
        }
        at = end;
    }
    formatted.text.push_str(text.get(at..).unwrap_or(""));
    Ok(formatted)
}

/// Whether a text is read as this rule.
fn is_same(rule: &Rule, text: &str, dialect: Dialect) -> bool {
    let file = Sources::new().add("", "");
    let Ok(again) = parse_rule_in(&MappedText::verbatim(text, file, 0), dialect) else { return false };
    let options = |rule: &Rule| rule.options.iter().map(|option| option.keyword.clone()).collect::<Vec<_>>();
    let header = |rule: &Rule| (rule.action.value, rule.protocol.value, rule.arrow.value);
    let meaning = |rule: &Rule| (rule.app_protocol, rule.direction, rule.basis);
    header(rule) == header(&again)
        && meaning(rule) == meaning(&again)
        && same_addresses(&rule.source.value, &again.source.value)
        && same_addresses(&rule.destination.value, &again.destination.value)
        && same_ports(&rule.source_port.value, &again.source_port.value)
        && same_ports(&rule.destination_port.value, &again.destination_port.value)
        && options(rule) == options(&again)
}

/// Equal, wherever they stand.
fn same_addresses(a: &AddressExpr, b: &AddressExpr) -> bool {
    match (a, b) {
        (AddressExpr::Not(a), AddressExpr::Not(b)) => same_addresses(&a.value, &b.value),
        (AddressExpr::List(a), AddressExpr::List(b)) => same_items(a, b, same_addresses),
        (a, b) => a == b,
    }
}

fn same_ports(a: &PortExpr, b: &PortExpr) -> bool {
    match (a, b) {
        (PortExpr::Not(a), PortExpr::Not(b)) => same_ports(&a.value, &b.value),
        (PortExpr::List(a), PortExpr::List(b)) => same_items(a, b, same_ports),
        (a, b) => a == b,
    }
}

fn same_items<T>(a: &[Spanned<T>], b: &[Spanned<T>], same: fn(&T, &T) -> bool) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(&a.value, &b.value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_spelled_canonically_and_comments_stay() {
        let text = "# two rules\n\ndrop  tcp [10.0.0.0/255.0.0.0, !10.1.1.1] :80 <> any any (flow: established , from_client; flags:S,12;sid: 5;)\n\
                    \t# in between\npass tls any any -> any any (tls_sni; content:\"a\" ; sid:6;)\n#drop  ip any any -> any any (sid:7;)";
        let formatted = format_rules(text, Dialect::default()).unwrap();
        assert_eq!(
            formatted.text,
            "# two rules\n\ndrop tcp [10.0.0.0/8,!10.1.1.1] 0:80 <> any any (flow:to_server,established; tcp.flags:S,EC; sid:5;)\n\
             \t# in between\npass tls any any -> any any (tls.sni; content:\"a\"; sid:6;)\n#drop  ip any any -> any any (sid:7;)"
        );
        assert_eq!(formatted.n_changed, 2);
        let again = format_rules(&formatted.text, Dialect::default()).unwrap();
        assert_eq!((again.text, again.n_changed), (formatted.text, 0));
    }

    #[test]
    fn a_continued_rule_comes_to_one_line() {
        let formatted =
            format_rules("drop tcp any any -> \\\n any 25 (sid:1;)\nx\n".trim_end_matches("x\n"), Dialect::default());
        assert_eq!(formatted.unwrap().text, "drop tcp any any -> any 25 (sid:1;)\n");
    }

    #[test]
    fn what_cannot_be_read_is_not_touched() {
        assert!(format_rules("drop tcp any any -> any 25 (sid:1;)\nblock this\n", Dialect::default()).is_err());
    }
}
