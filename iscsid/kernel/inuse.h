/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whether a session's disks are in use on this host, before a logout takes them away. */
#pragma once

#include "iscsid/kernel/sysfs.h"

enum inuse_by {
	INUSE_BY_ANY,
	INUSE_BY_SYSTEM,	/* only as the root file system, as /usr, or as swap */
};

/*
 * ISCSI_ERR_BUSY names the first disk, partition or device on top of one (multipath, LVM, RAID)
 * that is mounted or used as swap. Reads sysfs, /dev and
 * below @proc ("/proc") only.
 */
enum iscsi_err inuse_check(struct sysfs *sysfs, const char *proc, unsigned int sid, int host_no,
			   enum inuse_by by, struct iscsi_why *why);
