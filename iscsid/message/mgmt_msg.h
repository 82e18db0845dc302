/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Requests to iscsid and its replies <-> bytes. The only description of the messages on the
 * local socket; iscsid's mgmt.c and iscsiadm's client.c use it. A parser: no I/O, no log.
 *
 * A message is a header of 12 bytes, big-endian: 32 bits magic, 16 bits version, 16 bits type,
 * 32 bits length of the body. The daemon speaks first, with MGMT_HELLO. A client sends nothing
 * before that, so that a daemon of another version, or open-iscsi's own, which listens on the
 * same abstract name, gets no request that it would misunderstand. Then the client sends any number
 * of requests, each about one object and with a tag of the client's choice; the daemon answers
 * each with exactly one MGMT_RESULT of the same tag, in the order in which they end, with any
 * number of MGMT_TARGET, MGMT_STAT or MGMT_WARNING before it. A message that can't be understood is answered
 * with a MGMT_RESULT of tag 0 and ISCSI_ERR_INVALID_MGMT_REQ, then the connection is closed.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libiscsi-db/iscsi-db.h"

#define MGMT_MAGIC		0x69534352u	/* "iSCR": never the start of an old mgmt struct */
#define MGMT_VERSION		4
#define MGMT_HEADER_LEN		12
#define MGMT_BODY_MAX		(128 * 1024)	/* bounds the memory that a peer can use here */

/* Where the daemon listens: a path that can be bind-mounted, and the name that units know. */
#define MGMT_SOCKET_PATH	"/run/iscsid/iscsid.sock"
#define MGMT_SOCKET_ABSTRACT	"ISCSIADM_ABSTRACT_NAMESPACE"	/* after a leading NUL byte */

/*
 * The noop_out_timeout of a login that a boot needs: the kernel waits a day for the answer to a ping,
 * since before the real root is there a connection that is given up never comes back. The daemon that
 * takes over a session with this time gives it the times of its record, or of iscsid.conf.
 */
#define BOOT_NOOP_OUT_TIMEOUT_S	86400

enum mgmt_type {
	/* requests */
	MGMT_LOGIN		= 1,	/* record: make one session */
	MGMT_LOGOUT		= 2,	/* sid: end the session */
	MGMT_DISCOVER		= 3,	/* record (SendTargets, iSNS), iface: ask for targets */
	MGMT_SESSION_STATE	= 4,	/* sid: the daemon's view of the session */
	MGMT_RESCAN		= 5,	/* sid: look for LUNs */
	MGMT_STOP		= 6,	/* end the daemon; sessions stay */
	MGMT_GET_STATS		= 7,	/* sid: the counters of its connection */
	MGMT_ATTEMPTS		= 8,	/* first logins that are under way: a MGMT_ATTEMPT for each */
	MGMT_CALL_OFF		= 9,	/* sid: the number of such a login; end it, also in the kernel */
	/* replies */
	MGMT_RESULT		= 64,
	MGMT_TARGET		= 65,	/* of a discovery */
	MGMT_STAT		= 66,	/* one counter */
	MGMT_HELLO		= 67,	/* name: the daemon's own version, "3.0.0" */
	MGMT_ATTEMPT		= 69,	/* a login that is under way */
	MGMT_WARNING		= 68,	/* why: for the person's eyes; the request goes on */
};

enum mgmt_flag {
	/* MGMT_LOGIN: answer once the request is accepted, not when the login has ended */
	MGMT_NO_WAIT		= 1 << 0,
	/* MGMT_LOGIN: also if there already is a session of this node and interface */
	MGMT_ANOTHER		= 1 << 1,
	/* MGMT_DISCOVER: the record is that of an iSNS server */
	MGMT_ISNS		= 1 << 2,
	/* MGMT_LOGIN: try until it succeeds or is called off, also after the answer */
	MGMT_WANTED		= 1 << 5,
	/* MGMT_LOGOUT: not if one of the session's disks is in use */
	MGMT_SPARE_USED		= 1 << 3,
	/* MGMT_LOGOUT: also if the session is lost and what one of its disks carries is in use */
	MGMT_FORCE		= 1 << 4,
};

/* Strings point into the bytes that were parsed, or are the caller's when building. */
struct mgmt_request {
	enum mgmt_type type;
	uint32_t tag;
	uint32_t flags;		/* enum mgmt_flag */
	uint32_t sid;
	const char *record;	/* text, ISCSI_DB_FORM_FILE; "" if the type has none */
	const char *iface;	/* text of an interface record; "" for none */
};

/* The states of a connection, in the order of enum conn_state, and of the daemon's recovery. */
enum mgmt_conn_state {
	MGMT_CONN_FREE, MGMT_CONN_XPT_WAIT, MGMT_CONN_IN_LOGIN, MGMT_CONN_LOGGED_IN,
	MGMT_CONN_IN_LOGOUT, MGMT_CONN_LOGOUT_REQUESTED, MGMT_CONN_CLEANUP_WAIT,
	MGMT_CONN_UNKNOWN,
};
/* The state in words, as open-iscsi has them. */
const char *mgmt_conn_text(unsigned int state);

enum mgmt_recovery {
	MGMT_RECOVERY_NO_CHANGE, MGMT_RECOVERY_CLEANUP, MGMT_RECOVERY_REOPEN,
	MGMT_RECOVERY_REDIRECT, MGMT_RECOVERY_UNKNOWN,
};

struct mgmt_reply {
	enum mgmt_type type;		/* one of the replies */
	uint32_t tag;
	/* MGMT_RESULT */
	enum iscsi_err err;
	const char *why;		/* the reason in words; "" on success; MGMT_WARNING: the text */
	uint32_t sid;			/* MGMT_LOGIN: the new session */
	enum mgmt_conn_state conn_state;	/* MGMT_SESSION_STATE */
	enum mgmt_recovery recovery;		/* MGMT_SESSION_STATE */
	/*
	 * MGMT_SESSION_STATE: text for session_text_parse(), or of a lost session for
	 * session_text_parse_outage(); "": look at the kernel
	 */
	const char *session;
	/* MGMT_TARGET; MGMT_ATTEMPT, with its number as @sid and @why its last attempt failed */
	const char *name;
	const char *address;		/* without brackets */
	int port;
	int tpgt;			/* ISCSI_TPGT_UNKNOWN: the target didn't say */
	const char *iface;		/* MGMT_ATTEMPT, as the next two */
	bool wanted;
	uint32_t failed, since_s;	/* failed attempts; how long it has been tried */
	/* MGMT_HELLO has @name alone; MGMT_STAT, with @name */
	uint64_t value;
	bool custom;			/* a counter that only this driver has */
};

/*
 * A header -> the length of the body that follows. ISCSI_ERR_INVALID_MGMT_REQ: not ours, another
 * version, or too long; @why says which. @type may be NULL.
 */
enum iscsi_err mgmt_msg_header(const uint8_t header[MGMT_HEADER_LEN], uint16_t *type,
			       uint32_t *body_len, struct iscsi_why *why);

/* A body of @type -> a request or a reply, whose strings point into @body. */
enum iscsi_err mgmt_msg_parse_request(uint16_t type, const uint8_t *body, size_t len,
				      struct mgmt_request *ret, struct iscsi_why *why);
enum iscsi_err mgmt_msg_parse_reply(uint16_t type, const uint8_t *body, size_t len,
				    struct mgmt_reply *ret, struct iscsi_why *why);

/* A whole message, header and body, in memory that the caller frees. NULL: too long, no memory. */
uint8_t *mgmt_msg_build_request(const struct mgmt_request *req, size_t *ret_len);
uint8_t *mgmt_msg_build_reply(const struct mgmt_reply *reply, size_t *ret_len);
