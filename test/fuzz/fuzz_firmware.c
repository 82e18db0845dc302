/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The boot table of the firmware, as it lies below /sys. The input is lines of a number, which
 * chooses a file, and its text. An entry that is fit for a login has a name and an address that
 * pass the gates.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "iscsiadm/firmware.h"
#include "test/fake/sysfs.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const files[] = {
	"firmware/ibft/initiator/initiator-name", "firmware/ibft/ethernet0/mac",
	"firmware/ibft/ethernet0/ip-addr", "firmware/ibft/ethernet0/index",
	"firmware/ibft/ethernet0/origin", "firmware/ibft/ethernet0/vlan",
	"firmware/ibft/target0/target-name", "firmware/ibft/target0/ip-addr",
	"firmware/ibft/target0/port", "firmware/ibft/target0/nic-assoc",
	"firmware/ibft/target0/lun", "firmware/ibft/target0/chap-type",
	"firmware/ibft/target0/chap-name", "firmware/ibft/target0/chap-secret",
	"firmware/ibft/target0/rev-chap-name", "firmware/ibft/target0/rev-chap-name-secret",
	"firmware/ibft/target0/index",
};

enum { FILES = sizeof(files) / sizeof(files[0]), TEXT_MAX = 5000 };

static struct fake_sysfs *fs;

static void remove_fs(void)
{
	fake_sysfs_free(fs);
}

static void reset(const bool *written)
{
	for (size_t i = 0; i < FILES; i++)
		if (written[i])
			fake_sysfs_set(fs, files[i], NULL);
}

static void check_firmware(struct sysfs *sysfs)
{
	struct firmware_target *list;
	struct iscsi_why why;
	size_t len;

	if (firmware_read(sysfs, NULL, NULL, &list, &len))
		return;
	for (size_t i = 0; i < len; i++)
		if (!firmware_check(&list[i], &why) &&
		    (iscsi_db_check_foreign_name(list[i].target, NULL) ||
		     iscsi_db_check_address(list[i].address, NULL) || list[i].port < 1 ||
		     list[i].port > 65535 || (list[i].chap_type && !list[i].username[0])))
			abort();
	firmware_free(list, len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	bool written[FILES] = { false };
	struct sysfs *sysfs;
	size_t at = 0;

	if (!fs) {
		fs = fake_sysfs_new();
		(void)atexit(remove_fs);
	}
	while (at < size) {
		const uint8_t *end = memchr(data + at, '\n', size - at);
		size_t len = (end ? (size_t)(end - data) : size) - at, i = data[at] % FILES;
		char line[TEXT_MAX + 2];

		if (len) {
			size_t n = len - 1 < TEXT_MAX ? len - 1 : TEXT_MAX;

			memcpy(line, data + at + 1, n);
			line[n] = '\n';
			line[n + 1] = '\0';
			fake_sysfs_set(fs, files[i], line);
			written[i] = true;
		}
		at += len + 1;
	}
	if (sysfs_new(fake_sysfs_root(fs), &sysfs))
		abort();
	check_firmware(sysfs);
	sysfs_free(sysfs);
	reset(written);
	return 0;
}
