//! Protocol numbers and addresses as Suricata's log writes them.

use smallvec::SmallVec;
use std::fmt;
use std::net::IpAddr;

/// An IANA protocol number by name: `TCP`, `IPv6-ICMP`, or the number where there is no name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProtocolName(pub u8);

impl fmt::Display for ProtocolName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match PROTOCOLS.get(self.0 as usize) {
            Some(name) => f.write_str(name),
            None => write!(f, "{}", self.0),
        }
    }
}

/// An address as Suricata's log writes it: IPv6 in full, `2001:0db8:0000:...`, so that text order is number order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogAddress(pub IpAddr);

impl fmt::Display for LogAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            IpAddr::V4(address) => {
                let mut text = Ascii::default();
                for (index, byte) in address.octets().into_iter().enumerate() {
                    if index > 0 {
                        text.push(b'.');
                    }
                    if byte >= 100 {
                        text.push(b'0' + byte / 100);
                    }
                    if byte >= 10 {
                        text.push(b'0' + byte / 10 % 10);
                    }
                    text.push(b'0' + byte % 10);
                }
                f.write_str(text.as_str())
            }
            IpAddr::V6(address) => {
                let mut text = Ascii::default();
                for (index, part) in address.segments().into_iter().enumerate() {
                    if index > 0 {
                        text.push(b':');
                    }
                    for shift in [12, 8, 4, 0] {
                        text.push(b"0123456789abcdef".get(usize::from(part >> shift & 15)).copied().unwrap_or(b'0'));
                    }
                }
                f.write_str(text.as_str())
            }
        }
    }
}

/// An address in the making; records hold four of them, and the formatting machinery takes longer for one than a
/// packet's decision.
#[derive(Default)]
struct Ascii {
    bytes: SmallVec<[u8; 64]>,
}

impl Ascii {
    fn push(&mut self, byte: u8) {
        self.bytes.push(byte);
    }

    fn as_str(&self) -> &str {
        std::str::from_utf8(&self.bytes).unwrap_or_default()
    }
}

/// Names of the protocol numbers 0 to 143, as the IANA registry and Suricata 7.0 have them.
#[rustfmt::skip]
const PROTOCOLS: [&str; 144] = [
    "HOPOPT", "ICMP", "IGMP", "GGP", "IP-in-IP", "ST", "TCP", "CBT", "EGP", "IGP",
    "BBN-RCC-MON", "NVP-II", "PUP", "ARGUS", "EMCON", "XNET", "CHAOS", "UDP", "MUX", "DCN-MEAS",
    "HMP", "PRM", "XNS-IDP", "TRUNK-1", "TRUNK-2", "LEAF-1", "LEAF-2", "RDP", "IRTP", "ISO-TP4",
    "NETBLT", "MFE-NSP", "MERIT-INP", "DCCP", "3PC", "IDPR", "XTP", "DDP", "IDPR-CMTP", "TP++",
    "IL", "IPv6", "SDRP", "IPv6-Route", "IPv6-Frag", "IDRP", "RSVP", "GRE", "DSR", "BNA",
    "ESP", "AH", "I-NLSP", "SwIPe", "NARP", "MOBILE", "TLSP", "SKIP", "IPv6-ICMP", "IPv6-NoNxt",
    "IPv6-Opts", "Any", "CFTP", "Any", "SAT-EXPAK", "KRYPTOLAN", "RVD", "IPPC", "Any", "SAT-MON",
    "VISA", "IPCU", "CPNX", "CPHB", "WSN", "PVP", "BR-SAT-MON", "SUN-ND", "WB-MON", "WB-EXPAK",
    "ISO-IP", "VMTP", "SECURE-VMTP", "VINES", "TTP", "NSFNET-IGP", "DGP", "TCF", "EIGRP", "OSPF",
    "Sprite-RPC", "LARP", "MTP", "AX.25", "OS", "MICP", "SCC-SP", "ETHERIP", "ENCAP", "Any",
    "GMTP", "IFMP", "PNNI", "PIM", "ARIS", "SCPS", "QNX", "A/N", "IPComp", "SNP",
    "Compaq-Peer", "IPX-in-IP", "VRRP", "PGM", "Any", "L2TP", "DDX", "IATP", "STP", "SRP",
    "UTI", "SMP", "SM", "PTP", "IS-IS", "FIRE", "CRTP", "CRUDP", "SSCOPMCE", "IPLT",
    "SPS", "PIPE", "SCTP", "FC", "RSVP-E2E-IGNORE", "Mobility", "UDPLite", "MPLS-in-IP", "manet", "HIP",
    "Shim6", "WESP", "ROHC", "Ethernet",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn protocols_have_names_or_numbers() {
        let names: Vec<String> =
            [1, 6, 17, 58, 132, 143, 144].into_iter().map(|n| ProtocolName(n).to_string()).collect();
        assert_eq!(names, ["ICMP", "TCP", "UDP", "IPv6-ICMP", "SCTP", "Ethernet", "144"]);
    }

    #[test]
    fn ipv6_is_written_in_full() {
        assert_eq!(LogAddress("2001:db8::10".parse().unwrap()).to_string(), "2001:0db8:0000:0000:0000:0000:0000:0010");
        for address in ["10.0.0.1", "255.100.99.0", "1.10.109.200"] {
            assert_eq!(LogAddress(address.parse().unwrap()).to_string(), address);
        }
    }
}
