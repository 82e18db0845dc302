/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the daemon may do once it has started. main() calls this when the kernel's module is
 * loaded and before the first thread exists: capabilities belong to threads, not to programs.
 */
#pragma once

#include <stdbool.h>

/*
 * Gives up for good all capabilities but those that sessions need, and with @change_ids those
 * that changing the user and the group needs. No program that is started from here can have
 * more, and no other process of this user can look into the daemon's memory, where secrets
 * are. A right that can't be given up is said in the log, and the daemon goes on.
 */
void privileges_limit(bool change_ids);
