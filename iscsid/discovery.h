/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A discovery session (RFC 7143, appendix C): connect, log in, ask for SendTargets=All, pass the
 * targets on, log out. On its own socket, without the kernel's iSCSI, with the same login engine
 * as any session. Tries again within the record's reopen_max. The record of an iSNS server leads
 * to isns.c instead.
 */
#ifndef ISCSID_DISCOVERY_H
#define ISCSID_DISCOVERY_H

#include <systemd/sd-event.h>

#include "iscsid/base/clock.h"
#include "iscsid/base/lookup.h"
#include "iscsid/kernel/sysfs.h"
#include "libiscsi-db/iscsi-db.h"

struct chap_issued;
struct discovery;

struct discovery_env {
	sd_event *loop;
	struct clock *clock;
	const struct resolver *resolver;
	struct sysfs *sysfs;
	int (*random)(void *buf, size_t len);
	struct chap_issued *issued;	/* challenges of all logins; NULL: not remembered */
};

/* Each is called from the loop. */
struct discovery_owner {
	void (*on_target)(void *arg, const char *name, const char *address, int port, int tpgt);
	/* What was skipped, and why, or another thing that a person should know of. */
	void (*on_warning)(void *arg, const char *text);
	/* The end, once; the discovery is freed by whoever owns it, then or later. */
	void (*on_done)(void *arg, enum iscsi_err err, const struct iscsi_why *why);
	void *arg;
};

/*
 * Begins. @rec is a SendTargets or iSNS record; @iface an interface record, or NULL; both may be
 * freed afterwards. Errors that need no network are returned, all others come through on_done.
 */
enum iscsi_err discovery_start(const struct discovery_env *env, const struct iscsi_db_record *rec,
			       const struct iscsi_db_record *iface,
			       const struct iscsi_db_initiator *initiator,
			       const struct discovery_owner *owner, struct discovery **ret,
			       struct iscsi_why *why);

/* A link that is the owner's, for a list of discoveries that are to be freed. */
struct discovery **discovery_next(struct discovery *discovery);

/* Nothing is called any more, and nothing sent; it can be freed whenever that is safe. */
void discovery_silence(struct discovery *discovery);
/* Takes NULL; returns NULL. */
struct discovery *discovery_free(struct discovery *discovery);

#endif /* ISCSID_DISCOVERY_H */
