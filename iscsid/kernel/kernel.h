/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Operations and events of the kernel's iSCSI class: the only way from sessions and connections
 * to the kernel and back. netlink.c implements it over NETLINK_ISCSI, test/fake in memory.
 *
 * Each operation is one batch, executed before it returns (the kernel answers within the call)
 * and cheap enough for the event loop; none waits for the network. A batch that fails half way
 * leaves the connection for kernel_ops.stop_conn() or .destroy_session() to clean up.
 * Every session has one connection, cid 0.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libiscsi-db/iscsi-db.h"

/* Parameters of sessions and connections: enum iscsi_param of the kernel's scsi/iscsi_if.h. */
enum kernel_param_id {
	KERNEL_MAX_RECV_DLENGTH		= 0,
	KERNEL_MAX_XMIT_DLENGTH		= 1,
	KERNEL_HEADER_DIGEST		= 2,
	KERNEL_DATA_DIGEST		= 3,
	KERNEL_INITIAL_R2T		= 4,
	KERNEL_MAX_R2T			= 5,
	KERNEL_IMMEDIATE_DATA		= 6,
	KERNEL_FIRST_BURST		= 7,
	KERNEL_MAX_BURST		= 8,
	KERNEL_PDU_IN_ORDER		= 9,
	KERNEL_DATA_SEQ_IN_ORDER	= 10,
	KERNEL_ERL			= 11,
	KERNEL_EXP_STAT_SN		= 14,
	KERNEL_TARGET_NAME		= 15,
	KERNEL_TPGT			= 16,
	KERNEL_PERSISTENT_ADDRESS	= 17,
	KERNEL_PERSISTENT_PORT		= 18,
	KERNEL_RECOVERY_TMO		= 19,
	KERNEL_USERNAME			= 22,
	KERNEL_USERNAME_IN		= 23,
	KERNEL_PASSWORD			= 24,
	KERNEL_PASSWORD_IN		= 25,
	KERNEL_FAST_ABORT		= 26,
	KERNEL_ABORT_TMO		= 27,
	KERNEL_LU_RESET_TMO		= 28,
	KERNEL_PING_TMO			= 30,
	KERNEL_RECV_TMO			= 31,
	KERNEL_IFACE_NAME		= 32,
	KERNEL_INITIATOR_NAME		= 34,
	KERNEL_TGT_RESET_TMO		= 35,
};

#define KERNEL_PARAMS_MAX	32

/* A list of parameters. Texts stay the caller's; numbers are kept as text in here. */
struct kernel_params {
	struct kernel_param {
		enum kernel_param_id id;
		const char *text;
		char number[12];
	} param[KERNEL_PARAMS_MAX];
	size_t len;
};

void kernel_params_text(struct kernel_params *params, enum kernel_param_id id,
			const char *text);	/* "" is left out */
void kernel_params_number(struct kernel_params *params, enum kernel_param_id id, int64_t n);

struct kernel_session_args {
	uint16_t cmds_max, queue_depth;
	uint32_t initial_cmd_sn;
};

/* Where a connection comes to life: a connected TCP socket and the PDU that opens the login. */
struct kernel_bind_args {
	uint32_t sid;
	int host_no;
	bool create;			/* the connection doesn't exist yet */
	int fd;				/* may be closed once the call is back */
	const char *netdev;		/* shown for the host; "" for none */
	const char *hwaddress;
	const struct kernel_params *params;
	const uint8_t *bhs;		/* of the first login request */
	const uint8_t *data;
	size_t data_len;
};

/* One counter of a connection. */
struct kernel_stat {
	char name[64];
	uint64_t value;
	bool custom;			/* a counter that only this driver has */
};
#define KERNEL_STATS_MAX	(21 + 32)

struct kernel;

struct kernel_ops {
	/* A session and its SCSI host. ISCSI_ERR_INTERNAL, ISCSI_ERR_TRANS_NOT_FOUND. */
	enum iscsi_err (*create_session)(struct kernel *kernel,
					 const struct kernel_session_args *args,
					 uint32_t *sid, int *host_no, struct iscsi_why *why);
	/* Connection, socket, parameters, first login PDU. Never on a bound connection. */
	enum iscsi_err (*bind_conn)(struct kernel *kernel, const struct kernel_bind_args *args,
				    struct iscsi_why *why);
	/* A login or text PDU with its data, or a logout PDU without. */
	enum iscsi_err (*send_pdu)(struct kernel *kernel, uint32_t sid, const uint8_t *bhs,
				   const uint8_t *data, size_t data_len, struct iscsi_why *why);
	/* Parameters of a connection that is bound. */
	enum iscsi_err (*set_params)(struct kernel *kernel, uint32_t sid,
				     const struct kernel_params *params,
				     struct iscsi_why *why);
	/* Negotiated parameters, then full feature phase. */
	enum iscsi_err (*start_conn)(struct kernel *kernel, uint32_t sid,
				     const struct kernel_params *params,
				     struct iscsi_why *why);
	/*
	 * Takes the socket away and holds I/O back for a later login. Needed after every
	 * connection error. All events of the old connection have arrived when this returns.
	 */
	enum iscsi_err (*stop_conn)(struct kernel *kernel, uint32_t sid, struct iscsi_why *why);
	/* Removes all LUNs, flushing them; kernel_events.unbound follows, once per session. */
	enum iscsi_err (*unbind_session)(struct kernel *kernel, uint32_t sid,
					 struct iscsi_why *why);
	/* The counters of the connection, at most KERNEL_STATS_MAX. */
	enum iscsi_err (*get_stats)(struct kernel *kernel, uint32_t sid,
				    struct kernel_stat *stats, size_t *len,
				    struct iscsi_why *why);
	/* Ends a session in any state; kernel_events.destroyed follows once sysfs has lost it. */
	enum iscsi_err (*destroy_session)(struct kernel *kernel, uint32_t sid, bool has_conn,
					  struct iscsi_why *why);
};

/* What the kernel tells. No event is delivered from within an operation. */
struct kernel_events {
	/* A PDU for user space; bhs has 48 bytes. */
	void (*pdu)(void *arg, uint32_t sid, const uint8_t *bhs, const uint8_t *data,
		    size_t data_len);
	/* A connection failed; see kernel_conn_error_text(). Some failures are told twice. */
	void (*conn_error)(void *arg, uint32_t sid, int error);
	void (*unbound)(void *arg, uint32_t sid);
	void (*destroyed)(void *arg, uint32_t sid);
	/* Events were lost: the state of each session must be read from sysfs. */
	void (*lost_events)(void *arg);
};

/* The first member of each implementation. */
struct kernel {
	const struct kernel_ops *ops;
};

#define KERNEL_ERR_CONN_FAILED	1011
#define KERNEL_ERR_CONN_CLOSED	1020	/* by the target, or reset */

/* A connection error (1001..1022) in words; never NULL. */
const char *kernel_conn_error_text(int error);
