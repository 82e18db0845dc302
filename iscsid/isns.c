/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A discovery through an iSNS server, see isns.h. It waits for one answer at a time. The time for
 * all answers together is limited, so that a server that is silent, sends byte by byte or sends
 * without an end can't hold up a client.
 *
 * libisns isn't used: this library keeps the server's address and the initiator's name in global
 * variables, takes no answer above 8 KB, and waits a minute for a server that is down.
 */
#include "iscsid/isns.h"

#include <errno.h>
#include <sys/socket.h>

#include "iscsid/base/log.h"
#include "iscsid/base/lookup.h"
#include "iscsid/base/stream.h"
#include "iscsid/base/tcp.h"
#include "iscsid/protocol/isns_pdu.h"
#include "libiscsi-db/util.h"

#define CONNECT_WAIT_MS		10000	/* includes the look-up of the server's name */
#define ANSWER_WAIT_MS		20000	/* for all answers with the targets */
#define DEREGISTER_WAIT_MS	1000	/* the targets are known already */
#define REGISTRATIONS_MAX	3

enum isns_state {
	ISNS_LOOKUP,
	ISNS_CONNECT,
	ISNS_ASK,		/* before iscsid has registered the initiator */
	ISNS_REGISTER,
	ISNS_ASK_AGAIN,		/* after the registration */
	ISNS_DEREGISTER,	/* the result is known */
};

struct isns {
	struct discovery_env env;
	struct discovery_owner owner;
	char initiator[ISCSI_NAME_MAX + 1];
	char address[ISCSI_ADDRESS_MAX + 1];
	int port;

	enum isns_state state;
	unsigned int registrations;
	struct lookup *lookup;
	sd_event_source *io;
	struct timer *timer;
	int fd;

	uint8_t out[ISNS_REQUEST_MAX];
	size_t out_len, out_pos;
	enum addr_kind server;		/* once a connection to it is begun */
	struct isns_answer answer;
	uint16_t xid;			/* of the last request */
	uint8_t header[ISNS_HEADER_LEN];
	size_t header_got;
	uint8_t *payload;		/* in @answer: the place of this part's payload */
	size_t payload_len, payload_got;

	enum iscsi_err result;		/* kept during ISNS_DEREGISTER */
	struct iscsi_why result_why;
};

/* ---- ends ------------------------------------------------------------------------------------- */

static void isns_end(struct isns *isns, enum iscsi_err err, const struct iscsi_why *why)
{
	isns->io = sd_event_source_disable_unref(isns->io);
	timer_stop(isns->timer);
	closep(&isns->fd);
	isns->owner.on_done(isns->owner.arg, err, why);
}

/* Ends with the result that was known before the deregistration. */
static void isns_end_result(struct isns *isns)
{
	struct iscsi_why why = isns->result_why;

	isns_end(isns, isns->result, &why);
}

/* Ends a conversation that can't continue. */
static void isns_fail(struct isns *isns, const char *reason)
{
	struct iscsi_why why;
	enum iscsi_err err = isns->state == ISNS_REGISTER ? ISCSI_ERR_ISNS_REG_FAILED :
							    ISCSI_ERR_ISNS_QUERY;

	if (isns->state == ISNS_DEREGISTER)
		isns_end_result(isns);
	else
		isns_end(isns, iscsi_fail(&why, err, "iSNS discovery failed: %s,%d: %s",
					  isns->address, isns->port, reason), &why);
}

/* ---- requests ----------------------------------------------------------------------------------- */

static void isns_flush(struct isns *isns)
{
	int r = stream_send(isns->fd, isns->out, isns->out_len, &isns->out_pos);

	if (r < 0) {
		isns_fail(isns, strerror(-r));
		return;
	}
	(void)sd_event_source_set_io_events(isns->io, EPOLLIN |
					    (isns->out_pos < isns->out_len ? EPOLLOUT : 0));
}

static void isns_send(struct isns *isns, enum isns_state state, enum isns_function function)
{
	isns->state = state;
	isns->xid++;
	isns_answer_done(&isns->answer);
	isns->answer.function = function;
	isns->answer.xid = isns->xid;
	isns->header_got = 0;
	isns->out_pos = 0;
	isns->out_len = isns_build_request(function, isns->xid, isns->initiator, isns->out,
					   sizeof(isns->out));
	isns_flush(isns);
}

static void isns_register(struct isns *isns)
{
	isns->registrations++;
	log_debug("iSNS %s,%d: registering %s", isns->address, isns->port, isns->initiator);
	isns_send(isns, ISNS_REGISTER, ISNS_DEV_ATTR_REG);
}

/* The result is known. If iscsid has registered the initiator, it deregisters it first. */
static void isns_answered(struct isns *isns, enum iscsi_err err, const struct iscsi_why *why)
{
	if (isns->state != ISNS_ASK_AGAIN) {
		isns_end(isns, err, why);
		return;
	}
	isns->result = err;
	isns->result_why = *why;
	timer_arm_ms(isns->timer, DEREGISTER_WAIT_MS);
	isns_send(isns, ISNS_DEREGISTER, ISNS_DEV_DEREG);
}

/* ---- answers ------------------------------------------------------------------------------------ */

static void isns_on_portal(void *arg, const struct isns_portal *portal)
{
	struct isns *isns = arg;

	isns->owner.on_target(isns->owner.arg, portal->name, portal->address, portal->port,
			      portal->tpgt);
}

static void isns_on_warning(void *arg, const char *text)
{
	struct isns *isns = arg;

	if (!isns->owner.repeated)
		log_warning("iSNS %s,%d: %s", isns->address, isns->port, text);
	isns->owner.on_warning(isns->owner.arg, text);
}

static void isns_targets(struct isns *isns, uint32_t status)
{
	const struct isns_visitor visitor = {
		.server = isns->address, .from = isns->server, .portal = isns_on_portal, .warn = isns_on_warning,
		.arg = isns,
	};
	struct iscsi_why why = { "" }, full = { "" };
	enum iscsi_err err = ISCSI_SUCCESS;

	if (status == ISNS_SOURCE_UNKNOWN && isns->registrations < REGISTRATIONS_MAX) {
		/* Again, if another program with this name has deregistered it meanwhile. */
		isns_register(isns);
		return;
	}
	if (status == ISNS_SUCCESS)
		err = isns_parse_targets(isns->answer.data, isns->answer.len, &visitor, &why);
	else if (status != ISNS_NO_SUCH_ENTRY)
		err = iscsi_fail(&why, ISCSI_ERR_ISNS_QUERY, "the server answered: %s (status %u)",
				 isns_status_text(status), status);
	if (err)
		err = iscsi_fail(&full, err, "iSNS discovery failed: %s,%d: %s", isns->address,
				 isns->port, why.text);
	isns_answered(isns, err, &full);
}

static void isns_registered(struct isns *isns, uint32_t status)
{
	struct iscsi_why why;

	if (status == ISNS_SUCCESS) {
		isns_send(isns, ISNS_ASK_AGAIN, ISNS_DEV_ATTR_QRY);
		return;
	}
	isns_end(isns, iscsi_fail(&why, ISCSI_ERR_ISNS_REG_FAILED, "iSNS discovery failed: %s,%d "
				  "did not register %s: %s (status %u)", isns->address,
				  isns->port, isns->initiator, isns_status_text(status), status),
		 &why);
}

static void isns_take_answer(struct isns *isns)
{
	struct iscsi_why why;
	uint32_t status;

	if (isns_parse_status(isns->answer.data, isns->answer.len, &status, &why)) {
		isns_fail(isns, why.text);
		return;
	}
	switch (isns->state) {
	case ISNS_ASK:
	case ISNS_ASK_AGAIN:
		isns_targets(isns, status);
		break;
	case ISNS_REGISTER:
		isns_registered(isns, status);
		break;
	case ISNS_DEREGISTER:
		isns_end_result(isns);
		break;
	case ISNS_LOOKUP:
	case ISNS_CONNECT:
		break;
	}
}

/* Receives into @buf up to @len bytes. False: bytes are missing, or the connection failed. */
static bool isns_fill(struct isns *isns, uint8_t *buf, size_t len, size_t *got)
{
	int r = stream_receive(isns->fd, buf, len, got);

	if (r < 0)
		isns_fail(isns, r == -ESHUTDOWN ? "the server closed the connection" :
						  strerror(-r));
	return r > 0;
}

/* Reads one part. The event is level-triggered, so it comes again if bytes are left. */
static void isns_read(struct isns *isns)
{
	struct iscsi_why why;

	if (isns->header_got < ISNS_HEADER_LEN) {
		if (!isns_fill(isns, isns->header, ISNS_HEADER_LEN, &isns->header_got))
			return;
		if (isns_answer_part(&isns->answer, isns->header, &isns->payload,
				     &isns->payload_len, &why)) {
			isns_fail(isns, why.text);
			return;
		}
		isns->payload_got = 0;
	}
	if (!isns_fill(isns, isns->payload, isns->payload_len, &isns->payload_got))
		return;
	isns->header_got = 0;
	if (isns_answer_part_end(&isns->answer))
		isns_take_answer(isns);
}

/* ---- the connection -------------------------------------------------------------------------------- */

static void isns_no_connection(struct isns *isns, enum iscsi_err err, const char *what,
			       const char *reason)
{
	struct iscsi_why why;

	isns_end(isns, iscsi_fail(&why, err, "iSNS discovery failed: %s %s: %s", what,
				  isns->address, reason), &why);
}

static void isns_connected(struct isns *isns)
{
	int error = tcp_error(isns->fd);

	if (error) {
		isns_no_connection(isns, ISCSI_ERR_ISNS_QUERY, "cannot make connection to",
				   strerror(error));
		return;
	}
	timer_arm_ms(isns->timer, ANSWER_WAIT_MS);
	isns_send(isns, ISNS_ASK, ISNS_DEV_ATTR_QRY);
}

static int isns_on_io(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	struct isns *isns = userdata;

	(void)source;
	(void)fd;
	if (isns->state == ISNS_CONNECT) {
		isns_connected(isns);
		return 0;
	}
	if (revents & EPOLLOUT)
		isns_flush(isns);
	if (isns->fd >= 0)
		isns_read(isns);
	return 0;
}

/* An interface's device leads to the disks, but seldom to the iSNS server: don't bind to it. */
static void isns_connect(struct isns *isns, const struct sockaddr_storage *peer)
{
	struct iscsi_why why;
	int r;

	isns->state = ISNS_CONNECT;
	isns->server = addr_kind_of((const struct sockaddr *)peer);
	if (tcp_open(peer, NULL, &isns->fd, &why)) {
		isns_no_connection(isns, ISCSI_ERR_ISNS_QUERY, "cannot make connection to",
				   why.text);
		return;
	}
	r = tcp_connect(isns->fd, peer);
	if (r >= 0)
		r = sd_event_add_io(isns->env.loop, &isns->io, isns->fd, EPOLLOUT, isns_on_io,
				    isns);
	if (r < 0)
		isns_no_connection(isns, ISCSI_ERR_ISNS_QUERY, "cannot make connection to",
				   strerror(-r));
}

static void isns_resolved(void *arg, const struct sockaddr_storage *addr, const char *error)
{
	struct isns *isns = arg;

	isns->lookup = NULL;
	if (addr)
		isns_connect(isns, addr);
	else
		isns_no_connection(isns, ISCSI_ERR_TRANS, "cannot resolve host name", error);
}

static void isns_on_timer(void *arg)
{
	struct isns *isns = arg;

	switch (isns->state) {
	case ISNS_LOOKUP:
		(void)lookup_expire(isns->lookup);
		break;
	case ISNS_CONNECT:
		isns_no_connection(isns, ISCSI_ERR_ISNS_QUERY, "cannot make connection to",
				   strerror(ETIMEDOUT));
		break;
	case ISNS_ASK:
	case ISNS_REGISTER:
	case ISNS_ASK_AGAIN:
	case ISNS_DEREGISTER:
		isns_fail(isns, "no answer in time");
		break;
	}
}

/* The loop begins the work, so that on_done() never comes before isns_start() returns. */
static int isns_on_start(sd_event_source *source, void *userdata)
{
	struct isns *isns = userdata;
	struct sockaddr_storage peer;

	isns->io = sd_event_source_disable_unref(source);
	timer_arm_ms(isns->timer, CONNECT_WAIT_MS);
	if (lookup_numeric(isns->address, isns->port, &peer)) {
		isns_connect(isns, &peer);
		return 0;
	}
	isns->lookup = lookup_start(isns->env.resolver, isns->address, isns->port, isns_resolved,
				    isns);
	if (!isns->lookup)
		isns_resolved(isns, NULL, "no memory");
	return 0;
}

/* ---- making and freeing ------------------------------------------------------------------------------- */

static enum iscsi_err isns_configure(struct isns *isns, const struct iscsi_db_record *rec,
				     const char *initiator, struct iscsi_why *why)
{
	/* An iSNS record keeps address and port under the names of a SendTargets record. */
	const char *address = iscsi_db_record_get(rec, "discovery.sendtargets.address");
	enum iscsi_err err = iscsi_db_check_address(address, why);

	if (!err)
		err = iscsi_db_check_name(initiator, why);
	if (err)
		return err;
	(void)snprintf(isns->address, sizeof(isns->address), "%s", address);
	(void)snprintf(isns->initiator, sizeof(isns->initiator), "%s", initiator);
	isns->port = iscsi_db_record_get_int(rec, "discovery.sendtargets.port");
	(void)isns->env.random(&isns->xid, sizeof(isns->xid));
	return ISCSI_SUCCESS;
}

enum iscsi_err isns_start(const struct discovery_env *env, const struct iscsi_db_record *rec,
			  const char *initiator, const struct discovery_owner *owner,
			  struct isns **ret, struct iscsi_why *why)
{
	struct isns *isns = calloc(1, sizeof(*isns));
	enum iscsi_err err;

	if (!isns)
		return iscsi_fail(why, ISCSI_ERR_NOMEM, "no memory");
	isns->env = *env;
	isns->owner = *owner;
	isns->fd = -1;
	err = isns_configure(isns, rec, initiator, why);
	if (!err) {
		isns->timer = timer_new(env->clock, isns_on_timer, isns);
		if (!isns->timer ||
		    sd_event_add_defer(env->loop, &isns->io, isns_on_start, isns) < 0)
			err = iscsi_fail(why, ISCSI_ERR_NOMEM, "no memory");
	}
	if (err) {
		isns_free(isns);
		return err;
	}
	*ret = isns;
	return ISCSI_SUCCESS;
}

void isns_silence(struct isns *isns)
{
	if (!isns)
		return;
	isns->lookup = lookup_forget(isns->lookup);
	isns->io = sd_event_source_disable_unref(isns->io);
	isns->timer = timer_free(isns->timer);
	closep(&isns->fd);
}

struct isns *isns_free(struct isns *isns)
{
	if (!isns)
		return NULL;
	isns_silence(isns);
	isns_answer_done(&isns->answer);
	free(isns);
	return NULL;
}
