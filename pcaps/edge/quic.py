"""QUIC packets: Initial ones of version 1 with their encryption (RFC 9001), and Google's. Standard library only."""
import hashlib
import hmac
import struct

from payload import sized

SALT = bytes.fromhex("38762cf7f55934b34d179ae6a4c80cadccbb7f0a")


# ------------------------------------------------------------------ AES-128 and GCM, for a few hundred bytes
def _times2(x):
    return (x << 1 ^ (0x11b if x & 0x80 else 0)) & 0xff


def _sbox():
    exp, x = [], 1
    for _ in range(255):
        exp.append(x)
        x ^= _times2(x)
    log = {value: index for index, value in enumerate(exp)}
    box = []
    for value in range(256):
        inverse = exp[-log[value] % 255] if value else 0
        turned = inverse
        for shift in range(1, 5):
            turned ^= (inverse << shift | inverse >> 8 - shift) & 0xff
        box.append(turned ^ 0x63)
    return box


SBOX = _sbox()


def aes(key, block):
    words, factor = [key[i:i + 4] for i in range(0, 16, 4)], 1
    for i in range(4, 44):
        word = words[i - 1]
        if i % 4 == 0:
            word = bytes(SBOX[b] for b in word[1:] + word[:1])
            word, factor = bytes([word[0] ^ factor]) + word[1:], _times2(factor)
        words.append(bytes(a ^ b for a, b in zip(words[i - 4], word)))
    keys = [b"".join(words[i:i + 4]) for i in range(0, 44, 4)]
    state = [a ^ b for a, b in zip(block, keys[0])]
    for turn in range(1, 11):
        state = [SBOX[state[(i + 4 * (i % 4)) % 16]] for i in range(16)]
        if turn < 10:
            mixed = []
            for column in range(0, 16, 4):
                a = state[column:column + 4]
                for i in range(4):
                    b, c = a[i], a[(i + 1) % 4]
                    mixed.append(_times2(b) ^ _times2(c) ^ c ^ a[(i + 2) % 4] ^ a[(i + 3) % 4])
            state = mixed
        state = [a ^ b for a, b in zip(state, keys[turn])]
    return bytes(state)


def gcm(key, nonce, plain, header):
    def multiply(x, y):
        product = 0
        for bit in range(127, -1, -1):
            product ^= y if x >> bit & 1 else 0
            y = y >> 1 ^ (0xe1 << 120 if y & 1 else 0)
        return product

    def blocks(data):
        return [data[i:i + 16].ljust(16, b"\0") for i in range(0, len(data), 16)]

    pad = b"".join(aes(key, nonce + struct.pack(">I", n)) for n in range(2, 3 + len(plain) // 16))
    cipher = bytes(a ^ b for a, b in zip(plain, pad))
    h, tag = int.from_bytes(aes(key, bytes(16)), "big"), 0
    for block in blocks(header) + blocks(cipher) + [struct.pack(">QQ", 8 * len(header), 8 * len(cipher))]:
        tag = multiply(tag ^ int.from_bytes(block, "big"), h)
    mask = int.from_bytes(aes(key, nonce + b"\0\0\0\1"), "big")
    return cipher + (tag ^ mask).to_bytes(16, "big")


# ------------------------------------------------------------------ packets
def expand(secret, label, length):
    info = struct.pack(">H", length) + sized(b"tls13 " + label, 1) + b"\0"
    return hmac.new(secret, info + b"\1", hashlib.sha256).digest()[:length]


def variable(number, width=2):
    return (number | {1: 0, 2: 1, 4: 2}[width] << 8 * width - 2).to_bytes(width, "big")


def crypto(offset, data):
    return b"\6" + variable(offset) + variable(len(data)) + data


def initial(identity, payload, number=0, server=False, length=None, spoil=False):
    """An Initial packet of version 1; `identity`: the id that the client chose for the server."""
    initial_secret = hmac.new(SALT, identity, hashlib.sha256).digest()
    secret = expand(initial_secret, b"server in" if server else b"client in", 32)
    key, nonce, mask_key = expand(secret, b"quic key", 16), expand(secret, b"quic iv", 12), expand(secret, b"quic hp", 16)
    payload = payload.ljust(length or 40, b"\0")
    ids = sized(b"", 1) + sized(b"server01", 1) if server else sized(identity, 1) + sized(b"", 1)
    header = b"\xc1" + struct.pack(">I", 1) + ids + b"\0" + variable(2 + len(payload) + 16) + struct.pack(">H", number)
    nonce = bytes(a ^ b for a, b in zip(nonce, number.to_bytes(12, "big")))
    sealed = bytearray(header + gcm(key, nonce, payload, header))
    at = len(header) - 2
    mask = aes(mask_key, bytes(sealed[at + 4:at + 20]))
    sealed[0] ^= mask[0] & 0x0f
    sealed[at] ^= mask[1]
    sealed[at + 1] ^= mask[2]
    if spoil:
        sealed[-1] ^= 1
    return bytes(sealed)


def google(tags, version=b"Q043"):
    """A client's first packet of Google's QUIC before it was encrypted: a stream with a list of tags."""
    ends, values = b"", b""
    for name, value in tags:
        values += value
        ends += name.ljust(4, b"\0") + struct.pack("<I", len(values))
    message = b"CHLO" + struct.pack("<HH", len(tags), 0) + ends + values
    return b"\x09" + b"identity" + version + b"\1" + bytes(12) + b"\xa0\1" + sized(message, 2)
