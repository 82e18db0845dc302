/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A discovery session, see discovery.h. One PDU is awaited at a time, each with a deadline that
 * bytes trickling in don't put off.
 */
#include "iscsid/discovery.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "iscsid/base/addr_kind.h"
#include "iscsid/base/bytes.h"
#include "iscsid/base/log.h"
#include "iscsid/base/tcp.h"
#include "iscsid/credentials.h"
#include "iscsid/isns.h"
#include "iscsid/protocol/login.h"
#include "iscsid/protocol/sendtargets.h"
#include "iscsid/session_config.h"
#include "libiscsi-db/util.h"

#define FIRST_CMD_SN		1
#define RETRY_PAUSE_MS		1000
#define LOGOUT_WAIT_MS		1000	/* a target that doesn't answer costs no more */
#define REDIRECTS_MAX		8
#define EMPTY_PARTS_MAX		64	/* of an answer that never ends */
#define ANSWER_MAX_US		600000000	/* for all parts of it */

enum discovery_state {
	DISCOVERY_LOOKUP,
	DISCOVERY_PAUSE,	/* before the next attempt */
	DISCOVERY_CONNECT,
	DISCOVERY_LOGIN,
	DISCOVERY_TEXT,		/* SendTargets is out, its answer awaited */
	DISCOVERY_LOGOUT,	/* the list is complete */
	DISCOVERY_DONE,
};

struct discovery {
	struct discovery_env env;
	struct discovery_owner owner;
	struct isns *isns;		/* does all the work, for the record of an iSNS server */
	struct iscsi_db_record *rec;	/* ours; login's strings point into it */
	char initiator[ISCSI_NAME_MAX + 1];
	char alias[ISCSI_VALUE_MAX + 1];
	char netdev[IF_NAMESIZE];
	const char *address;
	int port;

	enum discovery_state state;
	struct lookup *lookup;
	sd_event_source *io;
	struct timer *timer;
	int fd;
	int attempts_left;
	uint64_t attempt_ends_us;	/* its login must be done by then, wherever it leads */
	bool insisted;			/* the target has just asked for the security stage */
	unsigned int redirects;		/* addresses gone to in the attempt under way */
	unsigned int empty_parts;
	size_t moved_at;		/* the next of the addresses that a redirection named */
	bool security;			/* the security stage may take longer: auth_timeout */
	struct sockaddr_storage portal, peer;
	char peer_address[INET6_ADDRSTRLEN + 1 + IF_NAMESIZE];	/* after a redirection */
	int peer_port;
	struct login *login;
	struct login_config login_config;
	struct sendtargets *targets;	/* made anew for each login */
	uint64_t asked_us;		/* when SendTargets went out */
	bool streaming;			/* a target was passed on: too late to begin again */
	uint32_t itt, cmd_sn, max_cmd_sn, exp_stat_sn, max_recv;
	struct text_request_pdu ask;	/* the last, or one that waits for the command window */
	const char *ask_text;
	bool ask_waits;

	struct login_pdu request;	/* built, then sent from @out */
	uint8_t out[PDU_BHS_LEN + PDU_LOGIN_DATA_MAX + 4];
	size_t out_len, out_pos;
	uint8_t *in;			/* one PDU, header and padded data */
	size_t in_len;
};

static int discovery_on_io(sd_event_source *source, int fd, uint32_t revents, void *userdata);
static void discovery_connect(struct discovery *d, const struct sockaddr_storage *peer);
static bool discovery_try_moved(struct discovery *d);

/* ---- ends of an attempt ---------------------------------------------------------------------- */

static void discovery_arm(struct discovery *d, uint64_t ms)
{
	timer_arm_ms(d->timer, ms);
}

static uint64_t discovery_now_us(const struct discovery *d)
{
	return clock_now_us(d->env.clock);
}

/* A wait that is part of an attempt to log in. */
static void discovery_arm_login(struct discovery *d, int timeout_s)
{
	uint64_t now = discovery_now_us(d), left = d->attempt_ends_us - now;

	if (d->attempt_ends_us < now)
		left = 0;
	discovery_arm(d, MIN((uint64_t)timeout_s * 1000, left / 1000 + 1));
}

/* A time-out of the record, "login" say, in seconds; none is shorter than one. */
static int discovery_timeout_s(const struct discovery *d, const char *which)
{
	char key[64];

	(void)snprintf(key, sizeof(key), "discovery.sendtargets.timeo.%s_timeout", which);
	return MAX(iscsi_db_record_get_int(d->rec, key), 1);
}

static void discovery_hang_up(struct discovery *d)
{
	d->io = sd_event_source_disable_unref(d->io);
	closep(&d->fd);
	d->in_len = d->out_len = d->out_pos = 0;
	d->ask_waits = false;
}

static void discovery_end(struct discovery *d, enum iscsi_err err, const struct iscsi_why *why)
{
	discovery_hang_up(d);
	timer_stop(d->timer);
	d->state = DISCOVERY_DONE;
	d->owner.on_done(d->owner.arg, err, why);
}

static void discovery_again(struct discovery *d, const struct iscsi_why *why)
{
	struct iscsi_why all;

	discovery_hang_up(d);
	if (discovery_try_moved(d))
		return;
	if (d->insisted) {	/* and has nothing to say to a login that has it */
		discovery_end(d, iscsi_fail(&all, ISCSI_ERR_LOGIN_AUTH_FAILED,
					    "discovery login to %s rejected: authentication failure "
					    "(02/01); and with the security stage: %s", d->address,
					    why->text), &all);
		return;
	}
	if (d->streaming) {	/* a second list would repeat what was passed on */
		discovery_end(d, iscsi_fail(&all, ISCSI_ERR_PDU_TIMEOUT,
					    "%s, in the middle of the list", why->text), &all);
		return;
	}
	if (d->attempts_left-- > 0) {
		log_info("discovery %s,%d: %s; trying again", d->address, d->port, why->text);
		d->state = DISCOVERY_PAUSE;
		discovery_arm(d, RETRY_PAUSE_MS);
		return;
	}
	discovery_end(d, iscsi_fail(&all, ISCSI_ERR_PDU_TIMEOUT,
				    "%s; connection login retries (reopen_max) %d exceeded",
				    why->text,
				    iscsi_db_record_get_int(d->rec, "discovery.sendtargets.reopen_max")),
		      &all);
}

static void discovery_io_error(struct discovery *d, int error)
{
	struct iscsi_why why;

	if (d->state == DISCOVERY_LOGOUT) {
		static const struct iscsi_why nothing;

		discovery_end(d, ISCSI_SUCCESS, &nothing);	/* the list is here already */
		return;
	}
	if (d->state == DISCOVERY_CONNECT)
		(void)iscsi_fail(&why, ISCSI_ERR_TRANS, "cannot make connection to %s: %s",
				 d->address, strerror(error));
	else
		(void)iscsi_fail(&why, ISCSI_ERR_PDU_TIMEOUT, "%s I/O error: %s",
				 d->state == DISCOVERY_LOGIN ? "Login" : "Text",
				 error ? strerror(error) : "the target closed the connection");
	discovery_again(d, &why);
}

/* ---- sending ----------------------------------------------------------------------------------- */

static void discovery_flush(struct discovery *d)
{
	while (d->out_pos < d->out_len) {
		ssize_t n = send(d->fd, d->out + d->out_pos, d->out_len - d->out_pos,
				 MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			break;
		if (n < 0) {
			discovery_io_error(d, errno);
			return;
		}
		d->out_pos += (size_t)n;
	}
	(void)sd_event_source_set_io_events(d->io, EPOLLIN |
					    (d->out_pos < d->out_len ? EPOLLOUT : 0));
}

/* Header and data in one write, so that the target never waits for a second segment. */
static void discovery_send(struct discovery *d, const uint8_t *bhs, const uint8_t *data,
			   size_t len)
{
	size_t padded = pdu_padded(len);

	if (d->out_pos == d->out_len)
		d->out_pos = d->out_len = 0;
	if (d->out_len + PDU_BHS_LEN + padded > sizeof(d->out)) {
		discovery_io_error(d, ENOBUFS);	/* it asks much and reads nothing */
		return;
	}
	memcpy(d->out + d->out_len, bhs, PDU_BHS_LEN);
	memset(d->out + d->out_len + PDU_BHS_LEN, 0, padded);
	if (len)
		memcpy(d->out + d->out_len + PDU_BHS_LEN, data, len);
	d->out_len += PDU_BHS_LEN + padded;
	discovery_flush(d);
}

static void discovery_send_login(struct discovery *d)
{
	int timeout_s = discovery_timeout_s(d, d->security ? "auth" : "active");

	d->security = chap_wanted(&d->login_config.chap);
	discovery_arm_login(d, timeout_s);
	discovery_send(d, d->request.bhs, d->request.data, d->request.data_len);
}

/* A command that the target has no room for yet waits for a PDU that says otherwise (4.2.2.1). */
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
		.final = true, .itt = d->itt, .ttt = PDU_RESERVED_TAG, .data_len = (uint32_t)len,
	};
	d->ask_text = text;
	if (part) {		/* tag and LUN are copied, RFC 7143, 11.10.4 */
		d->ask.ttt = part->ttt;
		memcpy(d->ask.lun, part->lun, sizeof(d->ask.lun));
	}
	d->state = DISCOVERY_TEXT;
	discovery_arm(d, (uint64_t)discovery_timeout_s(d, "active") * 1000);
	discovery_ask(d);
}

/* What a response says of the command window: more room, or nothing that makes sense. */
static void discovery_take_window(struct discovery *d, uint32_t exp_cmd_sn, uint32_t max_cmd_sn)
{
	if ((int32_t)(max_cmd_sn - (exp_cmd_sn - 1)) >= 0 &&
	    (int32_t)(max_cmd_sn - d->max_cmd_sn) > 0)
		d->max_cmd_sn = max_cmd_sn;
}

/* The first window. A target that doesn't count as we do has none that would mean anything. */
static void discovery_begin_window(struct discovery *d, uint32_t exp_cmd_sn, uint32_t max_cmd_sn)
{
	d->cmd_sn = FIRST_CMD_SN;
	d->max_cmd_sn = exp_cmd_sn == d->cmd_sn ? d->cmd_sn - 1 : d->cmd_sn + INT32_MAX;
	discovery_take_window(d, exp_cmd_sn, max_cmd_sn);
}

static void discovery_send_logout(struct discovery *d)
{
	struct logout_request_pdu req = {
		.reason = 0, .itt = d->itt + 1, .cmd_sn = d->cmd_sn,
		.exp_stat_sn = d->exp_stat_sn,
	};
	uint8_t bhs[PDU_BHS_LEN];

	pdu_build_logout_request(&req, bhs);
	d->state = DISCOVERY_LOGOUT;
	discovery_arm(d, LOGOUT_WAIT_MS);
	discovery_send(d, bhs, NULL, 0);
}

/* ---- what comes in -------------------------------------------------------------------------------- */

static void discovery_moved_resolved(void *arg, const struct sockaddr_storage *addr,
				     const char *error)
{
	struct discovery *d = arg;
	struct iscsi_why why;

	d->lookup = NULL;
	if (addr && !addr_may_redirect((const struct sockaddr *)&d->portal,
				       (const struct sockaddr *)addr)) {
		addr = NULL;
		error = "not the address of another host";
	}
	if (addr) {
		discovery_connect(d, addr);
		return;
	}
	(void)iscsi_fail(&why, ISCSI_ERR_LOGIN, "%s has moved, but can't be followed: %s",
			 d->address, error);
	discovery_again(d, &why);
}

/* The next of the addresses that the target has named, in their order. False: there is none. */
static bool discovery_try_moved(struct discovery *d)
{
	const struct login_outcome *outcome = login_outcome(d->login);
	const struct iscsi_db_portal *to;
	struct sockaddr_storage peer;
	int port;

	if (d->moved_at >= outcome->moved_to_len || d->redirects >= REDIRECTS_MAX ||
	    discovery_now_us(d) >= d->attempt_ends_us)
		return false;
	d->redirects++;
	to = &outcome->moved_to[d->moved_at++];
	port = to->port > 0 ? to->port : ISCSI_PORT_DEFAULT;
	log_info("discovery %s,%d: redirected to %s:%d", d->address, d->port, to->address, port);
	if (lookup_numeric(to->address, port, &peer)) {
		discovery_moved_resolved(d, &peer, NULL);
		return true;
	}
	d->state = DISCOVERY_LOOKUP;
	d->lookup = lookup_start(d->env.resolver, to->address, port, discovery_moved_resolved, d);
	if (d->lookup)
		discovery_arm_login(d, discovery_timeout_s(d, "login"));
	else
		discovery_moved_resolved(d, NULL, "no memory");
	return true;
}

static void discovery_moved(struct discovery *d)
{
	discovery_hang_up(d);
	d->moved_at = 0;
	if (discovery_try_moved(d))
		return;
	d->moved_at = SIZE_MAX;
	discovery_moved_resolved(d, NULL, d->redirects < REDIRECTS_MAX ? "no time left" :
				 "too many redirections");
}

static void discovery_text_error(struct discovery *d, const char *what)
{
	struct iscsi_why why;

	discovery_end(d, iscsi_fail(&why, ISCSI_ERR_PDU_TIMEOUT, "%s,%d: %s", d->address, d->port,
				    what), &why);
}

static enum iscsi_err discovery_on_target(void *arg, const struct sendtargets_portal *portal)
{
	struct discovery *d = arg;

	d->streaming = true;
	d->owner.on_target(d->owner.arg, portal->name, portal->address, portal->port, portal->tpgt);
	return ISCSI_SUCCESS;
}

static void discovery_on_warning(void *arg, const char *text)
{
	struct discovery *d = arg;

	log_warning("discovery %s,%d: %s", d->address, d->port, text);
	d->owner.on_warning(d->owner.arg, text);
}

static bool discovery_peer_text(struct discovery *d)
{
	char port[sizeof("65535")];

	if (getnameinfo((const struct sockaddr *)&d->peer, sizeof(d->peer), d->peer_address,
			sizeof(d->peer_address), port, sizeof(port),
			NI_NUMERICHOST | NI_NUMERICSERV))
		return false;
	d->peer_port = atoi(port);
	return true;
}

static void discovery_logged_in(struct discovery *d, const struct login_response_pdu *response)
{
	static const char ask[] = "SendTargets=All";	/* and its NUL */
	struct sendtargets_config config = {
		.address = d->address, .port = d->port,
		.portal = discovery_on_target, .warn = discovery_on_warning, .arg = d,
		.random = d->env.random,
	};

	/* A target without an address is where the answer comes from (appendix C). */
	if (d->redirects && discovery_peer_text(d)) {
		config.address = d->peer_address;
		config.port = d->peer_port;
	}
	sendtargets_free(d->targets);
	d->targets = sendtargets_new(&config);
	if (!d->targets) {
		discovery_text_error(d, "no memory");
		return;
	}
	d->insisted = false;
	if (login_outcome(d->login)->auth_skipped)
		discovery_on_warning(d, "a password is set, but the target asked for none");
	d->exp_stat_sn = login_outcome(d->login)->exp_stat_sn;
	discovery_begin_window(d, response->exp_cmd_sn, response->max_cmd_sn);
	d->itt = 1;
	d->empty_parts = 0;
	d->asked_us = discovery_now_us(d);
	discovery_send_text(d, ask, sizeof(ask), NULL);
}

static void discovery_login_pdu(struct discovery *d, const uint8_t *bhs, const uint8_t *data,
				size_t len)
{
	struct login_response_pdu response;
	enum iscsi_err err = ISCSI_ERR_INTERNAL;
	struct iscsi_why why = { "" }, full;

	if (pdu_parse_login_response(bhs, &response, &why)) {
		discovery_end(d, iscsi_fail(&full, ISCSI_ERR_FATAL_LOGIN, "%s,%d is not an iSCSI "
					    "target: %s", d->address, d->port, why.text), &full);
		return;
	}
	switch (login_step(d->login, bhs, data, len, &d->request, &err, &why)) {
	case LOGIN_SEND:
		discovery_send_login(d);
		return;
	case LOGIN_DONE:
		discovery_logged_in(d, &response);
		return;
	case LOGIN_MOVED:
		d->insisted = false;
		discovery_moved(d);
		return;
	case LOGIN_AGAIN:
		d->login_config.security_first = d->insisted = true;
		discovery_hang_up(d);
		discovery_connect(d, &d->peer);
		return;
	case LOGIN_FAILED:
		break;
	}
	d->insisted = false;		/* it has given its reasons */
	if (login_outcome(d->login)->retry) {
		discovery_again(d, &why);
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
	enum iscsi_err err;

	if (pdu_parse_text_response(bhs, &part, &why)) {
		discovery_text_error(d, why.text);
		return;
	}
	if (part.itt != d->itt || d->ask_waits) {
		discovery_text_error(d, "the target answered what nobody asked");
		return;
	}
	d->exp_stat_sn = part.stat_sn + 1;
	discovery_take_window(d, part.exp_cmd_sn, part.max_cmd_sn);
	err = sendtargets_feed(d->targets, data, len, &why);
	if (err) {
		discovery_text_error(d, why.text);
		return;
	}
	/* F alone says whether there is more; C need not be set (11.11.1). */
	if (!part.final && part.ttt != PDU_RESERVED_TAG) {
		if ((!len && ++d->empty_parts > EMPTY_PARTS_MAX) ||
		    discovery_now_us(d) - d->asked_us > ANSWER_MAX_US)
			discovery_text_error(d, "the answer has no end");
		else
			discovery_send_text(d, NULL, 0, &part);
		return;
	}
	err = sendtargets_finish(d->targets, &why);
	if (err) {
		discovery_text_error(d, why.text);
		return;
	}
	discovery_send_logout(d);
}

/* A ping of the target's, or more room for commands: the one PDU that may come between (11.18). */
static void discovery_nop_in(struct discovery *d, const uint8_t *bhs)
{
	uint8_t out[PDU_BHS_LEN] = { 0x40 | PDU_NOP_OUT, 0x80 };
	uint32_t ttt = get_be32(bhs + 20);

	discovery_take_window(d, get_be32(bhs + 28), get_be32(bhs + 32));
	if (d->ask_waits)
		discovery_ask(d);
	if (ttt == PDU_RESERVED_TAG || d->fd < 0)
		return;
	memcpy(out + 8, bhs + 8, 8);
	put_be32(out + 16, PDU_RESERVED_TAG);
	put_be32(out + 20, ttt);
	put_be32(out + 24, d->cmd_sn);
	put_be32(out + 28, d->exp_stat_sn);
	discovery_send(d, out, NULL, 0);
}

static void discovery_pdu(struct discovery *d, const uint8_t *bhs, const uint8_t *data, size_t len)
{
	static const struct iscsi_why nothing;
	struct pdu_header header;

	pdu_parse_header(bhs, &header);
	switch (d->state) {
	case DISCOVERY_LOGIN:
		discovery_login_pdu(d, bhs, data, len);
		break;
	case DISCOVERY_TEXT:
		if (header.opcode == PDU_NOP_IN)
			discovery_nop_in(d, bhs);
		else if (header.opcode == PDU_REJECT)
			discovery_text_error(d, "the target rejected SendTargets");
		else
			discovery_text_pdu(d, bhs, data, len);
		break;
	case DISCOVERY_LOGOUT:
		if (header.opcode == PDU_LOGOUT_RESPONSE)
			discovery_end(d, ISCSI_SUCCESS, &nothing);
		break;
	case DISCOVERY_LOOKUP:
	case DISCOVERY_PAUSE:
	case DISCOVERY_CONNECT:
	case DISCOVERY_DONE:
		break;
	}
}

/* How many bytes the PDU at d->in has in all; 0: no PDU that we take. */
static size_t discovery_pdu_len(const struct discovery *d)
{
	uint32_t max = d->state == DISCOVERY_LOGIN ? PDU_LOGIN_DATA_MAX : d->max_recv;
	struct pdu_header header;

	pdu_parse_header(d->in, &header);
	if (header.ahs_words || header.data_len > max)
		return 0;
	return PDU_BHS_LEN + pdu_padded(header.data_len);
}

static void discovery_read(struct discovery *d)
{
	enum discovery_state state = d->state;

	while (d->fd >= 0 && d->state == state) {
		size_t want = PDU_BHS_LEN;
		struct pdu_header header;
		ssize_t n;

		if (d->in_len >= PDU_BHS_LEN)
			want = discovery_pdu_len(d);
		if (!want && d->state == DISCOVERY_LOGOUT) {
			discovery_io_error(d, EPROTO);	/* what comes now doesn't matter */
			return;
		}
		if (!want) {
			discovery_text_error(d, "not an iSCSI target: a PDU of no legal length");
			return;
		}
		if (d->in_len >= PDU_BHS_LEN && d->in_len == want) {
			pdu_parse_header(d->in, &header);
			d->in_len = 0;
			discovery_pdu(d, d->in, d->in + PDU_BHS_LEN, header.data_len);
			return;		/* level-triggered: whatever is left brings us back */
		}
		n = recv(d->fd, d->in + d->in_len, want - d->in_len, MSG_DONTWAIT);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0) {
			discovery_io_error(d, n ? errno : 0);
			return;
		}
		d->in_len += (size_t)n;
	}
}

/* ---- attempts ----------------------------------------------------------------------------------------- */

static void discovery_connected(struct discovery *d)
{
	enum iscsi_err err;
	struct iscsi_why why;
	int error = tcp_error(d->fd);

	if (error) {
		discovery_io_error(d, error);
		return;
	}
	d->state = DISCOVERY_LOGIN;
	d->security = false;
	if (login_start(d->login, &d->login_config, &d->request, &err, &why) != LOGIN_SEND) {
		discovery_end(d, err, &why);
		return;
	}
	discovery_send_login(d);
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
		discovery_flush(d);
		if (d->fd < 0)
			return 0;
	}
	if (revents & (EPOLLIN | EPOLLHUP | EPOLLERR))
		discovery_read(d);
	return 0;
}

static void discovery_connect(struct discovery *d, const struct sockaddr_storage *peer)
{
	int r;

	d->state = DISCOVERY_CONNECT;
	d->peer = *peer;
	r = d->fd = tcp_socket(peer);
	if (r >= 0)
		r = tcp_bind_device(d->fd, d->netdev);
	if (r >= 0)
		r = tcp_connect(d->fd, peer);
	if (r >= 0)
		r = sd_event_add_io(d->env.loop, &d->io, d->fd, EPOLLOUT, discovery_on_io, d);
	if (r < 0) {
		discovery_io_error(d, -r);
		return;
	}
	discovery_arm_login(d, discovery_timeout_s(d, "login"));
}

/* At the portal that was asked for; all that its login may take is counted from here. */
static void discovery_attempt(struct discovery *d)
{
	int limit_s = discovery_timeout_s(d, "login") + discovery_timeout_s(d, "auth") +
		      discovery_timeout_s(d, "active");

	d->attempt_ends_us = discovery_now_us(d) + (uint64_t)limit_s * 1000000;
	d->redirects = 0;
	d->moved_at = SIZE_MAX;
	d->insisted = false;
	discovery_connect(d, &d->portal);
}

static void discovery_resolved(void *arg, const struct sockaddr_storage *addr, const char *error);

static void discovery_on_timer(void *arg)
{
	struct discovery *d = arg;
	struct iscsi_why why;

	switch (d->state) {
	case DISCOVERY_PAUSE:
		discovery_attempt(d);
		break;
	case DISCOVERY_CONNECT:
		(void)iscsi_fail(&why, ISCSI_ERR_TRANS_TIMEOUT, "connect to %s timed out",
				 d->address);
		discovery_again(d, &why);
		break;
	case DISCOVERY_LOGIN:
		if (d->in_len || d->insisted) {
			(void)iscsi_fail(&why, ISCSI_ERR_PDU_TIMEOUT, "Login response timeout");
			discovery_again(d, &why);
			break;
		}
		/* Somebody is there but doesn't talk iSCSI: no use in asking again. */
		discovery_end(d, iscsi_fail(&why, ISCSI_ERR_FATAL_LOGIN, "Login response timeout. "
					    "%s,%d accepted the connection, but didn't answer",
					    d->address, d->port), &why);
		break;
	case DISCOVERY_TEXT:
		(void)iscsi_fail(&why, ISCSI_ERR_PDU_TIMEOUT, "no answer to SendTargets");
		discovery_again(d, &why);
		break;
	case DISCOVERY_LOGOUT:
		discovery_io_error(d, ETIMEDOUT);
		break;
	case DISCOVERY_LOOKUP:
		(void)lookup_expire(d->lookup);
		break;
	case DISCOVERY_DONE:
		break;
	}
}

static void discovery_resolved(void *arg, const struct sockaddr_storage *addr, const char *error)
{
	struct discovery *d = arg;
	struct iscsi_why why;

	d->lookup = NULL;
	if (addr) {
		d->portal = *addr;
		discovery_attempt(d);
		return;
	}
	discovery_end(d, iscsi_fail(&why, ISCSI_ERR_TRANS, "cannot resolve host name %s: %s",
				    d->address, error), &why);
}

/* From the loop, so that on_done never comes before discovery_start() has returned. */
static int discovery_on_start(sd_event_source *source, void *userdata)
{
	struct discovery *d = userdata;

	d->io = sd_event_source_disable_unref(source);
	if (lookup_numeric(d->address, d->port, &d->portal)) {
		discovery_attempt(d);
		return 0;
	}
	d->state = DISCOVERY_LOOKUP;
	d->lookup = lookup_start(d->env.resolver, d->address, d->port, discovery_resolved, d);
	if (d->lookup)
		discovery_arm(d, (uint64_t)discovery_timeout_s(d, "login") * 1000);
	else
		discovery_resolved(d, NULL, "no memory");
	return 0;
}

/* ---- making and freeing --------------------------------------------------------------------------------- */

static const char *setting(const struct discovery *d, const char *key)
{
	const char *value = iscsi_db_record_get(d->rec, key);

	return value ? value : "";
}

static enum iscsi_err discovery_name(struct discovery *d, const struct iscsi_db_record *iface,
				     const struct iscsi_db_initiator *initiator,
				     struct iscsi_why *why)
{
	const char *name = iface ? iscsi_db_record_get(iface, "iface.initiatorname") : "";

	if (!name || !*name)
		name = initiator->name;
	if (!*name)
		return iscsi_fail(why, ISCSI_ERR_INVAL, "no initiator name is set; see "
				  ISCSI_CONF_DIR "/initiatorname.iscsi");
	(void)snprintf(d->initiator, sizeof(d->initiator), "%s", name);
	return ISCSI_SUCCESS;
}

static enum iscsi_err discovery_configure(struct discovery *d, const struct iscsi_db_record *iface,
					  const struct iscsi_db_initiator *initiator,
					  struct iscsi_why *why)
{
	struct login_config *c = &d->login_config;
	uint32_t random = 0;
	enum iscsi_err err;

	d->address = setting(d, "discovery.sendtargets.address");
	d->port = iscsi_db_record_get_int(d->rec, "discovery.sendtargets.port");
	d->attempts_left = MAX(iscsi_db_record_get_int(d->rec,
				"discovery.sendtargets.reopen_max"), 0);
	d->max_recv = (uint32_t)iscsi_db_record_get_int(d->rec,
				"discovery.sendtargets.iscsi.MaxRecvDataSegmentLength") & ~3u;
	if (d->max_recv < 512 || d->max_recv > (1 << 20))
		d->max_recv = 32768;
	err = iscsi_db_check_address(d->address, why);
	if (!err)
		err = credentials_check(d->rec, why);
	if (!err && iface)
		err = session_config_netdev(iface, d->env.sysfs, d->netdev, why);
	if (!err)
		err = discovery_name(d, iface, initiator, why);
	if (err)
		return err;
	(void)snprintf(d->alias, sizeof(d->alias), "%s", initiator->alias);

	*c = (struct login_config){
		.discovery = true,
		.initiator_name = d->initiator, .initiator_alias = d->alias,
		.tpgt = ISCSI_TPGT_UNKNOWN, .cmd_sn = FIRST_CMD_SN,
		.chap = {
			.username = setting(d, "discovery.sendtargets.auth.username"),
			.password = setting(d, "discovery.sendtargets.auth.password"),
			.username_in = setting(d, "discovery.sendtargets.auth.username_in"),
			.password_in = setting(d, "discovery.sendtargets.auth.password_in"),
		},
		.offer = negotiate_rfc_defaults,
		.random = d->env.random,
	};
	c->offer.max_recv_data_segment_length = d->max_recv;
	c->chap.issued = d->env.issued;
	session_config_chap_algs(setting(d, "node.session.auth.chap_algs"), &c->chap);
	/* Apart from those of sessions (a sid), and of any other discovery at the same time. */
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
	struct discovery *d = calloc(1, sizeof(*d));
	enum iscsi_err err;
	int r = 0;

	if (!d)
		return iscsi_fail(why, ISCSI_ERR_NOMEM, "no memory");
	d->env = *env;
	d->owner = *owner;
	d->fd = -1;
	if (iscsi_db_record_kind(rec) == ISCSI_DB_ISNS) {
		err = discovery_name(d, iface, initiator, why);
		if (!err)
			err = isns_start(env, rec, d->initiator, owner, &d->isns, why);
		goto out;
	}
	err = iscsi_db_record_copy(rec, &d->rec);
	if (!err)
		err = discovery_configure(d, iface, initiator, why);
	if (!err) {
		d->login = login_new();
		d->in = malloc(PDU_BHS_LEN + MAX(d->max_recv, PDU_LOGIN_DATA_MAX) + 4);
		d->timer = timer_new(env->clock, discovery_on_timer, d);
		r = d->login && d->in && d->timer ? 0 : -ENOMEM;
		if (r >= 0)
			r = sd_event_add_defer(env->loop, &d->io, discovery_on_start, d);
		if (r < 0)
			err = iscsi_fail(why, ISCSI_ERR_NOMEM, "%s", strerror(-r));
	}
out:
	if (err) {
		discovery_free(d);
		return err;
	}
	*ret = d;
	return ISCSI_SUCCESS;
}

void discovery_silence(struct discovery *d)
{
	d->state = DISCOVERY_DONE;
	isns_silence(d->isns);
	d->lookup = lookup_forget(d->lookup);
	d->io = sd_event_source_disable_unref(d->io);
	d->timer = timer_free(d->timer);
	closep(&d->fd);
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
	free(d->in);
	free(d);
	return NULL;
}
