/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whole commands of iscsiadm, against a sysfs, a database and a daemon made for the test. The
 * files test/fake/commands* hold what is typed and what comes back; the head of test/fake/commands
 * says how to read them.
 */
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <linux/sockios.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>

/* The tests call the functions of main.c that main() calls. */
int iscsiadm_main(int argc, char **argv);
#define main iscsiadm_main
#include "iscsiadm/main.c"
#include "iscsid/message/session_text.h"
#include "iscsid/run_dir.h"
#include "iscsid/runstate.h"
#undef main
#include "libiscsi-db/os.h"
#include "libiscsi-db/util.h"
#include "test/fake/sysfs.h"
#include "test/unit/alloc.h"
#include "test/unit/capture.h"
#include "test/unit/sections.h"

#define WORDS_MAX	24
#define KEYS_MAX	24

static const char *const files[] = {
	"test/fake/commands", "test/fake/commands-of-records", "test/fake/commands-of-documents",
};

static char base[64], root[80];
static struct fake_sysfs *fs;

/* ---- the daemon -------------------------------------------------------------------------- */

static int listener = -1;
static bool trying;			/* first logins are under way */
static struct session_outage outage = { .down_ms = SESSION_OUTAGE_UNKNOWN };
static unsigned int down_sid;		/* the session that is down */
static bool terminal;			/* both streams are terminals */
static bool clock_stands;		/* so that a slow machine shows no more than a fast machine */
static char refused[32];		/* the name of a request that fails */
static bool fewer;			/* portals report one target alone */
static char keys[KEYS_MAX][160];	/* the settings shown of each record that is sent */
static volatile bool silent, unanswered;	/* no answers; a request has come meanwhile */
static int64_t skipped_s;		/* by the clock of the client */
static const char *const type_names[] = {
	[MGMT_LOGIN] = "login", [MGMT_LOGOUT] = "logout", [MGMT_DISCOVER] = "discover",
	[MGMT_SESSION_STATE] = "state", [MGMT_RESCAN] = "rescan", [MGMT_STOP] = "stop",
	[MGMT_GET_STATS] = "stats", [MGMT_ATTEMPTS] = "attempts", [MGMT_CALL_OFF] = "call-off",
};
static char requests[8192];
static pthread_mutex_t requests_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t reading = PTHREAD_MUTEX_INITIALIZER;	/* from taking a request to noting it */

/* The value of @key in the text of a record, or "-". */
static const char *value_of(const char *record, const char *key, char *ret, size_t size)
{
	const char *line = strstr(record, key);

	if (!line || line[strlen(key)] != ' ')
		return "-";
	line += strlen(key) + 3;
	(void)snprintf(ret, size, "%.*s", (int)strcspn(line, "\n"), line);
	return ret;
}

static void note_request(const struct mgmt_request *req)
{
	char name[128], address[128], iface[64], secret[64];
	const char *at = req->type == MGMT_DISCOVER ? "discovery.sendtargets.address" :
			 "node.conn[0].address";
	CLEANUP(freep) char *line = NULL;
	size_t len;
	FILE *out = open_memstream(&line, &len);

	fprintf(out, "> %s", type_names[req->type]);
	if (*req->record)
		fprintf(out, " %s %s %s %s%s",
			value_of(req->record, "node.name", name, sizeof(name)),
			value_of(req->record, at, address, sizeof(address)),
			value_of(*req->iface ? req->iface : req->record, "iface.iscsi_ifacename",
				 iface, sizeof(iface)),
			value_of(req->record, "node.session.auth.password", secret, sizeof(secret)),
			strstr(req->record, "<empty>") ? " <empty>" : "");
	for (size_t i = 0; i < KEYS_MAX && *keys[i] && *req->record; i++)
		fprintf(out, " %s=%s", keys[i], value_of(req->record, keys[i], name, sizeof(name)));
	if (req->sid)
		fprintf(out, " sid %u", req->sid);
	if (req->flags)
		fprintf(out, " flags %u", req->flags);
	(void)fclose(out);
	pthread_mutex_lock(&requests_lock);
	(void)snprintf(requests + strlen(requests), sizeof(requests) - strlen(requests), "%s\n",
		       line);
	pthread_mutex_unlock(&requests_lock);
}

static void send_reply(int fd, const struct mgmt_request *req, struct mgmt_reply reply)
{
	size_t len = 0;
	uint8_t *data;

	reply.tag = req->tag;
	data = mgmt_msg_build_reply(&reply, &len);
	(void)send(fd, data, len, MSG_NOSIGNAL);
	free(data);
}

static void send_news(int fd, const struct mgmt_request *req)
{
	static const struct mgmt_reply attempts[] = {
		{ .type = MGMT_ATTEMPT, .sid = 1, .name = "iqn.slow", .address = "10.0.0.7",
		  .port = 3260, .iface = "default", .wanted = true, .failed = 3, .since_s = 75,
		  .why = "no route to host" },
		{ .type = MGMT_ATTEMPT, .sid = 2, .name = "iqn.b", .address = "10.0.0.2",
		  .port = 3261, .iface = "if1", .since_s = 1, .why = "" },
		{ .type = MGMT_ATTEMPT, .sid = 13, .name = "iqn.c", .address = "10.0.0.2",
		  .port = 3261, .iface = "if1", .why = "" },
	};
	static const struct mgmt_reply targets[] = {
		{ .type = MGMT_TARGET, .name = "iqn.f1", .address = "10.0.0.5", .port = 3260, .tpgt = 1 },
		{ .type = MGMT_TARGET, .name = "iqn.f1", .address = "fe80::5", .port = 3261, .tpgt = 2 },
		{ .type = MGMT_TARGET, .name = "iqn.f2", .address = "10.0.0.5", .port = 3260,
		  .tpgt = ISCSI_TPGT_UNKNOWN },
	};
	/* One on the portal that named it, and two that can't be. */
	static const struct mgmt_reply odd_targets[] = {
		{ .type = MGMT_TARGET, .name = "iqn.here", .address = "", .port = 1, .tpgt = 7 },
		{ .type = MGMT_TARGET, .name = "iqn.f3", .address = "10.0.0.5", .port = 65536 },
		{ .type = MGMT_TARGET, .name = "a/b", .address = "10.0.0.5", .port = 3260 },
	};
	static const struct mgmt_reply slow_target = {
		.type = MGMT_TARGET, .name = "iqn.slow", .address = "10.0.0.7", .port = 3260, .tpgt = 1,
	};
	static const struct mgmt_reply refused_target = {
		.type = MGMT_TARGET, .name = "iqn.refused", .address = "10.0.0.5", .port = 3260,
		.tpgt = 1,
	};
	static const struct mgmt_reply stats[] = {
		{ .type = MGMT_STAT, .name = "txdata_octets", .value = 4096 },
		{ .type = MGMT_STAT, .name = "noptx_pdus", .value = 2 },
		{ .type = MGMT_STAT, .name = "tx_sendpage_failures", .value = 7, .custom = true },
		{ .type = MGMT_STAT, .name = "rx_discontiguous_hdr", .value = 8, .custom = true },
	};

	for (size_t i = 0; req->type == MGMT_ATTEMPTS && trying && i < ARRAY_SIZE(attempts); i++)
		send_reply(fd, req, attempts[i]);
	for (size_t i = 0; req->type == MGMT_DISCOVER && i < ARRAY_SIZE(targets); i++)
		if (strstr(req->record, "10.0.0.78"))
			send_reply(fd, req, odd_targets[i]);
		else if (strstr(req->record, "10.0.0.79"))
			send_reply(fd, req, refused_target);
		else if (strstr(req->record, "10.0.0.80"))
			send_reply(fd, req, slow_target);
		else if (!strstr(req->record, "10.0.0.66") && !strstr(req->record, "10.0.0.77") &&
			 (!fewer || !i))
			send_reply(fd, req, targets[i]);
	for (size_t i = 0; req->type == MGMT_GET_STATS && i < ARRAY_SIZE(stats); i++)
		send_reply(fd, req, stats[i]);
}

/* A discovery through an interface of one of these names breaks off. */
static const struct {
	const char *line;
	enum iscsi_err err;
} broken_ifaces[] = {
	{ "iface.iscsi_ifacename = cut\n", ISCSI_ERR_TRANS },
	{ "iface.iscsi_ifacename = silent\n", ISCSI_ERR_TRANS_TIMEOUT },
	{ "iface.iscsi_ifacename = barred\n", ISCSI_ERR_LOGIN_AUTH_FAILED },
};

/* The time of day that iscsiadm sees. */
time_t time(time_t *ret)
{
	if (ret)
		*ret = 100000;
	return 100000;
}

static bool has_session(unsigned int sid)
{
	char path[128];

	(void)snprintf(path, sizeof(path), "%s/class/iscsi_session/session%u", fake_sysfs_root(fs), sid);
	return access(path, F_OK) == 0;
}

/*
 * A login to the target iqn.made makes a session, session 7 ends while its state is told, and session 13
 * is that of the login under way with this number. What is about session 2, the target iqn.refused or
 * the portal 10.0.0.66 fails.
 */
static void answer(int fd, const struct mgmt_request *req)
{
	CLEANUP(freep) char *told = NULL;
	struct mgmt_reply result = {
		.type = MGMT_RESULT, .why = "", .session = "", .sid = 9,
		.conn_state = req->sid == 3 ? MGMT_CONN_CLEANUP_WAIT : MGMT_CONN_LOGGED_IN,
		.recovery = req->sid == 3 ? MGMT_RECOVERY_REOPEN : MGMT_RECOVERY_NO_CHANGE,
	};

	if (req->sid == 2 || strstr(req->record, "iqn.refused\n") ||
	    strstr(req->record, "10.0.0.66")) {
		result.err = req->type == MGMT_LOGIN ? ISCSI_ERR_LOGIN_AUTH_FAILED :
			     req->type == MGMT_LOGOUT ? ISCSI_ERR_BUSY : ISCSI_ERR_INTERNAL;
		result.why = "the daemon's reason";
	}
	if (streq(type_names[req->type], refused)) {
		result.err = ISCSI_ERR_ACCESS;
		result.why = "you may not";
	}
	for (size_t i = 0; i < ARRAY_SIZE(broken_ifaces) && req->type == MGMT_DISCOVER; i++)
		if (strstr(req->iface, broken_ifaces[i].line))
			result.err = broken_ifaces[i].err;
	if (req->type == MGMT_SESSION_STATE && req->sid == down_sid)
		result.session = told = session_text_print_outage(&outage);
	note_request(req);
	if (req->type == MGMT_LOGIN && strstr(req->record, "iqn.made\n"))
		fake_sysfs_add_session(fs, result.sid, result.sid, "iqn.made", "10.0.0.1", 3260);
	if (req->type == MGMT_SESSION_STATE && req->sid == 7)
		fake_sysfs_remove_session(fs, req->sid, req->sid);
	if (req->type == MGMT_CALL_OFF && req->sid == 13 && has_session(req->sid))
		fake_sysfs_remove_session(fs, req->sid, req->sid);
	unanswered = silent;
	if (silent)
		return;
	send_news(fd, req);
	send_reply(fd, req, result);
}

static void *serve(void *arg)
{
	const struct mgmt_reply hello = { .type = MGMT_HELLO, .name = "test" };
	int fd = *(int *)arg;
	uint8_t header[MGMT_HEADER_LEN], *body = malloc(MGMT_BODY_MAX);
	struct mgmt_request req = { .tag = 0 };
	bool good = true;
	uint32_t len;
	uint16_t type;

	free(arg);
	send_reply(fd, &req, hello);
	while (good && recv(fd, header, 1, MSG_PEEK) == 1) {
		pthread_mutex_lock(&reading);
		good = recv(fd, header, sizeof(header), MSG_WAITALL) == sizeof(header) &&
		       !mgmt_msg_header(header, &type, &len, NULL) &&
		       (!len || recv(fd, body, len, MSG_WAITALL) == (ssize_t)len) &&
		       !mgmt_msg_parse_request(type, body, len, &req, NULL);
		if (good)
			answer(fd, &req);
		pthread_mutex_unlock(&reading);
	}
	(void)close(fd);
	free(body);
	return NULL;
}

/* A command may have several connections at once, so each has a thread. */
static void *accept_all(void *arg)
{
	pthread_t thread;
	int fd;

	while ((fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
		int *passed = malloc(sizeof(*passed));

		*passed = fd;
		if (!pthread_create(&thread, NULL, serve, passed))
			(void)pthread_detach(thread);
	}
	return arg;
}

static void start_listener(void)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	pthread_t thread;

	(void)snprintf(sun.sun_path, sizeof(sun.sun_path), "%s/socket", base);
	listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(bind(listener, (struct sockaddr *)(void *)&sun, sizeof(sun)), 0);
	ck_assert_int_eq(listen(listener, 8), 0);
	ck_assert_int_eq(pthread_create(&thread, NULL, accept_all, NULL), 0);
	(void)pthread_detach(thread);
}

static void hold_lock(void)
{
	CLEANUP(closep) int dir_fd = open(base, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int lock;

	ck_assert_int_eq(run_dir_lock(dir_fd, base, &lock, NULL), 0);
}

/* Nothing here is to survive a power cut, and waiting for a disk takes most of the time. */
int fsync(int fd)
{
	(void)fd;
	return 0;
}

int syncfs(int fd)
{
	(void)fd;
	return 0;
}

/* The client's wait for a silent daemon ends at once: after a week, by its clock. */
int poll(struct pollfd *fds, nfds_t n, int timeout)
{
	const struct timespec wait = { .tv_sec = timeout / 1000,
				       .tv_nsec = timeout % 1000 * 1000000L };

	if (n && unanswered) {
		int unread = 1;

		while (!ioctl(fds->fd, SIOCOUTQ, &unread) && unread)
			(void)usleep(1000);
		pthread_mutex_lock(&reading);
		unanswered = false;
		pthread_mutex_unlock(&reading);
		skipped_s += 7 * 24 * 3600;
		waiting_interrupted();
		return 0;
	}
	return ppoll(fds, n, silent ? &(struct timespec){ .tv_nsec = 10000000 } :
			     timeout < 0 ? NULL : &wait, NULL);
}

int isatty(int fd)
{
	(void)fd;
	return terminal;
}

int clock_gettime(clockid_t id, struct timespec *ret)
{
	struct timeval now;

	(void)id;
	(void)gettimeofday(&now, NULL);
	*ret = (struct timespec){ now.tv_sec + skipped_s, now.tv_usec * 1000 };
	return 0;
}

/* ---- the world ----------------------------------------------------------------------------- */

static void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	ck_assert_msg(f != NULL, "%s", path);
	fputs(text, f);
	fclose(f);
}

static void setup(void)
{
	char path[128];

	ck_assert_int_eq(setenv("TZ", "UTC", 1), 0);
	(void)signal(SIGPIPE, SIG_IGN);
	fs = fake_sysfs_new();
	(void)snprintf(base, sizeof(base), "/tmp/test-commands.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(base));
	(void)snprintf(root, sizeof(root), "%s/db", base);
	ck_assert_int_eq(mkdir(root, 0700), 0);
	(void)snprintf(path, sizeof(path), "%s/iscsid.conf", base);
	write_file(path, "");
	ck_assert_int_eq(setenv("ISCSI_DB_ROOT", root, 1), 0);
	(void)snprintf(path, sizeof(path), "%s/db-lock", base);
	ck_assert_int_eq(setenv("ISCSI_LOCK_DIR", path, 1), 0);
	(void)snprintf(path, sizeof(path), "%s/socket", base);
	ck_assert_int_eq(setenv("ISCSID_SOCKET", path, 1), 0);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static void teardown(void)
{
	fake_sysfs_free(fs);
	(void)nftw(base, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* Leaves what a daemon that died while it tried to log in has left. */
static void note_wanted(unsigned int number, const char *target, const char *address,
			const char *iface)
{
	CLEANUP(closep) int dir_fd = open(base, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct iscsi_db_record *rec;

	ck_assert_int_eq(iscsi_db_record_new(ISCSI_DB_NODE, &rec), 0);
	ck_assert(!iscsi_db_record_set(rec, "node.name", target, NULL));
	ck_assert(!iscsi_db_record_set(rec, "node.conn[0].address", address, NULL));
	ck_assert(!iscsi_db_record_set(rec, "iface.iscsi_ifacename", iface, NULL));
	ck_assert_int_eq(runstate_save_wanted(dir_fd, number, rec), 0);
	iscsi_db_record_free(rec);
}

/* "% WORD ...": changes the world. */
static void prepare(const char *line)
{
	char a[160], b[256], iface[64] = "";
	unsigned int sid, lun;
	int used = 0;

	if (streq(line, "socket")) {
		start_listener();
	} else if (streq(line, "daemon")) {
		start_listener();
		hold_lock();
	} else if (streq(line, "terminal")) {
		terminal = true;
	} else if (streq(line, "lock")) {
		hold_lock();
	} else if (sscanf(line, "down %u %" SCNd64 " %" SCNd64 " %" SCNd64, &down_sid, &outage.down_ms,
			  &outage.next_attempt_ms, &outage.fails_ms) == 4) {
		outage.attempts = 3;
		outage.code = ISCSI_ERR_TRANS;
		(void)snprintf(outage.reason.text, sizeof(outage.reason.text), "no route to host");
	} else if (streq(line, "silent")) {
		silent = true;
	} else if (streq(line, "attempts")) {
		trying = true;
	} else if (streq(line, "fewer targets")) {
		fewer = true;
	} else if (sscanf(line, "show %159s", a) == 1) {
		size_t i = 0;

		while (*keys[i])
			ck_assert_uint_lt(++i, KEYS_MAX);
		(void)snprintf(keys[i], sizeof(keys[i]), "%s", a);
	} else if (sscanf(line, "refuse %31s", refused) == 1) {
		return;
	} else if (sscanf(line, "spoil %159s", a) == 1) {
		(void)snprintf(b, sizeof(b), "%s/%s", base, a);
		write_file(b, "");
	} else if (sscanf(line, "empty %159s", a) == 1) {
		(void)snprintf(b, sizeof(b), "%s/%s", root, a);
		write_file(b, "");
	} else if (sscanf(line, "note %u %159s %159s %63s", &sid, a, b, iface) >= 3) {
		note_wanted(sid, a, b, iface);
	} else if (sscanf(line, "session %u %159s %159s", &sid, a, b) == 3) {
		fake_sysfs_add_session(fs, sid, sid, a, b, 3260);
	} else if (sscanf(line, "lun %u %u %159s", &sid, &lun, a) == 3) {
		fake_sysfs_add_lun(fs, sid, sid, lun, streq(a, "-") ? NULL : a, "running");
	} else if (sscanf(line, "unset %159s", a) == 1) {
		fake_sysfs_set(fs, a, NULL);
	} else if (sscanf(line, "set %159s %n", a, &used) == 1 && used) {
		(void)snprintf(b, sizeof(b), "%s\n", line + used);
		fake_sysfs_set(fs, a, b);
	} else if (sscanf(line, "conf %n", &used) == 0 && used) {
		(void)snprintf(a, sizeof(a), "%s/iscsid.conf", base);
		(void)snprintf(b, sizeof(b), "%s\n", line + used);
		write_file(a, b);
	} else {
		ck_abort_msg("%s", line);
	}
}

/* Copies what was said, each line with @prefix before it; "DB" stands for the database. */
static void print_said(FILE *out, const char *prefix, const char *text)
{
	const struct {
		const char *text, *shown;
	} changing[] = {
		{ root, "DB" }, { ISCSI_VERSION, "VERSION" }, { ISCSI_CONF_DIR, "CONF" },
		{ "\r", "\\r" }, { "\033", "\\e" },
	};
	bool begin = true;

	while (*text) {
		const char *line_end = *text == '\r' ? strstr(text, "\033[K") : NULL;
		size_t i = 0, again = line_end ? (size_t)(line_end + 3 - text) : 0;

		/* A terminal is shown the same again each time that iscsiadm wakes up. */
		while (again && !strncmp(text, text + again, again))
			text += again;

		if (begin)
			fputs(prefix, out);
		begin = *text == '\n';
		while (i < ARRAY_SIZE(changing) &&
		       strncmp(text, changing[i].text, strlen(changing[i].text)) != 0)
			i++;
		fputs(i < ARRAY_SIZE(changing) ? changing[i].shown : (char[]){ *text, '\0' }, out);
		text += i < ARRAY_SIZE(changing) ? strlen(changing[i].text) : 1;
	}
	if (!begin)
		fputs("\\\n", out);
}

/* Runs a command whose @nth allocation fails; 0: none does. True: the command had so many. */
static bool run(const char *line, unsigned long nth, int *ret_status)
{
	char words[512], path[128], *argv[WORDS_MAX] = { (char[]){ "iscsiadm" } }, *save = NULL;
	struct adm adm = { .db = NULL };
	struct iscsi_why why = { "" };
	int argc = 1, status;
	bool failed;

	(void)snprintf(words, sizeof(words), "%s", line);
	for (char *word = strtok_r(words, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
		ck_assert_int_lt(argc, WORDS_MAX - 1);
		argv[argc++] = word;
	}
	(void)snprintf(path, sizeof(path), "%s/iscsid.conf", base);
	ck_assert(!sysfs_new(fake_sysfs_root(fs), &adm.sysfs));
	ck_assert(!iscsi_db_config_read(path, NULL, NULL, &adm.config, NULL));
	requests[0] = '\0';
	capture();
	clock_stands = terminal;
	alloc_fail_nth(nth);
	status = (int)options_parse(argc, argv, &adm.opt, &why);
	if (adm.opt.json)
		ck_assert(open_document(&adm));
	if (!status)
		status = (int)run_action(&adm);
	else
		say_bad_options(&adm.opt, &why);
	failed = alloc_fail_stop();
	adm_error_document(NULL);
	if (adm.json)
		ck_assert_int_eq(json_close(adm.json, adm.sysfs, (enum iscsi_err)status), 0);
	adm_done(&adm);
	(void)said(0);
	(void)said(1);
	skipped_s = 0;
	clock_stands = false;
	*ret_status = status;
	return failed;
}

static void run_and_print(const char *line, FILE *out)
{
	int status;

	(void)run(line, 0, &status);
	print_said(out, "", said(0));
	print_said(out, "! ", said(1));
	fputs(requests, out);
	if (status)
		fprintf(out, "= %d\n", status);
}

/* ---- the sections -------------------------------------------------------------------------- */

static char *commands;

START_TEST(commands_do_as_written)
{
	size_t len = 0, got_len, at = 0;
	const char *text = section_of(commands, _i, &len), *write_to = getenv("COMMANDS_OUT");
	CLEANUP(freep) char *wanted = strndup(text, len);
	CLEANUP(freep) char *copy = strndup(text, len);
	CLEANUP(freep) char *got = NULL;
	FILE *out = open_memstream(&got, &got_len);
	char *save = NULL;

	for (char *line = strtok_r(copy, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		if (!strncmp(line, "== ", 3) || strchr("%$", *line))
			fprintf(out, "%s\n", line);
		if (strncmp(line, "% ", 2) == 0)
			prepare(line + 2);
		else if (strncmp(line, "$ ", 2) == 0)
			run_and_print(line + 2, out);
	}
	(void)fclose(out);
	if (write_to) {
		out = fopen(write_to, "a");
		ck_assert_ptr_nonnull(out);
		fputs(got, out);
		fclose(out);
		return;
	}
	for (len = 0; got[len] && got[len] == wanted[len]; len++)
		at = got[len] == '\n' ? len + 1 : at;
	ck_assert_msg(got[len] == wanted[len], "%.*s: got\n%.400s\nin the place of\n%.400s",
		      (int)strcspn(wanted, "\n"), wanted, got + at, wanted + at);
}
END_TEST

/* ---- lack of memory ------------------------------------------------------------------------ */

static const char *const world[] = {
	"daemon", "fewer targets", "session 1 iqn.a 10.0.0.1", "lun 1 0 sdzzy", "session 3 iqn.f1 10.0.0.5",
	"set firmware/ibft/ethernet0/mac 00:11:22:33:44:55",
	"set firmware/ibft/target0/target-name iqn.boot",
	"set firmware/ibft/target0/ip-addr 10.0.0.1", "set firmware/ibft/target0/flags 3",
};
static const struct {
	const char *line;
	bool tells_less;		/* the command may go on with what it has */
	enum iscsi_err also[2];		/* statuses beside ISCSI_ERR_NOMEM */
} frugal[] = {
	{ .line = "-m node -o new -T iqn.b -p 10.0.0.1:3260,1" },
	{ .line = "-m node -T iqn.b -o update -n node.startup -v automatic" },
	{ .line = "-m iface -I if1 -o new" },
	{ .line = "-m iface -I if1 -o update -n iface.mtu -v 1500", .also = { ISCSI_ERR_INVAL } },
	{ .line = "-m discovery -t st -p 10.0.0.5 -o nonpersistent",
	  .also = { ISCSI_ERR_ISCSID_COMM_ERR } },
	{ .line = "-m discovery -t st -p 10.0.0.5", .also = { ISCSI_ERR_ISCSID_COMM_ERR } },
	{ .line = "-m discoverydb -t isns -p 10.0.0.6 -o new" },
	{ .line = "-m discoverydb -t isns -p 10.0.0.6 -o update -n discovery.startup -v manual" },
	{ .line = "-m discovery -t fw -o nonpersistent" },
	{ .line = "-m fw" },
	{ .line = "-m fw -l", .tells_less = true },
	{ .line = "-m node -P 1" },
	{ .line = "-m node -T iqn.b" },
	{ .line = "-m iface -P 1" },
	{ .line = "-m discovery -P 1" },
	{ .line = "-m session" },
	{ .line = "-m session -P 3", .tells_less = true },
	{ .line = "-m host" },
	{ .line = "-m host -P 4", .tells_less = true },
	{ .line = "-m node -T iqn.b -l", .also = { ISCSI_ERR_ISCSID_COMM_ERR } },
	{ .line = "-m node -L all", .also = { ISCSI_ERR_ISCSID_COMM_ERR } },
	{ .line = "-m node -T iqn.b -o update -n node.leading_login -v Yes" },
	{ .line = "-m node -L all", .also = { ISCSI_ERR_ISCSID_COMM_ERR, ISCSI_ERR_FATAL_LOGIN } },
	{ .line = "-m session -r 1 -u",
	  .also = { ISCSI_ERR_ISCSID_COMM_ERR, ISCSI_ERR_NO_OBJS_FOUND } },
	{ .line = "-m node -U all", .also = { ISCSI_ERR_ISCSID_COMM_ERR } },
	{ .line = "-m session -R" },
	{ .line = "-m session -s", .also = { ISCSI_ERR_ISCSID_COMM_ERR } },
};

/* A command that can't do everything for lack of memory doesn't end like a command that has. */
START_TEST(lack_of_memory_is_no_success)
{
	int status, wanted;

	if (!alloc_can_fail)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(world); i++)
		prepare(world[i]);
	for (size_t i = 0; i < ARRAY_SIZE(frugal); i++) {
		CLEANUP(freep) char *whole = NULL;

		(void)run(frugal[i].line, 0, &wanted);
		whole = strdup(said(0));
		for (unsigned long nth = 1; run(frugal[i].line, nth, &status); nth++) {
			bool ok = status == ISCSI_ERR_NOMEM ||
				  (status && (status == (int)frugal[i].also[0] ||
					      status == (int)frugal[i].also[1])) ||
				  (status == wanted &&
				   (frugal[i].tells_less || streq(said(0), whole)));

			ck_assert_msg(ok, "%s, allocation %lu: status %d, %s%s", frugal[i].line, nth,
				      status, said(0), said(1));
		}
	}
}
END_TEST

/* Adds the sections of a file to all commands. */
static void read_commands(const char *path, FILE *out)
{
	CLEANUP(freep) char *text = NULL;
	size_t len;

	if (os_read_path(path, &text, &len) || !strstr(text, "\n== ")) {
		fprintf(stderr, "test_commands: there are no commands in %s\n", path);
		exit(1);
	}
	fputs(strstr(text, "\n== "), out);
	/* Each section but the last ends before the line break of the next. */
	(void)fseek(out, -1, SEEK_CUR);
}

int main(void)
{
	Suite *s = suite_create("commands");
	TCase *t = tcase_create("commands");
	SRunner *runner = srunner_create(s);
	const char *only = getenv("COMMANDS");
	int failed, count = 0;
	size_t len;
	FILE *out = open_memstream(&commands, &len);

	for (size_t i = 0; i < (only ? 1 : ARRAY_SIZE(files)); i++)
		read_commands(only ? only : files[i], out);
	fputs("\n", out);
	(void)fclose(out);
	while (section_of(commands, count, &len))
		count++;
	suite_add_tcase(s, t);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 120);
	tcase_add_loop_test(t, commands_do_as_written, 0, count);
	tcase_add_test(t, lack_of_memory_is_no_success);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner) || !count;
	srunner_free(runner);
	free(commands);
	return failed ? 1 : 0;
}
