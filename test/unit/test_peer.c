/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who may command the daemon, by what /proc shows of the process. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <check.h>

#include "iscsid/peer.h"
#include "libiscsi-db/util.h"

enum { PID = 4242 };

static char proc[] = "/tmp/iscsi-test-proc-XXXXXX";
static bool is_old;		/* the kernel has no SO_PEERPIDFD, as before Linux 6.5 */
static bool is_hidden;		/* the process has no number here */

int getsockopt(int fd, int level, int option, void *value, socklen_t *len)
{
	long r;

	if (is_old && option == 77) {
		errno = ENOPROTOOPT;
		return -1;
	}
	r = syscall(SYS_getsockopt, fd, level, option, value, len);
	if (is_hidden && r == 0 && option == SO_PEERCRED)
		((struct ucred *)value)->pid = 0;
	return (int)r;
}

static void setup(void)
{
	ck_assert_ptr_nonnull(mkdtemp(proc));
}

static void teardown(void)
{
	char command[64];

	(void)snprintf(command, sizeof(command), "rm -rf %s", proc);
	ck_assert_int_eq(system(command), 0);
}

/* A process with these capabilities; @user_ns tells its user namespace from the daemon's. */
static void show(const char *cap_eff, const char *user_ns)
{
	char command[512];

	(void)snprintf(command, sizeof(command),
		       "cd %s && mkdir -p %d/ns self/ns && echo ours >self/ns/user && "
		       "printf 'Name:\\tx\\nUid:\\t0\\nCapPrm:\\tffff\\nCapEff:\\t%s\\n' >%d/status && "
		       "%s %d/ns/user", proc, PID, cap_eff, PID, user_ns, PID);
	ck_assert_int_eq(system(command), 0);
}

static const struct {
	const char *cap_eff, *user_ns;
	const char *refusal;		/* NULL: it may */
} processes[] = {
	{ "000001ffffffffff", "ln self/ns/user", NULL },
	{ "0000000000200000", "ln self/ns/user", NULL },	/* CAP_SYS_ADMIN */
	{ "0000000000001000", "ln self/ns/user", NULL },	/* CAP_NET_ADMIN */
	{ "0000000000000000", "ln self/ns/user", "takes CAP_SYS_ADMIN or CAP_NET_ADMIN" },
	{ "00000000a80425fb", "ln self/ns/user", "pid 4242 has neither" },	/* a container's */
	{ "000001ffffffffff", "touch", "root of another user namespace" },
	{ "000001ffffffffff", "true", NULL },		/* nothing is known of its namespace, */
	{ "000001ffffffffff", "rm self/ns/user; touch", NULL },	/* or of ours */
};

START_TEST(root_takes_capabilities)
{
	struct iscsi_why why = { "" };
	enum iscsi_err err;
	bool unsure;

	show(processes[_i].cap_eff, processes[_i].user_ns);
	err = peer_check_process(proc, 0, PID, &unsure, &why);
	ck_assert_int_eq(err, processes[_i].refusal ? ISCSI_ERR_ACCESS : ISCSI_SUCCESS);
	ck_assert(!unsure);
	if (processes[_i].refusal)
		ck_assert_msg(strstr(why.text, processes[_i].refusal) != NULL, "%s", why.text);
}
END_TEST

START_TEST(without_proc_the_uid_counts)
{
	struct iscsi_why why;
	bool unsure;

	ck_assert_int_eq(peer_check_process(proc, 0, PID, &unsure, &why), ISCSI_SUCCESS);
	ck_assert(unsure);
}
END_TEST

START_TEST(others_may_not)
{
	uid_t other = geteuid() == 65534 ? 65533 : 65534;
	struct iscsi_why why;
	bool unsure;

	show("000001ffffffffff", "ln self/ns/user");
	ck_assert_int_eq(peer_check_process(proc, other, PID, &unsure, &why), ISCSI_ERR_ACCESS);
	ck_assert_str_eq(why.text, "only root may command iscsid");
}
END_TEST

START_TEST(this_process_may)
{
	struct iscsi_why why;
	bool unsure;
	int fds[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	ck_assert_int_eq(peer_check(-1, &unsure, &why), ISCSI_ERR_ACCESS);
	ck_assert_int_ge(fcntl(STDIN_FILENO, F_GETFD), 0);
	(void)close(STDIN_FILENO);	/* so that the process gets the descriptor 0 */
	is_old = _i;
	errno = ESRCH;			/* of something before */
	ck_assert_int_eq(peer_check(fds[0], &unsure, &why), ISCSI_SUCCESS);
	ck_assert_int_lt(fcntl(STDIN_FILENO, F_GETFD), 0);
	ck_assert(!unsure);
	(void)close(fds[0]);
	(void)close(fds[1]);
}
END_TEST

/* Outside of this process's PID namespace. */
START_TEST(a_process_without_a_number_may)
{
	struct iscsi_why why;
	bool unsure = false;
	int fds[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	is_old = is_hidden = true;
	ck_assert_int_eq(peer_check(fds[0], &unsure, &why), ISCSI_SUCCESS);
	ck_assert_int_eq(unsure, !geteuid());
	(void)close(fds[0]);
	(void)close(fds[1]);
}
END_TEST

/* A daemon that has changed its ids is commanded by its own user. */
START_TEST(the_same_user_may)
{
	struct iscsi_why why;
	bool unsure;

	if (geteuid() == 0 && seteuid(65534) < 0)
		return;		/* there is no other user to be */
	ck_assert_int_eq(peer_check_process("/nowhere", geteuid(), PID, &unsure, &why), ISCSI_SUCCESS);
	ck_assert(!unsure);
	ck_assert_int_eq(peer_check_process("/nowhere", 65533, PID, &unsure, &why), ISCSI_ERR_ACCESS);
	if (getuid() == 0)
		ck_assert_int_eq(seteuid(0), 0);
}
END_TEST

/* Root may have got the connection from a process without capabilities, which can't be told any more. */
START_TEST(root_must_still_be_there)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int listen_fd = socket(AF_UNIX, SOCK_STREAM, 0), fd;
	socklen_t len = sizeof(sa_family_t);	/* the kernel chooses a name */
	struct iscsi_why why = { "" };
	bool unsure;
	pid_t pid;

	ck_assert_int_eq(bind(listen_fd, (struct sockaddr *)&addr, len), 0);
	len = sizeof(addr);
	ck_assert_int_eq(getsockname(listen_fd, (struct sockaddr *)&addr, &len), 0);
	ck_assert_int_eq(listen(listen_fd, 1), 0);
	pid = fork();
	if (!pid)
		_exit(connect(socket(AF_UNIX, SOCK_STREAM, 0), (struct sockaddr *)&addr, len) < 0);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	fd = accept(listen_fd, NULL, NULL);
	ck_assert_int_ge(fd, 0);
	is_old = _i;
	ck_assert_int_eq(peer_check(fd, &unsure, &why), geteuid() ? ISCSI_SUCCESS : ISCSI_ERR_ACCESS);
	ck_assert_str_eq(why.text, geteuid() ? "" : "whoever connected has ended");
	(void)close(fd);
	(void)close(listen_fd);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("peer");
	TCase *t = tcase_create("peer");
	SRunner *runner = srunner_create(s);
	int failed;

	suite_add_tcase(s, t);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, root_takes_capabilities, 0, ARRAY_SIZE(processes));
	tcase_add_test(t, without_proc_the_uid_counts);
	tcase_add_test(t, others_may_not);
	tcase_add_test(t, the_same_user_may);
	tcase_add_loop_test(t, this_process_may, 0, 2);
	tcase_add_test(t, a_process_without_a_number_may);
	tcase_add_loop_test(t, root_must_still_be_there, 0, 2);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
