/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Folders below the root of the database, and the names in them. */
#pragma once

#include "libiscsi-db/iscsi-db.h"

/* The root's descriptor, or -errno. A root that was missing is looked for again. */
int folder_root(struct iscsi_db *db);
/* Opens a folder below the root for reading; -errno. */
int folder_open(struct iscsi_db *db, const char *path);
/*
 * True if an error says that no record can be at a path: a part of the path is missing, isn't a
 * folder, leads out of the database, or has a name that no file can have.
 */
bool folder_is_nowhere(int err);
/* True if an error says that this process lacks memory or descriptors. */
bool folder_is_shortage(int err);
/* The type of what lies at @path (S_IFREG, ...), 0 for nothing, -errno. */
int folder_entry_type(struct iscsi_db *db, const char *path);
/* "cannot @what PATH", because of @r: ISCSI_ERR_NOMEM for a shortage, else ISCSI_ERR_IDBM. */
enum iscsi_err folder_failed(const struct iscsi_db *db, const char *what, const char *path, int r,
			     struct iscsi_why *why);

struct names {
	char **name;
	size_t count;
};

/* The entries of a folder below the root in byte order; a missing folder has none. -errno. */
int names_read(struct iscsi_db *db, const char *path, struct names *ret);
/* The entries of an open folder in byte order. -errno. */
int names_read_fd(struct iscsi_db *db, int fd, struct names *ret);
int names_add(struct names *names, const char *name);
/* Puts the names in byte order. */
void names_sort(struct names *names);
/* Whether the names, which are in byte order, have @name. */
bool names_have(const struct names *names, const char *name);
void names_done(struct names *names);
