/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "iscsiadm/disk_links.h"

#include <libudev.h>

void disk_links(struct udev *udev, const char *name, void (*fn)(void *arg, const char *link),
		void *arg)
{
	struct udev *own = udev ? udev_ref(udev) : udev_new();
	struct udev_device *device;
	struct udev_list_entry *entry;

	if (!own)
		return;
	device = udev_device_new_from_subsystem_sysname(own, "block", name);
	if (device)
		udev_list_entry_foreach(entry, udev_device_get_devlinks_list_entry(device))
			fn(arg, udev_list_entry_get_name(entry));
	udev_device_unref(device);
	udev_unref(own);
}
