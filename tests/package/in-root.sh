#!/bin/bash
# Runs in a root and a network of its own (package.bats): installs, uses, upgrades, removes and purges the package.
# $1: the package, $2: the same as a later version, $3: the source tree
set -eu
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8
says() { grep -q "$1" /tmp/said || { echo "expected: $1"; cat /tmp/said; exit 1; }; }
enforced() { nft list table inet hallowd >/tmp/table 2>&1 || { echo "$1: the policy is gone"; exit 1; }; }
as_unit() {
	setpriv --reuid=hallowd --regid=hallowd --clear-groups --no-new-privs --inh-caps=+net_admin --ambient-caps=+net_admin \
		--bounding-set=-all,+net_admin "$@"
}
# ours: what has our name, and where packages put things.
ours() { find /etc /usr /var /run \( -name 'hallow*' -o -name '_hallowctl' \) 2>/dev/null | sort; }
ip link set lo up
ours >/tmp/ours.before

dpkg -i "$1" >/tmp/said 2>&1 || { cat /tmp/said; exit 1; }
says 'nothing is enforced yet'
getent passwd hallowd >/dev/null
[ "$(stat -c %U:%a /var/lib/hallowd)" = hallowd:750 ]
[ ! -e /etc/hallowd/hallowd.yaml ]
[ "$(readlink -f /etc/systemd/system/multi-user.target.wants/hallowd.service)" = "$(readlink -f /lib/systemd/system/hallowd.service)" ]
[ -e /etc/systemd/system/sysinit.target.wants/hallowd-boot.service ]
hallowctl --version
hallowd --version
man -w hallowd >/dev/null 2>&1 || [ -e /usr/share/man/man8/hallowd.8.gz ]
[ -e /usr/share/zsh/vendor-completions/_hallowctl ]
for document in INTEGRITY TROUBLESHOOTING DESIGN; do ls /usr/share/doc/hallowd/$document.md* >/dev/null; done
echo "installed"

"$3/debian/tests/main-job"

cat >/etc/hallowd/hallowd.yaml <<'YAML'
version: 1
lists:
  office: {entries: [198.51.100.0/24]}
endpoints:
  api: {address: 203.0.113.10, port: 5432, allow: [office]}
YAML
as_unit hallowd --boot
enforced "after --boot as the unit's user"
cp /tmp/table /tmp/table.before
echo "the installed unit's command enforces"

dpkg -i "$2" >/tmp/said 2>&1 || { cat /tmp/said; exit 1; }
enforced "after the upgrade"
cmp /tmp/table /tmp/table.before
[ -s /etc/hallowd/hallowd.yaml ]
if grep -q 'nothing is enforced' /tmp/said; then echo "the upgrade says that nothing is enforced"; exit 1; fi
echo "upgraded, the policy stays"

dpkg -r hallowd >/tmp/said 2>&1
says 'stays in force without hallowd'
enforced "after the removal"
[ -s /etc/hallowd/hallowd.yaml ] && [ -e /var/lib/hallowd/spool ]
[ ! -e /usr/sbin/hallowd ]
echo "removed, the policy stays"

dpkg -P hallowd >/tmp/said 2>&1
says 'enforcement ends'
says 'audit log in /var/lib/hallowd'
if nft list table inet hallowd >/dev/null 2>&1; then echo "purged, and the table is still there"; exit 1; fi
ours >/tmp/ours.after
left=$(comm -13 /tmp/ours.before /tmp/ours.after)
[ -z "$left" ] || { echo "left behind:"; echo "$left"; exit 1; }
echo "purged, nothing is left"
