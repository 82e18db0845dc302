/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of look-alikes. Each of them stands for one ASCII character. */
#include "libiscsi-db/lookalike.h"

#include "libiscsi-db/util.h"

static const struct {
	const char *utf8, *ascii;
} lookalikes[] = {
	{ "\u2010", "-" }, { "\u2011", "-" }, { "\u2012", "-" }, { "\u2013", "-" },
	{ "\u2014", "-" }, { "\u2015", "-" }, { "\u2212", "-" }, { "\ufe58", "-" },
	{ "\ufe63", "-" }, { "\uff0d", "-" }, { "\u00ad", "-" }, { "\u2e3a", "-" },
	{ "\uff1a", ":" }, { "\ufe55", ":" }, { "\ua789", ":" }, { "\u2236", ":" },
	{ "\uff0c", "," }, { "\u3001", "," }, { "\uff0e", "." }, { "\u3002", "." },
	{ "\uff3b", "[" }, { "\uff3d", "]" },
};

const char *lookalike_find(const char *text, const char **ascii)
{
	for (size_t i = 0; i < ARRAY_SIZE(lookalikes); i++) {
		if (!strncmp(text, lookalikes[i].utf8, strlen(lookalikes[i].utf8))) {
			*ascii = lookalikes[i].ascii;
			return lookalikes[i].utf8;
		}
	}
	return NULL;
}

void lookalike_to_ascii(const char *text, char *ret, size_t size)
{
	size_t n = 0;

	while (*text && n + 1 < size) {
		const char *ascii, *found = lookalike_find(text, &ascii);

		if (found) {
			ret[n++] = *ascii;
			text += strlen(found);
		} else {
			ret[n++] = *text++;
		}
	}
	ret[n] = '\0';
}

enum iscsi_err lookalike_refuse(const char *what, const char *text, struct iscsi_why *why)
{
	char hint[ISCSI_ADDRESS_MAX + 64];

	for (const char *p = text; *p; p++) {
		const char *ascii, *found = lookalike_find(p, &ascii);

		if (!found)
			continue;
		lookalike_to_ascii(text, hint, sizeof(hint));
		return iscsi_fail(why, ISCSI_ERR_INVAL,
				  "%s %s contains a '%s' that only looks like '%s'; "
				  "did you mean %s?", what, text, found, ascii, hint);
	}
	return ISCSI_SUCCESS;
}
