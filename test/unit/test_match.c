/* SPDX-License-Identifier: GPL-2.0-or-later */
/* When two addresses mean the same. */
#include <check.h>

#include "iscsiadm/match.h"
#include "libiscsi-db/util.h"

static const struct {
	const char *a, *b;
	bool equal, resolved;
} pairs[] = {
	{ "10.0.0.1", "10.0.0.1", true, true },
	{ "10.0.0.1", "10.0.0.2", false, false },
	{ "10.0.0.1", "10.0.0.10", false, false },
	{ "::1", "0:0:0:0:0:0:0:1", true, true },
	{ "2001:DB8::5", "2001:db8:0:0:0:0:0:5", true, true },
	{ "::ffff:10.0.0.1", "10.0.0.1", true, true },
	{ "fe80::1%lo", "fe80::1%lo", true, true },
	{ "fe80::1%lo", "fe80::1%1", true, true },
	{ "fe80::1%lo", "fe80::1%2", false, false },
	{ "fe80::1", "fe80::1%lo", false, false },
	{ "localhost", "localhost", true, true },
	{ "storage.invalid", "storage.invalid", true, true },
	{ "storage.invalid", "other.invalid", false, false },
	{ "", "10.0.0.1", false, false },
	{ "", "", true, true },
};

START_TEST(addresses_match)
{
	struct match_names *names = match_names_new();

	ck_assert(match_address(pairs[_i].a, pairs[_i].b) == pairs[_i].equal);
	ck_assert(match_address(pairs[_i].b, pairs[_i].a) == pairs[_i].equal);
	ck_assert(match_address_resolved(names, pairs[_i].a, pairs[_i].b) == pairs[_i].resolved);
	ck_assert(match_address_resolved(names, pairs[_i].b, pairs[_i].a) == pairs[_i].resolved);
	ck_assert_ptr_null(match_names_free(names));
}
END_TEST

START_TEST(names_are_no_numbers)
{
	ck_assert(match_is_name("localhost"));
	ck_assert(match_is_name("10.0.0"));
	ck_assert(match_is_name("10.0.0.1%lo"));
	ck_assert(!match_is_name("10.0.0.1"));
	ck_assert(!match_is_name("fe80::1%lo"));
	ck_assert_ptr_null(match_names_free(NULL));
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
	tcase_add_test(t, names_are_no_numbers);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
