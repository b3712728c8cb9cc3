#!/usr/bin/env bats
# A part of hallowd that was taken over: tests/system/hostile.c in the place of the real program, started by hallowd, behind the
# real program's sandbox.  It tries what an attacker would, and gets nowhere.

load lab.bash

setup_file() {
	make -s -C "$LAB_BUILD" hostile_fetch hostile_observe hostile_parse hostile_record hostile_resolve >&2
}

setup() {
	grep -q 'fsanitize=address' "$LAB_BUILD/Makefile" && skip "a build with AddressSanitizer needs an open sandbox"
	lab_up
	publish
	chmod 0711 "$LAB_DIR"
	chmod 0644 "$LAB_DIR"/docs.txt "$LAB_DIR"/provider.json
	lab_serve "$GATE" "db:5432@$LOCAL4"
	{
		published_lists
		printf '  web:\n    origins: {web: {url: "http://127.0.0.1:8080/list", format: text}}\n    refresh: 0\n'
		echo endpoints:
		endpoint api $LOCAL4 5432 '[humanitec, office]'
	} | config
	chmod 0644 "$CONF"
	mkdir "$LAB_DIR/bin"
	cp "$LAB_BUILD"/hallowd "$LAB_BUILD"/hallowctl "$LAB_BUILD"/hallowd-* "$LAB_DIR/bin/"
	cp -RL "$LAB_BUILD/rules" "$LAB_DIR/bin/"
	REAL_BUILD=$LAB_BUILD LAB_BUILD=$LAB_DIR/bin
}

teardown() { lab_down; }

# taken_over PROGRAM: from now on.
taken_over() {
	cp "$REAL_BUILD/hostile_${1#hallowd-}" "$LAB_DIR/bin/new"
	mv "$LAB_DIR/bin/new" "$LAB_DIR/bin/$1"
}
ctl() { on_gate "$REAL_BUILD/hallowctl" -c "$CONF" "$@"; }

# got_nowhere PROGRAM LOG: it tried, all of it, and nothing that it tried was done.
got_nowhere() {
	wait_until 20 grep -q "hostile: done $1" "$2" || { cat "$2" >&2; return 1; }
	same "$(grep 'hostile: SUCCEEDED' "$2" | sort -u)" ""
	[ "$(grep "hostile: refused $1" "$2" | sort -u | wc -l)" -ge 40 ]
}

# as_before LOG: hallowd lives, its list, its table and its answers are what they were.
as_before() {
	not gone "$DAEMON"
	same "$(sha256sum <"$STATE/lists/humanitec")" "$LIST_WAS"
	same "$(dial "${BOTH[0]}" $LOCAL4 5432) $(dial $STRANGER4 $LOCAL4 5432)" "1 0 0 0 1 0"
	same "$(ctl -o json lists humanitec | jq -c '[.revision, (.entries | length)]')" "[1,6]"
	[ ! -e /tmp/hallowd-hostile ]
}

start_good() {
	hallowd_start
	LIST_WAS=$(sha256sum <"$STATE/lists/humanitec")
}

# As root runs it: other users than hallowd's.
@test "hostile: a parser that was taken over gets nowhere" {
	start_good
	taken_over hallowd-parse
	printf '%s\n' "${BOTH[@]}" "$STRANGER4" >"$LAB_DIR/docs.txt"
	run ctl refresh humanitec
	got_nowhere hallowd-parse "$LAB_DIR/hallowd.log"
	as_before
}

@test "hostile: a fetcher that was taken over gets nowhere" {
	start_good
	taken_over hallowd-fetch
	run ctl refresh web
	got_nowhere hallowd-fetch "$LAB_DIR/hallowd.log"
	as_before
}

@test "hostile: a recorder that was taken over gets nowhere" {
	start_good
	taken_over hallowd-record
	lab_kill KILL "$(child hallowd-record)"
	got_nowhere hallowd-record "$LAB_DIR/hallowd.log"
	grep -q 'delete the table by inherited socket (Operation not permitted)' "$LAB_DIR/hallowd.log"
	as_before
}

# As the systemd unit runs it: all of them are the same user, and only the sandbox is between them.
@test "hostile: parser, fetcher and recorder of a user of their own get nowhere either" {
	chown nobody:nogroup "$STATE" "$RUN"
	chown nobody "$CONF"
	lab_start "$GATE" manager "$LAB_PYTHON" "$LAB_LIB/manager.py" "$LAB_DIR/managed" nobody nogroup "$LAB_DIR/bin/hallowd" -c "$CONF"
	wait_until 15 grep -qs '^ready' "$LAB_DIR/managed"
	DAEMON=$(awk '/^started/ {pid = $2} END {print pid}' "$LAB_DIR/managed")
	LIST_WAS=$(sha256sum <"$STATE/lists/humanitec")
	taken_over hallowd-record
	taken_over hallowd-parse
	taken_over hallowd-fetch
	printf '%s\n' "${BOTH[@]}" "$STRANGER4" >"$LAB_DIR/docs.txt"
	run ctl refresh
	lab_kill KILL "$(child hallowd-record)"
	local name
	for name in hallowd-parse hallowd-fetch hallowd-record; do got_nowhere "$name" "$LAB_DIR/manager.log"; done
	as_before
}

@test "hostile: a resolver that was taken over gets nowhere" {
	start_good
	taken_over hallowd-resolve
	lab_start "$GATE" resolve "$LAB_DIR/bin/hallowd-resolve"
	got_nowhere hallowd-resolve "$LAB_DIR/resolve.log"
	as_before
}

@test "hostile: an observer that was taken over gets nowhere" {
	echo 'audit: {observe: [{interface: g0, filter: "udp port 9"}]}' >>"$CONF"
	taken_over hallowd-observe
	start_good
	got_nowhere hallowd-observe "$LAB_DIR/hallowd.log"
	as_before
}

@test "hostile: what a sandbox refuses is named: in the log, in the state of the origin, in an event" {
	start_good
	taken_over hallowd-parse
	touch "$LAB_DIR/bin/plain"
	printf '%s\n' "${BOTH[@]}" "$STRANGER4" >"$LAB_DIR/docs.txt"
	run ctl refresh humanitec
	same "$status" 4
	[[ "$output" == *"sandbox"*"system call socket"* ]]
	grep -q 'hallowd-parse: the sandbox refuses the system call socket (number' "$LAB_DIR/hallowd.log"
	grep -q 'hallowd-parse made the system call socket, which its sandbox refuses' "$LAB_DIR/hallowd.log"
	soon socket sql "SELECT DISTINCT detail ->> 'call' FROM events WHERE kind = 'refused' AND subject = 'hallowd-parse'"
	not grep -q SUCCEEDED "$LAB_DIR/hallowd.log"
	as_before
}

# It does not end by itself, and is not asked to.
@test "hostile: a program that sends what is no message is ended, and comes back" {
	echo 'audit: {observe: [{interface: g0, filter: "udp port 9"}]}' >>"$CONF"
	start_good
	local name
	touch "$LAB_DIR/bin/garbled"
	for name in hallowd-record hallowd-observe; do
		taken_over "$name"
		lab_kill KILL "$(child "$name")"
		wait_until 10 grep -q "$name.* sent what is no message, and was ended" "$LAB_DIR/hallowd.log"
		cp "$REAL_BUILD/$name" "$LAB_DIR/bin/new"
		mv "$LAB_DIR/bin/new" "$LAB_DIR/bin/$name"
	done
	soon "sent what is no message, and was ended" sql "SELECT detail ->> 'how' FROM events WHERE kind = 'child-died'
		AND subject = 'hallowd-record' AND detail ->> 'how' LIKE '%no message%' LIMIT 1"
	taken_over hallowd-fetch
	run ctl refresh web
	same "$status" 4
	[[ "$output" == *"hallowd-fetch sent what is no message, and was ended before it answered"* ]]
	as_before
}
