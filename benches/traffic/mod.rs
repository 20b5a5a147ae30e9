//! What the benchmarks run on: conversations and policies made up from a fixed seed, the same on every machine.

#![expect(clippy::unwrap_used, reason = "a failed set-up is a failed benchmark")]
#![expect(dead_code, reason = "every benchmark uses a part of it")]

use firedrill::capture::write::PcapWriter;
use firedrill::capture::{Frame, LinkType};
use firedrill::detect::{CompileOptions, Program};
use firedrill::policy::model::RuleOrder;
use firedrill::policy::{self, LoadOptions, Loaded, StatefulOptions};
use firedrill::synth::{self, Ends, Hello, Shorthand};
use std::fmt::Write;

/// A frame that is kept.
pub struct Kept {
    pub time_ns: i64,
    pub bytes: Vec<u8>,
}

/// Frames in order of time.
pub struct Traffic {
    pub frames: Vec<Kept>,
    pub bytes: u64,
}

/// Numbers that look random: a linear congruential generator, upper half.
pub struct Numbers(u64);

impl Numbers {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }
}

/// Domain number `n`.
pub fn domain(n: u64) -> String {
    const WORDS: [&str; 8] = ["alpha", "cedar", "delta", "harbor", "lime", "nova", "quartz", "vista"];
    let word = |shift: u64| pick(&WORDS, n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> shift);
    format!("{}{n}-{}.{}", word(20), word(40), pick(&["com", "net", "org", "co.uk"], n))
}

fn pick<T: Copy>(from: &[T], n: u64) -> T {
    from.iter().copied().cycle().nth(n as usize % from.len()).unwrap()
}

/// `n_talks` conversations, some hundred at a time: TLS, HTTP, DNS, plain TCP and UDP, ping.
pub fn traffic(n_talks: u64) -> Traffic {
    let mut numbers = Numbers::new(7);
    let mut frames = Vec::new();
    for talk in 0..n_talks {
        // few names are asked for often, many now and then
        let popularity = 1 + numbers.below(4);
        let name = domain(numbers.below(10_u64.pow(popularity as u32)));
        let url = match numbers.below(20) {
            0..11 => format!("https://www.{name}/"),
            11..15 => format!("http://{name}/index.html"),
            15..18 => format!("dns://{name}"),
            18 => format!("udp://{name}:4000"),
            _ => format!("tcp://{name}:2222"),
        };
        let [a, b, c] = [numbers.below(250), numbers.below(250), numbers.below(250)];
        let ends = Ends {
            client: format!("10.{}.{a}.{}", b % 4, c + 1).parse().unwrap(),
            server: format!("52.{b}.{c}.{}", a + 1).parse().unwrap(),
            client_port: 20_000 + numbers.below(40_000) as u16,
        };
        let hello = if talk % 2 == 0 { Hello::Classic } else { Hello::PostQuantum };
        let wanted = Shorthand { hello: Some(hello), ..url.parse().unwrap() };
        let start_ns = 1_700_000_000_000_000_000 + talk as i64 * 200_000;
        let talk = synth::frames(&wanted, ends, start_ns).unwrap();
        frames.extend(talk.into_iter().map(|frame| Kept { time_ns: frame.time_ns, bytes: frame.bytes }));
    }
    frames.sort_by_key(|frame| frame.time_ns);
    let bytes = frames.iter().map(|frame| frame.bytes.len() as u64).sum();
    Traffic { frames, bytes }
}

impl Traffic {
    /// As the capture room would hand them out.
    pub fn frames(&self) -> impl Iterator<Item = Frame<'_>> {
        (1..).zip(&self.frames).map(|(number, frame)| Frame {
            number,
            time_ns: frame.time_ns,
            link_type: LinkType(1),
            wire_len: frame.bytes.len() as u32,
            bytes: &frame.bytes,
        })
    }

    /// As a pcap file.
    pub fn pcap(&self) -> Vec<u8> {
        let mut writer = PcapWriter::new(Vec::new(), LinkType(1)).unwrap();
        for frame in &self.frames {
            writer.write(frame.time_ns, frame.bytes.len() as u32, &frame.bytes).unwrap();
        }
        writer.finish().unwrap()
    }
}

/// Target number `n` of a domain list: a name with everything below it, or a name.
fn target(n: u64) -> String {
    match n % 4 {
        0 | 2 => format!(".{}", domain(n)),
        1 => domain(n),
        _ => format!("www.{}", domain(n)),
    }
}

/// A domain list as AWS takes it.
pub fn rules_source_list(n_domains: u64) -> String {
    let targets: Vec<String> = (0..n_domains).map(|n| format!("{:?}", target(n))).collect();
    format!(
        r#"{{"RulesSource": {{"RulesSourceList": {{"Targets": [{}], "TargetTypes": ["TLS_SNI", "HTTP_HOST"], "GeneratedRulesType": "ALLOWLIST"}}}}}}"#,
        targets.join(",\n")
    )
}

/// The same list as the rules that AWS documents for it.
pub fn rules_text(n_domains: u64) -> String {
    let mut text = String::new();
    let mut sid = 0;
    for target in (0..n_domains).map(target) {
        let (before, test) = if target.starts_with('.') { ("dotprefix; ", "") } else { ("", "startswith; ") };
        for (protocol, buffer, nocase) in
            [("tls", "ssl_state:client_hello; tls.sni; ", "nocase; "), ("http", "http.host; ", "")]
        {
            sid += 1;
            writeln!(
                text,
                "pass {protocol} $HOME_NET any -> $EXTERNAL_NET any ({buffer}{before}content:\"{target}\"; {test}{nocase}endswith; msg:\"matching allowlisted FQDNs\"; priority:1; flow:to_server, established; sid:{sid}; rev:1;)"
            )
            .unwrap();
        }
    }
    for (protocol, test) in
        [("tls", "ssl_state:client_hello;"), ("http", "http.header_names; content:\"|0d 0a|\"; startswith;")]
    {
        sid += 1;
        writeln!(
            text,
            "drop {protocol} $HOME_NET any -> $EXTERNAL_NET any ({test} msg:\"not matching any allowlisted FQDNs\"; priority:1; flow:to_server, established; sid:{sid}; rev:1;)"
        )
        .unwrap();
    }
    text
}

/// A stateless group of `n_rules` rules about single destinations, of which the last forwards everything.
pub fn stateless(n_rules: u64) -> String {
    let mut numbers = Numbers::new(3);
    let mut rules = Vec::new();
    for priority in 1..n_rules {
        let net = format!("52.{}.{}.0/24", numbers.below(250), numbers.below(250));
        let port = pick(&[22, 443, 3306, 8080], numbers.below(4));
        rules.push(format!(
            r#"{{"Priority": {priority}, "RuleDefinition": {{"Actions": ["aws:drop"], "MatchAttributes": {{"Sources": [{{"AddressDefinition": "10.0.0.0/8"}}], "Destinations": [{{"AddressDefinition": "{net}"}}], "SourcePorts": [{{"FromPort": 0, "ToPort": 65535}}], "DestinationPorts": [{{"FromPort": {port}, "ToPort": {port}}}], "Protocols": [6]}}}}}}"#
        ));
    }
    rules.push(format!(
        r#"{{"Priority": {n_rules}, "RuleDefinition": {{"Actions": ["aws:forward_to_sfe"], "MatchAttributes": {{}}}}}}"#
    ));
    format!(r#"{{"RulesSource": {{"StatelessRulesAndCustomActions": {{"StatelessRules": [{}]}}}}}}"#, rules.join(",\n"))
}

/// Loads a document; its name tells the language.
pub fn load(name: &str, text: &str) -> Loaded {
    let options = LoadOptions {
        stateful: StatefulOptions {
            order: (!name.contains("json")).then_some(RuleOrder::Action),
            home_net: Some("10.0.0.0/8".to_owned()),
            ..StatefulOptions::default()
        },
        ..LoadOptions::default()
    };
    policy::load_text(name, text, &options).unwrap()
}

/// Loads and compiles a document.
pub fn compile(name: &str, text: &str) -> Program {
    let mut loaded = load(name, text);
    let policy = loaded.policy.take().unwrap();
    Program::compile(&policy, &mut loaded.sources, &CompileOptions::default()).unwrap()
}
