/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The messages of an iSNS client (RFC 4171) <-> bytes: requests are built, answers put together
 * from their parts, and the targets in them found. isns.c carries them. A parser: no I/O, no log.
 */
#ifndef ISCSID_ISNS_PDU_H
#define ISCSID_ISNS_PDU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "iscsid/base/addr_kind.h"
#include "libiscsi-db/iscsi-db.h"

#define ISNS_HEADER_LEN		12
#define ISNS_REQUEST_MAX	1024		/* any request of ours */
#define ISNS_ANSWER_MAX		(6u << 20)	/* bytes of one answer: some 50,000 portals */

enum isns_function {
	ISNS_DEV_ATTR_REG	= 1,
	ISNS_DEV_ATTR_QRY	= 2,
	ISNS_DEV_DEREG		= 4,
};

/* The statuses that mean something to us; isns_status_text() knows the others. */
enum isns_status {
	ISNS_SUCCESS		= 0,
	ISNS_SOURCE_UNKNOWN	= 6,
	ISNS_NO_SUCH_ENTRY	= 9,
};

const char *isns_status_text(uint32_t status);

/*
 * A request of the node @initiator into @buf: the targets it may see and their portals; itself
 * as a new initiator; itself away again. The length, 0 if it doesn't fit.
 */
size_t isns_build_request(enum isns_function function, uint16_t xid, const char *initiator,
			  uint8_t *buf, size_t size);

/* An answer on its way in. Starts as { .function, .xid } of the request. */
struct isns_answer {
	enum isns_function function;
	uint16_t xid;
	uint8_t *data;		/* the payloads so far, one after the other */
	size_t len, size;
	size_t part_len;	/* of the part that is being read */
	uint32_t parts;
	bool last;		/* that part is the last one */
};

/*
 * Takes the header of a part and says where its payload is to be put, and how many bytes that
 * is. ISCSI_ERR_ISNS_QUERY with the reason if it isn't the part that must come now, if the
 * answer gets too long, or if there is no memory.
 */
enum iscsi_err isns_answer_part(struct isns_answer *answer, const uint8_t header[ISNS_HEADER_LEN],
				uint8_t **ret_payload, size_t *ret_len, struct iscsi_why *why);
/* The payload is there. True if the answer is complete. */
bool isns_answer_part_end(struct isns_answer *answer);
/* Empties it for the next request. */
void isns_answer_done(struct isns_answer *answer);

/* A target on a portal; the strings are gone after the call. */
struct isns_portal {
	const char *name;	/* has passed iscsi_db_check_foreign_name() */
	const char *address;	/* has passed iscsi_db_check_address() */
	int port;
	int tpgt;		/* ISCSI_TPGT_UNKNOWN if the server didn't say */
};

struct isns_visitor {
	const char *server;	/* its address, whose zone is that of link-local ones */
	enum addr_kind from;	/* of the server; see addr_refusal() */
	void (*portal)(void *arg, const struct isns_portal *portal);
	void (*warn)(void *arg, const char *text);	/* told what is left out, and why */
	void *arg;
};

/* The status of a complete answer; ISCSI_ERR_ISNS_QUERY if it has none. */
enum iscsi_err isns_parse_status(const uint8_t *data, size_t len, uint32_t *ret,
				 struct iscsi_why *why);

/*
 * The targets of a complete answer to a query: each portal once, in the order of the answer.
 * What can't be used is left out. An answer that breaks the format is ISCSI_ERR_ISNS_QUERY, and
 * then nothing of it was told.
 */
enum iscsi_err isns_parse_targets(const uint8_t *data, size_t len,
				  const struct isns_visitor *visitor, struct iscsi_why *why);

#endif /* ISCSID_ISNS_PDU_H */
