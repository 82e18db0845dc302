/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A record in memory keeps the values that differ from the defaults, so that thousands of records
 * are cheap, and the lines that no setting knows. setting.c judges values; record_text.c turns a
 * record into text and back.
 */
#include "libiscsi-db/record.h"

#include <errno.h>
#include <limits.h>

#include "libiscsi-db/setting.h"

enum iscsi_err iscsi_db_record_new(enum iscsi_db_kind kind, struct iscsi_db_record **ret)
{
	struct iscsi_db_record *rec;

	if ((unsigned int)kind >= DB_KINDS)
		return ISCSI_ERR_INVAL;
	rec = calloc(1, sizeof(*rec) + setting_count(kind) * sizeof(rec->value[0]));
	if (!rec)
		return ISCSI_ERR_NOMEM;
	rec->kind = kind;
	*ret = rec;
	return ISCSI_SUCCESS;
}

struct iscsi_db_record *iscsi_db_record_free(struct iscsi_db_record *rec)
{
	if (!rec)
		return NULL;
	for (unsigned int i = 0; i < setting_count(rec->kind); i++)
		secret_free(rec->value[i]);
	wipe_free(rec->extra, rec->extra_len);
	free(rec->place);
	free(rec);
	return NULL;
}

enum iscsi_err iscsi_db_record_copy(const struct iscsi_db_record *rec, struct iscsi_db_record **ret)
{
	CLEANUP(iscsi_db_record_freep) struct iscsi_db_record *copy = NULL;
	enum iscsi_err err = iscsi_db_record_new(rec->kind, &copy);

	if (err)
		return err;
	copy->has_type = rec->has_type;
	copy->known = rec->known;
	copy->old_names = rec->old_names;
	for (unsigned int i = 0; i < setting_count(rec->kind); i++) {
		if (!rec->value[i])
			continue;
		copy->value[i] = strdup(rec->value[i]);
		if (!copy->value[i])
			return ISCSI_ERR_NOMEM;
	}
	if (rec->extra) {
		copy->extra = malloc(rec->extra_len);
		if (!copy->extra)
			return ISCSI_ERR_NOMEM;
		memcpy(copy->extra, rec->extra, rec->extra_len);
		copy->extra_len = rec->extra_len;
	}
	copy->place = rec->place ? strdup(rec->place) : NULL;
	if (rec->place && !copy->place)
		return ISCSI_ERR_NOMEM;
	*ret = copy;
	copy = NULL;
	return ISCSI_SUCCESS;
}

enum iscsi_db_kind iscsi_db_record_kind(const struct iscsi_db_record *rec)
{
	return rec->kind;
}

const char *record_value(const struct iscsi_db_record *rec, unsigned int index)
{
	return rec->value[index] ? rec->value[index] : setting_row(rec->kind, index)->def;
}

const char *iscsi_db_record_get(const struct iscsi_db_record *rec, const char *key)
{
	int index = setting_find(rec->kind, key);

	return index < 0 ? NULL : record_value(rec, (unsigned int)index);
}

static int value_to_int(const struct setting *s, const char *value)
{
	if (setting_is_bool(s))
		return streq(value, "Yes");
	if (s->type == SETTING_NUMBER)
		return (int)MIN(strtoll(value, NULL, 10), (long long)INT_MAX);
	return 0;
}

int iscsi_db_record_get_int(const struct iscsi_db_record *rec, const char *key)
{
	int index = setting_find(rec->kind, key);

	return index < 0 ? 0 : value_to_int(setting_row(rec->kind, (unsigned int)index),
					    record_value(rec, (unsigned int)index));
}

int iscsi_db_record_default_int(const struct iscsi_db_record *rec, const char *key)
{
	int index = setting_find(rec->kind, key);
	const struct setting *s = index < 0 ? NULL : setting_row(rec->kind, (unsigned int)index);

	return s ? value_to_int(s, s->def) : 0;
}

int record_store(struct iscsi_db_record *rec, unsigned int index, const char *value)
{
	const struct setting *s = setting_row(rec->kind, index);
	char *copy = NULL, length[24];

	if (!streq(value, s->def)) {
		copy = strdup(value);
		if (!copy)
			return -ENOMEM;
	}
	secret_free(rec->value[index]);
	rec->value[index] = copy;
	if (!(s->flags & SETTING_SECRET))
		return 0;
	(void)snprintf(length, sizeof(length), "%zu", strlen(copy ? copy : s->def));
	return record_store(rec, index + 1, length);
}

int record_put(struct iscsi_db_record *rec, const char *key, const char *value)
{
	int index = setting_find(rec->kind, key);

	return index < 0 ? -EINVAL : record_store(rec, (unsigned int)index, value);
}

void record_note_name(struct iscsi_db_record *rec, const char *key)
{
	const struct setting_alias *alias;

	for (unsigned int i = 0; (alias = setting_alias(i)); i++) {
		if (alias->is_written && streq(key, alias->old))
			rec->old_names |= 1u << i;
		else if (streq(key, alias->name))
			rec->old_names &= ~(1u << i);
	}
}

const char *record_old_name(const struct iscsi_db_record *rec, unsigned int index)
{
	for (unsigned int i = 0; rec->old_names >> i; i++) {
		const struct setting_alias *alias = setting_alias(i);

		if (rec->old_names & 1u << i &&
		    streq(alias->name, setting_row(rec->kind, index)->name))
			return alias->old;
	}
	return NULL;
}

static enum iscsi_err change(struct iscsi_db_record *rec, unsigned int index, const char *key,
			     const char *value, enum setting_source source,
			     const struct db_warn *warn, struct iscsi_why *why)
{
	const struct setting *s = setting_row(rec->kind, index);
	char text[ISCSI_VALUE_MAX + 1];
	enum iscsi_err err;

	err = setting_normalize(s, value, source, text, warn, why);
	/* The length of a secret follows from the secret, and is never set by itself. */
	if (!err && !(s->flags & SETTING_HIDDEN) && record_store(rec, index, text) < 0)
		err = iscsi_fail(why, ISCSI_ERR_NOMEM, "no memory for %s", s->name);
	if (!err)
		record_note_name(rec, key);
	explicit_bzero(text, sizeof(text));
	return err;
}

enum iscsi_err iscsi_db_record_set(struct iscsi_db_record *rec, const char *key,
				   const char *value, struct iscsi_why *why)
{
	int index = setting_find(rec->kind, key);

	if (index < 0)
		return iscsi_fail(why, ISCSI_ERR_INVAL, "no setting is called '%s'", key);
	return change(rec, (unsigned int)index, key, value, SETTING_FROM_PROGRAM, NULL, why);
}

enum iscsi_err record_set_int(struct iscsi_db_record *rec, const char *key, int value,
			      struct iscsi_why *why)
{
	char text[16];

	(void)snprintf(text, sizeof(text), "%d", value);
	return iscsi_db_record_set(rec, key, text, why);
}

/* An interface is bound by hardware address or by device; one binding can't become the other. */
static enum iscsi_err check_binding(const struct iscsi_db_record *rec, const char *key,
				    const char *value, struct iscsi_why *why)
{
	static const char *const binding[] = { "iface.hwaddress", "iface.net_ifacename" };

	if (rec->kind != ISCSI_DB_IFACE || !*value)
		return ISCSI_SUCCESS;
	for (size_t i = 0; i < ARRAY_SIZE(binding); i++) {
		const char *other = binding[1 - i], *is = iscsi_db_record_get(rec, other);

		if (streq(key, binding[i]) && *is && !streq(is, "default"))
			return iscsi_fail(why, ISCSI_ERR_INVAL,
					  "Can not update interface binding from %s to %s. "
					  "You must delete the interface and create a new one",
					  strchr(other, '.') + 1, strchr(key, '.') + 1);
	}
	return ISCSI_SUCCESS;
}

enum iscsi_err iscsi_db_record_update(struct iscsi_db_record *rec, const char *key,
				      const char *value, iscsi_db_warn_fn *warn_fn, void *arg,
				      struct iscsi_why *why)
{
	struct db_warn warn = { .fn = warn_fn, .arg = arg };
	int index = setting_find(rec->kind, key);
	const struct setting *s = index < 0 ? NULL : setting_row(rec->kind, (unsigned int)index);
	enum iscsi_err err;

	if (rec->kind == ISCSI_DB_NODE && strncmp(key, "iface.", 6) == 0 &&
	    !streq(key, "iface.transport_name"))
		return iscsi_fail(why, ISCSI_ERR_INVAL,
				  "Cannot modify %s. Use iface mode to update this value.", key);
	if (!s) {
		const char *near = setting_nearest((int)rec->kind, key);

		if (near)
			db_warn(&warn, "did you mean '%s'?", near);
		return iscsi_fail(why, ISCSI_ERR_INVAL, "Cannot modify %s. Invalid param name.",
				  key);
	}
	if (s->flags & SETTING_KEY)
		return iscsi_fail(why, ISCSI_ERR_INVAL,
				  "Cannot modify %s. It is used to look up the record and cannot "
				  "be changed.",
				  key);
	err = check_binding(rec, s->name, value, why);
	if (err)
		return err;
	return change(rec, (unsigned int)index, key, value, SETTING_FROM_USER, &warn, why);
}

enum iscsi_err iscsi_db_record_bind(struct iscsi_db_record *node,
				    const struct iscsi_db_record *iface)
{
	if (node->kind != ISCSI_DB_NODE || iface->kind != ISCSI_DB_IFACE)
		return ISCSI_ERR_INVAL;
	for (unsigned int i = 0; i < setting_count(ISCSI_DB_IFACE); i++) {
		const struct setting *s = setting_row(ISCSI_DB_IFACE, i);
		const char *value = record_value(iface, i);

		if (!*value || (s->type == SETTING_NUMBER && streq(value, "0")))
			continue;
		if ((s->flags & SETTING_BINDING) && streq(value, "default"))
			continue;
		if (record_put(node, s->name, value) < 0)
			return ISCSI_ERR_NOMEM;
	}
	return ISCSI_SUCCESS;
}

int record_fix(struct iscsi_db_record *rec, const char *key, const char *value, bool *fixed)
{
	if (streq(iscsi_db_record_get(rec, key), value))
		return 0;
	*fixed = true;
	return record_put(rec, key, value);
}
