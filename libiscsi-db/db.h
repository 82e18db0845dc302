/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The inside of an open database and of its staged changes. Nobody outside libiscsi-db and its
 * tests includes this.
 */
#ifndef ISCSI_DB_INTERNAL_H
#define ISCSI_DB_INTERNAL_H

#include "libiscsi-db/address.h"
#include "libiscsi-db/config.h"
#include "libiscsi-db/err.h"
#include "libiscsi-db/os.h"
#include "libiscsi-db/path.h"
#include "libiscsi-db/record.h"
#include "libiscsi-db/record_text.h"
#include "libiscsi-db/setting.h"

/* ---- store.c: an open database --------------------------------------------------------- */

struct stage_op;

struct db_stage {
	int fd;				/* the private folder; -1: not made yet */
	unsigned int next_name;
	struct stage_op **ops;
	size_t count, room;
};

struct db_lock {
	int dir;			/* -1: not held */
	int fd;
	unsigned int depth;
	struct stat owner;		/* the file that is our lock.write */
	int64_t look_at_ms;		/* when to look for foreign programs again */
};

/*
 * The record that a walk with the lock held has come to: nobody changes what the walk has seen
 * there, so that a change of this record needs no second look at it.
 */
struct db_here {
	const char *path;		/* below the root; NULL: no walk, or without the lock */
	const struct iscsi_db_record *rec;
	const struct names *portals;	/* the entries of the target's folder */
};

struct iscsi_db {
	const struct db_os *os;
	char *root;
	int root_fd;			/* -1: the root doesn't exist (yet) */
	unsigned int patience_ms;	/* left for records that others are rewriting */
	struct db_lock lock;
	struct db_stage stage;
	struct db_here here;
	unsigned int generation;	/* grows when what a walk has seen may have changed */
	struct iscsi_db_observer observer;
};

/* Tells the observer: "VERB ROOT/PATH". */
void db_trace(const struct iscsi_db *db, const char *verb, const char *path);
/* Warns of a record that a walk can't read, and tells the observer. */
void db_left_out(const struct iscsi_db *db, const struct db_warn *warn,
		 const struct iscsi_why *reason);

enum iscsi_err db_open_os(const char *root, const struct db_os *os, struct iscsi_db **ret,
			  struct iscsi_why *why);
/* The root's descriptor or -errno; looks again if there was none. */
int db_root_fd(struct iscsi_db *db);
/* Opens a folder below the root for reading; -errno. */
int db_open_dir(struct iscsi_db *db, const char *path);
/* True if a walk is at the record @path; see struct db_here. */
bool db_is_here(const struct iscsi_db *db, const char *path);
/* What walks have seen may change from now on: by a commit, or as the lock is given back. */
void db_forget_here(struct iscsi_db *db);

struct names {
	char **name;
	size_t count, room;
};

/* The entries of a folder below the root in byte order; none if it isn't there. -errno. */
int names_read(struct iscsi_db *db, const char *path, struct names *ret);
/* The same of an open folder. */
int names_read_fd(struct iscsi_db *db, int fd, struct names *ret);
int names_add(struct names *names, const char *name);
/* For qsort() and bsearch() of names. */
int names_compare(const void *a, const void *b);
void names_done(struct names *names);

/*
 * Reads the record @path. ISCSI_ERR_NO_OBJS_FOUND: no such file. ISCSI_ERR_IDBM: the file can't
 * be used, and @why names it.
 */
enum iscsi_err db_load(struct iscsi_db *db, enum iscsi_db_kind kind, const char *path,
		       iscsi_db_warn_fn *warn, void *arg, struct iscsi_db_record **ret,
		       struct iscsi_why *why);
/*
 * True if an error says that nothing of ours can be at a path: part of it is missing, isn't a
 * folder, leads out of the database, or has a name that no file can have.
 */
bool db_is_nowhere(int err);
/* True if an error says that we lack something just now, whatever was looked at. */
bool db_is_shortage(int err);
/* The type of what lies at @path (S_IFREG, ...), 0 for nothing, -errno. */
int db_type(struct iscsi_db *db, const char *path);
/* Fails since db_type() gave @r for @path: ISCSI_ERR_NOMEM for a shortage, or ISCSI_ERR_IDBM. */
enum iscsi_err db_cannot_look(const struct iscsi_db *db, const char *path, int r,
			      struct iscsi_why *why);

/* ---- node.c ---------------------------------------------------------------------------- */

#define TPGT_UNKNOWN	"-1"		/* ISCSI_TPGT_UNKNOWN as records have it */
/* Of a record that can't be read and isn't named by its interface. */
#define UNREADABLE_IFACE "default"

/* What finds a node record. The numbers are text, as settings and paths have them. */
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
/* Stages the removal of a node. */
enum iscsi_err node_delete_id(struct iscsi_db *db, const struct node_id *id,
			      struct iscsi_why *why);
/* "ADDRESS,PORT" or "ADDRESS,PORT,TPGT" -> that part of @ret; false if it is neither. */
bool portal_name_parse(const char *name, struct node_id *ret);
/*
 * 2.1.9 to 2.1.11 wrote static nodes as "fw" and nodes of the firmware without a type. Their
 * links were in the right place, so these decide. -ENOMEM.
 */
int node_fix_type(struct iscsi_db *db, const struct node_id *id, struct iscsi_db_record *rec);

/* ---- stage.c: changes that aren't visible yet ------------------------------------------ */

/* Stages @rec as the file @path; *ret may then be given links. */
enum iscsi_err stage_write(struct iscsi_db *db, const char *path,
			   const struct iscsi_db_record *rec, struct stage_op **ret,
			   struct iscsi_why *why);
/* Stages the removal of @path and of the folders that it leaves empty. */
enum iscsi_err stage_delete(struct iscsi_db *db, const char *path, struct stage_op **ret,
			    struct iscsi_why *why);
/*
 * A symbolic link that comes with a staged write. If its folder isn't there then, @otherwise
 * (may be NULL) takes its place, or else no link is made. -ENOMEM.
 */
int stage_set_link(struct stage_op *op, const char *path, const char *otherwise,
		   const char *text);
/* A file of the old layout that goes once the new record is in place. -ENOMEM. */
int stage_set_old_file(struct stage_op *op, const char *path);
/* A link that the old record has, or may have. -ENOMEM. */
int stage_add_unlink(struct stage_op *op, const char *path);
/* Forgets what was staged after the first @count (db->stage.count) changes. */
void stage_cut_back(struct iscsi_db *db, size_t count);
/* Forgets all that is staged. */
void stage_drop(struct iscsi_db *db);

/* ---- lock.c ---------------------------------------------------------------------------- */

/* Gives the lock back whatever its depth. */
void lock_drop(struct iscsi_db *db);
/* The check behind db_os.foreign_alive. */
bool lock_foreign_alive(void);

DEFINE_FREEP(struct iscsi_db, iscsi_db_close)

#endif /* ISCSI_DB_INTERNAL_H */
