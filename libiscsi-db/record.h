/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The inside of a record in memory. */
#pragma once

#include "libiscsi-db/util.h"

struct iscsi_db_record {
	enum iscsi_db_kind kind;
	char *place;			/* the path of its file, if the text names another path */
	bool has_type;			/* the text had a good line for node.discovery_type */
	bool known;			/* a setting knew a line of the text */
	unsigned int old_names;		/* a bit for each alias in setting.h that was used last */
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
 * Notes that a setting was read or changed by the name @key. If the programs that write @key know
 * no other name for the setting, the setting is written under @key again.
 */
void record_note_name(struct iscsi_db_record *rec, const char *key);
/* The old name under which a setting has to be written; NULL: its own name is right. */
const char *record_old_name(const struct iscsi_db_record *rec, unsigned int index);
/*
 * Gives the setting @key the value that follows from the path of the record's file. *fixed becomes
 * true if the setting had another value; it stays as it was otherwise. -ENOMEM.
 */
int record_fix(struct iscsi_db_record *rec, const char *key, const char *value, bool *fixed);
