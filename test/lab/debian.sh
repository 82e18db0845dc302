# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# Whole Debians in a folder, of another release or for another processor, for scripts that build
# or install there. They need root and mmdebstrap. The caller has set "top", the folder of the
# sources, which such a Debian sees as /src.

# debian_make FOLDER SUITE ARCHITECTURES PACKAGES: makes it once; status 77 if it can't be made.
debian_make()
{
	local root=$1 mirror

	[ ! -e "$root/made" ] || return 0
	if [ "$(id -u)" -ne 0 ] || ! command -v mmdebstrap >/dev/null; then
		echo "skipped: root and mmdebstrap are needed" >&2
		return 77
	fi
	# From where this machine's own packages come.
	mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Origin: Debian' | head -n 1)
	rm -rf "$root"
	mkdir -p "$root"
	mmdebstrap --quiet --mode=root --skip=check/qemu --architectures="$3" --variant=minbase \
		--dpkgopt=force-unsafe-io --dpkgopt='path-exclude=/usr/share/man/*' \
		--aptopt='Acquire::Languages "none"' --aptopt='Apt::Install-Recommends "false"' \
		--include="$4" "$2" "$root" "$mirror" || {
		echo "skipped: mmdebstrap can't make a Debian $2 for $3 here" >&2
		return 77
	}
	mkdir "$root/src"
	printf '%s\n' '127.0.0.1 localhost' '::1 localhost' >"$root/etc/hosts"	# tests look it up
	touch "$root/made"
}

# debian_run FOLDER COMMAND...: runs the command there. The mounts belong to a namespace of their
# own, and end with it. With DEBIAN_KEEP=no all that the command writes is gone afterwards, but for
# what it writes to /src.
debian_run()
{
	DEBIAN_KEEP=${DEBIAN_KEEP:-yes} unshare --mount bash -c '
		root=$1 top=$2
		shift 2
		if [ "$DEBIAN_KEEP" = no ]; then
			mount -t tmpfs tmpfs /mnt && mkdir /mnt/up /mnt/work /mnt/root &&
				mount -t overlay -o "lowerdir=$root,upperdir=/mnt/up,workdir=/mnt/work" overlay /mnt/root ||
				exit
			root=/mnt/root
		fi
		mount --bind "$top" "$root/src" && mount --rbind /dev "$root/dev" &&
			mount -t proc proc "$root/proc" && mount -t sysfs sysfs "$root/sys" &&
			cp -L /etc/resolv.conf "$root/etc/resolv.conf" &&
			exec chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 \
				DEBIAN_FRONTEND=noninteractive "$@"
	' debian_run "$1" "$top" "${@:2}"
}
