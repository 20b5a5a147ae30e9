"""Builds frames from the link layer up and writes them as a capture. Standard library only.

Everything a real stack would refuse to send can be built: every length, checksum, flag and sequence number can be
given. A `Trace` is a capture in the making, a `Tcp` a connection that puts its segments into one.
"""
import ipaddress
import struct

FIN, SYN, RST, PSH, ACK, URG = (1 << bit for bit in range(6))
CLIENT, SERVER = 0, 1

NOTEBOOK, NOTEBOOK6 = "10.2.1.10", "2001:db8:2:1::10"
WEB, OTHER, WEB6 = "198.51.100.10", "203.0.113.50", "2001:db8:100::10"
MAC = (bytes.fromhex("020a02010a01"), bytes.fromhex("02c633640a02"))


def packed(address):
    return ipaddress.ip_address(address).packed


def internet_checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(int.from_bytes(data[i:i + 2], "big") for i in range(0, len(data), 2))
    while total > 0xffff:
        total = (total >> 16) + (total & 0xffff)
    return total ^ 0xffff


def with_checksum(header, at, covered, spoil=False):
    value = internet_checksum(covered) ^ (0x0f0f if spoil else 0)
    return header[:at] + value.to_bytes(2, "big") + header[at + 2:]


# ------------------------------------------------------------------ internet layer
def ip4(source, target, protocol, payload, ident=0x1d01, flags=0, offset=0, ttl=64, options=b"", total=None, spoil=False):
    words = 5 + len(options) // 4
    header = struct.pack(">BBHHHBBH", 0x40 | words, 0, total or words * 4 + len(payload), ident,
                         flags << 13 | offset // 8, ttl, protocol, 0) + packed(source) + packed(target) + options
    return with_checksum(header, 10, header, spoil) + payload


def ip6(source, target, protocol, payload, hops=64, extensions=()):
    """`extensions`: (header number, bytes after the next-header byte) in the order they stand in the packet."""
    numbers = [number for number, _ in extensions] + [protocol]
    chain = b"".join(bytes([following]) + rest for following, (_, rest) in zip(numbers[1:], extensions))
    body = chain + payload
    return struct.pack(">IHBB", 6 << 28, len(body), numbers[0], hops) + packed(source) + packed(target) + body


def ip(source, target, protocol, payload, **options):
    return (ip6 if ":" in source else ip4)(source, target, protocol, payload, **options)


def pseudo_header(source, target, protocol, length):
    tail = struct.pack(">II", length, protocol) if ":" in source else struct.pack(">HH", protocol, length)
    return packed(source) + packed(target) + tail


def fragments4(packet, *cuts):
    """An IPv4 packet without options cut into fragments at these payload offsets (multiples of 8)."""
    body, edges = packet[20:], [0, *cuts, len(packet) - 20]
    return [fragment4(packet, a, body[a:b], more=b < len(body)) for a, b in zip(edges, edges[1:])]


def fragment4(packet, offset, data, more):
    source, target = (str(ipaddress.ip_address(packet[at:at + 4])) for at in (12, 16))
    return ip4(source, target, packet[9], data, ident=int.from_bytes(packet[4:6], "big"), flags=int(more), offset=offset)


def fragments6(source, target, protocol, payload, *cuts, ident=0x1d016):
    edges = [0, *cuts, len(payload)]
    return [ip6(source, target, protocol, payload[a:b],
                extensions=[(44, b"\0" + struct.pack(">HI", a | (b < len(payload)), ident))])
            for a, b in zip(edges, edges[1:])]


# ------------------------------------------------------------------ transport layer
def tcp(source, target, source_port, target_port, seq, ack, flags, data=b"", window=64000, options=b"", urgent=0, spoil=False):
    options += b"\1" * (-len(options) % 4)
    header = struct.pack(">HHIIBBHHH", source_port, target_port, seq % 2**32, ack % 2**32,
                         (20 + len(options)) << 2, flags, window, 0, urgent) + options
    covered = pseudo_header(source, target, 6, len(header) + len(data)) + header + data
    return with_checksum(header, 16, covered, spoil) + data


def udp(source, target, source_port, target_port, data, spoil=False):
    header = struct.pack(">HHHH", source_port, target_port, 8 + len(data), 0)
    covered = pseudo_header(source, target, 17, 8 + len(data)) + header + data
    return with_checksum(header, 6, covered, spoil) + data


def icmp(kind, code, rest, data=b""):
    message = struct.pack(">BBHI", kind, code, 0, rest) + data
    return with_checksum(message, 2, message)


def icmp6(source, target, kind, code, rest, data=b""):
    message = struct.pack(">BBHI", kind, code, 0, rest) + data
    return with_checksum(message, 2, pseudo_header(source, target, 58, len(message)) + message)


# ------------------------------------------------------------------ link layer and tunnels
def ethernet(packet, side=CLIENT, tags=(), kind=None):
    """`tags`: (tag protocol, VLAN id) from the outside in."""
    if kind is None:
        kind = 0x86dd if packet[0] >> 4 == 6 else 0x0800
    inserted = b"".join(struct.pack(">HH", protocol, number) for protocol, number in tags)
    return MAC[1 - side] + MAC[side] + inserted + struct.pack(">H", kind) + packet


def gre(packet, side):
    ends = ("10.2.9.1", "192.0.2.9")
    return ethernet(ip4(ends[side], ends[1 - side], 47, struct.pack(">HH", 0, 0x0800) + packet), side)


def ip_in_ip(packet, side):
    ends = ("10.2.9.1", "192.0.2.9")
    return ethernet(ip4(ends[side], ends[1 - side], 4, packet), side)


def ip_in_ip6(packet, side):
    ends = ("2001:db8:9::1", "2001:db8:9::2")
    inner = 41 if packet[0] >> 4 == 6 else 4
    return ethernet(ip6(*(ends if side == CLIENT else ends[::-1]), inner, packet), side)


def vxlan(packet, side):
    """As VPC Traffic Mirroring: both directions go the same way, from the mirrored interface to the collector."""
    inner = struct.pack(">II", 0x08000000, 77 << 8) + ethernet(packet, side)
    return ethernet(ip4("10.2.9.4", "10.2.9.20", 17, udp("10.2.9.4", "10.2.9.20", 51000, 4789, inner)))


def geneve(packet, side):
    """As Gateway Load Balancer: IP in GENEVE with endpoint id, attachment id and flow cookie."""
    options = (b"\x01\x08\x01\x02" + bytes(range(8)) + b"\x01\x08\x02\x02" + bytes(range(8, 16)) + b"\x01\x08\x03\x01\x5e\xed\xc0\xde")
    kind = 0x86dd if packet[0] >> 4 == 6 else 0x0800
    inner = struct.pack(">BBHI", len(options) // 4, 0, kind, 0) + options + packet
    return ethernet(ip4("10.2.8.5", "10.2.8.20", 17, udp("10.2.8.5", "10.2.8.20", 52000, 6081, inner)))


# ------------------------------------------------------------------ captures and connections
class Trace:
    """Frames with times, 10 ms apart unless there is a pause."""

    def __init__(self):
        self.frames, self.now = [], 1_790_000_000_000_000

    def add(self, *frames):
        for frame in frames:
            self.frames.append((self.now, frame))
            self.now += 10_000
        return self

    def pause(self, seconds):
        self.now += int(seconds * 1_000_000)
        return self

    def save(self, path):
        with open(path, "wb") as f:
            f.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 262144, 1))
            for time, frame in self.frames:
                f.write(struct.pack("<IIII", time // 1_000_000, time % 1_000_000, len(frame), len(frame)) + frame)


class Tcp:
    """One connection. Methods that end in `_frames` build without sending; the others put frames into the trace."""

    def __init__(self, trace, port=443, source_port=40001, client=NOTEBOOK, server=WEB, link=ethernet, isn=(100_000, 900_000)):
        self.trace, self.link = trace, link
        self.address, self.port = (client, server), (source_port, port)
        self.next = list(isn)

    def frame(self, side, data=b"", flags=ACK, seq=None, ack=None, ip_options=None, **options):
        other = 1 - side
        segment = tcp(self.address[side], self.address[other], self.port[side], self.port[other],
                      self.next[side] if seq is None else seq,
                      (self.next[other] if flags & ACK else 0) if ack is None else ack, flags, data, **options)
        return self.link(ip(self.address[side], self.address[other], 6, segment, **(ip_options or {})), side)

    def send(self, side, data=b"", flags=None, **options):
        """Puts the next segment into the trace and moves the sender on."""
        if flags is None:
            flags = PSH | ACK if data else ACK
        self.trace.add(self.frame(side, data, flags, **options))
        self.next[side] += len(data) + bool(flags & SYN) + bool(flags & FIN)
        return self

    def cut_frames(self, side, data, *cuts):
        """`data` as segments cut at these offsets, not sent yet; the sender moves on."""
        edges = [0, *cuts, len(data)]
        start = self.next[side]
        self.next[side] += len(data)
        return [self.frame(side, data[a:b], PSH | ACK, seq=start + a) for a, b in zip(edges, edges[1:])]

    def open(self):
        maximum = b"\x02\x04\x05\xb4"
        return self.send(CLIENT, flags=SYN, options=maximum).send(SERVER, flags=SYN | ACK, options=maximum).send(CLIENT)

    def ask(self, data):
        return self.send(CLIENT, data).send(SERVER)

    def answer(self, data):
        return self.send(SERVER, data).send(CLIENT)

    def close(self):
        return self.send(CLIENT, flags=FIN | ACK).send(SERVER, flags=FIN | ACK).send(CLIENT)

    def reset(self, side):
        return self.send(side, flags=RST | ACK)


class Udp:
    """Datagrams between two ports."""

    def __init__(self, trace, port, source_port=40001, client=NOTEBOOK, server=OTHER, link=ethernet):
        self.trace, self.link = trace, link
        self.address, self.port = (client, server), (source_port, port)

    def packet(self, side, data, **ip_options):
        a, b = self.address[side], self.address[1 - side]
        return ip(a, b, 17, udp(a, b, self.port[side], self.port[1 - side], data), **ip_options)

    def send(self, side, data, **ip_options):
        self.trace.add(self.link(self.packet(side, data, **ip_options), side))
        return self
