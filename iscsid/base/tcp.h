/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * TCP sockets that connect without blocking, the name of a peer for messages, and the errors of a
 * socket that the kernel's iSCSI doesn't report. No state, no log.
 */
#pragma once

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

#include "libiscsi-db/iscsi-db.h"

/* What of this host a connection leaves from. */
struct tcp_source {
	char netdev[IF_NAMESIZE];	/* the network device; "": any */
	struct sockaddr_storage address;	/* AF_UNSPEC: any */
};

/*
 * Makes a non-blocking socket for a connection from @source (NULL: anywhere) to @peer, for the
 * caller to close. ISCSI_ERR_TRANS: this host lacks the device, the address or the kind of
 * address. ISCSI_ERR_NOMEM: for the moment the host can't give a socket to anybody.
 */
enum iscsi_err tcp_open(const struct sockaddr_storage *peer, const struct tcp_source *source,
			int *ret, struct iscsi_why *why);
/*
 * Sets the size of both buffers (0: the kernel's choice) and the congestion control ("": the
 * kernel's choice). -errno: the kernel refuses the congestion control.
 */
int tcp_tune(int fd, int window_size, const char *congestion_control);
/*
 * Begins to connect. After 0, EPOLLOUT comes at the end, and tcp_error() or another call tells the
 * result. After another call has returned -ECONNREFUSED, the socket can begin anew.
 */
int tcp_connect(int fd, const struct sockaddr_storage *peer);	/* or -errno */
/* Returns and clears the errno that the socket holds, such as the result of a connect. 0: none. */
int tcp_error(int fd);

/* Writes "10.0.0.5:3260" or "[2001:db8::5]:3260" without a zone; 64 bytes always suffice. */
void tcp_peer_text(const struct sockaddr_storage *peer, char *ret, size_t size);

/*
 * The last check before the kernel gets the socket, because the kernel doesn't see a close from
 * before, and takes bytes sent too early for a response (RFC 7143, 6.3). ISCSI_ERR_FATAL_LOGIN:
 * the target has sent bytes; ISCSI_ERR_TRANS: the connection is closed or broken.
 */
enum iscsi_err tcp_check_silence(int fd, struct iscsi_why *why);
/*
 * Whether the peer has sent anything since the socket was connected: 1 or 0, -1 if nothing can come
 * any more. Bytes count that came after a shutdown of the socket, when the kernel throws them away.
 * Nothing must have been read from the socket.
 */
int tcp_late_answer(int fd);
/* True after a FIN of the target. The kernel's iSCSI misses a FIN from before its time. */
bool tcp_peer_closed(int fd);
