#!/usr/bin/env bats
# The cron line and the systemd timer as they are installed: each runs in a view of the file system in which the
# installation and the configuration stand where they say.

load lab.bash

setup() {
	lab_up
	publish
	{ published_lists; echo endpoints:; endpoint api $LOCAL4 5432 '[humanitec, office]'; } | config
	make -s -C "$LAB_BUILD" install DESTDIR="$LAB_DIR/root" >"$LAB_DIR/install.log" 2>&1 || { cat "$LAB_DIR/install.log"; return 1; }
	PREFIX=$(dirname "$(dirname "$(find "$LAB_DIR/root" -path '*/sbin/hallowctl' -type f)")")
	lab_serve "$GATE" "db:5432@$LOCAL4"
}

teardown() { lab_down; }

# installed COMMAND: runs it with /bin/sh on the gate as cron would, with nothing of this environment.
installed() {
	lab_in "$GATE" unshare --mount --propagation private sh -eu -c '
		mkdir -p "$1/etc.upper/hallowd" "$1/etc.work"
		cp "$1/hallowd.yaml" "$1/etc.upper/hallowd/"
		mount -t overlay -o "lowerdir=/etc,upperdir=$1/etc.upper,workdir=$1/etc.work" overlay /etc
		mount --bind "$2" "${2#"$1/root"}"
		exec env -i HOME=/root LOGNAME=root SHELL=/bin/sh PATH="$3" /bin/sh -c "$4"
	' sh "$LAB_DIR" "$PREFIX" "$CRON_PATH" "$1"
}

# Lines of five fields of time, or one of a nickname, then user and command.
cron_lines() { grep -E '^([0-9*]|@)' "$PREFIX/share/doc/hallowd/examples/cron.d/hallowd"; }

@test "cron: the installed lines keep the list up to date, and cron's mail is an alarm" {
	CRON_PATH=$(sed -n 's/^PATH=//p' "$PREFIX/share/doc/hallowd/examples/cron.d/hallowd")
	local line last commands=0
	while read -r line; do
		case $line in
		@reboot*) line=$(sed -E 's/^@reboot +root +//' <<<"$line") ;;
		*) line=$(sed -E 's/^([^ ]+ +){5}root +//' <<<"$line") ;;
		esac
		# What cron would mail: nothing, on the first run too.
		same "$(installed "$line" 2>&1)" ""
		commands=$((commands + 1))
		[[ "$line" != *refresh* ]] || last=$line
	done < <(cron_lines)
	same "$commands" 3
	same "$(dial "${BOTH[0]}" $LOCAL4 5432) $(dial $STRANGER4 $LOCAL4 5432)" "1 0 0 0 1 0"
	# A person is needed: there is something to mail, and the exit code says what.
	printf '%s\n' "${BOTH[0]}" >"$LAB_DIR/docs.txt"
	run installed "$last"
	same "$status" 3
	[[ "$output" == *held* ]]
	rm "$LAB_DIR/docs.txt"
	run installed "$last"
	same "$status" 4
	[[ "$output" == *docs* ]]
	same "$(dial "${BOTH[1]}" $LOCAL4 5432)" "1 0 0"
}

@test "cron: Debian's cron takes the installed file" {
	# cron has no check for files of cron.d; crontab's check takes the same lines without the user.
	cron_lines | sed -E 's/^(@reboot|([^ ]+ +){5}) *root /\1 /' >"$LAB_DIR/crontab"
	crontab -T "$LAB_DIR/crontab" 2>/dev/null || crontab -n "$LAB_DIR/crontab"
}

@test "cron: the timer's unit does one quiet refresh, and systemd takes both" {
	local unit=$PREFIX/lib/systemd/system/hallowd-refresh.service timer=$PREFIX/lib/systemd/system/hallowd-refresh.timer
	CRON_PATH=/usr/bin:/bin
	same "$(installed "$(sed -n 's/^ExecStart=//p' "$unit")" 2>&1)" ""
	same "$(dial "${BOTH[0]}" $LOCAL4 5432) $(dial $STRANGER4 $LOCAL4 5432)" "1 0 0 0 1 0"
	systemd-analyze calendar "$(sed -n 's/^OnCalendar=//p' "$timer")" | grep -q 'Next elapse'
	sed -i "s#^ExecStart=#&$LAB_DIR/root#" "$unit"
	run systemd-analyze verify --man=no "$timer"
	same "$output" ""
}
