#!/usr/bin/env bats
# hallowd as its systemd unit runs it: a user of its own with ambient CAP_NET_ADMIN, and the sockets in the manager's store.

load lab.bash

setup() {
	lab_up
	publish
	chmod 0644 "$LAB_DIR"/docs.txt "$LAB_DIR"/provider.json
	chmod 0711 "$LAB_DIR"
	lab_serve "$GATE" "db:5432@$LOCAL4"
	{ published_lists; echo endpoints:; endpoint api $LOCAL4 5432 '[humanitec]'; } | config
	chmod 0644 "$CONF"
	chown nobody:nogroup "$STATE" "$RUN"
	# Where that user can reach the programs, wherever the build tree stands.
	mkdir "$LAB_DIR/bin"
	cp "$LAB_BUILD"/hallowd "$LAB_BUILD"/hallowd-* "$LAB_DIR/bin/"
	cp -RL "$LAB_BUILD/rules" "$LAB_DIR/bin/"
}

teardown() { lab_down; }

manage() {
	lab_start "$GATE" manager "$LAB_PYTHON" "$LAB_LIB/manager.py" "$LAB_DIR/managed" nobody nogroup "$LAB_DIR/bin/hallowd" -c "$CONF"
	MANAGER=$LAB_PID
	wait_until 15 grep -qs "^ready" "$LAB_DIR/managed" || { cat "$LAB_DIR/managed" "$LAB_DIR/manager.log" >&2; return 1; }
	DAEMON=$(pid_now)
}
pid_now() { awk '/^started/ {pid = $2} END {print pid}' "$LAB_DIR/managed"; }

@test "service: as a user of its own it enforces, records, and leaves its sockets with the manager" {
	manage
	same "$(dial "${BOTH[0]}" $LOCAL4 5432) $(dial $STRANGER4 $LOCAL4 5432)" "1 0 0 0 1 0"
	soon 2 recorded "verdict IN ('allow', 'deny')"
	same "$(grep -c '^stored' "$LAB_DIR/managed")" 3
	not keeper
	# Neither root nor any capability but the one, in hallowd; none in the recorder.
	same "$(awk '/^Uid|^CapEff|^CapPrm|^CapBnd|^NoNewPrivs/ {print $2}' "/proc/$DAEMON/status" | xargs)" \
		"65534 0000000000001000 0000000000001000 0000000000001000 1"
	same "$(awk '/^Uid|^CapEff|^CapPrm|^NoNewPrivs/ {print $2}' "/proc/$(child hallowd-record)/status" | xargs)" \
		"65534 0000000000000000 0000000000000000 1"
	# A refresh works as that user.
	sed -i "/${BOTH[5]}/d" "$LAB_DIR/docs.txt"
	ctl refresh
	same "$(dial "${BOTH[5]}" $LOCAL4 5432)" "0 1 0"
}

@test "service: it is ready when it records too, and without a recorder after a while" {
	mv "$LAB_DIR/bin/hallowd-record" "$LAB_DIR/away"
	lab_start "$GATE" manager "$LAB_PYTHON" "$LAB_LIB/manager.py" "$LAB_DIR/managed" nobody nogroup "$LAB_DIR/bin/hallowd" -c "$CONF"
	MANAGER=$LAB_PID
	soon true status .enforcing
	same "$(dial $STRANGER4 $LOCAL4 5432)" "0 1 0"
	not grep -q '^ready' "$LAB_DIR/managed"
	mv "$LAB_DIR/away" "$LAB_DIR/bin/hallowd-record"
	wait_until 15 grep -qs '^ready' "$LAB_DIR/managed"
	same "$(status .recording)" true
	kill "$MANAGER"
	wait_until 15 gone "$MANAGER"
	rm "$LAB_DIR/bin/hallowd-record" "$LAB_DIR/managed"
	manage
	same "$(status '.enforcing, .recording' | paste -sd ' ')" "true false"
}

@test "service: killed, the manager's copies keep the table untouchable and the packets; the next one takes both up" {
	manage
	local handle
	handle=$(on_gate nft -a list table inet hallowd | head -1)
	same "$(dial "${BOTH[0]}" $LOCAL4 5432)" "1 0 0"
	soon 1 recorded "verdict = 'allow'"
	kill -STOP "$MANAGER"
	kill -9 "$DAEMON"
	wait_until 10 gone "$DAEMON"
	same "$(dial $STRANGER4 $LOCAL4 5432) $(dial "${BOTH[0]}" $LOCAL4 5432)" "0 1 0 1 0 0"
	not on_gate nft delete table inet hallowd
	kill -CONT "$MANAGER"
	soon 2 grep -c '^ready' "$LAB_DIR/managed"
	soon "2 1" eval 'echo "$(recorded "verdict = '"'allow'"'") $(recorded "verdict = '"'deny'"'")"'
	same "$(on_gate nft -a list table inet hallowd | head -1 | grep -o 'handle [0-9]*')" "$(grep -o 'handle [0-9]*' <<<"$handle")"
	soon 0 sql 'SELECT sum(lost) FROM tallies'
}

@test "service: stopped by the manager, the policy stays" {
	manage
	kill "$MANAGER"
	wait_until 15 gone "$MANAGER"
	same "$(tail -1 "$LAB_DIR/managed")" "ended 0"
	same "$(dial $STRANGER4 $LOCAL4 5432) $(dial "${BOTH[0]}" $LOCAL4 5432)" "0 1 0 1 0 0"
}

@test "service: root without it works on what is its, before the first start and after a stop, and it goes on with that" {
	same "$(ctl -o json plan | jq .changes)" true
	ctl refresh >"$LAB_DIR/first"
	same "$(dial "${BOTH[0]}" $LOCAL4 5432) $(dial $STRANGER4 $LOCAL4 5432)" "1 0 0 0 1 0"
	manage
	ctl grant $STRANGER4 api --for 1h --reason 'a test'
	kill "$MANAGER"
	wait_until 15 gone "$MANAGER"
	# Nobody holds it: cron has nothing to say, and what a person says is done, by their name.
	same "$(ctl refresh --quiet 2>&1)" ""
	same "$(ctl -o json status 2>&1 | jq -c '[.enforcing, (.grants | length), (.problems | length)]')" '[true,1,1]'
	ctl revoke 1
	ctl teardown --reason 'a test'
	ctl reload
	same "$(sql "SELECT detail ->> '$.by' FROM events WHERE kind = 'teardown'")" root
	same "$(find "$STATE" ! -user nobody)" ""
	# A whole hallowd that root starts by hand.
	lab_start "$GATE" byhand "$LAB_DIR/bin/hallowd" -c "$CONF"
	soon true status .recording
	same "$(awk '/^Uid|^CapEff/ {print $2}' "/proc/$LAB_PID/status" | xargs)" "65534 0000000000001000"
	same "$(dial "${BOTH[0]}" $LOCAL4 5432) $(dial $STRANGER4 $LOCAL4 5432)" "1 0 0 0 1 0"
	kill "$LAB_PID"
	wait_until 15 gone "$LAB_PID"
	same "$(find "$STATE" "$RUN" ! -user nobody)" ""
	rm "$LAB_DIR/managed"
	manage
	same "$(status '.problems | length')" 0
	same "$(dial "${BOTH[0]}" $LOCAL4 5432) $(dial $STRANGER4 $LOCAL4 5432)" "1 0 0 0 1 0"
}
