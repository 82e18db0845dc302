/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The folder of the lock's files. Everybody may write in its parent, so somebody else may have
 * made the folder first.
 */
#pragma once

#include "libiscsi-db/iscsi-db.h"

struct db_os;

/* $ISCSI_LOCK_DIR, or open-iscsi's folder. */
const char *lock_folder_path(void);

/*
 * Makes the folder if need be and opens it. Whatever another user put there is moved aside, which
 * takes root; @told then says whose it was and where it is now, and is "" otherwise. A descriptor,
 * or -errno: -EPERM if it is another user's and must stay, -EAGAIN if the folder went away again.
 */
int lock_folder_open(const struct db_os *os, const char *path, struct iscsi_why *told);
