/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A starting daemon finds out about a session that the kernel has already: from the notes of the
 * daemon before (runstate.h), from the database and from sysfs, in this order. A table in adopt.c
 * says from which state the session goes on. Nothing is changed.
 */
#pragma once

#include "iscsid/kernel/sysfs.h"
#include "iscsid/runstate.h"
#include "iscsid/session.h"
#include "iscsid/session_config.h"

struct adoption;

enum adopt_result {
	ADOPT_YES,
	ADOPT_NOT_OURS,		/* made by the kernel, or of an offload card */
	ADOPT_NEVER_UP,		/* a first login that no daemon finished: to be removed */
	ADOPT_FAILED,
};

/* What the new daemon does about a session. */
struct adopt_verdict {
	enum adopt_result result;
	enum session_state state;	/* with ADOPT_YES: where session_start() goes on */
	bool unfinished;		/* the first scan, or in SESSION_ENDING the flush, isn't done */
};

/* @db_root, @config_path: where records and iscsid.conf are; NULL: the default. NULL: no memory. */
struct adoption *adopt_begin(struct sysfs *sysfs, int run_dir_fd, const char *db_root,
			     const char *config_path, const struct iscsi_db_initiator *initiator);
void adopt_end(struct adoption *adoption);

/*
 * The caller wipes @found, which has secrets, and owns @config. @note has the ISID (zeroes: the
 * ISID follows from the sid), Time2Wait and no record. All are set with ADOPT_YES only.
 */
struct adopt_verdict adopt_read(struct adoption *adoption, unsigned int sid,
				struct sysfs_session *found, struct session_config **config,
				struct runstate *note, struct iscsi_why *why);
