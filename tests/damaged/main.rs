//! Damaged and refused inputs, each with everything the program says about it.
//!
//! `FOLDER/NAME.out` is a transcript: the command (run in `FOLDER`), what it prints to standard output, what it prints
//! to standard error, and the exit code. `BLESS=1 cargo test --test damaged` writes the transcripts anew; read the
//! difference before committing it.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a failed set-up is a failed test")]

use std::path::{Path, PathBuf};
use std::process::Command;

/// All transcripts of a folder, by name.
fn transcripts(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "out"));
    files.sort();
    files
}

/// Runs the command in the first line of a transcript and writes down what happens.
fn run(transcript: &Path, recorded: &str) -> String {
    let command = recorded.lines().next().unwrap_or("");
    let Some(arguments) = command.strip_prefix("$ firedrill") else {
        panic!("{}: the first line is not `$ firedrill ...`", transcript.display())
    };
    let output = Command::new(env!("CARGO_BIN_EXE_firedrill"))
        .args(arguments.split_whitespace())
        .current_dir(transcript.parent().unwrap())
        .env_remove("NO_COLOR")
        .env_remove("CLICOLOR_FORCE")
        .output()
        .unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    let code = output.status.code().map_or_else(|| "a signal".to_owned(), |code| code.to_string());
    format!("{command}\n{stdout}{stderr}exit {code}\n")
}

fn check(folder: &str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/damaged").join(folder);
    let bless = std::env::var_os("BLESS").is_some();
    let all = transcripts(&folder);
    assert!(!all.is_empty(), "no transcripts in {}", folder.display());
    let mut wrong = Vec::new();
    for transcript in all {
        let recorded = std::fs::read_to_string(&transcript).unwrap();
        let now = run(&transcript, &recorded);
        assert!(!now.contains("panicked at"), "{now}");
        if bless {
            std::fs::write(&transcript, &now).unwrap();
        } else if now != recorded {
            wrong.push(format!("--- {}, recorded:\n{recorded}--- now:\n{now}", transcript.display()));
        }
    }
    assert!(wrong.is_empty(), "{} messages differ (BLESS=1 accepts them)\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn documents_in_the_forms_of_the_aws_cli() {
    check("aws-json");
}

#[test]
fn cloudformation_templates() {
    check("cloudformation");
}

#[test]
fn terraform_configurations_and_plans() {
    check("terraform");
}

#[test]
fn rule_files() {
    check("rules");
}

#[test]
fn captures() {
    check("captures");
}

#[test]
fn options() {
    check("options");
}
