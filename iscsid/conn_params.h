/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The ISID, and the two lists of parameters that conn.c gives to the kernel: the settings of a
 * connection before its login, and the values that the login has negotiated.
 */
#pragma once

#include "iscsid/kernel/kernel.h"
#include "iscsid/protocol/login.h"
#include "iscsid/session_config.h"

/* The ISID is OUI 00023d and the sid, as open-iscsi has it, which may take the session over. */
void conn_params_isid(uint32_t sid, uint8_t isid[PDU_ISID_LEN]);
/* The strings in @ret belong to @config. */
void conn_params_identify(const struct session_config *config, struct kernel_params *ret);
/* Adds when the kernel sends a ping, and how long it waits for the answer. */
void conn_params_pings(const struct session_config *config, struct kernel_params *params);
/* Call it after LOGIN_DONE. */
void conn_params_negotiated(const struct session_config *config,
			    const struct login_outcome *outcome, struct kernel_params *ret);
