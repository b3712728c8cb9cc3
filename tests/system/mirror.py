#!/usr/bin/env python3
"""A mirror port where the kernel has none: mirror.py FROM TO READY copies what comes in at one interface out at the other, until
it is ended; makes the file READY when it has begun."""
import socket
import sys

PACKET_OUTGOING = 4
source = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
source.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
source.bind((sys.argv[1], 3))
target = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
target.bind((sys.argv[2], 0))
open(sys.argv[3], "w").close()
while True:
    frame, at = source.recvfrom(65536)
    if at[2] != PACKET_OUTGOING and len(frame) <= 1514:
        target.send(frame)
