/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Changes to the database before anybody sees them. The new text of a record is written to a
 * private folder, where no reader looks; commit.c renames it over the old record. A process that
 * is killed at any moment leaves each record old or new, and the next change removes what the dead
 * process left in the private folder.
 */
#include "libiscsi-db/stage.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>

#include "libiscsi-db/db.h"
#include "libiscsi-db/err.h"
#include "libiscsi-db/line.h"
#include "libiscsi-db/path.h"
#include "libiscsi-db/record.h"
#include "libiscsi-db/util.h"

#define WAIT_MS		10000	/* while another program changes the database */
#define PAUSE_MS	5
/* ---- the private folder -------------------------------------------------------------- */

/* Removes @name, which may be a folder with files in it. */
static void remove_tmp(struct iscsi_db *db, const char *name)
{
	struct names inside;
	int dir;

	if (db->os->unlink(db->stage.fd, name, 0) != -EISDIR)
		return;
	dir = db->os->open(db->stage.fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
	if (dir >= 0 && names_read_fd(db, dir, &inside) == 0) {
		for (size_t i = 0; i < inside.count; i++)
			(void)db->os->unlink(dir, inside.name[i], 0);
		names_done(&inside);
	}
	if (dir >= 0)
		(void)db->os->close(dir);
	(void)db->os->unlink(db->stage.fd, name, AT_REMOVEDIR);
}

/*
 * Makes or opens the private folder, and locks it. Programs in other containers may share the
 * database but not the lock in /run, so that lock alone isn't enough. Returns the descriptor, or
 * -errno; -EBUSY: another program uses the folder.
 */
static int take_private(struct iscsi_db *db)
{
	int root = folder_root(db), fd, r = db->os->mkdir(root, STAGE_FOLDER, 0700);

	if (r < 0 && r != -EEXIST)
		return r;
	fd = db->os->open(root, STAGE_FOLDER, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
	if (fd < 0 && r == 0)
		(void)db->os->unlink(root, STAGE_FOLDER, AT_REMOVEDIR);
	if (fd < 0)
		return fd == -ENOENT ? -EBUSY : fd;
	r = db->os->flock(fd, LOCK_EX | LOCK_NB);
	/* The program that used the folder before us has removed it, or is about to. */
	if (r == -EWOULDBLOCK || !os_is_entry(db->os, fd, root, STAGE_FOLDER)) {
		(void)db->os->close(fd);
		return -EBUSY;
	}
	return fd;
}

/* Removes what a dead process left in the private folder. */
static void clear_private(struct iscsi_db *db)
{
	struct names left;

	if (names_read(db, STAGE_FOLDER, &left) < 0)
		return;
	for (size_t i = 0; i < left.count; i++)
		remove_tmp(db, left.name[i]);
	names_done(&left);
}

static int open_private(struct iscsi_db *db)
{
	int64_t deadline = db->os->now_ms() + WAIT_MS;
	int r;

	if (db->stage.fd >= 0)
		return 0;
	r = folder_root(db);
	if (r == -ENOENT) {
		r = db->os->mkdir(AT_FDCWD, db->root, 0700);
		if (!r || r == -EEXIST)
			r = folder_root(db);
	}
	if (r >= 0)
		r = take_private(db);
	while (r == -EBUSY && db->os->now_ms() < deadline) {
		db->os->sleep_ms(PAUSE_MS);
		r = take_private(db);
	}
	if (r < 0)
		return r;
	db->stage.fd = r;
	clear_private(db);
	return 0;
}

int stage_sweep(struct iscsi_db *db)
{
	int fd;

	if (db->stage.fd >= 0)
		return 0;
	fd = db->os->open(folder_root(db), STAGE_FOLDER, O_PATH | O_DIRECTORY | O_NOFOLLOW);
	if (fd < 0)
		return 0;
	(void)db->os->close(fd);
	return open_private(db);
}

/* Removes the private folder before its lock is given back, so that no program takes it first. */
static void close_private(struct iscsi_db *db)
{
	if (db->stage.fd < 0)
		return;
	(void)db->os->unlink(db->root_fd, STAGE_FOLDER, AT_REMOVEDIR);
	(void)db->os->flock(db->stage.fd, LOCK_UN);
	(void)db->os->close(db->stage.fd);
	db->stage.fd = -1;
}

/* ---- writing ------------------------------------------------------------------------- */

int stage_write_file(const struct db_os *os, int dir, const char *name, const char *text)
{
	int fd = os->open(dir, name, O_WRONLY | O_CREAT | O_EXCL), r = 0, closed;
	size_t len = strlen(text);

	if (fd < 0)
		return fd;
	while (len && !r) {
		ssize_t n = os->write(fd, text, len);

		if (n <= 0) {
			r = n < 0 ? (int)n : -EIO;
		} else {
			text += n;
			len -= (size_t)n;
		}
	}
	closed = os->close(fd);
	return r < 0 ? r : closed;
}

/* ---- staging ------------------------------------------------------------------------- */

void stage_link_name(const struct stage_op *op, char ret[16])
{
	(void)snprintf(ret, 16, "%s.link", op->tmp);
}

void stage_op_free(struct iscsi_db *db, struct stage_op *op)
{
	char link[16];

	if (!op)
		return;
	if (op->tmp && !op->placed && db->stage.fd >= 0)
		remove_tmp(db, op->tmp);
	if (op->link_state == LINK_MADE && db->stage.fd >= 0) {
		stage_link_name(op, link);
		(void)db->os->unlink(db->stage.fd, link, 0);
	}
	free(op->path);
	free(op->tmp);
	free(op->link);
	free(op->otherwise);
	free(op->text);
	free(op->old_file);
	names_done(&op->unlinks);
	free(op);
}

void stage_drop(struct iscsi_db *db)
{
	for (size_t i = 0; i < db->stage.count; i++)
		stage_op_free(db, db->stage.ops[i]);
	free(db->stage.ops);
	db->stage.ops = NULL;
	db->stage.count = 0;
	close_private(db);
}

static struct stage_op *op_new(struct iscsi_db *db, const char *path)
{
	struct stage_op *op = calloc(1, sizeof(*op)), **added = NULL;

	if (op)
		op->path = strdup(path);
	if (op && op->path)
		added = ARRAY_ADD(db->stage.ops, db->stage.count);
	if (!added) {
		stage_op_free(db, op);
		return NULL;
	}
	op->seq = db->stage.count;
	return *added = op;
}

static void op_forget(struct iscsi_db *db, struct stage_op *op)
{
	db->stage.count--;	/* the caller passes the last change */
	stage_op_free(db, op);
}

/* The type of what lies where the folder of @path belongs; 0: nothing lies there. -errno. */
static int parent_type(struct iscsi_db *db, const char *path)
{
	CLEANUP(freep) char *parent = db_parent_name(path);

	if (!parent)
		return -ENOMEM;
	return strchr(parent, '/') ? folder_entry_type(db, parent) : 0;
}

/* Names the file for the new text of @op in the private folder. */
static int name_tmp(struct iscsi_db *db, struct stage_op *op)
{
	int r = open_private(db);

	op->there = db_is_here(db, op->path);
	if (!r && !op->there)
		r = parent_type(db, op->path);
	if (r < 0)
		return r;
	op->folder = r && r != S_IFDIR;
	op->tmp = db_format("%u", db->stage.next_name++);
	return op->tmp ? 0 : -ENOMEM;
}

static int write_folder(struct iscsi_db *db, const struct stage_op *op, const char *text)
{
	int dir, r = db->os->mkdir(db->stage.fd, op->tmp, 0700);

	if (r < 0)
		return r;
	dir = db->os->open(db->stage.fd, op->tmp, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
	if (dir < 0)
		return dir;
	r = stage_write_file(db->os, dir, db_base_name(op->path), text);
	(void)db->os->close(dir);
	return r;
}

static int write_tmp(struct iscsi_db *db, struct stage_op *op, const char *text)
{
	int r = name_tmp(db, op);

	if (!r && op->folder)
		r = write_folder(db, op, text);
	else if (!r)
		r = stage_write_file(db->os, db->stage.fd, op->tmp, text);
	return r;
}

enum iscsi_err stage_check_lock(const struct iscsi_db *db, struct iscsi_why *why)
{
	if (db->lock.depth)
		return ISCSI_SUCCESS;
	return iscsi_fail(why, ISCSI_ERR_INTERNAL, "the database isn't locked for a change");
}

const char *stage_strerror(int err)
{
	if (err == -EBUSY)
		return "another program is changing the database, and takes too long";
	return db_strerror(err);
}

static enum iscsi_err write_failed(const struct iscsi_db *db, const char *path, int r,
				   struct iscsi_why *why)
{
	return iscsi_fail(why, r == -ENOMEM ? ISCSI_ERR_NOMEM : ISCSI_ERR_IDBM,
			  "cannot write %s/%s: %s", db->root, path, stage_strerror(r));
}

enum iscsi_err stage_write(struct iscsi_db *db, const char *path,
			   const struct iscsi_db_record *rec, struct stage_op **ret,
			   struct iscsi_why *why)
{
	enum iscsi_err err = stage_check_lock(db, why);
	CLEANUP(secret_freep) char *text = NULL;
	struct stage_op *op;
	int r;

	if (err)
		return err;
	text = iscsi_db_record_print(rec, ISCSI_DB_FORM_FILE);
	op = text ? op_new(db, path) : NULL;
	if (!op)
		r = -ENOMEM;
	else
		r = strlen(text) > DB_TEXT_MAX ? -EFBIG : write_tmp(db, op, text);
	if (r < 0) {
		if (op)
			op_forget(db, op);
		return write_failed(db, path, r, why);
	}
	*ret = op;
	return ISCSI_SUCCESS;
}

enum iscsi_err stage_delete(struct iscsi_db *db, const char *path, struct stage_op **ret,
			    struct iscsi_why *why)
{
	enum iscsi_err err = stage_check_lock(db, why);
	struct stage_op *op;

	if (err)
		return err;
	op = op_new(db, path);
	if (!op)
		return iscsi_fail(why, ISCSI_ERR_NOMEM, "cannot delete %s/%s: no memory", db->root,
				  path);
	op->remove = true;
	*ret = op;
	return ISCSI_SUCCESS;
}

void stage_cut_back(struct iscsi_db *db, size_t count)
{
	while (db->stage.count > count)
		op_forget(db, db->stage.ops[db->stage.count - 1]);
}

int stage_set_link(struct stage_op *op, const char *path, const char *otherwise,
		   const char *text)
{
	op->link = strdup(path);
	op->text = strdup(text);
	op->otherwise = otherwise ? strdup(otherwise) : NULL;
	return op->link && op->text && (op->otherwise || !otherwise) ? 0 : -ENOMEM;
}

int stage_set_old_file(struct stage_op *op, const char *path)
{
	op->old_file = strdup(path);
	return op->old_file ? 0 : -ENOMEM;
}

int stage_add_unlink(struct stage_op *op, const char *path)
{
	return names_add(&op->unlinks, path);
}
