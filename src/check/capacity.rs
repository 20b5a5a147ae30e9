//! How much of its capacity each rule group uses, as AWS counts.

use crate::policy::model::{Capacity, Policy};

/// The capacity of one group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupCapacity {
    /// The group's name.
    pub group: String,
    /// Stateless or stateful.
    pub stateless: bool,
    /// The numbers.
    pub capacity: Capacity,
}

impl GroupCapacity {
    /// What is left, at the larger of the published formulas; `None` where nothing is declared.
    pub fn head_room(&self) -> Option<i64> {
        let used = i64::try_from(self.capacity.needed_at_most).unwrap_or(i64::MAX);
        Some(i64::from(self.capacity.declared?).saturating_sub(used))
    }

    /// What is left with `n` more domains; `None` for groups that are no domain lists or declare nothing.
    pub fn head_room_with(&self, n: u32) -> Option<i64> {
        let more = i64::try_from(self.capacity.of_a_domain?.saturating_mul(n.into())).unwrap_or(i64::MAX);
        Some(self.head_room()?.saturating_sub(more))
    }
}

/// Every group of a policy, in order of evaluation.
pub(super) fn of(policy: &Policy) -> Vec<GroupCapacity> {
    let stateless = policy.stateless.iter().flat_map(|stage| &stage.groups);
    let stateless = stateless.map(|group| (&group.name, true, group.capacity));
    let stateful = policy.stateful.groups.iter().map(|group| (&group.name, false, group.capacity));
    stateless
        .chain(stateful)
        .map(|(group, stateless, capacity)| GroupCapacity { group: group.clone(), stateless, capacity })
        .collect()
}
