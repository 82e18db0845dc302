/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A node record as a session uses it: every setting is read once, at login, so that nothing has
 * to be looked up during recovery. A record holds only values that its settings can have, so the
 * numbers need no check here.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "iscsid/base/tcp.h"
#include "iscsid/kernel/sysfs.h"
#include "iscsid/protocol/chap.h"
#include "iscsid/protocol/negotiate.h"
#include "libiscsi-db/iscsi-db.h"

struct session_config {
	struct iscsi_db_record *rec;	/* owned; the strings below point into it */
	const char *target, *address, *iface, *hwaddress, *congestion_control;
	const char *named_by;		/* the portal whose discovery named the target; NULL: none */
	int port, tpgt;
	struct tcp_source source;	/* what the session is bound to */
	bool source_found;		/* this host has, or had, all that the record binds to */
	char initiator[ISCSI_NAME_MAX + 1];
	char alias[ISCSI_VALUE_MAX + 1];

	uint16_t cmds_max, queue_depth;
	unsigned int redirects_max;
	uint32_t initial_cmd_sn;
	int window_size;
	int login_timeout_s, logout_timeout_s;
	int noop_out_interval_s, noop_out_timeout_s;
	int initial_login_retry_max, reopen_max;
	int replacement_timeout_s, abort_timeout_s, lu_reset_timeout_s, tgt_reset_timeout_s;
	bool fast_abort, scan;
	struct negotiate_params offer;
	struct chap_config chap;
};

/*
 * For a login: takes a node record over, on success only. @initiator gives the names that the
 * record leaves open; @sysfs finds a device by its hardware address, which may come later.
 * ISCSI_ERR_INVAL or ISCSI_ERR_TRANS_NOT_FOUND with the reason; @warn is told of a weak password.
 * A record whose CHAP settings are incomplete is refused, see credentials.h.
 */
enum iscsi_err session_config_new(struct iscsi_db_record *rec,
				  const struct iscsi_db_initiator *initiator,
				  struct sysfs *sysfs, iscsi_db_warn_fn *warn, void *arg,
				  struct session_config **ret, struct iscsi_why *why);
/*
 * The same for a session that the kernel has already. Incomplete CHAP settings don't matter here:
 * the session logged in with these settings, and recovery must be able to log in with them again.
 */
enum iscsi_err session_config_adopt(struct iscsi_db_record *rec,
				    const struct iscsi_db_initiator *initiator,
				    struct sysfs *sysfs, iscsi_db_warn_fn *warn, void *arg,
				    struct session_config **ret, struct iscsi_why *why);
struct session_config *session_config_free(struct session_config *config);

/* "MD5,SHA256" -> numbers in that order; unknown words are left out. */
void session_config_chap_algs(const char *text, struct chap_config *chap);

/*
 * Finds what an interface record (or the interface part of a node record) binds to: a device, by
 * its name or hardware address, and an address. ISCSI_ERR_INVAL: the record has no proper
 * address; ISCSI_ERR_TRANS: this host has no such device now.
 */
enum iscsi_err session_config_source(const struct iscsi_db_record *rec, struct sysfs *sysfs,
				     struct tcp_source *ret, struct iscsi_why *why);
