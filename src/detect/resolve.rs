//! Header expressions to ranges, with the variables of a group.

use crate::policy::model::{AddressVariable, PortVariable};
use crate::rules::ast::{AddressExpr, PortExpr};
use crate::rules::{AddressRanges, Name, RangeSet, RangesError, parse_addresses, parse_ports};
use crate::source::{Diagnostic, MappedText, Span, Spanned};
use std::collections::HashMap;
use std::sync::Arc;

/// A resolved address expression.
#[derive(Clone, Debug)]
pub(super) struct Addresses {
    /// `None`: any. Shared, since most rules of a group name the same variable.
    pub(super) set: Option<Arc<AddressRanges>>,
    /// A member is negated, be it through a variable.
    pub(super) negated: bool,
}

/// The variables of a group, parsed.
#[derive(Debug, Default)]
pub(super) struct Variables {
    addresses: HashMap<String, AddressExpr>,
    references: HashMap<String, AddressExpr>,
    ports: HashMap<String, PortExpr>,
    /// What single variables came to.
    resolved: HashMap<String, Addresses>,
}

impl Variables {
    /// Parses what a group can name. EXTERNAL_NET is what the policy's HOME_NET is not, unless `addresses` has one.
    pub(super) fn new<'a>(
        addresses: impl IntoIterator<Item = &'a AddressVariable>,
        references: &[AddressVariable],
        ports: &[PortVariable],
        policy_home_net: Option<&AddressVariable>,
        problems: &mut Vec<Diagnostic>,
    ) -> Self {
        let mut variables = Self::default();
        if let Some(home) = policy_home_net
            && let Some(expr) = address_list(home, problems)
            && let Some(entry) = home.entries.first()
        {
            let external = AddressExpr::Not(Box::new(Spanned::new(expr, entry.span)));
            variables.addresses.insert("EXTERNAL_NET".to_owned(), external);
        }
        for variable in addresses {
            if let Some(expr) = address_list(variable, problems) {
                variables.addresses.insert(variable.name.clone(), expr);
            }
        }
        for reference in references {
            if let Some(expr) = address_list(reference, problems) {
                variables.references.insert(reference.name.clone(), expr);
            }
        }
        for variable in ports {
            let items = variable.entries.iter().filter_map(|entry| {
                let text = MappedText::derived(entry.value.as_str(), entry.span);
                parse_ports(&text).map_err(|problem| problems.push(problem)).ok()
            });
            variables.ports.insert(variable.name.clone(), PortExpr::List(items.collect()));
        }
        variables
    }

    /// Resolves an address expression of a rule's header.
    pub(super) fn addresses(&mut self, expr: &Spanned<AddressExpr>) -> Result<Addresses, Diagnostic> {
        let name = match &expr.value {
            AddressExpr::Any => return Ok(Addresses { set: None, negated: false }),
            AddressExpr::Variable(name) => Some(name.clone()),
            _ => None,
        };
        if let Some(known) = name.as_ref().and_then(|name| self.resolved.get(name)) {
            return Ok(known.clone());
        }
        let ranges = expr.value.ranges(&|name| self.look_up(name)).map_err(|error| problem(&error, expr.span))?;
        if ranges.is_empty() {
            return Err(nothing_left(expr.span));
        }
        let any = ranges.v4.is_all() && ranges.v6.is_all();
        let resolved = Addresses { set: (!any).then(|| Arc::new(ranges)), negated: self.negates(&expr.value, 0) };
        if let Some(name) = name {
            self.resolved.insert(name, resolved.clone());
        }
        Ok(resolved)
    }

    /// Resolves a port expression; `None`: any.
    pub(super) fn ports(&self, expr: &Spanned<PortExpr>) -> Result<Option<RangeSet<u16>>, Diagnostic> {
        if expr.value == PortExpr::Any {
            return Ok(None);
        }
        let resolve = |name: Name<'_>| match name {
            Name::Variable(name) => self.ports.get(name),
            Name::Reference(_) => None,
        };
        let set = expr.value.ranges(&resolve).map_err(|error| match error {
            RangesError::Unknown(name) => {
                let bare = name.trim_start_matches('$');
                Diagnostic::error("FD0303", format!("port variable `{name}` is not defined"))
                    .at(expr.span)
                    .help(format!("define it in the group's RuleVariables, or give it with --port-set {bare}=PORTS"))
            }
            error => problem(&error, expr.span),
        })?;
        if set.is_empty() {
            return Err(nothing_left(expr.span));
        }
        Ok((!set.is_all()).then_some(set))
    }

    fn look_up(&self, name: Name<'_>) -> Option<&AddressExpr> {
        match name {
            Name::Variable(name) => self.addresses.get(name),
            Name::Reference(name) => self.references.get(name),
        }
    }

    /// Whether a member of the expression is negated. Loops were found before.
    fn negates(&self, expr: &AddressExpr, depth: u8) -> bool {
        const DEPTH_MAX: u8 = 64;
        match expr {
            AddressExpr::Not(_) => true,
            AddressExpr::List(items) => items.iter().any(|item| self.negates(&item.value, depth + 1)),
            AddressExpr::Variable(name) if depth < DEPTH_MAX => {
                self.addresses.get(name).is_some_and(|expr| self.negates(expr, depth + 1))
            }
            AddressExpr::Reference(name) if depth < DEPTH_MAX => {
                self.references.get(name).is_some_and(|expr| self.negates(expr, depth + 1))
            }
            _ => false,
        }
    }
}

/// The list of a variable's entries; `None` when one of them cannot be read.
fn address_list(variable: &AddressVariable, problems: &mut Vec<Diagnostic>) -> Option<AddressExpr> {
    let before = problems.len();
    let items = variable.entries.iter().filter_map(|entry| {
        let text = MappedText::derived(entry.value.as_str(), entry.span);
        parse_addresses(&text).map_err(|problem| problems.push(problem)).ok()
    });
    let items: Vec<_> = items.collect();
    (problems.len() == before).then_some(AddressExpr::List(items))
}

fn problem(error: &RangesError, span: Span) -> Diagnostic {
    match error {
        RangesError::Unknown(name) => {
            let bare = name.trim_start_matches(['$', '@']);
            let help = match bare {
                "HOME_NET" | "EXTERNAL_NET" => {
                    "nothing says which network it is: give it with --home-net CIDR[,CIDR]".to_owned()
                }
                _ if name.starts_with('@') => format!("give its addresses with --ip-set {bare}=FILE"),
                _ => format!("define it in the group's RuleVariables, or give it with --ip-set {bare}=ADDRESSES"),
            };
            Diagnostic::error("FD0303", format!("`{name}` is not defined")).at(span).help(help)
        }
        RangesError::Loop => Diagnostic::error("FD0305", "variables that mean each other, or lists nested too deep")
            .at(span)
            .help("look for a variable that contains itself"),
        RangesError::NegatesEverything => Diagnostic::error("FD0304", "what is negated here is everything")
            .at(span)
            .help("no packet can match such a rule, and Suricata refuses it"),
    }
}

fn nothing_left(span: Span) -> Diagnostic {
    Diagnostic::error("FD0304", "nothing is left of this expression")
        .at(span)
        .help("its negated members take away everything that it includes")
}
