"""What settings of the engine decide: host policies, time-outs, tunnels, and more of the kind."""
from cases import *
from packet import *
from payload import *


def blocks(letters):
    """Eight bytes of each letter."""
    return b"".join(letter.encode() * 8 for letter in letters)


def overlapping(t, target, ident, *pieces):
    """A datagram as fragments that overlap: (offset, letters, whether more follow); small letters come first."""
    header = udp(NOTEBOOK, target, 5000, 6000, blocks("abcdef"))[:8]
    for offset, letters, more in pieces:
        data = (header if offset == 0 else b"") + blocks(letters)
        t.add(ethernet(ip4(NOTEBOOK, target, 17, data, ident=ident, flags=int(more), offset=offset)))
    return t


@case
def fragments_of_two_versions(t):
    """Datagrams to two hosts in fragments that overlap in each way: which copy counts depends on the host."""
    for n, target in enumerate([WEB, OTHER]):
        # the same range twice
        overlapping(t, target, 100 + n, (0, "a", True), (16, "bcd", True), (16, "BCD", True), (40, "ef", False))
        # later, and begins earlier
        overlapping(t, target, 200 + n, (0, "a", True), (24, "cd", True), (16, "BC", True), (40, "ef", False))
        # later, and ends later
        overlapping(t, target, 300 + n, (0, "a", True), (16, "bc", True), (24, "CD", True), (40, "ef", False))
        # later, and holds all of the earlier one
        overlapping(t, target, 400 + n, (0, "a", True), (24, "c", True), (16, "BCD", True), (40, "ef", False))
        # later, and inside the earlier one
        overlapping(t, target, 500 + n, (0, "a", True), (16, "bcd", True), (24, "C", True), (40, "ef", False))


@case
def idle_in_every_state(t):
    """Silences of twenty seconds: after the first packet and after the answer, of TCP, UDP, ICMP and SCTP."""
    half = Tcp(t, 80, 40010).send(CLIENT, flags=SYN)
    Udp(t, 9999, 40011).send(CLIENT, b"one")
    t.add(ethernet(ip4(NOTEBOOK, WEB, 1, icmp(8, 0, 0x70001, b"a"))))
    t.add(ethernet(ip4(NOTEBOOK, WEB, 132, struct.pack(">HHII", 40012, 9, 0, 0))))
    closed = Tcp(t, 80, 40013).open().close()
    opened = Udp(t, 9999, 40014).send(CLIENT, b"one").send(SERVER, b"ONE")
    ping = [ethernet(ip4(NOTEBOOK, OTHER, 1, icmp(8, 0, 0x70002, b"a"))),
            ethernet(ip4(OTHER, NOTEBOOK, 1, icmp(0, 0, 0x70002, b"a")), SERVER)]
    t.add(*ping)
    association = [ethernet(ip4(NOTEBOOK, OTHER, 132, struct.pack(">HHII", 40015, 9, 0, 0))),
                   ethernet(ip4(OTHER, NOTEBOOK, 132, struct.pack(">HHII", 9, 40015, 0, 0)), SERVER)]
    t.add(*association)
    t.pause(20)
    half.send(SERVER, flags=SYN | ACK).send(CLIENT).ask(request(REFUSED)).close()
    Udp(t, 9999, 40011).send(SERVER, b"ONE")
    t.add(ethernet(ip4(WEB, NOTEBOOK, 1, icmp(0, 0, 0x70001, b"a")), SERVER))
    t.add(ethernet(ip4(WEB, NOTEBOOK, 132, struct.pack(">HHII", 9, 40012, 0, 0)), SERVER))
    closed.send(CLIENT)
    opened.send(SERVER, b"TWO")
    t.add(ping[1], association[1])


@case
def tunnel_teredo(t):
    """A DNS query over IPv6 in Teredo, on its port and on the one beside it."""
    query = udp(NOTEBOOK6, WEB6, 40020, 53, dns_query(REFUSED))
    for port in (3544, 3545):
        t.add(ethernet(ip4(NOTEBOOK, WEB, 17, udp(NOTEBOOK, WEB, 40021, port, ip6(NOTEBOOK6, WEB6, 17, query)))))


def stamp(value, echo):
    return b"\x01\x01\x08\x0a" + struct.pack(">II", value, echo)


@case
def timestamp_one_behind(t):
    """A request with a time stamp one behind that of the packet before it."""
    c = Tcp(t, 80)
    c.send(CLIENT, flags=SYN, options=stamp(100, 0)).send(SERVER, flags=SYN | ACK, options=stamp(500, 100))
    c.send(CLIENT, options=stamp(105, 500))
    c.send(CLIENT, request(REFUSED), options=stamp(104, 500)).send(SERVER, options=stamp(501, 104))


@case
def handshake_three_syns(t):
    """Three SYNs with time stamps; the SYN/ACK answers the second, whose stamp the client's next packets go on from."""
    c = Tcp(t, 80)
    for value in (7, 1007, 2007):
        t.add(c.frame(CLIENT, flags=SYN, options=stamp(value, 0)))
    c.next[CLIENT] += 1
    c.send(SERVER, flags=SYN | ACK, options=stamp(500, 1007)).send(CLIENT, options=stamp(1008, 500))
    c.send(CLIENT, request(REFUSED), options=stamp(1009, 500)).send(SERVER, options=stamp(501, 1009))


@case
def urgent_byte_in_request(t):
    """A request whose first part ends with an urgent byte that is no part of it."""
    ask = request(REFUSED)
    c = Tcp(t, 80).open()
    first = ask[:20] + b"!"
    t.add(c.frame(CLIENT, first, PSH | ACK | URG, urgent=len(first)))
    c.next[CLIENT] += len(first)
    c.send(SERVER).send(CLIENT, ask[20:]).send(SERVER).close()
