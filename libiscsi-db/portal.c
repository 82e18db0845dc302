/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Discovery records. Each portal has a folder with its record and with links to the nodes that
 * were found there. Old versions kept a plain file in the place of the folder; that is read, and
 * replaced by a folder when the record is written.
 */
#include <limits.h>

#include "libiscsi-db/db.h"
#include "libiscsi-db/err.h"
#include "libiscsi-db/folder.h"
#include "libiscsi-db/node.h"
#include "libiscsi-db/path.h"
#include "libiscsi-db/record.h"
#include "libiscsi-db/record_file.h"
#include "libiscsi-db/setting.h"
#include "libiscsi-db/stage.h"

static const struct {
	const char *folder, *file;
} layout[DB_KINDS] = {
	[ISCSI_DB_SENDTARGETS] = { "send_targets", "st_config" },
	[ISCSI_DB_ISNS] = { "isns", "isns_config" },
};

static enum iscsi_err check_kind(enum iscsi_db_kind kind, struct iscsi_why *why)
{
	return kind == ISCSI_DB_SENDTARGETS || kind == ISCSI_DB_ISNS ? ISCSI_SUCCESS :
	       iscsi_fail(why, ISCSI_ERR_INTERNAL, "not a kind of discovery record");
}

static enum iscsi_err no_memory(struct iscsi_why *why)
{
	return iscsi_fail(why, ISCSI_ERR_NOMEM, "no memory for a discovery record");
}

/* Makes the record read from "ADDRESS,PORT" name that portal. */
static enum iscsi_err portal_fix_identity(struct iscsi_db_record *rec, const char *address,
					  const char *port, const char *root, const char *origin,
					  const struct db_warn *warn)
{
	const char *type = rec->kind == ISCSI_DB_ISNS ? "isns" : "sendtargets";
	bool fixed = false;

	if (record_fix(rec, "discovery.type", type, &fixed) < 0 ||
	    record_fix(rec, "discovery.sendtargets.address", address, &fixed) < 0 ||
	    record_fix(rec, "discovery.sendtargets.port", port, &fixed) < 0)
		return ISCSI_ERR_NOMEM;
	if (fixed)
		db_warn(warn, "%s/%s says it is another portal; its path counts", root, origin);
	return ISCSI_SUCCESS;
}

static enum iscsi_err load_portal(struct iscsi_db *db, enum iscsi_db_kind kind, const char *address,
			   const char *port, iscsi_db_warn_fn *fn, void *arg,
			   struct iscsi_db_record **ret, struct iscsi_why *why)
{
	CLEANUP(iscsi_db_record_freep) struct iscsi_db_record *rec = NULL;
	CLEANUP(freep) char *folder = db_concat(layout[kind].folder, "/", address, ",", port,
						NULL);
	CLEANUP(freep) char *path = NULL;
	struct db_warn warn = { .fn = fn, .arg = arg };
	enum iscsi_err err;
	int type;

	if (!folder)
		return no_memory(why);
	type = folder_entry_type(db, folder);
	if (type < 0 && !folder_is_nowhere(type))
		return folder_failed(db, "look at", folder, type, why);
	path = type > 0 && type != S_IFDIR ? strdup(folder) : db_join(folder, layout[kind].file);
	if (!path)
		return no_memory(why);
	err = record_file_read(db, kind, -1, path, fn, arg, &rec, why);
	if (!err && portal_fix_identity(rec, address, port, db->root, path, &warn) != ISCSI_SUCCESS)
		err = no_memory(why);
	if (err)
		return err;
	*ret = rec;
	rec = NULL;
	return ISCSI_SUCCESS;
}

enum iscsi_err iscsi_db_discovery_read(struct iscsi_db *db, enum iscsi_db_kind kind,
				       const char *address, int port,
				       struct iscsi_db_record **ret, struct iscsi_why *why)
{
	enum iscsi_err err = check_kind(kind, why) ?: iscsi_db_check_address(address, why);
	char port_text[12];

	if (err)
		return err;
	(void)snprintf(port_text, sizeof(port_text), "%d", port);
	err = load_portal(db, kind, address, port_text, NULL, NULL, ret, why);
	if (err == ISCSI_ERR_NO_OBJS_FOUND)
		return iscsi_fail(why, err, "there is no discovery record for %s,%d in %s/%s",
				  address, port, db->root, layout[kind].folder);
	return err;
}

enum iscsi_err iscsi_db_discovery_each(struct iscsi_db *db, enum iscsi_db_kind kind,
				       iscsi_db_warn_fn *warn_fn, void *warn_arg,
				       iscsi_db_record_fn *fn, void *arg, struct iscsi_why *why)
{
	struct db_warn warn = { .fn = warn_fn, .arg = warn_arg };
	enum iscsi_err err = check_kind(kind, why);
	struct names names;
	int r;

	if (err)
		return err;
	r = names_read(db, layout[kind].folder, &names);
	if (r < 0)
		return folder_failed(db, "list", layout[kind].folder, r, why);
	for (size_t i = 0; i < names.count && !err; i++) {
		CLEANUP(iscsi_db_record_freep) struct iscsi_db_record *rec = NULL;
		struct iscsi_why reason;
		struct node_id id;

		/* Old versions put the links of iSNS discoveries among the servers. */
		if (node_id_from_link(names.name[i], &id))
			continue;
		if (!portal_name_parse(names.name[i], &id) || *id.tpgt) {
			db_warn(&warn, "%s/%s/%s is left out: not the name of a portal", db->root,
				layout[kind].folder, names.name[i]);
			continue;
		}
		err = load_portal(db, kind, id.address, id.port, warn_fn, warn_arg, &rec, &reason);
		err = err ? record_file_skip(db, &warn, err, &reason, why) : fn(arg, rec);
	}
	names_done(&names);
	return err;
}

enum iscsi_err iscsi_db_discovery_write(struct iscsi_db *db, const struct iscsi_db_record *rec,
					struct iscsi_why *why)
{
	CLEANUP(freep) char *path = NULL;
	struct stage_op *op;
	const char *address;
	enum iscsi_err err = check_kind(rec->kind, why);
	int port;

	if (err)
		return err;
	address = iscsi_db_record_get(rec, "discovery.sendtargets.address");
	port = iscsi_db_record_get_int(rec, "discovery.sendtargets.port");
	err = iscsi_db_check_address(address, why);
	if (err)
		return err;
	if (strlen(address) + sizeof(",65535") - 1 > NAME_MAX)
		return iscsi_fail(why, ISCSI_ERR_INVAL,
				  "the portal '%s' is too long to be stored", address);
	path = db_format("%s/%s,%d/%s", layout[rec->kind].folder, address, port,
			 layout[rec->kind].file);
	if (!path)
		return no_memory(why);
	return stage_write(db, path, rec, &op, why);
}

/* Stages the removal of the nodes that a portal's folder links to, and of the links. */
static enum iscsi_err delete_links(struct iscsi_db *db, const char *folder, const char *file,
				   struct stage_op *op, struct iscsi_why *why)
{
	enum iscsi_err err = ISCSI_SUCCESS;
	struct names names;
	int r = names_read(db, folder, &names);

	if (r < 0)
		return folder_failed(db, "list", folder, r, why);
	for (size_t i = 0; i < names.count && !err; i++) {
		CLEANUP(freep) char *link = db_join(folder, names.name[i]);
		struct node_id id;
		int type;

		if (!link) {
			err = no_memory(why);
			break;
		}
		if (streq(names.name[i], file))
			continue;
		type = folder_entry_type(db, link);
		if (type != S_IFLNK)
			continue;
		if (node_id_from_link(names.name[i], &id))
			err = node_delete_id(db, &id, why);
		if (err == ISCSI_ERR_NO_OBJS_FOUND)	/* the node went long ago */
			err = ISCSI_SUCCESS;
		if (!err && stage_add_unlink(op, link) < 0)
			err = no_memory(why);
	}
	names_done(&names);
	return err;
}

enum iscsi_err iscsi_db_discovery_delete(struct iscsi_db *db, enum iscsi_db_kind kind,
					 const char *address, int port, struct iscsi_why *why)
{
	CLEANUP(freep) char *folder = NULL, *path = NULL;
	size_t staged = db->stage.count;
	struct stage_op *op;
	enum iscsi_err err = check_kind(kind, why) ?: iscsi_db_check_address(address, why);
	int type;

	if (err)
		return err;
	folder = db_format("%s/%s,%d", layout[kind].folder, address, port);
	if (!folder)
		return no_memory(why);
	type = folder_entry_type(db, folder);
	if (type < 0)
		return folder_failed(db, "look at", folder, type, why);
	if (!type)
		return iscsi_fail(why, ISCSI_ERR_NO_OBJS_FOUND,
				  "there is no discovery record for %s,%d in %s/%s", address, port,
				  db->root, layout[kind].folder);
	path = type == S_IFDIR ? db_format("%s/%s", folder, layout[kind].file) : strdup(folder);
	if (!path)
		return no_memory(why);
	err = stage_delete(db, path, &op, why);
	if (err)
		return err;
	/* A plain file of the old layout has no links beside it. */
	if (type == S_IFDIR)
		err = delete_links(db, folder, layout[kind].file, op, why);
	if (err)
		stage_cut_back(db, staged);
	return err;
}
