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
