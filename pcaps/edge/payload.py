"""Application data: TLS records, HTTP messages, DNS messages, a few others. Standard library only."""
import struct


def sized(data, width):
    return len(data).to_bytes(width, "big") + data


# ------------------------------------------------------------------ TLS
def record(content, kind=22, version=0x0301):
    return struct.pack(">BH", kind, version) + sized(content, 2)


def extension(number, content):
    return struct.pack(">H", number) + sized(content, 2)


def server_name(*names):
    return extension(0, sized(b"".join(b"\0" + sized(n.encode("latin-1"), 2) for n in names), 2))


def hello_message(name, key_share=32, version=0x0303, tls13=True, session=b"\x5a" * 32, alpn=(), names=None):
    """A ClientHello handshake message. `name` None: no server_name extension. `key_share` 1216: a post-quantum share."""
    groups = b"\x11\xec\x00\x1d\x00\x17" if key_share > 500 else b"\x00\x1d\x00\x17"
    extensions = server_name(*names) if names else b"" if name is None else server_name(name)
    extensions += extension(10, sized(groups, 2)) + extension(11, b"\1\0") + extension(13, sized(b"\4\3\x08\4\4\1", 2))
    if alpn:
        extensions += extension(16, sized(b"".join(sized(p.encode(), 1) for p in alpn), 2))
    if tls13:
        share = struct.pack(">H", 0x11ec if key_share > 500 else 0x1d) + sized(bytes((11 * i) & 255 for i in range(key_share)), 2)
        extensions += extension(43, sized(b"\3\4\3\3", 1)) + extension(51, sized(share, 2)) + extension(45, b"\1\1")
    ciphers = (b"\x13\1\x13\2\x13\3" if tls13 else b"") + b"\xc0\x2b\xc0\x2f\x00\x9c"
    body = struct.pack(">H", version) + bytes(range(100, 132)) + sized(session, 1) + sized(ciphers, 2) + b"\1\0" + sized(extensions, 2)
    return b"\1" + sized(body, 3)


def client_hello(name, **options):
    return record(hello_message(name, **options))


def server_hello():
    extensions = extension(43, b"\3\4") + extension(51, b"\0\x1d" + sized(bytes(range(32)), 2))
    body = b"\3\3" + bytes(range(200, 232)) + sized(b"\x5a" * 32, 1) + b"\x13\1\0" + sized(extensions, 2)
    return record(b"\2" + sized(body, 3), version=0x0303) + record(b"\1", kind=20, version=0x0303)


def application_data(length=48):
    return record(bytes((37 * i + 5) & 255 for i in range(length)), kind=23, version=0x0303)


def alert(level=2, description=40):
    return record(bytes([level, description]), kind=21, version=0x0303)


def sslv2_hello():
    """The hello of SSL 2.0 times that offers TLS 1.0: two length bytes with the high bit set, no names."""
    ciphers = b"\0\0\x2f\0\0\x35\1\0\x80"
    body = b"\1\3\1" + struct.pack(">HHH", len(ciphers), 0, 16) + ciphers + bytes(range(16))
    return struct.pack(">H", 0x8000 | len(body)) + body


# ------------------------------------------------------------------ HTTP
def request(host, target="/", method="GET", version="1.1", header="Host", more="", body="", newline="\r\n"):
    lines = ["%s %s HTTP/%s" % (method, target, version)]
    lines += [] if host is None else ["%s: %s" % (header, host)]
    lines += ["User-Agent: edge/1"] + ([more] if more else []) + (["Content-Length: %d" % len(body)] if body else [])
    return (newline.join(lines) + newline * 2 + body).encode("latin-1")


def response(body="ok\n", status="200 OK"):
    return ("HTTP/1.1 %s\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n%s" % (status, len(body), body)).encode()


# ------------------------------------------------------------------ DNS
def dns_name(name):
    return b"".join(sized(label.encode(), 1) for label in name.split(".")) + b"\0"


def dns_query(name, kind=1, ident=0x1d01):
    return struct.pack(">6H", ident, 0x0100, 1, 0, 0, 0) + dns_name(name) + struct.pack(">HH", kind, 1)


def dns_answer(name, address=b"\xc6\x33\x64\x0a", ident=0x1d01):
    return (struct.pack(">6H", ident, 0x8180, 1, 1, 0, 0) + dns_name(name) + struct.pack(">HH", 1, 1)
            + b"\xc0\x0c" + struct.pack(">HHI", 1, 1, 60) + sized(address, 2))


# ------------------------------------------------------------------ others
def noise(length=60, seed=1):
    """Bytes that no protocol starts with, the same each time."""
    out, state = bytearray(), seed
    while len(out) < length:
        state = (state * 1103515245 + 12345) & 0x7fffffff
        out.append(0x80 | state >> 16 & 0x7f)
    return bytes(out)


SSH_CLIENT = b"SSH-2.0-OpenSSH_9.2 edge\r\n"
SSH_SERVER = b"SSH-2.0-OpenSSH_9.6 edge\r\n"
