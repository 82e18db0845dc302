/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The inside of a session, for its parts alone: session.c (states, reports, logout),
 * session_attempt.c (attempts to log in) and session_scan.c (scans). All others use session.h.
 */
#pragma once

#include "iscsid/base/retry.h"
#include "iscsid/route.h"
#include "iscsid/session.h"
#include "iscsid/turns.h"

struct scan;

/* In SESSION_FREE and SESSION_FAILED: where the attempt to log in stands. */
enum attempt_state {
	ATTEMPT_PAUSE,		/* the session's timer begins the next attempt */
	ATTEMPT_QUEUED,		/* another session tries the same portal: see turns.h */
	ATTEMPT_LOOKUP,		/* the session's timer ends the look-up of a name */
	ATTEMPT_LOGIN,		/* the connection is at work and uses its own timer */
};

struct session {
	struct session *next;		/* belongs to the owner */
	const struct session_env *env;
	struct session_config *config;	/* owned */
	struct conn *conn;		/* owned */
	enum session_state state;
	enum attempt_state attempt;
	struct asker *login_asker;	/* answered when SCANNING is left, or by the session's end */
	struct asker *logout_askers;
	struct asker *rescan_askers;

	struct route route;
	struct scan *scan;
	bool scan_again;		/* a scan was asked for while another was running */
	enum runstate_phase phase;	/* of the note of this session */
	struct timer *timer;
	struct turn turn;
	struct retry retry;		/* since the session was last steady, */
	uint64_t outage_since_us;	/* which ended then */
	uint32_t number;
	bool wanted;			/* the first login is never given up */
	uint64_t wanted_since_us;
	/* Why the last attempt failed, the connection was lost, or the first login ends without success. */
	struct iscsi_why failure;
	enum iscsi_err failure_err;
	uint64_t next_attempt_us;	/* in ATTEMPT_PAUSE */
	unsigned int failed_attempts;	/* since the session was last up */
	unsigned int short_lives;	/* in a row: the target soon closed the connection, */
	uint64_t short_since_us;	/* the first time then */
	unsigned int failed_connects;	/* those that count for reopen_max */
	uint64_t counted_us;		/* the time of the last of them */
	uint64_t attempt_us;		/* the time when the last attempt began */
	uint64_t login_took_ms;		/* the last one that succeeded */
	uint64_t wait_until_us;		/* Time2Wait since the loss */
	uint32_t time2wait_s;		/* negotiated */
	uint64_t first_attempt_us, up_since_us, failed_since_us, logout_since_us;
	bool unflushed;			/* the daemon before had begun a flush that isn't over */
	char *in_use;			/* the mounts on the disks when the logout began, or NULL */
	char *shown;			/* for session_shown(); NULL: not read since the login */
	char name[ISCSI_NAME_MAX + ISCSI_ADDRESS_MAX + 64];	/* for the log */
};

/* ---- session.c --------------------------------------------------------------------------------- */

/* The time by the clock of the session's environment. */
uint64_t session_now_us(const struct session *session);
/* Q3: the session is in full feature phase, and no logout has begun. */
bool session_is_up(const struct session *session);
/* Changes the state. If this ends the first login, the login has succeeded. */
void session_set_state(struct session *session, enum session_state state);
/* Tells a restarted daemon how far this session has come. */
void session_note(struct session *session, enum runstate_phase phase);
/* Warns in the log, and tells the person who waits for the login. */
void session_warn(struct session *session, const char *what);
/* Writes the session's name for the log; call it whenever the session's number has changed. */
void session_rename(struct session *session);
/*
 * Has the kernel remove its session from any state; session_destroyed() follows. If the first
 * login is under way, its asker is answered with @login_err and @login_why after that.
 */
void session_end_login(struct session *session, enum iscsi_err login_err,
		       const struct iscsi_why *login_why);
/* The same, once the first login is over. */
void session_end(struct session *session);

/* ---- session_attempt.c ------------------------------------------------------------------------- */

/* Begins an attempt at once, at the portal of the record. */
void session_attempt(struct session *session);
/* Arms the next attempt @ms from now, but not before Time2Wait; base/retry.h isn't asked. */
void session_pause(struct session *session, uint64_t ms);
/* The connection is lost, and no attempt may come before @wait_s: arms the first attempt. */
void session_begin_outage(struct session *session, uint64_t wait_s, bool closed_by_target);
/* Joins the sessions of the same portal; 0 or -ENOMEM. */
int session_join_turns(struct session *session);
/* The connection's exp_stat_sn and patience_ms, see conn.h. */
uint32_t session_exp_stat_sn(void *arg);
uint64_t session_patience_ms(void *arg, bool connected);
/* The connection's on_answer and on_silence. */
void session_on_answer(void *arg);
void session_on_silence(void *arg, int *fd);
/* The outage of a session in SESSION_FAILED as session_text_print_outage() has it, or NULL. */
char *session_outage_text(const struct session *session);
/* Does the next step of the route. @failure is the reason of the last try, for a route's end. */
void session_follow(struct session *session, enum route_step step,
		    const struct conn_report *failure);
/* The route's on_step: the look-up of a name has ended, or was given up. */
void session_on_route_step(void *arg, enum route_step step, const struct iscsi_why *why);
/*
 * The connection has failed to log in. The next address that a redirection named is tried; without
 * such an address the attempt has failed.
 */
void session_conn_failed(struct session *session, const struct conn_report *report);
/* The target has sent this attempt to another portal. */
void session_conn_moved(struct session *session);

/* ---- session_scan.c ---------------------------------------------------------------------------- */

/* Starts a scan, or has a scan that is under way followed by another. */
void session_scan(struct session *session, bool rescan);
/* The login has succeeded even if the first scan found no LUN, couldn't run or takes too long. */
void session_first_scan_ended(struct session *session);
