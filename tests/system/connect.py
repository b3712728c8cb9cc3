#!/usr/bin/env python3
"""Opens a bounded number of real connections and prints what became of them: "ALLOWED DROPPED REJECTED".

connect.py SOURCE DESTINATION PORT [--kind db|tls|udp] [--count N] [--rate N] [--timeout SECONDS] [--ca FILE] [--until FILE]
connect.py SOURCE DESTINATION PORT --hold SECONDS

allowed   connected, said something and got the right answer
dropped   no answer at all within the time
rejected  refused, by a reset or an ICMP error
Anything else, such as a connection that opens and then stays silent, is an error: exit status 1 and a message.
With --until no more are opened once that file is there.
With --hold one connection is kept talking: a line "answer N" for each answer, and "cut" when one stays out.
"""
import argparse
import concurrent.futures
import errno
import os
import socket
import ssl
import sys
import time

REJECTED = {errno.ECONNREFUSED, errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EACCES, errno.ECONNRESET}


class Broken(Exception):
    pass


def dial(a, kind):
    family = socket.AF_INET6 if ":" in a.destination else socket.AF_INET
    s = socket.socket(family, kind)
    try:
        s.bind((a.source, 0))
        s.settimeout(a.timeout)
        s.connect((a.destination, a.port))
    except BaseException:
        s.close()
        raise
    return s


def talk_database(s):
    if not s.recv(64).startswith(b"ready"):
        raise Broken("no greeting")
    s.sendall(b"select 1\n")
    if s.recv(64) != b"select 1\n":
        raise Broken("wrong answer")


def talk_tls(s, a, context):
    with context.wrap_socket(s, server_hostname=a.destination) as t:
        t.sendall(b"GET /version HTTP/1.1\r\nHost: api.lab\r\nConnection: close\r\n\r\n")
        if not t.recv(4096).startswith(b"HTTP/1.1 200"):
            raise Broken("wrong answer")


def attempt(a, context):
    """One connection: allowed, dropped or rejected."""
    try:
        if a.kind == "udp":
            with dial(a, socket.SOCK_DGRAM) as s:
                s.send(b"ping")
                if s.recv(64) != b"ping":
                    raise Broken("wrong answer")
            return "allowed"
        s = dial(a, socket.SOCK_STREAM)
    except socket.timeout:
        return "dropped"
    except OSError as e:
        if e.errno in REJECTED:
            return "rejected"
        raise
    with s:
        s.settimeout(10)
        if a.kind == "tls":
            talk_tls(s, a, context)
        else:
            talk_database(s)
    return "allowed"


def hold(a):
    end = time.monotonic() + a.hold
    with dial(a, socket.SOCK_STREAM) as s:
        talk_database(s)
        n = 0
        try:
            while time.monotonic() < end:
                s.sendall(b"select 1\n")
                if s.recv(64) != b"select 1\n":
                    raise Broken("wrong answer")
                n += 1
                print("answer", n, flush=True)
                time.sleep(0.02)
        except OSError:
            print("cut", flush=True)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("source")
    p.add_argument("destination")
    p.add_argument("port", type=int)
    p.add_argument("--kind", choices=("db", "tls", "udp"), default="db")
    p.add_argument("--count", type=int, default=1)
    p.add_argument("--rate", type=float, default=0, help="connections a second; 0: all at once")
    p.add_argument("--timeout", type=float, default=1.0)
    p.add_argument("--hold", type=float)
    p.add_argument("--until", default="", help="no more once this file is there")
    p.add_argument("--ca", help="trust this certificate")
    a = p.parse_args()
    if a.hold:
        return hold(a)

    context = ssl.create_default_context(cafile=a.ca) if a.ca else ssl._create_unverified_context()
    outcomes = {"allowed": 0, "dropped": 0, "rejected": 0}
    begin = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(max_workers=min(a.count, 128)) as pool:
        futures = []
        for i in range(a.count):
            if os.path.exists(a.until):
                break
            if a.rate:
                time.sleep(max(0, begin + i / a.rate - time.monotonic()))
            futures.append(pool.submit(attempt, a, context))
        for f in futures:
            outcomes[f.result()] += 1
    print(outcomes["allowed"], outcomes["dropped"], outcomes["rejected"])


try:
    main()
except (Broken, OSError) as e:
    sys.exit("connect.py: %s" % e)
