/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The text format of RFC 7143, 6.1: pairs, numbers and binaries, good and bad. */
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "iscsid/protocol/text.h"
#include "libiscsi-db/util.h"
#include "test/unit/alloc.h"

#define LONG_63	"A23456789012345678901234567890123456789012345678901234567890123"

/* ---- pairs ------------------------------------------------------------------------------ */

static const struct {
	const char *text;
	size_t len;
	const char *pairs;	/* each as [key|value], then what follows: END or ERROR */
} texts[] = {
#define TEXT(t)	t, sizeof(t) - 1
	{ TEXT(""), "END" },
	{ TEXT("A=1\0"), "[A|1]END" },
	{ TEXT("A=1\0B=\0"), "[A|1][B|]END" },
	{ TEXT("TargetAlias=a=b\0"), "[TargetAlias|a=b]END" },		/* P-TXT-03 */
	{ TEXT("A.b-c+d@e_f9=x\0"), "[A.b-c+d@e_f9|x]END" },		/* P-TXT-01 */
	{ TEXT("X#NodeArchitecture=y\0"), "[X#NodeArchitecture|y]END" },
	{ TEXT("iSCSIProtocolLevel=1\0"), "[iSCSIProtocolLevel|1]END" },
	{ TEXT(LONG_63 "=1\0"), "[" LONG_63 "|1]END" },
	{ TEXT("A=1\0\0\0B=2\0\0"), "[A|1][B|2]END" },			/* P-TXT-13, H-50 */
	{ TEXT("\0\0\0"), "END" },
	{ TEXT("A=1\0B=2"), "[A|1][B|2]END" },				/* P-TXT-13, H-51 */
	{ TEXT("B="), "[B|]END" },
	{ TEXT("=v\0"), "ERROR" },					/* H-52 */
	{ TEXT("="), "ERROR" },
	{ TEXT("Key\0"), "ERROR" },
	{ TEXT("Key"), "ERROR" },
	{ TEXT("Key\0=value\0"), "ERROR" },
	{ TEXT("A=1\0Key\0B=2\0"), "[A|1]ERROR" },
	{ TEXT(LONG_63 "4=1\0"), "ERROR" },				/* H-53 */
	{ TEXT("a=b\0"), "ERROR" },
	{ TEXT("9=b\0"), "ERROR" },
	{ TEXT("iSCSIProtocolLevels=1\0"), "ERROR" },
	{ TEXT("iSCSIProtocolLeveL=1\0"), "ERROR" },
	{ TEXT("iSCSI=1\0"), "ERROR" },
	{ TEXT("A B=1\0"), "ERROR" },
	{ TEXT("A\x1b=1\0"), "ERROR" },
	{ TEXT("Abc =1\0"), "ERROR" },
	{ TEXT("\xc3\x84=1\0"), "ERROR" },
	{ TEXT("TargetAlias=a\0b\0"), "[TargetAlias|a]ERROR" },		/* H-55 */
};

START_TEST(pairs)
{
	char *exact = malloc(texts[_i].len ? texts[_i].len : 1);
	char seen[512] = "";
	struct iscsi_why why = { .text = "" };
	struct text_reader r;
	enum text_result result;

	memcpy(exact, texts[_i].text, texts[_i].len);	/* a read past its end is seen */
	text_reader_init(&r, exact, texts[_i].len);
	while ((result = text_reader_next(&r, &why)) == TEXT_PAIR)
		(void)snprintf(seen + strlen(seen), sizeof(seen) - strlen(seen), "[%s|%s]",
			       r.key, r.value);
	strcat(seen, result == TEXT_END ? "END" : "ERROR");
	ck_assert_str_eq(seen, texts[_i].pairs);
	ck_assert_int_eq(*why.text != '\0', result == TEXT_ERROR);
	if (result == TEXT_ERROR)
		ck_assert_int_eq(r.err, ISCSI_ERR_INVAL);
	text_reader_done(&r);
	text_reader_done(&r);
	free(exact);
}
END_TEST

START_TEST(a_long_bad_key_is_cut_in_the_reason)
{
	char text[4096], wanted[256];
	struct iscsi_why why;
	struct text_reader r;

	memset(text, 'A', sizeof(text));
	for (size_t len = 79; len < sizeof(text); len += len < 81 ? 1 : 1000) {
		text_reader_init(&r, text, len);
		ck_assert_int_eq(text_reader_next(&r, &why), TEXT_ERROR);
		(void)snprintf(wanted, sizeof(wanted), "a key without a value in the target's text: "
			       "'%.*s'%s", (int)MIN(len, 80u), text, len > 80 ? "..." : "");
		ck_assert_str_eq(why.text, wanted);
		text_reader_done(&r);
	}
}
END_TEST

static const struct {
	const char *list, *word;
	bool has;
} lists[] = {
	{ "None", "None", true }, { "CHAP,None", "None", true }, { "None,CHAP", "None", true },
	{ "A,None,B", "None", true }, { "A,,None", "None", true }, { "A,", "", true },
	{ "", "None", false }, { "NotNone", "None", false }, { "None2", "None", false },
	{ "Non", "None", false }, { "Nine", "None", false }, { "None CHAP", "None", false },
	{ "none", "None", false }, { "CHAP", "None", false }, { "A,Non,B", "None", false },
};

START_TEST(words_of_a_list)
{
	ck_assert_msg(text_list_has(lists[_i].list, lists[_i].word) == lists[_i].has, "'%s'",
		      lists[_i].list);
	ck_assert(!text_is_set(NULL) && !text_is_set("") && text_is_set("x"));
}
END_TEST

START_TEST(no_memory_for_a_pair_without_its_nul)
{
	struct iscsi_why why;
	struct text_reader r;
	bool injected;

	if (!alloc_can_fail)
		return;
	text_reader_init(&r, "A=1", 3);
	alloc_fail_nth(1);
	ck_assert_int_eq(text_reader_next(&r, &why), TEXT_ERROR);
	injected = alloc_fail_stop();
	ck_assert(injected);
	ck_assert_int_eq(r.err, ISCSI_ERR_NOMEM);
	text_reader_done(&r);
}
END_TEST

/* P-TXT-02 */
START_TEST(writer)
{
	char buf[64];
	struct text_writer w;

	text_writer_init(&w, buf, sizeof(buf));
	text_write(&w, "A", "x=y");
	text_write(&w, "B", "");
	text_write_number(&w, "C", 4294967295u);
	ck_assert(!w.failed);
	ck_assert_uint_eq(w.len, 6 + 3 + 13);
	ck_assert_mem_eq(buf, "A=x=y\0B=\0C=4294967295\0", w.len);
}
END_TEST

START_TEST(writer_is_bounded)
{
	char buf[8] = "-------";
	struct text_writer w;

	text_writer_init(&w, buf, 5);
	text_write(&w, "Ab", "c");
	ck_assert(!w.failed);
	ck_assert_uint_eq(w.len, 5);
	ck_assert_mem_eq(buf, "Ab=c\0--", 7);
	/* What comes later has the room that is left. */
	for (size_t size = 7; size <= 8; size++) {
		text_writer_init(&w, buf, size);
		text_write(&w, "Ab", "c");
		text_write(&w, "A", "");
		ck_assert_int_eq(w.failed, size < 8);
		ck_assert_uint_eq(w.len, size < 8 ? 5 : 8);
	}
	text_writer_init(&w, buf, 4);
	text_write(&w, "Ab", "c");
	ck_assert(w.failed);
	text_write(&w, "A", "");	/* it would fit, but what was to come first didn't */
	ck_assert(w.failed);
	ck_assert_uint_eq(w.len, 0);
}
END_TEST

/* ---- numbers ---------------------------------------------------------------------------- */

static const struct {
	const char *text;
	uint64_t max;
	bool good;
	uint64_t value;
} numbers[] = {
	{ "0", 10, true, 0 },
	{ "10", 10, true, 10 },
	{ "11", 10, false, 0 },
	{ "0x40000", UINT32_MAX, true, 262144 },		/* P-TXT-08 */
	{ "0X4aF", UINT32_MAX, true, 0x4af },
	{ "0x0000000000000000000000001", 10, true, 1 },
	{ "18446744073709551615", UINT64_MAX, true, UINT64_MAX },
	{ "0xffffffffffffffff", UINT64_MAX, true, UINT64_MAX },
	{ "18446744073709551616", UINT64_MAX, false, 0 },	/* P-TXT-07, H-58 */
	{ "0x10000000000000000", UINT64_MAX, false, 0 },
	{ "4294967301", 255, false, 0 },			/* H-75: wraps to 5 */
	{ "1111111111111111111111111111111111111111", UINT64_MAX, false, 0 },
	{ "", 10, false, 0 },
	{ "0x", 10, false, 0 },
	{ "-1", UINT64_MAX, false, 0 },
	{ "+5", 10, false, 0 },
	{ " 5", 10, false, 0 },
	{ "5 ", 10, false, 0 },
	{ "08", 10, false, 0 },
	{ "00", 10, false, 0 },
	{ "1e3", UINT64_MAX, false, 0 },
	{ "1~5", UINT64_MAX, false, 0 },
	{ "ff", UINT64_MAX, false, 0 },
	{ "1a", UINT64_MAX, false, 0 },
	{ "0xfF", 255, true, 255 },
	{ "0x100", 255, false, 0 },
	{ "18446744073709551614", UINT64_MAX, true, UINT64_MAX - 1 },
	{ "18446744073709551610", UINT64_MAX, true, UINT64_MAX - 5 },
	{ "0b11", UINT64_MAX, false, 0 },
	{ "0xg", UINT64_MAX, false, 0 },
	{ "1x5", UINT64_MAX, false, 0 },
	{ "Reject", UINT64_MAX, false, 0 },			/* H-59 */
};

START_TEST(number)
{
	uint64_t value = 77;

	ck_assert_msg(text_parse_number(numbers[_i].text, numbers[_i].max, &value) ==
		      numbers[_i].good, "'%s'", numbers[_i].text);
	ck_assert_uint_eq(value, numbers[_i].good ? numbers[_i].value : 77);
}
END_TEST

/* ---- binaries --------------------------------------------------------------------------- */

static const struct {
	const char *text;
	long len;
	const char *bytes;
} binaries[] = {
	{ "0x00ff10", 3, "\x00\xff\x10" },
	{ "0XaBcDeF", 3, "\xab\xcd\xef" },			/* P-TXT-05 */
	{ "0xabc", 2, "\x0a\xbc" },
	{ "0x1", 1, "\x01" },
	{ "0bAAECAwQFBgcICQoLDA0ODw==", 16,			/* P-TXT-06 */
	  "\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f" },
	{ "0bTQ==", 1, "M" },
	{ "0bTWE=", 2, "Ma" },
	{ "0BTWFu", 3, "Man" },
	{ "0b+/+/", 3, "\xfb\xff\xbf" },
	{ "0x000102030405060708090a0b0c0d0e0f", 16,		/* just fits */
	  "\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f" },
	{ "0x000102030405060708090a0b0c0d0e0f00", -1, NULL },	/* and doesn't */
	{ "0x000102030405060708090a0b0c0d0e0f0", -1, NULL },
	{ "0bAAECAwQFBgcICQoLDA0ODxA=", -1, NULL },
	{ "", -1, NULL },					/* H-76 */
	{ "0", -1, NULL },
	{ "0x", -1, NULL },
	{ "0b", -1, NULL },
	{ "0xZZ", -1, NULL },
	{ "0x12 ", -1, NULL },
	{ "12345678", -1, NULL },
	{ "text", -1, NULL },
	{ "0bTQ=", -1, NULL },
	{ "0bTQ", -1, NULL },
	{ "0bT===", -1, NULL },
	{ "0b====", -1, NULL },
	{ "0bTQ==TQ==", -1, NULL },
	{ "0bTQ=A", -1, NULL },
	{ "0bTW-_", -1, NULL },
};

START_TEST(binary)
{
	uint8_t *ret = malloc(16);
	long len = text_parse_binary(binaries[_i].text, ret, 16);

	ck_assert_msg(len == binaries[_i].len, "'%s': %ld", binaries[_i].text, len);
	if (len > 0)
		ck_assert_mem_eq(ret, binaries[_i].bytes, (size_t)len);
	free(ret);
}
END_TEST

/* P-TXT-04: 1024 bytes, in 2050 and in 1370 characters. */
START_TEST(largest_binaries)
{
	static char hex[2 + 2048 + 1], base64[2 + 1368 + 1];
	uint8_t ret[1024];

	memset(hex, '5', sizeof(hex) - 1);
	memcpy(hex, "0x", 2);
	ck_assert_int_eq(text_parse_binary(hex, ret, sizeof(ret)), 1024);
	ck_assert_int_eq(text_parse_binary(hex, ret, sizeof(ret) - 1), -1);
	memset(base64, 'V', sizeof(base64) - 1);
	memcpy(base64, "0b", 2);
	memcpy(base64 + sizeof(base64) - 3, "==", 2);
	ck_assert_int_eq(text_parse_binary(base64, ret, sizeof(ret)), 1024);
	ck_assert_int_eq(text_parse_binary(base64, ret, sizeof(ret) - 1), -1);
}
END_TEST

START_TEST(format_hex)
{
	char text[9];

	text_format_hex((const uint8_t *)"\x00\xab\x1f", 3, text, sizeof(text));
	ck_assert_str_eq(text, "0x00ab1f");
	text_format_hex((const uint8_t *)"\x00\xab\x1f", 3, text, sizeof(text) - 1);
	ck_assert_str_eq(text, "");
	text_format_hex(NULL, 0, text, 3);
	ck_assert_str_eq(text, "0x");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("text");
	TCase *t = tcase_create("text");
	SRunner *runner = srunner_create(s);
	int failed;

	suite_add_tcase(s, t);
	tcase_add_loop_test(t, pairs, 0, ARRAY_SIZE(texts));
	tcase_add_test(t, a_long_bad_key_is_cut_in_the_reason);
	tcase_add_loop_test(t, words_of_a_list, 0, ARRAY_SIZE(lists));
	tcase_add_test(t, no_memory_for_a_pair_without_its_nul);
	tcase_add_test(t, writer);
	tcase_add_test(t, writer_is_bounded);
	tcase_add_loop_test(t, number, 0, ARRAY_SIZE(numbers));
	tcase_add_loop_test(t, binary, 0, ARRAY_SIZE(binaries));
	tcase_add_test(t, largest_binaries);
	tcase_add_test(t, format_hex);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
