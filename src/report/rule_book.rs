//! What reports say about the policy: its rules by the numbers that decisions carry, and its settings.

use crate::policy::model::RuleOrder;
use crate::source::Location;
use crate::verdict::{Cause, RuleAction, RuleId, StatelessRuleId};

/// The rules of a compiled program, as far as reports speak of them.
#[derive(Clone, Debug, Default)]
pub struct RuleBook {
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
    /// Generator id; 1 unless the rule says otherwise.
    pub gid: u32,
    /// Revision; 0 when the rule has none.
    pub rev: u32,
    /// What the rule says is to be done.
    pub action: RuleAction,
    /// Its message; may be empty.
    pub msg: String,
    /// The rule group it is of.
    pub group: String,
    /// Where the user wrote it, or the domain it was generated for.
    pub place: Option<Location>,
    /// The name of the default action that this rule models; `None` for the policy's own rules.
    pub modelled: Option<String>,
}

/// A stateless rule group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatelessGroupEntry {
    /// Its name.
    pub name: String,
    /// Its rules by ascending priority: the priority, and where it is written.
    pub rules: Vec<(u16, Option<Location>)>,
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
    pub fn stateless_rule(&self, id: StatelessRuleId) -> Option<(&str, u16, Option<&Location>)> {
        let group = self.stateless_groups.get(id.group as usize)?;
        let (priority, place) = group.rules.get(id.rule as usize)?;
        Some((&group.name, *priority, place.as_ref()))
    }

    /// Says who decided, in a few words: `sid 7 (egress.rules:12)`.
    pub fn describe(&self, cause: Cause) -> String {
        match cause {
            Cause::NotIp => "not IP".to_owned(),
            Cause::StatelessRule(id) => match self.stateless_rule(id) {
                Some((group, priority, place)) => with_place(&format!("{group} priority {priority}"), place),
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

    /// Names a rule in a few words: `sid 7 (egress.rules:12)`, `aws:drop_strict (modelled)`.
    pub fn describe_rule(&self, id: RuleId) -> String {
        let Some(rule) = self.rule(id) else { return format!("rule {}", id.0) };
        match &rule.modelled {
            Some(action) => format!("aws:{action} (modelled)"),
            None => with_place(&format!("sid {}", rule.sid), rule.place.as_ref()),
        }
    }
}

/// `file:line` behind a name. The column is left out: rules are one a line.
fn with_place(name: &str, place: Option<&Location>) -> String {
    match place {
        Some(Location { file, line, .. }) => format!("{name} ({file}:{line})"),
        None => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_decided_is_said_with_its_place() {
        let mut book = RuleBook::default();
        let place = Some(Location { file: "egress.rules".to_owned(), line: 12, column: 1 });
        let rule = RuleEntry {
            sid: 7,
            gid: 1,
            rev: 2,
            action: RuleAction::Drop,
            msg: String::new(),
            group: "egress".to_owned(),
            place: place.clone(),
            modelled: None,
        };
        book.rules.push(rule.clone());
        book.rules.push(RuleEntry { modelled: Some("drop_strict".to_owned()), place: None, ..rule });
        book.stateless_groups.push(StatelessGroupEntry { name: "icmp".to_owned(), rules: vec![(10, place)] });
        assert_eq!(book.describe(Cause::FlowDropped(Some(RuleId(0)))), "sid 7 (egress.rules:12)");
        assert_eq!(book.describe(Cause::Rule(RuleId(1))), "aws:drop_strict (modelled)");
        let id = StatelessRuleId { group: 0, rule: 0 };
        assert_eq!(book.describe(Cause::StatelessRule(id)), "icmp priority 10 (egress.rules:12)");
    }
}
