#!/usr/bin/env bats
# hallowctl: its command line, what it says to people and to programs, and how it takes a daemon that answers badly or not at
# all.  Needs neither root nor a lab; what it does with the real daemon is shown in the other files.

load lab.bash

VERBS=(
	init
	doctor
	check
	plan
	refresh
	lists
	history
	approve
	reject
	rollback
	unpin
	explain
	reload
	teardown
	status
	log
	report
	export
	evidence
	metrics
)

setup() {
	DIR=$(mktemp -d "${TMPDIR:-/tmp}/hallowd-ctl.XXXXXX")
	RUN=$DIR/run STATE=$DIR/state CONF=$DIR/hallowd.yaml ANSWERS=$DIR/answers ANSWERER=
	mkdir -m 0700 "$RUN" "$STATE" "$ANSWERS"
	config <<-'YAML'
	lists:
	  humanitec:
	    origins:
	      docs: {file: /nowhere/docs.txt}
	      provider: {file: /nowhere/provider.txt}
	  office:
	    entries: [198.51.100.0/24]
	endpoints:
	  prod-api: {address: 203.0.113.10, port: 6443, allow: [humanitec, office]}
	YAML
}

teardown() {
	[ -z "$ANSWERER" ] || { kill "$ANSWERER" && wait "$ANSWERER" || :; }
	rm -rf "$DIR"
}

hctl() { "$LAB_BUILD/hallowctl" -c "$CONF" "$@"; }

# exits CODE ARGUMENT…: output, both streams, is in $output.
exits() {
	local code=$1
	shift
	run hctl "$@"
	[ "$status" -eq "$code" ] || { echo "status $status, not $code: $output" >&2; return 1; }
}

says() { [[ "$output" == *"$1"* ]] || { printf 'not said: %s\nbut: %s\n' "$1" "$output" >&2; return 1; }; }

# answer VERB EXIT ERROR RESULT: the daemon's answer, as JSON.
answer() { printf '{"exit": %s, "error": %s, "result": %s}\n' "$2" "$3" "$4" >"$ANSWERS/$1"; }

daemon() {
	answer sync 0 null '{"on_disk": true}'
	"$LAB_PYTHON" "$LAB_LIB/answer.py" "$RUN" "$ANSWERS" 3>&- &
	ANSWERER=$!
	wait_until 10 test -e "$ANSWERS/ready"
}

asked() { grep -v '^sync$' "$ANSWERS/asked"; }

# --- the command line

@test "ctl: help is for all verbs and for each, with examples" {
	exits 0 --help
	for verb in "${VERBS[@]}"; do [[ "$output" == *$'\n'"  $verb "* ]]; done
	for verb in "${VERBS[@]}"; do
		exits 0 "$verb" --help
		says "usage: hallowctl"
		says $'Examples:\n  hallowctl '
		says "-o FORMAT"
	done
	exits 0 log --limit 1 --help
}

@test "ctl: version" {
	exits 0 --version
	[[ "$output" =~ ^hallowctl\ [0-9]+\.[0-9]+\.[0-9]+$ ]]
}

@test "ctl: no verb, and an unknown verb are usage errors" {
	exits 2
	says "usage: hallowctl"
	exits 2 chekc
	says "did you mean 'check'?"
	exits 2 zzzzzz
	says "there is no verb 'zzzzzz'"
}

@test "ctl: a wrong option, value or number of arguments says what is right" {
	exits 2 -x check
	says "there is no option '-x'"
	exits 2 log --snice -1h
	says "did you mean '--since'?"
	exits 2 log --since
	says "option --since needs a value"
	exits 2 check -c
	says "option -c needs a value"
	exits 2 refresh --quiet=yes
	says "--quiet"
	exits 2 log --since -1h --since -2h
	says "--since is given twice"
	exits 2 check all
	says "'all' is one argument too many"
	exits 2 history
	says "history needs LIST"
	exits 2 explain 192.0.2.1
	exits 2 status -o xml
	says "status does not write 'xml'; it writes text, json"
	exits 2 status -o csv
	exits 2 report -o xml
	says "report does not write 'xml'; it writes text, json, csv, html, markdown, md"
	exits 2 status -o html
	says "status does not write 'html'; it writes text, json"
	exits 2 report --review -o csv
	says "report --review does not write 'csv'"
}

@test "ctl: times, limits, addresses and verdicts of log and report" {
	exits 2 log --since yesterdya
	says "--since 'yesterdya' is no time"
	exits 2 log --since -1h --until -2h
	says "--since is not before --until"
	exits 2 log --follow --until now
	exits 2 log --verdict permit
	says "expected allow or deny"
	local bad
	for bad in 192.0.2.1/33 192.0.2.0/+8 nonsense fe80::1%eth0 ''; do
		exits 2 log --source "$bad"
		says "--source '$bad'"
	done
	for bad in 0 -1 1x '' 99999999999999999999; do exits 2 log --limit "$bad"; done
	exits 2 report --from now --to -1d
	says "--from is not before --to"
	exits 2 report --from 2026-13-01
}

@test "ctl: -o and -c stand before or behind the verb" {
	run "$LAB_BUILD/hallowctl" -c "$CONF" -o json check
	same "$status $(jq -c . <<<"$output")" '0 {"ok":true,"errors":[]}'
	run "$LAB_BUILD/hallowctl" check -o json -c "$CONF"
	same "$status $(jq -c . <<<"$output")" '0 {"ok":true,"errors":[]}'
	run "$LAB_BUILD/hallowctl" -o json check -o text -c "$CONF"
	same "$status $output" "0 $CONF is good: 2 lists, 1 endpoint"
}

@test "ctl: decisions need a reason" {
	exits 2 teardown
	says "--reason TEXT"
	exits 2 approve humanitec
	exits 2 reject humanitec --reason ''
	exits 2 approve --reason why
}

@test "ctl: what cannot be written is a failure" {
	[ -w /dev/full ] || skip "there is no /dev/full"
	run bash -c '"$0" -c "$1" check >/dev/full' "$LAB_BUILD/hallowctl" "$CONF"
	same "$status" 1
	says "cannot write"
}

# failure CODE TEXT ARGUMENT…: with -o json, one value that holds what standard error says as well.
failure() {
	local code=$1 text=$2
	shift 2
	run bash -c '"$@" 2>"$0"' "$DIR/error" "$LAB_BUILD/hallowctl" -c "$CONF" -o json "$@"
	same "$status $(jq -s 'length, .[0].exit' <<<"$output" | paste -sd ' ')" "$code 1 $code"
	[[ "$(jq -r .error <<<"$output")" == *"$text"* ]] && grep -qF "$text" "$DIR/error"
}

@test "ctl: with -o json an error is one JSON value too" {
	failure 2 "there is no verb 'lits'" lits
	failure 2 'history needs LIST' history
	failure 2 "'x' is no time" log --since x
	failure 2 'FILE' evidence
	failure 1 'there is no audit log' log
	failure 1 'no-such.pcap' replay "$DIR/no-such.pcap"
	daemon
	answer plan 5 '"one\ntwo"' null
	failure 5 $'one' plan
	same "$(jq -r .error <<<"$output")" $'one\ntwo'
	answer status 3 '"held"' '{"problems": []}'
	run bash -c '"$0" -c "$1" -o json status 2>/dev/null' "$LAB_BUILD/hallowctl" "$CONF"
	same "$status $(jq -sc . <<<"$output")" '3 [{"problems":[],"audit":{"recorded":0,"aggregated":0,"lost":0,"complete_from":null}}]'
	run bash -c '"$0" -c "$1" plan 2>/dev/null' "$LAB_BUILD/hallowctl" "$CONF"
	same "$status $output" '5 '
	echo nonsense >>"$CONF"
	failure 2 "$CONF" status
	run bash -c '"$0" -c "$1" -o json check' "$LAB_BUILD/hallowctl" "$CONF"
	same "$status $(jq -sc 'map(.ok)' <<<"$output")" '2 [false]'
}

# --- the configuration

@test "ctl: check tells every error, as text and as JSON" {
	printf 'version: 1\nstate_dir: %s\nrun_dir: %s\nlists:\n  a: {entires: [192.0.2.0/24]}\n  b: {entries: [none]}\n' \
		"$STATE" "$RUN" >"$CONF"
	exits 2 check
	says "$CONF:5:"
	says "$CONF:6:"
	says "entries"
	run hctl -o json check
	same "$status $(jq -r '"\(.ok) \(.errors | length > 1) \(.errors | all(startswith($ARGS.positional[0])))"' \
		--args "$CONF" <<<"$output")" "2 false true true"
}

@test "ctl: with a broken configuration nothing is asked" {
	daemon
	answer status 0 null '{}'
	echo nonsense >>"$CONF"
	local verb
	for verb in status plan 'lists' 'log' report 'history humanitec' 'explain 192.0.2.1 192.0.2.2' 'teardown --reason x'; do
		exits 2 $verb
		says "$CONF"
	done
	[ ! -e "$ANSWERS/asked" ]
	exits 2 -c "$DIR/no-such-file" status
	says "no-such-file"
}

# --- the daemon's answers

@test "ctl: words arrive as they were given" {
	daemon
	answer teardown 0 null '{"text": "done"}'
	answer refresh 0 null '[]'
	exits 0 teardown --reason $'100% sure: \u00fc\ttab'
	same "$output" done
	exits 0 refresh humanitec office
	same "$(asked)" $'teardown 100%25%20sure:%20%C3%BC%09tab\nrefresh humanitec office'
}

@test "ctl: exit code, error and result are the daemon's" {
	daemon
	local code
	for code in 0 1 2 3 4 5 6; do
		answer plan $code '"why it was so"' null
		exits $code plan
		same "$output" "hallowctl: why it was so"
	done
	answer plan 5 '"only half"' '{"changes": false, "lists": [], "endpoints": {}, "warnings": []}'
	run bash -c '"$0" -c "$1" -o json plan 2>"$2"' "$LAB_BUILD/hallowctl" "$CONF" "$DIR/error"
	same "$status $(jq .changes <<<"$output") $(cat "$DIR/error")" "5 false hallowctl: only half"
}

@test "ctl: an answer that is none is an error, whatever it is" {
	daemon
	local bad
	for bad in '' '{' 'nonsense' '[]' '{}' '{"exit": 7, "error": null, "result": null}' '{"exit": "0", "result": {}}' \
		'{"exit": 0, "error": null, "result": null}' '{"exit": 0, "error": null, "result": [1]}' '{"exit":0,"result":{}} x'; do
		printf '%s' "$bad" >"$ANSWERS/plan"
		exits 1 plan
		[[ "$output" == hallowctl:* ]]
	done
	rm "$ANSWERS/plan"
	exits 1 plan
	says "without an answer"
}

@test "ctl: a run_dir with the longest name that there may be is reached" {
	RUN=$DIR/$(printf 'r%.0s' {1..94})
	RUN=${RUN:0:94}
	mkdir "$RUN"
	sed -i "s|^run_dir: .*|run_dir: $RUN|" "$CONF"
	daemon
	answer reload 0 null '{"text": "reloaded"}'
	exits 0 reload
	same "$output" reloaded
}

@test "ctl: a person at a terminal sees that it waits, and nobody else does" {
	daemon
	answer refresh 0 null '[]'
	touch "$ANSWERS/refresh.wait"
	script -qfec "'$LAB_BUILD/hallowctl' -c '$CONF' refresh" "$DIR/typescript" >/dev/null 3>&- &
	local pid=$!
	wait_until 10 grep -qs waiting "$DIR/typescript"
	rm "$ANSWERS/refresh.wait"
	wait "$pid"
	touch "$ANSWERS/refresh.wait"
	hctl refresh >"$DIR/out" 2>&1 3>&- &
	pid=$!
	wait_until 10 eval '[ "$(grep -c refresh "$ANSWERS/asked")" = 2 ]'
	# Longer than a person would be left without a word.
	wait_until 10 eval '[ "$(ps -o etimes= -p $pid)" -ge 2 ]'
	rm "$ANSWERS/refresh.wait"
	wait "$pid"
	same "$(cat "$DIR/out")" ""
}

@test "ctl: where no daemon listens, its program is run once, with the same words" {
	# In a build tree the program stands beside hallowctl; this one tells what it was asked.
	mkdir "$DIR/bin"
	touch "$DIR/bin/hallowd-parse"
	cp "$LAB_BUILD/hallowctl" "$DIR/bin/"
	cat >"$DIR/bin/hallowd" <<-'SH'
	#!/bin/sh
	echo "a word of its log" >&2
	printf '%s\n' "$@" >"${0%/bin/hallowd}/argv"
	[ ! -e "${0%/bin/hallowd}/die" ] || kill -9 $$
	cat "${0%/bin/hallowd}/once"
	SH
	chmod +x "$DIR/bin/hallowd"
	echo '{"exit": 4, "error": null, "result": {"text": "so"}}' >"$DIR/once"
	run "$DIR/bin/hallowctl" -c "$CONF" approve humanitec --reason 'two words'
	same "$status $output" $'4 a word of its log\nso'
	same "$(cat "$DIR/argv")" "-c
$CONF
--once
approve
humanitec
two words"
	# A socket that nobody listens on any more is the same as none.
	"$LAB_PYTHON" -c 'import os, socket, sys; os.chdir(sys.argv[1]); socket.socket(socket.AF_UNIX).bind("control.sock")' "$RUN"
	run "$DIR/bin/hallowctl" -c "$CONF" reload
	same "$status" 4
	rm -r "$RUN"
	run "$DIR/bin/hallowctl" -c "$CONF" reload
	same "$status" 4
	touch "$DIR/die"
	run "$DIR/bin/hallowctl" -c "$CONF" reload
	same "$status" 1
	says "signal 9"
	rm "$DIR/die"
	: >"$DIR/once"
	run "$DIR/bin/hallowctl" -c "$CONF" reload
	same "$status" 1
	says "without an answer"
	rm "$DIR/bin/hallowd"
	run "$DIR/bin/hallowctl" -c "$CONF" reload
	same "$status" 1
	says "cannot run"
}

# --- what people read

DISPUTED='{"name": "humanitec", "kind": "published", "state": "current", "revision": 3, "entries": ["34.159.97.57/32"],
	"applied_at": "2026-11-01T12:00:00Z", "decided_by": "guards", "agree": "2 of 2", "held": null, "origins": [
	{"name": "docs", "source": "https://example.org/", "state": "ok", "fetched_at": "2026-11-01T12:00:00Z", "entries": 1,
	 "missing": [], "extra": [], "error": null},
	{"name": "provider", "source": "file /x", "state": "ok", "fetched_at": "2026-11-01T12:00:00Z", "entries": 2,
	 "missing": [], "extra": ["34.91.7.12/32"], "error": null}]}'

@test "ctl: refresh says a line for each list, and with --quiet only what must be known" {
	daemon
	answer refresh 0 null '[{"list": "humanitec", "outcome": "applied", "revision": 4, "added": ["192.0.2.1/32"], "removed": [],
		"reasons": [], "origins": [{"name": "docs", "state": "ok", "error": null}]},
		{"list": "other", "outcome": "unchanged", "revision": 2, "added": [], "removed": [], "reasons": [], "origins": []}]'
	exits 0 refresh
	same "$output" "humanitec: applied revision 4, 1 added, 0 removed
  + 192.0.2.1/32
other: unchanged, revision 2"
	exits 0 refresh --quiet
	same "$output" ""
	exits 0 refresh --quiet -o json
	same "$output" ""
	answer refresh 4 null '[{"list": "humanitec", "outcome": "held", "revision": 4, "added": ["192.0.2.1/32"], "removed": [],
		"reasons": ["max_added: 1 of 1"], "origins": []},
		{"list": "other", "outcome": "failed", "revision": 0, "added": [], "removed": [], "reasons": ["origin a: no list"],
		 "origins": [{"name": "a", "state": "failed", "error": "no list"}]},
		{"list": "third", "outcome": "unchanged", "revision": 1, "added": [], "removed": [], "reasons": [],
		 "origins": [{"name": "b", "state": "failed", "error": "timed out"}]},
		{"list": "fine", "outcome": "unchanged", "revision": 1, "added": [], "removed": [], "reasons": [], "origins": []}]'
	exits 4 refresh --quiet
	same "$output" "humanitec: held; revision 4 stays in force
  approved, it would be 1 added, 0 removed
  + 192.0.2.1/32
  max_added: 1 of 1
  a person must decide: hallowctl approve, or reject, humanitec --reason TEXT
other: failed; no good list is known yet, so it lets nobody in
  origin a: no list
third: unchanged, revision 1
  origin b: timed out"
	run hctl refresh --quiet -o json
	same "$status $(jq -c 'map(.list)' <<<"$output")" '4 ["humanitec","other","third"]'
}

@test "ctl: lists shows the origins' disagreement address by address" {
	daemon
	answer lists 0 null "$DISPUTED"
	exits 0 lists humanitec
	says "the origins disagree about 1 prefix:"
	says "  ADDRESS        docs  provider  IN FORCE"
	says "  34.91.7.12/32  no    yes       no"
	says $'in force:\n  34.159.97.57/32'
	run hctl lists humanitec -o json
	same "$(jq -cS . <<<"$output")" "$(jq -cS . <<<"$DISPUTED")"
	answer lists 0 null "[$DISPUTED]"
	exits 0 lists
	says "humanitec  published  current"
	says "  34.91.7.12/32  no    yes       no"
	same "$(asked)" $'lists humanitec\nlists humanitec\nlists'
}

@test "ctl: lists shows what is held, and why" {
	daemon
	answer lists 0 null "$(jq '.state = "held" | .held = {reasons: ["max_added: 3 of 1"], added: ["192.0.2.1/32"],
		removed: ["34.159.97.57/32"], since: "2026-11-02T00:00:00Z"}' <<<"$DISPUTED")"
	exits 0 lists humanitec
	says "held since 2026-11-02T00:00:00Z: 1 to add, 1 to remove"
	says "max_added: 3 of 1"
	says "  + 192.0.2.1/32"
	says "  - 34.159.97.57/32"
	says "hallowctl approve"
}

@test "ctl: explain says which entry lets in, and for a contested address who names it" {
	daemon
	answer lists 0 null "$DISPUTED"
	answer explain 0 null '{"verdict": "allow", "endpoint": "prod-api", "reason": "listed", "list": "humanitec",
		"entry": "34.159.97.57/32", "revision": 3, "source": "34.159.97.57", "destination": "203.0.113.10", "port": 6443,
		"protocol": "tcp", "lists": ["humanitec"]}'
	exits 0 explain 34.159.97.57 203.0.113.10:6443
	same "$output" "ALLOW 34.159.97.57 -> prod-api 203.0.113.10:6443/tcp: listed as 34.159.97.57/32 in list humanitec, revision 3"
	answer explain 0 null '{"verdict": "deny", "endpoint": "prod-api", "reason": "not-listed", "list": null, "entry": null,
		"revision": null, "source": "34.91.7.12", "destination": "203.0.113.10", "port": 6443, "protocol": "tcp",
		"lists": ["humanitec"]}'
	exits 0 explain 34.91.7.12 203.0.113.10:6443
	same "$output" "DENY 34.91.7.12 -> prod-api 203.0.113.10:6443/tcp: not listed in humanitec
  humanitec: named by provider, not by docs; the list needs both"
	same "$(asked)" "explain 34.159.97.57 203.0.113.10:6443
explain 34.91.7.12 203.0.113.10:6443
lists humanitec"
	answer explain 0 null '{"verdict": "unmatched", "endpoint": null, "reason": "unmatched", "list": null, "entry": null,
		"revision": null, "source": "2001:db8::1", "destination": "2001:db8::2", "port": 443, "protocol": "tcp", "lists": []}'
	exits 0 explain 2001:db8::1 '[2001:db8::2]:443'
	same "$output" "UNMATCHED 2001:db8::1 -> [2001:db8::2]:443/tcp: no endpoint has this destination, so hallowd leaves it alone"
}

@test "ctl: explain says no more of a stranger, and more where something is held or nothing is known" {
	daemon
	local answer='{"verdict": "deny", "endpoint": "prod-api", "reason": "not-listed", "list": null, "entry": null,
		"revision": null, "source": "192.0.2.66", "destination": "2001:db8::10", "port": 6443, "protocol": "udp",
		"lists": ["humanitec"]}'
	answer explain 0 null "$answer"
	answer lists 0 null "$DISPUTED"
	exits 0 explain 192.0.2.66 '[2001:db8::10]:6443/udp'
	same "$output" "DENY 192.0.2.66 -> prod-api [2001:db8::10]:6443/udp: not listed in humanitec"
	answer lists 0 null "$(jq '.held = {added: ["192.0.2.64/26"], since: "2026-11-02T00:00:00Z"}' <<<"$DISPUTED")"
	exits 0 explain 192.0.2.66 '[2001:db8::10]:6443/udp'
	same "${lines[1]}" "  humanitec: in what is held since 2026-11-02T00:00:00Z; see hallowctl lists"
	answer lists 0 null "$(jq '.revision = 0 | .entries = []' <<<"$DISPUTED")"
	exits 0 explain 192.0.2.66 '[2001:db8::10]:6443/udp'
	same "${lines[1]}" "  humanitec: no good list is known yet, so it lets nobody in"
	answer explain 0 null "$(jq '.verdict = "allow" | .reason = "observed"' <<<"$answer")"
	answer lists 0 null "$DISPUTED"
	exits 0 explain 192.0.2.66 '[2001:db8::10]:6443/udp'
	[[ "$output" == "ALLOW 192.0.2.66 -> prod-api"*"not listed in humanitec; the endpoint is only observed"* ]]
	answer explain 0 null "$(jq '.lists = []' <<<"$answer")"
	exits 0 explain 192.0.2.66 '[2001:db8::10]:6443/udp'
	says "the endpoint allows no list"
}

@test "ctl: plan shows the difference" {
	daemon
	answer plan 0 null '{"changes": true, "lists": [{"list": "humanitec", "added": ["192.0.2.1/32"], "removed": ["192.0.2.2/32"]}],
		"endpoints": {"added": ["a", "b"], "changed": [], "removed": ["c"]}, "warnings": ["list x is empty"]}'
	exits 0 plan
	same "$output" "warning: list x is empty
humanitec: 1 added, 1 removed
  + 192.0.2.1/32
  - 192.0.2.2/32
endpoints added: a, b
endpoints removed: c"
}

@test "ctl: status tells problems first, and adds the audit log's sums" {
	daemon
	answer status 5 null '{"daemon": {"running": true, "pid": 7, "since": "2026-11-01T12:00:00Z", "version": "0.1.0"},
		"enforcing": false, "recording": true, "table": {}, "torn_down": {"time": "2026-11-01T13:00:00Z", "by": "anna",
		"reason": "maintenance"}, "lists": [], "endpoints": [{"name": "prod-api", "kind": "other", "mode": "enforce",
		"allowed": 5, "denied": 7}], "problems": ["nothing is enforced"]}'
	exits 5 status
	same "${lines[0]}" "problem: nothing is enforced"
	same "${lines[1]}" "torn down at 2026-11-01T13:00:00Z by anna: maintenance"
	same "${lines[2]}" "enforcing: no"
	says "audit log: 0 recorded, 0 aggregated, 0 lost"
	run hctl -o json status
	same "$status $(jq -c '[.enforcing, .audit]' <<<"$output")" '5 [false,{"recorded":0,"aggregated":0,"lost":0,"complete_from":null}]'
	same "$(head -n 1 "$ANSWERS/asked")" sync
}

@test "ctl: what comes from outside cannot steer the terminal" {
	daemon
	answer lists 0 null "$(jq '.origins[1].error = "\u001b[2J\u009b31m\u202e\u0007" | .origins[1].source = "x\ny"' <<<"$DISPUTED")"
	exits 0 lists humanitec
	says '\x1b[2J\u009b31m\u202e\x07'
	says 'x\x0ay'
	answer plan 1 '"\u001b[31mred\nnext line"' null
	exits 1 plan
	same "$output" $'hallowctl: \\x1b[31mred\nhallowctl: next line'
	exits 2 $'\033[31mstatus'
	says '\x1b[31m'
}

@test "ctl: colour is for a terminal, and not with NO_COLOR" {
	daemon
	answer lists 0 null "$DISPUTED"
	run script -qec "env -u NO_COLOR '$LAB_BUILD/hallowctl' -c '$CONF' lists humanitec" /dev/null
	says $'\033[32myes\033[0m'
	run script -qec "env NO_COLOR=1 '$LAB_BUILD/hallowctl' -c '$CONF' lists humanitec" /dev/null
	[[ "$output" != *$'\033'* ]]
	run env -u NO_COLOR "$LAB_BUILD/hallowctl" -c "$CONF" lists humanitec
	[[ "$output" != *$'\033'* ]]
}

# --- the audit log

@test "ctl: where there is no audit log yet, log, report and history say so" {
	local verb
	for verb in log report 'history humanitec'; do
		exits 1 $verb
		says "there is no audit log in $STATE yet"
	done
	[ ! -e "$STATE/audit.db" ]
}

@test "ctl: a daemon that cannot write out what it holds is told" {
	daemon
	answer status 0 null '{"enforcing": true, "recording": true, "problems": []}'
	answer sync 0 null '{"on_disk": false}'
	exits 0 status
	says "the last moments may be missing"
	answer sync 1 '"the disk is full"' null
	exits 0 status
	says "the last moments may be missing: the disk is full"
}
