/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The messages of an iSNS client (RFC 4171). This file builds requests, joins the parts of an
 * answer, and finds the targets in an answer; isns.c sends and receives the messages. No I/O, no
 * log.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "iscsid/base/addr_kind.h"
#include "libiscsi-db/iscsi-db.h"

#define ISNS_HEADER_LEN		12
#define ISNS_REQUEST_MAX	1024		/* bytes of a request */
#define ISNS_ANSWER_MAX		(6u << 20)	/* bytes of an answer, enough for 50,000 portals */

enum isns_function {
	ISNS_DEV_ATTR_REG	= 1,
	ISNS_DEV_ATTR_QRY	= 2,
	ISNS_DEV_DEREG		= 4,
};

/* The statuses that change what iscsid does; isns_status_text() knows all of them. */
enum isns_status {
	ISNS_SUCCESS		= 0,
	ISNS_SOURCE_UNKNOWN	= 6,
	ISNS_NO_SUCH_ENTRY	= 9,
};

const char *isns_status_text(uint32_t status);

/*
 * Writes a request of the node @initiator into @buf: a query for the targets that it may see and
 * their portals, its registration, or its deregistration. Returns the length, or 0 if the request
 * doesn't fit.
 */
size_t isns_build_request(enum isns_function function, uint16_t xid, const char *initiator,
			  uint8_t *buf, size_t size);

/* An answer that is being received. Initialise it with function and xid of the request. */
struct isns_answer {
	enum isns_function function;
	uint16_t xid;
	uint8_t *data;		/* the payloads received so far */
	size_t len, size;
	size_t part_len;	/* of the part that is being received */
	uint32_t parts;
	bool last;		/* this part is the last */
};

/*
 * Takes the header of a part and returns the place and the length of its payload.
 * ISCSI_ERR_ISNS_QUERY with the reason if the part isn't the next part of this answer, if the
 * answer gets too long, or without memory.
 */
enum iscsi_err isns_answer_part(struct isns_answer *answer, const uint8_t header[ISNS_HEADER_LEN],
				uint8_t **ret_payload, size_t *ret_len, struct iscsi_why *why);
/* Call it when the payload is received. True if the answer is complete. */
bool isns_answer_part_end(struct isns_answer *answer);
/* Empties @answer for the next request. */
void isns_answer_done(struct isns_answer *answer);

/* A target on a portal. The strings live during the call only. */
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
	void (*warn)(void *arg, const char *text);	/* hears what is left out, and why */
	void *arg;
};

/* Reads the status of a complete answer. ISCSI_ERR_ISNS_QUERY if the answer has none. */
enum iscsi_err isns_parse_status(const uint8_t *data, size_t len, uint32_t *ret,
				 struct iscsi_why *why);

/*
 * Tells the targets of a complete answer to a query: each portal once, in the order of the answer.
 * Faulty targets and portals are left out. An answer that breaks the format is
 * ISCSI_ERR_ISNS_QUERY, and none of its targets is told.
 */
enum iscsi_err isns_parse_targets(const uint8_t *data, size_t len,
				  const struct isns_visitor *visitor, struct iscsi_why *why);
