//! What users see: folds over the stream of decisions, alerts and flows.
//!
//! In: the engine's results through [`crate::verdict::Sink`], and a [`RuleBook`] that says what the rule numbers in them
//! mean. Out: JSON records ([`jsonl`]) or a summary for people ([`Summary`], printed by [`table`]). Nothing here knows
//! the engine's inside, and nothing here opens a file but the [`spool`], which keeps memory bounded.
//!
//! [`crate::verdict`] holds the words; [`summary`] is the place to read on.

pub mod aws_log;
pub mod jsonl;
pub mod layout;
pub mod metrics;
pub mod names;
pub mod notice;
pub mod outcome;
pub mod rule_book;
pub mod select;
pub mod spool;
pub mod summary;
pub mod table;
pub mod units;

pub use notice::{CaptureFacts, Notice};
pub use outcome::Outcome;
pub use rule_book::{RuleBook, RuleEntry, Run};
pub use select::{FlowFacts, Selection};
pub use summary::Summary;
