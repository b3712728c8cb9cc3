#!/usr/bin/env bats
# The lab itself: that what the other tests count is what is sent, shown with plain nft and no hallowd.

load lab.bash

setup() {
	lab_up
	lab_serve "$GATE" "db:5432@$LOCAL4" "db:5432@$LOCAL6" "udp:5353@$LOCAL4" "udp:5353@$LOCAL6" "tls:6443@$LOCAL4"
	on_gate nft -f - <<-NFT
	table inet plain {
		counter in { }
		counter shut { }
		chain pre {
			type filter hook prerouting priority -110; policy accept;
			ip saddr $STRANGER4 counter name shut drop
			ip6 saddr $STRANGER6 meta l4proto { tcp, udp } counter name shut drop
			ip saddr $OFFICE4 reject with icmp admin-prohibited
			ct state new meta l4proto { tcp, udp } counter name in
		}
	}
	NFT
}

teardown() { lab_down; }

packets() { on_gate nft -j list counter inet plain "$1" | jq '.nftables[1].counter.packets'; }

@test "lab: a listed source is let in, once for each connection, in both families" {
	[ "$(dial "${BOTH[0]}" $LOCAL4 5432 7)" = "7 0 0" ]
	[ "$(dial $OFFICE6 $LOCAL6 5432 3)" = "3 0 0" ]
	[ "$(dial "${BOTH[0]}" $LOCAL4 6443 2 --kind tls --ca "$LAB_DIR/ca.pem")" = "2 0 0" ]
	[ "$(dial $OFFICE6 $LOCAL6 5353 4 --kind udp)" = "4 0 0" ]
	[ "$(packets in)" -eq 16 ]
	[ "$(packets shut)" -eq 0 ]
}

@test "lab: a dropped connection is one packet, also when the client waits longer than a retransmission" {
	[ "$(dial $STRANGER4 $LOCAL4 5432 20 --timeout 2.5)" = "0 20 0" ]
	[ "$(dial $STRANGER6 $LOCAL6 5432 5)" = "0 5 0" ]
	[ "$(dial $STRANGER4 $LOCAL4 5353 5 --kind udp)" = "0 5 0" ]
	[ "$(packets shut)" -eq 30 ]
	[ "$(packets in)" -eq 0 ]
}

@test "lab: a refusal is told from a drop" {
	[ "$(dial $OFFICE4 $LOCAL4 5432 3)" = "0 0 3" ]
}

@test "lab: a forwarded address and one behind destination NAT reach the server" {
	lab_nat
	lab_serve "$SERVER" "db:5432@$FORWARD4" "db:5432@$FORWARD6" db:5432@10.77.0.30 db:5432@fd77::30 udp:5353@10.77.0.30
	[ "$(dial "${BOTH[0]}" $FORWARD4 5432)" = "1 0 0" ]
	[ "$(dial $OFFICE6 $FORWARD6 5432)" = "1 0 0" ]
	[ "$(dial "${BOTH[0]}" $NAT4 5432)" = "1 0 0" ]
	[ "$(dial "${BOTH[0]}" $NAT4 15432)" = "1 0 0" ]
	[ "$(dial "${BOTH[0]}" $NAT4 5353 1 --kind udp)" = "1 0 0" ]
	[ "$(dial $OFFICE6 $NAT6 5432)" = "1 0 0" ]
}

@test "lab: a connection that is kept talking is cut when its source is shut out" {
	lab_start "$CLIENT" held "$LAB_PYTHON" "$LAB_LIB/connect.py" "${BOTH[0]}" $LOCAL4 5432 --hold 30
	wait_until 10 grep -q 'answer 3' "$LAB_DIR/held.log"
	on_gate nft insert rule inet plain pre ip saddr "${BOTH[0]}" drop
	wait_until 10 grep -q cut "$LAB_DIR/held.log"
}

@test "lab: everything is gone afterwards" {
	local dir=$LAB_DIR gate=$GATE
	lab_down
	[ ! -e "$dir" ]
	[ ! -e "/run/netns/$gate" ]
	lab_up
}
