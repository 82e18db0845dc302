/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A small pool of threads runs the calls that block by nature: name look-ups, and writes to sysfs
 * that do SCSI I/O. The event loop learns the result. Jobs beyond the number of threads wait; but if
 * what all threads do hangs, there will be more threads for a while.
 */
#pragma once

#include <stdbool.h>
#include <systemd/sd-event.h>

#include "iscsid/base/clock.h"

struct worker_pool;

/*
 * A job is a part of the caller's object, which must live until @done was called. A thread of the
 * pool calls @run, which may touch only this object; then the loop calls @done.
 */
struct worker_job {
	void (*run)(struct worker_job *job);
	void (*done)(struct worker_job *job);
	struct worker_job *next;	/* private */
};

/*
 * Makes a pool that starts its threads when needed, at most @max_threads. If jobs wait and no
 * job ends for three seconds by @clock, the pool grows, to 32 times that number at most. If @clock
 * is NULL, it doesn't grow. 0 or -errno.
 */
int worker_pool_new(sd_event *loop, struct clock *clock, unsigned int max_threads,
		    struct worker_pool **ret);

/*
 * Takes NULL. Running jobs are waited for up to a second. Jobs that take longer are left running,
 * since a write that the kernel holds can't be ended: then the result is false, the objects that
 * these jobs use must stay, and no done() is called. Else each job that is left, begun or not, has
 * its done() called now, so that it can be freed there. Goes before the clock.
 */
bool worker_pool_free(struct worker_pool *pool);

/* Gives @job to the pool. Returns -errno if the pool has no thread and can't start one. */
int worker_submit(struct worker_pool *pool, struct worker_job *job);
