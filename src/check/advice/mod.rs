//! What AWS takes and is hardly meant: one file for each kind of finding.

mod broad_pass;
mod decided_early;
mod handshake_dropped;
mod handshakes_leave;
mod loose_names;
mod nothing_dropped;
mod others_pass;
mod silent_drops;
mod split_hello;
mod unused_variables;

use super::analysis::Compiled;
use super::boxes::{PacketBox, Sides};
use super::finding::Finding;
use super::sets::Sets;
use super::stateful::{Row, Rows};
use crate::policy::model::{DefaultAction, Policy};
use crate::source::{Span, Spanned};

/// What the kinds of findings look at.
struct Context<'a> {
    policy: &'a Policy,
    /// The rules in order of evaluation, as far as they are evaluated.
    rows: Vec<Row<'a>>,
    /// All rules of the policy are among the rows.
    is_whole: bool,
    sets: Sets,
}

/// What is hardly meant.
pub(super) fn findings(compiled: &Compiled) -> Vec<Finding> {
    let written = compiled.written();
    let mut sets = Sets::new();
    let rows = match &compiled.program {
        Some(program) => Rows::new(&mut sets).of(program, &written),
        None => Vec::new(),
    };
    let is_whole = compiled.program.is_some() && compiled.refused.is_empty();
    let mut context = Context { policy: &compiled.policy, rows, is_whole, sets };
    let mut found = Vec::new();
    found.extend(unused_variables::findings(&context));
    found.extend(nothing_dropped::finding(&context));
    found.extend(silent_drops::finding(&context));
    found.extend(handshakes_leave::finding(&context));
    found.extend(split_hello::finding(&context));
    found.extend(broad_pass::findings(&mut context));
    found.extend(loose_names::findings(&context));
    found.extend(handshake_dropped::finding(&mut context));
    found.extend(decided_early::findings(&mut context));
    found.extend(others_pass::finding(&mut context));
    found
}

impl Context<'_> {
    /// The default action that drops, if there is one.
    fn dropping(&self) -> Option<&Spanned<DefaultAction>> {
        self.policy.stateful.default_actions.iter().find(|action| action.value.drops())
    }

    /// All packets of a protocol, or those to one port.
    fn all_of(&mut self, protocol: u8, dst_port: Option<u16>) -> [PacketBox; 2] {
        use super::boxes::{NO_FLAGS, NO_PORT};
        let sets = &mut self.sets;
        let protocols = sets.of([(protocol.into(), protocol.into())]);
        let any_port = sets.of([(0, NO_PORT - 1)]);
        let flags = sets.of([(0, NO_FLAGS)]);
        let dst_port = dst_port.map_or(any_port, |port| sets.of([(port.into(), port.into())]));
        [(4, u128::from(u32::MAX)), (6, u128::MAX)].map(|(version, last)| {
            let (version, all) = (sets.of([(version, version)]), sets.of([(0, last)]));
            PacketBox::new(Sides { version, protocols, src: all, dst: all, src_port: any_port, dst_port, flags })
        })
    }
}

impl Row<'_> {
    /// Where the rule, or what it was made from, is written.
    fn place(&self) -> Span {
        self.rule.generated_from.unwrap_or(self.rule.span)
    }

    /// It decides by addresses, ports and protocol alone, on the first packet, about the whole flow.
    fn decides_at_first(&self) -> bool {
        use crate::detect::SignatureKind::{IpOnly, LikeIpOnly};
        matches!(self.signature.kind, IpOnly | LikeIpOnly) && self.may_cover
    }
}

const TCP: u8 = 6;
const UDP: u8 = 17;

/// Whether some rule drops some of these packets whatever they say.
fn drops_packets(context: &mut Context<'_>, packets: &[PacketBox]) -> bool {
    use crate::verdict::RuleAction::{Drop, Reject};
    let sets = &mut context.sets;
    context.rows.iter().any(|row| {
        matches!(row.signature.action, Drop | Reject)
            && row.is_open()
            && row.boxes.iter().any(|own| packets.iter().any(|all| own.meets(*all, sets)))
    })
}
