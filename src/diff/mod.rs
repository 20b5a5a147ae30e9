//! Two policies side by side: what is written differently in the second, and what that does to traffic.
//!
//! In: two policies with their programs, and what both engines say of the same frames ([`crate::engine::Fleet`]). Out: the
//! [`changes()`] of the policy in words, and the [`outcomes`] of conversations that changed, counted by domain, destination
//! and source. Nothing is decided here: both engines have decided, and this compares.
//!
//! [`matching`] says which rule of one policy is which of the other; read it first.

pub mod changes;
pub mod matching;
pub mod outcomes;
pub mod tally;

pub use changes::{Change, ChangeKind, Subject, changes};
pub use matching::{Identities, Matching};
pub use outcomes::{Comparison, Heard};
pub use tally::{Decider, Group, Kind, OutcomeChange, Outcomes, Reasons, Row};
