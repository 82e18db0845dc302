/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a discovery does to the records: which of the targets that were reported become node
 * records, which existing ones are replaced or removed. Used by the discovery mode, whatever
 * way the targets were found.
 */
#pragma once

#include "iscsiadm/adm.h"

/* What a source may know of a target besides its name and portal. All zero: nothing. */
struct found_extra {
	/* Settings of this target alone; they override those of iscsid.conf and the interface. */
	const struct option_pair *settings;
	size_t setting_count;
	bool tpgt_assumed;	/* the tag is a guess; the tag of an existing record is better */
};

/* A target on a portal, as the answer reported it. */
struct found {
	char target[ISCSI_NAME_MAX + 1];
	char address[ISCSI_ADDRESS_MAX + 1];
	int port, tpgt;
	size_t iface;		/* the place of the interface in the caller's list */
	size_t order;		/* its place in the answers */
	struct found_extra extra;
};

struct found_list {
	struct found *list;
	size_t len;
	size_t added;		/* how many were ever added */
};

/*
 * Adds the target that @reply reports. If its names or settings can't be used, nothing is added
 * and @why holds the reason. @extra may be NULL; what its settings point to must outlive @found.
 */
enum iscsi_err found_add(struct found_list *found, const struct mgmt_reply *reply, size_t iface,
			 const struct found_extra *extra, struct iscsi_why *why);
/* Takes out all targets that were found through one interface. */
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

/* Whether the node in @rec was found there. */
bool found_at(const struct iscsi_db_record *rec, const char *type, const char *address, int port);

/*
 * Stages the changes that @ops (OP_NEW, OP_UPDATE, OP_DELETE) ask for; the caller holds the lock,
 * unless @ops is 0. A target that can't be stored is named on stderr and left out, and the first
 * such error is returned. @ret_records gets the record of each found target, in their order: the
 * record that was stored, or lies in the database, or, without @ops, would have been stored.
 */
enum iscsi_err found_store(struct adm *adm, const struct found_source *source,
				 unsigned int ops, const struct found_list *found,
				 struct iscsi_db_record *const *ifaces, size_t iface_count,
				 struct adm_records *ret_records);
