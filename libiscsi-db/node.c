/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Node records on disk: nodes/TARGET/ADDRESS,PORT,TPGT/IFACE, or the plain file
 * nodes/TARGET/ADDRESS,PORT where the portal group isn't known, and the links that say where a
 * node was found. The path says which node a record is; contents that disagree are put right.
 */
#include "libiscsi-db/db.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>

#define TPGT_UNKNOWN	"-1"		/* ISCSI_TPGT_UNKNOWN as records have it */

/* ---- names of nodes ------------------------------------------------------------------ */

static enum iscsi_err no_memory(struct iscsi_why *why)
{
	return iscsi_fail(why, ISCSI_ERR_NOMEM, "no memory for a node record");
}

static bool take_number(const char *text, size_t len, char ret[12])
{
	int number;

	if (len >= 12)
		return false;
	memcpy(ret, text, len);
	ret[len] = '\0';
	return text_to_int(ret, &number);
}

bool portal_name_parse(const char *name, struct node_id *ret)
{
	size_t len = strcspn(name, ","), port_len;
	const char *port = name + len + 1;

	if (!name[len] || len > ISCSI_ADDRESS_MAX)
		return false;
	memcpy(ret->address, name, len);
	ret->address[len] = '\0';
	port_len = strcspn(port, ",");
	if (iscsi_db_check_address(ret->address, NULL) != ISCSI_SUCCESS ||
	    !take_number(port, port_len, ret->port))
		return false;
	ret->tpgt[0] = '\0';
	if (!port[port_len])
		return true;
	port += port_len + 1;
	return take_number(port, strlen(port), ret->tpgt) && !streq(ret->tpgt, TPGT_UNKNOWN);
}

bool node_id_from_link(const char *name, struct node_id *ret)
{
	const char *end = name;
	char portal[NAME_MAX + 1];
	size_t len, portal_len;

	for (int commas = 0; commas < 4; commas++) {
		end = strchr(commas ? end + 1 : end, ',');
		if (!end)
			return false;
	}
	len = strcspn(name, ",");
	portal_len = (size_t)(end - name) - len - 1;
	if (len > ISCSI_NAME_MAX || portal_len >= sizeof(portal) ||
	    iscsi_db_check_iface_name(end + 1, NULL) != ISCSI_SUCCESS)
		return false;
	memcpy(ret->target, name, len);
	ret->target[len] = '\0';
	memcpy(portal, name + len + 1, portal_len);
	portal[portal_len] = '\0';
	strcpy(ret->iface, end + 1);
	return iscsi_db_check_name(ret->target, NULL) == ISCSI_SUCCESS &&
	       portal_name_parse(portal, ret);
}

/* The node that a record says it is, each part through its gate. */
static enum iscsi_err node_id_of(const struct iscsi_db_record *rec, struct node_id *ret,
				 struct iscsi_why *why)
{
	const char *target, *address, *iface, *tpgt;
	enum iscsi_err err;

	if (rec->kind != ISCSI_DB_NODE)
		return iscsi_fail(why, ISCSI_ERR_INTERNAL, "not the record of a node");
	target = iscsi_db_record_get(rec, "node.name");
	address = iscsi_db_record_get(rec, "node.conn[0].address");
	iface = iscsi_db_record_get(rec, "iface.iscsi_ifacename");
	tpgt = iscsi_db_record_get(rec, "node.tpgt");
	err = iscsi_db_check_name(target, why);
	if (!err)
		err = iscsi_db_check_address(address, why);
	if (!err)
		err = iscsi_db_check_iface_name(iface, why);
	if (err)
		return err;
	strcpy(ret->target, target);
	strcpy(ret->address, address);
	strcpy(ret->iface, iface);
	strcpy(ret->port, iscsi_db_record_get(rec, "node.conn[0].port"));
	strcpy(ret->tpgt, streq(tpgt, TPGT_UNKNOWN) ? "" : tpgt);
	return ISCSI_SUCCESS;
}

static char *single_path(const struct node_id *id)
{
	return db_concat("nodes/", id->target, "/", id->address, ",", id->port, NULL);
}

/* Without a portal group, the path ends where that would begin: it is single_path(). */
static char *portal_path(const struct node_id *id)
{
	return db_concat("nodes/", id->target, "/", id->address, ",", id->port,
			 *id->tpgt ? "," : NULL, id->tpgt, NULL);
}

static char *record_path(const struct node_id *id)
{
	return db_concat("nodes/", id->target, "/", id->address, ",", id->port,
			 *id->tpgt ? "," : NULL, id->tpgt, "/", id->iface, NULL);
}

/* ---- links --------------------------------------------------------------------------- */

/* Where a node's link may be, but for the folder of the portal that found it. */
struct links {
	char *in_static, *in_fw, *in_isns;
	const char *name;		/* which ends each of them */
};

static void links_done(struct links *links)
{
	free(links->in_static);
	free(links->in_fw);
	free(links->in_isns);
}

static int links_init(struct links *links, const struct node_id *id)
{
	links->in_static = db_concat("static/", id->target, ",", id->address, ",", id->port, ",",
				     id->tpgt, ",", id->iface, NULL);
	links->name = links->in_static ? db_base_name(links->in_static) : "";
	links->in_fw = db_join("fw", links->name);
	links->in_isns = db_join("isns", links->name);
	return links->in_static && links->in_fw && links->in_isns ? 0 : -ENOMEM;
}

/* The link in the folder of the portal that found @rec; NULL: there is none such. -ENOMEM. */
static int found_link(const struct links *links, const struct iscsi_db_record *rec, char **ret)
{
	const char *type = iscsi_db_record_get(rec, "node.discovery_type");
	const char *address = iscsi_db_record_get(rec, "node.discovery_address");
	const char *port = iscsi_db_record_get(rec, "node.discovery_port");

	*ret = NULL;
	if (!streq(type, "send_targets") && !streq(type, "isns"))
		return 0;
	if (iscsi_db_check_address(address, NULL) != ISCSI_SUCCESS)
		return 0;
	*ret = db_concat(type, "/", address, ",", port, "/", links->name, NULL);
	return *ret ? 0 : -ENOMEM;
}

/* The link that a record asks for: its path or NULL, and where else it may go. */
static const char *choose_link(struct iscsi_db *db, const struct links *links, const char *found,
			       const struct iscsi_db_record *rec, const char **otherwise)
{
	const char *type = iscsi_db_record_get(rec, "node.discovery_type");

	*otherwise = NULL;
	if (streq(type, "static"))
		return links->in_static;
	if (streq(type, "fw"))
		return links->in_fw;
	if (!streq(type, "isns"))
		return found;
	if (!found || db_type(db, links->in_isns) == S_IFLNK)
		return links->in_isns;
	*otherwise = links->in_isns;
	return found;
}

/*
 * 2.1.9 to 2.1.11 wrote static nodes as "fw" and nodes of the firmware without a type. Their
 * links were in the right place, so these decide.
 */
static int fix_type(struct iscsi_db *db, const struct node_id *id, struct iscsi_db_record *rec)
{
	struct links links;
	int r = 0;

	if (rec->has_type && !streq(iscsi_db_record_get(rec, "node.discovery_type"), "fw"))
		return 0;
	if (!*id->tpgt)
		return 0;
	if (links_init(&links, id) < 0)
		r = -ENOMEM;
	else if (db_type(db, links.in_fw) == S_IFLNK)
		r = record_put(rec, "node.discovery_type", "fw");
	else if (db_type(db, links.in_static) == S_IFLNK)
		r = record_put(rec, "node.discovery_type", "static");
	links_done(&links);
	return r;
}

/* Stages the removal of every link that an old record may have, but for @keep. */
static int unlink_old(struct stage_op *op, const struct links *links, const char *found,
		      const char *keep, const char *otherwise)
{
	const char *candidates[] = { found, links->in_static, links->in_fw, links->in_isns };

	for (size_t i = 0; i < ARRAY_SIZE(candidates); i++) {
		const char *path = candidates[i];

		if (!path || (keep && streq(path, keep)) ||
		    (otherwise && streq(path, otherwise)))
			continue;
		if (stage_add_unlink(op, path) < 0)
			return -ENOMEM;
	}
	return 0;
}

/* The same for a record that can't be read: its link may be with any portal. */
static int unlink_anywhere(struct iscsi_db *db, struct stage_op *op, const struct links *links,
			   const char *keep, const char *otherwise)
{
	static const char *const folders[] = { "send_targets", "isns" };
	int r = unlink_old(op, links, NULL, keep, otherwise);

	for (size_t f = 0; f < ARRAY_SIZE(folders) && !r; f++) {
		struct names portals;

		r = names_read(db, folders[f], &portals);
		for (size_t i = 0; i < portals.count && !r; i++) {
			CLEANUP(freep) char *path = db_concat(folders[f], "/", portals.name[i],
							      "/", links->name, NULL);

			if (!path)
				r = -ENOMEM;
			else if (db_type(db, path) == S_IFLNK && !(keep && streq(path, keep)))
				r = stage_add_unlink(op, path);
		}
		names_done(&portals);
	}
	return r;
}

/* Stages the removal of the links that the record on disk has. */
static enum iscsi_err stage_unlinks(struct iscsi_db *db, struct stage_op *op,
				    const struct links *links, const char *path, const char *keep,
				    const char *otherwise, struct iscsi_why *why)
{
	CLEANUP(iscsi_db_record_freep) struct iscsi_db_record *loaded = NULL;
	const struct iscsi_db_record *old = db->here.rec;
	enum iscsi_err err = ISCSI_SUCCESS;
	CLEANUP(freep) char *found = NULL;
	int r;

	/* A record that doesn't say how it was found has it from fix_type(). */
	if (!db_is_here(db, path) || !old->has_type)
		err = db_load(db, ISCSI_DB_NODE, path, NULL, NULL, &loaded, NULL);
	if (err == ISCSI_ERR_NO_OBJS_FOUND)
		return ISCSI_SUCCESS;
	if (err) {
		r = unlink_anywhere(db, op, links, keep, otherwise);
	} else {
		r = found_link(links, loaded ? loaded : old, &found);
		if (!r)
			r = unlink_old(op, links, found, keep, otherwise);
	}
	if (r == -ENOMEM)
		return no_memory(why);
	if (r < 0)
		return iscsi_fail(why, ISCSI_ERR_IDBM, "cannot look for links to %s/%s: %s",
				  db->root, path, db_strerror(r));
	return ISCSI_SUCCESS;
}

/* ---- write and delete ---------------------------------------------------------------- */

static bool names_have(const struct names *names, const char *name)
{
	for (size_t i = 0; i < names->count; i++) {
		if (streq(names->name[i], name))
			return true;
	}
	return false;
}

/* With the record in its folder, the plain file that an old version kept it in goes. */
static enum iscsi_err replace_single(struct iscsi_db *db, struct stage_op *op,
				     const struct node_id *id, const char *path,
				     struct iscsi_why *why)
{
	CLEANUP(iscsi_db_record_freep) struct iscsi_db_record *old = NULL;
	CLEANUP(freep) char *single = single_path(id);
	enum iscsi_err err;

	if (!single)
		return no_memory(why);
	if (db_is_here(db, path) && !names_have(db->here.portals, db_base_name(single)))
		return ISCSI_SUCCESS;
	if (db_type(db, single) != S_IFREG)
		return ISCSI_SUCCESS;
	err = db_load(db, ISCSI_DB_NODE, single, NULL, NULL, &old, why);
	if (err == ISCSI_ERR_NOMEM)
		return err;
	/* One for another interface is another node. */
	if (!err && !streq(iscsi_db_record_get(old, "iface.iscsi_ifacename"), id->iface))
		return ISCSI_SUCCESS;
	return stage_set_old_file(op, single) < 0 ? no_memory(why) : ISCSI_SUCCESS;
}

enum iscsi_err iscsi_db_node_write(struct iscsi_db *db, const struct iscsi_db_record *rec,
				   struct iscsi_why *why)
{
	CLEANUP(freep) char *path = NULL, *text = NULL, *found = NULL;
	CLEANUP(links_done) struct links links = { 0 };
	const char *link, *otherwise;
	struct stage_op *op;
	struct node_id id;
	enum iscsi_err err = node_id_of(rec, &id, why);

	if (err)
		return err;
	path = record_path(&id);
	if (!path)
		return no_memory(why);
	err = stage_write(db, path, rec, &op, why);
	if (err || !*id.tpgt)
		return err;
	text = db_join(db->root, path);
	if (!text || links_init(&links, &id) < 0 || found_link(&links, rec, &found) < 0)
		return no_memory(why);
	*strrchr(text, '/') = '\0';	/* links lead to the folder of the portal */
	link = choose_link(db, &links, found, rec, &otherwise);
	/* A name that no file can have: the node works without its link. */
	if (link && strlen(links.name) > NAME_MAX)
		link = otherwise = NULL;
	if (link && stage_set_link(op, link, otherwise, text) < 0)
		return no_memory(why);
	err = stage_unlinks(db, op, &links, path, link, otherwise, why);
	return err ? err : replace_single(db, op, &id, path, why);
}

/* Where a node's record is -> @path, which the caller frees. Its type, 0 if it has none, -errno. */
static int locate(struct iscsi_db *db, const struct node_id *id, char **path)
{
	CLEANUP(freep) char *portal = NULL;
	int type;

	*path = record_path(id);
	if (*path && db_is_here(db, *path))	/* the walk has read it */
		return S_IFREG;
	portal = portal_path(id);
	if (!*path || !portal)
		return -ENOMEM;
	type = db_type(db, portal);
	if (type == S_IFREG)	/* the old layout, or a file where a folder belongs */
		strcpy(*path, portal);
	else if (type > 0)
		type = *id->tpgt ? db_type(db, *path) : 0;
	return type;
}

enum iscsi_err node_delete_id(struct iscsi_db *db, const struct node_id *id,
			      struct iscsi_why *why)
{
	CLEANUP(links_done) struct links links = { 0 };
	CLEANUP(freep) char *path = NULL;
	struct stage_op *op;
	enum iscsi_err err;
	int type = locate(db, id, &path);

	if (type == -ENOMEM)
		return no_memory(why);
	if (type < 0)
		return iscsi_fail(why, ISCSI_ERR_IDBM, "cannot look at %s/%s: %s", db->root, path,
				  db_strerror(type));
	if (!type)
		return iscsi_fail(why, ISCSI_ERR_NO_OBJS_FOUND, "%s/%s isn't there", db->root,
				  path);
	err = stage_delete(db, path, &op, why);
	if (err || !*id->tpgt)
		return err;
	if (links_init(&links, id) < 0)
		return no_memory(why);
	return stage_unlinks(db, op, &links, path, NULL, NULL, why);
}

enum iscsi_err iscsi_db_node_delete(struct iscsi_db *db, const struct iscsi_db_record *rec,
				    struct iscsi_why *why)
{
	struct node_id id;
	enum iscsi_err err = node_id_of(rec, &id, why);

	return err ? err : node_delete_id(db, &id, why);
}

/* ---- the walk ------------------------------------------------------------------------ */

struct walk {
	struct iscsi_db *db;
	struct iscsi_db_filter filter;
	char port[12];		/* the filter's, "" for any */
	bool numeric;		/* compare addresses as numbers */
	struct db_warn warn;
	iscsi_db_record_fn *fn;
	void *arg;
	struct iscsi_why *why;
	unsigned int found;
	bool delete_broken;	/* instead of calling fn: stage the end of what can't be read */
	int nodes, target, portal;	/* the folders that it is in; -1: not open */
	const struct names *portals;	/* what the target's folder holds... */
	unsigned int epoch;		/* ...and when it was read; see struct db_here */
};

/* Calls the walk's function, which may change the record; walks may be nested. */
static enum iscsi_err walk_call(struct walk *walk, const char *path, bool single,
				const struct iscsi_db_record *rec)
{
	struct iscsi_db *db = walk->db;
	struct db_here outer = db->here;
	bool locked = db->lock.depth && walk->epoch == outer.epoch;
	enum iscsi_err err;

	if (locked && !single)
		db->here = (struct db_here){ path, rec, walk->portals, outer.epoch };
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
	return fix_type(walk->db, id, rec);
}

static enum iscsi_err walk_broken(struct walk *walk, struct node_id *id,
				  const struct iscsi_why *reason)
{
	if (!walk->delete_broken) {
		db_left_out(walk->db, &walk->warn, reason);
		return ISCSI_SUCCESS;
	}
	walk->found++;
	return node_delete_id(walk->db, id, walk->why);
}

/* One record file. A single-file record names its interface inside: id->iface is empty. */
static enum iscsi_err walk_record(struct walk *walk, struct node_id *id, const char *path)
{
	CLEANUP(iscsi_db_record_freep) struct iscsi_db_record *rec = NULL;
	const struct iscsi_db_filter *filter = &walk->filter;
	bool single = !*id->iface;
	struct iscsi_why reason;
	enum iscsi_err err = db_load_in(walk->db, single ? walk->target : walk->portal,
					ISCSI_DB_NODE, path, walk->warn.fn, walk->warn.arg, &rec,
					&reason);
	const char *iface;

	if (err == ISCSI_ERR_NOMEM)
		return iscsi_fail(walk->why, err, "%s", reason.text);
	if (err == ISCSI_ERR_NO_OBJS_FOUND)	/* gone since the folder was read */
		return ISCSI_SUCCESS;
	if (single) {
		iface = err ? "default" : iscsi_db_record_get(rec, "iface.iscsi_ifacename");
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
		return no_memory(walk->why);
	walk->found++;
	return walk_call(walk, path, single, rec);
}

static enum iscsi_err walk_iface(struct walk *walk, struct node_id *id, const char *portal,
				 const char *iface)
{
	CLEANUP(freep) char *path = db_join(portal, iface);
	struct iscsi_why reason;

	if (!path)
		return no_memory(walk->why);
	if (iscsi_db_check_iface_name(iface, &reason) != ISCSI_SUCCESS) {
		db_warn(&walk->warn, "%s/%s is left out: %s", walk->db->root, path, reason.text);
		return ISCSI_SUCCESS;
	}
	strcpy(id->iface, iface);
	return walk_record(walk, id, path);
}

/* What can't be opened as the folder of a portal, for the reason @why_not. */
static enum iscsi_err walk_no_folder(struct walk *walk, struct node_id *id, const char *path,
				     int why_not)
{
	int type = db_type(walk->db, path);
	struct iscsi_why reason;

	if (type == S_IFREG && !*id->tpgt)
		return walk_record(walk, id, path);
	if (type == S_IFREG) {
		iscsi_fail(&reason, ISCSI_ERR_IDBM, "%s/%s isn't a folder", walk->db->root, path);
		strcpy(id->iface, "default");
		return walk_broken(walk, id, &reason);
	}
	if (type == S_IFDIR && *id->tpgt)
		db_warn(&walk->warn, "cannot list %s/%s: %s; it is left out", walk->db->root, path,
			db_strerror(why_not));
	else if (type)
		db_warn(&walk->warn, "%s/%s is left out: not the folder of a portal",
			walk->db->root, path);
	return ISCSI_SUCCESS;
}

static enum iscsi_err walk_folder(struct walk *walk, struct node_id *id, const char *path)
{
	enum iscsi_err err = ISCSI_SUCCESS;
	struct names names;
	int r;

	if (walk->filter.iface)
		return walk_iface(walk, id, path, walk->filter.iface);
	r = names_read_fd(walk->db, walk->portal, &names);
	if (r < 0) {
		db_warn(&walk->warn, "cannot list %s/%s: %s; it is left out", walk->db->root, path,
			db_strerror(r));
		return ISCSI_SUCCESS;
	}
	for (size_t i = 0; i < names.count && !err; i++)
		err = walk_iface(walk, id, path, names.name[i]);
	names_done(&names);
	return err;
}

static enum iscsi_err walk_portal(struct walk *walk, struct node_id *id, const char *target,
				  const char *entry)
{
	CLEANUP(freep) char *path = db_join(target, entry);
	enum iscsi_err err;
	int fd = -ENOTDIR;

	id->iface[0] = '\0';
	if (!path)
		return no_memory(walk->why);
	if (*id->tpgt)
		fd = db_open_in(walk->db, walk->target, path,
				O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
	if (fd < 0)
		return walk_no_folder(walk, id, path, fd);
	walk->portal = fd;
	err = walk_folder(walk, id, path);
	walk->portal = -1;
	(void)walk->db->os->close(fd);
	return err;
}

static bool portal_matches(const struct walk *walk, const struct node_id *id)
{
	const struct iscsi_db_filter *filter = &walk->filter;

	if (*walk->port && !streq(walk->port, id->port))
		return false;
	if (!filter->address)
		return true;
	return walk->numeric ? address_equal(filter->address, id->address) :
			       streq(filter->address, id->address);
}

static enum iscsi_err walk_portals(struct walk *walk, const char *target, const char *path,
				   const struct names *names)
{
	enum iscsi_err err = ISCSI_SUCCESS;
	struct node_id id;

	strcpy(id.target, target);
	for (size_t i = 0; i < names->count && !err; i++) {
		if (!portal_name_parse(names->name[i], &id))
			db_warn(&walk->warn, "%s/%s/%s is left out: not the name of a portal",
				walk->db->root, path, names->name[i]);
		else if (portal_matches(walk, &id))
			err = walk_portal(walk, &id, path, names->name[i]);
	}
	return err;
}

static enum iscsi_err walk_target(struct walk *walk, const char *target)
{
	CLEANUP(freep) char *path = db_join("nodes", target);
	enum iscsi_err err = ISCSI_SUCCESS;
	struct names names = { 0 };
	struct iscsi_why reason;
	int r;

	if (!path)
		return no_memory(walk->why);
	if (iscsi_db_check_name(target, &reason) != ISCSI_SUCCESS) {
		db_warn(&walk->warn, "%s/%s is left out: %s", walk->db->root, path, reason.text);
		return ISCSI_SUCCESS;
	}
	walk->epoch = walk->db->here.epoch;
	r = db_open_in(walk->db, walk->nodes, path, O_RDONLY | O_DIRECTORY);
	if (r == -ENOENT)
		return ISCSI_SUCCESS;
	if (r >= 0) {
		walk->target = r;
		r = names_read_fd(walk->db, walk->target, &names);
	}
	if (r < 0)
		db_warn(&walk->warn, "%s/%s is left out: %s", walk->db->root, path,
			r == -ENOTDIR ? "not the folder of a target" : db_strerror(r));
	walk->portals = &names;
	err = walk_portals(walk, target, path, &names);
	walk->portals = NULL;
	names_done(&names);
	if (walk->target >= 0)
		(void)walk->db->os->close(walk->target);
	walk->target = -1;
	return err;
}

static enum iscsi_err walk_nodes(struct walk *walk)
{
	enum iscsi_err err = ISCSI_SUCCESS;
	struct names names = { 0 };
	int r;

	walk->nodes = walk->target = walk->portal = -1;
	if (walk->filter.target) {
		if (iscsi_db_check_name(walk->filter.target, NULL) != ISCSI_SUCCESS)
			return ISCSI_SUCCESS;	/* nothing is stored under such a name */
		return walk_target(walk, walk->filter.target);
	}
	r = db_open_dir(walk->db, "nodes");
	if (r == -ENOENT)
		return ISCSI_SUCCESS;
	if (r >= 0) {
		walk->nodes = r;
		r = names_read_fd(walk->db, walk->nodes, &names);
	}
	if (r < 0)
		err = iscsi_fail(walk->why, ISCSI_ERR_IDBM, "cannot list %s/nodes: %s",
				 walk->db->root, db_strerror(r));
	for (size_t i = 0; i < names.count && !err; i++)
		err = walk_target(walk, names.name[i]);
	names_done(&names);
	if (walk->nodes >= 0)
		(void)walk->db->os->close(walk->nodes);
	return err;
}

/* As text first; only if that finds nothing, as numbers. */
static enum iscsi_err walk_twice(struct walk *walk, const struct iscsi_db_filter *filter)
{
	enum iscsi_err err;

	walk->filter = filter ? *filter : (struct iscsi_db_filter){ .port = -1 };
	if (walk->filter.port != -1)
		(void)snprintf(walk->port, sizeof(walk->port), "%d", walk->filter.port);
	if (walk->filter.iface &&
	    iscsi_db_check_iface_name(walk->filter.iface, NULL) != ISCSI_SUCCESS)
		return ISCSI_SUCCESS;
	err = walk_nodes(walk);
	if (err || walk->found || !walk->filter.address ||
	    !address_equal(walk->filter.address, walk->filter.address))
		return err;
	walk->numeric = true;
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
		.warn = { .fn = warn, .arg = warn_arg },
		.fn = fn,
		.arg = arg,
		.why = why,
	};

	return walk_twice(&walk, filter);
}

enum iscsi_err iscsi_db_node_delete_unreadable(struct iscsi_db *db,
					       const struct iscsi_db_filter *filter,
					       unsigned int *ret, struct iscsi_why *why)
{
	struct walk walk = { .db = db, .delete_broken = true, .why = why };
	enum iscsi_err err = walk_twice(&walk, filter);

	if (!err && ret)
		*ret = walk.found;
	return err;
}
