/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What counts as a use of a session's disks, and how far up a stack of devices the search goes. */
#include "iscsid/kernel/inuse.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "libiscsi-db/util.h"
#include "test/fake/sysfs.h"
#include "test/unit/alloc.h"

static struct fake_sysfs *fs;
static struct sysfs *sysfs;

static void setup(void)
{
	fs = fake_sysfs_new();
	ck_assert_int_eq(sysfs_new(fake_sysfs_root(fs), &sysfs), 0);
	fake_sysfs_add_session(fs, 1, 3, "iqn.a", "10.0.0.1", 3260);
	fake_sysfs_add_lun(fs, 1, 3, 0, NULL, "running");
	fake_sysfs_add_lun(fs, 1, 3, 1, "sda", "running");
	fake_sysfs_add_lun(fs, 1, 3, 2, "sdb", "running");
	fake_sysfs_set(fs, "class/block/sda/dev", "8:0\n");
	fake_sysfs_set(fs, "class/block/sda/sda1/dev", "8:1\n");
	fake_sysfs_set(fs, "class/block/sda/sda1/partition", "1\n");
	fake_sysfs_set(fs, "class/block/sda1/dev", "8:1\n");
	fake_sysfs_set(fs, "class/block/sdb/dev", "1048575:16\n");
	fake_sysfs_set(fs, "class/block/sda1/holders/dm-7/dev", "253:7\n");
	fake_sysfs_set(fs, "class/block/dm-7/dev", "253:7\n");
	fake_sysfs_set(fs, "class/block/dm-7/dm/name", "vg-data\n");
	fake_sysfs_set(fs, "proc/self/mountinfo", "");
	fake_sysfs_set(fs, "proc/swaps", "");
}

static void teardown(void)
{
	sysfs_free(sysfs);
	fake_sysfs_free(fs);
}

static enum iscsi_err check(enum inuse_by by, struct iscsi_why *why)
{
	char proc[256];

	(void)snprintf(proc, sizeof(proc), "%s/proc", fake_sysfs_root(fs));
	why->text[0] = '\0';
	return inuse_check(sysfs, proc, 1, 3, by, why);
}

#define MOUNT(dev, where, source)	"36 35 " dev " / " where " rw - ext4 " source " rw\n"
#define SWAP(source, type)	"Filename Type Size Used Priority\n" source " " type " 16380 0 -2\n"

/* A use, and what is said of it to somebody who asks for any use, a system's use, a root's use. */
static const struct {
	const char *mountinfo, *swaps, *any, *system, *root;
} uses[] = {
	{ "", "", "", "", "" },
	{ MOUNT("8:0", "/mnt", "/dev/other"), "", "sda is mounted on /mnt", "", "" },
	{ MOUNT("8:1", "/", "/dev/other"), "", "sda1 is mounted on /", "sda1 is mounted on /",
	  "sda1 is mounted on /" },
	{ MOUNT("253:7", "/usr", "/dev/other"), "", "dm-7 is mounted on /usr",
	  "dm-7 is mounted on /usr", "dm-7 is mounted on /usr" },
	{ MOUNT("8:0", "/usr/share", "/dev/other"), "", "sda is mounted on /usr/share", "", "" },
	{ "", SWAP("/dev/sda", "partition"), "sda is used as swap", "sda is used as swap", "" },
	{ "", SWAP("/dev/mapper/vg-data", "partition"), "dm-7 is used as swap",
	  "dm-7 is used as swap", "" },
	{ "", SWAP("/mnt/sda", "file"), "", "", "" },
	/* The use that counts is found behind those that don't. */
	{ MOUNT("8:0", "/mnt", "/dev/other") MOUNT("8:0", "/", "/dev/other"),
	  SWAP("/dev/sda1", "partition"), "sda is mounted on /mnt", "sda is mounted on /",
	  "sda is mounted on /" },
	{ MOUNT("8:0", "/mnt", "/dev/other"), SWAP("/dev/sda1", "partition"),
	  "sda is mounted on /mnt", "sda1 is used as swap", "" },
	{ MOUNT("1048575:16", "/mnt", "/dev/other"), "", "sdb is mounted on /mnt", "", "" },
	/* By the source, as btrfs shows it. */
	{ MOUNT("0:99", "/mnt", "/dev/sdb"), "", "sdb is mounted on /mnt", "", "" },
	{ MOUNT("0:99", "/mnt", "/dev/mapper/vg-data"), "", "dm-7 is mounted on /mnt", "", "" },
	{ MOUNT("0:99", "/mnt", "/dev/mapper/sda"), "", "", "", "" },
	{ MOUNT("0:99", "/mnt", "/dev/sdab"), "", "", "", "" },
	{ MOUNT("0:99", "/mnt", "/dew/sda"), "", "", "", "" },
	{ MOUNT("0:99", "/mnt", "sda"), "", "", "", "" },
	{ MOUNT("8:2", "/mnt", "/dev/sda2"), "", "", "", "" },
	{ MOUNT("1:8", "/mnt", "/dev/other"), "", "", "", "" },
};

START_TEST(uses_of_a_disk)
{
	const char *const wanted[] = { uses[_i].any, uses[_i].system, uses[_i].root };
	struct iscsi_why why;

	fake_sysfs_set(fs, "proc/self/mountinfo", uses[_i].mountinfo);
	fake_sysfs_set(fs, "proc/swaps", uses[_i].swaps);
	for (int by = INUSE_BY_ANY; by <= INUSE_BY_ROOT; by++) {
		ck_assert_int_eq(check((enum inuse_by)by, &why),
				 *wanted[by] ? ISCSI_ERR_BUSY : ISCSI_SUCCESS);
		ck_assert_str_eq(why.text, wanted[by]);
	}
}
END_TEST

/* Nine devices on top of each other are looked at, disk and all: one below, eight above. */
START_TEST(a_stack_has_a_limit)
{
	char path[128], number[32];
	struct iscsi_why why;

	for (int i = 0; i < 10; i++) {
		if (i)
			(void)snprintf(path, sizeof(path), "class/block/dm-%d/holders/dm-%d/dev",
				       9 + i, 10 + i);
		else
			(void)snprintf(path, sizeof(path), "class/block/sdb/holders/dm-10/dev");
		(void)snprintf(number, sizeof(number), "253:%d\n", 10 + i);
		fake_sysfs_set(fs, path, number);
		(void)snprintf(path, sizeof(path), "class/block/dm-%d/dev", 10 + i);
		fake_sysfs_set(fs, path, number);
	}
	fake_sysfs_set(fs, "proc/self/mountinfo", MOUNT("253:17", "/mnt", "/dev/other"));
	ck_assert_int_eq(check(INUSE_BY_ANY, &why), ISCSI_ERR_BUSY);
	ck_assert_str_eq(why.text, "dm-17 is mounted on /mnt");
	fake_sysfs_set(fs, "proc/self/mountinfo", MOUNT("253:18", "/mnt", "/dev/other"));
	ck_assert_int_eq(check(INUSE_BY_ANY, &why), ISCSI_SUCCESS);
}
END_TEST

START_TEST(long_names_are_names)
{
	char name[201], mapped[128], path[320], text[400];
	struct iscsi_why why;

	memset(name, 'd', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	memset(mapped, 'm', sizeof(mapped) - 1);
	mapped[sizeof(mapped) - 1] = '\0';
	(void)snprintf(path, sizeof(path), "class/block/sdb/holders/%s/dev", name);
	fake_sysfs_set(fs, path, "253:9\n");
	(void)snprintf(path, sizeof(path), "class/block/%s/dev", name);
	fake_sysfs_set(fs, path, "253:9\n");
	(void)snprintf(path, sizeof(path), "class/block/%s/dm/name", name);
	(void)snprintf(text, sizeof(text), "%s\n", mapped);
	fake_sysfs_set(fs, path, text);
	(void)snprintf(text, sizeof(text), MOUNT("0:99", "/mnt", "/dev/mapper/%s"), mapped);
	fake_sysfs_set(fs, "proc/self/mountinfo", text);
	ck_assert_int_eq(check(INUSE_BY_ANY, &why), ISCSI_ERR_BUSY);
	(void)snprintf(text, sizeof(text), "%s is mounted on /mnt", name);
	ck_assert_str_eq(why.text, text);
	/* What stands on such a device, and its partitions. */
	(void)snprintf(path, sizeof(path), "class/block/%s/holders/dm-7/dev", name);
	fake_sysfs_set(fs, path, "253:7\n");
	fake_sysfs_set(fs, "proc/self/mountinfo", MOUNT("253:7", "/mnt", "/dev/other"));
	ck_assert_int_eq(check(INUSE_BY_ANY, &why), ISCSI_ERR_BUSY);
	ck_assert_str_eq(why.text, "dm-7 is mounted on /mnt");
}
END_TEST

START_TEST(what_is_not_there_is_not_used)
{
	struct iscsi_why why;

	ck_assert_ptr_null(inuse_close(NULL));
	fake_sysfs_set(fs, "proc/self/mountinfo", MOUNT("8:0", "/mnt", "/dev/sda"));
	fake_sysfs_set(fs, "class/block/sda/dev", "8\n");
	ck_assert_int_eq(check(INUSE_BY_ANY, &why), ISCSI_SUCCESS);
	fake_sysfs_set(fs, "class/block/sda/dev", NULL);
	ck_assert_int_eq(check(INUSE_BY_ANY, &why), ISCSI_SUCCESS);
	fake_sysfs_set(fs, "proc/self/mountinfo", NULL);
	fake_sysfs_set(fs, "proc/swaps", NULL);
	ck_assert_int_eq(check(INUSE_BY_ANY, &why), ISCSI_SUCCESS);
	fake_sysfs_remove_session(fs, 1, 3);
	ck_assert_int_eq(check(INUSE_BY_ANY, &why), ISCSI_SUCCESS);
}
END_TEST

/* Whether the disks are in use can't be told then, so it is said. */
START_TEST(a_lack_of_memory_is_told)
{
	struct iscsi_why why;
	char proc[256];

	if (!alloc_can_fail)
		return;
	(void)snprintf(proc, sizeof(proc), "%s/proc", fake_sysfs_root(fs));
	alloc_fail_nth(1);
	ck_assert_ptr_null(inuse_open(sysfs, proc));
	ck_assert(alloc_fail_stop());
	alloc_fail_nth(4);	/* behind the list of three LUNs */
	ck_assert_int_eq(check(INUSE_BY_ANY, &why), ISCSI_ERR_NOMEM);
	ck_assert(alloc_fail_stop());
	ck_assert_str_eq(why.text, "no memory");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("inuse");
	TCase *t = tcase_create("inuse");
	SRunner *runner = srunner_create(s);
	int failed;

	suite_add_tcase(s, t);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, uses_of_a_disk, 0, (int)ARRAY_SIZE(uses));
	tcase_add_test(t, a_stack_has_a_limit);
	tcase_add_test(t, long_names_are_names);
	tcase_add_test(t, what_is_not_there_is_not_used);
	tcase_add_test(t, a_lack_of_memory_is_told);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
