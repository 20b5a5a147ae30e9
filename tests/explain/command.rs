//! The command as its users run it, at the root of the repository.

use serde_json::Value;
use std::process::{Command, Output};

const STUDIO: &str = "rules/studio-egress.yaml";

pub fn run(line: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_firedrill"));
    command.arg("explain").args(line.split_whitespace()).current_dir(env!("CARGO_MANIFEST_DIR"));
    command.env_remove("NO_COLOR").env_remove("CLICOLOR_FORCE").output().unwrap()
}

pub fn text(line: &str) -> String {
    let output = run(line);
    assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

pub fn json(line: &str) -> Value {
    serde_json::from_str(&text(&format!("{line} --format json"))).unwrap()
}

/// Verdict, packet, what the packet is, and who decided.
fn decision(of: &Value) -> String {
    let word = |key: &str| of[key].as_str().unwrap().to_owned();
    format!("{} {} {}: {}", word("verdict"), of["packet"], word("what"), word("by"))
}

#[test]
fn questions_about_the_studio_template_are_answered_with_rule_and_packet() {
    let asked = |words: &str| decision(&json(&format!("{STUDIO} {words}"))["decision"]);
    assert_eq!(asked("https://www.kaggle.com"), "pass 4 ClientHello: sid 1 (rules/studio-egress.yaml:101)");
    assert_eq!(asked("https://evil.example"), "drop 4 ClientHello: sid 5 (rules/studio-egress.yaml:96)");
    assert_eq!(asked("http://kaggle.com.evil.example"), "drop 4 request: sid 6 (rules/studio-egress.yaml:96)");
}

#[test]
fn a_hello_in_three_segments_is_answered_for_each_default_action() {
    let story = json(&format!("{STUDIO} https://www.kaggle.com segments=3 --each-default-action"));
    let under: Vec<String> = story["each_default_action"]
        .as_array()
        .unwrap()
        .iter()
        .map(|under| format!("{} {}", under["default_action"].as_str().unwrap(), decision(under)))
        .collect();
    let by_name = "pass 6 ClientHello 3/3: sid 1 (rules/studio-egress.yaml:101)";
    assert_eq!(decision(&story["decision"]), by_name);
    assert_eq!(
        under,
        [
            "aws:drop_strict drop 1 SYN: aws:drop_strict (modelled)".to_owned(),
            "aws:drop_established drop 4 ClientHello 1/3: aws:drop_established (modelled)".to_owned(),
            format!("aws:drop_established_app_layer {by_name}"),
            format!("aws:drop_established_app_layer_to_server {by_name}"),
            format!("aws:alert_strict {by_name}"),
            format!("aws:alert_established {by_name}"),
            format!("aws:alert_established_app_layer {by_name}"),
            format!("aws:alert_established_app_layer_to_server {by_name}"),
        ]
    );
}

#[test]
fn a_story_names_the_condition_and_where_its_value_comes_from() {
    let story = text(&format!("{STUDIO} https://www.kaggle.com from=10.9.0.4"));
    let flat = story.split_whitespace().collect::<Vec<_>>().join(" ");
    let wanted = "source `$HOME_NET`: source 10.9.0.4 is not in it; HOME_NET is 10.2.0.0/16, from rule group \
                  `studio-domain-allow` (rules/studio-egress.yaml:91)";
    assert!(flat.contains(wanted), "{story}");
    assert!(story.lines().all(|line| line.chars().count() <= 100), "{story}");
}

#[test]
fn a_packet_behind_the_decision_is_led_back_to_it() {
    let story = json(&format!("{STUDIO} pcaps/https-blocked.pcap --packet 12 --why-not 1"));
    assert_eq!(decision(&story["decision"]), "drop 8 517 bytes: sid 5 (rules/studio-egress.yaml:96)");
    assert_eq!(story["decision"]["scope"], "flow");
    let closest = &story["why_not"][0]["closest"];
    assert_eq!((&closest["packet"], &closest["reason"]["condition"]), (&Value::from(8), &Value::from("option")));
    assert_eq!(closest["reason"]["written"], "tls.sni; content:\".kaggle.com\"; nocase; endswith");
    assert_eq!(closest["reason"]["found"], "tls.sni is `.pypi.org` after its transforms");
    let by_flow = json(&format!("{STUDIO} pcaps/https-blocked.pcap --flow 203.0.113.10:443-10.2.1.10:56636"));
    assert_eq!(by_flow["decision"], story["decision"]);
}

#[test]
fn the_document_has_the_members_of_its_schema() {
    let schema = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/schema/explain-1.json")).unwrap();
    let schema: Value = serde_json::from_str(&schema).unwrap();
    let words = "https://evil.example sni=none --why-not 1 --each-default-action";
    let mut problems = Vec::new();
    for line in [format!("{STUDIO} {words}"), "rules/forgotten-return tcp://203.0.113.9:22".into()] {
        compare(&json(&line), &schema, &schema, "", &mut problems);
    }
    assert!(problems.is_empty(), "{problems:#?}");
}

/// Members and types against the few words of JSON Schema that the page uses.
fn compare(value: &Value, schema: &Value, root: &Value, at: &str, problems: &mut Vec<String>) {
    if let Some(name) = schema["$ref"].as_str() {
        let definition = &root["$defs"][name.trim_start_matches("#/$defs/")];
        assert!(definition.is_object(), "{name} is not defined");
        return compare(value, definition, root, at, problems);
    }
    if let Some(choices) = schema["anyOf"].as_array() {
        let fits = |choice: &Value| {
            let mut own = Vec::new();
            compare(value, choice, root, at, &mut own);
            own.is_empty()
        };
        if !choices.iter().any(fits) {
            problems.push(format!("{at} fits no choice: {value}"));
        }
        return;
    }
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let kinds = schema["type"].as_array().cloned().unwrap_or_else(|| vec![schema["type"].clone()]);
    if !schema["type"].is_null() && !kinds.iter().any(|known| known == kind) {
        problems.push(format!("{at} is {kind}"));
    }
    if let Some(known) = schema["enum"].as_array().filter(|known| !known.contains(value)) {
        problems.push(format!("{at} is {value}, none of {known:?}"));
    }
    if let (Some(members), Some(properties)) = (value.as_object(), schema["properties"].as_object()) {
        for required in schema["required"].as_array().into_iter().flatten() {
            if !members.contains_key(required.as_str().unwrap()) {
                problems.push(format!("{at} lacks {required}"));
            }
        }
        for (name, member) in members {
            match properties.get(name) {
                Some(property) => compare(member, property, root, &format!("{at}.{name}"), problems),
                None => problems.push(format!("{at}.{name} is not in the schema")),
            }
        }
    }
    for item in value.as_array().into_iter().flatten() {
        compare(item, &schema["items"], root, &format!("{at}[]"), problems);
    }
}

#[test]
fn a_page_stands_alone_and_holds_no_markup_of_others() {
    let page = text(&format!("{STUDIO} http://kaggle.com.evil.example --why-not 2 --format html"));
    assert!(page.starts_with("<!doctype html>") && page.ends_with("</html>\n"));
    for outside in ["src=", "href=", "@import", "<script", "url("] {
        assert!(!page.contains(outside), "the page needs {outside}");
    }
    assert!(page.contains("kaggle.com.evil.example") && page.contains("sid 6 (rules/studio-egress.yaml:96)"));
}

#[test]
fn what_cannot_be_answered_is_said() {
    let said = |line: &str| {
        let output = run(line);
        assert_eq!(output.status.code(), Some(2), "{line}");
        String::from_utf8(output.stderr).unwrap()
    };
    assert!(said(&format!("{STUDIO} pcaps/dns.pcap --packet 100000")).contains("there is no packet 100000"));
    assert!(said(&format!("{STUDIO} pcaps/dns.pcap --flow 1.2.3.4:5-1.2.3.5:6")).contains("no packet goes between"));
    assert!(said(&format!("{STUDIO} pcaps/dns.pcap")).contains("--packet"));
    assert!(said(&format!("{STUDIO} https://a.example --why-not 99")).contains("no stateful rule is `99`"));
    assert!(said(&format!("{STUDIO} https://a.example https://b.example")).contains("one URL"));
}
