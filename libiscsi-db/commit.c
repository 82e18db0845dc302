/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Bringing staged changes into place. First everything that needs room on the disk is made where
 * no reader looks: folders, links, and the data that stage.c wrote. If that fails, nothing has
 * changed. Then records and links are renamed into place. Old records and links are removed last, when all
 * new ones are on the disk. A record that can't be put in its place stays old and hinders no other.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>

#include "libiscsi-db/db.h"
#include "libiscsi-db/folder.h"
#include "libiscsi-db/path.h"
#include "libiscsi-db/record_file.h"
#include "libiscsi-db/stage.h"

#define SYNC_EACH_MAX	32	/* more files than this are synced with their file system */

/* ---- folders ------------------------------------------------------------------------- */

/*
 * The folders that were used last stay open. Records come sorted and their links are in few
 * folders, so most changes need one of these. A folder that is missing (-ENOENT) is remembered too.
 */
#define FOLDERS_OPEN	5	/* the folder of a record, and the folders of its links */

/* A commit under way. */
struct commit {
	struct iscsi_db *db;
	struct names keep;		/* links that are there afterwards; see plan_links() */
	struct {
		char *path;
		int fd;
		unsigned int used;
	} folder[FOLDERS_OPEN];
	unsigned int now;
	struct names touched;		/* folders to be synced */
	int err;			/* -errno of the first failure, */
	const char *what;		/* and the path that it was about */
};

/* True if an error concerns one path, not the file system or this process. */
static bool is_of_one(int err)
{
	return folder_is_nowhere(err) || err == -EACCES || err == -EPERM;
}

/* Remembers the first failure; @err is 0 or -errno. */
static void commit_failed(struct commit *commit, int err, const char *what)
{
	if (commit->err)
		return;
	commit->err = err;
	commit->what = what;
}

/* Closes the remembered folders, and forgets the missing ones. */
static void forget_folders(struct commit *commit)
{
	for (size_t i = 0; i < FOLDERS_OPEN; i++) {
		if (commit->folder[i].path && commit->folder[i].fd >= 0)
			(void)commit->db->os->close(commit->folder[i].fd);
		free(commit->folder[i].path);
	}
	memset(commit->folder, 0, sizeof(commit->folder));
}

/*
 * Opens the folder that @path lies in, to change its entries but not to list or sync it. The
 * descriptor stays with @commit. -errno.
 */
static int open_parent(struct commit *commit, const char *path)
{
	const char *slash = strrchr(path, '/'), *name = slash ? path : ".";
	size_t len = slash ? (size_t)(slash - path) : 1, oldest = 0;
	char *copy;
	int fd;

	commit->now++;
	for (size_t i = 0; i < FOLDERS_OPEN; i++) {
		const char *is = commit->folder[i].path;

		if (is && strncmp(is, name, len) == 0 && !is[len]) {
			commit->folder[i].used = commit->now;
			return commit->folder[i].fd;
		}
		if (commit->folder[i].used < commit->folder[oldest].used)
			oldest = i;
	}
	copy = strndup(name, len);
	if (!copy)
		return -ENOMEM;
	fd = commit->db->os->open(commit->db->root_fd, copy, O_PATH | O_DIRECTORY);
	if (fd < 0 && fd != -ENOENT) {
		free(copy);
		return fd;
	}
	if (commit->folder[oldest].path && commit->folder[oldest].fd >= 0)
		(void)commit->db->os->close(commit->folder[oldest].fd);
	free(commit->folder[oldest].path);
	commit->folder[oldest].path = copy;
	commit->folder[oldest].fd = fd;
	commit->folder[oldest].used = commit->now;
	return fd;
}

static int touch(struct names *touched, const char *path)
{
	/* So many folders are synced with their whole file system, so their names don't matter. */
	if (touched->count > SYNC_EACH_MAX)
		return 0;
	if (touched->count && streq(touched->name[touched->count - 1], path))
		return 0;
	return names_add(touched, path);
}

/* Notes that the folder of @path must be synced. */
static int touch_parent(struct commit *commit, const char *path)
{
	CLEANUP(freep) char *parent = db_parent_name(path);

	return parent ? touch(&commit->touched, parent) : -ENOMEM;
}

/* Makes the folder @path and those above it. */
static int make_folder(struct commit *commit, const char *path)
{
	CLEANUP(freep) char *above = db_parent_name(path);
	struct iscsi_db *db = commit->db;
	int dir, r;

	if (!above)
		return -ENOMEM;
	dir = folder_open(db, above);
	if (dir == -ENOENT && !streq(above, ".")) {
		r = make_folder(commit, above);
		dir = r < 0 ? r : folder_open(db, above);
	}
	if (dir < 0)
		return dir;
	r = db->os->mkdir(dir, db_base_name(path), 0700);
	(void)db->os->close(dir);
	return r < 0 && r != -EEXIST ? r : touch(&commit->touched, above);
}

/* Opens the folder of @path as open_parent() does, and makes it if it is missing. */
static int make_parent(struct commit *commit, const char *path)
{
	CLEANUP(freep) char *parent = NULL;
	int dir = open_parent(commit, path), r;

	if (dir != -ENOENT)
		return dir;
	parent = db_parent_name(path);
	if (!parent)
		return -ENOMEM;
	r = make_folder(commit, parent);
	forget_folders(commit);	/* the new folder is remembered as missing */
	return r < 0 ? r : open_parent(commit, path);
}

/* ---- the order of things ------------------------------------------------------------- */

static int compare_ops(const void *a, const void *b)
{
	const struct stage_op *x = *(struct stage_op *const *)a;
	const struct stage_op *y = *(struct stage_op *const *)b;
	int r = strcmp(x->path, y->path);

	return r ? r : (x->seq > y->seq) - (x->seq < y->seq);
}

/* Of several changes of one record the last one counts, and it removes the links of all. */
static int merge_ops(struct iscsi_db *db)
{
	struct db_stage *stage = &db->stage;
	size_t kept = 0;
	int r = 0;

	qsort(stage->ops, stage->count, sizeof(*stage->ops), compare_ops);
	for (size_t i = 0; i < stage->count; i++) {
		struct stage_op *op = stage->ops[i];
		struct stage_op *last = kept ? stage->ops[kept - 1] : NULL;

		if (last && streq(last->path, op->path)) {
			for (size_t j = 0; j < last->unlinks.count && !r; j++)
				r = stage_add_unlink(op, last->unlinks.name[j]);
			stage_op_free(db, last);
			kept--;
		}
		stage->ops[kept++] = op;
	}
	stage->count = kept;
	return r;
}

/* Puts a file, or with O_DIRECTORY in @flags the entries of a folder, on disk. */
static int sync_entry(const struct db_os *os, int dir, const char *path, int flags)
{
	int fd = os->open(dir, path, O_RDONLY | flags), r;

	if (fd < 0)
		return fd;
	r = os->fsync(fd);
	(void)os->close(fd);
	return r;
}

static int sync_tmp(struct iscsi_db *db, const struct stage_op *op)
{
	CLEANUP(freep) char *name = NULL;
	int r;

	name = op->folder ? db_format("%s/%s", op->tmp, db_base_name(op->path)) : strdup(op->tmp);
	if (!name)
		return -ENOMEM;
	r = sync_entry(db->os, db->stage.fd, name, 0);
	if (r < 0 || !op->folder)
		return r;
	r = sync_entry(db->os, db->stage.fd, op->tmp, O_DIRECTORY);
	return r == -EINVAL ? 0 : r;
}

/* Puts the data of all new records on disk, before any of them is visible. */
static void sync_written(struct commit *commit)
{
	const struct db_stage *stage = &commit->db->stage;
	const char *first = NULL;
	size_t written = 0;

	for (size_t i = 0; i < stage->count; i++) {
		if (!stage->ops[i]->remove && !written++)
			first = stage->ops[i]->path;
	}
	if (written > SYNC_EACH_MAX) {
		commit_failed(commit, commit->db->os->syncfs(stage->fd), first);
		return;
	}
	for (size_t i = 0; i < stage->count && !commit->err; i++) {
		const struct stage_op *op = stage->ops[i];

		if (!op->remove)
			commit_failed(commit, sync_tmp(commit->db, op), op->path);
	}
}

/* Puts the entries of all changed folders on disk. */
static void sync_touched(struct commit *commit)
{
	struct names *touched = &commit->touched;
	struct iscsi_db *db = commit->db;
	int r = 0;

	names_sort(touched);
	if (touched->count > SYNC_EACH_MAX)
		r = db->os->syncfs(folder_root(db));
	for (size_t i = 0; touched->count <= SYNC_EACH_MAX && i < touched->count; i++) {
		int s;

		if (i && streq(touched->name[i], touched->name[i - 1]))
			continue;
		s = sync_entry(db->os, db->root_fd, touched->name[i], O_DIRECTORY);
		if (!r && s != -ENOENT && s != -EINVAL)	/* some file systems can't sync a folder */
			r = s;
	}
	names_done(touched);
	commit_failed(commit, r, STAGE_FOLDER);
}

/* ---- one change ---------------------------------------------------------------------- */

/* Copies @tmp of the open folder @from into @dir, which is on another file system. */
static int copy_across(const struct db_os *os, int from, const char *tmp, int dir)
{
	char target[PATH_MAX], *text = NULL;
	size_t len = 0;
	int fd, r;

	(void)os->unlink(dir, STAGE_ACROSS, 0);	/* left by a process that died here */
	if (os->readlink(from, tmp, target, sizeof(target)) >= 0)
		return os->symlink(target, dir, STAGE_ACROSS);
	fd = os->open(from, tmp, O_RDONLY);
	if (fd < 0)
		return fd;
	r = os_read_fd(os, fd, &text, &len);
	(void)os->close(fd);
	if (!r)
		r = stage_write_file(os, dir, STAGE_ACROSS, text);
	wipe_free(text, len);
	return r < 0 ? r : sync_entry(os, dir, STAGE_ACROSS, 0);
}

static int rename_over(const struct db_os *os, int from, const char *tmp, int dir, const char *name)
{
	int r = os->rename(from, tmp, dir, name, false);

	/* An empty folder is in the way. */
	if (r == -EISDIR && os->unlink(dir, name, AT_REMOVEDIR) == 0)
		r = os->rename(from, tmp, dir, name, false);
	return r;
}

/* Moves @tmp of the open folder @from, a staged file or link, to @name in @dir. */
static int place(const struct db_os *os, int from, const char *tmp, int dir, const char *name)
{
	int r = rename_over(os, from, tmp, dir, name);

	if (r != -EXDEV)
		return r;
	r = copy_across(os, from, tmp, dir);
	if (!r)
		r = rename_over(os, dir, STAGE_ACROSS, dir, name);
	(void)os->unlink(r < 0 ? dir : from, r < 0 ? STAGE_ACROSS : tmp, 0);
	return r;
}

/* Moves the file in the private folder's folder to @path. */
static int put_inner(struct commit *commit, const struct stage_op *op, const char *path)
{
	const struct db_os *os = commit->db->os;
	int from, dir, r;

	from = os->open(commit->db->stage.fd, op->tmp, O_PATH | O_DIRECTORY | O_NOFOLLOW);
	if (from < 0)
		return from;
	dir = open_parent(commit, path);
	r = dir < 0 ? dir : place(os, from, db_base_name(op->path), dir, db_base_name(path));
	(void)os->close(from);
	return r < 0 ? r : touch_parent(commit, path);
}

static bool is_of_node(const char *path)
{
	return strncmp(path, "nodes/", strlen("nodes/")) == 0;
}

/*
 * Exchanges the plain file that an old version made in the place of the folder with a folder that
 * holds the new record, so that there is a record at each moment. A file system that can't exchange
 * entries keeps the old layout.
 */
static int put_folder(struct commit *commit, const struct stage_op *op)
{
	CLEANUP(freep) char *folder = db_parent_name(op->path);
	const struct db_os *os = commit->db->os;
	int type, tmp = commit->db->stage.fd, dir, r;

	if (!folder)
		return -ENOMEM;
	type = folder_entry_type(commit->db, folder);
	if (type < 0)
		return type;
	if (type == S_IFDIR)	/* another record of the portal has made the folder */
		return put_inner(commit, op, op->path);
	dir = open_parent(commit, folder);
	if (dir < 0)
		return dir;
	r = os->rename(tmp, op->tmp, dir, db_base_name(folder), true);
	if (r != -EINVAL && r != -ENOSYS && r != -EXDEV)
		return r < 0 ? r : touch_parent(commit, folder);
	if (!is_of_node(folder))
		return put_inner(commit, op, folder);
	/* The file is no record of any layout, so that nothing is lost by a moment without it. */
	r = os->unlink(dir, db_base_name(folder), 0);
	if (!r)
		r = os->mkdir(dir, db_base_name(folder), 0700);
	if (!r)
		r = touch_parent(commit, folder);
	return r < 0 ? r : put_inner(commit, op, op->path);
}

static int put_record(struct commit *commit, struct stage_op *op)
{
	int dir, r;

	if (op->folder)
		return put_folder(commit, op);
	dir = make_parent(commit, op->path);
	r = dir < 0 ? dir : place(commit->db->os, commit->db->stage.fd, op->tmp, dir,
				  db_base_name(op->path));
	op->placed = r == 0;
	return r < 0 ? r : touch_parent(commit, op->path);
}

/* Opens the folder for the link of @op, which has two possible paths; *path is the right one. */
static int open_link_folder(struct commit *commit, const struct stage_op *op, const char **path)
{
	int dir = open_parent(commit, op->link);

	*path = op->link;
	if (dir == -ENOENT && op->otherwise) {
		*path = op->otherwise;
		dir = open_parent(commit, op->otherwise);
	}
	if (dir == -ENOENT && strchr(*path, '/') == strrchr(*path, '/'))
		dir = make_parent(commit, *path);
	return dir;
}

static bool is_right(const struct db_os *os, int dir, const char *name, const char *text)
{
	char is[PATH_MAX];

	return os->readlink(dir, name, is, sizeof(is)) >= 0 && streq(is, text);
}

/* Makes the link in the private folder, unless there is one. */
static int make_link(struct commit *commit, struct stage_op *op, int dir, const char *path)
{
	const struct db_os *os = commit->db->os;
	char name[16];
	int r;

	if (is_right(os, dir, db_base_name(path), op->text)) {
		op->link_state = LINK_RIGHT;
		return 0;
	}
	stage_link_name(op, name);
	r = os->symlink(op->text, commit->db->stage.fd, name);
	if (r < 0)
		return r;
	op->link_state = LINK_MADE;
	return 0;
}

/* Puts the link in its place. A link there points to where the database was before it was moved. */
static int put_link(struct commit *commit, struct stage_op *op)
{
	const char *path;
	char name[16];
	int dir, r;

	if (op->failed || !op->link || op->link_state == LINK_RIGHT)
		return 0;
	dir = open_link_folder(commit, op, &path);
	/* The portal that found the node has no record, or a record of the old layout. */
	if (folder_is_nowhere(dir))
		return 0;
	r = dir < 0 ? dir : 0;
	if (!r && op->link_state == LINK_TO_COME)
		r = make_link(commit, op, dir, path);
	if (!r && op->link_state == LINK_MADE) {
		stage_link_name(op, name);
		r = place(commit->db->os, commit->db->stage.fd, name, dir, db_base_name(path));
		if (!r)
			op->link_state = LINK_RIGHT;
	}
	if (!r)
		r = touch_parent(commit, path);
	commit_failed(commit, r, path);
	return 0;
}

/* Removes one entry. An entry that is gone already is no failure. */
static int remove_entry(struct commit *commit, const char *path)
{
	int dir = open_parent(commit, path), r;

	if (folder_is_nowhere(dir))
		return 0;
	if (dir < 0)
		return dir;
	r = commit->db->os->unlink(dir, db_base_name(path), 0);
	if (r == -EISDIR)
		r = commit->db->os->unlink(dir, db_base_name(path), AT_REMOVEDIR);
	if (folder_is_nowhere(r))
		return 0;
	return r < 0 ? r : touch_parent(commit, path);
}

/* Removes the folders that a deleted record leaves empty, except nodes/, ifaces/ and their like. */
static void remove_empty(struct commit *commit, const char *path)
{
	char *folder = db_parent_name(path);

	while (folder && strchr(folder, '/')) {
		int dir = open_parent(commit, folder), r;
		char *above;

		r = dir < 0 ? dir :
			      commit->db->os->unlink(dir, db_base_name(folder), AT_REMOVEDIR);
		if (r < 0 && r != -ENOENT)
			break;
		(void)touch_parent(commit, folder);
		above = db_parent_name(folder);
		free(folder);
		folder = above;
	}
	free(folder);
}

/* Removes the links that the old record of @op had and that no new record needs. */
static int remove_links(struct commit *commit, const struct stage_op *op)
{
	int r, first = 0;

	for (size_t i = 0; i < op->unlinks.count; i++) {
		if (names_have(&commit->keep, op->unlinks.name[i]))
			continue;
		r = remove_entry(commit, op->unlinks.name[i]);
		if (!first)
			first = r;
	}
	return first;
}

/* ---- the steps ----------------------------------------------------------------------- */

static int prepare_folder(struct commit *commit, struct stage_op *op)
{
	int dir;

	if (op->remove || op->there || op->folder)
		return 0;
	dir = make_parent(commit, op->path);
	if (dir >= 0)
		return 0;
	if (!is_of_one(dir))
		return dir;
	op->failed = true;
	commit_failed(commit, dir, op->path);
	return 0;
}

static int prepare_link(struct commit *commit, struct stage_op *op)
{
	const char *path;
	int dir;

	if (op->failed || !op->link)
		return 0;
	dir = open_link_folder(commit, op, &path);
	if (folder_is_nowhere(dir))
		return 0;
	return dir < 0 ? dir : make_link(commit, op, dir, path);
}

/*
 * The old links are removed before the record is replaced. If the process dies in between, the
 * record gets its link back with its next change, whereas a needless link would stay for ever.
 */
static int put_one(struct commit *commit, struct stage_op *op)
{
	int r;

	if (op->remove || op->failed)
		return 0;
	r = remove_links(commit, op);
	if (!r)
		r = put_record(commit, op);
	op->failed = r < 0;
	commit_failed(commit, r, op->path);
	return 0;
}

/* ---- all changes --------------------------------------------------------------------- */

/*
 * Does one step of all changes. A step fails if nothing more can be done for any change; what
 * concerns its change alone it reports by commit_failed().
 */
static bool run_step(struct commit *commit,
		     int (*step)(struct commit *commit, struct stage_op *op))
{
	const struct db_stage *stage = &commit->db->stage;
	int r = 0;

	for (size_t i = 0; i < stage->count && !r; i++) {
		r = step(commit, stage->ops[i]);
		commit_failed(commit, r, stage->ops[i]->path);
	}
	forget_folders(commit);
	return r == 0;
}

/* Removes the folders that were made for records which then couldn't be put into them. */
static void remove_unused_folders(struct commit *commit)
{
	struct db_stage *stage = &commit->db->stage;

	for (size_t i = 0; i < stage->count; i++) {
		const struct stage_op *op = stage->ops[i];

		if (!op->remove && !op->there && !op->placed && !op->folder)
			remove_empty(commit, op->path);
	}
	forget_folders(commit);
}

/* Brings the new records and their links into place. */
static void put_new(struct commit *commit)
{
	/* Each step is done for all changes, as a link may go into the folder of another record. */
	if (run_step(commit, prepare_folder) && run_step(commit, prepare_link)) {
		(void)run_step(commit, put_one);
		(void)run_step(commit, put_link);
	}
	if (commit->err)
		remove_unused_folders(commit);
	sync_touched(commit);
}

/* True if a new record has turned the file @path, which should be removed, into a folder. */
static bool was_replaced(const struct db_stage *stage, const char *path)
{
	size_t len = strlen(path);

	for (size_t i = 0; i < stage->count; i++) {
		const struct stage_op *op = stage->ops[i];

		if (op->folder && strncmp(op->path, path, len) == 0 && op->path[len] == '/')
			return true;
	}
	return false;
}

static int compare_to_op(const void *path, const void *op)
{
	return strcmp(path, (*(struct stage_op *const *)op)->path);
}

/* True if the file of the old layout has become a new record, of another interface. */
static bool is_written(const struct db_stage *stage, const char *path)
{
	struct stage_op *const *op = bsearch(path, stage->ops, stage->count,
					     sizeof(stage->ops[0]), compare_to_op);

	return op && !(*op)->remove;
}

/* Removes deleted records with their links, and files of the old layout. */
static void remove_old(struct commit *commit)
{
	struct db_stage *stage = &commit->db->stage;

	/* All links go first, since a link may lie in a folder that another change leaves empty. */
	for (size_t i = 0; i < stage->count; i++) {
		struct stage_op *op = stage->ops[i];
		int r = op->remove ? remove_links(commit, op) : 0;

		op->failed = r < 0;
		commit_failed(commit, r, op->path);
	}
	forget_folders(commit);
	for (size_t i = 0; i < stage->count; i++) {
		struct stage_op *op = stage->ops[i];
		const char *path = op->remove ? op->path : op->old_file;
		int r = 0;

		if (path && !op->failed && (op->remove || !is_written(stage, path)))
			r = remove_entry(commit, path);
		if (r == -ENOTEMPTY && was_replaced(stage, path))
			r = 0;
		commit_failed(commit, r, op->path);
		if (op->remove)
			remove_empty(commit, op->path);
	}
	forget_folders(commit);
	sync_touched(commit);
}

/* Collects the links that the new records need, sorted. */
static int plan_links(struct commit *commit)
{
	const struct db_stage *stage = &commit->db->stage;
	struct names *keep = &commit->keep;
	int r = 0;

	for (size_t i = 0; i < stage->count && !r; i++) {
		const struct stage_op *op = stage->ops[i];

		if (!op->link)
			continue;
		r = names_add(keep, op->link);
		if (!r && op->otherwise)
			r = names_add(keep, op->otherwise);
	}
	names_sort(keep);
	return r;
}

enum iscsi_err iscsi_db_commit(struct iscsi_db *db, struct iscsi_why *why)
{
	struct commit commit = { .db = db };
	enum iscsi_err err;
	int r;

	if (!db->stage.count) {
		stage_drop(db);
		return ISCSI_SUCCESS;
	}
	err = stage_check_lock(db, why);
	if (err) {
		stage_drop(db);
		return err;
	}
	db_forget_here(db);
	r = stage_sweep(db);
	if (!r)
		r = merge_ops(db);
	if (!r)
		r = plan_links(&commit);
	commit_failed(&commit, r, STAGE_FOLDER);
	if (!commit.err)
		sync_written(&commit);
	if (!commit.err)
		put_new(&commit);
	if (!commit.err)
		remove_old(&commit);
	names_done(&commit.keep);
	for (size_t i = 0; i < db->stage.count && !commit.err; i++)
		record_file_trace(db, db->stage.ops[i]->remove ? "deleted" : "wrote",
				  db->stage.ops[i]->path);
	if (commit.err)
		err = iscsi_fail(why, commit.err == -ENOMEM ? ISCSI_ERR_NOMEM : ISCSI_ERR_IDBM,
				 "cannot change %s/%s: %s", db->root, commit.what,
				 stage_strerror(commit.err));
	stage_drop(db);
	return err;
}
