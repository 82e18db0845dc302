/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The system calls of the database in a table that a test can replace. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

/*
 * Each call returns a non-negative result or -errno. A path for open() may have several parts, and
 * leads out of @dir only by a link of root. The other calls take the name of one entry of @dir, and
 * don't follow a link.
 */
struct db_os {
	int (*open)(int dir, const char *path, int flags);
	int (*close)(int fd);
	ssize_t (*read)(int fd, void *buf, size_t len, off_t at);
	ssize_t (*write)(int fd, const void *buf, size_t len);
	ssize_t (*getdents)(int fd, void *buf, size_t size);	/* struct dirent64s; 0: the end */
	int (*fsync)(int fd);
	int (*syncfs)(int fd);
	int (*stat)(int dir, const char *name, struct stat *st);
	int (*mkdir)(int dir, const char *name, mode_t mode);
	int (*unlink)(int dir, const char *name, int flags);
	int (*rename)(int from_dir, const char *from, int to_dir, const char *to, bool exchange);
	int (*symlink)(const char *text, int dir, const char *name);
	int (*readlink)(int dir, const char *name, char *buf, size_t size);
	int (*link)(int dir, const char *from, const char *to);
	int (*flock)(int fd, int operation);
	int64_t (*now_ms)(void);		/* monotonic */
	int64_t (*wall_ms)(void);		/* as file times count */
	void (*sleep_ms)(unsigned int ms);
	/* Whether a program that may hold open-iscsi's lock, and isn't ours, is alive. */
	bool (*foreign_alive)(void);
};

extern const struct db_os db_os_real;

/* The way in which open() works on a kernel without openat2(2). */
int os_open_by_parts(int dir, const char *path, int flags);

static inline bool os_same_file(const struct stat *a, const struct stat *b)
{
	return a->st_ino == b->st_ino && a->st_dev == b->st_dev;
}

/* True if @name in @dir is still the open file @fd, and no process has replaced or removed it. */
bool os_is_entry(const struct db_os *os, int fd, int dir, const char *name);

/*
 * Reads a whole file into malloc()ed, terminated text. -EFBIG: more than DB_TEXT_MAX bytes;
 * -EINVAL: not a regular file. os_read_path() takes any path and follows links.
 */
int os_read_fd(const struct db_os *os, int fd, char **ret, size_t *len);
int os_read_path(const char *path, char **ret, size_t *len);
