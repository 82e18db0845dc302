/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Changes before anybody sees them; commit.c brings them into place. */
#pragma once

#include "libiscsi-db/folder.h"
#include "libiscsi-db/iscsi-db.h"
#include "libiscsi-db/os.h"

/* The private folder, in the root; it is there while anything is staged. */
#define STAGE_FOLDER	".iscsi-db"

struct stage_op {
	char *path;			/* of the record, below the root */
	size_t seq;
	bool remove;
	bool there;			/* a walk has seen the record, so it and its folder exist */
	bool failed;			/* the record stays as it was */
	char *tmp;			/* the name of the new text in the private folder */
	bool placed;			/* tmp has been moved to its place */
	bool folder;			/* tmp is a folder, which takes the place of a file */
	char *link, *otherwise, *text;
	enum {
		LINK_TO_COME,		/* the folder for the link is missing so far */
		LINK_RIGHT,		/* the right link is in its place */
		LINK_MADE,		/* the link waits in the private folder; see stage_link_name() */
	} link_state;
	char *old_file;			/* a file of the old layout, which the new record replaces */
	struct names unlinks;
};

/* Stages @rec as the file @path; *ret may then be given links. */
enum iscsi_err stage_write(struct iscsi_db *db, const char *path,
			   const struct iscsi_db_record *rec, struct stage_op **ret,
			   struct iscsi_why *why);
/* Stages the removal of @path and of the folders that it leaves empty. */
enum iscsi_err stage_delete(struct iscsi_db *db, const char *path, struct stage_op **ret,
			    struct iscsi_why *why);
/*
 * Adds a symbolic link to a staged write. If the folder of @path is missing at the commit, the link
 * becomes @otherwise; if that is NULL or its folder is missing too, no link is made. -ENOMEM.
 */
int stage_set_link(struct stage_op *op, const char *path, const char *otherwise,
		   const char *text);
/* Names a file of the old layout, which is removed once the new record is in place. -ENOMEM. */
int stage_set_old_file(struct stage_op *op, const char *path);
/* Names a link that the old record has or may have, and that the change removes. -ENOMEM. */
int stage_add_unlink(struct stage_op *op, const char *path);
/* Forgets what was staged after the first @count (db->stage.count) changes. */
void stage_cut_back(struct iscsi_db *db, size_t count);
/* Forgets all that is staged. */
void stage_drop(struct iscsi_db *db);

/* ---- for commit.c ------------------------------------------------------------------- */

/*
 * The name of a record or link while it is copied into a folder on another file system. Walks skip
 * this name.
 */
#define STAGE_ACROSS	".iscsi-db.tmp"

/* Writes the new file @name in the open folder @dir. -errno. */
int stage_write_file(const struct db_os *os, int dir, const char *name, const char *text);
/* ISCSI_ERR_INTERNAL unless the lock is held. */
enum iscsi_err stage_check_lock(const struct iscsi_db *db, struct iscsi_why *why);
/* db_strerror(), but -EBUSY is said to be another program's change. */
const char *stage_strerror(int err);
/* Removes what a dead process left in the private folder. -errno. */
int stage_sweep(struct iscsi_db *db);
/* The name of the link in the private folder -> @ret. */
void stage_link_name(const struct stage_op *op, char ret[16]);
/* Removes what the change has left in the private folder, and frees it. */
void stage_op_free(struct iscsi_db *db, struct stage_op *op);
