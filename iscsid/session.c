/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The life of a session (RFC 7143, 8.3): its states, the reports of its connection, the events from
 * the kernel, and its end. Each event is one function that names every state. Only
 * session_change_state() writes the state; it also stops the timer of the state that it leaves.
 * Attempts to log in are left to session_attempt.c, scans to session_scan.c.
 */
#include "iscsid/session_private.h"

#include <inttypes.h>
#include <netdb.h>

#include "iscsid/base/log.h"
#include "iscsid/conn_params.h"
#include "iscsid/kernel/scan.h"
#include "iscsid/message/session_text.h"
#include "libiscsi-db/util.h"

#define SCAN_WAIT_S		10	/* for the first scan, before a login is answered */
#define UNBIND_TIMEOUT_S	60	/* for the flush to a target that answers, but slowly */
#define ENDING_TIMEOUT_S	30	/* for the kernel to remove a session */
#define LOGIN_TAKES_MS		125	/* while iscsid hasn't seen a session log in */
#define TIME2WAIT_MAX_S		3600	/* RFC 7143, 13.15; an Async may ask for more */

struct session **session_next(struct session *session)
{
	return &session->next;
}

enum session_state session_state(const struct session *session)
{
	return session->state;
}

uint32_t session_number(const struct session *session)
{
	return session->number;
}

void session_set_number(struct session *session, uint32_t number)
{
	session->number = number;
}

uint32_t session_sid(const struct session *session)
{
	return conn_sid(session->conn);
}

int session_host_no(const struct session *session)
{
	return conn_host_no(session->conn);
}

uint64_t session_failed_since_us(const struct session *session)
{
	return session->failed_since_us;
}

const struct session_config *session_config(const struct session *session)
{
	return session->config;
}

const struct sockaddr_storage *session_portal(const struct session *session)
{
	return &session->route.portal;
}

void session_describe(const struct session *session, enum mgmt_conn_state *conn_state_ret,
		      enum mgmt_recovery *recovery)
{
	enum conn_state state = conn_state(session->conn);

	*conn_state_ret = (enum mgmt_conn_state)state;
	*recovery = MGMT_RECOVERY_NO_CHANGE;
	if (session->state == SESSION_FAILED) {
		*recovery = session->route.redirects ? MGMT_RECOVERY_REDIRECT :
						       MGMT_RECOVERY_REOPEN;
		/* open-iscsi shows a session between two attempts in this state. */
		if (state == CONN_CLEANUP_WAIT)
			*conn_state_ret = MGMT_CONN_XPT_WAIT;
	} else if (session->state == SESSION_ENDING) {
		*recovery = MGMT_RECOVERY_CLEANUP;
	}
}

bool session_is_up(const struct session *session)
{
	return session->state == SESSION_SCANNING || session->state == SESSION_LOGGED_IN;
}

const char *session_shown(struct session *session)
{
	struct sysfs_session found;

	if (session->state == SESSION_FAILED) {
		free(session->shown);
		session->shown = session_outage_text(session);
	} else if (!session_is_up(session)) {
		return "";
	}
	if (!session->shown && !sysfs_read_session(session->env->sysfs, conn_sid(session->conn),
						   SYSFS_DETAIL_VALUES, &found))
		session->shown = session_text_print(&found);
	return session->shown ? session->shown : "";
}

/* ---- steps that several events share --------------------------------------------------------- */

uint64_t session_now_us(const struct session *session)
{
	return clock_now_us(session->env->conn.clock);
}

/* What the name of the record's portal has led to; "" if the portal has no name. */
static void session_print_portal(const struct session *session, char *ret, size_t size)
{
	const struct session_config *c = session->config;
	const struct sockaddr_storage *portal = &session->route.portal;
	struct sockaddr_storage numeric;

	if (lookup_numeric(c->address, c->port, &numeric) ||
	    getnameinfo((const struct sockaddr *)portal, sizeof(*portal), ret, (socklen_t)size, NULL, 0,
			NI_NUMERICHOST))
		*ret = '\0';
}

static const char *const state_texts[] = {
	[SESSION_FREE] = "FREE", [SESSION_SCANNING] = "SCANNING", [SESSION_FAILED] = "FAILED",
	[SESSION_LOGGED_IN] = "LOGGED_IN", [SESSION_UNBINDING] = "UNBINDING",
	[SESSION_LOGGING_OUT] = "LOGGING_OUT", [SESSION_ENDING] = "ENDING",
};

static void session_change_state(struct session *session, enum session_state state,
				 enum iscsi_err login_err, const struct iscsi_why *login_why)
{
	if (state == session->state)
		return;
	log_debug("%s: %s -> %s", session->name, state_texts[session->state], state_texts[state]);
	if (session->state == SESSION_FREE && session->wanted)
		runstate_remove_wanted(session->env->run_dir_fd, session->number);
	session->state = state;
	if (state == SESSION_FAILED)
		session->failed_since_us = session_now_us(session);
	else
		turn_end(&session->turn);
	timer_stop(session->timer);
	/* Whoever hears of a failed login must not find its session any more: session_ended() answers. */
	if (state == SESSION_ENDING && login_err) {
		session->failure_err = login_err;
		session->failure = *login_why;
	} else if (state != SESSION_SCANNING) {
		asker_answer_all(&session->login_asker, login_err, conn_sid(session->conn),
				 login_why);
	}
}

void session_set_state(struct session *session, enum session_state state)
{
	session_change_state(session, state, ISCSI_SUCCESS, NULL);
}

/* Whether a logout that the target has asked for is under way. */
static bool session_logs_in_again(const struct session *session)
{
	enum conn_state state = conn_state(session->conn);

	return session_is_up(session) &&
	       (state == CONN_LOGOUT_REQUESTED || state == CONN_IN_LOGOUT);
}

/* Notes the session for the next daemon; @phase_alone: nothing else has changed since the last time. */
static void session_save(struct session *session, bool phase_alone)
{
	int dir_fd = session->env->run_dir_fd, r;
	uint32_t sid = conn_sid(session->conn);
	struct runstate state = {
		.rec = session->config->rec,
		.time2wait_s = session->time2wait_s,
		.phase = session_logs_in_again(session) ? RUNSTATE_RELOGIN : session->phase,
	};

	memcpy(state.isid, conn_isid(session->conn), PDU_ISID_LEN);
	if (phase_alone && runstate_set_phase(dir_fd, sid, &state) >= 0)
		return;
	session_print_portal(session, state.portal, sizeof(state.portal));
	r = runstate_save(dir_fd, sid, &state);
	if (r < 0)
		log_warning("%s: iscsid can't note the session for a restart: %s", session->name,
			    strerror(-r));
}

void session_note(struct session *session, enum runstate_phase phase)
{
	bool noted = session->phase != RUNSTATE_NO_NOTE;

	if (session->phase == phase)
		return;
	session->phase = phase;
	session_save(session, noted);
}

void session_warn(struct session *session, const char *what)
{
	const struct session_config *c = session->config;
	struct asker *asker = session->login_asker;
	struct iscsi_why text;

	log_warning("%s: %s", session->name, what);
	if (!asker || !asker->warn)
		return;
	(void)iscsi_fail(&text, ISCSI_ERR_INVAL, "%s %s,%d: %s", c->target, c->address, c->port,
			 what);
	asker->warn(asker, text.text);
}

/* @err answers the askers of a logout: an error if the kernel has kept the session. */
static void session_ended(struct session *session, enum iscsi_err err,
			  const struct iscsi_why *why)
{
	static const struct iscsi_why ended = { "the session has ended" };
	const struct session_config *c = session->config;
	uint32_t sid = conn_sid(session->conn);

	/* The words are open-iscsi's, which programs look for. A first login has no note yet. */
	if (!err && session->phase != RUNSTATE_NO_NOTE)
		log_notice("Connection%" PRIu32 ":0 to [target: %s, portal: %s,%d] through "
			   "[iface: %s] is shutdown.", sid, c->target, c->address, c->port,
			   c->iface);
	timer_stop(session->timer);
	asker_answer_all(&session->login_asker, session->failure_err, sid, &session->failure);
	asker_answer_all(&session->rescan_askers, ISCSI_ERR_SESS_NOT_FOUND, sid, &ended);
	if (sid)
		runstate_remove(session->env->run_dir_fd, sid);
	asker_answer_all(&session->logout_askers, err, sid, why);
	if (session->env->on_ended)
		session->env->on_ended(session->env->arg, session);
}

void session_end_login(struct session *session, enum iscsi_err login_err,
		       const struct iscsi_why *login_why)
{
	struct kernel *kernel = session->env->conn.kernel;
	uint32_t sid = conn_sid(session->conn);
	struct iscsi_why why;
	enum iscsi_err err;

	conn_drop(session->conn);
	route_cancel(&session->route);
	session_change_state(session, SESSION_ENDING, login_err, login_why);
	/* A first login that failed has no note, and needs none: it is removed without. */
	if (session->phase != RUNSTATE_NO_NOTE)
		session_note(session, RUNSTATE_ENDING);
	if (!sid) {
		session_ended(session, ISCSI_SUCCESS, NULL);
		return;
	}
	err = kernel->ops->destroy_session(kernel, sid, conn_kernel_has(session->conn), &why);
	if (err) {
		log_warning("%s: %s", session->name, why.text);
		session_ended(session, err, &why);
		return;
	}
	timer_arm_ms(session->timer, ENDING_TIMEOUT_S * 1000);
}

void session_end(struct session *session)
{
	session_end_login(session, ISCSI_SUCCESS, NULL);
}

/*
 * A logout must end although the target doesn't take what the kernel still holds. Whoever asked
 * for the logout hears what that costs before the usual answer.
 */
static void session_end_unflushed(struct session *session, const char *reason)
{
	const char *in_use = session->in_use && *session->in_use ? session->in_use : NULL;
	struct iscsi_why text;

	(void)iscsi_fail(&text, ISCSI_ERR_LOGOUT, "%s: %s; the session ends without a flush, and "
			 "writes that were still on the way are lost%s%s", session->name, reason,
			 in_use ? "; " : "", in_use ? in_use : "");
	log_warning("%s", text.text);
	for (struct asker *asker = session->logout_askers; asker; asker = asker->next)
		if (asker->warn)
			asker->warn(asker, text.text);
	session_end(session);
}

static unsigned int seconds_since(const struct session *session, uint64_t since_us)
{
	return (unsigned int)((session_now_us(session) - since_us) / 1000000);
}

/* The target was away when the logout began. */
static void session_end_lost(struct session *session)
{
	char reason[96] = "the target has been away since before iscsid was started";

	if (session->failed_since_us)
		(void)snprintf(reason, sizeof(reason), "the target has been away for %u s",
			       seconds_since(session, session->failed_since_us));
	session_end_unflushed(session, reason);
}

/* The target went away, or silent, after the logout had begun. */
static void session_end_unbinding(struct session *session, const char *cause)
{
	struct iscsi_why reason;

	(void)iscsi_fail(&reason, ISCSI_ERR_LOGOUT, "the target hasn't taken all writes in %u s%s%s",
			 seconds_since(session, session->logout_since_us), *cause ? ": " : "",
			 cause);
	session_end_unflushed(session, reason.text);
}

/* ---- what the connection reports ----------------------------------------------------------------- */

static void session_came_up(struct session *session)
{
	const struct session_config *c = session->config;
	const struct login_outcome *outcome = conn_login_outcome(session->conn);
	uint32_t sid = conn_sid(session->conn);
	bool first = session->state == SESSION_FREE;

	session->time2wait_s = outcome->agreed.default_time2wait;
	if (outcome->tpgt >= 0 && c->tpgt >= 0 && outcome->tpgt != c->tpgt)
		log_warning("%s: the target names portal group %d, but the record names %d",
			    session->name, outcome->tpgt, c->tpgt);
	if (outcome->auth_skipped)
		session_warn(session, "a password is set, but the target asked for none");
	if (!outcome->tsih)
		log_warning("%s: the target gave the session no handle (TSIH 0)", session->name);
	if (first)
		log_notice("Connection%" PRIu32 ":0 to [target: %s, portal: %s,%d] through "
			   "[iface: %s] is operational now", sid, c->target, c->address, c->port,
			   c->iface);
	else
		log_notice("connection%" PRIu32 ":0 is operational after recovery (%u attempts)",
			   sid, session->failed_attempts + 1);
	session->failed_attempts = 0;
	session->failed_connects = 0;
	session->up_since_us = session_now_us(session);
	session->login_took_ms = (session->up_since_us - session->attempt_us) / 1000;
	if (first)
		session->outage_since_us = session->up_since_us;
	turn_answered(&session->turn, session->up_since_us);
	free(session->shown);		/* of the outage, or of the login before */
	session->shown = NULL;
	if (!first) {
		session_set_state(session, SESSION_LOGGED_IN);				/* N4 */
		if (session->phase == RUNSTATE_SCAN_DUE)
			session_scan(session, session->scan_again);
		return;
	}
	session_note(session, c->scan ? RUNSTATE_SCAN_DUE : RUNSTATE_SETTLED);
	session_set_state(session, c->scan ? SESSION_SCANNING : SESSION_LOGGED_IN);	/* N1 */
	if (c->scan) {
		timer_arm_ms(session->timer, SCAN_WAIT_S * 1000);
		session_scan(session, false);
	}
}

static void session_reopen(struct session *session, uint64_t wait_s, bool closed_by_target,
			   const char *reason)
{
	/* The login has succeeded even if its first scan is still under way. */
	session_set_state(session, SESSION_FAILED);					/* N5 */
	session->failure_err = iscsi_fail(&session->failure, ISCSI_ERR_TRANS, "%s", reason);
	session_begin_outage(session, wait_s, closed_by_target);
}

static void session_conn_lost(struct session *session, const struct conn_report *report)
{
	uint64_t wait_s = report->wait_s >= 0 ? (uint64_t)MIN(report->wait_s, TIME2WAIT_MAX_S) :
						session->time2wait_s;
	bool closed_by_target = report->error == KERNEL_ERR_CONN_CLOSED;

	switch (session->state) {
	case SESSION_SCANNING:
	case SESSION_LOGGED_IN:
		log_warning("Kernel reported iSCSI connection %" PRIu32 ":0 error: %s; %s will be "
			    "reopened", conn_sid(session->conn), report->why.text, session->name);
		session_reopen(session, wait_s, closed_by_target, report->why.text);
		break;
	case SESSION_FAILED:
		session_reopen(session, wait_s, closed_by_target, report->why.text);
		break;
	case SESSION_UNBINDING:
		session_end_unbinding(session, report->why.text);
		break;
	case SESSION_LOGGING_OUT:
		session_end(session);
		break;
	case SESSION_FREE:
	case SESSION_ENDING:
		break;
	}
}

static void session_conn_closed(struct session *session)
{
	switch (session->state) {
	case SESSION_SCANNING:
	case SESSION_LOGGED_IN:		/* the target asked for the logout, so log in again */
		session_reopen(session, session->time2wait_s, false,
			       "the target asked for a logout");
		session_save(session, true);
		break;
	case SESSION_UNBINDING:		/* the target asked for the logout before all was written */
		session_end_unbinding(session, "the target closed the connection");
		break;
	case SESSION_LOGGING_OUT:
		session_end(session);				/* N3 */
		break;
	case SESSION_FREE:
	case SESSION_FAILED:
	case SESSION_ENDING:
		break;
	}
}

static void session_logout_requested(struct session *session)
{
	switch (session->state) {
	case SESSION_SCANNING:
	case SESSION_LOGGED_IN:
		log_notice("%s: the target asks for a logout", session->name);
		if (conn_state(session->conn) != CONN_LOGOUT_REQUESTED)
			break;
		session_save(session, true);
		conn_logout(session->conn);
		break;
	case SESSION_UNBINDING:		/* a logout follows the flush anyway */
	case SESSION_FREE:
	case SESSION_FAILED:
	case SESSION_LOGGING_OUT:
	case SESSION_ENDING:
		break;
	}
}

static void session_on_report(void *arg, const struct conn_report *report)
{
	struct session *session = arg;

	switch (report->kind) {
	case CONN_REPORT_UP:
		session_came_up(session);
		break;
	case CONN_REPORT_FAILED:
		session_conn_failed(session, report);
		break;
	case CONN_REPORT_MOVED:
		session_conn_moved(session);
		break;
	case CONN_REPORT_INSISTED:
		session_follow(session, route_insisted(&session->route), report);
		break;
	case CONN_REPORT_LOST:
		session_conn_lost(session, report);
		break;
	case CONN_REPORT_LOGOUT_REQUESTED:
		session_logout_requested(session);
		break;
	case CONN_REPORT_LUNS_CHANGED:
		if (session_is_up(session) && session->config->scan)
			session_scan(session, true);
		break;
	case CONN_REPORT_CLOSED:
		session_conn_closed(session);
		break;
	}
}

void session_rename(struct session *session)
{
	const struct session_config *c = session->config;
	uint32_t sid = conn_sid(session->conn);
	int n = 0;

	if (sid)
		n = snprintf(session->name, sizeof(session->name), "session %" PRIu32 " ", sid);
	(void)snprintf(session->name + n, sizeof(session->name) - (size_t)n, "%s %s,%d",
		       c->target, c->address, c->port);
}

static int session_on_created(void *arg, uint32_t sid)
{
	struct session *session = arg;

	session_rename(session);
	return session->env->on_created ?
	       session->env->on_created(session->env->arg, session, sid) : 0;
}

static void session_on_timer(void *arg)
{
	struct session *session = arg;
	struct iscsi_why why;
	enum iscsi_err err;

	switch (session->state) {
	case SESSION_FREE:
	case SESSION_FAILED:
		if (session->attempt == ATTEMPT_LOOKUP)
			route_expire(&session->route);
		else
			session_attempt(session);
		break;
	case SESSION_SCANNING:		/* the asker is answered; the scan goes on */
		session_first_scan_ended(session);
		break;
	case SESSION_LOGGED_IN:
		break;
	case SESSION_UNBINDING:
		session_end_unbinding(session, "");
		break;
	case SESSION_LOGGING_OUT:
		break;			/* the connection uses its own timer */
	case SESSION_ENDING:
		err = iscsi_fail(&why, ISCSI_ERR_LOGOUT, "the kernel hasn't removed the session "
				 "after %d s", ENDING_TIMEOUT_S);
		log_error("%s: %s", session->name, why.text);
		session_ended(session, err, &why);
		break;
	}
}

/* ---- events from the kernel ------------------------------------------------------------------ */

void session_pdu(struct session *session, const uint8_t *bhs, const uint8_t *data, size_t len)
{
	if (session)
		conn_kernel_pdu(session->conn, bhs, data, len);
}

void session_conn_error(struct session *session, int error)
{
	if (session)
		conn_kernel_error(session->conn, error);
}

void session_unbound(struct session *session)
{
	if (!session)
		return;
	switch (session->state) {
	case SESSION_UNBINDING:
		session_set_state(session, SESSION_LOGGING_OUT);
		conn_logout(session->conn);
		break;
	case SESSION_FREE:
	case SESSION_SCANNING:
	case SESSION_LOGGED_IN:
	case SESSION_FAILED:
	case SESSION_LOGGING_OUT:
	case SESSION_ENDING:
		break;
	}
}

void session_destroyed(struct session *session)
{
	static const struct iscsi_why removed = {
		"another program has removed the session from the kernel"
	};

	if (!session)
		return;
	if (session->state != SESSION_ENDING) {
		log_warning("%s: %s", session->name, removed.text);
		conn_drop(session->conn);
		route_cancel(&session->route);
		session_change_state(session, SESSION_ENDING, ISCSI_ERR_INTERNAL, &removed);
	}
	session_ended(session, ISCSI_SUCCESS, NULL);
}

void session_resync(struct session *session)
{
	struct sysfs_session found;
	uint32_t sid = conn_sid(session->conn);

	if (!sid)
		return;
	if (sysfs_session_gone(session->env->sysfs, sid)) {
		session_destroyed(session);
		return;
	}
	found.sid = sid;
	if (sysfs_read_live(session->env->sysfs, SYSFS_DETAIL_ALL, &found))
		return;
	/* Some of these events may have come before; each state ignores a second one. */
	if (streq(found.target_state, "UNBOUND"))
		session_unbound(session);
	if (streq(found.conn_state, "failed") && conn_state(session->conn) != CONN_CLEANUP_WAIT)
		conn_kernel_error(session->conn, KERNEL_ERR_CONN_FAILED);
}

/* ---- requests -------------------------------------------------------------------------------- */

enum iscsi_err session_get_stats(struct session *session, struct kernel_stat *stats, size_t *len,
				 struct iscsi_why *why)
{
	struct kernel *kernel = session->env->conn.kernel;

	if (!conn_kernel_has(session->conn))
		return iscsi_fail(why, ISCSI_ERR_SESSION_NOT_CONNECTED,
				  "the session has no connection");
	return kernel->ops->get_stats(kernel, conn_sid(session->conn), stats, len, why);
}

/* The kernel flushes and removes the LUNs; session_unbound() follows. */
static void session_unbind(struct session *session)
{
	struct kernel *kernel = session->env->conn.kernel;
	struct iscsi_why why;

	session_note(session, RUNSTATE_ENDING);
	session->logout_since_us = session_now_us(session);
	timer_arm_ms(session->timer, UNBIND_TIMEOUT_S * 1000);
	if (kernel->ops->unbind_session(kernel, conn_sid(session->conn), &why))
		session_end_unflushed(session, why.text);
}

void session_logout(struct session *session, struct asker *asker, const char *in_use)
{
	static const struct iscsi_why cancelled = { "the login was cancelled by a logout" };

	if (asker)
		asker_add(&session->logout_askers, asker);
	/* The first who asks has seen the disks; later they are on their way out. */
	if (!session->in_use)
		session->in_use = strdup(in_use);
	switch (session->state) {
	case SESSION_FREE:
		session_end_login(session, ISCSI_ERR_LOGIN, &cancelled);
		break;
	case SESSION_SCANNING:
	case SESSION_LOGGED_IN:
		session_change_state(session, SESSION_UNBINDING, ISCSI_ERR_LOGIN, &cancelled);
		session_unbind(session);
		break;
	case SESSION_FAILED:		/* no target takes the writes or a Logout PDU */
		session_end_lost(session);
		break;
	case SESSION_UNBINDING:
	case SESSION_LOGGING_OUT:
	case SESSION_ENDING:
		break;			/* the end of the logout under way answers this asker too */
	}
}

/* ---- making and freeing ---------------------------------------------------------------------------- */

static struct session *session_new(const struct session_env *env, struct session_config *config)
{
	struct session *session = calloc(1, sizeof(*session));

	if (!session) {
		session_config_free(config);
		return NULL;
	}
	session->env = env;
	session->config = config;
	session->state = SESSION_FREE;
	session->time2wait_s = config->offer.default_time2wait;
	/* The first use of OpenSSL reads files and allocates, which a recovery must not do. */
	chap_prepare(&config->chap);
	session->conn = conn_new(&env->conn, config, session->name, &(struct conn_owner){
		.on_created = session_on_created, .exp_stat_sn = session_exp_stat_sn,
		.patience_ms = session_patience_ms, .on_answer = session_on_answer,
		.on_silence = session_on_silence, .on_report = session_on_report, .arg = session,
	});
	session->timer = timer_new(env->conn.clock, session_on_timer, session);
	if (!session->conn || !session->timer || session_join_turns(session) < 0)
		return session_free(session);
	session->route = (struct route){
		.clock = env->conn.clock, .resolver = env->resolver, .name = session->name,
		.address = config->address, .port = config->port,
		.named_by = config->named_by, .redirects_max = config->redirects_max,
		.outcome = conn_login_outcome(session->conn),
		.on_step = session_on_route_step, .arg = session,
	};
	session_rename(session);
	return session;
}

struct session *session_new_login(const struct session_env *env, struct session_config *config,
				  struct asker *asker)
{
	struct session *session = session_new(env, config);

	if (!session || !asker)
		return session;
	asker_add(&session->login_asker, asker);
	asker->login = session;
	return session;
}

/* The kernel tests the connection as the session's settings have it, with a ping now and then. */
static void session_set_pings(struct session *session, const struct sysfs_session *found)
{
	const struct session_config *config = session->config;
	struct kernel *kernel = session->env->conn.kernel;
	struct kernel_params params = { .len = 0 };
	struct iscsi_why why;

	if (found->recv_tmo == config->noop_out_interval_s &&
	    found->ping_tmo == config->noop_out_timeout_s)
		return;
	conn_params_pings(config, &params);
	if (kernel->ops->set_params(kernel, found->sid, &params, &why))
		log_warning("%s: the times for pings aren't set: %s", session->name, why.text);
}

struct session *session_new_adopted(const struct session_env *env, struct session_config *config,
				    const struct sysfs_session *found, const struct runstate *note,
				    enum session_state state, bool unfinished)
{
	struct session *session = session_new(env, config);
	bool up = state != SESSION_FAILED && state != SESSION_ENDING;

	if (!session)
		return NULL;
	session->time2wait_s = note->time2wait_s;
	session->login_took_ms = LOGIN_TAKES_MS;
	if (state == SESSION_LOGGED_IN || state == SESSION_FAILED)
		session->phase = unfinished && config->scan ? RUNSTATE_SCAN_DUE : RUNSTATE_SETTLED;
	else
		session->phase = RUNSTATE_ENDING;
	session->unflushed = state == SESSION_ENDING && unfinished;
	/*
	 * A host name keeps its last address. The kernel's is where the last login was sent to. Without
	 * either, the next attempt looks the name up.
	 */
	if (!lookup_numeric(config->address, config->port, &session->route.portal) &&
	    !lookup_numeric(note->portal, config->port, &session->route.portal))
		(void)lookup_numeric(found->address, found->port, &session->route.portal);
	conn_adopt(session->conn, found->sid, found->host_no,
		   up ? CONN_LOGGED_IN : CONN_CLEANUP_WAIT, note->isid);
	session_rename(session);
	session->state = state;
	if (up)
		session_set_pings(session, found);
	return session;
}

void session_start(struct session *session)
{
	switch (session->state) {
	case SESSION_FREE:
		session->first_attempt_us = session_now_us(session);
		session_attempt(session);
		break;
	case SESSION_SCANNING:
		break;			/* no session starts in this state */
	case SESSION_LOGGED_IN:
		log_notice("%s: iscsid has taken over the session", session->name);
		session_save(session, false);
		if (session->phase == RUNSTATE_SCAN_DUE)
			session_scan(session, false);
		break;
	case SESSION_FAILED:
		log_notice("%s: iscsid has taken over the session and reopens it", session->name);
		session->failure_err = iscsi_fail(&session->failure, ISCSI_ERR_TRANS,
						  "the connection was lost before iscsid started");
		session->outage_since_us = session_now_us(session);
		/* The connection may have been lost a moment ago. */
		session->wait_until_us = session->outage_since_us +
					 (uint64_t)session->time2wait_s * 1000000;
		session_save(session, false);
		session_pause(session, 1);
		break;
	case SESSION_UNBINDING:		/* a second unbind does nothing if the first was heard */
		log_notice("%s: iscsid has taken over the session in its logout", session->name);
		session_unbind(session);
		break;
	case SESSION_LOGGING_OUT:
		log_notice("%s: iscsid has taken over the session in its logout", session->name);
		conn_logout(session->conn);
		break;
	case SESSION_ENDING:
		log_notice("%s: iscsid has taken over the session at the end of its logout",
			   session->name);
		if (session->unflushed)
			session_end_lost(session);
		else
			session_end(session);
		break;
	}
}

struct session *session_free(struct session *session)
{
	static const struct iscsi_why stopping = { "iscsid is stopping" };
	enum iscsi_err err = ISCSI_ERR_ISCSID_COMM_ERR;
	uint32_t sid;

	if (!session)
		return NULL;
	sid = session->conn ? conn_sid(session->conn) : 0;
	if (session->state == SESSION_ENDING)
		asker_answer_all(&session->login_asker, session->failure_err, sid,
				 &session->failure);
	asker_answer_all(&session->login_asker, err, sid, &stopping);
	asker_answer_all(&session->rescan_askers, err, sid, &stopping);
	asker_answer_all(&session->logout_askers, err, sid, &stopping);
	route_cancel(&session->route);
	turn_leave(&session->turn);
	scan_forget(session->scan);
	timer_free(session->timer);
	conn_free(session->conn);
	session_config_free(session->config);
	free(session->shown);
	free(session->in_use);
	free(session);
	return NULL;
}
