/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Big-endian numbers, bytes and strings within bounds, see bytes.h. */
#include "iscsid/base/bytes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

struct reader reader_init(const void *data, size_t len)
{
	return (struct reader){ .data = data, .len = len };
}

const uint8_t *reader_bytes(struct reader *r, size_t len)
{
	const uint8_t *p;

	if (r->failed || len > r->len - r->pos) {
		r->failed = true;
		return NULL;
	}
	p = r->data + r->pos;
	r->pos += len;
	return p;
}

uint16_t reader_be16(struct reader *r)
{
	const uint8_t *p = reader_bytes(r, 2);

	return p ? get_be16(p) : 0;
}

uint32_t reader_be32(struct reader *r)
{
	const uint8_t *p = reader_bytes(r, 4);

	return p ? get_be32(p) : 0;
}

const char *reader_str(struct reader *r)
{
	uint32_t len = reader_be32(r);
	const uint8_t *p;

	if (len == UINT32_MAX) {	/* the NUL would make a 32-bit size_t wrap */
		r->failed = true;
		return "";
	}
	p = reader_bytes(r, (size_t)len + 1);
	if (!p)
		return "";
	/* The first NUL must be the last byte, or two readers could see different strings. */
	if (memchr(p, '\0', (size_t)len + 1) != p + len) {
		r->failed = true;
		return "";
	}
	return (const char *)p;
}

bool reader_done(const struct reader *r)
{
	return !r->failed && r->pos == r->len;
}

struct writer writer_init(void *data, size_t size)
{
	return (struct writer){ .data = data, .size = size };
}

/* Returns room for @len bytes; without room, the writer has failed and the result is NULL. */
static uint8_t *writer_room(struct writer *w, size_t len)
{
	uint8_t *p;

	if (w->failed || len > w->size - w->pos) {
		w->failed = true;
		return NULL;
	}
	p = w->data + w->pos;
	w->pos += len;
	return p;
}

void writer_be16(struct writer *w, uint16_t value)
{
	uint8_t *p = writer_room(w, 2);

	if (p)
		put_be16(p, value);
}

void writer_be32(struct writer *w, uint32_t value)
{
	uint8_t *p = writer_room(w, 4);

	if (p)
		put_be32(p, value);
}

void writer_bytes(struct writer *w, const void *data, size_t len)
{
	uint8_t *p = writer_room(w, len);

	if (p && len)
		memcpy(p, data, len);
}

void writer_str(struct writer *w, const char *text)
{
	size_t len = text ? strlen(text) : 0;

	writer_be32(w, (uint32_t)len);
	writer_bytes(w, text ? text : "", len + 1);
}

bool bytes_reserve(uint8_t **data, size_t *size, size_t need)
{
	size_t bigger = *size ? *size : 1024;
	uint8_t *p;

	while (bigger < need)
		bigger *= 2;
	if (bigger == *size)
		return true;
	p = realloc(*data, bigger);
	if (!p)
		return false;
	*data = p;
	*size = bigger;
	return true;
}

int bytes_random(void *buf, size_t len)
{
	return getrandom(buf, len, 0) == (ssize_t)len ? 0 : -errno;
}

uint16_t get_be16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

uint32_t get_be24(const uint8_t *p)
{
	return (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];
}

uint32_t get_be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

void put_be16(uint8_t *p, uint16_t value)
{
	p[0] = (uint8_t)(value >> 8);
	p[1] = (uint8_t)value;
}

void put_be24(uint8_t *p, uint32_t value)
{
	p[0] = (uint8_t)(value >> 16);
	p[1] = (uint8_t)(value >> 8);
	p[2] = (uint8_t)value;
}

void put_be32(uint8_t *p, uint32_t value)
{
	p[0] = (uint8_t)(value >> 24);
	p[1] = (uint8_t)(value >> 16);
	p[2] = (uint8_t)(value >> 8);
	p[3] = (uint8_t)value;
}
