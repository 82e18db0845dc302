/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The lock of the database. Open-iscsi's tools hold the lock while "lock.write", a second link to
 * the file "lock", exists. Such a link doesn't say who made it, and outlives a maker that is
 * killed. So this library takes an advisory lock on "lock" first, which the kernel gives back for
 * a dead process, and its lock.write is a link to a file that holds the maker's pid. A process
 * that holds the advisory lock and finds a lock.write with a pid knows that the maker is dead, and
 * removes the link at once.
 */
#include "libiscsi-db/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>

#include "libiscsi-db/db.h"
#include "libiscsi-db/err.h"
#include "libiscsi-db/lock_folder.h"
#include "libiscsi-db/os.h"
#include "libiscsi-db/process.h"
#include "libiscsi-db/stage.h"

#define LOCK_NAME	"lock"
#define HELD_NAME	"lock.write"
#define OWNER_NAME	"lock.owner"	/* gets lock.write as its second name */
#define WAIT_MS		30000
#define PAUSE_MS	10	/* between two tries; pause_ms() has the exceptions */
#define LOOK_MS		1000
#define STALE_MS	35000	/* old tools wait 30 s, then give up or force it */

/* ---- who holds it -------------------------------------------------------------------- */

/* The pid that lock.write holds; 0 if lock.write is missing or another program made it. */
static pid_t read_pid(const struct iscsi_db *db)
{
	int fd = db->os->open(db->lock.dir, HELD_NAME, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
	char text[24] = "";

	if (fd < 0)
		return 0;
	(void)db->os->read(fd, text, sizeof(text) - 1, 0);
	(void)db->os->close(fd);
	return (pid_t)strtol(text, NULL, 10);
}

/* How long ago lock.write was made, in milliseconds: making a link changes the inode. */
static int64_t lock_age(const struct iscsi_db *db, const struct stat *st)
{
	return db->os->wall_ms() - (int64_t)st->st_ctim.tv_sec * 1000 -
	       st->st_ctim.tv_nsec / 1000000;
}

/*
 * True if the maker of lock.write is dead. The caller holds the advisory lock, so a lock.write
 * with a pid in it has lost its maker. A lock.write of open-iscsi is stale if it is older than
 * open-iscsi's tools wait, and no process lives that could have made it.
 */
static bool is_stale(struct iscsi_db *db, const struct stat *held)
{
	int64_t now = db->os->now_ms();
	struct stat lock;
	pid_t pid;

	if (fstat(db->lock.fd, &lock) < 0)
		return false;
	if (os_same_file(&lock, held)) {
		if (lock_age(db, held) <= STALE_MS || now < db->lock.look_at_ms)
			return false;
		db->lock.look_at_ms = now + LOOK_MS;	/* reading all of /proc is slow */
		return !db->os->foreign_alive();
	}
	/* The pid of a dead maker may belong to another process by now, hence the age. */
	pid = read_pid(db);
	return pid <= 0 || pid == getpid() || (kill(pid, 0) < 0 && errno == ESRCH) ||
	       lock_age(db, held) > STALE_MS;
}

/* ---- taking it ----------------------------------------------------------------------- */

/* Makes the file with our pid that lock.write will be a link to. */
static int make_owner(struct iscsi_db *db)
{
	const struct db_os *os = db->os;
	char pid[24];
	ssize_t n;
	int fd, r;

	r = os->unlink(db->lock.dir, OWNER_NAME, 0);	/* left by a process that died here */
	if (r < 0 && r != -ENOENT)
		return r;
	fd = os->open(db->lock.dir, OWNER_NAME, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW);
	if (fd < 0)
		return fd;
	(void)snprintf(pid, sizeof(pid), "%ld\n", (long)getpid());
	n = os->write(fd, pid, strlen(pid));
	/* The pid is for messages only: a full file system must not keep us from the lock. */
	r = n < 0 && n != -ENOSPC ? (int)n : 0;
	if (!r && fstat(fd, &db->lock.owner) < 0)
		r = -errno;
	(void)os->close(fd);
	return r;
}

/* Makes the link lock.write, in place of a stale one. -EEXIST: another program holds it. */
static int make_held(struct iscsi_db *db)
{
	const struct db_os *os = db->os;
	struct stat held;
	int r = os->link(db->lock.dir, OWNER_NAME, HELD_NAME);

	if (r != -EEXIST)
		return r;
	r = os->stat(db->lock.dir, HELD_NAME, &held);
	if (r == 0 && !is_stale(db, &held))
		return -EEXIST;
	if (r == 0)
		r = os->unlink(db->lock.dir, HELD_NAME, 0);
	if (r < 0 && r != -ENOENT)
		return r;
	return os->link(db->lock.dir, OWNER_NAME, HELD_NAME);
}

/*
 * Tries once to take the lock. -EWOULDBLOCK: a program with this library holds it; -EEXIST: a tool
 * of open-iscsi holds it.
 */
static int try_lock(struct iscsi_db *db)
{
	const struct db_os *os = db->os;
	int r = os->flock(db->lock.fd, LOCK_EX | LOCK_NB);

	if (r < 0)
		return r;
	r = make_owner(db);
	if (!r) {
		r = make_held(db);
		(void)os->unlink(db->lock.dir, OWNER_NAME, 0);
	}
	if (r < 0)
		(void)os->flock(db->lock.fd, LOCK_UN);
	return r;
}

static void close_lock(struct iscsi_db *db)
{
	closep(&db->lock.fd);
	closep(&db->lock.dir);
}

/* Opens the folder and the file of the lock. -EAGAIN: another process removed them meanwhile. */
static int open_lock(struct iscsi_db *db)
{
	struct iscsi_why told;
	int r = lock_folder_open(db->os, lock_folder_path(), &told);

	if (*told.text && db->observer.warn)
		db->observer.warn(db->observer.arg, told.text);
	db->lock.dir = r;
	if (r < 0)
		return r;
	db->lock.fd = db->os->open(db->lock.dir, LOCK_NAME, O_RDWR | O_CREAT | O_NOFOLLOW);
	if (db->lock.fd < 0) {
		r = db->lock.fd;
		db->lock.fd = -1;
		close_lock(db);
		return r == -ENOENT ? -EAGAIN : r;
	}
	return 0;
}

static enum iscsi_err fail_held(struct iscsi_db *db, int r, struct iscsi_why *why)
{
	const char *dir = lock_folder_path();
	pid_t pid = read_pid(db);
	char comm[PROCESS_NAME_SIZE] = "";

	if (r == -EEXIST)
		return iscsi_fail(why, ISCSI_ERR_IDBM,
				  "the database is locked: %s/%s was made by another program; if "
				  "no iscsiadm or iscsid runs anywhere, remove it",
				  dir, HELD_NAME);
	if (pid > 0)
		return iscsi_fail(why, ISCSI_ERR_IDBM, "the database is locked by %s%spid %ld",
				  comm, process_name(pid, comm, sizeof(comm)) ? ", " : "",
				  (long)pid);
	return iscsi_fail(why, ISCSI_ERR_IDBM, "the database is locked by another program, in %s",
			  dir);
}

/*
 * A lock that has just become free goes to the process that tries first. Processes that have
 * waited long try more often, so that no process waits much longer than the others.
 */
static unsigned int pause_ms(int r, int64_t waited_ms)
{
	if (r != -EWOULDBLOCK || waited_ms < 10 * PAUSE_MS)
		return PAUSE_MS;
	if (waited_ms < WAIT_MS / 15)
		return 4 * PAUSE_MS;
	return waited_ms < WAIT_MS / 5 ? PAUSE_MS : 1;
}

enum iscsi_err iscsi_db_lock(struct iscsi_db *db, struct iscsi_why *why)
{
	const struct db_os *os = db->os;
	int64_t deadline;
	int r;

	if (db->lock.depth) {
		db->lock.depth++;
		return ISCSI_SUCCESS;
	}
	deadline = os->now_ms() + WAIT_MS;
	for (;;) {
		r = db->lock.fd < 0 ? open_lock(db) : 0;
		if (!r)
			r = try_lock(db);
		if (!r && !os_is_entry(os, db->lock.fd, db->lock.dir, LOCK_NAME)) {
			/* The file was removed while we waited, so its lock excludes no process. */
			r = -ENOENT;
		}
		if (!r)
			break;
		if (r == -ENOENT && db->lock.fd >= 0) {
			close_lock(db);
			r = -EAGAIN;
		}
		if (r != -EWOULDBLOCK && r != -EEXIST && r != -EAGAIN && r != -EINTR) {
			close_lock(db);
			return iscsi_fail(why, ISCSI_ERR_IDBM,
					  "cannot lock the database in %s: %s%s", lock_folder_path(),
					  db_strerror(r),
					  r == -EACCES || r == -EPERM ? "; are you root?" : "");
		}
		if (os->now_ms() >= deadline) {
			enum iscsi_err err = fail_held(db, r, why);

			close_lock(db);
			return err;
		}
		os->sleep_ms(pause_ms(r, WAIT_MS - (deadline - os->now_ms())));
	}
	db->lock.depth = 1;
	db_forget_here(db);	/* the walk read its record before it held the lock */
	return ISCSI_SUCCESS;
}

void lock_drop(struct iscsi_db *db)
{
	struct stat held;

	if (!db->lock.depth)
		return;
	db->lock.depth = 0;
	db_forget_here(db);
	/* A tool of open-iscsi may have lost patience and replaced our lock.write. */
	if (db->os->stat(db->lock.dir, HELD_NAME, &held) == 0 && os_same_file(&held, &db->lock.owner))
		(void)db->os->unlink(db->lock.dir, HELD_NAME, 0);
	/* Closing isn't enough, since a child of this process may have a copy of the descriptor. */
	(void)db->os->flock(db->lock.fd, LOCK_UN);
	close_lock(db);
}

void iscsi_db_unlock(struct iscsi_db *db)
{
	if (db->lock.depth > 1) {
		db->lock.depth--;
		return;
	}
	stage_drop(db);
	lock_drop(db);
}
