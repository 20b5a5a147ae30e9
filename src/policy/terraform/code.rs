//! The codes of what can be wrong with a Terraform configuration or plan: `FD05..`.

/// The file is not in Terraform's language.
pub(super) const SYNTAX: &str = "FD0501";
/// A file of the configuration is not read.
pub(super) const NOT_READ: &str = "FD0502";
/// Something is declared twice.
pub(super) const DECLARED_TWICE: &str = "FD0503";
/// How many there are of a resource or module is not known.
pub(super) const COUNT_UNKNOWN: &str = "FD0504";
/// A module that describes a firewall is not read.
pub(super) const MODULE_NOT_READ: &str = "FD0505";
/// The order of a rule's options matters, and Terraform does not keep it.
pub(super) const OPTIONS_WITHOUT_ORDER: &str = "FD0506";
/// A file with values of variables cannot be read.
pub(super) const VARIABLE_FILE: &str = "FD0507";
/// A value is given for a variable that is not there.
pub(super) const NO_SUCH_VARIABLE: &str = "FD0508";
/// The document is not the output of `terraform show -json`.
pub(super) const NOT_A_PLAN: &str = "FD0509";
