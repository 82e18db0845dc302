/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The login phase (RFC 7143, 6.3) as a conversation without a socket: the engine takes a response
 * and makes the next request. Normal sessions give the requests to the kernel, discovery sessions
 * send them through their own socket. No I/O, no clock, no log; the caller supplies the random
 * bytes for CHAP.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "iscsid/protocol/chap.h"
#include "iscsid/protocol/negotiate.h"
#include "iscsid/protocol/pdu.h"

/* The settings of a login. The strings and @chap belong to the caller and outlive the login. */
struct login_config {
	bool discovery;			/* SessionType=Discovery */
	bool security_first;		/* also without credentials: see LOGIN_AGAIN */
	const char *initiator_name;
	const char *initiator_alias;	/* "": none */
	const char *target_name;	/* not for discovery */
	int tpgt;			/* from the record, or ISCSI_TPGT_UNKNOWN */
	uint8_t isid[PDU_ISID_LEN];
	uint32_t exp_stat_sn;		/* in the first request; 0 for a new session */
	uint32_t cmd_sn;		/* for discovery; the kernel sets it otherwise */
	struct chap_config chap;	/* without user name and secret: no authentication */
	struct negotiate_params offer;	/* our offers of the operational keys */
	int (*random)(void *buf, size_t len);	/* 0, or -errno */
};

#define LOGIN_ITT		0x6c6f6769u	/* in all requests of discovery sessions */

enum login_result {
	LOGIN_SEND,		/* send the request, and pass its response to login_step() */
	LOGIN_DONE,		/* full feature phase has begun: see login_outcome() */
	LOGIN_MOVED,		/* the target redirects us: see login_outcome() */
	/*
	 * The target refuses a login that skips the security stage (RFC 7143, 6.3.1): log in again
	 * with security_first, on a new connection. A login with security_first never has this
	 * result.
	 */
	LOGIN_AGAIN,
	LOGIN_FAILED,		/* see @err, @why and login_outcome() */
};

#define LOGIN_ADDRESSES_MAX	8	/* in a redirection; more are ignored */

/* Valid after LOGIN_DONE, LOGIN_MOVED or LOGIN_FAILED. */
struct login_outcome {
	uint16_t tsih;
	uint32_t exp_stat_sn;			/* last StatSN + 1 */
	int tpgt;				/* from the target, or ISCSI_TPGT_UNKNOWN */
	bool auth_skipped;	/* a secret was configured, but the target asked for no CHAP */
	struct negotiate_params agreed;
	/* The status of the last response; class 0xff if the engine itself ended the login. */
	uint8_t status_class, status_detail;
	bool retry;				/* LOGIN_FAILED: another attempt may succeed */
	struct iscsi_db_portal moved_to[LOGIN_ADDRESSES_MAX];
	size_t moved_to_len;
};

/* A request: 48 bytes of header, and the text without padding. */
struct login_pdu {
	uint8_t bhs[PDU_BHS_LEN];
	uint8_t data[PDU_LOGIN_DATA_MAX];
	size_t data_len;
};

struct login;

/* Makes an engine, which a session keeps for all its logins. Returns NULL without memory. */
struct login *login_new(void);
struct login *login_free(struct login *login);		/* wipes secrets; takes NULL, returns NULL */

/* Begins a login with a copy of @config, and makes the first request. */
enum login_result login_start(struct login *login, const struct login_config *config,
			      struct login_pdu *request, enum iscsi_err *err,
			      struct iscsi_why *why);

/*
 * Takes a response and makes the next request. @data has @data_len bytes, even if the header gives
 * another length. With LOGIN_FAILED, @err is the exit code of iscsiadm.
 */
enum login_result login_step(struct login *login, const uint8_t bhs[PDU_BHS_LEN],
			     const uint8_t *data, size_t data_len,
			     struct login_pdu *request, enum iscsi_err *err,
			     struct iscsi_why *why);

const struct login_outcome *login_outcome(const struct login *login);

/* A login status in words, such as "target not found"; never NULL. */
const char *login_status_text(uint8_t status_class, uint8_t status_detail);
