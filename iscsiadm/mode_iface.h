/* SPDX-License-Identifier: GPL-2.0-or-later */
/* "-m iface": the records of interfaces. */
#pragma once

#include "iscsiadm/adm.h"

/* Does the whole of the mode and returns the exit status. */
enum iscsi_err mode_iface_run(struct adm *adm);
