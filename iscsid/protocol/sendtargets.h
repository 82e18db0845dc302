/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The answer to SendTargets (RFC 7143, appendix C) -> portals. Takes the text of any number of
 * Text Responses as one, in pieces of any size. No I/O, no log.
 */
#ifndef ISCSID_SENDTARGETS_H
#define ISCSID_SENDTARGETS_H

#include <stddef.h>

#include "iscsid/base/addr_kind.h"
#include "libiscsi-db/iscsi-db.h"

#define SENDTARGETS_TEXT_MAX	(64u << 20)	/* bytes of one answer */

/* A target on a portal; the strings are gone after the call. */
struct sendtargets_portal {
	const char *name;	/* has passed iscsi_db_check_foreign_name() */
	const char *address;	/* IPv6 without brackets; has passed iscsi_db_check_address() */
	int port;
	int tpgt;		/* ISCSI_TPGT_UNKNOWN if the target didn't say */
};

/* Called for each portal, once, in the order of the answer; an error ends the work. */
typedef enum iscsi_err sendtargets_fn(void *arg, const struct sendtargets_portal *portal);

/* The strings stay the caller's and outlive the parser. */
struct sendtargets_config {
	const char *address;	/* where the answer comes from, and so any target that names */
	int port;		/* no address; its zone is that of link-local addresses */
	enum addr_kind from;	/* of the portal that answers; see addr_refusal() */
	sendtargets_fn *portal;
	iscsi_db_warn_fn *warn;	/* told what is skipped, and why; may be NULL */
	void *arg;		/* of both */
	int (*random)(void *buf, size_t len);	/* 0, or -errno */
	size_t text_max;	/* 0: SENDTARGETS_TEXT_MAX */
};

struct sendtargets;

/* NULL: no memory. */
struct sendtargets *sendtargets_new(const struct sendtargets_config *config);
struct sendtargets *sendtargets_free(struct sendtargets *st);	/* takes NULL, returns NULL */

/*
 * More of the answer. What can't be used is skipped and told to warn(). An answer over the
 * limit (ISCSI_ERR_PDU_TIMEOUT), a lack of memory or an error of portal() end it, and the
 * caller should use nothing of it.
 */
enum iscsi_err sendtargets_feed(struct sendtargets *st, const void *data, size_t len,
				struct iscsi_why *why);
/* The end of the answer: what still waited for more. */
enum iscsi_err sendtargets_finish(struct sendtargets *st, struct iscsi_why *why);

#endif /* ISCSID_SENDTARGETS_H */
