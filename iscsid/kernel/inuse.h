/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What uses a session's disks on this host: before a logout takes the disks away, and for a
 * listing. Reads sysfs, /dev and below a folder @proc ("/proc") only.
 */
#pragma once

#include "iscsid/kernel/sysfs.h"

/* The mounts and swap areas that there are, read once. NULL: no memory. @sysfs must outlive it. */
struct inuse *inuse_open(struct sysfs *sysfs, const char *proc);
struct inuse *inuse_close(struct inuse *inuse);

/* A @device that is mounted on @mount_point, or, with NULL, used as swap. True ends the search. */
typedef bool inuse_fn(void *arg, const char *device, const char *mount_point);
/* Tells @fn each use of @disk, of its partitions and of devices on top (multipath, LVM, RAID). */
bool inuse_each(const struct inuse *inuse, const char *disk, inuse_fn *fn, void *arg);

enum inuse_by {
	INUSE_BY_ANY,
	INUSE_BY_SYSTEM,	/* only as the root file system, as /usr, or as swap */
	INUSE_BY_ROOT,		/* only as the root file system or as /usr */
};

/* ISCSI_ERR_BUSY: @why names the first device of the session that is in such use, and the use. */
enum iscsi_err inuse_check(struct sysfs *sysfs, const char *proc, unsigned int sid, int host_no,
			   enum inuse_by by, struct iscsi_why *why);
