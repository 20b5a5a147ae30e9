//! Whether one rule matches whenever another one does, the header aside, and what is then left of the other's action.
//!
//! Sound, not complete: a yes holds for every packet at every moment, a no means little. The two must be asked at the same
//! moment, since much of what a rule sees changes from packet to packet: so a rule is set against those that are run in the
//! same part of the engine's work on the same packet (`detect::inspect`), or that have settled the flow on its first packet.

use super::row::{Row, runs_to_server_only};
use crate::detect::SignatureKind;
use crate::rules::keyword::Flow;
use crate::verdict::RuleAction;

/// What holds for all rules of a program.
#[derive(Clone, Copy, Debug)]
pub(super) struct Engine {
    /// Rules that wait for no pattern are tried at their places only (Suricata 8).
    pub(super) tried_at_place_only: bool,
}

/// When the wider rule has matched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum When {
    /// On the same packet.
    Now,
    /// On the first packet of the flow in this direction, unless something else has passed or dropped that packet alone.
    AtFirst,
}

/// Whether `wide` matches when `narrow` does and its header fits too.
pub(super) fn implied(wide: &Row<'_>, narrow: &Row<'_>, engine: Engine) -> Option<When> {
    let (w, n) = (wide.signature, narrow.signature);
    let runs_too = w.directions.iter().zip(n.directions).all(|(wide, narrow)| *wide || !narrow);
    let in_a_flow = n.needs_flow || !n.engines.is_empty();
    if !wide.may_cover || !runs_too || (w.needs_flow && !in_a_flow) || !wide.flows.iter().all(|f| holds(*f, narrow)) {
        return None;
    }
    let when = moment(wide, narrow)?;
    let asks_nothing_more = wide.words.iter().all(|word| narrow.words.contains(word));
    let same_words = wide.words == narrow.words && wide.name.is_none() && narrow.name.is_none();
    let same_payload = w.payload.in_stream == n.payload.in_stream && w.payload.in_packet == n.payload.in_packet;
    let fits = if wide.is_open() {
        asks_nothing_more && speaks(wide, narrow)
    } else if w.app_proto != n.app_proto || w.kind != n.kind {
        false
    } else if same_words {
        same_payload && wide.rule.basis == narrow.rule.basis
    } else if let (Some(wider), Some(name)) = (&wide.name, &narrow.name) {
        asks_nothing_more && wider.covers(name)
    } else {
        wide.asks_session_only()
            && asks_nothing_more
            && w.directions == n.directions
            && !engine.tried_at_place_only
            && is_established(narrow)
    };
    fits.then_some(when)
}

/// Whether the wider rule is run whenever the other one is, and when.
fn moment(wide: &Row<'_>, narrow: &Row<'_>) -> Option<When> {
    use SignatureKind::{AppLayer, AppTx, DeOnly, IpOnly, LikeIpOnly, Packet, PacketStream, PdOnly, Stream};
    let narrow_kind = narrow.signature.kind;
    match wide.signature.kind {
        IpOnly if narrow_kind == IpOnly => Some(When::Now),
        // an ICMP error may take the turn of the first packet that comes back, so only the client's side is certain
        IpOnly if runs_to_server_only(narrow) => Some(When::AtFirst),
        IpOnly => None,
        // of packets that cannot be decoded, IP-only rules see the addresses and others nothing
        LikeIpOnly if narrow_kind == IpOnly => narrow.names_ports().then_some(When::Now),
        LikeIpOnly => Some(When::Now),
        // not run on the packets that are made up at the end of a flow
        Packet => (narrow_kind == Packet).then_some(When::Now),
        AppLayer => (!matches!(narrow_kind, IpOnly | LikeIpOnly)).then_some(When::Now),
        AppTx | Stream | PacketStream => (narrow_kind == wide.signature.kind).then_some(When::Now),
        DeOnly | PdOnly => None,
    }
}

/// A `flow` keyword that asks for nothing which the rule does not ask for itself.
fn holds(flow: Flow, narrow: &Row<'_>) -> bool {
    if narrow.flows.contains(&flow) {
        return true;
    }
    let says = |wanted: bool| narrow.flows.iter().any(|own| own.established == Some(wanted) && !own.stateless);
    flow.stream.is_none()
        && flow.fragment.is_none()
        && flow.direction.is_none_or(|wanted| narrow.rule.direction == Some(wanted))
        && match (flow.established, flow.stateless) {
            (Some(false), true) => false,
            (Some(wanted), _) => says(wanted),
            (None, _) => true,
        }
}

/// The flow is established when the rule matches.
fn is_established(narrow: &Row<'_>) -> bool {
    narrow.flows.iter().any(|flow| flow.established == Some(true)) || !narrow.signature.header.protocols.contains(TCP)
}

const TCP: u8 = 6;

/// Every protocol that the narrower rule is about is one that the wider rule is about.
fn speaks(wide: &Row<'_>, narrow: &Row<'_>) -> bool {
    let Some(wanted) = wide.signature.app_proto else { return true };
    let Some(spoken) = narrow.signature.app_proto else { return false };
    // a rule that looks into transactions may see them before the connection is established, others do not
    spoken.protocols().iter().all(|proto| wanted.fits(*proto))
        && (narrow.signature.engines.is_empty() || is_established(narrow))
}

/// Whether nothing is left of the narrower rule's action once the wider rule has acted on the same packet or before.
pub(super) fn settles(wide: &Row<'_>, narrow: &Row<'_>) -> bool {
    use RuleAction::{Alert, Drop, Pass, Reject};
    let covers_as_much = wide.signature.kind == narrow.signature.kind
        || !wide.may_leave_flow()
        || !narrow.signature.kind.covers_flow(true);
    match (wide.signature.action, narrow.signature.action) {
        (Pass, _) => true,
        (Drop, Drop | Pass) | (Reject, Reject | Drop | Pass) => covers_as_much,
        // a reject answers where a drop is silent, and an alert is told whatever is dropped
        (Drop, Reject | Alert) | (Reject | Alert, _) => false,
    }
}
