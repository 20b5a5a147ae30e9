//! Several engines at once say what one engine says: decision by decision, alert by alert, flow by flow.
//!
//! Over our own captures, alone and merged, with many of the rule files of the golden answers; and over conversations made
//! up at random, some of them in fragments or tunnels, with errors about them, and with time passing.

#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a failed set-up is a failed test")]

use etherparse::PacketBuilder;
use firedrill::capture::write::PcapWriter;
use firedrill::capture::{Capture, CaptureError, CaptureOptions, LinkType};
use firedrill::defrag::DefragConfig;
use firedrill::detect::{CompileOptions, EngineProfile, Program};
use firedrill::engine::{self, Engine, EngineConfig};
use firedrill::policy::model::RuleOrder;
use firedrill::policy::{self, LoadOptions, StatefulOptions};
use firedrill::synth::{self, Ends, Shorthand};
use proptest::prelude::*;
use std::io::{Cursor, Read};
use std::path::PathBuf;

#[path = "pieces/files.rs"]
mod files;
#[path = "pieces/heard.rs"]
mod heard;

use files::files;
use heard::{Heard, Said};

fn compile(name: &str, text: &str, profile: EngineProfile) -> Option<Program> {
    let options = LoadOptions {
        stateful: StatefulOptions {
            order: Some(RuleOrder::Action),
            home_net: Some("10.0.0.0/8,fd00::/8".to_owned()),
            ..StatefulOptions::default()
        },
        ip_sets: ["NOTEBOOKS", "SERVERS"].map(|name| (name.to_owned(), "10.2.0.0/16".to_owned())).to_vec(),
        port_sets: ["HIGH", "WEB"].map(|name| (name.to_owned(), "80:9000".to_owned())).to_vec(),
        ..LoadOptions::default()
    };
    let mut loaded = policy::load_text(name, text, &options).ok()?;
    let policy = loaded.policy.take()?;
    Program::compile(&policy, &mut loaded.sources, &CompileOptions { profile, ..CompileOptions::default() }).ok()
}

/// What one engine says about a capture is what several say.
fn compare(what: &str, program: &Program, config: EngineConfig, open: impl Fn() -> Capture) -> usize {
    let mut alone = Heard::default();
    let mut engine = Engine::new(program, config);
    let mut capture = open();
    loop {
        match capture.next_frame() {
            Ok(Some(frame)) => engine.process(&frame, &mut alone),
            Ok(None) | Err(CaptureError::NoFrames { .. }) => break,
            Err(error) => panic!("{error}"),
        }
    }
    engine.finish(&mut alone);
    for threads in [2, 3, 8] {
        let mut together = Heard::default();
        let replayed = match engine::replay(program, config, threads, open(), &mut together, |_, _, _| true) {
            Ok(replayed) => replayed,
            Err(CaptureError::NoFrames { .. }) => continue,
            Err(error) => panic!("{error}"),
        };
        if alone.0 != together.0 {
            let first = alone.0.iter().zip(&together.0).position(|(a, t)| a != t);
            let first = first.unwrap_or(alone.0.len().min(together.0.len()));
            let [one, many] = [&alone, &together].map(|heard| heard.0.get(first));
            panic!("{what}: record {first} is {one:#?} of one engine, {many:#?} of {threads}");
        }
        assert_eq!(&replayed.facts, engine.facts(), "{what}, {threads} threads");
        let seen = replayed.capture.unwrap();
        assert_eq!(seen.stats(), capture.stats());
        assert_eq!(seen.damage().len(), capture.damage().len());
    }
    alone.0.len()
}

fn captures() -> Vec<PathBuf> {
    [files("pcaps/edge", ".pcap"), files("pcaps", ".pcap")].concat()
}

fn rule_files() -> Vec<(String, String)> {
    let paths = files("tests/golden/rules", ".rules");
    paths.iter().map(|path| (path.display().to_string(), std::fs::read_to_string(path).unwrap())).collect()
}

const SMALL_BLOCKS: CaptureOptions = CaptureOptions { block_bytes: 64 * 1024 };

#[test]
fn each_of_our_captures() {
    let program = compile("mixed.rules", RULES, EngineProfile::suricata_7()).unwrap();
    for decapsulate in [false, true] {
        let config = EngineConfig { decapsulate, ..EngineConfig::default() };
        for path in captures() {
            let open = || Capture::open(std::slice::from_ref(&path), &SMALL_BLOCKS).unwrap();
            compare(&path.display().to_string(), &program, config, open);
        }
    }
}

#[test]
fn all_of_our_captures_at_once() {
    let all = captures();
    // behind a tunnel there is one shard only
    let mut simple = all.clone();
    simple.retain(|path| {
        let name = path.file_name().unwrap().to_string_lossy();
        !["tunnel", "geneve", "vxlan", "odd-", "two-versions"].iter().any(|word| name.contains(word))
    });
    assert!(simple.len() > 200);
    let mut compared = 0;
    for (file, text) in rule_files().iter().step_by(9) {
        let Some(program) = compile(file, text, EngineProfile::suricata_7()) else { continue };
        for paths in [&simple, &all] {
            let open = || Capture::open(paths, &SMALL_BLOCKS).unwrap();
            compared += compare(file, &program, EngineConfig::default(), open);
        }
    }
    assert!(compared > 10_000, "{compared} records say little about anything");
}

const RULES: &str = r#"
pass tls any any -> any any (tls.sni; content:"a.com"; endswith; sid:1;)
drop tls any any -> any any (tls.sni; content:"example"; msg:"no examples"; sid:2;)
alert http any any -> any any (http.host; content:"a"; sid:3;)
reject http any any -> any any (http.uri; content:"/a"; http.host; content:"org"; sid:4;)
alert tcp any any -> any any (flags:S; flowbits:set,begun; sid:5;)
alert tcp any any -> any any (flowbits:isset,begun; flow:to_client; dsize:>0; sid:6;)
alert dns any any -> any any (dns.query; content:"com"; sid:7;)
alert icmp any any -> any any (itype:3; sid:8;)
alert ip any any -> any any (content:"Host"; sid:9;)
alert tcp any any -> any any (content:"HTTP"; sid:10;)
drop udp any any -> any any (content:"|00 00|"; startswith; sid:11;)
"#;

/// With this there is one shard.
const COUNTING: &str = "alert ip any any -> any any (threshold:type limit, track by_src, count 2, seconds 1; sid:99;)";

#[derive(Clone, Debug)]
struct Talk {
    url: &'static str,
    client: u8,
    port: u16,
    six: bool,
    /// Milliseconds behind the one before.
    pause: i64,
    shape: Shape,
}

#[derive(Clone, Copy, Debug)]
enum Shape {
    Plain,
    /// Packets in two fragments each, the second first if it is set.
    Fragments(bool),
    /// Only the first fragment of each.
    HalfADatagram,
    Vxlan,
    /// An error from a router about each packet.
    Unreachable,
    Vlan,
}

fn talk() -> impl Strategy<Value = Talk> {
    let url = prop::sample::select(vec![
        "https://www.a.com/",
        "https://b.example.org/",
        "http://a.com/a/b",
        "http://example.org/a",
        "dns://www.a.com",
        "tcp://a.com:22",
        "icmp://a.com",
    ]);
    let shape = prop_oneof![
        10 => Just(Shape::Plain),
        2 => any::<bool>().prop_map(Shape::Fragments),
        1 => Just(Shape::HalfADatagram),
        1 => Just(Shape::Vxlan),
        2 => Just(Shape::Unreachable),
        1 => Just(Shape::Vlan),
    ];
    let pause = prop::sample::select(vec![0, 1, 20, 20, 20, 5000, 50_000, 400_000, -30_000]);
    (url, 1..6_u8, 40_000..40_003_u16, any::<bool>(), pause, shape)
        .prop_map(|(url, client, port, six, pause, shape)| Talk { url, client, port, six, pause, shape })
}

fn frames(talks: &[Talk]) -> Vec<(i64, Vec<u8>)> {
    let mut frames = Vec::new();
    let mut start = 1_700_000_000_000_000_000;
    for talk in talks {
        start += talk.pause * 1_000_000;
        let (client, server) = if talk.six {
            (format!("fd10::{}", talk.client), format!("2001:db8::{}", talk.client % 2))
        } else {
            (format!("10.0.0.{}", talk.client), format!("203.0.113.{}", talk.client % 2))
        };
        let ends = Ends { client: client.parse().unwrap(), server: server.parse().unwrap(), client_port: talk.port };
        let wanted: Shorthand = talk.url.parse().unwrap();
        for frame in synth::frames(&wanted, ends, start).unwrap() {
            frames.extend(shaped(talk.shape, &frame.bytes).into_iter().map(|bytes| (frame.time_ns, bytes)));
        }
    }
    // conversations that begin together are mixed; time goes on, but for those that begin in the past
    for chunk in frames.chunk_by_mut(|a, b| a.0 - 1_000_000_000 < b.0) {
        chunk.sort_by_key(|frame| frame.0);
    }
    frames
}

fn shaped(shape: Shape, frame: &[u8]) -> Vec<Vec<u8>> {
    let is_v4 = frame[12..14] == [8, 0];
    match shape {
        Shape::Fragments(swapped) if is_v4 && frame.len() > 50 => {
            let mut both = fragments(frame);
            if swapped {
                both.reverse();
            }
            both.to_vec()
        }
        Shape::HalfADatagram if is_v4 && frame.len() > 50 => vec![fragments(frame)[0].clone()],
        Shape::Vxlan => {
            let mut bytes = Vec::new();
            PacketBuilder::ethernet2([2; 6], [4; 6])
                .ipv4([192, 0, 2, 1], [192, 0, 2, 2], 64)
                .udp(5000, 4789)
                .write(&mut bytes, &[&[8, 0, 0, 0, 0, 0, 7, 0], frame].concat())
                .unwrap();
            vec![bytes]
        }
        Shape::Unreachable if is_v4 => {
            let mut bytes = Vec::new();
            PacketBuilder::ethernet2([2; 6], [4; 6])
                .ipv4([192, 0, 2, 1], [10, 0, 0, 1], 64)
                .icmpv4_raw(3, 1, [0; 4])
                .write(&mut bytes, &frame[14..frame.len().min(14 + 48)])
                .unwrap();
            vec![frame.to_vec(), bytes]
        }
        Shape::Vlan => vec![[&frame[..12], &[0x81, 0, 0, 5], &frame[12..]].concat()],
        _ => vec![frame.to_vec()],
    }
}

/// An IPv4 packet in two.
fn fragments(frame: &[u8]) -> [Vec<u8>; 2] {
    let (head, data) = frame.split_at(34);
    let (first, second) = data.split_at(16);
    [(first, 0x2000_u16), (second, 2)].map(|(data, flags)| {
        let mut bytes = [head, data].concat();
        bytes[16..18].copy_from_slice(&(20 + data.len() as u16).to_be_bytes());
        bytes[18..20].copy_from_slice(&[1, 2]);
        bytes[20..22].copy_from_slice(&flags.to_be_bytes());
        bytes
    })
}

/// Gives as many bytes at a time: so much makes a batch.
struct Sips(Cursor<Vec<u8>>, usize);

impl Read for Sips {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let n = buffer.len().min(self.1);
        self.0.read(&mut buffer[..n])
    }
}

fn pcap(frames: &[(i64, Vec<u8>)]) -> Vec<u8> {
    let mut writer = PcapWriter::new(Vec::new(), LinkType(1)).unwrap();
    for (time_ns, bytes) in frames {
        writer.write(*time_ns, bytes.len() as u32, bytes).unwrap();
    }
    writer.finish().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn conversations_at_random(
        talks in prop::collection::vec(talk(), 1..25),
        counting in prop::bool::weighted(0.1),
        max_frags in prop::sample::select(vec![2_usize, 10, 65_535]),
        sip in prop::sample::select(vec![300_usize, 2000, 1 << 20]),
        decapsulate: bool,
        cut in 0_usize..30,
    ) {
        let text = if counting { format!("{RULES}{COUNTING}\n") } else { RULES.to_owned() };
        let profile = EngineProfile::suricata_7();
        let defrag = DefragConfig { max_frags, ..profile.defrag.clone() };
        let program = compile("random.rules", &text, EngineProfile { defrag, ..profile }).unwrap();
        prop_assert_eq!(program.remembers_across_flows(), counting);
        let mut bytes = pcap(&frames(&talks));
        bytes.truncate(bytes.len() - cut);
        let open = || Capture::from_reader("x.pcap", Sips(Cursor::new(bytes.clone()), sip)).unwrap();
        compare("random", &program, EngineConfig { decapsulate, ..EngineConfig::default() }, open);
    }
}

#[test]
fn a_sink_that_takes_no_more_ends_the_replay() {
    let program = compile("mixed.rules", RULES, EngineProfile::suricata_7()).unwrap();
    let talks: Vec<Talk> = (0..200)
        .map(|n| Talk { url: "https://a.com/", client: n, port: 40_000, six: false, pause: 1, shape: Shape::Plain })
        .collect();
    let bytes = pcap(&frames(&talks));
    let capture = Capture::from_reader("x.pcap", Sips(Cursor::new(bytes), 3000)).unwrap();
    let mut heard = Heard::default();
    let replayed =
        engine::replay(&program, EngineConfig::default(), 3, capture, &mut heard, |_, frame, _| frame.number < 1000);
    assert!(replayed.unwrap().capture.is_none());
    assert!(!heard.0.iter().any(|said| matches!(said, Said::Decision(decision) if decision.frame_no > 1100)));
}
