//! The summary for people.

use super::layout::{Cell, Column, DIM, DROP, Grid, HEADING, PASS, Style, WARN, WIDTH, cut, printable, wrap};
use super::names::ProtocolName;
use super::rule_book::{GroupLine, Net, Run};
use super::summary::{Blocked, Conversation, FlowTally, NameTally, RuleTally, Summary, Tally};
use super::units::{bytes, count, counted, duration, time};
use super::{CaptureFacts, Notice, RuleBook, notice};
use crate::policy::model::RuleOrder;
use crate::verdict::{Cause, RuleAction, RuleId, Stage, Verdict};
use std::collections::BTreeMap;
use std::io::{self, Write};

/// Columns for who blocked a flow.
const BY_COLUMNS: usize = 40;

/// Rows of a list before it is cut.
const ROWS: usize = 12;

/// Which sections are written. The head and the notices always are.
pub use super::jsonl::Parts;

/// Everything a report is made of.
#[derive(Clone, Copy, Debug)]
pub struct Report<'a> {
    /// What was run.
    pub run: &'a Run,
    /// What was read.
    pub capture: &'a CaptureFacts,
    /// What the rule numbers mean.
    pub book: &'a RuleBook,
    /// The counts.
    pub summary: &'a Summary,
    /// What must be said beside the counts.
    pub notices: &'a [Notice],
}

/// Writes the report. Styles are always written; the stream strips them where they are not wanted.
pub fn write(out: &mut dyn Write, report: &Report<'_>, parts: Parts) -> io::Result<()> {
    head(out, report.run, Some(report.capture))?;
    if parts.packets {
        totals(out, report.summary)?;
        dropped_by(out, report)?;
        custom_actions(out, report.capture)?;
    }
    if parts.flows {
        domains(out, report.summary)?;
        blocked_flows(out, report)?;
    }
    if parts.packets {
        undecided(out, report.summary)?;
    }
    if parts.alerts {
        // what dropped something has its alerts there
        alerts(out, report, parts.packets)?;
    }
    if !report.notices.is_empty() {
        writeln!(out)?;
        notice::write(out, report.notices)?;
    }
    Ok(())
}

/// The policy, its settings and what was read.
pub fn head(out: &mut dyn Write, run: &Run, capture: Option<&CaptureFacts>) -> io::Result<()> {
    let mut lines: Vec<(&str, String)> = Vec::new();
    let mut line = |name, text: String| lines.push((name, text));
    let order = match run.order {
        RuleOrder::Action => "action order",
        RuleOrder::Strict => "strict order",
    };
    let place = run.place.as_ref().map_or_else(String::new, |place| format!(" ({}:{})", place.file, place.line));
    line("Policy", format!("{}{place}, {order}, stream exception {}", run.policy, run.stream_exception));
    line("Engine", run.engine.clone());
    if let Some((full, fragments)) = &run.stateless_defaults {
        line("Stateless", format!("default {full}, UDP fragments {fragments}"));
    }
    if !run.default_actions.is_empty() {
        line("Stateful", format!("default {}", run.default_actions.join(", ")));
    }
    for (name, net) in [("HOME_NET", &run.home_net), ("EXTERNAL_NET", &run.external_net)] {
        if let Some(net) = net {
            line(name, net_text(net));
        }
    }
    if let Some(capture) = capture {
        line("Capture", capture_text(capture));
    }
    let names = lines.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    for (name, text) in &lines {
        for (index, part) in wrap(&printable(text), WIDTH.saturating_sub(names + 2)).iter().enumerate() {
            if index == 0 {
                writeln!(out, "{HEADING}{name:names$}{HEADING:#}  {part}")?;
            } else {
                writeln!(out, "{:names$}  {part}", "")?;
            }
        }
    }
    groups(out, &run.groups)
}

fn groups(out: &mut dyn Write, groups: &[GroupLine]) -> io::Result<()> {
    if groups.is_empty() {
        return Ok(());
    }
    section(out, "Rule groups")?;
    let mut grid = Grid::new(&[Column::Left, Column::Right, Column::Left, Column::Right, Column::Flexible]);
    for group in groups {
        let own: Vec<String> = [("HOME_NET", &group.home_net), ("EXTERNAL_NET", &group.external_net)]
            .into_iter()
            .filter_map(|(name, net)| net.as_ref().map(|net| format!("{name} {}", net_text(net))))
            .collect();
        grid.row([
            Cell::new(if group.stateless { "stateless" } else { "stateful" }, DIM),
            group.priority.map_or_else(String::new, |priority| priority.to_string()).into(),
            group.name.clone().into(),
            counted(group.n_rules as u64, "rule").into(),
            own.join(", ").into(),
        ]);
    }
    grid.write(out, 2)
}

fn net_text(net: &Net) -> String {
    if net.origin.is_empty() { net.value.clone() } else { format!("{}, from {}", net.value, net.origin) }
}

/// The captures, how much is in them, and when it was.
pub fn capture_text(capture: &CaptureFacts) -> String {
    let names = match capture.names.as_slice() {
        [one] => one.clone(),
        [first, rest @ ..] => format!("{first} and {} more", rest.len()),
        [] => String::new(),
    };
    let when = match capture.span_ns {
        Some((first, last)) => {
            format!(", {} UTC, {}", time(first), duration(last.saturating_sub(first).unsigned_abs()))
        }
        None => String::new(),
    };
    format!("{names}, {}, {}{when}", counted(capture.frames, "frame"), bytes(capture.bytes))
}

fn section(out: &mut dyn Write, title: &str) -> io::Result<()> {
    writeln!(out, "\n{HEADING}{title}{HEADING:#}")
}

fn totals(out: &mut dyn Write, summary: &Summary) -> io::Result<()> {
    section(out, "Frames")?;
    let mut grid = Grid::new(&[Column::Left, Column::Left, Column::Right, Column::Right]);
    for stage in [Stage::None, Stage::Stateless, Stage::Stateful] {
        let mut name = match stage {
            Stage::None => "not IP",
            Stage::Stateless | Stage::Stateful => stage.name(),
        };
        for verdict in Verdict::ALL {
            let tally = summary.total(stage, verdict);
            if tally.frames > 0 {
                let (word, style) = done(verdict);
                grid.row([name.into(), Cell::new(word, style), count(tally.frames).into(), bytes(tally.bytes).into()]);
                name = "";
            }
        }
    }
    let all = Verdict::ALL.into_iter().fold(Tally::default(), |sum, verdict| sum.plus(summary.verdict(verdict)));
    grid.row(["all".into(), "".into(), count(all.frames).into(), bytes(all.bytes).into()]);
    grid.write(out, 2)
}

/// A verdict as it is said of frames, and its style.
fn done(verdict: Verdict) -> (&'static str, Style) {
    match verdict {
        Verdict::Pass => ("passed", PASS),
        Verdict::Drop => ("dropped", DROP),
        Verdict::Reject => ("rejected", DROP),
    }
}

fn dropped_by(out: &mut dyn Write, report: &Report<'_>) -> io::Result<()> {
    let summary = report.summary;
    // a rule of both directions is compiled to two
    let mut by_rule: BTreeMap<By, (Tally, u64)> = BTreeMap::new();
    for (id, tally) in summary.rules().filter(|(_, tally)| tally.blocked.frames > 0) {
        let (frames, alerts) = by_rule.entry(by(report.book, Some(id))).or_default();
        *frames = frames.plus(tally.blocked);
        *alerts += tally.alerts;
    }
    let mut all: Vec<(By, (Tally, u64))> = by_rule.into_iter().collect();
    let in_short = |who: String, tally: Tally| (By { who, what: String::new() }, (tally, 0));
    let stateless = summary.stateless_drops();
    all.extend(stateless.map(|(id, tally)| in_short(report.book.describe(Cause::StatelessRule(id)), tally)));
    all.extend(summary.other_drops().map(|(name, tally)| in_short(name.to_owned(), tally)));
    all.retain(|(_, (tally, _))| tally.frames > 0);
    if all.is_empty() {
        return Ok(());
    }
    all.sort_by(|a, b| b.1.0.frames.cmp(&a.1.0.frames).then_with(|| a.0.cmp(&b.0)));
    section(out, "Dropped by")?;
    let mut grid = Grid::new(&[Column::Right, Column::Right, Column::Left, Column::Flexible]);
    let any_alerts = all.iter().any(|(_, (_, alerts))| *alerts > 0);
    grid.heading(["frames", if any_alerts { "alerts" } else { "" }, "", ""]);
    for (by, (tally, alerts)) in all.iter().take(ROWS) {
        grid.row([
            count(tally.frames).into(),
            if *alerts > 0 { count(*alerts) } else { String::new() }.into(),
            by.who.clone().into(),
            Cell::new(&by.what, DIM),
        ]);
    }
    grid.write(out, 2)?;
    more(out, all.len(), "rule")
}

/// Metrics that custom actions of the stateless stage publish.
fn custom_actions(out: &mut dyn Write, capture: &CaptureFacts) -> io::Result<()> {
    if capture.custom_actions.is_empty() {
        return Ok(());
    }
    section(out, "Custom actions")?;
    let mut grid = Grid::new(&[Column::Right, Column::Flexible]);
    grid.heading(["packets", "CustomAction"]);
    for (dimension, n) in &capture.custom_actions {
        grid.row([count(*n).into(), dimension.as_str().into()]);
    }
    grid.write(out, 2)
}

/// Who decided: in short, and the message and place behind it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct By {
    who: String,
    what: String,
}

fn by(book: &RuleBook, id: Option<RuleId>) -> By {
    let Some(id) = id else { return By { who: "no rule".to_owned(), what: String::new() } };
    let who = book.describe(Cause::Rule(id));
    let what = book.rule(id).filter(|rule| rule.default_action.is_none()).map_or("", |rule| &rule.msg);
    By { who, what: what.to_owned() }
}

/// Says what a cut list leaves out.
fn more(out: &mut dyn Write, n: usize, noun: &str) -> io::Result<()> {
    match n.saturating_sub(ROWS) {
        0 => Ok(()),
        rest => writeln!(out, "  {DIM}and {} more{DIM:#}", counted(rest as u64, noun)),
    }
}

fn domains(out: &mut dyn Write, summary: &Summary) -> io::Result<()> {
    for (title, style, pick) in [
        ("Domains blocked", DROP, (|tally| tally.blocked) as fn(&NameTally) -> FlowTally),
        ("Domains allowed", PASS, |tally| tally.allowed),
    ] {
        let mut rows: Vec<(&str, FlowTally)> = summary.names().map(|(name, tally)| (name, pick(tally))).collect();
        rows.retain(|(_, tally)| tally.flows > 0);
        if rows.is_empty() {
            continue;
        }
        rows.sort_by(|a, b| b.1.flows.cmp(&a.1.flows).then_with(|| a.0.cmp(b.0)));
        section(out, title)?;
        let mut grid = Grid::new(&[Column::Right, Column::Right, Column::Right, Column::Flexible]);
        grid.heading(["flows", "packets", "bytes", ""]);
        for (name, tally) in rows.iter().take(ROWS) {
            grid.row([
                count(tally.flows).into(),
                count(tally.packets).into(),
                bytes(tally.bytes).into(),
                Cell::new(name, style),
            ]);
        }
        grid.write(out, 2)?;
        more(out, rows.len(), "name")?;
        let others = pick(&summary.other_names);
        if others.flows > 0 {
            writeln!(out, "  {DIM}and {} of names that were not told apart{DIM:#}", counted(others.flows, "flow"))?;
        }
    }
    Ok(())
}

fn blocked_flows(out: &mut dyn Write, report: &Report<'_>) -> io::Result<()> {
    let mut all: Vec<(&Conversation, &Blocked)> = report.summary.conversations().collect();
    if all.is_empty() {
        return Ok(());
    }
    all.sort_by(|a, b| b.1.dropped.frames.cmp(&a.1.dropped.frames).then_with(|| a.0.cmp(b.0)));
    section(out, "Flows blocked")?;
    let columns = [Column::Right, Column::Right, Column::Right, Column::Flexible, Column::Left, Column::Left];
    let mut grid = Grid::new(&columns);
    grid.heading(["flows", "dropped", "from frame", "", "", "by"]);
    for (conversation, blocked) in all.iter().take(ROWS) {
        let who = match conversation.rule {
            Some(id) => report.book.describe_shortly(id),
            None => "an exception policy".to_owned(),
        };
        grid.row([
            count(blocked.flows).into(),
            count(blocked.dropped.frames).into(),
            count(blocked.first_frame).into(),
            ends(conversation).into(),
            service(conversation.proto, conversation.port).into(),
            cut(&who, BY_COLUMNS).into(),
        ]);
    }
    grid.write(out, 2)?;
    more(out, all.len(), "conversation")?;
    let others = report.summary.other_conversations.flows;
    if others > 0 {
        writeln!(out, "  {DIM}and {} that were not told apart{DIM:#}", counted(others, "flow"))?;
    }
    Ok(())
}

/// `10.0.0.9 → www.example.com`; the server's address where it has no name.
fn ends(conversation: &Conversation) -> String {
    let server = conversation.name.clone().unwrap_or_else(|| conversation.server.to_string());
    format!("{} → {server}", conversation.client)
}

/// `tcp/443`, `icmp`.
fn service(proto: u8, port: Option<u16>) -> String {
    let proto = ProtocolName(proto).to_string().to_lowercase();
    port.map_or_else(|| proto.clone(), |port| format!("{proto}/{port}"))
}

fn undecided(out: &mut dyn Write, summary: &Summary) -> io::Result<()> {
    if summary.no_rule.frames == 0 {
        return Ok(());
    }
    section(out, "Passed because no rule decided")?;
    write!(out, "  {}, {}", counted(summary.no_rule.frames, "frame"), bytes(summary.no_rule.bytes))?;
    let mut all: Vec<_> = summary.undecided_services().collect();
    if all.is_empty() {
        return writeln!(out);
    }
    writeln!(out, "; of them these flows, about which no rule decided at all:")?;
    all.sort_by(|a, b| b.1.flows.cmp(&a.1.flows).then_with(|| a.0.cmp(b.0)));
    let mut grid = Grid::new(&[Column::Right, Column::Right, Column::Right, Column::Left, Column::Flexible]);
    grid.heading(["flows", "packets", "bytes", "", ""]);
    for (key, tally) in all.iter().take(ROWS) {
        grid.row([
            count(tally.flows).into(),
            count(tally.packets).into(),
            bytes(tally.bytes).into(),
            service(key.proto, key.port).into(),
            match key.app_proto {
                Some("failed") => Cell::new("not recognised", DIM),
                known => known.unwrap_or("").into(),
            },
        ]);
    }
    grid.write(out, 2)?;
    more(out, all.len(), "service")
}

fn alerts(out: &mut dyn Write, report: &Report<'_>, without_drops: bool) -> io::Result<()> {
    let mut by_rule: BTreeMap<(By, RuleAction), u64> = BTreeMap::new();
    let wanted = |tally: &RuleTally| tally.alerts > 0 && !(without_drops && tally.blocked.frames > 0);
    for (id, tally) in report.summary.rules().filter(|(_, tally)| wanted(tally)) {
        let action = report.book.rule(id).map_or(RuleAction::Alert, |rule| rule.action);
        *by_rule.entry((by(report.book, Some(id)), action)).or_default() += tally.alerts;
    }
    let mut all: Vec<((By, RuleAction), u64)> = by_rule.into_iter().collect();
    if all.is_empty() {
        return Ok(());
    }
    all.sort_by_key(|(_, n)| std::cmp::Reverse(*n));
    section(out, "Alerts")?;
    let mut grid = Grid::new(&[Column::Right, Column::Left, Column::Left, Column::Flexible]);
    grid.heading(["alerts", "action", "", ""]);
    for ((by, action), n) in all.iter().take(ROWS) {
        let style = match action {
            RuleAction::Drop | RuleAction::Reject => DROP,
            RuleAction::Alert => WARN,
            RuleAction::Pass => PASS,
        };
        let (who, what) = (by.who.as_str().into(), Cell::new(&by.what, DIM));
        grid.row([count(*n).into(), Cell::new(action.name(), style), who, what]);
    }
    grid.write(out, 2)?;
    more(out, all.len(), "rule")
}

#[cfg(test)]
mod tests {
    use super::super::rule_book::{RuleEntry, StatelessGroupEntry};
    use super::super::summary::tests::{decision, flow};
    use super::*;
    use crate::source::{Location, Sources, Span};
    use crate::verdict::{Alert, FlowRecord, Sink, StatelessRuleId};

    fn book() -> RuleBook {
        let mut sources = Sources::new();
        let file = sources.add("egress.json", "\n".repeat(50));
        let place = |line: usize| Span::new(file, line - 1..line);
        let rule = |sid, action, msg: &str, line| RuleEntry {
            sid,
            rev: 1,
            action,
            msg: msg.to_owned(),
            group: "domains".to_owned(),
            span: Some(place(line)),
            default_action: None,
            modelled: false,
        };
        let modelled = RuleEntry {
            default_action: Some("drop_established".to_owned()),
            modelled: true,
            ..rule(4, RuleAction::Drop, "aws:drop_established action", 1)
        };
        RuleBook {
            rules: vec![
                rule(1, RuleAction::Pass, "kaggle", 12),
                rule(9, RuleAction::Alert, "watch this", 13),
                rule(2, RuleAction::Drop, "no gambling", 14),
                modelled,
            ],
            sources,
            stateless_groups: vec![StatelessGroupEntry { name: "icmp".to_owned(), rules: vec![(10, place(40))] }],
        }
    }

    fn run() -> Run {
        let net = |value: &str, origin: &str| Some(Net { value: value.to_owned(), origin: origin.to_owned() });
        let group = GroupLine {
            name: "icmp".to_owned(),
            stateless: true,
            priority: Some(1),
            n_rules: 1,
            home_net: None,
            external_net: None,
        };
        Run {
            policy: "egress".to_owned(),
            place: Some(Location { file: "egress.json".to_owned(), line: 2, column: 1 }),
            engine: "Suricata 7.0".to_owned(),
            order: RuleOrder::Strict,
            default_actions: vec!["aws:drop_established".to_owned()],
            stream_exception: "drop",
            stateless_defaults: Some(("aws:forward_to_sfe".to_owned(), "aws:drop".to_owned())),
            groups: vec![
                group.clone(),
                GroupLine {
                    name: "domains".to_owned(),
                    stateless: false,
                    priority: Some(100),
                    n_rules: 1234,
                    home_net: net("10.1.0.0/16", "the group's RuleVariables"),
                    ..group
                },
            ],
            home_net: net("10.0.0.0/16", "--home-net"),
            external_net: None,
            notices: vec![Notice::new(
                "the managed group `Threats` has no text",
                "give it with `--rule-group ARN=FILE`",
            )],
        }
    }

    /// A small morning: one allowed and two blocked conversations, a ping, an ARP frame, an NTP flow.
    fn morning(sink: &mut dyn Sink) {
        let mut frame_no = 0;
        let mut decide = |sink: &mut dyn Sink, stage, verdict, cause, flow, n| {
            for _ in 0..n {
                frame_no += 1;
                sink.decision(&decision(frame_no, stage, verdict, cause, flow));
            }
        };
        let none = Verdict::Pass;
        decide(sink, Stage::None, none, Cause::NotIp, None, 1);
        let ping = Cause::StatelessRule(StatelessRuleId { group: 0, rule: 0 });
        decide(sink, Stage::Stateless, Verdict::Drop, ping, None, 2);
        decide(sink, Stage::Stateful, none, Cause::NoRule, Some(1), 3);
        decide(sink, Stage::Stateful, none, Cause::Rule(RuleId(0)), Some(1), 1);
        decide(sink, Stage::Stateful, none, Cause::FlowPassed(RuleId(0)), Some(1), 1500);
        decide(sink, Stage::Stateful, none, Cause::NoRule, Some(2), 3);
        decide(sink, Stage::Stateful, Verdict::Drop, Cause::Rule(RuleId(2)), Some(2), 1);
        decide(sink, Stage::Stateful, Verdict::Drop, Cause::FlowDropped(Some(RuleId(2))), Some(2), 6);
        decide(sink, Stage::Stateful, none, Cause::NoRule, Some(3), 3);
        decide(sink, Stage::Stateful, Verdict::Drop, Cause::Rule(RuleId(3)), Some(3), 2);
        decide(sink, Stage::Stateful, none, Cause::NoRule, Some(4), 2);
        let alert =
            Alert { frame_no: 7, rule: RuleId(1), proto: None, src: None, dst: None, direction: None, flow: None };
        for _ in 0..3 {
            sink.alert(&alert);
        }
        sink.flow(&flow(1, "www.kaggle.com", 443, None));
        sink.flow(&flow(2, "casino.example", 443, Some((1511, Some(RuleId(2))))));
        sink.flow(&flow(3, "", 22, Some((1521, Some(RuleId(3))))));
        sink.flow(&FlowRecord { proto: 17, app_proto: Some("ntp"), ..flow(4, "", 123, None) });
    }

    fn written(parts: Parts) -> String {
        let (book, run) = (book(), run());
        let mut summary = Summary::new(&book);
        morning(&mut summary);
        let capture = CaptureFacts {
            names: vec!["morning.pcapng".to_owned()],
            frames: 1524,
            bytes: 152_400,
            span_ns: Some((1_767_225_600_000_000_000, 1_767_226_233_000_000_000)),
            ..CaptureFacts::default()
        };
        let notices = notice::of_replay(&run.notices, &book, &summary, &capture);
        let report = Report { run: &run, capture: &capture, book: &book, summary: &summary, notices: &notices };
        let mut out = Vec::new();
        write(&mut out, &report, parts).unwrap();
        anstream::adapter::strip_str(std::str::from_utf8(&out).unwrap()).to_string()
    }

    #[test]
    fn a_report_reads_from_policy_to_notices() {
        insta::assert_snapshot!(written(Parts::ALL), @r"
        Policy     egress (egress.json:2), strict order, stream exception drop
        Engine     Suricata 7.0
        Stateless  default aws:forward_to_sfe, UDP fragments aws:drop
        Stateful   default aws:drop_established
        HOME_NET   10.0.0.0/16, from --home-net
        Capture    morning.pcapng, 1,524 frames, 152.4 kB, 2026-01-01 00:00:00 UTC, 10 min 33 s

        Rule groups
          stateless    1  icmp          1 rule
          stateful   100  domains  1,234 rules  HOME_NET 10.1.0.0/16, from the group's RuleVariables

        Frames
          not IP     passed       1     100 B
          stateless  dropped      2     200 B
          stateful   passed   1,512  151.2 kB
                     dropped      9     900 B
          all                 1,524  152.4 kB

        Dropped by
          frames
               7  sid 2 (egress.json:14)             no gambling
               2  aws:drop_established (modelled)
               2  icmp priority 10 (egress.json:40)

        Domains blocked
          flows  packets  bytes
              1        2  200 B  casino.example

        Domains allowed
          flows  packets  bytes
              1        2  200 B  www.kaggle.com

        Flows blocked
          flows  dropped  from frame                                      by
              1        7       1,511  10.0.0.9 → casino.example  tcp/443  sid 2
              1        2       1,521  10.0.0.9 → 203.0.113.10    tcp/22   aws:drop_established

        Passed because no rule decided
          11 frames, 1.1 kB; of them these flows, about which no rule decided at all:
          flows  packets  bytes
              1        2  200 B  udp/123  ntp

        Alerts
          alerts  action
               3  alert   sid 9 (egress.json:13)  watch this

        note: the managed group `Threats` has no text
              give it with `--rule-group ARN=FILE`
        note: default actions decided by modelled rules: aws:drop_established 2 frames
              AWS does not publish their rules; try your own with `--default-action-rules FILE`
        note: a replay shows what the firewall does to the traffic as captured
              behind a drop real endpoints would have behaved differently: retransmitted, given up, tried
              elsewhere
        ");
    }

    #[test]
    fn nothing_is_wider_than_a_report_may_be() {
        assert!(written(Parts::ALL).lines().all(|line| super::super::layout::width(line) <= WIDTH));
    }
}
