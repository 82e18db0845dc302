/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Texts and paths that are put together and taken apart; the caller frees what is returned. */
#pragma once

#include "libiscsi-db/util.h"

/* The last part of a path, which stays the path's own memory. */
const char *db_base_name(const char *path);
/* The part before the last slash, or "." if the path has no slash. NULL: no memory. */
char *db_parent_name(const char *path);
/* asprintf() that returns the text. NULL: no memory. */
char *db_format(const char *fmt, ...) PRINTF(1, 2);
/* The pieces before the first NULL in one text. NULL: no memory. */
char *db_concat(const char *first, ...) __attribute__((sentinel));
/* "a/b". NULL: no memory. */
char *db_join(const char *a, const char *b);
