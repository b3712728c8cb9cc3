#!/usr/bin/env bats
# Nothing that dies or interferes opens the gate, loses what was committed, or makes a number wrong.

load lab.bash

setup() {
	lab_up
	publish
	lab_serve "$GATE" "db:5432@$LOCAL4" "db:5432@$LOCAL6"
	{ published_lists; echo endpoints:; endpoint api "[$LOCAL4, \"$LOCAL6\"]" 5432 '[humanitec, office]'; } | config
}

teardown() { lab_down; }

# Without what only tells who holds it.
ruleset() { on_gate nft -s list table inet hallowd | sed 's/ # progname.*//; /^\tflags/d'; }

traffic() { # NAME SOURCE DESTINATION TIMEOUT
	lab_start "$CLIENT" "$1" "$LAB_PYTHON" "$LAB_LIB/connect.py" "$2" "$3" 5432 --count 9000 --rate 25 --timeout "$4" \
		--until "$LAB_DIR/enough"
	TRAFFIC+=("$LAB_PID")
}
# traffic_start: connections from each of a listed IPv4 source, a listed IPv6 source and two strangers, 25 a second, in the
# background, until traffic_was, for six minutes at most.
TRAFFIC=()
traffic_start() {
	TRAFFIC=()
	rm -f "$LAB_DIR/enough"
	traffic listed4 "${BOTH[0]}" $LOCAL4 3
	traffic listed6 $OFFICE6 $LOCAL6 3
	traffic stranger4 $STRANGER4 $LOCAL4 0.5
	traffic stranger6 $STRANGER6 $LOCAL6 0.5
	wait_until 10 counts_something
}
counts_something() { [ "$(counted api allowed)" -gt 0 ] && [ "$(counted api denied)" -gt 0 ]; }
traffic_runs() { local pid; for pid in "${TRAFFIC[@]}"; do not gone "$pid" || return 1; done; }

# traffic_was: ends it; every listed connection was let in, no other was, the kernel counted just those of all rounds, and the
# audit log accounts for each.
LET_IN=0 DROPPED=0
traffic_was() {
	local name allowed dropped rejected
	: >"$LAB_DIR/enough"
	wait "${TRAFFIC[@]}"
	for name in listed4 listed6 stranger4 stranger6; do
		read -r allowed dropped rejected <"$LAB_DIR/$name.log"
		same "$name $rejected $([[ $name == listed* ]] && echo "$dropped" || echo "$allowed")" "$name 0 0"
		LET_IN=$((LET_IN + allowed)) DROPPED=$((DROPPED + dropped))
	done
	wait_until 120 prints true status .recording
	soon "allow|$LET_IN|0
deny|$DROPPED|0" sql "SELECT verdict, sum(counted), sum(counted - recorded - aggregated - lost) FROM tallies GROUP BY 1 ORDER BY 1"
	same "$(counted api allowed) $(counted api denied)" "$LET_IN $DROPPED"
	same "$(recorded "verdict = 'allow'")" "$(sql "SELECT sum(recorded) FROM tallies WHERE verdict = 'allow'")"
	same "$(recorded "verdict = 'deny'")" "$(sql "SELECT sum(recorded) FROM tallies WHERE verdict = 'deny'")"
	same "$(sql "SELECT count(*) FROM connections WHERE verdict = 'allow' AND source IN ('$STRANGER4', '$STRANGER6')")" 0
	same "$(sql 'PRAGMA integrity_check')" ok
}

# rows_kept / rows_still_there: what was committed before a death is there after it, unchanged.
rows() { sql "SELECT id, time, verdict, source, source_port FROM connections WHERE id <= $1 ORDER BY id" | sha256sum; }
rows_kept() {
	LAST=$(sql 'SELECT coalesce(max(id), 0) FROM connections')
	ROWS=$(rows "$LAST")
}
rows_still_there() { same "$(rows "$LAST")" "$ROWS"; }

at_a_random_moment() { sleep "0.$((RANDOM % 90 + 10))"; }

# ten_deaths COMMAND: ten times (KILLS times, for a developer, in rounds of ten), at a random moment, with traffic running;
# COMMAND kills something and waits for its return.  After each round every row verifies and the tallies balance.
ten_deaths() {
	local i round
	hallowd_start
	for ((round = 1; round <= (${KILLS:-10} + 9) / 10; round++)); do
		[ $round -eq 1 ] || : >"$LAB_DIR/listed4.log" >"$LAB_DIR/listed6.log" >"$LAB_DIR/stranger4.log" >"$LAB_DIR/stranger6.log"
		traffic_start
		for i in 1 2 3 4 5 6 7 8 9 10; do
			at_a_random_moment
			rows_kept
			"$@"
			rows_still_there
		done
		traffic_runs # else the deaths met no traffic
		traffic_was
		verified
	done
}
verified() { ctl -o json verify >"$LAB_DIR/verified" || { cat "$LAB_DIR/verified"; return 1; }; }

kill_hallowd() {
	hallowd_kill
	hallowd_start
}
@test "surviving: kill -9 of hallowd, ten times under traffic" { ten_deaths kill_hallowd; }

# A child that dies again and again comes back later each time; a start of hallowd resets that.
kill_child() {
	local pid
	wait_until 90 child "$1" >/dev/null
	pid=$(child "$1")
	kill -9 "$pid"
	wait_until 90 another_child "$1" "$pid"
}
another_child() { local pid; pid=$(child "$1") && [ "$pid" != "$2" ]; }
@test "surviving: kill -9 of hallowd-record, ten times under traffic" {
	ten_deaths kill_recorder
	[ "$(sql "SELECT count(*) FROM events WHERE subject = 'hallowd-record'")" -ge 10 ]
}
kill_recorder() {
	local pid
	wait_until 30 child hallowd-record >/dev/null
	pid=$(child hallowd-record)
	kill -9 "$pid"
	# Its successor may take longer than the next random moment: what matters is that there is one in the end.
	wait_until 2 another_child hallowd-record "$pid" || :
}

kill_keeper() {
	local pid
	pid=$(keeper)
	kill -9 "$pid"
	wait_until 30 another_keeper "$pid"
}
another_keeper() { local pid; pid=$(keeper) && [ "$pid" != "$1" ]; }
@test "surviving: kill -9 of hallowd-keep, ten times under traffic" { ten_deaths kill_keeper; }

kill_all() {
	# The one or the other may be just being started again.
	kill -9 "$DAEMON" $(child hallowd-record) $(keeper) || :
	wait_until 10 gone "$DAEMON"
	wait "$DAEMON" 2>/dev/null || :
	hallowd_start
}
@test "surviving: kill -9 of all of them at once, ten times under traffic" { ten_deaths kill_all; }

kill_fetch() {
	ctl refresh web >"$LAB_DIR/refresh" 2>&1 3>&- &
	local refresh=$! code=0
	wait_until 10 child hallowd-fetch >/dev/null
	kill -9 "$(child hallowd-fetch)"
	wait "$refresh" || code=$?
	same "$code" 4
	same "$(ctl -o json lists web | jq -r '.entries | join(" ")')" "$STRANGER4/32"
}
@test "surviving: kill -9 of hallowd-fetch while it fetches, ten times under traffic" {
	lab_start "$GATE" silent "$LAB_PYTHON" "$LAB_LIB/silent.py" 8080 "$LAB_DIR/silent.ready" "$STRANGER4"
	wait_until 10 test -e "$LAB_DIR/silent.ready"
	printf '  web:\n    origins: {web: {url: "http://127.0.0.1:8080/list", format: text}}\n    refresh: 0\n    guard: {special: true}\n' \
		>"$LAB_DIR/web"
	sed -i "/^lists:/r $LAB_DIR/web" "$CONF"
	ten_deaths kill_fetch
}

kill_parse() {
	ctl refresh busy >"$LAB_DIR/refresh" 2>&1 3>&- &
	local refresh=$! code=0
	wait_until 10 child hallowd-parse >/dev/null
	kill -9 "$(child hallowd-parse)"
	wait "$refresh" || code=$?
	same "$code" 4
	same "$(ctl -o json lists busy | jq -r '.entries | join(" ")')" "$OFFICE4/32"
}
@test "surviving: kill -9 of hallowd-parse while it parses, ten times under traffic" {
	# The jq program runs on and on once the document says so.
	cat >"$LAB_DIR/busy" <<-YAML
	  busy:
	    origins:
	      file: {file: $LAB_DIR/busy.json, format: json, select: 'if .on then range(1e12) | select(. < 0) else .list[] end'}
	    refresh: 0
	    guard: {special: true}
	YAML
	sed -i "/^lists:/r $LAB_DIR/busy" "$CONF"
	echo "{\"on\": false, \"list\": [\"$OFFICE4\"]}" >"$LAB_DIR/busy.json"
	busy_from_now() { echo '{"on": true, "list": []}' >"$LAB_DIR/busy.json" && kill_parse; }
	ten_deaths busy_from_now
}

# --- other tools

other_tools() {
	on_gate nft flush ruleset || :
	not on_gate nft delete table inet hallowd
	not on_gate nft flush table inet hallowd
	not on_gate nft add rule inet hallowd "$1" accept
	not on_gate nft delete chain inet hallowd "$1"
}
base_chain() { on_gate nft -j list chains inet | jq -r '.nftables[] | .chain? // empty | select(.table == "hallowd" and .hook) | .name'; }

@test "surviving: other tools cannot change or flush the table while hallowd runs" {
	needs_owner
	hallowd_start
	local before
	before=$(ruleset)
	other_tools "$(base_chain)"
	same "$(ruleset)" "$before"
	same "$(dial "${BOTH[0]}" $LOCAL4 5432) $(dial $STRANGER4 $LOCAL4 5432)" "1 0 0 0 1 0"
	same "$(status .enforcing)" true
}

@test "surviving: after a flush while hallowd runs the policy is in force, untouched or made again" {
	hallowd_start
	on_gate nft flush ruleset || :
	on_gate nft delete table inet hallowd || :
	wait_until 20 strangers_stay_out
	same "$(dial "${BOTH[0]}" $LOCAL4 5432)" "1 0 0"
	soon true status .enforcing
}
strangers_stay_out() { [ "$(dial $STRANGER4 $LOCAL4 5432)" = "0 1 0" ]; }

@test "surviving: nor while hallowd is dead; and it takes its table over again" {
	needs_owner
	hallowd_start
	local before
	before=$(ruleset)
	hallowd_kill
	other_tools "$(base_chain)"
	same "$(ruleset)" "$before"
	same "$(dial "${BOTH[0]}" $LOCAL4 5432) $(dial $STRANGER4 $LOCAL4 5432)" "1 0 0 0 1 0"
	hallowd_start
	same "$(ruleset)" "$before"
	# What came while it was dead waited in the socket, and is in the log.
	soon "allow|1|1|0
deny|1|1|0" sql "SELECT verdict, sum(counted), sum(recorded), sum(lost) FROM tallies GROUP BY 1 ORDER BY 1"
}

@test "surviving: a table that was removed while nobody held it is made again at the start, and the gap is told" {
	hallowd_start
	hallowd_stop
	on_gate nft delete table inet hallowd
	same "$(dial $STRANGER4 $LOCAL4 5432)" "1 0 0"
	hallowd_start
	same "$(dial "${BOTH[0]}" $LOCAL4 5432) $(dial $STRANGER4 $LOCAL4 5432)" "1 0 0 0 1 0"
	same "$(sql "SELECT count(*) > 0 FROM coverage WHERE endpoint = 'api' AND state = 'unprotected'")" 1
}

@test "surviving: a start that fails leaves the table of the one before owned, and what waits in the socket" {
	hallowd_start
	hallowd_kill
	rm "$RUN/control.sock"
	mkdir "$RUN/control.sock" # it cannot listen there
	lab_start "$GATE" failing "$LAB_BUILD/hallowd" -c "$CONF"
	wait_until 20 gone "$LAB_PID"
	not wait "$LAB_PID"
	not on_gate nft delete table inet hallowd
	same "$(dial "${BOTH[0]}" $LOCAL4 5432) $(dial $STRANGER4 $LOCAL4 5432)" "1 0 0 0 1 0"
	rmdir "$RUN/control.sock"
	hallowd_start
	soon "1 1" eval 'echo "$(recorded "verdict = '"'allow'"'") $(recorded "verdict = '"'deny'"'")"'
}

# --- children that die

@test "surviving: a recorder that dies is started again, its death is an event, and a loop of deaths is slowed down" {
	hallowd_start
	local i begin=$SECONDS
	for i in 1 2 3 4; do kill_child hallowd-record; done
	# Not at once each time: the fourth comes back no sooner than the sum of growing pauses.
	[ $((SECONDS - begin)) -ge 2 ]
	soon 4 sql "SELECT count(*) FROM events WHERE subject = 'hallowd-record'"
	same "$(dial "${BOTH[0]}" $LOCAL4 5432)" "1 0 0"
	soon 1 recorded "verdict = 'allow'"
	soon true status .recording
}

@test "surviving: while nothing records, enforcement goes on, status says so, and what happened is recorded later" {
	hallowd_start
	same "$(dial "${BOTH[0]}" $LOCAL4 5432 2)" "2 0 0"
	soon 2 recorded 1
	kill -STOP "$(child hallowd-record)"
	same "$(dial "${BOTH[0]}" $LOCAL4 5432 20)" "20 0 0"
	same "$(dial $STRANGER4 $LOCAL4 5432 20)" "0 20 0"
	sed -i "/${BOTH[5]}/d" "$LAB_DIR/docs.txt"
	timeout 20 nsenter --net="/run/netns/$GATE" "$LAB_BUILD/hallowctl" -c "$CONF" refresh
	kill -CONT "$(child hallowd-record)"
	soon "22|20" sql "SELECT sum(verdict = 'allow'), sum(verdict = 'deny') FROM connections"
	soon 2 sql "SELECT max(revision) FROM list_revisions WHERE list = 'humanitec'"
}
