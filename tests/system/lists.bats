#!/usr/bin/env bats
# What gets onto a list: agreement of origins, guards, and that no failure of a publisher ever lets anybody in or out.

load lab.bash

setup() {
	lab_up
	publish
}

teardown() { lab_down; }

start_with_humanitec() {
	{ published_lists; echo endpoints:; endpoint api "$LOCAL4" 5432 '[humanitec]'; } | config
	hallowd_start
}

# guarded GUARD-LINE…: one list with one file origin of 192.0.2.0/24-style entries and these guards.
guarded() {
	{
		cat <<-YAML
		lists:
		  cloud:
		    origins: {file: {file: $LAB_DIR/cloud.txt}}
		    refresh: 0
		    guard:
		YAML
		printf '      %s\n' "$@"
		echo endpoints:
		endpoint api "$LOCAL4" 5432 '[cloud]'
	} | config
}

entries() { ctl -o json lists "$1" | jq -r '.entries | join(" ")'; }
state_of() { status ".lists[] | select(.name == \"$1\") | .state"; }
kernel_set() { on_gate nft -j list ruleset | jq -S '[.nftables[] | .set? // empty | select(.table == "hallowd" and (.flags // [] | index("dynamic") | not)) | {name, elem}] | sort_by(.name)'; }

# refused EXIT-CODE STATE: a refresh of `cloud` ends so, and neither the list nor the kernel's sets change.
refused() {
	local before after
	before=$(entries cloud; kernel_set)
	run ctl refresh cloud
	same "$status" "$1"
	after=$(entries cloud; kernel_set)
	same "$after" "$before"
	same "$(state_of cloud)" "$2"
}

# --- agreement

@test "lists: agree all is what both name, and the others are told, origin by origin" {
	start_with_humanitec
	same "$(entries humanitec)" \
		"34.89.165.141/32 34.89.188.214/32 34.141.77.162/32 34.159.97.57/32 34.159.140.35/32 35.198.74.96/32"
	ctl -o json lists humanitec >"$LAB_DIR/list.json"
	same "$(jq -r '.origins[] | "\(.name) \(.entries) missing \(.missing | length) extra \(.extra | length)"' "$LAB_DIR/list.json")" \
		"docs 6 missing 0 extra 0
provider 12 missing 0 extra 6"
	run ctl lists humanitec
	[ "$status" -eq 0 ]
	local a
	for a in "${PROVIDER_ONLY[@]}"; do [[ "$output" == *"$a"* ]]; done
}

@test "lists: agree any and agree by number" {
	{ published_lists | sed 's/agree: all/agree: any/'; } | config
	hallowd_start
	same "$(entries humanitec | wc -w)" 12
	{ published_lists | sed 's/agree: all/agree: 2/'; } | config
	ctl reload
	soon 6 eval 'entries humanitec | wc -w'
}

@test "lists: the built-in list ships with the six of the documentation" {
	printf 'lists:\n  humanitec:\n    origins: {shipped: {builtin: humanitec}}\n    refresh: 0\n' | config
	hallowd_start
	same "$(entries humanitec)" \
		"34.89.165.141/32 34.89.188.214/32 34.141.77.162/32 34.159.97.57/32 34.159.140.35/32 35.198.74.96/32"
}

@test "lists: entries of one's own are merged, of both families, special addresses too" {
	printf 'lists:\n  own:\n    entries: [10.0.0.0/25, 10.0.0.128/25, 192.0.2.1, "2001:db8::/33", "2001:db8:8000::/33"]\n' | config
	hallowd_start
	same "$(entries own)" "10.0.0.0/24 192.0.2.1/32 2001:db8::/32"
}

@test "lists: a changed answer is applied, with its revision and what changed" {
	start_with_humanitec
	same "$(ctl -o json lists humanitec | jq .revision)" 1
	sed -i "/${BOTH[5]}/d" "$LAB_DIR/docs.txt"
	ctl -o json refresh humanitec >"$LAB_DIR/refresh.json"
	same "$(jq -c '.[] | [.list, .outcome, .revision, .added, .removed]' "$LAB_DIR/refresh.json")" \
		"[\"humanitec\",\"applied\",2,[],[\"${BOTH[5]}/32\"]]"
	same "$(ctl -o json refresh humanitec | jq -r '.[].outcome')" unchanged
	soon "1|6|0
2|0|1" sql "SELECT revision, json_array_length(added), json_array_length(removed) FROM list_revisions WHERE list = 'humanitec' ORDER BY 1"
	run ctl history humanitec
	[ "$status" -eq 0 ]
	[[ "$output" == *"${BOTH[5]}"* ]]
}

# --- guards, each with hold and with reject

start_guarded() {
	printf '%s\n' "${CLOUD[@]}" >"$LAB_DIR/cloud.txt"
	guarded "$@"
	hallowd_start
	same "$(state_of cloud)" current
}
CLOUD=(44.0.0.0/24 44.0.2.0/24 44.0.4.0/24 44.0.6.0/24 44.0.8.0/24 44.0.10.0/24 44.0.12.0/24 44.0.14.0/24)

breach() { # ANSWER-LINES GUARD…: breached once with hold, once with reject
	local answer=$1
	shift
	start_guarded "$@" 'on_breach: hold'
	printf '%b' "$answer" >"$LAB_DIR/cloud.txt"
	refused 3 held
	[ "$(ctl -o json lists cloud | jq '.held.reasons | length')" -gt 0 ]
	# What is held is told again, and goes away by itself when the answer is good again.
	printf '%s\n' "${CLOUD[@]}" >"$LAB_DIR/cloud.txt"
	ctl refresh cloud
	same "$(state_of cloud)" current
	guarded "$@" 'on_breach: reject'
	ctl reload
	printf '%b' "$answer" >"$LAB_DIR/cloud.txt"
	run ctl -o json refresh cloud
	[ "$status" -ne 0 ] && [ "$status" -ne 3 ]
	same "$(jq -r '.[].outcome' <<<"$output")" rejected
	same "$(entries cloud)" "$(printf '%s ' "${CLOUD[@]}" | sed 's/ $//')"
}

@test "lists: guard max_added" { breach "$(printf '%s\\n' "${CLOUD[@]}")44.1.0.0/24\n44.1.2.0/24\n44.1.4.0/24\n" 'max_added: 2'; }
@test "lists: guard max_added, a share" { breach "$(printf '%s\\n' "${CLOUD[@]}")44.1.0.0/24\n44.1.2.0/24\n44.1.4.0/24\n" 'max_added: 25%'; }
@test "lists: guard max_removed" { breach "$(printf '%s\\n' "${CLOUD[@]:0:5}")" 'max_removed: 2'; }
@test "lists: guard max_removed, the default share" { breach "$(printf '%s\\n' "${CLOUD[@]:0:5}")" 'min_entries: 1'; }
@test "lists: guard min_entries" { breach "44.0.0.0/24\n" 'min_entries: 2' 'max_removed: 100%'; }
@test "lists: guard max_entries" { breach "$(printf '%s\\n' "${CLOUD[@]}")44.1.0.0/24\n" 'max_entries: 8'; }
@test "lists: guard min_prefix4" { breach "$(printf '%s\\n' "${CLOUD[@]}")44.128.0.0/15\n" 'min_prefix4: 16'; }
@test "lists: guard min_prefix6" { breach "$(printf '%s\\n' "${CLOUD[@]}")2a00::/31\n" 'min_prefix6: 32'; }
@test "lists: guard max_bad" {
	breach "$(printf '%s\\n' "${CLOUD[@]}")fe80::1%eth0\n" 'max_bad: 0'
	[[ "$(jq -r '.[].reasons[0]' <<<"$output")" == *"line 9: 'fe80::1%eth0': an address with a scope id "*"only and is no prefix); max_bad allows 0" ]]
}
@test "lists: guard special" { breach "$(printf '%s\\n' "${CLOUD[@]}")192.168.7.0/24\n" 'special: false'; }

@test "lists: a change within the guards is applied" {
	start_guarded 'max_added: 2' 'max_removed: 2' 'max_entries: 10' 'min_prefix4: 16' 'max_bad: 1'
	printf '%s\n' "${CLOUD[@]}" 44.128.0.0/16 44.1.2.0/24 None >"$LAB_DIR/cloud.txt"
	ctl refresh cloud
	same "$(entries cloud | wc -w)" 10
	printf '%s\n' "${CLOUD[@]}" >"$LAB_DIR/cloud.txt"
	ctl refresh cloud
	same "$(entries cloud | wc -w)" 8
}

@test "lists: one origin cannot hide behind another's good answer" {
	{ published_lists; echo endpoints:; endpoint api "$LOCAL4" 5432 '[humanitec]'; } | sed 's/agree: all/agree: any/' | config
	hallowd_start
	same "$(entries humanitec | wc -w)" 12
	echo 10.0.0.0/8 >>"$LAB_DIR/docs.txt"
	run ctl refresh humanitec
	[ "$status" -eq 3 ]
	same "$(entries humanitec | wc -w)" 12
}

# --- publishers that fail

@test "lists: an empty answer is no list, the last good one stays" {
	start_guarded 'max_removed: 100%' 'min_entries: 1'
	: >"$LAB_DIR/cloud.txt"
	refused 4 failed
	printf '# nothing here\n\n' >"$LAB_DIR/cloud.txt"
	refused 4 failed
}

@test "lists: an error page is no list, even one that prints addresses" {
	start_guarded 'max_removed: 100%' 'max_added: 100%' 'max_bad: 0'
	printf '<!DOCTYPE html><html><body><h1>You have been blocked</h1>\n44.7.7.7\n</body></html>\n' >"$LAB_DIR/cloud.txt"
	run ctl refresh cloud
	[ "$status" -eq 4 ] || [ "$status" -eq 3 ]
	same "$(entries cloud)" "$(printf '%s ' "${CLOUD[@]}" | sed 's/ $//')"
	same "$(dial "${BOTH[0]}" $LOCAL4 5432)" "0 1 0"
}

@test "lists: an origin that is away leaves the last good list, also over a restart" {
	lab_serve "$GATE" "db:5432@$LOCAL4"
	start_with_humanitec
	rm "$LAB_DIR/docs.txt"
	run ctl refresh
	[ "$status" -eq 4 ]
	same "$(entries humanitec | wc -w)" 6
	hallowd_stop
	ctl teardown --reason 'test'
	hallowd_start
	same "$(entries humanitec | wc -w)" 6
	same "$(dial "${BOTH[0]}" $LOCAL4 5432)" "1 0 0"
	same "$(dial "${PROVIDER_ONLY[0]}" $LOCAL4 5432)" "0 1 0"
}

@test "lists: a list that was never good lets nobody in, and says so" {
	{ published_lists; echo endpoints:; endpoint api "$LOCAL4" 5432 '[humanitec]'; } | config
	rm "$LAB_DIR/docs.txt"
	lab_serve "$GATE" "db:5432@$LOCAL4"
	hallowd_start
	same "$(dial "${BOTH[0]}" $LOCAL4 5432)" "0 1 0"
	same "$(state_of humanitec)" failed
	[ "$(status '.problems | length')" -gt 0 ]
	publish
	ctl refresh
	same "$(dial "${BOTH[0]}" $LOCAL4 5432)" "1 0 0"
}

# damage FILE: cut off in the middle, as a full disk would do it: the line that ends it is gone.
damage() { truncate -s -20 "$1"; }

@test "lists: a damaged last good list is not used, and made again from the origins' last good answers" {
	start_guarded 'max_bad: 0'
	hallowd_stop
	damage "$STATE/lists/cloud"
	rm "$LAB_DIR/cloud.txt"
	hallowd_start
	same "$(entries cloud)" "$(printf '%s ' "${CLOUD[@]}" | sed 's/ $//')"
	grep -q 'damaged' "$LAB_DIR/hallowd.log"
}

@test "lists: where everything on disk is damaged, nobody is let in" {
	start_guarded 'max_bad: 0'
	hallowd_stop
	damage "$STATE/lists/cloud"
	damage "$STATE/origins/cloud/file"
	rm "$LAB_DIR/cloud.txt"
	hallowd_start
	same "$(entries cloud | wc -w)" 0
	same "$(state_of cloud)" failed
}
