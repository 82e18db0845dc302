/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Warnings on their way to the library's caller, and the texts of system errors. */
#pragma once

#include "libiscsi-db/util.h"

/* Where a warning goes, and what stands before it: "origin: " or "origin:line: ". */
struct db_warn {
	iscsi_db_warn_fn *fn;
	void *arg;
	const char *origin;
	unsigned int line;
};

void db_warn(const struct db_warn *warn, const char *fmt, ...) PRINTF(2, 3);
/* strerror() that is safe with threads; @err is an errno or its negative. */
const char *db_strerror(int err);
