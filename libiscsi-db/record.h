/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The inside of a record in memory. */
#ifndef ISCSI_DB_RECORD_H
#define ISCSI_DB_RECORD_H

#include "libiscsi-db/iscsi-db.h"
#include "libiscsi-db/util.h"

struct iscsi_db_record {
	enum iscsi_db_kind kind;
	char *place;			/* the path of its file, if its text names another */
	bool has_type;			/* the text it was read from had node.discovery_type */
	unsigned int known;		/* lines of that text that a setting knew */
	unsigned int old_names;		/* a bit for each old name that was last used, see setting.h */
	char *extra;			/* lines that no setting knows, each with its newline */
	size_t extra_len;
	char *value[];			/* by index of the setting; NULL: its default */
};

const char *record_value(const struct iscsi_db_record *rec, unsigned int index);
/* Stores a normalized value. -ENOMEM. */
int record_store(struct iscsi_db_record *rec, unsigned int index, const char *value);
/* Stores a value that the caller knows to be good, by name. -ENOMEM. */
int record_put(struct iscsi_db_record *rec, const char *key, const char *value);
/*
 * Notes that the setting was read or changed by the name @key. Where programs of that age know no
 * other name, the setting is written under it again.
 */
void record_note_name(struct iscsi_db_record *rec, const char *key);
/* The old name that a setting is to be written under, if that is so; NULL. */
const char *record_old_name(const struct iscsi_db_record *rec, unsigned int index);
/* Overwrites and frees text that may hold secrets; takes NULL. */
void text_wipe(char *text, size_t len);
/* Makes sure that a record read from a path says so; *fixed tells if it didn't. -ENOMEM. */
int record_fix(struct iscsi_db_record *rec, const char *key, const char *value, bool *fixed);

DEFINE_FREEP(struct iscsi_db_record, iscsi_db_record_free)

#endif /* ISCSI_DB_RECORD_H */
