/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The names that udev gives a disk. */
#pragma once

struct udev;

/*
 * Tells @fn each name below /dev/disk that udev has given the disk @name ("sda"). @udev may be NULL;
 * then the call has a context of its own.
 */
void disk_links(struct udev *udev, const char *name, void (*fn)(void *arg, const char *link),
		void *arg);
