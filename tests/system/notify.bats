#!/usr/bin/env bats
# Telling people: the command of `notify`, syslog, the journal.

load lab.bash

setup() {
	lab_up
	mkdir -m 0777 "$LAB_DIR/told"
	chmod 0711 "$LAB_DIR"
	printf '44.0.%s.0/24\n' 0 2 4 6 8 10 12 14 >"$LAB_DIR/cloud.txt"
}
teardown() { lab_down; }

# command BODY…: the program that is told; each run leaves a file in LAB_DIR/told.
command_is() {
	{ echo '#!/bin/sh'; printf '%s\n' "$@"; } >"$LAB_DIR/page"
	chmod 0755 "$LAB_DIR/page"
}
keep_it='d=$(dirname "$0")/told; cat >"$d/.$$" && mv "$d/.$$" "$d/$$"'

# setting [LINE…]: the configuration, with these lines in `notify`.
setting() {
	{
		printf 'lists:\n  cloud:\n    origins: {file: {file: %s/cloud.txt}}\n    refresh: 0\n    guard: {max_removed: 2}\n' "$LAB_DIR"
		printf 'endpoints:\n'
		endpoint prod-api "$LOCAL4" 6443 '[cloud]'
		[ $# -eq 0 ] || { echo notify:; printf '  %s\n' "$@"; }
	} | config
}

told_some() { [ "$(told)" -ge 1 ]; }
told() { find "$LAB_DIR/told" -type f ! -name '.*' | wc -l; }
sums() { ctl -o json status | jq -c .notify; }
hold() { printf '44.0.%s.0/24\n' 0 2 4 "$1" >"$LAB_DIR/cloud.txt"; ctl refresh >/dev/null || :; }

@test "notify: the command gets the event as JSON, without privileges, without our environment" {
	command_is "id -u >\"\$(dirname \"\$0\")/told.uid\"; env >\"\$(dirname \"\$0\")/told.env\"; grep -E '^(CapEff|CapBnd|NoNewPrivs)' /proc/self/status >\"\$(dirname \"\$0\")/told.caps\"" \
		"ls -l /proc/self/fd >\"\$(dirname \"\$0\")/told.fd\"" "echo \"\$1\" >\"\$(dirname \"\$0\")/told.word\"" "cat >\"\$(dirname \"\$0\")/told.json\""
	for f in uid env caps fd word json; do touch "$LAB_DIR/told.$f"; chmod 0666 "$LAB_DIR/told.$f"; done
	setting "command: [$LAB_DIR/page, 'a word']" 'on: [held]'
	SECRET=hunter2 hallowd_start
	hold 99
	wait_until 15 jq -se "length > 0" "$LAB_DIR/told.json" # whole, and not the empty file
	same "$(jq -c '[.kind, .subject, .left_out, (.detail.reasons | length > 0), (.time | test("^20.*Z$")), (.host | length > 0)]' "$LAB_DIR/told.json")" \
		'["held","cloud",0,true,true,true]'
	same "$(cat "$LAB_DIR/told.word")" 'a word'
	[ "$(cat "$LAB_DIR/told.uid")" -ne 0 ]
	same "$(cat "$LAB_DIR/told.caps" | tr '\t' ' ' | paste -sd,)" 'CapBnd: 0000000000000000,CapEff: 0000000000000000,NoNewPrivs: 1' ||
		same "$(sort "$LAB_DIR/told.caps" | tr '\t' ' ' | paste -sd,)" 'CapBnd: 0000000000000000,CapEff: 0000000000000000,NoNewPrivs: 1'
	not grep -q hunter2 "$LAB_DIR/told.env"
	not grep -Eq 'socket|audit|netlink' "$LAB_DIR/told.fd"
	soon '{"told":1,"failed":0,"left_out":0}' sums
}



@test "notify: only the kinds that are asked for, and the same one once in a while" {
	command_is "$keep_it"
	setting "command: [$LAB_DIR/page]" 'on: [held, rejected]'
	hallowd_start
	hold 99
	soon 1 told
	ctl reject cloud --reason no
	soon 2 told
	hold 98
	ctl reject cloud --reason no
	# The same kinds of the same list again: counted, not told.
	soon '{"told":2,"failed":0,"left_out":2}' sums
	same "$(told)" 2
	same "$(jq -r .kind "$LAB_DIR"/told/* | sort | paste -sd' ')" 'held rejected'
}

@test "notify: a burst of different events is spread, and counted" {
	command_is "$keep_it"
	setting "command: [$LAB_DIR/page]" 'on: [granted, revoked]'
	hallowd_start
	local i
	for i in $(seq 1 15); do
		ctl grant 192.0.2.$i prod-api --for 1h --reason "$i" >/dev/null
	done
	# Each grant is a subject of its own or not; in either case no more than ten run at once.
	wait_until 10 told_some
	[ "$(told)" -le 11 ]
}

@test "notify: a command that hangs, fails, does not read or cannot be run holds nothing up and is told" {
	command_is 'exit 3'
	setting "command: [$LAB_DIR/page]" 'on: [held, rejected, reload, start]'
	hallowd_start
	wait_until 15 eval "ctl -o json status | jq -e '.problems[] | select(test(\"notification.*status 3\"))' >/dev/null"
	command_is 'kill -9 $$'
	hold 99
	wait_until 15 eval "ctl -o json status | jq -e '.problems[] | select(test(\"notification.*signal 9\"))' >/dev/null"
	rm "$LAB_DIR/page"
	ctl reject cloud --reason no
	wait_until 15 eval "ctl -o json status | jq -e '.problems[] | select(test(\"notification.*could not be run\"))' >/dev/null"
	command_is 'exec sleep 600'
	ctl reload
	# hallowd answers at once meanwhile.
	local begin=$SECONDS
	ctl -o json lists cloud >/dev/null
	[ $((SECONDS - begin)) -lt 10 ]
	hallowd_stop
}

@test "notify: a command may print into hallowd's log, and cannot fill the disk" {
	command_is 'echo to whom it may concern' 'yes 0123456789 | head -c 50000000' "touch $LAB_DIR/told/\$\$"
	setting "command: [$LAB_DIR/page]" 'on: [held]'
	hallowd_start
	hold 99
	wait_until 30 told_some
	soon '{"told":1,"failed":0,"left_out":0}' sums
	grep -q 'to whom it may concern' "$LAB_DIR/hallowd.log"
	grep -q 'printed more than 4096 bytes' "$LAB_DIR/hallowd.log"
	[ "$(stat -c %s "$LAB_DIR/hallowd.log")" -lt 20000 ]
}

@test "notify: a changed command is taken up by a reload, and none ends it" {
	command_is "$keep_it"
	setting
	hallowd_start
	hold 99
	same "$(told)" 0
	ctl reject cloud --reason no
	setting "command: [$LAB_DIR/page]" 'on: [reload, held]' 'repeat: 1s'
	ctl reload
	soon 1 told
	hold 98
	soon 2 told
}

@test "notify: a recorder that dies is told" {
	command_is "$keep_it"
	setting "command: [$LAB_DIR/page]" 'on: [stalled, lost, child-died]'
	hallowd_start
	lab_kill KILL "$(child hallowd-record)"
	soon 1 told
	same "$(jq -r '.kind + " " + .subject' "$LAB_DIR"/told/*)" 'child-died hallowd-record'
}

# with_sockets COMMAND…: in a mount namespace where LAB_DIR/journal and LAB_DIR/log are the journal's and syslog's sockets.
listener='
import os, socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1]); os.chmod(sys.argv[1], 0o777)
open(sys.argv[1] + ".ready", "w").close()
out = open(sys.argv[2], "ab", buffering=0)
while True:
    out.write(s.recv(1 << 20) + b"\n--\n")
'

@test "notify: syslog gets each event with its fields as JSON; the journal gets them in its own protocol" {
	mkdir -p "$LAB_DIR/dev" "$LAB_DIR/journal"
	lab_start "$GATE" syslog "$LAB_PYTHON" -c "$listener" "$LAB_DIR/dev/log" "$LAB_DIR/syslog.got"
	lab_start "$GATE" journal "$LAB_PYTHON" -c "$listener" "$LAB_DIR/journal/socket" "$LAB_DIR/journal.got"
	wait_until 10 test -e "$LAB_DIR/dev/log.ready" && wait_until 10 test -e "$LAB_DIR/journal/socket.ready"
	setting 'syslog: true' 'on: [held]'
	cat >"$LAB_DIR/start" <<-'SH'
		mount -t tmpfs none /run/systemd 2>/dev/null || { mkdir -p /run/systemd; mount -t tmpfs none /run/systemd; }
		mkdir -p /run/systemd/journal && mount --bind "$1/journal" /run/systemd/journal
		touch /dev/log 2>/dev/null; mount --bind "$1/dev/log" /dev/log
		exec 2>"$1/hallowd.log"
		JOURNAL_STREAM=$(stat -L -c '%d:%i' /proc/self/fd/2); export JOURNAL_STREAM
		exec "$2" -c "$3"
	SH
	lab_start "$GATE" wrapped unshare --mount bash "$LAB_DIR/start" "$LAB_DIR" "$LAB_BUILD/hallowd" "$CONF"
	DAEMON=$LAB_PID
	wait_until 20 hallowd_settled
	hold 99
	wait_until 15 grep -q '@cee' "$LAB_DIR/syslog.got"
	same "$(sed -n -E 's/^<28>hallowd\[[0-9]+\]: @cee: //p' "$LAB_DIR/syslog.got" | jq -c '[.kind, .subject]')" '["held","cloud"]'
	wait_until 15 grep -q '^HALLOWD_EVENT=held' "$LAB_DIR/journal.got"
	grep -A4 -x 'MESSAGE=held: cloud' "$LAB_DIR/journal.got" | grep -x 'PRIORITY=4'
	grep -x 'HALLOWD_SUBJECT=cloud' "$LAB_DIR/journal.got"
	grep '^HALLOWD_DETAIL=' "$LAB_DIR/journal.got" | sed 's/^HALLOWD_DETAIL=//' | jq -e . >/dev/null
	# The journal gets all kinds, syslog only what was asked for.
	grep -qx 'HALLOWD_EVENT=start' "$LAB_DIR/journal.got"
	not grep -q '"kind":"start"' "$LAB_DIR/syslog.got"
}
