#!/usr/bin/env python3
"""Checks proofs that hallowctl made, from doc/INTEGRITY.md, RFC 6962 and RFC 8032 alone: no line of hallowd's own.

  check_proof.py PROOF KEY-FILE    prints "holds"; exit status 1 where it does not
"""
import base64
import datetime
import hashlib
import ipaddress
import json
import struct
import sys

FIELDS = {
    "connection": (1, "id:n time:t source:a source_port:o destination:a destination_port:o protocol:s endpoint:s verdict:s"
                      " reason:s list:s revision:s via:s"),
    "ending": (2, "id:n connection:n time:t packets:o bytes_in:o bytes_out:o duration_ms:o"),
    "aggregate": (3, "id:n from_time:t to_time:t endpoint:s source:a destination:a destination_port:o protocol:s count:n"),
    "segment": (5, "id:n endpoint:s from_time:t to_time:t state:s"),
    "revision": (6, "id:n list:s revision:n time:t entries:n added:s removed:s origins:s decided_by:s reason:s"),
    "event": (7, "id:n time:t kind:s subject:s detail:s"),
    "retirement": (8, "id:n time:t of:s first:n count:n"),
}


def sha(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def micros(text):
    when = datetime.datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=datetime.timezone.utc)
    since = when - datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
    return (since.days * 86400 + since.seconds) * 1000000 + since.microseconds


def encode(row):
    kind, fields = FIELDS[row["row"]]
    out = bytes([kind])
    for field in fields.split():
        name, type_ = field.split(":")
        value = row[name]
        if type_ in "nt":
            out += struct.pack(">q", micros(value) if type_ == "t" else value)
        elif type_ == "o":
            out += b"\0" if value is None else b"\1" + struct.pack(">q", value)
        elif type_ == "s":
            out += struct.pack(">I", len(value.encode())) + value.encode()
        else:
            address = ipaddress.ip_address(value)
            out += bytes([address.version]) + address.packed
    return out


# --- RFC 6962: roots from proofs, by its recursive definitions

def split(n):
    return 1 << ((n - 1).bit_length() - 1)


def root_of_leaf(leaf, index, size, path):
    if size == 1:
        assert not path
        return leaf
    k = split(size)
    if index < k:
        return sha(b"\1", root_of_leaf(leaf, index, k, path[:-1]), path[-1])
    return sha(b"\1", path[-1], root_of_leaf(leaf, index - k, size - k, path[:-1]))


def roots_of_old(old_root, old, size, path, whole=True):
    """The roots of the old tree and of the new one."""
    if old == size:
        if whole:
            assert not path
            return old_root, old_root
        assert len(path) == 1
        return path[0], path[0]
    k = split(size)
    if old <= k:
        before, after = roots_of_old(old_root, old, k, path[:-1], whole)
        return before, sha(b"\1", after, path[-1])
    before, after = roots_of_old(old_root, old - k, size - k, path[:-1], False)
    return sha(b"\1", path[-1], before), sha(b"\1", path[-1], after)


# --- RFC 8032, Ed25519

P = 2 ** 255 - 19
L = 2 ** 252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P


def add(a, b):
    x1, y1, z1, t1 = a
    x2, y2, z2, t2 = b
    e, f, g, h = (y1 - x1) * (y2 - x2), (y1 + x1) * (y2 + x2), 2 * t1 * t2 * D, 2 * z1 * z2
    a, b, c, d = f - e, h - g, h + g, f + e
    return a * b % P, c * d % P, b * c % P, a * d % P


def times(n, point):
    result = (0, 1, 1, 0)
    while n:
        if n & 1:
            result = add(result, point)
        point = add(point, point)
        n >>= 1
    return result


def point(data):
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y & (1 << 255) - 1
    x2 = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(x2, (P + 3) // 8, P)
    if (x * x - x2) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    assert (x * x - x2) % P == 0
    if x & 1 != sign:
        x = P - x
    return x, y, 1, x * y % P


BASE = point((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))


def verifies(key, message, signature):
    s = int.from_bytes(signature[32:], "little")
    if s >= L:
        return False
    h = int.from_bytes(hashlib.sha512(signature[:32] + key + message).digest(), "little") % L
    a, b = times(s, BASE), add(point(signature[:32]), times(h, point(key)))
    return (a[0] * b[2] - b[0] * a[2]) % P == 0 and (a[1] * b[2] - b[1] * a[2]) % P == 0


# --- notes

def open_note(note, keys):
    """The size and the root of a checkpoint that one of the keys signed."""
    text, _, signatures = note.rpartition("\n\n")
    text += "\n"
    for line in signatures.splitlines():
        dash, name, data = line.split(" ")
        data = base64.b64decode(data, validate=True)
        for key in keys:
            key_name, key_id, typed = key.split("+", 2)
            typed = base64.b64decode(typed, validate=True)
            assert typed[0] == 1 and sha(key_name.encode(), b"\n", typed)[:4].hex() == key_id
            if dash == "\u2014" and name == key_name and data[:4].hex() == key_id and \
                    verifies(typed[1:], text.encode(), data[4:]):
                lines = text.split("\n")
                return int(lines[1]), base64.b64decode(lines[2], validate=True)
    raise AssertionError("no key signed it")


def check(proof, keys):
    path = [base64.b64decode(h, validate=True) for h in proof["path"]]
    size, root = open_note(proof["checkpoint"], keys)
    if proof["hallowd_proof"] == "inclusion":
        assert proof["leaf"] < size
        assert root_of_leaf(sha(b"\0", encode(proof["row"])), proof["leaf"], size, path) == root
        return
    old, old_root = open_note(proof["old"], keys)
    assert roots_of_old(old_root, old, size, path) == (old_root, root)


def main():
    with open(sys.argv[1]) as f:
        proof = json.load(f)
    with open(sys.argv[2]) as f:
        keys = f.read().split()
    try:
        check(proof, keys)
    except (AssertionError, IndexError, KeyError, ValueError) as e:
        print("does not hold:", repr(e))
        sys.exit(1)
    print("holds")


if __name__ == "__main__":
    main()
