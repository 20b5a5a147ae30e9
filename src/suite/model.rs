//! What a suite says, once it is read.

use crate::report::Selection;
use crate::source::{Span, Spanned};
use crate::synth::Shorthand;
use crate::verdict::Verdict;
use std::path::PathBuf;

/// A suite of cases about one policy.
#[derive(Clone, Debug)]
pub struct Suite {
    /// Its file, as the user named it.
    pub file: PathBuf,
    /// The policy's file or directory.
    pub policy: Spanned<PathBuf>,
    /// How to read the policy, and which engine: options of `firedrill replay`, in order.
    pub options: Vec<PolicyOption>,
    /// The cases, in order; a table of names is a case for each name.
    pub cases: Vec<Case>,
}

/// An option of `firedrill replay`: `--NAME VALUE`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyOption {
    /// Its name without dashes.
    pub name: String,
    /// Its value; `None` for a switch.
    pub value: Option<String>,
    /// Where it is written.
    pub span: Span,
}

/// Some traffic, and what is expected of it.
#[derive(Clone, Debug)]
pub struct Case {
    /// What it is called.
    pub name: String,
    /// Where it is written.
    pub span: Span,
    /// What is sent.
    pub traffic: Traffic,
    /// What must hold afterwards.
    pub expectations: Vec<Expectation>,
    /// A file with the recorded results, which must stay the same.
    pub snapshot: Option<Spanned<PathBuf>>,
}

/// What is sent.
#[derive(Clone, Debug)]
pub enum Traffic {
    /// Frames of captures.
    Captures {
        /// The files.
        paths: Vec<PathBuf>,
        /// Judge what is inside mirrored traffic.
        decapsulate: bool,
    },
    /// Made-up conversations, one after the other through one engine.
    Conversations(Vec<Shorthand>),
}

/// What must hold for some flows.
#[derive(Clone, Debug)]
pub struct Expectation {
    /// Where it is written.
    pub span: Span,
    /// For which flows.
    pub selection: Selection,
    /// What became of each of them.
    pub verdict: Option<Spanned<Wanted>>,
    /// Who must have decided: any of these.
    pub by: Vec<Spanned<By>>,
    /// On which packet: `ClientHello`, or the number of a frame.
    pub on: Option<Spanned<String>>,
    /// How many flows there are.
    pub flows: Option<Spanned<u64>>,
    /// How many alerts there are: of all rules, or of the rule with this sid.
    pub alerts: Vec<(Option<u32>, Spanned<u64>)>,
    /// How many packets met this fate.
    pub packets: Vec<(Verdict, Spanned<u64>)>,
}

impl Expectation {
    /// Nothing is expected of any flow yet.
    pub fn at(span: Span) -> Self {
        Self {
            span,
            selection: Selection::default(),
            verdict: None,
            by: Vec::new(),
            on: None,
            flows: None,
            alerts: Vec::new(),
            packets: Vec::new(),
        }
    }
}

/// A verdict that is expected of a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// This one.
    Exactly(Verdict),
    /// Dropped or rejected.
    Blocked,
}

impl Wanted {
    /// The words for it.
    pub const WORDS: [&'static str; 4] = ["pass", "drop", "reject", "block"];

    /// From its word.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "block" => Some(Self::Blocked),
            _ => Verdict::ALL.into_iter().find(|verdict| verdict.name() == name).map(Self::Exactly),
        }
    }

    /// Its word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Exactly(verdict) => verdict.name(),
            Self::Blocked => "block",
        }
    }

    /// Whether a verdict is the one.
    pub fn is_met_by(self, verdict: Verdict) -> bool {
        match self {
            Self::Exactly(wanted) => wanted == verdict,
            Self::Blocked => verdict != Verdict::Pass,
        }
    }
}

/// Who must have decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum By {
    /// A rule of the policy.
    Sid(u32),
    /// A default action, the place of a rule, or what reports say of who decided.
    Words(String),
}

impl std::fmt::Display for By {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Sid(sid) => write!(f, "sid {sid}"),
            Self::Words(words) => f.write_str(words),
        }
    }
}
