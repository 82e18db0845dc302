/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The disks of sessions, once other programs can use them, and the names that udev gives them. */
#pragma once

#include "iscsiadm/adm.h"

struct udev;

/*
 * Waits until udev has finished with each disk of the sessions @sids, and prints the names of
 * the disks. Without udev the node that the kernel makes is enough, which is said. If that takes
 * longer than adm->opt.wait_s, the disks that are missing are said: ISCSI_ERR_TRANS_TIMEOUT. Does
 * nothing if --wait wasn't given.
 */
enum iscsi_err disks_wait(struct adm *adm, const unsigned int *sids, size_t len);

/*
 * Tells @fn each name below /dev/disk that udev has given the disk @name ("sda"). @udev may be NULL;
 * then the call has a context of its own.
 */
void disk_links(struct udev *udev, const char *name, void (*fn)(void *arg, const char *link),
		void *arg);
