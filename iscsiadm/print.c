/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "iscsiadm/print.h"

#include <assert.h>
#include <stdarg.h>

static void put_text(FILE *out, const char *text)
{
	size_t len = strlen(text), size = 4 * len + 1;	/* each byte as \xNN */
	/* The text may be a secret that was asked for. */
	CLEANUP(secret_freep) char *escaped = NULL;

	if (strspn(text, "\t") == len) {
		(void)fputs(text, out);
		return;
	}
	escaped = malloc(size);
	if (!escaped)
		return;
	text_escape(text, escaped, size);
	(void)fputs(escaped, out);
}

void print_to(FILE *out, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	for (;;) {
		char spec[16] = "";
		size_t len = strcspn(fmt, "%");

		(void)fwrite(fmt, 1, len, out);
		fmt += len;
		if (!*fmt)
			break;
		len = strcspn(fmt, "sdu") + 1;
		assert(len < sizeof(spec));
		memcpy(spec, fmt, len);
		fmt += len;
		if (fmt[-1] == 's')
			put_text(out, va_arg(ap, const char *));
		else if (strstr(spec, "ll"))
			(void)fprintf(out, spec, va_arg(ap, long long));
		else if (strchr(spec, 'l'))
			(void)fprintf(out, spec, va_arg(ap, long));
		else
			(void)fprintf(out, spec, va_arg(ap, int));
	}
	va_end(ap);
}
