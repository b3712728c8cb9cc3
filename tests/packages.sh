# shellcheck shell=sh disable=SC2034
# What a fresh Debian or Ubuntu needs; sourced by ./quickstart and ./runtests.  POSIX shell.

BUILD_PACKAGES="gcc libc6-dev make autoconf automake pkg-config libmnl-dev libnftnl-dev
libnetfilter-conntrack-dev libpcap-dev libyaml-dev libjansson-dev
libsqlite3-dev libcurl4-openssl-dev libc-ares-dev libmicrohttpd-dev zlib1g-dev libminizip-dev libxml2-dev libsodium-dev nettle-dev
libjq-dev libseccomp-dev"
LAB_PACKAGES="iproute2 nftables util-linux openssl python3-minimal python3 sqlite3 jq"
# The other firewall tools that the tests meet, and Prometheus.  A package of theirs starts its service, so they are installed only where
# there is no service manager, as in a container; the tests of those that are missing are skipped.
NEIGHBOUR_PACKAGES="prometheus iptables ufw firewalld dbus-daemon"
TEST_PACKAGES="libcmocka-dev bats parallel minisign clang libclang-rt-dev mandoc xz-utils git ca-certificates
debhelper dpkg-dev lintian systemd cron netbase faketime python3-jsonschema curl zsh tshark"
# For ./runtests browser, which is skipped where they cannot be had: COMMAND:PACKAGE.
BROWSER_TOOLS="chromium:chromium node:nodejs npm:npm pdftotext:poppler-utils"

# packages_missing PACKAGE…: prints those that are not installed, on one line.
packages_missing() {
	for package in "$@"; do
		case $(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) in
		installed) ;;
		*) printf '%s ' "$package" ;;
		esac
	done
}

# packages_need PACKAGE…: installs what is missing.  Fails, saying what to do by hand, where it cannot.
packages_need() {
	if ! command -v dpkg-query >/dev/null; then
		echo "This is not Debian or Ubuntu, so nothing is installed; what is needed there goes by these names:" >&2
		printf '  %s\n' "$*" >&2
		return 0
	fi
	missing=$(packages_missing "$@")
	[ -n "$missing" ] || return 0
	if [ "$(id -u)" -ne 0 ]; then
		echo "Some packages are missing, and installing them needs root.  By hand:" >&2
		echo "  sudo apt-get update && sudo apt-get install --no-install-recommends $missing" >&2
		return 1
	fi
	echo "Installing $missing"
	log=$(mktemp)
	if ! { DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $missing ||
		{ apt-get update &&
			DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $missing; }; } \
		</dev/null >"$log" 2>&1; then
		tail -n 20 "$log" >&2
		rm -f "$log"
		echo "apt-get could not install them; its last lines are above." >&2
		return 1
	fi
	rm -f "$log"
}
