//! The Suricata rule language: text to syntax tree with places, and back. No packets, no evaluation.
//!
//! In: a rules file or a single rule as [`MappedText`]. Out: [`Rule`]s whose values are read and
//! checked as Suricata 7.0.10 does when it loads them, and [`Diagnostic`]s for what it refuses.
//! Variables stay names. [`parse_rules`] reads a file, [`parse_rule`] one rule; `Display` prints a rule in a canonical form.
//! Start at `file.rs`, then `parse.rs` (the header and the cutting of options), `keyword/` (single options) and
//! `signature.rs` (what options mean together).
//!
//! | code | what is wrong |
//! |---|---|
//! | FD0201 | the text of a rule: too long, control characters |
//! | FD0202 | the header is not complete or its parts are not apart |
//! | FD0203 | unknown keyword |
//! | FD0204 | unknown or unsupported action |
//! | FD0205 | unknown protocol |
//! | FD0206 | unknown direction operator |
//! | FD0207 | address expression |
//! | FD0208 | port expression |
//! | FD0209 | how options are written: semicolons, parentheses, quotes |
//! | FD0210 | a value is missing, or there must be none |
//! | FD0211 | a value cannot be read |
//! | FD0212 | something that may be there once is there again |
//! | FD0213 | no `sid` |
//! | FD0214 | a content modifier without a content before it |
//! | FD0215 | content modifiers that contradict each other |
//! | FD0216 | a sticky buffer without a test, or a keyword that needs another place in relation to it |
//! | FD0217 | a transform without a buffer, or not followed by a test |
//! | FD0218 | application protocols that contradict each other, or one that is not detected |
//! | FD0219 | directions that contradict each other |
//! | FD0220 | a pattern that the buffer can never hold |
//! | FD0221 | lengths that contradict each other |
//! | FD0222 | tests of the packet together with tests of the stream or an application protocol |
//! | FD0223 | two rules with the same number |
//! | FD0224 | AWS refuses it although Suricata takes it (warning) |
//! | FD0225 | it has no effect, or hardly the one meant (warning) |
//! | FD0226 | a variable that no `byte_extract` or `byte_math` before it sets |
//! | FD0227 | a regular expression that cannot be compiled (found when the program is compiled) |

mod address;
pub mod ast;
mod dialect;
mod duplicates;
mod file;
mod format;
pub mod keyword;
pub(crate) mod near;
mod parse;
mod port;
mod print;
mod protocol;
mod ranges;
mod requires;
mod signature;

pub use address::{AddressRanges, Name, RangesError};
pub use ast::Rule;
pub use dialect::Dialect;
pub use duplicates::{Duplicates, check_duplicates};
pub use file::{ParsedRules, parse_rule, parse_rules, parse_rules_in};
pub use format::{Formatted, format_rules};
pub use protocol::Protocol;
pub(crate) use ranges::Number;
pub use ranges::RangeSet;

use crate::source::{Diagnostic, MappedText, Spanned};

/// Parses an address expression as it stands in a header or as the entry of a variable.
///
/// # Errors
/// What is wrong with it, with its place.
pub fn parse_addresses(text: &MappedText) -> Result<Spanned<ast::AddressExpr>, Diagnostic> {
    address::parse(parse::Part { text: text.as_str(), at: 0, whole: text })
}

/// Parses a port expression as it stands in a header or as the entry of a variable.
///
/// # Errors
/// What is wrong with it, with its place.
pub fn parse_ports(text: &MappedText) -> Result<Spanned<ast::PortExpr>, Diagnostic> {
    port::parse(parse::Part { text: text.as_str(), at: 0, whole: text })
}
