/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What lies where a record belongs and isn't one: a folder, a pipe, a link to nothing, to itself
 * or out of the database. It is told of, can be deleted or replaced, and hinders nobody else.
 */
#include "test/unit/db_fixture.h"

enum odd {
	ODD_EMPTY_FOLDER, ODD_FULL_FOLDER, ODD_PIPE, ODD_NOWHERE, ODD_LOOP, ODD_OUTSIDE, ODD_FILE,
	ODD_KINDS,
};

static const char *const odd_texts[] = {
	"empty folder", "full folder", "pipe", "link to nothing", "link to itself", "link outside",
	"file of nonsense",
};

static const struct place {
	const char *path;
	enum iscsi_db_kind kind;
	bool folder;		/* a folder belongs there */
	bool ours;		/* a new record can't replace it: it must be deleted first */
} places[] = {
	{ "nodes/iqn.odd", ISCSI_DB_NODE, true, true },
	{ "nodes/iqn.odd/1.1.1.1,3260,1", ISCSI_DB_NODE, true, false },
	{ "nodes/iqn.odd/1.1.1.1,3260,1/default", ISCSI_DB_NODE, false, false },
	{ "nodes/iqn.odd/1.1.1.1,3260", ISCSI_DB_NODE, false, false },
	{ "ifaces/odd", ISCSI_DB_IFACE, false, false },
	{ "send_targets/1.1.1.1,3260", ISCSI_DB_SENDTARGETS, true, false },
	{ "send_targets/1.1.1.1,3260/st_config", ISCSI_DB_SENDTARGETS, false, false },
	{ "isns/1.1.1.1,3205/isns_config", ISCSI_DB_ISNS, false, false },
};

static void make_odd(const struct place *place, enum odd odd)
{
	CLEANUP(freep) char *parent = strdup(place->path), *inside = NULL;

	*strrchr(parent, '/') = '\0';
	fx_mkdir(parent);
	switch (odd) {
	case ODD_FULL_FOLDER:
		inside = db_format("%s/file", place->path);
		fx_put_text(inside, "precious");
		break;
	case ODD_EMPTY_FOLDER:
		fx_mkdir(place->path);
		break;
	case ODD_PIPE:
		ck_assert_int_eq(mkfifo(fx_path(place->path), 0600), 0);
		break;
	case ODD_NOWHERE:
		ck_assert_int_eq(symlink("nothing", fx_path(place->path)), 0);
		break;
	case ODD_LOOP:
		ck_assert_int_eq(symlink(db_base_name(place->path), fx_path(place->path)), 0);
		break;
	case ODD_OUTSIDE:
		ck_assert_int_eq(symlink(fx_base, fx_path(place->path)), 0);
		/* Anybody may have made the link. */
		ck_assert_int_eq(chmod(fx_path(parent), 0777), 0);
		break;
	case ODD_FILE:
		fx_put_text(place->path, "nonsense\n");
		break;
	case ODD_KINDS:
		break;
	}
}

/* What is wrong about nothing: folders where folders belong, a file with settings. */
static bool is_odd(const struct place *place, enum odd odd)
{
	return !place->folder || (odd != ODD_EMPTY_FOLDER && odd != ODD_FULL_FOLDER);
}

static struct iscsi_db_record *record_for(const struct place *place)
{
	struct iscsi_db_record *rec;

	switch (place->kind) {
	case ISCSI_DB_NODE:
		rec = fx_node("iqn.odd", "1.1.1.1", "3260", "1", "default");
		fx_found(rec, "static", "", "3260");
		return rec;
	case ISCSI_DB_IFACE:
		return fx_iface("odd");
	case ISCSI_DB_SENDTARGETS:
	case ISCSI_DB_ISNS:
		break;
	}
	return fx_portal(place->kind, "1.1.1.1", place->kind == ISCSI_DB_ISNS ? "3205" : "3260");
}

static enum iscsi_err count(void *arg, const struct iscsi_db_record *rec)
{
	(void)rec;
	++*(unsigned int *)arg;
	return ISCSI_SUCCESS;
}

static unsigned int records(struct iscsi_db *db, enum iscsi_db_kind kind)
{
	struct iscsi_why why = { "" };
	unsigned int n = 0;
	enum iscsi_err err;

	if (kind == ISCSI_DB_NODE)
		err = iscsi_db_node_each(db, NULL, fx_warn, NULL, count, &n, &why);
	else if (kind == ISCSI_DB_IFACE)
		err = iscsi_db_iface_each(db, fx_warn, NULL, count, &n, &why);
	else
		err = iscsi_db_discovery_each(db, kind, fx_warn, NULL, count, &n, &why);
	ck_assert_msg(!err, "%s", why.text);
	return n;
}

static unsigned int heard;

static void on_unreadable(void *arg, const char *said)
{
	(void)arg;
	(void)said;
	heard++;
}

/* A database with good records of all kinds, and something odd. */
static struct iscsi_db *open_with(const struct place *place, enum odd odd)
{
	static const struct iscsi_db_observer observer = { .unreadable = on_unreadable };
	struct iscsi_db *db;

	fx_clear(fx_root);
	db = fx_open();
	fx_write(db, fx_node("iqn.good", "1.1.1.1", "3260", "1", "default"));
	fx_write(db, fx_iface("good"));
	fx_write(db, fx_portal(ISCSI_DB_SENDTARGETS, "2.2.2.2", "3260"));
	fx_write(db, fx_portal(ISCSI_DB_ISNS, "2.2.2.2", "3205"));
	make_odd(place, odd);
	iscsi_db_observe(db, &observer);
	heard = 0;
	fx_quiet();
	return db;
}

static enum iscsi_err delete_it(struct iscsi_db *db, const struct place *place,
				struct iscsi_why *why)
{
	static const struct iscsi_db_filter filter = { .target = "iqn.odd", .port = -1 };
	unsigned int n = 0;
	enum iscsi_err err;

	ck_assert(!iscsi_db_lock(db, why));
	if (place->kind == ISCSI_DB_NODE) {
		err = iscsi_db_node_delete_unreadable(db, &filter, &n, why);
		ck_assert_uint_eq(n, 1);
	} else if (place->kind == ISCSI_DB_IFACE) {
		err = iscsi_db_iface_delete(db, "odd", why);
	} else {
		err = iscsi_db_discovery_delete(db, place->kind, "1.1.1.1",
						place->kind == ISCSI_DB_ISNS ? 3205 : 3260, why);
	}
	if (!err)
		err = iscsi_db_commit(db, why);
	iscsi_db_unlock(db);
	return err;
}

START_TEST(odd_things_are_told_and_deleted)
{
	const struct place *place = &places[_i];

	for (enum odd odd = 0; odd < ODD_KINDS; odd++) {
		CLEANUP(iscsi_db_closep) struct iscsi_db *db = NULL;
		struct iscsi_why why = { "" };
		enum iscsi_err err;

		if (!is_odd(place, odd))
			continue;
		/* In the old layout, a folder there holds records without a portal group. */
		if (streq(place->path, "nodes/iqn.odd/1.1.1.1,3260") && odd <= ODD_FULL_FOLDER)
			continue;
		db = open_with(place, odd);
		ck_assert_msg(records(db, place->kind) == 1, "%s, %s", odd_texts[odd], fx_warned);
		ck_assert_msg(heard == 1 && fx_warnings, "%s at %s: %s", odd_texts[odd],
			      place->path, fx_warned);
		err = delete_it(db, place, &why);
		if (odd == ODD_FULL_FOLDER) {
			ck_assert_int_eq(err, ISCSI_ERR_IDBM);
			ck_assert_ptr_nonnull(strstr(why.text, place->path));
			continue;
		}
		ck_assert_msg(!err, "%s at %s: %s", odd_texts[odd], place->path, why.text);
		ck_assert_msg(!fx_exists(place->path), "%s at %s", odd_texts[odd], place->path);
		ck_assert_uint_eq(records(db, place->kind), 1);
	}
}
END_TEST

START_TEST(odd_things_are_replaced)
{
	const struct place *place = &places[_i];

	for (enum odd odd = 0; odd < ODD_KINDS; odd++) {
		CLEANUP(iscsi_db_closep) struct iscsi_db *db = NULL;
		CLEANUP(iscsi_db_record_freep) struct iscsi_db_record *rec = record_for(place);
		struct iscsi_why why = { "" };
		enum iscsi_err err;

		if (!is_odd(place, odd))
			continue;
		db = open_with(place, odd);
		ck_assert(!iscsi_db_lock(db, &why));
		err = fx_stage(db, rec, &why);
		if (!err)
			err = iscsi_db_commit(db, &why);
		iscsi_db_unlock(db);
		if (place->ours || (odd == ODD_FULL_FOLDER &&
				    !streq(place->path, "nodes/iqn.odd/1.1.1.1,3260"))) {
			ck_assert_int_eq(err, ISCSI_ERR_IDBM);
			ck_assert_ptr_nonnull(strstr(why.text, place->path));
			ck_assert_uint_eq(records(db, place->kind), 1);
		} else {
			ck_assert_msg(!err, "%s at %s: %s", odd_texts[odd], place->path, why.text);
			ck_assert_uint_eq(records(db, place->kind), 2);
		}
		ck_assert(!fx_exists(".iscsi-db"));
	}
}
END_TEST

/* ---- who owns what can't be read ----------------------------------------------------- */

START_TEST(what_may_be_anothers_stays)
{
	static const struct iscsi_db_filter filter = { .target = "iqn.a", .port = -1,
						       .iface = "eth9" };
	CLEANUP(iscsi_db_closep) struct iscsi_db *db = fx_open();
	struct iscsi_why why = { "" };
	unsigned int n = 7;

	fx_write(db, fx_node("iqn.a", "1.1.1.1", "3260", "1", "eth9"));
	fx_put("nodes/iqn.a/1.1.1.1,3260", "x\0y", 3);
	fx_put("nodes/iqn.a/2.2.2.2,3260,1", "x\0y", 3);
	fx_put("nodes/iqn.a/3.3.3.3,3260,1/eth9", "", 0);
	/* The record for an interface leaves the file that says nothing of one. */
	fx_write(db, fx_node("iqn.a", "1.1.1.1", "3260", "1", "eth9"));
	ck_assert(fx_exists("nodes/iqn.a/1.1.1.1,3260"));
	ck_assert(!iscsi_db_lock(db, &why));
	ck_assert(!iscsi_db_node_delete_unreadable(db, &filter, &n, &why));
	ck_assert_msg(!iscsi_db_commit(db, &why), "%s", why.text);
	iscsi_db_unlock(db);
	ck_assert_uint_eq(n, 1);
	ck_assert(fx_exists("nodes/iqn.a/1.1.1.1,3260"));
	ck_assert(fx_exists("nodes/iqn.a/2.2.2.2,3260,1"));
	ck_assert(!fx_exists("nodes/iqn.a/3.3.3.3,3260,1"));
	/* The one for "default" takes its place, as a walk says that it is for that. */
	fx_write(db, fx_node("iqn.a", "1.1.1.1", "3260", "1", "default"));
	ck_assert(!fx_exists("nodes/iqn.a/1.1.1.1,3260"));
}
END_TEST

START_TEST(a_link_to_another_target_is_no_target)
{
	CLEANUP(iscsi_db_closep) struct iscsi_db *db = fx_open();
	static const struct iscsi_db_filter filter = { .target = "iqn.alias", .port = -1 };
	struct iscsi_why why = { "" };
	unsigned int n;

	fx_write(db, fx_node("iqn.real", "1.1.1.1", "3260", "1", "default"));
	ck_assert_int_eq(symlink("iqn.real", fx_path("nodes/iqn.alias")), 0);
	ck_assert_str_eq(fx_list(db, NULL), "iqn.real 1.1.1.1,3260,1 default manual\n");
	ck_assert(!iscsi_db_lock(db, &why));
	ck_assert(!iscsi_db_node_delete_unreadable(db, &filter, &n, &why));
	ck_assert_msg(!iscsi_db_commit(db, &why), "%s", why.text);
	iscsi_db_unlock(db);
	ck_assert(!fx_exists("nodes/iqn.alias"));
	ck_assert_str_eq(fx_list(db, NULL), "iqn.real 1.1.1.1,3260,1 default manual\n");
}
END_TEST

START_TEST(no_nodes_to_be_had_is_an_error)
{
	static const struct iscsi_db_filter filter = { .target = "iqn.a", .port = -1 };
	CLEANUP(iscsi_db_closep) struct iscsi_db *db = fx_open();
	struct iscsi_why why = { "" };
	unsigned int n = 0;

	fx_mkdir("");
	ck_assert_int_eq(symlink(fx_base, fx_path("nodes")), 0);
	ck_assert_int_eq(chmod(fx_root, 0777), 0);
	ck_assert_int_eq(iscsi_db_node_each(db, NULL, NULL, NULL, count, &n, &why),
			 ISCSI_ERR_IDBM);
	why.text[0] = '\0';
	ck_assert_int_eq(iscsi_db_node_each(db, &filter, NULL, NULL, count, &n, &why),
			 ISCSI_ERR_IDBM);
	ck_assert_ptr_nonnull(strstr(why.text, "/nodes: "));
	ck_assert_uint_eq(n, 0);
}
END_TEST

/* ---- links --------------------------------------------------------------------------- */

START_TEST(only_a_link_of_root_in_a_folder_of_root_is_followed)
{
	CLEANUP(iscsi_db_closep) struct iscsi_db *db = fx_open();
	struct iscsi_why why = { "" };
	unsigned int n = 0;

	if (geteuid())		/* nobody else can make the files */
		return;
	fx_mkdir("");
	ck_assert_int_eq(symlink(fx_base, fx_path("nodes")), 0);
	ck_assert_int_eq(iscsi_db_node_each(db, NULL, NULL, NULL, count, &n, &why),
			 ISCSI_SUCCESS);
	ck_assert_int_eq(lchown(fx_path("nodes"), 65534, 65534), 0);
	ck_assert_int_eq(iscsi_db_node_each(db, NULL, NULL, NULL, count, &n, &why),
			 ISCSI_ERR_IDBM);
	ck_assert_int_eq(lchown(fx_path("nodes"), 0, 0), 0);
	ck_assert_int_eq(chown(fx_root, 65534, 65534), 0);
	ck_assert_int_eq(iscsi_db_node_each(db, NULL, NULL, NULL, count, &n, &why),
			 ISCSI_ERR_IDBM);
	ck_assert_int_eq(chown(fx_root, 0, 0), 0);
}
END_TEST

START_TEST(a_node_works_without_its_link)
{
	CLEANUP(iscsi_db_closep) struct iscsi_db *db = fx_open();
	CLEANUP(iscsi_db_record_freep) struct iscsi_db_record *gone =
		fx_node("iqn.a", "1.1.1.1", "3260", "1", "default");
	static const char *const text[] = { "nowhere", "static" };
	CLEANUP(freep) char *outside = db_format("%s/outside", fx_base);
	struct iscsi_why why = { "" };

	ck_assert_int_eq(mkdir(outside, 0700), 0);
	for (size_t i = 0; i <= ARRAY_SIZE(text); i++) {
		struct iscsi_db_record *rec = fx_node("iqn.a", "1.1.1.1", "3260", "1", "default");

		fx_clear(fx_root);
		fx_mkdir("nodes");
		ck_assert_int_eq(chmod(fx_root, 0777), 0);
		ck_assert_int_eq(symlink(i < ARRAY_SIZE(text) ? text[i] : outside,
					 fx_path("static")), 0);
		db = iscsi_db_close(db);
		db = fx_open();
		fx_found(rec, "static", "", "3260");
		fx_write(db, rec);
		rec = fx_node("iqn.a", "1.1.1.1", "3260", "1", "default");
		fx_found(rec, "static", "", "3260");
		fx_set(rec, "node.startup", "automatic");
		fx_write(db, rec);
		ck_assert_str_eq(fx_list(db, NULL), "iqn.a 1.1.1.1,3260,1 default automatic\n");
		ck_assert(!iscsi_db_lock(db, &why));
		ck_assert_msg(!iscsi_db_node_delete(db, gone, &why), "%s", why.text);
		ck_assert_msg(!iscsi_db_commit(db, &why), "%s", why.text);
		iscsi_db_unlock(db);
		ck_assert(!fx_exists("nodes/iqn.a"));
		ck_assert_int_eq(rmdir(outside), 0);	/* nothing came into it */
		ck_assert_int_eq(mkdir(outside, 0700), 0);
	}
}
END_TEST

/* As if each folder were on a file system of its own. */
static int rename_across(int from_dir, const char *from, int to_dir, const char *to, bool exchange)
{
	return from_dir != to_dir ? -EXDEV :
				    db_os_real.rename(from_dir, from, to_dir, to, exchange);
}

static void write_and_delete(struct iscsi_db *db)
{
	struct iscsi_db_record *rec = fx_node("iqn.a", "1.1.1.1", "3260", "1", "default");
	struct iscsi_db_record *again = NULL;
	struct iscsi_why why = { "" };

	ck_assert(!iscsi_db_record_copy(rec, &again));
	fx_write(db, fx_iface("if0"));
	fx_write(db, fx_portal(ISCSI_DB_SENDTARGETS, "9.9.9.9", "3260"));
	fx_found(rec, "send_targets", "9.9.9.9", "3260");
	fx_write(db, rec);
	fx_write(db, fx_node("iqn.a", "2.2.2.2", "3260", "1", "default"));
	fx_write(db, again);
	ck_assert_str_eq(fx_list(db, NULL), "iqn.a 1.1.1.1,3260,1 default manual\n"
					    "iqn.a 2.2.2.2,3260,1 default manual\n");
	ck_assert(fx_exists("ifaces/if0"));
	ck_assert(!iscsi_db_lock(db, &why));
	ck_assert_msg(!iscsi_db_discovery_delete(db, ISCSI_DB_SENDTARGETS, "9.9.9.9", 3260, &why),
		      "%s", why.text);
	ck_assert(!iscsi_db_iface_delete(db, "if0", &why));
	ck_assert_msg(!iscsi_db_commit(db, &why), "%s", why.text);
	iscsi_db_unlock(db);
	ck_assert(!fx_exists("send_targets/9.9.9.9,3260"));
	ck_assert(!fx_exists("ifaces/if0"));
	ck_assert(!fx_exists(".iscsi-db"));
	ck_assert_uint_eq(fx_warnings, 0);
}

START_TEST(folders_may_be_links_and_mount_points)
{
	static const char *const folders[] = { "nodes", "ifaces", "send_targets", "nodes/iqn.a" };
	struct db_os os = db_os_real;

	if (_i & 1)
		os.rename = rename_across;
	for (size_t i = 0; _i & 2 && i < ARRAY_SIZE(folders); i++) {
		CLEANUP(freep) char *outside = db_format("%s/outside%zu", fx_base, i);

		ck_assert_int_eq(mkdir(outside, 0700), 0);
		fx_mkdir("");
		ck_assert_int_eq(symlink(outside, fx_path(folders[i])), 0);
	}
	{
		CLEANUP(iscsi_db_closep) struct iscsi_db *db = fx_open_os(&os);

		write_and_delete(db);
		write_and_delete(db);
		/* Where a folder belongs, something else lies. */
		fx_put_text("nodes/iqn.b/1.1.1.1,3260,1", "nonsense");
		fx_write(db, fx_node("iqn.b", "1.1.1.1", "3260", "1", "default"));
		fx_write(db, fx_node("iqn.b", "1.1.1.1", "3260", "1", "if0"));
		ck_assert(fx_exists("nodes/iqn.b/1.1.1.1,3260,1/if0"));
		ck_assert(fx_exists("nodes/iqn.b/1.1.1.1,3260,1/default"));
		ck_assert(!fx_exists("nodes/iqn.b/1.1.1.1,3260,1/.iscsi-db.tmp"));
		/* A process that died on its way has left this. */
		fx_put_text("nodes/iqn.b/1.1.1.1,3260,1/.iscsi-db.tmp", "secret");
		fx_quiet();
		(void)fx_list(db, NULL);
		ck_assert_uint_eq(fx_warnings, 0);
	}
}
END_TEST

START_TEST(the_longest_names)
{
	CLEANUP(iscsi_db_closep) struct iscsi_db *db = fx_open();
	struct iscsi_db_record *rec;
	struct iscsi_why why = { "" };
	char target[ISCSI_NAME_MAX + 1], host[ISCSI_ADDRESS_MAX + 1];

	memset(target, 'a', sizeof(target) - 1);
	memcpy(target, "iqn.", 4);
	target[sizeof(target) - 1] = '\0';
	/* Twice: the second time there is an old record, whose links might have to go. */
	for (int i = 0; i < 2; i++) {
		rec = fx_node(target, "2001:db8:1111:2222:3333:4444:5555:6666", "3260", "1", "default");
		fx_found(rec, "send_targets", "9.9.9.9", "3260");
		fx_write(db, fx_portal(ISCSI_DB_SENDTARGETS, "9.9.9.9", "3260"));
		fx_mkdir("static");
		fx_mkdir("isns");
		fx_write(db, rec);
	}
	rec = fx_node(target, "2001:db8:1111:2222:3333:4444:5555:6666", "3260", "1", "default");
	ck_assert(!iscsi_db_lock(db, &why));
	ck_assert_msg(!iscsi_db_node_delete(db, rec, &why), "%s", why.text);
	ck_assert_msg(!iscsi_db_commit(db, &why), "%s", why.text);
	iscsi_db_record_free(rec);
	/* A host's name that leaves no room for the port. */
	memset(host, 'h', sizeof(host) - 1);
	for (size_t i = 50; i < sizeof(host); i += 50)
		host[i] = '.';
	host[250] = '\0';
	rec = fx_node("iqn.a", host, "3260", "1", "default");
	ck_assert_int_eq(iscsi_db_node_write(db, rec, &why), ISCSI_ERR_INVAL);
	ck_assert_ptr_nonnull(strstr(why.text, "too long to be stored"));
	iscsi_db_record_free(rec);
	rec = fx_portal(ISCSI_DB_SENDTARGETS, host, "3260");
	ck_assert_int_eq(iscsi_db_discovery_write(db, rec, &why), ISCSI_ERR_INVAL);
	iscsi_db_record_free(rec);
	iscsi_db_unlock(db);
	ck_assert_str_eq(fx_list(db, NULL), "");
}
END_TEST

/* ---- what changes while it is walked ------------------------------------------------- */

struct changer {
	struct iscsi_db *db;
	char seen[4096];
};

static enum iscsi_err change_ahead(void *arg, const struct iscsi_db_record *rec)
{
	CLEANUP(iscsi_db_record_freep) struct iscsi_db_record
		*second = fx_node("iqn.a", "2.2.2.2", "3260", "1", "if0"),
		*third = fx_node("iqn.a", "3.3.3.3", "3260", "1", "default");
	struct iscsi_why why = { "" };
	struct changer *c = arg;

	if (!*c->seen) {
		ck_assert(!iscsi_db_lock(c->db, &why));
		ck_assert(!iscsi_db_node_write(c->db, second, &why));
		ck_assert(!iscsi_db_node_write(c->db, third, &why));
		ck_assert_msg(!iscsi_db_commit(c->db, &why), "%s", why.text);
		iscsi_db_unlock(c->db);
	}
	return fx_list_node(c->seen, rec);
}

/* In the folder of the target that the walk is in: one more, and one for something odd. */
START_TEST(a_walk_sees_what_it_put_beside)
{
	static const struct iscsi_db_observer observer = { .unreadable = on_unreadable };
	CLEANUP(iscsi_db_closep) struct iscsi_db *db = fx_open();
	struct changer c = { .db = db };
	struct iscsi_why why = { "" };

	fx_write(db, fx_node("iqn.a", "1.1.1.1", "3260", "1", "default"));
	fx_write(db, fx_node("iqn.a", "2.2.2.2", "3260", "1", "default"));
	fx_put_text("nodes/iqn.a/3.3.3.3,3260,1", "nonsense");
	iscsi_db_observe(db, &observer);
	heard = 0;
	fx_quiet();
	ck_assert(!iscsi_db_node_each(db, NULL, fx_warn, NULL, change_ahead, &c, &why));
	ck_assert_str_eq(c.seen, "iqn.a 1.1.1.1,3260,1 default manual\n"
				 "iqn.a 2.2.2.2,3260,1 default manual\n"
				 "iqn.a 2.2.2.2,3260,1 if0 manual\n"
				 "iqn.a 3.3.3.3,3260,1 default manual\n");
	ck_assert_uint_eq(heard + fx_warnings, 0);
}
END_TEST

static int briefly_absent(int dir, const char *path, int flags)
{
	static bool told;

	if (!told && streq(path, "nodes/iqn.a")) {
		told = true;
		return -ENOENT;
	}
	return db_os_real.open(dir, path, flags);
}

START_TEST(what_is_back_is_no_fault)
{
	struct db_os os = db_os_real;
	CLEANUP(iscsi_db_closep) struct iscsi_db *db = fx_open();

	fx_write(db, fx_node("iqn.a", "1.1.1.1", "3260", "1", "default"));
	os.open = briefly_absent;
	db = iscsi_db_close(db);
	db = fx_open_os(&os);
	ck_assert_str_eq(fx_list(db, NULL), "");
	ck_assert_str_eq(fx_list(db, NULL), "iqn.a 1.1.1.1,3260,1 default manual\n");
	ck_assert_uint_eq(fx_warnings, 0);
}
END_TEST

static int few_descriptors(int dir, const char *path, int flags)
{
	return streq(db_base_name(path), "default") ? -EMFILE :
						      db_os_real.open(dir, path, flags);
}

/* It isn't the record's fault if we lack descriptors. */
START_TEST(what_we_lack_is_no_fault_of_a_record)
{
	struct db_os os = db_os_real;
	CLEANUP(iscsi_db_closep) struct iscsi_db *db = fx_open();
	struct iscsi_why why = { "" };
	unsigned int n = 0;

	fx_write(db, fx_node("iqn.a", "1.1.1.1", "3260", "1", "default"));
	os.open = few_descriptors;
	db = iscsi_db_close(db);
	db = fx_open_os(&os);
	ck_assert(!iscsi_db_lock(db, &why));
	ck_assert_int_eq(iscsi_db_node_delete_unreadable(db, NULL, &n, &why), ISCSI_ERR_NOMEM);
	ck_assert_ptr_nonnull(strstr(why.text, "Too many open files"));
	iscsi_db_unlock(db);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("odd");
	TCase *t = tcase_create("odd");
	SRunner *runner = srunner_create(s);
	int failed;

	suite_add_tcase(s, t);
	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, fx_setup, fx_teardown);
	tcase_add_loop_test(t, odd_things_are_told_and_deleted, 0, (int)ARRAY_SIZE(places));
	tcase_add_loop_test(t, odd_things_are_replaced, 0, (int)ARRAY_SIZE(places));
	tcase_add_test(t, what_may_be_anothers_stays);
	tcase_add_test(t, a_link_to_another_target_is_no_target);
	tcase_add_test(t, no_nodes_to_be_had_is_an_error);
	tcase_add_test(t, only_a_link_of_root_in_a_folder_of_root_is_followed);
	tcase_add_test(t, a_node_works_without_its_link);
	tcase_add_loop_test(t, folders_may_be_links_and_mount_points, 0, 4);
	tcase_add_test(t, the_longest_names);
	tcase_add_test(t, a_walk_sees_what_it_put_beside);
	tcase_add_test(t, what_is_back_is_no_fault);
	tcase_add_test(t, what_we_lack_is_no_fault_of_a_record);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
