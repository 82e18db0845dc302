/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Connections that are bound to an address or a network device of this host, in the whole daemon
 * (test/fake/daemon.h): where they leave from, and what happens while the host lacks either.
 */
#include <arpa/inet.h>
#include <check.h>

#include "iscsid/session_private.h"
#include "libiscsi-db/path.h"
#include "libiscsi-db/util.h"
#include "test/unit/daemon_fixture.h"

#define OTHER_ADDRESS	"127.0.0.2"
#define MAC		"02:00:00:00:00:07"

static enum iscsi_err log_in(uint32_t flags, const char *key, const char *value)
{
	CLEANUP(freep) char *record = fake_node_text((const char *[]){ key, value, NULL });

	return fake_client_ask(&client, &(struct mgmt_request){
		.type = MGMT_LOGIN, .tag = 3, .flags = flags, .record = record });
}

static enum iscsi_err discover(const char *iface)
{
	CLEANUP(freep) char *record = fake_discovery_text(false, NULL);

	return fake_client_ask(&client, &(struct mgmt_request){
		.type = MGMT_DISCOVER, .tag = 3, .record = record, .iface = iface });
}

START_TEST(a_session_leaves_from_its_address)
{
	ck_assert_int_eq(log_in(0, "iface.ipaddress", OTHER_ADDRESS), ISCSI_SUCCESS);
	ck_assert_uint_eq(d->target.from, ntohl(inet_addr(OTHER_ADDRESS)));
	fake_target_hang_up(&d->target);
	d->target.from = 0;
	fake_daemon_wait(10000);
	ck_assert(d->kernel.session[1].up);
	ck_assert_uint_eq(d->target.from, ntohl(inet_addr(OTHER_ADDRESS)));
}
END_TEST

static const struct {
	const char *key, *value;
	enum iscsi_err err;
	const char *why;
} missing[] = {
	{ "iface.ipaddress", "192.0.2.77", ISCSI_ERR_TRANS, "this host has no address 192.0.2.77" },
	{ "iface.ipaddress", "fe80::1%no-such", ISCSI_ERR_TRANS,
	  "this host has no address fe80::1%no-such" },
	{ "iface.ipaddress", "myself", ISCSI_ERR_INVAL,
	  "iface.ipaddress is 'myself', which is no IP address" },
	{ "iface.net_ifacename", "no-such", ISCSI_ERR_TRANS,
	  "this host has no network device no-such" },
	{ "iface.hwaddress", MAC, ISCSI_ERR_TRANS,
	  "this host has no network device with the hardware address " MAC },
};

/* No time passes. */
START_TEST(a_login_without_its_device_fails_at_once)
{
	ck_assert_int_eq(log_in(0, missing[_i].key, missing[_i].value), missing[_i].err);
	ck_assert_str_eq(client.reply.why, missing[_i].why);
	ck_assert_uint_eq(d->target.accepted, 0);
	fake_daemon_settle();
	ck_assert_str_eq(d->kernel.log, "");
}
END_TEST

START_TEST(a_discovery_without_its_device_fails_at_once)
{
	CLEANUP(freep) char *iface = db_format("iface.iscsi_ifacename = i\n%s = %s\n",
					       missing[_i].key, missing[_i].value);

	ck_assert_int_eq(discover(iface), missing[_i].err);
	ck_assert_ptr_nonnull(strstr(client.reply.why, missing[_i].why));
	ck_assert_uint_eq(d->target.accepted, 0);
}
END_TEST

START_TEST(a_discovery_leaves_from_its_address)
{
	ck_assert_int_eq(discover("iface.iscsi_ifacename = i\n"
				  "iface.ipaddress = " OTHER_ADDRESS "\n"), ISCSI_SUCCESS);
	ck_assert_uint_eq(d->target.from, ntohl(inet_addr(OTHER_ADDRESS)));
}
END_TEST

START_TEST(a_wanted_login_waits_for_its_device)
{
	fake_sysfs_set(d->fs, "class/net/eth0/address", "02:00:00:00:00:01\n");
	ck_assert_int_eq(log_in(MGMT_WANTED | MGMT_NO_WAIT, "iface.hwaddress", MAC),
			 ISCSI_SUCCESS);
	fake_client_close(&client);
	fake_daemon_wait(600000);
	ck_assert_uint_eq(d->target.accepted, 0);
	fake_sysfs_set(d->fs, "class/net/lo/address", MAC "\n");
	fake_daemon_wait(60000);
	fake_client_open(&client);
	ck_assert(d->kernel.session[1].up);
}
END_TEST

/* A daemon that restarts before its sessions' network is there takes them over all the same. */
START_TEST(a_lost_session_waits_for_its_device)
{
	fake_sysfs_set(d->fs, "class/net/lo/address", MAC "\n");
	ck_assert_int_eq(log_in(0, "iface.hwaddress", MAC), ISCSI_SUCCESS);
	fake_client_close(&client);
	fake_daemon_stop();
	fake_sysfs_set(d->fs, "class/iscsi_connection/connection1:0/state", "failed\n");
	fake_sysfs_set(d->fs, "class/iscsi_session/session1/state", "FAILED\n");
	fake_sysfs_set(d->fs, "class/net/lo/address", "00:00:00:00:00:00\n");
	fake_daemon_start();
	fake_daemon_wait(60000);
	ck_assert(d->kernel.session[1].exists);
	ck_assert_uint_eq(d->target.accepted, 1);
	fake_sysfs_set(d->fs, "class/net/lo/address", MAC "\n");
	fake_daemon_wait(60000);
	fake_client_open(&client);
	ck_assert(d->kernel.session[1].up);
}
END_TEST

/* A card that is renamed, or plugged in anew, keeps its hardware address alone. */
START_TEST(a_device_is_found_under_its_new_name)
{
	struct session *session;

	fake_sysfs_set(d->fs, "class/net/lo/address", MAC "\n");
	ck_assert_int_eq(log_in(0, "iface.hwaddress", MAC), ISCSI_SUCCESS);
	session = manager_find(d->manager, 1);
	strcpy(session->config->source.netdev, "oldname");
	fake_target_hang_up(&d->target);
	fake_daemon_wait(10000);
	ck_assert(d->kernel.session[1].up);
	ck_assert_uint_eq(d->target.logins, 2);
	ck_assert_str_eq(session->config->source.netdev, "lo");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("bind");
	TCase *t = tcase_create("bind");
	SRunner *runner = srunner_create(s);
	int failed;

	suite_add_tcase(s, t);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, a_session_leaves_from_its_address);
	tcase_add_loop_test(t, a_login_without_its_device_fails_at_once, 0, ARRAY_SIZE(missing));
	tcase_add_loop_test(t, a_discovery_without_its_device_fails_at_once, 0,
			    ARRAY_SIZE(missing));
	tcase_add_test(t, a_discovery_leaves_from_its_address);
	tcase_add_test(t, a_wanted_login_waits_for_its_device);
	tcase_add_test(t, a_lost_session_waits_for_its_device);
	tcase_add_test(t, a_device_is_found_under_its_new_name);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
