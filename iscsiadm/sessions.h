/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is done with sessions that exist: choosing them, ending them, looking for LUNs, counters,
 * and showing them as trees. The session, node and host modes call this file.
 */
#pragma once

#include "iscsiadm/adm.h"

/*
 * Ends, rescans, or prints the counters of the sessions that @sel selects. Each says its own
 * failures, also that @sel selects no session, and returns the exit status.
 */
enum iscsi_err sessions_logout(struct adm *adm, const struct adm_selection *sel);
enum iscsi_err sessions_rescan(struct adm *adm, const struct adm_selection *sel);
enum iscsi_err sessions_stats(struct adm *adm, const struct adm_selection *sel);

/* How sessions are shown as trees. */
struct session_trees {
	const char *indent;			/* before each line */
	unsigned int parts;			/* enum show_session_part */
	enum sysfs_detail detail;		/* what @parts need to be read */
	bool devices;
	void (*heading)(struct adm *adm);	/* before the first session; may be NULL */
};

/*
 * Prints the trees of @list, sessions of adm->sessions, with the states that iscsid tells.
 * Sessions that have gone meanwhile are taken out of @list and of @len.
 */
enum iscsi_err sessions_show_trees(struct adm *adm, const struct sysfs_session **list, size_t *len,
				   const struct session_trees *how);

/* The lines about versions above a tree: a heading for struct session_trees. */
void sessions_show_versions(struct adm *adm);
