/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Operations on the sessions that the kernel has. All sessions of a command are asked about at
 * once. The states in a tree and a rescan are asked of iscsid by a client of their own, which
 * doesn't start the daemon: both work without the daemon too.
 */
#include "iscsiadm/sessions.h"

#include <errno.h>

#include "iscsiadm/attempts.h"
#include "iscsiadm/disks.h"
#include "iscsiadm/logins.h"
#include "iscsiadm/print.h"
#include "iscsiadm/show.h"
#include "libiscsi-db/util.h"

#define STATE_MS	5000	/* a list must be quick while the daemon is busy */
#define RESCAN_MS	300000
#define STATS_MS	60000

/*
 * Asks the same of each session and waits for the answers; @fn gets the place of the session in
 * @list as its index.
 */
static enum iscsi_err ask_each(struct client *client, enum mgmt_type type,
			       const struct sysfs_session *const *list, size_t len,
			       int silence_ms, client_reply_fn *fn, void *arg)
{
	enum iscsi_err err = ISCSI_SUCCESS;

	for (size_t i = 0; i < len && !err; i++) {
		struct mgmt_request req = {
			.type = type, .sid = list[i]->sid, .record = "", .iface = "",
		};

		err = client_request(client, &req, i);
	}
	return err ?: client_run(client, silence_ms, fn, arg);
}

/* ---- trees ----------------------------------------------------------------------------- */

struct states {
	struct snapshot *sessions;
	const struct sysfs_session *const *list;
	struct show_daemon_state *ret;
};

static void on_state(void *arg, size_t i, const struct mgmt_reply *reply)
{
	struct states *s = arg;

	if (reply->type != MGMT_RESULT || reply->err)
		return;
	s->ret[i].conn = reply->conn_state;
	s->ret[i].recovery = reply->recovery;
	s->ret[i].down = session_text_parse_outage(reply->session, &s->ret[i].outage);
	if (s->ret[i].down && s->ret[i].outage.down_ms >= 0)
		s->ret[i].since = time(NULL) - (time_t)(s->ret[i].outage.down_ms / 1000);
	snapshot_told(s->sessions, s->list[i], reply->session);
}

/*
 * Fills @ret, as long as @list; a state that iscsid doesn't tell in time stays unknown. The
 * daemon's answer also holds what would take dozens of reads from sysfs for each session here.
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
	client = adm_new_client(adm, adm_keep_warning, &complaint);
	if (!client)
		return;
	err = ask_each(client, MGMT_SESSION_STATE, list, len, STATE_MS, on_state, &states);
	client_free(client);
	/* A daemon that isn't running is no reason for a warning. */
	if (err == ISCSI_ERR_ISCSID_COMM_ERR || err == ISCSI_ERR_REQ_TIMEDOUT)
		adm_error("the states that only iscsid knows read \"Unknown\": %s", complaint.text);
}

static void show_devices(struct adm *adm, const struct sysfs_session *session,
			 const char *indent, bool with_host)
{
	struct sysfs_lun *luns = NULL;
	char state[32];
	size_t len = 0;

	sysfs_read_host_state(adm->sysfs, session->host_no, state, sizeof(state));
	(void)sysfs_list_luns(adm->sysfs, session->sid, session->host_no, &luns, &len);
	show_session_luns(stdout, indent, session->host_no, with_host ? state : NULL, luns, len);
	free(luns);
}

enum iscsi_err sessions_show_trees(struct adm *adm, const struct sysfs_session **list, size_t *len,
				   const struct session_trees *how)
{
	CLEANUP(freep) struct show_daemon_state *states = NULL;
	/* The document has a whole session, whatever the text shows. */
	enum sysfs_detail detail = adm->json ? MAX(how->detail, SYSFS_DETAIL_VALUES) : how->detail;
	const struct sysfs_session *previous = NULL;
	size_t n = 0;

	states = calloc(*len, sizeof(*states));
	if (!states)
		return adm_fail(ISCSI_ERR_NOMEM, NULL);
	ask_states(adm, list, *len, states);
	for (size_t i = 0; i < *len; i++) {
		if (!snapshot_detail(adm->sessions, list[i], detail))
			continue;
		states[n] = states[i];
		list[n++] = list[i];
	}
	if (n && how->heading)
		how->heading(adm);
	for (size_t i = 0; i < n; i++) {
		json_session(adm->json, adm->sysfs, list[i], &states[i], how->parts & SHOW_SECRETS);
		show_session_tree(stdout, list[i], previous, how->indent, how->parts,
				  &states[i]);
		if (how->devices)
			show_devices(adm, list[i], how->indent, !how->indent[0]);
		if (states[i].down)
			show_session_outage(stdout, how->indent, &states[i]);
		previous = list[i];
	}
	*len = n;
	return ISCSI_SUCCESS;
}

void sessions_show_versions(struct adm *adm)
{
	char version[64];

	if (sysfs_read_class_version(adm->sysfs, version, sizeof(version)))
		show_versions(stdout, version);
}

/* ---- operations ------------------------------------------------------------------------ */

/*
 * The sessions that @sel selects, those of one target together, into memory that the caller
 * frees. If there are none, @none is said, unless it is NULL.
 */
static enum iscsi_err select_sessions(struct adm *adm, const struct adm_selection *sel,
				      const char *none, const struct sysfs_session ***ret,
				      size_t *ret_len)
{
	const struct sysfs_session **list;
	enum iscsi_err err;
	size_t first = 0, count, n = 0;

	err = adm_need_sessions(adm);
	if (err)
		return err;
	if (sel->target)
		count = snapshot_of_target(adm->sessions, sel->target, &first);
	else
		count = snapshot_count(adm->sessions);
	list = calloc(count, sizeof(*list));
	if (!list)
		return adm_fail(ISCSI_ERR_NOMEM, NULL);
	for (size_t i = 0; i < count; i++) {
		const struct sysfs_session *s = snapshot_by_target(adm->sessions, first + i);

		if (adm_session_selected(adm, sel, s))
			list[n++] = s;
	}
	if (!n) {
		free(list);
		if (none)
			adm_error("%s", none);
		return ISCSI_ERR_NO_OBJS_FOUND;
	}
	/* What is printed about a session has its current port, which a list doesn't read. */
	for (size_t i = 0; i < n; i++)
		(void)snapshot_detail(adm->sessions, list[i], SYSFS_DETAIL_STATE);
	*ret = list;
	*ret_len = n;
	return ISCSI_SUCCESS;
}

enum iscsi_err sessions_logout(struct adm *adm, const struct adm_selection *sel)
{
	CLEANUP(freep) const struct sysfs_session **list = NULL;
	enum iscsi_err err, not_all = ISCSI_SUCCESS;
	size_t len, off = 0;

	/* What isn't there yet is not to come either; a session that is named is there. */
	if (!sel->session)
		not_all = attempts_call_off(adm, sel, &off);
	err = select_sessions(adm, sel, off || not_all ? NULL : "No matching sessions found", &list,
			      &len);
	if (err == ISCSI_ERR_NO_OBJS_FOUND && (off || not_all))
		return not_all;
	err = err ?: logouts_run(adm, list, len);
	adm_keep_first(&err, not_all);
	return err;
}

static enum iscsi_err fail_on_all(enum iscsi_err err)
{
	if (err)
		adm_error("Could not execute operation on all sessions: %s",
			  iscsi_db_err_text(err));
	return err;
}

struct rescan {
	struct json *json;
	const struct sysfs_session *const *list;
	enum iscsi_err *errs;
};

/* Our daemon isn't there, or another program listens in its place. */
static bool no_daemon(enum iscsi_err err)
{
	return err == ISCSI_ERR_ISCSID_NOTCONN || err == ISCSI_ERR_ISCSID_COMM_ERR;
}

static void on_rescan(void *arg, size_t i, const struct mgmt_reply *reply)
{
	struct rescan *r = arg;

	if (reply->type != MGMT_RESULT)
		return;
	r->errs[i] = reply->err;
	if (!no_daemon(reply->err))
		json_outcome(r->json, "rescans", r->list[i], reply->err, reply->why);
	if (reply->err && !no_daemon(reply->err))
		adm_error("Could not rescan session [sid: %u, target: %s]: %s", r->list[i]->sid,
			  r->list[i]->target, client_reason(reply));
}

/* Rescans by sysfs, without the daemon. */
static enum iscsi_err rescan_by_sysfs(struct adm *adm, const struct sysfs_session *session)
{
	int r = sysfs_scan_session(adm->sysfs, session->sid, session->host_no, true, NULL, NULL);

	if (r < 0 && !sysfs_session_gone(adm->sysfs, session->sid)) {
		adm_error("cannot scan host %d: %s", session->host_no, strerror(-r));
		return r == -EACCES || r == -EPERM ? ISCSI_ERR_ACCESS : ISCSI_ERR_SYSFS_LOOKUP;
	}
	return ISCSI_SUCCESS;
}

static enum iscsi_err rescan_list(struct adm *adm, const struct sysfs_session *const *list,
				  size_t len, enum iscsi_err *errs)
{
	struct rescan rescan = { .json = adm->json, .list = list, .errs = errs };
	struct client *client = adm_new_client(adm, NULL, NULL);
	enum iscsi_err err = ISCSI_ERR_NOMEM;

	if (client)
		err = ask_each(client, MGMT_RESCAN, list, len, RESCAN_MS, on_rescan, &rescan);
	client_free(client);
	if (err == ISCSI_ERR_NOMEM)
		return adm_fail(err, NULL);
	for (size_t i = 0; i < len && no_daemon(err); i++) {
		errs[i] = rescan_by_sysfs(adm, list[i]);
		json_outcome(adm->json, "rescans", list[i], errs[i], "");
	}
	err = ISCSI_SUCCESS;
	for (size_t i = 0; i < len; i++)
		adm_keep_first(&err, errs[i]);
	return err;
}

enum iscsi_err sessions_rescan(struct adm *adm, const struct adm_selection *sel)
{
	CLEANUP(freep) const struct sysfs_session **list = NULL;
	CLEANUP(freep) enum iscsi_err *errs = NULL;
	CLEANUP(freep) unsigned int *sids = NULL;
	enum iscsi_err err, wait_err;
	size_t len, rescanned = 0;

	err = select_sessions(adm, sel, "No session found.", &list, &len);
	if (err)
		return err;
	for (size_t i = 0; i < len; i++) {
		char what[SHOW_NODE_MAX];

		show_format_session(what, sizeof(what), list[i]);
		print_to(stdout, "Rescanning session %s\n", what);
	}
	print_flush();
	errs = calloc(len, sizeof(*errs));
	sids = calloc(len, sizeof(*sids));
	if (!errs || !sids)
		return adm_fail(ISCSI_ERR_NOMEM, NULL);
	err = fail_on_all(rescan_list(adm, list, len, errs));
	for (size_t i = 0; i < len; i++)
		if (!errs[i])
			sids[rescanned++] = list[i]->sid;
	wait_err = disks_wait(adm, sids, rescanned);
	return err ?: wait_err;
}

/* The counters arrive as they were asked for: session by session, the common ones first. */
struct stats {
	struct json *json;
	const struct sysfs_session *const *list;
	const struct sysfs_session *printed;	/* the session whose counters are being printed */
	bool custom;				/* the heading of its custom counters is printed */
	enum iscsi_err first;
};

static void on_stat(void *arg, size_t i, const struct mgmt_reply *reply)
{
	struct stats *s = arg;

	if (reply->type == MGMT_STAT)
		json_counter(s->json, s->list[i]->sid, reply->name, reply->value);
	if (s->first)
		return;
	if (reply->type == MGMT_RESULT) {
		s->first = reply->err;
		if (reply->err && *reply->why)
			adm_error("session %u: %s", s->list[i]->sid, reply->why);
		return;
	}
	if (reply->type != MGMT_STAT)
		return;
	if (s->printed != s->list[i]) {
		show_stats_session(stdout, s->list[i]);
		show_stats_heading(stdout, false);
		s->custom = false;
	}
	s->printed = s->list[i];
	if (reply->custom && !s->custom)
		show_stats_heading(stdout, true);
	s->custom = reply->custom;
	show_stats_counter(stdout, reply->name, reply->value);
}

enum iscsi_err sessions_stats(struct adm *adm, const struct adm_selection *sel)
{
	const struct session_trees whole = { .indent = "" };
	CLEANUP(freep) const struct sysfs_session **list = NULL;
	struct stats stats = { .json = adm->json };
	enum iscsi_err err;
	size_t len;

	err = select_sessions(adm, sel, "No session found.", &list, &len);
	if (err)
		return err;
	stats.list = list;
	if (adm->json)
		err = sessions_show_trees(adm, list, &len, &whole);
	err = err ?: adm_need_client(adm);
	if (!err)
		err = ask_each(adm->client, MGMT_GET_STATS, list, len, STATS_MS, on_stat, &stats);
	return fail_on_all(err ? err : stats.first);
}
