/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The snapshot of the kernel's sessions: its order, finding by target, sessions that go. */
#include <stdio.h>
#include <stdlib.h>

#include <check.h>

#include "iscsiadm/adm.h"
#include "iscsid/message/session_text.h"
#include "libiscsi-db/util.h"
#include "test/fake/sysfs.h"

static struct fake_sysfs *fs;
static struct adm adm;

static void setup(void)
{
	fs = fake_sysfs_new();
	ck_assert(!sysfs_new(fake_sysfs_root(fs), &adm.sysfs));
	fake_sysfs_add_session(fs, 1, 0, "iqn.a:b", "10.0.0.1", 3260);
	fake_sysfs_add_session(fs, 2, 1, "iqn.a:a", "10.0.0.1", 3260);
	fake_sysfs_add_session(fs, 10, 2, "iqn.a:b", "::1", 3261);
	fake_sysfs_add_session(fs, 11, 3, "iqn.a:c", "10.0.0.1", 3260);
}

static void teardown(void)
{
	adm_done(&adm);
	fake_sysfs_free(fs);
}

START_TEST(order_is_that_of_the_names)
{
	static const unsigned int order[] = { 1, 10, 11, 2 };
	size_t i;

	ck_assert(!adm_need_sessions(&adm));
	ck_assert_uint_eq(snapshot_count(adm.sessions), ARRAY_SIZE(order));
	for (i = 0; i < ARRAY_SIZE(order); i++)
		ck_assert_uint_eq(snapshot_get(adm.sessions, i)->sid, order[i]);
}
END_TEST

START_TEST(targets_are_found)
{
	size_t first;

	ck_assert(!adm_need_sessions(&adm));
	ck_assert_uint_eq(snapshot_of_target(adm.sessions, "iqn.a:a", &first), 1);
	ck_assert_uint_eq(snapshot_by_target(adm.sessions, first)->sid, 2);
	ck_assert_uint_eq(snapshot_of_target(adm.sessions, "iqn.a:b", &first), 2);
	ck_assert_uint_eq(snapshot_by_target(adm.sessions, first)->sid, 1);
	ck_assert_uint_eq(snapshot_by_target(adm.sessions, first + 1)->sid, 10);
	ck_assert_uint_eq(snapshot_of_target(adm.sessions, "iqn.a", &first), 0);
	ck_assert_uint_eq(snapshot_of_target(adm.sessions, "iqn.a:d", &first), 0);
	ck_assert_uint_eq(snapshot_of_target(adm.sessions, "", &first), 0);
}
END_TEST

START_TEST(one_alone)
{
	const struct sysfs_session *s = NULL;

	ck_assert(!adm_need_session(&adm, 10, &s));
	ck_assert_str_eq(s->persistent_address, "::1");
	ck_assert_str_eq(s->state, "LOGGED_IN");
	ck_assert_uint_eq(snapshot_count(adm.sessions), 1);
	adm_forget_sessions(&adm);
	ck_assert_int_eq(adm_need_session(&adm, 99, &s), ISCSI_ERR_SYSFS_LOOKUP);
}
END_TEST

START_TEST(those_that_go_are_left_out)
{
	const struct sysfs_session *s;

	/* One that is only being made has no name yet. */
	fake_sysfs_set(fs, "class/iscsi_session/session2/targetname", "(null)\n");
	ck_assert(!adm_need_sessions(&adm));
	ck_assert_uint_eq(snapshot_count(adm.sessions), 3);

	s = snapshot_get(adm.sessions, 0);
	ck_assert_str_eq(s->state, "");
	ck_assert_ptr_eq(snapshot_detail(adm.sessions, s, SYSFS_DETAIL_STATE), s);
	ck_assert_str_eq(s->state, "LOGGED_IN");
	ck_assert_str_eq(snapshot_iface(s), "default");

	/* Gone, and its number given to another. */
	s = snapshot_get(adm.sessions, 1);
	fake_sysfs_remove_session(fs, 10, 2);
	fake_sysfs_add_session(fs, 10, 2, "iqn.other", "10.0.0.1", 3260);
	ck_assert_ptr_null(snapshot_detail(adm.sessions, s, SYSFS_DETAIL_ALL));
	ck_assert_ptr_null(snapshot_detail(adm.sessions, s, SYSFS_DETAIL_LIST));
	s = snapshot_get(adm.sessions, 2);
	fake_sysfs_remove_session(fs, 11, 3);
	ck_assert_ptr_null(snapshot_detail(adm.sessions, s, SYSFS_DETAIL_STATE));
}
END_TEST

START_TEST(what_the_daemon_tells_is_taken)
{
	const struct sysfs_session *s;
	struct sysfs_session known;
	char *text;

	ck_assert(!adm_need_sessions(&adm));
	s = snapshot_get(adm.sessions, 0);
	ck_assert(!sysfs_read_session(adm.sysfs, s->sid, SYSFS_DETAIL_VALUES, &known));
	(void)snprintf(known.username, sizeof(known.username), "told");
	text = session_text_print(&known);

	snapshot_told(adm.sessions, s, NULL);
	snapshot_told(adm.sessions, s, "");
	snapshot_told(adm.sessions, s, "1 tcp\n");
	ck_assert_str_eq(s->state, "");
	/* Another session's. */
	snapshot_told(adm.sessions, snapshot_get(adm.sessions, 2), text);
	ck_assert_str_eq(snapshot_get(adm.sessions, 2)->state, "");
	snapshot_told(adm.sessions, s, text);
	ck_assert_str_eq(s->state, "LOGGED_IN");
	ck_assert_ptr_eq(snapshot_detail(adm.sessions, s, SYSFS_DETAIL_VALUES), s);
	ck_assert_str_eq(s->username, "told");
	/* Secrets aren't told. */
	ck_assert_ptr_eq(snapshot_detail(adm.sessions, s, SYSFS_DETAIL_ALL), s);
	ck_assert_str_eq(s->username, "");
	free(text);

	/* Gone since the list was made, and the daemon doesn't know yet. */
	s = snapshot_get(adm.sessions, 1);
	ck_assert(!sysfs_read_session(adm.sysfs, s->sid, SYSFS_DETAIL_VALUES, &known));
	text = session_text_print(&known);
	fake_sysfs_remove_session(fs, s->sid, (unsigned int)s->host_no);
	snapshot_told(adm.sessions, s, text);
	ck_assert_ptr_null(snapshot_detail(adm.sessions, s, SYSFS_DETAIL_LIST));
	free(text);
}
END_TEST

static const struct {
	const char *target, *address, *port, *iface;
	size_t count;
} records[] = {
	{ "iqn.a:b", "10.0.0.1", "3260", "default", 1 },
	{ "iqn.a:b", "0:0::1", "3261", "default", 1 },
	{ "iqn.a:b", "::1", "3260", "default", 0 },
	{ "iqn.a:b", "10.0.0.2", "3260", "default", 0 },
	{ "iqn.a:b", "10.0.0.1", "3260", "if1", 0 },
	{ "iqn.a:d", "10.0.0.1", "3260", "default", 0 },
	{ "iqn.a:c", "10.0.0.1", "3260", "if2", 2 },
	{ "iqn.a:d", "LOCALHOST", "3260", "default", 1 },
	{ "iqn.a:d", "LOCALHOST", "3261", "default", 0 },
	{ "iqn.a:b", "LOCALHOST", "3260", "default", 0 },
	{ "iqn.a:d", "192.0.2.1", "3260", "default", 0 },
};

START_TEST(sessions_of_a_record_are_counted)
{
	struct iscsi_db_record *rec;

	fake_sysfs_set(fs, "class/iscsi_session/session11/ifacename", "if2\n");
	fake_sysfs_add_session(fs, 12, 4, "iqn.a:c", "10.0.0.1", 3260);
	fake_sysfs_set(fs, "class/iscsi_session/session12/ifacename", "if2\n");
	fake_sysfs_add_session(fs, 13, 5, "iqn.a:d", "localhost", 3260);
	ck_assert(!adm_need_sessions(&adm));
	ck_assert(!iscsi_db_record_new(ISCSI_DB_NODE, &rec));
	ck_assert(!iscsi_db_record_set(rec, "node.name", records[_i].target, NULL));
	ck_assert(!iscsi_db_record_set(rec, "node.conn[0].address", records[_i].address, NULL));
	ck_assert(!iscsi_db_record_set(rec, "node.conn[0].port", records[_i].port, NULL));
	ck_assert(!iscsi_db_record_set(rec, "iface.iscsi_ifacename", records[_i].iface, NULL));
	ck_assert_uint_eq(adm_count_sessions(&adm, rec, false), records[_i].count);
	iscsi_db_record_free(rec);
}
END_TEST

static const struct {
	struct adm_selection sel;
	size_t count;
} selections[] = {
	{ { .port = -1 }, 4 },
	{ { .port = -1, .target = "iqn.a:b" }, 2 },
	{ { .port = 3260 }, 3 },
	{ { .port = 3261, .address = "0::1" }, 1 },
	{ { .port = -1, .address = "10.0.0.1" }, 3 },
	{ { .port = -1, .iface = "default", .transport = "tcp" }, 4 },
	{ { .port = -1, .iface = "default", .transport = "iser" }, 4 },
	{ { .port = -1, .iface = "if1" }, 0 },
};

START_TEST(selections_select)
{
	size_t i, count = 0;

	ck_assert(!adm_need_sessions(&adm));
	for (i = 0; i < snapshot_count(adm.sessions); i++)
		count += adm_session_selected(&adm, &selections[_i].sel,
					      snapshot_get(adm.sessions, i));
	ck_assert_uint_eq(count, selections[_i].count);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("snapshot");
	TCase *t = tcase_create("snapshot");
	SRunner *runner = srunner_create(s);
	int failed;

	suite_add_tcase(s, t);
	tcase_set_timeout(t, 60);	/* for a busy machine */
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, order_is_that_of_the_names);
	tcase_add_test(t, targets_are_found);
	tcase_add_test(t, one_alone);
	tcase_add_test(t, those_that_go_are_left_out);
	tcase_add_test(t, what_the_daemon_tells_is_taken);
	tcase_add_loop_test(t, sessions_of_a_record_are_counted, 0, (int)ARRAY_SIZE(records));
	tcase_add_loop_test(t, selections_select, 0, (int)ARRAY_SIZE(selections));
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
