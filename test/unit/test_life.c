/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What befalls sessions in the course of hours, in the whole daemon (test/fake/daemon.h). */
#include <check.h>

#include "libiscsi-db/util.h"
#include "test/fake/daemon.h"
#include "test/unit/capture.h"

static struct fake_daemon *d = &the_daemon;
static struct fake_client client;

static void setup(void)
{
	fake_daemon_setup();
	fake_client_open(&client);
}

static void teardown(void)
{
	fake_client_close(&client);
	fake_daemon_teardown();
}

/* The session is up for @seconds, then the target closes the connection. */
static void live_for(unsigned int seconds)
{
	fake_daemon_wait(seconds * 1000);
	fake_target_hang_up(&d->target);
	fake_daemon_settle();
	while (!d->kernel.session[1].up)
		(void)fake_daemon_pass(1000);
}

static unsigned int times_told(const char *log)
{
	unsigned int n = 0;

	while ((log = strstr(log, "another host uses the initiator name "
				  "iqn.2026-01.net.example:i too"))) {
		n++;
		log++;
	}
	return n;
}

START_TEST(a_session_that_is_thrown_out_again_and_again_says_why_once)
{
	(void)fake_client_log_in(&client, NULL);
	fake_client_close(&client);
	capture();
	live_for(1);
	live_for(9);
	ck_assert_uint_eq(times_told(said(1)), 0);
	capture();
	for (int i = 0; i < 20; i++)
		live_for(2);
	ck_assert_uint_eq(times_told(said(1)), 1);
	capture();
	live_for(60);
	live_for(1);
	live_for(1);
	ck_assert_uint_eq(times_told(said(1)), 0);
	fake_client_open(&client);
}
END_TEST

static enum iscsi_err want(const char *const *settings)
{
	CLEANUP(freep) char *record = fake_node_text(settings);

	return fake_client_ask(&client, &(struct mgmt_request){
		.type = MGMT_LOGIN, .tag = 3, .flags = MGMT_WANTED | MGMT_NO_WAIT,
		.record = record });
}

/* How many notes of wanted logins there are. */
static size_t wanted_notes(void)
{
	size_t len;

	free(runstate_list_wanted(d->env.run_dir_fd, &len));
	return len;
}

START_TEST(a_wanted_login_outlives_the_daemon)
{
	fake_target_go_deaf(&d->target);
	ck_assert_int_eq(want(NULL), ISCSI_SUCCESS);
	ck_assert_int_eq(want((const char *[]){ "iface.iscsi_ifacename", "other", NULL }),
			 ISCSI_SUCCESS);
	fake_client_close(&client);
	for (int i = 0; i < 3; i++) {
		fake_daemon_wait(60000);
		ck_assert_uint_eq(wanted_notes(), 2);
		fake_daemon_stop();
		fake_daemon_start();
	}
	fake_target_listen(&d->target);
	fake_daemon_wait(60000);
	ck_assert(d->kernel.session[1].up);
	ck_assert(d->kernel.session[2].up);
	ck_assert_uint_eq(wanted_notes(), 0);
	fake_daemon_stop();		/* what has succeeded isn't begun again */
	fake_daemon_start();
	fake_daemon_wait(60000);
	ck_assert_uint_eq(d->target.logins, 2);
	fake_client_open(&client);
}
END_TEST

START_TEST(a_login_that_is_called_off_stays_so)
{
	fake_target_go_deaf(&d->target);
	ck_assert_int_eq(want(NULL), ISCSI_SUCCESS);
	ck_assert_uint_eq(wanted_notes(), 1);
	ck_assert_int_eq(fake_client_ask(&client, &(struct mgmt_request){
		.type = MGMT_CALL_OFF, .tag = 4, .sid = 1 }), ISCSI_SUCCESS);
	ck_assert_uint_eq(wanted_notes(), 0);
}
END_TEST

/* A daemon that is killed between a login and its last note leaves the note of the wanted login. */
START_TEST(a_session_that_is_there_is_wanted_no_more)
{
	struct iscsi_db_record *rec;
	struct runstate note;

	(void)fake_client_log_in(&client, NULL);
	fake_client_close(&client);
	ck_assert_int_eq(runstate_load(d->env.run_dir_fd, 1, &note), 0);
	rec = note.rec;
	ck_assert_int_eq(runstate_save_wanted(d->env.run_dir_fd, 7, rec), 0);
	iscsi_db_record_free(rec);
	fake_daemon_stop();
	fake_daemon_start();
	fake_daemon_wait(60000);
	ck_assert_uint_eq(wanted_notes(), 0);
	ck_assert_uint_eq(d->target.logins, 1);
	fake_client_open(&client);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("life");
	TCase *t = tcase_create("life");
	SRunner *runner = srunner_create(s);
	int failed;

	suite_add_tcase(s, t);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, a_session_that_is_thrown_out_again_and_again_says_why_once);
	tcase_add_test(t, a_wanted_login_outlives_the_daemon);
	tcase_add_test(t, a_login_that_is_called_off_stays_so);
	tcase_add_test(t, a_session_that_is_there_is_wanted_no_more);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
