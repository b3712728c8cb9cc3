#!/usr/bin/env python3
"""Random policies, and packets that try them: what `hallowctl explain` says against what the kernel does.

random_policy.py make SEED COUNT LABFACTS FOLDER   writes FOLDER/policy.yaml, grants, attempts.json
random_policy.py serve READY                        answers on the ports that are tried, TCP and UDP, until it is ended
random_policy.py knock HOST ATTEMPTS EXPECTED OUT   makes the attempts of HOST (client, server); OUT lists those answered
random_policy.py judge ATTEMPTS EXPLAINED ROWS OUT…  compares; prints what differs, exit status 1 where anything does

ATTEMPTS is [{id, host, source, source_port, destination, port, protocol}]; EXPLAINED the answers of explain, in that order,
one a line; ROWS the rows of the view `connections`, one JSON object a line.  An attempt is known by its source port.
"""
import ipaddress
import json
import random
import select
import socket
import struct
import sys
import time

PORTS = range(7000, 7010)
PROTOCOLS = {"tcp": 6, "udp": 17, "sctp": 132}
IP_PKTINFO = 8


# --- policies

def some_entry(random, addresses):
    """A prefix or a range that holds one of the addresses, or lies beside it."""
    address = ipaddress.ip_address(random.choice(addresses))
    bits = address.max_prefixlen
    if random.random() < 0.25:
        first = int(address) - random.randrange(0, 3)
        return "%s-%s" % (type(address)(first), type(address)(first + random.randrange(0, 4)))
    length = random.choice([bits, bits, bits - 1, bits - 2, bits - 8, bits // 4, 0])
    return str(ipaddress.ip_network((int(address), length), strict=False))


def some_lists(random, facts):
    lists = {}
    for i in range(4):
        entries = [some_entry(random, facts["sources"]) for _ in range(random.randrange(1, 4))]
        if random.random() < 0.8:
            entries = [e for e in entries if not e.endswith("/0")] or [facts["sources"][0]]
        lists["own%d" % i] = entries
    return lists


def some_places(random, facts):
    """Disjoint (addresses, ports, protocol): each group of addresses, protocol and port goes to at most one of them."""
    for name, group in facts["destinations"].items():
        for protocol in PROTOCOLS:
            ports = list(PORTS)
            while ports:
                width = random.choice([1, 1, 2, 3])
                mine, ports = ports[:width], ports[width:]
                if random.random() < 0.5:
                    continue
                addresses = [random.choice(address["prefixes"]) for address in group]
                if len(addresses) > 1 and random.random() < 0.3:
                    addresses.pop(random.randrange(2))
                yield addresses, mine, protocol


def port_text(random, ports):
    if len(ports) > 1 and random.random() < 0.7:
        return '"%d-%d"' % (ports[0], ports[-1])
    return "[%s]" % ", ".join(map(str, ports))


def some_agents(rng, facts, endpoints):
    """Hosts on either side of the gate; the end of a tunnel may be any address, an endpoint's too."""
    pools = [facts["server_sources"], facts["sources"]]
    ends = [a["address"] for group in facts["destinations"].values() for a in group] + facts["others"]
    for i, pool in enumerate(pools):
        if rng.random() < 0.3:
            continue
        yield {"name": "a%d" % i, "addresses": rng.sample(pool, rng.randrange(1, 3)), "end": rng.choice(ends),
               "port": rng.choice(PORTS), "reach": rng.sample(range(endpoints), rng.randrange(0, min(4, endpoints))),
               "mode": rng.choice(["enforce", "enforce", "observe"]), "deny_with": rng.choice(["drop", "reject"])}


def make(seed, count, facts, folder):
    rng = random.Random(seed)
    lists = some_lists(rng, facts)
    out = ["  %s: {entries: %s}" % (name, json.dumps(entries)) for name, entries in lists.items()]
    places = list(some_places(rng, facts))
    rng.shuffle(places)
    places = places[:12]
    out.append("endpoints:")
    for i, (addresses, ports, protocol) in enumerate(places):
        allow = rng.sample(list(lists) + ["humanitec"], rng.randrange(0, 4))
        if i > 0 and rng.random() < 0.3:
            allow.insert(0, "@e%d" % rng.randrange(0, i))
        out += ["  e%d:" % i, "    address: %s" % json.dumps(addresses), "    port: %s" % port_text(rng, ports),
                "    protocol: %s" % protocol, "    allow: %s" % json.dumps(allow or ["own0"])]
        if rng.random() < 0.25:
            out.append("    mode: observe")
        if rng.random() < 0.4:
            out.append("    deny_with: reject")
    agents = list(some_agents(rng, facts, len(places)))
    out.append("agents: {}" if not agents else "agents:")
    for a in agents:
        out += ["  %s: {network: n, address: %s, tunnel: {host: '%s', port: %d}, reach: %s, mode: %s, deny_with: %s}" % (
            a["name"], json.dumps(a["addresses"]), a["end"], a["port"],
            json.dumps(["e%d" % number for number in a["reach"]]), a["mode"], a["deny_with"])]
    with open(folder + "/policy.yaml", "w") as f:
        f.write("\n".join(out) + "\n")
    grants = [(rng.choice(facts["sources"]), rng.randrange(len(places))) for _ in range(3)]
    with open(folder + "/grants", "w") as f:
        f.writelines("%s e%d\n" % grant for grant in grants)
    with open(folder + "/attempts.json", "w") as f:
        json.dump(list(some_attempts(rng, count, facts, places, grants, agents)), f)


def some_destination(rng, facts, place, v6):
    """An address of the place, a port and a protocol; sometimes beside it."""
    prefixes, ports, protocol = place
    known = [a["address"] for group in facts["destinations"].values() for a in group if (":" in a["address"]) == v6]
    inside = [a for a in known for p in prefixes if (":" in p) == v6 and ipaddress.ip_address(a) in ipaddress.ip_network(p)]
    return (rng.choice(inside or known), rng.choice(ports) if rng.random() < 0.9 else rng.choice(PORTS),
            protocol if rng.random() < 0.9 else rng.choice(list(PROTOCOLS)))


def some_attempt_of(rng, facts, agent, places):
    """(host, source, destination, port, protocol): to its tunnel's end, to what it may reach, or beside them; or None."""
    source = rng.choice(agent["addresses"])
    v6, host = ":" in source, "server" if source in facts["server_sources"] else "client"
    destination, port, protocol = agent["end"], agent["port"], rng.choice(["tcp", "tcp", "udp"])
    if agent["reach"] and rng.random() < 0.5:
        destination, port, protocol = some_destination(rng, facts, places[rng.choice(agent["reach"])], v6)
    elif rng.random() < 0.3:
        port = rng.choice(PORTS)
    here = [a["address"] for a in facts["destinations"]["local"]] + facts["others"]
    if (":" in destination) != v6 or (host == "server" and destination not in here):
        return None
    return host, source, destination, port, protocol


def some_attempts(rng, count, facts, places, grants, agents):
    for i in range(count):
        found = some_attempt_of(rng, facts, rng.choice(agents), places) if agents and rng.random() < 0.3 else None
        if found is not None:
            yield dict(zip(("host", "source", "destination", "port", "protocol"), found), id=i, source_port=20000 + i)
            continue
        place, source, host = rng.choice(places), rng.choice(facts["sources"]), "client"
        if rng.random() < 0.2:
            source, number = rng.choice(grants)
            place = places[number]
        destination, port, protocol = some_destination(rng, facts, place, ":" in source)
        if rng.random() < 0.1:
            destination = rng.choice([a for a in facts["others"] if (":" in a) == (":" in source)])
        local = [a["address"] for a in facts["destinations"]["local"]]
        if destination in local and rng.random() < 0.5:
            host = "server"
            source = rng.choice([s for s in facts["server_sources"] if (":" in s) == (":" in destination)])
        yield {"id": i, "host": host, "source": source, "source_port": 20000 + i, "destination": destination, "port": port,
               "protocol": protocol}


# --- servers

def udp_server(family, port):
    s = socket.socket(family, socket.SOCK_DGRAM)
    if family == socket.AF_INET6:
        s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
    else:
        s.setsockopt(socket.IPPROTO_IP, IP_PKTINFO, 1)
    s.bind(("", port))
    return s


def tcp_server(family, port):
    s = socket.socket(family, socket.SOCK_STREAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family == socket.AF_INET6:
        s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    s.bind(("", port))
    s.listen(64)
    return s


def echo(s):
    """The answer leaves from the address that was asked."""
    data, ancillary, _, peer = s.recvmsg(64, 256)
    back = []
    for level, kind, value in ancillary:
        if s.family == socket.AF_INET6:
            back.append((level, socket.IPV6_PKTINFO, value))
        else:
            back.append((level, IP_PKTINFO, struct.pack("I", 0) + value[8:12] + bytes(4)))
    s.sendmsg([data], back, 0, peer)


def serve(ready):
    sockets = {}
    poll = select.poll()
    for family in socket.AF_INET, socket.AF_INET6:
        for port in PORTS:
            for s in tcp_server(family, port), udp_server(family, port):
                sockets[s.fileno()] = s
                poll.register(s, select.POLLIN)
    open(ready, "w").close()
    while True:
        for fd, _ in poll.poll():
            if sockets[fd].type == socket.SOCK_STREAM:
                sockets[fd].accept()[0].close()
            else:
                echo(sockets[fd])


# --- packets

def crc32c(data):
    crc = 0xffffffff
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82f63b78 if crc & 1 else 0)
    return crc ^ 0xffffffff


def sctp_init(source_port, port):
    """RFC 9260: common header with checksum 0, chunk INIT; then the checksum."""
    init = struct.pack("!BBHIIHHI", 1, 0, 20, 0x1234, 65536, 1, 1, 1)
    packet = struct.pack("!HHII", source_port, port, 0, 0) + init
    return packet[:8] + struct.pack("<I", crc32c(packet)) + packet[12:]


def open_attempt(a):
    family = socket.AF_INET6 if ":" in a["destination"] else socket.AF_INET
    to = (a["destination"], a["port"])
    if a["protocol"] == "sctp":
        s = socket.socket(family, socket.SOCK_RAW, PROTOCOLS["sctp"])
        s.bind((a["source"], 0))
        s.sendto(sctp_init(a["source_port"], a["port"]), (a["destination"], 0))
        return s
    s = socket.socket(family, socket.SOCK_STREAM if a["protocol"] == "tcp" else socket.SOCK_DGRAM)
    s.setblocking(False)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind((a["source"], a["source_port"]))
    if s.connect_ex(to) not in (0, 115) and a["protocol"] == "udp":
        raise OSError("connect")
    if a["protocol"] == "udp":
        s.send(b"?")
    return s


def answered(s, a):
    """True, or None while nothing is known, or False where it was refused."""
    try:
        if a["protocol"] == "udp":
            return s.recv(64) == b"?"
        return s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0
    except BlockingIOError:
        return None
    except OSError:
        return False


def knock(host, attempts, expected, out):
    """Waits for all that are expected to be answered, and then a little for those that are not."""
    open_ones, done = {}, {}
    poll = select.poll()
    for a in attempts:
        if a["host"] != host:
            continue
        s = open_attempt(a)
        if a["protocol"] != "sctp":
            open_ones[s.fileno()] = (s, a)
            poll.register(s, select.POLLIN if a["protocol"] == "udp" else select.POLLOUT)
    missing = {a["id"] for _, a in open_ones.values()} & set(expected)
    end = time.monotonic() + 30
    while time.monotonic() < end:
        if not missing:
            end = min(end, time.monotonic() + 0.5)
        for fd, _ in poll.poll(100):
            s, a = open_ones[fd]
            result = answered(s, a)
            if result is not None:
                done[a["id"]] = result
                missing.discard(a["id"])
                poll.unregister(s)
    with open(out, "w") as f:
        json.dump([i for i, result in done.items() if result], f)


# --- judgement

def differences(a, said, row, was_answered):
    """What explain said of the attempt, against the row and the packets."""
    if said["verdict"] == "unmatched":
        if row is not None:
            yield "unmatched, but recorded: %s" % row
    elif row is None:
        yield "no row"
    else:
        for key in "endpoint", "verdict", "reason":
            if row[key] != said[key]:
                yield "%s: explain says %s, the kernel did %s" % (key, said[key], row[key])
        if said["reason"] in ("listed", "granted"):
            if row["list"] != said["list"] or (row["revision"] or None) != said["revision"]:
                yield "explain says %s revision %s, the kernel %s revision %s" % (
                    said["list"], said["revision"], row["list"], row["revision"])
            held = a["destination" if said["list"].startswith("tunnel:") else "source"]
            if ipaddress.ip_address(held) not in ipaddress.ip_network(said["entry"]):
                yield "%s is not in %s" % (held, said["entry"])
    if a["protocol"] != "sctp" and was_answered != (said["verdict"] != "deny"):
        yield "explain says %s, and it was %sanswered" % (said["verdict"], "" if was_answered else "not ")


def judge(attempts, explained, rows, outs):
    # An agent's connection may have two rows, its egress's and then the endpoint's, which decides.
    by_port = {}
    for line in open(rows):
        row = json.loads(line)
        by_port[(row["source"], row["source_port"])] = row
    answers = {i for out in outs for i in json.load(open(out))}
    verdicts, bad = {}, 0
    for a, line in zip(attempts, open(explained)):
        said = json.loads(line)
        verdicts[said["reason"]] = verdicts.get(said["reason"], 0) + 1
        for difference in differences(a, said, by_port.get((a["source"], a["source_port"])), a["id"] in answers):
            print("%s: %s" % (a, difference))
            bad += 1
    print(" ".join("%s=%d" % pair for pair in sorted(verdicts.items())))
    return 1 if bad else 0


def main(verb, *args):
    if verb == "make":
        make(int(args[0]), int(args[1]), json.load(open(args[2])), args[3])
    elif verb == "serve":
        serve(args[0])
    elif verb == "knock":
        knock(args[0], json.load(open(args[1])), json.load(open(args[2])), args[3])
    else:
        return judge(json.load(open(args[0])), args[1], args[2], args[3:])
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
