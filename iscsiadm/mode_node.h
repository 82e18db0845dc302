/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What session mode uses of node mode. */
#pragma once

#include "iscsiadm/logins.h"

/* Logs in to the records that @sel selects, or, for another session, to the first of them. */
enum iscsi_err mode_node_login(struct adm *adm, const struct adm_selection *sel,
			       const struct login_how *how);
/* The operations of node mode on what @sel selects; session mode uses them for one session. */
enum iscsi_err mode_node_operate(struct adm *adm, const struct adm_selection *sel);
