/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The machine's clock, see clock.h: each timer is a time source of the event loop. */
#include "iscsid/base/clock.h"

#include <time.h>

#include "libiscsi-db/util.h"

#define ACCURACY_US	10000	/* timers within this time share one wake-up */
#define LATE_US		100000	/* an idle machine is never that late */
#define GRACE_MAX_US	1000000

struct real_clock {
	struct clock clock;		/* first, since the others hold a pointer to it */
	sd_event *loop;
};

struct real_timer {
	struct timer timer;		/* first, since the others hold a pointer to it */
	sd_event_source *source;
	bool has_waited;		/* the grace for its lateness is over */
};

static uint64_t real_now_us(struct clock *clock)
{
	uint64_t now = 0;

	(void)sd_event_now(((struct real_clock *)clock)->loop, CLOCK_MONOTONIC, &now);
	return now;
}

static void real_timer_start(struct real_timer *t, uint64_t us)
{
	(void)sd_event_source_set_time_relative(t->source, us);
	(void)sd_event_source_set_enabled(t->source, SD_EVENT_ONESHOT);
}

/*
 * A timer that comes late shows that the daemon or the whole machine stood still. An answer may
 * have arrived meanwhile, or be on its way again, so that it gets as much time as was lost.
 */
static int real_timer_on_time(sd_event_source *source, uint64_t due, void *userdata)
{
	struct real_timer *t = userdata;
	uint64_t late = real_now_us(t->timer.clock) - due;

	(void)source;
	if (late > LATE_US && !t->has_waited) {
		t->has_waited = true;
		real_timer_start(t, late < GRACE_MAX_US ? late : GRACE_MAX_US);
		return 0;
	}
	t->timer.expired(t->timer.arg);	/* may free the timer */
	return 0;
}

static void real_timer_arm(struct timer *timer, uint64_t us)
{
	struct real_timer *t = (struct real_timer *)timer;

	t->has_waited = false;
	real_timer_start(t, us);
}

static void real_timer_stop(struct timer *timer)
{
	(void)sd_event_source_set_enabled(((struct real_timer *)timer)->source, SD_EVENT_OFF);
}

static struct timer *real_timer_free(struct timer *timer)
{
	sd_event_source_disable_unref(((struct real_timer *)timer)->source);
	free(timer);
	return NULL;
}

static struct timer *real_timer_new(struct clock *clock, void (*expired)(void *arg), void *arg)
{
	struct real_timer *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->timer = (struct timer){ .clock = clock, .expired = expired, .arg = arg };
	if (sd_event_add_time(((struct real_clock *)clock)->loop, &t->source, CLOCK_MONOTONIC,
			      UINT64_MAX, ACCURACY_US, real_timer_on_time, t) < 0)
		return real_timer_free(&t->timer);
	return &t->timer;
}

struct clock *clock_open(sd_event *loop)
{
	struct real_clock *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->clock = (struct clock){
		.now_us = real_now_us, .timer_new = real_timer_new, .timer_arm = real_timer_arm,
		.timer_stop = real_timer_stop, .timer_free = real_timer_free,
	};
	c->loop = sd_event_ref(loop);
	return &c->clock;
}

struct clock *clock_close(struct clock *clock)
{
	if (clock) {
		sd_event_unref(((struct real_clock *)clock)->loop);
		free(clock);
	}
	return NULL;
}
