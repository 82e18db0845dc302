/* SPDX-License-Identifier: GPL-2.0-or-later */
/* "-m node": the node records, and logging in and out by them. */
#pragma once

#include "iscsiadm/logins.h"

/* Does the whole of the mode and returns the exit status. */
enum iscsi_err mode_node_run(struct adm *adm);

/* Logs in to the records that @sel selects, or, for another session, to the first of them. */
enum iscsi_err mode_node_login(struct adm *adm, const struct adm_selection *sel,
			       const struct login_how *how);
/* The operations of node mode on what @sel selects; session mode uses them for one session. */
enum iscsi_err mode_node_operate(struct adm *adm, const struct adm_selection *sel);
