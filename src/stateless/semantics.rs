//! What AWS leaves open about stateless rules, as settings.

use super::key::FragmentKind;

/// How rules are understood where the documentation says nothing. The defaults are the readings that its text suggests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StatelessSemantics {
    /// Which fragments rules are tried on. Default: all.
    pub fragment_rules: FragmentRules,
    /// What ports and TCP flags mean for a fragment that does not hold them. Default: they do not match.
    pub later_fragments: LaterFragments,
    /// What ports and TCP flags mean in a rule without protocols. Default: it is about TCP and UDP only.
    pub without_protocols: WithoutProtocols,
}

/// Which fragments rules are tried on before the fragment default or the silent drop.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FragmentRules {
    /// On all.
    #[default]
    All,
    /// On first fragments, which hold the ports.
    FirstFragments,
    /// On none.
    None,
}

impl FragmentRules {
    pub(super) fn apply_to(self, fragment: Option<FragmentKind>) -> bool {
        match (self, fragment) {
            (_, None) | (Self::All, _) => true,
            (Self::FirstFragments, Some(kind)) => kind == FragmentKind::First,
            (Self::None, Some(_)) => false,
        }
    }
}

/// What ports and TCP flags of a rule mean for fragments other than the first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LaterFragments {
    /// A rule that asks for them does not match.
    #[default]
    Unmatchable,
    /// They are not looked at.
    Ignored,
}

/// What ports and TCP flags of a rule without protocols mean for packets of protocols that have none. (A rule that lists
/// such a protocol beside TCP or UDP does not look at ports there: "only used for protocols 6 and 17".)
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WithoutProtocols {
    /// A rule that asks for them does not match.
    #[default]
    Unmatchable,
    /// They are not looked at.
    Ignored,
}
