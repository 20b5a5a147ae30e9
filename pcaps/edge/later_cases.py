"""What Suricata 8.0 takes otherwise than 7.0: protocols it knows more of, and HTTP/1 that its own parser reads."""
import base64
import struct

from body_cases import ASK, PREFACE, fields, frame
from cases import *
from odd_cases import ask_each
from packet import *
from payload import *

DNS_MESSAGE = "application/dns-message"


def dns_question(name):
    return struct.pack(">6H", 0, 0x0100, 1, 0, 0, 0) + dns_name(name) + b"\0\1\0\1"


def dns_reply(name, *records, counts=None):
    return struct.pack(">6H", 0, 0x8180, 1, *(counts or (len(records), 0, 0))) + dns_name(name) + b"\0\1\0\1" + b"".join(records)


def resource(kind, data, name=b"\xc0\x0c"):
    return name + struct.pack(">HHIH", kind, 1, 60, len(data)) + data


@case
def http2_dns(t):
    """DNS in HTTP/2: a question in a body and its answer, a question in a path, and a stream that carries something else."""
    c = Tcp(t, port=80).open().ask(PREFACE + frame(4, 0, 0)).answer(frame(4, 0, 0))
    c.ask(frame(1, 5, 1, fields((":method", "GET"), (":path", "/page"), (":scheme", "http"), (":authority", ALLOWED))))
    c.ask(frame(1, 4, 3, fields(*ASK, ("content-type", DNS_MESSAGE))) + frame(0, 0, 3, dns_question(REFUSED)[:20]))
    c.ask(frame(0, 1, 3, dns_question(REFUSED)[20:]))
    c.answer(frame(1, 4, 3, fields((":status", "200"), ("content-type", DNS_MESSAGE))))
    c.answer(frame(0, 1, 3, dns_reply(REFUSED, resource(1, b"\1\2\3\4"))))
    path = "/dns-query?dns=" + base64.b64encode(dns_question(ALLOWED)).decode().rstrip("=")
    c.ask(frame(1, 5, 5, fields((":method", "GET"), (":path", path), (":scheme", "http"), ("accept", DNS_MESSAGE))))
    c.answer(frame(1, 5, 5, fields((":status", "404")))).close()
    c = Tcp(t, port=80, source_port=40002).open().ask(PREFACE + frame(4, 0, 0))
    c.ask(frame(1, 4, 1, fields(*ASK, ("content-type", DNS_MESSAGE))) + frame(0, 1, 1, b"no message")).ask(frame(0, 1, 0, b"of no stream")).close()


@case
def dns_records(t):
    """DNS answers with authorities and additional records, aliases and mail hosts, broken ones, and a question with answers."""
    alias, mail = dns_name("alias.example.org"), struct.pack(">H", 10) + dns_name("mail.example.org")
    servers = resource(2, dns_name("ns.kaggle.com"))
    option = b"\0" + struct.pack(">HHIH", 41, 4096, 0, 0)
    answers = (dns_reply(ALLOWED, resource(5, alias), resource(1, b"\1\2\3\4", dns_name("alias.example.org")), servers, resource(1, b"\5\6\7\x08", dns_name("ns.kaggle.com")), option, counts=(2, 1, 2)),
               dns_reply(ALLOWED, resource(15, mail), resource(16, b"\2hi\5there"), resource(6, dns_name("soa.example") + dns_name("root.example") + bytes(20)), counts=(2, 1, 0)),
               dns_reply(ALLOWED, resource(1, b"\1\2\3\4"), servers[:-3], counts=(1, 1, 0)), dns_reply(ALLOWED, resource(1, b"\1\2\3\4"), servers, b"\xc0\x0c\0\1\0\1", counts=(1, 1, 1)),
               dns_reply(ALLOWED, resource(16, b"\2hi\5the")), dns_reply(ALLOWED, resource(1, b"")))
    for number, answer in enumerate(answers):
        Udp(t, 53, source_port=45000 + number).send(CLIENT, dns_question(ALLOWED)).send(SERVER, answer)
    Udp(t, 53, source_port=45100).send(CLIENT, struct.pack(">6H", 7, 0x0100, 1, 1, 0, 1) + dns_name(ALLOWED) + b"\0\1\0\1" + resource(5, alias) + option)
    ask_each(t, 53, *[(sized(dns_question(ALLOWED), 2), sized(answer, 2)) for answer in answers])


@case
def ldap_start_tls(t):
    """LDAP that asks for TLS and gets it, then a hello; and LDAP that is refused it."""
    ask = b"\x30\x1d\2\1\1\x77\x18\x80\x16" + b"1.3.6.1.4.1.1466.20037"
    for number, code in enumerate((b"\0", b"\x34")):
        c = Tcp(t, port=389, source_port=40001 + number).open().ask(ask).answer(b"\x30\x0c\2\1\1\x78\7\x0a\1" + code + b"\4\0\4\0")
        c.ask(client_hello(ALLOWED)).answer(server_hello()).ask(application_data()).close()


@case
def sip_or_http(t):
    """Methods that SIP and HTTP share, over TCP and UDP: the version tells them apart."""
    lines = [b"OPTIONS sip:a@b SIP/2.0\r\nVia: a\r\n\r\n", b"OPTIONS * HTTP/1.1\r\nHost: www.kaggle.com\r\n\r\n", b"UPDATE sip:a@b SIP/2.0\r\n\r\n", b"UPDATE /x HTTP/1.1\r\nHost: www.kaggle.com\r\n\r\n", b"OPTIONS\nHost: www.kaggle.com\n\n", b"OPTIONS sip:a@b\r\n"]
    ask_each(t, 80, *[(line, response()) for line in lines])
    for number, line in enumerate(lines):
        Udp(t, 5060, source_port=45000 + number).send(CLIENT, line)


@case
def http_odd_lines(t):
    """Request lines, hosts and headers of HTTP/1 that parsers read differently: blanks, versions, credentials, line ends, folding."""
    host = b"Host: www.kaggle.com\r\n"
    asks = [b"GET /a b c HTTP/1.1\r\n" + host, b"GET /a b\r\n" + host, b"GET /\tb HTTP/1.1\r\n" + host, b"GET / http/01.1\r\n" + host, b"GET / HTTP/1.10\r\n" + host, b"WHAT /\r\n" + host, b"WHAT / ODD\r\n" + host, b"GET http:a.example/x HTTP/1.1\r\n" + host,
            b"GET http://u:p@www.kaggle.com:8080/x@y HTTP/1.1\r\n" + host, b"GET http://a/b@c/d HTTP/1.1\r\n" + host, b"GET / HTTP/1.1\r\nHost: WWW.Kaggle.com:x\r\n", b"GET / HTTP/1.1\r\nHost: :80\r\n", b"GET / HTTP/1.1\r\nHost: [::1]z\r\n", b"GET / HTTP/1.1\r\nHost: a..b\r\n",
            b"GET / HTTP/1.1\r\n" + host + b"A : 1\r\n B: 2\r\nC\r\n: 3\r\n", b"GET / HTTP/1.1\r\n" + host + b"A: 1\r\n\t2\r\n \r\n 3\r\n", b"GET / HTTP/1.1\r\n" + host + b"A: 1\rB: 2\n\r\r\n", b"CONNECT www.kaggle.com: HTTP/1.1\r\n",
            b"POST / HTTP/1.1\r\n" + host + b"Transfer-Encoding: xchunked\r\n\r\n\r\n2;a\r\nok\r\n0\r\nTrailer: 1\r\n", b"POST / HTTP/1.1\r\n" + host + b"Content-Length: a2b\r\n\r\nok" + b"more to come", b"POST / HTTP/1.1\r\n" + host + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", b"POST / HTTP/1.1\r\n" + host + b"Transfer-Encoding: chunked\r\n\r\nffffffff\r\n"]
    answers = [b"HTTP/1.1 200 OK\r\nA: 1\rB: 2\r\n C: 3\r\n\td\r\nContent-Length: 2\r\n\r\nok", b"http/01.1 200 OK\r\nContent-Length: 2\n\r\n\rok", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;a\r\nok\r\n \r\nzz\r\nbody", b"HTTP/1.1 200 OK\r\nA : 1\r\n B(: 2\r\nC\r\n: 3\r\nContent-Length: 0\r\n\r\nand more\r\n",
               b"HTTP/1.1 101 Go\r\nContent-Length: 2\r\n\r\nok", b"\nodd\r\nHTTP/1.1 200 OK\r\n\r\n"]
    ask_each(t, 80, *[(ask + b"\r\n", response()) for ask in asks], *[(b"GET /x HTTP/1.1\r\n" + host + b"\r\n", answer) for answer in answers])
    c = Tcp(t, port=80, source_port=43000).open().answer(response()).ask(request(ALLOWED)).answer(response()).close()
    c = Tcp(t, port=80, source_port=43001).open().ask(b"GET /x HTTP/1.1\r\n").ask(host).ask(b"A: b\r\n").ask(b"\r\n").answer(b"HTTP/1.1 200 OK\r\n").answer(b"A: b\r\n").answer(b"\r\nbody").close()


@case
def odd_arp(t):
    """ARP messages, whole and with what a decoder finds odd, and an unknown EtherType."""
    def arp(hardware=1, protocol=0x0800, sizes=(6, 4), operation=1, cut=28):
        body = struct.pack(">HHBBH", hardware, protocol, *sizes, operation) + bytes(20)
        t.add(b"\xff" * 6 + b"\2\0\0\0\0\1" + b"\x08\x06" + body[:cut])
    arp()
    for options in ({"operation": 2}, {"operation": 9}, {"hardware": 6}, {"protocol": 0x86dd}, {"sizes": (5, 4)}, {"sizes": (6, 16)}, {"cut": 7}, {"cut": 20}):
        arp(**options)
    t.add(b"\xff" * 6 + b"\2\0\0\0\0\1" + b"\x99\x99" + bytes(40))


@case
def tls_hello_cut(t):
    """ClientHellos whose lengths lead beyond them, behind a server name that can be read; whole ones beside them."""
    for number, cut in enumerate((0, 1, 5)):
        hello = client_hello(ALLOWED)
        hello = hello[:-cut - 1] + b"\xff" * (cut + 1) if cut else hello
        c = Tcp(t, source_port=40001 + number).open()
        t.add(*c.cut_frames(CLIENT, hello, len(hello) // 2))
        c.send(SERVER).answer(server_hello()).ask(application_data()).close()
    body = struct.pack(">H", 0x0303) + bytes(32) + b"\0" + sized(b"\x13\x01", 2) + sized(b"\0", 1)
    extensions = server_name(ALLOWED) + b"\0\x33\0\x40short"
    Tcp(t, source_port=40010).open().ask(record(b"\1" + sized(body + sized(extensions, 2), 3))).answer(server_hello()).close()
