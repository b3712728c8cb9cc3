#!/usr/bin/env bats
# Metrics: as text, over HTTP, taken by a real Prometheus; the rules and the dashboard in contrib/.

load lab.bash

setup() {
	lab_up
	publish
}
teardown() { lab_down; }

# setting [LISTEN]: the configuration, with metrics served there.
setting() {
	{
		published_lists
		echo endpoints:
		endpoint prod-api "[$LOCAL4, \"$LOCAL6\"]" 5432 '[humanitec, office]'
		[ -z "${1:-}" ] || printf 'metrics: {listen: "%s"}\n' "$1"
	} | config
}

# fetched URL [CURL OPTION…]
fetched() {
	local url=$1
	shift
	on_gate curl -sS --noproxy '*' --max-time 10 "$@" "$url"
}

# value METRIC FILE: of one sample, named with its labels.
value() { awk -v m="$1" 'index($0, m " ") == 1 { print $NF }' "$2"; }

needs_prometheus() { command -v prometheus >/dev/null && command -v promtool >/dev/null || skip "Prometheus is not installed (Debian package prometheus)"; }

traffic() {
	lab_serve "$GATE" "db:5432@$LOCAL4"
	dial "${BOTH[0]}" $LOCAL4 5432 3
	dial $STRANGER4 $LOCAL4 5432 2 --timeout 1
}

@test "metrics: both texts say the same, and what status says" {
	setting
	hallowd_start
	traffic
	ctl metrics >"$LAB_DIR/open"
	ctl metrics --prometheus --output "$LAB_DIR/classic"
	same "$(tail -n 1 "$LAB_DIR/open")" '# EOF'
	not grep -q '# EOF' "$LAB_DIR/classic"
	same "$(grep -v '^#' "$LAB_DIR/open" | sort)" "$(grep -v '^#' "$LAB_DIR/classic" | sort)"
	# jq writes a time with more digits than it has: whole seconds are compared.
	same "$(ctl -o json metrics | jq -r '.[] | (if .type == "counter" then "_total" elif .type == "info" then "_info" else "" end) as $tail
			| .name as $name | .samples[] | "\($name)\($tail) \(.labels | to_entries | map("\(.key)=\(.value)") | join(",")) \(.value | if . > 1e9 then floor else . end)"' |
			grep -v start_time | sort)" \
		"$(grep -v '^#' "$LAB_DIR/open" | grep -v start_time | sed -E 's/ ([^ ]*)$/\t\1/; s/[{}"]/ /g; s/ *\t/\t/' |
			awk -F'\t' '{ n = split($1, a, " "); printf "%s ", a[1]; for (i = 2; i <= n; i++) printf "%s", a[i]
				print " " ($2 > 1e9 ? int($2) : $2) }' | sort)"
	same "$(value 'hallowd_allowed_connections_total{endpoint="prod-api"}' "$LAB_DIR/open")" 3
	same "$(value 'hallowd_denied_packets_total{endpoint="prod-api"}' "$LAB_DIR/open")" 2
	same "$(value hallowd_enforcing "$LAB_DIR/open")" 1
	same "$(value 'hallowd_list_entries{list="humanitec"}' "$LAB_DIR/open")" 6
	same "$(value 'hallowd_list_state{list="humanitec",hallowd_list_state="current"}' "$LAB_DIR/open")" 1
	same "$(value 'hallowd_list_state{list="humanitec",hallowd_list_state="held"}' "$LAB_DIR/open")" 0
	same "$(value hallowd_audit_recorded_total "$LAB_DIR/open") $(value hallowd_audit_lost_total "$LAB_DIR/open")" '5 0'
	ctl teardown --reason test
	ctl metrics >"$LAB_DIR/open"
	same "$(value hallowd_enforcing "$LAB_DIR/open")" 0
}

@test "metrics: agents, by name and network" {
	{
		printf 'agents:\n  eu-1: {network: eu, address: 10.77.0.2, tunnel: {host: 198.18.0.2, port: 22}}\n'
	} | config
	hallowd_start
	ctl metrics >"$LAB_DIR/open"
	same "$(value 'hallowd_agent_up{agent="eu-1",network="eu"}' "$LAB_DIR/open")" 0
	same "$(value 'hallowd_agent_seen_time_seconds{agent="eu-1",network="eu"}' "$LAB_DIR/open")" 0
	same "$(value 'hallowd_agent_denied_packets_total{agent="eu-1"}' "$LAB_DIR/open")" 0
}

@test "metrics: promtool has nothing to say against the text, nor against the rules" {
	needs_prometheus
	setting
	hallowd_start
	ctl metrics --prometheus | promtool check metrics >"$LAB_DIR/lint" 2>&1
	same "$(cat "$LAB_DIR/lint")" ''
	cp "$LAB_ROOT/contrib/prometheus/hallowd.rules.yml" "$LAB_ROOT/tests/system/hallowd.rules.test.yml" "$LAB_DIR/"
	promtool check rules "$LAB_DIR/hallowd.rules.yml"
	promtool test rules "$LAB_DIR/hallowd.rules.test.yml"
}

@test "metrics: over HTTP on loopback only, in either text, from a program without privileges" {
	setting 127.0.0.1:9478
	hallowd_start
	fetched http://127.0.0.1:9478/metrics -D "$LAB_DIR/head" >"$LAB_DIR/classic"
	grep -qi '^content-type: text/plain; version=0.0.4' "$LAB_DIR/head"
	same "$(value hallowd_enforcing "$LAB_DIR/classic") $(value hallowd_running "$LAB_DIR/classic")" '1 1'
	grep -q '^hallowd_audit_lost_total 0' "$LAB_DIR/classic"
	fetched http://127.0.0.1:9478/metrics -H 'Accept: application/openmetrics-text; version=1.0.0' -D "$LAB_DIR/head" >"$LAB_DIR/open"
	grep -qi '^content-type: application/openmetrics-text' "$LAB_DIR/head"
	same "$(tail -n 1 "$LAB_DIR/open")" '# EOF'
	same "$(fetched http://127.0.0.1:9478/ -o /dev/null -w '%{http_code}')" 404
	same "$(fetched http://127.0.0.1:9478/metrics -X POST -d x -o /dev/null -w '%{http_code}')" 405
	same "$(on_gate ss -Hltn '( sport = :9478 )' | awk '{print $4}')" 127.0.0.1:9478
	local pid=$(child hallowd-metrics)
	same "$(awk '/^Cap(Prm|Eff|Bnd|Inh|Amb)/ {print $2}' "/proc/$pid/status" | sort -u)" 0000000000000000
	[ "$(awk '/^Uid:/ {print $2}' "/proc/$pid/status")" -ne 0 ]
}

served_by_another() { local pid; pid=$(child hallowd-metrics) && [ "$pid" != "$1" ] && fetched "$2" -o /dev/null 2>/dev/null; }
not_served() { not fetched "$1" -o /dev/null 2>/dev/null; }

@test "metrics: killed it comes back, a reload moves and ends it, a port that is taken is told" {
	setting 127.0.0.1:9478
	hallowd_start
	local pid=$(child hallowd-metrics)
	lab_kill KILL "$pid"
	wait_until 20 served_by_another "$pid" http://127.0.0.1:9478/metrics
	soon 1 sql "SELECT count(*) FROM events WHERE kind = 'child-died' AND subject = 'hallowd-metrics'"

	setting '[::1]:9479'
	ctl reload
	wait_until 10 fetched 'http://[::1]:9479/metrics' -o /dev/null
	wait_until 10 not_served http://127.0.0.1:9478/metrics

	lab_serve "$GATE" db:9480@127.0.0.1
	setting 127.0.0.1:9480
	ctl reload
	wait_until 10 eval "ctl -o json status | jq -e '.problems[] | select(test(\"metrics are not served.*9480.*in use\"))' >/dev/null"
	setting
	ctl reload
	wait_until 10 eval "ctl -o json status | jq -e '[.problems[] | select(test(\"metrics\"))] | length == 0' >/dev/null"
}

@test "metrics: somebody who connects and says nothing, or half, holds nobody up" {
	setting 127.0.0.1:9478
	hallowd_start
	local i
	for i in $(seq 1 12); do
		lab_start "$GATE" quiet "$LAB_PYTHON" -c 'import socket, time
s = socket.create_connection(("127.0.0.1", 9478)); s.send(b"GET /met"); time.sleep(20)'
	done
	same "$(fetched http://127.0.0.1:9478/metrics -o /dev/null -w '%{http_code}')" 200
	ctl -o json status >/dev/null
}

# query EXPRESSION: of the Prometheus in the lab; the first value.
query() {
	on_gate curl -sS --noproxy '*' --max-time 10 --data-urlencode "query=$1" http://127.0.0.1:9090/api/v1/query >"$LAB_DIR/query.json" || return
	jq -r '.status + " " + (.data.result[0].value[1] // "none")' "$LAB_DIR/query.json"
}

found() { query "$1" >/dev/null && jq -e '.status == "success" and (.data.result | length > 0)' "$LAB_DIR/query.json" >/dev/null; }

@test "metrics: a real Prometheus takes them; each expression of the rules and the dashboard means something there" {
	needs_prometheus
	setting 127.0.0.1:9478
	hallowd_start
	traffic
	cp "$LAB_ROOT/contrib/prometheus/hallowd.rules.yml" "$LAB_DIR/"
	cat >"$LAB_DIR/prometheus.yml" <<-YAML
	global: {scrape_interval: 1s, evaluation_interval: 1s}
	rule_files: [hallowd.rules.yml]
	scrape_configs:
	  - job_name: hallowd
	    static_configs: [{targets: ['127.0.0.1:9478']}]
	YAML
	lab_start "$GATE" prometheus prometheus --config.file="$LAB_DIR/prometheus.yml" --storage.tsdb.path="$LAB_DIR/tsdb" \
		--web.listen-address=127.0.0.1:9090
	soon 'success 1' query 'hallowd_enforcing'
	soon 'success 3' query 'hallowd_allowed_connections_total{endpoint="prod-api"}'
	soon 'success 6' query 'hallowd_list_entries{list="humanitec"}'
	soon 'success 1' query 'hallowd_list_state{list="humanitec",hallowd_list_state="current"}'
	# The type is known, so it was read as OpenMetrics.
	on_gate curl -sS --noproxy '*' 'http://127.0.0.1:9090/api/v1/metadata?metric=hallowd_list_state' |
		jq -e '.data.hallowd_list_state[0].type == "stateset"'
	local expression
	while IFS= read -r expression; do
		expression=${expression//\$__rate_interval/1m}
		expression=${expression//\$instance/.*}
		wait_until 10 found "$expression" ||
			{ echo "nothing is found for: $expression"; cat "$LAB_DIR/query.json"; return 1; }
	done < <(jq -r '.panels[].targets[].expr' "$LAB_ROOT/contrib/grafana/hallowd.json")
	on_gate curl -sS --noproxy '*' http://127.0.0.1:9090/api/v1/rules | jq -e '[.data.groups[].rules[] | .health] | unique == ["ok"]'
	ctl teardown --reason test
	soon 'success 0' query 'hallowd_enforcing'
}
