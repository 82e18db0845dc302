/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The walk over node records, in the order of their names. The folders of the next targets are
 * read by the helper while a record is with the walk's function; what is read before it was
 * asked for is read again if the function has changed the database or taken the lock.
 */
#include "libiscsi-db/db.h"

#include <errno.h>

#define TARGETS_ALONE	128	/* up to so many are read one by one; */
#define BATCH_TARGETS	16	/* of more, so many at a time, */
#define BATCHES		12	/* and so many times that are in memory */

struct walk {
	struct iscsi_db *db;
	struct node_filter filter;
	struct db_warn warn;
	iscsi_db_record_fn *fn;
	void *arg;
	struct iscsi_why *why;
	unsigned int found;
	bool delete_broken;	/* instead of calling fn: stage the end of what can't be read */
	struct pool pool;	/* for a target that is read alone */
	const struct target_folder *target;	/* that it has come to */
	unsigned int epoch;	/* when its targets were read; see struct db_here */
};

static enum iscsi_err walk_failed(const struct walk *walk, const char *path, int r)
{
	return iscsi_fail(walk->why, db_is_shortage(r) ? ISCSI_ERR_NOMEM : ISCSI_ERR_IDBM,
			  "cannot list %s/%s: %s", walk->db->root, path, db_strerror(r));
}

/* True if what was read may not be so any more, by a change of our own. */
static bool is_old(const struct walk *walk)
{
	return walk->epoch != walk->db->here.epoch;
}

/* Calls the walk's function, which may change the record; walks may be nested. */
static enum iscsi_err walk_call(struct walk *walk, const char *path, bool single,
				const struct iscsi_db_record *rec)
{
	struct iscsi_db *db = walk->db;
	struct db_here outer = db->here;
	bool locked = db->lock.depth && walk->epoch == outer.epoch;
	enum iscsi_err err;

	if (locked && !single)
		db->here = (struct db_here){ path, rec, &walk->target->names, outer.epoch };
	err = walk->fn(walk->arg, rec);
	if (db->here.epoch == outer.epoch)
		db->here = outer;
	return err;
}

/* Makes a record say what its path says. */
static int fix_identity(struct walk *walk, const struct node_id *id, const char *path,
			struct iscsi_db_record *rec)
{
	const char *tpgt = *id->tpgt ? id->tpgt : TPGT_UNKNOWN;
	bool fixed = false;

	if (record_fix(rec, "node.name", id->target, &fixed) < 0 ||
	    record_fix(rec, "node.conn[0].address", id->address, &fixed) < 0 ||
	    record_fix(rec, "node.conn[0].port", id->port, &fixed) < 0 ||
	    record_fix(rec, "node.tpgt", tpgt, &fixed) < 0 ||
	    record_fix(rec, "iface.iscsi_ifacename", id->iface, &fixed) < 0)
		return -ENOMEM;
	if (fixed)
		db_warn(&walk->warn, "%s/%s says it is another node; its path counts",
			walk->db->root, path);
	return node_fix_type(walk->db, id, rec);
}

static enum iscsi_err walk_broken(struct walk *walk, struct node_id *id,
				  const struct iscsi_why *reason)
{
	const char *iface = walk->filter.is.iface;

	if (!walk->delete_broken) {
		db_left_out(walk->db, &walk->warn, reason);
		return ISCSI_SUCCESS;
	}
	if (iface && !streq(iface, id->iface))
		return ISCSI_SUCCESS;
	walk->found++;
	return node_delete_id(walk->db, id, walk->why);
}

/* One record file. A single-file record names its interface inside: id->iface is empty. */
static enum iscsi_err walk_record(struct walk *walk, struct node_id *id, const char *path,
				  const struct record_file *file)
{
	CLEANUP(iscsi_db_record_freep) struct iscsi_db_record *rec = NULL;
	const struct iscsi_db_filter *filter = &walk->filter.is;
	bool single = !*id->iface;
	struct iscsi_why reason;
	enum iscsi_err err;
	const char *iface;

	if (is_old(walk))
		file = NULL;
	err = db_load(walk->db, ISCSI_DB_NODE, path, file, walk->warn.fn, walk->warn.arg, &rec,
		      &reason);
	if (err == ISCSI_ERR_NOMEM)
		return iscsi_fail(walk->why, err, "%s", reason.text);
	if (err == ISCSI_ERR_NO_OBJS_FOUND)	/* gone since the folder was read */
		return ISCSI_SUCCESS;
	if (single) {
		iface = err ? UNREADABLE_IFACE : iscsi_db_record_get(rec, "iface.iscsi_ifacename");
		if (iscsi_db_check_iface_name(iface, NULL) != ISCSI_SUCCESS)
			iface = "default";
		strcpy(id->iface, iface);
		if (!err && filter->iface && !streq(filter->iface, id->iface))
			return ISCSI_SUCCESS;
	}
	if (err)
		return walk_broken(walk, id, &reason);
	if (walk->delete_broken)
		return ISCSI_SUCCESS;
	if (fix_identity(walk, id, path, rec) < 0)
		return node_no_memory(walk->why);
	walk->found++;
	return walk_call(walk, path, single, rec);
}

static enum iscsi_err walk_iface(struct walk *walk, struct node_id *id, const char *portal,
				 const char *iface, const struct record_file *file)
{
	CLEANUP(freep) char *path = db_join(portal, iface);
	struct iscsi_why reason;

	if (!path)
		return node_no_memory(walk->why);
	if (iscsi_db_check_iface_name(iface, &reason) != ISCSI_SUCCESS) {
		db_warn(&walk->warn, "%s/%s is left out: %s", walk->db->root, path, reason.text);
		return ISCSI_SUCCESS;
	}
	strcpy(id->iface, iface);
	return walk_record(walk, id, path, file);
}

/* What can't be read as the folder of a portal, for the reason @why_not. */
static enum iscsi_err walk_no_portal(struct walk *walk, struct node_id *id, const char *path,
				     int why_not)
{
	int type = db_type(walk->db, path);
	struct iscsi_why reason;

	if (!type)	/* gone since its name was read */
		return ISCSI_SUCCESS;
	if (type == S_IFREG && !*id->tpgt)
		return walk_record(walk, id, path, NULL);
	if (type == S_IFDIR && !*id->tpgt) {
		db_warn(&walk->warn, "%s/%s is left out: not the folder of a portal",
			walk->db->root, path);
		return ISCSI_SUCCESS;
	}
	strcpy(id->iface, UNREADABLE_IFACE);
	if (type > 0 && type != S_IFDIR) {
		iscsi_fail(&reason, ISCSI_ERR_IDBM, "%s/%s isn't a folder", walk->db->root, path);
		return walk_broken(walk, id, &reason);
	}
	iscsi_fail(&reason, ISCSI_ERR_IDBM, "cannot list %s/%s: %s", walk->db->root, path,
		   db_strerror(why_not));
	db_left_out(walk->db, &walk->warn, &reason);
	return ISCSI_SUCCESS;
}

/* What can't be read as the folder of a target. */
static enum iscsi_err walk_no_target(struct walk *walk, const struct target_folder *target,
				     const char *path)
{
	const struct iscsi_db_filter *is = &walk->filter.is;
	int type = db_type(walk->db, path);
	bool other = type > 0 && type != S_IFDIR;
	struct iscsi_why reason;
	struct stage_op *op;

	if (!type)
		return ISCSI_SUCCESS;
	if (other)
		iscsi_fail(&reason, ISCSI_ERR_IDBM, "%s/%s isn't the folder of a target",
			   walk->db->root, path);
	else
		iscsi_fail(&reason, ISCSI_ERR_IDBM, "cannot list %s/%s: %s", walk->db->root, path,
			   db_strerror(target->err));
	if (!other || !walk->delete_broken) {
		db_left_out(walk->db, &walk->warn, &reason);
		return ISCSI_SUCCESS;
	}
	/* It is nothing of a portal or an interface alone. */
	if (is->address || is->port != -1 || is->iface)
		return ISCSI_SUCCESS;
	walk->found++;
	return stage_delete(walk->db, path, &op, walk->why);
}

static enum iscsi_err walk_portal(struct walk *walk, const char *target, const char *name,
				  struct portal_folder *portal)
{
	CLEANUP(freep) char *path = db_join(target, name);
	enum iscsi_err err = ISCSI_SUCCESS;

	if (!path)
		return node_no_memory(walk->why);
	/* Once more, if something was changed since, or to be sure. */
	if (portal->type == PORTAL_FOLDER && (portal->err || is_old(walk)))
		portal_read(walk->db, &walk->filter, portal->id.target, name, &walk->pool, portal);
	if (db_is_shortage(portal->err))
		return walk_failed(walk, path, portal->err);
	if (portal->type == PORTAL_SINGLE || portal->err)
		return walk_no_portal(walk, &portal->id, path, portal->err);
	for (size_t i = 0; i < portal->ifaces.count && !err; i++)
		err = walk_iface(walk, &portal->id, path, portal->ifaces.name[i],
				 &portal->files[i]);
	return err;
}

static enum iscsi_err walk_target(struct walk *walk, const struct target_folder *target)
{
	CLEANUP(freep) char *path = db_join("nodes", target->name);
	enum iscsi_err err = ISCSI_SUCCESS;
	struct target_folder again;
	struct iscsi_why reason;

	if (!path)
		return node_no_memory(walk->why);
	if (target->err) {	/* to be sure */
		target_read(walk->db, &walk->filter, target->name, &walk->pool, &again);
		target = &again;
	}
	if (db_is_shortage(target->err))
		return walk_failed(walk, path, target->err);
	walk->target = target;
	if (iscsi_db_check_name(target->name, &reason) != ISCSI_SUCCESS)
		db_warn(&walk->warn, "%s/%s is left out: %s", walk->db->root, path, reason.text);
	else if (target->err)
		return walk_no_target(walk, target, path);
	for (size_t i = 0; i < target->names.count && !err; i++) {
		struct portal_folder *portal = &target->portals[i];

		if (portal->type == PORTAL_BAD)
			db_warn(&walk->warn, "%s/%s/%s is left out: not the name of a portal",
				walk->db->root, path, target->names.name[i]);
		else if (portal->type != PORTAL_OTHER)
			err = walk_portal(walk, path, target->names.name[i], portal);
	}
	return err;
}

/* Reads and walks one target; @ret is what was read. */
static enum iscsi_err walk_alone(struct walk *walk, const char *name, struct target_folder *ret)
{
	pool_clear(&walk->pool);
	walk->epoch = walk->db->here.epoch;
	target_read(walk->db, &walk->filter, name, &walk->pool, ret);
	return walk_target(walk, ret);
}

/* ---- all targets --------------------------------------------------------------------- */

/* Targets that are read together. */
struct batch {
	struct job job;
	const struct walk *walk;
	char *const *names;
	size_t count;
	struct target_folder target[BATCH_TARGETS];
	struct pool pool;
};

static void batch_run(struct job *job)
{
	struct batch *batch = container_of(job, struct batch, job);
	const struct walk *walk = batch->walk;

	pool_clear(&batch->pool);
	for (size_t i = 0; i < batch->count; i++)
		target_read(walk->db, &walk->filter, batch->names[i], &batch->pool,
			    &batch->target[i]);
}

/* Has the targets after the first *asked of @names read. */
static void batch_ask(struct batch *batch, const struct walk *walk, const struct names *names,
		      size_t *asked)
{
	batch->job = (struct job){ .run = batch_run };
	batch->walk = walk;
	batch->names = &names->name[*asked];
	batch->count = MIN(names->count - *asked, (size_t)BATCH_TARGETS);
	*asked += batch->count;
	if (batch->count)
		helper_post(&walk->db->helper, &batch->job);
}

/* Walks the first *walked of @names, until the database changes. */
static enum iscsi_err walk_ahead(struct walk *walk, const struct names *names, size_t *walked)
{
	struct helper *helper = &walk->db->helper;
	struct batch batches[BATCHES] = { 0 };
	enum iscsi_err err = ISCSI_SUCCESS;
	size_t asked = 0, turn = 0;

	walk->epoch = walk->db->here.epoch;
	helper_hold(helper, walk->db->root_fd);
	for (size_t i = 0; i < BATCHES; i++)
		batch_ask(&batches[i], walk, names, &asked);
	while (*walked < names->count && !err && !is_old(walk)) {
		struct batch *batch = &batches[turn / BATCH_TARGETS];

		helper_wait(helper, &batch->job);
		err = walk_target(walk, &batch->target[turn % BATCH_TARGETS]);
		++*walked;
		turn = (turn + 1) % (BATCHES * BATCH_TARGETS);
		if (turn % BATCH_TARGETS == 0)
			batch_ask(batch, walk, names, &asked);
	}
	for (size_t i = 0; i < BATCHES; i++) {
		helper_cancel(helper, &batches[i].job);
		pool_done(&batches[i].pool);
	}
	helper_release(helper);
	return err;
}

static enum iscsi_err walk_named(struct walk *walk, const char *target)
{
	struct target_folder folder;
	enum iscsi_err err;
	int dir;

	if (iscsi_db_check_name(target, NULL) != ISCSI_SUCCESS)
		return ISCSI_SUCCESS;	/* nothing is stored under such a name */
	err = walk_alone(walk, target, &folder);
	if (err || !folder.err || folder.err == -ENOENT)
		return err;
	/* It isn't that target's fault if none can be read. */
	dir = db_open_dir(walk->db, "nodes");
	if (dir < 0)
		return walk_failed(walk, "nodes", dir);
	(void)walk->db->os->close(dir);
	return ISCSI_SUCCESS;
}

static enum iscsi_err walk_nodes(struct walk *walk)
{
	enum iscsi_err err = ISCSI_SUCCESS;
	struct names names = { 0 };
	struct target_folder target;
	size_t walked = 0;
	int r;

	if (walk->filter.is.target)
		return walk_named(walk, walk->filter.is.target);
	r = names_read(walk->db, "nodes", &names);
	if (r < 0)
		return walk_failed(walk, "nodes", r);
	if (names.count > TARGETS_ALONE)
		err = walk_ahead(walk, &names, &walked);
	while (walked < names.count && !err)
		err = walk_alone(walk, names.name[walked++], &target);
	names_done(&names);
	return err;
}

/* As text first; only if that finds nothing, as numbers. */
static enum iscsi_err walk_twice(struct walk *walk, const struct iscsi_db_filter *filter)
{
	struct iscsi_db_filter *is = &walk->filter.is;
	enum iscsi_err err;

	if (filter)
		*is = *filter;
	if (is->port != -1)
		(void)snprintf(walk->filter.port, sizeof(walk->filter.port), "%d", is->port);
	if (is->iface && iscsi_db_check_iface_name(is->iface, NULL) != ISCSI_SUCCESS)
		return ISCSI_SUCCESS;
	walk->filter.numeric = is->names;
	err = walk_nodes(walk);
	if (err || walk->found || is->names || !is->address ||
	    !address_equal(is->address, is->address))
		return err;
	walk->filter.numeric = true;
	/* What is wrong was told the first time. */
	walk->warn.fn = NULL;
	return walk_nodes(walk);
}

enum iscsi_err iscsi_db_node_each(struct iscsi_db *db, const struct iscsi_db_filter *filter,
				  iscsi_db_warn_fn *warn, void *warn_arg, iscsi_db_record_fn *fn,
				  void *arg, struct iscsi_why *why)
{
	struct walk walk = {
		.db = db,
		.filter = { .is = { .port = -1 } },
		.warn = { .fn = warn, .arg = warn_arg },
		.fn = fn,
		.arg = arg,
		.why = why,
	};
	enum iscsi_err err = walk_twice(&walk, filter);

	pool_done(&walk.pool);
	return err;
}

enum iscsi_err iscsi_db_node_delete_unreadable(struct iscsi_db *db,
					       const struct iscsi_db_filter *filter,
					       unsigned int *ret, struct iscsi_why *why)
{
	struct walk walk = {
		.db = db,
		.filter = { .is = { .port = -1 } },
		.why = why,
		.delete_broken = true,
	};
	enum iscsi_err err = walk_twice(&walk, filter);

	pool_done(&walk.pool);
	if (!err && ret)
		*ret = walk.found;
	return err;
}
