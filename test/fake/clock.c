/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A clock that stands still, see clock.h. */
#include "test/fake/clock.h"

#include "libiscsi-db/util.h"

struct fake_timer {
	struct timer timer;		/* first: what the others hold */
	struct fake_timer *next;
	uint64_t due_us;		/* UINT64_MAX: not armed */
};

static struct fake_clock *fake_of(struct clock *clock)
{
	return (struct fake_clock *)clock;
}

static uint64_t fake_now_us(struct clock *clock)
{
	return fake_of(clock)->now_us;
}

static struct timer *fake_timer_new(struct clock *clock, void (*expired)(void *arg), void *arg)
{
	struct fake_timer *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->timer = (struct timer){ .clock = clock, .expired = expired, .arg = arg };
	t->due_us = UINT64_MAX;
	t->next = fake_of(clock)->timers;
	fake_of(clock)->timers = t;
	return &t->timer;
}

static void fake_timer_arm(struct timer *timer, uint64_t us)
{
	((struct fake_timer *)timer)->due_us = fake_of(timer->clock)->now_us + us;
}

static void fake_timer_stop(struct timer *timer)
{
	((struct fake_timer *)timer)->due_us = UINT64_MAX;
}

static struct timer *fake_timer_free(struct timer *timer)
{
	struct fake_timer **at = &fake_of(timer->clock)->timers;

	while (*at != (struct fake_timer *)timer)
		at = &(*at)->next;
	*at = (*at)->next;
	free(timer);
	return NULL;
}

void fake_clock_init(struct fake_clock *clock)
{
	*clock = (struct fake_clock){
		.clock = {
			.now_us = fake_now_us, .timer_new = fake_timer_new,
			.timer_arm = fake_timer_arm, .timer_stop = fake_timer_stop,
			.timer_free = fake_timer_free,
		},
		.now_us = UINT64_C(1000000000),
	};
}

static struct fake_timer *first_due(const struct fake_clock *clock)
{
	struct fake_timer *first = NULL;

	for (struct fake_timer *t = clock->timers; t; t = t->next)
		if (t->due_us != UINT64_MAX && (!first || t->due_us < first->due_us))
			first = t;
	return first;
}

void fake_clock_advance(struct fake_clock *clock, uint64_t us)
{
	uint64_t until = clock->now_us + us;
	struct fake_timer *t;

	while ((t = first_due(clock)) && t->due_us <= until) {
		clock->now_us = MAX(clock->now_us, t->due_us);
		t->due_us = UINT64_MAX;
		t->timer.expired(t->timer.arg);		/* it may be gone now */
	}
	clock->now_us = until;
}

uint64_t fake_clock_next_us(const struct fake_clock *clock)
{
	const struct fake_timer *t = first_due(clock);

	return t ? t->due_us - clock->now_us : UINT64_MAX;
}

unsigned int fake_clock_armed(const struct fake_clock *clock)
{
	unsigned int n = 0;

	for (const struct fake_timer *t = clock->timers; t; t = t->next)
		n += t->due_us != UINT64_MAX;
	return n;
}

unsigned int fake_clock_timers(const struct fake_clock *clock)
{
	unsigned int n = 0;

	for (const struct fake_timer *t = clock->timers; t; t = t->next)
		n++;
	return n;
}
