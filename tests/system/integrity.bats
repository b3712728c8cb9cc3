#!/usr/bin/env bats
# Proof: the audit log is as it was recorded, or 'verify' says which row is not.

load lab.bash

setup() {
	lab_up
	publish
	lab_serve "$GATE" "db:5432@$LOCAL4" "db:5432@$LOCAL6"
}

teardown() { lab_down; }

log_is_kept() {
	{
		published_lists
		echo endpoints:
		endpoint api "[$LOCAL4, \"$LOCAL6\"]" 5432 '[humanitec, office]'
		printf '%s\n' "$@"
	} | config
	hallowd_start
}

some_traffic() {
	same "$(dial "${BOTH[0]}" $LOCAL4 5432 3)" "3 0 0"
	same "$(dial $OFFICE6 $LOCAL6 5432 2)" "2 0 0"
	same "$(dial $STRANGER4 $LOCAL4 5432 4)" "0 4 0"
	same "$(dial $STRANGER6 $LOCAL6 5432 3)" "0 3 0"
	soon "${1:-12}" sql "SELECT count(*) FROM connections"
}

verified() { ctl -o json verify "$@" | jq -c '[.ok, .first_bad]'; }
signed() { ctl -o json verify | jq '.checkpoints > 0'; }

@test "integrity: what was recorded verifies, while hallowd runs and when it has stopped" {
	log_is_kept
	some_traffic
	soon true signed
	same "$(verified)" '[true,null]'
	hallowd_stop
	same "$(ctl -o json verify | jq -c '[.ok, .rows == .newest_checkpoint.rows, .checkpoints > 1]')" '[true,true,true]'
	same "$(stat -c '%a %U' "$STATE/audit.key")" "600 root"
	same "$(stat -c '%a %U' "$STATE/checkpoint" "$STATE/audit.pub" | sort -u)" "644 root"
}

# tampered SQL…: runs it on a copy of the log; `verify` of the copy must fail.  Prints first_bad's row.
tampered() {
	local copy=$LAB_DIR/copy
	rm -rf "$copy" && cp -a "$STATE" "$copy"
	sqlite3 "$copy/audit.db" "$1"
	sed "s|^state_dir: .*|state_dir: $copy|; s|^run_dir: .*|run_dir: $copy|" "$CONF" >"$LAB_DIR/copy.yaml"
	exit_is 6 "$LAB_BUILD/hallowctl" -c "$LAB_DIR/copy.yaml" -o json verify >"$LAB_DIR/verify.json" || return
	jq -r 'if .ok then "ok" else .first_bad.row end' "$LAB_DIR/verify.json"
}

# exit_is CODE COMMAND…
exit_is() {
	local code=$1 status=0
	shift
	"$@" || status=$?
	[ $status -eq "$code" ] || { echo "exit $status, not $code: $*" >&2; return 1; }
}

row() { sql "SELECT id FROM connections ORDER BY id LIMIT 1 OFFSET $1"; }

@test "integrity: the report says whether the log verifies, and what of a control that speaks for or against" {
	log_is_kept
	some_traffic
	soon true signed
	hallowd_stop
	ctl -o json report >"$LAB_DIR/report.json"
	same "$(jq -c '.integrity | [.ok, .problem]' "$LAB_DIR/report.json")" '[true,null]'
	jq -r .integrity.checkpoint "$LAB_DIR/report.json" | diff - <(cat "$STATE/checkpoint"; echo)
	same "$(jq -c '.controls[] | select(.id == "10.3.4") | [.met, .status]' "$LAB_DIR/report.json")" '[true,"met"]'
	same "$(tampered "UPDATE connection SET source_port = source_port + 1 WHERE id = $(row 5)")" "$(row 5)"
	exit_is 6 "$LAB_BUILD/hallowctl" -c "$LAB_DIR/copy.yaml" -o json report >"$LAB_DIR/report.json"
	same "$(jq -c '.integrity.ok' "$LAB_DIR/report.json")" false
	jq -r .integrity.problem "$LAB_DIR/report.json" | grep -q "$(row 5)"
	same "$(jq -c '.controls[] | select(.id == "10.3.4") | [.met, .status]' "$LAB_DIR/report.json")" '[false,"not-met"]'
	exit_is 6 "$LAB_BUILD/hallowctl" -c "$LAB_DIR/copy.yaml" report >"$LAB_DIR/report.txt" 2>"$LAB_DIR/said"
	grep -q 'The audit log does not verify' "$LAB_DIR/report.txt"
	grep -q "hallowctl: the audit log does not verify: connection $(row 5)" "$LAB_DIR/said"
}

@test "integrity: the first row that does not fit is named" {
	log_is_kept
	some_traffic
	hallowd_stop
	same "$(tampered "UPDATE connection SET source_port = source_port + 1 WHERE id = $(row 5)")" "$(row 5)"
	same "$(tampered "UPDATE connection SET skew = skew - 1 WHERE id = $(row 3)")" "$(row 3)"
	same "$(tampered "INSERT INTO connection SELECT id + 1, skew, source, source_port, decision, target FROM connection WHERE id = $(row 4)")" $(($(row 4) + 1))
	# A missing row is named by the one that stands where it was.
	same "$(tampered "DELETE FROM connection WHERE id = $(row 6)")" "$(row 7)"
	grep -q 'missing in front of it' "$LAB_DIR/verify.json"
	tampered "DELETE FROM connection WHERE id = $(row 11)" >/dev/null
	same "$(tampered "UPDATE event SET detail = '{}' WHERE id = 1")" event:1
	same "$(tampered "UPDATE revision SET decided_by = 'user root' WHERE id = 1")" revision:1
	# Two rows change places.
	same "$(tampered "UPDATE connection SET id = 1 WHERE id = $(row 2); UPDATE connection SET id = $(row 2) WHERE id = $(row 9);
		UPDATE connection SET id = $(row 9) WHERE id = 1")" "$(row 2)"
	# What rows name, and what looks at them.
	tampered "UPDATE endpoint SET name = 'apj'" >/dev/null
	tampered "UPDATE decision SET reason = 'granted'" >/dev/null
	tampered "UPDATE target SET port = 443" >/dev/null
	tampered "UPDATE tally SET counted = counted + 1, lost = lost + 1" >/dev/null
	tampered "DROP VIEW events; CREATE VIEW events AS SELECT 1 AS time" >/dev/null
	tampered "DELETE FROM checkpoint; UPDATE tree SET log = '0123456789abcdef'" >/dev/null
	tampered "UPDATE checkpoint SET note = replace(note, char(10) || 'time 2', char(10) || 'time 3')" >/dev/null
}

@test "integrity: an older copy and a tail that was cut off are found" {
	log_is_kept
	some_traffic
	ctl checkpoint >"$LAB_DIR/kept"
	grep -q '^kept$' "$LAB_DIR/kept"
	hallowd_stop
	cp -a "$STATE" "$LAB_DIR/older"
	hallowd_start
	same "$(dial $STRANGER4 $LOCAL4 5432 2)" "0 2 0"
	soon 14 sql "SELECT count(*) FROM connections"
	ctl verify --against "$LAB_DIR/kept"
	hallowd_stop
	same "$(verified --against "$LAB_DIR/kept")" '[true,null]'
	cp "$STATE/checkpoint" "$LAB_DIR/newest"
	# The whole state of before, with its own checkpoint: only what was kept elsewhere tells.
	cp -a "$LAB_DIR/older/." "$STATE/"
	same "$(verified)" '[true,null]'
	exit_is 6 ctl verify --against "$LAB_DIR/newest" >"$LAB_DIR/out"
	grep -q 'the end was cut off, or this is an older copy' "$LAB_DIR/out"
	# The database alone.
	cp "$LAB_DIR/newest" "$STATE/checkpoint"
	exit_is 6 ctl verify
	rm "$STATE"/audit.db*
	exit_is 6 ctl verify
}

@test "integrity: a log that was removed whole is told of by the next one" {
	log_is_kept
	some_traffic
	hallowd_stop
	same "$(ctl -o json verify | jq -c .earlier_logs)" "[]"
	local rows
	rows=$(ctl -o json verify | jq .newest_checkpoint.rows)
	rm "$STATE/audit.db"*
	hallowd_start
	soon true signed
	same "$(ctl -o json verify | jq -c '[.ok, (.earlier_logs | length), .earlier_logs[0].rows]')" "[true,1,$rows]"
	ctl verify | grep -E "^before this log there was another, whose rows are not in it: $STATE/checkpoint\..* was signed over $rows, 20"
}

@test "integrity: a proof holds without the log, and no other row has it" {
	log_is_kept
	some_traffic
	ctl checkpoint >"$LAB_DIR/kept"
	ctl prove "$(row 4)" --output "$LAB_DIR/proof.json"
	ctl prove event:1 --output "$LAB_DIR/event.json"
	ctl prove revision:1 >"$LAB_DIR/revision.json"
	same "$(dial $STRANGER6 $LOCAL6 5432 2)" "0 2 0"
	ctl checkpoint >/dev/null
	ctl prove --consistency "$LAB_DIR/kept" --output "$LAB_DIR/continued.json"
	cp "$STATE/audit.pub" "$LAB_DIR/pub"
	for proof in proof event revision continued; do
		(cd / && "$LAB_BUILD/hallowctl" -c /nonexistent check-proof "$LAB_DIR/$proof.json" --key "$LAB_DIR/pub")
		# By another program, in another language.
		same "$(python3 "$BATS_TEST_DIRNAME/../unit/check_proof.py" "$LAB_DIR/$proof.json" "$LAB_DIR/pub")" holds
	done
	same "$("$LAB_BUILD/hallowctl" -o json check-proof "$LAB_DIR/proof.json" 2>/dev/null | jq -c '[.ok, .key_given, .row.source_port]')" \
		"[true,false,$(sql "SELECT source_port FROM connections WHERE id = $(row 4)")]"
	jq '.row.source_port += 1' "$LAB_DIR/proof.json" >"$LAB_DIR/bad.json"
	exit_is 6 "$LAB_BUILD/hallowctl" check-proof "$LAB_DIR/bad.json"
	exit_is 1 python3 "$BATS_TEST_DIRNAME/../unit/check_proof.py" "$LAB_DIR/bad.json" "$LAB_DIR/pub"
	jq '.leaf += 1' "$LAB_DIR/proof.json" >"$LAB_DIR/bad.json"
	exit_is 6 "$LAB_BUILD/hallowctl" check-proof "$LAB_DIR/bad.json"
	jq '.path |= reverse' "$LAB_DIR/continued.json" >"$LAB_DIR/bad.json"
	exit_is 6 "$LAB_BUILD/hallowctl" check-proof "$LAB_DIR/bad.json"
	exit_is 6 "$LAB_BUILD/hallowctl" check-proof "$LAB_DIR/proof.json" --key 'vm/hallowd+9bb24aeb+Aa+1Rb5TqMboR9hQ0Bag5x8wA70MBJv6ZayEjvwVyttO'
	exit_is 2 ctl prove connections
	exit_is 1 ctl prove 5
}

@test "integrity: rotation is signed by both keys, and the private key shows nowhere" {
	log_is_kept
	soon true signed
	secret=$(cut -d+ -f5- "$STATE/audit.key")
	ctl rotate-key --reason 'CHG-1'
	same "$(wc -l <"$STATE/audit.pub")" 2
	same "$(stat -c %a "$STATE/audit.key")" 600
	not grep -qF "$secret" "$STATE/audit.key"
	soon 1 sql "SELECT count(*) FROM events WHERE kind = 'key-rotated'"
	same "$(sql "SELECT detail FROM events WHERE kind = 'key-rotated'" | jq -r '.by, .reason' | paste -sd ' ')" 'root CHG-1'
	same "$(sql "SELECT detail FROM events WHERE kind = 'key-rotated'" | jq -r .note | grep -c '^— ')" 2
	same "$(verified)" '[true,null]'
	hallowd_stop
	# Another key by the configuration, with the one before beside it.
	mkdir "$LAB_DIR/keys"
	cp "$STATE/audit.key" "$LAB_DIR/keys/old"
	log_is_kept "audit: {signing_key: {file: $LAB_DIR/keys/new}}"
	soon 1 eval "status '.problems[]' | grep -c 'audit.previous_key'" || status . >&2
	hallowd_stop
	log_is_kept "audit: {signing_key: {file: $LAB_DIR/keys/new}, previous_key: {file: $LAB_DIR/keys/old}}"
	soon 3 eval "wc -l <'$STATE/audit.pub'"
	hallowd_stop
	same "$(verified)" '[true,null]'
	not grep -rqF "$secret" "$STATE" "$LAB_DIR/hallowd.log"
	not grep -rqF "$(cut -d+ -f5- "$LAB_DIR/keys/new")" "$STATE" "$LAB_DIR/hallowd.log"
}

@test "integrity: a rewritten history is not signed, and status says so" {
	log_is_kept
	some_traffic
	hallowd_stop
	before=$(sed -n 2p "$STATE/checkpoint")
	sqlite3 "$STATE/audit.db" "UPDATE connection SET source_port = 1 WHERE id = $(row 11)"
	hallowd_start
	soon 1 sql "SELECT count(*) FROM events WHERE kind = 'checkpoint-refused'"
	same "$(sed -n 2p "$STATE/checkpoint")" "$before"
	status '.problems[]' | grep -q 'does not continue what was signed'
	exit_is 6 ctl checkpoint
	exit_is 6 ctl verify
}

@test "integrity: after kill -9 of each process the log verifies" {
	log_is_kept
	for i in 1 2 3 4 5; do
		dial $STRANGER4 $LOCAL4 5432 3 >/dev/null
		kill -9 "$(status .recorder.pid)"
		soon true status .recording
	done
	soon 15 sql "SELECT count(*) FROM connections"
	same "$(verified)" '[true,null]'
}
