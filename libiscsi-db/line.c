/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The lines of records and of configuration files, see line.h. Any bytes are taken as text. */
#include "libiscsi-db/line.h"

#include <ctype.h>

#include "libiscsi-db/util.h"

void line_init(struct line *line, const char *text, size_t len)
{
	const char *nul = len ? memchr(text, '\0', len) : NULL;

	*line = (struct line){ .rest = text, .raw = text, .has_nul = nul != NULL };
	while (nul && nul > text && nul[-1] != '\n')
		nul--;
	len = nul ? (size_t)(nul - text) : len;
	line->end = text + len;
	/* Some editors on Windows put this mark, a byte order mark in UTF-8, before the text. */
	if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
		line->rest += 3;
}

static enum line_type line_bad(struct line *line, const char *problem)
{
	line->problem = problem;
	return LINE_BAD;
}

/*
 * Old readers expect a blank before the '=' and skip one character there without looking at the
 * character, so that "key==v" sets "v". This reader does the same, and takes "key=v" as well.
 */
static enum line_type line_split(struct line *line)
{
	const char *p = line->raw, *end = p + line->raw_len;
	bool separated;
	size_t len;

	while (p < end && *p != '=' && !isspace((unsigned char)*p))
		p++;
	len = (size_t)(p - line->raw);
	if (!len)
		return line_bad(line, "there is no name before the '='");
	if (len > DB_KEY_MAX)
		return line_bad(line, "its name is too long");
	memcpy(line->key, line->raw, len);
	line->key[len] = '\0';
	if (p == end)
		return line_bad(line, "it has no value");
	separated = *p++ == '=';
	while (p < end && isspace((unsigned char)*p))
		p++;
	if (p < end && *p == '=') {
		separated = true;
		for (p++; p < end && isspace((unsigned char)*p);)
			p++;
	}
	if (!separated)
		return line_bad(line, "it has no '='");
	if (p == end)
		return line_bad(line, "it has no value");
	len = (size_t)(end - p);
	memcpy(line->value, p, len);
	line->value[len] = '\0';
	return LINE_SETTING;
}

enum line_type line_next(struct line *line)
{
	const char *start = line->rest, *newline;
	size_t len;

	if (start == line->end)
		return LINE_NONE;
	newline = memchr(start, '\n', (size_t)(line->end - start));
	len = newline ? (size_t)(newline - start) : (size_t)(line->end - start);
	line->rest = newline ? newline + 1 : line->end;
	line->no++;
	while (len && isspace((unsigned char)start[len - 1]))
		len--;
	while (len && isspace((unsigned char)*start)) {
		start++;
		len--;
	}
	line->raw = start;
	line->raw_len = len;
	if (!len || *start == '#')
		return LINE_COMMENT;
	if (len >= DB_LINE_MAX)
		return line_bad(line, "it is too long");
	return line_split(line);
}

void line_warn_nul(const struct line *line, struct db_warn *warn)
{
	if (!line->has_nul)
		return;
	warn->line = line->no + 1;
	db_warn(warn, "there are NUL bytes in the line, as a power cut may leave them; this line and "
		"all that follow are ignored");
}

enum iscsi_err text_check(size_t len, const char *origin, struct iscsi_why *why)
{
	if (len > DB_TEXT_MAX)
		return iscsi_fail(why, ISCSI_ERR_INVAL, "%s has more than %d bytes", origin,
				  DB_TEXT_MAX);
	return ISCSI_SUCCESS;
}
