/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The worker pool: jobs overlap, answers come in the loop, a job that hangs holds nobody. */
#include <check.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>

#include "iscsid/base/worker.h"
#include "libiscsi-db/util.h"

#define JOBS	8

struct job {
	struct worker_job job;		/* first */
	int wait_fd;			/* read before it ends; -1: doesn't wait */
	_Atomic bool running;
	bool done;
};

static sd_event *loop;
static struct worker_pool *pool;
static struct job jobs[JOBS];

static void run_job(struct worker_job *job)
{
	struct job *j = (struct job *)job;
	eventfd_t n;

	j->running = true;
	if (j->wait_fd >= 0)
		(void)eventfd_read(j->wait_fd, &n);
}

static void job_done(struct worker_job *job)
{
	((struct job *)job)->done = true;
}

static void submit(int i, int wait_fd)
{
	jobs[i] = (struct job){ .job = { .run = run_job, .done = job_done }, .wait_fd = wait_fd };
	ck_assert_int_eq(worker_submit(pool, &jobs[i].job), 0);
}

static void pump(const bool *until)
{
	time_t end = time(NULL) + 10;

	while (!*until) {
		ck_assert(time(NULL) <= end);
		ck_assert_int_ge(sd_event_run(loop, 10000), 0);
	}
}

static void setup(void)
{
	ck_assert_int_ge(sd_event_new(&loop), 0);
	ck_assert_int_ge(worker_pool_new(loop, JOBS, &pool), 0);
}

static void teardown(void)
{
	sd_event_unref(loop);
}

START_TEST(jobs_overlap)
{
	int fd = eventfd(0, EFD_SEMAPHORE | EFD_CLOEXEC);
	const struct timespec step = { 0, 10000000 };

	for (int i = 0; i < JOBS; i++)
		submit(i, fd);
	for (int i = 0, tries = 0; i < JOBS; tries++) {
		ck_assert_int_lt(tries, 1000);
		if (jobs[i].running)
			i++;		/* while all before it still wait */
		else
			(void)nanosleep(&step, NULL);
	}
	ck_assert_int_eq(eventfd_write(fd, JOBS), 0);
	for (int i = 0; i < JOBS; i++)
		pump(&jobs[i].done);
	ck_assert(worker_pool_free(pool));
	(void)close(fd);
}
END_TEST

START_TEST(more_jobs_than_threads)
{
	struct worker_pool *one;

	ck_assert(worker_pool_free(pool));
	ck_assert_int_ge(worker_pool_new(loop, 1, &one), 0);
	pool = one;
	for (int i = 0; i < JOBS; i++)
		submit(i, -1);
	for (int i = 0; i < JOBS; i++)
		pump(&jobs[i].done);
	ck_assert(worker_pool_free(pool));
}
END_TEST

START_TEST(a_job_that_hangs_is_left_behind)
{
	const struct timespec step = { 0, 10000000 };
	int fd = eventfd(0, EFD_CLOEXEC);

	submit(0, fd);
	for (int tries = 0; !jobs[0].running; tries++) {
		ck_assert_int_lt(tries, 1000);
		(void)nanosleep(&step, NULL);
	}
	ck_assert(!worker_pool_free(pool));
	ck_assert(!jobs[0].done);
	ck_assert_int_eq(eventfd_write(fd, 1), 0);
}
END_TEST

/* So that what a job holds is freed though the loop doesn't run any more. */
START_TEST(each_job_is_done_in_the_end)
{
	for (int i = 0; i < JOBS; i++)
		submit(i, -1);
	ck_assert(worker_pool_free(pool));
	for (int i = 0; i < JOBS; i++)
		ck_assert(jobs[i].done);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("worker");
	TCase *tc = tcase_create("worker");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 30);
	tcase_add_test(tc, jobs_overlap);
	tcase_add_test(tc, more_jobs_than_threads);
	tcase_add_test(tc, a_job_that_hangs_is_left_behind);
	tcase_add_test(tc, each_job_is_done_in_the_end);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
