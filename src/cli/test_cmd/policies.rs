//! The policies of suites, each loaded once.

use super::super::args::{EngineOptions, PolicyOptions};
use super::super::console::{Console, Stop};
use super::super::render;
use super::super::session::Session;
use crate::policy::model::Policy;
use crate::report::notice;
use crate::source::{Diagnostic, Sources};
use crate::suite::Suite;
use crate::suite::model::PolicyOption;
use clap::Parser;
use std::path::{Path, PathBuf};

/// An option that `replay` would not take.
const OPTION: &str = "FD0908";

/// The options that a suite may set, as `replay` reads them.
#[derive(Debug, Parser)]
#[command(no_binary_name = true, disable_help_flag = true)]
struct Options {
    #[command(flatten)]
    policy: PolicyOptions,
    #[command(flatten)]
    engine: EngineOptions,
}

/// A policy that is ready, and what it was loaded with.
#[derive(Debug)]
struct Known {
    path: PathBuf,
    words: Vec<String>,
    session: Session,
    policy: Policy,
}

/// Policies that are ready.
#[derive(Debug, Default)]
pub(super) struct Policies {
    known: Vec<Known>,
}

impl Policies {
    /// Loads the policy of a suite, or finds it among those that are loaded.
    ///
    /// # Errors
    /// When it cannot be evaluated, or an option of the suite cannot be used.
    pub(super) fn open(
        &mut self,
        suite: &Suite,
        other: Option<&Path>,
        sources: &Sources,
        console: Console,
    ) -> Result<usize, Stop> {
        let path = other.unwrap_or(&suite.policy.value);
        let words: Vec<String> = suite.options.iter().map(word).collect();
        if let Some(place) = self.known.iter().position(|known| known.path == path && known.words == words) {
            return Ok(place);
        }
        let options = match options(&suite.options) {
            Ok(options) => options,
            Err(problems) => {
                render::diagnostics(&mut console.err(), sources, &problems)?;
                return Err(Stop::told());
            }
        };
        let (session, policy) = Session::open_with_policy(path, &options.policy, &options.engine, console)?;
        notice::write(&mut console.err(), &session.run.notices)?;
        self.known.push(Known { path: path.to_owned(), words, session, policy });
        Ok(self.known.len() - 1)
    }

    /// The policy's file.
    pub(super) fn name(&self, place: usize) -> Option<String> {
        self.known.get(place).map(|known| known.path.display().to_string())
    }

    pub(super) fn session(&self, place: usize) -> Option<&Session> {
        self.known.get(place).map(|known| &known.session)
    }

    pub(super) fn policy(&self, place: usize) -> Option<&Policy> {
        self.known.get(place).map(|known| &known.policy)
    }
}

fn word(option: &PolicyOption) -> String {
    match &option.value {
        Some(value) => format!("--{}={value}", option.name),
        None => format!("--{}", option.name),
    }
}

/// The options together; what is wrong with one is said at its place.
fn options(all: &[PolicyOption]) -> Result<Options, Vec<Diagnostic>> {
    let problem = |option: &PolicyOption| {
        let error = Options::try_parse_from([word(option)]).err()?.to_string();
        let line = error.lines().next().unwrap_or("").trim_start_matches("error: ").to_owned();
        let diagnostic = Diagnostic::error(OPTION, line.replace(" for '--", " for `--").replace('\'', "`"));
        Some(diagnostic.at(option.span).help("see `firedrill replay --help` for what it takes"))
    };
    let problems: Vec<Diagnostic> = all.iter().filter_map(problem).collect();
    if !problems.is_empty() {
        return Err(problems);
    }
    Options::try_parse_from(all.iter().map(word)).map_err(|error| vec![Diagnostic::error(OPTION, error.to_string())])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::suite::OPTIONS;
    use clap::CommandFactory;

    #[test]
    fn every_option_of_suites_is_one_of_replay() {
        let command = Options::command();
        let known: Vec<&str> = command.get_arguments().filter_map(|argument| argument.get_long()).collect();
        let mut of_suites = OPTIONS.map(|(name, _)| name);
        of_suites.sort_unstable();
        let mut known_sorted = known.clone();
        known_sorted.sort_unstable();
        assert_eq!(of_suites.as_slice(), known_sorted);
    }
}
