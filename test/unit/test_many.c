/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is true of few records is true of hundreds, at whatever moment a change of them is stopped
 * or fails, and whatever a walk's function does.
 */
#include "test/unit/db_fixture.h"

#include <dirent.h>
#include <pthread.h>

#include "test/unit/skip.h"

#define MANY	300
#define FEW	60	/* enough to be synced with their file system */

static struct iscsi_db_record *numbered(unsigned int i, const char *startup)
{
	CLEANUP(freep) char *name = db_format("iqn.t%03u", i);
	struct iscsi_db_record *rec = fx_node(name, "1.1.1.1", "3260", "1", "default");

	fx_found(rec, "static", "", "3260");
	fx_set(rec, "node.startup", startup);
	return rec;
}

static void make_many(unsigned int count)
{
	CLEANUP(iscsi_db_closep) struct iscsi_db *db = NULL;
	struct iscsi_why why = { "" };

	fx_os_reset();
	fx_clear(fx_root);
	db = fx_open_os(&fx_os);
	ck_assert_msg(!iscsi_db_lock(db, &why), "%s", why.text);
	for (unsigned int i = 0; i < count; i++) {
		CLEANUP(iscsi_db_record_freep) struct iscsi_db_record *rec =
			numbered(i, "manual");

		ck_assert_msg(!iscsi_db_node_write(db, rec, &why), "%s", why.text);
	}
	ck_assert_msg(!iscsi_db_commit(db, &why), "%s", why.text);
	iscsi_db_unlock(db);
}

static enum iscsi_err set_startup(struct iscsi_db *db, const struct iscsi_db_record *rec,
				  const char *startup, struct iscsi_why *why)
{
	CLEANUP(iscsi_db_record_freep) struct iscsi_db_record *copy = NULL;

	ck_assert(!iscsi_db_record_copy(rec, &copy));
	fx_set(copy, "node.startup", startup);
	return iscsi_db_node_write(db, copy, why);
}

struct change {
	struct iscsi_db *db;
	struct iscsi_why *why;
};

static enum iscsi_err change_node(void *arg, const struct iscsi_db_record *rec)
{
	struct change *change = arg;

	return set_startup(change->db, rec, "automatic", change->why);
}

/* Sets node.startup of all records. */
static enum iscsi_err change_all(const struct db_os *os, struct iscsi_why *why)
{
	CLEANUP(iscsi_db_closep) struct iscsi_db *db = NULL;
	enum iscsi_err err = db_open_os(fx_root, os, &db, why);
	struct change change = { db, why };

	if (!err)
		err = iscsi_db_lock(db, why);
	if (!err)
		err = iscsi_db_node_each(db, NULL, fx_warn, NULL, change_node, &change, why);
	if (!err)
		err = iscsi_db_commit(db, why);
	if (db)
		iscsi_db_unlock(db);
	return err;
}

struct seen {
	unsigned int manual, automatic, other;
	char last[ISCSI_NAME_MAX + 1];
	bool sorted;
};

static enum iscsi_err look_at(void *arg, const struct iscsi_db_record *rec)
{
	const char *startup = iscsi_db_record_get(rec, "node.startup");
	const char *name = iscsi_db_record_get(rec, "node.name");
	struct seen *seen = arg;

	seen->manual += streq(startup, "manual");
	seen->automatic += streq(startup, "automatic");
	seen->other += streq(startup, "onboot");
	seen->sorted = seen->sorted && strcmp(seen->last, name) < 0;
	strcpy(seen->last, name);
	return ISCSI_SUCCESS;
}

static struct seen look(void)
{
	CLEANUP(iscsi_db_closep) struct iscsi_db *db = fx_open();
	struct seen seen = { .sorted = true };
	struct iscsi_why why = { "" };

	ck_assert_msg(!iscsi_db_node_each(db, NULL, fx_warn, NULL, look_at, &seen, &why), "%s",
		      why.text);
	return seen;
}

/* ---- changes ------------------------------------------------------------------------- */

START_TEST(many_are_cut_at_any_call)
{
	struct iscsi_why why = { "" };
	unsigned int total;

	make_many(FEW);
	fx_os_reset();
	ck_assert_msg(!change_all(&fx_os, &why), "%s", why.text);
	ck_assert_uint_eq(look().automatic, FEW);
	total = fx_calls;
	/* A prime, so that the cuts fall on calls of every kind. */
	for (unsigned int cut = 1; cut <= total; cut += 7) {
		struct seen seen;

		make_many(FEW);
		fx_os_reset();
		fx_die_at = cut;
		(void)change_all(&fx_os, &why);
		fx_os_reset();
		fx_quiet();	/* what it couldn't read when it was cut off */
		seen = look();
		ck_assert_msg(fx_warnings == 0, "cut at %u: %.500s", cut, fx_warned);
		ck_assert_msg(seen.manual + seen.automatic == FEW && seen.sorted,
			      "cut at %u: %u + %u", cut, seen.manual, seen.automatic);
		ck_assert_msg(!change_all(&fx_os, &why), "cut at %u: %s", cut, why.text);
		ck_assert_uint_eq(look().automatic, FEW);
		ck_assert(!fx_exists(".iscsi-db"));
	}
}
END_TEST

static const struct {
	enum fx_call call;
	unsigned int nth;	/* 0: the last */
	int err;
	bool changes;		/* some are new afterwards, but all are whole */
} refusals[] = {
	{ FX_WRITE, 60, -ENOSPC, false },
	{ FX_WRITE, 900, -ENOSPC, false },
	{ FX_WRITE, 0, -ENOSPC, false },	/* the very last */
	{ FX_SYNCFS, 1, -EIO, false },
	{ FX_RENAME, 1, -EROFS, false },
	{ FX_RENAME, 100, -EIO, true },
};

START_TEST(many_on_a_file_system_that_refuses)
{
	struct iscsi_why why = { "" };
	unsigned int writes;
	struct seen seen;

	make_many(MANY);
	fx_os_reset();
	ck_assert_msg(!change_all(&fx_os, &why), "%s", why.text);
	writes = fx_writes;
	make_many(MANY);
	fx_os_reset();
	fx_fail_call = refusals[_i].call;
	fx_fail_nth = refusals[_i].nth ? refusals[_i].nth : writes;
	fx_fail_err = refusals[_i].err;
	ck_assert_int_eq(change_all(&fx_os, &why), ISCSI_ERR_IDBM);
	fx_os_reset();
	ck_assert_msg(strstr(why.text, "/nodes/iqn.t") &&
		      strstr(why.text, db_strerror(refusals[_i].err)), "%s", why.text);
	seen = look();
	ck_assert_uint_eq(seen.manual + seen.automatic, MANY);
	if (!refusals[_i].changes)
		ck_assert_uint_eq(seen.manual, MANY);
	ck_assert(!fx_exists(".iscsi-db"));
}
END_TEST

START_TEST(many_that_are_forgotten)
{
	CLEANUP(iscsi_db_closep) struct iscsi_db *db = NULL;
	struct iscsi_why why = { "" };
	struct change change;

	make_many(MANY);
	db = fx_open();
	change = (struct change){ db, &why };
	ck_assert(!iscsi_db_lock(db, &why));
	ck_assert(!iscsi_db_node_each(db, NULL, NULL, NULL, change_node, &change, &why));
	iscsi_db_unlock(db);
	ck_assert(!fx_exists(".iscsi-db"));
	ck_assert_uint_eq(look().manual, MANY);
	/* And by closing. */
	ck_assert(!iscsi_db_lock(db, &why));
	ck_assert(!iscsi_db_node_each(db, NULL, NULL, NULL, change_node, &change, &why));
	db = iscsi_db_close(db);
	ck_assert(!fx_exists(".iscsi-db"));
	ck_assert_uint_eq(look().manual, MANY);
}
END_TEST

static unsigned int entries(const char *path)
{
	unsigned int count = 0;
	DIR *dir = opendir(path);

	while (readdir(dir))
		count++;
	(void)closedir(dir);
	return count;
}

START_TEST(nothing_is_left_open)
{
	struct iscsi_why why = { "" };
	unsigned int files;

	make_many(MANY);
	files = entries("/proc/self/fd");
	for (int i = 0; i < 5; i++)
		ck_assert_msg(!change_all(&db_os_real, &why), "%s", why.text);
	ck_assert_uint_eq(look().automatic, MANY);
	ck_assert_uint_eq(entries("/proc/self/fd"), files);
}
END_TEST

/* ---- walks --------------------------------------------------------------------------- */

struct meddler {
	struct iscsi_db *db;
	unsigned int at, calls;
	void (*meddle)(struct meddler *m, const struct iscsi_db_record *rec);
	struct seen seen;
};

static enum iscsi_err meddle(void *arg, const struct iscsi_db_record *rec)
{
	struct meddler *m = arg;

	if (m->calls++ == m->at)
		m->meddle(m, rec);
	return look_at(&m->seen, rec);
}

/* A walk whose function does something when it comes to the record number @at. */
static struct seen walk_meddling(unsigned int at, bool locked,
				 void (*fn)(struct meddler *m, const struct iscsi_db_record *rec))
{
	CLEANUP(iscsi_db_closep) struct iscsi_db *db = NULL;
	struct meddler m = { .at = at, .meddle = fn, .seen = { .sorted = true } };
	struct iscsi_why why = { "" };

	make_many(MANY);
	db = fx_open();
	m.db = db;
	if (locked)
		ck_assert(!iscsi_db_lock(db, &why));
	ck_assert_msg(!iscsi_db_node_each(db, NULL, fx_warn, NULL, meddle, &m, &why), "%s",
		      why.text);
	if (locked)
		iscsi_db_unlock(db);
	ck_assert_msg(fx_warnings == 0, "%s", fx_warned);
	ck_assert(m.seen.sorted);
	return m.seen;
}

/* Changes one, deletes one, and makes one, all of which the walk has still before it. */
static void change_ahead(struct meddler *m, const struct iscsi_db_record *rec)
{
	CLEANUP(iscsi_db_record_freep) struct iscsi_db_record *changed = numbered(200, "onboot"),
							      *gone = numbered(201, "manual");
	struct iscsi_why why = { "" };

	(void)rec;
	ck_assert(!iscsi_db_lock(m->db, &why));
	ck_assert(!iscsi_db_node_write(m->db, changed, &why));
	ck_assert(!iscsi_db_node_delete(m->db, gone, &why));
	ck_assert_msg(!iscsi_db_commit(m->db, &why), "%s", why.text);
	iscsi_db_unlock(m->db);
}

START_TEST(a_walk_sees_what_it_changed)
{
	static const unsigned int at[] = { 0, 1, 15, 16, 17, 127, 128, 190, 199 };

	for (size_t i = 0; i < ARRAY_SIZE(at); i++) {
		for (int locked = 0; locked < 2; locked++) {
			struct seen seen = walk_meddling(at[i], locked, change_ahead);

			ck_assert_uint_eq(seen.other, 1);
			ck_assert_uint_eq(seen.manual, MANY - 2);
		}
	}
}
END_TEST

static void walk_again(struct meddler *m, const struct iscsi_db_record *rec)
{
	struct seen seen = { .sorted = true };
	struct iscsi_why why = { "" };

	(void)rec;
	ck_assert(!iscsi_db_node_each(m->db, NULL, fx_warn, NULL, look_at, &seen, &why));
	ck_assert_uint_eq(seen.manual, MANY);
	ck_assert(seen.sorted);
}

static void stage_others(struct meddler *m, const struct iscsi_db_record *rec)
{
	struct iscsi_why why = { "" };

	(void)rec;
	if (!m->db->lock.depth)
		return;
	for (unsigned int i = 0; i < 100; i++) {
		CLEANUP(iscsi_db_record_freep) struct iscsi_db_record *other =
			numbered(1000 + i, "manual");

		ck_assert(!iscsi_db_node_write(m->db, other, &why));
	}
}

static void lock_for_good(struct meddler *m, const struct iscsi_db_record *rec)
{
	struct iscsi_why why = { "" };

	(void)rec;
	ck_assert_msg(!iscsi_db_lock(m->db, &why), "%s", why.text);
}

static void unlock_early(struct meddler *m, const struct iscsi_db_record *rec)
{
	(void)rec;
	iscsi_db_unlock(m->db);
}

START_TEST(a_walk_in_a_walk)
{
	ck_assert_uint_eq(walk_meddling(70, false, walk_again).manual, MANY);
	ck_assert_uint_eq(walk_meddling(70, true, walk_again).manual, MANY);
	ck_assert_uint_eq(walk_meddling(5, true, stage_others).manual, MANY);
	ck_assert_uint_eq(walk_meddling(100, false, lock_for_good).manual, MANY);
	ck_assert_uint_eq(walk_meddling(100, true, unlock_early).manual, MANY);
}
END_TEST

static enum iscsi_err stop_at(void *arg, const struct iscsi_db_record *rec)
{
	unsigned int *left = arg;

	(void)rec;
	return --*left ? ISCSI_SUCCESS : ISCSI_ERR_INVAL;
}

START_TEST(a_long_walk_can_be_stopped)
{
	static const unsigned int at[] = { 1, 16, 17, 250, MANY };
	CLEANUP(iscsi_db_closep) struct iscsi_db *db = NULL;
	struct iscsi_why why;

	make_many(MANY);
	db = fx_open();
	for (size_t i = 0; i < ARRAY_SIZE(at); i++) {
		unsigned int left = at[i];

		ck_assert_int_eq(iscsi_db_node_each(db, NULL, NULL, NULL, stop_at, &left, &why),
				 ISCSI_ERR_INVAL);
		ck_assert_uint_eq(left, 0);
	}
}
END_TEST

START_TEST(bad_ones_among_many)
{
	struct seen seen;

	make_many(MANY);
	ck_assert_int_eq(truncate(fx_path("nodes/iqn.t100/1.1.1.1,3260,1/default"), 0), 0);
	fx_put_text("nodes/iqn.t101/1.1.1.1,3260,1/default", "\x7f" "ELF");
	(void)unlink(fx_path("nodes/iqn.t102/1.1.1.1,3260,1/default"));
	ck_assert_int_eq(mkfifo(fx_path("nodes/iqn.t102/1.1.1.1,3260,1/default"), 0600), 0);
	(void)unlink(fx_path("nodes/iqn.t103/1.1.1.1,3260,1/default"));
	ck_assert_int_eq(symlink("/etc/passwd", fx_path("nodes/iqn.t103/1.1.1.1,3260,1/default")), 0);
	fx_put_text("nodes/iqn.t104/nonsense", "x");
	fx_put_text("nodes/iqn.t1045", "x");
	fx_mkdir("nodes/..iqn bad");
	/* A link to another record stays inside. */
	(void)unlink(fx_path("nodes/iqn.t105/1.1.1.1,3260,1/default"));
	ck_assert_int_eq(symlink("../../iqn.t106/1.1.1.1,3260,1/default",
				 fx_path("nodes/iqn.t105/1.1.1.1,3260,1/default")), 0);
	seen = look();
	ck_assert_uint_eq(seen.manual, MANY - 5);
	ck_assert_msg(fx_warnings == 9, "%s", fx_warned);
	ck_assert_ptr_nonnull(strstr(fx_warned, "iqn.t100/1.1.1.1,3260,1/default is empty"));
	ck_assert_ptr_nonnull(strstr(fx_warned, "iqn.t101/1.1.1.1,3260,1/default isn't a record"));
	ck_assert_ptr_nonnull(strstr(fx_warned, "iqn.t102/1.1.1.1,3260,1/default: it isn't a "
						"regular file"));
	if (!works_here(has_openat2(), "the warnings about links, since openat2() is missing"))
		return;
	ck_assert_ptr_nonnull(strstr(fx_warned, "iqn.t103/1.1.1.1,3260,1/default: it leads out"));
	ck_assert_ptr_nonnull(strstr(fx_warned, "iqn.t105/1.1.1.1,3260,1/default is left out: it is a copy"));
}
END_TEST

START_TEST(one_target_with_many_portals)
{
	CLEANUP(iscsi_db_closep) struct iscsi_db *db = fx_open();
	struct seen seen = { .sorted = true };
	struct iscsi_why why = { "" };

	ck_assert(!iscsi_db_lock(db, &why));
	for (unsigned int i = 0; i < 200; i++) {
		CLEANUP(freep) char *address = db_format("10.0.0.%u", i);
		CLEANUP(iscsi_db_record_freep) struct iscsi_db_record *rec =
			fx_node("iqn.t", address, "3260", "1", "default");

		ck_assert(!iscsi_db_node_write(db, rec, &why));
	}
	ck_assert_msg(!iscsi_db_commit(db, &why), "%s", why.text);
	iscsi_db_unlock(db);
	ck_assert_msg(!change_all(&db_os_real, &why), "%s", why.text);
	ck_assert(!iscsi_db_node_each(db, NULL, fx_warn, NULL, look_at, &seen, &why));
	ck_assert_uint_eq(seen.automatic, 200);
	ck_assert_uint_eq(fx_warnings, 0);
}
END_TEST

static void *look_around(void *arg)
{
	unsigned int *wrong = arg;

	for (int i = 0; i < 20; i++) {
		struct seen seen = look();

		*wrong += seen.manual + seen.automatic != MANY || !seen.sorted;
	}
	return NULL;
}

START_TEST(others_look_meanwhile)
{
	unsigned int wrong = 0;
	struct iscsi_why why = { "" };
	pthread_t thread;

	make_many(MANY);
	ck_assert_int_eq(pthread_create(&thread, NULL, look_around, &wrong), 0);
	for (int i = 0; i < 20; i++)
		ck_assert_msg(!change_all(&db_os_real, &why), "%s", why.text);
	(void)pthread_join(thread, NULL);
	ck_assert_uint_eq(wrong, 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("many");
	TCase *t = tcase_create("many");
	SRunner *runner = srunner_create(s);
	int failed;

	suite_add_tcase(s, t);
	tcase_set_timeout(t, 120);
	tcase_add_checked_fixture(t, fx_setup, fx_teardown);
	tcase_add_test(t, many_are_cut_at_any_call);
	tcase_add_loop_test(t, many_on_a_file_system_that_refuses, 0, (int)ARRAY_SIZE(refusals));
	tcase_add_test(t, many_that_are_forgotten);
	tcase_add_test(t, nothing_is_left_open);
	tcase_add_test(t, a_walk_sees_what_it_changed);
	tcase_add_test(t, a_walk_in_a_walk);
	tcase_add_test(t, a_long_walk_can_be_stopped);
	tcase_add_test(t, bad_ones_among_many);
	tcase_add_test(t, one_target_with_many_portals);
	tcase_add_test(t, others_look_meanwhile);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
