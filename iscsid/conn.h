/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A connection: the state table of RFC 7143, 8.1.3, for the initiator. It connects, runs the
 * login engine through the kernel, reacts to PDUs that the kernel leaves to user space, and logs
 * out. The session decides when each of these begins. A connection queues its reports to the
 * session, and the event loop delivers them after the connection's own step has ended.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <systemd/sd-event.h>

#include "iscsid/base/clock.h"
#include "iscsid/base/retry.h"
#include "iscsid/kernel/kernel.h"
#include "iscsid/message/mgmt_msg.h"
#include "iscsid/protocol/login.h"
#include "iscsid/session_config.h"

enum conn_state {			/* RFC 7143, 8.1.3 */
	CONN_FREE = MGMT_CONN_FREE,	/* S1 */
	CONN_XPT_WAIT,			/* S2: TCP connect under way */
	CONN_IN_LOGIN,			/* S4 */
	CONN_LOGGED_IN,			/* S5: full feature phase */
	CONN_IN_LOGOUT,			/* S6 */
	CONN_LOGOUT_REQUESTED,		/* S7: the target asked for a logout */
	CONN_CLEANUP_WAIT,		/* S8: the kernel holds I/O until a new login */
};

enum conn_report_kind {
	CONN_REPORT_UP,			/* the full feature phase has begun */
	CONN_REPORT_FAILED,		/* no connection or no login; err, cause and why are set */
	CONN_REPORT_MOVED,		/* by a redirection: see conn_login_outcome() */
	CONN_REPORT_INSISTED,		/* the target insists on the security stage */
	CONN_REPORT_LOST,		/* the full feature phase has ended; the kernel holds I/O */
	CONN_REPORT_LOGOUT_REQUESTED,	/* by the target: log out, then log in again */
	CONN_REPORT_LUNS_CHANGED,	/* the target's LUNs are not what they were */
	CONN_REPORT_CLOSED,		/* the logout has ended, answered or not */
};

struct conn_report {
	enum conn_report_kind kind;
	enum retry_cause cause;		/* CONN_REPORT_FAILED */
	enum iscsi_err err;
	int error;			/* CONN_REPORT_LOST: the kernel's, see kernel.h, or 0 */
	/* CONN_REPORT_LOST: the target's own wish or -1; _FAILED after a login: Time2Wait; else 0 */
	int wait_s;
	struct iscsi_why why;
};

/* What all connections share; the manager owns it. */
struct conn_env {
	sd_event *loop;
	struct clock *clock;
	struct kernel *kernel;
	int (*random)(void *buf, size_t len);
	struct login_pdu *scratch;	/* holds a login request on its way to the kernel */
	struct chap_issued *issued;	/* the challenges of all logins; may be NULL */
};

/* The callbacks to the owner of the connection. */
struct conn_owner {
	/* The kernel has made the session @sid. Called at once; -errno gives the login up. */
	int (*on_created)(void *arg, uint32_t sid);
	/* The StatSN from which a login continues, asked once the target has accepted the connection. */
	uint32_t (*exp_stat_sn)(void *arg);
	/*
	 * How many ms more the login may wait for the target's first sign: for TCP, then @connected,
	 * for an answer. Asked again when they are over: 0 gives up. 0 at first: login_timeout.
	 */
	uint64_t (*patience_ms)(void *arg, bool connected);
	/* The target has given the first sign that the patience was for; the login goes on. */
	void (*on_answer)(void *arg);
	/* The patience is over without an answer. The owner may take the socket and set *fd to -1. */
	void (*on_silence)(void *arg, int *fd);
	/* Called from the event loop; may free the connection. */
	void (*on_report)(void *arg, const struct conn_report *report);
	void *arg;
};

struct conn;

/* @env, @config and @name (for the log) outlive the connection. Returns NULL without memory. */
struct conn *conn_new(const struct conn_env *env, const struct session_config *config,
		      const char *name, const struct conn_owner *owner);
struct conn *conn_free(struct conn *conn);	/* takes NULL; returns NULL */

/*
 * Connects to @peer and logs in. With @security_first, a login without credentials begins with
 * the security stage too. Call it only in CONN_FREE and CONN_CLEANUP_WAIT.
 */
void conn_start(struct conn *conn, const struct sockaddr_storage *peer, bool security_first);
/* Sends a Logout PDU; CONN_REPORT_CLOSED follows within logout_timeout. */
void conn_logout(struct conn *conn);
/* Closes the connection without a report; the kernel goes on holding I/O. */
void conn_drop(struct conn *conn);
/* The owner takes the kernel's session away; the next login begins with a new session. */
void conn_forget(struct conn *conn);
/* Takes over a connection of the kernel as it stands, after a restart. */
void conn_adopt(struct conn *conn, uint32_t sid, int host_no, enum conn_state state,
		const uint8_t isid[PDU_ISID_LEN]);

/* The session passes on the events that the kernel reports about this connection. */
void conn_kernel_pdu(struct conn *conn, const uint8_t *bhs, const uint8_t *data, size_t len);
void conn_kernel_error(struct conn *conn, int error);

enum conn_state conn_state(const struct conn *conn);
uint32_t conn_sid(const struct conn *conn);		/* 0: the kernel has no session */
int conn_host_no(const struct conn *conn);
bool conn_kernel_has(const struct conn *conn);		/* the kernel has a connection */
const uint8_t *conn_isid(const struct conn *conn);
const struct login_outcome *conn_login_outcome(const struct conn *conn);
