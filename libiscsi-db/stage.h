/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What stage.c, where changes are staged, hands to commit.c, which brings them into place.
 * The functions for everybody else in the library are in db.h.
 */
#ifndef ISCSI_DB_STAGE_H
#define ISCSI_DB_STAGE_H

#include "libiscsi-db/db.h"

/* The private folder, in the root; it is there while anything is staged. */
#define STAGE_FOLDER	".iscsi-db"

struct stage_op {
	char *path;			/* of the record, below the root */
	size_t seq;
	bool remove;
	bool stays;			/* as a link of it couldn't be removed */
	char *tmp;			/* its new text in the private folder */
	bool placed;			/* it isn't there any more */
	bool folder;			/* tmp is a folder, to take the place of a plain file */
	char *link, *otherwise, *text;
	char *old_file;			/* of the old layout, which the new record replaces */
	struct names unlinks;
};

/* Nothing is changed without the lock: ISCSI_ERR_INTERNAL. */
enum iscsi_err stage_check_lock(const struct iscsi_db *db, struct iscsi_why *why);
/* Waits for the texts that are still being written. -errno, and *what is the record's path. */
int stage_flush(struct iscsi_db *db, const char **what);
/* Removes what the change has left in the private folder, and frees it. */
void stage_op_free(struct iscsi_db *db, struct stage_op *op);

#endif /* ISCSI_DB_STAGE_H */
