//! Rules with the same number.

use super::ast::Rule;
use crate::policy::model::RuleOrder;
use crate::source::Diagnostic;
use std::collections::HashMap;

/// What [`check_duplicates`] found.
#[derive(Debug, Default)]
pub struct Duplicates {
    /// Indexes of rules that a later rule with a higher `rev` replaces, rising. They are not to be evaluated.
    pub replaced: Vec<usize>,
    /// The rules that cannot be loaded.
    pub diagnostics: Vec<Diagnostic>,
}

/// Finds rules with the same `sid` and `gid`. In action order a higher `rev` replaces the rule before it (Suricata then
/// orders by number, so that the place in the file does not count); the same or a lower one is an error, as is any second
/// rule in strict order.
pub fn check_duplicates(rules: &[Rule], order: RuleOrder) -> Duplicates {
    let mut found = Duplicates::default();
    let mut seen: HashMap<(u32, u32), (usize, u32), foldhash::fast::FixedState> =
        HashMap::with_capacity_and_hasher(rules.len(), foldhash::fast::FixedState::default());
    for (index, rule) in rules.iter().enumerate() {
        let (key, rev) = ((rule.gid(), rule.sid()), rule.rev());
        let Some(&(before, old_rev)) = seen.get(&key) else {
            seen.insert(key, (index, rev));
            continue;
        };
        if rev > old_rev && order == RuleOrder::Action {
            found.replaced.push(before);
            seen.insert(key, (index, rev));
            continue;
        }
        let mut error =
            Diagnostic::error("FD0223", format!("rule {} is there twice", key.1)).label(rule.sid_span(), "again here");
        if let Some(before) = rules.get(before) {
            error = error.label(before.sid_span(), "first here");
        }
        found.diagnostics.push(error.help("give each rule a number of its own"));
    }
    found.replaced.sort_unstable();
    found
}

#[cfg(test)]
mod tests {
    use super::super::parse_rules;
    use super::*;
    use crate::source::{MappedText, Sources};

    fn check(revs: &[(u32, u32)], order: RuleOrder) -> (Vec<usize>, usize) {
        let lines = revs.iter().map(|(sid, rev)| format!("alert tcp any any -> any any (sid:{sid}; rev:{rev};)\n"));
        let text: String = lines.collect();
        let mut sources = Sources::new();
        let file = sources.add("x.rules", text.as_str());
        let found = check_duplicates(&parse_rules(&MappedText::verbatim(text, file, 0)).rules, order);
        (found.replaced, found.diagnostics.len())
    }

    #[test]
    fn a_newer_revision_replaces_the_older_in_action_order() {
        assert_eq!(check(&[(1, 1), (2, 1), (1, 2)], RuleOrder::Action), (vec![0], 0));
        assert_eq!(check(&[(1, 1), (1, 3), (1, 2)], RuleOrder::Action), (vec![0], 1));
        assert_eq!(check(&[(1, 1), (1, 1)], RuleOrder::Action), (vec![], 1));
    }

    #[test]
    fn strict_order_allows_no_second_rule() {
        assert_eq!(check(&[(1, 1), (1, 2)], RuleOrder::Strict), (vec![], 1));
    }
}
