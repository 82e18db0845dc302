/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A hash table with chains, see index.h. */
#include "iscsid/base/index.h"

#include <errno.h>

#include "libiscsi-db/util.h"

static size_t bucket_of(const struct index *index, uint64_t key)
{
	return (size_t)((key * 0x9e3779b97f4a7c15u) >> 32) & (index->buckets_len - 1);
}

static int index_grow(struct index *index)
{
	struct index bigger = { .buckets_len = index->buckets_len ? index->buckets_len * 2 : 64 };

	bigger.buckets = calloc(bigger.buckets_len, sizeof(*bigger.buckets));
	if (!bigger.buckets)
		return -ENOMEM;
	for (size_t i = 0; i < index->buckets_len; i++) {
		while (index->buckets[i]) {
			struct index_node *node = index->buckets[i];
			size_t b = bucket_of(&bigger, node->key);

			index->buckets[i] = node->next;
			node->next = bigger.buckets[b];
			bigger.buckets[b] = node;
		}
	}
	free(index->buckets);
	index->buckets = bigger.buckets;
	index->buckets_len = bigger.buckets_len;
	return 0;
}

int index_add(struct index *index, uint64_t key, void *object)
{
	struct index_node *node;
	size_t b;

	if (index->len >= index->buckets_len && index_grow(index) < 0)
		return -ENOMEM;
	node = malloc(sizeof(*node));
	if (!node)
		return -ENOMEM;
	b = bucket_of(index, key);
	*node = (struct index_node){ key, object, index->buckets[b] };
	index->buckets[b] = node;
	index->len++;
	return 0;
}

void index_remove(struct index *index, uint64_t key, const void *object)
{
	struct index_node **at;

	if (!index->buckets_len)
		return;
	for (at = &index->buckets[bucket_of(index, key)]; *at; at = &(*at)->next) {
		struct index_node *node = *at;

		if (node->key == key && node->object == object) {
			*at = node->next;
			free(node);
			index->len--;
			return;
		}
	}
}

struct index_node *index_find(const struct index *index, uint64_t key,
			      const struct index_node *prev)
{
	struct index_node *node;

	if (!index->buckets_len)
		return NULL;
	node = prev ? prev->next : index->buckets[bucket_of(index, key)];
	while (node && node->key != key)
		node = node->next;
	return node;
}

void **index_objects(const struct index *index, size_t *ret_len)
{
	void **objects = index->len ? calloc(index->len, sizeof(*objects)) : NULL;
	size_t n = 0;

	for (size_t i = 0; objects && i < index->buckets_len; i++)
		for (struct index_node *node = index->buckets[i]; node; node = node->next)
			objects[n++] = node->object;
	*ret_len = n;
	return objects;
}

void index_done(struct index *index)
{
	for (size_t i = 0; i < index->buckets_len; i++) {
		while (index->buckets[i]) {
			struct index_node *node = index->buckets[i];

			index->buckets[i] = node->next;
			free(node);
		}
	}
	free(index->buckets);
	*index = (struct index){ 0 };
}

uint64_t index_hash(const char *text)
{
	uint64_t hash = 0xcbf29ce484222325u;	/* FNV-1a */

	for (; *text; text++)
		hash = (hash ^ (unsigned char)*text) * 0x100000001b3u;
	return hash;
}
