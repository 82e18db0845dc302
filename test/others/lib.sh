# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Programs that call iscsiadm, as Debian 12 packages them, on a machine of the lab. They lie in a
# folder of their own (lab/fetch others), in which our programs take the place of open-iscsi's, and
# see the machine's devices, processes and records. Scenarios begin with
#
#	. "$(dirname "$0")/../lib.sh"
#	in_lab_with_others -- "$@"
. "$(dirname "${BASH_SOURCE[0]}")/../lab/lib.sh"

in_lab_with_others()
{
	local path

	[ -n "${ISCSI_LAB:-}" ] || "$LAB_LIB/fetch" others || skip "the programs that call iscsiadm can't be had here"
	in_lab "$@"
	OTHERS=$LAB_CACHE/others
	for path in /dev /proc /sys /run /tmp /etc/iscsi /var/lib/iscsi; do
		mkdir -p "$OTHERS$path" && mount --rbind "$path" "$OTHERS$path" || fail "no $path for the others"
	done
	[ "$USING" = original ] || cp "$LAB_BIN"/{iscsid,iscsiadm,iscsistart,iscsi-iname} "$OTHERS/usr/sbin/"
	cp /etc/hosts /etc/nsswitch.conf "$OTHERS/etc/"
}

# theirs COMMAND...: runs it in that folder. There "udevadm settle" would do nothing by itself.
theirs()
{
	SYSTEMD_IGNORE_CHROOT=1 PATH=/usr/sbin:/usr/bin:/sbin:/bin chroot "$OTHERS" "$@"
}

# udev_up: the disks get their names below /dev/disk.
udev_up()
{
	theirs /lib/systemd/systemd-udevd --daemon || fail "no udev"
}
