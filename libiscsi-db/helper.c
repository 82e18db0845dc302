/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A second thread for work on thousands of records: it reads ahead of a walk, and writes and
 * renames beside the thread of the caller. A job that nobody has begun when it is waited for is
 * done by whoever waits, so nothing depends on there being a thread.
 */
#include "libiscsi-db/db.h"

#include <sched.h>
#include <signal.h>

void helper_init(struct helper *helper)
{
	*helper = (struct helper){ .end = &helper->first };
	(void)pthread_mutex_init(&helper->mutex, NULL);
	(void)pthread_cond_init(&helper->posted, NULL);
	(void)pthread_cond_init(&helper->done, NULL);
}

void helper_done(struct helper *helper)
{
	(void)pthread_mutex_destroy(&helper->mutex);
	(void)pthread_cond_destroy(&helper->posted);
	(void)pthread_cond_destroy(&helper->done);
}

/* Takes @job, or the first one if it is NULL, out of the queue; NULL: there is none. */
static struct job *take(struct helper *helper, struct job *job)
{
	struct job **at = &helper->first;

	while (job && *at != job)
		at = &(*at)->next;
	job = *at;
	if (!job)
		return NULL;
	*at = job->next;
	if (!*at)
		helper->end = at;
	return job;
}

static void run(struct helper *helper, struct job *job)
{
	job->state = JOB_RUNNING;
	(void)pthread_mutex_unlock(&helper->mutex);
	job->run(job);
	(void)pthread_mutex_lock(&helper->mutex);
	job->state = JOB_DONE;
	(void)pthread_cond_signal(&helper->done);
}

/*
 * A table of descriptors of one's own: threads that open files in the same one wait for each
 * other at every turn. If it can't be had, that is all. The standard ones stay, so that no file
 * gets their number. (ThreadSanitizer knows one table only, and takes equal numbers for races.)
 */
static void unshare_descriptors(int but)
{
	int first = STDERR_FILENO + 1;

	if (close_range((unsigned int)MAX(but + 1, first), ~0U, CLOSE_RANGE_UNSHARE) == 0 &&
	    but > first)
		(void)close_range((unsigned int)first, (unsigned int)but - 1, 0);
}

static void *helper_main(void *arg)
{
	struct helper *helper = arg;
	struct job *job;

	unshare_descriptors(helper->root);
	(void)pthread_mutex_lock(&helper->mutex);
	while (!helper->stop) {
		job = take(helper, NULL);
		if (job)
			run(helper, job);
		else
			(void)pthread_cond_wait(&helper->posted, &helper->mutex);
	}
	(void)pthread_mutex_unlock(&helper->mutex);
	return NULL;
}

static bool have_processors(void)
{
	cpu_set_t set;

	/* With more of them than there is room for, this fails. */
	return sched_getaffinity(0, sizeof(set), &set) < 0 || CPU_COUNT(&set) > 1;
}

void helper_hold(struct helper *helper, int root)
{
	sigset_t all, before;

	if (helper->users++ || !have_processors())
		return;
	helper->stop = false;
	helper->root = root;
	/* Signals are for the threads of the program. */
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	helper->started = pthread_create(&helper->thread, NULL, helper_main, helper) == 0;
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
}

void helper_release(struct helper *helper)
{
	if (--helper->users || !helper->started)
		return;
	(void)pthread_mutex_lock(&helper->mutex);
	helper->stop = true;
	(void)pthread_cond_signal(&helper->posted);
	(void)pthread_mutex_unlock(&helper->mutex);
	(void)pthread_join(helper->thread, NULL);
	helper->started = false;
}

void helper_post(struct helper *helper, struct job *job)
{
	(void)pthread_mutex_lock(&helper->mutex);
	job->state = JOB_POSTED;
	job->next = NULL;
	*helper->end = job;
	helper->end = &job->next;
	(void)pthread_cond_signal(&helper->posted);
	(void)pthread_mutex_unlock(&helper->mutex);
}

void helper_wait(struct helper *helper, struct job *job)
{
	(void)pthread_mutex_lock(&helper->mutex);
	if (job->state == JOB_POSTED)
		(void)take(helper, job);
	if (job->state == JOB_NEW || job->state == JOB_POSTED)
		run(helper, job);
	while (job->state == JOB_RUNNING)
		(void)pthread_cond_wait(&helper->done, &helper->mutex);
	(void)pthread_mutex_unlock(&helper->mutex);
}

void helper_cancel(struct helper *helper, struct job *job)
{
	(void)pthread_mutex_lock(&helper->mutex);
	if (job->state == JOB_POSTED) {
		(void)take(helper, job);
		job->state = JOB_DONE;
	}
	while (job->state == JOB_RUNNING)
		(void)pthread_cond_wait(&helper->done, &helper->mutex);
	(void)pthread_mutex_unlock(&helper->mutex);
}
