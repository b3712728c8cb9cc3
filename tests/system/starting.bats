#!/usr/bin/env bats
# Starts, stops and failures of either: exit codes, and that the kernel is left as the contract says.

load lab.bash

setup() {
	lab_up
	publish
}

teardown() { lab_down; }

configure_api() {
	{ published_lists; echo endpoints:; endpoint api "$LOCAL4" 5432 '[humanitec]'; } | config
}

# fails_to_start EXIT-CODE: hallowd ends by itself with that code, says why, and the kernel has no trace of it.
fails_to_start() {
	run on_gate timeout 30 "$LAB_BUILD/hallowd" -c "$CONF"
	same "$status" "$1"
	[ -n "$output" ]
	same "$(on_gate nft list ruleset | grep -v '^#')" "${2:-}"
	no_process_left
}
no_process_left() { wait_until 10 lab_empty "$GATE"; }

@test "starting: a broken configuration: exit 2, the place, no trace" {
	configure_api
	sed -i 's/agree: all/agree: 3/' "$CONF"
	fails_to_start 2
	[[ "$output" == *"$CONF:"*:* ]]
	run ctl check
	same "$status" 2
}

@test "starting: a configuration by a relative name, from a folder that is gone" {
	mkdir "$LAB_DIR/gone"
	run on_gate sh -c 'cd "$1" && rmdir "$1" && exec "$2" -c hallowd.yaml' sh "$LAB_DIR/gone" "$LAB_BUILD/hallowd"
	same "$status" 1
	[[ "$output" == *"hallowd.yaml: in which folder that is cannot be told: No such file or directory"* ]]
}

@test "starting: a state folder that is not there and cannot be made" {
	configure_api
	rmdir "$STATE"
	: >"$STATE"
	fails_to_start 1
}

@test "starting: the NFLOG group is taken by another program: no trace" {
	configure_api
	lab_start "$GATE" nflog "$LAB_PYTHON" "$LAB_LIB/hold_nflog.py" 4848
	wait_until 10 grep -q bound "$LAB_DIR/nflog.log"
	run on_gate timeout 30 "$LAB_BUILD/hallowd" -c "$CONF"
	[ "$status" -ne 0 ] && [ "$status" -ne 124 ]
	[[ "$output" == *4848* ]]
	same "$(on_gate nft list ruleset)" ""
}

@test "starting: the control socket cannot be made: no trace" {
	configure_api
	mkdir "$RUN/control.sock"
	fails_to_start 1
	[[ "$output" == *control.sock* ]]
}

@test "starting: somebody else owns a table of that name: it is left alone" {
	configure_api
	mkfifo "$LAB_DIR/owner.in"
	lab_start "$GATE" owner sh -c "nft -i <'$LAB_DIR/owner.in'"
	exec 9>"$LAB_DIR/owner.in"
	echo 'add table inet hallowd { flags owner; }' >&9
	wait_until 10 eval 'on_gate nft list tables | grep -q hallowd'
	run on_gate timeout 30 "$LAB_BUILD/hallowd" -c "$CONF"
	[ "$status" -ne 0 ] && [ "$status" -ne 124 ]
	on_gate nft list table inet hallowd | grep -q owner
	exec 9>&-
}

@test "starting: a second hallowd is refused, the first goes on" {
	configure_api
	lab_serve "$GATE" "db:5432@$LOCAL4"
	hallowd_start
	run on_gate timeout 30 "$LAB_BUILD/hallowd" -c "$CONF"
	[ "$status" -ne 0 ] && [ "$status" -ne 124 ]
	[[ "$output" == *"another hallowd"* ]]
	same "$(status .enforcing)" true
	same "$(dial "${BOTH[0]}" $LOCAL4 5432) $(dial $STRANGER4 $LOCAL4 5432)" "1 0 0 0 1 0"
}

@test "starting: with no network and only the last good list, the policy is in force" {
	configure_api
	lab_serve "$GATE" "db:5432@$LOCAL4"
	hallowd_start
	hallowd_stop
	ctl teardown --reason 'a reboot'
	rm "$LAB_DIR/docs.txt" "$LAB_DIR/provider.json"
	hallowd_start
	same "$(dial "${BOTH[0]}" $LOCAL4 5432) $(dial $STRANGER4 $LOCAL4 5432)" "1 0 0 0 1 0"
}

@test "stopping: the policy stays in force, children and keeper end, the exit status is 0" {
	configure_api
	lab_serve "$GATE" "db:5432@$LOCAL4"
	hallowd_start
	hallowd_stop
	same "$(dial "${BOTH[0]}" $LOCAL4 5432) $(dial $STRANGER4 $LOCAL4 5432)" "1 0 0 0 1 0"
	wait_until 10 no_hallowd_left
	[ ! -e "$RUN/control.sock" ]
	# In force, and nobody there to record it: both are told.
	same "$(ctl -o json status | jq -c '[.enforcing, .recording, (.problems | length > 0)]')" '[true,false,true]'
	same "$(sql "SELECT kind FROM events WHERE kind IN ('start', 'stop') ORDER BY time")" "start
stop"
}
no_hallowd_left() { ! ip netns pids "$GATE" | while read -r pid; do cat "/proc/$pid/comm"; done | grep -q hallow; }

@test "stopping: teardown removes the table and says so in the audit log, with and without a daemon" {
	configure_api
	lab_serve "$GATE" "db:5432@$LOCAL4"
	hallowd_start
	run ctl teardown
	same "$status" 2
	on_gate nft list table inet hallowd >/dev/null
	ctl teardown --reason 'maintenance window'
	same "$(on_gate nft list tables)" ""
	same "$(dial $STRANGER4 $LOCAL4 5432)" "1 0 0"
	run ctl status
	same "$status" 5
	sql "SELECT detail FROM events WHERE kind = 'teardown'" | grep -q 'maintenance window'
	hallowd_stop
	hallowd_start
	same "$(dial $STRANGER4 $LOCAL4 5432)" "0 1 0"
	hallowd_stop
	ctl teardown --reason 'no daemon'
	same "$(on_gate nft list tables)" ""
	ctl teardown --reason 'nothing there'
}

@test "stopping: after a teardown a host without a daemon can enforce again" {
	configure_api
	lab_serve "$GATE" "db:5432@$LOCAL4"
	ctl refresh
	ctl teardown --reason 'a test'
	run ctl refresh --quiet
	same "$status" 5
	same "$(dial $STRANGER4 $LOCAL4 5432)" "1 0 0"
	ctl reload
	same "$(dial "${BOTH[0]}" $LOCAL4 5432) $(dial $STRANGER4 $LOCAL4 5432)" "1 0 0 0 1 0"
	ctl refresh --quiet
}

@test "starting: status and exit codes before anything ran" {
	configure_api
	rmdir "$STATE"
	run ctl -o json status
	same "$status $(jq -c '[.enforcing, .recording, .lists[0].state]' <<<"$output")" '5 [false,false,"failed"]'
	rm -rf "$STATE"
	run ctl -o json lists humanitec
	same "$status $(jq -c '[.revision, .entries]' <<<"$output")" '0 [0,[]]'
	rm -rf "$STATE"
	run ctl status
	same "$status" 5
	run ctl check
	same "$status" 0
	run ctl -o json plan
	same "$status" 0
	same "$(jq .changes <<<"$output")" true
	same "$(on_gate nft list ruleset)" ""
	run ctl no-such-verb
	same "$status" 2
	run ctl explain nonsense
	same "$status" 2
}
