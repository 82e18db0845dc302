/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A session keeps one connection alive until a logout (RFC 7143, 8.3, whose transition numbers
 * stand in session.c). It tries the first login for a bounded time, reopens a lost connection for
 * ever or up to reopen_max times, and each logout ends within a bounded time. The manager owns
 * the sessions and finds them by number and by node; a session knows no other session.
 */
#pragma once

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
	SESSION_FREE,		/* Q1: the first login, or a pause before its next attempt */
	SESSION_SCANNING,	/* Q3: logged in; the asker of the login waits for the first scan */
	SESSION_LOGGED_IN,	/* Q3 */
	SESSION_FAILED,		/* Q4: the connection is lost and will be reopened */
	SESSION_UNBINDING,	/* a logout has begun: the kernel flushes and removes the LUNs */
	SESSION_LOGGING_OUT,	/* the Logout PDU is sent */
	SESSION_ENDING,		/* the kernel is removing the session */
};

struct session;

/*
 * What all sessions share; the manager owns it. A function may be NULL, but not
 * on_uncreated() where logins are wanted.
 */
struct session_env {
	struct conn_env conn;
	struct sysfs *sysfs;
	struct worker_pool *scan_pool;
	const struct resolver *resolver;
	int run_dir_fd;			/* the folder where runstate.h keeps its files */
	struct portals *portals;	/* for turns.h; NULL: no session waits for another */
	/* The kernel gave the session its number @sid. Returns 0, or -errno to give up. */
	int (*on_created)(void *arg, struct session *session, uint32_t sid);
	/* The kernel's part was taken away again; the session goes on without a number. */
	void (*on_uncreated)(void *arg, struct session *session, uint32_t sid);
	/*
	 * Another session, of a record with another text for the same portal, makes this first
	 * login needless; @why gets the reason.
	 */
	bool (*has_twin)(void *arg, const struct session *session, struct iscsi_why *why);
	/* The session has ended. The owner frees it, but only after the caller has returned. */
	void (*on_ended)(void *arg, struct session *session);
	void *arg;
};

/*
 * Makes a session that logs in once session_start() is called. The session owns @config from now
 * on, also if NULL is returned. @asker (may be NULL) is answered when the first login has ended.
 * Returns NULL without memory; @asker isn't answered then.
 */
struct session *session_new_login(const struct session_env *env, struct session_config *config,
				  struct asker *asker);

/*
 * A session that takes over one of the kernel's and goes on from @state, which adopt.h chose:
 * nothing is sent for a healthy session, a lost session is reopened, a logout that was begun is
 * finished. @unfinished: the first scan is still to be done, or in SESSION_ENDING, the kernel
 * hasn't flushed all writes. Takes @config over, always.
 */
struct session *session_new_adopted(const struct session_env *env, struct session_config *config,
				    const struct sysfs_session *found, const struct runstate *note,
				    enum session_state state, bool unfinished);

/*
 * From now on a first login is never given up, whatever the target answers: somebody wants the
 * session for as long as it takes, also after a restart of the daemon. Its asker hears of a refusal, or that its time is over; the
 * attempts go on.
 */
void session_want(struct session *session);
/*
 * @asker waits for the first login too, and is told since when it is under way. The time for the
 * first login begins anew, and a pause between two attempts ends at once.
 */
void session_join(struct session *session, struct asker *asker);
/*
 * @asker, whose login is this session's, has gone. A first login that isn't wanted is given up when
 * the last asker goes.
 */
void session_leave(struct session *session, const struct asker *asker);

/* A first login that is under way, as whoever asks for it sees it. */
struct session_attempts {
	bool wanted;
	unsigned int failed;		/* attempts so far that have failed */
	uint64_t since_us;		/* how long it has been tried */
	const char *failure;		/* why the last attempt failed; "" */
};

/* Returns false if the session's first login isn't under way. */
bool session_attempts(const struct session *session, struct session_attempts *ret);

/*
 * The network has changed, so an attempt may succeed now: the next begins at once. @neighbour
 * (may be NULL) is the address of a host that can be reached again; others aren't concerned.
 */
void session_network_changed(struct session *session, const struct sockaddr_storage *neighbour);

/* Begins the session's work. Call it once the owner can find the session by its node. */
void session_start(struct session *session);

/*
 * Ends the session from any state. @asker (may be NULL) is answered when the session is gone, and
 * is warned if writes are lost. @in_use says what stands on the disks; "": nothing does.
 */
void session_logout(struct session *session, struct asker *asker, const char *in_use);
/*
 * Looks for new LUNs and reads each known LUN anew. @asker is answered when the scan has ended,
 * but not if this function returns an error.
 */
enum iscsi_err session_rescan(struct session *session, struct asker *asker,
			      struct iscsi_why *why);

/* Reads the counters of the connection: *len entries, at most KERNEL_STATS_MAX. */
enum iscsi_err session_get_stats(struct session *session, struct kernel_stat *stats, size_t *len,
				 struct iscsi_why *why);

/* The owner passes on each event that the kernel reports; NULL is a session that it doesn't have. */
void session_pdu(struct session *session, const uint8_t *bhs, const uint8_t *data, size_t len);
void session_conn_error(struct session *session, int error);
void session_unbound(struct session *session);
void session_destroyed(struct session *session);
/* After lost events: compares the session's state with sysfs, and mends the difference. */
void session_resync(struct session *session);

/* Frees the daemon's side only; the kernel keeps its session. Takes NULL; returns NULL. */
struct session *session_free(struct session *session);

/* The link with which the owner lists the sessions that it will free. */
struct session **session_next(struct session *session);

enum session_state session_state(const struct session *session);
/* Tells sessions apart from their first moment, before the kernel knows them; the owner counts. */
uint32_t session_number(const struct session *session);
void session_set_number(struct session *session, uint32_t number);
/* The time at which the session became SESSION_FAILED; 0 if that was before this daemon started. */
uint64_t session_failed_since_us(const struct session *session);
uint32_t session_sid(const struct session *session);		/* 0: the kernel has no session */
int session_host_no(const struct session *session);
const struct session_config *session_config(const struct session *session);
/* The address of the record's portal; AF_UNSPEC: it isn't known yet. */
const struct sockaddr_storage *session_portal(const struct session *session);
/* The state of connection and recovery, in the words of iscsiadm's listing. */
void session_describe(const struct session *session, enum mgmt_conn_state *conn_state,
		      enum mgmt_recovery *recovery);

/*
 * The attributes that the kernel shows of a healthy session, printed by session_text_print().
 * They are read once and kept until the next login. Of a session in SESSION_FAILED, its outage,
 * printed anew by session_text_print_outage(). The result is "" if the session is in another
 * state or its attributes can't be read.
 */
const char *session_shown(struct session *session);
