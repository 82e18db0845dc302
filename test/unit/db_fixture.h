/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A database in a folder of its own for each test, short ways to make and find records, and a
 * table of system calls that can count, fail or stop. For the tests of store, stage and lock.
 */
#ifndef TEST_DB_FIXTURE_H
#define TEST_DB_FIXTURE_H

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <check.h>

#include "libiscsi-db/db.h"
#include "libiscsi-db/err.h"
#include "libiscsi-db/folder.h"
#include "libiscsi-db/line.h"
#include "libiscsi-db/os.h"
#include "libiscsi-db/path.h"
#include "libiscsi-db/record.h"
#include "libiscsi-db/stage.h"
#include "libiscsi-db/store.h"

static char fx_base[64], fx_root[96], fx_lock[96];
static char fx_warned[65536];
static unsigned int fx_warnings;
static bool fx_without_stdin;

static inline void fx_warn(void *arg, const char *text)
{
	size_t len = strlen(fx_warned);

	(void)arg;
	fx_warnings++;
	(void)snprintf(fx_warned + len, sizeof(fx_warned) - len, "%s\n", text);
}

static inline void fx_quiet(void)
{
	fx_warned[0] = '\0';
	fx_warnings = 0;
}

static inline int fx_remove(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	(void)remove(path);
	return 0;
}

static inline void fx_clear(const char *path)
{
	(void)nftw(path, fx_remove, 16, FTW_DEPTH | FTW_PHYS);
}

/*
 * The clocks of fx_os stand still and go on only when the library sleeps, so that no test
 * depends on how busy the machine is. The kernel dates files by its own clock: the wall clock
 * of fx_os shows the time at which the test made its last file.
 */
static int64_t fx_wall_stands_at_ms;

static inline void fx_wall_set(void)
{
	fx_wall_stands_at_ms = db_os_real.wall_ms();
}

static inline void fx_setup(void)
{
	fx_wall_set();
	/* In memory if possible: some of these tests make thousands of files. */
	(void)snprintf(fx_base, sizeof(fx_base), "%s/test-iscsi-db-XXXXXX",
		       access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	ck_assert_ptr_nonnull(mkdtemp(fx_base));
	(void)snprintf(fx_root, sizeof(fx_root), "%s/root", fx_base);
	(void)snprintf(fx_lock, sizeof(fx_lock), "%s/lock", fx_base);
	(void)setenv("ISCSI_LOCK_DIR", fx_lock, 1);
	(void)umask(077);
	fx_quiet();
}

static inline void fx_teardown(void)
{
	fx_clear(fx_base);
	/* Whatever had the number 0 has been closed. */
	ck_assert(!fx_without_stdin || fcntl(STDIN_FILENO, F_GETFD) < 0);
}

/* ---- files --------------------------------------------------------------------------- */

static inline char *fx_path(const char *path)
{
	static char buf[4][PATH_MAX];
	static unsigned int turn;

	turn = (turn + 1) % 4;
	(void)snprintf(buf[turn], sizeof(buf[0]), "%s/%s", fx_root, path);
	return buf[turn];
}

static inline void fx_mkdir(const char *path)
{
	char *whole = fx_path(path);

	for (char *p = whole + 1; (p = strchr(p, '/')); *p++ = '/') {
		*p = '\0';
		(void)mkdir(whole, 0700);
	}
	(void)mkdir(whole, 0700);
}

static inline void fx_put(const char *path, const char *text, size_t len)
{
	char *slash = strrchr(path, '/');
	CLEANUP(freep) char *parent = slash ? strndup(path, (size_t)(slash - path)) : strdup("");
	FILE *f;

	fx_mkdir(parent);
	f = fopen(fx_path(path), "we");
	ck_assert_msg(f != NULL, "%s", path);
	if (len)
		ck_assert_uint_eq(fwrite(text, 1, len, f), len);
	(void)fclose(f);
	fx_wall_set();
}

static inline void fx_put_text(const char *path, const char *text)
{
	fx_put(path, text, strlen(text));
}

static inline bool fx_exists(const char *path)
{
	struct stat st;

	return lstat(fx_path(path), &st) == 0;
}

static inline char *fx_read(const char *path)
{
	char *text = NULL;
	size_t len;

	ck_assert_msg(os_read_path(path, &text, &len) == 0, "%s", path);
	return text;
}

/* ---- records ------------------------------------------------------------------------- */

/*
 * A program may be started without stdin, so 0 is a descriptor like others. Here the root has
 * another, and each file that is opened and closed again has 0.
 */
static inline struct iscsi_db *fx_open_os(const struct db_os *os)
{
	struct iscsi_db *db = NULL;
	struct iscsi_why why = { "" };

	ck_assert_msg(!db_open_os(fx_root, os, &db, &why), "%s", why.text);
	if (!fx_without_stdin)
		(void)close(STDIN_FILENO);
	fx_without_stdin = true;
	return db;
}

static inline struct iscsi_db *fx_open(void)
{
	return fx_open_os(&db_os_real);
}

static inline void fx_set(struct iscsi_db_record *rec, const char *key, const char *value)
{
	struct iscsi_why why = { "" };

	ck_assert_msg(!iscsi_db_record_set(rec, key, value, &why), "%s", why.text);
}

static inline struct iscsi_db_record *fx_node(const char *target, const char *address,
					      const char *port, const char *tpgt, const char *iface)
{
	struct iscsi_db_record *rec = NULL;

	ck_assert(!iscsi_db_record_new(ISCSI_DB_NODE, &rec));
	fx_set(rec, "node.name", target);
	fx_set(rec, "node.conn[0].address", address);
	fx_set(rec, "node.conn[0].port", port);
	fx_set(rec, "node.tpgt", tpgt);
	fx_set(rec, "iface.iscsi_ifacename", iface);
	return rec;
}

static inline void fx_found(struct iscsi_db_record *rec, const char *type, const char *address,
			    const char *port)
{
	fx_set(rec, "node.discovery_type", type);
	fx_set(rec, "node.discovery_address", address);
	fx_set(rec, "node.discovery_port", port);
}

static inline struct iscsi_db_record *fx_portal(enum iscsi_db_kind kind, const char *address,
						const char *port)
{
	struct iscsi_db_record *rec = NULL;

	ck_assert(!iscsi_db_record_new(kind, &rec));
	fx_set(rec, "discovery.sendtargets.address", address);
	fx_set(rec, "discovery.sendtargets.port", port);
	return rec;
}

static inline struct iscsi_db_record *fx_iface(const char *name)
{
	struct iscsi_db_record *rec = NULL;

	ck_assert(!iscsi_db_record_new(ISCSI_DB_IFACE, &rec));
	fx_set(rec, "iface.iscsi_ifacename", name);
	return rec;
}

static inline enum iscsi_err fx_stage(struct iscsi_db *db, struct iscsi_db_record *rec,
				      struct iscsi_why *why)
{
	switch (iscsi_db_record_kind(rec)) {
	case ISCSI_DB_NODE:
		return iscsi_db_node_write(db, rec, why);
	case ISCSI_DB_IFACE:
		return iscsi_db_iface_write(db, rec, why);
	case ISCSI_DB_SENDTARGETS:
	case ISCSI_DB_ISNS:
		return iscsi_db_discovery_write(db, rec, why);
	}
	return ISCSI_ERR_INTERNAL;
}

/* Writes one record and frees it. */
static inline void fx_write(struct iscsi_db *db, struct iscsi_db_record *rec)
{
	struct iscsi_why why = { "" };

	ck_assert_msg(!iscsi_db_lock(db, &why), "%s", why.text);
	ck_assert_msg(!fx_stage(db, rec, &why), "%s", why.text);
	ck_assert_msg(!iscsi_db_commit(db, &why), "%s", why.text);
	iscsi_db_unlock(db);
	iscsi_db_record_free(rec);
}

/* "TARGET ADDRESS,PORT,TPGT IFACE STARTUP\n" of each. */
static inline enum iscsi_err fx_list_node(void *arg, const struct iscsi_db_record *rec)
{
	char *list = arg;
	size_t len = strlen(list);

	(void)snprintf(list + len, 65536 - len, "%s %s,%s,%s %s %s\n",
		       iscsi_db_record_get(rec, "node.name"),
		       iscsi_db_record_get(rec, "node.conn[0].address"),
		       iscsi_db_record_get(rec, "node.conn[0].port"),
		       iscsi_db_record_get(rec, "node.tpgt"),
		       iscsi_db_record_get(rec, "iface.iscsi_ifacename"),
		       iscsi_db_record_get(rec, "node.startup"));
	return ISCSI_SUCCESS;
}

static inline const char *fx_list(struct iscsi_db *db, const struct iscsi_db_filter *filter)
{
	static char list[65536];
	struct iscsi_why why = { "" };

	list[0] = '\0';
	ck_assert_msg(!iscsi_db_node_each(db, filter, fx_warn, NULL, fx_list_node, list, &why),
		      "%s", why.text);
	return list;
}

/* ---- system calls -------------------------------------------------------------------- */

enum fx_call {
	FX_NONE, FX_OPEN, FX_READ, FX_WRITE, FX_FSYNC, FX_SYNCFS, FX_STAT, FX_MKDIR, FX_UNLINK,
	FX_RENAME, FX_EXCHANGE, FX_SYMLINK, FX_READLINK, FX_LINK, FX_FLOCK,
};

static unsigned int fx_calls, fx_writes;	/* so far */
static unsigned int fx_die_at;		/* that call and all later ones do nothing; 0: none */
static enum fx_call fx_fail_call;	/* fails with fx_fail_err... */
static unsigned int fx_fail_nth;	/* ...from the nth time on */
static int fx_fail_err;
static char fx_opened[65536];		/* paths, each with a newline */
static int64_t fx_slept_ms, fx_wall_shift_ms;
static bool fx_foreign;

static inline int fx_call_on(enum fx_call call, const char *path)
{
	int r = 0;

	fx_calls++;
	fx_writes += call == FX_WRITE;
	if (fx_die_at && fx_calls >= fx_die_at) {
		r = -EIO;
	} else if (fx_fail_call == call && fx_fail_nth && --fx_fail_nth == 0) {
		fx_fail_nth = 1;
		r = fx_fail_err;
	} else if (path && strlen(fx_opened) + strlen(path) + 2 < sizeof(fx_opened)) {
		strcat(fx_opened, path);
		strcat(fx_opened, "\n");
	}
	return r;
}

static inline int fx_call(enum fx_call call)
{
	return fx_call_on(call, NULL);
}

#define FX(name, kind, params, args)			\
	static inline int fx_os_##name params		\
	{						\
		int r = fx_call(kind);			\
							\
		return r ? r : db_os_real.name args;	\
	}

FX(stat, FX_STAT, (int dir, const char *name, struct stat *st), (dir, name, st))
FX(mkdir, FX_MKDIR, (int dir, const char *name, mode_t mode), (dir, name, mode))
FX(unlink, FX_UNLINK, (int dir, const char *name, int flags), (dir, name, flags))
FX(rename, exchange ? FX_EXCHANGE : FX_RENAME,
   (int from_dir, const char *from, int to_dir, const char *to, bool exchange),
   (from_dir, from, to_dir, to, exchange))
FX(symlink, FX_SYMLINK, (const char *text, int dir, const char *name), (text, dir, name))
FX(readlink, FX_READLINK, (int dir, const char *name, char *buf, size_t size),
   (dir, name, buf, size))
FX(link, FX_LINK, (int dir, const char *from, const char *to), (dir, from, to))
FX(flock, FX_FLOCK, (int fd, int operation), (fd, operation))

static inline int fx_open_call(int dir, const char *path, int flags)
{
	int r = fx_call_on(FX_OPEN, path);

	return r ? r : db_os_real.open(dir, path, flags);
}

static inline int fx_close_call(int fd)
{
	return db_os_real.close(fd);
}

static inline ssize_t fx_read_call(int fd, void *buf, size_t len, off_t at)
{
	int r = fx_call(FX_READ);

	return r ? r : db_os_real.read(fd, buf, len, at);
}

/* A few bytes at a time, as a write may be short. */
static inline ssize_t fx_write_call(int fd, const void *buf, size_t len)
{
	int r = fx_call(FX_WRITE);

	return r ? r : db_os_real.write(fd, buf, MIN(len, (size_t)1000));
}

static inline ssize_t fx_getdents_call(int fd, void *buf, size_t size)
{
	int r = fx_call(FX_READ);

	return r ? r : db_os_real.getdents(fd, buf, size);
}

/* Nothing here is to outlive the power, and it is slow. */
static inline int fx_fsync_call(int fd)
{
	(void)fd;
	return fx_call(FX_FSYNC);
}

static inline int fx_syncfs_call(int fd)
{
	(void)fd;
	return fx_call(FX_SYNCFS);
}

static inline int64_t fx_now_ms(void)
{
	return 1000000 + fx_slept_ms;
}

static inline int64_t fx_wall_ms(void)
{
	return fx_wall_stands_at_ms + fx_slept_ms + fx_wall_shift_ms;
}

static inline void fx_sleep_ms(unsigned int ms)
{
	fx_slept_ms += ms;
}

static inline bool fx_foreign_alive(void)
{
	return fx_foreign;
}

static const struct db_os fx_os = {
	.open = fx_open_call,
	.close = fx_close_call,
	.read = fx_read_call,
	.write = fx_write_call,
	.getdents = fx_getdents_call,
	.fsync = fx_fsync_call,
	.syncfs = fx_syncfs_call,
	.stat = fx_os_stat,
	.mkdir = fx_os_mkdir,
	.unlink = fx_os_unlink,
	.rename = fx_os_rename,
	.symlink = fx_os_symlink,
	.readlink = fx_os_readlink,
	.link = fx_os_link,
	.flock = fx_os_flock,
	.now_ms = fx_now_ms,
	.wall_ms = fx_wall_ms,
	.sleep_ms = fx_sleep_ms,
	.foreign_alive = fx_foreign_alive,
};

static inline void fx_os_reset(void)
{
	fx_calls = fx_writes = fx_die_at = fx_fail_nth = 0;
	fx_fail_call = FX_NONE;
	fx_opened[0] = '\0';
}

#endif /* TEST_DB_FIXTURE_H */
