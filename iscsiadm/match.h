/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whether two addresses mean the same: as text, as numbers, or as names that resolve alike.
 * Each name is looked up once for a whole command. The modes use it to hold records and sessions
 * against -p and each other.
 */
#ifndef ISCSIADM_MATCH_H
#define ISCSIADM_MATCH_H

#include <stdbool.h>

struct match_names;

struct match_names *match_names_new(void);
struct match_names *match_names_free(struct match_names *names);

/*
 * Equal as text, as numbers ("::1" and "0:0::1"), or in what they resolve to. Only what is no
 * number is looked up; a name that can't be resolved equals nothing but itself.
 */
bool match_address(struct match_names *names, const char *a, const char *b);

/* True if it is a numeric address, and never looked up. */
bool match_is_number(const char *address);

#endif /* ISCSIADM_MATCH_H */
