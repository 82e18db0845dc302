/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lines of the log on stderr; and on /dev/log, where that is the socket of the test. */
#include "iscsid/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>
#include <time.h>

#include "test/unit/capture.h"

START_TEST(lines_on_stderr)
{
	char longest[2000], wanted[1100];

	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	capture();
	log_debug("not at this level");
	log_info("info %d", 1);
	log_name("other");
	log_open(false, LOG_WARNING);
	log_notice("not at this level");
	log_warning("warning");
	log_error("%s", longest);
	log_close();
	(void)snprintf(wanted, sizeof(wanted), "iscsid: info 1\nother: warning\nother: %.1023s\n",
		       longest);
	ck_assert_str_eq(said(1), wanted);
	ck_assert_str_eq(said(0), "");
	log_open(false, LOG_DEBUG);
	ck_assert(log_enabled(LOG_DEBUG));
	log_open(false, LOG_ERR);
	ck_assert(log_enabled(LOG_ERR) && !log_enabled(LOG_WARNING));
}
END_TEST

static time_t now;

/* The log's clock, and that of the whole test. */
time_t time(time_t *ret)
{
	if (ret)
		*ret = now;
	return now;
}

/* A /dev of its own, as far as the test has the right. */
static int listen_on_log(void)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX, .sun_path = "/dev/log" };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	(void)unlink("/dev/log");
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	return fd;
}

START_TEST(lines_on_a_socket)
{
	char got[256] = "", wanted[64];
	int fd;

	if (unshare(CLONE_NEWNS) || mount("", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("log", "/dev", "tmpfs", 0, NULL))
		return;
	log_open(true, LOG_INFO);	/* nobody listens: stderr */
	capture();
	log_info("early");
	ck_assert_str_eq(said(1), "iscsid: early\n");
	fd = listen_on_log();
	log_open(true, LOG_INFO);
	capture();
	log_warning("late %d", 2);
	ck_assert_str_eq(said(1), "");
	ck_assert_int_gt(recv(fd, got, sizeof(got) - 1, MSG_DONTWAIT), 0);
	(void)snprintf(wanted, sizeof(wanted), "<28>iscsid[%d]: late 2", getpid());
	ck_assert_str_eq(got, wanted);
	log_close();
	(void)close(fd);
}
END_TEST

/* Lines are lost meanwhile, at most one attempt a second is made, and no line comes twice. */
START_TEST(a_log_that_was_restarted_is_found_again)
{
	static const char *const got[] = {
		"", "", "<30>iscsid[%d]: line 2", "<30>iscsid[%d]: line 3", "<30>iscsid[%d]: line 4",
	};
	char line[256], wanted[64];
	int fd;

	if (unshare(CLONE_NEWNS) || mount("", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("log", "/dev", "tmpfs", 0, NULL))
		return;
	log_name("iscsid");
	fd = listen_on_log();
	now = 1000;
	(void)close(STDIN_FILENO);	/* so that the log has the descriptor 0 */
	log_open(true, LOG_INFO);
	(void)close(fd);
	fd = listen_on_log();
	ck_assert_int_eq(fcntl(STDIN_FILENO, F_GETFD), FD_CLOEXEC);
	for (int i = 0; i < 5; i++) {
		now = i < 2 ? 1000 : i < 4 ? 1001 : 1002;
		errno = 0;
		log_info("line %d", i);
		memset(line, 0, sizeof(line));
		(void)recv(fd, line, sizeof(line) - 1, MSG_DONTWAIT);
		(void)snprintf(wanted, sizeof(wanted), got[i], getpid());
		ck_assert_str_eq(line, wanted);
		ck_assert_int_lt(recv(fd, line, sizeof(line), MSG_DONTWAIT), 0);
	}
	log_close();
	ck_assert_int_lt(fcntl(STDIN_FILENO, F_GETFD), 0);
	(void)close(fd);
}
END_TEST

/* Which may take a while after iscsid has noticed, and lines go to stderr until then. */
START_TEST(a_log_that_comes_late_is_found)
{
	char line[256] = "", wanted[64];
	int fd = -1;

	if (unshare(CLONE_NEWNS) || mount("", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("log", "/dev", "tmpfs", 0, NULL))
		return;
	log_name("iscsid");
	now = 1000;
	if (_i)			/* there is a log at first */
		fd = listen_on_log();
	log_open(true, LOG_INFO);
	if (_i) {
		(void)close(fd);
		(void)unlink("/dev/log");
	}
	capture();
	now = 1001;
	log_info("line 1");
	now = 1005;
	log_info("line 2");
	fd = listen_on_log();
	log_info("line 3");	/* in the second of the last attempt */
	now = 1006;
	log_info("line 4");
	ck_assert_str_eq(said(1), _i ? "iscsid: line 2\niscsid: line 3\n" :
				       "iscsid: line 1\niscsid: line 2\niscsid: line 3\n");
	ck_assert_int_gt(recv(fd, line, sizeof(line) - 1, MSG_DONTWAIT), 0);
	(void)snprintf(wanted, sizeof(wanted), "<30>iscsid[%d]: line 4", getpid());
	ck_assert_str_eq(line, wanted);
	ck_assert_int_lt(recv(fd, line, sizeof(line), MSG_DONTWAIT), 0);
	log_close();
	(void)close(fd);
}
END_TEST

START_TEST(a_full_log_holds_up_nobody)
{
	char line[256];
	int fd, lines = 0;

	if (unshare(CLONE_NEWNS) || mount("", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("log", "/dev", "tmpfs", 0, NULL))
		return;
	fd = listen_on_log();
	log_open(true, LOG_INFO);
	capture();
	for (int i = 0; i < 10000; i++)
		log_info("a line");
	ck_assert_str_eq(said(1), "");
	while (recv(fd, line, sizeof(line), MSG_DONTWAIT) > 0)
		lines++;
	ck_assert_int_gt(lines, 0);
	ck_assert_int_lt(lines, 10000);
	log_info("another line");
	ck_assert_int_gt(recv(fd, line, sizeof(line), MSG_DONTWAIT), 0);
	log_close();
	(void)close(fd);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("log");
	TCase *t = tcase_create("log");
	SRunner *runner = srunner_create(s);
	int failed;

	suite_add_tcase(s, t);
	tcase_add_test(t, lines_on_stderr);
	tcase_add_test(t, lines_on_a_socket);
	tcase_add_test(t, a_log_that_was_restarted_is_found_again);
	tcase_add_loop_test(t, a_log_that_comes_late_is_found, 0, 2);
	tcase_add_test(t, a_full_log_holds_up_nobody);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
