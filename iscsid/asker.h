/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An asker waits for the answer to a login, a logout or a rescan. Sessions keep lists of askers;
 * mgmt.c embeds an asker in each request of the local socket.
 */
#pragma once

#include <stdint.h>

#include "libiscsi-db/iscsi-db.h"

struct session;

/* An asker is a part of another object, which must live until done() was called. */
struct asker {
	/* @sid is 0 if the kernel has no session; @why is NULL on success. */
	void (*done)(struct asker *asker, enum iscsi_err err, uint32_t sid,
		     const struct iscsi_why *why);
	/* Passes a warning to the person who waits, before done(). May be NULL. */
	void (*warn)(struct asker *asker, const char *text);
	struct asker *next;
	struct session *login;		/* whose first login the asker waits for; NULL: none */
};

/* An asker who wants no answer. NULL: no memory. */
struct asker *asker_nobody(void);
void asker_add(struct asker **list, struct asker *asker);
/* Takes @asker, which will not be answered, out of the list if the asker is there. */
void asker_remove(struct asker **list, const struct asker *asker);
/* Calls done() of each asker once, and leaves the list empty. */
void asker_answer_all(struct asker **list, enum iscsi_err err, uint32_t sid,
		      const struct iscsi_why *why);
