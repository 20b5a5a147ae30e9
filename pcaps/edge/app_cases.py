"""HTTP, protocols on other ports than their own, UDP, DNS and ICMP."""
from cases import *
from packet import *
from payload import *


# ------------------------------------------------------------------ HTTP
HOST_FORMS = (
    ("port", "The Host header has a port.", request("www.kaggle.com:8080")),
    ("upper_case", "The Host header in mixed case.", request("WWW.Kaggle.COM")),
    ("trailing_dot", "The Host header has a trailing dot.", request("www.kaggle.com.")),
    ("apex", "The bare domain of a wildcard entry.", request("kaggle.com")),
    ("look_alike", "A name that ends like the allowed one without the dot.", request("notkaggle.com")),
    ("missing", "HTTP/1.1 without a Host header.", request(None)),
    ("http10", "HTTP/1.0 without a Host header.", request(None, version="1.0")),
    ("empty", "An empty Host header.", request("")),
    ("lower_case_header", "The header's name in lower case.", request(ALLOWED, header="host")),
    ("space_before_colon", "A space before the colon of the Host header.", request(ALLOWED, header="Host ")),
    ("tab_and_spaces", "Blanks around the host.", request("\t www.kaggle.com \t")),
    ("two_headers", "Two Host headers: allowed, then refused.", request(ALLOWED, more="Host: " + REFUSED)),
    ("two_headers_reversed", "Two Host headers: refused, then allowed.", request(REFUSED, more="Host: " + ALLOWED)),
    ("absolute_target", "The request target is an absolute URI, same host.", request(ALLOWED, "http://www.kaggle.com/x")),
    ("absolute_target_differs", "The absolute URI names a refused host, the Host header an allowed one.",
     request(ALLOWED, "http://example.org/x")),
    ("absolute_target_port", "The absolute URI has user, port and upper case.", request(None, "http://u:p@WWW.KAGGLE.COM:80/x")),
    ("ipv4_literal", "An IPv4 address as host.", request("198.51.100.10")),
    ("ipv6_literal", "An IPv6 address as host.", request("[2001:db8:100::10]:80")),
    ("connect", "CONNECT to an allowed name, port 443.", request("www.kaggle.com:443", "www.kaggle.com:443", "CONNECT")),
    ("connect_refused", "CONNECT to a refused name.", request("example.org:443", "example.org:443", "CONNECT")),
    ("bare_newlines", "Lines end with LF only.", request(ALLOWED, newline="\n")),
    ("folded", "The host is on a continuation line.", request("\r\n www.kaggle.com")),
    ("long", "A host of 300 bytes below the allowed domain.", request("a." * 145 + "kaggle.com")),
    ("nul_byte", "A NUL byte inside the host.", request("example.org\0.kaggle.com")),
    ("unusual_method", "An unknown method.", request(ALLOWED, method="FROBNICATE")),
    ("options_star", "OPTIONS with the target *.", request(ALLOWED, "*", "OPTIONS")),
    ("http09", "HTTP/0.9: a request line without version.", b"GET /\r\n"),
    ("post_body", "POST with a body that looks like another request.",
     request(ALLOWED, method="POST", body="GET / HTTP/1.1\r\nHost: example.org\r\n\r\n")),
)
for _form, _text, _ask in HOST_FORMS:
    def _build(t, ask=_ask):
        http(t, ask=ask)
    _build.__name__, _build.__doc__ = "http_host_" + _form, _text
    case(_build)


@case
def http_request_split(t):
    """A request in five segments: inside the method, the header's name, the host, before the blank line."""
    c = Tcp(t, port=80).open()
    ask = request(REFUSED)
    t.add(*c.cut_frames(CLIENT, ask, 2, 18, 26, len(ask) - 2))
    c.send(SERVER).answer(response()).close()


@case
def http_request_split_reversed(t):
    """A request in three segments, last first, allowed host."""
    c = Tcp(t, port=80).open()
    t.add(*reversed(c.cut_frames(CLIENT, request(ALLOWED), 10, 30)))
    c.send(SERVER).answer(response()).close()


@case
def http_two_hosts(t):
    """Two requests on one connection: allowed, then refused."""
    c = Tcp(t, port=80).open().ask(request(ALLOWED)).answer(response())
    c.ask(request(REFUSED)).answer(response()).close()


@case
def http_two_hosts_reversed(t):
    """Two requests on one connection: refused, then allowed."""
    c = Tcp(t, port=80).open().ask(request(REFUSED)).answer(response())
    c.ask(request(ALLOWED)).answer(response()).close()


@case
def http_pipelined(t):
    """Two requests in one segment: allowed, then refused."""
    c = Tcp(t, port=80).open().ask(request(ALLOWED) + request(REFUSED))
    c.answer(response()).answer(response()).close()


@case
def http_pipelined_reversed(t):
    """Two requests in one segment: refused, then allowed."""
    c = Tcp(t, port=80).open().ask(request(REFUSED) + request(ALLOWED))
    c.answer(response()).answer(response()).close()


@case
def http_pipelined_split(t):
    """Three requests in two segments; the second request is cut."""
    both = request(ALLOWED) + request(REFUSED) + request(ALLOWED)
    c = Tcp(t, port=80).open().ask(both[:80]).ask(both[80:])
    c.answer(response() * 3).close()


@case
def http_port_8080(t):
    """HTTP on port 8080, allowed and refused host."""
    http(t, port=8080)
    http(t, REFUSED, port=8080, source_port=40_002, server=OTHER)


@case
def http_on_443(t):
    """Plain HTTP on port 443, refused host."""
    http(t, REFUSED, port=443, server=OTHER)


@case
def http_chunked(t):
    """A chunked answer in several segments, then a second request."""
    c = Tcp(t, port=80).open().ask(request(ALLOWED))
    c.answer(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n").answer(b"3\r\n yo\r\n0\r\n\r\n")
    c.ask(request(REFUSED)).answer(response()).close()


@case
def http_continue(t):
    """POST with Expect: 100-continue."""
    c = Tcp(t, port=80).open().ask(b"POST /up HTTP/1.1\r\nHost: example.org\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n")
    c.answer(b"HTTP/1.1 100 Continue\r\n\r\n").ask(b"data").answer(response()).close()


@case
def http_answer_first(t):
    """The server sends an answer before any request."""
    c = Tcp(t, port=80).open().answer(response())
    c.ask(request(REFUSED)).answer(response()).close()


@case
def http_upgrade(t):
    """An upgrade to WebSocket, then frames."""
    c = Tcp(t, port=80).open().ask(request(ALLOWED, "/chat", more="Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: eA=="))
    c.answer(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n")
    c.ask(b"\x81\x85\1\2\3\4" + bytes(a ^ b for a, b in zip(b"hello", b"\1\2\3\4\1"))).answer(b"\x81\x02ok").close()


@case
def http_connect_then_tls(t):
    """CONNECT through a proxy on 8080, then a TLS hello inside the same connection."""
    c = Tcp(t, port=8080).open().ask(request("example.org:443", "example.org:443", "CONNECT"))
    c.answer(b"HTTP/1.1 200 Connection established\r\n\r\n").ask(client_hello(REFUSED)).answer(server_hello()).close()


@case
def http2_prior_knowledge(t):
    """HTTP/2 without TLS: the connection preface, settings."""
    c = Tcp(t, port=80).open().ask(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0")
    c.answer(b"\0\0\0\4\0\0\0\0\0\0\0\0\4\1\0\0\0\0").close()


# ------------------------------------------------------------------ not what the port says
@case
def noise_on_443(t):
    """Bytes of no known protocol in both directions on port 443."""
    c = Tcp(t, server=OTHER).open()
    for seed in range(1, 6):
        c.ask(noise(60, seed)).answer(noise(80, seed + 20))
    c.close()


@case
def noise_one_way(t):
    """Bytes of no known protocol from the client only."""
    c = Tcp(t, server=OTHER, port=7000).open()
    for seed in range(1, 5):
        c.ask(noise(200, seed))
    c.close()


@case
def server_speaks_first(t):
    """An SMTP-like greeting, then commands."""
    c = Tcp(t, port=25, server=OTHER).open().answer(b"220 mail.example.org ESMTP\r\n")
    c.ask(b"EHLO notebook\r\n").answer(b"250-mail.example.org\r\n250 STARTTLS\r\n").ask(b"QUIT\r\n").answer(b"221 bye\r\n").close()


@case
def server_speaks_first_443(t):
    """The server sends an unknown greeting on port 443 before the ClientHello."""
    c = Tcp(t, server=OTHER).open().answer(b"HELLO 1\n")
    c.ask(client_hello(REFUSED)).answer(server_hello()).close()


@case
def ssh_on_22(t):
    """SSH banners and binary packets on port 22."""
    c = Tcp(t, port=22, server="203.0.113.22").open().answer(SSH_SERVER).ask(SSH_CLIENT)
    c.ask(b"\0\0\0\x2c\x06\x14" + noise(42)).answer(b"\0\0\0\x2c\x06\x14" + noise(42, 2)).close()


@case
def ssh_on_443(t):
    """SSH on port 443; the client's banner comes first."""
    c = Tcp(t, server="203.0.113.22").open().ask(SSH_CLIENT).answer(SSH_SERVER)
    c.ask(b"\0\0\0\x2c\x06\x14" + noise(42)).answer(b"\0\0\0\x2c\x06\x14" + noise(42, 2)).close()


@case
def client_http_server_tls(t):
    """The client speaks HTTP, the server answers in TLS."""
    c = Tcp(t, server=OTHER).open().ask(request(REFUSED))
    c.answer(server_hello()).close()


@case
def silent_connection(t):
    """A connection without any data."""
    Tcp(t, port=8000, server=OTHER).open().close()


@case
def banner_only(t):
    """The server sends a banner, the client closes."""
    Tcp(t, port=6667, server=OTHER).open().answer(b":irc.example.org NOTICE * :hi\r\n").close()


# ------------------------------------------------------------------ UDP, DNS, ICMP
@case
def dns_lookups(t):
    """An allowed and a refused name, asked and answered, each from its own port."""
    for i, name in enumerate((ALLOWED, REFUSED)):
        Udp(t, 53, source_port=41_000 + i, server="192.0.2.53").send(CLIENT, dns_query(name)).send(SERVER, dns_answer(name))


@case
def dns_same_port(t):
    """Three names from one port: refused, allowed, refused."""
    u = Udp(t, 53, server="192.0.2.53")
    for i, name in enumerate((REFUSED, ALLOWED, REFUSED)):
        u.send(CLIENT, dns_query(name, ident=i)).send(SERVER, dns_answer(name, ident=i))


@case
def dns_upper_case(t):
    """The refused name in mixed case (0x20 encoding)."""
    Udp(t, 53, server="192.0.2.53").send(CLIENT, dns_query("eXaMpLe.OrG")).send(SERVER, dns_answer("eXaMpLe.OrG"))


@case
def dns_tcp(t):
    """A query over TCP, length and message in two segments, and the answer."""
    c = Tcp(t, port=53, server="192.0.2.53").open()
    t.add(*c.cut_frames(CLIENT, sized(dns_query(REFUSED), 2), 2))
    c.send(SERVER).answer(sized(dns_answer(REFUSED), 2)).close()


@case
def dns_other_port(t):
    """A query on port 5353."""
    Udp(t, 5353).send(CLIENT, dns_query(REFUSED)).send(SERVER, dns_answer(REFUSED))


@case
def dns_broken(t):
    """A query cut short, a label that points to itself, and an empty datagram."""
    u = Udp(t, 53, server="192.0.2.53")
    u.send(CLIENT, dns_query(REFUSED)[:20]).send(CLIENT, struct.pack(">6H", 7, 0x0100, 1, 0, 0, 0) + b"\xc0\x0c\0\1\0\1").send(CLIENT, b"")


@case
def dns_ipv6(t):
    """A lookup over IPv6."""
    u = Udp(t, 53, client=NOTEBOOK6, server="2001:db8:100::53")
    u.send(CLIENT, dns_query(REFUSED, kind=28)).send(SERVER, dns_answer(REFUSED))


@case
def udp_states(t):
    """Datagrams one way; the first answer; more both ways."""
    u = Udp(t, 9999)
    u.send(CLIENT, b"one").send(CLIENT, b"two").send(SERVER, b"ONE").send(CLIENT, b"three").send(SERVER, b"THREE")


@case
def udp_idle(t):
    """A dialogue on one pair of ports with ten minutes of silence in it."""
    u = Udp(t, 9999).send(CLIENT, b"one").send(SERVER, b"ONE")
    t.pause(600)
    u.send(CLIENT, b"two").send(SERVER, b"TWO")


@case
def quic_like(t):
    """A long-header QUIC datagram of 1200 bytes on UDP 443 and an answer."""
    initial = b"\xc3\0\0\0\1" + sized(noise(8), 1) + sized(noise(8, 2), 1) + b"\0\x44\x9e" + noise(1170, 3)
    Udp(t, 443).send(CLIENT, initial).send(SERVER, initial[:600])


@case
def ntp(t):
    """A time request and its answer."""
    Udp(t, 123).send(CLIENT, b"\x23" + bytes(47)).send(SERVER, b"\x24\2\6\xe9" + bytes(44))


@case
def icmp_ping(t):
    """Two pings, the second unanswered, and a timestamp request."""
    for n in (1, 2):
        t.add(ethernet(ip4(NOTEBOOK, WEB, 1, icmp(8, 0, 0x1d010000 + n, noise(56)))))
        if n == 1:
            t.add(ethernet(ip4(WEB, NOTEBOOK, 1, icmp(0, 0, 0x1d010000 + n, noise(56))), SERVER))
    t.add(ethernet(ip4(NOTEBOOK, WEB, 1, icmp(13, 0, 0x1d020001, bytes(12)))))


@case
def icmp_from_outside(t):
    """The internet pings the notebook."""
    t.add(ethernet(ip4(OTHER, NOTEBOOK, 1, icmp(8, 0, 0x1d010001, noise(32))), SERVER))
    t.add(ethernet(ip4(NOTEBOOK, OTHER, 1, icmp(0, 0, 0x1d010001, noise(32)))))


@case
def icmp_errors_udp(t):
    """Port unreachable for a datagram, time exceeded for another, and an error for a flow that does not exist."""
    u = Udp(t, 9998).send(CLIENT, b"anyone?")
    quoted = u.packet(CLIENT, b"anyone?")
    t.add(ethernet(ip4(OTHER, NOTEBOOK, 1, icmp(3, 3, 0, quoted)), SERVER))
    t.add(ethernet(ip4("10.2.1.1", NOTEBOOK, 1, icmp(11, 0, 0, quoted[:28])), SERVER))
    stranger = ip4(NOTEBOOK, "192.0.2.77", 17, udp(NOTEBOOK, "192.0.2.77", 5, 6, b"x"))
    t.add(ethernet(ip4("192.0.2.1", NOTEBOOK, 1, icmp(3, 1, 0, stranger)), SERVER))
    u.send(CLIENT, b"still?")


@case
def icmp_errors_tcp(t):
    """Fragmentation needed, quoting a TCP connection whose ClientHello was refused."""
    c = Tcp(t).open().ask(client_hello(REFUSED))
    quoted = ip4(NOTEBOOK, WEB, 6, tcp(NOTEBOOK, WEB, 40001, 443, 100_001, 900_001, PSH | ACK))
    t.add(ethernet(ip4("10.2.1.1", NOTEBOOK, 1, icmp(3, 4, 1400, quoted)), SERVER))
    c.answer(server_hello()).close()
