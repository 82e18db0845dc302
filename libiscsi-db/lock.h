/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The lock of the database, apart from what iscsi-db.h offers. */
#pragma once

struct iscsi_db;

/* Gives the lock back whatever its depth. */
void lock_drop(struct iscsi_db *db);
