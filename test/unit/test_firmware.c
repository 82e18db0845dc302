/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Targets in the firmware's table, as the kernel shows it, and how they are printed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "iscsiadm/firmware.h"
#include "iscsiadm/show.h"
#include "libiscsi-db/util.h"
#include "test/fake/sysfs.h"

#define IBFT	"firmware/ibft/"

static struct fake_sysfs *fs;
static struct sysfs *sysfs;
static int nic_arg, skipped_nic = -1, skipped_max = -1;

static const char *const table[] = {
	"initiator/initiator-name", "iqn.2030-01.org.example:bootini\n",
	"ethernet0/index", "0\n", "ethernet0/flags", "3\n",
	"ethernet0/mac", "02:00:00:00:00:01\n", "ethernet0/origin", "0\n",
	"ethernet0/ip-addr", "10.1.1.2\n", "ethernet0/prefix-len", "24\n",
	"ethernet0/subnet-mask", "255.255.255.0", "ethernet0/gateway", "10.1.1.254\n",
	"ethernet0/primary-dns", "10.1.1.53\n", "ethernet0/vlan", "0\n",
	"target0/index", "0\n", "target0/flags", "3\n", "target0/nic-assoc", "0\n",
	"target0/target-name", "iqn.2030-01.org.example:tgt1\n",
	"target0/ip-addr", "10.1.1.5\n", "target0/port", "3260\n",
	"target0/chap-name", "buser\n", "target0/chap-secret", "bsecret12345\n",
	"target0/lun", "00000000\n", NULL,
};

static void setup(void)
{
	const char *const *p;
	char path[128];

	fs = fake_sysfs_new();
	ck_assert(!sysfs_new(fake_sysfs_root(fs), &sysfs));
	for (p = table; *p; p += 2) {
		(void)snprintf(path, sizeof(path), IBFT "%s", p[0]);
		fake_sysfs_set(fs, path, p[1]);
	}
}

static void teardown(void)
{
	sysfs_free(sysfs);
	fake_sysfs_free(fs);
}

static void on_no_nic(void *arg, int nic, int max_nic)
{
	ck_assert_ptr_eq(arg, &nic_arg);
	skipped_nic = nic;
	skipped_max = max_nic;
}

START_TEST(target_is_printed)
{
	struct firmware_target *list;
	size_t len, text_len;
	char *text;
	FILE *out;

	ck_assert(!firmware_read(sysfs, on_no_nic, &nic_arg, &list, &len));
	ck_assert_uint_eq(len, 1);
	out = open_memstream(&text, &text_len);
	show_firmware_target(out, &list[0]);
	fclose(out);
	ck_assert_str_eq(text,
			 "# BEGIN RECORD " ISCSI_VERSION "\n"
			 "iface.initiatorname = iqn.2030-01.org.example:bootini\n"
			 "iface.transport_name = tcp\n"
			 "iface.hwaddress = 02:00:00:00:00:01\n"
			 "iface.bootproto = STATIC\n"
			 "iface.ipaddress = 10.1.1.2\n"
			 "iface.prefix_len = 24\n"
			 "iface.subnet_mask = 255.255.255.0\n"
			 "iface.gateway = 10.1.1.254\n"
			 "iface.primary_dns = 10.1.1.53\n"
			 "iface.vlan_id = 0\n"
			 "node.name = iqn.2030-01.org.example:tgt1\n"
			 "node.conn[0].address = 10.1.1.5\n"
			 "node.conn[0].port = 3260\n"
			 "node.session.auth.username = buser\n"
			 "node.session.auth.password = bsecret12345\n"
			 "node.boot_lun = 00000000\n"
			 "# END RECORD\n");
	free(text);
	firmware_free(list, len);
}
END_TEST

START_TEST(cards_are_described)
{
	struct firmware_target *list;
	size_t len;

	fake_sysfs_set(fs, IBFT "ethernet0/origin", "3\n");
	fake_sysfs_set(fs, IBFT "ethernet0/secondary-dns", "10.1.1.54\n");
	fake_sysfs_set(fs, "class/net/eth7/address", "02:00:00:00:00:01\n");
	fake_sysfs_set(fs, IBFT "target0/port", "0\n");
	ck_assert(!firmware_read(sysfs, NULL, NULL, &list, &len));
	ck_assert(list[0].dhcp);
	ck_assert_str_eq(list[0].netdev, "eth7");
	ck_assert_int_eq(list[0].port, 3260);
	ck_assert_str_eq(list[0].secondary_dns, "10.1.1.54");
	firmware_free(list, len);
	fake_sysfs_set(fs, IBFT "ethernet0/origin", "0\n");
	fake_sysfs_set(fs, IBFT "ethernet0/dhcp", "0.0.0.0\n");
	fake_sysfs_set(fs, IBFT "ethernet0/device/net/eth1/address", "02:00:00:00:00:01\n");
	ck_assert(!firmware_read(sysfs, NULL, NULL, &list, &len));
	ck_assert(!list[0].dhcp);
	ck_assert_str_eq(list[0].netdev, "eth1");
	firmware_free(list, len);
}
END_TEST

START_TEST(unusable_targets_are_left_out)
{
	struct firmware_target *list;
	size_t len;

	fake_sysfs_set(fs, IBFT "target1/flags", "0\n");
	fake_sysfs_set(fs, IBFT "target2/flags", "1\n");
	fake_sysfs_set(fs, IBFT "target2/nic-assoc", "4\n");
	ck_assert(!firmware_read(sysfs, on_no_nic, &nic_arg, &list, &len));
	ck_assert_uint_eq(len, 1);
	ck_assert_int_eq(skipped_nic, 4);
	ck_assert_int_eq(skipped_max, 1);
	firmware_free(list, len);
	fake_sysfs_set(fs, IBFT "target0/flags", "0\n");
	ck_assert_int_eq(firmware_read(sysfs, NULL, NULL, &list, &len), ISCSI_ERR_NO_OBJS_FOUND);
}
END_TEST

/* What the table says of target0, and why no session can be made of it; NULL: one can. */
static const struct {
	const char *file, *text, *why;
	enum iscsi_err err;
} contents[] = {
	{ "target0/index", "0\n", NULL, 0 },
	{ "target0/target-name", "", "no target-name", ISCSI_ERR_INVAL },
	{ "target0/target-name", NULL, "no target-name", ISCSI_ERR_INVAL },
	{ "target0/target-name", "x\n", NULL, 0 },
	{ "target0/target-name", "../../etc/x\n", "'/' in it", ISCSI_ERR_INVAL },
	{ "target0/target-name", "iqn.a:with blank\n", "blank", ISCSI_ERR_INVAL },
	{ "target0/target-name", "iqn.a:\033[2J\n", "control characters", ISCSI_ERR_INVAL },
	{ "target0/ip-addr", NULL, "no ip-addr", ISCSI_ERR_INVAL },
	{ "target0/ip-addr", "0.0.0.0\n", "no ip-addr", ISCSI_ERR_INVAL },
	{ "target0/ip-addr", "../x\n", "'/' in it", ISCSI_ERR_INVAL },
	{ "target0/ip-addr", "fd00::5\n", NULL, 0 },
	{ "target0/ip-addr", "127.0.0.1\n", "this host's own address", ISCSI_ERR_INVAL },
	{ "target0/ip-addr", "169.254.169.254\n", "on one link alone", ISCSI_ERR_INVAL },
	{ "target0/ip-addr", "2130706433\n", "a number, not an address", ISCSI_ERR_INVAL },
	{ "target0/ip-addr", "1\n", "a number, not an address", ISCSI_ERR_INVAL },
	{ "target0/target-name", "iqn.a:$(id)\n", "RFC 3722", ISCSI_ERR_INVAL },
	{ "target0/chap-type", "1\n", NULL, 0 },
	{ "target0/chap-type", "2\n", "chap-type is 2, but it has no rev-chap-name",
	  ISCSI_ERR_INVAL },
	{ "target0/port", NULL, NULL, 0 },
	{ "target0/port", "0\n", NULL, 0 },
	{ "target0/port", "65535\n", NULL, 0 },
	{ "target0/port", "1\n", NULL, 0 },
	{ "target0/port", "-1\n", "no port: '-1'", ISCSI_ERR_INVAL },
	{ "target0/ip-addr", "::\n", "no ip-addr", ISCSI_ERR_INVAL },
	{ "target0/rev-chap-name-secret", "other-secret-1\n",
	  "of rev-chap-name and rev-chap-name-secret only one is set", ISCSI_ERR_INVAL },
	{ "target0/port", "65536\n", "no port: '65536'", ISCSI_ERR_INVAL },
	{ "target0/port", "x\n", "no port: 'x'", ISCSI_ERR_INVAL },
	{ "target0/port", "99999999999999999999\n", "no port: '99999999999999999999'",
	  ISCSI_ERR_INVAL },
	{ "target0/chap-name", NULL, "only one is set", ISCSI_ERR_INVAL },
	{ "target0/chap-secret", NULL, "only one is set", ISCSI_ERR_INVAL },
	{ "target0/chap-secret", "a\tb-and-some-more\n", "control characters", ISCSI_ERR_INVAL },
	{ "target0/rev-chap-name", "joe\n", "only one is set", ISCSI_ERR_INVAL },
	{ "initiator/initiator-name", NULL, NULL, 0 },
	{ "initiator/initiator-name", "/\n", "'/' in it", ISCSI_ERR_INVAL },
	{ "initiator/initiator-name", "iqn.a/b\n", "'/' in it", ISCSI_ERR_INVAL },
	{ "ethernet0/mac", "\001\n", NULL, 0 },
};

START_TEST(contents_are_checked)
{
	struct firmware_target *list;
	struct iscsi_why why = { "" };
	char path[128];
	size_t len;

	(void)snprintf(path, sizeof(path), IBFT "%s", contents[_i].file);
	fake_sysfs_set(fs, path, contents[_i].text);
	ck_assert(!firmware_read(sysfs, NULL, NULL, &list, &len));
	ck_assert_uint_eq(len, 1);
	ck_assert_str_eq(list[0].path, "firmware/ibft/target0");
	ck_assert_int_eq(firmware_check(&list[0], &why), contents[_i].err);
	if (contents[_i].why)
		ck_assert_msg(strstr(why.text, contents[_i].why) != NULL, "%s", why.text);
	ck_assert_ptr_null(strstr(why.text, "bsecret"));
	firmware_free(list, len);
}
END_TEST

/* Several files of the table, "FILE=TEXT" each, and what is read: "TARGET PORT DHCP NETDEV, ". */
static const struct {
	const char *files[5], *read;
} described[] = {
	{ { "target0/port=65535" }, "tgt1 65535 static -" },
	{ { "target0/port=1" }, "tgt1 1 static -" },
	{ { "target0/port=0" }, "tgt1 3260 static -" },
	{ { "target0/port=00000000000000003261" }, "tgt1 3261 static -" },
	{ { "target0/flags=-1" }, "" },
	{ { "target0/flags=65536" }, "" },
	{ { "target0/flags=65535" }, "tgt1 3260 static -" },
	{ { "target0/flags=x" }, "" },
	{ { "ethernet0/origin=2" }, "tgt1 3260 static -" },
	{ { "ethernet0/origin=3" }, "tgt1 3260 dhcp -" },
	{ { "ethernet0/origin=4" }, "tgt1 3260 static -" },
	{ { "ethernet0/dhcp=10.1.1.1" }, "tgt1 3260 dhcp -" },
	{ { "ethernet0/dhcp=1" }, "tgt1 3260 dhcp -" },
	{ { "ethernet0/dhcp=fd00:1111:2222:3333:4444:5555:6666:7777" }, "tgt1 3260 dhcp -" },
	{ { "target0/nic-assoc=1", "ethernet0/index=1" }, "tgt1 3260 static -" },
	{ { "target0/nic-assoc=0", "ethernet0/index=1" }, "" },
	{ { "target0/nic-assoc=2", "ethernet2/origin=3", "ethernet2/device/net/eth5/address=x" },
	  "tgt1 3260 dhcp eth5" },
	{ { "target0/nic-assoc=2", "ethernet2/index=0" }, "" },
	{ { "ethernet2/origin=3", "target1/flags=3", "target1/nic-assoc=2",
	    "target1/target-name=iqn.2030-01.org.example:tgt2" },
	  "tgt1 3260 static -, tgt2 3260 dhcp -" },
};

START_TEST(what_is_described_is_read)
{
	struct firmware_target *list = NULL;
	char path[128], text[256] = "";
	size_t len = 0;

	for (const char *const *p = described[_i].files; *p; p++) {
		(void)snprintf(path, sizeof(path), IBFT "%.*s", (int)strcspn(*p, "="), *p);
		fake_sysfs_set(fs, path, strchr(*p, '=') + 1);
	}
	ck_assert_int_eq(firmware_read(sysfs, NULL, NULL, &list, &len),
			 *described[_i].read ? ISCSI_SUCCESS : ISCSI_ERR_NO_OBJS_FOUND);
	for (size_t i = 0; i < len; i++)
		(void)snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s %d %s %s",
			       i ? ", " : "", strrchr(list[i].target, ':') + 1, list[i].port,
			       list[i].dhcp ? "dhcp" : "static",
			       *list[i].netdev ? list[i].netdev : "-");
	ck_assert_str_eq(text, described[_i].read);
	firmware_free(list, len);
}
END_TEST

/* What is wrong with a target's CHAP settings: name, secret, rev-name, rev-secret, type. */
static const struct {
	const char *values[5], *why;
} chaps[] = {
	{ { "", "", "", "", "0" }, "" },
	{ { "n", "s", "", "", "0" }, "" },
	{ { "n", "s", "", "", "1" }, "" },
	{ { "n", "s", "", "", "3" }, "" },
	{ { "n", "s", "rn", "rs", "2" }, "" },
	{ { "n", "s", "rn", "rs", "1" }, "" },
	{ { "n", "", "", "", "1" }, "of chap-name and chap-secret only one is set" },
	{ { "", "s", "", "", "1" }, "of chap-name and chap-secret only one is set" },
	{ { "n", "s", "rn", "", "2" },
	  "of rev-chap-name and rev-chap-name-secret only one is set" },
	{ { "n", "s", "", "rs", "2" },
	  "of rev-chap-name and rev-chap-name-secret only one is set" },
	{ { "", "", "rn", "rs", "2" }, "it has a rev-chap-name-secret, but no chap-secret" },
	{ { "", "", "", "", "1" }, "its chap-type is 1, but it has no chap-name" },
	{ { "n", "s", "", "", "2" }, "its chap-type is 2, but it has no rev-chap-name" },
};

START_TEST(chap_settings_are_complete)
{
	static const char *const files[] = {
		"chap-name", "chap-secret", "rev-chap-name", "rev-chap-name-secret", "chap-type",
	};
	struct firmware_target *list;
	struct iscsi_why why = { "" };
	char path[128];
	size_t len;

	for (size_t i = 0; i < 5; i++) {
		(void)snprintf(path, sizeof(path), IBFT "target0/%s", files[i]);
		fake_sysfs_set(fs, path, chaps[_i].values[i]);
	}
	ck_assert(!firmware_read(sysfs, NULL, NULL, &list, &len));
	ck_assert_int_eq(firmware_check(&list[0], &why),
			 *chaps[_i].why ? ISCSI_ERR_INVAL : ISCSI_SUCCESS);
	ck_assert_str_eq(why.text, chaps[_i].why);
	firmware_free(list, len);
}
END_TEST

START_TEST(long_text_is_not_cut)
{
	struct firmware_target *list;
	struct iscsi_why why = { "" };
	char text[302];
	size_t len;

	memset(text, 's', sizeof(text) - 2);
	strcpy(text + sizeof(text) - 2, "\n");
	fake_sysfs_set(fs, IBFT "target0/chap-secret", text);
	ck_assert(!firmware_read(sysfs, NULL, NULL, &list, &len));
	ck_assert_int_eq(firmware_check(&list[0], &why), ISCSI_ERR_INVAL);
	ck_assert_str_eq(why.text, "target0/chap-secret is too long");
	firmware_free(list, len);
}
END_TEST

START_TEST(the_first_problem_is_told)
{
	struct firmware_target *list;
	struct iscsi_why why = { "" };
	size_t len;

	fake_sysfs_set(fs, IBFT "target0/ip-addr", NULL);
	fake_sysfs_set(fs, IBFT "target0/ip-addr/x", "a folder\n");
	fake_sysfs_set(fs, IBFT "target0/chap-name", "a\tb\n");
	ck_assert(!firmware_read(sysfs, NULL, NULL, &list, &len));
	ck_assert_int_eq(firmware_check(&list[0], &why), ISCSI_ERR_INVAL);
	ck_assert_str_eq(why.text, "cannot read target0/ip-addr: Is a directory");
	firmware_free(list, len);
}
END_TEST

START_TEST(a_card_without_a_host_is_software)
{
	struct firmware_target *list;
	size_t len;

	fake_sysfs_set(fs, "firmware/iscsi_boot4/target3/flags", "3\n");
	fake_sysfs_set(fs, "firmware/iscsi_boot4/ethernet0/index", "0\n");
	ck_assert(!firmware_read(sysfs, NULL, NULL, &list, &len));
	ck_assert_uint_eq(len, 2);
	ck_assert_str_eq(list[0].path, "firmware/ibft/target0");
	ck_assert_str_eq(list[1].path, "firmware/iscsi_boot4/target3");
	ck_assert_str_eq(list[1].transport, "tcp");
	firmware_free(list, len);
}
END_TEST

/* The longest paths: of a card, a target and a network card that all have the largest number. */
START_TEST(the_largest_numbers_have_room)
{
	static const char *const files[] = {
		"ethernet4294967295/index", "65535\n", "ethernet4294967295/secondary-dns", "10.1.1.54\n",
		"ethernet4294967295/device/net/eth1/address", "02:00:00:00:00:01\n",
		"target4294967295/flags", "1\n", "target4294967295/nic-assoc", "65535\n",
		"target4294967295/rev-chap-name-secret", "other-secret-1\n", NULL,
	};
	struct firmware_target *list;
	char path[128];
	size_t len;

	fake_sysfs_set(fs, IBFT "target0/flags", "0\n");
	for (const char *const *p = files; *p; p += 2) {
		(void)snprintf(path, sizeof(path), "firmware/iscsi_boot4294967295/%s", p[0]);
		fake_sysfs_set(fs, path, p[1]);
	}
	ck_assert(!firmware_read(sysfs, NULL, NULL, &list, &len));
	ck_assert_uint_eq(len, 1);
	ck_assert_str_eq(list[0].path, "firmware/iscsi_boot4294967295/target4294967295");
	ck_assert_str_eq(list[0].secondary_dns, "10.1.1.54");
	ck_assert_str_eq(list[0].netdev, "eth1");
	ck_assert_str_eq(list[0].password_in, "other-secret-1");
	firmware_free(list, len);
}
END_TEST

START_TEST(cards_of_their_own_are_not_ours)
{
	struct firmware_target *list;
	struct iscsi_why why = { "" };
	size_t len;

	fake_sysfs_set(fs, IBFT "target0/flags", "0\n");
	fake_sysfs_set(fs, "firmware/iscsi_boot4/target0/flags", "3\n");
	fake_sysfs_set(fs, "firmware/iscsi_boot4/ethernet0/index", "0\n");
	fake_sysfs_set(fs, "firmware/iscsi_boot4/target0/target-name", "iqn.a:b\n");
	fake_sysfs_set(fs, "firmware/iscsi_boot4/target0/ip-addr", "10.0.0.1\n");
	fake_sysfs_set(fs, "class/iscsi_host/host4/hwaddress", "02:00:00:00:00:04\n");
	fake_sysfs_set(fs, "class/scsi_host/host4/proc_name", "qla4xxx\n");
	ck_assert(!firmware_read(sysfs, NULL, NULL, &list, &len));
	ck_assert_uint_eq(len, 1);
	ck_assert_str_eq(list[0].path, "firmware/iscsi_boot4/target0");
	ck_assert_int_eq(firmware_check(&list[0], &why), ISCSI_ERR_OP_NOT_SUPP);
	ck_assert_ptr_nonnull(strstr(why.text, "qla4xxx"));
	firmware_free(list, len);
}
END_TEST

/* What of a target goes into its record, as "KEY=VALUE " each. */
static const char *settings_text(const char *own_name)
{
	struct iscsi_db_record *iface;
	struct option_pair pairs[FIRMWARE_SETTINGS];
	struct firmware_target *list;
	static char text[1024];
	size_t len, i;

	ck_assert(!firmware_read(sysfs, NULL, NULL, &list, &len));
	ck_assert(!iscsi_db_record_new(ISCSI_DB_IFACE, &iface));
	ck_assert(!iscsi_db_record_set(iface, "iface.initiatorname", own_name, NULL));
	firmware_settings(&list[0], iface, pairs);
	iscsi_db_record_free(iface);
	text[0] = '\0';
	for (i = 0; i < FIRMWARE_SETTINGS; i++)
		if (pairs[i].value)
			sprintf(text + strlen(text), "%s=%s ", pairs[i].name, pairs[i].value);
	firmware_free(list, len);
	return text;
}

#define ONBOOT	"node.startup=onboot node.conn[0].startup=onboot "
#define NAME	"iface.initiatorname=iqn.2030-01.org.example:bootini "
#define CHAP	"node.session.auth.authmethod=CHAP node.session.auth.username=buser " \
		"node.session.auth.password=bsecret12345 "
#define NO_CHAP	"node.session.auth.authmethod=None node.session.auth.username= " \
		"node.session.auth.password= "
#define NO_IN	"node.session.auth.username_in= node.session.auth.password_in= "

START_TEST(settings_are_those_of_the_table)
{
	ck_assert_str_eq(settings_text(""), ONBOOT NAME CHAP NO_IN);
	ck_assert_str_eq(settings_text("iqn.a:iface"), ONBOOT CHAP NO_IN);
	ck_assert_str_eq(settings_text("x"), ONBOOT CHAP NO_IN);
	fake_sysfs_set(fs, IBFT "target0/rev-chap-name", "target\n");
	fake_sysfs_set(fs, IBFT "target0/rev-chap-name-secret", "other-secret-1\n");
	ck_assert_str_eq(settings_text(""), ONBOOT NAME CHAP "node.session.auth.username_in=target "
			 "node.session.auth.password_in=other-secret-1 ");
	fake_sysfs_set(fs, IBFT "target0/chap-name", NULL);
	fake_sysfs_set(fs, IBFT "target0/chap-secret", NULL);
	fake_sysfs_set(fs, IBFT "target0/rev-chap-name", NULL);
	fake_sysfs_set(fs, IBFT "target0/rev-chap-name-secret", NULL);
	fake_sysfs_set(fs, IBFT "initiator/initiator-name", NULL);
	ck_assert_str_eq(settings_text(""), ONBOOT NO_CHAP NO_IN);
	fake_sysfs_set(fs, IBFT "initiator/initiator-name", "i\n");
	fake_sysfs_set(fs, IBFT "target0/chap-name", "n\n");
	fake_sysfs_set(fs, IBFT "target0/chap-secret", "s\n");
	ck_assert_str_eq(settings_text(""), ONBOOT "iface.initiatorname=i "
			 "node.session.auth.authmethod=CHAP node.session.auth.username=n "
			 "node.session.auth.password=s " NO_IN);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("firmware");
	TCase *t = tcase_create("firmware");
	SRunner *runner = srunner_create(s);
	int failed;

	suite_add_tcase(s, t);
	tcase_set_timeout(t, 60);	/* for a busy machine */
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, target_is_printed);
	tcase_add_test(t, cards_are_described);
	tcase_add_test(t, unusable_targets_are_left_out);
	tcase_add_loop_test(t, contents_are_checked, 0, (int)ARRAY_SIZE(contents));
	tcase_add_loop_test(t, what_is_described_is_read, 0, (int)ARRAY_SIZE(described));
	tcase_add_loop_test(t, chap_settings_are_complete, 0, (int)ARRAY_SIZE(chaps));
	tcase_add_test(t, long_text_is_not_cut);
	tcase_add_test(t, the_first_problem_is_told);
	tcase_add_test(t, a_card_without_a_host_is_software);
	tcase_add_test(t, the_largest_numbers_have_room);
	tcase_add_test(t, cards_of_their_own_are_not_ours);
	tcase_add_test(t, settings_are_those_of_the_table);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
