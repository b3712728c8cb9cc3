#!/usr/bin/env bats
# Endpoints that change under open connections, and very many of them.

load lab.bash

setup() {
	lab_up
	publish
}

teardown() { lab_down; }

# hold NAME SOURCE ADDRESS PORT: a connection that is kept talking, in LAB_DIR/NAME.log.
hold() {
	lab_start "$CLIENT" "$1" "$LAB_PYTHON" "$LAB_LIB/connect.py" "$2" "$3" "$4" --hold 120
	wait_until 10 grep -q 'answer 2' "$LAB_DIR/$1.log"
}
is_cut() { wait_until 10 grep -q '^cut' "$LAB_DIR/$1.log"; }
goes_on() {
	local now
	now=$(grep -c answer "$LAB_DIR/$1.log")
	wait_until 10 grep -q "answer $((now + 3))" "$LAB_DIR/$1.log" && not grep -q '^cut' "$LAB_DIR/$1.log"
}

# configure ENDPOINT-ITEM…
configure() { { published_lists; echo endpoints:; printf '%s\n' "$@"; } | config; }

@test "scale: an endpoint changes under open connections: who may stay stays, who may not is cut, on both families" {
	lab_serve "$GATE" "db:5432@$LOCAL4" "db:5432@$LOCAL6" "db:7000@$LOCAL4"
	configure "$(endpoint api "[$LOCAL4, \"$LOCAL6\"]" 5432 '[humanitec, office]')" "$(endpoint side $LOCAL4 7000 '[office]')"
	hallowd_start
	hold listed "${BOTH[0]}" $LOCAL4 5432
	hold office4 $OFFICE4 $LOCAL4 5432
	hold office6 $OFFICE6 $LOCAL6 5432
	hold side $OFFICE4 $LOCAL4 7000
	# Its list: who was let in by the other is cut; the endpoint beside it is not touched.
	configure "$(endpoint api "[$LOCAL4, \"$LOCAL6\"]" 5432 '[humanitec]')" "$(endpoint side $LOCAL4 7000 '[office]')"
	ctl reload
	is_cut office4
	is_cut office6
	goes_on listed
	goes_on side
	# Its name, mode, way of denying, ports and addresses: nobody who may stay notices.
	configure "$(endpoint renamed "[$LOCAL4, \"$FORWARD6\"]" '["5000-6000"]' '[humanitec]' 'mode: observe' 'deny_with: reject')" \
		"$(endpoint side $LOCAL4 7000 '[office]')"
	ctl reload
	goes_on listed
	configure "$(endpoint renamed $LOCAL4 '["5432-5433"]' '[office, humanitec]')" "$(endpoint side $LOCAL4 7000 '[office]')"
	ctl reload
	goes_on listed
	goes_on side
	# The same address under another list: the connection is judged by what is in force now, not by what let it in.
	configure "$(endpoint side "[$LOCAL4]" '[5432, 7000]' '[office]')"
	ctl reload
	is_cut listed
	goes_on side
}

@test "scale: an endpoint removed: its chain, sets and counters go, connections to it stay, and everybody may come" {
	lab_serve "$GATE" "db:5432@$LOCAL4" "db:7000@$LOCAL4"
	configure "$(endpoint api $LOCAL4 5432 '[humanitec]')" "$(endpoint side $LOCAL4 7000 '[office]')"
	hallowd_start
	hold listed "${BOTH[0]}" $LOCAL4 5432
	same "$(dial $STRANGER4 $LOCAL4 5432)" "0 1 0"
	configure "$(endpoint side $LOCAL4 7000 '[office]')"
	ctl plan | grep -F 'endpoint api: 203.0.113.10 port 5432 tcp is protected no more'
	ctl reload
	goes_on listed
	same "$(dial $STRANGER4 $LOCAL4 5432)" "1 0 0"
	same "$(dial $STRANGER4 $LOCAL4 7000)" "0 1 0"
	same "$(on_gate nft list table inet hallowd | grep -c '[/"]api')" 0
	same "$(status '[.endpoints[].name] | @csv')" '"side"'
	# What it did stays in the log, and its time ends.
	soon 1 recorded "endpoint = 'api' AND verdict = 'deny'"
	same "$(sql "SELECT count(*) FROM coverage WHERE endpoint = 'api' AND to_time > (SELECT max(time) FROM events WHERE kind = 'reload')")" 0
	same "$(sql "SELECT sum(counted), sum(lost) FROM tallies WHERE endpoint = 'api'")" "2|0"
}

# many COUNT [LIST]: endpoints on ports from 10000 on, each with both addresses; all allow `shared`, but the 500th LIST.
many() {
	{
		echo lists:
		own_list shared "${BOTH[@]}"
		own_list only "${PROVIDER_ONLY[0]}"
		printf '  six: {entries: ["2001:db8:1::/64"]}\nendpoints:\n'
		awk -v n="$1" -v list="${2:-shared}" -v v4=$LOCAL4 -v v6=$LOCAL6 'BEGIN { for (i = 0; i < n; i++)
			printf "  e%d: {address: [%s, \"%s\"], port: %d, allow: [%s, six]}\n", i, v4, v6, 10000 + i, i == 499 ? list : "shared" }'
	} | config
}

@test "scale: 2,000 endpoints, one list for all of them, one change of each: what changes is sent, and no more" {
	lab_serve "$GATE" "db:10000@$LOCAL4" "db:10499@$LOCAL4" "db:11999@$LOCAL4" "db:11999@$LOCAL6" "db:12000@$LOCAL4"
	many 2000
	: >"$LAB_DIR/changes"
	lab_start "$GATE" watching "$LAB_PYTHON" "$LAB_LIB/watch_nft.py" "$LAB_DIR/changes"
	wait_until 10 grep -q listening "$LAB_DIR/changes"
	hallowd_start
	told_is -gt 20000
	same "$(dial "${BOTH[0]}" $LOCAL4 10000) $(dial "${BOTH[5]}" $LOCAL4 11999) $(dial $OFFICE6 $LOCAL6 11999)" "1 0 0 1 0 0 1 0 0"
	same "$(dial $STRANGER4 $LOCAL4 10000) $(dial $STRANGER4 $LOCAL4 11999) $(dial $STRANGER6 $LOCAL6 11999)" "0 1 0 0 1 0 0 1 0"
	same "$(dial $STRANGER4 $LOCAL4 12000)" "1 0 0"
	same "$(ctl -o json explain "${BOTH[0]}" $LOCAL4:11999 | jq -c '[.verdict, .endpoint, .list]')" '["allow","e1999","shared"]'
	# An address of the list that all share: one element, for 2,000 endpoints.
	sed -i "/${BOTH[5]}/d" "$LAB_DIR/shared.txt"
	ctl refresh shared
	same "$(dial "${BOTH[5]}" $LOCAL4 10000) $(dial "${BOTH[5]}" $LOCAL4 11999)" "0 1 0 0 1 0"
	same "$(dial "${BOTH[0]}" $LOCAL4 11999)" "1 0 0"
	told_is -eq 1
	# One endpoint: its own chains and rules.
	many 2000 only
	same "$(ctl -o json plan | jq -c '[.endpoints.changed, .endpoints.added, .endpoints.removed]')" '[["e499"],[],[]]'
	ctl reload
	same "$(dial "${BOTH[0]}" $LOCAL4 10499) $(dial "${PROVIDER_ONLY[0]}" $LOCAL4 10499)" "0 1 0 1 0 0"
	same "$(dial "${BOTH[0]}" $LOCAL4 10000)" "1 0 0"
	told_is -le 40
	# One endpoint less.
	many 1999 only
	ctl reload
	same "$(dial $STRANGER4 $LOCAL4 11999) $(dial $STRANGER4 $LOCAL4 10000)" "1 0 0 0 1 0"
	told_is -le 40
	soon 0 sql "SELECT coalesce(sum(lost), 0) FROM tallies"
	same "$(status '.endpoints | length')" 1999
}
# told_is COMPARISON NUMBER: so many messages of nf_tables told of changes since the last time: elements, rules, chains, ...
# It keeps in TOLD how far it has come.
told_is() {
	local from=$((${TOLD:-0} + 1)) count
	on_gate nft 'add table inet last; delete table inet last'
	wait_until 20 last_told "$from"
	TOLD=$(wc -l <"$LAB_DIR/changes")
	count=$(sed -n "$from,${TOLD}p" "$LAB_DIR/changes" | grep -cv 'newgen\|table\|listening' || :)
	[ "$count" "$1" "$2" ] || { echo "$count messages" >&2; return 1; }
}
last_told() { tail -n "+$1" "$LAB_DIR/changes" | grep -A 1 '^deltable' | grep -q '^newgen'; }
