/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A discovery session, see discovery.h. It waits for one PDU at a time. A target that sends a PDU
 * byte by byte doesn't put off the deadline of that PDU.
 */
#include "iscsid/discovery.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>

#include "iscsid/base/bytes.h"
#include "iscsid/base/log.h"
#include "iscsid/base/pdu_stream.h"
#include "iscsid/credentials.h"
#include "iscsid/isns.h"
#include "iscsid/protocol/login.h"
#include "iscsid/protocol/sendtargets.h"
#include "iscsid/route.h"
#include "iscsid/session_config.h"
#include "libiscsi-db/util.h"

#define FIRST_CMD_SN		1
#define RETRY_PAUSE_MS		1000
#define LOGOUT_WAIT_MS		1000	/* then the socket is closed without an answer */
#define RECV_MAX		(1 << 20)	/* bytes of data in one PDU */
#define AUTH			"discovery.sendtargets.auth."
#define EMPTY_PARTS_MAX		64	/* more empty parts count as an answer without an end */

enum discovery_state {
	DISCOVERY_LOOKUP,
	DISCOVERY_PAUSE,	/* before the next attempt */
	DISCOVERY_CONNECT,
	DISCOVERY_LOGIN,
	DISCOVERY_TEXT,		/* SendTargets is sent, the answer is not complete */
	DISCOVERY_LOGOUT,	/* the list is complete */
	DISCOVERY_DONE,
};

struct discovery {
	struct discovery *next;		/* belongs to the owner */
	struct discovery_env env;
	struct discovery_owner owner;
	struct isns *isns;		/* does all the work if the record names an iSNS server */
	struct iscsi_db_record *rec;	/* owned; the strings of login_config point into it */
	char initiator[ISCSI_NAME_MAX + 1];
	char alias[ISCSI_VALUE_MAX + 1];
	struct tcp_source source;
	const char *address;
	int port;

	enum discovery_state state;
	sd_event_source *start;
	struct timer *timer;
	struct route route;
	struct pdu_stream stream;
	int attempts_left;
	uint64_t attempt_ends_us;	/* the end of the login, redirections included */
	char name[ISCSI_ADDRESS_MAX + 32];	/* for the log */
	char peer_address[INET6_ADDRSTRLEN + 1 + IF_NAMESIZE];	/* after a redirection */
	int peer_port;
	struct login *login;
	struct login_config login_config;
	struct login_pdu request;	/* built by the login engine */
	struct sendtargets *targets;	/* one parser for each login */
	uint64_t answer_ends_us;	/* the deadline of all parts of the answer */
	unsigned int empty_parts;
	bool streaming;			/* a target was passed on, so no new attempt may begin */
	uint32_t itt, cmd_sn, max_cmd_sn, exp_stat_sn, max_recv;
	struct text_request_pdu ask;	/* the last request, or the next one if ask_waits */
	const char *ask_text;
	bool ask_waits;			/* for the command window */
};

/* ---- ends of an attempt ---------------------------------------------------------------------- */

/* Waits for @timeout_s, but not past @ends_us. */
static void discovery_arm_until(struct discovery *d, int timeout_s, uint64_t ends_us)
{
	uint64_t now = clock_now_us(d->env.clock), left = MAX(ends_us, now) - now;

	timer_arm_ms(d->timer, MIN((uint64_t)timeout_s * 1000, left / 1000 + 1));
}

/* A time-out of the record in seconds; @which is "login", "auth" or "active". */
static int discovery_timeout_s(const struct discovery *d, const char *which)
{
	char key[64];

	(void)snprintf(key, sizeof(key), "discovery.sendtargets.timeo.%s_timeout", which);
	return iscsi_db_record_get_int(d->rec, key);
}

static void discovery_end(struct discovery *d, enum iscsi_err err, const struct iscsi_why *why)
{
	pdu_stream_close(&d->stream);
	timer_stop(d->timer);
	d->state = DISCOVERY_DONE;
	d->owner.on_done(d->owner.arg, err, why);
}

/* No address is left in this attempt: begins another attempt, or ends the discovery. */
static void discovery_attempt_failed(struct discovery *d, enum iscsi_err err,
				     const struct iscsi_why *reason)
{
	struct iscsi_why why = *reason, all;

	if (route_silence_refuses(&d->route, &err, &why)) {
		discovery_end(d, iscsi_fail(&all, err, "discovery login to %s rejected: %s",
					    d->address, why.text), &all);
		return;
	}
	if (d->streaming) {	/* a second list would repeat the targets passed on */
		discovery_end(d, iscsi_fail(&all, ISCSI_ERR_PDU_TIMEOUT,
					    "%s, in the middle of the list", why.text), &all);
		return;
	}
	if (d->attempts_left-- > 0) {
		log_info("%s: %s; iscsid tries again", d->name, why.text);
		d->state = DISCOVERY_PAUSE;
		timer_arm_ms(d->timer, RETRY_PAUSE_MS);
		return;
	}
	discovery_end(d, iscsi_fail(&all, ISCSI_ERR_PDU_TIMEOUT,
				    "%s; connection login retries (reopen_max) %d exceeded",
				    why.text,
				    iscsi_db_record_get_int(d->rec, "discovery.sendtargets.reopen_max")),
		      &all);
}

static int discovery_on_io(sd_event_source *source, int fd, uint32_t revents, void *userdata);

static enum iscsi_err discovery_connect_error(const struct discovery *d, const char *cause,
					      struct iscsi_why *why)
{
	return iscsi_fail(why, ISCSI_ERR_TRANS, "cannot make connection to %s: %s", d->address,
			  cause);
}

/* Does the next step of the route. @err and @why are those of the last try, for a route's end. */
static void discovery_follow(struct discovery *d, enum route_step step, enum iscsi_err err,
			     struct iscsi_why *why)
{
	pdu_stream_close(&d->stream);
	while (step == ROUTE_CONNECT) {
		struct iscsi_why cause;
		enum iscsi_err refusal = pdu_stream_connect(&d->stream, d->env.loop,
							    &d->route.peer, &d->source,
							    discovery_on_io, d, &cause);

		if (!refusal) {
			d->state = DISCOVERY_CONNECT;
			discovery_arm_until(d, discovery_timeout_s(d, "login"),
					    d->attempt_ends_us);
			return;
		}
		err = discovery_connect_error(d, cause.text, why);
		if (refusal == ISCSI_ERR_TRANS) {	/* no attempt would go better */
			discovery_end(d, err, why);
			return;
		}
		step = route_next(&d->route, why);
	}
	switch (step) {
	case ROUTE_CONNECT:
	case ROUTE_LOOKUP:
		d->state = DISCOVERY_LOOKUP;
		discovery_arm_until(d, discovery_timeout_s(d, "login"), d->attempt_ends_us);
		break;
	case ROUTE_UNKNOWN:
		discovery_end(d, ISCSI_ERR_TRANS, why);
		break;
	case ROUTE_END:
		discovery_attempt_failed(d, err, why);
		break;
	}
}

static void discovery_on_route_step(void *arg, enum route_step step, const struct iscsi_why *why)
{
	struct iscsi_why reason = *why;

	discovery_follow(arg, step, ISCSI_ERR_LOGIN, &reason);
}

/* The peer has failed, so goes to the next address that a redirection named. */
static void discovery_again(struct discovery *d, enum iscsi_err err, struct iscsi_why *why)
{
	discovery_follow(d, route_next(&d->route, why), err, why);
}

static void discovery_io_error(struct discovery *d, int error)
{
	enum iscsi_err err = ISCSI_ERR_PDU_TIMEOUT;
	struct iscsi_why why;

	if (d->state == DISCOVERY_LOGOUT) {		/* the list is complete already */
		discovery_end(d, ISCSI_SUCCESS, NULL);
		return;
	}
	if (d->state == DISCOVERY_CONNECT)
		err = discovery_connect_error(d, strerror(error), &why);
	else
		(void)iscsi_fail(&why, err, "%s I/O error: %s",
				 d->state == DISCOVERY_LOGIN ? "Login" : "Text",
				 error == ESHUTDOWN ? "the target closed the connection" :
						      strerror(error));
	discovery_again(d, err, &why);
}

/* ---- sending ----------------------------------------------------------------------------------- */

static void discovery_send(struct discovery *d, const uint8_t *bhs, const uint8_t *data,
			   size_t len)
{
	int r = pdu_stream_send(&d->stream, bhs, data, len);

	if (r < 0)
		discovery_io_error(d, -r);
}

/* @which names the time-out of the answer. */
static void discovery_send_login(struct discovery *d, const char *which)
{
	discovery_arm_until(d, discovery_timeout_s(d, which), d->attempt_ends_us);
	discovery_send(d, d->request.bhs, d->request.data, d->request.data_len);
}

/* If the command window is closed, the request waits until a PDU opens it (4.2.2.1). */
static void discovery_ask(struct discovery *d)
{
	uint8_t bhs[PDU_BHS_LEN];

	d->ask_waits = (int32_t)(d->cmd_sn - d->max_cmd_sn) > 0;
	if (d->ask_waits)
		return;
	d->ask.cmd_sn = d->cmd_sn++;
	d->ask.exp_stat_sn = d->exp_stat_sn;
	pdu_build_text_request(&d->ask, bhs);
	discovery_send(d, bhs, (const uint8_t *)d->ask_text, d->ask.data_len);
}

static void discovery_send_text(struct discovery *d, const char *text, size_t len,
				const struct text_response_pdu *part)
{
	d->ask = (struct text_request_pdu){
		.itt = d->itt, .ttt = PDU_RESERVED_TAG, .data_len = (uint32_t)len,
	};
	d->ask_text = text;
	if (part) {		/* asks for more with the response's tag and LUN (11.10.4) */
		d->ask.ttt = part->ttt;
		memcpy(d->ask.lun, part->lun, sizeof(d->ask.lun));
	}
	d->state = DISCOVERY_TEXT;
	discovery_arm_until(d, discovery_timeout_s(d, "active"), d->answer_ends_us);
	discovery_ask(d);
}

/* Opens the command window as far as a response says. Values against RFC 7143 are ignored. */
static void discovery_take_window(struct discovery *d, uint32_t exp_cmd_sn, uint32_t max_cmd_sn)
{
	if ((int32_t)(max_cmd_sn - (exp_cmd_sn - 1)) >= 0 &&
	    (int32_t)(max_cmd_sn - d->max_cmd_sn) > 0)
		d->max_cmd_sn = max_cmd_sn;
}

/* Sets the first window. If the target expects another CmdSN, its window is not respected. */
static void discovery_begin_window(struct discovery *d, uint32_t exp_cmd_sn, uint32_t max_cmd_sn)
{
	d->cmd_sn = FIRST_CMD_SN;
	d->max_cmd_sn = exp_cmd_sn == d->cmd_sn ? d->cmd_sn - 1 : d->cmd_sn + INT32_MAX;
	discovery_take_window(d, exp_cmd_sn, max_cmd_sn);
}

static void discovery_send_logout(struct discovery *d)
{
	struct logout_request_pdu req = {
		.itt = d->itt + 1, .cmd_sn = d->cmd_sn, .exp_stat_sn = d->exp_stat_sn,
	};
	uint8_t bhs[PDU_BHS_LEN];

	pdu_build_logout_request(&req, bhs);
	d->state = DISCOVERY_LOGOUT;
	timer_arm_ms(d->timer, LOGOUT_WAIT_MS);
	discovery_send(d, bhs, NULL, 0);
}

/* ---- receiving ------------------------------------------------------------------------------ */

static void discovery_text_error(struct discovery *d, const char *what)
{
	struct iscsi_why why;

	discovery_end(d, iscsi_fail(&why, ISCSI_ERR_PDU_TIMEOUT, "%s,%d: %s", d->address, d->port,
				    what), &why);
}

static enum iscsi_err discovery_on_portal(void *arg, const struct sendtargets_portal *portal)
{
	struct discovery *d = arg;

	d->streaming = true;
	d->owner.on_target(d->owner.arg, portal->name, portal->address, portal->port, portal->tpgt);
	return ISCSI_SUCCESS;
}

static void discovery_warn(void *arg, const char *text)
{
	struct discovery *d = arg;

	if (!d->owner.repeated)
		log_warning("%s: %s", d->name, text);
	d->owner.on_warning(d->owner.arg, text);
}

static bool discovery_peer_text(struct discovery *d)
{
	char port[sizeof("65535")];

	if (getnameinfo((const struct sockaddr *)&d->route.peer, sizeof(d->route.peer),
			d->peer_address, sizeof(d->peer_address), port, sizeof(port),
			NI_NUMERICHOST | NI_NUMERICSERV))
		return false;
	d->peer_port = atoi(port);
	return true;
}

static void discovery_logged_in(struct discovery *d, const struct login_response_pdu *response)
{
	static const char ask[] = "SendTargets=All";	/* sent with its NUL */
	struct sendtargets_config config = {
		.address = d->address, .port = d->port,
		.from = addr_kind_of((const struct sockaddr *)&d->route.peer),
		.portal = discovery_on_portal, .warn = discovery_warn, .arg = d,
		.random = d->env.random,
	};

	/* A target without an address has the address of the answer (appendix C). */
	if (d->route.redirects && discovery_peer_text(d)) {
		config.address = d->peer_address;
		config.port = d->peer_port;
	}
	sendtargets_free(d->targets);
	d->targets = sendtargets_new(&config);
	if (!d->targets) {
		discovery_text_error(d, "no memory");
		return;
	}
	route_arrived(&d->route);
	if (login_outcome(d->login)->auth_skipped)
		discovery_warn(d, "a password is set, but the target asked for none");
	d->exp_stat_sn = login_outcome(d->login)->exp_stat_sn;
	discovery_begin_window(d, response->exp_cmd_sn, response->max_cmd_sn);
	d->itt = 1;
	d->empty_parts = 0;
	/* The first part may take active_timeout, and all other parts together another one. */
	d->answer_ends_us = clock_now_us(d->env.clock) +
			    2 * (uint64_t)discovery_timeout_s(d, "active") * 1000000;
	discovery_send_text(d, ask, sizeof(ask), NULL);
}

static void discovery_login_pdu(struct discovery *d, const uint8_t *bhs, const uint8_t *data,
				size_t len)
{
	struct login_response_pdu response;
	struct iscsi_why why, full;
	enum iscsi_err err;

	if (pdu_parse_login_response(bhs, &response, &why)) {
		discovery_end(d, iscsi_fail(&full, ISCSI_ERR_FATAL_LOGIN, "%s,%d is not an iSCSI "
					    "target: %s", d->address, d->port, why.text), &full);
		return;
	}
	switch (login_step(d->login, bhs, data, len, &d->request, &err, &why)) {
	case LOGIN_SEND:	/* with CHAP, a target may have to ask an authentication server */
		discovery_send_login(d, chap_wanted(&d->login_config.chap) ? "auth" : "active");
		return;
	case LOGIN_DONE:
		discovery_logged_in(d, &response);
		return;
	case LOGIN_MOVED:
		discovery_follow(d, route_moved(&d->route, &why), ISCSI_ERR_LOGIN, &why);
		return;
	case LOGIN_AGAIN:
		discovery_follow(d, route_insisted(&d->route), err, &why);
		return;
	case LOGIN_FAILED:
		break;
	}
	if (login_outcome(d->login)->retry) {
		discovery_again(d, ISCSI_ERR_LOGIN, &why);
		return;
	}
	discovery_end(d, iscsi_fail(&full, err, "discovery login to %s rejected: %s", d->address,
				    why.text), &full);
}

static void discovery_text_pdu(struct discovery *d, const uint8_t *bhs, const uint8_t *data,
			       size_t len)
{
	struct text_response_pdu part;
	struct iscsi_why why;

	if (pdu_parse_text_response(bhs, &part, &why)) {
		discovery_text_error(d, why.text);
		return;
	}
	if (part.itt != d->itt || d->ask_waits) {
		discovery_text_error(d, "the target sent a Text Response without a request");
		return;
	}
	d->exp_stat_sn = part.stat_sn + 1;
	discovery_take_window(d, part.exp_cmd_sn, part.max_cmd_sn);
	if (sendtargets_feed(d->targets, data, len, &why)) {
		discovery_text_error(d, why.text);
		return;
	}
	/* The F bit alone tells whether more follows; the C bit may be missing (11.11.1). */
	if (!part.final && part.ttt != PDU_RESERVED_TAG) {
		if ((!len && ++d->empty_parts > EMPTY_PARTS_MAX) ||
		    clock_now_us(d->env.clock) >= d->answer_ends_us)
			discovery_text_error(d, "the answer has no end");
		else
			discovery_send_text(d, NULL, 0, &part);
		return;
	}
	if (sendtargets_finish(d->targets, &why))
		discovery_text_error(d, why.text);
	else
		discovery_send_logout(d);
}

/* A NOP-In pings us or opens the command window; it may come at any time (11.18). */
static void discovery_nop_in(struct discovery *d, const uint8_t *bhs)
{
	struct nop_out_pdu pong = { 0 };
	uint8_t out[PDU_BHS_LEN];
	struct nop_in_pdu ping;

	pdu_parse_nop_in(bhs, &ping);
	discovery_take_window(d, ping.exp_cmd_sn, ping.max_cmd_sn);
	if (d->ask_waits)
		discovery_ask(d);
	if (ping.ttt == PDU_RESERVED_TAG || d->state != DISCOVERY_TEXT)
		return;
	memcpy(pong.lun, ping.lun, sizeof(pong.lun));
	pong.ttt = ping.ttt;
	pong.cmd_sn = d->cmd_sn;
	pong.exp_stat_sn = d->exp_stat_sn;
	pdu_build_nop_out(&pong, out);
	discovery_send(d, out, NULL, 0);
}

static void discovery_pdu(struct discovery *d, const struct pdu_header *header)
{
	const uint8_t *bhs = d->stream.in, *data = bhs + PDU_BHS_LEN;

	switch (d->state) {
	case DISCOVERY_LOGIN:
		discovery_login_pdu(d, bhs, data, header->data_len);
		break;
	case DISCOVERY_TEXT:
		if (header->opcode == PDU_NOP_IN)
			discovery_nop_in(d, bhs);
		else if (header->opcode == PDU_REJECT)
			discovery_text_error(d, "the target rejected SendTargets");
		else
			discovery_text_pdu(d, bhs, data, header->data_len);
		break;
	case DISCOVERY_LOGOUT:
		if (header->opcode == PDU_LOGOUT_RESPONSE)
			discovery_end(d, ISCSI_SUCCESS, NULL);
		break;
	case DISCOVERY_LOOKUP:
	case DISCOVERY_PAUSE:
	case DISCOVERY_CONNECT:
	case DISCOVERY_DONE:
		break;
	}
}

/* Reads one PDU. The event is level-triggered, so it comes again if bytes are left. */
static void discovery_read(struct discovery *d)
{
	uint32_t max = d->state == DISCOVERY_LOGIN ? PDU_LOGIN_DATA_MAX : d->max_recv;
	struct pdu_header header;
	int r = pdu_stream_read(&d->stream, max, &header);

	if (r > 0)
		discovery_pdu(d, &header);
	else if (r == -EMSGSIZE && d->state != DISCOVERY_LOGOUT)
		discovery_text_error(d, "not an iSCSI target: a PDU of no legal length");
	else if (r < 0)
		discovery_io_error(d, -r);
}

/* ---- attempts ----------------------------------------------------------------------------------------- */

static void discovery_connected(struct discovery *d)
{
	enum iscsi_err err;
	struct iscsi_why why;
	int error = tcp_error(d->stream.fd);

	if (error) {
		discovery_io_error(d, error);
		return;
	}
	d->state = DISCOVERY_LOGIN;
	d->login_config.security_first = d->route.security_first;
	if (login_start(d->login, &d->login_config, &d->request, &err, &why) != LOGIN_SEND) {
		discovery_end(d, err, &why);
		return;
	}
	discovery_send_login(d, "active");
}

static int discovery_on_io(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	struct discovery *d = userdata;

	(void)source;
	(void)fd;
	if (d->state == DISCOVERY_CONNECT) {
		discovery_connected(d);
		return 0;
	}
	if (revents & EPOLLOUT) {
		int r = pdu_stream_flush(&d->stream);

		if (r < 0) {
			discovery_io_error(d, -r);
			return 0;
		}
	}
	if (revents & (EPOLLIN | EPOLLHUP | EPOLLERR))
		discovery_read(d);
	return 0;
}

/* The time limit of a login includes all its redirections, so it begins here. */
static void discovery_attempt(struct discovery *d)
{
	int limit_s = discovery_timeout_s(d, "login") + discovery_timeout_s(d, "auth") +
		      discovery_timeout_s(d, "active");
	struct iscsi_why why;

	d->attempt_ends_us = clock_now_us(d->env.clock) + (uint64_t)limit_s * 1000000;
	discovery_follow(d, route_begin(&d->route, d->attempt_ends_us, d->owner.repeated, &why),
			 ISCSI_ERR_TRANS, &why);
}

static void discovery_on_timer(void *arg)
{
	struct discovery *d = arg;
	struct iscsi_why why;

	switch (d->state) {
	case DISCOVERY_PAUSE:
		discovery_attempt(d);
		break;
	case DISCOVERY_CONNECT:
		discovery_again(d, iscsi_fail(&why, ISCSI_ERR_TRANS_TIMEOUT, "connect to %s timed out",
					      d->address), &why);
		break;
	case DISCOVERY_LOGIN:
		if (d->stream.in_len || d->route.insisted) {
			discovery_again(d, iscsi_fail(&why, ISCSI_ERR_PDU_TIMEOUT,
						      "Login response timeout"), &why);
			break;
		}
		/* The peer isn't an iSCSI target, so another attempt is of no use. */
		discovery_end(d, iscsi_fail(&why, ISCSI_ERR_FATAL_LOGIN, "Login response timeout. "
					    "%s,%d accepted the connection, but didn't answer",
					    d->address, d->port), &why);
		break;
	case DISCOVERY_TEXT:
		if (clock_now_us(d->env.clock) >= d->answer_ends_us) {
			discovery_text_error(d, "the answer has no end");
			break;
		}
		discovery_again(d, iscsi_fail(&why, ISCSI_ERR_PDU_TIMEOUT,
					      "no answer to SendTargets"), &why);
		break;
	case DISCOVERY_LOGOUT:
		discovery_io_error(d, ETIMEDOUT);
		break;
	case DISCOVERY_LOOKUP:
		route_expire(&d->route);
		break;
	case DISCOVERY_DONE:
		break;
	}
}

/* The loop begins the work, so that on_done() never comes before discovery_start() returns. */
static int discovery_on_start(sd_event_source *source, void *userdata)
{
	(void)source;
	discovery_attempt(userdata);
	return 0;
}

/* ---- making and freeing --------------------------------------------------------------------------------- */

static enum iscsi_err discovery_configure(struct discovery *d, const struct iscsi_db_record *iface,
					  const struct iscsi_db_initiator *initiator,
					  struct iscsi_why *why)
{
	struct login_config *c = &d->login_config;
	uint32_t random = 0;
	enum iscsi_err err;

	d->address = iscsi_db_record_get(d->rec, "discovery.sendtargets.address");
	d->port = iscsi_db_record_get_int(d->rec, "discovery.sendtargets.port");
	d->attempts_left = iscsi_db_record_get_int(d->rec, "discovery.sendtargets.reopen_max");
	d->max_recv = (uint32_t)iscsi_db_record_get_int(d->rec,
				"discovery.sendtargets.iscsi.MaxRecvDataSegmentLength");
	d->max_recv = MIN(d->max_recv, (uint32_t)RECV_MAX) & ~3u;
	err = iscsi_db_check_address(d->address, why) ?: credentials_check(d->rec, why);
	if (!err && iface)
		err = session_config_source(iface, d->env.sysfs, &d->source, why);
	if (err)
		return err;
	(void)snprintf(d->name, sizeof(d->name), "discovery %s,%d", d->address, d->port);
	(void)snprintf(d->alias, sizeof(d->alias), "%s", initiator->alias);

	*c = (struct login_config){
		.discovery = true,
		.initiator_name = d->initiator, .initiator_alias = d->alias,
		.tpgt = ISCSI_TPGT_UNKNOWN, .cmd_sn = FIRST_CMD_SN,
		.chap = {
			.username = iscsi_db_record_get(d->rec, AUTH "username"),
			.password = iscsi_db_record_get(d->rec, AUTH "password"),
			.username_in = iscsi_db_record_get(d->rec, AUTH "username_in"),
			.password_in = iscsi_db_record_get(d->rec, AUTH "password_in"),
		},
		.offer = negotiate_rfc_defaults,
		.random = d->env.random,
	};
	c->offer.max_recv_data_segment_length = d->max_recv;
	c->chap.issued = d->env.issued;
	session_config_chap_algs(iscsi_db_record_get(d->rec, "node.session.auth.chap_algs"),
				 &c->chap);
	/* The ISID must differ from a session's (which is a sid) and from another discovery's. */
	(void)d->env.random(&random, sizeof(random));
	c->isid[1] = 0x02;
	c->isid[2] = 0x3d;
	put_be24(c->isid + 3, 0x800000 | (random & 0x7fffff));
	return ISCSI_SUCCESS;
}

enum iscsi_err discovery_start(const struct discovery_env *env, const struct iscsi_db_record *rec,
			       const struct iscsi_db_record *iface,
			       const struct iscsi_db_initiator *initiator,
			       const struct discovery_owner *owner, struct discovery **ret,
			       struct iscsi_why *why)
{
	const char *own_name = iface ? iscsi_db_record_get(iface, "iface.initiatorname") : "";
	struct discovery *d = calloc(1, sizeof(*d));
	enum iscsi_err err;
	int r = 0;

	if (!d)
		return iscsi_fail(why, ISCSI_ERR_NOMEM, "no memory");
	(void)snprintf(d->initiator, sizeof(d->initiator), "%s",
		       *own_name ? own_name : initiator->name);
	d->env = *env;
	d->owner = *owner;
	d->stream.fd = -1;
	if (iscsi_db_record_kind(rec) == ISCSI_DB_ISNS) {
		err = isns_start(env, rec, d->initiator, owner, &d->isns, why);
		goto out;
	}
	err = iscsi_db_record_copy(rec, &d->rec) ?:
	      discovery_configure(d, iface, initiator, why);
	if (!err) {
		d->login = login_new();
		d->timer = timer_new(env->clock, discovery_on_timer, d);
		r = d->login && d->timer ?
		    pdu_stream_init(&d->stream, MAX(d->max_recv, PDU_LOGIN_DATA_MAX)) : -ENOMEM;
		if (r >= 0)
			r = sd_event_add_defer(env->loop, &d->start, discovery_on_start, d);
		if (r < 0)
			err = iscsi_fail(why, ISCSI_ERR_NOMEM, "%s", strerror(-r));
		d->route = (struct route){
			.clock = env->clock, .resolver = env->resolver, .name = d->name,
			.address = d->address, .port = d->port,
			.redirects_max = (unsigned int)iscsi_db_record_get_int(
				d->rec, "discovery.sendtargets.login_redirect_max"),
			.outcome = d->login ? login_outcome(d->login) : NULL,
			.on_step = discovery_on_route_step, .arg = d,
		};
	}
out:
	if (err) {
		discovery_free(d);
		return err;
	}
	*ret = d;
	return ISCSI_SUCCESS;
}

struct discovery **discovery_next(struct discovery *d)
{
	return &d->next;
}

void discovery_silence(struct discovery *d)
{
	d->state = DISCOVERY_DONE;
	isns_silence(d->isns);
	route_cancel(&d->route);
	d->start = sd_event_source_disable_unref(d->start);
	d->timer = timer_free(d->timer);
	pdu_stream_close(&d->stream);
}

struct discovery *discovery_free(struct discovery *d)
{
	if (!d)
		return NULL;
	discovery_silence(d);
	isns_free(d->isns);
	login_free(d->login);
	sendtargets_free(d->targets);
	iscsi_db_record_free(d->rec);
	pdu_stream_done(&d->stream);
	free(d);
	return NULL;
}
