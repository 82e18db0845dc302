/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which node records a selection selects: portals by their numbers and by their names. */
#include <stdio.h>
#include <string.h>

#include "test/unit/db_fixture.h"

#include "iscsiadm/adm.h"

static struct adm adm;
static char seen[256];

static void store(const char *target, const char *address, const char *port)
{
	fx_write(adm.db, fx_node(target, address, port, "1", "default"));
}

static void setup(void)
{
	fx_setup();
	adm.db = fx_open();
	store("number", "10.0.0.1", "3260");
	store("number", "2001:db8::10", "3260");
	store("number", "2001:db8::10", "3261");
	store("name", "localhost", "3260");
	store("name", "nowhere.invalid", "3260");
	store("other", "LOCALHOST", "3260");
}

static void teardown(void)
{
	adm_done(&adm);
	fx_teardown();
}

static enum iscsi_err see(void *arg, const struct iscsi_db_record *rec)
{
	size_t len = strlen(seen);

	(void)arg;
	(void)snprintf(seen + len, sizeof(seen) - len, "%s@%s:%s ",
		       iscsi_db_record_get(rec, "node.name"),
		       iscsi_db_record_get(rec, "node.conn[0].address"),
		       iscsi_db_record_get(rec, "node.conn[0].port"));
	return ISCSI_SUCCESS;
}

#define V6	"2001:db8::10"
#define V6_LONG	"2001:0DB8:0:0::10"

static const struct {
	struct adm_selection sel;
	const char *seen;
} selections[] = {
	{ { .port = -1, .target = "name" }, "name@localhost:3260 name@nowhere.invalid:3260 " },
	{ { .port = -1, .address = "10.0.0.1" }, "number@10.0.0.1:3260 " },
	{ { .port = -1, .address = V6_LONG }, "number@" V6 ":3260 number@" V6 ":3261 " },
	{ { .port = 3261, .address = V6_LONG }, "number@" V6 ":3261 " },
	{ { .port = 3261, .address = V6_LONG, .literal = true }, "number@" V6 ":3261 " },
	{ { .port = 3260, .address = "localhost" }, "name@localhost:3260 other@LOCALHOST:3260 " },
	{ { .port = 3260, .address = "LocalHost" }, "name@localhost:3260 other@LOCALHOST:3260 " },
	{ { .port = 3260, .address = "localhost", .target = "other" }, "other@LOCALHOST:3260 " },
	{ { .port = 3260, .address = "localhost", .literal = true }, "name@localhost:3260 " },
	{ { .port = 3260, .address = "LocalHost", .literal = true }, "" },
	{ { .port = 3261, .address = "localhost" }, "" },
	{ { .port = -1, .address = "nowhere.invalid" }, "name@nowhere.invalid:3260 " },
	{ { .port = -1, .address = "else.invalid" }, "" },
};

START_TEST(selected_records_are_walked)
{
	size_t count, spaces = 0;
	const char *p;

	seen[0] = '\0';
	ck_assert(!adm_each_node(&adm, &selections[_i].sel, see, NULL, &count));
	ck_assert_str_eq(seen, selections[_i].seen);
	for (p = seen; *p; p++)
		spaces += *p == ' ';
	ck_assert_uint_eq(count, spaces);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("adm");
	TCase *t = tcase_create("adm");
	SRunner *runner = srunner_create(s);
	int failed;

	suite_add_tcase(s, t);
	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, selected_records_are_walked, 0, (int)ARRAY_SIZE(selections));
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
