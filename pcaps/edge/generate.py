#!/usr/bin/env python3
"""Writes the edge captures of this directory and its README.md. Same input, same bytes.

usage: generate.py [DIRECTORY]

Each function marked `@case` in the `*_cases.py` files is one capture: its name is the file's name, its first line says
what the capture shows.
"""
import os
import sys

sys.dont_write_bytecode = True

import app_cases  # noqa: E402,F401
import body_cases  # noqa: E402,F401
import byte_cases  # noqa: E402,F401
import host_cases  # noqa: E402,F401
import ip_cases  # noqa: E402,F401
import later_cases  # noqa: E402,F401
import odd_cases  # noqa: E402,F401
import session_cases  # noqa: E402,F401
import settings_cases  # noqa: E402,F401
import tcp_cases  # noqa: E402,F401
import tls_cases  # noqa: E402,F401
from cases import CASES, REFUSED, http  # noqa: E402
from formats import FORMATS  # noqa: E402
from packet import OTHER, Trace  # noqa: E402


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    target = sys.argv[1] if len(sys.argv) > 1 else here
    os.makedirs(target, exist_ok=True)
    lines = ["# Edge captures", "",
             "Our own work (Apache-2.0), written byte by byte: `generate.py` makes the captures and this page again. Frames are",
             "built in `packet.py`, application data in `payload.py`; each capture is one function in one of the `*_cases.py`.",
             "Client 10.2.1.10 or 2001:db8:2:1::10, servers 198.51.100.10, 203.0.113.50 and 2001:db8:100::10 unless said",
             "otherwise. \"Allowed\" is www.kaggle.com, \"refused\" is example.org: the names are chosen for the policies in",
             "`rules/`.", "", "| capture | frames | shows |", "|---|---|---|"]
    for name, build in sorted(CASES, key=lambda c: c[0]):
        trace = Trace()
        build(trace)
        trace.save(os.path.join(target, name + ".pcap"))
        lines.append("| `%s.pcap` | %d | %s |" % (name, len(trace.frames), build.__doc__.strip()))
    lines += ["", "The connection of `http-refused.pcap` in other file formats and link types (`formats.py`):", "",
              "| capture | shows |", "|---|---|"]
    trace = Trace()
    http(trace, REFUSED, server=OTHER)
    for name, text, write in FORMATS:
        with open(os.path.join(target, name), "wb") as f:
            f.write(write(trace.frames))
        lines.append("| `%s` | %s |" % (name, text))
    with open(os.path.join(target, "README.md"), "w") as f:
        f.write("\n".join(lines) + "\n")


main()
