/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The whole daemon in a test, see daemon.h. */
#include "test/fake/daemon.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "iscsid/base/log.h"
#include "iscsid/listen.h"
#include "iscsid/run_dir.h"
#include "libiscsi-db/util.h"

#define NAMES_MAX	8

struct fake_daemon the_daemon;

static struct { const char *name, *address; } names[NAMES_MAX];
static struct stat own_path;

void fake_daemon_add_name(const char *name, const char *address)
{
	for (size_t i = 0; i < NAMES_MAX; i++) {
		if (!names[i].name) {
			names[i].name = name;
			names[i].address = address;
			return;
		}
	}
	ck_abort_msg("too many names");
}

/* On a thread of the daemon's, while the test waits for it. */
static int resolve(const char *host, int port, struct sockaddr_storage *ret)
{
	for (size_t i = 0; i < NAMES_MAX && names[i].name; i++)
		if (streq(names[i].name, host))
			return lookup_numeric(names[i].address, port, ret) ? 0 : EAI_FAIL;
	return EAI_NONAME;
}

static int no_random(void *buf, size_t len)
{
	memset(buf, the_daemon.random, len);
	return 0;
}

void fake_daemon_write(const char *name, const char *text)
{
	char path[128];
	FILE *f;

	(void)snprintf(path, sizeof(path), "%.60s/%s", the_daemon.dir, name);
	f = fopen(path, "w");
	ck_assert_ptr_nonnull(f);
	ck_assert_int_ge(fputs(text, f), 0);
	ck_assert_int_eq(fclose(f), 0);
}

void fake_daemon_start(void)
{
	static char config[96], initiator[96], db[96];
	struct fake_daemon *d = &the_daemon;

	(void)snprintf(config, sizeof(config), "%.60s/iscsid.conf", d->dir);
	(void)snprintf(initiator, sizeof(initiator), "%.60s/initiatorname.iscsi", d->dir);
	(void)snprintf(db, sizeof(db), "%.60s/db", d->dir);
	d->resolver.resolve = resolve;
	d->env = (struct manager_env){
		.loop = d->loop, .clock = &d->clock.clock, .resolver = &d->resolver,
		.random = no_random, .run_dir_fd = open(d->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC),
		.proc = d->dir, .db_root = db, .config_path = config, .initiator_path = initiator,
	};
	ck_assert_int_ge(worker_pool_new(d->loop, NULL, 4, &d->env.scan_pool), 0);
	ck_assert_int_ge(worker_pool_new(d->loop, NULL, 4, &d->resolver.pool), 0);
	ck_assert_int_eq(sysfs_new(fake_sysfs_root(d->fs), &d->env.sysfs), 0);
	d->manager = manager_new(&d->env);
	ck_assert_ptr_nonnull(d->manager);
	d->mgmt = mgmt_new(d->loop, d->env.clock, d->manager);
	ck_assert_ptr_nonnull(d->mgmt);
	ck_assert_int_ge(mgmt_listen(d->mgmt, listen_path(d->path, &own_path)), 0);
	fake_kernel_subscribe(&d->kernel, &manager_kernel_events, d->manager);
	manager_start(d->manager, &d->kernel.kernel);
	d->discoveryd = discoveryd_new(d->manager, &d->env);
	ck_assert_int_eq(run_dir_lock(d->env.run_dir_fd, d->dir, &d->lock_fd, NULL), 0);
}

void fake_daemon_stop(void)
{
	struct fake_daemon *d = &the_daemon;

	if (!d->manager)
		return;
	fake_kernel_subscribe(&d->kernel, NULL, NULL);
	d->discoveryd = discoveryd_free(d->discoveryd);
	manager_end_sessions(d->manager);
	d->mgmt = mgmt_free(d->mgmt);
	listen_remove(d->path, &own_path);
	d->manager = manager_free(d->manager);
	ck_assert(worker_pool_free(d->env.scan_pool));
	ck_assert(worker_pool_free(d->resolver.pool));
	d->env.sysfs = sysfs_free(d->env.sysfs);
	closep(&d->lock_fd);
	closep(&d->env.run_dir_fd);
	ck_assert_uint_eq(fake_clock_timers(&d->clock), 0);
}

void fake_daemon_setup(void)
{
	struct fake_daemon *d = &the_daemon;

	*d = (struct fake_daemon){ .dir = "/tmp/iscsi-test-daemon-XXXXXX", .random = 0x5a };
	memset(names, 0, sizeof(names));
	ck_assert_ptr_nonnull(mkdtemp(d->dir));
	(void)snprintf(d->path, sizeof(d->path), "%.60s/iscsid.sock", d->dir);
	fake_daemon_write("initiatorname.iscsi", "InitiatorName=iqn.2026-01.net.example:i\n");
	fake_daemon_write("iscsid.conf", "");
	ck_assert_int_ge(sd_event_new(&d->loop), 0);
	d->fs = fake_sysfs_new();
	fake_clock_init(&d->clock);
	fake_kernel_init(&d->kernel);
	fake_kernel_attach(&d->kernel, d->loop, d->fs);
	fake_target_open(&d->target, d->loop);
	fake_daemon_start();
}

void fake_daemon_teardown(void)
{
	struct fake_daemon *d = &the_daemon;
	char command[96];

	fake_daemon_stop();
	fake_target_close(&d->target);
	fake_kernel_done(&d->kernel);
	fake_sysfs_free(d->fs);
	sd_event_unref(d->loop);
	(void)snprintf(command, sizeof(command), "rm -rf %.60s", d->dir);
	ck_assert_int_eq(system(command), 0);
}

static bool step(uint64_t wait_us)
{
	int r = sd_event_run(the_daemon.loop, wait_us);

	ck_assert_int_ge(r, 0);
	return r > 0;
}

bool fake_daemon_step(void)
{
	return step(1000);
}

/* Whether a worker thread has something to do; one that waits for a test is asleep. */
static bool others_run(void)
{
	DIR *dir = opendir("/proc/self/task");
	bool found = false;
	struct dirent *entry;

	ck_assert_ptr_nonnull(dir);
	while (!found && (entry = readdir(dir))) {
		char path[64], text[256], *end;
		size_t len = 0;
		FILE *f;

		if (entry->d_name[0] == '.' || atoi(entry->d_name) == gettid())
			continue;
		(void)snprintf(path, sizeof(path), "/proc/self/task/%.20s/stat", entry->d_name);
		f = fopen(path, "re");
		if (f) {
			len = fread(text, 1, sizeof(text) - 1, f);
			(void)fclose(f);
		}
		text[len] = '\0';
		end = strrchr(text, ')');
		found = end && (end[2] == 'R' || end[2] == 'D');
	}
	(void)closedir(dir);
	return found;
}

/*
 * On a busy machine a thread that has work may not get a processor for a while. The threads are looked
 * at before the loop runs, so that what a thread has sent by then is seen by the loop.
 */
void fake_daemon_settle(void)
{
	bool busy;

	do
		busy = others_run();
	while (step(0) || step(1000) || busy);
}

uint64_t fake_daemon_pass(uint64_t at_most_ms)
{
	uint64_t us;

	fake_daemon_settle();
	us = MIN(fake_clock_next_us(&the_daemon.clock), at_most_ms * 1000);
	fake_clock_advance(&the_daemon.clock, us);
	fake_daemon_settle();
	return us;
}

void fake_daemon_wait(uint64_t ms)
{
	for (uint64_t left_us = ms * 1000; left_us;)
		left_us -= fake_daemon_pass((left_us + 999) / 1000);
}

/* ---- a client -------------------------------------------------------------------------- */

void fake_client_open(struct fake_client *client)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };

	memset(client, 0, sizeof(*client));
	(void)snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", the_daemon.path);
	client->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_ge(client->fd, 0);
	ck_assert_int_eq(connect(client->fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	UNTIL(fake_client_poll(client));
	ck_assert_int_eq(client->reply.type, MGMT_HELLO);
	ck_assert_str_eq(client->reply.name, ISCSI_VERSION);
}

void fake_client_close(struct fake_client *client)
{
	closep(&client->fd);
}

void fake_client_send_bytes(struct fake_client *client, const void *data, size_t len)
{
	ck_assert_int_eq(send(client->fd, data, len, MSG_NOSIGNAL), (ssize_t)len);
}

void fake_client_send(struct fake_client *client, const struct mgmt_request *request)
{
	size_t len;
	CLEANUP(freep) uint8_t *message = mgmt_msg_build_request(request, &len);

	ck_assert_ptr_nonnull(message);
	fake_client_send_bytes(client, message, len);
}

bool fake_client_poll(struct fake_client *client)
{
	struct iscsi_why why;
	uint32_t body_len = 0;
	uint16_t type = 0;

	for (;;) {
		size_t want = MGMT_HEADER_LEN;
		ssize_t n;

		if (client->got >= MGMT_HEADER_LEN) {
			ck_assert_int_eq(mgmt_msg_header(client->in, &type, &body_len, &why), 0);
			want += body_len;
		}
		if (client->got >= MGMT_HEADER_LEN && client->got == want) {
			client->got = 0;
			memcpy(client->body, client->in + MGMT_HEADER_LEN, body_len);
			ck_assert_int_eq(mgmt_msg_parse_reply(type, client->body, body_len,
							      &client->reply, &why), 0);
			return true;
		}
		n = recv(client->fd, client->in + client->got, want - client->got, MSG_DONTWAIT);
		if (n < 0 && errno == EAGAIN)
			return false;
		if (n <= 0) {
			client->gone = true;
			return false;
		}
		client->got += (size_t)n;
	}
}

enum iscsi_err fake_client_ask(struct fake_client *client, const struct mgmt_request *request)
{
	fake_client_send(client, request);
	do
		UNTIL(fake_client_poll(client) || client->gone);
	while (!client->gone && client->reply.type != MGMT_RESULT);
	ck_assert(!client->gone);
	return client->reply.err;
}

/* ---- requests --------------------------------------------------------------------------- */

static char *record_text(enum iscsi_db_kind kind, const char *const *common,
			 const char *const *settings)
{
	const char *const *const lists[] = { common, settings };
	struct iscsi_db_record *rec;
	struct iscsi_why why;
	char *text;

	ck_assert_int_eq(iscsi_db_record_new(kind, &rec), 0);
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
		for (const char *const *s = lists[i]; s && *s; s += 2)
			ck_assert_msg(!iscsi_db_record_set(rec, s[0], s[1], &why), "%s", why.text);
	text = iscsi_db_record_print(rec, ISCSI_DB_FORM_FILE);
	ck_assert_ptr_nonnull(text);
	iscsi_db_record_free(rec);
	return text;
}

char *fake_node_text(const char *const *settings)
{
	char port[8];
	const char *const common[] = {
		"node.name", FAKE_TARGET_NAME, "node.conn[0].address", "127.0.0.1",
		"node.conn[0].port", port, "node.tpgt", "1", NULL,
	};

	(void)snprintf(port, sizeof(port), "%u", the_daemon.target.port);
	return record_text(ISCSI_DB_NODE, common, settings);
}

char *fake_discovery_text(bool isns, const char *const *settings)
{
	char port[8];
	const char *const common[] = {
		"discovery.sendtargets.address", "127.0.0.1",
		"discovery.sendtargets.port", port, NULL,
	};

	(void)snprintf(port, sizeof(port), "%u", the_daemon.target.port);
	return record_text(isns ? ISCSI_DB_ISNS : ISCSI_DB_SENDTARGETS, common, settings);
}

uint32_t fake_client_log_in(struct fake_client *client, const char *const *settings)
{
	CLEANUP(freep) char *record = fake_node_text(settings);
	const struct mgmt_request login = { .type = MGMT_LOGIN, .tag = 7, .record = record };

	ck_assert_msg(!fake_client_ask(client, &login), "login: %s", client->reply.why);
	ck_assert_uint_eq(client->reply.tag, 7);
	ck_assert_uint_ne(client->reply.sid, 0);
	return client->reply.sid;
}

enum mgmt_conn_state fake_client_state(struct fake_client *client, uint32_t sid)
{
	const struct mgmt_request state = { .type = MGMT_SESSION_STATE, .tag = 8, .sid = sid };

	ck_assert_msg(!fake_client_ask(client, &state), "state: %s", client->reply.why);
	return client->reply.conn_state;
}
