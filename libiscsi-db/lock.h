/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The lock of the database, apart from what iscsi-db.h offers. */
#ifndef ISCSI_DB_LOCK_H
#define ISCSI_DB_LOCK_H

#include <stdbool.h>

struct iscsi_db;

/* Gives the lock back whatever its depth. */
void lock_drop(struct iscsi_db *db);

#endif /* ISCSI_DB_LOCK_H */
