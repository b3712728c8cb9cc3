#!/usr/bin/env bats
# Presets, from one line of configuration to the kernel: with the files as they ship but for the publisher's address, which is
# that of a publisher on the lab's own host that answers with tests/data/presets.

load lab.bash

setup() {
	lab_up
	lab_start "$GATE" http "$LAB_PYTHON" "$LAB_LIB/publisher.py" --dir "$LAB_DIR" --ready "$LAB_DIR/http.port" \
		--log "$LAB_DIR/http.requests"
	wait_until 10 test -e "$LAB_DIR/http.port"
	own_rules
}

teardown() { lab_down; }

# own_rules: hallowd's programs in a folder of this test's own, beside rules of which each preset's URL is the lab's.
own_rules() {
	local host path preset port
	port=$(cat "$LAB_DIR/http.port")
	mkdir "$LAB_DIR/bin"
	cp "$LAB_BUILD"/hallowd "$LAB_BUILD"/hallowd-* "$LAB_BUILD"/hallowctl "$LAB_DIR/bin"
	cp -r "$LAB_ROOT/rules" "$LAB_DIR/bin/rules"
	for preset in "$LAB_DIR"/bin/rules/presets/*.yaml; do
		sed -i "s|^url: .*|url: http://127.0.0.1:$port/file/$(basename "$preset" .yaml)|" "$preset"
	done
	LAB_BUILD=$LAB_DIR/bin
	chmod 0711 "$LAB_DIR"
}

# sample NAME FILE: what the publisher answers for that preset.
sample() { cp "$LAB_ROOT/tests/data/presets/$2" "$LAB_DIR/$1"; }

entries() { ctl -o json lists "$1" | jq -r '.entries | join(" ")'; }
preset() { # NAME [GUARD]
	{
		printf 'lists:\n  l:\n    refresh: 0\n    origins: {o: {preset: %s}}\n%s\nendpoints:\n' "$1" "${2:+    guard: $2}"
		endpoint api "$LOCAL4" 5432 '[l]'
	} | config
}

@test "presets: one line is enough, for each of them" {
	local name
	cp "$LAB_ROOT"/tests/data/presets/* "$LAB_DIR"
	for name in atlassian aws cloudflare fastly github google-cloud oracle-cloud zscaler; do
		mv "$LAB_DIR/$name.json" "$LAB_DIR/$name"
	done
	for name in digitalocean linode; do mv "$LAB_DIR/$name.csv" "$LAB_DIR/$name"; done
	for name in cloudflare-v4 cloudflare-v6; do mv "$LAB_DIR/$name.txt" "$LAB_DIR/$name"; done
	cp "$LAB_DIR/github" "$LAB_DIR/github-actions"
	for name in zscalerone zscalertwo zscalerthree zscloud; do cp "$LAB_DIR/zscaler" "$LAB_DIR/$name"; done
	{
		echo lists:
		for name in "$LAB_BUILD"/rules/presets/*.yaml; do
			printf '  %s: {origins: {o: {preset: %s}}, refresh: 0}\n' "$(basename "$name" .yaml)" "$(basename "$name" .yaml)"
		done
	} | config
	hallowd_start
	same "$(ctl -o json lists | jq -r '.[] | select(.state != "current") | .name')" ""
	same "$(ctl -o json lists | jq length)" "$(ls "$LAB_BUILD/rules/presets" | wc -l)"
	same "$(entries fastly)" "23.235.32.0/20 151.101.0.0/16 199.232.0.0/16 2a04:4e40::/32 2a04:4e42::/32"
	same "$(ctl -o json lists aws | jq -r '.origins[0] | "\(.preset) \(.published)"')" "aws null"
	[[ "$(ctl lists aws)" == *"preset aws: http://127.0.0.1"* ]]
}

@test "presets: the wider guard is the preset's, for its own origin, unless the list says otherwise" {
	sample cloudflare cloudflare.json
	preset cloudflare
	hallowd_start
	same "$(entries l)" "104.16.0.0/13 104.24.0.0/14 172.64.0.0/13 173.245.48.0/20 2400:cb00::/32 2a06:98c0::/29"
	# Another origin of the same list is judged by the list's guard.
	printf '104.16.0.0/13\n' >"$LAB_DIR/mine.txt"
	sed -i "s|origins: {o: {preset: cloudflare}}|origins: {o: {preset: cloudflare}, mine: {file: $LAB_DIR/mine.txt}}|" "$CONF"
	ctl reload
	run ctl -o json refresh
	same "$status" 3
	[[ "$output" == *'"mine: holds an IPv4 /13;'* && "$output" != *'"o: holds'* ]]
	preset cloudflare '{min_prefix4: 16}'
	ctl reload
	jq -c '.result.ipv4_cidrs += ["192.30.0.0/20"]' "$LAB_DIR/cloudflare" >"$LAB_DIR/next"
	mv "$LAB_DIR/next" "$LAB_DIR/cloudflare"
	run ctl -o json refresh
	same "$status" 3
	[[ "$output" == *'"o: holds an IPv4 /13; min_prefix4 allows nothing wider than /16"'* && "$output" != *IPv6* ]]
}

@test "presets: an answer that has lost one of its parts is no shorter list" {
	sample cloudflare cloudflare.json
	preset cloudflare
	hallowd_start
	local before filter
	before=$(entries l)
	for filter in 'del(.result.ipv6_cidrs)' '.result = null' '{success: false, errors: [{code: 1000}], result: {}}' \
		'.result.ipv4_cidrs |= map({prefix: .})'; do
		jq -c "$filter" "$LAB_ROOT/tests/data/presets/cloudflare.json" >"$LAB_DIR/next"
		mv "$LAB_DIR/next" "$LAB_DIR/cloudflare"
		run ctl refresh
		[ "$status" -ge 3 ] || same "$filter: $status $output" "no list"
		same "$(entries l)" "$before"
	done
}

@test "presets: lists says how old a built-in list is, and where it is from" {
	printf 'lists:\n  humanitec:\n    origins: {shipped: {builtin: humanitec}}\n    refresh: 0\n' | config
	hallowd_start
	sed -n 's/^# date: //p' "$LAB_ROOT/rules/lists/humanitec.list" >"$LAB_DIR/date"
	same "$(ctl -o json lists humanitec | jq -r '.origins[0].published')" "$(cat "$LAB_DIR/date")"
	same "$(ctl -o json lists humanitec | jq -r '.origins[0].note')" \
		"$(sed -n 's/^# source: //p' "$LAB_ROOT/rules/lists/humanitec.list")"
	sed -i 's/^# date: .*/# date: 2024-02-29/' "$LAB_BUILD/rules/lists/humanitec.list"
	same "$(ctl lists humanitec | grep -o 'of 2024-02-29 ([0-9]* days old)')" \
		"of 2024-02-29 ($((($(date +%s) - $(date -ud 2024-02-29 +%s)) / 86400)) days old)"
}

@test "presets: the file that contrib/terraform writes is a list, and half of it is none" {
	# What jsonencode(sort(...)) and a newline come to.
	jq -c '.humanitec_source_ip_ranges.value | sort' "$LAB_ROOT/tests/data/terraform-output.json" >"$LAB_DIR/provider.json"
	printf 'lists:\n  l:\n    refresh: 0\n    origins: {provider: {file: %s}}\n' "$LAB_DIR/provider.json" | config
	hallowd_start
	same "$(ctl -o json lists l | jq '.entries | length')" 12
	head -c 100 "$LAB_DIR/provider.json" >"$LAB_DIR/half"
	mv "$LAB_DIR/half" "$LAB_DIR/provider.json"
	run ctl refresh
	same "$status" 4
	[[ "$output" == *"is not JSON"* ]]
	same "$(ctl -o json lists l | jq '.entries | length')" 12
}
