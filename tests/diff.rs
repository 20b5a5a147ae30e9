//! `firedrill diff` as its users run it: every kind of change, groupings, gates and engines.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a failed set-up is a failed test")]

use serde_json::{Value, json};
use std::process::{Command, Output};

const SESSION: &str = "pcaps/studio-session.pcap";
const STUDIO: &str = "rules/studio-egress.yaml";

fn run(line: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_firedrill"));
    command.args(line.split_whitespace()).current_dir(env!("CARGO_MANIFEST_DIR"));
    command.output().unwrap()
}

fn stdout(line: &str) -> String {
    String::from_utf8(run(line).stdout).unwrap()
}

fn code(line: &str) -> i32 {
    run(line).status.code().unwrap()
}

/// A file with these rules, and a line of arguments that compares two of them.
fn rules(name: &str, text: &str) -> String {
    let path = format!("{}/diff-{name}.rules", env!("CARGO_TARGET_TMPDIR"));
    std::fs::write(&path, text).unwrap();
    path
}

/// What a diff says in JSON.
fn document(line: &str) -> Value {
    serde_json::from_str(&stdout(&format!("diff {line} --format json"))).unwrap()
}

/// Kind of the change, and flows by what changed for them.
fn outcome(old: &str, new: &str, name: &str, rest: &str) -> Value {
    let (old, new) = (rules(&format!("{name}-old"), old), rules(&format!("{name}-new"), new));
    let document = document(&format!("{old} {new} {rest}"));
    let totals = document["capture"]["totals"].as_array().unwrap();
    let totals: Vec<Value> = totals.iter().map(|total| json!([total["change"], total["flows"]])).collect();
    json!([document["kind"], totals])
}

#[test]
fn each_kind_of_change_is_told_apart() {
    let http = "pcaps/http-allowed.pcap";
    let host =
        |action: &str, sid: u32| format!("{action} http any any -> any any (http.host; content:\".\"; sid:{sid};)\n");
    let address = "drop ip any any -> 198.51.100.0/24 any (sid:9;)\n";
    let same = outcome(&host("drop", 1), &host("drop", 7), "same", http);
    assert_eq!(same, json!(["same", []]), "a rule with another number is the same rule");
    let narrower = outcome(&host("alert", 1), &host("drop", 1), "narrower", http);
    assert_eq!(narrower, json!(["narrower", [["newly-dropped", 3]]]));
    let wider = outcome(&host("drop", 1), "alert ip any any -> any any (ttl:0; sid:1;)", "wider", http);
    assert_eq!(wider, json!(["wider", [["newly-allowed", 3]]]));
    let earlier = outcome(&host("drop", 1), address, "earlier", http);
    assert_eq!(earlier, json!(["narrower", [["stopped-earlier", 3]]]));
    let later = outcome(address, &host("drop", 1), "later", http);
    assert_eq!(later, json!(["wider", [["stopped-later", 3]]]));
    let two = format!("{}{}", host("pass", 2), host("pass", 3).replace("\".", "\"www."));
    let other = outcome(&host("pass", 3).replace("\".", "\"www."), &two, "other", http);
    assert_eq!(other, json!(["same", [["other-rule", 3]]]));
    let alerts = outcome(&host("alert", 1), &format!("{}{}", host("alert", 1), host("alert", 2)), "alerts", http);
    assert_eq!(alerts, json!(["same", [["alerts-only", 3]]]));
    let reject = outcome(&host("drop", 1), &host("reject", 1), "reject", http);
    assert_eq!(reject, json!(["same", [["other-rule", 3]]]));
}

#[test]
fn both_is_said_where_access_is_won_and_lost() {
    let swapped = "--without-domain .amazonaws.com --with-domain .pypi.org";
    let document = document(&format!("{STUDIO} {STUDIO} {swapped} {SESSION}"));
    assert_eq!(document["kind"], "both");
    let groups = document["capture"]["groups"].as_array().unwrap();
    let of = |change: &str| groups.iter().filter(|group| group["change"] == change).collect::<Vec<_>>();
    let allowed = of("newly-allowed");
    assert_eq!(allowed.len(), 1);
    assert_eq!(allowed[0]["domains"][0]["domain"], "pypi.org");
    assert_eq!((&allowed[0]["flows"], &allowed[0]["hosts"]), (&json!(1), &json!(1)));
    assert_eq!(allowed[0]["destinations"][0]["ip"], "203.0.113.10");
    assert_eq!(allowed[0]["sources"][0]["ip"], "10.2.1.10");
    assert_eq!(allowed[0]["old"]["sid"], 5);
    assert_eq!(allowed[0]["old"]["at"], "rules/studio-egress.yaml:96");
    let dropped = of("newly-dropped");
    let flows: u64 = dropped.iter().map(|group| group["flows"].as_u64().unwrap()).sum();
    assert_eq!((dropped.len(), flows), (2, 3), "by the closing drops for TLS and for HTTP");
    let changes: Vec<&Value> = document["changes"].as_array().unwrap().iter().map(|change| &change["text"]).collect();
    assert_eq!(
        changes,
        [
            "domain `.pypi.org` of allow list `studio-domain-allow` added",
            "domain `.amazonaws.com` of allow list `studio-domain-allow` removed"
        ]
    );
}

#[test]
fn newly_passed_and_dropped_frames_are_those_that_two_replays_tell() {
    let (old, new) = (STUDIO, "rules/strict-hub.yaml");
    let verdicts = |policy: &str| {
        let text = stdout(&format!("replay {policy} {SESSION} --format jsonl --only packets"));
        text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["verdict"] == "pass").collect::<Vec<_>>()
    };
    let (before, now) = (verdicts(old), verdicts(new));
    let count = |was: bool, is: bool| before.iter().zip(&now).filter(|both| *both == (&was, &is)).count();
    let document = document(&format!("{old} {new} {SESSION}"));
    assert_eq!(document["capture"]["newly_dropped"]["frames"], count(true, false));
    assert_eq!(document["capture"]["newly_passed"]["frames"], count(false, true));
    assert!(count(true, false) > 0, "these policies say the same");
}

#[test]
fn gates_end_with_1_when_they_are_violated() {
    let wider = format!("diff {STUDIO} {STUDIO} --with-domain .pypi.org {SESSION}");
    assert_eq!(code(&wider), 0);
    assert_eq!(code(&format!("{wider} --gate no-new-access")), 1);
    assert_eq!(code(&format!("{wider} --gate no-new-drops")), 0);
    let narrower = format!("diff {STUDIO} --without-domain .kaggle.com --try https://www.kaggle.com");
    assert_eq!(code(&format!("{narrower} --gate no-new-access")), 0);
    assert_eq!(code(&format!("{narrower} --gate no-new-drops,no-new-access")), 1);
    // a damaged capture outranks a finding
    assert_eq!(code(&format!("diff {STUDIO} {STUDIO} --with-domain .pypi.org pcaps/truncated.pcap")), 3);
    let asks_nothing = run(&format!("diff {STUDIO} {STUDIO} --gate no-new-access"));
    assert_eq!(asks_nothing.status.code(), Some(2));
    assert_eq!(code(&format!("diff {STUDIO}")), 2);
}

#[test]
fn without_traffic_only_the_policy_is_compared() {
    let same = stdout(&format!("diff {STUDIO} {STUDIO}"));
    assert!(same.contains("Result   nothing was changed"), "{same}");
    let changed = document(&format!("{STUDIO} {STUDIO} --new-param VPCCIDR=10.9.0.0/16"));
    assert_eq!((&changed["kind"], &changed["capture"]), (&Value::Null, &Value::Null));
    assert_eq!(changed["changes"][0]["text"], "parameter `VPCCIDR`: as the document says → `10.9.0.0/16`");
    assert_eq!(changed["changes"][1]["subject"], "variable");
}

#[test]
fn made_up_conversations_are_asked_of_both() {
    let line = format!("{STUDIO} --without-domain .amazonaws.com --try https://sts.amazonaws.com");
    let document = document(&format!("{line} --try https://www.kaggle.com"));
    let tried = &document["tried"];
    assert_eq!((&tried[0]["change"], &tried[1]["change"]), (&json!("newly-dropped"), &Value::Null));
    assert_eq!((&tried[0]["old"]["sid"], &tried[0]["new"]["sid"]), (&json!(3), &json!(3)), "numbers move up");
    assert_eq!(tried[0]["new"]["at"], "rules/studio-egress.yaml:96");
    assert_eq!((&tried[0]["new"]["packet"], &tried[0]["new"]["what"]), (&json!(4), &json!("ClientHello")));
}

#[test]
fn two_engines_are_compared_on_one_policy() {
    let document = document(&format!("{STUDIO} --new-engine 8 --try http://WWW.KAGGLE.COM"));
    assert_eq!(document["changes"][0]["text"], "engine: Suricata 7.0 → Suricata 8.0");
    assert_eq!(
        (&document["old"]["engine"], &document["new"]["engine"]),
        (&json!("Suricata 7.0"), &json!("Suricata 8.0"))
    );
}

#[test]
fn several_new_policies_are_compared_in_one_pass() {
    let others = "--and rules/strict-hub.yaml --and rules/studio-egress.rules";
    let all = stdout(&format!("diff {STUDIO} rules/studio-egress-plan.json {others} {SESSION} --format json"));
    let all: Vec<&str> = all.lines().collect();
    for (line, new) in
        all.iter().zip(["rules/studio-egress-plan.json", "rules/strict-hub.yaml", "rules/studio-egress.rules"])
    {
        assert_eq!(format!("{line}\n"), stdout(&format!("diff {STUDIO} {new} {SESSION} --format json")));
    }
    assert_eq!(all.len(), 3);
}

#[test]
fn an_edit_that_finds_no_list_is_refused() {
    for edit in ["--without-domain amazonaws.com", "--with-domain nolist=.pypi.org"] {
        let refused = run(&format!("diff {STUDIO} {STUDIO} {edit}"));
        assert_eq!(refused.status.code(), Some(2));
        assert!(String::from_utf8_lossy(&refused.stderr).contains("FD0107"), "{edit}");
    }
}

#[test]
fn the_table_and_the_markdown_are_as_they_were() {
    let line =
        format!("diff {STUDIO} {STUDIO} --without-domain .amazonaws.com {SESSION} --try https://sts.amazonaws.com");
    insta::assert_snapshot!("table", stdout(&format!("{line} --gate no-new-access")));
    insta::assert_snapshot!("markdown", stdout(&format!("{line} --gate no-new-drops --format markdown")));
    assert!(stdout(&line).lines().all(|line| line.chars().count() <= 100));
}
