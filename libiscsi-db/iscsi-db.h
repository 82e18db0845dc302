/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libiscsi-db: the records of the iSCSI initiator.
 *
 * Reads and writes the node, interface and discovery records that iscsiadm and iscsid work
 * with, in the text form and the folders that open-iscsi 2.1 uses, so that both can share one
 * database. iscsiadm and iscsid use nothing below this header to reach a record.
 *
 * Objects are opaque; the function that returns an object says who frees the object. No function
 * logs or writes to a terminal: a failure is an enum iscsi_err with a reason in words, and a
 * warning goes to a callback. The library starts no thread and has no state beside its objects.
 * Different threads may use different objects.
 */
#ifndef ISCSI_DB_H
#define ISCSI_DB_H

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

#define ISCSI_NAME_MAX		223	/* bytes of an iSCSI name, RFC 7143, 4.2.7.1 */
#define ISCSI_ADDRESS_MAX	255	/* bytes of an address or host name */
#define ISCSI_IFACE_NAME_MAX	64	/* bytes of the name of an interface record */
#define ISCSI_VALUE_MAX		255	/* bytes of a value that other readers accept */
#define ISCSI_PORT_DEFAULT	3260
#define ISCSI_ISNS_PORT_DEFAULT	3205
#define ISCSI_PORT_MAX		65535
#define ISCSI_TPGT_UNKNOWN	(-1)
#define ISCSI_TPGT_MAX		65535

/* What went wrong. The values are iscsiadm's exit codes and never change. */
enum iscsi_err {
	ISCSI_SUCCESS			= 0,
	ISCSI_ERR			= 1,
	ISCSI_ERR_SESS_NOT_FOUND	= 2,
	ISCSI_ERR_NOMEM			= 3,
	ISCSI_ERR_TRANS			= 4,
	ISCSI_ERR_LOGIN			= 5,
	ISCSI_ERR_IDBM			= 6,
	ISCSI_ERR_INVAL			= 7,
	ISCSI_ERR_TRANS_TIMEOUT		= 8,
	ISCSI_ERR_INTERNAL		= 9,
	ISCSI_ERR_LOGOUT		= 10,
	ISCSI_ERR_PDU_TIMEOUT		= 11,
	ISCSI_ERR_TRANS_NOT_FOUND	= 12,
	ISCSI_ERR_ACCESS		= 13,
	ISCSI_ERR_TRANS_CAPS		= 14,
	ISCSI_ERR_SESS_EXISTS		= 15,
	ISCSI_ERR_INVALID_MGMT_REQ	= 16,
	ISCSI_ERR_ISNS_UNAVAILABLE	= 17,
	ISCSI_ERR_ISCSID_COMM_ERR	= 18,
	ISCSI_ERR_FATAL_LOGIN		= 19,
	ISCSI_ERR_ISCSID_NOTCONN	= 20,
	ISCSI_ERR_NO_OBJS_FOUND		= 21,
	ISCSI_ERR_SYSFS_LOOKUP		= 22,
	ISCSI_ERR_HOST_NOT_FOUND	= 23,
	ISCSI_ERR_LOGIN_AUTH_FAILED	= 24,
	ISCSI_ERR_ISNS_QUERY		= 25,
	ISCSI_ERR_ISNS_REG_FAILED	= 26,
	ISCSI_ERR_OP_NOT_SUPP		= 27,
	ISCSI_ERR_BUSY			= 28,
	ISCSI_ERR_AGAIN			= 29,
	ISCSI_ERR_UNKNOWN_DISCOVERY_TYPE = 30,
	ISCSI_ERR_CHILD_TERMINATED	= 31,
	ISCSI_ERR_SESSION_NOT_CONNECTED	= 32,
	ISCSI_ERR_REQ_TIMEDOUT		= 33,
	ISCSI_ERR_END,			/* one past the last */
};

/*
 * Why something failed, in one line without a newline. The caller provides the struct, so that
 * giving a reason needs no memory.
 */
struct iscsi_why {
	char text[512];
};

/* The fixed text of an error, as iscsiadm prints it; "" for success. Never NULL. */
const char *iscsi_db_err_text(enum iscsi_err err);
/* The name of an error in this header, "ISCSI_ERR_LOGIN", for programs. Never NULL. */
const char *iscsi_db_err_name(enum iscsi_err err);

/*
 * Writes the reason into @why (may be NULL) and returns @err, so that a failure is one line:
 * return iscsi_fail(why, ERR, "..."). A reason that is too long is cut, and control characters are
 * made visible.
 */
enum iscsi_err iscsi_fail(struct iscsi_why *why, enum iscsi_err err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4), cold));

/* The version of this library, "3.0.0". */
const char *iscsi_db_version(void);

/* Is told of a problem that doesn't stop the work: one line, without a newline. */
typedef void iscsi_db_warn_fn(void *arg, const char *text);

/* ---- names and addresses ------------------------------------------------------------- */

struct iscsi_db_portal {
	char address[ISCSI_ADDRESS_MAX + 1];	/* IPv6 without its brackets */
	int port;				/* -1: not given */
	int tpgt;				/* ISCSI_TPGT_UNKNOWN: not given */
};

/*
 * The one gate for names that become file names. Success if the text may be used as the name of a
 * target or initiator (iqn., eui., naa. or any form that real targets use: no '/', no control
 * character, no blank, no comma, not "." or "..", at most ISCSI_NAME_MAX bytes), as an address
 * or host name, or as the name of an interface record. Otherwise ISCSI_ERR_INVAL with the reason.
 */
enum iscsi_err iscsi_db_check_name(const char *name, struct iscsi_why *why);
/*
 * The same for the name of a target that a target, a name server or firmware gives. The name may
 * have the characters that RFC 3722 allows, '_' and upper case, in UTF-8, and must not begin with
 * '-' or '.'. Other characters would hurt a program that prints the name or hands the name to a
 * shell. A person may still name a target with such a name.
 */
enum iscsi_err iscsi_db_check_foreign_name(const char *name, struct iscsi_why *why);
enum iscsi_err iscsi_db_check_address(const char *address, struct iscsi_why *why);
enum iscsi_err iscsi_db_check_iface_name(const char *name, struct iscsi_why *why);

/*
 * "host", "host:port", "host:port,tpgt", "host,tpgt", "[v6]:port,tpgt", bare IPv6 with or
 * without ",tpgt", with or without a "%zone" -> @ret. An empty host (":3260") is accepted and
 * means any address. Ports are 1..65535, tpgts 0..65535. ISCSI_ERR_INVAL says what is wrong.
 */
enum iscsi_err iscsi_db_portal_parse(const char *text, struct iscsi_db_portal *ret,
				     struct iscsi_why *why);

/*
 * The same for the value of the key TargetAddress from a target. Some targets send an IPv6 address
 * without brackets; the last part is the port then, if the rest is an address.
 */
enum iscsi_err iscsi_db_target_address_parse(const char *text, struct iscsi_db_portal *ret,
					     struct iscsi_why *why);

/* True if an address is printed in brackets: open-iscsi's rule, "has no dot". */
bool iscsi_db_address_in_brackets(const char *address);

/* ---- a record in memory ---------------------------------------------------------------- */

enum iscsi_db_kind {
	ISCSI_DB_NODE,		/* a target on a portal through an interface */
	ISCSI_DB_IFACE,		/* an interface */
	ISCSI_DB_SENDTARGETS,	/* a SendTargets discovery portal */
	ISCSI_DB_ISNS,		/* an iSNS server */
};

enum iscsi_db_form {
	ISCSI_DB_FORM_FILE,		/* as in files and in messages to iscsid: secrets in clear */
	ISCSI_DB_FORM_SHOW,		/* as "-o show" prints it: <empty>, secrets masked */
	ISCSI_DB_FORM_SHOW_SECRETS,	/* the same with the secrets, "-S" */
};

struct iscsi_db_record;

/* A record of @kind with the built-in defaults; the caller frees it. ISCSI_ERR_NOMEM. */
enum iscsi_err iscsi_db_record_new(enum iscsi_db_kind kind, struct iscsi_db_record **ret);
enum iscsi_err iscsi_db_record_copy(const struct iscsi_db_record *rec,
				    struct iscsi_db_record **ret);
/* Frees and wipes a record; takes NULL; returns NULL. */
struct iscsi_db_record *iscsi_db_record_free(struct iscsi_db_record *rec);

enum iscsi_db_kind iscsi_db_record_kind(const struct iscsi_db_record *rec);

/*
 * The value of a setting as text: "" if it is empty, NULL if @key isn't a setting of this kind
 * of record. Valid until the record is changed or freed.
 */
const char *iscsi_db_record_get(const struct iscsi_db_record *rec, const char *key);
/*
 * The value of a number, always one that the setting can have, or 1 and 0 for Yes and No. The
 * result is 0 if there is no setting @key. The second function returns the built-in default.
 */
int iscsi_db_record_get_int(const struct iscsi_db_record *rec, const char *key);
int iscsi_db_record_default_int(const struct iscsi_db_record *rec, const char *key);

/*
 * Sets a setting for a program; a setting that finds the record can be set too. An unknown key, or
 * a value that the setting can't have, changes nothing: ISCSI_ERR_INVAL with a reason that names
 * the values allowed. An empty text gives the setting its default, since files hold no empty values.
 */
enum iscsi_err iscsi_db_record_set(struct iscsi_db_record *rec, const char *key,
				   const char *value, struct iscsi_why *why);

/*
 * Changes @key to @value for a person ("-o update"). These changes are refused with
 * ISCSI_ERR_INVAL and the words that iscsiadm prints: unknown keys ("Cannot
 * modify KEY. Invalid param name."), keys that find the record ("Cannot modify KEY. It is used
 * to look up the record and cannot be changed."), iface.* keys in a node record ("Cannot modify
 * KEY. Use iface mode to update this value."), and values that the setting can't have: a word for
 * a number, a number out of range, a word that isn't in the list. @warn (may be NULL) is told of
 * text that is ignored and of numbers that make little sense.
 */
enum iscsi_err iscsi_db_record_update(struct iscsi_db_record *rec, const char *key,
				      const char *value, iscsi_db_warn_fn *warn, void *arg,
				      struct iscsi_why *why);

/*
 * Text in the form of a file -> a record of @kind. Settings that the text lacks have their built-in
 * defaults. A line that can't be used is reported to @warn (may be NULL), with @origin as the name
 * of the text; if no setting has the line's key, the line is kept for the next ISCSI_DB_FORM_FILE.
 * Lines from the first NUL byte on, and a last line that is cut off, are reported and left out.
 * Only a text over 256 KiB or a lack of memory fails.
 */
enum iscsi_err iscsi_db_record_parse(enum iscsi_db_kind kind, const char *text, size_t len,
				     const char *origin, iscsi_db_warn_fn *warn, void *arg,
				     struct iscsi_db_record **ret, struct iscsi_why *why);

/* The record as text, between its BEGIN and END lines; free() it. NULL: no memory. */
char *iscsi_db_record_print(const struct iscsi_db_record *rec, enum iscsi_db_form form);

/* Copies the name of @iface, and each of its settings that is neither empty nor 0, into @node. */
enum iscsi_err iscsi_db_record_bind(struct iscsi_db_record *node,
				    const struct iscsi_db_record *iface);

/* ---- iscsid.conf and initiatorname.iscsi ---------------------------------------------- */

struct iscsi_db_config;

/*
 * Reads iscsid.conf at @path (NULL: the built-in path). A file that isn't there, or is a folder,
 * gives an empty configuration with a warning. @warn is told of lines whose key is unknown.
 */
enum iscsi_err iscsi_db_config_read(const char *path, iscsi_db_warn_fn *warn, void *arg,
				    struct iscsi_db_config **ret, struct iscsi_why *why);
struct iscsi_db_config *iscsi_db_config_free(struct iscsi_db_config *config);
/* Gives @rec the defaults that the file sets for its kind; settings that find a record stay. */
enum iscsi_err iscsi_db_config_apply(const struct iscsi_db_config *config,
				     struct iscsi_db_record *rec);
/* A setting of the programs themselves ("iscsid.startup", "discovery.merge"), or NULL. */
const char *iscsi_db_config_get(const struct iscsi_db_config *config, const char *key);

struct iscsi_db_initiator {
	char name[ISCSI_NAME_MAX + 1];		/* InitiatorName */
	char alias[ISCSI_VALUE_MAX + 1];	/* InitiatorAlias, "" if the file has none */
};
/*
 * Reads initiatorname.iscsi at @path (NULL: the built-in path). ISCSI_ERR_INVAL if there is no
 * usable name; the reason says what is wrong with the file. @warn may be NULL.
 */
enum iscsi_err iscsi_db_initiator_read(const char *path, iscsi_db_warn_fn *warn, void *arg,
				       struct iscsi_db_initiator *ret, struct iscsi_why *why);

/* ---- records on disk ------------------------------------------------------------------- */

struct iscsi_db;

/*
 * Opens the database at @root; NULL takes $ISCSI_DB_ROOT, else the historic root (/etc/iscsi) if
 * only that has records, else the built-in root. If both have records, the first walk warns of
 * the root that isn't used. Creates nothing. The caller closes the database.
 */
enum iscsi_err iscsi_db_open(const char *root, struct iscsi_db **ret, struct iscsi_why *why);
struct iscsi_db *iscsi_db_close(struct iscsi_db *db);	/* drops what wasn't committed */
const char *iscsi_db_root(const struct iscsi_db *db);

/* Is told in words, without secrets, what happens to the database. Each function may be NULL. */
struct iscsi_db_observer {
	/*
	 * A walk leaves out a record that can't be read: which file, and why. The walk's own
	 * @warn is told as well, but of other things too.
	 */
	void (*unreadable)(void *arg, const char *text);
	/* A record was read, or a commit changed a file: "read FILE". */
	void (*trace)(void *arg, const char *text);
	/* Something was wrong around the database and has been mended. */
	void (*warn)(void *arg, const char *text);
	void *arg;
};

/* Copies @observer, which replaces the observer before. */
void iscsi_db_observe(struct iscsi_db *db, const struct iscsi_db_observer *observer);

/*
 * A program that changes records holds the lock from reading the records to iscsi_db_commit(), and
 * never while waiting for anything else. Waiting for the lock ends after 30 s with ISCSI_ERR_IDBM
 * and the name of the holder. The lock is free when its holder dies, and excludes open-iscsi's
 * tools too. Reading alone needs no lock.
 * Locks nest within one struct iscsi_db; giving back the last one drops what wasn't committed.
 * The lock's files are in /run/lock/iscsi, or in $ISCSI_LOCK_DIR. Everybody may write in
 * /run/lock: root moves aside what another user put in that place, and the observer is told.
 */
enum iscsi_err iscsi_db_lock(struct iscsi_db *db, struct iscsi_why *why);
void iscsi_db_unlock(struct iscsi_db *db);

/*
 * Makes the folder of the lock, if there is none. A program that starts at boot calls this before
 * another user can make a folder there. @warn (may be NULL) is told whose folder was in the place.
 * ISCSI_ERR_IDBM with the reason.
 */
enum iscsi_err iscsi_db_make_lock_folder(iscsi_db_warn_fn *warn, void *arg, struct iscsi_why *why);

/* Selects nodes; a NULL, or -1 for the port, matches all. */
struct iscsi_db_filter {
	const char *target;	/* exact */
	const char *address;	/* equal as text, or, if that finds nothing, as numeric address */
	int port;
	const char *iface;	/* exact */
	bool names;		/* with a numeric @address: also match each node whose address is
				   a host name, which may stand for that number; numeric addresses
				   are then compared as numbers */
};

/*
 * Is called with each record found, in byte order of target, portal and interface. The library
 * frees the record after the call. A result other than success ends the walk, which returns that
 * result.
 */
typedef enum iscsi_err iscsi_db_record_fn(void *arg, const struct iscsi_db_record *rec);

/*
 * Walks the node records that @filter (NULL: all) selects, and reads no other record. @warn is told
 * of a record that can't be read, which is left out. ISCSI_SUCCESS also if there was no record. @fn
 * may stage, commit, lock, unlock and walk. The rest of the walk sees the changes of @fn, and may
 * see changes that other programs make meanwhile.
 */
enum iscsi_err iscsi_db_node_each(struct iscsi_db *db, const struct iscsi_db_filter *filter,
				  iscsi_db_warn_fn *warn, void *warn_arg,
				  iscsi_db_record_fn *fn, void *arg, struct iscsi_why *why);

/*
 * Changes are staged: other programs see them, whole, after iscsi_db_commit(), which makes all of
 * them durable at once. The lock must be held. A node is found by node.name, node.conn[0].address
 * and .port, node.tpgt and iface.iscsi_ifacename; writing a node also puts its link where its
 * node.discovery_* settings say. Deleting looks for the node on the disk, and doesn't find a node
 * that is only staged (ISCSI_ERR_NO_OBJS_FOUND).
 */
enum iscsi_err iscsi_db_node_write(struct iscsi_db *db, const struct iscsi_db_record *rec,
				   struct iscsi_why *why);
enum iscsi_err iscsi_db_node_delete(struct iscsi_db *db, const struct iscsi_db_record *rec,
				    struct iscsi_why *why);
/*
 * Stages the removal of the records that iscsi_db_node_each() with that @filter leaves out
 * because they can't be read. @ret (may be NULL) gets how many there are.
 */
enum iscsi_err iscsi_db_node_delete_unreadable(struct iscsi_db *db,
					       const struct iscsi_db_filter *filter,
					       unsigned int *ret, struct iscsi_why *why);

/*
 * Interfaces. Reading finds the built-in "default" and "iser" too; each() walks files only. A
 * missing interface is ISCSI_ERR_NO_OBJS_FOUND, an unreadable record ISCSI_ERR_IDBM. Neither write
 * nor delete touches the nodes that are bound to the interface.
 */
enum iscsi_err iscsi_db_iface_read(struct iscsi_db *db, const char *name,
				   struct iscsi_db_record **ret, struct iscsi_why *why);
enum iscsi_err iscsi_db_iface_each(struct iscsi_db *db, iscsi_db_warn_fn *warn, void *warn_arg,
				   iscsi_db_record_fn *fn, void *arg, struct iscsi_why *why);
enum iscsi_err iscsi_db_iface_write(struct iscsi_db *db, const struct iscsi_db_record *rec,
				    struct iscsi_why *why);
enum iscsi_err iscsi_db_iface_delete(struct iscsi_db *db, const char *name,
				     struct iscsi_why *why);

/*
 * Discovery records: @kind is ISCSI_DB_SENDTARGETS or ISCSI_DB_ISNS. A record is found by
 * discovery.sendtargets.address and .port; a missing record is ISCSI_ERR_NO_OBJS_FOUND. Deleting a
 * record deletes the nodes linked from its folder too, as open-iscsi does.
 */
enum iscsi_err iscsi_db_discovery_read(struct iscsi_db *db, enum iscsi_db_kind kind,
				       const char *address, int port,
				       struct iscsi_db_record **ret, struct iscsi_why *why);
enum iscsi_err iscsi_db_discovery_each(struct iscsi_db *db, enum iscsi_db_kind kind,
				       iscsi_db_warn_fn *warn, void *warn_arg,
				       iscsi_db_record_fn *fn, void *arg,
				       struct iscsi_why *why);
enum iscsi_err iscsi_db_discovery_write(struct iscsi_db *db, const struct iscsi_db_record *rec,
					struct iscsi_why *why);
enum iscsi_err iscsi_db_discovery_delete(struct iscsi_db *db, enum iscsi_db_kind kind,
					 const char *address, int port, struct iscsi_why *why);

/*
 * Makes everything staged durable and visible: syncs the files, renames them into place, syncs the
 * folders. All that needs room on the disk is made before the first change is visible, so that a
 * full disk changes nothing. A record that can't take its place, since a folder is there for
 * example, stays old and hinders no other record, but then nothing is deleted. After a failure each
 * record is old or new, whole, and the reason names the first record that stayed old, or the link
 * that couldn't be made. Nothing stays staged.
 */
enum iscsi_err iscsi_db_commit(struct iscsi_db *db, struct iscsi_why *why);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif

#endif /* ISCSI_DB_H */
