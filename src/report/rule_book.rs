//! What reports say about the policy: its rules by the numbers that decisions carry, and its settings.

use crate::policy::model::RuleOrder;
use crate::source::{Location, Sources, Span};
use crate::verdict::{Cause, RuleAction, RuleId, StatelessRuleId};

/// The rules of a compiled program, as far as reports speak of them. Places are worked out when they are asked for: a
/// policy may be one line of 2 MB.
#[derive(Debug, Default)]
pub struct RuleBook {
    /// The files that places are in.
    pub sources: Sources,
    /// Stateful rules, by [`RuleId`].
    pub rules: Vec<RuleEntry>,
    /// Stateless groups, by ascending priority.
    pub stateless_groups: Vec<StatelessGroupEntry>,
}

/// One stateful rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleEntry {
    /// Signature id.
    pub sid: u32,
    /// Revision; 0 when the rule has none.
    pub rev: u32,
    /// What the rule says is to be done.
    pub action: RuleAction,
    /// Its message; may be empty.
    pub msg: String,
    /// The rule group it is of.
    pub group: String,
    /// Where the user wrote it, or the domain it was generated for.
    pub span: Option<Span>,
    /// The default action that this rule stands behind, without `aws:`; `None` for the policy's own rules.
    pub default_action: Option<String>,
    /// Our model of the default action; not set for rules that the user gave in its place.
    pub modelled: bool,
}

/// A stateless rule group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatelessGroupEntry {
    /// Its name.
    pub name: String,
    /// Its rules by ascending priority: the priority, and where it is written.
    pub rules: Vec<(u16, Span)>,
}

/// What was run: the head of a report.
#[derive(Clone, Debug)]
pub struct Run {
    /// The policy's name.
    pub policy: String,
    /// Where the policy is defined.
    pub place: Option<Location>,
    /// The engine profile: `Suricata 7.0`.
    pub engine: String,
    /// The order of evaluation of the stateful stage.
    pub order: RuleOrder,
    /// The stateful default actions by name, without `aws:`.
    pub default_actions: Vec<String>,
    /// `StreamExceptionPolicy`: `drop`, `continue` or `reject`.
    pub stream_exception: &'static str,
    /// The stateless default actions, for full packets and for UDP fragments; `None` without a stateless stage.
    pub stateless_defaults: Option<(String, String)>,
    /// The rule groups in order of evaluation.
    pub groups: Vec<GroupLine>,
    /// HOME_NET of the policy.
    pub home_net: Option<Net>,
    /// EXTERNAL_NET of the policy.
    pub external_net: Option<Net>,
    /// Notices of the loader and of the compiler.
    pub notices: Vec<super::Notice>,
}

/// One rule group in the head of a report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupLine {
    /// Its name.
    pub name: String,
    /// Stateless or stateful.
    pub stateless: bool,
    /// Its priority in the policy, if it has one.
    pub priority: Option<u16>,
    /// How many rules it has, expanded.
    pub n_rules: usize,
    /// HOME_NET, where it is not the policy's.
    pub home_net: Option<Net>,
    /// EXTERNAL_NET, where it is not the policy's.
    pub external_net: Option<Net>,
}

/// The value of an address variable, and where it came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Net {
    /// As written: `10.0.0.0/16, 10.1.0.0/16`.
    pub value: String,
    /// `--home-net`, the policy's variable, a template parameter, ...
    pub origin: String,
}

impl RuleBook {
    /// A stateful rule.
    pub fn rule(&self, id: RuleId) -> Option<&RuleEntry> {
        self.rules.get(id.0 as usize)
    }

    /// The name of the group of a stateless rule, its priority, and where it is written.
    pub fn stateless_rule(&self, id: StatelessRuleId) -> Option<(&str, u16, Span)> {
        let group = self.stateless_groups.get(id.group as usize)?;
        let (priority, span) = group.rules.get(id.rule as usize)?;
        Some((&group.name, *priority, *span))
    }

    /// `file:line`, and the column where something else stands before it on the line.
    pub fn place(&self, span: Span) -> String {
        let Location { file, line, column } = self.sources.location(span);
        let text = self.sources.line(span.file, line);
        let opening = text.chars().take_while(|c| " \t\"'-[".contains(*c)).count() as u32;
        if column > opening + 1 { format!("{file}:{line}:{column}") } else { format!("{file}:{line}") }
    }

    /// Says who decided, in a few words: `sid 7 (egress.rules:12)`.
    pub fn describe(&self, cause: Cause) -> String {
        match cause {
            Cause::NotIp => "not IP".to_owned(),
            Cause::StatelessRule(id) => match self.stateless_rule(id) {
                Some((group, priority, span)) => format!("{group} priority {priority} ({})", self.place(span)),
                None => "a stateless rule".to_owned(),
            },
            Cause::StatelessDefault => "stateless default action".to_owned(),
            Cause::StatelessFragmentDefault => "stateless default action for UDP fragments".to_owned(),
            Cause::StatelessFragment => "fragments other than UDP are always dropped".to_owned(),
            Cause::NoRule => "no rule".to_owned(),
            Cause::Rule(id) | Cause::FlowPassed(id) | Cause::FlowDropped(Some(id)) => self.describe_rule(id),
            Cause::RuleThreshold(id) => format!("{}, threshold", self.describe_rule(id)),
            Cause::FlowDropped(None) => "its flow was dropped".to_owned(),
            Cause::StreamException => "stream exception policy".to_owned(),
            Cause::StreamError => "invalid in its TCP stream".to_owned(),
            Cause::Exception(word) => word.to_owned(),
        }
    }

    /// What the rule that decided says of itself; empty where none did, or a default action's.
    pub fn message(&self, cause: Cause) -> &str {
        let (Cause::Rule(id) | Cause::FlowPassed(id) | Cause::FlowDropped(Some(id))) = cause else { return "" };
        self.rule(id).filter(|rule| rule.default_action.is_none()).map_or("", |rule| rule.msg.as_str())
    }

    /// Names a rule by its number alone where no rule of another place has it too.
    pub fn describe_shortly(&self, id: RuleId) -> String {
        let Some(rule) = self.rule(id) else { return self.describe_rule(id) };
        let elsewhere = |other: &&RuleEntry| other.sid == rule.sid && other.span != rule.span;
        match &rule.default_action {
            Some(name) => format!("aws:{name}"),
            None if self.rules.iter().any(|other| elsewhere(&other)) => self.describe_rule(id),
            None => format!("sid {}", rule.sid),
        }
    }

    /// Names a rule in a few words: `sid 7 (egress.rules:12)`, `aws:drop_strict (modelled)`.
    pub fn describe_rule(&self, id: RuleId) -> String {
        let Some(rule) = self.rule(id) else { return format!("rule {}", id.0) };
        let name =
            rule.default_action.as_ref().map_or_else(|| format!("sid {}", rule.sid), |name| format!("aws:{name}"));
        match rule.span {
            Some(span) if rule.modelled && rule.default_action.is_none() => {
                format!("{name} (modelled, {})", self.place(span))
            }
            _ if rule.modelled => format!("{name} (modelled)"),
            Some(span) => format!("{name} ({})", self.place(span)),
            None => name,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_decided_is_said_with_its_place() {
        let text = "pass ip any any -> any any (sid:6;)\n  drop ip any any -> any any (sid:7;)\n{\"x\": 10}\n";
        let mut book = RuleBook::default();
        let file = book.sources.add("egress.rules", text);
        let rule = RuleEntry {
            sid: 7,
            rev: 2,
            action: RuleAction::Drop,
            msg: String::new(),
            group: "egress".to_owned(),
            span: Some(Span::new(file, 38..50)),
            default_action: None,
            modelled: false,
        };
        let action = Some("drop_strict".to_owned());
        book.rules.push(rule.clone());
        book.rules.push(RuleEntry { default_action: action.clone(), modelled: true, ..rule.clone() });
        book.rules.push(RuleEntry { default_action: action, ..rule });
        let at = text.find("10").unwrap();
        let group = StatelessGroupEntry { name: "icmp".to_owned(), rules: vec![(10, Span::new(file, at..at + 2))] };
        book.stateless_groups.push(group);
        assert_eq!(book.describe(Cause::FlowDropped(Some(RuleId(0)))), "sid 7 (egress.rules:2)");
        assert_eq!(book.describe(Cause::Rule(RuleId(1))), "aws:drop_strict (modelled)");
        assert_eq!(book.describe(Cause::Rule(RuleId(2))), "aws:drop_strict (egress.rules:2)");
        let id = StatelessRuleId { group: 0, rule: 0 };
        assert_eq!(book.describe(Cause::StatelessRule(id)), "icmp priority 10 (egress.rules:3:7)");
    }
}
