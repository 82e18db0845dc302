/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Discoveries that the daemon repeats: for each SendTargets or iSNS record in the database whose
 * use_discoveryd is Yes, through each interface. New targets are logged in to with the settings of
 * iscsid.conf, and sessions of targets that the portal reports no more are logged out of, unless
 * their disks are in use. No node record is read or written.
 */
#pragma once

#include "iscsid/manager.h"

struct discoveryd;

/* Both outlive the discoveries, which begin at once. Returns NULL without memory. */
struct discoveryd *discoveryd_new(struct manager *manager, const struct manager_env *env);
/* Begins anew with the records that are in the database now. Takes NULL. */
void discoveryd_reload(struct discoveryd *discoveryd);
/* The sessions stay. Takes NULL; returns NULL. Goes before the manager. */
struct discoveryd *discoveryd_free(struct discoveryd *discoveryd);
