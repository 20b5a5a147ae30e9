//! The keywords, one file per family. A keyword is one [`KeywordDef`] in one place.

/// What an option means.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Keyword {
    /// `msg`
    Msg(String),
}
