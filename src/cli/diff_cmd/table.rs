//! The comparison for people.

use super::{Compared, Loaded, Tried};
use crate::diff::tally::{Decider, Destination, Reasons, Tally};
use crate::diff::{Change, ChangeKind, Group, Kind, OutcomeChange, Outcomes, Row};
use crate::report::layout::{
    Cell, Column, DIM, DROP, Grid, HEADING, PASS, PLAIN, Style, WARN, WIDTH, cut, printable, width, wrap,
};
use crate::report::table::capture_text;
use crate::report::units::{bytes, count, counted};
use crate::report::{Outcome, RuleBook, notice};
use crate::verdict::Verdict;
use std::io::{self, Write};

/// Rows of a list before it is cut.
const ROWS: usize = 12;

/// Writes every comparison. Styles are always written; the stream strips them where they are not wanted.
pub(super) fn write(out: &mut dyn Write, all: &[Compared<'_>]) -> io::Result<()> {
    for (index, compared) in all.iter().enumerate() {
        if index > 0 {
            writeln!(out)?;
        }
        head(out, compared)?;
        changes(out, &compared.changes)?;
        if let Some(capture) = &compared.capture {
            groups(out, compared, &capture.outcomes)?;
        }
        tried(out, compared)?;
        if !compared.notices.is_empty() {
            writeln!(out)?;
            notice::write(out, &compared.notices)?;
        }
    }
    out.flush()
}

fn head(out: &mut dyn Write, compared: &Compared<'_>) -> io::Result<()> {
    let mut lines = vec![("Old", side(compared.old), PLAIN), ("New", side(compared.new), PLAIN)];
    if let Some(capture) = &compared.capture {
        lines.push(("Capture", capture_text(capture.facts), PLAIN));
    }
    let kind = compared.kind();
    lines.push(("Result", result(compared), kind.map_or(PLAIN, kind_style)));
    for (gate, holds) in &compared.gates {
        let (text, style) = if *holds { ("holds", PASS) } else { ("violated", DROP) };
        lines.push(("Gate", format!("{} {text}", gate.name()), style));
    }
    for (name, text, style) in lines {
        for (index, part) in wrap(&printable(&text), WIDTH - 9).iter().enumerate() {
            let name = if index == 0 { name } else { "" };
            writeln!(out, "{HEADING}{name:7}{HEADING:#}  {style}{part}{style:#}")?;
        }
    }
    Ok(())
}

fn side(loaded: &Loaded) -> String {
    let run = &loaded.session.run;
    let place = run.place.as_ref().map_or_else(String::new, |place| format!("{}:{}", place.file, place.line));
    format!("{} ({place}), {}", run.policy, run.engine)
}

fn kind_style(kind: Kind) -> Style {
    match kind {
        Kind::Same => PLAIN,
        Kind::Narrower => DROP,
        Kind::Wider | Kind::Both => WARN,
    }
}

/// What came out, in one sentence.
pub(super) fn result(compared: &Compared<'_>) -> String {
    let Some(kind) = compared.kind() else {
        return if compared.changes.is_empty() {
            "nothing was changed".to_owned()
        } else {
            "not known: give a capture, or --try URL, to see what the change does".to_owned()
        };
    };
    let mut parts = Vec::new();
    if let Some(capture) = &compared.capture {
        let Outcomes { newly_passed, newly_dropped, flows, .. } = &capture.outcomes;
        for (tally, words) in [(newly_passed, "newly let through"), (newly_dropped, "newly dropped")] {
            if tally.frames > 0 {
                parts.push(format!("{} {words} ({})", counted(tally.frames, "frame"), bytes(tally.bytes)));
            }
        }
        let changes = OutcomeChange::ALL.map(|change| (change, capture.outcomes.total(change).flows));
        parts.extend(fare_differently(&changes, *flows, "flow"));
    }
    if !compared.tried.is_empty() {
        let is = |change| compared.tried.iter().filter(|tried| tried.change == Some(change)).count() as u64;
        let changes = OutcomeChange::ALL.map(|change| (change, is(change)));
        parts.extend(fare_differently(&changes, compared.tried.len() as u64, "URL"));
    }
    format!("{}: {}", kind.name(), parts.join(", "))
}

/// How many of them have another fate, and how many the same one for another reason.
fn fare_differently(changes: &[(OutcomeChange, u64)], all: u64, noun: &str) -> Vec<String> {
    let sum = |pick: fn(OutcomeChange) -> bool| changes.iter().filter(|(c, _)| pick(*c)).map(|(_, n)| n).sum::<u64>();
    let differently = sum(|change| !matches!(change, OutcomeChange::OtherRule | OutcomeChange::AlertsOnly));
    let verb = if differently == 1 { "fares" } else { "fare" };
    let number = if differently == 0 { "none".to_owned() } else { count(differently) };
    let mut parts = vec![format!("{number} of {} {verb} differently", counted(all, noun))];
    for (change, words) in
        [(OutcomeChange::OtherRule, "decided by another rule"), (OutcomeChange::AlertsOnly, "with other alerts")]
    {
        let n = sum(if change == OutcomeChange::OtherRule {
            |c| c == OutcomeChange::OtherRule
        } else {
            |c| c == OutcomeChange::AlertsOnly
        });
        if n > 0 {
            parts.push(format!("{} {words}", count(n)));
        }
    }
    parts
}

fn changes(out: &mut dyn Write, changes: &[Change]) -> io::Result<()> {
    writeln!(out, "\n{HEADING}What was changed{HEADING:#}")?;
    if changes.is_empty() {
        return writeln!(out, "  nothing");
    }
    for change in changes.iter().take(ROWS * 2) {
        let (mark, style) = match change.kind {
            ChangeKind::Added => ('+', PASS),
            ChangeKind::Removed => ('-', DROP),
            ChangeKind::Changed => ('~', WARN),
        };
        let places = match (&change.old_at, &change.new_at) {
            (Some(old), Some(new)) if old != new => format!(" ({old} → {new})"),
            (Some(place), _) | (None, Some(place)) => format!(" ({place})"),
            (None, None) => String::new(),
        };
        for (index, line) in wrap(&printable(&short(change, &places)), WIDTH - 4).iter().enumerate() {
            let mark = if index == 0 { mark } else { ' ' };
            writeln!(out, "  {style}{mark}{style:#} {line}")?;
        }
    }
    more(out, changes.len().saturating_sub(ROWS * 2), "change", 2)
}

/// The sentence with its places; the sign in front says whether the thing is new or gone.
fn short(change: &Change, places: &str) -> String {
    match (change.kind, &change.old, &change.new) {
        (ChangeKind::Changed, ..) => format!("{}{places}", change.sentence()),
        (_, Some(text), None) | (_, None, Some(text)) => format!("{}{places}: {text}", change.what),
        _ => format!("{}{places}", change.what),
    }
}

fn groups(out: &mut dyn Write, compared: &Compared<'_>, outcomes: &Outcomes) -> io::Result<()> {
    for change in OutcomeChange::ALL {
        let total = outcomes.total(change);
        if total.flows == 0 {
            continue;
        }
        writeln!(out, "\n{HEADING}{}{HEADING:#}  {}", change.title(), amount(&total))?;
        let mut own: Vec<(&Reasons, &Group)> =
            outcomes.groups.iter().filter(|(reasons, _)| reasons.change == change).collect();
        own.sort_by_key(|(_, group)| std::cmp::Reverse(group.total.flows));
        for (reasons, group) in own.iter().take(ROWS) {
            decider(out, "old", reasons.old, &compared.old.session.book)?;
            decider(out, "new", reasons.new, &compared.new.session.book)?;
            lists(out, group)?;
        }
        more(out, own.len().saturating_sub(ROWS), "pair of rules", 2)?;
    }
    Ok(())
}

fn amount(row: &Row) -> String {
    format!(
        "{} of {}, {}, {}",
        counted(row.flows, "flow"),
        counted(row.hosts.len() as u64, "host"),
        counted(row.packets.frames, "packet"),
        bytes(row.packets.bytes)
    )
}

fn decider(out: &mut dyn Write, side: &str, decider: Decider, book: &RuleBook) -> io::Result<()> {
    let style = verdict_style(decider.verdict);
    let text = format!("  {side}  {style}{:6}{style:#}  {}", decider.verdict.name(), book.describe(decider.cause));
    let used = width(&anstream::adapter::strip_str(&text).to_string());
    let message = cut(&printable(book.message(decider.cause)), WIDTH.saturating_sub(used + 2));
    let gap = if message.is_empty() { "" } else { "  " };
    writeln!(out, "{text}{gap}{DIM}{message}{DIM:#}")
}

fn verdict_style(verdict: Verdict) -> Style {
    if verdict == Verdict::Pass { PASS } else { DROP }
}

fn lists(out: &mut dyn Write, group: &Group) -> io::Result<()> {
    let mut grid = Grid::new(&[
        Column::Right,
        Column::Right,
        Column::Right,
        Column::Right,
        Column::Right,
        Column::Left,
        Column::Flexible,
    ]);
    grid.heading(["flows", "hosts", "packets", "bytes", "frame", "", ""]);
    let mut left_out = 0;
    let domains = group.domains.iter().map(|(domain, row)| (domain.as_deref().unwrap_or("(no name)").to_owned(), row));
    let destinations = group.destinations.iter().map(|(destination, row)| (Destination::to_string(destination), row));
    let sources = group.sources.iter().map(|(source, row)| (source.to_string(), row));
    for (name, rows) in
        [("domain", domains.collect::<Vec<_>>()), ("to", destinations.collect()), ("from", sources.collect())]
    {
        let mut rows = rows;
        rows.sort_by_key(|(_, row)| std::cmp::Reverse(row.flows));
        left_out += rows.len().saturating_sub(ROWS);
        for (text, Row { flows, hosts, packets: Tally { frames, bytes: n }, first_frame }) in
            rows.into_iter().take(ROWS)
        {
            grid.row([
                count(*flows).into(),
                count(hosts.len() as u64).into(),
                count(*frames).into(),
                bytes(*n).into(),
                count(*first_frame).into(),
                Cell::new(name, DIM),
                text.into(),
            ]);
        }
    }
    grid.write(out, 4)?;
    more(out, left_out, "row", 4)?;
    if group.not_told_apart > 0 {
        writeln!(out, "    {DIM}and {} that were not told apart{DIM:#}", counted(group.not_told_apart, "flow"))?;
    }
    Ok(())
}

/// Says what a cut list leaves out.
fn more(out: &mut dyn Write, n: usize, noun: &str, indent: usize) -> io::Result<()> {
    match n {
        0 => Ok(()),
        n => writeln!(out, "{:indent$}{DIM}and {} more (--format json has all){DIM:#}", "", counted(n as u64, noun)),
    }
}

fn tried(out: &mut dyn Write, compared: &Compared<'_>) -> io::Result<()> {
    if compared.tried.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n{HEADING}Tried{HEADING:#}")?;
    for tried in &compared.tried {
        let Tried { conversation, old, new, change, .. } = tried;
        let [before, now] = [old, new].map(|outcome| (verdict_style(outcome.verdict), outcome.verdict.name()));
        write!(out, "  {}{}{:#}", before.0, before.1, before.0)?;
        if old.verdict != new.verdict {
            write!(out, " → {}{}{:#}", now.0, now.1, now.0)?;
        }
        let word = change.map_or("nothing differs", OutcomeChange::name);
        let url = printable(&conversation.wanted.to_string());
        writeln!(out, "  {HEADING}{url}{HEADING:#}  {DIM}{word}{DIM:#}")?;
        let lines = [("old", old, &compared.old.session.book), ("new", new, &compared.new.session.book)];
        let mut said = lines.map(|(side, outcome, book)| (side, by(conversation.what(outcome.packet), outcome, book)));
        let [(_, before), (both, now)] = &mut said;
        let same = change.is_none() && before == now;
        if same {
            *both = "   ";
        }
        for ((_, outcome, book), (side, text)) in lines.into_iter().zip(said).skip(usize::from(same)) {
            let text = format!("      {side}  {text}");
            let message = cut(&printable(book.message(outcome.cause)), WIDTH.saturating_sub(width(&text) + 2));
            let gap = if message.is_empty() { "" } else { "  " };
            writeln!(out, "{text}{gap}{DIM}{message}{DIM:#}")?;
        }
    }
    Ok(())
}

/// Who decided, at which packet.
pub(super) fn by(packet: &str, outcome: &Outcome, book: &RuleBook) -> String {
    match outcome.cause {
        crate::verdict::Cause::NoRule => "no rule decided about any packet".to_owned(),
        cause => format!("{packet}: {}", book.describe(cause)),
    }
}
