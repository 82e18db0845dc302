/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A clock with its timers. The daemon is given its clock, so that a test can decide how time
 * passes: clock_open() returns the machine's clock, test/fake/clock.h has a clock that moves only
 * when the test says so.
 */
#pragma once

#include <stdint.h>
#include <systemd/sd-event.h>

struct timer;

/* The first member of each implementation. */
struct clock {
	/* Never goes back, and may stand still within one step of the loop. */
	uint64_t (*now_us)(struct clock *clock);
	struct timer *(*timer_new)(struct clock *clock, void (*expired)(void *arg), void *arg);
	void (*timer_arm)(struct timer *timer, uint64_t us);
	void (*timer_stop)(struct timer *timer);
	struct timer *(*timer_free)(struct timer *timer);
};

/* The first member of each implementation's timers. */
struct timer {
	struct clock *clock;
	void (*expired)(void *arg);
	void *arg;
};

/*
 * The machine's clock, whose timers run on @loop. A timer that is more than a tenth of a second
 * late lets the loop serve everything else first, for as long as it was late, at most a second.
 * Returns NULL without memory.
 */
struct clock *clock_open(sd_event *loop);
struct clock *clock_close(struct clock *clock);	/* takes NULL; returns NULL; timers go first */

static inline uint64_t clock_now_us(struct clock *clock)
{
	return clock->now_us(clock);
}

/* Makes a timer, not armed; the loop calls @expired. Returns NULL without memory. */
static inline struct timer *timer_new(struct clock *clock, void (*expired)(void *arg), void *arg)
{
	return clock->timer_new(clock, expired, arg);
}

/* Expires once, in @us from now, and replaces an earlier time; needs no memory. */
static inline void timer_arm(struct timer *timer, uint64_t us)
{
	timer->clock->timer_arm(timer, us);
}

static inline void timer_arm_ms(struct timer *timer, uint64_t ms)
{
	timer_arm(timer, ms * 1000);
}

static inline void timer_stop(struct timer *timer)
{
	timer->clock->timer_stop(timer);
}

/* Takes NULL; returns NULL. */
static inline struct timer *timer_free(struct timer *timer)
{
	return timer ? timer->clock->timer_free(timer) : NULL;
}
