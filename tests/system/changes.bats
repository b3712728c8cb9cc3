#!/usr/bin/env bats
# Changes of lists and of the configuration: only the difference is sent, at once, all of it or nothing.

load lab.bash

setup() {
	lab_up
	publish
	lab_serve "$GATE" "db:5432@$LOCAL4" "db:5432@$LOCAL6" "db:7000@$LOCAL4"
}

teardown() { lab_down; }

configure_api() {
	{ published_lists; echo endpoints:; endpoint api "[$LOCAL4, \"$LOCAL6\"]" 5432 '[humanitec, office]' "$@"; } | config
}

# Without what only tells who holds it.
ruleset() { on_gate nft -s list table inet hallowd | sed 's/ # progname.*//; /^\tflags/d'; }

# watch_kernel / watched: counts what nf_tables is told while something is done.
watch_kernel() {
	lab_start "$GATE" monitor nft monitor
	# It listens once it sees a change of our own.
	wait_until 10 seen_by_monitor
}
seen_by_monitor() {
	on_gate nft 'add table inet probe; delete table inet probe'
	[ -s "$LAB_DIR/monitor.log" ]
}
monitor_done() {
	on_gate nft 'add table inet probe2; delete table inet probe2'
	wait_until 10 grep -q probe2 "$LAB_DIR/monitor.log"
	grep -v probe "$LAB_DIR/monitor.log" | grep -v '^# new generation' || :
}

@test "changes: a refresh sends only the difference" {
	configure_api
	hallowd_start
	watch_kernel
	sed -i "s/${BOTH[5]}/${PROVIDER_ONLY[0]}/" "$LAB_DIR/docs.txt"
	ctl refresh humanitec
	monitor_done >"$LAB_DIR/changes"
	# One element added and one deleted, in one set; no table, chain, rule or set is touched.
	same "$(grep -Ec '^(add|create) element' "$LAB_DIR/changes") $(grep -c '^delete element' "$LAB_DIR/changes")" "1 1"
	same "$(grep -cv element "$LAB_DIR/changes")" 0
	grep -Eq "^(add|create) element.*${PROVIDER_ONLY[0]}" "$LAB_DIR/changes"
	grep -q "delete element.*${BOTH[5]}" "$LAB_DIR/changes"
}

@test "changes: a refresh that changes nothing sends nothing" {
	configure_api
	hallowd_start
	watch_kernel
	ctl refresh
	same "$(monitor_done)" ""
}

@test "changes: an address taken off a list is cut off at once, open connections too" {
	configure_api
	hallowd_start
	local answers
	lab_start "$CLIENT" held "$LAB_PYTHON" "$LAB_LIB/connect.py" "${BOTH[5]}" $LOCAL4 5432 --hold 60
	lab_start "$CLIENT" other "$LAB_PYTHON" "$LAB_LIB/connect.py" "${BOTH[0]}" $LOCAL4 5432 --hold 60
	wait_until 10 grep -q 'answer 3' "$LAB_DIR/held.log"
	sed -i "/${BOTH[5]}/d" "$LAB_DIR/docs.txt"
	ctl refresh humanitec
	answers=$(grep -c answer "$LAB_DIR/held.log")
	wait_until 10 grep -q cut "$LAB_DIR/held.log"
	# At most the one whose answer had passed already.
	[ "$(grep -c answer "$LAB_DIR/held.log")" -le $((answers + 1)) ]
	same "$(dial "${BOTH[5]}" $LOCAL4 5432)" "0 1 0"
	# The others go on talking.
	answers=$(grep -c answer "$LAB_DIR/other.log")
	wait_until 10 grep -q "answer $((answers + 5))" "$LAB_DIR/other.log"
	not grep -q cut "$LAB_DIR/other.log"
}

@test "changes: an address put on a list gets in at once" {
	configure_api
	hallowd_start
	same "$(dial "${PROVIDER_ONLY[0]}" $LOCAL4 5432)" "0 1 0"
	echo "${PROVIDER_ONLY[0]}" >>"$LAB_DIR/docs.txt"
	ctl refresh humanitec
	same "$(dial "${PROVIDER_ONLY[0]}" $LOCAL4 5432)" "1 0 0"
}

@test "changes: plan says what would change, and changes nothing" {
	configure_api
	hallowd_start
	same "$(ctl -o json plan | jq .changes)" false
	configure_api 'mode: observe'
	sed -i 's/office:/branch:/; s/office/branch/' "$CONF"
	local before
	before=$(ruleset)
	same "$(ctl -o json plan | jq -c '[.changes, .endpoints.changed]')" '[true,["api"]]'
	same "$(ruleset)" "$before"
}

@test "changes: reload takes up endpoints, lists and modes, and keeps the counters of what stays" {
	configure_api
	hallowd_start
	same "$(dial "${BOTH[0]}" $LOCAL4 5432 2)" "2 0 0"
	{
		published_lists
		echo endpoints:
		endpoint api "[$LOCAL4, \"$LOCAL6\"]" 5432 '[humanitec, office]'
		endpoint second $LOCAL4 7000 '[office]'
	} | config
	ctl reload
	same "$(dial "${BOTH[0]}" $LOCAL4 7000)" "0 1 0"
	same "$(dial $OFFICE4 $LOCAL4 7000)" "1 0 0"
	same "$(dial "${BOTH[0]}" $LOCAL4 5432 1)" "1 0 0"
	same "$(counted api allowed) $(counted second allowed) $(counted second denied)" "3 1 1"
	configure_api
	kill -HUP "$DAEMON"
	soon 1 eval "ctl -o json status | jq '.endpoints | length'"
	same "$(dial $STRANGER4 $LOCAL4 7000)" "1 0 0"
	soon 2 sql "SELECT count(*) FROM events WHERE kind = 'reload'"
}

# by_the_last VERB…: as JSON; exit code 2, and the file's error on standard error.
by_the_last() {
	local code=0
	ctl -o json "$@" 2>"$LAB_DIR/by_the_last" || code=$?
	[ $code -eq 2 ] && grep -q "^$CONF:.*port" "$LAB_DIR/by_the_last" && grep -q 'good last' "$LAB_DIR/by_the_last"
}

@test "changes: a reload with a broken file keeps the running configuration, and says why" {
	configure_api
	hallowd_start
	local before
	before=$(ruleset)
	sed -i 's/port: 5432/prot: 5432/' "$CONF"
	run ctl reload
	same "$status" 2
	[[ "$output" == *"$CONF:"* ]]
	[[ "$output" == *"port"* ]]
	same "$(ruleset)" "$before"
	# The same by signal; what tells that it was handled is its event.
	kill -HUP "$DAEMON"
	wait_until 10 grep -q "$CONF:" "$LAB_DIR/hallowd.log"
	same "$(ruleset)" "$before"
	same "$(dial "${BOTH[0]}" $LOCAL4 5432)" "1 0 0"
	same "$(dial $STRANGER4 $LOCAL4 5432)" "0 1 0"
	# What is in force can still be asked, and each answer says that the file is another.
	same "$(by_the_last status | jq -c '[.enforcing, .problems]')" "[true,[\"$CONF has errors ('hallowctl check' tells them); what was good last is in force\"]]"
	same "$(by_the_last explain $STRANGER4 $LOCAL4:5432 | jq -r .verdict) $(by_the_last lists humanitec | jq .revision)" "deny 1"
	soon 2 eval 'by_the_last log | jq length'
	run ctl plan
	same "$status" 2
	run ctl refresh
	same "$status" 2
	hallowd_kill
	run ctl -o json status
	same "$status" 2
	[[ "$output" == *"hallowd does not run"* ]]
	soon 2 eval 'by_the_last log | jq length'
	# It starts from the last good one: mending the file mends it all.
	configure_api
	hallowd_start
	configure_api
	ctl reload
}

@test "changes: a configuration that is no YAML at all, empty, or gone, on reload" {
	configure_api
	hallowd_start
	local before broken
	before=$(ruleset)
	for broken in '[' '' 'version: 2' "$(head -c 3000 /dev/zero | tr '\0' '[')"; do
		printf '%s' "$broken" >"$CONF"
		run ctl reload
		same "$status" 2
	done
	rm "$CONF"
	run on_gate "$LAB_BUILD/hallowctl" -c "$CONF" reload
	[ "$status" -ne 0 ]
	same "$(ruleset)" "$before"
	configure_api
}

@test "changes: two endpoints that overlap are refused" {
	{
		published_lists
		echo endpoints:
		endpoint one 203.0.113.0/24 '"5000-6000"' '[office]'
		endpoint two $LOCAL4 5432 '[humanitec]'
	} | config
	run ctl check
	same "$status" 2
	[[ "$output" == *one* && "$output" == *two* ]]
}

@test "changes: two refreshes at once both end well, and the change is made once" {
	configure_api
	hallowd_start
	sed -i "/${BOTH[5]}/d" "$LAB_DIR/docs.txt"
	local i pids=()
	for i in 1 2 3 4; do
		ctl -o json refresh >"$LAB_DIR/refresh.$i" 2>&1 3>&- &
		pids+=($!)
	done
	for i in "${pids[@]}"; do wait "$i"; done
	same "$(cat "$LAB_DIR"/refresh.* | jq -r '.[] | select(.list == "humanitec") | .outcome' | grep -c '^applied$')" 1
	same "$(ctl -o json lists humanitec | jq '[.revision, (.entries | length)] | @csv' -r)" "2,5"
}

# --- without a daemon, as cron does it

@test "changes: refresh on its own puts the policy in force, records it, and is quiet when nothing is new" {
	configure_api
	ctl refresh --quiet
	same "$(dial "${BOTH[0]}" $LOCAL4 5432)" "1 0 0"
	same "$(dial "${PROVIDER_ONLY[0]}" $LOCAL4 5432)" "0 1 0"
	same "$(ctl refresh --quiet 2>&1)" ""
	sed -i "/${BOTH[5]}/d" "$LAB_DIR/docs.txt"
	ctl refresh
	same "$(dial "${BOTH[5]}" $LOCAL4 5432)" "0 1 0"
	same "$(sql "SELECT max(revision) FROM list_revisions WHERE list = 'humanitec'")" 2
	lab_empty "$GATE" || wait_until 10 only_server_left
}
only_server_left() { [ "$(ip netns pids "$GATE" | xargs -rn1 -I{} cat /proc/{}/comm 2>/dev/null | grep -c hallow)" -eq 0 ]; }

@test "changes: refresh on its own: exit codes, and two at once" {
	configure_api
	ctl refresh
	rm "$LAB_DIR/docs.txt"
	run ctl refresh --quiet
	same "$status" 4
	[ -n "$output" ]
	publish
	sed -i "/${BOTH[5]}/d" "$LAB_DIR/docs.txt"
	local i pids=() codes=
	for i in 1 2 3; do
		ctl refresh >"$LAB_DIR/refresh.$i" 2>&1 3>&- &
		pids+=($!)
	done
	for i in "${pids[@]}"; do
		wait "$i" && codes+=0 || codes+=$?
	done
	same "$codes" 000
	same "$(sql "SELECT max(revision) FROM list_revisions WHERE list = 'humanitec'")" 2
}

@test "changes: after a teardown, refresh on its own says that nothing is enforced, with --quiet too" {
	configure_api
	ctl refresh
	ctl teardown --reason 'moving house'
	local how
	for how in '' --quiet; do
		run ctl refresh $how
		same "$status" 5
		[[ $output == *"nothing is enforced: torn down by root on "*": moving house"* ]]
	done
}

@test "changes: a daemon that starts after cron takes over what is in force without a gap" {
	configure_api
	ctl refresh
	local before
	before=$(ruleset)
	hallowd_start
	same "$(ruleset)" "$before"
	same "$(ctl -o json lists humanitec | jq .revision)" 1
}
