/* SPDX-License-Identifier: GPL-2.0-or-later */
/* "-m fw": the targets that the firmware describes. */
#include "adm.h"

enum iscsi_err mode_fw_run(struct adm *adm)
{
	(void)adm;
	return adm_fail(ISCSI_ERR_OP_NOT_SUPP, NULL);
}
