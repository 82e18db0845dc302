/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A connection: the state table of RFC 7143, 8.1.3, for the initiator. It connects, runs the
 * login engine through the kernel, reacts to PDUs that the kernel leaves to user space, and logs
 * out. It decides nothing about when: its session does, and hears what happened through a queue
 * that is drained from the loop, after the connection's own step has ended.
 */
#ifndef ISCSID_CONN_H
#define ISCSID_CONN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <systemd/sd-event.h>

#include "iscsid/base/clock.h"
#include "iscsid/base/retry.h"
#include "iscsid/kernel/kernel.h"
#include "iscsid/protocol/login.h"
#include "iscsid/session_config.h"

enum conn_state {			/* RFC 7143, 8.1.3 */
	CONN_FREE,			/* S1 */
	CONN_XPT_WAIT,			/* S2: TCP connect under way */
	CONN_IN_LOGIN,			/* S4 */
	CONN_LOGGED_IN,			/* S5: full feature phase */
	CONN_IN_LOGOUT,			/* S6 */
	CONN_LOGOUT_REQUESTED,		/* S7: the target asked for it */
	CONN_CLEANUP_WAIT,		/* S8: lost; the kernel holds I/O until a new login */
};
#define CONN_STATES	(CONN_CLEANUP_WAIT + 1)

enum conn_report_kind {
	CONN_REPORT_UP,			/* full feature phase */
	CONN_REPORT_FAILED,		/* no connection, or no login: see err, cause, why */
	CONN_REPORT_MOVED,		/* the target is elsewhere: see conn_login_outcome() */
	CONN_REPORT_INSISTED,		/* on a login that begins with the security stage */
	CONN_REPORT_LOST,		/* was in full feature phase; I/O is held */
	CONN_REPORT_LOGOUT_REQUESTED,	/* by the target: log out and come back */
	CONN_REPORT_LUNS_CHANGED,	/* look for LUNs */
	CONN_REPORT_CLOSED,		/* the logout has ended, one way or the other */
};

struct conn_report {
	enum conn_report_kind kind;
	enum retry_cause cause;		/* CONN_REPORT_FAILED */
	enum iscsi_err err;
	int wait_s;			/* CONN_REPORT_LOST: what the target asked for, else -1 */
	struct iscsi_why why;
};

/* What all connections share; the manager owns it. */
struct conn_env {
	sd_event *loop;
	struct clock *clock;
	struct kernel *kernel;
	int (*random)(void *buf, size_t len);
	struct login_pdu *scratch;	/* a request between the engine and the kernel */
	struct chap_issued *issued;	/* challenges of all logins; NULL: not remembered */
};

/* Whoever owns the connection. */
struct conn_owner {
	/* The kernel has a session for it now; called at once. 0, or -errno: give up. */
	int (*on_created)(void *arg, uint32_t sid);
	/* From the loop; the connection may be freed here. */
	void (*on_report)(void *arg, const struct conn_report *report);
	void *arg;
};

struct conn;

/* @env, @config and @name (for the log) outlive the connection. NULL: no memory. */
struct conn *conn_new(const struct conn_env *env, const struct session_config *config,
		      const char *name, const struct conn_owner *owner);
struct conn *conn_free(struct conn *conn);	/* takes NULL; returns NULL; kernel objects stay */

/*
 * Connects to @peer and logs in, @security_first with the security stage also without
 * credentials. Only in CONN_FREE and CONN_CLEANUP_WAIT.
 */
void conn_start(struct conn *conn, const struct sockaddr_storage *peer, bool security_first);
/* Sends a Logout PDU; CONN_REPORT_CLOSED follows within logout_timeout. */
void conn_logout(struct conn *conn);
/* Gives up what is under way, without a report; I/O that the kernel holds stays held. */
void conn_drop(struct conn *conn);
/* Takes over a connection of the kernel's as it stands, after a restart. */
void conn_adopt(struct conn *conn, uint32_t sid, int host_no, enum conn_state state,
		const uint8_t isid[PDU_ISID_LEN], uint32_t exp_stat_sn);

/* What the kernel said. */
void conn_kernel_pdu(struct conn *conn, const uint8_t *bhs, const uint8_t *data, size_t len);
void conn_kernel_error(struct conn *conn, int error);

enum conn_state conn_state(const struct conn *conn);
uint32_t conn_sid(const struct conn *conn);		/* 0: the kernel has no session */
int conn_host_no(const struct conn *conn);
bool conn_kernel_has(const struct conn *conn);		/* the kernel has a connection */
const uint8_t *conn_isid(const struct conn *conn);
/* Where the last StatSN is kept while the kernel doesn't know it: handed in before a re-login. */
void conn_set_exp_stat_sn(struct conn *conn, uint32_t exp_stat_sn);
const struct login_outcome *conn_login_outcome(const struct conn *conn);

#endif /* ISCSID_CONN_H */
