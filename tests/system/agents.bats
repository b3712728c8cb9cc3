#!/usr/bin/env bats
# The Agent way: what an agent's hosts send reaches the end of their tunnel and the endpoints in `reach`, and nothing else.
#
# The agent behind the gate is the host that the other tests call the server; the one on the gate has addresses of its own
# there.  The orchestrator, where the tunnel ends, is the client.

load lab.bash

BEHIND4=10.77.0.2 BEHIND6=fd77::2
HERE4=198.18.0.9 HERE6=2001:db8:c::9
END4=$OFFICE4 END6=$OFFICE6

setup() {
	lab_up
	ip -n "$CLIENT" route add 10.77.0.0/24 via 198.18.0.1
	ip -n "$CLIENT" route add fd77::/64 via 2001:db8:c::1
	ip -n "$GATE" addr add $HERE4/24 dev g0
	ip -n "$GATE" addr add $HERE6/64 dev g0 nodad
	lab_send_once "$SERVER"
}

teardown() { lab_down; }

# agent NAME NETWORK ADDRESS HOST [KEY: VALUE]…: an `agents` item, its tunnel at port 22.
agent() {
	printf '  %s:\n    network: %s\n    address: %s\n    tunnel: {host: "%s", port: 22}\n' "$1" "$2" "$3" "$4"
	[ $# -lt 5 ] || printf '    %s\n' "${@:5}"
}

# from HOST SOURCE DESTINATION PORT [OPTION…]: as dial, from another host: gate or server.
from_server() { on_server "$LAB_PYTHON" "$LAB_LIB/connect.py" "$@"; }
echo_from_server() { on_server "$LAB_PYTHON" "$LAB_LIB/echo_request.py" "$@"; }
# Less than the second after which a SYN would be sent again.
from_gate() { on_gate "$LAB_PYTHON" "$LAB_LIB/connect.py" "$@" --timeout 0.7; }

# agent_counted NAME VERDICT: the kernel's count.
agent_counted() { status ".agents[] | select(.name == \"$1\") | .$2"; }

# denied NAME: rows of denied attempts of an agent.
denied() { sql "SELECT source, destination, destination_port, protocol FROM connections
	WHERE endpoint = '$1' AND verdict = 'deny' AND reason = 'egress-denied' ORDER BY id"; }
tallied() { sql "SELECT sum(counted), sum(recorded + aggregated + lost), sum(lost) FROM tallies
	WHERE endpoint = '$1' AND verdict = '$2'"; }

# One agent with a tunnel for each family, and what else there is to reach.
serve_all() {
	lab_serve "$CLIENT" "db:22@$END4" "db:22@$END6" "db:443@$END4" "db:443@$END6" "db:22@$STRANGER4" "db:22@$STRANGER6"
	lab_serve "$GATE" "db:5432-5433@$LOCAL4" "db:5432-5433@$LOCAL6"
}

both_ends() {
	echo "lists: {none: {entries: [192.0.2.99]}}"
	echo "endpoints:"
	endpoint orders-db "[$LOCAL4, \"$LOCAL6\"]" 5432 '[none]' 'kind: database'
	endpoint other-db "[$LOCAL4, \"$LOCAL6\"]" 5433 '["@agent4", "@agent6"]' 'kind: database'
	echo "agents:"
	agent agent4 eu "$1" $END4 'reach: [orders-db]'
	agent agent6 eu "$2" $END6 'reach: [orders-db]'
}

@test "agents: behind the gate: the tunnel and what it may reach, nothing else, each attempt by the agent's name" {
	serve_all
	both_ends $BEHIND4 "\"$BEHIND6\"" | config
	hallowd_start
	same "$(from_server $BEHIND4 $END4 22)" "1 0 0"
	same "$(from_server $BEHIND6 $END6 22)" "1 0 0"
	same "$(from_server $BEHIND4 $LOCAL4 5432)" "1 0 0"
	same "$(from_server $BEHIND6 $LOCAL6 5432)" "1 0 0"

	# Another port there, another host, and an endpoint that lets the agent in but is out of its reach.
	same "$(from_server $BEHIND4 $END4 443)" "0 1 0"
	same "$(from_server $BEHIND6 $END6 443)" "0 1 0"
	same "$(from_server $BEHIND4 $STRANGER4 22)" "0 1 0"
	same "$(from_server $BEHIND6 $STRANGER6 22)" "0 1 0"
	same "$(from_server $BEHIND4 $LOCAL4 5433)" "0 1 0"
	same "$(from_server $BEHIND6 $LOCAL6 5433)" "0 1 0"
	soon "$BEHIND4|$END4|443|tcp
$BEHIND4|$STRANGER4|22|tcp
$BEHIND4|$LOCAL4|5433|tcp" denied agent4
	soon "$BEHIND6|$END6|443|tcp
$BEHIND6|$STRANGER6|22|tcp
$BEHIND6|$LOCAL6|5433|tcp" denied agent6
	same "$(agent_counted agent4 denied) $(agent_counted agent4 allowed)" "3 1"
	# Any other protocol, too.
	same "$(echo_from_server $BEHIND4 $END4) $(echo_from_server $BEHIND6 $END6) $(echo_from_server 10.77.0.30 $END4)" "0 0 1"
	soon 4 agent_counted agent4 denied
	soon 1 recorded "endpoint = 'agent6' AND verdict = 'deny' AND protocol = '58' AND destination_port IS NULL"

	# What was let in: the tunnel by its own list, the endpoint by the agent's.
	same "$(sql "SELECT endpoint, reason, list, revision, source, destination FROM connections WHERE verdict = 'allow' ORDER BY id")" \
		"agent4|listed|tunnel:agent4|1|$BEHIND4|$END4
agent6|listed|tunnel:agent6|1|$BEHIND6|$END6
orders-db|listed|@agent4|1|$BEHIND4|$LOCAL4
orders-db|listed|@agent6|1|$BEHIND6|$LOCAL6"
	# Everybody else goes on as before.
	same "$(from_server 10.77.0.30 $END4 443)" "1 0 0"
	same "$(from_server fd77::30 $END6 443)" "1 0 0"
	# The report knows the ways, and what speaks for the limits of egress.
	ctl -o json report >"$LAB_DIR/report.json"
	same "$(jq -c '[.endpoints[] | [.name, .way]] | sort' "$LAB_DIR/report.json")" \
		'[["agent4","egress"],["agent6","egress"],["orders-db","agent"],["other-db","agent"]]'
	same "$(jq -c '.checks[] | select(.name == "egress-limited") | .met' "$LAB_DIR/report.json")" true
	# Contradictions are told.
	status '.problems[]' | grep -F 'endpoint other-db allows @agent4, but agent agent4 may not reach it'
	ctl check 2>&1 | grep -F 'endpoint other-db allows @agent4, but agent agent4 may not reach it'
}

@test "agents: on this host: what it sends itself is judged, and loopback works" {
	serve_all
	lab_serve "$SERVER" "db:8200@$FORWARD4" "db:8200@$FORWARD6"
	lab_serve "$GATE" "db:9000@$HERE4" "db:9000@$HERE6" "db:9000@127.0.0.1" "db:9000@::1"
	{
		both_ends $HERE4 "\"$HERE6\"" | sed 's/reach: \[orders-db\]/reach: [orders-db, far]/'
	} | sed "/^agents:/i\\  far: {address: [$FORWARD4, \"$FORWARD6\"], port: 8200, allow: [none]}" | config
	hallowd_start
	same "$(from_gate $HERE4 $END4 22)" "1 0 0"
	same "$(from_gate $HERE6 $END6 22)" "1 0 0"
	same "$(from_gate $HERE4 $LOCAL4 5432)" "1 0 0"
	same "$(from_gate $HERE6 $LOCAL6 5432)" "1 0 0"
	same "$(from_gate $HERE4 $FORWARD4 8200)" "1 0 0"
	same "$(from_gate $HERE6 $FORWARD6 8200)" "1 0 0"
	same "$(from_gate $HERE4 $END4 443)" "0 1 0"
	same "$(from_gate $HERE6 $STRANGER6 22)" "0 1 0"
	same "$(from_gate $HERE4 $LOCAL4 5433)" "0 1 0"
	soon "$HERE4|$END4|443|tcp
$HERE4|$LOCAL4|5433|tcp" denied agent4
	soon "$HERE6|$STRANGER6|22|tcp" denied agent6
	# An endpoint on this host is judged once, not again when the packet comes in by loopback.
	same "$(counted orders-db allowed) $(counted far allowed) $(agent_counted agent4 allowed)" "2 2 1"
	# To itself is no egress.
	same "$(from_gate $HERE4 $HERE4 9000)" "1 0 0"
	same "$(from_gate $HERE6 $HERE6 9000)" "1 0 0"
	same "$(from_gate 127.0.0.1 127.0.0.1 9000)" "1 0 0"
	same "$(from_gate ::1 ::1 9000)" "1 0 0"
	# The host's other addresses are no agent.
	same "$(from_gate 198.18.0.1 $END4 443)" "1 0 0"
	# Whoever connects to the agent is answered.
	same "$(dial $STRANGER4 $HERE4 9000)" "1 0 0"
	same "$(dial $STRANGER6 $HERE6 9000)" "1 0 0"
}

@test "agents: a flood of denied egress is counted exactly" {
	serve_all
	both_ends $BEHIND4 "\"$BEHIND6\"" | config
	printf 'audit: {denied_log_rate: 5}\n' >>"$CONF"
	hallowd_start
	same "$(from_server $BEHIND4 $END4 443 --count 60)" "0 60 0"
	same "$(echo_from_server $BEHIND4 $END4 40)" 0
	soon 100 agent_counted agent4 denied
	ctl -o json status >/dev/null
	on_gate "$LAB_BUILD/hallowctl" -c "$CONF" sync >/dev/null 2>&1 || :
	soon "100|100|0" tallied agent4 deny
	[ "$(sql "SELECT sum(count) FROM aggregates WHERE endpoint = 'agent4'")" -gt 0 ]
	same "$(sql "SELECT DISTINCT destination_port IS NULL FROM aggregates WHERE endpoint = 'agent4' AND protocol = '1'")" 1
}

@test "agents: observe: nothing is denied, and what would be is recorded as that" {
	serve_all
	both_ends $BEHIND4 "\"$BEHIND6\"" | sed 's/reach: \[orders-db\]/&\n    mode: observe/' | config
	hallowd_start
	same "$(from_server $BEHIND4 $END4 22)" "1 0 0"
	same "$(from_server $BEHIND4 $END4 443)" "1 0 0"
	same "$(from_server $BEHIND6 $END6 443)" "1 0 0"
	soon 2 recorded "reason = 'observed' AND verdict = 'allow' AND endpoint IN ('agent4', 'agent6')"
	same "$(agent_counted agent4 denied)" 0
	same "$(sql "SELECT DISTINCT state FROM coverage WHERE endpoint = 'agent4'")" observed
}

@test "agents: explain answers for an agent as the kernel does" {
	both_ends $BEHIND4 "\"$BEHIND6\"" | config
	hallowd_start
	answer() { ctl -o json explain "$@" | jq -c '[.verdict, .endpoint, .reason, .list, .entry]'; }
	same "$(answer $BEHIND4 $END4:22)" "[\"allow\",\"agent4\",\"listed\",\"tunnel:agent4\",\"$END4/32\"]"
	same "$(answer $BEHIND6 "[$END6]:22")" "[\"allow\",\"agent6\",\"listed\",\"tunnel:agent6\",\"$END6/128\"]"
	same "$(answer $BEHIND4 $END4:443)" '["deny","agent4","egress-denied",null,null]'
	same "$(answer $BEHIND4 8.8.8.8:53/udp)" '["deny","agent4","egress-denied",null,null]'
	same "$(answer $BEHIND4 $LOCAL4:5432)" "[\"allow\",\"orders-db\",\"listed\",\"@agent4\",\"$BEHIND4/32\"]"
	same "$(answer $BEHIND4 $LOCAL4:5433)" '["deny","agent4","egress-denied",null,null]'
	ctl explain $BEHIND4 $END4:443 | grep -F 'egress'
}

@test "agents: a change is one transaction, a plan shows it, and no leftover stays" {
	serve_all
	both_ends $BEHIND4 "\"$BEHIND6\"" | config
	hallowd_start
	same "$(from_server $BEHIND4 $END4 443)" "0 1 0"
	# Another address, another reach: the old one is free at once, the new one controlled.
	sed -i "s/address: $BEHIND4\$/address: 10.77.0.30/; s/reach: \[orders-db\]/reach: [orders-db, other-db]/" "$CONF"
	same "$(ctl -o json plan | jq -c '[.changes, (.lists[] | select(.list == "@agent4") | .added)]')" '[true,["10.77.0.30/32"]]'
	ctl plan | grep -F agent4
	ctl reload
	same "$(ctl -o json plan | jq .changes)" false
	same "$(from_server $BEHIND4 $END4 443)" "1 0 0"
	same "$(from_server 10.77.0.30 $END4 443)" "0 1 0"
	same "$(from_server 10.77.0.30 $LOCAL4 5433)" "1 0 0"
	# Without agents nothing of them is left, and no packet pays for them.
	sed -i '/^agents:/,$d; s/\["@agent4", "@agent6"\]/[none]/' "$CONF"
	ctl reload
	on_gate nft -s list table inet hallowd >"$LAB_DIR/ruleset"
	not grep -E 'agent|output|seen|others' "$LAB_DIR/ruleset"
	same "$(from_server 10.77.0.30 $END4 443)" "1 0 0"
}

@test "agents: a killed hallowd leaves the policy, and --boot puts it back" {
	serve_all
	both_ends $BEHIND4 "\"$BEHIND6\"" | config
	hallowd_start
	hallowd_kill
	same "$(from_server $BEHIND4 $END4 443)" "0 1 0"
	same "$(from_server $BEHIND6 $END6 22)" "1 0 0"
	# A boot knows nothing but the disk.
	needs_owner
	kill "$(keeper)"
	wait_until 10 not keeper >/dev/null
	on_gate nft delete table inet hallowd
	same "$(from_server $BEHIND4 $END4 443)" "1 0 0"
	on_gate "$LAB_BUILD/hallowd" -c "$CONF" --boot
	same "$(from_server $BEHIND4 $END4 443)" "0 1 0"
	same "$(from_server $BEHIND4 $END4 22)" "1 0 0"
	same "$(from_server $BEHIND6 $STRANGER6 22)" "0 1 0"
}

@test "agents: resolvers may be asked at port 53, and nothing else there" {
	lab_serve "$CLIENT" "db:53@$STRANGER4" "udp:53@$STRANGER4" "db:54@$STRANGER4"
	{
		echo agents:
		agent a eu $BEHIND4 $END4 "resolvers: $STRANGER4"
	} | config
	hallowd_start
	same "$(from_server $BEHIND4 $STRANGER4 53 --kind udp)" "1 0 0"
	same "$(from_server $BEHIND4 $STRANGER4 53)" "1 0 0"
	same "$(from_server $BEHIND4 $STRANGER4 54)" "0 1 0"
	soon 2 recorded "endpoint = 'a' AND list = 'resolvers:a' AND reason = 'listed'"
}

# up SECONDS: a tunnel that talks; its pid in LAB_PID.
up() { lab_start "$SERVER" tunnel "$LAB_PYTHON" "$LAB_LIB/connect.py" $BEHIND4 $END4 22 --hold "$1"; TUNNEL=$LAB_PID; }
told() { sql "SELECT kind, subject FROM events WHERE kind IN ('agent-missing', 'agent-seen') ORDER BY rowid"; }

@test "agents: a network whose agents are not seen is told once, and when one is there again" {
	serve_all
	{
		echo agents:
		agent eu1 eu $BEHIND4 $END4 'seen_within: 4s'
		agent eu2 eu 10.77.0.30 $END4 'seen_within: 4s'
	} | config
	# One of the two is enough; it talks already when hallowd begins to look.
	up 60
	wait_until 10 grep -q answer "$LAB_DIR/tunnel.log"
	hallowd_start
	soon true status '.agents[] | select(.name == "eu1") | .up'
	same "$(status '.agents[] | select(.name == "eu2") | [.up, .last_seen] | @json')" '[false,null]'
	same "$(status '.agents[] | select(.name == "eu1") | [.from, .to, .network] | @json')" "[\"$BEHIND4\",\"$END4\",\"eu\"]"
	same "$(status '.networks[0] | [.name, .missing] | @csv')" '"eu",false'
	same "$(told)" ""
	lab_kill TERM "$TUNNEL"
	soon 'agent-missing|eu' told
	status '.problems[]' | grep -F 'network eu: no agent has its tunnel up'
	run ctl status
	[ "$status" -ne 0 ]
	[[ "$output" == *"not seen"* ]]
	# An attempt alone is no tunnel.
	same "$(from_server $BEHIND4 $STRANGER4 22)" "0 1 0"
	same "$(status '.networks[0].missing')" true
	# A hallowd that starts again does not tell it again.
	hallowd_stop
	hallowd_start
	same "$(status '.networks[0].missing')" true
	up 60
	soon 'agent-missing|eu
agent-seen|eu' told
	same "$(status '.networks[0].missing')" false
	same "$(sql "SELECT json_extract(detail, '\$.agents[0]'), json_extract(detail, '\$.seen_within') FROM events
		WHERE kind = 'agent-missing'")" 'eu1|4'
}

@test "agents: the report shows them, what was denied, and when a network was missing" {
	serve_all
	both_ends $BEHIND4 "\"$BEHIND6\"" | sed 's/reach: \[orders-db\]/&\n    seen_within: 1s/' | config
	hallowd_start
	same "$(from_server $BEHIND4 $END4 443)" "0 1 0"
	same "$(from_server $BEHIND4 $LOCAL4 5432)" "1 0 0"
	soon 'agent-missing|eu' told
	ctl -o json report >"$LAB_DIR/report.json"
	same "$(jq -c '[.endpoints[] | select(.name == "agent4") | .kind, .mode, .denied, .lost]' "$LAB_DIR/report.json")" \
		'["agent","enforce",1,0]'
	same "$(jq -c '[.endpoints[] | select(.name == "orders-db").sources[].list]' "$LAB_DIR/report.json")" '["@agent4"]'
	same "$(jq -c '[.events[] | select(.kind == "agent-missing").subject]' "$LAB_DIR/report.json")" '["eu"]'
	ctl report >"$LAB_DIR/report.txt"
	grep -F agent-missing "$LAB_DIR/report.txt"
	ctl log --endpoint agent4 | grep -F 'egress-denied, not in tunnel:agent4, revision 1'
}
