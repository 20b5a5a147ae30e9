"""Several hosts over some minutes: what is remembered from one packet or connection for another."""
from cases import *

CLIENTS = ["10.2.1.11", "10.2.1.12", "10.2.1.13"]
CLIENTS6 = ["2001:db8:2:1::11", "2001:db8:2:1::12"]


@case
def hosts_over_minutes(t):
    """Three clients ask two servers over HTTP, DNS, bare UDP and ping, interleaved, within four minutes; one is reset."""
    for turn in range(4):
        for number, client in enumerate(CLIENTS):
            port, server = 42001 + 10 * turn + number, (WEB, OTHER)[(turn + number) % 2]
            c = Tcp(t, port=80, client=client, server=server, source_port=port).open()
            u = Udp(t, 53, client=client, server=server, source_port=port)
            u.send(CLIENT, dns_query((ALLOWED, REFUSED)[number % 2], ident=port))
            c.ask(request((ALLOWED, REFUSED)[turn % 2], target="/%d" % number)).answer(response())
            t.pause((0.3, 2, 9)[number])
            u.send(SERVER, dns_answer((ALLOWED, REFUSED)[number % 2], ident=port))
            if turn == 2 and number == 1:
                c.reset(SERVER)
            else:
                c.ask(request(ALLOWED, target="/again", method="POST", body="x=1")).answer(response()).close()
        for number in range(3):
            t.add(ethernet(ip4(CLIENTS[0], WEB, 1, icmp(8, 0, turn << 16 | number))))
            t.add(ethernet(ip4(WEB, CLIENTS[0], 1, icmp(0, 0, turn << 16 | number)), SERVER))
            Udp(t, 5000 + number, client=CLIENTS[2], source_port=43000 + turn).send(CLIENT, noise(20)).send(SERVER, noise(30))
        t.pause(35)


@case
def hosts_at_whole_seconds(t):
    """A datagram at the begin of each of 70 seconds, from two clients in turn: what is over with a second, and what behind it."""
    t.now -= t.now % 1_000_000
    for second in range(70):
        start = t.now
        client = CLIENTS[(second // 3) % 2]
        Udp(t, 5000 + second % 4, client=client, source_port=44001).send(CLIENT, noise(10 + second % 3))
        t.now = start + 1_000_000


@case
def hosts_ipv6(t):
    """Two clients and a server over IPv6: the second client's requests come while the first one's connection lives."""
    first = Tcp(t, port=80, client=CLIENTS6[0], server=WEB6, source_port=42001).open()
    second = Tcp(t, port=80, client=CLIENTS6[1], server=WEB6, source_port=42002).open()
    for turn in range(3):
        first.ask(request(ALLOWED, target="/a%d" % turn)).answer(response())
        t.pause(4)
        second.ask(request(REFUSED, target="/b%d" % turn) * 2).answer(response() * 2)
        Udp(t, 5000, client=CLIENTS6[0], server=WEB6, source_port=43001).send(CLIENT, noise(20))
    first.close()
    second.close()
