/* SPDX-License-Identifier: GPL-2.0-or-later */
/* "-m host": the hosts that the kernel has for sessions. */
#pragma once

#include "iscsiadm/adm.h"

/* Does the whole of the mode and returns the exit status. */
enum iscsi_err mode_host_run(struct adm *adm);
