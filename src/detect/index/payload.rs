//! Rules by the content that they wait for in the payload of a packet or in the stream around it.

use super::Searching;
use super::patterns::Patterns;
use crate::detect::signature::Signature;
use crate::packet::Packet;
use crate::rules::RangeSet;
use crate::verdict::RuleId;

/// The rules of a direction that wait for a content of the payload or stream, when there are many.
#[derive(Debug, Default)]
pub(super) struct ByPayload {
    /// Those that look at packets.
    packet: Group,
    /// Those that look at the stream.
    stream: Group,
}

/// Rules, and the packets among which they can be found at all.
#[derive(Debug, Default)]
struct Group {
    patterns: Option<Patterns>,
    /// Destination ports of all of them; `None`: any.
    ports: Option<RangeSet<u16>>,
}

/// A pattern, its rule, and the destination ports of that.
type Entry<'a> = (&'a [u8], RuleId, Option<&'a RangeSet<u16>>);

/// Up to so many rules are looked at one by one: a search would cost more.
const FEW: usize = 16;

/// Whether rules are found here and need not be found by their header.
pub(super) fn is_worth_it<'a>(rules: impl Iterator<Item = &'a Signature>) -> bool {
    rules.filter(|rule| rule.payload.pattern.is_some()).nth(FEW).is_some()
}

impl ByPayload {
    pub(super) fn build<'a>(rules: impl Iterator<Item = (RuleId, &'a Signature)>) -> Self {
        let (mut packet, mut stream) = (Vec::new(), Vec::new());
        for (id, signature) in rules {
            let payload = &signature.payload;
            let Some(pattern) = &payload.pattern else { continue };
            let entry = (pattern.pattern.as_slice(), id, signature.header.dst_port.as_ref());
            if payload.in_stream {
                stream.push(entry);
            }
            if payload.in_packet || !payload.in_stream {
                packet.push(entry);
            }
        }
        Self { packet: Group::build(&packet), stream: Group::build(&stream) }
    }

    /// Adds, in no order, the rules whose content may be in the payload, or in the stream when that is looked at.
    /// `in_stream`: the payload is part of the stream, so that rules of the stream find it there.
    pub(super) fn find(
        &self,
        packet: &Packet<'_>,
        stream: Option<&[u8]>,
        in_stream: bool,
        searching: &mut Searching,
        found: &mut Vec<RuleId>,
    ) {
        self.packet.find(packet, packet.payload, searching, found);
        match stream {
            Some(stream) => self.stream.find(packet, stream, searching, found),
            None if !in_stream => self.stream.find(packet, packet.payload, searching, found),
            None => {}
        }
    }

    /// Whether there are rules that look at the stream.
    pub(super) fn reads_stream(&self) -> bool {
        self.stream.patterns.is_some()
    }
}

impl Group {
    fn build(rules: &[Entry<'_>]) -> Self {
        let patterns: Vec<_> = rules.iter().map(|&(pattern, id, _)| (pattern, id)).collect();
        let ports: Option<Vec<&RangeSet<u16>>> = rules.iter().map(|(.., ports)| *ports).collect();
        Self { patterns: Patterns::build(&patterns).filter(|_| !rules.is_empty()), ports: ports.map(RangeSet::union) }
    }

    fn find(&self, packet: &Packet<'_>, bytes: &[u8], searching: &mut Searching, found: &mut Vec<RuleId>) {
        let Some(patterns) = &self.patterns else { return };
        let port = packet.ports().map_or(0, |(_, port)| port);
        if bytes.is_empty() || self.ports.as_ref().is_some_and(|ports| !ports.contains(port)) {
            return;
        }
        patterns.find(bytes, searching, found);
    }
}
