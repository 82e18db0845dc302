/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The sockets that iscsid is asked on, see listen.h. */
#include "iscsid/listen.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "iscsid/message/mgmt_msg.h"
#include "libiscsi-db/util.h"

#define LISTEN_BACKLOG	128

static int bind_and_listen(const struct sockaddr_un *addr, socklen_t len)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -errno;
	if (bind(fd, (const struct sockaddr *)addr, len) < 0 || listen(fd, LISTEN_BACKLOG) < 0) {
		int r = -errno;

		(void)close(fd);
		return r;
	}
	return fd;
}

int listen_abstract(void)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	size_t len = strlen(MGMT_SOCKET_ABSTRACT);

	memcpy(addr.sun_path + 1, MGMT_SOCKET_ABSTRACT, len);
	return bind_and_listen(&addr, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + len));
}

int listen_path(const char *path, struct stat *own)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	mode_t old;
	int fd;

	if (snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path) >=
	    (int)sizeof(addr.sun_path))
		return -ENAMETOOLONG;
	(void)unlink(path);
	old = umask(0177);
	fd = bind_and_listen(&addr, sizeof(addr));
	umask(old);
	if (fd >= 0 && stat(path, own) < 0) {
		int r = -errno;

		(void)close(fd);
		return r;
	}
	return fd;
}

void listen_remove(const char *path, const struct stat *own)
{
	struct stat st;

	if (stat(path, &st) == 0 && st.st_ino == own->st_ino && st.st_dev == own->st_dev)
		(void)unlink(path);
}
