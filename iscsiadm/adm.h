/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the modes share: the objects that a command works with, each made when a mode first
 * needs it, and how a failure is said. main.c makes one struct adm and hands it to a mode. No
 * function here prints to stdout.
 */
#pragma once

#include "iscsiadm/snapshot.h"
#include "iscsiadm/client.h"
#include "iscsiadm/json.h"
#include "iscsiadm/match.h"
#include "iscsiadm/options.h"

struct adm {
	struct options opt;
	struct json *json;		/* the document of --json; NULL: there is none */
	/* Made on demand by the functions below; NULL until then. */
	struct iscsi_db *db;
	struct iscsi_db_config *config;
	struct sysfs *sysfs;
	struct snapshot *sessions;
	struct client *client;
	struct match_names *names;
	bool warned;			/* adm_each_node() left out an unreadable record */
	/* The unreadable records that walks have left out, each once: file and reason. */
	char **unreadable;
	size_t unreadable_count;
	void *unreadable_known;		/* the same texts as a tree for tfind() */
};

void adm_done(struct adm *adm);

/* Keeps the first of several failures in *@first. */
void adm_keep_first(enum iscsi_err *first, enum iscsi_err err);

/* Prints "iscsiadm: TEXT" to stderr in one write, escaped by text_escape(). */
void adm_error(const char *fmt, ...) __attribute__((format(printf, 1, 2), cold));
/* The same, as the reason for which the caller returns @err. */
#define adm_refuse(err, ...)	(adm_error(__VA_ARGS__), (err))
/* From now on each line of adm_error() goes to @json too. */
void adm_error_document(struct json *json);
/* Two callbacks of the library: adm_error(), and one that keeps the text in @arg, a struct iscsi_why. */
void adm_warn(void *arg, const char *text);
void adm_keep_warning(void *arg, const char *text);
/* From which level on -d says what is asked of iscsid, and which records are used. */
enum { ADM_DEBUG_REQUESTS = 1, ADM_DEBUG_RECORDS = 4 };
/* Says @why, or the text of @err if there is no reason, and returns @err. */
enum iscsi_err adm_fail(enum iscsi_err err, const struct iscsi_why *why);

/* Make the objects, unless they are there. On failure these say why and return the exit status. */
enum iscsi_err adm_need_db(struct adm *adm);
enum iscsi_err adm_need_config(struct adm *adm);
enum iscsi_err adm_need_sysfs(struct adm *adm);
enum iscsi_err adm_need_sessions(struct adm *adm);
/* Reads one session alone, for -r: from then on adm->sessions holds no other session. */
enum iscsi_err adm_need_session(struct adm *adm, unsigned int sid,
				const struct sysfs_session **ret);
enum iscsi_err adm_need_client(struct adm *adm);
/* Makes a client that the caller owns and that doesn't start the daemon. NULL: no memory. */
struct client *adm_new_client(struct adm *adm, iscsi_db_warn_fn *warn, void *arg);
/* Makes the next adm_need_sessions() read all sessions anew. */
void adm_forget_sessions(struct adm *adm);

/* ---- records ------------------------------------------------------------------------- */

/*
 * Which nodes or sessions a command is about: the filters of the command line and the one
 * session of -r. A filter that wasn't given is NULL or -1.
 */
struct adm_selection {
	const char *target, *address, *iface;
	int port;
	const char *transport;			/* of @iface; NULL: not checked */
	const struct sysfs_session *session;	/* -r: select no other session */
	bool literal;				/* compare addresses without looking up names */
};

/* Fills in what -T, -p and -I select; a portal without a port means 3260, as in open-iscsi. */
void adm_select(const struct adm *adm, struct adm_selection *ret);

/*
 * Calls @fn for each node record that @sel selects. An address matches if both mean the same
 * host; with sel->literal, if the texts are equal or, where no record has that text, the
 * numbers. @ret_count, how many records were selected, may be NULL.
 */
enum iscsi_err adm_each_node(struct adm *adm, const struct adm_selection *sel,
			     iscsi_db_record_fn *fn, void *arg, size_t *ret_count);

/*
 * Stages the deletion of the unreadable records that adm_each_node() has just left out of @sel:
 * the path of such a record says what it was about. @ret is their number, for
 * adm_say_unreadable_deleted() after the commit.
 */
enum iscsi_err adm_delete_unreadable(struct adm *adm, const struct adm_selection *sel,
				     unsigned int *ret);
void adm_say_unreadable_deleted(unsigned int count);

/* A growing list of records that it owns. */
struct adm_records {
	struct iscsi_db_record **list;
	size_t len;
};

/*
 * Reads the record of an interface. On failure says why, then the line that programs know: the
 * name between @before and @after.
 */
enum iscsi_err adm_read_iface(struct adm *adm, const char *name, const char *before,
			      const char *after, struct iscsi_db_record **ret);

/* Takes over @rec; on failure @rec is freed. */
enum iscsi_err adm_records_add(struct adm_records *records, struct iscsi_db_record *rec);
/* An iscsi_db_record_fn that adds a copy of the record to @arg, a struct adm_records. */
enum iscsi_err adm_records_copy(void *arg, const struct iscsi_db_record *rec);
void adm_records_done(struct adm_records *records);

/* match_address() with the names that the command has looked up so far. */
bool adm_same_host(struct adm *adm, const char *a, const char *b);
/* Whether @session belongs to the node in @rec. Reads no more from sysfs than it must. */
bool adm_session_is_of(struct adm *adm, const struct sysfs_session *session,
		       const struct iscsi_db_record *rec);
/* How many sessions a node has; with @made, without those whose first login may be under way. */
size_t adm_count_sessions(struct adm *adm, const struct iscsi_db_record *rec, bool made);
/* Whether @sel selects @session. */
bool adm_session_selected(struct adm *adm, const struct adm_selection *sel,
			  const struct sysfs_session *session);

/*
 * Makes a node record with the settings of iscsid.conf, bound to @iface (may be NULL), but without
 * target and portal.
 */
enum iscsi_err adm_new_node(struct adm *adm, const struct iscsi_db_record *iface,
			    struct iscsi_db_record **ret);

struct adm_identity {
	const char *target, *address;
	int port, tpgt;
	const char *discovery_type, *discovery_address;
	int discovery_port;	/* 0: the target was not found by a discovery */
};

/* Gives a record its target, portal and origin, after the library has checked the names. */
enum iscsi_err adm_identify(struct iscsi_db_record *rec, const struct adm_identity *id,
			    struct iscsi_why *why);

/* Stages changes; says its own failures. */
typedef enum iscsi_err adm_stage_fn(void *arg);

/*
 * The way every change of records goes: lock, @stage, commit, unlock. If @stage fails, nothing is
 * changed. @stage may ask nothing of iscsid, since the lock isn't held while waiting for the daemon.
 */
enum iscsi_err adm_change(struct adm *adm, adm_stage_fn *stage, void *arg);

/* Whether a session uses a record, which is then kept and said. */
bool adm_is_in_use(struct adm *adm, const struct iscsi_db_record *rec);
