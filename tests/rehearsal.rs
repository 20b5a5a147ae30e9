//! The README's first rehearsal, word for word: its commands are run, and print what it shows.

#![expect(clippy::unwrap_used, reason = "a failed set-up is a failed test")]

use std::process::Command;

fn printed(line: &str) -> Vec<String> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_firedrill"));
    command.args(line.split_whitespace()).current_dir(env!("CARGO_MANIFEST_DIR"));
    let text = String::from_utf8(command.output().unwrap().stdout).unwrap();
    text.lines().map(|line| line.trim_end().to_owned()).collect()
}

/// Whether lines are as shown, where `…` stands for any number of them.
fn is_shown(shown: &[&str], lines: &[String]) -> bool {
    match shown.split_first() {
        None => lines.is_empty(),
        Some((&"…", rest)) => (0..=lines.len()).any(|n| is_shown(rest, lines.split_at(n).1)),
        Some((first, rest)) => {
            lines.split_first().is_some_and(|(line, behind)| line == first && is_shown(rest, behind))
        }
    }
}

#[test]
fn the_first_rehearsal_prints_what_the_readme_shows() {
    let readme = std::fs::read_to_string(format!("{}/README.md", env!("CARGO_MANIFEST_DIR"))).unwrap();
    let section = readme.split("\n## ").find(|section| section.starts_with("Your first rehearsal")).unwrap();
    let blocks: Vec<&str> =
        section.split("```console\n").skip(1).map(|block| block.split("```").next().unwrap()).collect();
    assert!(blocks.len() >= 5, "{} commands only", blocks.len());
    for block in blocks {
        let mut shown = block.lines();
        let command = shown.next().unwrap().strip_prefix("$ firedrill ").unwrap();
        let shown: Vec<&str> = shown.collect();
        let lines = printed(command);
        assert!(is_shown(&shown, &lines), "`{command}` prints\n{}", lines.join("\n"));
    }
}
