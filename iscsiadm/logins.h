/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Logging in to any number of records, and out of any number of sessions, in one go: all is
 * asked of iscsid at once, what comes of it is said as it comes. Used by the node, session,
 * discovery and fw modes.
 */
#ifndef ISCSIADM_LOGINS_H
#define ISCSIADM_LOGINS_H

#include "iscsiadm/adm.h"

struct login_how {
	bool another;	/* one more session, however many there are: "-r SID -o new" */
	bool no_wait;	/* don't wait for what comes of it: -W */
	bool quiet_end;	/* without the line that sums failures up */
};

/*
 * Logs in to @count records. The exit status: the first failure of those that weren't even
 * asked for ("already present"), else the first of those that were, in the order of @records.
 */
enum iscsi_err logins_run(struct adm *adm, struct iscsi_db_record *const *records, size_t count,
			  const struct login_how *how);

/*
 * Ends @count sessions, which must be of adm->sessions. The exit status: that of the way to the
 * daemon, else the last failure in the order of @list.
 */
enum iscsi_err logouts_run(struct adm *adm, const struct sysfs_session *const *list,
			   size_t count);

#endif /* ISCSIADM_LOGINS_H */
