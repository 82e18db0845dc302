/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a command waits for: a line on the terminal, replaced in place, once that takes longer than two
 * seconds, and a line when the command is interrupted. A command waits for one thing at a time;
 * the signal's handler gets no argument, so the state is the process's own.
 */
#pragma once

#include "iscsiadm/client.h"
#include "libiscsi-db/util.h"

/*
 * Begins to wait for the requests of @client, @bound_ms at most. @stops: an interrupted command
 * cancels them; otherwise iscsid goes on. waiting_for() says for what.
 */
void waiting_begin(struct client *client, int bound_ms, bool stops);
void waiting_end(void);

/* "the login to ..."; @at_once: a terminal shows it without a delay. */
void waiting_for(bool at_once, const char *fmt, ...) PRINTF(2, 3);
/* Takes the line off the terminal before another line is printed; the line comes back by itself. */
void waiting_hide(void);

/* Says what becomes of the requests of an interrupted command; async-signal-safe. */
void waiting_interrupted(void);
