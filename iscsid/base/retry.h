/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The pause before the next attempt, and how long an attempt waits for an answer. A random part
 * keeps a thousand hosts from coming back in the same instant; the caller passes the random number.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum retry_cause {
	RETRY_LOST,		/* TCP refused, unreachable, timed out or broken; may soon work */
	RETRY_SILENT,		/* no answer to a login; or this host lacks something for a moment */
	RETRY_BUSY,		/* the target answers status class 3: try later */
	RETRY_REFUSED,		/* target or iscsid refuses; a person has to change a setting */
	RETRY_LOCAL,		/* this host can't make the connection */
};

struct retry {
	enum retry_cause cause;
	unsigned int attempts;	/* failed in a row; an owner that has succeeded sets 0 */
};

/*
 * Counts a failed attempt of a first login and returns the milliseconds to wait before the next.
 * The cause decides the first pause; the pauses grow from attempt to attempt up to a cap.
 */
uint64_t retry_pause_ms(struct retry *retry, enum retry_cause cause, uint32_t random);

/*
 * The same for a session that has been up, whose I/O waits: @down_ms is how long it has been down,
 * and @portals how many portals are silent together with its own. The pause is to be counted from
 * the beginning of the failed attempt. Quick at first, then less than a twentieth of the outage, at
 * most 1.5 s in the first two minutes, then 2.5 s; a target that answers "no" or "later" for more
 * than two minutes is asked less often, up to every 30 s. More than thirty silent portals share what
 * attempts may cost the host, so that their first pauses are longer.
 */
uint64_t retry_reopen_ms(struct retry *retry, enum retry_cause cause, uint64_t down_ms,
			 unsigned int portals, uint32_t random);

/*
 * That pause for a host with so many silent portals, at @now_ms of any clock: if they share the cost,
 * attempts that are close begin together, since to wake up costs as much as an attempt.
 */
uint64_t retry_together_ms(uint64_t pause_ms, unsigned int portals, uint64_t now_ms);

/*
 * How long an attempt to reopen waits for TCP, or once that is @connected for the target's first
 * answer: as long as the pauses are by now, for an answer a second at least, and several times as
 * long as the target has taken for a login, @took_ms; but a second at most of that for TCP.
 */
uint64_t retry_patience_ms(bool connected, uint64_t down_ms, uint64_t took_ms);
