/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One record file, read whole. A file that can't be read is reported and left out by the caller,
 * so that a bad file never hides another record.
 */
#include "libiscsi-db/record_file.h"

#include <errno.h>
#include <fcntl.h>

#include "libiscsi-db/db.h"
#include "libiscsi-db/err.h"
#include "libiscsi-db/folder.h"
#include "libiscsi-db/path.h"
#include "libiscsi-db/record.h"

#define PAUSE_MS	5

void record_file_trace(const struct iscsi_db *db, const char *verb, const char *path)
{
	struct iscsi_why text;

	if (!db->observer.trace)
		return;
	(void)iscsi_fail(&text, ISCSI_SUCCESS, "%s %s/%s", verb, db->root, path);
	db->observer.trace(db->observer.arg, text.text);
}

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
 * Open-iscsi's tools rewrite a record in place, so its file is empty for a moment. A reader without
 * the lock gives the writer time to finish.
 */
static int read_settled(struct iscsi_db *db, int folder, const char *path, char **ret,
			size_t *len)
{
	/* With O_NONBLOCK, a FIFO under the name of a record doesn't block the walk. */
	const int flags = O_RDONLY | O_NONBLOCK | O_NOCTTY;

	for (;;) {
		int root = folder_root(db), fd = -EBADF, r;
		bool again;

		if (root < 0)
			return root;
		if (folder >= 0)
			fd = db->os->open(folder, db_base_name(path), flags);
		if (fd < 0)	/* a link may lead to another folder of the database */
			fd = db->os->open(root, path, flags);
		if (fd < 0)
			return fd;
		r = os_read_fd(db->os, fd, ret, len);
		again = !r && !db->lock.depth && db->patience_ms && record_text_is_cut(*ret, *len) &&
			is_recent(db, fd);
		(void)db->os->close(fd);
		if (!again)
			return r;
		wipe_free(*ret, *len);
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

enum iscsi_err record_file_read(struct iscsi_db *db, enum iscsi_db_kind kind, int folder,
				const char *path, iscsi_db_warn_fn *warn, void *arg,
				struct iscsi_db_record **ret, struct iscsi_why *why)
{
	CLEANUP(freep) char *origin = db_join(db->root, path);
	char *text = NULL;
	size_t len = 0;
	enum iscsi_err err;
	int r;

	if (!origin)
		return iscsi_fail(why, ISCSI_ERR_NOMEM, "no memory for a record");
	r = read_settled(db, folder, path, &text, &len);
	if (r == -ENOENT && folder_entry_type(db, path) == S_IFLNK)
		return iscsi_fail(why, ISCSI_ERR_IDBM,
				  "cannot read %s: it is a link to nothing", origin);
	if (r == -ENOENT)
		return iscsi_fail(why, ISCSI_ERR_NO_OBJS_FOUND, "%s isn't there", origin);
	if (folder_is_shortage(r))
		return iscsi_fail(why, ISCSI_ERR_NOMEM, "cannot read %s: %s", origin,
				  db_strerror(r));
	if (r < 0)
		return iscsi_fail(why, ISCSI_ERR_IDBM, "cannot read %s: %s", origin,
				  r == -EXDEV ? "it leads out of the database" :
				  r == -EINVAL ? "it isn't a regular file" :
						 db_strerror(r));
	err = parse_text(kind, origin, text, len, warn, arg, ret, why);
	wipe_free(text, len);
	if (!err)
		record_file_trace(db, "read", path);
	return err;
}

void record_file_left_out(const struct iscsi_db *db, const struct db_warn *warn,
			  const struct iscsi_why *reason)
{
	db_warn(warn, "%s; it is left out", reason->text);
	if (db->observer.unreadable)
		db->observer.unreadable(db->observer.arg, reason->text);
}

enum iscsi_err record_file_skip(const struct iscsi_db *db, const struct db_warn *warn,
				enum iscsi_err err, const struct iscsi_why *reason,
				struct iscsi_why *why)
{
	if (err == ISCSI_ERR_NOMEM)
		return iscsi_fail(why, err, "%s", reason->text);
	if (err == ISCSI_ERR_INVAL)
		db_warn(warn, "%s", reason->text);
	else if (err != ISCSI_ERR_NO_OBJS_FOUND)
		record_file_left_out(db, warn, reason);
	return ISCSI_SUCCESS;
}
