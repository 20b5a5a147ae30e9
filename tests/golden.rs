//! Suricata's recorded answers for our own captures: every frame must have its verdict, every alert must be there.
//!
//! `tests/golden/manifest.tsv` lists name, capture, rules and the arguments that the oracle was given;
//! `tests/golden/record` makes the answers again with a live Suricata. Where Suricata 8.0 answers differently from 7.0, its
//! answer is in `expected.8.jsonl`, which is empty where it refuses the rules. The packets and alerts of the answer are compared
//! exactly, and of the flows what does not depend on when Suricata's timers ran.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a failed set-up is a failed test")]

use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

#[derive(Debug, Default, PartialEq)]
struct Answer {
    verdicts: BTreeMap<u64, (String, Option<u64>)>,
    alerts: BTreeMap<(u64, u64), usize>,
}

fn read(text: &str) -> Answer {
    let mut answer = Answer::default();
    for line in text.lines().filter(|line| !line.is_empty()) {
        let record: Value = serde_json::from_str(line).unwrap();
        let n = record["n"].as_u64();
        match (record["type"].as_str(), n) {
            (Some("packet"), Some(n)) => {
                let verdict = record["verdict"].as_str().unwrap().to_owned();
                answer.verdicts.insert(n, (verdict, record["sid"].as_u64()));
            }
            (Some("alert"), Some(n)) => {
                *answer.alerts.entry((n, record["sid"].as_u64().unwrap())).or_default() += 1;
            }
            _ => {}
        }
    }
    answer
}

#[test]
fn every_recorded_answer_of_7_0_is_given() {
    every_recorded_answer_is_given("7");
}

#[test]
fn every_recorded_answer_of_8_0_is_given() {
    every_recorded_answer_is_given("8");
}

fn every_recorded_answer_is_given(engine: &str) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let golden = root.join("tests/golden");
    let manifest = std::fs::read_to_string(golden.join("manifest.tsv")).unwrap();
    let rows: Vec<Vec<&str>> = manifest
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#') && !line.starts_with("name\t"))
        .map(|line| line.split('\t').collect())
        .collect();
    assert!(rows.len() > 50, "the manifest lists {} answers only", rows.len());
    let not_followed = std::fs::read_to_string(golden.join(format!("not-followed.{engine}.tsv"))).unwrap_or_default();
    let not_followed: Vec<&str> =
        not_followed.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split('\t').next()).collect();
    let mut wrong = Vec::new();
    let mut packets = 0;
    for row in rows {
        let (name, capture, rules) = (row[0], row[1], row[2]);
        let args = row.get(3).copied().unwrap_or("");
        let output = Command::new(env!("CARGO_BIN_EXE_firedrill"))
            .current_dir(root)
            .args(["replay", rules, capture, "--format", "jsonl", "--engine", engine])
            .args(args.split_whitespace())
            .output()
            .unwrap();
        let own = golden.join(name).join(format!("expected.{engine}.jsonl"));
        let recorded = if own.exists() { own } else { golden.join(name).join("expected.jsonl") };
        let wanted = read(&std::fs::read_to_string(recorded).unwrap());
        let got = read(&String::from_utf8_lossy(&output.stdout));
        packets += wanted.verdicts.len();
        if not_followed.contains(&name) {
            if wanted == got {
                wrong.push(format!("{name} is given: take it out of not-followed.{engine}.tsv"));
            }
        } else if wanted != got {
            let first = wanted.verdicts.iter().find(|(n, verdict)| got.verdicts.get(n) != Some(verdict));
            wrong.push(format!(
                "{name}: first packet {first:?}, alerts {:?} instead of {:?} {}",
                got.alerts,
                wanted.alerts,
                String::from_utf8_lossy(&output.stderr).lines().next().unwrap_or("")
            ));
        }
    }
    assert!(wrong.is_empty(), "{} answers differ ({packets} packets compared):\n{}", wrong.len(), wrong.join("\n"));
}

/// `docs/engines.md` lists the cases in which the versions differ.
#[test]
fn the_page_about_versions_names_the_cases_that_differ() {
    const BEGIN: &str = "<!-- cases -->\n";
    const END: &str = "<!-- end of cases -->\n";
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut rules_by_capture: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for entry in std::fs::read_dir(root.join("tests/golden")).unwrap() {
        let entry = entry.unwrap();
        if entry.path().join("expected.8.jsonl").exists() {
            let name = entry.file_name().into_string().unwrap();
            let (rules, capture) = name.split_once('.').unwrap();
            rules_by_capture.entry(format!("`{capture}`")).or_default().push(format!("`{rules}`"));
        }
    }
    let mut table = String::from("| capture | rules |\n|---|---|\n");
    for (capture, mut rules) in rules_by_capture {
        rules.sort();
        writeln!(table, "| {capture} | {} |", rules.join(", ")).unwrap();
    }
    let page = root.join("docs/engines.md");
    let text = std::fs::read_to_string(&page).unwrap();
    let (before, rest) = text.split_once(BEGIN).unwrap();
    let (_, after) = rest.split_once(END).unwrap();
    let wanted = format!("{before}{BEGIN}{table}{END}{after}");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&page, &wanted).unwrap();
    } else {
        assert_eq!(text, wanted, "run UPDATE_DOCS=1 cargo test --test golden versions");
    }
}
