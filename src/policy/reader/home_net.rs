//! Where a policy's HOME_NET comes from.

use super::variables::{self, PolicyNets};
use super::{Env, display_name};
use crate::policy::code;
use crate::policy::model::AddressVariable;
use crate::policy::problems::Problems;
use crate::policy::resolve;
use crate::policy::resource::Resource;
use crate::policy::value::Node;
use crate::source::Diagnostic;

/// HOME_NET: the option, the policy's variable, or the VPC of the firewall that uses the policy.
pub(super) fn policy_nets(resource: &Resource, body: &Node, env: &Env<'_>, problems: &mut Problems) -> PolicyNets {
    let mut nets = PolicyNets { external_net: env.supplies.external_net.clone(), ..PolicyNets::default() };
    let declared = body.get("PolicyVariables").and_then(|all| all.get("RuleVariables"));
    for (key, _) in declared.and_then(Node::as_map).unwrap_or(&[]).iter().filter(|(key, _)| key.value != "HOME_NET") {
        let says = format!("RuleVariables is invalid, parameter: [{}]", key.value);
        let what = format!("the policy variable `{}`", key.value);
        let problem = code::refused(code::REFUSED_POLICY, key.span, &what, &says);
        problems.push(problem.help("HOME_NET is the only policy variable; the value is not used"));
    }
    if let Some(given) = &env.supplies.home_net {
        nets.home_net = Some(given.clone());
        return nets;
    }
    let mut open = Problems::default();
    if let Some(node) = declared.and_then(|all| all.get("HOME_NET")) {
        nets.home_net = variables::entries(node, "HOME_NET", &mut open).map(|entries| AddressVariable {
            name: "HOME_NET".to_owned(),
            entries,
            origin: format!("policy `{}` ({})", display_name(resource), env.place(node.span)),
        });
    } else {
        nets.home_net = home_net_of_vpc(resource, env, &mut open);
    }
    if let Some(home_net) = &nets.home_net {
        variables::check_entries(&home_net.entries, |entry| [entry, "any"], &mut open);
    }
    if open.has_errors() {
        nets.home_net = None;
    }
    nets.home_net_missing = open.into_vec();
    nets
}

fn home_net_of_vpc(resource: &Resource, env: &Env<'_>, open: &mut Problems) -> Option<AddressVariable> {
    let (vpcs, firewalls) = resolve::vpcs(resource, env);
    if let (Some(firewall), true) = (firewalls.first(), vpcs.is_empty()) {
        let message = format!("the VPC of firewall `{}` is not in the document", display_name(firewall));
        open.push(
            Diagnostic::error(code::VARIABLE_WITHOUT_VALUE, message)
                .at(firewall.span)
                .help("give its addresses, which are HOME_NET, with --home-net CIDR,.."),
        );
    }
    let mut found: Vec<AddressVariable> = Vec::new();
    for vpc in &vpcs {
        let Some(set) = variables::of_vpc(vpc, env, open) else { continue };
        let values = |set: &AddressVariable| set.entries.iter().map(|entry| entry.value.clone()).collect::<Vec<_>>();
        if !found.iter().any(|known| values(known) == values(&set)) {
            found.push(set);
        }
    }
    if let ([first, second, ..], Some(firewall)) = (&found[..], firewalls.first()) {
        let message = format!("firewalls in several VPCs use the policy: {}, {}", first.origin, second.origin);
        open.push(
            Diagnostic::error(code::AMBIGUOUS, message)
                .at(firewall.span)
                .help("say for which one it is judged with --home-net CIDR,.."),
        );
        return None;
    }
    found.pop()
}
