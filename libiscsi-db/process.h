/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Other processes, as far as the lock of the database must know them. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define PROCESS_NAME_SIZE	17	/* up to 15 bytes, a newline and the NUL */

/* The name of the program that @pid runs -> @ret; false: no such process. */
bool process_name(pid_t pid, char *ret, size_t size);
/* True if @pid may hold open-iscsi's lock, and neither is this process nor runs a program of ours. */
bool process_is_foreign(pid_t pid);
/* True if such a process is alive. */
bool process_foreign_alive(void);
