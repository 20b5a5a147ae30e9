//! The command as its users run it: the real binary, at the root of the repository.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a failed set-up is a failed test")]

use serde_json::Value;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Output, Stdio};

const STUDIO: &str = "rules/studio-egress.yaml";
const SESSION: &str = "pcaps/studio-session.pcap";

fn command(line: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_firedrill"));
    command.args(line.split_whitespace()).current_dir(env!("CARGO_MANIFEST_DIR"));
    command.env_remove("NO_COLOR").env_remove("CLICOLOR_FORCE");
    command
}

fn run(line: &str) -> Output {
    command(line).output().unwrap()
}

fn code(line: &str) -> i32 {
    run(line).status.code().unwrap()
}

fn stdout(line: &str) -> String {
    String::from_utf8(run(line).stdout).unwrap()
}

/// What a replay says of every frame.
fn frames(line: &str) -> Vec<Value> {
    records(&stdout(&format!("replay {line} --format jsonl --only packets")))
}

fn records(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The verdicts alone: where a rule is written differs between the forms of a policy.
fn verdicts(line: &str) -> Vec<String> {
    frames(line).iter().map(|frame| format!("{} {}", frame["n"], frame["verdict"])).collect()
}

/// How many frames pass and do not, and for what reason.
fn reasons(line: &str) -> Vec<(String, usize)> {
    let mut reasons = std::collections::BTreeMap::new();
    for frame in frames(line) {
        let why = format!("{} {}", frame["verdict"].as_str().unwrap(), frame["why"]["by"].as_str().unwrap());
        *reasons.entry(why).or_insert(0) += 1;
    }
    reasons.into_iter().collect()
}

/// Runs with a file on standard input.
fn fed(line: &str, file: &str) -> Output {
    let input = std::fs::read(format!("{}/{file}", env!("CARGO_MANIFEST_DIR"))).unwrap();
    let mut child = command(line).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(&input).unwrap();
    child.wait_with_output().unwrap()
}

/// An empty directory of that name.
fn scratch(name: &str) -> String {
    let directory = format!("{}/cli-{name}", env!("CARGO_TARGET_TMPDIR"));
    let _ = std::fs::remove_dir_all(&directory);
    std::fs::create_dir_all(&directory).unwrap();
    directory
}

#[test]
fn the_commands_of_the_readme_print_what_it_shows() {
    let readme = std::fs::read_to_string(format!("{}/README.md", env!("CARGO_MANIFEST_DIR"))).unwrap();
    let replay = run(&format!("replay {STUDIO} {SESSION}"));
    let tries =
        format!("try {STUDIO} https://www.kaggle.com https://pypi.org http://example.org:8080/x dns://example.com");
    let tried = run(&tries);
    assert_eq!((replay.status.code(), tried.status.code()), (Some(0), Some(1)));
    let replay = String::from_utf8(replay.stdout).unwrap();
    let tried = String::from_utf8(tried.stdout).unwrap();
    insta::assert_snapshot!("replay", replay);
    insta::assert_snapshot!("try", tried);
    assert!(replay.lines().chain(tried.lines()).all(|line| line.chars().count() <= 100), "{replay}{tried}");

    assert!(readme.contains(&format!("$ cargo run --release -- replay {STUDIO} {SESSION}\n")));
    // output that the page shows is what the commands print, as a whole or in part
    let explained = stdout(&format!("explain {STUDIO} https://evil.example"));
    let printed: Vec<&str> = replay.lines().chain(tried.lines()).chain(explained.lines()).collect();
    // `tests/rehearsal.rs` runs the section that this leaves out
    let sections = readme.split("\n## ").filter(|section| !section.starts_with("Your first rehearsal"));
    for block in sections.flat_map(|section| section.split("```").skip(1).step_by(2)) {
        let mut rest = printed.iter();
        for line in block.lines().skip(1).filter(|line| !line.starts_with("$ ") && *line != "…") {
            assert!(rest.any(|printed| *printed == line), "README.md shows a line that is not printed:\n{line}");
        }
    }
}

#[test]
fn records_come_in_order_and_have_their_members() {
    let all = records(&stdout(&format!("replay {STUDIO} {SESSION} --format jsonl")));
    let kinds: Vec<&str> = all.iter().map(|record| record["type"].as_str().unwrap()).collect();
    let mut runs = kinds.clone();
    runs.dedup();
    assert_eq!(runs, ["packet", "alert", "flow"]);
    let numbers: Vec<u64> =
        all.iter().filter(|record| record["type"] == "packet").map(|record| record["n"].as_u64().unwrap()).collect();
    assert_eq!(numbers, (1..=640).collect::<Vec<u64>>());
    let members = |kind: &str| -> Vec<String> {
        let first = all.iter().find(|record| record["type"] == kind).unwrap();
        first.as_object().unwrap().keys().cloned().collect()
    };
    assert_eq!(members("packet"), ["n", "type", "verdict", "why"]);
    let alert = ["action", "dest_ip", "dest_port", "dir", "msg", "n", "proto", "rev", "sid", "src_ip", "src_port"];
    assert_eq!(members("alert"), [&alert[..], &["type", "why"]].concat());
    let flow = ["app_proto", "dest_ip", "dest_port", "drop_sid", "first_drop_n", "flow_action", "http_host"];
    let more = ["pkts_toclient", "pkts_toserver", "proto", "sni", "src_ip", "src_port", "state", "tcp_state", "type"];
    assert_eq!(members("flow"), [&flow[..], &more[..], &["verdict", "why"]].concat());
    assert!(stdout(&format!("replay {STUDIO} {SESSION} --format jsonl")).is_ascii());
}

#[test]
fn exit_codes_say_how_a_run_ended() {
    assert_eq!(code("--version"), 0);
    assert_eq!(code(&format!("replay {STUDIO} {SESSION}")), 0);
    assert_eq!(code(&format!("replay {STUDIO} {SESSION} --fail-on reject")), 0);
    assert_eq!(code(&format!("replay {STUDIO} {SESSION} --fail-on drop")), 1);
    assert_eq!(code(&format!("replay {STUDIO} {SESSION} --fail-on alert")), 1);
    assert_eq!(code(&format!("try {STUDIO} https://www.kaggle.com")), 0);
    assert_eq!(code(&format!("try {STUDIO} https://www.kaggle.com https://pypi.org")), 1);
    assert_eq!(code(&format!("replay {STUDIO}")), 2);
    assert_eq!(code(&format!("replay {STUDIO} pcaps/none.pcap")), 2);
    assert_eq!(code(&format!("replay {STUDIO} pcaps/truncated.pcap")), 3);
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    for format in ["table", "jsonl"] {
        let line = format!("replay {STUDIO} {SESSION} {SESSION} {SESSION} {SESSION} --format {format}");
        let mut child = command(&line).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut first = String::new();
        BufReader::with_capacity(64, child.stdout.take().unwrap()).read_line(&mut first).unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn colours_are_for_terminals_or_when_asked_for() {
    let line = format!("replay {STUDIO} {SESSION}");
    let escapes = |output: Output| output.stdout.contains(&0x1b);
    assert!(!escapes(run(&line)));
    assert!(escapes(run(&format!("{line} --color always"))));
    assert!(!escapes(run(&format!("{line} --color never"))));
    assert!(!escapes(command(&line).env("NO_COLOR", "1").output().unwrap()));
    assert!(!escapes(command(&line).env("CLICOLOR_FORCE", "1").env("NO_COLOR", "1").output().unwrap()));
}

#[test]
fn standard_input_files_and_directories_are_captures() {
    let plain = stdout(&format!("replay {STUDIO} pcaps/https-allowed.pcap --format jsonl"));
    let piped = fed(&format!("replay {STUDIO} - --format jsonl"), "pcaps/https-allowed.pcap");
    assert_eq!(String::from_utf8(piped.stdout).unwrap(), plain);
    let compressed = fed(&format!("replay {STUDIO} - --format jsonl"), "pcaps/compressed-zst.pcap.zst");
    assert_eq!(String::from_utf8(compressed.stdout).unwrap(), plain);
    for file in ["pcaps/compressed-gz.pcap.gz", "pcaps/compressed-zst.pcap.zst"] {
        assert_eq!(stdout(&format!("replay {STUDIO} {file} --format jsonl")), plain, "{file}");
    }
    assert_eq!(code(&format!("replay {STUDIO} - -")), 2);

    let two = verdicts(&format!("{STUDIO} pcaps/https-allowed.pcap pcaps/https-blocked.pcap"));
    let swapped = verdicts(&format!("{STUDIO} pcaps/https-blocked.pcap pcaps/https-allowed.pcap"));
    let one = verdicts(&format!("{STUDIO} pcaps/https-allowed.pcap"));
    let other = verdicts(&format!("{STUDIO} pcaps/https-blocked.pcap"));
    assert_eq!(two.len(), one.len() + other.len());
    assert_eq!(two, swapped, "frames are merged by time, whatever the order of the files");

    let directory = scratch("captures");
    let names = ["http-allowed.pcap", "http-refused.pcap"];
    for name in names {
        std::fs::copy(format!("{}/pcaps/edge/{name}", env!("CARGO_MANIFEST_DIR")), format!("{directory}/{name}"))
            .unwrap();
    }
    std::fs::write(format!("{directory}/notes.txt"), "two captures\n").unwrap();
    let [one, other] = names.map(|name| format!("pcaps/edge/{name}"));
    assert_eq!(verdicts(&format!("{STUDIO} {directory}")), verdicts(&format!("{STUDIO} {one} {other}")));
    let said = stdout(&format!("replay {STUDIO} {directory}"));
    assert!(said.contains("1 directory entry was not read"), "{said}");
}

#[test]
fn what_is_inside_mirrored_traffic_is_judged_like_the_traffic_itself() {
    let plain = frames(&format!("{STUDIO} pcaps/https-blocked.pcap"));
    assert!(plain.iter().any(|frame| frame["verdict"] == "drop"));
    for tunnel in ["vxlan", "geneve"] {
        assert_eq!(frames(&format!("{STUDIO} pcaps/{tunnel}.pcap --decapsulate")), plain, "{tunnel}");
        let said = stdout(&format!("replay {STUDIO} pcaps/{tunnel}.pcap"));
        assert!(said.contains("this looks like mirrored traffic"), "{said}");
    }
}

#[test]
fn the_studio_policy_decides_alike_in_all_its_forms() {
    let forms = [
        "rules/studio-egress-cli",
        "rules/studio-egress-terraform",
        "rules/studio-egress-plan.json",
        "rules/studio-egress.rules --home-net 10.2.0.0/16",
    ];
    let template = verdicts(&format!("{STUDIO} {SESSION}"));
    assert_eq!(template.len(), 640);
    for form in forms {
        assert_eq!(verdicts(&format!("{form} {SESSION}")), template, "{form}");
    }
}

#[test]
fn answers_to_what_only_the_stateless_stage_passed_are_dropped_in_mid_stream() {
    let said = frames("rules/forgotten-return pcaps/ssh.pcap");
    let by = |n: usize| (said[n - 1]["verdict"].as_str().unwrap(), said[n - 1]["why"]["by"].as_str().unwrap());
    assert_eq!(by(1), ("pass", "stateless-rule"));
    assert_eq!(by(2), ("drop", "stream-exception"));
    assert_eq!(said[1]["reason"], "stream midstream");
    let table = stdout("replay rules/forgotten-return pcaps/ssh.pcap");
    assert!(table.contains("203.0.113.22 → 10.2.1.10"), "{table}");
}

#[test]
fn fragments_of_udp_follow_their_default_and_others_are_dropped() {
    let of = |capture: &str| reasons(&format!("{STUDIO} pcaps/{capture}.pcap"));
    let stateless = |all: Vec<(String, usize)>| -> Vec<(String, usize)> {
        all.into_iter().filter(|(why, _)| why.contains("stateless")).collect()
    };
    assert_eq!(stateless(of("udp-fragments")), [("pass stateless-fragment-default".to_owned(), 8)]);
    assert_eq!(stateless(of("tcp-fragments")), [("drop stateless-fragment".to_owned(), 3)]);
    assert_eq!(stateless(of("ping-fragments")), [("drop stateless-fragment".to_owned(), 12)]);
}

#[test]
fn custom_actions_are_counted_by_their_dimension() {
    let table = stdout(&format!("replay rules/strict-hub.yaml {SESSION}"));
    let counts: Vec<&str> = table.lines().skip_while(|line| *line != "Custom actions").skip(2).take(2).collect();
    assert_eq!(counts, ["        2  ping", "        8  udp-fragment"], "{table}");
}

#[test]
fn what_is_left_out_is_said() {
    let line = format!("replay rules/strict-hub.yaml {SESSION} --leave-out hub-known-services");
    let table = stdout(&line);
    assert!(table.contains("note: rule group `KnownServices` is left out"), "{table}");
    assert!(!table.lines().any(|line| line.contains("hub-known-services  3 rules")), "{table}");
    assert_eq!(code(&line), 0);
    let rules = format!("{}/two.rules", scratch("leave-out"));
    let text = "drop tcp any any -> any 443 (lua:a.lua; sid:1;)\ndrop tcp any any -> any 80 (sid:2;)\n";
    std::fs::write(&rules, text).unwrap();
    let line = format!("try {rules} https://example.com http://example.com");
    assert_eq!(code(&line), 2);
    let output = run(&format!("{line} --leave-out lua"));
    let (out, err) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert!(out.starts_with("pass") && out.contains("\ndrop"), "{out}");
    assert!(err.contains("left out"), "{err}");
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    for format in ["table", "jsonl"] {
        let line = format!("replay rules/strict-hub.yaml {SESSION} --format {format}");
        assert_eq!(stdout(&line), stdout(&line));
    }
}
