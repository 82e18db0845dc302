/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The local socket: clients, who they are, and which request goes to whom. Sits above the
 * manager, which doesn't know it.
 */
#ifndef ISCSID_MGMT_H
#define ISCSID_MGMT_H

#include <systemd/sd-event.h>

struct clock;
struct manager;
struct mgmt;

/* All three stay the caller's and outlive it. NULL: no memory. */
struct mgmt *mgmt_new(sd_event *loop, struct clock *clock, struct manager *manager);
/* Takes clients from @fd, a listening socket, which is closed in the end, always. 0 or -errno. */
int mgmt_listen(struct mgmt *mgmt, int fd);
/*
 * Takes NULL; returns NULL. After manager_end_sessions(), which answers everybody who still
 * waits, and before manager_free().
 */
struct mgmt *mgmt_free(struct mgmt *mgmt);

#endif /* ISCSID_MGMT_H */
