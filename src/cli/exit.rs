//! Exit codes: the same for every subcommand.

use std::process::ExitCode;

/// How a run ended. The numbers are part of the interface: scripts and CI jobs depend on them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[must_use]
pub enum Exit {
    /// 0: done, and nothing to complain about. A reader that closes the pipe early is also success.
    Done,
    /// 1: done, and the answer is the one that was to be signalled: `--fail-on` was met, something asked is not let
    /// through, a test failed, a gate is violated.
    Findings,
    /// 2: wrong usage, or input that cannot be used; nothing was evaluated.
    BadInput,
    /// 3: a capture is damaged; results are right as far as it could be read.
    Partial,
    /// 4: a fault of firedrill's own, or of the machine (disk full).
    Internal,
}

impl Exit {
    /// The process exit code.
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Findings => 1,
            Self::BadInput => 2,
            Self::Partial => 3,
            Self::Internal => 4,
        }
    }

    /// The more serious of two ends of one run.
    pub fn or(self, other: Self) -> Self {
        self.max(other)
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_damaged_capture_outranks_findings() {
        assert_eq!(Exit::Findings.or(Exit::Partial).code(), 3);
        assert_eq!(Exit::Done.or(Exit::Findings).code(), 1);
    }
}
