/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Opening and closing a database, and which folder is its root. */
#include "libiscsi-db/store.h"

#include <dirent.h>
#include <errno.h>

#include "libiscsi-db/db.h"
#include "libiscsi-db/err.h"
#include "libiscsi-db/folder.h"
#include "libiscsi-db/lock.h"
#include "libiscsi-db/os.h"
#include "libiscsi-db/path.h"
#include "libiscsi-db/stage.h"

#define HISTORIC_ROOT	"/etc/iscsi"
#define PATIENCE_MS	100

/* True if the folder of @root has an entry other than the example that packages leave there. */
static bool has_entry(const char *root, const char *folder)
{
	CLEANUP(freep) char *path = db_join(root, folder);
	DIR *dir = path ? opendir(path) : NULL;
	struct dirent *entry;
	bool found = false;

	while (dir && !found && (entry = readdir(dir)))
		found = entry->d_name[0] != '.' && !streq(entry->d_name, "iface.example");
	if (dir)
		(void)closedir(dir);
	return found;
}

static bool has_records(const char *root)
{
	return has_entry(root, "nodes") || has_entry(root, "send_targets") ||
	       has_entry(root, "isns") || has_entry(root, "ifaces");
}

const char *store_choose_root(const char *configured, const char *historic, const char **unused)
{
	*unused = NULL;
	if (!has_records(historic) || streq(configured, historic))
		return configured;
	if (!has_records(configured))
		return historic;
	*unused = historic;
	return configured;
}

/* Makes @root absolute, since links hold absolute paths, and removes slashes at its end. */
static char *absolute_root(const char *root)
{
	CLEANUP(freep) char *cwd = NULL;
	size_t len = strlen(root);

	while (len > 1 && root[len - 1] == '/')
		len--;
	if (root[0] == '/')
		return db_format("%.*s", (int)len, root);
	cwd = get_current_dir_name();
	return cwd ? db_format("%s/%.*s", cwd, (int)len, root) : NULL;
}

enum iscsi_err db_open_os(const char *root, const struct db_os *os, struct iscsi_db **ret,
			  struct iscsi_why *why)
{
	CLEANUP(iscsi_db_closep) struct iscsi_db *db = calloc(1, sizeof(*db));
	int r;

	if (!db)
		return iscsi_fail(why, ISCSI_ERR_NOMEM, "no memory to open the database");
	db->os = os;
	db->patience_ms = PATIENCE_MS;
	db->root_fd = db->lock.dir = db->lock.fd = db->stage.fd = -1;
	if (!root)
		root = secure_getenv("ISCSI_DB_ROOT");
	if (!root || !*root)
		root = store_choose_root(ISCSI_DB_ROOT, HISTORIC_ROOT, &db->unused_root);
	db->root = absolute_root(root);
	if (!db->root)
		return iscsi_fail(why, ISCSI_ERR_NOMEM, "no memory to open the database");
	r = folder_root(db);
	if (r < 0 && r != -ENOENT)
		return iscsi_fail(why, ISCSI_ERR_IDBM, "cannot open the database %s: %s",
				  db->root, db_strerror(r));
	*ret = db;
	db = NULL;
	return ISCSI_SUCCESS;
}

enum iscsi_err iscsi_db_open(const char *root, struct iscsi_db **ret, struct iscsi_why *why)
{
	return db_open_os(root, &db_os_real, ret, why);
}

struct iscsi_db *iscsi_db_close(struct iscsi_db *db)
{
	if (!db)
		return NULL;
	stage_drop(db);
	lock_drop(db);
	closep(&db->root_fd);
	free(db->root);
	free(db);
	return NULL;
}

const char *iscsi_db_root(const struct iscsi_db *db)
{
	return db->root;
}

void iscsi_db_observe(struct iscsi_db *db, const struct iscsi_db_observer *observer)
{
	db->observer = *observer;
}
