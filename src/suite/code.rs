//! The codes of what can be wrong with a suite file.

/// A key that nobody knows.
pub(super) const UNKNOWN_KEY: &str = "FD0901";
/// A key that must be there is not.
pub(super) const MISSING_KEY: &str = "FD0902";
/// A value of the wrong shape, or none of those that are possible.
pub(super) const VALUE: &str = "FD0903";
/// A file that the suite names is not there.
pub(super) const MISSING_FILE: &str = "FD0904";
/// A conversation that cannot be made up.
pub(super) const CONVERSATION: &str = "FD0905";
/// A variable that the suite does not define.
pub(super) const VARIABLE: &str = "FD0906";
/// Keys that do not go together, or a case that expects nothing.
pub(super) const CONTRADICTION: &str = "FD0907";
