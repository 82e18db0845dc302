/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A pool of threads for calls that block, see worker.h. */
#include "iscsid/base/worker.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <time.h>

#include "libiscsi-db/util.h"

#define WORKER_STACK	(256 * 1024)	/* enough for getaddrinfo() with its plugins */
#define STALL_MS	3000	/* all jobs hang if none ends for so long */
#define GROWTH		32	/* times the usual number of threads, at most */

#ifndef PR_SET_IO_FLUSHER
#define PR_SET_IO_FLUSHER 57
#endif

struct worker_queue {
	struct worker_job *first;
	struct worker_job **end;
};

struct worker_pool {
	pthread_mutex_t lock;
	pthread_cond_t work;		/* a job waits, or the pool ends */
	pthread_cond_t gone;		/* a thread has ended */
	struct worker_queue waiting;
	struct worker_queue finished;
	unsigned int threads, idle, max_threads;
	unsigned int waiting_len;
	struct timer *timer;		/* NULL: the number of threads is fixed */
	bool watched;			/* the timer runs */
	bool stalled;			/* no job has ended since the timer was armed */
	bool stopping;
	int fd;				/* an eventfd: a job has finished */
	sd_event_source *source;
};

static void queue_init(struct worker_queue *q)
{
	q->first = NULL;
	q->end = &q->first;
}

static void queue_add(struct worker_queue *q, struct worker_job *job)
{
	job->next = NULL;
	*q->end = job;
	q->end = &job->next;
}

static struct worker_job *queue_take(struct worker_queue *q)
{
	struct worker_job *job = q->first;

	if (job) {
		q->first = job->next;
		if (!q->first)
			q->end = &q->first;
	}
	return job;
}

static void *worker_main(void *arg)
{
	struct worker_pool *pool = arg;

	/* The daemon's own thread must not write to disks to get memory, but a scan may. */
	(void)prctl(PR_SET_IO_FLUSHER, 0, 0, 0, 0);
	pthread_mutex_lock(&pool->lock);
	while (!pool->stopping) {
		struct worker_job *job = queue_take(&pool->waiting);

		if (!job && pool->threads > pool->max_threads)
			break;		/* the stall is over */
		if (!job) {
			pool->idle++;
			pthread_cond_wait(&pool->work, &pool->lock);
			pool->idle--;
			continue;
		}
		pool->waiting_len--;
		pthread_mutex_unlock(&pool->lock);
		job->run(job);
		pthread_mutex_lock(&pool->lock);
		pool->stalled = false;
		queue_add(&pool->finished, job);
		(void)eventfd_write(pool->fd, 1);
	}
	pool->threads--;
	pthread_cond_signal(&pool->gone);
	pthread_mutex_unlock(&pool->lock);
	return NULL;
}

static int worker_on_finished(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	struct worker_pool *pool = userdata;
	struct worker_job *job;
	eventfd_t n;

	(void)source;
	(void)revents;
	(void)eventfd_read(fd, &n);
	for (;;) {
		pthread_mutex_lock(&pool->lock);
		job = queue_take(&pool->finished);
		pthread_mutex_unlock(&pool->lock);
		if (!job)
			return 0;
		job->done(job);
	}
}

/*
 * Called with the lock held, for which the thread waits. The event loop handles all signals, so a
 * thread starts with all signals blocked.
 */
static int start_thread(struct worker_pool *pool)
{
	sigset_t all, old;
	pthread_attr_t attr;
	pthread_t thread;
	int r;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, WORKER_STACK);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	r = pthread_create(&thread, &attr, worker_main, pool);
	pthread_attr_destroy(&attr);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (!r)
		pool->threads++;
	return -r;
}

/* Called with the lock held: looks at the queue again in a while if no thread is left for it. */
static void worker_watch(struct worker_pool *pool)
{
	pool->watched = pool->timer && pool->threads >= pool->max_threads &&
			pool->waiting_len > pool->idle;
	pool->stalled = pool->watched;
	if (pool->watched)
		timer_arm_ms(pool->timer, STALL_MS);
}

/* Jobs that hang must not hold up all others, so those that wait get threads of their own. */
static void worker_on_timer(void *arg)
{
	struct worker_pool *pool = arg;
	unsigned int n;

	pthread_mutex_lock(&pool->lock);
	n = pool->stalled ? MIN(pool->waiting_len, pool->max_threads) : 0;
	while (n-- && pool->threads < GROWTH * pool->max_threads && start_thread(pool) == 0)
		continue;
	worker_watch(pool);
	pthread_mutex_unlock(&pool->lock);
}

int worker_pool_new(sd_event *loop, struct clock *clock, unsigned int max_threads,
		    struct worker_pool **ret)
{
	struct worker_pool *pool = calloc(1, sizeof(*pool));
	pthread_condattr_t attr;
	int r;

	if (!pool)
		return -ENOMEM;
	pool->max_threads = max_threads;
	queue_init(&pool->waiting);
	queue_init(&pool->finished);
	pthread_mutex_init(&pool->lock, NULL);
	pthread_cond_init(&pool->work, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&pool->gone, &attr);
	pthread_condattr_destroy(&attr);
	pool->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (clock)
		pool->timer = timer_new(clock, worker_on_timer, pool);
	if (pool->fd < 0)
		r = -errno;
	else if (clock && !pool->timer)
		r = -ENOMEM;
	else
		r = sd_event_add_io(loop, &pool->source, pool->fd, EPOLLIN, worker_on_finished,
				    pool);
	if (r < 0) {
		worker_pool_free(pool);
		return r;
	}
	*ret = pool;
	return 0;
}

bool worker_pool_free(struct worker_pool *pool)
{
	struct worker_job *job;
	struct timespec until;
	unsigned int left;

	if (!pool)
		return true;
	pool->source = sd_event_source_disable_unref(pool->source);
	pool->timer = timer_free(pool->timer);
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec++;
	pthread_mutex_lock(&pool->lock);
	pool->stopping = true;
	pthread_cond_broadcast(&pool->work);
	while (pool->threads && pthread_cond_timedwait(&pool->gone, &pool->lock, &until) == 0)
		;
	left = pool->threads;
	pthread_mutex_unlock(&pool->lock);
	if (left)
		return false;	/* still used by a thread that the kernel holds */
	while ((job = queue_take(&pool->finished)) || (job = queue_take(&pool->waiting)))
		job->done(job);
	closep(&pool->fd);
	pthread_cond_destroy(&pool->gone);
	pthread_cond_destroy(&pool->work);
	pthread_mutex_destroy(&pool->lock);
	free(pool);
	return true;
}

int worker_submit(struct worker_pool *pool, struct worker_job *job)
{
	int r = 0;

	pthread_mutex_lock(&pool->lock);
	/* Some idle threads will take the jobs that wait already, so they don't count. */
	if (pool->idle <= pool->waiting_len && pool->threads < pool->max_threads) {
		r = start_thread(pool);
		if (pool->threads)
			r = 0;		/* this thread, or those that run already, will take the job */
	}
	if (!r) {
		queue_add(&pool->waiting, job);
		pool->waiting_len++;
		pthread_cond_signal(&pool->work);
		if (!pool->watched)
			worker_watch(pool);
	}
	pthread_mutex_unlock(&pool->lock);
	return r;
}
