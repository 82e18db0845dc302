/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A clock that stands still until the test moves it. Timers expire within
 * fake_clock_advance(), in their order, each at its own time.
 */
#ifndef TEST_FAKE_CLOCK_H
#define TEST_FAKE_CLOCK_H

#include <stdbool.h>

#include "iscsid/base/clock.h"

struct fake_timer;

struct fake_clock {
	struct clock clock;		/* first: what the others hold */
	uint64_t now_us;
	struct fake_timer *timers;
};

void fake_clock_init(struct fake_clock *clock);

/* Moves the clock by @us; what expires on the way is called. */
void fake_clock_advance(struct fake_clock *clock, uint64_t us);
/* When the next timer expires, counted from now; UINT64_MAX: none is armed. */
uint64_t fake_clock_next_us(const struct fake_clock *clock);
/* How many timers are armed. */
unsigned int fake_clock_armed(const struct fake_clock *clock);
/* How many timers there are, armed or not: 0 once all that had one is freed. */
unsigned int fake_clock_timers(const struct fake_clock *clock);

#endif /* TEST_FAKE_CLOCK_H */
