/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A discovery through an iSNS server (RFC 4171) connects, asks which targets this initiator may
 * see, and passes the targets on. If the server answers registered initiators only, the initiator
 * is registered for the time of the question. discovery.c calls this file.
 */
#pragma once

#include "iscsid/discovery_env.h"

struct isns;

/*
 * Begins a discovery. @rec is an iSNS record, @initiator the name of the initiator; the caller may
 * free both afterwards. The function returns the errors that it finds without the network;
 * on_done() tells all other errors.
 */
enum iscsi_err isns_start(const struct discovery_env *env, const struct iscsi_db_record *rec,
			  const char *initiator, const struct discovery_owner *owner,
			  struct isns **ret, struct iscsi_why *why);

/* Ends all callbacks and all sending. Takes NULL. */
void isns_silence(struct isns *isns);
/* Takes NULL; returns NULL. */
struct isns *isns_free(struct isns *isns);
