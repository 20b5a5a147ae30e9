//! Settings of the engine under Suricata's names: what `--set KEY=VALUE` and a `suricata.yaml` may say.
//!
//! In: keys and values, each later one in the place of an earlier one with the same key. Out: an [`EngineProfile`] that
//! follows them. What can be set is a table (`table.rs`); how a file is read stands in `file.rs`.

mod file;
mod table;
mod value;

pub use file::{SettingsFile, Variable, read_file};
pub use table::{Row, TABLE};

use super::EngineProfile;
use crate::stream::ExceptionPolicy;

/// Settings contradict each other.
pub(super) const CONTRADICTION: &str = "FD0114";

/// Stands in for what exception policies do that are not set.
const MASTER: &str = "exception-policy";
const MIDSTREAM_POLICY: &str = "stream.midstream-policy";

/// What is set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Those set last are not behind those of a file: of two hosts policies for a network the first counts.
    values: Vec<(String, String)>,
    /// How many of them, the first ones, were set in front of the others.
    n_in_front: usize,
    is_whole: bool,
}

/// Why a setting is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    /// Nothing that is simulated has such a key.
    Key,
    /// The key is known, the value cannot be used; says what could be.
    Value(String),
}

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Key => write!(f, "it is not simulated; docs/settings.md lists what is"),
            Self::Value(wanted) => f.write_str(wanted),
        }
    }
}

impl Default for Settings {
    /// Nothing, so that an engine stays as its profile has it.
    fn default() -> Self {
        // The profile's own entry, which another one may replace.
        let values = vec![("host-os-policy.linux.0".to_owned(), "0.0.0.0/0".to_owned())];
        Self { values, n_in_front: 0, is_whole: false }
    }
}

impl Settings {
    /// A whole configuration that says nothing: every setting is what Suricata has built in.
    pub fn built_in() -> Self {
        Self { values: Vec::new(), n_in_front: 0, is_whole: true }
    }

    /// Sets a key over what a file says: as `--set`, which Suricata takes in before it reads its file.
    ///
    /// # Errors
    /// As [`Self::set`].
    pub fn set_in_front(&mut self, key: &str, value: &str) -> Result<(), Refused> {
        let known = self.values.iter().position(|(known, _)| known == key);
        self.set(key, value)?;
        let at = known.unwrap_or(self.values.len() - 1);
        if let Some(behind) = self.values.get_mut(self.n_in_front..=at) {
            behind.rotate_right(1);
            self.n_in_front += 1;
        }
        Ok(())
    }

    /// Sets a key.
    ///
    /// # Errors
    /// When there is no such key, or it cannot have such a value.
    pub fn set(&mut self, key: &str, value: &str) -> Result<(), Refused> {
        Self::check(key, value)?;
        if key == MASTER && !self.is_whole {
            return Err(Refused::Value(format!(
                "without a configuration file every policy that it would stand for has a value: set \
                 {MIDSTREAM_POLICY} or app-layer.error-policy"
            )));
        }
        match self.values.iter_mut().find(|(known, _)| known == key) {
            Some((_, before)) => value.clone_into(before),
            None => self.values.push((key.to_owned(), value.to_owned())),
        }
        Ok(())
    }

    fn get(&self, key: &str) -> Option<&str> {
        self.values.iter().find(|(known, _)| known == key).map(|(_, value)| value.as_str())
    }

    /// Whether a key could be set to a value, as far as that does not depend on others.
    ///
    /// # Errors
    /// As [`Self::set`].
    pub fn check(key: &str, value: &str) -> Result<(), Refused> {
        let (row, names) = table::find(key).ok_or(Refused::Key)?;
        (row.apply)(&mut EngineProfile::suricata_7(), &names, value)
    }

    /// Makes an engine follow the settings.
    ///
    /// # Errors
    /// Settings that contradict each other.
    pub fn apply(&self, profile: &mut EngineProfile) -> Result<(), String> {
        profile.stream.hosts = crate::packet::HostPolicies::default();
        if self.is_whole {
            for row in TABLE.iter().filter(|row| !row.built_in.is_empty()) {
                (row.apply)(profile, &[], row.built_in).map_err(|why| format!("{}: {why}", row.key))?;
            }
        }
        for row in TABLE {
            for (key, value) in &self.values {
                if let Some(names) = row.names_in(key) {
                    (row.apply)(profile, &names, value).map_err(|why| format!("{key}: {why}"))?;
                }
            }
        }
        profile.defrag.hosts = profile.stream.hosts.clone();
        let actions = &profile.action_order;
        if (1..actions.len()).any(|n| actions.iter().take(n).any(|before| actions.get(n) == Some(before))) {
            return Err("action-order: each of pass, drop, reject and alert must be there once".to_owned());
        }
        self.apply_policies(profile)
    }

    /// What happens in exceptions, where it is not said.
    fn apply_policies(&self, profile: &mut EngineProfile) -> Result<(), String> {
        let midstream = profile.stream.midstream;
        if self.get(MIDSTREAM_POLICY).is_none() && (midstream || self.is_whole) {
            let master = self.master()?;
            let automatic = if midstream { ExceptionPolicy::Ignore } else { ExceptionPolicy::DropFlow };
            profile.stream.midstream_policy = master.unwrap_or(automatic);
        } else if self.get(MIDSTREAM_POLICY) == Some("auto") && midstream {
            profile.stream.midstream_policy = ExceptionPolicy::Ignore;
        } else if midstream
            && !matches!(profile.stream.midstream_policy, ExceptionPolicy::Ignore | ExceptionPolicy::PassFlow)
        {
            return Err(format!("{MIDSTREAM_POLICY}: with stream.midstream it can be ignore, pass-flow or auto"));
        }
        if self.is_whole && self.get("app-layer.error-policy").is_none() {
            profile.stream.app_error_policy = self.master()?.unwrap_or(ExceptionPolicy::DropFlow);
        }
        Ok(())
    }

    /// The policy that stands for others; `None` when each is what suits it.
    fn master(&self) -> Result<Option<ExceptionPolicy>, String> {
        self.get(MASTER).map_or(Ok(None), value::exception_policy)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profile(settings: &Settings) -> EngineProfile {
        let mut profile = EngineProfile::suricata_7();
        settings.apply(&mut profile).unwrap();
        profile
    }

    #[test]
    fn nothing_set_changes_nothing() {
        assert_eq!(profile(&Settings::default()), EngineProfile::suricata_7());
    }

    #[test]
    fn a_whole_configuration_begins_with_what_is_built_in() {
        let built_in = profile(&Settings::built_in());
        assert_eq!(built_in.timeouts.tcp, [30, 300, 10]);
        assert_eq!((built_in.stream.depth, built_in.stream.checksum_validation), (0, true));
        assert_eq!(built_in.stream.app_error_policy, ExceptionPolicy::DropFlow);
        assert_eq!(built_in.stream.hosts, crate::packet::HostPolicies::default());
    }

    #[test]
    fn one_policy_stands_for_those_that_are_not_set() {
        let mut settings = Settings::built_in();
        settings.set("exception-policy", "pass-packet").unwrap();
        settings.set("stream.midstream-policy", "reject").unwrap();
        let set = profile(&settings);
        assert_eq!(set.stream.midstream_policy, ExceptionPolicy::Reject);
        assert_eq!(set.stream.app_error_policy, ExceptionPolicy::PassPacket);
        assert!(Settings::default().set("exception-policy", "ignore").is_err());
    }

    #[test]
    fn a_flow_that_may_begin_in_the_middle_is_no_exception() {
        let mut settings = Settings::default();
        settings.set("stream.midstream", "yes").unwrap();
        assert_eq!(profile(&settings).stream.midstream_policy, ExceptionPolicy::Ignore);
        settings.set("stream.midstream-policy", "drop-flow").unwrap();
        assert!(settings.apply(&mut EngineProfile::suricata_7()).is_err());
    }

    #[test]
    fn every_built_in_value_can_be_set() {
        for row in TABLE.iter().filter(|row| !row.built_in.is_empty()) {
            assert_eq!(Settings::check(row.key, row.built_in), Ok(()), "{}", row.key);
        }
    }

    #[test]
    fn what_is_not_known_is_refused() {
        assert_eq!(Settings::check("stream.foo", "1"), Err(Refused::Key));
        assert_eq!(Settings::check("app-layer.protocols.dnp3.enabled", "yes"), Err(Refused::Key));
        assert!(matches!(Settings::check("packet-alert-max", "many"), Err(Refused::Value(_))));
    }
}
