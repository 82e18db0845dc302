/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Targets that the firmware describes: what the kernel shows of the iSCSI boot firmware table
 * below /sys/firmware. The fw mode prints them and logs in to them, the discovery modes make
 * node records of them.
 */
#pragma once

#include "iscsiadm/options.h"
#include "iscsid/kernel/sysfs.h"

#define FIRMWARE_TPGT		1	/* the table has no portal groups; open-iscsi assumes 1 */
#define FIRMWARE_SETTINGS	8

/* A text is "" where the firmware says nothing. */
struct firmware_target {
	char path[128];			/* its folder, "firmware/ibft/target0" */
	char problem[128];		/* the entry that can't be used, and why; "": none */
	char initiator[ISCSI_VALUE_MAX + 1];
	char transport[16];
	char hwaddress[64], ipaddress[64], prefix_len[16], subnet_mask[64], gateway[64];
	char primary_dns[64], secondary_dns[64], vlan[16], netdev[64];
	bool dhcp;
	char target[ISCSI_VALUE_MAX + 1], address[64], lun[32];
	int port;
	int chap_type;			/* as in the table; 0: no authentication */
	char username[ISCSI_VALUE_MAX + 1], password[ISCSI_VALUE_MAX + 1];
	char username_in[ISCSI_VALUE_MAX + 1], password_in[ISCSI_VALUE_MAX + 1];
};

/*
 * Hears of a target whose network card @nic the table doesn't describe; the table has @max_nic
 * cards. @arg is that of firmware_read().
 */
typedef void firmware_no_nic_fn(void *arg, int nic, int max_nic);

/*
 * Reads all targets that are marked valid, in the order of their numbers, into a list that
 * firmware_free() frees. ISCSI_ERR_NO_OBJS_FOUND: there are none. A target without its network
 * card is told to @no_nic and left out.
 */
enum iscsi_err firmware_read(struct sysfs *sysfs, firmware_no_nic_fn *no_nic, void *arg,
			     struct firmware_target **ret, size_t *ret_len);
void firmware_free(struct firmware_target *list, size_t len);

/*
 * Whether the table says enough for a session. ISCSI_ERR_INVAL: an entry is missing or can't be
 * used. ISCSI_ERR_OP_NOT_SUPP: the target is for a card that speaks iSCSI itself.
 */
enum iscsi_err firmware_check(const struct firmware_target *target, struct iscsi_why *why);

/*
 * Fills in the settings that a target's record gets from the table: that the record belongs to
 * booting, the initiator name, unless @iface has a name of its own, and CHAP, with empty names and
 * passwords where the table has none. The values are those of @target, or constants, or NULL.
 */
void firmware_settings(const struct firmware_target *target, const struct iscsi_db_record *iface,
		       struct option_pair ret[FIRMWARE_SETTINGS]);

/* Sets @pairs in their order, but none without a value. ISCSI_ERR_INVAL says what can't be set. */
enum iscsi_err firmware_set_pairs(struct iscsi_db_record *rec, const struct option_pair *pairs,
				  size_t count, struct iscsi_why *why);
/* Gives a node record the patience of a boot, whose target may still be booting too. */
enum iscsi_err firmware_be_patient(struct iscsi_db_record *rec, struct iscsi_why *why);
