#!/usr/bin/env bats
# What the policy in force says to a capture: every form of it, and one of real traffic.
bats_require_minimum_version 1.5.0

load lab.bash

setup() {
	lab_up
	{ echo "lists: {office: {entries: [$OFFICE4/32, \"2001:db8:1::/64\"]}}"; echo endpoints:
		endpoint api "[$LOCAL4, \"$LOCAL6\"]" 5432 '[office]'; } | config
}

teardown() { lab_down; }

replayed() { ctl -o json replay "$1" | jq -r "$2"; }

@test "replay: pcap and pcapng, VLAN, QinQ, Linux cooked, raw IP" {
	hallowd_start
	"$LAB_PYTHON" "$LAB_LIB/captures.py" "$LAB_DIR" $OFFICE4 $LOCAL4 $STRANGER6 $LOCAL6
	local form
	for form in ethernet.pcap ethernet.pcapng vlan.pcap qinq.pcap sll.pcap sll2.pcap raw.pcap; do
		same "$form $(replayed "$LAB_DIR/$form" '"\(.packets) \(.connections) \(.allowed) \(.denied) \(.unmatched) \(.first)"')" \
			"$form 6 3 1 1 1 2023-11-14T22:13:20.000000Z"
		same "$(replayed "$LAB_DIR/$form" '.rows[] | select(.verdict == "deny") | "\(.source) \(.destination) \(.port) \(.protocol) \(.connections) \(.endpoint) \(.reason)"')" \
			"$STRANGER6 $LOCAL6 5432 tcp 1 api not-listed"
		same "$(replayed "$LAB_DIR/$form" '.rows[] | select(.verdict == "allow") | "\(.source) \(.list) \(.entry)"')" "$OFFICE4 office $OFFICE4/32"
	done
	ctl replay "$LAB_DIR/vlan.pcap" | grep -q "6 packets, 3 connections: 1 would be allowed, 1 denied; 1 are to no endpoint"
	ctl replay "$LAB_DIR/vlan.pcap" | grep -q "api .*$STRANGER6 .*deny .*not-listed"
}

@test "replay: what is damaged, cut off, of another kind or no capture at all is told, and nothing is answered" {
	hallowd_start
	"$LAB_PYTHON" "$LAB_LIB/captures.py" "$LAB_DIR" $OFFICE4 $LOCAL4 $STRANGER6 $LOCAL6
	head -c 250 "$LAB_DIR/ethernet.pcap" >"$LAB_DIR/cut.pcap"
	echo "no capture at all, but long enough for a header" >"$LAB_DIR/text"
	: >"$LAB_DIR/empty"
	local file what
	while read -r file what; do
		run -1 --separate-stderr ctl -o json replay "$LAB_DIR/$file"
		same "$(jq -c "[keys, .exit]" <<<"$output")" '[["error","exit"],1]'
		[[ $stderr == *"$what"* ]] || { echo "$file: $stderr"; return 1; }
	done <<-END
	cut.pcap cut off behind packet 3
	text expected pcap or pcapng
	empty expected pcap or pcapng
	wifi.pcap link type IEEE802_11 (105), which cannot be read
	none No such file
	END
}

@test "replay: a capture of real traffic says what the kernel did" {
	command -v tcpdump >/dev/null || skip "tcpdump is not installed (Debian package tcpdump)"
	lab_serve "$GATE" "db:5432@$LOCAL4" "db:5432@$LOCAL6"
	hallowd_start
	lab_start "$GATE" dump tcpdump -i g0 -U -w "$LAB_DIR/real.pcap" tcp port 5432
	wait_until 10 grep -q listening "$LAB_DIR/dump.log"
	same "$(dial $OFFICE4 $LOCAL4 5432 3) $(dial $STRANGER4 $LOCAL4 5432 4) $(dial $OFFICE6 $LOCAL6 5432 2)" "3 0 0 0 4 0 2 0 0"
	wait_until 10 captured 9
	same "$(replayed "$LAB_DIR/real.pcap" '"\(.connections) \(.allowed) \(.denied)"')" "$(($(counted api allowed) + $(counted api denied))) $(counted api allowed) $(counted api denied)"
	same "$(replayed "$LAB_DIR/real.pcap" '.rows[] | "\(.source) \(.connections)"' | sort)" "$(printf '%s\n' "$OFFICE4 3" "$STRANGER4 4" "$OFFICE6 2" | sort)"
	# Also where hallowd does not run: the same code decides.
	hallowd_stop
	same "$(ctl -o json replay "$LAB_DIR/real.pcap" 2>/dev/null | jq '.denied')" 4
}
captured() { [ "$(replayed "$LAB_DIR/real.pcap" .connections 2>/dev/null)" = "$1" ]; }
