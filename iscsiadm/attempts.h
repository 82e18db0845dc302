/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Logins that iscsid is still trying: shown below the sessions, and called off by the commands that
 * say that a session isn't wanted. A daemon that doesn't run isn't started; what its successor would
 * try is called off all the same.
 */
#pragma once

#include "iscsiadm/adm.h"

/*
 * @ret: how many there are. Fails, as the functions that call off do, if a daemon that runs doesn't
 * answer in time, which is said.
 */
enum iscsi_err attempts_count(struct adm *adm, size_t *ret);
/* Prints a line for each; how many there are. */
size_t attempts_show(struct adm *adm);

/*
 * Call off the logins that @sel selects, or those of @nodes, and say so; @ret, which may be NULL, is
 * how many. The kernel has nothing of these logins any more, so sessions have to be read afterwards.
 * They fail if a login can't be called off, and say so.
 */
enum iscsi_err attempts_call_off(struct adm *adm, const struct adm_selection *sel, size_t *ret);
enum iscsi_err attempts_call_off_nodes(struct adm *adm, const struct adm_records *nodes,
				       size_t *ret);
/* Of the selected logins only those that are wanted. */
enum iscsi_err attempts_call_off_wanted(struct adm *adm, const struct adm_selection *sel);
