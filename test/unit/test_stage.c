/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Changes that are cut off, refused by the file system or short of memory: whatever happens and
 * whenever, each record is the old one or the new one, whole, and nothing is left in the way.
 */
#include "test/unit/db_fixture.h"

#include <time.h>

#include "test/unit/alloc.h"

static struct iscsi_db_record *node(const char *target, const char *tpgt, const char *type,
				    const char *startup)
{
	struct iscsi_db_record *rec = fx_node(target, "1.1.1.1", "3260", tpgt, "default");

	fx_found(rec, type, streq(type, "send_targets") ? "9.9.9.9" : "", "3260");
	fx_set(rec, "node.startup", startup);
	return rec;
}

/* What there is before the change. */
static void set_up_old(void)
{
	CLEANUP(iscsi_db_closep) struct iscsi_db *db = fx_open_os(&fx_os);
	struct iscsi_db_record *iface = fx_iface("if0");

	fx_os_reset();
	fx_clear(fx_root);
	iscsi_db_close(db);
	db = fx_open_os(&fx_os);
	fx_write(db, fx_portal(ISCSI_DB_SENDTARGETS, "9.9.9.9", "3260"));
	fx_write(db, node("iqn.changed", "1", "send_targets", "manual"));
	fx_write(db, node("iqn.moved", "1", "send_targets", "manual"));
	fx_write(db, node("iqn.converted", "-1", "static", "manual"));
	fx_write(db, node("iqn.deleted", "1", "static", "manual"));
	fx_set(iface, "iface.mtu", "1");
	fx_write(db, iface);
	fx_put_text("send_targets/8.8.8.8,3260", "discovery.sendtargets.address = 8.8.8.8\n"
						 "discovery.sendtargets.reopen_max = 1\n");
}

/* The change: something of everything. */
static enum iscsi_err change(const struct db_os *os, struct iscsi_why *why)
{
	struct iscsi_db_record *recs[] = {
		node("iqn.changed", "1", "send_targets", "automatic"),
		node("iqn.moved", "1", "static", "automatic"),
		node("iqn.converted", "1", "static", "automatic"),
		node("iqn.new", "1", "send_targets", "automatic"),
		fx_iface("if0"),
		fx_portal(ISCSI_DB_SENDTARGETS, "8.8.8.8", "3260"),
	};
	CLEANUP(iscsi_db_record_freep) struct iscsi_db_record *gone =
		node("iqn.deleted", "1", "static", "manual");
	CLEANUP(iscsi_db_closep) struct iscsi_db *db = NULL;
	enum iscsi_err err;

	fx_set(recs[4], "iface.mtu", "2");
	fx_set(recs[5], "discovery.sendtargets.reopen_max", "2");
	err = db_open_os(fx_root, os, &db, why);
	if (!err)
		err = iscsi_db_lock(db, why);
	for (size_t i = 0; i < ARRAY_SIZE(recs); i++) {
		if (!err)
			err = fx_stage(db, recs[i], why);
		iscsi_db_record_free(recs[i]);
	}
	if (!err)
		err = iscsi_db_node_delete(db, gone, why);
	if (err == ISCSI_ERR_NO_OBJS_FOUND)	/* a change that was cut did it */
		err = ISCSI_SUCCESS;
	if (!err)
		err = iscsi_db_commit(db, why);
	if (db)
		iscsi_db_unlock(db);
	return err;
}

#define NEW_LIST				\
	"iqn.changed 1.1.1.1,3260,1 default automatic\n" \
	"iqn.converted 1.1.1.1,3260,1 default automatic\n" \
	"iqn.moved 1.1.1.1,3260,1 default automatic\n" \
	"iqn.new 1.1.1.1,3260,1 default automatic\n"

/* Takes @line out of @list. */
static bool take(char *list, const char *line)
{
	CLEANUP(freep) char *whole = db_format("%s\n", line);
	char *at = strstr(list, whole);

	if (!at)
		return false;
	memmove(at, at + strlen(whole), strlen(at + strlen(whole)) + 1);
	return true;
}

static int read_int(enum iscsi_db_kind kind)
{
	CLEANUP(iscsi_db_closep) struct iscsi_db *db = fx_open();
	CLEANUP(iscsi_db_record_freep) struct iscsi_db_record *rec = NULL;
	struct iscsi_why why = { "" };

	if (kind == ISCSI_DB_IFACE) {
		ck_assert_msg(!iscsi_db_iface_read(db, "if0", &rec, &why), "%s", why.text);
		return iscsi_db_record_get_int(rec, "iface.mtu");
	}
	ck_assert_msg(!iscsi_db_discovery_read(db, kind, "8.8.8.8", 3260, &rec, &why), "%s",
		      why.text);
	return iscsi_db_record_get_int(rec, "discovery.sendtargets.reopen_max");
}

/* Each record is the old one or the new one; only the conversion may show both. */
static void check_whole(unsigned int cut)
{
	CLEANUP(iscsi_db_closep) struct iscsi_db *db = fx_open();
	CLEANUP(freep) char *list = NULL;
	int n;

	fx_quiet();
	list = strdup(fx_list(db, NULL));
	ck_assert_msg(fx_warnings == 0, "cut at %u: %s", cut, fx_warned);
	ck_assert_msg(take(list, "iqn.changed 1.1.1.1,3260,1 default manual") !=
			      take(list, "iqn.changed 1.1.1.1,3260,1 default automatic"),
		      "cut at %u", cut);
	ck_assert_msg(take(list, "iqn.moved 1.1.1.1,3260,1 default manual") !=
			      take(list, "iqn.moved 1.1.1.1,3260,1 default automatic"),
		      "cut at %u", cut);
	n = take(list, "iqn.converted 1.1.1.1,3260,-1 default manual");
	n += take(list, "iqn.converted 1.1.1.1,3260,1 default automatic");
	ck_assert_msg(n >= 1, "cut at %u", cut);
	(void)take(list, "iqn.deleted 1.1.1.1,3260,1 default manual");
	(void)take(list, "iqn.new 1.1.1.1,3260,1 default automatic");
	ck_assert_msg(streq(list, ""), "cut at %u: %s", cut, list);
	n = read_int(ISCSI_DB_IFACE);
	ck_assert_msg(n == 1 || n == 2, "cut at %u: %d", cut, n);
	n = read_int(ISCSI_DB_SENDTARGETS);
	ck_assert_msg(n == 1 || n == 2, "cut at %u: %d", cut, n);
}

static void check_new(void)
{
	CLEANUP(iscsi_db_closep) struct iscsi_db *db = fx_open();

	ck_assert_str_eq(fx_list(db, NULL), NEW_LIST);
	ck_assert_int_eq(read_int(ISCSI_DB_IFACE), 2);
	ck_assert_int_eq(read_int(ISCSI_DB_SENDTARGETS), 2);
	ck_assert(!fx_exists(".iscsi-db"));
	ck_assert(!fx_exists("nodes/iqn.deleted/1.1.1.1,3260,1/default"));
	ck_assert(!fx_exists("nodes/iqn.converted/1.1.1.1,3260"));
	ck_assert(!fx_exists("static/iqn.deleted,1.1.1.1,3260,1,default"));
	ck_assert(!fx_exists("send_targets/9.9.9.9,3260/iqn.moved,1.1.1.1,3260,1,default"));
	ck_assert(fx_exists("static/iqn.moved,1.1.1.1,3260,1,default"));
	ck_assert(fx_exists("send_targets/9.9.9.9,3260/iqn.new,1.1.1.1,3260,1,default"));
	ck_assert(fx_exists("send_targets/8.8.8.8,3260/st_config"));
}

START_TEST(a_cut_at_any_call)
{
	struct iscsi_why why = { "" };
	unsigned int cut, total;

	set_up_old();
	fx_os_reset();
	ck_assert_msg(!change(&fx_os, &why), "%s", why.text);
	total = fx_calls;
	check_new();
	ck_assert(!fx_exists("nodes/iqn.deleted"));
	ck_assert_uint_gt(total, 80);
	for (cut = 1; cut <= total; cut++) {
		set_up_old();
		fx_os_reset();
		fx_die_at = cut;
		(void)change(&fx_os, &why);
		fx_os_reset();
		check_whole(cut);
		/* The next one finishes the job, whatever the dead one left. */
		ck_assert_msg(!change(&fx_os, &why), "cut at %u: %s", cut, why.text);
		check_new();
	}
}
END_TEST

static const struct {
	enum fx_call call;
	int err;
} refusals[] = {
	{ FX_WRITE, -ENOSPC }, { FX_WRITE, -EIO },   { FX_OPEN, -EROFS },  { FX_OPEN, -EMFILE },
	{ FX_MKDIR, -ENOSPC }, { FX_MKDIR, -EROFS }, { FX_FSYNC, -EIO },   { FX_FSYNC, -ENOSPC },
	{ FX_RENAME, -ENOSPC }, { FX_RENAME, -EACCES }, { FX_EXCHANGE, -EIO },
	{ FX_SYMLINK, -ENOSPC }, { FX_UNLINK, -EIO }, { FX_STAT, -EIO },
};

/* From the nth call on, that call fails as a full or read-only file system makes it. */
START_TEST(a_file_system_that_refuses)
{
	struct iscsi_why why = { "" };
	enum iscsi_err err = ISCSI_ERR;

	for (unsigned int nth = 1; err != ISCSI_SUCCESS && nth < 400; nth++) {
		set_up_old();
		fx_os_reset();
		fx_fail_call = refusals[_i].call;
		fx_fail_err = refusals[_i].err;
		fx_fail_nth = nth;
		why.text[0] = '\0';
		err = change(&fx_os, &why);
		fx_os_reset();
		check_whole(nth);
		if (err) {
			ck_assert_msg(err == ISCSI_ERR_IDBM ||
				      (err == ISCSI_ERR_NOMEM && refusals[_i].err == -EMFILE),
				      "%d", err);
			ck_assert_msg(strstr(why.text, fx_root) || strstr(why.text, fx_lock), "%s",
				      why.text);
		}
	}
	ck_assert_int_eq(err, ISCSI_SUCCESS);
}
END_TEST

START_TEST(a_full_disk_says_so)
{
	struct iscsi_why why = { "" };
	CLEANUP(freep) char *want = db_format("cannot write %s/nodes/iqn.changed/1.1.1.1,3260,1/"
					      "default: No space left on device", fx_root);

	set_up_old();
	fx_os_reset();
	fx_fail_call = FX_WRITE;
	fx_fail_err = -ENOSPC;
	fx_fail_nth = 2;	/* the first writes the pid into the lock */
	ck_assert_int_eq(change(&fx_os, &why), ISCSI_ERR_IDBM);
	ck_assert_str_eq(why.text, want);
}
END_TEST

START_TEST(no_memory_is_an_error)
{
	struct iscsi_why why = { "" };
	unsigned long n = 0;
	bool done = false;

	if (!alloc_can_fail)
		return;
	while (!done) {
		CLEANUP(iscsi_db_closep) struct iscsi_db *db = NULL;
		struct iscsi_db_record *rec = node("iqn.changed", "1", "static", "automatic");
		struct iscsi_db_record *gone = node("iqn.deleted", "1", "static", "manual");
		enum iscsi_err err;

		if (n % 50 == 0)
			set_up_old();
		fx_os_reset();
		alloc_fail_nth(++n);
		err = db_open_os(fx_root, &fx_os, &db, &why);
		if (!err)
			err = iscsi_db_lock(db, &why);
		if (!err)
			err = iscsi_db_node_write(db, rec, &why);
		if (!err)
			err = iscsi_db_node_delete(db, gone, &why);
		if (!err)
			err = iscsi_db_commit(db, &why);
		if (db)
			iscsi_db_unlock(db);
		done = !alloc_fail_stop();
		if (err == ISCSI_ERR_NO_OBJS_FOUND) {	/* a commit that failed late deleted it */
			set_up_old();
			err = ISCSI_ERR_NOMEM;
			done = false;
			n--;
		}
		ck_assert_msg(err == ISCSI_SUCCESS || err == ISCSI_ERR_NOMEM ||
			      err == ISCSI_ERR_IDBM, "%lu: %d %s", n, err, why.text);
		iscsi_db_record_free(rec);
		iscsi_db_record_free(gone);
	}
	ck_assert_uint_gt(n, 20);
}
END_TEST

START_TEST(the_last_change_counts)
{
	CLEANUP(iscsi_db_closep) struct iscsi_db *db = NULL;
	CLEANUP(iscsi_db_record_freep) struct iscsi_db_record
		*changed = node("iqn.changed", "1", "static", "onboot"),
		*again = node("iqn.changed", "1", "fw", "automatic"),
		*deleted = node("iqn.deleted", "1", "static", "onboot"),
		*brief = node("iqn.brief", "1", "static", "onboot"),
		*moved = node("iqn.moved", "1", "static", "onboot");
	struct iscsi_why why = { "" };

	set_up_old();
	db = fx_open_os(&fx_os);
	ck_assert(!iscsi_db_lock(db, &why));
	ck_assert(!iscsi_db_lock(db, &why));
	/* Twice; deleted, then made again; made, then deleted; both, ending in deleted. */
	ck_assert(!iscsi_db_node_write(db, changed, &why));
	ck_assert(!iscsi_db_node_write(db, again, &why));
	ck_assert(!iscsi_db_node_delete(db, deleted, &why));
	ck_assert(!iscsi_db_node_write(db, deleted, &why));
	ck_assert(!iscsi_db_node_write(db, moved, &why));
	ck_assert(!iscsi_db_node_delete(db, moved, &why));
	ck_assert(!iscsi_db_node_write(db, brief, &why));
	ck_assert_int_eq(iscsi_db_node_delete(db, brief, &why), ISCSI_ERR_NO_OBJS_FOUND);
	ck_assert_msg(!iscsi_db_commit(db, &why), "%s", why.text);
	iscsi_db_unlock(db);
	iscsi_db_unlock(db);
	ck_assert_str_eq(fx_list(db, NULL), "iqn.brief 1.1.1.1,3260,1 default onboot\n"
					    "iqn.changed 1.1.1.1,3260,1 default automatic\n"
					    "iqn.converted 1.1.1.1,3260,-1 default manual\n"
					    "iqn.deleted 1.1.1.1,3260,1 default onboot\n");
	ck_assert(!fx_exists("static/iqn.changed,1.1.1.1,3260,1,default"));
	ck_assert(fx_exists("fw/iqn.changed,1.1.1.1,3260,1,default"));
	ck_assert(fx_exists("static/iqn.deleted,1.1.1.1,3260,1,default"));
	ck_assert(!fx_exists("static/iqn.moved,1.1.1.1,3260,1,default"));
	ck_assert(!fx_exists("send_targets/9.9.9.9,3260/iqn.moved,1.1.1.1,3260,1,default"));
	ck_assert(!fx_exists("nodes/iqn.moved"));
}
END_TEST

START_TEST(a_portal_and_its_nodes_in_one)
{
	CLEANUP(iscsi_db_closep) struct iscsi_db *db = NULL;
	CLEANUP(iscsi_db_record_freep) struct iscsi_db_record
		*changed = node("iqn.changed", "1", "send_targets", "onboot"),
		*portal = fx_portal(ISCSI_DB_SENDTARGETS, "9.9.9.9", "3260");
	struct iscsi_why why = { "" };

	set_up_old();
	db = fx_open_os(&fx_os);
	ck_assert(!iscsi_db_lock(db, &why));
	ck_assert(!iscsi_db_discovery_delete(db, ISCSI_DB_SENDTARGETS, "9.9.9.9", 3260, &why));
	ck_assert(!iscsi_db_node_write(db, changed, &why));
	ck_assert(!iscsi_db_discovery_write(db, portal, &why));
	ck_assert_msg(!iscsi_db_commit(db, &why), "%s", why.text);
	iscsi_db_unlock(db);
	ck_assert_str_eq(fx_list(db, NULL), "iqn.changed 1.1.1.1,3260,1 default onboot\n"
					    "iqn.converted 1.1.1.1,3260,-1 default manual\n"
					    "iqn.deleted 1.1.1.1,3260,1 default manual\n");
	ck_assert(fx_exists("send_targets/9.9.9.9,3260/iqn.changed,1.1.1.1,3260,1,default"));
	ck_assert(!fx_exists("send_targets/9.9.9.9,3260/iqn.moved,1.1.1.1,3260,1,default"));
}
END_TEST

START_TEST(a_node_found_twice_has_one_link)
{
	CLEANUP(iscsi_db_closep) struct iscsi_db *db = fx_open_os(&fx_os);
	CLEANUP(iscsi_db_record_freep) struct iscsi_db_record
		*first = node("iqn.a", "1", "fw", "manual"),
		*then = node("iqn.a", "1", "static", "manual");
	struct iscsi_why why = { "" };

	fx_write(db, node("iqn.a", "1", "static", "manual"));
	ck_assert(!iscsi_db_lock(db, &why));
	ck_assert(!iscsi_db_node_write(db, first, &why));	/* takes the link that is there... */
	ck_assert(!iscsi_db_node_write(db, then, &why));	/* ...which this one wants */
	ck_assert_msg(!iscsi_db_commit(db, &why), "%s", why.text);
	iscsi_db_unlock(db);
	ck_assert(fx_exists("static/iqn.a,1.1.1.1,3260,1,default"));
	ck_assert(!fx_exists("fw/iqn.a,1.1.1.1,3260,1,default"));
}
END_TEST

/* Without its record, a link would say for ever that there is one. */
START_TEST(a_record_stays_with_its_link)
{
	CLEANUP(iscsi_db_closep) struct iscsi_db *db = fx_open_os(&fx_os);
	CLEANUP(iscsi_db_record_freep) struct iscsi_db_record *gone =
		node("iqn.a", "1", "static", "manual");
	struct iscsi_why why = { "" };

	fx_write(db, node("iqn.a", "1", "static", "manual"));
	ck_assert(!iscsi_db_lock(db, &why));
	ck_assert(!iscsi_db_node_delete(db, gone, &why));
	fx_fail_call = FX_UNLINK;
	fx_fail_err = -EPERM;
	fx_fail_nth = 1;
	ck_assert_int_eq(iscsi_db_commit(db, &why), ISCSI_ERR_IDBM);
	ck_assert_ptr_nonnull(strstr(why.text, "nodes/iqn.a/1.1.1.1,3260,1/default"));
	fx_os_reset();
	iscsi_db_unlock(db);
	ck_assert_str_eq(fx_list(db, NULL), "iqn.a 1.1.1.1,3260,1 default manual\n");
	ck_assert(fx_exists("static/iqn.a,1.1.1.1,3260,1,default"));
}
END_TEST

START_TEST(nothing_without_the_lock)
{
	CLEANUP(iscsi_db_closep) struct iscsi_db *db = fx_open_os(&fx_os);
	CLEANUP(iscsi_db_record_freep) struct iscsi_db_record *rec =
		node("iqn.a", "1", "static", "manual");
	struct iscsi_why why;

	ck_assert_int_eq(iscsi_db_node_write(db, rec, &why), ISCSI_ERR_INTERNAL);
	ck_assert(!iscsi_db_commit(db, &why));
	ck_assert(!iscsi_db_lock(db, &why));
	ck_assert(!iscsi_db_node_write(db, rec, &why));
	iscsi_db_unlock(db);	/* and so what was staged is forgotten */
	ck_assert(!iscsi_db_commit(db, &why));
	ck_assert_str_eq(fx_list(db, NULL), "");
	ck_assert(!fx_exists(".iscsi-db"));
	ck_assert(!iscsi_db_lock(db, &why));
	ck_assert(!iscsi_db_node_write(db, rec, &why));
	ck_assert(fx_exists(".iscsi-db"));
	db = iscsi_db_close(db);
	ck_assert(!fx_exists(".iscsi-db"));
	ck_assert(!fx_exists("nodes"));
}
END_TEST

START_TEST(modes_are_private)
{
	CLEANUP(iscsi_db_closep) struct iscsi_db *db = fx_open_os(&fx_os);
	struct stat st;

	(void)umask(0);
	fx_write(db, fx_node("iqn.a", "1.1.1.1", "3260", "1", "default"));
	ck_assert_int_eq(stat(fx_path("nodes/iqn.a/1.1.1.1,3260,1/default"), &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0600);
	ck_assert_int_eq(stat(fx_path("nodes/iqn.a"), &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0700);
	ck_assert_int_eq(stat(fx_root, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0700);
}
END_TEST

/* All that needs room is made before the first thing is seen. */
static const struct {
	enum fx_call call;
	unsigned int nth;
} no_room[] = {
	{ FX_WRITE, 2 }, { FX_MKDIR, 3 }, { FX_MKDIR, 4 }, { FX_SYMLINK, 1 }, { FX_FSYNC, 1 },
};

START_TEST(a_full_disk_changes_nothing)
{
	CLEANUP(iscsi_db_closep) struct iscsi_db *db = NULL;
	CLEANUP(iscsi_db_record_freep) struct iscsi_db_record
		*changed = node("iqn.changed", "1", "send_targets", "automatic"),
		*fresh = node("iqn.new", "1", "static", "automatic"),
		*deleted = node("iqn.deleted", "1", "static", "manual");
	CLEANUP(freep) char *before = NULL;
	struct iscsi_why why = { "" };

	set_up_old();
	db = fx_open_os(&fx_os);
	before = strdup(fx_list(db, NULL));
	fx_os_reset();
	fx_fail_call = no_room[_i].call;
	fx_fail_nth = no_room[_i].nth;
	fx_fail_err = -ENOSPC;
	ck_assert(!iscsi_db_lock(db, &why));
	if (!iscsi_db_node_write(db, changed, &why) && !iscsi_db_node_write(db, fresh, &why) &&
	    !iscsi_db_node_delete(db, deleted, &why))
		ck_assert_int_eq(iscsi_db_commit(db, &why), ISCSI_ERR_IDBM);
	ck_assert_ptr_nonnull(strstr(why.text, "No space left on device"));
	fx_os_reset();
	iscsi_db_unlock(db);
	ck_assert_str_eq(fx_list(db, NULL), before);
	ck_assert(!fx_exists("nodes/iqn.new"));
	ck_assert(!fx_exists(".iscsi-db"));
}
END_TEST

START_TEST(one_that_fails_hinders_no_other)
{
	CLEANUP(iscsi_db_closep) struct iscsi_db *db = fx_open();
	CLEANUP(iscsi_db_record_freep) struct iscsi_db_record
		*first = node("iqn.a", "1", "static", "manual"),
		*bad = node("iqn.m", "1", "static", "manual"),
		*last = node("iqn.z", "1", "static", "manual");
	struct iscsi_why why = { "" };

	fx_put_text("nodes/iqn.m/1.1.1.1,3260,1/default/file", "in the way");
	ck_assert(!iscsi_db_lock(db, &why));
	ck_assert(!iscsi_db_node_write(db, first, &why));
	ck_assert(!iscsi_db_node_write(db, bad, &why));
	ck_assert(!iscsi_db_node_write(db, last, &why));
	ck_assert_int_eq(iscsi_db_commit(db, &why), ISCSI_ERR_IDBM);
	ck_assert_ptr_nonnull(strstr(why.text, "nodes/iqn.m/1.1.1.1,3260,1/default: Is a dir"));
	iscsi_db_unlock(db);
	ck_assert_str_eq(fx_list(db, NULL), "iqn.a 1.1.1.1,3260,1 default manual\n"
					    "iqn.z 1.1.1.1,3260,1 default manual\n");
	ck_assert(fx_exists("static/iqn.a,1.1.1.1,3260,1,default"));
	ck_assert(fx_exists("static/iqn.z,1.1.1.1,3260,1,default"));
	ck_assert(!fx_exists("static/iqn.m,1.1.1.1,3260,1,default"));
	ck_assert(fx_exists("nodes/iqn.m/1.1.1.1,3260,1/default/file"));
}
END_TEST

/* As where containers share the database, but not /run. */
START_TEST(two_without_a_lock_in_common)
{
	CLEANUP(freep) char *other_lock = db_format("%s/lock2", fx_base);
	CLEANUP(iscsi_db_closep) struct iscsi_db *a = NULL, *b = NULL;
	CLEANUP(iscsi_db_record_freep) struct iscsi_db_record
		*rec_a = node("iqn.a", "1", "static", "manual"),
		*rec_b = node("iqn.b", "1", "static", "automatic");
	struct iscsi_why why = { "" };

	fx_os_reset();
	a = fx_open_os(&fx_os);
	ck_assert(!iscsi_db_lock(a, &why));
	ck_assert(!iscsi_db_node_write(a, rec_a, &why));
	(void)setenv("ISCSI_LOCK_DIR", other_lock, 1);
	b = fx_open_os(&fx_os);
	ck_assert(!iscsi_db_lock(b, &why));
	ck_assert_int_eq(iscsi_db_node_write(b, rec_b, &why), ISCSI_ERR_IDBM);
	ck_assert_ptr_nonnull(strstr(why.text, "another program is changing the database"));
	ck_assert_int_ge(fx_slept_ms, 9000);
	ck_assert_msg(!iscsi_db_commit(a, &why), "%s", why.text);
	ck_assert_msg(!iscsi_db_node_write(b, rec_b, &why), "%s", why.text);
	ck_assert_msg(!iscsi_db_commit(b, &why), "%s", why.text);
	iscsi_db_unlock(b);
	(void)setenv("ISCSI_LOCK_DIR", fx_lock, 1);
	iscsi_db_unlock(a);
	ck_assert_str_eq(fx_list(a, NULL), "iqn.a 1.1.1.1,3260,1 default manual\n"
					   "iqn.b 1.1.1.1,3260,1 default automatic\n");
	ck_assert(!fx_exists(".iscsi-db"));
}
END_TEST

START_TEST(any_change_clears_what_a_dead_one_left)
{
	CLEANUP(iscsi_db_closep) struct iscsi_db *db = fx_open();
	CLEANUP(iscsi_db_record_freep) struct iscsi_db_record *gone =
		node("iqn.a", "1", "static", "manual");
	struct iscsi_why why = { "" };

	fx_write(db, node("iqn.a", "1", "static", "manual"));
	fx_put_text(".iscsi-db/0", "secret");
	fx_put_text(".iscsi-db/1/default", "secret");
	ck_assert(!iscsi_db_lock(db, &why));
	ck_assert(!iscsi_db_node_delete(db, gone, &why));
	ck_assert_msg(!iscsi_db_commit(db, &why), "%s", why.text);
	iscsi_db_unlock(db);
	ck_assert(!fx_exists(".iscsi-db"));
}
END_TEST

START_TEST(an_old_portal_deleted_and_made_anew)
{
	CLEANUP(iscsi_db_closep) struct iscsi_db *db = NULL;
	CLEANUP(iscsi_db_record_freep) struct iscsi_db_record *portal =
		fx_portal(ISCSI_DB_SENDTARGETS, "8.8.8.8", "3260");
	struct iscsi_why why = { "" };

	set_up_old();
	db = fx_open();
	ck_assert(!iscsi_db_lock(db, &why));
	ck_assert(!iscsi_db_discovery_delete(db, ISCSI_DB_SENDTARGETS, "8.8.8.8", 3260, &why));
	ck_assert(!iscsi_db_discovery_write(db, portal, &why));
	ck_assert_msg(!iscsi_db_commit(db, &why), "%s", why.text);
	iscsi_db_unlock(db);
	ck_assert(fx_exists("send_targets/8.8.8.8,3260/st_config"));
}
END_TEST

/* Nobody could read it again. */
START_TEST(a_record_that_grows_too_large)
{
	CLEANUP(iscsi_db_closep) struct iscsi_db *db = fx_open();
	CLEANUP(freep) char *text = calloc(1, DB_TEXT_MAX + 1);
	CLEANUP(iscsi_db_record_freep) struct iscsi_db_record *rec = NULL;
	struct iscsi_why why = { "" };
	size_t len = 0;

	len = (size_t)sprintf(text, "node.name = iqn.a\nnode.conn[0].address = 1.1.1.1\n"
				    "node.tpgt = 1\n");
	while (len < DB_TEXT_MAX - 100)
		len += (size_t)sprintf(text + len, "future.key%zu = %050d\n", len, 0);
	ck_assert_msg(!iscsi_db_record_parse(ISCSI_DB_NODE, text, len, "x", NULL, NULL, &rec, &why),
		      "%s", why.text);
	ck_assert(!iscsi_db_lock(db, &why));
	ck_assert_int_eq(iscsi_db_node_write(db, rec, &why), ISCSI_ERR_IDBM);
	ck_assert_ptr_nonnull(strstr(why.text, "File too large"));
	iscsi_db_unlock(db);
}
END_TEST

/* ---- several records of one portal --------------------------------------------------- */

static struct iscsi_db_record *node_of(const char *tpgt, const char *iface)
{
	struct iscsi_db_record *rec = fx_node("iqn.a", "1.1.1.1", "3260", tpgt, iface);

	fx_found(rec, "static", "", "3260");
	return rec;
}

/* Both records in one change; its result. */
static enum iscsi_err write_both(const struct db_os *os, struct iscsi_db_record *first,
				 struct iscsi_db_record *second, struct iscsi_why *why)
{
	CLEANUP(iscsi_db_record_freep) struct iscsi_db_record *a = first, *b = second;
	CLEANUP(iscsi_db_closep) struct iscsi_db *db = fx_open_os(os);
	enum iscsi_err err = iscsi_db_lock(db, why);

	if (!err)
		err = iscsi_db_node_write(db, a, why);
	if (!err)
		err = iscsi_db_node_write(db, b, why);
	if (!err)
		err = iscsi_db_commit(db, why);
	iscsi_db_unlock(db);
	return err;
}

static void check_list(const char *want)
{
	CLEANUP(iscsi_db_closep) struct iscsi_db *db = fx_open();

	ck_assert_str_eq(fx_list(db, NULL), want);
}

#define BOTH "iqn.a 1.1.1.1,3260,1 default manual\niqn.a 1.1.1.1,3260,1 if0 manual\n"

/* Where something odd lay: both are there, or the change has failed. */
START_TEST(two_in_place_of_something_odd)
{
	static const struct {
		enum fx_call call;
		int err;
	} faults[] = {
		{ FX_STAT, -EIO }, { FX_OPEN, -EMFILE }, { FX_OPEN, -EIO }, { FX_RENAME, -EIO },
		{ FX_EXCHANGE, -EIO }, { FX_EXCHANGE, -EINVAL }, { FX_UNLINK, -EIO },
	};
	struct iscsi_why why = { "" };

	for (size_t i = 0; i < ARRAY_SIZE(faults); i++) {
		unsigned int worked = 0;

		for (unsigned int nth = 1; nth < 60 && worked < 2; nth++) {
			enum iscsi_err err;

			fx_os_reset();
			fx_clear(fx_root);
			fx_put_text("nodes/iqn.a/1.1.1.1,3260,1", "nonsense");
			fx_fail_call = faults[i].call;
			fx_fail_err = faults[i].err;
			fx_fail_nth = nth;
			err = write_both(&fx_os, node_of("1", "default"), node_of("1", "if0"),
					 &why);
			fx_os_reset();
			worked += !err;
			if (err)
				continue;
			check_list(BOTH);
			ck_assert(!fx_exists(".iscsi-db") || faults[i].call == FX_UNLINK);
		}
		ck_assert_uint_ge(worked, 1);
	}
}
END_TEST

START_TEST(a_record_in_place_of_anothers_old_file)
{
	CLEANUP(iscsi_db_closep) struct iscsi_db *db = fx_open();
	struct iscsi_why why = { "" };

	fx_write(db, node_of("-1", "default"));
	ck_assert_msg(!write_both(&db_os_real, node_of("1", "default"), node_of("-1", "if0"),
				  &why), "%s", why.text);
	ck_assert_str_eq(fx_list(db, NULL), "iqn.a 1.1.1.1,3260,-1 if0 manual\n"
					    "iqn.a 1.1.1.1,3260,1 default manual\n");
}
END_TEST

/* What a function says it couldn't do isn't done by the commit after it. */
START_TEST(a_failed_step_is_not_committed)
{
	CLEANUP(iscsi_db_closep) struct iscsi_db *db = NULL;
	CLEANUP(iscsi_db_record_freep) struct iscsi_db_record *gone = node_of("1", "default"),
							      *other = node_of("1", "if0");
	struct iscsi_why why = { "" };
	unsigned int failed = 0;

	for (unsigned int nth = 1; nth < 30; nth++) {
		enum iscsi_err deleted, written;

		fx_os_reset();
		fx_clear(fx_root);
		db = iscsi_db_close(db);
		db = fx_open_os(&fx_os);
		fx_write(db, node_of("1", "default"));
		fx_mkdir("send_targets/9.9.9.9,3260");
		ck_assert(!iscsi_db_lock(db, &why));
		fx_fail_call = FX_OPEN;
		fx_fail_err = -EIO;
		fx_fail_nth = nth;
		deleted = iscsi_db_node_delete(db, gone, &why);
		written = iscsi_db_node_write(db, other, &why);
		fx_os_reset();
		failed += deleted != ISCSI_SUCCESS;
		ck_assert_msg(!iscsi_db_commit(db, &why), "%s", why.text);
		iscsi_db_unlock(db);
		ck_assert_int_eq(fx_exists("nodes/iqn.a/1.1.1.1,3260,1/default"), deleted != 0);
		ck_assert_int_eq(fx_exists("nodes/iqn.a/1.1.1.1,3260,1/if0"), written == 0);
		ck_assert(!fx_exists(".iscsi-db"));
	}
	ck_assert_uint_ge(failed, 1);
}
END_TEST

/* As "-m discovery" does it: the link's folder is made by the same change. */
START_TEST(no_room_for_the_link_of_a_new_portal)
{
	CLEANUP(iscsi_db_closep) struct iscsi_db *db = fx_open_os(&fx_os);
	CLEANUP(iscsi_db_record_freep) struct iscsi_db_record
		*rec = node("iqn.a", "1", "send_targets", "manual"),
		*portal = fx_portal(ISCSI_DB_SENDTARGETS, "9.9.9.9", "3260");
	struct iscsi_why why = { "" };

	ck_assert(!iscsi_db_lock(db, &why));
	ck_assert(!iscsi_db_discovery_write(db, portal, &why));
	ck_assert(!iscsi_db_node_write(db, rec, &why));
	fx_os_reset();
	fx_fail_call = FX_SYMLINK;
	fx_fail_err = -ENOSPC;
	fx_fail_nth = 1;
	ck_assert_int_eq(iscsi_db_commit(db, &why), ISCSI_ERR_IDBM);
	fx_os_reset();
	iscsi_db_unlock(db);
	ck_assert(!fx_exists("nodes/iqn.a"));
	ck_assert(!fx_exists("send_targets/9.9.9.9,3260"));
}
END_TEST

static enum iscsi_err count_node(void *arg, const struct iscsi_db_record *rec)
{
	(void)rec;
	++*(unsigned int *)arg;
	return ISCSI_SUCCESS;
}

/* The work for one record doesn't grow with the number of others. */
static unsigned int calls_per_record(unsigned int records)
{
	CLEANUP(iscsi_db_closep) struct iscsi_db *db = NULL;
	struct iscsi_why why = { "" };
	unsigned int found = 0, written;

	fx_clear(fx_root);
	db = fx_open_os(&fx_os);
	fx_os_reset();
	ck_assert(!iscsi_db_lock(db, &why));
	for (unsigned int i = 0; i < records; i++) {
		CLEANUP(freep) char *name = db_format("iqn.2026-01.net.example:disk%u", i);
		CLEANUP(iscsi_db_record_freep) struct iscsi_db_record *rec =
			node(name, "1", "static", "automatic");

		ck_assert(!iscsi_db_node_write(db, rec, &why));
	}
	ck_assert_msg(!iscsi_db_commit(db, &why), "%s", why.text);
	iscsi_db_unlock(db);
	written = fx_calls;
	ck_assert(!iscsi_db_node_each(db, NULL, NULL, NULL, count_node, &found, &why));
	ck_assert_uint_eq(found, records);
	return (written + (fx_calls - written)) / records;
}

START_TEST(many_records_in_one_change)
{
	unsigned int few = calls_per_record(50), many = calls_per_record(1500);

	ck_assert_msg(many <= few + 1, "%u, %u", few, many);
	ck_assert_uint_lt(many, 60);
}
END_TEST

static enum iscsi_err leave_node(void *arg, const struct iscsi_db_record *rec)
{
	(void)arg;
	(void)rec;
	return ISCSI_SUCCESS;
}

static enum iscsi_err update_node(void *arg, const struct iscsi_db_record *rec)
{
	CLEANUP(iscsi_db_record_freep) struct iscsi_db_record *copy = NULL;

	ck_assert(!iscsi_db_record_copy(rec, &copy));
	fx_set(copy, "node.startup", "onboot");
	return iscsi_db_node_write(arg, copy, NULL);
}

static enum iscsi_err delete_node(void *arg, const struct iscsi_db_record *rec)
{
	return iscsi_db_node_delete(arg, rec, NULL);
}

/* The system calls that one more record costs, but for the writes, which are cut up here. */
static unsigned int walk_calls(iscsi_db_record_fn *fn)
{
	unsigned int calls[2];

	for (unsigned int i = 0; i < 2; i++) {
		CLEANUP(iscsi_db_closep) struct iscsi_db *db = NULL;
		struct iscsi_why why = { "" };

		(void)calls_per_record(i ? 200 : 100);
		db = fx_open_os(&fx_os);
		ck_assert(!iscsi_db_lock(db, &why));
		fx_os_reset();
		ck_assert(!iscsi_db_node_each(db, NULL, NULL, NULL, fn, db, &why));
		ck_assert_msg(!iscsi_db_commit(db, &why), "%s", why.text);
		calls[i] = fx_calls - fx_writes;
		iscsi_db_unlock(db);
	}
	return (calls[1] - calls[0]) / 100;
}

START_TEST(few_calls_for_each_record)
{
	/* Two folders to open and to list, each to its end; the record to open and to read. */
	const unsigned int walk = 2 + 4 + 1 + 1;

	ck_assert_uint_eq(walk_calls(leave_node), walk);
	/* To make the new file; to open the folder again, rename, and look at the link. */
	ck_assert_uint_eq(walk_calls(update_node), walk + 1 + 3);
	/* To open both folders again; the link, the record and both folders go. */
	ck_assert_uint_eq(walk_calls(delete_node), walk + 2 + 4);
}
END_TEST

static ssize_t write_one(int fd, const void *buf, size_t len)
{
	return db_os_real.write(fd, buf, len ? 1 : 0);
}

static ssize_t write_nothing(int fd, const void *buf, size_t len)
{
	(void)fd;
	(void)buf;
	(void)len;
	return 0;
}

/* A file system may take a part, which goes on, or nothing, which must not go on for ever. */
START_TEST(a_file_is_written_whole)
{
	struct db_os os = db_os_real;
	char text[8] = "";
	int dir, fd;

	set_up_old();
	dir = open(fx_root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	os.write = write_one;
	ck_assert_int_eq(stage_write_file(&os, dir, "part", "abcdef"), 0);
	fd = openat(dir, "part", O_RDONLY | O_CLOEXEC);
	ck_assert_int_eq(read(fd, text, sizeof(text)), 6);
	ck_assert_str_eq(text, "abcdef");
	os.write = write_nothing;
	ck_assert_int_eq(stage_write_file(&os, dir, "nothing", "abcdef"), -EIO);
	ck_assert_int_eq(stage_write_file(&os, dir, "empty", ""), 0);
	closep(&fd);
	closep(&dir);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("stage");
	TCase *t = tcase_create("stage");
	SRunner *runner = srunner_create(s);
	int failed;

	suite_add_tcase(s, t);
	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, fx_setup, fx_teardown);
	tcase_add_test(t, a_cut_at_any_call);
	tcase_add_loop_test(t, a_file_system_that_refuses, 0, (int)ARRAY_SIZE(refusals));
	tcase_add_test(t, a_full_disk_says_so);
	tcase_add_test(t, no_memory_is_an_error);
	tcase_add_test(t, the_last_change_counts);
	tcase_add_test(t, a_portal_and_its_nodes_in_one);
	tcase_add_test(t, a_node_found_twice_has_one_link);
	tcase_add_test(t, a_record_stays_with_its_link);
	tcase_add_test(t, nothing_without_the_lock);
	tcase_add_test(t, modes_are_private);
	tcase_add_loop_test(t, a_full_disk_changes_nothing, 0, (int)ARRAY_SIZE(no_room));
	tcase_add_test(t, one_that_fails_hinders_no_other);
	tcase_add_test(t, two_without_a_lock_in_common);
	tcase_add_test(t, any_change_clears_what_a_dead_one_left);
	tcase_add_test(t, an_old_portal_deleted_and_made_anew);
	tcase_add_test(t, a_record_that_grows_too_large);
	tcase_add_test(t, two_in_place_of_something_odd);
	tcase_add_test(t, a_record_in_place_of_anothers_old_file);
	tcase_add_test(t, a_failed_step_is_not_committed);
	tcase_add_test(t, no_room_for_the_link_of_a_new_portal);
	tcase_add_test(t, many_records_in_one_change);
	tcase_add_test(t, few_calls_for_each_record);
	tcase_add_test(t, a_file_is_written_whole);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
