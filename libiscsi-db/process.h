/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Other processes, as far as the lock of the database must know them. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* The name of the program that @pid runs -> @ret; false: no such process. */
bool process_name(pid_t pid, char *ret, size_t size);
/* True if a program that may hold open-iscsi's lock, and isn't ours, is alive. */
bool process_foreign_alive(void);
