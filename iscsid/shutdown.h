/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The end of the machine. From its announcement on, a session whose target has been silent for
 * some seconds is given up, so that unmounting what is on its disks, or switching its swap off,
 * ends. When the daemon's own turn comes, it logs out of each session as soon as nothing uses its
 * disks. A session that carries the root file system or /usr is left alone; so is, when the daemon
 * ends, a session that works and still carries swap.
 */
#pragma once

#include <stdbool.h>

#include "iscsid/base/clock.h"
#include "iscsid/kernel/sysfs.h"

struct manager;
struct shutdown;

/* What is handed in outlives the object; @proc is "/proc". NULL: no memory. */
struct shutdown *shutdown_new(struct clock *clock, struct manager *manager, struct sysfs *sysfs,
			      const char *proc);
/* Takes NULL; returns NULL. */
struct shutdown *shutdown_free(struct shutdown *shutdown);

/* The machine goes down; file systems are still mounted. */
void shutdown_announce(struct shutdown *shutdown);
bool shutdown_announced(const struct shutdown *shutdown);

/* Logs out of what can be logged out of; then, or when the time for this is over, @done is called. */
void shutdown_log_out(struct shutdown *shutdown, void (*done)(void *arg), void *arg);
