/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The process of iscsiadm: what main() sets up, and which status it ends with. */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>

int iscsiadm_main(int argc, char **argv);
#define main iscsiadm_main
#include "iscsiadm/main.c"
#undef main
#include "test/unit/capture.h"

static int status_of(const char *first, const char *second, const char *third)
{
	char *argv[] = { (char *)"iscsiadm", (char *)first, (char *)second, (char *)third, NULL };
	int argc = 1;

	while (argv[argc])
		argc++;
	return iscsiadm_main(argc, argv);
}

START_TEST(help_and_version_go_to_stdout)
{
	static const struct { const char *words[3]; enum adm_mode mode; } helps[] = {
		{ { "--help" }, MODE_NONE }, { { "-h" }, MODE_NONE },
		{ { "-m", "node", "-h" }, MODE_NODE }, { { "-m", "session", "--help" }, MODE_SESSION },
	};

	for (size_t i = 0; i < ARRAY_SIZE(helps); i++) {
		capture();
		ck_assert_int_eq(status_of(helps[i].words[0], helps[i].words[1], helps[i].words[2]), 0);
		ck_assert_str_eq(said(0), options_help(helps[i].mode));
		ck_assert_str_ne(said(0), "");
		ck_assert_str_eq(said(1), "");
	}
	capture();
	/* --json has no document of these two. */
	ck_assert_int_eq(status_of("--version", "--json", NULL), 0);
	ck_assert_str_eq(said(0), "iscsiadm version " ISCSI_VERSION "\n");
}
END_TEST

START_TEST(bad_options_end_with_7)
{
	capture();
	ck_assert_int_eq(status_of("--bogus", NULL, NULL), ISCSI_ERR_INVAL);
	ck_assert_str_eq(said(0), "");
	ck_assert_str_eq(said(1), "iscsiadm: unrecognized option '--bogus'\n"
			 "Try `iscsiadm --help' for more information.\n");
	capture();
	ck_assert_int_eq(status_of("-m", "bogus", "--json"), ISCSI_ERR_INVAL);
	ck_assert_ptr_nonnull(strstr(said(0), "bogus mode is not supported"));
	ck_assert_int_eq(said(0)[0], '{');
	ck_assert_ptr_nonnull(strstr(said(1), "iscsiadm: bogus mode is not supported"));
}
END_TEST

START_TEST(no_mode_is_a_fault_of_ours)
{
	struct adm adm = { .opt.mode = MODE_NONE, .opt.action = ACTION_RUN };

	ck_assert_int_eq(run_action(&adm), ISCSI_ERR_INTERNAL);
	adm.opt.mode = MODE_COUNT;
	ck_assert_int_eq(run_action(&adm), ISCSI_ERR_INTERNAL);
}
END_TEST

/* The status of a process with stdout @fd. */
static int status_with_stdout(int fd, const char *first, const char *second, const char *third)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		(void)dup2(fd, STDOUT_FILENO);
		_exit(status_of(first, second, third));
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(WIFEXITED(status), "status %x", (unsigned int)status);
	return WEXITSTATUS(status);
}

START_TEST(output_that_is_cut_short_is_a_failure)
{
	static const char lost[] = "iscsiadm: cannot write the output: No space left on device\n";
	int full = open("/dev/full", O_WRONLY | O_CLOEXEC), ends[2];

	ck_assert_int_eq(pipe(ends), 0);
	(void)close(ends[0]);
	capture();
	ck_assert_int_eq(status_with_stdout(full, "--version", NULL, NULL), ISCSI_ERR);
	ck_assert_str_eq(said(1), lost);
	capture();
	/* The first failure is the status. */
	ck_assert_int_eq(status_with_stdout(full, "-m", "bogus", "--json"), ISCSI_ERR_INVAL);
	ck_assert_ptr_nonnull(strstr(said(1), lost));
	capture();
	/* A reader like head(1) may have enough. */
	ck_assert_int_eq(status_with_stdout(ends[1], "--version", NULL, NULL), 0);
	ck_assert_int_eq(status_with_stdout(ends[1], "-m", "bogus", "--json"), ISCSI_ERR_INVAL);
	ck_assert_ptr_null(strstr(said(1), "cannot write"));
}
END_TEST

/* Lines are written as they come; what failed later is not why the first was lost. */
START_TEST(the_first_line_that_is_lost_says_why)
{
	int full = open("/dev/full", O_WRONLY | O_CLOEXEC), status;
	pid_t pid = fork();

	if (pid == 0) {
		(void)dup2(full, STDOUT_FILENO);
		print_to(stdout, "%s\n", "a line");
		print_flush();
		errno = EAGAIN;
		_exit(print_end() == ENOSPC ? 0 : 1);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
}
END_TEST

/* No file and no socket takes the place of a stream that the caller has closed. */
START_TEST(closed_streams_stay_useless)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		(void)close(STDIN_FILENO);
		(void)close(STDOUT_FILENO);
		(void)close(STDERR_FILENO);
		if (status_of("--version", NULL, NULL) != ISCSI_ERR)
			_exit(1);
		_exit(open("/dev/zero", O_RDONLY) > STDERR_FILENO ? 0 : 2);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
}
END_TEST

START_TEST(signals_and_the_mask_of_new_files)
{
	struct sigaction sa;
	pid_t pid;
	int status;

	(void)umask(0022);
	capture();
	ck_assert_int_eq(status_of("--version", NULL, NULL), 0);
	ck_assert_uint_eq(umask(0022), 0077);
	ck_assert_int_eq(sigaction(SIGPIPE, NULL, &sa), 0);
	ck_assert(sa.sa_handler == SIG_IGN);
	pid = fork();
	if (pid == 0) {
		(void)raise(SIGINT);
		_exit(0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_str_eq(said(1), "iscsiadm: caught SIGINT, exiting...\n");
	ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == ISCSI_ERR);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("adm_main");
	TCase *t = tcase_create("adm_main");
	SRunner *runner = srunner_create(s);
	int failed;

	suite_add_tcase(s, t);
	tcase_add_test(t, help_and_version_go_to_stdout);
	tcase_add_test(t, bad_options_end_with_7);
	tcase_add_test(t, no_mode_is_a_fault_of_ours);
	tcase_add_test(t, output_that_is_cut_short_is_a_failure);
	tcase_add_test(t, the_first_line_that_is_lost_says_why);
	tcase_add_test(t, closed_streams_stay_useless);
	tcase_add_test(t, signals_and_the_mask_of_new_files);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
