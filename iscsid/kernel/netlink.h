/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * kernel_ops over NETLINK_ISCSI (the kernel's include/scsi/iscsi_if.h, which isn't among the
 * installed headers). Error numbers of the kernel are translated here and go no further.
 */
#pragma once

#include <sys/types.h>
#include <systemd/sd-event.h>

#include "iscsid/kernel/kernel.h"
#include "iscsid/kernel/sysfs.h"

/* The way to the kernel and back; a test has its own. Each returns -errno on failure. */
struct netlink_wire {
	/* A socket; with @groups, subscribed to these. */
	int (*open)(uint32_t groups);
	/* Sends a datagram; the kernel has executed it when this returns. */
	ssize_t (*send)(int fd, const void *buf, size_t len);
	/*
	 * Takes up to @most datagrams of the kernel, each into the next @size bytes of @buf, and
	 * their lengths into @len; those of other processes are dropped. Returns how many, not more
	 * than NETLINK_AT_ONCE; 0: the queue is empty.
	 */
	int (*receive)(int fd, void *buf, size_t size, size_t *len, unsigned int most);
};
#define NETLINK_AT_ONCE	32
extern const struct netlink_wire netlink_wire;

/*
 * Opens the two sockets, one for commands and one for events, and puts the second on the loop
 * with a higher priority than all other sources: an event comes before its consequences. @events and @sysfs stay the caller's and outlive the kernel object.
 * ISCSI_ERR_TRANS_NOT_FOUND: no such kernel part; ISCSI_ERR_ACCESS: not permitted.
 */
enum iscsi_err netlink_open(sd_event *loop, struct sysfs *sysfs,
			    const struct netlink_wire *wire,
			    const struct kernel_events *events, void *arg,
			    struct kernel **ret, struct iscsi_why *why);
struct kernel *netlink_close(struct kernel *kernel);	/* takes and returns NULL */
