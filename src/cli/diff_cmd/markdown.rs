//! The comparison as Markdown, for a pull request.

use super::table::{by, result};
use super::{Compared, Loaded};
use crate::diff::tally::{Decider, Destination};
use crate::diff::{Group, OutcomeChange, Row};
use crate::report::RuleBook;
use crate::report::units::{bytes, count, counted};
use std::fmt::Display;
use std::io::{self, Write};

/// Rows of a table before it is cut.
const ROWS: usize = 50;

/// Writes every comparison.
pub(super) fn write(out: &mut dyn Write, all: &[Compared<'_>]) -> io::Result<()> {
    for compared in all {
        comparison(out, compared)?;
    }
    out.flush()
}

fn comparison(out: &mut dyn Write, compared: &Compared<'_>) -> io::Result<()> {
    writeln!(out, "## Firewall change: {}\n", text(&result(compared)))?;
    writeln!(out, "{} → {}", side(compared.old), side(compared.new))?;
    if let Some(capture) = &compared.capture {
        let names: Vec<String> = capture.facts.names.iter().map(|name| code(name)).collect();
        writeln!(out, "on {}, {}.", names.join(", "), counted(capture.facts.frames, "frame"))?;
    }
    for (gate, holds) in &compared.gates {
        writeln!(out, "\n{} Gate `{}` {}", if *holds { "✅" } else { "❌" }, gate.name(), verdict_of_gate(*holds))?;
    }
    writeln!(out, "\n### What was changed\n")?;
    if compared.changes.is_empty() {
        writeln!(out, "Nothing.")?;
    }
    for change in &compared.changes {
        let places: Vec<String> =
            [&change.old_at, &change.new_at].into_iter().flatten().map(|place| code(place)).collect();
        let places = if places.is_empty() { String::new() } else { format!(" ({})", places.join(" → ")) };
        writeln!(out, "- {}{places}", text(&change.sentence()))?;
    }
    if let Some(capture) = &compared.capture {
        for change in OutcomeChange::ALL {
            let total = capture.outcomes.total(change);
            if total.flows == 0 {
                continue;
            }
            let hosts = counted(total.hosts.len() as u64, "host");
            let flows = counted(total.flows, "flow");
            writeln!(out, "\n### {}: {flows} of {hosts}, {}", change.title(), bytes(total.packets.bytes))?;
            for (reasons, group) in capture.outcomes.groups.iter().filter(|(reasons, _)| reasons.change == change) {
                let old = decider(reasons.old, &compared.old.session.book);
                let new = decider(reasons.new, &compared.new.session.book);
                writeln!(out, "\n- old: {old}\n- new: {new}\n")?;
                tables(out, group)?;
            }
        }
    }
    if !compared.tried.is_empty() {
        writeln!(out, "\n### Tried\n\n| URL | old | new | |\n|---|---|---|---|")?;
        for tried in &compared.tried {
            let conversation = &tried.conversation;
            let cell = |outcome: &crate::report::Outcome, book| {
                let by = by(conversation.what(outcome.packet), outcome, book);
                format!("**{}** {}", outcome.verdict.name(), text(&by))
            };
            let old = cell(&tried.old, &compared.old.session.book);
            let new = cell(&tried.new, &compared.new.session.book);
            let word = tried.change.map_or("nothing differs", OutcomeChange::name);
            writeln!(out, "| {} | {old} | {new} | {word} |", code(&conversation.wanted.to_string()))?;
        }
    }
    writeln!(out)
}

fn verdict_of_gate(holds: bool) -> &'static str {
    if holds { "holds" } else { "is violated" }
}

fn side(loaded: &Loaded) -> String {
    format!("{} ({})", code(&loaded.path.display().to_string()), loaded.session.run.engine)
}

fn decider(decider: Decider, book: &RuleBook) -> String {
    let message = book.message(decider.cause);
    let message = if message.is_empty() { String::new() } else { format!(" “{}”", text(message)) };
    format!("**{}** by {}{message}", decider.verdict.name(), text(&book.describe(decider.cause)))
}

fn tables(out: &mut dyn Write, group: &Group) -> io::Result<()> {
    let domains = group.domains.iter().map(|(domain, row)| (domain.as_deref().unwrap_or("(no name)"), row));
    table(out, "domain", domains)?;
    writeln!(out, "<details><summary>destinations and sources</summary>\n")?;
    table(out, "destination", group.destinations.iter().map(|(to, row): (&Destination, _)| (to, row)))?;
    table(out, "source", group.sources.iter())?;
    writeln!(out, "</details>")
}

fn table<'a, N: Display>(out: &mut dyn Write, name: &str, rows: impl Iterator<Item = (N, &'a Row)>) -> io::Result<()> {
    let mut rows: Vec<(N, &Row)> = rows.collect();
    rows.sort_by_key(|(_, row)| std::cmp::Reverse(row.flows));
    writeln!(out, "| {name} | flows | hosts | packets | bytes | first frame |\n|---|--:|--:|--:|--:|--:|")?;
    for (by, row) in rows.iter().take(ROWS) {
        let (flows, hosts, packets) = (count(row.flows), count(row.hosts.len() as u64), count(row.packets.frames));
        let size = bytes(row.packets.bytes);
        writeln!(out, "| {} | {flows} | {hosts} | {packets} | {size} | {} |", code(&by.to_string()), row.first_frame)?;
    }
    let rest = rows.len().saturating_sub(ROWS) as u64;
    if rest > 0 {
        writeln!(out, "| and {} more | | | | | |", count(rest))?;
    }
    writeln!(out)
}

/// Text that means nothing else in Markdown; what stands in backticks stays code.
fn text(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for (index, part) in text.split('`').enumerate() {
        if index % 2 == 1 {
            out.push_str(&code(part));
        } else {
            for c in part.chars() {
                if matches!(c, '\\' | '*' | '_' | '<' | '[' | ']' | '|' | '#') {
                    out.push('\\');
                }
                out.push(if c.is_control() { ' ' } else { c });
            }
        }
    }
    out
}

/// Text as code, which neither ends early nor breaks a table.
fn code(text: &str) -> String {
    let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    format!("`{}`", text.replace('`', "'").replace('|', "\\|"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_means_nothing_in_markdown() {
        assert_eq!(text("a_b `c|d` *e* [f]"), "a\\_b `c\\|d` \\*e\\* \\[f\\]");
        assert_eq!(code("x`y\nz"), "`x'y z`");
    }
}
