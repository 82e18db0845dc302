/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The document that --json prints in place of all other output: etc/iscsiadm.schema.json describes
 * it. What a mode prints for people it also adds here. Each function that adds to a document
 * does nothing if the document is NULL, as it is without --json.
 *
 * Texts from outside are escaped like those on a terminal, so that the document is valid UTF-8.
 */
#pragma once

#include "iscsiadm/firmware.h"
#include "iscsiadm/show.h"

struct json;

/*
 * Begins a document and takes stdout over: from now on what is printed for people goes to
 * /dev/null. NULL: that can't be done.
 */
struct json *json_open(void);
/*
 * Gives each login and rescan the disks that its session has by now, ends the document with the
 * exit status, prints and frees it. -1 with errno: it can't be printed. @sysfs may be NULL if there
 * was no login.
 */
int json_close(struct json *json, struct sysfs *sysfs, enum iscsi_err err);

/* A line of stderr. */
void json_message(struct json *json, const char *text);

/* Each setting of a record as "-o show" prints it; @list: "nodes", "ifaces", "portals". */
void json_record(struct json *json, const char *list, const struct iscsi_db_record *rec,
		 bool secrets);
/* The same of a target that the firmware describes. */
void json_firmware(struct json *json, const struct firmware_target *target);
/* A target that a discovery found. */
void json_target(struct json *json, const char *target, const char *address, int port, int tpgt,
		 const char *iface);
void json_host(struct json *json, const struct sysfs_host *host);
/* A session with its disks; the passwords only with @secrets. */
void json_session(struct json *json, struct sysfs *sysfs, const struct sysfs_session *session,
		  const struct show_daemon_state *state, bool secrets);
/* A counter of a session that was added before. */
void json_counter(struct json *json, unsigned int sid, const char *name, uint64_t value);
void json_attempt(struct json *json, const struct show_attempt *attempt);

/* What became of a login, by the record, or of a logout or a rescan, by the session. */
void json_login(struct json *json, const struct iscsi_db_record *rec, unsigned int sid,
		enum iscsi_err err, const char *why);
void json_outcome(struct json *json, const char *list, const struct sysfs_session *session,
		  enum iscsi_err err, const char *why);
