//! Rules as text for Suricata.

use super::variables::{Scope, Variables};
use super::{ExportedRule, Ordering, comment, heading};
use crate::detect::{Program, class_priority, default_action_rules};
use crate::policy::model::{DefaultAction, Policy, RuleOrder, StatefulGroup};
use crate::rules::ast::{Rule, RuleOption};
use crate::rules::keyword::Keyword;
use crate::rules::parse_rules;
use crate::source::{Diagnostic, MappedText, Sources};
use crate::verdict::RuleAction;
use std::collections::{BTreeSet, HashSet};
use std::fmt::Write;

/// The rules of a policy with the numbers and priorities they are exported with; variables are still those of the groups.
pub(super) struct Prepared {
    /// By group.
    groups: Vec<Vec<Rule>>,
    /// Those of the default actions.
    defaults: Vec<Rule>,
}

impl Prepared {
    /// The rules that `program` evaluates: what is left out there is left out here.
    pub(super) fn new(
        policy: &Policy,
        program: &Program,
        sources: &mut Sources,
        ordering: Ordering,
    ) -> Result<Self, Vec<Diagnostic>> {
        let stateful = &policy.stateful;
        let mut groups: Vec<Vec<Rule>> = stateful.groups.iter().map(with_override).collect();
        let mut defaults = match &stateful.default_action_rules {
            Some(rules) => rules.clone(),
            None => modelled(policy, sources)?,
        };
        let mut seen = 0..;
        for rules in groups.iter_mut().chain([&mut defaults]) {
            rules.retain(|_| seen.next().is_none_or(|n| !program.left_out().contains(&n)));
        }
        let mut number = 0;
        let mut used = HashSet::new();
        for rule in groups.iter_mut().flatten().chain(&mut defaults) {
            number += 1;
            match ordering {
                Ordering::BySid => {
                    remove(rule, |keyword| matches!(keyword, Keyword::Gid(_)));
                    for option in &mut rule.options {
                        if let Keyword::Sid(sid) = &mut option.keyword {
                            *sid = number;
                        }
                    }
                }
                Ordering::ByAction => {
                    let own = rule.gid();
                    let mut gid = own;
                    while !used.insert((gid, rule.sid())) {
                        gid += 1;
                    }
                    if gid != own {
                        replace(rule, |keyword| matches!(keyword, Keyword::Gid(_)), Keyword::Gid(gid));
                    }
                    if stateful.order == RuleOrder::Strict {
                        replace(rule, |keyword| matches!(keyword, Keyword::Priority(_)), Keyword::Priority(number));
                    }
                }
            }
        }
        Ok(Self { groups, defaults })
    }

    /// All rules, in the order of the policy.
    pub(super) fn all(&self) -> impl Iterator<Item = &Rule> {
        self.groups.iter().flatten().chain(&self.defaults)
    }

    /// The policy with these rules, in the order by action.
    pub(super) fn policy(&self, policy: &Policy) -> Policy {
        let mut policy = policy.clone();
        policy.stateful.order = RuleOrder::Action;
        for (group, rules) in policy.stateful.groups.iter_mut().zip(&self.groups) {
            group.rules.clone_from(rules);
        }
        policy.stateful.default_action_rules = Some(self.defaults.clone());
        policy
    }
}

/// The rules of a group as they act: `DROP_TO_ALERT` makes its drops alerts.
fn with_override(group: &StatefulGroup) -> Vec<Rule> {
    let mut rules = group.rules.clone();
    for rule in rules.iter_mut().filter(|rule| group.drop_to_alert && rule.action.value == RuleAction::Drop) {
        rule.action.value = RuleAction::Alert;
    }
    rules
}

/// The modelled rules of the default actions.
fn modelled(policy: &Policy, sources: &mut Sources) -> Result<Vec<Rule>, Vec<Diagnostic>> {
    let actions: Vec<DefaultAction> = policy.stateful.default_actions.iter().map(|action| action.value).collect();
    let text: String = default_action_rules(&actions).into_iter().map(|(_, rule)| rule + "\n").collect();
    let file = sources.add("default actions", text.as_str());
    let parsed = parse_rules(&MappedText::verbatim(text, file, 0));
    if parsed.diagnostics.is_empty() { Ok(parsed.rules) } else { Err(parsed.diagnostics) }
}

fn remove(rule: &mut Rule, is: impl Fn(&Keyword) -> bool) {
    rule.options.retain(|option| !is(&option.keyword));
}

fn replace(rule: &mut Rule, is: impl Fn(&Keyword) -> bool, keyword: Keyword) {
    remove(rule, is);
    rule.options.push(RuleOption { span: rule.sid_span(), keyword });
}

/// The rule file, and where each rule stands in it.
pub(super) fn text(
    policy: &Policy,
    prepared: &Prepared,
    variables: &mut Variables,
    problems: &mut Vec<Diagnostic>,
    misplaced: bool,
) -> (String, Vec<ExportedRule>) {
    let mut text = heading(policy);
    if misplaced {
        text += "# The policy is in strict order, which stock Suricata does not have: pass rules come first here, then drop,\n\
                 # reject and alert rules. This file does NOT decide as the policy does.\n";
    }
    let mut line = text.lines().count() as u32;
    let mut rules = Vec::new();
    let mut write = |title: String, of_part: &[Rule], scope: &Scope<'_>, variables: &mut Variables| {
        // comments never hold a line end, see `comment`
        let _ = write!(text, "\n# {title}\n");
        line += 2;
        for rule in of_part {
            match variables.renamed(rule, scope) {
                Ok(rule) => {
                    line += 1;
                    let _ = writeln!(text, "{rule}");
                    rules.push(ExportedRule { sid: rule.sid(), gid: rule.gid(), line });
                }
                Err(problem) => problems.push(*problem),
            }
        }
    };
    for (group, of_group) in policy.stateful.groups.iter().zip(&prepared.groups) {
        let priority = group.priority.map_or_else(String::new, |priority| format!(", priority {priority}"));
        let over = if group.drop_to_alert { ", DROP_TO_ALERT" } else { "" };
        let title = format!("rule group `{}`{priority}{over}", comment(&group.name));
        write(title, of_group, &Scope::of_group(policy, group), variables);
    }
    if !prepared.defaults.is_empty() {
        let model = if policy.stateful.default_action_rules.is_some() { "as given" } else { "a model" };
        let title = format!("stateful default actions ({model})");
        write(title, &prepared.defaults, &Scope::of_defaults(policy), variables);
    }
    (text, rules)
}

/// The classes of the rules with the priorities that they were compiled with. Suricata takes 3 for others, as we do.
pub(super) fn classification(prepared: &Prepared) -> String {
    let classes: BTreeSet<&str> = options(prepared)
        .filter_map(|keyword| if let Keyword::Classtype(class) = keyword { Some(class.as_str()) } else { None })
        .collect();
    let mut text = "# Classes that the rules name: name, description, priority.\n".to_owned();
    for class in classes {
        if let Some(priority) = class_priority(class) {
            let _ = writeln!(text, "config classification: {class},{class},{priority}");
        }
    }
    text
}

/// The systems that the rules refer to, so that Suricata does not warn.
pub(super) fn references(prepared: &Prepared) -> String {
    let systems: BTreeSet<&str> = options(prepared)
        .filter_map(
            |keyword| if let Keyword::Reference { system, .. } = keyword { Some(system.as_str()) } else { None },
        )
        .collect();
    let mut text = "# Systems that the rules refer to: name, what an address begins with.\n".to_owned();
    for system in systems {
        let _ = writeln!(text, "config reference: {system} http://");
    }
    text
}

/// Keywords that AWS has and Suricata has not.
pub(super) fn unknown_to_suricata(prepared: &Prepared) -> impl Iterator<Item = Diagnostic> {
    let options = prepared.all().flat_map(|rule| &rule.options);
    options.filter_map(|option| match &option.keyword {
        Keyword::AwsCategory(category) => {
            let name = category.name();
            let problem = Diagnostic::error("FD0702", format!("Suricata has no `{name}`")).at(option.span);
            Some(problem.help(format!("`--leave-out {name}` goes on without the rules that use it")))
        }
        _ => None,
    })
}

fn options(prepared: &Prepared) -> impl Iterator<Item = &Keyword> {
    prepared.all().flat_map(|rule| rule.options.iter().map(|option| &option.keyword))
}
