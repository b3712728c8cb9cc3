#!/usr/bin/env bats
# Who gets in: every way that an endpoint can stand behind the gate, both families, both protocols, every form of port.

load lab.bash

setup() {
	lab_up
	lab_nat
	publish
	lab_serve "$GATE" "tls:6443@$LOCAL4" "tls:6443@$LOCAL6" "db:5432@$LOCAL4" "db:5432@$LOCAL6" \
		"udp:5353@$LOCAL4" "udp:5353@$LOCAL6" "db:7000@$LOCAL4" "db:8000-8003@$LOCAL4" "db:8999-9001@$LOCAL6"
	lab_serve "$SERVER" "db:5432@$FORWARD4" "db:5432@$FORWARD6" "udp:5353@$FORWARD4" "udp:5353@$FORWARD6" \
		db:5432@10.77.0.30 db:5432@fd77::30 udp:5353@10.77.0.30 udp:5353@fd77::30
}

teardown() { lab_down; }

# judged ENDPOINT DESTINATION4 DESTINATION6 PORT KIND: listed sources of both families get in, others do not, and it is counted.
judged() {
	same "$(dial "${BOTH[0]}" "$2" "$4" 3 --kind "$5")" "3 0 0"
	same "$(dial $OFFICE6 "$3" "$4" 2 --kind "$5")" "2 0 0"
	same "$(dial $STRANGER4 "$2" "$4" 4 --kind "$5")" "0 4 0"
	same "$(dial $STRANGER6 "$3" "$4" 1 --kind "$5")" "0 1 0"
	same "$(counted "$1" allowed) $(counted "$1" denied)" "5 5"
}

@test "connections: an endpoint on the gate itself, tcp" {
	{ published_lists; echo endpoints:; endpoint api "[$LOCAL4, \"$LOCAL6\"]" 5432 '[humanitec, office]'; } | config
	hallowd_start
	judged api $LOCAL4 $LOCAL6 5432 db
}

@test "connections: an endpoint on the gate itself, udp" {
	{ published_lists; echo endpoints:; endpoint dns "[$LOCAL4, \"$LOCAL6\"]" 5353 '[humanitec, office]' 'protocol: udp'; } | config
	hallowd_start
	judged dns $LOCAL4 $LOCAL6 5353 udp
}

@test "connections: a forwarded endpoint, tcp" {
	{ published_lists; echo endpoints:; endpoint db "[$FORWARD4, \"$FORWARD6\"]" 5432 '[humanitec, office]'; } | config
	hallowd_start
	judged db $FORWARD4 $FORWARD6 5432 db
}

@test "connections: a forwarded endpoint, udp" {
	{ published_lists; echo endpoints:; endpoint dns "[$FORWARD4, \"$FORWARD6\"]" 5353 '[humanitec, office]' 'protocol: udp'; } | config
	hallowd_start
	judged dns $FORWARD4 $FORWARD6 5353 udp
}

@test "connections: an endpoint behind destination NAT, tcp, by the address that the client dialled" {
	{ published_lists; echo endpoints:; endpoint db "[$NAT4, \"$NAT6\"]" 5432 '[humanitec, office]'; } | config
	hallowd_start
	judged db $NAT4 $NAT6 5432 db
}

@test "connections: an endpoint behind destination NAT, udp" {
	{ published_lists; echo endpoints:; endpoint dns "[$NAT4, \"$NAT6\"]" 5353 '[humanitec, office]' 'protocol: udp'; } | config
	hallowd_start
	judged dns $NAT4 $NAT6 5353 udp
}

@test "connections: destination NAT that changes the port, by the port that the client dialled" {
	{ published_lists; echo endpoints:; endpoint db "$NAT4" 15432 '[humanitec]'; } | config
	hallowd_start
	same "$(dial "${BOTH[1]}" $NAT4 15432 2)" "2 0 0"
	same "$(dial $STRANGER4 $NAT4 15432 2)" "0 2 0"
	# The port behind the translation is another endpoint's matter: here nobody's.
	same "$(dial $STRANGER4 $NAT4 5432 1)" "1 0 0"
	same "$(counted db allowed) $(counted db denied)" "2 2"
}

@test "connections: an HTTPS API, TLS to the end" {
	{ published_lists; echo endpoints:; endpoint api "[$LOCAL4, \"$LOCAL6\"]" 6443 '[humanitec, office]' 'kind: kubernetes-api'; } | config
	hallowd_start
	same "$(dial "${BOTH[2]}" $LOCAL4 6443 3 --kind tls --ca "$LAB_DIR/ca.pem")" "3 0 0"
	same "$(dial $OFFICE6 $LOCAL6 6443 3 --kind tls --ca "$LAB_DIR/ca.pem")" "3 0 0"
	same "$(dial $STRANGER4 $LOCAL4 6443 1 --kind tls)" "0 1 0"
}

@test "connections: a list of ports and ranges, to the port" {
	{ published_lists; echo endpoints:
		endpoint many4 "$LOCAL4" '[7000, "8000-8002"]' '[office]'
		endpoint many6 "\"$LOCAL6\"" '"8999-9000"' '[office]'; } | config
	hallowd_start
	local port
	for port in 7000 8000 8001 8002; do
		same "$(dial $OFFICE4 $LOCAL4 $port)" "1 0 0"
		same "$(dial $STRANGER4 $LOCAL4 $port)" "0 1 0"
	done
	for port in 8999 9000; do
		same "$(dial $OFFICE6 $LOCAL6 $port)" "1 0 0"
		same "$(dial $STRANGER6 $LOCAL6 $port)" "0 1 0"
	done
	# One past the end belongs to no endpoint, and hallowd leaves it alone.
	same "$(dial $STRANGER4 $LOCAL4 8003)" "1 0 0"
	same "$(dial $STRANGER6 $LOCAL6 9001)" "1 0 0"
	same "$(counted many4 allowed) $(counted many4 denied) $(counted many6 allowed) $(counted many6 denied)" "4 4 2 2"
}

@test "connections: an address range of destinations" {
	{ published_lists; echo endpoints:; endpoint all "203.0.113.16/28" 5432 '[humanitec]'; } | config
	hallowd_start
	same "$(dial "${BOTH[0]}" $FORWARD4 5432)" "1 0 0"
	same "$(dial $STRANGER4 $FORWARD4 5432)" "0 1 0"
	same "$(dial $STRANGER4 $LOCAL4 5432)" "1 0 0" # .10 is outside of .16/28
}

@test "connections: what both publishers name gets in, what one names does not" {
	{ published_lists; echo endpoints:; endpoint api "$LOCAL4" 5432 '[humanitec]'; } | config
	hallowd_start
	local source pids=()
	for source in "${BOTH[@]}"; do
		same "$source $(dial "$source" $LOCAL4 5432)" "$source 1 0 0"
	done
	for source in "${PROVIDER_ONLY[@]}"; do
		dial "$source" $LOCAL4 5432 >"$LAB_DIR/$source" 3>&- &
		pids+=($!)
	done
	wait "${pids[@]}"
	for source in "${PROVIDER_ONLY[@]}"; do
		same "$source $(cat "$LAB_DIR/$source")" "$source 0 1 0"
	done
	same "$(counted api allowed) $(counted api denied)" "6 6"
}

@test "connections: observe lets in and records what would have been denied" {
	{ published_lists; echo endpoints:; endpoint api "[$LOCAL4, \"$LOCAL6\"]" 5432 '[humanitec]' 'mode: observe'; } | config
	hallowd_start
	same "$(dial "${BOTH[0]}" $LOCAL4 5432 2)" "2 0 0"
	same "$(dial $STRANGER4 $LOCAL4 5432 3)" "3 0 0"
	same "$(dial $STRANGER6 $LOCAL6 5432 1)" "1 0 0"
	same "$(counted api allowed) $(counted api denied)" "6 0"
	soon "listed|allow|2
observed|allow|4" sql "SELECT reason, verdict, count(*) FROM connections GROUP BY 1, 2 ORDER BY 1"
}

@test "connections: reject answers at once, tcp and udp, both families" {
	{ published_lists; echo endpoints:
		endpoint api "[$LOCAL4, \"$LOCAL6\"]" 5432 '[humanitec]' 'deny_with: reject'
		endpoint dns "[$LOCAL4, \"$LOCAL6\"]" 5353 '[humanitec]' 'deny_with: reject' 'protocol: udp'; } | config
	hallowd_start
	same "$(dial $STRANGER4 $LOCAL4 5432 3)" "0 0 3"
	same "$(dial $STRANGER6 $LOCAL6 5432 3)" "0 0 3"
	same "$(dial $STRANGER4 $LOCAL4 5353 1 --kind udp)" "0 0 1"
	same "$(dial $STRANGER6 $LOCAL6 5353 1 --kind udp)" "0 0 1"
	same "$(counted api denied) $(counted dns denied)" "6 2"
	soon 6 recorded "endpoint = 'api' AND verdict = 'deny'"
}

@test "connections: an endpoint that allows several lists names the one that let it in" {
	{ published_lists; echo endpoints:; endpoint api "$LOCAL4" 5432 '[humanitec, office]'; } | config
	hallowd_start
	same "$(dial "${BOTH[0]}" $LOCAL4 5432 2)" "2 0 0"
	same "$(dial $OFFICE4 $LOCAL4 5432 1)" "1 0 0"
	soon "humanitec|2
office|1" sql "SELECT list, count(*) FROM connections GROUP BY 1 ORDER BY 1"
}

@test "connections: an answer from an endpoint's own address to the outside is left alone" {
	# The server asks the client: its answers come back to an endpoint's address, from a source on no list.
	{ published_lists; echo endpoints:; endpoint all "$FORWARD4" '"1-65535"' '[humanitec]'; } | config
	hallowd_start
	lab_serve "$CLIENT" "db:5432@$STRANGER4"
	same "$(on_server "$LAB_PYTHON" "$LAB_LIB/connect.py" $FORWARD4 $STRANGER4 5432 --count 2)" "2 0 0"
	same "$(counted all denied)" 0
}
