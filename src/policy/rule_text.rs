//! The way into the rule language: all rule texts of policies are parsed through these two functions.

pub(super) use crate::rules::{parse_rule, parse_rules};
