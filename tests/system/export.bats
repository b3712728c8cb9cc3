#!/usr/bin/env bats
# hallowctl export: what a real hallowd recorded, in the formats of other systems.

bats_require_minimum_version 1.5.0
load lab.bash

setup() {
	lab_up
	publish
	lab_serve "$GATE" "db:5432@$LOCAL4" "db:5432@$LOCAL6" "udp:5353@$LOCAL4" "db:7000@$LOCAL4"
}

teardown() { lab_down; }

# recording [LINE]…: hallowd with an endpoint that is enforced, one that is observed, and one of UDP; lines are more of the
# configuration.
recording() {
	{
		published_lists
		echo endpoints:
		endpoint api "[$LOCAL4, \"$LOCAL6\"]" 5432 '[humanitec, office]'
		endpoint watched $LOCAL4 7000 '[office]' 'mode: observe'
		endpoint names $LOCAL4 5353 '[office]' 'protocol: udp'
		printf '%s\n' "$@"
	} | config
	hallowd_start
}

some_traffic() {
	same "$(dial "${BOTH[0]}" $LOCAL4 5432 2)" "2 0 0"
	same "$(dial $OFFICE6 $LOCAL6 5432 1)" "1 0 0"
	same "$(dial $STRANGER4 $LOCAL4 5432 2)" "0 2 0"
	same "$(dial $STRANGER6 $LOCAL6 5432 1)" "0 1 0"
	same "$(dial $STRANGER4 $LOCAL4 7000 1)" "1 0 0"
	dial $OFFICE4 $LOCAL4 5353 1 --kind udp >/dev/null
	wait_until 10 recorded_is 8 1
}

needs_jsonschema() {
	"$LAB_PYTHON" -c 'import jsonschema' 2>/dev/null || skip "needs python3-jsonschema"
}

# checked FORMAT [DATABASE]: standard input is what that format says.
checked() { "$LAB_PYTHON" "$LAB_LIB/export_check.py" "$@"; }

@test "export: every format is what its publisher says, and has the values of the view" {
	needs_jsonschema
	recording
	some_traffic
	local format
	for format in jsonl ocsf ecs; do
		ctl -o $format export >"$LAB_DIR/$format"
		same "$(wc -l <"$LAB_DIR/$format")" 8
		checked $format "$STATE/audit.db" <"$LAB_DIR/$format"
	done
	# The check finds what is wrong.
	not checked ocsf <<<"$(jq -c 'select(.action_id == 2) | .activity_id = 1' "$LAB_DIR/ocsf")"
	not checked ocsf <<<"$(jq -c '.time = (.time / 1000 | floor)' "$LAB_DIR/ocsf")"
	not checked ecs <<<"$(jq -c '.source.name = "x"' "$LAB_DIR/ecs")"
	not checked jsonl "$STATE/audit.db" <<<"$(jq -c '.source_port = 1' "$LAB_DIR/jsonl")"
	same "$(ctl export -o json | jq -c .[])" "$(cat "$LAB_DIR/jsonl")"
	# What was only observed was let in, and says so.
	same "$(jq -r 'select(.dst_endpoint.svc_name == "watched") | "\(.action) \(.disposition)"' "$LAB_DIR/ocsf")" "Allowed Logged"
	ctl export >"$LAB_DIR/csv"
	same "$(tr -d '\r' <"$LAB_DIR/csv")" "$(sqlite3 -readonly -csv -header "$STATE/audit.db" 'SELECT * FROM connections ORDER BY id' | tr -d '\r')"
	same "$(ctl export --no-header)" "$(tail -n +2 "$LAB_DIR/csv")"
	# What a mirror port showed: nothing was done about it.
	hallowd_stop
	sqlite3 "$STATE/audit.db" "INSERT INTO decision SELECT 900 + verdict, endpoint, verdict, reason, list, revision, 1 FROM decision GROUP BY verdict;
		INSERT INTO connection (id, skew, source, source_port, decision, target)
		SELECT (SELECT max(id) FROM connection) + id, 0, 1, 1, id, (SELECT min(id) FROM target) FROM decision WHERE id >= 900"
	for format in jsonl ocsf ecs; do
		ctl -o $format export | tail -n 2 >"$LAB_DIR/$format"
		checked $format <"$LAB_DIR/$format"
	done
	same "$(jq -r '"\(.activity_name) \(.action) \(.status_detail)"' "$LAB_DIR/ocsf")" "Traffic Observed the policy allows it
Traffic Observed the policy denies it"
	same "$(jq -r '"\(.event.action) \(.labels.verdict)"' "$LAB_DIR/ecs")" "connection-seen allow
connection-seen deny"
}

@test "export: with a cursor each row comes once, while others are written" {
	recording
	local i
	(for i in 1 2 3 4 5 6; do dial $OFFICE4 $LOCAL4 5432 40 >/dev/null; dial $STRANGER4 $LOCAL4 5432 20 --timeout 0.1 >/dev/null; done) 3>&- &
	local traffic=$!
	: >"$LAB_DIR/rows"
	while kill -0 $traffic 2>/dev/null; do
		ctl export --no-header --cursor "$LAB_DIR/cursor" >>"$LAB_DIR/rows" 2>"$LAB_DIR/err"
		same "$(cat "$LAB_DIR/err")" ""
	done
	wait $traffic
	wait_until 10 recorded_is 360 1
	ctl export --no-header --cursor "$LAB_DIR/cursor" >>"$LAB_DIR/rows"
	same "$(wc -l <"$LAB_DIR/rows")" 360
	ctl export --no-header | cmp - "$LAB_DIR/rows"
	same "$(cat "$LAB_DIR/cursor")" "$(sql 'SELECT max(id) FROM connections')"
	# The same by hand: the next cursor stands on standard error.
	local middle
	middle=$(sql 'SELECT id FROM connections ORDER BY id LIMIT 1 OFFSET 99')
	run --separate-stderr ctl export --no-header --since-id "$middle"
	same "$status ${#lines[@]} $stderr" "0 260 next: --since-id $(cat "$LAB_DIR/cursor")"
	# What could not be written is exported again.
	printf '%s\n' "$middle" >"$LAB_DIR/cursor"
	not ctl export --cursor "$LAB_DIR/cursor" >/dev/full
	same "$(cat "$LAB_DIR/cursor")" "$middle"
}

@test "export: denied attempts that were counted together" {
	needs_jsonschema
	recording 'audit:' '  denied_log_rate: 5'
	dial $STRANGER4 $LOCAL4 5432 300 --timeout 0.05 >/dev/null
	counts_settled() { [ "$(sql "SELECT coalesce(sum(counted), 0) FROM tallies WHERE verdict = 'deny'")" = 300 ]; }
	wait_until 15 counts_settled
	local counted
	counted=$(sql 'SELECT sum(count) FROM aggregates')
	[ "$counted" -gt 0 ]
	local format
	for format in jsonl ocsf ecs; do
		ctl -o $format export --aggregates >"$LAB_DIR/$format"
		checked $format <"$LAB_DIR/$format"
	done
	same "$(jq -s 'map(.count) | add' "$LAB_DIR/ocsf")" "$counted"
	same "$(jq -s 'map(.network.packets) | add' "$LAB_DIR/ecs")" "$counted"
	same "$(ctl export --aggregates --no-header | tr -d '\r' | cut -d, -f2-)" "$(sqlite3 -readonly -csv "$STATE/audit.db" 'SELECT * FROM aggregates' | tr -d '\r')"
	# They still grow, so with a cursor they wait.
	same "$(ctl export --aggregates --no-header --cursor "$LAB_DIR/cursor")" ""
	same "$(cat "$LAB_DIR/cursor")" 0
}

spool() { HALLOWCTL="$LAB_BUILD/hallowctl -c $CONF" on_gate "$LAB_ROOT/contrib/siem/hallowd-export" ecs "$LAB_DIR/siem"; }

@test "export: contrib's folder for a log shipper has each row once, in whole files" {
	recording
	some_traffic
	mkdir "$LAB_DIR/siem"
	same "$(spool)" ""
	same "$(cat "$LAB_DIR"/siem/*.ndjson | wc -l)" 8
	same "$(spool; ls "$LAB_DIR/siem" | wc -l)" 1
	same "$(dial $OFFICE4 $LOCAL4 5432 1)" "1 0 0"
	wait_until 10 recorded_is 9 1
	# A run that died before its file had its name.
	spool
	local last
	last=$(cd "$LAB_DIR/siem" && ls -t | head -n 1)
	mv "$LAB_DIR/siem/$last" "$LAB_DIR/siem/.$last"
	same "$(spool)" ""
	same "$(cat "$LAB_DIR"/siem/*.ndjson | jq -r .event.id | sort)" "$(sql 'SELECT id FROM connections ORDER BY id')"
	# What fails is told, and the next run makes up for it.
	mv "$STATE/audit.db" "$STATE/away"
	run spool
	same "$status" 1
	mv "$STATE/away" "$STATE/audit.db"
	same "$(spool)" ""
}

let_go() { lab_in "$GATE" conntrack -F >/dev/null 2>&1; }
ended() { let_go && [ "$(sql "SELECT count(*) FROM connections WHERE state = 'closed'")" = 5 ]; }

@test "export: how connections ended, when it is known" {
	needs_jsonschema
	command -v conntrack >/dev/null || skip "conntrack is not installed (Debian package conntrack)"
	recording
	some_traffic
	# Before: the connections, each once, without an end; behind the same cursor comes nothing more.
	same "$(ctl -o jsonl export --cursor "$LAB_DIR/cursor" | wc -l)" 8
	wait_until 15 ended
	same "$(ctl -o jsonl export --cursor "$LAB_DIR/cursor" | wc -l)" 0
	local format
	for format in jsonl ocsf ecs; do
		ctl -o $format export --ends --cursor "$LAB_DIR/cursor.$format" >"$LAB_DIR/$format"
		checked $format <"$LAB_DIR/$format"
		same "$(wc -l <"$LAB_DIR/$format")" 5
		same "$(ctl -o $format export --ends --cursor "$LAB_DIR/cursor.$format")" ""
		ctl -o $format export >"$LAB_DIR/whole"
		checked $format "$STATE/audit.db" <"$LAB_DIR/whole"
	done
	same "$(jq -r '"\(.metadata.correlation_uid)|\(.traffic.packets)|\(.traffic.bytes_in)|\(.traffic.bytes_out)|\(.duration)|\(.activity_name)"' "$LAB_DIR/ocsf" | sort)" \
		"$(sql "SELECT id, packets, bytes_in, bytes_out, duration_ms, 'Close' FROM connections WHERE state = 'closed' ORDER BY id")"
	same "$(jq -r '"\(.labels.connection)|\(.network.packets)|\(.source.bytes)|\(.destination.bytes)|\(.event.duration / 1000000)"' "$LAB_DIR/ecs" | sort)" \
		"$(sql "SELECT id, packets, bytes_in, bytes_out, duration_ms FROM connections WHERE state = 'closed' ORDER BY id")"
}

# many_rows COUNT: without hallowd, which has stopped.
many_rows() {
	sqlite3 "$STATE/audit.db" "INSERT INTO connection (id, skew, source, source_port, decision, target)
		SELECT (SELECT max(id) FROM connection) + value, 0, value % 50000, value % 60000 - 32768, (SELECT min(id) FROM decision),
		(SELECT min(id) FROM target) FROM generate_series(1, $1)"
}

# peak ARGUMENT…: the most memory, in KiB, that hallowctl takes for it.
peak() {
	on_gate "$LAB_PYTHON" - "$LAB_BUILD/hallowctl" -c "$CONF" "$@" <<-'PY'
	import resource, subprocess, sys
	subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, check=True)
	print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
	PY
}

@test "export: many rows take no more memory, and a file is written whole or not at all" {
	recording
	some_traffic
	hallowd_stop
	local few format
	few=$(peak export)
	many_rows 200000
	for format in csv ocsf; do
		[ "$(peak -o $format export)" -le $((few + 6144)) ]
	done
	mkdir "$LAB_DIR/out"
	ctl export --output "$LAB_DIR/out/rows.csv"
	same "$(stat -c %a "$LAB_DIR/out/rows.csv")" 640
	ctl export | cmp - "$LAB_DIR/out/rows.csv"
	# Interrupted: the earlier file stays, and nothing else.
	echo before >"$LAB_DIR/out/rows.csv"
	nsenter --net="/run/netns/$GATE" -- "$LAB_BUILD/hallowctl" -c "$CONF" -o ecs export --output "$LAB_DIR/out/rows.csv" 2>"$LAB_DIR/err" 3>&- &
	local exporter=$!
	wait_until 10 hidden_file
	kill -TERM $exporter
	local ended=0
	wait $exporter || ended=$?
	same "$ended $(cat "$LAB_DIR/err")" "1 hallowctl: interrupted; the export is not complete"
	same "$(ls -A "$LAB_DIR/out")" rows.csv
	same "$(cat "$LAB_DIR/out/rows.csv")" before
	# No room: the same.
	mount -t tmpfs -o size=256k none "$LAB_DIR/out"
	run ctl export --output "$LAB_DIR/out/rows.csv"
	same "$status" 1
	[[ "$output" == *"No space left on device"* ]]
	same "$(ls -A "$LAB_DIR/out")" ""
	umount "$LAB_DIR/out"
}
hidden_file() { ls -A "$LAB_DIR/out" | grep -q '^\.rows'; }

@test "export: what is wrong on the command line or in a cursor is told" {
	recording
	some_traffic
	local words
	while read -r -a words; do
		run --separate-stderr ctl export "${words[@]}"
		same "$status $output" "2 "
		[ -n "$stderr" ]
	done <<-'END'
		-o html
		-o text
		--since-id x
		--since-id -1
		--since-id 1.5
		--from tomorrow
		--from today --to yesterday
		--cursor c --to now
		--cursor c --since-id 1
		--ends --aggregates
		extra
	END
	echo nonsense >"$LAB_DIR/cursor"
	run --separate-stderr ctl export --cursor "$LAB_DIR/cursor"
	same "$status $output" "1 "
	[[ "$stderr" == *"holds no cursor"* ]]
	same "$(cat "$LAB_DIR/cursor")" nonsense
	run --separate-stderr ctl export --since-id 9999999999999999
	same "$status $output" "1 "
	[[ "$stderr" == *"of another log"* ]]
	same "$(ctl export --no-header --from -1h | wc -l) $(ctl export --no-header --to -1h | wc -l)" "8 0"
}
