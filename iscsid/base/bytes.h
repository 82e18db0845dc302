/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A bounded reader and a bounded writer of bytes, under every format that comes from or goes to
 * the outside. Both remember a failure: read or write everything, then test once.
 */
#ifndef ISCSID_BYTES_H
#define ISCSID_BYTES_H

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
/* After a failure each of these gives 0, NULL or "". */
uint16_t reader_be16(struct reader *r);
uint32_t reader_be32(struct reader *r);
/* @len bytes inside the reader's data; NULL past its end. */
const uint8_t *reader_bytes(struct reader *r, size_t len);
/* A 32-bit length, that many bytes without a NUL, and a NUL: a string inside the data. */
const char *reader_str(struct reader *r);
/* True if nothing failed and nothing is left. */
bool reader_done(const struct reader *r);

/* Writes into memory of the caller's. */
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

/* Big-endian fields at a place that the caller knows to exist. */
uint16_t get_be16(const uint8_t *p);
uint32_t get_be24(const uint8_t *p);
uint32_t get_be32(const uint8_t *p);
void put_be16(uint8_t *p, uint16_t value);
void put_be24(uint8_t *p, uint32_t value);
void put_be32(uint8_t *p, uint32_t value);

#endif /* ISCSID_BYTES_H */
