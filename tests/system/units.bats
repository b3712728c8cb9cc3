#!/usr/bin/env bats
# The systemd units as they are installed: what systemd says of them without being asked to run them, and hallowd at work under
# as much of hallowd.service as can be applied without systemd.

load lab.bash

setup() {
	lab_up
	make -s -C "$LAB_BUILD" install DESTDIR="$LAB_DIR/root" >"$LAB_DIR/install.log" 2>&1 || { cat "$LAB_DIR/install.log"; return 1; }
	UNITS=$(dirname "$(find "$LAB_DIR/root" -name hallowd.service)")
	UNIT=$UNITS/hallowd.service
}

teardown() { lab_down; }

unit() { "$LAB_PYTHON" "$LAB_LIB/unit.py" "$UNIT" "$@"; }
needs_systemd() { command -v systemd-analyze >/dev/null || skip "no systemd-analyze (Debian package systemd)"; }

@test "units: systemd has nothing to say against any of them" {
	needs_systemd
	local path
	# The programs stand below the test's own root.
	sed -i -E "s#^(Exec(Start|Reload)=)#\\1$LAB_DIR/root#" "$UNITS"/*.service
	for path in "$UNITS"/*; do
		run systemd-analyze verify --man=no "$path"
		same "$status $output" "0 "
	done
}

@test "units: exposure is 1.5 at most, offline" {
	needs_systemd
	local name exposure
	for name in hallowd hallowd-boot hallowd-report; do
		exposure=$(systemd-analyze security --offline=true --no-pager "$UNITS/$name.service" 2>/dev/null |
			sed -n 's/.*exposure level for .*: \([0-9.]*\) .*/\1/p')
		echo "$name.service: $exposure"
		awk -v e="$exposure" 'BEGIN { exit !(e != "" && e <= 1.5) }'
	done
}

@test "units: users, folders, modules and settings that the units count on are installed" {
	local root=${UNITS%/lib/systemd/system}
	grep -q '^u hallowd ' "$root/lib/sysusers.d/hallowd.conf"
	grep -q '^d /var/lib/hallowd ' "$root/lib/tmpfiles.d/hallowd.conf"
	grep -q 'nf_conntrack_acct = 1' "$root/lib/sysctl.d/hallowd.conf"
	grep -qx nf_conntrack "$root/lib/modules-load.d/hallowd.conf"
	# Without a configuration nothing is started, and nothing fails.
	same "$(unit value ConditionPathExists)" /etc/hallowd/hallowd.yaml
	same "$(unit value Type)" notify
	[ "$(unit value WatchdogSec)" -ge 10 ]
}

# under_unit COMMAND…: with the mounts that the unit asks for: everything read-only but the lab's folder, own /dev, no /home, no
# settings of the kernel, other people's processes not to be seen.
under_unit() {
	cat >"$LAB_DIR/mounts.sh" <<-'SH'
	lab=$1; shift
	mount --bind "$lab" "$lab"
	mount -t tmpfs -o mode=0755 hallowd-dev "$lab/dev"
	for d in null zero full random urandom; do touch "$lab/dev/$d"; mount --bind "/dev/$d" "$lab/dev/$d"; done
	mount --rbind "$lab/dev" /dev
	mount -t proc -o nosuid,nodev,noexec,hidepid=invisible proc /proc
	mount --bind /proc/sys /proc/sys
	for d in /home /root; do mount -t tmpfs -o ro,mode=0000 hallowd-home "$d"; done
	awk '{print $5}' /proc/self/mountinfo | sort -ru | while read -r at; do
		case $at in "$lab" | "$lab"/* | /dev/* | /proc) continue ;; esac
		mount -o remount,bind,ro "$at" 2>/dev/null || :
	done
	exec "$@"
	SH
	mkdir -p "$LAB_DIR/dev"
	lab_start "$GATE" manager unshare --mount --propagation private sh -eu "$LAB_DIR/mounts.sh" "$LAB_DIR" "$@"
	MANAGER=$LAB_PID
}
pid_now() { awk '/^started/ {pid = $2} END {print pid}' "$LAB_DIR/managed"; }

@test "units: hallowd does its work under hallowd.service's user, capability, mounts and system calls" {
	needs_systemd
	publish
	chmod 0644 "$LAB_DIR"/docs.txt "$LAB_DIR"/provider.json
	chmod 0711 "$LAB_DIR"
	lab_serve "$GATE" "db:5432@$LOCAL4" "db:5432@$LOCAL6"
	{
		published_lists
		printf '  web:\n    origins: {web: {url: "http://127.0.0.1:8080/list", format: text}}\n    refresh: 0\n    guard: {special: true, max_added: 9, max_removed: 9}\n'
		echo endpoints:
		endpoint api "[$LOCAL4, \"$LOCAL6\"]" 5432 '[humanitec, office, web]'
		echo "notify: {command: [$LAB_DIR/page], on: [granted]}"
	} | config
	chmod 0644 "$CONF"
	printf '#!/bin/sh\ncat >%s/told.json\n' "$STATE" >"$LAB_DIR/page"
	chmod 0755 "$LAB_DIR/page"
	printf '%s\n' "$STRANGER4" >"$LAB_DIR/list"
	lab_start "$GATE" web "$LAB_PYTHON" -m http.server --bind 127.0.0.1 --directory "$LAB_DIR" 8080
	wait_until 10 on_gate "$LAB_PYTHON" -c 'import socket; socket.create_connection(("127.0.0.1", 8080)).close()' 2>/dev/null
	chown nobody:nogroup "$STATE" "$RUN"
	mkdir "$LAB_DIR/bin"
	cp "$LAB_BUILD"/hallowd "$LAB_BUILD"/hallowd-* "$LAB_DIR/bin/"
	cp -RL "$LAB_BUILD/rules" "$LAB_DIR/bin/"
	cc -o "$LAB_DIR/bin/unit_exec" "$LAB_LIB/unit_exec.c" -lseccomp || skip "no C compiler"
	# What systemd-sysctl does at boot; the unit may not.
	sed -n 's/^-//; s/ *= */ /; /^net/p' "${UNITS%/lib/systemd/system}/lib/sysctl.d/hallowd.conf" | while read -r key value; do
		on_gate sh -c "echo $value >/proc/sys/${key//.//}"
	done
	unit calls >"$LAB_DIR/calls"
	chmod 0644 "$LAB_DIR/calls"
	under_unit env TMPDIR="$LAB_DIR" "$LAB_PYTHON" "$LAB_LIB/manager.py" "$LAB_DIR/managed" nobody nogroup \
		"$LAB_DIR/bin/unit_exec" "$LAB_DIR/calls" "$(unit families)" "$LAB_DIR/bin/hallowd" -c "$CONF"
	wait_until 20 grep -qs '^ready' "$LAB_DIR/managed" || { cat "$LAB_DIR/managed" "$LAB_DIR/manager.log" >&2; return 1; }
	DAEMON=$(pid_now)
	same "$(dial "${BOTH[0]}" $LOCAL4 5432) $(dial "$OFFICE6" $LOCAL6 5432)" "1 0 0 1 0 0"
	same "$(dial "$STRANGER4" $LOCAL4 5432) $(dial "$STRANGER6" $LOCAL6 5432)" "1 0 0 0 1 0"
	soon 4 recorded "verdict IN ('allow', 'deny')"
	# A list over HTTP, a file that changes, a grant, a report.
	printf '%s\n' "${PROVIDER_ONLY[0]}" >"$LAB_DIR/list"
	ctl refresh
	same "$(dial "$STRANGER4" $LOCAL4 5432) $(dial "${PROVIDER_ONLY[0]}" $LOCAL4 5432)" "0 1 0 1 0 0"
	ctl grant "$STRANGER4" api --for 10m --reason 'a test'
	same "$(dial "$STRANGER4" $LOCAL4 5432)" "1 0 0"
	ctl report -o json | jq -e '.endpoints | length == 1' >/dev/null
	# Somebody is told of the grant, by a program that was started before hallowd gave anything up.
	soon granted jq -r .kind "$STATE/told.json"
	same "$(awk '/^CapEff|^CapPrm|^CapAmb/ {print $2}' "/proc/$(child hallowd-notify)/status" | sort -u)" 0000000000000000
	# The filters of the unit, of hallowd, and of the recorder; one capability; nothing that it may not see.
	same "$(awk '/^Uid|^CapEff|^CapPrm|^CapBnd|^NoNewPrivs|^Seccomp:/ {print $2}' "/proc/$DAEMON/status" | xargs)" \
		"65534 0000000000001000 0000000000001000 0000000000001000 1 2"
	same "$(awk '/^Seccomp_filters/ {print $2}' "/proc/$(child hallowd-record)/status")" 3
	same "$(status '.problems[]')" ""
	same "$(sql "SELECT count(*) FROM events WHERE kind = 'refused'")" 0
	not grep -qi 'refuse\|not permitted' "$LAB_DIR/manager.log"
}
