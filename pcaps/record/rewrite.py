#!/usr/bin/env python3
"""Makes a new capture from a recorded one (classic pcap, Ethernet, little endian, as tcpdump writes it).

usage: rewrite.py vxlan IN OUT      as VPC Traffic Mirroring delivers it: whole frames in VXLAN, UDP 4789
       rewrite.py geneve IN OUT     as Gateway Load Balancer delivers it: IP packets in GENEVE, UDP 6081, three options
       rewrite.py vlan IN OUT       with an 802.1Q tag on every frame
       rewrite.py skip N IN OUT     without the first N frames
       rewrite.py head N IN OUT     only the first N frames
       rewrite.py oneway IP IN OUT  only the frames that this IPv4 address sends
       rewrite.py chop N IN OUT     without the last N bytes of the file
"""
import struct
import sys
import zlib

VNI = 0x2a51c7
VLAN_ID = 42
ENDPOINT_ID = bytes.fromhex("0d1f2e3c4b5a6978")
ATTACHMENT_ID = bytes.fromhex("0a0b0c0d0e0f1011")


def records(data):
    at = 24
    while at + 16 <= len(data):
        sec, frac, size, wire = struct.unpack_from("<IIII", data, at)
        yield sec, frac, wire, data[at + 16:at + 16 + size]
        at += 16 + size


def checksum(b):
    if len(b) % 2:
        b += b"\0"
    total = sum(struct.unpack(">%dH" % (len(b) // 2), b))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def carry(payload, source, target, source_port, target_port, ident):
    """Ethernet, IPv4 and UDP around a tunnel's payload. UDP checksum 0, as tunnels over IPv4 have it."""
    ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 28 + len(payload), ident & 0xffff, 0, 64, 17, 0,
                     bytes(map(int, source.split("."))), bytes(map(int, target.split("."))))
    ip = ip[:10] + struct.pack(">H", checksum(ip)) + ip[12:]
    udp = struct.pack(">HHHH", source_port, target_port, 8 + len(payload), 0)
    return bytes.fromhex("0ae0000000020ae0000000010800") + ip + udp + payload


def flow_cookie(frame):
    """The same number for both directions of a flow, as the load balancer's cookie is."""
    if frame[12:14] == b"\x86\xdd":
        ends = sorted([frame[22:38] + frame[54:56], frame[38:54] + frame[56:58]])
    else:
        ports = frame[34:38] if frame[23] in (6, 17) and frame[20:22] in (b"\0\0", b"\x40\0") else b"\0\0\0\0"
        ends = sorted([frame[26:30] + ports[:2], frame[30:34] + ports[2:]])
    return zlib.crc32(b"".join(ends))


def vxlan(n, frame):
    source_port = 0xc000 | (flow_cookie(frame) & 0x3fff)
    return carry(struct.pack(">II", 0x08000000, VNI << 8) + frame, "10.2.9.4", "10.2.9.20", source_port, 4789, n)


def option(kind, value):
    return struct.pack(">HBB", 0x0108, kind, len(value) // 4) + value


def geneve(n, frame):
    if frame[12:14] not in (b"\x08\x00", b"\x86\xdd"):
        return None
    cookie = flow_cookie(frame)
    options = option(1, ENDPOINT_ID) + option(2, ATTACHMENT_ID) + option(3, struct.pack(">I", cookie))
    head = bytes([len(options) // 4, 0]) + frame[12:14] + b"\0\0\0\0" + options
    return carry(head + frame[14:], "10.2.8.5", "10.2.8.20", 0xe000 | (cookie & 0x1fff), 6081, n)


def vlan(_n, frame):
    return frame[:12] + struct.pack(">HH", 0x8100, VLAN_ID) + frame[12:]


def save(path, head, frames):
    with open(path, "wb") as f:
        f.write(head)
        for sec, frac, wire, frame in frames:
            f.write(struct.pack("<IIII", sec, frac, len(frame), wire) + frame)


def main():
    what, *rest = sys.argv[1:]
    argument = rest.pop(0) if len(rest) == 3 else None
    source, target = rest
    with open(source, "rb") as f:
        data = f.read()
    if data[:4] != b"\xd4\xc3\xb2\xa1" or data[20:24] != b"\1\0\0\0":
        sys.exit("rewrite.py: %s is not a little-endian Ethernet pcap" % source)
    head, frames = data[:24], list(records(data))
    if what == "chop":
        with open(target, "wb") as f:
            f.write(data[:-int(argument)])
    elif what == "skip":
        save(target, head, frames[int(argument):])
    elif what == "head":
        save(target, head, frames[:int(argument)])
    elif what == "oneway":
        address = bytes(map(int, argument.split(".")))
        save(target, head, [r for r in frames if r[3][12:14] == b"\x08\0" and r[3][26:30] == address])
    else:
        change = {"vxlan": vxlan, "geneve": geneve, "vlan": vlan}[what]
        out = []
        for n, (sec, frac, _wire, frame) in enumerate(frames, 1):
            new = change(n, frame)
            if new is not None:
                out.append((sec, frac, len(new), new))
        save(target, head, out)


main()
