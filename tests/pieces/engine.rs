//! Which engine a policy is for.

use firedrill::detect::EngineProfile;
use firedrill::policy::{LoadError, LoadOptions, Loaded};
use firedrill::rules::Dialect;

/// What `load` makes of a policy, for Suricata 7.0, or for 8.0 if its rules have words that came later; and the engine.
pub fn for_its_engine(
    options: &LoadOptions,
    load: impl Fn(&LoadOptions) -> Result<Loaded, LoadError>,
) -> (Loaded, EngineProfile) {
    let loaded = load(options).unwrap();
    if loaded.policy.is_some() {
        return (loaded, EngineProfile::suricata_7());
    }
    let later = LoadOptions { dialect: Dialect::SURICATA_8, ..options.clone() };
    (load(&later).unwrap(), EngineProfile::suricata_8())
}
