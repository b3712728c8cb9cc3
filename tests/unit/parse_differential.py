#!/usr/bin/env python3
"""Lists as providers publish them, and what becomes of them on the way, read by hallowd-parse and by this file.

Thousands of answers are made from a fixed seed, in the shapes of some twenty publishers: good ones,
ones with odd or bad
rows, and error pages.  Each goes through the real hallowd-parse, and is read a second time here,
with Python's own modules.
They must be of one mind: is it a list, which addresses are in it, how many rows are good and how many bad,
and which is the
widest prefix of each family.

    parse_differential.py [SEED [ANSWERS]]    in a build tree; prints TAP, keeps what differs
                                              in parse_differential.out/
"""
import csv
import html.parser
import io
import ipaddress
import json
import os
import random
import re
import socket
import struct
import sys
import time
import xml.etree.ElementTree
from concurrent.futures import ThreadPoolExecutor

SEED = 20261124
ANSWERS = 6000
SECONDS = 30  # where one program takes long to start, as with sanitizers, fewer answers will do
FORMATS = ("guess", "text", "json", "yaml", "csv", "html", "xml")
NONE_OF_IT = 255


# --- what an answer says, read here

class NotAList(Exception):
    pass


class Reading:
    """ok, or why not; the ranges of each family, merged; rows, bad rows and the widest lengths."""

    def __init__(self):
        self.ok, self.why, self.rows, self.bad = True, "", 0, 0
        self.widest = {4: NONE_OF_IT, 6: NONE_OF_IT}
        self.ranges = {4: [], 6: []}

    def add(self, text):
        row = read_row(text)
        if row is None:
            self.bad += 1
            return
        version, first, last, widest = row
        self.rows += 1
        self.ranges[version].append((first, last))
        self.widest[version] = min(self.widest[version], widest)

    def facts(self):
        if not self.ok:
            return "not a list"
        return (self.rows, self.bad, self.widest[4], self.widest[6], merged(self.ranges[4]), merged(self.ranges[6]))


def merged(ranges):
    out = []
    for first, last in sorted(ranges):
        if out and first <= out[-1][1] + 1:
            out[-1] = (out[-1][0], max(out[-1][1], last))
        else:
            out.append((first, last))
    return out


def read_address(text):
    """An address; None where there is none.  Python lets a scope through, and we do not."""
    if not text.isascii() or "%" in text:
        return None
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


MAPPED = 0xffff << 32


def read_row(text):
    """(version, first, last, widest length) of one row, or None where it is bad: see hallowd.yaml(5)."""
    if "-" in text:
        ends = [read_address(end) for end in re.split(r"[ \t]*-[ \t]*", text)]
        if len(ends) != 2 or None in ends or ends[0].version != ends[1].version:
            return None
        version, first, last = ends[0].version, int(ends[0]), int(ends[1])
        if version == 6 and first >> 32 == 0xffff and last >> 32 == 0xffff:
            version, first, last = 4, first - MAPPED, last - MAPPED
        if first > last:
            return None
        kind = ipaddress.IPv4Address if version == 4 else ipaddress.IPv6Address
        widest = min(n.prefixlen for n in ipaddress.summarize_address_range(kind(first), kind(last)))
        return version, first, last, widest
    address, slash, length = text.partition("/")
    address = read_address(address)
    if address is None:
        return None
    bits = 32 if address.version == 4 else 128
    if not slash:
        length = str(bits)
    if not re.fullmatch("0|[1-9][0-9]{0,2}", length) or int(length) > bits:
        return None
    version, number, length = address.version, int(address), int(length)
    if version == 6 and number >> 32 == 0xffff and length >= 96:
        version, number, length, bits = 4, number - MAPPED, length - 96, 32
    below = (1 << (bits - length)) - 1
    return version, number & ~below, number | below, length


def decode(data, markup=False):
    """The text of an answer.  Bytes that are no UTF-8 become something that no entry holds."""
    if data[:3] == b"\xef\xbb\xbf":
        data = data[3:]
    if not data.strip(b" \t\r\n"):
        raise NotAList("empty")
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise NotAList("UTF-16")
    if not markup and re.match(rb"[ \t\r\n]*<[A-Za-z!?/]", data):
        raise NotAList("markup")
    if re.search(rb"[\x00-\x08\x0b\x0c\x0e-\x1f]", data):
        raise NotAList("control characters")
    return data.decode("utf-8", "replace")


def read_text(data, _):
    for line in decode(data).split("\n"):
        entry = re.split("[#;]", line, maxsplit=1)[0].strip(" \t\r")
        if entry:
            yield entry


def read_csv(data, column):
    # As in RFC 8805: a "#" that begins a line, or a word of it, begins a comment.
    text = decode(data)
    lines = [re.sub(r'^((?:[^"\n]|"[^"\n]*")*?)(?:^|(?<=[ \t,]))#.*', r"\1", line) for line in text.split("\n")]
    records = csv.reader(io.StringIO("\n".join(lines), newline=""), skipinitialspace=True, strict=True)
    try:
        records = [[field.strip(" \t\r") for field in record] for record in records]
    except csv.Error as error:
        raise NotAList(str(error)) from error
    records = [record for record in records if record not in ([], [""])]
    number = 0
    if isinstance(column, str):
        if not records or records[0].count(column) != 1:
            raise NotAList("no such column")
        number = records.pop(0).index(column)
    elif column is not None:
        number = column - 1
    for record in records:
        yield record[number] if number < len(record) else "(no such column)"


def read_json(data, walk):
    try:
        value = json.loads(decode(data))
    except ValueError as error:
        raise NotAList(str(error)) from error
    if walk is None and not isinstance(value, list):
        raise NotAList("no array")
    try:
        found = list(value if walk is None else walk(value))
    except (KeyError, TypeError, AttributeError, IndexError) as error:
        raise NotAList(repr(error)) from error
    for row in found:
        yield row.strip(" \t\r\n") if isinstance(row, str) else "(not a string)"


class Cells(html.parser.HTMLParser):
    """The text of each element TAG with class "ip"."""

    def __init__(self, tag):
        super().__init__(convert_charrefs=True)
        self.tag, self.cells, self.inside = tag, [], False

    def handle_starttag(self, tag, attrs):
        if tag == self.tag and ("class", "ip") in attrs:
            self.cells.append([])
            self.inside = True

    def handle_endtag(self, tag):
        if tag == self.tag:
            self.inside = False

    def handle_data(self, data):
        if self.inside:
            self.cells[-1].append(data)


def read_html(data, tag):
    if data[:3] == b"\xef\xbb\xbf":
        data = data[3:]
    if b"\0" in data or not data.strip(b" \t\r\n") or data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise NotAList("no page")
    parser = Cells(tag)
    parser.feed(data.decode("utf-8", "replace"))
    parser.close()
    for cell in parser.cells:
        yield " ".join(cell).strip(" \t\r\n\f\u00a0")


def read_xml(data, walk):
    text = decode(data, markup=True)
    if re.match(r"[ \t\r\n]*(<!doctype html|<html)[> \t\r\n]", text, re.I):
        raise NotAList("a page")
    try:
        root = xml.etree.ElementTree.fromstring(text.encode())
    except (xml.etree.ElementTree.ParseError, ValueError) as error:
        raise NotAList(str(error)) from error
    for found in walk(root):
        yield found.strip(" \t\r\n\f\u00a0")


READERS = {"text": read_text, "csv": read_csv, "json": read_json, "yaml": read_json, "html": read_html, "xml": read_xml}


def read_known(data, rows):
    """Where Python has no reader, the rows are those that were written."""
    decode(data)
    return (row.strip(" \t\r\n") for row in rows)


def read_here(answer):
    reading, reader = Reading(), read_known if answer.kind == "yaml block" else READERS[answer.format]
    try:
        for row in reader(answer.data, answer.walk):
            reading.add(row)
        if reading.rows == 0:
            raise NotAList("no good row")
    except NotAList as error:
        reading.ok, reading.why = False, str(error)
    return reading


# --- what hallowd-parse says

def field(text):
    data = text.encode()
    return struct.pack("=I", len(data)) + data


def request(answer):
    payload = (struct.pack("=B", FORMATS.index(answer.asked)) + field(answer.select) + field(answer.content_type) +
               field(answer.name) + struct.pack("=QQ", 64 << 20, 2000000) + field("") + field(""))
    return struct.pack("=IHHQ", len(payload), 3, 0, 0) + payload


class Message:
    def __init__(self, data):
        length, kind, _, _ = struct.unpack_from("=IHHQ", data)
        if kind != 4 or length != len(data) - 16:
            raise ValueError("no parse result")
        self.data, self.at = data, 16

    def get(self, code):
        value, = struct.unpack_from("=" + code, self.data, self.at)
        self.at += struct.calcsize("=" + code)
        return value

    def string(self):
        length = self.get("I")
        self.at += length
        return self.data[self.at - length:self.at].decode()


def decode_result(data):
    message, reading = Message(data), Reading()
    reading.ok, reading.why = message.get("B") == 1, message.string()
    message.get("B"), message.get("Q"), message.string()
    reading.rows, reading.bad = message.get("Q"), message.get("Q")
    message.get("Q")
    reading.widest = {4: message.get("B"), 6: message.get("B")}
    for _ in range(message.get("B")):
        line, text, what = message.get("I"), message.string(), message.string()
        reading.why += " [%d: %r: %s]" % (line, text, what)
    count4, count6 = message.get("I"), message.get("I")
    for _ in range(count4):
        reading.ranges[4].append((message.get("I"), message.get("I")))
    for _ in range(count6):
        words = [message.get("Q") for _ in range(4)]
        reading.ranges[6].append((words[0] << 64 | words[1], words[2] << 64 | words[3]))
    return reading


def read_program(answer):
    """The real program, as hallowd starts it: the bytes on standard input, the socket on descriptor 3."""
    body = os.memfd_create("answer")
    os.write(body, answer.data)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        pid = os.posix_spawn("./hallowd-parse", ["./hallowd-parse"], os.environ, file_actions=[
            (os.POSIX_SPAWN_DUP2, body, 0), (os.POSIX_SPAWN_DUP2, theirs.fileno(), 3)])
        theirs.close()
        os.close(body)
        ours.sendall(request(answer))
        data = b""
        while part := ours.recv(1 << 20):
            data += part
        status = os.waitpid(pid, 0)[1]
    if status != 0:
        raise ValueError("hallowd-parse ended with status %d" % status)
    return decode_result(data)


# --- answers

class Answer:
    def __init__(self, kind, form, data, select="", walk=None, asked=None, content_type="", name=""):
        self.kind, self.format, self.data, self.select, self.walk = kind, form, data, select, walk
        self.asked, self.content_type, self.name = asked or form, content_type, name


R = random.Random(SEED)


def address4():
    return str(ipaddress.IPv4Address(R.getrandbits(32)))


def address6():
    zeros = R.choice((0, 32, 64, 80))
    return str(ipaddress.IPv6Address(0x2000 << 112 | R.getrandbits(125) >> zeros << zeros))


def prefix4():
    length = R.choice((8, 12, 16, 18, 20, 22, 23, 24, 24, 24, 25, 27, 28, 30, 31, 32, 32))
    return str(ipaddress.ip_network((R.getrandbits(32), length), strict=False))


def prefix6():
    length = R.choice((20, 28, 29, 32, 32, 36, 40, 44, 48, 48, 56, 63, 64, 64, 96, 112, 127, 128))
    return str(ipaddress.ip_network((0x2000 << 112 | R.getrandbits(125), length), strict=False))


def range4():
    first = R.getrandbits(32)
    last = min(first + R.choice((0, 1, 2, 7, 255, 256, 1000, 65535, 70000)), (1 << 32) - 1)
    return first, last


def plain_row():
    return R.choice((address4, prefix4, prefix4, prefix4, prefix6, prefix6, address6))()


def odd_row():
    """A row that people do write: some of them good, some of them bad."""
    v4, v6, p4, p6 = address4(), address6(), prefix4(), prefix6()
    first, last = (str(ipaddress.IPv4Address(n)) for n in range4())
    low, high = sorted(R.getrandbits(127) for _ in range(2))
    parts = v4.split(".")
    return R.choice((
        lambda: "%s/%d" % (v4, R.randrange(0, 33)),             # host bits
        lambda: "%s/%d" % (v6, R.randrange(0, 129)),
        lambda: v6.upper(), p6.upper, lambda: ipaddress.ip_address(v6).exploded,
        lambda: ipaddress.ip_network(p6).exploded,
        lambda: "%s-%s" % (first, last), lambda: "%s - %s" % (first, last), lambda: "%s -\t%s" % (first, last),
        lambda: "%s-%s" % (last, first), lambda: "%s-%s" % (first, v6), lambda: "%s-%s-%s" % (first, last, last),
        lambda: "%s-" % first, lambda: "-%s" % last, lambda: "-", lambda: "%s-%s" % (first, parts[3]),
        lambda: "%s-%s" % (p4, last), lambda: "%s\u2013%s" % (first, last),
        lambda: "%s-%s" % (ipaddress.IPv6Address(low), ipaddress.IPv6Address(high)),
        lambda: "::ffff:%s-::ffff:%s" % (first, last), lambda: "::ffff:%s-%s" % (first, last),
        lambda: "::fffe:ffff:fff0-::ffff:%s" % last,
        lambda: "::ffff:%s" % v4, lambda: "::FFFF:%s/%d" % (v4, R.choice((0, 95, 96, 97, 104, 120, 128))),
        lambda: "::ffff:%s/%d" % (v4, R.randrange(90, 129)), lambda: "::ffff:0.0.0.0/%d" % R.choice((80, 95, 96, 97)),
        lambda: "::ffff:%x:%x" % (R.getrandbits(16), R.getrandbits(16)), lambda: "64:ff9b::%s" % v4,
        lambda: "::%s" % v4,
        lambda: "0.0.0.0/0", lambda: "::/0", lambda: "0.0.0.0", lambda: "::", lambda: "255.255.255.255/32",
        lambda: "::/128",
        lambda: "0%s" % v4, lambda: ".".join(part.zfill(3) for part in parts), lambda: "%s/0%d" % (v4, R.randrange(33)),
        lambda: "%s%%eth0" % v6, lambda: "fe80::1%%%s/64" % R.choice(("1", "eth0", "25eth0")), lambda: "%s%%1" % v4,
        lambda: "%s /%d" % (v4, 24), lambda: "%s/ %d" % (v4, 24), lambda: "%s / 24" % v4, lambda: "%s/" % v4,
        lambda: "%s/%d" % (v4, R.choice((33, 64, 128, 999, 1000, 256))), lambda: "%s/129" % v6, lambda: "%s/-1" % v4,
        lambda: "%s/+8" % v4, lambda: "%s//24" % v4, lambda: "%s/24/24" % v4, lambda: "/24", lambda: "%s\\24" % v4,
        lambda: "%s/255.255.255.0" % v4, lambda: "%s/0.0.0.255" % v4, lambda: "%s/ffff::" % v6,
        lambda: "%s 255.255.255.0" % v4,
        lambda: ".".join(parts[:3]), lambda: ".".join(parts[:3]) + ".", lambda: ".".join(parts[:2]) + "/16",
        lambda: v4 + ".1",
        lambda: v4 + ".", lambda: "." + v4, lambda: str(int(ipaddress.ip_address(v4))),
        lambda: hex(int(ipaddress.ip_address(v4))),
        lambda: "0x%x.%s" % (R.getrandbits(8), ".".join(parts[1:])), lambda: "256." + ".".join(parts[1:]),
        lambda: ".".join(parts[:3]) + ".*", lambda: ".".join(parts[:3]) + ".x", lambda: ".".join(parts[:3]) + ".0-255",
        lambda: ":" + v6, lambda: v6 + ":", lambda: v6 + "::", lambda: "1:2:3:4:5:6:7:8:9", lambda: "1:2:3:4:5:6:7",
        lambda: "1::2::3",
        lambda: "1:2:3:4:5:6:7::", lambda: "::2:3:4:5:6:7:8", lambda: "1::2:3:4:5:6:7:8", lambda: "1::3:4:5:6:7:8",
        lambda: "12345::",
        lambda: "::00001", lambda: "g::1", lambda: ":::", lambda: ":", lambda: "2001:db8::1.2.3",
        lambda: "2001:db8::1.2.3.4.5",
        lambda: "1.2.3.4::", lambda: "::ffff:1.2.3.256", lambda: "::ffff:01.2.3.4", lambda: "1:2:3:4:5:6:7:1.2.3.4",
        lambda: "[%s]" % v6, lambda: "[%s]:443" % v6, lambda: "%s:443" % v4, lambda: "https://%s/" % v4,
        lambda: "ip4:%s" % p4,
        lambda: "http://[%s]/" % v6, lambda: "*.%s" % "example.com", lambda: "gateway.zscaler.net", lambda: "AS13335",
        lambda: "localhost",
        lambda: "None", lambda: "null", lambda: "nan", lambda: "N/A", lambda: "0", lambda: "any", lambda: "default",
        lambda: "all",
        lambda: "%s %s" % (p4, p4), lambda: "%s\t%s" % (p4, p6), lambda: "%s|%s" % (p4, p4), lambda: "%s,%s" % (p4, p4),
        lambda: "%s!" % p4, lambda: "!%s" % p4, lambda: "- %s" % p4, lambda: "deny %s" % p4,
        lambda: "%s // office" % p4,
        lambda: "// %s" % p4, lambda: "'%s'" % p4, lambda: "`%s`" % p4, lambda: "(%s)" % p4, lambda: "%s." % p4,
        lambda: "~%s" % p4,
        lambda: "\u00a0%s" % p4, lambda: "%s\u00a0" % p4, lambda: "\u200b%s" % p4, lambda: "%s\u200b" % p4,
        lambda: "\ufeff%s" % p4,
        lambda: "\u202e%s" % p4, lambda: "%s\u2028" % p4, lambda: p4.replace(".", "\u3002"), lambda: p4.replace(".",
            "\uff0e"),
        lambda: "".join(chr(0xff10 + int(c)) if c.isdigit() else c for c in p4), lambda: p4.replace("1",
            "\u0661") + "\u0661",
        lambda: p4.replace("1", "l") + "l", lambda: p4.replace("0", "O") + "O", lambda: "%s\u00b9" % v4,
        lambda: p4 + "\u2026",
        lambda: p6.replace(":", "\uff1a"), lambda: "x" * 300, lambda: "1." * 40, lambda: "1:" * 40, lambda: "9" * 60,
        lambda: p4 + "0" * 50,
    ))()


def damaged(text):
    """One character more, less or other, of those that addresses are made of."""
    at, new = R.randrange(len(text) + 1), R.choice("0123456789abcdefABCDEF.:/-%x +")
    return R.choice((text[:at] + new + text[at:], text[:at] + text[at + 1:], text[:at] + new + text[at + 1:]))


def some_rows(odd):
    rows = [plain_row() for _ in range(R.choice((1, 2, 3, 5, 10, 20, 40)))]
    for _ in range(odd):
        rows.insert(R.randrange(len(rows) + 1), R.choice((odd_row, odd_row, lambda: damaged(plain_row())))())
    if R.random() < 0.3:
        rows += [R.choice(rows) for _ in range(3)]
    return rows


def networks(rows, version):
    return [row for row in rows if (":" in row) == (version == 6)]


def oddities():
    return R.choice((0, 0, 0, 1, 1, 2, 3, 8))


# Text: one a line, with the comments and line ends of the wild.

def text_list(rows):
    newline = R.choice(("\n", "\n", "\n", "\r\n"))
    heads = ("", "# IPv4\n",
             "; Spamhaus DROP List 2026/11/24 - (c) 2026 The Spamhaus Project\n; Expires: Tue, 24 Nov 2026 11:58:18 GMT\n",
             "#\n# firehol_level1\n#\n# ipv4 hash:net ipset\n#\n# Source URL: https://iplists.firehol.org/?ipset=1.2.3.4\n#\n",
             "# \u00d6sterreich, ACL f\u00fcr 198.51.100.7\n", "\n\n", "  \t\n")
    tails = ("", "", "", " # office", "#x", " ; SBL256894", "\t; SBL1\t; 2", ";", "\t# 192.0.2.1", " \t ", "  # // --")
    lines = [R.choice(("", "", "", "", " ", "\t", " \t")) + row + R.choice(tails) for row in rows]
    for _ in range(R.choice((0, 0, 1, 3))):
        lines.insert(R.randrange(len(lines) + 1), R.choice(("", " ", "\t", "#", "# comment 192.0.2.1", ";;", "\t ; x",
                                                            "\r")))
    text = R.choice(heads) + "\n".join(lines) + R.choice(("\n", "\n", "", "\n\n", "\n# end"))
    return text.replace("\n", newline)


def from_text():
    return Answer("text", "text", text_list(some_rows(oddities())).encode())


def tor_exits():
    lines = []
    for row in networks([plain_row() for _ in range(9)], 4):
        lines += ["ExitNode " + "%040X" % R.getrandbits(160),
                  "ExitAddress %s 2026-11-24 03:12:08" % row.partition("/")[0]]
    return Answer("tor exit-addresses", "text", "\n".join(lines + R.choice(([], ["198.51.100.7"]))).encode())


# CSV: geofeeds, tables with a header, everything quoted.

def quoted(value):
    return R.choice((value, value, '"%s"' % value.replace('"', '""'), ' %s' % value, '%s ' % value))


def geofeed():
    rows = [row for row in some_rows(oddities()) if "," not in row and "'" not in row]
    newline = R.choice(("\n", "\r\n"))
    lines = [R.choice(("# prefix,country_code,region_code,city,postal", "#", "", "# Geofeed, 192.0.2.0/24,DE"))]
    for row in rows:
        rest = R.choice((",US,US-NJ,Newark,", ",DE,DE-HE,Frankfurt am Main,", ",,,,", "", ",NL,NL-NH,Amsterdam,1098 XH",
                         ",BR,BR-SP,S\u00e3o Paulo,", ',US,"US-CA","San Jose, CA",', ",US,,C#,", ",US,,, # moved"))
        lines.append(quoted(row) + rest)
    return Answer("geofeed", "csv", (newline.join(lines) + R.choice(("", newline))).encode(), R.choice(("", "1")))


def csv_table():
    rows = [row for row in some_rows(oddities()) if '"' not in row]
    column = R.choice(("IP", "Address Range", "cidr", "1st"))
    where = R.randrange(3)
    header = ["Location", "City", "Notes"]
    header.insert(where, column)
    lines = [",".join(R.choice((name, '"%s"' % name)) for name in header)]
    for row in rows:
        fields = ["Frankfurt IV", R.choice(("x", '"Paris, FR"', '"say ""hi"""', '"two\nlines"')), ""]
        fields.insert(where, '"%s"' % row if "," in row else quoted(row))
        if R.random() < 0.02:
            fields = fields[:where]
        lines.append(",".join(fields) if fields else "x" if where else "")
    by_number = R.random() < 0.3
    data = "\n".join(lines[by_number:]).encode()
    if not by_number and column == "1st" or R.random() < 0.03:
        return Answer("csv column that is not there", "csv", data, "nowhere", "nowhere")
    return Answer("csv table", "csv", data, str(where + 1) if by_number else column, where + 1 if by_number else column)


# JSON and YAML.

def aws(rows):
    return ({"syncToken": "1", "createDate": "2026-11-24-00-00-00",
             "prefixes": [{"ip_prefix": r, "region": "eu-west-1", "service": "S3"} for r in networks(rows, 4)],
             "ipv6_prefixes": [{"ipv6_prefix": r, "region": "GLOBAL"} for r in networks(rows, 6)]},
            ".prefixes[].ip_prefix, .ipv6_prefixes[].ipv6_prefix",
            lambda v: [p["ip_prefix"] for p in v["prefixes"]] + [p["ipv6_prefix"] for p in v["ipv6_prefixes"]])


def gcp(rows):
    return ({"syncToken": "2", "prefixes": [{"ipv6Prefix" if ":" in r else "ipv4Prefix": r,
                                             "scope": "x"} for r in rows]},
            ".prefixes[] | .ipv4Prefix // .ipv6Prefix",
            lambda v: [p.get("ipv4Prefix") or p.get("ipv6Prefix") for p in v["prefixes"]])


def github(rows):
    return ({"verifiable_password_authentication": False, "hooks": rows, "web": [prefix4()],
             "domains": {"website": ["*.github.com"]}},
            ".hooks[]", lambda v: v["hooks"])


def fastly(rows):
    return ({"addresses": networks(rows, 4), "ipv6_addresses": networks(rows, 6)},
            ".addresses[], .ipv6_addresses[]", lambda v: v["addresses"] + v["ipv6_addresses"])


def cloudflare(rows):
    return ({"result": {"ipv4_cidrs": networks(rows, 4), "ipv6_cidrs": networks(rows, 6), "etag": "x"},
             "success": True},
            ".result | .ipv4_cidrs[], .ipv6_cidrs[]", lambda v: v["result"]["ipv4_cidrs"] + v["result"]["ipv6_cidrs"])


def oracle(rows):
    return ({"last_updated_timestamp": "x", "regions": [{"region": str(i), "cidrs": [{"cidr": r,
        "tags": ["OCI"]} for r in rows[i::3]]}
                                                        for i in range(3)]},
            ".regions[].cidrs[].cidr", lambda v: [c["cidr"] for r in v["regions"] for c in r["cidrs"]])


def azure(rows):
    return ({"changeNumber": 1, "values": [{"name": "ActionGroup", "properties": {"addressPrefixes": rows,
        "region": ""}},
                                           {"name": "Sql", "properties": {"addressPrefixes": [prefix4()]}}]},
            '.values[] | select(.name == "ActionGroup") | .properties.addressPrefixes[]',
            lambda v: [a for t in v["values"] if t["name"] == "ActionGroup" for a in t["properties"]["addressPrefixes"]])


def zscaler(rows):
    return ({"zscaler.net": {"continent : EMEA": {"city : %d" % i: [{"range": r, "vpn": "",
        "latitude": "52"} for r in rows[i::2]]
                                                  for i in range(2)}}},
            ".[][][][].range",
            lambda v: [e["range"] for a in v.values() for b in a.values() for c in b.values() for e in c])


def atlassian(rows):
    return ({"creationDate": "x", "syncToken": 1, "items": [{"network": "x", "mask_len": 24, "cidr": r,
        "product": ["jira"]} for r in rows]},
            ".items[].cidr", lambda v: [i["cidr"] for i in v["items"]])


def okta(rows):
    return ({"us_cell_1": {"ip_ranges": rows[::2]}, "emea_cell_2": {"ip_ranges": rows[1::2]}},
            ".[].ip_ranges[]", lambda v: [r for cell in v.values() for r in cell["ip_ranges"]])


def terraform(rows):
    return ({"version": 4, "resources": [{"type": "x", "instances": []},
                                         {"type": "ranges", "instances": [{"attributes": {"cidr_blocks": rows}}]}]},
            '.resources[] | select(.type == "ranges") | .instances[].attributes.cidr_blocks[]',
            lambda v: [c for r in v["resources"] if r["type"] == "ranges" for i in r["instances"] for c in i["attributes"]["cidr_blocks"]])


def bare_array(rows):
    return rows, "", None


SHAPES = (aws, gcp, github, fastly, cloudflare, oracle, azure, zscaler, atlassian, okta, terraform, bare_array)


def json_text(value):
    return json.dumps(value, ensure_ascii=R.random() < 0.5, indent=R.choice((None, 0, 2, "\t")))


def no_strings(rows):
    """Now and then something that is no string stands where a row should, or a string with spaces around."""
    if R.random() < 0.15:
        rows[R.randrange(len(rows))] = R.choice((" %s", "%s ", "\t%s\r\n", "\u00a0%s", "%s\u3000")) % plain_row()
    if R.random() < 0.15:
        rows[R.randrange(len(rows))] = R.choice((None, 1, 1.5, True, False, [], ["192.0.2.1"], {"a": 1}))
    return rows


def from_json():
    shape = R.choice(SHAPES)
    rows = some_rows(oddities())
    if shape in (github, atlassian, bare_array, terraform, azure):
        rows = no_strings(rows)
    value, select, walk = shape(rows)
    data = json_text(value)
    if R.random() < 0.1:
        damage = R.choice(("cut", "twice", "garbage", "missing"))
        if damage == "cut":
            data = data[:R.randrange(1, len(data))]
        elif damage == "missing" and isinstance(value, dict):
            value = dict(value)
            value.pop(R.choice(list(value)))
            data = json_text(value)
        else:
            data += data if damage == "twice" else R.choice((",", "]", "x", '"', "<html>", "// x"))
    return Answer("json " + shape.__name__, "json", data.encode(), select, walk)


def from_yaml():
    shape = R.choice(SHAPES)
    rows = [row for row in some_rows(oddities()) if row.isprintable() and row.isascii()]
    value, select, walk = shape(rows)
    # JSON is YAML, but for what neither of them writes here.
    return Answer("yaml " + shape.__name__, "yaml", json.dumps(value).encode(), select, walk)


def yaml_block():
    rows = [row for row in some_rows(oddities()) if row.isprintable() and row.isascii() and "'" not in row]
    lines = ["# published", "---", "cidrs:"] + ["  - '%s'" % row for row in rows]
    return Answer("yaml block", "yaml", "\n".join(lines).encode(), ".cidrs[]", rows)


# HTML and XML.

def escaped(row):
    row = row.replace("&", "&amp;").replace("<", "&lt;")
    return R.choice((row, row, " %s\n" % row, "\u00a0%s" % row, "&nbsp;%s&nbsp;" % row))


def table():
    tag = R.choice(("td", "li", "p", "code"))
    rows = [row for row in some_rows(oddities()) if row.strip("\u00a0") == row]
    cell = lambda row: R.choice(("<%s class=\"ip\">%s</%s>", "<%s class=\"ip\"><b>%s</b></%s>",
                                 "<%s class=\"ip\">%s<!-- 192.0.2.1 --></%s>"))
    body = "\n".join(("<tr>%s<td>x</td></tr>" if tag == "td" else "%s") % (cell(row) % (tag, escaped(row),
        tag)) for row in rows)
    page = ("<!DOCTYPE html>\n<html><head><meta charset=\"utf-8\"><title>Addresses</title></head><body>"
            "<p>Yours: 203.0.113.9</p>%s%s%s</body></html>")
    around = {"td": ("<table>", "</table>"), "li": ("<ul>", "</ul>")}.get(tag, ("<div>", "</div>"))
    return Answer("html " + tag, "html", (page % (around[0], body, around[1])).encode(), "//%s[@class='ip']" % tag, tag)


def xml_list():
    rows = [row for row in some_rows(oddities()) if row.strip("\u00a0") == row and "<" not in row and "&" not in row]
    kind = R.choice(("element", "attribute", "rss"))
    head = R.choice(("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n", "", "<?xml version=\"1.0\"?>"))
    if kind == "attribute":
        body = "<products>%s</products>" % "".join("<a ip=\"%s\"/>" % row.replace('"', "") for row in rows)
        answer = Answer("xml attribute", "xml", (head + body).encode(), "//a/@ip",
                        lambda root: [a.get("ip") for a in root.iter("a")])
    elif kind == "rss":
        body = ("<rss version=\"2.0\"><channel><title>IP ranges</title>%s</channel></rss>" %
                "".join("<item><title>%s</title></item>" % row for row in rows))
        answer = Answer("rss", "xml", (head + body).encode(), "//item/title",
                        lambda root: [t.text for i in root.iter("item") for t in i])
    else:
        body = "<list><addr>%s</addr></list>" % "</addr><addr>".join(rows)
        answer = Answer("xml", "xml", (head + body).encode(), "/list/addr", lambda root: [e.text for e in root])
    if R.random() < 0.1:
        answer.data = answer.data[:R.randrange(1, len(answer.data))]
    return answer


# What comes in place of a list.

PAGES = (
    "<!DOCTYPE html>\n<!--[if lt IE 7]> <html class=\"no-js ie6\"> <![endif]-->\n<html><head><title>%s | 522: Connection timed out</title>"
    "</head><body><div>Your IP: <span>203.0.113.5</span></div></body></html>",
    "<html>\r\n<head><title>404 Not Found</title></head>\r\n<body>\r\n<center><h1>404 Not Found</h1></center>\r\n<hr><center>nginx"
    "</center>\r\n</body>\r\n</html>\r\n",
    "<HTML><HEAD>\n<TITLE>Access Denied</TITLE>\n</HEAD><BODY>\n<H1>Access Denied</H1>\nReference #18.2d351ab8.1557333295.a4e16ab\n<P>\n"
    "203.0.113.5\n</P></BODY></HTML>",
    "\n\n  <html><head><meta http-equiv=\"refresh\" content=\"0;url=http://10.0.0.1/login\"></head></html>",
    "<script>window.location='http://192.168.1.1/'</script>",
    "<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code></Error>",
    "<h1>Bad Gateway</h1>\n203.0.113.5\n", "<!-- 1 -->\n203.0.113.5", "</div>\n198.51.100.0/24",
    "upstream connect error or disconnect/reset",
    "Bad Gateway\n", "error code: 1020", "Too Many Requests",
    "{\"message\":\"API rate limit exceeded for 203.0.113.5.\"}",
    "{\"error\": \"x\"}", "[]", "{}", "null", "\"203.0.113.5\"", "# nothing\n", ";\n", "\n\n", "", " ", "\r\n",
    "\ufeff", "None", "OK",
    "Your address 203.0.113.5 has been blocked\n", "%PDF-1.4\n1.2.3.4",
    "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\n",
    "\x1f\ufffd\x08", "192.0.2.1\x00", "192.0.2.0/24\n\x1b[2J", "192.0.2.1\f",
)


def error_page():
    form, select, walk = R.choice((("text", "", None), ("json", "", None), ("json", ".hooks[]", lambda v: v["hooks"]),
                                   ("csv", "", None),
                                   ("csv", "cidr", "cidr"), ("html", "//td[@class='ip']", "td"), ("xml", "//addr",
                                       lambda r: [e.text for e in r.iter("addr")])))
    data = R.choice(PAGES).replace("%s", "api.example.com").encode()
    if R.random() < 0.2:
        data = b"\xef\xbb\xbf" + data
    return Answer("error page as " + form, form, data, select, walk)


def guessed(answer):
    """The same, with the format left to the content type or the name."""
    if answer.format not in ("text", "json", "csv") or R.random() < 0.7:
        return answer
    answer.asked = "guess"
    types = {"text": ("text/plain; charset=utf-8", "application/octet-stream", ""), "json": ("application/json",
        "application/problem+json"),
             "csv": ("text/csv", "text/csv;charset=UTF-8")}[answer.format]
    names = {"text": "https://example.org/ips.txt?x=a.json", "json": "https://example.org/x.json",
             "csv": "/srv/feed.csv"}
    if R.random() < 0.5:
        answer.content_type = R.choice(types)
    else:
        answer.name, answer.content_type = names[answer.format], R.choice(("", "text/html", "application/octet-stream"))
    return answer


def encoded(answer):
    """Another encoding now and then."""
    chance = R.random()
    if chance < 0.04:
        answer.data = answer.data.decode("utf-8", "replace").encode(R.choice(("utf-16", "utf-16-le", "utf-16-be",
            "utf-32")))
    elif chance < 0.12:
        answer.data = b"\xef\xbb\xbf" + answer.data
    return answer


KINDS = ((from_text, 30), (tor_exits, 1), (geofeed, 10), (csv_table, 8), (from_json, 24), (from_yaml, 4), (yaml_block,
    3), (table,
        6),
            (xml_list, 6),
         (error_page, 14))


def make_answer():
    maker, = R.choices([kind for kind, _ in KINDS], [weight for _, weight in KINDS])
    answer = encoded(maker())
    return guessed(answer) if maker is not error_page else answer


# --- side by side

def compare(answer):
    """None, or what differs."""
    here = read_here(answer)
    there = read_program(answer)
    if here.facts() == there.facts():
        return None
    return "here:  %s %s\nthere: %s %s" % (here.facts(), here.why, there.facts(), there.why)


def report(number, answer, difference):
    folder = "parse_differential.out"
    os.makedirs(folder, exist_ok=True)
    with open("%s/%d" % (folder, number), "wb") as file:
        file.write(answer.data)
    print("# %s/%d: %s, select %r, content type %r, name %r" % (folder, number, answer.asked, answer.select,
        answer.content_type, answer.name))
    for line in difference.splitlines():
        print("# " + line[:2000])


def main():
    R.seed(int(sys.argv[1]) if len(sys.argv) > 1 else SEED)
    count = int(sys.argv[2]) if len(sys.argv) > 2 else ANSWERS
    until = time.monotonic() + SECONDS
    kinds, wrong, done = {}, {}, 0
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        while done < count and (time.monotonic() < until or len(sys.argv) > 2):
            batch = [make_answer() for _ in range(200)]
            for answer, difference in zip(batch, pool.map(compare, batch)):
                done += 1
                kinds[answer.kind] = kinds.get(answer.kind, 0) + 1
                if difference:
                    wrong[answer.kind] = wrong.get(answer.kind, 0) + 1
                    if sum(wrong.values()) <= 40:
                        report(done, answer, difference)
    for number, kind in enumerate(sorted(kinds), 1):
        print("%sok %d - %s: %d answers, %d of them read otherwise" %
              ("not " if wrong.get(kind) else "", number, kind, kinds[kind], wrong.get(kind, 0)))
    print("1..%d" % len(kinds))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
