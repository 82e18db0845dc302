/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The client against daemons of every kind: quick, slow to read, answering byte by byte, dying,
 * silent, refusing, of another version, not there. The daemon is a thread on a socket of ours.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <check.h>

#include "iscsiadm/client.h"
#include "libiscsi-db/util.h"

/* ---- a daemon -------------------------------------------------------------------------- */

static char dir[64], path[96];
static int listener = -1;
static pthread_t thread;
static bool threaded;
static bool greets = true;

static void send_all(int fd, const void *data, size_t len)
{
	const char *p = data;

	while (len) {
		ssize_t n = send(fd, p, len, MSG_NOSIGNAL);

		if (n <= 0)
			return;
		p += n;
		len -= (size_t)n;
	}
}

static bool recv_all(int fd, void *data, size_t len)
{
	return recv(fd, data, len, MSG_WAITALL) == (ssize_t)len;
}

static uint8_t body[MGMT_BODY_MAX];

static bool recv_request(int fd, struct mgmt_request *ret)
{
	uint8_t header[MGMT_HEADER_LEN];
	uint32_t len;
	uint16_t type;

	return recv_all(fd, header, sizeof(header)) &&
	       mgmt_msg_header(header, &type, &len, NULL) == ISCSI_SUCCESS &&
	       recv_all(fd, body, len) &&
	       mgmt_msg_parse_request(type, body, len, ret, NULL) == ISCSI_SUCCESS;
}

static void send_reply(int fd, const struct mgmt_reply *reply, bool bytewise)
{
	size_t len, i;
	uint8_t *data = mgmt_msg_build_reply(reply, &len);

	if (!data)
		abort();
	if (!bytewise)
		send_all(fd, data, len);
	for (i = 0; bytewise && i < len; i++) {
		send_all(fd, data + i, 1);
		usleep(200);
	}
	free(data);
}

static void send_result(int fd, uint32_t tag, enum iscsi_err err, const char *why)
{
	struct mgmt_reply reply = { .type = MGMT_RESULT, .tag = tag, .err = err, .why = why };

	send_reply(fd, &reply, false);
}

static void greet(int fd)
{
	struct mgmt_reply reply = { .type = MGMT_HELLO, .name = "test" };

	send_reply(fd, &reply, false);
}

/* Takes two discoveries, then answers the second first, with targets, a byte at a time. */
static void serve_discoveries(int fd)
{
	struct mgmt_reply reply = {
		.name = "iqn.a:b", .address = "10.0.0.1", .port = 3260, .tpgt = 1, .why = "",
	};
	struct mgmt_request req[2];
	int i;

	if (!recv_request(fd, &req[0]) || !recv_request(fd, &req[1]))
		return;
	for (i = 1; i >= 0; i--) {
		reply.tag = req[i].tag;
		reply.type = MGMT_TARGET;
		send_reply(fd, &reply, true);
		reply.type = MGMT_RESULT;
		reply.err = i ? ISCSI_ERR_TRANS : ISCSI_SUCCESS;
		reply.why = i ? "no such host" : "";
		send_reply(fd, &reply, true);
		reply.why = "";
	}
}

/* Answers each request at once, after having let them pile up. */
static void serve_slowly(int fd)
{
	struct mgmt_request req;

	usleep(100000);
	while (recv_request(fd, &req))
		send_result(fd, req.tag, ISCSI_SUCCESS, "");
}

static void serve_one_then_close(int fd)
{
	struct mgmt_request req;

	if (recv_request(fd, &req))
		send_result(fd, req.tag, ISCSI_ERR_BUSY, "it is in use");
}

static void serve_nothing(int fd)
{
	char c;

	while (recv(fd, &c, 1, 0) > 0)
		;
}

/* Keeps silent too, but says when it has been sent something. */
static volatile bool was_sent_something;

static void serve_no_greeting(int fd)
{
	char c;

	while (recv(fd, &c, 1, 0) > 0)
		was_sent_something = true;
}

static void serve_nobody(int fd)
{
	(void)fd;
}

/* Greets as a daemon to come. */
static void serve_other_version(int fd)
{
	struct mgmt_reply reply = { .type = MGMT_HELLO, .name = "9.0" };
	size_t len;
	uint8_t *data = mgmt_msg_build_reply(&reply, &len);

	data[5] = MGMT_VERSION + 1;
	send_all(fd, data, len);
	free(data);
	serve_no_greeting(fd);
}

/* Refuses before it greets, as one that has no more room might. */
static void serve_early_refusal(int fd)
{
	send_result(fd, 0, ISCSI_ERR_BUSY, "no room");
	serve_no_greeting(fd);
}

/* Greets late, and a byte at a time. */
static void serve_late_greeting(int fd)
{
	struct mgmt_reply reply = { .type = MGMT_HELLO, .name = "slow" };
	struct mgmt_request req;

	usleep(300000);
	if (was_sent_something)
		return;
	send_reply(fd, &reply, true);
	while (recv_request(fd, &req))
		send_result(fd, req.tag, ISCSI_SUCCESS, "");
}

/* Greets, and later once more. */
static void serve_two_greetings(int fd)
{
	struct mgmt_request req;

	if (recv_request(fd, &req))
		greet(fd);
}

/* Refuses without reading. */
static void serve_refusal(int fd)
{
	send_result(fd, 0, ISCSI_ERR_ACCESS, "only root may");
}

static void serve_garbage(int fd)
{
	struct mgmt_request req;

	if (recv_request(fd, &req))
		send_all(fd, "HTTP/1.1 400 Bad Request\r\n\r\n", 28);
}

static void serve_wrong_tag(int fd)
{
	struct mgmt_request req;

	if (recv_request(fd, &req))
		send_result(fd, req.tag + 77, ISCSI_SUCCESS, "");
}

/* Warns, then does what was asked. */
static void serve_warning(int fd)
{
	struct mgmt_reply reply = { .type = MGMT_WARNING, .why = "the target asked for none" };
	struct mgmt_request req;

	if (!recv_request(fd, &req))
		return;
	reply.tag = req.tag;
	send_reply(fd, &reply, false);
	send_result(fd, req.tag, ISCSI_SUCCESS, "");
}

/* Answers the first twice. */
static void serve_twice(int fd)
{
	struct mgmt_request req;

	if (!recv_request(fd, &req))
		return;
	send_result(fd, req.tag, ISCSI_SUCCESS, "");
	send_result(fd, req.tag, ISCSI_SUCCESS, "");
}

/* One answer every 150 ms. */
static void serve_with_pauses(int fd)
{
	struct mgmt_request req;

	while (recv_request(fd, &req)) {
		usleep(150000);
		send_result(fd, req.tag, ISCSI_SUCCESS, "");
	}
}

/* An answer that comes while the client is stopped. */
static void serve_after_a_while(int fd)
{
	struct mgmt_request req;

	if (!recv_request(fd, &req))
		return;
	usleep(100000);
	send_result(fd, req.tag, ISCSI_SUCCESS, "");
	serve_nothing(fd);
}

/* Hangs up on two clients, one after the other, once their request is answered. */
static volatile bool has_hung_up;

static void *serve_two_clients(void *arg)
{
	struct mgmt_request req;

	for (int i = 0; i < 2; i++) {
		int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

		greet(fd);
		if (recv_request(fd, &req))
			send_result(fd, req.tag, ISCSI_SUCCESS, "");
		(void)close(fd);
		has_hung_up = true;
	}
	return arg;
}

static void *serve(void *arg)
{
	void (*fn)(int) = (void (*)(int))arg;
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

	if (fd >= 0) {
		if (greets)
			greet(fd);
		fn(fd);
		(void)close(fd);
	}
	return NULL;
}

static void listen_here(void)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	socklen_t len = sizeof(sun);

	(void)snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", path);
	if (path[0] == '@') {
		len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
		sun.sun_path[0] = '\0';
	}
	listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_ge(listener, 0);
	ck_assert_int_eq(bind(listener, (struct sockaddr *)(void *)&sun, len), 0);
	ck_assert_int_eq(listen(listener, 8), 0);
}

static void start(void (*fn)(int))
{
	listen_here();
	ck_assert_int_eq(pthread_create(&thread, NULL, serve, (void *)fn), 0);
	threaded = true;
}

/* ---- what was heard -------------------------------------------------------------------- */

struct heard {
	size_t results, targets;
	enum iscsi_err errs[4096];
	char why[256];
	char order[64];			/* the numbers of requests, as their results came */
};

static struct heard heard;
static char warnings[4096];

/* The requests of a test are numbered from INDEX_BASE + 1 on, unlike the tags. */
enum { INDEX_BASE = 1000 };

static void on_reply(void *arg, size_t index, const struct mgmt_reply *reply)
{
	struct heard *h = arg;

	index -= INDEX_BASE;

	if (reply->type == MGMT_TARGET) {
		ck_assert_str_eq(reply->name, "iqn.a:b");
		h->targets++;
		return;
	}
	ck_assert_uint_lt(index, ARRAY_SIZE(h->errs));
	h->results++;
	h->errs[index] = reply->err;
	if (reply->why[0])
		(void)snprintf(h->why, sizeof(h->why), "%s", reply->why);
	if (h->results < 8)
		(void)snprintf(h->order + strlen(h->order), 8, "%zu ", index);
}

static void on_warning(void *arg, const char *text)
{
	(void)arg;
	(void)snprintf(warnings + strlen(warnings), sizeof(warnings) - strlen(warnings), "%s\n",
		       text);
}

static struct client *client;

static void setup(void)
{
	(void)signal(SIGPIPE, SIG_IGN);
	(void)snprintf(dir, sizeof(dir), "/tmp/test-client.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	(void)snprintf(path, sizeof(path), "%s/socket", dir);
	ck_assert_int_eq(setenv("ISCSID_SOCKET", path, 1), 0);
	client = client_new(on_warning, NULL);
	ck_assert_ptr_nonnull(client);
}

static void teardown(void)
{
	client = client_free(client);
	ck_assert_ptr_null(client);
	if (threaded)
		(void)pthread_join(thread, NULL);
	(void)snprintf(path, sizeof(path), "%s/socket", dir);
	if (listener >= 0)
		(void)close(listener);
	(void)unlink(path);
	(void)rmdir(dir);
}

static size_t next_index = INDEX_BASE + 1;

static void request(size_t count, const char *record)
{
	struct mgmt_request req = {
		.type = record[0] ? MGMT_DISCOVER : MGMT_SESSION_STATE, .record = record,
		.iface = "",
	};
	while (count--)
		ck_assert_int_eq(client_request(client, &req, next_index++), ISCSI_SUCCESS);
}

static int64_t now_ms(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* ---- tests ----------------------------------------------------------------------------- */

START_TEST(nothing_to_ask)
{
	ck_assert_int_eq(client_run(client, 1000, on_reply, &heard), ISCSI_SUCCESS);
	ck_assert_ptr_null(client_free(NULL));
}
END_TEST

START_TEST(answers_come_in_any_order)
{
	start(serve_discoveries);
	request(2, "discovery.type = sendtargets\n");
	ck_assert_int_eq(client_run(client, 5000, on_reply, &heard), ISCSI_SUCCESS);
	ck_assert_uint_eq(heard.results, 2);
	ck_assert_uint_eq(heard.targets, 2);
	ck_assert_str_eq(heard.order, "2 1 ");
	ck_assert_int_eq(heard.errs[1], ISCSI_SUCCESS);
	ck_assert_int_eq(heard.errs[2], ISCSI_ERR_TRANS);
	ck_assert_str_eq(heard.why, "no such host");
	ck_assert_str_eq(warnings, "");
}
END_TEST

START_TEST(a_warning_is_no_answer)
{
	start(serve_warning);
	request(1, "");
	ck_assert_int_eq(client_run(client, 5000, on_reply, &heard), ISCSI_SUCCESS);
	ck_assert_uint_eq(heard.results, 1);
	ck_assert_int_eq(heard.errs[1], ISCSI_SUCCESS);
	ck_assert_str_eq(warnings, "the target asked for none\n");
}
END_TEST

START_TEST(much_goes_both_ways)
{
	static char record[8000];

	/* More than the socket holds, to a daemon that begins late. */
	memset(record, 'x', sizeof(record) - 1);
	start(serve_slowly);
	request(2000, record);
	ck_assert_int_eq(client_run(client, 5000, on_reply, &heard), ISCSI_SUCCESS);
	ck_assert_uint_eq(heard.results, 2000);
	/* The connection goes on to be used. */
	request(3, "");
	ck_assert_int_eq(client_run(client, 5000, on_reply, &heard), ISCSI_SUCCESS);
	ck_assert_uint_eq(heard.results, 2003);
	ck_assert_int_eq(heard.errs[2003], ISCSI_SUCCESS);
}
END_TEST

START_TEST(daemon_dies_midway)
{
	start(serve_one_then_close);
	request(3, "");
	ck_assert_int_eq(client_run(client, 5000, on_reply, &heard), ISCSI_ERR_ISCSID_COMM_ERR);
	ck_assert_uint_eq(heard.results, 3);
	ck_assert_int_eq(heard.errs[1], ISCSI_ERR_BUSY);
	ck_assert_int_eq(heard.errs[2], ISCSI_ERR_ISCSID_COMM_ERR);
	ck_assert_int_eq(heard.errs[3], ISCSI_ERR_ISCSID_COMM_ERR);
	ck_assert_ptr_nonnull(strstr(warnings, "closed the connection"));
}
END_TEST

START_TEST(daemon_is_silent)
{
	int64_t begin = now_ms();

	start(serve_nothing);
	request(1, "");
	ck_assert_int_eq(client_run(client, 300, on_reply, &heard), ISCSI_ERR_REQ_TIMEDOUT);
	ck_assert_int_eq(heard.errs[1], ISCSI_ERR_REQ_TIMEDOUT);
	ck_assert_int_ge(now_ms() - begin, 300);
	ck_assert_int_lt(now_ms() - begin, 3000);
}
END_TEST

START_TEST(only_silence_counts)
{
	start(serve_with_pauses);
	request(4, "");
	ck_assert_int_eq(client_run(client, 400, on_reply, &heard), ISCSI_SUCCESS);
	ck_assert_uint_eq(heard.results, 4);
}
END_TEST

static void stop_for_a_while(int sig)
{
	(void)sig;
	usleep(600000);
}

/* The client was stopped for longer than it waits, so the answer is there already. */
START_TEST(time_in_which_the_client_was_stopped_is_no_silence)
{
	const struct itimerval soon = { .it_value.tv_usec = 50000 };
	const struct sigaction sa = { .sa_handler = stop_for_a_while };
	sigset_t alarm;

	ck_assert_int_eq(sigaction(SIGALRM, &sa, NULL), 0);
	(void)sigemptyset(&alarm);
	(void)sigaddset(&alarm, SIGALRM);
	ck_assert_int_eq(pthread_sigmask(SIG_BLOCK, &alarm, NULL), 0);
	start(serve_after_a_while);
	ck_assert_int_eq(pthread_sigmask(SIG_UNBLOCK, &alarm, NULL), 0);
	request(1, "");
	ck_assert_int_eq(setitimer(ITIMER_REAL, &soon, NULL), 0);
	ck_assert_int_eq(client_run(client, 400, on_reply, &heard), ISCSI_SUCCESS);
	ck_assert_int_eq(heard.errs[1], ISCSI_SUCCESS);
	ck_assert_str_eq(warnings, "");
}
END_TEST

/* A client that asks nothing for half a minute is dropped by the daemon. */
START_TEST(a_daemon_that_has_hung_up_is_asked_anew)
{
	listen_here();
	ck_assert_int_eq(pthread_create(&thread, NULL, serve_two_clients, NULL), 0);
	threaded = true;
	request(1, "");
	ck_assert_int_eq(client_run(client, 5000, on_reply, &heard), ISCSI_SUCCESS);
	while (!has_hung_up)
		usleep(1000);
	request(1, "");
	ck_assert_int_eq(client_run(client, 5000, on_reply, &heard), ISCSI_SUCCESS);
	ck_assert_uint_eq(heard.results, 2);
	ck_assert_int_eq(heard.errs[2], ISCSI_SUCCESS);
	ck_assert_str_eq(warnings, "");
}
END_TEST

START_TEST(daemon_refuses_us)
{
	static char record[100000];

	/* It closes while we still write: what it said must arrive, and no signal kill us. */
	memset(record, 'x', sizeof(record) - 1);
	start(serve_refusal);
	request(20, record);
	ck_assert_int_eq(client_run(client, 5000, on_reply, &heard), ISCSI_ERR_ACCESS);
	ck_assert_uint_eq(heard.results, 20);
	ck_assert_int_eq(heard.errs[20], ISCSI_ERR_ACCESS);
	ck_assert_ptr_nonnull(strstr(warnings, "only root may"));
}
END_TEST

START_TEST(daemon_talks_nonsense)
{
	static void (*const daemons[])(int) = {
		serve_garbage, serve_wrong_tag, serve_twice, serve_two_greetings,
	};

	start(daemons[_i]);
	request(2, "");
	ck_assert_int_eq(client_run(client, 5000, on_reply, &heard), ISCSI_ERR_ISCSID_COMM_ERR);
	ck_assert_uint_eq(heard.results, 2);
	ck_assert_str_ne(warnings, "");
}
END_TEST

/*
 * On the abstract name. The test's own has the form of the daemon's, since that name may be in
 * use here. Nothing may be sent to it: open-iscsi's daemon would wait for the rest.
 */
START_TEST(foreign_daemon_is_told_soon)
{
	static void (*const daemons[])(int) = { serve_no_greeting, serve_nobody };
	int64_t begin = now_ms();

	(void)snprintf(path, sizeof(path), "@test-client-%d", (int)getpid());
	ck_assert_int_eq(setenv("ISCSID_SOCKET", path, 1), 0);
	greets = false;
	start(daemons[_i]);
	request(2, "node.name = secret\n");
	ck_assert_int_eq(client_run(client, 5000, on_reply, &heard), ISCSI_ERR_ISCSID_COMM_ERR);
	ck_assert_uint_eq(heard.results, 2);
	ck_assert_ptr_nonnull(strstr(warnings, "open-iscsi's own iscsid"));
	ck_assert_int_lt(now_ms() - begin, 2500);
	ck_assert(!was_sent_something);
}
END_TEST

/* Only root can act as another user; without root there is no stranger to test. */
START_TEST(a_stranger_gets_nothing)
{
	if (geteuid() != 0)
		return;
	(void)snprintf(path, sizeof(path), "@test-client-%d", (int)getpid());
	ck_assert_int_eq(setenv("ISCSID_SOCKET", path, 1), 0);
	ck_assert_int_eq(seteuid(12345), 0);
	start(serve_nothing);
	ck_assert_int_eq(seteuid(0), 0);
	request(1, "node.name = secret\n");
	ck_assert_int_eq(client_run(client, 5000, on_reply, &heard), ISCSI_ERR_ACCESS);
	ck_assert_uint_eq(heard.results, 1);
	ck_assert_str_eq(warnings, "the process that listens on iscsid's abstract name belongs to "
			 "user 12345, who is neither root nor you; nothing was sent\n");
	ck_assert(!was_sent_something);
}
END_TEST

START_TEST(own_daemon_may_greet_late)
{
	greets = false;
	start(serve_late_greeting);
	request(3, "");
	ck_assert_int_eq(client_run(client, 5000, on_reply, &heard), ISCSI_SUCCESS);
	ck_assert_uint_eq(heard.results, 3);
	ck_assert_str_eq(warnings, "");
}
END_TEST

static const struct {
	void (*serve)(int fd);
	enum iscsi_err err;
	const char *warning;
} greetings[] = {
	{ serve_no_greeting, ISCSI_ERR_REQ_TIMEDOUT, "has not answered" },
	{ serve_nobody, ISCSI_ERR_ISCSID_COMM_ERR, "closed the connection" },
	{ serve_other_version, ISCSI_ERR_ISCSID_COMM_ERR,
	  "iscsid's greeting can't be understood: message of version " },
	{ serve_early_refusal, ISCSI_ERR_BUSY, "no room" },
	{ serve_garbage, ISCSI_ERR_REQ_TIMEDOUT, "has not answered" },
};

START_TEST(other_greetings)
{
	greets = false;
	start(greetings[_i].serve);
	request(1, "");
	ck_assert_int_eq(client_run(client, 400, on_reply, &heard), greetings[_i].err);
	ck_assert_uint_eq(heard.results, 1);
	ck_assert_msg(strstr(warnings, greetings[_i].warning) != NULL, "%s", warnings);
	ck_assert(!was_sent_something);
}
END_TEST

START_TEST(debug_lines)
{
	start(serve_one_then_close);
	client_set_debug(client, on_warning, NULL);
	request(1, "node.session.auth.password = very-secret\n");
	ck_assert_int_eq(client_run(client, 5000, on_reply, &heard), ISCSI_SUCCESS);
	ck_assert_str_eq(warnings, "request 1: discover\n"
				   "connected to iscsid, by the path of its socket\n"
				   "iscsid test greets\n"
				   "request 1: result 28, it is in use\n");
}
END_TEST

START_TEST(nobody_is_there)
{
	int64_t begin = now_ms();

	request(2, "");
	ck_assert_int_eq(client_run(client, 5000, on_reply, &heard), ISCSI_ERR_ISCSID_NOTCONN);
	ck_assert_uint_eq(heard.results, 2);
	ck_assert_int_eq(heard.errs[2], ISCSI_ERR_ISCSID_NOTCONN);
	ck_assert_str_eq(warnings, "can not connect to iSCSI daemon (111)!\n");
	ck_assert_int_lt(now_ms() - begin, 1000);
}
END_TEST

static const char *startup_text(void *arg)
{
	return arg;
}

START_TEST(daemon_cannot_be_started)
{
	request(1, "");
	client_set_startup(client, startup_text, NULL);
	ck_assert_int_eq(client_run(client, 5000, on_reply, &heard), ISCSI_ERR_ISCSID_NOTCONN);
	ck_assert_ptr_nonnull(strstr(warnings, "iscsid is not running. Could not start it up"));
	warnings[0] = '\0';
	request(1, "");
	client_set_startup(client, startup_text, (void *)"exit 3");
	ck_assert_int_eq(client_run(client, 5000, on_reply, &heard), ISCSI_ERR_ISCSID_NOTCONN);
	ck_assert_ptr_nonnull(strstr(warnings, "(exit 3) failed, status 3"));
	ck_assert_ptr_nonnull(strstr(warnings, "can not connect to iSCSI daemon (111)!"));
	ck_assert_uint_eq(heard.results, 2);
}
END_TEST

/* Plays the daemon that the startup command starts: listens when it finds the marker. */
static void *listen_when_told(void *arg)
{
	char marker[128];
	struct stat st;

	(void)snprintf(marker, sizeof(marker), "%s/marker", dir);
	while (stat(marker, &st) < 0)
		usleep(10000);
	(void)unlink(marker);
	usleep(200000);
	listen_here();
	return serve(arg);
}

START_TEST(daemon_is_started)
{
	char command[200];

	ck_assert_int_eq(setenv("OF_THE_CALLER", "1", 1), 0);
	(void)snprintf(command, sizeof(command), "test -z \"$OF_THE_CALLER\" && "
		       "test $PATH = /usr/sbin:/usr/bin:/sbin:/bin && : >%s/marker", dir);
	client_set_startup(client, startup_text, command);
	ck_assert_int_eq(pthread_create(&thread, NULL, listen_when_told, (void *)serve_slowly),
			 0);
	threaded = true;
	request(2, "");
	ck_assert_int_eq(client_run(client, 5000, on_reply, &heard), ISCSI_SUCCESS);
	ck_assert_uint_eq(heard.results, 2);
	ck_assert_str_eq(warnings, "");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("client");
	TCase *t = tcase_create("client");
	SRunner *runner = srunner_create(s);
	int failed;

	suite_add_tcase(s, t);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 120);
	tcase_add_test(t, nothing_to_ask);
	tcase_add_test(t, answers_come_in_any_order);
	tcase_add_test(t, a_warning_is_no_answer);
	tcase_add_test(t, much_goes_both_ways);
	tcase_add_test(t, daemon_dies_midway);
	tcase_add_test(t, daemon_is_silent);
	tcase_add_test(t, only_silence_counts);
	tcase_add_test(t, time_in_which_the_client_was_stopped_is_no_silence);
	tcase_add_test(t, a_daemon_that_has_hung_up_is_asked_anew);
	tcase_add_test(t, daemon_refuses_us);
	tcase_add_loop_test(t, daemon_talks_nonsense, 0, 4);
	tcase_add_loop_test(t, foreign_daemon_is_told_soon, 0, 2);
	tcase_add_test(t, a_stranger_gets_nothing);
	tcase_add_test(t, own_daemon_may_greet_late);
	tcase_add_loop_test(t, other_greetings, 0, (int)ARRAY_SIZE(greetings));
	tcase_add_test(t, debug_lines);
	tcase_add_test(t, nobody_is_there);
	tcase_add_test(t, daemon_cannot_be_started);
	tcase_add_test(t, daemon_is_started);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
