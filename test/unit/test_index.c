/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of objects by number: what it finds, how it grows, and the hashes for it. */
#include <check.h>
#include <errno.h>
#include <stdlib.h>

#include "iscsid/base/index.h"
#include "libiscsi-db/util.h"
#include "test/unit/alloc.h"

#define OBJECTS	1000

static struct index table;
static int object[OBJECTS];

/* How many objects have the @key; each must be one of two. */
static int count(uint64_t key, const int *one, const int *other)
{
	const struct index_node *node = NULL;
	int n = 0;

	while ((node = index_find(&table, key, node))) {
		ck_assert_uint_eq(node->key, key);
		ck_assert(node->object == one || node->object == other);
		n++;
	}
	return n;
}

static void teardown(void)
{
	index_done(&table);
	ck_assert_uint_eq(table.len, 0);
	ck_assert_ptr_null(index_find(&table, 1, NULL));
	/* The empty table can be filled again. */
	ck_assert_int_eq(index_add(&table, 1, &object[1]), 0);
	ck_assert_int_eq(count(1, &object[1], NULL), 1);
	index_done(&table);
}

START_TEST(what_was_added_is_found)
{
	bool seen[OBJECTS] = { false };
	void **all;
	size_t len;

	ck_assert_ptr_null(index_find(&table, 1, NULL));
	index_remove(&table, 1, &object[1]);
	all = index_objects(&table, &len);
	ck_assert_ptr_null(all);
	ck_assert_uint_eq(len, 0);
	for (int i = 0; i < OBJECTS; i++) {
		ck_assert_int_eq(index_add(&table, (uint64_t)(i / 2), &object[i]), 0);
		ck_assert_uint_eq(table.len, (size_t)i + 1);
		/* A chain has one object on the average, at most. */
		ck_assert_uint_le(table.len, table.buckets_len);
	}
	ck_assert_uint_eq(table.buckets_len, 1024);
	for (int i = 0; i < OBJECTS / 2; i++)
		ck_assert_int_eq(count((uint64_t)i, &object[2 * i], &object[2 * i + 1]), 2);
	ck_assert_ptr_null(index_find(&table, OBJECTS / 2, NULL));
	all = index_objects(&table, &len);
	ck_assert_uint_eq(len, OBJECTS);
	for (size_t i = 0; i < len; i++)
		seen[(int *)all[i] - object] = true;
	for (size_t i = 0; i < len; i++)
		ck_assert(seen[i]);
	free(all);
}
END_TEST

START_TEST(what_was_removed_is_not_found)
{
	/* Numbers that share their lowest bits, too. */
	for (int i = 0; i < OBJECTS; i++)
		ck_assert_int_eq(index_add(&table, (uint64_t)i << 32, &object[i]), 0);
	index_remove(&table, 0, &object[1]);		/* the object has another number */
	index_remove(&table, 1, &object[0]);
	index_remove(&table, UINT64_C(7) << 32, NULL);
	ck_assert_uint_eq(table.len, OBJECTS);
	for (int i = 0; i < OBJECTS; i += 2)
		index_remove(&table, (uint64_t)i << 32, &object[i]);
	ck_assert_uint_eq(table.len, OBJECTS / 2);
	for (int i = 0; i < OBJECTS; i++)
		ck_assert_int_eq(count((uint64_t)i << 32, &object[i], NULL), i % 2);
}
END_TEST

START_TEST(the_table_grows_when_it_is_full)
{
	for (uint64_t i = 0; i < 129; i++) {
		ck_assert_int_eq(index_add(&table, i * i, &object[i]), 0);
		ck_assert_uint_eq(table.buckets_len, i < 64 ? 64 : i < 128 ? 128 : 256);
	}
}
END_TEST

/* As session numbers do. */
START_TEST(numbers_in_a_row_have_a_chain_each)
{
	for (uint64_t i = 0; i < 64; i++)
		ck_assert_int_eq(index_add(&table, i, &object[i]), 0);
	for (uint64_t i = 0; i < 64; i++)
		ck_assert_ptr_null(index_find(&table, i, NULL)->next);
}
END_TEST

START_TEST(an_emptied_table_holds_no_memory)
{
	long live = alloc_live;
	bool added = true;

	for (uint64_t i = 0; i < 100; i++)
		added = added && index_add(&table, i, &object[i]) == 0;
	index_done(&table);
	live = alloc_live - live;
	ck_assert(added);
	ck_assert_int_eq(live, 0);
}
END_TEST

START_TEST(without_memory_nothing_is_added)
{
	for (unsigned long nth = 1; alloc_can_fail && nth <= 2; nth++) {
		alloc_fail_nth(nth);
		ck_assert_int_eq(index_add(&table, 5, &object[0]), -ENOMEM);
		ck_assert(alloc_fail_stop());
		ck_assert_uint_eq(table.len, 0);
		ck_assert_ptr_null(index_find(&table, 5, NULL));
	}
}
END_TEST

/* SipHash-2-4 of the bytes 0, 1, ... with the key 0, 1, ... 15. */
static const struct { size_t len; uint64_t hash; } hashes[] = {
	{ 0, UINT64_C(0x726fdb47dd0e0e31) }, { 1, UINT64_C(0x74f839c593dc67fd) },
	{ 7, UINT64_C(0xab0200f58b01d137) }, { 8, UINT64_C(0x93f5f5799a932462) },
	{ 15, UINT64_C(0xa129ca6149be45e5) }, { 16, UINT64_C(0x3f2acc7f57c29bdb) },
	{ 63, UINT64_C(0x958a324ceb064572) },
};

START_TEST(hashes_are_those_of_the_standard)
{
	static const uint64_t key[2] = { UINT64_C(0x0706050403020100), UINT64_C(0x0f0e0d0c0b0a0908) };
	static const uint64_t no_key[2];
	uint8_t data[64];

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)i;
	for (size_t i = 0; i < ARRAY_SIZE(hashes); i++)
		ck_assert_uint_eq(index_keyed_hash(key, data, hashes[i].len), hashes[i].hash);
	ck_assert_uint_eq(index_hash("iqn.a:b"), index_keyed_hash(no_key, "iqn.a:b", 7));
	ck_assert_uint_ne(index_hash("iqn.a:b"), index_keyed_hash(key, "iqn.a:b", 7));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("index");
	TCase *tc = tcase_create("index");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tc, NULL, teardown);
	tcase_add_test(tc, what_was_added_is_found);
	tcase_add_test(tc, what_was_removed_is_not_found);
	tcase_add_test(tc, the_table_grows_when_it_is_full);
	tcase_add_test(tc, numbers_in_a_row_have_a_chain_each);
	tcase_add_test(tc, an_emptied_table_holds_no_memory);
	tcase_add_test(tc, without_memory_nothing_is_added);
	tcase_add_test(tc, hashes_are_those_of_the_standard);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
