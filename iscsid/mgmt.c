/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The local socket, see mgmt.h. A client sends requests one after the other and gets answers as
 * they come. A client with too many open requests isn't read any further; a client that neither
 * completes a message nor takes its answers is dropped.
 */
#include "iscsid/mgmt.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>

#include "iscsid/base/bytes.h"
#include "iscsid/base/log.h"
#include "iscsid/base/stream.h"
#include "iscsid/manager.h"
#include "iscsid/message/mgmt_msg.h"
#include "iscsid/peer.h"
#include "libiscsi-db/util.h"

#define CLIENTS_MAX		512
#define OPEN_STEP		128	/* requests of one client, under way at once, */
#define OPEN_STEP_US		1000000	/* and as many more after this time without progress, */
#define OPEN_REQUESTS_MAX	4096	/* up to this bound: silent targets don't hold up others */
#define OUT_MAX			(4 << 20)	/* unread answers of one client */
#define STALL_TIMEOUT_US	(30 * UINT64_C(1000000))
#define ACCEPT_INTERVAL_US	100000
#define ACCEPT_BURST		20	/* connections in that time, of each socket */
#define CLIENT_PRIORITY		(SD_EVENT_PRIORITY_NORMAL + 10)	/* after sessions, */
#define LISTEN_PRIORITY		(SD_EVENT_PRIORITY_NORMAL + 20)	/* and before newcomers */
#define LISTEN_MAX		8

struct mgmt_client {
	struct mgmt *mgmt;
	struct mgmt_client *next;
	int fd;
	sd_event_source *io;
	struct timer *timer;		/* armed while something is incomplete */
	uint8_t header[MGMT_HEADER_LEN];
	uint16_t type;
	uint8_t *body;			/* of the message that is being read; else NULL */
	uint32_t body_len;
	size_t got;			/* of header and body */
	uint8_t *out;			/* answers not yet taken */
	size_t out_len, out_pos, out_size;
	unsigned int open_requests, open_max;
	bool must_act;			/* the client must act next, so the timer runs */
	bool at_open_max;		/* the timer raises open_max */
	bool closing;			/* to be closed once @out is empty */
};

/* A request between its arrival and its result. */
struct request {
	struct asker asker;		/* first, since sessions hold a pointer to the asker */
	struct mgmt_client *client;		/* NULL once the client has left */
	struct mgmt *mgmt;
	struct request *next, **prev;	/* in mgmt->requests */
	uint32_t tag;
	struct discovery *discovery;
};

struct mgmt {
	sd_event *loop;
	struct clock *clock;
	struct manager *manager;
	struct mgmt_client *clients;
	unsigned int clients_len;
	struct request *requests;
	int listen_fd[LISTEN_MAX];
	sd_event_source *listen_io[LISTEN_MAX];
	size_t listen_len;
	bool told_unsure;		/* that /proc doesn't show who asks */
	int spare_fd;			/* given up for a moment when there is no other */
};

static void client_update(struct mgmt_client *client);
static void mgmt_client_free(struct mgmt_client *client);

/* ---- answers ---------------------------------------------------------------------------------- */

static bool client_flush(struct mgmt_client *client)
{
	if (stream_send(client->fd, client->out, client->out_len, &client->out_pos) < 0)
		return false;
	if (client->out_pos < client->out_len)
		return true;
	if (client->out_len)
		client->must_act = false;	/* the client took all answers: a new deadline */
	client->out_pos = client->out_len = 0;
	return true;
}

static bool client_reserve(struct mgmt_client *client, size_t len)
{
	if (client->out_pos && client->out_len + len > OUT_MAX) {
		/* The answers that the client has taken make room. */
		memmove(client->out, client->out + client->out_pos,
			client->out_len - client->out_pos);
		client->out_len -= client->out_pos;
		client->out_pos = 0;
	}
	return client->out_len + len <= OUT_MAX &&
	       bytes_reserve(&client->out, &client->out_size, client->out_len + len);
}

/* A client whose answer can't be kept loses its connection; no other client notices. */
static void client_reply(struct mgmt_client *client, const struct mgmt_reply *reply)
{
	size_t len;
	CLEANUP(freep) uint8_t *message = mgmt_msg_build_reply(reply, &len);

	if (!message || !client_reserve(client, len)) {
		log_warning("a client doesn't take its answers; dropping it");
		client->closing = true;
		client->out_len = client->out_pos = 0;
	} else {
		memcpy(client->out + client->out_len, message, len);
		client->out_len += len;
	}
	client_update(client);
}

static void client_refuse(struct mgmt_client *client, enum iscsi_err err,
			  const struct iscsi_why *why)
{
	struct mgmt_reply reply = { .type = MGMT_RESULT, .err = err, .why = why->text };

	client->closing = true;
	client_reply(client, &reply);
}

static void request_free(struct request *req)
{
	if (req->client) {
		req->client->open_requests--;
		client_update(req->client);
	}
	*req->prev = req->next;
	if (req->next)
		req->next->prev = req->prev;
	free(req);
}

static void request_reply(struct request *req, enum mgmt_type type, struct mgmt_reply *reply)
{
	reply->type = type;
	reply->tag = req->tag;
	if (req->client)
		client_reply(req->client, reply);
}

/* Sends the result and frees the request. */
static void request_end(struct request *req, struct mgmt_reply *reply)
{
	request_reply(req, MGMT_RESULT, reply);
	request_free(req);
}

static void request_result(struct request *req, enum iscsi_err err, const struct iscsi_why *why)
{
	struct mgmt_reply reply = { .err = err, .why = err && why ? why->text : "" };

	request_end(req, &reply);
}

static void request_warn(void *req, const char *text)
{
	request_reply(req, MGMT_WARNING, &(struct mgmt_reply){ .why = text });
}

static void request_on_session_warning(struct asker *asker, const char *text)
{
	request_warn(asker, text);
}

static void request_on_session(struct asker *asker, enum iscsi_err err, uint32_t sid,
			       const struct iscsi_why *why)
{
	struct mgmt_reply reply = { .err = err, .sid = sid, .why = err ? why->text : "" };

	request_end((struct request *)asker, &reply);
}

/* ---- requests ----------------------------------------------------------------------------------- */

static enum iscsi_err parse_record(enum iscsi_db_kind kind, const char *text,
				   struct iscsi_db_record **ret, struct iscsi_why *why)
{
	return iscsi_db_record_parse(kind, text, strlen(text), "request", NULL, NULL, ret, why);
}

static void handle_login(struct request *req, const struct mgmt_request *msg)
{
	struct asker *asker = &req->asker;
	struct iscsi_db_record *rec = NULL;
	enum iscsi_err err;
	struct iscsi_why why = { "" };

	err = parse_record(ISCSI_DB_NODE, msg->record, &rec, &why);
	if (!err && msg->flags & MGMT_NO_WAIT) {
		asker = asker_nobody();
		err = asker ? ISCSI_SUCCESS : ISCSI_ERR_NOMEM;
	}
	if (!err)
		err = manager_login(req->mgmt->manager, rec,
				    (msg->flags & MGMT_ANOTHER ? MANAGER_ANOTHER : 0) |
				    (msg->flags & MGMT_WANTED ? MANAGER_WANTED : 0), asker, &why);
	if (err) {
		iscsi_db_record_free(rec);
		if (asker != &req->asker)
			free(asker);
	}
	if (err || asker != &req->asker)
		request_result(req, err, &why);
}

static struct session *find_session(struct request *req, const struct mgmt_request *msg)
{
	struct session *session = manager_find(req->mgmt->manager, msg->sid);
	struct iscsi_why why;

	if (!session)
		request_result(req, iscsi_fail(&why, ISCSI_ERR_SESS_NOT_FOUND,
					       "iscsid knows no session %u", msg->sid), &why);
	return session;
}

static void handle_logout(struct request *req, const struct mgmt_request *msg)
{
	struct iscsi_why why;
	enum iscsi_err err = manager_logout(req->mgmt->manager, msg->sid, msg->flags, &req->asker,
					    &why);

	if (err)
		request_result(req, err, &why);
}

static void handle_session_state(struct request *req, const struct mgmt_request *msg)
{
	struct session *session = find_session(req, msg);
	struct mgmt_reply reply = { .sid = msg->sid, .why = "" };

	if (!session)
		return;
	session_describe(session, &reply.conn_state, &reply.recovery);
	reply.session = session_shown(session);
	request_end(req, &reply);
}

static void handle_rescan(struct request *req, const struct mgmt_request *msg)
{
	struct session *session = find_session(req, msg);
	struct iscsi_why why;
	enum iscsi_err err;

	if (!session)
		return;
	err = session_rescan(session, &req->asker, &why);
	if (err)
		request_result(req, err, &why);
}

static void handle_get_stats(struct request *req, const struct mgmt_request *msg)
{
	struct session *session = find_session(req, msg);
	struct kernel_stat stats[KERNEL_STATS_MAX];
	struct iscsi_why why;
	enum iscsi_err err;
	size_t len;

	if (!session)
		return;
	err = session_get_stats(session, stats, &len, &why);
	for (size_t i = 0; !err && i < len; i++)
		request_reply(req, MGMT_STAT, &(struct mgmt_reply){
			.name = stats[i].name, .value = stats[i].value, .custom = stats[i].custom,
		});
	request_result(req, err, &why);
}

static void tell_attempt(void *arg, uint32_t number, const struct session *session,
			 const struct session_attempts *attempts)
{
	const struct session_config *c = session_config(session);
	struct mgmt_reply reply = {
		.sid = number, .name = c->target, .address = c->address,
		.port = c->port, .iface = c->iface,
		.wanted = attempts->wanted, .failed = attempts->failed,
		.since_s = (uint32_t)(attempts->since_us / 1000000), .why = attempts->failure,
	};

	request_reply(arg, MGMT_ATTEMPT, &reply);
}

static void handle_attempts(struct request *req, const struct mgmt_request *msg)
{
	(void)msg;
	manager_each_attempt(req->mgmt->manager, tell_attempt, req);
	request_result(req, ISCSI_SUCCESS, NULL);
}

static void handle_call_off(struct request *req, const struct mgmt_request *msg)
{
	struct iscsi_why why;

	if (!manager_call_off(req->mgmt->manager, msg->sid, &req->asker))
		request_result(req, iscsi_fail(&why, ISCSI_ERR_SESS_NOT_FOUND,
					       "the login is not under way any more"), &why);
}

static void handle_stop(struct request *req, const struct mgmt_request *msg)
{
	(void)msg;
	log_notice("asked to stop");
	(void)sd_event_exit(req->mgmt->loop, 0);
	request_result(req, ISCSI_SUCCESS, NULL);
}

static void discovery_on_target(void *arg, const char *name, const char *address, int port,
				int tpgt)
{
	request_reply(arg, MGMT_TARGET, &(struct mgmt_reply){
		.name = name, .address = address, .port = port, .tpgt = tpgt,
	});
}

static void discovery_on_done(void *arg, enum iscsi_err err, const struct iscsi_why *why)
{
	struct request *req = arg;

	manager_discard(req->mgmt->manager, req->discovery);
	request_result(req, err, why);
}

static void handle_discover(struct request *req, const struct mgmt_request *msg)
{
	const struct discovery_owner owner = {
		.on_target = discovery_on_target, .on_warning = request_warn,
		.on_done = discovery_on_done, .arg = req,
	};
	struct iscsi_db_record *rec = NULL, *iface = NULL;
	struct iscsi_why why = { "" };
	enum iscsi_err err;

	err = parse_record(msg->flags & MGMT_ISNS ? ISCSI_DB_ISNS : ISCSI_DB_SENDTARGETS,
			   msg->record, &rec, &why);
	if (!err && *msg->iface)
		err = parse_record(ISCSI_DB_IFACE, msg->iface, &iface, &why);
	if (!err)
		err = manager_discover(req->mgmt->manager, rec, iface, &owner, &req->discovery,
				       &why);
	iscsi_db_record_free(rec);
	iscsi_db_record_free(iface);
	if (err)
		request_result(req, err, &why);
}

static void (*const handlers[])(struct request *req, const struct mgmt_request *msg) = {
	[MGMT_LOGIN]		= handle_login,
	[MGMT_LOGOUT]		= handle_logout,
	[MGMT_DISCOVER]		= handle_discover,
	[MGMT_SESSION_STATE]	= handle_session_state,
	[MGMT_RESCAN]		= handle_rescan,
	[MGMT_STOP]		= handle_stop,
	[MGMT_GET_STATS]	= handle_get_stats,
	[MGMT_ATTEMPTS]		= handle_attempts,
	[MGMT_CALL_OFF]		= handle_call_off,
};

static void client_message(struct mgmt_client *client)
{
	struct mgmt *mgmt = client->mgmt;
	struct mgmt_request msg;
	struct request *req;
	struct iscsi_why why;
	enum iscsi_err err;

	err = mgmt_msg_parse_request(client->type, client->body, client->body_len, &msg, &why);
	if (err) {
		client_refuse(client, err, &why);
		return;
	}
	req = calloc(1, sizeof(*req));
	if (!req) {
		client_refuse(client, iscsi_fail(&why, ISCSI_ERR_NOMEM, "no memory"), &why);
		return;
	}
	*req = (struct request){
		.asker.done = request_on_session, .asker.warn = request_on_session_warning,
		.client = client, .mgmt = mgmt, .tag = msg.tag,
		.next = mgmt->requests, .prev = &mgmt->requests,
	};
	if (mgmt->requests)
		mgmt->requests->prev = &req->next;
	mgmt->requests = req;
	client->open_requests++;
	handlers[msg.type](req, &msg);
}

/* ---- clients --------------------------------------------------------------------------------------- */

static bool client_waits(const struct mgmt_client *client)
{
	return client->closing || client->open_requests >= client->open_max ||
	       client->out_len > OUT_MAX / 2;
}

/* Waits for the events that the state of the client calls for, and arms its deadline. */
static void client_update(struct mgmt_client *client)
{
	uint32_t events = (client_waits(client) ? 0 : EPOLLIN) |
			  (client->out_pos < client->out_len || client->closing ? EPOLLOUT : 0);
	bool must_act = client->got || client->out_len || client->closing || !client->open_requests;
	bool at_open_max = !must_act && client->open_max < OPEN_REQUESTS_MAX &&
			   client->open_requests >= client->open_max;

	(void)sd_event_source_set_io_events(client->io, events);
	if (!client->open_requests)
		client->open_max = OPEN_STEP;
	if (!must_act && !at_open_max) {
		timer_stop(client->timer);
	} else if (at_open_max && !client->at_open_max) {
		timer_arm(client->timer, OPEN_STEP_US);
	} else if (must_act && !client->must_act) {
		/* Not armed anew for each byte: a client has this long for a message. */
		timer_arm(client->timer, STALL_TIMEOUT_US);
	}
	client->must_act = must_act;
	client->at_open_max = at_open_max;
}

/* Reads the rest of a message. 1: the message is whole, 0: nothing more has arrived, -errno. */
static int client_read_message(struct mgmt_client *client)
{
	struct iscsi_why why;
	enum iscsi_err err;
	size_t pos;
	int r;

	if (!client->body) {
		r = stream_receive(client->fd, client->header, MGMT_HEADER_LEN, &client->got);
		if (r <= 0)
			return r;
		err = mgmt_msg_header(client->header, &client->type, &client->body_len, &why);
		if (err) {
			client_refuse(client, err, &why);
			return 0;
		}
		client->body = malloc(client->body_len + 1);
		if (!client->body)
			return -ENOMEM;
	}
	pos = client->got - MGMT_HEADER_LEN;
	r = stream_receive(client->fd, client->body, client->body_len, &pos);
	client->got = MGMT_HEADER_LEN + pos;
	return r;
}

static int client_read(struct mgmt_client *client)
{
	/* A few messages at a time, so that no client holds up the others. */
	for (int i = 0; i < 16 && !client_waits(client); i++) {
		int r = client_read_message(client);

		if (r <= 0)
			return r;
		client_message(client);
		wipe_free(client->body, client->body_len);
		client->body = NULL;
		client->got = 0;
		client->must_act = false;
	}
	return 0;
}

static int client_on_io(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	struct mgmt_client *client = userdata;
	bool gone = false;

	(void)source;
	(void)fd;
	if (revents & EPOLLOUT)
		gone = !client_flush(client);
	if (!gone && revents & EPOLLIN)
		gone = client_read(client) < 0;
	else if (revents & (EPOLLHUP | EPOLLERR))
		gone = true;
	if (!gone && client->closing && client->out_pos == client->out_len)
		gone = true;
	if (gone)
		mgmt_client_free(client);
	else
		client_update(client);
	return 0;
}

static void client_on_timer(void *arg)
{
	struct mgmt_client *client = arg;

	if (client->at_open_max) {
		client->at_open_max = false;
		client->open_max += OPEN_STEP;
		client_update(client);
		return;
	}
	if (client->got || client->out_len)
		log_info("a client stopped in the middle of a message; dropping it");
	mgmt_client_free(client);
}

static void mgmt_client_free(struct mgmt_client *client)
{
	struct mgmt *mgmt = client->mgmt;
	struct request *req, *next;

	for (struct mgmt_client **at = &mgmt->clients; *at; at = &(*at)->next) {
		if (*at == client) {
			*at = client->next;
			mgmt->clients_len--;
			break;
		}
	}
	for (req = mgmt->requests; req; req = next) {
		next = req->next;
		if (req->client != client)
			continue;
		req->client = NULL;
		/* A logout goes on; a discovery ends, since its targets have no reader. */
		if (req->discovery) {
			manager_discard(mgmt->manager, req->discovery);
			request_free(req);
		} else if (req->asker.login) {
			session_leave(req->asker.login, &req->asker);
			request_free(req);
			next = mgmt->requests;	/* the end of a session may answer others */
		}
	}
	sd_event_source_disable_unref(client->io);
	timer_free(client->timer);
	closep(&client->fd);
	wipe_free(client->body, client->body_len);
	free(client->out);
	free(client);
}

static int mgmt_client_new(struct mgmt *mgmt, int fd, struct mgmt_client **ret)
{
	struct mgmt_client *client = calloc(1, sizeof(*client));
	int r;

	if (!client) {
		(void)close(fd);
		return -ENOMEM;
	}
	client->mgmt = mgmt;
	client->fd = fd;
	client->next = mgmt->clients;
	mgmt->clients = client;
	mgmt->clients_len++;
	client->timer = timer_new(mgmt->clock, client_on_timer, client);
	r = client->timer ? 0 : -ENOMEM;
	if (r >= 0)
		r = sd_event_add_io(mgmt->loop, &client->io, fd, EPOLLIN, client_on_io, client);
	if (r >= 0)
		r = sd_event_source_set_priority(client->io, CLIENT_PRIORITY);
	if (r < 0) {
		mgmt_client_free(client);
		return r;
	}
	client_update(client);
	*ret = client;
	return 0;
}

/* ---- listening --------------------------------------------------------------------------------------- */

/* Without a descriptor the client would stay in the queue, and the loop would spin. */
static void turn_away(struct mgmt *mgmt, int listen_fd)
{
	int fd;

	log_warning("no descriptor left for a client; turning it away");
	closep(&mgmt->spare_fd);
	fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC);
	closep(&fd);
	mgmt->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

/* For those who may not ask at all there is no object, no timer and no wait. */
static void send_refusal(int fd, const struct iscsi_why *why)
{
	const struct mgmt_reply hello = { .type = MGMT_HELLO, .name = iscsi_db_version() };
	const struct mgmt_reply refusal = {
		.type = MGMT_RESULT, .err = ISCSI_ERR_ACCESS, .why = why->text,
	};
	struct iovec parts[2];
	const struct msghdr both = { .msg_iov = parts, .msg_iovlen = 2 };

	parts[0].iov_base = mgmt_msg_build_reply(&hello, &parts[0].iov_len);
	parts[1].iov_base = mgmt_msg_build_reply(&refusal, &parts[1].iov_len);
	if (parts[0].iov_base && parts[1].iov_base)
		(void)sendmsg(fd, &both, MSG_NOSIGNAL | MSG_DONTWAIT);
	free(parts[0].iov_base);
	free(parts[1].iov_base);
	(void)close(fd);
}

static int mgmt_on_connection(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	const struct mgmt_reply hello = { .type = MGMT_HELLO, .name = iscsi_db_version() };
	struct mgmt *mgmt = userdata;
	bool unsure;
	struct mgmt_client *client;
	struct iscsi_why why;
	int conn_fd, r;

	(void)source;
	(void)revents;
	conn_fd = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (conn_fd < 0) {
		if (errno == EMFILE || errno == ENFILE)
			turn_away(mgmt, fd);
		else if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
			log_warning("can't accept a client: %s", strerror(errno));
		return 0;
	}
	/* Who it is comes before anything it has to say. */
	if (peer_check(conn_fd, &unsure, &why)) {
		send_refusal(conn_fd, &why);
		return 0;
	}
	if (unsure && !mgmt->told_unsure)
		log_info("/proc doesn't show who commands iscsid: that it is uid 0 must do");
	mgmt->told_unsure |= unsure;
	r = mgmt_client_new(mgmt, conn_fd, &client);
	if (r < 0) {
		log_warning("can't take a client: %s", strerror(-r));
		return 0;
	}
	client_reply(client, &hello);
	if (mgmt->clients_len > CLIENTS_MAX)
		client_refuse(client, iscsi_fail(&why, ISCSI_ERR_BUSY, "iscsid has %d clients "
						 "already", CLIENTS_MAX), &why);
	return 0;
}

int mgmt_listen(struct mgmt *mgmt, int fd)
{
	int r = mgmt->listen_len == LISTEN_MAX ? -E2BIG : 0;

	if (r >= 0)
		r = sd_event_add_io(mgmt->loop, &mgmt->listen_io[mgmt->listen_len], fd, EPOLLIN,
				    mgmt_on_connection, mgmt);
	/* Anybody may connect as often as there is time: sessions and clients come first. */
	if (r >= 0)
		r = sd_event_source_set_priority(mgmt->listen_io[mgmt->listen_len],
						 LISTEN_PRIORITY);
	if (r >= 0)
		r = sd_event_source_set_ratelimit(mgmt->listen_io[mgmt->listen_len],
						  ACCEPT_INTERVAL_US, ACCEPT_BURST);
	if (r < 0)
		(void)close(fd);
	else
		mgmt->listen_fd[mgmt->listen_len++] = fd;
	return r;
}

struct mgmt *mgmt_new(sd_event *loop, struct clock *clock, struct manager *manager)
{
	struct mgmt *mgmt = calloc(1, sizeof(*mgmt));

	if (!mgmt)
		return NULL;
	mgmt->loop = loop;
	mgmt->clock = clock;
	mgmt->manager = manager;
	mgmt->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	return mgmt;
}

struct mgmt *mgmt_free(struct mgmt *mgmt)
{
	if (!mgmt)
		return NULL;
	while (mgmt->clients) {
		(void)client_flush(mgmt->clients);
		mgmt_client_free(mgmt->clients);
	}
	for (size_t i = 0; i < mgmt->listen_len; i++) {
		sd_event_source_disable_unref(mgmt->listen_io[i]);
		closep(&mgmt->listen_fd[i]);
	}
	closep(&mgmt->spare_fd);
	free(mgmt);
	return NULL;
}
