/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The grammar of "name = value" lines, which records, iscsid.conf and initiatorname.iscsi share. */
#ifndef ISCSI_DB_RECORD_TEXT_H
#define ISCSI_DB_RECORD_TEXT_H

#include "libiscsi-db/iscsi-db.h"

#define DB_TEXT_MAX	(256 * 1024)	/* bytes of a record or configuration file */
#define DB_LINE_MAX	2047		/* bytes of a line with its newline */
#define DB_KEY_MAX	127

enum line_type {
	LINE_NONE,		/* the text is at its end */
	LINE_COMMENT,		/* empty lines too */
	LINE_SETTING,
	LINE_BAD,		/* problem says why */
};

/* Cuts a text into "key = value" lines; records and iscsid.conf share this grammar. */
struct line {
	const char *rest, *end;		/* what is still to be read */
	unsigned int no;
	const char *raw;		/* this line without outer blanks, not terminated */
	size_t raw_len;
	const char *problem;
	char key[DB_KEY_MAX + 1];
	char value[DB_LINE_MAX + 1];
};

void line_init(struct line *line, const char *text, size_t len);
enum line_type line_next(struct line *line);
/* ISCSI_ERR_INVAL if @text can't be text of ours: too long, or with NUL bytes. */
enum iscsi_err text_check(const char *text, size_t len, const char *origin,
			  struct iscsi_why *why);

#endif /* ISCSI_DB_RECORD_TEXT_H */
