/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The pause before the next attempt. The cause of the failure decides the first pause; the pauses
 * grow from attempt to attempt up to a cap. A random part keeps a thousand hosts from coming back
 * in the same instant; the caller passes the random number.
 */
#ifndef ISCSID_RETRY_H
#define ISCSID_RETRY_H

#include <stdint.h>

enum retry_cause {
	RETRY_LOST,		/* TCP refused, unreachable, timed out or broken; may soon work */
	RETRY_BUSY,		/* the target is silent, or answers status class 3: try later */
	RETRY_REFUSED,		/* target or iscsid refuses; a person has to change a setting */
	RETRY_LOCAL,		/* this host can't make the connection */
};

struct retry {
	enum retry_cause cause;
	unsigned int attempts;	/* failed in a row with this cause */
};

/*
 * Counts a failed attempt and returns the milliseconds to wait before the next attempt, at least
 * @time2wait_ms, which the target may ask for (RFC 7143, 13.15). @random is any number.
 */
uint64_t retry_pause_ms(struct retry *retry, enum retry_cause cause, uint64_t time2wait_ms,
			uint32_t random);

/* An attempt has succeeded. */
void retry_reset(struct retry *retry);

#endif /* ISCSID_RETRY_H */
