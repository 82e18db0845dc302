/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The grammar of "name = value" lines, which records, iscsid.conf and initiatorname.iscsi share. */
#pragma once

#include "libiscsi-db/err.h"
#include "libiscsi-db/iscsi-db.h"

#define DB_TEXT_MAX	(256 * 1024)	/* bytes of a record or configuration file */
#define DB_LINE_MAX	2047		/* bytes of a line with its newline */
#define DB_KEY_MAX	127

enum line_type {
	LINE_NONE,		/* the text is at its end */
	LINE_COMMENT,		/* empty lines too */
	LINE_SETTING,
	LINE_BAD,		/* .problem says why */
};

/* Cuts a text into "key = value" lines; records and iscsid.conf share this grammar. */
struct line {
	const char *rest, *end;		/* what is still to be read */
	unsigned int no;
	const char *raw;		/* this line without outer blanks, not terminated */
	size_t raw_len;
	const char *problem;
	bool has_nul;			/* the text ends before the line with the first NUL byte */
	char key[DB_KEY_MAX + 1];
	char value[DB_LINE_MAX + 1];
};

/*
 * After a crash of the machine a file may end in NUL bytes. The line with the first NUL byte may
 * be cut short, so the text ends before that line.
 */
void line_init(struct line *line, const char *text, size_t len);
enum line_type line_next(struct line *line);
/* After the last line: tells @warn that lines are missing, if the text has NUL bytes. */
void line_warn_nul(const struct line *line, struct db_warn *warn);
/* ISCSI_ERR_INVAL if a text of @len bytes is longer than DB_TEXT_MAX. */
enum iscsi_err text_check(size_t len, const char *origin,
			  struct iscsi_why *why);
