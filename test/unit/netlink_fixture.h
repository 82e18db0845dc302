/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * kernel_ops over netlink, without a kernel: takes the batches that would be sent, and gives the
 * replies and events that the kernel would. The layout of each message is written here byte by
 * byte, as struct iscsi_uevent of a 64-bit kernel has it.
 */
#pragma once

#include <check.h>
#include <errno.h>
#include <fcntl.h>
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
static bool without_stdin;		/* the test has closed it */
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
static unsigned int receives;		/* how often one was asked for */

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

static inline uint32_t u32_at(const uint8_t *p, size_t at)
{
	uint32_t n;

	memcpy(&n, p + at, sizeof(n));
	return n;
}

static inline uint64_t u64_at(const uint8_t *p, size_t at)
{
	uint64_t n;

	memcpy(&n, p + at, sizeof(n));
	return n;
}

static inline uint16_t u16_at(const uint8_t *p, size_t at)
{
	uint16_t n;

	memcpy(&n, p + at, sizeof(n));
	return n;
}

static inline void set_u32(uint8_t *p, size_t at, uint32_t n)
{
	memcpy(p + at, &n, sizeof(n));
}

static inline void set_u16(uint8_t *p, size_t at, uint16_t n)
{
	memcpy(p + at, &n, sizeof(n));
}

static inline void enqueue(int fd, const uint8_t *data, size_t len)
{
	struct datagram *dg = &queue[queue_len++];

	ck_assert_uint_le(queue_len, ARRAY_SIZE(queue));
	*dg = (struct datagram){ .fd = fd, .len = len };
	if (len > sizeof(dg->data))
		dg->longer = data;
	else
		memcpy(dg->data, data, len);
}

static inline void enqueue_error(int fd, int error)
{
	queue[queue_len++] = (struct datagram){ .fd = fd, .error = -error };
}

/* ---- the wire ----------------------------------------------------------------------------- */

static int open_error, open_error_after;	/* so many sockets can be opened, the next can't */
static int stdin_after = -1;		/* after so many sockets, the next gets the descriptor 0 */

static inline int wire_open(uint32_t groups)
{
	int fd;

	if (open_error && !open_error_after--)
		return -open_error;
	if (!stdin_after--)
		(void)close(STDIN_FILENO);
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
static inline void reply_to(const uint8_t *message)
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

static inline ssize_t wire_send(int fd, const void *buf, size_t len)
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
static inline int wire_receive(int fd, void *buf, size_t size, size_t *len, unsigned int most)
{
	static bool few;
	unsigned int n = 0;

	receives++;
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
static inline const uint8_t *message(size_t n)
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

static inline void note(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(told + strlen(told), sizeof(told) - strlen(told), fmt, ap);
	va_end(ap);
}

static inline void on_pdu(void *arg, uint32_t sid, const uint8_t *bhs, const uint8_t *data, size_t len)
{
	ck_assert_ptr_eq(arg, &told);
	note("pdu %u %02x %zu%.*s;", sid, bhs[0], len, (int)len, (const char *)data);
}

static inline void on_conn_error(void *arg, uint32_t sid, int error)
{
	ck_assert_ptr_eq(arg, &told);
	note("error %u %d;", sid, error);
}

static inline void on_unbound(void *arg, uint32_t sid)
{
	ck_assert_ptr_eq(arg, &told);
	note("unbound %u;", sid);
}

static inline void on_destroyed(void *arg, uint32_t sid)
{
	ck_assert_ptr_eq(arg, &told);
	note("destroyed %u;", sid);
}

static inline void on_lost(void *arg)
{
	ck_assert_ptr_eq(arg, &told);
	note("lost;");
}

static const struct kernel_events events = {
	on_pdu, on_conn_error, on_unbound, on_destroyed, on_lost,
};

static inline void event(uint32_t type, uint32_t r0, uint32_t r1, uint32_t r2, const void *payload,
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

static inline void run_events(void)
{
	ck_assert_int_eq(eventfd_write(event_fd, 1), 0);
	ck_assert_int_ge(sd_event_run(loop, 1000000), 0);
}

/* ---- setting up ------------------------------------------------------------------------------ */

static inline enum iscsi_err open_kernel(void)
{
	return netlink_open(loop, sysfs, &wire, &events, &told, &kernel, &why);
}

static inline void setup(void)
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

static inline void teardown(void)
{
	kernel = netlink_close(kernel);
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)	/* they are none of its own */
		ck_assert(without_stdin || fcntl(fd, F_GETFD) >= 0);
	sysfs_free(sysfs);
	fake_sysfs_free(fs);
	sd_event_unref(loop);
}

static inline void close_kernel(void)
{
	kernel = netlink_close(kernel);
	command_fd = event_fd = -1;
}
