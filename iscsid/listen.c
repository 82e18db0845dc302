/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The sockets that iscsid is asked on, see listen.h. */
#include "iscsid/listen.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/un.h>
#include <time.h>

#include "iscsid/base/log.h"
#include "libiscsi-db/process.h"
#include "libiscsi-db/util.h"

#define LISTEN_BACKLOG	128

#define HOLDER_TRIES	10
#define HOLDER_PAUSE_MS	50

static int bind_and_listen(const struct sockaddr_un *addr, socklen_t len)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	return fd < 0 || bind(fd, (const struct sockaddr *)addr, len) < 0 ||
	       listen(fd, LISTEN_BACKLOG) < 0 ? close_failed(fd) : fd;
}

/* The length of the address, or 0 if the name is too long for one. */
static socklen_t abstract_address(const char *name, struct sockaddr_un *ret)
{
	size_t len = strlen(name);

	if (len + 1 > sizeof(ret->sun_path))
		return 0;
	*ret = (struct sockaddr_un){ .sun_family = AF_UNIX };
	memcpy(ret->sun_path + 1, name, len);
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + len);
}

int listen_abstract(const char *name)
{
	struct sockaddr_un addr;
	socklen_t len = abstract_address(name, &addr);

	return len ? bind_and_listen(&addr, len) : -ENAMETOOLONG;
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
	return fd >= 0 && stat(path, own) < 0 ? close_failed(fd) : fd;
}

void listen_remove(const char *path, const struct stat *own)
{
	struct stat st;

	if (stat(path, &st) == 0 && st.st_ino == own->st_ino && st.st_dev == own->st_dev)
		(void)unlink(path);
}

/* ---- who has the name ------------------------------------------------------------------------ */

int listen_holder(const char *name, struct ucred *ret)
{
	const struct timespec pause = { .tv_nsec = HOLDER_PAUSE_MS * 1000000L };
	CLEANUP(closep) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_un addr;
	socklen_t len = abstract_address(name, &addr), cred_len = sizeof(*ret);
	int r;

	if (fd < 0)
		return -errno;
	if (!len)
		return -ENAMETOOLONG;
	for (int i = 0; i < HOLDER_TRIES; i++) {
		r = connect(fd, (const struct sockaddr *)&addr, len) < 0 ? -errno : 0;
		/* A queue that is full, or a process between bind() and listen(), may recover. */
		if (r != -EAGAIN && r != -ECONNREFUSED)
			break;
		(void)nanosleep(&pause, NULL);
	}
	if (r >= 0 && getsockopt(fd, SOL_SOCKET, SO_PEERCRED, ret, &cred_len) < 0)
		r = -errno;
	return r;
}

/* A process chooses its own name, so what isn't plain in it is left out. */
static void printable_name(pid_t pid, char *ret, size_t size)
{
	char text[16];		/* as long as the kernel's */

	if (!process_name(pid, text, sizeof(text)))
		return;
	for (char *p = text; *p; p++)
		if (!isalnum((unsigned char)*p) && !strchr("-_.", *p))
			*p = '?';
	(void)snprintf(ret, size, "%s", text);
}

enum iscsi_err listen_judge_holder(const char *name, struct iscsi_why *why)
{
	struct ucred peer;
	char comm[32] = "a process";
	int r = listen_holder(name, &peer);

	if (r < 0) {
		log_warning("@%s is held by a process that doesn't serve it (%s); programs that "
			    "know only this name won't reach iscsid", name, strerror(-r));
		return ISCSI_SUCCESS;
	}
	printable_name(peer.pid, comm, sizeof(comm));
	if (peer.uid == 0 || peer.uid == geteuid())
		return iscsi_fail(why, ISCSI_ERR_INTERNAL, "Can not bind IPC socket: another iscsid "
				  "is running: %s, pid %d, listens on @%s", comm, (int)peer.pid,
				  name);
	log_warning("@%s is held by %s, pid %d, of uid %u, which is not root; programs that know "
		    "only this name won't reach iscsid", name, comm, (int)peer.pid,
		    (unsigned int)peer.uid);
	return ISCSI_SUCCESS;
}
