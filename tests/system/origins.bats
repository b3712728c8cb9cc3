#!/usr/bin/env bats
# Publishers over HTTP and HTTPS, as they are and as they fail: see publisher.py.

load lab.bash

setup() {
	lab_up
	publish
	"$LAB_LIB/certificates.sh" "$LAB_DIR"
	publisher http
}

teardown() { lab_down; }

# publisher NAME [CERTIFICATE]: one more of them on the gate's loopback; its port in PORT.  Its requests: LAB_DIR/NAME.requests.
publisher() {
	lab_start "$GATE" "$1" "$LAB_PYTHON" "$LAB_LIB/publisher.py" --dir "$LAB_DIR" --ready "$LAB_DIR/$1.port" \
		--log "$LAB_DIR/$1.requests" ${2:+--cert "$LAB_DIR/$2.crt" --key "$LAB_DIR/$2.key"}
	wait_until 10 test -e "$LAB_DIR/$1.port"
	PORT=$(cat "$LAB_DIR/$1.port")
}

# web PATH-OR-URL [ORIGIN-KEY: VALUE]…: the configuration with this one origin.
web() {
	local url=$1
	shift
	[[ "$url" == http* ]] || url=http://127.0.0.1:$PORT$url
	{
		printf 'lists:\n  web:\n    refresh: 0\n    guard: {special: true, max_added: 100%%}\n    origins:\n      web:\n        url: "%s"\n' "$url"
		[ $# -eq 0 ] || printf '        %s\n' "$@"
		echo endpoints:
		endpoint api "$LOCAL4" 5432 '[web]'
	} | config
}

entries() { ctl -o json lists web | jq -r '.entries | join(" ")'; }
GOOD="192.0.2.0/24 198.51.100.7/32 2001:db8::/32"

# fails PATH-OR-URL [KEY: VALUE]…: a refresh from there ends with 4, says why, and the list in force stays.
fails() {
	web "$@"
	ctl reload
	run ctl refresh web
	same "$1: $status" "$1: 4"
	same "$1: $(entries)" "$1: $GOOD"
	[ -n "$(ctl -o json lists web | jq -r '.origins[0].state')" ]
}

@test "origins: text over http, with what the publisher answered in the audit log" {
	web /good
	hallowd_start
	same "$(entries)" "$GOOD"
	soon "200" sql "SELECT origins ->> '\$[0].http_status' FROM list_revisions WHERE list = 'web'"
	same "$(sql "SELECT length(origins ->> '\$[0].sha256') FROM list_revisions WHERE list = 'web'")" 64
}

@test "origins: json, yaml, csv and html, by select and by what is guessed" {
	echo '{"v4": [{"net": "192.0.2.0/24"}, {"net": "198.51.100.7"}], "v6": [{"net": "2001:db8::/32"}]}' >"$LAB_DIR/list.json"
	printf 'nets:\n  - 192.0.2.0/24\n  - 198.51.100.7\n  - "2001:db8::/32"\n' >"$LAB_DIR/list.yaml"
	printf 'prefix,country\n192.0.2.0/24,DE\n198.51.100.7,DE\n2001:db8::/32,DE\n' >"$LAB_DIR/list.csv"
	cat >"$LAB_DIR/list.html" <<-HTML
	<html><body><p>203.0.113.1</p><h3 id="source-ips">IPs</h3>
	<ul><li>192.0.2.0/24</li><li>198.51.100.7</li><li>2001:db8::/32</li></ul></body></html>
	HTML
	web /file/list.json 'select: ".v4[].net, .v6[].net"'
	hallowd_start
	same "$(entries)" "$GOOD"
	web /file/list.yaml 'format: yaml' 'select: ".nets[]"'
	ctl reload
	same "$(ctl -o json refresh | jq -r '.[].outcome') $(entries)" "unchanged $GOOD"
	web /file/list.csv 'select: prefix'
	ctl reload
	same "$(ctl -o json refresh | jq -r '.[].outcome') $(entries)" "unchanged $GOOD"
	web /file/list.html "select: \"//h3[@id='source-ips']/following-sibling::ul[1]/li\""
	ctl reload
	same "$(ctl -o json refresh | jq -r '.[].outcome') $(entries)" "unchanged $GOOD"
}

@test "origins: https with the right certificate, and none of the wrong ones" {
	local http=$PORT good other expired
	publisher tls good
	good=$PORT
	publisher tls-other other
	other=$PORT
	publisher tls-expired expired
	expired=$PORT
	web "https://127.0.0.1:$good/good" "ca_file: $LAB_DIR/good.crt"
	hallowd_start
	same "$(entries)" "$GOOD"
	fails "https://127.0.0.1:$good/good"                                              # not known to the system
	fails "https://127.0.0.1:$other/good" "ca_file: $LAB_DIR/other.crt"               # for another name
	fails "https://127.0.0.1:$expired/good" "ca_file: $LAB_DIR/expired.crt"           # over
	fails "https://127.0.0.1:$http/good" "ca_file: $LAB_DIR/good.crt"                 # no TLS at all
	fails "https://127.0.0.1:$good/redirect?to=http://127.0.0.1:$http/good" "ca_file: $LAB_DIR/good.crt"
	web "https://127.0.0.1:$good/gzip" "ca_file: $LAB_DIR/good.crt"
	ctl reload
	same "$(ctl -o json refresh | jq -r '.[].outcome')" unchanged
}

@test "origins: an answer that is no list, an error or half of one never replaces the list" {
	web /good
	hallowd_start
	same "$(entries)" "$GOOD"
	local path
	for path in /status/404 /status/500 /status/204 /status/503 /error-page /cut /cut-chunked /wrong-length /close /not-http \
		/loop /redirect /gzip-cut /gzip-damaged /bomb /lying-large '/large?bytes=9000000' /always-304 /no-such-path; do
		fails "$path"
	done
	# And nobody got in by it.
	same "$(on_gate nft list table inet hallowd | grep -c 203.0.113.77 || :)" 0
	web /good
	ctl reload
	same "$(ctl -o json refresh | jq -r '.[].outcome')" unchanged
}

@test "origins: a publisher that is slow, or gone, costs no more than its time" {
	web /good
	hallowd_start
	local begin=$SECONDS
	fails /slow-header 'timeout: 2s'
	fails /slow-body 'timeout: 2s'
	# Each is asked by the reload and by the refresh, and twice its time is the most that tries take.
	[ $((SECONDS - begin)) -le 24 ]
	fails http://127.0.0.1:1/good
	fails http://no-such-host.invalid/good 'timeout: 3s'
	not same "$(status '.lists[] | select(.name == "web") | .state')" current
}

@test "origins: an unchanged list is told so, a changed one is applied, also over a restart" {
	printf '192.0.2.0/24\n198.51.100.7\n2001:db8::/32\n' >"$LAB_DIR/list.txt"
	web /file/list.txt
	hallowd_start
	same "$(entries)" "$GOOD"
	same "$(ctl -o json refresh | jq -r '.[].outcome')" unchanged
	echo 198.51.100.8 >>"$LAB_DIR/list.txt"
	same "$(ctl -o json refresh | jq -c '.[] | [.outcome, .added]')" '["applied",["198.51.100.8/32"]]'
	hallowd_stop
	hallowd_start
	same "$(ctl -o json refresh | jq -r '.[].outcome')" unchanged
}

@test "origins: other select, same answer: it is parsed anew, not taken for unchanged" {
	echo '{"one": ["192.0.2.0/24"], "two": ["192.0.2.0/24", "198.51.100.7"]}' >"$LAB_DIR/list.json"
	web /file/list.json 'select: ".one[]"'
	hallowd_start
	same "$(entries)" "192.0.2.0/24"
	web /file/list.json 'select: ".two[]"'
	ctl reload
	ctl refresh
	same "$(entries)" "192.0.2.0/24 198.51.100.7/32"
}

@test "origins: the refresh interval is kept without being asked" {
	printf '192.0.2.0/24\n' >"$LAB_DIR/list.txt"
	web /file/list.txt
	sed -i 's/refresh: 0/refresh: 1s/' "$CONF"
	hallowd_start
	same "$(entries)" "192.0.2.0/24"
	echo 198.51.100.7 >>"$LAB_DIR/list.txt"
	soon "192.0.2.0/24 198.51.100.7/32" entries
}

@test "origins: a secret in a URL is in no log, message or argument" {
	web "http://127.0.0.1:$PORT/status/403?token=s3cret-token"
	hallowd_start
	run ctl refresh
	same "$status" 4
	[[ "$output" != *s3cret* ]]
	ctl lists web >"$LAB_DIR/shown" || :
	ctl -o json lists web >>"$LAB_DIR/shown" || :
	ctl status >>"$LAB_DIR/shown" || :
	hallowd_stop
	not grep -q s3cret "$LAB_DIR/shown" "$LAB_DIR/hallowd.log"
	# The copy of the configuration, which is what the secret stands in, is for root alone; nothing else has it.
	same "$(stat -c '%U %a' "$STATE/config" "$STATE/config/good.yaml" | paste -sd ' ')" "root 700 root 600"
	not grep -rqa s3cret --exclude-dir=config "$STATE"
	grep -q s3cret "$LAB_DIR/http.requests"
}
