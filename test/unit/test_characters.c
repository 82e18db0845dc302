/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which characters names may have and which show nothing: all that there are. */
#include "libiscsi-db/characters.h"

#include <check.h>

#include "libiscsi-db/util.h"

#define CHARACTERS	0x110000u

/* FNV-1a over the answers for all characters, in their order. */
static uint32_t digest(bool (*is_in)(uint32_t character), unsigned int *count)
{
	uint32_t hash = 0x811c9dc5;

	*count = 0;
	for (uint32_t character = 0; character < CHARACTERS; character++) {
		bool answer = is_in(character);

		*count += answer;
		hash = (hash ^ answer) * 0x01000193;
	}
	return hash;
}

/*
 * A character that Unicode 3.2 knows is of a name as the profile of RFC 3722 says, but for marks
 * of Hebrew, Arabic and the like, which are refused with their letters. To see this again after
 * a change of the tables, ask stringprep and unicodedata.ucd_3_2_0 of Python.
 */
START_TEST(the_tables_are_the_ones_that_were_compared)
{
	unsigned int count;

	ck_assert_uint_eq(digest(character_is_of_name, &count), 0xe69add8d);
	ck_assert_uint_eq(count, 964122);
	ck_assert_uint_eq(digest(character_is_hidden, &count), 0xa2c4581c);
	ck_assert_uint_eq(count, 4209);
}
END_TEST

/* @len bytes of UTF-8 for @character, whether or not fewer would do. */
static void encode(uint32_t character, size_t len, char *ret)
{
	static const unsigned char first[] = { 0, 0, 0xc0, 0xe0, 0xf0 };

	for (size_t i = len; --i; character >>= 6)
		ret[i] = (char)(0x80 | (character & 0x3f));
	ret[0] = (char)(first[len] | character);
}

START_TEST(each_character_has_one_form)
{
	for (uint32_t character = 0; character < CHARACTERS; character++) {
		size_t least = character < 0x80 ? 1 : character < 0x800 ? 2 :
			       character < 0x10000 ? 3 : 4;
		bool surrogate = character >> 11 == 0x1b;
		uint32_t decoded = 0;
		char text[5] = "";

		encode(character, least, text);
		/* An assertion for each character would take a minute. */
		if (character_decode(text, &decoded) != (surrogate ? 0 : least) ||
		    decoded != (surrogate ? 0 : character))
			ck_abort_msg("U+%04X", character);
		if (least == 4)
			continue;
		encode(character, least + 1, text);
		if (character_decode(text, &decoded))
			ck_abort_msg("U+%04X in %zu bytes", character, least + 1);
	}
}
END_TEST

START_TEST(other_bytes_are_no_character)
{
	static const char *const rows[] = {
		"\x80", "\xbf", "\xc3", "\xc3(", "\xc3\xc3", "\xe2\x80", "\xe2\x80(", "\xf0\x9f\x92",
		"\xf4\x90\x80\x80", "\xf7\xbf\xbf\xbf", "\xf8\x88\x80\x80\x80", "\xff",
	};
	uint32_t decoded;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		ck_assert_msg(!character_decode(rows[i], &decoded), "row %zu", i);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("characters");
	TCase *t = tcase_create("characters");
	SRunner *runner = srunner_create(s);
	int failed;

	suite_add_tcase(s, t);
	tcase_add_test(t, the_tables_are_the_ones_that_were_compared);
	tcase_add_test(t, each_character_has_one_form);
	tcase_add_test(t, other_bytes_are_no_character);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
