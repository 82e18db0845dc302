/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The daemon's folder below /run: its socket, its lock and its notes about sessions lie there. The
 * manager opens it first of all.
 */
#pragma once

#include <stdbool.h>

#include "libiscsi-db/iscsi-db.h"

/*
 * Makes the folder if need be and opens it. ISCSI_ERR_INTERNAL also if anybody but root and the
 * daemon's own user may write there: the folder says what a restarted daemon connects to.
 */
enum iscsi_err run_dir_open(const char *path, int *ret, struct iscsi_why *why);

/*
 * Takes the lock that keeps a second daemon away, and returns its descriptor, which holds it until
 * it is closed. ISCSI_ERR_INTERNAL, with the pid of the daemon that runs already, if there is one.
 */
enum iscsi_err run_dir_lock(int dir_fd, const char *path, int *ret, struct iscsi_why *why);

/*
 * Whether certainly no daemon holds the lock. This takes no lock, which could keep a daemon
 * from starting, and works across containers that share the folder.
 */
bool run_dir_is_idle(int dir_fd);
