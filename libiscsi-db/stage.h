/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Changes before anybody sees them; commit.c brings them into place. */
#ifndef ISCSI_DB_STAGE_H
#define ISCSI_DB_STAGE_H

#include "libiscsi-db/folder.h"
#include "libiscsi-db/iscsi-db.h"
#include "libiscsi-db/os.h"

/* The private folder, in the root; it is there while anything is staged. */
#define STAGE_FOLDER	".iscsi-db"

struct stage_op {
	char *path;			/* of the record, below the root */
	size_t seq;
	bool remove;
	bool there;			/* the record exists, and so does its folder */
	bool failed;			/* it stays as it was */
	char *tmp;			/* its new text in the private folder */
	bool placed;			/* it isn't there any more */
	bool folder;			/* tmp is a folder, to take the place of what isn't one */
	char *link, *otherwise, *text;
	enum {
		LINK_TO_COME,		/* its folder isn't there yet, or never */
		LINK_RIGHT,		/* there is one, as it should be */
		LINK_MADE,		/* in the private folder, see stage_link_name() */
	} link_state;
	char *old_file;			/* of the old layout, which the new record replaces */
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
 * A symbolic link that comes with a staged write. If its folder isn't there then, @otherwise
 * (may be NULL) takes its place, or else no link is made. -ENOMEM.
 */
int stage_set_link(struct stage_op *op, const char *path, const char *otherwise,
		   const char *text);
/* A file of the old layout that goes once the new record is in place. -ENOMEM. */
int stage_set_old_file(struct stage_op *op, const char *path);
/* A link that the old record has, or may have. -ENOMEM. */
int stage_add_unlink(struct stage_op *op, const char *path);
/* Forgets what was staged after the first @count (db->stage.count) changes. */
void stage_cut_back(struct iscsi_db *db, size_t count);
/* Forgets all that is staged. */
void stage_drop(struct iscsi_db *db);

/* ---- for commit.c ------------------------------------------------------------------- */

/*
 * A record on its way to a folder on another file system, in that folder. Only one that a dead
 * process left is ever seen there.
 */
#define STAGE_ACROSS	".iscsi-db.tmp"

/* Writes the new file @name in the open folder @dir. -errno. */
int stage_write_file(const struct db_os *os, int dir, const char *name, const char *text);
/* Nothing is changed without the lock: ISCSI_ERR_INTERNAL. */
enum iscsi_err stage_check_lock(const struct iscsi_db *db, struct iscsi_why *why);
/* db_strerror() that knows what -EBUSY means here. */
const char *stage_strerror(int err);
/* What a dead process left in the private folder goes. -errno. */
int stage_sweep(struct iscsi_db *db);
/* The name of the link in the private folder -> @ret. */
void stage_link_name(const struct stage_op *op, char ret[16]);
/* Removes what the change has left in the private folder, and frees it. */
void stage_op_free(struct iscsi_db *db, struct stage_op *op);

#endif /* ISCSI_DB_STAGE_H */
