//! From a path to a policy: reads the files, tells their languages apart, and chooses what is judged.

use super::code;
use super::document::{self, EXTENSIONS, Format};
use super::model::Policy;
use super::options::{LoadError, LoadOptions, RuleGroupSource, read_text};
use super::params::Params;
use super::problems::Problems;
use super::reader::{self, Env, Noted, display_name, stand_in};
use super::resolve;
use super::resource::{Resource, ResourceKind};
use super::supplies::Supplies;
use super::{aws_json, cloudformation, suricata, terraform};
use crate::policy::rule_text::parse_rules_in;
use crate::rules::Dialect;
use crate::rules::ast::Rule;
use crate::source::{Diagnostic, FileId, MappedText, Severity, Sources, Span};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// What a document is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// What the AWS CLI prints and takes.
    AwsJson,
    /// A CloudFormation template, SAM and CDK output among them.
    CloudFormation,
    /// Terraform files or a plan.
    Terraform,
    /// Suricata rules.
    Suricata,
}

/// A loaded policy and everything there is to say about it.
#[derive(Debug)]
pub struct Loaded {
    /// All files that were read, for showing places.
    pub sources: Sources,
    /// The policy; `None` only when `diagnostics` holds an error.
    pub policy: Option<Policy>,
    /// Errors first, then warnings, then notes.
    pub diagnostics: Vec<Diagnostic>,
    /// The language of the policy, or of the first file.
    pub language: Language,
    /// The names of all policies in the document, for [`LoadOptions::select`].
    pub policies: Vec<String>,
}

/// Loads the policy in a file, or in the policy files of a directory (one level, by name).
///
/// # Errors
/// When a file cannot be read at all. What is wrong *in* a file is in [`Loaded::diagnostics`].
pub fn load(path: &Path, options: &LoadOptions) -> Result<Loaded, LoadError> {
    let paths = policy_files(path, options)?;
    let files: Result<Vec<_>, LoadError> = paths.into_iter().map(|path| Ok((read_text(&path)?, path))).collect();
    load_files(&files?, path.is_dir(), options)
}

/// Loads a policy that is in memory; `name` stands for its file name and tells its language.
///
/// # Errors
/// When a file that an option names cannot be read.
pub fn load_text(name: &str, text: &str, options: &LoadOptions) -> Result<Loaded, LoadError> {
    load_files(&[(text.to_owned(), PathBuf::from(name))], false, options)
}

fn load_files(files: &[(String, PathBuf)], in_directory: bool, options: &LoadOptions) -> Result<Loaded, LoadError> {
    let mut sources = Sources::new();
    let mut problems = Problems::default();
    let mut documents = Documents::default();
    let read: Vec<(&Path, FileId)> = files
        .iter()
        .map(|(text, path)| (path.as_path(), sources.add(path.display().to_string(), text.as_str())))
        .collect();
    let mut param_problems = Vec::new();
    let params = Params::load(options, &mut sources, &mut param_problems)?;
    let mut own = Vec::new();
    for (path, file) in read {
        documents.read(path, file, &sources, &params, in_directory, &mut own);
    }
    let base_dir = files.first().and_then(|(_, path)| path.parent()).unwrap_or(Path::new(""));
    if documents.is_terraform() {
        documents.read_terraform(base_dir, &mut sources, &params.for_terraform(options), &mut own);
    } else {
        own.extend(param_problems);
        own.extend(params.unused());
    }
    let mut supplied = Vec::new();
    for source in &options.rule_groups {
        supplied.extend(supplied_group(source, &mut sources, &params, &mut own)?);
    }
    problems.extend(own);
    let supplies = Supplies::load(options, &mut sources, &mut problems)?;
    let default_action_rules = match &options.stateful.default_action_rules {
        Some(path) => Some(default_action_rules(path, options.dialect, &mut sources, &mut problems)?),
        None => None,
    };
    let noted = Noted::default();
    let env = Env {
        sources: &sources,
        resources: &documents.resources,
        supplied: &supplied,
        supplies: &supplies,
        options,
        default_action_rules: default_action_rules.as_deref(),
        noted: &noted,
    };
    let policy = choose(&documents, &env, &mut problems);
    if policy.is_some() {
        problems.extend(left_nothing_out(&env));
        problems.extend(edited_nothing(&env));
    }
    let language = policy
        .as_ref()
        .and_then(|policy| documents.languages.iter().find(|(file, _)| *file == policy.span.file))
        .or(documents.languages.first())
        .map_or(Language::AwsJson, |(_, language)| *language);
    let policy = policy.filter(|_| !problems.has_errors());
    let policies = documents.policies();
    Ok(Loaded { policy, diagnostics: problems.into_sorted(), language, policies, sources })
}

/// The file itself, or the directory's policy files that no option names.
fn policy_files(path: &Path, options: &LoadOptions) -> Result<Vec<PathBuf>, LoadError> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let io = |source| LoadError::Io { path: path.to_owned(), source };
    let named: BTreeSet<PathBuf> = options
        .param_files
        .iter()
        .chain(options.rule_groups.iter().map(|group| &group.path))
        .chain(&options.stateful.default_action_rules)
        .filter_map(|path| path.canonicalize().ok())
        .collect();
    let mut files = Vec::new();
    for entry in std::fs::read_dir(path).map_err(io)? {
        let file = entry.map_err(io)?.path();
        let extension = file.extension().map(|e| e.to_string_lossy().to_ascii_lowercase());
        let wanted = extension.is_some_and(|extension| EXTENSIONS.contains(&extension.as_str()));
        if wanted && file.is_file() && !file.canonicalize().is_ok_and(|file| named.contains(&file)) {
            files.push(file);
        }
    }
    files.sort();
    if files.is_empty() {
        return Err(LoadError::EmptyDirectory { path: path.to_owned() });
    }
    Ok(files)
}

/// What the files hold.
#[derive(Default)]
struct Documents {
    resources: Vec<Resource>,
    /// Files of plain rules, also among the resources as groups.
    rules: Vec<Resource>,
    terraform: Vec<FileId>,
    plans: Vec<FileId>,
    languages: Vec<(FileId, Language)>,
    templates: usize,
    /// A template with stacks of its own, which may hold what is looked for.
    nested_stack: Option<Span>,
}

impl Documents {
    fn add(&mut self, resources: Vec<Resource>, language: Language) {
        for resource in &resources {
            self.note_language(resource.span.file, language);
        }
        self.resources.extend(resources);
    }

    /// The names of the policies.
    fn policies(&self) -> Vec<String> {
        let all: Vec<&Resource> =
            self.resources.iter().filter(|resource| resource.kind == ResourceKind::FirewallPolicy).collect();
        all.iter().map(|resource| telling_name(resource, &all).to_owned()).collect()
    }

    fn is_terraform(&self) -> bool {
        !(self.terraform.is_empty() && self.plans.is_empty())
    }

    /// The configuration as a whole, since its files refer to each other, and every plan.
    fn read_terraform(
        &mut self,
        base_dir: &Path,
        sources: &mut Sources,
        params: &terraform::Params,
        problems: &mut Vec<Diagnostic>,
    ) {
        let mut loaded = Vec::new();
        if !self.terraform.is_empty() {
            loaded.push(terraform::load(&self.terraform, base_dir, sources, params));
        }
        for &plan in &self.plans {
            loaded.push(terraform::load_plan(plan, sources));
        }
        for part in loaded {
            problems.extend(part.diagnostics);
            self.add(part.resources, Language::Terraform);
        }
    }

    fn note_language(&mut self, file: FileId, language: Language) {
        if !self.languages.iter().any(|(known, _)| *known == file) {
            self.languages.push((file, language));
        }
    }

    fn read(
        &mut self,
        path: &Path,
        file: FileId,
        sources: &Sources,
        params: &Params,
        in_directory: bool,
        problems: &mut Vec<Diagnostic>,
    ) {
        let format = document::format_of(path, sources.text(file));
        match format {
            Format::Terraform => {
                self.terraform.push(file);
                self.note_language(file, Language::Terraform);
                return;
            }
            Format::Rules => {
                let group = suricata::group(sources, file, &stem(path));
                self.note_language(file, Language::Suricata);
                self.rules.push(group.clone());
                self.resources.push(group);
                return;
            }
            Format::Json | Format::Yaml => {}
        }
        let root = match document::tree(sources, file, format) {
            Ok((root, warning)) => {
                problems.extend(warning);
                root
            }
            Err(problem) => {
                problems.push(problem);
                return;
            }
        };
        if document::is_terraform_json(&root) {
            self.plans.push(file);
            self.note_language(file, Language::Terraform);
        } else if cloudformation::is_template(&root) {
            self.note_language(file, Language::CloudFormation);
            self.nested_stack = self.nested_stack.or_else(|| cloudformation::nested_stack(&root));
            self.templates += 1;
            let scope = if self.templates > 1 { format!("@{}", self.templates) } else { String::new() };
            let resources = cloudformation::load(&root, params, &scope, problems);
            self.add(resources, Language::CloudFormation);
        } else {
            self.note_language(file, Language::AwsJson);
            let mut own = Vec::new();
            let resources = aws_json::load(&root, &stem(path), &mut own);
            // A directory may hold other JSON too.
            if in_directory {
                for problem in &mut own {
                    problem.severity = Severity::Warning;
                }
            }
            problems.extend(own);
            self.add(resources, Language::AwsJson);
        }
    }
}

fn stem(path: &Path) -> String {
    path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default()
}

/// The groups in a file of `--rule-group`.
fn supplied_group(
    source: &RuleGroupSource,
    sources: &mut Sources,
    params: &Params,
    problems: &mut Vec<Diagnostic>,
) -> Result<Vec<Resource>, LoadError> {
    let (name, path) = name_and_path(source);
    let file = sources.add(path.display().to_string(), read_text(&path)?);
    let format = document::format_of(&path, sources.text(file));
    let mut groups = match format {
        Format::Rules => vec![suricata::group(sources, file, &stem(&path))],
        Format::Terraform => {
            let base_dir = path.parent().unwrap_or(Path::new(""));
            terraform::load(&[file], base_dir, sources, &terraform::Params::default()).resources
        }
        Format::Json | Format::Yaml => match document::tree(sources, file, format) {
            Ok((root, _)) if cloudformation::is_template(&root) => {
                cloudformation::load(&root, params, "@rule-group", problems)
            }
            Ok((root, _)) => aws_json::load(&root, &stem(&path), problems),
            Err(problem) => {
                problems.push(problem);
                return Ok(Vec::new());
            }
        },
    };
    groups.retain(|group| group.kind == ResourceKind::RuleGroup);
    if let Some(name) = name {
        if groups.len() > 1 {
            groups.retain(|group| resolve::is_called(group, &name));
        }
        if let [group] = &mut groups[..] {
            group.identities.push(name);
        } else {
            let message = format!("`{}` does not hold one rule group that could be `{name}`", path.display());
            problems.push(
                Diagnostic::error(code::OPTION_VALUE, message)
                    .at(Span::new(file, 0..0))
                    .help("give Suricata rules, or a document with one rule group"),
            );
            groups.clear();
        }
    } else {
        // A file that says no ARN is known by its names.
        for group in &mut groups {
            let names = [Some(group.logical_id.clone()), group.name.as_ref().map(|name| name.value.clone())];
            group.identities.extend(names.into_iter().flatten());
        }
    }
    Ok(groups)
}

/// `NAME=FILE` may have come in one piece.
fn name_and_path(source: &RuleGroupSource) -> (Option<String>, PathBuf) {
    if source.name.is_none()
        && !source.path.exists()
        && let Some((name, path)) = source.path.to_str().and_then(|text| text.split_once('='))
    {
        return (Some(name.to_owned()), PathBuf::from(path));
    }
    (source.name.clone(), source.path.clone())
}

fn default_action_rules(
    path: &Path,
    dialect: Dialect,
    sources: &mut Sources,
    problems: &mut Problems,
) -> Result<Vec<Rule>, LoadError> {
    let text = read_text(path)?;
    let file = sources.add(path.display().to_string(), text.as_str());
    let parsed = parse_rules_in(&MappedText::verbatim(text, file, 0), dialect);
    problems.extend(parsed.diagnostics);
    Ok(parsed.rules)
}

/// Reads the one policy there is or that was selected, or what stands in for it.
fn choose(documents: &Documents, env: &Env<'_>, problems: &mut Problems) -> Option<Policy> {
    let of_kind = |kind| documents.resources.iter().filter(move |resource| resource.kind == kind);
    let policies: Vec<&Resource> = of_kind(ResourceKind::FirewallPolicy).collect();
    let mut groups: Vec<&Resource> = of_kind(ResourceKind::RuleGroup).collect();
    let extra = |known: &[&Resource]| -> Vec<usize> {
        let stands_for = |given: &Resource| {
            known.iter().any(|group| given.identities.iter().any(|id| resolve::is_called(group, id)))
        };
        env.supplied.iter().enumerate().filter(|(_, given)| !stands_for(given)).map(|(n, _)| n).collect()
    };
    if let Some(wanted) = &env.options.select {
        return match (&named(&policies, wanted)[..], &named(&groups, wanted)[..]) {
            ([policy], _) => read_policy(policy, env, problems),
            ([], [group]) => stand_in::stand_in(&[*group], env, problems),
            ([], []) => {
                problems.push(no_such(wanted, &policies, &groups));
                None
            }
            ([], several) | (several, _) => {
                problems.push(several_named(several));
                None
            }
        };
    }
    match policies[..] {
        [policy] => return read_policy(policy, env, problems),
        [_, _, ..] => {
            problems.push(several_named(&policies));
            return None;
        }
        [] => {}
    }
    let more = extra(&groups);
    groups.extend(more.iter().filter_map(|&n| env.supplied.get(n)));
    if let Some(first) = documents.rules.first()
        && documents.rules.len() + more.len() == groups.len()
    {
        return stand_in::plain_rules(&groups, suricata::nets(env.supplies, first.span), env, problems);
    }
    if groups.is_empty() {
        if !problems.has_errors() {
            problems.push(nothing(documents));
        }
        return None;
    }
    stand_in::stand_in(&groups, env, problems)
}

fn read_policy(policy: &Resource, env: &Env<'_>, problems: &mut Problems) -> Option<Policy> {
    let read = reader::policy::policy(policy, env, problems);
    let used = env.noted.supplies.borrow();
    for (n, given) in env.supplied.iter().enumerate().filter(|(n, _)| !used.contains(n)) {
        let name = given.identities.last().map_or_else(|| display_name(given), String::as_str);
        problems.push(
            Diagnostic::warning(code::NO_SUCH_NAME, format!("the policy does not use the given rule group `{name}`"))
                .at(given.span)
                .help(format!("--rule-group number {} has no effect: give it as ARN=FILE", n + 1)),
        );
    }
    read
}

/// The resources that are called so.
fn named<'a>(resources: &[&'a Resource], wanted: &str) -> Vec<&'a Resource> {
    resources.iter().copied().filter(|resource| resolve::is_called(resource, wanted)).collect()
}

/// A name that tells a resource from the others.
fn telling_name<'a>(resource: &'a Resource, all: &[&Resource]) -> &'a str {
    let name = display_name(resource);
    if named(all, name).len() > 1 { &resource.logical_id } else { name }
}

fn several_named(all: &[&Resource]) -> Diagnostic {
    let names: Vec<&str> = all.iter().map(|resource| telling_name(resource, all)).collect();
    let kind = match all.first().map(|first| first.kind) {
        Some(ResourceKind::FirewallPolicy) => "policies",
        _ => "rule groups",
    };
    let message = format!("there are {} {kind}: `{}`", all.len(), names.join("`, `"));
    let mut problem = Diagnostic::error(code::SEVERAL_POLICIES, message);
    for resource in all.iter().take(8) {
        problem = problem.at(resource.span);
    }
    problem.help(format!("choose one with --select {}", names.first().unwrap_or(&"NAME")))
}

/// Names of `leave_out` that nothing has.
fn left_nothing_out(env: &Env<'_>) -> Vec<Diagnostic> {
    let used = env.noted.left_out.borrow();
    let unused = env.options.leave_out.iter().filter(|name| !used.contains(*name));
    unused
        .map(|name| {
            let message =
                format!("nothing is left out: no rule group is called `{name}`, and no rule uses such a keyword");
            let groups = env.resources.iter().chain(env.supplied).filter(|found| found.kind == ResourceKind::RuleGroup);
            let groups: Vec<String> = groups.map(|group| format!("`{}`", display_name(group))).collect();
            Diagnostic::warning(code::NO_SUCH_NAME, message).help(match &groups[..] {
                [] => "there are no rule groups".to_owned(),
                all => format!("the rule groups are {}", all.join(", ")),
            })
        })
        .collect()
}

/// Edits of domain lists that no list had a place for.
fn edited_nothing(env: &Env<'_>) -> Vec<Diagnostic> {
    let done = env.noted.edits.borrow();
    let mut problems = Vec::new();
    for domain in env.options.without_domains.iter().filter(|domain| !done.contains(*domain)) {
        problems.push(
            Diagnostic::error(code::NO_SUCH_NAME, format!("no domain list of the policy has `{domain}`"))
                .help("write the domain as the list has it, with its leading dot if there is one"),
        );
    }
    for wanted in env.options.with_domains.iter().filter(|wanted| !done.contains(*wanted)) {
        problems.push(
            Diagnostic::error(code::NO_SUCH_NAME, format!("there is no domain list to put `{wanted}` into"))
                .help("LIST=DOMAIN names the rule group of the list; a domain alone goes into every allow list"),
        );
    }
    problems
}

fn no_such(wanted: &str, policies: &[&Resource], groups: &[&Resource]) -> Diagnostic {
    let names: Vec<String> =
        policies.iter().chain(groups).map(|resource| format!("`{}`", display_name(resource))).collect();
    let known = if names.is_empty() { "nothing that could be selected".to_owned() } else { names.join(", ") };
    Diagnostic::error(code::NO_SUCH_NAME, format!("there is no policy or rule group `{wanted}`"))
        .help(format!("the document has {known}"))
}

fn nothing(documents: &Documents) -> Diagnostic {
    let mut problem = Diagnostic::error(code::NOTHING_TO_JUDGE, "there is neither a firewall policy nor a rule group");
    if let Some(stack) = documents.nested_stack {
        problem = problem.at(stack).help("the template has a nested stack: give that stack's own template");
    } else if let Some((file, _)) = documents.languages.first() {
        problem = problem.at(Span::new(*file, 0..0)).help(
            "looked for are firewall policies and rule groups of AWS Network Firewall in CloudFormation, Terraform (or its \
             plan), in what the AWS CLI prints or takes, and Suricata rules",
        );
    }
    problem
}
