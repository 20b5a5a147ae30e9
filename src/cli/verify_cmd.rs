//! `firedrill verify`: captures through the installed Suricata and through our engine.

use super::args::{VerifyArgs, VerifyFormat};
use super::console::{Console, Stop};
use super::exit::Exit;
use super::export_cmd::tell_misplaced;
use super::render;
use super::session::Session;
use crate::detect::{CompileOptions, Program};
use crate::export::{self, Export, Ordering};
use crate::policy::model::{Policy, RuleOrder};
use crate::report::layout::{DIM, DROP, HEADING, PASS, WARN, printable};
use crate::report::units::{count, counted};
use crate::report::{Notice, RuleBook, Run, notice};
use crate::source::{Diagnostic, Severity, Sources};
use crate::verdict::{Cause, RuleId};
use crate::verify::{self, AlertDifference, CannotRun, Comparison, Installed, PacketDifference, Sides, Workplace};
use serde::Serialize;
use std::io::Write;

/// How many differences of a capture are listed for people; JSON has all.
const SHOWN: usize = 20;

/// Runs the command.
///
/// # Errors
/// When there is nothing to compare.
pub fn run(args: &VerifyArgs, console: Console) -> Result<Exit, Stop> {
    let (session, policy) =
        Session::open_with_policy(&args.policy, &args.policy_options, &args.engine_options, console)?;
    let ours = session.firewall().program();
    let wanted = if ours.profile().name == "suricata-8.0" { (8, 0) } else { (7, 0) };
    let mut suricata = Installed::find(&args.suricata, wanted)?;
    let strict = policy.stateful.order == RuleOrder::Strict;
    let patched = strict && args.allow_patched_copy;
    let ordering = if patched { Ordering::BySid } else { Ordering::ByAction };
    let export = match export::suricata(&policy, ours, ordering) {
        Ok(export) => export,
        Err(problems) => {
            render::diagnostics(&mut console.err(), &session.book.sources, &problems)?;
            return Err(Stop::told());
        }
    };
    tell_misplaced(&export.misplaced, Severity::Warning, &session, console)?;
    let place = Workplace::new(&export.files)?;
    if patched {
        suricata.patch(&place)?;
    }
    // rules that Suricata cannot keep in their places are compared in the places that it gives them
    let by_action = if export.misplaced.is_empty() {
        None
    } else {
        Some(by_action(&export.as_evaluated, session.firewall().options())?)
    };
    let program = by_action.as_ref().unwrap_or(ours);
    let sides = Sides { program, rules: &export.rules, decapsulate: args.decapsulate };
    let results: Vec<(String, Result<Comparison, CannotRun>)> = args
        .captures
        .iter()
        .map(|capture| (capture.display().to_string(), verify::compare(&suricata, sides, &place, capture)))
        .collect();
    let report = Report {
        run: &session.run,
        book: &session.book,
        suricata: &suricata,
        order: order_compared(&policy, &export, patched),
        names: Names { program_places: program.places().collect(), by_place: session.rules_by_place() },
        results: &results,
    };
    match args.format {
        VerifyFormat::Table => report.table(&mut console.out())?,
        VerifyFormat::Json => report.json(console.records())?,
    }
    notice::write(&mut console.err(), &report.notices())?;
    Ok(exit(&results))
}

/// The program of the policy in the order in which Suricata evaluates it.
fn by_action(policy: &Policy, options: &CompileOptions) -> Result<Program, Stop> {
    let message = |problems: Vec<Diagnostic>| problems.into_iter().map(|problem| problem.message).collect::<Vec<_>>();
    Program::compile(policy, &mut Sources::new(), options)
        .map_err(|problems| Stop::bad_input(message(problems).join("; "), ""))
}

/// How the run ends: a capture that could not be compared outranks a difference, and that a damaged capture.
fn exit(results: &[(String, Result<Comparison, CannotRun>)]) -> Exit {
    let any = |is: fn(&Comparison) -> bool| results.iter().any(|(_, result)| result.as_ref().is_ok_and(is));
    if results.iter().any(|(_, result)| result.is_err()) {
        Exit::BadInput
    } else if any(|comparison| !comparison.is_equal()) {
        Exit::Findings
    } else if any(|comparison| !comparison.damage.is_empty()) {
        Exit::Partial
    } else {
        Exit::Done
    }
}

/// What of the order of evaluation is compared.
fn order_compared(policy: &Policy, export: &Export, patched: bool) -> &'static str {
    match (policy.stateful.order, patched) {
        (RuleOrder::Action, _) => "action order",
        (RuleOrder::Strict, true) => "strict order, in a patched copy",
        (RuleOrder::Strict, false) if export.misplaced.is_empty() => "strict order, as priorities",
        (RuleOrder::Strict, false) => "the rules of a strict policy in action order",
    }
}

impl From<CannotRun> for Stop {
    fn from(problem: CannotRun) -> Self {
        Self::bad_input(problem.message, problem.help)
    }
}

/// Names of rules, whichever program speaks of them.
struct Names {
    program_places: Vec<u32>,
    by_place: Vec<RuleId>,
}

impl Names {
    /// A rule of the compared program, as the report's book knows it.
    fn id(&self, rule: RuleId) -> RuleId {
        self.program_places.get(rule.0 as usize).map_or(rule, |place| self.id_at(*place))
    }

    fn id_at(&self, place: u32) -> RuleId {
        self.by_place.get(place as usize).copied().unwrap_or(RuleId(u32::MAX))
    }

    fn cause(&self, cause: Cause) -> Cause {
        match cause {
            Cause::Rule(id) => Cause::Rule(self.id(id)),
            Cause::RuleThreshold(id) => Cause::RuleThreshold(self.id(id)),
            Cause::FlowPassed(id) => Cause::FlowPassed(self.id(id)),
            Cause::FlowDropped(Some(id)) => Cause::FlowDropped(Some(self.id(id))),
            other => other,
        }
    }
}

struct Report<'a> {
    run: &'a Run,
    book: &'a RuleBook,
    suricata: &'a Installed,
    order: &'static str,
    names: Names,
    results: &'a [(String, Result<Comparison, CannotRun>)],
}

impl Report<'_> {
    fn table(&self, out: &mut dyn Write) -> Result<(), Stop> {
        let head = |out: &mut dyn Write, name: &str, text: &str| {
            writeln!(out, "{HEADING}{name:<10}{HEADING:#} {}", printable(text))
        };
        let place =
            self.run.place.as_ref().map_or_else(String::new, |place| format!(" ({}:{})", place.file, place.line));
        head(out, "Policy", &format!("{}{place}", self.run.policy))?;
        let engine = format!(
            "firedrill as {}, Suricata {} ({})",
            self.run.engine,
            self.suricata.version(),
            self.suricata.name().display()
        );
        head(out, "Engines", &engine)?;
        head(out, "Compared", self.order)?;
        writeln!(out)?;
        for (name, result) in self.results {
            let name = printable(name);
            match result {
                Ok(comparison) => {
                    let (word, style) = if comparison.is_equal() { ("equal", PASS) } else { ("differ", DROP) };
                    writeln!(out, "{style}{word:<8}{style:#}{name}  {}", summary(comparison))?;
                    self.differences(out, comparison)?;
                }
                Err(problem) => {
                    writeln!(out, "{WARN}{:<8}{WARN:#}{name}  {}", "not run", printable(&problem.message))?;
                    if !problem.help.is_empty() {
                        writeln!(out, "        {DIM}{}{DIM:#}", printable(&problem.help))?;
                    }
                }
            }
        }
        Ok(out.flush()?)
    }

    fn differences(&self, out: &mut dyn Write, comparison: &Comparison) -> Result<(), Stop> {
        let packets = comparison.packets.iter().map(|difference| (difference.frame_no, self.packet_text(difference)));
        let alerts =
            comparison.alert_differences.iter().map(|difference| (difference.frame_no, self.alert_text(difference)));
        let mut all: Vec<(u64, String)> = packets.chain(alerts).collect();
        all.sort_by_key(|(frame_no, _)| (*frame_no == 0, *frame_no));
        for (frame_no, text) in all.iter().take(SHOWN) {
            let frame = if *frame_no == 0 { "end of a flow".to_owned() } else { format!("frame {frame_no}") };
            writeln!(out, "        {frame}: {}", printable(text))?;
        }
        if all.len() > SHOWN {
            writeln!(out, "        and {} more (--format json lists all)", count((all.len() - SHOWN) as u64))?;
        }
        Ok(())
    }

    fn packet_text(&self, difference: &PacketDifference) -> String {
        let ours = format!("{}, {}", difference.ours.name(), self.book.describe(self.names.cause(difference.why)));
        let rule = difference
            .rule
            .map_or_else(String::new, |place| format!(", {}", self.book.describe_rule(self.names.id_at(place))));
        let reason = difference.reason.as_ref().map_or_else(String::new, |reason| format!(", {reason}"));
        format!("firedrill {ours}; Suricata {}{reason}{rule}", difference.suricata.name())
    }

    fn alert_text(&self, difference: &AlertDifference) -> String {
        let rule = self.book.describe_rule(self.names.id_at(difference.rule));
        format!("alert of {rule}: firedrill {}, Suricata {}", times(difference.ours), times(difference.suricata))
    }

    fn notices(&self) -> Vec<Notice> {
        let mut all = self.run.notices.clone();
        let done: Vec<&Comparison> = self.results.iter().filter_map(|(_, result)| result.as_ref().ok()).collect();
        let sum = |of: fn(&Comparison) -> u64| done.iter().map(|comparison| of(comparison)).sum::<u64>();
        let stateless = sum(|comparison| comparison.stateless);
        if stateless > 0 {
            all.push(Notice::new(
                format!("{} left out, decided by the stateless stage", counted(stateless, "frame")),
                "Suricata has no such stage: nothing but the documentation stands behind these decisions",
            ));
        }
        let moved = sum(|comparison| comparison.moved);
        if moved > 0 {
            all.push(Notice::new(
                format!("the time of {} was moved on for both engines", counted(moved, "frame")),
                "Suricata's log tells some frames apart by their time, in microseconds, alone",
            ));
        }
        for damage in done.iter().flat_map(|comparison| &comparison.damage) {
            all.push(Notice::warning(damage.clone(), "what lies behind the damage is not compared"));
        }
        if self.order.starts_with("the rules") {
            all.push(Notice::warning(
                "the order of the rules is not compared",
                "stock Suricata has no strict order; --allow-patched-copy compares it with a private patched copy of the program",
            ));
        }
        all
    }

    fn json(&self, mut out: impl Write) -> Result<(), Stop> {
        let captures = self.results.iter().map(|(name, result)| self.json_capture(name, result)).collect();
        let document = Document {
            policy: &self.run.policy,
            engine: &self.run.engine,
            suricata: self.suricata.name().display().to_string(),
            version: self.suricata.version().to_string(),
            compared: self.order,
            equal: self.results.iter().all(|(_, result)| result.as_ref().is_ok_and(Comparison::is_equal)),
            captures,
        };
        serde_json::to_writer(&mut out, &document).map_err(std::io::Error::from)?;
        writeln!(out)?;
        Ok(out.flush()?)
    }

    fn json_capture<'b>(&self, name: &'b str, result: &'b Result<Comparison, CannotRun>) -> CaptureRecord<'b> {
        match result {
            Err(problem) => CaptureRecord { capture: name, error: Some(&problem.message), ..CaptureRecord::default() },
            Ok(comparison) => CaptureRecord {
                capture: name,
                error: None,
                equal: Some(comparison.is_equal()),
                frames: comparison.frames,
                stateless: comparison.stateless,
                compared: comparison.compared,
                alerts: comparison.alerts,
                moved: comparison.moved,
                damage: &comparison.damage,
                packets: comparison.packets.iter().map(|difference| self.json_packet(difference)).collect(),
                alert_differences: comparison.alert_differences.iter().map(|d| self.json_alert(d)).collect(),
            },
        }
    }

    fn json_packet<'b>(&self, difference: &'b PacketDifference) -> PacketRecord<'b> {
        PacketRecord {
            n: difference.frame_no,
            firedrill: difference.ours.name(),
            why: self.book.describe(self.names.cause(difference.why)),
            suricata: difference.suricata.name(),
            reason: difference.reason.as_deref(),
            rule: difference.rule.map(|place| self.book.describe_rule(self.names.id_at(place))),
        }
    }

    fn json_alert(&self, difference: &AlertDifference) -> AlertRecord {
        let id = self.names.id_at(difference.rule);
        AlertRecord {
            n: difference.frame_no,
            sid: self.book.rule(id).map_or(0, |rule| rule.sid),
            rule: self.book.describe_rule(id),
            firedrill: difference.ours,
            suricata: difference.suricata,
        }
    }
}

fn summary(comparison: &Comparison) -> String {
    use std::fmt::Write;
    let mut text = format!("{}, {}", counted(comparison.compared, "frame"), counted(comparison.alerts, "alert"));
    if comparison.stateless > 0 {
        let _ = write!(text, "; {} left to the stateless stage", count(comparison.stateless));
    }
    if !comparison.is_equal() {
        let (packets, alerts) = (comparison.packets.len() as u64, comparison.alert_differences.len() as u64);
        let _ = write!(text, ": {} and {} differ", counted(packets, "verdict"), counted(alerts, "alert"));
    }
    text
}

fn times(n: u32) -> String {
    match n {
        0 => "none".to_owned(),
        1 => "one".to_owned(),
        n => n.to_string(),
    }
}

/// The document of `--format json`.
#[derive(Serialize)]
struct Document<'a> {
    policy: &'a str,
    engine: &'a str,
    suricata: String,
    version: String,
    compared: &'static str,
    equal: bool,
    captures: Vec<CaptureRecord<'a>>,
}

#[derive(Default, Serialize)]
struct CaptureRecord<'a> {
    capture: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
    equal: Option<bool>,
    frames: u64,
    stateless: u64,
    compared: u64,
    alerts: u64,
    moved: u64,
    damage: &'a [String],
    packets: Vec<PacketRecord<'a>>,
    alert_differences: Vec<AlertRecord>,
}

#[derive(Serialize)]
struct PacketRecord<'a> {
    n: u64,
    firedrill: &'static str,
    why: String,
    suricata: &'static str,
    reason: Option<&'a str>,
    rule: Option<String>,
}

#[derive(Serialize)]
struct AlertRecord {
    n: u64,
    sid: u32,
    rule: String,
    firedrill: u32,
    suricata: u32,
}
