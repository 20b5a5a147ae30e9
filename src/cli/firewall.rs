//! Where the command meets the engine.

use super::args::EngineOptions;
use super::session::Judge;
use crate::capture::Frame;
use crate::policy::model::Policy;
use crate::report::RuleEntry;
use crate::source::{Diagnostic, Sources};
use crate::verdict::Sink;

/// A compiled policy.
#[derive(Debug)]
pub struct Firewall;

impl Firewall {
    /// Compiles a policy for the engine that the options describe.
    ///
    /// # Errors
    /// Everything in the policy that cannot be evaluated, with its place.
    pub fn compile(_: &Policy, _: &mut Sources, _: &EngineOptions) -> Result<Self, Vec<Diagnostic>> {
        Err(vec![Diagnostic::error("FD0399", "this build has no engine")])
    }

    /// The engine's name in reports.
    pub fn engine_name(&self) -> &'static str {
        "none"
    }

    /// The rules in order of evaluation.
    pub fn rules(&self, _: &Policy) -> Vec<RuleEntry> {
        Vec::new()
    }

    /// A fresh engine; `tunnels`: judge what is inside mirrored traffic.
    pub fn judge(&self, _tunnels: bool) -> impl Judge + '_ {
        Nothing
    }
}

struct Nothing;

impl Judge for Nothing {
    fn process(&mut self, _: &Frame<'_>, _: &mut dyn Sink) {}

    fn finish(&mut self, _: &mut dyn Sink) {}
}
