#!/usr/bin/env bats
# The audit log on disk: how soon a row is there, how much is kept, and who may read it for how long.

load lab.bash

setup() {
	lab_up
	publish
	lab_serve "$GATE" "db:5432@$LOCAL4"
}

teardown() { lab_down; }

start() {
	{ published_lists; echo endpoints:; endpoint api "$LOCAL4" 5432 '[humanitec, office]'; printf '%s\n' "$@"; } | config
	hallowd_start
}

# locked: nothing can be recorded until LAB_DIR/unlock is made.
locked() {
	sqlite3 "$STATE/audit.db" <<-SQL >"$LAB_DIR/locked" 2>&1 &
	BEGIN IMMEDIATE;
	SELECT 'locked';
	.shell exec 3>&-; for i in \$(seq 600); do [ ! -e $LAB_DIR/unlock ] || exit 0; sleep 0.1; done
	ROLLBACK;
	SQL
	wait_until 10 grep -q locked "$LAB_DIR/locked"
}

behind() { status .recorder.behind_ms; }
milliseconds() { echo "$((${EPOCHREALTIME/[.,]/} / 1000))"; }

# rows_within: the milliseconds from a connection to its row, five times, the middle one.
rows_within() {
	local i before
	for i in 1 2 3 4 5; do
		before=$(milliseconds)
		same "$(dial $OFFICE4 $LOCAL4 5432)" "1 0 0" || return 1
		wait_until 10 recorded_is $i 1 || return 1
		echo "$(($(milliseconds) - before))"
	done | sort -n | sed -n 3p
}

@test "storage: a connection is on disk within a second, and status says that nothing waits" {
	start
	[ "$(rows_within)" -lt 1000 ]
	soon 0 behind
	same "$(ctl status | grep -c 'seconds behind' || :)" 0
}

@test "storage: while nothing can be recorded, status says for how long" {
	start
	locked
	same "$(dial $OFFICE4 $LOCAL4 5432 3)" "3 0 0"
	wait_until 10 is_behind 2000
	same "$(status .recording)" false
	run ctl status
	[[ "$output" == *"seconds behind"* ]]
	touch "$LAB_DIR/unlock"
	soon 0 behind
	soon 3 recorded 1
	soon "3|0" sql "SELECT sum(recorded), sum(lost) FROM tallies"
}
is_behind() { [ "$(behind)" -ge "$1" ]; }

@test "storage: a reader that holds its view of the log for long stops nothing" {
	start
	sqlite3 -readonly "$STATE/audit.db" <<-SQL >"$LAB_DIR/reading" 2>&1 &
	BEGIN;
	SELECT 'rows', count(*) FROM connections;
	.shell exec 3>&-; for i in \$(seq 600); do [ ! -e $LAB_DIR/unlock ] || exit 0; sleep 0.1; done
	SELECT 'still', count(*) FROM connections;
	SQL
	wait_until 10 grep -q rows "$LAB_DIR/reading"
	same "$(dial $OFFICE4 $LOCAL4 5432 20)" "20 0 0"
	soon 20 recorded 1
	same "$(status .recording)" true
	touch "$LAB_DIR/unlock"
	wait_until 10 grep -q 'still|0' "$LAB_DIR/reading"
}

@test "storage: a recorder that hallowd left behind and the one after it never write both" {
	local old
	start
	same "$(dial $OFFICE4 $LOCAL4 5432 2)" "2 0 0"
	soon 2 recorded 1
	old=$(child hallowd-record)
	kill -STOP "$old"
	# In the socket of the old one, and in the spool for the new one.
	timeout 5 "$LAB_BUILD/hallowctl" -c "$CONF" grant "$STRANGER4" api --for 10m --reason test || :
	hallowd_kill
	lab_start "$GATE" hallowd "$LAB_BUILD/hallowd" -c "$CONF"
	DAEMON=$LAB_PID
	wait_until 20 child hallowd-record
	wait_until 20 waits_for_lock
	same "$(dial $OFFICE4 $LOCAL4 5432 3)" "3 0 0"
	same "$(recorded 1)" 2
	kill -CONT "$old"
	wait_until 20 gone "$old"
	soon 5 recorded 1
	soon 1 sql "SELECT count(*) FROM events WHERE kind = 'granted'"
	soon "5|0" sql "SELECT sum(recorded), sum(lost) FROM tallies"
	ctl verify
}
# In flock(2), or at work.
waits_for_lock() { grep -qE -- "-> FLOCK .* $(child hallowd-record) " /proc/locks || [ "$(status .recording)" = true ]; }

verdicts() { sql "SELECT verdict, reason, count(*) FROM connections GROUP BY 1, 2 ORDER BY 1, 2"; }
is_closed() { status '.problems[]' | grep -q 'on_failure: deny'; }

@test "storage: on_failure: deny lets nobody new in while nothing can be recorded, and opens by itself" {
	start 'audit:' '  on_failure: deny'
	same "$(dial $OFFICE4 $LOCAL4 5432 2)" "2 0 0"
	soon 2 recorded 1
	lab_start "$CLIENT" held "$LAB_PYTHON" "$LAB_LIB/connect.py" $OFFICE4 $LOCAL4 5432 --hold 600
	soon 3 recorded 1
	HELD=$LAB_PID
	locked
	wait_until 15 is_closed
	same "$(dial $OFFICE4 $LOCAL4 5432 3)" "0 3 0"
	same "$(dial $STRANGER4 $LOCAL4 5432 1)" "0 1 0"
	same "$(ctl -o json explain $OFFICE4 $LOCAL4:5432 | jq -r '"\(.verdict) \(.reason)"')" "deny not-recorded"
	# The one that was there goes on, and a reload changes nothing.
	not gone "$HELD"
	ctl reload
	same "$(dial $OFFICE4 $LOCAL4 5432 1)" "0 1 0"
	touch "$LAB_DIR/unlock"
	wait_until 15 not is_closed
	same "$(dial $OFFICE4 $LOCAL4 5432 2)" "2 0 0"
	soon "allow|listed|5
deny|not-listed|1
deny|not-recorded|4" verdicts
	soon "allow|5|5|0
deny|5|5|0" sql "SELECT verdict, sum(counted), sum(recorded), sum(lost) FROM tallies GROUP BY 1 ORDER BY 1"
	soon "closed
opened" sql "SELECT kind FROM events WHERE kind IN ('closed', 'opened') ORDER BY time"
}

@test "storage: on_failure: deny holds while the recorder cannot come back" {
	start 'audit:' '  on_failure: deny'
	same "$(dial $OFFICE4 $LOCAL4 5432)" "1 0 0"
	soon 1 recorded 1
	kill -STOP "$(child hallowd-record)"
	# Stopped is not dead: packets wait in its socket.
	same "$(dial $OFFICE4 $LOCAL4 5432)" "1 0 0"
	mv "$STATE/audit.db" "$STATE/away" && mkdir "$STATE/audit.db"
	kill -KILL "$(child hallowd-record)"
	wait_until 20 is_closed
	same "$(dial $OFFICE4 $LOCAL4 5432)" "0 1 0"
	rmdir "$STATE/audit.db" && mv "$STATE/away" "$STATE/audit.db"
	wait_until 20 not is_closed
	same "$(dial $OFFICE4 $LOCAL4 5432)" "1 0 0"
	soon "allow|listed|3
deny|not-recorded|1" verdicts
}

simulated() { ctl -o json simulate --list humanitec --file "$LAB_DIR/next.txt" "$@"; }
findings() { jq -r ".$1[] | \"\(.endpoint) \(.source) \(.connections)\"" "$LAB_DIR/simulated"; }

@test "storage: simulate says whom a proposed list would have denied and let in" {
	start
	same "$(dial "${BOTH[0]}" $LOCAL4 5432 2)" "2 0 0"
	same "$(dial "${BOTH[1]}" $LOCAL4 5432 3)" "3 0 0"
	same "$(dial $OFFICE4 $LOCAL4 5432 1)" "1 0 0"
	same "$(dial $STRANGER4 $LOCAL4 5432 4)" "0 4 0"
	same "$(dial "${PROVIDER_ONLY[0]}" $LOCAL4 5432 1)" "0 1 0"
	soon 11 recorded 1
	ctl grant "${PROVIDER_ONLY[0]}" api --for 10m --reason test >/dev/null
	# Without BOTH[0], with the stranger; the office is let in by a list of its own, and who has a grant by that.
	printf '%s\n' "${BOTH[@]:1}" "$STRANGER4/32" "${PROVIDER_ONLY[0]}" >"$LAB_DIR/next.txt"
	simulated >"$LAB_DIR/simulated"
	same "$(jq -r '"\(.list) \(.since) \(.entries)"' "$LAB_DIR/simulated")" "humanitec null 7"
	same "$(findings would_deny)" "api ${BOTH[0]} 2"
	same "$(findings would_allow)" "api $STRANGER4 4"
	simulated --since now >"$LAB_DIR/simulated"
	same "$(jq '[.would_deny[], .would_allow[]] | length' "$LAB_DIR/simulated")" 0
	ctl simulate --list humanitec --file "$LAB_DIR/next.txt" | grep -q "$STRANGER4"
	# Nothing was changed, and what is no list is an error.
	same "$(ctl -o json lists humanitec | jq .revision)" 1
	echo 'no such address' >"$LAB_DIR/next.txt"
	run simulated
	same "$status" 1
	[[ $output == *next.txt* ]]
	run ctl simulate --list humanitek --file "$LAB_DIR/next.txt"
	same "$status" 2
	[[ $output == *"did you mean"* ]]
}

@test "storage: a clock that steps both ways is an event, and rows, counts and the tree stay right" {
	local fake
	fake=$(ls /usr/lib/*/faketime/libfaketimeMT.so.1 2>/dev/null) || skip "needs libfaketime (Debian package faketime)"
	{ published_lists; echo endpoints:; endpoint api "$LOCAL4" 5432 '[humanitec, office]'; } | config
	echo +0 >"$LAB_DIR/clock"
	FAKETIME_TIMESTAMP_FILE=$LAB_DIR/clock FAKETIME_NO_CACHE=1 FAKETIME_DONT_FAKE_MONOTONIC=1 LD_PRELOAD=$fake \
		lab_start "$GATE" hallowd "$LAB_BUILD/hallowd" -c "$CONF"
	DAEMON=$LAB_PID
	wait_until 20 hallowd_settled
	same "$(dial $OFFICE4 $LOCAL4 5432 2)" "2 0 0"
	soon 2 recorded 1
	echo +30s >"$LAB_DIR/clock"
	wait_until 30 clock_events_are 1
	same "$(dial $OFFICE4 $LOCAL4 5432 2)" "2 0 0"
	same "$(dial $STRANGER4 $LOCAL4 5432 3)" "0 3 0"
	soon 7 recorded 1
	echo -30s >"$LAB_DIR/clock"
	wait_until 30 clock_events_are 2
	same "$(dial $OFFICE4 $LOCAL4 5432 2)" "2 0 0"
	soon 9 recorded 1
	soon "allow|6|6|0
deny|3|3|0" sql "SELECT verdict, sum(counted), sum(recorded), sum(lost) FROM tallies GROUP BY 1 ORDER BY 1"
	same "$(sql "SELECT count(DISTINCT id) FROM connections")" 9
	same "$(sql "SELECT CAST(round(json_extract(detail, '$.seconds') / 30) AS INTEGER) FROM event WHERE kind = 'clock' ORDER BY id")" "1
-2"
	ctl verify
	hallowd_stop
}
clock_events_are() { [ "$(sql "SELECT count(*) FROM events WHERE kind = 'clock'")" = "$1" ]; }

retired() { ctl -o json verify | jq .retired; }

@test "storage: rows that are too old are announced, signed and deleted; the log verifies, and the newest rows are there" {
	local hour
	start 'audit:' '  retention: 10s'
	hour=$(date +%H)
	same "$(dial $OFFICE4 $LOCAL4 5432 20)" "20 0 0"
	same "$(dial $STRANGER4 $LOCAL4 5432 30)" "0 30 0"
	soon 50 recorded 1
	ctl checkpoint >"$LAB_DIR/kept"
	wait_until 25 recorded_is 0 1
	same "$(dial $OFFICE4 $LOCAL4 5432 4)" "4 0 0"
	soon 4 recorded 1
	same "$(ctl -o json log | jq -s 'flatten | map(select(.verdict == "allow")) | length')" 4
	same "$(retired)" 50
	ctl verify | grep "50 were deleted as old"
	# What was signed before they went is still shown.
	ctl verify --against "$LAB_DIR/kept"
	# An hour is counted whole as long as any row of it may be there.
	[ "$(date +%H)" = "$hour" ] || skip "the hour ended, and with it the count of the old rows"
	same "$(sql "SELECT sum(counted), sum(recorded), sum(lost) FROM tallies")" "54|54|0"
	same "$(ctl -o json report | jq -c '[.integrity.ok, (.endpoints[] | .allowed, .denied, .lost)]')" "[true,24,30,0]"
	hallowd_stop
	ctl verify
}

# memory PID: the most that a process has held, in KiB.
memory() { sed -n 's/^VmHWM:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$1/status"; }

# denied_tallies: COUNTED|ACCOUNTED-FOR.
denied_tallies() { sql "SELECT sum(counted), sum(recorded) + sum(aggregated) + sum(lost) FROM tallies WHERE verdict = 'deny'"; }
denied_tallies_are() { [ "$(denied_tallies)" = "$1" ]; }

# flood COUNT RATE: SYNs from 10.9.0.0/16 in the background.
flood() {
	make -s -C "$LAB_BUILD" synflood >&2
	lab_start "$CLIENT" flood "$LAB_BUILD/synflood" c0 "$(ip -n "$GATE" -j link show g0 | jq -r '.[0].address')" \
		10.9 $LOCAL4 5432 "$2" "$1"
}

size_of_log() { stat -c %s "$STATE/audit.db"; }
fits() { [ "$(size_of_log)" -le $((18 << 20)) ]; }

@test "storage: a flood that is too much for max_size stays within it, by rows that are announced, signed and deleted" {
	local most=0 size complete
	start 'audit:' '  max_size: 16M' '  denied_log_rate: 1000000'
	flood 700000 100000
	until gone "$LAB_PID"; do
		size=$(size_of_log)
		[ "$size" -le $most ] || most=$size
	done
	echo "at most $most bytes"
	# An eighth beyond it while rows come faster than they go; a megabyte of it is kept for new rows.
	[ $most -gt $((15 << 20)) ] && [ $most -le $((20 << 20)) ]
	wait_until 20 fits || { size_of_log; false; }
	same "$(dial $OFFICE4 $LOCAL4 5432 3)" "3 0 0"
	soon 3 recorded "verdict = 'allow'"
	ctl -o json verify >"$LAB_DIR/verified"
	same "$(jq '.ok and .retired > 50000' "$LAB_DIR/verified")" true
	same "$(sql "SELECT sum(count) >= $(jq .retired "$LAB_DIR/verified"), count(*) > 0 FROM retirement")" "1|1"
	# The counts stay, and nothing claims that their rows do.
	same "$(sql "SELECT sum(recorded) - (SELECT count(*) FROM connections) >= $(jq .retired "$LAB_DIR/verified") * 0.9 FROM tallies")" 1
	complete=$(status .audit.complete_from)
	[[ $complete > $(sql "SELECT min(from_time) FROM tallies") ]]
	ctl status | grep "older rows were deleted, it is complete from $complete on"
	same "$(ctl -o json report | jq -r .complete_from)" "$complete"
	ctl report | tr -s '\n ' ' ' | grep "attempts more, whose rows were deleted as old: the log is complete from $complete on"
}

# SYNS=10000000 in the environment sends that many.
@test "storage: each SYN of a flood from a /16 is recorded, aggregated or lost, and who is listed gets in meanwhile" {
	local syns=${SYNS:-200000} recorder arrived
	start
	recorder=$(child hallowd-record)
	# What the kernel itself counts of them: a full queue of the link may lose some before any table sees them.
	lab_in "$GATE" nft 'table inet count { chain in { type filter hook prerouting priority -450
		ip saddr 10.9.0.0/16 counter; }; }'
	flood "$syns" 0
	# So may it one of who is listed, which is sent only once.
	until gone "$LAB_PID"; do dial $OFFICE4 $LOCAL4 5432; done >"$LAB_DIR/dialled"
	grep -q '^1 0 0$' "$LAB_DIR/dialled"
	grep "sent=$syns" "$LAB_DIR/flood.log"
	arrived=$(lab_in "$GATE" nft -j list chain inet count in | jq '[.. | .counter? // empty | .packets] | add')
	[ "$arrived" -gt $((syns / 2)) ]
	wait_until 60 denied_tallies_are "$arrived|$arrived" || same "$(denied_tallies)" "$arrived|$arrived"
	same "$(sql "SELECT sum(recorded) > 0, sum(aggregated) > 0, sum(recorded) -
		(SELECT count(*) FROM connections WHERE verdict = 'deny'), sum(aggregated) - (SELECT sum(count) FROM aggregates)
		FROM tallies WHERE verdict = 'deny'")" "1|1|0|0"
	same "$(recorded "source = '$OFFICE4' AND verdict = 'deny'")" 0
	same "$(child hallowd-record)" "$recorder"
	echo "memory: hallowd $(memory "$DAEMON") KiB, hallowd-record $(memory "$recorder") KiB"
	[ "$(memory "$recorder")" -lt 131072 ]
	ctl verify
	ctl status
}
