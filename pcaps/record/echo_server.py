#!/usr/bin/env python3
"""Servers that are not HTTP and not TLS, on the address given:

TCP 443    sends every byte back
TCP 4430   speaks first (a greeting), then sends every byte back
TCP 4431   reads once, then aborts the connection with a reset
UDP 9999   sends every datagram back
"""
import socket
import struct
import sys
import threading


def tcp(address, port, greeting=b"", abort=False):
    listener = socket.create_server((address, port))
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=talk, args=(connection, greeting, abort), daemon=True).start()


def talk(connection, greeting, abort):
    with connection:
        try:
            if greeting:
                connection.sendall(greeting)
            while data := connection.recv(4096):
                if abort:
                    # Linger time 0: close() sends RST instead of FIN.
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    return
                connection.sendall(data)
        except OSError:
            pass


def udp(address, port):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind((address, port))
        while True:
            data, peer = s.recvfrom(65535)
            s.sendto(data, peer)


def main():
    address = sys.argv[1]
    for target, args in ((tcp, (address, 443)), (tcp, (address, 4430, b"220 lab service ready\r\n")),
                         (tcp, (address, 4431, b"", True))):
        threading.Thread(target=target, args=args, daemon=True).start()
    udp(address, 9999)


main()
