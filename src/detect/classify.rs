//! What kind of rule a signature is: the question that decides what its action covers.

use super::signature::{Change, PacketTest, Signature, SignatureKind};

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
    let sets_bits_only = signature.changes.iter().all(|change| change.change == Change::Set);
    if signature.engines.is_empty() && signature.app_proto.is_none() && signature.payload.tests.is_empty() {
        let names_protocol = tests.iter().any(|test| matches!(test, PacketTest::AppLayerProtocol { .. }));
        let nothing_else = tests.iter().all(|test| match test {
            PacketTest::AppLayerProtocol { .. } => true,
            PacketTest::Flow(flow) => {
                flow.established.is_none() && !flow.stateless && flow.stream.is_none() && flow.fragment.is_none()
            }
            _ => false,
        });
        if names_protocol && nothing_else && sets_bits_only {
            return SignatureKind::PdOnly;
        }
        if tests.is_empty() && !header.one_direction && sets_bits_only {
            return if header.negated_address { SignatureKind::LikeIpOnly } else { SignatureKind::IpOnly };
        }
    }
    if !signature.engines.is_empty() {
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
