/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Error texts, and reasons and warnings that stay one clean line whatever goes into them. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "libiscsi-db/err.h"

START_TEST(codes_have_their_texts)
{
	ck_assert_str_eq(iscsi_db_err_text(ISCSI_SUCCESS), "");
	ck_assert_str_eq(iscsi_db_err_text(ISCSI_ERR_INVAL), "invalid parameter");
	ck_assert_str_eq(iscsi_db_err_text(ISCSI_ERR_IDBM), "encountered iSCSI database failure");
	ck_assert_str_eq(iscsi_db_err_text(ISCSI_ERR_REQ_TIMEDOUT), "iscsid request timed out");
	ck_assert_str_eq(iscsi_db_err_text((enum iscsi_err)-1), "unknown error");
	ck_assert_str_eq(iscsi_db_err_text((enum iscsi_err)4711), "unknown error");
	for (int e = 1; e < ISCSI_ERR_END; e++)
		ck_assert_int_gt((int)strlen(iscsi_db_err_text((enum iscsi_err)e)), 0);
	ck_assert_int_eq(ISCSI_ERR_END, 34);
	ck_assert_str_eq(iscsi_db_version(), ISCSI_VERSION);
}
END_TEST

static const struct {
	const char *in, *out;
} lines[] = {
	{ "plain", "plain" },
	{ "two\nlines", "two\\nlines" },
	{ "a\tb", "a\\tb" },
	{ "\x1b[31mred", "\\x1b[31mred" },
	{ "del\x7f", "del\\x7f" },
	{ "c1 \xc2\x9b!", "c1 \\xc2\\x9b!" },
	{ "gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f" },
	{ "100%s", "100%s" },
};

START_TEST(reasons_are_one_clean_line)
{
	struct iscsi_why why;

	ck_assert_int_eq(iscsi_fail(&why, ISCSI_ERR_BUSY, "%s", lines[_i].in), ISCSI_ERR_BUSY);
	ck_assert_str_eq(why.text, lines[_i].out);
}
END_TEST

START_TEST(a_reason_may_hold_the_old_one)
{
	struct iscsi_why why;

	iscsi_fail(&why, ISCSI_ERR, "inner");
	iscsi_fail(&why, ISCSI_ERR, "outer: %s", why.text);
	ck_assert_str_eq(why.text, "outer: inner");
	ck_assert_int_eq(iscsi_fail(NULL, ISCSI_ERR_LOGIN, "nobody asks"), ISCSI_ERR_LOGIN);
}
END_TEST

START_TEST(long_reasons_are_cut_between_characters)
{
	char text[2000];
	struct iscsi_why why;
	size_t len;

	for (size_t lead = 0; lead < 8; lead++) {
		memset(text, 'x', lead);
		for (size_t i = lead; i + 3 < sizeof(text); i += 3)
			memcpy(text + i, "\xe2\x82\xac", 4);
		iscsi_fail(&why, ISCSI_ERR, "%s", text);
		len = strlen(why.text);
		ck_assert_uint_lt(len, sizeof(why.text));
		ck_assert_uint_gt(len, sizeof(why.text) - 8);
		ck_assert_uint_eq((len - lead) % 3, 0);
	}
	memset(text, '\n', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	iscsi_fail(&why, ISCSI_ERR, "%s", text);
	ck_assert_uint_lt(strlen(why.text), sizeof(why.text));
}
END_TEST

static void keep(void *arg, const char *text)
{
	(void)snprintf(arg, 1024, "%s", text);
}

START_TEST(warnings_say_where)
{
	char got[1024] = "";
	struct db_warn warn = { .fn = keep, .arg = got };

	db_warn(&warn, "odd %d", 1);
	ck_assert_str_eq(got, "odd 1");
	warn.origin = "/a/file";
	db_warn(&warn, "odd\n");
	ck_assert_str_eq(got, "/a/file: odd\\n");
	warn.line = 7;
	db_warn(&warn, "odd");
	ck_assert_str_eq(got, "/a/file:7: odd");
	warn.fn = NULL;
	db_warn(&warn, "nobody hears");
	db_warn(NULL, "nobody hears");
	ck_assert_str_eq(got, "/a/file:7: odd");
	warn.fn = keep;
	db_warn(&warn, "%0900d", 7);
	ck_assert_uint_eq(strlen(got), 767);
	ck_assert_str_eq(db_strerror(-2), "No such file or directory");
	ck_assert_str_eq(db_strerror(2), "No such file or directory");
	ck_assert_ptr_nonnull(strstr(db_strerror(-EXDEV), "it leads out of the database"));
	ck_assert_str_eq(db_strerror(EXDEV), db_strerror(-EXDEV));
	ck_assert_str_eq(db_strerror(99999), "unknown error");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("err");
	TCase *t = tcase_create("err");
	SRunner *runner = srunner_create(s);
	int failed;

	suite_add_tcase(s, t);
	tcase_add_test(t, codes_have_their_texts);
	tcase_add_loop_test(t, reasons_are_one_clean_line, 0, (int)ARRAY_SIZE(lines));
	tcase_add_test(t, a_reason_may_hold_the_old_one);
	tcase_add_test(t, long_reasons_are_cut_between_characters);
	tcase_add_test(t, warnings_say_where);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
