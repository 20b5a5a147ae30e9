//! The two streams that the command prints to.

use super::args::Color;
use anstream::{AutoStream, ColorChoice};
use std::io::{self, BufWriter, IsTerminal, StderrLock, StdoutLock, Write};

/// Standard output and standard error, with the user's wish about colours.
#[derive(Clone, Copy, Debug)]
pub struct Console {
    color: Color,
}

/// A run that ends before it has anything to report.
#[derive(Debug)]
pub struct Stop {
    /// With what code.
    pub exit: super::exit::Exit,
    /// What to say; nothing when it has been said.
    pub message: String,
    /// What to do about it; may be empty.
    pub help: String,
}

impl Stop {
    /// Usage or input that cannot be used.
    pub fn bad_input(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { exit: super::exit::Exit::BadInput, message: message.into(), help: help.into() }
    }

    /// Bad input that diagnostics have told about.
    pub fn told() -> Self {
        Self::bad_input("", "")
    }

    /// The end of a run whose output cannot be written: success when the reader has gone away, else the machine's fault.
    pub fn output(error: &io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Self { exit: super::exit::Exit::Done, message: String::new(), help: String::new() };
        }
        Self {
            exit: super::exit::Exit::Internal,
            message: format!("the output cannot be written: {error}"),
            help: String::new(),
        }
    }
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        Self::output(&error)
    }
}

impl Console {
    /// With a wish about colours.
    pub fn new(color: Color) -> Self {
        Self { color }
    }

    /// Standard output for styled text. Styles are stripped where they are not wanted: see [`Color::Auto`].
    pub fn out(self) -> AutoStream<StdoutLock<'static>> {
        AutoStream::new(io::stdout().lock(), self.choice())
    }

    /// Standard output for records: buffered, and never styled.
    pub fn records(self) -> BufWriter<StdoutLock<'static>> {
        BufWriter::with_capacity(1 << 16, io::stdout().lock())
    }

    /// Standard error for styled text.
    pub fn err(self) -> AutoStream<StderrLock<'static>> {
        AutoStream::new(io::stderr().lock(), self.choice())
    }

    /// Whether a progress bar can be seen and is in nobody's way.
    pub fn shows_progress(self, records: bool) -> bool {
        io::stderr().is_terminal() && !(records && io::stdout().is_terminal())
    }

    /// Says why a run stopped. A standard error that is gone is nobody's loss.
    pub fn say_stop(self, stop: &Stop) {
        if stop.message.is_empty() {
            return;
        }
        let style = anstyle::AnsiColor::Red.on_default().bold();
        let mut err = self.err();
        let _ = writeln!(err, "{style}error{style:#}: {}", stop.message);
        if !stop.help.is_empty() {
            let style = anstyle::AnsiColor::Cyan.on_default().bold();
            let _ = writeln!(err, "{style} help{style:#}: {}", stop.help);
        }
    }

    fn choice(self) -> ColorChoice {
        match self.color {
            Color::Auto => ColorChoice::Auto,
            Color::Always => ColorChoice::Always,
            Color::Never => ColorChoice::Never,
        }
    }
}
