//! Diagnostics as text for people: message, place, the line with carets, what to do.
//!
//! In: [`Diagnostic`]s and the [`Sources`] they point into. Out: styled text; the stream it is written to strips the
//! styles where they are not wanted. Lines are kept within [`WIDTH`] columns, gutter included: a policy may be one line of 2 MB.

use crate::report::layout::{WIDTH, printable, printable_char, width, wrap};
use crate::source::{Diagnostic, Label, Severity, Sources};
use anstyle::{AnsiColor, Style};
use std::io::{self, Write};

/// Columns of context in front of a caret when a long line is windowed.
const LEAD: usize = 30;

const GUTTER: Style = AnsiColor::Blue.on_default().bold();
const HELP: Style = AnsiColor::Cyan.on_default().bold();
const BOLD: Style = Style::new().bold();

/// Prints all diagnostics of a load, the errors last, and a line that counts them.
pub fn diagnostics(out: &mut dyn Write, sources: &Sources, all: &[Diagnostic]) -> io::Result<()> {
    for severity in [Severity::Note, Severity::Warning, Severity::Error] {
        for diagnostic in all.iter().filter(|d| d.severity == severity) {
            one(out, sources, diagnostic)?;
            writeln!(out)?;
        }
    }
    match count_line(all) {
        Some(line) => writeln!(out, "{line}"),
        None => Ok(()),
    }
}

/// Prints one diagnostic.
pub fn one(out: &mut dyn Write, sources: &Sources, diagnostic: &Diagnostic) -> io::Result<()> {
    let style = style(diagnostic.severity);
    let word = word(diagnostic.severity);
    let Diagnostic { code, message, labels, help, .. } = diagnostic;
    writeln!(out, "{style}{word}[{code}]{style:#}{BOLD}: {}{BOLD:#}", printable(message))?;

    let last_line = labels.iter().map(|label| sources.location(label.span).line).max().unwrap_or(0);
    let gutter = last_line.to_string().len();
    let mut shown = None;
    for (index, label) in labels.iter().enumerate() {
        let at = sources.location(label.span);
        let place = (label.span.file, at.line);
        let again = shown == Some(place);
        if !again {
            let arrow = if index == 0 { "-->" } else { ":::" };
            writeln!(out, "{:gutter$}{GUTTER}{arrow}{GUTTER:#} {}", "", printable(&at.to_string()))?;
            shown = Some(place);
        }
        let (style, mark) = if index == 0 { (style, '^') } else { (GUTTER, '-') };
        let window = Window::around(sources, label, WIDTH.saturating_sub(gutter + 3));
        if !again || window.is_cut {
            writeln!(out, "{:gutter$} {GUTTER}|{GUTTER:#}", "")?;
            writeln!(out, "{GUTTER}{:gutter$} |{GUTTER:#} {}", at.line, window.text)?;
        }
        let carets = mark.to_string().repeat(window.caret_columns);
        let text = if label.text.is_empty() { String::new() } else { format!(" {}", printable(&label.text)) };
        let indent = window.caret_at;
        writeln!(out, "{:gutter$} {GUTTER}|{GUTTER:#} {:indent$}{style}{carets}{text}{style:#}", "", "")?;
    }
    if let Some(help) = help {
        let mark = if labels.is_empty() { "" } else { "= " };
        let lead = gutter + 1 + mark.len() + "help: ".len();
        for (index, line) in wrap(&printable(help), WIDTH.saturating_sub(lead)).iter().enumerate() {
            if index == 0 {
                writeln!(out, "{:gutter$} {GUTTER}{mark}{GUTTER:#}{HELP}help: {HELP:#}{line}", "")?;
            } else {
                writeln!(out, "{:lead$}{line}", "")?;
            }
        }
    }
    Ok(())
}

/// `2 errors, 1 warning`; nothing when there is neither.
fn count_line(all: &[Diagnostic]) -> Option<String> {
    let parts: Vec<String> = [Severity::Error, Severity::Warning]
        .into_iter()
        .filter_map(|severity| {
            let n = all.iter().filter(|d| d.severity == severity).count();
            let style = style(severity);
            let plural = if n == 1 { "" } else { "s" };
            (n > 0).then(|| format!("{style}{n} {}{plural}{style:#}", word(severity)))
        })
        .collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::Note => "note",
        Severity::Warning => "warning",
        Severity::Error => "error",
    }
}

fn style(severity: Severity) -> Style {
    match severity {
        Severity::Note => AnsiColor::Green.on_default().bold(),
        Severity::Warning => AnsiColor::Yellow.on_default().bold(),
        Severity::Error => AnsiColor::Red.on_default().bold(),
    }
}

/// The part of a line that is shown, and where the carets go under it.
struct Window {
    text: String,
    caret_at: usize,
    caret_columns: usize,
    /// The line is longer than what is shown of it.
    is_cut: bool,
}

impl Window {
    fn around(sources: &Sources, label: &Label, columns: usize) -> Self {
        let text = sources.text(label.span.file);
        let start = text.floor_char_boundary(label.span.start as usize);
        let end = text.ceil_char_boundary((label.span.end as usize).max(start));
        let before = text.get(..start).unwrap_or("");
        let line_start = memchr::memrchr(b'\n', before.as_bytes()).map_or(0, |at| at + 1);
        let rest = text.get(start..).unwrap_or("");
        let line_end = start + memchr::memchr(b'\n', rest.as_bytes()).unwrap_or(rest.len());

        let before = text.get(line_start..start).unwrap_or("");
        let marked = text.get(start..end.min(line_end)).unwrap_or("").trim_end_matches('\r');
        let after = text.get(end.min(line_end)..line_end).unwrap_or("").trim_end_matches('\r');

        let fits = shown_width(before, columns) + shown_width(marked, columns) + shown_width(after, columns) <= columns;
        let (lead, lead_cut) = if fits { (printable(before), false) } else { tail(before, LEAD) };
        let lead_columns = width(&lead) + usize::from(lead_cut);
        // what is said about the place stands behind the carets, on the same line
        let said = if label.text.is_empty() { 0 } else { width(&label.text) + 1 };
        let room = columns.saturating_sub(lead_columns + 1);
        let (middle, middle_cut) = head(marked, room.saturating_sub(said).max(room / 2));
        let left = columns.saturating_sub(lead_columns + width(&middle) + usize::from(middle_cut));
        let (trail, trail_cut) = if middle_cut { (String::new(), false) } else { head(after, left.saturating_sub(1)) };

        let ellipsis = |cut| if cut { "…" } else { "" };
        let text =
            format!("{}{lead}{middle}{}{trail}{}", ellipsis(lead_cut), ellipsis(middle_cut), ellipsis(trail_cut));
        Self { text, caret_at: lead_columns, caret_columns: width(&middle).max(1), is_cut: !fits }
    }
}

/// The first `columns` columns as they are printed, and whether that is less than all.
fn head(text: &str, columns: usize) -> (String, bool) {
    let mut shown = String::new();
    let mut used = 0;
    for c in text.chars() {
        let cell = printable_char(c);
        let w = width(&cell);
        if used + w > columns {
            return (shown, true);
        }
        used += w;
        shown.push_str(&cell);
    }
    (shown, false)
}

/// The last `columns` columns, likewise.
fn tail(text: &str, columns: usize) -> (String, bool) {
    let mut cells = Vec::new();
    let mut used = 0;
    for c in text.chars().rev() {
        let cell = printable_char(c);
        let w = width(&cell);
        if used + w > columns {
            cells.reverse();
            return (cells.concat(), true);
        }
        used += w;
        cells.push(cell);
    }
    cells.reverse();
    (cells.concat(), false)
}

/// Columns of a text, counted no further than is needed to know that it is more than `enough`.
fn shown_width(text: &str, enough: usize) -> usize {
    text.chars().take(enough + 1).map(|c| width(&printable_char(c))).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Span;

    fn rendered(text: &str, mark: &str, build: impl Fn(Diagnostic, Span) -> Diagnostic) -> String {
        let mut sources = Sources::new();
        let file = sources.add("egress.json", text);
        let at = text.find(mark).unwrap();
        let span = Span::new(file, at..at + mark.len());
        let all = [build(Diagnostic::error("FD0203", "keyword `dsiz` is not known"), span)];
        let mut out = Vec::new();
        diagnostics(&mut out, &sources, &all).unwrap();
        anstream::adapter::strip_str(std::str::from_utf8(&out).unwrap()).to_string()
    }

    #[test]
    fn a_place_is_shown_with_carets_and_help() {
        let text = "first\nalert tcp any any -> any any (dsiz:5; sid:1;)\n";
        let shown = rendered(text, "dsiz", |d, span| d.at(span).help("did you mean `dsize`?"));
        insta::assert_snapshot!(shown, @r"
        error[FD0203]: keyword `dsiz` is not known
         --> egress.json:2:31
          |
        2 | alert tcp any any -> any any (dsiz:5; sid:1;)
          |                               ^^^^
          = help: did you mean `dsize`?

        1 error
        ");
    }

    #[test]
    fn a_long_line_is_windowed_around_the_place() {
        let text = format!("{{\"x\": \"{}dsiz:5{}\"}}", "a".repeat(5000), "b".repeat(5000));
        let shown = rendered(&text, "dsiz", |d, span| d.label(span, "here"));
        insta::assert_snapshot!(shown, @r"
        error[FD0203]: keyword `dsiz` is not known
         --> egress.json:1:5008
          |
        1 | …aaaaaaaaaaaaaaaaaaaaaaaaaaaaaadsiz:5bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb…
          |                                ^^^^ here

        1 error
        ");
        assert!(shown.lines().all(|line| line.chars().count() <= WIDTH), "{shown}");
    }

    #[test]
    fn tabs_wide_characters_and_controls_keep_the_carets_in_place() {
        let shown = rendered("\t日本\x1b[31m dsiz:5;", "dsiz", Diagnostic::at);
        insta::assert_snapshot!(shown, @r"
        error[FD0203]: keyword `dsiz` is not known
         --> egress.json:1:10
          |
        1 |     日本␛[31m dsiz:5;
          |               ^^^^

        1 error
        ");
    }

    #[test]
    fn further_places_follow_and_share_a_line() {
        let text = "pass tcp any any -> any any (sid:7;)\ndrop tcp any any -> any any (sid:7; dsiz:1;)\n";
        let shown = rendered(text, "dsiz", |d, span| {
            d.label(span, "this")
                .label(Span { start: 65, end: 71, ..span }, "in this rule")
                .label(Span { start: 29, end: 35, ..span }, "first used here")
        });
        insta::assert_snapshot!(shown, @r"
        error[FD0203]: keyword `dsiz` is not known
         --> egress.json:2:37
          |
        2 | drop tcp any any -> any any (sid:7; dsiz:1;)
          |                                     ^^^^ this
          |                             ------ in this rule
         ::: egress.json:1:30
          |
        1 | pass tcp any any -> any any (sid:7;)
          |                              ------ first used here

        1 error
        ");
    }

    #[test]
    fn errors_come_last_and_all_are_counted() {
        let all = [
            Diagnostic::error("FD0001", "no policy in it"),
            Diagnostic::warning("FD0002", "odd").help("look"),
            Diagnostic::warning("FD0003", "odder"),
        ];
        let mut out = Vec::new();
        diagnostics(&mut out, &Sources::new(), &all).unwrap();
        insta::assert_snapshot!(anstream::adapter::strip_str(std::str::from_utf8(&out).unwrap()), @r"
        warning[FD0002]: odd
          help: look

        warning[FD0003]: odder

        error[FD0001]: no policy in it

        1 error, 2 warnings
        ");
    }
}
