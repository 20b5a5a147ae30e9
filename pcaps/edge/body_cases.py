"""Bodies of HTTP/1 and HTTP/2: plain, in chunks, compressed, long, forms; headers of all kinds."""
import struct
import zlib

from cases import *
from packet import *
from payload import *

# a gzip header with nothing in it
GZIP = bytes.fromhex("1f8b08000000000002ff")


def stored(data):
    """Deflate without compression."""
    return b"\1" + struct.pack("<HH", len(data), len(data) ^ 0xffff) + data


def gzipped(data):
    return GZIP + stored(data) + struct.pack("<II", zlib.crc32(data), len(data))


def head(*lines):
    return "\r\n".join(("HTTP/1.1 200 OK",) + lines + ("", "")).encode("latin-1")


def coded(coding, body):
    return head("Content-Type: text/plain", "Content-Encoding: " + coding, "Content-Length: %d" % len(body)) + body


def exchange(t, *answers, ask=request(ALLOWED, "/page?id=1")):
    c = Tcp(t, port=80).open().ask(ask)
    for answer in answers:
        c.answer(answer)
    return c.close()


@case
def body_in_segments(t):
    """A body in four segments, each of which ends within a word."""
    exchange(t, head("Content-Length: 26") + b"hello pl", b"ain bod", b"y, and s", b"o on")


@case
def body_until_close(t):
    """A body of no announced length: it ends with the connection."""
    exchange(t, head() + b"hello plain", b" body without an end")


@case
def body_with_trailer(t):
    """Chunks in several segments, and a header behind them."""
    exchange(t, head("Transfer-Encoding: chunked") + b"6\r\nhello \r\n", b"5\r\npla", b"in\r\n0\r\n",
             b"X-Check: behind\r\n\r\n")


@case
def body_gzip(t):
    """A compressed body in three segments; it is seen when it ends."""
    body = gzipped(b"hello compressed body")
    answer = coded("gzip", body)
    exchange(t, answer[:-20], answer[-20:-4], answer[-4:])


@case
def body_deflate(t):
    """Two answers: deflate, and gzip under the name of deflate."""
    c = Tcp(t, port=80).open().ask(request(ALLOWED)).answer(coded("deflate", stored(b"hello compressed body")))
    c.ask(request(ALLOWED)).answer(coded("deflate", gzipped(b"hello compressed body"))).close()


@case
def body_two_codings(t):
    """Deflate within gzip, and plain text that is said to be compressed."""
    c = Tcp(t, port=80).open().ask(request(ALLOWED))
    c.answer(coded("gzip, deflate", gzipped(stored(b"hello compressed body"))))
    c.ask(request(ALLOWED)).answer(coded("gzip", b"hello plain body")).close()


@case
def body_long(t):
    """60,000 bytes with marks at the beginning, around 41,000, across a segment's end, and at the end."""
    text = bytearray(b"0123456789" * 6000)
    for at, mark in ((20, b"first mark"), (40_990, b"middle mark"), (42_315, b"mark across segments"),
                     (59_980, b"last mark")):
        text[at:at + len(mark)] = mark
    answer = head("Content-Type: text/plain", "Content-Length: 60000") + bytes(text)
    exchange(t, *(answer[at:at + 1400] for at in range(0, len(answer), 1400)))


@case
def body_gzip_long(t):
    """A compressed body of 20,000 bytes: what is undone of it is seen in blocks."""
    text = bytearray(b"0123456789" * 2000)
    text[8100:8110] = b"first mark"
    text[8185:8205] = b"mark at a block's end"[:20]
    text[19_980:19_989] = b"last mark"
    answer = coded("gzip", gzipped(bytes(text)))
    exchange(t, *(answer[at:at + 1400] for at in range(0, len(answer), 1400)))


@case
def body_post(t):
    """A POST whose body comes in three segments, and a PUT."""
    ask = request(REFUSED, "/up", "POST", body="user=alice&secret=hunter2")
    c = Tcp(t, port=80).open()
    t.add(*c.cut_frames(CLIENT, ask, len(ask) - 15, len(ask) - 5))
    c.send(SERVER).answer(response())
    c.ask(request(REFUSED, "/file", "PUT", body="secret=hunter2")).answer(response()).close()


@case
def body_form(t):
    """A form with a field and two files, in five segments."""
    part = "--edge\r\nContent-Disposition: form-data; name=\"%s\"%s\r\n\r\n%s\r\n"
    body = (part % ("field", "", "just a field") + part % ("a", "; filename=\"a.txt\"", "hello first file")
            + part % ("b", "; filename=\"b.txt\"", "hello second file, which is longer") + "--edge--\r\n")
    ask = request(REFUSED, "/form", "POST", more="Content-Type: multipart/form-data; boundary=edge", body=body)
    c = Tcp(t, port=80).open()
    at = [ask.index(text) for text in (b"--edge\r\n", b"first file", b"second file", b"is longer")]
    t.add(*c.cut_frames(CLIENT, ask, *at))
    c.send(SERVER).answer(response()).close()


@case
def headers_of_all_kinds(t):
    """Each header that has a buffer, on both sides; a cookie twice."""
    more = "\r\n".join(["Accept: text/html", "Accept-Language: de-CH", "Accept-Encoding: gzip", "Referer: http://example.net/from",
                        "Connection: keep-alive", "Cookie: a=1", "Cookie: b=2", "X-Folded: one\r\n two",
                        "Content-Type: text/x-ask"])
    answer = "\r\n".join(["HTTP/1.1 302 Found There", "Server: edge/2", "Location: /elsewhere", "Set-Cookie: c=3",
                          "Connection: close", "content-type:text/x-answer", "Content-Length: 0", "", ""])
    exchange(t, answer.encode(), ask=request(ALLOWED, "/a%20b/../c?q=%41", "POST", more=more, body="x"))


@case
def headers_in_segments(t):
    """Request and answer cut within their headers."""
    ask, answer = request(ALLOWED, "/cut", more="Cookie: a=1"), response("hello plain body\n")
    c = Tcp(t, port=80).open()
    t.add(*c.cut_frames(CLIENT, ask, 5, 20, len(ask) - 6))
    c.send(SERVER)
    t.add(*c.cut_frames(SERVER, answer, 12, 30, len(answer) - 8))
    c.send(CLIENT).close()


# ------------------------------------------------------------------ HTTP/2
def frame(kind, flags, stream, body=b""):
    return struct.pack(">I", len(body))[1:] + struct.pack(">BBI", kind, flags, stream) + body


def fields(*pairs):
    """A header block of literals that are not kept."""
    return b"".join(b"\0" + sized(a.encode(), 1) + sized(b.encode(), 1) for a, b in pairs)


ASK = (":method", "POST"), (":path", "/two"), (":scheme", "http"), (":authority", "WWW.Kaggle.com:80")
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


@case
def http2_bodies(t):
    """HTTP/2 with bodies both ways, the answer's compressed and in two frames."""
    c = Tcp(t, port=80).open()
    c.ask(PREFACE + frame(4, 0, 0, struct.pack(">HIHI", 3, 100, 4, 65_535)) + frame(8, 0, 0, struct.pack(">I", 1_000_000)))
    c.answer(frame(4, 0, 0, struct.pack(">HI", 2, 0)))
    c.ask(frame(1, 4, 1, fields(*ASK, ("user-agent", "edge/2"), ("cookie", "a=1"), ("x-twice", "1"), ("x-twice", " 2 "))))
    c.ask(frame(0, 0, 1, b"secret=")).ask(frame(0, 9, 1, b"\3hunter2\0\0\0"))
    body = gzipped(b"hello compressed body")
    c.answer(frame(1, 4, 1, fields((":status", "200"), ("content-encoding", "gzip"), ("server", "edge/2"))))
    c.answer(frame(0, 0, 1, body[:20])).answer(frame(0, 1, 1, body[20:])).close()


@case
def http2_frames(t):
    """Frames of HTTP/2 about streams and the connection: priority, reset, window, table size, goaway, ping."""
    c = Tcp(t, port=80).open().ask(PREFACE + frame(4, 0, 0, struct.pack(">HIHI", 1, 2048, 2, 0)))
    c.answer(frame(4, 0, 0, struct.pack(">HI", 5, 20_000)))
    c.ask(frame(1, 0x25, 1, struct.pack(">IB", 0, 200) + b"\x3f\xe1\x0f" + fields(*ASK)))
    c.ask(frame(2, 0, 3, struct.pack(">IB", 1, 15)) + frame(8, 0, 1, struct.pack(">I", 500)))
    c.answer(frame(3, 0, 1, struct.pack(">I", 8)) + frame(6, 0, 0, b"edgeping"))
    c.answer(frame(7, 0, 0, struct.pack(">II", 1, 11) + b"enough")).close()


@case
def http2_shared_names(t):
    """Two streams whose headers are taken from the table; a header block in two frames."""
    c = Tcp(t, port=80).open().ask(PREFACE + frame(4, 0, 0))
    first = b"\x83\x44\x04/one\x86\x41\x0awww.a.test\x60\x03a=1\x60\x03b=2\x40\x05x-new\x03yes"
    c.ask(frame(1, 5, 1, first))
    c.ask(frame(1, 1, 3, b"\x82\xc2\x86\xc1") + frame(9, 4, 3, b"\xc0\xbf\xbe"))
    c.answer(frame(1, 5, 1, b"\x88\x40\x08location\x03/up")).answer(frame(1, 5, 3, b"\x8d\xbe")).close()
