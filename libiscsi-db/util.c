/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Small functions that more than one of the three parts needs; no state, no I/O. */
#include "libiscsi-db/util.h"

#include <ctype.h>
#include <time.h>

int64_t monotonic_ms(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

bool text_is_among(const char *text, const char *const *words)
{
	while (*words && !streq(*words, text))
		words++;
	return *words;
}

void wipe_free(void *text, size_t len)
{
	if (text)
		explicit_bzero(text, len);
	free(text);
}

void *array_add(void *list, size_t *len, size_t size)
{
	void *array;

	memcpy(&array, list, sizeof(array));
	if (!(*len & (*len - 1))) {
		array = reallocarray(array, MAX(2 * *len, (size_t)1), size);
		if (!array)
			return NULL;
		memcpy(list, &array, sizeof(array));
	}
	return memset((char *)array + size * (*len)++, 0, size);
}

unsigned int edit_distance(const char *a, const char *b, unsigned int limit)
{
	unsigned int row[64];	/* more than the longest name of a setting */
	size_t la = strlen(a), lb = strlen(b);

	if (lb >= ARRAY_SIZE(row) || (la > lb ? la - lb : lb - la) >= limit)
		return limit;
	for (size_t j = 0; j <= lb; j++)
		row[j] = (unsigned int)j;
	for (size_t i = 1; i <= la; i++) {
		unsigned int diagonal = row[0], best = row[0] = (unsigned int)i;

		for (size_t j = 1; j <= lb; j++) {
			bool same = tolower((unsigned char)a[i - 1]) ==
				    tolower((unsigned char)b[j - 1]);
			unsigned int cost = MIN(diagonal + !same, MIN(row[j], row[j - 1]) + 1);

			diagonal = row[j];
			row[j] = cost;
			best = MIN(best, cost);
		}
		if (best >= limit)
			return limit;
	}
	return row[lb];
}
