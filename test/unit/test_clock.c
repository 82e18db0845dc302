/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The machine's clock: what a timer does that comes late. */
#include "iscsid/base/clock.h"

#include <check.h>
#include <dlfcn.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#include "libiscsi-db/util.h"

static sd_event *loop;
static struct clock *clk;
static struct timer *timer;
static int ends[2];
static int expired, answered, answered_before;
static bool stops;

/* What the clock gave the loop for its last timer. */
static sd_event_source *source;
static sd_event_time_handler_t on_due;
static void *source_data;

int sd_event_add_time(sd_event *e, sd_event_source **ret, clockid_t clock, uint64_t us, uint64_t accuracy,
		      sd_event_time_handler_t callback, void *userdata)
{
	int (*add)(sd_event *, sd_event_source **, clockid_t, uint64_t, uint64_t,
		   sd_event_time_handler_t, void *) = dlsym(RTLD_NEXT, "sd_event_add_time");
	int r = add(e, ret, clock, us, accuracy, callback, userdata);

	source = *ret;
	on_due = callback;
	source_data = userdata;
	return r;
}

static void on_time(void *arg)
{
	(void)arg;
	expired++;
	answered_before = answered;
}

static int on_answer(sd_event_source *io, int fd, uint32_t events, void *arg)
{
	char byte;

	(void)io;
	(void)events;
	(void)arg;
	ck_assert_int_eq(read(fd, &byte, 1), 1);
	answered++;
	if (stops)
		timer_stop(timer);
	return 0;
}

static void setup(void)
{
	ck_assert_int_ge(sd_event_new(&loop), 0);
	clk = clock_open(loop);
	ck_assert_ptr_nonnull(clk);
	/* Sources of one priority run in the order of their addresses, so both orders are there. */
	timer = timer_new(clk, on_time, NULL);
	ck_assert_ptr_nonnull(timer);
	ck_assert_int_eq(pipe(ends), 0);
	ck_assert_int_ge(sd_event_add_io(loop, NULL, ends[0], EPOLLIN, on_answer, NULL), 0);
	expired = answered = answered_before = 0;
	stops = false;
}

static void teardown(void)
{
	timer_free(timer);
	clock_close(clk);
	sd_event_unref(loop);
	close(ends[0]);
	close(ends[1]);
}

/* The machine stands still: the time is over, and an answer has come, before the loop runs. */
static void stand_still(void)
{
	timer_arm_ms(timer, 20);
	usleep(200000);
	ck_assert_int_eq(write(ends[1], "x", 1), 1);
}

static void run_for_ms(uint64_t ms)
{
	uint64_t now, end;

	ck_assert_int_ge(sd_event_now(loop, CLOCK_MONOTONIC, &now), 0);
	for (end = now + ms * 1000; now < end;) {
		ck_assert_int_ge(sd_event_run(loop, end - now), 0);
		ck_assert_int_ge(sd_event_now(loop, CLOCK_MONOTONIC, &now), 0);
	}
}

START_TEST(late_timer_lets_an_answer_go_first)
{
	stand_still();
	while (!expired)
		ck_assert_int_ge(sd_event_run(loop, UINT64_MAX), 0);
	ck_assert_int_eq(answered_before, 1);
}
END_TEST

/* What was sent to a machine that stood still may be on its way once more. */
START_TEST(late_timer_waits)
{
	timer_arm_ms(timer, 20);
	usleep(200000);
	ck_assert_int_ge(sd_event_run(loop, UINT64_MAX), 0);
	ck_assert_int_eq(expired, 0);
	while (!expired)
		ck_assert_int_ge(sd_event_run(loop, UINT64_MAX), 0);
}
END_TEST

START_TEST(late_timer_is_stopped_by_the_answer)
{
	stops = true;
	stand_still();
	run_for_ms(1300);
	ck_assert_int_eq(answered, 1);
	ck_assert_int_eq(expired, 0);
}
END_TEST

START_TEST(late_timer_expires_once)
{
	stand_still();
	run_for_ms(1300);
	ck_assert_int_eq(expired, 1);
}
END_TEST

/* The wait for what came late is no part of the next time. */
START_TEST(timer_is_armed_again)
{
	for (int i = 1; i <= 2; i++) {
		stand_still();
		while (expired < i)
			ck_assert_int_ge(sd_event_run(loop, UINT64_MAX), 0);
		ck_assert_int_eq(answered_before, i);
	}
}
END_TEST

START_TEST(timer_expires)
{
	uint64_t before = clock_now_us(clk);

	timer_arm_ms(timer, 30);
	while (!expired)
		ck_assert_int_ge(sd_event_run(loop, UINT64_MAX), 0);
	ck_assert_uint_ge(clock_now_us(clk) - before, 30000);
}
END_TEST

/* How late, and how much later the timer is told: once, and never by more than a second. */
static const struct { uint64_t late_us, wait_us; } graces[] = {
	{ 0, 0 }, { 100000, 0 }, { 100001, 100001 }, { 999999, 999999 }, { 1000000, 1000000 },
	{ 1000001, 1000000 }, { 10000000, 1000000 },
};

START_TEST(a_timer_waits_as_long_as_it_was_late)
{
	uint64_t now, due;

	ck_assert_int_ge(sd_event_run(loop, 0), 0);	/* the loop's time stands still from here on */
	now = clock_now_us(clk);
	timer_arm(timer, 5);
	ck_assert_int_eq(on_due(source, now - graces[_i].late_us, source_data), 0);
	ck_assert_int_eq(expired, graces[_i].wait_us == 0);
	if (expired)
		return;
	ck_assert_int_ge(sd_event_source_get_time(source, &due), 0);
	ck_assert_uint_eq(due - now, graces[_i].wait_us);
	ck_assert_int_eq(on_due(source, now - graces[_i].late_us, source_data), 0);
	ck_assert_int_eq(expired, 1);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("clock");
	TCase *tc = tcase_create("clock");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, late_timer_lets_an_answer_go_first);
	tcase_add_test(tc, late_timer_waits);
	tcase_add_test(tc, late_timer_is_stopped_by_the_answer);
	tcase_add_test(tc, late_timer_expires_once);
	tcase_add_test(tc, timer_is_armed_again);
	tcase_add_test(tc, timer_expires);
	tcase_add_loop_test(tc, a_timer_waits_as_long_as_it_was_late, 0, (int)ARRAY_SIZE(graces));
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
