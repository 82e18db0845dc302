/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Logging in to any number of records, and out of any number of sessions: all requests go to
 * iscsid at once, and each result is printed when it arrives. The node, session, discovery and
 * fw modes and sessions.c call this file.
 */
#pragma once

#include "iscsiadm/adm.h"

struct login_how {
	bool another;	/* make one more session, however many exist: "-r SID -o new" */
	bool no_wait;	/* don't wait until the login has ended: -W */
	bool quiet_end;	/* leave out the line that sums up failures */
	bool leading;	/* one interface is enough, so none is tried in the background */
};

/*
 * Logs in to @count records. Returns the exit status: the first failure among the logins that
 * were not requested ("already present"), else the first failure among the requested logins, in
 * the order of @records.
 */
enum iscsi_err logins_run(struct adm *adm, struct iscsi_db_record *const *records, size_t count,
			  const struct login_how *how);

/*
 * Ends @count sessions, which must be of adm->sessions. Returns the exit status: why the daemon
 * could not be asked, else the last failure in the order of @list.
 */
enum iscsi_err logouts_run(struct adm *adm, const struct sysfs_session *const *list,
			   size_t count);
