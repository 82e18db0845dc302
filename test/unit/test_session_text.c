/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A session as "name=value" lines: what is in the text, and what a reader makes of odd ones. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "iscsid/message/session_text.h"
#include "libiscsi-db/util.h"
#include "test/fake/sysfs.h"
#include "test/unit/alloc.h"

#define TARGET	"iqn.2026-01.net.example:disk1"
#define SESSION	"class/iscsi_session/session1/"
#define CONN	"class/iscsi_connection/connection1:0/"

static struct fake_sysfs *fs;
static struct sysfs *sysfs;

static void setup(void)
{
	fs = fake_sysfs_new();
	ck_assert(!sysfs_new(fake_sysfs_root(fs), &sysfs));
	fake_sysfs_add_session(fs, 1, 4, TARGET, "fe80::1%eth0", 3261);
}

static void teardown(void)
{
	sysfs_free(sysfs);
	fake_sysfs_free(fs);
}

START_TEST(a_session_goes_through_text)
{
	struct sysfs_session s, back;
	char *text;

	fake_sysfs_set(fs, SESSION "username", "a user = me\n");
	fake_sysfs_set(fs, SESSION "password", "secret12345\n");
	fake_sysfs_set(fs, SESSION "creator", "-1\n");
	fake_sysfs_set(fs, CONN "max_recv_dlength", NULL);
	ck_assert(!sysfs_read_session(sysfs, 1, SYSFS_DETAIL_ALL, &s));
	text = session_text_print(&s);
	ck_assert_ptr_null(strstr(text, "secret"));
	ck_assert(session_text_parse(text, 1, &back));
	/* States are read from the kernel, and with them both are the same. */
	ck_assert_str_eq(back.state, "");
	ck_assert_int_eq(back.recovery_tmo, SYSFS_UNSET);
	ck_assert(!sysfs_read_live(sysfs, SYSFS_DETAIL_VALUES, &back));
	ck_assert_str_eq(back.state, "LOGGED_IN");
	ck_assert(!sysfs_read_session(sysfs, 1, SYSFS_DETAIL_VALUES, &s));
	ck_assert_mem_eq(&back, &s, sizeof(s));
	free(text);
}
END_TEST

/* Each value stands beside its name, so no order of rows can exchange two of them. */
START_TEST(values_have_names)
{
	struct sysfs_session s;
	char *text;

	fake_sysfs_set(fs, SESSION "first_burst_len", "1111\n");
	fake_sysfs_set(fs, SESSION "max_burst_len", "2222\n");
	ck_assert(!sysfs_read_session(sysfs, 1, SYSFS_DETAIL_VALUES, &s));
	text = session_text_print(&s);
	ck_assert_ptr_eq(strstr(text, "host_no=4\ntransport=tcp\n"), text);
	ck_assert_ptr_nonnull(strstr(text, "\ntargetname=" TARGET "\n"));
	ck_assert_ptr_nonnull(strstr(text, "\nfirst_burst_len=1111\n"));
	ck_assert_ptr_nonnull(strstr(text, "\nmax_burst_len=2222\n"));
	free(text);
	ck_assert(session_text_parse("max_burst_len=5\nfirst_burst_len=6\nhost_no=4\n"
				     "targetname=x\na_newer_name=7\nusername=a=b\n", 9, &s));
	ck_assert_uint_eq(s.sid, 9);
	ck_assert_int_eq(s.host_no, 4);
	ck_assert_int_eq(s.max_burst_len, 5);
	ck_assert_int_eq(s.first_burst_len, 6);
	ck_assert_str_eq(s.username, "a=b");
	ck_assert_int_eq(s.tpgt, SYSFS_UNSET);
	ck_assert_str_eq(s.address, "");
	ck_assert(session_text_parse("host_no=0\ntargetname=x\n", 9, &s));
	ck_assert_int_eq(s.host_no, 0);
	/* A secret or a state is no part of the text. */
	ck_assert(session_text_parse("host_no=4\ntargetname=x\npassword=p\nstate=FAILED\n", 9, &s));
	ck_assert_str_eq(s.password, "");
	ck_assert_str_eq(s.state, "");
}
END_TEST

START_TEST(what_is_not_known_is_not_printed)
{
	struct sysfs_session s;
	char *text;

	sysfs_session_unset(&s, 1);
	s.host_no = 4;
	text = session_text_print(&s);
	ck_assert_str_eq(text, "host_no=4\ntransport=\n");
	free(text);
}
END_TEST

/* All of a text, or none. */
START_TEST(without_memory_there_is_no_text)
{
	const struct session_outage outage = { .reason = { "refused" } };
	struct sysfs_session s, back;
	struct session_outage out;
	bool injected = true;
	char *text;

	ck_assert(!sysfs_read_session(sysfs, 1, SYSFS_DETAIL_VALUES, &s));
	memset(s.username, 'u', sizeof(s.username) - 1);
	for (unsigned long nth = 1; alloc_can_fail && injected; nth++) {
		alloc_fail_nth(nth);
		text = session_text_print(&s);
		injected = alloc_fail_stop();
		ck_assert(injected ? !text : session_text_parse(text, 1, &back));
		free(text);
	}
	injected = alloc_can_fail;
	for (unsigned long nth = 1; injected; nth++) {
		alloc_fail_nth(nth);
		text = session_text_print_outage(&outage);
		injected = alloc_fail_stop();
		ck_assert(injected ? !text : session_text_parse_outage(text, &out));
		free(text);
	}
	alloc_fail_nth(1);
	ck_assert(!alloc_can_fail || !session_text_parse("host_no=4\ntargetname=x\n", 1, &s));
	(void)alloc_fail_stop();
}
END_TEST

static const char *const malformed[] = {
	"", "\n", "host_no=4\n", "targetname=x\n", "host_no=4\ntargetname=\n",
	"host_no=-1\ntargetname=x\n", "host_no=4x\ntargetname=x\n", "host_no=\ntargetname=x\n",
	"host_no=4\ntargetname=x", "host_no=4\ntargetname=x\nrubbish\n",
	"host_no=4\ntargetname=x\nrubbish\ntpgt=1\n", "host_no=4\ntargetname=x\ntpgt=one\n",
	"host_no=4\ntargetname=x\ntransport=0123456789abcdef\n",
};

START_TEST(malformed_texts_are_refused)
{
	struct sysfs_session s = { .sid = 77 };

	ck_assert(!session_text_parse(malformed[_i], 1, &s));
	ck_assert_uint_eq(s.sid, 77);		/* untouched */
}
END_TEST

START_TEST(a_value_has_its_room_and_no_more)
{
	struct sysfs_session s;
	char *text;

	ck_assert(!sysfs_read_session(sysfs, 1, SYSFS_DETAIL_VALUES, &s));
	memset(s.username, 'u', sizeof(s.username) - 1);
	text = session_text_print(&s);
	ck_assert(session_text_parse(text, 1, &s));
	ck_assert_uint_eq(strlen(s.username), sizeof(s.username) - 1);
	free(text);
	ck_assert_int_gt(asprintf(&text, "host_no=4\ntargetname=x\nusername=%su\n", s.username), 0);
	ck_assert(!session_text_parse(text, 1, &s));
	free(text);
}
END_TEST

START_TEST(an_outage_goes_through_text)
{
	const struct session_outage outage = {
		.down_ms = 12000, .attempts = 7, .code = ISCSI_ERR_TRANS,
		.reason = { "cannot connect: code=3" }, .next_attempt_ms = 300,
		.fails_ms = SESSION_OUTAGE_NEVER,
	};
	struct session_outage back = { 0 };
	char *text = session_text_print_outage(&outage);

	ck_assert_str_eq(text, "down_since=12000\nattempts=7\ncode=4\nnext_attempt=300\n"
			       "fails_at=-1\nreason=cannot connect: code=3\n");
	ck_assert(session_text_parse_outage(text, &back));
	ck_assert_int_eq(back.down_ms, 12000);
	ck_assert_uint_eq(back.attempts, 7);
	ck_assert_int_eq(back.code, ISCSI_ERR_TRANS);
	ck_assert_str_eq(back.reason.text, outage.reason.text);
	ck_assert_int_eq(back.next_attempt_ms, 300);
	ck_assert_int_eq(back.fails_ms, SESSION_OUTAGE_NEVER);
	/* A text cut anywhere is no outage, nor is an outage a healthy session. */
	for (size_t len = strlen(text) - 1; len; len--) {
		text[len] = '\0';
		ck_assert(!session_text_parse_outage(text, &back));
	}
	free(text);
	ck_assert(session_text_parse_outage("down_since=-2\nattempts=0\ncode=999\n"
					    "next_attempt=0\nfails_at=-2\nreason=\nnewer=1\n",
					    &back));
	ck_assert_int_eq(back.code, ISCSI_ERR_INTERNAL);
	ck_assert_int_eq(back.down_ms, SESSION_OUTAGE_UNKNOWN);
}
END_TEST

/* Of another build, the text may have a code that this one doesn't know. */
START_TEST(the_code_of_an_outage_is_a_known_one)
{
	static const struct { int code; enum iscsi_err err; } rows[] = {
		{ 0, ISCSI_SUCCESS }, { 1, ISCSI_ERR }, { -1, ISCSI_ERR_INTERNAL },
		{ ISCSI_ERR_END - 1, ISCSI_ERR_END - 1 }, { ISCSI_ERR_END, ISCSI_ERR_INTERNAL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct session_outage outage;
		char text[128];

		(void)snprintf(text, sizeof(text), "down_since=1\nattempts=2\ncode=%d\n"
			       "next_attempt=3\nfails_at=4\nreason=x\n", rows[i].code);
		ck_assert(session_text_parse_outage(text, &outage));
		ck_assert_int_eq(outage.code, rows[i].err);
		ck_assert_int_eq(outage.fails_ms, 4);
	}
}
END_TEST

START_TEST(the_reason_of_an_outage_has_its_room_and_no_more)
{
	struct session_outage outage = { 0 };
	char *text, *longer;

	memset(outage.reason.text, 'r', sizeof(outage.reason.text) - 1);
	text = session_text_print_outage(&outage);
	ck_assert(session_text_parse_outage(text, &outage));
	ck_assert_uint_eq(strlen(outage.reason.text), sizeof(outage.reason.text) - 1);
	ck_assert_int_gt(asprintf(&longer, "%.*sr\n", (int)strlen(text) - 1, text), 0);
	ck_assert(!session_text_parse_outage(longer, &outage));
	free(longer);
	free(text);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("session_text");
	TCase *tc = tcase_create("session_text");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, a_session_goes_through_text);
	tcase_add_test(tc, values_have_names);
	tcase_add_test(tc, what_is_not_known_is_not_printed);
	tcase_add_test(tc, without_memory_there_is_no_text);
	tcase_add_loop_test(tc, malformed_texts_are_refused, 0, ARRAY_SIZE(malformed));
	tcase_add_test(tc, a_value_has_its_room_and_no_more);
	tcase_add_test(tc, an_outage_goes_through_text);
	tcase_add_test(tc, the_code_of_an_outage_is_a_known_one);
	tcase_add_test(tc, the_reason_of_an_outage_has_its_room_and_no_more);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
