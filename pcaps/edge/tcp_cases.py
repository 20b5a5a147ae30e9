"""TCP: how connections begin, go on and end."""
from cases import *
from packet import *
from payload import *


# ------------------------------------------------------------------ begin
@case
def tls_allowed(t):
    """A TLS connection to an allowed name."""
    tls(t)


@case
def tls_refused(t):
    """A TLS connection to a name on no list."""
    tls(t, REFUSED, server=OTHER)


@case
def http_allowed(t):
    """An HTTP request to an allowed name."""
    http(t)


@case
def http_refused(t):
    """An HTTP request to a name on no list."""
    http(t, REFUSED, server=OTHER)


@case
def handshake_syn_again(t):
    """The SYN and the SYN/ACK are sent twice before the connection opens."""
    c = Tcp(t)
    t.add(c.frame(CLIENT, flags=SYN)).pause(1)
    c.send(CLIENT, flags=SYN)
    t.add(c.frame(SERVER, flags=SYN | ACK)).pause(1)
    c.send(SERVER, flags=SYN | ACK).send(CLIENT).ask(client_hello(REFUSED)).answer(server_hello()).close()


@case
def handshake_no_last_ack(t):
    """The ClientHello itself acknowledges the SYN/ACK; there is no bare ACK."""
    c = Tcp(t).send(CLIENT, flags=SYN).send(SERVER, flags=SYN | ACK)
    c.ask(client_hello(REFUSED)).answer(server_hello()).close()


@case
def handshake_other_syn_ack(t):
    """A second SYN/ACK with another sequence number, then the connection goes on with the first."""
    c = Tcp(t).send(CLIENT, flags=SYN).send(SERVER, flags=SYN | ACK)
    t.add(c.frame(SERVER, flags=SYN | ACK, seq=777_777))
    c.send(CLIENT).ask(client_hello(REFUSED)).answer(server_hello()).close()


@case
def handshake_simultaneous(t):
    """Both ends send SYN, then both SYN/ACK (simultaneous open)."""
    c = Tcp(t).send(CLIENT, flags=SYN)
    c.send(SERVER, flags=SYN)
    t.add(c.frame(CLIENT, flags=SYN | ACK, seq=100_000), c.frame(SERVER, flags=SYN | ACK, seq=900_000))
    c.send(CLIENT).ask(client_hello(REFUSED)).answer(server_hello()).close()


@case
def handshake_four_way(t):
    """The server answers the SYN with a SYN of its own, which the client answers with SYN/ACK (split handshake)."""
    c = Tcp(t).send(CLIENT, flags=SYN).send(SERVER, flags=SYN)
    t.add(c.frame(CLIENT, flags=SYN | ACK, seq=100_000))
    c.send(SERVER).ask(client_hello(REFUSED)).answer(server_hello()).close()


@case
def handshake_syn_with_data(t):
    """The SYN carries data that the SYN/ACK does not acknowledge; it is sent again after the handshake."""
    c = Tcp(t)
    t.add(c.frame(CLIENT, client_hello(REFUSED), SYN))
    c.next[CLIENT] += 1
    c.send(SERVER, flags=SYN | ACK).send(CLIENT).ask(client_hello(REFUSED)).answer(server_hello()).close()


@case
def handshake_fast_open(t):
    """TCP Fast Open: the SYN carries a cookie and the ClientHello, the SYN/ACK acknowledges both."""
    c = Tcp(t)
    c.send(CLIENT, client_hello(REFUSED), SYN, options=b"\x02\x04\x05\xb4\x22\x0a" + bytes(range(8)))
    c.send(SERVER, flags=SYN | ACK).send(CLIENT).answer(server_hello()).close()


@case
def half_open_no_syn_ack(t):
    """Asymmetric routing: only what the client sends is in the capture."""
    c = Tcp(t).send(CLIENT, flags=SYN)
    c.next[SERVER] += 1
    c.send(CLIENT).send(CLIENT, client_hello(REFUSED))
    c.next[SERVER] += 127
    c.send(CLIENT).send(CLIENT, application_data()).send(CLIENT, flags=FIN | ACK)


@case
def half_open_server_only(t):
    """Asymmetric routing: only what the server sends is in the capture."""
    c = Tcp(t)
    c.next[CLIENT] += 1
    c.send(SERVER, flags=SYN | ACK)
    c.next[CLIENT] += 300
    c.send(SERVER).send(SERVER, server_hello()).send(SERVER, application_data()).send(SERVER, flags=FIN | ACK)


@case
def syn_scan(t):
    """SYNs to twelve ports; eleven are refused with RST, one is answered and reset by the client."""
    for port in (21, 22, 23, 25, 80, 110, 143, 443, 445, 3306, 3389, 8080):
        c = Tcp(t, port=port, source_port=45_000).send(CLIENT, flags=SYN)
        if port == 443:
            c.send(SERVER, flags=SYN | ACK).send(CLIENT, flags=RST)
        else:
            c.send(SERVER, flags=RST | ACK, seq=0)


@case
def odd_flags(t):
    """Packets without a connection and with flags no stack sends: none, FIN, all, SYN with FIN, SYN with RST."""
    for i, flags in enumerate((0, FIN, FIN | PSH | URG, 0x3f, SYN | FIN, SYN | RST, ACK, RST)):
        t.add(Tcp(t, source_port=46_000 + i).frame(CLIENT, flags=flags))


@case
def midstream(t):
    """The capture begins inside an established TLS connection; a second connection opens in it normally."""
    c = Tcp(t)
    c.send(CLIENT, application_data()).send(SERVER, application_data()).send(CLIENT).send(CLIENT, application_data()).close()
    tls(t, source_port=40_002)


@case
def midstream_hello(t):
    """The handshake is missing: the first packet is the ClientHello."""
    Tcp(t).ask(client_hello(ALLOWED)).answer(server_hello()).send(CLIENT, application_data()).close()


@case
def midstream_http(t):
    """The handshake is missing: the first packet is an HTTP request, to an allowed name and to another."""
    Tcp(t, port=80).ask(request(ALLOWED)).answer(response()).close()
    Tcp(t, port=80, source_port=40_002, server=OTHER).ask(request(REFUSED)).answer(response()).close()


@case
def midstream_server_first(t):
    """The capture begins with a packet of the server."""
    c = Tcp(t).send(SERVER, application_data(200)).send(CLIENT).send(CLIENT, application_data()).send(SERVER)
    c.close()


@case
def midstream_syn_ack(t):
    """The capture begins with the SYN/ACK."""
    c = Tcp(t)
    c.next[CLIENT] += 1
    c.send(SERVER, flags=SYN | ACK).send(CLIENT).ask(client_hello(REFUSED)).answer(server_hello()).close()


# ------------------------------------------------------------------ go on and end
@case
def reset_by_server(t):
    """The server resets after the ClientHello."""
    Tcp(t).open().ask(client_hello(REFUSED)).reset(SERVER)


@case
def reset_then_data(t):
    """The client resets and sends a request all the same."""
    c = Tcp(t, port=80).open().reset(CLIENT)
    c.send(CLIENT, request(REFUSED)).send(SERVER, response())


@case
def reset_out_of_window(t):
    """A reset with an impossible sequence number between handshake and request."""
    c = Tcp(t, port=80).open()
    t.add(c.frame(SERVER, flags=RST, seq=5))
    c.ask(request(REFUSED)).answer(response()).close()


@case
def fin_then_data(t):
    """The client closes its side and sends a request after its FIN."""
    c = Tcp(t, port=80).open().send(CLIENT, flags=FIN | ACK).send(SERVER)
    c.ask(request(REFUSED)).answer(response()).send(SERVER, flags=FIN | ACK)


@case
def fin_with_request(t):
    """The request carries the FIN."""
    c = Tcp(t, port=80).open().send(CLIENT, request(REFUSED), PSH | FIN | ACK).send(SERVER)
    c.send(SERVER, response()).send(SERVER, flags=FIN | ACK).send(CLIENT)


@case
def fin_again(t):
    """Both FINs are sent twice."""
    c = Tcp(t).open().ask(client_hello(ALLOWED)).answer(server_hello())
    for side in (CLIENT, SERVER):
        again = c.frame(side, flags=FIN | ACK)
        c.send(side, flags=FIN | ACK)
        t.pause(0.3).add(again)
    c.send(CLIENT)


@case
def half_closed(t):
    """The client closes its side after the request; the server goes on sending."""
    c = Tcp(t, port=80).open().send(CLIENT, request(ALLOWED)).send(CLIENT, flags=FIN | ACK).send(SERVER)
    c.answer(response()).answer(b"more\n").answer(b"and more\n").send(SERVER, flags=FIN | ACK).send(CLIENT)


@case
def reuse_after_close(t):
    """The same five-tuple twice: an allowed connection, closed, then a refused one."""
    tls(t)
    t.pause(2)
    tls(t, REFUSED, isn=(5_000_000, 6_000_000))


@case
def reuse_after_drop(t):
    """The same five-tuple twice: a refused connection, closed, then an allowed one."""
    tls(t, REFUSED)
    t.pause(2)
    tls(t, isn=(5_000_000, 6_000_000))


@case
def reuse_after_reset(t):
    """The same five-tuple twice: an allowed connection, reset, then a refused one."""
    Tcp(t).open().ask(client_hello(ALLOWED)).answer(server_hello()).reset(CLIENT)
    t.pause(1)
    tls(t, REFUSED, isn=(5_000_000, 6_000_000))


@case
def reuse_without_close(t):
    """A new SYN on a five-tuple whose connection was never closed."""
    Tcp(t).open().ask(client_hello(ALLOWED)).answer(server_hello())
    t.pause(3)
    tls(t, REFUSED, isn=(5_000_000, 6_000_000))


@case
def idle_below_limit(t):
    """340 s of silence in an allowed connection."""
    c = Tcp(t).open().ask(client_hello(ALLOWED)).answer(server_hello())
    t.pause(340)
    c.send(CLIENT, application_data()).send(SERVER, application_data()).close()


@case
def idle_above_limit(t):
    """360 s of silence in an allowed connection."""
    c = Tcp(t).open().ask(client_hello(ALLOWED)).answer(server_hello())
    t.pause(360)
    c.send(CLIENT, application_data()).send(SERVER, application_data()).close()


@case
def idle_keep_alive(t):
    """Keep-alive probes bridge ten minutes in an allowed connection."""
    c = Tcp(t).open().ask(client_hello(ALLOWED)).answer(server_hello())
    for _ in range(4):
        t.pause(150).add(c.frame(CLIENT, flags=ACK, seq=c.next[CLIENT] - 1), c.frame(SERVER))
    c.send(CLIENT, application_data()).close()


@case
def keep_alive_with_byte(t):
    """Keep-alive probes that carry one old byte."""
    c = Tcp(t).open().ask(client_hello(ALLOWED)).answer(server_hello())
    t.pause(60).add(c.frame(CLIENT, b"\0", ACK, seq=c.next[CLIENT] - 1), c.frame(SERVER))
    c.send(CLIENT, application_data()).close()


@case
def window_zero(t):
    """The server closes its window, the client probes it, the window opens again."""
    c = Tcp(t, port=80).open().ask(request(ALLOWED))
    t.add(c.frame(SERVER, window=0)).pause(0.5)
    t.add(c.frame(CLIENT, b"X", ACK), c.frame(SERVER, window=0)).pause(1)
    t.add(c.frame(SERVER, window=64000))
    c.answer(response()).close()


@case
def urgent_data(t):
    """A request whose first bytes are sent as urgent data."""
    c = Tcp(t, port=80).open()
    ask = request(REFUSED)
    c.send(CLIENT, ask[:10], PSH | URG | ACK, urgent=10).send(CLIENT, ask[10:]).send(SERVER).answer(response()).close()


@case
def out_of_window(t):
    """A ClientHello far beyond the window, then the connection goes on."""
    c = Tcp(t).open()
    t.add(c.frame(CLIENT, client_hello(REFUSED), PSH | ACK, seq=c.next[CLIENT] + 5_000_000))
    c.ask(client_hello(ALLOWED)).answer(server_hello()).close()


@case
def bad_ack(t):
    """A ClientHello that acknowledges bytes the server never sent."""
    c = Tcp(t).open()
    c.send(CLIENT, client_hello(REFUSED), ack=c.next[SERVER] + 4_000_000).send(SERVER).answer(server_hello()).close()


@case
def bad_tcp_checksum(t):
    """A ClientHello with a wrong TCP checksum, then the same bytes with the right one."""
    c = Tcp(t).open()
    t.add(c.frame(CLIENT, client_hello(REFUSED), PSH | ACK, spoil=True)).pause(0.2)
    c.ask(client_hello(REFUSED)).answer(server_hello()).close()


@case
def bad_tcp_checksum_disguise(t):
    """A ClientHello of an allowed name with a wrong checksum, then a refused one in the same place."""
    c = Tcp(t).open()
    t.add(c.frame(CLIENT, client_hello(ALLOWED), PSH | ACK, spoil=True)).pause(0.2)
    c.ask(client_hello("example.org.aa")).answer(server_hello()).close()


@case
def bad_ip_checksum(t):
    """A DNS query and a SYN with wrong IPv4 header checksums."""
    u = Udp(t, 53)
    t.add(ethernet(ip4(NOTEBOOK, OTHER, 17, udp(NOTEBOOK, OTHER, 40001, 53, dns_query(REFUSED)), spoil=True)))
    u.send(SERVER, dns_answer(REFUSED))
    t.add(Tcp(t).frame(CLIENT, flags=SYN, ip_options={"spoil": True}))


@case
def bad_udp_checksum(t):
    """A DNS query with a wrong UDP checksum."""
    u = Udp(t, 53)
    t.add(ethernet(ip4(NOTEBOOK, OTHER, 17, udp(NOTEBOOK, OTHER, 40001, 53, dns_query(REFUSED), spoil=True))))
    u.send(SERVER, dns_answer(REFUSED))


@case
def two_connections_mixed(t):
    """An allowed and a refused connection, their packets alternating."""
    a, b = Tcp(t), Tcp(t, source_port=40_002, server=OTHER)
    for c in (a, b):
        c.send(CLIENT, flags=SYN)
    for c in (b, a):
        c.send(SERVER, flags=SYN | ACK)
    for c in (a, b):
        c.send(CLIENT)
    a.send(CLIENT, client_hello(ALLOWED))
    b.send(CLIENT, client_hello(REFUSED))
    for c in (a, b):
        c.send(SERVER).answer(server_hello())
    for c in (a, b):
        c.close()
