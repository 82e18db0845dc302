/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Looking for the LUNs of a session, see scan.h. */
#include "iscsid/kernel/scan.h"

#include <errno.h>
#include <time.h>

#include "libiscsi-db/util.h"

#define DISKS_MAX_MS	5000	/* for disks that should come, but don't */
#define PAUSE_MIN_MS	2	/* a disk driver takes about that long on a quick machine */
#define PAUSE_MAX_MS	16

struct scan {
	struct worker_job job;		/* first, since the pool holds a pointer to it */
	struct sysfs *sysfs;
	unsigned int sid;
	int host_no;
	bool rescan;
	int waited_ms, pause_ms;
	_Atomic bool forgotten;		/* the result is unwanted, so a scan that waits doesn't begin */
	enum iscsi_err err;
	struct iscsi_why why;
	scan_done_fn *done;
	void *arg;
};

/* A sysfs_again_fn. Whoever logs in to mount a disk must find it, so the scan's answer waits. */
static bool scan_pause(void *arg)
{
	struct scan *scan = arg;

	if (scan->waited_ms >= DISKS_MAX_MS || scan->forgotten)
		return false;
	(void)nanosleep(&(struct timespec){ 0, scan->pause_ms * 1000000 }, NULL);
	scan->waited_ms += scan->pause_ms;
	if (scan->pause_ms < PAUSE_MAX_MS)
		scan->pause_ms *= 2;
	return true;
}

static void scan_run(struct worker_job *job)
{
	struct scan *scan = (struct scan *)job;
	int r = scan->forgotten ? -ENOENT :
		sysfs_scan_session(scan->sysfs, scan->sid, scan->host_no, scan->rescan, scan_pause,
				   scan);

	if (r == -ENOENT)
		return;		/* the session has gone */
	if (r < 0)
		scan->err = iscsi_fail(&scan->why, ISCSI_ERR_SYSFS_LOOKUP,
				       "the kernel can't be asked to look for disks: %s",
				       strerror(-r));
}

static void scan_done(struct worker_job *job)
{
	struct scan *scan = (struct scan *)job;

	if (scan->done)
		scan->done(scan->arg, scan->err, &scan->why);
	free(scan);
}

struct scan *scan_start(struct worker_pool *pool, struct sysfs *sysfs, unsigned int sid,
			int host_no, bool rescan, scan_done_fn *done, void *arg)
{
	struct scan *scan = calloc(1, sizeof(*scan));

	if (!scan)
		return NULL;
	*scan = (struct scan){
		.job = { .run = scan_run, .done = scan_done },
		.sysfs = sysfs, .sid = sid, .host_no = host_no, .rescan = rescan,
		.pause_ms = PAUSE_MIN_MS, .done = done, .arg = arg,
	};
	if (worker_submit(pool, &scan->job) < 0) {
		free(scan);
		return NULL;
	}
	return scan;
}

struct scan *scan_forget(struct scan *scan)
{
	if (scan) {
		scan->done = NULL;
		scan->forgotten = true;
	}
	return NULL;
}
