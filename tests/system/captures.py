#!/usr/bin/env python3
"""Writes captures of the same connections in each form that replay reads: captures.py FOLDER SOURCE4 DESTINATION4 SOURCE6 DESTINATION6

Each holds, to port 5432: one SYN over IPv4, the same sent again, its answer; one SYN over IPv6; a UDP packet and its answer, to
port 53, over IPv4.  Three connections.
"""
import ipaddress
import struct
import sys

folder, source4, destination4, source6, destination6 = sys.argv[1:6]


def ip4(source, destination, protocol, payload):
    return struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), 1, 0, 64, protocol, 0,
                       ipaddress.ip_address(source).packed, ipaddress.ip_address(destination).packed) + payload


def ip6(source, destination, protocol, payload):
    return struct.pack("!IHBB16s16s", 0x60000000, len(payload), protocol, 64,
                       ipaddress.ip_address(source).packed, ipaddress.ip_address(destination).packed) + payload


def tcp(source, destination, flags, seq):
    return struct.pack("!HHIIBBHHH", source, destination, seq, 0, 0x50, flags, 1000, 0, 0)


def udp(source, destination):
    return struct.pack("!HHHH", source, destination, 12, 0) + b"ping"


packets = [
    ip4(source4, destination4, 6, tcp(40000, 5432, 2, 7)),
    ip4(source4, destination4, 6, tcp(40000, 5432, 2, 7)),
    ip4(destination4, source4, 6, tcp(5432, 40000, 18, 9)),
    ip6(source6, destination6, 6, tcp(40001, 5432, 2, 8)),
    ip4(source4, destination4, 17, udp(40002, 53)),
    ip4(destination4, source4, 17, udp(53, 40002)),
]


def ethertype(p):
    return 0x0800 if p[0] >> 4 == 4 else 0x86DD


forms = {
    "ethernet": (1, lambda p: bytes(12) + struct.pack("!H", ethertype(p)) + p),
    "vlan": (1, lambda p: bytes(12) + struct.pack("!HHH", 0x8100, 5, ethertype(p)) + p),
    "qinq": (1, lambda p: bytes(12) + struct.pack("!HHHHH", 0x88A8, 5, 0x8100, 6, ethertype(p)) + p),
    "sll": (113, lambda p: struct.pack("!HHH8sH", 0, 1, 6, bytes(8), ethertype(p)) + p),
    "sll2": (276, lambda p: struct.pack("!HHIHBB8s", ethertype(p), 0, 1, 1, 0, 6, bytes(8)) + p),
    "raw": (101, lambda p: p),
    "wifi": (105, lambda p: p),
}
for name, (link, frame) in forms.items():
    with open("%s/%s.pcap" % (folder, name), "wb") as f:
        f.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, link))
        for n, p in enumerate(packets):
            data = frame(p)
            f.write(struct.pack("<IIII", 1700000000 + n, 0, len(data), len(data)) + data)

# pcapng: a section, an interface, packets.
def block(kind, body):
    body += bytes(-len(body) % 4)
    return struct.pack("<II", kind, len(body) + 12) + body + struct.pack("<I", len(body) + 12)


with open("%s/ethernet.pcapng" % folder, "wb") as f:
    f.write(block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1)) + block(1, struct.pack("<HHI", 1, 0, 65535)))
    for n, p in enumerate(packets):
        data = forms["ethernet"][1](p)
        when = (1700000000 + n) * 1000000
        f.write(block(6, struct.pack("<IIIII", 0, when >> 32, when & 0xFFFFFFFF, len(data), len(data)) + data))
