/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The lock: one holder at a time among ours and against open-iscsi's tools, never a wait without
 * end, and nothing left behind by the dead. Time is told by the test, not waited for.
 */
#include "libiscsi-db/lock_folder.h"
#include "libiscsi-db/process.h"
#include "test/unit/db_fixture.h"

#include <signal.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/wait.h>

static char *in_lock_dir(const char *name)
{
	static char path[PATH_MAX];

	(void)snprintf(path, sizeof(path), "%s/%s", fx_lock, name);
	return path;
}

static bool is_held(void)
{
	return access(in_lock_dir("lock.write"), F_OK) == 0;
}

/* What open-iscsi does. */
static int foreign_lock(void)
{
	char lock[PATH_MAX];
	int fd;

	(void)mkdir(fx_lock, 0700);
	strcpy(lock, in_lock_dir("lock"));
	fd = open(lock, O_RDWR | O_CREAT, 0600);
	ck_assert_int_ge(fd, 0);
	(void)close(fd);
	if (link(lock, in_lock_dir("lock.write")) < 0)
		return -errno;
	fx_wall_set();
	return 0;
}

static void foreign_unlock(void)
{
	ck_assert_int_eq(unlink(in_lock_dir("lock.write")), 0);
}

START_TEST(it_is_taken_and_given_back)
{
	CLEANUP(iscsi_db_closep) struct iscsi_db *db = fx_open();
	struct stat st;

	iscsi_db_unlock(db);	/* not held: nothing happens */
	ck_assert(!iscsi_db_lock(db, NULL));
	ck_assert(is_held());
	ck_assert_int_eq(foreign_lock(), -EEXIST);
	ck_assert(!iscsi_db_lock(db, NULL));
	iscsi_db_unlock(db);
	ck_assert(is_held());
	iscsi_db_unlock(db);
	ck_assert(!is_held());
	ck_assert_int_ne(access(in_lock_dir("lock.owner"), F_OK), 0);
	ck_assert_int_eq(stat(in_lock_dir("lock"), &st), 0);
	ck_assert_int_eq((int)st.st_size, 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0600);
	ck_assert_int_eq(stat(fx_lock, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0700);
	ck_assert_int_eq(foreign_lock(), 0);
	foreign_unlock();
	ck_assert(!iscsi_db_lock(db, NULL));
	db = iscsi_db_close(db);
	ck_assert(!is_held());
}
END_TEST

START_TEST(a_live_foreign_tool_is_respected)
{
	CLEANUP(iscsi_db_closep) struct iscsi_db *db = fx_open_os(&fx_os);
	struct iscsi_why why;

	ck_assert_int_eq(foreign_lock(), 0);
	fx_foreign = true;
	ck_assert_int_eq(iscsi_db_lock(db, &why), ISCSI_ERR_IDBM);
	ck_assert_int_eq((int)fx_slept_ms, 30000);
	ck_assert_ptr_nonnull(strstr(why.text, in_lock_dir("lock.write")));
	ck_assert(is_held());
	/* However old: as long as one is alive it may be the holder. */
	fx_wall_shift_ms = 3600 * 1000;
	ck_assert_int_eq(iscsi_db_lock(db, &why), ISCSI_ERR_IDBM);
	foreign_unlock();
	ck_assert(!iscsi_db_lock(db, &why));
}
END_TEST

START_TEST(a_dead_foreign_tool_is_cleared)
{
	CLEANUP(iscsi_db_closep) struct iscsi_db *db = fx_open_os(&fx_os);
	struct iscsi_why why;

	ck_assert_int_eq(foreign_lock(), 0);
	fx_foreign = false;
	/* Too young: a tool may have been started and not be seen yet. */
	fx_wall_shift_ms = 0;
	ck_assert_int_eq(iscsi_db_lock(db, &why), ISCSI_ERR_IDBM);
	fx_wall_shift_ms = 36000;
	fx_slept_ms = 0;
	ck_assert(!iscsi_db_lock(db, &why));
	ck_assert_int_eq((int)fx_slept_ms, 0);
	ck_assert(is_held());
}
END_TEST

static unsigned int looks;

static bool look(void)
{
	ck_assert_int_eq(fx_slept_ms % 1000, 0);
	looks++;
	return true;
}

/* All of /proc is read for that. */
START_TEST(foreign_tools_are_looked_for_each_second)
{
	CLEANUP(iscsi_db_closep) struct iscsi_db *db = NULL;
	struct db_os os = fx_os;

	os.foreign_alive = look;
	db = fx_open_os(&os);
	ck_assert_int_eq(foreign_lock(), 0);
	fx_wall_shift_ms = 3600 * 1000;
	ck_assert_int_eq(iscsi_db_lock(db, NULL), ISCSI_ERR_IDBM);
	ck_assert_int_eq(fx_slept_ms, 30000);
	ck_assert_uint_eq(looks, 31);
}
END_TEST

static char *pid_text(pid_t pid)
{
	return db_format("%ld\n", (long)pid);
}

/* Whether lock.write keeps us from the lock: who made it, and how many milliseconds ago. */
START_TEST(a_lock_is_stale_by_its_maker_or_its_age)
{
	enum { FOREIGN, ALIVE, SELF, DEAD, TEXT };
	static const struct {
		int maker;
		const char *text;
		int64_t age_ms;
		bool stale;
	} rows[] = {
		{ FOREIGN, NULL, 35000, false }, { FOREIGN, NULL, 35001, true },
		{ ALIVE, NULL, 35000, false },	 { ALIVE, NULL, 35001, true },
		{ SELF, NULL, 0, true },	 { DEAD, NULL, 0, true },
		{ TEXT, "", 0, true },		 { TEXT, "0\n", 0, true },
		{ TEXT, "-1\n", 0, true },	 { TEXT, "who?\n", 0, true },
		{ TEXT, "7777777777777777777777777777777777777777777777777777777777", 0, true },
	};
	pid_t dead = fork();

	if (!dead)
		_exit(0);
	ck_assert_int_eq(waitpid(dead, NULL, 0), dead);
	(void)mkdir(fx_lock, 0700);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP(iscsi_db_closep) struct iscsi_db *db = fx_open_os(&fx_os);
		CLEANUP(freep) char *text = rows[i].maker == ALIVE ? pid_text(getppid()) :
					    rows[i].maker == SELF ? pid_text(getpid()) :
					    rows[i].maker == DEAD ? pid_text(dead) :
					    rows[i].text ? strdup(rows[i].text) : NULL;
		struct stat st;

		if (text)
			fx_put_text("../lock/lock.write", text);
		else
			ck_assert_int_eq(foreign_lock(), 0);
		ck_assert_int_eq(stat(in_lock_dir("lock.write"), &st), 0);
		fx_slept_ms = 0;
		fx_wall_stands_at_ms = (int64_t)st.st_ctim.tv_sec * 1000 +
				       st.st_ctim.tv_nsec / 1000000 + rows[i].age_ms;
		/* The time of a pause makes it old enough. */
		ck_assert(!iscsi_db_lock(db, NULL));
		ck_assert_msg(fx_slept_ms == (rows[i].stale ? 0 : 10), "row %zu", i);
	}
}
END_TEST

/* A child that holds the lock until it is killed or reads end of file. */
static pid_t holder(int *ret_fd)
{
	int to_child[2], to_parent[2];
	char byte;
	pid_t pid;

	ck_assert_int_eq(pipe(to_child), 0);
	ck_assert_int_eq(pipe(to_parent), 0);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		struct iscsi_db *db = fx_open();

		(void)prctl(PR_SET_NAME, "fifteen-letters");
		(void)close(to_child[1]);
		if (iscsi_db_lock(db, NULL) != ISCSI_SUCCESS || write(to_parent[1], "x", 1) != 1)
			_exit(1);
		(void)!read(to_child[0], &byte, 1);
		iscsi_db_close(db);
		_exit(0);
	}
	(void)close(to_child[0]);
	(void)close(to_parent[1]);
	ck_assert_int_eq((int)read(to_parent[0], &byte, 1), 1);
	(void)close(to_parent[0]);
	*ret_fd = to_child[1];
	return pid;
}

START_TEST(a_live_one_of_ours_is_named)
{
	CLEANUP(iscsi_db_closep) struct iscsi_db *db = fx_open_os(&fx_os);
	struct iscsi_why why;
	char want[64];
	int fd;
	pid_t pid = holder(&fd);

	/* Neither age nor the absence of foreign tools matters then. */
	fx_wall_shift_ms = 3600 * 1000;
	fx_foreign = false;
	ck_assert_int_eq(iscsi_db_lock(db, &why), ISCSI_ERR_IDBM);
	(void)snprintf(want, sizeof(want), "locked by fifteen-letters, pid %ld", (long)pid);
	ck_assert_msg(strstr(why.text, want) != NULL, "%s", why.text);
	(void)close(fd);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	ck_assert(!iscsi_db_lock(db, &why));
}
END_TEST

START_TEST(a_killed_one_of_ours_is_cleared_at_once)
{
	CLEANUP(iscsi_db_closep) struct iscsi_db *db = fx_open_os(&fx_os);
	struct iscsi_why why = { "" };
	int fd;
	pid_t pid = holder(&fd);

	ck_assert_int_eq(kill(pid, SIGKILL), 0);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	ck_assert(is_held());
	fx_foreign = true;
	ck_assert_msg(!iscsi_db_lock(db, &why), "%s", why.text);
	ck_assert_int_eq((int)fx_slept_ms, 0);
	(void)close(fd);
}
END_TEST

START_TEST(an_impatient_tool_takes_it_over)
{
	CLEANUP(iscsi_db_closep) struct iscsi_db *db = fx_open();

	ck_assert(!iscsi_db_lock(db, NULL));
	/* Old tools remove a lock that is in their way. What is theirs then, we leave. */
	foreign_unlock();
	ck_assert_int_eq(foreign_lock(), 0);
	iscsi_db_unlock(db);
	ck_assert(is_held());
	foreign_unlock();
}
END_TEST

START_TEST(the_file_may_be_removed_under_us)
{
	CLEANUP(iscsi_db_closep) struct iscsi_db *db = fx_open_os(&fx_os);
	CLEANUP(iscsi_db_closep) struct iscsi_db *other = fx_open_os(&fx_os);
	struct iscsi_why why = { "" };
	int fd;
	pid_t pid = holder(&fd);

	/* A cleaner of /run took "lock", but the holder lives. */
	ck_assert_int_eq(unlink(in_lock_dir("lock")), 0);
	ck_assert_int_eq(iscsi_db_lock(db, &why), ISCSI_ERR_IDBM);
	(void)close(fd);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	ck_assert_msg(!iscsi_db_lock(db, &why), "%s", why.text);
	iscsi_db_unlock(db);
	fx_clear(fx_lock);
	ck_assert(!iscsi_db_lock(other, &why));
}
END_TEST

START_TEST(places_that_cannot_be_locked)
{
	CLEANUP(iscsi_db_closep) struct iscsi_db *db = fx_open_os(&fx_os);
	struct iscsi_why why;

	fx_put_text("file", "");
	(void)setenv("ISCSI_LOCK_DIR", fx_path("file"), 1);
	ck_assert_int_eq(iscsi_db_lock(db, &why), ISCSI_ERR_IDBM);
	ck_assert_ptr_nonnull(strstr(why.text, "cannot lock the database in "));
	(void)setenv("ISCSI_LOCK_DIR", fx_path("deep/new/folder"), 1);
	ck_assert_int_eq(iscsi_db_lock(db, &why), ISCSI_ERR_IDBM);
	fx_os_reset();
	(void)setenv("ISCSI_LOCK_DIR", fx_path("new/folder"), 1);
	ck_assert(!iscsi_db_lock(db, &why));
	iscsi_db_unlock(db);
	fx_os_reset();
	fx_fail_call = FX_LINK;
	fx_fail_err = -EROFS;
	fx_fail_nth = 1;
	ck_assert_int_eq(iscsi_db_lock(db, &why), ISCSI_ERR_IDBM);
	ck_assert_ptr_nonnull(strstr(why.text, "Read-only file system"));
	fx_fail_call = FX_MKDIR;
	fx_fail_err = -EACCES;
	ck_assert_int_eq(iscsi_db_lock(db, &why), ISCSI_ERR_IDBM);
	ck_assert_ptr_nonnull(strstr(why.text, "are you root?"));
	ck_assert_ptr_eq(db_os_real.foreign_alive, process_foreign_alive);
}
END_TEST

/* What may pass is waited for. */
START_TEST(errors_that_pass_and_others)
{
	static const struct {
		enum fx_call call;
		int err;
		int64_t slept_ms;
		const char *reason;
	} rows[] = {
		{ FX_FLOCK, -EWOULDBLOCK, 30000, "the database is locked by another program, in " },
		{ FX_FLOCK, -EINTR, 30000, "the database is locked by another program, in " },
		{ FX_FLOCK, -EIO, 0, "cannot lock the database in " },
		{ FX_LINK, -EEXIST, 30000, "lock.write was made by another program; " },
		{ FX_WRITE, -EIO, 0, "cannot lock the database in " },
		{ FX_UNLINK, -EROFS, 0, "cannot lock the database in " },
	};
	CLEANUP(iscsi_db_closep) struct iscsi_db *db = fx_open_os(&fx_os);
	struct iscsi_why why;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		fx_os_reset();
		fx_slept_ms = 0;
		fx_fail_call = rows[i].call;
		fx_fail_err = rows[i].err;
		fx_fail_nth = 1;
		ck_assert_int_eq(iscsi_db_lock(db, &why), ISCSI_ERR_IDBM);
		ck_assert_msg(strstr(why.text, rows[i].reason), "row %zu: %s", i, why.text);
		ck_assert_msg(fx_slept_ms == rows[i].slept_ms, "row %zu: %d", i, (int)fx_slept_ms);
		fx_os_reset();
		ck_assert(!iscsi_db_lock(db, &why));
		iscsi_db_unlock(db);
	}
}
END_TEST

START_TEST(the_folder_has_its_place)
{
	(void)unsetenv("ISCSI_LOCK_DIR");
	ck_assert_str_eq(lock_folder_path(), "/run/lock/iscsi");
	(void)setenv("ISCSI_LOCK_DIR", "", 1);
	ck_assert_str_eq(lock_folder_path(), "/run/lock/iscsi");
	(void)setenv("ISCSI_LOCK_DIR", "/x", 1);
	ck_assert_str_eq(lock_folder_path(), "/x");
}
END_TEST

/* A full file system doesn't keep us from the lock; nothing has to be written for it. */
START_TEST(a_full_run_can_be_locked)
{
	CLEANUP(iscsi_db_closep) struct iscsi_db *db = fx_open_os(&fx_os);
	struct iscsi_why why = { "" };

	fx_os_reset();
	fx_fail_call = FX_WRITE;
	fx_fail_err = -ENOSPC;
	fx_fail_nth = 1;
	ck_assert_msg(!iscsi_db_lock(db, &why), "%s", why.text);
}
END_TEST

START_TEST(foreign_tools_are_seen)
{
	int fds[2];
	char byte;
	pid_t pid;

	ck_assert_int_eq(pipe(fds), 0);
	pid = fork();
	if (pid == 0) {
		(void)prctl(PR_SET_NAME, "iscsistart");
		(void)!write(fds[1], "x", 1);
		for (;;)
			(void)pause();
	}
	ck_assert_int_eq((int)read(fds[0], &byte, 1), 1);
	ck_assert(process_foreign_alive());
	(void)kill(pid, SIGKILL);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
}
END_TEST

static char programs[PATH_MAX];	/* a folder beside this program, whose file system runs programs */

/* Copies this program to @name below that folder. */
static void copy_program(const char *name)
{
	CLEANUP(freep) char *path = db_format("%s/%s", programs, name);
	CLEANUP(closep) int from = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	CLEANUP(closep) int to = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0700);

	ck_assert_int_ge(to, 0);
	while (sendfile(to, from, NULL, 1 << 20) > 0)
		;
}

/* Runs such a copy until it is killed. */
static pid_t run_program(const char *name)
{
	CLEANUP(freep) char *path = db_format("%s/%s", programs, name);
	int fds[2];
	char byte;
	pid_t pid;

	ck_assert_int_eq(pipe2(fds, O_CLOEXEC), 0);
	pid = fork();
	if (!pid) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		(void)dup2(fds[1], STDOUT_FILENO);
		(void)execl(path, path, "wait", NULL);
		_exit(1);
	}
	(void)close(fds[1]);
	ck_assert_int_eq(read(fds[0], &byte, 1), 1);
	(void)close(fds[0]);
	return pid;
}

/* A program with a tool's name is foreign, unless it lies beside the one that asks. */
START_TEST(programs_from_elsewhere_are_foreign)
{
	static const struct {
		const char *name;
		bool foreign;
	} rows[] = {
		{ "ours/iscsid", false },    { "theirs/iscsid", true },	  { "theirs/iscsiadm", true },
		{ "theirs/iscsistart", true }, { "theirs/iscsi", false }, { "ours/other", false },
	};
	ssize_t n = readlink("/proc/self/exe", programs, sizeof(programs) - 1);

	ck_assert_int_gt(n, 0);
	programs[n] = '\0';
	strcpy(strrchr(programs, '/'), "/programs-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(programs));
	for (size_t i = 0; i < 2; i++) {
		CLEANUP(freep) char *folder = db_format("%s/%s", programs, i ? "ours" : "theirs");

		ck_assert_int_eq(mkdir(folder, 0700), 0);
	}
	copy_program("ours/asks");
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP(freep) char *command = NULL;
		int status;
		pid_t pid;

		copy_program(rows[i].name);
		pid = run_program(rows[i].name);
		command = db_format("%s/ours/asks foreign %ld", programs, (long)pid);
		status = system(command);
		(void)kill(pid, SIGKILL);
		ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
		ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == rows[i].foreign,
			      "%s: %d", rows[i].name, status);
		ck_assert(!process_is_foreign(pid));
	}
	fx_clear(programs);
	(void)prctl(PR_SET_NAME, "iscsid");
	ck_assert(!process_is_foreign(getpid()));
}
END_TEST

/* Adds one to a number in a file, with a race in the middle, @rounds times. */
static void count_up(bool foreign, int rounds)
{
	CLEANUP(iscsi_db_closep) struct iscsi_db *db = fx_open();
	CLEANUP(freep) char *path = db_format("%s/number", fx_base);

	for (int i = 0; i < rounds; i++) {
		int number = 0, r;
		FILE *f;

		if (foreign) {
			while ((r = foreign_lock()) == -EEXIST)
				db_os_real.sleep_ms(1);
			if (r < 0)
				_exit(1);
		} else if (iscsi_db_lock(db, NULL) != ISCSI_SUCCESS) {
			_exit(1);
		}
		f = fopen(path, "r");
		if (f) {
			if (fscanf(f, "%d", &number) != 1)
				_exit(2);
			(void)fclose(f);
		}
		f = fopen(path, "w");
		if (!f)
			_exit(3);
		if (i % 4 == 0)
			db_os_real.sleep_ms(1);
		(void)fprintf(f, "%d\n", number + 1);
		(void)fclose(f);
		if (foreign)
			foreign_unlock();
		else
			iscsi_db_unlock(db);
	}
}

START_TEST(only_one_at_a_time)
{
	CLEANUP(freep) char *path = db_format("%s/number", fx_base);
	enum { PROCESSES = 4, ROUNDS = 8 };
	pid_t pids[PROCESSES];
	int number = 0;
	FILE *f;

	for (int i = 0; i < PROCESSES; i++) {
		pids[i] = fork();
		if (pids[i] == 0) {
			count_up(i == 0, ROUNDS);
			_exit(0);
		}
	}
	for (int i = 0; i < PROCESSES; i++) {
		int status;

		ck_assert_int_eq(waitpid(pids[i], &status, 0), pids[i]);
		ck_assert_int_eq(status, 0);
	}
	f = fopen(path, "r");
	ck_assert_ptr_nonnull(f);
	ck_assert_int_eq(fscanf(f, "%d", &number), 1);
	(void)fclose(f);
	ck_assert_int_eq(number, PROCESSES * ROUNDS);
	ck_assert(!is_held());
}
END_TEST

START_TEST(a_copy_of_the_descriptor_holds_nothing)
{
	CLEANUP(iscsi_db_closep) struct iscsi_db *db = fx_open_os(&fx_os);
	struct iscsi_why why = { "" };
	int copy;

	ck_assert(!iscsi_db_lock(db, &why));
	copy = dup(db->lock.fd);
	iscsi_db_unlock(db);
	fx_slept_ms = 0;
	ck_assert_msg(!iscsi_db_lock(db, &why), "%s", why.text);
	ck_assert_int_eq(fx_slept_ms, 0);
	iscsi_db_unlock(db);
	(void)close(copy);
}
END_TEST

START_TEST(a_folder_that_cannot_be_made)
{
	CLEANUP(freep) char *dir = db_format("%s/no/such/folder", fx_base);
	CLEANUP(iscsi_db_closep) struct iscsi_db *db = fx_open_os(&fx_os);
	struct iscsi_why why = { "" };

	(void)setenv("ISCSI_LOCK_DIR", dir, 1);
	fx_slept_ms = 0;
	ck_assert_int_eq(iscsi_db_lock(db, &why), ISCSI_ERR_IDBM);
	ck_assert_msg(strstr(why.text, dir) && strstr(why.text, "No such file"), "%s", why.text);
	ck_assert_int_eq(fx_slept_ms, 0);
}
END_TEST

static char told[1024];

static void keep_warning(void *arg, const char *text)
{
	(void)arg;
	(void)snprintf(told, sizeof(told), "%s", text);
}

/* Everybody may make the folder first; root takes its place back, and says whose it was. */
START_TEST(anothers_folder_is_moved_aside)
{
	static const char *const kinds[] = { "empty", "full", "file", "symlink" };
	const struct iscsi_db_observer observer = { .warn = keep_warning };
	CLEANUP(iscsi_db_closep) struct iscsi_db *db = fx_open();
	const char *kind = kinds[_i];
	char command[3 * PATH_MAX];
	struct iscsi_why why = { "" };
	struct stat st;

	if (geteuid())
		return;			/* only root may move what isn't its own */
	(void)snprintf(command, sizeof(command), "f=%s; rm -rf $f; %s; chown -h 65534 $f", fx_lock,
		       streq(kind, "file") ? "touch $f" :
		       streq(kind, "symlink") ? "ln -s /nowhere $f" :
		       streq(kind, "full") ? "mkdir $f; touch $f/lock" : "mkdir $f");
	ck_assert_int_eq(system(command), 0);
	iscsi_db_observe(db, &observer);
	told[0] = '\0';
	ck_assert_msg(!iscsi_db_lock(db, &why), "%s", why.text);
	ck_assert_msg(strstr(told, "uid 65534") != NULL, "%s", told);
	ck_assert_int_eq(strstr(told, "moved to") != NULL, !streq(kind, "empty"));
	ck_assert_int_eq(lstat(fx_lock, &st), 0);
	ck_assert(S_ISDIR(st.st_mode));
	ck_assert_uint_eq(st.st_uid, 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0700);
	iscsi_db_unlock(db);
	(void)snprintf(command, sizeof(command), "rm -rf %s.aside-*", fx_lock);
	ck_assert_int_eq(system(command), 0);
}
END_TEST

static struct { unsigned int ms; int64_t from_ms; } pauses[8];
static size_t pauses_len;

static void note_pause(unsigned int ms)
{
	if (!pauses_len || pauses[pauses_len - 1].ms != ms) {
		ck_assert_uint_lt(pauses_len, ARRAY_SIZE(pauses));
		pauses[pauses_len].ms = ms;
		pauses[pauses_len++].from_ms = fx_slept_ms;
	}
	fx_sleep_ms(ms);
}

/* Who has waited long tries more often. */
START_TEST(the_pauses_between_two_tries)
{
	static const struct { unsigned int ms; int64_t from_ms; } wanted[] = {
		{ 10, 0 }, { 40, 100 }, { 10, 2020 }, { 1, 6000 },
	};
	struct db_os os = fx_os;
	struct iscsi_why why = { "" };
	struct iscsi_db *db;

	os.sleep_ms = note_pause;
	db = fx_open_os(&os);
	fx_slept_ms = 0;
	fx_fail_call = FX_FLOCK;
	fx_fail_nth = 1;
	fx_fail_err = -EWOULDBLOCK;
	ck_assert_int_eq(iscsi_db_lock(db, &why), ISCSI_ERR_IDBM);
	ck_assert_int_eq(fx_slept_ms, 30000);
	ck_assert_uint_eq(pauses_len, ARRAY_SIZE(wanted));
	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++) {
		ck_assert_uint_eq(pauses[i].ms, wanted[i].ms);
		ck_assert_int_eq(pauses[i].from_ms, wanted[i].from_ms);
	}
	iscsi_db_close(db);
}
END_TEST

START_TEST(the_folder_above_is_made_too)
{
	struct iscsi_why why = { "" };
	struct iscsi_db *db;
	char above[80], path[96];
	struct stat st;

	(void)umask(0);
	(void)snprintf(above, sizeof(above), "%s/above", fx_base);
	(void)snprintf(path, sizeof(path), "%s/lock", above);
	(void)setenv("ISCSI_LOCK_DIR", path, 1);
	db = fx_open();
	ck_assert_msg(!iscsi_db_lock(db, &why), "%s", why.text);
	ck_assert_int_eq(stat(above, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0755);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0700);
	iscsi_db_unlock(db);
	iscsi_db_close(db);
}
END_TEST

START_TEST(the_folder_is_made_ahead)
{
	static const struct {
		mode_t before, after;
	} modes[] = { { 0777, 0700 }, { 0720, 0700 }, { 0702, 0700 }, { 0755, 0755 },
		      { 0711, 0711 } };
	struct iscsi_why why = { "" };
	struct stat st;

	(void)rmdir(fx_lock);
	ck_assert_msg(!iscsi_db_make_lock_folder(NULL, NULL, &why), "%s", why.text);
	ck_assert_int_eq(stat(fx_lock, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0700);
	ck_assert(!iscsi_db_make_lock_folder(NULL, NULL, &why));
	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		ck_assert_int_eq(chmod(fx_lock, modes[i].before), 0);
		ck_assert(!iscsi_db_make_lock_folder(NULL, NULL, &why));
		ck_assert_int_eq(stat(fx_lock, &st), 0);
		ck_assert_uint_eq(st.st_mode & 07777, modes[i].after);
	}
}
END_TEST

int main(int argc, char **argv)
{
	SRunner *runner;
	int failed;
	Suite *s;
	TCase *t;

	if (argc == 3)	/* see programs_from_elsewhere_are_foreign */
		return process_is_foreign(atoi(argv[2]));
	for (; argc == 2 && write(STDOUT_FILENO, "x", 1) == 1;)
		(void)pause();
	s = suite_create("lock");
	t = tcase_create("lock");
	runner = srunner_create(s);
	suite_add_tcase(s, t);
	tcase_set_timeout(t, 30);
	tcase_add_checked_fixture(t, fx_setup, fx_teardown);
	tcase_add_test(t, it_is_taken_and_given_back);
	tcase_add_loop_test(t, anothers_folder_is_moved_aside, 0, 4);
	tcase_add_test(t, the_pauses_between_two_tries);
	tcase_add_test(t, the_folder_above_is_made_too);
	tcase_add_test(t, the_folder_is_made_ahead);
	tcase_add_test(t, a_live_foreign_tool_is_respected);
	tcase_add_test(t, a_dead_foreign_tool_is_cleared);
	tcase_add_test(t, a_live_one_of_ours_is_named);
	tcase_add_test(t, a_killed_one_of_ours_is_cleared_at_once);
	tcase_add_test(t, an_impatient_tool_takes_it_over);
	tcase_add_test(t, the_file_may_be_removed_under_us);
	tcase_add_test(t, places_that_cannot_be_locked);
	tcase_add_test(t, a_full_run_can_be_locked);
	tcase_add_test(t, foreign_tools_are_seen);
	tcase_add_test(t, programs_from_elsewhere_are_foreign);
	tcase_add_test(t, foreign_tools_are_looked_for_each_second);
	tcase_add_test(t, a_lock_is_stale_by_its_maker_or_its_age);
	tcase_add_test(t, errors_that_pass_and_others);
	tcase_add_test(t, the_folder_has_its_place);
	tcase_add_test(t, a_copy_of_the_descriptor_holds_nothing);
	tcase_add_test(t, a_folder_that_cannot_be_made);
	tcase_add_test(t, only_one_at_a_time);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
