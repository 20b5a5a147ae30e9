//! Policies and the files they become.

use super::*;
use crate::detect::EngineProfile;
use crate::policy::{LoadOptions, load_text};

/// Two groups with networks of their own, a domain list, standard rules, default actions.
const TWO_GROUPS: &str = r#"
AWSTemplateFormatVersion: "2010-09-09"
Resources:
  Partners:
    Type: AWS::NetworkFirewall::RuleGroup
    Properties:
      RuleGroupName: partners
      Type: STATEFUL
      Capacity: 10
      RuleGroup:
        StatefulRuleOptions: { RuleOrder: STRICT_ORDER }
        RuleVariables:
          IPSets:
            HOME_NET: { Definition: [10.1.0.0/16, "!10.1.9.0/24"] }
            PARTNERS: { Definition: [203.0.113.0/24] }
          PortSets:
            WEB: { Definition: ["443", "8000:8010"] }
        RulesSource:
          StatefulRules:
            - Action: PASS
              Header:
                Protocol: TCP
                Source: $HOME_NET
                SourcePort: ANY
                Direction: FORWARD
                Destination: $PARTNERS
                DestinationPort: $WEB
              RuleOptions:
                - { Keyword: sid, Settings: ["1"] }
            - Action: PASS
              Header:
                Protocol: UDP
                Source: $HOME_NET
                SourcePort: ANY
                Direction: ANY
                Destination: $EXTERNAL_NET
                DestinationPort: "123"
              RuleOptions:
                - { Keyword: msg, Settings: ['"time"'] }
                - { Keyword: sid, Settings: ["2"] }
  Domains:
    Type: AWS::NetworkFirewall::RuleGroup
    Properties:
      RuleGroupName: domains
      Type: STATEFUL
      Capacity: 10
      RuleGroup:
        StatefulRuleOptions: { RuleOrder: STRICT_ORDER }
        RuleVariables:
          IPSets:
            HOME_NET: { Definition: [10.2.0.0/16] }
        RulesSource:
          RulesSourceList:
            GeneratedRulesType: ALLOWLIST
            TargetTypes: [TLS_SNI, HTTP_HOST]
            Targets: [.example.com]
  Policy:
    Type: AWS::NetworkFirewall::FirewallPolicy
    Properties:
      FirewallPolicyName: two-groups
      FirewallPolicy:
        StatelessDefaultActions: ["aws:forward_to_sfe"]
        StatelessFragmentDefaultActions: ["aws:forward_to_sfe"]
        StatefulEngineOptions: { RuleOrder: STRICT_ORDER }
        StatefulDefaultActions: ["aws:drop_established", "aws:alert_established"]
        StatefulRuleGroupReferences:
          - { ResourceArn: !Ref Partners, Priority: 10 }
          - { ResourceArn: !Ref Domains, Priority: 20 }
        PolicyVariables:
          RuleVariables:
            HOME_NET: { Definition: [10.0.0.0/8] }
"#;

fn exported(name: &str, text: &str, ordering: Ordering) -> Export {
    let mut loaded = load_text(name, text, &LoadOptions::default()).unwrap();
    let policy = loaded.policy.unwrap();
    let program = Program::compile(&policy, &mut loaded.sources, &CompileOptions::default()).unwrap();
    suricata(&policy, &program, ordering).unwrap()
}

fn file<'a>(export: &'a Export, name: &str) -> &'a str {
    &export.files.iter().find(|(path, _)| *path == name).unwrap().1
}

/// The text without what changes from release to release.
fn without_version(text: &str) -> String {
    text.replace(env!("CARGO_PKG_VERSION"), "VERSION")
}

/// `vars` of the configuration.
fn variables(export: &Export) -> String {
    let lines = file(export, "suricata.yaml").lines();
    lines.skip_while(|line| *line != "vars:").take_while(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
}

/// A policy of plain rules in strict order.
fn strict(text: &str) -> Export {
    let stateful = crate::policy::StatefulOptions { order: Some(RuleOrder::Strict), ..Default::default() };
    let mut loaded = load_text("x.rules", text, &LoadOptions { stateful, ..LoadOptions::default() }).unwrap();
    let policy = loaded.policy.unwrap();
    let program = Program::compile(&policy, &mut loaded.sources, &CompileOptions::default()).unwrap();
    suricata(&policy, &program, Ordering::ByAction).unwrap()
}

fn pairs(text: &str) -> Vec<(u32, u32)> {
    strict(text).misplaced.iter().map(|found| (found.rule, found.other)).collect()
}

#[test]
fn groups_keep_their_own_networks_and_strict_order_becomes_priorities() {
    let export = exported("x.yaml", TWO_GROUPS, Ordering::ByAction);
    assert_eq!(export.misplaced, []);
    insta::assert_snapshot!("rules", without_version(file(&export, RULE_FILE)));
    insta::assert_snapshot!(variables(&export), @r#"
    vars:
      address-groups:
        HOME_NET: "10.0.0.0/8"  # policy `two-groups` (x.yaml:71)
        EXTERNAL_NET: "!$HOME_NET"
        HOME_NET_2: "[10.1.0.0/16,!10.1.9.0/24]"  # rule group `partners` (x.yaml:14)
        PARTNERS: "203.0.113.0/24"  # rule group `partners` (x.yaml:15)
        HOME_NET_3: "10.2.0.0/16"  # rule group `domains` (x.yaml:51)
      port-groups:
        WEB: "[443,8000:8010]"
    "#);
    let lines: Vec<&str> = file(&export, RULE_FILE).lines().collect();
    for rule in &export.rules {
        assert!(lines[rule.line as usize - 1].contains(&format!("sid:{};", rule.sid)), "{rule:?}");
    }
}

#[test]
fn the_configuration_holds_the_settings_of_the_profile() {
    let export = exported("x.yaml", TWO_GROUPS, Ordering::ByAction);
    insta::assert_snapshot!("suricata.yaml", without_version(file(&export, "suricata.yaml")));
}

#[test]
fn for_a_program_that_orders_by_sid_the_sids_are_places() {
    let export = exported("x.yaml", TWO_GROUPS, Ordering::BySid);
    let numbers: Vec<(u32, u32)> = export.rules.iter().map(|rule| (rule.gid, rule.sid)).collect();
    assert_eq!(numbers, (1..=8).map(|place| (1, place)).collect::<Vec<_>>());
}

#[test]
fn a_pass_that_would_come_first_is_misplaced() {
    let text = "alert tcp any any -> any 80 (sid:1;)\npass tcp any any -> any any (sid:2;)\n";
    assert_eq!(pairs(text), [(1, 0)]);
    let text = "drop tcp any any -> any 80 (sid:9;)\nalert tcp any any -> any any (priority:1; sid:2;)\n\
                drop udp any any -> any any (priority:1; sid:1;)\n";
    assert_eq!(pairs(text), []);
}

#[test]
fn rules_that_share_what_is_remembered_keep_their_order() {
    let read_first = "alert tcp any any -> any 80 (flowbits:isset,a; sid:1;)\n\
                      alert tcp any any -> any 81 (flowbits:set,a; sid:2;)\n";
    assert_eq!(pairs(read_first), [(0, 1)]);
    assert_eq!(pairs(&read_first.replace("set,a; sid:2", "set,b; sid:2")), []);
}

#[test]
fn references_and_classes_come_with_the_rules() {
    let export = strict(
        "alert tcp any any -> any 80 (classtype:trojan-activity; reference:cve,2021-44228; sid:1;)\n\
         alert tcp any any -> any 81 (classtype:trojan-activity; gid:3; sid:1;)\n",
    );
    assert!(file(&export, "classification.config").ends_with("classification: trojan-activity,trojan-activity,1\n"));
    assert!(file(&export, "reference.config").ends_with("reference: cve http://\n"));
    assert_eq!(export.rules.iter().map(|rule| (rule.gid, rule.sid)).collect::<Vec<_>>(), [(1, 1), (3, 1)]);
}

#[test]
fn long_lists_are_written_in_parts() {
    let list: Vec<String> = (0..2000).map(|n| format!("10.{}.{}.0/24", n / 256, n % 256)).collect();
    let ports: Vec<String> = (0..300).map(|n| (2 * n + 1).to_string()).collect();
    let options = LoadOptions {
        ip_sets: vec![("BIG".to_owned(), list.join(","))],
        port_sets: vec![("PORTS".to_owned(), ports.join(","))],
        ..LoadOptions::default()
    };
    let mut loaded = load_text("x.rules", "drop tcp any any -> $BIG $PORTS (sid:1;)\n", &options).unwrap();
    let policy = loaded.policy.unwrap();
    let program = Program::compile(&policy, &mut loaded.sources, &CompileOptions::default()).unwrap();
    let written = variables(&suricata(&policy, &program, Ordering::ByAction).unwrap());
    let line = |name: &str| written.lines().find(|line| line.trim_start().starts_with(name)).unwrap().trim().to_owned();
    assert_eq!(line("BIG:"), "BIG: \"[$BIG_PART,$BIG_PART_2,$BIG_PART_3,$BIG_PART_4]\"  # --ip-set BIG");
    assert_eq!(line("PORTS:"), "PORTS: \"[$PORTS_PART,$PORTS_PART_2]\"");
    let of_parts: Vec<&str> =
        written.lines().filter(|line| line.contains("_PART: ") || line.contains("_PART_")).collect();
    assert!(list.iter().chain(&ports).all(|entry| of_parts.iter().any(|line| line.contains(entry.as_str()))));
    assert!(written.lines().all(|line| line.len() < 8100));
}

/// The settings in an exported configuration, as our own reader of such files takes them.
fn read_back(yaml: &str, name: &str) -> EngineProfile {
    let path = std::env::temp_dir().join(format!("firedrill-export-{}-{name}.yaml", std::process::id()));
    std::fs::write(&path, yaml).unwrap();
    let file = crate::detect::settings::read_file(&path, &mut Sources::new()).unwrap();
    std::fs::remove_file(path).unwrap();
    assert_eq!(file.diagnostics, []);
    let mut profile = EngineProfile::suricata_7();
    file.settings.apply(&mut profile).unwrap();
    // Suricata 7.0 has no parsers for these
    for name in ["imap", "pop3"] {
        let proto = crate::app::AppProto::by_name(name).unwrap();
        for ip_proto in [6, 17] {
            profile.app.unparsed.set(proto, ip_proto, false);
        }
    }
    profile
}

#[test]
fn the_exported_settings_are_those_of_the_profile() {
    let set = [
        ("packet-alert-max", "33"),
        ("action-order.0", "drop"),
        ("action-order.1", "pass"),
        ("stream.midstream-policy", "reject"),
        ("stream.async-oneside", "yes"),
        ("stream.checksum-validation", "yes"),
        ("stream.max-syn-queued", "3"),
        ("stream.liberal-timestamps", "no"),
        ("stream.reassembly.depth", "3000"),
        ("stream.reassembly.toclient-chunk-size", "99"),
        ("stream.reassembly.urgent.policy", "oob"),
        ("stream.reassembly.urgent.oob-limit-policy", "gap"),
        ("host-os-policy.windows.0", "10.0.0.0/8"),
        ("flow-timeouts.udp.established", "7"),
        ("vlan.use-for-tracking", "no"),
        ("decoder.max-layers", "9"),
        ("decoder.vxlan.ports", "8472, 4789"),
        ("decoder.teredo.enabled", "no"),
        ("defrag.timeout", "5"),
        ("host.memcap", "1mb"),
        ("app-layer.error-policy", "bypass"),
        ("app-layer.protocols.ssh.enabled", "no"),
        ("app-layer.protocols.dns.udp.enabled", "detection-only"),
        ("app-layer.protocols.tls.detection-ports.dp", "443, 8443-8450"),
        ("app-layer.protocols.http.libhtp.default-config.response-body-limit", "1234"),
    ];
    let mut settings = crate::detect::Settings::default();
    for set in [&[][..], &set[..]] {
        for (key, value) in set {
            settings.set(key, value).unwrap();
        }
        let text = "alert tcp any any -> any 80 (sid:1;)\n";
        let mut loaded = load_text("x.rules", text, &LoadOptions::default()).unwrap();
        let policy = loaded.policy.unwrap();
        let options = CompileOptions { settings: settings.clone(), ..CompileOptions::default() };
        let program = Program::compile(&policy, &mut loaded.sources, &options).unwrap();
        let export = suricata(&policy, &program, Ordering::ByAction).unwrap();
        let profile = read_back(file(&export, "suricata.yaml"), &set.len().to_string());
        assert_eq!(&profile, program.profile());
    }
}

#[test]
fn a_rule_that_is_left_out_is_left_out_here_too() {
    let export = strict(
        "alert http any any -> any any (app-layer-event:http.no_such_event; sid:1;)\n\
         alert tcp any any -> any 80 (sid:2;)\npass tcp any any -> any 81 (sid:3;)\n",
    );
    assert_eq!(export.rules.iter().map(|rule| rule.sid).collect::<Vec<_>>(), [2, 3]);
    assert_eq!(export.misplaced, [Misplaced { rule: 1, other: 0 }]);
}
