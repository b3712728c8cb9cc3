#!/usr/bin/env bats
# What a reload or a refresh would do, told before it is done: the difference, and whom it would cut off.

load lab.bash

setup() {
	lab_up
	publish
	lab_serve "$GATE" "db:5432@$LOCAL4" "db:5432@$LOCAL6" "db:7000@$LOCAL4"
}

teardown() { lab_down; }

# configure ENDPOINT-ITEM…: the published lists, a list `branch`, and these endpoints.
configure() {
	{
		published_lists
		printf '  branch: {entries: ["%s", "%s"]}\n' "$STRANGER4" "$STRANGER6"
		echo endpoints:
		printf '%s\n' "$@"
	} | config
}
api() { endpoint api "[$LOCAL4, \"$LOCAL6\"]" 5432 "$@"; }

ruleset() { on_gate nft -s list table inet hallowd | sed 's/ # progname.*//'; }
warned() { ctl plan "$@" | grep '^warning: '; }

@test "plan: the difference in words and in JSON; the plan itself changes nothing, and the reload comes to just that" {
	configure "$(api '[humanitec, office]')" "$(endpoint old $LOCAL4 7000 '[office]')"
	hallowd_start
	same "$(ctl plan)" "nothing to change: the kernel has just this policy"
	local before
	before=$(ruleset)
	configure "$(endpoint api "[$LOCAL4, \"$FORWARD6\"]" '[5432, "6000-6010"]' '[office, branch]' 'mode: observe' \
		'deny_with: reject' 'owner: data team')" "$(endpoint new $FORWARD4 8443 '[humanitec]')"
	ctl -o json plan >"$LAB_DIR/plan.json"
	same "$(jq -c '[.changes, .endpoints.added, .endpoints.changed, .endpoints.removed]' "$LAB_DIR/plan.json")" \
		'[true,["new"],["api"],["old"]]'
	same "$(jq -r '.details[] | .change, .endpoint, .details[]' "$LAB_DIR/plan.json")" "changed
api
address: + $FORWARD6/128, - $LOCAL6/128
port: 5432 -> 5432, 6000-6010
allow: + branch, - humanitec
mode: enforce -> observe
deny_with: drop -> reject
owner:  -> data team
added
new
at $FORWARD4 port 8443 tcp
allow: humanitec
mode: enforce
removed
old
at $LOCAL4 port 7000 tcp
allow: office
mode: enforce"
	same "$(jq -r '.warnings[]' "$LAB_DIR/plan.json")" "endpoint api: nobody is denied any more (mode observe)
endpoint api: $LOCAL6 port 5432 tcp is protected no more, so everybody may connect there
endpoint old: $LOCAL4 port 7000 tcp is protected no more, so everybody may connect there"
	ctl plan | grep -Fx '  mode: enforce -> observe'
	same "$(ruleset)" "$before"
	# What was planned is what comes.
	ctl plan --nft >"$LAB_DIR/planned.nft"
	ctl reload
	same "$(ctl -o json plan | jq .changes)" false
	same "$(ctl plan --nft)" "$(cat "$LAB_DIR/planned.nft")"
	# The kernel lists chains in the order in which they came.
	same "$(grep -v 'packets 0 bytes 0' "$LAB_DIR/planned.nft" | grep . | sort)" "$(ruleset | grep -v '^	flags' | grep . | sort)"
}

@test "plan: who was let in within 30 days and would be cut off, by name; others are not named" {
	configure "$(api '[humanitec, office]')"
	hallowd_start
	same "$(dial $OFFICE4 $LOCAL4 5432 3)" "3 0 0"
	same "$(dial $OFFICE6 $LOCAL6 5432)" "1 0 0"
	same "$(dial "${BOTH[0]}" $LOCAL4 5432)" "1 0 0"
	same "$(dial $STRANGER4 $LOCAL4 5432)" "0 1 0"
	same "$(ctl -o json plan | jq -c .cut_off)" '[]'
	# A name that changes is no cut; a list that goes is.
	configure "$(endpoint renamed "[$LOCAL4, \"$LOCAL6\"]" 5432 '[humanitec, office]')"
	same "$(ctl -o json plan | jq -c '[.cut_off, .warnings]')" '[[],[]]'
	configure "$(endpoint renamed "[$LOCAL4, \"$LOCAL6\"]" 5432 '[humanitec]')"
	ctl -o json plan >"$LAB_DIR/plan.json"
	same "$(jq -c '.cut_off[] | [.endpoint, .source, .connections]' "$LAB_DIR/plan.json")" \
		"[\"api\",\"$OFFICE4\",3]
[\"api\",\"$OFFICE6\",1]"
	jq -r '.cut_off[0].last' "$LAB_DIR/plan.json" | grep -Eq '^20[0-9-]+T[0-9:]+Z$'
	warned | grep -F "endpoint api: would cut off 2 sources let in within the last 30 days: $OFFICE4 (3 connections, the last at "
	# Cut off they are.
	ctl reload
	same "$(dial $OFFICE4 $LOCAL4 5432)" "0 1 0"
	# What was longer ago does not count.
	configure "$(endpoint renamed "[$LOCAL4, \"$LOCAL6\"]" 5432 '[office]')"
	same "$(ctl -o json plan | jq -c '[.cut_off[].source]')" "[]"
	same "$(dial "${BOTH[0]}" $LOCAL4 5432)" "1 0 0"
	same "$(ctl -o json plan | jq -c '[.cut_off[].source]')" "[\"${BOTH[0]}\"]"
}

@test "plan: from observe to enforce: who is on no list would be cut off" {
	configure "$(api '[humanitec, office]' 'mode: observe')"
	hallowd_start
	same "$(dial $STRANGER4 $LOCAL4 5432) $(dial $STRANGER6 $LOCAL6 5432) $(dial $OFFICE4 $LOCAL4 5432)" "1 0 0 1 0 0 1 0 0"
	configure "$(api '[humanitec, office]')"
	same "$(ctl -o json plan | jq -c '[.cut_off[].source]')" "[\"$STRANGER4\",\"$STRANGER6\"]"
	warned | grep -F 'endpoint api: who is on none of its lists is denied from then on (mode enforce)'
	ctl reload
	same "$(dial $STRANGER4 $LOCAL4 5432) $(dial $OFFICE4 $LOCAL4 5432)" "0 1 0 1 0 0"
}

@test "plan: of a refresh: asked and judged, and nothing changed, saved or recorded" {
	configure "$(api '[humanitec]')"
	hallowd_start
	same "$(dial "${BOTH[5]}" $LOCAL4 5432 2)" "2 0 0"
	sed -i "s/${BOTH[5]}/${PROVIDER_ONLY[0]}/" "$LAB_DIR/docs.txt"
	local before
	before=$(ruleset; find "$STATE" -name 'audit.db*' -prune -o -name spool -prune -o -type f -print0 | sort -z | xargs -0 sha256sum)
	ctl -o json plan --refresh >"$LAB_DIR/plan.json"
	same "$(jq -c '[.changes, .lists, (.refresh[] | [.list, .outcome]), .cut_off[0].source, .cut_off[0].connections]' "$LAB_DIR/plan.json")" \
		"[true,[{\"list\":\"humanitec\",\"added\":[\"${PROVIDER_ONLY[0]}/32\"],\"removed\":[\"${BOTH[5]}/32\"]}],[\"humanitec\",\"applied\"],\"${BOTH[5]}\",2]"
	same "$(ruleset; find "$STATE" -name 'audit.db*' -prune -o -name spool -prune -o -type f -print0 | sort -z | xargs -0 sha256sum)" "$before"
	same "$(sql "SELECT count(*) FROM list_revisions WHERE list = 'humanitec'") $(sql "SELECT count(*) FROM events WHERE kind = 'refresh'")" "1 1"
	same "$(dial "${BOTH[5]}" $LOCAL4 5432)" "1 0 0"
	# What a guard would hold is told as that, with the reason.
	printf '%s\n' "${PROVIDER_ONLY[@]}" >"$LAB_DIR/docs.txt"
	ctl plan --refresh humanitec >"$LAB_DIR/plan"
	grep -Fx 'humanitec: held' "$LAB_DIR/plan"
	grep -F "would remove ${BOTH[5]}/32" "$LAB_DIR/plan"
	grep -F 'nothing to change' "$LAB_DIR/plan"
	same "$(ctl -o json lists humanitec | jq -c '[.state, .held]')" '["current",null]'
	# An origin that cannot be had.
	rm "$LAB_DIR/docs.txt"
	same "$(ctl -o json plan --refresh | jq -r '.refresh[].outcome')" failed
	same "$(status '.lists[] | select(.name == "humanitec").state')" current
	run ctl plan --refresh office
	same "$status" 2
	run ctl plan humanitec
	same "$status" 2
}

@test "plan: a new list is fetched for it, as a reload would; where it cannot be had, that is said" {
	configure "$(api '[humanitec]')"
	hallowd_start
	printf '%s\n' 34.32.134.107 >"$LAB_DIR/more.txt"
	sed -i "s|^endpoints:|  more: {origins: {more: {file: $LAB_DIR/more.txt}}, refresh: 0}\n&|; s/allow: \[humanitec\]/allow: [humanitec, more]/" "$CONF"
	same "$(ctl -o json plan | jq -c '[.lists[] | [.list, .added]]')" '[["more",["34.32.134.107/32"]]]'
	[ ! -e "$STATE/lists/more" ]
	mv "$LAB_DIR/more.txt" "$LAB_DIR/gone.txt"
	warned | grep -F 'nothing is known of list more yet'
	warned | grep -F 'more.txt'
	run ctl reload
	same "$status" 1
}

@test "plan: what a reload would refuse is said: one's own connection, what cannot change, an error with its place" {
	configure "$(api '[humanitec, office]')"
	hallowd_start
	configure "$(api '[humanitec]')"
	SSH_CONNECTION="$OFFICE4 50000 $LOCAL4 5432" warned | grep -F 'it would cut the connection through which you are logged in'
	SSH_CONNECTION=nonsense ctl plan
	printf 'kernel: {owner: false}\n' >>"$CONF"
	run ctl plan
	same "$status" 2
	[[ "$output" == *"kernel.owner has changed; that needs a restart"* ]]
	configure "$(api '[nothing]')"
	run ctl plan
	same "$status" 2
	[[ "$output" == *"$CONF:"*"unknown list 'nothing'"* ]]
	configure "$(api '[humanitec, office]')"
	ctl teardown --reason 'moving house'
	warned | grep -F 'nothing is enforced now, since root tore it down (moving house); a reload enforces again'
}

@test "plan: without a running hallowd: against the kernel, and against what was last in force" {
	configure "$(api '[humanitec, office]')"
	same "$(ctl -o json plan | jq -c '[.changes, .table_made, .endpoints.added]')" '[true,true,["api"]]'
	same "$(on_gate nft list tables)" ""
	hallowd_start
	same "$(dial $OFFICE4 $LOCAL4 5432)" "1 0 0"
	soon 1 recorded "source = '$OFFICE4'"
	hallowd_stop
	configure "$(api '[humanitec]')"
	same "$(ctl -o json plan | jq -c '[.changes, .endpoints.changed, .details[].details, [.cut_off[].source]]')" \
		"[true,[\"api\"],[\"allow: - office\"],[\"$OFFICE4\"]]"
	same "$(ctl plan --nft | grep -c 'chain allow/api/')" 1
}

@test "plan: for who may look only: what is known already, and no publisher is asked" {
	configure "$(api '[humanitec]')"
	hallowd_start
	chmod 0711 "$LAB_DIR" "$RUN"
	chmod 0644 "$CONF"
	chmod 0666 "$RUN/control.sock"
	configure "$(api '[office]')"
	chmod 0644 "$CONF"
	nobody() { on_gate setpriv --reuid 65534 --regid 65534 --clear-groups "$LAB_BUILD/hallowctl" -c "$CONF" "$@"; }
	same "$(nobody -o json plan | jq -c .endpoints.changed)" '["api"]'
	run nobody plan --refresh
	same "$status" 1
	[[ "$output" == *"is for root and the user that hallowd runs as"* ]]
}

@test "plan: agents: what differs in one, and that what its hosts send is controlled no more" {
	agents() { printf 'agents:\n  agent-eu:\n    network: eu\n    address: [198.18.0.2]\n    tunnel: {host: %s, port: 22}\n    reach: [%s]\n    mode: %s\n' "$@"; }
	configure "$(api '[humanitec, "@agent-eu"]')" "$(endpoint db $FORWARD4 5432 '["@agent-eu"]')" "$(agents 10.77.0.2 db enforce)"
	hallowd_start
	same "$(ctl -o json plan | jq -c '[.changes, .details]')" '[false,[]]'
	configure "$(api '[humanitec, "@agent-eu"]')" "$(endpoint db $FORWARD4 5432 '["@agent-eu"]')" "$(agents 10.77.0.2 'db, api' observe)"
	same "$(ctl -o json plan | jq -c '[.details[] | [.endpoint, .change, .details]]')" \
		'[["agent-eu","changed",["reach: + api","mode: enforce -> observe"]]]'
	warned | grep -F 'agent agent-eu: nothing that it sends is denied any more (mode observe)'
	configure "$(api '[humanitec]')" "$(endpoint db $FORWARD4 5432 '[office]')"
	warned | grep -F 'agent agent-eu goes: what its hosts send is controlled no more'
}
