/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What discovery mode uses of fw mode. */
#pragma once

#include "iscsiadm/adm.h"
#include "iscsiadm/firmware.h"

/*
 * Reads what the firmware describes, as firmware_read() does, and says why if no target can be
 * returned.
 */
enum iscsi_err mode_fw_read(struct adm *adm, firmware_no_nic_fn *no_nic, void *arg,
			    struct firmware_target **ret, size_t *ret_len);
/* Says that a target in the table is left out, or, @shown, can't be logged in to. */
void mode_fw_say_unusable(const struct firmware_target *target, bool shown,
			  const struct iscsi_why *why);
/* Says that no target in the table can be used; @err is the reason of the first. The status. */
enum iscsi_err mode_fw_say_none(enum iscsi_err err);
