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
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
