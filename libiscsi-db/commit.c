/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Bringing staged changes into place. First all that needs room on the disk is made where nobody
 * looks: folders, links, and the data that stage.c wrote; if that fails, nothing has changed.
 * Then records and links are renamed into place, and only when all of them are on disk goes what
 * is old. A record that can't be put in its place stays old and hinders no other.
 */
#include "libiscsi-db/stage.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>

#define SYNC_EACH_MAX	32	/* more files than this are synced with their file system */

/* ---- folders ------------------------------------------------------------------------- */

/*
 * Folders that were used last. Records come sorted and their links are in few folders, so it is
 * mostly one of these. That a folder isn't there (-ENOENT) is remembered as well.
 */
#define FOLDERS_OPEN	5	/* of a record, and those that a link of it may be in */

/*
 * A run of changes, all of them or the half that the helper takes: what of it is open, and what
 * it has changed.
 */
struct part {
	struct job job;
	struct iscsi_db *db;
	const struct names *keep;	/* see plan_links() */
	size_t from, to;		/* its changes */
	int (*step)(struct part *part, struct stage_op *op);
	struct {
		char *path;
		int fd;
		unsigned int used;
	} folder[FOLDERS_OPEN];
	unsigned int now;
	int tmp;			/* the private folder; -1: not needed yet */
	struct names touched;		/* folders to be synced */
	bool ended;			/* before its last change */
	int err;			/* -errno, the first one, */
	const char *what;		/* and what it was about */
};

/* The private folder; the helper can't use the caller's descriptor of it. -errno. */
static int open_tmp(struct part *part)
{
	struct iscsi_db *db = part->db;

	if (part->tmp < 0)
		part->tmp = db->os->open(db->root_fd, STAGE_FOLDER,
					 O_PATH | O_DIRECTORY | O_NOFOLLOW, 0);
	return part->tmp;
}

/* True if it is about one path, not about the file system or us. */
static bool is_of_one(int err)
{
	return db_is_nowhere(err) || err == -EISDIR || err == -ENOTEMPTY || err == -EACCES ||
	       err == -EPERM;
}

static void part_failed(struct part *part, int err, const char *what)
{
	if (part->err)
		return;
	part->err = err;
	part->what = what;
}

/* Forgets the folders, also those that weren't there. */
static void forget_folders(struct part *part)
{
	for (size_t i = 0; i < FOLDERS_OPEN; i++) {
		if (part->folder[i].path && part->folder[i].fd >= 0)
			(void)part->db->os->close(part->folder[i].fd);
		free(part->folder[i].path);
	}
	memset(part->folder, 0, sizeof(part->folder));
}

/*
 * The folder that @path lies in, to change its entries, not to read or sync it. The descriptor
 * stays with @part. -errno.
 */
static int open_parent(struct part *part, const char *path)
{
	const char *slash = strrchr(path, '/'), *name = slash ? path : ".";
	size_t len = slash ? (size_t)(slash - path) : 1, oldest = 0;
	char *copy;
	int fd;

	part->now++;
	for (size_t i = 0; i < FOLDERS_OPEN; i++) {
		const char *is = part->folder[i].path;

		if (is && strncmp(is, name, len) == 0 && !is[len]) {
			part->folder[i].used = part->now;
			return part->folder[i].fd;
		}
		if (part->folder[i].used < part->folder[oldest].used)
			oldest = i;
	}
	copy = strndup(name, len);
	if (!copy)
		return -ENOMEM;
	fd = db_open_in(part->db, -1, copy, O_PATH | O_DIRECTORY);
	if (fd < 0 && fd != -ENOENT) {
		free(copy);
		return fd;
	}
	if (part->folder[oldest].path && part->folder[oldest].fd >= 0)
		(void)part->db->os->close(part->folder[oldest].fd);
	free(part->folder[oldest].path);
	part->folder[oldest].path = copy;
	part->folder[oldest].fd = fd;
	part->folder[oldest].used = part->now;
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
static int touch_parent(struct part *part, const char *path)
{
	CLEANUP(freep) char *parent = NULL;

	if (part->touched.count > SYNC_EACH_MAX)
		return 0;
	parent = db_parent_name(path);
	return parent ? touch(&part->touched, parent) : -ENOMEM;
}

/* Makes the folder @path and those above it. */
static int make_folder(struct part *part, const char *path)
{
	CLEANUP(freep) char *above = db_parent_name(path);
	struct iscsi_db *db = part->db;
	int dir, r;

	if (!above)
		return -ENOMEM;
	dir = db_open_dir(db, above);
	if (dir == -ENOENT && !streq(above, ".")) {
		r = make_folder(part, above);
		dir = r < 0 ? r : db_open_dir(db, above);
	}
	if (dir < 0)
		return dir;
	r = db->os->mkdir(dir, db_base_name(path), 0700);
	(void)db->os->close(dir);
	return r < 0 && r != -EEXIST ? r : touch(&part->touched, above);
}

/* The folder of @path as open_parent() gives it, but made if it isn't there. */
static int make_parent(struct part *part, const char *path)
{
	CLEANUP(freep) char *parent = NULL;
	int dir = open_parent(part, path), r;

	if (dir != -ENOENT)
		return dir;
	parent = db_parent_name(path);
	if (!parent)
		return -ENOMEM;
	r = make_folder(part, parent);
	forget_folders(part);	/* they are known as absent */
	return r < 0 ? r : open_parent(part, path);
}

/* ---- the order of things ------------------------------------------------------------- */

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
			stage_op_free(db, last);
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

static int sync_touched(struct iscsi_db *db, struct names *touched)
{
	int r = 0;

	if (touched->count)
		qsort(touched->name, touched->count, sizeof(touched->name[0]), names_compare);
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

/* ---- one change ---------------------------------------------------------------------- */

/* Moves the file in the private folder's folder to @path. */
static int put_inner(struct part *part, const struct stage_op *op, const char *path)
{
	const struct db_os *os = part->db->os;
	int tmp = open_tmp(part), from, dir, r;

	from = tmp < 0 ? tmp : os->open(tmp, op->tmp, O_PATH | O_DIRECTORY | O_NOFOLLOW, 0);
	if (from < 0)
		return from;
	dir = open_parent(part, path);
	r = dir < 0 ? dir :
		      os->rename(from, db_base_name(op->path), dir, db_base_name(path), false);
	(void)os->close(from);
	return r < 0 ? r : touch_parent(part, path);
}

static bool is_of_node(const char *path)
{
	return strncmp(path, "nodes/", strlen("nodes/")) == 0;
}

/*
 * The plain file that an old version made where the folder belongs changes places with a folder
 * that holds the new record, so that there is no moment without one. A file system that can't
 * do that keeps the old layout.
 */
static int put_folder(struct part *part, const struct stage_op *op)
{
	CLEANUP(freep) char *folder = db_parent_name(op->path);
	const struct db_os *os = part->db->os;
	int type, tmp = open_tmp(part), dir, r;

	if (!folder)
		return -ENOMEM;
	type = db_type(part->db, folder);
	if (type < 0)
		return type;
	if (type == S_IFDIR)	/* another record of the portal did it */
		return put_inner(part, op, op->path);
	dir = tmp < 0 ? tmp : open_parent(part, folder);
	if (dir < 0)
		return dir;
	r = os->rename(tmp, op->tmp, dir, db_base_name(folder), true);
	if ((r == -EINVAL || r == -ENOSYS) && !is_of_node(folder))
		return put_inner(part, op, folder);
	if (r == -EINVAL || r == -ENOSYS) {
		/* It is no record of any layout, so that nothing is lost by a moment without. */
		r = os->unlink(dir, db_base_name(folder), 0);
		if (!r)
			r = os->rename(tmp, op->tmp, dir, db_base_name(folder), false);
	}
	return r < 0 ? r : touch_parent(part, folder);
}

/* Renames @tmp of the private folder to @name in @dir; an empty folder there is in the way. */
static int place(struct part *part, const char *tmp, int dir, const char *name)
{
	const struct db_os *os = part->db->os;
	int from = open_tmp(part), r;

	if (from < 0)
		return from;
	r = os->rename(from, tmp, dir, name, false);
	if (r == -EISDIR && os->unlink(dir, name, AT_REMOVEDIR) == 0)
		r = os->rename(from, tmp, dir, name, false);
	return r;
}

static int put_record(struct part *part, struct stage_op *op)
{
	int dir, r;

	if (op->folder)
		return put_folder(part, op);
	dir = make_parent(part, op->path);
	r = dir < 0 ? dir : place(part, op->tmp, dir, db_base_name(op->path));
	op->placed = r == 0;
	return r < 0 ? r : touch_parent(part, op->path);
}

/* The folder for a link of @op, and in *path which of both it is. */
static int open_link_folder(struct part *part, const struct stage_op *op, const char **path)
{
	int dir = open_parent(part, op->link);

	*path = op->link;
	if (dir == -ENOENT && op->otherwise) {
		*path = op->otherwise;
		dir = open_parent(part, op->otherwise);
	}
	if (dir == -ENOENT && strchr(*path, '/') == strrchr(*path, '/'))
		dir = make_parent(part, *path);
	return dir;
}

static bool is_right(const struct db_os *os, int dir, const char *name, const char *text)
{
	char is[PATH_MAX];

	return os->readlink(dir, name, is, sizeof(is)) >= 0 && streq(is, text);
}

/* Makes the link in the private folder, unless there is one. */
static int make_link(struct part *part, struct stage_op *op, int dir, const char *path)
{
	const struct db_os *os = part->db->os;
	char name[16];
	int tmp, r;

	if (is_right(os, dir, db_base_name(path), op->text)) {
		op->link_state = LINK_RIGHT;
		return 0;
	}
	stage_link_name(op, name);
	tmp = open_tmp(part);
	r = tmp < 0 ? tmp : os->symlink(op->text, tmp, name);
	if (r < 0)
		return r;
	op->link_state = LINK_MADE;
	return 0;
}

/* If there is one already, it points to where the database was before it was moved. */
static int put_link(struct part *part, struct stage_op *op)
{
	const char *path;
	char name[16];
	int dir, r;

	if (op->remove || op->failed || !op->link || op->link_state == LINK_RIGHT)
		return 0;
	dir = open_link_folder(part, op, &path);
	/* Nobody keeps the portal that the node was found at, or in the old layout. */
	if (db_is_nowhere(dir))
		return 0;
	r = dir < 0 ? dir : 0;
	if (!r && op->link_state == LINK_TO_COME)
		r = make_link(part, op, dir, path);
	if (!r && op->link_state == LINK_MADE) {
		stage_link_name(op, name);
		r = place(part, name, dir, db_base_name(path));
		if (!r)
			op->link_state = LINK_RIGHT;
	}
	if (!r)
		r = touch_parent(part, path);
	if (r < 0)
		part_failed(part, r, path);
	return 0;
}

/* Removes one entry; that it is gone already is fine. */
static int remove_entry(struct part *part, const char *path)
{
	int dir = open_parent(part, path), r;

	if (db_is_nowhere(dir))
		return 0;
	if (dir < 0)
		return dir;
	r = part->db->os->unlink(dir, db_base_name(path), 0);
	if (r == -EISDIR)
		r = part->db->os->unlink(dir, db_base_name(path), AT_REMOVEDIR);
	if (db_is_nowhere(r))
		return 0;
	return r < 0 ? r : touch_parent(part, path);
}

/* Removes the folders that a deleted record leaves empty, but no first-level one. */
static void remove_empty(struct part *part, const char *path)
{
	char *folder = db_parent_name(path);

	while (folder && strchr(folder, '/')) {
		int dir = open_parent(part, folder), r;
		char *above;

		r = dir < 0 ? dir :
			      part->db->os->unlink(dir, db_base_name(folder), AT_REMOVEDIR);
		if (r < 0 && r != -ENOENT)
			break;
		(void)touch_parent(part, folder);
		above = db_parent_name(folder);
		free(folder);
		folder = above;
	}
	free(folder);
}

/* True if the link is to stay, for @op or, where something is deleted, for any record. */
static bool is_kept(const struct part *part, const struct stage_op *op, const char *path)
{
	const struct names *keep = part->keep;

	if (op->link && (streq(op->link, path) || (op->otherwise && streq(op->otherwise, path))))
		return true;
	return keep->count && bsearch(&path, keep->name, keep->count, sizeof(keep->name[0]),
				      names_compare);
}

/* Removes the links that @op's record had and that nobody wants. */
static int remove_links(struct part *part, const struct stage_op *op)
{
	int r, first = 0;

	for (size_t i = 0; i < op->unlinks.count; i++) {
		if (is_kept(part, op, op->unlinks.name[i]))
			continue;
		r = remove_entry(part, op->unlinks.name[i]);
		if (!first)
			first = r;
	}
	return first;
}

/* ---- the steps ----------------------------------------------------------------------- */

static int prepare_folder(struct part *part, struct stage_op *op)
{
	int dir;

	if (op->remove || op->there || op->folder)
		return 0;
	dir = make_parent(part, op->path);
	if (dir >= 0)
		return 0;
	if (!is_of_one(dir))
		return dir;
	op->failed = true;
	part_failed(part, dir, op->path);
	return 0;
}

static int prepare_link(struct part *part, struct stage_op *op)
{
	const char *path;
	int dir;

	if (op->remove || op->failed || !op->link)
		return 0;
	dir = open_link_folder(part, op, &path);
	if (db_is_nowhere(dir))
		return 0;
	return dir < 0 ? dir : make_link(part, op, dir, path);
}

/*
 * The old links go before the record: cut off here, one without its link gets it back when it
 * is next written, but a link too many would stay.
 */
static int put_one(struct part *part, struct stage_op *op)
{
	int r;

	if (op->remove || op->failed)
		return 0;
	r = remove_links(part, op);
	if (!r)
		r = put_record(part, op);
	op->failed = r < 0;
	if (r < 0)
		part_failed(part, r, op->path);
	return 0;
}

/* ---- all changes --------------------------------------------------------------------- */

/* A step that returns an error, which is one that is not about its change alone, ends the run. */
static void part_run(struct job *job)
{
	struct part *part = container_of(job, struct part, job);
	int r = 0;

	for (size_t i = part->from; i < part->to && !r; i++) {
		struct stage_op *op = part->db->stage.ops[i];

		r = part->step(part, op);
		if (r < 0)
			part_failed(part, r, op->path);
	}
	part->ended = r < 0;
	forget_folders(part);
	if (part->tmp >= 0)
		(void)part->db->os->close(part->tmp);
	part->tmp = -1;
}

/* Does one step of all changes, a half of them by the helper; false if it ended early. */
static bool run_parts(struct part part[2], int (*step)(struct part *part, struct stage_op *op))
{
	struct helper *helper = &part[0].db->helper;

	for (size_t i = 0; i < 2; i++) {
		part[i].job = (struct job){ .run = part_run };
		part[i].step = step;
	}
	if (part[1].from < part[1].to)
		helper_post(helper, &part[1].job);
	part_run(&part[0].job);
	helper_wait(helper, &part[1].job);
	return !part[0].ended && !part[1].ended;
}

/*
 * Where to cut the changes in two: few, or some of the old layout, stay together. Of those, two
 * records may turn the same file into a folder.
 */
static size_t cut(const struct db_stage *stage)
{
	if (!stage->batches)
		return stage->count;
	for (size_t i = 0; i < stage->count; i++) {
		if (stage->ops[i]->folder)
			return stage->count;
	}
	return stage->count / 2;
}

/* Removes the folders that were made for what isn't in them now. */
static void remove_vain(struct part *part)
{
	struct db_stage *stage = &part->db->stage;

	for (size_t i = 0; i < stage->count; i++) {
		const struct stage_op *op = stage->ops[i];

		if (!op->remove && !op->there && !op->placed && !op->folder)
			remove_empty(part, op->path);
	}
	forget_folders(part);
}

/* Brings the new records and their links into place. -errno, *what: the first that failed. */
static int put_new(struct iscsi_db *db, const struct names *keep, const char **what)
{
	size_t half = cut(&db->stage);
	struct part part[2] = {
		{ .db = db, .keep = keep, .tmp = -1, .from = 0, .to = half },
		{ .db = db, .keep = keep, .tmp = -1, .from = half, .to = db->stage.count },
	};
	int synced;

	/* Each step for all, as a link may go into the folder of another record. */
	if (run_parts(part, prepare_folder) && run_parts(part, prepare_link)) {
		(void)run_parts(part, put_one);
		(void)run_parts(part, put_link);
	}
	for (size_t i = 0; i < part[1].touched.count; i++) {
		int r = touch(&part[0].touched, part[1].touched.name[i]);

		if (r < 0)
			part_failed(&part[0], r, STAGE_FOLDER);
	}
	if (!part[0].err && part[1].err)
		part_failed(&part[0], part[1].err, part[1].what);
	if (part[0].err)
		remove_vain(&part[0]);
	names_done(&part[1].touched);
	synced = sync_touched(db, &part[0].touched);
	if (part[0].err)
		*what = part[0].what;
	return part[0].err ? part[0].err : synced;
}

/* True if a new record has turned the file @path, which was to go, into a folder. */
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

/* What goes: deleted records with their links, and files of the old layout. */
static int remove_old(struct iscsi_db *db, const struct names *keep, const char **what)
{
	struct part part = { .db = db, .keep = keep, .tmp = -1 };
	struct db_stage *stage = &db->stage;
	int first = 0, synced;

	/* All links first: some may be what keeps the folder of another record from being empty. */
	for (size_t i = 0; i < stage->count; i++) {
		struct stage_op *op = stage->ops[i];
		int r = op->remove ? remove_links(&part, op) : 0;

		op->failed = r < 0;
		if (r < 0 && !first) {
			first = r;
			*what = op->path;
		}
	}
	forget_folders(&part);
	for (size_t i = 0; i < stage->count; i++) {
		struct stage_op *op = stage->ops[i];
		const char *path = op->remove ? op->path : op->old_file;
		int r = 0;

		if (path && !op->failed && (op->remove || !is_written(stage, path)))
			r = remove_entry(&part, path);

		if (r == -ENOTEMPTY && was_replaced(stage, path))
			r = 0;
		if (r < 0 && !first) {
			first = r;
			*what = op->path;
		}
		if (op->remove)
			remove_empty(&part, op->path);
	}
	forget_folders(&part);
	synced = sync_touched(db, &part.touched);
	return first ? first : synced;
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
		qsort(keep->name, keep->count, sizeof(keep->name[0]), names_compare);
	return r;
}

enum iscsi_err iscsi_db_commit(struct iscsi_db *db, struct iscsi_why *why)
{
	struct names keep = { 0 };
	const char *what = STAGE_FOLDER;
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
		r = stage_flush(db, &what);
	if (!r)
		r = merge_ops(db);
	if (!r)
		r = plan_links(db, &keep);
	if (!r)
		r = sync_written(db, &what);
	if (!r)
		r = put_new(db, &keep, &what);
	if (!r)
		r = remove_old(db, &keep, &what);
	names_done(&keep);
	for (size_t i = 0; i < db->stage.count && !r; i++)
		db_trace(db, db->stage.ops[i]->remove ? "deleted" : "wrote",
			 db->stage.ops[i]->path);
	if (r < 0)
		err = iscsi_fail(why, r == -ENOMEM ? ISCSI_ERR_NOMEM : ISCSI_ERR_IDBM,
				 "cannot change %s/%s: %s", db->root, what, stage_strerror(r));
	stage_drop(db);
	return err;
}
