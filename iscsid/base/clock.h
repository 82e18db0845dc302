/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The time of the machine and timers on it. The daemon gets its clock handed in, so that a test
 * decides how late it is: clock_open() gives the real one, test/fake/clock.h a clock that moves
 * when the test says so.
 */
#ifndef ISCSID_CLOCK_H
#define ISCSID_CLOCK_H

#include <stdint.h>
#include <systemd/sd-event.h>

struct timer;

/* The first member of each implementation. */
struct clock {
	/* Never goes back. The time within one step of the loop may stand still. */
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

/* The clock of the machine, with its timers on @loop. NULL: no memory. */
struct clock *clock_open(sd_event *loop);
struct clock *clock_close(struct clock *clock);	/* takes NULL; returns NULL; after all timers */

static inline uint64_t clock_now_us(struct clock *clock)
{
	return clock->now_us(clock);
}

/* A timer that isn't armed; @expired is called from the loop. NULL: no memory. */
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

#endif /* ISCSID_CLOCK_H */
