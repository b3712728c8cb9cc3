#!/usr/bin/env python3
"""All formats of the report say the same: what is made of one audit log as JSON, text, Markdown, HTML and CSV is read back and
compared, number by number, with each other and with the database.  Run in a build tree: make check does."""
import csv
import datetime
import html.parser
import json
import os
import re
import sqlite3
import subprocess
import sys
import tempfile

SOURCE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
PERIOD = ["--from", "2026-10-01", "--to", "2026-11-01"]

failed = number = 0


def test(name, problems):
    global failed, number
    number += 1
    problems = list(problems)
    print(f"{'not ok' if problems else 'ok'} {number} - {name}", flush=True)
    for problem in problems[:20]:
        print(f"# {problem}")
    failed += bool(problems)


def skip(name, why):
    global number
    number += 1
    print(f"ok {number} - {name} # SKIP {why}")


def report_of(done):
    """What it printed.  The rows of a sample are in no tree, so that its log does not verify; nothing else may be wrong."""
    if done.returncode != 6 or not done.stderr.startswith(b"hallowctl: the audit log does not verify: "):
        raise RuntimeError(f"{done.args}: exit status {done.returncode}: {done.stderr.decode()}")
    return done.stdout.decode()


class Log:
    def __init__(self, kind, base):
        self.folder = os.path.join(base, kind)
        os.mkdir(self.folder)
        subprocess.run(["./sample", kind, self.folder], check=True)

    def report(self, *options):
        return report_of(self.run(*options))

    def run(self, *options):
        return subprocess.run(["./hallowctl", "-c", f"{self.folder}/hallowd.yaml", "report", *PERIOD, *options],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)


class Tables(html.parser.HTMLParser):
    """The tables of a page: {id: [[cell, ...], ...]}, the head left out."""

    def __init__(self, page):
        super().__init__()
        self.tables, self.id, self.body, self.cell = {}, None, False, None
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        if tag == "table":
            self.id = dict(attrs)["id"].removeprefix("table-")
            self.tables[self.id] = []
        elif tag == "tbody":
            self.body = True
        elif tag == "tr" and self.body:
            self.tables[self.id].append([])
        elif tag in ("td", "th") and self.body:
            self.cell = ""

    def handle_endtag(self, tag):
        if tag == "tbody":
            self.body = False
        elif tag in ("td", "th") and self.body:
            self.tables[self.id][-1].append(self.cell)
            self.cell = None

    def handle_data(self, data):
        if self.cell is not None:
            self.cell += data


def markdown_tables(text):
    """Lists of rows, in order of the document."""
    tables, inside = [], False
    for line in text.split("\n"):
        if not line.startswith("|"):
            inside = False
            continue
        cells = [re.sub(r"\\(.)", r"\1", c.strip()) for c in re.split(r"(?<!\\)\|", line)[1:-1]]
        if not inside:
            tables.append([])
            inside, head = True, 2
        if head:
            head -= 1
        else:
            tables[-1].append(cells)
    return tables


def different(what, got, expected):
    if got != expected:
        yield f"{what}: {str(got)[:300]} and not {str(expected)[:300]}"


def short(time):
    return re.sub(r"\.\d+Z$", "Z", time or "")


def endpoint_rows(report):
    return [[e["name"] or "(no endpoint)", e["kind"] or "", e["mode"] or "", str(e["allowed"]), str(e["denied"]),
             str(e["aggregated"]), str(e["lost"])] for e in report["endpoints"]]


def compare_html(report, page):
    tables = Tables(page).tables
    yield from different("endpoints", [row[:7] for row in tables["endpoints"]], endpoint_rows(report))
    if not report["timeline"]["slots"]:
        return
    yield from different("days", [[int(c) for c in row[1:]] for row in tables["days"]],
                         [[s["allowed"], s["denied"], s["aggregated"], s["lost"]] for s in report["timeline"]["slots"]])
    sources = [(s["source"], e["name"], s["allowed"]) for e in report["endpoints"] for s in e["sources"] if s["allowed"]]
    shown = [(row[0], row[1], int(row[2])) for row in tables["allowed"]]
    yield from different("allowed", [n for _, _, n in shown], sorted((n for _, _, n in sources), reverse=True)[:200])
    yield from different("all shown are sources", [s for s in shown if s not in sources], [])
    yield from different("losses", sum(int(row[4]) for row in tables.get("losses", [])),
                         sum(loss["lost"] for loss in report["losses"]))
    yield from different("floods", [int(row[4]) for row in tables.get("floods", [])],
                         [f["attempts"] for f in report["floods"]])
    yield from different("grants", [(row[0], row[6]) for row in tables.get("grants", [])],
                         [(str(g["id"]), str(g["connections"])) for g in report["grants"]])
    words = {"met": "met", "not-met": "not met", "not-covered": "not covered"}
    shown = [row[:2] for name, rows in tables.items() if name.split("-")[0] == "controls" for row in rows]
    yield from different("controls", shown, [[c["id"], words[c["status"]]] for c in report["controls"]])


def compare_markdown(page, markdown):
    """Both are written from one document: each cell is the same."""
    one = [rows for rows in Tables(page).tables.values()]
    other = markdown_tables(markdown)
    yield from different("how many tables", len(other), len(one))
    for a, b in zip(one, other):
        yield from different("a table", [[" ".join(c.split()) for c in row] for row in b],
                             [[" ".join(c.split()) for c in row] for row in a])


def compare_text(report, text):
    lines = [" ".join(line.split()) for line in text.split("\n")]
    for row in endpoint_rows(report):
        if not any(line.startswith(" ".join(c or "-" for c in row) + " ") for line in lines):
            yield f"the text has no line for {row}"
    for slot in report["timeline"]["slots"]:
        row = f"{slot['from'][:10]} {slot['allowed']} {slot['denied']} {slot['aggregated']} {slot['lost']}"
        if row not in lines:
            yield f"the text has no line '{row}'"
    for control in report["controls"]:
        if not any(line.startswith(f"{control['id']} {control['status'].replace('-', ' ')} ") for line in lines):
            yield f"the text has no line for control {control['id']}"


def rows_of(folder, name):
    with open(os.path.join(folder, name), newline="") as file:
        return list(csv.DictReader(file))


def compare_csv(report, folder):
    for name, rows in (("endpoints.csv", report["endpoints"]), ("gaps.csv", report["gaps"]), ("grants.csv", report["grants"]),
                       ("sources.csv", [s for e in report["endpoints"] for s in e["sources"]]),
                       ("days.csv", [s for e in report["endpoints"] for s in e["timeline"]]),
                       ("list_changes.csv", report["list_changes"]), ("events.csv", report["events"]),
                       ("losses.csv", report["losses"]), ("floods.csv", report["floods"]),
                       ("disagreements.csv", report["disagreements"]), ("controls.csv", report["controls"])):
        got = rows_of(folder, name)
        yield from different(f"rows of {name}", len(got), len(rows))
        for key in ("allowed", "denied", "observed", "aggregated", "lost", "counted", "attempts", "sources", "connections",
                    "refreshes"):
            if got and key in got[0]:
                yield from different(f"{key} of {name}", [int(r[key]) for r in got], [r[key] for r in rows])
    yield from different("status of controls", [r["status"] for r in rows_of(folder, "controls.csv")],
                         [c["status"] for c in report["controls"]])


def compare_database(report, log):
    db = sqlite3.connect(f"file:{log.folder}/audit.db?mode=ro", uri=True)
    period = ("2026-10-01T00:00:00.000000Z", "2026-11-01T00:00:00.000000Z")
    rows = dict(((e, v), n) for e, v, n in db.execute(
        "SELECT endpoint, verdict, count(*) FROM connections WHERE time >= ? AND time < ? GROUP BY 1, 2", period))
    tallies = dict(((e, v), row) for e, v, *row in db.execute(
        "SELECT endpoint, verdict, sum(counted), sum(recorded), sum(aggregated), sum(lost) FROM tallies"
        " WHERE to_time > ? AND from_time < ? GROUP BY 1, 2", period))
    aggregates = dict(db.execute("SELECT endpoint, sum(count) FROM aggregates WHERE to_time > ? AND from_time < ? GROUP BY 1",
                                 period))
    for e in report["endpoints"]:
        name = e["name"]
        yield from different(f"{name}: allowed", e["allowed"], rows.get((name, "allow"), 0))
        yield from different(f"{name}: denied", e["denied"], rows.get((name, "deny"), 0))
        yield from different(f"{name}: aggregated", e["aggregated"], aggregates.get(name, 0))
        total = [sum(x) for x in zip(tallies.get((name, "allow"), [0] * 4), tallies.get((name, "deny"), [0] * 4))]
        yield from different(f"{name}: counted, aggregated, lost", [e["counted"], e["aggregated"], e["lost"]],
                             [total[0], total[2], total[3]])
        yield from different(f"{name}: counted = sum", e["counted"], e["allowed"] + e["denied"] + e["aggregated"] + e["lost"])
        for key in ("allowed", "denied", "aggregated"):
            yield from different(f"{name}: {key} by source", sum(s[key] for s in e["sources"]), e[key])
            yield from different(f"{name}: {key} by day", sum(s[key] for s in e["timeline"]), e[key])
    yield from different("rows", report["integrity"]["rows"], sum(rows.values()))
    days = dict(((d, v), n) for d, v, n in db.execute(
        "SELECT substr(time, 1, 10), verdict, count(*) FROM connections WHERE time >= ? AND time < ? GROUP BY 1, 2", period))
    for slot in report["timeline"]["slots"]:
        day = slot["from"][:10]
        yield from different(day, [slot["allowed"], slot["denied"]], [days.get((day, "allow"), 0), days.get((day, "deny"), 0)])
    for g in report["grants"]:
        yield from different(f"grant {g['id']}", g["connections"], db.execute(
            "SELECT count(*) FROM connections WHERE list = ?", (f"grant:{g['id']}",)).fetchone()[0])
    db.close()


# --- the schema

def undescribed(value, schema, root, path):
    """Fields that the schema does not speak of: whoever adds one describes it."""
    while "$ref" in schema:
        schema = root["$defs"][schema["$ref"].split("/")[-1]]
    if isinstance(value, dict) and "properties" in schema:
        for key, inner in value.items():
            if key not in schema["properties"]:
                yield f"doc/report.schema.json does not describe {path}.{key}"
            else:
                yield from undescribed(inner, schema["properties"][key], root, f"{path}.{key}")
    elif isinstance(value, list) and "items" in schema:
        for inner in value:
            yield from undescribed(inner, schema["items"], root, f"{path}[]")


def check_schema(reports):
    try:
        import jsonschema
    except ImportError:
        skip("JSON validates against its schema", "python3-jsonschema is not installed")
        return
    with open(os.path.join(SOURCE, "doc", "report.schema.json")) as file:
        schema = json.load(file)
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    for kind, report in reports.items():
        test(f"{kind}: JSON validates against its schema",
             [f"{list(e.absolute_path)}: {e.message}" for e in validator.iter_errors(report)])
        test(f"{kind}: the schema describes every field", sorted(set(undescribed(report, schema, schema, ""))))
    broken = json.loads(json.dumps(reports["month"]))
    broken["controls"][0]["met"] = "yes"
    test("the schema refuses what is wrong", [] if list(validator.iter_errors(broken)) else ["it does not"])


# --- controls

IDS = {
    "PCI DSS 4.0.1": "1.2.5 1.2.7 1.2.8 1.3.1 1.3.2 1.4.2 10.2.1 10.2.2 10.3.2 10.3.4 10.4.1 10.5.1 10.6 10.7.2",
    "SOC 2": "CC6.1 CC6.6 CC7.1 CC7.2 CC8.1",
    "ISO/IEC 27001:2022 Annex A": "5.15 8.9 8.15 8.16 8.17 8.20 8.22 8.32",
    "NIST SP 800-53 r5": "AC-3 AC-4 AU-2 AU-3 AU-5 AU-8 AU-9 AU-10 AU-11 AU-12 CM-3 CM-6 SC-7 SC-7(5) SI-4 SI-7",
    "CIS Controls 8": "4.4 8.2 8.3 8.5 8.9 8.10 12.2 13.4 13.6",
}


def check_controls(log, report):
    got = {}
    for c in report["controls"]:
        got.setdefault(c["framework"], []).append(c["id"])
    test("every framework has its controls", different("controls", got, {k: v.split() for k, v in IDS.items()}))
    test("each control says what it stands on", [f"{c['framework']} {c['id']}" for c in report["controls"] if not c["evidence"]])
    own = os.path.join(log.folder, "own")
    os.mkdir(own)
    with open(os.path.join(own, "house.yaml"), "w") as file:
        file.write("framework: House rules\ncontrols:\n  - {id: H-1, title: Nothing is lost, checks: [log-complete]}\n"
                   "  - {id: H-2, title: Changes are decided, checks: [changes-approved, grants-bounded]}\n"
                   "  - {id: H-3, title: Tea is served, checks: [], beyond: the pot}\n")
    controls = json.loads(log.report("-o", "json", "--controls", own))["controls"]
    test("a framework of one's own is mapped", different(
        "controls", [(c["id"], c["met"], c["status"]) for c in controls if c["framework"] == "House rules"],
        [("H-1", False, "not-met"), ("H-2", True, "met"), ("H-3", None, "not-covered")]))
    os.rename(own, os.path.join(log.folder, "controls"))
    controls = json.loads(log.report("-o", "json"))["controls"]
    test("a folder beside the configuration is read", [] if any(c["id"] == "H-1" for c in controls) else ["it is not"])
    with open(os.path.join(log.folder, "controls", "house.yaml"), "w") as file:
        file.write("framework: House rules\ncontrols:\n  - {id: H-1, titel: x, checks: [log-complet]}\n  - {id: H-2, title: y, checks: []}\n")
    run = log.run("-o", "json")
    errors = run.stderr.decode()
    test("what is wrong with a framework is told with its place", [
        f"'{part}' is not in: {errors}" for part in (
            "controls/house.yaml:3:15: ", "did you mean 'title'", "controls/house.yaml:3:34: there is no check 'log-complet'",
            "did you mean 'log-complete'", "controls/house.yaml:4:5: control H-2 has no checks") if part not in errors] +
         list(different("exit status", run.returncode, 2)) + list(different("output", json.loads(run.stdout), {"error": errors.rstrip(), "exit": 2})))
    os.remove(os.path.join(log.folder, "controls", "house.yaml"))


# --- hostile texts

class Elements(html.parser.HTMLParser):
    def __init__(self, page):
        super().__init__()
        self.seen = set()
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.seen.add((tag, tuple(sorted(name for name, _ in attrs))))


def check_hostile(pages, markdown, text):
    """A hostile page has no element or attribute that a plain one lacks."""
    extra = Elements(pages["hostile"]).seen - Elements(pages["month"]).seen
    test("hostile texts make no element and no attribute", [str(e) for e in extra])
    test("hostile texts are in the page", [] if "&lt;script&gt;document.title=&#39;broken&#39;" in pages["hostile"] else ["no"])
    test("hostile texts make no markup in Markdown",
         [line[:200] for line in markdown.split("\n") if re.search(r"(?<!\\)<|(?<!\\)\[x(?<!\\)\]\(", line)])
    for name, content in (("HTML", pages["hostile"]), ("Markdown", markdown), ("text", text)):
        test(f"no control or direction character in {name}", set(re.findall("[\0-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", content)))


def check_review(log):
    review = json.loads(log.report("--review", "-o", "json"))
    page, text = log.report("--review", "-o", "html"), log.report("--review")
    rules = {r["name"]: r for r in review["rules"]}
    db = sqlite3.connect(f"file:{log.folder}/audit.db?mode=ro", uri=True)
    used = dict(db.execute("SELECT endpoint, sum(counted) FROM tallies WHERE verdict = 'allow' GROUP BY 1"))
    known = dict(db.execute("SELECT name, reason FROM endpoints"))
    db.close()
    test("a review has every rule with its use", different(
        "rules", {n: (r["used"], r["unused"], r["reason"] or "") for n, r in rules.items()},
        {n: (used.get(n, 0), used.get(n, 0) == 0, reason) for n, reason in known.items()}))
    rows = {row[0]: row for row in Tables(page).tables["review"]}
    test("unused rules and missing reasons are flagged", list(different("legacy-git", rows["legacy-git"][6], "not used, no reason, no owner")) +
         list(different("orders-db", rows["orders-db"][6], "no reason, only observed")) +
         list(different("prod-api", rows["prod-api"][6:8], ["office not used, 1 by a grant", "cluster deployments"])) +
         list(different("use of lists", rows["prod-api"][2], "humanitec (2844), office (0)")) +
         [f"not in the text: {w}" for w in ("Reviewer", "not used, no reason, no owner", "cluster deployments") if w not in text])
    test("a review leaves room to sign", [f"not in the page: {w}" for w in ("Reviewer", "Date of the review", "keep / change / remove", 'class="blank"') if w not in page])


def months_over():
    """From October 2026, when the sample begins, to the last that is over."""
    today = datetime.datetime.now(datetime.timezone.utc)
    return [f"{y:04}-{m:02}" for y in range(2026, today.year + 1) for m in range(1, 13)
            if (2026, 10) <= (y, m) < (today.year, today.month)]


def check_months(log, report):
    folder = os.path.join(log.folder, "reports")
    with open(os.path.join(log.folder, "hallowd.yaml"), "a") as file:
        file.write("audit: {retention: 0}\n")
    command = ["./hallowctl", "-c", f"{log.folder}/hallowd.yaml", "report", "--monthly"]

    def monthly(*options):
        done = subprocess.run([*command, *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        if done.returncode not in (0, 6):  # 6: see Log.report
            raise RuntimeError(f"report --monthly {options}: exit status {done.returncode}: {done.stderr.decode()}")
        return done.stdout.decode()

    names = sorted(f"{month}.{suffix}" for month in months_over() for suffix in ("csv", "html", "json"))
    said = monthly().split()
    test("each month that is over is written in each format", list(different("files", sorted(os.listdir(folder)), names)) +
         list(different("what was said", sorted(said), [os.path.join(folder, n) for n in names])))
    with open(os.path.join(folder, "2026-10.json")) as file:
        october = json.load(file)
    test("a month has the month's numbers", list(different("endpoints", october["endpoints"], report["endpoints"])) +
         list(different("period", october["period"], {"from": "2026-10-01T00:00:00Z", "to": "2026-11-01T00:00:00Z"})))
    with open(os.path.join(folder, "2026-10.html"), "w") as file:
        file.write("kept\n")
    said = monthly()
    with open(os.path.join(folder, "2026-10.html")) as file:
        test("a month that is complete stays as it is", list(different("the file", file.read(), "kept\n")) + said.split())
    os.remove(os.path.join(folder, "2026-10.html"))
    said = monthly().split()
    test("a month that was missed is caught up with", different("files", [os.path.basename(n) for n in said],
                                                                ["2026-10.json", "2026-10.csv", "2026-10.html"]))
    own = os.path.join(log.folder, "elsewhere")
    monthly("--output", own)
    test("months are written to another folder", different("files", sorted(os.listdir(own)), names))
    run = subprocess.run([*command, "--from", "-1d"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    test("--monthly takes no period", different("exit status", run.returncode, 2))


def main():
    with tempfile.TemporaryDirectory() as base:
        logs = {kind: Log(kind, base) for kind in ("quiet", "month", "hostile", "crowd")}
        reports = {kind: json.loads(log.report("-o", "json")) for kind, log in logs.items()}
        pages = {kind: log.report("-o", "html") for kind, log in logs.items()}
        for kind, log in logs.items():
            folder = os.path.join(log.folder, "tables/")
            log.report("-o", "csv", "--output", folder)
            markdown, text = log.report("-o", "markdown"), log.report()
            test(f"{kind}: JSON says what the database says", compare_database(reports[kind], log))
            test(f"{kind}: CSV says what JSON says", compare_csv(reports[kind], folder))
            if kind != "hostile":
                test(f"{kind}: HTML says what JSON says", compare_html(reports[kind], pages[kind]))
                test(f"{kind}: text says what JSON says", compare_text(reports[kind], text))
                test(f"{kind}: Markdown says what HTML says", compare_markdown(pages[kind], markdown))
            else:
                check_hostile(pages, markdown, text)
        check_schema(reports)
        check_controls(logs["month"], reports["month"])
        check_review(logs["month"])
        check_months(logs["month"], reports["month"])
    print(f"1..{number}")
    return failed > 0


sys.exit(main())
