/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A session: one connection, kept alive for as long as somebody wants it. First login within
 * its budget, recovery for ever or up to reopen_max, logout that always ends (RFC 7143, 8.3; its
 * transition numbers are in session.c). The manager owns sessions and finds them; a session
 * knows no other.
 */
#ifndef ISCSID_SESSION_H
#define ISCSID_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "iscsid/asker.h"
#include "iscsid/base/lookup.h"
#include "iscsid/base/worker.h"
#include "iscsid/conn.h"
#include "iscsid/kernel/sysfs.h"
#include "iscsid/message/mgmt_msg.h"
#include "iscsid/runstate.h"
#include "iscsid/session_config.h"

enum session_state {
	SESSION_FREE,		/* Q1: the first login is under way, or its next attempt awaited */
	SESSION_SCANNING,	/* Q3: logged in; the asker of the login waits for the first scan */
	SESSION_LOGGED_IN,	/* Q3 */
	SESSION_FAILED,		/* Q4: lost; to be reopened */
	SESSION_UNBINDING,	/* to be logged out: the kernel flushes and removes the LUNs */
	SESSION_LOGGING_OUT,	/* the Logout PDU is out */
	SESSION_ENDING,		/* the kernel takes it away */
};

struct session;

/* What all sessions share; the manager owns it. */
struct session_env {
	struct conn_env conn;
	struct sysfs *sysfs;
	struct worker_pool *scan_pool;
	const struct resolver *resolver;
	int run_dir_fd;			/* where runstate.h keeps its files */
	/* The kernel gave the session a number: it must be found by it from now on. 0, -errno. */
	int (*on_created)(void *arg, struct session *session, uint32_t sid);
	/* The session has ended; to be freed, but not before the caller has returned. */
	void (*on_ended)(void *arg, struct session *session);
	void *arg;
};

/*
 * A session that is to log in; takes @config over, always. @asker (may be NULL) hears how the
 * first login went. Nothing happens before session_start(). NULL: no memory, and nobody was told.
 */
struct session *session_new_login(const struct session_env *env, struct session_config *config,
				  struct asker *asker);

/*
 * A session that takes over one of the kernel's as it stands: nothing will be sent to a healthy
 * one, a lost one will be reopened, a half logged out one ended. Takes @config over, always.
 */
struct session *session_new_adopted(const struct session_env *env, struct session_config *config,
				    const struct sysfs_session *found,
				    const struct runstate *state);

/* Begins what the session was made for, once its owner can find it. */
void session_start(struct session *session);

/* Ends the session, in whatever state it is. @asker (may be NULL) hears when it's gone. */
void session_logout(struct session *session, struct asker *asker);
/*
 * Looks for LUNs; each known one is read anew. @asker hears when it's done; an error means that
 * it will not be called.
 */
enum iscsi_err session_rescan(struct session *session, struct asker *asker,
			      struct iscsi_why *why);

/* The counters of the connection, at most KERNEL_STATS_MAX. */
enum iscsi_err session_get_stats(struct session *session, struct kernel_stat *stats, size_t *len,
				 struct iscsi_why *why);

/* What the kernel said. */
void session_pdu(struct session *session, const uint8_t *bhs, const uint8_t *data, size_t len);
void session_conn_error(struct session *session, int error);
void session_unbound(struct session *session);
void session_destroyed(struct session *session);
/* Events were lost: see in sysfs whether the connection still is what we think. */
void session_resync(struct session *session);

/* Frees the daemon's side only; what the kernel has stays. Takes NULL; returns NULL. */
struct session *session_free(struct session *session);

/* A link that is the owner's, for a list of sessions that are to be freed. */
struct session **session_next(struct session *session);

enum session_state session_state(const struct session *session);
/* When it went into SESSION_FAILED; 0 if another daemon saw that. */
uint64_t session_failed_since_us(const struct session *session);
uint32_t session_sid(const struct session *session);		/* 0: the kernel has no session */
int session_host_no(const struct session *session);
const struct session_config *session_config(const struct session *session);
/* How iscsiadm sees it. */
void session_describe(const struct session *session, enum mgmt_conn_state *conn_state,
		      enum mgmt_recovery *recovery);

/*
 * What the kernel shows of a healthy session, as session_text_print() has it: read once and
 * kept until the next login. "" in any other state, and if it can't be read.
 */
const char *session_shown(struct session *session);

#endif /* ISCSID_SESSION_H */
