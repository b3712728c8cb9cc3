#!/usr/bin/env bats
# Other firewall tools on the same host, the real ones: none opens or closes what hallowd enforces, and where one drops what
# hallowd lets through, status names its chain.

load lab.bash

setup() {
	lab_up
	publish
	lab_serve "$GATE" "db:5432@$LOCAL4" "db:5432@$LOCAL6"
	{ published_lists; echo endpoints:; endpoint api "[$LOCAL4, \"$LOCAL6\"]" 5432 '[humanitec, office]'; } | config
}

teardown() { lab_down; }

needs() { command -v "$1" >/dev/null || skip "$1 is not installed (Debian package $2)"; }

# doors: whether a listed source of each family, and a stranger of each, get through: "1 1 0 0" as it should be.
doors() {
	local source target out=
	for source in "${BOTH[0]} $LOCAL4" "$OFFICE6 $LOCAL6" "$STRANGER4 $LOCAL4" "$STRANGER6 $LOCAL6"; do
		read -r source target <<<"$source"
		out+=" $(dial "$source" "$target" 5432 1 --timeout 0.6 | cut -d' ' -f1)"
	done
	echo "${out# }"
}

ours() { on_gate nft -s list table inet hallowd | sed 's/ # progname.*//'; }

# knocking / nobody_came_in: strangers of both families try all the while.
knocking() {
	lab_start "$CLIENT" knock4 "$LAB_PYTHON" "$LAB_LIB/connect.py" $STRANGER4 $LOCAL4 5432 --count 4000 --rate 25 --timeout 0.5
	KNOCK=("$LAB_PID")
	lab_start "$CLIENT" knock6 "$LAB_PYTHON" "$LAB_LIB/connect.py" $STRANGER6 $LOCAL6 5432 --count 4000 --rate 25 --timeout 0.5
	KNOCK+=("$LAB_PID")
	wait_until 10 eval '[ "$(counted api denied)" -gt 4 ]'
}
nobody_came_in() {
	kill "${KNOCK[@]}"
	same "$(sql "SELECT count(*) FROM connections WHERE verdict = 'allow' AND source IN ('$STRANGER4', '$STRANGER6')")" 0
	same "$(grep -c STRANGER "$LAB_DIR/serve.log" || :)" 0
}

# neighbours: what status tells of others, a line each; certain ones are problems as well.
neighbours() { status '.neighbours[] | "\(.family) \(.table) \(.chain) \(.hook) \(.endpoint) \(.certain)"'; }

# private COMMAND…: on the gate, with folders of its own in the place of those that the tools write to.
private() {
	local folder
	for folder in etc/ufw etc/default etc/firewalld lib/ufw var/lib/ufw run; do
		[ -d "$LAB_DIR/private/$folder" ] || { mkdir -p "$LAB_DIR/private/$folder" && [ ! -d "/$folder" ] || [ "$folder" = run ] ||
			cp -a "/$folder/." "$LAB_DIR/private/$folder/"; }
	done
	on_gate unshare --mount sh -c '
		for folder in etc/ufw etc/default etc/firewalld lib/ufw var/lib/ufw run; do
			[ ! -d "/$folder" ] || mount --bind "$0/$folder" "/$folder" || exit 1
		done
		exec "$@"' "$LAB_DIR/private" "$@"
}

# --- plain nftables

@test "neighbours: nftables.service starts, reloads and stops: it flushes the ruleset each time" {
	needs_owner
	cat >"$LAB_DIR/nftables.conf" <<-'NFT'
	#!/usr/sbin/nft -f
	flush ruleset
	table inet filter {
		chain input { type filter hook input priority filter; policy accept; tcp dport 23 drop; }
	}
	NFT
	hallowd_start
	local before i
	before=$(ours)
	knocking
	for i in 1 2 3; do
		on_gate nft -f "$LAB_DIR/nftables.conf"
		same "$(ours)" "$before"
		on_gate nft flush ruleset
		same "$(ours)" "$before"
	done
	nobody_came_in
	same "$(doors)" "1 1 0 0"
	same "$(neighbours)" ""
}

@test "neighbours: the same where the table has no owner: made again at once" {
	printf 'kernel: {owner: false}\n' >>"$CONF"
	printf 'flush ruleset\ntable inet filter { chain input { type filter hook input priority 0; }; }\n' >"$LAB_DIR/nftables.conf"
	hallowd_start
	local before i
	before=$(ours)
	for i in 1 2 3; do
		on_gate nft -f "$LAB_DIR/nftables.conf"
		wait_until 2 ours_is "$before"
	done
	same "$(doors)" "1 1 0 0"
	soon 3 sql "SELECT count(*) FROM events WHERE kind = 'repaired'"
}
ours_is() { [ "$(ours 2>/dev/null)" = "$1" ]; }

@test "neighbours: a chain that drops what is let in is named; what lets it in, or is about something else, is not" {
	hallowd_start
	local rules expected
	while IFS='|' read -r rules expected; do
		on_gate nft 'table inet strict { set ours { type inet_service; elements = { 22, 5432 }; }
			set bad { type ipv4_addr; elements = { 192.0.2.99 }; }
			chain sub { '"${rules#*@@}"'
			}
			chain in { '"${rules%@@*}"'
			}; }'
		same "$rules: $(neighbours)" "$rules: $expected"
		same "$rules: $(status '.problems | length')" "$rules: $(grep -c true <<<"$expected" || :)"
		on_gate nft delete table inet strict
	done <<-CASES
	type filter hook input priority 0; policy drop;@@|inet strict in input api true
	type filter hook input priority 0; policy drop; tcp dport 22 accept; ct state established,related accept@@|inet strict in input api true
	type filter hook input priority 0; policy drop; tcp dport 5432 accept@@|
	type filter hook input priority 0; policy drop; tcp dport { 22, 5432 } accept@@|
	type filter hook input priority 0; policy drop; tcp dport { 22, 5433 } accept@@|inet strict in input api true
	type filter hook input priority 0; policy drop; tcp dport @ours accept@@|
	type filter hook input priority 0; policy drop; tcp dport 5000-6000 accept@@|
	type filter hook input priority 0; policy drop; tcp dport 6000-7000 accept@@|inet strict in input api true
	type filter hook input priority 0; policy drop; ct state vmap { established : accept, new : jump sub }@@tcp dport 5432 accept|
	type filter hook input priority 0; policy drop; jump sub@@tcp dport 22 accept|inet strict in input api true
	type filter hook input priority 0; policy drop; iifname "eth7" tcp dport 5432 accept@@|inet strict in input api false
	type filter hook input priority 0; policy accept; tcp dport 5432 reject@@|inet strict in input api true
	type filter hook input priority 0; policy accept; ip daddr 203.0.113.0/28 drop@@|inet strict in input api true
	type filter hook input priority 0; policy accept; ip daddr 203.0.113.128/28 drop@@|
	type filter hook input priority 0; policy accept; ip6 daddr 2001:db8:10::10 tcp dport 5432 goto sub@@drop|inet strict in input api true
	type filter hook input priority 0; policy accept; ip saddr @bad drop@@|inet strict in input api false
	type filter hook input priority 0; policy accept; ct state invalid drop; udp dport 5432 drop; tcp dport 23 drop@@|
	type filter hook prerouting priority -300; policy accept; tcp dport 5432 limit rate over 9/second drop@@|inet strict in prerouting api false
	type filter hook forward priority 0; policy drop;@@|
	type filter hook output priority 0; policy drop; accept@@|
	CASES
	on_gate nft 'table ip strict { chain in { type filter hook input priority 0; policy drop; }; }'
	same "$(neighbours)" "ip strict in input api true"
	same "$(doors)" "0 1 0 0"
	ctl status | grep -q '^problem: another program stands in the way: table ip strict, chain in (input) drops connections'
}

# --- iptables

# As docker does: a published port, translated to a container behind a bridge, and a forward chain that drops the rest.
docker_rules() {
	on_gate sh -e <<-SH
	iptables -t nat -N DOCKER
	iptables -t nat -A PREROUTING -d $NAT4 -j DOCKER
	iptables -t nat -A DOCKER -p tcp -m tcp --dport 15432 -j DNAT --to-destination 10.77.0.30:5432
	iptables -N DOCKER
	iptables -P FORWARD DROP
	iptables -A FORWARD -o g1 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
	iptables -A FORWARD -i g1 -j ACCEPT
	iptables -A FORWARD -o g1 -j DOCKER
	iptables -A DOCKER -d 10.77.0.30/32 -p tcp -m tcp --dport 5432 -j ACCEPT
	SH
}

@test "neighbours: iptables-nft with destination NAT as docker has it: judged as dialled, whatever the order" {
	needs iptables iptables
	on_gate iptables -V | grep -q nf_tables || skip "iptables is not the one on nf_tables"
	endpoint published $NAT4 15432 '[humanitec]' >>"$CONF"
	lab_serve "$SERVER" "db:5432@10.77.0.30"
	hallowd_start
	docker_rules
	same "$(dial "${BOTH[0]}" $NAT4 15432) $(dial $STRANGER4 $NAT4 15432)" "1 0 0 0 1 0"
	same "$(doors)" "1 1 0 0"
	# Through the same chain in which a container is let in and all else dropped: it cannot be told from reading.
	neighbours | grep -q '^ip filter FORWARD forward'
	same "$(neighbours | grep -c true)" 0
	# A restart of docker: all of it away and back.
	local before
	before=$(ours)
	on_gate iptables-save >"$LAB_DIR/saved"
	on_gate sh -c 'iptables -P FORWARD ACCEPT; iptables -F; iptables -X; iptables -t nat -F; iptables -t nat -X'
	same "$(dial $STRANGER4 $NAT4 15432)" "0 1 0"
	on_gate iptables-restore <"$LAB_DIR/saved"
	same "$(dial "${BOTH[0]}" $NAT4 15432) $(dial $STRANGER4 $NAT4 15432)" "1 0 0 0 1 0"
	same "$(ours)" "$before"
	# Rules that were there before hallowd.
	hallowd_stop
	ctl teardown --reason 'the other order'
	hallowd_start
	same "$(dial "${BOTH[0]}" $NAT4 15432) $(dial $STRANGER4 $NAT4 15432)" "1 0 0 0 1 0"
	# And one that drops.
	on_gate iptables -P INPUT DROP
	neighbours | grep -q '^ip filter INPUT input api'
	same "$(dial "${BOTH[0]}" $LOCAL4 5432)" "0 1 0"
}

# --- ufw

@test "neighbours: ufw is enabled, reloaded and disabled" {
	needs ufw ufw
	hallowd_start
	local before
	before=$(ours)
	knocking
	private ufw --force enable >"$LAB_DIR/ufw.log" 2>&1 || { cat "$LAB_DIR/ufw.log"; skip "ufw cannot be enabled here: $(tail -n 1 "$LAB_DIR/ufw.log")"; }
	same "$(doors)" "0 0 0 0"
	neighbours | grep -q '^ip filter INPUT input api'
	neighbours | grep -q '^ip6 filter INPUT input api'
	private ufw allow 5432/tcp
	same "$(doors)" "1 1 0 0"
	private ufw reload
	same "$(doors)" "1 1 0 0"
	private ufw --force disable
	nobody_came_in
	same "$(doors)" "1 1 0 0"
	same "$(ours)" "$before"
}

# --- firewalld

firewalld_start() {
	cat >"$LAB_DIR/bus.conf" <<-XML
	<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
	 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
	<busconfig>
	  <type>system</type>
	  <listen>unix:path=$LAB_DIR/bus</listen>
	  <auth>EXTERNAL</auth>
	  <policy context="default">
	    <allow own="*"/><allow send_destination="*"/><allow receive_sender="*"/><allow user="*"/>
	  </policy>
	</busconfig>
	XML
	export DBUS_SYSTEM_BUS_ADDRESS=unix:path=$LAB_DIR/bus
	lab_start "$GATE" bus dbus-daemon --nofork --nopidfile --config-file "$LAB_DIR/bus.conf"
	wait_until 10 test -S "$LAB_DIR/bus" || { cat "$LAB_DIR/bus.log"; return 1; }
	private true # makes the folders
	private firewalld --nofork --nopid >>"$LAB_DIR/firewalld.log" 2>&1 3>&- &
	LAB_PIDS+=($!)
	wait_until 30 firewalld_answers
}
firewalld_answers() { [ "$(private firewall-cmd --state 2>/dev/null)" = running ]; }

@test "neighbours: firewalld starts, opens a port, reloads and stops" {
	needs firewalld firewalld
	needs dbus-daemon dbus-daemon
	hallowd_start
	local before
	before=$(ours)
	knocking
	if ! firewalld_start; then
		cat "$LAB_DIR/bus.log" "$LAB_DIR/firewalld.log" "$LAB_DIR/private/var/log/firewalld" 2>/dev/null
		skip "firewalld does not start here: $(tail -n 1 "$LAB_DIR/firewalld.log")"
	fi
	same "$(doors)" "0 0 0 0"
	neighbours | grep -q '^inet firewalld filter_INPUT input api true'
	ctl status | grep -q 'table inet firewalld, chain filter_INPUT (input) drops connections to endpoint api'
	private firewall-cmd --add-port=5432/tcp
	same "$(doors)" "1 1 0 0"
	same "$(neighbours | grep -c true)" 0
	private firewall-cmd --runtime-to-permanent
	private firewall-cmd --reload
	private firewall-cmd --complete-reload
	same "$(doors)" "1 1 0 0"
	kill "${LAB_PIDS[-1]}"
	wait_until 10 gone "${LAB_PIDS[-1]}"
	nobody_came_in
	same "$(doors)" "1 1 0 0"
	same "$(ours)" "$before"
}
