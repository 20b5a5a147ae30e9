//! The rules as they were written, by the numbers that decisions carry, with what their variables come to.

use crate::detect::{Program, default_action_rules};
use crate::policy::model::{AddressVariable, Policy, PortVariable, StatefulGroup};
use crate::report::RuleBook;
use crate::rules::ast::{AddressExpr, PortExpr, Rule};
use crate::rules::keyword::Keyword;
use crate::rules::parse_rules;
use crate::source::{MappedText, Span};
use crate::verdict::RuleId;
use std::borrow::Cow;

/// A policy and what it was compiled to.
#[derive(Debug)]
pub struct Subject<'a> {
    /// Compiled with [`crate::detect::CompileOptions::keep_conditions`].
    pub program: &'a Program,
    /// The policy that it was compiled from.
    pub policy: &'a Policy,
    /// Names and places.
    pub book: &'a RuleBook,
    rules: Vec<Written<'a>>,
}

/// One rule.
#[derive(Debug)]
pub(super) struct Written<'a> {
    pub(super) rule: Cow<'a, Rule>,
    /// `None` for a rule of a default action.
    group: Option<&'a StatefulGroup>,
}

impl<'a> Subject<'a> {
    /// Puts the rules of a policy beside those of its program.
    pub fn new(program: &'a Program, policy: &'a Policy, book: &'a RuleBook) -> Self {
        let of_groups = policy.stateful.groups.iter().flat_map(|group| {
            group.rules.iter().map(move |rule| Written { rule: Cow::Borrowed(rule), group: Some(group) })
        });
        let mut rules: Vec<Written<'a>> = of_groups.collect();
        if let Some(own) = &policy.stateful.default_action_rules {
            rules.extend(own.iter().map(|rule| Written { rule: Cow::Borrowed(rule), group: None }));
        } else {
            let actions: Vec<_> = policy.stateful.default_actions.iter().map(|action| action.value).collect();
            for (action, text) in default_action_rules(&actions) {
                let place = policy.stateful.default_actions.iter().find(|known| known.value == action);
                let span = place.map_or(policy.span, |action| action.span);
                let parsed = parse_rules(&MappedText::derived(text, span)).rules;
                rules.extend(parsed.into_iter().map(|rule| Written { rule: Cow::Owned(rule), group: None }));
            }
        }
        let mut number = 0;
        rules.retain(|_| {
            number += 1;
            !program.left_out().contains(&(number - 1))
        });
        Self { program, policy, book, rules }
    }

    /// The rule as it was written.
    pub(super) fn written(&self, id: RuleId) -> Option<&Written<'a>> {
        self.rules.get(self.program.place(id)? as usize)
    }

    /// The policy's own rules.
    pub(super) fn own_rules(&self) -> impl Iterator<Item = &Rule> {
        self.rules.iter().filter(|written| written.group.is_some()).map(|written| written.rule.as_ref())
    }

    /// Its text, in the canonical form.
    pub(super) fn text(&self, id: RuleId) -> String {
        self.written(id).map(|written| written.rule.to_string()).unwrap_or_default()
    }

    /// `file:line` of a rule, or of the domain it was made for.
    pub(super) fn place(&self, id: RuleId) -> Option<String> {
        let info = self.program.rule(id)?;
        let span = info.generated_from.or(info.span).or_else(|| Some(self.written(id)?.rule.span))?;
        Some(self.book.place(span))
    }

    /// The rule is our model of a default action.
    pub(super) fn is_modelled(&self, id: RuleId) -> bool {
        self.book.rule(id).is_some_and(|rule| rule.modelled)
    }
}

impl Written<'_> {
    /// One of its options.
    pub(super) fn option(&self, number: u16) -> Option<(&Keyword, Span)> {
        self.rule.options.get(usize::from(number)).map(|option| (&option.keyword, option.span))
    }

    /// The name of the buffer that an option tests; `None`: the payload.
    pub(super) fn buffer(&self, option: u16) -> Option<&'static str> {
        match self.option(option)?.0 {
            Keyword::Content(content) if content.modifier_buffer.is_some() => content.modifier_buffer,
            Keyword::Pcre(pcre) if pcre.buffer().is_some() => pcre.buffer(),
            Keyword::TlsFingerprint { .. } => return Some("tls.cert_fingerprint"),
            Keyword::Urilen { raw, .. } => return Some(if *raw { "http.uri.raw" } else { "http.uri" }),
            _ => {
                let before = self.rule.options.get(..usize::from(option)).unwrap_or_default();
                let last = before.iter().rev().find_map(|option| match &option.keyword {
                    Keyword::Buffer(buffer) => Some(Some(*buffer)),
                    Keyword::PktData => Some(None),
                    _ => None,
                });
                last.flatten()
            }
        }
        .map(crate::rules::keyword::Buffer::name)
    }

    /// The transforms in front of an option's test.
    pub(super) fn is_transformed(&self, option: u16) -> bool {
        let before = self.rule.options.get(..usize::from(option)).unwrap_or_default();
        let of_buffer = before.iter().rev().take_while(|option| !matches!(option.keyword, Keyword::Buffer(_)));
        of_buffer.into_iter().any(|option| matches!(option.keyword, Keyword::Transform(_)))
    }

    /// Variables of an address expression, with their values and where these come from.
    pub(super) fn address_variables(&self, expr: &AddressExpr, policy: &Policy) -> Vec<String> {
        let mut names = Vec::new();
        names_of(expr, &mut names);
        names.iter().filter_map(|name| self.variable(name, policy)).collect()
    }

    fn variable(&self, name: &str, policy: &Policy) -> Option<String> {
        let stateful = &policy.stateful;
        let of_group = self.group.and_then(|group| {
            group.ip_sets.iter().chain(&group.ip_set_references).find(|variable| variable.name == name)
        });
        let of_policy = match name {
            "HOME_NET" => stateful.home_net.as_ref(),
            "EXTERNAL_NET" => stateful.external_net.as_ref(),
            _ => None,
        };
        match (of_group.or(of_policy), name) {
            (Some(variable), _) => Some(format!("{name} is {}", described(variable))),
            (None, "EXTERNAL_NET") => {
                let home = stateful.home_net.as_ref()?;
                Some(format!("EXTERNAL_NET is everything but HOME_NET, {}", described(home)))
            }
            (None, _) => None,
        }
    }

    /// Values of the variables of a port expression.
    pub(super) fn port_variables(&self, expr: &PortExpr) -> Vec<String> {
        let mut names = Vec::new();
        port_names_of(expr, &mut names);
        let known = |name: &&str| self.group?.port_sets.iter().find(|set| set.name == **name);
        let text = |set: &PortVariable| format!("{} is {}", set.name, shortened(set.entries.iter().map(|e| &e.value)));
        names.iter().filter_map(known).map(text).collect()
    }
}

/// The names in an address expression.
pub(super) fn names_of<'e>(expr: &'e AddressExpr, names: &mut Vec<&'e str>) {
    match expr {
        AddressExpr::Variable(name) | AddressExpr::Reference(name) => names.push(name),
        AddressExpr::Not(inner) => names_of(&inner.value, names),
        AddressExpr::List(items) => items.iter().for_each(|item| names_of(&item.value, names)),
        AddressExpr::Any | AddressExpr::Net(_) | AddressExpr::Range(..) => {}
    }
}

fn port_names_of<'e>(expr: &'e PortExpr, names: &mut Vec<&'e str>) {
    match expr {
        PortExpr::Variable(name) => names.push(name),
        PortExpr::Not(inner) => port_names_of(&inner.value, names),
        PortExpr::List(items) => items.iter().for_each(|item| port_names_of(&item.value, names)),
        PortExpr::Any | PortExpr::Range(..) => {}
    }
}

/// A variable's value and where it comes from.
fn described(variable: &AddressVariable) -> String {
    let value = shortened(variable.entries.iter().map(|entry| &entry.value));
    if variable.origin.is_empty() { value } else { format!("{value}, from {}", variable.origin) }
}

/// The first of some entries.
fn shortened<'e>(entries: impl ExactSizeIterator<Item = &'e String>) -> String {
    const SHOWN: usize = 4;
    let n = entries.len();
    let mut shown: Vec<&str> = entries.take(SHOWN).map(String::as_str).collect();
    let more = format!("and {} more", n.saturating_sub(SHOWN));
    if n > SHOWN {
        shown.push(&more);
    }
    shown.join(", ")
}
