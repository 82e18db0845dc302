/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Looking for the LUNs of a session, see scan.h. */
#include "iscsid/kernel/scan.h"

#include "libiscsi-db/util.h"

struct scan {
	struct worker_job job;		/* first: what the pool hands around */
	struct sysfs *sysfs;
	unsigned int sid;
	bool rescan;
	_Atomic bool forgotten;		/* nobody wants it any more: don't begin */
	int error;
	void (*done)(void *arg, int error);
	void *arg;
};

static void scan_run(struct worker_job *job)
{
	struct scan *scan = (struct scan *)job;
	struct sysfs_session session;

	/* It may have waited long: host numbers are used again at once, sids never. */
	if (scan->forgotten || sysfs_read_session(scan->sysfs, scan->sid, SYSFS_DETAIL_LIST,
						  &session))
		return;
	scan->error = sysfs_scan_session(scan->sysfs, &session, scan->rescan);
}

static void scan_done(struct worker_job *job)
{
	struct scan *scan = (struct scan *)job;

	if (scan->done)
		scan->done(scan->arg, scan->error);
	free(scan);
}

struct scan *scan_start(struct worker_pool *pool, struct sysfs *sysfs, unsigned int sid,
			bool rescan, void (*done)(void *arg, int error), void *arg)
{
	struct scan *scan = calloc(1, sizeof(*scan));

	if (!scan)
		return NULL;
	*scan = (struct scan){
		.job = { .run = scan_run, .done = scan_done },
		.sysfs = sysfs, .sid = sid, .rescan = rescan,
		.done = done, .arg = arg,
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
