/* SPDX-License-Identifier: GPL-2.0-or-later */
/* "-m session": the sessions that exist. */
#pragma once

#include "iscsiadm/adm.h"

/* Does the whole of the mode and returns the exit status. */
enum iscsi_err mode_session_run(struct adm *adm);
