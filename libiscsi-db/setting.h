/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The one table of settings: what each is called, may be, and is by default. */
#ifndef ISCSI_DB_SETTING_H
#define ISCSI_DB_SETTING_H

#include <stdint.h>

#include "libiscsi-db/err.h"
#include "libiscsi-db/iscsi-db.h"

#define DB_KINDS 4

enum setting_type {
	SETTING_STR,
	SETTING_INT,		/* 32 bits with sign */
	SETTING_UINT,		/* 0..max */
	SETTING_ENUM,
	SETTING_LIST,		/* words of the list in any order, each at most once */
};

enum setting_flag {
	SETTING_KEY	= 1 << 0,	/* finds the record: not for update */
	SETTING_SECRET	= 1 << 1,	/* masked in show; the next row holds its length */
	SETTING_HIDDEN	= 1 << 2,	/* never printed, never kept */
	SETTING_V4	= 1 << 3,	/* belongs to the IPv4 block of an interface */
	SETTING_V6	= 1 << 4,
	SETTING_LATE	= 1 << 5,	/* unknown to 2.1.8: printed only if changed */
	SETTING_UNSEEDED = 1 << 6,	/* iscsid.conf has no say in it */
	SETTING_BINDING	= 1 << 7,	/* the word "default" means not bound */
};

struct setting {
	const char *name;
	const char *def;		/* "" is empty */
	const char *line;		/* "name = default\n" */
	const char *const *words;
	uint32_t max;			/* STR: bytes; UINT: the greatest value */
	int low, high;			/* INT: what makes sense; low == high: anything */
	uint8_t type;
	uint8_t flags;
	uint8_t name_len, def_len;
};

/* Who gives the value, and so how much of it is taken on trust. */
enum setting_source {
	SETTING_FROM_FILE,	/* made to fit, with a warning */
	SETTING_FROM_USER,	/* refused if it doesn't fit; numbers take any prefix */
	SETTING_FROM_PROGRAM,	/* exact */
};

/* The settings of each kind; filled before main() and only read after that. */
struct setting_run {
	const struct setting *rows;
	unsigned int count;
	const uint8_t *file_order;	/* the indices as files have them */
};
extern struct setting_run setting_runs[DB_KINDS];

/* The settings of a kind are rows 0..count-1, in the order of "-o show". */
static inline unsigned int setting_count(enum iscsi_db_kind kind)
{
	return setting_runs[kind].count;
}

static inline const struct setting *setting_row(enum iscsi_db_kind kind, unsigned int index)
{
	return &setting_runs[kind].rows[index];
}

/* The bytes of its default's line. */
static inline size_t setting_line_len(const struct setting *s)
{
	return s->name_len + s->def_len + 4u;
}

/* The index of a name or of one of its old names; -1: not a setting of this kind. */
int setting_find(enum iscsi_db_kind kind, const char *name);
/* The @i-th of the old names, and in @ret the name of today; NULL: there are no more. */
const char *setting_alias(unsigned int i, const char **ret);
/* The setting of any (-1) or of one kind whose name is most like @name; NULL: none is. */
const char *setting_nearest(int kind, const char *name);
/*
 * @text as the setting keeps it -> @ret. ISCSI_ERR_INVAL and a reason if it can't be taken.
 * What is ignored or cut is told to @warn.
 */
enum iscsi_err setting_normalize(const struct setting *s, const char *text,
				 enum setting_source source, char ret[ISCSI_VALUE_MAX + 1],
				 const struct db_warn *warn, struct iscsi_why *why);
bool setting_is_bool(const struct setting *s);

#endif /* ISCSI_DB_SETTING_H */
