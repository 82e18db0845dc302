/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The daemon's socket (test/fake/daemon.h): clients that send rubbish, half a message or too
 * much, that read nothing, that come in great numbers, or that are not root.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "iscsid/base/bytes.h"
#include "libiscsi-db/util.h"
#include "iscsid/listen.h"
#include "test/fake/daemon.h"
#include "test/unit/capture.h"

#define STALL_S		30	/* what a client may take for a message */
#define CLIENTS_MAX	512
#define ACCEPT_INTERVAL_US	100000
#define ACCEPT_BURST	20	/* connections that are accepted in that time */

static struct fake_daemon *d = &the_daemon;
static struct fake_client client, other;

static bool was_open[256];		/* the descriptors that are check's own */

static void setup(void)
{
	for (int fd = 0; fd < (int)ARRAY_SIZE(was_open); fd++)
		was_open[fd] = fcntl(fd, F_GETFD) >= 0;
	fake_daemon_setup();
	fake_client_open(&client);
	other.fd = -1;
}

static void teardown(void)
{
	fake_client_close(&client);
	fake_client_close(&other);
	fake_daemon_teardown();
}

static void send_state_request(struct fake_client *c, uint32_t tag)
{
	fake_client_send(c, &(struct mgmt_request){
		.type = MGMT_SESSION_STATE, .tag = tag, .sid = 77 });
}

static void must_serve(struct fake_client *c)
{
	send_state_request(c, 6);
	UNTIL(fake_client_poll(c));
	ck_assert_uint_eq(c->reply.tag, 6);
	ck_assert_int_eq(c->reply.err, ISCSI_ERR_SESS_NOT_FOUND);
}

static void must_be_refused(struct fake_client *c, enum iscsi_err err, const char *why)
{
	UNTIL(fake_client_poll(c));
	ck_assert_int_eq(c->reply.type, MGMT_RESULT);
	ck_assert_uint_eq(c->reply.tag, 0);
	ck_assert_int_eq(c->reply.err, err);
	ck_assert_msg(strstr(c->reply.why, why) != NULL, "%s", c->reply.why);
	UNTIL(!fake_client_poll(c) && c->gone);
}

/* What can't be understood is answered with the reason, and the connection closed. */
static const struct {
	uint32_t magic;
	uint16_t version, type;
	uint32_t len;
	const char *body, *why;
} rubbish[] = {
	{ 0x47455420, MGMT_VERSION, MGMT_LOGIN, 0, "", "not a message of this iscsid" },
	{ MGMT_MAGIC, MGMT_VERSION + 1, MGMT_LOGIN, 0, "", "this program speaks version" },
	{ MGMT_MAGIC, MGMT_VERSION, MGMT_LOGIN, MGMT_BODY_MAX + 1, "", "at most" },
	{ MGMT_MAGIC, MGMT_VERSION, 0, 0, "", "unknown request 0" },
	{ MGMT_MAGIC, MGMT_VERSION, MGMT_CALL_OFF + 1, 0, "", "unknown request 10" },
	{ MGMT_MAGIC, MGMT_VERSION, MGMT_LOGIN, 0, "", "malformed body of 0 bytes" },
	{ MGMT_MAGIC, MGMT_VERSION, MGMT_STOP, 3, "abc", "malformed body of 3 bytes" },
};

START_TEST(rubbish_is_refused)
{
	uint8_t message[MGMT_HEADER_LEN + 8];

	put_be32(message, rubbish[_i].magic);
	put_be16(message + 4, rubbish[_i].version);
	put_be16(message + 6, rubbish[_i].type);
	put_be32(message + 8, rubbish[_i].len);
	memcpy(message + MGMT_HEADER_LEN, rubbish[_i].body, strlen(rubbish[_i].body));
	fake_client_open(&other);
	fake_client_send_bytes(&client, message, MGMT_HEADER_LEN + strlen(rubbish[_i].body));
	must_be_refused(&client, ISCSI_ERR_INVALID_MGMT_REQ, rubbish[_i].why);
	must_serve(&other);
}
END_TEST

START_TEST(a_message_may_come_byte_by_byte)
{
	const struct mgmt_request request = { .type = MGMT_SESSION_STATE, .tag = 4, .sid = 77 };
	size_t len;
	CLEANUP(freep) uint8_t *message = mgmt_msg_build_request(&request, &len);

	ck_assert_ptr_nonnull(message);
	for (size_t i = 0; i < len; i++) {
		ck_assert(!fake_client_poll(&client));
		fake_client_send_bytes(&client, message + i, 1);
		fake_daemon_settle();
	}
	ck_assert(fake_client_poll(&client));
	ck_assert_uint_eq(client.reply.tag, 4);
	must_serve(&client);
}
END_TEST

/* A client has its time for a whole message; single bytes don't put the end off. */
START_TEST(half_a_message_is_waited_for_and_no_longer)
{
	const struct mgmt_request request = { .type = MGMT_SESSION_STATE, .tag = 4, .sid = 77 };
	size_t len;
	CLEANUP(freep) uint8_t *message = mgmt_msg_build_request(&request, &len);

	for (size_t i = 0; i < 3; i++) {
		fake_client_send_bytes(&client, message + i, 1);
		fake_daemon_wait((STALL_S - 1) * 1000 / 3);
		ck_assert(!fake_client_poll(&client));
		ck_assert(!client.gone);
	}
	fake_daemon_wait(STALL_S * 1000 - (STALL_S - 1) * 1000 / 3 * 3 - 1);
	ck_assert(!fake_client_poll(&client));
	ck_assert(!client.gone);
	capture();
	fake_daemon_wait(1);
	ck_assert_ptr_nonnull(strstr(said(1), "a client stopped in the middle of a message; dropping it\n"));
	ck_assert(!fake_client_poll(&client));
	ck_assert(client.gone);
}
END_TEST

START_TEST(an_idle_client_is_dropped_but_not_one_that_waits)
{
	CLEANUP(freep) char *record = fake_node_text((const char *[]){
		"node.session.initial_login_retry_max", "10",
		"node.conn[0].timeo.login_timeout", "60", NULL });

	fake_client_open(&other);
	d->target.silent = true;
	fake_client_send(&client, &(struct mgmt_request){ .type = MGMT_LOGIN, .record = record });
	fake_daemon_wait(STALL_S * 1000 - 1);
	(void)fake_client_poll(&other);
	ck_assert(!other.gone);
	capture();
	fake_daemon_wait(1);
	ck_assert_ptr_null(strstr(said(1), "a client"));
	(void)fake_client_poll(&other);
	ck_assert(other.gone);
	fake_daemon_wait(5000);
	ck_assert(!fake_client_poll(&client));
	ck_assert(!client.gone);
	/* The clock starts anew with each message. */
	must_serve(&client);
	ck_assert(!client.gone);
}
END_TEST

START_TEST(requests_may_pile_up)
{
	enum { MANY = 1000 };
	uint32_t answered = 0;

	for (uint32_t tag = 0; tag < MANY; tag++) {
		send_state_request(&client, tag);
		for (; tag % 50 == 49 && answered <= tag; answered++) {
			UNTIL(fake_client_poll(&client));
			ck_assert_uint_eq(client.reply.tag, answered);
		}
	}
	ck_assert_uint_eq(answered, MANY);
}
END_TEST

/* Too many open requests: the rest waits in the socket until there is room. */
START_TEST(open_requests_have_a_bound)
{
	enum { MANY = 140, OPEN_MAX = 128 };
	uint32_t sid = fake_client_log_in(&client, NULL);
	unsigned int answered = 0;

	d->kernel.keeps_luns = true;
	for (uint32_t tag = 0; tag < MANY; tag++)
		fake_client_send(&client, &(struct mgmt_request){
			.type = MGMT_LOGOUT, .tag = tag, .sid = sid });
	/* One that can be answered at once, behind those that wait. */
	send_state_request(&client, MANY);
	fake_daemon_settle();
	ck_assert(!fake_client_poll(&client));
	fake_client_open(&other);
	must_serve(&other);
	manager_kernel_events.unbound(d->manager, sid);
	for (; answered < MANY + 1; answered++) {
		UNTIL(fake_client_poll(&client));
		/* Those that weren't read before the session ended are about none. */
		if (client.reply.tag < OPEN_MAX)
			ck_assert_int_eq(client.reply.err, ISCSI_SUCCESS);
	}
	must_serve(&client);
}
END_TEST

START_TEST(requests_that_wait_long_hold_up_no_others)
{
	enum { MANY = 250 };		/* as many as a socket holds */
	uint32_t sid = fake_client_log_in(&client, NULL);

	d->kernel.keeps_luns = true;
	for (uint32_t tag = 0; tag < MANY; tag++)
		fake_client_send(&client, &(struct mgmt_request){
			.type = MGMT_LOGOUT, .tag = tag, .sid = sid });
	send_state_request(&client, MANY);
	fake_daemon_wait(999);
	ck_assert(!fake_client_poll(&client));
	fake_daemon_wait(1);
	ck_assert(fake_client_poll(&client));
	ck_assert_uint_eq(client.reply.tag, MANY);
	manager_kernel_events.unbound(d->manager, sid);
	for (uint32_t tag = 0; tag < MANY; tag++)
		UNTIL(fake_client_poll(&client));
	must_serve(&client);
}
END_TEST

/* Each second without progress makes room for as many again. */
START_TEST(room_for_requests_grows_step_by_step)
{
	enum { MANY = 350 };
	uint32_t sid = fake_client_log_in(&client, NULL);

	d->kernel.keeps_luns = true;
	for (uint32_t tag = 0; tag < MANY; tag++) {
		fake_client_send(&client, &(struct mgmt_request){
			.type = MGMT_LOGOUT, .tag = tag, .sid = sid });
		if (tag == 200)
			fake_daemon_settle();
	}
	send_state_request(&client, MANY);
	fake_daemon_wait(1999);
	ck_assert(!fake_client_poll(&client));
	fake_daemon_wait(1);
	ck_assert(fake_client_poll(&client));
	ck_assert_uint_eq(client.reply.tag, MANY);
	manager_kernel_events.unbound(d->manager, sid);
	for (uint32_t tag = 0; tag < MANY; tag++)
		UNTIL(fake_client_poll(&client));
	/* Without any open request there is no more room than at first. */
	sid = fake_client_log_in(&client, NULL);
	for (uint32_t tag = 0; tag < 128; tag++)
		fake_client_send(&client, &(struct mgmt_request){
			.type = MGMT_LOGOUT, .tag = tag, .sid = sid });
	send_state_request(&client, MANY);
	fake_daemon_wait(999);
	ck_assert(!fake_client_poll(&client));
	manager_kernel_events.unbound(d->manager, sid);
	for (uint32_t tag = 0; tag < 128; tag++)
		UNTIL(fake_client_poll(&client));
}
END_TEST

/* Sends @n logouts that wait for their session's end, in the steps that are read. */
static void send_logouts(uint32_t sid, uint32_t n)
{
	for (uint32_t tag = 0; tag < n; tag++) {
		fake_client_send(&client, &(struct mgmt_request){
			.type = MGMT_LOGOUT, .tag = tag, .sid = sid });
		if (tag % 128 == 127)
			fake_daemon_wait(1000);
	}
}

START_TEST(no_client_has_more_than_4096_open_requests)
{
	enum { MANY = 4096 };
	uint32_t sid = fake_client_log_in(&client, NULL);

	d->kernel.keeps_luns = true;
	send_logouts(sid, MANY - 1);
	must_serve(&client);
	fake_client_send(&client, &(struct mgmt_request){ .type = MGMT_LOGOUT, .sid = sid });
	send_state_request(&client, MANY);
	fake_daemon_wait(3000);
	ck_assert(!fake_client_poll(&client));
	manager_kernel_events.unbound(d->manager, sid);
	for (uint32_t i = 0; i < MANY + 1; i++)
		UNTIL(fake_client_poll(&client));
	must_serve(&client);
}
END_TEST

/* Nothing is read of a client with too many open requests, but its end is seen. */
START_TEST(a_client_with_too_many_requests_may_leave)
{
	uint32_t sid = fake_client_log_in(&client, NULL);

	d->kernel.keeps_luns = true;
	send_logouts(sid, 127);
	fake_client_send(&client, &(struct mgmt_request){ .type = MGMT_LOGOUT, .sid = sid });
	fake_daemon_settle();
	fake_client_close(&client);
	fake_daemon_settle();
	manager_kernel_events.unbound(d->manager, sid);
	UNTIL(!d->kernel.session[sid].exists);
}
END_TEST

START_TEST(who_takes_no_answers_is_read_no_further_and_dropped)
{
	enum { MANY = 200000 };
	unsigned int sent = 0;
	bool full = false;

	fake_client_open(&other);
	ck_assert_int_eq(fcntl(client.fd, F_SETFL, O_NONBLOCK), 0);
	for (; sent < MANY && !full; sent++) {
		const struct mgmt_request request = {
			.type = MGMT_SESSION_STATE, .tag = sent, .sid = 77 };
		size_t len;
		CLEANUP(freep) uint8_t *message = mgmt_msg_build_request(&request, &len);

		while (send(client.fd, message, len, MSG_NOSIGNAL) < 0 && !full) {
			ck_assert_int_eq(errno, EAGAIN);
			fake_daemon_settle();
			full = send(client.fd, message, len, MSG_NOSIGNAL) < 0;
		}
	}
	ck_assert(full);	/* and not all was taken in */
	must_serve(&other);
	fake_daemon_wait((STALL_S + 1) * 1000);
	ck_assert_int_lt(send(client.fd, "x", 1, MSG_NOSIGNAL), 0);
	ck_assert_int_eq(errno, EPIPE);
}
END_TEST

static int connect_raw(void)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_ge(fd, 0);
	(void)snprintf(addr.sun_path, sizeof(addr.sun_path), "%.96s", d->path);
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	return fd;
}

START_TEST(a_client_may_have_the_number_0)
{
	char byte;
	int fd = connect_raw();

	(void)close(STDIN_FILENO);	/* the daemon's end of the connection gets its number */
	UNTIL(recv(fd, &byte, 1, MSG_DONTWAIT) == 1);
	ck_assert_int_ge(fcntl(STDIN_FILENO, F_GETFD), 0);
	(void)close(fd);
	fake_daemon_settle();
	ck_assert_int_lt(fcntl(STDIN_FILENO, F_GETFD), 0);
}
END_TEST

START_TEST(a_daemon_that_stops_closes_nothing_else)
{
	fake_client_close(&client);
	fake_daemon_stop();
	for (int fd = 0; fd < (int)ARRAY_SIZE(was_open); fd++)
		ck_assert(!was_open[fd] || fcntl(fd, F_GETFD) >= 0);
}
END_TEST

/* The loop itself bounds how many clients are accepted in a time, by the real clock. */
static void wait_for_accept(void)
{
	(void)usleep(2 * ACCEPT_INTERVAL_US);
	fake_daemon_settle();
}

START_TEST(clients_have_a_bound)
{
	struct rlimit limit;
	int fds[CLIENTS_MAX];

	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = limit.rlim_max;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	if (limit.rlim_cur < 2 * CLIENTS_MAX + 100)
		return;		/* such a machine can't have so many clients */
	for (int i = 1; i < CLIENTS_MAX; i++) {		/* @client is the first */
		fds[i] = connect_raw();
		fake_daemon_settle();
		if (i % ACCEPT_BURST == 0)
			wait_for_accept();
	}
	wait_for_accept();
	must_serve(&client);
	fake_client_open(&other);
	must_be_refused(&other, ISCSI_ERR_BUSY, "iscsid has 512 clients already");
	(void)close(fds[1]);
	fake_daemon_settle();
	fake_client_close(&other);
	fake_client_open(&other);
	must_serve(&other);
	for (int i = 2; i < CLIENTS_MAX; i++)
		(void)close(fds[i]);
	fake_daemon_settle();
}
END_TEST

/* Out of descriptors: a client is turned away, without a loop that spins. */
START_TEST(sockets_have_a_bound)
{
	char path[112];
	struct stat st;

	for (int i = 1; i <= 8; i++) {		/* beside the one that is there */
		int fd;

		(void)snprintf(path, sizeof(path), "%.60s/%d", d->dir, i);
		fd = listen_path(path, &st);
		ck_assert_int_ge(fd, 0);
		ck_assert_int_eq(mgmt_listen(d->mgmt, fd), i < 8 ? 0 : -E2BIG);
		ck_assert_int_eq(fcntl(fd, F_GETFD) < 0, i == 8);
		ck_assert_int_eq(unlink(path), 0);
	}
}
END_TEST

/* Nobody waits for the login, but for what is wrong with the request. */
START_TEST(a_bad_login_is_refused_to_whoever_does_not_wait)
{
	CLEANUP(freep) char *record = fake_node_text(NULL);

	(void)fake_client_log_in(&client, NULL);
	ck_assert_int_eq(fake_client_ask(&client, &(struct mgmt_request){
		.type = MGMT_LOGIN, .tag = 3, .flags = MGMT_NO_WAIT, .record = record }),
		ISCSI_ERR_SESS_EXISTS);
	ck_assert_str_eq(client.reply.why, "1 session requested, but 1 already present");
	ck_assert_int_eq(fake_client_ask(&client, &(struct mgmt_request){
		.type = MGMT_LOGIN, .tag = 3, .flags = MGMT_NO_WAIT, .record = "rubbish\n" }),
		ISCSI_ERR_INVAL);
	ck_assert_str_ne(client.reply.why, "");
}
END_TEST

START_TEST(no_descriptor_left)
{
	struct rlimit limit, low;
	int fd = connect_raw();
	char byte;

	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	low = limit;
	low.rlim_cur = (rlim_t)fd + 1;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &low), 0);
	for (int i = 0; i < 100 && fake_daemon_step(); i++)
		ck_assert_int_lt(i, 99);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	ck_assert_int_eq(recv(fd, &byte, 1, MSG_DONTWAIT), 0);
	(void)close(fd);
	must_serve(&client);
	fake_client_open(&other);
	must_serve(&other);
	for (fd = 0; fd < (int)ARRAY_SIZE(was_open); fd++)	/* of those that are new, too */
		ck_assert(was_open[fd] || fcntl(fd, F_GETFD) < 0 || fcntl(fd, F_GETFD) & FD_CLOEXEC);
}
END_TEST

START_TEST(only_root_may_command)
{
	pid_t pid;
	int status = -1;

	if (geteuid() != 0)
		return;		/* there is no other user to be */
	ck_assert_int_eq(chmod(d->dir, 0755), 0);
	ck_assert_int_eq(chmod(d->path, 0666), 0);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		uint8_t in[512];
		ssize_t n;
		size_t got = 0;
		int fd;

		if (setresuid(65534, 65534, 65534) < 0)
			_exit(2);
		fd = connect_raw();
		while ((n = recv(fd, in + got, sizeof(in) - got, 0)) > 0)
			got += (size_t)n;
		/* A greeting, a refusal and the end. */
		_exit(got && memmem(in, got, "only root may command iscsid", 28) ? 0 : 3);
	}
	UNTIL(waitpid(pid, &status, WNOHANG) == pid);
	ck_assert(WIFEXITED(status));
	ck_assert_int_eq(WEXITSTATUS(status), 0);
}
END_TEST

/* A child of the test's connects and waits for the greeting. */
static void greet_another_process(void)
{
	int status = -1;
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		char byte;

		_exit(recv(connect_raw(), &byte, 1, 0) == 1 ? 0 : 1);
	}
	UNTIL(waitpid(pid, &status, WNOHANG) == pid);
	ck_assert_int_eq(status, 0);
}

/* Whoever guards this machine should know that the daemon can't look at capabilities. */
START_TEST(a_proc_that_shows_nobody_is_told_once)
{
	static const char told[] = "/proc doesn't show who commands iscsid: that it is uid 0 must do";
	const char *at;

	capture();
	greet_another_process();
	ck_assert_ptr_null(strstr(said(1), "/proc"));
	if (geteuid() != 0 || unshare(CLONE_NEWNS) < 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("none", "/proc", "tmpfs", 0, NULL) < 0)
		return;		/* this machine always shows it */
	capture();
	for (int i = 0; i < 3; i++)
		greet_another_process();
	ck_assert_int_eq(umount("/proc"), 0);
	at = strstr(said(1), told);
	ck_assert_ptr_nonnull(at);
	ck_assert_ptr_null(strstr(at + 1, told));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("mgmt");
	TCase *tc = tcase_create("mgmt");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, rubbish_is_refused, 0, ARRAY_SIZE(rubbish));
	tcase_add_test(tc, a_message_may_come_byte_by_byte);
	tcase_add_test(tc, half_a_message_is_waited_for_and_no_longer);
	tcase_add_test(tc, an_idle_client_is_dropped_but_not_one_that_waits);
	tcase_add_test(tc, requests_may_pile_up);
	tcase_add_test(tc, open_requests_have_a_bound);
	tcase_add_test(tc, requests_that_wait_long_hold_up_no_others);
	tcase_add_test(tc, room_for_requests_grows_step_by_step);
	tcase_add_test(tc, no_client_has_more_than_4096_open_requests);
	tcase_add_test(tc, a_client_with_too_many_requests_may_leave);
	tcase_add_test(tc, a_client_may_have_the_number_0);
	tcase_add_test(tc, a_daemon_that_stops_closes_nothing_else);
	tcase_add_test(tc, who_takes_no_answers_is_read_no_further_and_dropped);
	tcase_add_test(tc, clients_have_a_bound);
	tcase_add_test(tc, sockets_have_a_bound);
	tcase_add_test(tc, a_bad_login_is_refused_to_whoever_does_not_wait);
	tcase_add_test(tc, no_descriptor_left);
	tcase_add_test(tc, only_root_may_command);
	tcase_add_test(tc, a_proc_that_shows_nobody_is_told_once);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
