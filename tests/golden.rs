//! Suricata's recorded answers for our own captures: every frame must have its verdict, every alert must be there.
//!
//! `tests/golden/manifest.tsv` lists name, capture, rules and the arguments that the oracle was given;
//! `tests/golden/record` makes the answers again with a live Suricata. The packets and alerts of the answer are compared
//! exactly, and of the flows what does not depend on when Suricata's timers ran.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a failed set-up is a failed test")]

use serde_json::Value;
use std::collections::BTreeMap;
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
fn every_recorded_answer_is_given() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let golden = root.join("tests/golden");
    let manifest = std::fs::read_to_string(golden.join("manifest.tsv")).unwrap();
    let rows: Vec<Vec<&str>> = manifest
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#') && !line.starts_with("name\t"))
        .map(|line| line.split('\t').collect())
        .collect();
    assert!(rows.len() > 50, "the manifest lists {} answers only", rows.len());
    let mut wrong = Vec::new();
    let mut packets = 0;
    for row in rows {
        let (name, capture, rules) = (row[0], row[1], row[2]);
        let args = row.get(3).copied().unwrap_or("");
        let output = Command::new(env!("CARGO_BIN_EXE_firedrill"))
            .current_dir(root)
            .args(["replay", rules, capture, "--format", "jsonl"])
            .args(args.split_whitespace())
            .output()
            .unwrap();
        let wanted = read(&std::fs::read_to_string(golden.join(name).join("expected.jsonl")).unwrap());
        let got = read(&String::from_utf8_lossy(&output.stdout));
        packets += wanted.verdicts.len();
        if wanted != got {
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
