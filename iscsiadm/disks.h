/* SPDX-License-Identifier: GPL-2.0-or-later */
/* --wait: the disks of sessions, once other programs can use them. */
#pragma once

#include "iscsiadm/adm.h"

/*
 * Waits until udev has finished with each disk of the sessions @sids, and prints the names of
 * the disks. Without udev the node that the kernel makes is enough, which is said. If that takes
 * longer than adm->opt.wait_s, the disks that are missing are said: ISCSI_ERR_TRANS_TIMEOUT. Does
 * nothing if --wait wasn't given.
 */
enum iscsi_err disks_wait(struct adm *adm, const unsigned int *sids, size_t len);
