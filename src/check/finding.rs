//! One thing that is found, and what would put it right.

use crate::source::{Diagnostic, Severity, Span};

/// A finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What is found and where. A note is information: nothing is wrong.
    pub diagnostic: Diagnostic,
    /// What puts it right for certain.
    pub fix: Option<Fix>,
}

/// A change of the user's files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fix {
    /// What it does, in a few words.
    pub what: String,
    /// The changes, which belong together.
    pub edits: Vec<Edit>,
}

/// Text in place of other text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// What is replaced.
    pub span: Span,
    /// By what.
    pub text: String,
}

impl Finding {
    /// A finding that no certain change puts right.
    pub fn new(diagnostic: Diagnostic) -> Self {
        Self { diagnostic, fix: None }
    }

    /// The same with a certain change, if there is one.
    #[must_use]
    pub fn with_fix(mut self, fix: Option<Fix>) -> Self {
        self.fix = fix;
        self
    }

    /// The code of its kind.
    pub fn code(&self) -> &'static str {
        self.diagnostic.code
    }

    /// How bad it is.
    pub fn severity(&self) -> Severity {
        self.diagnostic.severity
    }

    /// The main place.
    pub fn span(&self) -> Option<Span> {
        self.diagnostic.labels.first().map(|label| label.span)
    }
}
