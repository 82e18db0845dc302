/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The system calls of the database. Paths are opened below a folder and never lead out of it,
 * by openat2(2) or, where that is missing, one part at a time. A test puts its own table in
 * place of this one to fail or stop at any call.
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

#include "libiscsi-db/process.h"
#include "libiscsi-db/record.h"
#include "libiscsi-db/record_text.h"

/* One part after the other; a symbolic link anywhere is refused. */
int os_open_by_parts(int dir, const char *path, int flags, mode_t mode)
{
	int at = dir, next;

	for (;;) {
		size_t len = strcspn(path, "/");
		char part[NAME_MAX + 1];

		if (len > NAME_MAX)
			next = -ENAMETOOLONG;
		else if (!len || (len == 2 && strncmp(path, "..", 2) == 0))
			next = -EXDEV;
		else {
			bool last = !path[len];

			memcpy(part, path, len);
			part[len] = '\0';
			next = openat(at, part,
				      last ? flags | O_NOFOLLOW :
					     O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC,
				      mode);
			if (next < 0)
				next = -errno;
		}
		if (at != dir)
			(void)close(at);
		if (next < 0 || !path[len])
			return next;
		at = next;
		path += len + 1;
	}
}

static int real_open(int dir, const char *path, int flags, mode_t mode)
{
	struct open_how how = {
		.flags = (unsigned int)(flags | O_CLOEXEC),
		.mode = flags & O_CREAT ? mode : 0,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
	};
	long fd;

	/* EAGAIN: something was renamed while ".." or a link was followed. */
	for (int tries = 0; tries < 10; tries++) {
		fd = syscall(SYS_openat2, dir, path, &how, sizeof(how));
		if (fd >= 0)
			return (int)fd;
		if (errno != EAGAIN && errno != EINTR)
			break;
	}
	/* EPERM is how older container runtimes answer calls that they don't know. */
	if (errno == ENOSYS || errno == EPERM)
		return os_open_by_parts(dir, path, flags | O_CLOEXEC, mode);
	return -errno;
}

static int real_close(int fd)
{
	return close(fd) < 0 ? -errno : 0;
}

static ssize_t real_read(int fd, void *buf, size_t len, off_t at)
{
	ssize_t n;

	do
		n = pread(fd, buf, len, at);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

static ssize_t real_write(int fd, const void *buf, size_t len)
{
	ssize_t n;

	do
		n = write(fd, buf, len);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

static ssize_t real_getdents(int fd, void *buf, size_t size)
{
	ssize_t n = getdents64(fd, buf, size);

	return n < 0 ? -errno : n;
}

static int real_fsync(int fd)
{
	return fsync(fd) < 0 ? -errno : 0;
}

static int real_syncfs(int fd)
{
	return syncfs(fd) < 0 ? -errno : 0;
}

static int real_stat(int dir, const char *name, struct stat *st)
{
	return fstatat(dir, name, st, AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
}

static int real_mkdir(int dir, const char *name, mode_t mode)
{
	return mkdirat(dir, name, mode) < 0 ? -errno : 0;
}

static int real_unlink(int dir, const char *name, int flags)
{
	return unlinkat(dir, name, flags) < 0 ? -errno : 0;
}

static int real_rename(int from_dir, const char *from, int to_dir, const char *to, bool exchange)
{
	unsigned int flags = exchange ? RENAME_EXCHANGE : 0;

	return renameat2(from_dir, from, to_dir, to, flags) < 0 ? -errno : 0;
}

static int real_symlink(const char *text, int dir, const char *name)
{
	return symlinkat(text, dir, name) < 0 ? -errno : 0;
}

static int real_readlink(int dir, const char *name, char *buf, size_t size)
{
	ssize_t n = readlinkat(dir, name, buf, size - 1);

	if (n < 0)
		return -errno;
	buf[n] = '\0';
	return (int)n;
}

static int real_link(int dir, const char *from, const char *to)
{
	return linkat(dir, from, dir, to, 0) < 0 ? -errno : 0;
}

static int real_flock(int fd, int operation)
{
	return flock(fd, operation) < 0 ? -errno : 0;
}

static int64_t clock_ms(clockid_t clock)
{
	struct timespec now;

	(void)clock_gettime(clock, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int64_t real_now_ms(void)
{
	return clock_ms(CLOCK_MONOTONIC);
}

static int64_t real_wall_ms(void)
{
	return clock_ms(CLOCK_REALTIME);
}

static void real_sleep_ms(unsigned int ms)
{
	struct timespec pause = { .tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000 };

	(void)nanosleep(&pause, NULL);
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
	.now_ms = real_now_ms,
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

/* Reading at an offset fails for pipes and sockets, so that their kind needn't be asked for. */
int os_read_fd(const struct db_os *os, int fd, char **ret, size_t *len)
{
	size_t used = 0, room = 8192;
	char *text = malloc(room);
	ssize_t n = -ENOMEM;

	while (text && (n = os->read(fd, text + used, room - used - 1, (off_t)used)) > 0) {
		char *grown;

		used += (size_t)n;
		if (used + 1 < room)
			continue;
		grown = used > DB_TEXT_MAX ? NULL : malloc(2 * room);
		if (!grown) {
			n = used > DB_TEXT_MAX ? -EFBIG : -ENOMEM;
			break;
		}
		memcpy(grown, text, used);
		text_wipe(text, used);
		text = grown;
		room *= 2;
	}
	if (!n && used > DB_TEXT_MAX)
		n = -EFBIG;
	if (n < 0) {
		text_wipe(text, used);
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
