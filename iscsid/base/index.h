/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Finds objects by a number in constant time. The number counts objects, or is the hash of a key.
 * Several objects may have the same number, so the caller compares the objects that it finds.
 */
#pragma once

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

/* Returns 0 or -ENOMEM. The caller keeps owning the object. */
int index_add(struct index *index, uint64_t key, void *object);
void index_remove(struct index *index, uint64_t key, const void *object);
/* The first node of @key, or the next after @prev. NULL: there is no other. */
struct index_node *index_find(const struct index *index, uint64_t key,
			      const struct index_node *prev);
/* An array of all objects, for the caller to free(). NULL with *ret_len 0: none, or no memory. */
void **index_objects(const struct index *index, size_t *ret_len);
void index_done(struct index *index);

/* A hash of @text, for use as a key. */
uint64_t index_hash(const char *text);
/* The same of texts that a peer chooses: without the @key, the peer can't prepare collisions. */
uint64_t index_keyed_hash(const uint64_t key[2], const void *data, size_t len);
