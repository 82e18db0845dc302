/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "iscsiadm/print.h"

#include <assert.h>
#include <stdarg.h>

static void put_text(FILE *out, const char *text)
{
	size_t plain = text_plain_len(text), size;
	/* The text may be a secret that was asked for. */
	CLEANUP(secret_freep) char *escaped = NULL;

	if (!text[plain] || !text[strspn(text, "\t")]) {
		(void)fputs(text, out);
		return;
	}
	size = 4 * strlen(text) + 1;	/* each byte as \xNN */
	escaped = malloc(size);
	if (!escaped)
		return;
	text_escape(text, escaped, size);
	(void)fputs(escaped, out);
}

void print_lines(FILE *out, char *text)
{
	const char *odd = text + text_plain_len(text);

	while (*odd == '\n')
		odd += 1 + text_plain_len(odd + 1);
	if (!*odd) {
		(void)fputs(text, out);
		return;
	}
	for (char *line = text, *end; (end = strchr(line, '\n')); line = end + 1) {
		*end = '\0';
		print_to(out, "%s\n", line);
		*end = '\n';
	}
}

void print_to(FILE *out, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	for (;;) {
		char spec[8] = "";
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

/* stdout is the process's too. The C library keeps that it failed, but not why. */
static int failure;

void print_flush(void)
{
	if (fflush(stdout) && !failure)
		failure = errno;
}

int print_end(void)
{
	print_flush();
	return failure || !ferror(stdout) ? failure : EIO;
}
