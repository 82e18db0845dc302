/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Logins and logouts against a daemon that answers by the target's name and in reverse order:
 * which lines are said on which stream, and which exit status comes of several results.
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <check.h>

#include "iscsiadm/logins.h"
#include "libiscsi-db/util.h"
#include "test/fake/sysfs.h"
#include "test/unit/capture.h"

#define REQUESTS_MAX	16

static struct fake_sysfs *fs;
static struct adm adm;
static struct adm_records records;
static char path[64];
static int listener, client_fd = -1;
static pthread_t thread;
static bool threaded;

/* ---- the daemon ------------------------------------------------------------------------ */

static int expected;			/* requests to wait for */
static struct mgmt_request seen[REQUESTS_MAX];
static char *bodies[REQUESTS_MAX];

static bool recv_request(int fd, int i)
{
	uint8_t header[MGMT_HEADER_LEN];
	uint32_t len;
	uint16_t type;

	if (recv(fd, header, sizeof(header), MSG_WAITALL) != sizeof(header) ||
	    mgmt_msg_header(header, &type, &len, NULL) != ISCSI_SUCCESS)
		return false;
	bodies[i] = malloc(len + 1);
	return bodies[i] && recv(fd, bodies[i], len, MSG_WAITALL) == (ssize_t)len &&
	       mgmt_msg_parse_request(type, (uint8_t *)bodies[i], len, &seen[i], NULL) ==
	       ISCSI_SUCCESS;
}

static void answer(int fd, const struct mgmt_request *req)
{
	struct mgmt_reply reply = { .type = MGMT_RESULT, .tag = req->tag, .why = "" };
	const char *text = req->record;
	uint8_t *data;
	size_t len;

	if (strstr(text, ":refused\n") || req->sid == 2) {
		reply.err = req->sid ? ISCSI_ERR_BUSY : ISCSI_ERR_LOGIN_AUTH_FAILED;
		reply.why = "it said no";
	} else if (strstr(text, ":gone\n") || req->sid == 3) {
		reply.err = ISCSI_ERR_TRANS_TIMEOUT;
	}
	data = mgmt_msg_build_reply(&reply, &len);
	(void)send(fd, data, len, MSG_NOSIGNAL);
	free(data);
}

static void greet(int fd)
{
	const struct mgmt_reply hello = { .type = MGMT_HELLO, .name = "test" };
	size_t len;
	uint8_t *data = mgmt_msg_build_reply(&hello, &len);

	(void)send(fd, data, len, MSG_NOSIGNAL);
	free(data);
}

static void *serve(void *arg)
{
	int fd = accept(listener, NULL, NULL), i;

	(void)arg;
	client_fd = fd;
	greet(fd);
	for (i = 0; i < expected; i++) {
		if (!recv_request(fd, i))
			return NULL;
	}
	while (i--)
		answer(fd, &seen[i]);
	return NULL;
}

static void start(int requests)
{
	expected = requests;
	ck_assert_int_eq(pthread_create(&thread, NULL, serve, NULL), 0);
	threaded = true;
}

static void setup(void)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };

	(void)signal(SIGPIPE, SIG_IGN);
	fs = fake_sysfs_new();
	ck_assert(!sysfs_new(fake_sysfs_root(fs), &adm.sysfs));
	(void)snprintf(path, sizeof(path), "/tmp/test-logins.%d", (int)getpid());
	(void)snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", path);
	(void)unlink(path);
	listener = socket(AF_UNIX, SOCK_STREAM, 0);
	ck_assert_int_eq(bind(listener, (struct sockaddr *)(void *)&sun, sizeof(sun)), 0);
	ck_assert_int_eq(listen(listener, 4), 0);
	ck_assert_int_eq(setenv("ISCSID_SOCKET", path, 1), 0);
}

static void teardown(void)
{
	int i;

	(void)said(0);
	(void)said(1);
	if (threaded)
		(void)pthread_join(thread, NULL);
	if (client_fd >= 0)
		(void)close(client_fd);
	(void)close(listener);
	(void)unlink(path);
	for (i = 0; i < REQUESTS_MAX; i++)
		free(bodies[i]);
	adm_records_done(&records);
	adm_done(&adm);
	fake_sysfs_free(fs);
}

static struct iscsi_db_record *add_record(const char *target)
{
	struct iscsi_db_record *rec;

	ck_assert(!iscsi_db_record_new(ISCSI_DB_NODE, &rec));
	ck_assert(!iscsi_db_record_set(rec, "node.name", target, NULL));
	ck_assert(!iscsi_db_record_set(rec, "node.conn[0].address", "10.0.0.1", NULL));
	ck_assert(!iscsi_db_record_set(rec, "node.conn[0].port", "3260", NULL));
	ck_assert(!adm_records_add(&records, rec));
	return rec;
}

static enum iscsi_err login(const struct login_how *how)
{
	static const struct login_how plain;
	enum iscsi_err err;

	capture();
	err = logins_run(&adm, records.list, records.len, how ? how : &plain);
	(void)said(0);
	(void)said(1);
	return err;
}

#define NODE(t)	"[iface: default, target: iqn.a:" t ", portal: 10.0.0.1,3260]"

/* ---- tests ----------------------------------------------------------------------------- */

START_TEST(login_succeeds)
{
	add_record("iqn.a:one");
	add_record("iqn.a:two");
	start(2);
	ck_assert_int_eq(login(NULL), ISCSI_SUCCESS);
	ck_assert_str_eq(said(0), "Logging in to " NODE("one") "\nLogging in to " NODE("two") "\n"
			 "Login to " NODE("two") " successful.\n"
			 "Login to " NODE("one") " successful.\n");
	ck_assert_str_eq(said(1), "");
	ck_assert_uint_eq(seen[0].flags, 0);
	/* The record goes whole. */
	ck_assert_ptr_nonnull(strstr(seen[0].record, "node.name = iqn.a:one\n"));
	ck_assert_ptr_nonnull(strstr(seen[0].record, "node.conn[0].address = 10.0.0.1\n"));
}
END_TEST

START_TEST(first_failure_counts)
{
	add_record("iqn.a:ok");
	add_record("iqn.a:refused");
	add_record("iqn.a:gone");
	start(3);
	/* Though the last was answered first. */
	ck_assert_int_eq(login(NULL), ISCSI_ERR_LOGIN_AUTH_FAILED);
	ck_assert_str_eq(said(1),
		"iscsiadm: Could not login to " NODE("gone") ".\n"
		"iscsiadm: initiator reported error (8 - connection timed out)\n"
		"iscsiadm: iqn.a:refused 10.0.0.1,3260: it said no\n"
		"iscsiadm: Could not login to " NODE("refused") ".\n"
		"iscsiadm: initiator reported error (24 - iSCSI login failed due to "
		"authorization failure)\n"
		"iscsiadm: Could not log into all portals\n");
}
END_TEST

START_TEST(present_comes_first)
{
	fake_sysfs_add_session(fs, 1, 0, "iqn.a:ok", "10.0.0.1", 3260);
	add_record("iqn.a:refused");
	add_record("iqn.a:ok");
	start(1);
	ck_assert_int_eq(login(NULL), ISCSI_ERR_SESS_EXISTS);
	ck_assert_str_eq(said(0), "Logging in to " NODE("refused") "\n");
	ck_assert_ptr_nonnull(strstr(said(1), "iscsiadm: default: 1 session requested, "
				     "but 1 already present.\n"));
	ck_assert_ptr_nonnull(strstr(said(1), "Could not log into all portals\n"));
}
END_TEST

START_TEST(missing_sessions_are_made)
{
	struct iscsi_db_record *rec = add_record("iqn.a:ok");

	ck_assert(!iscsi_db_record_set(rec, "node.session.nr_sessions", "3", NULL));
	fake_sysfs_add_session(fs, 1, 0, "iqn.a:ok", "10.0.0.1", 3260);
	start(2);
	ck_assert_int_eq(login(NULL), ISCSI_SUCCESS);
	ck_assert_str_eq(said(0), "Logging in to " NODE("ok") " (multiple)\n"
			 "Logging in to " NODE("ok") " (multiple)\n"
			 "Login to " NODE("ok") " successful.\n"
			 "Login to " NODE("ok") " successful.\n");
	/* Not "one more, however many there are": another iscsiadm may be asking as well. */
	ck_assert_uint_eq(seen[1].flags, 0);
}
END_TEST

START_TEST(many_present_are_plural)
{
	struct iscsi_db_record *rec = add_record("iqn.a:ok");

	ck_assert(!iscsi_db_record_set(rec, "node.session.nr_sessions", "2", NULL));
	fake_sysfs_add_session(fs, 1, 0, "iqn.a:ok", "10.0.0.1", 3260);
	fake_sysfs_add_session(fs, 2, 1, "iqn.a:ok", "10.0.0.1", 3260);
	ck_assert_int_eq(login(NULL), ISCSI_ERR_SESS_EXISTS);
	ck_assert_str_eq(said(1), "iscsiadm: default: 2 sessions requested, but 2 already "
			 "present.\niscsiadm: Could not log into all portals\n");
	ck_assert_str_eq(said(0), "");
}
END_TEST

START_TEST(login_without_waiting)
{
	const struct login_how how = { .no_wait = true, .another = true };

	fake_sysfs_add_session(fs, 1, 0, "iqn.a:ok", "10.0.0.1", 3260);
	add_record("iqn.a:ok");
	start(1);
	ck_assert_int_eq(login(&how), ISCSI_SUCCESS);
	ck_assert_str_eq(said(0), "Logging in to " NODE("ok") " (multiple)\n");
	ck_assert_uint_eq(seen[0].flags, MGMT_ANOTHER | MGMT_NO_WAIT | MGMT_WANTED);
}
END_TEST

START_TEST(quiet_end)
{
	const struct login_how how = { .quiet_end = true };

	add_record("iqn.a:gone");
	start(1);
	ck_assert_int_eq(login(&how), ISCSI_ERR_TRANS_TIMEOUT);
	ck_assert_ptr_null(strstr(said(1), "all portals"));
}
END_TEST

START_TEST(no_daemon)
{
	(void)close(listener);
	(void)unlink(path);
	ck_assert(!iscsi_db_config_read("/nonexistent", NULL, NULL, &adm.config, NULL));
	add_record("iqn.a:ok");
	ck_assert_int_eq(login(NULL), ISCSI_ERR_ISCSID_NOTCONN);
	ck_assert_ptr_nonnull(strstr(said(1),
		"iscsiadm: can not connect to iSCSI daemon (111)!\n"
		"iscsiadm: Could not login to " NODE("ok") ".\n"
		"iscsiadm: initiator reported error (20 - could not connect to iscsid)\n"
		"iscsiadm: Could not log into all portals\n"));
}
END_TEST

static enum iscsi_err logout(void)
{
	const struct sysfs_session *list[8];
	enum iscsi_err err;
	size_t i, n;

	ck_assert(!adm_need_sessions(&adm));
	n = snapshot_count(adm.sessions);
	for (i = 0; i < n; i++)
		list[i] = snapshot_get(adm.sessions, i);
	capture();
	err = logouts_run(&adm, list, n);
	(void)said(0);
	(void)said(1);
	return err;
}

#define SESSION(n)	"[sid: " #n ", target: iqn.a:s" #n ", portal: 10.0.0.1,3261]"

START_TEST(logouts)
{
	fake_sysfs_add_session(fs, 1, 0, "iqn.a:s1", "10.0.0.1", 3260);
	fake_sysfs_add_session(fs, 2, 1, "iqn.a:s2", "10.0.0.1", 3260);
	fake_sysfs_add_session(fs, 3, 2, "iqn.a:s3", "10.0.0.1", 3260);
	fake_sysfs_add_session(fs, 4, 3, "iqn.a:s4", "10.0.0.1", 3260);
	/* Redirected: the current port is another. */
	fake_sysfs_set(fs, "class/iscsi_connection/connection1:0/port", "3261\n");
	fake_sysfs_set(fs, "class/iscsi_connection/connection2:0/port", "3261\n");
	fake_sysfs_set(fs, "class/iscsi_connection/connection3:0/port", "3261\n");
	fake_sysfs_set(fs, "class/iscsi_connection/connection4:0/port", "3261\n");
	start(4);
	/* The last failure counts, here. */
	ck_assert_int_eq(logout(), ISCSI_ERR_TRANS_TIMEOUT);
	ck_assert_str_eq(said(0), "Logging out of session " SESSION(1) "\n"
			 "Logging out of session " SESSION(2) "\n"
			 "Logging out of session " SESSION(3) "\n"
			 "Logging out of session " SESSION(4) "\n"
			 "Logout of " SESSION(4) " successful.\n"
			 "Logout of " SESSION(1) " successful.\n");
	ck_assert_str_eq(said(1),
		"iscsiadm: Could not logout of " SESSION(3) ".\n"
		"iscsiadm: initiator reported error (8 - connection timed out)\n"
		"iscsiadm: session 2 iqn.a:s2: it said no\n"
		"iscsiadm: Could not logout of " SESSION(2) ".\n"
		"iscsiadm: initiator reported error (28 - device or resource in use)\n"
		"iscsiadm: Could not logout of all requested sessions\n");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("logins");
	TCase *t = tcase_create("logins");
	SRunner *runner = srunner_create(s);
	int failed;

	suite_add_tcase(s, t);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 120);
	tcase_add_test(t, login_succeeds);
	tcase_add_test(t, first_failure_counts);
	tcase_add_test(t, present_comes_first);
	tcase_add_test(t, missing_sessions_are_made);
	tcase_add_test(t, many_present_are_plural);
	tcase_add_test(t, login_without_waiting);
	tcase_add_test(t, quiet_end);
	tcase_add_test(t, no_daemon);
	tcase_add_test(t, logouts);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
