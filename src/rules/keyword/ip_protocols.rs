//! Names of IP protocols that `ip_proto` takes, as Suricata 7.0.10 spells them (capitals matter).

/// Name and IANA number.
#[rustfmt::skip]
pub(super) const IP_PROTOCOLS: &[(&str, u8)] = &[
    ("HOPOPT", 0), ("ip", 0), ("ICMP", 1), ("icmp", 1), ("IGMP", 2), ("igmp", 2), ("GGP", 3), ("ggp", 3),
    ("IP-in-IP", 4), ("ipencap", 4), ("ST", 5), ("st", 5), ("TCP", 6), ("tcp", 6), ("CBT", 7), ("EGP", 8), ("egp",
    8), ("IGP", 9), ("igp", 9), ("BBN-RCC-MON", 10), ("NVP-II", 11), ("PUP", 12), ("pup", 12), ("ARGUS", 13),
    ("EMCON", 14), ("XNET", 15), ("CHAOS", 16), ("UDP", 17), ("udp", 17), ("MUX", 18), ("DCN-MEAS", 19), ("HMP",
    20), ("hmp", 20), ("PRM", 21), ("XNS-IDP", 22), ("xns-idp", 22), ("TRUNK-1", 23), ("TRUNK-2", 24), ("LEAF-1",
    25), ("LEAF-2", 26), ("RDP", 27), ("rdp", 27), ("IRTP", 28), ("ISO-TP4", 29), ("iso-tp4", 29), ("NETBLT", 30),
    ("MFE-NSP", 31), ("MERIT-INP", 32), ("DCCP", 33), ("dccp", 33), ("3PC", 34), ("IDPR", 35), ("XTP", 36),
    ("xtp", 36), ("DDP", 37), ("ddp", 37), ("IDPR-CMTP", 38), ("idpr-cmtp", 38), ("TP++", 39), ("IL", 40),
    ("IPv6", 41), ("ipV6", 41), ("SDRP", 42), ("IPv6-Route", 43), ("ipv6-route", 43), ("IPv6-Frag", 44),
    ("ipv6-frag", 44), ("IDRP", 45), ("idrp", 45), ("RSVP", 46), ("rsvp", 46), ("GRE", 47), ("gre", 47), ("DSR",
    48), ("BNA", 49), ("ESP", 50), ("esp", 50), ("AH", 51), ("ah", 51), ("I-NLSP", 52), ("SwIPe", 53), ("NARP",
    54), ("MOBILE", 55), ("TLSP", 56), ("SKIP", 57), ("skip", 57), ("IPv6-ICMP", 58), ("ipv6-icmp", 58),
    ("IPv6-NoNxt", 59), ("ipv6-nonxt", 59), ("IPv6-Opts", 60), ("ipv6-opts", 60), ("CFTP", 62), ("SAT-EXPAK", 64),
    ("KRYPTOLAN", 65), ("RVD", 66), ("IPPC", 67), ("SAT-MON", 69), ("VISA", 70), ("IPCU", 71), ("CPNX", 72),
    ("CPHB", 73), ("cphb", 73), ("WSN", 74), ("PVP", 75), ("BR-SAT-MON", 76), ("SUN-ND", 77), ("WB-MON", 78),
    ("WB-EXPAK", 79), ("ISO-IP", 80), ("VMTP", 81), ("vmtp", 81), ("SECURE-VMTP", 82), ("VINES", 83), ("TTP", 84),
    ("NSFNET-IGP", 85), ("DGP", 86), ("TCF", 87), ("EIGRP", 88), ("eigrp", 88), ("OSPF", 89), ("ospf", 89),
    ("Sprite-RPC", 90), ("LARP", 91), ("MTP", 92), ("AX.25", 93), ("ax.25", 93), ("OS", 94), ("ipip", 94),
    ("MICP", 95), ("SCC-SP", 96), ("ETHERIP", 97), ("etherip", 97), ("ENCAP", 98), ("encap", 98), ("GMTP", 100),
    ("IFMP", 101), ("PNNI", 102), ("PIM", 103), ("pim", 103), ("ARIS", 104), ("SCPS", 105), ("QNX", 106), ("A/N",
    107), ("IPComp", 108), ("ipcomp", 108), ("SNP", 109), ("Compaq-Peer", 110), ("IPX-in-IP", 111), ("VRRP", 112),
    ("vrrp", 112), ("PGM", 113), ("L2TP", 115), ("l2tp", 115), ("DDX", 116), ("IATP", 117), ("STP", 118), ("SRP",
    119), ("UTI", 120), ("SMP", 121), ("SM", 122), ("PTP", 123), ("IS-IS", 124), ("isis", 124), ("FIRE", 125),
    ("CRTP", 126), ("CRUDP", 127), ("SSCOPMCE", 128), ("IPLT", 129), ("SPS", 130), ("PIPE", 131), ("SCTP", 132),
    ("sctp", 132), ("FC", 133), ("fc", 133), ("RSVP-E2E-IGNORE", 134), ("Mobility", 135), ("mobility-header",
    135), ("UDPLite", 136), ("udplite", 136), ("MPLS-in-IP", 137), ("mpls-in-ip", 137), ("manet", 138), ("HIP",
    139), ("hip", 139), ("Shim6", 140), ("shim6", 140), ("WESP", 141), ("wesp", 141), ("ROHC", 142), ("rohc",
    142), ("Ethernet", 143),
];
