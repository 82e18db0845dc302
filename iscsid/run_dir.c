/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The daemon's folder below /run, see run_dir.h. */
#include "iscsid/run_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "libiscsi-db/util.h"

#define LOCK_FILE	"lock"

enum iscsi_err run_dir_open(const char *path, int *ret, struct iscsi_why *why)
{
	CLEANUP(closep) int fd = mkdir(path, 0755) < 0 && errno != EEXIST ? -1 :
				 open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return iscsi_fail(why, ISCSI_ERR_INTERNAL, "%s: %s", path, strerror(errno));
	if ((st.st_uid && st.st_uid != geteuid()) || st.st_mode & 022)
		return iscsi_fail(why, ISCSI_ERR_INTERNAL, "%s belongs to uid %u and has mode %03o, "
				  "but only root may be able to write there", path,
				  (unsigned int)st.st_uid, (unsigned int)st.st_mode & 0777);
	*ret = fd;
	fd = -1;		/* now the caller's */
	return ISCSI_SUCCESS;
}

/* The pid in the lock file serves this message alone; the kernel's lock decides. */
static enum iscsi_err fail_locked(int fd, const char *path, struct iscsi_why *why)
{
	char pid[16] = "";

	(void)!read(fd, pid, sizeof(pid) - 1);
	pid[strspn(pid, "0123456789")] = '\0';
	return iscsi_fail(why, ISCSI_ERR_INTERNAL, "another iscsid is running%s%s; it holds "
			  "%s/" LOCK_FILE, *pid ? ", pid " : "", pid, path);
}

enum iscsi_err run_dir_lock(int dir_fd, const char *path, int *ret, struct iscsi_why *why)
{
	CLEANUP(closep) int fd = openat(dir_fd, LOCK_FILE, O_RDWR | O_CREAT | O_NONBLOCK | O_NOCTTY |
					O_NOFOLLOW | O_CLOEXEC, 0600);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return iscsi_fail(why, ISCSI_ERR_INTERNAL, "%s/" LOCK_FILE ": %s", path,
				  strerror(errno));
	if (!S_ISREG(st.st_mode))
		return iscsi_fail(why, ISCSI_ERR_INTERNAL, "%s/" LOCK_FILE " is no regular file",
				  path);
	/* The kernel gives the lock back when its holder dies, however that happens. */
	if (fcntl(fd, F_OFD_SETLK, &(struct flock){ .l_type = F_WRLCK }) < 0) {
		if (errno == EAGAIN || errno == EACCES)
			return fail_locked(fd, path, why);
		return iscsi_fail(why, ISCSI_ERR_INTERNAL, "%s/" LOCK_FILE ": %s", path,
				  strerror(errno));
	}
	(void)!ftruncate(fd, 0);
	(void)dprintf(fd, "%d\n", getpid());
	*ret = fd;
	fd = -1;		/* now the caller's */
	return ISCSI_SUCCESS;
}

bool run_dir_is_idle(int dir_fd)
{
	CLEANUP(closep) int fd = openat(dir_fd, LOCK_FILE, O_RDONLY | O_NONBLOCK | O_NOCTTY |
					O_NOFOLLOW | O_CLOEXEC);
	struct flock lock = { .l_type = F_WRLCK };

	if (fd < 0)
		return errno == ENOENT;
	return !fcntl(fd, F_OFD_GETLK, &lock) && lock.l_type == F_UNLCK;
}
