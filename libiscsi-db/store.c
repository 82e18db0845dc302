/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An open database: its root, the reading of single record files, and the interface and
 * discovery records. Node records and their links are node.c's, changes go through stage.c.
 * Whatever can't be read is reported and left out; one bad file never hides another.
 */
#include "libiscsi-db/db.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>

#define HISTORIC_ROOT	"/etc/iscsi"
#define EXAMPLE		"iface.example"	/* documentation, not a record */
#define PATIENCE_MS	100
#define PAUSE_MS	5

/* ---- open and close ------------------------------------------------------------------ */

static bool has_nodes(const char *root)
{
	CLEANUP(freep) char *path = db_format("%s/nodes", root);

	return path && access(path, F_OK) == 0;
}

static const char *choose_root(void)
{
	const char *root = secure_getenv("ISCSI_DB_ROOT");

	if (root && *root)
		return root;
	if (!has_nodes(ISCSI_DB_ROOT) && has_nodes(HISTORIC_ROOT))
		return HISTORIC_ROOT;
	return ISCSI_DB_ROOT;
}

/* Links hold absolute paths, so the root is one, without slashes at its end. */
static char *absolute_root(const char *root)
{
	CLEANUP(freep) char *cwd = NULL;
	size_t len = strlen(root);

	while (len > 1 && root[len - 1] == '/')
		len--;
	if (root[0] == '/')
		return db_format("%.*s", (int)len, root);
	cwd = get_current_dir_name();
	return cwd ? db_format("%s/%.*s", cwd, (int)len, root) : NULL;
}

enum iscsi_err db_open_os(const char *root, const struct db_os *os, struct iscsi_db **ret,
			  struct iscsi_why *why)
{
	CLEANUP(iscsi_db_closep) struct iscsi_db *db = calloc(1, sizeof(*db));
	int r;

	if (!db)
		return iscsi_fail(why, ISCSI_ERR_NOMEM, "no memory to open the database");
	db->os = os;
	db->patience_ms = PATIENCE_MS;
	db->root_fd = db->lock.dir = db->lock.fd = db->stage.fd = -1;
	db->root = absolute_root(root ? root : choose_root());
	if (!db->root)
		return iscsi_fail(why, ISCSI_ERR_NOMEM, "no memory to open the database");
	r = db_root_fd(db);
	if (r < 0 && r != -ENOENT)
		return iscsi_fail(why, ISCSI_ERR_IDBM, "cannot open the database %s: %s",
				  db->root, db_strerror(r));
	*ret = db;
	db = NULL;
	return ISCSI_SUCCESS;
}

enum iscsi_err iscsi_db_open(const char *root, struct iscsi_db **ret, struct iscsi_why *why)
{
	return db_open_os(root, &db_os_real, ret, why);
}

struct iscsi_db *iscsi_db_close(struct iscsi_db *db)
{
	if (!db)
		return NULL;
	stage_drop(db);
	lock_drop(db);
	closep(&db->root_fd);
	free(db->root);
	free(db);
	return NULL;
}

const char *iscsi_db_root(const struct iscsi_db *db)
{
	return db->root;
}

int db_root_fd(struct iscsi_db *db)
{
	if (db->root_fd < 0) {
		db->root_fd = open(db->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (db->root_fd < 0)
			return -errno;
	}
	return db->root_fd;
}

int db_open_dir(struct iscsi_db *db, const char *path)
{
	int root = db_root_fd(db);

	return root < 0 ? root : db->os->open(root, path, O_RDONLY | O_DIRECTORY, 0);
}

bool db_is_nowhere(int err)
{
	return err == -ENOENT || err == -ENOTDIR || err == -EXDEV || err == -ELOOP ||
	       err == -ENAMETOOLONG;
}

bool db_is_shortage(int err)
{
	return err == -ENOMEM || err == -EMFILE || err == -ENFILE;
}

int db_type(struct iscsi_db *db, const char *path)
{
	CLEANUP(freep) char *parent = db_parent_name(path);
	struct stat st;
	int dir, r;

	if (!parent)
		return -ENOMEM;
	dir = db_open_dir(db, parent);
	if (dir < 0)
		return dir == -ENOENT || dir == -ENOTDIR ? 0 : dir;
	r = db->os->stat(dir, db_base_name(path), &st);
	(void)db->os->close(dir);
	if (r == -ENOENT)
		return 0;
	return r < 0 ? r : (int)(st.st_mode & S_IFMT);
}

enum iscsi_err db_cannot_look(const struct iscsi_db *db, const char *path, int r,
			      struct iscsi_why *why)
{
	return iscsi_fail(why, db_is_shortage(r) ? ISCSI_ERR_NOMEM : ISCSI_ERR_IDBM,
			  "cannot look at %s/%s: %s", db->root, path, db_strerror(r));
}

void iscsi_db_observe(struct iscsi_db *db, const struct iscsi_db_observer *observer)
{
	db->observer = *observer;
}

void db_trace(const struct iscsi_db *db, const char *verb, const char *path)
{
	struct iscsi_why text;

	if (!db->observer.trace)
		return;
	(void)iscsi_fail(&text, ISCSI_SUCCESS, "%s %s/%s", verb, db->root, path);
	db->observer.trace(db->observer.arg, text.text);
}

void db_left_out(const struct iscsi_db *db, const struct db_warn *warn,
		 const struct iscsi_why *reason)
{
	db_warn(warn, "%s; it is left out", reason->text);
	if (db->observer.unreadable)
		db->observer.unreadable(db->observer.arg, reason->text);
}

bool db_is_here(const struct iscsi_db *db, const char *path)
{
	return db->here.path && streq(db->here.path, path);
}

void db_forget_here(struct iscsi_db *db)
{
	db->here = (struct db_here){ 0 };
	db->generation++;
}

/* ---- folders ------------------------------------------------------------------------- */

int names_add(struct names *names, const char *name)
{
	char *copy;

	if (names->count == names->room) {
		size_t room = names->room ? 2 * names->room : 4;
		char **grown = reallocarray(names->name, room, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		names->name = grown;
		names->room = room;
	}
	copy = strdup(name);
	if (!copy)
		return -ENOMEM;
	names->name[names->count++] = copy;
	return 0;
}

void names_done(struct names *names)
{
	for (size_t i = 0; i < names->count; i++)
		free(names->name[i]);
	free(names->name);
	*names = (struct names){ 0 };
}

int names_compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int names_read_fd(struct iscsi_db *db, int fd, struct names *ret)
{
	char buf[32 * 1024] __attribute__((aligned(8)));
	struct names names = { 0 };
	ssize_t n;
	int r = 0;

	*ret = names;
	while (!r && (n = db->os->getdents(fd, buf, sizeof(buf))) != 0) {
		if (n < 0)
			r = (int)n;
		for (ssize_t at = 0; !r && at < n;) {
			const struct dirent64 *entry = (const void *)(buf + at);

			if (!streq(entry->d_name, ".") && !streq(entry->d_name, ".."))
				r = names_add(&names, entry->d_name);
			at += entry->d_reclen;
		}
	}
	if (r < 0) {
		names_done(&names);
		return r;
	}
	if (names.count > 1)
		qsort(names.name, names.count, sizeof(names.name[0]), names_compare);
	*ret = names;
	return 0;
}

int names_read(struct iscsi_db *db, const char *path, struct names *ret)
{
	int fd = db_open_dir(db, path), r;

	*ret = (struct names){ 0 };
	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	r = names_read_fd(db, fd, ret);
	(void)db->os->close(fd);
	return r;
}

/* ---- one record file ----------------------------------------------------------------- */

static bool record_text_is_cut(const char *text, size_t len)
{
	static const char end[] = "# END RECORD\n";
	size_t n = sizeof(end) - 1;

	if (len >= n && memcmp(text + len - n, end, n) == 0)
		return false;
	return len == 0 || (strstr(text, "# BEGIN RECORD") && !strstr(text, "# END RECORD"));
}

static bool is_recent(const struct iscsi_db *db, int fd)
{
	struct stat st;
	int64_t age;

	if (fstat(fd, &st) < 0)
		return false;
	age = db->os->wall_ms() / 1000 - st.st_mtim.tv_sec;
	return age >= 0 && age <= 1;
}

/*
 * Old tools rewrite a record in place, so for a moment there is nothing in the file. Whoever
 * reads without the lock gives such a writer time to finish.
 */
static int read_settled(struct iscsi_db *db, const char *path, char **ret, size_t *len)
{
	for (;;) {
		/* O_NONBLOCK: a FIFO under a record's name must not hold us up. */
		int root = db_root_fd(db), fd, r;
		bool again;

		if (root < 0)
			return root;
		fd = db->os->open(root, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
		if (fd < 0)
			return fd;
		r = os_read_fd(db->os, fd, ret, len);
		again = !r && !db->lock.depth && db->patience_ms && record_text_is_cut(*ret, *len) &&
			is_recent(db, fd);
		(void)db->os->close(fd);
		if (!again)
			return r;
		text_wipe(*ret, *len);
		db->patience_ms -= PAUSE_MS;
		db->os->sleep_ms(PAUSE_MS);
	}
}

static enum iscsi_err parse_text(enum iscsi_db_kind kind, const char *origin,
				 const char *text, size_t len, iscsi_db_warn_fn *warn, void *arg,
				 struct iscsi_db_record **ret, struct iscsi_why *why)
{
	enum iscsi_err err;

	if (!len)
		return iscsi_fail(why, ISCSI_ERR_IDBM, "%s is empty", origin);
	err = iscsi_db_record_parse(kind, text, len, origin, warn, arg, ret, why);
	if (err)
		return err == ISCSI_ERR_NOMEM ? err : ISCSI_ERR_IDBM;
	if ((*ret)->known)
		return ISCSI_SUCCESS;
	*ret = iscsi_db_record_free(*ret);
	return iscsi_fail(why, ISCSI_ERR_IDBM, "%s isn't a record", origin);
}

enum iscsi_err db_load(struct iscsi_db *db, enum iscsi_db_kind kind, const char *path,
		       iscsi_db_warn_fn *warn, void *arg, struct iscsi_db_record **ret,
		       struct iscsi_why *why)
{
	CLEANUP(freep) char *origin = db_join(db->root, path);
	char *text = NULL;
	size_t len = 0;
	enum iscsi_err err;
	int r;

	if (!origin)
		return iscsi_fail(why, ISCSI_ERR_NOMEM, "no memory for a record");
	r = read_settled(db, path, &text, &len);
	if (r == -ENOENT && db_type(db, path) == S_IFLNK)
		return iscsi_fail(why, ISCSI_ERR_IDBM,
				  "cannot read %s: it is a link to nothing", origin);
	if (r == -ENOENT)
		return iscsi_fail(why, ISCSI_ERR_NO_OBJS_FOUND, "%s isn't there", origin);
	if (db_is_shortage(r))
		return iscsi_fail(why, ISCSI_ERR_NOMEM, "cannot read %s: %s", origin,
				  db_strerror(r));
	if (r < 0)
		return iscsi_fail(why, ISCSI_ERR_IDBM, "cannot read %s: %s", origin,
				  r == -EXDEV ? "it leads out of the database" :
				  r == -EINVAL ? "it isn't a regular file" :
						 db_strerror(r));
	err = parse_text(kind, origin, text, len, warn, arg, ret, why);
	text_wipe(text, len);
	if (!err)
		db_trace(db, "read", path);
	return err;
}

static enum iscsi_err stage_failed(enum iscsi_err err, struct iscsi_why *why)
{
	return iscsi_fail(why, err, "no memory to change the database");
}

/* ---- interfaces ---------------------------------------------------------------------- */

static const struct {
	const char *name, *transport;
} builtin_iface[] = { { "default", "tcp" }, { "iser", "iser" } };

static const char *builtin_transport(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(builtin_iface); i++) {
		if (streq(builtin_iface[i].name, name))
			return builtin_iface[i].transport;
	}
	return NULL;
}

static enum iscsi_err builtin_read(const char *name, const char *transport,
				   struct iscsi_db_record **ret, struct iscsi_why *why)
{
	CLEANUP(iscsi_db_record_freep) struct iscsi_db_record *rec = NULL;

	if (iscsi_db_record_new(ISCSI_DB_IFACE, &rec) != ISCSI_SUCCESS ||
	    record_put(rec, "iface.iscsi_ifacename", name) < 0 ||
	    record_put(rec, "iface.transport_name", transport) < 0)
		return stage_failed(ISCSI_ERR_NOMEM, why);
	*ret = rec;
	rec = NULL;
	return ISCSI_SUCCESS;
}

static enum iscsi_err iface_load(struct iscsi_db *db, const char *name, iscsi_db_warn_fn *fn,
				 void *arg, struct iscsi_db_record **ret, struct iscsi_why *why)
{
	CLEANUP(freep) char *path = db_format("ifaces/%s", name);
	struct db_warn warn = { .fn = fn, .arg = arg };
	bool fixed = false;
	enum iscsi_err err;

	if (!path)
		return stage_failed(ISCSI_ERR_NOMEM, why);
	err = db_load(db, ISCSI_DB_IFACE, path, fn, arg, ret, why);
	if (err)
		return err;
	if (record_fix(*ret, "iface.iscsi_ifacename", name, &fixed) < 0) {
		*ret = iscsi_db_record_free(*ret);
		return stage_failed(ISCSI_ERR_NOMEM, why);
	}
	if (fixed)
		db_warn(&warn, "%s/%s says it is another interface; its file name counts",
			db->root, path);
	return ISCSI_SUCCESS;
}

enum iscsi_err iscsi_db_iface_read(struct iscsi_db *db, const char *name,
				   struct iscsi_db_record **ret, struct iscsi_why *why)
{
	const char *transport = builtin_transport(name);
	enum iscsi_err err;

	if (transport)
		return builtin_read(name, transport, ret, why);
	err = iscsi_db_check_iface_name(name, why);
	if (err)
		return err;
	err = iface_load(db, name, NULL, NULL, ret, why);
	if (err == ISCSI_ERR_NO_OBJS_FOUND)
		return iscsi_fail(why, err, "there is no interface record %s in %s/ifaces", name,
				  db->root);
	return err;
}

enum iscsi_err iscsi_db_iface_each(struct iscsi_db *db, iscsi_db_warn_fn *warn_fn, void *warn_arg,
				   iscsi_db_record_fn *fn, void *arg, struct iscsi_why *why)
{
	struct db_warn warn = { .fn = warn_fn, .arg = warn_arg };
	enum iscsi_err err = ISCSI_SUCCESS;
	struct names names;
	int r = names_read(db, "ifaces", &names);

	if (r < 0)
		return iscsi_fail(why, ISCSI_ERR_IDBM, "cannot list %s/ifaces: %s", db->root,
				  db_strerror(r));
	for (size_t i = 0; i < names.count && !err; i++) {
		CLEANUP(iscsi_db_record_freep) struct iscsi_db_record *rec = NULL;
		const char *name = names.name[i];
		struct iscsi_why reason;

		if (streq(name, EXAMPLE))
			continue;
		if (builtin_transport(name)) {
			db_warn(&warn, "%s/ifaces/%s is left out: that name is built in",
				db->root, name);
			continue;
		}
		err = iscsi_db_check_iface_name(name, &reason);
		if (!err)
			err = iface_load(db, name, warn_fn, warn_arg, &rec, &reason);
		if (!err) {
			err = fn(arg, rec);
			continue;
		}
		if (err == ISCSI_ERR_NOMEM)
			iscsi_fail(why, err, "%s", reason.text);
		else if (err != ISCSI_ERR_NO_OBJS_FOUND)
			db_left_out(db, &warn, &reason);
		if (err != ISCSI_ERR_NOMEM)
			err = ISCSI_SUCCESS;
	}
	names_done(&names);
	return err;
}

enum iscsi_err iscsi_db_iface_write(struct iscsi_db *db, const struct iscsi_db_record *rec,
				    struct iscsi_why *why)
{
	const char *name = iscsi_db_record_get(rec, "iface.iscsi_ifacename");
	CLEANUP(freep) char *path = NULL;
	struct stage_op *op;
	enum iscsi_err err;

	if (rec->kind != ISCSI_DB_IFACE)
		return iscsi_fail(why, ISCSI_ERR_INTERNAL, "not the record of an interface");
	if (builtin_transport(name))
		return iscsi_fail(why, ISCSI_ERR_INVAL,
				  "iface %s is a special interface and is not stored in %s/ifaces.",
				  name, db->root);
	if (streq(name, EXAMPLE))
		return iscsi_fail(why, ISCSI_ERR_INVAL,
				  "%s/ifaces/%s is documentation: choose another name", db->root,
				  name);
	err = iscsi_db_check_iface_name(name, why);
	if (err)
		return err;
	path = db_format("ifaces/%s", name);
	if (!path)
		return stage_failed(ISCSI_ERR_NOMEM, why);
	return stage_write(db, path, rec, &op, why);
}

enum iscsi_err iscsi_db_iface_delete(struct iscsi_db *db, const char *name, struct iscsi_why *why)
{
	CLEANUP(freep) char *path = NULL;
	struct stage_op *op;
	enum iscsi_err err;
	int type;

	if (builtin_transport(name))
		return iscsi_fail(why, ISCSI_ERR_INVAL,
				  "iface %s is a special interface and cannot be deleted.", name);
	err = iscsi_db_check_iface_name(name, why);
	if (err)
		return err;
	path = db_format("ifaces/%s", name);
	if (!path)
		return stage_failed(ISCSI_ERR_NOMEM, why);
	type = db_type(db, path);
	if (type < 0)
		return iscsi_fail(why, ISCSI_ERR_IDBM, "cannot look at %s/%s: %s", db->root, path,
				  db_strerror(type));
	if (!type)
		return iscsi_fail(why, ISCSI_ERR_NO_OBJS_FOUND,
				  "there is no interface record %s in %s/ifaces", name, db->root);
	return stage_delete(db, path, &op, why);
}
