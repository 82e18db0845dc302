/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The document of --json: what stands in it, and that no text from outside breaks it. */
#include <json-c/json.h>
#include <sys/resource.h>

#include "iscsiadm/json.h"
#include "libiscsi-db/util.h"
#include "test/fake/sysfs.h"
#include "test/unit/capture.h"

#define HOSTILE	"iqn.a\x1b]0;x\x07\xff\"b"	/* an escape sequence, no UTF-8, a quote */

static struct json *json;
static struct json_object *document;

static void setup(void)
{
	capture();
	json = json_open();
	ck_assert_ptr_nonnull(json);
	puts("a line for people");
}

static void teardown(void)
{
	(void)json_object_put(document);
}

/* Ends the document and reads it back. */
static void finish(struct sysfs *sysfs, enum iscsi_err err)
{
	(void)fflush(stdout);
	ck_assert_int_eq(json_close(json, sysfs, err), 0);
	document = json_tokener_parse(said(0));
	ck_assert_ptr_nonnull(document);
	ck_assert_ptr_null(strstr(said(0), "people"));
}

/* The member that a path of keys and numbers leads to, as JSON. */
static const char *at(const char *path)
{
	struct json_object *object = document;
	char copy[128], *save = NULL;

	(void)snprintf(copy, sizeof(copy), "%s", path);
	for (char *key = strtok_r(copy, "/", &save); key; key = strtok_r(NULL, "/", &save)) {
		if (json_object_is_type(object, json_type_array))
			object = json_object_array_get_idx(object, strtoul(key, NULL, 10));
		else
			ck_assert_msg(json_object_object_get_ex(object, key, &object), "no %s in %s",
				      key, path);
	}
	return json_object_to_json_string_ext(object, JSON_C_TO_STRING_NOSLASHESCAPE);
}

START_TEST(a_failure_has_name_and_words)
{
	json_message(json, "no " HOSTILE);
	finish(NULL, ISCSI_ERR_NO_OBJS_FOUND);
	ck_assert_str_eq(at("version"), "1");
	ck_assert_str_eq(at("result/code"), "21");
	ck_assert_str_eq(at("result/name"), "\"ISCSI_ERR_NO_OBJS_FOUND\"");
	ck_assert_str_eq(at("result/text"), "\"no objects found\"");
	ck_assert_str_eq(at("result/reason"), "null");
	ck_assert_str_eq(at("messages/0"), "\"no iqn.a\\\\x1b]0;x\\\\x07\\\\xff\\\"b\"");
	ck_assert_str_eq(at("sessions"), "[]");
	ck_assert_str_eq(at("logins"), "[]");
}
END_TEST

START_TEST(without_descriptors_there_is_no_document)
{
	int next = dup(1);
	struct rlimit limit;

	(void)close(next);
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	for (rlim_t room = 0; room < 2; room++) {	/* one for /dev/null, one for stdout */
		limit.rlim_cur = (rlim_t)next + room;
		ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
		ck_assert_ptr_null(json_open());
	}
	limit.rlim_cur = limit.rlim_max;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	finish(NULL, ISCSI_SUCCESS);
}
END_TEST

START_TEST(nothing_is_added_without_a_document)
{
	struct sysfs_host host = { .host_no = 1 };
	struct sysfs_session session;

	sysfs_session_unset(&session, 1);
	json_message(NULL, "x");
	json_target(NULL, "iqn.a", "10.0.0.1", 3260, 1, "default");
	json_host(NULL, &host);
	json_outcome(NULL, "logouts", &session, ISCSI_SUCCESS, "");
	json_counter(NULL, 1, "x", 1);
	finish(NULL, ISCSI_SUCCESS);
	ck_assert_str_eq(at("hosts"), "[]");
	ck_assert_str_eq(at("targets"), "[]");
}
END_TEST

START_TEST(a_record_is_shown_like_its_text)
{
	struct iscsi_db_record *rec;

	ck_assert(!iscsi_db_record_new(ISCSI_DB_NODE, &rec));
	ck_assert(!iscsi_db_record_set(rec, "node.name", "iqn.a", NULL));
	ck_assert(!iscsi_db_record_set(rec, "node.session.auth.password", "a = b", NULL));
	json_record(json, "nodes", rec, false);
	json_record(json, "nodes", rec, true);
	json_login(json, rec, 0, ISCSI_ERR_LOGIN, "the target is busy");
	json_target(json, "iqn.a", "fe80::1", 3260, ISCSI_TPGT_UNKNOWN, "default");
	iscsi_db_record_free(rec);
	finish(NULL, ISCSI_SUCCESS);
	ck_assert_str_eq(at("nodes/0/node.name"), "\"iqn.a\"");
	ck_assert_str_eq(at("nodes/0/node.session.auth.password"), "\"********\"");
	ck_assert_str_eq(at("nodes/1/node.session.auth.password"), "\"a = b\"");
	ck_assert_str_eq(at("nodes/0/iface.ipaddress"), "null");
	ck_assert_str_eq(at("logins/0/result/code"), "5");
	ck_assert_str_eq(at("logins/0/result/reason"), "\"the target is busy\"");
	ck_assert_str_eq(at("logins/0/sid"), "null");
	ck_assert_str_eq(at("logins/0/disks"), "[]");
	ck_assert_str_eq(at("targets/0/tpgt"), "null");
}
END_TEST

/* The number of the device below /proc, as if it were a disk's; it's mounted on each machine. */
static const char *device_of_proc(void)
{
	static char number[32];
	char line[1024], point[512];
	FILE *f = fopen("/proc/self/mountinfo", "r");

	ck_assert_ptr_nonnull(f);
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "%*s %*s %30s %*s %511s", number, point) == 2 &&
		    streq(point, "/proc"))
			break;
	fclose(f);
	ck_assert_str_eq(point, "/proc");
	return strcat(number, "\n");
}

START_TEST(a_session_has_what_the_text_has_not)
{
	struct show_daemon_state healthy = { .conn = MGMT_CONN_LOGGED_IN };
	struct show_daemon_state lost = {
		.conn = MGMT_CONN_FREE, .recovery = MGMT_RECOVERY_REOPEN, .down = true, .since = 86400,
		.outage = { 1500, 3, ISCSI_ERR_TRANS, { "refused" }, 0, SESSION_OUTAGE_NEVER },
	};
	struct fake_sysfs *fs = fake_sysfs_new();
	struct sysfs_session session;
	struct sysfs *sysfs;

	fake_sysfs_add_session(fs, 1, 3, HOSTILE, "10.0.0.1", 3260);
	fake_sysfs_add_session(fs, 2, 4, "iqn.b", "10.0.0.1", 3260);
	fake_sysfs_add_lun(fs, 1, 3, 7, "sdzz", "running");
	fake_sysfs_set(fs, "class/block/sdzz/size", "2048\n");
	fake_sysfs_add_lun(fs, 1, 3, 8, "sdzx", "running");
	fake_sysfs_set(fs, "class/block/sdzx/dev", device_of_proc());
	fake_sysfs_set(fs, "class/block/sdzx/size", "18014398509481983\n");
	fake_sysfs_add_lun(fs, 1, 3, 9, "sdzy", "running");
	fake_sysfs_set(fs, "class/block/sdzy/size", "18014398509481984\n");
	fake_sysfs_set(fs, "class/block/sdzz/device/wwid", "naa.6001\n");
	fake_sysfs_set(fs, "class/iscsi_session/session1/password", "secret\n");
	ck_assert(!sysfs_new(fake_sysfs_root(fs), &sysfs));
	ck_assert(!sysfs_read_session(sysfs, 1, SYSFS_DETAIL_ALL, &session));
	json_session(json, sysfs, &session, &healthy, false);
	ck_assert(!sysfs_read_session(sysfs, 2, SYSFS_DETAIL_ALL, &session));
	json_session(json, sysfs, &session, &lost, true);
	json_counter(json, 2, "txdata_octets", UINT64_MAX);
	json_counter(json, 1, "txdata_octets", 5);
	json_counter(json, 3, "txdata_octets", 6);	/* a session that isn't listed */
	json_outcome(json, "rescans", &session, ISCSI_SUCCESS, "");
	finish(sysfs, ISCSI_SUCCESS);
	sysfs_free(sysfs);
	fake_sysfs_free(fs);
	ck_assert_str_eq(at("sessions/0/targetname"), "\"iqn.a\\\\x1b]0;x\\\\x07\\\\xff\\\"b\"");
	ck_assert_str_eq(at("sessions/0/down"), "null");
	ck_assert_ptr_null(strstr(said(0), "secret"));
	ck_assert_str_eq(at("sessions/0/disks/0/lun"), "7");
	ck_assert_str_eq(at("sessions/0/disks/0/size"), "1048576");
	ck_assert_str_eq(at("sessions/0/disks/0/mounts"), "[]");
	ck_assert_str_eq(at("sessions/0/disks/1/mounts/0/device"), "\"sdzx\"");
	ck_assert_str_eq(at("sessions/0/disks/1/mounts/0/mount_point"), "\"/proc\"");
	ck_assert_str_eq(at("sessions/0/disks/1/size"), "9223372036854775296");
	ck_assert_str_eq(at("sessions/0/disks/2/size"), "null");
	ck_assert_str_eq(at("sessions/0/disks/0/wwid"), "\"naa.6001\"");
	ck_assert_str_eq(at("sessions/0/counters/txdata_octets"), "5");
	ck_assert_str_eq(at("sessions/1/counters/txdata_octets"), "18446744073709551615");
	ck_assert_str_eq(at("sessions/1/password"), "null");
	ck_assert_str_eq(at("sessions/1/connection_state"), "\"FREE\"");
	ck_assert_str_eq(at("sessions/1/down/since"), "\"1970-01-02T00:00:00Z\"");
	ck_assert_str_eq(at("sessions/1/down/seconds"), "1.5");
	ck_assert_str_eq(at("sessions/1/down/attempts"), "3");
	ck_assert_str_eq(at("sessions/1/down/result/reason"), "\"refused\"");
	ck_assert_str_eq(at("sessions/1/down/next_attempt_in"), "0.0");
	ck_assert_str_eq(at("sessions/1/down/io_fails_in"), "null");
	ck_assert_str_eq(at("rescans/0/disks"), "[]");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("json");
	TCase *t = tcase_create("document");
	SRunner *runner = srunner_create(s);
	int failed;

	suite_add_tcase(s, t);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, a_failure_has_name_and_words);
	tcase_add_test(t, without_descriptors_there_is_no_document);
	tcase_add_test(t, nothing_is_added_without_a_document);
	tcase_add_test(t, a_record_is_shown_like_its_text);
	tcase_add_test(t, a_session_has_what_the_text_has_not);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
