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

struct inuse {
	struct sysfs *sysfs;
	struct libmnt_table *mounts, *swaps;
};

struct inuse *inuse_open(struct sysfs *sysfs, const char *proc)
{
	struct inuse *inuse = calloc(1, sizeof(*inuse));
	char path[PATH_MAX];

	if (!inuse)
		return NULL;
	inuse->sysfs = sysfs;
	(void)snprintf(path, sizeof(path), "%s/self/mountinfo", proc);
	inuse->mounts = mnt_new_table_from_file(path);
	(void)snprintf(path, sizeof(path), "%s/swaps", proc);
	inuse->swaps = mnt_new_table();
	if (inuse->swaps)
		(void)mnt_table_parse_swaps(inuse->swaps, path);
	return inuse;
}

struct inuse *inuse_close(struct inuse *inuse)
{
	if (inuse) {
		mnt_unref_table(inuse->mounts);
		mnt_unref_table(inuse->swaps);
	}
	free(inuse);
	return NULL;
}

/*
 * Whether the source of a mount or a swap area is the node of the device @name below /dev. Its name
 * decides, not the node: the service unit hides nodes (PrivateDevices), and a swap file may
 * lie on a disk that is gone, for which a look at the file would wait.
 */
static bool source_is(const struct inuse *inuse, struct libmnt_fs *fs, const char *name)
{
	const char *source = mnt_fs_get_source(fs);
	char path[320], mapped[128];	/* the device mapper's names are no longer */

	if (!source || strncmp(source, "/dev/", 5))
		return false;
	source += 5;
	if (strncmp(source, "mapper/", 7))
		return streq(source, name);
	(void)snprintf(path, sizeof(path), "class/block/%s/dm/name", name);
	return sysfs_read_text(inuse->sysfs, path, mapped, sizeof(mapped)) >= 0 &&
	       streq(source + 7, mapped);
}

/* Where in a stack of devices the search is. */
struct place {
	const struct inuse *inuse;
	const char *prefix;		/* only entries of this prefix are devices */
	int depth;			/* how many devices lie below */
	inuse_fn *fn;
	void *arg;
};

/* By source too, since btrfs shows a device number of its own. */
static bool table_told(const struct place *place, struct libmnt_table *table, const char *name,
		       dev_t dev)
{
	struct libmnt_iter *iter = table ? mnt_new_iter(MNT_ITER_FORWARD) : NULL;
	struct libmnt_fs *fs;
	bool enough = false;

	while (iter && !enough && mnt_table_next_fs(table, iter, &fs) == 0)
		if (mnt_fs_get_devno(fs) == dev || source_is(place->inuse, fs, name))
			enough = place->fn(place->arg, name,
					   mnt_fs_is_swaparea(fs) ? NULL : mnt_fs_get_target(fs));
	mnt_free_iter(iter);
	return enough;
}

static bool read_devno(const struct inuse *inuse, const char *name, dev_t *ret)
{
	unsigned int major_no, minor_no;
	char path[320], text[16];

	(void)snprintf(path, sizeof(path), "class/block/%s/dev", name);
	if (sysfs_read_text(inuse->sysfs, path, text, sizeof(text)) < 0 ||
	    sscanf(text, "%u:%u", &major_no, &minor_no) != 2)
		return false;
	*ret = makedev(major_no, minor_no);
	return true;
}

static bool stack_told(void *arg, const char *name)
{
	const struct place *place = arg;
	struct place holders = *place, partitions = *place;
	char path[320];
	dev_t dev;

	if (strncmp(name, place->prefix, strlen(place->prefix)) || place->depth > STACK_MAX ||
	    !read_devno(place->inuse, name, &dev))
		return false;
	if (table_told(place, place->inuse->mounts, name, dev) ||
	    table_told(place, place->inuse->swaps, name, dev))
		return true;
	holders.depth = partitions.depth = place->depth + 1;
	holders.prefix = "";
	(void)snprintf(path, sizeof(path), "class/block/%s/holders", name);
	if (sysfs_any_entry(place->inuse->sysfs, path, stack_told, &holders))
		return true;
	partitions.prefix = name;
	(void)snprintf(path, sizeof(path), "class/block/%s", name);
	return sysfs_any_entry(place->inuse->sysfs, path, stack_told, &partitions);
}

bool inuse_each(const struct inuse *inuse, const char *disk, inuse_fn *fn, void *arg)
{
	struct place place = { .inuse = inuse, .prefix = "", .fn = fn, .arg = arg };

	return stack_told(&place, disk);
}

struct check {
	enum inuse_by by;
	struct iscsi_why *why;
};

/* An inuse_fn: ends the search with the reason if this use counts. */
static bool use_counts(void *arg, const char *device, const char *mount_point)
{
	const struct check *check = arg;

	if (mount_point ? check->by != INUSE_BY_ANY && !streq(mount_point, "/") &&
			  !streq(mount_point, "/usr") : check->by == INUSE_BY_ROOT)
		return false;
	if (mount_point)
		(void)iscsi_fail(check->why, ISCSI_ERR_BUSY, "%s is mounted on %s", device,
				 mount_point);
	else
		(void)iscsi_fail(check->why, ISCSI_ERR_BUSY, "%s is used as swap", device);
	return true;
}

enum iscsi_err inuse_check(struct sysfs *sysfs, const char *proc, unsigned int sid, int host_no,
			   enum inuse_by by, struct iscsi_why *why)
{
	CLEANUP(freep) struct sysfs_lun *luns = NULL;
	struct check check = { .by = by, .why = why };
	struct inuse *inuse;
	bool used = false;
	size_t len;

	if (sysfs_list_luns(sysfs, sid, host_no, &luns, &len))
		return ISCSI_SUCCESS;
	inuse = inuse_open(sysfs, proc);
	if (!inuse)
		return iscsi_fail(why, ISCSI_ERR_NOMEM, "no memory");
	for (size_t i = 0; i < len && !used; i++)
		used = *luns[i].block && inuse_each(inuse, luns[i].block, use_counts, &check);
	inuse_close(inuse);
	return used ? ISCSI_ERR_BUSY : ISCSI_SUCCESS;
}
