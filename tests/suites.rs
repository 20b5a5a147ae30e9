//! `firedrill test` as its users run it.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a failed set-up is a failed test")]

use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// An allow-list that was written by hand, with a catch-all behind it.
const RULES: &str = r#"pass tls any any -> any any (tls.sni; content:"www.kaggle.com"; endswith; msg:"kaggle"; sid:1;)
drop tls any any -> any any (msg:"other TLS"; sid:2;)
drop http any any -> any any (msg:"HTTP"; sid:3;)
alert dns any any -> any any (msg:"a query"; sid:4;)
"#;

/// A directory with a policy and a suite about it.
struct Place(PathBuf);

impl Place {
    fn new(name: &str, rules: &str, suite: &str) -> Self {
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("suites-{name}"));
        let _ = std::fs::remove_dir_all(&directory);
        std::fs::create_dir_all(&directory).unwrap();
        let place = Self(directory);
        place.write("egress.rules", rules);
        place.write("egress.firedrill.yaml", suite);
        place
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.0.join(name), text).unwrap();
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.0.join(name)).unwrap()
    }

    fn test(&self, arguments: &str) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_firedrill"));
        command.arg("test").args(arguments.split_whitespace()).current_dir(&self.0);
        command.env_remove("NO_COLOR").env_remove("CLICOLOR_FORCE").output().unwrap()
    }

    /// The exit code, and everything that was printed.
    fn said(&self, arguments: &str) -> String {
        let output = self.test(arguments);
        let text = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap()).concat();
        format!("{text}exit {}", output.status.code().unwrap())
    }

    fn json(&self, arguments: &str) -> Value {
        serde_json::from_slice(&self.test(&format!("{arguments} --format json")).stdout).unwrap()
    }
}

fn with_cases(cases: &str) -> String {
    format!("policy: egress.rules\ncases:\n{cases}")
}

#[test]
fn the_example_passes() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_firedrill"));
    command.args(["test", "examples/studio-egress.firedrill.yaml"]).current_dir(env!("CARGO_MANIFEST_DIR"));
    let output = command.env_remove("CLICOLOR_FORCE").output().unwrap();
    insta::assert_snapshot!(String::from_utf8(output.stdout).unwrap(), @"
    examples/studio-egress.firedrill.yaml  rules/studio-egress.yaml, Suricata 7.0  25 of 25 passed
    25 cases: 25 passed
    ");
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn a_wrong_verdict_is_said_with_the_rule_and_the_packet() {
    let place =
        Place::new("verdict", RULES, &with_cases("  - { name: pip, pass: [pypi.org] }\n  - block: [www.kaggle.com]\n"));
    insta::assert_snapshot!(place.said(""), @"
    egress.firedrill.yaml  egress.rules, Suricata 7.0  0 of 2 passed
    FAIL    pip: https://pypi.org  egress.firedrill.yaml:3
            expected pass, got drop
            by sid 2 (egress.rules:2) on packet 4 (ClientHello)  other TLS
            flow tcp 10.0.0.10:40000 → 203.0.113.10:443 pypi.org
            why: a `drop` rule matched; no `pass` rule matches any of its packets
    FAIL    block: https://www.kaggle.com  egress.firedrill.yaml:4
            expected block, got pass
            by sid 1 (egress.rules:1) on packet 4 (ClientHello)  kaggle
            flow tcp 10.0.0.10:40000 → 203.0.113.10:443 www.kaggle.com
            why: a `pass` rule matched; sid 2 (egress.rules:2) matches too, but not before it
    2 cases: 0 passed, 2 failed
    exit 1
    ");
}

#[test]
fn a_wrong_rule_is_said() {
    let cases = "  - { traffic: 'https://pypi.org', expect: { verdict: drop, by: 3 } }\n\
                 \x20 - { traffic: 'https://www.kaggle.com', expect: { by: 99 } }\n\
                 \x20 - { traffic: 'http://a.example', expect: { by: 'egress.rules:3', on: ClientHello } }\n";
    let place = Place::new("rule", RULES, &with_cases(cases));
    insta::assert_snapshot!(place.said(""), @"
    egress.firedrill.yaml  egress.rules, Suricata 7.0  0 of 3 passed
    FAIL    https://pypi.org  egress.firedrill.yaml:3
            expected drop by sid 3, got drop by sid 2 (egress.rules:2)
            on packet 4 (ClientHello)  other TLS
            flow tcp 10.0.0.10:40000 → 203.0.113.10:443 pypi.org
            why: sid 3 (egress.rules:3) matched no packet
    FAIL    https://www.kaggle.com  egress.firedrill.yaml:4
            expected pass by sid 99, got pass by sid 1 (egress.rules:1)
            on packet 4 (ClientHello)  kaggle
            flow tcp 10.0.0.10:40000 → 203.0.113.10:443 www.kaggle.com
            why: the policy has no rule with sid 99
    FAIL    http://a.example  egress.firedrill.yaml:5
            expected decided on ClientHello, got packet 4 (request)
            by sid 3 (egress.rules:3) on packet 4 (request)  HTTP
            flow tcp 10.0.0.10:40000 → 203.0.113.10:80 a.example
    3 cases: 0 passed, 3 failed
    exit 1
    ");
}

#[test]
fn counts_are_expected_of_what_is_selected() {
    let cases = "  - traffic: [dns://a.example, dns://b.example, 'https://www.kaggle.com']\n    expect:\n\
                 \x20     - { where: { dport: 53 }, flows: 3, alerts: { 4: 1 } }\n\
                 \x20     - { packets: { dropped: 1 }, alerts: 4 }\n\
                 \x20     - { where: { sni: '*.example' }, verdict: pass }\n";
    let place = Place::new("counts", RULES, &with_cases(cases));
    insta::assert_snapshot!(place.said(""), @"
    egress.firedrill.yaml  egress.rules, Suricata 7.0  0 of 1 passed
    FAIL    dns://a.example, dns://b.example, https://www.kaggle.com  egress.firedrill.yaml:3
            line 5: expected 3 flows, got 2 flows
            line 5: expected 1 alert of sid 4, got 4 alerts
            why: the first is of sid 4 (egress.rules:4) on packet 1 (query)
            line 6: expected 1 packet dropped, got 0
            line 7: expected a flow with sni=*.example, got none of 3 flows
    1 case: 0 passed, 1 failed
    exit 1
    ");
}

#[test]
fn an_unknown_key_is_said_with_its_place() {
    let place = Place::new("key", RULES, &with_cases("  - traffic: https://a.example\n    expects: pass\n"));
    insta::assert_snapshot!(place.said(""), @"
    error[FD0901]: key `expects` is not known in a case
     --> egress.firedrill.yaml:4:5
      |
    4 |     expects: pass
      |     ^^^^^^^
      = help: did you mean `expect`?

    1 error
    exit 2
    ");
}

#[test]
fn a_missing_file_is_said_with_its_place() {
    let place = Place::new("missing", RULES, &with_cases("  - { capture: no.pcap, expect: pass }\n"));
    insta::assert_snapshot!(place.said(""), @"
    error[FD0904]: `no.pcap` is not there
     --> egress.firedrill.yaml:3:16
      |
    3 |   - { capture: no.pcap, expect: pass }
      |                ^^^^^^^
      = help: paths are relative to the suite's file

    1 error
    exit 2
    ");
}

#[test]
fn an_option_that_cannot_be_is_said_with_its_place() {
    let suite = format!("options:\n  engine: 9\n{}", with_cases("  - pass: [a]\n"));
    let place = Place::new("option", RULES, &suite);
    insta::assert_snapshot!(place.said(""), @"
    error[FD0908]: invalid value `9` for `--engine <7|8>`
     --> egress.firedrill.yaml:2:11
      |
    2 |   engine: 9
      |           ^
      = help: see `firedrill replay --help` for what it takes

    1 error
    exit 2
    ");
}

#[test]
fn a_snapshot_is_written_and_compared() {
    let cases = "  - traffic: [dns://a.example, 'https://www.kaggle.com']\n    snapshot: talk.txt\n";
    let place = Place::new("snapshot", RULES, &with_cases(cases));
    assert!(place.said("").ends_with("why: record it with --update\n1 case: 0 passed, 1 failed\nexit 1"));
    assert!(place.said("--update").ends_with("1 case: 1 passed, 1 snapshot written\nexit 0"));
    insta::assert_snapshot!(place.read("talk.txt"), @"
    # dns://a.example, https://www.kaggle.com: written by `firedrill test --update`
    packets  20 passed, 0 dropped, 0 rejected
    pass    udp 10.0.0.10:40000 → 203.0.113.10:53  2 of 2 packets  by no rule
    pass    tcp 10.0.0.10:40001 → 203.0.113.10:443 www.kaggle.com  18 of 18 packets  by sid 1
    alerts  2 of sid 4
    ");
    // a rule that moves changes nothing, a rule that decides otherwise does
    place.write("egress.rules", &format!("# moved\n{RULES}"));
    assert!(place.said("").ends_with("exit 0"));
    place.write("egress.rules", &RULES.replace("alert dns", "drop dns"));
    insta::assert_snapshot!(place.said(""), @"
    egress.firedrill.yaml  egress.rules, Suricata 7.0  0 of 1 passed
    FAIL    dns://a.example, https://www.kaggle.com  egress.firedrill.yaml:3
            line 4: expected what is recorded, got 6 lines that differ
            - packets 20 passed, 0 dropped, 0 rejected
            - pass udp 10.0.0.10:40000 → 203.0.113.10:53 2 of 2 packets by no rule
            - alerts 2 of sid 4
            + packets 18 passed, 2 dropped, 0 rejected
            + drop udp 10.0.0.10:40000 → 203.0.113.10:53 0 of 2 packets by sid 4
            + alerts 1 of sid 4
    1 case: 0 passed, 1 failed
    exit 1
    ");
}

const FAILING: &str = "  - { name: 'a, b: c', pass: [pypi.org, www.kaggle.com] }\n";

#[test]
fn junit_has_an_element_for_every_case() {
    let place = Place::new("junit", RULES, &with_cases(FAILING));
    insta::assert_snapshot!(place.said("--format junit"), @r#"
    <?xml version="1.0" encoding="UTF-8"?>
    <testsuites name="firedrill" tests="2" skipped="0" failures="1" errors="0">
        <testsuite name="egress.firedrill.yaml" tests="2" skipped="0" errors="0" failures="1">
            <testcase name="a, b: c: https://pypi.org" classname="egress.firedrill.yaml" file="egress.firedrill.yaml" line="3">
                <failure message="expected pass, got drop by sid 2 (egress.rules:2) on packet 4 (ClientHello)" type="expectation">egress.firedrill.yaml:3:31: expected pass, got drop by sid 2 (egress.rules:2) on packet 4 (ClientHello)
      tcp 10.0.0.10:40000 → 203.0.113.10:443 pypi.org
      a `drop` rule matched; no `pass` rule matches any of its packets
    </failure>
            </testcase>
            <testcase name="a, b: c: https://www.kaggle.com" classname="egress.firedrill.yaml" file="egress.firedrill.yaml" line="3"/>
        </testsuite>
    </testsuites>

    exit 1
    "#);
}

#[test]
fn tap_numbers_the_cases() {
    let place = Place::new("tap", RULES, &with_cases(FAILING));
    insta::assert_snapshot!(place.said("--format tap"), @r#"
    TAP version 14
    1..2
    not ok 1 - a, b: c: https://pypi.org
      ---
      at: "egress.firedrill.yaml:3"
      failures:
        - at: "egress.firedrill.yaml:3:31"
          expected: "pass"
          got: "drop"
          by: "sid 2 (egress.rules:2)"
          on: "packet 4 (ClientHello)"
          flow: "tcp 10.0.0.10:40000 → 203.0.113.10:443 pypi.org"
          why: "a `drop` rule matched; no `pass` rule matches any of its packets"
      ...
    ok 2 - a, b: c: https://www.kaggle.com
    exit 1
    "#);
}

#[test]
fn github_gets_a_command_for_every_failure() {
    let place = Place::new("github", RULES, &with_cases(FAILING));
    insta::assert_snapshot!(place.said("--format github"), @"
    ::error file=egress.firedrill.yaml,line=3,col=31,title=a%2C b%3A c%3A https%3A//pypi.org::expected pass, got drop by sid 2 (egress.rules:2) on packet 4 (ClientHello)%0Atcp 10.0.0.10:40000 → 203.0.113.10:443 pypi.org%0Aa `drop` rule matched; no `pass` rule matches any of its packets
    1 passed, 1 failed, 0 could not be run
    exit 1
    ");
}

#[test]
fn sarif_points_at_the_suite_and_at_the_rule() {
    let place = Place::new("sarif", RULES, &with_cases(FAILING));
    let sarif: Value = serde_json::from_slice(&place.test("--format sarif").stdout).unwrap();
    insta::assert_snapshot!(serde_json::to_string_pretty(&sarif["runs"][0]["results"]).unwrap(), @r#"
    [
      {
        "level": "error",
        "locations": [
          {
            "physicalLocation": {
              "artifactLocation": {
                "uri": "egress.firedrill.yaml"
              },
              "region": {
                "startColumn": 31,
                "startLine": 3
              }
            }
          }
        ],
        "message": {
          "text": "a, b: c: https://pypi.org: expected pass, got drop by sid 2 (egress.rules:2) on packet 4 (ClientHello) (a `drop` rule matched; no `pass` rule matches any of its packets)"
        },
        "relatedLocations": [
          {
            "message": {
              "text": "the rule that decided"
            },
            "physicalLocation": {
              "artifactLocation": {
                "uri": "egress.rules"
              },
              "region": {
                "startColumn": 1,
                "startLine": 2
              }
            }
          }
        ],
        "ruleId": "expectation"
      }
    ]
    "#);
}

#[test]
fn json_says_everything() {
    let place = Place::new("json", RULES, &with_cases(FAILING));
    let json = place.json("");
    assert_eq!((&json["version"], &json["passed"], &json["failed"]), (&1.into(), &1.into(), &1.into()));
    insta::assert_snapshot!(serde_json::to_string_pretty(&json["suites"][0]["cases"][0]).unwrap(), @r#"
    {
      "column": 31,
      "failures": [
        {
          "by": {
            "msg": "other TLS",
            "packet": "packet 4 (ClientHello)",
            "place": {
              "column": 1,
              "file": "egress.rules",
              "line": 2
            },
            "sid": 2,
            "text": "sid 2 (egress.rules:2)"
          },
          "column": 31,
          "expected": "pass",
          "file": "egress.firedrill.yaml",
          "flow": "tcp 10.0.0.10:40000 → 203.0.113.10:443 pypi.org",
          "got": "drop",
          "line": 3,
          "why": "a `drop` rule matched; no `pass` rule matches any of its packets"
        }
      ],
      "file": "egress.firedrill.yaml",
      "line": 3,
      "name": "a, b: c: https://pypi.org",
      "status": "failed"
    }
    "#);
}

#[test]
fn cases_are_chosen_by_their_names() {
    let place = Place::new("filter", RULES, &with_cases(FAILING));
    assert!(place.said("--filter KAGGLE").ends_with("1 case: 1 passed\nexit 0"));
    assert!(place.said("--filter nothing").ends_with("help: see the names without --filter\nexit 2"));
}

#[test]
fn the_number_of_threads_changes_nothing() {
    let names: Vec<String> = (0..40).map(|n| format!("n{n}.example")).collect();
    let place = Place::new("threads", RULES, &with_cases(&format!("  - pass: [{}]\n", names.join(", "))));
    assert_eq!(place.said("-j 1"), place.said("-j 7"));
}

#[test]
fn without_suites_there_is_nothing_to_test() {
    let place = Place::new("none", RULES, "");
    std::fs::remove_file(place.0.join("egress.firedrill.yaml")).unwrap();
    assert!(place.said("").ends_with("exit 2"));
}

/// What happened: a catch-all behind an allow-list took the first segment of a ClientHello that came in two, before the
/// name in it was known, and so the name on the list was blocked.
#[test]
fn a_catch_all_that_takes_the_first_segment_of_a_hello_is_found() {
    let rules = r#"pass tls $HOME_NET any -> any 443 (tls.sni; content:"www.kaggle.com"; endswith; sid:1;)
drop tcp $HOME_NET any -> any 443 (flow:established,to_server; msg:"catch-all"; sid:2;)
"#;
    let suite = format!(
        "options: {{ order: strict }}\n{}",
        with_cases("  - pass: [www.kaggle.com]\n  - pass: [www.kaggle.com]\n    segments: 2\n")
    );
    let place = Place::new("incident", rules, &suite);
    insta::assert_snapshot!(place.said(""), @"
    egress.firedrill.yaml  egress.rules, Suricata 7.0  1 of 2 passed
    FAIL    pass: https://www.kaggle.com segments=2  egress.firedrill.yaml:5
            expected pass, got drop
            by sid 2 (egress.rules:2) on packet 4 (ClientHello 1/2)  catch-all
            flow tcp 10.0.0.10:40000 → 203.0.113.10:443 www.kaggle.com
            why: a `drop` rule matched; sid 1 (egress.rules:1) matches too, but not before it
    2 cases: 1 passed, 1 failed
    exit 1
    ");
}

#[test]
fn a_verdict_that_depends_on_segments_is_found_without_asking_for_segments() {
    let rules = r#"pass tls $HOME_NET any -> any 443 (tls.sni; content:"www.kaggle.com"; endswith; sid:1;)
drop tcp $HOME_NET any -> any 443 (flow:established,to_server; msg:"catch-all"; sid:2;)
"#;
    let suite =
        format!("options: {{ order: strict }}\n{}", with_cases("  - pass: [www.kaggle.com]\n    block: [pypi.org]\n"));
    let place = Place::new("vary", rules, &suite);
    assert!(place.said("").ends_with("exit 0"));
    insta::assert_snapshot!(place.said("--vary segments,mss,reorder,retransmit,pqc-hello,ipv6,midstream"), @"
    egress.firedrill.yaml  egress.rules, Suricata 7.0  1 of 2 passed
    FAIL    pass: https://www.kaggle.com  egress.firedrill.yaml:4
            expected pass, also with every segment in two, got drop
            by sid 2 (egress.rules:2) on packet 4 (ClientHello, part 1)  catch-all
            flow tcp 10.0.0.10:40000 → 203.0.113.10:443 www.kaggle.com
            why: fragile under --vary segments; sid 1 (egress.rules:1) decides without it
            expected pass, also in segments of at most 256 bytes, got drop
            by sid 2 (egress.rules:2) on packet 4 (ClientHello, part 1)  catch-all
            flow tcp 10.0.0.10:40000 → 203.0.113.10:443 www.kaggle.com
            why: fragile under --vary mss; sid 1 (egress.rules:1) decides without it
            expected pass, also with segments out of order, got drop
            by sid 2 (egress.rules:2) on packet 4 (ClientHello, part 2)  catch-all
            flow tcp 10.0.0.10:40000 → 203.0.113.10:443 www.kaggle.com
            why: fragile under --vary reorder; sid 1 (egress.rules:1) decides without it
            expected pass, also with a post-quantum ClientHello, got drop
            by sid 2 (egress.rules:2) on packet 4 (ClientHello 1/2)  catch-all
            flow tcp 10.0.0.10:40000 → 203.0.113.10:443 www.kaggle.com
            why: fragile under --vary pqc-hello; sid 1 (egress.rules:1) decides without it
            expected pass, also without the handshake, got drop
            by stream exception policy on packet 1 (ClientHello)
            flow tcp 10.0.0.10:40000 → 203.0.113.10:443 www.kaggle.com
            why: fragile under --vary midstream; sid 1 (egress.rules:1) decides without it
    2 cases: 1 passed, 1 failed
    exit 1
    ");
    assert!(place.said("--vary segmnts").contains("it is none of segments, mss"));
}

#[test]
fn a_watched_suite_runs_again_when_its_policy_changes() {
    let place = Place::new("watch", RULES, &with_cases("  - { block: [pypi.org] }\n"));
    let mut command = Command::new(env!("CARGO_BIN_EXE_firedrill"));
    command.args(["test", "--watch"]).current_dir(&place.0).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let child = Arc::new(Mutex::new(child));
    let overdue = Arc::clone(&child);
    std::thread::spawn(move || {
        std::thread::sleep(Duration::from_mins(1));
        let _ = overdue.lock().unwrap().kill();
    });
    // a file that is written while it is read may be seen half written first
    let mut until = |wanted: &str| assert!(lines.any(|line| line == wanted), "{wanted}");
    until("1 case: 1 passed");
    place.write("egress.rules", &RULES.replace("drop tls", "alert tls"));
    until("1 case: 0 passed, 1 failed");
    place.write("egress.firedrill.yaml", &with_cases("  - { pass: [pypi.org] }\n"));
    until("1 case: 1 passed");
    let mut child = child.lock().unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn what_no_case_tries_is_listed() {
    let place = Place::new("coverage", RULES, &with_cases("  - { pass: [www.kaggle.com] }\n"));
    insta::assert_snapshot!(place.said("--coverage --lcov cover.info"), @"
    egress.firedrill.yaml  egress.rules, Suricata 7.0  1 of 1 passed
    Coverage of egress.rules: 50.0 % of 4 rules and domains
      1 decisive, 1 matched behind others, 2 never tried
      matched   sid 2  egress.rules:2
      never     sid 3  egress.rules:3
      never     sid 4  egress.rules:4
    1 case: 1 passed
    exit 0
    ");
    insta::assert_snapshot!(place.read("cover.info"), @"
    TN:
    SF:egress.rules
    DA:1,1
    DA:2,1
    DA:3,0
    DA:4,0
    LF:4
    LH:2
    end_of_record
    ");
    assert!(place.said("--threshold 50").ends_with("exit 0"));
    assert!(place.said("--threshold 51").ends_with("exit 1"));
    assert_eq!(place.json("--coverage")["coverage"][0]["percent"], 50.0);
}

#[test]
fn domains_of_a_list_are_covered_one_by_one() {
    let policy = Path::new(env!("CARGO_MANIFEST_DIR")).join("rules/studio-egress.yaml");
    let suite = format!("policy: {}\ncases:\n  - {{ pass: [www.kaggle.com], block: [a.example] }}\n", policy.display());
    let place = Place::new("domains", RULES, &suite);
    let covered = place.json("--coverage")["coverage"][0]["entries"].clone();
    let reached: Vec<String> =
        covered.as_array().unwrap().iter().map(|entry| format!("{} {}", entry["what"], entry["reach"])).collect();
    insta::assert_snapshot!(reached.join("\n"), @r#"
    "sid 5, 6" "decisive"
    ".kaggle.com" "decisive"
    ".amazonaws.com" "never"
    "#);
}

#[test]
fn mistakes_that_no_case_notices_come_with_a_case_that_would() {
    let place =
        Place::new("mutate", RULES, &with_cases("  - { pass: [www.kaggle.com] }\n  - { block: [pypi.org], by: 2 }\n"));
    let said = place.said("--mutate");
    insta::assert_snapshot!(said, @r#"
    egress.firedrill.yaml  egress.rules, Suricata 7.0  2 of 2 passed
    Mutants of egress.rules: 12 mutants
      4 noticed, 5 survived, 3 that no flow tells apart, 0 that cannot be evaluated
      survived  widen sid 1 to names that merely contain it  egress.rules:1
            - { traffic: "https://www.kaggle.com.evil.example", expect: drop }
      survived  delete sid 3  egress.rules:3
            - { traffic: "http://www.example.com", expect: drop }
      survived  flip sid 3 to pass  egress.rules:3
            - { traffic: "http://www.example.com", expect: drop }
      survived  delete sid 4  egress.rules:4
            - { traffic: "dns://www.example.com", expect: { alerts: { 4: 2 } } }
      survived  flip sid 4 to drop  egress.rules:4
            - { traffic: "dns://www.example.com", expect: pass }
    2 cases: 2 passed
    exit 1
    "#);
    // pasted, they pass with the policy, and notice the mistakes
    let found: Vec<&str> = said.lines().map(str::trim).filter(|line| line.starts_with("- {")).collect();
    let more = format!("  {}\n", found.join("\n  "));
    let cases = format!("  - {{ pass: [www.kaggle.com] }}\n  - {{ block: [pypi.org], by: 2 }}\n{more}");
    place.write("egress.firedrill.yaml", &with_cases(&cases));
    let again = place.said("--mutate");
    assert!(again.contains(" 0 survived") && again.ends_with("exit 0"), "{again}");
}

/// Every member of a document has its place in the schema.
fn assert_in_schema(value: &Value, schema: &Value, at: &str) {
    let schema = schema["oneOf"].as_array().and_then(|either| either.last()).unwrap_or(schema);
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                let part = &schema["properties"][name];
                assert!(part.is_object(), "{at}.{name} is not in the schema");
                assert_in_schema(member, part, &format!("{at}.{name}"));
            }
            for name in schema["required"].as_array().unwrap() {
                assert!(members.contains_key(name.as_str().unwrap()), "{at} has no {name}");
            }
        }
        Value::Array(items) => items.iter().for_each(|item| assert_in_schema(item, &schema["items"], at)),
        _ => {}
    }
}

#[test]
fn reports_are_what_their_schema_says() {
    let text =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/schema/test-report.schema.json"));
    let schema: Value = serde_json::from_str(&text.unwrap()).unwrap();
    let cases = format!(
        "{FAILING}  - {{ traffic: 'https://a', snapshot: a.txt }}\n  - {{ capture: egress.rules, expect: pass }}\n"
    );
    let place = Place::new("schema", RULES, &with_cases(&cases));
    assert_in_schema(&place.json("--update --coverage --mutate"), &schema, "report");
}
