#!/usr/bin/env python3
"""Binds an NFLOG group, as another logging program would, and holds it until it is ended: hold_nflog.py GROUP"""
import signal
import socket
import struct
import sys

NETLINK_NETFILTER = 12
NFNL_SUBSYS_ULOG, NFULNL_MSG_CONFIG = 4, 1  # linux/netfilter/nfnetlink.h, nfnetlink_log.h
NFULA_CFG_CMD, NFULNL_CFG_CMD_BIND = 1, 1
NLM_F_REQUEST, NLM_F_ACK = 1, 4

s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER)
s.bind((0, 0))
payload = struct.pack("=BBH", socket.AF_UNSPEC, 0, socket.htons(int(sys.argv[1])))
payload += struct.pack("=HHB3x", 5, NFULA_CFG_CMD, NFULNL_CFG_CMD_BIND)
s.send(struct.pack("=IHHII", 16 + len(payload), NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_CONFIG, NLM_F_REQUEST | NLM_F_ACK, 1, 0) + payload)
error = struct.unpack_from("=i", s.recv(4096), 16)[0]
if error:
    sys.exit("cannot bind: error %d" % -error)
print("bound", flush=True)
signal.pause()
