#!/usr/bin/env bats
# What a person decides about a list, and what happens by itself: approve, reject, rollback, pins, files, staleness.

load lab.bash

setup() {
	lab_up
	publish
}

teardown() { lab_down; }

# published KEY: VALUE…: one list of the documentation's six, alone, with these keys; and an endpoint.
published() {
	{
		printf 'lists:\n  humanitec:\n    origins: {docs: {file: %s}}\n' "$LAB_DIR/docs.txt"
		printf '    %s\n' "$@"
		echo endpoints:
		endpoint api $LOCAL4 5432 '[humanitec]'
	} | config
}
count() { ctl -o json lists "${1:-humanitec}" | jq '.entries | length'; }
revision() { ctl -o json lists humanitec | jq .revision; }
shrink_to() { printf '%s\n' "${BOTH[@]:0:$1}" >"$LAB_DIR/docs.txt"; }
events() { sql "SELECT count(*) FROM events WHERE kind = '$1' AND subject = 'humanitec'"; }

@test "decisions: what is held asks once, is approved once, and the log says who, when and why" {
	published 'refresh: 0'
	hallowd_start
	shrink_to 2
	run ctl refresh
	same "$status $(count)" "3 6"
	run ctl refresh
	same "$status $(count)" "3 6"
	soon 1 events held
	run ctl status
	same "$status" 3
	ctl approve humanitec --reason 'their mail of today; "quoted"'
	same "$(count) $(revision)" "2 2"
	run ctl refresh
	same "$status $(count)" "0 2"
	soon 'user root|their mail of today; "quoted"' sql "SELECT decided_by, reason FROM list_revisions WHERE list = 'humanitec' AND revision = 2"
	same "$(events approved)" 1
	ctl history humanitec | grep -q 'user root'
	run ctl approve humanitec --reason again
	[ "$status" -eq 1 ]
}

@test "decisions: a first answer that is held for its shape leaves its evidence" {
	published 'refresh: 0'
	printf '%s\n' "${BOTH[@]}" None >"$LAB_DIR/docs.txt"
	hallowd_start
	run ctl refresh
	same "$status" 3
	soon "$(sha256sum <"$LAB_DIR/docs.txt" | cut -d' ' -f1)|6" sql "SELECT DISTINCT detail ->> '\$.origins[0].sha256',
		detail ->> '\$.origins[0].entries' FROM events WHERE kind = 'refresh'"
}

@test "decisions: what was rejected does not ask again until it is another change, also over a restart" {
	published 'refresh: 0'
	hallowd_start
	shrink_to 2
	run ctl refresh
	same "$status" 3
	ctl reject humanitec --reason 'a mistake of theirs'
	same "$(ctl refresh --quiet) $(count)" " 6"
	hallowd_stop
	hallowd_start
	run ctl refresh --quiet
	same "$status$output" 0
	shrink_to 1
	run ctl refresh
	same "$status $(count)" "3 6"
}

@test "decisions: what is held waits over a restart, and without a daemon" {
	published 'refresh: 0'
	hallowd_start
	shrink_to 2
	run ctl refresh
	hallowd_stop
	same "$(ctl -o json lists humanitec | jq '.held.removed | length')" 4
	ctl approve humanitec --reason 'by cron host'
	same "$(count)" 2
	same "$(on_gate nft list set inet hallowd list/humanitec/4/hosts | grep -o '3[45]\.[0-9.]*' | wc -l)" 2
}

@test "decisions: an answer within the guards takes the place of one that is held" {
	published 'refresh: 0'
	hallowd_start
	shrink_to 2
	run ctl refresh
	same "$status" 3
	shrink_to 5
	ctl refresh
	same "$(count) $(ctl -o json lists humanitec | jq .held)" "5 null"
}

@test "decisions: a rollback is in force at once and stays, whatever the origins say, until it is unpinned" {
	published 'refresh: 0'
	hallowd_start
	shrink_to 5
	ctl refresh
	same "$(revision) $(count)" "2 5"
	ctl rollback humanitec 1 --reason 'the sixth is still in use'
	same "$(revision) $(count)" "3 6"
	ctl refresh
	same "$(revision) $(count)" "3 6"
	ctl status | grep -q pinned
	ctl lists humanitec | grep -q 'pinned by root'
	hallowd_stop
	hallowd_start
	ctl refresh
	same "$(revision) $(count)" "3 6"
	ctl unpin humanitec --reason 'they put it back or not'
	ctl refresh
	same "$(revision) $(count)" "4 5"
	soon "1 1" eval 'echo "$(events rollback) $(events unpinned)"'
	same "$(sql "SELECT decided_by FROM list_revisions WHERE list = 'humanitec' AND revision = 3")" 'user root'
	run ctl rollback humanitec 77 --reason none
	same "$status" 1
}

@test "decisions: a file that is replaced or written is taken up within a second, by rename too" {
	published 'refresh: 6h'
	hallowd_start
	same "$(count)" 6
	printf '%s\n' "${BOTH[@]:0:5}" >"$LAB_DIR/new"
	mv "$LAB_DIR/new" "$LAB_DIR/docs.txt"
	wait_until 1 prints 5 count
	printf '%s\n' "${BOTH[@]}" >"$LAB_DIR/docs.txt"
	wait_until 1 prints 6 count
	# Another file of that folder is nobody's business, and one that is no list changes nothing.
	touch "$LAB_DIR/other"
	echo '<!doctype html><title>Gone</title>' >"$LAB_DIR/docs.txt"
	soon 4 eval 'ctl status >/dev/null; echo $?'
	same "$(count) $(revision)" "6 3"
}

@test "decisions: a file is taken up when a link or a folder on its way is put in place of another, or comes later" {
	mkdir -p "$LAB_DIR/volume/1"
	printf '%s\n' "${BOTH[@]:0:4}" >"$LAB_DIR/volume/1/list"
	ln -s 1 "$LAB_DIR/volume/..data"
	ln -s ..data/list "$LAB_DIR/volume/list"
	{
		printf 'lists:\n'
		printf '  %s: {origins: {o: {file: %s}}, refresh: 6h, guard: {max_added: 100%%}}\n' \
			volume "$LAB_DIR/volume/list" late "$LAB_DIR/late/list"
	} | config
	hallowd_start
	# As the kubelet does it.
	mkdir "$LAB_DIR/volume/2"
	printf '%s\n' "${BOTH[@]:0:5}" >"$LAB_DIR/volume/2/list"
	ln -s 2 "$LAB_DIR/volume/..new"
	mv -T "$LAB_DIR/volume/..new" "$LAB_DIR/volume/..data"
	wait_until 2 prints 5 count volume
	same "$(count late)" 0
	mkdir "$LAB_DIR/late"
	printf '%s\n' "${BOTH[@]:0:2}" >"$LAB_DIR/late/list"
	wait_until 2 prints 2 count late
	mv "$LAB_DIR/late" "$LAB_DIR/gone"
	mkdir "$LAB_DIR/late"
	printf '%s\n' "${BOTH[@]:0:3}" >"$LAB_DIR/late/list"
	wait_until 2 prints 3 count late
	# What is written into the folder that came later is heard of too.
	printf '%s\n' "${BOTH[@]:0:4}" >"$LAB_DIR/late/list"
	wait_until 1 prints 4 count late
	rm "$LAB_DIR/late/list"
	ctl status >"$LAB_DIR/status"
	same "$(count late)" 4
}

@test "decisions: a list whose origin is away too long is stale: in force, told, exit code 4, an event" {
	published 'refresh: 0' 'stale_after: 2s'
	hallowd_start
	rm "$LAB_DIR/docs.txt"
	run ctl refresh
	same "$status" 4
	soon stale eval 'ctl -o json status | jq -r ".lists[0].state"'
	run ctl status
	same "$status" 4
	[[ "$output" == *stale* ]]
	same "$(count)" 6
	wait_until 30 prints 1 events stale
	publish
	ctl refresh
	same "$(status '.lists[0].state')" current
}
