/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The disks of sessions as other programs find them: the names that udev gives, and waiting for udev. */
#pragma once

#include "iscsiadm/adm.h"

/* Tells @fn each name below /dev/disk that udev has given the disk @name ("sda"). */
void disks_each_link(const char *name, void (*fn)(void *arg, const char *link), void *arg);

/*
 * --wait: waits until udev has finished with each disk of the sessions @sids, and prints the names of
 * the disks. Without udev the node that the kernel makes is enough, which is said. If that takes
 * longer than adm->opt.wait_s, the disks that are missing are said: ISCSI_ERR_TRANS_TIMEOUT. Does
 * nothing if --wait wasn't given.
 */
enum iscsi_err disks_wait(struct adm *adm, const unsigned int *sids, size_t len);
