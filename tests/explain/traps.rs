//! Each trap is named where it bites, and not where all that makes it a trap is missing.

use super::command::json;

/// The names of the traps in a story.
fn traps(line: &str) -> Vec<String> {
    let story = json(line);
    story["pitfalls"].as_array().unwrap().iter().map(|trap| trap["id"].as_str().unwrap().to_owned()).collect()
}

/// A policy of Suricata rules in a file that is gone when this is.
struct Rules(std::path::PathBuf);

impl Rules {
    fn new(name: &str, text: &str) -> Self {
        let path = std::env::temp_dir().join(format!("firedrill-trap-{name}-{}.rules", std::process::id()));
        std::fs::write(&path, text).unwrap();
        Self(path)
    }
}

impl Drop for Rules {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// The trap is named in the first story and not in the second.
fn bites(trap: &str, here: &str, not_there: &str) {
    let named = traps(here);
    assert!(named.iter().any(|id| id == trap), "{here}: {named:?}");
    let named = traps(not_there);
    assert!(!named.iter().any(|id| id == trap), "{not_there}: {named:?}");
}

fn studio(words: &str) -> String {
    format!("rules/studio-egress.yaml {words}")
}

#[test]
fn nothing_is_named_where_all_is_well() {
    assert_eq!(traps(&studio("https://www.kaggle.com")), [""; 0]);
    assert_eq!(traps(&studio("http://www.kaggle.com")), [""; 0]);
    assert_eq!(traps(&studio("https://evil.example")), [""; 0]);
}

#[test]
fn home_net() {
    bites("home-net", &studio("https://www.kaggle.com from=10.9.0.4"), &studio("https://www.kaggle.com from=10.2.9.4"));
}

#[test]
fn stateless_return() {
    let policy = "rules/forgotten-return";
    bites(
        "stateless-return",
        &format!("{policy} tcp://203.0.113.9:22 from=10.2.1.4 --packet 1"),
        &format!("{policy} tcp://203.0.113.9:23 from=10.2.1.4 --packet 1"),
    );
}

#[test]
fn pass_before_drop() {
    let drop = "drop tls any any -> any any (tls.sni; content:\"bad.kaggle.com\"; flow:to_server; sid:1;)";
    let pass = "pass tls any any -> any any (tls.sni; content:\".kaggle.com\"; endswith; flow:to_server; sid:2;)";
    let rules = Rules::new("order", &format!("{drop}\n{pass}\n"));
    let there = rules.0.display();
    bites("pass-before-drop", &format!("{there} https://bad.kaggle.com"), &format!("{there} https://good.kaggle.com"));
    bites(
        "pass-before-drop",
        &format!("{there} https://bad.kaggle.com"),
        &format!("{there} https://bad.kaggle.com --order strict"),
    );
}

#[test]
fn drop_strict_handshake() {
    let with = |action: &str| studio(&format!("https://www.kaggle.com --order strict --default {action}"));
    bites("drop-strict-handshake", &with("drop_strict"), &with("drop_established"));
}

#[test]
fn drop_established_other() {
    let asked = |url: &str| studio(&format!("{url} --order strict --default drop_established"));
    bites("drop-established-other", &asked("dns://a.example"), &asked("https://evil.example"));
}

#[test]
fn decided_on_handshake() {
    let drop = "drop tls any any -> any any (tls.sni; content:\"evil\"; flow:to_server; sid:2;)";
    let early = Rules::new("early", &format!("pass tcp any any -> any 443 (sid:1;)\n{drop}\n"));
    let late = Rules::new("late", &format!("pass tls any any -> any 443 (flow:to_server; sid:1;)\n{drop}\n"));
    let asked = |rules: &Rules| format!("{} https://evil.example", rules.0.display());
    bites("decided-on-handshake", &asked(&early), &asked(&late));
}

#[test]
fn split_hello() {
    let asked = |segments: u8, action: &str| {
        studio(&format!("https://www.kaggle.com segments={segments} --order strict --default {action}"))
    };
    bites("split-hello", &asked(3, "drop_established"), &asked(1, "drop_established"));
    bites("split-hello", &asked(3, "drop_established"), &asked(3, "drop_established_app_layer"));
}

#[test]
fn no_sni() {
    bites("no-sni", &studio("https://www.kaggle.com sni=none"), &studio("https://evil.example"));
    bites("no-sni", &studio("pcaps/no-sni.pcap --packet 4"), &studio("pcaps/https-blocked.pcap --packet 8"));
}

#[test]
fn forged_name() {
    bites("forged-name", &studio("https://evil.example sni=www.kaggle.com"), &studio("https://www.kaggle.com"));
    bites("forged-name", &studio("http://evil.example host=www.kaggle.com"), &studio("http://www.kaggle.com"));
    // DNS in the capture says where the name is, or nothing about it
    assert_eq!(traps(&studio("pcaps/https-allowed.pcap --packet 8")), [""; 0]);
}

#[test]
fn quic() {
    let of_quic = "pass quic any any -> any any (quic.sni; content:\"kaggle\"; sid:9;)\n";
    let of_tls = "pass tls any any -> any any (tls.sni; content:\"kaggle\"; flow:to_server; sid:1;)\n";
    let (both, only_tls) = (Rules::new("both", &format!("{of_tls}{of_quic}")), Rules::new("tls", of_tls));
    let asked = |rules: &Rules| format!("{} quic://www.kaggle.com", rules.0.display());
    bites("quic", &asked(&only_tls), &asked(&both));
}

#[test]
fn ip_literal() {
    bites("ip-literal", &studio("http://192.0.2.7"), &studio("http://evil.example"));
}

#[test]
fn other_port() {
    bites("other-port", &studio("http://www.kaggle.com:8080"), &studio("http://www.kaggle.com"));
    bites("other-port", &studio("https://www.kaggle.com:8443"), &studio("tcp://192.0.2.7:8443"));
    let tied = Rules::new("port", "drop http any any -> any 80 (http.host; content:\"evil\"; sid:1;)\n");
    let asked = |url: &str| format!("{} {url}", tied.0.display());
    bites("other-port", &asked("http://evil.example:8080"), &asked("http://evil.example"));
}

#[test]
fn midstream() {
    bites("midstream", &studio("pcaps/midstream.pcap --packet 3"), &studio("pcaps/download.pcap --packet 20"));
}

#[test]
fn one_direction() {
    bites("one-direction", &studio("pcaps/oneway.pcap --packet 8"), &studio("pcaps/https-allowed.pcap --packet 8"));
}

#[test]
fn fragments() {
    bites("fragments", &studio("pcaps/udp-fragments.pcap --packet 3"), &studio("pcaps/dns.pcap --packet 1"));
}

#[test]
fn no_default() {
    let pass = "pass tls any any -> any any (tls.sni; content:\"kaggle\"; flow:to_server; sid:1;)\n";
    let rules = Rules::new("default", pass);
    let asked = |words: &str| format!("{} https://evil.example --order strict {words}", rules.0.display());
    bites("no-default", &asked(""), &asked("--default drop_established"));
}

#[test]
fn silent_drop() {
    let asked = |actions: &str| studio(&format!("dns://a.example --order strict --default {actions}"));
    bites("silent-drop", &asked("drop_established"), &asked("drop_established,alert_established"));
}
