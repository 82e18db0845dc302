/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The walk over node records, in the order of their names. Each folder is listed and each record
 * is read when the walk comes to it, so the walk sees what its function has changed.
 */
#include <errno.h>
#include <fcntl.h>

#include "libiscsi-db/address.h"
#include "libiscsi-db/db.h"
#include "libiscsi-db/err.h"
#include "libiscsi-db/folder.h"
#include "libiscsi-db/node.h"
#include "libiscsi-db/path.h"
#include "libiscsi-db/record.h"
#include "libiscsi-db/record_file.h"
#include "libiscsi-db/stage.h"

struct walk {
	struct iscsi_db *db;
	struct iscsi_db_filter is;
	char port[12];			/* of the filter, as text; "": any port */
	bool numeric;			/* compare addresses as numbers */
	bool any_path;			/* look for the address in the text of all records */
	struct db_warn warn;		/* silent while nodes/ is walked a second time */
	struct db_warn warn_selected;	/* of a record that is selected */
	iscsi_db_record_fn *fn;
	void *arg;
	struct iscsi_why *why;
	unsigned int found;
	bool delete_unreadable;		/* stage the removal of unreadable records; fn is unused */
	struct names portals;		/* the entries of the target's folder */
	int portal;			/* the folder of the portal; -1: the walk is in none */
	unsigned int generation;	/* of the database when the target's folder was listed */
};

static enum iscsi_err walk_failed(const struct walk *walk, const char *path, int r)
{
	return folder_failed(walk->db, "list", path, r, walk->why);
}

/* Calls the walk's function, which may change the record; walks may be nested. */
static enum iscsi_err walk_call(struct walk *walk, const char *path, bool single,
				const struct iscsi_db_record *rec)
{
	struct iscsi_db *db = walk->db;
	unsigned int generation = db->generation;
	struct db_here outer = db->here;
	enum iscsi_err err;

	if (db->lock.depth && walk->generation == generation && !single)
		db->here = (struct db_here){ path, rec, &walk->portals };
	err = walk->fn(walk->arg, rec);
	if (db->generation == generation)
		db->here = outer;
	return err;
}

static bool is_selected(const struct walk *walk, const struct node_id *id)
{
	const char *address = walk->is.address;

	if (*walk->port && !streq(walk->port, id->port))
		return false;
	if (!address || (walk->is.names && !address_equal(id->address, id->address)))
		return true;
	return streq(address, id->address) ||
	       (walk->numeric && address_equal(address, id->address));
}

/* Fills in what the text of a record leaves open, or says in a way that no node can have. */
static enum iscsi_err complete_text(struct walk *walk, const struct node_id *id, const char *path,
				    struct iscsi_db_record *rec)
{
	const char *tpgt = *id->tpgt ? id->tpgt : TPGT_UNKNOWN;
	bool fixed = false;

	if (record_fix(rec, "node.name", id->target, &fixed) < 0 ||
	    record_fix(rec, "node.conn[0].address", id->address, &fixed) < 0 ||
	    record_fix(rec, "node.conn[0].port", id->port, &fixed) < 0 ||
	    record_fix(rec, "node.tpgt", tpgt, &fixed) < 0 ||
	    record_fix(rec, "iface.iscsi_ifacename", id->iface, &fixed) < 0)
		return node_no_memory(walk->why);
	if (fixed)
		db_warn(&walk->warn, "%s/%s doesn't say which node it is; its path counts",
			walk->db->root, path);
	return ISCSI_SUCCESS;
}

/*
 * A record in its folder whose text names another node than its path: a person changed the text,
 * which then counts as for open-iscsi, or copied the folder. *left_out tells which.
 */
static enum iscsi_err compare_with_path(struct walk *walk, struct node_id *id, const char *path,
					struct iscsi_db_record *rec, bool *left_out)
{
	CLEANUP(freep) char *named = NULL;
	struct node_id said;
	int type;

	if (!node_id_from_text(rec, id, &said))
		return complete_text(walk, id, path, rec);
	named = node_path(&said);
	if (!named || record_put(rec, "node.tpgt", said.tpgt) < 0)
		return node_no_memory(walk->why);
	if (streq(named, path))
		return ISCSI_SUCCESS;
	type = folder_entry_type(walk->db, named);
	if (type < 0 && !folder_is_nowhere(type))
		return folder_failed(walk->db, "look at", named, type, walk->why);
	if (type > 0) {
		*left_out = true;
		db_warn(&walk->warn, "%s/%s is left out: it is a copy of the record %s/%s",
			walk->db->root, path, walk->db->root, named);
		return ISCSI_SUCCESS;
	}
	if (is_selected(walk, &said))
		db_warn(&walk->warn_selected, "%s/%s says that it is %s on %s,%s,%s, and this "
			"counts; to make its path agree, move it to %s/%s", walk->db->root, path,
			said.target, said.address, said.port, said.tpgt, walk->db->root, named);
	rec->place = strdup(path);
	*id = said;
	return rec->place ? ISCSI_SUCCESS : node_no_memory(walk->why);
}

static enum iscsi_err walk_unreadable(struct walk *walk, struct node_id *id,
				  const struct iscsi_why *reason)
{
	const char *iface = walk->is.iface;

	if (!walk->delete_unreadable) {
		record_file_left_out(walk->db, &walk->warn, reason);
		return ISCSI_SUCCESS;
	}
	if (iface && !streq(iface, id->iface))
		return ISCSI_SUCCESS;
	walk->found++;
	return node_delete_id(walk->db, id, walk->why);
}

/* Walks one record file. Only a single-file record comes with an empty id->iface. */
static enum iscsi_err walk_record(struct walk *walk, struct node_id *id, const char *path)
{
	CLEANUP(iscsi_db_record_freep) struct iscsi_db_record *rec = NULL;
	bool single = !*id->iface, left_out = false;
	struct node_id said;
	struct iscsi_why reason;
	enum iscsi_err err;
	const char *iface;

	/* A commit since the walk opened the folder may have put another folder in its place. */
	err = record_file_read(walk->db, ISCSI_DB_NODE,
			       walk->generation == walk->db->generation ? walk->portal : -1, path,
			       walk->warn.fn, walk->warn.arg, &rec, &reason);
	if (err == ISCSI_ERR_NOMEM)
		return iscsi_fail(walk->why, err, "%s", reason.text);
	if (err == ISCSI_ERR_NO_OBJS_FOUND)	/* gone since the folder was read */
		return ISCSI_SUCCESS;
	/* The walk reads this file only since its text might name the address. */
	if (err && !is_selected(walk, id))
		return ISCSI_SUCCESS;
	if (single) {
		iface = err ? UNREADABLE_IFACE : iscsi_db_record_get(rec, "iface.iscsi_ifacename");
		if (iscsi_db_check_iface_name(iface, NULL) != ISCSI_SUCCESS)
			iface = "default";
		strcpy(id->iface, iface);
		if (!err && walk->is.iface && !streq(walk->is.iface, id->iface))
			return ISCSI_SUCCESS;
	}
	if (err)
		return walk_unreadable(walk, id, &reason);
	if (walk->delete_unreadable)
		return ISCSI_SUCCESS;
	/* An editor, a package or a person has left a copy beside the record. */
	iface = iscsi_db_record_get(rec, "iface.iscsi_ifacename");
	if (!single && !streq(iface, id->iface)) {
		db_warn(&walk->warn, "%s/%s is left out: it is a copy of the record of interface "
			"'%s'", walk->db->root, path, iface);
		return ISCSI_SUCCESS;
	}
	said = *id;
	if (single)
		err = complete_text(walk, id, path, rec);
	else
		err = compare_with_path(walk, &said, path, rec, &left_out);
	if (!err && node_fix_type(walk->db, id, rec) < 0)
		err = node_no_memory(walk->why);
	if (err || left_out || !is_selected(walk, &said))
		return err;
	walk->found++;
	return walk_call(walk, path, single, rec);
}

static enum iscsi_err walk_iface(struct walk *walk, struct node_id *id, const char *portal,
				 const char *iface)
{
	CLEANUP(freep) char *path = db_join(portal, iface);
	struct iscsi_why reason;

	if (!path)
		return node_no_memory(walk->why);
	if (streq(iface, STAGE_ACROSS))
		return ISCSI_SUCCESS;
	if (iscsi_db_check_iface_name(iface, &reason) != ISCSI_SUCCESS) {
		db_warn(&walk->warn, "%s/%s is left out: %s", walk->db->root, path, reason.text);
		return ISCSI_SUCCESS;
	}
	strcpy(id->iface, iface);
	return walk_record(walk, id, path);
}

/*
 * Walks a record of the old layout, or handles an entry that can't be listed as the folder of a
 * portal, because of @why_not.
 */
static enum iscsi_err walk_no_portal(struct walk *walk, struct node_id *id, const char *path,
				     int why_not)
{
	int type = folder_entry_type(walk->db, path);
	struct iscsi_why reason;

	/* The folder is gone since its name was read, or was gone for a moment. */
	if (!type || (type == S_IFDIR && why_not == -ENOENT))
		return ISCSI_SUCCESS;
	if (folder_is_shortage(type))
		return walk_failed(walk, path, type);
	if (type == S_IFREG && !*id->tpgt)
		return walk_record(walk, id, path);
	if (type == S_IFDIR && !*id->tpgt) {
		db_warn(&walk->warn, "%s/%s is left out: not the folder of a portal",
			walk->db->root, path);
		return ISCSI_SUCCESS;
	}
	strcpy(id->iface, UNREADABLE_IFACE);
	if (type > 0 && type != S_IFDIR) {
		iscsi_fail(&reason, ISCSI_ERR_IDBM, "%s/%s isn't a folder", walk->db->root, path);
		return walk_unreadable(walk, id, &reason);
	}
	iscsi_fail(&reason, ISCSI_ERR_IDBM, "cannot list %s/%s: %s", walk->db->root, path,
		   db_strerror(type < 0 ? type : why_not));
	record_file_left_out(walk->db, &walk->warn, &reason);
	return ISCSI_SUCCESS;
}

/*
 * Opens the folder @path, which may be a link only if root made it, and lists it unless @ret is
 * NULL. The descriptor, which the caller closes, or -errno.
 */
static int list_folder(struct walk *walk, const char *path, struct names *ret)
{
	int root = folder_root(walk->db), fd, r;

	if (root < 0)
		return root;
	fd = walk->db->os->open(root, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
	if (fd < 0 || !ret)
		return fd;
	r = names_read_fd(walk->db, fd, ret);
	if (!r)
		return fd;
	(void)walk->db->os->close(fd);
	return r;
}

static enum iscsi_err walk_portal_folder(struct walk *walk, struct node_id *id, const char *path)
{
	const char *iface = walk->is.iface;
	enum iscsi_err err = ISCSI_SUCCESS;
	struct names ifaces = { 0 };
	int fd = list_folder(walk, path, iface ? NULL : &ifaces);

	if (folder_is_shortage(fd))
		return walk_failed(walk, path, fd);
	if (fd < 0)
		return walk_no_portal(walk, id, path, fd);
	walk->portal = fd;
	if (iface)
		err = walk_iface(walk, id, path, iface);
	for (size_t i = 0; i < ifaces.count && !err; i++)
		err = walk_iface(walk, id, path, ifaces.name[i]);
	(void)walk->db->os->close(fd);
	walk->portal = -1;
	names_done(&ifaces);
	return err;
}

static enum iscsi_err walk_portal(struct walk *walk, const char *target, const char *name)
{
	CLEANUP(freep) char *path = db_join(target, name);
	struct node_id id = { 0 };

	if (!path)
		return node_no_memory(walk->why);
	if (!portal_name_parse(name, &id)) {
		db_warn(&walk->warn, "%s/%s is left out: not the name of a portal",
			walk->db->root, path);
		return ISCSI_SUCCESS;
	}
	if (!is_selected(walk, &id) && (!walk->any_path || !*id.tpgt))
		return ISCSI_SUCCESS;
	strcpy(id.target, db_base_name(target));
	if (!*id.tpgt)
		return walk_no_portal(walk, &id, path, 0);
	return walk_portal_folder(walk, &id, path);
}

/* Handles an entry of nodes/ that can't be listed as the folder of a target, by @why_not. */
static enum iscsi_err walk_no_target(struct walk *walk, const char *path, int why_not)
{
	const struct iscsi_db_filter *is = &walk->is;
	int nodes = folder_open(walk->db, "nodes"), type;
	struct iscsi_why reason;
	struct stage_op *op;

	if (nodes < 0 && nodes != -ENOENT)
		return walk_failed(walk, "nodes", nodes);
	if (nodes >= 0)
		(void)walk->db->os->close(nodes);
	type = folder_entry_type(walk->db, path);
	if (!type || (type == S_IFDIR && why_not == -ENOENT))
		return ISCSI_SUCCESS;
	/* dracut puts an empty file here, so that the folder isn't empty. */
	if (type > 0 && type != S_IFDIR && *db_base_name(path) == '.')
		return ISCSI_SUCCESS;
	if (type < 0 || type == S_IFDIR) {
		iscsi_fail(&reason, ISCSI_ERR_IDBM, "cannot list %s/%s: %s", walk->db->root, path,
			   db_strerror(why_not));
		record_file_left_out(walk->db, &walk->warn, &reason);
		return ISCSI_SUCCESS;
	}
	if (!walk->delete_unreadable) {
		iscsi_fail(&reason, ISCSI_ERR_IDBM, "%s/%s isn't the folder of a target",
			   walk->db->root, path);
		record_file_left_out(walk->db, &walk->warn, &reason);
		return ISCSI_SUCCESS;
	}
	/* A filter for a portal or an interface doesn't match a whole target. */
	if (is->address || is->port != -1 || is->iface)
		return ISCSI_SUCCESS;
	walk->found++;
	return stage_delete(walk->db, path, &op, walk->why);
}

static enum iscsi_err walk_target(struct walk *walk, const char *name)
{
	CLEANUP(freep) char *path = db_join("nodes", name);
	enum iscsi_err err = ISCSI_SUCCESS;
	struct iscsi_why reason;
	int r;

	if (!path)
		return node_no_memory(walk->why);
	if (iscsi_db_check_name(name, &reason) != ISCSI_SUCCESS) {
		db_warn(&walk->warn, "%s/%s is left out: %s", walk->db->root, path, reason.text);
		return ISCSI_SUCCESS;
	}
	walk->generation = walk->db->generation;
	r = list_folder(walk, path, &walk->portals);
	if (r >= 0)
		(void)walk->db->os->close(r);
	if (folder_is_shortage(r))
		return walk_failed(walk, path, r);
	if (r < 0)
		return walk_no_target(walk, path, r);
	for (size_t i = 0; i < walk->portals.count && !err; i++)
		err = walk_portal(walk, path, walk->portals.name[i]);
	names_done(&walk->portals);
	return err;
}

static enum iscsi_err walk_nodes(struct walk *walk)
{
	enum iscsi_err err = ISCSI_SUCCESS;
	struct names targets;
	int r;

	if (walk->is.target) {
		/* No record is stored under a name that the gate refuses. */
		if (iscsi_db_check_name(walk->is.target, NULL) != ISCSI_SUCCESS)
			return ISCSI_SUCCESS;
		return walk_target(walk, walk->is.target);
	}
	r = names_read(walk->db, "nodes", &targets);
	if (r < 0)
		return walk_failed(walk, "nodes", r);
	for (size_t i = 0; i < targets.count && !err; i++)
		err = walk_target(walk, targets.name[i]);
	names_done(&targets);
	return err;
}

/*
 * Selects by the address in the path as text first. Only if that finds nothing, addresses are
 * compared as numbers, and the text of each record is read for its address.
 */
static enum iscsi_err walk_selected(struct walk *walk, const struct iscsi_db_filter *filter)
{
	struct iscsi_db_filter *is = &walk->is;
	enum iscsi_err err;

	*is = filter ? *filter : (struct iscsi_db_filter){ .port = -1 };
	walk->portal = -1;
	if (walk->db->unused_root && walk->warn.fn) {
		db_warn(&walk->warn, "the records in %s are not used, since %s has records too",
			walk->db->unused_root, walk->db->root);
		walk->db->unused_root = NULL;
	}
	if (is->port != -1)
		(void)snprintf(walk->port, sizeof(walk->port), "%d", is->port);
	if (is->iface && iscsi_db_check_iface_name(is->iface, NULL) != ISCSI_SUCCESS)
		return ISCSI_SUCCESS;
	walk->numeric = is->names;
	err = walk_nodes(walk);
	if (err || walk->found || !is->address)
		return err;
	walk->numeric = walk->any_path = true;
	walk->warn.fn = NULL;
	return walk_nodes(walk);
}

enum iscsi_err iscsi_db_node_each(struct iscsi_db *db, const struct iscsi_db_filter *filter,
				  iscsi_db_warn_fn *warn, void *warn_arg, iscsi_db_record_fn *fn,
				  void *arg, struct iscsi_why *why)
{
	struct walk walk = {
		.db = db, .fn = fn, .arg = arg, .why = why,
		.warn = { .fn = warn, .arg = warn_arg },
		.warn_selected = { .fn = warn, .arg = warn_arg },
	};

	return walk_selected(&walk, filter);
}

enum iscsi_err iscsi_db_node_delete_unreadable(struct iscsi_db *db,
					       const struct iscsi_db_filter *filter,
					       unsigned int *ret, struct iscsi_why *why)
{
	struct walk walk = { .db = db, .why = why, .delete_unreadable = true };
	enum iscsi_err err = walk_selected(&walk, filter);

	if (!err && ret)
		*ret = walk.found;
	return err;
}
