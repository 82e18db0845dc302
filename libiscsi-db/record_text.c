/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A record as "name = value" lines: the form of the files and of messages to iscsid, and the
 * form that "-o show" prints. The functions open and write no file, and take any bytes as text.
 */
#include <ctype.h>

#include "libiscsi-db/address.h"
#include "libiscsi-db/line.h"
#include "libiscsi-db/record.h"
#include "libiscsi-db/setting.h"

/* ---- text -> record ------------------------------------------------------------------ */

static bool begins(const char *text, size_t len, const char *with)
{
	return len >= strlen(with) && memcmp(text, with, strlen(with)) == 0;
}

/* Keeps a line of a text of @len bytes for the next print. */
static enum iscsi_err keep_line(struct iscsi_db_record *rec, const struct line *line, size_t len)
{
	if (!rec->extra) {
		rec->extra = malloc(len + 1);	/* the last line may lack its newline */
		if (!rec->extra)
			return ISCSI_ERR_NOMEM;
	}
	memcpy(rec->extra + rec->extra_len, line->raw, line->raw_len);
	rec->extra_len += line->raw_len;
	rec->extra[rec->extra_len++] = '\n';
	return ISCSI_SUCCESS;
}

static bool line_is_clean(const struct line *line)
{
	for (size_t i = 0; i < line->raw_len; i++) {
		char next = i + 1 < line->raw_len ? line->raw[i + 1] : '\0';

		if (line->raw[i] != '\t' && text_is_control(line->raw[i], next))
			return false;
	}
	return true;
}

/*
 * True if a later version may understand a bad line: there is an '=', no control character, and no
 * setting has the line's name. The value may be missing, or the line may be too long for us.
 */
static bool is_setting_of_others(enum iscsi_db_kind kind, const struct line *line)
{
	char name[DB_KEY_MAX + 1];
	size_t len = 0;

	while (len < line->raw_len && line->raw[len] != '=' &&
	       !isspace((unsigned char)line->raw[len]))
		len++;
	if (!len || !memchr(line->raw, '=', line->raw_len) || !line_is_clean(line))
		return false;
	if (len > DB_KEY_MAX)
		return true;
	memcpy(name, line->raw, len);
	name[len] = '\0';
	return setting_find(kind, name) < 0;
}

static bool is_type(const struct setting *s)
{
	return streq(s->name, "node.discovery_type");
}

/*
 * Most lines say "name = default", in a known order with some left out. A default needs no storing,
 * so these lines are recognised here without being taken apart. Returns true if the next line was
 * of that form, and skips the line. The settings before *pos in that order have had their line.
 */
static bool take_default(struct iscsi_db_record *rec, struct line *line, unsigned int *pos)
{
	const struct setting_run run = setting_runs[rec->kind];
	size_t left = (size_t)(line->end - line->rest), len;
	const char *text = line->rest;

	for (unsigned int i = *pos; i < run.count; i++) {
		const struct setting *s = &run.rows[run.file_order[i]];

		if (left <= s->name_len || text[s->name_len] != ' ' ||
		    memcmp(text, s->name, s->name_len) != 0)
			continue;
		*pos = i;
		len = setting_line_len(s);
		if (rec->value[run.file_order[i]] || !s->def_len || left < len ||
		    memcmp(text, s->line, len) != 0)
			return false;
		line->rest += len;
		line->no++;
		rec->known = true;
		rec->has_type |= is_type(s);
		return true;
	}
	return false;
}

static enum iscsi_err take_record_line(struct iscsi_db_record *rec, const struct line *line,
				       size_t len, const struct db_warn *warn)
{
	int index = setting_find(rec->kind, line->key);
	char value[ISCSI_VALUE_MAX + 1];
	const struct setting *s;
	enum iscsi_err err;
	struct iscsi_why why;

	if (index < 0) {
		if (!line_is_clean(line)) {
			db_warn(warn, "the line is dropped, since it has control characters");
			return ISCSI_SUCCESS;
		}
		db_warn(warn, "no setting is called '%s'; the line is kept but not used",
			line->key);
		return keep_line(rec, line, len);
	}
	rec->known = true;
	s = setting_row(rec->kind, (unsigned int)index);
	record_note_name(rec, line->key);
	err = setting_normalize(s, line->value, SETTING_FROM_FILE, value, warn, &why);
	if (err) {
		setting_warn_refused(s, &why, record_value(rec, (unsigned int)index), warn);
		return ISCSI_SUCCESS;
	}
	rec->has_type |= is_type(s);
	if (!(s->flags & SETTING_HIDDEN) && record_store(rec, (unsigned int)index, value) < 0)
		err = ISCSI_ERR_NOMEM;
	explicit_bzero(value, sizeof(value));
	return err;
}

/*
 * The length of @text without the last line, if that line is cut off. A record that a program
 * wrote ends with a newline; without the newline the last value may lack its end.
 */
static size_t tail_cut_off(const char *text, size_t len)
{
	static const char begin[] = "# BEGIN RECORD";
	size_t line = len;

	if (len < sizeof(begin) || !begins(text, len, begin))
		return len;
	while (line && text[line - 1] != '\n')
		line--;
	return begins(text + line, len - line, "# END RECORD") ? len : line;
}

static enum iscsi_err take_lines(struct iscsi_db_record *rec, const char *text, size_t len,
				 struct db_warn *warn)
{
	bool begun = false, ended = false;
	enum iscsi_err err = ISCSI_SUCCESS;
	unsigned int pos = 0;
	enum line_type type;
	struct line line;

	line_init(&line, text, tail_cut_off(text, len));
	do {
		while (take_default(rec, &line, &pos))
			;
		type = line_next(&line);
		warn->line = line.no;
		switch (type) {
		case LINE_COMMENT:
			begun |= begins(line.raw, line.raw_len, "# BEGIN RECORD");
			ended |= begins(line.raw, line.raw_len, "# END RECORD");
			break;
		case LINE_SETTING:
			err = take_record_line(rec, &line, len, warn);
			break;
		case LINE_BAD:
			if (is_setting_of_others(rec->kind, &line)) {
				db_warn(warn, "the line is kept but not used: %s", line.problem);
				err = keep_line(rec, &line, len);
			} else {
				db_warn(warn, "the line is ignored: %s", line.problem);
			}
			break;
		case LINE_NONE:
			break;
		}
	} while (!err && type != LINE_NONE);
	explicit_bzero(line.value, sizeof(line.value));
	if (!err)
		line_warn_nul(&line, warn);
	if (!err && begun && !ended) {
		warn->line = line.no + 1;
		db_warn(warn, "the record is cut off here; settings that are missing have their "
			"defaults");
	}
	return err;
}

enum iscsi_err iscsi_db_record_parse(enum iscsi_db_kind kind, const char *text, size_t len,
				     const char *origin, iscsi_db_warn_fn *warn_fn, void *arg,
				     struct iscsi_db_record **ret, struct iscsi_why *why)
{
	CLEANUP(iscsi_db_record_freep) struct iscsi_db_record *rec = NULL;
	struct db_warn warn = { .fn = warn_fn, .arg = arg, .origin = origin };
	enum iscsi_err err = text_check(len, origin ? origin : "record", why);

	if (err)
		return err;
	err = iscsi_db_record_new(kind, &rec) ?: take_lines(rec, text, len, &warn);
	if (err)
		return iscsi_fail(why, err, "%s: no memory for the record",
				  origin ? origin : "record");
	if (rec->extra) {
		char *fit = realloc(rec->extra, rec->extra_len);

		if (fit)
			rec->extra = fit;
	}
	*ret = rec;
	rec = NULL;
	return ISCSI_SUCCESS;
}

/* ---- record -> text ------------------------------------------------------------------ */

/* A text that is measured first, while .p is NULL, and then written into the memory that it needs. */
struct text {
	char *p;
	size_t len;
};

/*
 * This function must not be inline: where gcc knows that a piece is short, gcc copies the piece
 * with "rep movs", which takes longer to begin than the C library's memcpy() takes to end.
 */
__attribute__((noinline))
static void text_add(struct text *text, const char *piece, size_t len)
{
	if (text->p && len)
		memcpy(text->p + text->len, piece, len);
	text->len += len;
}

static void text_add_pair(struct text *text, const char *name, const char *value)
{
	text_add(text, name, strlen(name));
	text_add(text, " = ", 3);
	text_add(text, value, strlen(value));
	text_add(text, "\n", 1);
}

/*
 * Strict readers tell by the name of the interface which address family's settings they accept,
 * so the name decides here as well. A setting of the other family is printed if it was changed.
 */
static bool is_hidden(const struct setting *s, bool changed, bool is_v6)
{
	uint16_t foreign = is_v6 ? SETTING_V4 : SETTING_V6;

	if (s->flags & SETTING_HIDDEN)
		return true;
	return !changed && (s->flags & (SETTING_LATE | foreign));
}

static void text_add_record(struct text *text, const struct iscsi_db_record *rec,
			    enum iscsi_db_form form)
{
	static const char begin[] = "# BEGIN RECORD " ISCSI_VERSION "\n", end[] = "# END RECORD\n";
	const char *iface = iscsi_db_record_get(rec, "iface.iscsi_ifacename");
	bool is_v6 = iface && strstr(iface, "ipv6"), file = form == ISCSI_DB_FORM_FILE;
	const struct setting_run run = setting_runs[rec->kind];

	text_add(text, begin, strlen(begin));
	for (unsigned int pos = 0; pos < run.count; pos++) {
		unsigned int i = file ? run.file_order[pos] : pos;
		const struct setting *s = &run.rows[i];
		const char *value = rec->value[i], *name = record_old_name(rec, i);

		if (is_hidden(s, value != NULL, is_v6))
			continue;
		if (!value && s->def_len)	/* no secret has a default */
			text_add(text, s->line, setting_line_len(s));
		else if (value && form == ISCSI_DB_FORM_SHOW && (s->flags & SETTING_SECRET))
			text_add_pair(text, s->name, "********");
		else if (value)
			text_add_pair(text, name ? name : s->name, value);
		else if (!file)
			text_add_pair(text, s->name, "<empty>");
	}
	if (file)
		text_add(text, rec->extra, rec->extra_len);
	text_add(text, end, sizeof(end));	/* and the NUL */
}

char *iscsi_db_record_print(const struct iscsi_db_record *rec, enum iscsi_db_form form)
{
	struct text text = { .p = NULL };

	text_add_record(&text, rec, form);
	text.p = malloc(text.len);
	text.len = 0;
	if (text.p)
		text_add_record(&text, rec, form);
	return text.p;
}
