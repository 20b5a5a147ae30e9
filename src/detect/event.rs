//! `decode-event`, `stream-event`, `engine-event` and `app-layer-event`.
//!
//! What decoder, stream engine and protocol detection find odd is on the packet; what parsers find odd is on the
//! transaction, where rules look in both directions from its beginning on.

use super::signature::{Engine, Look};
use super::trace::Conditions;
use crate::app;
use crate::packet::Event;
use crate::rules::keyword::{
    APP_LAYER_PACKET_EVENTS, DECODE_EVENTS, LATER_DECODE_EVENTS, STREAM_EVENTS, TRANSACTION_EVENTS, is_later_event,
};
use crate::verdict::Direction;

/// Events that a replay cannot show: they depend on how Suricata captures, on its threads and its memory.
const NOT_SHOWN: &[&str] = &[
    "afpacket.trunc_pkt",
    "wrong_thread",
    "reassembly_insert_memcap",
    "reassembly_insert_limit",
    "reassembly_insert_invalid",
];

/// Where an event is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Packet(Event),
    Transaction(Event),
}

/// An event of the decoder; `None` when there is none of the name.
pub(super) fn decoder(name: &str) -> Option<Event> {
    known(DECODE_EVENTS, name).or_else(|| known(LATER_DECODE_EVENTS, name))
}

/// An event of the stream engine; `None` when there is none of the name.
pub(super) fn stream(name: &str) -> Option<Event> {
    known(STREAM_EVENTS, name)
}

/// An event of decoder or stream engine by its full name, such as `decoder.ipv4.pkt_too_small`.
pub(super) fn engine(name: &str) -> Option<Event> {
    match name.split_once('.')? {
        ("decoder", rest) => decoder(rest),
        ("stream", rest) => stream(rest),
        _ => None,
    }
}

/// An event of the application layer; `None` when no parser raises it here.
pub(super) fn app_layer(name: &str) -> Option<Place> {
    if name.contains('.') {
        known(app::EVENTS, name).map(Place::Transaction)
    } else {
        known(APP_LAYER_PACKET_EVENTS, name).map(Place::Packet)
    }
}

fn known(names: &[&'static str], name: &str) -> Option<Event> {
    names.iter().find(|known| known.eq_ignore_ascii_case(name)).map(|name| Event(name))
}

/// A replay cannot show the event, of decoder or stream engine: a rule about it never matches here.
pub(super) fn is_not_shown(name: &str) -> bool {
    let name = name.strip_prefix("decoder.").or_else(|| name.strip_prefix("stream.")).unwrap_or(name);
    NOT_SHOWN.contains(&name)
}

/// The protocol of an event has no such event, so that Suricata leaves the rule out; `later`: those of 8.0 are known.
pub(super) fn is_unknown(name: &str, later: bool) -> bool {
    if is_later_event(name) {
        return !later;
    }
    let Some((protocol, event)) = name.split_once('.') else { return false };
    let listed = TRANSACTION_EVENTS.iter().find(|(listed, _)| listed.eq_ignore_ascii_case(protocol));
    listed.is_some_and(|(_, events)| !events.iter().any(|known| known.eq_ignore_ascii_case(event)))
}

/// The looks of a rule that asks for all of these events of one transaction.
pub(super) fn engines(events: &[Event]) -> impl Iterator<Item = Engine> + '_ {
    let directions = [Direction::ToServer, Direction::ToClient].into_iter().filter(|_| !events.is_empty());
    directions.map(|direction| Engine {
        direction,
        progress: 0,
        prefilter: false,
        has_pattern: false,
        is_searched: false,
        group: Conditions::EVENTS,
        look: Look::Events(events.into()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_found_by_their_names() {
        assert_eq!(decoder("IPV4.pkt_too_small"), Some(Event("ipv4.pkt_too_small")));
        assert_eq!(engine("stream.est_syn_resend"), Some(Event("est_syn_resend")));
        assert_eq!(engine("decoder.too_many_layers"), Some(Event("too_many_layers")));
        assert!(is_not_shown("stream.wrong_thread") && !is_not_shown("est_syn_resend"));
        assert!(is_unknown("dns.not_a_request", true) && !is_unknown("dns.not_request", false));
        assert!(!is_unknown("smb.whatever", false));
        assert!(is_unknown("http.deformed_eol", false) && !is_unknown("http.deformed_eol", true));
        assert_eq!(app_layer("tls.INVALID_SNI_TYPE"), Some(Place::Transaction(Event("tls.invalid_sni_type"))));
        assert_eq!(
            app_layer("applayer_unexpected_protocol"),
            Some(Place::Packet(Event("applayer_unexpected_protocol")))
        );
        assert_eq!(app_layer("smtp.invalid_reply"), None);
    }
}
