/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The sessions that the kernel has, read once for a command: in the order in which they are
 * listed, and findable by target. What a one-line list doesn't need is read when it is asked
 * for. A session that goes away meanwhile simply isn't there.
 */
#ifndef ISCSIADM_SNAPSHOT_H
#define ISCSIADM_SNAPSHOT_H

#include "iscsid/kernel/sysfs.h"

struct snapshot;

/* Reads the names and portals of all sessions. @sysfs must outlive what is returned. */
enum iscsi_err snapshot_new(struct sysfs *sysfs, struct snapshot **ret);
struct snapshot *snapshot_free(struct snapshot *sessions);

/* The same with one session alone. ISCSI_ERR_SYSFS_LOOKUP: there is none. */
enum iscsi_err snapshot_new_one(struct sysfs *sysfs, unsigned int sid,
				    struct snapshot **ret);

/* Sorts numbers in the byte order of names that end in them: session1, session10, session2. */
void snapshot_sort_numbers(unsigned int *numbers, size_t count);

/* The sessions are in the order of snapshot_sort_numbers(). */
size_t snapshot_count(const struct snapshot *sessions);
const struct sysfs_session *snapshot_get(const struct snapshot *sessions, size_t i);

/* The sessions of a target are found at *@ret_first .. *@ret_first + the returned number - 1. */
size_t snapshot_of_target(const struct snapshot *sessions, const char *target,
			      size_t *ret_first);
/* The @i'th in order of targets; the number is as snapshot_of_target() gives it. */
const struct sysfs_session *snapshot_by_target(const struct snapshot *sessions,
						   size_t i);

/*
 * What iscsid told of @session, one of ours: a text of sysfs_print_session(), or NULL or "" if it
 * didn't. Taken if it speaks of this session; snapshot_detail() then has less to read.
 */
void snapshot_told(struct snapshot *sessions, const struct sysfs_session *session,
		       const char *text);

/*
 * @session, one of ours, with at least @detail. NULL: it has gone. The pointer stays the same
 * and what it points to grows.
 */
const struct sysfs_session *snapshot_detail(struct snapshot *sessions,
						const struct sysfs_session *session,
						enum sysfs_detail detail);

/* The name of its interface record: what the kernel was told, else "default". */
const char *snapshot_iface(const struct sysfs_session *session);

#endif /* ISCSIADM_SNAPSHOT_H */
