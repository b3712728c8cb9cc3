#!/usr/bin/env python3
"""Writes a line for each message that nf_tables tells of a change: its type, as in linux/netfilter/nf_tables.h, and the bytes.

watch_nft.py OUT

As `nft monitor` does, but without reading the whole ruleset first, which takes minutes where there are thousands of chains.
Ends on SIGTERM.
"""
import socket
import struct
import sys

NETLINK_NETFILTER, NFNLGRP_NFTABLES, SUBSYSTEM = 12, 7, 10
SO_RCVBUFFORCE = 33
TYPES = ["newtable", "gettable", "deltable", "newchain", "getchain", "delchain", "newrule", "getrule", "delrule", "newset",
         "getset", "delset", "newsetelem", "getsetelem", "delsetelem", "newgen", "getgen", "trace", "newobj", "getobj",
         "delobj"]

s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER)
s.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 64 << 20)
s.bind((0, 1 << (NFNLGRP_NFTABLES - 1)))
with open(sys.argv[1], "w", buffering=1) as out:
    out.write("listening 0\n")
    while True:
        data = s.recv(1 << 20)
        while len(data) >= 16:
            length, kind = struct.unpack_from("IH", data)
            if kind >> 8 == SUBSYSTEM and (kind & 255) < len(TYPES):
                out.write("%s %d\n" % (TYPES[kind & 255], length))
            data = data[(length + 3) & ~3:]
