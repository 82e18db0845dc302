/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Parses the answer to SendTargets (RFC 7143, appendix C) into portals. The text of all Text
 * Responses counts as one text, and may come in pieces of any size. No I/O, no log.
 */
#pragma once

#include <stddef.h>

#include "iscsid/base/addr_kind.h"
#include "libiscsi-db/iscsi-db.h"

#define SENDTARGETS_TEXT_MAX	(64u << 20)	/* bytes of one answer */

/* A target on a portal. The strings live during the call only. */
struct sendtargets_portal {
	const char *name;	/* has passed iscsi_db_check_foreign_name() */
	const char *address;	/* IPv6 without brackets; has passed iscsi_db_check_address() */
	int port;
	int tpgt;		/* ISCSI_TPGT_UNKNOWN if the target didn't say */
};

/* Called once for each portal, in the order of the answer. An error ends the parsing. */
typedef enum iscsi_err sendtargets_fn(void *arg, const struct sendtargets_portal *portal);

/* The strings belong to the caller and outlive the parser. */
struct sendtargets_config {
	const char *address;	/* where the answer comes from, and so any target that names */
	int port;		/* no address; its zone is that of link-local addresses */
	enum addr_kind from;	/* of the portal that answers; see addr_refusal() */
	sendtargets_fn *portal;
	iscsi_db_warn_fn *warn;	/* hears what is skipped, with the reason; may be NULL */
	void *arg;		/* of both functions */
	int (*random)(void *buf, size_t len);	/* 0, or -errno */
	size_t text_max;	/* 0: SENDTARGETS_TEXT_MAX */
};

struct sendtargets;

/* Returns NULL without memory. */
struct sendtargets *sendtargets_new(const struct sendtargets_config *config);
struct sendtargets *sendtargets_free(struct sendtargets *st);	/* takes NULL, returns NULL */

/*
 * Parses the next piece of the answer. Faulty names and addresses are skipped with a warning. An
 * answer over the limit (ISCSI_ERR_PDU_TIMEOUT), a lack of memory or an error of portal() is
 * returned; the caller must not use the portals of such an answer.
 */
enum iscsi_err sendtargets_feed(struct sendtargets *st, const void *data, size_t len,
				struct iscsi_why *why);
/* Parses the rest at the end of the answer. */
enum iscsi_err sendtargets_finish(struct sendtargets *st, struct iscsi_why *why);
