/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Node records: what finds one, and where its record and its links lie. */
#pragma once

#include "libiscsi-db/iscsi-db.h"

#define TPGT_UNKNOWN	"-1"		/* ISCSI_TPGT_UNKNOWN as records have it */
/* The interface of an unreadable record in a single file, which its path doesn't name. */
#define UNREADABLE_IFACE "default"

/* The five values that identify a node. Numbers are text, as in settings and paths. */
struct node_id {
	char target[ISCSI_NAME_MAX + 1];
	char address[ISCSI_ADDRESS_MAX + 1];
	char port[12];
	char tpgt[12];			/* "" if it isn't known */
	char iface[ISCSI_IFACE_NAME_MAX + 1];
};

/* ISCSI_ERR_NOMEM with a reason. */
enum iscsi_err node_no_memory(struct iscsi_why *why);
/* "TARGET,ADDRESS,PORT,TPGT,IFACE" -> @ret; false if it isn't the name of a link. */
bool node_id_from_link(const char *name, struct node_id *ret);
/* The path of a node's record; NULL: no memory. */
char *node_path(const struct node_id *id);
/*
 * The node that the text of a record names -> @ret. The text must name a target and an address;
 * its portal group counts only if it is known. False if the text names no node.
 */
bool node_id_from_text(const struct iscsi_db_record *rec, const struct node_id *path,
		       struct node_id *ret);
/* Stages the removal of a node. */
enum iscsi_err node_delete_id(struct iscsi_db *db, const struct node_id *id,
			      struct iscsi_why *why);
/* "ADDRESS,PORT" or "ADDRESS,PORT,TPGT" -> that part of @ret; false if it is neither. */
bool portal_name_parse(const char *name, struct node_id *ret);
/*
 * Corrects the discovery type of a record. Open-iscsi 2.1.9 to 2.1.11 wrote static nodes as "fw",
 * and nodes of the firmware without a type, but put the links in the right folder. -ENOMEM.
 */
int node_fix_type(struct iscsi_db *db, const struct node_id *id, struct iscsi_db_record *rec);
