/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Files of samples, which consist of sections. */
#pragma once

#include <string.h>

/* The @i-th section of @text, from its line "== NAME" to the next; NULL: there are fewer. */
static inline const char *section_of(const char *text, int i, size_t *len)
{
	const char *p = strstr(text, "\n== "), *end;

	while (p && i--)
		p = strstr(p + 1, "\n== ");
	if (!p)
		return NULL;
	end = strstr(++p, "\n== ");
	*len = end ? (size_t)(end + 1 - p) : strlen(p);
	return p;
}
