/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Looking for the LUNs of a session: writes to sysfs that do SCSI I/O, on the worker pool. */
#ifndef ISCSID_SCAN_H
#define ISCSID_SCAN_H

#include <stdbool.h>
#include <stdint.h>

#include "iscsid/base/worker.h"
#include "iscsid/kernel/sysfs.h"

struct scan;

/*
 * Scans all LUNs of the session's host; with @rescan, first has each known LUN read anew.
 * @done is called from the loop with 0 or -errno, unless scan_forget() came first; the scan
 * frees itself after that. Each disk that was found is there by then, unless it takes more than
 * 5 s. The kernel says 0 also if it found nothing. NULL: no memory, no thread.
 */
struct scan *scan_start(struct worker_pool *pool, struct sysfs *sysfs, unsigned int sid,
			bool rescan, void (*done)(void *arg, int error), void *arg);

/* @done isn't called any more; a scan that hasn't begun never does. Takes NULL; returns NULL. */
struct scan *scan_forget(struct scan *scan);

#endif /* ISCSID_SCAN_H */
