/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The worker pool: jobs overlap, answers come in the loop, a job that hangs holds nobody. */
#include <check.h>
#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <time.h>

#include "iscsid/base/worker.h"
#include "libiscsi-db/util.h"
#include "test/fake/clock.h"

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
static struct fake_clock fake_clock;

/* ---- what the pool asks of its threads ------------------------------------------------------- */

static _Atomic int idle;		/* threads that wait for a job */
static int create_error;		/* of each attempt to start a thread */
static struct timespec deadline;	/* until which the pool waits for its threads */
static bool too_late;			/* the deadline is over at once */
static int end_fd = -1;			/* a job is released each time that the pool waits */

static _Thread_local bool flushes = true;	/* a thread inherits it */

/* As the kernel does it for a daemon with the right. */
int prctl(int option, ...)
{
	unsigned long arg[4];
	va_list ap;

	va_start(ap, option);
	for (int i = 0; i < 4; i++)
		arg[i] = (unsigned long)va_arg(ap, int);
	va_end(ap);
	if (option != PR_SET_IO_FLUSHER || arg[1] || arg[2] || arg[3]) {
		errno = EINVAL;
		return -1;
	}
	flushes = arg[0];
	return 0;
}

int pthread_create(pthread_t *ret, const pthread_attr_t *attr, void *(*run)(void *), void *arg)
{
	int (*real)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *) =
		dlsym(RTLD_NEXT, "pthread_create");

	return create_error ? create_error : real(ret, attr, run, arg);
}

static int wait_long(pthread_cond_t *cond, pthread_mutex_t *lock)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += 1000;
	return pthread_cond_clockwait(cond, lock, CLOCK_MONOTONIC, &until);
}

int pthread_cond_wait(pthread_cond_t *cond, pthread_mutex_t *lock)
{
	int r;

	idle++;		/* the lock is released in one step with the wait */
	r = wait_long(cond, lock);
	idle--;
	return r;
}

int pthread_cond_timedwait(pthread_cond_t *cond, pthread_mutex_t *lock, const struct timespec *until)
{
	deadline = *until;
	if (end_fd >= 0)
		(void)eventfd_write(end_fd, 1);
	return too_late ? ETIMEDOUT : wait_long(cond, lock);
}

/* The threads of this process. */
static int threads(void)
{
	DIR *dir = opendir("/proc/self/task");
	int n = 0;

	while (readdir(dir))
		n++;
	(void)closedir(dir);
	return n - 2;		/* "." and ".." */
}

/* ---- jobs ------------------------------------------------------------------------------------ */

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
	ck_assert_int_ge(worker_pool_new(loop, NULL, JOBS, &pool), 0);
}

static void teardown(void)
{
	sd_event_unref(loop);
}

static void wait_until_running(int i)
{
	const struct timespec step = { 0, 10000000 };

	for (int tries = 0; !jobs[i].running; tries++) {
		ck_assert_int_lt(tries, 1000);
		(void)nanosleep(&step, NULL);
	}
}

static void wait_until_idle(int n)
{
	const struct timespec step = { 0, 10000000 };

	for (int tries = 0; idle != n; tries++) {
		ck_assert_int_lt(tries, 1000);
		(void)nanosleep(&step, NULL);
	}
}

START_TEST(jobs_overlap)
{
	int fd = eventfd(0, EFD_SEMAPHORE | EFD_CLOEXEC);

	for (int i = 0; i < JOBS; i++)
		submit(i, fd);
	for (int i = 0; i < JOBS; i++)
		wait_until_running(i);		/* while all before it still wait */
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
	int before;

	ck_assert(worker_pool_free(pool));
	ck_assert_int_ge(worker_pool_new(loop, NULL, 1, &one), 0);
	pool = one;
	before = threads();
	for (int i = 0; i < JOBS; i++)
		submit(i, -1);
	ck_assert_int_eq(threads(), before + 1);
	for (int i = 0; i < JOBS; i++)
		pump(&jobs[i].done);
	ck_assert(worker_pool_free(pool));
	ck_assert(worker_pool_free(NULL));
}
END_TEST

/* An idle thread takes the next job; a job that no idle thread is left for has a new one. */
START_TEST(threads_are_started_when_needed)
{
	int fd = eventfd(0, EFD_SEMAPHORE | EFD_CLOEXEC), before = threads();

	submit(0, -1);
	pump(&jobs[0].done);
	wait_until_idle(1);
	for (int round = 0; round < 2; round++) {
		submit(1, fd);
		wait_until_running(1);
		ck_assert_int_eq(threads(), before + 1 + round);
		submit(2, fd);
		wait_until_running(2);
		ck_assert_int_eq(threads(), before + 2);
		ck_assert_int_eq(eventfd_write(fd, 2), 0);
		pump(&jobs[1].done);
		pump(&jobs[2].done);
		wait_until_idle(2);
	}
	for (int i = 0; i < 3; i++)
		submit(i, fd);
	for (int i = 0; i < 3; i++)
		wait_until_running(i);
	ck_assert_int_eq(threads(), before + 3);
	ck_assert_int_eq(eventfd_write(fd, 3), 0);
	ck_assert(worker_pool_free(pool));
	(void)close(fd);
}
END_TEST

static void make_pool_that_grows(unsigned int max_threads)
{
	ck_assert(worker_pool_free(pool));
	fake_clock_init(&fake_clock);
	ck_assert_int_ge(worker_pool_new(loop, &fake_clock.clock, max_threads, &pool), 0);
}

/* What hangs holds up others for three seconds; once it is over, there are as many threads as before. */
START_TEST(jobs_behind_those_that_hang)
{
	int hang = eventfd(0, EFD_SEMAPHORE | EFD_CLOEXEC), before = threads();
	const struct timespec step = { 0, 10000000 };

	make_pool_that_grows(2);
	for (int i = 0; i < 4; i++)
		submit(i, hang);
	submit(4, -1);
	wait_until_running(0);
	wait_until_running(1);
	fake_clock_advance(&fake_clock, 2999999);
	ck_assert_int_eq(threads(), before + 2);
	fake_clock_advance(&fake_clock, 1);
	wait_until_running(2);
	wait_until_running(3);
	ck_assert(!jobs[4].running);
	fake_clock_advance(&fake_clock, 3000000);
	pump(&jobs[4].done);
	ck_assert_int_eq(eventfd_write(hang, 4), 0);
	for (int i = 0; i < 4; i++)
		pump(&jobs[i].done);
	wait_until_idle(2);
	for (int tries = 0; threads() != before + 2; tries++) {
		ck_assert_int_lt(tries, 1000);
		(void)nanosleep(&step, NULL);
	}
	fake_clock_advance(&fake_clock, 60000000);
	ck_assert_uint_eq(fake_clock_armed(&fake_clock), 0);
	submit(5, -1);
	pump(&jobs[5].done);
	ck_assert(worker_pool_free(pool));
	ck_assert_uint_eq(fake_clock_timers(&fake_clock), 0);
	(void)close(hang);
}
END_TEST

/* A queue that moves needs no more threads. */
START_TEST(jobs_that_take_their_time)
{
	int fd = eventfd(0, EFD_SEMAPHORE | EFD_CLOEXEC), before = threads();

	make_pool_that_grows(1);
	for (int i = 0; i < 4; i++)
		submit(i, fd);
	for (int i = 0; i < 3; i++) {
		wait_until_running(i);
		ck_assert_int_eq(eventfd_write(fd, 1), 0);
		wait_until_running(i + 1);
		fake_clock_advance(&fake_clock, 3000000);
	}
	ck_assert_int_eq(threads(), before + 1);
	ck_assert_int_eq(eventfd_write(fd, 1), 0);
	for (int i = 0; i < 4; i++)
		pump(&jobs[i].done);
	ck_assert(worker_pool_free(pool));
	(void)close(fd);
}
END_TEST

START_TEST(the_pool_s_growth_has_a_bound)
{
	static struct job many[40];
	int fd = eventfd(0, EFD_SEMAPHORE | EFD_CLOEXEC), before = threads();

	make_pool_that_grows(1);
	for (size_t i = 0; i < ARRAY_SIZE(many); i++) {
		many[i] = (struct job){ .job = { .run = run_job, .done = job_done }, .wait_fd = fd };
		ck_assert_int_eq(worker_submit(pool, &many[i].job), 0);
	}
	for (size_t i = 0; i < ARRAY_SIZE(many); i++) {
		const struct timespec step = { 0, 10000000 };

		for (int tries = 0; i < 32 && !many[i].running; tries++) {
			ck_assert_int_lt(tries, 1000);
			(void)nanosleep(&step, NULL);
		}
		fake_clock_advance(&fake_clock, 3000000);
	}
	ck_assert_int_eq(threads(), before + 32);
	ck_assert_int_eq(eventfd_write(fd, ARRAY_SIZE(many)), 0);
	for (size_t i = 0; i < ARRAY_SIZE(many); i++)
		pump(&many[i].done);
	ck_assert(worker_pool_free(pool));
	(void)close(fd);
}
END_TEST

START_TEST(without_a_thread_a_job_is_refused)
{
	struct job job = { .job = { .run = run_job, .done = job_done }, .wait_fd = -1 };

	create_error = EAGAIN;
	ck_assert_int_eq(worker_submit(pool, &job.job), -EAGAIN);
	create_error = 0;
	submit(0, -1);
	create_error = EAGAIN;
	for (int i = 1; i < JOBS; i++)
		submit(i, -1);		/* the one thread takes all of them */
	for (int i = 0; i < JOBS; i++)
		pump(&jobs[i].done);
	create_error = 0;
	ck_assert(!job.running && !job.done);
	ck_assert(worker_pool_free(pool));
}
END_TEST

static void look_at_thread(struct worker_job *job)
{
	sigset_t blocked;

	(void)pthread_sigmask(SIG_BLOCK, NULL, &blocked);
	((struct job *)job)->running = !flushes && sigismember(&blocked, SIGTERM) &&
				       sigismember(&blocked, SIGCHLD);
}

/* A scan may write to disks to get memory, the daemon's own thread must not. */
START_TEST(a_thread_is_no_io_flusher_and_has_no_signals)
{
	sigset_t blocked;

	jobs[0] = (struct job){ .job = { .run = look_at_thread, .done = job_done } };
	ck_assert_int_eq(worker_submit(pool, &jobs[0].job), 0);
	pump(&jobs[0].done);
	ck_assert(jobs[0].running);
	ck_assert(flushes);
	ck_assert_int_eq(pthread_sigmask(SIG_BLOCK, NULL, &blocked), 0);
	ck_assert(!sigismember(&blocked, SIGTERM));
	ck_assert(worker_pool_free(pool));
}
END_TEST

START_TEST(a_job_that_hangs_is_left_behind)
{
	int fd = eventfd(0, EFD_CLOEXEC);

	submit(0, fd);
	wait_until_running(0);
	too_late = true;
	ck_assert(!worker_pool_free(pool));
	ck_assert(!jobs[0].done);
	ck_assert_int_eq(eventfd_write(fd, 1), 0);
}
END_TEST

/* Until the last of them has ended. */
START_TEST(jobs_are_waited_for)
{
	struct timespec now;

	end_fd = eventfd(0, EFD_SEMAPHORE | EFD_CLOEXEC);
	for (int i = 0; i < JOBS; i++)
		submit(i, end_fd);
	for (int i = 0; i < JOBS; i++)
		wait_until_running(i);
	clock_gettime(CLOCK_MONOTONIC, &now);
	ck_assert(worker_pool_free(pool));
	for (int i = 0; i < JOBS; i++)
		ck_assert(jobs[i].done);
	ck_assert_int_ge(deadline.tv_sec, now.tv_sec + 1);
	(void)close(end_fd);
	end_fd = -1;
}
END_TEST

/* The least descriptor is as good as any other, and no child inherits it. */
START_TEST(a_pool_whose_descriptor_is_0)
{
	ck_assert(worker_pool_free(pool));
	(void)close(STDIN_FILENO);
	ck_assert_int_eq(worker_pool_new(loop, NULL, 1, &pool), 0);
	ck_assert_int_eq(fcntl(STDIN_FILENO, F_GETFD), FD_CLOEXEC);
	ck_assert_int_ne(fcntl(STDIN_FILENO, F_GETFL) & O_NONBLOCK, 0);
	submit(0, -1);
	pump(&jobs[0].done);
	ck_assert(worker_pool_free(pool));
	ck_assert_int_eq(fcntl(STDIN_FILENO, F_GETFD), -1);
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
	tcase_add_test(tc, threads_are_started_when_needed);
	tcase_add_test(tc, jobs_behind_those_that_hang);
	tcase_add_test(tc, jobs_that_take_their_time);
	tcase_add_test(tc, the_pool_s_growth_has_a_bound);
	tcase_add_test(tc, without_a_thread_a_job_is_refused);
	tcase_add_test(tc, a_thread_is_no_io_flusher_and_has_no_signals);
	tcase_add_test(tc, a_job_that_hangs_is_left_behind);
	tcase_add_test(tc, jobs_are_waited_for);
	tcase_add_test(tc, a_pool_whose_descriptor_is_0);
	tcase_add_test(tc, each_job_is_done_in_the_end);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
