//! Domain lists and standard stateful rules, expanded to the Suricata rules that AWS documents for them.
//!
//! The rules go through the same parser and compiler as every other rule; there is no second meaning.

pub(super) mod domain_list;
pub(super) mod standard_rule;
