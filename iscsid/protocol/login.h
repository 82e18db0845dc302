/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The login phase (RFC 7143, 6.3) as a conversation without a socket: a response goes in, the
 * next request comes out. Normal sessions hand the requests to the kernel, discovery sessions
 * write them to their own socket; both run the same engine. No I/O, no clock, no log; the
 * random bytes for CHAP are handed in.
 */
#ifndef ISCSID_LOGIN_H
#define ISCSID_LOGIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "iscsid/protocol/chap.h"
#include "iscsid/protocol/negotiate.h"
#include "iscsid/protocol/pdu.h"

/* What the login wants. The strings and @chap stay the caller's and outlive the login. */
struct login_config {
	bool discovery;			/* SessionType=Discovery */
	bool security_first;		/* without credentials too: see LOGIN_AGAIN */
	const char *initiator_name;
	const char *initiator_alias;	/* "" for none */
	const char *target_name;	/* not for discovery */
	int tpgt;			/* what the record says; ISCSI_TPGT_UNKNOWN */
	uint8_t isid[PDU_ISID_LEN];
	uint16_t cid;
	uint32_t exp_stat_sn;		/* of the first request; 0 for a new session */
	uint32_t cmd_sn;		/* discovery only; the kernel fills it otherwise */
	struct chap_config chap;	/* no user name and no secret: no authentication */
	struct negotiate_params offer;	/* what we offer for each operational key */
	int (*random)(void *buf, size_t len);	/* 0, or -errno */
};

#define LOGIN_ITT		0x6c6f6769u	/* of the requests of discovery sessions */

enum login_result {
	LOGIN_SEND,		/* a request was made: send it and bring its response */
	LOGIN_DONE,		/* full feature phase: see login_outcome() */
	LOGIN_MOVED,		/* the target is elsewhere: see login_outcome() */
	/*
	 * The target doesn't take a login that skips the security stage (RFC 7143, 6.3.1): begin
	 * anew, on a new connection and with security_first. Never comes with security_first.
	 */
	LOGIN_AGAIN,
	LOGIN_FAILED,		/* see @err, @why and login_outcome() */
};

#define LOGIN_ADDRESSES_MAX	8	/* of a redirection; more are ignored */

/* Valid after LOGIN_DONE, LOGIN_MOVED or LOGIN_FAILED. */
struct login_outcome {
	uint16_t tsih;
	uint32_t exp_stat_sn;			/* last StatSN + 1 */
	int tpgt;				/* what the target said; ISCSI_TPGT_UNKNOWN */
	bool auth_skipped;	/* a secret was configured, but the target asked for no CHAP */
	struct negotiate_params agreed;
	/* Status of the response that ended the login; class 0xff if we ended it ourselves. */
	uint8_t status_class, status_detail;
	bool retry;				/* LOGIN_FAILED: another attempt may succeed */
	struct iscsi_db_portal moved_to[LOGIN_ADDRESSES_MAX];
	size_t moved_to_len;
};

/* A request as it leaves: 48 bytes of header and the text that follows, without padding. */
struct login_pdu {
	uint8_t bhs[PDU_BHS_LEN];
	uint8_t data[PDU_LOGIN_DATA_MAX];
	size_t data_len;
};

struct login;

/* An engine that a session keeps for all its logins; the caller frees it. NULL: no memory. */
struct login *login_new(void);
struct login *login_free(struct login *login);		/* wipes; takes NULL, returns NULL */

/* Begins a login: the first request. @config is copied, see there for what must outlive it. */
enum login_result login_start(struct login *login, const struct login_config *config,
			      struct login_pdu *request, enum iscsi_err *err,
			      struct iscsi_why *why);

/*
 * Takes a response and makes the next request. @data_len bytes of @data are there, whatever the
 * header says. With LOGIN_FAILED, @err is the code that iscsiadm ends with.
 */
enum login_result login_step(struct login *login, const uint8_t bhs[PDU_BHS_LEN],
			     const uint8_t *data, size_t data_len,
			     struct login_pdu *request, enum iscsi_err *err,
			     struct iscsi_why *why);

const struct login_outcome *login_outcome(const struct login *login);

/* A login status in words, "target not found"; never NULL. */
const char *login_status_text(uint8_t status_class, uint8_t status_detail);

#endif /* ISCSID_LOGIN_H */
