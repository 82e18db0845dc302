/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Changes to the database, from being staged to being on disk. A record is written to a private
 * folder on the same file system, where no reader looks, and renamed over the old one by
 * iscsi_db_commit(), after its data is on disk. A stop at any moment leaves each record old or
 * new; what it leaves in the private folder goes with the next change.
 */
#include "libiscsi-db/db.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>

#define PRIVATE		".iscsi-db"
#define SYNC_EACH_MAX	32	/* more files than this are synced with their file system */

struct stage_op {
	char *path;			/* of the record, below the root */
	size_t seq;
	bool remove;
	bool stays;			/* as a link of it couldn't be removed */
	char *tmp;			/* its new text in the private folder; NULL: none left */
	bool folder;			/* tmp is a folder, to take the place of a plain file */
	char *link, *otherwise, *text;
	char *old_file;			/* of the old layout, which the new record replaces */
	struct names unlinks;
};

/* ---- paths --------------------------------------------------------------------------- */

/* "a/b/c" -> "a/b"; "a" -> "." */
static char *parent_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? strndup(path, (size_t)(slash - path)) : strdup(".");
}

/*
 * Folders that were used last. Records come sorted and their links are in few folders, so it is
 * mostly one of these. That a folder isn't there (-ENOENT) is remembered as well.
 */
#define FOLDERS_OPEN	4

struct folders {
	struct {
		char *path;
		int fd;
		unsigned int used;
	} slot[FOLDERS_OPEN];
	unsigned int now;
};

static void folders_done(struct iscsi_db *db, struct folders *folders)
{
	for (size_t i = 0; i < FOLDERS_OPEN; i++) {
		if (folders->slot[i].path && folders->slot[i].fd >= 0)
			(void)db->os->close(folders->slot[i].fd);
		free(folders->slot[i].path);
	}
	*folders = (struct folders){ 0 };
}

/*
 * The folder that @path lies in, to change its entries, not to read or sync it. The descriptor
 * stays with @folders. -errno.
 */
static int folders_open(struct iscsi_db *db, struct folders *folders, const char *path)
{
	const char *slash = strrchr(path, '/'), *name = slash ? path : ".";
	size_t len = slash ? (size_t)(slash - path) : 1, oldest = 0;
	char *copy;
	int fd;

	folders->now++;
	for (size_t i = 0; i < FOLDERS_OPEN; i++) {
		const char *is = folders->slot[i].path;

		if (is && strncmp(is, name, len) == 0 && !is[len]) {
			folders->slot[i].used = folders->now;
			return folders->slot[i].fd;
		}
		if (folders->slot[i].used < folders->slot[oldest].used)
			oldest = i;
	}
	copy = strndup(name, len);
	if (!copy)
		return -ENOMEM;
	fd = db_open_in(db, -1, copy, O_PATH | O_DIRECTORY);
	if (fd < 0 && fd != -ENOENT) {
		free(copy);
		return fd;
	}
	if (folders->slot[oldest].path && folders->slot[oldest].fd >= 0)
		(void)db->os->close(folders->slot[oldest].fd);
	free(folders->slot[oldest].path);
	folders->slot[oldest].path = copy;
	folders->slot[oldest].fd = fd;
	folders->slot[oldest].used = folders->now;
	return fd;
}

static int touch(struct names *touched, const char *path)
{
	/* So many are synced with their file system: it doesn't matter which. */
	if (touched->count > SYNC_EACH_MAX)
		return 0;
	if (touched->count && streq(touched->name[touched->count - 1], path))
		return 0;
	return names_add(touched, path);
}

/* The folder that @path lies in must be synced. */
static int touch_parent(struct names *touched, const char *path)
{
	char *parent;
	int r;

	if (touched->count > SYNC_EACH_MAX)
		return 0;
	parent = parent_name(path);
	r = parent ? touch(touched, parent) : -ENOMEM;
	free(parent);
	return r;
}

/* Makes the folder @path and those above it. */
static int make_folder(struct iscsi_db *db, const char *path, struct names *touched)
{
	char *above = parent_name(path);
	int dir, r;

	if (!above)
		return -ENOMEM;
	dir = db_open_dir(db, above);
	if (dir == -ENOENT && !streq(above, ".")) {
		r = make_folder(db, above, touched);
		dir = r < 0 ? r : db_open_dir(db, above);
	}
	if (dir < 0) {
		free(above);
		return dir;
	}
	r = db->os->mkdir(dir, db_base_name(path), 0700);
	if (r == -EEXIST)
		r = 0;
	if (!r)
		r = touch(touched, above);
	(void)db->os->close(dir);
	free(above);
	return r;
}

/* ---- the private folder -------------------------------------------------------------- */

/* Removes @name, which may be a folder with one file in it. */
static void remove_tmp(struct iscsi_db *db, const char *name)
{
	char *path;
	struct names names;

	if (db->os->unlink(db->stage.fd, name, 0) != -EISDIR)
		return;
	path = db_format("%s/%s", PRIVATE, name);
	if (path && names_read(db, path, &names) == 0) {
		for (size_t i = 0; i < names.count; i++) {
			CLEANUP(freep) char *inner = db_format("%s/%s", path, names.name[i]);
			struct folders folders = { 0 };
			int dir = inner ? folders_open(db, &folders, inner) : -1;

			if (dir >= 0)
				(void)db->os->unlink(dir, names.name[i], 0);
			folders_done(db, &folders);
		}
		names_done(&names);
	}
	free(path);
	(void)db->os->unlink(db->stage.fd, name, AT_REMOVEDIR);
}

/* Makes or opens the private folder, and clears what a dead process left in it. */
static int open_private(struct iscsi_db *db)
{
	struct names left;
	int root, r;

	if (db->stage.fd >= 0)
		return 0;
	root = db_root_fd(db);
	if (root == -ENOENT) {
		r = db->os->mkdir(AT_FDCWD, db->root, 0700);
		if (r < 0 && r != -EEXIST)
			return r;
		root = db_root_fd(db);
	}
	if (root < 0)
		return root;
	r = db->os->mkdir(root, PRIVATE, 0700);
	if (r < 0 && r != -EEXIST)
		return r;
	db->stage.fd = db->os->open(root, PRIVATE, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
	if (db->stage.fd < 0) {
		r = db->stage.fd;
		db->stage.fd = -1;
		return r;
	}
	/* We hold the lock, so nobody else has anything in here. */
	if (r == -EEXIST && names_read(db, PRIVATE, &left) == 0) {
		for (size_t i = 0; i < left.count; i++)
			remove_tmp(db, left.name[i]);
		names_done(&left);
	}
	return 0;
}

static void close_private(struct iscsi_db *db)
{
	if (db->stage.fd < 0)
		return;
	(void)db->os->close(db->stage.fd);
	db->stage.fd = -1;
	(void)db->os->unlink(db->root_fd, PRIVATE, AT_REMOVEDIR);
}

/* ---- staging ------------------------------------------------------------------------- */

static void op_free(struct iscsi_db *db, struct stage_op *op)
{
	if (!op)
		return;
	if (op->tmp && db->stage.fd >= 0)
		remove_tmp(db, op->tmp);
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
		op_free(db, db->stage.ops[i]);
	free(db->stage.ops);
	db->stage.ops = NULL;
	db->stage.count = db->stage.room = 0;
	close_private(db);
}

static struct stage_op *op_new(struct iscsi_db *db, const char *path)
{
	struct db_stage *stage = &db->stage;
	struct stage_op *op;

	if (stage->count == stage->room) {
		size_t room = stage->room ? 2 * stage->room : 8;
		void *p = reallocarray(stage->ops, room, sizeof(*stage->ops));

		if (!p)
			return NULL;
		stage->ops = p;
		stage->room = room;
	}
	op = calloc(1, sizeof(*op));
	if (!op)
		return NULL;
	op->path = strdup(path);
	if (!op->path) {
		free(op);
		return NULL;
	}
	op->seq = stage->count;
	stage->ops[stage->count++] = op;
	return op;
}

static void op_forget(struct iscsi_db *db, struct stage_op *op)
{
	db->stage.count--;	/* it is the last one */
	op_free(db, op);
}

static int write_all(struct iscsi_db *db, int dir, const char *name, const char *text, size_t len)
{
	int fd = db->os->open(dir, name, O_WRONLY | O_CREAT | O_EXCL, 0600), r = 0, closed;

	if (fd < 0)
		return fd;
	while (len && !r) {
		ssize_t n = db->os->write(fd, text, len);

		if (n <= 0) {
			r = n < 0 ? (int)n : -EIO;
		} else {
			text += n;
			len -= (size_t)n;
		}
	}
	closed = db->os->close(fd);
	return r < 0 ? r : closed;
}

/* S_IFREG if a plain file of the old layout is where the folder of @path belongs. */
static int parent_type(struct iscsi_db *db, const char *path)
{
	CLEANUP(freep) char *parent = NULL;

	if (db_is_here(db, path))
		return S_IFDIR;
	parent = parent_name(path);
	if (!parent)
		return -ENOMEM;
	return strchr(parent, '/') ? db_type(db, parent) : 0;
}

static int write_tmp(struct iscsi_db *db, struct stage_op *op, const char *text)
{
	struct db_stage *stage = &db->stage;
	int r, dir;

	r = open_private(db);
	if (!r)
		r = parent_type(db, op->path);
	if (r < 0)
		return r;
	op->folder = r == S_IFREG;
	op->tmp = db_format("%u", stage->next_name++);
	if (!op->tmp)
		return -ENOMEM;
	if (!op->folder)
		return write_all(db, stage->fd, op->tmp, text, strlen(text));
	r = db->os->mkdir(stage->fd, op->tmp, 0700);
	if (r < 0)
		return r;
	dir = db->os->open(stage->fd, op->tmp, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
	if (dir < 0)
		return dir;
	r = write_all(db, dir, db_base_name(op->path), text, strlen(text));
	(void)db->os->close(dir);
	return r;
}

static enum iscsi_err check_lock(const struct iscsi_db *db, struct iscsi_why *why)
{
	if (db->lock.depth)
		return ISCSI_SUCCESS;
	return iscsi_fail(why, ISCSI_ERR_INTERNAL, "the database isn't locked for a change");
}

enum iscsi_err stage_write(struct iscsi_db *db, const char *path,
			   const struct iscsi_db_record *rec, struct stage_op **ret,
			   struct iscsi_why *why)
{
	enum iscsi_err err = check_lock(db, why);
	struct stage_op *op;
	char *text;
	int r;

	if (err)
		return err;
	text = iscsi_db_record_print(rec, ISCSI_DB_FORM_FILE);
	op = text ? op_new(db, path) : NULL;
	r = op ? write_tmp(db, op, text) : -ENOMEM;
	text_wipe(text, text ? strlen(text) : 0);
	if (r < 0) {
		if (op)
			op_forget(db, op);
		return iscsi_fail(why, r == -ENOMEM ? ISCSI_ERR_NOMEM : ISCSI_ERR_IDBM,
				  "cannot write %s/%s: %s", db->root, path, db_strerror(r));
	}
	*ret = op;
	return ISCSI_SUCCESS;
}

enum iscsi_err stage_delete(struct iscsi_db *db, const char *path, struct stage_op **ret,
			    struct iscsi_why *why)
{
	enum iscsi_err err = check_lock(db, why);
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

/* ---- commit -------------------------------------------------------------------------- */

static int compare_ops(const void *a, const void *b)
{
	const struct stage_op *x = *(struct stage_op *const *)a;
	const struct stage_op *y = *(struct stage_op *const *)b;
	int r = strcmp(x->path, y->path);

	return r ? r : (x->seq > y->seq) - (x->seq < y->seq);
}

/* Of several changes of one record the last one counts, and all of their links go. */
static int merge_ops(struct iscsi_db *db)
{
	struct db_stage *stage = &db->stage;
	size_t kept = 0, sorted = 1;
	int r = 0;

	/* A walk stages in order. */
	while (sorted < stage->count && compare_ops(&stage->ops[sorted - 1],
						    &stage->ops[sorted]) < 0)
		sorted++;
	if (sorted < stage->count)
		qsort(stage->ops, stage->count, sizeof(*stage->ops), compare_ops);
	for (size_t i = 0; i < stage->count; i++) {
		struct stage_op *op = stage->ops[i];
		struct stage_op *last = kept ? stage->ops[kept - 1] : NULL;

		if (last && streq(last->path, op->path)) {
			for (size_t j = 0; j < last->unlinks.count && !r; j++)
				r = stage_add_unlink(op, last->unlinks.name[j]);
			op_free(db, last);
			kept--;
		}
		stage->ops[kept++] = op;
	}
	stage->count = kept;
	return r;
}

static int sync_tmp(struct iscsi_db *db, const struct stage_op *op)
{
	CLEANUP(freep) char *name = NULL;
	int fd, r;

	name = op->folder ? db_format("%s/%s", op->tmp, db_base_name(op->path)) : strdup(op->tmp);
	if (!name)
		return -ENOMEM;
	fd = db->os->open(db->stage.fd, name, O_RDONLY, 0);
	if (fd < 0)
		return fd;
	r = db->os->fsync(fd);
	(void)db->os->close(fd);
	if (r < 0 || !op->folder)
		return r;
	fd = db->os->open(db->stage.fd, op->tmp, O_RDONLY | O_DIRECTORY, 0);
	if (fd < 0)
		return fd;
	r = db->os->fsync(fd);
	(void)db->os->close(fd);
	return r == -EINVAL ? 0 : r;
}

/* Puts the data of all new records on disk, before any of them is visible. */
static int sync_written(struct iscsi_db *db, const char **what)
{
	struct db_stage *stage = &db->stage;
	size_t written = 0;
	int r = 0;

	for (size_t i = 0; i < stage->count; i++) {
		if (!stage->ops[i]->remove && !written++)
			*what = stage->ops[i]->path;
	}
	if (written > SYNC_EACH_MAX)
		return db->os->syncfs(stage->fd);
	for (size_t i = 0; i < stage->count && !r; i++) {
		if (stage->ops[i]->remove)
			continue;
		*what = stage->ops[i]->path;
		r = sync_tmp(db, stage->ops[i]);
	}
	return r;
}

static int compare_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int sync_touched(struct iscsi_db *db, struct names *touched)
{
	int r = 0;

	if (touched->count)
		qsort(touched->name, touched->count, sizeof(touched->name[0]), compare_text);
	if (touched->count > SYNC_EACH_MAX)
		r = db->os->syncfs(db_root_fd(db));
	for (size_t i = 0; touched->count <= SYNC_EACH_MAX && i < touched->count; i++) {
		int dir, s;

		if (i && streq(touched->name[i], touched->name[i - 1]))
			continue;
		dir = db_open_dir(db, touched->name[i]);
		if (dir < 0) {
			if (!r && dir != -ENOENT)
				r = dir;
			continue;
		}
		s = db->os->fsync(dir);
		if (!r && s != -EINVAL)		/* some file systems can't sync a folder */
			r = s;
		(void)db->os->close(dir);
	}
	names_done(touched);
	return r;
}

/* Moves the file in the private folder's folder to @path. */
static int put_inner(struct iscsi_db *db, struct stage_op *op, const char *path,
		     struct names *touched)
{
	struct folders folders = { 0 };
	int tmp = db->os->open(db->stage.fd, op->tmp, O_RDONLY | O_DIRECTORY, 0), dir, r;

	if (tmp < 0)
		return tmp;
	dir = folders_open(db, &folders, path);
	r = dir < 0 ? dir :
		      db->os->rename(tmp, db_base_name(op->path), dir, db_base_name(path), false);
	folders_done(db, &folders);
	(void)db->os->close(tmp);
	return r < 0 ? r : touch_parent(touched, path);
}

/*
 * The plain file that an old version made where the folder belongs changes places with a folder
 * that holds the new record, so that there is no moment without one. A file system that can't
 * do that keeps the old layout.
 */
static int put_folder(struct iscsi_db *db, struct stage_op *op, struct names *touched)
{
	CLEANUP(freep) char *folder = parent_name(op->path);
	struct folders folders = { 0 };
	int dir, r;

	if (!folder)
		return -ENOMEM;
	if (db_type(db, folder) == S_IFDIR)	/* another record of the same portal did it */
		return put_inner(db, op, op->path, touched);
	dir = folders_open(db, &folders, folder);
	if (dir < 0)
		return dir;
	r = db->os->rename(db->stage.fd, op->tmp, dir, db_base_name(folder), true);
	folders_done(db, &folders);
	if (r == -EINVAL || r == -ENOSYS)
		return put_inner(db, op, folder, touched);
	return r < 0 ? r : touch_parent(touched, folder);
}

static int put_record(struct iscsi_db *db, struct stage_op *op, struct folders *folders,
		      struct names *touched)
{
	int dir, r;

	if (op->folder)
		return put_folder(db, op, touched);
	dir = folders_open(db, folders, op->path);
	if (dir == -ENOENT) {
		char *name = parent_name(op->path);

		r = name ? make_folder(db, name, touched) : -ENOMEM;
		free(name);
		folders_done(db, folders);	/* they know it as absent */
		dir = r < 0 ? r : folders_open(db, folders, op->path);
	}
	if (dir < 0)
		return dir;
	r = db->os->rename(db->stage.fd, op->tmp, dir, db_base_name(op->path), false);
	if (r < 0)
		return r;
	free(op->tmp);
	op->tmp = NULL;
	return touch_parent(touched, op->path);
}

/* 1: the link was there, as it should be. */
static int make_link(struct iscsi_db *db, int dir, const char *name, const char *text)
{
	char is[PATH_MAX];
	int r = db->os->readlink(dir, name, is, sizeof(is));

	if (r >= 0 && streq(is, text))
		return 1;
	/* If there is one, it points to where the database was before it was moved. */
	if (r != -ENOENT)
		r = db->os->unlink(dir, name, 0);
	return r < 0 && r != -ENOENT ? r : db->os->symlink(text, dir, name);
}

static int put_link(struct iscsi_db *db, struct stage_op *op, struct folders *folders,
		    struct names *touched)
{
	const char *path = op->link;
	int dir = folders_open(db, folders, path), r;

	if (dir == -ENOENT && op->otherwise) {
		path = op->otherwise;
		dir = folders_open(db, folders, path);
	}
	if (dir == -ENOENT && strchr(path, '/') == strrchr(path, '/')) {
		char *name = parent_name(path);

		r = name ? make_folder(db, name, touched) : -ENOMEM;
		free(name);
		folders_done(db, folders);	/* they know it as absent */
		dir = r < 0 ? r : folders_open(db, folders, path);
	}
	/* Nobody keeps the portal that the node was found at, or in the old layout. */
	if (dir == -ENOENT || dir == -ENOTDIR)
		return 0;
	if (dir < 0)
		return dir;
	r = make_link(db, dir, db_base_name(path), op->text);
	if (r == 1 || r == -ENAMETOOLONG)
		return 0;
	return r < 0 ? r : touch_parent(touched, path);
}

/* Removes one entry; that it is gone already is fine. */
static int remove_entry(struct iscsi_db *db, const char *path, struct folders *folders,
			struct names *touched)
{
	int dir = folders_open(db, folders, path), r;

	if (dir == -ENOENT || dir == -ENOTDIR)
		return 0;
	if (dir < 0)
		return dir;
	r = db->os->unlink(dir, db_base_name(path), 0);
	if (r == -ENOENT)
		return 0;
	return r < 0 ? r : touch_parent(touched, path);
}

/* Removes the folders that a deleted record leaves empty, but no first-level one. */
static void remove_empty(struct iscsi_db *db, const char *path, struct folders *folders,
			 struct names *touched)
{
	char *folder = parent_name(path);

	while (folder && strchr(folder, '/')) {
		int dir = folders_open(db, folders, folder), r;
		char *above;

		r = dir < 0 ? dir : db->os->unlink(dir, db_base_name(folder), AT_REMOVEDIR);
		if (r < 0 && r != -ENOENT)
			break;
		(void)touch_parent(touched, folder);
		above = parent_name(folder);
		free(folder);
		folder = above;
	}
	free(folder);
}

/* Removes the links that @op's record had, but for those in @keep, which someone wants. */
static int remove_links(struct iscsi_db *db, const struct stage_op *op, const struct names *keep,
			struct folders *folders, struct names *touched)
{
	int r = 0, first = 0;

	for (size_t i = 0; i < op->unlinks.count; i++) {
		char *path = op->unlinks.name[i];

		if (keep->count && bsearch(&path, keep->name, keep->count, sizeof(keep->name[0]),
					   compare_text))
			continue;
		r = remove_entry(db, path, folders, touched);
		if (!first)
			first = r;
	}
	return first;
}

/* What goes: deleted records with their links, and files of the old layout. */
static int remove_old(struct iscsi_db *db, const struct names *keep, struct names *touched,
		      const char **what)
{
	struct db_stage *stage = &db->stage;
	struct folders folders = { 0 };
	int first = 0;

	/* All links first: some may be what keeps the folder of another record from being empty. */
	for (size_t i = 0; i < stage->count; i++) {
		struct stage_op *op = stage->ops[i];
		int r = op->remove ? remove_links(db, op, keep, &folders, touched) : 0;

		op->stays = r < 0;
		if (r < 0 && !first) {
			first = r;
			*what = op->path;
		}
	}
	folders_done(db, &folders);
	for (size_t i = 0; i < stage->count; i++) {
		struct stage_op *op = stage->ops[i];
		const char *path = op->remove ? op->path : op->old_file;
		int r = path && !op->stays ? remove_entry(db, path, &folders, touched) : 0;

		if (r < 0 && !first) {
			first = r;
			*what = op->path;
		}
		if (op->remove)
			remove_empty(db, op->path, &folders, touched);
	}
	folders_done(db, &folders);
	return first;
}

/*
 * Brings the new records and their links into place. The old links go first: cut off here, a
 * record without its link gets it back when it is next written, but a link too many would stay.
 */
static int put_new(struct iscsi_db *db, const struct names *keep, struct names *touched,
		   const char **what)
{
	struct db_stage *stage = &db->stage;
	struct folders links = { 0 }, records = { 0 };
	int r = 0;

	for (size_t i = 0; i < stage->count && !r; i++) {
		struct stage_op *op = stage->ops[i];

		*what = op->path;
		if (op->remove)
			continue;
		r = remove_links(db, op, keep, &links, touched);
		if (!r)
			r = put_record(db, op, &records, touched);
	}
	/* After all records, as a link may go into the folder of one of them. */
	folders_done(db, &links);
	for (size_t i = 0; i < stage->count && !r; i++) {
		struct stage_op *op = stage->ops[i];

		*what = op->path;
		if (!op->remove && op->link)
			r = put_link(db, op, &links, touched);
	}
	folders_done(db, &links);
	folders_done(db, &records);
	return r;
}

/* The links that are there after the change, sorted; but none if nothing takes one away. */
static int plan_links(const struct iscsi_db *db, struct names *keep)
{
	const struct db_stage *stage = &db->stage;
	bool any = false;
	int r = 0;

	for (size_t i = 0; i < stage->count && !any; i++)
		any = stage->ops[i]->remove;
	for (size_t i = 0; i < stage->count && any && !r; i++) {
		const struct stage_op *op = stage->ops[i];

		if (op->remove || !op->link)
			continue;
		r = names_add(keep, op->link);
		if (!r && op->otherwise)
			r = names_add(keep, op->otherwise);
	}
	if (keep->count)
		qsort(keep->name, keep->count, sizeof(keep->name[0]), compare_text);
	return r;
}

enum iscsi_err iscsi_db_commit(struct iscsi_db *db, struct iscsi_why *why)
{
	struct names keep = { 0 }, touched = { 0 };
	enum iscsi_err err = ISCSI_SUCCESS;
	const char *what = "";
	int r, synced;

	if (!db->stage.count) {
		stage_drop(db);
		return ISCSI_SUCCESS;
	}
	err = check_lock(db, why);
	if (err) {
		stage_drop(db);
		return err;
	}
	db_forget_here(db);
	r = merge_ops(db);
	if (!r)
		r = plan_links(db, &keep);
	if (!r)
		r = sync_written(db, &what);
	if (!r) {
		r = put_new(db, &keep, &touched, &what);
		synced = sync_touched(db, &touched);
		if (!r)
			r = synced;
	}
	if (!r) {
		r = remove_old(db, &keep, &touched, &what);
		synced = sync_touched(db, &touched);
		if (!r)
			r = synced;
	}
	names_done(&keep);
	for (size_t i = 0; i < db->stage.count && !r; i++)
		db_trace(db, db->stage.ops[i]->remove ? "deleted" : "wrote",
			 db->stage.ops[i]->path);
	if (r < 0)
		err = iscsi_fail(why, r == -ENOMEM ? ISCSI_ERR_NOMEM : ISCSI_ERR_IDBM,
				 "cannot change %s/%s: %s", db->root, what, db_strerror(r));
	stage_drop(db);
	return err;
}
