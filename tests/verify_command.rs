//! `firedrill verify` with the Suricata that is installed. Where none is, or another than the one everything was
//! measured on, these tests say so in one line and are done.

#![expect(clippy::unwrap_used, reason = "a failed set-up is a failed test")]
#![expect(clippy::print_stderr, reason = "a skipped test says so")]

use serde_json::Value;
use std::process::{Command, Output};

/// The version that the recorded answers are from.
const MEASURED: &str = "Suricata version 7.0.10 ";

fn verify(arguments: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_firedrill"));
    command.arg("verify").args(arguments.split_whitespace()).current_dir(env!("CARGO_MANIFEST_DIR"));
    command.env_remove("NO_COLOR").env_remove("CLICOLOR_FORCE").output().unwrap()
}

fn is_installed() -> bool {
    let there = Command::new("suricata").arg("-V").output();
    let there = there.is_ok_and(|said| String::from_utf8_lossy(&said.stdout).contains(MEASURED));
    if !there {
        eprintln!("skipped: no Suricata 7.0.10 in PATH to compare with");
    }
    there
}

fn assert_equal(arguments: &str) {
    let output = verify(arguments);
    let shown = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(0), "verify {arguments}\n{shown}");
}

const CAPTURES: &str = "pcaps/studio-session.pcap pcaps/lookalikes.pcap pcaps/ssh.pcap pcaps/tcp-fragments-hello.pcap \
                        pcaps/geneve.pcap pcaps/dns.pcap pcaps/two-interfaces.pcapng pcaps/compressed-gz.pcap.gz";

#[test]
fn the_policies_of_the_repository_decide_as_suricata_does() {
    if !is_installed() {
        return;
    }
    for policy in [
        "rules/studio-egress.yaml",
        "rules/studio-egress-cli",
        "rules/studio-egress-terraform",
        "rules/studio-egress-plan.json",
        "rules/studio-egress.rules --home-net 10.2.0.0/16 --stream-exception continue --checksum all",
        "rules/variables --ip-set PARTNERS=203.0.113.0/24",
        "rules/forgotten-return",
        "rules/strict-hub.yaml",
        "rules/strict-app-layer --midstream",
    ] {
        assert_equal(&format!("{policy} {CAPTURES}"));
    }
}

#[test]
fn strict_order_is_compared_with_a_patched_copy() {
    if !is_installed() || cfg!(not(all(target_arch = "x86_64", target_os = "linux"))) {
        return;
    }
    for policy in ["rules/strict-hub.yaml", "rules/strict-app-layer", "rules/forgotten-return"] {
        assert_equal(&format!("{policy} {CAPTURES} --allow-patched-copy"));
    }
    assert_equal("rules/studio-egress.yaml pcaps/vxlan.pcap pcaps/geneve.pcap --decapsulate");
}

#[test]
fn a_suricata_that_decides_otherwise_is_found_out() {
    if !is_installed() {
        return;
    }
    let line =
        "rules/studio-egress.yaml pcaps/https-blocked.pcap --suricata tests/verify_command/suricata-without-a-rule";
    let output = verify(&format!("{line} --format json"));
    assert_eq!(output.status.code(), Some(1));
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(document["equal"], false);
    let packet = &document["captures"][0]["packets"][0];
    assert_eq!((packet["firedrill"].as_str(), packet["suricata"].as_str()), (Some("drop"), Some("pass")));
    assert_eq!(packet["why"], "sid 5 (rules/studio-egress.yaml:96)");
    let alert = &document["captures"][0]["alert_differences"][0];
    assert_eq!((&alert["n"], &alert["sid"]), (&packet["n"], &Value::from(5)));
    let table = String::from_utf8(verify(line).stdout).unwrap();
    let expected = format!("frame {}: firedrill drop, sid 5 (rules/studio-egress.yaml:96); Suricata pass", packet["n"]);
    assert!(table.contains(&expected), "{table}");
}

#[test]
fn a_log_that_is_read_wrongly_is_no_agreement() {
    if !is_installed() {
        return;
    }
    let line =
        "rules/studio-egress.yaml pcaps/https-blocked.pcap --suricata tests/verify_command/suricata-without-drops";
    let output = verify(line);
    assert_eq!(output.status.code(), Some(2));
    let table = String::from_utf8(output.stdout).unwrap();
    assert!(table.contains("Suricata's log contradicts its counters"), "{table}");
}
