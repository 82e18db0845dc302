/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The inside of an open database. Each file of the library that works on one reads it; what the
 * parts are for is said in the headers of the files named here.
 */
#ifndef ISCSI_DB_DB_H
#define ISCSI_DB_DB_H

#include <string.h>
#include <sys/stat.h>

#include "libiscsi-db/iscsi-db.h"
#include "libiscsi-db/os.h"

struct iscsi_db_record;
struct names;
struct stage_op;

struct db_stage {
	int fd;				/* the private folder; -1: not made yet */
	unsigned int next_name;
	struct stage_op **ops;
	size_t count, room;
};

struct db_lock {
	int dir;			/* -1: not held */
	int fd;
	unsigned int depth;
	struct stat owner;		/* the file that is our lock.write */
	int64_t look_at_ms;		/* when to look for foreign programs again */
};

/*
 * The record that a walk with the lock held has come to: nobody changes what the walk has seen
 * there, so that a change of this record needs no second look at it.
 */
struct db_here {
	const char *path;		/* below the root; NULL: no walk, or without the lock */
	const struct iscsi_db_record *rec;
	const struct names *portals;	/* the entries of the target's folder */
};

struct iscsi_db {
	const struct db_os *os;
	char *root;
	int root_fd;			/* -1: the root doesn't exist (yet) */
	const char *unused_root;	/* which has records too, until a walk has told */
	unsigned int patience_ms;	/* left for records that others are rewriting */
	struct db_lock lock;
	struct db_stage stage;
	struct db_here here;
	unsigned int generation;	/* grows when what a walk has seen may have changed */
	struct iscsi_db_observer observer;
};

/* True if a walk is at the record @path; see struct db_here. */
static inline bool db_is_here(const struct iscsi_db *db, const char *path)
{
	return db->here.path && strcmp(db->here.path, path) == 0;
}

/* What walks have seen may change from now on: by a commit, or as the lock is given back. */
static inline void db_forget_here(struct iscsi_db *db)
{
	db->here = (struct db_here){ 0 };
	db->generation++;
}

#endif /* ISCSI_DB_DB_H */
