/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The attempts of a session to log in: the first login within its budget of time, a login that is
 * wanted for as long as it takes, and the reopening of a lost connection. session.c begins an
 * attempt and passes on what the connection reports about the attempt; this file does the steps of
 * the route and chooses the pause before the next attempt, or gives the session up. What follows a
 * login that has succeeded is left to session.c.
 */
#include "iscsid/session_private.h"

#include <inttypes.h>

#include "iscsid/base/addr_kind.h"
#include "iscsid/base/log.h"
#include "iscsid/message/session_text.h"
#include "libiscsi-db/util.h"

#define STEADY_US	10000000	/* after this time up, a session works */
#define SHORT_LIVES_TOLD	3
#define SHORT_LIVES_US	60000000	/* the time in which they end */
#define COUNTED_US	2000000		/* reopen_max counts at most one attempt in this time */
#define ANSWERING_MS	3000		/* a portal that answers others counts as slow, not silent */
#define NETWORK_US	300000		/* between two attempts, however often the network changes */

/* ---- failed attempts and pauses -------------------------------------------------------------- */

/* Gives up the first login. The asker is told the reason, and the kernel keeps no session. */
static void session_give_up(struct session *session, enum iscsi_err err,
			    const struct iscsi_why *why)
{
	log_error("%s: login failed: %s", session->name, why->text);
	session_end_login(session, err, why);
}

/* The time at which the first login has used up @tries times login_timeout. */
static uint64_t session_budget_ends_us(const struct session *session, int tries)
{
	return session->first_attempt_us +
	       (uint64_t)tries * (uint64_t)session->config->login_timeout_s * 1000000;
}

/* The time from now until @until_us in ms, rounded up; 0 if that time is over. */
static uint64_t session_ms_until(const struct session *session, uint64_t until_us)
{
	uint64_t now_us = session_now_us(session);

	return (MAX(until_us, now_us) - now_us + 999) / 1000;
}

void session_pause(struct session *session, uint64_t ms)
{
	ms = MAX(ms, session_ms_until(session, session->wait_until_us));
	session->attempt = ATTEMPT_PAUSE;
	session->next_attempt_us = session_now_us(session) + ms * 1000;
	timer_arm_ms(session->timer, ms);
}

static uint32_t session_random(const struct session *session)
{
	uint32_t random = 0;

	(void)session->env->conn.random(&random, sizeof(random));
	return random;
}

/* Returns false if the first login has no time left for another attempt. */
static bool session_arm_attempt(struct session *session, enum retry_cause cause)
{
	uint64_t pause_ms = retry_pause_ms(&session->retry, cause, session_random(session));

	if (!session->wanted && session_now_us(session) + pause_ms * 1000 >=
	    session_budget_ends_us(session, session->config->initial_login_retry_max))
		return false;
	session_pause(session, pause_ms);
	return true;
}

static uint64_t session_reopen_ms(struct session *session, enum retry_cause cause)
{
	return retry_reopen_ms(&session->retry, cause,
			       (session_now_us(session) - session->outage_since_us) / 1000,
			       turn_silent_portals(&session->turn), session_random(session));
}

/* Something has happened that another host's login doesn't bring about. */
static void session_forget_short_lives(struct session *session)
{
	if (session->short_lives < SHORT_LIVES_TOLD)
		session->short_lives = 0;
}

/*
 * Two hosts with one name and ISID throw each other out: RFC 7143, 6.3.5. For each of them, the
 * target closes the connection again and again.
 */
static void session_count_short_life(struct session *session, bool closed_by_target)
{
	uint64_t now_us = session_now_us(session);

	if (!closed_by_target || now_us - session->short_since_us > SHORT_LIVES_US)
		session_forget_short_lives(session);
	if (!closed_by_target)
		return;
	if (!session->short_lives)
		session->short_since_us = now_us;
	if (++session->short_lives == SHORT_LIVES_TOLD)
		log_warning("%s: the target has ended the session %u times within %d s of its "
			    "login; probably another host uses the initiator name %s too, and each "
			    "host's login ends the other's session; look at InitiatorName in "
			    ISCSI_CONF_DIR "/initiatorname.iscsi of all hosts that use the target, "
			    "and at the target's own log", session->name, SHORT_LIVES_TOLD,
			    STEADY_US / 1000000, session->config->initiator);
}

/*
 * After a loss, the first attempt waits for Time2Wait only. But if the target drops each login soon
 * after accepting it, the loss counts as a failed attempt, so that the pauses grow.
 */
void session_begin_outage(struct session *session, uint64_t wait_s, bool closed_by_target)
{
	uint64_t now_us = session_now_us(session), pause_ms = 0;

	session->wait_until_us = now_us + wait_s * 1000000;
	if (now_us - session->up_since_us >= STEADY_US) {
		session->outage_since_us = now_us;
		session->short_lives = 0;
		session->retry.attempts = 0;
	} else {
		session_count_short_life(session, closed_by_target);
		pause_ms = session_reopen_ms(session, RETRY_LOST);
	}
	session_pause(session, pause_ms);
}

/* ---- sessions that share a portal ------------------------------------------------------------ */

static void session_on_turn(void *arg)
{
	session_pause(arg, 0);
}

int session_join_turns(struct session *session)
{
	const struct session_config *c = session->config;
	char key[2 * ISCSI_ADDRESS_MAX];

	session->turn.woken = session_on_turn;
	session->turn.arg = session;
	(void)snprintf(key, sizeof(key), "%s,%d %s", c->address, c->port, c->iface);
	return turn_join(&session->turn, session->env->portals, key);
}

/*
 * The next attempt is that of the session whose turn it is now. A session with reopen_max counts
 * attempts of its own, so it doesn't wait for others.
 */
static void session_pass_turn(struct session *session, const struct conn_report *report)
{
	struct session *next = session;
	uint64_t pause_ms, spent_ms = (session_now_us(session) - session->attempt_us) / 1000;

	if (report->cause == RETRY_BUSY || report->cause == RETRY_REFUSED || report->wait_s > 0)
		turn_answered(&session->turn, session_now_us(session));
	else if (session->config->reopen_max <= 0)
		next = turn_failed(&session->turn, report->cause, report->err,
				   &report->why)->arg;
	if (next != session) {
		session->attempt = ATTEMPT_QUEUED;
		next->retry.attempts = MAX(next->retry.attempts, session->retry.attempts);
	}
	pause_ms = session_reopen_ms(next, report->cause);
	pause_ms -= MIN(pause_ms, spent_ms);
	session_pause(next, retry_together_ms(pause_ms, turn_silent_portals(&next->turn),
					      session_now_us(next) / 1000));
}

uint64_t session_patience_ms(void *arg, bool connected)
{
	struct session *session = arg;
	const struct turns *turns = session->turn.turns;
	uint64_t timeout_us = (uint64_t)session->config->login_timeout_s * 1000000;
	uint64_t now_us = session_now_us(session), begin_us = session->attempt_us;
	uint64_t slow_ms, wait_ms, end_us;

	if (session->state != SESSION_FAILED)
		return 0;
	slow_ms = turn_slow_ms(&session->turn, now_us, timeout_us);
	wait_ms = retry_patience_ms(connected, (now_us - session->outage_since_us) / 1000,
				    MAX(session->login_took_ms, slow_ms));
	if (turns->answered_us > session->failed_since_us) {
		wait_ms = MAX(wait_ms, ANSWERING_MS);
		begin_us = MAX(begin_us, turns->answered_us);
	}
	end_us = MIN(begin_us + wait_ms * 1000, session->attempt_us + timeout_us);
	return session_ms_until(session, end_us);
}

/* A re-login continues from the last StatSN that the kernel saw (RFC 7143, 11.12.9). */
uint32_t session_exp_stat_sn(void *arg)
{
	const struct session *session = arg;
	uint32_t exp_stat_sn = 0;

	if (session->state == SESSION_FAILED)
		(void)sysfs_read_exp_stat_sn(session->env->sysfs, conn_sid(session->conn),
					     &exp_stat_sn);
	return exp_stat_sn;
}

/* This login may yet come to a halt, which is no reason to hold up the other sessions. */
void session_on_answer(void *arg)
{
	struct session *session = arg;

	turn_answered(&session->turn, session_now_us(session));
}

void session_on_silence(void *arg, int *fd)
{
	struct session *session = arg;

	turn_await_late(&session->turn, fd, session->attempt_us);
}

/* ---- failed attempts ------------------------------------------------------------------------- */

/* No half made session stays in the kernel between two attempts, which may be a minute apart. */
static void session_uncreate(struct session *session)
{
	struct kernel *kernel = session->env->conn.kernel;
	uint32_t sid = conn_sid(session->conn);
	struct iscsi_why why;
	bool has_conn;

	if (!sid)
		return;
	conn_drop(session->conn);
	has_conn = conn_kernel_has(session->conn);
	conn_forget(session->conn);
	session->env->on_uncreated(session->env->arg, session, sid);
	session_rename(session);
	if (kernel->ops->destroy_session(kernel, sid, has_conn, &why))
		log_warning("session %" PRIu32 ": %s", sid, why.text);
}

static void session_wanted_failed(struct session *session, enum retry_cause cause,
				  enum iscsi_err err, const struct iscsi_why *why)
{
	bool changed = session->failed_attempts++ == 0 || session->retry.cause != cause;
	uint64_t ends_us = session_budget_ends_us(session,
						  session->config->initial_login_retry_max);

	session->failure = *why;
	session->failure_err = err;
	session_uncreate(session);
	/* Only the first failure of a kind is logged. */
	if (changed)
		log_warning("%s: login failed: %s; trying again until it succeeds or is called off",
			    session->name, why->text);
	if (cause == RETRY_REFUSED || cause == RETRY_LOCAL || session_now_us(session) >= ends_us)
		asker_answer_all(&session->login_asker, err, 0, why);
	(void)session_arm_attempt(session, cause);
}

static void session_first_login_failed(struct session *session, const struct conn_report *report)
{
	/* Tools expect a time-out if no attempt got an answer, or only the answer "try later". */
	enum iscsi_err err = report->cause != RETRY_LOCAL &&
			     (report->err == ISCSI_ERR_TRANS || report->err == ISCSI_ERR_LOGIN) ?
			     ISCSI_ERR_TRANS_TIMEOUT : report->err;

	if (session->wanted) {
		session_wanted_failed(session, report->cause, err, &report->why);
		return;
	}
	if (report->cause == RETRY_REFUSED || report->cause == RETRY_LOCAL) {
		session_give_up(session, err, &report->why);
		return;
	}
	session->failure = report->why;
	if (session->failed_attempts++ == 0)
		log_warning("%s: %s; iscsid tries again", session->name, report->why.text);
	if (!session_arm_attempt(session, report->cause))
		session_give_up(session, err, &report->why);
}

/* Counts an attempt that didn't reach the target; true: one too many. */
static bool session_is_worn_out(struct session *session)
{
	uint64_t now_us = session_now_us(session);

	/* Users have chosen the number for attempts that are this far apart. */
	if (session->failed_connects && now_us - session->counted_us < COUNTED_US)
		return false;
	session->counted_us = now_us;
	session->failed_connects++;
	return session->config->reopen_max > 0 &&
	       session->failed_connects > (unsigned int)session->config->reopen_max;
}

/* Whether this failure says something new: about the portal if others try it too. */
static bool session_failure_is_new(const struct session *session, enum retry_cause cause)
{
	const struct turns *turns = session->turn.turns;

	if (turns->failed)
		return turns->cause != cause;
	return !session->failed_attempts || session->retry.cause != cause;
}

/* Where the connection leaves from; a failure leaves what was found before in place. */
static enum iscsi_err session_find_source(struct session *session, struct iscsi_why *why)
{
	struct session_config *c = session->config;
	struct tcp_source source;
	enum iscsi_err err = session_config_source(c->rec, session->env->sysfs, &source, why);

	if (!err) {
		c->source = source;
		c->source_found = true;
	}
	return err;
}

static void session_reopen_failed(struct session *session, const struct conn_report *report)
{
	struct iscsi_why why;

	/* The first failure of a kind is logged; the recovery's end logs the number of attempts. */
	if (session_failure_is_new(session, report->cause))
		log_warning("%s: %s; iscsid tries again until the session is back", session->name,
			    report->why.text);
	session_forget_short_lives(session);
	session->failed_attempts++;
	session->failure = report->why;
	session->failure_err = report->err;
	/* A device may have come back under another name, with another number. */
	if (report->cause == RETRY_LOCAL)
		(void)session_find_source(session, &why);
	/* The target had accepted the login when the connection broke, so Time2Wait counts anew. */
	if (report->wait_s > 0)
		session->wait_until_us = session_now_us(session) + (uint64_t)report->wait_s * 1000000;
	if (report->cause == RETRY_LOST && session_is_worn_out(session)) {
		log_error("%s: the target wasn't reached (reopen_max %d); the session ends",
			  session->name, session->config->reopen_max);
		session_end(session);
		return;
	}
	session_pass_turn(session, report);
}

static void session_attempt_failed(struct session *session, const struct conn_report *report)
{
	switch (session->state) {
	case SESSION_FREE:
		session_first_login_failed(session, report);
		break;
	case SESSION_FAILED:
		session_reopen_failed(session, report);
		break;
	case SESSION_SCANNING:
	case SESSION_LOGGED_IN:
	case SESSION_UNBINDING:
	case SESSION_LOGGING_OUT:
	case SESSION_ENDING:
		break;		/* no login is under way in these states */
	}
}

/* ---- the steps of an attempt ----------------------------------------------------------------- */

void session_follow(struct session *session, enum route_step step,
		    const struct conn_report *failure)
{
	struct iscsi_why twin;

	switch (step) {
	case ROUTE_CONNECT:
		if (session->state == SESSION_FREE && session->env->has_twin &&
		    session->env->has_twin(session->env->arg, session, &twin)) {
			session_give_up(session, ISCSI_ERR_SESS_EXISTS, &twin);
			break;
		}
		session->attempt = ATTEMPT_LOGIN;
		timer_stop(session->timer);
		conn_start(session->conn, &session->route.peer, session->route.security_first);
		break;
	case ROUTE_LOOKUP:
		session->attempt = ATTEMPT_LOOKUP;
		timer_arm_ms(session->timer, (uint64_t)session->config->login_timeout_s * 1000);
		break;
	case ROUTE_UNKNOWN:
		if (session->state == SESSION_FAILED)
			session_reopen_failed(session, &(struct conn_report){
				.cause = RETRY_LOCAL, .err = ISCSI_ERR_TRANS, .why = failure->why,
			});
		else if (session->wanted)	/* a boot may be faster than its name service */
			session_wanted_failed(session, RETRY_LOST, ISCSI_ERR_TRANS, &failure->why);
		else
			session_give_up(session, ISCSI_ERR_TRANS, &failure->why);
		break;
	case ROUTE_END:
		session_attempt_failed(session, failure);
		break;
	}
}

void session_on_route_step(void *arg, enum route_step step, const struct iscsi_why *why)
{
	const struct conn_report failure = {
		.cause = RETRY_LOST, .err = ISCSI_ERR_LOGIN, .why = *why,
	};

	session_follow(arg, step, &failure);
}

void session_attempt(struct session *session)
{
	int tries = MAX(session->config->initial_login_retry_max, 1);
	struct session_config *c = session->config;
	struct conn_report failure = { .cause = RETRY_LOCAL, .err = ISCSI_ERR_TRANS };

	if (session->state == SESSION_FAILED && c->reopen_max <= 0 &&
	    !turn_take(&session->turn, session->failed_since_us)) {
		session->attempt = ATTEMPT_QUEUED;
		return;
	}
	session->attempt_us = session->turn.turns->tried_us = session_now_us(session);
	/* A first login waits for its device, whatever the name of the device by then. */
	if ((!c->source_found || session->state == SESSION_FREE) &&
	    session_find_source(session, &failure.why)) {
		session_attempt_failed(session, &failure);
		return;
	}
	/* A login that goes on for days goes where the portal's name leads by then. */
	if (session->state == SESSION_FREE && session->wanted)
		session->route.portal.ss_family = AF_UNSPEC;
	session_follow(session,
		       route_begin(&session->route, session->state == SESSION_FREE && !session->wanted ?
				   session_budget_ends_us(session, tries) : UINT64_MAX,
				   session->failed_attempts > 0, &failure.why), &failure);
}

void session_conn_failed(struct session *session, const struct conn_report *report)
{
	struct conn_report failure = *report;
	enum route_step step = ROUTE_END;

	if (route_silence_refuses(&session->route, &failure.err, &failure.why))
		failure.cause = RETRY_REFUSED;
	else if (report->cause == RETRY_LOST)
		step = route_next(&session->route, &failure.why);
	session_follow(session, step, &failure);
}

/* A redirection holds for this attempt; the next begins at the record's portal (11.13.5). */
void session_conn_moved(struct session *session)
{
	struct conn_report failure = { .cause = RETRY_LOST, .err = ISCSI_ERR_LOGIN };

	turn_answered(&session->turn, session_now_us(session));
	session_follow(session, route_moved(&session->route, &failure.why), &failure);
}

/* Somebody waits for the first login whose time is over, so the attempt under way is the last. */
static bool session_must_answer(const struct session *session)
{
	return session->login_asker && session_now_us(session) >=
	       session_budget_ends_us(session, session->config->initial_login_retry_max);
}

void session_network_changed(struct session *session, const struct sockaddr_storage *neighbour)
{
	uint64_t at_us = session->turn.turns->tried_us + NETWORK_US, now_us = session_now_us(session);

	if ((session->state != SESSION_FREE && session->state != SESSION_FAILED) ||
	    (neighbour && !addr_is_same((const struct sockaddr *)neighbour,
					(const struct sockaddr *)&session->route.portal)))
		return;
	at_us = MAX(at_us, now_us);
	switch (session->attempt) {
	case ATTEMPT_PAUSE:
		if (at_us < session->next_attempt_us)
			session_pause(session, session_ms_until(session, at_us));
		break;
	case ATTEMPT_LOGIN:	/* the SYN has gone where it was lost; the next comes later and later */
		if (conn_state(session->conn) != CONN_XPT_WAIT || at_us > now_us ||
		    session_must_answer(session))
			break;
		conn_drop(session->conn);
		session_attempt(session);
		break;
	case ATTEMPT_QUEUED:
	case ATTEMPT_LOOKUP:
		break;
	}
}

/* ---- who waits for the first login ----------------------------------------------------------- */

void session_want(struct session *session)
{
	int r;

	if (session->wanted)
		return;
	session->wanted_since_us = session_now_us(session);
	session->wanted = true;
	r = runstate_save_wanted(session->env->run_dir_fd, session->number, session->config->rec);
	if (r < 0)
		log_warning("%s: iscsid can't note the login for a restart: %s", session->name,
			    strerror(-r));
}

static uint64_t session_tried_since_us(const struct session *session)
{
	return session->wanted ? session->wanted_since_us : session->first_attempt_us;
}

void session_join(struct session *session, struct asker *asker)
{
	struct iscsi_why text;

	(void)iscsi_fail(&text, ISCSI_ERR_BUSY, "%s: a login is under way since %u s%s%s; this "
			 "login waits for its end", session->name,
			 (unsigned int)((session_now_us(session) -
					 session_tried_since_us(session)) / 1000000),
			 session->failed_attempts ? "; last failure: " : "", session->failure.text);
	if (asker->warn)
		asker->warn(asker, text.text);
	asker_add(&session->login_asker, asker);
	asker->login = session;
	session->first_attempt_us = session_now_us(session);
	if (session->attempt == ATTEMPT_PAUSE)
		timer_arm_ms(session->timer, 0);
}

void session_leave(struct session *session, const struct asker *asker)
{
	asker_remove(&session->login_asker, asker);
	if (session->login_asker || session->wanted || session->state != SESSION_FREE)
		return;
	log_notice("%s: whoever asked for the login has gone; the login is given up",
		   session->name);
	session_logout(session, NULL, "");
}

bool session_attempts(const struct session *session, struct session_attempts *ret)
{
	if (session->state != SESSION_FREE)
		return false;
	*ret = (struct session_attempts){
		.wanted = session->wanted, .failed = session->failed_attempts,
		.since_us = session_now_us(session) -
			    session_tried_since_us(session),
		.failure = session->failure.text,
	};
	return true;
}

/* The kernel's own limit, which any program may set and which no login changes from then on. */
static int session_recovery_tmo_s(const struct session *session)
{
	struct sysfs_session live;

	sysfs_session_unset(&live, conn_sid(session->conn));
	if (sysfs_read_live(session->env->sysfs, SYSFS_DETAIL_VALUES, &live) ||
	    live.recovery_tmo == SYSFS_UNSET)
		return session->config->replacement_timeout_s;
	return live.recovery_tmo;
}

char *session_outage_text(const struct session *session)
{
	const struct turns *turns = session->turn.turns;
	/* A session that waits for another's attempts shares what these come to. */
	bool queued = session->attempt == ATTEMPT_QUEUED && turns->holder;
	const struct session *tries = queued ? turns->holder->arg : session;
	uint64_t since_us = session->failed_since_us;
	int limit_s = session_recovery_tmo_s(session);
	struct session_outage outage = {
		.down_ms = since_us ? (int64_t)((session_now_us(session) - since_us) / 1000) :
				      SESSION_OUTAGE_UNKNOWN,
		.attempts = queued ? turns->failed : session->failed_attempts,
		.code = queued && turns->failed ? turns->err : session->failure_err,
		.reason = queued && turns->failed ? turns->why : session->failure,
		.next_attempt_ms = tries->attempt == ATTEMPT_PAUSE ?
				   (int64_t)session_ms_until(session, tries->next_attempt_us) : 0,
		.fails_ms = limit_s < 0 ? SESSION_OUTAGE_NEVER : !since_us ? SESSION_OUTAGE_UNKNOWN :
			    (int64_t)session_ms_until(session, since_us +
						      (uint64_t)limit_s * 1000000),
	};

	return session_text_print_outage(&outage);
}
