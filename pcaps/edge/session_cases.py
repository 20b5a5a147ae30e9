"""TLS with certificates, hellos that fingerprints are made of, SSH with its key exchange, QUIC."""
import struct

import quic
from cases import *
from packet import *
from payload import *


# ------------------------------------------------------------------ certificates
def der(tag, *content):
    content = b"".join(content)
    size = bytes([len(content)]) if len(content) < 128 else b"\x82" + struct.pack(">H", len(content))
    return bytes([tag]) + size + content


def certificate(subject, issuer, serial=b"\x0a\x1b\xff", begin=b"240229000000Z", end=b"250301120000Z"):
    """A certificate that can be read; key and signature are made up."""
    def name(organisation, common):
        def part(oid, text):
            return der(0x31, der(0x30, der(6, oid), der(0x0c, text)))
        return der(0x30, part(b"\x55\4\6", b"US"), part(b"\x55\4\x0a", organisation), part(b"\x55\4\3", common))
    algorithm = der(0x30, der(6, b"\x2a\x86\x48\x86\xf7\x0d\1\1\x0b"), der(5))
    key = der(0x30, der(0x30, der(2, b"\0" + bytes(range(200, 232))), der(2, b"\1\0\1")))
    info = der(0x30, der(0x30, der(6, b"\x2a\x86\x48\x86\xf7\x0d\1\1\1"), der(5)), der(3, b"\0" + key))
    validity = der(0x30, der(0x17, begin), der(0x17, end))
    signed = der(0x30, der(0xa0, der(2, b"\2")), der(2, serial), algorithm, name(*issuer), validity, name(*subject), info)
    return der(0x30, signed, algorithm, der(3, b"\0" + bytes(range(64))))


LEAF = certificate((b"Edge, Inc.", b"www.kaggle.com"), (b"Edge CA", b"Edge Intermediate"))
INTERMEDIATE = certificate((b"Edge CA", b"Edge Intermediate"), (b"Edge CA", b"Edge Root"), b"\x01")


def handshake(kind, body, version=0x0303):
    return record(bytes([kind]) + sized(body, 3), version=version)


def certificates(*chain):
    return handshake(11, sized(b"".join(sized(one, 3) for one in chain), 3))


def server_hello_12(extensions=extension(0xff01, b"\0") + extension(11, b"\1\0")):
    body = b"\3\3" + bytes(range(200, 232)) + sized(b"", 1) + b"\xc0\x2f\0" + sized(extensions, 2)
    return handshake(2, body)


def tls12(t, chain, hello=None):
    c = Tcp(t).open().ask(hello or client_hello(ALLOWED, tls13=False))
    c.answer(server_hello_12() + certificates(*chain) + handshake(12, bytes(40)) + handshake(14, b""))
    c.ask(handshake(16, bytes(33)) + record(b"\1", kind=20, version=0x0303) + record(bytes(40), version=0x0303))
    c.answer(record(b"\1", kind=20, version=0x0303) + record(bytes(40), version=0x0303))
    return c.ask(application_data()).answer(application_data(120)).close()


@case
def tls12_certificates(t):
    """TLS 1.2 with a chain of two certificates, valid from 29 February 2024 to 1 March 2025."""
    tls12(t, [LEAF, INTERMEDIATE])


@case
def tls12_certificate_unreadable_first(t):
    """TLS 1.2: the first certificate of the chain cannot be read, the second one can."""
    tls12(t, [b"\x30\x03\x02\x01\x05", LEAF, INTERMEDIATE])


@case
def tls12_certificate_cut(t):
    """TLS 1.2: the second certificate says that it is longer than the chain."""
    c = Tcp(t).open().ask(client_hello(ALLOWED, tls13=False))
    chain = sized(LEAF, 3) + b"\0\xff\xff" + bytes(9)
    c.answer(server_hello_12() + handshake(11, sized(chain, 3))).ask(application_data()).close()


# ------------------------------------------------------------------ hellos
@case
def tls_hello_twice(t):
    """Two ClientHellos, the second after a HelloRetryRequest, with other ciphers."""
    c = Tcp(t).open().ask(client_hello(ALLOWED, alpn=("h2", "http/1.1")))
    c.answer(server_hello()).ask(client_hello(ALLOWED, tls13=False)).answer(server_hello())
    c.ask(application_data()).close()


def raw_hello(*extensions):
    body = b"\3\3" + bytes(range(32)) + b"\0" + sized(b"\x0a\x0a\xc0\x2f\x13\1", 2) + b"\1\0" + sized(b"".join(extensions), 2)
    return handshake(1, body, version=0x0301)


@case
def tls_hello_grease(t):
    """A ClientHello with made-up ciphers, extensions and groups (RFC 8701), and an ALPN that is no text."""
    tls(t, hello=raw_hello(extension(0x1a1a, b""), server_name(ALLOWED), extension(10, sized(b"\x2a\x2a\0\x1d", 2)),
                           extension(11, b"\1\0"), extension(16, sized(sized(b"\xab\xcd\xef", 1), 2)),
                           extension(43, sized(b"\x3a\x3a\3\4", 1)), extension(0xfafa, b"\0")))


@case
def tls_hello_odd_groups(t):
    """A ClientHello whose list of groups has an odd length; the server's name comes behind it."""
    tls(t, hello=raw_hello(extension(10, sized(b"\0\x1d\0", 2) + b"\7"), server_name(ALLOWED)))


@case
def tls_hello_alpn_beyond(t):
    """A ClientHello with a protocol that is longer than its list; the server's name comes behind it."""
    tls(t, hello=raw_hello(extension(16, sized(b"\x40h2", 2)), server_name(ALLOWED)))


# ------------------------------------------------------------------ SSH
def key_exchange(*lists, padding=6):
    body = bytes(16) + b"".join(sized(one.encode(), 4) for one in lists) + bytes(5)
    return sized(bytes([padding, 20]) + body + bytes(padding), 4)


KEX_CLIENT = key_exchange("curve25519-sha256,ext-info-c", "ssh-ed25519", "aes128-ctr", "aes256-ctr", "hmac-sha2-256",
                          "hmac-sha1", "none", "zlib", "", "")
KEX_SERVER = key_exchange("curve25519-sha256", "ssh-ed25519", "aes128-ctr", "aes256-ctr", "hmac-sha2-256", "hmac-sha1",
                          "none", "zlib", "", "")
NEW_KEYS = sized(bytes([10, 21]) + bytes(10), 4)


@case
def ssh_key_exchange(t):
    """SSH: banners, the client's key exchange message in two segments, the server's in one, new keys."""
    c = Tcp(t, port=22).open().answer(SSH_SERVER).ask(SSH_CLIENT)
    t.add(*c.cut_frames(CLIENT, KEX_CLIENT, 60))
    c.send(SERVER).answer(KEX_SERVER).ask(NEW_KEYS).answer(NEW_KEYS).ask(noise(40)).answer(noise(40, 2)).close()


@case
def ssh_key_exchange_twice(t):
    """SSH: both sides send their key exchange message twice; versions 1.99 and 2.0, no software comment."""
    c = Tcp(t, port=22).open().answer(b"SSH-1.99-edge_1\n").ask(b"SSH-2.0-edge_2\n" + KEX_CLIENT)
    c.answer(KEX_SERVER + KEX_SERVER).ask(KEX_CLIENT).answer(NEW_KEYS).ask(NEW_KEYS).close()


# ------------------------------------------------------------------ QUIC
ID = b"edge-id1"


def quic_server_hello():
    return server_hello()[5:5 + 4 + int.from_bytes(server_hello()[6:9], "big")]


def quic_talk(t, *datagrams):
    c = Udp(t, 443)
    for side, data in datagrams:
        c.send(side, data)


@case
def quic_hello(t):
    """QUIC version 1: both hellos, then packets that cannot be read."""
    ask = quic.initial(ID, quic.crypto(0, hello_message(ALLOWED, alpn=("h3",))), length=700)
    answer = quic.initial(ID, b"\2\0\0\0\0" + quic.crypto(0, quic_server_hello()), server=True, length=200)
    quic_talk(t, (CLIENT, ask), (SERVER, answer), (CLIENT, quic.initial(ID, b"\2\0\0\0\0", 1)), (CLIENT, b"\x41" + noise(40)),
              (SERVER, b"\x42" + noise(60)))


@case
def quic_hello_in_two(t):
    """QUIC version 1: the client's hello in two datagrams, the second half first, refused name."""
    hello = hello_message(REFUSED, alpn=("h3",))
    quic_talk(t, (CLIENT, quic.initial(ID, quic.crypto(90, hello[90:]), length=300)),
              (CLIENT, quic.initial(ID, b"\1" + quic.crypto(0, hello[:90]), 1, length=300)),
              (SERVER, b"\x42" + noise(60)))


@case
def quic_not_decrypted(t):
    """QUIC version 1: a first packet with a wrong tag, then the right one."""
    hello = quic.crypto(0, hello_message(ALLOWED, alpn=("h3",)))
    quic_talk(t, (CLIENT, quic.initial(ID, hello, length=400, spoil=True)), (CLIENT, quic.initial(ID, hello, 1, length=400)))


@case
def quic_other_version(t):
    """QUIC of a version nobody knows, and the server's list of versions."""
    ask = b"\xc0\x1a\x2a\x3a\x4a" + sized(ID, 1) + sized(b"", 1) + b"\0" + quic.variable(30) + bytes(30)
    answer = b"\x80\0\0\0\0" + sized(b"", 1) + sized(ID, 1) + b"\0\0\0\1"
    quic_talk(t, (CLIENT, ask), (SERVER, answer), (CLIENT, quic.initial(ID, quic.crypto(0, hello_message(ALLOWED)), length=400)))


@case
def quic_google(t):
    """Google's QUIC, version Q043: a name, a user agent, and a fingerprint of tags."""
    tags = [(b"PAD", b"-" * 40), (b"SNI", ALLOWED.encode()), (b"VER", b"Q043"), (b"UAID", b"edge Chrome/1"), (b"CFCW", bytes(4))]
    quic_talk(t, (CLIENT, quic.google(tags)), (SERVER, b"\x00" + b"\7" + noise(30)))
