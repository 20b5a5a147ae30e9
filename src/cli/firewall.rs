//! Where the command meets the engine: options become its settings, its rules become those of reports.

use super::args::{AppError, Checksum, EngineOptions, EngineVersion, PolicyOptions};
use super::session::Judge;
use crate::capture::{Capture, CaptureError, Frame};
use crate::detect::{CompileOptions, EngineProfile, Program, Settings};
use crate::engine::{self, Engine, EngineConfig, Facts};
use crate::policy::model::{Policy, StreamExceptionPolicy};
use crate::report::{CaptureFacts, RuleEntry};
use crate::source::{Diagnostic, Sources};
use crate::stream::ExceptionPolicy;
use crate::verdict::Sink;

/// A compiled policy.
#[derive(Debug)]
pub struct Firewall {
    program: Program,
    options: CompileOptions,
}

impl Firewall {
    /// Compiles a policy for an engine with the settings and tables that the user supplies.
    ///
    /// # Errors
    /// Everything in the policy that cannot be evaluated, with its place.
    pub fn compile(
        policy: &Policy,
        sources: &mut Sources,
        engine: EngineVersion,
        supplied: CompileOptions,
    ) -> Result<Self, Vec<Diagnostic>> {
        let options = CompileOptions { profile: profile(engine), ..supplied };
        let program = Program::compile(policy, sources, &options)?;
        Ok(Self { program, options })
    }

    /// Compiles another policy for the same engine.
    ///
    /// # Errors
    /// Everything in the policy that cannot be evaluated, with its place.
    pub fn compile_alike(&self, policy: &Policy, sources: &mut Sources) -> Result<Self, Vec<Diagnostic>> {
        let program = Program::compile(policy, sources, &self.options)?;
        Ok(Self { program, options: self.options.clone() })
    }

    /// The compiled rules alone.
    pub fn into_program(self) -> Program {
        self.program
    }

    /// What is evaluated in part only.
    pub fn warnings(&self) -> &[Diagnostic] {
        self.program.warnings()
    }

    /// What happens to TCP packets without a handshake, in a word.
    pub fn stream_exception(&self) -> &'static str {
        match self.program.profile().stream.midstream_policy {
            ExceptionPolicy::Ignore => "continue",
            ExceptionPolicy::DropFlow | ExceptionPolicy::DropPacket => "drop",
            ExceptionPolicy::Reject => "reject",
            ExceptionPolicy::PassFlow | ExceptionPolicy::PassPacket | ExceptionPolicy::Bypass => "pass",
        }
    }

    /// What it was compiled with.
    pub fn options(&self) -> &CompileOptions {
        &self.options
    }

    /// The compiled rules.
    pub fn program(&self) -> &Program {
        &self.program
    }

    /// The engine's name in reports: `Suricata 7.0` for the profile `suricata-7.0`.
    pub fn engine_name(&self) -> String {
        self.program.profile().name.replacen("suricata-", "Suricata ", 1)
    }

    /// The rules in order of evaluation.
    pub fn rules(&self, policy: &Policy) -> Vec<RuleEntry> {
        rules(&self.program, policy)
    }

    /// A fresh engine; `tunnels`: judge what is inside mirrored traffic.
    pub fn judge(&self, tunnels: bool) -> impl Judge + '_ {
        Engine::new(&self.program, EngineConfig { decapsulate: tunnels, ..EngineConfig::default() })
    }

    /// Sends a capture through several engines at once, and adds what they saw of the frames to `facts`. `go_on` is asked
    /// about each frame, with the bytes read and of how many; the capture comes back when it never said no.
    ///
    /// # Errors
    /// When the capture cannot be read.
    pub fn judge_in_shards<S: Sink>(
        &self,
        threads: u16,
        capture: Capture,
        sink: &mut S,
        facts: &mut CaptureFacts,
        mut go_on: impl FnMut(&mut S, &mut CaptureFacts, &Frame<'_>, (u64, Option<u64>)) -> bool,
    ) -> Result<Option<Capture>, CaptureError> {
        let config = EngineConfig { decapsulate: facts.decapsulated, ..EngineConfig::default() };
        let replayed = engine::replay(&self.program, config, threads, capture, sink, |sink, frame, bytes| {
            go_on(sink, facts, frame, bytes)
        })?;
        tell(&replayed.facts, facts);
        Ok(replayed.capture)
    }
}

/// The rules of a program in order of evaluation, as reports name them.
pub fn rules(program: &Program, policy: &Policy) -> Vec<RuleEntry> {
    let users_own = policy.stateful.default_action_rules.is_some();
    let entry = |rule: &crate::detect::RuleInfo| RuleEntry {
        sid: rule.sid,
        rev: rule.rev,
        action: rule.action,
        msg: rule.msg.clone(),
        group: rule
            .group
            .and_then(|group| program.groups().get(group as usize))
            .map_or_else(|| "StatefulDefaultActions".to_owned(), |group| group.name.clone()),
        span: rule.generated_from.or(rule.span),
        default_action: rule.default_action.map(|action| action.name().to_owned()),
        modelled: rule.is_modelled || (rule.default_action.is_some() && !users_own),
    };
    program.rules().map(|(_, rule)| entry(rule)).collect()
}

/// The engine that an option names.
pub fn profile(engine: EngineVersion) -> EngineProfile {
    match engine {
        EngineVersion::Suricata7 => EngineProfile::suricata_7(),
        EngineVersion::Suricata8 => EngineProfile::suricata_8(),
    }
}

/// What the options set, over what a configuration file does.
///
/// # Errors
/// A setting that contradicts another one.
pub fn settings(
    file: Option<Settings>,
    options: &EngineOptions,
    policy_options: &PolicyOptions,
) -> Result<Settings, String> {
    let is_whole = file.is_some();
    let mut settings = file.unwrap_or_default();
    let mut set = |key: &str, value: &str| settings.set_in_front(key, value).map_err(|why| format!("{key}: {why}"));
    if let Some(checksum) = options.checksum {
        set("stream.checksum-validation", if checksum == Checksum::All { "yes" } else { "no" })?;
    }
    if let Some(app_error) = options.app_error {
        set("app-layer.error-policy", if app_error == AppError::Ignore { "ignore" } else { "drop-flow" })?;
    }
    // without a file these two are the policy's
    if let Some(exception) = policy_options.stream_exception.filter(|_| is_whole) {
        let policy = match exception {
            StreamExceptionPolicy::Drop => "drop-flow",
            StreamExceptionPolicy::Continue => "ignore",
            StreamExceptionPolicy::Reject => "reject",
        };
        set("stream.midstream-policy", policy)?;
    }
    if let Some(idle) = policy_options.tcp_idle.filter(|_| is_whole) {
        set("flow-timeouts.tcp.established", &idle.to_string())?;
    }
    if options.midstream {
        set("stream.midstream", "yes")?;
        // a flow that may begin in the middle is no exception
        set("stream.midstream-policy", "ignore")?;
    }
    for setting in options.set.iter().filter(|setting| setting.variable().is_none()) {
        set(&setting.name, &setting.value)?;
    }
    let mut profile = EngineProfile::suricata_7();
    settings.apply(&mut profile)?;
    Ok(settings)
}

impl Judge for Engine<'_> {
    fn process(&mut self, frame: &Frame<'_>, sink: &mut dyn Sink) {
        Engine::process(self, frame, sink);
    }

    fn finish(&mut self, sink: &mut dyn Sink) {
        Engine::finish(self, sink);
    }

    fn tell(&self, facts: &mut CaptureFacts) {
        tell(self.facts(), facts);
    }
}

/// Adds what an engine saw of the frames themselves.
pub fn tell(seen: &Facts, facts: &mut CaptureFacts) {
    facts.bad_checksums = seen.bad_checksums;
    facts.oversized = seen.oversized;
    facts.mirrored = seen.mirrored;
    facts.custom_actions = seen.custom_actions.iter().map(|(name, n)| (name.clone(), *n)).collect();
}
