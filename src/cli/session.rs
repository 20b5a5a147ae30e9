//! From options to a policy that is ready to judge: the place where the command meets the policy loader.
//!
//! [`super::firewall`] is where it meets the engine.

use super::args::{EngineOptions, EngineVersion, PolicyOptions};
use super::console::{Console, Stop};
use super::firewall::{self, Firewall};
use super::render;
use crate::capture::Frame;
use crate::detect::settings::{self, Settings, SettingsFile};
use crate::detect::{Categories, CompileOptions, Countries};
use crate::policy::model::{
    AddressVariable, Policy, StatefulGroup, StatelessAction, StatelessActions, StatelessPolicy, StreamExceptionPolicy,
};
use crate::policy::{self, LoadError, LoadOptions, Loaded, RuleGroupSource, StatefulOptions};
use crate::report::rule_book::{GroupLine, Net, StatelessGroupEntry};
use crate::report::{CaptureFacts, Notice, RuleBook, Run};
use crate::rules::Dialect;
use crate::source::{Severity, Sources};
use crate::synth::HomeNet;
use crate::verdict::{RuleId, Sink};
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

/// What the commands need of an engine; in tests a script takes its place.
pub trait Judge {
    /// Decides about a frame.
    fn process(&mut self, frame: &Frame<'_>, sink: &mut dyn Sink);
    /// Ends all flows.
    fn finish(&mut self, sink: &mut dyn Sink);
    /// Adds what the engine saw of the frames themselves.
    fn tell(&self, _facts: &mut CaptureFacts) {}
}

/// A policy that is ready.
#[derive(Debug)]
pub struct Session {
    /// The head of reports.
    pub run: Run,
    /// What the rule numbers mean.
    pub book: RuleBook,
    /// The networks of HOME_NET.
    pub home: HomeNet,
    firewall: Firewall,
}

impl Session {
    /// Loads and compiles. Diagnostics go to standard error.
    ///
    /// # Errors
    /// When the policy cannot be evaluated.
    pub fn open(
        path: &Path,
        policy_options: &PolicyOptions,
        engine_options: &EngineOptions,
        console: Console,
    ) -> Result<Self, Stop> {
        Ok(Self::open_with_policy(path, policy_options, engine_options, console)?.0)
    }

    /// The same, and the policy itself for those who do more than judge.
    ///
    /// # Errors
    /// When the policy cannot be evaluated.
    pub fn open_with_policy(
        path: &Path,
        policy_options: &PolicyOptions,
        engine_options: &EngineOptions,
        console: Console,
    ) -> Result<(Self, Policy), Stop> {
        let (loaded, settings, nets_from) = load(path, policy_options, engine_options, console)?;
        let mut sources = loaded.sources;
        render::diagnostics(&mut console.err(), &sources, &loaded.diagnostics)?;
        let Some(mut policy) = loaded.policy else { return Err(Stop::told()) };
        for (set, origin) in
            [&mut policy.stateful.home_net, &mut policy.stateful.external_net].into_iter().zip(nets_from)
        {
            if let (Some(set), Some(origin)) = (set, origin) {
                set.origin = origin;
            }
        }
        let supplied = supplied(settings, policy_options, &mut sources, console)?;
        let firewall = match Firewall::compile(&policy, &mut sources, engine_options.engine, supplied) {
            Ok(firewall) => firewall,
            Err(diagnostics) => {
                render::diagnostics(&mut console.err(), &sources, &diagnostics)?;
                return Err(Stop::told());
            }
        };
        render::diagnostics(&mut console.err(), &sources, firewall.warnings())?;
        let mut run = run_of(&policy, &sources, &firewall.engine_name());
        run.stream_exception = firewall.stream_exception();
        if let Some(path) = &policy_options.category_table {
            run.notices.push(Notice::new(
                format!("categories of names are those of {}", path.display()),
                "AWS does not publish its own; a name or URL that the table does not list is of no category here",
            ));
        }
        let book = RuleBook { rules: firewall.rules(&policy), stateless_groups: stateless_groups(&policy), sources };
        Ok((Self { run, book, home: HomeNet::of(&policy), firewall }, policy))
    }

    /// The compiled policy.
    pub fn firewall(&self) -> &Firewall {
        &self.firewall
    }

    /// The rules by their places in the policy, where reports number them by their turn.
    pub fn rules_by_place(&self) -> Vec<RuleId> {
        let mut by_place: Vec<(u32, RuleId)> = self.firewall.program().places().zip((0..).map(RuleId)).collect();
        by_place.sort_unstable();
        by_place.dedup_by_key(|(place, _)| *place);
        by_place.into_iter().map(|(_, id)| id).collect()
    }

    /// A fresh engine; `tunnels`: judge what is inside mirrored traffic.
    pub fn judge(&self, tunnels: bool) -> impl Judge + '_ {
        self.firewall.judge(tunnels)
    }
}

/// Loads a policy as the options say: what was found in it, and the settings of the engine. The last is who says what HOME_NET
/// and EXTERNAL_NET are, where that is a configuration file.
///
/// # Errors
/// When a file cannot be read, or options contradict each other.
pub fn load(
    path: &Path,
    policy_options: &PolicyOptions,
    engine_options: &EngineOptions,
    console: Console,
) -> Result<(Loaded, Settings, [Option<String>; 2]), Stop> {
    let file = configuration(engine_options, console)?;
    let mut options = load_options(policy_options, engine_options);
    add_variables(&mut options, file.as_ref(), engine_options);
    let nets_from = file.as_ref().map(|file| net_origins(file, policy_options, engine_options)).unwrap_or_default();
    let settings = firewall::settings(file.map(|file| file.settings), engine_options, policy_options)
        .map_err(|why| Stop::bad_input(why, "docs/settings.md lists the settings"))?;
    Ok((policy::load(path, &options)?, settings, nets_from))
}

/// What a policy is compiled with: the engine, its settings, and the tables that the user supplies.
///
/// # Errors
/// When a table cannot be read.
pub fn compile_options(
    settings: Settings,
    policy_options: &PolicyOptions,
    engine: EngineVersion,
    sources: &mut Sources,
    console: Console,
) -> Result<CompileOptions, Stop> {
    let supplied = supplied(settings, policy_options, sources, console)?;
    Ok(CompileOptions { profile: firewall::profile(engine), ..supplied })
}

fn supplied(
    settings: Settings,
    policy_options: &PolicyOptions,
    sources: &mut Sources,
    console: Console,
) -> Result<CompileOptions, Stop> {
    let countries = policy_options.geoip.as_deref().map(countries).transpose()?;
    let categories = match &policy_options.category_table {
        None => None,
        Some(path) => Some(categories(path, sources, console)?),
    };
    Ok(CompileOptions { settings, countries, categories, ..CompileOptions::default() })
}

/// The configuration file, if one is given. What is wrong with it goes to standard error.
fn configuration(options: &EngineOptions, console: Console) -> Result<Option<SettingsFile>, Stop> {
    let Some(path) = &options.suricata_yaml else { return Ok(None) };
    let mut sources = Sources::new();
    let file = settings::read_file(path, &mut sources)?;
    render::diagnostics(&mut console.err(), &sources, &file.diagnostics)?;
    if file.diagnostics.iter().any(|problem| problem.severity == Severity::Error) {
        return Err(Stop::told());
    }
    Ok(Some(file))
}

/// The database of `--geoip`.
fn countries(path: &Path) -> Result<Countries, Stop> {
    let help = "give a file in MaxMind's format, such as GeoLite2-Country.mmdb";
    let wrong = |why: &dyn std::fmt::Display| Stop::bad_input(format!("{}: {why}", path.display()), help);
    let bytes = std::fs::read(path).map_err(|error| wrong(&error))?;
    Countries::new(bytes, path).map_err(|why| wrong(&why))
}

/// The table of `--category-table`. What is wrong with it goes to standard error.
fn categories(path: &Path, sources: &mut Sources, console: Console) -> Result<Categories, Stop> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| Stop::bad_input(format!("{}: {error}", path.display()), "docs/aws.md describes the table"))?;
    let file = sources.add(path.display().to_string(), text);
    match Categories::read(sources, file) {
        Ok(categories) => Ok(categories),
        Err(problems) => {
            render::diagnostics(&mut console.err(), sources, &problems)?;
            Err(Stop::told())
        }
    }
}

/// The configuration file's name for HOME_NET and EXTERNAL_NET, where that is what says what they are.
fn net_origins(
    file: &SettingsFile,
    policy_options: &PolicyOptions,
    engine_options: &EngineOptions,
) -> [Option<String>; 2] {
    let name = engine_options.suricata_yaml.as_ref().map(|path| path.display().to_string());
    let options = [&policy_options.home_net, &policy_options.external_net];
    let mut of = ["HOME_NET", "EXTERNAL_NET"].into_iter().zip(options).map(|(net, option)| {
        let in_file = file.addresses.iter().any(|variable| variable.name == net);
        let is_set = engine_options.set.iter().any(|setting| setting.variable() == Some((true, net)));
        name.clone().filter(|_| in_file && !is_set && option.is_none())
    });
    [of.next().flatten(), of.next().flatten()]
}

/// Variables of the configuration file and of `--set`, behind those that have options of their own.
fn add_variables(options: &mut LoadOptions, file: Option<&SettingsFile>, engine_options: &EngineOptions) {
    let of_file = file.into_iter().flat_map(|file| {
        let addresses = file.addresses.iter().map(|variable| (true, variable));
        addresses.chain(file.ports.iter().map(|variable| (false, variable)))
    });
    let of_file = of_file.map(|(is_address, variable)| (is_address, variable.name.as_str(), variable.value.as_str()));
    let of_set = engine_options.set.iter().filter_map(|setting| {
        let (is_address, name) = setting.variable()?;
        Some((is_address, name, setting.value.as_str()))
    });
    let mut all: BTreeMap<(bool, &str), &str> = BTreeMap::new();
    all.extend(of_file.chain(of_set).map(|(is_address, name, value)| ((is_address, name), value)));
    for ((is_address, name), value) in all {
        let value = value.to_owned();
        match (is_address, name) {
            (true, "HOME_NET") => _ = options.stateful.home_net.get_or_insert(value),
            // what it is anyway
            (true, "EXTERNAL_NET") if value == "!$HOME_NET" => {}
            (true, "EXTERNAL_NET") => _ = options.stateful.external_net.get_or_insert(value),
            _ => {
                let sets = if is_address { &mut options.ip_sets } else { &mut options.port_sets };
                if !sets.iter().any(|(known, _)| known == name) {
                    sets.push((name.to_owned(), value));
                }
            }
        }
    }
}

fn load_options(options: &PolicyOptions, engine: &EngineOptions) -> LoadOptions {
    let pairs = |all: &[super::args::Assignment]| all.iter().map(|a| (a.name.clone(), a.value.clone())).collect();
    LoadOptions {
        params: pairs(&options.param),
        param_files: options.param_file.clone(),
        select: options.select.clone(),
        rule_groups: options
            .rule_group
            .iter()
            .map(|group| RuleGroupSource { name: group.arn.clone(), path: group.file.clone() })
            .collect(),
        ip_sets: pairs(&options.ip_set),
        port_sets: pairs(&options.port_set),
        stateful: StatefulOptions {
            order: options.order,
            default_actions: (!options.default.is_empty()).then(|| options.default.clone()),
            default_action_rules: options.default_action_rules.clone(),
            home_net: options.home_net.clone(),
            external_net: options.external_net.clone(),
            stream_exception: options.stream_exception,
            tcp_idle: options.tcp_idle.map(|secs| Duration::from_secs(u64::from(secs))),
        },
        leave_out: options.leave_out.clone(),
        without_domains: options.without_domain.clone(),
        with_domains: options.with_domain.clone(),
        dialect: match engine.engine {
            EngineVersion::Suricata7 => Dialect::SURICATA_7,
            EngineVersion::Suricata8 => Dialect::SURICATA_8,
        },
    }
}

impl From<LoadError> for Stop {
    fn from(error: LoadError) -> Self {
        Self::bad_input(error.to_string(), error.help())
    }
}

/// The head of a report.
pub fn run_of(policy: &Policy, sources: &Sources, engine: &str) -> Run {
    let stateful = &policy.stateful;
    let mut groups: Vec<GroupLine> = Vec::new();
    for group in policy.stateless.iter().flat_map(|stateless| &stateless.groups) {
        groups.push(GroupLine {
            name: group.name.clone(),
            stateless: true,
            priority: Some(group.priority),
            n_rules: group.rules.len(),
            home_net: None,
            external_net: None,
        });
    }
    for group in &stateful.groups {
        groups.push(GroupLine {
            name: group.name.clone(),
            stateless: false,
            priority: group.priority,
            n_rules: group.rules.len(),
            home_net: own_set(group, "HOME_NET", stateful.home_net.as_ref()),
            external_net: own_set(group, "EXTERNAL_NET", stateful.external_net.as_ref()),
        });
    }
    Run {
        policy: policy.name.clone(),
        place: Some(sources.location(policy.span)),
        engine: engine.to_owned(),
        order: stateful.order,
        default_actions: stateful.default_actions.iter().map(|action| format!("aws:{}", action.value.name())).collect(),
        stream_exception: match stateful.stream_exception {
            StreamExceptionPolicy::Drop => "drop",
            StreamExceptionPolicy::Continue => "continue",
            StreamExceptionPolicy::Reject => "reject",
        },
        stateless_defaults: policy.stateless.as_ref().map(stateless_defaults),
        groups,
        home_net: stateful.home_net.as_ref().map(net),
        external_net: stateful.external_net.as_ref().map(net),
        notices: notices_of(policy, sources),
    }
}

/// What the loader wants said in every report.
fn notices_of(policy: &Policy, sources: &Sources) -> Vec<Notice> {
    let mut notices: Vec<Notice> = Vec::new();
    for notice in &policy.notices {
        let place = notice.span.map_or_else(String::new, |span| {
            let at = sources.location(span);
            format!(" ({}:{})", at.file, at.line)
        });
        notices.push(Notice::new(format!("{}{place}", notice.message), notice.help.clone()));
    }
    notices
}

/// A group's own value of a variable, where it differs from the policy's.
fn own_set(group: &StatefulGroup, name: &str, policys: Option<&AddressVariable>) -> Option<Net> {
    let own = group.ip_sets.iter().find(|set| set.name == name)?;
    let entries = |set: &AddressVariable| set.entries.iter().map(|entry| entry.value.clone()).collect::<Vec<_>>();
    (policys.map(entries) != Some(entries(own))).then(|| net(own))
}

fn net(set: &AddressVariable) -> Net {
    let entries: Vec<&str> = set.entries.iter().map(|entry| entry.value.as_str()).collect();
    Net { value: entries.join(", "), origin: set.origin.clone() }
}

fn stateless_defaults(stateless: &StatelessPolicy) -> (String, String) {
    let text = |actions: &StatelessActions| {
        let action = match actions.action {
            StatelessAction::Pass => "aws:pass",
            StatelessAction::Drop => "aws:drop",
            StatelessAction::Forward => "aws:forward_to_sfe",
        };
        let custom = actions.custom.iter().map(|custom| custom.name.as_str());
        [action].into_iter().chain(custom).collect::<Vec<_>>().join(", ")
    };
    (text(&stateless.default_actions), text(&stateless.fragment_default_actions))
}

/// The stateless rules as reports name them.
pub fn stateless_groups(policy: &Policy) -> Vec<StatelessGroupEntry> {
    let groups = policy.stateless.iter().flat_map(|stateless| &stateless.groups);
    groups
        .map(|group| StatelessGroupEntry {
            name: group.name.clone(),
            rules: group.rules.iter().map(|rule| (rule.priority, rule.span)).collect(),
        })
        .collect()
}
