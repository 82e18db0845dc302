/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whether a session's disks are in use, see inuse.h. libmount knows the mount table and the swap
 * areas; which devices stand on a disk is told by sysfs.
 */
#include "iscsid/kernel/inuse.h"

#include <dirent.h>
#include <libmount/libmount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "libiscsi-db/util.h"

#define STACK_MAX	8	/* devices on top of each other */

struct usage {
	struct libmnt_table *mounts, *swaps;
};

static void usage_done(struct usage *usage)
{
	mnt_unref_table(usage->mounts);
	mnt_unref_table(usage->swaps);
}

static void usage_read(struct usage *usage)
{
	usage->mounts = mnt_new_table_from_file("/proc/self/mountinfo");
	usage->swaps = mnt_new_table();
	if (usage->swaps)
		(void)mnt_table_parse_swaps(usage->swaps, NULL);
}

/*
 * The source of a mount or a swap area is looked at only below /dev: a swap file may lie on the
 * very disk that is gone, and asking for it would wait for that.
 */
static bool source_is(struct libmnt_fs *fs, dev_t dev)
{
	const char *source = mnt_fs_get_source(fs);
	struct stat st;

	return source && !strncmp(source, "/dev/", 5) && stat(source, &st) == 0 &&
	       S_ISBLK(st.st_mode) && st.st_rdev == dev;
}

/* By source too, since btrfs shows a device number of its own. NULL: not in the table. */
static struct libmnt_fs *table_find(struct libmnt_table *table, dev_t dev)
{
	struct libmnt_iter *iter = table ? mnt_new_iter(MNT_ITER_FORWARD) : NULL;
	struct libmnt_fs *fs, *found = NULL;

	while (iter && !found && mnt_table_next_fs(table, iter, &fs) == 0)
		if (mnt_fs_get_devno(fs) == dev || source_is(fs, dev))
			found = fs;
	mnt_free_iter(iter);
	return found;
}

/* True, with the reason, if the device itself is mounted or swapped to. */
static bool device_used(const struct usage *usage, const char *name, dev_t dev,
			struct iscsi_why *why)
{
	struct libmnt_fs *fs = table_find(usage->mounts, dev);

	if (fs)
		(void)iscsi_fail(why, ISCSI_ERR_BUSY, "%s is mounted on %s", name,
				 mnt_fs_get_target(fs));
	else if (table_find(usage->swaps, dev))
		(void)iscsi_fail(why, ISCSI_ERR_BUSY, "%s is used as swap", name);
	else
		return false;
	return true;
}

static bool read_devno(const char *name, dev_t *ret)
{
	unsigned int major_no, minor_no;
	char path[320];
	CLEANUP(fclosep) FILE *f = NULL;

	(void)snprintf(path, sizeof(path), "/sys/class/block/%s/dev", name);
	f = fopen(path, "re");
	if (!f || fscanf(f, "%u:%u", &major_no, &minor_no) != 2)
		return false;
	*ret = makedev(major_no, minor_no);
	return true;
}

static bool stack_used(const struct usage *usage, const char *name, int depth,
		       struct iscsi_why *why);

/* The entries of @folder that are devices: partitions of @name, or what holds it. */
static bool folder_used(const struct usage *usage, const char *folder, const char *prefix,
			int depth, struct iscsi_why *why)
{
	struct dirent *entry;
	DIR *dir = opendir(folder);
	bool found = false;

	while (dir && !found && (entry = readdir(dir)))
		if (entry->d_name[0] != '.' && !strncmp(entry->d_name, prefix, strlen(prefix)))
			found = stack_used(usage, entry->d_name, depth, why);
	if (dir)
		closedir(dir);
	return found;
}

static bool stack_used(const struct usage *usage, const char *name, int depth,
		       struct iscsi_why *why)
{
	char path[320];
	dev_t dev;

	if (depth > STACK_MAX || !read_devno(name, &dev))
		return false;
	if (device_used(usage, name, dev, why))
		return true;
	(void)snprintf(path, sizeof(path), "/sys/class/block/%s/holders", name);
	if (folder_used(usage, path, "", depth + 1, why))
		return true;
	(void)snprintf(path, sizeof(path), "/sys/class/block/%s", name);
	return folder_used(usage, path, name, depth + 1, why);
}

enum iscsi_err inuse_check(struct sysfs *sysfs, unsigned int sid, int host_no,
			   struct iscsi_why *why)
{
	struct sysfs_session session = { .sid = sid, .host_no = host_no };
	CLEANUP(freep) struct sysfs_lun *luns = NULL;
	struct usage usage;
	bool used = false;
	size_t len = 0;

	if (sysfs_list_luns(sysfs, &session, &luns, &len) || !len)
		return ISCSI_SUCCESS;
	usage_read(&usage);
	for (size_t i = 0; i < len && !used; i++)
		used = *luns[i].block && stack_used(&usage, luns[i].block, 0, why);
	usage_done(&usage);
	return used ? ISCSI_ERR_BUSY : ISCSI_SUCCESS;
}
