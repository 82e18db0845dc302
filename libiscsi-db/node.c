/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Node records on disk: nodes/TARGET/ADDRESS,PORT,TPGT/IFACE, or the plain file
 * nodes/TARGET/ADDRESS,PORT where the portal group isn't known, and the links that say where a
 * node was found.
 */
#include "libiscsi-db/node.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>

#include "libiscsi-db/address.h"
#include "libiscsi-db/db.h"
#include "libiscsi-db/err.h"
#include "libiscsi-db/folder.h"
#include "libiscsi-db/path.h"
#include "libiscsi-db/record.h"
#include "libiscsi-db/record_file.h"
#include "libiscsi-db/stage.h"

/* ---- names of nodes ------------------------------------------------------------------ */

enum iscsi_err node_no_memory(struct iscsi_why *why)
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

/* The node that a record names; each part of the name passes its gate. */
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
	err = iscsi_db_check_name(target, why) ?: iscsi_db_check_address(address, why) ?:
	      iscsi_db_check_iface_name(iface, why);
	if (err)
		return err;
	strcpy(ret->target, target);
	strcpy(ret->address, address);
	strcpy(ret->iface, iface);
	strcpy(ret->port, iscsi_db_record_get(rec, "node.conn[0].port"));
	strcpy(ret->tpgt, streq(tpgt, TPGT_UNKNOWN) ? "" : tpgt);
	if (strlen(address) + strlen(ret->port) + strlen(ret->tpgt) + 2 > NAME_MAX)
		return iscsi_fail(why, ISCSI_ERR_INVAL,
				  "the portal '%s' is too long to be stored", address);
	return ISCSI_SUCCESS;
}

static char *single_path(const struct node_id *id)
{
	return db_concat("nodes/", id->target, "/", id->address, ",", id->port, NULL);
}

/* The folder of a portal, or the plain file of a node without a portal group. */
static char *portal_path(const struct node_id *id)
{
	return db_concat("nodes/", id->target, "/", id->address, ",", id->port,
			 *id->tpgt ? "," : NULL, id->tpgt, NULL);
}

char *node_path(const struct node_id *id)
{
	return db_concat("nodes/", id->target, "/", id->address, ",", id->port,
			 *id->tpgt ? "," : NULL, id->tpgt, "/", id->iface, NULL);
}

bool node_id_from_text(const struct iscsi_db_record *rec, const struct node_id *path,
		       struct node_id *ret)
{
	if (node_id_of(rec, ret, NULL) != ISCSI_SUCCESS)
		return false;
	if (!*ret->tpgt)
		strcpy(ret->tpgt, path->tpgt);
	return true;
}

/* "nodes/TARGET/PORTAL/IFACE", which a walk has found good, -> @ret. */
static void node_id_from_path(const char *path, struct node_id *ret)
{
	const char *target = path + strlen("nodes/");
	const char *portal = strchr(target, '/') + 1, *iface = strchr(portal, '/') + 1;
	char name[NAME_MAX + 1];

	(void)snprintf(ret->target, sizeof(ret->target), "%.*s", (int)(portal - target - 1), target);
	(void)snprintf(name, sizeof(name), "%.*s", (int)(iface - portal - 1), portal);
	(void)portal_name_parse(name, ret);
	strcpy(ret->iface, iface);
}

/* ---- links --------------------------------------------------------------------------- */

/* The paths that a node's link may have, except in the folder of the portal that found the node. */
struct links {
	char *in_static, *in_fw, *in_isns;
	const char *name;		/* the last part of each path */
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

/* The link in the folder of the portal that found @rec; NULL if no portal found it. -ENOMEM. */
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

/* The link that a record needs, or NULL, and the path it takes if that folder is missing. -errno. */
static int choose_link(struct iscsi_db *db, const struct links *links, const char *found,
		       const struct iscsi_db_record *rec, const char **ret,
		       const char **otherwise)
{
	const char *type = iscsi_db_record_get(rec, "node.discovery_type");
	int flat;

	*ret = streq(type, "static") ? links->in_static :
	       streq(type, "fw") ? links->in_fw : found;
	*otherwise = NULL;
	if (!streq(type, "isns"))
		return 0;
	flat = found ? folder_entry_type(db, links->in_isns) : S_IFLNK;
	if (flat < 0 && !folder_is_nowhere(flat))
		return flat;
	if (flat == S_IFLNK)
		*ret = links->in_isns;
	else
		*otherwise = links->in_isns;
	return 0;
}

int node_fix_type(struct iscsi_db *db, const struct node_id *id, struct iscsi_db_record *rec)
{
	struct links links;
	int r = 0;

	if (rec->has_type && !streq(iscsi_db_record_get(rec, "node.discovery_type"), "fw"))
		return 0;
	if (!*id->tpgt)
		return 0;
	if (links_init(&links, id) < 0)
		r = -ENOMEM;
	else if (folder_entry_type(db, links.in_fw) == S_IFLNK)
		r = record_put(rec, "node.discovery_type", "fw");
	else if (folder_entry_type(db, links.in_static) == S_IFLNK)
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

/* Does the same for a record that can't be read, whose link may be in the folder of any portal. */
static int unlink_anywhere(struct iscsi_db *db, struct stage_op *op, const struct links *links,
			   const char *keep, const char *otherwise)
{
	static const char *const folders[] = { "send_targets", "isns" };
	int r = unlink_old(op, links, NULL, keep, otherwise);

	for (size_t f = 0; f < ARRAY_SIZE(folders) && !r; f++) {
		struct names portals;

		r = names_read(db, folders[f], &portals);
		if (folder_is_nowhere(r))
			r = 0;
		for (size_t i = 0; i < portals.count && !r; i++) {
			CLEANUP(freep) char *path = db_concat(folders[f], "/", portals.name[i],
							      "/", links->name, NULL);

			if (!path)
				r = -ENOMEM;
			else if (folder_entry_type(db, path) == S_IFLNK && !(keep && streq(path, keep)))
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

	/* The walk has filled in the type of a record without one, so the file is read again. */
	if (!db_is_here(db, path) || !old->has_type)
		err = record_file_read(db, ISCSI_DB_NODE, -1, path, NULL, NULL, &loaded, NULL);
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
		return node_no_memory(why);
	if (r < 0)
		return iscsi_fail(why, ISCSI_ERR_IDBM, "cannot look for links to %s/%s: %s",
				  db->root, path, db_strerror(r));
	return ISCSI_SUCCESS;
}

/* ---- write and delete ---------------------------------------------------------------- */

/* Stages the removal of the plain file that an old version kept the record in. */
static enum iscsi_err replace_single(struct iscsi_db *db, struct stage_op *op,
				     const struct node_id *id, const char *path,
				     struct iscsi_why *why)
{
	CLEANUP(iscsi_db_record_freep) struct iscsi_db_record *old = NULL;
	CLEANUP(freep) char *single = single_path(id);
	const char *iface;
	enum iscsi_err err;
	int type;

	if (!single)
		return node_no_memory(why);
	if (db_is_here(db, path) && !names_have(db->here.portals, db_base_name(single)))
		return ISCSI_SUCCESS;
	type = folder_entry_type(db, single);
	if (type < 0 && !folder_is_nowhere(type))
		return folder_failed(db, "look at", single, type, why);
	if (type != S_IFREG)
		return ISCSI_SUCCESS;
	err = record_file_read(db, ISCSI_DB_NODE, -1, single, NULL, NULL, &old, why);
	if (err == ISCSI_ERR_NOMEM)
		return err;
	/* An unreadable single-file record counts as interface "default", as in walk.c. */
	iface = err ? UNREADABLE_IFACE : iscsi_db_record_get(old, "iface.iscsi_ifacename");
	if (!streq(iface, id->iface))
		return ISCSI_SUCCESS;
	return stage_set_old_file(op, single) < 0 ? node_no_memory(why) : ISCSI_SUCCESS;
}

static enum iscsi_err stage_node(struct iscsi_db *db, const struct node_id *id,
				 const struct iscsi_db_record *rec, struct iscsi_why *why)
{
	CLEANUP(freep) char *path = node_path(id), *text = NULL, *found = NULL;
	CLEANUP(links_done) struct links links = { 0 };
	const char *link, *otherwise;
	struct stage_op *op;
	enum iscsi_err err;
	int r;

	if (!path)
		return node_no_memory(why);
	err = stage_write(db, path, rec, &op, why);
	if (err || !*id->tpgt)
		return err;
	text = db_join(db->root, path);
	if (!text || links_init(&links, id) < 0 || found_link(&links, rec, &found) < 0)
		return node_no_memory(why);
	*strrchr(text, '/') = '\0';	/* a link leads to the folder of the portal */
	r = choose_link(db, &links, found, rec, &link, &otherwise);
	if (r < 0)
		return folder_failed(db, "look at", links.in_isns, r, why);
	/* No file can have so long a name; the node works without its link. */
	if (link && strlen(links.name) > NAME_MAX)
		link = otherwise = NULL;
	if (link && stage_set_link(op, link, otherwise, text) < 0)
		return node_no_memory(why);
	err = stage_unlinks(db, op, &links, path, link, otherwise, why);
	return err ?: replace_single(db, op, id, path, why);
}

enum iscsi_err iscsi_db_node_write(struct iscsi_db *db, const struct iscsi_db_record *rec,
				   struct iscsi_why *why)
{
	size_t staged = db->stage.count;
	struct node_id id;
	enum iscsi_err err = node_id_of(rec, &id, why);

	if (err)
		return err;
	err = stage_node(db, &id, rec, why);
	if (!err && rec->place) {	/* from now on the path says what the text says */
		node_id_from_path(rec->place, &id);
		err = node_delete_id(db, &id, why);
	}
	if (err)
		stage_cut_back(db, staged);
	return err;
}

/*
 * The path of a node's record -> @path, which the caller frees. Returns the type of what lies
 * there, 0 for nothing, or -errno.
 */
static int locate(struct iscsi_db *db, const struct node_id *id, char **path)
{
	CLEANUP(freep) char *portal = NULL;
	int type;

	*path = node_path(id);
	if (*path && db_is_here(db, *path))	/* the walk has read it */
		return S_IFREG;
	portal = portal_path(id);
	if (!*path || !portal)
		return -ENOMEM;
	type = folder_entry_type(db, portal);
	if (folder_is_nowhere(type))
		return 0;
	if (type == S_IFDIR)
		return *id->tpgt ? folder_entry_type(db, *path) : 0;
	if (type > 0)	/* the old layout, or something where a folder belongs */
		strcpy(*path, portal);
	return type;
}

enum iscsi_err node_delete_id(struct iscsi_db *db, const struct node_id *id,
			      struct iscsi_why *why)
{
	CLEANUP(links_done) struct links links = { 0 };
	CLEANUP(freep) char *path = NULL;
	size_t staged = db->stage.count;
	struct stage_op *op;
	enum iscsi_err err;
	int type = locate(db, id, &path);

	if (type == -ENOMEM)
		return node_no_memory(why);
	if (type < 0)
		return folder_failed(db, "look at", path, type, why);
	if (!type)
		return iscsi_fail(why, ISCSI_ERR_NO_OBJS_FOUND, "%s/%s isn't there", db->root,
				  path);
	err = stage_delete(db, path, &op, why);
	if (err || !*id->tpgt)
		return err;
	if (links_init(&links, id) < 0)
		err = node_no_memory(why);
	else
		err = stage_unlinks(db, op, &links, path, NULL, NULL, why);
	if (err)
		stage_cut_back(db, staged);
	return err;
}

enum iscsi_err iscsi_db_node_delete(struct iscsi_db *db, const struct iscsi_db_record *rec,
				    struct iscsi_why *why)
{
	struct node_id id;
	enum iscsi_err err = node_id_of(rec, &id, why);

	if (rec->place)
		node_id_from_path(rec->place, &id);
	return err ?: node_delete_id(db, &id, why);
}
