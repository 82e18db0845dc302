/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sessions, connections, discoveries and the local socket, over a fake kernel, a scripted target
 * and a clock that this program moves. The input is a list of things that happen: requests, whole
 * or as loose bytes, what the kernel tells, right or not, what the target sends and how it behaves,
 * kernel operations that fail, and time. Each request is answered at most once; once the target
 * behaves again, a logout ends each session, and nothing is left without its answer.
 */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "iscsid/base/bytes.h"
#include "iscsid/base/log.h"
#include "iscsid/listen.h"
#include "iscsid/manager.h"
#include "iscsid/message/mgmt_msg.h"
#include "iscsid/mgmt.h"
#include "iscsid/runstate.h"
#include "libiscsi-db/util.h"
#include "test/fake/clock.h"
#include "test/fake/kernel.h"
#include "test/fake/target.h"
#include "test/fuzz/input.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { THINGS_MAX = 60, TAGS_MAX = 256, SECONDS_MAX = 900, TRIES_MAX = 2000 };

static char run_dir[] = "/dev/shm/iscsi-fuzz-daemon-XXXXXX";
static char initiator_path[64], config_path[64], socket_name[64];

/* What outlives an input. */
static sd_event *loop;
static struct fake_sysfs *fs;
static struct resolver resolver;
static struct manager_env env;

/* What one input has. */
static struct fake_clock fake_clock;
static struct fake_kernel kernel;
static struct fake_target target;
static struct manager *manager;
static struct mgmt *mgmt;
static char *node_text[4], *discovery_text;

static struct {
	int fd;
	bool raw;			/* loose bytes went out: who knows what they asked */
	uint32_t last_tag;
	uint8_t results[TAGS_MAX];
	uint8_t in[MGMT_HEADER_LEN + MGMT_BODY_MAX];
	size_t got;
} client;

static int no_random(void *buf, size_t len)
{
	memset(buf, 0x5a, len);
	return 0;
}

static int resolve(const char *host, int port, struct sockaddr_storage *ret)
{
	(void)host;
	return lookup_numeric("127.0.0.1", port, ret) ? 0 : 1;
}

static void write_text(const char *path, const char *text)
{
	FILE *f = fopen(path, "we");

	must(f && fputs(text, f) >= 0 && !fclose(f));
}

static void remove_all(void)
{
	(void)unlink(initiator_path);
	(void)unlink(config_path);
	(void)rmdir(run_dir);
	fake_sysfs_free(fs);
}

static void start_once(void)
{
	log_open(true, -1);
	must(mkdtemp(run_dir) != NULL);
	(void)snprintf(initiator_path, sizeof(initiator_path), "%s/initiator", run_dir);
	(void)snprintf(config_path, sizeof(config_path), "%s/config", run_dir);
	(void)snprintf(socket_name, sizeof(socket_name), "iscsi-fuzz-daemon-%d", getpid());
	write_text(initiator_path, "InitiatorName=iqn.2026-01.net.example:i\n");
	write_text(config_path, "");
	fs = fake_sysfs_new();
	must(!atexit(remove_all) && sd_event_new(&loop) >= 0);
	resolver.resolve = resolve;
	env = (struct manager_env){
		.loop = loop, .clock = &fake_clock.clock, .resolver = &resolver,
		.random = no_random, .proc = run_dir, .db_root = run_dir,
		.config_path = config_path, .initiator_path = initiator_path,
		.run_dir_fd = open(run_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC),
	};
	must(env.run_dir_fd >= 0 && worker_pool_new(loop, NULL, 4, &env.scan_pool) >= 0 &&
	     worker_pool_new(loop, NULL, 4, &resolver.pool) >= 0 &&
	     !sysfs_new(fake_sysfs_root(fs), &env.sysfs));
}

static char *record_text(enum iscsi_db_kind kind, const char *const *pairs)
{
	struct iscsi_db_record *rec;
	char *text;

	must(!iscsi_db_record_new(kind, &rec));
	for (; *pairs; pairs += 2)
		must(!iscsi_db_record_set(rec, pairs[0], pairs[1], NULL));
	text = iscsi_db_record_print(rec, ISCSI_DB_FORM_FILE);
	must(text != NULL);
	iscsi_db_record_free(rec);
	return text;
}

static void make_records(void)
{
	static const char *const variants[4][5] = {
		{ "node.session.scan", "manual", NULL },
		{ "node.session.reopen_max", "2", NULL },
		{ "node.session.auth.username", "user", "node.session.auth.password", "secret", NULL },
		{ "node.conn[0].iscsi.HeaderDigest", "CRC32C", NULL },
	};
	char port[8];

	(void)snprintf(port, sizeof(port), "%u", target.port);
	for (size_t i = 0; i < ARRAY_SIZE(variants); i++) {
		const char *pairs[24] = {
			"node.name", "iqn.2026-01.net.example:t", "node.conn[0].address",
			i == 1 ? "some.example" : "127.0.0.1", "node.conn[0].port", port,
			"node.tpgt", "1", "node.session.initial_login_retry_max", "2",
			"node.conn[0].timeo.login_timeout", "3",
			"node.conn[0].timeo.logout_timeout", "3",
		};
		size_t n = 14;

		for (size_t j = 0; variants[i][j]; j++)
			pairs[n++] = variants[i][j];
		node_text[i] = record_text(ISCSI_DB_NODE, pairs);
	}
	discovery_text = record_text(ISCSI_DB_SENDTARGETS, (const char *[]){
		"discovery.sendtargets.address", "127.0.0.1", "discovery.sendtargets.port", port,
		"discovery.sendtargets.reopen_max", "1",
		"discovery.sendtargets.timeo.login_timeout", "3", NULL });
}

/* ---- the client -------------------------------------------------------------------------- */

static void client_close(void)
{
	closep(&client.fd);
	client.got = 0;
}

static void client_open(void)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };

	memset(client.results, 0, sizeof(client.results));
	client.last_tag = 0;
	client.raw = false;
	client.got = 0;
	memcpy(addr.sun_path + 1, socket_name, strlen(socket_name));
	client.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	must(client.fd >= 0 &&
	     !connect(client.fd, (struct sockaddr *)&addr,
		      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(socket_name))));
}

static void client_message(uint16_t type, const uint8_t *body, size_t len)
{
	struct mgmt_reply reply;
	struct iscsi_why why;

	must(!mgmt_msg_parse_reply(type, body, len, &reply, &why));
	if (reply.type == MGMT_HELLO || client.raw)
		return;
	must(reply.tag && reply.tag <= client.last_tag && !client.results[reply.tag]);
	must(reply.type != MGMT_RESULT || !reply.err || *reply.why || reply.sid);
	client.results[reply.tag] = reply.type == MGMT_RESULT;
}

static void client_read(void)
{
	struct iscsi_why why;
	uint32_t body_len;
	uint16_t type;
	ssize_t n = 0;

	while (client.fd >= 0) {
		size_t want = MGMT_HEADER_LEN;

		if (client.got >= MGMT_HEADER_LEN) {
			must(!mgmt_msg_header(client.in, &type, &body_len, &why));
			want += body_len;
			if (client.got == want) {
				client.got = 0;
				client_message(type, client.in + MGMT_HEADER_LEN, body_len);
				continue;
			}
		}
		n = recv(client.fd, client.in + client.got, want - client.got, 0);
		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0) {
			client_close();
			return;
		}
		client.got += (size_t)n;
	}
}

static void client_send(const struct mgmt_request *request)
{
	struct mgmt_request copy = *request;
	uint8_t *message;
	size_t len;

	if (client.fd < 0 || client.raw) {
		client_close();
		client_open();
	}
	if (client.last_tag + 1 >= TAGS_MAX)
		return;
	copy.tag = client.last_tag + 1;
	copy.record = copy.record ? copy.record : "";
	copy.iface = "";
	message = mgmt_msg_build_request(&copy, &len);
	must(message != NULL);
	if (send(client.fd, message, len, MSG_NOSIGNAL) == (ssize_t)len)
		client.last_tag++;
	else
		client_close();
	free(message);
}

static bool all_answered(void)
{
	if (client.fd < 0 || client.raw)
		return true;
	for (uint32_t tag = 1; tag <= client.last_tag; tag++)
		if (!client.results[tag])
			return false;
	return true;
}

/* ---- time --------------------------------------------------------------------------------- */

static void settle(void)
{
	for (int i = 0; i < TRIES_MAX && sd_event_run(loop, 0) > 0; i++)
		client_read();
	client_read();
}

static void pass(uint64_t us)
{
	settle();
	fake_clock_advance(&fake_clock, MIN(us, fake_clock_next_us(&fake_clock)));
	settle();
}

/* ---- one input ----------------------------------------------------------------------------- */

static void daemon_start(void)
{
	int fd = listen_abstract(socket_name);

	manager = manager_new(&env);
	mgmt = manager ? mgmt_new(loop, env.clock, manager) : NULL;
	must(mgmt && fd >= 0 && mgmt_listen(mgmt, fd) >= 0);
	fake_kernel_subscribe(&kernel, &manager_kernel_events, manager);
	manager_start(manager, &kernel.kernel);
}

static void daemon_stop(void)
{
	fake_kernel_subscribe(&kernel, NULL, NULL);
	manager_end_sessions(manager);
	mgmt = mgmt_free(mgmt);
	client_read();
	client_close();
	manager = manager_free(manager);
	must(!fake_clock_timers(&fake_clock));
}

static const char *text_of(struct reader *r, char *ret, size_t size)
{
	size_t len = reader_be16(r);
	const uint8_t *bytes;

	len = MIN(len, MIN(size - 1, r->len - r->pos));
	bytes = reader_bytes(r, len);
	ret[0] = '\0';
	if (bytes) {
		memcpy(ret, bytes, len);
		ret[len] = '\0';
	}
	return ret;
}

static void send_loose_bytes(struct reader *r)
{
	uint8_t message[MGMT_HEADER_LEN + 4096];
	uint16_t type = next_byte(r) % 9;
	size_t len = reader_be16(r);
	const uint8_t *body;

	len = MIN(len, MIN(sizeof(message) - MGMT_HEADER_LEN, r->len - r->pos));
	body = reader_bytes(r, len);
	if (!body || client.fd < 0)
		return;
	put_be32(message, MGMT_MAGIC);
	put_be16(message + 4, MGMT_VERSION);
	put_be16(message + 6, type);
	put_be32(message + 8, (uint32_t)len);
	memcpy(message + MGMT_HEADER_LEN, body, len);
	/* A whole request that asks the daemon to end would end it. */
	if (type == MGMT_STOP)
		return;
	client.raw = true;
	(void)send(client.fd, message, MGMT_HEADER_LEN + len, MSG_NOSIGNAL);
}

static void tell_pdu(struct reader *r, uint32_t sid)
{
	uint8_t bhs[PDU_BHS_LEN] = { 0 };
	static const uint8_t opcodes[] = { 0x20, 0x23, 0x24, 0x26, 0x32, 0x3f };
	char text[512];
	size_t len;

	bhs[0] = opcodes[next_byte(r) % 6];
	bhs[1] = next_byte(r);
	bhs[36] = next_byte(r);
	bhs[37] = next_byte(r);
	put_be16(bhs + 38, next_byte(r));
	put_be16(bhs + 40, next_byte(r));
	put_be16(bhs + 42, next_byte(r));
	len = strlen(text_of(r, text, sizeof(text)));
	put_be24(bhs + 5, (uint32_t)len);
	manager_kernel_events.pdu(manager, sid, bhs, (const uint8_t *)text, len);
}

static void one_thing(struct reader *r)
{
	static const uint16_t statuses[] = { 0, 0x0101, 0x0201, 0x0203, 0x0300, 0x0301 };
	static char login_text[512], targets[2048];
	uint8_t what = next_byte(r), more = next_byte(r);
	uint32_t sid = more % 4 + 1;
	const struct fake_session *s = &kernel.session[sid];

	switch (what % 20) {
	case 0:
	case 1:
		client_send(&(struct mgmt_request){ .type = MGMT_LOGIN, .flags = more >> 2 & 3,
						    .record = node_text[more % 4] });
		break;
	case 2:
		client_send(&(struct mgmt_request){ .type = MGMT_LOGOUT, .sid = sid });
		break;
	case 3:
		client_send(&(struct mgmt_request){ .type = more & 4 ? MGMT_RESCAN :
						    more & 8 ? MGMT_GET_STATS : MGMT_SESSION_STATE,
						    .sid = sid });
		break;
	case 4:
		client_send(&(struct mgmt_request){ .type = MGMT_DISCOVER,
						    .record = discovery_text });
		break;
	case 5:
		target.status = statuses[more % 6];
		break;
	case 6:
		fake_target_hang_up(&target);
		break;
	case 7:
		target.silent = more & 1;
		target.never_logs_out = more & 2;
		target.part_len = more & 4 ? more : 0;
		break;
	case 8:
	case 9:
		pass((uint64_t)more * more * 10000);
		break;
	case 10:
		if (s->has_conn)
			manager_kernel_events.conn_error(manager, sid, more & 4 ? 1011 : 1020);
		break;
	case 11:
		manager_kernel_events.unbound(manager, sid);
		break;
	case 12:
		if (more >= 192)
			manager_kernel_events.destroyed(manager, sid);
		else if (s->exists)
			fake_kernel_break(&kernel, sid);
		break;
	case 13:
		if (s->bound)
			tell_pdu(r, sid);
		break;
	case 14:
		kernel.fail_at = kernel.operations + 1 + more % 8;
		break;
	case 15:
		kernel.keeps_luns = more & 1;
		kernel.keeps_sessions = more & 2;
		break;
	case 16:
		manager_kernel_events.lost_events(manager);
		break;
	case 17:
		if (more & 1)
			target.login_text = text_of(r, login_text, sizeof(login_text));
		else
			target.targets = text_of(r, targets, sizeof(targets));
		break;
	case 18:
		if (more & 1) {
			send_loose_bytes(r);
		} else {
			daemon_stop();
			daemon_start();
		}
		break;
	case 19:
		client_close();
		client_open();
		break;
	}
	settle();
}

static bool any_session(void)
{
	for (uint32_t sid = 1; sid < FAKE_SESSIONS; sid++)
		if (manager_find(manager, sid))
			return true;
	return false;
}

static void log_out_of_all(void)
{
	for (uint32_t sid = 1; sid < FAKE_SESSIONS; sid++)
		if (manager_find(manager, sid))
			client_send(&(struct mgmt_request){ .type = MGMT_LOGOUT, .sid = sid });
}

/* The target and the kernel behave from now on, so everything must come to an end. */
static void end_well(void)
{
	uint64_t end_us;

	target.silent = target.never_logs_out = false;
	target.status = 0;
	target.login_text = target.targets = NULL;
	target.part_len = 0;
	kernel.fail_at = 0;
	kernel.keeps_luns = kernel.keeps_sessions = false;
	end_us = fake_clock.now_us + SECONDS_MAX * UINT64_C(1000000);
	for (int i = 0; fake_clock.now_us < end_us && (!i || any_session() || !all_answered()); i++) {
		if (i % 8 == 0)
			log_out_of_all();
		pass(UINT64_C(30000000));
		/* Scans and look-ups have threads. */
		if (i % 8 == 7)
			(void)sd_event_run(loop, 1000);
	}
	/* After a flood of clients the last one waits, by the real clock, and its logins with it. */
	for (int i = 0; i < TRIES_MAX && (any_session() || !all_answered()); i++) {
		if (i % 250 == 249)
			log_out_of_all();
		(void)sd_event_run(loop, 1000);
		pass(1000000);
	}
	must(!any_session());
	must(all_answered());
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct reader r = reader_init(data, size);

	if (!loop)
		start_once();
	fake_clock_init(&fake_clock);
	fake_kernel_init(&kernel);
	fake_kernel_attach(&kernel, loop, fs);
	memset(&target, 0, sizeof(target));
	fake_target_open(&target, loop);
	make_records();
	daemon_start();
	client_open();
	settle();
	for (int i = 0; i < THINGS_MAX && r.pos < r.len && !r.failed; i++)
		one_thing(&r);
	end_well();
	daemon_stop();
	fake_target_close(&target);
	fake_kernel_done(&kernel);
	runstate_sweep(env.run_dir_fd, NULL, 0);
	for (size_t i = 0; i < ARRAY_SIZE(node_text); i++)
		free(node_text[i]);
	free(discovery_text);
	return 0;
}
