#!/usr/bin/env python3
"""Forwards IPv4 between two interfaces the way a bad line does: some frames are lost, doubled or swapped.

usage: lossy_router.py INSIDE-IF INSIDE-PEER-MAC OUTSIDE-IF OUTSIDE-PEER-MAC SEED

The kernel's own forwarding must be off meanwhile. Runs until it is terminated.
"""
import random
import select
import socket
import struct
import sys

LOSS, DOUBLE, SWAP = 0.12, 0.08, 0.12
HOLD_SECONDS = 0.03      # a held frame goes out after this time at the latest
PACKET_OUTGOING = 4


def mac(text):
    return bytes.fromhex(text.replace(":", ""))


class Port:
    def __init__(self, name, peer):
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0800))
        self.socket.bind((name, 0))
        self.own = self.socket.getsockname()[4]
        self.peer = mac(peer)
        self.held = None

    def send(self, packet):
        self.socket.send(self.peer + self.own + b"\x08\x00" + packet)

    def flush(self):
        if self.held is not None:
            packet, self.held = self.held, None
            self.send(packet)


def one_hop_further(packet):
    """Decrements the TTL and updates the header checksum (RFC 1624)."""
    b = bytearray(packet)
    if b[8] <= 1:
        return None
    b[8] -= 1
    total = struct.unpack_from(">H", b, 10)[0] + 0x0100
    struct.pack_into(">H", b, 10, (total + (total >> 16)) & 0xffff)
    return bytes(b)


def main():
    inside, outside = Port(sys.argv[1], sys.argv[2]), Port(sys.argv[3], sys.argv[4])
    dice = random.Random(int(sys.argv[5]))
    other = {inside: outside, outside: inside}
    sockets = {p.socket: p for p in other}
    while True:
        ready, _, _ = select.select(list(sockets), [], [], HOLD_SECONDS)
        if not ready:
            inside.flush()
            outside.flush()
        for s in ready:
            frame, where = s.recvfrom(65535)
            port = sockets[s]
            if where[2] == PACKET_OUTGOING or frame[:6] != port.own:
                continue
            length = struct.unpack_from(">H", frame, 16)[0]
            packet = one_hop_further(frame[14:14 + length])
            out, roll = other[port], dice.random()
            if packet is None or roll < LOSS:
                continue
            if roll < LOSS + SWAP and out.held is None:
                out.held = packet
                continue
            out.send(packet)
            out.flush()
            if roll > 1 - DOUBLE:
                out.send(packet)


main()
