/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A hash table with chains, see index.h. */
#include "iscsid/base/index.h"

#include <errno.h>

#include "libiscsi-db/util.h"

static size_t bucket_of(const struct index *index, uint64_t key)
{
	return (size_t)key & (index->buckets_len - 1);
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

static uint64_t rotl(uint64_t x, int bits)
{
	return x << bits | x >> (64 - bits);
}

static void sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[1] = rotl(v[1], 13) ^ v[0];
	v[0] = rotl(v[0], 32);
	v[2] += v[3];
	v[3] = rotl(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = rotl(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = rotl(v[1], 17) ^ v[2];
	v[2] = rotl(v[2], 32);
}

/* SipHash-2-4. */
uint64_t index_keyed_hash(const uint64_t key[2], const void *data, size_t len)
{
	const uint8_t *bytes = data;
	uint64_t v[4] = {
		key[0] ^ 0x736f6d6570736575, key[1] ^ 0x646f72616e646f6d,
		key[0] ^ 0x6c7967656e657261, key[1] ^ 0x7465646279746573,
	};

	for (size_t at = 0; at <= len; at += 8) {
		uint64_t word = at + 8 > len ? (uint64_t)len << 56 : 0;

		for (size_t i = 0; i < 8 && at + i < len; i++)
			word |= (uint64_t)bytes[at + i] << 8 * i;
		v[3] ^= word;
		sip_round(v);
		sip_round(v);
		v[0] ^= word;
	}
	v[2] ^= 0xff;
	for (int i = 0; i < 4; i++)
		sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

uint64_t index_hash(const char *text)
{
	static const uint64_t no_key[2];

	return index_keyed_hash(no_key, text, strlen(text));
}
