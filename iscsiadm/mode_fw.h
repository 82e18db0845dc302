/* SPDX-License-Identifier: GPL-2.0-or-later */
/* "-m fw": the targets that the firmware describes. */
#pragma once

#include "iscsiadm/adm.h"
#include "iscsiadm/firmware.h"

/* Does the whole of the mode and returns the exit status. */
enum iscsi_err mode_fw_run(struct adm *adm);

/*
 * Reads what the firmware describes, as firmware_read() does, and says why if no target can be
 * returned. Discovery mode uses this and the two functions below too.
 */
enum iscsi_err mode_fw_read(struct adm *adm, firmware_no_nic_fn *no_nic, void *arg,
			    struct firmware_target **ret, size_t *ret_len);
/* Says that a target in the table is left out, or, @shown, can't be logged in to. */
void mode_fw_say_unusable(const struct firmware_target *target, bool shown,
			  const struct iscsi_why *why);
/* Says that no target in the table can be used; @err is the reason of the first. The status. */
enum iscsi_err mode_fw_say_none(enum iscsi_err err);
