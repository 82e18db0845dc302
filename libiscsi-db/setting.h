/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The one table of settings: their names, the values that they can have, and their defaults. */
#pragma once

#include <stdint.h>

#include "libiscsi-db/err.h"
#include "libiscsi-db/iscsi-db.h"

#define DB_KINDS 4

enum setting_type {
	SETTING_STR,
	SETTING_NUMBER,
	SETTING_ENUM,
	SETTING_LIST,		/* words of the list in any order, each at most once */
};

enum setting_flag {
	SETTING_KEY	= 1 << 0,	/* finds the record: no update changes it */
	SETTING_SECRET	= 1 << 1,	/* masked in show; the next row holds its length */
	SETTING_HIDDEN	= 1 << 2,	/* never printed, never kept */
	SETTING_V4	= 1 << 3,	/* belongs to the IPv4 block of an interface */
	SETTING_V6	= 1 << 4,	/* belongs to the IPv6 block of an interface */
	SETTING_LATE	= 1 << 5,	/* unknown to open-iscsi 2.1.8: printed only if changed */
	SETTING_UNSEEDED = 1 << 6,	/* iscsid.conf gives new records no value */
	SETTING_BINDING	= 1 << 7,	/* the word "default" means not bound */
	SETTING_OR_ZERO	= 1 << 8,	/* 0 is taken too, though it is below the hard range */
};

struct setting {
	const char *name;
	const char *def;		/* "" is empty */
	const char *line;		/* "name = default\n" */
	const char *const *words;
	const char *note;		/* the meaning of special values; NULL: there are none */
	int64_t low, high;		/* NUMBER: the hard range; other values are refused */
	int64_t good_low, good_high;	/* NUMBER: the range of values that make sense */
	uint16_t max;			/* STR: bytes */
	uint16_t flags;
	uint8_t type;
	uint8_t name_len, def_len;
};

/* Where a value comes from. A value that the setting can't have is refused in any case. */
enum setting_source {
	SETTING_FROM_FILE,	/* text that is too long is cut, with a warning */
	SETTING_FROM_USER,	/* a number that is allowed but makes no sense is warned of */
	SETTING_FROM_PROGRAM,	/* blanks and unknown words are refused */
};

/* The settings of each kind are filled in before main() and only read after that. */
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

/* The length of the line that gives the setting its default. */
static inline size_t setting_line_len(const struct setting *s)
{
	return s->name_len + s->def_len + 4u;
}

/* The index of the setting that is or was called @name; -1: this kind has no such setting. */
int setting_find(enum iscsi_db_kind kind, const char *name);

/* A name that other releases have for a setting. */
struct setting_alias {
	const char *old, *name;
	bool is_written;	/* those releases write it, and know the setting by no other name */
};
/* The @i-th alias; NULL: there are no more. */
const struct setting_alias *setting_alias(unsigned int i);

/* The setting's name, of one kind or of any (-1), that is most like @name; NULL: none is near. */
const char *setting_nearest(int kind, const char *name);
/*
 * The one judge of values: writes @text to @ret in the form that the setting keeps.
 * ISCSI_ERR_INVAL if the setting can't have that value; the reason names the values allowed. @warn
 * is told of text that is ignored or cut.
 */
enum iscsi_err setting_normalize(const struct setting *s, const char *text,
				 enum setting_source source, char ret[ISCSI_VALUE_MAX + 1],
				 const struct db_warn *warn, struct iscsi_why *why);
/* Tells @warn why a line with a value of @s is refused, and that the value @used counts instead. */
void setting_warn_refused(const struct setting *s, const struct iscsi_why *reason,
			  const char *used, const struct db_warn *warn);
bool setting_is_bool(const struct setting *s);

/* The values that a number, an enumeration or a list can have, in words. */
struct setting_allowed {
	char text[256];
};
struct setting_allowed setting_allowed(const struct setting *s);
