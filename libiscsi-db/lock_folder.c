/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The folder of the lock's files, see lock_folder.h. */
#include "libiscsi-db/lock_folder.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>

#include "libiscsi-db/os.h"
#include "libiscsi-db/util.h"

#define DEFAULT_FOLDER	"/run/lock/iscsi"

const char *lock_folder_path(void)
{
	const char *path = secure_getenv("ISCSI_LOCK_DIR");

	return path && *path ? path : DEFAULT_FOLDER;
}

static int make_lock_folder(const struct db_os *os, const char *path)
{
	CLEANUP(freep) char *above = NULL;
	const char *slash = strrchr(path, '/');
	int r = os->mkdir(AT_FDCWD, path, 0700);

	if (r != -ENOENT || !slash || slash == path)
		return r == -EEXIST ? 0 : r;
	/* Small containers have no /run/lock. */
	above = strndup(path, (size_t)(slash - path));
	if (!above)
		return -ENOMEM;
	r = os->mkdir(AT_FDCWD, above, 0755);
	if (r < 0 && r != -EEXIST)
		return r;
	r = os->mkdir(AT_FDCWD, path, 0700);
	return r == -EEXIST ? 0 : r;
}

/*
 * Puts a folder of our own in the place of what lies at @path. The two change places in one step,
 * so that nobody can make another in between; from then on only root may move ours.
 */
static int move_aside(const char *path, struct iscsi_why *told)
{
	char other[PATH_MAX];
	struct stat st;
	bool empty;

	if (snprintf(other, sizeof(other), "%s.aside-XXXXXX", path) >= (int)sizeof(other))
		return -ENAMETOOLONG;
	if (!mkdtemp(other))
		return -errno;
	if (renameat2(AT_FDCWD, other, AT_FDCWD, path, RENAME_EXCHANGE) < 0) {
		int r = -errno;

		(void)rmdir(other);
		return r;
	}
	if (lstat(other, &st) < 0)
		return -errno;
	empty = rmdir(other) == 0;
	(void)iscsi_fail(told, ISCSI_ERR_IDBM, "%s belonged to uid %u, who isn't root, and kept "
			 "records from being changed; it was %s%s", path, (unsigned int)st.st_uid,
			 empty ? "empty, and was removed" : "moved to ", empty ? "" : other);
	return 0;
}

int lock_folder_open(const struct db_os *os, const char *path, struct iscsi_why *told)
{
	struct stat st;
	int fd, r, error;

	told->text[0] = '\0';
	for (int tries = 0; tries < 2; tries++) {
		r = make_lock_folder(os, path);
		if (r < 0)
			return r;
		fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		error = errno;
		if ((fd < 0 ? lstat(path, &st) : fstat(fd, &st)) < 0)
			return errno == ENOENT ? -EAGAIN : -errno;
		if (!st.st_uid || st.st_uid == geteuid()) {
			/* Whoever could write here could take the lock's files away. */
			if (fd >= 0 && st.st_mode & 022 && st.st_uid == geteuid())
				(void)fchmod(fd, 0700);
			return fd < 0 ? -error : fd;
		}
		closep(&fd);
		if (geteuid())
			return -EPERM;
		r = move_aside(path, told);
		if (r < 0)
			return r;
	}
	return -EPERM;
}

enum iscsi_err iscsi_db_make_lock_folder(iscsi_db_warn_fn *warn, void *arg, struct iscsi_why *why)
{
	const char *path = lock_folder_path();
	struct iscsi_why told;
	int fd = lock_folder_open(&db_os_real, path, &told);

	if (*told.text && warn)
		warn(arg, told.text);
	if (fd < 0)
		return iscsi_fail(why, ISCSI_ERR_IDBM, "%s: %s", path, strerror(-fd));
	(void)close(fd);
	return ISCSI_SUCCESS;
}
