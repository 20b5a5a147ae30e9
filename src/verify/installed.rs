//! The installed Suricata: where it is, which one it is, and running it.

use super::CannotRun;
use super::patched;
use super::workplace::{Run, Workplace, cannot_write};
use crate::export::{ExportedRule, RULE_FILE};
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// `7.0.10`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Version {
    /// The first number.
    pub major: u32,
    /// The second.
    pub minor: u32,
    /// The third.
    pub patch: u32,
}

impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

/// A Suricata that can be run.
#[derive(Clone, Debug)]
pub struct Installed {
    /// As the user calls it.
    name: PathBuf,
    /// From anywhere.
    path: PathBuf,
    version: Version,
    /// A copy in a workplace is run in its stead.
    patched: Option<PathBuf>,
}

/// How many of the rules that Suricata refuses are listed.
const REFUSALS_SHOWN: usize = 10;

/// How much of what Suricata says is passed on.
const LOG_LINES: usize = 5;

impl Installed {
    /// Finds the program and asks for its version, which must be `wanted` (`7.0`).
    ///
    /// # Errors
    /// When there is none, or another one.
    pub fn find(program: &Path, wanted: (u32, u32)) -> Result<Self, CannotRun> {
        let (major, minor) = wanted;
        let (name, path) = locate(program).ok_or_else(|| {
            let place = if program.components().count() > 1 { "" } else { " in PATH" };
            let message = format!("there is no program `{}`{place}", program.display());
            CannotRun::new(
                message,
                format!("install Suricata {major}.{minor}, or say where it is with --suricata PATH"),
            )
        })?;
        let output = Command::new(&path).arg("-V").stdin(Stdio::null()).output().map_err(|error| {
            CannotRun::new(format!("`{}` cannot be run: {error}", name.display()), "--suricata is Suricata's program")
        })?;
        let said = String::from_utf8_lossy(&output.stdout);
        let version = version_in(&said).ok_or_else(|| {
            let message = format!("`{} -V` does not say a version of Suricata", name.display());
            CannotRun::new(message, "--suricata is Suricata's program")
        })?;
        if (version.major, version.minor) != wanted {
            let message = format!("`{}` is Suricata {version}; {major}.{minor} is to be compared with", name.display());
            let other = match version {
                Version { major: 7, minor: 0, .. } => "--engine 7 follows this one",
                Version { major: 8, minor: 0, .. } => "--engine 8 follows this one",
                _ => "say where another one is with --suricata PATH; --engine chooses between 7.0 and 8.0",
            };
            return Err(CannotRun::new(message, other));
        }
        Ok(Self { name, path, version, patched: None })
    }

    /// Where it is, as the user says it.
    pub fn name(&self) -> &Path {
        &self.name
    }

    /// Which one it is.
    pub fn version(&self) -> Version {
        self.version
    }

    /// Makes a private copy that evaluates rules by sid alone, and runs it from now on.
    ///
    /// # Errors
    /// When the program is none that can be patched.
    pub fn patch(&mut self, place: &Workplace) -> Result<(), CannotRun> {
        let bytes = std::fs::read(&self.path)
            .map_err(|error| CannotRun::new(format!("`{}` cannot be read: {error}", self.name.display()), ""))?;
        let bytes = patched::without_ordering(bytes).map_err(|why| {
            CannotRun::new(
                format!("`{}` cannot be patched: {why}", self.name.display()),
                "without --allow-patched-copy, what the order by action can express is compared",
            )
        })?;
        let path = place.program();
        let written = std::fs::write(&path, bytes).and_then(|()| executable(&path));
        written.map_err(|error| cannot_write(&path, &error))?;
        self.patched = Some(path);
        Ok(())
    }

    /// Runs over a capture with the files in `files`; what it says is returned, if it says anything.
    pub(super) fn run(&self, files: PathBuf, run: &Run, rules: &[ExportedRule]) -> Result<String, CannotRun> {
        let program = self.patched.as_ref().unwrap_or(&self.path);
        let output = Command::new(program)
            .args(["-c", "suricata.yaml", "--simulate-ips", "--init-errors-fatal", "-r"])
            .arg(&run.capture)
            .arg("-l")
            .arg(&run.log)
            .current_dir(files)
            .env("LC_ALL", "C")
            .env("TZ", "UTC")
            .stdin(Stdio::null())
            .output()
            .map_err(|error| CannotRun::new(format!("`{}` cannot be run: {error}", program.display()), ""))?;
        let log = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        let refused = refusals(&log, rules);
        if !refused.is_empty() {
            let more = refused.len().saturating_sub(REFUSALS_SHOWN);
            let mut message = format!("Suricata {} refuses {} of the exported rules", self.version, refused.len());
            for text in refused.iter().take(REFUSALS_SHOWN) {
                let _ = write!(message, "\n  {text}");
            }
            if more > 0 {
                let _ = write!(message, "\n  and {more} more");
            }
            return Err(CannotRun::new(message, "firedrill accepts them: one of the two is wrong"));
        }
        let said: Vec<&str> = complaints(&log).collect();
        let tail = said.get(said.len().saturating_sub(LOG_LINES)..).unwrap_or_default().join("; ");
        if !output.status.success() {
            let end = output.status.code().map_or_else(|| "a signal".to_owned(), |code| format!("code {code}"));
            return Err(CannotRun::new(format!("Suricata ended with {end}: {tail}"), ""));
        }
        Ok(tail)
    }
}

/// The file that a name stands for, as a shell finds it: as the user calls it, and from anywhere.
fn locate(program: &Path) -> Option<(PathBuf, PathBuf)> {
    if program.components().count() > 1 {
        // the process runs in another directory
        let path = std::path::absolute(program).ok().filter(|path| path.is_file())?;
        return Some((program.to_owned(), path));
    }
    let folders = std::env::var_os("PATH")?;
    let path = std::env::split_paths(&folders).map(|folder| folder.join(program)).find(|path| is_executable(path))?;
    Some((path.clone(), path))
}

#[cfg(unix)]
fn is_executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(path).is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_executable(path: &Path) -> bool {
    path.is_file()
}

#[cfg(unix)]
fn executable(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o700))
}

#[cfg(not(unix))]
fn executable(_: &Path) -> std::io::Result<()> {
    Ok(())
}

/// `This is Suricata version 7.0.10 RELEASE`
fn version_in(text: &str) -> Option<Version> {
    let (_, rest) = text.split_once("Suricata version ")?;
    let word = rest.split_whitespace().next()?;
    let mut numbers = word.split(['.', '-']).map(|part| part.parse().ok());
    Some(Version { major: numbers.next()??, minor: numbers.next()??, patch: numbers.next().flatten().unwrap_or(0) })
}

/// Lines about errors and warnings; the words are longer while the configuration has not been read.
fn complaints(log: &str) -> impl Iterator<Item = &str> {
    log.lines().filter(|line| ["E: ", "W: ", "Error: ", "Warning: "].iter().any(|word| line.starts_with(word)))
}

/// The rules that did not load: `sid 7: why`.
fn refusals(log: &str, rules: &[ExportedRule]) -> Vec<String> {
    let mut found = Vec::new();
    let mut causes: Vec<&str> = Vec::new();
    for line in complaints(log) {
        let text = line.splitn(3, ": ").nth(2).unwrap_or(line);
        let number = text
            .contains("error parsing signature")
            .then(|| text.rsplit_once(" at line ").and_then(|(_, n)| n.trim().parse::<u32>().ok()))
            .flatten();
        let Some(number) = number else {
            causes.push(text);
            continue;
        };
        let rule = rules.iter().find(|rule| rule.line == number);
        let name = rule.map_or_else(|| format!("{RULE_FILE}:{number}"), |rule| format!("sid {}", rule.sid));
        let cause = causes.last().copied().unwrap_or("no reason given");
        found.push(format!("{name}: {cause}"));
        causes.clear();
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_as_suricata_says_them() {
        let version = |text: &str| version_in(text).map(|version| version.to_string());
        assert_eq!(version("This is Suricata version 7.0.10 RELEASE\n").as_deref(), Some("7.0.10"));
        assert_eq!(version("This is Suricata version 8.0.0-dev (1a2b 2025-01-01)").as_deref(), Some("8.0.0"));
        assert_eq!(version("GNU bash, version 5.2"), None);
    }

    #[test]
    fn refused_rules_are_named_with_the_reason() {
        let log = "W: detect: something else\nE: detect-parse: no sid\n\
                   E: detect: error parsing signature \"drop x\" from file ./rules/firedrill.rules at line 9\n";
        let rules = [ExportedRule { sid: 7, gid: 1, line: 9 }];
        assert_eq!(refusals(log, &rules), ["sid 7: no sid"]);
    }
}
