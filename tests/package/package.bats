#!/usr/bin/env bats
# The Debian package: it is built, lintian has nothing to say, and it is installed, used, upgraded, removed and purged in a root
# of its own, which is a copy-on-write view of this machine.
#
#   PACKAGE_ROOT=DIR ...         a view of that root in place of this machine's (`debootstrap`: makes a clean one first)
#   PACKAGE_RPM=1 ...            builds the RPM as well, from the tarball of `make dist`

setup_file() {
	SOURCE=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
	WORK=$(mktemp -d "${TMPDIR:-/tmp}/hallowd-package.XXXXXX")
	export SOURCE WORK
	mkdir "$WORK/tree"
	(cd "$SOURCE" && tar -c --exclude=./_build --exclude=./.git --exclude=./autom4te.cache .) | tar -x -C "$WORK/tree"
}

teardown_file() { [ -n "${WORK:-}" ] && rm -rf "$WORK"; }

package() { echo "$WORK"/hallowd_*.deb; }
needs() { command -v "$1" >/dev/null || skip "no $1 (Debian package $2)"; }

@test "package: dpkg-buildpackage builds it" {
	needs dpkg-buildpackage dpkg-dev
	needs dh debhelper
	cd "$WORK/tree"
	dpkg-checkbuilddeps -B 2>"$WORK/missing" || skip "$(sed 's/.*: //' "$WORK/missing")"
	# Unit tests are a step of their own.
	[ ! -d /usr/lib/ccache ] || PATH=/usr/lib/ccache:$PATH
	env -u MAKEFLAGS -u MAKELEVEL DEB_BUILD_OPTIONS="nocheck parallel=$(nproc)" dpkg-buildpackage -us -uc -b >"$WORK/build.log" 2>&1 ||
		{ tail -30 "$WORK/build.log"; return 1; }
	dpkg-deb -I "$(package)" | grep -q '^ Package: hallowd'
	dpkg-deb -c "$(package)" | grep -q ' ./usr/sbin/hallowd$'
}

@test "package: it is built with what a build needs" {
	local package missing=
	. "$SOURCE/tests/packages.sh"
	for package in $BUILD_PACKAGES; do
		[[ $package == lib*-dev || $package == *-dev ]] && [ "$package" != libc6-dev ] || continue
		grep -Eq "^ +$package( |,)" "$SOURCE/debian/control" || missing+=" $package"
	done
	echo "missing in debian/control:$missing"
	[ -z "$missing" ]
}

@test "package: lintian has no error and no warning" {
	needs lintian lintian
	[ -e "$(package)" ] || skip "there is no package"
	run lintian --allow-root "$WORK"/*.changes
	printf '%s\n' "$output"
	[ "$status" -eq 0 ]
	! grep -q '^[EW]:' <<<"$output"
}

# The mirror that this machine's apt is set up with.
clean_root() {
	needs debootstrap debootstrap
	local mirror release
	mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | head -1)
	release=$(. /etc/os-release && echo "$VERSION_CODENAME")
	debootstrap --variant=minbase --include="$(dpkg-deb -f "$(package)" Depends | sed 's/([^)]*)//g; s/|[^,]*//g; s/ //g'),iproute2,jq,openssl,python3,sqlite3" \
		"$release" "$WORK/clean" "$mirror" >"$WORK/debootstrap.log" 2>&1 || { tail "$WORK/debootstrap.log"; return 1; }
	PACKAGE_ROOT=$WORK/clean
}

@test "package: installed it does its main job; upgraded and removed the policy stays; purged nothing does" {
	[ "$(id -u)" -eq 0 ] || skip "needs root"
	[ -e "$(package)" ] || skip "there is no package"
	! dpkg-query -W hallowd >/dev/null 2>&1 || skip "hallowd is installed on this machine"
	local later="$WORK/later" tree="$WORK/view/mnt/source"
	dpkg-deb -R "$(package)" "$later"
	sed -i 's/^Version: .*/&+1/' "$later/DEBIAN/control"
	dpkg-deb -b "$later" "$WORK/later.deb" >/dev/null
	[ "${PACKAGE_ROOT:-}" != debootstrap ] || clean_root
	mkdir "$WORK/view"
	unshare --mount --net --pid --fork --propagation private sh -eu -c '
		work=$1 lower=$2
		mkdir "$work/cow"
		mount -t tmpfs hallowd-cow "$work/cow"
		mkdir "$work/cow/upper" "$work/cow/work"
		mount -t overlay -o "lowerdir=$lower,upperdir=$work/cow/upper,workdir=$work/cow/work" overlay "$work/view"
		cd "$work/view"
		for d in tmp run mnt; do mount -t tmpfs "hallowd-$d" "$d"; done
		mount -t proc proc proc
		mount --rbind /sys sys
		mount --rbind /dev dev
		mkdir -p mnt/source run/netns
		cp -R "$work/tree/debian" "$work/tree/tests" mnt/source/
		cp "$work"/hallowd_*.deb mnt/first.deb
		cp "$work/later.deb" mnt/later.deb
		exec chroot . /bin/bash /mnt/source/tests/package/in-root.sh /mnt/first.deb /mnt/later.deb /mnt/source
	' sh "$WORK" "${PACKAGE_ROOT:-/}" >"$WORK/root.log" 2>&1 || { cat "$WORK/root.log"; return 1; }
	cat "$WORK/root.log"
	grep -q 'ok: the installed hallowd does its main job' "$WORK/root.log"
	grep -q 'purged, nothing is left' "$WORK/root.log"
}

@test "package: the RPM is built from the tarball" {
	[ -n "${PACKAGE_RPM:-}" ] || skip "PACKAGE_RPM=1 builds it (a minute)"
	needs rpmbuild rpm
	cd "$WORK/tree"
	[ -e configure ] || autoreconf -i >/dev/null 2>&1
	mkdir "$WORK/dist" && cd "$WORK/dist"
	"$WORK/tree/configure" >configure.log 2>&1 && make -s dist >dist.log 2>&1
	mkdir -p "$WORK/rpm/SOURCES"
	cp hallowd-*.tar.xz "$WORK/rpm/SOURCES/"
	[ ! -d /usr/lib/ccache ] || PATH=/usr/lib/ccache:$PATH
	env -u MAKEFLAGS -u MAKELEVEL rpmbuild -bb --nodeps --define "_topdir $WORK/rpm" "$WORK/tree/packaging/rpm/hallowd.spec" \
		>"$WORK/rpm.log" 2>&1 || { tail -30 "$WORK/rpm.log"; return 1; }
	rpm -qlp "$WORK"/rpm/RPMS/*/hallowd-*.rpm | grep -qx /usr/sbin/hallowd
	rpm -qlp "$WORK"/rpm/RPMS/*/hallowd-*.rpm | grep -qx /usr/lib/systemd/system/hallowd.service
}
