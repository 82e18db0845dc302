/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A discovery session (RFC 7143, appendix C) connects, logs in, asks for SendTargets=All, passes
 * the targets on and logs out. It uses a socket of its own instead of the kernel's iSCSI, and the
 * login engine that all sessions use. A failed attempt is repeated up to the record's reopen_max
 * times. If the record names an iSNS server, isns.c does the work.
 */
#pragma once

#include "iscsid/discovery_env.h"

struct discovery;

/*
 * Begins a discovery. @rec is a SendTargets or iSNS record, @iface an interface record or NULL;
 * the caller may free both afterwards. @iface or @initiator has the initiator name. The function
 * returns the errors that it finds without the network; on_done() tells all other errors.
 */
enum iscsi_err discovery_start(const struct discovery_env *env, const struct iscsi_db_record *rec,
			       const struct iscsi_db_record *iface,
			       const struct iscsi_db_initiator *initiator,
			       const struct discovery_owner *owner, struct discovery **ret,
			       struct iscsi_why *why);

/* The link with which the owner lists the discoveries that it will free. */
struct discovery **discovery_next(struct discovery *discovery);

/* Ends all callbacks and all sending, so that the owner may free the discovery later. */
void discovery_silence(struct discovery *discovery);
/* Takes NULL; returns NULL. */
struct discovery *discovery_free(struct discovery *discovery);
