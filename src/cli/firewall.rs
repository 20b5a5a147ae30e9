//! Where the command meets the engine: options become its settings, its rules become those of reports.

use super::args::{AppError, Checksum, EngineOptions, EngineSetting, EngineVersion, UrgentPolicy};
use super::session::Judge;
use crate::capture::Frame;
use crate::detect::{CompileOptions, EngineProfile, Program};
use crate::engine::{Engine, EngineConfig};
use crate::policy::model::{Policy, StreamExceptionPolicy};
use crate::report::{CaptureFacts, RuleEntry};
use crate::source::{Diagnostic, Sources};
use crate::stream;
use crate::verdict::Sink;
use std::borrow::Cow;

/// A compiled policy.
#[derive(Debug)]
pub struct Firewall {
    program: Program,
}

impl Firewall {
    /// Compiles a policy for the engine that the options describe.
    ///
    /// # Errors
    /// Everything in the policy that cannot be evaluated, with its place.
    pub fn compile(policy: &Policy, sources: &mut Sources, options: &EngineOptions) -> Result<Self, Vec<Diagnostic>> {
        let mut policy = Cow::Borrowed(policy);
        if options.midstream {
            // a flow that may begin in the middle is no exception
            policy.to_mut().stateful.stream_exception = StreamExceptionPolicy::Continue;
        }
        let options = CompileOptions { profile: profile(options), ..CompileOptions::default() };
        let program = Program::compile(&policy, sources, &options)?;
        Ok(Self { program })
    }

    /// What is evaluated in part only.
    pub fn warnings(&self) -> &[Diagnostic] {
        self.program.warnings()
    }

    /// The engine's name in reports: `Suricata 7.0` for the profile `suricata-7.0`.
    pub fn engine_name(&self) -> String {
        self.program.profile().name.replacen("suricata-", "Suricata ", 1)
    }

    /// The rules in order of evaluation.
    pub fn rules(&self, policy: &Policy) -> Vec<RuleEntry> {
        let users_own = policy.stateful.default_action_rules.is_some();
        let entry = |rule: &crate::detect::RuleInfo| RuleEntry {
            sid: rule.sid,
            rev: rule.rev,
            action: rule.action,
            msg: rule.msg.clone(),
            group: rule
                .group
                .and_then(|group| self.program.groups().get(group as usize))
                .map_or_else(|| "StatefulDefaultActions".to_owned(), |group| group.name.clone()),
            span: rule.generated_from.or(rule.span),
            default_action: rule.default_action.map(|action| action.name().to_owned()),
            modelled: rule.default_action.is_some() && !users_own,
        };
        self.program.rules().map(|(_, rule)| entry(rule)).collect()
    }

    /// A fresh engine; `tunnels`: judge what is inside mirrored traffic.
    pub fn judge(&self, tunnels: bool) -> impl Judge + '_ {
        Engine::new(&self.program, EngineConfig { decapsulate: tunnels, ..EngineConfig::default() })
    }
}

fn profile(options: &EngineOptions) -> EngineProfile {
    let mut profile = match options.engine {
        EngineVersion::Suricata7 => EngineProfile::suricata_7(),
        EngineVersion::Suricata8 => EngineProfile::suricata_8(),
    };
    let validate = options.checksum == Checksum::All;
    profile.decode.validate_checksums = validate;
    profile.stream.checksum_validation = validate;
    profile.stream.midstream = options.midstream;
    profile.stream.app_error_policy = match options.app_error {
        AppError::Ignore => stream::ExceptionPolicy::Ignore,
        AppError::DropFlow => stream::ExceptionPolicy::DropFlow,
    };
    for setting in &options.set {
        match setting {
            EngineSetting::PacketAlertMax(n) => profile.packet_alert_max = usize::from(*n),
            EngineSetting::UrgentPolicy(policy) => {
                profile.stream.urgent_policy = match policy {
                    UrgentPolicy::Inline => stream::UrgentPolicy::Inline,
                    UrgentPolicy::OutOfBand => stream::UrgentPolicy::Oob,
                    UrgentPolicy::Drop => stream::UrgentPolicy::Drop,
                    UrgentPolicy::Gap => stream::UrgentPolicy::Gap,
                }
            }
        }
    }
    profile
}

impl Judge for Engine<'_> {
    fn process(&mut self, frame: &Frame<'_>, sink: &mut dyn Sink) {
        Engine::process(self, frame, sink);
    }

    fn finish(&mut self, sink: &mut dyn Sink) {
        Engine::finish(self, sink);
    }

    fn tell(&self, facts: &mut CaptureFacts) {
        let seen = self.facts();
        facts.bad_checksums = seen.bad_checksums;
        facts.oversized = seen.oversized;
        facts.mirrored = seen.mirrored;
        facts.custom_actions = seen.custom_actions.iter().map(|(name, n)| (name.clone(), *n)).collect();
    }
}
