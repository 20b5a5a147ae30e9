//! Keywords on flows and hosts, and on what rules remember.

use super::compare::Compare;
use super::value::is_blank;
use super::{Argument, Effect, Family, Keyword, KeywordDef, Parse, Value};
use crate::rules::near::near_matches;
use crate::source::Diagnostic;
use crate::verdict::Direction;

/// `flow:only_stream` and `flow:no_stream`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlowStream {
    /// `only_stream`
    OnlyStream,
    /// `no_stream`
    NoStream,
}

/// `flow:only_frag` and `flow:no_frag`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlowFragment {
    /// `only_frag`
    OnlyFrag,
    /// `no_frag`
    NoFrag,
}

/// `flow`: all given conditions must hold.
///
/// A rule may have one `flow` with more than a direction; further ones that are a bare direction add theirs, so that
/// `flow:to_server; flow:to_client;` is both. A bare direction leaves no test behind: the rule keeps its type.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flow {
    /// `to_server` (`from_client`) or `to_client` (`from_server`).
    pub direction: Option<Direction>,
    /// `established` or `not_established`.
    pub established: Option<bool>,
    /// `stateless`. Never together with `established`; together with `not_established` the rule never matches.
    pub stateless: bool,
    /// `only_stream` or `no_stream`.
    pub stream: Option<FlowStream>,
    /// `only_frag` or `no_frag`.
    pub fragment: Option<FlowFragment>,
}

impl Flow {
    /// Whether there is nothing but a direction.
    pub fn is_direction_only(&self) -> bool {
        *self == Self { direction: self.direction, ..Self::default() }
    }
}

/// What is done with bits, or asked about them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BitCommand {
    /// `set`
    Set,
    /// `unset`
    Unset,
    /// `toggle`
    Toggle,
    /// `isset`
    Isset,
    /// `isnotset`
    Isnotset,
}

impl BitCommand {
    /// The word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Set => "set",
            Self::Unset => "unset",
            Self::Toggle => "toggle",
            Self::Isset => "isset",
            Self::Isnotset => "isnotset",
        }
    }
}

/// `flowbits`
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Flowbits {
    /// `flowbits:noalert`: as `noalert`.
    Noalert,
    /// `flowbits:command,a|b|c`: `isset` and `isnotset` hold when they hold for any of the names.
    Bits {
        /// The command.
        command: BitCommand,
        /// The names, at least one.
        names: Vec<String>,
    },
}

/// What `flowint` does or asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlowintCommand {
    /// `=`
    Set,
    /// `+`
    Add,
    /// `-`
    Subtract,
    /// `==`
    Eq,
    /// `!=`
    Ne,
    /// `<`
    Lt,
    /// `<=`
    Le,
    /// `>`
    Gt,
    /// `>=`
    Ge,
    /// `isset`
    Isset,
    /// `isnotset`, `notset`
    Isnotset,
}

/// The right side of `flowint`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FlowintOperand {
    /// A number.
    Value(u32),
    /// Another counter.
    Variable(String),
}

/// `flowint`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flowint {
    /// The counter.
    pub name: String,
    /// What is done.
    pub command: FlowintCommand,
    /// With what; `None` for `isset` and `isnotset`.
    pub operand: Option<FlowintOperand>,
}

/// Whose bits `xbits` and `hostbits` are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum XbitTrack {
    /// `ip_src` (`hostbits`: `src`)
    Source,
    /// `ip_dst` (`hostbits`: `dst`)
    Destination,
    /// `ip_pair`
    Pair,
}

/// `xbits` and `hostbits`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Xbits {
    /// The command.
    pub command: BitCommand,
    /// The name.
    pub name: String,
    /// Whose bit.
    pub track: XbitTrack,
    /// Life time in seconds; default 30 for `xbits`, always 300 for `hostbits`.
    pub expire: u32,
}

/// Which direction's bytes `stream_size` compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamSide {
    /// `server`
    Server,
    /// `client`
    Client,
    /// `both`: each of them.
    Both,
    /// `either`: one of them.
    Either,
}

/// `stream_size`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamSize {
    /// Which direction.
    pub side: StreamSide,
    /// The test of the number of bytes; never [`Compare::Between`].
    pub compare: Compare<u32>,
}

/// `threshold:type`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ThresholdKind {
    /// `limit`
    Limit,
    /// `threshold`
    Threshold,
    /// `both`
    Both,
}

/// What a threshold counts by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Track {
    /// `by_src`
    BySrc,
    /// `by_dst`
    ByDst,
    /// `by_both`
    ByBoth,
    /// `by_rule`
    ByRule,
}

impl Track {
    /// The word.
    pub fn name(self) -> &'static str {
        match self {
            Self::BySrc => "by_src",
            Self::ByDst => "by_dst",
            Self::ByBoth => "by_both",
            Self::ByRule => "by_rule",
        }
    }
}

/// `threshold`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Threshold {
    /// How it acts.
    pub kind: ThresholdKind,
    /// What it counts by.
    pub track: Track,
    /// Matches.
    pub count: u32,
    /// Window in seconds.
    pub seconds: u32,
}

/// `detection_filter`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DetectionFilter {
    /// What it counts by.
    pub track: Track,
    /// Matches; not 0.
    pub count: u32,
    /// Window in seconds; not 0.
    pub seconds: u32,
}

const fn def(
    name: &'static str,
    effect: Effect,
    parse: fn(&Value<'_>) -> Result<Keyword, Diagnostic>,
    doc: &'static str,
) -> KeywordDef {
    KeywordDef {
        name,
        aliases: &[],
        family: Family::Flow,
        argument: Argument::PLAIN,
        parse: Parse::Keyword(parse),
        effect,
        doc,
    }
}

pub(super) const DEFS: &[KeywordDef] = &[
    def("flow", Effect::Nothing, flow, "tests direction and state of the flow"),
    def(
        "flow.age",
        Effect::PacketOnly,
        |value| Ok(Keyword::FlowAge(value.compare()?)),
        "tests the age of the flow in seconds",
    ),
    def("flowbits", Effect::Packet, flowbits, "sets and tests named bits of the flow"),
    def("flowint", Effect::Packet, flowint, "sets and tests named counters of the flow"),
    def("xbits", Effect::Packet, xbits, "sets and tests named bits of a host or a pair of hosts"),
    def("hostbits", Effect::Packet, hostbits, "sets and tests named bits of a host"),
    def("stream_size", Effect::Packet, stream_size, "tests the number of bytes of the stream"),
    def("threshold", Effect::Nothing, threshold, "limits how often the rule alerts or acts"),
    def("detection_filter", Effect::Nothing, detection_filter, "lets the rule act only after a number of matches"),
    def("tag", Effect::Nothing, tag, "logs further packets, which decides nothing"),
];

const FLOW_WORDS: [&str; 11] = [
    "to_server",
    "to_client",
    "from_client",
    "from_server",
    "established",
    "not_established",
    "stateless",
    "only_stream",
    "no_stream",
    "only_frag",
    "no_frag",
];

fn flow(value: &Value<'_>) -> Result<Keyword, Diagnostic> {
    let mut flow = Flow::default();
    for (index, word) in value.fields().enumerate() {
        if index == 3 {
            return Err(value.invalid_at(word, "more than three words").help("Suricata takes at most three"));
        }
        let known = FLOW_WORDS.into_iter().find(|known| known.eq_ignore_ascii_case(word));
        let taken = match known {
            Some("to_server" | "from_client") => flow.direction.replace(Direction::ToServer).is_some(),
            Some("to_client" | "from_server") => flow.direction.replace(Direction::ToClient).is_some(),
            Some("established") => flow.established.replace(true).is_some() || flow.stateless,
            Some("not_established") => flow.established.replace(false).is_some(),
            Some("stateless") => std::mem::replace(&mut flow.stateless, true) || flow.established == Some(true),
            Some("only_stream") => flow.stream.replace(FlowStream::OnlyStream).is_some(),
            Some("no_stream") => flow.stream.replace(FlowStream::NoStream).is_some(),
            Some("only_frag") => flow.fragment.replace(FlowFragment::OnlyFrag).is_some(),
            Some("no_frag") => flow.fragment.replace(FlowFragment::NoFrag).is_some(),
            _ => {
                let error = value.invalid_at(word, format!("`{word}` is not known"));
                return Err(match near_matches(word, FLOW_WORDS.into_iter()) {
                    Some(near) => error.help(format!("did you mean {near}?")),
                    None => error.help(format!("it knows {}", FLOW_WORDS.join(", "))),
                });
            }
        };
        if taken {
            return Err(value.invalid_at(word, format!("`{word}` says the same as a word before it, or the contrary")));
        }
    }
    if flow.stateless && flow.established == Some(false) {
        value.warn(
            Diagnostic::warning("FD0225", "`flow` with `not_established` and `stateless` never matches in Suricata")
                .at(value.span()),
        );
    }
    Ok(Keyword::Flow(flow))
}

fn command(word: &str) -> Option<BitCommand> {
    match word {
        "set" => Some(BitCommand::Set),
        "unset" => Some(BitCommand::Unset),
        "toggle" => Some(BitCommand::Toggle),
        "isset" => Some(BitCommand::Isset),
        "isnotset" => Some(BitCommand::Isnotset),
        _ => None,
    }
}

fn unknown_command(value: &Value<'_>, word: &str) -> Diagnostic {
    const COMMANDS: [&str; 6] = ["set", "unset", "toggle", "isset", "isnotset", "noalert"];
    let error = value.invalid_at(word, format!("`{word}` is not a command"));
    match near_matches(word, COMMANDS.into_iter()) {
        Some(near) => error.help(format!("did you mean {near}?")),
        None => error.help("commands are set, unset, toggle, isset, isnotset and noalert"),
    }
}

fn flowbits(value: &Value<'_>) -> Result<Keyword, Diagnostic> {
    let (word, rest) = match value.text.split_once(',') {
        Some((word, rest)) => (word, rest.trim_matches(is_blank)),
        None => (value.text, ""),
    };
    if word == "noalert" {
        return if rest.is_empty() {
            Ok(Keyword::Flowbits(Flowbits::Noalert))
        } else {
            Err(value.invalid_at(rest, "`noalert` has no name"))
        };
    }
    let command = command(word).ok_or_else(|| unknown_command(value, word))?;
    let names: Vec<&str> = if rest.contains('|') {
        rest.split('|')
            .map(|name| name.trim_matches(|c: char| c.is_ascii_whitespace()))
            .filter(|name| !name.is_empty())
            .collect()
    } else {
        Some(rest).filter(|name| !name.is_empty()).into_iter().collect()
    };
    if names.is_empty() {
        return Err(value
            .invalid(format!("`{word}` needs a name"))
            .help(format!("for example `flowbits:{word},blocked`")));
    }
    if names.len() > 30 {
        return Err(value.invalid(format!("{} names, the limit is 30", names.len())));
    }
    if let Some(name) = names.iter().find(|name| name.contains(is_blank)) {
        return Err(value.invalid_at(name, format!("the name `{name}` has a space in it")));
    }
    let names: Vec<String> = names.into_iter().map(str::to_owned).collect();
    Ok(Keyword::Flowbits(Flowbits::Bits { command, names }))
}

fn flowint(value: &Value<'_>) -> Result<Keyword, Diagnostic> {
    const HELP: &str =
        "it is `name,operation,value`: =, +, -, ==, !=, <, <=, >, >= with a number or another name, or isset, isnotset";
    let wrong = |slice: &str, why: String| value.invalid_at(slice, why).help(HELP);
    let mut fields = value.fields();
    let name = fields.next().unwrap_or("");
    let ok = name.len() >= 2
        && name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'/'));
    if !ok {
        return Err(wrong(name, format!("`{name}` is not a name of two or more letters, digits, `_`, `.` and `/`")));
    }
    let operation = fields.next().unwrap_or("");
    let command = match operation {
        "=" => FlowintCommand::Set,
        "+" => FlowintCommand::Add,
        "-" => FlowintCommand::Subtract,
        "==" => FlowintCommand::Eq,
        "!=" => FlowintCommand::Ne,
        "<" => FlowintCommand::Lt,
        "<=" => FlowintCommand::Le,
        ">" => FlowintCommand::Gt,
        ">=" => FlowintCommand::Ge,
        "isset" => FlowintCommand::Isset,
        "notset" | "isnotset" => FlowintCommand::Isnotset,
        _ => return Err(wrong(operation, format!("`{operation}` is not an operation"))),
    };
    let operand = fields.next().unwrap_or("");
    if let Some(more) = fields.next() {
        return Err(wrong(more, "there is more than name, operation and value".into()));
    }
    let operand = if matches!(command, FlowintCommand::Isset | FlowintCommand::Isnotset) {
        None
    } else if operand.starts_with(|c: char| c.is_ascii_digit()) {
        Some(FlowintOperand::Value(value.number_in(operand)?))
    } else if operand.len() >= 2
        && operand.starts_with(|c: char| c.is_ascii_alphabetic())
        && operand.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    {
        Some(FlowintOperand::Variable(operand.to_owned()))
    } else {
        return Err(wrong(operand, format!("`{operand}` is neither a number nor a name")));
    };
    Ok(Keyword::Flowint(Box::new(Flowint { name: name.to_owned(), command, operand })))
}

/// Blanks behind a field are part of it: of the name they are kept, `track` and `expire` do not take them.
fn xbits(value: &Value<'_>) -> Result<Keyword, Diagnostic> {
    let mut fields = value.text.split(',').map(|field| field.trim_start_matches(|c: char| c.is_ascii_whitespace()));
    let word = fields.next().unwrap_or("");
    if word == "noalert" {
        return Err(value.invalid("Suricata 7 loads it in no form").help("write `noalert;`"));
    }
    let command = command(word).ok_or_else(|| unknown_command(value, word))?;
    let name = fields.next().unwrap_or("");
    if name.is_empty() || after_word(name, "track").is_some() {
        return Err(value.invalid(format!("`{word}` needs a name")).help(XBITS_HELP));
    }
    let track = match fields.next().and_then(|field| after_word(field, "track")) {
        Some("ip_src") => XbitTrack::Source,
        Some("ip_dst") => XbitTrack::Destination,
        Some("ip_pair") => XbitTrack::Pair,
        Some(other) => {
            return Err(value.invalid_at(other, format!("`{other}` is none of ip_src, ip_dst, ip_pair")));
        }
        None => return Err(value.invalid("`track` is missing behind the name").help(XBITS_HELP)),
    };
    let mut expire = 30;
    if let Some(field) = fields.next() {
        match after_word(field, "expire") {
            Some(seconds) => expire = value.number_in(seconds)?,
            None => value.warn_rest(field, 0),
        }
        if expire == 0 {
            return Err(value.invalid_at(field, "`expire` cannot be 0"));
        }
    }
    if let Some(rest) = fields.next() {
        value.warn_rest(rest, 0);
    }
    Ok(Keyword::Xbits(Box::new(Xbits { command, name: name.to_owned(), track, expire })))
}

/// What stands behind a word and blanks.
fn after_word<'a>(field: &'a str, word: &str) -> Option<&'a str> {
    let rest = field.strip_prefix(word)?;
    let value = rest.trim_start_matches(|c: char| c.is_ascii_whitespace());
    (value.len() < rest.len() && !value.is_empty()).then_some(value)
}

const XBITS_HELP: &str = "for example `xbits:set,badssh,track ip_src,expire 3600`";

fn hostbits(value: &Value<'_>) -> Result<Keyword, Diagnostic> {
    const HELP: &str = "for example `hostbits:set,badhost,src`";
    if value.text == "noalert" {
        return Ok(Keyword::HostbitsNoalert);
    }
    let mut fields = value.fields();
    let word = fields.next().unwrap_or("");
    let command = command(word).ok_or_else(|| unknown_command(value, word))?;
    let name = fields.next().unwrap_or("");
    if name.is_empty() {
        return Err(value.invalid(format!("`{word}` needs a name")).help(HELP));
    }
    if name.contains(|c: char| c.is_ascii_whitespace()) {
        return Err(value.invalid_at(name, format!("the name `{name}` has a space in it")));
    }
    let track = match fields.next() {
        None | Some("src") => XbitTrack::Source,
        Some("dst") => XbitTrack::Destination,
        Some(other) => return Err(value.invalid_at(other, format!("`{other}` is neither `src` nor `dst`")).help(HELP)),
    };
    if let Some(more) = fields.next() {
        return Err(value.invalid_at(more, "there is more than command, name and direction").help(HELP));
    }
    Ok(Keyword::Hostbits(Box::new(Xbits { command, name: name.to_owned(), track, expire: 300 })))
}

fn stream_size(value: &Value<'_>) -> Result<Keyword, Diagnostic> {
    let wrong = || value.invalid("it is `side,operator,number`").help("for example `stream_size:client,>,1000`");
    let mut fields = value.fields();
    let (Some(side), Some(operator), Some(number), None) = (fields.next(), fields.next(), fields.next(), fields.next())
    else {
        return Err(wrong());
    };
    let side = match side {
        "server" => StreamSide::Server,
        "client" => StreamSide::Client,
        "both" => StreamSide::Both,
        "either" => StreamSide::Either,
        _ => return Err(value.invalid_at(side, format!("`{side}` is none of server, client, both, either"))),
    };
    let number = value.number_in(number)?;
    let compare = match operator {
        ">=" => Compare::Ge(number),
        "<=" => Compare::Le(number),
        ">" => Compare::Gt(number),
        "<" => Compare::Lt(number),
        "!=" | "!" => Compare::Ne(number),
        "=" => Compare::Eq(number),
        _ => return Err(wrong()),
    };
    Ok(Keyword::StreamSize(StreamSize { side, compare }))
}

/// The words of `threshold` and `detection_filter`, which may come in any order.
#[derive(Default)]
struct ThresholdWords {
    kind: Option<ThresholdKind>,
    track: Option<Track>,
    count: Option<u32>,
    seconds: Option<u32>,
}

impl ThresholdWords {
    /// `open`: what follows the last word is passed over.
    fn read(value: &Value<'_>, open: bool) -> Result<Self, Diagnostic> {
        let mut words = Self::default();
        let n_fields = value.fields().count();
        for (number, field) in value.fields().enumerate() {
            let (key, rest) = field.split_once(is_blank).unwrap_or((field, ""));
            let rest = rest.trim_matches(is_blank);
            let known = match key {
                "type" => {
                    let kind = match rest {
                        "limit" => ThresholdKind::Limit,
                        "threshold" => ThresholdKind::Threshold,
                        "both" => ThresholdKind::Both,
                        _ => return Err(value.invalid_at(rest, format!("`{rest}` is none of limit, threshold, both"))),
                    };
                    words.kind.replace(kind).is_none()
                }
                "track" => {
                    let track = match rest {
                        "by_src" => Track::BySrc,
                        "by_dst" => Track::ByDst,
                        "by_both" => Track::ByBoth,
                        "by_rule" => Track::ByRule,
                        _ => {
                            return Err(
                                value.invalid_at(rest, format!("`{rest}` is none of by_src, by_dst, by_both, by_rule"))
                            );
                        }
                    };
                    words.track.replace(track).is_none()
                }
                "count" | "seconds" => {
                    let end = rest.find(|c: char| !c.is_ascii_digit()).filter(|end| *end > 0);
                    let end = end.filter(|_| open && number + 1 == n_fields);
                    let digits = end.and_then(|end| rest.get(..end)).unwrap_or(rest);
                    value.warn_rest(rest, digits.len());
                    let amount = if key == "count" { &mut words.count } else { &mut words.seconds };
                    amount.replace(value.number_in(digits)?).is_none()
                }
                _ => return Err(value.invalid_at(field, format!("`{field}` is not known"))),
            };
            if !known {
                return Err(value.invalid_at(field, format!("`{key}` twice")));
            }
        }
        Ok(words)
    }
}

fn threshold(value: &Value<'_>) -> Result<Keyword, Diagnostic> {
    const HELP: &str = "for example `threshold:type limit, track by_src, count 1, seconds 60`";
    let words = ThresholdWords::read(value, true).map_err(|error| error.help(HELP))?;
    match (words.kind, words.track, words.count, words.seconds) {
        (Some(kind), Some(track), Some(count), Some(seconds)) => {
            Ok(Keyword::Threshold(Threshold { kind, track, count, seconds }))
        }
        _ => Err(value.invalid("it needs `type`, `track`, `count` and `seconds`").help(HELP)),
    }
}

fn detection_filter(value: &Value<'_>) -> Result<Keyword, Diagnostic> {
    const HELP: &str = "for example `detection_filter:track by_src, count 5, seconds 60`";
    let words = ThresholdWords::read(value, false).map_err(|error| error.help(HELP))?;
    match (words.kind, words.track, words.count, words.seconds) {
        (None, Some(track @ (Track::BySrc | Track::ByDst)), Some(count), Some(seconds)) => {
            if count == 0 || seconds == 0 {
                return Err(value.invalid("`count` and `seconds` cannot be 0").help(HELP));
            }
            Ok(Keyword::DetectionFilter(DetectionFilter { track, count, seconds }))
        }
        _ => Err(value.invalid("it needs `track` (by_src or by_dst), `count` and `seconds`").help(HELP)),
    }
}

fn tag(value: &Value<'_>) -> Result<Keyword, Diagnostic> {
    let fields: Vec<&str> = value.text.split(',').map(|field| field.trim_matches(char::is_whitespace)).collect();
    let is_metric = |word: &str| matches!(word, "packets" | "bytes" | "seconds");
    let is_number = |word: &str| word.bytes().all(|byte| byte.is_ascii_digit()) && word.parse::<u32>().is_ok();
    match fields[..] {
        ["host" | "session"] => {}
        ["host" | "session", count, metric] if is_number(count) && is_metric(metric) => {}
        ["host" | "session", count, metric, "src" | "dst"] if is_number(count) && is_metric(metric) => {}
        _ => {
            return Err(value
                .invalid("it is `host` or `session`, and how much to log")
                .help("for example `tag:session,5,packets` or `tag:host,60,seconds,src`"));
        }
    }
    Ok(Keyword::Tag(value.text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::super::test_value;
    use super::*;

    fn read(parse: fn(&Value<'_>) -> Result<Keyword, Diagnostic>, text: &str) -> Option<Keyword> {
        test_value("test", text, |value| parse(value).ok())
    }

    #[test]
    fn what_follows_a_threshold_is_passed_over() {
        let text = "track by_src, count 2, seconds 6x";
        let read_threshold = read(threshold, &format!("type limit, {text}"));
        assert!(matches!(read_threshold, Some(Keyword::Threshold(Threshold { seconds: 6, .. }))));
        assert!(read(detection_filter, text).is_none());
    }

    #[test]
    fn a_tag_says_what_and_how_much() {
        for text in ["host", "session,5,packets", " host , 0, seconds,dst"] {
            assert!(read(tag, text).is_some(), "{text}");
        }
        for text in ["", "hosts", "host,5", "host,5,pkts", "host,-5,bytes", "host,4294967296,bytes", "host,5,bytes,any"]
        {
            assert!(read(tag, text).is_none(), "{text}");
        }
    }

    #[test]
    fn flow_takes_three_words_that_agree() {
        assert_eq!(
            read(flow, "established, to_server ,no_stream"),
            Some(Keyword::Flow(Flow {
                direction: Some(Direction::ToServer),
                established: Some(true),
                stream: Some(FlowStream::NoStream),
                ..Flow::default()
            }))
        );
        assert!(read(flow, "not_established,stateless").is_some());
        for text in
            ["", "to_server,to_client", "established,stateless", "established,established", "to_sever", "a,b,c,d"]
        {
            assert_eq!(read(flow, text), None, "{text}");
        }
    }

    #[test]
    fn flowbits_names_may_be_alternatives() {
        assert_eq!(
            read(flowbits, "isset, a | b"),
            Some(Keyword::Flowbits(Flowbits::Bits { command: BitCommand::Isset, names: vec!["a".into(), "b".into()] }))
        );
        assert_eq!(read(flowbits, "noalert"), Some(Keyword::Flowbits(Flowbits::Noalert)));
        for text in ["set", "set,", "set,a b", "isset,a b|c", "Set,a", "noalert,a"] {
            assert_eq!(read(flowbits, text), None, "{text}");
        }
    }

    #[test]
    fn thresholds_take_their_words_in_any_order() {
        assert_eq!(
            read(threshold, "seconds 60, count 1,track by_src, type limit"),
            Some(Keyword::Threshold(Threshold {
                kind: ThresholdKind::Limit,
                track: Track::BySrc,
                count: 1,
                seconds: 60
            }))
        );
        assert_eq!(read(threshold, "type limit, track by_src, count 1"), None);
        assert_eq!(read(detection_filter, "track by_src, count 0, seconds 1"), None);
        assert!(read(detection_filter, "track by_dst, count 5, seconds 1").is_some());
    }

    #[test]
    fn xbits_need_a_track() {
        assert!(read(xbits, "set,a,track ip_src").is_some());
        assert!(read(xbits, "isset,a,track ip_pair,expire 10").is_some());
        assert_eq!(read(xbits, "set,a"), None);
        for text in [
            "set,a,track ip_src,expire 0",
            "set,a,track ip_src ,expire 1",
            "set,track ip_src",
            "noalert",
            "noalert,track ip_src",
        ] {
            assert_eq!(read(xbits, text), None, "{text}");
        }
    }

    #[test]
    fn hostbits_are_of_the_source_unless_said_otherwise() {
        let track = |text| match read(hostbits, text) {
            Some(Keyword::Hostbits(bits)) => Some(bits.track),
            _ => None,
        };
        assert_eq!(track("set,a"), Some(XbitTrack::Source));
        assert_eq!(track("isset , a , dst"), Some(XbitTrack::Destination));
        assert_eq!(read(hostbits, "noalert"), Some(Keyword::HostbitsNoalert));
        for text in ["set", "set,a b", "set,a,both", "set,a,src,3", "noalert,", "noalert,src"] {
            assert_eq!(read(hostbits, text), None, "{text}");
        }
    }
}
