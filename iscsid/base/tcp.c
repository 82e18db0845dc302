/* SPDX-License-Identifier: GPL-2.0-or-later */
/* TCP sockets, see tcp.h. */
#include "iscsid/base/tcp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/tcp.h>		/* glibc's struct tcp_info ends too early */
#include <netinet/in.h>
#include <poll.h>

#include "libiscsi-db/util.h"

#define STATE_CLOSE	7	/* TCP_CLOSE of Linux's net/tcp_states.h */

/* Writes the address without a zone; INET6_ADDRSTRLEN bytes suffice. Returns the port. */
static unsigned int host_text(const struct sockaddr_storage *address, char *ret, size_t size)
{
	const struct sockaddr_in6 *in6 = (const void *)address;
	const struct sockaddr_in *in = (const void *)address;

	*ret = '\0';
	if (address->ss_family == AF_INET6) {
		(void)inet_ntop(AF_INET6, &in6->sin6_addr, ret, (socklen_t)size);
		return ntohs(in6->sin6_port);
	}
	(void)inet_ntop(AF_INET, &in->sin_addr, ret, (socklen_t)size);
	return ntohs(in->sin_port);
}

void tcp_peer_text(const struct sockaddr_storage *peer, char *ret, size_t size)
{
	bool in6 = peer->ss_family == AF_INET6;
	char host[INET6_ADDRSTRLEN];
	unsigned int port = host_text(peer, host, sizeof(host));

	(void)snprintf(ret, size, "%s%s%s:%u", in6 ? "[" : "", host, in6 ? "]" : "", port);
}

static socklen_t address_len(const struct sockaddr_storage *address)
{
	return address->ss_family == AF_INET6 ? sizeof(struct sockaddr_in6) :
						sizeof(struct sockaddr_in);
}

static enum iscsi_err tcp_bind(int fd, const struct tcp_source *source, struct iscsi_why *why)
{
	const struct sockaddr_storage *address = &source->address;
	char text[INET6_ADDRSTRLEN];
	int one = 1;

	if (*source->netdev && setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, source->netdev,
					  (socklen_t)strlen(source->netdev)) < 0)
		return errno == ENODEV ?
		       iscsi_fail(why, ISCSI_ERR_TRANS, "this host has no network device %s",
				  source->netdev) :
		       iscsi_fail(why, ISCSI_ERR_TRANS, "can't bind to network device %s: %s",
				  source->netdev, strerror(errno));
	if (address->ss_family == AF_UNSPEC)
		return ISCSI_SUCCESS;
	/* The connect chooses the port, so that connections to two portals may share a port. */
	(void)setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof(one));
	if (bind(fd, (const struct sockaddr *)address, address_len(address)) == 0)
		return ISCSI_SUCCESS;
	(void)host_text(address, text, sizeof(text));
	return errno == EADDRNOTAVAIL ?
	       iscsi_fail(why, ISCSI_ERR_TRANS, "this host has no address %s", text) :
	       iscsi_fail(why, ISCSI_ERR_TRANS, "can't bind to address %s: %s", text,
			  strerror(errno));
}

enum iscsi_err tcp_open(const struct sockaddr_storage *peer, const struct tcp_source *source,
			int *ret, struct iscsi_why *why)
{
	CLEANUP(closep) int fd = socket(peer->ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	enum iscsi_err err = ISCSI_SUCCESS;
	int one = 1;

	if (fd < 0)
		return iscsi_fail(why, errno == EAFNOSUPPORT ? ISCSI_ERR_TRANS : ISCSI_ERR_NOMEM,
				  "cannot make a socket: %s", strerror(errno));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (source)
		err = tcp_bind(fd, source, why);
	if (err)
		return err;
	*ret = fd;
	fd = -1;		/* now the caller's */
	return ISCSI_SUCCESS;
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
	if (connect(fd, (const struct sockaddr *)peer, address_len(peer)) < 0 &&
	    errno != EINPROGRESS)
		return -errno;
	return 0;
}

int tcp_error(int fd)
{
	socklen_t len = sizeof(int);
	int error;

	return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0 ? errno : error;
}

enum iscsi_err tcp_check_silence(int fd, struct iscsi_why *why)
{
	char byte;
	ssize_t n = recv(fd, &byte, 1, MSG_PEEK);

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

int tcp_late_answer(int fd)
{
	struct tcp_info info = { .tcpi_state = STATE_CLOSE };
	socklen_t len = sizeof(info);

	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) < 0)
		return -1;
	if (info.tcpi_data_segs_in)
		return 1;
	return info.tcpi_state == STATE_CLOSE ? -1 : 0;
}

bool tcp_peer_closed(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLRDHUP };

	return poll(&p, 1, 0) == 1 && p.revents & POLLRDHUP;
}
