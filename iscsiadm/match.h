/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whether two addresses mean the same: as text, as numbers, or as names that resolve alike.
 * Names are looked up only when asked for, and each once for a whole command. The modes use it
 * to hold records and sessions against -p.
 */
#ifndef ISCSIADM_MATCH_H
#define ISCSIADM_MATCH_H

#include <stdbool.h>

struct match_names;

struct match_names *match_names_new(void);
struct match_names *match_names_free(struct match_names *names);

/* Equal as text, or both numeric and equal: "::1" and "0:0::1". Looks nothing up. */
bool match_address(const char *a, const char *b);

/* Also equal if what @a and @b resolve to is. A name that can't be resolved equals nothing. */
bool match_address_resolved(struct match_names *names, const char *a, const char *b);

/* True if @address is no number, so that only a look-up can tell. */
bool match_is_name(const char *address);

#endif /* ISCSIADM_MATCH_H */
