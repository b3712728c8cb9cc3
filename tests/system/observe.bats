#!/usr/bin/env bats
# audit.observe: what the policy says of connections that a mirror port shows.
bats_require_minimum_version 1.5.0

load lab.bash

setup() {
	lab_up
	# The mirror port is m0; what is put into its other end comes out of it.
	ip -n "$GATE" link add m0 type veth peer name m1 netns "$CLIENT"
	ip -n "$GATE" link set m0 up
	ip -n "$CLIENT" link set m1 up
}

teardown() { lab_down; }

# setting [OBSERVE]: two endpoints, one of them on another host altogether.
setting() {
	{
		echo "lists: {office: {entries: [$OFFICE4/32, \"2001:db8:1::/64\"]}, ops: {entries: [10.9.0.0/16]}}"
		echo endpoints:
		endpoint api "[$LOCAL4, \"$LOCAL6\"]" 5432 '[office, ops]'
		endpoint names 198.51.100.53 53 '[office]' 'protocol: udp' 'mode: observe'
		[ -z "${1:-}" ] || printf 'audit: {observe: %s}\n' "$1"
	} | config
}

seen() { on_client "$LAB_PYTHON" "$LAB_LIB/frames.py" m1 "$@"; }
rows() {
	sql "SELECT source, source_port, destination, destination_port, protocol, endpoint, verdict, reason, coalesce(list, '-'), coalesce(revision, '-'), via
	     FROM connections WHERE via = 'mirror' ORDER BY source_port" | tr '|' ' '
}
tallied() { sql "SELECT coalesce(sum(recorded), 0) || ' ' || coalesce(sum(counted), 0) FROM tallies"; }

@test "observe: rows say what the policy says, by address family, protocol, tag and filter; and no tally moves" {
	setting '[{interface: m0, filter: "port 5432 or udp port 53"}]'
	hallowd_start
	same "$(status '.problems | map(select(contains("m0"))) | length')" 0
	seen $OFFICE4,40001,$LOCAL4,5432,syn $OFFICE4,40001,$LOCAL4,5432,syn $STRANGER4,40002,$LOCAL4,5432,syn \
		$LOCAL4,5432,$OFFICE4,40001,answer $OFFICE6,40003,$LOCAL6,5432,syn $STRANGER6,40004,$LOCAL6,5432,syn \
		$OFFICE4,40005,198.51.100.53,53,udp $STRANGER4,40006,198.51.100.53,53,udp 198.51.100.53,53,$OFFICE4,40005,udp \
		$OFFICE4,40007,198.51.100.99,5432,syn $OFFICE4,40008,$LOCAL4,9999,syn \
		$STRANGER4,40009,$LOCAL4,5432,syn,vlan $OFFICE6,40010,$LOCAL6,5432,syn,vlan
	soon "$(cat <<-END
	$OFFICE4 40001 $LOCAL4 5432 tcp api allow listed office 1 mirror
	$STRANGER4 40002 $LOCAL4 5432 tcp api deny not-listed office,ops 1,1 mirror
	$OFFICE6 40003 $LOCAL6 5432 tcp api allow listed office 1 mirror
	$STRANGER6 40004 $LOCAL6 5432 tcp api deny not-listed office,ops 1,1 mirror
	$OFFICE4 40005 198.51.100.53 53 udp names allow listed office 1 mirror
	$STRANGER4 40006 198.51.100.53 53 udp names allow observed office 1 mirror
	$STRANGER4 40009 $LOCAL4 5432 tcp api deny not-listed office,ops 1,1 mirror
	$OFFICE6 40010 $LOCAL6 5432 tcp api allow listed office 1 mirror
	END
	)" rows
	same "$(counted api allowed) $(counted api denied)" "0 0"
	hallowd_stop
	same "$(tallied)" "0 0"
	same "$(recorded "via = 'mirror' AND state IS NOT NULL") $(recorded "via = 'kernel'")" "0 0"
	run ctl evidence "$(sql "SELECT id FROM connections WHERE verdict = 'deny' LIMIT 1")"
	same "$status" 1
	[[ "$output" == *"only seen at a mirror port"* ]]
	ctl verify
}

# mirror FROM TO: copies what comes in at one interface of the gate out at the other, with tc where the kernel can.
mirror() {
	on_gate tc qdisc add dev "$1" clsact 2>/dev/null &&
		on_gate tc filter add dev "$1" ingress matchall action mirred egress mirror dev "$2" 2>/dev/null && return 0
	lab_start "$GATE" mirror "$LAB_PYTHON" "$LAB_LIB/mirror.py" "$1" "$2" "$LAB_DIR/mirrored"
	wait_until 10 test -e "$LAB_DIR/mirrored"
}

@test "observe: real connections that are copied to the port are recorded as the kernel decided them" {
	ip -n "$GATE" link add t1 type veth peer name t0
	ip -n "$GATE" link set t0 up
	ip -n "$GATE" link set t1 up
	setting '[{interface: t0, filter: tcp}]'
	lab_serve "$GATE" "db:5432@$LOCAL4" "db:5432@$LOCAL6"
	hallowd_start
	mirror g0 t1
	same "$(dial $OFFICE4 $LOCAL4 5432 3) $(dial $STRANGER4 $LOCAL4 5432 2) $(dial $OFFICE6 $LOCAL6 5432 2)" "3 0 0 0 2 0 2 0 0"
	soon 7 recorded "via = 'mirror'"
	soon 7 recorded "via = 'kernel'"
	same "$(sql "SELECT count(*) FROM (SELECT source, source_port, destination, destination_port, endpoint, verdict, reason, list, revision FROM connections WHERE via = 'mirror'
		INTERSECT SELECT source, source_port, destination, destination_port, endpoint, verdict, reason, list, revision FROM connections WHERE via = 'kernel')")" 7
	hallowd_stop
	same "$(tallied)" "7 7"
	ctl verify
}

@test "observe: what comes while hallowd-observe, or hallowd-record, is dead is recorded by the next" {
	setting '[{interface: m0}]'
	hallowd_start
	seen $OFFICE4,40001,$LOCAL4,5432,syn
	soon 1 recorded "via = 'mirror'"
	local pid=$(child hallowd-observe)
	kill -9 "$pid"
	seen $OFFICE4,41000,$LOCAL4,5432,syn,x50
	soon 51 recorded "via = 'mirror'"
	not test "$(child hallowd-observe)" = "$pid"
	soon 1 sql "SELECT count(*) FROM events WHERE kind = 'child-died' AND subject = 'hallowd-observe' AND json_extract(detail, '\$.interface') = 'm0'"
	same "$(status '.problems | map(select(contains("m0"))) | length')" 0
	for pid in 1 2 3; do
		kill -9 "$(child hallowd-record)"
		seen $STRANGER4,4${pid}000,$LOCAL4,5432,syn,x600
		wait_until 10 child hallowd-record
	done
	soon 1851 recorded "via = 'mirror'"
	same "$(sql "SELECT count(DISTINCT source_port) FROM connections WHERE via = 'mirror' AND verdict = 'deny'")" 1800
	same "$(sql "SELECT count(*) FROM events WHERE kind = 'lost'")" 0
	hallowd_stop
	ctl verify
}

@test "observe: it has no privilege, and no file but what it was handed" {
	setting '[{interface: m0}]'
	hallowd_start
	wait_until 10 child hallowd-observe
	local pid=$(child hallowd-observe)
	soon "0000000000000000 1 2" awk '/^CapEff|^NoNewPrivs|^Seccomp:/ { printf "%s%s", sep, $2; sep = " " } END { print "" }' "/proc/$pid/status"
	not grep -q '^Uid:.0' "/proc/$pid/status"
	grep -q libpcap "/proc/$pid/maps"
	not grep -q libpcap "/proc/$DAEMON/maps"
}

@test "observe: an interface that is not there, a filter that is none, and a change of either" {
	setting '[{interface: none0}]'
	run -1 on_gate "$LAB_BUILD/hallowd" -c "$CONF"
	[[ $output == *"audit.observe: interface none0 cannot be observed: there is no interface of that name"* ]]
	setting '[{interface: m0, filter: "tcp prot 5432"}]'
	run -2 ctl check
	[[ $output == *"audit.observe, interface m0: the filter 'tcp prot 5432' is none"* ]]
	hallowd_start
	soon 1 status '.problems | map(select(startswith("interface m0 is not observed: the filter '\''tcp prot 5432'\'' is none"))) | length'
	hallowd_stop
	setting '[{interface: m0, filter: "tcp port 5432"}]'
	ctl check
	hallowd_start
	setting
	run -2 ctl reload
	[[ $output == *"audit.observe has changed; that needs a restart of hallowd"* ]]
	ip -n "$GATE" link set m0 down
	soon 1 status '.problems | map(select(startswith("interface m0 is observed, but it went down"))) | length'
	ip -n "$GATE" link set m0 up
	wait_until 10 reseen
	soon 0 status '.problems | map(select(contains("m0"))) | length'
}
reseen() { seen $OFFICE4,40001,$LOCAL4,5432,syn && [ "$(recorded "via = 'mirror'")" = 1 ]; }

@test "observe: without CAP_NET_RAW the start says what is missing" {
	command -v capsh >/dev/null || skip "capsh is not installed (Debian package libcap2-bin)"
	setting '[{interface: m0}]'
	run -1 on_gate capsh --drop=cap_net_raw -- -c "$LAB_BUILD/hallowd -c $CONF"
	[[ $output == *"interface m0 cannot be observed: a packet socket was refused"*"CAP_NET_RAW at the start"*"RestrictAddressFamilies=AF_PACKET"* ]]
}

@test "observe: frames that find no room are told as lost" {
	setting '[{interface: m0}]'
	hallowd_start
	local pid=$(child hallowd-observe)
	kill -STOP "$pid"
	seen $STRANGER4,20000,$LOCAL4,5432,syn,x45000
	kill -CONT "$pid"
	soon 1 sql "SELECT count(*) FROM events WHERE kind = 'lost' AND subject = 'observe m0' AND json_extract(detail, '\$.frames') > 0"
	soon 45000 sql "SELECT (SELECT count(*) FROM connections WHERE via = 'mirror') + (SELECT sum(json_extract(detail, '\$.frames')) FROM events WHERE kind = 'lost')"
	hallowd_stop
	ctl verify
}
