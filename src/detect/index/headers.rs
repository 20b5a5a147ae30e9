//! Rules by what is fixed for all packets of a flow: IP protocol, application protocol, addresses, ports.

use super::intervals::{Intervals, Ranges};
use crate::app::AppProto;
use crate::detect::signature::{AppProtoTest, Header, ProtocolSet, Signature};
use crate::packet::Packet;
use crate::rules::{AddressRanges, RangeSet};
use crate::verdict::RuleId;
use std::net::IpAddr;

/// Rules without an application protocol, and those of each.
#[derive(Debug, Default)]
pub(super) struct ByAppProtocol {
    any: ByProtocol,
    named: Vec<(AppProtoTest, ByProtocol)>,
}

impl ByAppProtocol {
    pub(super) fn build<'a>(rules: impl Iterator<Item = (RuleId, &'a Signature)>) -> Self {
        let mut any = Vec::new();
        let mut named: Vec<(AppProtoTest, Vec<(RuleId, &Header)>)> = Vec::new();
        for (id, signature) in rules {
            let list = match signature.app_proto {
                None => &mut any,
                Some(test) => match named.iter().position(|(known, _)| *known == test) {
                    Some(at) => match named.get_mut(at) {
                        Some((_, list)) => list,
                        None => continue,
                    },
                    None => &mut named.push_mut((test, Vec::new())).1,
                },
            };
            list.push((id, &signature.header));
        }
        Self {
            any: ByProtocol::build(any.into_iter()),
            named: named.into_iter().map(|(test, rules)| (test, ByProtocol::build(rules.into_iter()))).collect(),
        }
    }

    pub(super) fn find(&self, packet: &Packet<'_>, proto: AppProto, found: &mut Vec<RuleId>) {
        self.any.find(packet, found);
        for (_, rules) in self.named.iter().filter(|(test, _)| test.fits(proto)) {
            rules.find(packet, found);
        }
    }
}

/// Rules for TCP, UDP, ICMP, ICMPv6 and everything else.
#[derive(Debug, Default)]
pub(super) struct ByProtocol([ByEnds; 5]);

/// The protocols with a place of their own.
const NAMED: [u8; 4] = [6, 17, 1, 58];

impl ByProtocol {
    pub(super) fn build<'a>(rules: impl Iterator<Item = (RuleId, &'a Header)>) -> Self {
        let rules: Vec<_> = rules.collect();
        let others = ProtocolSet::of((0..=255).filter(|number| !NAMED.contains(number)));
        let [tcp, udp, icmp, icmpv6] = NAMED.map(|number| ProtocolSet::of([number]));
        Self([tcp, udp, icmp, icmpv6, others].map(|class| {
            let of_class = rules.iter().filter(|(_, header)| header.protocols.intersects(class));
            ByEnds::build(&of_class.copied().collect::<Vec<_>>())
        }))
    }

    /// The packet has an IP header.
    pub(super) fn find(&self, packet: &Packet<'_>, found: &mut Vec<RuleId>) {
        let Some(ip) = &packet.ip else { return };
        let class = NAMED.iter().position(|number| *number == ip.proto).unwrap_or(NAMED.len());
        if let Some(rules) = self.0.get(class) {
            rules.find((ip.src, ip.dst), packet.ports().unwrap_or((0, 0)), found);
        }
    }
}

/// Rules by the one of their addresses and ports that the fewest packets have.
#[derive(Debug, Default)]
struct ByEnds {
    /// Those that no address or port tells apart.
    always: Vec<RuleId>,
    src: ByAddress,
    dst: ByAddress,
    src_port: Intervals<u16>,
    dst_port: Intervals<u16>,
}

/// So few rules are looked at faster than a tree.
const FEW: usize = 4;

impl ByEnds {
    fn build(rules: &[(RuleId, &Header)]) -> Self {
        let mut always = Vec::new();
        let (mut src, mut dst, mut src_port, mut dst_port) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for (id, header) in rules {
            let shares = [
                share_of_addresses(header.src.as_deref()),
                share_of_addresses(header.dst.as_deref()),
                share_of_ports(header.src_port.as_ref().map(RangeSet::ranges)),
                share_of_ports(header.dst_port.as_ref().map(RangeSet::ranges)),
            ];
            let narrowest =
                shares.iter().enumerate().min_by(|a, b| a.1.total_cmp(b.1)).filter(|(_, share)| **share < 1.0);
            match (narrowest.map(|(which, _)| which), &header.src, &header.dst, &header.src_port, &header.dst_port) {
                _ if rules.len() <= FEW => always.push(*id),
                (Some(0), Some(set), ..) => src.push((*id, &**set)),
                (Some(1), _, Some(set), ..) => dst.push((*id, &**set)),
                (Some(2), _, _, Some(set), _) => src_port.push((*id, set.ranges())),
                (Some(3), _, _, _, Some(set)) => dst_port.push((*id, set.ranges())),
                _ => always.push(*id),
            }
        }
        let (src_port, refused) = Intervals::build(&src_port);
        always.extend(refused);
        let (dst_port, refused) = Intervals::build(&dst_port);
        always.extend(refused);
        let src = ByAddress::build(&src, &mut always);
        let dst = ByAddress::build(&dst, &mut always);
        always.sort_unstable();
        always.dedup();
        Self { always, src, dst, src_port, dst_port }
    }

    fn find(&self, addresses: (IpAddr, IpAddr), ports: (u16, u16), found: &mut Vec<RuleId>) {
        found.extend_from_slice(&self.always);
        found.extend_from_slice(self.src.at(addresses.0));
        found.extend_from_slice(self.dst.at(addresses.1));
        found.extend_from_slice(self.src_port.at(ports.0));
        found.extend_from_slice(self.dst_port.at(ports.1));
    }
}

#[derive(Debug, Default)]
struct ByAddress {
    v4: Intervals<u32>,
    v6: Intervals<u128>,
}

impl ByAddress {
    fn build(rules: &[(RuleId, &AddressRanges)], always: &mut Vec<RuleId>) -> Self {
        let v4: Vec<Ranges<'_, u32>> = rules.iter().map(|(id, set)| (*id, set.v4.ranges())).collect();
        let v6: Vec<Ranges<'_, u128>> = rules.iter().map(|(id, set)| (*id, set.v6.ranges())).collect();
        let (v4, refused) = Intervals::build(&v4);
        always.extend(refused);
        let (v6, refused) = Intervals::build(&v6);
        always.extend(refused);
        Self { v4, v6 }
    }

    fn at(&self, address: IpAddr) -> &[RuleId] {
        match address {
            IpAddr::V4(address) => self.v4.at(address.into()),
            IpAddr::V6(address) => self.v6.at(address.into()),
        }
    }
}

/// The share of all addresses that a set holds, of the family where it is larger.
fn share_of_addresses(set: Option<&AddressRanges>) -> f64 {
    let Some(set) = set else { return 1.0 };
    let v4: f64 = set.v4.ranges().iter().map(|(low, high)| f64::from(high - low) + 1.0).sum();
    let v6: f64 = set.v6.ranges().iter().map(|(low, high)| (high - low) as f64 + 1.0).sum();
    (v4 / 2_f64.powi(32)).max(v6 / 2_f64.powi(128))
}

fn share_of_ports(ranges: Option<&[(u16, u16)]>) -> f64 {
    let Some(ranges) = ranges else { return 1.0 };
    ranges.iter().map(|(low, high)| f64::from(high - low) + 1.0).sum::<f64>() / 65_536.0
}
