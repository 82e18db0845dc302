/* SPDX-License-Identifier: GPL-2.0-or-later */
/* When two addresses mean the same. */
#include <check.h>

#include "iscsiadm/match.h"
#include "libiscsi-db/util.h"

static const struct {
	const char *a, *b;
	bool equal;
} pairs[] = {
	{ "10.0.0.1", "10.0.0.1", true },
	{ "10.0.0.1", "10.0.0.2", false },
	{ "10.0.0.1", "10.0.0.10", false },
	{ "::1", "0:0:0:0:0:0:0:1", true },
	{ "2001:DB8::5", "2001:db8:0:0:0:0:0:5", true },
	{ "::ffff:10.0.0.1", "10.0.0.1", true },
	{ "fe80::1%lo", "fe80::1%lo", true },
	{ "fe80::1%lo", "fe80::1%1", true },
	{ "fe80::1%lo", "fe80::1%2", false },
	{ "fe80::1", "fe80::1%lo", false },
	{ "localhost", "localhost", true },
	{ "localhost", "LOCALHOST", true },
	{ "localhost", "192.0.2.1", false },
	{ "storage.invalid", "storage.invalid", true },
	{ "storage.invalid", "other.invalid", false },
	{ "1:2:3:4:5:6:7:8:1:2:3:4:5:6:7:8:1:2:3:4:5:6:7", "::1", false },	/* 45 characters */
	{ "1:2:3:4:5:6:7:8:1:2:3:4:5:6:7:8:1:2:3:4:5:6:78", "::1", false },	/* 46 */
	{ "0000:0000:0000:0000:0000:ffff:010.000.000.001", "10.0.0.1", false },
	{ "0000:0000:0000:0000:0000:ffff:255.255.255.255", "255.255.255.255", true },
	{ "::ffff:10.0.0.1%lo", "10.0.0.1", false },
	{ "fe80::1%", "fe80::1", true },
	{ "", "10.0.0.1", false },
	{ "", "", true },
};

START_TEST(addresses_match)
{
	struct match_names *names = match_names_new();

	ck_assert(match_address(names, pairs[_i].a, pairs[_i].b) == pairs[_i].equal);
	ck_assert(match_address(names, pairs[_i].b, pairs[_i].a) == pairs[_i].equal);
	ck_assert_ptr_null(match_names_free(names));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("match");
	TCase *t = tcase_create("match");
	SRunner *runner = srunner_create(s);
	int failed;

	suite_add_tcase(s, t);
	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, addresses_match, 0, (int)ARRAY_SIZE(pairs));
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
