/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A session as "name=value" lines, see session_text.h. The names are in the table of sysfs.c. */
#include "iscsid/message/session_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libiscsi-db/util.h"

static bool is_printed(const struct sysfs_attr *attr)
{
	return !attr->live && attr->detail <= SYSFS_DETAIL_VALUES;
}

char *session_text_print(const struct sysfs_session *session)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	int failed;

	if (!out)
		return NULL;
	fprintf(out, "host_no=%d\ntransport=%s\n", session->host_no, session->transport);
	for (size_t i = 0; i < sysfs_attrs_len; i++) {
		const struct sysfs_attr *attr = &sysfs_attrs[i];
		const char *field = (const char *)session + attr->offset;
		int number = attr->number ? *(const int *)(const void *)field : 0;

		if (!is_printed(attr))
			continue;
		if (attr->number && number != SYSFS_UNSET)
			fprintf(out, "%s=%d\n", attr->name, number);
		else if (!attr->number && *field)
			fprintf(out, "%s=%s\n", attr->name, field);
	}
	failed = ferror(out);
	if (fclose(out) || failed) {
		free(text);
		return NULL;
	}
	return text;
}

static bool parse_int(const char *value, int *ret)
{
	int end = 0;

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
