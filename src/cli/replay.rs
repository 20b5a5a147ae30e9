//! `firedrill replay`: captures through a policy.

use super::args::{FailOn, Part, ReplayArgs, ReplayFormat};
use super::console::{Console, Stop};
use super::exit::Exit;
use super::feed::Feed;
use super::firewall::{Firewall, tell};
use super::session::{Judge, Session};
use crate::engine::{EngineConfig, Fleet};
use crate::policy::model::Policy;
use crate::report::aws_log::{AwsLog, AwsLogKind, Envelope};
use crate::report::jsonl::{JsonlWriter, Parts};
use crate::report::metrics::Metrics;
use crate::report::table::Report;
use crate::report::{CaptureFacts, RuleBook, Run, Summary, notice, table};
use crate::verdict::{Alert, Decision, FlowRecord, Sink, Verdict};
use std::io::Write;
use std::ops::ControlFlow;

/// Runs the command.
///
/// # Errors
/// When there is nothing to report: the policy or a capture cannot be used, or the output cannot be written.
pub fn run(args: &ReplayArgs, console: Console) -> Result<Exit, Stop> {
    refuse(args)?;
    let (session, policy) =
        Session::open_with_policy(&args.policy, &args.policy_options, &args.engine_options, console)?;
    let shows_progress = console.shows_progress(args.format != ReplayFormat::Table);
    let feed = Feed::open(&args.captures, args.decapsulate, shows_progress)?;
    let mut judge = session.judge(args.decapsulate);
    let judges = match args.threads.unwrap_or_else(cores) {
        1 => Judges::One(&mut judge),
        threads => Judges::Shards(session.firewall(), threads),
    };
    let parts = parts(&args.only);
    let (summary, facts) = match args.format {
        ReplayFormat::Jsonl => records(feed, judges, &session.book, parts, console.records())?,
        ReplayFormat::AwsAlert | ReplayFormat::AwsFlow | ReplayFormat::AwsTls => {
            aws_records(args, feed, &session, &policy, console.records())?
        }
        ReplayFormat::Table => {
            let mut summary = Summary::new(&session.book);
            let facts = judges.take(feed, &mut summary, |_| false)?;
            let mut out = console.out();
            let metrics = args.metrics.then(|| Metrics::new(&summary, &facts, policy.stateless.is_some()));
            write_table(&mut out, &session.run, &session.book, &summary, &facts, parts, |out| match &metrics {
                Some(metrics) => metrics.write(out, firewall_name(args, &policy), &args.availability_zone),
                None => Ok(()),
            })?;
            (summary, facts)
        }
    };
    if args.format != ReplayFormat::Table {
        let notices = notice::of_replay(&session.run.notices, &session.book, &summary, &facts);
        notice::write(&mut console.err(), &notices)?;
    }
    Ok(exit(&args.fail_on, &summary, &facts))
}

/// What cannot be had.
fn refuse(args: &ReplayArgs) -> Result<(), Stop> {
    if args.format == ReplayFormat::AwsTls {
        let message = "the TLS log exists only under TLS inspection, which is not simulated";
        return Err(Stop::bad_input(message, "--format aws-alert and aws-flow write the other two logs"));
    }
    if args.metrics && args.format != ReplayFormat::Table {
        return Err(Stop::bad_input("--metrics goes with the table only", "leave --format out, or --metrics"));
    }
    if !args.only.is_empty() && matches!(args.format, ReplayFormat::AwsAlert | ReplayFormat::AwsFlow) {
        return Err(Stop::bad_input(
            "--only does not go with Network Firewall's logs",
            "each log has one kind of record",
        ));
    }
    Ok(())
}

fn firewall_name<'a>(args: &'a ReplayArgs, policy: &'a Policy) -> &'a str {
    args.firewall_name.as_deref().unwrap_or(&policy.name)
}

/// Writes one of Network Firewall's logs, and counts beside it.
fn aws_records(
    args: &ReplayArgs,
    mut feed: Feed,
    session: &Session,
    policy: &Policy,
    out: impl Write,
) -> Result<(Summary, CaptureFacts), Stop> {
    let kind = if args.format == ReplayFormat::AwsFlow { AwsLogKind::Flow } else { AwsLogKind::Alert };
    let program = session.firewall().program();
    let groups = policy.stateful.groups.iter();
    let envelope = Envelope {
        firewall_name: firewall_name(args, policy).to_owned(),
        availability_zone: args.availability_zone.clone(),
        arns: groups.filter_map(|group| Some((group.name.clone(), group.arn.clone()?))).collect(),
        severities: program.rules().map(|(_, rule)| rule.severity).collect(),
    };
    let log = AwsLog::new(out, &session.book, kind, envelope);
    let mut both = [Both { summary: Summary::new(&session.book), writer: log }];
    let config = EngineConfig { decapsulate: args.decapsulate, ..EngineConfig::default() };
    let mut fleet = Fleet::new([program], config);
    let mut facts = feed.each(|frame| {
        let [one] = &mut both;
        one.writer.begin(frame.time_ns);
        let seen = fleet.process(frame, &mut both);
        let [one] = &mut both;
        if let Some(seen) = seen {
            one.writer.seen(seen);
        }
        if one.writer.error().is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    let [one] = &mut both;
    one.writer.ending();
    fleet.finish(&mut both);
    if let Some(engine) = fleet.engine(0) {
        tell(engine.facts(), &mut facts);
    }
    let [Both { summary, writer }] = both;
    writer.finish()?;
    Ok((summary, facts))
}

/// Writes records as frames are decided, and counts beside them.
fn records(
    feed: Feed,
    judges: Judges<'_>,
    book: &RuleBook,
    parts: Parts,
    out: impl Write,
) -> Result<(Summary, CaptureFacts), Stop> {
    let mut both = Both { summary: Summary::new(book), writer: JsonlWriter::new(out, book, parts) };
    let facts = judges.take(feed, &mut both, |both| both.writer.error().is_some())?;
    both.writer.finish()?;
    Ok((both.summary, facts))
}

fn write_table(
    out: &mut dyn Write,
    run: &Run,
    book: &RuleBook,
    summary: &Summary,
    capture: &CaptureFacts,
    parts: Parts,
    behind: impl FnOnce(&mut dyn Write) -> std::io::Result<()>,
) -> Result<(), Stop> {
    let notices = notice::of_replay(&run.notices, book, summary, capture);
    table::write(out, &Report { run, capture, book, summary, notices: &notices }, parts)?;
    behind(out)?;
    Ok(out.flush()?)
}

/// Cores of the machine that may be used.
fn cores() -> u16 {
    std::thread::available_parallelism().map_or(1, |cores| u16::try_from(cores.get()).unwrap_or(u16::MAX))
}

/// Who decides.
enum Judges<'a> {
    /// One engine, on this thread.
    One(&'a mut dyn Judge),
    /// So many engines at once.
    Shards(&'a Firewall, u16),
}

impl Judges<'_> {
    /// Sends every frame through them, until there are no more or `full` says that the sink takes no more.
    fn take<S: Sink>(self, mut feed: Feed, sink: &mut S, full: impl Fn(&S) -> bool) -> Result<CaptureFacts, Stop> {
        match self {
            Self::One(judge) => feed.through(judge, sink, full),
            Self::Shards(firewall, threads) => feed.through_shards(firewall, threads, sink, full),
        }
    }
}

/// Writes and counts.
struct Both<S> {
    summary: Summary,
    writer: S,
}

impl<S: Sink> Sink for Both<S> {
    fn decision(&mut self, decision: &Decision) {
        self.writer.decision(decision);
        self.summary.decision(decision);
    }

    fn alert(&mut self, alert: &Alert) {
        self.writer.alert(alert);
        self.summary.alert(alert);
    }

    fn flow(&mut self, flow: &FlowRecord) {
        self.writer.flow(flow);
        self.summary.flow(flow);
    }
}

/// `--only`; everything when it is not given.
fn parts(only: &[Part]) -> Parts {
    if only.is_empty() {
        return Parts::ALL;
    }
    let has = |part| only.contains(&part);
    Parts { packets: has(Part::Packets), alerts: has(Part::Alerts), flows: has(Part::Flows) }
}

fn exit(fail_on: &[FailOn], summary: &Summary, facts: &CaptureFacts) -> Exit {
    let rejected = summary.verdict(Verdict::Reject).frames;
    let found = fail_on.iter().any(|what| match what {
        FailOn::Drop => summary.verdict(Verdict::Drop).frames + rejected > 0,
        FailOn::Reject => rejected > 0,
        FailOn::Alert => summary.alerts > 0,
    });
    let findings = if found { Exit::Findings } else { Exit::Done };
    findings.or(if facts.damage.is_empty() { Exit::Done } else { Exit::Partial })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::write::PcapWriter;
    use crate::capture::{Capture, Frame, LinkType};
    use crate::verdict::{Cause, Stage};
    use std::io;

    /// Drops every second frame.
    struct EverySecond;

    impl Judge for EverySecond {
        fn process(&mut self, frame: &Frame<'_>, sink: &mut dyn Sink) {
            let verdict = if frame.number.is_multiple_of(2) { Verdict::Drop } else { Verdict::Pass };
            sink.decision(&Decision {
                frame_no: frame.number,
                wire_len: frame.wire_len,
                verdict,
                stage: Stage::Stateful,
                cause: if verdict == Verdict::Pass { Cause::NoRule } else { Cause::StreamError },
                drop_rule: None,
                flow: None,
                cut: false,
            });
        }

        fn finish(&mut self, _: &mut dyn Sink) {}
    }

    /// A capture of three frames, without its last `cut` bytes.
    fn three_frames(cut: usize) -> Capture {
        let mut writer = PcapWriter::new(Vec::new(), LinkType(1)).unwrap();
        for time in [3_000_000_000, 1_000_000_000, 2_000_000_000] {
            writer.write(time, 60, &[0; 60]).unwrap();
        }
        let mut bytes = writer.finish().unwrap();
        bytes.truncate(bytes.len() - cut);
        Capture::from_reader("x.pcap", io::Cursor::new(bytes)).unwrap()
    }

    fn replayed(cut: usize, out: impl Write) -> Result<(Summary, CaptureFacts), Stop> {
        let feed = Feed::new(three_frames(cut), vec!["x.pcap".to_owned()], false);
        records(feed, Judges::One(&mut EverySecond), &RuleBook::default(), Parts::ALL, out)
    }

    #[test]
    fn frames_are_written_and_counted() {
        let mut out = Vec::new();
        let (summary, facts) = replayed(0, &mut out).unwrap();
        assert_eq!(String::from_utf8(out).unwrap().lines().count(), 3);
        assert_eq!((summary.verdict(Verdict::Drop).frames, facts.frames, facts.bytes, facts.backwards), (1, 3, 180, 1));
        assert_eq!(facts.span_ns, Some((1_000_000_000, 3_000_000_000)));
        assert_eq!(exit(&[], &summary, &facts), Exit::Done);
        assert_eq!(exit(&[FailOn::Reject, FailOn::Alert], &summary, &facts), Exit::Done);
        assert_eq!(exit(&[FailOn::Drop], &summary, &facts), Exit::Findings);
    }

    #[test]
    fn a_damaged_capture_makes_partial_results() {
        let (summary, facts) = replayed(1, io::sink()).unwrap();
        assert_eq!((facts.frames, facts.damage.len()), (2, 1));
        assert_eq!(exit(&[FailOn::Drop], &summary, &facts), Exit::Partial);
    }

    #[test]
    fn a_closed_pipe_is_success_and_a_full_disk_is_not() {
        struct Failing(io::ErrorKind);
        impl Write for Failing {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(self.0.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let exit = |kind| replayed(0, Failing(kind)).map(|_| ()).unwrap_err().exit;
        assert_eq!(exit(io::ErrorKind::BrokenPipe), Exit::Done);
        assert_eq!(exit(io::ErrorKind::StorageFull), Exit::Internal);
    }
}
