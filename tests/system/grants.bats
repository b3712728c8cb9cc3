#!/usr/bin/env bats
# Break glass: access for a time, which ends by itself whatever becomes of hallowd.

load lab.bash

setup() {
	lab_up
	publish
	lab_serve "$GATE" "db:5432@$LOCAL4" "db:5432@$LOCAL6" "db:7000@$LOCAL4"
}

teardown() { lab_down; }

configure() {
	{
		published_lists
		echo endpoints:
		endpoint api "[$LOCAL4, \"$LOCAL6\"]" 5432 '[humanitec]'
		endpoint other "$LOCAL4" 7000 '[humanitec]'
		printf '%s\n' "$@"
	} | config
}

denied_now() { [ "$(dial "$1" "$2" 5432)" = "0 1 0" ]; }

# left FAMILY ID: milliseconds that the kernel will still let the grant's source in; nothing where it does not.
left() {
	on_gate nft -j list set inet hallowd "grant/$2/$1" 2>/dev/null |
		jq '.nftables[].set.elem[]?.elem.expires // empty'
}

@test "grants: a source is let in at once, to that endpoint only, and recorded with the grant" {
	configure
	hallowd_start
	same "$(dial $STRANGER4 $LOCAL4 5432)" "0 1 0"
	same "$(ctl -o json grant $STRANGER4 api --for 1h --reason 'INC-1 rebuild' | jq .id)" 1
	same "$(ctl -o json grant $STRANGER6 api --for 1h --reason 'INC-1 rebuild' | jq .id)" 2
	same "$(dial $STRANGER4 $LOCAL4 5432 2)" "2 0 0"
	same "$(dial $STRANGER6 $LOCAL6 5432)" "1 0 0"
	same "$(dial $STRANGER4 $LOCAL4 7000)" "0 1 0"
	same "$(dial $OFFICE4 $LOCAL4 5432)" "0 1 0"
	# Who is listed anyway is recorded as that.
	same "$(dial "${BOTH[0]}" $LOCAL4 5432)" "1 0 0"
	soon "granted|grant:1||2
granted|grant:2||1
listed|humanitec|1|1" sql "SELECT reason, list, revision, count(*) FROM connections WHERE verdict = 'allow' GROUP BY 1, 2 ORDER BY 2"
	same "$(sql "SELECT subject, json_extract(detail, '\$.id'), json_extract(detail, '\$.source'),
		json_extract(detail, '\$.by'), json_extract(detail, '\$.reason') FROM events WHERE kind = 'granted' LIMIT 1")" \
		"api|1|$STRANGER4/32|root|INC-1 rebuild"
	soon "4|4|0" sql "SELECT sum(counted), sum(recorded), sum(lost) FROM tallies WHERE verdict = 'allow'"

	same "$(ctl -o json explain $STRANGER4 $LOCAL4:5432 | jq -c '[.verdict, .reason, .list, .entry, .grant.id, .grant.by]')" \
		"[\"allow\",\"granted\",\"grant:1\",\"$STRANGER4/32\",1,\"root\"]"
	ctl explain $STRANGER4 $LOCAL4:5432 | grep -F 'grant 1, by root: INC-1 rebuild'
	same "$(ctl -o json explain $STRANGER4 $LOCAL4:7000 | jq -r .reason)" not-listed
	same "$(status '.grants[] | "\(.id) \(.source) \(.endpoint) \(.in_force)"')" "1 $STRANGER4/32 api true
2 $STRANGER6/128 api true"
	ctl grants | grep -F 'INC-1 rebuild'
}

@test "grants: one ends by itself, open connections with it, and says so" {
	configure
	hallowd_start
	ctl grant $STRANGER4 api --for 4s --reason test
	lab_start "$CLIENT" held "$LAB_PYTHON" "$LAB_LIB/connect.py" $STRANGER4 $LOCAL4 5432 --hold 30
	wait_until 10 grep -q '^answer' "$LAB_DIR/held.log"
	wait_until 15 denied_now $STRANGER4 $LOCAL4
	wait_until 15 grep -q '^cut' "$LAB_DIR/held.log"
	soon "granted|api
expired|api" sql "SELECT kind, subject FROM events WHERE kind IN ('granted', 'expired') ORDER BY time"
	same "$(ctl -o json grants)" "[]"
	same "$(ctl -o json explain $STRANGER4 $LOCAL4:5432 | jq -r .verdict)" deny
	# Nothing of it is left in the kernel.
	same "$(on_gate nft list table inet hallowd | grep -c grant/)" 0
}

@test "grants: one ends although hallowd is dead; what happened is told once it lives" {
	configure
	hallowd_start
	ctl grant $STRANGER4 api --for 3s --reason test
	ctl grant $STRANGER6 api --for 1h --reason test
	same "$(dial $STRANGER4 $LOCAL4 5432)" "1 0 0"
	hallowd_kill
	wait_until 15 denied_now $STRANGER4 $LOCAL4
	same "$(dial $STRANGER6 $LOCAL6 5432)" "1 0 0"
	hallowd_start
	same "$(dial $STRANGER6 $LOCAL6 5432)" "1 0 0"
	soon "1" sql "SELECT json_extract(detail, '\$.id') FROM events WHERE kind = 'expired'"
	same "$(ctl -o json grants | jq -c '[.[].id]')" "[2]"
	soon "2" recorded "list = 'grant:2'"
	# Numbers are not given twice.
	same "$(ctl -o json grant $STRANGER4 api --for 1h --reason test | jq .id)" 3
}

@test "grants: restart, reload and a table made anew leave the time that was left" {
	configure
	hallowd_start
	ctl grant $STRANGER4 api --for 2h --reason test
	[ "$(left 4 1)" -le 7200 ]
	hallowd_stop
	hallowd_start
	same "$(dial $STRANGER4 $LOCAL4 5432)" "1 0 0"
	configure 'grants: {max_duration: 1h}'
	ctl reload
	same "$(dial $STRANGER4 $LOCAL4 5432)" "1 0 0"
	ctl teardown --reason test
	run ctl grant $STRANGER6 api --for 1m --reason test
	same "$status" 1
	[[ "$output" == *"nothing is enforced"* ]]
	ctl reload
	same "$(dial $STRANGER4 $LOCAL4 5432)" "1 0 0"
	same "$(dial $OFFICE4 $LOCAL4 5432)" "0 1 0"
	[ "$(left 4 1)" -gt 7000 ] && [ "$(left 4 1)" -le 7200 ]
	# As at boot: hallowd is gone, and so is the table.
	hallowd_stop
	sed -i "s/^# 1.until: .*/# 1.until: $(date -u -d '+100 seconds' +%FT%TZ)/" "$STATE/grants"
	wait_until 10 lab_only_servers
	on_gate nft delete table inet hallowd
	on_gate "$LAB_BUILD/hallowd" -c "$CONF" --boot
	same "$(dial $STRANGER4 $LOCAL4 5432)" "1 0 0"
	[ "$(left 4 1)" -le 100 ]
}
lab_only_servers() {
	local keeper
	keeper=$(keeper) || return 0
	kill "$keeper"
	return 1
}

@test "grants: revoke ends one at once, open connections with it" {
	configure
	hallowd_start
	ctl grant $STRANGER4 api --for 1h --reason test
	ctl grant $STRANGER6 api --for 1h --reason test
	lab_start "$CLIENT" held "$LAB_PYTHON" "$LAB_LIB/connect.py" $STRANGER4 $LOCAL4 5432 --hold 30
	wait_until 10 grep -q '^answer' "$LAB_DIR/held.log"
	ctl revoke 1 --reason 'rebuilt'
	wait_until 15 grep -q '^cut' "$LAB_DIR/held.log"
	same "$(dial $STRANGER4 $LOCAL4 5432)" "0 1 0"
	same "$(dial $STRANGER6 $LOCAL6 5432)" "1 0 0"
	soon "api|1|rebuilt|root" sql "SELECT subject, json_extract(detail, '\$.id'), json_extract(detail, '\$.reason'),
		json_extract(detail, '\$.by') FROM events WHERE kind = 'revoked'"
	run ctl revoke 1
	same "$status" 1
	hallowd_stop
	hallowd_start
	same "$(dial $STRANGER4 $LOCAL4 5432)" "0 1 0"
	# The report counts both as decisions of a person.
	same "$(ctl -o json report | jq -c '[.decisions[].kind]')" '["granted","granted","revoked"]'
}

@test "grants: at most what the configuration permits" {
	configure
	hallowd_start
	refused() { # STATUS PHRASE WORD…
		local code=$1 phrase=$2
		shift 2
		run ctl grant "$@"
		same "$status" "$code"
		[[ "$output" == *"$phrase"* ]] || { echo "$output" >&2; return 1; }
	}
	refused 1 'at most (grants.max_duration' $STRANGER4 api --for 481m --reason test
	refused 1 'grants.min_prefix4' 192.0.2.0/24 api --for 1m --reason test
	refused 1 'grants.min_prefix6' 2001:db8:bad::/64 api --for 1m --reason test
	refused 2 "no endpoint 'apj'" $STRANGER4 apj --for 1m --reason test
	refused 2 'is no source' nobody api --for 1m --reason test
	refused 2 'needs --reason' $STRANGER4 api --for 1m
	refused 2 'needs --for' $STRANGER4 api --reason test
	refused 2 'is no duration' $STRANGER4 api --for soon --reason test
	same "$(ctl -o json grants)" "[]"
	same "$(sql "SELECT count(*) FROM events WHERE kind = 'granted'")" 0
	configure 'grants: {max_duration: 1d, max_active: 1, min_prefix4: 24}'
	ctl reload
	ctl grant 192.0.2.0/24 api --for 20h --reason test
	same "$(dial $STRANGER4 $LOCAL4 5432)" "1 0 0"
	refused 1 'grants.max_active' $STRANGER6 api --for 1m --reason test
	ctl revoke 1
	configure 'grants: {max_active: 0}'
	ctl reload
	refused 1 'grants.max_active' $STRANGER6 api --for 1m --reason test
}

@test "grants: only for root and the user that hallowd runs as" {
	configure
	hallowd_start
	chmod 0711 "$LAB_DIR" "$RUN"
	chmod 0644 "$CONF"
	chmod 0666 "$RUN/control.sock"
	run on_gate setpriv --reuid 65534 --regid 65534 --clear-groups "$LAB_BUILD/hallowctl" -c "$CONF" \
		grant $STRANGER4 api --for 1m --reason test
	same "$status" 1
	[[ "$output" == *"'grant' is for root"* ]]
	same "$(dial $STRANGER4 $LOCAL4 5432)" "0 1 0"
}

@test "grants: without a running hallowd, and for an endpoint that goes and comes back" {
	configure
	ctl refresh --quiet
	ctl grant $STRANGER4 api --for 1h --reason test
	same "$(dial $STRANGER4 $LOCAL4 5432)" "1 0 0"
	hallowd_start
	same "$(dial $STRANGER4 $LOCAL4 5432)" "1 0 0"
	sed -i 's/^  api:/  api2:/' "$CONF"
	ctl reload
	same "$(dial $STRANGER4 $LOCAL4 5432)" "0 1 0"
	same "$(ctl -o json grants | jq -c '[.[] | [.id, .in_force]]')" "[[1,false]]"
	sed -i 's/^  api2:/  api:/' "$CONF"
	ctl reload
	same "$(dial $STRANGER4 $LOCAL4 5432)" "1 0 0"
}

@test "grants: in mode observe a grant is recorded as one" {
	configure
	sed -i '0,/allow: \[humanitec\]/s//&\n    mode: observe/' "$CONF"
	hallowd_start
	ctl grant $STRANGER4 api --for 1h --reason test
	same "$(dial $STRANGER4 $LOCAL4 5432)" "1 0 0"
	same "$(dial $OFFICE4 $LOCAL4 5432)" "1 0 0"
	soon "granted|grant:1
observed|humanitec" sql "SELECT reason, list FROM connections ORDER BY id"
}

@test "grants: a damaged file lets nobody in, and the rest goes on" {
	configure
	hallowd_start
	ctl grant $STRANGER4 api --for 1h --reason test
	hallowd_stop
	sed -i 's/^# 1.source: .*/# 1.source: 0.0.0.0\/99/' "$STATE/grants"
	hallowd_start
	same "$(dial $STRANGER4 $LOCAL4 5432)" "0 1 0"
	same "$(dial "${BOTH[0]}" $LOCAL4 5432)" "1 0 0"
	grep -F 'no grant is in force' "$LAB_DIR/hallowd.log"
}

@test "grants: where the table has no owner, the kernel's end of one is no drift" {
	configure 'kernel: {owner: false}'
	hallowd_start
	ctl grant $STRANGER4 api --for 3s --reason test
	same "$(dial $STRANGER4 $LOCAL4 5432)" "1 0 0"
	wait_until 15 denied_now $STRANGER4 $LOCAL4
	soon 1 sql "SELECT count(*) FROM events WHERE kind = 'expired'"
	same "$(sql "SELECT count(*) FROM events WHERE kind IN ('drift', 'repaired')")" 0
}
