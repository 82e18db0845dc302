/* SPDX-License-Identifier: GPL-2.0-or-later */
/* "-m iface": the records of interfaces. */
#include "adm.h"

enum iscsi_err mode_iface_run(struct adm *adm)
{
	(void)adm;
	return adm_fail(ISCSI_ERR_OP_NOT_SUPP, NULL);
}
