/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * kernel_ops over NETLINK_ISCSI (the kernel's include/scsi/iscsi_if.h, which isn't among the
 * installed headers). Error numbers of the kernel are translated here and go no further.
 */
#ifndef ISCSID_NETLINK_H
#define ISCSID_NETLINK_H

#include <systemd/sd-event.h>

#include "iscsid/kernel/kernel.h"
#include "iscsid/kernel/sysfs.h"

/*
 * Opens the two sockets, one for commands and one for events, and puts the second on the loop
 * with a higher priority than anything else: what the kernel said comes before what follows
 * from it. @events and @sysfs stay the caller's and outlive the kernel object.
 * ISCSI_ERR_TRANS_NOT_FOUND: no such kernel part; ISCSI_ERR_ACCESS: not permitted.
 */
enum iscsi_err netlink_open(sd_event *loop, struct sysfs *sysfs,
			    const struct kernel_events *events, void *arg,
			    struct kernel **ret, struct iscsi_why *why);
struct kernel *netlink_close(struct kernel *kernel);	/* takes and returns NULL */

#endif /* ISCSID_NETLINK_H */
