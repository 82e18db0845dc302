/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who waits for the answer to a login, a logout or a rescan. Sessions keep lists of askers; the
 * local socket embeds an asker in each of its requests.
 */
#ifndef ISCSID_ASKER_H
#define ISCSID_ASKER_H

#include <stdint.h>

#include "libiscsi-db/iscsi-db.h"

/* A part of the waiter's own object, which must live until done() was called. */
struct asker {
	/* @sid: of the session, 0 if the kernel has none; @why is NULL on success. */
	void (*done)(struct asker *asker, enum iscsi_err err, uint32_t sid,
		     const struct iscsi_why *why);
	/* What a person should know although it's no error; before done(). NULL: not wanted. */
	void (*warn)(struct asker *asker, const char *text);
	struct asker *next;
};

void asker_add(struct asker **list, struct asker *asker);
/* Each of them hears it once; the list is empty then. */
void asker_answer_all(struct asker **list, enum iscsi_err err, uint32_t sid,
		      const struct iscsi_why *why);

#endif /* ISCSID_ASKER_H */
