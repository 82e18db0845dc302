/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The system calls of the database. A path is opened by openat2(2) below a folder or, where that
 * call is missing or meets a link, one part at a time. Only a link that root made leads out of the
 * folder. A test puts its own table in place of this one to fail or stop at any call.
 */
#include "libiscsi-db/os.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <time.h>

#include "libiscsi-db/line.h"
#include "libiscsi-db/process.h"

#define FILE_MODE	0600	/* of each file that is made: a record may hold a secret */

static bool is_of_root(const struct stat *st)
{
	return st->st_uid == 0 || st->st_uid == geteuid();
}

/*
 * Opens the folder that a link leads to, wherever that is, if root made the link in a folder that
 * only root may write. Only the folders of the first two levels may be links, and on the second
 * level a link to a name beside it is a second name of a target, which is refused. Any other link
 * is -ELOOP, and what is no link is -ENOTDIR.
 */
static int open_trusted_link(int at, const char *part, unsigned int level, int flags)
{
	struct stat folder, link;
	char text[PATH_MAX];
	ssize_t n = readlinkat(at, part, text, sizeof(text));
	int fd;

	if (n < 0)
		return -ENOTDIR;
	if (level > 1 || !(flags & O_DIRECTORY) ||
	    (level && !memchr(text, '/', (size_t)n)))
		return -ELOOP;
	if (fstat(at, &folder) < 0 || fstatat(at, part, &link, AT_SYMLINK_NOFOLLOW) < 0)
		return -ELOOP;
	if (!is_of_root(&folder) || folder.st_mode & (S_IWGRP | S_IWOTH) || !is_of_root(&link))
		return -ELOOP;
	fd = openat(at, part, flags & ~O_NOFOLLOW);
	return fd < 0 ? -ELOOP : fd;
}

/* Opens one part of @path after the other. Only open_trusted_link() follows links. */
int os_open_by_parts(int dir, const char *path, int flags)
{
	int at = dir, next;

	for (unsigned int level = 0;; level++) {
		size_t len = strcspn(path, "/");
		char part[NAME_MAX + 1];

		if (len > NAME_MAX)
			next = -ENAMETOOLONG;
		else if (!len || (len == 2 && strncmp(path, "..", 2) == 0))
			next = -EXDEV;
		else {
			int how = path[len] ? O_PATH | O_DIRECTORY | O_CLOEXEC : flags;

			memcpy(part, path, len);
			part[len] = '\0';
			next = openat(at, part, how | O_NOFOLLOW, FILE_MODE);
			if (next < 0)
				next = -errno;
			if (next == -ELOOP || next == -ENOTDIR)
				next = open_trusted_link(at, part, level, how);
		}
		if (at != dir)
			(void)close(at);
		if (next < 0 || !path[len])
			return next;
		at = next;
		path += len + 1;
	}
}

static int real_open(int dir, const char *path, int flags)
{
	struct open_how how = {
		.flags = (unsigned int)(flags | O_CLOEXEC),
		.mode = flags & O_CREAT ? FILE_MODE : 0,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
	};
	long fd;
	int err;

	/* EAGAIN: another process renamed a folder while ".." or a link was followed. */
	for (int tries = 0; tries < 10; tries++) {
		fd = syscall(SYS_openat2, dir, path, &how, sizeof(how));
		if (fd >= 0)
			return (int)fd;
		if (errno != EAGAIN && errno != EINTR)
			break;
	}
	/* Older container runtimes answer calls that they don't know with EPERM. */
	err = -errno;
	if (err == -ENOSYS || err == -EPERM)
		return os_open_by_parts(dir, path, flags | O_CLOEXEC);
	if (err != -EXDEV && err != -ELOOP && err != -ENOTDIR)
		return err;
	/* A trusted link may be on the way. */
	fd = os_open_by_parts(dir, path, flags | O_CLOEXEC);
	return fd == -ELOOP || fd == -ENOTDIR ? err : (int)fd;
}

static ssize_t real_read(int fd, void *buf, size_t len, off_t at)
{
	ssize_t n = TEMP_FAILURE_RETRY(pread(fd, buf, len, at));

	return n < 0 ? -errno : n;
}

static ssize_t real_write(int fd, const void *buf, size_t len)
{
	ssize_t n = TEMP_FAILURE_RETRY(write(fd, buf, len));

	return n < 0 ? -errno : n;
}

static ssize_t real_getdents(int fd, void *buf, size_t size)
{
	ssize_t n = getdents64(fd, buf, size);

	return n < 0 ? -errno : n;
}

static int real_readlink(int dir, const char *name, char *buf, size_t size)
{
	ssize_t n = readlinkat(dir, name, buf, size - 1);

	if (n < 0)
		return -errno;
	buf[n] = '\0';
	return (int)n;
}

/* A call that returns 0 or -errno where the C library's @call returns 0 or -1. */
#define REAL(name, call, ...)			\
	static int real_##name(__VA_ARGS__)	\
	{					\
		return (call) < 0 ? -errno : 0;	\
	}

REAL(close, close(fd), int fd)
REAL(fsync, fsync(fd), int fd)
REAL(syncfs, syncfs(fd), int fd)
REAL(stat, fstatat(dir, name, st, AT_SYMLINK_NOFOLLOW), int dir, const char *name, struct stat *st)
REAL(mkdir, mkdirat(dir, name, mode), int dir, const char *name, mode_t mode)
REAL(unlink, unlinkat(dir, name, flags), int dir, const char *name, int flags)
REAL(rename, renameat2(from_dir, from, to_dir, to, exchange ? RENAME_EXCHANGE : 0),
     int from_dir, const char *from, int to_dir, const char *to, bool exchange)
REAL(symlink, symlinkat(text, dir, name), const char *text, int dir, const char *name)
REAL(link, linkat(dir, from, dir, to, 0), int dir, const char *from, const char *to)
REAL(flock, flock(fd, operation), int fd, int operation)

static int64_t real_wall_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void real_sleep_ms(unsigned int ms)
{
	(void)usleep(ms * 1000);
}

const struct db_os db_os_real = {
	.open = real_open,
	.close = real_close,
	.read = real_read,
	.write = real_write,
	.getdents = real_getdents,
	.fsync = real_fsync,
	.syncfs = real_syncfs,
	.stat = real_stat,
	.mkdir = real_mkdir,
	.unlink = real_unlink,
	.rename = real_rename,
	.symlink = real_symlink,
	.readlink = real_readlink,
	.link = real_link,
	.flock = real_flock,
	.now_ms = monotonic_ms,
	.wall_ms = real_wall_ms,
	.sleep_ms = real_sleep_ms,
	.foreign_alive = process_foreign_alive,
};

bool os_is_entry(const struct db_os *os, int fd, int dir, const char *name)
{
	struct stat opened, named;

	return fstat(fd, &opened) == 0 && os->stat(dir, name, &named) == 0 &&
	       os_same_file(&opened, &named);
}

/* Pipes and sockets fail by themselves, since they can't be read at an offset. */
int os_read_fd(const struct db_os *os, int fd, char **ret, size_t *len)
{
	size_t used = 0, room = 8192;
	char *text = malloc(room);
	ssize_t n = -ENOMEM;

	while (text && (n = os->read(fd, text + used, room - used - 1, (off_t)used)) > 0) {
		char *grown;

		used += (size_t)n;
		if (used + 1 < room) {	/* Linux reads a regular file short only at its end. */
			n = 0;
			break;
		}
		grown = used > DB_TEXT_MAX ? NULL : malloc(2 * room);
		if (!grown) {
			n = used > DB_TEXT_MAX ? -EFBIG : -ENOMEM;
			break;
		}
		memcpy(grown, text, used);
		wipe_free(text, used);
		text = grown;
		room *= 2;
	}
	if (!n && used > DB_TEXT_MAX)
		n = -EFBIG;
	if (n < 0) {
		wipe_free(text, used);
		return n == -ESPIPE ? -EINVAL : (int)n;
	}
	text[used] = '\0';
	*ret = text;
	*len = used;
	return 0;
}

int os_read_path(const char *path, char **ret, size_t *len)
{
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC), r;

	if (fd < 0)
		return -errno;
	r = os_read_fd(&db_os_real, fd, ret, len);
	(void)close(fd);
	return r;
}
