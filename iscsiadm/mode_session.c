/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * "-m session": what sessions there are, as sysfs shows them; only two states of each are asked
 * of iscsid, in one go and with a short deadline, since a list must be quick while the daemon
 * is busy or down. Also logout, rescan and statistics, which node mode uses too.
 */
#include "iscsiadm/adm.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "iscsiadm/logins.h"
#include "iscsiadm/show.h"
#include "libiscsi-db/util.h"

#define STATE_MS	5000
#define RESCAN_MS	300000
#define STATS_MS	60000

/* ---- what the daemon knows ------------------------------------------------------------- */

struct states {
	uint32_t first_tag;
	struct adm_sessions *sessions;
	const struct sysfs_session *const *list;
	struct show_daemon_state *ret;
	size_t len;
};

static void on_state(void *arg, const struct mgmt_reply *reply)
{
	struct states *s = arg;
	size_t i = reply->tag - s->first_tag;

	if (reply->type != MGMT_RESULT || reply->err || i >= s->len)
		return;
	s->ret[i].conn = reply->conn_state;
	s->ret[i].recovery = reply->recovery;
	adm_sessions_told(s->sessions, s->list[i], reply->session);
}

/* An iscsi_db_warn_fn. */
static void keep_complaint(void *arg, const char *text)
{
	struct iscsi_why *complaint = arg;

	(void)iscsi_fail(complaint, ISCSI_SUCCESS, "%s", text);
}

/*
 * Fills @ret, as long as @list; what can't be learnt in time stays unknown. The daemon also has
 * at hand what would take dozens of reads for each session here.
 */
static void ask_states(struct adm *adm, const struct sysfs_session *const *list, size_t len,
		       struct show_daemon_state *ret)
{
	struct states states = { .sessions = adm->sessions, .list = list, .ret = ret };
	struct iscsi_why complaint = { "" };
	struct client *client;
	enum iscsi_err err;

	for (size_t i = 0; i < len; i++) {
		ret[i].conn = MGMT_CONN_UNKNOWN;
		ret[i].recovery = MGMT_RECOVERY_UNKNOWN;
	}
	/* A client of its own: this one doesn't start the daemon, nor miss it. */
	client = adm_new_client(adm, keep_complaint, &complaint);
	if (!client)
		return;
	for (size_t i = 0; i < len; i++) {
		struct mgmt_request req = {
			.type = MGMT_SESSION_STATE, .sid = list[i]->sid,
			.record = "", .iface = "",
		};
		uint32_t tag;

		if (client_request(client, &req, &tag))
			break;
		if (!i)
			states.first_tag = tag;
		states.len++;
	}
	err = client_run(client, STATE_MS, on_state, &states);
	client_free(client);
	if (err == ISCSI_ERR_ISCSID_COMM_ERR || err == ISCSI_ERR_REQ_TIMEDOUT)
		adm_error("what only iscsid knows reads \"Unknown\": %s", complaint.text);
}

/* ---- list and tree --------------------------------------------------------------------- */

static enum iscsi_err session_lines(struct adm *adm)
{
	size_t i, count = adm_sessions_count(adm->sessions);

	for (i = 0; i < count; i++)
		show_session_line(stdout, adm_sessions_get(adm->sessions, i));
	return ISCSI_SUCCESS;
}

static void show_devices(struct adm *adm, const struct sysfs_session *session,
			 const char *indent, bool with_host)
{
	struct sysfs_lun *luns = NULL;
	char state[32];
	size_t len = 0;

	sysfs_read_host_state(adm->sysfs, session->host_no, state, sizeof(state));
	if (sysfs_list_luns(adm->sysfs, session, &luns, &len))
		len = 0;
	show_session_luns(stdout, indent, session->host_no, with_host ? state : NULL, luns, len);
	free(luns);
}

size_t mode_session_trees(struct adm *adm, const struct sysfs_session **list, size_t len,
			  const struct session_trees *how)
{
	CLEANUP(freep) struct show_daemon_state *states = NULL;
	const struct sysfs_session *previous = NULL;
	size_t n = 0;

	states = calloc(len + 1, sizeof(*states));
	if (!states || !len)
		return 0;
	ask_states(adm, list, len, states);
	for (size_t i = 0; i < len; i++) {
		if (!adm_sessions_detail(adm->sessions, list[i], how->detail))
			continue;
		states[n] = states[i];
		list[n++] = list[i];
	}
	if (n && how->heading)
		how->heading(adm);
	for (size_t i = 0; i < n; i++) {
		show_session_tree(stdout, list[i], previous, how->indent, how->parts,
				  &states[i]);
		if (how->devices)
			show_devices(adm, list[i], how->indent, !how->indent[0]);
		previous = list[i];
	}
	return n;
}

void mode_session_versions(struct adm *adm)
{
	char version[64];

	if (sysfs_read_class_version(adm->sysfs, version, sizeof(version)))
		show_versions(stdout, version);
}

/* The trees of @list, of which those that have gone are left out. False: all had. */
static bool session_trees(struct adm *adm, const struct sysfs_session **list, size_t len,
			  int level)
{
	struct session_trees how = {
		.indent = "", .parts = SHOW_IFACE | SHOW_STATE, .detail = SYSFS_DETAIL_STATE,
	};

	if (level >= 2) {
		how.parts |= SHOW_TIMEOUTS | SHOW_CHAP | SHOW_NEGOTIATED;
		how.detail = SYSFS_DETAIL_VALUES;
	}
	if (level >= 3) {
		how.devices = true;
		how.heading = mode_session_versions;
	}
	if (level >= 2 && adm->opt.show_secrets) {
		how.parts |= SHOW_SECRETS;
		how.detail = SYSFS_DETAIL_ALL;
	}
	return mode_session_trees(adm, list, len, &how) > 0;
}

static enum iscsi_err session_list(struct adm *adm, const struct sysfs_session *only)
{
	CLEANUP(freep) const struct sysfs_session **list = NULL;
	size_t i, count = adm_sessions_count(adm->sessions);
	int level = adm->opt.print_level;

	if (!count) {
		adm_error("No active sessions.");
		return ISCSI_ERR_NO_OBJS_FOUND;
	}
	if (level == OPTION_UNSET || level == 0)
		return session_lines(adm);
	if (level < 0 || level > 3) {
		adm_error("Invalid info level %d. Try 0 - 3.", level);
		return ISCSI_ERR_INVAL;
	}
	list = calloc(count, sizeof(*list));
	if (!list)
		return adm_fail(ISCSI_ERR_NOMEM, NULL);
	if (only) {
		list[0] = only;
		count = 1;
	}
	for (i = 0; !only && i < count; i++)
		list[i] = adm_sessions_get(adm->sessions, i);
	if (!session_trees(adm, list, count, level)) {
		adm_error("No active sessions.");
		return ISCSI_ERR_NO_OBJS_FOUND;
	}
	return ISCSI_SUCCESS;
}

/* ---- operations on sessions ------------------------------------------------------------ */

/* What @sel selects, those of one target together; if that is nothing, @nothing says so. */
static enum iscsi_err select_sessions(struct adm *adm, const struct adm_selection *sel,
				      const char *nothing, const struct sysfs_session ***ret,
				      size_t *ret_len)
{
	const struct sysfs_session **list;
	enum iscsi_err err;
	size_t first = 0, count, n = 0;

	err = adm_need_sessions(adm);
	if (err)
		return err;
	if (sel->target)
		count = adm_sessions_of_target(adm->sessions, sel->target, &first);
	else
		count = adm_sessions_count(adm->sessions);
	list = calloc(count + 1, sizeof(*list));
	if (!list)
		return adm_fail(ISCSI_ERR_NOMEM, NULL);
	for (size_t i = 0; i < count; i++) {
		const struct sysfs_session *s;

		s = adm_sessions_by_target(adm->sessions, first + i);
		if (adm_session_selected(adm, sel, s))
			list[n++] = s;
	}
	if (!n) {
		free(list);
		adm_error("%s", nothing);
		return ISCSI_ERR_NO_OBJS_FOUND;
	}
	*ret = list;
	*ret_len = n;
	return ISCSI_SUCCESS;
}

enum iscsi_err mode_session_logout(struct adm *adm, const struct adm_selection *sel)
{
	CLEANUP(freep) const struct sysfs_session **list = NULL;
	enum iscsi_err err;
	size_t len;

	err = select_sessions(adm, sel, "No matching sessions found", &list, &len);
	return err ? err : logouts_run(adm, list, len);
}

struct rescan {
	uint32_t first_tag;
	const struct sysfs_session *const *list;
	enum iscsi_err *errs;
	size_t len;
};

/* Nobody there to ask, or somebody else: it is done here then. */
static bool no_daemon(enum iscsi_err err)
{
	return err == ISCSI_ERR_ISCSID_NOTCONN || err == ISCSI_ERR_ISCSID_COMM_ERR;
}

static void on_rescan(void *arg, const struct mgmt_reply *reply)
{
	struct rescan *r = arg;
	size_t i = reply->tag - r->first_tag;

	if (reply->type != MGMT_RESULT || i >= r->len)
		return;
	r->errs[i] = reply->err;
	if (reply->err && !no_daemon(reply->err))
		adm_error("Could not rescan session [sid: %u, target: %s]: %s", r->list[i]->sid,
			  r->list[i]->target,
			  reply->why[0] ? reply->why : iscsi_db_err_text(reply->err));
}

/* Without the daemon. */
static enum iscsi_err rescan_here(struct adm *adm, const struct sysfs_session *session)
{
	int r = sysfs_scan_session(adm->sysfs, session, true);

	if (r < 0 && !sysfs_session_gone(adm->sysfs, session->sid)) {
		adm_error("cannot scan host %d: %s", session->host_no, strerror(-r));
		return r == -EACCES || r == -EPERM ? ISCSI_ERR_ACCESS : ISCSI_ERR_SYSFS_LOOKUP;
	}
	return ISCSI_SUCCESS;
}

static enum iscsi_err rescan_list(struct adm *adm, const struct sysfs_session *const *list,
				  size_t len, enum iscsi_err *errs)
{
	struct rescan rescan = { .list = list, .errs = errs };
	enum iscsi_err err = ISCSI_SUCCESS;
	struct client *client;

	client = adm_new_client(adm, NULL, NULL);
	for (size_t i = 0; client && i < len; i++) {
		struct mgmt_request req = {
			.type = MGMT_RESCAN, .sid = list[i]->sid, .record = "", .iface = "",
		};
		uint32_t tag;

		errs[i] = client_request(client, &req, &tag);
		if (errs[i])
			break;
		if (!i)
			rescan.first_tag = tag;
		rescan.len++;
	}
	if (client && no_daemon(client_run(client, RESCAN_MS, on_rescan, &rescan))) {
		for (size_t i = 0; i < len; i++)
			errs[i] = rescan_here(adm, list[i]);
	}
	client_free(client);
	for (size_t i = 0; i < len && !err; i++)
		err = errs[i];
	return err;
}

enum iscsi_err mode_session_rescan(struct adm *adm, const struct adm_selection *sel)
{
	CLEANUP(freep) const struct sysfs_session **list = NULL;
	CLEANUP(freep) enum iscsi_err *errs = NULL;
	enum iscsi_err err;
	size_t len;

	err = select_sessions(adm, sel, "No session found.", &list, &len);
	if (err)
		return err;
	for (size_t i = 0; i < len; i++) {
		char what[768];

		(void)adm_sessions_detail(adm->sessions, list[i], SYSFS_DETAIL_STATE);
		show_format_session(what, sizeof(what), list[i]);
		printf("Rescanning session %s\n", what);
	}
	(void)fflush(stdout);
	errs = calloc(len, sizeof(*errs));
	if (!errs)
		return adm_fail(ISCSI_ERR_NOMEM, NULL);
	err = rescan_list(adm, list, len, errs);
	if (err)
		adm_error("Could not execute operation on all sessions: %s",
			  iscsi_db_err_text(err));
	return err;
}

/* The counters come as they are asked for: session by session, the common ones first. */
struct stats {
	const struct sysfs_session *const *list;
	size_t len;
	uint32_t first_tag;
	uint32_t tag;			/* of the session that is being printed */
	bool custom;
	enum iscsi_err err;		/* the first */
};

static void on_stat(void *arg, const struct mgmt_reply *reply)
{
	struct stats *s = arg;
	size_t i = reply->tag - s->first_tag;

	if (i >= s->len || s->err)
		return;
	if (reply->type == MGMT_RESULT) {
		s->err = reply->err;
		if (reply->err && *reply->why)
			adm_error("session %u: %s", s->list[i]->sid, reply->why);
		return;
	}
	if (s->tag != reply->tag) {
		show_stats_session(stdout, s->list[i]);
		show_stats_heading(stdout, false);
		s->custom = false;
	}
	s->tag = reply->tag;
	if (reply->custom && !s->custom)
		show_stats_heading(stdout, true);
	s->custom = reply->custom;
	show_stats_counter(stdout, reply->name, reply->value);
}

static enum iscsi_err stats_list(struct adm *adm, const struct sysfs_session *const *list,
				 size_t len)
{
	struct stats s = { .list = list, .len = len };
	enum iscsi_err err = adm_need_client(adm);
	uint32_t tag = 0;

	for (size_t i = 0; i < len && !err; i++) {
		struct mgmt_request req = {
			.type = MGMT_GET_STATS, .sid = list[i]->sid, .record = "", .iface = "",
		};

		(void)adm_sessions_detail(adm->sessions, list[i], SYSFS_DETAIL_STATE);
		err = client_request(adm->client, &req, &tag);
		if (!i)
			s.first_tag = tag;
	}
	if (!err)
		err = client_run(adm->client, STATS_MS, on_stat, &s);
	return err ? err : s.err;
}

enum iscsi_err mode_session_stats(struct adm *adm, const struct adm_selection *sel)
{
	CLEANUP(freep) const struct sysfs_session **list = NULL;
	enum iscsi_err err;
	size_t len;

	err = select_sessions(adm, sel, "No session found.", &list, &len);
	if (err)
		return err;
	err = stats_list(adm, list, len);
	if (err)
		adm_error("Could not execute operation on all sessions: %s",
			  iscsi_db_err_text(err));
	return err;
}

/* ---- one session ----------------------------------------------------------------------- */

/* One more session by the record of this one. */
static enum iscsi_err session_again(struct adm *adm, const struct adm_selection *sel)
{
	struct login_how how = { .another = true };
	struct adm_records records = { NULL, 0, 0 };
	enum iscsi_err err;

	err = adm_each_node(adm, sel, adm_records_copy, &records, NULL);
	if (!err && !records.len) {
		adm_error("No records found");
		err = ISCSI_ERR_NO_OBJS_FOUND;
	} else if (!err) {
		err = logins_run(adm, records.list, 1, &how);
	}
	adm_records_done(&records);
	return err;
}

static enum iscsi_err session_one(struct adm *adm, const struct sysfs_session *session)
{
	/* What is done may make us forget the snapshot: keep what the selection needs. */
	const struct sysfs_session copy = *session;
	const struct adm_selection sel = {
		.target = copy.target, .address = copy.persistent_address,
		.port = copy.persistent_port, .iface = adm_session_iface(&copy),
		.transport = copy.transport[0] ? copy.transport : NULL, .session = &copy,
	};
	const struct options *opt = &adm->opt;

	if (!opt->logout && !opt->rescan && !opt->stats && !opt->ops && opt->print_level >= 1)
		return session_list(adm, session);
	if (opt->ops == OP_NEW)
		return session_again(adm, &sel);
	return mode_node_operate(adm, &sel);
}

enum iscsi_err mode_session_run(struct adm *adm)
{
	const struct adm_selection all = { .port = -1 };
	const struct options *opt = &adm->opt;
	const struct sysfs_session *session;
	enum iscsi_err err;

	if (!opt->has_sid && opt->ops == OP_NEW) {
		adm_error("session mode: Operation 'new' only allowed with specific "
			  "session IDs");
		return ISCSI_ERR_INVAL;
	}
	if (opt->has_sid) {
		err = adm_need_session(adm, opt->sid, &session);
		return err ? err : session_one(adm, session);
	}
	if (opt->logout || opt->rescan || opt->stats)
		return mode_node_operate(adm, &all);
	err = adm_need_sessions(adm);
	return err ? err : session_list(adm, NULL);
}
