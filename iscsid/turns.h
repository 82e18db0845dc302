/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The sessions that are to be reopened at one portal take turns: while the portal gives no
 * answer, one session tries, and the others wait. A failed attempt gives the turn to the next, in
 * case that only one target is silent. An answer, even a refusal, lets all of them try at once.
 * Waiting costs no memory, because each session brings its place in the queue along.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "iscsid/base/index.h"
#include "iscsid/base/retry.h"
#include "libiscsi-db/iscsi-db.h"

struct portals {
	struct index index;
	unsigned int silent;		/* how many have given no answer since an attempt failed */
};

/* A portal. Sessions note the time of an attempt, and read what the last came to. */
struct turns {
	unsigned int failed;		/* attempts in a row without an answer */
	enum retry_cause cause;		/* of the last of them */
	enum iscsi_err err;
	struct iscsi_why why;

	uint64_t tried_us;		/* the time of the last attempt */

	uint64_t answered_us;		/* the time of the last answer; 0: it answers no more */
	int late_fd;			/* of a login that was given up without an answer; or -1 */
	uint64_t late_since_us;		/* that login's begin */
	uint64_t slow_ms;		/* an answer came after this time; 0: none was late */
	struct turn *holder;		/* NULL: no session tries */
	struct turn *queue, **queue_end;
	unsigned int members;
	struct portals *portals;
	uint64_t hash;
	char key[];
};

/* A session's place. Its owner sets woken() and @arg. */
struct turn {
	void (*woken)(void *arg);	/* it is the session's turn now; must not call turns.c */
	void *arg;
	struct turns *turns;
	struct turn *next, **at;	/* in the queue; NULL: not there */
};

/*
 * Joins the sessions with the same @key, a text that names portal and interface. @portals
 * outlives the turn; NULL: a portal of its own. 0 or -ENOMEM.
 */
int turn_join(struct turn *turn, struct portals *portals, const char *key);
void turn_leave(struct turn *turn);	/* also if turn_join() failed or wasn't called */

/*
 * True: try now, and tell the result by turn_failed(), turn_answered() or turn_end(). False: wait
 * for woken(). A session that was lost before the portal's last answer, at @lost_us, needn't wait.
 */
bool turn_take(struct turn *turn, uint64_t lost_us);
/* The attempt got no answer. Returns whose turn is next; that session chooses its pause. */
struct turn *turn_failed(struct turn *turn, enum retry_cause cause, enum iscsi_err err,
			 const struct iscsi_why *why);
/*
 * A login that began at @begun_us is given up although the target may only be slow. Takes its socket
 * from *fd, unless the socket of another login waits for such a late answer.
 */
void turn_await_late(struct turn *turn, int *fd, uint64_t begun_us);
/*
 * Looks for the late answer, which waits until @at_most_us after its login's begin. Returns how long
 * the portal has taken for an answer since its last failure; 0: no answer was late.
 */
uint64_t turn_slow_ms(struct turn *turn, uint64_t now_us, uint64_t at_most_us);
/* The portal has answered @turn at @now_us. */
void turn_answered(struct turn *turn, uint64_t now_us);
/* How many portals give no answer at the moment, this one included. */
unsigned int turn_silent_portals(const struct turn *turn);
/* The session has no more use for the portal; the next in the queue is woken. */
void turn_end(struct turn *turn);
