/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The bounded reader and writer: what goes in comes out, and nothing outside is touched. */
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "iscsid/base/bytes.h"
#include "test/unit/alloc.h"

START_TEST(fields_keep_their_order)
{
	uint8_t p[4];

	put_be16(p, 0x0102);
	ck_assert_mem_eq(p, "\x01\x02", 2);
	ck_assert_uint_eq(get_be16(p), 0x0102);
	put_be24(p, 0xabcdef);
	ck_assert_mem_eq(p, "\xab\xcd\xef", 3);
	ck_assert_uint_eq(get_be24(p), 0xabcdef);
	put_be32(p, 0xfedcba98);
	ck_assert_mem_eq(p, "\xfe\xdc\xba\x98", 4);
	ck_assert_uint_eq(get_be32(p), 0xfedcba98);
}
END_TEST

START_TEST(what_is_written_is_read)
{
	uint8_t buf[64];
	struct writer w = writer_init(buf, sizeof(buf));
	struct reader r;

	writer_be16(&w, 0xfedc);
	writer_be32(&w, 0xfedcba98);
	writer_str(&w, "text");
	writer_str(&w, "");
	writer_str(&w, NULL);
	writer_bytes(&w, "xyz", 3);
	writer_bytes(&w, NULL, 0);
	ck_assert(!w.failed);
	ck_assert_uint_eq(w.pos, 2 + 4 + 9 + 5 + 5 + 3);

	r = reader_init(buf, w.pos);
	ck_assert_uint_eq(reader_be16(&r), 0xfedc);
	ck_assert_uint_eq(reader_be32(&r), 0xfedcba98);
	ck_assert_str_eq(reader_str(&r), "text");
	ck_assert_str_eq(reader_str(&r), "");
	ck_assert_str_eq(reader_str(&r), "");
	ck_assert(!reader_done(&r));
	ck_assert_mem_eq(reader_bytes(&r, 3), "xyz", 3);
	ck_assert(reader_done(&r));
}
END_TEST

/* The message of the test above, short of one byte more each time. */
START_TEST(a_short_message_fails)
{
	uint8_t buf[16], *cut;
	struct writer w = writer_init(buf, sizeof(buf));
	size_t len = (size_t)_i;
	struct reader r;

	writer_be16(&w, 1);
	writer_str(&w, "text");
	writer_bytes(&w, "7", 1);
	ck_assert_uint_eq(w.pos, 12);

	cut = malloc(len ? len : 1);	/* so that a sanitizer sees a read past the end */
	memcpy(cut, buf, len);
	r = reader_init(cut, len);
	(void)reader_be16(&r);
	(void)reader_str(&r);
	(void)reader_bytes(&r, 1);
	ck_assert(r.failed);
	ck_assert(!reader_done(&r));
	free(cut);
}
END_TEST

START_TEST(a_failure_stays)
{
	struct reader r = reader_init("\1\2\3", 3);

	ck_assert_uint_eq(reader_be32(&r), 0);
	ck_assert_uint_eq(reader_be16(&r), 0);
	ck_assert_ptr_null(reader_bytes(&r, 0));
	ck_assert_str_eq(reader_str(&r), "");
	ck_assert(!reader_done(&r));
}
END_TEST

START_TEST(strings_are_strict)
{
	static const struct {
		const char *bytes;
		size_t len;
	} bad[] = {
		{ "\0\0\0\2ab", 6 },			/* no NUL, no room for it */
		{ "\0\0\0\2abc", 7 },			/* no NUL */
		{ "\0\0\0\2a\0\0", 7 },			/* one too early */
		{ "\xff\xff\xff\xff" "ab", 6 },		/* a length that wraps with its NUL */
		{ "\xff\xff\xff\xfe" "ab", 6 },
		{ "\0\0\0", 3 },
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		uint8_t *exact = malloc(bad[i].len);	/* so that a sanitizer sees a read past the end */
		struct reader r = reader_init(exact, bad[i].len);

		memcpy(exact, bad[i].bytes, bad[i].len);
		ck_assert_str_eq(reader_str(&r), "");
		ck_assert_msg(r.failed, "string %zu", i);
		free(exact);
	}
}
END_TEST

START_TEST(a_full_writer_writes_nothing_more)
{
	uint8_t buf[8];
	struct writer w = writer_init(buf, 5);

	memset(buf, 0xee, sizeof(buf));
	writer_be32(&w, 0);
	writer_be16(&w, 0);
	ck_assert(w.failed);
	writer_bytes(&w, "x", 1);	/* it would fit, but its place is gone */
	writer_str(&w, "");
	ck_assert(w.failed);
	ck_assert_uint_eq(w.pos, 4);
	ck_assert_mem_eq(buf + 4, "\xee\xee\xee\xee", 4);
}
END_TEST

START_TEST(a_buffer_grows_by_doubling)
{
	static const struct { size_t need, size; } steps[] = {
		{ 0, 1024 }, { 1, 1024 }, { 1024, 1024 }, { 1025, 2048 }, { 100, 2048 },
		{ 2049, 4096 }, { 20000, 32768 }, { 32768, 32768 },
	};
	uint8_t *data = NULL;
	size_t size = 0;

	for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
		ck_assert(bytes_reserve(&data, &size, steps[i].need));
		ck_assert_uint_eq(size, steps[i].size);
		if (i)
			ck_assert_uint_eq(data[0], 0x5a);	/* what was there stays */
		memset(data, 0x5a, size);
	}
	free(data);
}
END_TEST

START_TEST(without_memory_a_buffer_stays_as_it_is)
{
	uint8_t *data = NULL, *before;
	size_t size = 0;

	ck_assert(bytes_reserve(&data, &size, 1));
	before = data;
	alloc_fail_nth(1);
	ck_assert(!alloc_can_fail || !bytes_reserve(&data, &size, 1025));
	(void)alloc_fail_stop();
	ck_assert_ptr_eq(data, before);
	ck_assert_uint_eq(size, 1024);
	free(data);
}
END_TEST

START_TEST(random_bytes_differ)
{
	uint8_t one[32] = { 0 }, other[32] = { 0 };

	ck_assert_int_eq(bytes_random(one, sizeof(one)), 0);
	ck_assert_int_eq(bytes_random(other, sizeof(other)), 0);
	ck_assert_mem_ne(one, other, sizeof(one));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("bytes");
	TCase *t = tcase_create("bytes");
	SRunner *runner = srunner_create(s);
	int failed;

	suite_add_tcase(s, t);
	tcase_add_test(t, fields_keep_their_order);
	tcase_add_test(t, what_is_written_is_read);
	tcase_add_loop_test(t, a_short_message_fails, 0, 12);
	tcase_add_test(t, a_failure_stays);
	tcase_add_test(t, strings_are_strict);
	tcase_add_test(t, a_full_writer_writes_nothing_more);
	tcase_add_test(t, a_buffer_grows_by_doubling);
	tcase_add_test(t, without_memory_a_buffer_stays_as_it_is);
	tcase_add_test(t, random_bytes_differ);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
