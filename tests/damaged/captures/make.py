#!/usr/bin/env python3
"""Makes the damaged captures beside it, the same bytes each time: three UDP frames to port 80, each damaged in one way."""
import gzip
import pathlib
import struct

HERE = pathlib.Path(__file__).parent


def frame(number):
    payload = b"frame %d" % number
    udp = struct.pack(">HHHH", 40000 + number, 80, 8 + len(payload), 0) + payload
    ip = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(udp), number, 0, 64, 17, 0) + bytes([10, 0, 0, 9, 203, 0, 113, 10])
    total = sum(int.from_bytes(ip[i:i + 2], "big") for i in range(0, 20, 2))
    checksum = 0xffff - (total % 0xffff)
    return bytes(12) + b"\x08\x00" + ip[:10] + checksum.to_bytes(2, "big") + ip[12:] + udp


def record(number, captured=None):
    data = frame(number)
    return struct.pack("<IIII", 1767225600 + number, 0, captured or len(data), len(data)) + data


HEADER = struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1)
WHOLE = HEADER + record(1) + record(2) + record(3)
TWO = HEADER + record(1) + record(2)


def block(kind, body, trailer=None):
    body += bytes(-len(body) % 4)
    length = 12 + len(body)
    return struct.pack("<II", kind, length) + body + struct.pack("<I", length if trailer is None else trailer)


def packet(number, interface=0):
    data = frame(number)
    return struct.pack("<IIIII", interface, 0, number, len(data), len(data)) + data


SECTION = block(0x0a0d0d0a, struct.pack("<IHHq", 0x1a2b3c4d, 1, 0, -1))
NEXT_GENERATION = SECTION + block(1, struct.pack("<HHI", 1, 0, 65535)) + block(6, packet(1))


def zstd(*blocks):
    """One frame of raw blocks."""
    sizes = [(len(block) << 3 | (block is blocks[-1])).to_bytes(3, "little") for block in blocks]
    return b"\x28\xb5\x2f\xfd\x00\x50" + b"".join(size + block for size, block in zip(sizes, blocks))


GZIP = gzip.compress(WHOLE, mtime=0)
FILES = {
    "absurd-length.pcap": TWO + record(3, captured=0x7fffffff),
    "empty.pcap": b"",
    "gzip-checksum.pcap.gz": GZIP[:-8] + bytes(4) + GZIP[-4:],
    "gzip-cut.pcap.gz": GZIP[:-40],
    "gzip-of-text.pcap.gz": gzip.compress(b"not a capture\n", mtime=0),
    "header-cut.pcap": HEADER[:20],
    "no-frames.pcap": HEADER,
    "pcapng-block-cut.pcapng": NEXT_GENERATION + block(6, packet(2))[:-20],
    "pcapng-block-length.pcapng": NEXT_GENERATION + struct.pack("<II", 6, 7),
    "pcapng-block-trailer.pcapng": NEXT_GENERATION + block(6, packet(2), trailer=4),
    "pcapng-interface.pcapng": NEXT_GENERATION + block(6, packet(2, interface=5)),
    "record-cut.pcap": WHOLE[:-10],
    "record-header-cut.pcap": TWO + record(3)[:9],
    "version.pcap": HEADER[:4] + struct.pack("<HH", 9, 9) + HEADER[8:] + record(1),
    "wrong-magic.pcap": b"GIF89a" + bytes(60),
    "zstd-cut.pcap.zst": zstd(TWO, record(3))[:-30],
    "zstd-damaged.pcap.zst": zstd(TWO, record(3))[:4] + b"\xff" * 20,
}

for name, content in FILES.items():
    (HERE / name).write_bytes(content)
