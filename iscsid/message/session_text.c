/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A session as "name=value" lines, see session_text.h. The names are in the table of sysfs.c. */
#include "iscsid/message/session_text.h"

#include <inttypes.h>

#include "libiscsi-db/util.h"

static bool is_printed(const struct sysfs_attr *attr)
{
	return !attr->live && attr->detail <= SYSFS_DETAIL_VALUES;
}

/* Closes the stream of open_memstream(); returns its text, or NULL if something failed. */
static char *finish(FILE *out, char **text)
{
	int failed = ferror(out);

	if (fclose(out) || failed) {
		free(*text);
		return NULL;
	}
	return *text;
}

char *session_text_print(const struct sysfs_session *session)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	fprintf(out, "host_no=%d\ntransport=%s\n", session->host_no, session->transport);
	for (size_t i = 0; i < sysfs_attrs_len; i++) {
		const struct sysfs_attr *attr = &sysfs_attrs[i];
		const char *field = (const char *)session + attr->offset;
		const int *number = (const void *)field;

		if (!is_printed(attr))
			continue;
		if (attr->number && *number != SYSFS_UNSET)
			fprintf(out, "%s=%d\n", attr->name, *number);
		else if (!attr->number && *field)
			fprintf(out, "%s=%s\n", attr->name, field);
	}
	return finish(out, &text);
}

static bool parse_int(const char *value, int *ret)
{
	int end;

	return sscanf(value, "%d%n", ret, &end) == 1 && !value[end];
}

static bool take_field_text(const char *value, char *ret, size_t size)
{
	size_t len = strlen(value);

	if (len >= size)
		return false;
	memcpy(ret, value, len + 1);
	return true;
}

static bool take_value(const char *name, const char *value, struct sysfs_session *ret)
{
	if (streq(name, "host_no"))
		return parse_int(value, &ret->host_no);
	if (streq(name, "transport"))
		return take_field_text(value, ret->transport, sizeof(ret->transport));
	for (size_t i = 0; i < sysfs_attrs_len; i++) {
		const struct sysfs_attr *attr = &sysfs_attrs[i];
		char *field = (char *)ret + attr->offset;

		if (is_printed(attr) && streq(attr->name, name))
			return attr->number ? parse_int(value, (int *)(void *)field) :
					      take_field_text(value, field, attr->size);
	}
	return true;
}

bool session_text_parse(const char *text, unsigned int sid, struct sysfs_session *ret)
{
	CLEANUP(freep) char *copy = strdup(text);
	struct sysfs_session session;
	char *next;

	if (!copy)
		return false;
	sysfs_session_unset(&session, sid);
	for (char *line = copy; *line; line = next) {
		char *end = strchr(line, '\n'), *value = strchr(line, '=');

		if (!end || !value || value > end)
			return false;
		next = end + 1;
		*end = *value = '\0';
		if (!take_value(line, value + 1, &session))
			return false;
	}
	if (session.host_no < 0 || !*session.target)
		return false;
	*ret = session;
	return true;
}

char *session_text_print_outage(const struct session_outage *o)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	fprintf(out, "down_since=%" PRId64 "\nattempts=%" PRIu32 "\ncode=%d\nnext_attempt=%" PRId64
		"\nfails_at=%" PRId64 "\nreason=%s\n", o->down_ms, o->attempts, (int)o->code,
		o->next_attempt_ms, o->fails_ms, o->reason.text);
	return finish(out, &text);
}

bool session_text_parse_outage(const char *text, struct session_outage *ret)
{
	struct session_outage o;
	int code, end = 0;
	size_t len;

	if (sscanf(text, "down_since=%" SCNd64 "\nattempts=%" SCNu32 "\ncode=%d\nnext_attempt=%"
		   SCNd64 "\nfails_at=%" SCNd64 "\nreason=%n", &o.down_ms, &o.attempts, &code,
		   &o.next_attempt_ms, &o.fails_ms, &end) != 5 || !end)
		return false;
	len = strcspn(text + end, "\n");
	if (len >= sizeof(o.reason.text) || text[end + len] != '\n')
		return false;
	o.code = code >= 0 && code < ISCSI_ERR_END ? (enum iscsi_err)code : ISCSI_ERR_INTERNAL;
	memcpy(o.reason.text, text + end, len);
	o.reason.text[len] = '\0';
	*ret = o;
	return true;
}
