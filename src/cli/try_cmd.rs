//! `firedrill try`: made-up conversations through a policy.

use super::args::{Format, HelloKind, TryArgs};
use super::console::{Console, Stop};
use super::exit::Exit;
use super::session::{Judge, Session};
use crate::capture::write::PcapWriter;
use crate::capture::{Frame, LinkType};
use crate::report::layout::{DIM, DROP, HEADING, PASS, WARN, WIDTH, cut, printable, width};
use crate::report::outcome::Log;
use crate::report::{Outcome, RuleBook, Summary, notice};
use crate::synth::{Conversation, Defaults, Ends, Hello, Shorthand};
use crate::verdict::{Cause, Sink, Verdict};
use serde::Serialize;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::net::IpAddr;
use std::path::Path;

const ETHERNET: LinkType = LinkType(1);

/// Columns within which URLs stand under each other.
const URL_COLUMNS: usize = 48;

/// What is said about a URL stands under it.
const INDENT: usize = 8;

/// Runs the command.
///
/// # Errors
/// When nothing can be tried: a URL, an address or the policy cannot be used, or a file or the output not written.
pub fn run(args: &TryArgs, console: Console) -> Result<Exit, Stop> {
    let wanted = Shorthand::parse_all(args.urls.iter().map(String::as_str))
        .map_err(|error| Stop::bad_input(error.message, error.help))?;
    let session = Session::open(&args.policy, &args.policy_options, &args.engine_options, console)?;
    let trials = make_up(wanted, args, &session)?;
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

fn make_up(wanted: Vec<Shorthand>, args: &TryArgs, session: &Session) -> Result<Vec<Conversation>, Stop> {
    let hello = match args.hello {
        HelloKind::Classic => Hello::Classic,
        HelloKind::PostQuantum => Hello::PostQuantum,
    };
    let defaults = Defaults { home: session.home.clone(), from: args.from, to: args.to, hello };
    let make = |(index, wanted): (usize, Shorthand)| {
        let name = wanted.to_string();
        Conversation::new(wanted, &defaults, index)
            .map_err(|error| Stop::bad_input(format!("`{name}`: {error}"), "give --from and --to of one family"))
    };
    wanted.into_iter().enumerate().map(make).collect()
}

fn save(path: &Path, trials: &[Conversation]) -> io::Result<()> {
    let mut writer = PcapWriter::new(BufWriter::new(File::create(path)?), ETHERNET)?;
    for frame in trials.iter().flat_map(|trial| &trial.frames) {
        writer.write(frame.time_ns, frame.bytes.len() as u32, &frame.bytes)?;
    }
    writer.finish().map(drop)
}

/// Sends all conversations through one engine, one after the other.
fn outcomes(trials: &[Conversation], judge: &mut dyn Judge, book: &RuleBook) -> (Vec<Outcome>, Summary) {
    let mut log = Log::default();
    for (number, frame) in (1..).zip(trials.iter().flat_map(|trial| &trial.frames)) {
        let wire_len = frame.bytes.len() as u32;
        let frame = Frame { number, time_ns: frame.time_ns, link_type: ETHERNET, wire_len, bytes: &frame.bytes };
        judge.process(&frame, &mut log);
    }
    judge.finish(&mut log);

    let mut summary = Summary::new(book);
    log.decisions.iter().for_each(|decision| summary.decision(decision));
    log.alerts.iter().for_each(|alert| summary.alert(alert));
    let mut first = 1;
    let outcome = |trial: &Conversation| {
        let frames = first..first + trial.frames.len() as u64;
        first = frames.end;
        log.outcome(frames, trial.ends.client_port, book)
    };
    (trials.iter().map(outcome).collect(), summary)
}

/// Who decided about each URL and at which packet; what a rule says of itself is cut where the line is full.
fn write_outcomes(
    out: &mut dyn Write,
    trials: &[Conversation],
    outcomes: &[Outcome],
    book: &RuleBook,
) -> io::Result<()> {
    let url = |trial: &Conversation| printable(&trial.wanted.to_string());
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
                let text = format!("{}: {}", trial.what(outcome.packet), book.describe(cause));
                write_line(out, &text, book.message(cause))?;
            }
        }
        for (rule, packet) in &outcome.alerts {
            let at = packet.map_or("end of the flow", |n| trial.what(n));
            let cause = Cause::Rule(*rule);
            let text = format!("{at}: {WARN}alert{WARN:#} {}", book.describe(cause));
            write_line(out, &text, book.message(cause))?;
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

/// One URL's outcome as a record.
#[derive(Serialize)]
struct TryRecord<'a> {
    r#type: &'static str,
    url: String,
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
    fn new(trial: &'a Conversation, outcome: &Outcome, book: &RuleBook) -> Self {
        let sid = match outcome.cause {
            Cause::Rule(id) | Cause::RuleThreshold(id) | Cause::FlowPassed(id) | Cause::FlowDropped(Some(id)) => {
                book.rule(id).map(|rule| rule.sid)
            }
            _ => None,
        };
        Self {
            r#type: "try",
            url: trial.wanted.to_string(),
            src_ip: trial.ends.client,
            dest_ip: trial.ends.server,
            dest_port: trial.wanted.target.port,
            verdict: outcome.verdict.name(),
            packet: outcome.packet + 1,
            packets: trial.frames.len(),
            what: trial.what(outcome.packet),
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
    use crate::synth::HomeNet;
    use crate::verdict::{Alert, Decision, RuleAction, RuleId, Stage};

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
                sink.alert(&Alert {
                    frame_no,
                    rule: RuleId(2),
                    proto: None,
                    src: None,
                    dst: None,
                    direction: None,
                    flow: None,
                });
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
        let words = "https://www.kaggle.com http://casino.example/x icmp://10.9.9.9 http://a.example";
        let home = HomeNet { nets: vec!["10.1.0.0/16".parse().unwrap()], without: Vec::new() };
        let defaults = Defaults { home, ..Defaults::default() };
        let wanted = Shorthand::parse_all([words]).unwrap().into_iter().enumerate();
        let trials: Vec<_> = wanted.map(|(n, wanted)| Conversation::new(wanted, &defaults, n).unwrap()).collect();
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
}
