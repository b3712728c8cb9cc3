#!/usr/bin/env python3
"""Whether lines of `hallowctl export` are what their format says.

export_check.py jsonl|ocsf|ecs [DATABASE]    reads lines from standard input; exit 0, or 1 and what is wrong

Each is checked against the JSON Schema in doc/, and, for ocsf and ecs, against what those who publish the format say of names,
types, requirements and values (tests/data).  With DATABASE, the values are compared with the view `connections` too, row by row.
"""
import ipaddress
import json
import os
import sqlite3
import sys

import jsonschema

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")


class Wrong(Exception):
    pass


def load(name):
    with open(os.path.join(ROOT, name), encoding="utf-8") as file:
        return json.load(file)


def is_ip(value):
    try:
        return isinstance(value, str) and bool(ipaddress.ip_address(value))
    except ValueError:
        return False


def is_integer(value, bits=64):
    return type(value) is int and -(1 << (bits - 1)) <= value < 1 << (bits - 1)


OCSF_TYPES = {
    "string_t": lambda v: isinstance(v, str), "hostname_t": lambda v: isinstance(v, str),
    "integer_t": lambda v: is_integer(v, 32), "long_t": is_integer, "ip_t": is_ip,
    "port_t": lambda v: is_integer(v) and 0 <= v <= 65535,
    # Milliseconds: of this century, so that seconds and microseconds are found out.
    "timestamp_t": lambda v: is_integer(v) and 946684800000 <= v < 4102444800000,
}


class Ocsf:
    def __init__(self):
        self.facts = load("tests/data/ocsf-1.3.0-4001.json")

    def check_object(self, where, value, kind):
        attributes = self.facts[kind]
        for name, said in value.items():
            if name not in attributes:
                raise Wrong("%s.%s is no attribute of %s" % (where, name, kind))
            self.check_value("%s.%s" % (where, name), said, attributes[name])
        for name, fact in attributes.items():
            if "!" in (fact if isinstance(fact, str) else fact[0]) and name not in value:
                raise Wrong("%s lacks %s" % (where, name))

    def check_value(self, where, value, fact):
        kind, values = (fact, None) if isinstance(fact, str) else (fact[0], fact[1:])
        kind = kind.lstrip("!")
        if kind.endswith("[]"):
            if not isinstance(value, list):
                raise Wrong("%s is no array" % where)
            for item in value:
                self.check_value(where + "[]", item, kind[:-2])
        elif kind in OCSF_TYPES:
            if not OCSF_TYPES[kind](value):
                raise Wrong("%s is no %s: %r" % (where, kind, value))
        else:
            self.check_object(where, value, kind)
        if values and value not in values:
            raise Wrong("%s cannot be %r" % (where, value))

    def check(self, event):
        self.check_object("event", event, "class")
        if event["type_uid"] != event["class_uid"] * 100 + event["activity_id"]:
            raise Wrong("type_uid is not made of class_uid and activity_id")
        for name, captions in self.facts["captions"].items():
            holder = event["connection_info"] if name == "direction_id" else event
            caption = "activity_name" if name == "activity_id" else name[:-3]
            if holder[name] != 99 and captions[str(holder[name])] != holder[caption]:
                raise Wrong("%s %r is not %r" % (name, holder[name], holder[caption]))

    @staticmethod
    def row(event):
        rule = event.get("firewall_rule", {})
        return {
            "id": int(event["metadata"]["uid"]), "connection": int(event["metadata"]["correlation_uid"]),
            "time": event["metadata"]["original_time"],
            "endpoint": event["dst_endpoint"]["svc_name"], "verdict": {1: "allow", 2: "deny"}[event["action_id"]],
            "reason": event["status_code"], "source": event["src_endpoint"]["ip"],
            "source_port": event["src_endpoint"].get("port"), "destination": event["dst_endpoint"]["ip"],
            "destination_port": event["dst_endpoint"].get("port"), "protocol": event["connection_info"]["protocol_name"],
            "list": rule.get("name"), "revision": rule.get("version"),
            "packets": event.get("traffic", {}).get("packets"), "bytes_in": event.get("traffic", {}).get("bytes_in"),
            "bytes_out": event.get("traffic", {}).get("bytes_out"), "duration_ms": event.get("duration"),
        }


ECS_TYPES = {
    "keyword": lambda v: isinstance(v, str), "date": lambda v: isinstance(v, str), "ip": is_ip, "long": is_integer,
}


def flat(value, prefix=""):
    for name, said in value.items():
        if isinstance(said, dict):
            yield from flat(said, prefix + name + ".")
        else:
            yield prefix + name, said


class Ecs:
    def __init__(self):
        facts = load("tests/data/ecs-8.11.json")
        self.fields, self.values = facts["fields"], facts["values"]

    def check(self, event):
        for name, value in flat(event):
            # Names of one's own may stand below labels, with simple values.
            kind = "keyword" if name.startswith("labels.") else self.fields.get(name)
            if kind is None:
                raise Wrong("%s is no field" % name)
            if kind.endswith("[]") != isinstance(value, list):
                raise Wrong("%s is %san array" % (name, "not " if kind.endswith("[]") else ""))
            for item in value if isinstance(value, list) else [value]:
                if not ECS_TYPES[kind.removesuffix("[]")](item):
                    raise Wrong("%s is no %s: %r" % (name, kind, item))
                if item not in self.values.get(name, [item]):
                    raise Wrong("%s cannot be %r" % (name, item))

    @staticmethod
    def row(event):
        source, destination, rule = event["source"], event["destination"], event["rule"]
        duration = event["event"].get("duration")
        return {
            "id": event["event"]["sequence"], "time": event["@timestamp"], "endpoint": event["service"]["name"],
            "verdict": "allow" if "allowed" in event["event"]["type"] else "deny", "reason": event["event"]["reason"],
            "source": source["ip"], "source_port": source.get("port"), "destination": destination["ip"],
            "destination_port": destination.get("port"), "protocol": event["network"]["transport"],
            "list": rule.get("name"), "revision": rule.get("version"), "packets": event["network"].get("packets"),
            "bytes_in": source.get("bytes"), "bytes_out": destination.get("bytes"),
            "duration_ms": None if duration is None else duration // 1000000,
        }


class Jsonl:
    @staticmethod
    def check(_):
        pass

    @staticmethod
    def row(event):
        return event


def view(database):
    db = sqlite3.connect("file:%s?mode=ro" % database, uri=True, timeout=10)
    db.row_factory = sqlite3.Row
    return (dict(row) for row in db.execute("SELECT * FROM connections ORDER BY id"))


def compare(got, row):
    for name, value in row.items():
        if name in ("state", "via") and name not in got:
            continue
        said = got.get(name)
        if name == "revision" and value is not None:
            said, value = str(said), str(value)
        if said != value:
            raise Wrong("%s is %r, and %r in the view" % (name, said, value))


def main():
    kind, rows = sys.argv[1], view(sys.argv[2]) if len(sys.argv) > 2 else None
    schema = load("doc/export-%s.schema.json" % kind)
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker())
    checker, number = {"jsonl": Jsonl, "ocsf": Ocsf, "ecs": Ecs}[kind](), 0
    for number, line in enumerate(sys.stdin, 1):
        try:
            event = json.loads(line)
            for error in validator.iter_errors(event):
                raise Wrong("%s: %s" % ("/".join(map(str, error.absolute_path)), error.message))
            checker.check(event)
            if rows is not None:
                row = next(rows, None)
                if row is None:
                    raise Wrong("the view has no such row")
                compare(checker.row(event), row)
        except (Wrong, ValueError, KeyError) as wrong:
            sys.exit("line %d: %s\n%s" % (number, wrong, line))
    if number == 0 or (rows is not None and next(rows, None) is not None):
        sys.exit("rows are missing after line %d" % number)


main()
