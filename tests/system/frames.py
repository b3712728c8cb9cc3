#!/usr/bin/env python3
"""Sends frames as a mirror port gets them, addressed to nobody here: frames.py INTERFACE FRAME…

A FRAME is SOURCE,SOURCE PORT,DESTINATION,PORT,KIND with KIND syn, answer (SYN and ACK), udp; and behind it vlan and qinq for frames
with one tag and two, and xCOUNT for so many, each from the next source port: 192.0.2.1,40000,203.0.113.10,5432,syn,vlan
"""
import ipaddress
import socket
import struct
import sys


def packet(source, source_port, destination, port, kind):
    if kind == "udp":
        protocol, payload = 17, struct.pack("!HHHH", source_port, port, 12, 0) + b"ping"
    else:
        flags = {"syn": 2, "answer": 18}[kind]
        protocol, payload = 6, struct.pack("!HHIIBBHHH", source_port, port, 7, 0, 0x50, flags, 1000, 0, 0)
    source, destination = ipaddress.ip_address(source), ipaddress.ip_address(destination)
    if source.version == 4:
        return 0x0800, struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), 1, 0, 64, protocol, 0, source.packed,
                                   destination.packed) + payload
    return 0x86DD, struct.pack("!IHBB16s16s", 0x60000000, len(payload), protocol, 64, source.packed, destination.packed) + payload


s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind((sys.argv[1], 0))
for text in sys.argv[2:]:
    source, source_port, destination, port, kind, *more = text.split(",")
    count = int(more.pop()[1:]) if more and more[-1][0] == "x" else 1
    tags = {"vlan": struct.pack("!HH", 0x8100, 5), "qinq": struct.pack("!HHHH", 0x88A8, 5, 0x8100, 6)}.get(more[0] if more else "", b"")
    for n in range(count):
        ethertype, data = packet(source, int(source_port) + n, destination, int(port), kind)
        s.send(bytes.fromhex("02000000000102000000000a") + tags + struct.pack("!H", ethertype) + data)
