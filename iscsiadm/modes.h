/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The modes: each does the whole of its command and returns the exit status. */
#pragma once

#include "iscsiadm/adm.h"

enum iscsi_err mode_discovery_run(struct adm *adm);	/* and discoverydb: finding targets */
enum iscsi_err mode_node_run(struct adm *adm);		/* node records, logins and logouts */
enum iscsi_err mode_session_run(struct adm *adm);	/* the sessions that exist */
enum iscsi_err mode_iface_run(struct adm *adm);		/* the records of interfaces */
enum iscsi_err mode_host_run(struct adm *adm);		/* the kernel's hosts of sessions */
enum iscsi_err mode_fw_run(struct adm *adm);		/* targets that the firmware describes */
