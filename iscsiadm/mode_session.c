/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * "-m session": lists of the sessions that exist, as sysfs shows them. What is done with sessions
 * is in sessions.c; for one session (-r) the operations of node mode work on its record.
 */
#include "iscsiadm/mode_session.h"

#include "iscsiadm/attempts.h"
#include "iscsiadm/mode_node.h"
#include "iscsiadm/sessions.h"
#include "iscsiadm/show.h"
#include "libiscsi-db/util.h"

/* ---- list and tree --------------------------------------------------------------------- */

static enum iscsi_err session_lines(struct adm *adm)
{
	for (size_t i = 0; i < snapshot_count(adm->sessions); i++)
		show_session_line(stdout, snapshot_get(adm->sessions, i));
	return ISCSI_SUCCESS;
}

static enum iscsi_err session_trees(struct adm *adm, const struct sysfs_session **list, size_t len,
				    int level)
{
	struct session_trees how = {
		.indent = "", .parts = SHOW_IFACE | SHOW_STATE, .detail = SYSFS_DETAIL_STATE,
	};
	enum iscsi_err err;

	if (level >= 2) {
		how.parts |= SHOW_TIMEOUTS | SHOW_CHAP | SHOW_NEGOTIATED;
		how.detail = SYSFS_DETAIL_VALUES;
	}
	if (level >= 3) {
		how.devices = true;
		how.heading = sessions_show_versions;
	}
	if ((level >= 2 || adm->json) && adm->opt.show_secrets) {
		how.parts |= SHOW_SECRETS;
		how.detail = SYSFS_DETAIL_ALL;
	}
	err = sessions_show_trees(adm, list, &len, &how);
	if (!err && !len)
		err = adm_refuse(ISCSI_ERR_NO_OBJS_FOUND, "No active sessions.");
	return err;
}

static enum iscsi_err session_list(struct adm *adm, const struct sysfs_session *only)
{
	CLEANUP(freep) const struct sysfs_session **list = NULL;
	size_t i, count = snapshot_count(adm->sessions);
	int level = adm->opt.print_level;
	enum iscsi_err err;

	if (!count) {
		if (level > 0 || adm->json)
			(void)attempts_show(adm);
		return adm_refuse(ISCSI_ERR_NO_OBJS_FOUND, "No active sessions.");
	}
	if ((level == OPTION_UNSET || level == 0) && !adm->json)
		return session_lines(adm);
	if (level < OPTION_UNSET || level > 3)
		return adm_refuse(ISCSI_ERR_INVAL, "Invalid info level %d. Try 0 - 3.", level);
	list = calloc(count, sizeof(*list));
	if (!list)
		return adm_fail(ISCSI_ERR_NOMEM, NULL);
	if (only) {
		list[0] = only;
		count = 1;
	}
	for (i = 0; !only && i < count; i++)
		list[i] = snapshot_get(adm->sessions, i);
	err = session_trees(adm, list, count, level);
	if (!err && !only)
		(void)attempts_show(adm);
	return err;
}

/* ---- one session ----------------------------------------------------------------------- */

static enum iscsi_err session_one(struct adm *adm, const struct sysfs_session *session)
{
	/* An operation may drop the snapshot of sessions, so the selection needs a copy. */
	const struct sysfs_session copy = *session;
	const struct adm_selection sel = {
		.target = copy.target, .address = copy.persistent_address,
		.port = copy.persistent_port, .iface = snapshot_iface(&copy),
		.transport = copy.transport[0] ? copy.transport : NULL, .session = &copy,
	};
	const struct options *opt = &adm->opt;

	if (!opt->logout && !opt->rescan && !opt->stats && !opt->ops && opt->print_level >= 1)
		return session_list(adm, session);
	if (opt->ops == OP_NEW)
		return mode_node_login(adm, &sel, &(struct login_how){ .another = true });
	return mode_node_operate(adm, &sel);
}

enum iscsi_err mode_session_run(struct adm *adm)
{
	const struct adm_selection all = { .port = -1 };
	const struct options *opt = &adm->opt;
	const struct sysfs_session *session;
	enum iscsi_err err;

	if (!opt->has_sid && opt->ops == OP_NEW)
		return adm_refuse(ISCSI_ERR_INVAL, "session mode: Operation 'new' only allowed "
				  "with specific session IDs");
	if (opt->has_sid) {
		err = adm_need_session(adm, opt->sid, &session);
		return err ?: session_one(adm, session);
	}
	if (opt->logout || opt->rescan || opt->stats)
		return mode_node_operate(adm, &all);
	err = adm_need_sessions(adm);
	return err ?: session_list(adm, NULL);
}
