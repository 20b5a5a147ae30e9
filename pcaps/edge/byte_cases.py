"""Numbers, digits, base64 and white space for rules that calculate with bytes."""
import base64

from cases import *
from packet import *
from payload import *

MESSAGES = (
    b"LEN:\x00\x05hello, and more\x04\x03\x02\x01end",
    b"LEN:\x00\xffhello",
    b"LEN 12 0x1F 017 -3 99999999999999999999999",
    b"\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09",
    b"\xff\xff\xff\xff\xff\xff\xff\xfe",
    b"one \x03two \x02three \x01 \x00",
    b"b64:" + base64.b64encode(b"user:secret") + b" b64:" + base64.b64encode(b"no") + b"!",
    b"b64:dXNlcg==c2VjcmV0 b64:d b64:====",
    b"\x05",
)


@case
def udp_numbers(t):
    """Datagrams with numbers, digits and base64, the same nine to each of sixteen ports."""
    for port in range(7001, 7017):
        for number, message in enumerate(MESSAGES):
            Udp(t, port, 41000 + number).send(CLIENT, message)


@case
def tcp_numbers(t):
    """Messages with their length in front, some of them in two segments."""
    c = Tcp(t, port=7001).open()
    c.ask(b"\x00\x05hello\x00\x03abc").answer(b"\x00\x02ok")
    c.ask(b"\x00\x10first ha").ask(b"lf, 0x10").answer(b"\x00\x02ok")
    c.ask(b"b64:" + base64.b64encode(b"user:") + b"c2Vj").ask(b"cmV0 b64:bm8=").answer(b"\x00\x03bye")
    c.close()


@case
def http_numbers(t):
    """Requests whose targets and headers hold numbers, base64, escapes and white space."""
    more = "User-Agent: Tool \t 7.10\r\nX-A:  One\tTwo"
    c = Tcp(t, port=80).open()
    for target in ("/v1/file?id=31&len=12", "/v2/%41%2e%zz+B?d=aGVsbG8gd29ybGQ=", "/v1/x?id=7", "/V1/UPPER?d=aGVs"):
        c.ask(request(ALLOWED, target, more=more)).answer(response())
    c.close()
