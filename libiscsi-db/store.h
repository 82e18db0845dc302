/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Opening a database on the system calls of a test. */
#pragma once

#include "libiscsi-db/util.h"

struct db_os;

enum iscsi_err db_open_os(const char *root, const struct db_os *os, struct iscsi_db **ret,
			  struct iscsi_why *why);

/*
 * Which of both roots has records. If both have, the configured root is used, and the other is
 * *unused, which is NULL otherwise.
 */
const char *store_choose_root(const char *configured, const char *historic, const char **unused);
