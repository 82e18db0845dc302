/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Logins and logouts. The lines and their order are open-iscsi's: first a line for each attempt,
 * then the results as they arrive. The daemon's reason for a failure stands on a line of its own
 * before the two lines that programs know.
 */
#include "iscsiadm/logins.h"

#include "iscsiadm/disks.h"
#include "iscsiadm/print.h"
#include "iscsiadm/show.h"
#include "iscsiadm/waiting.h"
#include "libiscsi-db/util.h"

#define GRACE_MS	60000		/* added to the daemon's own deadlines */
#define LOGOUT_MS	120000
#define PROGRESS_LEAST	5		/* the fewest requests for which progress is shown */

/* One request. */
struct wish {
	size_t index;			/* the place of its record or session in job->list */
	enum iscsi_err err;
	unsigned int sid;		/* of a session that was made */
};

struct job {
	const char *verb, *noun, *action;	/* "Logins", "Login to", "login to" */
	struct json *json;
	struct wish *wishes;
	size_t len, done;
	/* Formats the record or session at @index for the lines about it. */
	void (*format)(const struct job *job, size_t index, char *ret, size_t size);
	void (*document)(const struct job *job, size_t index, const struct mgmt_reply *reply);
	/* Prints the daemon's reason for a failure. */
	void (*explain)(const struct job *job, size_t index, const char *why);
	const void *list;
	bool no_wait;
};

static void show_progress(const struct job *job)
{
	char what[SHOW_NODE_MAX];

	job->format(job, job->wishes[0].index, what, sizeof(what));
	if (job->len == 1)
		waiting_for(false, "%s %s", job->noun, what);
	else
		waiting_for(job->len >= PROGRESS_LEAST, "%s: %zu of %zu done", job->verb, job->done,
			    job->len);
}

static void say_failed(const struct job *job, const char *what, enum iscsi_err err)
{
	adm_error("Could not %s %s.", job->action, what);
	adm_error("initiator reported error (%d - %s)", (int)err, iscsi_db_err_text(err));
}

static void on_result(void *arg, size_t index, const struct mgmt_reply *reply)
{
	struct job *job = arg;
	struct wish *wish = &job->wishes[index];
	char what[SHOW_NODE_MAX];

	if (reply->type != MGMT_RESULT)
		return;
	wish->err = reply->err;
	wish->sid = reply->sid;
	job->done++;
	job->document(job, wish->index, reply);
	job->format(job, wish->index, what, sizeof(what));
	waiting_hide();
	if (reply->err) {
		if (reply->why[0])
			job->explain(job, wish->index, reply->why);
		say_failed(job, what, reply->err);
	} else if (!job->no_wait) {
		print_to(stdout, "%s %s successful.\n", job->noun, what);
		print_flush();
	}
	show_progress(job);
}

/* Queues a request about the object at @index of the caller's list. */
static enum iscsi_err add_wish(struct adm *adm, struct job *job, size_t index,
			       const struct mgmt_request *req)
{
	struct wish *wish = ARRAY_ADD(job->wishes, job->len);
	enum iscsi_err err;

	if (!wish)
		return ISCSI_ERR_NOMEM;
	*wish = (struct wish){ index, ISCSI_ERR_INTERNAL, 0 };
	err = client_request(adm->client, req, job->len - 1);
	if (err)
		job->len--;
	return err;
}

/* Waits for all results of a job whose requests are queued. */
static enum iscsi_err run_job(struct adm *adm, struct job *job, int bound_ms, bool stops)
{
	enum iscsi_err err;

	print_flush();
	waiting_begin(adm->client, bound_ms, stops);
	show_progress(job);
	err = client_run(adm->client, bound_ms + GRACE_MS, on_result, job);
	waiting_end();
	return err;
}

/* ---- login ----------------------------------------------------------------------------- */

static void format_node(const struct job *job, size_t index, char *ret, size_t size)
{
	struct iscsi_db_record *const *records = job->list;

	show_format_node(ret, size, records[index]);
}

static void document_login(const struct job *job, size_t index, const struct mgmt_reply *reply)
{
	struct iscsi_db_record *const *records = job->list;

	json_login(job->json, records[index], reply->err ? 0 : reply->sid, reply->err, reply->why);
}

static void explain_login(const struct job *job, size_t index, const char *why)
{
	struct iscsi_db_record *const *records = job->list;
	const struct iscsi_db_record *rec = records[index];
	const char *iface = iscsi_db_record_get(rec, "iface.iscsi_ifacename");
	bool other = !streq(iface, "default");

	adm_error("%s %s,%s%s%s: %s", iscsi_db_record_get(rec, "node.name"),
		  iscsi_db_record_get(rec, "node.conn[0].address"),
		  iscsi_db_record_get(rec, "node.conn[0].port"), other ? " through " : "",
		  other ? iface : "", why);
}

/* How long the daemon may take for a record, by the settings that bound its attempts. */
static int login_bound_ms(const struct iscsi_db_record *rec)
{
	int64_t tries = iscsi_db_record_get_int(rec, "node.session.initial_login_retry_max");
	int64_t seconds = iscsi_db_record_get_int(rec, "node.conn[0].timeo.login_timeout");

	return (int)MIN((tries + 1) * seconds * 1000, 24 * 3600 * 1000);
}

/*
 * How many sessions a record still lacks. 0: it has all of them, which is said. @multiple is set
 * if the record wants more than one.
 */
static size_t sessions_wanted(struct adm *adm, const struct iscsi_db_record *rec,
			      const struct login_how *how, bool *multiple)
{
	int wanted = iscsi_db_record_get_int(rec, "node.session.nr_sessions");
	size_t present;

	*multiple = how->another || wanted > 1;
	if (how->another)
		return 1;
	present = adm_count_sessions(adm, rec, true);
	if (present < (size_t)wanted)
		return (size_t)wanted - present;
	adm_error("%s: %d session%s requested, but %zu already present.",
		  iscsi_db_record_get(rec, "iface.iscsi_ifacename"), wanted,
		  wanted == 1 ? "" : "s", present);
	return 0;
}

static enum iscsi_err ask_login(struct adm *adm, struct job *job, size_t index,
				const struct iscsi_db_record *rec, uint32_t flags)
{
	struct mgmt_request req = { .type = MGMT_LOGIN, .flags = flags, .iface = "" };
	CLEANUP(secret_freep) char *text = iscsi_db_record_print(rec, ISCSI_DB_FORM_FILE);

	req.record = text;
	return text ? add_wish(adm, job, index, &req) : ISCSI_ERR_NOMEM;
}

/* Whether iscsid goes on trying without this command. */
static bool wanted(const struct adm *adm, const struct login_how *how)
{
	return how->no_wait || (adm->opt.login_all && !how->leading);
}

/* Queues the logins of the sessions that one record still lacks. */
static enum iscsi_err queue_logins(struct adm *adm, struct job *job,
				   const struct iscsi_db_record *rec, size_t index,
				   const struct login_how *how)
{
	char what[SHOW_NODE_MAX];
	enum iscsi_err err;
	bool multiple;
	uint32_t flags;
	size_t n;

	n = sessions_wanted(adm, rec, how, &multiple);
	if (!n) {
		json_login(adm->json, rec, 0, ISCSI_ERR_SESS_EXISTS, "");
		return ISCSI_ERR_SESS_EXISTS;
	}
	/* Without this flag the daemon keeps to nr_sessions, whoever else logs in meanwhile. */
	flags = (how->another ? MGMT_ANOTHER : 0) | (how->no_wait ? MGMT_NO_WAIT : 0) |
		(wanted(adm, how) ? MGMT_WANTED : 0);
	show_format_node(what, sizeof(what), rec);
	while (n--) {
		print_to(stdout, "Logging in to %s%s\n", what, multiple ? " (multiple)" : "");
		err = ask_login(adm, job, index, rec, flags);
		if (!err)
			continue;
		say_failed(job, what, err);
		return err;
	}
	return ISCSI_SUCCESS;
}

/* --wait: for the disks of the sessions that were made. */
static enum iscsi_err wait_for_disks(struct adm *adm, const struct job *job)
{
	CLEANUP(freep) unsigned int *sids = calloc(job->len, sizeof(*sids));
	size_t n = 0;

	if (!sids)
		return adm_fail(ISCSI_ERR_NOMEM, NULL);
	for (size_t i = 0; i < job->len; i++)
		if (!job->wishes[i].err && job->wishes[i].sid)
			sids[n++] = job->wishes[i].sid;
	return disks_wait(adm, sids, n);
}

enum iscsi_err logins_run(struct adm *adm, struct iscsi_db_record *const *records, size_t count,
			  const struct login_how *how)
{
	struct job job = {
		.verb = "Logins", .noun = "Login to", .action = "login to", .json = adm->json,
		.document = document_login, .format = format_node, .explain = explain_login,
		.list = records, .no_wait = how->no_wait,
	};
	enum iscsi_err result = adm_need_client(adm) ?: adm_need_sessions(adm);
	int bound_ms = 0;

	if (result)
		return result;
	for (size_t i = 0; i < count; i++) {
		adm_keep_first(&result, queue_logins(adm, &job, records[i], i, how));
		bound_ms = MAX(bound_ms, login_bound_ms(records[i]));
	}
	if (job.len) {
		(void)run_job(adm, &job, bound_ms, !wanted(adm, how));
		adm_forget_sessions(adm);
	}
	for (size_t i = 0; i < job.len && !result; i++)
		result = job.wishes[i].err;
	if (result && !how->quiet_end)
		adm_error("Could not log into all portals");
	adm_keep_first(&result, wait_for_disks(adm, &job));
	free(job.wishes);
	return result;
}

/* ---- logout ---------------------------------------------------------------------------- */

static void format_session(const struct job *job, size_t index, char *ret, size_t size)
{
	const struct sysfs_session *const *list = job->list;

	show_format_session(ret, size, list[index]);
}

static void document_logout(const struct job *job, size_t index, const struct mgmt_reply *reply)
{
	const struct sysfs_session *const *list = job->list;

	json_outcome(job->json, "logouts", list[index], reply->err, reply->why);
}

static void explain_logout(const struct job *job, size_t index, const char *why)
{
	const struct sysfs_session *const *list = job->list;

	adm_error("session %u %s: %s", list[index]->sid, list[index]->target, why);
}

enum iscsi_err logouts_run(struct adm *adm, const struct sysfs_session *const *list,
			   size_t count)
{
	struct job job = {
		.verb = "Logouts", .noun = "Logout of", .action = "logout of", .json = adm->json,
		.document = document_logout, .format = format_session, .explain = explain_logout,
		.list = list,
	};
	enum iscsi_err result, err = adm_need_client(adm);
	char what[SHOW_NODE_MAX];

	if (err)
		return err;
	for (size_t i = 0; i < count && !err; i++) {
		struct mgmt_request req = { .type = MGMT_LOGOUT, .record = "", .iface = "" };

		/* The current port is part of the line. */
		(void)snapshot_detail(adm->sessions, list[i], SYSFS_DETAIL_STATE);
		show_format_session(what, sizeof(what), list[i]);
		print_to(stdout, "Logging out of session %s\n", what);
		req.sid = list[i]->sid;
		/* Whoever names a session has looked at it; "all" may be more than is known. */
		if (adm->opt.force)
			req.flags = MGMT_FORCE;
		else if (adm->opt.logout_all)
			req.flags = MGMT_SPARE_USED;
		err = add_wish(adm, &job, i, &req);
	}
	result = adm_fail(err, NULL);
	if (job.len)
		adm_keep_first(&result, run_job(adm, &job, LOGOUT_MS - GRACE_MS, false));
	for (size_t i = job.len; i-- && !result;)
		result = job.wishes[i].err;
	free(job.wishes);
	if (result)
		adm_error("Could not logout of all requested sessions");
	adm_forget_sessions(adm);
	return result;
}
