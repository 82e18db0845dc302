/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Finds objects by a number (a hash, or a key itself) without looking at the others. Several
 * objects may have the same number; whoever asks compares.
 */
#ifndef ISCSID_INDEX_H
#define ISCSID_INDEX_H

#include <stddef.h>
#include <stdint.h>

struct index_node {
	uint64_t key;
	void *object;
	struct index_node *next;
};

struct index {
	struct index_node **buckets;
	size_t buckets_len;		/* a power of two; 0 before the first add */
	size_t len;
};

/* 0 or -ENOMEM. The object stays the caller's. */
int index_add(struct index *index, uint64_t key, void *object);
void index_remove(struct index *index, uint64_t key, const void *object);
/* The first node of @key, or the one after @prev; NULL: no more. */
struct index_node *index_find(const struct index *index, uint64_t key,
			      const struct index_node *prev);
/* All objects, as they are now; free() it. NULL with *ret_len 0: none, or no memory. */
void **index_objects(const struct index *index, size_t *ret_len);
void index_done(struct index *index);

/* A hash of a text, to be used as a key. */
uint64_t index_hash(const char *text);

#endif /* ISCSID_INDEX_H */
