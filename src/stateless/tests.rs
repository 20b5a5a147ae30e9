//! Rules against packets, and the index against the reference.

use super::*;
use crate::packet::{EventSet, Fragment, IpHeader, TcpHeader, Transport, UdpHeader};
use crate::policy::model::{Capacity, StatelessGroup, StatelessRule, TcpFlags};
use crate::source::{Sources, Span};
use proptest::prelude::*;
use std::ops::Range;

pub(super) fn span() -> Span {
    Span::new(Sources::new().add("x", ""), 0..0)
}

pub(super) fn actions(action: StatelessAction) -> StatelessActions {
    StatelessActions { action, custom: vec![], span: span() }
}

pub(super) fn policy(groups: Vec<Vec<StatelessRule>>) -> StatelessPolicy {
    let group =
        |rules| StatelessGroup { name: String::new(), priority: 1, rules, capacity: Capacity::default(), span: span() };
    StatelessPolicy {
        default_actions: actions(StatelessAction::Forward),
        fragment_default_actions: actions(StatelessAction::Pass),
        groups: groups.into_iter().map(group).collect(),
    }
}

pub(super) fn any() -> StatelessRule {
    StatelessRule {
        priority: 1,
        sources: vec![],
        destinations: vec![],
        source_ports: vec![],
        destination_ports: vec![],
        protocols: vec![],
        tcp_flags: vec![],
        actions: actions(StatelessAction::Drop),
        span: span(),
    }
}

/// A packet without bytes: the stage looks at headers only, but for first fragments.
pub(super) fn packet<'a>(src: &str, dst: &str, proto: u8, transport: Transport) -> Packet<'a> {
    Packet {
        time_ns: 0,
        vlan: [0; 3],
        vlan_depth: 0,
        ip: Some(IpHeader {
            src: src.parse().unwrap(),
            dst: dst.parse().unwrap(),
            proto,
            ttl: 64,
            fragment: None,
            total_len: 0,
            flags: 0,
            options: 0,
            header_len: 20,
        }),
        transport,
        payload: &[],
        segment: &[],
        datagram: &[],
        proto,
        wants_flow: false,
        tunnel_depth: 0,
        carries_tunnel: false,
        reassembled: false,
        layers: 1,
        len: 0,
        events: EventSet::new(),
    }
}

pub(super) fn tcp(src_port: u16, dst_port: u16, flags: u8) -> Transport {
    Transport::Tcp(TcpHeader { src_port, dst_port, flags, ..TcpHeader::default() })
}

fn udp(src_port: u16, dst_port: u16) -> Transport {
    Transport::Udp(UdpHeader { src_port, dst_port })
}

fn fragment(proto: u8, offset: u32, data: &[u8]) -> Packet<'_> {
    let mut packet = packet("10.0.0.1", "10.0.0.2", proto, Transport::None);
    packet.datagram = data;
    packet.ip.as_mut().unwrap().fragment = Some(Fragment {
        id: 1,
        offset,
        more: true,
        data_offset: 0,
        header_offset: 0,
        next_header_offset: 0,
        next_header: proto,
    });
    packet
}

/// The decision, in words, of the index; it must be that of the reference.
fn decide(rules: Vec<StatelessRule>, semantics: StatelessSemantics, packet: &Packet<'_>) -> String {
    let policy = policy(vec![rules]);
    let compiled = Stateless::compile(&policy, semantics);
    let decision = compiled.decide(packet).unwrap();
    assert_eq!(Some(decision), reference::decide(&policy, semantics, packet));
    match decision.cause {
        Cause::StatelessRule(id) => format!("rule {}", id.rule),
        Cause::StatelessDefault => "default".into(),
        Cause::StatelessFragmentDefault => "fragment default".into(),
        Cause::StatelessFragment => "fragment".into(),
        other => panic!("{other:?}"),
    }
}

fn check(rules: Vec<StatelessRule>, packet: &Packet<'_>, expected: &str) {
    assert_eq!(decide(rules, StatelessSemantics::default(), packet), expected);
}

fn https() -> Packet<'static> {
    packet("10.1.2.3", "192.0.2.9", 6, tcp(40000, 443, 0x02))
}

#[test]
fn the_first_rule_in_order_of_priority_decides() {
    let to_port = |port| StatelessRule { destination_ports: vec![(port, port)], protocols: vec![6], ..any() };
    check(vec![to_port(80), to_port(443), any()], &https(), "rule 1");
    check(vec![any(), to_port(443)], &https(), "rule 0");
    check(vec![to_port(80)], &https(), "default");
    let policy = policy(vec![vec![to_port(80)], vec![to_port(22), to_port(443)]]);
    let compiled = Stateless::compile(&policy, StatelessSemantics::default());
    let id = StatelessRuleId { group: 1, rule: 1 };
    assert_eq!(compiled.decide(&https()).unwrap().cause, Cause::StatelessRule(id));
}

#[test]
fn attributes_are_anded_and_their_items_ored() {
    let rule = StatelessRule {
        sources: vec!["10.9.0.0/16".parse().unwrap(), "10.1.0.0/16".parse().unwrap()],
        destinations: vec!["192.0.2.0/24".parse().unwrap()],
        source_ports: vec![(1, 5), (1024, 65535)],
        destination_ports: vec![(443, 443)],
        protocols: vec![17, 6],
        ..any()
    };
    check(vec![rule.clone()], &https(), "rule 0");
    check(vec![rule.clone()], &packet("10.2.0.1", "192.0.2.9", 6, tcp(40000, 443, 2)), "default");
    check(vec![rule.clone()], &packet("10.1.0.1", "192.0.2.9", 17, udp(3, 443)), "rule 0");
    check(vec![rule.clone()], &packet("10.1.0.1", "192.0.2.9", 17, udp(6, 443)), "default");
    check(vec![rule], &packet("10.1.0.1", "192.0.2.9", 1, Transport::None), "default");
}

#[test]
fn a_prefix_speaks_of_its_own_family_only() {
    let v6 = packet("2001:db8::1", "2001:db8:ffff::", 6, tcp(1, 2, 0));
    let from = |prefix: &str| StatelessRule { sources: vec![prefix.parse().unwrap()], ..any() };
    check(vec![from("0.0.0.0/0"), from("::/0")], &v6, "rule 1");
    check(vec![from("0.0.0.0/0"), from("::/0")], &https(), "rule 0");
    check(vec![from("2001:db8::/48")], &v6, "rule 0");
    check(vec![any()], &v6, "rule 0");
}

#[test]
fn tcp_flags_are_compared_under_their_mask() {
    let flags = |list: &[(u8, u8)]| StatelessRule {
        tcp_flags: list.iter().map(|(flags, mask)| TcpFlags { flags: *flags, mask: *mask }).collect(),
        protocols: vec![6],
        ..any()
    };
    check(vec![flags(&[(0x02, 0x12)])], &https(), "rule 0");
    check(vec![flags(&[(0x12, 0x12)])], &https(), "default");
    check(vec![flags(&[(0x12, 0x12), (0x02, 0xff)])], &https(), "rule 0");
    check(vec![flags(&[(0x02, 0xff)])], &packet("1.1.1.1", "2.2.2.2", 6, tcp(1, 2, 0x42)), "default");
    check(vec![flags(&[(0, 0)])], &packet("1.1.1.1", "2.2.2.2", 6, Transport::None), "default");
}

#[test]
fn ports_are_looked_at_for_tcp_and_udp_only() {
    let ports = |protocols: &[u8]| StatelessRule {
        destination_ports: vec![(443, 443)],
        protocols: protocols.to_vec(),
        ..any()
    };
    let icmp = packet("1.1.1.1", "2.2.2.2", 1, Transport::None);
    check(vec![ports(&[])], &icmp, "default");
    check(vec![ports(&[1, 6])], &icmp, "rule 0");
    check(vec![ports(&[])], &https(), "rule 0");
    let sctp = packet("1.1.1.1", "2.2.2.2", 132, Transport::Sctp(UdpHeader { src_port: 1, dst_port: 443 }));
    check(vec![ports(&[])], &sctp, "default");
    let ignored = StatelessSemantics { without_protocols: WithoutProtocols::Ignored, ..StatelessSemantics::default() };
    assert_eq!(decide(vec![ports(&[])], ignored, &icmp), "rule 0");
    let cut = packet("1.1.1.1", "2.2.2.2", 6, Transport::None);
    assert_eq!(decide(vec![ports(&[])], ignored, &cut), "default");
}

#[test]
fn fragments_have_defaults_of_their_own() {
    check(vec![], &fragment(17, 8, b""), "fragment default");
    check(vec![], &fragment(6, 8, b""), "fragment");
    check(vec![], &fragment(1, 0, b""), "fragment");
    let policy = policy(vec![]);
    let compiled = Stateless::compile(&policy, StatelessSemantics::default());
    let datagram = fragment(1, 0, b"");
    let silent = compiled.decide(&datagram).unwrap();
    assert_eq!((silent.action, silent.actions), (StatelessAction::Drop, None));
}

#[test]
fn only_first_fragments_have_ports() {
    let dns = [0x30, 0, 0, 53, 0, 8, 0, 0];
    let (first, later) = (fragment(17, 0, &dns), fragment(17, 8, &dns));
    let port = StatelessRule { destination_ports: vec![(53, 53)], ..any() };
    let udp = StatelessRule { protocols: vec![17], ..any() };
    check(vec![port.clone()], &first, "rule 0");
    check(vec![port.clone()], &later, "fragment default");
    check(vec![port.clone(), udp.clone()], &later, "rule 1");
    let flags = StatelessRule { tcp_flags: vec![TcpFlags { flags: 2, mask: 2 }], ..any() };
    let mut syn = [0_u8; 20];
    syn[13] = 0x02;
    check(vec![flags.clone()], &fragment(6, 0, &syn), "rule 0");
    check(vec![flags], &fragment(6, 0, &syn[..13]), "fragment");

    let with = |fragment_rules, later_fragments| StatelessSemantics {
        fragment_rules,
        later_fragments,
        ..StatelessSemantics::default()
    };
    let ignored = with(FragmentRules::All, LaterFragments::Ignored);
    assert_eq!(decide(vec![port.clone()], ignored, &later), "rule 0");
    let none = with(FragmentRules::None, LaterFragments::Unmatchable);
    assert_eq!(decide(vec![udp.clone()], none, &first), "fragment default");
    let firsts = with(FragmentRules::FirstFragments, LaterFragments::Unmatchable);
    assert_eq!(decide(vec![udp.clone()], firsts, &first), "rule 0");
    assert_eq!(decide(vec![udp], firsts, &later), "fragment default");
}

fn prefix() -> impl Strategy<Value = ipnet::IpNet> {
    let v4 = (0_u8..=255, 0_u8..3, 0..=32_u8)
        .prop_map(|(a, b, length)| format!("10.{b}.{}.{a}/{length}", a % 3).parse::<ipnet::IpNet>().unwrap());
    let v6 = (0_u16..4, 0..=128_u8)
        .prop_map(|(a, length)| format!("2001:db8:{a}::{a}/{length}").parse::<ipnet::IpNet>().unwrap());
    prop_oneof![3 => v4, 1 => v6]
}

fn few<T: Strategy>(item: T, counts: Range<usize>) -> impl Strategy<Value = Vec<T::Value>> {
    proptest::collection::vec(item, counts)
}

fn rule() -> impl Strategy<Value = StatelessRule> {
    let ports = || few((0_u16..10, 0_u16..10).prop_map(|(from, more)| (from, from + more)), 0..3);
    let flags = (0_u8..8, 0_u8..8).prop_map(|(flags, mask)| TcpFlags { flags: flags & mask, mask });
    let protocols = prop_oneof![Just(6), Just(17), Just(1), Just(132)];
    (few(prefix(), 0..4), few(prefix(), 0..4), ports(), ports(), few(protocols, 0..3), few(flags, 0..2)).prop_map(
        |(sources, destinations, source_ports, destination_ports, protocols, tcp_flags)| StatelessRule {
            sources,
            destinations,
            source_ports,
            destination_ports,
            protocols,
            tcp_flags,
            ..any()
        },
    )
}

fn packets() -> impl Strategy<Value = Packet<'static>> {
    let headers = (prefix(), prefix(), 0_u16..20, 0_u16..20, 0_u8..8, 0..6);
    headers.prop_map(|(src, dst, src_port, dst_port, flags, kind)| {
        let (proto, transport) = match kind {
            0 => (17, udp(src_port, dst_port)),
            1 => (1, Transport::None),
            2 => (6, Transport::None),
            _ => (6, tcp(src_port, dst_port, flags)),
        };
        let dst = if src.addr().is_ipv4() == dst.addr().is_ipv4() { dst } else { src };
        let mut packet = packet(&src.addr().to_string(), &dst.addr().to_string(), proto, transport);
        if kind == 5 {
            packet.transport = Transport::None;
            packet.ip.as_mut().unwrap().fragment = fragment(17, u32::from(src_port % 2) * 8, &[]).ip.unwrap().fragment;
            packet.datagram = &[0, 3, 0, 5, 0, 9, 0, 0];
        }
        packet
    })
}

proptest! {
    #[test]
    fn the_index_says_what_the_reference_says(
        groups in proptest::collection::vec(proptest::collection::vec(rule(), 0..40), 0..4),
        packets in proptest::collection::vec(packets(), 1..40),
        ignored in 0_u8..4,
    ) {
        let policy = policy(groups);
        let semantics = StatelessSemantics {
            fragment_rules: FragmentRules::All,
            later_fragments: if ignored & 1 == 0 { LaterFragments::Unmatchable } else { LaterFragments::Ignored },
            without_protocols: if ignored & 2 == 0 { WithoutProtocols::Unmatchable } else { WithoutProtocols::Ignored },
        };
        let compiled = Stateless::compile(&policy, semantics);
        for packet in &packets {
            let decision = compiled.decide(packet);
            prop_assert_eq!(decision, reference::decide(&policy, semantics, packet));
            // every rule before the one that decides is said to have been tried in vain, and no other
            let misses = reference::misses(&policy, semantics, packet);
            let all = || compiled.rules.iter().map(|(id, _)| *id);
            let deciding = decision.and_then(|decision| match decision.cause {
                Cause::StatelessRule(id) => all().position(|known| known == id),
                _ => None,
            });
            prop_assert_eq!(misses.len(), deciding.unwrap_or(compiled.n_rules()));
            prop_assert!(misses.iter().map(|(id, _)| *id).eq(all().take(misses.len())));
        }
    }
}
