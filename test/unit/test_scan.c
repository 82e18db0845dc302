/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Looking for LUNs: what is written, which disks are waited for, how often they are looked at. */
#include "iscsid/kernel/scan.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>

#include "libiscsi-db/util.h"
#include "test/fake/sysfs.h"
#include "test/unit/alloc.h"

#define LUN	"devices/platform/host3/session1/target3:0:0/3:0:0:7/"
#define SCAN	"class/scsi_host/host3/scan"

static struct fake_sysfs *fs;
static struct sysfs *sysfs;
static sd_event *loop;
static struct worker_pool *pool;
static bool done;
static enum iscsi_err result;
static struct iscsi_why why;

static long pauses_ms[500];
static size_t pauses_len;
static size_t ready_after;		/* so many pauses the disk can be opened */
static size_t stops_after;		/* or the LUN doesn't run any more */

int nanosleep(const struct timespec *pause, struct timespec *left)
{
	(void)left;
	ck_assert_uint_lt(pauses_len, ARRAY_SIZE(pauses_ms));
	ck_assert_int_eq(pause->tv_sec, 0);
	ck_assert_int_eq(pause->tv_nsec % 1000000, 0);
	pauses_ms[pauses_len++] = pause->tv_nsec / 1000000;
	if (pauses_len == ready_after)
		fake_sysfs_set(fs, LUN "block/sda/queue/hw_sector_size", "512\n");
	if (pauses_len == stops_after)
		fake_sysfs_set(fs, LUN "state", "offline\n");
	return 0;
}

static void on_done(void *arg, enum iscsi_err err, const struct iscsi_why *reason)
{
	ck_assert_ptr_eq(arg, &done);
	done = true;
	result = err;
	why = *reason;
}

static void setup(void)
{
	fs = fake_sysfs_new();
	ck_assert_int_eq(sysfs_new(fake_sysfs_root(fs), &sysfs), 0);
	fake_sysfs_add_session(fs, 1, 3, "iqn.a", "10.0.0.1", 3260);
	ck_assert_int_ge(sd_event_new(&loop), 0);
	ck_assert_int_ge(worker_pool_new(loop, NULL, 1, &pool), 0);
}

static void teardown(void)
{
	ck_assert(worker_pool_free(pool));
	sd_event_unref(loop);
	sysfs_free(sysfs);
	fake_sysfs_free(fs);
}

static void scan(bool rescan)
{
	ck_assert_ptr_nonnull(scan_start(pool, sysfs, 1, 3, rescan, on_done, &done));
	for (done = false; !done;)
		ck_assert_int_ge(sd_event_run(loop, 10000000), 0);
}

START_TEST(a_scan_asks_the_host)
{
	fake_sysfs_add_lun(fs, 1, 3, 7, NULL, "running");
	fake_sysfs_set(fs, LUN "rescan", "");
	scan(false);
	ck_assert_int_eq(result, ISCSI_SUCCESS);
	ck_assert_str_eq(fake_sysfs_get(fs, SCAN), "- - -");
	ck_assert_str_eq(fake_sysfs_get(fs, LUN "rescan"), "");
	scan(true);
	ck_assert_int_eq(result, ISCSI_SUCCESS);
	ck_assert_str_eq(fake_sysfs_get(fs, LUN "rescan"), "1");
	ck_assert_uint_eq(pauses_len, 0);
	fake_sysfs_set(fs, SCAN, NULL);
	fake_sysfs_set(fs, SCAN "/x", "");	/* a folder can't be written */
	scan(false);
	ck_assert_int_eq(result, ISCSI_ERR_SYSFS_LOOKUP);
	ck_assert_str_eq(why.text, "the kernel can't be asked to look for disks: Is a directory");
	fake_sysfs_remove_session(fs, 1, 3);
	scan(true);
	ck_assert_int_eq(result, ISCSI_SUCCESS);
}
END_TEST

/* A LUN, and whether no disk is waited for. */
static const struct {
	const char *type, *state, *block;
	bool queue, ready;
} luns[] = {
	{ "0", "running", "sda", true, true }, { "0", "running", "sda", false, false },
	{ "0", "running", NULL, false, false }, { "4", "running", NULL, false, false },
	{ "5", "running", NULL, false, false }, { "7", "running", NULL, false, false },
	{ "14", "running", NULL, false, false }, { "20", "running", NULL, false, false },
	{ "1", "running", NULL, false, true }, { "13", "running", NULL, false, true },
	{ "8", "running", NULL, false, true }, { "", "running", NULL, false, true },
	{ NULL, "running", NULL, false, true }, { "0", "blocked", NULL, false, true },
	{ "0", "transport-offline", NULL, false, true }, { "0", "", NULL, false, true },
};

START_TEST(disks_are_waited_for)
{
	char line[16];

	ck_assert(sysfs_disks_ready(sysfs, 1, 3));		/* there is no LUN */
	fake_sysfs_add_lun(fs, 1, 3, 7, luns[_i].block, luns[_i].state);
	if (luns[_i].type) {
		(void)snprintf(line, sizeof(line), "%s\n", luns[_i].type);
		fake_sysfs_set(fs, LUN "type", line);
	}
	if (luns[_i].queue)
		fake_sysfs_set(fs, LUN "block/sda/queue/hw_sector_size", "512\n");
	ck_assert_int_eq(sysfs_disks_ready(sysfs, 1, 3), luns[_i].ready);
	/* Another LUN, wherever it stands in the folder, changes nothing if it needs no disk. */
	fake_sysfs_add_lun(fs, 1, 3, 0, NULL, "running");
	fake_sysfs_add_lun(fs, 1, 3, 9, NULL, "running");
	fake_sysfs_set(fs, "devices/platform/host3/session1/target3:0:0/power/control", "on\n");
	ck_assert_int_eq(sysfs_disks_ready(sysfs, 1, 3), luns[_i].ready);
	fake_sysfs_remove_session(fs, 1, 3);
	ck_assert(sysfs_disks_ready(sysfs, 1, 3));
}
END_TEST

START_TEST(a_disk_that_does_not_come_is_given_up)
{
	long sum = 0;

	fake_sysfs_add_lun(fs, 1, 3, 7, "sda", "running");
	fake_sysfs_set(fs, LUN "type", "0\n");
	scan(false);
	ck_assert_int_eq(result, ISCSI_SUCCESS);
	for (size_t i = 0; i < pauses_len; i++) {
		ck_assert_int_eq(pauses_ms[i], i < 3 ? 2 << i : 16);
		sum += pauses_ms[i];
	}
	ck_assert_int_ge(sum, 5000);
	ck_assert_int_lt(sum, 5000 + 16);
}
END_TEST

START_TEST(a_disk_that_comes_late_is_found)
{
	ready_after = 5;
	fake_sysfs_add_lun(fs, 1, 3, 7, "sda", "running");
	fake_sysfs_set(fs, LUN "type", "0\n");
	scan(false);
	ck_assert_int_eq(result, ISCSI_SUCCESS);
	ck_assert_uint_eq(pauses_len, 5);
}
END_TEST

START_TEST(a_lun_that_stops_is_not_waited_for)
{
	stops_after = 3;
	fake_sysfs_add_lun(fs, 1, 3, 7, NULL, "running");
	fake_sysfs_set(fs, LUN "type", "0\n");
	scan(false);
	ck_assert_int_eq(result, ISCSI_SUCCESS);
	ck_assert_uint_eq(pauses_len, 3);
}
END_TEST

START_TEST(without_memory_there_is_no_scan)
{
	if (!alloc_can_fail)
		return;
	alloc_fail_nth(1);
	ck_assert_ptr_null(scan_start(pool, sysfs, 1, 3, false, on_done, &done));
	ck_assert(alloc_fail_stop());
}
END_TEST

static int gate = -1;

static void wait_at_gate(struct worker_job *job)
{
	eventfd_t n;

	(void)job;
	(void)eventfd_read(gate, &n);
}

static void gate_passed(struct worker_job *job)
{
	(void)job;
	done = true;
}

START_TEST(a_scan_that_is_forgotten_does_not_begin)
{
	struct worker_job job = { .run = wait_at_gate, .done = gate_passed };
	struct scan *forgotten;

	gate = eventfd(0, EFD_CLOEXEC);
	ck_assert_int_eq(worker_submit(pool, &job), 0);		/* takes the only thread */
	forgotten = scan_start(pool, sysfs, 1, 3, false, on_done, NULL);
	ck_assert_ptr_nonnull(forgotten);
	ck_assert_ptr_null(scan_forget(forgotten));
	ck_assert_ptr_null(scan_forget(NULL));
	ck_assert_int_eq(eventfd_write(gate, 1), 0);
	while (!done)
		ck_assert_int_ge(sd_event_run(loop, 10000000), 0);
	done = false;
	ck_assert_int_eq(worker_submit(pool, &job), 0);		/* behind the scan */
	ck_assert_int_eq(eventfd_write(gate, 1), 0);
	while (!done)
		ck_assert_int_ge(sd_event_run(loop, 10000000), 0);
	ck_assert_str_eq(fake_sysfs_get(fs, SCAN), "");
	(void)close(gate);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("scan");
	TCase *t = tcase_create("scan");
	SRunner *runner = srunner_create(s);
	int failed;

	suite_add_tcase(s, t);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, a_scan_asks_the_host);
	tcase_add_loop_test(t, disks_are_waited_for, 0, (int)ARRAY_SIZE(luns));
	tcase_add_test(t, a_disk_that_does_not_come_is_given_up);
	tcase_add_test(t, a_disk_that_comes_late_is_found);
	tcase_add_test(t, a_lun_that_stops_is_not_waited_for);
	tcase_add_test(t, without_memory_there_is_no_scan);
	tcase_add_test(t, a_scan_that_is_forgotten_does_not_begin);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
