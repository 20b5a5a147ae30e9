//! Network Firewall's own logs and metrics, as a replay writes them.

#![expect(clippy::unwrap_used, reason = "a failed set-up is a failed test")]

use serde_json::Value;
use std::process::{Command, Output};

const STUDIO: &str = "rules/studio-egress.yaml pcaps/studio-session.pcap";

fn run(line: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_firedrill"));
    command.arg("replay").args(line.split_whitespace()).current_dir(env!("CARGO_MANIFEST_DIR"));
    command.output().unwrap()
}

fn records(line: &str) -> Vec<Value> {
    let text = String::from_utf8(run(line).stdout).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn the_alert_log_has_a_record_for_every_alert_in_order_of_frames() {
    let log =
        records(&format!("{STUDIO} --format aws-alert --firewall-name inspection --availability-zone eu-west-1b"));
    let alerts = records(&format!("{STUDIO} --format jsonl --only alerts"));
    let sids =
        |records: &[Value], pick: fn(&Value) -> &Value| records.iter().map(|r| pick(r).clone()).collect::<Vec<_>>();
    assert_eq!(sids(&log, |r| &r["event"]["alert"]["signature_id"]), sids(&alerts, |r| &r["sid"]));
    insta::assert_snapshot!(log[0], @r#"{"availability_zone":"eu-west-1b","event":{"alert":{"action":"blocked","category":"","rev":1,"severity":1,"signature":"not matching any TLS allowlisted FQDNs","signature_id":5},"app_proto":"tls","dest_ip":"203.0.113.10","dest_port":443,"direction":"to_server","event_type":"alert","flow_id":95,"proto":"TCP","src_ip":"10.2.1.10","src_port":54004,"timestamp":"2026-11-24T09:35:15.508285+0000","tls":{"sni":"pypi.org"},"verdict":{"action":"drop"}},"event_timestamp":"1795512915","firewall_name":"inspection"}"#);
    let http = log.iter().find(|record| record["event"]["app_proto"] == "http").unwrap();
    assert_eq!(http["event"]["http"]["hostname"], "example.org");
}

#[test]
fn the_flow_log_has_a_record_for_each_direction_in_which_something_came() {
    let log = records(&format!("{STUDIO} --format aws-flow"));
    let flows = records(&format!("{STUDIO} --format jsonl --only flows"));
    let packets = |flow: &Value| [flow["pkts_toserver"].as_u64().unwrap(), flow["pkts_toclient"].as_u64().unwrap()];
    let wanted: usize = flows.iter().flat_map(packets).filter(|n| *n > 0).count();
    assert_eq!(log.len(), wanted);
    let sum: u64 = log.iter().map(|record| record["event"]["netflow"]["pkts"].as_u64().unwrap()).sum();
    assert_eq!(sum, flows.iter().flat_map(packets).sum::<u64>());
    let dropped = log.iter().find(|record| record["event"]["netflow"]["alerted"] == true).unwrap();
    insta::assert_snapshot!(dropped, @r#"{"availability_zone":"us-east-1a","event":{"app_proto":"tls","dest_ip":"203.0.113.11","dest_port":443,"event_type":"netflow","flow_id":111,"netflow":{"age":0,"alerted":true,"bytes":1713,"end":"2026-11-24T09:35:15.520558+0000","max_ttl":64,"min_ttl":64,"pkts":8,"reason":"shutdown","start":"2026-11-24T09:35:15.515354+0000","state":"established"},"proto":"TCP","src_ip":"10.2.1.10","src_port":46716,"tcp":{"ack":true,"fin":true,"psh":true,"syn":true,"tcp_flags":"1b"},"timestamp":"2026-11-24T09:35:19.593565+0000"},"event_timestamp":"1795512919","firewall_name":"studio-egress"}"#);
}

#[test]
fn a_server_name_is_in_the_record_only_when_it_was_known() {
    let rules = format!("{}/aws-logs.rules", env!("CARGO_TARGET_TMPDIR"));
    std::fs::write(
        &rules,
        "alert tcp any any -> any 443 (sid:1;)\nalert tls any any -> any any (tls.sni; content:\"kaggle\"; sid:2;)\n",
    )
    .unwrap();
    let log = records(&format!("{rules} pcaps/https-allowed.pcap --format aws-alert"));
    let names: Vec<bool> = log.iter().map(|record| record["event"].get("tls").is_some()).collect();
    assert!(names.first() == Some(&false) && names.contains(&true), "{names:?}");
    assert_eq!(log[0]["event"]["verdict"]["action"], "alert");
}

#[test]
fn what_a_pass_rule_that_reports_let_through_is_said_to_have_passed() {
    let rules = format!("{}/aws-logs-pass.rules", env!("CARGO_TARGET_TMPDIR"));
    let pass = "pass tls any any -> any any (alert; tls.sni; content:\"kaggle\"; classtype:trojan-activity; sid:1;)\n";
    std::fs::write(&rules, format!("{pass}reject tcp any any -> any 80 (flags:S; priority:2; sid:2;)\n")).unwrap();
    let of = |capture: &str| records(&format!("{rules} {capture} --format aws-alert"))[0]["event"].clone();
    let passed = of("pcaps/https-allowed.pcap");
    assert_eq!((&passed["alert"]["action"], &passed["verdict"]["action"]), (&"allowed".into(), &"pass".into()));
    assert_eq!(passed["alert"]["severity"], 1);
    let rejected = of("pcaps/http-allowed.pcap");
    assert_eq!(
        rejected["verdict"].to_string(),
        r#"{"action":"drop","reject":["tcp-reset"],"reject-target":"to_client"}"#
    );
    assert_eq!((&rejected["alert"]["action"], &rejected["alert"]["severity"]), (&"blocked".into(), &2.into()));
}

#[test]
fn metrics_add_up_to_what_was_received() {
    let text = String::from_utf8(run(&format!("{STUDIO} --metrics")).stdout).unwrap();
    let metrics = text.split_once("Metrics of ").unwrap().1;
    insta::assert_snapshot!(metrics, @r"
    AWS/NetworkFirewall  FirewallName studio-egress, AvailabilityZone us-east-1a
      Stateless  ReceivedPackets                   640
      Stateless  ReceivedBytes                 123,888
      Stateless  PassedPackets                       8
      Stateless  DroppedPackets                      0
      Stateful   ReceivedPackets                   632
      Stateful   ReceivedBytes                 113,018
      Stateful   PassedPackets                     448
      Stateful   DroppedPackets                    184
      Stateful   RejectedPackets                     0
      Stateful   StreamExceptionPolicyPackets        0
    ");
}

#[test]
fn what_cannot_be_had_is_refused() {
    let refused = run(&format!("{STUDIO} --format aws-tls"));
    assert_eq!(refused.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("only under TLS inspection"));
    assert_eq!(run(&format!("{STUDIO} --format jsonl --metrics")).status.code(), Some(2));
    assert_eq!(run(&format!("{STUDIO} --format aws-flow --only flows")).status.code(), Some(2));
}
