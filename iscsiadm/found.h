/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a discovery does to the records: which of the targets that were reported become node
 * records, which existing ones are replaced or removed. Used by the discovery mode, whatever
 * way the targets were found.
 */
#ifndef ISCSIADM_FOUND_H
#define ISCSIADM_FOUND_H

#include "iscsiadm/adm.h"

/* What is known of a target besides its name and portal; all zero: nothing. */
struct found_extra {
	/* Settings of this target alone, above those of iscsid.conf and the interface. */
	const struct option_pair *settings;
	size_t setting_count;
	bool tpgt_assumed;	/* the tag is a guess: that of an existing record is better */
};

/* A target on a portal, as it was reported. */
struct found {
	char target[ISCSI_NAME_MAX + 1];
	char address[ISCSI_ADDRESS_MAX + 1];
	int port, tpgt;
	size_t iface;		/* by its place in the list of interfaces */
	size_t order;
	struct found_extra extra;
};

struct found_list {
	struct found *list;
	size_t len, room;
	size_t added;		/* since the beginning */
};

/*
 * Adds what a reply says, unless its names or settings can't be used; @why then says so, and
 * nothing is added. @extra may be NULL; what its settings point to must outlive @found.
 */
enum iscsi_err found_add(struct found_list *found, const struct mgmt_reply *reply, size_t iface,
			 const struct found_extra *extra, struct iscsi_why *why);
/* Takes out what came through one of the interfaces. */
void found_drop(struct found_list *found, size_t iface);
/* Puts targets in the order of the interfaces, and for each in that of the answer. */
void found_sort(struct found_list *found);
void found_done(struct found_list *found);

/* Where the targets come from: the values of a record's node.discovery_*. */
struct found_source {
	const char *type;		/* "send_targets", "isns", "fw" */
	const char *address;		/* "" and port 0 for "fw" */
	int port;
};

/*
 * Stages what @ops (OP_NEW, OP_UPDATE, OP_DELETE) ask for. The lock is held, unless there are
 * none. A target that can't be stored is said and left out; the first such error is returned.
 * Fills @ret_records with the record of each found target, in their order: what was stored, or
 * lies in the database, or what would have been stored.
 */
enum iscsi_err found_store(struct adm *adm, const struct found_source *source,
				 unsigned int ops, const struct found_list *found,
				 struct iscsi_db_record *const *ifaces, size_t iface_count,
				 struct adm_records *ret_records);

#endif /* ISCSIADM_FOUND_H */
