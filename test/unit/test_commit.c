/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The system calls of a change and their order, what walks find, and what becomes of both when a
 * call or an allocation fails. The files below say that; the head of the first says how.
 */
#include "test/unit/db_fixture.h"

#include <dirent.h>
#include <stdarg.h>
#include <stdio.h>

#include "test/unit/alloc.h"
#include "test/unit/sections.h"

static const char *const files[] = {
	"test/fake/commits", "test/fake/walks", "test/fake/shortages",
};

#define CALLS_MAX	2000
#define SHORT_ENOUGH	100	/* calls; of more only their number is shown */
#define LINE_WORDS	8

/* ---- calls that are noted, and fail by their number -------------------------------------- */

static char *call[CALLS_MAX];	/* what they are, from 1 on */
static bool noting;
static unsigned int calls, fail_at;
static int fail_err;
static unsigned int zero_at;	/* what this call opens has the descriptor 0; 0: none */
static unsigned long fail_alloc;	/* this allocation of the change fails; 0: none */

/* Allocations fail, and are counted, between these two: not where the test itself allocates. */
static unsigned long allocs_left;

static void alloc_on(void)
{
	alloc_countdown = allocs_left;
}

static void alloc_off(void)
{
	allocs_left = alloc_countdown;
	alloc_countdown = 0;
}

/* The path of @name in the open folder @dir, without the root. */
static const char *path_of(int dir, const char *name)
{
	static char buf[4][2 * PATH_MAX];
	static unsigned int turn;
	char link[64], *ret = buf[turn = (turn + 1) % 4];
	ssize_t n;

	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", dir);
	n = readlink(link, ret, PATH_MAX);
	if (n < (ssize_t)strlen(fx_base))	/* an absolute path */
		return name + strlen(fx_base) + 1;
	ret[n] = '\0';
	(void)snprintf(ret + n, PATH_MAX, "%s%s", name ? "/" : "", name ? name : "");
	if (strncmp(ret, fx_root, strlen(fx_root)) != 0)	/* of the lock */
		return ret + strlen(fx_base) + 1;
	return ret[strlen(fx_root)] ? ret + strlen(fx_root) + 1 : ".";
}

/* Notes a call; the error that it has to fail with, or 0. */
static int note(const char *kind, const char *path, const char *how)
{
	int r = 0;

	if (!noting)
		return 0;
	alloc_off();
	ck_assert_uint_lt(++calls, CALLS_MAX);
	if (fail_at || zero_at) {
		r = calls == fail_at ? fail_err : 0;
	} else {
		free(call[calls]);
		call[calls] = db_format("%s %s%s", kind, path, how);
	}
	alloc_on();
	return r;
}

static int note_open(int dir, const char *path, int flags)
{
	char how[64];
	int r;

	(void)snprintf(how, sizeof(how), "%s%s%s%s%s", flags & O_DIRECTORY ? " folder" : "",
		       flags & O_PATH ? " path" : "", flags & O_NOFOLLOW ? " nofollow" : "",
		       flags & O_CREAT ? " new" : "", flags & O_WRONLY ? " write" : "");
	r = note("open", path_of(dir, path), how);
	if (noting && calls == zero_at)
		(void)close(STDIN_FILENO);
	return r ?: db_os_real.open(dir, path, flags);
}

static ssize_t note_write(int fd, const void *buf, size_t len)
{
	return note("write", path_of(fd, NULL), "") ?: db_os_real.write(fd, buf, len);
}

static int note_fsync(int fd)
{
	return note("fsync", path_of(fd, NULL), "");
}

static int note_syncfs(int fd)
{
	return note("syncfs", path_of(fd, NULL), "");
}

static int note_stat(int dir, const char *name, struct stat *st)
{
	return note("stat", path_of(dir, name), "") ?: db_os_real.stat(dir, name, st);
}

static int note_mkdir(int dir, const char *name, mode_t mode)
{
	return note("mkdir", path_of(dir, name), mode == 0700 ? "" : " odd") ?:
	       db_os_real.mkdir(dir, name, mode);
}

static int note_unlink(int dir, const char *name, int flags)
{
	return note(flags == AT_REMOVEDIR ? "rmdir" : "unlink", path_of(dir, name), "") ?:
	       db_os_real.unlink(dir, name, flags);
}

static int note_rename(int from_dir, const char *from, int to_dir, const char *to, bool exchange)
{
	char where[PATH_MAX];

	(void)snprintf(where, sizeof(where), " -> %s", path_of(to_dir, to));
	return note(exchange ? "exchange" : "rename", path_of(from_dir, from), where) ?:
	       db_os_real.rename(from_dir, from, to_dir, to, exchange);
}

static int note_symlink(const char *text, int dir, const char *name)
{
	return note("symlink", path_of(dir, name), "") ?: db_os_real.symlink(text, dir, name);
}

static int note_readlink(int dir, const char *name, char *buf, size_t size)
{
	return note("readlink", path_of(dir, name), "") ?:
	       db_os_real.readlink(dir, name, buf, size);
}

static int note_link(int dir, const char *from, const char *to)
{
	return note("link", path_of(dir, to), "") ?: db_os_real.link(dir, from, to);
}

static void note_sleep_ms(unsigned int ms)
{
	char how[16];

	(void)snprintf(how, sizeof(how), "%u ms", ms);
	(void)note("sleep", how, "");
	fx_os.sleep_ms(ms);
}

static int note_flock(int fd, int operation)
{
	return note("flock", path_of(fd, NULL), "") ?: db_os_real.flock(fd, operation);
}

static struct db_os noting_os(void)
{
	struct db_os os = fx_os;

	os.open = note_open;
	os.read = db_os_real.read;
	os.write = note_write;
	os.getdents = db_os_real.getdents;
	os.fsync = note_fsync;
	os.syncfs = note_syncfs;
	os.stat = note_stat;
	os.mkdir = note_mkdir;
	os.unlink = note_unlink;
	os.rename = note_rename;
	os.symlink = note_symlink;
	os.readlink = note_readlink;
	os.flock = note_flock;
	os.link = note_link;
	os.sleep_ms = note_sleep_ms;
	return os;
}

/* Which errors each kind of call may fail with. */
#define ERRORS		4
static const struct {
	const char *kind;
	int err[ERRORS];
} errors[] = {
	{ "open", { EIO, EACCES, ENOENT } }, { "write", { ENOSPC } }, { "fsync", { EIO, EINVAL } },
	{ "syncfs", { EIO } }, { "stat", { EIO, ENOENT } }, { "mkdir", { ENOSPC, EEXIST, EPERM } },
	{ "unlink", { EIO, EPERM, ENOENT } }, { "rmdir", { EIO, ENOTEMPTY, ENOENT } },
	{ "rename", { EIO, EXDEV, EISDIR } }, { "exchange", { EIO, EINVAL, ENOSYS, EXDEV } },
	{ "symlink", { ENOSPC } }, { "readlink", { EIO } }, { "flock", { EWOULDBLOCK, EIO } },
	{ "link", { EIO, EEXIST, ENOSPC } }, { "sleep", { EIO } },
};

static const int *errors_of(const char *what)
{
	for (size_t k = 0; k < ARRAY_SIZE(errors); k++)
		if (!strncmp(errors[k].kind, what, strcspn(what, " ")))
			return errors[k].err;
	ck_abort_msg("%s", what);
}

static const char *error_name(int err)
{
	switch (err) {
	case EIO: return "EIO";
	case EACCES: return "EACCES";
	case ENOENT: return "ENOENT";
	case ENOSPC: return "ENOSPC";
	case EINVAL: return "EINVAL";
	case EEXIST: return "EEXIST";
	case EPERM: return "EPERM";
	case ENOTEMPTY: return "ENOTEMPTY";
	case EXDEV: return "EXDEV";
	case EISDIR: return "EISDIR";
	case ENOSYS: return "ENOSYS";
	default: return "EWOULDBLOCK";
	}
}

/* ---- what a line asks for ------------------------------------------------------------------ */

/* A word of a file, where "-" stands for an empty one. */
static const char *text_of(const char *word)
{
	return word && !streq(word, "-") ? word : "";
}

static struct iscsi_db_record *record_of(char *const *word, const char *startup)
{
	enum iscsi_db_kind kind = streq(word[1], "isns") ? ISCSI_DB_ISNS : ISCSI_DB_SENDTARGETS;
	struct iscsi_db_record *rec;

	if (streq(word[0], "iface"))
		return fx_iface(word[1]);
	if (streq(word[0], "portal"))
		return fx_portal(kind, word[2], kind == ISCSI_DB_ISNS ? "3205" : "3260");
	rec = fx_node(word[1], word[2], "3260", word[3], word[4]);
	fx_found(rec, word[5], text_of(word[6]), streq(word[5], "isns") ? "3205" : "3260");
	fx_set(rec, "node.startup", startup);
	return rec;
}

/* ---- what a walk says ---------------------------------------------------------------------- */

static char said[16384];
static unsigned int found;

/* @text without the paths of the test's folders. */
static char *without_base(const char *text)
{
	char *ret = strdup(text), *base;

	while ((base = strstr(ret, fx_base)) != NULL) {
		bool root = !strncmp(base, fx_root, strlen(fx_root));
		size_t len = strlen(root ? fx_root : fx_base);

		len += base[len] == '/';
		memmove(base, base + len, strlen(base + len) + 1);
	}
	return ret;
}

__attribute__((format(printf, 1, 2)))
static void say(const char *fmt, ...)
{
	size_t len = strlen(said);
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(said + len, sizeof(said) - len, fmt, ap);
	va_end(ap);
}

static void say_warning(void *arg, const char *text)
{
	char *shown;

	(void)arg;
	alloc_off();
	shown = without_base(text);
	say("  warning: %s\n", shown);
	free(shown);
	alloc_on();
}

static enum iscsi_err say_found(void *arg, const struct iscsi_db_record *rec)
{
	static const char *const keys[] = {
		"node.name", "node.conn[0].address", "node.conn[0].port", "node.tpgt",
		"discovery.type", "discovery.sendtargets.address", "discovery.sendtargets.port",
		"iface.iscsi_ifacename", "iface.transport_name", "node.discovery_type",
		"node.startup",
	};

	(void)arg;
	found++;
	say(" ");
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		const char *value = iscsi_db_record_get(rec, keys[i]);

		if (value)
			say(" %s", value);
	}
	say("\n");
	return ISCSI_SUCCESS;
}

static enum iscsi_err say_read(enum iscsi_err err, struct iscsi_db_record *rec)
{
	if (!err)
		(void)say_found(NULL, rec);
	iscsi_db_record_free(rec);
	return err;
}

/* Does what asks the database something; false: the line is about a change. */
static bool ask(struct iscsi_db *db, const char *line, char *const *word)
{
	struct iscsi_why why = { "" };
	enum iscsi_err err;
	struct iscsi_db_filter is = {
		.target = word[1] && *text_of(word[1]) ? word[1] : NULL,
		.address = word[2] && *text_of(word[2]) ? word[2] : NULL,
		.port = word[2] && word[3] && *text_of(word[3]) ? atoi(word[3]) : -1,
		.iface = word[2] && word[3] && word[4] && *text_of(word[4]) ? word[4] : NULL,
		.names = word[2] && word[3] && word[4] && word[5],
	};
	enum iscsi_db_kind kind = word[1] && streq(word[1], "isns") ? ISCSI_DB_ISNS :
				  word[1] && streq(word[1], "node") ? ISCSI_DB_NODE :
								      ISCSI_DB_SENDTARGETS;
	size_t start = strlen(said);
	struct iscsi_db_record *rec = NULL;
	unsigned int count = 0;

	say("  %s:\n", line);
	alloc_on();
	if (streq(word[0], "list")) {
		err = iscsi_db_node_each(db, &is, say_warning, NULL, say_found, NULL, &why);
	} else if (streq(word[0], "sweep")) {
		err = iscsi_db_node_delete_unreadable(db, &is, &count, &why);
		say("  %u unreadable\n", count);
	} else if (streq(word[0], "ifaces")) {
		err = iscsi_db_iface_each(db, say_warning, NULL, say_found, NULL, &why);
	} else if (streq(word[0], "portals")) {
		err = iscsi_db_discovery_each(db, kind, say_warning, NULL, say_found, NULL, &why);
	} else if (streq(word[0], "read-iface")) {
		err = iscsi_db_iface_read(db, word[1], &rec, &why);
		err = say_read(err, rec);
	} else if (streq(word[0], "read-portal")) {
		err = iscsi_db_discovery_read(db, kind, word[2], atoi(word[3]), &rec, &why);
		err = say_read(err, rec);
	} else if (streq(word[0], "delete-iface")) {
		err = iscsi_db_iface_delete(db, word[1], &why);
	} else {
		alloc_off();
		said[start] = '\0';
		return false;
	}
	alloc_off();
	if (err) {
		CLEANUP(freep) char *shown = without_base(why.text);

		say("  = %d %s\n", err, shown);
	}
	return true;
}

/* ---- what a line asks for, besides ---------------------------------------------------------- */

static enum iscsi_err update_one(void *arg, const struct iscsi_db_record *rec)
{
	CLEANUP(iscsi_db_record_freep) struct iscsi_db_record *copy = NULL;

	ck_assert(!iscsi_db_record_copy(rec, &copy));
	fx_set(copy, "node.startup", "automatic");
	return iscsi_db_node_write(arg, copy, NULL);
}

static enum iscsi_err delete_one(void *arg, const struct iscsi_db_record *rec)
{
	return iscsi_db_node_delete(arg, rec, NULL);
}

/* Stages what a line asks for, or makes a file, folder or link. */
static enum iscsi_err do_line(struct iscsi_db *db, const char *line, const char *startup,
			      struct iscsi_why *why)
{
	CLEANUP(iscsi_db_record_freep) struct iscsi_db_record *rec = NULL;
	char words[512], *word[LINE_WORDS] = { NULL }, *save = NULL;
	enum iscsi_err err = ISCSI_SUCCESS;

	(void)snprintf(words, sizeof(words), "%s", line);
	for (char **w = word; w < word + LINE_WORDS - 1; w++)
		*w = strtok_r(w == word ? words : NULL, " ", &save);
	if (streq(word[0], "lock") || ask(db, line, word))
		return ISCSI_SUCCESS;	/* run_section() has taken the lock */
	if (streq(word[0], "file")) {
		fx_put_text(word[1], "nonsense\n");
	} else if (streq(word[0], "text")) {
		CLEANUP(freep) char *text = db_format("%s\n", line + strlen("text  ") +
						      strlen(word[1]));

		for (char *p = text; (p = strchr(p, '|')) != NULL;)
			*p = '\n';
		fx_put_text(word[1], text);
	} else if (streq(word[0], "folder")) {
		fx_mkdir(word[1]);
	} else if (streq(word[0], "link")) {
		ck_assert_int_eq(symlink(word[2], fx_path(word[1])), 0);
	} else if (streq(word[0], "each")) {
		alloc_on();
		err = iscsi_db_node_each(db, NULL, NULL, NULL, streq(word[1], "delete") ?
					 delete_one : update_one, db, why);
	} else if (streq(word[0], "drop")) {
		alloc_on();
		err = iscsi_db_discovery_delete(db, streq(word[1], "isns") ? ISCSI_DB_ISNS :
						ISCSI_DB_SENDTARGETS, word[2],
						streq(word[1], "isns") ? 3205 : 3260, why);
	} else if (streq(word[0], "delete")) {
		rec = fx_node(word[1], word[2], "3260", word[3], word[4]);
		alloc_on();
		err = iscsi_db_node_delete(db, rec, why);
	} else if (streq(word[0], "nodes")) {
		for (int i = 1; i <= atoi(word[1]) && !err; i++) {
			CLEANUP(freep) char *name = db_format("iqn.%d", 100 + i);
			CLEANUP(iscsi_db_record_freep) struct iscsi_db_record *node =
				fx_node(name, "1.1.1.1", "3260", "1", "default");

			err = iscsi_db_node_write(db, node, why);
		}
	} else {
		rec = record_of(word, startup);
		alloc_on();
		err = fx_stage(db, rec, why);
	}
	alloc_off();
	return err;
}

/* ---- what there is ------------------------------------------------------------------------- */

static void print_tree(FILE *out, const char *path)
{
	struct dirent **list = NULL;
	int n = scandir(fx_path(path), &list, NULL, alphasort);

	for (int i = 0; i < n; i++) {
		CLEANUP(freep) char *below = *path ? db_format("%s/%s", path, list[i]->d_name) :
						     strdup(list[i]->d_name);
		char text[PATH_MAX] = "";

		if (list[i]->d_type == DT_REG) {
			CLEANUP(freep) char *content = fx_read(fx_path(below));

			fprintf(out, "%s%s\n", below, strstr(content, "startup = automatic") ?
				" automatic" : strstr(content, "nonsense") ? " nonsense" : "");
		} else if (list[i]->d_type == DT_LNK) {
			ck_assert_int_gt(readlink(fx_path(below), text, sizeof(text) - 1), 0);
			fprintf(out, "%s -> %s\n", below, strncmp(text, fx_root, strlen(fx_root)) ?
				text : text + strlen(fx_root) + 1);
		} else if (!streq(list[i]->d_name, ".") && !streq(list[i]->d_name, "..")) {
			fprintf(out, "%s/\n", below);
			print_tree(out, below);
		}
		free(list[i]);
	}
	free(list);
}

static char *tree(void)
{
	char *ret = NULL;
	size_t len;
	FILE *f = open_memstream(&ret, &len);

	print_tree(f, "");
	(void)fclose(f);
	return ret;
}

/* The number of lines of @a that @b hasn't; they are printed behind @sign. */
static unsigned int print_missing(FILE *out, const char *sign, const char *a, const char *b)
{
	unsigned int count = 0;

	for (; *a; a += strcspn(a, "\n") + 1) {
		CLEANUP(freep) char *line = strndup(a, strcspn(a, "\n") + 1);
		const char *at = strstr(b, line);

		while (at && at != b && at[-1] != '\n')
			at = strstr(at + 1, line);
		if (!at && out)
			fprintf(out, "  %s%s", sign, line);
		count += !at;
	}
	return count;
}

/* ---- a section ------------------------------------------------------------------------------ */

static enum iscsi_err do_lines(struct iscsi_db *db, const char *text, bool before,
			       struct iscsi_why *why)
{
	enum iscsi_err err = ISCSI_SUCCESS;

	for (const char *p = text; *p && !err; p += strcspn(p, "\n") + 1) {
		CLEANUP(freep) char *line = strndup(p, strcspn(p, "\n"));

		if (strncmp(line, before ? "% " : "$ ", 2) == 0)
			err = do_line(db, line + 2, before ? "manual" : "automatic", why);
	}
	if (err)
		return err;
	alloc_on();
	err = iscsi_db_commit(db, why);
	alloc_off();
	return err;
}

static unsigned int open_files(void)
{
	unsigned int count = 0;

	for (int fd = 0; fd < 100; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

/* Makes what the "%" lines of @text ask for, then in one change what its "$" lines ask for. */
static enum iscsi_err run_section(const char *text, char **before, struct iscsi_why *why)
{
	static struct db_os os;
	enum iscsi_err err = ISCSI_SUCCESS;
	unsigned int open_before = open_files();

	said[0] = '\0';
	found = 0;
	os = noting_os();
	fx_clear(fx_root);
	(void)mkdir(fx_root, 0700);
	for (int i = 0; i < 2; i++) {
		struct iscsi_db *db = NULL;

		ck_assert(!db_open_os(fx_root, &os, &db, why));
		calls = 0;
		noting = i && strstr(text, "$ lock\n");
		err = iscsi_db_lock(db, why);
		if (i)
			*before = tree();
		noting = i;
		alloc_fail_nth(0);
		allocs_left = i ? fail_alloc : 0;
		err = err ?: do_lines(db, text, !i, why);
		ck_assert_msg(i || !err, "%s", why->text);
		noting = false;
		iscsi_db_unlock(db);
		db = iscsi_db_close(db);
	}
	if (zero_at) {
		ck_assert_msg(fcntl(STDIN_FILENO, F_GETFD) < 0, "%s isn't closed", call[zero_at]);
		ck_assert_int_eq(open("/dev/null", O_RDONLY | O_CLOEXEC), STDIN_FILENO);
	}
	ck_assert_uint_eq(open_files(), open_before);
	return err;
}

static char *usual;		/* what walks say if no call fails */

/* How the change ended, and how what is there now differs from @new. */
static char *outcome(enum iscsi_err err, const struct iscsi_why *why, const char *old, const char *new)
{
	CLEANUP(freep) char *now = tree();
	CLEANUP(freep) char *reason = without_base(err ? why->text : "done");
	CLEANUP(freep) char *what = NULL;
	char *error = strrchr(reason, ':'), *ret = NULL;
	unsigned int unsaid;
	size_t len;
	FILE *f;

	if (error)	/* the line says which error that is */
		*error = '\0';
	what = streq(now, new) ? strdup("new") : streq(now, old) ? strdup("old") :
	       db_format("lacks %u, has %u", print_missing(NULL, "", new, now),
			 print_missing(NULL, "", now, new));
	f = open_memstream(&ret, &len);
	fprintf(f, "%s; %s%s", what, err == ISCSI_ERR_NOMEM ? "NOMEM: " : "", reason);
	unsaid = usual ? print_missing(NULL, "", usual, said) : 0;
	if (unsaid)
		fprintf(f, "; %u lines less are said", unsaid);
	fputc('\n', f);
	if (usual)
		(void)print_missing(f, "", said, usual);
	(void)fclose(f);
	return ret;
}

/* A line for each call and the errors that end in the same way. */
static void fail_each(FILE *out, const char *text, unsigned int total, const char *new)
{
	for (unsigned int n = 1; n <= total; n++) {
		const int *err = errors_of(call[n]);
		CLEANUP(freep) char *last = NULL;

		fprintf(out, "! %s", call[n]);
		for (size_t i = 0; i < ERRORS && err[i]; i++) {
			struct iscsi_why why = { "" };
			CLEANUP(freep) char *old = NULL;
			enum iscsi_err status;
			char *now;

			fail_at = n;
			fail_err = -err[i];
			status = run_section(text, &old, &why);
			now = outcome(status, &why, old, new);
			if (last && !streq(last, now))
				fprintf(out, ": %s! %s", last, call[n]);
			free(last);
			last = now;
			fprintf(out, " %s", error_name(err[i]));
		}
		fail_at = 0;
		fprintf(out, ": %s", last);
	}
}

/* A program may be started without stdin, so any of the calls may open the descriptor 0. */
static void zero_each(const char *text, unsigned int total, enum iscsi_err err, const char *new)
{
	for (zero_at = 1; zero_at <= total; zero_at++) {
		struct iscsi_why why = { "" };
		CLEANUP(freep) char *old = NULL, *now = NULL;

		if (strncmp(call[zero_at], "open ", 5) != 0)
			continue;
		ck_assert_int_eq(run_section(text, &old, &why), err);
		now = tree();
		ck_assert_msg(streq(now, new) && streq(said, usual), "%s:\n%s%s", call[zero_at],
			      now, said);
	}
	zero_at = 0;
}

/* The ways in which the change ends if an allocation fails, once each. */
static void fail_each_alloc(FILE *out, const char *text, const char *new)
{
	CLEANUP(freep) char *seen = strdup("\n");

	for (fail_alloc = 1; alloc_can_fail; fail_alloc++) {
		struct iscsi_why why = { "" };
		CLEANUP(freep) char *old = NULL, *now = NULL, *line = NULL;
		enum iscsi_err err = run_section(text, &old, &why);
		char *before = seen;

		if (!alloc_failed)
			break;
		now = outcome(err, &why, old, new);
		line = db_format("\n%s", now);
		if (strstr(seen, line))
			continue;
		fprintf(out, "! memory: %s", now);
		seen = db_format("%s%s", before, now);
		free(before);
	}
	fail_alloc = 0;
}

/* Where calls are made to fail, the folders are shown that are opened for them, too. */
static void print_calls(FILE *out, unsigned int total)
{
	for (unsigned int n = 1; n <= total && total <= SHORT_ENOUGH; n++)
		if (strncmp(call[n], "open", 4) != 0 || !strstr(call[n], " folder"))
			fprintf(out, "%s\n", call[n]);
	for (size_t k = 0; total > SHORT_ENOUGH && k < ARRAY_SIZE(errors); k++) {
		unsigned int count = 0;

		for (unsigned int n = 1; n <= total; n++)
			count += errors_of(call[n]) == errors[k].err;
		if (count)
			fprintf(out, "%u %s\n", count, errors[k].kind);
	}
}

static char *file;

START_TEST(changes_do_as_written)
{
	size_t len = 0, got_len, at = 0;
	const char *from = section_of(file, _i, &len), *write_to = getenv("COMMITS_OUT");
	CLEANUP(freep) char *wanted = strndup(from, len);
	CLEANUP(freep) char *got = NULL, *old = NULL, *new = NULL, *shown = NULL;
	FILE *out = open_memstream(&got, &got_len);
	struct iscsi_why why = { "" };
	enum iscsi_err err;
	unsigned int total;

	for (const char *p = wanted; *p; p += strcspn(p, "\n") + 1)
		if (strchr("%$", *p) || !strncmp(p, "== ", 3))
			fprintf(out, "%.*s\n", (int)strcspn(p, "\n"), p);
	err = run_section(wanted, &old, &why);
	total = calls;
	usual = strdup(said);
	if (!*usual && !strstr(wanted, ": each"))
		print_calls(out, total);
	fputs(usual, out);
	new = tree();
	shown = without_base(why.text);
	if (err)
		fprintf(out, "= %d %s\n", err, shown);
	if (total <= SHORT_ENOUGH) {
		(void)print_missing(out, "lost ", old, new);
		(void)print_missing(out, "made ", new, old);
	}
	if (strstr(wanted, "each failing"))
		fail_each(out, wanted, total, new);
	if (total <= SHORT_ENOUGH)
		zero_each(wanted, total, err, new);
	if (strstr(wanted, "each allocation"))
		fail_each_alloc(out, wanted, new);
	(void)fclose(out);
	if (strstr(wanted, "each allocation") && !alloc_can_fail)
		return;
	if (write_to) {
		out = fopen(write_to, "a");
		ck_assert_ptr_nonnull(out);
		fputs(got, out);
		fclose(out);
		return;
	}
	for (len = 0; got[len] && got[len] == wanted[len]; len++)
		at = got[len] == '\n' ? len + 1 : at;
	ck_assert_msg(got[len] == wanted[len], "%.*s: got\n%.400s\nin the place of\n%.400s",
		      (int)strcspn(wanted, "\n"), wanted, got + at, wanted + at);
}
END_TEST

/* Calls that give nothing leave errno as it was, so errno says nothing then. */
START_TEST(the_end_is_no_error)
{
	char buf[4096] __attribute__((aligned(8)));
	struct stat st;
	int dir, fd;

	fx_put_text("folder/file", "abc");
	dir = open(fx_path("folder"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	fd = db_os_real.open(dir, "file", O_RDWR);
	ck_assert_int_ge(fd, 0);
	errno = EIO;
	ck_assert_int_eq(db_os_real.read(fd, buf, sizeof(buf), 0), 3);
	errno = EIO;
	ck_assert_int_eq(db_os_real.read(fd, buf, sizeof(buf), 3), 0);
	errno = EIO;
	ck_assert_int_eq(db_os_real.write(fd, buf, 0), 0);
	while (db_os_real.getdents(dir, buf, sizeof(buf)) > 0)
		;
	errno = EIO;
	ck_assert_int_eq(db_os_real.getdents(dir, buf, sizeof(buf)), 0);
	errno = EIO;
	ck_assert_int_eq(db_os_real.stat(dir, "file", &st), 0);
	ck_assert_int_eq(db_os_real.stat(dir, "none", &st), -ENOENT);
	ck_assert_int_eq(db_os_real.read(dir, buf, sizeof(buf), 0), -EISDIR);
	ck_assert_int_eq(db_os_real.getdents(fd, buf, sizeof(buf)), -ENOTDIR);
	ck_assert_int_eq(db_os_real.readlink(dir, "file", buf, sizeof(buf)), -EINVAL);
	ck_assert_int_eq(symlink("text", fx_path("folder/link")), 0);
	memset(buf, 'x', sizeof(buf));
	ck_assert_int_eq(db_os_real.readlink(dir, "link", buf, 5), 4);
	ck_assert_str_eq(buf, "text");
	ck_assert_int_eq(db_os_real.readlink(dir, "link", buf, 4), 3);
	ck_assert_str_eq(buf, "tex");
	ck_assert_int_eq(db_os_real.close(fd), 0);
	ck_assert_int_eq(db_os_real.close(dir), 0);
	ck_assert_int_eq(db_os_real.close(dir), -EBADF);
	ck_assert_int_eq(db_os_real.write(dir, buf, 1), -EBADF);
}
END_TEST

/* Only the folders of the first two levels may be links; see os.c. */
START_TEST(links_are_followed_on_two_levels)
{
	static const struct {
		const char *path, *text;	/* NULL: the base of the test */
		int flags, err;
	} rows[] = {
		{ "one", NULL, O_DIRECTORY, 0 },	{ "one", NULL, 0, -ELOOP },
		{ "a/two", NULL, O_DIRECTORY, 0 },	{ "a/b/three", NULL, O_DIRECTORY, -ELOOP },
		{ "beside", "a", O_DIRECTORY, 0 },	{ "a/beside", "b", O_DIRECTORY, -ELOOP },
		{ "nowhere", "none", O_DIRECTORY, -ELOOP },
	};
	int dir;

	fx_mkdir("a/b");
	dir = open(fx_root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const char *text = rows[i].text ? rows[i].text : fx_base;
		int fd;

		(void)unlink(fx_path(rows[i].path));
		ck_assert_int_eq(symlink(text, fx_path(rows[i].path)), 0);
		fd = os_open_by_parts(dir, rows[i].path, O_RDONLY | rows[i].flags);
		ck_assert_msg((fd >= 0 ? 0 : fd) == rows[i].err, "row %zu: %d", i, fd);
		if (fd >= 0)
			(void)close(fd);
	}
	/* Others than root could have made the link. */
	for (mode_t mode = 0720; mode >= 0702; mode -= 016) {
		ck_assert_int_eq(chmod(fx_root, mode), 0);
		ck_assert_int_eq(os_open_by_parts(dir, "one", O_RDONLY | O_DIRECTORY), -ELOOP);
	}
	(void)close(dir);
}
END_TEST

/* A link leads out if the folder and the link are of root or of whoever runs the program. */
START_TEST(links_of_others_lead_nowhere)
{
	static const struct {
		uid_t folder, link, user;
		int err;
	} rows[] = {
		{ 0, 0, 0, 0 },		   { 0, 4711, 0, -ELOOP },    { 4711, 0, 0, -ELOOP },
		{ 4711, 4711, 4711, 0 },   { 0, 0, 4711, 0 },	      { 4711, 0, 4711, 0 },
		{ 4712, 4711, 4711, -ELOOP }, { 4711, 4712, 4711, -ELOOP },
	};

	if (geteuid())
		return;		/* only root can give files away */
	fx_mkdir("folder");
	ck_assert_int_eq(symlink("/", fx_path("folder/link")), 0);
	ck_assert_int_eq(chmod(fx_base, 0755) | chmod(fx_root, 0755) | chmod(fx_path("folder"), 0755), 0);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		int dir, fd;

		ck_assert_int_eq(lchown(fx_path("folder"), rows[i].folder, 0), 0);
		ck_assert_int_eq(lchown(fx_path("folder/link"), rows[i].link, 0), 0);
		dir = open(fx_path("folder"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		ck_assert_int_eq(seteuid(rows[i].user), 0);
		fd = os_open_by_parts(dir, "link", O_RDONLY | O_DIRECTORY);
		ck_assert_int_eq(seteuid(0), 0);
		ck_assert_msg((fd >= 0 ? 0 : fd) == rows[i].err, "row %zu: %d", i, fd);
		(void)close(dir);
		if (fd >= 0)
			(void)close(fd);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("commit");
	TCase *t = tcase_create("commit");
	SRunner *runner = srunner_create(s);
	int failed, count = 0;
	size_t len;

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		CLEANUP(freep) char *text = NULL, *before = file;

		if (os_read_path(files[i], &text, &len)) {
			fprintf(stderr, "test_commit: can't read %s\n", files[i]);
			return 1;
		}
		file = db_format("%s%s", before ? before : "\n", strstr(text, "\n== ") + 1);
	}
	while (section_of(file, count, &len))
		count++;
	suite_add_tcase(s, t);
	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, fx_setup, fx_teardown);
	tcase_add_test(t, the_end_is_no_error);
	tcase_add_test(t, links_are_followed_on_two_levels);
	tcase_add_test(t, links_of_others_lead_nowhere);
	tcase_add_loop_test(t, changes_do_as_written, 0, count);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner) || !count;
	srunner_free(runner);
	free(file);
	return failed ? 1 : 0;
}
