/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who may command the daemon, see peer.h. */
#include "iscsid/peer.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/capability.h>
#include <signal.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "libiscsi-db/util.h"

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD	77
#endif

#define CAPABLE		((UINT64_C(1) << CAP_SYS_ADMIN) | (UINT64_C(1) << CAP_NET_ADMIN))

/* CapEff of a process; false: /proc doesn't show it. */
static bool read_capabilities(const char *proc, pid_t pid, uint64_t *ret)
{
	CLEANUP(fclosep) FILE *f = NULL;
	char path[64], line[256];

	(void)snprintf(path, sizeof(path), "%s/%d/status", proc, (int)pid);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "CapEff: %" SCNx64, ret) == 1)
			return true;
	return false;
}

/* In another user namespace capabilities mean nothing to this one. False also if it can't be told. */
static bool is_elsewhere(const char *proc, pid_t pid)
{
	struct stat theirs, ours;
	char path[64];

	(void)snprintf(path, sizeof(path), "%s/%d/ns/user", proc, (int)pid);
	if (stat(path, &theirs) < 0)
		return false;
	(void)snprintf(path, sizeof(path), "%s/self/ns/user", proc);
	return stat(path, &ours) == 0 &&
	       (theirs.st_ino != ours.st_ino || theirs.st_dev != ours.st_dev);
}

enum iscsi_err peer_check_process(const char *proc, uid_t uid, pid_t pid, bool *unsure,
				  struct iscsi_why *why)
{
	uint64_t capabilities;

	*unsure = false;
	if (uid && uid == geteuid())
		return ISCSI_SUCCESS;
	if (uid)
		return iscsi_fail(why, ISCSI_ERR_ACCESS, "only root may command iscsid");
	if (pid == getpid())
		return ISCSI_SUCCESS;
	if (!read_capabilities(proc, pid, &capabilities)) {
		*unsure = true;
		return ISCSI_SUCCESS;
	}
	if (is_elsewhere(proc, pid))
		return iscsi_fail(why, ISCSI_ERR_ACCESS, "only root may command iscsid, and pid %d "
				  "is root of another user namespace", (int)pid);
	if (!(capabilities & CAPABLE))
		return iscsi_fail(why, ISCSI_ERR_ACCESS, "to command iscsid takes CAP_SYS_ADMIN or "
				  "CAP_NET_ADMIN, and pid %d has neither", (int)pid);
	return ISCSI_SUCCESS;
}

/* The process that has connected, even if its number is another's by now. -errno */
static int open_process(int fd, pid_t pid)
{
	int pid_fd;
	socklen_t len = sizeof(pid_fd);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERPIDFD, &pid_fd, &len) < 0)
		pid_fd = errno == ENOPROTOOPT && pid > 0 ? pidfd_open(pid, 0) : -1;
	return pid_fd < 0 ? -errno : pid_fd;
}

enum iscsi_err peer_check(int fd, bool *unsure, struct iscsi_why *why)
{
	CLEANUP(closep) int pid_fd = -1;
	struct ucred peer;
	socklen_t len = sizeof(peer);
	enum iscsi_err err;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0)
		return iscsi_fail(why, ISCSI_ERR_ACCESS, "who asks can't be told: %s",
				  strerror(errno));
	if (peer.uid)			/* cheap, since anybody may connect all the time */
		return peer_check_process("/proc", peer.uid, peer.pid, unsure, why);
	pid_fd = open_process(fd, peer.pid);
	err = peer_check_process("/proc", peer.uid, peer.pid, unsure, why);
	/*
	 * The number was this process's all the time if the process is still there now. Of a process
	 * that had ended before, /proc shows nothing; SO_PEERPIDFD says EINVAL then.
	 */
	if (!err && (pid_fd == -ESRCH || pid_fd == -EINVAL ||
		     (pidfd_send_signal(pid_fd, 0, NULL, 0) < 0 && errno == ESRCH)))
		return iscsi_fail(why, ISCSI_ERR_ACCESS, "whoever connected has ended");
	return err;
}
