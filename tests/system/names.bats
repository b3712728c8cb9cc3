#!/usr/bin/env bats
# The end of a tunnel as a host name: resolved, kept fresh, guarded like a list.

load lab.bash

BEHIND4=10.77.0.2 BEHIND6=fd77::2
END4=$OFFICE4 END6=$OFFICE6 NEXT4=$STRANGER4 NEXT6=$STRANGER6

setup() {
	lab_up
	ip -n "$CLIENT" route add 10.77.0.0/24 via 198.18.0.1
	ip -n "$CLIENT" route add fd77::/64 via 2001:db8:c::1
	lab_serve "$CLIENT" "db:22@$END4" "db:22@$END6" "db:22@$NEXT4" "db:22@$NEXT6"
	echo "nameserver 127.0.0.1" >"$LAB_DIR/resolv.conf"
	printf '127.0.0.1 localhost\n' >"$LAB_DIR/hosts"
	chmod 0644 "$LAB_DIR/resolv.conf" "$LAB_DIR/hosts"
	zone "{\"agent.lab\": {\"A\": [\"$END4\"], \"AAAA\": [\"$END6\"]}}"
	dns_start
	agents 'host: agent.lab, port: 22'
}

teardown() { lab_down; }

# zone JSON: what the DNS server says from now on.
zone() { printf '%s\n' "$1" >"$LAB_DIR/zone.new" && mv "$LAB_DIR/zone.new" "$LAB_DIR/zone"; }

dns_start() {
	rm -f "$LAB_DIR/dns.ready"
	lab_start "$GATE" dns "$LAB_PYTHON" "$LAB_LIB/dns.py" 127.0.0.1 "$LAB_DIR/zone" "$LAB_DIR/questions" "$LAB_DIR/dns.ready"
	DNS=$LAB_PID
	wait_until 10 test -e "$LAB_DIR/dns.ready"
}

# agents TUNNEL: one agent behind the gate, with both families.
agents() {
	config <<-YAML
	agents:
	  a: {network: eu, address: [$BEHIND4, "$BEHIND6"], tunnel: {$1}}
	YAML
}

# With the lab's resolv.conf and hosts, in a mount namespace of its own.
with_dns='mount --bind "$1" "$(readlink -f /etc/resolv.conf)" && mount --bind "$2" "$(readlink -f /etc/hosts)" && shift 2 && exec "$@"'

hallowd_start() {
	lab_start "$GATE" hallowd unshare -m sh -c "$with_dns" sh "$LAB_DIR/resolv.conf" "$LAB_DIR/hosts" "$LAB_BUILD/hallowd" -c "$CONF" "$@"
	DAEMON=$LAB_PID
	wait_until 20 hallowd_settled && hallowd_answers && return 0
	cat "$LAB_DIR/hallowd.log" >&2
	return 1
}

from_server() { on_server "$LAB_PYTHON" "$LAB_LIB/connect.py" "$@" --timeout 0.7; }
ends() { ctl -o json lists tunnel:a | jq -c .entries; }
reason() { ctl -o json lists tunnel:a | jq -r '.origins[0].error'; }

failed() { reason | grep -q 'no DNS server'; }

# keeps HOW: the DNS answers so, the refresh fails, and what was known stays in force.
keeps() {
	zone "{\"agent.lab\": $1}"
	run ctl refresh tunnel:a
	same "$status" 4
	[[ "$output" == *"$2"* ]] || same "$output" "$2"
	same "$(ends)" "[\"$END4/32\",\"$END6/128\"]"
}

@test "names: both families, and a change is a revision; what was named stays for a time" {
	hallowd_start
	same "$(ends)" "[\"$END4/32\",\"$END6/128\"]"
	same "$(from_server $BEHIND4 $END4 22)" "1 0 0"
	same "$(from_server $BEHIND6 $END6 22)" "1 0 0"
	same "$(from_server $BEHIND4 $NEXT4 22)" "0 1 0"
	# A tunnel that is up survives that the DNS names another host.
	lab_start "$SERVER" tunnel "$LAB_PYTHON" "$LAB_LIB/connect.py" $BEHIND4 $END4 22 --hold 60
	wait_until 10 grep -q 'answer 3' "$LAB_DIR/tunnel.log"
	zone "{\"agent.lab\": {\"A\": [\"$NEXT4\"], \"AAAA\": [\"$NEXT6\"]}}"
	ctl refresh tunnel:a
	same "$(from_server $BEHIND4 $NEXT4 22)" "1 0 0"
	same "$(from_server $BEHIND6 $NEXT6 22)" "1 0 0"
	same "$(from_server $BEHIND4 $END4 22)" "1 0 0"
	local last
	last=$(tail -n 1 "$LAB_DIR/tunnel.log")
	wait_until 10 not prints "$last" tail -n 1 "$LAB_DIR/tunnel.log"
	not grep -q cut "$LAB_DIR/tunnel.log"
	soon "1|2|0
2|2|0" sql "SELECT revision, json_array_length(added), json_array_length(removed) FROM list_revisions
		WHERE list = 'tunnel:a' ORDER BY revision"
	ctl history tunnel:a | grep -F "$NEXT4"
	same "$(sql "SELECT json_extract(origins, '\$[0].name') FROM list_revisions WHERE list = 'tunnel:a' AND revision = 2")" dns
	soon "tunnel:a|2" sql "SELECT list, revision FROM connections WHERE destination = '$NEXT4' AND verdict = 'allow'"
	same "$(ctl -o json explain $BEHIND4 $NEXT4:22 | jq -c '[.verdict, .list]')" '["allow","tunnel:a"]'
}

@test "names: another name in the configuration cuts the old one off at once" {
	hallowd_start
	zone "{\"other.lab\": {\"A\": [\"$NEXT4\"]}}"
	sed -i 's/agent.lab/other.lab/' "$CONF"
	ctl reload
	same "$(ends)" "[\"$NEXT4/32\"]"
	same "$(from_server $BEHIND4 $END4 22)" "0 1 0"
	# One that cannot be resolved changes nothing.
	sed -i 's/other.lab/nowhere.lab/' "$CONF"
	run ctl reload
	same "$status" 1
	[[ "$output" == *"the DNS does not know the name"* ]]
	same "$(from_server $BEHIND4 $NEXT4 22)" "1 0 0"
}

@test "names: a name that fails keeps its last addresses" {
	hallowd_start
	local good="\"A\": [\"$NEXT4\"], \"AAAA\": [\"$NEXT6\"]"
	keeps '{"how": "nxdomain"}' 'the DNS does not know the name'
	keeps '{"how": "servfail"}' 'no DNS server gave an answer'
	keeps '{"how": "refused"}' 'no DNS server gave an answer'
	keeps '{}' 'no address'
	keeps "{$good, \"how\": \"other\"}" dns
	keeps "{$good, \"how\": \"garbage\"}" dns
	keeps "{$good, \"how\": \"loop\"}" dns
	keeps "{$good, \"how\": \"lies\"}" dns
	status '.problems[]' | grep -F 'list tunnel:a, origin dns'
	same "$(status '.agents[0].tunnel.state')" failed
	same "$(from_server $BEHIND4 $END4 22)" "1 0 0"
	# One family only: the other one's addresses stay.
	zone "{\"agent.lab\": {\"A\": [\"$NEXT4\"], \"how\": {\"AAAA\": \"servfail\"}}}"
	ctl refresh tunnel:a
	same "$(ends)" "[\"$NEXT4/32\",\"$END4/32\",\"$END6/128\"]"
}

@test "names: no answer, and an answer with another id, are none" {
	hallowd_start
	zone "{\"agent.lab\": {\"A\": [\"$NEXT4\"], \"how\": {\"A\": \"late-id\", \"AAAA\": \"silent\"}}}"
	run ctl refresh tunnel:a
	same "$status" 4
	[[ "$output" == *"no DNS server answered in time"* ]]
	same "$(ends)" "[\"$END4/32\",\"$END6/128\"]"
}

@test "names: aliases, many addresses over TCP, and more than a name needs" {
	zone "{\"agent.lab\": {\"cname\": \"a.lab\"}, \"a.lab\": {\"cname\": \"b.lab\"}, \"b.lab\": {\"A\": [\"$END4\"], \"AAAA\": [\"$END6\"]}}"
	hallowd_start
	same "$(ends)" "[\"$END4/32\",\"$END6/128\"]"
	zone "$(jq -nc '{"agent.lab": {A: [range(1; 101) | "203.0.113.\(.)"]}}')"
	ctl refresh tunnel:a
	grep -q 'A agent.lab tcp' "$LAB_DIR/questions"
	same "$(ctl -o json lists tunnel:a | jq '[.entries[] | split("/")[1] | tonumber | if . > 32 then 1 else pow(2; 32 - .) end] | add')" 102
	zone "$(jq -nc '{"agent.lab": {A: [range(0; 400) | "203.0.\(112 + ((. / 100) | floor)).\(. % 100 * 2)"]}}')"
	run ctl refresh tunnel:a
	same "$status" 3
	[[ "$output" == *max_entries* ]]
}

@test "names: an address of a private network is held, unless it is meant" {
	hallowd_start
	for address in 10.1.2.3 127.0.0.1 169.254.1.1; do
		zone "{\"agent.lab\": {\"A\": [\"$address\"], \"AAAA\": [\"$END6\"]}}"
		run ctl refresh tunnel:a
		same "$status" 3
		[[ "$output" == *"the name resolves to $address/32"*"private: true"* ]]
	done
	zone '{"agent.lab": {"AAAA": ["fd00::1"]}}'
	run ctl refresh tunnel:a
	same "$status" 3
	same "$(ends)" "[\"$END4/32\",\"$END6/128\"]"
	same "$(ctl -o json explain $BEHIND4 10.1.2.3:22 | jq -r .reason)" egress-denied
	# A person may let it in, or the configuration says that it is meant.
	zone "{\"agent.lab\": {\"A\": [\"10.1.2.3\"]}}"
	agents 'host: agent.lab, port: 22, private: true'
	ctl reload
	ctl refresh tunnel:a
	same "$(ctl -o json explain $BEHIND4 10.1.2.3:22 | jq -r .reason)" listed
}

@test "names: a restart and a boot without DNS go by what is on disk" {
	hallowd_start
	same "$(from_server $BEHIND4 $END4 22)" "1 0 0"
	hallowd_stop
	lab_kill TERM "$DNS"
	wait_until 10 gone "$DNS"
	on_gate nft delete table inet hallowd
	on_gate "$LAB_BUILD/hallowd" -c "$CONF" --boot
	same "$(from_server $BEHIND4 $END4 22)" "1 0 0"
	same "$(from_server $BEHIND6 $END6 22)" "1 0 0"
	same "$(from_server $BEHIND4 $NEXT4 22)" "0 1 0"
	hallowd_start
	same "$(ends)" "[\"$END4/32\",\"$END6/128\"]"
	wait_until 15 failed
	same "$(from_server $BEHIND4 $END4 22)" "1 0 0"
	# When it is back, it is asked again by itself.
	dns_start
	zone "{\"agent.lab\": {\"A\": [\"$END4\", \"$NEXT4\"], \"AAAA\": [\"$END6\"]}}"
	wait_until 25 prints '1 0 0' from_server $BEHIND4 $NEXT4 22
}

@test "names: asked again when the time to live is over, and not more often than is decent" {
	zone "{\"agent.lab\": {\"A\": [\"$END4\"], \"AAAA\": [\"$END6\"], \"ttl\": 0}}"
	hallowd_start
	same "$(wc -l <"$LAB_DIR/questions")" "$(wc -l <"$LAB_DIR/questions")"
	wait_until 5 test -s "$LAB_DIR/questions"
	zone "{\"agent.lab\": {\"A\": [\"$NEXT4\"], \"AAAA\": [\"$END6\"], \"ttl\": 0}}"
	wait_until 25 prints '1 0 0' from_server $BEHIND4 $NEXT4 22
	# At the start, and once behind it.
	[ "$(wc -l <"$LAB_DIR/questions")" -le 8 ]
}

@test "names: the hosts file is asked first" {
	echo "$NEXT4 agent.lab" >>"$LAB_DIR/hosts"
	hallowd_start
	ends | grep -F "$NEXT4"
	same "$(from_server $BEHIND4 $NEXT4 22)" "1 0 0"
}

@test "names: without a running hallowd, refresh resolves as well" {
	hallowd_start
	hallowd_stop
	zone "{\"agent.lab\": {\"A\": [\"$NEXT4\"]}}"
	on_gate unshare -m sh -c "$with_dns" sh "$LAB_DIR/resolv.conf" "$LAB_DIR/hosts" "$LAB_BUILD/hallowctl" -c "$CONF" refresh
	same "$(from_server $BEHIND4 $NEXT4 22)" "1 0 0"
}

@test "names: hallowd-resolve holds no capability and is not root, while it works" {
	hallowd_start
	zone '{"agent.lab": {"how": "silent"}}'
	lab_start "$GATE" refresh "$LAB_BUILD/hallowctl" -c "$CONF" refresh tunnel:a
	wait_until 10 child hallowd-resolve
	local pid set
	pid=$(child hallowd-resolve)
	field() { awk -v f="$1:" '$1 == f {print $2}' "/proc/$pid/status"; }
	gave_up() { [ "$(field NoNewPrivs)" = 1 ]; }
	wait_until 10 gave_up
	for set in CapInh CapPrm CapEff CapBnd CapAmb; do same "$set $(field $set)" "$set 0000000000000000"; done
	[ "$(field Uid)" -ne 0 ]
	[ "$(field Gid)" -ne 0 ]
	same "$(awk '/^Groups:/ {print NF}' "/proc/$pid/status")" 1
}

@test "ways: agent: its tunnel by name, the one endpoint, and nothing else" {
	sed '/^version:/d' "$LAB_ROOT/rules/examples/agent.yaml" | config
	zone "{\"agent.humanitec.io\": {\"A\": [\"$END4\"], \"AAAA\": [\"$END6\"]}}"
	lab_serve "$GATE" "db:5432@$LOCAL4" "db:5432@$LOCAL6" "db:6443@$LOCAL4"
	lab_serve "$CLIENT" "udp:53@192.0.2.66" "db:443@$END4"
	hallowd_start
	same "$(from_server $FORWARD4 $END4 22)" "1 0 0"
	same "$(from_server $FORWARD6 $END6 22)" "1 0 0"
	same "$(from_server $FORWARD4 $LOCAL4 5432)" "1 0 0"
	same "$(from_server $FORWARD6 $LOCAL6 5432)" "1 0 0"
	same "$(from_server $FORWARD4 192.0.2.66 53 --kind udp)" "1 0 0"
	same "$(from_server $FORWARD4 $END4 443)" "0 1 0"
	same "$(from_server $FORWARD4 $LOCAL4 6443)" "0 1 0"
	same "$(from_server $FORWARD6 $NEXT6 22)" "0 1 0"
	# The orchestrator comes through the tunnel; directly it does not get in.
	same "$(dial "${BOTH[0]}" $LOCAL4 5432)" "0 1 0"
	soon "agent-eu|deny|egress-denied
agent-eu|deny|egress-denied
agent-eu|deny|egress-denied
orders-db|deny|not-listed" sql "SELECT endpoint, verdict, reason FROM connections WHERE verdict = 'deny' ORDER BY endpoint, id"
	same "$(sql "SELECT DISTINCT endpoint, list FROM connections WHERE verdict = 'allow' ORDER BY 1, 2")" \
		"agent-eu|resolvers:agent-eu
agent-eu|tunnel:agent-eu
orders-db|@agent-eu"
	soon true status '.agents[0].up'
	same "$(status '.networks | map([.name, .missing])[0] | @json')" '["eu-private",false]'
}
