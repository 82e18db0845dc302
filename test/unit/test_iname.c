/* SPDX-License-Identifier: GPL-2.0-or-later */
/* iscsi-iname: the name that it prints for each option. */
#include <getopt.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/types.h>

#include "test/unit/capture.h"

static size_t asked;
static bool no_random;

static ssize_t fake_random(void *buf, size_t len)
{
	asked = len;
	memset(buf, 0xa5, len);
	return no_random ? -1 : (ssize_t)len;
}

#define getrandom(buf, len, flags)	fake_random(buf, len)
#define main				iname_main
int iname_main(int argc, char **argv);
#include "iscsiadm/iscsi-iname.c"
#undef main

#define USAGE	"Usage: iscsi-iname [OPTION]...\n"
#define LONG	"iqn.2016-04.com.example:0123456789012345678901234567890123456789012345678901234" \
		"5678901234567890123456789012345678901234567890123456789012345678901234567890123" \
		"4567890123456789012345678901234567890123456789012345"

static const struct {
	const char *words[4];
	int status;
	const char *out, *err;		/* @err: its begin */
} rows[] = {
	{ { NULL }, 0, ISCSI_INAME_PREFIX ":a5a5a5a5a5a5\n", "" },
	{ { "-p", "iqn.x" }, 0, "iqn.x:a5a5a5a5a5a5\n", "" },
	{ { "--prefix=iqn.x", "-g" }, 0, "InitiatorName=iqn.x:a5a5a5a5a5a5\n", "" },
	{ { "--generate-iname-prefix" }, 0,
	  "InitiatorName=" ISCSI_INAME_PREFIX ":a5a5a5a5a5a5\n", "" },
	{ { "-h" }, 0, "", USAGE },
	{ { "-x" }, 1, "", "iscsi-iname: invalid option -- 'x'\n" USAGE },
	{ { "iqn.x" }, 1, "", "iscsi-iname: unknown argument(s)\n" USAGE },
	{ { "-p", LONG }, 0, LONG ":a5a5a5a5a5a5\n", "" },
	{ { "-p", LONG "6" }, 1, "", "error: prefix too long\n" USAGE },
};

static int run(const char *const *words)
{
	char *argv[8] = { (char[]){ "iscsi-iname" } };
	int argc = 1, status;

	while (*words)
		argv[argc++] = strdup(*words++);
	optind = 0;
	capture();
	status = iname_main(argc, argv);
	(void)said(0);
	while (argc-- > 1)
		free(argv[argc]);
	return status;
}

START_TEST(names)
{
	int status = run(rows[_i].words);

	ck_assert_str_eq(said(0), rows[_i].out);
	ck_assert_msg(!strncmp(said(1), rows[_i].err, strlen(rows[_i].err)), "%s", said(1));
	ck_assert_int_eq(!*rows[_i].err, !*said(1));
	ck_assert_int_eq(status, rows[_i].status);
}
END_TEST

START_TEST(randomness_fails)
{
	no_random = true;
	ck_assert_int_eq(run((const char *const[]){ NULL }), 1);
	ck_assert_str_eq(said(0), "");
	ck_assert_ptr_nonnull(strstr(said(1), "iscsi-iname: random bytes: "));
	ck_assert_uint_eq(asked, 6);
	ck_assert_uint_eq(strlen(LONG), PREFIX_MAX);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("iname");
	TCase *t = tcase_create("iname");
	SRunner *runner = srunner_create(s);
	int failed;

	suite_add_tcase(s, t);
	tcase_add_loop_test(t, names, 0, (int)(sizeof(rows) / sizeof(rows[0])));
	tcase_add_test(t, randomness_fails);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
