/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The texts of iscsid.conf and initiatorname.iscsi, parsed. */
#pragma once

#include "libiscsi-db/util.h"

enum iscsi_err config_parse(const char *text, size_t len, const char *origin,
			    iscsi_db_warn_fn *warn, void *arg, struct iscsi_db_config **ret,
			    struct iscsi_why *why);
enum iscsi_err initiator_parse(const char *text, size_t len, const char *origin,
			       iscsi_db_warn_fn *warn, void *arg,
			       struct iscsi_db_initiator *ret, struct iscsi_why *why);
