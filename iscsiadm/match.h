/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whether two addresses mean the same host: as text, as numbers, or as names that resolve to the
 * same number. Each name is looked up once in a command. adm.c compares records and sessions with
 * -p, and with each other, by this file.
 */
#pragma once

#include <stdbool.h>

struct match_names;

struct match_names *match_names_new(void);
struct match_names *match_names_free(struct match_names *names);

/*
 * Whether @a and @b are equal as texts, as numbers ("::1" and "0:0::1"), or resolve to the same
 * number. A number is never looked up; a name that can't be resolved equals only itself.
 */
bool match_address(struct match_names *names, const char *a, const char *b);

/* Whether @address is a number, which is never looked up. */
bool match_is_number(const char *address);
