/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The inside of an open database and of its staged changes. Nobody outside libiscsi-db and its
 * tests includes this.
 */
#ifndef ISCSI_DB_INTERNAL_H
#define ISCSI_DB_INTERNAL_H

#include <pthread.h>

#include "libiscsi-db/address.h"
#include "libiscsi-db/config.h"
#include "libiscsi-db/err.h"
#include "libiscsi-db/os.h"
#include "libiscsi-db/path.h"
#include "libiscsi-db/record.h"
#include "libiscsi-db/record_text.h"
#include "libiscsi-db/setting.h"

/* ---- pool.c: memory that is given back together ---------------------------------------- */

struct pool {
	struct pool_chunk *chunk;	/* the newest; NULL: none yet */
};

/* Memory of zeros; NULL: there is none. */
void *pool_alloc(struct pool *pool, size_t size);
/* Keeps the first @size bytes of what was allocated last, where nothing else was written. */
void pool_shrink(struct pool *pool, void *last, size_t size);
/* Wipes and frees all of it but what serves for the next use. */
void pool_clear(struct pool *pool);
void pool_done(struct pool *pool);

/* ---- helper.c: a second thread --------------------------------------------------------- */

/*
 * Work that may be done beside the caller's. It uses what belongs to the job and of the database
 * what doesn't change while that is open; of the caller's descriptors, the root's alone. @run
 * must not post or wait.
 */
struct job {
	void (*run)(struct job *job);
	struct job *next;		/* in the queue */
	enum {
		JOB_NEW,
		JOB_POSTED,
		JOB_RUNNING,
		JOB_DONE,
	} state;			/* of a posted job, the helper's */
};

/* Everything but what follows the mutex belongs to the thread that uses the database. */
struct helper {
	unsigned int users;		/* the thread runs while there is one */
	bool started;
	int root;			/* the one descriptor that it keeps */
	pthread_t thread;
	pthread_mutex_t mutex;
	pthread_cond_t posted, done;
	bool stop;
	struct job *first, **end;
};

void helper_init(struct helper *helper);
void helper_done(struct helper *helper);
/*
 * Begins and ends a use; @root is the database's open folder. All jobs of a use have been waited
 * for or cancelled when it ends.
 */
void helper_hold(struct helper *helper, int root);
void helper_release(struct helper *helper);
/* Lets the helper run @job, which stays the caller's and must stay where it is. */
void helper_post(struct helper *helper, struct job *job);
/* Comes back when @job has been run, if need be by the caller; also for one not posted. */
void helper_wait(struct helper *helper, struct job *job);
/* Takes back a job that hasn't begun, or waits for its end. */
void helper_cancel(struct helper *helper, struct job *job);

/* ---- store.c: an open database --------------------------------------------------------- */

struct stage_op;
struct stage_batch;

struct db_stage {
	int fd;				/* the private folder; -1: not made yet */
	unsigned int next_name;
	struct stage_op **ops;
	size_t count, room;
	struct stage_batch *batches;	/* of texts to be written; NULL: there were few so far */
	size_t filling;			/* the batch that takes the next one */
	int err;			/* -errno of one that couldn't be written, */
	const struct stage_op *failed;	/* and whose it was */
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
	unsigned int epoch;		/* grows when what was seen may no longer be so */
};

struct iscsi_db {
	const struct db_os *os;
	char *root;
	int root_fd;			/* -1: the root doesn't exist (yet) */
	unsigned int patience_ms;	/* left for records that others are rewriting */
	struct db_lock lock;
	struct db_stage stage;
	struct db_here here;
	struct helper helper;
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
/*
 * The same by the last part of @path alone, where @dir is the open folder that it lies in; a
 * link from there into another folder is followed from the root. @dir may be -1. -errno.
 */
int db_open_in(struct iscsi_db *db, int dir, const char *path, int flags);
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
/* The same of an open folder, in @pool or, where that is NULL, in memory of its own. */
int names_read_fd(struct iscsi_db *db, int fd, struct pool *pool, struct names *ret);
int names_add(struct names *names, const char *name);
int names_add_in(struct names *names, const char *name, struct pool *pool);
/* For qsort() and bsearch() of them. */
int names_compare(const void *a, const void *b);
/* Not for names in a pool. */
void names_done(struct names *names);

/* The text of a record's file, if it is in memory. */
struct record_file {
	const char *text;		/* NULL: it isn't; terminated */
	size_t len;
};

/*
 * Reads the record @path; @file may be NULL. ISCSI_ERR_NO_OBJS_FOUND: no such file.
 * ISCSI_ERR_IDBM: it can't be used, @why names the file.
 */
enum iscsi_err db_load(struct iscsi_db *db, enum iscsi_db_kind kind, const char *path,
		       const struct record_file *file, iscsi_db_warn_fn *warn, void *arg,
		       struct iscsi_db_record **ret, struct iscsi_why *why);
/* True if someone who rewrites a file in place may have come only so far. */
bool record_text_is_cut(const char *text, size_t len);
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

/* ---- target.c: a target's folder in memory --------------------------------------------- */

/* What a walk looks for: the caller's filter, and how to take it. */
struct node_filter {
	struct iscsi_db_filter is;
	char port[12];			/* "": any */
	bool numeric;			/* compare addresses as numbers */
};

struct portal_folder {
	enum {
		PORTAL_BAD,		/* not the name of a portal */
		PORTAL_OTHER,		/* not one that the filter wants */
		PORTAL_SINGLE,		/* would be a record of the old layout; not looked at */
		PORTAL_FOLDER,
	} type;
	int err;			/* -errno of opening or listing it */
	struct node_id id;		/* but for the interface */
	struct names ifaces;
	struct record_file *files;	/* of each interface */
};

struct target_folder {
	const char *name;		/* the caller's */
	int err;			/* -errno of opening or listing it */
	struct names names;
	struct portal_folder *portals;	/* of each name */
};

/*
 * Reads the folder of @target, and in it what @filter wants, into @pool. It warns of nothing,
 * and uses nothing of @db that changes while it is open, so that the helper may do it. All
 * errors are in @ret, also -ENOMEM. Of many or odd files the text isn't read.
 */
void target_read(struct iscsi_db *db, const struct node_filter *filter, const char *target,
		 struct pool *pool, struct target_folder *ret);
/* The same of one portal's folder, whose name is @name and found good. */
void portal_read(struct iscsi_db *db, const struct node_filter *filter, const char *target,
		 const char *name, struct pool *pool, struct portal_folder *ret);

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
