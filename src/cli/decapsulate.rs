//! What is inside frames of mirrored traffic: VXLAN as VPC traffic mirroring makes it (RFC 7348), GENEVE as gateway
//! load balancers make it (RFC 8926).
//!
//! A frame that is neither stays as it is. Only the outermost tunnel is taken off.

use crate::capture::{Frame, LinkType};
use crate::packet::{DecodeConfig, decode_frame};
use crate::packet::{Packet, Transport};

const VXLAN_PORT: u16 = 4789;
const GENEVE_PORT: u16 = 6081;

/// LINKTYPE_ETHERNET and LINKTYPE_RAW.
const ETHERNET: LinkType = LinkType(1);
const RAW_IP: LinkType = LinkType(101);

/// Takes tunnels off.
#[derive(Debug)]
pub struct Decapsulator {
    outer: DecodeConfig,
}

impl Default for Decapsulator {
    fn default() -> Self {
        Self::new()
    }
}

impl Decapsulator {
    /// One that knows the ports of AWS's tunnels.
    pub fn new() -> Self {
        let mut outer = DecodeConfig::default();
        outer.vxlan_ports.clear(); // the decoder need not look inside as well
        outer.geneve_ports.clear();
        outer.teredo_ports.clear();
        Self { outer }
    }

    /// The frame inside, or `frame` itself.
    pub fn open<'a>(&self, frame: Frame<'a>) -> Frame<'a> {
        let decoded = decode_frame(&frame, &self.outer);
        let Some((link_type, bytes)) = inside(&decoded.packet) else { return frame };
        let taken_off = frame.bytes.len().saturating_sub(bytes.len()) as u32;
        Frame { link_type, bytes, wire_len: frame.wire_len.saturating_sub(taken_off), ..frame }
    }
}

fn inside<'a>(packet: &Packet<'a>) -> Option<(LinkType, &'a [u8])> {
    let Transport::Udp(udp) = &packet.transport else { return None };
    let (header, rest) = packet.payload.split_first_chunk::<8>()?;
    match udp.dst_port {
        // the flag says that the network identifier is valid
        VXLAN_PORT if header[0] & 0x08 != 0 => Some((ETHERNET, rest)),
        GENEVE_PORT if header[0] >> 6 == 0 => {
            let options = usize::from(header[0] & 0x3f) * 4;
            let rest = rest.get(options..)?;
            match u16::from_be_bytes([header[2], header[3]]) {
                0x6558 => Some((ETHERNET, rest)),
                0x0800 | 0x86dd => Some((RAW_IP, rest)),
                _ => None,
            }
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use etherparse::PacketBuilder;

    fn wrapped(port: u16, payload: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        let builder = PacketBuilder::ethernet2([2; 6], [4; 6]).ipv4([192, 0, 2, 1], [192, 0, 2, 2], 64);
        builder.udp(55555, port).write_to_vec(&mut bytes, payload).unwrap();
        bytes
    }

    fn opened(bytes: &[u8]) -> (u16, u32, Vec<u8>) {
        let wire_len = bytes.len() as u32 + 100;
        let frame = Frame { number: 1, time_ns: 0, link_type: ETHERNET, wire_len, bytes };
        let inner = Decapsulator::new().open(frame);
        (inner.link_type.0, inner.wire_len, inner.bytes.to_vec())
    }

    #[test]
    fn tunnels_of_aws_are_taken_off() {
        let vxlan = [&[8, 0, 0, 0, 0, 0, 1, 0][..], &[7; 60]].concat();
        assert_eq!(opened(&wrapped(4789, &vxlan)), (1, 160, vec![7; 60]));
        let geneve = [&[2, 0, 8, 0, 0, 0, 1, 0][..], &[9; 8], &[0x45; 40]].concat();
        assert_eq!(opened(&wrapped(6081, &geneve)), (101, 140, vec![0x45; 40]));
    }

    #[test]
    fn other_frames_stay_as_they_are() {
        for bytes in [wrapped(53, &[8; 60]), wrapped(4789, &[0; 60]), wrapped(6081, &[2, 0, 8, 0, 0, 0, 1, 0]), vec![1]]
        {
            assert_eq!(opened(&bytes), (1, bytes.len() as u32 + 100, bytes.clone()));
        }
    }
}
