#!/usr/bin/env python3
"""A publisher on 127.0.0.1 that answers once, and then takes every request without ever answering:
silent.py PORT READY-FILE ENTRY"""
import socket
import sys

port, ready, entry = int(sys.argv[1]), sys.argv[2], sys.argv[3]
listener = socket.create_server(("127.0.0.1", port), backlog=64)
open(ready, "w").close()
first, _ = listener.accept()
first.recv(65536)
body = entry.encode() + b"\n"
first.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s" % (len(body), body))
first.close()
kept = []
while True:
    kept.append(listener.accept())
