#!/usr/bin/env python3
"""Gives the NFLOG socket of a running recorder, or another of its descriptors, the smallest receive buffer.

shrink_nflog.py PID [DESCRIPTOR]
"""
import ctypes
import os
import socket
import sys

PIDFD_OPEN, PIDFD_GETFD = 434, 438  # asm-generic/unistd.h
RECORD_NFLOG_FD = 4

libc = ctypes.CDLL(None, use_errno=True)
pidfd = libc.syscall(PIDFD_OPEN, int(sys.argv[1]), 0)
fd = libc.syscall(PIDFD_GETFD, pidfd, int(sys.argv[2]) if len(sys.argv) > 2 else RECORD_NFLOG_FD, 0)
if fd < 0:
    sys.exit("pidfd_getfd: " + os.strerror(ctypes.get_errno()))
s = socket.socket(fileno=fd)
s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
