"""A DNS server that answers what it is told to, well or badly.

usage: dns.py ADDRESS ZONE LOG READY

Listens on ADDRESS, port 53, UDP and TCP.  ZONE is read anew for each question:
  {"NAME": {"A": [ADDRESS...], "AAAA": [...], "ttl": SECONDS, "cname": NAME, "how": HOW}}
HOW, "ok" where it is left out, may stand for each type as well: {"how": {"AAAA": "silent"}}:
  ok        the addresses, behind the cname where there is one; NODATA where there are none
  nxdomain, servfail, refused
  silent    no answer
  late-id   an answer with another id, and nothing else
  other     an answer to another question, with the right id
  garbage   bytes that are no DNS message behind the id
  loop      names that lead to each other
  lies      the length of a record is more than the message has
A name that the zone does not have does not exist.  Answers of more than 512 bytes are truncated over UDP.
Each question is a line "TYPE NAME PROTOCOL" in LOG.  Ends on SIGTERM, and in any case after ten minutes.
"""
import ipaddress
import json
import signal
import socket
import struct
import sys
import threading

TYPES = {1: "A", 28: "AAAA"}


def pack_name(name):
    return b"".join(bytes([len(part)]) + part.encode() for part in name.split(".") if part) + b"\0"


def unpack_name(data, at):
    parts = []
    while data[at]:
        parts.append(data[at + 1:at + 1 + data[at]].decode())
        at += 1 + data[at]
    return ".".join(parts), at + 1


def record(name, kind, ttl, data, length=None):
    return pack_name(name) + struct.pack("!HHIH", kind, 1, ttl, len(data) if length is None else length) + data


def records(zone, name, kind, entry, how):
    """Answers, in order; the aliases first."""
    ttl, out = entry.get("ttl", 300), []
    if how == "loop":
        return [record(name, 5, ttl, pack_name("loop." + name)), record("loop." + name, 5, ttl, pack_name(name))]
    while "cname" in entry:
        out.append(record(name, 5, ttl, pack_name(entry["cname"])))
        name = entry["cname"]
        entry = zone.get(name, {})
        ttl = entry.get("ttl", 300)
    for address in entry.get(TYPES.get(kind, ""), []):
        data = ipaddress.ip_address(address).packed
        out.append(record(name, kind, ttl, data, 4000 if how == "lies" else None))
    return out


def answer(query, zone_file, log, tcp):
    ident, = struct.unpack("!H", query[:2])
    name, at = unpack_name(query, 12)
    kind, = struct.unpack("!H", query[at:at + 2])
    with open(log, "a") as f:
        f.write("%s %s %s\n" % (TYPES.get(kind, kind), name, "tcp" if tcp else "udp"))
    with open(zone_file) as f:
        zone = json.load(f)
    entry = zone.get(name)
    how = "nxdomain" if entry is None else entry.get("how", "ok")
    if isinstance(how, dict):
        how = how.get(TYPES.get(kind, ""), "ok")
    question = query[12:at + 4]
    if how == "silent":
        return None
    if how == "garbage":
        return struct.pack("!H", ident) + b"\xff" * 40
    code = {"nxdomain": 3, "servfail": 2, "refused": 5}.get(how, 0)
    if how == "late-id":
        ident ^= 0x5555
    if how == "other":
        question = pack_name("other." + name) + query[at:at + 4]
    out = records(zone, name, kind, entry, how) if code == 0 else []
    body = b"".join(out)
    flags = 0x8580 | code
    if not tcp and 12 + len(question) + len(body) > 512:
        flags, out, body = flags | 0x0200, [], b""
    return struct.pack("!HHHHHH", ident, flags, 1, len(out), 0, 0) + question + body


def serve_udp(s, zone, log):
    while True:
        query, peer = s.recvfrom(4096)
        reply = answer(query, zone, log, False)
        if reply is not None:
            s.sendto(reply, peer)


def serve_tcp(s, zone, log):
    while True:
        c, _ = s.accept()
        with c:
            c.settimeout(5)
            try:
                while True:
                    length = c.recv(2)
                    if len(length) < 2:
                        break
                    query = c.recv(struct.unpack("!H", length)[0])
                    reply = answer(query, zone, log, True)
                    if reply is None:
                        break
                    c.sendall(struct.pack("!H", len(reply)) + reply)
            except OSError:
                pass


def main():
    address, zone, log, ready = sys.argv[1:5]
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    udp = socket.socket(family, socket.SOCK_DGRAM)
    udp.bind((address, 53))
    tcp = socket.socket(family, socket.SOCK_STREAM)
    tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    tcp.bind((address, 53))
    tcp.listen(16)
    signal.alarm(600)
    threading.Thread(target=serve_tcp, args=(tcp, zone, log), daemon=True).start()
    open(ready, "w").close()
    serve_udp(udp, zone, log)


main()
