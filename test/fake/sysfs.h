/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A folder that looks like /sys with iSCSI sessions in it: device folders, class links and
 * attribute files as the kernel lays them out. Tests hand its root to sysfs_new(). Whatever
 * fails here ends the test.
 */
#ifndef TEST_FAKE_SYSFS_H
#define TEST_FAKE_SYSFS_H

#include <stdint.h>

struct fake_sysfs;

struct fake_sysfs *fake_sysfs_new(void);
/* Removes the folder with all that is in it. */
void fake_sysfs_free(struct fake_sysfs *fs);
const char *fake_sysfs_root(const struct fake_sysfs *fs);

/*
 * A session in full feature phase on host @host, with what the kernel shows of one that was
 * made with default settings: interface "default", tpgt 1, no CHAP.
 */
void fake_sysfs_add_session(struct fake_sysfs *fs, unsigned int sid, unsigned int host,
			    const char *target, const char *address, int port);
void fake_sysfs_remove_session(struct fake_sysfs *fs, unsigned int sid, unsigned int host);

/* A LUN of such a session; @block NULL: without a disk. */
void fake_sysfs_add_lun(struct fake_sysfs *fs, unsigned int sid, unsigned int host, uint64_t lun,
			const char *block, const char *state);

/* Writes an attribute, or, with @text NULL, takes it away. Paths are as callers use them. */
void fake_sysfs_set(struct fake_sysfs *fs, const char *path, const char *text);
/* What was written to a file; static memory. */
const char *fake_sysfs_get(struct fake_sysfs *fs, const char *path);

#endif /* TEST_FAKE_SYSFS_H */
