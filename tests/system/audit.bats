#!/usr/bin/env bats
# The audit log: its numbers are what was sent, in every view and every command that shows them.

load lab.bash

setup() {
	lab_up
	publish
	lab_serve "$GATE" "db:5432@$LOCAL4" "db:5432@$LOCAL6" "udp:5353@$LOCAL4"
	lab_serve "$SERVER" "db:5432@$FORWARD4"
}

teardown() { lab_down; }

two_endpoints() {
	{
		published_lists
		echo endpoints:
		endpoint api "[$LOCAL4, \"$LOCAL6\"]" 5432 '[humanitec, office]' 'kind: kubernetes-api' 'reason: deployments'
		endpoint orders $FORWARD4 5432 '[humanitec]' 'kind: database'
		printf '%s\n' "$@"
	} | config
	hallowd_start
}

# some_traffic: api 5 allowed (3 + 2), 7 denied (4 + 3); orders 2 allowed, 1 denied.
some_traffic() {
	same "$(dial "${BOTH[0]}" $LOCAL4 5432 3)" "3 0 0"
	same "$(dial $OFFICE6 $LOCAL6 5432 2)" "2 0 0"
	same "$(dial $STRANGER4 $LOCAL4 5432 4)" "0 4 0"
	same "$(dial $STRANGER6 $LOCAL6 5432 3)" "0 3 0"
	same "$(dial "${BOTH[1]}" $FORWARD4 5432 2)" "2 0 0"
	same "$(dial "${PROVIDER_ONLY[0]}" $FORWARD4 5432 1)" "0 1 0"
}

tallies() { sql "SELECT endpoint, verdict, sum(counted), sum(recorded), sum(aggregated), sum(lost) FROM tallies GROUP BY 1, 2 ORDER BY 1, 2"; }

@test "audit: status, log, report and the views say what was sent" {
	two_endpoints
	some_traffic
	soon "api|allow|5|5|0|0
api|deny|7|7|0|0
orders|allow|2|2|0|0
orders|deny|1|1|0|0" tallies
	same "$(status '.endpoints[] | "\(.name) \(.allowed) \(.denied)"')" "api 5 7
orders 2 1"
	same "$(status '[.enforcing, .recording, .audit.recorded, .audit.aggregated, .audit.lost] | map(tostring) | join(" ")')" "true true 15 0 0"
	same "$(ctl -o json log | jq -s 'flatten | length')" 15
	same "$(ctl -o json log --endpoint api --verdict deny | jq -s 'flatten | length')" 7
	same "$(ctl -o json log --source 2001:db8:1::/64 | jq -s 'flatten | length')" 2
	ctl -o json report >"$LAB_DIR/report.json"
	same "$(jq -r '.endpoints[] | "\(.name) \(.kind) \(.allowed) \(.denied) \(.aggregated) \(.lost)"' "$LAB_DIR/report.json")" \
		"api kubernetes-api 5 7 0 0
orders database 2 1 0 0"
	same "$(jq -r '.endpoints[0].sources[] | "\(.source) \(.allowed) \(.denied) \(.list)"' "$LAB_DIR/report.json" | sort)" \
		"$(sort <<<"${BOTH[0]} 3 0 humanitec
$OFFICE6 2 0 office
$STRANGER4 0 4 null
$STRANGER6 0 3 null")"
	ctl report >"$LAB_DIR/report.txt"
	grep -q api "$LAB_DIR/report.txt"
	ctl -o csv report >"$LAB_DIR/report.csv"
	"$LAB_PYTHON" -c 'import csv, sys; rows = list(csv.reader(open(sys.argv[1]))); assert len({len(r) for r in rows}) == 1 and len(rows) > 2' "$LAB_DIR/report.csv"
}

@test "audit: a row says who, what, why, by which list and revision" {
	two_endpoints
	same "$(dial "${BOTH[0]}" $LOCAL4 5432)" "1 0 0"
	same "$(dial $STRANGER6 $LOCAL6 5432)" "0 1 0"
	soon "api|allow|listed|${BOTH[0]}|$LOCAL4|5432|tcp|humanitec|1
api|deny|not-listed|$STRANGER6|$LOCAL6|5432|tcp|humanitec,office|1,1" sql "SELECT endpoint, verdict, reason, source, destination,
		destination_port, protocol, list, revision FROM connections ORDER BY id"
	same "$(sql "SELECT count(*) FROM connections WHERE source_port > 0 AND time GLOB
		'[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]T[0-9][0-9]:[0-9][0-9]:[0-9][0-9].[0-9][0-9][0-9][0-9][0-9][0-9]Z'")" 2
}

@test "audit: a row names the revision that was in force then" {
	two_endpoints
	same "$(dial "${BOTH[0]}" $LOCAL4 5432)" "1 0 0"
	sed -i "/${BOTH[5]}/d" "$LAB_DIR/docs.txt"
	ctl refresh
	same "$(dial "${BOTH[0]}" $LOCAL4 5432)" "1 0 0"
	same "$(dial "${BOTH[5]}" $LOCAL4 5432)" "0 1 0"
	soon "${BOTH[0]}|allow|1
${BOTH[0]}|allow|2
${BOTH[5]}|deny|2,1" sql "SELECT source, verdict, revision FROM connections ORDER BY id"
}

@test "audit: log --follow shows a connection as it comes, and ends when told" {
	two_endpoints
	lab_start "$GATE" follow "$LAB_BUILD/hallowctl" -c "$CONF" log --follow
	wait_until 10 follows
	kill "$LAB_PID"
	wait_until 5 gone "$LAB_PID"
}
follows() {
	same "$(dial "${BOTH[3]}" $LOCAL4 5432)" "1 0 0"
	wait_until 2 grep -q "${BOTH[3]}" "$LAB_DIR/follow.log"
}

@test "audit: explain agrees with what happens" {
	two_endpoints
	some_traffic
	same "$(ctl -o json explain "${BOTH[0]}" $LOCAL4:5432 | jq -r '"\(.verdict) \(.endpoint) \(.reason) \(.list) \(.entry) \(.revision)"')" \
		"allow api listed humanitec ${BOTH[0]}/32 1"
	same "$(ctl -o json explain $OFFICE6 "[$LOCAL6]:5432/tcp" | jq -r '"\(.verdict) \(.list) \(.entry)"')" \
		"allow office 2001:db8:1::/64"
	same "$(ctl -o json explain "${PROVIDER_ONLY[0]}" $LOCAL4:5432 | jq -r '"\(.verdict) \(.reason)"')" "deny not-listed"
	same "$(ctl -o json explain $STRANGER4 $LOCAL4:5433 | jq -r '"\(.verdict) \(.reason)"')" "unmatched unmatched"
	# People are told who names the contested address and who does not.
	run ctl explain "${PROVIDER_ONLY[0]}" $LOCAL4:5432
	[[ "$output" == *provider* ]]
}

@test "audit: denied packets above the log rate are counted exactly, by source" {
	two_endpoints 'audit:' '  denied_log_rate: 5'
	same "$(dial $STRANGER4 $LOCAL4 5432 100)" "0 100 0"
	same "$(dial $STRANGER6 $LOCAL6 5432 60)" "0 60 0"
	same "$(counted api denied)" 160
	soon "api|deny|160|160|0" sql "SELECT endpoint, verdict, sum(counted), sum(recorded + aggregated), sum(lost) FROM tallies WHERE endpoint = 'api' GROUP BY 1, 2"
	[ "$(sql "SELECT sum(count) FROM aggregates")" -gt 100 ]
	# Row by row and in sum: each source is complete.
	same "$(sql "SELECT source, sum(n) FROM (SELECT source, count(*) AS n FROM connections WHERE verdict = 'deny' GROUP BY 1
		UNION ALL SELECT source, sum(count) FROM aggregates GROUP BY 1) GROUP BY 1 ORDER BY 1")" "$STRANGER4|100
$STRANGER6|60"
	ctl -o json report >"$LAB_DIR/report.json"
	same "$(jq '.endpoints[] | select(.name == "api") | .denied + .aggregated' "$LAB_DIR/report.json")" 160
}

@test "audit: what the recorder could not take is counted as lost, and told" {
	two_endpoints
	same "$(dial "${BOTH[0]}" $LOCAL4 5432 2)" "2 0 0"
	soon 2 recorded "verdict = 'allow'"
	# A receive buffer too small for what comes while the recorder is stopped: the kernel drops log messages (ENOBUFS).
	local recorder
	recorder=$(child hallowd-record)
	"$LAB_PYTHON" "$LAB_LIB/shrink_nflog.py" "$recorder"
	kill -STOP "$recorder"
	# In bursts, since the first batch always fits, and the kernel sends one each 100 ms.
	local i
	for i in 1 2 3 4 5 6 7 8 9 10; do
		same "$(dial "${BOTH[0]}" $LOCAL4 5432 20)" "20 0 0"
	done
	kill -CONT "$recorder"
	soon 202 sql "SELECT sum(counted) FROM tallies WHERE endpoint = 'api' AND verdict = 'allow'"
	soon 0 sql "SELECT sum(counted - recorded - aggregated - lost) FROM tallies"
	[ "$(sql "SELECT sum(lost) FROM tallies WHERE endpoint = 'api' AND verdict = 'allow'")" -gt 0 ]
	same "$(sql "SELECT sum(recorded) FROM tallies WHERE endpoint = 'api' AND verdict = 'allow'")" "$(recorded "verdict = 'allow'")"
	[ "$(sql "SELECT count(*) FROM events WHERE kind = 'lost'")" -gt 0 ]
	[ "$(status .audit.lost)" -gt 0 ]
	wait_until 10 problems_tell_of_loss
}
problems_tell_of_loss() { status '.problems[]' | grep -qi lost; }

@test "audit: events and coverage tell of start, reload, refresh, observe and stop without a gap" {
	two_endpoints
	ctl refresh
	sed -i 's/^    kind: database/    kind: database\n    mode: observe/' "$CONF"
	ctl reload
	hallowd_stop
	same "$(sql "SELECT DISTINCT kind FROM events WHERE kind IN ('start', 'refresh', 'reload', 'stop') ORDER BY 1")" "refresh
reload
start
stop"
	same "$(sql "SELECT endpoint, state FROM coverage WHERE endpoint = 'orders' ORDER BY from_time")" "orders|enforced
orders|observed"
	# No moment is told twice or not at all.
	same "$(sql "SELECT count(*) FROM (SELECT endpoint, from_time, lag(to_time) OVER (PARTITION BY endpoint ORDER BY from_time) AS before
		FROM coverage) WHERE before IS NOT NULL AND before <> from_time")" 0
}

@test "audit: the database is plain: every view opens read-only with sqlite3, every time is RFC 3339" {
	two_endpoints
	some_traffic
	soon 15 recorded 1
	local view
	for view in connections aggregates list_revisions events coverage tallies; do
		sql "SELECT * FROM $view" >"$LAB_DIR/$view"
	done
	same "$(sql "PRAGMA integrity_check")" ok
	same "$(sql "PRAGMA journal_mode")" wal
	same "$(sql "SELECT count(*) FROM events WHERE time NOT GLOB '2*T*Z' OR json_valid(detail) = 0")" 0
	same "$(sql "SELECT count(*) FROM list_revisions WHERE json_valid(added) + json_valid(removed) + json_valid(origins) < 3")" 0
}
