/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Bytes through a socket, see stream.h. */
#include "iscsid/base/stream.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

int stream_send(int fd, const void *data, size_t len, size_t *pos)
{
	while (*pos < len) {
		ssize_t n = TEMP_FAILURE_RETRY(send(fd, (const char *)data + *pos, len - *pos,
						    MSG_NOSIGNAL | MSG_DONTWAIT));

		if (n < 0)
			return errno == EAGAIN ? 0 : -errno;
		*pos += (size_t)n;
	}
	return 0;
}

int stream_receive(int fd, void *data, size_t len, size_t *pos)
{
	while (*pos < len) {
		ssize_t n = TEMP_FAILURE_RETRY(recv(fd, (char *)data + *pos, len - *pos,
						    MSG_DONTWAIT));

		if (n < 0)
			return errno == EAGAIN ? 0 : -errno;
		if (n == 0)
			return -ESHUTDOWN;
		*pos += (size_t)n;
	}
	return 1;
}
