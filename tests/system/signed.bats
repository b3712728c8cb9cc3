#!/usr/bin/env bats
# Signed lists, signed by minisign itself.

load lab.bash

setup() {
	command -v minisign >/dev/null || skip "minisign is missing (Debian package minisign)"
	lab_up
	minisign -G -W -p "$LAB_DIR/own.pub" -s "$LAB_DIR/own.key" >/dev/null
	minisign -G -W -p "$LAB_DIR/other.pub" -s "$LAB_DIR/other.key" >/dev/null
	OWN=$(tail -n 1 "$LAB_DIR/own.pub") OTHER=$(tail -n 1 "$LAB_DIR/other.pub")
	LIST=$LAB_DIR/list.txt
	echo 192.0.2.0/24 >"$LIST"
}

teardown() { [ -z "${LAB_DIR:-}" ] || lab_down; }

# sign KEY [OPTION…]: the list as it is, with its signature beside it.
sign() { minisign -S -W -s "$LAB_DIR/$1.key" -m "$LIST" -t "a list" "${@:2}" </dev/null >/dev/null; }

publisher() {
	lab_start "$GATE" http "$LAB_PYTHON" "$LAB_LIB/publisher.py" --dir "$LAB_DIR" --ready "$LAB_DIR/http.port" \
		--log "$LAB_DIR/http.requests"
	wait_until 10 test -e "$LAB_DIR/http.port"
	URL=http://127.0.0.1:$(cat "$LAB_DIR/http.port")/file/list.txt
}

# origin "KEY: VALUE, …": the configuration with this one origin.
origin() {
	{
		printf 'lists:\n  l:\n    refresh: %s\n    guard: {special: true, max_added: 100%%}\n    origins: {o: {%s}}\nendpoints:\n' "${2:-0}" "$1"
		endpoint api "$LOCAL4" 5432 '[l]'
	} | config
}

entries() { ctl -o json lists l | jq -r '.entries | join(" ")'; }

# refused TEXT: a refresh ends with 4, its reason has TEXT, and the list in force stays.
refused() {
	run ctl refresh
	same "$status" 4
	[[ "$output" == *"$1"* ]] || same "$output" "$1"
	same "$(entries)" 192.0.2.0/24
}

# through_all_of_it: what a signature must stop, for an origin that is in force.
through_all_of_it() {
	same "$(entries)" 192.0.2.0/24
	echo 198.51.100.7 >>"$LIST"
	refused "is not what key"
	sign other
	refused "none of signed_by"
	rm "$LIST.minisig"
	refused "its signature"
	echo "<html><title>sign in</title></html>" >"$LIST.minisig"
	refused "none of minisign's"
	sign own
	sed -i 's/^trusted comment: .*/trusted comment: another list/' "$LIST.minisig"
	refused "trusted comment was changed"
	sign own
	ctl refresh
	same "$(entries)" "192.0.2.0/24 198.51.100.7/32"
}

@test "signed: a file, with the signature beside it" {
	sign own
	origin "file: $LIST, signed_by: $OWN"
	hallowd_start
	through_all_of_it
}

@test "signed: a url, with the signature beside it" {
	publisher
	sign own -l # the legacy form, over the list itself
	origin "url: \"$URL\", signed_by: [$OWN], retries: 0"
	hallowd_start
	through_all_of_it
	# What the publisher says is unchanged has been verified when it came.
	same "$(ctl -o json refresh | jq -r '.[].outcome')" unchanged
	same "$(jq -r .status "$LAB_DIR/http.requests" | tail -n 1)" 304
}

@test "signed: a list that was taken unsigned counts no more once it must be signed" {
	publisher
	origin "url: \"$URL\", retries: 0"
	hallowd_start
	same "$(entries)" 192.0.2.0/24
	origin "url: \"$URL\", signed_by: $OWN, retries: 0"
	ctl reload
	refused "its signature"
	same "$(ctl -o json lists l | jq -r '.origins[0].entries')" 0
	sign own
	ctl refresh
	same "$(ctl -o json lists l | jq -r '.origins[0].entries')" 1
}

@test "signed: a second key, a signature elsewhere, and both forms" {
	local form
	for form in "" -l; do
		sign other $form -x "$LAB_DIR/elsewhere"
		origin "file: $LIST, signed_by: [$OWN, $OTHER], signature: $LAB_DIR/elsewhere"
		[ -n "${DAEMON:-}" ] || hallowd_start
		ctl reload
		ctl refresh
		same "$(entries)" 192.0.2.0/24
		echo 192.0.2.7 >>"$LIST"
	done
}

@test "signed: a file is taken up when its signature comes after it" {
	sign own
	origin "file: $LIST, signed_by: $OWN" 1h
	hallowd_start
	same "$(entries)" 192.0.2.0/24
	echo 198.51.100.7 >>"$LIST"
	soon failed status '.lists[0].state'
	sign own
	soon "192.0.2.0/24 198.51.100.7/32" entries
	soon current status '.lists[0].state'
}
