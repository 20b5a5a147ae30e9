//! Well-known traps, named where a flow is in one.
//!
//! Each is a question about the story: whether what makes the trap is there. Nothing is said about a policy as such; that
//! is what checks of policies are for.

use super::names::Answers;
use super::question::shown;
use super::reason::Condition;
use super::recorder::{Fragment, PacketFacts};
use super::story::{Candidate, Explanation, Fate, FlowEvent, PacketStory};
use super::written::{Subject, names_of};
use crate::app::AppProto;
use crate::detect::trace::Miss;
use crate::policy::model::{DefaultAction, RuleOrder};
use crate::report::units::counted;
use crate::rules::Protocol;
use crate::synth::HomeNet;
use crate::verdict::{Cause, Direction, RuleAction, Stage, Verdict};
use std::net::IpAddr;

/// A trap that a flow is in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pitfall {
    /// Its name in JSON and in `docs/explain.md`.
    pub id: &'static str,
    /// What it is, in a few words.
    pub title: &'static str,
    /// What it does here, and what to do about it.
    pub text: String,
}

/// What all questions are asked of.
struct Case<'c, 'a> {
    subject: &'c Subject<'a>,
    story: &'c Explanation,
    /// The closest miss of every rule.
    misses: &'c [Candidate],
    answers: &'c Answers,
}

type Question = fn(&Case<'_, '_>) -> Option<String>;

/// The traps, in the order in which a packet comes by them.
const TRAPS: &[(&str, &str, Question)] = &[
    ("fragments", "fragments never reach the stateful engine whole", fragments),
    ("stateless-return", "a stateless rule covers one direction only", stateless_return),
    ("home-net", "HOME_NET does not hold the client", home_net),
    ("midstream", "the firewall has not seen the connection begin", midstream),
    ("one-direction", "only one direction of the connection comes by", one_direction),
    ("drop-strict-handshake", "drop_strict drops the handshake", drop_strict),
    ("drop-established-other", "drop_established drops everything but TCP", drop_established_other),
    ("decided-on-handshake", "the flow is settled before its protocol is known", decided_on_handshake),
    ("split-hello", "the ClientHello comes in several segments", split_hello),
    ("pass-before-drop", "in action order a pass comes before every drop", pass_before_drop),
    ("no-sni", "the ClientHello names no server", no_sni),
    ("forged-name", "the server's name does not fit its address", forged_name),
    ("quic", "QUIC is not TLS", quic),
    ("ip-literal", "the host is an address", ip_literal),
    ("other-port", "the protocol is not on its usual port", other_port),
    ("no-default", "strict order without a default action lets everything else pass", no_default),
    ("silent-drop", "the default action drops without a word", silent_drop),
];

/// The traps that a flow is in.
pub(super) fn of(subject: &Subject<'_>, story: &Explanation, misses: &[Candidate], answers: &Answers) -> Vec<Pitfall> {
    let case = Case { subject, story, misses, answers };
    TRAPS.iter().filter_map(|&(id, title, asks)| Some(Pitfall { id, title, text: asks(&case)? })).collect()
}

impl Case<'_, '_> {
    fn refused(&self) -> bool {
        self.story.outcome.verdict != Verdict::Pass
    }

    /// The packet that decided, where frames could be decoded.
    fn decider(&self) -> Option<(&PacketStory, &PacketFacts)> {
        let packet = self.story.decider()?;
        Some((packet, packet.facts.as_ref()?))
    }

    /// The default action whose model decided.
    fn default_action(&self) -> Option<DefaultAction> {
        let rule = self.story.outcome.rule.as_ref()?;
        self.subject.program.rule(rule.id)?.default_action
    }

    fn app_proto(&self) -> AppProto {
        self.story.flow.as_ref().map_or(AppProto::Unknown, |flow| flow.app_proto)
    }

    /// Some rule of the policy's own is about a protocol and does one of these.
    fn has_rule(&self, protocols: &[Protocol], actions: &[RuleAction]) -> bool {
        self.subject.own_rules().any(|rule| {
            rule.app_protocol.is_some_and(|app| protocols.is_empty() || protocols.contains(&app))
                && (actions.is_empty() || actions.contains(&rule.action.value))
        })
    }

    /// Rules that found a buffer missing, or that looked for something in it in vain.
    fn misses_in(&self, buffer: &'static str) -> impl Iterator<Item = &Candidate> {
        self.misses.iter().filter(move |candidate| {
            let Condition::Option(option) = candidate.reason.condition else { return false };
            self.subject.written(candidate.rule.id).and_then(|written| written.buffer(option)) == Some(buffer)
        })
    }

    fn happened(&self, event: &FlowEvent) -> Option<u64> {
        self.story.packets.iter().find(|packet| packet.events.contains(event)).map(|packet| packet.frame_no)
    }

    fn server(&self) -> Option<(IpAddr, Option<u16>)> {
        self.story.ends.map(|[_, server]| server)
    }
}

fn fragments(case: &Case<'_, '_>) -> Option<String> {
    let (packet, facts) = case.decider()?;
    if !matches!(facts.fragment, Some(Fragment::Part(_))) {
        return None;
    }
    match packet.decision.cause {
        Cause::StatelessFragment => Some(
            "fragments of other protocols than UDP are dropped whatever the defaults say, unless a stateless rule \
             matches them; keep packets below the path's MTU"
                .to_owned(),
        ),
        Cause::StatelessFragmentDefault => Some(format!(
            "a UDP fragment that no stateless rule matches meets StatelessFragmentDefaultActions, which have {} it; rules \
             about ports match first fragments only",
            if packet.decision.verdict == Verdict::Pass { "passed" } else { "dropped" }
        )),
        _ => None,
    }
}

fn stateless_return(case: &Case<'_, '_>) -> Option<String> {
    let packets = || {
        case.story.packets.iter().filter_map(|packet| {
            let ends = packet.facts.as_ref()?.ends?;
            Some((ends, packet.stateless.as_ref()?, packet))
        })
    };
    let (first, ..) = packets().next()?;
    let is_stateless_pass =
        |packet: &PacketStory| packet.decision.stage == Stage::Stateless && packet.decision.verdict == Verdict::Pass;
    let passed = |there: bool| {
        packets().filter(|(ends, ..)| (*ends == first) == there).find(|(.., packet)| is_stateless_pass(packet))
    };
    let other = |there: bool| {
        packets().filter(|(ends, ..)| (*ends == first) == there).find(|(.., packet)| !is_stateless_pass(packet))
    };
    let there = passed(true).zip(other(false));
    let ((_, passed, at), (_, other, there)) = there.or_else(|| passed(false).zip(other(true)))?;
    Some(format!(
        "{} passes packet {}, but packet {} of the other direction is {} by {}: stateless rules know no connections, so \
         that each direction needs a rule of its own",
        passed.by, at.frame_no, there.frame_no, other.action, other.by
    ))
}

fn home_net(case: &Case<'_, '_>) -> Option<String> {
    let home = HomeNet::of(case.subject.policy);
    let [(client, _), (server, _)] = case.story.ends?;
    if home.nets.is_empty() || home.contains(client) || home.contains(server) {
        return None;
    }
    let misses = case.misses.iter().filter(|candidate| {
        let Some(written) = case.subject.written(candidate.rule.id) else { return false };
        let expr = match candidate.reason.condition {
            Condition::Source => &written.rule.source.value,
            Condition::Destination => &written.rule.destination.value,
            _ => return false,
        };
        let mut names = Vec::new();
        names_of(expr, &mut names);
        names.iter().any(|name| matches!(*name, "HOME_NET" | "EXTERNAL_NET"))
    });
    let first = misses.clone().next()?;
    let more = match misses.count() {
        1 => String::new(),
        n => format!(" and {}", counted(n as u64 - 1, "other rule")),
    };
    Some(format!(
        "{client} is not in HOME_NET, so that {}{more} cannot match: {}; HOME_NET is the VPC of the firewall unless the \
         policy or the rule group says otherwise, and must hold every network whose traffic is inspected",
        first.rule.name, first.reason.found
    ))
}

fn midstream(case: &Case<'_, '_>) -> Option<String> {
    let is_exception =
        matches!(case.story.outcome.cause, Cause::StreamException | Cause::Exception(_) | Cause::FlowDropped(None));
    let first = case.story.packets.first()?.facts.as_ref()?;
    (is_exception && case.story.proto == 6 && !first.is_syn()).then(|| {
        format!(
            "the first packet here is not a SYN, so that the stream exception policy decides ({}); it happens after \
             asymmetric routing (transit gateway without appliance mode), an idle time-out, a flow flush or a restart",
            case.story.outcome.by
        )
    })
}

fn one_direction(case: &Case<'_, '_>) -> Option<String> {
    const FEW: usize = 3;
    let flow = case.story.flow.as_ref()?;
    let mut directions = case.story.packets.iter().filter_map(|packet| packet.direction);
    let first = directions.next()?;
    let n = case.story.packets.len();
    let opens = case.story.packets.first()?.facts.as_ref().is_some_and(PacketFacts::is_syn);
    let has_data = case.story.packets.iter().filter_map(|packet| packet.facts.as_ref()).any(|f| f.payload_len > 0);
    (flow.proto == 6 && opens && has_data && n >= FEW && directions.all(|direction| direction == first)).then(|| {
        "packets of one side only come by, so that the connection is never established for the engine and rules with \
         flow:established do not look at it; both directions must cross the same firewall endpoint"
            .to_owned()
    })
}

fn drop_strict(case: &Case<'_, '_>) -> Option<String> {
    let (packet, facts) = case.decider()?;
    let is_handshake = case.story.proto == 6 && facts.payload_len == 0 && !case.app_proto_known_at(packet.frame_no);
    let passes = case.has_rule(&[], &[RuleAction::Pass]);
    (case.default_action() == Some(DefaultAction::DropStrict) && is_handshake && passes).then(|| {
        format!(
            "packet {} ({}) has no application protocol yet, and drop_strict drops whatever no rule passes: rules about \
             names never get to see a name; pass the handshake with a rule (tcp, flow:not_established), or use \
             drop_established",
            packet.frame_no, packet.what
        )
    })
}

fn drop_established_other(case: &Case<'_, '_>) -> Option<String> {
    let drops = matches!(case.default_action(), Some(DefaultAction::DropEstablished));
    (drops && case.story.proto != 6).then(|| {
        "UDP and ICMP know no handshake and are dropped from the first packet on, DNS among them; pass what is needed \
         with a rule"
            .to_owned()
    })
}

fn decided_on_handshake(case: &Case<'_, '_>) -> Option<String> {
    let (packet, facts) = case.decider()?;
    let rule = case.story.outcome.rule.as_ref().filter(|rule| rule.action == RuleAction::Pass)?;
    let early = case.story.proto == 6 && facts.payload_len == 0 && !case.app_proto_known_at(packet.frame_no);
    let later = case.has_rule(&[], &[RuleAction::Drop, RuleAction::Reject]);
    (early && later && case.story.outcome.covers_flow).then(|| {
        format!(
            "{} is about addresses and ports only and passes the whole flow at packet {}, so that no rule about an \
             application protocol looks at it; add flow:to_server,established or a protocol to it",
            rule.name, packet.frame_no
        )
    })
}

fn split_hello(case: &Case<'_, '_>) -> Option<String> {
    let (packet, facts) = case.decider()?;
    let speaks_tls = case.happened(&FlowEvent::Speaks(Direction::ToServer, AppProto::Tls))? <= packet.frame_no;
    let complete = case.happened(&FlowEvent::HelloRead).is_some_and(|at| at <= packet.frame_no);
    let of_client = packet.direction == Some(Direction::ToServer) && facts.payload_len > 0;
    (case.refused() && speaks_tls && !complete && of_client).then(|| {
        format!(
            "{} decides at packet {}, before the ClientHello is complete and the server's name is known; post-quantum key \
             shares make hellos longer than a segment; let the rule wait (ssl_state:client_hello), or use \
             drop_established_app_layer",
            case.story.outcome.by, packet.frame_no
        )
    })
}

fn pass_before_drop(case: &Case<'_, '_>) -> Option<String> {
    let (packet, _) = case.decider()?;
    let rule = case.story.outcome.rule.as_ref().filter(|rule| rule.action == RuleAction::Pass)?;
    if case.subject.policy.stateful.order != RuleOrder::Action {
        return None;
    }
    let place = |id| case.subject.program.place(id);
    let drop = packet.matched.iter().find(|matched| {
        matched.fate == Fate::BehindPass
            && matches!(matched.rule.action, RuleAction::Drop | RuleAction::Reject)
            && place(matched.rule.id) < place(rule.id)
    })?;
    Some(format!(
        "{} matches this packet and is written before {}, but pass rules are evaluated first; use strict order if the \
         order in which rules are written is to count",
        drop.rule.name, rule.name
    ))
}

fn no_sni(case: &Case<'_, '_>) -> Option<String> {
    case.happened(&FlowEvent::HelloRead)?;
    let flow = case.story.flow.as_ref().filter(|flow| flow.sni.is_none())?;
    let first = case.misses_in("tls.sni").find(|candidate| matches!(candidate.reason.miss, Miss::Absent(_)))?;
    let server = shown(flow.ends[1]);
    Some(format!(
        "clients send no server name for an address, and old ones never do: {} and other rules about tls.sni cannot match \
         what goes to {server}; pass such a server by its address",
        first.rule.name
    ))
}

fn forged_name(case: &Case<'_, '_>) -> Option<String> {
    let flow = case.story.flow.as_ref()?;
    let by_name =
        case.story.outcome.evidence.iter().any(|evidence| matches!(evidence.buffer, Some("tls.sni" | "http.host")));
    if case.refused() || !by_name {
        return None;
    }
    let name = flow.sni.as_ref().or(flow.hosts.first())?;
    let (server, _) = case.server()?;
    let said = match (case.answers.of(name), case.answers.name_of(server)) {
        (Some(addresses), _) if addresses.contains(&server) => return None,
        (Some(addresses), _) => {
            let shown: Vec<String> = addresses.iter().take(3).map(ToString::to_string).collect();
            format!("the addresses known for it are {}", shown.join(", "))
        }
        (None, Some(other)) => format!("that address was given for {other}"),
        (None, None) => return None,
    };
    Some(format!(
        "the packet says {name} and goes to {server}, but {said}; the engine believes the name that the client sends, and \
         looks nothing up"
    ))
}

fn quic(case: &Case<'_, '_>) -> Option<String> {
    let about_quic = case.story.outcome.rule.as_ref().is_some_and(|rule| {
        let written = case.subject.written(rule.id);
        written.is_some_and(|written| written.rule.app_protocol == Some(Protocol::Quic))
    });
    (case.app_proto() == AppProto::Quic && case.has_rule(&[Protocol::Tls], &[]) && !about_quic).then(|| {
        "rules about tls do not look at QUIC (HTTP/3), whose hellos go over UDP; drop UDP to port 443, so that clients \
         fall back to TLS, or write rules about quic"
            .to_owned()
    })
}

fn ip_literal(case: &Case<'_, '_>) -> Option<String> {
    let flow = case.story.flow.as_ref()?;
    let names = flow.hosts.iter().chain(&flow.sni);
    let literal = names.into_iter().find(|name| {
        let bare =
            name.rsplit_once(':').filter(|(_, port)| port.parse::<u16>().is_ok()).map_or(name.as_str(), |(h, _)| h);
        bare.trim_matches(['[', ']']).parse::<IpAddr>().is_ok() || name.parse::<IpAddr>().is_ok()
    })?;
    let first = case.misses_in("http.host").chain(case.misses_in("tls.sni")).next()?;
    Some(format!(
        "the client asks for {literal} instead of a name, which {} and other rules about names cannot match; pass such a \
         server by its address",
        first.rule.name
    ))
}

fn other_port(case: &Case<'_, '_>) -> Option<String> {
    let (_, Some(port)) = case.server()? else { return None };
    let (name, usual) = match case.app_proto() {
        AppProto::Http1 => ("http", 80),
        AppProto::Tls => ("tls", 443),
        _ => return None,
    };
    if port == usual || case.story.proto != 6 {
        return None;
    }
    let by_port = case.misses.iter().find(|candidate| {
        let to_server = case
            .story
            .packets
            .iter()
            .any(|packet| packet.frame_no == candidate.frame_no && packet.direction == Some(Direction::ToServer));
        candidate.reason.condition == Condition::DestinationPort && to_server
    });
    let decided = case.story.outcome.rule.as_ref().filter(|rule| {
        let written = case.subject.written(rule.id);
        written.is_some_and(|written| {
            written.rule.app_protocol.is_some()
                && written.rule.destination_port.value == crate::rules::ast::PortExpr::Any
        })
    });
    match (by_port, decided) {
        (_, Some(rule)) => Some(format!(
            "the protocol is recognised by what is said, not by the port: {} is about {name} on every port and decides on \
             port {port}, too",
            rule.name
        )),
        (Some(candidate), None) => Some(format!(
            "{} is tied to port {} and misses {name} on port {port}; the protocol is recognised on every port",
            candidate.rule.name, candidate.reason.written
        )),
        (None, None) => None,
    }
}

fn no_default(case: &Case<'_, '_>) -> Option<String> {
    let stateful = &case.subject.policy.stateful;
    let drops = stateful.default_actions.iter().any(|action| action.value.drops());
    let silent = case.story.outcome.cause == Cause::NoRule && case.decider()?.0.decision.stage == Stage::Stateful;
    let passes = case.subject.own_rules().any(|rule| rule.action.value == RuleAction::Pass);
    (stateful.order == RuleOrder::Strict && !drops && stateful.default_action_rules.is_none() && silent && passes).then(
        || {
            "no rule matched, and no default action drops what no rule matches: pass rules alone restrict nothing; add \
             drop_established or another default action"
                .to_owned()
        },
    )
}

fn silent_drop(case: &Case<'_, '_>) -> Option<String> {
    let action = case.default_action().filter(|action| action.drops())?;
    let partner = format!("alert_{}", action.name().trim_start_matches("drop_"));
    let others = &case.subject.policy.stateful.default_actions;
    (!others.iter().any(|other| other.value.name() == partner)).then(|| {
        format!("{} writes no log; add aws:{partner} beside it, or drops leave no trace but a metric", action.name())
    })
}

impl Case<'_, '_> {
    /// What the client speaks is known at a packet.
    fn app_proto_known_at(&self, frame_no: u64) -> bool {
        self.story
            .packets
            .iter()
            .take_while(|packet| packet.frame_no <= frame_no)
            .any(|packet| packet.events.iter().any(|event| matches!(event, FlowEvent::Speaks(..))))
    }
}
