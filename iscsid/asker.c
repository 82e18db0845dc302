/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lists of askers, see asker.h. */
#include "iscsid/asker.h"

#include <stdlib.h>

static void asker_free(struct asker *asker, enum iscsi_err err, uint32_t sid,
		       const struct iscsi_why *why)
{
	(void)err;
	(void)sid;
	(void)why;
	free(asker);
}

struct asker *asker_nobody(void)
{
	struct asker *asker = calloc(1, sizeof(*asker));

	if (asker)
		asker->done = asker_free;
	return asker;
}

void asker_add(struct asker **list, struct asker *asker)
{
	asker->next = *list;
	*list = asker;
}

void asker_remove(struct asker **list, const struct asker *asker)
{
	while (*list && *list != asker)
		list = &(*list)->next;
	if (*list)
		*list = asker->next;
}

void asker_answer_all(struct asker **list, enum iscsi_err err, uint32_t sid,
		      const struct iscsi_why *why)
{
	while (*list) {
		struct asker *asker = *list;

		*list = asker->next;
		asker->done(asker, err, sid, why);
	}
}
