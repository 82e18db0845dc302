/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A starting daemon finds out about a session that the kernel has already: from the notes of the
 * daemon before (runstate.h), from the database and from sysfs, in this order. Nothing is changed.
 */
#ifndef ISCSID_ADOPT_H
#define ISCSID_ADOPT_H

#include "iscsid/kernel/sysfs.h"
#include "iscsid/runstate.h"
#include "iscsid/session_config.h"

struct adoption;

enum adopt_result {
	ADOPT_YES,
	ADOPT_NOT_OURS,		/* made by the kernel, or of an offload card */
	ADOPT_NEVER_UP,		/* its first login was never finished */
	ADOPT_FAILED,
};

/* @db_root: where the records are; NULL: the default. NULL: no memory. */
struct adoption *adopt_begin(struct sysfs *sysfs, int run_dir_fd, const char *db_root,
			     const struct iscsi_db_initiator *initiator);
void adopt_end(struct adoption *adoption);

/*
 * @found has secrets, which the caller wipes. @config is the caller's; @state has ISID (zeroes: unknown, then
 * it follows from the sid) and Time2Wait, and no record. All are set with ADOPT_YES only.
 */
enum adopt_result adopt_read(struct adoption *adoption, unsigned int sid,
			     struct sysfs_session *found, struct session_config **config,
			     struct runstate *state, struct iscsi_why *why);

#endif /* ISCSID_ADOPT_H */
