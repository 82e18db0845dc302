/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One record file, read whole. */
#pragma once

#include "libiscsi-db/iscsi-db.h"

struct db_warn;

/* Tells the observer: "VERB ROOT/PATH". */
void record_file_trace(const struct iscsi_db *db, const char *verb, const char *path);
/* Warns of a record that a walk can't read, and tells the observer. */
void record_file_left_out(const struct iscsi_db *db, const struct db_warn *warn,
			  const struct iscsi_why *reason);
/*
 * What becomes of a record that each() couldn't read, because of @err and @reason: only a lack of
 * memory ends the walk. ISCSI_ERR_INVAL: the file is no record of its own; other files count as
 * left out.
 */
enum iscsi_err record_file_skip(const struct iscsi_db *db, const struct db_warn *warn,
				enum iscsi_err err, const struct iscsi_why *reason,
				struct iscsi_why *why);
/*
 * Reads the record @path. @folder is its open folder, which saves the kernel the way from the root,
 * or -1. ISCSI_ERR_NO_OBJS_FOUND: no such file. ISCSI_ERR_IDBM: the file can't be used, and @why
 * names it.
 */
enum iscsi_err record_file_read(struct iscsi_db *db, enum iscsi_db_kind kind, int folder,
				const char *path, iscsi_db_warn_fn *warn, void *arg,
				struct iscsi_db_record **ret, struct iscsi_why *why);
