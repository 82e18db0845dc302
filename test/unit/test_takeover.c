/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a new daemon does about the sessions that a dead daemon left: for each state that the
 * kernel can show and each note of our own, how the session ends up and what the kernel is told.
 */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "iscsid/adopt.h"
#include "iscsid/session_private.h"
#include "libiscsi-db/util.h"
#include "test/unit/capture.h"
#include "test/unit/daemon_fixture.h"

#define SESSION_DIR	"class/iscsi_session/session1/"
#define CONN_STATE	"class/iscsi_connection/connection1:0/state"
#define SCAN_FILE	"class/scsi_host/host0/scan"
#define RESCAN_FILE	"devices/platform/host0/session1/target0:0:0/0:0:0:5/rescan"

static const enum runstate_phase phases[] = {
	RUNSTATE_NO_NOTE, RUNSTATE_SCAN_DUE, RUNSTATE_SETTLED, RUNSTATE_ENDING, RUNSTATE_RELOGIN,
};

enum outcome {
	SERVES,		/* the session is up, and nothing was sent for it */
	IS_SCANNED,	/* the same after the first scan */
	RETURNS,	/* the session was reopened */
	RETURNS_SCANNED,
	LOGGED_OUT,	/* the session has ended after its LUNs were flushed and the target told */
	ENDED,		/* the session has ended without */
};

/* One outcome for each of phases[]. */
static const struct {
	bool up;
	const char *target_state;
	enum outcome outcome[ARRAY_SIZE(phases)];
} cases[] = {
	{ true,  "ALLOCATED", { IS_SCANNED, IS_SCANNED, SERVES, LOGGED_OUT, RETURNS_SCANNED } },
	{ true,  "SCANNED",   { SERVES, IS_SCANNED, SERVES, LOGGED_OUT, RETURNS_SCANNED } },
	{ true,  "",	      { IS_SCANNED, IS_SCANNED, SERVES, LOGGED_OUT, RETURNS_SCANNED } },
	{ true,  "UNBINDING", { LOGGED_OUT, LOGGED_OUT, LOGGED_OUT, LOGGED_OUT, LOGGED_OUT } },
	{ true,  "UNBOUND",   { LOGGED_OUT, LOGGED_OUT, LOGGED_OUT, LOGGED_OUT, LOGGED_OUT } },
	{ false, "ALLOCATED", { ENDED, RETURNS_SCANNED, RETURNS, ENDED, RETURNS_SCANNED } },
	{ false, "SCANNED",   { RETURNS, RETURNS_SCANNED, RETURNS, ENDED, RETURNS_SCANNED } },
	{ false, "",	      { RETURNS, RETURNS_SCANNED, RETURNS, ENDED, RETURNS_SCANNED } },
	{ false, "UNBINDING", { ENDED, ENDED, ENDED, ENDED, ENDED } },
	{ false, "UNBOUND",   { ENDED, ENDED, ENDED, ENDED, ENDED } },
};

static void rewrite_note(int dir_fd, enum runstate_phase phase)
{
	struct runstate note;

	ck_assert_int_eq(runstate_load(dir_fd, 1, &note), 0);
	ck_assert_int_eq(note.phase, RUNSTATE_SETTLED);
	note.phase = phase;
	if (phase == RUNSTATE_NO_NOTE)
		runstate_remove(dir_fd, 1);
	else
		ck_assert_int_eq(runstate_save(dir_fd, 1, &note), 0);
	iscsi_db_record_free(note.rec);
}

/* Scans run on threads, which the fake clock doesn't wait for. */
static bool note_says(enum runstate_phase phase)
{
	struct runstate note = { 0 };

	ck_assert_int_eq(runstate_load(d->env.run_dir_fd, 1, &note), 0);
	iscsi_db_record_free(note.rec);
	return note.phase == phase;
}

static bool is_up(void)
{
	fake_client_open(&client);
	return fake_client_state(&client, 1) == MGMT_CONN_LOGGED_IN;
}

START_TEST(each_step_that_a_daemon_died_at)
{
	size_t c = (size_t)_i / ARRAY_SIZE(phases), p = (size_t)_i % ARRAY_SIZE(phases);
	enum outcome outcome = cases[c].outcome[p];
	int dir_fd;

	ck_assert_uint_eq(fake_client_log_in(&client, NULL), 1);
	fake_daemon_settle();
	dir_fd = dup(d->env.run_dir_fd);
	fake_client_close(&client);
	fake_daemon_stop();
	rewrite_note(dir_fd, phases[p]);
	closep(&dir_fd);
	fake_sysfs_set(d->fs, SESSION_DIR "target_state", cases[c].target_state);
	fake_sysfs_set(d->fs, SCAN_FILE, "");
	fake_sysfs_add_lun(d->fs, 1, 0, 5, "sda", "running");
	fake_sysfs_set(d->fs, RESCAN_FILE, "");
	if (!cases[c].up) {
		fake_sysfs_set(d->fs, CONN_STATE, "failed\n");
		fake_sysfs_set(d->fs, SESSION_DIR "state", "FAILED\n");
	}
	d->kernel.log[0] = '\0';

	fake_daemon_start();
	fake_daemon_wait(5000);
	switch (outcome) {
	case SERVES:
	case IS_SCANNED:
		ck_assert_str_eq(d->kernel.log, "");
		ck_assert(is_up());
		break;
	case RETURNS:
	case RETURNS_SCANNED:
		ck_assert_str_eq(d->kernel.log, "stop 1, bind 1, start 1");
		ck_assert(is_up());
		break;
	case LOGGED_OUT:
		ck_assert_uint_eq(d->target.logouts, 1);
		ck_assert(!d->kernel.session[1].exists);
		return;
	case ENDED:
		ck_assert_uint_eq(d->target.logouts, 0);
		ck_assert(!d->kernel.session[1].exists);
		return;
	}
	UNTIL(note_says(RUNSTATE_SETTLED));
	ck_assert_str_eq(fake_sysfs_get(d->fs, SCAN_FILE),
			 outcome == IS_SCANNED || outcome == RETURNS_SCANNED ? "- - -" : "");
	ck_assert_str_eq(fake_sysfs_get(d->fs, RESCAN_FILE), "");	/* disks that are there stay as they are */
}
END_TEST

/* A flush that the target's absence cut short is told, whichever daemon had begun the logout. */
START_TEST(a_flush_that_was_cut_short_is_told)
{
	static const struct { const char *target_state; bool told; } rows[] = {
		{ "UNBINDING", true }, { "UNBOUND", false },
	};

	(void)fake_client_log_in(&client, NULL);
	fake_daemon_settle();
	fake_client_close(&client);
	fake_daemon_stop();
	fake_sysfs_set(d->fs, SESSION_DIR "target_state", rows[_i].target_state);
	fake_sysfs_set(d->fs, CONN_STATE, "failed\n");
	fake_sysfs_set(d->fs, SESSION_DIR "state", "FAILED\n");
	capture();
	fake_daemon_start();
	fake_daemon_wait(1000);
	ck_assert_int_eq(!!strstr(said(1), "the target has been away since before iscsid was "
				  "started; the session ends without a flush, and writes that "
				  "were still on the way are lost"), rows[_i].told);
	ck_assert(!d->kernel.session[1].exists);
}
END_TEST

START_TEST(no_scan_if_the_record_says_so)
{
	static const char *const manual[] = { "node.session.scan", "manual", NULL };

	(void)fake_client_log_in(&client, manual);
	rewrite_note(d->env.run_dir_fd, RUNSTATE_SCAN_DUE);
	fake_client_close(&client);
	fake_daemon_stop();
	fake_sysfs_set(d->fs, SCAN_FILE, "");
	fake_daemon_start();
	fake_daemon_settle();
	ck_assert_str_eq(fake_sysfs_get(d->fs, SCAN_FILE), "");
	ck_assert(is_up());
}
END_TEST

/* The first scan of a session that is lost meanwhile has seen no LUN, and is done again. */
START_TEST(a_first_scan_cut_short_is_done_again)
{
	(void)fake_client_log_in(&client, NULL);
	fake_daemon_settle();
	rewrite_note(d->env.run_dir_fd, RUNSTATE_SCAN_DUE);
	fake_client_close(&client);
	fake_daemon_stop();
	fake_target_hang_up(&d->target);
	fake_daemon_start();
	fake_target_hang_up(&d->target);
	fake_daemon_wait(5000);
	UNTIL(note_says(RUNSTATE_SETTLED));
	ck_assert_str_eq(fake_sysfs_get(d->fs, SCAN_FILE), "- - -");
	ck_assert(is_up());
}
END_TEST

/* Disks may be missing after a scan that failed, so the next daemon scans again. */
START_TEST(a_scan_that_failed_is_still_due)
{
	(void)fake_client_log_in(&client, NULL);
	fake_daemon_settle();
	rewrite_note(d->env.run_dir_fd, RUNSTATE_SCAN_DUE);
	fake_client_close(&client);
	fake_daemon_stop();
	fake_sysfs_set(d->fs, SCAN_FILE, NULL);
	fake_sysfs_set(d->fs, SCAN_FILE "/file", "");
	fake_daemon_start();
	UNTIL(!manager_find(d->manager, 1)->scan);
	ck_assert(note_says(RUNSTATE_SCAN_DUE));
	ck_assert(is_up());
}
END_TEST

/*
 * The target has asked for a logout, and the daemon ends before that is answered. From then on the
 * kernel carries no I/O for the session, but still shows the session as logged in.
 */
START_TEST(a_session_that_the_target_sent_away_comes_back)
{
	static const uint8_t leave[PDU_BHS_LEN] = { PDU_ASYNC, 0x80, [36] = 1, [43] = 9 };

	(void)fake_client_log_in(&client, NULL);
	UNTIL(!manager_find(d->manager, 1)->scan);
	d->target.never_logs_out = true;
	fake_target_send(&d->target, leave, NULL, 0);
	fake_daemon_settle();
	ck_assert_uint_eq(d->target.logouts, 1);
	fake_client_close(&client);
	fake_daemon_stop();
	fake_daemon_start();
	fake_daemon_wait(5000);
	ck_assert_uint_eq(d->target.logins, 2);
	ck_assert(is_up());
	UNTIL(note_says(RUNSTATE_SETTLED));
}
END_TEST

static const struct {
	const char *first_line;
	int r;
	enum runstate_phase phase;
} notes[] = {
	{ "# iscsid session ISID 00023d000001 Time2Wait 2", 0, RUNSTATE_SCAN_DUE },
	{ "# iscsid session ISID 00023d000001 Time2Wait 2 Phase scan-due", 0, RUNSTATE_SCAN_DUE },
	{ "# iscsid session ISID 00023d000001 Time2Wait 2 Phase settled", 0, RUNSTATE_SETTLED },
	{ "# iscsid session ISID 00023d000001 Time2Wait 2 Phase ending", 0, RUNSTATE_ENDING },
	{ "# iscsid session ISID 00023d000001 Time2Wait 2 Phase relogin", 0, RUNSTATE_RELOGIN },
	{ "# iscsid session ISID 00023d000001 Time2Wait 2 Phase of-a-later-version", 0,
	  RUNSTATE_SCAN_DUE },
	{ "# iscsid session ISID 00023d000001 Time2Wait 4000 Phase settled", -EBADMSG, 0 },
	{ "# iscsid session ISID 00023d000001", -EBADMSG, 0 },
	{ "node.name = iqn.2026-01.net.example:t", -EBADMSG, 0 },
};

START_TEST(notes_are_read_as_written)
{
	char path[128];
	struct runstate note = { 0 };
	FILE *f;

	(void)snprintf(path, sizeof(path), "%.60s/session-7", d->dir);
	f = fopen(path, "w");
	ck_assert_ptr_nonnull(f);
	ck_assert_int_gt(fprintf(f, "%s\nnode.name = iqn.2026-01.net.example:t\n",
				 notes[_i].first_line), 0);
	ck_assert_int_eq(fchmod(fileno(f), 0600), 0);
	ck_assert_int_eq(fclose(f), 0);
	ck_assert_int_eq(runstate_load(d->env.run_dir_fd, 7, &note), notes[_i].r);
	ck_assert_int_eq(note.phase, notes[_i].phase);
	iscsi_db_record_free(note.rec);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("takeover");
	TCase *tc = tcase_create("takeover");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, each_step_that_a_daemon_died_at, 0,
			    ARRAY_SIZE(cases) * ARRAY_SIZE(phases));
	tcase_add_loop_test(tc, a_flush_that_was_cut_short_is_told, 0, 2);
	tcase_add_test(tc, no_scan_if_the_record_says_so);
	tcase_add_test(tc, a_first_scan_cut_short_is_done_again);
	tcase_add_test(tc, a_scan_that_failed_is_still_due);
	tcase_add_test(tc, a_session_that_the_target_sent_away_comes_back);
	tcase_add_loop_test(tc, notes_are_read_as_written, 0, ARRAY_SIZE(notes));
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
