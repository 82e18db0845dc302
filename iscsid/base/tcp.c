/* SPDX-License-Identifier: GPL-2.0-or-later */
/* TCP sockets, see tcp.h. */
#include "iscsid/base/tcp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>

int tcp_socket(const struct sockaddr_storage *peer)
{
	int fd = socket(peer->ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_TCP);
	int one = 1;

	if (fd < 0)
		return -errno;
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return fd;
}

int tcp_bind_device(int fd, const char *netdev)
{
	if (*netdev && setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, netdev,
				  (socklen_t)strlen(netdev) + 1) < 0)
		return -errno;
	return 0;
}

int tcp_tune(int fd, int window_size, const char *congestion_control)
{
	if (window_size > 0) {
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &window_size, sizeof(window_size));
		(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &window_size, sizeof(window_size));
	}
	if (*congestion_control && setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, congestion_control,
					      (socklen_t)strlen(congestion_control)) < 0)
		return -errno;
	return 0;
}

int tcp_connect(int fd, const struct sockaddr_storage *peer)
{
	socklen_t len = peer->ss_family == AF_INET6 ? sizeof(struct sockaddr_in6) :
						      sizeof(struct sockaddr_in);

	if (connect(fd, (const struct sockaddr *)peer, len) < 0 && errno != EINPROGRESS)
		return -errno;
	return 0;
}

int tcp_error(int fd)
{
	socklen_t len = sizeof(int);
	int error = 0;

	return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0 ? errno : error;
}

void tcp_peer_text(const struct sockaddr_storage *peer, char *ret, size_t size)
{
	char host[INET6_ADDRSTRLEN] = "?";

	if (peer->ss_family == AF_INET6) {
		const struct sockaddr_in6 *in6 = (const void *)peer;

		(void)inet_ntop(AF_INET6, &in6->sin6_addr, host, sizeof(host));
		(void)snprintf(ret, size, "[%s]:%u", host, ntohs(in6->sin6_port));
	} else {
		const struct sockaddr_in *in = (const void *)peer;

		(void)inet_ntop(AF_INET, &in->sin_addr, host, sizeof(host));
		(void)snprintf(ret, size, "%s:%u", host, ntohs(in->sin_port));
	}
}

enum iscsi_err tcp_check_silence(int fd, struct iscsi_why *why)
{
	char byte;
	ssize_t n = recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);

	if (n > 0)
		return iscsi_fail(why, ISCSI_ERR_FATAL_LOGIN,
				  "the target speaks before it was asked: not an iSCSI target?");
	if (n == 0)
		return iscsi_fail(why, ISCSI_ERR_TRANS, "the target closed the connection at once");
	if (errno != EAGAIN && errno != EINTR)
		return iscsi_fail(why, ISCSI_ERR_TRANS, "the connection broke at once: %s",
				  strerror(errno));
	return ISCSI_SUCCESS;
}

bool tcp_peer_closed(int fd)
{
	struct tcp_info info = { 0 };
	socklen_t len = sizeof(info);

	return getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) == 0 &&
	       info.tcpi_state != TCP_ESTABLISHED;
}
