"""IP: fragments, tunnels, tags, headers, and plain packet conditions."""
from cases import *
from packet import *
from payload import *


# ------------------------------------------------------------------ fragments
def hello_packet(name):
    """The IPv4 packet of a ClientHello on an open connection, and the connection."""
    return ip4(NOTEBOOK, WEB, 6, tcp(NOTEBOOK, WEB, 40001, 443, 100_001, 900_001, PSH | ACK, client_hello(name)))


def fragmented_hello(t, name, order, *cuts, pieces=None):
    c = Tcp(t).open()
    parts = pieces or fragments4(hello_packet(name), *cuts)
    t.add(*[ethernet(parts[i]) for i in order])
    c.next[CLIENT] += len(client_hello(name))
    c.send(SERVER).answer(server_hello()).send(CLIENT, application_data()).close()


@case
def fragments_hello(t):
    """The segment with the ClientHello comes in two fragments, refused name."""
    fragmented_hello(t, REFUSED, (0, 1), 128)


@case
def fragments_hello_allowed(t):
    """The segment with the ClientHello comes in three fragments, allowed name."""
    fragmented_hello(t, ALLOWED, (0, 1, 2), 64, 128)


@case
def fragments_reversed(t):
    """Three fragments, last first."""
    fragmented_hello(t, REFUSED, (2, 1, 0), 64, 128)


@case
def fragments_tiny_first(t):
    """The first fragment holds only eight bytes of the TCP header."""
    fragmented_hello(t, REFUSED, (0, 1), 8)


@case
def fragments_overlap(t):
    """Two fragments overlap: the first copy has the refused name, the second an allowed one."""
    refused, allowed = hello_packet("example.org.aa")[20:], hello_packet(ALLOWED)
    head = hello_packet("example.org.aa")
    pieces = [fragment4(head, 0, refused[:160], True), fragment4(allowed, 64, allowed[84:180], True),
              fragment4(head, 160, refused[160:], False)]
    fragmented_hello(t, "example.org.aa", (0, 1, 2), pieces=pieces)


@case
def fragments_last_missing(t):
    """A datagram whose last fragment never comes, then a complete one from the same port."""
    u = Udp(t, 9999)
    first, _ = fragments4(u.packet(CLIENT, noise(400)), 200)
    t.add(ethernet(first))
    u.send(CLIENT, noise(100, 2), ident=0x1d02).send(SERVER, noise(50, 3))


@case
def fragments_udp_dns(t):
    """A DNS query and its answer in two fragments each."""
    u = Udp(t, 53)
    for side, data in ((CLIENT, dns_query(REFUSED)), (SERVER, dns_answer(REFUSED))):
        t.add(*[ethernet(f, side) for f in fragments4(u.packet(side, data), 16)])


@case
def fragments_ping(t):
    """An echo request and reply in three fragments each."""
    for side, kind in ((CLIENT, 8), (SERVER, 0)):
        ends = (NOTEBOOK, WEB) if side == CLIENT else (WEB, NOTEBOOK)
        packet = ip4(*ends, 1, icmp(kind, 0, 0x1d010001, noise(300)))
        t.add(*[ethernet(f, side) for f in fragments4(packet, 104, 208)])


@case
def fragments_ipv6(t):
    """A DNS query over IPv6 in two fragments, out of order, and an unfragmented answer."""
    u = Udp(t, 53, client=NOTEBOOK6, server=WEB6)
    one, two = fragments6(NOTEBOOK6, WEB6, 17, udp(NOTEBOOK6, WEB6, 40001, 53, dns_query(REFUSED)), 16)
    t.add(ethernet(two), ethernet(one))
    u.send(SERVER, dns_answer(REFUSED))


@case
def fragments_ipv6_hello(t):
    """A ClientHello over IPv6 in two fragments, refused name."""
    c = Tcp(t, client=NOTEBOOK6, server=WEB6).open()
    segment = tcp(NOTEBOOK6, WEB6, 40001, 443, 100_001, 900_001, PSH | ACK, client_hello(REFUSED))
    t.add(*[ethernet(f) for f in fragments6(NOTEBOOK6, WEB6, 6, segment, 120)])
    c.next[CLIENT] += len(client_hello(REFUSED))
    c.send(SERVER).answer(server_hello()).close()


# ------------------------------------------------------------------ tunnels, tags, headers
@case
def tunnel_gre(t):
    """Refused TLS inside GRE."""
    tls(t, REFUSED, link=gre)


@case
def tunnel_vxlan(t):
    """Refused TLS inside VXLAN, as VPC Traffic Mirroring delivers it."""
    tls(t, REFUSED, link=vxlan)


@case
def tunnel_geneve(t):
    """Refused TLS inside GENEVE with three options, as Gateway Load Balancer delivers it."""
    tls(t, REFUSED, link=geneve)


@case
def tunnel_geneve_ipv6(t):
    """Refused TLS over IPv6 inside GENEVE over IPv4."""
    tls(t, REFUSED, link=geneve, client=NOTEBOOK6, server=WEB6)


@case
def tunnel_ip_in_ip(t):
    """Refused TLS inside IP-in-IP."""
    tls(t, REFUSED, link=ip_in_ip)


@case
def tunnel_ip_in_ip6(t):
    """Refused TLS over IPv4, then over IPv6, inside IPv6."""
    tls(t, REFUSED, link=ip_in_ip6)
    tls(t, REFUSED, link=ip_in_ip6, client=NOTEBOOK6, server=WEB6)


@case
def vlan_tag(t):
    """Refused TLS with an 802.1Q tag."""
    tls(t, REFUSED, link=lambda p, side: ethernet(p, side, [(0x8100, 42)]))


@case
def vlan_qinq(t):
    """Refused TLS with two tags (802.1ad)."""
    tls(t, REFUSED, link=lambda p, side: ethernet(p, side, [(0x88a8, 7), (0x8100, 42)]))


@case
def vlan_by_direction(t):
    """Each direction has its own VLAN id."""
    tls(t, REFUSED, link=lambda p, side: ethernet(p, side, [(0x8100, 42 + side)]))


@case
def ipv6_tls(t):
    """TLS over IPv6, refused name."""
    tls(t, REFUSED, client=NOTEBOOK6, server=WEB6)


@case
def ipv6_http(t):
    """HTTP over IPv6, allowed name."""
    http(t, client=NOTEBOOK6, server=WEB6)


@case
def ipv6_extension_headers(t):
    """Hop-by-hop and destination options before TCP, refused name."""
    padding = b"\0\1\4\0\0\0\0"
    options = {"extensions": [(0, padding), (60, padding)]}
    c = Tcp(t, client=NOTEBOOK6, server=WEB6)
    c.send(CLIENT, flags=SYN, ip_options=options).send(SERVER, flags=SYN | ACK).send(CLIENT, ip_options=options)
    c.send(CLIENT, client_hello(REFUSED), ip_options=options).send(SERVER).answer(server_hello()).close()


@case
def ipv6_ping(t):
    """Echo request and reply, a neighbour solicitation and a packet-too-big message."""
    for a, b, kind, side in ((NOTEBOOK6, WEB6, 128, CLIENT), (WEB6, NOTEBOOK6, 129, SERVER)):
        t.add(ethernet(ip6(a, b, 58, icmp6(a, b, kind, 0, 0x1d010001, noise(40))), side))
    target = "ff02::1:ff00:1"
    t.add(ethernet(ip6(NOTEBOOK6, target, 58, icmp6(NOTEBOOK6, target, 135, 0, 0, packed("2001:db8:2:1::1")), hops=255)))
    quoted = ip6(NOTEBOOK6, WEB6, 6, tcp(NOTEBOOK6, WEB6, 40001, 443, 1, 1, ACK))
    t.add(ethernet(ip6("2001:db8:2:1::1", NOTEBOOK6, 58, icmp6("2001:db8:2:1::1", NOTEBOOK6, 2, 0, 1280, quoted)), SERVER))


@case
def ip_options(t):
    """IPv4 packets with router-alert and record-route options."""
    for options in (b"\x94\x04\0\0", b"\x07\x07\x04\0\0\0\0\0"):
        c = Tcp(t, source_port=40_001 + len(options))
        c.send(CLIENT, flags=SYN, ip_options={"options": options}).send(SERVER, flags=SYN | ACK).send(CLIENT)
        c.send(CLIENT, client_hello(REFUSED), ip_options={"options": options}).send(SERVER)


@case
def other_protocols(t):
    """IP protocols that are not TCP, UDP or ICMP: IGMP, ESP, AH, SCTP, and an unassigned one."""
    for protocol, data in ((2, b"\x16\0\x09\x05\xe0\0\0\x05"), (50, noise(40)), (51, b"\x3b\x04\0\0" + noise(20)),
                           (132, struct.pack(">HHII", 40001, 36412, 0, 0) + b"\1\0\0\x14" + noise(16)), (253, noise(30))):
        t.add(ethernet(ip4(NOTEBOOK, OTHER, protocol, data)))


@case
def not_ip(t):
    """Frames that are not IP: ARP, LLDP, an unknown EtherType, spanning tree; one DNS query among them."""
    arp = struct.pack(">HHBBH", 1, 0x0800, 6, 4, 1) + MAC[0] + packed(NOTEBOOK) + bytes(6) + packed("10.2.1.1")
    t.add(ethernet(arp, kind=0x0806), ethernet(b"\x02\x07\x04" + MAC[0] + bytes(40), kind=0x88cc))
    Udp(t, 53).send(CLIENT, dns_query(ALLOWED))
    t.add(ethernet(noise(46), kind=0x88b5), ethernet(b"\x42\x42\x03" + bytes(43), kind=38))


@case
def broken_headers(t):
    """Headers that lie: IPv4 total length too big and too small, header length 4, TCP offset 3, UDP length 4, cut short."""
    syn = tcp(NOTEBOOK, WEB, 40001, 443, 1, 0, SYN)
    whole = ip4(NOTEBOOK, WEB, 6, syn)
    t.add(ethernet(ip4(NOTEBOOK, WEB, 6, syn, total=400)), ethernet(ip4(NOTEBOOK, WEB, 6, syn, total=30)),
          ethernet(b"\x44" + whole[1:]), ethernet(ip4(NOTEBOOK, WEB, 6, syn[:12] + b"\x30" + syn[13:])),
          ethernet(ip4(NOTEBOOK, OTHER, 17, struct.pack(">HHHH", 40001, 53, 4, 0) + noise(20))),
          ethernet(whole[:16]), ethernet(whole[:27]), MAC[1] + MAC[0])
    t.add(ethernet(ip6(NOTEBOOK6, WEB6, 6, syn)[:44]))


# ------------------------------------------------------------------ conditions
@case
def ttl_steps(t):
    """Datagrams with TTL 1, 2, 63, 64, 128 and 255."""
    for i, ttl in enumerate((1, 2, 63, 64, 128, 255)):
        Udp(t, 9999, source_port=42_000 + i).send(CLIENT, b"ttl", ttl=ttl)


@case
def payload_sizes(t):
    """Datagrams of 0, 1, 99, 100, 101, 500 and 1400 bytes, and TCP segments of 1 and 400 bytes."""
    for i, length in enumerate((0, 1, 99, 100, 101, 500, 1400)):
        Udp(t, 9999, source_port=43_000 + i).send(CLIENT, noise(length))
    c = Tcp(t, port=7000, server=OTHER).open()
    c.ask(b"x").ask(noise(400)).close()


@case
def ports_at_the_edges(t):
    """TCP and UDP to ports 0, 1, 79 to 81, 1023, 1024, 65534 and 65535."""
    for i, port in enumerate((0, 1, 79, 80, 81, 1023, 1024, 65534, 65535)):
        Tcp(t, port=port, source_port=44_000 + i, server=OTHER).open().reset(CLIENT)
        Udp(t, port, source_port=44_100 + i).send(CLIENT, b"hi").send(SERVER, b"hi")


@case
def addresses_at_the_edges(t):
    """SYNs from the first and last address of the notebook's network, its neighbours, and multicast and broadcast targets."""
    for i, source in enumerate(("10.1.255.255", "10.2.0.0", "10.2.0.255", "10.2.255.255", "10.3.0.0")):
        t.add(Tcp(t, source_port=45_000 + i, client=source).frame(CLIENT, flags=SYN))
    for target in ("224.0.0.251", "255.255.255.255", "10.2.1.255"):
        Udp(t, 5353, server=target).send(CLIENT, dns_query("local"))
    same = Tcp(t, port=443, source_port=443, client=WEB, server=WEB)
    t.add(same.frame(CLIENT, flags=SYN))
