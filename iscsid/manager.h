/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Owns the loop and everything on it: the kernel, the sessions, the worker threads and the local
 * socket. Built in main() and handed down; there is one.
 */
#ifndef ISCSID_MANAGER_H
#define ISCSID_MANAGER_H

#include <systemd/sd-event.h>

#include "iscsid/discovery.h"
#include "iscsid/session.h"
#include "libiscsi-db/iscsi-db.h"

struct manager;

struct manager_options {
	const char *config_path;	/* iscsid.conf; NULL: the built-in path */
	const char *initiator_path;	/* initiatorname.iscsi; NULL: the built-in path */
	const char *run_dir;		/* NULL: /run/iscsid */
};

/* Opens the kernel, makes the threads, listens, takes over the kernel's sessions. */
enum iscsi_err manager_new(const struct manager_options *options, struct manager **ret,
			   struct iscsi_why *why);
/* Sessions stay in the kernel. Takes NULL; returns NULL. */
struct manager *manager_free(struct manager *manager);

/* Runs until manager_stop() or a signal; 0 or -errno. */
int manager_run(struct manager *manager);
void manager_stop(struct manager *manager);
/* Reads the initiator name and the daemon's own settings anew. */
void manager_reload(struct manager *manager);

/*
 * A login for a node record, which is taken over on success. @another: also if the record has
 * all its sessions (node.session.nr_sessions). An error means that @asker will not be called.
 */
enum iscsi_err manager_login(struct manager *manager, struct iscsi_db_record *rec, bool another,
			     struct asker *asker, struct iscsi_why *why);
/*
 * Ends a session. ISCSI_ERR_SESS_NOT_FOUND; with "iscsid.safe_logout = Yes" ISCSI_ERR_BUSY if
 * one of its disks is in use. An error means that @asker will not be called.
 */
enum iscsi_err manager_logout(struct manager *manager, uint32_t sid, struct asker *asker,
			      struct iscsi_why *why);
/* NULL: no such session here. */
struct session *manager_find(struct manager *manager, uint32_t sid);

enum iscsi_err manager_discover(struct manager *manager, const struct iscsi_db_record *rec,
				const struct iscsi_db_record *iface,
				const struct discovery_owner *owner, struct discovery **ret,
				struct iscsi_why *why);
/* Frees a discovery once its callback has returned. */
void manager_discard(struct manager *manager, struct discovery *discovery);

#endif /* ISCSID_MANAGER_H */
