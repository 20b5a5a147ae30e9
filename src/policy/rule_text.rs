//! The way into the rule language: all rule texts of policies are parsed through these functions.

pub(super) use crate::rules::{check_duplicates, parse_rule, parse_rules_in};
