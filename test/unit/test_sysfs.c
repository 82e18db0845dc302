/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is read from sysfs: sessions whole, half there and gone; LUNs, hosts, numbers. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <check.h>

#include "iscsid/kernel/sysfs.h"
#include "libiscsi-db/util.h"
#include "test/fake/sysfs.h"
#include "test/unit/alloc.h"

#define TARGET	"iqn.2030-01.org.example:disk1"
#define SESSION	"class/iscsi_session/session1/"
#define TARGET_3	"devices/platform/host3/session1/target3:0:0/"
#define CONN	"class/iscsi_connection/connection1:0/"

static struct fake_sysfs *fs;
static struct sysfs *sysfs;

/* ---- what the kernel can do ------------------------------------------------------------- */

static int opens;		/* files opened so far */
static int vanishes_at;		/* before this open, session 1 on host 4 goes away */
static int open_errors[4];	/* of the next opens */
static int read_error;		/* of the next read; EINTR: then it works */
static int write_error;		/* the same; -1: only a byte is written */
static int looks;		/* whether a session is still there */

/* What succeeds leaves errno as it was, and an earlier call may have been interrupted. */
static ssize_t result_of(ssize_t result, int error)
{
	errno = error ? error : result < 0 ? errno : EINTR;
	return error ? -1 : result;
}

int openat(int dirfd, const char *path, int flags, ...)
{
	int error;

	if (++opens == vanishes_at)
		fake_sysfs_remove_session(fs, 1, 4);
	if (!(flags & O_CLOEXEC))
		ck_abort_msg("%s is left to programs that are started", path);
	error = open_errors[0];
	memmove(open_errors, open_errors + 1, sizeof(open_errors) - sizeof(*open_errors));
	return (int)result_of(error ? -1 : syscall(SYS_openat, dirfd, path, flags, 0), error);
}

int faccessat(int dirfd, const char *path, int mode, int flags)
{
	looks++;
	if (flags)
		ck_abort_msg("flags %d", flags);
	return (int)syscall(SYS_faccessat, dirfd, path, mode);
}

ssize_t read(int fd, void *buf, size_t len)
{
	int error = read_error;

	read_error = 0;
	return result_of(error ? -1 : syscall(SYS_read, fd, buf, len), error);
}

ssize_t write(int fd, const void *buf, size_t len)
{
	int error = write_error;

	write_error = 0;
	return result_of(error > 0 ? -1 : syscall(SYS_write, fd, buf, error < 0 ? 1 : len), MAX(error, 0));
}

/* ---- sessions --------------------------------------------------------------------------- */

static void setup(void)
{
	fs = fake_sysfs_new();
	ck_assert(!sysfs_new(fake_sysfs_root(fs), &sysfs));
	(void)close(STDIN_FILENO);	/* so that files which are opened now have the number 0 */
}

static void teardown(void)
{
	sysfs = sysfs_free(sysfs);
	ck_assert_ptr_null(sysfs);
	ck_assert_int_lt(fcntl(STDIN_FILENO, F_GETFD), 0);
	fake_sysfs_free(fs);
}

START_TEST(root_must_be_there)
{
	struct sysfs *none = NULL;

	ck_assert_int_eq(sysfs_new("/nonexistent", &none), ISCSI_ERR_SYSFS_LOOKUP);
	ck_assert_int_eq(sysfs_new("/proc/self/status", &none), ISCSI_ERR_SYSFS_LOOKUP);
	ck_assert_ptr_null(none);
	ck_assert_ptr_null(sysfs_free(NULL));
	/* Its descriptor may be any, and programs that are started don't get it. */
	ck_assert(!sysfs_new("/proc", &none));
	ck_assert_int_eq(fcntl(STDIN_FILENO, F_GETFD), FD_CLOEXEC);
	sysfs_free(none);
}
END_TEST

START_TEST(sessions_are_listed_in_order)
{
	static const unsigned int sids[] = { 1, 2, 3, 10, 11, 100 };
	unsigned int *list;
	size_t len, i;

	/* Without the module there is no class. */
	ck_assert(!sysfs_list_sessions(sysfs, &list, &len));
	ck_assert_uint_eq(len, 0);
	free(list);
	for (i = ARRAY_SIZE(sids); i--;)
		fake_sysfs_add_session(fs, sids[i], (unsigned int)i, TARGET, "10.0.0.1", 3260);
	fake_sysfs_set(fs, "class/iscsi_session/session", "");
	fake_sysfs_set(fs, "class/iscsi_session/session7x", "");
	fake_sysfs_set(fs, "class/iscsi_session/session4294967296", "");
	fake_sysfs_set(fs, "class/iscsi_session/sessions7", "");
	fake_sysfs_set(fs, "class/iscsi_session/.session7", "");
	ck_assert(!sysfs_list_sessions(sysfs, &list, &len));
	ck_assert_uint_eq(len, ARRAY_SIZE(sids));
	ck_assert_mem_eq(list, sids, sizeof(sids));
	free(list);
	ck_assert(!sysfs_list_hosts(sysfs, &list, &len));
	ck_assert_uint_eq(len, ARRAY_SIZE(sids));
	free(list);
	/* A list that can't be read isn't an empty one. */
	list = NULL;
	ck_assert_int_eq(sysfs_list_numbers(sysfs, CONN "state/x", "session", &list, &len),
			 ISCSI_ERR_SYSFS_LOOKUP);
	ck_assert_ptr_null(list);
}
END_TEST

START_TEST(numbers_have_32_bits)
{
	struct sysfs_session s;
	unsigned int *list;
	size_t len;

	fake_sysfs_add_session(fs, UINT_MAX, INT_MAX, TARGET, "10.0.0.1", 3260);
	ck_assert(!sysfs_list_sessions(sysfs, &list, &len));
	ck_assert_uint_eq(len, 1);
	ck_assert_uint_eq(list[0], UINT_MAX);
	free(list);
	ck_assert(!sysfs_read_session(sysfs, UINT_MAX, SYSFS_DETAIL_LIST, &s));
	ck_assert_uint_eq(s.sid, UINT_MAX);
	ck_assert_int_eq(s.host_no, INT_MAX);
	ck_assert_str_eq(s.persistent_address, "10.0.0.1");
	ck_assert(!sysfs_session_gone(sysfs, UINT_MAX));
	fake_sysfs_add_session(fs, 2, INT_MAX + 1u, TARGET, "10.0.0.1", 3260);
	ck_assert_int_eq(sysfs_read_session(sysfs, 2, SYSFS_DETAIL_LIST, &s),
			 ISCSI_ERR_SYSFS_LOOKUP);
}
END_TEST

START_TEST(many_sessions_are_listed)
{
	unsigned int *list;
	char path[64];
	size_t len, i;

	/* More than one buffer of entries. */
	for (i = 1; i <= 1000; i++) {
		(void)snprintf(path, sizeof(path), "class/iscsi_session/session%zu", i);
		fake_sysfs_set(fs, path, "");
	}
	ck_assert(!sysfs_list_sessions(sysfs, &list, &len));
	ck_assert_uint_eq(len, 1000);
	for (i = 0; i < len; i++)
		ck_assert_uint_eq(list[i], i + 1);
	free(list);
}
END_TEST

START_TEST(session_is_read_whole)
{
	struct sysfs_session s;

	fake_sysfs_add_session(fs, 1, 4, TARGET, "10.0.0.1", 3261);
	fake_sysfs_set(fs, SESSION "username", "user\n");
	fake_sysfs_set(fs, SESSION "password", "secret12345\n");
	ck_assert(!sysfs_read_session(sysfs, 1, SYSFS_DETAIL_ALL, &s));
	ck_assert_uint_eq(s.sid, 1);
	ck_assert_int_eq(s.host_no, 4);
	ck_assert_str_eq(s.transport, "tcp");
	ck_assert_str_eq(s.target, TARGET);
	ck_assert_int_eq(s.tpgt, 1);
	ck_assert_str_eq(s.persistent_address, "10.0.0.1");
	ck_assert_int_eq(s.persistent_port, 3261);
	ck_assert_str_eq(s.address, "10.0.0.1");
	ck_assert_int_eq(s.port, 3261);
	ck_assert_int_eq(s.creator, 775);
	ck_assert_str_eq(s.iface, "default");
	ck_assert_str_eq(s.initiator, "iqn.2030-01.org.example:client1");
	ck_assert_str_eq(s.ipaddress, "10.0.0.2");
	ck_assert_str_eq(s.hwaddress, "");
	ck_assert_str_eq(s.netdev, "");
	ck_assert_str_eq(s.state, "LOGGED_IN");
	ck_assert_str_eq(s.target_state, "SCANNED");
	ck_assert_str_eq(s.conn_state, "up");
	ck_assert_int_eq(s.recovery_tmo, 120);
	ck_assert_int_eq(s.tgt_reset_tmo, 30);
	ck_assert_int_eq(s.lu_reset_tmo, 30);
	ck_assert_int_eq(s.abort_tmo, 15);
	ck_assert_str_eq(s.username, "user");
	ck_assert_str_eq(s.password, "secret12345");
	ck_assert_str_eq(s.username_in, "");
	ck_assert_int_eq(s.max_recv_dlength, 262144);
	ck_assert_int_eq(s.max_xmit_dlength, 8192);
	ck_assert_int_eq(s.first_burst_len, 65536);
	ck_assert_int_eq(s.max_burst_len, 262144);
	ck_assert_int_eq(s.immediate_data, 1);
	ck_assert_int_eq(s.initial_r2t, 1);
	ck_assert_int_eq(s.ping_tmo, 5);
}
END_TEST

START_TEST(detail_bounds_what_is_read)
{
	struct sysfs_session s;

	fake_sysfs_add_session(fs, 1, 0, TARGET, "10.0.0.1", 3260);
	fake_sysfs_set(fs, SESSION "password", "secret12345\n");
	ck_assert(!sysfs_read_session(sysfs, 1, SYSFS_DETAIL_LIST, &s));
	ck_assert_int_eq(s.host_no, 0);
	ck_assert_str_eq(s.persistent_address, "10.0.0.1");
	ck_assert_str_eq(s.transport, "tcp");
	ck_assert_str_eq(s.state, "");
	ck_assert_str_eq(s.address, "");
	ck_assert_int_eq(s.port, SYSFS_UNSET);
	ck_assert(!sysfs_read_session(sysfs, 1, SYSFS_DETAIL_STATE, &s));
	ck_assert_str_eq(s.state, "LOGGED_IN");
	ck_assert_str_eq(s.password, "");
	ck_assert_int_eq(s.recovery_tmo, SYSFS_UNSET);
}
END_TEST

static const struct {
	const char *text;
	int n;
} numbers[] = {
	{ "0\n", 0 }, { "120\n", 120 }, { "120", 120 }, { "off\n", -1 }, { "-1\n", -1 },
	{ "4294967295\n", -1 }, { "2147483647\n", 2147483647 },
	{ "2147483648\n", SYSFS_UNSET }, { "-2\n", SYSFS_UNSET }, { "-17\n", SYSFS_UNSET },
	{ "99999999999999999999999\n", SYSFS_UNSET }, { "", SYSFS_UNSET }, { "\n", SYSFS_UNSET },
	{ "(null)\n", SYSFS_UNSET }, { "<NULL>\n", SYSFS_UNSET }, { "x\n", SYSFS_UNSET },
	{ "12x\n", SYSFS_UNSET }, { " 12\n", SYSFS_UNSET }, { "+12\n", SYSFS_UNSET },
	{ "-\n", SYSFS_UNSET }, { "4294967296\n", SYSFS_UNSET }, { "999999999999999\n", SYSFS_UNSET },
};

START_TEST(numbers_are_total)
{
	struct sysfs_session s;

	fake_sysfs_add_session(fs, 1, 0, TARGET, "10.0.0.1", 3260);
	fake_sysfs_set(fs, SESSION "recovery_tmo", numbers[_i].text);
	ck_assert(!sysfs_read_session(sysfs, 1, SYSFS_DETAIL_ALL, &s));
	ck_assert_int_eq(s.recovery_tmo, numbers[_i].n);
}
END_TEST

START_TEST(texts_are_bounded)
{
	char text[5000];
	struct sysfs_session s;

	fake_sysfs_add_session(fs, 1, 0, TARGET, "10.0.0.1", 3260);
	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	/* What doesn't fit is unreadable: half a name would be another's. */
	fake_sysfs_set(fs, SESSION "initiatorname", text);
	text[ISCSI_IFACE_NAME_MAX] = '\0';
	fake_sysfs_set(fs, SESSION "ifacename", text);
	fake_sysfs_set(fs, SESSION "state", "two\nlines\n");
	fake_sysfs_set(fs, CONN "address", "<NULL>\n");
	ck_assert(!sysfs_read_session(sysfs, 1, SYSFS_DETAIL_ALL, &s));
	ck_assert_str_eq(s.initiator, "");
	ck_assert_str_eq(s.iface, text);
	ck_assert_str_eq(s.state, "two");
	ck_assert_str_eq(s.address, "");
	text[ISCSI_IFACE_NAME_MAX] = 'a';
	text[ISCSI_IFACE_NAME_MAX + 1] = '\0';
	fake_sysfs_set(fs, SESSION "ifacename", text);
	ck_assert(!sysfs_read_session(sysfs, 1, SYSFS_DETAIL_ALL, &s));
	ck_assert_str_eq(s.iface, "");
}
END_TEST

START_TEST(attributes_are_optional)
{
	struct sysfs_session s;

	fake_sysfs_add_session(fs, 1, 0, TARGET, "10.0.0.1", 3260);
	fake_sysfs_set(fs, SESSION "target_state", NULL);
	fake_sysfs_set(fs, SESSION "creator", NULL);
	fake_sysfs_set(fs, SESSION "tpgt", NULL);
	fake_sysfs_set(fs, CONN "state", NULL);
	fake_sysfs_set(fs, CONN "address", NULL);
	fake_sysfs_set(fs, CONN "port", NULL);
	ck_assert(!sysfs_read_session(sysfs, 1, SYSFS_DETAIL_ALL, &s));
	ck_assert_str_eq(s.target_state, "");
	ck_assert_int_eq(s.creator, SYSFS_UNSET);
	ck_assert_int_eq(s.tpgt, SYSFS_UNSET);
	ck_assert_str_eq(s.conn_state, "");
	ck_assert_int_eq(s.port, SYSFS_UNSET);
	ck_assert_str_eq(s.persistent_address, "10.0.0.1");
}
END_TEST

START_TEST(sessions_vanish)
{
	struct sysfs_session s;

	ck_assert_int_eq(sysfs_read_session(sysfs, 1, SYSFS_DETAIL_LIST, &s),
			 ISCSI_ERR_SYSFS_LOOKUP);
	fake_sysfs_add_session(fs, 1, 0, TARGET, "10.0.0.1", 3260);
	/* Going: its name can't be read any more. */
	fake_sysfs_set(fs, SESSION "targetname", NULL);
	ck_assert_int_eq(sysfs_read_session(sysfs, 1, SYSFS_DETAIL_LIST, &s),
			 ISCSI_ERR_SYSFS_LOOKUP);
	fake_sysfs_remove_session(fs, 1, 0);
	ck_assert_int_eq(sysfs_read_session(sysfs, 1, SYSFS_DETAIL_ALL, &s),
			 ISCSI_ERR_SYSFS_LOOKUP);
}
END_TEST

/* Whenever a session goes, it isn't told half. */
START_TEST(session_vanishes_while_it_is_read)
{
	struct sysfs_session s;
	int all;

	fake_sysfs_add_session(fs, 1, 4, TARGET, "10.0.0.1", 3260);
	opens = 0;
	ck_assert(!sysfs_read_session(sysfs, 1, SYSFS_DETAIL_ALL, &s));
	all = opens;
	/* Each attribute is read once, and the transport's name. */
	ck_assert_int_eq(all, (int)sysfs_attrs_len + 1);
	for (vanishes_at = 1; vanishes_at <= all; vanishes_at++) {
		opens = 0;
		ck_assert_int_eq(sysfs_read_session(sysfs, 1, SYSFS_DETAIL_ALL, &s),
				 ISCSI_ERR_SYSFS_LOOKUP);
		fake_sysfs_add_session(fs, 1, 4, TARGET, "10.0.0.1", 3260);
	}
	opens = 0;
	ck_assert(!sysfs_read_session(sysfs, 1, SYSFS_DETAIL_ALL, &s));
}
END_TEST

START_TEST(states_are_read_anew)
{
	struct sysfs_session s;

	fake_sysfs_add_session(fs, 1, 4, TARGET, "10.0.0.1", 3260);
	ck_assert(!sysfs_read_session(sysfs, 1, SYSFS_DETAIL_ALL, &s));
	fake_sysfs_set(fs, SESSION "state", "FAILED\n");
	fake_sysfs_set(fs, SESSION "recovery_tmo", "7\n");
	fake_sysfs_set(fs, SESSION "abort_tmo", "8\n");
	fake_sysfs_set(fs, SESSION "targetname", "iqn.other\n");
	fake_sysfs_set(fs, SESSION "target_state", "UNBOUND\n");
	fake_sysfs_set(fs, CONN "state", "down\n");
	opens = 0;
	ck_assert(!sysfs_read_live(sysfs, SYSFS_DETAIL_STATE, &s));
	ck_assert_int_eq(opens, 1);
	ck_assert_int_eq(looks, 0);
	ck_assert_str_eq(s.state, "FAILED");
	ck_assert_int_eq(s.recovery_tmo, 120);
	ck_assert(!sysfs_read_live(sysfs, SYSFS_DETAIL_VALUES, &s));
	ck_assert_int_eq(s.recovery_tmo, 7);
	ck_assert_str_eq(s.target_state, "SCANNED");
	ck_assert(!sysfs_read_live(sysfs, SYSFS_DETAIL_ALL, &s));
	ck_assert_str_eq(s.target_state, "UNBOUND");
	ck_assert_str_eq(s.conn_state, "down");
	/* What can't change isn't read. */
	ck_assert_str_eq(s.target, TARGET);
	ck_assert_int_eq(s.abort_tmo, 15);
	/* An older kernel has no target_state. */
	fake_sysfs_set(fs, SESSION "target_state", NULL);
	errno = ENOENT;
	ck_assert(!sysfs_session_gone(sysfs, 1));
	ck_assert(!sysfs_read_live(sysfs, SYSFS_DETAIL_ALL, &s));
	ck_assert_str_eq(s.target_state, "");
	fake_sysfs_remove_session(fs, 1, 4);
	ck_assert(sysfs_session_gone(sysfs, 1));
	ck_assert_int_eq(sysfs_read_live(sysfs, SYSFS_DETAIL_STATE, &s), ISCSI_ERR_SYSFS_LOOKUP);
}
END_TEST

START_TEST(half_made_session_is_read)
{
	struct sysfs_session s;

	fake_sysfs_add_session(fs, 1, 0, TARGET, "10.0.0.1", 3260);
	/* No connection yet, and no name. */
	fake_sysfs_set(fs, SESSION "targetname", "(null)\n");
	fake_sysfs_set(fs, "class/iscsi_connection/connection1:0", NULL);
	ck_assert(!sysfs_read_session(sysfs, 1, SYSFS_DETAIL_ALL, &s));
	ck_assert_str_eq(s.target, "");
	ck_assert_str_eq(s.persistent_address, "");
	ck_assert_int_eq(s.persistent_port, SYSFS_UNSET);
}
END_TEST

START_TEST(scans_write_to_the_host)
{
	struct sysfs_session s;

	fake_sysfs_add_session(fs, 1, 3, TARGET, "10.0.0.1", 3260);
	fake_sysfs_add_lun(fs, 1, 3, 7, "sda", "running");
	fake_sysfs_set(fs, "class/scsi_host/host3/scan", "");
	ck_assert(!sysfs_read_session(sysfs, 1, SYSFS_DETAIL_LIST, &s));
	ck_assert_int_eq(sysfs_scan_session(sysfs, 1, 3, false, NULL, NULL), 0);
	ck_assert_str_eq(fake_sysfs_get(fs, "class/scsi_host/host3/scan"), "- - -");
	fake_sysfs_add_session(fs, UINT_MAX, INT_MAX, TARGET, "10.0.0.1", 3260);
	ck_assert_int_eq(sysfs_scan_session(sysfs, UINT_MAX, INT_MAX, true, NULL, NULL), 0);
	/* Not the host that meanwhile has the number of one that is gone. */
	fake_sysfs_set(fs, "class/scsi_host/host3/scan", "");
	fake_sysfs_remove_session(fs, 1, 3);
	ck_assert_int_eq(sysfs_scan_session(sysfs, 1, 3, false, NULL, NULL), -ENOENT);
	ck_assert_int_eq(sysfs_scan_session(sysfs, 1, 3, true, NULL, NULL), -ENOENT);
	ck_assert_str_eq(fake_sysfs_get(fs, "class/scsi_host/host3/scan"), "");
}
END_TEST

START_TEST(known_luns_are_read_anew)
{
	fake_sysfs_add_session(fs, 1, 3, TARGET, "10.0.0.1", 3260);
	for (unsigned int lun = 0; lun < 3; lun++)
		fake_sysfs_add_lun(fs, 1, 3, lun, NULL, "running");
	fake_sysfs_set(fs, TARGET_3 "3:0:0:0/rescan", "");
	fake_sysfs_set(fs, TARGET_3 "3:0:0:2/rescan", "");
	ck_assert_int_eq(sysfs_scan_session(sysfs, 1, 3, false, NULL, NULL), 0);
	ck_assert_str_eq(fake_sysfs_get(fs, TARGET_3 "3:0:0:0/rescan"), "");
	/* One that can't be read anew doesn't keep the others from it. */
	ck_assert_int_eq(sysfs_scan_session(sysfs, 1, 3, true, NULL, NULL), 0);
	ck_assert_str_eq(fake_sysfs_get(fs, TARGET_3 "3:0:0:0/rescan"), "1");
	ck_assert_str_eq(fake_sysfs_get(fs, TARGET_3 "3:0:0:2/rescan"), "1");
}
END_TEST

/* An offload driver's host lies below its PCI device. */
START_TEST(a_host_elsewhere_is_found_by_its_class)
{
	struct sysfs_lun *luns;
	char path[PATH_MAX], link[PATH_MAX];
	size_t len;

	fake_sysfs_add_session(fs, 1, 3, TARGET, "10.0.0.1", 3260);
	fake_sysfs_add_lun(fs, 1, 3, 7, "sda", "running");
	fake_sysfs_set(fs, "devices/pci/uevent", "");
	(void)snprintf(link, sizeof(link), "%s/devices/pci/host3", fake_sysfs_root(fs));
	(void)snprintf(path, sizeof(path), "%s/devices/platform/host3", fake_sysfs_root(fs));
	ck_assert(!rename(path, link));
	(void)snprintf(path, sizeof(path), "%s/class/iscsi_session/session1", fake_sysfs_root(fs));
	ck_assert(!unlink(path));
	ck_assert(!symlink("../../devices/pci/host3/session1/iscsi_session/session1", path));
	ck_assert(!sysfs_list_luns(sysfs, 1, 3, &luns, &len));
	ck_assert_uint_eq(len, 1);
	ck_assert_str_eq(luns[0].block, "sda");
	free(luns);
}
END_TEST

static const struct {
	const char *block, *queue, *type, *state;
	bool ready;
} disks[] = {
	{ "sda", "block/sda/queue/depth", "0\n", "running", true },
	{ "sda", "block/sda/queue/depth", NULL, "offline", true },
	{ "sda", NULL, "0\n", "running", false },
	{ "sda", NULL, "0\n", "offline", true },	/* none comes */
	{ "sda", NULL, "12\n", "running", true },
	{ NULL, NULL, "0\n", "running", false },
	{ NULL, NULL, "4\n", "running", false },
	{ NULL, NULL, "5\n", "running", false },
	{ NULL, NULL, "7\n", "running", false },
	{ NULL, NULL, "14\n", "running", false },
	{ NULL, NULL, "20\n", "running", false },
	{ NULL, NULL, "0\n", "transport-offline", true },
	{ NULL, NULL, "0\n", "blocked", true },
	{ NULL, NULL, "1\n", "running", true },		/* a tape */
	{ NULL, NULL, NULL, "running", true },		/* the LUN is going */
};

START_TEST(disks_that_come_are_not_ready)
{
	char path[PATH_MAX];

	ck_assert(sysfs_disks_ready(sysfs, 1, 3));	/* no session, no disk */
	fake_sysfs_add_session(fs, 1, 3, TARGET, "10.0.0.1", 3260);
	ck_assert(sysfs_disks_ready(sysfs, 1, 3));
	fake_sysfs_add_lun(fs, 1, 3, 0, "sdz", "offline");
	fake_sysfs_add_lun(fs, 1, 3, 12, disks[_i].block, disks[_i].state);
	if (disks[_i].type)
		fake_sysfs_set(fs, TARGET_3 "3:0:0:12/type", disks[_i].type);
	(void)snprintf(path, sizeof(path), TARGET_3 "3:0:0:12/%s", disks[_i].queue);
	if (disks[_i].queue)
		fake_sysfs_set(fs, path, "1\n");
	ck_assert_int_eq(sysfs_disks_ready(sysfs, 1, 3), disks[_i].ready);
}
END_TEST

START_TEST(luns_are_listed_by_name)
{
	static const uint64_t order[] = { 0, 1, 10, 16640, 2 };
	struct sysfs_session s;
	struct sysfs_lun *luns;
	size_t len, i;

	fake_sysfs_add_session(fs, 1, 3, TARGET, "10.0.0.1", 3260);
	ck_assert(!sysfs_read_session(sysfs, 1, SYSFS_DETAIL_LIST, &s));
	ck_assert(!sysfs_list_luns(sysfs, 1, 3, &luns, &len));
	ck_assert_uint_eq(len, 0);
	free(luns);
	for (i = ARRAY_SIZE(order); i--;)
		fake_sysfs_add_lun(fs, 1, 3, order[i], i ? "sdb" : NULL, "running");
	ck_assert(!sysfs_list_luns(sysfs, 1, 3, &luns, &len));
	ck_assert_uint_eq(len, ARRAY_SIZE(order));
	for (i = 0; i < len; i++) {
		ck_assert_int_eq(luns[i].host_no, 3);
		ck_assert_int_eq(luns[i].channel, 0);
		ck_assert_int_eq(luns[i].target_id, 0);
		ck_assert_uint_eq(luns[i].lun, order[i]);
		ck_assert_str_eq(luns[i].block, i ? "sdb" : "");
		ck_assert_str_eq(luns[i].state, "running");
	}
	free(luns);
	fake_sysfs_remove_session(fs, 1, 3);
	ck_assert_int_eq(sysfs_list_luns(sysfs, 1, 3, &luns, &len), ISCSI_ERR_SYSFS_LOOKUP);
}
END_TEST

START_TEST(the_last_digit_of_a_lun_counts)
{
	static const uint64_t luns_made[] = { UINT64_MAX - 2, UINT64_MAX, UINT64_MAX - 1 };
	struct sysfs_lun *luns;
	char path[PATH_MAX];
	size_t len;

	fake_sysfs_add_session(fs, 1, 3, TARGET, "10.0.0.1", 3260);
	for (size_t i = 0; i < 3; i++) {
		(void)snprintf(path, sizeof(path), TARGET_3 "%d:%d:%d:%" PRIu64 "/state", INT_MAX,
			       INT_MAX, INT_MAX, luns_made[i]);
		fake_sysfs_set(fs, path, "running\n");
	}
	ck_assert(!sysfs_list_luns(sysfs, 1, 3, &luns, &len));
	ck_assert_uint_eq(len, 3);
	for (size_t i = 0; i < 3; i++)
		ck_assert_uint_eq(luns[i].lun, UINT64_MAX - 2 + i);
	free(luns);
}
END_TEST

/* Whatever is left of its folder. */
START_TEST(a_lun_that_goes_is_not_listed)
{
	struct sysfs_lun *luns;
	size_t len;

	fake_sysfs_add_session(fs, 1, 3, TARGET, "10.0.0.1", 3260);
	fake_sysfs_add_lun(fs, 1, 3, 7, "sda", "running");
	read_error = ENODEV;
	ck_assert(!sysfs_list_luns(sysfs, 1, 3, &luns, &len));
	ck_assert_uint_eq(len, 0);
	read_error = EIO;
	ck_assert(!sysfs_list_luns(sysfs, 1, 3, &luns, &len));
	ck_assert_uint_eq(len, 1);
	ck_assert_str_eq(luns->state, "");
	free(luns);
	fake_sysfs_set(fs, TARGET_3 "3:0:0:7/state", NULL);
	ck_assert(!sysfs_list_luns(sysfs, 1, 3, &luns, &len));
	ck_assert_uint_eq(len, 0);
}
END_TEST

START_TEST(luns_have_limits)
{
	static const char lun[] = "devices/platform/host3/session1/target3:0:0/"
				  "2147483647:2147483647:2147483647:18446744073709551615/";
	char disk[33], path[PATH_MAX];
	struct sysfs_lun *luns;
	size_t len;

	fake_sysfs_add_session(fs, 1, 3, TARGET, "10.0.0.1", 3260);
	memset(disk, 'd', sizeof(disk));
	for (size_t i = 31; i <= 32; i++) {	/* the last has no room */
		disk[i] = '\0';
		(void)snprintf(path, sizeof(path), "%sblock/%s/dev", lun, disk);
		fake_sysfs_set(fs, path, "8:0\n");
		(void)snprintf(path, sizeof(path), "%sstate", lun);
		fake_sysfs_set(fs, path, "running\n");
		ck_assert(!sysfs_list_luns(sysfs, 1, 3, &luns, &len));
		ck_assert_uint_eq(len, 1);
		ck_assert_int_eq(luns->host_no, INT_MAX);
		ck_assert_int_eq(luns->channel, INT_MAX);
		ck_assert_int_eq(luns->target_id, INT_MAX);
		ck_assert_uint_eq(luns->lun, UINT64_MAX);
		ck_assert_str_eq(luns->block, i == 31 ? disk : "");
		free(luns);
		(void)snprintf(path, sizeof(path), "%s/%sblock/%s/dev", fake_sysfs_root(fs), lun,
			       disk);
		ck_assert_int_eq(unlink(path), 0);
		*strrchr(path, '/') = '\0';
		ck_assert_int_eq(rmdir(path), 0);
		disk[i] = 'd';
	}
}
END_TEST

static const char *const no_luns[] = {
	"2147483648:0:0:1", "3:2147483648:0:1", "3:0:2147483648:1", "3:0:0", "3:0:0:1x", "power",
};

START_TEST(other_entries_are_no_luns)
{
	struct sysfs_session s;
	struct sysfs_lun *luns;
	char path[PATH_MAX];
	size_t len;

	fake_sysfs_add_session(fs, 1, 3, TARGET, "10.0.0.1", 3260);
	fake_sysfs_add_lun(fs, 1, 3, 1, NULL, "running");
	(void)snprintf(path, sizeof(path), "devices/platform/host3/session1/target3:0:0/%s/state",
		       no_luns[_i]);
	fake_sysfs_set(fs, path, "running\n");
	ck_assert(!sysfs_read_session(sysfs, 1, SYSFS_DETAIL_LIST, &s));
	ck_assert(!sysfs_list_luns(sysfs, 1, 3, &luns, &len));
	ck_assert_uint_eq(len, 1);
	free(luns);
}
END_TEST

START_TEST(hosts_are_read)
{
	struct sysfs_host host;
	char state[32];

	fake_sysfs_add_session(fs, 1, 3, TARGET, "10.0.0.1", 3260);
	fake_sysfs_set(fs, "class/iscsi_host/host3/netdev", "eth0\n");
	ck_assert(!sysfs_read_host(sysfs, 3, &host));
	ck_assert_str_eq(host.transport, "tcp");
	ck_assert_str_eq(host.state, "running");
	ck_assert_str_eq(host.ipaddress, "10.0.0.2");
	ck_assert_str_eq(host.netdev, "eth0");
	ck_assert_str_eq(host.hwaddress, "");
	ck_assert_int_eq(sysfs_read_host(sysfs, 4, &host), ISCSI_ERR_SYSFS_LOOKUP);
	sysfs_read_host_state(sysfs, 4, state, sizeof(state));
	ck_assert_str_eq(state, "");
	/* Drivers that aren't called "iscsi_..." name their transport. */
	fake_sysfs_set(fs, "class/scsi_host/host3/proc_name", "be2iscsi\n");
	ck_assert(!sysfs_read_host(sysfs, 3, &host));
	ck_assert_str_eq(host.transport, "be2iscsi");
	/* The longest name of a transport, and one that is too long. */
	fake_sysfs_set(fs, "class/scsi_host/host3/proc_name", "iscsi_a23456789012345\n");
	ck_assert(!sysfs_read_host(sysfs, 3, &host));
	ck_assert_str_eq(host.transport, "a23456789012345");
	fake_sysfs_set(fs, "class/scsi_host/host3/proc_name", "iscsi_a234567890123456\n");
	ck_assert(!sysfs_read_host(sysfs, 3, &host));
	ck_assert_str_eq(host.transport, "");
	ck_assert_int_eq(host.host_no, 3);
	fake_sysfs_set(fs, "class/iscsi_host/host3/initiatorname", "iqn.x\n");
	fake_sysfs_set(fs, "class/iscsi_host/host3/hwaddress", "00:11:22:aa:bb:cc\n");
	ck_assert(!sysfs_read_host(sysfs, 3, &host));
	ck_assert_str_eq(host.initiator, "iqn.x");
	ck_assert_str_eq(host.hwaddress, "00:11:22:aa:bb:cc");
}
END_TEST

START_TEST(a_lack_of_memory_is_told)
{
	unsigned int *sids = NULL;
	struct sysfs *other = NULL;
	struct sysfs_lun *luns = NULL;
	size_t len = 0;

	if (!alloc_can_fail)
		return;
	alloc_fail_nth(1);
	ck_assert_int_eq(sysfs_new("/", &other), ISCSI_ERR_NOMEM);
	ck_assert(alloc_fail_stop());
	ck_assert_ptr_null(other);
	for (unsigned int i = 1; i <= 2; i++) {
		fake_sysfs_add_session(fs, i, 3, TARGET, "10.0.0.1", 3260);
		fake_sysfs_add_lun(fs, 1, 3, i, NULL, "running");
	}
	for (unsigned long nth = 1; nth <= 2; nth++) {
		alloc_fail_nth(nth);
		ck_assert_int_eq(sysfs_list_sessions(sysfs, &sids, &len), ISCSI_ERR_NOMEM);
		ck_assert(alloc_fail_stop());
		alloc_fail_nth(nth);
		ck_assert_int_eq(sysfs_list_luns(sysfs, 1, 3, &luns, &len), ISCSI_ERR_NOMEM);
		ck_assert(alloc_fail_stop());
	}
	ck_assert(!sids && !luns && !len);
}
END_TEST

START_TEST(single_values_are_read)
{
	static const char *const no_transports[] = { "a/b", "/", ".", "..", ".tcp", "../x" };
	static const char *const no_handles[] = {
		"", "x\n", "-1\n", " 1\n", "1x\n", "18446744073709551616\n",
	};
	struct iscsi_why why = { "" };
	uint64_t handle;
	uint32_t sn;
	char text[64], tiny[4];

	ck_assert(!sysfs_read_transport_handle(sysfs, "tcp", &handle, &why));
	ck_assert_uint_eq(handle, 18446744072635812000u);
	ck_assert_int_eq(sysfs_read_transport_handle(sysfs, "iser", &handle, &why),
			 ISCSI_ERR_TRANS_NOT_FOUND);
	ck_assert_str_eq(why.text, "the kernel has no transport 'iser' (No such file or directory); "
				   "is its module loaded?");
	for (size_t i = 0; i < ARRAY_SIZE(no_transports); i++) {
		ck_assert_int_eq(sysfs_read_transport_handle(sysfs, no_transports[i], &handle, &why),
				 ISCSI_ERR_TRANS_NOT_FOUND);
		ck_assert_ptr_eq(strstr(why.text, "no transport is called"), why.text);
	}
	for (size_t i = 0; i < ARRAY_SIZE(no_handles); i++) {
		fake_sysfs_set(fs, "class/iscsi_transport/iser/handle", no_handles[i]);
		ck_assert_int_eq(sysfs_read_transport_handle(sysfs, "iser", &handle, &why),
				 ISCSI_ERR_TRANS_NOT_FOUND);
	}

	ck_assert_int_eq(sysfs_read_exp_stat_sn(sysfs, 1, &sn), ISCSI_ERR_SYSFS_LOOKUP);
	fake_sysfs_add_session(fs, 1, 0, TARGET, "10.0.0.1", 3260);
	ck_assert(!sysfs_read_exp_stat_sn(sysfs, 1, &sn));
	ck_assert_uint_eq(sn, 2118021389u);
	fake_sysfs_set(fs, CONN "exp_statsn", "4294967295\n");
	ck_assert(!sysfs_read_exp_stat_sn(sysfs, 1, &sn));
	ck_assert_uint_eq(sn, UINT32_MAX);
	fake_sysfs_set(fs, CONN "exp_statsn", "4294967296\n");
	ck_assert_int_eq(sysfs_read_exp_stat_sn(sysfs, 1, &sn), ISCSI_ERR_SYSFS_LOOKUP);

	ck_assert(sysfs_read_class_version(sysfs, text, sizeof(text)));
	ck_assert_str_eq(text, "2.0-870");
	ck_assert(!sysfs_read_class_version(sysfs, tiny, sizeof(tiny)));
	fake_sysfs_set(fs, "module/scsi_transport_iscsi/version", "\n");
	ck_assert(!sysfs_read_class_version(sysfs, text, sizeof(text)));
	fake_sysfs_set(fs, "module/scsi_transport_iscsi/version", NULL);
	ck_assert(!sysfs_read_class_version(sysfs, text, sizeof(text)));
}
END_TEST

START_TEST(network_devices_are_found)
{
	char ib[] = "80:00:02:08:fe:80:00:00:00:00:00:00:e4:1d:2d:03:00:5f:12:a1", text[5];

	ck_assert(!sysfs_find_netdev(sysfs, "00:11:22:aa:bb:cc", text, sizeof(text)));
	fake_sysfs_set(fs, "class/net/bonding_masters", "\n");
	fake_sysfs_set(fs, "class/net/lo/address", "00:00:00:00:00:00\n");
	fake_sysfs_set(fs, "class/net/eth1/address", "00:11:22:aa:bb:cc\n");
	fake_sysfs_set(fs, "class/net/ib0/address", ib);
	ck_assert(sysfs_find_netdev(sysfs, "00:11:22:AA:bb:cc", text, sizeof(text)));
	ck_assert_str_eq(text, "eth1");
	ck_assert(!sysfs_find_netdev(sysfs, "00:11:22:AA:bb:cc", text, sizeof(text) - 1));
	ck_assert(sysfs_find_netdev(sysfs, ib, text, sizeof(text)));
	ck_assert_str_eq(text, "ib0");
	ck_assert(!sysfs_find_netdev(sysfs, "", text, sizeof(text)));
	/* A bond has the address of its ports, and the kernel lists them in any order. */
	fake_sysfs_set(fs, "class/net/eth1/master/address", "00:11:22:aa:bb:cc\n");
	ck_assert(sysfs_find_netdev(sysfs, "00:11:22:AA:bb:cc", text, sizeof(text)));
	ck_assert_str_eq(text, "eth1");
	for (int i = 0; i < 8; i++) {
		char path[64];

		if (i == 4)
			fake_sysfs_set(fs, "class/net/bnd0/address", "00:11:22:aa:bb:cc\n");
		(void)snprintf(path, sizeof(path), "class/net/p%d/address", i);
		fake_sysfs_set(fs, path, "00:11:22:aa:bb:cc\n");
		(void)snprintf(path, sizeof(path), "class/net/p%d/master/address", i);
		fake_sysfs_set(fs, path, "00:11:22:aa:bb:cc\n");
	}
	ck_assert(sysfs_find_netdev(sysfs, "00:11:22:AA:bb:cc", text, sizeof(text)));
	ck_assert_str_eq(text, "bnd0");
}
END_TEST

static bool is_named(void *arg, const char *name)
{
	return strcmp(arg, name) == 0;
}

START_TEST(folders_are_searched)
{
	char name[4];

	fake_sysfs_set(fs, "class/block/sda/holders/dm-1/dev", "");
	fake_sysfs_set(fs, "class/block/sda/holders/dm-2/dev", "");
	fake_sysfs_set(fs, "class/block/sda/slaves/dm-10/dev", "");
	fake_sysfs_set(fs, "class/block/sda/empty/x", "");
	fake_sysfs_set(fs, "class/block/sda/empty/x", NULL);
	ck_assert(sysfs_any_entry(sysfs, "class/block/sda/holders", is_named, "dm-1"));
	ck_assert(sysfs_any_entry(sysfs, "class/block/sda/holders", is_named, "dm-2"));
	ck_assert(!sysfs_any_entry(sysfs, "class/block/sda/holders", is_named, "dm-3"));
	ck_assert(!sysfs_any_entry(sysfs, "class/block/sda/holders", is_named, "."));
	ck_assert(!sysfs_any_entry(sysfs, "class/block/sdb/holders", is_named, "dm-1"));
	ck_assert(sysfs_first_entry(sysfs, "class/block/sda/slaves", name, sizeof(name)));
	ck_assert_str_eq(name, "dm-");
	ck_assert(!sysfs_first_entry(sysfs, "class/block/sda/empty", name, sizeof(name)));
}
END_TEST

START_TEST(errors_of_the_kernel_are_passed_on)
{
	struct iscsi_why why;
	uint64_t handle;
	char text[64];

	fake_sysfs_add_session(fs, 1, 0, TARGET, "10.0.0.1", 3260);
	open_errors[0] = EINTR;
	read_error = EINTR;
	ck_assert_int_eq(sysfs_read_text(sysfs, CONN "state", text, sizeof(text)), 0);
	ck_assert_str_eq(text, "up");
	open_errors[0] = EIO;
	ck_assert_int_eq(sysfs_read_text(sysfs, CONN "state", text, sizeof(text)), -EIO);
	read_error = ENODEV;
	ck_assert_int_eq(sysfs_read_text(sysfs, CONN "state", text, sizeof(text)), -ENODEV);
	ck_assert_str_eq(text, "");
	for (int error = EPERM; error <= EACCES; error += EACCES - EPERM) {
		open_errors[0] = error;
		ck_assert_int_eq(sysfs_read_transport_handle(sysfs, "tcp", &handle, &why),
				 ISCSI_ERR_ACCESS);
		ck_assert_ptr_nonnull(strstr(why.text, strerror(error)));
	}
	write_error = EINTR;
	ck_assert_int_eq(sysfs_write(sysfs, CONN "state", "down"), 0);
	ck_assert_str_eq(fake_sysfs_get(fs, CONN "state"), "down");
	write_error = EBUSY;
	ck_assert_int_eq(sysfs_write(sysfs, CONN "state", "up"), -EBUSY);
	write_error = -1;
	ck_assert_int_eq(sysfs_write(sysfs, CONN "state", "up"), -EIO);
}
END_TEST

/* What is read into 8 bytes. */
static const struct {
	const char *content;		/* NULL: there is no file */
	int result;
	const char *text;
} contents[] = {
	{ "", 0, "" }, { "\n", 0, "" }, { "a", 0, "a" }, { "seven77\n", 0, "seven77" },
	{ "eight888\n", -EOVERFLOW, "" }, { "first\nsecond\n", 0, "first" },
	{ "(null)\n", 0, "" }, { "<NULL>", 0, "" }, { " x ", 0, " x " }, { NULL, -ENOENT, "" },
};

START_TEST(a_text_is_the_first_line)
{
	char text[8] = "before", path[PATH_MAX + 1];

	if (contents[_i].content)
		fake_sysfs_set(fs, "firmware/x", contents[_i].content);
	ck_assert_int_eq(sysfs_read_text(sysfs, "firmware/x", text, sizeof(text)),
			 contents[_i].result);
	ck_assert_str_eq(text, contents[_i].text);
	memset(path, 'p', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	ck_assert_int_eq(sysfs_read_text(sysfs, path, text, sizeof(text)), -ENAMETOOLONG);
	ck_assert_int_eq(sysfs_read_text(sysfs, path + 1, text, sizeof(text)), -ENAMETOOLONG);
}
END_TEST

START_TEST(files_are_written)
{
	fake_sysfs_add_session(fs, 1, 0, TARGET, "10.0.0.1", 3260);
	ck_assert_int_eq(sysfs_write(sysfs, "class/scsi_host/host0/scan", "- - -"), 0);
	ck_assert_str_eq(fake_sysfs_get(fs, "class/scsi_host/host0/scan"), "- - -");
	ck_assert_int_eq(sysfs_write(sysfs, "/class/scsi_host/host0/scan", "0 0 1"), 0);
	ck_assert_int_eq(sysfs_write(sysfs, "class/scsi_host/host9/scan", "- - -"), -ENOENT);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("sysfs");
	TCase *t = tcase_create("sysfs");
	SRunner *runner = srunner_create(s);
	int failed;

	suite_add_tcase(s, t);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, root_must_be_there);
	tcase_add_test(t, sessions_are_listed_in_order);
	tcase_add_test(t, numbers_have_32_bits);
	tcase_add_test(t, many_sessions_are_listed);
	tcase_add_test(t, session_is_read_whole);
	tcase_add_test(t, detail_bounds_what_is_read);
	tcase_add_loop_test(t, numbers_are_total, 0, (int)ARRAY_SIZE(numbers));
	tcase_add_test(t, texts_are_bounded);
	tcase_add_test(t, attributes_are_optional);
	tcase_add_test(t, sessions_vanish);
	tcase_add_test(t, session_vanishes_while_it_is_read);
	tcase_add_test(t, states_are_read_anew);
	tcase_add_test(t, half_made_session_is_read);
	tcase_add_test(t, scans_write_to_the_host);
	tcase_add_test(t, known_luns_are_read_anew);
	tcase_add_test(t, a_host_elsewhere_is_found_by_its_class);
	tcase_add_loop_test(t, disks_that_come_are_not_ready, 0, ARRAY_SIZE(disks));
	tcase_add_test(t, luns_are_listed_by_name);
	tcase_add_test(t, the_last_digit_of_a_lun_counts);
	tcase_add_test(t, a_lun_that_goes_is_not_listed);
	tcase_add_test(t, luns_have_limits);
	tcase_add_loop_test(t, other_entries_are_no_luns, 0, ARRAY_SIZE(no_luns));
	tcase_add_test(t, hosts_are_read);
	tcase_add_test(t, a_lack_of_memory_is_told);
	tcase_add_test(t, single_values_are_read);
	tcase_add_test(t, network_devices_are_found);
	tcase_add_test(t, folders_are_searched);
	tcase_add_test(t, errors_of_the_kernel_are_passed_on);
	tcase_add_loop_test(t, a_text_is_the_first_line, 0, (int)ARRAY_SIZE(contents));
	tcase_add_test(t, files_are_written);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
