/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Targets that the firmware describes: what the kernel shows of the iSCSI boot firmware table
 * below /sys/firmware. The fw mode prints them and logs in to them.
 */
#ifndef ISCSIADM_FIRMWARE_H
#define ISCSIADM_FIRMWARE_H

#include "../iscsid/sysfs.h"

/* "" where the firmware says nothing. */
struct firmware_target {
	char initiator[ISCSI_VALUE_MAX + 1];
	char transport[16];
	char hwaddress[64], ipaddress[64], prefix_len[16], subnet_mask[64], gateway[64];
	char primary_dns[64], secondary_dns[64], vlan[16], netdev[64];
	bool dhcp;
	char target[ISCSI_VALUE_MAX + 1], address[64], lun[32];
	int port;
	char username[ISCSI_VALUE_MAX + 1], password[ISCSI_VALUE_MAX + 1];
	char username_in[ISCSI_VALUE_MAX + 1], password_in[ISCSI_VALUE_MAX + 1];
};

/*
 * All targets that are marked valid, in the order of their numbers; free() it after wiping it.
 * ISCSI_ERR_NO_OBJS_FOUND: there are none. A target on a network card that isn't described is
 * left out, and @skipped, which may be NULL, told of it.
 */
enum iscsi_err firmware_read(struct sysfs *sysfs, void (*skipped)(int nic, int max_nic),
			     struct firmware_target **ret, size_t *ret_len);

#endif /* ISCSIADM_FIRMWARE_H */
