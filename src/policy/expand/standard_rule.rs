//! `StatefulRules` to rules: `<action> <protocol> <source> <port> <direction> <destination> <port> (<options>)`.

use crate::policy::code;
use crate::policy::members;
use crate::policy::problems::Problems;
use crate::policy::rule_text::parse_rule;
use crate::policy::value::Node;
use crate::rules::ast::Rule;
use crate::source::{Diagnostic, MappedText, Span, TextBuilder};

const RULE: &str = "a standard stateful rule";

/// The rule of one element of `StatefulRules`; `None` when something is wrong with it, which is in `problems` then.
pub(in crate::policy) fn expand(node: &Node, problems: &mut Problems) -> Option<Rule> {
    let text = rule_text(node, problems)?;
    match parse_rule(&text) {
        Ok(mut rule) => {
            rule.generated_from = Some(node.span);
            Some(rule)
        }
        Err(wrong) => {
            problems.extend(wrong);
            None
        }
    }
}

fn rule_text(node: &Node, problems: &mut Problems) -> Option<MappedText> {
    let rule = members::object(node, RULE, &["Action", "Header", "RuleOptions"], problems)?;
    let action = members::required(rule, "Action", RULE, problems);
    let header = members::required(rule, "Header", RULE, problems).and_then(|header| {
        let known = ["Protocol", "Source", "SourcePort", "Direction", "Destination", "DestinationPort"];
        members::object(header, "the header of a standard stateful rule", &known, problems)
    });
    let (action, header) = (action?, header?);
    let mut out = TextBuilder::new();
    let action_words = [("PASS", "pass"), ("DROP", "drop"), ("ALERT", "alert"), ("REJECT", "reject")];
    let action = members::word(action, "`Action`", &action_words, problems);
    let field = |member: &str, problems: &mut Problems| {
        let node = members::required(header, member, "the header of a standard stateful rule", problems)?;
        members::text(node, &format!("`{member}`"), problems)
    };
    let protocol = field("Protocol", problems);
    let source = field("Source", problems);
    let source_port = field("SourcePort", problems);
    let direction = members::required(header, "Direction", "the header of a standard stateful rule", problems)
        .and_then(|node| members::word(node, "`Direction`", &[("FORWARD", "->"), ("ANY", "<>")], problems));
    let destination = field("Destination", problems);
    let destination_port = field("DestinationPort", problems);
    let options = options(rule, problems);

    let action = action?;
    out.derived(action.value, action.span);
    let protocol = protocol?;
    push(&mut out, &lower(&protocol));
    push(&mut out, &any(&source?));
    push(&mut out, &any(&source_port?));
    let direction = direction?;
    push(&mut out, &MappedText::derived(direction.value, direction.span));
    push(&mut out, &any(&destination?));
    push(&mut out, &any(&destination_port?));
    let between = |out: &mut TextBuilder, text: &str| out.derived(text, node.span);
    between(&mut out, " (");
    for (n, option) in options?.iter().enumerate() {
        if n > 0 {
            between(&mut out, " ");
        }
        out.mapped(option);
        between(&mut out, ";");
    }
    between(&mut out, ")");
    Some(out.finish(node.span))
}

fn options(rule: &Node, problems: &mut Problems) -> Option<Vec<MappedText>> {
    let list = members::required(rule, "RuleOptions", RULE, problems)?;
    let items = members::list(list, "`RuleOptions`", problems)?;
    let options: Vec<Option<MappedText>> = items.iter().map(|item| option(item, problems)).collect();
    options.into_iter().collect()
}

/// `Keyword`, or `Keyword:Setting,Setting`.
fn option(node: &Node, problems: &mut Problems) -> Option<MappedText> {
    let item = members::object(node, "a rule option", &["Keyword", "Settings"], problems)?;
    let keyword = members::text(members::required(item, "Keyword", "a rule option", problems)?, "`Keyword`", problems)?;
    let settings = match item.get("Settings") {
        Some(settings) => members::texts(settings, "`Settings`", problems)?,
        None => Vec::new(),
    };
    let mut out = TextBuilder::new();
    let name = keyword.as_str().trim().trim_end_matches(';');
    let (name, written) = name.split_once(':').map_or((name, None), |(name, value)| (name, Some(value.trim())));
    let quote_msg = |text: &str, span: Span, problems: &mut Problems| {
        let unquoted = name == "msg" && !text.is_empty() && !text.trim_start().starts_with('"');
        if unquoted {
            problems.push(
                Diagnostic::note(code::COMPLETED, "the `msg` of a standard stateful rule is not in quotes")
                    .at(span)
                    .help("it is read as if it were; write the double quotes into the setting"),
            );
        }
        unquoted
    };
    if settings.is_empty() {
        if let Some(value) = written
            && quote_msg(value, keyword.whole(), problems)
        {
            out.derived(&format!("{name}:\"{value}\""), keyword.whole());
        } else {
            out.mapped(&keyword.slice(0..keyword.as_str().trim_end().trim_end_matches(';').len()));
        }
        return Some(out.finish(item.span));
    }
    out.mapped(&keyword);
    out.derived(if written.is_some() { "," } else { ":" }, item.span);
    let joined_quote = settings.first().is_some_and(|first| quote_msg(first.as_str(), first.whole(), problems));
    if joined_quote {
        out.derived("\"", item.span);
    }
    for (n, setting) in settings.iter().enumerate() {
        if n > 0 {
            out.derived(",", item.span);
        }
        out.mapped(setting);
    }
    if joined_quote {
        out.derived("\"", item.span);
    }
    Some(out.finish(item.span))
}

fn push(out: &mut TextBuilder, text: &MappedText) {
    out.derived(" ", text.whole());
    out.mapped(text);
}

/// AWS's enumeration is in capitals, the rule language in small letters; two names differ.
fn lower(protocol: &MappedText) -> MappedText {
    let word = match protocol.as_str() {
        "IKEV2" => "ike".to_owned(),
        other => other.to_ascii_lowercase(),
    };
    MappedText::derived(word, protocol.whole())
}

/// `ANY` is accepted in any case.
fn any(text: &MappedText) -> MappedText {
    if text.as_str().eq_ignore_ascii_case("any") { MappedText::derived("any", text.whole()) } else { text.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::json;
    use crate::source::Sources;

    fn read(json_text: &str) -> (Option<String>, Vec<Diagnostic>) {
        let mut sources = Sources::new();
        let file = sources.add("x.json", json_text);
        let mut problems = Problems::default();
        let text = rule_text(&json::parse(&sources, file).unwrap(), &mut problems);
        (text.map(|text| text.as_str().to_owned()), problems.into_vec())
    }

    fn rule(options: &str) -> String {
        format!(
            r#"{{"Action": "PASS", "Header": {{"Protocol": "TCP", "Source": "$HOME_NET", "SourcePort": "ANY",
               "Direction": "FORWARD", "Destination": "203.0.113.0/24", "DestinationPort": "22"}}, "RuleOptions": {options}}}"#
        )
    }

    #[test]
    fn header_and_options_are_written_in_order() {
        let options = r#"[{"Keyword": "sid", "Settings": ["101"]}, {"Keyword": "msg", "Settings": ["\"ssh\""]},
                          {"Keyword": "flow", "Settings": ["to_server", "established"]}, {"Keyword": "rev:2"}]"#;
        let (text, problems) = read(&rule(options));
        assert_eq!(
            text.as_deref(),
            Some(
                "pass tcp $HOME_NET any -> 203.0.113.0/24 22 (sid:101; msg:\"ssh\"; flow:to_server,established; rev:2;)"
            )
        );
        assert!(problems.is_empty());
    }

    #[test]
    fn an_unquoted_msg_is_quoted_with_a_note() {
        let (text, problems) = read(&rule(r#"[{"Keyword": "msg", "Settings": ["this is"]}, {"Keyword": "sid:1"}]"#));
        assert!(text.unwrap().contains("msg:\"this is\"; sid:1;"));
        assert_eq!(problems[0].severity, crate::source::Severity::Note);
        let (text, _) = read(&rule(r#"[{"Keyword": "msg:this is"}, {"Keyword": "sid:1"}]"#));
        assert!(text.unwrap().contains("msg:\"this is\"; sid:1;"));
    }

    #[test]
    fn everything_wrong_with_a_rule_is_said_at_once() {
        let (text, problems) = read(r#"{"Action": "BLOCK", "Header": {"Direction": "BACK"}, "RuleOptions": 1}"#);
        assert!(text.is_none());
        assert_eq!(problems.len(), 8, "{problems:?}");
    }
}
