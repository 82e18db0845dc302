/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The pause before the next attempt, see retry.h. */
#include "iscsid/base/retry.h"

#include <stddef.h>

static const struct {
	uint64_t first_ms, cap_ms;
} policy[] = {
	[RETRY_LOST]	= { 1000, 5000 },
	[RETRY_BUSY]	= { 2000, 30000 },
	[RETRY_REFUSED]	= { 5000, 60000 },
	[RETRY_LOCAL]	= { 1000, 5000 },
};

void retry_reset(struct retry *retry)
{
	retry->attempts = 0;
}

uint64_t retry_pause_ms(struct retry *retry, enum retry_cause cause, uint64_t time2wait_ms,
			uint32_t random)
{
	uint64_t pause;

	if (retry->cause != cause)
		retry->attempts = 0;
	retry->cause = cause;
	pause = policy[cause].first_ms;
	for (unsigned int i = 0; i < retry->attempts && pause < policy[cause].cap_ms; i++)
		pause *= 2;
	if (pause > policy[cause].cap_ms)
		pause = policy[cause].cap_ms;
	retry->attempts++;
	pause -= pause / 5 * (random % 1024) / 1024;	/* up to a fifth less */
	return pause > time2wait_ms ? pause : time2wait_ms;
}
