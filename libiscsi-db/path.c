/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Texts and paths that are put together and taken apart. Nothing here looks at a file. */
#include "libiscsi-db/path.h"

#include <stdarg.h>

char *db_format(const char *fmt, ...)
{
	char *text = NULL;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&text, fmt, ap);
	va_end(ap);
	return n < 0 ? NULL : text;
}

char *db_concat(const char *first, ...)
{
	size_t len = 0;
	char *text, *end;
	va_list ap;

	va_start(ap, first);
	for (const char *piece = first; piece; piece = va_arg(ap, const char *))
		len += strlen(piece);
	va_end(ap);
	text = end = malloc(len + 1);
	if (!text)
		return NULL;
	va_start(ap, first);
	for (const char *piece = first; piece; piece = va_arg(ap, const char *))
		end = stpcpy(end, piece);
	va_end(ap);
	return text;
}

char *db_join(const char *a, const char *b)
{
	return db_concat(a, "/", b, NULL);
}

const char *db_base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

char *db_parent_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? strndup(path, (size_t)(slash - path)) : strdup(".");
}
