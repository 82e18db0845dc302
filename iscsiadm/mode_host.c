/* SPDX-License-Identifier: GPL-2.0-or-later */
/* "-m host": the hosts that the kernel has for sessions. */
#include "adm.h"

enum iscsi_err mode_host_run(struct adm *adm)
{
	(void)adm;
	return adm_fail(ISCSI_ERR_OP_NOT_SUPP, NULL);
}
