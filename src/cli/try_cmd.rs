//! `firedrill try`: made-up conversations through a policy.

use super::args::{Format, HelloKind, TryArgs};
use super::console::{Console, Stop};
use super::exit::Exit;
use super::session::{Judge, Session};
use crate::capture::write::PcapWriter;
use crate::capture::{Frame, LinkType};
use crate::report::layout::{DIM, DROP, HEADING, PASS, WARN, WIDTH, cut, printable, width};
use crate::report::{RuleBook, Summary, notice};
use crate::synth::{self, Ends, Hello, Host, SynthFrame, Target};
use crate::verdict::{Alert, Cause, Decision, FlowRecord, RuleAction, RuleId, Sink, Verdict};
use ipnet::IpNet;
use serde::Serialize;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;

const ETHERNET: LinkType = LinkType(1);

/// The first conversation begins on 1 January 2026, the others a minute apart, so that each is over before the next.
const START_NS: i64 = 1_767_225_600_000_000_000;
const APART_NS: i64 = 60_000_000_000;

/// Columns within which URLs stand under each other.
const URL_COLUMNS: usize = 48;

/// What is said about a URL stands under it.
const INDENT: usize = 8;

/// Client port of the first conversation.
const FIRST_PORT: u16 = 40_000;

/// Servers where a URL has a name: documentation addresses (RFC 5737, RFC 3849), the first outside HOME_NET is taken.
const SERVERS_V4: [Ipv4Addr; 3] =
    [Ipv4Addr::new(203, 0, 113, 10), Ipv4Addr::new(198, 51, 100, 10), Ipv4Addr::new(192, 0, 2, 10)];
const SERVER_V6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0xf, 0, 0, 0, 0, 0x10);

/// Clients where nothing says what HOME_NET is.
const CLIENT_V4: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 10);
const CLIENT_V6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 1, 0, 0, 0, 0, 0x10);

/// Runs the command.
///
/// # Errors
/// When nothing can be tried: a URL, an address or the policy cannot be used, or a file or the output not written.
pub fn run(args: &TryArgs, console: Console) -> Result<Exit, Stop> {
    let targets = args.urls.iter().map(|url| url.parse::<Target>()).collect::<Result<Vec<_>, _>>();
    let targets = targets.map_err(|error| Stop::bad_input(error.message, error.help))?;
    let session = Session::open(&args.policy, &args.policy_options, &args.engine_options, console)?;
    let hello = match args.hello {
        HelloKind::Classic => Hello::Classic,
        HelloKind::PostQuantum => Hello::PostQuantum,
    };
    let trials = make_up(&targets, &Addresses { home: &session.home, from: args.from, to: args.to }, hello)?;
    if let Some(path) = &args.save {
        save(path, &trials).map_err(|error| {
            Stop::bad_input(format!("`{}` cannot be written: {error}", path.display()), "the directory must be there")
        })?;
    }
    let mut judge = session.judge(false);
    let (outcomes, summary) = outcomes(&trials, &mut judge, &session.book);
    drop(judge);
    match args.output.format {
        Format::Table => {
            let mut out = console.out();
            write_outcomes(&mut out, &trials, &outcomes, &session.book)?;
            out.flush()?;
        }
        Format::Jsonl => {
            let mut out = console.records();
            for (trial, outcome) in trials.iter().zip(&outcomes) {
                serde_json::to_writer(&mut out, &TryRecord::new(trial, outcome, &session.book))
                    .map_err(io::Error::from)?;
                writeln!(out)?;
            }
            out.flush()?;
        }
    }
    let mut notices = session.run.notices;
    notices.extend(notice::modelled(&session.book, &summary));
    notice::write(&mut console.err(), &notices)?;
    let passed = outcomes.iter().all(|outcome| outcome.verdict == Verdict::Pass);
    Ok(if passed { Exit::Done } else { Exit::Findings })
}

/// Who may talk to whom.
struct Addresses<'a> {
    /// HOME_NET: the networks in it, and those that are not.
    home: &'a HomeNet,
    from: Option<IpAddr>,
    to: Option<IpAddr>,
}

/// The networks that HOME_NET names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HomeNet {
    /// Networks in it, in order.
    pub nets: Vec<IpNet>,
    /// Networks taken out of it.
    pub without: Vec<IpNet>,
}

impl HomeNet {
    fn contains(&self, address: IpAddr) -> bool {
        self.nets.iter().any(|net| net.contains(&address)) && !self.without.iter().any(|net| net.contains(&address))
    }

    /// An address inside, of the wanted family: the tenth of the first network that has one.
    fn inside(&self, v4: bool) -> Option<IpAddr> {
        let mut nets = self.nets.iter().filter(|net| net.addr().is_ipv4() == v4);
        nets.find_map(|net| {
            let candidate = |n: u32| match net.network() {
                IpAddr::V4(base) => base.to_bits().checked_add(n).map(|bits| IpAddr::from(Ipv4Addr::from_bits(bits))),
                IpAddr::V6(base) => {
                    base.to_bits().checked_add(u128::from(n)).map(|bits| IpAddr::from(Ipv6Addr::from_bits(bits)))
                }
            };
            [10, 4, 1, 0, 100, 250].into_iter().filter_map(candidate).find(|a| net.contains(a) && self.contains(*a))
        })
    }
}

impl Addresses<'_> {
    fn ends(&self, target: &Target, client_port: u16) -> Ends {
        let v4 = match (&target.host, self.from, self.to) {
            (Host::Address(server), ..) => server.is_ipv4(),
            (Host::Name(_), _, Some(server)) => server.is_ipv4(),
            (Host::Name(_), Some(client), None) => client.is_ipv4(),
            (Host::Name(_), None, None) => {
                self.home.nets.is_empty() || self.home.nets.iter().any(|net| net.addr().is_ipv4())
            }
        };
        let fallback: IpAddr = if v4 { CLIENT_V4.into() } else { CLIENT_V6.into() };
        let client = self.from.or_else(|| self.home.inside(v4)).unwrap_or(fallback);
        let server = match (&target.host, self.to) {
            (Host::Address(server), _) => *server,
            (Host::Name(_), Some(server)) => server,
            (Host::Name(_), None) if v4 => {
                let outside = SERVERS_V4.into_iter().map(IpAddr::from).find(|server| !self.home.contains(*server));
                outside.unwrap_or(SERVERS_V4[0].into())
            }
            (Host::Name(_), None) => SERVER_V6.into(),
        };
        Ends { client, server, client_port }
    }
}

/// One URL and the conversation for it.
struct Trial<'a> {
    target: &'a Target,
    ends: Ends,
    frames: Vec<SynthFrame>,
}

fn make_up<'a>(targets: &'a [Target], addresses: &Addresses<'_>, hello: Hello) -> Result<Vec<Trial<'a>>, Stop> {
    let mut trials = Vec::with_capacity(targets.len());
    for (index, target) in targets.iter().enumerate() {
        let ends = addresses.ends(target, FIRST_PORT.wrapping_add(index as u16));
        let frames = synth::conversation(target, ends, hello, START_NS + APART_NS * index as i64).map_err(|error| {
            Stop::bad_input(format!("`{}`: {error}", target.url), "give --from and --to of one family")
        })?;
        trials.push(Trial { target, ends, frames });
    }
    Ok(trials)
}

fn save(path: &Path, trials: &[Trial<'_>]) -> io::Result<()> {
    let mut writer = PcapWriter::new(BufWriter::new(File::create(path)?), ETHERNET)?;
    for frame in trials.iter().flat_map(|trial| &trial.frames) {
        writer.write(frame.time_ns, frame.bytes.len() as u32, &frame.bytes)?;
    }
    writer.finish().map(drop)
}

/// What became of one URL.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Outcome {
    /// Pass when every packet got through.
    verdict: Verdict,
    /// What decided: about the first packet that was not let through, else about the first that a rule decided on.
    cause: Cause,
    /// The packet it decided on, from 0.
    packet: usize,
    /// Rules that reported: each once, with the packet (from 0) it first reported on.
    alerts: Vec<(RuleId, Option<usize>)>,
}

fn outcomes(trials: &[Trial<'_>], judge: &mut dyn Judge, book: &RuleBook) -> (Vec<Outcome>, Summary) {
    let mut log = Log { decisions: Vec::new(), alerts: Vec::new(), summary: Summary::new(book) };
    for (number, frame) in (1..).zip(trials.iter().flat_map(|trial| &trial.frames)) {
        let wire_len = frame.bytes.len() as u32;
        let frame = Frame { number, time_ns: frame.time_ns, link_type: ETHERNET, wire_len, bytes: &frame.bytes };
        judge.process(&frame, &mut log);
    }
    judge.finish(&mut log);

    let mut first = 1;
    let outcome = |trial: &Trial<'_>| {
        let frames = first..first + trial.frames.len() as u64;
        first = frames.end;
        log.outcome(frames, trial.ends.client_port, book)
    };
    let outcomes = trials.iter().map(outcome).collect();
    (outcomes, log.summary)
}

/// Everything the engine said.
struct Log {
    decisions: Vec<Decision>,
    alerts: Vec<Alert>,
    summary: Summary,
}

impl Sink for Log {
    fn decision(&mut self, decision: &Decision) {
        self.decisions.push(*decision);
        self.summary.decision(decision);
    }

    fn alert(&mut self, alert: &Alert) {
        self.alerts.push(*alert);
        self.summary.alert(alert);
    }

    fn flow(&mut self, _: FlowRecord) {}
}

impl Log {
    fn outcome(&self, frames: std::ops::Range<u64>, client_port: u16, book: &RuleBook) -> Outcome {
        let own = || self.decisions.iter().filter(|decision| frames.contains(&decision.frame_no));
        let refused = own().find(|decision| decision.verdict != Verdict::Pass);
        let by_rule = |cause: &Cause| matches!(cause, Cause::Rule(_) | Cause::FlowPassed(_) | Cause::StatelessRule(_));
        let decided = refused.or_else(|| own().find(|decision| by_rule(&decision.cause))).or_else(|| own().next());
        let mut alerts: Vec<(RuleId, Option<usize>)> = Vec::new();
        for alert in &self.alerts {
            let is_port = |end: Option<(IpAddr, Option<u16>)>| end.and_then(|(_, port)| port) == Some(client_port);
            let own =
                frames.contains(&alert.frame_no) || (alert.frame_no == 0 && (is_port(alert.src) || is_port(alert.dst)));
            let decided_by_it = matches!(decided.map(|d| d.cause), Some(Cause::Rule(id)) if id == alert.rule);
            let reports = book.rule(alert.rule).is_some_and(|rule| rule.action == RuleAction::Alert) || !decided_by_it;
            if own && reports && !alerts.iter().any(|(rule, _)| *rule == alert.rule) {
                alerts.push((alert.rule, alert.frame_no.checked_sub(frames.start).map(|n| n as usize)));
            }
        }
        Outcome {
            verdict: decided.map_or(Verdict::Pass, |decision| decision.verdict),
            cause: decided.map_or(Cause::NoRule, |decision| decision.cause),
            packet: decided.map_or(0, |decision| decision.frame_no.saturating_sub(frames.start) as usize),
            alerts,
        }
    }
}

/// What a packet is: `ClientHello`.
fn what<'a>(trial: &'a Trial<'_>, packet: usize) -> &'a str {
    trial.frames.get(packet).map_or("", |frame| frame.what.as_str())
}

/// Who decided about each URL and at which packet; what a rule says of itself is cut where the line is full.
fn write_outcomes(out: &mut dyn Write, trials: &[Trial<'_>], outcomes: &[Outcome], book: &RuleBook) -> io::Result<()> {
    let url = |trial: &Trial<'_>| printable(&trial.target.url);
    let columns = trials.iter().map(|trial| width(&url(trial))).max().unwrap_or(0).min(URL_COLUMNS);
    for (trial, outcome) in trials.iter().zip(outcomes) {
        let style = if outcome.verdict == Verdict::Pass { PASS } else { DROP };
        let Ends { client, server, .. } = trial.ends;
        let verdict = outcome.verdict.name();
        let url = url(trial);
        let pad = columns.saturating_sub(width(&url));
        write!(out, "{style}{verdict:<6}{style:#}  {HEADING}{url}{HEADING:#}{:pad$}", "")?;
        writeln!(out, "  {DIM}{client} → {server}{DIM:#}")?;
        match outcome.cause {
            Cause::NoRule => write_line(out, "no rule decided about any packet", "")?,
            cause => {
                let text = format!("{}: {}", what(trial, outcome.packet), book.describe(cause));
                write_line(out, &text, message(book, cause))?;
            }
        }
        for (rule, packet) in &outcome.alerts {
            let at = packet.map_or("end of the flow", |n| what(trial, n));
            let cause = Cause::Rule(*rule);
            let text = format!("{at}: {WARN}alert{WARN:#} {}", book.describe(cause));
            write_line(out, &text, message(book, cause))?;
        }
    }
    Ok(())
}

/// A line under a URL; the message of a rule is cut where the line is full.
fn write_line(out: &mut dyn Write, text: &str, message: &str) -> io::Result<()> {
    let used = width(&anstream::adapter::strip_str(text).to_string());
    let message = cut(&printable(message), WIDTH.saturating_sub(INDENT + used + 2));
    let gap = if message.is_empty() { "" } else { "  " };
    writeln!(out, "{:INDENT$}{text}{gap}{DIM}{message}{DIM:#}", "")
}

/// What the rule that decided says of itself.
fn message(book: &RuleBook, cause: Cause) -> &str {
    let (Cause::Rule(id) | Cause::FlowPassed(id) | Cause::FlowDropped(Some(id))) = cause else { return "" };
    book.rule(id).filter(|rule| rule.default_action.is_none()).map_or("", |rule| rule.msg.as_str())
}

/// One URL's outcome as a record.
#[derive(Serialize)]
struct TryRecord<'a> {
    r#type: &'static str,
    url: &'a str,
    src_ip: IpAddr,
    dest_ip: IpAddr,
    dest_port: u16,
    verdict: &'static str,
    packet: usize,
    packets: usize,
    what: &'a str,
    by: String,
    sid: Option<u32>,
    alerts: Vec<u32>,
}

impl<'a> TryRecord<'a> {
    fn new(trial: &'a Trial<'_>, outcome: &Outcome, book: &RuleBook) -> Self {
        let sid = match outcome.cause {
            Cause::Rule(id) | Cause::RuleThreshold(id) | Cause::FlowPassed(id) | Cause::FlowDropped(Some(id)) => {
                book.rule(id).map(|rule| rule.sid)
            }
            _ => None,
        };
        Self {
            r#type: "try",
            url: &trial.target.url,
            src_ip: trial.ends.client,
            dest_ip: trial.ends.server,
            dest_port: trial.target.port,
            verdict: outcome.verdict.name(),
            packet: outcome.packet + 1,
            packets: trial.frames.len(),
            what: trial.frames.get(outcome.packet).map_or("", |frame| frame.what.as_str()),
            by: book.describe(outcome.cause),
            sid,
            alerts: outcome.alerts.iter().filter_map(|(id, _)| book.rule(*id)).map(|rule| rule.sid).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::RuleEntry;
    use crate::source::{Sources, Span};
    use crate::verdict::Stage;

    /// Decides by what a frame's bytes hold: the first needle found names the rule.
    struct Script<'a> {
        needles: &'a [(&'a str, Verdict)],
    }

    impl Judge for Script<'_> {
        fn process(&mut self, frame: &Frame<'_>, sink: &mut dyn Sink) {
            let found = self
                .needles
                .iter()
                .position(|(needle, _)| memchr::memmem::find(frame.bytes, needle.as_bytes()).is_some());
            let (verdict, cause) = match found {
                Some(n @ 0..2) => (self.needles[n].1, Cause::Rule(RuleId(n as u32))),
                _ => (Verdict::Pass, Cause::NoRule),
            };
            sink.decision(&Decision {
                frame_no: frame.number,
                wire_len: frame.wire_len,
                verdict,
                stage: Stage::Stateful,
                cause,
                drop_rule: None,
                flow: None,
                cut: false,
            });
            if found == Some(2) {
                let frame_no = frame.number;
                sink.alert(&Alert { frame_no, rule: RuleId(2), proto: None, src: None, dst: None, direction: None });
            }
        }

        fn finish(&mut self, _: &mut dyn Sink) {}
    }

    fn book() -> RuleBook {
        let mut sources = Sources::new();
        let file = sources.add("egress.rules", "\n".repeat(10));
        let rule = |sid: u32, action, msg: &str| RuleEntry {
            sid,
            rev: 1,
            action,
            msg: msg.to_owned(),
            group: "domains".to_owned(),
            span: Some(Span::new(file, sid as usize - 1..sid as usize)),
            default_action: None,
            modelled: false,
        };
        let rules = vec![
            rule(7, RuleAction::Pass, "kaggle"),
            rule(8, RuleAction::Drop, ""),
            rule(9, RuleAction::Alert, "curl"),
        ];
        RuleBook { sources, rules, stateless_groups: Vec::new() }
    }

    #[test]
    fn every_url_gets_its_verdict_rule_and_packet() {
        let targets: Vec<Target> =
            ["https://www.kaggle.com", "http://casino.example/x", "icmp://10.9.9.9", "http://a.example"]
                .map(|url| url.parse().unwrap())
                .into();
        let home = HomeNet { nets: vec!["10.1.0.0/16".parse().unwrap()], without: Vec::new() };
        let trials = make_up(&targets, &Addresses { home: &home, from: None, to: None }, Hello::Classic).unwrap();
        let book = book();
        let needles = [("kaggle", Verdict::Pass), ("casino", Verdict::Drop), ("curl", Verdict::Pass)];
        let (outcomes, _) = outcomes(&trials, &mut Script { needles: &needles }, &book);
        let mut out = Vec::new();
        write_outcomes(&mut out, &trials, &outcomes, &book).unwrap();
        let text = anstream::adapter::strip_str(std::str::from_utf8(&out).unwrap()).to_string();
        insta::assert_snapshot!(text, @r#"
        pass    https://www.kaggle.com   10.1.0.10 → 203.0.113.10
                ClientHello: sid 7 (egress.rules:7)  kaggle
        drop    http://casino.example/x  10.1.0.10 → 203.0.113.10
                request: sid 8 (egress.rules:8)
        pass    icmp://10.9.9.9          10.1.0.10 → 10.9.9.9
                no rule decided about any packet
        pass    http://a.example         10.1.0.10 → 203.0.113.10
                no rule decided about any packet
                request: alert sid 9 (egress.rules:9)  curl
        "#);
        let record = serde_json::to_string(&TryRecord::new(&trials[1], &outcomes[1], &book)).unwrap();
        assert_eq!(
            record,
            r#"{"type":"try","url":"http://casino.example/x","src_ip":"10.1.0.10","dest_ip":"203.0.113.10","dest_port":80,"verdict":"drop","packet":4,"packets":10,"what":"request","by":"sid 8 (egress.rules:8)","sid":8,"alerts":[]}"#
        );
    }

    #[test]
    fn a_client_is_inside_home_net_and_a_server_outside() {
        let net = |text: &str| text.parse::<IpNet>().unwrap();
        let home = |nets: &[&str], without: &[&str]| HomeNet {
            nets: nets.iter().map(|text| net(text)).collect(),
            without: without.iter().map(|text| net(text)).collect(),
        };
        let ends = |home: &HomeNet, url: &str| {
            let ends = Addresses { home, from: None, to: None }.ends(&url.parse().unwrap(), 1);
            format!("{} {}", ends.client, ends.server)
        };
        assert_eq!(ends(&home(&["10.2.0.0/16"], &[]), "icmp://a"), "10.2.0.10 203.0.113.10");
        assert_eq!(ends(&home(&["10.2.0.8/29"], &["10.2.0.12/32"]), "icmp://a"), "10.2.0.9 203.0.113.10");
        assert_eq!(ends(&home(&["203.0.113.0/24", "2001:db8::/64"], &[]), "icmp://a"), "203.0.113.10 198.51.100.10");
        assert_eq!(ends(&home(&["2001:db8::/64"], &[]), "icmp://a"), "2001:db8::a 2001:db8:f::10");
        assert_eq!(ends(&home(&["10.0.0.0/8"], &[]), "icmp://[2001:db8::5]"), "2001:db8:1::10 2001:db8::5");
        assert_eq!(ends(&home(&[], &[]), "tcp://10.0.0.1:22"), "10.0.0.10 10.0.0.1");
    }
}
