//! Settings under Suricata's names: the page about them is true, and every one is shown to count by a recorded answer.

#![expect(clippy::unwrap_used, reason = "a failed set-up is a failed test")]

use firedrill::detect::settings::TABLE;
use std::path::Path;
use std::process::Command;

/// Settings without a recorded answer, and why.
const NOT_RECORDED: [(&str, &str); 6] = [
    ("pcre.match-limit-recursion", "compiled expressions, which both programs search with, have no depth"),
    ("exception-policy", "it stands in for settings that the recordings give"),
    ("defrag.memcap", "Suricata counts what it has reserved, not what is used"),
    ("defrag.timeout", "7.0 leaves it to a thread that races with the replay"),
    ("host.memcap", "Suricata reserves a thousand hosts at the least"),
    ("ippair.memcap", "Suricata reserves a thousand pairs at the least"),
];

/// Recorded answers that equal the one without the settings, and what they show.
const THE_SAME: [(&str, &str); 1] =
    [("settings-liberal-timestamps.timestamp-one-behind", "what the strict one beside it is compared with")];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn manifest() -> Vec<Vec<String>> {
    let text = std::fs::read_to_string(root().join("tests/golden/manifest.tsv")).unwrap();
    let rows = text.lines().filter(|line| line.contains("--set "));
    rows.map(|line| line.split('\t').map(str::to_owned).collect()).collect()
}

/// `key` is one that a row of the table, in which `*` stands for a name, means.
fn is_meant(key: &str, row: &str) -> bool {
    let (key, row): (Vec<&str>, Vec<&str>) = (key.split('.').collect(), row.split('.').collect());
    key.len() == row.len() && key.iter().zip(&row).all(|(part, wanted)| *wanted == "*" || part == wanted)
}

#[test]
fn the_page_has_every_setting_as_it_is() {
    let page = std::fs::read_to_string(root().join("docs/settings.md")).unwrap();
    let shown: Vec<&str> = page.lines().filter(|line| line.starts_with("| `")).collect();
    let rows: Vec<String> = TABLE
        .iter()
        .map(|row| format!("| `{}` | {} | {} | {} |", row.key, row.values, row.built_in, row.what))
        .collect();
    assert_eq!(shown, rows, "docs/settings.md must have these lines:\n{}", rows.join("\n"));
}

#[test]
fn every_setting_has_a_recorded_answer() {
    let manifest = manifest();
    let keys: Vec<&str> = manifest
        .iter()
        .flat_map(|row| row[3].split_whitespace().filter_map(|word| word.split_once('=')))
        .map(|(key, _)| key)
        .collect();
    for row in TABLE {
        let recorded = keys.iter().any(|key| is_meant(key, row.key));
        let excused = NOT_RECORDED.iter().any(|(key, _)| *key == row.key);
        assert!(recorded != excused, "{}: recorded {recorded}, excused {excused}", row.key);
    }
}

#[test]
fn a_recorded_answer_shows_what_its_settings_change() {
    let run = |row: &[String], args: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_firedrill"))
            .current_dir(root())
            .args(["replay", &row[2], &row[1], "--format", "jsonl", "--only", "packets,alerts"])
            .args(args)
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    for row in manifest().iter().filter(|row| row[0].starts_with("settings-")) {
        let with: Vec<&str> = row[3].split_whitespace().collect();
        let mut without = with.clone();
        while let Some(at) = without.iter().position(|word| *word == "--set") {
            without.drain(at..at + 2);
        }
        let same = run(row, &with) == run(row, &without);
        assert_eq!(same, THE_SAME.iter().any(|(name, _)| name == &row[0]), "{}", row[0]);
    }
}

#[test]
fn what_is_exported_is_read_back_as_the_same_engine() {
    let directory = std::env::temp_dir().join(format!("firedrill-settings-export-{}", std::process::id()));
    let to = directory.to_str().unwrap();
    let firedrill = |args: &[&str], more: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_firedrill"));
        command.current_dir(root()).args(args).args(more).output().unwrap()
    };
    for row in manifest().iter().filter(|row| row[0].starts_with("settings-")) {
        let set: Vec<&str> = row[3].split_whitespace().collect();
        let exported = firedrill(&["export", "suricata", &row[2], "-o", to, "--force"], &set);
        let yaml = directory.join("suricata.yaml");
        assert!(yaml.exists(), "{}: {}", row[0], String::from_utf8_lossy(&exported.stderr));
        let replay = ["replay", &row[2], &row[1], "--format", "jsonl"];
        let as_set = firedrill(&replay, &set);
        let as_read = firedrill(&replay, &["--suricata-yaml", yaml.to_str().unwrap()]);
        assert_eq!(as_read.stdout, as_set.stdout, "{}", row[0]);
        let said = String::from_utf8_lossy(&as_read.stderr);
        assert!(!said.contains("FD0112"), "{}: something exported is not simulated: {said}", row[0]);
    }
    std::fs::remove_dir_all(&directory).unwrap();
}
