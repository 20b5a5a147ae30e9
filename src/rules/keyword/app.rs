//! Keywords on application protocols, and on events of the engine.

use super::event_names::{APP_LAYER_PACKET_EVENTS, DECODE_EVENTS, LATER_DECODE_EVENTS, STREAM_EVENTS};
use super::value::is_blank;
use super::{Argument, Effect, Family, Keyword, KeywordDef, ListDef, Parse, Value, compare};
use crate::rules::Protocol;
use crate::rules::near::near_matches;
use crate::source::Diagnostic;

/// The bits of [`Keyword::SslState`].
pub mod ssl_state {
    /// `client_hello`
    pub const CLIENT_HELLO: u8 = 1;
    /// `server_hello`
    pub const SERVER_HELLO: u8 = 2;
    /// `client_keyx`
    pub const CLIENT_KEYX: u8 = 4;
    /// `server_keyx`
    pub const SERVER_KEYX: u8 = 8;
    /// `unknown`
    pub const UNKNOWN: u8 = 16;

    /// The words, in the order of the bits.
    pub const NAMES: [(&str, u8); 5] = [
        ("client_hello", CLIENT_HELLO),
        ("server_hello", SERVER_HELLO),
        ("client_keyx", CLIENT_KEYX),
        ("server_keyx", SERVER_KEYX),
        ("unknown", UNKNOWN),
    ];
}

/// Suricata's list for keywords that ask about a TLS connection as a whole.
pub(super) const TLS_GENERIC: ListDef = ListDef {
    name: "tls_generic",
    app: Some(Protocol::Tls),
    to_server: &[Protocol::Tls],
    to_client: &[Protocol::Tls],
    multi: false,
    packet: false,
};

const fn def(
    name: &'static str,
    argument: Argument,
    effect: Effect,
    parse: fn(&Value<'_>) -> Result<Keyword, Diagnostic>,
    doc: &'static str,
) -> KeywordDef {
    KeywordDef { name, aliases: &[], family: Family::App, argument, parse: Parse::Keyword(parse), effect, doc }
}

pub(super) const DEFS: &[KeywordDef] = &[
    def(
        "app-layer-protocol",
        Argument::NOT_MAY_QUOTE,
        Effect::Packet,
        protocol,
        "tests the detected application protocol",
    ),
    def(
        "app-layer-event",
        Argument::PLAIN,
        Effect::Nothing,
        app_layer_event,
        "something odd in an application protocol",
    ),
    def("decode-event", Argument::PLAIN, Effect::Packet, decode_event, "something odd in a packet"),
    def("stream-event", Argument::PLAIN, Effect::Packet, stream_event, "something odd in a TCP stream"),
    def(
        "engine-event",
        Argument::PLAIN,
        Effect::Packet,
        engine_event,
        "an event of decoder or stream, by its full name",
    ),
    def("ssl_state", Argument::PLAIN, Effect::Own(&TLS_GENERIC), state, "tests how far the TLS handshake has come"),
    def("urilen", Argument::PLAIN, Effect::Nothing, urilen, "tests the length of the request URI"),
];

fn protocol(value: &Value<'_>) -> Result<Keyword, Diagnostic> {
    if value.text == "failed" {
        return Ok(Keyword::AppLayerProtocol { negated: value.negated, protocol: None });
    }
    if let Some(protocol) = Protocol::parse_app_layer(value.text) {
        Ok(Keyword::AppLayerProtocol { negated: value.negated, protocol: Some(protocol) })
    } else {
        let error = value.invalid(format!("`{}` is not an application protocol", value.text));
        let known = Protocol::ALL.iter().filter(|protocol| protocol.is_app_layer()).map(|protocol| protocol.as_str());
        Err(match near_matches(value.text, known) {
            Some(near) => error.help(format!("did you mean {near}?")),
            None => error,
        })
    }
}

fn unknown_event(value: &Value<'_>, known: &[&'static str]) -> Diagnostic {
    let error = value.invalid(format!("there is no event `{}`", value.text));
    match near_matches(value.text, known.iter().copied()) {
        Some(near) => error.help(format!("did you mean {near}?")),
        None => error,
    }
}

fn app_layer_event(value: &Value<'_>) -> Result<Keyword, Diagnostic> {
    match value.text.split_once('.') {
        None if APP_LAYER_PACKET_EVENTS.contains(&value.text.to_ascii_lowercase().as_str()) => {}
        None => return Err(unknown_event(value, APP_LAYER_PACKET_EVENTS)),
        Some((protocol, event)) => {
            if Protocol::parse_app_layer(protocol).is_none() {
                return Err(value.invalid_at(protocol, format!("`{protocol}` is not an application protocol")));
            }
            if event.is_empty() {
                return Err(value.invalid("the event is missing behind the dot"));
            }
        }
    }
    Ok(Keyword::AppLayerEvent(value.text.to_owned()))
}

fn decode_event(value: &Value<'_>) -> Result<Keyword, Diagnostic> {
    match DECODE_EVENTS.iter().chain(LATER_DECODE_EVENTS).find(|event| event.eq_ignore_ascii_case(value.text)) {
        Some(event) => Ok(Keyword::DecodeEvent((*event).to_owned())),
        None => Err(unknown_event(value, DECODE_EVENTS)),
    }
}

fn stream_event(value: &Value<'_>) -> Result<Keyword, Diagnostic> {
    let name = match value.text {
        "est_synack_resend_with_different_ack" => "est_synack_resend_with_diff_ack",
        "3whs_synack_resend_with_different_ack" => "3whs_synack_resend_with_diff_ack",
        other => other,
    };
    match STREAM_EVENTS.iter().find(|event| event.eq_ignore_ascii_case(name)) {
        Some(event) => Ok(Keyword::StreamEvent((*event).to_owned())),
        None => Err(unknown_event(value, STREAM_EVENTS)),
    }
}

fn engine_event(value: &Value<'_>) -> Result<Keyword, Diagnostic> {
    let lower = value.text.to_ascii_lowercase();
    let (known, name) = match lower.split_once('.') {
        Some(("decoder", name)) => (DECODE_EVENTS, name),
        Some(("stream", name)) => (STREAM_EVENTS, name),
        _ => return Err(value.invalid("it begins with `decoder.` or `stream.`")),
    };
    let is_later = known == DECODE_EVENTS && LATER_DECODE_EVENTS.contains(&name);
    if !known.contains(&name) && !is_later {
        return Err(unknown_event(value, known));
    }
    Ok(Keyword::EngineEvent(lower))
}

fn state(value: &Value<'_>) -> Result<Keyword, Diagnostic> {
    let mut states = 0;
    let mut negated = 0;
    for word in value.text.split(['|', ',']).map(|word| word.trim_start_matches(is_blank)) {
        let (not, name) = match word.strip_prefix('!') {
            Some(name) => (true, name),
            None => (false, word),
        };
        let Some(&(_, bit)) = ssl_state::NAMES.iter().find(|(known, _)| *known == name) else {
            let names = ssl_state::NAMES.map(|(name, _)| name);
            let error = value.invalid_at(name, format!("`{name}` is not a state"));
            return Err(match near_matches(name, names.into_iter()) {
                Some(near) => error.help(format!("did you mean {near}?")),
                None => error.help(format!("states are {}", names.join(", "))),
            });
        };
        states |= bit;
        if not {
            negated |= bit;
        }
    }
    Ok(Keyword::SslState { states, negated })
}

fn urilen(value: &Value<'_>) -> Result<Keyword, Diagnostic> {
    let Some((compare, rest)) = compare::parse(value.text) else {
        return Err(value.invalid(format!("`{}` is not a test of a number up to 65535", value.text)));
    };
    let words = rest.trim_start_matches(' ');
    let (raw, after) = match words.strip_prefix(',').map(|word| word.trim_start_matches(' ')) {
        Some(word) => match (word.strip_prefix("raw"), word.strip_prefix("norm")) {
            (Some(after), _) => (true, after),
            (_, Some(after)) => (false, after),
            _ => (false, words),
        },
        None => (false, words),
    };
    value.warn_rest(after, 0);
    Ok(Keyword::Urilen { compare, raw })
}

#[cfg(test)]
mod tests {
    use super::super::{Compare, test_value};
    use super::*;

    fn read(parse: fn(&Value<'_>) -> Result<Keyword, Diagnostic>, text: &str) -> Option<Keyword> {
        test_value("test", text, |value| parse(value).ok())
    }

    #[test]
    fn states_are_a_set_with_exceptions() {
        assert_eq!(read(state, "client_hello"), Some(Keyword::SslState { states: 1, negated: 0 }));
        assert_eq!(
            read(state, "client_hello|!server_hello, unknown"),
            Some(Keyword::SslState { states: 19, negated: 2 })
        );
        assert_eq!(read(state, "clienthello"), None);
    }

    #[test]
    fn the_raw_uri_is_asked_for_by_name() {
        assert_eq!(read(urilen, "<10, raw"), Some(Keyword::Urilen { compare: Compare::Lt(10), raw: true }));
        assert_eq!(read(urilen, "5<>10,norm"), Some(Keyword::Urilen { compare: Compare::Between(5, 10), raw: false }));
        assert_eq!(read(urilen, "x"), None);
    }

    #[test]
    fn protocols_are_written_in_lower_case() {
        assert_eq!(
            read(protocol, "tls"),
            Some(Keyword::AppLayerProtocol { negated: false, protocol: Some(Protocol::Tls) })
        );
        assert_eq!(read(protocol, "failed"), Some(Keyword::AppLayerProtocol { negated: false, protocol: None }));
        assert_eq!(read(protocol, "TLS"), None);
        assert_eq!(read(protocol, "tcp"), None);
    }
}
