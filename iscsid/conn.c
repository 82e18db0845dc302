/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A connection as the state table of RFC 7143, 8.1.3. Read the table first: each row is a
 * transition, and its action does the work and returns the next state.
 */
#include "iscsid/conn.h"

#include <assert.h>
#include <errno.h>

#include "iscsid/base/log.h"
#include "iscsid/base/tcp.h"
#include "iscsid/conn_params.h"
#include "libiscsi-db/util.h"

#define REPORTS_MAX		4	/* before the event loop runs again */
#define CONN_CID		0
#define TOLD_MAX		10	/* log lines about odd PDUs in one login */
#define CLOSED_GRACE_S		1	/* for the last PDU before a target's close */
#define DROP_GRACE_S		2	/* for a target to drop the connection as its Async said */

enum conn_event {
	CONN_EV_START,			/* the session wants a login */
	CONN_EV_CONNECTED,		/* the TCP connect has ended, with or without an error */
	CONN_EV_PDU,			/* the kernel brought a PDU */
	CONN_EV_LOST,			/* the kernel said that the connection failed */
	CONN_EV_TIMEOUT,
	CONN_EV_HUNG_UP,		/* the target has closed the socket, unseen by the kernel */
	CONN_EV_LOGOUT,			/* the session wants a logout */
	CONN_EV_DROP,			/* the session gives the connection up */
};

/* The data of an event. */
struct conn_input {
	const uint8_t *bhs, *data;
	size_t data_len;
	int error;
};

struct conn {
	const struct conn_env *env;
	const struct session_config *config;
	const char *name;
	struct conn_owner owner;

	enum conn_state state;
	uint32_t sid;			/* 0: the kernel has no session yet */
	int host_no;
	bool created;			/* the kernel has a connection */
	uint8_t isid[PDU_ISID_LEN];
	bool security_first;		/* the login begins with the security stage */
	bool impatient;			/* the owner's patience bounds the wait for a response */
	bool peer_closed;		/* the target has closed the socket: see CLOSED_GRACE_S */
	int drop_wait_s;		/* from an Async 2 or 3; -1: none came */
	int logout_wait_s;		/* from an Async 1: how long the target waits */
	bool text_asked;		/* a Text Request waits for its response */
	unsigned int told;		/* log lines about odd PDUs since the login */
	bool told_untuned;		/* that the last socket lacks its congestion control */

	struct sockaddr_storage peer;
	int fd;				/* the kernel has a copy; -1 after a take-over */
	sd_event_source *io;		/* reports the end of connect(), or in a logout a close */
	struct timer *timer;
	sd_event_source *deferred;	/* delivers the reports */
	struct login *login;

	struct conn_report reports[REPORTS_MAX];
	size_t reports_len;
};

enum conn_state conn_state(const struct conn *conn)
{
	return conn->state;
}

uint32_t conn_sid(const struct conn *conn)
{
	return conn->sid;
}

int conn_host_no(const struct conn *conn)
{
	return conn->host_no;
}

bool conn_kernel_has(const struct conn *conn)
{
	return conn->created;
}

const uint8_t *conn_isid(const struct conn *conn)
{
	return conn->isid;
}

const struct login_outcome *conn_login_outcome(const struct conn *conn)
{
	return login_outcome(conn->login);
}

/* ---- reports to the session -------------------------------------------------------------- */

static struct conn_report *conn_report(struct conn *conn, enum conn_report_kind kind)
{
	struct conn_report *report;

	/* One waiting report stands for all of its kind: a target may send many Asyncs. */
	for (size_t i = 0; i < conn->reports_len; i++)
		if (conn->reports[i].kind == kind)
			return &conn->reports[i];
	assert(conn->reports_len < REPORTS_MAX);
	report = &conn->reports[conn->reports_len++];
	*report = (struct conn_report){ .kind = kind };
	(void)sd_event_source_set_enabled(conn->deferred, SD_EVENT_ONESHOT);
	return report;
}

static int conn_on_reports(sd_event_source *source, void *userdata)
{
	struct conn *conn = userdata;
	struct conn_report report = conn->reports[0];

	(void)source;
	if (!conn->reports_len)
		return 0;
	conn->reports_len--;
	memmove(&conn->reports[0], &conn->reports[1], conn->reports_len * sizeof(report));
	if (conn->reports_len)
		(void)sd_event_source_set_enabled(conn->deferred, SD_EVENT_ONESHOT);
	conn->owner.on_report(conn->owner.arg, &report);	/* the connection may be gone now */
	return 0;
}

/* ---- steps that several actions share ------------------------------------------------------- */

static void conn_arm(struct conn *conn, int seconds)
{
	timer_arm_ms(conn->timer, (uint64_t)seconds * 1000);
}

/* Returns false if the owner won't wait any longer. */
static bool conn_arm_patience(struct conn *conn, bool connected)
{
	uint64_t ms = conn->owner.patience_ms(conn->owner.arg, connected);

	if (ms)
		timer_arm_ms(conn->timer, ms);
	return ms;
}

static void conn_unwatch_fd(struct conn *conn)
{
	if (conn->io)
		(void)sd_event_source_set_enabled(conn->io, SD_EVENT_OFF);
}

static void conn_close_fd(struct conn *conn)
{
	conn_unwatch_fd(conn);
	closep(&conn->fd);
}

/*
 * The state in which a connection waits for its next attempt. RFC 7143 has FREE after each failed
 * login (T2, T7), but the kernel keeps a connection once made, and holds the I/O of its session.
 */
static enum conn_state conn_waiting(const struct conn *conn)
{
	return conn->created ? CONN_CLEANUP_WAIT : CONN_FREE;
}

/* Stops the kernel's connection, which kernel.h demands after every failure. */
static void conn_stop_kernel(struct conn *conn)
{
	struct iscsi_why why;

	conn_close_fd(conn);
	if (conn->created && conn->env->kernel->ops->stop_conn(conn->env->kernel, conn->sid, &why))
		log_warning("%s: %s", conn->name, why.text);
}

static enum conn_state conn_failed(struct conn *conn, enum retry_cause cause, enum iscsi_err err,
				   const struct iscsi_why *why)
{
	struct conn_report *report = conn_report(conn, CONN_REPORT_FAILED);

	report->cause = cause;
	report->err = err;
	report->why = *why;
	return conn_waiting(conn);
}

static enum conn_state conn_connect_failed(struct conn *conn, int error)
{
	enum iscsi_err err = error == ETIMEDOUT ? ISCSI_ERR_TRANS_TIMEOUT : ISCSI_ERR_TRANS;
	struct iscsi_why why;
	char peer[64];

	conn_unwatch_fd(conn);
	/* A refused socket can connect again for half the cost, but its source stays the same. */
	if (error != ECONNREFUSED || !conn->created)
		closep(&conn->fd);
	tcp_peer_text(&conn->peer, peer, sizeof(peer));
	(void)iscsi_fail(&why, err, "cannot make a connection to %s: %s", peer, strerror(error));
	return conn_failed(conn, RETRY_LOST, err, &why);
}

/* ---- T1, T2, T4: TCP ------------------------------------------------------------------------ */

static int conn_on_io(sd_event_source *source, int fd, uint32_t revents, void *userdata);

/* One event source serves all sockets of the connection, so that recovery needs no memory. */
static int conn_watch_fd(struct conn *conn, uint32_t events)
{
	int r;

	if (!conn->io)
		return sd_event_add_io(conn->env->loop, &conn->io, conn->fd, events, conn_on_io,
				       conn);
	r = sd_event_source_set_io_fd(conn->io, conn->fd);
	if (r >= 0)
		r = sd_event_source_set_io_events(conn->io, events);
	if (r >= 0)
		r = sd_event_source_set_enabled(conn->io, SD_EVENT_ON);
	return r;
}

static enum conn_state conn_connect(struct conn *conn, const struct conn_input *in)
{
	const struct session_config *c = conn->config;
	struct iscsi_why why;
	enum iscsi_err err;
	int r;

	(void)in;
	if (conn->fd < 0) {
		err = tcp_open(&conn->peer, &c->source, &conn->fd, &why);
		/* This host lacks something, so the failure must not count for reopen_max. */
		if (err)
			return conn_failed(conn, err == ISCSI_ERR_NOMEM ? RETRY_SILENT :
					   RETRY_LOCAL, err, &why);
		r = tcp_tune(conn->fd, c->window_size, c->congestion_control);
		/* In an outage there may be four sockets in a second. */
		if (r < 0 && !conn->told_untuned)
			log_warning("%s: the kernel refuses congestion control '%s': %s",
				    conn->name, c->congestion_control, strerror(-r));
		conn->told_untuned = r < 0;
	}
	r = tcp_connect(conn->fd, &conn->peer);
	/* Without EPOLLET, each turn of the loop asks all sockets again whose connects have ended. */
	if (r >= 0)
		r = conn_watch_fd(conn, EPOLLOUT | EPOLLET);
	if (r < 0)
		return conn_connect_failed(conn, -r);
	conn->impatient = conn_arm_patience(conn, false);
	if (!conn->impatient)
		conn_arm(conn, c->login_timeout_s);		/* covers the login too */
	return CONN_XPT_WAIT;
}

static enum conn_state conn_connect_timeout(struct conn *conn, const struct conn_input *in)
{
	(void)in;
	if (conn->impatient && conn_arm_patience(conn, false))
		return CONN_XPT_WAIT;
	return conn_connect_failed(conn, ETIMEDOUT);
}

static enum iscsi_err create_kernel_session(struct conn *conn, struct iscsi_why *why)
{
	struct kernel_session_args args = {
		.cmds_max = conn->config->cmds_max,
		.queue_depth = conn->config->queue_depth,
		.initial_cmd_sn = conn->config->initial_cmd_sn,
	};
	enum iscsi_err err;
	int r;

	err = conn->env->kernel->ops->create_session(conn->env->kernel, &args, &conn->sid,
						     &conn->host_no, why);
	if (err)
		return err;
	conn_params_isid(conn->sid, conn->isid);
	r = conn->owner.on_created(conn->owner.arg, conn->sid);
	if (r < 0)
		return iscsi_fail(why, ISCSI_ERR_INTERNAL, "%s", strerror(-r));
	return ISCSI_SUCCESS;
}

/* Gives the socket and the first login request to the kernel in one batch. */
static enum iscsi_err bind_and_login(struct conn *conn, struct iscsi_why *why)
{
	const struct session_config *c = conn->config;
	struct login_config login = {
		.security_first = conn->security_first,
		.initiator_name = c->initiator, .initiator_alias = c->alias,
		.target_name = c->target, .tpgt = c->tpgt,
		.exp_stat_sn = conn->owner.exp_stat_sn(conn->owner.arg),
		.chap = c->chap, .offer = c->offer,
		.random = conn->env->random,
	};
	struct login_pdu *request = conn->env->scratch;
	struct kernel_params params;
	struct kernel_bind_args bind = {
		.sid = conn->sid,
		.host_no = conn->host_no,
		.create = !conn->created,
		.fd = conn->fd,
		.netdev = c->source.netdev, .hwaddress = c->hwaddress,
		.params = &params,
		.bhs = request->bhs,
		.data = request->data,
	};
	enum iscsi_err err;

	login.chap.issued = conn->env->issued;
	memcpy(login.isid, conn->isid, sizeof(login.isid));
	if (login_start(conn->login, &login, request, &err, why) != LOGIN_SEND)
		return err;
	bind.data_len = request->data_len;
	conn_params_identify(c, &params);
	conn->created = true;		/* even if the batch fails half way */
	return conn->env->kernel->ops->bind_conn(conn->env->kernel, &bind, why);
}

static enum conn_state conn_login_failed(struct conn *conn, enum retry_cause cause,
					 enum iscsi_err err, const struct iscsi_why *why)
{
	conn_stop_kernel(conn);
	return conn_failed(conn, cause, err, why);			/* T7 */
}

static enum conn_state conn_start_login(struct conn *conn, const struct conn_input *in)
{
	struct iscsi_why why;
	enum iscsi_err err = ISCSI_SUCCESS;

	if (in->error)
		return conn_connect_failed(conn, in->error);		/* T2 */
	if (!conn->sid)
		err = create_kernel_session(conn, &why);
	if (!err)
		err = tcp_check_silence(conn->fd, &why);
	if (err == ISCSI_ERR_FATAL_LOGIN)
		return conn_login_failed(conn, RETRY_REFUSED, err, &why);
	if (!err)
		err = bind_and_login(conn, &why);
	if (err == ISCSI_ERR_TRANS)	/* the socket broke, and the kernel noticed first */
		return conn_login_failed(conn, RETRY_LOST, ISCSI_ERR_PDU_TIMEOUT, &why);
	if (err)
		return conn_login_failed(conn, RETRY_LOCAL, err, &why);
	/* A target that has closed may have sent a refusal before, so wait for it, but not long. */
	conn->peer_closed = tcp_peer_closed(conn->fd);
	if (conn->impatient)
		(void)conn_arm_patience(conn, true);
	else if (conn->peer_closed)
		conn_arm(conn, CLOSED_GRACE_S);
	conn_unwatch_fd(conn);
	return CONN_IN_LOGIN;						/* T4 */
}

/* ---- T5, T7: login ------------------------------------------------------------------------- */

static enum conn_state conn_enter_full_feature(struct conn *conn)
{
	const struct login_outcome *outcome = login_outcome(conn->login);
	struct kernel_params params;
	struct iscsi_why why;

	conn_params_negotiated(conn->config, outcome, &params);
	/* This fails if the connection has just broken; the kernel's event about that follows. */
	if (conn->env->kernel->ops->start_conn(conn->env->kernel, conn->sid, &params, &why)) {
		conn_report(conn, CONN_REPORT_FAILED)->wait_s = (int)outcome->agreed.default_time2wait;
		return conn_login_failed(conn, RETRY_LOST, ISCSI_ERR_PDU_TIMEOUT, &why);
	}
	conn->drop_wait_s = -1;
	conn->text_asked = false;
	conn->told = 0;
	conn_report(conn, CONN_REPORT_UP);
	return CONN_LOGGED_IN;						/* T5 */
}

static enum conn_state conn_login_pdu(struct conn *conn, const struct conn_input *in)
{
	struct login_pdu *request = conn->env->scratch;
	struct iscsi_why why;
	enum iscsi_err err;

	if (conn->impatient) {
		conn_arm(conn, conn->config->login_timeout_s);
		conn->owner.on_answer(conn->owner.arg);
	}
	conn->impatient = false;
	switch (login_step(conn->login, in->bhs, in->data, in->data_len, request, &err, &why)) {
	case LOGIN_SEND:
		if (conn->env->kernel->ops->send_pdu(conn->env->kernel, conn->sid, request->bhs,
						     request->data, request->data_len, &why))
			return conn_login_failed(conn, RETRY_LOST, ISCSI_ERR_PDU_TIMEOUT, &why);
		return CONN_IN_LOGIN;
	case LOGIN_DONE:
		return conn_enter_full_feature(conn);
	case LOGIN_MOVED:
		conn_stop_kernel(conn);
		conn_report(conn, CONN_REPORT_MOVED);
		return conn_waiting(conn);
	case LOGIN_AGAIN:
		conn_stop_kernel(conn);
		conn_report(conn, CONN_REPORT_INSISTED);
		return conn_waiting(conn);
	case LOGIN_FAILED:
		break;
	}
	return conn_login_failed(conn, login_outcome(conn->login)->retry ? RETRY_BUSY :
				 RETRY_REFUSED, err, &why);
}

static enum conn_state conn_login_lost(struct conn *conn, const struct conn_input *in)
{
	struct iscsi_why why;

	return conn_login_failed(conn, RETRY_LOST,
				 iscsi_fail(&why, ISCSI_ERR_PDU_TIMEOUT,
					    "the connection broke during login: %s",
					    kernel_conn_error_text(in->error)), &why);
}

static enum conn_state conn_login_timeout(struct conn *conn, const struct conn_input *in)
{
	struct iscsi_why why;
	enum iscsi_err err;

	(void)in;
	if (conn->impatient && !conn->peer_closed) {
		if (conn_arm_patience(conn, true))
			return CONN_IN_LOGIN;
		conn->owner.on_silence(conn->owner.arg, &conn->fd);
	}
	if (conn->peer_closed || conn->impatient)
		err = iscsi_fail(&why, ISCSI_ERR_PDU_TIMEOUT, "the target %s", conn->peer_closed ?
				 "closed the connection at once" :
				 "accepted the connection but didn't answer the login");
	else
		err = iscsi_fail(&why, ISCSI_ERR_PDU_TIMEOUT,
				 "the target accepted the connection but didn't finish the login "
				 "within %d s", conn->config->login_timeout_s);
	return conn_login_failed(conn, RETRY_SILENT, err, &why);
}

/* ---- full feature phase ---------------------------------------------------------------------- */

static enum conn_state conn_drop_kernel(struct conn *conn, const struct conn_input *in)
{
	(void)in;
	conn_stop_kernel(conn);
	return conn_waiting(conn);
}

static struct iscsi_why *conn_report_lost(struct conn *conn, int error)
{
	struct conn_report *report = conn_report(conn, CONN_REPORT_LOST);

	conn_stop_kernel(conn);
	report->error = error;
	report->wait_s = conn->drop_wait_s;
	return &report->why;
}

static enum conn_state conn_lost(struct conn *conn, const struct conn_input *in)
{
	(void)iscsi_fail(conn_report_lost(conn, in->error), ISCSI_ERR_TRANS, "%s (%d)",
			 kernel_conn_error_text(in->error), in->error);
	return CONN_CLEANUP_WAIT;					/* T15, T16 */
}

/* The target announced that it would drop the connection, but didn't, so iscsid drops it. */
static enum conn_state conn_drop_timeout(struct conn *conn, const struct conn_input *in)
{
	(void)in;
	(void)iscsi_fail(conn_report_lost(conn, 0), ISCSI_ERR_TRANS, "the target announced this");
	return CONN_CLEANUP_WAIT;
}

/* Returns whether another line about the target's odd PDUs may go to the log. */
static bool conn_may_tell(struct conn *conn)
{
	if (conn->told > TOLD_MAX)
		return false;
	if (conn->told++ < TOLD_MAX)
		return true;
	log_info("%s: further odd PDUs are not logged until the next login", conn->name);
	return false;
}

/*
 * A target that wants to negotiate may speak in its response to an empty Text Request. The request
 * is immediate, so that a closed command window can't hold it. The kernel leaves ExpStatSN to us,
 * and only the Async message tells it.
 */
static void conn_let_negotiate(struct conn *conn, const struct async_pdu *async)
{
	struct text_request_pdu req = {
		.immediate = true, .ttt = PDU_RESERVED_TAG, .exp_stat_sn = async->stat_sn + 1,
	};
	uint8_t bhs[PDU_BHS_LEN];
	struct iscsi_why why;

	pdu_build_text_request(&req, bhs);
	if (conn->env->kernel->ops->send_pdu(conn->env->kernel, conn->sid, bhs, NULL, 0, &why)) {
		if (conn_may_tell(conn))
			log_warning("%s: the target wants to negotiate, but the Text Request "
				    "failed: %s", conn->name, why.text);
		return;
	}
	if (conn_may_tell(conn))
		log_info("%s: the target wants to negotiate", conn->name);
	conn->text_asked = true;
}

/*
 * Values that a target declares here would have to reach the kernel before the next PDU that they
 * concern. That isn't possible, so a logout and a new login negotiate all values again.
 */
static enum conn_state conn_text_response(struct conn *conn, const struct conn_input *in)
{
	struct text_response_pdu text;
	struct iscsi_why why;

	conn->text_asked = false;
	if (!pdu_parse_text_response(in->bhs, &text, &why) && text.final && !text.data_len)
		return conn->state;
	if (conn->state == CONN_LOGGED_IN)
		conn_report(conn, CONN_REPORT_LOGOUT_REQUESTED);
	conn->logout_wait_s = conn->config->logout_timeout_s;
	return CONN_LOGOUT_REQUESTED;
}

static enum conn_state conn_async(struct conn *conn, const struct conn_input *in)
{
	struct async_pdu async;
	struct iscsi_why why;

	if (pdu_parse_async(in->bhs, &async, &why)) {
		if (conn_may_tell(conn))
			log_warning("%s: asynchronous message ignored: %s", conn->name, why.text);
		return conn->state;
	}
	switch (async.event) {
	case ASYNC_SCSI:
		if (pdu_sense_luns_changed(in->data, in->data_len))
			conn_report(conn, CONN_REPORT_LUNS_CHANGED);
		return conn->state;
	case ASYNC_LOGOUT_REQUESTED:
		if (conn->state == CONN_LOGGED_IN)
			conn_report(conn, CONN_REPORT_LOGOUT_REQUESTED);
		conn->logout_wait_s = MAX(async.param3, 1);
		return CONN_LOGOUT_REQUESTED;				/* T11, T12 */
	case ASYNC_DROPS_CONNECTION:
		if (async.param1 != CONN_CID) {
			if (conn_may_tell(conn))
				log_info("%s: the target drops connection %u, which this "
					 "session doesn't have", conn->name, async.param1);
			return conn->state;
		}
		__attribute__((fallthrough));
	case ASYNC_DROPS_SESSION:
		conn->drop_wait_s = async.param2;
		conn_arm(conn, DROP_GRACE_S);
		return conn->state;
	case ASYNC_NEGOTIATE:
		conn_let_negotiate(conn, &async);
		return conn->state;
	default:
		if (conn_may_tell(conn))
			log_info("%s: asynchronous message %u ignored", conn->name, async.event);
		return conn->state;
	}
}

static enum conn_state conn_full_feature_pdu(struct conn *conn, const struct conn_input *in)
{
	struct pdu_header header;

	pdu_parse_header(in->bhs, &header);
	if (header.opcode == PDU_ASYNC)
		return conn_async(conn, in);
	if (header.opcode == PDU_TEXT_RESPONSE && conn->text_asked)
		return conn_text_response(conn, in);
	/*
	 * A response without a request should end the connection (7.10). But Linux takes it for a
	 * response to its login task, and then no login works any more. So keep the session.
	 */
	if (conn_may_tell(conn))
		log_warning("%s: the target sent PDU 0x%02x without a request; iscsid ignores it",
			    conn->name, header.opcode);
	return conn->state;
}

/* ---- T9, T10, T13, T17: logout ------------------------------------------------------------- */

static enum conn_state conn_closed(struct conn *conn, const struct conn_input *in)
{
	(void)in;
	conn_stop_kernel(conn);
	conn_report(conn, CONN_REPORT_CLOSED);
	return CONN_CLEANUP_WAIT;
}

static enum conn_state conn_send_logout(struct conn *conn, const struct conn_input *in)
{
	/* Immediate, so that a closed command window can't hold it. The kernel sets tag and SNs. */
	struct logout_request_pdu req = { 0 };
	uint8_t bhs[PDU_BHS_LEN];
	struct iscsi_why why;

	pdu_build_logout_request(&req, bhs);
	if (conn->env->kernel->ops->send_pdu(conn->env->kernel, conn->sid, bhs, NULL, 0, &why)) {
		log_warning("%s: the connection is closed without a Logout PDU: %s", conn->name,
			    why.text);
		return conn_closed(conn, in);
	}
	conn_arm(conn, conn->state == CONN_LOGOUT_REQUESTED ?
		       MIN(conn->logout_wait_s, conn->config->logout_timeout_s) :
		       conn->config->logout_timeout_s);
	/* After a Logout the kernel doesn't report that the target closes the connection. */
	conn->peer_closed = false;
	if (conn->fd >= 0)
		(void)conn_watch_fd(conn, EPOLLRDHUP);
	return CONN_IN_LOGOUT;						/* T9, T10 */
}

/* A target may close instead of answering, or right after an answer that is still under way. */
static enum conn_state conn_hung_up(struct conn *conn, const struct conn_input *in)
{
	(void)in;
	conn_unwatch_fd(conn);
	conn->peer_closed = true;
	conn_arm(conn, CLOSED_GRACE_S);
	return CONN_IN_LOGOUT;
}

static enum conn_state conn_logout_pdu(struct conn *conn, const struct conn_input *in)
{
	struct logout_response_pdu rsp;
	struct pdu_header header;
	struct iscsi_why why;

	pdu_parse_header(in->bhs, &header);
	if (header.opcode != PDU_LOGOUT_RESPONSE)
		return CONN_IN_LOGOUT;					/* T14 */
	if (pdu_parse_logout_response(in->bhs, &rsp, &why))
		log_warning("%s: %s", conn->name, why.text);
	else if (rsp.response)
		log_warning("%s: the target answered the logout with error %u; the connection is "
			    "closed anyway", conn->name, rsp.response);
	return conn_closed(conn, in);					/* T13 */
}

static enum conn_state conn_logout_timeout(struct conn *conn, const struct conn_input *in)
{
	if (conn->peer_closed)
		log_info("%s: the target closed the connection instead of answering the logout",
			 conn->name);
	else
		log_warning("%s: the target didn't answer the logout in time; the connection is "
			    "closed anyway", conn->name);
	return conn_closed(conn, in);					/* T17 */
}

/* The event is about an earlier connection that the kernel has stopped since. */
static enum conn_state conn_stale(struct conn *conn, const struct conn_input *in)
{
	(void)in;
	return conn->state;
}

/* ---- the table ------------------------------------------------------------------------------- */

static const struct transition {
	enum conn_state state;
	enum conn_event event;
	enum conn_state (*action)(struct conn *conn, const struct conn_input *in);
} transitions[] = {
	{ CONN_FREE,		  CONN_EV_START,     conn_connect },		/* T1 */
	{ CONN_FREE,		  CONN_EV_PDU,	     conn_stale },
	{ CONN_FREE,		  CONN_EV_LOST,	     conn_stale },
	{ CONN_FREE,		  CONN_EV_DROP,	     conn_stale },

	{ CONN_XPT_WAIT,	  CONN_EV_CONNECTED, conn_start_login },	/* T4, T2 */
	{ CONN_XPT_WAIT,	  CONN_EV_TIMEOUT,   conn_connect_timeout },	/* T2 */
	{ CONN_XPT_WAIT,	  CONN_EV_DROP,	     conn_drop_kernel },	/* T2 */
	{ CONN_XPT_WAIT,	  CONN_EV_PDU,	     conn_stale },
	{ CONN_XPT_WAIT,	  CONN_EV_LOST,	     conn_stale },

	{ CONN_IN_LOGIN,	  CONN_EV_PDU,	     conn_login_pdu },		/* T5, T7 */
	{ CONN_IN_LOGIN,	  CONN_EV_LOST,	     conn_login_lost },		/* T7 */
	{ CONN_IN_LOGIN,	  CONN_EV_TIMEOUT,   conn_login_timeout },	/* T7 */
	{ CONN_IN_LOGIN,	  CONN_EV_DROP,	     conn_drop_kernel },	/* T7 */

	{ CONN_LOGGED_IN,	  CONN_EV_PDU,	     conn_full_feature_pdu },	/* T11 */
	{ CONN_LOGGED_IN,	  CONN_EV_LOST,	     conn_lost },		/* T15 */
	{ CONN_LOGGED_IN,	  CONN_EV_TIMEOUT,   conn_drop_timeout },	/* T15 */
	{ CONN_LOGGED_IN,	  CONN_EV_LOGOUT,    conn_send_logout },	/* T9 */
	{ CONN_LOGGED_IN,	  CONN_EV_DROP,	     conn_drop_kernel },

	{ CONN_LOGOUT_REQUESTED,  CONN_EV_LOGOUT,    conn_send_logout },	/* T10 */
	{ CONN_LOGOUT_REQUESTED,  CONN_EV_PDU,	     conn_full_feature_pdu },	/* T12 */
	{ CONN_LOGOUT_REQUESTED,  CONN_EV_LOST,	     conn_lost },		/* T16 */
	{ CONN_LOGOUT_REQUESTED,  CONN_EV_TIMEOUT,   conn_drop_timeout },	/* T16 */
	{ CONN_LOGOUT_REQUESTED,  CONN_EV_DROP,	     conn_drop_kernel },

	{ CONN_IN_LOGOUT,	  CONN_EV_HUNG_UP,   conn_hung_up },
	{ CONN_IN_LOGOUT,	  CONN_EV_PDU,	     conn_logout_pdu },		/* T13, T14 */
	{ CONN_IN_LOGOUT,	  CONN_EV_LOST,	     conn_closed },	/* T13 */
	{ CONN_IN_LOGOUT,	  CONN_EV_TIMEOUT,   conn_logout_timeout },	/* T17 */
	{ CONN_IN_LOGOUT,	  CONN_EV_DROP,	     conn_drop_kernel },
	{ CONN_IN_LOGOUT,	  CONN_EV_LOGOUT,    conn_stale },

	{ CONN_CLEANUP_WAIT,	  CONN_EV_START,     conn_connect },
	{ CONN_CLEANUP_WAIT,	  CONN_EV_PDU,	     conn_stale },
	{ CONN_CLEANUP_WAIT,	  CONN_EV_LOST,	     conn_stale },
	{ CONN_CLEANUP_WAIT,	  CONN_EV_DROP,	     conn_stale },
	{ CONN_CLEANUP_WAIT,	  CONN_EV_LOGOUT,    conn_stale },
};

static void conn_set_state(struct conn *conn, enum conn_state state)
{
	if (state == conn->state)
		return;
	log_debug("%s: connection %s -> %s", conn->name, mgmt_conn_text(conn->state),
		  mgmt_conn_text(state));
	conn->state = state;
	switch (state) {
	case CONN_XPT_WAIT:	/* the timer armed by T1 runs on */
	case CONN_IN_LOGIN:	/* through connect and login */
	case CONN_IN_LOGOUT:	/* T9 and T10 have armed the timer */
		break;
	case CONN_FREE:
	case CONN_LOGGED_IN:
	case CONN_LOGOUT_REQUESTED:
	case CONN_CLEANUP_WAIT:
		timer_stop(conn->timer);
		break;
	}
}

/* How a pair that isn't in the table drops the connection: with the report that its session awaits. */
static enum conn_state (*const drops[])(struct conn *conn, const struct conn_input *in) = {
	[CONN_FREE] = conn_drop_kernel,		[CONN_CLEANUP_WAIT] = conn_drop_kernel,
	[CONN_XPT_WAIT] = conn_login_lost,	[CONN_IN_LOGIN] = conn_login_lost,
	[CONN_LOGGED_IN] = conn_lost,		[CONN_LOGOUT_REQUESTED] = conn_lost,
	[CONN_IN_LOGOUT] = conn_closed,
};

static void conn_handle(struct conn *conn, enum conn_event event, const struct conn_input *in)
{
	static const struct conn_input nothing, broken = { .error = KERNEL_ERR_CONN_FAILED };

	for (size_t i = 0; i < ARRAY_SIZE(transitions); i++) {
		const struct transition *t = &transitions[i];

		if (t->state == conn->state && t->event == event) {
			conn_set_state(conn, t->action(conn, in ? in : &nothing));
			return;
		}
	}
	log_warning("%s: event %d can't happen while %s; the connection is dropped", conn->name,
		    event, mgmt_conn_text(conn->state));
	conn_set_state(conn, drops[conn->state](conn, &broken));
}

/* ---- events ------------------------------------------------------------------------------------ */

static int conn_on_io(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	struct conn *conn = userdata;
	struct conn_input in = { 0 };

	(void)source;
	(void)revents;
	if (conn->state == CONN_XPT_WAIT)
		in.error = -tcp_connect(fd, &conn->peer);
	conn_handle(conn, conn->state == CONN_IN_LOGOUT ? CONN_EV_HUNG_UP : CONN_EV_CONNECTED,
		    &in);
	return 0;
}

static void conn_on_timer(void *arg)
{
	conn_handle(arg, CONN_EV_TIMEOUT, NULL);
}

void conn_start(struct conn *conn, const struct sockaddr_storage *peer, bool security_first)
{
	if (peer->ss_family != conn->peer.ss_family)
		conn_close_fd(conn);
	conn->peer = *peer;
	conn->security_first = security_first;
	conn_handle(conn, CONN_EV_START, NULL);
}

void conn_logout(struct conn *conn)
{
	conn_handle(conn, CONN_EV_LOGOUT, NULL);
}

void conn_drop(struct conn *conn)
{
	conn_handle(conn, CONN_EV_DROP, NULL);
	conn->reports_len = 0;		/* the session has no use for reports from before */
}

void conn_forget(struct conn *conn)
{
	conn_drop(conn);
	conn->sid = 0;
	conn->created = false;
	conn_set_state(conn, CONN_FREE);
}

void conn_kernel_pdu(struct conn *conn, const uint8_t *bhs, const uint8_t *data, size_t len)
{
	struct conn_input in = { .bhs = bhs, .data = data, .data_len = len };

	conn_handle(conn, CONN_EV_PDU, &in);
}

void conn_kernel_error(struct conn *conn, int error)
{
	struct conn_input in = { .error = error };

	conn_handle(conn, CONN_EV_LOST, &in);
}

void conn_adopt(struct conn *conn, uint32_t sid, int host_no, enum conn_state state,
		const uint8_t isid[PDU_ISID_LEN])
{
	static const uint8_t unknown[PDU_ISID_LEN];

	conn->sid = sid;
	conn->host_no = host_no;
	conn->created = true;
	if (memcmp(isid, unknown, PDU_ISID_LEN) == 0)
		conn_params_isid(sid, conn->isid);
	else
		memcpy(conn->isid, isid, PDU_ISID_LEN);
	conn_set_state(conn, state);
	if (state != CONN_LOGGED_IN)
		conn_stop_kernel(conn);
}

struct conn *conn_new(const struct conn_env *env, const struct session_config *config,
		      const char *name, const struct conn_owner *owner)
{
	struct conn *conn = calloc(1, sizeof(*conn));

	if (!conn)
		return NULL;
	conn->env = env;
	conn->config = config;
	conn->name = name;
	conn->owner = *owner;
	conn->fd = -1;
	conn->drop_wait_s = -1;
	conn->login = login_new();
	conn->timer = timer_new(env->clock, conn_on_timer, conn);
	if (!conn->login || !conn->timer ||
	    sd_event_add_defer(env->loop, &conn->deferred, conn_on_reports, conn) < 0)
		return conn_free(conn);
	return conn;
}

struct conn *conn_free(struct conn *conn)
{
	if (!conn)
		return NULL;
	sd_event_source_disable_unref(conn->io);
	timer_free(conn->timer);
	sd_event_source_disable_unref(conn->deferred);
	closep(&conn->fd);
	login_free(conn->login);
	free(conn);
	return NULL;
}
