/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Looking for the LUNs of a session, see scan.h. */
#include "scan.h"

#include <inttypes.h>

#include "../libiscsi-db/util.h"

struct scan {
	struct worker_job job;		/* first: what the pool hands around */
	struct sysfs *sysfs;
	unsigned int sid;
	int host_no;
	bool rescan;
	_Atomic bool forgotten;		/* nobody wants it any more: don't begin */
	int error;
	void (*done)(void *arg, int error);
	void *arg;
};

static void rescan_luns(struct scan *scan)
{
	struct sysfs_session session = { .sid = scan->sid, .host_no = scan->host_no };
	struct sysfs_lun *luns = NULL;
	size_t len = 0;
	char path[128];

	if (sysfs_list_luns(scan->sysfs, &session, &luns, &len))
		return;
	for (size_t i = 0; i < len; i++) {
		(void)snprintf(path, sizeof(path), "class/scsi_device/%d:%d:%d:%" PRIu64
			       "/device/rescan", luns[i].host_no, luns[i].channel,
			       luns[i].target_id, luns[i].lun);
		(void)sysfs_write(scan->sysfs, path, "1");
	}
	free(luns);
}

static void scan_run(struct worker_job *job)
{
	struct scan *scan = (struct scan *)job;
	struct sysfs_session session;
	char path[64];

	/* It may have waited long: host numbers are used again at once, sids never. */
	if (scan->forgotten || sysfs_read_session(scan->sysfs, scan->sid, SYSFS_DETAIL_LIST,
						  &session))
		return;
	scan->host_no = session.host_no;
	if (scan->rescan)
		rescan_luns(scan);
	(void)snprintf(path, sizeof(path), "class/scsi_host/host%d/scan", scan->host_no);
	scan->error = sysfs_write(scan->sysfs, path, "- - -");
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
