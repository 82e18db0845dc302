/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the kernel shows of sessions, hosts and devices below a given root (/sys, or a folder in
 * a test). iscsid and iscsiadm both read through this. Except for the
 * lists, no function looks at sessions that the caller didn't name. A session can vanish while it
 * is read: a reader then returns ISCSI_ERR_SYSFS_LOOKUP, and a list leaves the session out.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libiscsi-db/iscsi-db.h"

struct sysfs;

/* @root NULL: "/sys". The caller frees it with sysfs_free(), which takes and returns NULL. */
enum iscsi_err sysfs_new(const char *root, struct sysfs **ret);
struct sysfs *sysfs_free(struct sysfs *sysfs);

#define SYSFS_UNSET	(-2)	/* a number that the kernel doesn't show; -1 is "off" */

enum sysfs_detail {
	SYSFS_DETAIL_LIST,	/* for a list of single lines: names, portals, host, transport */
	SYSFS_DETAIL_STATE,	/* also its state, addresses and interface */
	SYSFS_DETAIL_VALUES,	/* also time-outs, CHAP's names and negotiated values */
	SYSFS_DETAIL_ALL,	/* also secrets and states, which only adoption needs */
};

/* Strings are "" where the kernel shows nothing or "(null)"; numbers SYSFS_UNSET. */
struct sysfs_session {
	unsigned int sid;
	int host_no;
	char transport[16];			/* "tcp" */
	char target[ISCSI_VALUE_MAX + 1];
	int tpgt;
	char persistent_address[ISCSI_ADDRESS_MAX + 1];
	int persistent_port;
	char address[64];			/* current peer; "" while there is none */
	int port;
	int creator;				/* netlink port of the creator; -1: the kernel */

	char iface[ISCSI_IFACE_NAME_MAX + 1];
	char initiator[ISCSI_VALUE_MAX + 1];
	char ipaddress[64];			/* local address */
	char hwaddress[64];
	char netdev[64];
	char state[16];				/* LOGGED_IN, FAILED, FREE */
	char target_state[16];			/* UNBOUND, ALLOCATED, SCANNED, UNBINDING */
	char conn_state[16];			/* up, down, failed, bound */

	int recovery_tmo, tgt_reset_tmo, lu_reset_tmo, abort_tmo;
	char username[ISCSI_VALUE_MAX + 1], password[ISCSI_VALUE_MAX + 1];
	char username_in[ISCSI_VALUE_MAX + 1], password_in[ISCSI_VALUE_MAX + 1];
	int header_digest, data_digest;
	int max_recv_dlength, max_xmit_dlength, first_burst_len, max_burst_len;
	int immediate_data, initial_r2t, max_outstanding_r2t;
	int ping_tmo, recv_tmo;
};

/* Where the kernel shows an attribute of a session. */
enum sysfs_place { SYSFS_PLACE_SESSION, SYSFS_PLACE_CONN, SYSFS_PLACE_HOST };

/* An attribute and its field in struct sysfs_session: an int, or a text of @size bytes. */
struct sysfs_attr {
	const char *name;
	enum sysfs_place place;
	enum sysfs_detail detail;
	bool number;
	bool live;		/* changes while the session is healthy, or may be written */
	size_t offset, size;
};
extern const struct sysfs_attr sysfs_attrs[];	/* in the order of their detail */
extern const size_t sysfs_attrs_len;

/* Empties @ret: no text, no number. */
void sysfs_session_unset(struct sysfs_session *ret, unsigned int sid);

/* The sids of all sessions, in ascending order; free() it. */
enum iscsi_err sysfs_list_sessions(struct sysfs *sysfs, unsigned int **ret, size_t *ret_len);

/*
 * One session. ISCSI_ERR_SYSFS_LOOKUP: there is none, or it went away meanwhile.
 * Secrets are read with SYSFS_DETAIL_ALL only; wipe the struct then.
 */
enum iscsi_err sysfs_read_session(struct sysfs *sysfs, unsigned int sid,
				  enum sysfs_detail detail, struct sysfs_session *ret);

/*
 * Reads those attributes of @detail anew that change while a session is healthy (its states) or
 * that any program may set (recovery_tmo). ISCSI_ERR_SYSFS_LOOKUP: the session has gone.
 */
enum iscsi_err sysfs_read_live(struct sysfs *sysfs, enum sysfs_detail detail,
			       struct sysfs_session *session);

/* True if the kernel has no such session; false also if sysfs can't be read. */
bool sysfs_session_gone(struct sysfs *sysfs, unsigned int sid);

/* The numbers of all iSCSI hosts, in ascending order; free() it. */
enum iscsi_err sysfs_list_hosts(struct sysfs *sysfs, unsigned int **ret, size_t *ret_len);

/* A LUN of a session. @block is "" while there is no disk. */
struct sysfs_lun {
	int host_no, channel, target_id;
	uint64_t lun;
	char block[32];		/* "sda" */
	char state[32];		/* running, blocked, transport-offline, ... */
};

/* The LUNs of session @sid on @host_no in byte order of their names (0, 1, 10, 2); free() it. */
enum iscsi_err sysfs_list_luns(struct sysfs *sysfs, unsigned int sid, int host_no,
			       struct sysfs_lun **ret, size_t *ret_len);

/*
 * Whether each disk among the LUNs of a session can be opened by its name below /dev, or never
 * will be.
 */
bool sysfs_disks_ready(struct sysfs *sysfs, unsigned int sid, int host_no);

/* Called while a disk isn't ready, before another look at its LUN; false ends the wait. */
typedef bool sysfs_again_fn(void *arg);

/*
 * Looks for LUNs on the host of a session; @known: each known LUN is read anew first. The kernel
 * answers before its disk driver has looked at what was found, so this function waits for the
 * disks as long as @again wants; NULL: not at all. 0 or -errno, -ENOENT if the session has gone.
 * Does SCSI I/O, see sysfs_write().
 */
int sysfs_scan_session(struct sysfs *sysfs, unsigned int sid, int host_no, bool known,
		       sysfs_again_fn *again, void *arg);

/* The state of a SCSI host ("running"), or "" if unreadable. */
void sysfs_read_host_state(struct sysfs *sysfs, int host_no, char *ret, size_t size);

/* The attributes of an iSCSI host; "" for those that the kernel doesn't show. */
struct sysfs_host {
	int host_no;
	char transport[16], state[32];
	char initiator[ISCSI_VALUE_MAX + 1];
	char ipaddress[64], hwaddress[64], netdev[64];
};

/* ISCSI_ERR_SYSFS_LOOKUP: there is none, or it went away meanwhile. */
enum iscsi_err sysfs_read_host(struct sysfs *sysfs, int host_no, struct sysfs_host *ret);

/* The handle by which the kernel knows a transport. ISCSI_ERR_TRANS_NOT_FOUND: not loaded. */
enum iscsi_err sysfs_read_transport_handle(struct sysfs *sysfs, const char *transport,
					   uint64_t *ret, struct iscsi_why *why);

/* The last StatSN + 1 that the kernel saw on a connection; readable while it is down. */
enum iscsi_err sysfs_read_exp_stat_sn(struct sysfs *sysfs, unsigned int sid, uint32_t *ret);

/* The version of the kernel's iSCSI transport class, "2.0-870"; false if unreadable. */
bool sysfs_read_class_version(struct sysfs *sysfs, char *ret, size_t size);

/*
 * The name of a network device with this hardware address (case is ignored), of a bond or bridge
 * rather than of its port; false if none.
 */
bool sysfs_find_netdev(struct sysfs *sysfs, const char *hwaddress, char *ret, size_t size);

/* The first line of any file below the root; 0 or -errno, and @ret "" then. */
int sysfs_read_text(struct sysfs *sysfs, const char *path, char *ret, size_t size);

/* The numbers behind @prefix in a folder's names, ascending; none without the folder. */
enum iscsi_err sysfs_list_numbers(struct sysfs *sysfs, const char *path, const char *prefix,
				  unsigned int **ret, size_t *ret_len);

/*
 * Calls @found with the name of each entry of a folder until it returns true. False: it never
 * did, or there is no such folder.
 */
bool sysfs_any_entry(struct sysfs *sysfs, const char *path,
		     bool (*found)(void *arg, const char *name), void *arg);
/* The name of some entry of a folder, as of "device/net"; false if it is empty or not there. */
bool sysfs_first_entry(struct sysfs *sysfs, const char *path, char *ret, size_t size);

/*
 * Writes @text to a file below the root, whole, in one write. 0 or -errno. Writes to a host's
 * "scan" and to a device's "rescan", "delete" and "state" do SCSI I/O and may block for minutes:
 * iscsid calls this for them from a worker thread only. Safe to call from any thread.
 */
int sysfs_write(struct sysfs *sysfs, const char *path, const char *text);
