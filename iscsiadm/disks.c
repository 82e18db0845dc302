/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Waiting for disks, see disks.h. libudev says when udev has something to do. */
#include "iscsiadm/disks.h"

#include <libudev.h>
#include <poll.h>

#include "iscsiadm/disk_links.h"
#include "iscsiadm/print.h"
#include "libiscsi-db/util.h"

#define BY_PATH		"/dev/disk/by-path/"
#define BY_NUMBER	"/dev/disk/by-diskseq/"
#define LOOK_MS		1000	/* an event is missed if it comes between a look and poll() */

struct wait {
	struct adm *adm;
	struct udev *udev;
	struct udev_queue *queue;
	bool active;			/* udev is running */
	const unsigned int *sids;
	size_t len;
};

/*
 * A disk that comes soon after another of its name has gone: what udev knows is still about the other.
 * The kernel numbers disks since Linux 5.15, and udev makes a name of the number.
 */
static bool udev_is_stale(struct udev_device *device)
{
	const char *number = udev_device_get_sysattr_value(device, "diskseq");
	struct udev_list_entry *entry;

	udev_list_entry_foreach(entry, udev_device_get_devlinks_list_entry(device)) {
		const char *link = udev_list_entry_get_name(entry);

		if (number && !strncmp(link, BY_NUMBER, strlen(BY_NUMBER)))
			return !streq(link + strlen(BY_NUMBER), number);
	}
	return false;
}

static bool disk_ready(const struct wait *w, const char *name)
{
	struct udev_device *device;
	char path[64];
	bool ready;

	if (!w->active) {
		(void)snprintf(path, sizeof(path), "/dev/%s", name);
		return access(path, F_OK) == 0;
	}
	device = udev_device_new_from_subsystem_sysname(w->udev, "block", name);
	ready = device && udev_device_get_is_initialized(device) > 0 && !udev_is_stale(device);
	udev_device_unref(device);
	return ready;
}

static void print_link(void *arg, const char *link)
{
	(void)arg;
	if (!strncmp(link, BY_PATH, strlen(BY_PATH)))
		print_to(stdout, " %s", link);
}

/* Calls @fn for each disk of the sessions. False: @fn returned false, or a disk isn't made yet. */
static bool each_disk(const struct wait *w, bool (*fn)(const struct wait *w, const char *name))
{
	bool all = true;

	for (size_t i = 0; i < w->len; i++) {
		struct sysfs_lun *luns = NULL;
		struct sysfs_session session;
		size_t len = 0;

		if (sysfs_read_session(w->adm->sysfs, w->sids[i], SYSFS_DETAIL_LIST, &session) ||
		    sysfs_list_luns(w->adm->sysfs, session.sid, session.host_no, &luns, &len))
			continue;	/* the session has gone */
		all &= sysfs_disks_ready(w->adm->sysfs, session.sid, session.host_no);
		for (size_t j = 0; j < len; j++)
			if (luns[j].block[0])
				all &= fn(w, luns[j].block);
		free(luns);
	}
	return all;
}

static bool print_disk(const struct wait *w, const char *name)
{
	if (!disk_ready(w, name))
		return false;
	print_to(stdout, "/dev/%s", name);
	disk_links(w->udev, name, print_link, NULL);
	putchar('\n');
	return true;
}

static bool say_missing(const struct wait *w, const char *name)
{
	if (!disk_ready(w, name))
		adm_error("%s has not finished with the disk %s", w->active ? "udev" : "the kernel",
			  name);
	return true;
}

static bool all_ready(const struct wait *w)
{
	return each_disk(w, disk_ready) &&
	       (!w->active || udev_queue_get_queue_is_empty(w->queue));
}

static enum iscsi_err wait_for_udev(const struct wait *w)
{
	int64_t deadline = monotonic_ms() + (int64_t)w->adm->opt.wait_s * 1000, left;
	struct pollfd pfd = { .fd = w->active ? udev_queue_get_fd(w->queue) : -1, .events = POLLIN };

	while (!all_ready(w)) {
		left = deadline - monotonic_ms();
		if (left <= 0) {
			(void)each_disk(w, say_missing);
			adm_error("not every disk was there after %d seconds", w->adm->opt.wait_s);
			return ISCSI_ERR_TRANS_TIMEOUT;
		}
		(void)poll(&pfd, 1, (int)MIN(left, w->active ? LOOK_MS : LOOK_MS / 10));
		if (w->active)
			(void)udev_queue_flush(w->queue);
	}
	return ISCSI_SUCCESS;
}

enum iscsi_err disks_wait(struct adm *adm, const unsigned int *sids, size_t len)
{
	struct wait w = { .adm = adm, .sids = sids, .len = len };
	enum iscsi_err err;

	if (adm->opt.wait_s == OPTION_UNSET || !len)
		return ISCSI_SUCCESS;
	w.udev = udev_new();
	w.queue = w.udev ? udev_queue_new(w.udev) : NULL;
	if (!w.queue) {
		udev_unref(w.udev);
		return adm_fail(ISCSI_ERR_NOMEM, NULL);
	}
	w.active = udev_queue_get_udev_is_active(w.queue);
	if (!w.active)
		adm_error("udev isn't running, so the disks have no names below /dev/disk");
	err = wait_for_udev(&w);
	(void)each_disk(&w, print_disk);
	udev_queue_unref(w.queue);
	udev_unref(w.udev);
	return err;
}
