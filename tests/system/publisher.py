#!/usr/bin/env python3
"""A publisher that misbehaves on demand: an HTTP or HTTPS server for the tests of hallowd-fetch and the lab.

publisher.py --bind ADDRESS --port PORT(0: any) --dir DIR [--cert FILE --key FILE [--client-ca FILE]] --ready FILE
             [--log FILE]

With --client-ca it talks only to clients that show a certificate which that file vouches for.  It is an HTTP proxy too: it
tunnels CONNECT, and answers what is asked for with a whole URL by itself.

Its port is written to FILE of --ready once it listens; FILE of --log gets a line of JSON for each request: method, path,
headers, status.  Ends on SIGTERM.

/good                     a list of three prefixes
/file/NAME                DIR/NAME, read anew for each request; content type by its ending; ETag by its content
/status/N                 status N with an HTML page
/error-page               status 200 with an HTML page that prints an address
/slow-header              takes the request and never answers
/slow-body                a good start, then a byte a second
/cut                      half of the body, then a reset
/cut-chunked              half of a chunked body, then the end of the connection
/wrong-length             a body shorter than its Content-Length, then the end of the connection
/no-length                a body without any length (as HTTP/1.0 has it)
/close                    takes the request and closes the connection
/not-http                 a banner of another protocol
/redirect?to=URL          302 (or &status=N) to URL; without to: no Location
/loop                     302 to itself
/gzip                     the list as gzip; /gzip-members: as two gzip members
/gzip-cut                 the same, cut off by a server that sends the right length of what it has
/gzip-damaged             the same, with a byte changed
/coding?is=NAME           the list, said to be in content coding NAME
/coding-twice             the list as gzip, which is said twice
/bomb                     64 MiB of zeros as gzip
/gzip-large               a short text as very long gzip
/large?bytes=N            N bytes
/lying-large              says 1 TiB, sends a little
/etag                     the list with ETag and Last-Modified; 304 to a request that has one of them
/modified                 the list with Last-Modified alone; 304 to a request that has it
/always-304               304 whatever was asked
/flip                     one of two versions of a list in turn: with and without 192.0.2.0/24
/flaky?times=N&as=WORD    fails N times as /WORD does, then the list; counted anew for each query, so add something of yours
/private                  401 unless the request has 'Authorization: Bearer' with what DIR/token holds, without a newline
/hostile-headers          the list, with control characters and long lines in its headers
"""
import argparse
import gzip
import hashlib
import http.server
import json
import os
import select
import signal
import socket
import socketserver
import ssl
import struct
import sys
import threading
import urllib.parse

LIST = b"# a list\n192.0.2.0/24\n198.51.100.7\n2001:db8::/32\n"
PAGE = b"<!DOCTYPE html>\n<html><head><title>%s</title></head>\n<body><h1>%s</h1>\n<p>203.0.113.77</p></body></html>\n"
ETAG = '"list-1"'
MODIFIED = "Tue, 03 Nov 2026 08:00:00 GMT"
TYPES = {".json": "application/json", ".yaml": "application/yaml", ".csv": "text/csv", ".html": "text/html"}
# No connection is kept longer, whatever becomes of the client.
PATIENCE = 120


def page(text):
    return PAGE % (text.encode(), text.encode())


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "publisher"
    sys_version = ""

    def setup(self):
        self.request.settimeout(PATIENCE)
        if self.server.tls:
            self.request = self.server.tls.wrap_socket(self.request, server_side=True)
        self.cut = False
        super().setup()

    def finish(self):
        super().finish()
        if self.server.tls and not self.cut:
            try:
                self.request.unwrap()
            except (OSError, ValueError):
                pass
        self.request.close()

    def do_CONNECT(self):
        host, _, port = self.path.rpartition(":")
        try:
            far = socket.create_connection((host.strip("[]"), int(port)), timeout=5)
        except (OSError, ValueError):
            self.send(502, page("502 Bad Gateway"), "text/html")
            return
        self.send_response(200)
        self.end_headers()
        self.wfile.flush()
        with far:
            self.tunnel(far)
        self.close_connection = True

    def tunnel(self, far):
        ends = {self.request: far, far: self.request}
        while True:
            ready = select.select(list(ends), [], [], PATIENCE)[0]
            for end in ready:
                data = end.recv(65536)
                if not data:
                    return
                ends[end].sendall(data)
            if not ready:
                return

    def do_GET(self):
        url = urllib.parse.urlsplit(self.path)
        self.query = dict(urllib.parse.parse_qsl(url.query))
        word, _, self.rest = url.path.lstrip("/").partition("/")
        answer = getattr(self, "answer_" + word.replace("-", "_"), None)
        if answer:
            answer()
        else:
            self.send(404, page("404 Not Found"), "text/html")

    def log_request(self, code="-", size="-"):
        self.server.log({"method": self.command, "path": self.path, "headers": dict(self.headers), "status": int(code)})

    def log_message(self, *args):
        pass

    # --- how answers are sent

    def head(self, status, kind, length, **headers):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        if length is not None:
            self.send_header("Content-Length", str(length))
        else:
            self.close_connection = True
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    def send(self, status, body, kind="text/plain; charset=utf-8", **headers):
        self.head(status, kind, len(body), **headers)
        self.wfile.write(body)

    def end(self, reset=False):
        """Ends the connection here, in the middle of things: also without TLS's own goodbye."""
        self.wfile.flush()
        self.close_connection = self.cut = True
        if reset:
            self.request.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def wait_for_client(self, seconds):
        """Returns when the client has gone, or time is up."""
        return bool(select.select([self.request], [], [], seconds)[0])

    # --- the answers

    def answer_good(self):
        self.send(200, LIST)

    def answer_file(self):
        name = os.path.join(self.server.folder, os.path.basename(self.rest))
        try:
            with open(name, "rb") as file:
                body = file.read()
        except OSError:
            self.send(404, page("404 Not Found"), "text/html")
            return
        etag = '"%s"' % hashlib.sha256(body).hexdigest()[:16]
        if self.headers.get("If-None-Match") == etag:
            self.head(304, "text/plain", 0, ETag=etag)
        else:
            self.send(200, body, TYPES.get(os.path.splitext(name)[1], "text/plain; charset=utf-8"), ETag=etag)

    def answer_status(self):
        status = int(self.rest)
        if status in (204, 304):
            self.head(status, "text/plain", None)
        else:
            self.send(status, page("%d" % status), "text/html")

    def answer_error_page(self):
        self.send(200, page("Something went wrong"), "text/html")

    def answer_slow_header(self):
        self.server.log({"method": "GET", "path": self.path, "headers": dict(self.headers), "status": 0})
        self.wait_for_client(PATIENCE)
        self.end()

    def answer_slow_body(self):
        self.head(200, "text/plain", len(LIST) + PATIENCE)
        self.wfile.write(LIST)
        for _ in range(PATIENCE):
            self.wfile.flush()
            if self.wait_for_client(1):
                break
            self.wfile.write(b"#")
        self.end()

    def answer_cut(self):
        self.head(200, "text/plain", len(LIST))
        self.wfile.write(LIST[:len(LIST) // 2])
        self.end(reset=True)

    def answer_cut_chunked(self):
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.write(b"%x\r\n%s\r\n" % (len(LIST), LIST))
        self.end()

    def answer_wrong_length(self):
        self.head(200, "text/plain", len(LIST) + 20)
        self.wfile.write(LIST)
        self.close_connection = True

    def answer_no_length(self):
        self.head(200, "text/plain", None)
        self.wfile.write(LIST)

    def answer_close(self):
        self.end()

    def answer_not_http(self):
        self.wfile.write(b"SSH-2.0-OpenSSH_9.2p1\r\n")
        self.end()

    def answer_redirect(self):
        headers = {"Location": self.query["to"]} if "to" in self.query else {}
        self.send(int(self.query.get("status", 302)), page("elsewhere"), "text/html", **headers)

    def answer_loop(self):
        self.send(302, b"", Location="/loop")

    def answer_gzip(self):
        self.send(200, gzip.compress(LIST), Content_Encoding="gzip")

    def answer_gzip_members(self):
        middle = LIST.index(b"198")
        self.send(200, gzip.compress(LIST[:middle]) + gzip.compress(LIST[middle:]), Content_Encoding="gzip")

    def answer_gzip_cut(self):
        # Cut in the trailer: every byte of the list is there, and nothing says so.
        self.send(200, gzip.compress(LIST)[:-4], Content_Encoding="gzip")

    def answer_gzip_damaged(self):
        body = bytearray(gzip.compress(LIST))
        body[-6] ^= 1
        self.send(200, bytes(body), Content_Encoding="gzip")

    def answer_coding(self):
        self.send(200, LIST, Content_Encoding=self.query["is"])

    def answer_coding_twice(self):
        self.send(200, gzip.compress(LIST), Content_Encoding="gzip", content_encoding="gzip")

    def answer_bomb(self):
        self.send(200, gzip.compress(bytes(64 << 20)), Content_Encoding="gzip")

    def answer_gzip_large(self):
        # Members that hold nothing: little comes out, however much goes in.
        self.send(200, gzip.compress(b"") * 10000 + gzip.compress(LIST), Content_Encoding="gzip")

    def answer_large(self):
        self.head(200, "text/plain", None)
        left = int(self.query["bytes"])
        while left > 0:
            part = min(left, 65536)
            self.wfile.write(b"#" * part)
            left -= part

    def answer_lying_large(self):
        self.head(200, "text/plain", 1 << 40)
        self.wfile.write(LIST)
        self.end()

    def answer_etag(self):
        asked = self.headers.get("If-None-Match"), self.headers.get("If-Modified-Since")
        if asked[0] == ETAG or asked[1] == MODIFIED:
            self.head(304, "text/plain", 0, ETag=ETAG)
        else:
            self.send(200, LIST, ETag=ETAG, Last_Modified=MODIFIED)

    def answer_modified(self):
        if self.headers.get("If-Modified-Since") == MODIFIED:
            self.head(304, "text/plain", 0, Last_Modified=MODIFIED)
        else:
            self.send(200, LIST, Last_Modified=MODIFIED)

    def answer_always_304(self):
        self.head(304, "text/plain", 0)

    def answer_flip(self):
        new = self.server.count("flip") % 2
        self.send(200, LIST[LIST.index(b"198"):] if new else LIST)

    def answer_flaky(self):
        if self.server.count(self.path) >= int(self.query["times"]):
            self.answer_good()
            return
        word, _, self.rest = self.query["as"].partition("/")
        getattr(self, "answer_" + word.replace("-", "_"))()

    def answer_private(self):
        with open(os.path.join(self.server.folder, "token"), encoding="utf-8") as file:
            wanted = "Bearer " + file.read().rstrip("\n")
        if self.headers.get("Authorization") == wanted:
            self.answer_good()
        else:
            self.send(401, page("401 Unauthorized"), "text/html", WWW_Authenticate="Bearer")

    def answer_hostile_headers(self):
        self.send(200, LIST, ETag='"a\x1b[2Jb"', Last_Modified="\x01", X_Long="x" * 4000)


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, options):
        self.address_family = socket.AF_INET6 if ":" in options.bind else socket.AF_INET
        self.folder = options.dir
        self.log_file = open(options.log, "a", encoding="utf-8") if options.log else None
        self.log_lock = threading.Lock()
        self.tls = None
        if options.cert:
            self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.tls.load_cert_chain(options.cert, options.key)
        if options.client_ca:
            self.tls.load_verify_locations(options.client_ca)
            self.tls.verify_mode = ssl.CERT_REQUIRED
        self.counts = {}
        super().__init__((options.bind, options.port), Handler)

    def log(self, entry):
        if self.log_file:
            with self.log_lock:
                self.log_file.write(json.dumps(entry) + "\n")
                self.log_file.flush()

    def count(self, what):
        """How often it was called for this before."""
        with self.log_lock:
            self.counts[what] = self.counts.get(what, -1) + 1
            return self.counts[what]

    def shutdown_request(self, request):
        """The handler has closed it its own way."""

    def handle_error(self, request, client_address):
        """Clients that hang up, or do not trust the certificate, are what tests are for."""
        error = sys.exc_info()[1]
        if not isinstance(error, OSError):
            super().handle_error(request, client_address)
        request.close()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bind", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--dir", default=".")
    parser.add_argument("--cert")
    parser.add_argument("--key")
    parser.add_argument("--client-ca")
    parser.add_argument("--ready", required=True)
    parser.add_argument("--log")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    with Server(options) as server:
        with open(options.ready + ".new", "w", encoding="utf-8") as file:
            file.write("%d\n" % server.server_address[1])
        os.rename(options.ready + ".new", options.ready)
        server.serve_forever()


if __name__ == "__main__":
    main()
