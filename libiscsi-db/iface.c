/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Interface records: ifaces/NAME. The interfaces "default" and "iser" are built in and have no
 * file.
 */
#include "libiscsi-db/db.h"
#include "libiscsi-db/err.h"
#include "libiscsi-db/folder.h"
#include "libiscsi-db/path.h"
#include "libiscsi-db/record.h"
#include "libiscsi-db/record_file.h"
#include "libiscsi-db/stage.h"

#define EXAMPLE		"iface.example"	/* documentation, not a record */

static enum iscsi_err iface_no_memory(struct iscsi_why *why)
{
	return iscsi_fail(why, ISCSI_ERR_NOMEM, "no memory for an interface record");
}

static const struct {
	const char *name, *transport;
} builtin_iface[] = { { "default", "tcp" }, { "iser", "iser" } };

static const char *builtin_transport(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(builtin_iface); i++) {
		if (streq(builtin_iface[i].name, name))
			return builtin_iface[i].transport;
	}
	return NULL;
}

static enum iscsi_err builtin_read(const char *name, const char *transport,
				   struct iscsi_db_record **ret, struct iscsi_why *why)
{
	CLEANUP(iscsi_db_record_freep) struct iscsi_db_record *rec = NULL;

	if (iscsi_db_record_new(ISCSI_DB_IFACE, &rec) != ISCSI_SUCCESS ||
	    record_put(rec, "iface.iscsi_ifacename", name) < 0 ||
	    record_put(rec, "iface.transport_name", transport) < 0)
		return iface_no_memory(why);
	*ret = rec;
	rec = NULL;
	return ISCSI_SUCCESS;
}

/* The path of a record, once the name has passed its gate. */
static enum iscsi_err iface_path(const char *name, char **ret, struct iscsi_why *why)
{
	enum iscsi_err err = iscsi_db_check_iface_name(name, why);

	if (err)
		return err;
	*ret = db_join("ifaces", name);
	return *ret ? ISCSI_SUCCESS : iface_no_memory(why);
}

static enum iscsi_err iface_load(struct iscsi_db *db, const char *name, iscsi_db_warn_fn *fn,
				 void *arg, struct iscsi_db_record **ret, struct iscsi_why *why)
{
	CLEANUP(freep) char *path = NULL;
	const char *says;
	enum iscsi_err err = iface_path(name, &path, why);

	if (err)
		return err;
	err = record_file_read(db, ISCSI_DB_IFACE, -1, path, fn, arg, ret, why);
	if (err)
		return err;
	/* A record without its name, which reads as "default", was written by hand. */
	says = iscsi_db_record_get(*ret, "iface.iscsi_ifacename");
	if (!streq(says, "default") && !streq(says, name))
		err = iscsi_fail(why, ISCSI_ERR_INVAL,
				 "%s/%s is left out: it is a copy of the record of interface '%s'",
				 db->root, path, says);
	else if (record_put(*ret, "iface.iscsi_ifacename", name) < 0)
		err = iface_no_memory(why);
	if (err)
		*ret = iscsi_db_record_free(*ret);
	return err;
}

enum iscsi_err iscsi_db_iface_read(struct iscsi_db *db, const char *name,
				   struct iscsi_db_record **ret, struct iscsi_why *why)
{
	const char *transport = builtin_transport(name);
	enum iscsi_err err;

	if (transport)
		return builtin_read(name, transport, ret, why);
	err = iface_load(db, name, NULL, NULL, ret, why);
	if (err == ISCSI_ERR_NO_OBJS_FOUND)
		return iscsi_fail(why, err, "there is no interface record %s in %s/ifaces", name,
				  db->root);
	return err;
}

enum iscsi_err iscsi_db_iface_each(struct iscsi_db *db, iscsi_db_warn_fn *warn_fn, void *warn_arg,
				   iscsi_db_record_fn *fn, void *arg, struct iscsi_why *why)
{
	struct db_warn warn = { .fn = warn_fn, .arg = warn_arg };
	enum iscsi_err err = ISCSI_SUCCESS;
	struct names names;
	int r = names_read(db, "ifaces", &names);

	if (r < 0)
		return folder_failed(db, "list", "ifaces", r, why);
	for (size_t i = 0; i < names.count && !err; i++) {
		CLEANUP(iscsi_db_record_freep) struct iscsi_db_record *rec = NULL;
		const char *name = names.name[i];
		struct iscsi_why reason;

		if (streq(name, EXAMPLE) || streq(name, STAGE_ACROSS))
			continue;
		if (builtin_transport(name)) {
			db_warn(&warn, "%s/ifaces/%s is left out: that name is built in",
				db->root, name);
			continue;
		}
		if (iscsi_db_check_iface_name(name, &reason) != ISCSI_SUCCESS)
			err = ISCSI_ERR_IDBM;
		else
			err = iface_load(db, name, warn_fn, warn_arg, &rec, &reason);
		err = err ? record_file_skip(db, &warn, err, &reason, why) : fn(arg, rec);
	}
	names_done(&names);
	return err;
}

enum iscsi_err iscsi_db_iface_write(struct iscsi_db *db, const struct iscsi_db_record *rec,
				    struct iscsi_why *why)
{
	const char *name = iscsi_db_record_get(rec, "iface.iscsi_ifacename");
	CLEANUP(freep) char *path = NULL;
	struct stage_op *op;
	enum iscsi_err err;

	if (rec->kind != ISCSI_DB_IFACE)
		return iscsi_fail(why, ISCSI_ERR_INTERNAL, "not the record of an interface");
	if (builtin_transport(name))
		return iscsi_fail(why, ISCSI_ERR_INVAL,
				  "iface %s is a special interface and is not stored in %s/ifaces.",
				  name, db->root);
	if (streq(name, EXAMPLE))
		return iscsi_fail(why, ISCSI_ERR_INVAL,
				  "%s/ifaces/%s is documentation: choose another name", db->root,
				  name);
	err = iface_path(name, &path, why);
	return err ?: stage_write(db, path, rec, &op, why);
}

enum iscsi_err iscsi_db_iface_delete(struct iscsi_db *db, const char *name, struct iscsi_why *why)
{
	CLEANUP(freep) char *path = NULL;
	struct stage_op *op;
	enum iscsi_err err;
	int type;

	if (builtin_transport(name))
		return iscsi_fail(why, ISCSI_ERR_INVAL,
				  "iface %s is a special interface and cannot be deleted.", name);
	err = iface_path(name, &path, why);
	if (err)
		return err;
	type = folder_entry_type(db, path);
	if (type < 0)
		return folder_failed(db, "look at", path, type, why);
	if (!type)
		return iscsi_fail(why, ISCSI_ERR_NO_OBJS_FOUND,
				  "there is no interface record %s in %s/ifaces", name, db->root);
	return stage_delete(db, path, &op, why);
}
