/* SPDX-License-Identifier: GPL-2.0-or-later */
/* "-m iface": the records of interfaces. */
#ifndef ISCSIADM_MODE_IFACE_H
#define ISCSIADM_MODE_IFACE_H

#include "iscsiadm/adm.h"

/* Does the whole of the mode and returns the exit status. */
enum iscsi_err mode_iface_run(struct adm *adm);

#endif /* ISCSIADM_MODE_IFACE_H */
