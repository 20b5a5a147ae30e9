//! Whose bytes count where fragments overlap: what the receiving host would do.

use crate::packet::HostOs;

/// How a host puts overlapping fragments together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DefragPolicy {
    /// What came first stays: macOS, old Solaris.
    First,
    /// What came first stays, unless the later fragment begins further in front.
    Bsd,
    /// What came last stays, unless the earlier fragment begins further behind.
    BsdRight,
    /// As BSD, but of two fragments with the same beginning the later one stays.
    Linux,
    /// What came first stays, unless it lies wholly inside the later one.
    Windows,
    /// As Windows, with another idea of inside.
    Solaris,
}

impl DefragPolicy {
    /// The policy that Suricata takes for an operating system.
    pub fn of_host_os(os: HostOs) -> Self {
        match os {
            HostOs::OldSolaris | HostOs::Hpux11 | HostOs::Macos => Self::First,
            HostOs::Bsd | HostOs::Hpux10 | HostOs::Irix => Self::Bsd,
            HostOs::BsdRight => Self::BsdRight,
            HostOs::Linux | HostOs::OldLinux => Self::Linux,
            HostOs::Windows | HostOs::Vista | HostOs::Windows2k3 => Self::Windows,
            HostOs::Solaris => Self::Solaris,
        }
    }
}

/// Where a fragment lies in its datagram's payload, and how much of its front another one has taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Extent {
    pub(super) offset: u16,
    pub(super) len: u16,
    /// Bytes at the front that do not count.
    pub(super) trim: u16,
}

impl Extent {
    pub(super) fn start(self) -> u32 {
        u32::from(self.offset)
    }

    pub(super) fn end(self) -> u32 {
        u32::from(self.offset) + u32::from(self.len)
    }

    /// Where the bytes that count begin.
    pub(super) fn kept(self) -> u32 {
        u32::from(self.offset) + u32::from(self.trim)
    }

    /// Nothing of it counts.
    pub(super) fn is_gone(self) -> bool {
        self.trim >= self.len
    }

    fn overlaps(self, other: Self) -> bool {
        self.start() < other.end() && other.start() < self.end()
    }

    fn trim_to(&mut self, end: u32) {
        self.trim = (end - self.start()) as u16;
    }

    fn discard(&mut self) {
        self.trim = self.len;
    }
}

/// What comparing a new fragment with an old one leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// Compare with the next one.
    GoOn,
    /// The old one settles it: the new one goes in, as far as it counts.
    Settled,
    /// The new one does not count at all.
    Refused,
}

/// What became of a new fragment among the old ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Verdict {
    /// It shares bytes with another.
    pub(super) overlap: bool,
    /// It is not to be kept.
    pub(super) refused: bool,
    /// Place of an old fragment of which nothing counts any longer.
    pub(super) gone: Option<usize>,
}

/// Sets `new` against the fragments that are there, in order of offset. `extent` gives access to their extents.
///
/// This follows Suricata to the letter where it differs from the hosts it imitates: only one of the old fragments decides,
/// and the search for it begins one in front of where the new fragment belongs, or at the very first one if no old
/// fragment begins at or behind the new one.
pub(super) fn settle(policy: DefragPolicy, fragments: &mut [Extent], new: &mut Extent) -> Verdict {
    let mut verdict = Verdict { overlap: false, refused: false, gone: None };
    let behind = fragments.partition_point(|old| old.offset < new.offset);
    let none_behind = behind == fragments.len();
    let first = if new.offset == 0 || none_behind { 0 } else { behind.saturating_sub(1) };
    for place in first..fragments.len() {
        let Some((old, rest)) = fragments.get_mut(place..).and_then(<[_]>::split_first_mut) else { break };
        verdict.overlap |= new.overlaps(*old);
        match step(policy, old, rest.first_mut(), new) {
            Step::GoOn => {}
            Step::Settled => {
                verdict.gone = old.is_gone().then_some(place);
                break;
            }
            Step::Refused => {
                verdict.refused = true;
                return verdict;
            }
        }
    }
    verdict.refused = new.is_gone();
    verdict
}

fn step(policy: DefragPolicy, old: &mut Extent, next: Option<&mut Extent>, new: &mut Extent) -> Step {
    // How far into the new fragment the old one reaches; added to what was trimmed before, as Suricata does.
    let reach = |new: &Extent, old: &Extent| (old.end().wrapping_sub(new.start())) as u16;
    let inside = new.start() >= old.start() && new.end() <= old.end();
    match policy {
        DefragPolicy::BsdRight => Step::GoOn, // later copies are laid over earlier ones when the datagram is put together
        DefragPolicy::First if inside => Step::Refused,
        DefragPolicy::First if new.start() < old.start() => Step::Settled,
        DefragPolicy::First if new.start() < old.end() => {
            new.trim_to(old.end());
            Step::Settled
        }
        DefragPolicy::First => Step::GoOn,
        DefragPolicy::Bsd if new.start() < old.end() => {
            if old.start() <= new.start() {
                if old.end() > new.end() {
                    return Step::Refused;
                }
                new.trim_to(old.end());
            } else if new.end() > old.kept() {
                old.trim_to(new.end());
            }
            if let Some(next) = next
                && new.end() > next.start()
            {
                next.trim_to(new.end());
            }
            Step::Settled
        }
        DefragPolicy::Bsd => Step::GoOn,
        DefragPolicy::Linux => {
            if old.kept() < new.kept() && old.end() > new.kept() {
                new.trim = new.trim.wrapping_add(reach(new, old));
            }
            if new.kept() < old.kept() && new.end() > old.kept() {
                old.trim_to(new.end());
                Step::Settled
            } else if new.kept() <= old.kept() && new.end() >= old.end() {
                old.discard();
                Step::Settled
            } else {
                Step::GoOn
            }
        }
        DefragPolicy::Windows if inside => Step::Refused,
        DefragPolicy::Windows if new.start() < old.start() && new.end() > old.end() => {
            old.discard();
            Step::Settled
        }
        DefragPolicy::Windows
            if (new.kept() > old.kept() && new.kept() < old.end())
                || (new.start() == old.start() && new.end() > old.end()) =>
        {
            new.trim = new.trim.wrapping_add(reach(new, old));
            Step::Settled
        }
        DefragPolicy::Windows => Step::GoOn,
        DefragPolicy::Solaris if new.start() < old.end() => {
            if new.start() >= old.start() {
                new.trim_to(old.end());
            } else if new.end() >= old.end() {
                old.discard();
            }
            Step::Settled
        }
        DefragPolicy::Solaris => Step::GoOn,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lays fragments, each given as `offset..end` in bytes, one after the other and shows whose bytes count.
    fn check(policy: DefragPolicy, fragments: &[(u16, u16)], expected: &str) {
        let mut kept: Vec<(Extent, char)> = Vec::new();
        for ((offset, end), letter) in fragments.iter().zip('a'..) {
            let mut new = Extent { offset: *offset, len: end - offset, trim: 0 };
            let mut extents: Vec<Extent> = kept.iter().map(|(extent, _)| *extent).collect();
            let verdict = settle(policy, &mut extents, &mut new);
            for ((old, _), extent) in kept.iter_mut().zip(extents) {
                *old = extent;
            }
            verdict.gone.map(|place| kept.remove(place));
            if !verdict.refused {
                let new = Extent { offset: new.offset + new.trim, len: new.len - new.trim, trim: 0 };
                let place = kept.partition_point(|(old, _)| old.offset <= new.offset);
                kept.insert(place, (new, letter));
            }
        }
        let mut whole = vec!['.'; expected.len()];
        for (extent, letter) in kept {
            whole[extent.kept() as usize..extent.end() as usize].fill(letter);
        }
        assert_eq!(whole.into_iter().collect::<String>(), expected, "{policy:?} {fragments:?}");
    }

    #[test]
    fn of_two_equal_fragments_each_host_keeps_its_own() {
        let equal = [(0, 4), (4, 8), (4, 8), (8, 12)];
        for policy in [DefragPolicy::First, DefragPolicy::Bsd, DefragPolicy::Windows, DefragPolicy::Solaris] {
            check(policy, &equal, "aaaabbbbdddd");
        }
        for policy in [DefragPolicy::BsdRight, DefragPolicy::Linux] {
            check(policy, &equal, "aaaaccccdddd");
        }
    }

    #[test]
    fn fragments_that_overlap_in_part_are_cut() {
        use DefragPolicy::{Bsd, BsdRight, First, Linux, Solaris, Windows};
        // The second begins inside the first.
        for (policy, expected) in [
            (First, "aaaabb"),
            (Bsd, "aaaabb"),
            (BsdRight, "aabbbb"),
            (Linux, "aaaabb"),
            (Windows, "aaaabb"),
            (Solaris, "aaaabb"),
        ] {
            check(policy, &[(0, 4), (2, 6)], expected);
        }
        // The second begins in front of the first and reaches into it.
        for (policy, expected) in [
            (First, "bbaaaa"),
            (Bsd, "bbbbaa"),
            (BsdRight, "bbaaaa"),
            (Linux, "bbbbaa"),
            (Windows, "bbaaaa"),
            (Solaris, "bbaaaa"),
        ] {
            check(policy, &[(2, 6), (0, 4)], expected);
        }
    }

    #[test]
    fn operating_systems_have_their_policies() {
        assert_eq!(DefragPolicy::of_host_os(HostOs::Vista), DefragPolicy::Windows);
        assert_eq!(DefragPolicy::of_host_os(HostOs::default()), DefragPolicy::Bsd);
    }
}
