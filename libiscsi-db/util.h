/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Small macros and functions that more than one of the three parts use. No state, no I/O. */
#pragma once

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libiscsi-db/iscsi-db.h"

#define ARRAY_SIZE(a)		(sizeof(a) / sizeof((a)[0]))
#define CLEANUP(fn)		__attribute__((cleanup(fn)))
#define PRINTF(fmt, args)	__attribute__((format(printf, fmt, args)))

#define MIN(a, b)		((a) < (b) ? (a) : (b))
#define MAX(a, b)		((a) > (b) ? (a) : (b))

#define container_of(ptr, type, member) \
	((type *)((char *)(ptr) - offsetof(type, member)))

/*
 * The compiler can't see that iscsi_fail() returns the error that it was given. With this it
 * can, so that it doesn't take a failed function for one that succeeded without a result.
 */
#define iscsi_fail(why, err, ...) __extension__ ({			\
	const enum iscsi_err iscsi_fail_err = (err);			\
	(void)(iscsi_fail)(why, iscsi_fail_err, __VA_ARGS__);		\
	iscsi_fail_err;							\
})

/* For CLEANUP(): DEFINE_FREEP(session_free) gives session_freep(struct session **). */
#define DEFINE_FREEP(type, fn)					\
	static inline void fn##p(type **p)			\
	{							\
		fn(*p);						\
		*p = NULL;					\
	}

static inline void freep(void *p)
{
	free(*(void **)p);
	*(void **)p = NULL;
}

static inline void closep(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
}

/* Closes @fd, unless it is below 0, and returns the -errno that made it useless. */
static inline int close_failed(int fd)
{
	int r = -errno;

	closep(&fd);
	return r;
}

static inline void fclosep(FILE **f)
{
	if (*f)
		(void)fclose(*f);
	*f = NULL;
}

static inline bool streq(const char *a, const char *b)
{
	return strcmp(a, b) == 0;
}

/* Whether @text is one of @words, which end with NULL. */
bool text_is_among(const char *text, const char *const *words);

/* Overwrites and frees @len bytes that may hold secrets; takes NULL. */
void wipe_free(void *text, size_t len);
/* The same for a whole text. */
static inline void secret_free(char *text)
{
	if (text)
		wipe_free(text, strlen(text));
}
DEFINE_FREEP(char, secret_free)
DEFINE_FREEP(struct iscsi_db, iscsi_db_close)
DEFINE_FREEP(struct iscsi_db_config, iscsi_db_config_free)
DEFINE_FREEP(struct iscsi_db_record, iscsi_db_record_free)

/*
 * ARRAY_ADD() returns a new element of zeros at the end of the array @list, which has @len (a
 * size_t) elements, and counts it. NULL: no memory. The array grows at each power of two, so that
 * its length alone tells its room.
 */
void *array_add(void *list, size_t *len, size_t size);
#define ARRAY_ADD(list, len)	((__typeof__(list))array_add(&(list), &(len), sizeof(*(list))))

/* iscsi_db_record_set() for a number. */
enum iscsi_err record_set_int(struct iscsi_db_record *rec, const char *key, int value,
			      struct iscsi_why *why);

/* Milliseconds of a clock that only goes forward. */
int64_t monotonic_ms(void);

/*
 * How many letters to add, drop or change to make @a of @b, in either case; @limit if it is that
 * many or more.
 */
unsigned int edit_distance(const char *a, const char *b, unsigned int limit);

/* @in -> @ret, cut to @size, with each character that could act on a terminal as \n, \t or \xNN. */
void text_escape(const char *in, char *ret, size_t size);
/* How many bytes at the beginning of @text are ASCII that text_escape() leaves as it is. */
size_t text_plain_len(const char *text);
