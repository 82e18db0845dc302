/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Looking for the LUNs of a session: writes to sysfs that do SCSI I/O, on the worker pool. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "iscsid/base/worker.h"
#include "iscsid/kernel/sysfs.h"

struct scan;

/* @why is the reason of an error. */
typedef void scan_done_fn(void *arg, enum iscsi_err err, const struct iscsi_why *why);

/*
 * Scans all LUNs of the session's host; with @rescan, first has each known LUN read anew.
 * @done is called from the loop, unless scan_forget() came first; the scan frees itself after
 * that. Each disk that was found is there by then, unless it takes more than 5 s. A scan that
 * found nothing is a success. NULL: no memory, no thread.
 */
struct scan *scan_start(struct worker_pool *pool, struct sysfs *sysfs, unsigned int sid,
			int host_no, bool rescan, scan_done_fn *done, void *arg);

/* @done isn't called any more; a scan that hasn't begun never does. Takes NULL; returns NULL. */
struct scan *scan_forget(struct scan *scan);
