"""What a decoder finds odd: headers that are cut, lengths that lie, options that do not fit, headers out of place."""
from cases import *
from packet import *
from payload import *

A, B, A6, B6 = NOTEBOOK, WEB, NOTEBOOK6, WEB6
PROBE = udp(A, B, 40001, 9999, b"probe")
PROBE6 = udp(A6, B6, 40001, 9999, b"probe")


def frames(t, *packets):
    """IP packets in Ethernet; the link's padding keeps short ones from being lost."""
    t.add(*[ethernet(packet) for packet in packets])


def as_ip4(words=5, total=None, version=4, length=20):
    """A UDP packet whose first bytes lie."""
    packet = ip4(A, B, 17, PROBE)
    return bytes([version << 4 | words, 0]) + struct.pack(">H", len(packet) if total is None else total) + packet[4:length or None]


@case
def odd_ip4_header(t):
    """IPv4 headers that are cut, lie about version and lengths, carry ICMPv6 or a protocol without number."""
    frames(t, as_ip4(length=12), as_ip4(words=4, length=0), as_ip4(total=16, length=0), as_ip4(total=4000, length=0))
    t.add(ethernet(as_ip4(version=6, length=0), kind=0x0800))
    frames(t, ip4(A, B, 58, icmp6(A6, B6, 128, 0, 1)), ip4(A, B, 0, b"zero"), ip4(A, B, 253, b"experiment"), ip4(A, B, 17, PROBE))


@case
def odd_ip4_options(t):
    """IPv4 options: each known one, then ones cut, doubled, unknown, not padded, with wrong lengths and pointers."""
    for option in (b"\7\7\4\0\0\0\0\0", b"\x83\7\4\0\0\0\0\0", b"\x89\7\4\0\0\0\0\0", b"\x44\x08\5\0\0\0\0\0", b"\x44\x0c\5\1" + bytes(8) + bytes(4),
                   b"\x82\3\0\0\0\0\0\0", b"\x85\3\0\0\0\0\0\0", b"\x88\4\0\1\0\0\0\0", b"\x94\4\0\0", b"\x94\4\0\0\1\1\1\0",
                   b"\x19\x08\0\0\0\0\0\0", b"\x86\x0a\0\0\0\1\1\4\0\0\0\0\0\0\0\0", b"\1" * 8, bytes(8), b"\1\1\1\7", b"\1\1\1\1\1\1\1\x94",
                   b"\7\7\5\0\0\0\0\0", b"\7\7\x0c\0\0\0\0\0", b"\7\2\4\0\0\0\0\0", b"\7\x20\4\0\0\0\0\0", b"\x44\x08\x09\1\0\0\0\0",
                   b"\x44\4\5\0\0\0\0\0", b"\x44\x08\4\0\0\0\0\0", b"\x88\5\0\0\0\0\0\0", b"\x88\1\0\0\0\0\0\0", b"\x94\4\0\0\x94\4\0\0",
                   b"\x19\7\0\0\0\0\0\0", b"\xc8\4\0\0\0\0\0\0", b"\x86\x0a\0\0\0\1\3\4\0\0\0\0\0\0\0\0", b"\x86\x0a\0\0\0\1\1\5\0\0\0\0\0\0\0\0",
                   b"\x86\x0a\0\0\0\1\1\4\1\0\0\0\0\0\0\0", b"\x86\x0a\0\0\0\1\7\4\1\0\0\0\0\0\0\0", b"\x86\x09\0\0\0\1\1\4\0\0\0\0\0\0\0\0",
                   b"\x82\2\0\0\0\0\0\0"):
        frames(t, ip4(A, B, 17, PROBE, options=option))


def extended(*extensions, protocol=17, payload=PROBE6, cut=None):
    packet = ip6(A6, B6, protocol, payload, extensions=extensions)
    if cut is not None:
        packet = packet[:4] + struct.pack(">H", cut) + packet[6:40 + cut]
    return packet


def tlv(*parts):
    """The rest of an options header, its length first."""
    body = b"".join(parts)
    return bytes([(len(body) + 2) // 8 - 1]) + body


@case
def odd_ip6_header(t):
    """IPv6 headers that are cut or lie, unknown and misplaced next headers, tunnels that hold something else."""
    whole = ip6(A6, B6, 17, PROBE6)
    frames(t, whole[:30], whole[:-3])
    t.add(ethernet(b"\x45" + whole[1:], kind=0x86dd))
    frames(t, ip6(A6, B6, 59, b""), ip6(A6, B6, 59, b"more"), ip6(A6, B6, 1, icmp(8, 0, 1)), ip6(A6, B6, 200, b"what"),
           ip6(A6, B6, 4, b"short"), ip6(A6, B6, 4, b"\x60" + bytes(39)), ip6(A6, B6, 4, ip4(A, B, 17, PROBE)),
           ip6(A6, B6, 41, b"short"), ip6(A6, B6, 41, b"\x45" + bytes(39)), ip6(A6, B6, 41, whole), ip6(A6, B6, 6, b"short"),
           ip6(A6, B6, 50, bytes(4)), ip6(A6, B6, 50, bytes(16)), ip6(A6, B6, 132, bytes(8)))


@case
def odd_ip6_extensions(t):
    """IPv6 extension headers: doubled, cut, with odd options, useless and wrong fragment headers."""
    pad, ah = tlv(b"\1\4\0\0\0\0"), b"\4" + bytes(22)
    fragment = lambda reserved=0, field=0: bytes([reserved]) + struct.pack(">HI", field, 77)
    useful = tlv(b"\5\2\0\0\1\0")
    for chain in ([(0, useful)], [(0, pad)], [(60, pad)], [(0, tlv(b"\1\0" * 3))], [(60, tlv(b"\0" * 6))], [(0, tlv(b"\x1e\4\0\0\0\0"))],
                  [(60, tlv(b"\x1e\4\0\0\0\0"))], [(0, tlv(b"\5\1\0\1\1\0"))], [(0, tlv(b"\xc2\4\0\1\0\0"))], [(0, tlv(b"\xc2\2\0\1\1\0"))],
                  [(60, tlv(b"\xc9\x10" + bytes(16) + b"\1\2\0\0"))], [(60, tlv(b"\xc9\4\0\0\0\0"))], [(60, tlv(b"\1\5\0\0\0\0"))],
                  [(60, tlv(b"\1\6\0\0\0\0"))], [(0, tlv(b"\1\3\0\0\0\1"))], [(0, useful), (0, pad)], [(60, pad), (60, useful), (60, pad)],
                  [(43, b"\0\0\0" + bytes(4))], [(43, b"\0\4\0" + bytes(4)), (43, b"\0\4\0" + bytes(4))], [(51, ah)], [(51, ah), (51, ah)],
                  [(51, b"\4\0\1" + bytes(20))], [(51, b"\0" + bytes(10))], [(44, fragment())], [(44, fragment(1))],
                  [(44, fragment()), (44, fragment())], [(0, useful), (43, b"\0\4\0" + bytes(4)), (44, fragment())],
                  [(135, b"\0" + bytes(6))], [(139, b"\0" + bytes(6)), (140, b"\0" + bytes(6))]):
        frames(t, extended(*chain))
    frames(t, extended((44, fragment(0, 1)), payload=PROBE6 + b"x"), extended((0, useful), cut=1), extended((0, b"\2" + useful[1:]), cut=16),
           extended((60, useful), protocol=59, payload=b""), extended((60, useful), protocol=59, payload=b"more"),
           extended((60, useful), protocol=1, payload=icmp(8, 0, 1)), extended((60, useful), protocol=200, payload=b"what"),
           extended((60, useful), protocol=4, payload=ip4(A, B, 17, PROBE)), extended((60, useful), protocol=41, payload=ip6(A6, B6, 17, PROBE6)),
           extended((60, useful), protocol=47, payload=struct.pack(">HH", 0, 0x0800) + ip4(A, B, 17, PROBE)),
           extended((60, useful), protocol=50, payload=bytes(16)), extended((60, useful), protocol=6, payload=b"short"),
           extended((139, b"\0" + bytes(6)), cut=4), extended((135, b"\x09" + bytes(6)), cut=8))


@case
def odd_transport(t):
    """TCP, UDP and SCTP headers that are cut, with lengths and options that do not fit."""
    segment = lambda options=b"", **more: tcp(A, B, 40001, 443, 1, 0, SYN, options=options, **more)
    plain = segment()
    frames(t, ip4(A, B, 6, plain[:12]), ip4(A, B, 6, plain[:12] + b"\x80" + plain[13:]), ip4(A, B, 6, plain[:12] + b"\x40" + plain[13:]))
    for port, options in enumerate((b"\2\3\5", b"\3\4\1\1", b"\4\3\0", b"\5\5\0\0\0", b"\x08\x09" + bytes(7), b"\x22\3\0", b"\x13\4\0\0", b"\x1d\3\0",
                                    b"\xfd\4\xf9\x89", b"\2\4\5\xb4\2\4\5\xb4", b"\3\3\1\3\3\1", b"\4\2\4\2", b"\2\x20\5\xb4", b"\2\1\5\xb4",
                                    b"\x08\x0a" + bytes(8) + b"\x08\x0a" + bytes(8), b"\x22\6" + bytes(4) + b"\x22\6" + bytes(4), b"\2\4\2\0")):
        frames(t, ip4(A, B, 6, tcp(A, B, 41000 + port, 443, 1, 0, SYN, options=options)))
    frames(t, ip4(A, B, 17, PROBE[:6]), ip4(A, B, 17, PROBE[:4] + b"\0\x40" + PROBE[6:]), ip4(A, B, 17, PROBE[:4] + b"\0\5" + PROBE[6:]),
           ip4(A, B, 17, PROBE + b"behind"), ip4(A, B, 132, bytes(8)), ip4(A, B, 132, bytes(16)), ip4(A, B, 50, bytes(4)), ip4(A, B, 50, bytes(16)))


@case
def odd_icmp(t):
    """ICMP of every type, with a code too many, cut, with quotes that are cut or of another version."""
    quote = ip4(B, A, 17, PROBE[:8])
    for kind in (*range(0, 20), 40, 255):
        top = {3: 15, 5: 3, 11: 1}.get(kind, 0)
        frames(t, *[ip4(A, B, 1, icmp(kind, code, 0x00010001, quote)) for code in (top, top + 1)])
    frames(t, ip4(A, B, 1, b"\x08\0\0\0"))
    for kind in (3, 4, 5, 11, 12):
        frames(t, *[ip4(A, B, 1, icmp(kind, 0, 0, data)) for data in (b"", b"short", b"\x60" + quote[1:], quote[:20])])
    frames(t, ip4(A, B, 1, icmp(13, 0, 0x00010001, bytes(11))), ip4(A, B, 1, icmp(14, 0, 0x00010001, bytes(12))),
           ip4(A, B, 1, icmp(9, 0, 0x02020000, bytes(16))), ip4(A, B, 1, icmp(9, 0, 0x02020000, bytes(15))), ip4(A, B, 1, icmp(10, 0, 0)))


@case
def odd_icmp6(t):
    """ICMPv6 of many types, with a code too many, cut, with quotes that are cut or of another version."""
    quote = ip6(B6, A6, 17, PROBE6)
    for kind in (0, 1, 2, 3, 4, 5, 99, 100, 101, 102, 126, 127, *range(128, 163), 199, 200, 201, 202, 255):
        top = {1: 6, 3: 1, 4: 2, 138: 2, 139: 2, 140: 2, 155: 3}.get(kind, 0)
        frames(t, *[ip6(A6, B6, 58, icmp6(A6, B6, kind, code, 1280, quote)) for code in (top, top + 1)])
    frames(t, *[ip6(A6, B6, 58, icmp6(A6, B6, kind, 0, 1), hops=1) for kind in (130, 131, 132)])
    frames(t, *[ip6(A6, B6, 58, icmp6(A6, B6, kind, code, 1)) for kind, code in ((138, 255), (155, 128), (155, 132), (155, 133))])
    frames(t, ip6(A6, B6, 58, b"\x80\0\0\0"))
    for kind in (1, 2, 3, 4):
        frames(t, *[ip6(A6, B6, 58, icmp6(A6, B6, kind, 0, 1500, data)) for data in (b"", quote[:39], b"\x45" + quote[1:])])


@case
def odd_links(t):
    """Between Ethernet and IP: VLAN, QinQ, provider bridges, PPPoE, MPLS, VN-Tag, DCE, NSH, cut or with unknown contents."""
    inner = ip4(A, B, 17, PROBE)
    link = lambda kind, *bodies: t.add(*[ethernet(body, kind=kind) for body in bodies])
    t.add(ethernet(inner)[:10])
    link(0x8100, b"\0", b"\0\5\x12\x34" + inner, b"\0\5\x08\0" + inner, b"\0\5\x81\0\0\6\x81\0\0\7\x08\0" + inner,
         b"\0\5\x81\0\0\6\x81\0\0\7\x81\0\0\x08\x08\0" + inner, b"\0\5\x81\0\0")
    link(0x88e7, bytes(17), bytes(16) + b"\x08\0" + inner, bytes(16) + b"\x12\x34" + inner)
    session = lambda protocol, body=inner, length=None: b"\x11\0\0\1" + struct.pack(">H", len(body) + 2 if length is None else length) + protocol + body
    link(0x8864, b"\x11\0\0\1\0", session(b"\0\x21"), session(b"\x21"), session(b"\0\x21", inner[:10]), session(b"\0\x57", inner[:10]),
         session(b"\0\x57", ip6(A6, B6, 17, PROBE6)), session(b"\0\x2f"), session(b"\0\x2f", b"short"), session(b"\xc0\x21", b""), session(b"\0\xfd"),
         session(b"\x12\x34"), session(b"\0\x21", length=0), b"\x11\0\0\1\0\x10\0")
    link(0x8863, b"\x11\x09", b"\x11\x09\0\0\0\4\1\1\0\0", b"\x11\x09\0\0\0\x14\1\1\0\0", b"\x11\x10\0\0\0\4\1\1\0\0")
    shim = lambda label, bottom=1: struct.pack(">I", label << 12 | bottom << 8 | 64)
    link(0x8847, b"\0\0\1", *[shim(label) + inner for label in (0, 1, 3, 4, 14, 15, 16)], shim(2) + ip6(A6, B6, 17, PROBE6), shim(20, 0) + shim(16) + inner,
         shim(16) + b"E", shim(16) + b"\x90" + inner, shim(16) + bytes(4) + ethernet(inner), shim(16) + ip6(A6, B6, 17, PROBE6), shim(20, 0))
    link(0x8926, bytes(5), b"\0\0\0\0\x08\0" + inner, b"\0\0\0\0\x12\x34" + inner)
    link(0x8903, bytes(2), bytes(15), bytes(2) + ethernet(inner))
    nsh = lambda first=0, words=6, kind=1, following=1, body=inner: struct.pack(">HBB", first << 8 | words, kind, following) + bytes(max(words * 4 - 4, 4)) + body
    link(0x894f, bytes(7), nsh(), nsh(first=0x40), nsh(body=b""), nsh(words=2), nsh(words=2, kind=2), nsh(kind=0), nsh(kind=15), nsh(kind=3), nsh(following=4),
         nsh(following=9), nsh(following=2, body=ip6(A6, B6, 17, PROBE6)), nsh(following=3, body=ethernet(inner)), nsh(following=5, body=shim(16) + inner))
    link(0x1234, b"what")


@case
def odd_tunnels(t):
    """GRE, ERSPAN, VXLAN and GENEVE headers that are cut, of unknown versions, or with unknown contents."""
    inner = ip4(A, B, 17, PROBE)
    header = lambda flags, kind=0x0800, rest=b"": struct.pack(">HH", flags, kind) + rest
    for body in (b"\0\0\x08", header(0) + inner, header(2) + inner, header(0x0700) + inner, header(0x0078) + inner, header(0xb000), header(0x4000, rest=bytes(4) + b"\0\2\0\x20") + inner,
                 header(0x4000, rest=bytes(4) + b"\0\2\0\4" + bytes(4) + bytes(4)) + inner, header(0, 0x1234) + inner, header(0x8001, 0x880b, bytes(4)), header(0x4001, 0x880b, bytes(4)), header(0x0801, 0x880b, bytes(4)),
                 header(0x0701, 0x880b, bytes(4)), header(0x2079, 0x880b, bytes(4)), header(0x2001, 0x0800, bytes(4)), header(0x0001, 0x880b, bytes(4)),
                 header(0x3001, 0x880b, bytes(4)), header(0x2001, 0x880b, b"\0\4\0\1\xff\3\0\x21") + inner, header(0x2001, 0x880b, b"\0\0\0\1"),
                 header(0x2001, 0x880b, b"\0\4\0\1\xff\3\x12\x34") + inner, header(0x2001, 0x880b, b"\0\4\0\1\x21") + inner,
                 header(0x1000, 0x88be, bytes(4) + b"\x10\5" + bytes(6)) + ethernet(inner),
                 header(0, 0x88be) + ethernet(inner), header(0, 0x6558) + ethernet(inner), header(0, 0x8100, b"\0\5\x08\0") + inner):
        frames(t, ip4(A, B, 47, body))
    for port, body in ((4789, b"\x08" + bytes(7) + ethernet(inner)), (4789, bytes(8) + ethernet(inner)), (4789, b"\x08" + bytes(7) + ethernet(b"what", kind=0x1234)),
                       (6081, b"\0\0\x08\0" + bytes(4) + inner), (6081, b"\0\0\x12\x34" + bytes(4) + inner), (6081, b"\x40\0\x08\0" + bytes(4) + inner)):
        frames(t, ip4(A, B, 17, udp(A, B, 40001, port, body)))


@case
def odd_fragments(t):
    """Fragments that overlap, and ones that would make the datagram too large, of both IP versions."""
    whole = ip4(A, B, 17, udp(A, B, 40001, 9999, noise(200)), ident=7)
    parts = fragments4(whole, 64, 128)
    frames(t, parts[0], parts[0], parts[1], fragment4(whole, 32, whole[52:100], True), parts[2], fragment4(whole, 65520, noise(16), False))
    parts = fragments6(A6, B6, 17, udp(A6, B6, 40001, 9999, noise(200)), 64, 128)
    frames(t, parts[0], parts[0], parts[1], parts[2], *fragments6(A6, B6, 17, noise(65530 - 64), 65520 - 64)[1:],
           ip6(A6, B6, 17, noise(24), extensions=[(44, b"\0" + struct.pack(">HI", 65528, 99))]))


# ------------------------------------------------------------------ application protocols
def ask_each(t, port, *talks, opening=b""):
    """A connection for each talk: requests and answers in turn, `None` where one side stays silent."""
    for number, (questions, *answers) in enumerate(talks):
        c = Tcp(t, port=port, source_port=42000 + number).open()
        for question, answer in zip([questions] if isinstance(questions, bytes) else questions, list(answers) + [None] * 9):
            if question:
                c.ask(opening + question)
            if answer:
                c.answer(answer)
        c.close()


def head(*lines):
    return b"\r\n".join(lines) + b"\r\n\r\n"


@case
def odd_http_requests(t):
    """HTTP requests with what a parser finds odd: first lines, headers, lengths, codings, hosts, bodies."""
    host, ok = b"Host: www.kaggle.com", response()
    get = lambda *more: head(b"GET / HTTP/1.1", host, *more)
    ask_each(t, 80, (head(b" GET / HTTP/1.1", host), ok), (head(b"GET\t/ HTTP/1.1", host), ok), (head(b"GET /\tHTTP/1.1", host), ok), (head(b"GET /a\tb HTTP/1.1", host), ok),
             (head(b"GET / HTTP/1.1"), ok), (head(b"GET / HTTP/1.0"), ok), (get(host), ok), (get(b"Host: other.example"), ok), (head(b"GET http://other.example/ HTTP/1.1", host), ok),
             (head(b"GET http://a b/ HTTP/1.1", host), ok), (head(b"GET http://a:x/ HTTP/1.1", host), ok), (head(b"GET / HTTP/1.1", b"Host: a b"), ok), (head(b"GET / HTTP/1.1", b"Host: www.kaggle.com:x"), ok),
             (get(b"no colon here"), ok), (get(b": no name"), ok), (get(b"Blank : x"), ok), (get(b"A\x01b: x"), ok), (head(b"GET / HTTP/1.1", b" folded", host), ok), (get(b"A: b", b" more"), ok),
             (get(b"Authorization: What ever"), ok), (get(b"Authorization: Basic dTpw"), ok), (get(b"Content-Length: x") , ok), (get(b"Content-Length: 0", b"Content-Length: 5"), ok), (get(b"Transfer-Encoding: what"), ok),
             (get(b"Transfer-Encoding: chunked") + b"x\r\n", ok), (get(b"Transfer-Encoding: chunked") + b"2;a=b\r\nok\r\n0\r\n\r\n", ok), (get() + b"body that nobody announced\r\n", ok),
             (get(*[b"H%d: x" % n for n in range(1100)]), ok), (get(*[b"Same: x"] * 70), ok), (b"GET /" + b"a" * 18500, ok), (get(b"Long: " + b"a" * 18500), ok), (b"what\r\n\r\n", ok), (b"what ever\r\n\r\n", ok),
             (b"GET /\r\n\r\n", ok), (head(b"GET /%252e HTTP/1.1", host), ok), (head(b"GET / HTTX/1.1", host), ok), (head(b"GET / HTTP/9.9", host), ok), (head(b"POST / HTTP/1.1", host, b"Transfer-Encoding: chunked", b"Content-Length: 3"), ok),
             (get() + get(b"Blank : x") + get(), ok + ok + ok), ([get(), get(b"Blank : x")], ok, ok), (head(b"CONNECT www.kaggle.com:x HTTP/1.1"), ok), (head(b"GET https://www.kaggle.com:444/ HTTP/1.1", host), ok))


@case
def odd_http_responses(t):
    """HTTP responses with what a parser finds odd: first lines, headers, lengths, codings, ones nobody asked for."""
    ask = request(ALLOWED)
    say = lambda *more, line=b"HTTP/1.1 200 OK", body=b"": head(line, *more) + body
    length = b"Content-Length: 2"
    ask_each(t, 80, (ask, say(length, line=b"HTTX/1.1 200 OK", body=b"ok")), (ask, say(length, line=b"HTTP/1.1 2000 OK", body=b"ok")), (ask, say(length, line=b"HTTP/1.1 ab OK", body=b"ok")), (ask, say(length, line=b"HTTP/9 200 OK", body=b"ok")),
             (ask, say(length, b"no colon", body=b"ok")), (ask, say(length, b": no name", body=b"ok")), (ask, say(length, b"Blank : x", body=b"ok")), (ask, say(length, b"A\x01b: x", body=b"ok")),
             (ask, say(b" folded", length, body=b"ok")), (ask, say(length, b"A: b", b" more", body=b"ok")), (ask, say(b"Content-Length: x")), (ask, say(length, b"Content-Length: 3", body=b"ok")),
             (ask, say(b"Transfer-Encoding: chunked", body=b"x\r\n")), (ask, say(b"Transfer-Encoding: chunked", body=b"2;a=b\r\nok\r\n0\r\n\r\n")), (ask, say(b"Transfer-Encoding: chunked, what", body=b"2\r\nok\r\n0\r\n\r\n")),
             (ask, say(b"Transfer-Encoding: chunked", line=b"HTTP/1.0 200 OK", body=b"2\r\nok\r\n0\r\n\r\n")), (ask, say(b"Content-Type: multipart/byteranges; boundary=a", body=b"--a\r\n")),
             (ask, say(length, b"Content-Encoding: gzip, gzip, gzip, gzip", body=b"ok")), (ask, say(length, b"Content-Encoding: xgzipx", body=b"ok")), (ask, say(length, b"Content-Encoding: what", body=b"ok")), (ask, say(length, b"Content-Encoding: deflate, what", body=b"ok")),
             (ask, say(line=b"HTTP/1.1 100 Continue") + say(line=b"HTTP/1.1 100 Continue") + response()), (ask, say(line=b"HTTP/1.1 100 Continue") + response()), (ask, response() + response()), (ask, response() + response() + response()),
             (ask, say(*[b"H%d: x" % n for n in range(1100)])), (ask, say(b"Long: " + b"a" * 18500)), (ask, b"HTTP/1.1 200 " + b"a" * 18500), (ask, say(*[b"Same: x"] * 70)), (ask, say(b"Nul: a\0b", length, body=b"ok")),
             (ask[:10], response()), ([ask + ask, None], response() + say(length, b"Blank : x", body=b"ok")), ([ask, b""], response(), b"more\n"), ([ask, b"", b""], response(), b"more\n", b"and more\n"), (ask, say(b"Content-Length: 2", b"Transfer-Encoding: chunked", body=b"2\r\nok\r\n0\r\n\r\n")))
    c = Tcp(t, port=80, source_port=43000).open().answer(response()).close()


def hello_with(*extensions):
    """A ClientHello with nothing but these extensions."""
    body = struct.pack(">H", 0x0303) + bytes(32) + b"\0" + sized(b"\x13\x01", 2) + sized(b"\0", 1)
    return body + sized(b"".join(extensions), 2)


def handshake(kind, body, length=None):
    return record(bytes([kind]) + (len(body) if length is None else length).to_bytes(3, "big") + body)


@case
def odd_tls(t):
    """TLS records and handshakes with what a parser finds odd: types, versions, lengths, names, certificates, heartbeats, SSLv2."""
    hello, answer = client_hello(ALLOWED), server_hello()
    name = server_name(ALLOWED)
    beat = extension(15, b"\1")
    certificates = lambda *list_: record(b"\x0b" + sized(sized(b"".join(sized(c, 3) for c in list_), 3), 3))
    heartbeat = lambda kind, length, body: record(struct.pack(">BH", kind, length) + body, kind=24)
    with_beat = handshake(1, hello_with(name, beat))
    ask_each(t, 443, (hello, answer), (record(b"what", kind=99), answer), (record(b"\1", version=0x0909), answer), (b"\x16\3\1\0\0" + hello, answer), (b"\x16\3\1\x50\0" + bytes(50), answer),
             (handshake(1, hello_with(name, name)), answer), (handshake(1, hello_with(extension(0, sized(b"\1" + sized(b"a.example", 2), 2)))), answer),
             (handshake(1, hello_with(extension(0, sized(b"\0" + b"\x40\0" + b"a.example", 2)))), answer), (handshake(1, hello_with(extension(0, b"\0\x40\0"))), answer), (handshake(1, hello_with(name)[:40]), answer),
             (handshake(1, hello_with(name)[:-4]), answer), (handshake(1, hello_with(name)[:-4] + b"\xff\xff\xff\xff"), answer), (handshake(1, b"\3\3"), answer), (handshake(1, hello_with(name), length=5), answer), (handshake(77, b"what"), answer),
             ([hello, None], record(b"\2\0\0\2\3\3")), ([hello, application_data()], answer + certificates(b"what")), ([hello, application_data()], answer + certificates()), ([hello, application_data()], answer + record(b"\x0b\0\0\5\0\0\x09\0\0")),
             ([hello, application_data()], answer + certificates(b"\x30\x80what")), ([hello, application_data()], answer + record(b"\x0b\0\0\6\0\0\3\0\0\x44")), (sslv2_hello(), answer), (b"\x80\x03\1\0\2", answer), (b"\x80\x2e\0\0\2" + bytes(43), answer),
             (b"\x80\x2e\1\0\3" + bytes(43), answer), (hello + alert() + record(b"", kind=21), answer), (hello, answer + alert()), ([hello, b"junk that is no record at all, but long enough"], answer),
             (with_beat, answer, ), ([with_beat, heartbeat(1, 16, bytes(40))], answer), ([with_beat, heartbeat(1, 4000, bytes(40))], answer), ([with_beat, heartbeat(1, 16, bytes(18))], answer), ([with_beat, heartbeat(9, 16, bytes(40))], answer),
             ([with_beat, heartbeat(1, 16, bytes(40)), None], answer, heartbeat(2, 16, bytes(400))), ([hello, heartbeat(1, 16, bytes(40))], answer), (hello + b"".join(record(b"\1", kind=20) for _ in range(300)), answer),
             ([hello, b"".join(application_data(1) for _ in range(400))], answer), (record(b"", kind=22) + hello, answer), (record(b"\1\2", kind=20) + hello, answer))
    c = Tcp(t, source_port=44000).open().answer(answer).ask(hello).close()


@case
def odd_dns(t):
    """DNS over UDP and TCP with what a parser finds odd: flags, opcodes, names without end, answers nobody asked for."""
    header = lambda flags, *counts: struct.pack(">6H", 0x1d01, flags, *counts)
    query = header(0x0100, 1, 0, 0, 0) + dns_name(ALLOWED) + struct.pack(">HH", 1, 1)
    talks = [(query[:2] + b"\1\x40" + query[4:], dns_answer(ALLOWED)), (query[:2] + b"\x79\0" + query[4:], dns_answer(ALLOWED)), (query, dns_answer(ALLOWED)[:2] + b"\x81\xc0" + dns_answer(ALLOWED)[4:]),
             (query, dns_answer(ALLOWED)[:2] + b"\xf9\x80" + dns_answer(ALLOWED)[4:]), (query, query), (query[:-6], dns_answer(ALLOWED)[:-9]), (header(0x0100, 1, 0, 0, 0) + b"\xc0\x0c" + b"\0\1\0\1", query),
             (header(0x0100, 1, 0, 0, 0) + b"\5a" , None), (header(0x0100, 1, 0, 0, 0) + dns_name(".".join("a" * 60 for _ in range(8))) + b"\0\1\0\1", None), (header(0x0100, 1, 0, 0, 0) + dns_name(".".join("a" * 260)) + b"\0\1\0\1", None),
             (header(0x0100, 2, 0, 0, 0) + dns_name(ALLOWED) + b"\0\1\0\1", None), (dns_answer(ALLOWED), None), (query, header(0x8180, 1, 3, 0, 0) + dns_name(ALLOWED) + b"\0\1\0\1" + b"\xc0\x0c\0\1\0\1\0\0\0\x09\0\4\1\2\3\4")]
    for number, (question, answer) in enumerate(talks):
        u = Udp(t, 53, source_port=45000 + number).send(CLIENT, question)
        if answer:
            u.send(SERVER, answer)
    ask_each(t, 53, *[(sized(question, 2), answer and sized(answer, 2)) for question, answer in talks], (sized(query, 2) + sized(query, 2), b""), (sized(b"short", 2), b""), (query, b""))


@case
def odd_ssh(t):
    """SSH banners and records with what a parser finds odd."""
    server, packet = b"SSH-2.0-OpenSSH_9.2\r\n", lambda body, pad=4: struct.pack(">IB", len(body) + 1 + pad, pad) + body + bytes(pad)
    ask_each(t, 22, (b"SSH-2.0-edge\r\n", server, ), (b"SSH-2.0\r\n", server), (b"SSH-2.0-" + b"a" * 300 + b"\r\n", server), (b"SSH-2.0-" + b"a" * 300, server), (b"SSH-\r\n", server), (b"SSH-2.0-\xff\xfe\r\n", server),
             ([b"SSH-2.0-edge\r\n", b"\0\0\0\1\0"], server), ([b"SSH-2.0-edge\r\n", b"\0\0\0\0\0\0\0"], server), ([b"SSH-2.0-edge\r\n", packet(b"\x14" + bytes(60)) + packet(b"\x15")], server), ([b"SSH-2.0-edge\r\n", struct.pack(">IBB", 70000, 4, 20) + bytes(800)], server),
             ([b"SSH-2.0-edge\r\n", struct.pack(">IBB", 40000, 4, 20) + bytes(800)], server), (b"SSH-2.0-edge\n", b"SSH-1.99-x\r\n"), (b"SSH-2.0-edge\r\n", b"hello\r\n" + server), ([b"SSH-2.0-edge\r\n", b"GET / HTTP/1.1\r\n\r\n"], server))
