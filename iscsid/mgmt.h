/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The local socket: it takes clients, checks who they are, and hands each request to the manager
 * or a session. The manager doesn't know this file.
 */
#pragma once

#include <systemd/sd-event.h>

struct clock;
struct manager;
struct mgmt;

/* All three arguments stay the caller's and outlive the object. NULL: no memory. */
struct mgmt *mgmt_new(sd_event *loop, struct clock *clock, struct manager *manager);
/* Takes clients from @fd, a listening socket, which is closed in the end, always. 0 or -errno. */
int mgmt_listen(struct mgmt *mgmt, int fd);
/*
 * Takes NULL; returns NULL. Comes after manager_end_sessions(), which answers all open requests,
 * and before manager_free().
 */
struct mgmt *mgmt_free(struct mgmt *mgmt);
