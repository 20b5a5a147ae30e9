"""One connection in every capture format and link type. Standard library only.

Each function takes the frames of a `Trace` (microseconds, Ethernet frame) and returns a file's bytes.
"""
import struct

ETHERNET, NULL, RAW = 1, 0, 101


def pcap(frames, order="<", nanoseconds=False, link=ETHERNET, strip=0, prefix=b""):
    per_second = 10**9 if nanoseconds else 10**6
    out = struct.pack(order + "IHHiIII", 0xa1b23c4d if nanoseconds else 0xa1b2c3d4, 2, 4, 0, 0, 262144, link)
    for time, frame in frames:
        packet = prefix + frame[strip:]
        units = time * (per_second // 10**6)
        out += struct.pack(order + "IIII", units // per_second, units % per_second, len(packet), len(packet)) + packet
    return out


def block(order, kind, body):
    body += bytes(-len(body) % 4)
    length = struct.pack(order + "I", 12 + len(body))
    return struct.pack(order + "I", kind) + length + body + length


def option(order, code, value):
    return struct.pack(order + "HH", code, len(value)) + value + bytes(-len(value) % 4)


def section(order):
    return block(order, 0x0a0d0d0a, struct.pack(order + "IHHq", 0x1a2b3c4d, 1, 0, -1))


def interface(order, resolution=None):
    options = b"" if resolution is None else option(order, 9, bytes([resolution])) + option(order, 0, b"")
    return block(order, 1, struct.pack(order + "HHI", ETHERNET, 0, 262144) + options)


def enhanced(order, time, frame, number=0):
    return block(order, 6, struct.pack(order + "IIIII", number, time >> 32, time & 0xffffffff, len(frame), len(frame)) + frame)


def pcapng(frames, order="<", nanoseconds=False):
    scale = 1000 if nanoseconds else 1
    return section(order) + interface(order, 9 if nanoseconds else None) + b"".join(
        enhanced(order, time * scale, frame) for time, frame in frames)


def pcapng_mixed(frames):
    """Local-use, name and statistics blocks between the packets, and a second section with two interfaces."""
    half = len(frames) // 2
    extra = block("<", 0x80000b0b, b"local use") + block("<", 4, struct.pack("<HH", 0, 0)) + block("<", 5, struct.pack("<III", 0, 0, 0))
    return (section("<") + extra + interface("<") + b"".join(enhanced("<", *f) for f in frames[:half]) + extra
            + section("<") + interface("<") + interface("<") + b"".join(enhanced("<", *f, 1) for f in frames[half:]))


FORMATS = (
    ("format-big-endian.pcap", "Classic pcap in big-endian byte order.", lambda f: pcap(f, ">")),
    ("format-nanoseconds.pcap", "Classic pcap with nanosecond times.", lambda f: pcap(f, nanoseconds=True)),
    ("format-raw-ip.pcap", "Link type 101: packets begin with the IP header.", lambda f: pcap(f, link=RAW, strip=14)),
    ("format-null.pcap", "Link type 0: BSD loopback, four bytes of address family.",
     lambda f: pcap(f, link=NULL, strip=14, prefix=struct.pack("<I", 2))),
    ("format-no-frames.pcap", "A classic pcap header and nothing else.", lambda f: pcap([])),
    ("format-pcapng.pcapng", "pcapng, little-endian, microseconds.", pcapng),
    ("format-pcapng-big-endian.pcapng", "pcapng, big-endian.", lambda f: pcapng(f, ">")),
    ("format-pcapng-nanoseconds.pcapng", "pcapng with nanosecond resolution.", lambda f: pcapng(f, nanoseconds=True)),
    ("format-pcapng-mixed.pcapng", "pcapng with other blocks between the packets and a second section with two interfaces.", pcapng_mixed),
)
