//! What kind of rule a signature is: the question that decides what its action covers.

use super::memory::{BitChange, Change};
use super::signature::{PacketTest, Signature, SignatureKind};

/// Facts about a signature's header that its kind depends on besides its tests.
#[derive(Clone, Copy, Debug)]
pub(super) struct HeaderFacts {
    /// An address list holds a negated member, be it through a variable.
    pub(super) negated_address: bool,
    /// `flow` names one direction.
    pub(super) one_direction: bool,
}

/// Source: Suricata 7.0.10, measured with its rule analysis and by experiment on each kind.
pub(super) fn kind(signature: &Signature, header: HeaderFacts) -> SignatureKind {
    let tests = &signature.packet_tests;
    let changes_fit = signature
        .changes
        .iter()
        .all(|change| matches!(change, Change::FlowBit(BitChange::Set, _) | Change::HostBit(..)));
    if signature.engines.is_empty() && signature.app_proto.is_none() && signature.payload.tests.is_empty() {
        let names_protocol = tests.iter().any(|test| matches!(test, PacketTest::AppLayerProtocol { .. }));
        let nothing_else = tests.iter().all(|test| match test {
            PacketTest::AppLayerProtocol { .. } => true,
            PacketTest::Flow(flow) => {
                flow.established.is_none() && !flow.stateless && flow.stream.is_none() && flow.fragment.is_none()
            }
            test => test.asks_hosts(),
        });
        if names_protocol && nothing_else {
            return SignatureKind::PdOnly;
        }
        if tests.iter().all(PacketTest::asks_hosts) && !header.one_direction && changes_fit {
            return if header.negated_address { SignatureKind::LikeIpOnly } else { SignatureKind::IpOnly };
        }
        let decoder_only = tests.iter().all(|test| matches!(test, PacketTest::Event { decoder: true, .. }));
        if !tests.is_empty() && decoder_only {
            return SignatureKind::DeOnly;
        }
    }
    if signature.looks_into_headers() {
        SignatureKind::Packet
    } else if !signature.engines.is_empty() {
        SignatureKind::AppTx
    } else if !signature.payload.tests.is_empty() {
        match (signature.payload.in_packet, signature.payload.in_stream) {
            (true, false) => SignatureKind::Packet,
            (false, true) => SignatureKind::Stream,
            _ => SignatureKind::PacketStream,
        }
    } else if !tests.is_empty() {
        SignatureKind::Packet
    } else if signature.app_proto.is_some() {
        SignatureKind::AppLayer
    } else {
        SignatureKind::Packet
    }
}
