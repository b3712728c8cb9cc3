#!/usr/bin/env bats
# hallowctl doctor: what it finds on a host that is well, and on hosts that are not; its self-test with real packets.

load lab.bash

setup() {
	lab_up
	publish
	{ published_lists; echo endpoints:; endpoint prod-api "[$LOCAL4, \"$LOCAL6\"]" 6443 '[humanitec, office]'; } | config
}
teardown() { lab_down; }

# doctor [OPTION…]: its answer in LAB_DIR/doctor.json, its exit status in $code.
doctor() {
	code=0
	ctl -o json doctor "$@" >"$LAB_DIR/doctor.json" || code=$?
}

# state CHECK: the findings of that check, "STATE STATE".
state() { jq -r --arg c "$1" '[.findings[] | select(.check == $c) | .state] | join(" ")' "$LAB_DIR/doctor.json"; }
text() { jq -r --arg c "$1" '.findings[] | select(.check == $c) | .text' "$LAB_DIR/doctor.json"; }

# The namespaces below /tmp are gone with their folder.
no_trace() { not compgen -G '/tmp/hallowd-doctor.*' >/dev/null || { ls -d /tmp/hallowd-doctor.*; return 1; }; }

@test "doctor: a host that is well, with the self-test" {
	hallowd_start
	doctor
	same "$code" 0
	same "$(jq -c '.ok, [.findings[] | select(.state == "bad")]' "$LAB_DIR/doctor.json" | paste -sd' ')" 'true []'
	same "$(state self-test)" 'good good'
	same "$(state programs) $(state enforcing) $(state disk) $(state permissions) $(state endpoints)" 'good good good good good'
	# Each that is not good says what to do.
	same "$(jq '[.findings[] | select(.state != "good" and (.remedy | length) == 0)] | length' "$LAB_DIR/doctor.json")" 0
	# What runs here was left alone, and has seen nothing of the test's connections.
	same "$(recorded "1")" 0
	wait_until 10 no_trace
}

@test "doctor: a part that is missing shows, in the programs and in the self-test" {
	local part
	mkdir "$LAB_DIR/build"
	cp "$LAB_BUILD"/hallow* "$LAB_DIR/build/" && ln -s "$LAB_ROOT/rules" "$LAB_DIR/build/rules"
	for part in metrics notify observe resolve; do
		mv "$LAB_DIR/build/hallowd-$part" "$LAB_DIR/away"
		LAB_BUILD=$LAB_DIR/build doctor --no-self-test
		same "$(state programs)" bad
		text programs | grep -q "hallowd-$part"
		mv "$LAB_DIR/away" "$LAB_DIR/build/hallowd-$part"
	done
	rm "$LAB_DIR/build/hallowd-record"
	LAB_BUILD=$LAB_DIR/build doctor
	same "$code" 5 # it does not run here
	same "$(state programs) $(state self-test)" 'bad bad'
	text programs | grep -q hallowd-record
}

@test "doctor: a policy that is not in force is exit 5" {
	hallowd_start
	ctl teardown --reason maintenance
	doctor --no-self-test
	same "$code" 5
	same "$(state enforcing) $(state self-test)" 'bad '
	jq -r '.findings[] | select(.check == "status") | .text' "$LAB_DIR/doctor.json" | grep -q 'torn down by'
}

@test "doctor: a configuration with errors is exit 2, each with its place" {
	printf 'version: 1\nendpoints:\n  a: {address: nowhere, prot: 80}\n' >"$CONF"
	doctor --no-self-test
	same "$code" 2
	text configuration | grep -q "hallowd.yaml:3:"
	rm "$CONF"
	doctor --no-self-test
	same "$code" 2
	jq -r '.findings[] | select(.check == "configuration") | .remedy' "$LAB_DIR/doctor.json" | grep -q 'hallowctl check'
}

@test "doctor: permissions, a full disk, one that is read-only, traffic that does not pass" {
	chmod 0666 "$CONF"
	chmod 0755 "$STATE"
	doctor --no-self-test
	same "$(state permissions)" 'bad bad'
	chmod 0600 "$CONF" && chmod 0700 "$STATE"
	doctor --no-self-test
	same "$(state permissions)" 'good'

	unshare --mount bash -c 'mount -t tmpfs -o size=8M none "$1" && exec nsenter --net="/run/netns/$2" "$3" -c "$4" -o json doctor --no-self-test' \
		bash "$STATE" "$GATE" "$LAB_BUILD/hallowctl" "$CONF" >"$LAB_DIR/doctor.json" || :
	same "$(state disk)" bad
	text disk | grep -q 'MB left'
	unshare --mount bash -c 'mount -t tmpfs -o ro none "$1" && exec nsenter --net="/run/netns/$2" "$3" -c "$4" -o json doctor --no-self-test' \
		bash "$STATE" "$GATE" "$LAB_BUILD/hallowctl" "$CONF" >"$LAB_DIR/doctor.json" || :
	text disk | grep -q 'read-only'

	{ published_lists; echo endpoints:; endpoint there "$FORWARD4" 5432 '[office]'; endpoint there6 "\"$FORWARD6\"" 5432 '[office]'; } | config
	doctor --no-self-test
	same "$(state forwarding)" ''
	on_gate sh -c 'echo 0 >/proc/sys/net/ipv4/ip_forward; echo 0 >/proc/sys/net/ipv6/conf/all/forwarding'
	doctor --no-self-test
	same "$(state forwarding)" 'note note'
}

# with_systemd COMMAND…: on a host that systemd runs, as far as that shows in its folders.
with_systemd() {
	unshare --mount bash -euc '
		mount -t tmpfs none /run && mkdir -p /run/systemd/system && mount -t tmpfs none /etc/systemd/system
		mkdir /etc/systemd/system/multi-user.target.wants
		"$@"
	' bash "$@"
}
doctor_there() { nsenter --net="$gate" "$LAB_BUILD/hallowctl" -c "$CONF" -o json doctor --no-self-test || :; }

@test "doctor: whether systemd starts it at boot, where 'systemctl enable' puts it" {
	[ -d /etc/systemd/system ] || skip "no /etc/systemd/system (Debian package systemd)"
	local wanted=/etc/systemd/system/multi-user.target.wants/hallowd.service
	same "$(sed -n 's/^WantedBy=//p' "$LAB_ROOT/contrib/systemd/hallowd.service.in")" multi-user.target
	export -f doctor_there && export LAB_BUILD CONF
	# /run is another one there.
	exec {net}<"/run/netns/$GATE"
	export gate=/proc/self/fd/$net
	with_systemd doctor_there >"$LAB_DIR/doctor.json"
	same "$(state service)" note
	with_systemd bash -c "touch $wanted; doctor_there" >"$LAB_DIR/doctor.json"
	same "$(state service)" good
}

@test "doctor: without root it says what it could not see" {
	chmod 0755 "$LAB_DIR" && chmod 0644 "$CONF"
	on_gate setpriv --reuid=65534 --regid=65534 --clear-groups "$LAB_BUILD/hallowctl" -c "$CONF" -o json doctor >"$LAB_DIR/doctor.json" || :
	same "$(state root) $(state self-test)" 'note note'
}
