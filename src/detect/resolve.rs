//! Header expressions to sets of addresses and ports, variables resolved.

use crate::policy::model::{AddressVariable, PortVariable};
use crate::rules::ast::{AddressExpr, PortExpr};
use crate::rules::ranges::{Members, RangeSet};
use crate::rules::{parse_address, parse_port};
use crate::source::{Diagnostic, MappedText, Span, Spanned};
use ipnet::IpNet;
use std::collections::HashMap;
use std::net::IpAddr;

/// How deep variables and lists may be nested.
const DEPTH_MAX: u8 = 16;

/// A port set.
pub(crate) type PortSet = RangeSet<u16>;

/// Addresses of both families.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AddressSet {
    pub(crate) v4: RangeSet<u32>,
    pub(crate) v6: RangeSet<u128>,
}

impl AddressSet {
    pub(crate) fn contains(&self, address: IpAddr) -> bool {
        match address {
            IpAddr::V4(v4) => self.v4.contains(v4.to_bits()),
            IpAddr::V6(v6) => self.v6.contains(v6.to_bits()),
        }
    }

    fn is_all(&self) -> bool {
        self.v4.is_all() && self.v6.is_all()
    }

    fn is_empty(&self) -> bool {
        self.v4.is_empty() && self.v6.is_empty()
    }
}

/// A resolved address expression.
#[derive(Clone, Debug)]
pub(super) struct Addresses {
    /// `None`: any.
    pub(super) set: Option<AddressSet>,
    /// A member is negated, be it through a variable.
    pub(super) negated: bool,
}

/// The variables of a group.
#[derive(Debug)]
pub(super) struct Variables<'a> {
    pub(super) addresses: Vec<&'a AddressVariable>,
    pub(super) references: &'a [AddressVariable],
    pub(super) ports: &'a [PortVariable],
    /// EXTERNAL_NET is what this HOME_NET is not, unless `addresses` has one.
    pub(super) policy_home_net: Option<&'a AddressVariable>,
    cache: HashMap<String, Addresses>,
}

impl<'a> Variables<'a> {
    pub(super) fn new(
        addresses: Vec<&'a AddressVariable>,
        references: &'a [AddressVariable],
        ports: &'a [PortVariable],
        policy_home_net: Option<&'a AddressVariable>,
    ) -> Self {
        Self { addresses, references, ports, policy_home_net, cache: HashMap::new() }
    }

    /// Resolves an address expression of a rule's header. The same single variable is resolved once.
    pub(super) fn addresses(&mut self, expr: &Spanned<AddressExpr>) -> Result<Addresses, Diagnostic> {
        let name = match &expr.value {
            AddressExpr::Any => return Ok(Addresses { set: None, negated: false }),
            AddressExpr::Variable(name) => Some(name.clone()),
            _ => None,
        };
        if let Some(known) = name.as_ref().and_then(|name| self.cache.get(name)) {
            return Ok(known.clone());
        }
        let mut walk = Walk::default();
        walk.address(self, expr, false, 0, expr.span)?;
        let negated = walk.negated;
        let set = walk.finish();
        if set.is_empty() {
            return Err(Diagnostic::error("FD0304", "this address expression matches no address")
                .at(expr.span)
                .help("its negated members take away everything that it includes"));
        }
        let resolved = Addresses { set: (!set.is_all()).then_some(set), negated };
        if let Some(name) = name {
            self.cache.insert(name, resolved.clone());
        }
        Ok(resolved)
    }

    /// Resolves a port expression; `None`: any.
    pub(super) fn ports(&self, expr: &Spanned<PortExpr>) -> Result<Option<PortSet>, Diagnostic> {
        if expr.value == PortExpr::Any {
            return Ok(None);
        }
        let mut members = Members::new();
        self.port(expr, false, 0, expr.span, &mut members)?;
        let set = members.finish();
        if set.is_empty() {
            return Err(Diagnostic::error("FD0304", "this port expression matches no port").at(expr.span));
        }
        Ok((!set.is_all()).then_some(set))
    }

    fn port(
        &self,
        expr: &Spanned<PortExpr>,
        negated: bool,
        depth: u8,
        used_at: Span,
        members: &mut Members<u16>,
    ) -> Result<(), Diagnostic> {
        check_depth(depth, used_at)?;
        match &expr.value {
            PortExpr::Any => members.add(negated, u16::MIN, u16::MAX),
            PortExpr::Range(low, high) => members.add(negated, *low, *high),
            PortExpr::List(items) => {
                for item in items {
                    self.port(item, negated, depth + 1, used_at, members)?;
                }
            }
            PortExpr::Not(inner) => self.port(inner, !negated, depth + 1, used_at, members)?,
            PortExpr::Variable(name) => {
                let variable = self.ports.iter().find(|v| v.name == *name).ok_or_else(|| {
                    Diagnostic::error("FD0303", format!("port variable `${name}` is not defined")).at(used_at).help(
                        format!("define it in the group's RuleVariables, or give it with --port-set {name}=PORTS"),
                    )
                })?;
                for entry in &variable.entries {
                    let parsed = parse_port(&MappedText::derived(entry.value.as_str(), entry.span))
                        .map_err(|problems| first(problems, entry.span))?;
                    self.port(&parsed, negated, depth + 1, used_at, members)?;
                }
            }
        }
        Ok(())
    }

    fn find(&self, name: &str) -> Option<&'a AddressVariable> {
        self.addresses.iter().find(|v| v.name == name).copied()
    }
}

/// Members collected while an address expression is walked.
#[derive(Debug, Default)]
struct Walk {
    v4: Members<u32>,
    v6: Members<u128>,
    negated: bool,
}

impl Walk {
    fn add(&mut self, negated: bool, low: IpAddr, high: IpAddr) {
        self.negated |= negated;
        match (low, high) {
            (IpAddr::V4(low), IpAddr::V4(high)) => self.v4.add(negated, low.to_bits(), high.to_bits()),
            (IpAddr::V6(low), IpAddr::V6(high)) => self.v6.add(negated, low.to_bits(), high.to_bits()),
            _ => {}
        }
    }

    fn add_any(&mut self, negated: bool) {
        self.negated |= negated;
        self.v4.add(negated, u32::MIN, u32::MAX);
        self.v6.add(negated, u128::MIN, u128::MAX);
    }

    fn address(
        &mut self,
        variables: &Variables<'_>,
        expr: &Spanned<AddressExpr>,
        negated: bool,
        depth: u8,
        used_at: Span,
    ) -> Result<(), Diagnostic> {
        check_depth(depth, used_at)?;
        match &expr.value {
            AddressExpr::Any => self.add_any(negated),
            AddressExpr::Net(IpNet::V4(net)) => self.add(negated, net.network().into(), net.broadcast().into()),
            AddressExpr::Net(IpNet::V6(net)) => self.add(negated, net.network().into(), net.broadcast().into()),
            AddressExpr::Range(low, high) => self.add(negated, *low, *high),
            AddressExpr::List(items) => {
                for item in items {
                    self.address(variables, item, negated, depth + 1, used_at)?;
                }
            }
            AddressExpr::Not(inner) if !negated => {
                // what is negated is a set of its own first: its own negations end inside it
                let mut within = Self::default();
                within.address(variables, inner, false, depth + 1, used_at)?;
                let set = within.finish();
                self.negated = true;
                self.v4.add_negated_set(&set.v4);
                self.v6.add_negated_set(&set.v6);
            }
            AddressExpr::Not(inner) => self.address(variables, inner, false, depth + 1, used_at)?,
            AddressExpr::Variable(name) => self.variable(variables, name, negated, depth, used_at)?,
            AddressExpr::Reference(name) => {
                let reference = variables.references.iter().find(|r| r.name == *name).ok_or_else(|| {
                    Diagnostic::error("FD0303", format!("IP set reference `@{name}` is not resolved"))
                        .at(used_at)
                        .help(format!("give its addresses with --ip-set {name}=FILE"))
                })?;
                self.entries(variables, reference, negated, depth, used_at)?;
            }
        }
        Ok(())
    }

    fn variable(
        &mut self,
        variables: &Variables<'_>,
        name: &str,
        negated: bool,
        depth: u8,
        used_at: Span,
    ) -> Result<(), Diagnostic> {
        if let Some(variable) = variables.find(name) {
            return self.entries(variables, variable, negated, depth, used_at);
        }
        if name == "EXTERNAL_NET"
            && let Some(home) = variables.policy_home_net
        {
            let mut within = Self::default();
            within.entries(variables, home, false, depth, used_at)?;
            let set = within.finish();
            if !negated {
                self.negated = true;
                self.v4.add_negated_set(&set.v4);
                self.v6.add_negated_set(&set.v6);
                return Ok(());
            }
            return self.entries(variables, home, false, depth, used_at);
        }
        let help = match name {
            "HOME_NET" | "EXTERNAL_NET" => {
                "nothing says which network it is: give it with --home-net CIDR[,CIDR]".to_owned()
            }
            _ => format!("define it in the group's RuleVariables, or give it with --ip-set {name}=ADDRESSES"),
        };
        Err(Diagnostic::error("FD0303", format!("variable `${name}` is not defined")).at(used_at).help(help))
    }

    fn entries(
        &mut self,
        variables: &Variables<'_>,
        variable: &AddressVariable,
        negated: bool,
        depth: u8,
        used_at: Span,
    ) -> Result<(), Diagnostic> {
        for entry in &variable.entries {
            let parsed = parse_address(&MappedText::derived(entry.value.as_str(), entry.span))
                .map_err(|problems| first(problems, entry.span))?;
            self.address(variables, &parsed, negated, depth + 1, used_at)?;
        }
        Ok(())
    }

    fn finish(self) -> AddressSet {
        AddressSet { v4: self.v4.finish(), v6: self.v6.finish() }
    }
}

fn check_depth(depth: u8, used_at: Span) -> Result<(), Diagnostic> {
    if depth < DEPTH_MAX {
        return Ok(());
    }
    Err(Diagnostic::error("FD0305", format!("variables are nested deeper than {DEPTH_MAX} levels"))
        .at(used_at)
        .help("look for a variable that contains itself"))
}

fn first(problems: Vec<Diagnostic>, span: Span) -> Diagnostic {
    problems.into_iter().next().unwrap_or_else(|| Diagnostic::error("FD0306", "this entry cannot be read").at(span))
}
