#!/usr/bin/env bats
# hallowctl log, report and history on what a real hallowd recorded.

load lab.bash

setup() {
	lab_up
	publish
	lab_serve "$GATE" "db:5432@$LOCAL4" "db:5432@$LOCAL6"
	{
		published_lists
		echo endpoints:
		endpoint api "[$LOCAL4, \"$LOCAL6\"]" 5432 '[humanitec, office]' 'kind: kubernetes-api'
		endpoint quiet 203.0.113.99 443 '[office]' 'kind: git'
	} | config
	hallowd_start
}

teardown() { lab_down; }

traffic() {
	same "$(dial "${BOTH[0]}" $LOCAL4 5432 2)" "2 0 0"
	same "$(dial $OFFICE6 $LOCAL6 5432 1)" "1 0 0"
	same "$(dial $STRANGER4 $LOCAL4 5432 1)" "0 1 0"
	same "$(dial $STRANGER6 $LOCAL6 5432 1)" "0 1 0"
}

# follow NAME OPTION…: in the background, its output in LAB_DIR/NAME; the pid in FOLLOWER.
follow() {
	local name=$1
	shift
	nsenter --net="/run/netns/$GATE" -- "$LAB_BUILD/hallowctl" -c "$CONF" log --follow "$@" >"$LAB_DIR/$name" 2>&1 3>&- &
	FOLLOWER=$!
	LAB_PIDS+=("$FOLLOWER")
}

# follows NAME: the follower of that name shows a connection that is made now, so it looks.
follows() {
	same "$(dial "${BOTH[3]}" $LOCAL4 5432)" "1 0 0"
	wait_until 2 grep -q "${BOTH[3]}" "$LAB_DIR/$1"
}

@test "log: filters, and how a row is shown" {
	local before
	before=$(date -u +%Y-%m-%dT%H:%M:%SZ)
	traffic
	same "$(ctl log | wc -l)" 5
	[[ "$(ctl log --verdict allow --source "${BOTH[0]}" --limit 1)" =~ \
		^[-0-9]{10}T[0-9:]{8}\.[0-9]{6}Z\ \ allow\ \ api\ +${BOTH[0]//./\\.}:[0-9]+\ -\>\ ${LOCAL4//./\\.}:5432/tcp\ +listed\ in\ humanitec,\ revision\ 1$ ]]
	ctl log --source $STRANGER6/64 | grep -Eq "deny   api +\[$STRANGER6\]:[0-9]+ -> \[$LOCAL6\]:5432/tcp +not-listed in humanitec,office"
	same "$(ctl log --source ::/0 | wc -l) $(ctl log --source 0.0.0.0/0 | wc -l) $(ctl log --verdict deny | wc -l)" "2 3 2"
	same "$(ctl log --since "$before" | wc -l) $(ctl log --until "$before" | wc -l)" "5 0"
	same "$(ctl log --endpoint api | wc -l) $(ctl log --endpoint quiet | wc -l)" "5 0"
	run ctl log --endpoint ap
	same "$status" 2
	[[ "$output" == *"did you mean 'api'?"* ]]
	same "$(ctl -o json log --limit 2 | jq -r '.[] | "\(.verdict) \(.source) \(.destination_port) \(.packets)"')" \
		"deny $STRANGER4 5432 null
deny $STRANGER6 5432 null"
	same "$(ctl -o json log --endpoint quiet)" "[]"
	same "$(ctl -o json log --limit 1 | jq -r '.[0] | keys | length')" 18
}

@test "log: --follow shows a row within a second or so, and ends with a signal, with its reader, and after --limit" {
	traffic
	follow text
	wait_until 10 follows text
	# Only what came after it began.
	not grep -q $STRANGER4 "$LAB_DIR/text"
	kill -INT "$FOLLOWER"
	wait_until 5 gone "$FOLLOWER"
	wait "$FOLLOWER"

	# The past from --since on first, then what comes, one object a line.
	follow json --since -1h --verdict deny --limit 3 -o json
	wait_until 5 eval '[ "$(wc -l <"$LAB_DIR/json")" -eq 2 ]'
	same "$(dial "${BOTH[1]}" $LOCAL4 5432)" "1 0 0"
	same "$(dial $STRANGER4 $LOCAL4 5432 2)" "0 2 0"
	wait_until 5 gone "$FOLLOWER"
	wait "$FOLLOWER"
	same "$(jq -r .verdict "$LAB_DIR/json" | sort | uniq -c | tr -s ' ')" " 3 deny"

	mkfifo "$LAB_DIR/fifo"
	head -n 1 "$LAB_DIR/fifo" >"$LAB_DIR/head" 3>&- &
	follow fifo --since -1h
	wait_until 5 gone "$FOLLOWER"
}

@test "log: a report is written whole or not at all, in each format" {
	traffic
	ctl report --output "$LAB_DIR/report.txt"
	same "$(stat -c %a "$LAB_DIR/report.txt")" 640
	grep -Eq '^  api +kubernetes-api +enforce +3 +2 +0 +0 +100%' "$LAB_DIR/report.txt"
	grep -Eq '^  quiet +git +enforce +0 +0 +0 +0 +100%' "$LAB_DIR/report.txt"
	ctl report -o json --output "$LAB_DIR/report.json"
	same "$(jq -c '[.endpoints[] | .allowed, .denied, .aggregated, .lost, .counted]' "$LAB_DIR/report.json")" "[3,2,0,0,5,0,0,0,0,0]"
	same "$(jq -c '.period.from[:4] | tonumber > 2000' "$LAB_DIR/report.json")" true
	mkdir "$LAB_DIR/tables"
	ctl report -o csv --output "$LAB_DIR/tables"
	same "$(ls "$LAB_DIR/tables" | paste -sd ' ')" "controls.csv days.csv disagreements.csv endpoints.csv events.csv floods.csv gaps.csv grants.csv list_changes.csv losses.csv sources.csv"
	same "$("$LAB_PYTHON" -c 'import csv, sys
for row in csv.DictReader(open(sys.argv[1], newline="")): print(row["source"], row["allowed"], row["denied"], row["list"])' \
		"$LAB_DIR/tables/sources.csv")" "${BOTH[0]} 2 0 humanitec
$STRANGER4 0 1 
$OFFICE6 1 0 office
$STRANGER6 0 1 "
	# The same files in one.
	ctl report -o csv --output "$LAB_DIR/tables.zip"
	same "$(stat -c %a "$LAB_DIR/tables.zip")" 640
	same "$("$LAB_PYTHON" -c 'import sys, zipfile
z = zipfile.ZipFile(sys.argv[1])
print(z.testzip(), *sorted(z.namelist()), [r for r in z.read("sources.csv").decode().split("\r\n")][1].split(",")[:2])' "$LAB_DIR/tables.zip")" \
		"None $(ls "$LAB_DIR/tables" | paste -sd ' ') ['api', '${BOTH[0]}']"
	run ctl report -o json --output "$LAB_DIR/report.zip"
	same "$status" 1
	[ ! -e "$LAB_DIR/report.zip" ]
	# What cannot be written leaves what was there.
	cp "$LAB_DIR/report.txt" "$LAB_DIR/before"
	run ctl report -o text --output "$LAB_DIR/tables"
	same "$status" 1
	run ctl report --output "$LAB_DIR/report.txt/x"
	same "$status" 1
	cmp "$LAB_DIR/report.txt" "$LAB_DIR/before"
	# A period before anything was recorded: every endpoint is there, with nothing.
	same "$(ctl -o json report --from 2020-01-01 --to 2020-02-01 | jq -c '.endpoints | map([.name, .allowed, .coverage_percent])')" \
		'[["api",0,null],["quiet",0,null]]'
}

@test "log: history tells every revision, and a name that nobody knows is an error" {
	sed -i "/${BOTH[5]}/d" "$LAB_DIR/docs.txt"
	ctl refresh humanitec
	same "$(ctl -o json history humanitec | jq -c 'map([.revision, (.added | length), (.removed | length), .decided_by])')" \
		'[[1,6,0,"guards"],[2,0,1,"guards"]]'
	run ctl history humanitec
	# What each origin had answered: how much, when, and the hash of the file as it is.
	hash=$(sha256sum <"$LAB_DIR/docs.txt")
	[[ "${lines[*]}" =~ "from docs: ok, 5 entries in $(wc -c <"$LAB_DIR/docs.txt") bytes, fetched 20"[0-9T:.-]+"Z, sha256 ${hash:0:16} " ]]
	[[ "$output" == *"from provider: ok, 12 entries in "* ]]
	run ctl history humanitek
	same "$status" 2
	[[ "$output" == *"did you mean 'humanitec'?"* ]]
}

@test "log: without a daemon the audit log is read as it is" {
	traffic
	hallowd_stop
	same "$(ctl log | wc -l)" 5
	same "$(ctl -o json report | jq -c '[.endpoints[0] | .allowed, .denied]')" "[3,2]"
	same "$(ctl -o json status 2>/dev/null | jq -c '[.daemon.running, .audit.recorded]')" "[false,5]"
}
