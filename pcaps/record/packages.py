#!/usr/bin/env python3
"""Writes a package index for pip (one wheel) and a registry for npm (one tarball) as static files.

usage: packages.py DIRECTORY
"""
import base64
import hashlib
import io
import json
import os
import sys
import tarfile
import zipfile


def write(path, content):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as f:
        f.write(content)


def wheel():
    info = "tinypkg-1.0.dist-info/"
    files = {
        "tinypkg.py": "ANSWER = 42\n",
        info + "METADATA": "Metadata-Version: 2.1\nName: tinypkg\nVersion: 1.0\n",
        info + "WHEEL": "Wheel-Version: 1.0\nGenerator: lab\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join("%s,sha256=%s,%d\n" % (
        name, base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode(), len(text))
        for name, text in files.items()) + info + "RECORD,,\n"
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as z:
        for name, text in list(files.items()) + [(info + "RECORD", record)]:
            z.writestr(zipfile.ZipInfo(name), text)
    return out.getvalue()


def tarball():
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as t:
        for name, text in (("package/package.json", '{"name":"tinypkg","version":"1.0.0"}\n'),
                           ("package/index.js", "module.exports = 42\n")):
            member = tarfile.TarInfo(name)
            member.size = len(text)
            t.addfile(member, io.BytesIO(text.encode()))
    return out.getvalue()


def main():
    root = sys.argv[1]
    name, data = "tinypkg-1.0-py3-none-any.whl", wheel()
    write(root + "/pypi/packages/" + name, data)
    link = "https://files.pythonhosted.org/packages/%s#sha256=%s" % (name, hashlib.sha256(data).hexdigest())
    write(root + "/pypi/simple/tinypkg/index.html",
          ('<!DOCTYPE html><html><body><a href="%s">%s</a></body></html>\n' % (link, name)).encode())
    data = tarball()
    write(root + "/npm/tarballs/tinypkg-1.0.0.tgz", data)
    version = {"name": "tinypkg", "version": "1.0.0", "dist": {
        "tarball": "https://registry.npmjs.org/tarballs/tinypkg-1.0.0.tgz",
        "shasum": hashlib.sha1(data).hexdigest(),
        "integrity": "sha512-" + base64.b64encode(hashlib.sha512(data).digest()).decode()}}
    write(root + "/npm/tinypkg", json.dumps(
        {"name": "tinypkg", "dist-tags": {"latest": "1.0.0"}, "versions": {"1.0.0": version}}).encode())


main()
