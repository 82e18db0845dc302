/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The manager owns the sessions: it makes them, finds them by sid and by node, passes the kernel's
 * events on to them, and takes over the sessions that the kernel has already. Everything that the
 * manager works with is handed in.
 */
#pragma once

#include <systemd/sd-event.h>

#include "iscsid/discovery.h"
#include "iscsid/session.h"
#include "libiscsi-db/iscsi-db.h"

struct manager;

/* Stays its maker's, and outlives the manager. */
struct manager_env {
	sd_event *loop;
	struct clock *clock;
	struct sysfs *sysfs;
	struct worker_pool *scan_pool;
	const struct resolver *resolver;
	int (*random)(void *buf, size_t len);	/* 0 or -errno */
	int run_dir_fd;			/* where runstate.h keeps its files */
	const char *proc;		/* "/proc" */
	const char *db_root;		/* the records that adoption reads; NULL: the default */
	const char *config_path;	/* iscsid.conf; NULL: the built-in path */
	const char *initiator_path;	/* initiatorname.iscsi; NULL: the built-in path */
};

/* Without a kernel yet: no session can be made before manager_start(). NULL: no memory. */
struct manager *manager_new(const struct manager_env *env);
/* The functions that the kernel object calls, with the manager as their argument. */
extern const struct kernel_events manager_kernel_events;
/* The same for the network's news, see session_network_changed(). @arg is the manager. */
void manager_network_changed(void *arg, const struct sockaddr_storage *neighbour);
/* Takes over the sessions that @kernel, which outlives the manager, has already. */
void manager_start(struct manager *manager, struct kernel *kernel);
/* Frees all sessions, which stay in the kernel; each asker hears that the daemon stops. */
void manager_end_sessions(struct manager *manager);
/* Takes NULL; returns NULL. */
struct manager *manager_free(struct manager *manager);

/* Reads the initiator name and the daemon's own settings anew. */
void manager_reload(struct manager *manager);

enum manager_login_flag {
	MANAGER_ANOTHER	= 1 << 0,	/* also if the record has all its sessions */
	MANAGER_WANTED	= 1 << 1,	/* try until it succeeds or is called off */
	MANAGER_NEW_ONLY = 1 << 2,	/* a login of the node that is under way counts as present */
};

/*
 * A login for a node record, which is taken over on success. A login of the same record that is
 * still under way is joined, and wanted from then on if MANAGER_WANTED says so. An error means that @asker will not be called.
 */
enum iscsi_err manager_login(struct manager *manager, struct iscsi_db_record *rec,
			     unsigned int flags, struct asker *asker, struct iscsi_why *why);
/*
 * Ends a session. Returns ISCSI_ERR_SESS_NOT_FOUND, or ISCSI_ERR_BUSY if one of its disks is in
 * use and must be spared: by "iscsid.safe_logout = Yes", by MGMT_SPARE_USED in @flags, without
 * MGMT_FORCE if the session is lost, and always if the system itself lies on the disk. An error
 * means that @asker will not be called.
 */
enum iscsi_err manager_logout(struct manager *manager, uint32_t sid, uint32_t flags,
			      struct asker *asker, struct iscsi_why *why);
/*
 * Calls @fn for each first login that is under way, with a number for manager_call_off().
 */
void manager_each_attempt(struct manager *manager,
			  void (*fn)(void *arg, uint32_t number, const struct session *session,
				     const struct session_attempts *attempts),
			  void *arg);
/*
 * Gives up a login that is under way; @asker, which may be NULL, hears when the kernel has nothing
 * of it any more. False: there is none with this number, and @asker will not be called.
 */
bool manager_call_off(struct manager *manager, uint32_t number, struct asker *asker);

/* All sessions that the kernel knows, as they are now; free() it. NULL: none, or no memory. */
void **manager_sessions(struct manager *manager, size_t *ret_len);
/* The same with the logins under way that the kernel doesn't know yet. */
void **manager_all(struct manager *manager, size_t *ret_len);
/* NULL: no such session here. */
struct session *manager_find(struct manager *manager, uint32_t sid);

enum iscsi_err manager_discover(struct manager *manager, const struct iscsi_db_record *rec,
				const struct iscsi_db_record *iface,
				const struct discovery_owner *owner, struct discovery **ret,
				struct iscsi_why *why);
/* Frees a discovery once its callback has returned. */
void manager_discard(struct manager *manager, struct discovery *discovery);
