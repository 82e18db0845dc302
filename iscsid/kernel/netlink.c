/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * kernel_ops over NETLINK_ISCSI. There are two sockets. Commands go out on the first, and their
 * replies are in its queue when sendto() returns. The second is subscribed to the events, which
 * the loop reads in their turn. So replies never mix with events.
 */
#include "iscsid/kernel/netlink.h"

#include <errno.h>
#include <linux/netlink.h>
#include <signal.h>
#include <sys/socket.h>

#include "iscsid/base/log.h"
#include "iscsid/protocol/pdu.h"
#include "libiscsi-db/util.h"

#define NL_GROUP_ISCSID		1	/* events for iscsid */
#define EVENT_RCVBUF		(4 << 20)
#define BATCH_MAX		(32 * 1024)
#define EVENTS_AT_ONCE		64	/* then other event sources have their turn */

/* Commands and events, enum iscsi_uevent_e. */
enum {
	CMD_CREATE_SESSION	= 11,
	CMD_DESTROY_SESSION	= 12,
	CMD_CREATE_CONN		= 13,
	CMD_DESTROY_CONN	= 14,
	CMD_BIND_CONN		= 15,
	CMD_SET_PARAM		= 16,
	CMD_START_CONN		= 17,
	CMD_STOP_CONN		= 18,
	CMD_SEND_PDU		= 19,
	CMD_GET_STATS		= 20,
	CMD_GET_PARAM		= 21,	/* never implemented */
	CMD_SET_HOST_PARAM	= 26,
	CMD_UNBIND_SESSION	= 27,
	CMD_DESTROY_SESSION_ASYNC = 43,

	EV_RECV_PDU		= 101,
	EV_CONN_ERROR		= 102,
	EV_IF_ERROR		= 103,
	EV_DESTROY_SESSION	= 104,
	EV_UNBIND_SESSION	= 105,
};

enum { STOP_TERM = 1, STOP_RECOVER = 3 };
enum { HOST_HWADDRESS = 0, HOST_NETDEV = 2 };

/*
 * struct iscsi_uevent as a 64-bit kernel has it: each member lies where its alignment would
 * put it, so packing moves no member; but a message in a batch may begin at any multiple of 4.
 */
#define PACKED	__attribute__((packed, aligned(4)))

struct uevent {
	uint32_t type;
	uint32_t iferror;		/* a negative errno */
	uint64_t transport_handle;
	union {
		struct { uint32_t initial_cmd_sn; uint16_t cmds_max, queue_depth; } create_session;
		struct { uint32_t sid, cid; } conn;
		struct { uint32_t sid, cid; uint64_t eph; uint32_t is_leading; } PACKED bind;
		struct { uint32_t sid, cid, param, len; } set_param;
		struct { uint32_t host_no, param, len; } set_host_param;
		struct { uint32_t sid, cid; uint64_t conn_handle; uint32_t flag; } PACKED stop;
		struct { uint32_t sid, cid, hdr_size, data_size; } send_pdu;
		uint8_t size[24];
	} u;
	union {
		int32_t retcode;
		struct { uint32_t sid, host_no; } session;	/* CREATE_SESSION, UNBIND event */
		struct { uint32_t sid, cid, error; } conn;	/* events about a connection */
		struct { uint32_t host_no, sid; } destroyed;
		uint8_t size[16];
	} r;
} PACKED;

_Static_assert(sizeof(struct uevent) == 56, "struct iscsi_uevent has 56 bytes");
_Static_assert(offsetof(struct uevent, r) == 40, "its results begin at byte 40");

struct message {
	struct nlmsghdr nlh;
	struct uevent ev;
};
_Static_assert(sizeof(struct message) == 72, "a message without payload has 72 bytes");

struct netlink {
	struct kernel kernel;		/* first, since the others hold a pointer to it */
	struct sysfs *sysfs;
	const struct netlink_wire *wire;
	const struct kernel_events *events;
	void *arg;
	int command_fd;
	int event_fd;
	sd_event_source *source;
	uint64_t handle;		/* of the tcp transport; 0: not read yet */
	enum iscsi_err batch_err;	/* why no batch could be started */
	bool astray;			/* replies to an earlier batch may be left in the queue */
	size_t batch_len;
	uint8_t batch[BATCH_MAX] __attribute__((aligned(8)));
	/* For the longest PDU that the kernel hands over. */
	uint8_t buf[sizeof(struct message) + PDU_BHS_LEN + PDU_LOGIN_DATA_MAX]
		__attribute__((aligned(8)));
};

static struct netlink *netlink_of(struct kernel *kernel)
{
	return (struct netlink *)kernel;
}

static int wire_receive(int fd, void *buf, size_t size, size_t *len, unsigned int most)
{
	struct sockaddr_nl from[NETLINK_AT_ONCE] = { 0 };
	struct mmsghdr msgs[NETLINK_AT_ONCE];
	struct iovec iov[NETLINK_AT_ONCE];
	int n, kept;

	most = MIN(most, (unsigned int)NETLINK_AT_ONCE);
	for (unsigned int i = 0; i < most; i++) {
		iov[i] = (struct iovec){ (uint8_t *)buf + i * size, size };
		msgs[i].msg_hdr = (struct msghdr){
			.msg_name = &from[i], .msg_namelen = sizeof(from[i]),
			.msg_iov = &iov[i], .msg_iovlen = 1,
		};
	}
	do {
		n = recvmmsg(fd, msgs, most, MSG_DONTWAIT, NULL);
		if (n < 0 && errno != EINTR)
			return errno == EAGAIN ? 0 : -errno;
		kept = 0;
		for (int i = 0; i < n; i++) {
			if (from[i].nl_pid != 0)
				continue;
			memmove(iov[kept].iov_base, iov[i].iov_base, msgs[i].msg_len);
			len[kept++] = msgs[i].msg_len;
		}
	} while (!kept);
	return kept;
}

static int wire_open(uint32_t groups)
{
	struct sockaddr_nl addr = { .nl_family = AF_NETLINK, .nl_groups = groups };
	int buf = EVENT_RCVBUF;
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ISCSI);

	if (fd < 0 || bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0)
		return close_failed(fd);
	/* Each message counts 768 bytes. Without the right to force the size, the limit applies. */
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &buf, sizeof(buf)) < 0)
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buf, sizeof(buf));
	return fd;
}

static ssize_t wire_send(int fd, const void *buf, size_t len)
{
	const struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	ssize_t n = sendto(fd, buf, len, 0, (const struct sockaddr *)&kernel, sizeof(kernel));

	return n < 0 ? -errno : n;
}

const struct netlink_wire netlink_wire = {
	.open = wire_open, .send = wire_send, .receive = wire_receive,
};

/* ---- a batch: messages one after the other in one datagram ------------------------------ */

/*
 * Each message needs the handle of the transport, which is there once that is loaded. If the handle
 * can't be read, batch_run() returns that error.
 */
static struct netlink *batch_start(struct kernel *kernel, struct iscsi_why *why)
{
	struct netlink *nl = netlink_of(kernel);
	struct message stale;
	size_t len;

	while (nl->astray && nl->wire->receive(nl->command_fd, &stale, sizeof(stale), &len, 1) > 0)
		;
	nl->astray = false;
	nl->batch_len = 0;
	nl->batch_err = nl->handle ? ISCSI_SUCCESS :
			sysfs_read_transport_handle(nl->sysfs, "tcp", &nl->handle, why);
	return nl;
}

/*
 * Adds a command; @head and @tail follow as its payload. The callers bound the size (parameters
 * by KERNEL_PARAMS_MAX and the lengths of a record's values, PDUs by the 8192 bytes of a login);
 * batch_run() refuses a batch that doesn't fit.
 */
static struct uevent *batch_add(struct netlink *nl, uint32_t type, const void *head,
				size_t head_len, const void *tail, size_t tail_len)
{
	static struct uevent nowhere;
	size_t start = NLMSG_ALIGN(nl->batch_len);
	size_t len = sizeof(struct message) + head_len + tail_len;
	struct message *msg;

	nl->batch_len = start + len;
	if (nl->batch_len > sizeof(nl->batch))
		return &nowhere;
	msg = (struct message *)(nl->batch + start);
	memset(msg, 0, sizeof(*msg));
	msg->nlh.nlmsg_len = (uint32_t)len;
	msg->nlh.nlmsg_type = (uint16_t)type;
	msg->ev.type = type;
	msg->ev.transport_handle = nl->handle;
	if (head_len)
		memcpy(msg + 1, head, head_len);
	if (tail_len)
		memcpy((uint8_t *)(msg + 1) + head_len, tail, tail_len);
	return &msg->ev;
}

static void batch_add_params(struct netlink *nl, uint32_t sid, const struct kernel_params *params)
{
	for (size_t i = 0; i < params->len; i++) {
		const struct kernel_param *p = &params->param[i];
		const char *value = p->text ? p->text : p->number;
		size_t len = strlen(value) + 1;
		struct uevent *ev = batch_add(nl, CMD_SET_PARAM, value, len, NULL, 0);

		ev->u.set_param.sid = sid;
		ev->u.set_param.param = p->id;
		ev->u.set_param.len = (uint32_t)len;
	}
}

static void batch_add_host_param(struct netlink *nl, int host_no, uint32_t param, const char *value)
{
	size_t len = strlen(value) + 1;
	struct uevent *ev;

	if (len == 1)
		return;
	ev = batch_add(nl, CMD_SET_HOST_PARAM, value, len, NULL, 0);
	ev->u.set_host_param.host_no = (uint32_t)host_no;
	ev->u.set_host_param.param = param;
	ev->u.set_host_param.len = (uint32_t)len;
}

static void batch_add_pdu(struct netlink *nl, uint32_t sid, const uint8_t *bhs,
			  const uint8_t *data, size_t data_len)
{
	struct uevent *ev = batch_add(nl, CMD_SEND_PDU, bhs, PDU_BHS_LEN, data, data_len);

	ev->u.send_pdu.sid = sid;
	ev->u.send_pdu.hdr_size = PDU_BHS_LEN;
	ev->u.send_pdu.data_size = (uint32_t)data_len;
}

static void batch_add_conn(struct netlink *nl, uint32_t type, uint32_t sid)
{
	batch_add(nl, type, NULL, 0, NULL, 0)->u.conn.sid = sid;
}

static void batch_add_stop(struct netlink *nl, uint32_t sid, uint32_t flag)
{
	struct uevent *ev = batch_add(nl, CMD_STOP_CONN, NULL, 0, NULL, 0);

	ev->u.stop.sid = sid;
	ev->u.stop.flag = flag;
}

static const char *command_text(uint16_t type)
{
	switch (type) {
	case CMD_CREATE_SESSION:	return "create the session";
	case CMD_DESTROY_SESSION:
	case CMD_DESTROY_SESSION_ASYNC:	return "destroy the session";
	case CMD_CREATE_CONN:		return "create the connection";
	case CMD_DESTROY_CONN:		return "destroy the connection";
	case CMD_BIND_CONN:		return "bind the socket";
	case CMD_SET_PARAM:		return "set a parameter";
	case CMD_START_CONN:		return "start the connection";
	case CMD_STOP_CONN:		return "stop the connection";
	case CMD_SEND_PDU:		return "send a PDU";
	case CMD_SET_HOST_PARAM:	return "set a parameter of the host";
	case CMD_UNBIND_SESSION:	return "remove the LUNs of the session";
	default:			return "carry out a command";
	}
}

/* The errno of a reply: from the class (iferror) or from the operation itself (retcode). */
static int reply_errno(const struct message *msg)
{
	if (msg->ev.type == EV_IF_ERROR)
		return -(int32_t)msg->ev.iferror;
	switch (msg->nlh.nlmsg_type) {
	case CMD_BIND_CONN:
	case CMD_START_CONN:
	case CMD_SEND_PDU:
		return -msg->ev.r.retcode;
	default:
		return 0;
	}
}

/* A parameter that this kernel doesn't know is no reason to fail a login. */
static bool reply_harmless(const struct message *msg, int error)
{
	return error == ENOSYS && (msg->nlh.nlmsg_type == CMD_SET_PARAM ||
				   msg->nlh.nlmsg_type == CMD_SET_HOST_PARAM);
}

/* A command for a connection that is gone already fails like a lost connection. */
static enum iscsi_err reply_err(const struct message *msg, int error)
{
	if (error == EPERM && msg->ev.type == EV_IF_ERROR)
		return ISCSI_ERR_ACCESS;
	if (error == ENOTCONN || (error == EPERM && msg->nlh.nlmsg_type == CMD_SEND_PDU))
		return ISCSI_ERR_TRANS;
	return ISCSI_ERR_INTERNAL;
}

/*
 * Details of a failure for the reason. A kernel that has counted a target's answer twice never
 * takes a login PDU on that session again.
 */
static void describe_failure(const struct message *msg, int error, char *ret, size_t size)
{
	if (msg->nlh.nlmsg_type == CMD_SET_PARAM)
		(void)snprintf(ret, size, " (number %u)", msg->ev.u.set_param.param);
	else if (msg->nlh.nlmsg_type == CMD_SEND_PDU && error == EPERM)
		(void)snprintf(ret, size, " (the connection has gone, or a target's double answer "
			       "has broken the session: only a logout and a login mend that)");
}

/* Sends the batch. *ret is the number of its messages. */
static enum iscsi_err batch_send(struct netlink *nl, unsigned int *ret, struct iscsi_why *why)
{
	ssize_t r;

	if (nl->batch_err)
		return nl->batch_err;
	if (nl->batch_len > sizeof(nl->batch))
		return iscsi_fail(why, ISCSI_ERR_INVAL, "the settings are too long for the kernel");
	*ret = 0;
	for (size_t pos = 0; pos < nl->batch_len; ++*ret)
		pos += NLMSG_ALIGN(((const struct nlmsghdr *)(nl->batch + pos))->nlmsg_len);
	r = nl->wire->send(nl->command_fd, nl->batch, nl->batch_len);
	if (r == -ECONNREFUSED)
		return iscsi_fail(why, ISCSI_ERR_INTERNAL, "the kernel's iSCSI netlink answers in "
				  "the first network namespace only");
	if (r < 0)
		return iscsi_fail(why, ISCSI_ERR_INTERNAL, "netlink: %s", strerror((int)-r));
	return ISCSI_SUCCESS;
}

/*
 * Sends the batch and reads a reply for each of its messages; the first failure is the result.
 * @last gets the last reply (may be NULL), @error the errno of the failure (may be NULL).
 */
static enum iscsi_err batch_exchange(struct netlink *nl, struct uevent *last, int *error,
				     struct iscsi_why *why)
{
	const struct nlmsghdr *sent = (const struct nlmsghdr *)nl->batch;
	struct message replies[NETLINK_AT_ONCE];
	size_t len[NETLINK_AT_ONCE];
	unsigned int expected;
	int got = 0, at = 0;
	enum iscsi_err err;
	char more[160] = "";

	if (error)
		*error = 0;
	err = batch_send(nl, &expected, why);
	if (err)
		return err;
	for (; expected; expected--, at++) {
		const struct message *msg = &replies[at];
		int e;

		if (at == got) {
			at = 0;
			msg = replies;
			got = nl->wire->receive(nl->command_fd, replies, sizeof(replies[0]), len,
						expected);
		}
		if (got <= 0 || len[at] < sizeof(*msg) || msg->nlh.nlmsg_type != sent->nlmsg_type) {
			nl->astray = true;
			if (last)	/* an earlier reply says nothing about this command */
				*last = (struct uevent){ .type = EV_IF_ERROR };
			return iscsi_fail(why, ISCSI_ERR_INTERNAL,
					  "the kernel didn't answer the request to %s: %s",
					  command_text(sent->nlmsg_type),
					  got < 0 ? strerror(-got) : "no such reply");
		}
		sent = (const struct nlmsghdr *)((const uint8_t *)sent +
						 NLMSG_ALIGN(sent->nlmsg_len));
		e = reply_errno(msg);
		if (last)
			*last = msg->ev;
		if (!e || err || reply_harmless(msg, e))
			continue;
		if (error)
			*error = e;
		describe_failure(msg, e, more, sizeof(more));
		err = iscsi_fail(why, reply_err(msg, e), "the kernel could not %s: %s%s",
				 command_text(msg->nlh.nlmsg_type), strerror(e), more);
	}
	return err;
}

/* The same; then the batch is wiped, since it may hold secrets. */
static enum iscsi_err batch_run(struct netlink *nl, struct uevent *last, int *error,
				struct iscsi_why *why)
{
	enum iscsi_err err = batch_exchange(nl, last, error, why);

	explicit_bzero(nl->batch, MIN(nl->batch_len, sizeof(nl->batch)));
	return err;
}

/* ---- the operations -------------------------------------------------------------------- */

/*
 * SIGKILL makes CREATE_SESSION fail, and then iscsi_host_remove() in Linux's drivers/scsi/libiscsi.c
 * flushes the signals of the thread that asked. The other threads die, but this thread would live
 * on in a process that counts as killed and never gets a signal again. A worker thread in its place
 * would be left over just the same. A blocked signal that is always pending tells, because the
 * kernel flushes this signal too; a signal below SIGRTMIN needs no memory to become pending.
 */
static void arm_kill_probe(void)
{
	sigset_t probe;

	(void)sigemptyset(&probe);
	(void)sigaddset(&probe, SIGUSR2);
	(void)pthread_sigmask(SIG_BLOCK, &probe, NULL);
	(void)raise(SIGUSR2);
}

static void end_if_killed(void)
{
	sigset_t pending;

	if (sigpending(&pending) < 0 || sigismember(&pending, SIGUSR2))
		return;
	log_error("iscsid was killed while the kernel made or removed a session; ending now");
	_exit(128 + SIGKILL);
}

static enum iscsi_err nl_create_session(struct kernel *kernel,
					const struct kernel_session_args *args,
					uint32_t *sid, int *host_no, struct iscsi_why *why)
{
	struct netlink *nl;
	enum iscsi_err err;
	struct uevent reply;
	int error;

	/* A second try with a fresh handle: the transport may have been loaded anew. */
	for (int attempt = 0; attempt < 2; attempt++) {
		struct uevent *ev;

		nl = batch_start(kernel, why);
		ev = batch_add(nl, CMD_CREATE_SESSION, NULL, 0, NULL, 0);
		ev->u.create_session.initial_cmd_sn = args->initial_cmd_sn;
		ev->u.create_session.cmds_max = args->cmds_max;
		ev->u.create_session.queue_depth = args->queue_depth;
		err = batch_run(nl, &reply, &error, why);
		if (error != EINVAL)
			break;
		nl->handle = 0;
	}
	if (err) {
		end_if_killed();
		return err;
	}
	*sid = reply.r.session.sid;
	*host_no = (int)reply.r.session.host_no;
	return ISCSI_SUCCESS;
}

static enum iscsi_err nl_bind_conn(struct kernel *kernel, const struct kernel_bind_args *args,
				   struct iscsi_why *why)
{
	struct netlink *nl = batch_start(kernel, why);
	struct uevent *ev;

	if (args->create)
		batch_add_conn(nl, CMD_CREATE_CONN, args->sid);
	ev = batch_add(nl, CMD_BIND_CONN, NULL, 0, NULL, 0);
	ev->u.bind.sid = args->sid;
	ev->u.bind.eph = (uint64_t)args->fd;
	ev->u.bind.is_leading = 1;
	batch_add_params(nl, args->sid, args->params);
	batch_add_host_param(nl, args->host_no, HOST_NETDEV, args->netdev);
	batch_add_host_param(nl, args->host_no, HOST_HWADDRESS, args->hwaddress);
	batch_add_pdu(nl, args->sid, args->bhs, args->data, args->data_len);
	return batch_run(nl, NULL, NULL, why);
}

static enum iscsi_err nl_send_pdu(struct kernel *kernel, uint32_t sid, const uint8_t *bhs,
				  const uint8_t *data, size_t data_len, struct iscsi_why *why)
{
	struct netlink *nl = batch_start(kernel, why);

	batch_add_pdu(nl, sid, bhs, data, data_len);
	return batch_run(nl, NULL, NULL, why);
}

static enum iscsi_err nl_set_params(struct kernel *kernel, uint32_t sid,
				    const struct kernel_params *params, struct iscsi_why *why)
{
	struct netlink *nl = batch_start(kernel, why);

	batch_add_params(nl, sid, params);
	return batch_run(nl, NULL, NULL, why);
}

static enum iscsi_err nl_start_conn(struct kernel *kernel, uint32_t sid,
				    const struct kernel_params *params, struct iscsi_why *why)
{
	struct netlink *nl = batch_start(kernel, why);

	batch_add_params(nl, sid, params);
	batch_add_conn(nl, CMD_START_CONN, sid);
	return batch_run(nl, NULL, NULL, why);
}

static enum iscsi_err nl_stop_conn(struct kernel *kernel, uint32_t sid, struct iscsi_why *why)
{
	struct netlink *nl = batch_start(kernel, why);

	batch_add_stop(nl, sid, STOP_RECOVER);
	return batch_run(nl, NULL, NULL, why);
}

static enum iscsi_err nl_unbind_session(struct kernel *kernel, uint32_t sid,
					struct iscsi_why *why)
{
	struct netlink *nl = batch_start(kernel, why);

	batch_add_conn(nl, CMD_UNBIND_SESSION, sid);
	return batch_run(nl, NULL, NULL, why);
}

/* struct iscsi_stats, host byte order: two octet counters, 19 counters of PDUs and errors. */
static const struct { const char *name; uint8_t offset, size; } stat_fields[] = {
	{ "txdata_octets", 0, 8 }, { "rxdata_octets", 8, 8 }, { "noptx_pdus", 16, 4 },
	{ "scsicmd_pdus", 20, 4 }, { "tmfcmd_pdus", 24, 4 }, { "login_pdus", 28, 4 },
	{ "text_pdus", 32, 4 }, { "dataout_pdus", 36, 4 }, { "logout_pdus", 40, 4 },
	{ "snack_pdus", 44, 4 }, { "noprx_pdus", 48, 4 }, { "scsirsp_pdus", 52, 4 },
	{ "tmfrsp_pdus", 56, 4 }, { "textrsp_pdus", 60, 4 }, { "datain_pdus", 64, 4 },
	{ "logoutrsp_pdus", 68, 4 }, { "r2t_pdus", 72, 4 }, { "async_pdus", 76, 4 },
	{ "rjt_pdus", 80, 4 }, { "digest_err", 84, 4 }, { "timeout_err", 88, 4 },
};
#define STATS_LEN		96
#define STATS_CUSTOM_LEN	72	/* 64 bytes of name, a 64-bit value */
#define STATS_CUSTOM_MAX	32

static uint64_t host_number(const uint8_t *p, size_t size)
{
	uint64_t v8;
	uint32_t v4;

	if (size == sizeof(v4)) {
		memcpy(&v4, p, size);
		return v4;
	}
	memcpy(&v8, p, size);
	return v8;
}

/* @len bytes of statistics, at least STATS_LEN; returns how many counters there are. */
static size_t parse_stats(const uint8_t *data, size_t len, struct kernel_stat *stats)
{
	size_t n = 0, custom;

	for (; n < ARRAY_SIZE(stat_fields); n++) {
		stats[n].custom = false;
		stats[n].value = host_number(data + stat_fields[n].offset, stat_fields[n].size);
		strcpy(stats[n].name, stat_fields[n].name);
	}
	custom = (size_t)host_number(data + 92, 4);
	custom = MIN(custom, (len - STATS_LEN) / STATS_CUSTOM_LEN);
	custom = MIN(custom, (size_t)STATS_CUSTOM_MAX);
	for (data += STATS_LEN; custom; custom--, n++, data += STATS_CUSTOM_LEN) {
		stats[n].custom = true;
		stats[n].value = host_number(data + 64, 8);
		memcpy(stats[n].name, data, sizeof(stats[n].name) - 1);
		stats[n].name[sizeof(stats[n].name) - 1] = '\0';
	}
	return n;
}

/*
 * The kernel answers with a multicast and spins, holding up every iSCSI command of the machine,
 * until a subscriber takes the message. So the request goes out on a subscribed socket that was
 * opened for it and has an empty queue.
 */
static enum iscsi_err nl_get_stats(struct kernel *kernel, uint32_t sid, struct kernel_stat *stats,
				   size_t *len, struct iscsi_why *why)
{
	struct netlink *nl = batch_start(kernel, why);
	const struct message *msg = (const struct message *)nl->buf;
	CLEANUP(closep) int fd = -1;
	size_t got;
	ssize_t n;

	if (nl->batch_err)
		return nl->batch_err;
	fd = nl->wire->open(NL_GROUP_ISCSID);
	if (fd < 0)
		return iscsi_fail(why, ISCSI_ERR_INTERNAL, "netlink: %s", strerror(-fd));
	batch_add_conn(nl, CMD_GET_STATS, sid);
	n = nl->wire->send(fd, nl->batch, nl->batch_len);
	if (n < 0)
		return iscsi_fail(why, ISCSI_ERR_INTERNAL, "netlink: %s", strerror((int)-n));
	while (nl->wire->receive(fd, nl->buf, sizeof(nl->buf), &got, 1) > 0) {
		if (got < sizeof(*msg))
			continue;
		if (msg->nlh.nlmsg_type == CMD_GET_STATS)
			return iscsi_fail(why, ISCSI_ERR_INTERNAL, "the kernel has no statistics: "
					  "%s", strerror(reply_errno(msg)));
		if (msg->nlh.nlmsg_type || msg->ev.type != CMD_GET_STATS ||
		    msg->ev.u.conn.sid != sid || got < sizeof(*msg) + STATS_LEN)
			continue;	/* an event: the other socket has it too */
		*len = parse_stats((const uint8_t *)(msg + 1), got - sizeof(*msg), stats);
		return ISCSI_SUCCESS;
	}
	return iscsi_fail(why, ISCSI_ERR_INTERNAL, "the kernel gave no statistics");
}

static enum iscsi_err nl_destroy_session(struct kernel *kernel, uint32_t sid, bool has_conn,
					 struct iscsi_why *why)
{
	struct netlink *nl = batch_start(kernel, why);
	enum iscsi_err err;
	struct uevent last = { .type = EV_IF_ERROR };

	if (has_conn) {
		batch_add_stop(nl, sid, STOP_TERM);
		batch_add_conn(nl, CMD_DESTROY_CONN, sid);
	}
	batch_add_conn(nl, CMD_DESTROY_SESSION_ASYNC, sid);
	err = batch_run(nl, &last, NULL, why);
	/* An error of the connection doesn't matter: the connection may never have been made. */
	if (err && last.type != EV_IF_ERROR)
		return ISCSI_SUCCESS;
	if (!err || last.iferror != (uint32_t)-ENOSYS)
		return err;
	nl->batch_len = 0;	/* before Linux 5.7 */
	batch_add_conn(nl, CMD_DESTROY_SESSION, sid);
	err = batch_run(nl, NULL, NULL, why);
	end_if_killed();
	return err;
}

static const struct kernel_ops netlink_ops = {
	.create_session		= nl_create_session,
	.bind_conn		= nl_bind_conn,
	.send_pdu		= nl_send_pdu,
	.set_params		= nl_set_params,
	.start_conn		= nl_start_conn,
	.stop_conn		= nl_stop_conn,
	.unbind_session		= nl_unbind_session,
	.get_stats		= nl_get_stats,
	.destroy_session	= nl_destroy_session,
};

/* ---- events ---------------------------------------------------------------------------- */

static void dispatch_pdu(struct netlink *nl, const struct message *msg, size_t len)
{
	const uint8_t *bhs = (const uint8_t *)(msg + 1);
	struct pdu_header header;

	if (len < sizeof(*msg) + PDU_BHS_LEN)
		return;
	pdu_parse_header(bhs, &header);
	/* The datagram is padded, so the PDU's own length counts, if so many bytes came. */
	if (header.data_len > len - sizeof(*msg) - PDU_BHS_LEN)
		return;
	nl->events->pdu(nl->arg, msg->ev.r.conn.sid, bhs, bhs + PDU_BHS_LEN, header.data_len);
}

static void dispatch(struct netlink *nl, const struct message *msg, size_t len)
{
	if (msg->nlh.nlmsg_type != 0)
		return;
	/* Fields that an event doesn't list are uninitialised kernel memory: leave them be. */
	switch (msg->ev.type) {
	case EV_RECV_PDU:
		dispatch_pdu(nl, msg, len);
		break;
	case EV_CONN_ERROR:
		nl->events->conn_error(nl->arg, msg->ev.r.conn.sid, (int)msg->ev.r.conn.error);
		break;
	case EV_DESTROY_SESSION:
		nl->events->destroyed(nl->arg, msg->ev.r.destroyed.sid);
		break;
	case EV_UNBIND_SESSION:
		nl->events->unbound(nl->arg, msg->ev.r.session.sid);
		break;
	}
}

static int netlink_on_event(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	struct netlink *nl = userdata;
	bool lost = false;
	int i;

	(void)revents;
	for (i = 0; i < EVENTS_AT_ONCE; i++) {
		size_t len;
		int n = nl->wire->receive(fd, nl->buf, sizeof(nl->buf), &len, 1);

		if (n == -ENOBUFS) {
			lost = true;
			continue;
		}
		if (n <= 0)
			break;
		if (len >= sizeof(struct message))
			dispatch(nl, (const struct message *)nl->buf, len);
	}
	if (lost)
		nl->events->lost_events(nl->arg);
	/* Events of the kernel come first, unless a target makes the kernel send a flood of them. */
	(void)sd_event_source_set_priority(source, i == EVENTS_AT_ONCE ?
					   SD_EVENT_PRIORITY_NORMAL : SD_EVENT_PRIORITY_IMPORTANT);
	return 0;
}

/* Whether the kernel answers: the error for a command that no kernel has is answer enough. */
static enum iscsi_err probe(struct netlink *nl, struct iscsi_why *why)
{
	int error;
	enum iscsi_err err;

	nl->batch_len = 0;
	batch_add(nl, CMD_GET_PARAM, NULL, 0, NULL, 0);
	err = batch_run(nl, NULL, &error, why);
	if (err == ISCSI_ERR_ACCESS)
		return iscsi_fail(why, err, "the kernel takes no iSCSI commands from us: that needs "
				  "root's rights (CAP_SYS_ADMIN) in the first user namespace");
	return error ? ISCSI_SUCCESS : err;
}

enum iscsi_err netlink_open(sd_event *loop, struct sysfs *sysfs,
			    const struct netlink_wire *wire,
			    const struct kernel_events *events, void *arg,
			    struct kernel **ret, struct iscsi_why *why)
{
	struct netlink *nl = calloc(1, sizeof(*nl));
	enum iscsi_err err;
	int r;

	if (!nl)
		return iscsi_fail(why, ISCSI_ERR_NOMEM, "no memory");
	nl->kernel.ops = &netlink_ops;
	nl->sysfs = sysfs;
	nl->wire = wire;
	nl->events = events;
	nl->arg = arg;
	nl->event_fd = -1;
	r = nl->command_fd = wire->open(0);
	if (r >= 0)
		r = nl->event_fd = nl->wire->open(NL_GROUP_ISCSID);
	if (r >= 0)
		r = sd_event_add_io(loop, &nl->source, nl->event_fd, EPOLLIN,
				    netlink_on_event, nl);
	if (r >= 0)
		r = sd_event_source_set_priority(nl->source, SD_EVENT_PRIORITY_IMPORTANT);
	if (r < 0) {
		netlink_close(&nl->kernel);
		if (r == -EPROTONOSUPPORT)
			return iscsi_fail(why, ISCSI_ERR_TRANS_NOT_FOUND,
					  "can not create NETLINK_ISCSI socket [%s]: is "
					  "scsi_transport_iscsi loaded?", strerror(-r));
		return iscsi_fail(why, r == -EPERM ? ISCSI_ERR_ACCESS : ISCSI_ERR_INTERNAL,
				  "can not create NETLINK_ISCSI socket [%s]", strerror(-r));
	}
	err = probe(nl, why);
	if (err) {
		netlink_close(&nl->kernel);
		return err;
	}
	arm_kill_probe();
	*ret = &nl->kernel;
	return ISCSI_SUCCESS;
}

struct kernel *netlink_close(struct kernel *kernel)
{
	struct netlink *nl = kernel ? netlink_of(kernel) : NULL;

	if (!nl)
		return NULL;
	sd_event_source_disable_unref(nl->source);
	closep(&nl->event_fd);
	closep(&nl->command_fd);
	free(nl);
	return NULL;
}
