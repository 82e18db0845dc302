/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The sessions that the kernel has, read once for a command: in the order of listings, and
 * findable by target. Details that a one-line list doesn't show are read when a caller asks for
 * them. A session that goes away meanwhile counts as if it had never been there.
 */
#pragma once

#include "iscsid/kernel/sysfs.h"

struct snapshot;

/* Reads the names and portals of all sessions. @sysfs must outlive what is returned. */
enum iscsi_err snapshot_new(struct sysfs *sysfs, struct snapshot **ret);
struct snapshot *snapshot_free(struct snapshot *sessions);

/* Reads one session alone. ISCSI_ERR_SYSFS_LOOKUP: it doesn't exist. */
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
/* The session with the number @i in the order of targets; see snapshot_of_target(). */
const struct sysfs_session *snapshot_by_target(const struct snapshot *sessions,
						   size_t i);

/*
 * Takes over what iscsid told of @session, a session of this snapshot: a text of
 * session_text_print(); NULL or "": nothing. A text about another session is ignored. Afterwards
 * snapshot_detail() has less to read.
 */
void snapshot_told(struct snapshot *sessions, const struct sysfs_session *session,
		       const char *text);

/*
 * Reads more of @session, a session of this snapshot, until it has at least @detail, and returns
 * the same pointer. NULL: the session has gone.
 */
const struct sysfs_session *snapshot_detail(struct snapshot *sessions,
						const struct sysfs_session *session,
						enum sysfs_detail detail);

/* The name of the session's interface record; "default" if the kernel wasn't told a name. */
const char *snapshot_iface(const struct sysfs_session *session);
