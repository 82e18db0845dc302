/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The local socket: clients, who they are, and which request goes to whom. Listens where the
 * service manager says, else on MGMT_SOCKET_PATH and the abstract name.
 */
#ifndef ISCSID_MGMT_H
#define ISCSID_MGMT_H

#include <systemd/sd-event.h>

#include "libiscsi-db/iscsi-db.h"

struct clock;
struct manager;
struct mgmt;

/* ISCSI_ERR_INTERNAL with the reason: another daemon listens already, say. */
enum iscsi_err mgmt_new(sd_event *loop, struct clock *clock, struct manager *manager,
			struct mgmt **ret, struct iscsi_why *why);
/*
 * Listens on MGMT_SOCKET_PATH too, unless the service manager passed sockets: once the kernel
 * was found to answer, so that a daemon that can't work takes the path from nobody.
 */
void mgmt_listen_path(struct mgmt *mgmt);
/* Takes NULL; returns NULL. After all sessions, which answer who still waits for them. */
struct mgmt *mgmt_free(struct mgmt *mgmt);

#endif /* ISCSID_MGMT_H */
