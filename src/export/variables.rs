//! Variables of all groups in Suricata's one table.
//!
//! The first group that uses a name keeps it; a group in which the name means something else gets `NAME_2` and so on.

use crate::policy::model::{AddressVariable, Policy, PortVariable, StatefulGroup};
use crate::rules::ast::{AddressExpr, PortExpr, Rule};
use crate::rules::{Name, parse_addresses, parse_ports};
use crate::source::{Diagnostic, MappedText, Spanned};
use std::cell::RefCell;
use std::collections::HashMap;

/// How deep variables may be nested; compilation refuses deeper ones.
const DEPTH_MAX: u8 = 64;

/// Suricata 7.0 refuses rules with an address variable whose value has 8192 characters or more, and with a port variable of
/// 1024. Longer lists are written in parts.
const ADDRESSES_BYTES_MAX: usize = 8000;
const PORTS_BYTES_MAX: usize = 1000;

/// A variable of the export.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Variable {
    pub(super) name: String,
    pub(super) value: String,
    /// Where the value came from; may be empty.
    pub(super) origin: String,
}

/// What names mean in a group: as compilation takes them.
pub(super) struct Scope<'a> {
    addresses: Vec<&'a AddressVariable>,
    references: &'a [AddressVariable],
    ports: &'a [PortVariable],
    /// EXTERNAL_NET is what this is not, unless the addresses have one.
    policy_home_net: Option<&'a AddressVariable>,
    /// Names that were met, with their sigils, and what they are called in the export.
    exported: RefCell<HashMap<String, String>>,
}

impl<'a> Scope<'a> {
    pub(super) fn of_group(policy: &'a Policy, group: &'a StatefulGroup) -> Self {
        let has = |name: &str| group.ip_sets.iter().any(|set| set.name == name);
        let stateful = &policy.stateful;
        let mut addresses: Vec<&AddressVariable> = group.ip_sets.iter().collect();
        addresses.extend(stateful.home_net.iter().filter(|_| !has("HOME_NET")));
        addresses.extend(stateful.external_net.iter().filter(|_| !has("EXTERNAL_NET")));
        Self {
            addresses,
            references: &group.ip_set_references,
            ports: &group.port_sets,
            policy_home_net: stateful.home_net.as_ref(),
            exported: RefCell::default(),
        }
    }

    pub(super) fn of_defaults(policy: &'a Policy) -> Self {
        Self::of_policy(policy.stateful.home_net.as_ref(), Vec::new())
    }
}

impl<'a> Scope<'a> {
    fn of_policy(policy_home_net: Option<&'a AddressVariable>, addresses: Vec<&'a AddressVariable>) -> Self {
        Self { addresses, references: &[], ports: &[], policy_home_net, exported: RefCell::default() }
    }

    /// What a name is called in the export, worked out when it is met first.
    fn exported(&self, name: String, make: impl FnOnce() -> Result<String, Refusal>) -> Result<String, Refusal> {
        if let Some(known) = self.exported.borrow().get(&name) {
            return Ok(known.clone());
        }
        let made = make()?;
        self.exported.borrow_mut().insert(name, made.clone());
        Ok(made)
    }
}

/// The tables, growing with every rule that is written.
pub(super) struct Variables {
    pub(super) addresses: Vec<Variable>,
    pub(super) ports: Vec<Variable>,
}

type Refusal = Box<Diagnostic>;

impl Variables {
    /// HOME_NET and EXTERNAL_NET of the policy, which keep their names.
    pub(super) fn new(policy: &Policy) -> Self {
        let mut variables = Self { addresses: Vec::new(), ports: Vec::new() };
        if let Some(home_net) = &policy.stateful.home_net {
            let scope = Scope::of_policy(
                Some(home_net),
                [Some(home_net), policy.stateful.external_net.as_ref()].into_iter().flatten().collect(),
            );
            for (name, negated) in [("HOME_NET", false), ("EXTERNAL_NET", true)] {
                if Self::has_addresses(home_net, negated) {
                    // what is wrong with it is said where a rule uses it
                    let _ = variables.address(Name::Variable(name), &scope, 0);
                }
            }
        }
        variables
    }

    /// Suricata does not start with a variable that stands for no address, though no rule uses it.
    fn has_addresses(home_net: &AddressVariable, negated: bool) -> bool {
        let Ok(entries) = list(home_net) else { return false };
        let spanned = |value| home_net.entries.first().map(|entry| Spanned::new(value, entry.span));
        let Some(entries) = entries.into_iter().map(spanned).collect::<Option<Vec<_>>>() else { return false };
        let expr = AddressExpr::List(entries);
        let expr = if negated { spanned(expr).map(|expr| AddressExpr::Not(Box::new(expr))) } else { Some(expr) };
        expr.is_some_and(|expr| expr.ranges(&|_| None).is_ok_and(|ranges| !ranges.is_empty()))
    }

    /// The rule with the names of the export.
    pub(super) fn renamed(&mut self, rule: &Rule, scope: &Scope<'_>) -> Result<Rule, Refusal> {
        let mut rule = rule.clone();
        for end in [&mut rule.source, &mut rule.destination] {
            end.value = self.address_expr(&end.value, scope, 0)?;
        }
        for end in [&mut rule.source_port, &mut rule.destination_port] {
            end.value = self.port_expr(&end.value, scope, 0)?;
        }
        Ok(rule)
    }

    fn address_expr(&mut self, expr: &AddressExpr, scope: &Scope<'_>, depth: u8) -> Result<AddressExpr, Refusal> {
        Ok(match expr {
            AddressExpr::Variable(name) => {
                let make = || self.address(Name::Variable(name), scope, depth);
                AddressExpr::Variable(scope.exported(format!("${name}"), make)?)
            }
            AddressExpr::Reference(name) => {
                let make = || self.address(Name::Reference(name), scope, depth);
                AddressExpr::Variable(scope.exported(format!("@{name}"), make)?)
            }
            AddressExpr::Not(inner) => {
                let value = self.address_expr(&inner.value, scope, depth)?;
                AddressExpr::Not(Box::new(Spanned::new(value, inner.span)))
            }
            AddressExpr::List(items) => AddressExpr::List(
                items
                    .iter()
                    .map(|item| Ok(Spanned::new(self.address_expr(&item.value, scope, depth)?, item.span)))
                    .collect::<Result<_, Refusal>>()?,
            ),
            AddressExpr::Any | AddressExpr::Net(_) | AddressExpr::Range(..) => expr.clone(),
        })
    }

    fn port_expr(&mut self, expr: &PortExpr, scope: &Scope<'_>, depth: u8) -> Result<PortExpr, Refusal> {
        Ok(match expr {
            PortExpr::Variable(name) => {
                let make = || self.port(name, scope, depth);
                PortExpr::Variable(scope.exported(format!(":{name}"), make)?)
            }
            PortExpr::Not(inner) => {
                PortExpr::Not(Box::new(Spanned::new(self.port_expr(&inner.value, scope, depth)?, inner.span)))
            }
            PortExpr::List(items) => PortExpr::List(
                items
                    .iter()
                    .map(|item| Ok(Spanned::new(self.port_expr(&item.value, scope, depth)?, item.span)))
                    .collect::<Result<_, Refusal>>()?,
            ),
            PortExpr::Any | PortExpr::Range(..) => expr.clone(),
        })
    }

    /// The exported name of an address variable or reference.
    fn address(&mut self, name: Name<'_>, scope: &Scope<'_>, depth: u8) -> Result<String, Refusal> {
        let (bare, found) = match name {
            Name::Variable(bare) => (bare, scope.addresses.iter().rev().find(|set| set.name == bare).copied()),
            Name::Reference(bare) => (bare, scope.references.iter().rev().find(|set| set.name == bare)),
        };
        if let Some(set) = found.filter(|_| depth < DEPTH_MAX) {
            let mut entries = Vec::new();
            for entry in list(set)? {
                entries.push(self.address_expr(&entry, scope, depth + 1)?.to_string());
            }
            return Ok(enter_list(&mut self.addresses, bare, &entries, &set.origin, ADDRESSES_BYTES_MAX));
        }
        if bare == "EXTERNAL_NET"
            && let Some(home_net) = scope.policy_home_net
        {
            let of_policy = Scope::of_policy(None, vec![home_net]);
            let home_net = self.address(Name::Variable("HOME_NET"), &of_policy, depth)?;
            return Ok(enter(&mut self.addresses, bare, &format!("!${home_net}"), ""));
        }
        Err(undefined(bare).into())
    }

    fn port(&mut self, name: &str, scope: &Scope<'_>, depth: u8) -> Result<String, Refusal> {
        let found = scope.ports.iter().rev().find(|set| set.name == name).filter(|_| depth < DEPTH_MAX);
        let set = found.ok_or_else(|| undefined(name))?;
        let mut entries = Vec::new();
        for entry in &set.entries {
            let expr = parse_ports(&MappedText::derived(entry.value.as_str(), entry.span))?;
            entries.push(self.port_expr(&expr.value, scope, depth + 1)?.to_string());
        }
        Ok(enter_list(&mut self.ports, name, &entries, "", PORTS_BYTES_MAX))
    }
}

/// The entries of a set, parsed.
fn list(set: &AddressVariable) -> Result<Vec<AddressExpr>, Refusal> {
    set.entries
        .iter()
        .map(|entry| Ok(parse_addresses(&MappedText::derived(entry.value.as_str(), entry.span))?.value))
        .collect()
}

/// A list in Suricata's syntax; one entry stands for itself, since `[any]` is not `any` to Suricata.
fn listed(entries: &[String]) -> String {
    match entries {
        [one] => one.clone(),
        entries => format!("[{}]", entries.join(",")),
    }
}

/// Enters a list, in parts of at most `bytes_max` when it is long. Lists in lists are one list to Suricata.
fn enter_list(table: &mut Vec<Variable>, name: &str, entries: &[String], origin: &str, bytes_max: usize) -> String {
    let whole = listed(entries);
    if whole.len() <= bytes_max {
        return enter(table, name, &whole, origin);
    }
    let mut parts: Vec<Vec<String>> = Vec::new();
    let mut room = 0;
    for entry in entries {
        if entry.len() + 1 > room {
            parts.push(Vec::new());
            room = bytes_max;
        }
        room = room.saturating_sub(entry.len() + 1);
        if let Some(part) = parts.last_mut() {
            part.push(entry.clone());
        }
    }
    let part = format!("{name}_PART");
    let names: Vec<String> =
        parts.iter().map(|entries| format!("${}", enter(table, &part, &listed(entries), origin))).collect();
    if names.len() < entries.len() {
        enter_list(table, name, &names, origin, bytes_max)
    } else {
        enter(table, name, &whole, origin)
    }
}

fn undefined(name: &str) -> Diagnostic {
    Diagnostic::error("FD0602", format!("`{name}` is not defined"))
}

/// Enters a value under the first name that is free or has the same value.
fn enter(table: &mut Vec<Variable>, name: &str, value: &str, origin: &str) -> String {
    // Suricata's configuration takes a dot for a step down
    let base: String = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    let mut name = base.clone();
    for number in 2_u32.. {
        match table.iter().find(|variable| variable.name == name) {
            None => {
                table.push(Variable { name: name.clone(), value: value.to_owned(), origin: origin.to_owned() });
                break;
            }
            Some(known) if known.value == value => break,
            Some(_) => name = format!("{base}_{number}"),
        }
    }
    name
}
