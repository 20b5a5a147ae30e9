//! Rules that the analysis calls dead never decide: random policies, random traffic, many of the packets damaged.
//!
//! `FIREDRILL_FLOWS=1000000 cargo test --release --test never_decides` runs for longer.

#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a failed set-up is a failed test")]

use firedrill::capture::LinkType;
use firedrill::check::{Compiled, Dead};
use firedrill::detect::{CompileOptions, EngineProfile, Program};
use firedrill::engine::{Engine, EngineConfig};
use firedrill::policy::model::{DefaultAction, RuleOrder};
use firedrill::policy::{self, LoadOptions, StatefulOptions};
use firedrill::synth::{self, Ends, Hello, Shorthand};
use firedrill::verdict::{Alert, Cause, Decision, FlowRecord, RuleAction, RuleId, Sink, Verdict};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use std::collections::BTreeSet;
use std::fmt::Write;

#[path = "pieces/files.rs"]
mod files;
#[path = "pieces/kept.rs"]
mod kept;

use files::files;
use kept::{Kept, frames_in};

/// Conversations that are sent through random policies, unless `FIREDRILL_FLOWS` says how many.
const FLOWS: usize = 6_000;

/// The rules that decided about a frame or a flow, or were reported.
#[derive(Default)]
struct Heard {
    decided: BTreeSet<RuleId>,
    reported: BTreeSet<RuleId>,
    flows: usize,
    verdicts: Vec<Verdict>,
}

impl Sink for Heard {
    fn decision(&mut self, decision: &Decision) {
        self.verdicts.push(decision.verdict);
        if let Cause::Rule(rule) | Cause::FlowPassed(rule) | Cause::FlowDropped(Some(rule)) = decision.cause {
            self.decided.insert(rule);
        }
        if decision.verdict == Verdict::Reject
            && let Some(rule) = decision.drop_rule
        {
            self.decided.insert(rule);
        }
    }

    fn alert(&mut self, alert: &Alert) {
        self.reported.insert(alert.rule);
    }

    fn flow(&mut self, _: &FlowRecord) {
        self.flows += 1;
    }
}

fn replay(program: &Program, frames: &[Kept]) -> Heard {
    let mut engine = Engine::new(program, EngineConfig::default());
    let mut heard = Heard::default();
    for (number, frame) in (1..).zip(frames) {
        engine.process(&frame.frame(number), &mut heard);
    }
    engine.finish(&mut heard);
    heard
}

/// Dead rules of a policy, by sid, and its program.
struct Judged {
    program: Program,
    dead: BTreeSet<u32>,
    /// Those without which others do the same.
    superfluous: BTreeSet<u32>,
}

fn judge(text: &str, order: RuleOrder, profile: EngineProfile) -> Judged {
    let default_actions = (order == RuleOrder::Strict).then(|| vec![DefaultAction::DropEstablishedAppLayer]);
    let options = LoadOptions {
        stateful: StatefulOptions {
            order: Some(order),
            default_actions,
            home_net: Some("10.0.0.0/8,fd00::/8".to_owned()),
            ..StatefulOptions::default()
        },
        ..LoadOptions::default()
    };
    let mut loaded = policy::load_text("random.rules", text, &options).unwrap();
    let Some(policy) = loaded.policy.take() else { panic!("{text}: {:#?}", loaded.diagnostics) };
    let options = CompileOptions { profile, ..CompileOptions::default() };
    let compiled = Compiled::new(&policy, &mut loaded.sources, &options);
    assert!(compiled.refused.is_empty(), "{:#?}", compiled.refused);
    let dead = compiled.dead_rules();
    let superfluous = compiled.superfluous_rules(&dead);
    let program = compiled.program.unwrap();
    let sids = |all: &[Dead]| {
        let places: BTreeSet<u32> = all.iter().map(|dead| dead.rule).collect();
        let of_rules = program.places().zip(program.rules());
        of_rules.filter(|(place, _)| places.contains(place)).map(|(_, (_, rule))| rule.sid).collect()
    };
    let (dead, superfluous) = (sids(&dead), sids(&superfluous));
    Judged { program, dead, superfluous }
}

/// No dead rule decides, and none whose action is alert is reported.
fn check(what: &str, judged: &Judged, heard: &Heard) {
    let rule = |id: &RuleId| judged.program.rule(*id).unwrap();
    for id in &heard.decided {
        assert!(!judged.dead.contains(&rule(id).sid), "{what}\nrule {} was called dead and decides", rule(id).sid);
    }
    for id in &heard.reported {
        let alerts = rule(id).action == RuleAction::Alert;
        assert!(
            !alerts || !judged.dead.contains(&rule(id).sid),
            "{what}\nrule {} was called dead and reports",
            rule(id).sid
        );
    }
}

fn name() -> impl Strategy<Value = String> {
    let label = prop::sample::select(vec!["a", "b", "www"]);
    let top = prop::sample::select(vec!["com", "example.com"]);
    (prop::collection::vec(label, 0..3), top).prop_map(|(mut labels, top)| {
        labels.push(top);
        labels.join(".")
    })
}

fn name_test() -> impl Strategy<Value = String> {
    (name(), 0..9, prop::sample::select(vec!["", "nocase;"])).prop_map(|(name, shape, case)| match shape {
        0..3 => format!("dotprefix; content:\".{name}\"; endswith;{case}"),
        3..5 => format!("content:\"{name}\"; startswith; endswith;{case}"),
        5 => format!("content:\".{name}\"; endswith;{case}"),
        6 => format!("content:\"{name}\"; endswith;{case}"),
        7 => format!("content:\"{name}\";{case}"),
        _ => format!("content:!\"{name}\";{case}"),
    })
}

fn header() -> impl Strategy<Value = String> {
    let from =
        ["any", "any", "any", "$HOME_NET", "$HOME_NET", "$EXTERNAL_NET", "10.0.0.0/31", "10.0.0.2/31", "!10.0.0.1"];
    let to = ["any", "any", "any", "any", "$EXTERNAL_NET", "$HOME_NET", "203.0.113.0/28", "fd00::/8"];
    let port = ["any", "any", "any", "any", "443", "80", "1:1023", "!443", "1024:"];
    let client_port = ["any", "any", "any", "any", "any", "any", "any", "1024:", "443"];
    (
        prop::sample::select(from.to_vec()),
        prop::sample::select(client_port.to_vec()),
        prop::sample::select(vec!["->", "->", "->", "<>"]),
        prop::sample::select(to.to_vec()),
        prop::sample::select(port.to_vec()),
    )
        .prop_map(|(src, sport, arrow, dst, dport)| format!("{src} {sport} {arrow} {dst} {dport}"))
}

/// A rule without its number.
fn rule() -> impl Strategy<Value = (String, String)> {
    let action = prop::sample::select(vec!["pass", "pass", "drop", "drop", "alert", "reject"]);
    let flow = || {
        prop::sample::select(vec![
            "",
            "flow:to_server;",
            "flow:established,to_server;",
            "flow:to_server;",
            "flow:established;",
        ])
    };
    let hello = prop::sample::select(vec!["", "ssl_state:client_hello;"]);
    let options = prop_oneof![
        4 => (hello, name_test(), flow()).prop_map(|(hello, test, flow)| ("tls", format!("{hello} tls.sni; {test} {flow}"))),
        3 => (name_test(), flow()).prop_map(|(test, flow)| ("http", format!("http.host; {} {flow}", test.replace("nocase;", "")))),
        1 => name_test().prop_map(|test| ("dns", format!("dns.query; {test}"))),
        4 => (prop::sample::select(vec!["ip", "tcp", "udp", "tls", "http", "icmp", "dns"]), flow())
            .prop_map(|(protocol, flow)| (protocol, flow.to_owned())),
        3 => prop::sample::select(vec![
            ("tcp", "flags:S;"),
            ("tcp", "flags:S,CE;"),
            ("tcp", "flow:not_established;"),
            ("ip", "flow:stateless;"),
            ("tls", "ssl_state:client_hello; flow:established,to_server;"),
            ("tls", "ssl_state:client_hello; flow:to_server;"),
            ("tls", "ssl_state:server_hello;"),
            ("tcp", "app-layer-protocol:!tls; flow:established,to_server;"),
            ("http", "http.header_names; content:\"|0d 0a|\"; startswith; flow:established,to_server;"),
            ("http", "http.method; content:\"GET\";"),
            ("tcp", "content:\"GET\";"),
            ("tcp", "content:\"GET\"; flow:to_server;"),
            ("tcp", "dsize:>10;"),
            ("ip", "dsize:>10; flow:to_server;"),
            ("tcp", "flowbits:set,seen;"),
            ("tls", "flowbits:isset,seen; flow:to_server;"),
            ("ip", "threshold:type limit, track by_src, count 1, seconds 60;"),
            ("tcp", "ttl:<64;"),
            ("ip", "noalert;"),
        ])
        .prop_map(|(protocol, options)| (protocol, options.to_owned())),
    ];
    (action, header(), options)
        .prop_map(|(action, header, (protocol, options))| (format!("{action} {protocol} {header}"), options))
}

fn policy_text() -> impl Strategy<Value = String> {
    let again = (any::<prop::sample::Index>(), prop::sample::select(vec!["pass", "drop", "alert", "reject"]), header());
    (prop::collection::vec(rule(), 1..16), prop::collection::vec(again, 0..10)).prop_map(|(mut rules, again)| {
        // the same conditions once more, with another action and header
        for (which, action, header) in again {
            let (known, options) = which.get(&rules).clone();
            let protocol = known.split(' ').nth(1).unwrap();
            rules.push((format!("{action} {protocol} {header}"), options));
        }
        let lines = (1..).zip(rules).map(|(sid, (header, options))| format!("{header} ({options} sid:{sid};)\n"));
        lines.collect::<Vec<_>>().concat()
    })
}

#[derive(Clone, Debug)]
struct Talk {
    url: String,
    client: u8,
    port: u16,
    six: bool,
    damage: Vec<(usize, u8, u8)>,
}

fn talk() -> impl Strategy<Value = Talk> {
    let url = prop_oneof![
        4 => name().prop_map(|name| format!("https://{name}/")),
        1 => name().prop_map(|name| format!("https://{}/", name.to_uppercase())),
        3 => name().prop_map(|name| format!("http://{name}/a/b")),
        2 => name().prop_map(|name| format!("dns://{name}")),
        1 => name().prop_map(|name| format!("https://{name}:8443/")),
        1 => prop::sample::select(vec!["tcp://a.com:22", "tcp://a.com:443", "udp://a.com:443", "icmp://a.com"])
            .prop_map(str::to_owned),
    ];
    let damage =
        prop_oneof![2 => Just(Vec::new()), 1 => prop::collection::vec((0..12_usize, 0..5_u8, any::<u8>()), 1..4)];
    (url, 0..4_u8, 40_000..40_050_u16, any::<bool>(), damage).prop_map(|(url, client, port, six, damage)| Talk {
        url,
        client,
        port,
        six,
        damage,
    })
}

/// The frames of a conversation: some of them missing, doubled, exchanged, cut, or with a byte that is wrong.
fn frames_of(talk: &Talk, start_ns: i64) -> Vec<Kept> {
    let (client, server) = if talk.six {
        (format!("fd10::{}", talk.client), "2001:db8::7")
    } else {
        (format!("10.0.0.{}", talk.client), "203.0.113.7")
    };
    let ends = Ends { client: client.parse().unwrap(), server: server.parse().unwrap(), client_port: talk.port };
    let hello = if talk.port.is_multiple_of(2) { Hello::Classic } else { Hello::PostQuantum };
    let mut frames: Vec<Kept> =
        synth::frames(&Shorthand { hello: Some(hello), ..talk.url.parse().unwrap() }, ends, start_ns)
            .unwrap()
            .into_iter()
            .map(|frame| Kept {
                time_ns: frame.time_ns,
                link_type: LinkType(1),
                wire_len: frame.bytes.len() as u32,
                bytes: frame.bytes,
            })
            .collect();
    for &(at, how, byte) in &talk.damage {
        if frames.is_empty() {
            break;
        }
        let at = at % frames.len();
        match how {
            0 => _ = frames.remove(at),
            1 => {
                let Kept { time_ns, link_type, wire_len, ref bytes } = frames[at];
                let bytes = bytes.clone();
                frames.insert(at, Kept { time_ns, link_type, wire_len, bytes });
            }
            2 if at > 0 => {
                let (before, after) = frames.split_at_mut(at);
                std::mem::swap(&mut before[at - 1].bytes, &mut after[0].bytes);
            }
            3 => {
                let keep = 14 + usize::from(byte) % 60;
                frames[at].bytes.truncate(keep);
            }
            _ => {
                let place = 14 + usize::from(byte) % 54;
                if let Some(wrong) = frames[at].bytes.get_mut(place) {
                    *wrong ^= byte | 1;
                }
            }
        }
    }
    frames
}

/// The policy without its dead and superfluous rules; `None` when nothing else is left or nothing goes.
fn without(text: &str, judged: &Judged) -> Option<String> {
    let goes = |line: &str| {
        let sid: u32 = line.rsplit("sid:").next().unwrap().trim_end_matches(";)").parse().unwrap();
        judged.dead.contains(&sid) || judged.superfluous.contains(&sid)
    };
    let left: String = text.lines().filter(|line| !goes(line)).flat_map(|line| [line, "\n"]).collect();
    (!left.is_empty() && left != text).then_some(left)
}

fn flows_wanted() -> usize {
    std::env::var("FIREDRILL_FLOWS").ok().and_then(|n| n.parse().ok()).unwrap_or(FLOWS)
}

#[test]
fn dead_rules_never_decide_about_random_traffic() {
    let mut runner = TestRunner::deterministic();
    let (policies, talks) = (policy_text(), prop::collection::vec(talk(), 8..40));
    let (mut flows, mut dead, mut superfluous, mut turn) = (0, 0, 0, 0_usize);
    while flows < flows_wanted() {
        turn += 1;
        let text = policies.new_tree(&mut runner).unwrap().current();
        let talks = talks.new_tree(&mut runner).unwrap().current();
        let order = if turn % 2 == 0 { RuleOrder::Strict } else { RuleOrder::Action };
        let profile = if turn % 4 < 2 { EngineProfile::suricata_7() } else { EngineProfile::suricata_8() };
        let judged = judge(&text, order, profile);
        dead += judged.dead.len();
        let mut frames: Vec<Kept> = (0..)
            .zip(&talks)
            .flat_map(|(at, talk)| frames_of(talk, 1_700_000_000_000_000_000 + at * 20_000_000))
            .collect();
        frames.sort_by_key(|frame| frame.time_ns);
        let heard = replay(&judged.program, &frames);
        flows += heard.flows;
        let what = format!("{order:?} {}\n{text}{talks:#?}", judged.program.profile().name);
        check(&what, &judged, &heard);
        superfluous += judged.superfluous.len();
        if let Some(shorter) = without(&text, &judged) {
            let shorter_program = judge(&shorter, order, judged.program.profile().clone()).program;
            let verdicts = replay(&shorter_program, &frames).verdicts;
            // a pass behind a drop still keeps rejects behind it from answering
            let passes = |verdict: &Verdict| *verdict == Verdict::Pass;
            let mut pairs = heard.verdicts.iter().zip(&verdicts);
            let differs = pairs.position(|(with, without)| passes(with) != passes(without));
            assert_eq!(differs, None, "{what}\nwithout {:?} {:?}:\n{shorter}", judged.dead, judged.superfluous);
        }
    }
    println!("{flows} flows, {turn} policies, {dead} dead rules, {superfluous} superfluous");
    assert!(dead * 2 > turn, "{dead} dead rules in {turn} policies say little");
}

#[test]
fn dead_rules_never_decide_about_our_captures() {
    let paths = [files("pcaps/edge", ".pcap"), files("pcaps", ".pcap")].concat();
    let captures: Vec<Vec<Kept>> = paths.iter().map(|path| frames_in(path)).collect();
    assert!(captures.len() > 200);
    let mut runner = TestRunner::deterministic();
    let policies = policy_text();
    for turn in 0..24 {
        let text = policies.new_tree(&mut runner).unwrap().current();
        let order = if turn % 2 == 0 { RuleOrder::Strict } else { RuleOrder::Action };
        let profile = if turn % 4 < 2 { EngineProfile::suricata_7() } else { EngineProfile::suricata_8() };
        let judged = judge(&text, order, profile);
        for (path, frames) in paths.iter().zip(&captures) {
            check(&format!("{} {order:?}\n{text}", path.display()), &judged, &replay(&judged.program, frames));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_planted_dead_rule_is_found(options in prop::sample::select(vec![
        ("tls", "tls.sni; dotprefix; content:\".example.com\"; endswith; nocase; flow:to_server,established;",
            "tls.sni; content:\"WWW.example.com\"; startswith; endswith; flow:to_server,established;"),
        ("http", "http.host; dotprefix; content:\".example.com\"; endswith;",
            "http.host; dotprefix; content:\".a.example.com\"; endswith; flow:to_server;"),
        ("tcp", "", ""),
        ("tcp", "flow:to_server;", "flow:to_server; dsize:>5;"),
        ("ip", "", "ttl:>5; flow:to_server;"),
        ("tls", "ssl_state:client_hello; flow:established,to_server;",
            "ssl_state:client_hello; tls.sni; content:\"x\"; flow:established,to_server;"),
        ("http", "http.uri; content:\"/a\";", "http.uri; content:\"/a\"; flow:established;"),
    ]), noise in prop::collection::vec(rule(), 0..4)) {
        let (protocol, wide, narrow) = options;
        // what is written between may cover the last rule as well
        let is_alone = noise.is_empty();
        let mut text = format!("pass {protocol} 10.0.0.0/9 any -> any any ({wide} sid:1;)\n");
        writeln!(text, "pass {protocol} 10.128.0.0/9 any -> any any ({wide} sid:2;)").unwrap();
        for (sid, (header, options)) in (10..).zip(noise) {
            writeln!(text, "{header} ({options} sid:{sid};)").unwrap();
        }
        writeln!(text, "drop {protocol} 10.1.0.0/16 any -> any 1:1000 ({narrow} sid:3;)").unwrap();
        writeln!(text, "drop {protocol} 10.0.0.0/8 any -> any any ({narrow} sid:4;)").unwrap();
        writeln!(text, "drop {protocol} 9.0.0.0/7 any -> any any ({narrow} sid:5;)").unwrap();
        let found = judge(&text, RuleOrder::Strict, EngineProfile::suricata_7()).dead;
        prop_assert!(found.contains(&3) && found.contains(&4) && !(is_alone && found.contains(&5)), "{found:?}\n{text}");
    }
}
