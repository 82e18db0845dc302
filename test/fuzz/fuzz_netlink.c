/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What comes from the kernel: replies to commands and events, right ones, short, long, of unknown
 * types, out of order, or loose bytes. The input chooses operations, and for each datagram what the
 * kernel says. An operation succeeds only if each of its commands was answered, in its order; an
 * event passes on no byte that the kernel didn't send; nothing is told from within an operation;
 * and no byte of a batch, which may hold secrets, stays in memory.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

#include "iscsid/base/bytes.h"
#include "iscsid/kernel/netlink.h"
#include "iscsid/protocol/pdu.h"
#include "libiscsi-db/util.h"
#include "test/fake/sysfs.h"
#include "test/fuzz/input.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Where the fields of a message lie (struct nlmsghdr and struct iscsi_uevent). */
enum { AT_NLTYPE = 4, AT_TYPE = 16, AT_IFERROR = 20, AT_SID = 32, AT_R = 56, AT_PAYLOAD = 72 };
enum { DESTROY_SESSION = 12, SET_PARAM = 16, GET_STATS = 20, GET_PARAM = 21, IF_ERROR = 103 };
enum { OPERATIONS_MAX = 40 };

/* What outlives an input. */
static sd_event *loop;
static struct fake_sysfs *fs;
static struct sysfs *sysfs;

/* What one input has. */
static struct reader input;
static uint8_t sent[64 * 1024], given[32 * 1024];
static const uint8_t *batch;		/* where the last batch lies */
static size_t sent_len, given_len, next_reply;
static bool in_operation, answered;	/* each command so far, in order, without an error */

/* As many bytes as the next number says and there are, at most @max. */
static const uint8_t *next_bytes(size_t max, size_t *len)
{
	*len = reader_be16(&input);
	*len = MIN(*len, input.len - input.pos);
	*len = MIN(*len, max);
	return reader_bytes(&input, *len);
}

static uint32_t u32_at(const uint8_t *p, size_t at)
{
	uint32_t n;

	memcpy(&n, p + at, sizeof(n));
	return n;
}

static void set_u32(uint8_t *p, size_t at, uint32_t n)
{
	memcpy(p + at, &n, sizeof(n));
}

static uint16_t type_of(const uint8_t *message)
{
	uint16_t type;

	memcpy(&type, message + AT_NLTYPE, sizeof(type));
	return type;
}

/* ---- the wire ----------------------------------------------------------------------------- */

static int wire_open(uint32_t groups)
{
	(void)groups;
	return eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK);	/* always readable */
}

static ssize_t wire_send(int fd, const void *buf, size_t len)
{
	(void)fd;
	must(len && len <= sizeof(sent));
	memcpy(sent, buf, len);
	batch = buf;
	sent_len = len;
	next_reply = 0;
	answered = true;
	return (ssize_t)len;
}

/* The message of the batch after the one at @at; the end of the batch if there is none. */
static size_t after(size_t at)
{
	return at < sent_len ? at + ((u32_at(sent, at) + 3) & ~(size_t)3) : sent_len;
}

/* The reply to the message that is due, or to a later one, with an error or without. */
static void give_reply(bool in_order)
{
	size_t at = in_order ? next_reply : after(next_reply);

	if (at >= sent_len)
		return;
	memcpy(given, sent + at, AT_PAYLOAD);
	given_len = AT_PAYLOAD;
	set_u32(given, AT_R, 1);
	if (next_byte(&input) & 1) {
		set_u32(given, AT_TYPE, IF_ERROR);
		set_u32(given, AT_IFERROR, (uint32_t)-next_byte(&input));
	} else if (type_of(given) != 11) {
		set_u32(given, AT_R, (uint32_t)-(next_byte(&input) & 3));
	}
}

static void give_event(void)
{
	static const uint32_t types[] = { 101, 102, 103, 104, 105, GET_STATS, 0 };
	uint32_t type = types[next_byte(&input) % ARRAY_SIZE(types)];
	const uint8_t *payload;
	size_t len;

	memset(given, next_byte(&input), AT_PAYLOAD);
	memset(given + AT_NLTYPE, 0, 2);
	set_u32(given, AT_TYPE, type ? type : reader_be32(&input));
	set_u32(given, type == GET_STATS ? AT_SID : AT_R, next_byte(&input));
	payload = next_bytes(sizeof(given) - AT_PAYLOAD, &len);
	if (payload && len)
		memcpy(given + AT_PAYLOAD, payload, len);
	given_len = AT_PAYLOAD + len;
}

static void give_bytes(void)
{
	const uint8_t *bytes = next_bytes(sizeof(given), &given_len);

	if (bytes && given_len)
		memcpy(given, bytes, given_len);
}

/* Whether what is given is a reply to the message that is due, and tells of no failure. */
static bool is_answer(void)
{
	uint16_t type;

	if (given_len < AT_PAYLOAD || next_reply >= sent_len)
		return false;
	type = type_of(given);
	return type == type_of(sent + next_reply) &&
	       (u32_at(given, AT_TYPE) != IF_ERROR || !u32_at(given, AT_IFERROR) ||
		u32_at(given, AT_IFERROR) == (uint32_t)-ENOSYS);
}

static int wire_receive(int fd, void *buf, size_t size, size_t *len, unsigned int most)
{
	(void)most;
	(void)fd;
	given_len = 0;
	if (input.pos == input.len)
		return 0;
	switch (next_byte(&input) % 8) {
	case 0:
		return 0;
	case 1:
		return -ENOBUFS;
	case 2:
		give_bytes();
		break;
	case 3:
		give_event();
		break;
	case 4:
		give_reply(false);
		break;
	case 5:
		give_reply(true);
		given_len = MIN(given_len, next_byte(&input));
		break;
	default:
		give_reply(true);
	}
	given_len = MIN(given_len, size);
	if (in_operation && batch) {
		answered &= is_answer();
		next_reply = after(next_reply);
	}
	memcpy(buf, given, given_len);
	*len = given_len;
	return given_len ? 1 : 0;
}

static const struct netlink_wire wire = { wire_open, wire_send, wire_receive };

/* ---- what is told ---------------------------------------------------------------------------- */

static void on_pdu(void *arg, uint32_t sid, const uint8_t *bhs, const uint8_t *data, size_t len)
{
	(void)arg;
	must(!in_operation && AT_PAYLOAD + PDU_BHS_LEN + len <= given_len);
	must(sid == u32_at(given, AT_R) && !memcmp(bhs, given + AT_PAYLOAD, PDU_BHS_LEN));
	must(!len || !memcmp(data, given + AT_PAYLOAD + PDU_BHS_LEN, len));
}

static void on_conn_error(void *arg, uint32_t sid, int error)
{
	(void)arg;
	must(!in_operation && sid == u32_at(given, AT_R) && *kernel_conn_error_text(error));
}

static void on_session(void *arg, uint32_t sid)
{
	(void)arg;
	must(!in_operation && (sid == u32_at(given, AT_R) || sid == u32_at(given, AT_R + 4)));
}

static void on_lost(void *arg)
{
	(void)arg;
	must(!in_operation);
}

static const struct kernel_events events = {
	.pdu = on_pdu, .conn_error = on_conn_error, .unbound = on_session,
	.destroyed = on_session, .lost_events = on_lost,
};

/* ---- operations ------------------------------------------------------------------------------ */

static enum iscsi_err bind_conn(struct kernel *kernel, struct iscsi_why *why)
{
	static const uint8_t bhs[PDU_BHS_LEN] = { 0x43 };
	struct kernel_params params = { .len = 0 };
	const struct kernel_bind_args args = {
		.sid = 1, .create = next_byte(&input) & 1, .fd = 0, .netdev = "eth0", .hwaddress = "",
		.params = &params, .bhs = bhs, .data = bhs, .data_len = sizeof(bhs),
	};

	kernel_params_number(&params, KERNEL_ERL, 0);
	kernel_params_text(&params, KERNEL_PASSWORD, "secret");
	return kernel->ops->bind_conn(kernel, &args, why);
}

static enum iscsi_err get_stats(struct kernel *kernel, struct iscsi_why *why)
{
	struct kernel_stat stats[KERNEL_STATS_MAX];
	size_t len = 0;
	enum iscsi_err err = kernel->ops->get_stats(kernel, 1, stats, &len, why);

	must(len <= KERNEL_STATS_MAX && (err || len >= 21));
	for (size_t i = 0; i < len; i++)
		must(strlen(stats[i].name) < sizeof(stats[i].name));
	return err;
}

static void operation(struct kernel *kernel, uint8_t which)
{
	const struct kernel_session_args args = { .cmds_max = 128, .queue_depth = 32 };
	const struct kernel_params params = { .len = 0 };
	static const uint8_t bhs[PDU_BHS_LEN];
	struct iscsi_why why = { "" };
	enum iscsi_err err = ISCSI_ERR;
	uint32_t sid;
	int host_no;

	batch = NULL;
	in_operation = true;
	switch (which) {
	case 0: err = kernel->ops->create_session(kernel, &args, &sid, &host_no, &why); break;
	case 1: err = bind_conn(kernel, &why); break;
	case 2: err = kernel->ops->send_pdu(kernel, 1, bhs, NULL, 0, &why); break;
	case 3: err = kernel->ops->start_conn(kernel, 1, &params, &why); break;
	case 4: err = kernel->ops->stop_conn(kernel, 1, &why); break;
	case 5: err = kernel->ops->unbind_session(kernel, 1, &why); break;
	case 6: err = get_stats(kernel, &why); break;
	case 7: err = kernel->ops->destroy_session(kernel, 1, next_byte(&input) & 1, &why); break;
	}
	in_operation = false;
	must(err ? *why.text : which >= 6 || (answered && next_reply == sent_len));
	/* Whatever becomes of the connection, the session's end was answered. */
	must(err || which != 7 || next_reply == sent_len);
	for (size_t i = 0; which != 6 && batch && i < sent_len; i++)
		must(!batch[i]);
}

static void remove_all(void)
{
	fake_sysfs_free(fs);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct kernel *kernel = NULL;
	struct iscsi_why why = { "" };
	enum iscsi_err err;

	if (!loop) {
		fs = fake_sysfs_new();
		must(!atexit(remove_all) && sd_event_new(&loop) >= 0 &&
		     !sysfs_new(fake_sysfs_root(fs), &sysfs));
	}
	input = reader_init(data, size);
	batch = NULL;
	in_operation = true;
	err = netlink_open(loop, sysfs, &wire, &events, NULL, &kernel, &why);
	in_operation = false;
	must(err ? !kernel && *why.text : !!kernel);
	for (int i = 0; kernel && i < OPERATIONS_MAX && input.pos < input.len; i++) {
		uint8_t which = next_byte(&input) % 12;

		if (which < 8)
			operation(kernel, which);
		else
			(void)sd_event_run(loop, 0);
	}
	netlink_close(kernel);
	return 0;
}
