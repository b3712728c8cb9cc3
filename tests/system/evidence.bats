#!/usr/bin/env bats
# The first packets of denied attempts: real ones, of both families, read by tshark and by hallowctl.

load lab.bash

setup() {
	command -v tshark >/dev/null || skip "tshark is not installed (Debian package tshark)"
	lab_up
}

teardown() {
	[ -z "${DAEMON:-}" ] || gone "$DAEMON" || hallowd_stop
	[ -z "${LAB_DIR:-}" ] || ! mountpoint -q "$LAB_DIR/disk" || umount "$LAB_DIR/disk"
	[ -z "${LAB_DIR:-}" ] || lab_down
}

# policy AUDIT: two endpoints, tcp and udp, and this `audit` section.
policy() {
	{ echo "lists: {office: {entries: [$OFFICE4/32, \"2001:db8:1::/64\"]}}"; echo endpoints:
		endpoint db "[$LOCAL4, \"$LOCAL6\"]" 5432 '[office]'
		endpoint names "[$LOCAL4, \"$LOCAL6\"]" 5353 '[office]' 'protocol: udp'
		echo "audit: $1"; } | config
}

evidence_files() { find "$STATE/evidence" -name '*.pcapng' 2>/dev/null | sort; }
evidence_bytes() { evidence_files | xargs -r cat | wc -c; }

# packets FILE…: ID ENDPOINT SOURCE DESTINATION PROTOCOL PORT of each packet, as tshark reads it.
packets() {
	local file
	for file; do
		tshark -n -r "$file" -T fields -E separator=' ' -e frame.comment -e ip.src -e ipv6.src -e ip.dst -e ipv6.dst -e ip.proto \
			-e ipv6.nxt -e tcp.dstport -e udp.dstport 2>"$LAB_DIR/tshark.log" || { cat "$LAB_DIR/tshark.log" >&2; return 1; }
	done | awk '{ print $2, $4, $5, $6, $7 == 6 ? "tcp" : "udp", $8 }'
}

rows() { sql "SELECT id || ' ' || endpoint || ' ' || source || ' ' || destination || ' ' || protocol || ' ' || destination_port FROM connections $1 ORDER BY id"; }

all_recorded() { recorded_is "$1" "verdict = 'deny'"; }

# strangers COUNT: so many denied attempts over each protocol and family.
strangers() {
	same "$(dial $STRANGER4 $LOCAL4 5432 "$1" --timeout 1)" "0 $1 0"
	same "$(dial $STRANGER6 $LOCAL6 5432 "$1" --timeout 1)" "0 $1 0"
	same "$(dial $STRANGER4 $LOCAL4 5353 "$1" --timeout 1 --kind udp)" "0 $1 0"
	same "$(dial $STRANGER6 $LOCAL6 5353 "$1" --timeout 1 --kind udp)" "0 $1 0"
}

@test "evidence: the first packets of each attempt, each tied to its row; what was allowed is not kept" {
	lab_serve "$GATE" "db:5432@$LOCAL4"
	policy '{evidence: {packets: 3, size: 1M}}'
	hallowd_start
	run ctl evidence
	same "$status" 1
	[[ $output == *"no packet is kept yet"* ]]
	same "$(dial $OFFICE4 $LOCAL4 5432 2)" "2 0 0"
	strangers 5
	wait_until 15 all_recorded 20
	ctl evidence --output "$LAB_DIR/all.pcapng" | grep '^12 packets$'
	same "$(evidence_files | while read -r f; do packets "$f"; done)" "$(packets "$LAB_DIR/all.pcapng")"
	packets "$LAB_DIR/all.pcapng" >"$LAB_DIR/packets"
	same "$(cut -d' ' -f2- "$LAB_DIR/packets" | sort | uniq -c | awk '{ print $1 }' | paste -sd ' ')" "3 3 3 3"
	# Each is a row just so, and the first ones are.
	rows "WHERE verdict = 'deny'" >"$LAB_DIR/rows"
	same "$(grep -c -x -F -f "$LAB_DIR/packets" "$LAB_DIR/rows")" 12
	local id allowed last
	id=$(sql "SELECT min(id) FROM connections WHERE verdict = 'deny' AND protocol = 'udp'")
	allowed=$(sql "SELECT min(id) FROM connections WHERE verdict = 'allow'")
	last=$(sql "SELECT max(id) FROM connections WHERE verdict = 'deny'")
	ctl -o json evidence "$id" --output "$LAB_DIR/one.pcapng" | jq -e '.packets == 1'
	same "$(packets "$LAB_DIR/one.pcapng")" "$(rows "WHERE id = $id")"
	# The whole of it, payload too, is there.
	same "$(tshark -r "$LAB_DIR/one.pcapng" -T fields -e frame.len -e frame.cap_len 2>/dev/null | awk '{ print ($1 == $2), ($1 > 28) }')" "1 1"
	ctl evidence "$id" | tshark -r - >"$LAB_DIR/piped" 2>/dev/null
	same "$(wc -l <"$LAB_DIR/piped")" 1
	run ctl evidence "$allowed" --output "$LAB_DIR/none.pcapng"
	same "$status" 1
	[[ $output == *"was allowed"* ]]
	run ctl evidence "$last" --output "$LAB_DIR/none.pcapng"
	same "$status" 1
	[[ $output == *"only the first 3 of an attempt"* ]]
	run ctl evidence 1 --output "$LAB_DIR/none.pcapng"
	same "$status" 1
	[[ $output == *"there is no connection 1;"* ]]
	run ctl evidence 1x
	same "$status" 2
	[ ! -e "$LAB_DIR/none.pcapng" ]
}

@test "evidence: off unless asked for; a reload begins and ends it, and the rules say how much is copied" {
	policy '{}'
	hallowd_start
	same "$(dial $STRANGER4 $LOCAL4 5432 2)" "0 2 0"
	wait_until 15 all_recorded 2
	run ctl evidence
	same "$status" 1
	[[ $output == *"put 'evidence:"* ]]
	same "$(on_gate nft list table inet hallowd | grep -c 'snaplen 2048')" 0
	policy '{evidence: {packets: 2, size: 1M}}'
	ctl reload
	same "$(on_gate nft list table inet hallowd | grep 'snaplen 2048' | grep -c -v 'h:d:')" 0
	on_gate nft list table inet hallowd | grep -q 'h:d:db.*snaplen 2048'
	same "$(dial $STRANGER4 $LOCAL4 5432 5)" "0 5 0"
	wait_until 15 all_recorded 7
	soon "2 packets" ctl evidence --output "$LAB_DIR/all.pcapng"
	policy '{}'
	ctl reload
	same "$(dial $STRANGER6 $LOCAL6 5432 5)" "0 5 0"
	wait_until 15 all_recorded 12
	soon "2 packets" ctl evidence --output "$LAB_DIR/all.pcapng"
	same "$(on_gate nft list table inet hallowd | grep -c 'snaplen 2048')" 0
}

@test "evidence: after a flood the ring has its size, and no row is lost" {
	policy '{denied_log_rate: 100000, evidence: {packets: 1000, size: 64K}}'
	hallowd_start
	same "$(dial $STRANGER4 $LOCAL4 5432 300 --timeout 1)" "0 300 0"
	same "$(dial $STRANGER6 $LOCAL6 5353 300 --kind udp --timeout 1)" "0 300 0"
	wait_until 20 all_recorded 600
	ctl evidence --output "$LAB_DIR/all.pcapng"
	[ "$(evidence_bytes)" -le 65536 ]
	[ "$(evidence_bytes)" -gt 32768 ]
	# The newest are there, in order.
	same "$(packets "$LAB_DIR/all.pcapng" | tail -n 200)" "$(rows '' | tail -n 200)"
	run ctl evidence "$(sql "SELECT min(id) FROM connections")"
	same "$status" 1
	[[ $output == *"older than all that are kept"* ]]
	soon 600 sql "SELECT sum(recorded) FROM tallies"
	same "$(sql "SELECT sum(lost) FROM tallies")" 0
}

@test "evidence: on a full disk packets are lost and rows are not" {
	mkdir "$LAB_DIR/disk"
	mount -t tmpfs -o size=64k,mode=777 tmpfs "$LAB_DIR/disk" 2>/dev/null || skip "a tmpfs cannot be mounted here"
	policy '{evidence: {packets: 1000, size: 1M}}'
	hallowd_start
	same "$(dial $STRANGER4 $LOCAL4 5432 1)" "0 1 0"
	wait_until 15 all_recorded 1
	wait_until 15 test -d "$STATE/evidence"
	# The ring alone is on the full disk.
	hallowd_stop
	rm -r "$STATE/evidence"
	mkdir "$STATE/evidence"
	mount --bind "$LAB_DIR/disk" "$STATE/evidence"
	hallowd_start
	same "$(dial $STRANGER4 $LOCAL4 5432 600 --timeout 1)" "0 600 0"
	wait_until 20 all_recorded 601
	same "$(dial $STRANGER4 $LOCAL4 5432 1)" "0 1 0"
	wait_until 20 all_recorded 602
	soon 1 sql "SELECT count(*) > 0 FROM events WHERE kind = 'lost' AND subject = 'evidence' AND detail LIKE '%No space left%'"
	local file
	for file in $(evidence_files); do packets "$file" >>"$LAB_DIR/packets"; done
	[ "$(wc -l <"$LAB_DIR/packets")" -gt 100 ]
	soon 602 sql "SELECT sum(recorded) FROM tallies"
	same "$(sql "SELECT sum(lost) FROM tallies")" 0
	hallowd_stop
	umount "$STATE/evidence"
}

@test "evidence: kill -9 of the recorder leaves files that can be read, and the next one goes on in a new file" {
	policy '{evidence: {packets: 1000, size: 1M}}'
	hallowd_start
	local i before
	for i in 1 2 3; do
		same "$(dial $STRANGER4 $LOCAL4 5432 20 --timeout 1)" "0 20 0"
		wait_until 15 all_recorded $((i * 20))
		soon "$((i * 20)) packets" ctl evidence --output "$LAB_DIR/all.pcapng"
		before=$(child hallowd-record)
		# As a power cut would leave it: the last block is not whole.
		[ "$i" -lt 3 ] || truncate -s -7 "$(evidence_files | tail -n 1)"
		lab_kill KILL "$before"
		wait_until 15 gone "$before"
		wait_until 15 child hallowd-record
	done
	same "$(dial $STRANGER4 $LOCAL4 5432 20 --timeout 1)" "0 20 0"
	wait_until 15 all_recorded 80
	soon "79 packets" ctl evidence --output "$LAB_DIR/all.pcapng"
	same "$(evidence_files | wc -l)" 4
	same "$(packets "$LAB_DIR/all.pcapng" | wc -l)" 79
	run ctl evidence --output "$LAB_DIR/all.pcapng"
	[[ $output == *"1 file is cut off"* ]]
	same "$(packets "$LAB_DIR/all.pcapng" | cut -d' ' -f1 | sort -u | wc -l)" 79
}
