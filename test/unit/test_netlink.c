/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * kernel_ops over netlink, without a kernel: the test takes the batches that would be sent,
 * checks each message byte by byte against struct iscsi_uevent of a 64-bit kernel, and gives
 * the replies and events that the kernel would.
 */
#include <check.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/eventfd.h>

#include "iscsid/kernel/netlink.h"
#include "iscsid/protocol/pdu.h"
#include "libiscsi-db/util.h"
#include "test/fake/sysfs.h"

#define HANDLE	UINT64_C(18446744072635812000)		/* of the fake sysfs */

/* Where struct nlmsghdr, struct iscsi_uevent and their fields, from the message's first byte. */
enum {
	AT_LEN = 0, AT_NLTYPE = 4, AT_TYPE = 16, AT_IFERROR = 20, AT_HANDLE = 24, AT_U = 32,
	AT_R = 56, AT_PAYLOAD = 72,
};

static sd_event *loop;
static struct fake_sysfs *fs;
static struct sysfs *sysfs;
static struct kernel *kernel;
static struct iscsi_why why;
static int command_fd, event_fd, stats_fd;

/* What was sent last. */
static uint8_t sent[64 * 1024];
static size_t sent_len, batches;
static const uint8_t *batch;		/* where it lies in the kernel object */
static char sent_types[256];		/* of the last batch: "13 15 16 19" */

/* How the next replies are: errno of the class, or of the operation, for a command. */
static struct { uint32_t command; int class_error, result; } failing;
static int send_errno;
static unsigned int replies = UINT_MAX;	/* so many more */

/* Datagrams that wait to be received. */
static struct datagram {
	int fd;
	size_t len;
	int error;
	const uint8_t *longer;		/* the data, if there is no room here */
	uint8_t data[1024];
} queue[128];
static size_t queue_len;

static char told[4096];

static uint32_t u32_at(const uint8_t *p, size_t at)
{
	uint32_t n;

	memcpy(&n, p + at, sizeof(n));
	return n;
}

static uint64_t u64_at(const uint8_t *p, size_t at)
{
	uint64_t n;

	memcpy(&n, p + at, sizeof(n));
	return n;
}

static uint16_t u16_at(const uint8_t *p, size_t at)
{
	uint16_t n;

	memcpy(&n, p + at, sizeof(n));
	return n;
}

static void set_u32(uint8_t *p, size_t at, uint32_t n)
{
	memcpy(p + at, &n, sizeof(n));
}

static void set_u16(uint8_t *p, size_t at, uint16_t n)
{
	memcpy(p + at, &n, sizeof(n));
}

static void enqueue(int fd, const uint8_t *data, size_t len)
{
	struct datagram *dg = &queue[queue_len++];

	ck_assert_uint_le(queue_len, ARRAY_SIZE(queue));
	*dg = (struct datagram){ .fd = fd, .len = len };
	if (len > sizeof(dg->data))
		dg->longer = data;
	else
		memcpy(dg->data, data, len);
}

static void enqueue_error(int fd, int error)
{
	queue[queue_len++] = (struct datagram){ .fd = fd, .error = -error };
}

/* ---- the wire ----------------------------------------------------------------------------- */

static int open_error, open_error_after;	/* so many sockets can be opened, the next can't */

static int wire_open(uint32_t groups)
{
	int fd;

	if (open_error && !open_error_after--)
		return -open_error;
	fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (!groups)
		command_fd = fd;
	else if (event_fd < 0)
		event_fd = fd;
	else
		stats_fd = fd;
	return fd;
}

/* As the kernel: one reply for each message, the whole request with its results filled in. */
static void reply_to(const uint8_t *message)
{
	uint8_t reply[AT_PAYLOAD];
	uint16_t command = u16_at(message, AT_NLTYPE);

	memcpy(reply, message, sizeof(reply));
	set_u32(reply, AT_LEN, sizeof(reply));
	if (command == 11) {
		set_u32(reply, AT_R, 7);		/* sid, host_no */
		set_u32(reply, AT_R + 4, 3);
	}
	if (failing.command == command && failing.class_error) {
		set_u32(reply, AT_TYPE, 103);
		set_u32(reply, AT_IFERROR, (uint32_t)-failing.class_error);
	}
	if (failing.command == command && failing.result)
		set_u32(reply, AT_R, (uint32_t)-failing.result);
	enqueue(command_fd, reply, sizeof(reply));
}

static ssize_t wire_send(int fd, const void *buf, size_t len)
{
	const uint8_t *p = buf;

	if (send_errno)
		return -send_errno;
	ck_assert(fd == command_fd || fd == stats_fd);
	batch = buf;
	memcpy(sent, buf, len);
	sent_len = len;
	sent_types[0] = '\0';
	batches++;
	for (size_t at = 0; at < len;) {
		size_t one = u32_at(p, at + AT_LEN);

		ck_assert_uint_ge(one, AT_PAYLOAD);
		ck_assert_uint_le(at + one, len);
		ck_assert_uint_eq(u32_at(p, at + AT_TYPE), u16_at(p, at + AT_NLTYPE));
		(void)snprintf(sent_types + strlen(sent_types),
			       sizeof(sent_types) - strlen(sent_types), "%s%u", at ? " " : "",
			       u16_at(p, at + AT_NLTYPE));
		if (fd == command_fd && replies && replies--)
			reply_to(p + at);
		at += (one + 3) & ~(size_t)3;
	}
	return (ssize_t)len;
}

/* As many as are asked for and, every second time, two at most, so that a batch takes more calls. */
static int wire_receive(int fd, void *buf, size_t size, size_t *len, unsigned int most)
{
	static bool few;
	unsigned int n = 0;

	few = !few;
	most = few ? MIN(most, 2u) : MIN(most, (unsigned int)NETLINK_AT_ONCE);
	for (size_t i = 0; i < queue_len; i++) {
		struct datagram dg = queue[i];

		if (dg.fd != fd)
			continue;
		if (dg.error && n)
			break;
		queue_len--;
		memmove(&queue[i], &queue[i + 1], (queue_len - i) * sizeof(dg));
		if (dg.error)
			return dg.error;
		len[n] = MIN(dg.len, size);
		memcpy((uint8_t *)buf + n * size, dg.longer ? dg.longer : dg.data, len[n]);
		if (++n == most)
			break;
		i--;
	}
	return (int)n;
}

static const struct netlink_wire wire = { wire_open, wire_send, wire_receive };

/* The nth message of the last batch. */
static const uint8_t *message(size_t n)
{
	size_t at = 0;

	while (n--)
		at += (u32_at(sent, at + AT_LEN) + 3) & ~(size_t)3;
	ck_assert_uint_lt(at, sent_len);
	if (u16_at(sent, at + AT_NLTYPE) != 21)
		ck_assert_uint_eq(u64_at(sent, at + AT_HANDLE), HANDLE);
	return sent + at;
}

/* ---- events --------------------------------------------------------------------------------- */

static void note(const char *fmt, ...) PRINTF(1, 2);

static void note(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(told + strlen(told), sizeof(told) - strlen(told), fmt, ap);
	va_end(ap);
}

static void on_pdu(void *arg, uint32_t sid, const uint8_t *bhs, const uint8_t *data, size_t len)
{
	ck_assert_ptr_eq(arg, &told);
	note("pdu %u %02x %zu%.*s;", sid, bhs[0], len, (int)len, (const char *)data);
}

static void on_conn_error(void *arg, uint32_t sid, int error)
{
	ck_assert_ptr_eq(arg, &told);
	note("error %u %d;", sid, error);
}

static void on_unbound(void *arg, uint32_t sid)
{
	ck_assert_ptr_eq(arg, &told);
	note("unbound %u;", sid);
}

static void on_destroyed(void *arg, uint32_t sid)
{
	ck_assert_ptr_eq(arg, &told);
	note("destroyed %u;", sid);
}

static void on_lost(void *arg)
{
	ck_assert_ptr_eq(arg, &told);
	note("lost;");
}

static const struct kernel_events events = {
	on_pdu, on_conn_error, on_unbound, on_destroyed, on_lost,
};

static void event(uint32_t type, uint32_t r0, uint32_t r1, uint32_t r2, const void *payload,
		  size_t len)
{
	uint8_t data[512] = { 0 };

	set_u32(data, AT_LEN, (uint32_t)(AT_PAYLOAD + len));
	set_u32(data, AT_TYPE, type);
	set_u32(data, AT_R, r0);
	set_u32(data, AT_R + 4, r1);
	set_u32(data, AT_R + 8, r2);
	if (len)
		memcpy(data + AT_PAYLOAD, payload, len);
	enqueue(event_fd, data, AT_PAYLOAD + len);
}

static void run_events(void)
{
	ck_assert_int_eq(eventfd_write(event_fd, 1), 0);
	ck_assert_int_ge(sd_event_run(loop, 1000000), 0);
}

/* ---- setting up ------------------------------------------------------------------------------ */

static enum iscsi_err open_kernel(void)
{
	return netlink_open(loop, sysfs, &wire, &events, &told, &kernel, &why);
}

static void setup(void)
{
	command_fd = event_fd = stats_fd = -1;
	ck_assert_int_ge(sd_event_new(&loop), 0);
	fs = fake_sysfs_new();
	ck_assert_int_eq(sysfs_new(fake_sysfs_root(fs), &sysfs), 0);
	failing.command = 21;		/* GET_PARAM, which no kernel has */
	failing.class_error = EINVAL;
	ck_assert_msg(!open_kernel(), "%s", why.text);
	ck_assert_str_eq(sent_types, "21");
	memset(&failing, 0, sizeof(failing));
}

static void teardown(void)
{
	kernel = netlink_close(kernel);
	sysfs_free(sysfs);
	fake_sysfs_free(fs);
	sd_event_unref(loop);
}

static void close_kernel(void)
{
	kernel = netlink_close(kernel);
	command_fd = event_fd = -1;
}

static const struct { int error; enum iscsi_err err; } socket_failures[] = {
	{ EPERM, ISCSI_ERR_ACCESS }, { EPROTONOSUPPORT, ISCSI_ERR_TRANS_NOT_FOUND },
	{ EMFILE, ISCSI_ERR_INTERNAL },
};

START_TEST(a_socket_that_can_not_be_had)
{
	for (int sockets = 0; sockets < 2; sockets++) {
		close_kernel();
		open_error = socket_failures[_i].error;
		open_error_after = sockets;
		ck_assert_int_eq(open_kernel(), socket_failures[_i].err);
		ck_assert_ptr_nonnull(strstr(why.text, strerror(socket_failures[_i].error)));
	}
}
END_TEST

START_TEST(a_kernel_that_does_not_listen)
{
	close_kernel();
	failing.command = 21;
	failing.class_error = EPERM;
	ck_assert_int_eq(open_kernel(), ISCSI_ERR_ACCESS);
	ck_assert_ptr_nonnull(strstr(why.text, "CAP_SYS_ADMIN"));
	close_kernel();
	replies = 0;
	ck_assert_int_eq(open_kernel(), ISCSI_ERR_INTERNAL);
	ck_assert_ptr_nonnull(strstr(why.text, "didn't answer"));
	close_kernel();
	send_errno = ECONNREFUSED;
	ck_assert_int_eq(open_kernel(), ISCSI_ERR_INTERNAL);
	ck_assert_ptr_nonnull(strstr(why.text, "first network namespace"));
	close_kernel();
	send_errno = ENOBUFS;
	ck_assert_int_eq(open_kernel(), ISCSI_ERR_INTERNAL);
	ck_assert_str_eq(why.text, "netlink: No buffer space available");
}
END_TEST

START_TEST(create_session)
{
	const struct kernel_session_args args = {
		.cmds_max = 128, .queue_depth = 32, .initial_cmd_sn = 0x01020304 };
	uint32_t sid = 0;
	int host_no = 0;

	ck_assert_int_eq(kernel->ops->create_session(kernel, &args, &sid, &host_no, &why), 0);
	ck_assert_str_eq(sent_types, "11");
	ck_assert_uint_eq(sent_len, AT_PAYLOAD);
	ck_assert_uint_eq(u32_at(message(0), AT_U), 0x01020304);
	ck_assert_uint_eq(u16_at(message(0), AT_U + 4), 128);
	ck_assert_uint_eq(u16_at(message(0), AT_U + 6), 32);
	ck_assert_uint_eq(sid, 7);
	ck_assert_int_eq(host_no, 3);
}
END_TEST

/* The kernel has flushed the signals of this thread, as libiscsi does when it fails under SIGKILL. */
START_TEST(a_lost_kill_ends_the_process)
{
	const struct kernel_session_args args = { .cmds_max = 128, .queue_depth = 32 };
	const struct timespec at_once = { 0 };
	uint32_t sid;
	sigset_t set;
	int host_no;

	failing.command = 11;
	failing.class_error = ENOMEM;
	ck_assert_int_eq(kernel->ops->create_session(kernel, &args, &sid, &host_no, &why),
			 ISCSI_ERR_INTERNAL);
	ck_assert_int_eq(sigemptyset(&set), 0);
	ck_assert_int_eq(sigaddset(&set, SIGUSR2), 0);
	while (sigtimedwait(&set, NULL, &at_once) == SIGUSR2)
		;
	(void)kernel->ops->create_session(kernel, &args, &sid, &host_no, &why);
	ck_abort_msg("the process lives on");
}
END_TEST

/* The module was loaded anew: the transport has another handle. */
START_TEST(a_stale_handle_is_read_again)
{
	const struct kernel_session_args args = { .cmds_max = 128, .queue_depth = 32 };
	uint32_t sid;
	int host_no;

	ck_assert_int_eq(kernel->ops->create_session(kernel, &args, &sid, &host_no, &why), 0);
	fake_sysfs_set(fs, "class/iscsi_transport/tcp/handle", "4711\n");
	failing.command = 11;
	failing.class_error = EINVAL;
	batches = 0;
	ck_assert_int_eq(kernel->ops->create_session(kernel, &args, &sid, &host_no, &why),
			 ISCSI_ERR_INTERNAL);
	ck_assert_uint_eq(batches, 2);
	ck_assert_uint_eq(u64_at(sent, AT_HANDLE), 4711);
	ck_assert_str_eq(why.text, "the kernel could not create the session: Invalid argument");
	failing.class_error = ENOMEM;
	batches = 0;
	ck_assert_int_eq(kernel->ops->create_session(kernel, &args, &sid, &host_no, &why),
			 ISCSI_ERR_INTERNAL);
	ck_assert_uint_eq(batches, 1);
	/* Without the module there is none. */
	close_kernel();
	fake_sysfs_set(fs, "class/iscsi_transport/tcp/handle", NULL);
	failing.command = 21;
	failing.class_error = EINVAL;
	ck_assert_int_eq(open_kernel(), 0);
	ck_assert_int_eq(kernel->ops->create_session(kernel, &args, &sid, &host_no, &why),
			 ISCSI_ERR_TRANS_NOT_FOUND);
}
END_TEST

static enum iscsi_err bind_conn_of(bool create, const char *netdev, const char *hwaddress)
{
	static const uint8_t bhs[PDU_BHS_LEN] = { 0x43, 0x87 };
	struct kernel_params params = { .len = 0 };
	const struct kernel_bind_args args = {
		.sid = 7, .host_no = 3, .create = create, .fd = 12, .netdev = netdev,
		.hwaddress = hwaddress, .params = &params, .bhs = bhs,
		.data = (const uint8_t *)"A=b", .data_len = 4,
	};

	kernel_params_text(&params, KERNEL_TARGET_NAME, "iqn.x");
	kernel_params_text(&params, KERNEL_USERNAME, "");	/* "" is left out */
	kernel_params_number(&params, KERNEL_RECOVERY_TMO, 120);
	return kernel->ops->bind_conn(kernel, &args, &why);
}

static enum iscsi_err bind_conn(bool create, const char *netdev)
{
	return bind_conn_of(create, netdev, "");
}

START_TEST(bind_conn_in_one_batch)
{
	const uint8_t *m;

	ck_assert_int_eq(bind_conn(true, "eth0"), 0);
	ck_assert_str_eq(sent_types, "13 15 16 16 26 19");
	ck_assert_uint_eq(u32_at(message(0), AT_U), 7);
	m = message(1);
	ck_assert_uint_eq(u32_at(m, AT_U), 7);
	ck_assert_uint_eq(u32_at(m, AT_U + 4), 0);
	ck_assert_uint_eq(u64_at(m, AT_U + 8), 12);
	ck_assert_uint_eq(u32_at(m, AT_U + 16), 1);
	m = message(2);
	ck_assert_uint_eq(u32_at(m, AT_U), 7);
	ck_assert_uint_eq(u32_at(m, AT_U + 8), 15);
	ck_assert_uint_eq(u32_at(m, AT_U + 12), 6);
	ck_assert_uint_eq(u32_at(m, AT_LEN), AT_PAYLOAD + 6);
	ck_assert_mem_eq(m + AT_PAYLOAD, "iqn.x", 6);
	m = message(3);
	ck_assert_uint_eq(u32_at(m, AT_U + 8), 19);
	ck_assert_mem_eq(m + AT_PAYLOAD, "120", 4);
	m = message(4);
	ck_assert_uint_eq(u32_at(m, AT_U), 3);
	ck_assert_uint_eq(u32_at(m, AT_U + 4), 2);		/* HOST_NETDEV */
	ck_assert_uint_eq(u32_at(m, AT_U + 8), 5);
	ck_assert_mem_eq(m + AT_PAYLOAD, "eth0", 5);
	m = message(5);
	ck_assert_uint_eq(u32_at(m, AT_U), 7);
	ck_assert_uint_eq(u32_at(m, AT_U + 8), PDU_BHS_LEN);
	ck_assert_uint_eq(u32_at(m, AT_U + 12), 4);
	ck_assert_uint_eq(u32_at(m, AT_LEN), AT_PAYLOAD + PDU_BHS_LEN + 4);
	ck_assert_uint_eq(m[AT_PAYLOAD], 0x43);
	ck_assert_mem_eq(m + AT_PAYLOAD + PDU_BHS_LEN, "A=b", 4);
	ck_assert_int_eq(bind_conn(false, ""), 0);
	ck_assert_str_eq(sent_types, "15 16 16 19");
	for (size_t i = 0; i < sent_len; i++)	/* a batch may hold secrets */
		ck_assert_uint_eq(batch[i], 0);
	ck_assert_int_eq(bind_conn_of(false, "eth0", "00:11:22:33:44:55"), 0);
	ck_assert_str_eq(sent_types, "15 16 16 26 26 19");
	ck_assert_uint_eq(u32_at(message(3), AT_U + 4), 2);
	m = message(4);
	ck_assert_uint_eq(u32_at(m, AT_U), 3);
	ck_assert_uint_eq(u32_at(m, AT_U + 4), 0);		/* HOST_HWADDRESS */
	ck_assert_uint_eq(u32_at(m, AT_U + 8), 18);
	ck_assert_mem_eq(m + AT_PAYLOAD, "00:11:22:33:44:55", 18);
}
END_TEST

/* Errors: of the class, or of the operation; which exit code and which words they become. */
static const struct {
	uint32_t command;
	int class_error, result;
	enum iscsi_err err;
	const char *why;
} failures[] = {
	{ 13, ENOMEM, 0, ISCSI_ERR_INTERNAL, "create the connection: Cannot allocate memory" },
	{ 13, ENOSYS, 0, ISCSI_ERR_INTERNAL, "create the connection: Function not implemented" },
	{ 13, 0, EINVAL, ISCSI_SUCCESS, "" },
	{ 15, 0, EINVAL, ISCSI_ERR_INTERNAL, "bind the socket: Invalid argument" },
	{ 15, 0, ENOTCONN, ISCSI_ERR_TRANS,
	  "bind the socket: Transport endpoint is not connected" },
	{ 15, 0, EPERM, ISCSI_ERR_INTERNAL, "bind the socket: Operation not permitted" },
	{ 16, ENOSYS, 0, ISCSI_SUCCESS, "" },
	{ 26, ENOSYS, 0, ISCSI_SUCCESS, "" },
	{ 16, EINVAL, 0, ISCSI_ERR_INTERNAL, "set a parameter: Invalid argument (number 15)" },
	{ 26, EINVAL, 0, ISCSI_ERR_INTERNAL, "set a parameter of the host: Invalid argument" },
	{ 13, EPERM, 0, ISCSI_ERR_ACCESS, "create the connection: Operation not permitted" },
	{ 13, ENOTCONN, 0, ISCSI_ERR_TRANS,
	  "create the connection: Transport endpoint is not connected" },
#define BROKEN	"send a PDU: Operation not permitted (the connection has gone, or a target's double " \
		"answer has broken the session: only a logout and a login mend that)"
	{ 19, 0, EPERM, ISCSI_ERR_TRANS, BROKEN },
	{ 19, EPERM, 0, ISCSI_ERR_ACCESS, BROKEN },
	{ 19, 0, EINVAL, ISCSI_ERR_INTERNAL, "send a PDU: Invalid argument" },
	{ 16, 0, EINVAL, ISCSI_SUCCESS, "" },		/* no field for a result there */
};

static void check_reason(const char *words)
{
	char wanted[256] = "";

	if (*words)
		(void)snprintf(wanted, sizeof(wanted), "the kernel could not %s", words);
	ck_assert_str_eq(why.text, wanted);
}

START_TEST(failures_become_reasons)
{
	failing.command = failures[_i].command;
	failing.class_error = failures[_i].class_error;
	failing.result = failures[_i].result;
	why.text[0] = '\0';
	ck_assert_int_eq(bind_conn(true, "eth0"), failures[_i].err);
	check_reason(failures[_i].why);
	/* All replies were taken: the next batch gets its own. */
	memset(&failing, 0, sizeof(failing));
	ck_assert_int_eq(bind_conn(true, "eth0"), 0);
}
END_TEST

/* The first failure counts, and each command has its words. */
START_TEST(each_command_has_words)
{
	static const struct { uint32_t command; const char *words; } rows[] = {
		{ 16, "set a parameter: Bad address (number 8)" },
		{ 17, "start the connection: Bad address" },
		{ 18, "stop the connection: Bad address" },
		{ 27, "remove the LUNs of the session: Bad address" },
		{ 14, "" }, { 43, "destroy the session: Bad address" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct kernel_params params = { .len = 0 };
		enum iscsi_err err;

		kernel_params_number(&params, KERNEL_MAX_BURST, 262144);
		failing.command = rows[i].command;
		failing.class_error = EFAULT;
		why.text[0] = '\0';
		switch (rows[i].command) {
		case 18:
			err = kernel->ops->stop_conn(kernel, 7, &why);
			break;
		case 27:
			err = kernel->ops->unbind_session(kernel, 7, &why);
			break;
		case 14:
		case 43:
			err = kernel->ops->destroy_session(kernel, 7, true, &why);
			break;
		default:
			err = kernel->ops->start_conn(kernel, 7, &params, &why);
		}
		ck_assert_int_eq(err, *rows[i].words ? ISCSI_ERR_INTERNAL : ISCSI_SUCCESS);
		check_reason(*rows[i].words ? rows[i].words :
			     "destroy the connection: Bad address");
	}
}
END_TEST

/* A reply that is missing, late, short, or to another command. */
START_TEST(replies_that_go_astray)
{
	struct kernel_params params = { .len = 0 };
	uint8_t other[AT_PAYLOAD] = { 0 };

	kernel_params_number(&params, KERNEL_MAX_BURST, 262144);
	for (int i = 0; i < 5; i++) {
		replies = i == 4 ? 1 : i == 3 ? UINT_MAX : 0;
		set_u16(other, AT_NLTYPE, i == 1 ? 16 : 17);
		if (i == 2)
			enqueue_error(command_fd, EIO);
		else if (i == 1 || i == 3)
			enqueue(command_fd, other, sizeof(other) - (i == 1));
		ck_assert_int_eq(kernel->ops->start_conn(kernel, 7, &params, &why),
				 ISCSI_ERR_INTERNAL);
		ck_assert_str_eq(why.text, i == 2 ?
				 "the kernel didn't answer the request to set a parameter: "
				 "Input/output error" : i == 4 ?
				 "the kernel didn't answer the request to start the connection: "
				 "no such reply" :
				 "the kernel didn't answer the request to set a parameter: "
				 "no such reply");
		/* What comes too late isn't taken for the next answer. */
		replies = UINT_MAX;
		set_u16(other, AT_NLTYPE, 18);
		set_u32(other, AT_TYPE, 103);
		set_u32(other, AT_IFERROR, (uint32_t)-EFAULT);
		enqueue(command_fd, other, sizeof(other));
		enqueue(command_fd, other, sizeof(other));
		ck_assert_int_eq(kernel->ops->stop_conn(kernel, 7, &why), ISCSI_SUCCESS);
		ck_assert_uint_eq(queue_len, 0);
	}
	/* The last word about a session must be its own. */
	replies = 2;
	ck_assert_int_eq(kernel->ops->destroy_session(kernel, 7, true, &why), ISCSI_ERR_INTERNAL);
	ck_assert_str_eq(why.text, "the kernel didn't answer the request to destroy the session: "
			 "no such reply");
}
END_TEST

START_TEST(what_does_not_fit_is_not_sent)
{
	static uint8_t bhs[PDU_BHS_LEN], data[32 * 1024 - AT_PAYLOAD - PDU_BHS_LEN + 1];
	struct kernel_params params = { .len = 0 };
	static char text[32 * 1024 - 2 * AT_PAYLOAD + 1];

	batches = 0;
	ck_assert_int_eq(kernel->ops->send_pdu(kernel, 7, bhs, data, sizeof(data), &why),
			 ISCSI_ERR_INVAL);
	ck_assert_str_eq(why.text, "the settings are too long for the kernel");
	ck_assert_uint_eq(batches, 0);
	ck_assert_int_eq(kernel->ops->send_pdu(kernel, 7, bhs, data, sizeof(data) - 1, &why), 0);
	ck_assert_uint_eq(batches, 1);
	ck_assert_uint_eq(sent_len, 32 * 1024);
	/* Two messages: the first ends where the second begins. */
	memset(text, 'x', sizeof(text) - 1);
	kernel_params_text(&params, KERNEL_TARGET_NAME, text);
	ck_assert_int_eq(kernel->ops->start_conn(kernel, 7, &params, &why), ISCSI_ERR_INVAL);
	text[sizeof(text) - 2] = '\0';
	ck_assert_int_eq(kernel->ops->start_conn(kernel, 7, &params, &why), 0);
	ck_assert_uint_eq(sent_len, 32 * 1024);
}
END_TEST

START_TEST(start_stop_unbind)
{
	struct kernel_params params = { .len = 0 };

	kernel_params_number(&params, KERNEL_MAX_BURST, 262144);
	ck_assert_int_eq(kernel->ops->set_params(kernel, 7, &params, &why), 0);
	ck_assert_str_eq(sent_types, "16");
	ck_assert_int_eq(kernel->ops->start_conn(kernel, 7, &params, &why), 0);
	ck_assert_str_eq(sent_types, "16 17");
	ck_assert_uint_eq(u32_at(message(0), AT_U + 8), 8);
	ck_assert_mem_eq(message(0) + AT_PAYLOAD, "262144", 7);
	ck_assert_uint_eq(u32_at(message(1), AT_U), 7);
	ck_assert_int_eq(kernel->ops->stop_conn(kernel, 7, &why), 0);
	ck_assert_str_eq(sent_types, "18");
	ck_assert_uint_eq(u32_at(message(0), AT_U), 7);
	ck_assert_uint_eq(u32_at(message(0), AT_U + 16), 3);		/* STOP_RECOVER */
	ck_assert_int_eq(kernel->ops->unbind_session(kernel, 7, &why), 0);
	ck_assert_str_eq(sent_types, "27");
	ck_assert_uint_eq(u32_at(message(0), AT_U), 7);
	failing.command = 17;
	failing.result = ENOTCONN;
	ck_assert_int_eq(kernel->ops->start_conn(kernel, 7, &params, &why), ISCSI_ERR_TRANS);
}
END_TEST

START_TEST(a_long_batch)
{
	struct kernel_params params = { .len = 0 };

	for (int i = 0; i < KERNEL_PARAMS_MAX; i++)
		kernel_params_number(&params, KERNEL_MAX_BURST, 262144);
	for (int i = 0; i < 4; i++) {
		ck_assert_int_eq(kernel->ops->start_conn(kernel, 7, &params, &why), 0);
		ck_assert_uint_eq(queue_len, 0);
	}
}
END_TEST

START_TEST(destroy_session)
{
	ck_assert_int_eq(kernel->ops->destroy_session(kernel, 7, true, &why), 0);
	ck_assert_str_eq(sent_types, "18 14 43");
	ck_assert_uint_eq(u32_at(message(0), AT_U + 16), 1);		/* STOP_TERM */
	for (size_t i = 0; i < 3; i++)
		ck_assert_uint_eq(u32_at(message(i), AT_U), 7);
	ck_assert_int_eq(kernel->ops->destroy_session(kernel, 7, false, &why), 0);
	ck_assert_str_eq(sent_types, "43");
	/* What the connection says doesn't matter, if only the session goes. */
	failing.command = 14;
	failing.class_error = EINVAL;
	ck_assert_int_eq(kernel->ops->destroy_session(kernel, 7, true, &why), 0);
	failing.command = 43;
	ck_assert_int_eq(kernel->ops->destroy_session(kernel, 7, true, &why), ISCSI_ERR_INTERNAL);
	ck_assert_str_eq(sent_types, "18 14 43");
	/* An old kernel has the older command only. */
	failing.class_error = ENOSYS;
	ck_assert_int_eq(kernel->ops->destroy_session(kernel, 7, true, &why), 0);
	ck_assert_str_eq(sent_types, "12");
	ck_assert_uint_eq(u32_at(message(0), AT_U), 7);
}
END_TEST

START_TEST(counters)
{
	static uint8_t payload[96 + 72];
	struct kernel_stat stats[KERNEL_STATS_MAX];
	uint8_t data[1024] = { 0 };
	uint64_t octets = UINT64_C(0x1122334455667788), received = 4711, own = 99;
	size_t len = 0;

	memcpy(payload, &octets, 8);
	memcpy(payload + 8, &received, 8);
	set_u32(payload, 92, 1);
	memcpy(payload + 96, "own_counter", 12);
	memcpy(payload + 96 + 64, &own, 8);
	set_u32(data, AT_LEN, AT_PAYLOAD + sizeof(payload));
	set_u32(data, AT_TYPE, 20);
	set_u32(data, AT_U, 7);
	for (uint32_t i = 2; i < 21; i++)	/* the numbers of 32 bits, in the order of their names */
		set_u32(payload, 8 * 2 + 4 * (i - 2), 100 + i);
	memcpy(data + AT_PAYLOAD, payload, sizeof(payload));
	/* The socket for it is opened by the call: the next descriptor after all others. */
	stats_fd = eventfd(0, EFD_CLOEXEC);
	(void)close(stats_fd);
	set_u32(data, AT_U, 8);
	enqueue(stats_fd, data, AT_PAYLOAD + sizeof(payload));		/* another session's */
	set_u32(data, AT_U, 7);
	enqueue(stats_fd, data, AT_PAYLOAD + sizeof(payload));
	ck_assert_int_eq(kernel->ops->get_stats(kernel, 7, stats, &len, &why), 0);
	ck_assert_str_eq(sent_types, "20");
	ck_assert_uint_eq(u32_at(sent, AT_U), 7);
	ck_assert_uint_eq(len, 22);
	ck_assert_str_eq(stats[0].name, "txdata_octets");
	ck_assert_uint_eq(stats[0].value, octets);
	ck_assert_str_eq(stats[1].name, "rxdata_octets");
	ck_assert_uint_eq(stats[1].value, received);
	for (uint32_t i = 2; i < 21; i++)
		ck_assert_uint_eq(stats[i].value, 100 + i);
	ck_assert_str_eq(stats[3].name, "scsicmd_pdus");
	ck_assert_str_eq(stats[20].name, "timeout_err");
	ck_assert(!stats[20].custom && stats[21].custom);
	ck_assert_str_eq(stats[21].name, "own_counter");
	ck_assert_uint_eq(stats[21].value, 99);
	/* It may claim more than came. */
	set_u32(data + AT_PAYLOAD, 92, 1000);
	enqueue(stats_fd, data, AT_PAYLOAD + sizeof(payload));
	ck_assert_int_eq(kernel->ops->get_stats(kernel, 7, stats, &len, &why), 0);
	ck_assert_uint_eq(len, 22);
	ck_assert_int_eq(kernel->ops->get_stats(kernel, 7, stats, &len, &why), ISCSI_ERR_INTERNAL);
	ck_assert_str_eq(why.text, "the kernel gave no statistics");
}
END_TEST

static void answer_stats(uint16_t nl_type, uint32_t type, uint32_t sid, uint32_t custom,
			 size_t len)
{
	static uint8_t data[AT_PAYLOAD + 96 + 33 * 72];

	memset(data, 0, sizeof(data));
	set_u16(data, AT_NLTYPE, nl_type);
	set_u32(data, AT_TYPE, type);
	set_u32(data, AT_IFERROR, (uint32_t)-ENOTCONN);
	set_u32(data, AT_U, sid);
	set_u32(data, AT_PAYLOAD + 92, custom);
	for (size_t i = 0; i < 33; i++) {
		memset(data + AT_PAYLOAD + 96 + i * 72, 'A' + (int)i, 64);	/* no NUL */
		data[AT_PAYLOAD + 96 + i * 72 + 64] = (uint8_t)i;
	}
	enqueue(stats_fd, data, len);
}

START_TEST(counters_have_bounds)
{
	struct kernel_stat stats[KERNEL_STATS_MAX];
	size_t len;

	stats_fd = eventfd(0, EFD_CLOEXEC);
	(void)close(stats_fd);
	/* A whole answer without counters of the driver, after messages that are none. */
	answer_stats(0, 20, 7, 0, AT_PAYLOAD + 95);
	answer_stats(0, 21, 7, 0, AT_PAYLOAD + 96);
	answer_stats(19, 20, 7, 0, AT_PAYLOAD + 96);
	answer_stats(20, 103, 7, 0, AT_PAYLOAD - 1);
	answer_stats(0, 20, 7, 1, AT_PAYLOAD + 96 + 71);
	ck_assert_int_eq(kernel->ops->get_stats(kernel, 7, stats, &len, &why), 0);
	ck_assert_uint_eq(queue_len, 0);
	ck_assert_uint_eq(len, 21);
	answer_stats(0, 20, 7, 33, AT_PAYLOAD + 96 + 33 * 72);
	ck_assert_int_eq(kernel->ops->get_stats(kernel, 7, stats, &len, &why), 0);
	ck_assert_uint_eq(len, KERNEL_STATS_MAX);
	for (size_t i = 21; i < len; i++) {
		ck_assert(stats[i].custom);
		ck_assert_uint_eq(strlen(stats[i].name), 63);
		ck_assert_int_eq(stats[i].name[62], 'A' + (int)i - 21);
		ck_assert_uint_eq(stats[i].value, i - 21);
	}
	answer_stats(20, 103, 7, 0, AT_PAYLOAD);
	ck_assert_int_eq(kernel->ops->get_stats(kernel, 7, stats, &len, &why), ISCSI_ERR_INTERNAL);
	ck_assert_str_eq(why.text, "the kernel has no statistics: Transport endpoint is not "
			 "connected");
	send_errno = ENOBUFS;
	ck_assert_int_eq(kernel->ops->get_stats(kernel, 7, stats, &len, &why), ISCSI_ERR_INTERNAL);
	ck_assert_str_eq(why.text, "netlink: No buffer space available");
	open_error = EMFILE;
	ck_assert_int_eq(kernel->ops->get_stats(kernel, 7, stats, &len, &why), ISCSI_ERR_INTERNAL);
	ck_assert_str_eq(why.text, "netlink: Too many open files");
}
END_TEST

START_TEST(events_are_passed_on)
{
	uint8_t pdu[PDU_BHS_LEN + 8] = { 0x3f };

	pdu[7] = 3;
	memcpy(pdu + PDU_BHS_LEN, "abc", 4);
	event(101, 5, 0, 0, pdu, sizeof(pdu));
	event(102, 5, 0, 1011, NULL, 0);
	event(105, 6, 3, 0, NULL, 0);
	event(104, 3, 6, 0, NULL, 0);		/* host, then session */
	event(106, 9, 9, 9, NULL, 0);		/* unknown */
	run_events();
	ck_assert_str_eq(told, "pdu 5 3f 3abc;error 5 1011;unbound 6;destroyed 6;");
}
END_TEST

START_TEST(odd_events_are_ignored)
{
	uint8_t pdu[PDU_BHS_LEN] = { 0x3f }, junk[512] = { 0 };

	event(101, 5, 0, 0, pdu, sizeof(pdu) - 1);
	pdu[7] = 1;		/* more data than came along */
	event(101, 5, 0, 0, pdu, sizeof(pdu));
	event(101, 5, 0, 0, pdu, sizeof(pdu) - 1);
	set_u32(junk, AT_LEN, AT_PAYLOAD);
	set_u16(junk, AT_NLTYPE, 102);		/* a reply, not an event */
	set_u32(junk, AT_TYPE, 102);
	enqueue(event_fd, junk, AT_PAYLOAD);
	set_u16(junk, AT_NLTYPE, 0);
	enqueue(event_fd, junk, AT_PAYLOAD - 1);
	enqueue(event_fd, junk, 3);
	run_events();
	ck_assert_str_eq(told, "");
}
END_TEST

START_TEST(lost_events_are_told)
{
	event(105, 6, 3, 0, NULL, 0);
	enqueue_error(event_fd, ENOBUFS);
	event(105, 7, 3, 0, NULL, 0);
	run_events();
	ck_assert_str_eq(told, "unbound 6;unbound 7;lost;");
}
END_TEST

START_TEST(the_longest_pdu_is_passed_on)
{
	static uint8_t data[AT_PAYLOAD + PDU_BHS_LEN + 8192];

	memset(data, 0, sizeof(data));
	set_u32(data, AT_TYPE, 101);
	set_u32(data, AT_R, 5);
	data[AT_PAYLOAD] = 0x23;
	data[AT_PAYLOAD + 6] = 0x20;		/* 8192 bytes */
	enqueue(event_fd, data, sizeof(data));
	run_events();
	ck_assert_str_eq(told, "pdu 5 23 8192;");
}
END_TEST

static int on_other(sd_event_source *source, int fd, uint32_t revents, void *arg)
{
	(void)source;
	(void)fd;
	(void)revents;
	(void)arg;
	note("other;");
	return 0;
}

/* A flood: 64 at a time, so that others have their turn; else the kernel's events come first. */
START_TEST(a_flood_is_taken_in_turns)
{
	int fd = eventfd(1, EFD_CLOEXEC);
	sd_event_source *other;

	ck_assert_int_ge(sd_event_add_io(loop, &other, fd, EPOLLIN, on_other, NULL), 0);
	ck_assert_int_ge(sd_event_source_set_priority(other, SD_EVENT_PRIORITY_NORMAL - 1), 0);
	for (uint32_t i = 0; i < 70; i++)
		event(102, 1, 0, 1, NULL, 0);
	run_events();
	ck_assert_uint_eq(queue_len, 6);
	ck_assert_ptr_null(strstr(told, "other;"));
	run_events();
	ck_assert_uint_eq(queue_len, 6);
	ck_assert_ptr_nonnull(strstr(told, "other;"));
	ck_assert_int_ge(sd_event_source_set_enabled(other, SD_EVENT_OFF), 0);
	run_events();
	ck_assert_uint_eq(queue_len, 0);
	ck_assert_int_ge(sd_event_source_set_enabled(other, SD_EVENT_ON), 0);
	event(104, 1, 6, 0, NULL, 0);
	run_events();
	ck_assert_uint_eq(queue_len, 0);
	sd_event_source_unref(other);
	(void)close(fd);
}
END_TEST

START_TEST(errors_of_a_connection_have_words)
{
	ck_assert_str_eq(kernel_conn_error_text(1000), "unknown error");
	ck_assert_str_eq(kernel_conn_error_text(1001), "unexpected DataSN");
	ck_assert_str_eq(kernel_conn_error_text(1020), "target closed the connection");
	ck_assert_str_eq(kernel_conn_error_text(1022), "no answer to a NOP-Out ping");
	ck_assert_str_eq(kernel_conn_error_text(1023), "unknown error");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("netlink");
	TCase *tc = tcase_create("netlink");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, a_socket_that_can_not_be_had, 0, ARRAY_SIZE(socket_failures));
	tcase_add_test(tc, a_kernel_that_does_not_listen);
	tcase_add_test(tc, create_session);
	tcase_add_exit_test(tc, a_lost_kill_ends_the_process, 128 + SIGKILL);
	tcase_add_test(tc, a_stale_handle_is_read_again);
	tcase_add_test(tc, bind_conn_in_one_batch);
	tcase_add_loop_test(tc, failures_become_reasons, 0, ARRAY_SIZE(failures));
	tcase_add_test(tc, each_command_has_words);
	tcase_add_test(tc, replies_that_go_astray);
	tcase_add_test(tc, what_does_not_fit_is_not_sent);
	tcase_add_test(tc, start_stop_unbind);
	tcase_add_test(tc, a_long_batch);
	tcase_add_test(tc, destroy_session);
	tcase_add_test(tc, counters);
	tcase_add_test(tc, counters_have_bounds);
	tcase_add_test(tc, events_are_passed_on);
	tcase_add_test(tc, odd_events_are_ignored);
	tcase_add_test(tc, lost_events_are_told);
	tcase_add_test(tc, the_longest_pdu_is_passed_on);
	tcase_add_test(tc, a_flood_is_taken_in_turns);
	tcase_add_test(tc, errors_of_a_connection_have_words);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
