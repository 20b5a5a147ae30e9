//! `firedrill diff`: what a change of a policy does.
//!
//! `compare` runs both engines over the same frames; `table`, `markdown` and `json` say what came out.

mod compare;
mod json;
mod markdown;
mod table;

use super::args::{Assignment, EngineOptions, EngineVersion, PolicyOptions, RuleGroupFile, assignment, rule_group};
use super::console::{Console, Stop};
use super::exit::Exit;
use super::session::Session;
use crate::diff::changes::Side;
use crate::diff::{Change, Identities, Kind, Matching, OutcomeChange, Outcomes, Subject, changes};
use crate::policy::model::Policy;
use crate::report::{CaptureFacts, Notice, Outcome, notice};
use crate::synth::Conversation;
use clap::{Args, ValueEnum};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// `firedrill diff`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  firedrill diff rules/studio-egress.yaml rules/studio-egress.rules pcaps/studio-session.pcap
  firedrill diff rules/studio-egress.yaml --without-domain .amazonaws.com --try https://sts.amazonaws.com
  firedrill diff rules/studio-egress.yaml rules/studio-egress.yaml --new-engine 8 pcaps/studio-session.pcap

The kind of a change is `wider` when packets pass that did not, `narrower` when packets do not pass that did, `both`, or
`same`: for the traffic that was asked about, and no other.")]
pub struct DiffArgs {
    /// The policy as it is: JSON, CloudFormation, Terraform or Suricata rules
    pub old: PathBuf,

    /// The policy as it is to be [default: OLD, with what the options change]
    pub new: Option<PathBuf>,

    /// Captures (pcap, pcapng, also compressed), directories of them, `-` for standard input
    #[arg(value_name = "CAPTURE")]
    pub captures: Vec<PathBuf>,

    /// Compare OLD with this policy too, in the same pass over the captures
    #[arg(long = "and", value_name = "FILE", help_heading = "Comparison")]
    pub others: Vec<PathBuf>,

    /// Ask both about a made-up conversation: a URL, and words as for `try`
    #[arg(long = "try", value_name = "URL", help_heading = "Comparison")]
    pub urls: Vec<String>,

    /// Exit with 1 when packets pass that did not, or do not pass that did
    #[arg(long, value_enum, value_delimiter = ',', value_name = "no-new-access|no-new-drops")]
    #[arg(hide_possible_values = true, help_heading = "Comparison")]
    pub gate: Vec<Gate>,

    /// Options of one side.
    #[command(flatten)]
    pub sides: SideOptions,

    /// How to read the policies.
    #[command(flatten)]
    pub policy_options: PolicyOptions,

    /// How the engines behave.
    #[command(flatten)]
    pub engine_options: EngineOptions,

    /// Judge what is inside VXLAN (traffic mirroring) and GENEVE (gateway load balancers)
    #[arg(long, help_heading = "Capture")]
    pub decapsulate: bool,

    /// A summary for people, Markdown for a pull request, or one JSON document a comparison
    #[arg(long, value_enum, value_name = "table|markdown|json", hide_possible_values = true)]
    #[arg(default_value_t = DiffFormat::Table, help_heading = "Output")]
    pub format: DiffFormat,
}

/// What one of the two sides has that the other has not.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "One side only")]
pub struct SideOptions {
    /// A template parameter or Terraform variable of OLD
    #[arg(long, value_name = "NAME=VALUE", value_parser = assignment)]
    pub old_param: Vec<Assignment>,

    /// A template parameter or Terraform variable of NEW
    #[arg(long, value_name = "NAME=VALUE", value_parser = assignment)]
    pub new_param: Vec<Assignment>,

    /// A rule group for OLD, as --rule-group
    #[arg(long, value_name = "[ARN=]FILE", value_parser = rule_group)]
    pub old_rule_group: Vec<RuleGroupFile>,

    /// A rule group for NEW, as --rule-group
    #[arg(long, value_name = "[ARN=]FILE", value_parser = rule_group)]
    pub new_rule_group: Vec<RuleGroupFile>,

    /// Which policy of OLD, when it holds several
    #[arg(long, value_name = "NAME")]
    pub old_select: Option<String>,

    /// Which policy of NEW, when it holds several
    #[arg(long, value_name = "NAME")]
    pub new_select: Option<String>,

    /// Which Suricata OLD runs on: 7.0 or 8.0 [default: --engine]
    #[arg(long, value_enum, value_name = "7|8", hide_possible_values = true)]
    pub old_engine: Option<EngineVersion>,

    /// Which Suricata NEW runs on: 7.0 or 8.0 [default: --engine]
    #[arg(long, value_enum, value_name = "7|8", hide_possible_values = true)]
    pub new_engine: Option<EngineVersion>,

    /// Take a domain out of the domain lists of NEW
    #[arg(long, value_name = "DOMAIN")]
    pub without_domain: Vec<String>,

    /// Put a domain into a domain list of NEW [default: into every allow list]
    #[arg(long, value_name = "[LIST=]DOMAIN")]
    pub with_domain: Vec<String>,
}

/// `--gate`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Gate {
    /// No packet passes that did not.
    NoNewAccess,
    /// No packet is lost that was not.
    NoNewDrops,
}

impl Gate {
    /// As it is given.
    fn name(self) -> &'static str {
        match self {
            Self::NoNewAccess => "no-new-access",
            Self::NoNewDrops => "no-new-drops",
        }
    }

    fn holds(self, kind: Kind) -> bool {
        match self {
            Self::NoNewAccess => !kind.widens(),
            Self::NoNewDrops => !kind.narrows(),
        }
    }
}

/// `--format` of `diff`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DiffFormat {
    /// A summary for people.
    Table,
    /// For a pull request.
    Markdown,
    /// One JSON document a comparison.
    Json,
}

/// A policy that is ready, with its model.
struct Loaded {
    session: Session,
    policy: Policy,
    path: PathBuf,
}

/// What came out of comparing one new policy with the old one.
struct Compared<'a> {
    old: &'a Loaded,
    new: &'a Loaded,
    changes: Vec<Change>,
    capture: Option<CaptureResult<'a>>,
    tried: Vec<Tried>,
    gates: Vec<(Gate, bool)>,
    notices: Vec<Notice>,
}

/// What the captures say.
struct CaptureResult<'a> {
    facts: &'a CaptureFacts,
    outcomes: Outcomes,
}

/// What became of a made-up conversation.
struct Tried {
    conversation: Conversation,
    old: Outcome,
    new: Outcome,
    /// `None` when nothing differs.
    change: Option<OutcomeChange>,
    kind: Kind,
}

impl Compared<'_> {
    /// What the change does to the traffic that was asked about; `None` when none was.
    fn kind(&self) -> Option<Kind> {
        let of_capture = self.capture.iter().map(|capture| capture.outcomes.kind());
        of_capture.chain(self.tried.iter().map(|tried| tried.kind)).reduce(Kind::and)
    }
}

/// Runs the command.
///
/// # Errors
/// When nothing can be compared: a policy, a capture or a URL cannot be used, or the output cannot be written.
pub fn run(args: &DiffArgs, console: Console) -> Result<Exit, Stop> {
    let asks = !args.captures.is_empty() || !args.urls.is_empty();
    if !args.gate.is_empty() && !asks {
        let help = "add a capture behind the two policies, or --try URL";
        return Err(Stop::bad_input("--gate needs traffic to ask about", help));
    }
    if args.new.is_none() && !args.sides.changes_something() {
        let help =
            "name the policy as it is to be behind it, or say what is to change: --without-domain, --new-param, ...";
        return Err(Stop::bad_input("there is nothing to compare the policy with", help));
    }
    let old = load(&args.old, args, Which::Old, console)?;
    let paths = args.new.iter().chain(args.new.is_none().then_some(&args.old)).chain(&args.others);
    let new: Vec<Loaded> = paths.map(|path| load(path, args, Which::New, console)).collect::<Result<_, _>>()?;
    let matchings: Vec<Matching> = new.iter().map(|new| Matching::new(&old.policy, &new.policy)).collect();
    let identities = |(matching, new): (&Matching, &Loaded)| {
        Identities::new(
            matching,
            (&old.policy, old.session.firewall().program()),
            (&new.policy, new.session.firewall().program()),
        )
    };
    let identities: Vec<Identities> = matchings.iter().zip(&new).map(identities).collect();
    let captured = if args.captures.is_empty() {
        None
    } else {
        let shows_progress = console.shows_progress(args.format != DiffFormat::Table);
        Some(compare::captures(args, &old, &new, &identities, shows_progress)?)
    };
    let tried = compare::conversations(args, &old, &new, &identities)?;
    let facts = captured.as_ref().map(|captured| captured.facts.clone());
    let outcomes = captured.map(|captured| captured.results).unwrap_or_default();
    let mut outcomes: Vec<Option<compare::PolicyResult>> = outcomes.into_iter().map(Some).collect();
    outcomes.resize_with(new.len(), || None);

    let mut exit = Exit::Done;
    let mut all = Vec::new();
    for (((new, matching), result), tried) in new.iter().zip(&matchings).zip(outcomes).zip(tried) {
        let mut compared = Compared {
            old: &old,
            new,
            changes: all_changes(args, matching, &old, new),
            notices: policy_notices(&old, new),
            capture: None,
            tried: tried.tried,
            gates: Vec::new(),
        };
        compared.notices.extend(tried.notices);
        if let (Some(facts), Some(result)) = (&facts, result) {
            compared.notices.extend(result.notices);
            compared.capture = Some(CaptureResult { facts, outcomes: result.outcomes });
        }
        if let Some(kind) = compared.kind() {
            compared.gates = args.gate.iter().map(|gate| (*gate, gate.holds(kind))).collect();
        }
        compared.notices.dedup();
        let violated = compared.gates.iter().any(|(_, holds)| !holds);
        exit = exit.or(if violated { Exit::Findings } else { Exit::Done });
        all.push(compared);
    }
    let damaged = facts.as_ref().is_some_and(|facts| !facts.damage.is_empty());
    exit = exit.or(if damaged { Exit::Partial } else { Exit::Done });
    match args.format {
        DiffFormat::Table => table::write(&mut console.out(), &all)?,
        DiffFormat::Markdown => markdown::write(&mut console.records(), &all)?,
        DiffFormat::Json => json::write(&mut console.records(), &all)?,
    }
    if args.format != DiffFormat::Table {
        for compared in &all {
            notice::write(&mut console.err(), &compared.notices)?;
        }
    }
    Ok(exit)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Which {
    Old,
    New,
}

fn load(path: &Path, args: &DiffArgs, which: Which, console: Console) -> Result<Loaded, Stop> {
    let sides = &args.sides;
    let mut policy_options = args.policy_options.clone();
    let mut engine_options = args.engine_options.clone();
    let (params, groups, select, engine) = match which {
        Which::Old => (&sides.old_param, &sides.old_rule_group, &sides.old_select, sides.old_engine),
        Which::New => (&sides.new_param, &sides.new_rule_group, &sides.new_select, sides.new_engine),
    };
    for param in params {
        policy_options.param.retain(|known| known.name != param.name);
    }
    policy_options.param.extend(params.iter().cloned());
    policy_options.rule_group.extend(groups.iter().cloned());
    policy_options.select = select.clone().or(policy_options.select);
    engine_options.engine = engine.unwrap_or(engine_options.engine);
    if which == Which::New {
        policy_options.without_domain.clone_from(&sides.without_domain);
        policy_options.with_domain.clone_from(&sides.with_domain);
    }
    let (session, policy) = Session::open_with_policy(path, &policy_options, &engine_options, console)?;
    Ok(Loaded { session, policy, path: path.to_owned() })
}

impl SideOptions {
    fn changes_something(&self) -> bool {
        let lists = [self.old_param.len(), self.new_param.len(), self.old_rule_group.len(), self.new_rule_group.len()];
        lists.iter().any(|n| *n > 0)
            || [&self.old_select, &self.new_select].iter().any(|select| select.is_some())
            || [self.old_engine, self.new_engine].iter().any(Option::is_some)
            || !self.without_domain.is_empty()
            || !self.with_domain.is_empty()
    }
}

/// What the command line changes, then what the policies do.
fn all_changes(args: &DiffArgs, matching: &Matching, old: &Loaded, new: &Loaded) -> Vec<Change> {
    let mut all = Vec::new();
    let engines = [old, new].map(|side| side.session.run.engine.clone());
    let [old_engine, new_engine] = engines;
    if old_engine != new_engine {
        all.push(Change::of_value(Subject::Engine, "engine", old_engine, new_engine));
    }
    let given = |own: &[Assignment]| {
        let all = args.policy_options.param.iter().chain(own);
        all.map(|param| (param.name.clone(), param.value.clone())).collect::<BTreeMap<_, _>>()
    };
    let (old_params, new_params) = (given(&args.sides.old_param), given(&args.sides.new_param));
    let mut names: Vec<&String> = old_params.keys().chain(new_params.keys()).collect();
    names.sort_unstable();
    names.dedup();
    for name in names {
        let value = |params: &BTreeMap<String, String>| {
            params.get(name).map_or_else(|| "as the document says".to_owned(), |value| format!("`{value}`"))
        };
        let (before, now) = (value(&old_params), value(&new_params));
        if before != now {
            all.push(Change::of_value(Subject::Parameter, format!("parameter `{name}`"), before, now));
        }
    }
    all.extend(changes(
        matching,
        Side { policy: &old.policy, book: &old.session.book },
        Side { policy: &new.policy, book: &new.session.book },
    ));
    all
}

/// What the loader wants said of either policy, once.
fn policy_notices(old: &Loaded, new: &Loaded) -> Vec<Notice> {
    let mut all: Vec<Notice> = old.session.run.notices.clone();
    for notice in &new.session.run.notices {
        if !all.contains(notice) {
            all.push(notice.clone());
        }
    }
    all
}
