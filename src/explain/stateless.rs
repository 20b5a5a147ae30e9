//! A packet's way through the stateless stage: the rules that were tried in vain, and who decided.

use super::reason::flag_letters;
use super::recorder::{Notes, PacketFacts};
use super::story::{StatelessMiss, StatelessStory};
use super::written::Subject;
use crate::policy::model::StatelessRule;
use crate::report::names::ProtocolName;
use crate::stateless::reference::Attribute;
use crate::verdict::{Decision, Stage, StatelessRuleId, Verdict};

/// What is to be told of it; `None` without such a stage.
pub(super) fn story(subject: &Subject<'_>, notes: &Notes, decision: &Decision) -> Option<StatelessStory> {
    let policy = subject.policy.stateless.as_ref()?;
    let facts = notes.arrived.as_ref()?;
    let (action, by) = match (decision.stage, decision.verdict) {
        (Stage::None, _) => return None,
        (Stage::Stateless, Verdict::Pass) => ("passed", subject.book.describe(decision.cause)),
        (Stage::Stateless, _) => ("dropped", subject.book.describe(decision.cause)),
        (Stage::Stateful, _) => {
            let by = notes.stateless_cause.map_or_else(String::new, |cause| subject.book.describe(cause));
            ("forwarded", by)
        }
    };
    let rule_of = |id: StatelessRuleId| policy.groups.get(usize::from(id.group))?.rules.get(id.rule as usize);
    let misses = notes.stateless_misses.iter().filter_map(|(id, attribute)| {
        let (group, _, span) = subject.book.stateless_rule(*id)?;
        let rule = rule_of(*id)?;
        let (written, found) = attribute_of(rule, *attribute, facts);
        Some(StatelessMiss {
            rule: format!("{group} priority {}", rule.priority),
            place: subject.book.place(span),
            attribute: written,
            found,
        })
    });
    Some(StatelessStory { misses: misses.collect(), tried: notes.stateless_misses.len(), by, action })
}

/// An attribute of a stateless rule with its values, and what the packet has.
fn attribute_of(rule: &StatelessRule, attribute: Attribute, facts: &PacketFacts) -> (String, String) {
    const SHOWN: usize = 4;
    fn list(items: &[String]) -> String {
        let shown = items.get(..SHOWN).unwrap_or(items).join(", ");
        if items.len() > SHOWN { format!("{shown}, and {} more", items.len() - SHOWN) } else { shown }
    }
    let nets = |nets: &[ipnet::IpNet]| list(&nets.iter().map(ToString::to_string).collect::<Vec<_>>());
    let port = |&(from, to): &(u16, u16)| if from == to { from.to_string() } else { format!("{from}:{to}") };
    let ports = |ports: &[(u16, u16)]| list(&ports.iter().map(port).collect::<Vec<_>>());
    let end = |n: usize| facts.ends.and_then(|ends| ends.get(n).copied());
    let address = |n: usize| end(n).map_or_else(String::new, |(address, _)| address.to_string());
    let port_of = |n: usize| {
        end(n).and_then(|(_, port)| port).map_or_else(|| "it shows no ports".to_owned(), |port| format!("it is {port}"))
    };
    match attribute {
        Attribute::Sources => (format!("Sources {}", nets(&rule.sources)), format!("it comes from {}", address(0))),
        Attribute::Destinations => {
            (format!("Destinations {}", nets(&rule.destinations)), format!("it goes to {}", address(1)))
        }
        Attribute::Protocols => {
            let names: Vec<String> = rule.protocols.iter().map(|proto| ProtocolName(*proto).to_string()).collect();
            (format!("Protocols {}", list(&names)), format!("it is {}", ProtocolName(facts.proto)))
        }
        Attribute::SourcePorts => (format!("SourcePorts {}", ports(&rule.source_ports)), port_of(0)),
        Attribute::DestinationPorts => (format!("DestinationPorts {}", ports(&rule.destination_ports)), port_of(1)),
        Attribute::TcpFlags => {
            let letters = flag_letters;
            let wanted: Vec<String> =
                rule.tcp_flags.iter().map(|w| format!("{} of {}", letters(w.flags), letters(w.mask))).collect();
            let found = facts.tcp_flags.map_or_else(|| "it has none".to_owned(), |f| format!("it has {}", letters(f)));
            (format!("TCPFlags {}", list(&wanted)), found)
        }
    }
}
