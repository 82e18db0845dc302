/* SPDX-License-Identifier: GPL-2.0-or-later */
/* --wait, with a udev and a clock made for the test: when it ends, and which disks it names. */
#include "iscsiadm/disks.h"

#include <libudev.h>
#include <poll.h>
#include <time.h>

#include "iscsiadm/sessions.h"
#include "libiscsi-db/util.h"
#include "test/fake/sysfs.h"
#include "test/unit/capture.h"

#define NEVER	INT64_MAX
#define NO_FD	47
#define DISK_C	"devices/platform/host2/session2/target2:0:0/2:0:0:0/"

/* ---- the world ----------------------------------------------------------------------------- */

struct udev_device {
	const char *name, *number;	/* @number: of the disk in sysfs; NULL: Linux before 5.15 */
	int64_t known_ms;		/* from when on udev has finished with it */
	const char *links[4];
};

static int64_t now_ms;
static struct {
	struct udev_device devices[4];
	bool active, no_memory, no_queue;
	int64_t idle_ms;		/* from when on udev has nothing to do */
	int references, flushes;
} world;
static struct { int fd, timeout; } polls[200];
static size_t polls_len;

int clock_gettime(clockid_t id, struct timespec *ret)
{
	(void)id;
	*ret = (struct timespec){ now_ms / 1000, now_ms % 1000 * 1000000 };
	return 0;
}

int poll(struct pollfd *fds, nfds_t count, int timeout)
{
	ck_assert_uint_eq(count, 1);
	ck_assert_int_eq(fds->events, POLLIN);
	ck_assert_uint_lt(polls_len, ARRAY_SIZE(polls));
	polls[polls_len].fd = fds->fd;
	polls[polls_len++].timeout = timeout;
	now_ms += timeout;
	return 0;
}

#define UDEV	((struct udev *)&world)
#define QUEUE	((struct udev_queue *)&world)

struct udev *udev_new(void)
{
	world.references += !world.no_memory;
	return world.no_memory ? NULL : UDEV;
}

struct udev *udev_ref(struct udev *udev)
{
	world.references++;
	return udev;
}

struct udev *udev_unref(struct udev *udev)
{
	world.references -= udev != NULL;
	return NULL;
}

struct udev_queue *udev_queue_new(struct udev *udev)
{
	ck_assert_ptr_eq(udev, UDEV);
	world.references += !world.no_queue;
	return world.no_queue ? NULL : QUEUE;
}

struct udev_queue *udev_queue_unref(struct udev_queue *queue)
{
	world.references -= queue != NULL;
	return NULL;
}

int udev_queue_get_udev_is_active(struct udev_queue *queue)
{
	(void)queue;
	return world.active;
}

int udev_queue_get_queue_is_empty(struct udev_queue *queue)
{
	(void)queue;
	return now_ms >= world.idle_ms;
}

int udev_queue_get_fd(struct udev_queue *queue)
{
	(void)queue;
	return NO_FD;
}

int udev_queue_flush(struct udev_queue *queue)
{
	(void)queue;
	world.flushes++;
	return 0;
}

struct udev_device *udev_device_new_from_subsystem_sysname(struct udev *udev, const char *subsystem,
							   const char *name)
{
	ck_assert_ptr_eq(udev, UDEV);
	ck_assert_str_eq(subsystem, "block");
	for (size_t i = 0; i < ARRAY_SIZE(world.devices); i++)
		if (world.devices[i].name && streq(world.devices[i].name, name)) {
			world.references++;
			return &world.devices[i];
		}
	return NULL;
}

struct udev_device *udev_device_unref(struct udev_device *device)
{
	world.references -= device != NULL;
	return NULL;
}

int udev_device_get_is_initialized(struct udev_device *device)
{
	return now_ms >= device->known_ms;
}

const char *udev_device_get_sysattr_value(struct udev_device *device, const char *name)
{
	return streq(name, "diskseq") ? device->number : NULL;
}

/* A list entry is the place of a name in its device; the last place holds NULL. */
struct udev_list_entry *udev_device_get_devlinks_list_entry(struct udev_device *device)
{
	return device->links[0] ? (struct udev_list_entry *)device->links : NULL;
}

struct udev_list_entry *udev_list_entry_get_next(struct udev_list_entry *entry)
{
	const char **next = (const char **)entry + 1;

	return *next ? (struct udev_list_entry *)next : NULL;
}

const char *udev_list_entry_get_name(struct udev_list_entry *entry)
{
	return *(const char **)entry;
}

/* ---- the tests ----------------------------------------------------------------------------- */

#define PATH	"/dev/disk/by-path/"
#define NUMBER	"/dev/disk/by-diskseq/"
#define ID	"/dev/disk/by-id/"

static struct fake_sysfs *fs;
static struct adm adm;

/* Sessions 1 (sda, sdb) and 2 (sdc) have disks; session 3 has none, and a session 4 isn't there. */
static void setup(void)
{
	memset(&world, 0, sizeof(world));
	world.active = true;
	now_ms = 1000;
	polls_len = 0;
	fs = fake_sysfs_new();
	for (unsigned int sid = 1; sid <= 3; sid++)
		fake_sysfs_add_session(fs, sid, sid, "iqn.a", "10.0.0.1", 3260);
	fake_sysfs_add_lun(fs, 1, 1, 0, "sda", "running");
	fake_sysfs_add_lun(fs, 1, 1, 1, NULL, "running");	/* no disk: an enclosure */
	fake_sysfs_add_lun(fs, 1, 1, 2, "sdb", "running");
	fake_sysfs_add_lun(fs, 2, 2, 0, "sdc", "running");
	fake_sysfs_set(fs, "devices/platform/host1/session1/target1:0:0/1:0:0:1/type", "13\n");
	fake_sysfs_set(fs, DISK_C "type", "0\n");
	fake_sysfs_set(fs, DISK_C "block/sdc/queue/hw_sector_size", "512\n");
	ck_assert(!sysfs_new(fake_sysfs_root(fs), &adm.sysfs));
}

static void teardown(void)
{
	adm.sysfs = sysfs_free(adm.sysfs);
	fake_sysfs_free(fs);
	ck_assert_int_eq(world.references, 0);
}

static enum iscsi_err wait_for(int wait_s)
{
	static const unsigned int sids[] = { 4, 1, 2, 3 };
	enum iscsi_err err;

	adm.opt.wait_s = wait_s;
	capture();
	err = disks_wait(&adm, sids, ARRAY_SIZE(sids));
	(void)said(0);
	return err;
}

#define ALL_KNOWN \
	{ .name = "sda", .number = "7", .links = { NUMBER "7", ID "a", PATH "ip-a" } }, \
	{ .name = "sdb", .number = "8", .links = { PATH "ip-b", PATH "ip-b2", NUMBER "8" } }, \
	{ .name = "sdc", .links = { NUMBER "5" } }

#define ALL_NAMED	"/dev/sda /dev/disk/by-path/ip-a\n" \
			"/dev/sdb /dev/disk/by-path/ip-b /dev/disk/by-path/ip-b2\n/dev/sdc\n"
#define LATE(disk)	"iscsiadm: udev has not finished with the disk " disk "\n"

static const struct {
	const char *what;
	struct udev_device devices[4];
	int64_t idle_ms;
	int wait_s;
	enum iscsi_err err;
	int64_t took_ms;
	const char *out, *complaints;
} waits[] = {
	{ "at once", { ALL_KNOWN }, 0, 0, 0, 0, ALL_NAMED, "" },
	{ "udev is busy", { ALL_KNOWN }, 3500, 5, 0, 3000, ALL_NAMED, "" },
	{ "udev stays busy", { ALL_KNOWN }, NEVER, 2, ISCSI_ERR_TRANS_TIMEOUT, 2000, ALL_NAMED,
	  "iscsiadm: not every disk was there after 2 seconds\n" },
	{ "a disk late", { ALL_KNOWN, { .name = "sdd" } }, 1001, 9, 0, 1000, ALL_NAMED, "" },
	{ "disks that udev doesn't know", {
		{ .name = "sda", .known_ms = NEVER, .links = { PATH "ip-a" } },
		{ .name = "sdb" } }, 0, 1, ISCSI_ERR_TRANS_TIMEOUT, 1000, "/dev/sdb\n",
	  LATE("sda") LATE("sdc") "iscsiadm: not every disk was there after 1 seconds\n" },
	{ "what udev knows is of an earlier disk", {
		{ .name = "sda", .number = "7", .links = { PATH "ip-old", NUMBER "6" } },
		{ .name = "sdb", .number = "8", .links = { NUMBER "81" } },
		{ .name = "sdc", .number = "9", .links = { NUMBER "9" } } },
	  0, 0, ISCSI_ERR_TRANS_TIMEOUT, 0, "/dev/sdc\n",
	  LATE("sda") LATE("sdb") "iscsiadm: not every disk was there after 0 seconds\n" },
};

START_TEST(waiting_ends_when_udev_has_finished)
{
	memcpy(world.devices, waits[_i].devices, sizeof(world.devices));
	world.idle_ms = waits[_i].idle_ms;
	ck_assert_msg(wait_for(waits[_i].wait_s) == waits[_i].err, "%s", waits[_i].what);
	ck_assert_str_eq(said(0), waits[_i].out);
	ck_assert_str_eq(said(1), waits[_i].complaints);
	ck_assert_int_eq(now_ms - 1000, waits[_i].took_ms);
	ck_assert_int_eq(world.flushes, (int)polls_len);
	for (size_t i = 0; i < polls_len; i++) {
		ck_assert_int_eq(polls[i].fd, NO_FD);
		ck_assert_int_eq(polls[i].timeout, 1000);
	}
}
END_TEST

START_TEST(a_disk_that_udev_finishes_late_is_waited_for)
{
	memcpy(world.devices, waits[0].devices, sizeof(world.devices));
	world.devices[1].known_ms = 2500;
	ck_assert_int_eq(wait_for(2), ISCSI_SUCCESS);
	ck_assert_str_eq(said(0), ALL_NAMED);
	ck_assert_int_eq(now_ms, 3000);
}
END_TEST

/* The kernel makes the LUN of a disk before the disk. */
START_TEST(a_disk_that_the_kernel_has_not_made_is_waited_for)
{
	memcpy(world.devices, waits[0].devices, sizeof(world.devices));
	fake_sysfs_add_lun(fs, 3, 3, 0, NULL, "running");
	fake_sysfs_set(fs, "devices/platform/host3/session3/target3:0:0/3:0:0:0/type", "0\n");
	ck_assert_int_eq(wait_for(1), ISCSI_ERR_TRANS_TIMEOUT);
	ck_assert_str_eq(said(0), ALL_NAMED);
	ck_assert_str_eq(said(1), "iscsiadm: not every disk was there after 1 seconds\n");
}
END_TEST

START_TEST(without_udev_the_kernels_nodes_are_enough)
{
	world.active = false;
	world.idle_ms = NEVER;
	/* Nodes that each machine has, and one that none has. */
	fake_sysfs_add_lun(fs, 3, 3, 0, "null", "running");
	fake_sysfs_add_lun(fs, 3, 3, 1, "zero", "running");
	ck_assert_int_eq(disks_wait(&adm, (const unsigned int[]){ 3 }, 0), ISCSI_SUCCESS);
	adm.opt.wait_s = 1;
	capture();
	ck_assert_int_eq(disks_wait(&adm, (const unsigned int[]){ 3 }, 1), ISCSI_SUCCESS);
	ck_assert_str_eq(said(0), "/dev/null\n/dev/zero\n");
	ck_assert_str_eq(said(1), "iscsiadm: udev isn't running, so the disks have no names below "
			 "/dev/disk\n");
	ck_assert_uint_eq(polls_len, 0);
	fake_sysfs_add_lun(fs, 3, 3, 2, "no-such-node", "running");
	capture();
	ck_assert_int_eq(disks_wait(&adm, (const unsigned int[]){ 3 }, 1), ISCSI_ERR_TRANS_TIMEOUT);
	ck_assert_str_eq(said(0), "/dev/null\n/dev/zero\n");
	ck_assert_ptr_nonnull(strstr(said(1), "the kernel has not finished with the disk no-such-node\n"
				     "iscsiadm: not every disk was there after 1 seconds\n"));
	ck_assert_uint_eq(polls_len, 10);
	ck_assert_int_eq(polls[0].fd, -1);
	ck_assert_int_eq(world.flushes, 0);
}
END_TEST

/* There is no daemon, so the sessions are scanned by sysfs. */
START_TEST(a_rescan_waits_for_the_disks_that_it_looked_for)
{
	static const char scanned[] =
		"Rescanning session [sid: 1, target: iqn.a, portal: 10.0.0.1,3260]\n"
		"Rescanning session [sid: 2, target: iqn.a, portal: 10.0.0.1,3260]\n"
		"Rescanning session [sid: 3, target: iqn.a, portal: 10.0.0.1,3260]\n";
	const struct adm_selection all = { .port = -1 };

	ck_assert_int_eq(setenv("ISCSID_SOCKET", "/no/daemon", 1), 0);
	memcpy(world.devices, waits[0].devices, sizeof(world.devices));
	adm.opt.wait_s = 0;
	capture();
	ck_assert_int_eq(sessions_rescan(&adm, &all), ISCSI_SUCCESS);
	ck_assert_str_eq(said(1), "");
	ck_assert_int_eq(strncmp(said(0), scanned, strlen(scanned)), 0);
	ck_assert_str_eq(said(0) + strlen(scanned), ALL_NAMED);
	fake_sysfs_set(fs, "class/scsi_host/host1/scan", NULL);
	capture();
	ck_assert_int_eq(sessions_rescan(&adm, &all), ISCSI_ERR_SYSFS_LOOKUP);
	(void)said(1);
	ck_assert_int_eq(strncmp(said(0), scanned, strlen(scanned)), 0);
	ck_assert_str_eq(said(0) + strlen(scanned), "/dev/sdc\n");
	adm_forget_sessions(&adm);
}
END_TEST

START_TEST(without_the_option_or_memory_nothing_is_waited_for)
{
	ck_assert_int_eq(wait_for(OPTION_UNSET), ISCSI_SUCCESS);
	ck_assert_str_eq(said(1), "");
	world.no_memory = true;
	ck_assert_int_eq(wait_for(1), ISCSI_ERR_NOMEM);
	world.no_memory = false;
	world.no_queue = true;
	ck_assert_int_eq(wait_for(1), ISCSI_ERR_NOMEM);
	ck_assert_str_eq(said(0), "");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("disks");
	TCase *t = tcase_create("disks");
	SRunner *runner = srunner_create(s);
	int failed;

	suite_add_tcase(s, t);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, waiting_ends_when_udev_has_finished, 0, (int)ARRAY_SIZE(waits));
	tcase_add_test(t, a_disk_that_udev_finishes_late_is_waited_for);
	tcase_add_test(t, a_disk_that_the_kernel_has_not_made_is_waited_for);
	tcase_add_test(t, without_udev_the_kernels_nodes_are_enough);
	tcase_add_test(t, a_rescan_waits_for_the_disks_that_it_looked_for);
	tcase_add_test(t, without_the_option_or_memory_nothing_is_waited_for);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
