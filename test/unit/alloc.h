/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Lets the nth allocation of a test program's thread fail. Include it in one file of the program; it
 * takes the place of the C library's allocation functions, and does nothing under a sanitizer,
 * which needs that place itself: alloc_can_fail says so.
 */
#ifndef TEST_ALLOC_H
#define TEST_ALLOC_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>

static _Thread_local unsigned long alloc_countdown;	/* 1: the next one fails; 0: none does */
static _Thread_local bool alloc_failed;
static _Atomic long __attribute__((unused)) alloc_live;		/* blocks of all threads that aren't freed yet */

#ifdef __has_feature		/* clang's way to say __SANITIZE_ADDRESS__ */
#if __has_feature(address_sanitizer)
#define __SANITIZE_ADDRESS__ 1
#endif
#endif

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
static const bool alloc_can_fail = false;
#else
static const bool alloc_can_fail = true;

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t size);
void __libc_free(void *p);
void *malloc(size_t size);
void *calloc(size_t n, size_t size);
void *realloc(void *p, size_t size);
void free(void *p);

static bool alloc_fails(void)
{
	if (!alloc_countdown || --alloc_countdown)
		return false;
	alloc_failed = true;
	errno = ENOMEM;
	return true;
}

static void *alloc_count(void *p)
{
	alloc_live += p != NULL;
	return p;
}

__attribute__((visibility("default"))) void *malloc(size_t size)
{
	return alloc_fails() ? NULL : alloc_count(__libc_malloc(size));
}

__attribute__((visibility("default"))) void *calloc(size_t n, size_t size)
{
	return alloc_fails() ? NULL : alloc_count(__libc_calloc(n, size));
}

__attribute__((visibility("default"))) void *realloc(void *p, size_t size)
{
	if (alloc_fails())
		return NULL;
	return p ? __libc_realloc(p, size) : alloc_count(__libc_realloc(p, size));
}

__attribute__((visibility("default"))) void free(void *p)
{
	alloc_live -= p != NULL;
	__libc_free(p);
}
#endif

/* The @nth allocation from now on fails, once. */
static inline void alloc_fail_nth(unsigned long nth)
{
	alloc_failed = false;
	alloc_countdown = nth;
}

/* No more failures; true if one was injected since alloc_fail_nth(). */
static inline bool alloc_fail_stop(void)
{
	alloc_countdown = 0;
	return alloc_failed;
}

#endif /* TEST_ALLOC_H */
