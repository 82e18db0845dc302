/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The few calls that block by nature (name look-up, writes to sysfs that do SCSI I/O), on a
 * small pool of threads; the answer comes back as an event of the loop. A job that hangs holds
 * its thread and nothing else; jobs beyond the pool's size wait their turn.
 */
#ifndef ISCSID_WORKER_H
#define ISCSID_WORKER_H

#include <stdbool.h>
#include <systemd/sd-event.h>

struct worker_pool;

/*
 * A piece of work, embedded in the caller's own object, which must live until @done has been
 * called. @run is called on a thread of the pool and may touch nothing but that object; @done
 * then in the loop.
 */
struct worker_job {
	void (*run)(struct worker_job *job);
	void (*done)(struct worker_job *job);
	struct worker_job *next;	/* private */
};

/* Threads are started when needed, up to @max_threads. 0 or -errno. */
int worker_pool_new(sd_event *loop, unsigned int max_threads, struct worker_pool **ret);

/*
 * Takes NULL. Running jobs are waited for up to a second. Jobs that take longer are left running,
 * since a write that the kernel holds can't be ended: then the result is false, the objects that
 * these jobs use must stay, and no done() is called. Else each job that is left, begun or not, has
 * its done() called now, so that it can be freed there.
 */
bool worker_pool_free(struct worker_pool *pool);

/* Hands over a job. 0, or -errno if there is no thread to run it and none can be started. */
int worker_submit(struct worker_pool *pool, struct worker_job *job);

#endif /* ISCSID_WORKER_H */
