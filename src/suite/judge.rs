//! Expectations against what was observed.

use super::model::{By, Expectation, Wanted};
use super::observe::{Observed, ObservedFlow};
use crate::report::RuleBook;
use crate::report::units::counted;
use crate::source::Span;
use crate::verdict::{Cause, RuleAction, RuleId, Verdict};

/// Something that does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Where it is expected, in the suite.
    pub span: Span,
    /// What was expected, in a few words.
    pub expected: String,
    /// What was found, likewise.
    pub got: String,
    /// Of which flow; `None` when it is about several.
    pub flow: Option<String>,
    /// Who decided about it.
    pub by: Option<Decider>,
    /// The shortest explanation; may be empty.
    pub why: String,
}

/// Who decided, and on what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decider {
    /// In words, with the place: `sid 7 (egress.rules:12)`.
    pub words: String,
    /// The rule's number, if it was a rule with one.
    pub sid: Option<u32>,
    /// Where the rule is written.
    pub place: Option<Span>,
    /// What the rule says of itself; may be empty.
    pub msg: String,
    /// The packet: `packet 4 (ClientHello)`, `frame 12`.
    pub packet: String,
}

impl Decider {
    /// Who decided about a flow.
    pub fn of(flow: &ObservedFlow, observed: &Observed, book: &RuleBook) -> Self {
        Self::about(flow.cause, observed.packet(flow.frame_no), book)
    }

    /// Who decided, on a packet.
    pub fn about(cause: Cause, packet: String, book: &RuleBook) -> Self {
        let rule = rule_of(cause).and_then(|id| book.rule(id));
        let stateless = match cause {
            Cause::StatelessRule(id) => book.stateless_rule(id).map(|(_, _, span)| span),
            _ => None,
        };
        let own = rule.filter(|rule| rule.default_action.is_none());
        Self {
            words: book.describe(cause),
            sid: own.map(|rule| rule.sid),
            place: rule.filter(|rule| !rule.modelled).and_then(|rule| rule.span).or(stateless),
            msg: own.map_or_else(String::new, |rule| rule.msg.clone()),
            packet,
        }
    }
}

/// The stateful rule behind a cause.
pub fn rule_of(cause: Cause) -> Option<RuleId> {
    match cause {
        Cause::Rule(id) | Cause::RuleThreshold(id) | Cause::FlowPassed(id) | Cause::FlowDropped(Some(id)) => Some(id),
        _ => None,
    }
}

/// Everything of an expectation that does not hold.
pub fn check(expectation: &Expectation, observed: &Observed, book: &RuleBook) -> Vec<Failure> {
    let selected: Vec<&ObservedFlow> =
        observed.flows.iter().filter(|flow| expectation.selection.selects(&flow.facts())).collect();
    let mut failures = Vec::new();
    let plain = |span: Span, expected: String, got: String, why: String| Failure {
        span,
        expected,
        got,
        flow: None,
        by: None,
        why,
    };
    let about_each = expectation.verdict.is_some() || !expectation.by.is_empty() || expectation.on.is_some();
    if selected.is_empty() && about_each && expectation.flows.is_none() {
        let selection = &expectation.selection;
        let (expected, got) = if selection.is_all() {
            ("some flow".to_owned(), "no packet of any flow".to_owned())
        } else {
            (format!("a flow with {selection}"), format!("none of {} flows", observed.flows.len()))
        };
        failures.push(plain(expectation.span, expected, got, String::new()));
    }
    for flow in &selected {
        failures.extend(check_flow(expectation, flow, observed, book));
    }
    if let Some(wanted) = &expectation.flows
        && wanted.value != selected.len() as u64
    {
        failures.push(plain(
            wanted.span,
            counted(wanted.value, "flow"),
            counted(selected.len() as u64, "flow"),
            String::new(),
        ));
    }
    for (sid, wanted) in &expectation.alerts {
        let is_meant = |id: RuleId| sid.is_none() || book.rule(id).map(|rule| rule.sid) == *sid;
        let alerts = selected.iter().flat_map(|flow| &flow.alerts).filter(|(id, _)| is_meant(*id));
        let n = alerts.clone().count() as u64;
        if n != wanted.value {
            let of = sid.map_or_else(String::new, |sid| format!(" of sid {sid}"));
            let first = alerts.clone().next().map_or_else(String::new, |(id, frame_no)| {
                format!("the first is of {} on {}", book.describe_rule(*id), observed.packet(*frame_no))
            });
            let why = if n == 0 { sid.map_or_else(String::new, |sid| silent(sid, observed, book)) } else { first };
            failures.push(plain(
                wanted.span,
                format!("{}{of}", counted(wanted.value, "alert")),
                counted(n, "alert"),
                why,
            ));
        }
    }
    for (verdict, wanted) in &expectation.packets {
        let n = if expectation.selection.is_all() {
            observed.packets.get(*verdict as usize).copied().unwrap_or(0)
        } else {
            selected.iter().filter_map(|flow| flow.packets.get(*verdict as usize)).sum()
        };
        if n != wanted.value {
            let fate = match verdict {
                Verdict::Pass => "passed",
                Verdict::Drop => "dropped",
                Verdict::Reject => "rejected",
            };
            let expected = format!("{} {fate}", counted(wanted.value, "packet"));
            failures.push(plain(wanted.span, expected, n.to_string(), String::new()));
        }
    }
    failures
}

/// The first thing that does not hold of a flow.
fn check_flow(wanted: &Expectation, flow: &ObservedFlow, observed: &Observed, book: &RuleBook) -> Option<Failure> {
    let by = Decider::of(flow, observed, book);
    let failure = |span: Span, expected: String, got: String, why: String| {
        Some(Failure { span, expected, got, flow: Some(flow.to_string()), by: Some(by.clone()), why })
    };
    if let Some(verdict) = wanted.verdict.as_ref().filter(|verdict| !verdict.value.is_met_by(flow.verdict)) {
        let why = why_verdict(verdict.value, flow, observed, book);
        return failure(verdict.span, verdict.value.name().to_owned(), flow.verdict.name().to_owned(), why);
    }
    if let [first, ..] = wanted.by.as_slice()
        && !wanted.by.iter().any(|by| is_by(&by.value, flow.cause, book))
    {
        let names = wanted.by.iter().map(|by| by.value.to_string()).collect::<Vec<_>>().join(" or ");
        let why = match first.value {
            By::Sid(sid) if wanted.by.len() == 1 => silent(sid, observed, book),
            _ => String::new(),
        };
        let verdict = flow.verdict.name();
        return failure(first.span, format!("{verdict} by {names}"), format!("{verdict} by {}", by.words), why);
    }
    if let Some(on) = wanted.on.as_ref().filter(|on| !is_on(&on.value, flow.frame_no, observed)) {
        return failure(on.span, format!("decided on {}", on.value), by.packet.clone(), String::new());
    }
    None
}

/// Why a flow's verdict is not the wanted one, as far as its rules say.
fn why_verdict(wanted: Wanted, flow: &ObservedFlow, observed: &Observed, book: &RuleBook) -> String {
    let is_silent = |actions: &[RuleAction]| {
        let own = observed.matched.iter().filter(|id| Some(*id) != rule_of(flow.cause));
        own.into_iter().find(|id| book.rule(*id).is_some_and(|rule| actions.contains(&rule.action)))
    };
    let decided = rule_of(flow.cause).and_then(|id| book.rule(id));
    let said = decided.map_or_else(String::new, |rule| format!("a `{}` rule matched; ", rule.action.name()));
    let one = observed.flows.len() == 1;
    match wanted {
        Wanted::Exactly(Verdict::Pass) => match is_silent(&[RuleAction::Pass]) {
            Some(id) => format!("{said}{} matches too, but not before it", book.describe_rule(id)),
            None if one => format!("{said}no `pass` rule matches any of its packets"),
            None => format!("{said}no `pass` rule matches any packet"),
        },
        _ => match is_silent(&[RuleAction::Drop, RuleAction::Reject]) {
            Some(id) => format!("{said}{} matches too, but not before it", book.describe_rule(id)),
            None if flow.cause == Cause::NoRule => {
                "no rule decides about any of its packets, and so they pass".to_owned()
            }
            None => format!("{said}no `drop` or `reject` rule matches any packet"),
        },
    }
}

/// What a rule did, where it did not do what was expected of it.
fn silent(sid: u32, observed: &Observed, book: &RuleBook) -> String {
    let mut of_sid = (0..).map(RuleId).zip(&book.rules).filter(|(_, rule)| rule.sid == sid).peekable();
    let Some((id, _)) = of_sid.peek().map(|(id, rule)| (*id, *rule)) else {
        return format!("the policy has no rule with sid {sid}");
    };
    match of_sid.find(|(id, _)| observed.matched.contains(*id)) {
        Some((id, _)) => format!("{} matched, and did not decide", book.describe_rule(id)),
        None => format!("{} matched no packet", book.describe_rule(id)),
    }
}

/// Whether the expected one decided.
pub fn is_by(by: &By, cause: Cause, book: &RuleBook) -> bool {
    let rule = rule_of(cause).and_then(|id| book.rule(id));
    match by {
        By::Sid(sid) => rule.is_some_and(|rule| rule.default_action.is_none() && rule.sid == *sid),
        By::Words(words) => {
            let described = book.describe(cause);
            let span = match cause {
                Cause::StatelessRule(id) => book.stateless_rule(id).map(|(_, _, span)| span),
                _ => rule.and_then(|rule| rule.span),
            };
            let action = rule.and_then(|rule| rule.default_action.as_ref());
            let name = described.split(" (").next().unwrap_or(&described);
            words == &described
                || words == name
                || action.is_some_and(|action| words.strip_prefix("aws:").unwrap_or(words) == action)
                || span.is_some_and(|span| is_place(words, &book.sources.location(span)))
        }
    }
}

/// `egress.rules:12` is a place in `rules/egress.rules`, line 12.
fn is_place(words: &str, at: &crate::source::Location) -> bool {
    let Some((file, line)) = words.rsplit_once(':') else { return false };
    let is_file = at.file == file || at.file.strip_suffix(file).is_some_and(|folder| folder.ends_with('/'));
    is_file && line.parse() == Ok(at.line)
}

/// Whether a frame is meant: by its number, or by what it is.
fn is_on(on: &str, frame_no: u64, observed: &Observed) -> bool {
    if let Ok(number) = on.parse::<u64>() {
        return number == frame_no;
    }
    let word = (frame_no as usize).checked_sub(1).and_then(|index| observed.words.get(index));
    word.is_some_and(|word| word == on || word.strip_prefix(on).is_some_and(|rest| rest.starts_with(' ')))
}
