#!/usr/bin/env bats
# Origins with a URL: what is asked for, with what, how often, and that a secret shows nowhere.  See publisher.py.

load lab.bash

setup() {
	lab_up
	"$LAB_LIB/certificates.sh" "$LAB_DIR"
	chmod 755 "$LAB_DIR"
	printf '192.0.2.0/24\n198.51.100.7\n2001:db8::/32\n' >"$LAB_DIR/list.txt"
	publisher http
}

teardown() { lab_down; }

# publisher NAME [CERTIFICATE [OPTION…]]: one more on the gate's loopback; its port in PORT, its requests in LAB_DIR/NAME.requests.
publisher() {
	local name=$1 certificate=$2
	shift $(($# < 2 ? 1 : 2))
	lab_start "$GATE" "$name" "$LAB_PYTHON" "$LAB_LIB/publisher.py" --dir "$LAB_DIR" --ready "$LAB_DIR/$name.port" \
		--log "$LAB_DIR/$name.requests" ${certificate:+--cert "$LAB_DIR/$certificate.crt" --key "$LAB_DIR/$certificate.key"} "$@"
	wait_until 10 test -e "$LAB_DIR/$name.port"
	PORT=$(cat "$LAB_DIR/$name.port")
}

# web PATH-OR-URL [ORIGIN-KEY: VALUE]…: the configuration with this one origin, after GUARD where that is set.
web() {
	local url=$1
	shift
	[[ "$url" == http* ]] || url=http://127.0.0.1:$PORT$url
	{
		printf 'lists:\n  web:\n    refresh: 0\n    guard: {special: true%s}\n    origins:\n      web:\n        url: "%s"\n' \
			"${GUARD:-}" "$url"
		[ $# -eq 0 ] || printf '        %s\n' "$@"
		echo endpoints:
		endpoint api "$LOCAL4" 5432 '[web]'
	} | config
}

# hallowd_start_with VARIABLE=VALUE: as hallowd_start, with this in hallowd's own environment and not in that of its tools.
hallowd_start_with() {
	lab_start "$GATE" hallowd env "$1" "$LAB_BUILD/hallowd" -c "$CONF"
	DAEMON=$LAB_PID
	wait_until 20 hallowd_settled && hallowd_answers
}

entries() { ctl -o json lists web | jq -r '.entries | join(" ")'; }
outcome() { ctl -o json refresh web | jq -r '.[].outcome'; }
statuses() { jq -r .status "$LAB_DIR/${1:-http}.requests" | paste -sd ' '; }
origin() { ctl -o json lists web | jq -r ".origins[0].$1"; }
GOOD="192.0.2.0/24 198.51.100.7/32 2001:db8::/32"

# reload: takes up the configuration, for which a changed origin is asked at once; what is requested is counted from here on.
reload() {
	ctl reload
	: >"$LAB_DIR/http.requests"
	SINCE=$SECONDS
}

# fails PATH-OR-URL MESSAGE [KEY: VALUE]…: a refresh from there ends with 4, says MESSAGE, and the list in force stays.
fails() {
	local message=$2 url=$1
	shift 2
	web "$url" "$@"
	reload
	run ctl refresh web
	same "$url: $status" "$url: 4"
	[[ "$output" == *"$message"* ]] || same "$output" "$message"
	same "$url: $(entries)" "$url: $GOOD"
}

# --- what is asked for again

@test "url: an unchanged list is asked for by its tag; 304 keeps it and counts as fresh" {
	web /file/list.txt
	hallowd_start
	same "$(entries)" "$GOOD"
	local before
	before=$(origin fetched_at)
	same "$(outcome)" unchanged
	same "$(statuses)" "200 304"
	[[ "$(origin fetched_at)" > "$before" ]]
	same "$(origin http_status)" 304
	echo 198.51.100.8 >>"$LAB_DIR/list.txt"
	same "$(outcome) $(statuses)" "applied 200 304 200"
	# The tag outlives hallowd.
	hallowd_stop
	hallowd_start
	same "$(outcome) $(statuses)" "unchanged 200 304 200 304"
}

@test "url: Last-Modified alone will do" {
	web /modified
	hallowd_start
	same "$(outcome) $(statuses)" "unchanged 200 304"
}

@test "url: other select, headers or token, or a changed URL: asked for whole" {
	printf 'k\n' >"$LAB_DIR/key"
	web /file/list.txt
	hallowd_start
	web /file/list.txt "headers: {X-Key: {file: $LAB_DIR/key}}"
	ctl reload
	same "$(outcome) $(statuses)" "unchanged 200 200"
	# Another question is asked at once.
	web /file/list.txt?v=2 "headers: {X-Key: {file: $LAB_DIR/key}}"
	ctl reload
	same "$(outcome) $(statuses)" "unchanged 200 200 200 304"
	web /file/list.txt?v=3 "headers: {X-Key: {file: $LAB_DIR/key}}"
	ctl reload
	same "$(outcome) $(statuses)" "unchanged 200 200 200 304 200 304"
}

@test "url: 304 to a first question, or to one without a condition, is no answer" {
	web /always-304
	hallowd_start || :
	same "$(origin state)" failed
	[[ "$(origin error)" == *"304 Not Modified to a request that set no condition"* ]]
	same "$(entries)" ""
	same "$(origin fetched_at)" null
}

@test "url: after an answer that was held or rejected for its shape, none is asked for by a tag" {
	local breach
	for breach in hold reject; do
		rm -rf "$STATE"
		mkdir -m 0700 "$STATE"
		printf '192.0.2.0/24\n198.51.100.7\n2001:db8::/32\n' >"$LAB_DIR/list.txt"
		: >"$LAB_DIR/http.requests"
		GUARD=", on_breach: $breach" web /file/list.txt
		hallowd_start
		echo None >>"$LAB_DIR/list.txt"
		ctl refresh || :
		ctl refresh || :
		same "$breach $(statuses)" "$breach 200 200 200"
		same "$(entries)" "$GOOD"
		printf '192.0.2.0/24\n198.51.100.7\n2001:db8::/32\n' >"$LAB_DIR/list.txt"
		same "$(outcome) $(statuses)" "unchanged 200 200 200 200"
		same "$(outcome) $(statuses)" "unchanged 200 200 200 200 304"
		hallowd_stop
	done
}

@test "url: a list that flips between two versions" {
	GUARD=', max_added: 100%, max_removed: 100%' web /flip
	hallowd_start
	same "$(entries)" "$GOOD"
	same "$(outcome) $(entries)" "applied 198.51.100.7/32 2001:db8::/32"
	same "$(outcome) $(entries)" "applied $GOOD"
	# Beyond the guards a person is asked, and not any more once it is back.
	GUARD=', max_removed: 25%' web /flip
	ctl reload
	same "$(outcome) $(entries)" "held $GOOD"
	same "$(outcome) $(ctl -o json lists web | jq -c .held)" "unchanged null"
}

@test "url: an origin that comes back after a week" {
	web /file/list.txt
	hallowd_start
	hallowd_stop
	# As it looks when the clock has moved on by a week.
	sed -i "s/^# fetched: .*/# fetched: $(date -u -d '-7 days' +%FT%T.000000Z)/" "$STATE/origins/web/web"
	mv "$LAB_DIR/list.txt" "$LAB_DIR/away.txt"
	hallowd_start
	run ctl refresh web
	same "$status" 4
	same "$(status '.lists[] | select(.name == "web") | .state')" stale
	same "$(entries)" "$GOOD"
	mv "$LAB_DIR/away.txt" "$LAB_DIR/list.txt"
	same "$(outcome)" unchanged
	same "$(status '.lists[] | select(.name == "web") | .state')" current
	same "$(statuses)" "200 404 304"
}

@test "url: the clock is set by a week, forward and back, under a running hallowd" {
	local fake
	fake=$(ls /usr/lib/*/faketime/libfaketimeMT.so.1 2>/dev/null) || skip "needs libfaketime (Debian package faketime)"
	web /file/list.txt 'retries: 0'
	sed -i 's/refresh: 0/refresh: 1h/' "$CONF"
	echo +0 >"$LAB_DIR/clock"
	export FAKETIME_TIMESTAMP_FILE=$LAB_DIR/clock FAKETIME_NO_CACHE=1 FAKETIME_DONT_FAKE_MONOTONIC=1
	hallowd_start_with LD_PRELOAD="$fake"
	same "$(statuses)" "200"
	# Origins that answer: asked at once, and nothing is stale for it.
	echo +7d >"$LAB_DIR/clock"
	soon "200 304" statuses
	soon current eval 'status ".lists[0].state"'
	echo -7d >"$LAB_DIR/clock"
	soon "200 304 304" statuses
	soon current eval 'status ".lists[0].state"'
	# One that does not is stale by then, and comes back.
	mv "$LAB_DIR/list.txt" "$LAB_DIR/away.txt"
	echo +7d >"$LAB_DIR/clock"
	soon "200 304 304 404" statuses
	same "$(status '.lists[0].state')" stale
	wait_until 20 prints 1 sql "SELECT count(*) FROM events WHERE kind = 'stale'"
	same "$(entries)" "$GOOD"
	mv "$LAB_DIR/away.txt" "$LAB_DIR/list.txt"
	same "$(outcome)" unchanged
	same "$(status '.lists[0].state')" current
	# What was fetched while the clock was ahead is not fresh for ever.
	mv "$LAB_DIR/list.txt" "$LAB_DIR/away.txt"
	echo +0 >"$LAB_DIR/clock"
	soon "200 304 304 404 304 404" statuses
	same "$(status '.lists[0].state')" stale
	same "$(entries)" "$GOOD"
	same "$(sql "SELECT count(*) FROM list_revisions")" 1
	hallowd_stop
}

# --- trying again

@test "url: what may pass is asked again, what may not is not" {
	web '/flaky?times=2&as=status/503'
	hallowd_start
	same "$(entries)" "$GOOD"
	same "$(statuses)" "503 503 200"
	local path
	for path in cut close wrong-length; do
		web "/flaky?times=1&as=$path"
		ctl reload
		same "$path $(origin error) $(origin http_status)" "$path null 200"
		web "/flaky?times=1&as=$path&anew" 'retries: 0'
		ctl reload
		not same "$path $(origin error)" "$path null"
	done
	fails /status/503 "503 Service Unavailable (asked 3 times)"
	same "$(statuses)" "503 503 503"
	fails /status/503 "503 Service Unavailable" 'retries: 0'
	same "$(statuses)" 503
	for path in /status/404 /status/429 /error-page; do
		fails "$path" ""
		same "$path $(wc -l <"$LAB_DIR/http.requests")" "$path 1"
	done
}

@test "url: all tries together take at most twice the time limit" {
	web /good
	hallowd_start
	fails /slow-header "(asked " 'timeout: 3s' 'first_byte_timeout: 1s' 'retries: 10'
	[ $((SECONDS - SINCE)) -le 10 ]
	fails /slow-header "did not begin to answer within 1 s" 'timeout: 3s' 'first_byte_timeout: 1s' 'retries: 0'
	fails /slow-body "took longer than" 'timeout: 2s' 'retries: 10'
	[ $((SECONDS - SINCE)) -le 15 ]
	fails http://127.0.0.1:1/good "Connection refused (asked 3 times)"
}

# --- whatever a publisher does

misbehaves() {
	local base=$1 path
	shift
	for path in /status/404 /status/500 /status/204 /error-page /cut /cut-chunked /wrong-length /close /loop /redirect \
		/gzip-cut /gzip-damaged /bomb /lying-large '/large?bytes=9000000' /always-304; do
		fails "$base$path" "" 'retries: 0' "$@"
	done
	# Both limits are a second here, and either may be the first.
	fails "$base/slow-header" " 1 s" 'timeout: 1s' 'retries: 0' "$@"
	fails "$base/slow-body" "took longer than 1 s" 'timeout: 1s' 'retries: 0' "$@"
	same "$(on_gate nft list table inet hallowd | grep -c 203.0.113.77 || :)" 0
}

@test "url: http: every failure leaves the list in force" {
	local base=http://127.0.0.1:$PORT
	web /good
	hallowd_start
	misbehaves "$base"
}

@test "url: https: every failure leaves the list in force" {
	publisher tls good
	local base=https://127.0.0.1:$PORT
	web "$base/good" "ca_file: $LAB_DIR/good.crt"
	hallowd_start
	misbehaves "$base" "ca_file: $LAB_DIR/good.crt"
}

@test "url: no certificate but the right one, and never from https to http" {
	local http=$PORT tls
	publisher tls good
	tls=$PORT
	web "https://127.0.0.1:$tls/good" "ca_file: $LAB_DIR/good.crt"
	hallowd_start
	fails "https://127.0.0.1:$tls/good" "certificate is not valid"
	fails "https://127.0.0.1:$tls/redirect?to=http://127.0.0.1:$http/good" "from https to http" "ca_file: $LAB_DIR/good.crt"
	fails "https://127.0.0.1:$tls/good" "holds no certificate" "ca_file: $CONF"
	fails "https://127.0.0.1:$tls/good" "$LAB_DIR/none.crt cannot be opened" "ca_file: $LAB_DIR/none.crt"
	publisher other other
	fails "https://127.0.0.1:$PORT/good" "certificate is not valid" "ca_file: $LAB_DIR/other.crt"
	publisher expired expired
	fails "https://127.0.0.1:$PORT/good" "certificate has expired" "ca_file: $LAB_DIR/expired.crt"
	web "http://127.0.0.1:$http/redirect?to=https://127.0.0.1:$tls/good"
	ctl reload
	run ctl refresh
	same "$status" 4
}

@test "url: a CA file that only root may read" {
	publisher tls good
	chmod 600 "$LAB_DIR/good.crt"
	web "https://127.0.0.1:$PORT/good" "ca_file: $LAB_DIR/good.crt"
	chmod 700 "$LAB_DIR"
	hallowd_start
	same "$(entries)" "$GOOD"
}

# --- what is shown, and to whom

@test "url: a bearer token, picked up anew for each request" {
	printf 'first-token\n' >"$LAB_DIR/token"
	cp "$LAB_DIR/token" "$LAB_DIR/mine"
	chmod 600 "$LAB_DIR/mine"
	web /private "token: {file: $LAB_DIR/mine}"
	hallowd_start
	same "$(entries)" "$GOOD"
	printf 'second-token' >"$LAB_DIR/token"
	run ctl refresh
	same "$status" 4
	[[ "$output" == *"401 Unauthorized"* ]]
	printf 'second-token' >"$LAB_DIR/mine"
	same "$(outcome)" unchanged
	rm "$LAB_DIR/mine"
	run ctl refresh
	same "$status" 4
	[[ "$output" == *"'token': $LAB_DIR/mine cannot be opened: No such file"* ]]
}

@test "url: headers, token and client certificate stay with the server that they are for" {
	printf 'the-token' >"$LAB_DIR/token"
	printf 'the-header' >"$LAB_DIR/header"
	local http=$PORT
	publisher other
	web "http://127.0.0.1:$PORT/redirect?to=http://127.0.0.1:$http/good" "token: {file: $LAB_DIR/token}" \
		"headers: {X-Key: {file: $LAB_DIR/header}}"
	hallowd_start
	same "$(entries)" "$GOOD"
	same "$(jq -r '.headers | .Authorization, ."X-Key"' "$LAB_DIR/other.requests" | paste -sd ' ')" "Bearer the-token the-header"
	same "$(jq -r '.headers | .Authorization, ."X-Key"' "$LAB_DIR/http.requests" | paste -sd ' ')" "null null"
}

@test "url: a client certificate, with its key as a systemd credential" {
	publisher tls good --client-ca "$LAB_DIR/client.crt"
	mkdir -m 0700 "$LAB_DIR/credentials"
	mv "$LAB_DIR/client.key" "$LAB_DIR/credentials/client.key"
	local url=https://127.0.0.1:$PORT/good ca="ca_file: $LAB_DIR/good.crt"
	web "$url" "$ca" "client_certificate: $LAB_DIR/client.crt" 'client_key: {credential: client.key}'
	CREDENTIALS_DIRECTORY=$LAB_DIR/credentials hallowd_start
	same "$(entries)" "$GOOD"
	fails "$url" "" "$ca" 'retries: 0'
	fails "$url" "cannot be used" "$ca" "client_certificate: $LAB_DIR/stranger.crt" 'client_key: {credential: client.key}'
	fails "$url" "credential none" "$ca" "client_certificate: $LAB_DIR/client.crt" 'client_key: {credential: none}'
}

@test "url: a pinned key, right and wrong" {
	publisher tls good
	local url=https://127.0.0.1:$PORT/good ca="ca_file: $LAB_DIR/good.crt"
	web "$url" "$ca" "pinned_key: $(cat "$LAB_DIR/good.pin")"
	hallowd_start
	same "$(entries)" "$GOOD"
	fails "$url" "is not the pinned one" "$ca" "pinned_key: $(cat "$LAB_DIR/other.pin")"
	fails "$url" "certificate is not valid" "pinned_key: $(cat "$LAB_DIR/good.pin")"
}

@test "url: through a proxy" {
	local http=$PORT
	publisher tls good
	web "https://127.0.0.1:$PORT/good" "ca_file: $LAB_DIR/good.crt" "proxy: http://127.0.0.1:$http"
	hallowd_start
	same "$(entries)" "$GOOD"
	same "$(jq -r .method "$LAB_DIR/http.requests")" CONNECT
	fails "https://127.0.0.1:$PORT/good" "cannot connect to the proxy" "ca_file: $LAB_DIR/good.crt" "proxy: http://127.0.0.1:1"
}

# --- secrets

# in_memory PID WORD: the process holds the word somewhere.
in_memory() {
	"$LAB_PYTHON" - "$1" "$2" <<-'PYTHON'
	import sys
	pid, word = sys.argv[1], sys.argv[2].encode()
	with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", 0) as mem:
	    for line in maps:
	        area = line.split()
	        if "w" not in area[1] or area[-1] in ("[vvar]", "[vsyscall]"):
	            continue
	        first, last = (int(x, 16) for x in area[0].split("-"))
	        try:
	            mem.seek(first)
	            if word in mem.read(last - first):
	                sys.exit(0)
	        except OSError:
	            pass
	sys.exit(1)
	PYTHON
}

# look_at PID: its arguments and environment, for everything that was said in the test.
look_at() { tr '\0' '\n' <"/proc/$1/cmdline" >>"$LAB_DIR/shown" && tr '\0' '\n' <"/proc/$1/environ" >>"$LAB_DIR/shown"; }

# ask: a refresh and what people see of it afterwards, into LAB_DIR/shown.
ask() {
	{
		ctl refresh web
		ctl -o json refresh web
		ctl lists web
		ctl -o json lists web
		ctl status
		ctl -o json status
		ctl history web
	} >>"$LAB_DIR/shown" 2>&1 || :
}

@test "url: a secret is nowhere but in the request" {
	local token=s3cret-token-4711 header=s3cret-header-4712 query=s3cret-query-4713 key credential=s3cret-credential-4714 path tls
	key=$(sed -n 2p "$LAB_DIR/client.key")
	printf '%s\n' $token >"$LAB_DIR/token"
	mkdir -m 0700 "$LAB_DIR/credentials"
	printf '%s' $credential >"$LAB_DIR/credentials/one"
	local http=$PORT secrets=("token: {file: $LAB_DIR/token}"
		'headers: {X-Key: {environment: LIST_KEY}, X-Other: {credential: one}}')
	publisher tls good --client-ca "$LAB_DIR/client.crt"
	tls=$PORT
	secrets_tls=("${secrets[@]}" "ca_file: $LAB_DIR/good.crt" "client_certificate: $LAB_DIR/client.crt"
		"client_key: {file: $LAB_DIR/client.key}")
	web "https://127.0.0.1:$tls/private?key=$query" "${secrets_tls[@]}"
	LIST_KEY=$header CREDENTIALS_DIRECTORY=$LAB_DIR/credentials hallowd_start -v -v
	same "$(entries)" "$GOOD"
	# It is sent, so what follows is no test of something else.
	same "$(jq -r '.headers | .Authorization, ."X-Key", ."X-Other"' "$LAB_DIR/tls.requests" | head -n 3 | paste -sd ' ')" \
		"Bearer $token $header $credential"
	grep -q $query "$LAB_DIR/tls.requests"

	# While the fetcher holds it, and hallowd has forgotten it already.
	web "http://127.0.0.1:$http/slow-header?key=$query" "${secrets[@]}" 'timeout: 4s' 'retries: 0'
	reload
	ask &
	local asking=$! fetcher pid
	LAB_PIDS+=("$asking")
	wait_until 10 grep -q "slow-header" "$LAB_DIR/http.requests"
	fetcher=$(child hallowd-fetch)
	in_memory "$fetcher" $token
	not in_memory "$DAEMON" $token
	not in_memory "$DAEMON" $credential
	not in_memory "$DAEMON" "$key"
	for pid in $(ip netns pids "$GATE"); do
		case $(cat "/proc/$pid/comm") in
		hallowd)
			tr '\0' '\n' <"/proc/$pid/cmdline" >>"$LAB_DIR/shown"
			;;
		hallowd-*)
			look_at "$pid"
			same "$(tr -d '\0' <"/proc/$pid/environ")" ""
			;;
		*)
			continue
			;;
		esac
		same "$(awk '/^Max core file size/ {print $5, $6}' "/proc/$pid/limits")" "0 0"
		# Not dumpable: its files in /proc belong to root, whoever it runs as.
		same "$(stat -c %U "/proc/$pid/environ")" root
	done
	wait "$asking" || :

	# Each kind of failure, with its message.
	for path in /status/403 /status/503 /cut /close /loop /not-http /redirect /error-page /gzip-damaged "/redirect?to=/status/401" \
		"/redirect?to=http://localhost:$http/status/401"; do
		web "http://127.0.0.1:$http$path$([[ $path == *\?* ]] && echo '&' || echo '?')key=$query" "${secrets[@]}" 'retries: 1'
		ctl reload >>"$LAB_DIR/shown" 2>&1
		ask
	done
	web "https://127.0.0.1:$tls/private?key=$query" "${secrets[@]}" 'retries: 0'
	ctl reload >>"$LAB_DIR/shown" 2>&1
	ask
	# What cannot be sent, and what is in the wrong place.
	printf '%s\nsecond line' $token >"$LAB_DIR/token"
	ask
	grep -q "a character that cannot stand in a header" "$LAB_DIR/shown"
	web /good "token: $token"
	ctl check >>"$LAB_DIR/shown" 2>&1 || :
	ctl reload >>"$LAB_DIR/shown" 2>&1 || :
	web /good "proxy: http://user:$token@127.0.0.1/"
	ctl check >>"$LAB_DIR/shown" 2>&1 || :
	ctl reload >>"$LAB_DIR/shown" 2>&1 || :

	soon 1 sql "SELECT count(*) > 0 FROM events WHERE kind = 'refresh-failed'"
	sql .dump >>"$LAB_DIR/shown"
	hallowd_stop
	local word
	for word in s3cret "$key"; do
		not grep -n -e "$word" "$LAB_DIR/shown" "$LAB_DIR/hallowd.log"
		# But for the kept copy of the configuration, which is as closed as any.
		not grep -rna --exclude-dir=config -e "$word" "$STATE" "$RUN"
	done
	same "$(find "$LAB_DIR" / -maxdepth 1 -name 'core*' -newer "$CONF" | wc -l)" 0
}
