/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A discovery through an iSNS server (RFC 4171): connect, ask which targets this initiator may
 * see, pass them on. A server that wants to know who asks gets the initiator registered for the
 * time of the question. discovery.c starts it for the record of such a server.
 */
#ifndef ISCSID_ISNS_H
#define ISCSID_ISNS_H

#include "iscsid/discovery.h"

struct isns;

/*
 * Begins. @rec is an iSNS record; @initiator the name to ask with; both may be freed afterwards.
 * Errors that need no network are returned, all others come through on_done.
 */
enum iscsi_err isns_start(const struct discovery_env *env, const struct iscsi_db_record *rec,
			  const char *initiator, const struct discovery_owner *owner,
			  struct isns **ret, struct iscsi_why *why);

/* Nothing is called any more, and nothing sent. Takes NULL. */
void isns_silence(struct isns *isns);
/* Takes NULL; returns NULL. */
struct isns *isns_free(struct isns *isns);

#endif /* ISCSID_ISNS_H */
