/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whether whoever has connected to the local socket may command the daemon. Who it is comes from
 * the kernel, before a byte is read. mgmt asks.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "libiscsi-db/iscsi-db.h"

/*
 * Root, if it has CAP_SYS_ADMIN or CAP_NET_ADMIN in the daemon's user namespace, and whoever the
 * daemon itself runs as. ISCSI_ERR_ACCESS with the reason otherwise.
 *
 * A process of root's that has ended is refused, since its capabilities can't be told. Linux before
 * 6.5 tells only the number of the process, which may be another's by the time that /proc is read: a
 * process without capabilities would have to hand its connection on, end, and wait for a process
 * with them to get its number. Where /proc doesn't show a process that is there, uid 0 alone
 * counts, as @unsure then says.
 */
enum iscsi_err peer_check(int fd, bool *unsure, struct iscsi_why *why);

/* The same from the parts that it is made of, for tests: @proc is "/proc". */
enum iscsi_err peer_check_process(const char *proc, uid_t uid, pid_t pid, bool *unsure,
				  struct iscsi_why *why);
