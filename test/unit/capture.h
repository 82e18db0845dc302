/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is printed between capture() and said(), which gives it back. */
#ifndef TEST_CAPTURE_H
#define TEST_CAPTURE_H

#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include <check.h>

static FILE *captured[2];
static int saved[2] = { -1, -1 };

static inline void capture(void)
{
	int i;

	for (i = 0; i < 2; i++) {
		captured[i] = fdopen(memfd_create("said", MFD_CLOEXEC), "w+");
		ck_assert_ptr_nonnull(captured[i]);
		fflush(i ? stderr : stdout);
		saved[i] = dup(i + 1);
		(void)dup2(fileno(captured[i]), i + 1);
	}
}

/* Ends the capture; what was said on stdout (0) or stderr (1). */
static inline const char *said(int i)
{
	static char text[2][1 << 16];
	size_t n;

	if (saved[i] >= 0) {
		fflush(i ? stderr : stdout);
		(void)dup2(saved[i], i + 1);
		(void)close(saved[i]);
		saved[i] = -1;
		rewind(captured[i]);
		n = fread(text[i], 1, sizeof(text[i]) - 1, captured[i]);
		text[i][n] = '\0';
		fclose(captured[i]);
	}
	return text[i];
}

#endif /* TEST_CAPTURE_H */
