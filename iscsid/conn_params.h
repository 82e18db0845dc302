/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the kernel is told of a connection before its login, and of what the login agreed on:
 * settings and results as lists of the kernel's parameters. conn.c hands the lists over.
 */
#ifndef ISCSID_CONN_PARAMS_H
#define ISCSID_CONN_PARAMS_H

#include "iscsid/kernel/kernel.h"
#include "iscsid/protocol/login.h"
#include "iscsid/session_config.h"

/* The strings in @ret are those of @config. */
void conn_params_identify(const struct session_config *config, struct kernel_params *ret);
/* After LOGIN_DONE. */
void conn_params_negotiated(const struct session_config *config,
			    const struct login_outcome *outcome, struct kernel_params *ret);

#endif /* ISCSID_CONN_PARAMS_H */
