#!/usr/bin/env bats
# What each program may do, as the kernel and the linker tell it.

load lab.bash

setup() {
	lab_up
	publish
	{ published_lists; echo endpoints:; endpoint api "$LOCAL4" 5432 '[humanitec]'; } | config
}

teardown() { lab_down; }

links_to() { ldd "$LAB_BUILD/$1" | grep -Eq "^[[:space:]]*lib($2)[-.0-9]*\.so"; }
field() { awk -v f="$2:" '$1 == f {print $2}' "/proc/$1/status"; }

@test "privileges: what each program links" {
	local forbidden
	# The privileged program maps no TLS, no HTML, no SQL, and no program more than its job needs.
	for forbidden in ssl crypto gnutls curl xml2 sqlite3 jq nghttp2; do
		not links_to hallowd "$forbidden"
		not links_to hallowd-keep "$forbidden"
	done
	not links_to hallowd-fetch '(xml2|sqlite3|jq|yaml|mnl|nftnl)'
	not links_to hallowd-parse '(curl|ssl|sqlite3|mnl|nftnl)'
	not links_to hallowd-record '(curl|ssl|xml2|jq|yaml|nftnl)'
	not links_to hallowd-resolve '(curl|ssl|xml2|sqlite3|jq|yaml|jansson|mnl|nftnl|sodium)'
	not links_to hallowd-observe '(curl|ssl|xml2|sqlite3|jq|yaml|jansson|mnl|nftnl|sodium)'
	not links_to hallowd cares
	not links_to hallowd pcap
	links_to hallowd-observe pcap
	links_to hallowd-resolve cares
	links_to hallowd nftnl
	links_to hallowd-fetch curl
	links_to hallowd-parse xml2
	links_to hallowd-record sqlite3
}

@test "privileges: hallowd maps none of those while it runs, and keeps CAP_NET_ADMIN only" {
	hallowd_start
	not grep -Eq 'lib(ssl|crypto|curl|xml2|sqlite3|jq)' "/proc/$DAEMON/maps"
	local set
	# 1 << CAP_NET_ADMIN (12), linux/capability.h
	for set in CapPrm CapEff; do same "$set $(field "$DAEMON" $set)" "$set 0000000000001000"; done
	for set in CapInh CapAmb; do same "$set $(field "$DAEMON" $set)" "$set 0000000000000000"; done
	# 2: a filter of system calls, linux/seccomp.h.
	same "$(field "$DAEMON" Seccomp)" 2
	same "$(status '.sandbox.system_calls')" true
}

@test "privileges: the recorder and the keeper hold no capability, cannot gain any, and are not root" {
	hallowd_start
	local pid set
	for pid in $(child hallowd-record) $(keeper); do
		for set in CapInh CapPrm CapEff CapBnd CapAmb; do same "$set $(field "$pid" $set)" "$set 0000000000000000"; done
		same "$(field "$pid" NoNewPrivs)" 1
		[ "$(field "$pid" Uid)" -ne 0 ]
		[ "$(field "$pid" Gid)" -ne 0 ]
		same "$(awk '/^Groups:/ {print NF}' "/proc/$pid/status")" 1
		same "$(field "$pid" Seccomp)" 2
		# hallowd's and its own.
		[ "$(field "$pid" Seccomp_filters)" -ge 2 ]
	done
}

gave_up() { [ "$(field "$1" NoNewPrivs)" = 1 ]; }

@test "privileges: the fetcher holds none either, while it works" {
	# A publisher that answers once and never again keeps the fetcher at work.
	lab_start "$GATE" silent "$LAB_PYTHON" "$LAB_LIB/silent.py" 8080 "$LAB_DIR/silent.ready" 192.0.2.1
	wait_until 10 test -e "$LAB_DIR/silent.ready"
	printf '  slow:\n    origins: {web: {url: "http://127.0.0.1:8080/list", format: text}}\n    refresh: 0\n    guard: {special: true}\n' >"$LAB_DIR/slow"
	sed -i "/^lists:/r $LAB_DIR/slow" "$CONF"
	hallowd_start
	lab_start "$GATE" refresh "$LAB_BUILD/hallowctl" -c "$CONF" refresh slow
	wait_until 10 child hallowd-fetch
	local pid set
	pid=$(child hallowd-fetch)
	# The last thing that it gives up; before, it has what root has after an exec (core/sandbox.h).
	wait_until 10 gave_up "$pid"
	for set in CapInh CapPrm CapEff CapBnd CapAmb; do same "$set $(field "$pid" $set)" "$set 0000000000000000"; done
	same "$(field "$pid" NoNewPrivs)" 1
	[ "$(field "$pid" Uid)" -ne 0 ]
	# The URL, which may hold a secret, is in nobody's arguments.
	for pid in $(ip netns pids "$GATE"); do
		not grep -q 8080/list "/proc/$pid/cmdline"
	done
}

@test "privileges: the parser holds none, and reaches no network and no file, while it works" {
	# The jq program runs on and on once the document says so.
	echo '{"on": false}' >"$LAB_DIR/busy.json"
	cat >"$LAB_DIR/busy" <<-YAML
	  busy:
	    origins:
	      file: {file: $LAB_DIR/busy.json, format: json, select: 'if .on then range(1e12) | select(. < 0) else "192.0.2.1" end'}
	    refresh: 0
	    guard: {special: true}
	YAML
	sed -i "/^lists:/r $LAB_DIR/busy" "$CONF"
	hallowd_start
	echo '{"on": true}' >"$LAB_DIR/busy.json"
	lab_start "$GATE" refresh "$LAB_BUILD/hallowctl" -c "$CONF" refresh busy
	wait_until 10 child hallowd-parse
	local pid set
	pid=$(child hallowd-parse)
	# The last thing that it gives up; before, it has what root has after an exec (core/sandbox.h).
	wait_until 10 gave_up "$pid"
	for set in CapInh CapPrm CapEff CapBnd CapAmb; do same "$set $(field "$pid" $set)" "$set 0000000000000000"; done
	same "$(field "$pid" NoNewPrivs)" 1
	[ "$(field "$pid" Uid)" -ne 0 ]
	# Only what it was handed: no socket but the one to hallowd, no file but its input.
	[ "$(find "/proc/$pid/fd" -lname 'socket:*' | wc -l)" -le 1 ]
	kill -9 "$pid"
}

@test "privileges: the control socket and the state are closed to others" {
	hallowd_start
	[ "$(stat -c %a "$RUN/control.sock" | tail -c 2)" = 0 ]
	[ "$(($(stat -c %a "$STATE/audit.db") % 10))" -eq 0 ]
	run nsenter --net="/run/netns/$GATE" -- setpriv --reuid=65534 --regid=65534 --clear-groups \
		"$LAB_BUILD/hallowctl" -c "$CONF" refresh
	[ "$status" -ne 0 ]
}
