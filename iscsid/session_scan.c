/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The scans of a session for LUNs: the first scan after a login, for which the asker of the login
 * waits, and each later scan. session.c starts a scan after a login and when the target reports
 * changed LUNs, the manager when a client asks for a rescan. The writes to sysfs, which do SCSI
 * I/O, are left to kernel/scan.c.
 */
#include "iscsid/session_private.h"

#include "iscsid/base/log.h"
#include "iscsid/kernel/scan.h"

void session_first_scan_ended(struct session *session)
{
	if (session->state == SESSION_SCANNING)
		session_set_state(session, SESSION_LOGGED_IN);
}

static void session_on_scan_done(void *arg, enum iscsi_err err, const struct iscsi_why *why)
{
	static const struct iscsi_why lost = {
		"the connection was lost before the scan had ended"
	};
	struct session *session = arg;

	session->scan = NULL;
	if (err)
		session_warn(session, why->text);
	session_first_scan_ended(session);
	if (session->scan_again && session->state == SESSION_LOGGED_IN) {
		session_scan(session, true);
		return;
	}
	if (!err && session->state == SESSION_LOGGED_IN)
		session_note(session, RUNSTATE_SETTLED);
	/*
	 * The kernel doesn't tell whether its commands reached the target, so the scan is done again
	 * once the session is back.
	 */
	if (!err && session->state == SESSION_FAILED) {
		session->scan_again |= session->phase == RUNSTATE_SETTLED;
		if (session->config->scan)
			session_note(session, RUNSTATE_SCAN_DUE);
		err = ISCSI_ERR_SESSION_NOT_CONNECTED;
		why = &lost;
	}
	asker_answer_all(&session->rescan_askers, err, conn_sid(session->conn), why);
}

void session_scan(struct session *session, bool rescan)
{
	static const struct iscsi_why no_thread = { "the scan can't start: no memory" };
	uint32_t sid = conn_sid(session->conn);

	session->scan_again = session->scan != NULL;
	if (session->scan)
		return;
	session->scan = scan_start(session->env->scan_pool, session->env->sysfs, sid,
				   conn_host_no(session->conn), rescan, session_on_scan_done,
				   session);
	if (!session->scan) {
		log_warning("%s: %s", session->name, no_thread.text);
		session_first_scan_ended(session);
		asker_answer_all(&session->rescan_askers, ISCSI_ERR_NOMEM, sid, &no_thread);
	}
}

enum iscsi_err session_rescan(struct session *session, struct asker *asker,
			      struct iscsi_why *why)
{
	if (!session_is_up(session))
		return iscsi_fail(why, ISCSI_ERR_SESSION_NOT_CONNECTED,
				  "the session is not logged in");
	asker_add(&session->rescan_askers, asker);
	session_scan(session, true);
	return ISCSI_SUCCESS;
}
