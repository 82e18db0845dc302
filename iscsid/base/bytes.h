/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A bounded reader and a bounded writer of bytes, used for each format that crosses a socket. Both
 * remember a failure: read or write everything, then test once. They allocate nothing. iscsiadm
 * links this object too.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct reader {
	const uint8_t *data;
	size_t len;
	size_t pos;
	bool failed;
};

struct reader reader_init(const void *data, size_t len);
/* After a failure each of these functions returns 0, NULL or "". */
uint16_t reader_be16(struct reader *r);
uint32_t reader_be32(struct reader *r);
/* Returns @len bytes inside the reader's data, or NULL if less are left. */
const uint8_t *reader_bytes(struct reader *r, size_t len);
/* Reads a 32-bit length, that many bytes without a NUL, and a NUL; returns this string. */
const char *reader_str(struct reader *r);
/* True if no read has failed and no byte is left. */
bool reader_done(const struct reader *r);

/* Writes into the caller's memory. */
struct writer {
	uint8_t *data;
	size_t size;
	size_t pos;
	bool failed;
};

struct writer writer_init(void *data, size_t size);
void writer_be16(struct writer *w, uint16_t value);
void writer_be32(struct writer *w, uint32_t value);
void writer_bytes(struct writer *w, const void *data, size_t len);
void writer_str(struct writer *w, const char *text);	/* NULL is written as "" */

/* Makes *@data, of *@size bytes, at least @need bytes long by doubling. False: no memory. */
bool bytes_reserve(uint8_t **data, size_t *size, size_t need);

/* Fills @buf with random bytes. 0 or -errno. */
int bytes_random(void *buf, size_t len);

/* Big-endian numbers at @p, without a check of bounds. */
uint16_t get_be16(const uint8_t *p);
uint32_t get_be24(const uint8_t *p);
uint32_t get_be32(const uint8_t *p);
void put_be16(uint8_t *p, uint16_t value);
void put_be24(uint8_t *p, uint32_t value);
void put_be32(uint8_t *p, uint32_t value);
