/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the files of libiscsi-db share among themselves: the row of a setting, the line reader,
 * the inside of a record, of an open database and of its staged changes, and the table of
 * system calls that a test can replace. Nobody outside libiscsi-db and its tests includes this.
 */
#ifndef ISCSI_DB_INTERNAL_H
#define ISCSI_DB_INTERNAL_H

#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "libiscsi-db/iscsi-db.h"
#include "libiscsi-db/util.h"

#ifndef ISCSI_VERSION
#define ISCSI_VERSION "3.0.0"
#endif
#ifndef ISCSI_CONF_DIR
#define ISCSI_CONF_DIR "/etc/iscsi"
#endif
#ifndef ISCSI_DB_ROOT
#define ISCSI_DB_ROOT "/var/lib/iscsi"
#endif

#define DB_TEXT_MAX	(256 * 1024)	/* bytes of a record or configuration file */
#define DB_LINE_MAX	2047		/* bytes of a line with its newline */
#define DB_KEY_MAX	127
#define DB_KINDS	4

/* ---- err.c: warnings ----------------------------------------------------------------- */

/* Where a warning goes, and what stands before it: "origin: " or "origin:line: ". */
struct db_warn {
	iscsi_db_warn_fn *fn;
	void *arg;
	const char *origin;
	unsigned int line;
};

void db_warn(const struct db_warn *warn, const char *fmt, ...) PRINTF(2, 3);
/* strerror() that is safe with threads; @err is an errno or its negative. */
const char *db_strerror(int err);

/* ---- address.c ----------------------------------------------------------------------- */

/* True if both are numeric addresses and mean the same one (zones compared as text). */
bool address_equal(const char *a, const char *b);
/* True if @c, followed by @next, begins a control character, C1 in UTF-8 included. */
static inline bool text_is_control(char c, char next)
{
	unsigned char a = (unsigned char)c, b = (unsigned char)next;

	return a < 0x20 || a == 0x7f || (a == 0xc2 && b >= 0x80 && b <= 0x9f);
}

/* A decimal number just as printf("%d") writes it, nothing before or after. */
bool text_to_int(const char *text, int *ret);

/* ---- setting.c ----------------------------------------------------------------------- */

enum setting_type {
	SETTING_STR,
	SETTING_INT,		/* 32 bits with sign */
	SETTING_UINT,		/* 0..max */
	SETTING_ENUM,
	SETTING_LIST,		/* words of the list in any order, each at most once */
};

enum setting_flag {
	SETTING_KEY	= 1 << 0,	/* finds the record: not for update */
	SETTING_SECRET	= 1 << 1,	/* masked in show; the next row holds its length */
	SETTING_HIDDEN	= 1 << 2,	/* never printed, never kept */
	SETTING_V4	= 1 << 3,	/* belongs to the IPv4 block of an interface */
	SETTING_V6	= 1 << 4,
	SETTING_LATE	= 1 << 5,	/* unknown to 2.1.8: printed only if changed */
	SETTING_UNSEEDED = 1 << 6,	/* iscsid.conf has no say in it */
	SETTING_BINDING	= 1 << 7,	/* the word "default" means not bound */
};

struct setting {
	const char *name;
	const char *def;		/* "" is empty */
	const char *line;		/* "name = default\n" */
	const char *const *words;
	uint32_t max;			/* STR: bytes; UINT: the greatest value */
	int low, high;			/* INT: what makes sense; low == high: anything */
	uint8_t type;
	uint8_t flags;
	uint8_t name_len, def_len;
};

/* Who gives the value, and so how much of it is taken on trust. */
enum setting_source {
	SETTING_FROM_FILE,	/* made to fit, with a warning */
	SETTING_FROM_USER,	/* refused if it doesn't fit; numbers take any prefix */
	SETTING_FROM_PROGRAM,	/* exact */
};

/* The settings of each kind; filled before main() and only read after that. */
struct setting_run {
	const struct setting *rows;
	unsigned int count;
	const uint8_t *file_order;	/* the indices as files have them */
};
extern struct setting_run setting_runs[DB_KINDS];

/* The settings of a kind are rows 0..count-1, in the order of "-o show". */
static inline unsigned int setting_count(enum iscsi_db_kind kind)
{
	return setting_runs[kind].count;
}

static inline const struct setting *setting_row(enum iscsi_db_kind kind, unsigned int index)
{
	return &setting_runs[kind].rows[index];
}

/* The bytes of its default's line. */
static inline size_t setting_line_len(const struct setting *s)
{
	return s->name_len + s->def_len + 4u;
}

/* The index of a name or of one of its old names; -1: not a setting of this kind. */
int setting_find(enum iscsi_db_kind kind, const char *name);
/* The @i-th of the old names, and in @ret the name of today; NULL: there are no more. */
const char *setting_alias(unsigned int i, const char **ret);
/* The setting of any (-1) or of one kind whose name is most like @name; NULL: none is. */
const char *setting_nearest(int kind, const char *name);
/*
 * @text as the setting keeps it -> @ret. ISCSI_ERR_INVAL and a reason if it can't be taken.
 * What is ignored or cut is told to @warn.
 */
enum iscsi_err setting_normalize(const struct setting *s, const char *text,
				 enum setting_source source, char ret[ISCSI_VALUE_MAX + 1],
				 const struct db_warn *warn, struct iscsi_why *why);
bool setting_is_bool(const struct setting *s);

/* ---- record.c ------------------------------------------------------------------------ */

struct iscsi_db_record {
	enum iscsi_db_kind kind;
	bool has_type;			/* the text it was read from had node.discovery_type */
	unsigned int known;		/* lines of that text that a setting knew */
	char *extra;			/* lines that no setting knows, each with its newline */
	size_t extra_len;
	char *value[];			/* by index of the setting; NULL: its default */
};

const char *record_value(const struct iscsi_db_record *rec, unsigned int index);
/* Stores a normalized value. -ENOMEM. */
int record_store(struct iscsi_db_record *rec, unsigned int index, const char *value);
/* Stores a value that the caller knows to be good, by name. -ENOMEM. */
int record_put(struct iscsi_db_record *rec, const char *key, const char *value);
/* Overwrites and frees text that may hold secrets; takes NULL. */
void text_wipe(char *text, size_t len);

/* ---- record_text.c ------------------------------------------------------------------- */

enum line_type {
	LINE_NONE,		/* the text is at its end */
	LINE_COMMENT,		/* empty lines too */
	LINE_SETTING,
	LINE_BAD,		/* problem says why */
};

/* Cuts a text into "key = value" lines; records and iscsid.conf share this grammar. */
struct line {
	const char *rest, *end;		/* what is still to be read */
	unsigned int no;
	const char *raw;		/* this line without outer blanks, not terminated */
	size_t raw_len;
	const char *problem;
	char key[DB_KEY_MAX + 1];
	char value[DB_LINE_MAX + 1];
};

void line_init(struct line *line, const char *text, size_t len);
enum line_type line_next(struct line *line);
/* ISCSI_ERR_INVAL if @text can't be text of ours: too long, or with NUL bytes. */
enum iscsi_err text_check(const char *text, size_t len, const char *origin,
			  struct iscsi_why *why);

/* ---- config.c ------------------------------------------------------------------------ */

enum iscsi_err config_parse(const char *text, size_t len, const char *origin,
			    iscsi_db_warn_fn *warn, void *arg, struct iscsi_db_config **ret,
			    struct iscsi_why *why);
enum iscsi_err initiator_parse(const char *text, size_t len, const char *origin,
			       struct iscsi_db_initiator *ret, struct iscsi_why *why);

/* ---- os.c: the system calls of the database ------------------------------------------ */

/*
 * Each returns a non-negative result or -errno. Paths that open() takes may have several parts
 * and never lead out of @dir; the other calls take the name of one entry of @dir and don't
 * follow it.
 */
struct db_os {
	int (*open)(int dir, const char *path, int flags, mode_t mode);
	int (*close)(int fd);
	ssize_t (*read)(int fd, void *buf, size_t len, off_t at);
	ssize_t (*write)(int fd, const void *buf, size_t len);
	ssize_t (*getdents)(int fd, void *buf, size_t size);	/* struct dirent64s; 0: the end */
	int (*fsync)(int fd);
	int (*syncfs)(int fd);
	int (*stat)(int dir, const char *name, struct stat *st);
	int (*mkdir)(int dir, const char *name, mode_t mode);
	int (*unlink)(int dir, const char *name, int flags);
	int (*rename)(int from_dir, const char *from, int to_dir, const char *to, bool exchange);
	int (*symlink)(const char *text, int dir, const char *name);
	int (*readlink)(int dir, const char *name, char *buf, size_t size);
	int (*link)(int dir, const char *from, const char *to);
	int (*flock)(int fd, int operation);
	int64_t (*now_ms)(void);		/* monotonic */
	int64_t (*wall_ms)(void);		/* as file times count */
	void (*sleep_ms)(unsigned int ms);
	/* Whether a program that may hold open-iscsi's lock, and isn't ours, is alive. */
	bool (*foreign_alive)(void);
};

extern const struct db_os db_os_real;

/* What open() does on a kernel without openat2(2): refuses symbolic links on the way. */
int os_open_by_parts(int dir, const char *path, int flags, mode_t mode);

static inline bool os_same_file(const struct stat *a, const struct stat *b)
{
	return a->st_ino == b->st_ino && a->st_dev == b->st_dev;
}

/* True if the open @fd is still what has the name; someone may have removed it. */
bool os_is_entry(const struct db_os *os, int fd, int dir, const char *name);

/*
 * A whole file -> malloc()ed, terminated text. -EFBIG over DB_TEXT_MAX, -EINVAL for a pipe and
 * what else isn't a file. os_read_path() takes any path and follows it.
 */
int os_read_fd(const struct db_os *os, int fd, char **ret, size_t *len);
int os_read_path(const char *path, char **ret, size_t *len);

/* ---- pool.c: memory that is given back together -------------------------------------- */

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

/* ---- helper.c: a second thread ------------------------------------------------------- */

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

/* ---- store.c: an open database ------------------------------------------------------- */

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
/* The last part of a path, and what is before it ("." if nothing is). */
const char *db_base_name(const char *path);
char *db_parent_name(const char *path);
/* asprintf() that gives the text; NULL: no memory. */
char *db_format(const char *fmt, ...) PRINTF(1, 2);
/* The pieces before the first NULL in one text; NULL: no memory. */
char *db_concat(const char *first, ...) __attribute__((sentinel));
/* "a/b"; NULL: no memory. */
char *db_join(const char *a, const char *b);

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
/* Makes sure that a record read from @path says so; *fixed tells if it didn't. -ENOMEM. */
int record_fix(struct iscsi_db_record *rec, const char *key, const char *value, bool *fixed);

/* ---- node.c -------------------------------------------------------------------------- */

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

/* ---- target.c: a target's folder in memory ------------------------------------------- */

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

/* ---- stage.c: changes that aren't visible yet ---------------------------------------- */

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

/* ---- lock.c -------------------------------------------------------------------------- */

/* Gives the lock back whatever its depth. */
void lock_drop(struct iscsi_db *db);
/* The check behind db_os.foreign_alive. */
bool lock_foreign_alive(void);

DEFINE_FREEP(struct iscsi_db_record, iscsi_db_record_free)
DEFINE_FREEP(struct iscsi_db_config, iscsi_db_config_free)
DEFINE_FREEP(struct iscsi_db, iscsi_db_close)

#endif /* ISCSI_DB_INTERNAL_H */
