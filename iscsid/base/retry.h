/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * When to try again: a policy, not a loop. A failed attempt has a cause; the cause says how long
 * to wait, longer from attempt to attempt, up to a cap, with some jitter so that a thousand
 * hosts don't come back in the same instant. Pure: the randomness is handed in.
 */
#ifndef ISCSID_RETRY_H
#define ISCSID_RETRY_H

#include <stdint.h>

enum retry_cause {
	RETRY_LOST,		/* TCP: refused, unreachable, timed out, broken; soon back, maybe */
	RETRY_BUSY,		/* the target says "later", by status class 3 or by silence */
	RETRY_REFUSED,		/* the target says "no", or we do: a person has to change something */
	RETRY_LOCAL,		/* this host can't */
};

struct retry {
	enum retry_cause cause;
	unsigned int attempts;	/* in a row with this cause */
};

/*
 * Counts a failed attempt and returns how many milliseconds to wait before the next one:
 * at least @time2wait_ms, which the target may ask for (RFC 7143, 13.15). @random is any number.
 */
uint64_t retry_pause_ms(struct retry *retry, enum retry_cause cause, uint64_t time2wait_ms,
			uint32_t random);

/* An attempt got through. */
void retry_reset(struct retry *retry);

#endif /* ISCSID_RETRY_H */
