/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The pause before the next attempt, see retry.h. */
#include "iscsid/base/retry.h"

#include "libiscsi-db/util.h"

#define QUICK_MS	100	/* the first pause of a reopening; the second is twice that, ... */
#define QUICK_MAX_MS	250	/* ... up to here, until the share of the outage is longer */
#define ANSWER_MIN_MS	1000	/* a target that has accepted the connection may be busy */
#define PORTAL_MS	8	/* an attempt takes 60 us: all portals together cost 0.8 % of a CPU */
#define TOGETHER_MS	100
#define SHARE		25	/* with the time for a login, I/O flows within a twentieth */
#define STARTING_UP_MS	120000	/* within this time a target may be starting up, ... */
#define SOON_MAX_MS	1500	/* ... and no pause is longer; open-iscsi asks every 2 s */
#define REOPEN_MAX_MS	2500	/* with the time for a login, I/O flows within 3 s */
#define TAKEN_TIMES	8	/* the last login's time, until a target counts as silent */
#define CONNECT_MAX_MS	1000	/* the kernel repeats a lost SYN then, and later ever less often */

static const struct {
	uint64_t first_ms, cap_ms;
} policy[] = {
	[RETRY_LOST]	= { 1000, 5000 },
	[RETRY_SILENT]	= { 2000, 30000 },
	[RETRY_BUSY]	= { 2000, 30000 },
	[RETRY_REFUSED]	= { 5000, 60000 },
	[RETRY_LOCAL]	= { 1000, 5000 },
};

/* Up to a fifth less. */
static uint64_t with_jitter(uint64_t pause, uint32_t random)
{
	return pause - pause / 5 * (random % 1024) / 1024;
}

uint64_t retry_pause_ms(struct retry *retry, enum retry_cause cause, uint32_t random)
{
	uint64_t pause;

	if (retry->cause != cause)
		retry->attempts = 0;
	retry->cause = cause;
	pause = policy[cause].first_ms;
	for (unsigned int i = 0; i < retry->attempts && pause < policy[cause].cap_ms; i++)
		pause *= 2;
	retry->attempts++;
	return with_jitter(MIN(pause, policy[cause].cap_ms), random);
}

static uint64_t reopen_max_ms(enum retry_cause cause, uint64_t down_ms)
{
	if (down_ms < STARTING_UP_MS)
		return SOON_MAX_MS;
	/* A target that answers a refusal again and again may have lost its volume for good. */
	if (cause == RETRY_BUSY || cause == RETRY_REFUSED)
		return down_ms < 600000 ? 10000 : 30000;
	return REOPEN_MAX_MS;
}

uint64_t retry_reopen_ms(struct retry *retry, enum retry_cause cause, uint64_t down_ms,
			 unsigned int portals, uint32_t random)
{
	uint64_t quick, pause;

	retry->cause = cause;
	retry->attempts++;
	quick = MIN((uint64_t)retry->attempts * QUICK_MS, QUICK_MAX_MS);
	pause = MIN(MAX(quick, down_ms / SHARE), reopen_max_ms(cause, down_ms));
	return MAX(with_jitter(pause, random), MIN((uint64_t)portals * PORTAL_MS, SOON_MAX_MS));
}

uint64_t retry_together_ms(uint64_t pause_ms, unsigned int portals, uint64_t now_ms)
{
	if ((uint64_t)portals * PORTAL_MS <= QUICK_MAX_MS)
		return pause_ms;
	return pause_ms - MIN(pause_ms, (now_ms + pause_ms) % TOGETHER_MS);
}

uint64_t retry_patience_ms(bool connected, uint64_t down_ms, uint64_t took_ms)
{
	uint64_t share = MAX(down_ms / SHARE, connected ? ANSWER_MIN_MS : QUICK_MAX_MS);
	uint64_t usual = took_ms * TAKEN_TIMES;

	return MAX(MIN(share, REOPEN_MAX_MS), connected ? usual : MIN(usual, CONNECT_MAX_MS));
}
