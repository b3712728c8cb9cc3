#!/usr/bin/env python3
"""Real servers for the lab's hosts, all in one process.

serve.py --certificate FILE --ready FILE KIND:PORT[-PORT]@ADDRESS ...

tls  TLS; answers each HTTP request like the version endpoint of a Kubernetes API
db   TCP, database-like: a greeting, then each line comes back
udp  each datagram comes back
FILE of --ready is made once all of them listen.  Ends on SIGTERM.
"""
import argparse
import asyncio
import signal
import ssl

VERSION = b'{"major":"1","minor":"29","gitVersion":"v1.29.0"}\n'


async def serve_http(reader, writer):
    try:
        while (await reader.readuntil(b"\r\n\r\n")):
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
                         % (len(VERSION), VERSION))
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
        pass
    writer.close()


async def serve_database(reader, writer):
    try:
        writer.write(b"ready\n")
        while line := await reader.readline():
            writer.write(line)
            await writer.drain()
    except ConnectionError:
        pass
    writer.close()


class Echo(asyncio.DatagramProtocol):
    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, addr):
        self.transport.sendto(data, addr)


async def start(loop, kind, address, port, tls):
    if kind == "udp":
        await loop.create_datagram_endpoint(Echo, local_addr=(address, port))
    elif kind == "tls":
        await asyncio.start_server(serve_http, address, port, ssl=tls, backlog=1024)
    elif kind == "db":
        await asyncio.start_server(serve_database, address, port, backlog=1024)
    else:
        raise SystemExit("serve.py: unknown kind " + kind)


async def main():
    p = argparse.ArgumentParser()
    p.add_argument("--certificate", required=True)
    p.add_argument("--ready", required=True)
    p.add_argument("services", nargs="+")
    a = p.parse_args()
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(a.certificate)
    loop = asyncio.get_running_loop()
    stop = loop.create_future()
    loop.add_signal_handler(signal.SIGTERM, lambda: stop.done() or stop.set_result(None))
    for service in a.services:
        what, address = service.split("@", 1)
        kind, ports = what.split(":", 1)
        first, _, last = ports.partition("-")
        for port in range(int(first), int(last or first) + 1):
            await start(loop, kind, address, port, tls)
    with open(a.ready, "w"):
        pass
    await stop


asyncio.run(main())
