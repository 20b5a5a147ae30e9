//! What kind each rule is, and with it whether its pass or drop covers the packet or the flow.
//!
//! The kinds are those that Suricata 7.0.10 reports in its rule analysis for these very rules.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a failed set-up is a failed test")]

use firedrill::detect::{CompileOptions, Program, SignatureKind};
use firedrill::policy::{self, LoadOptions};

fn kind(rule: &str) -> SignatureKind {
    let loaded = policy::load_text("test.rules", &format!("{rule}\n"), &LoadOptions::default()).unwrap();
    let mut sources = loaded.sources;
    let policy = loaded.policy.unwrap_or_else(|| panic!("{rule}: {:?}", loaded.diagnostics));
    let program = Program::compile(&policy, &mut sources, &CompileOptions::default())
        .unwrap_or_else(|problems| panic!("{rule}: {problems:?}"));
    let (_, info) = program.rules().next().unwrap();
    info.kind
}

#[test]
fn a_header_alone_is_about_addresses() {
    assert_eq!(kind("pass tcp 10.0.0.0/8 any -> any 443 (sid:1;)"), SignatureKind::IpOnly);
    assert_eq!(kind("drop ip any any -> any any (sid:1;)"), SignatureKind::IpOnly);
    assert_eq!(kind("drop ip any any -> any any (ip_proto:!6; sid:1;)"), SignatureKind::IpOnly);
    assert_eq!(kind("drop tcp any any -> any any (flowbits:set,x; sid:1;)"), SignatureKind::IpOnly);
    assert_eq!(kind("pass tcp [!10.0.0.0/16] any -> any 443 (sid:1;)"), SignatureKind::LikeIpOnly);
    assert_eq!(kind("pass tcp $HOME_NET any -> $EXTERNAL_NET 443 (sid:1;)"), SignatureKind::LikeIpOnly);
}

#[test]
fn a_state_or_a_field_of_the_packet_makes_it_a_packet_rule_even_with_a_protocol() {
    for rule in [
        "drop tcp any any -> any any (flow:established; sid:1;)",
        "drop tcp any any -> any any (flow:stateless; sid:1;)",
        "drop tls any any -> any any (flow:established,to_server; sid:1;)",
        "drop icmp any any -> any any (itype:8; sid:1;)",
        "drop ip any any -> any any (ttl:>0; sid:1;)",
        "drop tcp any any -> any any (flowbits:isset,x; sid:1;)",
        "drop tcp any any -> any 80 (flow:to_server; sid:1;)",
        "drop tcp any any -> any any (app-layer-protocol:tls; flow:established; sid:1;)",
    ] {
        assert_eq!(kind(rule), SignatureKind::Packet, "{rule}");
    }
}

#[test]
fn a_protocol_with_at_most_a_direction_covers_the_flow() {
    assert_eq!(kind("pass tls any any -> any any (sid:1;)"), SignatureKind::AppLayer);
    assert_eq!(kind("pass tls any any -> any any (flow:to_server; sid:1;)"), SignatureKind::AppLayer);
    assert_eq!(kind("drop tcp any any -> any any (app-layer-protocol:!tls; sid:1;)"), SignatureKind::PdOnly);
    assert_eq!(
        kind("drop tcp any any -> any any (app-layer-protocol:!tls; flow:to_server; sid:1;)"),
        SignatureKind::PdOnly
    );
}

#[test]
fn a_look_into_a_buffer_covers_the_flow() {
    for rule in [
        "pass tls any any -> any any (tls.sni; content:\"a\"; sid:1;)",
        "pass tls any any -> any any (tls.sni; content:\"a\"; flow:established,to_server; sid:1;)",
        "drop tls any any -> any any (ssl_state:client_hello; flow:to_server,established; sid:1;)",
        "drop dns any any -> any any (dns.query; content:\"a\"; sid:1;)",
    ] {
        assert_eq!(kind(rule), SignatureKind::AppTx, "{rule}");
        assert!(kind(rule).covers_flow(false));
    }
}

#[test]
fn what_a_rule_remembers_leaves_it_about_addresses_unless_it_is_about_the_flow() {
    for (rule, expected) in [
        ("drop ip any any -> any any (xbits:set,x,track ip_src; sid:1;)", SignatureKind::IpOnly),
        ("drop ip any any -> any any (xbits:isset,x,track ip_src; sid:1;)", SignatureKind::IpOnly),
        (
            "drop ip any any -> any any (xbits:isnotset,x,track ip_pair; xbits:toggle,x,track ip_pair; sid:1;)",
            SignatureKind::IpOnly,
        ),
        ("drop ip any any -> any any (hostbits:isset,x,dst; sid:1;)", SignatureKind::IpOnly),
        ("drop ip any any -> any any (hostbits:unset,x; flowbits:set,y; sid:1;)", SignatureKind::IpOnly),
        ("drop tcp !10.0.0.1 any -> any any (xbits:isset,x,track ip_src; sid:1;)", SignatureKind::LikeIpOnly),
        ("drop tcp any any -> any any (flowbits:toggle,x; sid:1;)", SignatureKind::Packet),
        ("drop tcp any any -> any any (flowbits:unset,x; sid:1;)", SignatureKind::Packet),
        ("drop tcp any any -> any any (flowbits:set,x|y; sid:1;)", SignatureKind::IpOnly),
        ("drop tcp any any -> any any (flowint:xx,+,1; sid:1;)", SignatureKind::Packet),
        ("drop tcp any any -> any any (flowint:xx,notset; sid:1;)", SignatureKind::Packet),
        ("drop tls any any -> any any (flowint:xx,+,1; sid:1;)", SignatureKind::AppLayer),
        ("drop tls any any -> any any (flowint:xx,>,1; sid:1;)", SignatureKind::Packet),
        ("drop tls any any -> any any (xbits:isset,x,track ip_src; sid:1;)", SignatureKind::Packet),
        ("drop tls any any -> any any (xbits:set,x,track ip_src; flow:to_server; sid:1;)", SignatureKind::AppLayer),
        (
            "drop tcp any any -> any any (app-layer-protocol:tls; xbits:isset,x,track ip_src; sid:1;)",
            SignatureKind::PdOnly,
        ),
        ("drop tcp any any -> any any (app-layer-protocol:tls; flowint:xx,+,1; sid:1;)", SignatureKind::PdOnly),
        ("drop tcp any any -> any any (app-layer-protocol:tls; flowbits:unset,x; sid:1;)", SignatureKind::PdOnly),
        ("drop tcp any any -> any any (app-layer-protocol:tls; flowint:xx,isset; sid:1;)", SignatureKind::Packet),
        ("drop tcp any any -> any any (app-layer-protocol:tls; flowbits:isset,x; sid:1;)", SignatureKind::Packet),
        (
            "drop ip any any -> any any (threshold:type limit,track by_src,count 1,seconds 1; sid:1;)",
            SignatureKind::IpOnly,
        ),
        ("drop ip any any -> any any (detection_filter:track by_src,count 1,seconds 1; sid:1;)", SignatureKind::IpOnly),
        (
            "drop tls any any -> any any (threshold:type limit,track by_src,count 1,seconds 1; sid:1;)",
            SignatureKind::AppLayer,
        ),
        ("drop tcp any any -> any any (xbits:isset,x,track ip_src; flow:to_server; sid:1;)", SignatureKind::Packet),
        (
            "drop tls any any -> any any (tls.sni; content:\"a\"; flowint:xx,isset; xbits:isset,x,track ip_src; sid:1;)",
            SignatureKind::AppTx,
        ),
        ("drop tcp any any -> any any (xbits:isset,x,track ip_src; flow:established; sid:1;)", SignatureKind::Packet),
        ("drop tcp any any -> any any (noalert; sid:1;)", SignatureKind::IpOnly),
    ] {
        assert_eq!(kind(rule), expected, "{rule}");
    }
}
