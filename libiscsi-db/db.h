/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The inside of an open database, for the files of the library that work on it. The lock belongs to
 * lock.c, the staged changes to stage.c and commit.c, the place of a walk to walk.c.
 */
#pragma once

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
	size_t count;
};

struct db_lock {
	int dir;			/* -1: not held */
	int fd;
	unsigned int depth;
	struct stat owner;		/* the file that lock.write is our link to */
	int64_t look_at_ms;		/* when to search /proc for other programs again */
};

/*
 * The record that a walk with the lock held has come to. No other program changes that record or
 * its folder now, so a change of the record needs no second look at them.
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
	const char *unused_root;	/* a second root with records; NULL once a walk has told */
	unsigned int patience_ms;	/* left to wait for records that are being rewritten */
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

/* A commit or another owner of the lock may change what walks have seen so far. */
static inline void db_forget_here(struct iscsi_db *db)
{
	db->here = (struct db_here){ 0 };
	db->generation++;
}
