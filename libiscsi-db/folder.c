/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Folders below the root of the database: opening and listing them, and what lies at a path.
 * Nothing here changes the database.
 */
#include "libiscsi-db/folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>

#include "libiscsi-db/db.h"
#include "libiscsi-db/err.h"
#include "libiscsi-db/path.h"

int folder_root(struct iscsi_db *db)
{
	if (db->root_fd < 0) {
		db->root_fd = open(db->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (db->root_fd < 0)
			return -errno;
	}
	return db->root_fd;
}

int folder_open(struct iscsi_db *db, const char *path)
{
	int root = folder_root(db);

	return root < 0 ? root : db->os->open(root, path, O_RDONLY | O_DIRECTORY);
}

bool folder_is_nowhere(int err)
{
	return err == -ENOENT || err == -ENOTDIR || err == -EXDEV || err == -ELOOP ||
	       err == -ENAMETOOLONG;
}

bool folder_is_shortage(int err)
{
	return err == -ENOMEM || err == -EMFILE || err == -ENFILE;
}

int folder_entry_type(struct iscsi_db *db, const char *path)
{
	CLEANUP(freep) char *parent = db_parent_name(path);
	struct stat st;
	int dir, r;

	if (!parent)
		return -ENOMEM;
	dir = folder_open(db, parent);
	if (dir < 0)
		return dir == -ENOENT || dir == -ENOTDIR ? 0 : dir;
	r = db->os->stat(dir, db_base_name(path), &st);
	(void)db->os->close(dir);
	if (r == -ENOENT)
		return 0;
	return r < 0 ? r : (int)(st.st_mode & S_IFMT);
}

enum iscsi_err folder_failed(const struct iscsi_db *db, const char *what, const char *path, int r,
			     struct iscsi_why *why)
{
	return iscsi_fail(why, folder_is_shortage(r) ? ISCSI_ERR_NOMEM : ISCSI_ERR_IDBM,
			  "cannot %s %s/%s: %s", what, db->root, path, db_strerror(r));
}

/* ---- the names in a folder ----------------------------------------------------------- */

int names_add(struct names *names, const char *name)
{
	char *copy = strdup(name), **added = copy ? ARRAY_ADD(names->name, names->count) : NULL;

	if (!added) {
		free(copy);
		return -ENOMEM;
	}
	*added = copy;
	return 0;
}

void names_done(struct names *names)
{
	for (size_t i = 0; i < names->count; i++)
		free(names->name[i]);
	free(names->name);
	*names = (struct names){ 0 };
}

static int names_compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void names_sort(struct names *names)
{
	if (names->count)
		qsort(names->name, names->count, sizeof(names->name[0]), names_compare);
}

bool names_have(const struct names *names, const char *name)
{
	return names->count && bsearch(&name, names->name, names->count, sizeof(names->name[0]),
				       names_compare);
}

int names_read_fd(struct iscsi_db *db, int fd, struct names *ret)
{
	char buf[32 * 1024] __attribute__((aligned(8)));
	ssize_t n;
	int r = 0;

	*ret = (struct names){ 0 };
	while (!r && (n = db->os->getdents(fd, buf, sizeof(buf))) != 0) {
		if (n < 0)
			r = (int)n;
		for (ssize_t at = 0; !r && at < n;) {
			const struct dirent64 *entry = (const void *)(buf + at);

			if (!streq(entry->d_name, ".") && !streq(entry->d_name, ".."))
				r = names_add(ret, entry->d_name);
			at += entry->d_reclen;
		}
	}
	if (r < 0)
		names_done(ret);
	else
		names_sort(ret);
	return r;
}

int names_read(struct iscsi_db *db, const char *path, struct names *ret)
{
	int fd = folder_open(db, path), r;

	*ret = (struct names){ 0 };
	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	r = names_read_fd(db, fd, ret);
	(void)db->os->close(fd);
	return r;
}
