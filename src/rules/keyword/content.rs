//! `content` and its modifiers, and the other tests of bytes.

use super::{Buffer, Compare};

/// A number, or the name of a variable that `byte_extract` or `byte_math` sets earlier in the rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Amount {
    /// A number.
    Value(i32),
    /// A variable.
    Variable(String),
}

/// How `fast_pattern` was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FastPattern {
    /// `fast_pattern`
    Whole,
    /// `fast_pattern:only`
    Only,
    /// `fast_pattern:offset,length`
    Chop {
        /// First byte of the part.
        offset: u16,
        /// Its length.
        length: u16,
    },
}

/// A byte string to find, with all its modifiers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Content {
    /// The bytes; never empty.
    pub pattern: Vec<u8>,
    /// `!`
    pub negated: bool,
    /// `nocase`
    pub nocase: bool,
    /// `startswith`: no `depth` and `offset` then.
    pub startswith: bool,
    /// `endswith`
    pub endswith: bool,
    /// `offset`: a value is 0 or more.
    pub offset: Option<Amount>,
    /// `depth`, as written: counted from `offset`.
    pub depth: Option<Amount>,
    /// `distance`
    pub distance: Option<Amount>,
    /// `within`
    pub within: Option<Amount>,
    /// `fast_pattern`
    pub fast_pattern: Option<FastPattern>,
    /// `rawbytes`: no effect.
    pub rawbytes: bool,
    /// `replace`: as long as `pattern`.
    pub replace: Option<Vec<u8>>,
    /// The buffer of an old-style modifier (`content:"x"; http_uri;`); moves this content there, whatever sticky buffer is set.
    pub modifier_buffer: Option<Buffer>,
}

/// A regular expression, not compiled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pcre {
    /// Between the slashes, as the regular expression engine gets it.
    pub pattern: String,
    /// Behind the last slash.
    pub flags: String,
    /// `!`
    pub negated: bool,
    /// The names behind the flags (`,flow:name`, `,pkt:name`, ...), one for each capture.
    pub captures: Vec<String>,
}

/// `bsize`: a test of the length of the current buffer, or a variable it must equal (or be compared with).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bsize(pub Compare<u64>);

/// `isdataat`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Isdataat {
    /// How far.
    pub at: Amount,
    /// `!`
    pub negated: bool,
    /// `relative`: from the end of the last match.
    pub relative: bool,
    /// `rawbytes`
    pub rawbytes: bool,
}
