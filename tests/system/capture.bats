#!/usr/bin/env bats
# What became of connections: real ones, of both families, whose bytes a counter on the client knows too.

load lab.bash

setup() {
	lab_up
	lab_nat
	# What each host counts of its own connections, at the same layer as connection tracking: IP packets whole.
	lab_in "$CLIENT" nft 'table inet count { counter sent { }; counter received { }
		chain out { type filter hook output priority 10; meta l4proto { tcp, udp } counter name sent; }
		chain in { type filter hook input priority 10; meta l4proto { tcp, udp } counter name received; }; }'
	lab_serve "$GATE" "db:5432@$LOCAL4" "db:5432@$LOCAL6" "udp:5353@$LOCAL4" "udp:5353@$LOCAL6"
	lab_serve "$SERVER" "db:5432@$FORWARD4" "db:5432@$FORWARD6" "udp:5353@$FORWARD4" "udp:5353@$FORWARD6" \
		db:5432@10.77.0.30 db:5432@fd77::30 udp:5353@10.77.0.30 udp:5353@fd77::30
	{ echo "lists: {office: {entries: [$OFFICE4/32, \"2001:db8:1::/64\"]}}"; echo endpoints:
		endpoint local "[$LOCAL4, \"$LOCAL6\"]" 5432 '[office]'
		endpoint local-udp "[$LOCAL4, \"$LOCAL6\"]" 5353 '[office]' 'protocol: udp'
		endpoint forward "[$FORWARD4, \"$FORWARD6\"]" 5432 '[office]'
		endpoint forward-udp "[$FORWARD4, \"$FORWARD6\"]" 5353 '[office]' 'protocol: udp'
		endpoint nat "[$NAT4, \"$NAT6\"]" '[5432, 15432]' '[office]'
		endpoint nat-udp "[$NAT4, \"$NAT6\"]" 5353 '[office]' 'protocol: udp'; } | config
}

teardown() { lab_down; }

client_counted() { lab_in "$CLIENT" nft -j list counter inet count "$1" | jq -r '.nftables[] | .counter? // empty | "\(.packets) \(.bytes)"'; }
client_reset() { lab_in "$CLIENT" nft reset counters table inet count >/dev/null; }

# let_go: connection tracking forgets what it knows, as when the connections had ended a while ago.
let_go() { lab_in "$GATE" conntrack -F >/dev/null 2>&1; }

# exact ENDPOINT SOURCE DESTINATION PORT KIND: one connection, with the bytes and packets that the client saw.
exact() {
	local sent received row
	client_reset
	same "$1 $2 $(dial "$2" "$3" "$4" 1 --kind "$5")" "$1 $2 1 0 0"
	soon open sql "SELECT state FROM connections WHERE endpoint = '$1' ORDER BY id DESC LIMIT 1"
	wait_until 5 closed_by_both "$5"
	read -r -a sent < <(client_counted sent)
	read -r -a received < <(client_counted received)
	let_go
	soon closed sql "SELECT state FROM connections WHERE endpoint = '$1' ORDER BY id DESC LIMIT 1"
	same "$1 $2 $(sql "SELECT packets, bytes_in, bytes_out FROM connections WHERE endpoint = '$1' ORDER BY id DESC LIMIT 1")" \
		"$1 $2 $((sent[0] + received[0]))|${sent[1]}|${received[1]}"
}

# Both sides have said their last word.
closed_by_both() {
	[ "$1" = udp ] || ! lab_in "$GATE" conntrack -L -p tcp 2>/dev/null | grep -v -q -e TIME_WAIT -e 'CLOSE '
}

needs_conntrack() { command -v conntrack >/dev/null || skip "conntrack is not installed (Debian package conntrack)"; }

@test "capture: bytes, packets and duration, local, forwarded and translated, both families and protocols" {
	needs_conntrack
	hallowd_start
	local way
	for way in local forward nat; do
		local of4=${way^^}4 of6=${way^^}6
		exact $way $OFFICE4 "${!of4}" 5432 db
		exact $way $OFFICE6 "${!of6}" 5432 db
		exact $way-udp $OFFICE4 "${!of4}" 5353 udp
		exact $way-udp $OFFICE6 "${!of6}" 5353 udp
	done
	exact nat $OFFICE4 $NAT4 15432 db
	same "$(sql "SELECT count(*) FROM connections WHERE state <> 'closed' OR duration_ms IS NULL OR duration_ms > 60000")" 0
	same "$(sql "SELECT count(*) FROM ending")" 13
}

state_of() { sql "SELECT state FROM connections WHERE endpoint = '$1' ORDER BY id DESC LIMIT 1"; }

two_let_go() { [ "$(lab_in "$GATE" conntrack -D -p tcp --state TIME_WAIT 2>/dev/null | grep -c "src=$OFFICE4")" = 2 ]; }

# held: a connection that stays open; its pid in HOLD.
held() {
	lab_start "$CLIENT" hold "$LAB_PYTHON" "$LAB_LIB/connect.py" $OFFICE4 $LOCAL4 5432 --hold 60
	HOLD=$LAB_PID
	wait_until 10 grep -q answer "$LAB_DIR/hold.log"
}

@test "capture: an open connection is shown as open until it ends, a denied one has no state" {
	needs_conntrack
	hallowd_start
	held
	soon open state_of local
	same "$(dial $STRANGER4 $LOCAL4 5432 2)" "0 2 0"
	soon 2 recorded "verdict = 'deny' AND state IS NULL AND packets IS NULL"
	kill "$HOLD"
	wait_until 5 closed_by_both db
	same "$(state_of local)" ""
	let_go
	soon 1 recorded "state = 'closed' AND bytes_in > 1000 AND duration_ms > 0"
	same "$(sql "SELECT count(*) FROM open_connection")" 0
}

@test "capture: an end comes to its row while the recorder is dead, and while all of hallowd is" {
	needs_conntrack
	hallowd_start
	local i before
	same "$(dial $OFFICE4 $LOCAL4 5432 1) $(dial $OFFICE4 $LOCAL4 5353 1 --kind udp)" "1 0 0 1 0 0"
	soon 2 recorded "state = 'open'"
	# The recorder is killed at once when it comes up again, so that the ends arrive while there is none.
	kill -STOP "$(child hallowd-record)"
	let_go
	kill -9 "$(child hallowd-record)"
	soon "closed|2" sql "SELECT state, count(*) FROM connections WHERE bytes_in > 0 GROUP BY 1"

	same "$(dial $OFFICE6 $FORWARD6 5432 3)" "3 0 0"
	soon 3 recorded "state = 'open'"
	before=$(child hallowd-record)
	hallowd_kill
	wait_until 10 gone "$before"
	let_go
	hallowd_start
	soon "closed|5" sql "SELECT state, count(*) FROM connections WHERE duration_ms >= 0 GROUP BY 1"
	same "$(recorded "state IS NOT 'closed'")" 0
}

@test "capture: what ends while nothing watches is unknown, what goes on stays open" {
	needs_conntrack
	hallowd_start
	same "$(dial $OFFICE4 $LOCAL4 5432 2)" "2 0 0"
	held
	soon 3 recorded "state = 'open'"
	hallowd_stop
	wait_until 10 two_let_go
	hallowd_start
	soon "open|1
unknown|2" sql "SELECT state, count(*) FROM connections GROUP BY 1 ORDER BY 1"
	kill "$HOLD"
	wait_until 5 closed_by_both db
	let_go
	soon "closed|1
unknown|2" sql "SELECT state, count(*) FROM connections GROUP BY 1 ORDER BY 1"
	same "$(recorded "state = 'unknown' AND (packets IS NOT NULL OR duration_ms IS NOT NULL)")" 0
}

@test "capture: ends that do not fit into the socket's buffer are told as lost, and are not open for ever" {
	needs_conntrack
	hallowd_start
	same "$(dial $OFFICE4 $LOCAL4 5353 40 --kind udp)" "40 0 0"
	soon 40 recorded "state = 'open'"
	local recorder
	recorder=$(child hallowd-record)
	"$LAB_PYTHON" "$LAB_LIB/shrink_nflog.py" "$recorder" 5
	kill -STOP "$recorder"
	let_go
	kill -CONT "$recorder"
	soon 1 sql "SELECT count(*) FROM events WHERE kind = 'lost' AND subject = 'conntrack'"
	soon 0 recorded "state = 'open'"
	[ "$(recorded "state = 'unknown'")" -gt 0 ]
}

@test "capture: a flood of what is denied makes no ends" {
	needs_conntrack
	hallowd_start
	lab_start "$GATE" ends timeout 60 conntrack -E -e DESTROY
	same "$(dial $STRANGER4 $LOCAL4 5432 200) $(dial $STRANGER6 $FORWARD6 5353 20 --kind udp)" "0 200 0 0 20 0"
	soon 220 recorded "verdict = 'deny'"
	same "$(dial $OFFICE4 $LOCAL4 5432 1)" "1 0 0"
	wait_until 5 closed_by_both db
	let_go
	wait_until 10 grep -q "src=$OFFICE4" "$LAB_DIR/ends.log"
	same "$(grep -c -e "src=$STRANGER4" -e "src=$STRANGER6" "$LAB_DIR/ends.log")" 0
}

@test "capture: where nothing is counted, status says what to do" {
	hallowd_start
	not eval "status '.problems[]' | grep -q nf_conntrack_acct"
	lab_in "$GATE" sh -c 'echo 0 >/proc/sys/net/netfilter/nf_conntrack_acct'
	status '.problems[]' | grep -q "without bytes and duration.*nf_conntrack_acct.*sysctl"
	hallowd_stop
	hallowd_start
	not eval "status '.problems[]' | grep -q nf_conntrack_acct"
}

@test "capture: each denied packet is recorded, aggregated or lost, with a full set, over kills and a reload" {
	{ echo "lists: {office: {entries: [$OFFICE4/32]}}"; echo endpoints:
		endpoint many $LOCAL4 '"7000-7039"' '[office]' 'deny_with: reject'
		printf 'audit:\n  denied_log_rate: 1\n  denied_set_size: 4\n'; } | config
	hallowd_start
	local port
	for port in {7000..7039}; do
		same "$port $(dial $STRANGER4 $LOCAL4 "$port" 3)" "$port 0 0 3"
		case $port in
		7010) kill -9 "$(child hallowd-record)" ;;
		7020) sed -i 's/denied_log_rate: 1/denied_log_rate: 2/' "$CONF"; ctl reload ;;
		7030) hallowd_kill; hallowd_start ;;
		esac
	done
	soon 120 sql "SELECT sum(counted) FROM tallies WHERE endpoint = 'many' AND verdict = 'deny'"
	same "$(sql "SELECT sum(recorded), sum(aggregated) FROM tallies WHERE endpoint = 'many'")" \
		"$(recorded "endpoint = 'many'")|$(sql "SELECT sum(count) FROM aggregates WHERE endpoint = 'many'")"
	same "$(sql "SELECT count(*) FROM tallies WHERE counted <> recorded + aggregated + lost")" 0
	# Each of the three was used: rows up to the rate, the set until it was full, the counter for the rest.
	[ "$(sql "SELECT min(recorded > 0 AND aggregated > 0 AND lost > 0) FROM (SELECT sum(recorded) AS recorded,
		sum(aggregated) AS aggregated, sum(lost) AS lost FROM tallies WHERE endpoint = 'many')")" = 1 ]
	same "$(sql "SELECT count(*) <= 4 FROM aggregates")" 1
}
