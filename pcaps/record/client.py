#!/usr/bin/env python3
"""Clients that no ready-made program is: exact bytes, one connection, one datagram.

usage: client.py send HOST PORT TEXT [TEXT...]   one connection; sends each text (\\r\\n written as escapes),
                                                 reads the answer to it before the next
       client.py pipeline HOST PORT TEXT [...]   the same with all texts in one write
       client.py listen HOST PORT TEXT [...]     as send, but waits for the server's greeting first
       client.py datagram HOST PORT BYTES        one UDP datagram of so many bytes, reads the answer
"""
import socket
import sys


def main():
    what, host, port, *rest = sys.argv[1:]
    if what == "datagram":
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.settimeout(2)
            s.sendto(bytes(i & 255 for i in range(int(rest[0]))), (host, int(port)))
            s.recv(65535)
        return
    texts = [t.encode().decode("unicode_escape").encode("latin-1") for t in rest]
    with socket.create_connection((host, int(port)), timeout=3) as s:
        if what == "listen":
            s.recv(65535)
        for text in [b"".join(texts)] if what == "pipeline" else texts:
            s.sendall(text)
            try:
                s.settimeout(0.5)
                while s.recv(65535) and what == "pipeline":
                    pass
            except (TimeoutError, ConnectionError):
                pass


main()
