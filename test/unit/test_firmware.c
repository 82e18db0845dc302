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
static int skipped_nic = -1, skipped_max = -1;

static const char *const table[] = {
	"initiator/initiator-name", "iqn.2030-01.org.example:bootini\n",
	"ethernet0/index", "0\n", "ethernet0/flags", "3\n",
	"ethernet0/mac", "02:00:00:00:00:01\n", "ethernet0/origin", "0\n",
	"ethernet0/ip-addr", "10.1.1.2\n", "ethernet0/prefix-len", "24\n",
	"ethernet0/subnet-mask", "255.255.255.0", "ethernet0/gateway", "10.1.1.254\n",
	"ethernet0/primary-dns", "10.1.1.53\n", "ethernet0/vlan", "0\n",
	"target0/index", "0\n", "target0/flags", "3\n", "target0/nic-assoc", "0\n",
	"target0/target-name", "iqn.2030-01.org.example:tgt1\n",
	"target0/ip-addr", "127.0.0.1\n", "target0/port", "3260\n",
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

static void on_skipped(int nic, int max_nic)
{
	skipped_nic = nic;
	skipped_max = max_nic;
}

START_TEST(target_is_printed)
{
	struct firmware_target *list;
	size_t len, text_len;
	char *text;
	FILE *out;

	ck_assert(!firmware_read(sysfs, on_skipped, &list, &len));
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
			 "node.conn[0].address = 127.0.0.1\n"
			 "node.conn[0].port = 3260\n"
			 "node.session.auth.username = buser\n"
			 "node.session.auth.password = bsecret12345\n"
			 "node.boot_lun = 00000000\n"
			 "# END RECORD\n");
	free(text);
	free(list);
}
END_TEST

START_TEST(cards_are_described)
{
	struct firmware_target *list;
	size_t len;

	fake_sysfs_set(fs, IBFT "ethernet0/origin", "3\n");
	fake_sysfs_set(fs, "class/net/eth7/address", "02:00:00:00:00:01\n");
	fake_sysfs_set(fs, IBFT "target0/port", "0\n");
	ck_assert(!firmware_read(sysfs, NULL, &list, &len));
	ck_assert(list[0].dhcp);
	ck_assert_str_eq(list[0].netdev, "eth7");
	ck_assert_int_eq(list[0].port, 3260);
	free(list);
	fake_sysfs_set(fs, IBFT "ethernet0/origin", "0\n");
	fake_sysfs_set(fs, IBFT "ethernet0/dhcp", "0.0.0.0\n");
	fake_sysfs_set(fs, IBFT "ethernet0/device/net/eth1/address", "02:00:00:00:00:01\n");
	ck_assert(!firmware_read(sysfs, NULL, &list, &len));
	ck_assert(!list[0].dhcp);
	ck_assert_str_eq(list[0].netdev, "eth1");
	free(list);
}
END_TEST

START_TEST(unusable_targets_are_left_out)
{
	struct firmware_target *list;
	size_t len;

	fake_sysfs_set(fs, IBFT "target1/flags", "0\n");
	fake_sysfs_set(fs, IBFT "target2/flags", "1\n");
	fake_sysfs_set(fs, IBFT "target2/nic-assoc", "4\n");
	ck_assert(!firmware_read(sysfs, on_skipped, &list, &len));
	ck_assert_uint_eq(len, 1);
	ck_assert_int_eq(skipped_nic, 4);
	ck_assert_int_eq(skipped_max, 0);
	free(list);
	fake_sysfs_set(fs, IBFT "target0/flags", "0\n");
	ck_assert_int_eq(firmware_read(sysfs, NULL, &list, &len), ISCSI_ERR_NO_OBJS_FOUND);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("firmware");
	TCase *t = tcase_create("firmware");
	SRunner *runner = srunner_create(s);
	int failed;

	suite_add_tcase(s, t);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, target_is_printed);
	tcase_add_test(t, cards_are_described);
	tcase_add_test(t, unusable_targets_are_left_out);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
