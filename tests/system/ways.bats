#!/usr/bin/env bats
# The ways of connecting, each as its example in rules/examples has it, with real hosts.

load lab.bash

setup() {
	lab_up
	publish
}

teardown() { lab_down; }

# example NAME: the configuration rules/examples/NAME.yaml, with the folders of this lab.
example() { sed '/^version:/d' "$LAB_ROOT/rules/examples/$1.yaml" | config; }

# from_server SOURCE DESTINATION PORT: as dial, from the host behind the gate.
from_server() { on_server "$LAB_PYTHON" "$LAB_LIB/connect.py" "$@"; }

# who_reaches ADDRESS4 ADDRESS6 PORT: the orchestrator, the office (IPv4, IPv6), a stranger (IPv4, IPv6), each "ALLOWED DROPPED
# REJECTED".
who_reaches() {
	local out= pair
	for pair in "${BOTH[0]} $1" "$OFFICE4 $1" "$OFFICE6 $2" "$STRANGER4 $1" "$STRANGER6 $2"; do
		out+=", $(dial ${pair% *} ${pair#* } "$3")"
	done
	echo "${out#, }"
}

@test "ways: direct: on this host, behind it and behind destination NAT, judged as it was dialled" {
	lab_nat
	lab_serve "$GATE" "db:6443@$LOCAL4" "db:6443@$LOCAL6"
	lab_serve "$SERVER" "db:5432@$FORWARD4" "db:5432@$FORWARD6" db:443@10.77.0.30 db:443@fd77::30
	example direct
	hallowd_start
	same "$(who_reaches $LOCAL4 $LOCAL6 6443)" "1 0 0, 1 0 0, 1 0 0, 0 1 0, 0 1 0"
	same "$(who_reaches $FORWARD4 $FORWARD6 5432)" "1 0 0, 0 0 1, 0 0 1, 0 0 1, 0 0 1"
	same "$(who_reaches $NAT4 $NAT6 443)" "0 1 0, 1 0 0, 1 0 0, 0 1 0, 0 1 0"
	soon "cluster|2001:db8:10::10|1|1
cluster|203.0.113.10|2|1
git|2001:db8:10::30|1|1
git|203.0.113.30|1|2
orders-db|2001:db8:10::20|0|2
orders-db|203.0.113.20|1|2" sql "SELECT endpoint, destination, sum(verdict = 'allow'), sum(verdict = 'deny')
		FROM connections GROUP BY 1, 2 ORDER BY 1, 2"
	same "$(ctl -o json explain $OFFICE4 $NAT4 | jq -c '[.verdict, .endpoint, .list]')" '["allow","git","office"]'
	# Not dialled, and so not judged: where destination NAT leads to.
	same "$(ctl -o json explain $STRANGER4 10.77.0.30:443 | jq -r .verdict)" unmatched
	same "$(status '[.enforcing, (.problems | length)] | @csv')" "true,0"
}

@test "ways: bastion: only the list reaches it, only it reaches the database" {
	lab_serve "$SERVER" "db:22@$FORWARD4" "db:22@$FORWARD6"
	lab_serve "$GATE" "db:5432@$LOCAL4" "db:5432@$LOCAL6"
	example bastion
	# The lab's IPv6 sources are on no published list.
	sed -i 's/^    allow: \[humanitec\]/    allow: [humanitec, office]/; s/^lists:/&\n  office: {entries: ["2001:db8:1::\/64"]}/' "$CONF"
	hallowd_start

	same "$(dial "${BOTH[0]}" $FORWARD4 22)" "1 0 0"
	same "$(dial $OFFICE6 $FORWARD6 22)" "1 0 0"
	same "$(dial $STRANGER4 $FORWARD4 22)" "0 1 0"
	same "$(dial $STRANGER6 $FORWARD6 22)" "0 1 0"

	same "$(from_server $FORWARD4 $LOCAL4 5432)" "1 0 0"
	same "$(from_server $FORWARD6 $LOCAL6 5432)" "1 0 0"
	same "$(from_server 10.77.0.2 $LOCAL4 5432)" "0 1 0" # the same host by another address
	same "$(dial "${BOTH[0]}" $LOCAL4 5432)" "0 1 0"
	same "$(dial $OFFICE6 $LOCAL6 5432)" "0 1 0"

	soon "@bastion|1|203.0.113.20
@bastion|1|2001:db8:10::20" sql "SELECT list, revision, source FROM connections
		WHERE endpoint = 'orders-db' AND verdict = 'allow' ORDER BY id"
	same "$(ctl -o json lists @bastion | jq -c '[.kind, .revision, .entries]')" \
		'["own",1,["203.0.113.20/32","2001:db8:10::20/128"]]'
	same "$(ctl -o json explain $FORWARD4 $LOCAL4:5432 | jq -c '[.verdict, .reason, .list, .entry]')" \
		'["allow","listed","@bastion","203.0.113.20/32"]'
	same "$(ctl -o json explain "${BOTH[0]}" $LOCAL4:5432 | jq -c '[.verdict, .reason]')" '["deny","not-listed"]'
	# What the kernel has is what nft can read again.
	on_gate nft -s list table inet hallowd >"$LAB_DIR/ruleset"
	grep -q 'ip saddr @of/bastion/4 goto allow/orders-db/of/bastion' "$LAB_DIR/ruleset"
}

@test "ways: a bastion that moves takes its permission with it, as a revision of its list" {
	lab_serve "$GATE" "db:5432@$LOCAL4"
	{
		published_lists
		echo endpoints:
		endpoint bastion "$FORWARD4" 22 '[humanitec]'
		endpoint db "$LOCAL4" 5432 '["@bastion"]'
	} | config
	hallowd_start
	same "$(from_server $FORWARD4 $LOCAL4 5432)" "1 0 0"
	same "$(from_server 10.77.0.30 $LOCAL4 5432)" "0 1 0"
	sed -i "s/address: $FORWARD4/address: 10.77.0.30/" "$CONF"
	same "$(ctl -o json plan | jq -c '.lists')" \
		'[{"list":"@bastion","added":["10.77.0.30/32"],"removed":["203.0.113.20/32"]}]'
	ctl reload
	same "$(from_server $FORWARD4 $LOCAL4 5432)" "0 1 0"
	same "$(from_server 10.77.0.30 $LOCAL4 5432)" "1 0 0"
	soon '1|["203.0.113.20/32"]|[]
2|["10.77.0.30/32"]|["203.0.113.20/32"]' sql "SELECT revision, added, removed FROM list_revisions WHERE list = '@bastion'"
}

@test "ways: own secret store: the Operator reaches it, the orchestrator does not, and the report says so" {
	lab_serve "$GATE" "db:6443@$LOCAL4"
	lab_serve "$SERVER" "db:8200@$FORWARD4" "db:8200@$FORWARD6"
	example own-secrets
	hallowd_start
	same "$(dial "${BOTH[0]}" $LOCAL4 6443)" "1 0 0"
	same "$(dial "${BOTH[0]}" $FORWARD4 8200)" "0 1 0"
	same "$(dial $OFFICE4 $FORWARD4 8200)" "1 0 0"
	same "$(dial $OFFICE6 $FORWARD6 8200)" "1 0 0"
	same "$(dial $STRANGER6 $FORWARD6 8200)" "0 1 0"
	soon 2 recorded "endpoint = 'vault' AND verdict = 'allow'"
	same "$(ctl -o json report | jq -c '[.endpoints[] | [.name, .kind, .orchestrator_allowed]]')" \
		'[["cluster","kubernetes-api",null],["vault","secret-store",0]]'
	ctl report | grep -F 'vault: no connection of the orchestrator was allowed'
}

@test "ways: own secret store: a published list on it is refused on load and on reload, with place and reason" {
	lab_serve "$SERVER" "db:8200@$FORWARD4"
	example own-secrets
	hallowd_start
	local at
	sed -i 's/^    allow: \[operator\]/    allow: [operator, humanitec]/' "$CONF"
	at=$(grep -n 'operator, humanitec' "$CONF" | cut -d: -f1)
	run ctl reload
	same "$status" 2
	[[ "$output" == *"$CONF:$at:23: list 'humanitec' has origins"*"secret store 'vault'"* ]]
	run ctl check
	same "$status" 2
	same "$(dial "${BOTH[0]}" $FORWARD4 8200)" "0 1 0"
	# When it is said that the orchestrator writes, it may.
	sed -i 's/orchestrator_writes: false/orchestrator_writes: true /' "$CONF"
	ctl reload
	same "$(dial "${BOTH[0]}" $FORWARD4 8200 2)" "2 0 0"
	soon 2 recorded "endpoint = 'vault' AND verdict = 'allow'"
	ctl report | grep -F 'vault: 2 connections of the orchestrator were allowed'
}

@test "ways: own secret store: the orchestrator on a list of one's own is a problem, and no secret in the report" {
	lab_serve "$SERVER" "db:8200@$FORWARD4"
	example own-secrets
	sed -i "s|entries: \[198.51.100.0/28|entries: [${BOTH[0]}, 198.51.100.0/28|" "$CONF"
	hallowd_start
	status '.problems[]' | grep -F 'secret store vault: list operator holds addresses of list humanitec'
	same "$(dial "${BOTH[0]}" $FORWARD4 8200)" "1 0 0"
	soon 1 recorded "endpoint = 'vault'"
	same "$(ctl -o json report | jq '.endpoints[] | select(.name == "vault").orchestrator_allowed')" 1
}

@test "ways: hosted secret store: the orchestrator reaches the cluster alone; the report says that no store let it in" {
	lab_serve "$GATE" "db:6443@$LOCAL4" "db:6443@$LOCAL6"
	lab_serve "$SERVER" "db:8200@$FORWARD4" "db:8200@$FORWARD6"
	example hosted-secrets
	hallowd_start
	same "$(who_reaches $LOCAL4 $LOCAL6 6443)" "1 0 0, 0 1 0, 0 1 0, 0 1 0, 0 1 0"
	same "$(who_reaches $FORWARD4 $FORWARD6 8200)" "0 1 0, 1 0 0, 1 0 0, 0 1 0, 0 1 0"
	soon 2 recorded "endpoint = 'vault' AND verdict = 'allow'"
	same "$(ctl -o json report | jq -c '[.endpoints[] | select(.name == "vault") | .kind, .orchestrator_allowed]')" '["secret-store",0]'
	# In this mode it is no contradiction to let it in; then the report says so.
	sed -i 's/^    allow: \[office\]/    allow: [humanitec, office]/' "$CONF"
	ctl reload
	same "$(dial "${BOTH[0]}" $FORWARD4 8200)" "1 0 0"
	soon 3 recorded "endpoint = 'vault' AND verdict = 'allow'"
	same "$(ctl -o json report | jq -c '[.endpoints[] | select(.name == "vault") | .orchestrator_allowed]')" '[1]'
}

@test "ways: observe: nothing is denied, what would be is recorded, and the report and plan say whom enforcing cuts off" {
	lab_serve "$GATE" "db:6443@$LOCAL4" "db:6443@$LOCAL6"
	lab_serve "$SERVER" "db:5432@$FORWARD4" "db:5432@$FORWARD6"
	example direct
	sed -i 's/^    deny_with: reject .*/    mode: observe/' "$CONF"
	hallowd_start
	same "$(who_reaches $FORWARD4 $FORWARD6 5432)" "1 0 0, 1 0 0, 1 0 0, 1 0 0, 1 0 0"
	soon "listed|1
observed|4" sql "SELECT reason, count(*) FROM connections WHERE endpoint = 'orders-db' AND verdict = 'allow' GROUP BY 1 ORDER BY 1"
	same "$(ctl -o json explain $STRANGER4 $FORWARD4 | jq -c '[.verdict, .reason]')" '["allow","observed"]'
	same "$(ctl -o json report | jq -c '.endpoints[] | select(.name == "orders-db") | [.mode, .denied, [.sources[] | select(.observed > 0) | .source]]')" \
		"[\"observe\",0,[\"$STRANGER4\",\"$OFFICE4\",\"$OFFICE6\",\"$STRANGER6\"]]"
	same "$(ctl -o json report | jq -c '.endpoints[] | select(.name == "orders-db").would_deny')" '{"connections":4,"sources":4}'
	local format
	for format in text md html; do
		ctl -o $format report >"$LAB_DIR/report.$format"
		grep -F 'Whom enforcing would have cut off' "$LAB_DIR/report.$format" >/dev/null
	done
	grep -A 6 'Whom enforcing would' "$LAB_DIR/report.text" | grep -Eq "^ *$OFFICE6 +orders-db +1 "
	# Enforcing cuts off just these.
	sed -i 's/^    mode: observe/    mode: enforce/' "$CONF"
	same "$(ctl -o json plan | jq -c '[.cut_off[].source]')" "[\"$STRANGER4\",\"$OFFICE4\",\"$OFFICE6\",\"$STRANGER6\"]"
	ctl reload
	same "$(who_reaches $FORWARD4 $FORWARD6 5432)" "1 0 0, 0 1 0, 0 1 0, 0 1 0, 0 1 0"
}
