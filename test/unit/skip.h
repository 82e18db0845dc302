/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Checks that an emulator of a processor can't pass, since QEMU's user emulation lacks some system
 * calls and options. Each is found by a probe of its own, so that all checks run on a real kernel.
 */
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Returns @works. If that is false, the output says that @what is skipped. */
static inline bool works_here(bool works, const char *what)
{
	if (!works)
		fprintf(stderr, "skipped: %s\n", what);
	return works;
}

/* A kernel without the call says ENOSYS; an older container's, EPERM. */
static inline bool has_openat2(void)
{
	return syscall(SYS_openat2, AT_FDCWD, "", NULL, 0) < 0 && errno == EINVAL;
}
