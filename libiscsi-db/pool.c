/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Memory for much that is needed for a short time and goes together. It may hold secrets and is
 * wiped, which is also why it always consists of zeros when it is allocated.
 */
#include "libiscsi-db/db.h"

#define CHUNK_SIZE	(128 * 1024)	/* what isn't used of it costs nothing */
#define ALIGN		16

struct pool_chunk {
	struct pool_chunk *next;
	size_t used, size;
	char data[] __attribute__((aligned(ALIGN)));
};

static size_t rounded(size_t size)
{
	return (size + ALIGN - 1) / ALIGN * ALIGN;
}

void *pool_alloc(struct pool *pool, size_t size)
{
	struct pool_chunk *chunk = pool->chunk;
	void *ret;

	size = rounded(size);
	if (!chunk || chunk->size - chunk->used < size) {
		size_t room = MAX(size, (size_t)CHUNK_SIZE);

		chunk = calloc(1, sizeof(*chunk) + room);
		if (!chunk)
			return NULL;
		chunk->size = room;
		chunk->next = pool->chunk;
		pool->chunk = chunk;
	}
	ret = chunk->data + chunk->used;
	chunk->used += size;
	return ret;
}

void pool_shrink(struct pool *pool, void *last, size_t size)
{
	struct pool_chunk *chunk = pool->chunk;

	chunk->used = (size_t)((char *)last - chunk->data) + rounded(size);
}

void pool_clear(struct pool *pool)
{
	struct pool_chunk *chunk = pool->chunk;

	if (!chunk)
		return;
	while (chunk->next) {
		struct pool_chunk *next = chunk->next;

		explicit_bzero(chunk->data, chunk->used);
		free(chunk);
		chunk = next;
	}
	explicit_bzero(chunk->data, chunk->used);
	chunk->used = 0;
	pool->chunk = chunk;
}

void pool_done(struct pool *pool)
{
	pool_clear(pool);
	free(pool->chunk);
	pool->chunk = NULL;
}
