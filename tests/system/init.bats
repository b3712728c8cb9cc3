#!/usr/bin/env bats
# hallowctl init: what it finds on a host, what it writes, and that hallowd takes it up.

load lab.bash

setup() { lab_up; }
teardown() { lab_down; }

init() { on_gate env -u SSH_CONNECTION "$LAB_BUILD/hallowctl" "$@"; }

@test "init: what listens on the host is found, at the addresses that others reach, in both families" {
	lab_serve "$GATE" "tls:6443@::" "db:5432@$LOCAL4" "db:3306@127.0.0.1" "db:4999@$LOCAL4"
	init -c "$CONF" -o json init >"$LAB_DIR/init.json"
	same "$(jq -c '[.endpoints[] | {name, kind, port}]' "$LAB_DIR/init.json")" \
		'[{"name":"database","kind":"database","port":5432},{"name":"kubernetes-api","kind":"kubernetes-api","port":6443}]'
	same "$(jq -c '.found.listening[] | select(.port == 5432) | .addresses' "$LAB_DIR/init.json")" "[\"$LOCAL4\"]"
	jq -e --arg a "$LOCAL6" '.found.listening[] | select(.port == 6443) | .addresses | index($a)' "$LAB_DIR/init.json"
	jq -e --arg a "$LOCAL4" '.found.listening[] | select(.port == 6443) | .addresses | index($a)' "$LAB_DIR/init.json"
	jq -e '.found.listening | map(.port) == [4999, 5432, 6443]' "$LAB_DIR/init.json"
	same "$(jq -c '.found.firewalls | map(select(. == "nothing"))' "$LAB_DIR/init.json")" '[]'
	ctl check
	same "$(grep -c 'mode: observe' "$CONF")" 2
	not grep -q 'mode: enforce' "$CONF"
}

@test "init: what it wrote is taken up as it is: nobody is denied, and strangers are recorded" {
	lab_serve "$GATE" "tls:6443@$LOCAL4"
	init -c "$CONF" init >"$LAB_DIR/said"
	grep -q 'hallowctl doctor' "$LAB_DIR/said"
	sed -i "1,/^version/s|^version: 1|&\nstate_dir: $STATE\nrun_dir: $RUN|" "$CONF"
	hallowd_start
	same "$(dial $STRANGER4 $LOCAL4 6443 1 --kind tls --ca "$LAB_DIR/ca.pem")" "1 0 0"
	same "$(dial "${BOTH[0]}" $LOCAL4 6443 1 --kind tls --ca "$LAB_DIR/ca.pem")" "1 0 0"
	soon 1 recorded "reason = 'observed' AND source = '$STRANGER4'"
	soon 1 recorded "reason = 'listed' AND source = '${BOTH[0]}'"
}

@test "init: endpoints that are named, with a name or without, behind this host too" {
	init init --output "$LAB_DIR/made.yaml" prod=203.0.113.10:6443 203.0.113.20:5432 '[2001:db8:10::20]:5432' 203.0.113.32/28:9999
	same "$(sed -n -E 's/^  ([a-z0-9-]+):$/\1/p' "$LAB_DIR/made.yaml" | paste -sd' ')" 'humanitec prod database database-2 endpoint'
	"$LAB_BUILD/hallowctl" -c "$LAB_DIR/made.yaml" check
	init init --output - 203.0.113.10:6443 2>/dev/null >"$LAB_DIR/printed.yaml"
	"$LAB_BUILD/hallowctl" -c "$LAB_DIR/printed.yaml" check
}

@test "init: a file that is there stays, unless --force; what cannot be taken up is not written" {
	echo mine >"$LAB_DIR/there.yaml"
	run init init --output "$LAB_DIR/there.yaml" 203.0.113.10:6443
	[ "$status" -eq 1 ] && [[ "$output" == *"--force"* ]]
	same "$(cat "$LAB_DIR/there.yaml")" mine
	init init --force --output "$LAB_DIR/there.yaml" 203.0.113.10:6443
	"$LAB_BUILD/hallowctl" -c "$LAB_DIR/there.yaml" check
	for wrong in 203.0.113.10 203.0.113.10:0 203.0.113.10:65536 203.0.113.010:1 2001:db8::1:80 '[2001:db8::1]' 1x=203.0.113.10:1 :22; do
		run init init --output "$LAB_DIR/wrong.yaml" "$wrong"
		[ "$status" -eq 2 ] && [[ "$output" == *"expected [NAME=]ADDRESS:PORT"* ]] || { echo "$wrong: $status $output"; return 1; }
	done
	run init init --output "$LAB_DIR/wrong.yaml" a=203.0.113.10:80 b=203.0.113.10:80
	[ "$status" -eq 2 ] && [[ "$output" == *"nothing was written"* ]]
	run init init --preset nowhere --output "$LAB_DIR/wrong.yaml" 203.0.113.10:80
	[ "$status" -eq 2 ] && [[ "$output" == *"nothing was written"* ]]
	[ ! -e "$LAB_DIR/wrong.yaml" ]
}

@test "init: nothing to protect says what to name" {
	run init -c "$CONF" init
	[ "$status" -eq 2 ] && [[ "$output" == *"prod-api=203.0.113.10:6443"* ]]
	[ ! -e "$CONF" ]
}

@test "init: a Terraform state and its output, and whoever is logged in keeps the way in" {
	cp "$LAB_ROOT/tests/data/terraform.tfstate" "$LAB_ROOT/tests/data/terraform-output.json" "$LAB_DIR/"
	local f
	for f in terraform.tfstate terraform-output.json; do
		on_gate env SSH_CONNECTION="$OFFICE6 50000 $LOCAL6 22" "$LAB_BUILD/hallowctl" init --force --terraform "$LAB_DIR/$f" \
			--output "$CONF" "jump=$LOCAL4:22"
		grep -q "entries: \[\"$OFFICE6\"\]" "$CONF" && grep -q 'allow: \[humanitec, admins\]' "$CONF"
		sed -i "1,/^version/s|^version: 1|&\nstate_dir: $STATE.$f\nrun_dir: $RUN|" "$CONF"
		mkdir -m 0700 "$STATE.$f"
		ctl -o json refresh >"$LAB_DIR/refresh.json"
		same "$(ctl -o json lists humanitec | jq '[.origins[].entries] == [6, 12], (.entries | length)' | paste -sd' ')" 'true 6'
	done
	echo '{"x": 1}' >"$LAB_DIR/other.json"
	run init init --terraform "$LAB_DIR/other.json" --output "$LAB_DIR/none.yaml" 203.0.113.10:6443
	[ "$status" -eq 2 ] && [[ "$output" == *"humanitec_source_ip_ranges"* ]] && [ ! -e "$LAB_DIR/none.yaml" ]
}
