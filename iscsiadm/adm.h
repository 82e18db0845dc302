/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the modes share: the objects that a command works with, each made when it is first
 * needed, and how a failure is said. main.c makes one struct adm and hands it to a mode. No
 * function here prints to stdout.
 */
#ifndef ISCSIADM_ADM_H
#define ISCSIADM_ADM_H

#include "iscsiadm/snapshot.h"
#include "iscsiadm/client.h"
#include "iscsiadm/match.h"
#include "iscsiadm/options.h"

struct adm {
	struct options opt;
	/* Made on demand by the functions below; NULL until then. */
	struct iscsi_db *db;
	struct iscsi_db_config *config;
	struct sysfs *sysfs;
	struct snapshot *sessions;
	struct client *client;
	struct match_names *names;
	bool warned;			/* adm_each_node() left out something unreadable */
	/* Records that walks have left out since they can't be read, each once: file and why. */
	char **unreadable;
	size_t unreadable_count;
	void *unreadable_known;		/* the same for tfind() */
};

void adm_done(struct adm *adm);

/* Keeps the first of several failures in *@first. */
void adm_keep_first(enum iscsi_err *first, enum iscsi_err err);

/* "iscsiadm: TEXT" on stderr, in one write, what cannot be printed made visible. */
void adm_error(const char *fmt, ...) __attribute__((format(printf, 1, 2), cold));
/* The same as a callback of the library. */
void adm_warn(void *arg, const char *text);
/* For -d: what is asked of iscsid (from level 1 on), which records are used (from 4 on). */
enum { ADM_DEBUG_REQUESTS = 1, ADM_DEBUG_RECORDS = 4 };
/* Says @why, or the text of @err if there is no reason, and returns @err. */
enum iscsi_err adm_fail(enum iscsi_err err, const struct iscsi_why *why);

/* The objects. On failure these say why and return the exit status. */
enum iscsi_err adm_need_db(struct adm *adm);
enum iscsi_err adm_need_config(struct adm *adm);
enum iscsi_err adm_need_sysfs(struct adm *adm);
enum iscsi_err adm_need_sessions(struct adm *adm);
/* Reads one session alone, for -r; whatever is asked of adm->sessions then is about it. */
enum iscsi_err adm_need_session(struct adm *adm, unsigned int sid,
				const struct sysfs_session **ret);
enum iscsi_err adm_need_client(struct adm *adm);
/* A client of the caller's own, which doesn't start the daemon. NULL: no memory. */
struct client *adm_new_client(struct adm *adm, iscsi_db_warn_fn *warn, void *arg);
enum iscsi_err adm_need_names(struct adm *adm);
/* From here on the next adm_need_sessions() reads anew. */
void adm_forget_sessions(struct adm *adm);

/* ---- records ------------------------------------------------------------------------- */

/*
 * Which nodes or sessions a command is about: the filters of the command line, those not given
 * being NULL or -1, and the one session of -r.
 */
struct adm_selection {
	const char *target, *address, *iface;
	int port;
	const char *transport;			/* of @iface; NULL: not checked */
	const struct sysfs_session *session;	/* -r: its record, and no other session */
	bool literal;				/* look up no name to find records */
};

/* The selection of -T, -p and -I; a portal without a port means 3260, as open-iscsi has it. */
void adm_select(const struct adm *adm, struct adm_selection *ret);

/*
 * Walks the node records that @sel selects: those whose address means the same host, or, with
 * sel->literal, has the same text or, if none has, is the same number. @ret_count may be NULL.
 */
enum iscsi_err adm_each_node(struct adm *adm, const struct adm_selection *sel,
			     iscsi_db_record_fn *fn, void *arg, size_t *ret_count);

/*
 * Stages the end of what adm_each_node() has just left out of @sel since it can't be read: its
 * path says what it was. @ret: how many, which is said once it is committed.
 */
enum iscsi_err adm_delete_unreadable(struct adm *adm, const struct adm_selection *sel,
				     unsigned int *ret);
void adm_say_unreadable_deleted(unsigned int count);

/* A growing list of records that it owns. */
struct adm_records {
	struct iscsi_db_record **list;
	size_t len, room;
};

/* Takes @rec, also if it fails (it is freed then). */
enum iscsi_err adm_records_add(struct adm_records *records, struct iscsi_db_record *rec);
/* An iscsi_db_record_fn that copies what it is given; @arg: struct adm_records. */
enum iscsi_err adm_records_copy(void *arg, const struct iscsi_db_record *rec);
void adm_records_done(struct adm_records *records);

/* Whether @session is one of the node in @rec. Reads no more than it must. */
bool adm_session_is_of(struct adm *adm, const struct sysfs_session *session,
		       const struct iscsi_db_record *rec);
/* The number of sessions of a node. */
size_t adm_count_sessions(struct adm *adm, const struct iscsi_db_record *rec);
/* Whether @sel selects @session. */
bool adm_session_selected(struct adm *adm, const struct adm_selection *sel,
			  const struct sysfs_session *session);

/*
 * A node record with the settings of iscsid.conf, bound to @iface (may be NULL), but without
 * identity. Only a lack of memory fails.
 */
enum iscsi_err adm_new_node(struct adm *adm, const struct iscsi_db_record *iface,
			    struct iscsi_db_record **ret);

struct adm_identity {
	const char *target, *address;
	int port, tpgt;
	const char *discovery_type, *discovery_address;
	int discovery_port;	/* 0: none */
};

/* Gives a record its identity; the names pass the library's gate. */
enum iscsi_err adm_identify(struct iscsi_db_record *rec, const struct adm_identity *id,
			    struct iscsi_why *why);

/* Sets what @pairs say, in their order; settings of the identity too. */
enum iscsi_err adm_set_pairs(struct iscsi_db_record *rec, const struct option_pair *pairs,
			     size_t count, struct iscsi_why *why);

/* Stages changes; says its own failures. */
typedef enum iscsi_err adm_stage_fn(void *arg);

/*
 * The way every change of records goes: lock, @stage, commit, unlock. If @stage fails, nothing is
 * changed. @stage may ask nothing of iscsid, since the lock isn't held while waiting for the daemon.
 */
enum iscsi_err adm_change(struct adm *adm, adm_stage_fn *stage, void *arg);

/* Says that a record is kept since a session uses it. */
void adm_say_in_use(const struct iscsi_db_record *rec);

#endif /* ISCSIADM_ADM_H */
