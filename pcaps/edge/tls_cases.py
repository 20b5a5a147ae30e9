"""TLS: the ClientHello in pieces, and what it says."""
from cases import *
from packet import *
from payload import *


# ------------------------------------------------------------------ in pieces
def split_hello(trace, name, *cuts, order=None):
    """A post-quantum ClientHello cut at these offsets, the segments sent in this order."""
    c = Tcp(trace).open()
    frames = c.cut_frames(CLIENT, client_hello(name, key_share=1216), *cuts)
    trace.add(*[frames[i] for i in order or range(len(frames))])
    c.send(SERVER).answer(server_hello()).send(CLIENT, application_data()).send(SERVER, application_data()).close()


@case
def hello_2_segments(t):
    """A post-quantum ClientHello in two segments, allowed name."""
    split_hello(t, ALLOWED, 900)


@case
def hello_2_segments_refused(t):
    """A post-quantum ClientHello in two segments, refused name."""
    split_hello(t, REFUSED, 900)


@case
def hello_3_segments(t):
    """A post-quantum ClientHello in three segments, the first only a record header."""
    split_hello(t, ALLOWED, 5, 800)


@case
def hello_3_segments_refused(t):
    """A post-quantum ClientHello in three segments, refused name."""
    split_hello(t, REFUSED, 500, 1000)


@case
def hello_out_of_order(t):
    """Three segments; the third arrives before the second."""
    split_hello(t, REFUSED, 500, 1000, order=(0, 2, 1))


@case
def hello_reversed(t):
    """Three segments; they arrive last first."""
    split_hello(t, REFUSED, 500, 1000, order=(2, 1, 0))


@case
def hello_reversed_allowed(t):
    """Three segments of an allowed hello; they arrive last first."""
    split_hello(t, ALLOWED, 500, 1000, order=(2, 1, 0))


@case
def hello_segment_lost(t):
    """Three segments; the second is missing until the client sends it again 300 ms later."""
    c = Tcp(t).open()
    one, two, three = c.cut_frames(CLIENT, client_hello(REFUSED, key_share=1216), 500, 1000)
    t.add(one, c.frame(SERVER, ack=100_501), three, c.frame(SERVER, ack=100_501)).pause(0.3)
    t.add(two)
    c.send(SERVER).answer(server_hello()).close()


@case
def hello_segment_twice(t):
    """The first of two segments is sent twice."""
    split_hello(t, REFUSED, 700, order=(0, 0, 1))


@case
def hello_whole_twice(t):
    """A ClientHello in one segment is sent twice, as after a lost ACK."""
    c = Tcp(t).open()
    again = c.frame(CLIENT, client_hello(REFUSED), PSH | ACK)
    c.send(CLIENT, client_hello(REFUSED))
    t.pause(0.2).add(again)
    c.send(SERVER).answer(server_hello()).close()


@case
def hello_overlap_same(t):
    """Segments overlap, the common bytes are equal."""
    c = Tcp(t).open()
    hello, start = client_hello(REFUSED), c.next[CLIENT]
    t.add(c.frame(CLIENT, hello[:150], PSH | ACK), c.frame(CLIENT, hello[100:], PSH | ACK, seq=start + 100))
    c.next[CLIENT] += len(hello)
    c.send(SERVER).answer(server_hello()).close()


@case
def hello_overlap_different(t):
    """The end of an allowed hello overlaps a first segment with the refused name in the same place."""
    c = Tcp(t).open()
    first, second, start = client_hello("example.org.aa"), client_hello(ALLOWED), c.next[CLIENT]
    t.add(c.frame(CLIENT, first[:160], PSH | ACK), c.frame(CLIENT, second[60:], PSH | ACK, seq=start + 60))
    c.next[CLIENT] += len(second)
    c.send(SERVER).answer(server_hello()).close()


@case
def hello_overlap_hidden(t):
    """A refused hello, then the same bytes again with an allowed name (evasion try)."""
    c = Tcp(t).open()
    first, second = client_hello("example.org.aa"), client_hello(ALLOWED)
    disguise = c.frame(CLIENT, second, PSH | ACK)
    c.send(CLIENT, first)
    t.add(disguise)
    c.send(SERVER).answer(server_hello()).close()


@case
def hello_tiny_segments(t):
    """A ClientHello in segments of 24 bytes."""
    c = Tcp(t).open()
    hello = client_hello(REFUSED)
    t.add(*c.cut_frames(CLIENT, hello, *range(24, len(hello), 24)))
    c.send(SERVER).answer(server_hello()).close()


@case
def hello_two_records(t):
    """The ClientHello message is spread over two TLS records in one segment."""
    message = hello_message(REFUSED)
    tls(t, hello=record(message[:90]) + record(message[90:]))


@case
def hello_two_records_allowed(t):
    """The ClientHello message of an allowed name is spread over two TLS records in two segments."""
    message = hello_message(ALLOWED)
    c = Tcp(t).open().ask(record(message[:60])).ask(record(message[60:])).answer(server_hello())
    c.send(CLIENT, application_data()).send(SERVER, application_data()).close()


@case
def hello_and_early_data(t):
    """The ClientHello and application data come in one segment (0-RTT)."""
    tls(t, hello=client_hello(REFUSED) + application_data())


@case
def hello_never_complete(t):
    """The first half of a ClientHello, then silence and FIN."""
    c = Tcp(t).open()
    c.ask(client_hello(REFUSED, key_share=1216)[:700]).close()


@case
def hello_sequence_wraps(t):
    """The client's sequence number wraps inside a ClientHello of two segments."""
    c = Tcp(t, isn=(0xffffffff - 300, 0xfffffff0)).open()
    t.add(*c.cut_frames(CLIENT, client_hello(REFUSED, key_share=1216), 900))
    c.send(SERVER).answer(server_hello()).close()


# ------------------------------------------------------------------ what it says
def named(function_name, text, hello):
    """A case that is a whole TLS connection with this ClientHello."""
    def build(t):
        tls(t, hello=hello)
    build.__name__, build.__doc__ = function_name, text
    case(build)


named("sni_none", "No server_name extension.", client_hello(None))
named("sni_empty", "A server_name extension with an empty name.", client_hello(""))
named("sni_upper_case", "The allowed name in upper case.", client_hello("WWW.KAGGLE.COM"))
named("sni_trailing_dot", "The allowed name with a trailing dot.", client_hello("www.kaggle.com."))
named("sni_apex", "The bare domain of a wildcard entry.", client_hello("kaggle.com"))
named("sni_look_alike", "A name that ends like the allowed one without the dot.", client_hello("notkaggle.com"))
named("sni_prefix", "A name that begins like the allowed one.", client_hello("www.kaggle.com.evil.example"))
named("sni_address", "An IPv4 address as name.", client_hello("198.51.100.10"))
named("sni_two_names", "Two names in one extension: refused, then allowed.", client_hello("", names=(REFUSED, ALLOWED)))
named("sni_long", "A name of 250 bytes below the allowed domain.", client_hello(("a" * 59 + ".") * 4 + "kaggle.com"))
named("sni_nul_byte", "A NUL byte inside the name, before the allowed ending.", client_hello("example.org\0.kaggle.com"))
named("sni_punycode", "An internationalised name.", client_hello("xn--bcher-kva.kaggle.com"))
named("tls12_hello", "A TLS 1.2 ClientHello without TLS 1.3 extensions.", client_hello(REFUSED, tls13=False))
named("tls10_hello", "A TLS 1.0 ClientHello, allowed name.", client_hello(ALLOWED, tls13=False, version=0x0301))
named("tls_alpn", "A ClientHello with ALPN h2 and http/1.1.", client_hello(ALLOWED, alpn=("h2", "http/1.1")))
named("tls_no_extensions", "An SSL 3.0 ClientHello without any extension.",
      record(b"\1" + sized(b"\3\0" + bytes(32) + b"\0" + sized(b"\0\x2f\0\x35", 2) + b"\1\0", 3), version=0x0300))
named("tls_sslv2_hello", "An SSLv2-compatible ClientHello.", sslv2_hello())
named("tls_bad_lengths", "A ClientHello whose extension length points past the record.",
      client_hello(ALLOWED)[:-40])
named("tls_huge_record", "A record header that announces 65535 bytes.", b"\x16\x03\x01\xff\xff" + hello_message(ALLOWED))
named("tls_alert_first", "The client begins with an alert record.", alert())


@case
def tls_port_8443(t):
    """TLS on port 8443, allowed and refused name."""
    tls(t, port=8443)
    tls(t, REFUSED, port=8443, source_port=40_002, server=OTHER)


@case
def tls_on_port_80(t):
    """TLS on port 80."""
    tls(t, REFUSED, port=80, server=OTHER)


@case
def tls_server_alert(t):
    """The server answers the ClientHello with an alert and closes."""
    c = Tcp(t).open().ask(client_hello(REFUSED))
    c.answer(alert()).send(SERVER, flags=FIN | ACK).send(CLIENT, flags=FIN | ACK).send(SERVER)


@case
def tls_inbound(t):
    """A TLS connection from the internet to the notebook, allowed name."""
    tls(t, client=WEB, server=NOTEBOOK)


@case
def tls_other_client(t):
    """TLS from an address outside HOME_NET, refused name."""
    tls(t, REFUSED, client="172.31.9.9", server=OTHER)
