#!/usr/bin/env bats
# explain says what the kernel does.

load lab.bash

setup() {
	lab_up
	publish
}

teardown() { lab_down; }

said() { ctl -o json explain "$@" | jq -c '[.verdict, .endpoint, .reason]'; }

# --- against real packets

# How many policies, and attempts of each; a developer may want more, and others.
ROUNDS=${EXPLAIN_ROUNDS:-3} ATTEMPTS=${EXPLAIN_ATTEMPTS:-70} SEED=${EXPLAIN_SEED:-1}

random_policy() { "$LAB_PYTHON" "$LAB_LIB/random_policy.py" "$@"; }

# facts: what a random policy is made of: sources, endpoints' addresses with prefixes that hold them, and other addresses.
facts() {
	jq -n --args '{
		sources: $ARGS.positional,
		server_sources: ["'$FORWARD4'", "'$FORWARD6'", "10.77.0.2", "fd77::2"],
		others: ["198.18.0.1", "2001:db8:c::1"],
		destinations: {
			local: [{address: "'$LOCAL4'", prefixes: ["'$LOCAL4'", "203.0.113.8/29"]},
				{address: "'$LOCAL6'", prefixes: ["'$LOCAL6'", "2001:db8:10::10/124"]}],
			forward: [{address: "'$FORWARD4'", prefixes: ["'$FORWARD4'", "203.0.113.20/30"]},
				{address: "'$FORWARD6'", prefixes: ["'$FORWARD6'", "2001:db8:10::20/126"]}],
			nat: [{address: "'$NAT4'", prefixes: ["'$NAT4'", "203.0.113.30/31"]},
				{address: "'$NAT6'", prefixes: ["'$NAT6'", "2001:db8:10::30/127"]}]}}' \
		"${BOTH[@]}" "${PROVIDER_ONLY[@]}" $OFFICE4 $STRANGER4 198.18.0.2 $OFFICE6 $OFFICE6B $STRANGER6 2001:db8:c::2
}

serve_all() {
	local host
	for host in "$GATE" "$SERVER"; do
		lab_start "$host" "serve-$host" "$LAB_PYTHON" "$LAB_LIB/random_policy.py" serve "$LAB_DIR/ready-$host"
		wait_until 10 test -e "$LAB_DIR/ready-$host"
	done
}

rows() {
	sqlite3 -readonly -cmd '.timeout 5000' "$STATE/audit.db" "SELECT json_object('source', source, 'source_port', source_port,
		'destination', destination, 'endpoint', endpoint, 'verdict', verdict, 'reason', reason, 'list', list,
		'revision', revision) FROM connections WHERE id > $1 ORDER BY id"
}

# try SEED: one policy, its packets, and the comparison.
try() {
	local dir=$LAB_DIR/try attempt grants before rows
	rm -rf "$dir" && mkdir "$dir"
	random_policy make "$1" "$ATTEMPTS" "$LAB_DIR/facts" "$dir"
	{ published_lists; cat "$dir/policy.yaml"; } | config
	if [ -z "$DAEMON" ]; then hallowd_start; else ctl reload >/dev/null; fi
	for grants in $(ctl -o json grants | jq '.[].id'); do ctl revoke "$grants" >/dev/null; done
	while read -r attempt; do ctl grant $attempt --for 1h --reason test >/dev/null; done <"$dir/grants"
	while read -r attempt; do
		ctl -o json explain $attempt | jq -c . || return 1
	done < <(jq -r '.[] | if .destination | contains(":") then "\(.source) [\(.destination)]:\(.port)/\(.protocol)"
		else "\(.source) \(.destination):\(.port)/\(.protocol)" end' "$dir/attempts.json") >"$dir/explained"
	same "$(wc -l <"$dir/explained")" "$ATTEMPTS"
	jq -s '[to_entries[] | select(.value.verdict != "deny") | .key]' "$dir/explained" >"$dir/expected"
	before=$(sql 'SELECT coalesce(max(id), 0) FROM connections')
	for host in client server; do
		"on_$host" "$LAB_PYTHON" "$LAB_LIB/random_policy.py" knock $host "$dir/attempts.json" "$dir/expected" "$dir/answered.$host"
	done
	rows=$(jq -s '[.[] | select(.verdict != "unmatched")] | length' "$dir/explained")
	wait_until 15 enough_rows "$before" "$rows" || :
	ctl status >/dev/null || : # which waits until all is recorded
	rows "$before" >"$dir/rows"
	random_policy judge "$dir/attempts.json" "$dir/explained" "$dir/rows" "$dir/answered.client" "$dir/answered.server" ||
		{ echo "seed $1:" >&2; cat "$CONF" "$dir/grants" >&2; return 1; }
}
enough_rows() {
	[ "$(sql "SELECT count(*) FROM (SELECT DISTINCT source, source_port FROM connections WHERE id > $1)")" -ge "$2" ]
}

@test "explain: random policies: it says of each connection what the kernel does, with list, revision and grant" {
	local round
	lab_nat
	facts >"$LAB_DIR/facts"
	serve_all
	for ((round = 0; round < ROUNDS; round++)); do try $((SEED + round)); done
}

# --- words

@test "explain: what may be left out, brackets, protocols, and what is wrong with the rest" {
	{
		published_lists
		echo endpoints:
		endpoint api "[$LOCAL4, \"$LOCAL6\"]" '[6443, "7000-7010"]' '[humanitec, office]'
		endpoint dns $FORWARD4 53 '[office]' 'protocol: udp'
		endpoint web $FORWARD4 '[53, 443]' '[office]'
		endpoint sig "\"$FORWARD6\"" 3868 '[office]' 'protocol: sctp'
		endpoint seen $NAT4 443 '[office]' 'mode: observe'
	} | config
	hallowd_start
	same "$(said "${BOTH[0]}" $LOCAL4:6443)" '["allow","api","listed"]'
	same "$(ctl -o json explain $OFFICE6 "[$LOCAL6]:7005/tcp" | jq -c '[.verdict, .list, .entry, .revision]')" \
		'["allow","office","2001:db8:1::/64",1]'
	same "$(said $STRANGER4 $LOCAL4:7010)" '["deny","api","not-listed"]'
	same "$(said $STRANGER4 $NAT4)" '["allow","seen","observed"]'
	# Left alone: another port, another address, another protocol, the other family.
	same "$(said $STRANGER4 $LOCAL4:7011)" '["unmatched",null,"unmatched"]'
	same "$(said $STRANGER4 198.18.0.1:6443)" '["unmatched",null,"unmatched"]'
	same "$(said $STRANGER4 $LOCAL4:6443/udp)" '["unmatched",null,"unmatched"]'
	same "$(said $STRANGER4 $LOCAL4/icmp)" '["unmatched",null,"unmatched"]'
	same "$(said $STRANGER6 $LOCAL4:6443)" '["unmatched",null,"unmatched"]'
	on_client "$LAB_PYTHON" - $STRANGER4 $LOCAL4 <<-'PY'
	import socket, sys
	s = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
	s.bind((sys.argv[1], 0))
	s.settimeout(20)
	s.sendto(b"\x08\x00\xf7\xfe\x00\x00\x00\x01", (sys.argv[2], 0))
	assert s.recv(128)[20] == 0
	PY
	# What is left out is that of the only endpoint that can be meant.
	same "$(ctl -o json explain $OFFICE4 $LOCAL4 | jq -c '[.endpoint, .port, .protocol]')" '["api",6443,"tcp"]'
	same "$(ctl -o json explain $OFFICE6 "[$FORWARD6]" | jq -c '[.endpoint, .port, .protocol]')" '["sig",3868,"sctp"]'
	same "$(ctl -o json explain $OFFICE6 "[$FORWARD6]:3868" | jq -c '[.endpoint, .protocol]')" '["sig","sctp"]'
	same "$(ctl -o json explain $OFFICE4 $FORWARD4/udp | jq -c '[.endpoint, .port]')" '["dns",53]'
	same "$(ctl -o json explain $OFFICE4 $FORWARD4:53 | jq -c '[.endpoint, .protocol]')" '["web","tcp"]'
	# Words that are not understood.
	refused() { # PHRASE WORD…
		local phrase=$1
		shift
		run ctl explain "$@"
		same "$status" 2
		[[ "$output" == *"$phrase"* ]] || { echo "$output" >&2; return 1; }
	}
	refused "several endpoints have this address: dns (53/udp), web (53/tcp); name one" $OFFICE4 $FORWARD4
	refused "'nobody' is no source" nobody $LOCAL4
	refused "'198.51.100.0/24' is no source" 198.51.100.0/24 $LOCAL4
	refused "'65536' is no port" $OFFICE4 $LOCAL4:65536
	refused "'' is no port" $OFFICE4 $LOCAL4:
	refused "'24' is no protocol" $OFFICE4 203.0.113.0/24
	refused "'' is no protocol" $OFFICE4 $LOCAL4/
	refused "icmp has no ports" $OFFICE4 $LOCAL4:7/icmp
	refused "an IPv6 address with a port stands in brackets: [2001:db8:10::10]:64434" $OFFICE6 "$LOCAL6:64434"
	refused "only such stand in brackets" $OFFICE4 "[$LOCAL4]:443"
	refused "is no destination" $OFFICE6 "[$LOCAL6:443"
	refused "is no address" $OFFICE4 api.example.org:443
	refused "explain needs SOURCE DESTINATION" $OFFICE4
}

@test "explain: where nothing is enforced, or something else is, it says so" {
	{ published_lists; echo endpoints:; endpoint api $LOCAL4 6443 '[office]'; } | config
	run ctl explain $STRANGER4 $LOCAL4
	same "$status" 5
	[[ "$output" == *"table inet hallowd is not in the kernel"*"DENY"* ]]
	hallowd_start
	ctl teardown --reason 'moving house'
	run ctl -o json explain $STRANGER4 $LOCAL4
	same "$status" 5
	[[ "$output" == *"torn down by root"*"moving house"* ]]
	ctl reload
	ctl explain $STRANGER4 $LOCAL4
	hallowd_stop
	sed -i 's/allow: \[office\]/allow: [humanitec]/' "$CONF"
	run ctl explain $OFFICE4 $LOCAL4
	same "$status" 0
	[[ "$output" == *"the kernel has another policy than the configuration"*"DENY"* ]]
}
