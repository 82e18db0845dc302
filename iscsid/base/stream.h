/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sends and receives on a stream socket without blocking: each call moves as many bytes as the
 * socket takes or has, and counts them in *pos. iscsiadm links this object too.
 */
#pragma once

#include <stddef.h>

/* Sends @data from *pos on. 0: *pos is @len, or the socket takes no more for now; or -errno. */
int stream_send(int fd, const void *data, size_t len, size_t *pos);
/*
 * Receives into @data from *pos on. 1: *pos is @len; 0: not yet; -ESHUTDOWN: the peer has closed
 * the connection; or another -errno.
 */
int stream_receive(int fd, void *data, size_t len, size_t *pos);
