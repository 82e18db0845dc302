/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The two files that a person edits. iscsid.conf gives new records their defaults and holds a
 * few settings of the daemon itself; initiatorname.iscsi says who this host is. Values are
 * checked once, when the file is read, so that a mistake is reported once.
 */
#include "libiscsi-db/config.h"

#include <errno.h>

#include "libiscsi-db/address.h"
#include "libiscsi-db/err.h"
#include "libiscsi-db/line.h"
#include "libiscsi-db/os.h"
#include "libiscsi-db/record.h"
#include "libiscsi-db/setting.h"

#define HINTS_MAX 32	/* looking for a near name is slow, and a file may be all mistakes */

struct config_line {
	char *key, *value;
};

struct iscsi_db_config {
	struct config_line *line;
	size_t count;
};

static const char *const daemon_keys[] = {
	"iscsid.startup", "iscsid.safe_logout", "iscsid.ipc_auth_uid", "discovery.merge", NULL,
};

struct iscsi_db_config *iscsi_db_config_free(struct iscsi_db_config *config)
{
	if (!config)
		return NULL;
	for (size_t i = 0; i < config->count; i++) {
		free(config->line[i].key);
		secret_free(config->line[i].value);
	}
	free(config->line);
	free(config);
	return NULL;
}

static enum iscsi_err config_add(struct iscsi_db_config *config, const char *key,
				 const char *value)
{
	struct config_line *line = ARRAY_ADD(config->line, config->count);

	if (!line)
		return ISCSI_ERR_NOMEM;
	line->key = strdup(key);
	line->value = strdup(value);
	return line->key && line->value ? ISCSI_SUCCESS : ISCSI_ERR_NOMEM;
}

static const struct setting *find_setting(const char *key)
{
	static const enum iscsi_db_kind order[] = { ISCSI_DB_NODE, ISCSI_DB_SENDTARGETS,
						    ISCSI_DB_ISNS };

	for (size_t i = 0; i < ARRAY_SIZE(order); i++) {
		int index = setting_find(order[i], key);

		if (index >= 0)
			return setting_row(order[i], (unsigned int)index);
	}
	return NULL;
}

/* The value of the last line so far for @s, which is the line that counts; NULL: there is none. */
static const char *last_value(const struct iscsi_db_config *config, const struct setting *s)
{
	for (size_t i = config->count; i--;) {
		if (find_setting(config->line[i].key) == s)
			return config->line[i].value;
	}
	return NULL;
}

static enum iscsi_err take_setting(struct iscsi_db_config *config, const struct line *line,
				   const struct db_warn *warn, unsigned int *unknown)
{
	const struct setting *s = find_setting(line->key);
	char value[ISCSI_VALUE_MAX + 1];
	enum iscsi_err err;
	struct iscsi_why why;

	if (!s && text_is_among(line->key, daemon_keys))
		return config_add(config, line->key, line->value);
	if (!s) {
		const char *near = *unknown < HINTS_MAX ? setting_nearest(-1, line->key) : NULL;

		++*unknown;
		if (near)
			db_warn(warn, "no setting is called '%s'; did you mean '%s'?", line->key,
				near);
		else
			db_warn(warn, "no setting is called '%s'", line->key);
		return ISCSI_SUCCESS;
	}
	err = setting_normalize(s, line->value, SETTING_FROM_FILE, value, warn, &why);
	if (err) {
		const char *earlier = last_value(config, s);

		setting_warn_refused(s, &why, earlier ? earlier : s->def, warn);
		return ISCSI_SUCCESS;
	}
	err = config_add(config, line->key, value);	/* under the name that the file has */
	explicit_bzero(value, sizeof(value));
	return err;
}

enum iscsi_err config_parse(const char *text, size_t len, const char *origin,
			    iscsi_db_warn_fn *warn_fn, void *arg, struct iscsi_db_config **ret,
			    struct iscsi_why *why)
{
	CLEANUP(iscsi_db_config_freep) struct iscsi_db_config *config = NULL;
	struct db_warn warn = { .fn = warn_fn, .arg = arg, .origin = origin };
	enum iscsi_err err = text_check(len, origin, why);
	unsigned int unknown = 0;
	enum line_type type;
	struct line line;

	if (err)
		return err;
	config = calloc(1, sizeof(*config));
	if (!config)
		return iscsi_fail(why, ISCSI_ERR_NOMEM, "%s: no memory", origin);
	line_init(&line, text, len);
	while (!err && (type = line_next(&line)) != LINE_NONE) {
		warn.line = line.no;
		if (type == LINE_SETTING)
			err = take_setting(config, &line, &warn, &unknown);
		else if (type == LINE_BAD)
			db_warn(&warn, "the line is ignored: %s", line.problem);
	}
	explicit_bzero(line.value, sizeof(line.value));
	if (err)
		return iscsi_fail(why, err, "%s: no memory", origin);
	line_warn_nul(&line, &warn);
	*ret = config;
	config = NULL;
	return ISCSI_SUCCESS;
}

enum iscsi_err iscsi_db_config_read(const char *path, iscsi_db_warn_fn *warn_fn, void *arg,
				    struct iscsi_db_config **ret, struct iscsi_why *why)
{
	struct db_warn warn = { .fn = warn_fn, .arg = arg };
	enum iscsi_err err;
	size_t len = 0;
	char *text = NULL;
	int r;

	if (!path)
		path = ISCSI_CONF_DIR "/iscsid.conf";
	r = os_read_path(path, &text, &len);
	/* A container's bind mount makes a folder where its source is missing. */
	if (r == -ENOENT || r == -ENOTDIR || r == -EISDIR) {
		db_warn(&warn, "%s %s; the built-in defaults hold", path,
			r == -EISDIR ? "is a folder" : "isn't there");
		return config_parse("", 0, path, warn_fn, arg, ret, why);
	}
	if (r == -ENOMEM)
		return iscsi_fail(why, ISCSI_ERR_NOMEM, "%s: no memory", path);
	if (r < 0)
		return iscsi_fail(why, ISCSI_ERR_IDBM, "cannot read %s: %s", path,
				  db_strerror(r));
	err = config_parse(text, len, path, warn_fn, arg, ret, why);
	wipe_free(text, len);
	return err;
}

enum iscsi_err iscsi_db_config_apply(const struct iscsi_db_config *config,
				     struct iscsi_db_record *rec)
{
	/* The lines iface.* of the file are for nodes; no line sets defaults of interface records. */
	if (rec->kind == ISCSI_DB_IFACE)
		return ISCSI_SUCCESS;
	for (size_t i = 0; i < config->count; i++) {
		const struct config_line *line = &config->line[i];
		int index = setting_find(rec->kind, line->key);
		const struct setting *s;

		if (index < 0)
			continue;
		s = setting_row(rec->kind, (unsigned int)index);
		if (s->flags & (SETTING_KEY | SETTING_UNSEEDED | SETTING_HIDDEN))
			continue;
		if (record_store(rec, (unsigned int)index, line->value) < 0)
			return ISCSI_ERR_NOMEM;
		record_note_name(rec, line->key);
	}
	return ISCSI_SUCCESS;
}

const char *iscsi_db_config_get(const struct iscsi_db_config *config, const char *key)
{
	if (!text_is_among(key, daemon_keys))
		return NULL;
	for (size_t i = 0; i < config->count; i++) {	/* the first line of that name counts */
		if (streq(config->line[i].key, key))
			return config->line[i].value;
	}
	return NULL;
}

/* ---- initiatorname.iscsi ------------------------------------------------------------- */

static enum iscsi_err check_initiator(const char *name, const char *origin, unsigned int line,
				      struct iscsi_why *why)
{
	struct iscsi_why reason;

	if (strstr(name, " #") || strstr(name, "\t#"))
		return iscsi_fail(why, ISCSI_ERR_INVAL,
				  "%s:%u: InitiatorName has a comment behind it, which belongs on "
				  "a line of its own: %s", origin, line, name);
	if (strpbrk(name, "\"'"))
		return iscsi_fail(why, ISCSI_ERR_INVAL,
				  "%s:%u: InitiatorName has quotes around or in it: %s", origin,
				  line, name);
	if (iscsi_db_check_name(name, &reason) != ISCSI_SUCCESS)
		return iscsi_fail(why, ISCSI_ERR_INVAL, "%s:%u: %s", origin, line, reason.text);
	return ISCSI_SUCCESS;
}

static void take_alias(const char *value, char ret[ISCSI_VALUE_MAX + 1])
{
	size_t len = 0;

	/* Only people read the alias, so the part that doesn't fit is left out without an error. */
	for (; *value && len < ISCSI_VALUE_MAX; value++) {
		if (!text_is_control(value[0], value[1]))
			ret[len++] = *value;
	}
	ret[len] = '\0';
}

enum iscsi_err initiator_parse(const char *text, size_t len, const char *origin,
			       iscsi_db_warn_fn *warn_fn, void *arg,
			       struct iscsi_db_initiator *ret, struct iscsi_why *why)
{
	struct db_warn warn = { .fn = warn_fn, .arg = arg, .origin = origin };
	struct iscsi_db_initiator initiator = { 0 };
	enum iscsi_err err = text_check(len, origin, why);
	enum line_type type;
	struct line line;

	line_init(&line, text, len);
	while (!err && (type = line_next(&line)) != LINE_NONE) {
		if (streq(line.key, "InitiatorName") && !*initiator.name) {
			if (type == LINE_BAD)
				return iscsi_fail(why, ISCSI_ERR_INVAL,
						  "%s:%u: InitiatorName has no value", origin,
						  line.no);
			err = check_initiator(line.value, origin, line.no, why);
			if (!err)
				strcpy(initiator.name, line.value);
		} else if (streq(line.key, "InitiatorAlias") && type == LINE_SETTING &&
			   !*initiator.alias) {
			take_alias(line.value, initiator.alias);
		}
	}
	if (err)
		return err;
	if (!*initiator.name)
		return iscsi_fail(why, ISCSI_ERR_INVAL,
				  "%s: there is no line InitiatorName=NAME in it%s", origin,
				  line.has_nul ? " before the first NUL byte" : "");
	line_warn_nul(&line, &warn);
	*ret = initiator;
	return ISCSI_SUCCESS;
}

enum iscsi_err iscsi_db_initiator_read(const char *path, iscsi_db_warn_fn *warn, void *arg,
				       struct iscsi_db_initiator *ret, struct iscsi_why *why)
{
	enum iscsi_err err;
	size_t len = 0;
	char *text = NULL;
	int r;

	if (!path)
		path = ISCSI_CONF_DIR "/initiatorname.iscsi";
	r = os_read_path(path, &text, &len);
	if (r < 0)
		return iscsi_fail(why, ISCSI_ERR_INVAL, "cannot read %s: %s", path,
				  db_strerror(r));
	err = initiator_parse(text, len, path, warn, arg, ret, why);
	free(text);
	return err;
}
