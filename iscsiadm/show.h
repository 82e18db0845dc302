/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The lines of stdout. Other programs parse these lines, so each format stands here once, to the
 * byte. The functions take a stream and the values that they print: they read nothing and decide
 * nothing.
 */
#pragma once

#include <stdint.h>
#include <stdio.h>
#include <time.h>

#include "iscsid/kernel/sysfs.h"
#include "iscsid/message/mgmt_msg.h"
#include "iscsid/message/session_text.h"

/* ---- nodes and discoveries ----------------------------------------------------------- */

/* "ADDR:PORT,TPGT", with brackets around the address if open-iscsi has them. */
void show_address(FILE *out, const char *address, int port, int tpgt);

/* "ADDR:PORT,TPGT TARGET", as in a list of nodes: an unknown tpgt is 65535. */
void show_node_line(FILE *out, const struct iscsi_db_record *node);

/* The same line as discovery prints it: an unknown tpgt is -1. */
void show_target_line(FILE *out, const char *target, const char *address, int port, int tpgt);

/* The node that the last lines of a tree were about; begin with { .any = false }. */
struct show_tree {
	bool any;
	char target[ISCSI_VALUE_MAX + 1];
	char address[ISCSI_ADDRESS_MAX + 1];
	int port, tpgt;
};

/*
 * The lines of a node in a tree of targets: Target only when it changes, Portal and Iface each
 * time, or, with @collapse, Portal too only when it changes.
 */
void show_tree_node(FILE *out, struct show_tree *tree, bool collapse, const char *target,
		    const char *address, int port, int tpgt, const char *iface);

/* The same for the record of a node. */
void show_tree_record(FILE *out, struct show_tree *tree, bool collapse,
		      const struct iscsi_db_record *node);

/* The unreadable records at the end of a tree; prints nothing if @len is 0. */
void show_unreadable(FILE *out, const char *title, char *const *list, size_t len);

/* A record as "-o show" prints it. Only ISCSI_ERR_NOMEM can happen. */
enum iscsi_err show_record(FILE *out, const struct iscsi_db_record *rec, bool secrets);

/* "NAME TRANSPORT,HWADDRESS,IPADDRESS,NETDEV,INITIATORNAME" */
void show_iface_line(FILE *out, const struct iscsi_db_record *iface);

/* ---- logins, logouts ----------------------------------------------------------------- */

/* "[iface: I, target: T, portal: A,P]" into @ret, for the lines about a login. */
#define SHOW_NODE_MAX	768		/* fits the longest name, address and interface */
void show_format_node(char *ret, size_t size, const struct iscsi_db_record *node);
/* "[TRANSPORT:[hw=H,ip=I,net_if=N,iscsi_if=F] A,P,G T]", for the lines about a stored record. */
#define SHOW_WHOLE_NODE_MAX	1024	/* fits the longest values */
void show_format_whole_node(char *ret, size_t size, const struct iscsi_db_record *node);
/* "[sid: N, target: T, portal: A,P]": the persistent address with the current port. */
void show_format_session(char *ret, size_t size, const struct sysfs_session *session);

/* ---- sessions ------------------------------------------------------------------------ */

/*
 * Statistics: a heading for the session, a heading before the first common and before the first
 * custom counter, and a line for each counter.
 */
void show_stats_session(FILE *out, const struct sysfs_session *session);
void show_stats_heading(FILE *out, bool custom);
void show_stats_counter(FILE *out, const char *name, uint64_t value);

/* "tcp: [1] ADDR:PORT,TPGT TARGET (non-flash)" */
void show_session_line(FILE *out, const struct sysfs_session *session);

/* A login that iscsid is still trying. */
struct show_attempt {
	uint32_t number;
	int port;
	bool wanted;
	uint32_t failed, since_s;
	char target[ISCSI_NAME_MAX + 1], address[ISCSI_ADDRESS_MAX + 1];
	char iface[ISCSI_VALUE_MAX + 1];
	struct iscsi_why why;
};

enum show_session_part {
	SHOW_IFACE	= 1 << 0,
	SHOW_STATE	= 1 << 1,
	SHOW_TIMEOUTS	= 1 << 2,
	SHOW_CHAP	= 1 << 3,
	SHOW_NEGOTIATED	= 1 << 4,
	SHOW_SECRETS	= 1 << 5,	/* how CHAP is shown */
};

/* The states of a session that only iscsid knows. */
struct show_daemon_state {
	enum mgmt_conn_state conn;
	enum mgmt_recovery recovery;
	bool down;			/* the connection is lost; the next two tell more */
	time_t since;			/* 0: unknown */
	struct session_outage outage;
};

/* The words for the recovery, as mgmt_conn_text() has those for the connection. */
const char *show_recovery(enum mgmt_recovery recovery);

/* The two lines about versions above a tree of the highest level. */
void show_versions(FILE *out, const char *class_version);

/*
 * A session in a tree. @previous, the session before it or NULL, decides which headings are
 * repeated; @indent goes before each line.
 */
void show_session_tree(FILE *out, const struct sysfs_session *session,
		       const struct sysfs_session *previous, const char *indent,
		       unsigned int parts, const struct show_daemon_state *state);

/* Since when a session is down, why, what iscsid does next, and when I/O fails. */
void show_session_outage(FILE *out, const char *indent, const struct show_daemon_state *state);

/* The LUNs of a session; @host_state NULL leaves out the line about the host. */
void show_session_luns(FILE *out, const char *indent, int host_no, const char *host_state,
		       const struct sysfs_lun *luns, size_t len);

/* ---- firmware ------------------------------------------------------------------------ */

struct firmware_target;
/* A target that the firmware describes, as a record with its secrets, as open-iscsi prints it. */
void show_firmware_target(FILE *out, const struct firmware_target *target);

/* ---- hosts --------------------------------------------------------------------------- */

/* "tcp: [0] IP,[HWADDRESS],NETDEV INITIATORNAME", and the same values as a tree. */
void show_host_line(FILE *out, const struct sysfs_host *host);
void show_host_tree(FILE *out, const struct sysfs_host *host);
/* The heading of the sessions in a host's tree. */
void show_host_sessions(FILE *out);
