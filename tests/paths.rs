//! The fast path gives what the plain path gives: decision by decision, alert by alert, flow by flow.
//!
//! Once over our own captures with all rule files of the golden answers, and once over rules and conversations made up
//! at random, domain lists of every shape among them.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a failed set-up is a failed test")]

use firedrill::capture::LinkType;
use firedrill::detect::{CompileOptions, Countries, Program, RulePath};
use firedrill::engine::{Engine, EngineConfig};
use firedrill::policy::model::{DefaultAction, RuleOrder};
use firedrill::policy::{self, LoadOptions, StatefulOptions};
use firedrill::synth::{self, Ends, Hello, Shorthand};
use proptest::prelude::*;
use std::fmt::Write;
use std::path::{Path, PathBuf};

#[path = "pieces/engine.rs"]
mod engine;
#[path = "pieces/files.rs"]
mod files;
#[path = "pieces/heard.rs"]
mod heard;
#[path = "pieces/kept.rs"]
mod kept;

use engine::for_its_engine;
use files::files;
use heard::{Heard, Said};
use kept::{Kept, frames_in};

fn replay(program: &Program, frames: &[Kept], path: RulePath) -> Vec<Said> {
    let mut engine = Engine::new(program, EngineConfig { path, ..EngineConfig::default() });
    let mut heard = Heard::default();
    for (number, frame) in (1..).zip(frames) {
        engine.process(&frame.frame(number), &mut heard);
    }
    engine.finish(&mut heard);
    heard.0
}

/// Both paths over the same frames; how many alerts there were.
fn compare(what: &str, program: &Program, frames: &[Kept]) -> usize {
    let fast = replay(program, frames, RulePath::Fast);
    let plain = replay(program, frames, RulePath::Plain);
    if fast != plain {
        let first =
            fast.iter().zip(&plain).position(|(fast, plain)| fast != plain).unwrap_or(fast.len().min(plain.len()));
        panic!(
            "{what}: record {first} is {:?} on the fast path, {:?} on the plain path",
            fast.get(first),
            plain.get(first)
        );
    }
    fast.iter().filter(|said| matches!(said, Said::Alert(_))).count()
}

fn options(order: RuleOrder) -> LoadOptions {
    let default_actions = (order == RuleOrder::Strict)
        .then(|| vec![DefaultAction::DropEstablishedAppLayer, DefaultAction::AlertEstablishedAppLayer]);
    LoadOptions {
        stateful: StatefulOptions {
            order: Some(order),
            default_actions,
            home_net: Some("10.0.0.0/8,192.168.0.0/16,fd00::/8".to_owned()),
            ..StatefulOptions::default()
        },
        ip_sets: vec![
            ("NOTEBOOKS".to_owned(), "10.2.1.0/24,2001:db8:2:1::/64".to_owned()),
            ("SERVERS".to_owned(), "198.51.100.0/24,2001:db8:100::/40".to_owned()),
        ],
        port_sets: vec![
            ("HIGH".to_owned(), "1024:65535,!45000:45100".to_owned()),
            ("WEB".to_owned(), "80,443,8000:8100".to_owned()),
        ],
        ..LoadOptions::default()
    }
}

fn compile(name: &str, text: &str, options: &LoadOptions) -> Program {
    let (mut loaded, profile) = for_its_engine(options, |options| policy::load_text(name, text, options));
    let Some(policy) = loaded.policy.take() else { panic!("{name}: {:#?}", loaded.diagnostics) };
    let countries = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/geoip/countries.mmdb");
    let countries = Countries::new(std::fs::read(&countries).unwrap(), countries).unwrap();
    let compile_options = CompileOptions { countries: Some(countries), profile, ..CompileOptions::default() };
    Program::compile(&policy, &mut loaded.sources, &compile_options)
        .unwrap_or_else(|problems| panic!("{name}: {problems:#?}"))
}

#[test]
fn our_captures_and_rules() {
    let captures: Vec<(PathBuf, Vec<Kept>)> = [files("pcaps/edge", ".pcap"), files("pcaps", ".pcap")]
        .concat()
        .into_iter()
        .map(|path| (path.clone(), frames_in(&path)))
        .collect();
    assert!(captures.len() > 200, "{} captures", captures.len());
    let files = files("tests/golden/rules", ".rules");
    assert!(files.len() > 20, "{} rule files", files.len());
    let mut alerts = 0;
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        for order in [RuleOrder::Action, RuleOrder::Strict] {
            let program = compile(&file.display().to_string(), &text, &options(order));
            for (capture, frames) in &captures {
                alerts += compare(&format!("{} {order:?} {}", capture.display(), file.display()), &program, frames);
            }
        }
    }
    assert!(alerts > 1000, "{alerts} alerts say little about anything");
}

/// Names that are often equal, often below each other, and sometimes only look like it.
fn name() -> impl Strategy<Value = String> {
    let label = prop::sample::select(vec!["a", "b", "www", "xn--a", "a-b", "example"]);
    let top = prop::sample::select(vec!["com", "org", "example.com", "co.uk"]);
    (prop::collection::vec(label, 1..4), top).prop_map(|(labels, top)| format!("{}.{top}", labels.join(".")))
}

/// Contents of the payload that requests and hellos often hold, and some that they do not.
fn payload_rule() -> impl Strategy<Value = (&'static str, String)> {
    let content = prop::sample::select(vec![
        "GET ",
        "HTTP/1.1|0d 0a|",
        "Host|3a| ",
        "a.",
        ".com",
        "www",
        "|16 03|",
        "|00 00|",
        "User-Agent",
        "x",
        "zzz",
        "ET /",
    ]);
    let protocol = prop::sample::select(vec!["tcp", "tcp", "ip", "http", "tls", "udp", "tcp-stream"]);
    (content, protocol, 0..9).prop_map(|(content, protocol, shape)| {
        let protocol = match shape {
            5 => "tcp-pkt",
            6 | 7 => "http",
            _ => protocol,
        };
        (protocol, payload_test(content, shape))
    })
}

fn payload_test(content: &str, shape: i32) -> String {
    match shape {
        0 => format!("content:\"{content}\"; startswith;"),
        1 => format!("content:\"{content}\"; nocase; content:\"a\"; distance:0;"),
        2 => format!("content:!\"{content}\";"),
        3 => format!("content:\"{content}\"; offset:4; depth:40;"),
        4 => format!("pcre:\"/[a-z]{{3}}/\"; content:\"{content}\";"),
        5 => format!("dsize:>20; content:\"{content}\";"),
        6 => format!("content:\"{content}\"; http.method; content:\"GET\"; fast_pattern;"),
        7 => format!("content:\"{content}\"; fast_pattern; http.uri; content:\"/\";"),
        _ => format!("content:\"{content}\";"),
    }
}

/// The test of a name, as domain lists have it and as people write it.
fn name_test() -> impl Strategy<Value = String> {
    (name(), 0..8).prop_map(|(name, shape)| match shape {
        0 | 1 => format!("dotprefix; content:\".{name}\"; endswith;"),
        2 => format!("content:\"{name}\"; startswith; endswith;"),
        3 => format!("content:\".{name}\"; endswith;"),
        4 => format!("content:\"{name}\";"),
        5 => format!("content:\"{}\"; content:\".\"; distance:0;", name.split('.').next().unwrap()),
        6 => format!("content:!\"{name}\";"),
        _ => format!("dotprefix; content:\"{name}\"; endswith; content:!\".b.\";"),
    })
}

fn header() -> impl Strategy<Value = String> {
    let addresses = || {
        prop::sample::select(vec![
            "any",
            "any",
            "$HOME_NET",
            "$EXTERNAL_NET",
            "10.0.0.1",
            "!10.0.0.1",
            "[10.0.0.0/8,!10.0.0.2]",
            "203.0.113.0/28",
            "203.0.113.7",
            "2001:db8::/32",
            "!$HOME_NET",
        ])
    };
    let ports = || {
        prop::sample::select(vec!["any", "any", "443", "80", "[80,443]", "!53", "1:1023", "40000:", "[1:1023,!443]"])
    };
    (addresses(), ports(), prop::sample::select(vec!["->", "->", "<>"]), addresses(), ports())
        .prop_map(|(src, sport, arrow, dst, dport)| format!("{src} {sport} {arrow} {dst} {dport}"))
}

fn rule() -> impl Strategy<Value = (String, String)> {
    let action = prop::sample::select(vec!["pass", "drop", "alert", "alert", "reject"]);
    let options = prop_oneof![
        3 => name_test().prop_map(|test| ("tls", format!("tls.sni; {test}"))),
        2 => name_test().prop_map(|test| ("http", format!("http.host; {test}"))),
        1 => name_test().prop_map(|test| ("dns", format!("dns.query; {test}"))),
        3 => payload_rule(),
        1 => prop::sample::select(vec![
            ("ip", ""),
            ("tcp", ""),
            ("udp", ""),
            ("icmp", ""),
            ("tls", ""),
            ("http", ""),
            ("tcp", "flow:established,to_server;"),
            ("tcp", "flags:S;"),
            ("ip", "flow:stateless;"),
            ("tls", "ssl_state:client_hello; flow:established,to_server;"),
            ("tcp", "app-layer-protocol:!tls; flow:to_server;"),
            ("http", "http.header_names; content:\"|0d 0a|\"; startswith;"),
            ("http", "http.uri; content:\"/\"; startswith;"),
            ("tcp", "flowbits:set,seen;"),
            ("tls", "flowbits:isset,seen; flow:to_server;"),
            ("http", "flowbits:isnotset,seen; flowbits:set,other; flow:to_server;"),
            ("ip", "xbits:isset,marked,track ip_src;"),
            ("ip", "xbits:isnotset,marked,track ip_pair; hostbits:toggle,marked,dst;"),
            ("tls", "tls.sni; content:\"a\"; xbits:set,marked,track ip_src,expire 1;"),
            ("tcp", "flowint:count,+,1; threshold:type limit, track by_src, count 2, seconds 1;"),
            ("ip", "flowint:count,>,2; detection_filter:track by_dst, count 1, seconds 10;"),
            ("http", "http.host; content:\"a\"; threshold:type both, track by_rule, count 2, seconds 60;"),
            ("ip", "threshold:type threshold, track by_both, count 3, seconds 60; noalert;"),
        ])
        .prop_map(|(protocol, options)| (protocol, options.to_owned())),
    ];
    (action, header(), options)
        .prop_map(|(action, header, (protocol, options))| (format!("{action} {protocol} {header}"), options))
}

fn talk() -> impl Strategy<Value = (String, u8, u16, bool)> {
    let url = prop_oneof![
        4 => name().prop_map(|name| format!("https://{name}/")),
        1 => name().prop_map(|name| format!("https://{}/", name.to_uppercase())),
        3 => name().prop_map(|name| format!("http://{name}/a/b")),
        2 => name().prop_map(|name| format!("dns://{name}")),
        1 => name().prop_map(|name| format!("https://{name}:8443/")),
        1 => prop::sample::select(vec!["tcp://a.com:22", "udp://a.com:443", "icmp://a.com"]).prop_map(str::to_owned),
    ];
    (url, 1..4_u8, 40_000..40_050_u16, any::<bool>())
}

fn conversations(talks: &[(String, u8, u16, bool)]) -> Vec<Kept> {
    let mut frames = Vec::new();
    for (at, (url, client, port, six)) in (0..).zip(talks) {
        let ends = if *six {
            Ends {
                client: format!("fd10::{client}").parse().unwrap(),
                server: "2001:db8::7".parse().unwrap(),
                client_port: *port,
            }
        } else {
            Ends {
                client: format!("10.0.0.{client}").parse().unwrap(),
                server: "203.0.113.7".parse().unwrap(),
                client_port: *port,
            }
        };
        let hello = if port % 2 == 0 { Hello::Classic } else { Hello::PostQuantum };
        let wanted = Shorthand { hello: Some(hello), ..url.parse().unwrap() };
        // half of them overlap with the one before
        let frames_of_talk = synth::frames(&wanted, ends, 1_700_000_000_000_000_000 + at * 20_000_000).unwrap();
        frames.extend(frames_of_talk.into_iter().map(|frame| Kept {
            time_ns: frame.time_ns,
            link_type: LinkType(1),
            wire_len: frame.bytes.len() as u32,
            bytes: frame.bytes,
        }));
    }
    frames.sort_by_key(|frame| frame.time_ns);
    frames
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn rules_and_conversations_at_random(
        rules in prop::collection::vec(rule(), 1..60),
        talks in prop::collection::vec(talk(), 1..12),
        strict: bool,
    ) {
        let mut text = String::new();
        for (sid, (header, options)) in (1..).zip(&rules) {
            writeln!(text, "{header} ({options} sid:{sid};)").unwrap();
        }
        let order = if strict { RuleOrder::Strict } else { RuleOrder::Action };
        let program = compile("random.rules", &text, &options(order));
        compare(&text, &program, &conversations(&talks));
    }
}
