//! `firedrill export`: a policy as files for another program.

use super::args::{ExportArgs, ExportSuricataArgs, ExportTarget};
use super::console::{Console, Stop};
use super::directory;
use super::exit::Exit;
use super::render;
use super::session::Session;
use crate::export::{self, Misplaced, Ordering};
use crate::policy::model::{Policy, RuleOrder};
use crate::report::units::counted;
use crate::report::{Notice, notice};
use crate::source::{Diagnostic, Severity};

/// How many misplaced rules are shown with their places.
const SHOWN: usize = 3;

/// Runs the command.
///
/// # Errors
/// When the policy cannot be exported or the directory cannot be written.
pub fn run(args: &ExportArgs, console: Console) -> Result<Exit, Stop> {
    match &args.target {
        ExportTarget::Suricata(args) => suricata(args, console),
    }
}

fn suricata(args: &ExportSuricataArgs, console: Console) -> Result<Exit, Stop> {
    let (session, policy) =
        Session::open_with_policy(&args.policy, &args.policy_options, &args.engine_options, console)?;
    let sources = &session.book.sources;
    let made = export::suricata(&policy, session.firewall().program(), Ordering::ByAction);
    let export = match made {
        Ok(export) => export,
        Err(problems) => {
            render::diagnostics(&mut console.err(), sources, &problems)?;
            return Err(Stop::told());
        }
    };
    let severity = if args.as_action_order { Severity::Warning } else { Severity::Error };
    tell_misplaced(&export.misplaced, severity, &session, console)?;
    if !export.misplaced.is_empty() && !args.as_action_order {
        return Err(Stop::bad_input(
            format!(
                "the policy is in strict order, and Suricata's order means something else for {}",
                counted(export.misplaced.len() as u64, "rule")
            ),
            "export it all the same with --as-action-order; `firedrill verify` can compare strict order",
        ));
    }
    directory::write(&args.output, &export.files, export::LOG_FILE, args.force)?;
    notice::write(
        &mut console.err(),
        &[session.run.notices.as_slice(), &not_exported(&policy, &export.misplaced)].concat(),
    )?;
    Ok(Exit::Done)
}

/// What the files do not say.
fn not_exported(policy: &Policy, misplaced: &[Misplaced]) -> Vec<Notice> {
    let mut notices = Vec::new();
    if policy.stateless.is_some() {
        notices.push(Notice::new(
            "the stateless stage is not exported",
            "Suricata has no such stage: the files decide about what is forwarded to the stateful engine",
        ));
    }
    if policy.stateful.order == RuleOrder::Strict && misplaced.is_empty() {
        notices.push(Notice::new(
            "strict order is expressed by priorities",
            "Suricata orders by action first; for these rules that means the same",
        ));
    }
    notices
}

/// Says which rules Suricata evaluates on the wrong side of others.
///
/// # Errors
/// When standard error cannot be written.
pub fn tell_misplaced(all: &[Misplaced], severity: Severity, session: &Session, console: Console) -> Result<(), Stop> {
    let by_place = session.rules_by_place();
    let rule = |place: u32| by_place.get(place as usize).and_then(|id| session.book.rule(*id));
    let name = |place: u32| {
        by_place.get(place as usize).map_or_else(|| format!("rule {place}"), |id| session.book.describe_shortly(*id))
    };
    let mut diagnostics: Vec<Diagnostic> = Vec::new();
    for found in all.iter().take(SHOWN) {
        let (here, there) = if found.other_is_first() { ("behind", "before") } else { ("before", "behind") };
        let message = format!(
            "strict order is not kept: {} comes {here} {} in the policy, {there} it in Suricata",
            name(found.rule),
            name(found.other)
        );
        let mut diagnostic = match severity {
            Severity::Error => Diagnostic::error("FD0701", message),
            _ => Diagnostic::warning("FD0701", message),
        };
        let places = [(found.rule, "this rule"), (found.other, "the other one")];
        for (span, text) in places.into_iter().filter_map(|(place, text)| Some((rule(place)?.span?, text))) {
            diagnostic = diagnostic.label(span, text);
        }
        diagnostics.push(diagnostic.help("Suricata evaluates pass rules first, then drop, reject and alert rules"));
    }
    if let Some(last) = diagnostics.last_mut().filter(|_| all.len() > SHOWN) {
        last.help = Some(format!("{} are out of place in all", counted(all.len() as u64, "rule")));
    }
    render::diagnostics(&mut console.err(), &session.book.sources, &diagnostics)?;
    Ok(())
}
