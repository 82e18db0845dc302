/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * TCP: sockets that connect without waiting, the name of a peer for messages, and what a socket
 * knows that nobody else tells. Plain functions, no state, no log.
 */
#ifndef ISCSID_TCP_H
#define ISCSID_TCP_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

#include "libiscsi-db/iscsi-db.h"

/* A non-blocking socket for a connection to @peer, the caller's to close. -errno: none to have. */
int tcp_socket(const struct sockaddr_storage *peer);
/* Only through the network device @netdev, "": any. 0, or -errno. */
int tcp_bind_device(int fd, const char *netdev);
/*
 * What makes it faster or slower, but not wrong: buffers of @window_size bytes each, 0: the
 * kernel's; and @congestion_control, "": the kernel's. -errno: that one can't be had.
 */
int tcp_tune(int fd, int window_size, const char *congestion_control);
/* Begins to connect. 0, also if it is under way (EPOLLOUT and tcp_error() tell how it ended). */
int tcp_connect(int fd, const struct sockaddr_storage *peer);	/* or -errno */
/* The errno that the socket holds, the result of a connect say, and clears it; 0: none. */
int tcp_error(int fd);

/* "10.0.0.5:3260" or "[2001:db8::5]:3260", without a zone; 64 bytes are always enough. */
void tcp_peer_text(const struct sockaddr_storage *peer, char *ret, size_t size);

/*
 * The last look at the socket before it is the kernel's: that one doesn't see an end that came
 * before it had the socket, and takes what was said too early for an answer (RFC 7143, 6.3).
 * ISCSI_ERR_FATAL_LOGIN: it has spoken; ISCSI_ERR_TRANS: closed or broken.
 */
enum iscsi_err tcp_check_silence(int fd, struct iscsi_why *why);
/* The kernel tells of a FIN that comes while it has the socket, but not of one from before. */
bool tcp_peer_closed(int fd);

#endif /* ISCSID_TCP_H */
