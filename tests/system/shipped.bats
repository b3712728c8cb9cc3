#!/usr/bin/env bats
# What ships: the documents' examples are accepted as they stand, and an installed hallowd works from where it is.

load lab.bash

setup() { lab_up; }
teardown() { lab_down; }

@test "shipped: the example configuration and README's are accepted" {
	run on_gate "$LAB_BUILD/hallowctl" -c "$LAB_ROOT/rules/examples/hallowd.yaml" check
	same "$status" 0
	awk '/^```yaml$/ { inside = 1; next } /^```$/ { inside = 0 } inside' "$LAB_ROOT/README.md" >"$LAB_DIR/readme.yaml"
	[ -s "$LAB_DIR/readme.yaml" ]
	run on_gate "$LAB_BUILD/hallowctl" -c "$LAB_DIR/readme.yaml" check
	same "$status" 0
}

@test "shipped: README's queries run" {
	publish
	{ published_lists; echo endpoints:; endpoint api "$LOCAL4" 5432 '[humanitec]'; } | config
	hallowd_start
	hallowd_stop
	local query n=0
	while IFS= read -r -d '' query; do
		sql "$query" >/dev/null
		n=$((n + 1))
	done < <(awk '/sqlite3 -readonly/ { inside = 1; next } inside { query = query $0; if ($0 ~ /"$/) {
		sub(/"$/, "", query); printf "%s%c", query, 0; query = ""; inside = 0 } }' "$LAB_ROOT/README.md")
	same "$n" 3
}

@test "shipped: an installation works wherever it stands, and uninstall takes all of it away" {
	# Never into the real file system: all of it is below LAB_DIR.
	make -s -C "$LAB_BUILD" install DESTDIR="$LAB_DIR/dest" >"$LAB_DIR/install.log" 2>&1 || { cat "$LAB_DIR/install.log"; return 1; }
	local bin unit
	bin=$(dirname "$(find "$LAB_DIR/dest" -path '*/sbin/hallowctl' -type f)")
	unit=$(find "$LAB_DIR/dest" -name hallowd.service)
	grep -q "^ExecStart=.*/sbin/hallowd$" "$unit"
	not grep -q @sbindir@ "$unit"
	if command -v systemd-analyze >/dev/null; then
		sed -i "s#^Exec[A-Z][a-z]*=#&$LAB_DIR/dest#" "$unit" "$(dirname "$unit")/hallowd-refresh.service"
		run systemd-analyze verify --man=no "$unit" "$(dirname "$unit")/hallowd-refresh.timer"
		same "$output" ""
	fi
	publish
	printf 'lists:\n  humanitec:\n    origins: {shipped: {builtin: humanitec}}\n    refresh: 0\n' | config
	LAB_BUILD=$bin hallowd_start
	same "$(LAB_BUILD=$bin ctl -o json lists humanitec | jq '.entries | length')" 6
	child hallowd-record >/dev/null
	[[ "$(readlink "/proc/$(child hallowd-record)/exe")" == "$LAB_DIR/dest/"* ]]
	hallowd_stop
	make -s -C "$LAB_BUILD" uninstall DESTDIR="$LAB_DIR/dest" >"$LAB_DIR/install.log" 2>&1
	same "$(find "$LAB_DIR/dest" -type f)" ""
}
