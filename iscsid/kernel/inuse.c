/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whether a session's disks are in use, see inuse.h. libmount knows the mount table and the swap
 * areas; which devices stand on a disk is told by sysfs.
 */
#include "iscsid/kernel/inuse.h"

#include <libmount/libmount.h>
#include <limits.h>
#include <sys/sysmacros.h>

#include "libiscsi-db/util.h"

#define STACK_MAX	8	/* devices on top of each other */

struct usage {
	struct sysfs *sysfs;
	struct libmnt_table *mounts, *swaps;
	enum inuse_by by;
};

static void usage_done(struct usage *usage)
{
	mnt_unref_table(usage->mounts);
	mnt_unref_table(usage->swaps);
}

static void usage_read(struct usage *usage, const char *proc)
{
	char path[PATH_MAX];

	(void)snprintf(path, sizeof(path), "%s/self/mountinfo", proc);
	usage->mounts = mnt_new_table_from_file(path);
	(void)snprintf(path, sizeof(path), "%s/swaps", proc);
	usage->swaps = mnt_new_table();
	if (usage->swaps)
		(void)mnt_table_parse_swaps(usage->swaps, path);
}

/*
 * Whether the source of a mount or a swap area is the node of the device @name below /dev. Its name
 * decides, not the node: the service unit hides nodes (PrivateDevices), and a swap file may
 * lie on a disk that is gone, for which a look at the file would wait.
 */
static bool source_is(const struct usage *usage, struct libmnt_fs *fs, const char *name)
{
	const char *source = mnt_fs_get_source(fs);
	char path[320], mapped[160];

	if (!source || strncmp(source, "/dev/", 5))
		return false;
	source += 5;
	if (strncmp(source, "mapper/", 7))
		return streq(source, name);
	(void)snprintf(path, sizeof(path), "class/block/%s/dm/name", name);
	return sysfs_read_text(usage->sysfs, path, mapped, sizeof(mapped)) >= 0 &&
	       streq(source + 7, mapped);
}

static bool use_counts(enum inuse_by by, struct libmnt_fs *fs)
{
	const char *target = mnt_fs_get_target(fs);

	return by == INUSE_BY_ANY || mnt_fs_is_swaparea(fs) ||
	       (target && (streq(target, "/") || streq(target, "/usr")));
}

/* By source too, since btrfs shows a device number of its own. NULL: not in the table. */
static struct libmnt_fs *table_find(const struct usage *usage, struct libmnt_table *table,
				    const char *name, dev_t dev)
{
	struct libmnt_iter *iter = table ? mnt_new_iter(MNT_ITER_FORWARD) : NULL;
	struct libmnt_fs *fs, *found = NULL;

	while (iter && !found && mnt_table_next_fs(table, iter, &fs) == 0)
		if (use_counts(usage->by, fs) &&
		    (mnt_fs_get_devno(fs) == dev || source_is(usage, fs, name)))
			found = fs;
	mnt_free_iter(iter);
	return found;
}

/* True, with the reason, if the device itself is mounted or swapped to. */
static bool device_used(const struct usage *usage, const char *name, dev_t dev,
			struct iscsi_why *why)
{
	struct libmnt_fs *fs = table_find(usage, usage->mounts, name, dev);

	if (fs)
		(void)iscsi_fail(why, ISCSI_ERR_BUSY, "%s is mounted on %s", name,
				 mnt_fs_get_target(fs));
	else if (table_find(usage, usage->swaps, name, dev))
		(void)iscsi_fail(why, ISCSI_ERR_BUSY, "%s is used as swap", name);
	else
		return false;
	return true;
}

static bool read_devno(const struct usage *usage, const char *name, dev_t *ret)
{
	unsigned int major_no, minor_no;
	char path[320], text[32];

	(void)snprintf(path, sizeof(path), "class/block/%s/dev", name);
	if (sysfs_read_text(usage->sysfs, path, text, sizeof(text)) < 0 ||
	    sscanf(text, "%u:%u", &major_no, &minor_no) != 2)
		return false;
	*ret = makedev(major_no, minor_no);
	return true;
}

/* Where in a stack of devices the search is. */
struct place {
	const struct usage *usage;
	const char *prefix;		/* only entries of this prefix are devices */
	int depth;			/* how many devices lie below */
	struct iscsi_why *why;
};

static bool stack_used(void *arg, const char *name)
{
	const struct place *place = arg;
	struct place holders = *place, partitions = *place;
	char path[320];
	dev_t dev;

	if (strncmp(name, place->prefix, strlen(place->prefix)) || place->depth > STACK_MAX ||
	    !read_devno(place->usage, name, &dev))
		return false;
	if (device_used(place->usage, name, dev, place->why))
		return true;
	holders.depth = partitions.depth = place->depth + 1;
	holders.prefix = "";
	(void)snprintf(path, sizeof(path), "class/block/%s/holders", name);
	if (sysfs_any_entry(place->usage->sysfs, path, stack_used, &holders))
		return true;
	partitions.prefix = name;
	(void)snprintf(path, sizeof(path), "class/block/%s", name);
	return sysfs_any_entry(place->usage->sysfs, path, stack_used, &partitions);
}

enum iscsi_err inuse_check(struct sysfs *sysfs, const char *proc, unsigned int sid, int host_no,
			   enum inuse_by by, struct iscsi_why *why)
{
	struct sysfs_session session = { .sid = sid, .host_no = host_no };
	CLEANUP(freep) struct sysfs_lun *luns = NULL;
	struct usage usage = { .sysfs = sysfs, .by = by };
	struct place disk = { .usage = &usage, .prefix = "", .why = why };
	bool used = false;
	size_t len = 0;

	if (sysfs_list_luns(sysfs, &session, &luns, &len) || !len)
		return ISCSI_SUCCESS;
	usage_read(&usage, proc);
	for (size_t i = 0; i < len && !used; i++)
		used = *luns[i].block && stack_used(&disk, luns[i].block);
	usage_done(&usage);
	return used ? ISCSI_ERR_BUSY : ISCSI_SUCCESS;
}
