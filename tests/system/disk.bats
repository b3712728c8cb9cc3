#!/usr/bin/env bats
# state_dir on a disk that is full or read-only: the policy stays and changes, nothing claims to be recorded or saved that is
# not, and all is made up for once it can be.

load lab.bash

setup() {
	lab_up
	publish
	STATE=$LAB_DIR/disk/state
	mkdir "$LAB_DIR/disk"
	mount -t tmpfs -o size=4m,mode=755 tmpfs "$LAB_DIR/disk" 2>/dev/null || skip "a tmpfs cannot be mounted here"
	mkdir -m 0700 "$STATE"
	lab_serve "$GATE" "db:5432@$LOCAL4"
	{ published_lists; echo endpoints:; endpoint api "$LOCAL4" 5432 '[humanitec, office]'; } | config
	hallowd_start
}

teardown() {
	[ -z "${DAEMON:-}" ] || gone "$DAEMON" || hallowd_stop
	! mountpoint -q "$LAB_DIR/disk" || umount --recursive "$LAB_DIR/disk"
	lab_down
}

disk_full() { dd if=/dev/zero of="$LAB_DIR/disk/fill" bs=4k 2>/dev/null || :; }
disk_free() { rm "$LAB_DIR/disk/fill"; }
recording() { status .recording; }
problems() { status '.problems[]'; }
unsaved() { problems | grep -c "not saved" || :; }
drop_one() { sed -i "/${BOTH[5]}/d" "$LAB_DIR/docs.txt"; }

@test "disk: while it is full, status says that nothing is recorded; with room again, all rows are there" {
	disk_full
	same "$(dial "${BOTH[0]}" $LOCAL4 5432 20)" "20 0 0"
	same "$(dial $STRANGER4 $LOCAL4 5432 30)" "0 30 0"
	soon false recording
	problems | grep "nothing can be recorded"
	run ctl status
	same "$status" 1
	disk_free
	soon true recording
	soon "allow 20
deny 30" sql "SELECT verdict || ' ' || count(*) FROM connections GROUP BY verdict"
	soon "50 0" sql "SELECT sum(recorded) || ' ' || sum(lost) FROM tallies"
	ctl status
}

@test "disk: a list that cannot be saved is in force, which refresh and status say; it is saved when there is room" {
	disk_full
	drop_one
	run ctl refresh --quiet
	same "$status" 1
	[[ $output == *"could not be saved"* ]]
	same "$(dial "${BOTH[5]}" $LOCAL4 5432)" "0 1 0"
	problems | grep "list humanitec: revision 2 is in force, but is not saved"
	disk_free
	wait_until 15 grep -q '^# revision: 2$' "$STATE/lists/humanitec" || { cat "$STATE/lists/humanitec"; false; }
	soon 0 unsaved
	hallowd_stop
	hallowd_start
	same "$(dial "${BOTH[5]}" $LOCAL4 5432)" "0 1 0"
}

@test "disk: a reload does not go back to the list on disk while the one in force is not saved" {
	disk_full
	drop_one
	run ctl refresh
	same "$status" 1
	run ctl reload
	same "$status" 1
	[[ $output == *"humanitec"*"not saved"* ]]
	same "$(dial "${BOTH[5]}" $LOCAL4 5432)" "0 1 0"
	disk_free
	ctl reload
	same "$(dial "${BOTH[5]}" $LOCAL4 5432)" "0 1 0"
	same "$(ctl -o json lists humanitec | jq -r '[.revision, (.entries | length)] | @csv')" "2,5"
}

# in_its_mounts COMMAND…: where hallowd sees what is mounted.
in_its_mounts() { nsenter --mount --target "$DAEMON" "$@"; }

# What is open stays writable, so the recorder dies; it comes back to files that are not.
read_only() {
	local file
	for file in audit.db audit.db-wal audit.db-shm lists; do
		in_its_mounts sh -c 'mount --bind "$1" "$1" && mount -o remount,bind,ro "$1"' sh "$STATE/$file" || return 1
	done
	kill -KILL "$(child hallowd-record)"
}
writable() {
	local file
	for file in audit.db audit.db-wal audit.db-shm lists; do
		in_its_mounts umount --lazy "$STATE/$file" || return 1
	done
}

@test "disk: while it is read-only, the policy is enforced and status says what is wrong; writable again, all rows are there" {
	same "$(dial "${BOTH[0]}" $LOCAL4 5432 3)" "3 0 0"
	soon 3 recorded 1
	read_only
	soon false recording
	same "$(dial "${BOTH[0]}" $LOCAL4 5432 20)" "20 0 0"
	same "$(dial $STRANGER4 $LOCAL4 5432 30)" "0 30 0"
	soon 1 not_running
	run ctl status
	same "$status" 1
	drop_one
	run ctl refresh
	same "$status" 1
	[[ $output == *"could not be saved"* ]]
	same "$(dial "${BOTH[5]}" $LOCAL4 5432)" "0 1 0"
	same "$(recorded 1)" 3
	writable
	soon true recording
	soon "allow 23
deny 31" sql "SELECT verdict || ' ' || count(*) FROM connections GROUP BY verdict"
	soon "54 0" sql "SELECT sum(recorded) || ' ' || sum(lost) FROM tallies"
	soon 0 unsaved
	same "$(ls "$STATE" | grep -c damaged || :)" 0
	ctl verify
	ctl status
}
not_running() { problems | grep -c "hallowd-record is not running: connections wait" || :; }
