/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Local sockets: who may connect, what a new one replaces, and who holds a name. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>

#include <check.h>

#include "iscsid/listen.h"
#include "libiscsi-db/util.h"
#include "test/unit/capture.h"

static char name[64];
static size_t pauses;

int nanosleep(const struct timespec *pause, struct timespec *left)
{
	(void)left;
	ck_assert_int_eq(pause->tv_sec, 0);
	ck_assert_int_eq(pause->tv_nsec, 50000000);
	pauses++;
	return 0;
}

static void setup(void)
{
	(void)snprintf(name, sizeof(name), "iscsi-test-listen-%d", getpid());
	(void)close(STDIN_FILENO);	/* so that the first socket has the descriptor 0 */
}

START_TEST(a_listener_is_known)
{
	struct ucred who;
	int fd = listen_abstract(name);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_ne(fcntl(fd, F_GETFL) & O_NONBLOCK, 0);	/* a client may be gone again */
	ck_assert_int_ne(fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
	ck_assert_int_eq(listen_abstract(name), -EADDRINUSE);
	ck_assert_int_eq(listen_holder(name, &who), 0);
	ck_assert_int_eq(who.pid, getpid());
	ck_assert_uint_eq(who.uid, geteuid());
	(void)close(fd);
}
END_TEST

START_TEST(nobody_listens)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	struct ucred who;
	int fd;

	ck_assert_int_eq(listen_holder(name, &who), -ECONNREFUSED);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	memcpy(addr.sun_path + 1, name, strlen(name));
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&addr,
			      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(name))),
			 0);
	ck_assert_int_eq(listen_abstract(name), -EADDRINUSE);
	ck_assert_int_eq(listen_holder(name, &who), -ECONNREFUSED);
	(void)close(fd);
}
END_TEST

/* Connections until the queue is full: more than any listener of ours lets wait. */
START_TEST(a_full_queue_ends_the_wait)
{
	int fd = listen_abstract(name), full[200];
	struct ucred who;

	ck_assert_int_ge(fd, 0);
	for (size_t i = 0; i < ARRAY_SIZE(full); i++) {
		struct sockaddr_un addr = { .sun_family = AF_UNIX };

		full[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		memcpy(addr.sun_path + 1, name, strlen(name));
		(void)connect(full[i], (struct sockaddr *)&addr,
			      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(name)));
	}
	ck_assert_int_eq(listen_holder(name, &who), -EAGAIN);
	ck_assert_uint_eq(pauses, 10);
	for (size_t i = 0; i < ARRAY_SIZE(full); i++)
		(void)close(full[i]);
	(void)close(fd);
}
END_TEST

/* The tests run as one user, who is either root or whom the daemon runs as. */
START_TEST(a_daemon_of_the_same_user_counts)
{
	int fd = listen_abstract(name);
	struct iscsi_why why;
	char pid[32];

	ck_assert_int_eq(listen_judge_holder(name, &why), ISCSI_ERR_INTERNAL);
	(void)snprintf(pid, sizeof(pid), "pid %d, listens on", getpid());
	ck_assert_msg(strstr(why.text, pid), "%s", why.text);
	(void)close(fd);
	ck_assert_int_eq(listen_judge_holder(name, &why), ISCSI_SUCCESS);
}
END_TEST

START_TEST(a_daemon_of_root_counts)
{
	int fd = listen_abstract(name);
	struct iscsi_why why;

	if (geteuid())
		return;		/* only root can listen as root */
	ck_assert_int_eq(seteuid(12), 0);
	ck_assert_int_eq(listen_judge_holder(name, &why), ISCSI_ERR_INTERNAL);
	ck_assert_int_eq(seteuid(0), 0);
	(void)close(fd);
}
END_TEST

/* Any user can take an abstract name, which is no reason not to start. */
START_TEST(another_user_s_listener_is_said)
{
	int ends[2], status;
	struct iscsi_why why;
	char ready, text[64];
	pid_t pid;

	if (geteuid() || pipe(ends) < 0)
		return;		/* only root can become another user */
	pid = fork();
	if (pid == 0) {
		_exit(setresuid(12, 12, 12) < 0 || listen_abstract(name) < 0 ||
		      write(ends[1], "r", 1) != 1 || pause());
	}
	ck_assert_int_eq(read(ends[0], &ready, 1), 1);
	capture();
	ck_assert_int_eq(listen_judge_holder(name, &why), ISCSI_SUCCESS);
	(void)snprintf(text, sizeof(text), "pid %d, of uid 12, which is not root", pid);
	ck_assert_msg(strstr(said(1), text) != NULL, "%s", said(1));
	(void)kill(pid, SIGKILL);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	/* Whoever has it now doesn't answer. */
	capture();
	ck_assert_int_eq(listen_judge_holder(name, &why), ISCSI_SUCCESS);
	ck_assert_ptr_nonnull(strstr(said(1), "by a process that doesn't serve it (Connection refused)"));
}
END_TEST

START_TEST(a_path_is_replaced)
{
	char dir[] = "/tmp/iscsi-test-listen-XXXXXX", path[64];
	struct stat first, second, st;
	int fd, again;

	ck_assert_ptr_nonnull(mkdtemp(dir));
	(void)snprintf(path, sizeof(path), "%s/socket", dir);
	(void)umask(027);
	fd = listen_path(path, &first);
	ck_assert_int_ge(fd, 0);
	ck_assert_uint_eq(first.st_mode & 0777, 0600);
	ck_assert_uint_eq(umask(022), 027);
	again = listen_path(path, &second);
	ck_assert_int_ge(again, 0);
	listen_remove(path, &first);		/* it is another's now */
	ck_assert_int_eq(stat(path, &st), 0);
	listen_remove(path, &second);
	ck_assert_int_eq(stat(path, &st), -1);
	(void)close(fd);
	(void)close(again);
	(void)rmdir(dir);
	ck_assert_int_eq(listen_path("/tmp/no-such-folder-here/socket", &st), -ENOENT);
}
END_TEST

/* What a process calls itself is shown without the characters that could mislead. */
START_TEST(a_holder_is_named)
{
	int fd = listen_abstract(name);
	struct iscsi_why why;
	char text[160];

	ck_assert_int_eq(prctl(PR_SET_NAME, "a b\x1b_c-d.e9"), 0);
	ck_assert_int_eq(listen_judge_holder(name, &why), ISCSI_ERR_INTERNAL);
	(void)snprintf(text, sizeof(text), "Can not bind IPC socket: another iscsid is running: "
		       "a?b?_c-d.e9, pid %d, listens on @%s", getpid(), name);
	ck_assert_str_eq(why.text, text);
	(void)close(fd);
}
END_TEST

/* An address has room for 108 bytes, with a NUL before an abstract name or behind a path. */
START_TEST(the_longest_names)
{
	char dir[] = "/tmp/iscsi-test-listen-XXXXXX", text[109] = "";
	struct ucred who;
	struct stat st;
	int fd;

	ck_assert_ptr_nonnull(mkdtemp(dir));
	for (size_t len = 107; len <= 108; len++) {
		memset(text, 'x', len);
		(void)snprintf(text, sizeof(text), "%s", name);
		text[strlen(name)] = 'x';
		fd = listen_abstract(text);
		ck_assert_int_eq(fd >= 0, len == 107);
		ck_assert_int_eq(listen_holder(text, &who), len == 107 ? 0 : -ENAMETOOLONG);
		if (fd >= 0)
			(void)close(fd);
		memcpy(text, dir, strlen(dir));
		text[strlen(dir)] = '/';
		fd = listen_path(text, &st);
		ck_assert_int_eq(fd >= 0, len == 107);
		if (fd < 0)
			continue;
		ck_assert_int_ne(fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
		ck_assert_int_ne(fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
		listen_remove(text, &st);
		(void)close(fd);
	}
	ck_assert_int_eq(rmdir(dir), 0);
}
END_TEST

START_TEST(a_name_too_long)
{
	char text[200];
	struct ucred who;
	struct stat st;

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	ck_assert_int_eq(listen_abstract(text), -ENAMETOOLONG);
	ck_assert_int_eq(listen_holder(text, &who), -ENAMETOOLONG);
	ck_assert_int_lt(fcntl(STDIN_FILENO, F_GETFD), 0);
	ck_assert_int_eq(listen_path(text, &st), -ENAMETOOLONG);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("listen");
	TCase *t = tcase_create("listen");
	SRunner *runner = srunner_create(s);
	int failed;

	suite_add_tcase(s, t);
	tcase_add_checked_fixture(t, setup, NULL);
	tcase_add_test(t, a_listener_is_known);
	tcase_add_test(t, nobody_listens);
	tcase_add_test(t, a_full_queue_ends_the_wait);
	tcase_add_test(t, a_daemon_of_the_same_user_counts);
	tcase_add_test(t, a_daemon_of_root_counts);
	tcase_add_test(t, another_user_s_listener_is_said);
	tcase_add_test(t, a_path_is_replaced);
	tcase_add_test(t, a_holder_is_named);
	tcase_add_test(t, the_longest_names);
	tcase_add_test(t, a_name_too_long);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
