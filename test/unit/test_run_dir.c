/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The folder below /run: whom it must belong to, and the lock in it. */
#include "iscsid/run_dir.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "libiscsi-db/util.h"

static char base[32], path[48], lock_path[64];
static struct iscsi_why why;

/* Without stdin each descriptor that is opened may be 0. */
static void setup(void)
{
	(void)umask(022);
	(void)strcpy(base, "/tmp/test-run-dir.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(base));
	ck_assert_int_eq(chmod(base, 0755), 0);
	(void)snprintf(path, sizeof(path), "%s/run", base);
	(void)snprintf(lock_path, sizeof(lock_path), "%s/lock", path);
	why.text[0] = '\0';
	(void)close(STDIN_FILENO);
}

static int remove_one(const char *name, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(name);
}

static void teardown(void)
{
	(void)nftw(base, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static int opened(void)
{
	int fd = -1;

	ck_assert_msg(!run_dir_open(path, &fd, &why), "%s", why.text);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
	return fd;
}

static void ck_not_opened(const char *reason)
{
	int fd = -1;

	ck_assert_int_eq(run_dir_open(path, &fd, &why), ISCSI_ERR_INTERNAL);
	ck_assert_int_eq(fd, -1);
	ck_assert_msg(strstr(why.text, reason) != NULL, "%s", why.text);
	ck_assert_int_eq(strncmp(why.text, path, strlen(path)), 0);
}

START_TEST(the_folder_is_made)
{
	struct stat st;
	int fd = opened();

	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0755);
	(void)close(fd);
	(void)close(opened());		/* and taken if it is there */
	ck_assert_int_lt(fcntl(fd, F_GETFD), 0);
}
END_TEST

static const mode_t bad_modes[] = { 0775, 0757, 0777 };

START_TEST(others_may_not_write_there)
{
	char mode[16];

	ck_assert_int_eq(mkdir(path, 0755), 0);
	ck_assert_int_eq(chmod(path, bad_modes[_i]), 0);
	(void)snprintf(mode, sizeof(mode), "mode %03o,", (unsigned int)bad_modes[_i]);
	ck_not_opened(mode);
}
END_TEST

START_TEST(the_folder_belongs_to_root_or_us)
{
	ck_assert_int_eq(mkdir(path, 0755), 0);
	if (chown(path, 12, 12) < 0)
		return;		/* only root can try */
	ck_not_opened("belongs to uid 12 ");
	ck_assert_int_eq(seteuid(12), 0);
	(void)close(opened());
	ck_assert_int_eq(seteuid(0), 0);
	ck_assert_int_eq(chown(path, 0, 0), 0);
	ck_assert_int_eq(seteuid(12), 0);
	(void)close(opened());
	ck_assert_int_eq(seteuid(0), 0);
}
END_TEST

START_TEST(a_link_or_a_file_is_no_folder)
{
	ck_assert_int_eq(symlink("/tmp", path), 0);
	ck_not_opened(": ");
	ck_assert_int_eq(unlink(path), 0);
	(void)close(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	ck_not_opened(": Not a directory");
	(void)snprintf(path, sizeof(path), "%s/none/run", base);
	ck_not_opened(": No such file or directory");
}
END_TEST

static void ck_not_locked(int dir_fd, const char *reason)
{
	int lock = -1;

	ck_assert_int_eq(run_dir_lock(dir_fd, path, &lock, &why), ISCSI_ERR_INTERNAL);
	ck_assert_int_eq(lock, -1);
	ck_assert_msg(strstr(why.text, reason) != NULL, "%s", why.text);
	ck_assert_ptr_nonnull(strstr(why.text, lock_path));
}

START_TEST(one_daemon_has_the_lock)
{
	int first = opened(), dir_fd = fcntl(first, F_DUPFD_CLOEXEC, 3), lock = -1, fd;
	char text[32] = "", pid[16];
	struct stat st;

	(void)close(first);		/* so that the lock has the descriptor 0 */
	ck_assert_int_eq(first, STDIN_FILENO);
	ck_assert(run_dir_is_idle(dir_fd));		/* no daemon has ever run */
	/* A longer number than a pid is replaced. */
	fd = open(lock_path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	ck_assert_int_eq(write(fd, "123456789012345\n", 16), 16);
	(void)close(fd);
	errno = 0;
	ck_assert(run_dir_is_idle(dir_fd));
	ck_assert(!run_dir_lock(dir_fd, path, &lock, &why));
	ck_assert_int_eq(lock, STDIN_FILENO);
	ck_assert_int_eq(fcntl(lock, F_GETFD), FD_CLOEXEC);
	(void)snprintf(pid, sizeof(pid), "%d\n", getpid());
	ck_assert_int_ge(pread(lock, text, sizeof(text) - 1, 0), 0);
	ck_assert_str_eq(text, pid);
	ck_assert(!run_dir_is_idle(dir_fd));
	(void)snprintf(text, sizeof(text), ", pid %d; it holds ", getpid());
	ck_not_locked(dir_fd, text);
	/* What is no number isn't shown. */
	ck_assert_int_eq(ftruncate(lock, 0), 0);
	ck_not_locked(dir_fd, "another iscsid is running; it holds ");
	ck_assert_int_eq(pwrite(lock, "12x\x1b\n", 5, 0), 5);
	ck_not_locked(dir_fd, ", pid 12; it holds ");
	ck_assert_int_eq(pwrite(lock, "12345678901234567\n", 18, 0), 18);
	ck_not_locked(dir_fd, ", pid 123456789012345; it holds ");
	(void)close(lock);
	errno = 0;
	ck_assert(run_dir_is_idle(dir_fd));
	ck_assert_int_lt(fcntl(STDIN_FILENO, F_GETFD), 0);
	ck_assert_int_eq(unlink(lock_path), 0);
	ck_assert(!run_dir_lock(dir_fd, path, &lock, &why));
	ck_assert_int_eq(fstat(lock, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0600);
}
END_TEST

START_TEST(only_a_file_can_be_locked)
{
	int dir_fd = opened();

	ck_assert_int_eq(mkfifo(lock_path, 0600), 0);
	ck_not_locked(dir_fd, " is no regular file");
	(void)run_dir_is_idle(dir_fd);		/* nor is it waited for */
	ck_assert_int_eq(unlink(lock_path), 0);
	ck_assert_int_eq(symlink("elsewhere", lock_path), 0);
	ck_not_locked(dir_fd, ": Too many levels of symbolic links");
	ck_assert(!run_dir_is_idle(dir_fd));
	ck_assert_int_eq(unlink(lock_path), 0);
	ck_assert_int_eq(mkdir(lock_path, 0700), 0);
	ck_not_locked(dir_fd, ": Is a directory");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("run_dir");
	TCase *t = tcase_create("run_dir");
	SRunner *runner = srunner_create(s);
	int failed;

	suite_add_tcase(s, t);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, the_folder_is_made);
	tcase_add_loop_test(t, others_may_not_write_there, 0, (int)ARRAY_SIZE(bad_modes));
	tcase_add_test(t, the_folder_belongs_to_root_or_us);
	tcase_add_test(t, a_link_or_a_file_is_no_folder);
	tcase_add_test(t, one_daemon_has_the_lock);
	tcase_add_test(t, only_a_file_can_be_locked);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
