# The lab: three hosts on one machine, each a network namespace of this process's own, joined by veth pairs.
#
#   client                       gate (hallowd)                        server
#   198.18.0.2, the sources ---- 198.18.0.1         10.77.0.1 -------- 10.77.0.2
#   2001:db8:c::2                203.0.113.10 (local endpoint)         203.0.113.20 (forwarded endpoint)
#                                203.0.113.30 -- destination NAT --->  10.77.0.30
#                                and the same in IPv6: 2001:db8:10::10, ::20, ::30 (to fd77::30)
#
# Sourced by the system tests and by ./quickstart; needs root, iproute2, nftables, python3, openssl.
# No namespace has a way out.  Everything that is made here is undone by lab_down, which an EXIT trap calls for scripts
# (lab_trap) and teardown() for bats.  What a killed test left behind is swept away by the next lab_up.
#
# Variables of the caller: LAB_BUILD, the build tree with the programs.
# Variables for the caller: LAB_DIR (mode 0700), CLIENT, GATE, SERVER, STATE, RUN, CONF, DAEMON (pid or empty).

LAB_LIB=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
LAB_ROOT=$(cd "$LAB_LIB/../.." && pwd)
LAB_BUILD=${LAB_BUILD:-$LAB_ROOT/_build/test}
LAB_PYTHON=/usr/bin/python3
[ -x $LAB_PYTHON ] || LAB_PYTHON=python3

# The addresses that both publishers name, those that only the provider names, and the rest of the cast.
BOTH=(34.159.97.57 35.198.74.96 34.141.77.162 34.89.188.214 34.159.140.35 34.89.165.141)
PROVIDER_ONLY=(34.141.184.227 34.147.1.204 34.32.134.107 34.91.109.253 34.91.7.12 35.204.216.33)
OFFICE4=198.51.100.7
STRANGER4=192.0.2.66
OFFICE6=2001:db8:1::5
OFFICE6B=2001:db8:1::6
STRANGER6=2001:db8:bad::66

# Endpoints.
LOCAL4=203.0.113.10 LOCAL6=2001:db8:10::10
FORWARD4=203.0.113.20 FORWARD6=2001:db8:10::20
NAT4=203.0.113.30 NAT6=2001:db8:10::30

# lab_missing: prints what the lab needs and does not find, one a line; nothing when it can run.
lab_missing() {
	[ "$(id -u)" -eq 0 ] || echo "root, for network namespaces and nf_tables"
	local tool
	for tool in ip:iproute2 nft:nftables openssl:openssl nsenter:util-linux sqlite3:sqlite3 jq:jq; do
		command -v "${tool%%:*}" >/dev/null || echo "${tool%%:*} (Debian package ${tool##*:})"
	done
	command -v $LAB_PYTHON >/dev/null || echo "python3 (Debian package python3)"
	[ "$(id -u)" -ne 0 ] || lab_probe 2>/dev/null ||
		echo "a kernel and container that allow network namespaces, veth and nf_tables"
}

# lab_probe: the least that a lab is made of can be made here.
lab_probe() {
	local name=hw-$$-probe status=0
	ip netns add "$name" && ip -n "$name" link add v0 type veth peer name v1 && lab_in "$name" nft add table inet probe || status=1
	ip netns del "$name"
	return $status
}

# kernel_since MAJOR MINOR: this kernel is that one or a later one.
kernel_since() {
	local major minor
	IFS=.- read -r major minor _ < <(uname -r)
	[ "$major" -gt "$1" ] || { [ "$major" -eq "$1" ] && [ "$minor" -ge "$2" ]; }
}

# needs_owner: skips a test that needs tables that stay with their owner.
needs_owner() { kernel_since 6 9 || skip "this kernel ($(uname -r)) has no persistent owned tables; Linux 6.9 has"; }

# lab_sweep: removes the namespaces and processes of labs whose maker is dead.  The name holds the maker's pid.
lab_sweep() {
	local name maker pid
	for name in $(ip netns list | awk '/^hw-[0-9]+-/ {print $1}'); do
		maker=${name#hw-}; maker=${maker%%-*}
		[ ! -d "/proc/$maker" ] || continue
		for pid in $(ip netns pids "$name" 2>/dev/null); do
			kill -9 "$pid" 2>/dev/null || : # another lab sweeps too
		done
		ip netns del "$name" 2>/dev/null || :
	done
	return 0
}

LAB_COUNT=0
# lab_up: makes the three hosts.  0, or non-zero with a message and nothing left behind.
lab_up() {
	lab_sweep
	LAB_COUNT=$((LAB_COUNT + 1))
	local id="hw-$$-$LAB_COUNT"
	CLIENT=$id-client GATE=$id-gate SERVER=$id-server DAEMON=
	LAB_DIR=$(mktemp -d "${TMPDIR:-/tmp}/hallowd-lab.XXXXXX") || return 1
	STATE=$LAB_DIR/state RUN=$LAB_DIR/run CONF=$LAB_DIR/hallowd.yaml
	LAB_PIDS=()
	if ! lab_wire; then
		echo "lab: the hosts cannot be made; needed are network namespaces, veth and nf_tables" >&2
		lab_down
		return 1
	fi
	chmod 0711 "$LAB_DIR" # others may reach a certificate in it, and list nothing
	mkdir -m 0700 "$STATE" "$RUN"
}

lab_wire() {
	local ns a
	for ns in "$CLIENT" "$GATE" "$SERVER"; do
		ip netns add "$ns" && lab_in "$ns" sh -c '
			cd /proc/sys/net
			for c in all default; do
				echo 0 >ipv6/conf/$c/accept_dad; echo 0 >ipv6/conf/$c/accept_ra; echo 0 >ipv4/conf/$c/rp_filter
			done' || return 1
	done
	lab_in "$GATE" sh -c 'cd /proc/sys/net; echo 1 >ipv4/ip_forward; echo 1 >ipv6/conf/all/forwarding' || return 1
	ip -n "$GATE" link add g0 type veth peer name c0 netns "$CLIENT" || return 1
	ip -n "$GATE" link add g1 type veth peer name s0 netns "$SERVER" || return 1

	{
		printf '%s\n' 'link set lo up' 'link set c0 up' \
			'addr add 198.18.0.2/24 dev c0' 'addr add 2001:db8:c::2/64 dev c0 nodad' \
			'route add 203.0.113.0/24 via 198.18.0.1' 'route add 2001:db8:10::/64 via 2001:db8:c::1'
		for a in "${BOTH[@]}" "${PROVIDER_ONLY[@]}" $OFFICE4 $STRANGER4; do echo "addr add $a/32 dev c0"; done
		for a in $OFFICE6 $OFFICE6B $STRANGER6; do echo "addr add $a/128 dev c0 nodad"; done
	} | ip -n "$CLIENT" -batch - || return 1
	{
		printf '%s\n' 'link set lo up' 'link set g0 up' 'link set g1 up' \
			'addr add 198.18.0.1/24 dev g0' 'addr add 2001:db8:c::1/64 dev g0 nodad' \
			'addr add 10.77.0.1/24 dev g1' 'addr add fd77::1/64 dev g1 nodad' \
			"addr add $LOCAL4/32 dev lo" "addr add $LOCAL6/128 dev lo nodad" \
			"route add $FORWARD4/32 via 10.77.0.2" "route add $FORWARD6/128 via fd77::2"
		for a in "${BOTH[@]}" "${PROVIDER_ONLY[@]}" $OFFICE4 $STRANGER4; do echo "route add $a/32 dev g0"; done
		for a in $OFFICE6 $OFFICE6B $STRANGER6; do echo "route add $a/128 dev g0"; done
	} | ip -n "$GATE" -batch - || return 1
	printf '%s\n' 'link set lo up' 'link set s0 up' \
		'addr add 10.77.0.2/24 dev s0' 'addr add fd77::2/64 dev s0 nodad' \
		'addr add 10.77.0.30/24 dev s0' 'addr add fd77::30/64 dev s0 nodad' \
		"addr add $FORWARD4/32 dev lo" "addr add $FORWARD6/128 dev lo nodad" \
		'route add default via 10.77.0.1' 'route add default via fd77::1' | ip -n "$SERVER" -batch - || return 1

	lab_send_once "$CLIENT"
}

# lab_send_once NAMESPACE: a SYN that is dropped is sent again after a second, and would be counted again.  That host sends
# each only once (a retransmission has the same sequence number), so that counts are exact however slow the machine is.
lab_send_once() {
	lab_in "$1" nft -f - <<-'NFT'
	table inet lab {
		set sent { typeof tcp sport . tcp sequence; size 65535; flags dynamic,timeout; timeout 30s; }
		chain out {
			type filter hook output priority 0; policy accept;
			tcp flags & (syn | ack) != syn accept
			tcp sport . tcp sequence @sent drop
			add @sent { tcp sport . tcp sequence }
		}
	}
	NFT
}

# lab_nat: destination NAT on the gate, in a table of its own: the published address to the server's.
lab_nat() {
	lab_in "$GATE" nft -f - <<-NFT
	table inet labnat {
		chain pre {
			type nat hook prerouting priority dstnat; policy accept;
			ip daddr $NAT4 tcp dport 15432 dnat ip to 10.77.0.30:5432
			ip daddr $NAT4 dnat ip to 10.77.0.30
			ip6 daddr $NAT6 dnat ip6 to fd77::30
		}
	}
	NFT
}

# lab_down: ends the lab's own processes, then removes its hosts and its folder (unless LAB_KEEP is set).
lab_down() {
	local pid ns
	for pid in "${LAB_PIDS[@]}"; do lab_kill TERM "$pid"; done
	for pid in "${LAB_PIDS[@]}"; do
		wait_until 10 gone "$pid" || lab_kill KILL "$pid"
		wait "$pid" 2>/dev/null
	done
	LAB_PIDS=()
	# The keeper ends when its socket's folder is gone; whatever else is left runs on the lab's own hosts.
	[ -z "${RUN:-}" ] || rm -rf "$RUN"
	for ns in "$CLIENT" "$GATE" "$SERVER"; do
		[ -e "/run/netns/$ns" ] || continue
		wait_until 5 lab_empty "$ns" || for pid in $(ip netns pids "$ns"); do
			echo "lab: ended $(cat "/proc/$pid/comm" 2>/dev/null) ($pid), which had not ended by itself" >&2
			kill -9 "$pid" 2>/dev/null
		done
		ip netns del "$ns"
	done
	[ -n "${LAB_KEEP:-}" ] || [ -z "${LAB_DIR:-}" ] || rm -rf "$LAB_DIR"
	return 0
}

lab_trap() {
	trap lab_down EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM
}

# lab_in NAMESPACE COMMAND…: runs it on that host.
lab_in() {
	local ns=$1
	shift
	nsenter --net="/run/netns/$ns" -- "$@"
}
on_client() { lab_in "$CLIENT" "$@"; }
on_gate() { lab_in "$GATE" "$@"; }
on_server() { lab_in "$SERVER" "$@"; }

lab_empty() { [ -z "$(ip netns pids "$1")" ]; }

# lab_owns PID: it is a process of this lab: on one of its hosts, or a child of this shell.  A pid that was ours once may be
# somebody else's by now.
lab_owns() {
	local ns
	for ns in "$CLIENT" "$GATE" "$SERVER"; do
		[ ! "/proc/$1/ns/net" -ef "/run/netns/$ns" ] || return 0
	done
	[[ " $$ $BASHPID " == *" $(awk '/^PPid:/ {print $2}' "/proc/$1/status" 2>/dev/null) "* ]]
}

# lab_kill SIGNAL PID: only where it is the lab's own; fails where it is not, or is gone.
lab_kill() { lab_owns "$2" && kill "-$1" "$2" 2>/dev/null; }

# gone PID: it has ended (a zombie has).
gone() {
	local state
	state=$(awk '/^State:/ {print $2}' "/proc/$1/status" 2>/dev/null)
	[ -z "$state" ] || [ "$state" = Z ] || ! lab_owns "$1"
}

# wait_until SECONDS COMMAND…: waits for the command to succeed; non-zero when the time is over.
wait_until() {
	local end=$((SECONDS + 3 * $1 + 1)) # a busy host is slow, and waiting for what comes costs nothing
	shift
	until "$@"; do
		[ "$SECONDS" -lt "$end" ] || return 1
		sleep 0.05
	done
}

# lab_start NAMESPACE NAME COMMAND…: runs it there in the background, its output in LAB_DIR/NAME.log; the pid in LAB_PID.
lab_start() {
	local ns=$1 name=$2
	shift 2
	nsenter --net="/run/netns/$ns" -- "$@" </dev/null >>"$LAB_DIR/$name.log" 2>&1 3>&- &
	LAB_PID=$!
	LAB_PIDS+=("$LAB_PID")
}

# lab_serve NAMESPACE SERVICE…: serves until lab_down.  A service is KIND:PORT@ADDRESS, KIND tls, db or udp; see serve.py.
lab_serve() {
	local ns=$1 ready
	shift
	ready=$(mktemp -u "$LAB_DIR/serve.XXXXXX")
	[ -e "$LAB_DIR/tls.pem" ] || openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 \
		-subj /CN=api.lab -addext "subjectAltName=DNS:api.lab,IP:$LOCAL4,IP:$LOCAL6,IP:$FORWARD4,IP:$FORWARD6" \
		-keyout "$LAB_DIR/tls.pem" -out "$LAB_DIR/ca.pem" 2>/dev/null || return 1
	[ -e "$LAB_DIR/tls.both" ] || cat "$LAB_DIR/tls.pem" "$LAB_DIR/ca.pem" >"$LAB_DIR/tls.both"
	lab_start "$ns" serve "$LAB_PYTHON" "$LAB_LIB/serve.py" --certificate "$LAB_DIR/tls.both" --ready "$ready" "$@"
	wait_until 10 test -e "$ready" || { cat "$LAB_DIR/serve.log" >&2; return 1; }
}

# dial SOURCE DESTINATION PORT [COUNT] [OPTION…]: opens COUNT connections from the client; prints
# "ALLOWED DROPPED REJECTED", e.g. "5 0 0".  Options are those of connect.py.
dial() {
	local source=$1 destination=$2 port=$3 count=${4:-1}
	shift $(($# < 4 ? 3 : 4))
	on_client "$LAB_PYTHON" "$LAB_LIB/connect.py" "$source" "$destination" "$port" --count "$count" "$@"
}

# config: writes CONF from standard input, below the version and the folders of this lab.
config() {
	{
		printf 'version: 1\nstate_dir: %s\nrun_dir: %s\n' "$STATE" "$RUN"
		cat
	} >"$CONF"
}

# hallowd_start [OPTION…]: starts it on the gate and waits until it answers; its log is LAB_DIR/hallowd.log.
hallowd_start() {
	lab_start "$GATE" hallowd "$LAB_BUILD/hallowd" -c "$CONF" "$@"
	DAEMON=$LAB_PID
	wait_until 20 hallowd_settled && hallowd_answers && return 0
	echo "hallowd did not come up:" >&2
	cat "$LAB_DIR/hallowd.log" >&2
	return 1
}

hallowd_answers() { ctl -o json status >"$LAB_DIR/status.json" 2>/dev/null || [ -s "$LAB_DIR/status.json" ]; }
hallowd_settled() { gone "$DAEMON" || { [ -S "$RUN/control.sock" ] && hallowd_answers; }; }

# hallowd_stop: asks it to stop and waits; the exit status is its own.
hallowd_stop() {
	lab_kill TERM "$DAEMON" && wait_until 20 gone "$DAEMON" || return 1
	wait "$DAEMON"
}

# hallowd_kill: kill -9, and waits until it is gone.
hallowd_kill() {
	lab_kill KILL "$DAEMON" && wait_until 10 gone "$DAEMON" || return 1
	wait "$DAEMON" 2>/dev/null || :
}

# child NAME: prints the pid of hallowd's child NAME (hallowd-record, hallowd-fetch, …); fails where there is none.
child() {
	local pid
	for pid in $(cat "/proc/$DAEMON/task/$DAEMON/children" 2>/dev/null); do
		if [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = "$1" ]; then
			echo "$pid"
			return 0
		fi
	done
	return 1
}

# keeper: prints the pid of the keeper on the gate; fails where there is none.
keeper() {
	local pid
	for pid in $(ip netns pids "$GATE"); do
		if [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = hallowd-keep ]; then
			echo "$pid"
			return 0
		fi
	done
	return 1
}

# ctl ARGUMENT…: hallowctl on the gate.
ctl() { on_gate "$LAB_BUILD/hallowctl" -c "$CONF" "$@"; }

# sql QUERY: asks audit.db, read-only, as a person with sqlite3 would.
sql() { sqlite3 -readonly -cmd '.timeout 5000' "$STATE/audit.db" "$1"; }

# status FILTER: a jq filter over `hallowctl -o json status`.
status() {
	ctl -o json status >"$LAB_DIR/status.json" || :
	jq -r "$1" "$LAB_DIR/status.json"
}

# counted ENDPOINT VERDICT: the kernel's count, VERDICT allowed or denied.
counted() { status ".endpoints[] | select(.name == \"$1\") | .$2"; }

# publish: the two publishers' answers as files, LAB_DIR/docs.txt (6) and LAB_DIR/provider.json (12).
publish() {
	printf '%s\n' "${BOTH[@]}" >"$LAB_DIR/docs.txt"
	printf '%s\n' "${BOTH[@]}" "${PROVIDER_ONLY[@]}" |
		jq -Rn '{humanitec_source_ip_ranges: {value: [inputs + "/32"]}}' >"$LAB_DIR/provider.json"
}

# published_lists: the `lists` section with `humanitec` (both publishers must agree) and `office`, for `config`.
published_lists() {
	cat <<-YAML
	lists:
	  humanitec:
	    origins:
	      docs: {file: $LAB_DIR/docs.txt}
	      provider: {file: $LAB_DIR/provider.json, format: json, select: '.humanitec_source_ip_ranges.value[]'}
	    agree: all
	    refresh: 0
	  office:
	    entries: [$OFFICE4/32, "2001:db8:1::/64"]
	YAML
}

# own_list NAME ENTRY…: a list in a file of its own, LAB_DIR/NAME.txt; as a `lists` item for `config`.
own_list() {
	local name=$1
	shift
	printf '%s\n' "$@" >"$LAB_DIR/$name.txt"
	printf '  %s:\n    origins: {file: {file: %s}}\n    refresh: 0\n' "$name" "$LAB_DIR/$name.txt"
}

# endpoint NAME ADDRESS PORT ALLOW [KEY: VALUE]…: an `endpoints` item; ADDRESS, PORT and ALLOW as in YAML.
endpoint() {
	printf '  %s:\n    address: %s\n    port: %s\n    allow: %s\n' "$1" "$2" "$3" "$4"
	[ $# -lt 5 ] || printf '    %s\n' "${@:5}"
}

# recorded WHERE: rows of the view `connections` for which it holds.
recorded() { sql "SELECT count(*) FROM connections WHERE $1"; }
recorded_is() { [ "$(recorded "$2" 2>/dev/null)" = "$1" ]; }

# same A B: equal, else both are shown.
same() {
	[ "$1" = "$2" ] && return 0
	printf 'got:      %s\nexpected: %s\n' "$1" "$2" >&2
	return 1
}

# not COMMAND…: it fails.  (A plain `!` is no assertion for bats.)
not() { if "$@"; then return 1; fi; }

# soon EXPECTED COMMAND…: waits until the command prints just that; shows what it prints when that does not happen.
soon() {
	local expected=$1
	shift
	wait_until 15 prints "$expected" "$@" || same "$("$@")" "$expected"
}
prints() {
	local expected=$1
	shift
	[ "$("$@" 2>/dev/null)" = "$expected" ]
}
