/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the kernel tells of the network (rtnetlink): a link is up, an address is there, a route has
 * changed, a neighbour is resolved. All of this is a reason to try at once what has failed before.
 * The messages are read here instead of by a library, since one fixed struct and one attribute are
 * all that is needed of them.
 */
#pragma once

#include <stddef.h>
#include <sys/socket.h>
#include <systemd/sd-event.h>

struct network;

/*
 * A route to some hosts may have opened; @neighbour (may be NULL) names the host that can be
 * reached now, and no other is concerned.
 */
typedef void network_changed_fn(void *arg, const struct sockaddr_storage *neighbour);

/* A socket that gets this news, or -errno. */
int network_socket(void);
/* Listens on @fd, which is the object's on success. 0 or -errno. */
int network_new(sd_event *loop, int fd, network_changed_fn *changed, void *arg,
		struct network **ret);
struct network *network_free(struct network *network);	/* takes NULL; returns NULL */

/* Calls @changed for each piece of news in a datagram. A parser: no I/O. */
void network_parse(const void *datagram, size_t len, network_changed_fn *changed, void *arg);
