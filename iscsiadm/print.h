/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What goes to stdout: the words of a format as they are, the values in it escaped. */

#include "libiscsi-db/util.h"

/*
 * Like fprintf(), for %s and for %d and %u with flags, width and l, ll. Each text is escaped
 * by text_escape(), since names and settings come from targets, other programs' sessions and
 * files. A text of tabs alone is an indentation and printed as it is.
 */
void print_to(FILE *out, const char *fmt, ...) PRINTF(2, 3);

/* Prints a text of whole lines, each escaped likewise. @text is changed meanwhile, and ends as it was. */
void print_lines(FILE *out, char *text);

/* fflush(stdout); a failure is kept for print_end(). */
void print_flush(void);
/* The same; returns 0, or the errno of the first failure of stdout. */
int print_end(void);
