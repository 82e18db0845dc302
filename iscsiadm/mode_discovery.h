/* SPDX-License-Identifier: GPL-2.0-or-later */
/* "-m discovery" and "-m discoverydb": finding targets, and the records of portals. */
#pragma once

#include "iscsiadm/adm.h"

/* Does the whole of the mode and returns the exit status. */
enum iscsi_err mode_discovery_run(struct adm *adm);
