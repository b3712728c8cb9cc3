#!/usr/bin/env bats
# Never open, never bricked: boot, reload --confirm, one's own connection, changes by other tools where the table has no owner.

load lab.bash

setup() {
	lab_up
	publish
	lab_serve "$GATE" "db:5432@$LOCAL4" "db:5432@$LOCAL6"
	configure_api '[humanitec, office]'
}

teardown() { lab_down; }

configure_api() { # ALLOW [LINES]
	{ published_lists; printf '%s' "${2:-}"; echo endpoints:; endpoint api "[$LOCAL4, \"$LOCAL6\"]" 5432 "$1"; } | config
}
events() { sql "SELECT kind FROM events WHERE kind IN ($1) ORDER BY time" 2>/dev/null | paste -sd ' '; }

# doors: whether a listed source of each family, and a stranger of each, get through: "1 1 0 0" as it should be.
doors() {
	local source target out=
	for source in "${BOTH[0]} $LOCAL4" "$OFFICE6 $LOCAL6" "$STRANGER4 $LOCAL4" "$STRANGER6 $LOCAL6"; do
		read -r source target <<<"$source"
		out+=" $(dial "$source" "$target" 5432 1 --timeout 0.6 | cut -d' ' -f1)"
	done
	echo "${out# }"
}

# reboot_gate: what a boot leaves: no table, no process, no run_dir; the state stays.
reboot_gate() {
	hallowd_kill
	kill -9 "$(keeper)"
	wait_until 10 lab_gate_quiet
	on_gate nft delete table inet hallowd
	rm -rf "$RUN"
	# Another boot, as far as hallowd can tell.
	[ ! -e "$STATE/config/tried" ] || sed -i 's/^# boot: .*/# boot: another/' "$STATE/config/tried"
}
lab_gate_quiet() { ! ip netns pids "$GATE" | while read -r pid; do cat "/proc/$pid/comm"; done | grep -q hallowd; }

boot() { on_gate timeout 20 "$LAB_BUILD/hallowd" -c "$CONF" --boot; }

# --- boot

@test "boot: the last good policy from saved state alone, without children or sockets; then hallowd adopts the table" {
	hallowd_start
	sed -i "/${BOTH[5]}/d" "$LAB_DIR/docs.txt"
	ctl refresh
	reboot_gate
	rm "$LAB_DIR/docs.txt" "$LAB_DIR/provider.json"
	same "$(doors)" "1 1 1 1"
	boot
	same "$(doors)" "1 1 0 0"
	same "$(dial "${BOTH[5]}" $LOCAL4 5432)" "0 1 0"
	# Nothing runs, and nothing but the spool was written.
	wait_until 5 lab_gate_quiet
	[ ! -e "$RUN" ]
	local handle
	handle=$(on_gate nft -a list tables inet; on_gate nft -j list table inet hallowd | jq '.nftables[1].table.handle')
	# Adopted without a gap: strangers knock all the while, and none gets in.
	mkdir -m 0700 "$RUN"
	lab_start "$CLIENT" knocking "$LAB_PYTHON" "$LAB_LIB/connect.py" $STRANGER4 $LOCAL4 5432 --count 60 --rate 20 --timeout 0.5
	local knocking=$LAB_PID
	hallowd_start
	wait "$knocking"
	same "$(cat "$LAB_DIR/knocking.log")" "0 60 0"
	same "$(doors)" "1 1 0 0"
	same "$(on_gate nft -a list tables inet; on_gate nft -j list table inet hallowd | jq '.nftables[1].table.handle')" "$handle"
	soon "start boot start" events "'start', 'boot'"
	same "$(sql "SELECT json_extract(detail, '$.configuration') FROM events WHERE kind = 'boot'")" file
}

@test "boot: with no saved state an endpoint in mode enforce denies all, one in mode observe nothing" {
	{
		published_lists
		echo endpoints:
		endpoint api "$LOCAL4" 5432 '[humanitec]'
		endpoint looked-at "$LOCAL6" 5432 '[humanitec]' 'mode: observe'
	} | config
	rm -rf "$STATE"
	boot
	same "$(dial "${BOTH[0]}" $LOCAL4 5432) $(dial $STRANGER4 $LOCAL4 5432)" "0 1 0 0 1 0"
	same "$(dial $STRANGER6 $LOCAL6 5432)" "1 0 0"
	hallowd_start
	same "$(dial "${BOTH[0]}" $LOCAL4 5432) $(dial $STRANGER4 $LOCAL4 5432)" "1 0 0 0 1 0"
	soon "boot start" events "'start', 'boot'"
	same "$(sql "SELECT json_extract(detail, '$.unknown_lists[0]') FROM events WHERE kind = 'boot'")" humanitec
}

@test "boot: a broken configuration: the last good one, said loudly; with none, exit 2 and no trace" {
	hallowd_start
	reboot_gate
	for broken in 's/agree: all/agree: 7/' 's/^endpoints:/endpoints: [/'; do
		sed -i "$broken" "$CONF"
		run boot
		same "$status" 0
		[[ "$output" == *"has errors, so the one that was last good is taken up"* ]]
		same "$(doors)" "1 1 0 0"
		on_gate nft delete table inet hallowd
	done
	rm -r "$STATE/config"
	run boot
	same "$status" 2
	[[ "$output" == *"$CONF:"* ]]
	same "$(on_gate nft list ruleset)" ""
}

@test "boot: it fails half way: no trace, and the reason" {
	mkfifo "$LAB_DIR/owner.in"
	lab_start "$GATE" owner sh -c "nft -i <'$LAB_DIR/owner.in'"
	exec 9>"$LAB_DIR/owner.in"
	echo 'add table inet hallowd { flags owner; }' >&9
	wait_until 10 eval 'on_gate nft list tables | grep -q hallowd'
	run boot
	same "$status" 1
	[[ "$output" == *"belongs to"* ]]
	same "$(on_gate nft list table inet hallowd | grep -c chain)" 0
	exec 9>&-
	# A hallowd that runs is left alone.
	wait_until 10 eval '! on_gate nft list tables | grep -q hallowd'
	hallowd_start
	run boot
	same "$status" 1
	[[ "$output" == *"another hallowd"* ]]
	same "$(doors)" "1 1 0 0"
}

@test "boot: it needs nothing but CAP_NET_ADMIN, and keeps nothing else" {
	hallowd_start
	reboot_gate
	chmod -R a+rX "$LAB_DIR"
	run on_gate setpriv --bounding-set=-all,+net_admin,+setpcap --inh-caps=-all -- "$LAB_BUILD/hallowd" -c "$CONF" --boot
	same "$status" 0
	same "$(doors)" "1 1 0 0"
}

# --- reload --confirm

@test "confirm: a configuration goes back by itself, and its file is not taken up again" {
	hallowd_start
	configure_api '[humanitec]'
	ctl reload --confirm 10s
	same "$(doors)" "1 0 0 0"
	status '.problems[]' | grep -q "goes back by itself"
	run ctl reload
	same "$status" 1
	[[ "$output" == *"waits to be confirmed"* ]]
	soon "1 1 0 0" doors
	soon "reload reload went-back" events "'reload', 'went-back', 'confirmed'"
	status '.problems[]' | grep -q "not confirmed in time"
	run ctl confirm
	same "$status" 1
	# A restart comes to the same.
	hallowd_stop
	hallowd_start
	same "$(doors)" "1 1 0 0"
	# A person says reload, and means it.
	ctl reload
	same "$(doors)" "1 0 0 0"
	same "$(status '.problems | length')" 0
}

@test "confirm: confirmed in time, it stays" {
	hallowd_start
	configure_api '[humanitec]'
	ctl reload --confirm 20s
	ctl confirm
	soon "reload confirmed" events "'reload', 'went-back', 'confirmed'"
	hallowd_kill
	hallowd_start
	same "$(doors)" "1 0 0 0"
	same "$(status '.problems | length')" 0
	[ ! -e "$STATE/config/tried" ]
	grep -q 'allow: \[humanitec\]' "$STATE/config/good.yaml"
}

@test "confirm: killed and started in between, it goes on waiting, and goes back in time" {
	hallowd_start
	configure_api '[humanitec]'
	ctl reload --confirm 20s
	hallowd_kill
	configure_api '[office]' # an edit that nobody reloaded
	hallowd_start
	same "$(doors)" "1 0 0 0"
	status '.problems[]' | grep -q "goes back by itself"
	wait_until 30 prints "1 1 0 0" doors
	soon "reload went-back" events "'reload', 'went-back', 'confirmed'"
}

@test "confirm: dead when the time is over, it goes back at the start; and at a boot" {
	hallowd_start
	configure_api '[humanitec]'
	ctl reload --confirm 5s
	hallowd_kill
	wait_until 20 over_is_past
	hallowd_start
	same "$(doors)" "1 1 0 0"
	same "$(events "'went-back'")" went-back
	ctl reload --confirm 600s
	same "$(doors)" "1 0 0 0"
	reboot_gate
	boot
	same "$(doors)" "1 1 0 0"
	mkdir -m 0700 "$RUN"
	hallowd_start
	same "$(doors)" "1 1 0 0"
	soon "went-back went-back" events "'went-back'"
}
over_is_past() { [ "$(awk '/until-ms/ {print $3}' "$STATE/config/tried")" -lt "$(awk '{printf "%d", $1 * 1000}' /proc/uptime)" ]; }

@test "confirm: what cannot be put in force leaves the one before, for good" {
	hallowd_start
	configure_api '[humanitec, nothing]'
	run ctl reload --confirm 5s
	same "$status" 2
	configure_api '[humanitec, web]' '  web: {origins: {web: {url: "http://127.0.0.1:9/list", format: text}}, refresh: 0}
'
	run ctl reload --confirm 5s
	same "$status" 1
	[ ! -e "$STATE/config/tried" ]
	same "$(doors)" "1 1 0 0"
	run ctl reload --confirm soon
	same "$status" 2
	local bad
	for bad in 0s 25h; do
		run ctl reload --confirm $bad
		same "$status" 2
		[[ "$output" == *"1s to 24h"* ]]
	done
}

# --- one's own connection

@test "session: a change that would cut the connection of who asks is refused, unless --force" {
	hallowd_start
	configure_api '[humanitec]'
	export SSH_CONNECTION="$OFFICE4 50000 $LOCAL4 5432"
	run ctl reload
	same "$status" 1
	[[ "$output" == *"would cut your own connection, from $OFFICE4 to $LOCAL4 port 5432"* ]]
	run ctl reload --confirm 10s
	same "$status" 1
	same "$(dial $OFFICE4 $LOCAL4 5432)" "1 0 0"
	# sudo takes the variable away; the shell above it still has it.
	run env SSH_CONNECTION="$OFFICE6 50000 $LOCAL6 5432" sh -c \
		'env -u SSH_CONNECTION "$@"; exit $?' sh nsenter --net="/run/netns/$GATE" "$LAB_BUILD/hallowctl" -c "$CONF" reload
	same "$status" 1
	[[ "$output" == *"from $OFFICE6 to $LOCAL6"* ]]
	# Another way in is none of this policy's business.
	export SSH_CONNECTION="$STRANGER4 50000 198.18.0.1 22"
	ctl reload
	same "$(dial $OFFICE4 $LOCAL4 5432)" "0 1 0"
	configure_api '[humanitec, office]'
	ctl reload
	configure_api '[humanitec]'
	export SSH_CONNECTION="$OFFICE4 50000 $LOCAL4 5432"
	ctl reload --force
	same "$(dial $OFFICE4 $LOCAL4 5432)" "0 1 0"
	# Who is denied already can be cut off no more.
	ctl reload
	export SSH_CONNECTION="UNKNOWN 65535 UNKNOWN 65535"
	ctl reload
	export SSH_CONNECTION=nonsense
	run ctl reload
	same "$status" 2
}

@test "session: refresh, approve and rollback, too; nothing has changed after a refusal" {
	hallowd_start
	export SSH_CONNECTION="${BOTH[5]} 50000 $LOCAL4 5432"
	sed -i "/${BOTH[5]}/d" "$LAB_DIR/docs.txt"
	run ctl -o json refresh humanitec
	same "$status" 1
	[[ "$output" == *"would cut your own connection"* ]]
	same "$(ctl -o json lists humanitec | jq -c '[.revision, (.entries | length)]')" "[1,6]"
	same "$(dial "${BOTH[5]}" $LOCAL4 5432)" "1 0 0"
	sed -i "/${BOTH[4]}/d" "$LAB_DIR/docs.txt"
	run ctl refresh humanitec
	same "$status" 3
	run ctl approve humanitec --reason 'less is more'
	same "$status" 1
	[[ "$output" == *"would cut your own connection"* ]]
	same "$(ctl -o json lists humanitec | jq -r .state)" held
	ctl approve humanitec --reason 'less is more' --force
	same "$(dial "${BOTH[5]}" $LOCAL4 5432)" "0 1 0"
	ctl rollback humanitec 1 --reason 'more is more'
	same "$(dial "${BOTH[5]}" $LOCAL4 5432)" "1 0 0"
	run ctl rollback humanitec 2 --reason 'less again'
	same "$status" 1
	[[ "$output" == *"would cut your own connection"* ]]
	same "$(dial "${BOTH[5]}" $LOCAL4 5432)" "1 0 0"
	ctl rollback humanitec 2 --reason 'less again' --force
	same "$(dial "${BOTH[5]}" $LOCAL4 5432)" "0 1 0"
}

# --- drift

without_owner() { printf 'kernel: {owner: false}\n' >>"$CONF"; }
ruleset() { on_gate nft -s list table inet hallowd; }
ruleset_is() { [ "$(ruleset 2>/dev/null)" = "$BEFORE" ]; }
drifts() { sql "SELECT count(*) FROM events WHERE kind = 'drift'"; }

@test "drift: whatever another tool does to a table without owner is repaired within a second, with who and what" {
	without_owner
	hallowd_start
	BEFORE=$(ruleset)
	[[ "$BEFORE" != *owner* ]]
	local count=0 change
	while read -r change; do
		on_gate nft "$change"
		within_a_second ruleset_is || { echo "not repaired: $change" >&2; ruleset >&2; return 1; }
		count=$((count + 1))
		soon "$count" drifts
		# So that the next is not part of the same row.
		[ $((count % 4)) -ne 0 ] || hallowd_restart
	done <<-CHANGES
	delete table inet hallowd
	flush ruleset
	insert rule inet hallowd prerouting accept
	flush chain inet hallowd prerouting
	add element inet hallowd list/humanitec/4 { $STRANGER4 }
	flush map inet hallowd endpoints4
	add chain inet hallowd extra { type filter hook input priority 0; policy drop; }
	add table inet hallowd { flags dormant; }
	CHANGES
	same "$(doors)" "1 1 0 0"
	same "$(sql "SELECT count(*) FROM events WHERE kind = 'repaired'")" "$count"
	same "$(sql "SELECT count(*) FROM events WHERE kind = 'drift' AND json_extract(detail, '$.process') = 'nft'
		AND json_extract(detail, '$.pid') > 0 AND json_extract(detail, '$.what') <> ''")" "$count"
	sql "SELECT detail FROM events WHERE kind = 'drift'" | grep -q 'rule added to chain prerouting'
	# What happens in another table is no drift.
	on_gate nft add table inet other
	on_gate nft add chain inet other c
	same "$(drifts)" "$count"
	same "$(status .enforcing)" true
}
hallowd_restart() { hallowd_stop && hallowd_start; }
within_a_second() {
	local end
	end=$(($(date +%s%3N) + 1000))
	until "$@"; do [ "$(date +%s%3N)" -lt "$end" ] || return 1; done
}

@test "drift: a tool that changes the table again and again is answered each time, and costs no more than a repair a second" {
	without_owner
	hallowd_start
	BEFORE=$(ruleset)
	local i
	for i in $(seq 40); do on_gate nft flush ruleset; done
	within_a_second ruleset_is || wait_until 2 ruleset_is
	[ "$(sql "SELECT count(*) FROM events WHERE kind = 'drift'")" -le 40 ]
	same "$(doors)" "1 1 0 0"
}

@test "drift: its time is not told as covered" {
	without_owner
	hallowd_start
	on_gate nft insert rule inet hallowd prerouting accept
	soon 1 drifts
	soon 1 sql "SELECT count(*) > 0 FROM coverage WHERE endpoint = 'api' AND state = 'unprotected'"
}

# --- the kernel refuses

# refusing: hallowd_start, with a kernel that is short of memory as often as LAB_DIR/refuse says.
refusing() {
	cc -shared -fPIC -o "$LAB_DIR/refuse.so" "$LAB_LIB/refuse.c" || skip "no C compiler to build the preloaded part"
	echo 0 >"$LAB_DIR/refuse"
	chmod a+rx "$LAB_DIR/refuse.so"
	REFUSE=$LAB_DIR/refuse ASAN_OPTIONS=verify_asan_link_order=0 LD_PRELOAD=$LAB_DIR/refuse.so hallowd_start
}

@test "refused: the kernel has no memory: nothing changes, the reason is named, it is tried again, a few times" {
	refusing
	sed -i "/${BOTH[5]}/d" "$LAB_DIR/docs.txt"
	echo 1000 >"$LAB_DIR/refuse"
	run ctl refresh humanitec
	same "$status" 1
	[[ "$output" == *"Cannot allocate memory"* ]]
	same "$(($(cat "$LAB_DIR/refuse")))" 997
	same "$(ctl -o json lists humanitec | jq -c '[.revision, (.entries | length)]')" "[1,6]"
	same "$(dial "${BOTH[5]}" $LOCAL4 5432)" "1 0 0"
	same "$(doors)" "1 1 0 0"
	status '.problems[]' | grep -q "the kernel was not changed: .*Cannot allocate memory"
	configure_api '[humanitec]'
	run ctl reload
	same "$status" 1
	[[ "$output" == *"Cannot allocate memory"* ]]
	same "$(doors)" "1 1 0 0"
	# Short for a moment only.
	echo 2 >"$LAB_DIR/refuse"
	ctl refresh humanitec
	same "$(dial "${BOTH[5]}" $LOCAL4 5432)" "0 1 0"
	same "$(status '.problems | length')" 0
	same "$(sql "SELECT count(*) FROM list_revisions WHERE list = 'humanitec'")" 2
}

@test "refused: a repair that the kernel refuses is tried again until it is done" {
	without_owner
	refusing
	BEFORE=$(ruleset)
	echo 1000 >"$LAB_DIR/refuse"
	on_gate nft insert rule inet hallowd prerouting accept
	soon 1 drifts
	status '.problems[]' | grep -q "Cannot allocate memory"
	not ruleset_is
	echo 0 >"$LAB_DIR/refuse"
	wait_until 15 ruleset_is
	soon 1 sql "SELECT count(*) FROM events WHERE kind = 'repaired'"
	soon 0 status '.problems | length'
}

@test "refused: a start fails: no trace" {
	refusing
	hallowd_stop
	ctl teardown --reason 'for the test'
	echo 1000 >"$LAB_DIR/refuse"
	local how
	for how in '' --boot; do
		run on_gate timeout 20 env REFUSE="$LAB_DIR/refuse" ASAN_OPTIONS=verify_asan_link_order=0 \
			LD_PRELOAD="$LAB_DIR/refuse.so" "$LAB_BUILD/hallowd" -c "$CONF" $how
		same "$status" 1
		[[ "$output" == *"Cannot allocate memory"* ]]
		same "$(on_gate nft list ruleset)" ""
		wait_until 10 lab_gate_quiet
	done
}
