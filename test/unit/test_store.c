/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Records on disk: the same tree that open-iscsi makes, and whatever else lies about in it. */
#include "test/unit/db_fixture.h"
#include "test/unit/skip.h"

/* ---- the tree ------------------------------------------------------------------------ */

static char tree[65536];

static int add_to_tree(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	char mode[11] = "----------", link[PATH_MAX] = "";
	static const char bits[] = "rwxrwxrwx";
	size_t len = strlen(tree), root = strlen(fx_root);

	(void)type;
	if (ftw->level == 0)
		return 0;
	mode[0] = S_ISDIR(st->st_mode) ? 'd' : S_ISLNK(st->st_mode) ? 'l' : '-';
	for (unsigned int i = 0; i < 9; i++) {
		if (st->st_mode & 0400u >> i)
			mode[i + 1] = bits[i];
	}
	if (S_ISLNK(st->st_mode)) {
		char text[PATH_MAX];
		ssize_t n = readlink(path, text, sizeof(text) - 1);

		ck_assert_int_gt((int)n, 0);
		text[n] = '\0';
		ck_assert_msg(strncmp(text, fx_root, root) == 0, "%s -> %s", path, text);
		(void)snprintf(link, sizeof(link), "/etc/iscsi%s", text + root);
	}
	(void)snprintf(tree + len, sizeof(tree) - len, "%s %c %s\t%s\n", mode,
		       S_ISDIR(st->st_mode) ? 'd' : S_ISLNK(st->st_mode) ? 'l' : 'f',
		       path + root + 1, link);
	return 0;
}

static size_t count_lines(const char *text)
{
	size_t n = 0;

	for (; (text = strchr(text, '\n')); text++)
		n++;
	return n;
}

static void check_tree(const char *name)
{
	CLEANUP(freep) char *path = db_format("test/fake/db/2.1.8/%s", name);
	CLEANUP(freep) char *want = fx_read(path);
	char *save = NULL;
	size_t lines = count_lines(want);

	/* Open-iscsi makes this one while it looks for interfaces. */
	fx_mkdir("ifaces");
	tree[0] = '\0';
	ck_assert_int_eq(nftw(fx_root, add_to_tree, 16, FTW_PHYS), 0);
	ck_assert_msg(count_lines(tree) == lines, "%s", tree);
	for (char *line = strtok_r(want, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		CLEANUP(freep) char *whole = db_format("%s\n", line);

		ck_assert_msg(strstr(tree, whole) != NULL, "%s%s", whole, tree);
	}
}

static struct iscsi_db_record *found_node(const char *target, const char *address,
					  const char *type, const char *server, const char *port)
{
	struct iscsi_db_record *rec = fx_node(target, address, "3260", "1", "default");

	fx_found(rec, type, server, port);
	return rec;
}

#define DISK1 "iqn.2026-01.net.example:disk1"
#define DISK2 "iqn.2026-01.net.example:disk2"
#define DISK3 "iqn.2026-01.net.example:disk3"

START_TEST(sendtargets_make_this_tree)
{
	CLEANUP(iscsi_db_closep) struct iscsi_db *db = fx_open();
	struct iscsi_db_record *recs[] = {
		found_node(DISK1, "192.0.2.10", "send_targets", "192.0.2.10", "3260"),
		found_node(DISK1, "192.0.2.11", "send_targets", "192.0.2.10", "3260"),
		found_node(DISK2, "192.0.2.10", "send_targets", "192.0.2.10", "3260"),
		fx_portal(ISCSI_DB_SENDTARGETS, "192.0.2.10", "3260"),
	};
	struct iscsi_why why = { "" };

	ck_assert(!iscsi_db_lock(db, &why));
	for (size_t i = 0; i < ARRAY_SIZE(recs); i++) {
		ck_assert_msg(!fx_stage(db, recs[i], &why), "%s", why.text);
		iscsi_db_record_free(recs[i]);
	}
	ck_assert(!fx_exists("nodes"));
	ck_assert_msg(!iscsi_db_commit(db, &why), "%s", why.text);
	iscsi_db_unlock(db);
	check_tree("tree-after-sendtargets.txt");
	ck_assert_str_eq(fx_list(db, NULL),
			 DISK1 " 192.0.2.10,3260,1 default manual\n"
			 DISK1 " 192.0.2.11,3260,1 default manual\n"
			 DISK2 " 192.0.2.10,3260,1 default manual\n");
	ck_assert_uint_eq(fx_warnings, 0);
}
END_TEST

START_TEST(static_nodes_make_this_tree)
{
	CLEANUP(iscsi_db_closep) struct iscsi_db *db = fx_open();

	fx_write(db, fx_iface("example0"));
	fx_write(db, fx_iface("example1.ipv6"));
	fx_write(db, fx_node(DISK1, "192.0.2.10", "3260", "1", "example0"));
	fx_write(db, fx_node(DISK1, "2001:db8::10", "3260", "1", "example1.ipv6"));
	fx_write(db, fx_node(DISK1, "storage.example.net", "3261", "2", "default"));
	fx_write(db, fx_node(DISK3, "192.0.2.12", "3260", "-1", "default"));
	check_tree("tree-static-and-ifaces.txt");
}
END_TEST

START_TEST(firmware_nodes_make_this_tree)
{
	CLEANUP(iscsi_db_closep) struct iscsi_db *db = fx_open();

	fx_write(db, found_node(DISK1, "192.0.2.10", "fw", "", "0"));
	check_tree("tree-fw.txt");
}
END_TEST

START_TEST(isns_nodes_make_these_trees)
{
	CLEANUP(iscsi_db_closep) struct iscsi_db *db = fx_open();

	fx_write(db, found_node(DISK1, "192.0.2.10", "isns", "192.0.2.11", "3205"));
	check_tree("tree-isns-discovery-mode.txt");
	fx_clear(fx_root);
	iscsi_db_close(db);
	db = fx_open();
	fx_write(db, fx_portal(ISCSI_DB_ISNS, "192.0.2.11", "3205"));
	fx_write(db, found_node(DISK1, "192.0.2.10", "isns", "192.0.2.11", "3205"));
	check_tree("tree-isns-discoverydb-mode.txt");
	/* Rewriting changes nothing. */
	fx_write(db, found_node(DISK1, "192.0.2.10", "isns", "192.0.2.11", "3205"));
	check_tree("tree-isns-discoverydb-mode.txt");
}
END_TEST

START_TEST(a_flat_isns_link_stays_flat)
{
	CLEANUP(iscsi_db_closep) struct iscsi_db *db = fx_open();

	fx_write(db, found_node("iqn.a", "1.1.1.1", "isns", "9.9.9.9", "3205"));
	fx_write(db, fx_portal(ISCSI_DB_ISNS, "9.9.9.9", "3205"));
	fx_write(db, found_node("iqn.a", "1.1.1.1", "isns", "9.9.9.9", "3205"));
	ck_assert(fx_exists("isns/iqn.a,1.1.1.1,3260,1,default"));
	ck_assert(!fx_exists("isns/9.9.9.9,3205/iqn.a,1.1.1.1,3260,1,default"));
	fx_write(db, found_node("iqn.a", "1.1.1.1", "static", "", "0"));
	ck_assert(!fx_exists("isns/iqn.a,1.1.1.1,3260,1,default"));
	ck_assert(fx_exists("static/iqn.a,1.1.1.1,3260,1,default"));
}
END_TEST

START_TEST(a_link_follows_its_node)
{
	static const char link[] = "send_targets/9.9.9.9,3260/iqn.a,1.1.1.1,3260,1,default";
	CLEANUP(iscsi_db_closep) struct iscsi_db *db = fx_open();
	struct iscsi_db_record *rec = found_node("iqn.a", "1.1.1.1", "send_targets", "9.9.9.9",
						 "3260");

	/* Nobody knows the portal: the node is stored, and there is no link. */
	fx_write(db, found_node("iqn.a", "1.1.1.1", "send_targets", "9.9.9.9", "3260"));
	ck_assert(!fx_exists("send_targets"));
	fx_write(db, fx_portal(ISCSI_DB_SENDTARGETS, "9.9.9.9", "3260"));
	fx_write(db, rec);
	ck_assert(fx_exists(link));
	/* A link that points to where the database was once is put right. */
	ck_assert_int_eq(unlink(fx_path(link)), 0);
	ck_assert_int_eq(symlink("/somewhere/else", fx_path(link)), 0);
	fx_write(db, found_node("iqn.a", "1.1.1.1", "send_targets", "9.9.9.9", "3260"));
	{
		char text[PATH_MAX];
		ssize_t n = readlink(fx_path(link), text, sizeof(text) - 1);

		text[n] = '\0';
		ck_assert_str_eq(text, fx_path("nodes/iqn.a/1.1.1.1,3260,1"));
	}
	fx_write(db, found_node("iqn.a", "1.1.1.1", "fw", "", "0"));
	ck_assert(!fx_exists(link));
	ck_assert(fx_exists("fw/iqn.a,1.1.1.1,3260,1,default"));
	/* Types without links. */
	fx_write(db, found_node("iqn.a", "1.1.1.1", "offload_send_targets", "9.9.9.9", "3260"));
	ck_assert(!fx_exists("fw/iqn.a,1.1.1.1,3260,1,default"));
	fx_write(db, found_node("iqn.a", "1.1.1.1", "slp", "", "0"));
	/* A portal's name that would lead elsewhere makes no link. */
	fx_write(db, found_node("iqn.a", "1.1.1.1", "send_targets", "../../x", "3260"));
	ck_assert_str_eq(fx_list(db, NULL), "iqn.a 1.1.1.1,3260,1 default manual\n");
}
END_TEST

START_TEST(a_name_too_long_for_a_link)
{
	char target[ISCSI_NAME_MAX + 1];
	CLEANUP(iscsi_db_closep) struct iscsi_db *db = fx_open();

	memset(target, 't', sizeof(target) - 1);
	target[sizeof(target) - 1] = '\0';
	fx_write(db, fx_node(target, "2001:db8:1111:2222:3333:4444:5555:6666", "3260", "1",
			     "default"));
	ck_assert_uint_eq(count_lines(fx_list(db, NULL)), 1);
	ck_assert(!fx_exists("static"));
}
END_TEST

/* ---- delete -------------------------------------------------------------------------- */

static void delete_node(struct iscsi_db *db, const char *target, const char *address,
			const char *tpgt, enum iscsi_err want)
{
	CLEANUP(iscsi_db_record_freep) struct iscsi_db_record *rec =
		fx_node(target, address, "3260", tpgt, "default");
	struct iscsi_why why = { "" };

	ck_assert(!iscsi_db_lock(db, &why));
	ck_assert_msg(iscsi_db_node_delete(db, rec, &why) == want, "%s", why.text);
	ck_assert_msg(!iscsi_db_commit(db, &why), "%s", why.text);
	iscsi_db_unlock(db);
}

START_TEST(deleting_leaves_nothing)
{
	CLEANUP(iscsi_db_closep) struct iscsi_db *db = fx_open();

	fx_write(db, fx_portal(ISCSI_DB_SENDTARGETS, "9.9.9.9", "3260"));
	fx_write(db, found_node("iqn.a", "1.1.1.1", "send_targets", "9.9.9.9", "3260"));
	fx_write(db, found_node("iqn.a", "1.1.1.2", "static", "", "0"));
	fx_write(db, fx_node("iqn.b", "1.1.1.1", "3260", "-1", "default"));
	delete_node(db, "iqn.a", "1.1.1.3", "1", ISCSI_ERR_NO_OBJS_FOUND);
	delete_node(db, "iqn.a", "1.1.1.1", "2", ISCSI_ERR_NO_OBJS_FOUND);
	delete_node(db, "iqn.a", "1.1.1.1", "-1", ISCSI_ERR_NO_OBJS_FOUND);
	delete_node(db, "iqn.x", "1.1.1.1", "1", ISCSI_ERR_NO_OBJS_FOUND);
	delete_node(db, "iqn.a", "1.1.1.1", "1", ISCSI_SUCCESS);
	ck_assert(!fx_exists("send_targets/9.9.9.9,3260/iqn.a,1.1.1.1,3260,1,default"));
	ck_assert(!fx_exists("nodes/iqn.a/1.1.1.1,3260,1"));
	ck_assert(fx_exists("nodes/iqn.a/1.1.1.2,3260,1/default"));
	delete_node(db, "iqn.a", "1.1.1.2", "1", ISCSI_SUCCESS);
	ck_assert(!fx_exists("nodes/iqn.a"));
	ck_assert(!fx_exists("static/iqn.a,1.1.1.2,3260,1,default"));
	delete_node(db, "iqn.b", "1.1.1.1", "-1", ISCSI_SUCCESS);
	ck_assert(!fx_exists("nodes/iqn.b"));
	ck_assert(fx_exists("nodes"));
	ck_assert(!fx_exists(".iscsi-db"));
}
END_TEST

START_TEST(a_portal_takes_its_nodes_with_it)
{
	CLEANUP(iscsi_db_closep) struct iscsi_db *db = fx_open();
	struct iscsi_why why = { "" };

	fx_write(db, fx_portal(ISCSI_DB_SENDTARGETS, "9.9.9.9", "3260"));
	fx_write(db, fx_portal(ISCSI_DB_SENDTARGETS, "8.8.8.8", "3260"));
	fx_write(db, found_node("iqn.a", "1.1.1.1", "send_targets", "9.9.9.9", "3260"));
	fx_write(db, found_node("iqn.b", "1.1.1.1", "send_targets", "8.8.8.8", "3260"));
	fx_write(db, found_node("iqn.c", "1.1.1.1", "static", "", "0"));
	/* Links to nodes that went long ago, and to what isn't a node. */
	ck_assert(!symlink("/x",
			   fx_path("send_targets/9.9.9.9,3260/iqn.z,1.1.1.1,3260,1,default")));
	ck_assert(!symlink("/x", fx_path("send_targets/9.9.9.9,3260/odd")));
	ck_assert(!iscsi_db_lock(db, &why));
	ck_assert_int_eq(iscsi_db_discovery_delete(db, ISCSI_DB_SENDTARGETS, "7.7.7.7", 3260, &why),
			 ISCSI_ERR_NO_OBJS_FOUND);
	ck_assert_int_eq(iscsi_db_discovery_delete(db, ISCSI_DB_SENDTARGETS, "../x", 3260, &why),
			 ISCSI_ERR_INVAL);
	ck_assert_int_eq(iscsi_db_discovery_delete(db, ISCSI_DB_NODE, "9.9.9.9", 3260, &why),
			 ISCSI_ERR_INTERNAL);
	ck_assert(!iscsi_db_discovery_delete(db, ISCSI_DB_SENDTARGETS, "9.9.9.9", 3260, &why));
	ck_assert_msg(!iscsi_db_commit(db, &why), "%s", why.text);
	iscsi_db_unlock(db);
	ck_assert_str_eq(fx_list(db, NULL), "iqn.b 1.1.1.1,3260,1 default manual\n"
					    "iqn.c 1.1.1.1,3260,1 default manual\n");
	ck_assert(!fx_exists("send_targets/9.9.9.9,3260"));
	ck_assert(fx_exists("send_targets/8.8.8.8,3260/iqn.b,1.1.1.1,3260,1,default"));
}
END_TEST

/* ---- filters ------------------------------------------------------------------------- */

static void fill(struct iscsi_db *db)
{
	fx_write(db, fx_node("iqn.a", "1.1.1.1", "3260", "1", "default"));
	fx_write(db, fx_node("iqn.a", "1.1.1.1", "3260", "1", "if0"));
	fx_write(db, fx_node("iqn.a", "1.1.1.1", "3261", "1", "default"));
	fx_write(db, fx_node("iqn.a", "1.1.1.10", "3260", "2", "default"));
	fx_write(db, fx_node("iqn.a", "2001:db8::1", "3260", "1", "default"));
	fx_write(db, fx_node("iqn.b", "1.1.1.1", "3260", "-1", "if0"));
	fx_write(db, fx_node("iqn.b", "host", "3260", "1", "default"));
}

#define A1 "iqn.a 1.1.1.1,3260,1 default manual\n"
#define A1_IF0 "iqn.a 1.1.1.1,3260,1 if0 manual\n"
#define A1_3261 "iqn.a 1.1.1.1,3261,1 default manual\n"
#define A10 "iqn.a 1.1.1.10,3260,2 default manual\n"
#define A6 "iqn.a 2001:db8::1,3260,1 default manual\n"
#define B1_IF0 "iqn.b 1.1.1.1,3260,-1 if0 manual\n"
#define BHOST "iqn.b host,3260,1 default manual\n"

static const struct {
	struct iscsi_db_filter filter;
	const char *list;
} filters[] = {
	{ { .port = -1 }, A1 A1_IF0 A1_3261 A10 A6 B1_IF0 BHOST },
	{ { .target = "iqn.b", .port = -1 }, B1_IF0 BHOST },
	{ { .target = "iqn.", .port = -1 }, "" },
	{ { .target = "../nodes", .port = -1 }, "" },
	{ { .target = "", .port = -1 }, "" },
	{ { .address = "1.1.1.1", .port = -1 }, A1 A1_IF0 A1_3261 B1_IF0 },
	{ { .address = "1.1.1.1", .port = 3261 }, A1_3261 },
	{ { .port = 3261 }, A1_3261 },
	{ { .port = 0 }, "" },
	{ { .address = "2001:DB8:0::1", .port = -1 }, A6 },
	{ { .address = "2001:db8::2", .port = -1 }, "" },
	{ { .address = "host", .port = 3260 }, BHOST },
	{ { .address = "HOST", .port = 3260 }, "" },
	{ { .address = "2001:DB8:0::1", .port = -1, .names = true }, A6 BHOST },
	{ { .address = "1.1.1.1", .port = 3260, .names = true }, A1 A1_IF0 B1_IF0 BHOST },
	{ { .iface = "if0", .port = -1 }, A1_IF0 B1_IF0 },
	{ { .iface = "../if0", .port = -1 }, "" },
	{ { .iface = "none", .port = -1 }, "" },
	{ { .target = "iqn.a", .address = "1.1.1.1", .port = 3260, .iface = "default" }, A1 },
};

START_TEST(filters_select)
{
	CLEANUP(iscsi_db_closep) struct iscsi_db *db = fx_open();

	fill(db);
	for (size_t i = 0; i < ARRAY_SIZE(filters); i++) {
		const char *list = fx_list(db, &filters[i].filter);

		ck_assert_msg(streq(list, filters[i].list), "%zu:\n%s", i, list);
	}
	ck_assert_str_eq(fx_list(db, NULL), filters[0].list);
	ck_assert_uint_eq(fx_warnings, 0);
}
END_TEST

START_TEST(a_filter_reads_no_more)
{
	static const struct iscsi_db_filter one = { .target = "iqn.a", .address = "1.1.1.1",
						    .port = 3261 };
	CLEANUP(iscsi_db_closep) struct iscsi_db *db = fx_open();
	CLEANUP(iscsi_db_closep) struct iscsi_db *counted = fx_open_os(&fx_os);

	fill(db);
	fx_os_reset();
	ck_assert_str_eq(fx_list(counted, &one), A1_3261);
	ck_assert_str_eq(fx_opened, "nodes/iqn.a\n"
				    "nodes/iqn.a/1.1.1.1,3261,1\n"
				    "default\n");
}
END_TEST

static enum iscsi_err stop(void *arg, const struct iscsi_db_record *rec)
{
	(void)rec;
	return ++*(int *)arg == 2 ? ISCSI_ERR_BUSY : ISCSI_SUCCESS;
}

START_TEST(a_walk_can_be_stopped)
{
	CLEANUP(iscsi_db_closep) struct iscsi_db *db = fx_open();
	int seen = 0;

	fill(db);
	ck_assert_int_eq(iscsi_db_node_each(db, NULL, NULL, NULL, stop, &seen, NULL),
			 ISCSI_ERR_BUSY);
	ck_assert_int_eq(seen, 2);
}
END_TEST

/* ---- what else may lie about --------------------------------------------------------- */

#define GOOD "# BEGIN RECORD 2.1.8\nnode.name = iqn.a\nnode.startup = automatic\n# END RECORD\n"

static const struct {
	const char *path, *text;	/* a folder if NULL */
	const char *list;		/* what it adds */
	unsigned int warnings;
} oddities[] = {
	{ "nodes/iqn.o/1.1.1.1,3260,1/default", "", "", 1 },
	{ "nodes/iqn.o/1.1.1.1,3260,1/default", "just some text\n", "", 2 },
	{ "nodes/iqn.o/1.1.1.1,3260,1/default", "unknown = key\n", "", 2 },
	{ "nodes/iqn.o/1.1.1.1,3260,1/default", NULL, "", 1 },
	{ "nodes/iqn.o/1.1.1.1,3260,1/default", GOOD,
	  "iqn.o 1.1.1.1,3260,1 default automatic\n", 1 },
	{ "nodes/iqn.o/1.1.1.1,3260,1/default", "node.startup=automatic",
	  "iqn.o 1.1.1.1,3260,1 default automatic\n", 1 },
	{ "nodes/iqn.o/1.1.1.1,3260,1/default", "# BEGIN RECORD 2.1.8\nnode.startup = automatic\n",
	  "iqn.o 1.1.1.1,3260,1 default automatic\n", 2 },
	{ "nodes/iqn.o/1.1.1.1,99999,-5/default", GOOD,
	  "iqn.o 1.1.1.1,99999,-5 default automatic\n", 1 },
	{ "nodes/iqn.o/1.1.1.1,3260", GOOD, "iqn.o 1.1.1.1,3260,-1 default automatic\n", 1 },
	{ "nodes/iqn.o/1.1.1.1,3260", "", "", 1 },
	{ "nodes/iqn.o/1.1.1.1,3260", NULL, "", 1 },
	{ "nodes/iqn.o/1.1.1.1,3260,1", GOOD, "", 1 },
	{ "nodes/iqn.o/1.1.1.1,3260,-1/default", GOOD, "", 1 },
	{ "nodes/iqn.o/1.1.1.1,03260,1/default", GOOD, "", 1 },
	{ "nodes/iqn.o/1.1.1.1/default", GOOD, "", 1 },
	{ "nodes/iqn.o/stray", GOOD, "", 1 },
	{ "nodes/iqn.o", NULL, "", 0 },
	{ "nodes/stray", GOOD, "", 1 },
	{ "nodes/with blank/1.1.1.1,3260,1/default", GOOD, "", 1 },
	{ "nodes/iqn,comma/1.1.1.1,3260,1/default", GOOD, "", 1 },
	{ "nodes/iqn.o/1.1.1.1,3260,1/default~", GOOD, "", 1 },
	{ "lock", "", "", 0 },
	{ "lock.write", "", "", 0 },
	{ ".iscsi-db/left.over", "x", "", 0 },
};

START_TEST(odd_things_hurt_nobody_else)
{
	CLEANUP(iscsi_db_closep) struct iscsi_db *db = fx_open();
	const char *list;

	fx_write(db, fx_node("iqn.a", "1.1.1.1", "3260", "1", "default"));
	fx_write(db, fx_node("iqn.p", "1.1.1.1", "3260", "1", "default"));
	if (oddities[_i].text)
		fx_put_text(oddities[_i].path, oddities[_i].text);
	else
		fx_mkdir(oddities[_i].path);
	fx_quiet();
	list = fx_list(db, NULL);
	ck_assert_ptr_nonnull(strstr(list, "iqn.a 1.1.1.1,3260,1 default manual\n"));
	ck_assert_ptr_nonnull(strstr(list, "iqn.p 1.1.1.1,3260,1 default manual\n"));
	ck_assert_ptr_nonnull(strstr(list, oddities[_i].list));
	ck_assert_uint_eq(count_lines(list), *oddities[_i].list ? 3 : 2);
	ck_assert_msg(fx_warnings == oddities[_i].warnings, "%s", fx_warned);
	if (fx_warnings)
		ck_assert_msg(strstr(fx_warned, fx_root) != NULL, "%s", fx_warned);
}
END_TEST

START_TEST(nul_bytes_pipes_and_giants)
{
	CLEANUP(iscsi_db_closep) struct iscsi_db *db = fx_open();
	char *big = calloc(1, DB_TEXT_MAX + 1);

	fx_put("nodes/iqn.a/1.1.1.1,3260,1/zeroes", big, 4096);
	memset(big, '#', DB_TEXT_MAX + 1);
	fx_put("nodes/iqn.a/1.1.1.1,3260,1/giant", big, DB_TEXT_MAX + 1);
	ck_assert_int_eq(mkfifo(fx_path("nodes/iqn.a/1.1.1.1,3260,1/fifo"), 0600), 0);
	fx_put_text("nodes/iqn.a/1.1.1.1,3260,1/good", "iface.iscsi_ifacename = good\n" GOOD);
	ck_assert_str_eq(fx_list(db, NULL), "iqn.a 1.1.1.1,3260,1 good automatic\n");
	ck_assert_ptr_nonnull(strstr(fx_warned, "zeroes:1: there are NUL bytes in the line"));
	ck_assert_ptr_nonnull(strstr(fx_warned, "zeroes isn't a record"));
	ck_assert_ptr_nonnull(strstr(fx_warned, "giant: File too large"));
	ck_assert_ptr_nonnull(strstr(fx_warned, "fifo: it isn't a regular file"));
	free(big);
}
END_TEST

/* What an observer heard, without the root, a line each. */
static char heard[4096];

static void hear(const char *prefix, const char *said)
{
	const char *root = strstr(said, fx_root);
	size_t before = root ? (size_t)(root - said) : strlen(said);

	(void)snprintf(heard + strlen(heard), sizeof(heard) - strlen(heard), "%s%.*s%s\n", prefix,
		       (int)before, said, root ? root + strlen(fx_root) + 1 : "");
}

static void on_unreadable(void *arg, const char *said)
{
	ck_assert_ptr_eq(arg, heard);
	hear("unreadable: ", said);
}

static void on_trace(void *arg, const char *said)
{
	ck_assert_ptr_eq(arg, heard);
	hear("", said);
}

START_TEST(an_observer_hears_what_happens)
{
	CLEANUP(iscsi_db_closep) struct iscsi_db *db = fx_open();
	static const struct iscsi_db_observer observer = {
		.unreadable = on_unreadable, .trace = on_trace, .arg = heard,
	};
	static const struct iscsi_db_observer nothing = { 0 };

	fx_write(db, fx_node("iqn.a", "1.1.1.1", "3260", "1", "default"));
	fx_put_text("nodes/iqn.b/1.1.1.1,3260,1/default", "");
	fx_put_text("nodes/stray", "no record at all");
	fx_put_text("nodes/.dracut", "");
	fx_put_text("ifaces/bad", "what is this\n");
	fx_put_text("send_targets/9.9.9.9,3260/st_config", "");
	iscsi_db_observe(db, &observer);
	ck_assert_str_eq(fx_list(db, NULL), "iqn.a 1.1.1.1,3260,1 default manual\n");
	ck_assert(!iscsi_db_iface_each(db, NULL, NULL, NULL, NULL, NULL));
	ck_assert(!iscsi_db_discovery_each(db, ISCSI_DB_SENDTARGETS, NULL, NULL, NULL, NULL,
					   NULL));
	ck_assert_str_eq(heard, "read nodes/iqn.a/1.1.1.1,3260,1/default\n"
			 "unreadable: nodes/iqn.b/1.1.1.1,3260,1/default is empty\n"
			 "unreadable: nodes/stray isn't the folder of a target\n"
			 "unreadable: ifaces/bad isn't a record\n"
			 "unreadable: send_targets/9.9.9.9,3260/st_config is empty\n");
	heard[0] = '\0';
	fx_write(db, fx_iface("new"));
	ck_assert_str_eq(heard, "wrote ifaces/new\n");
	heard[0] = '\0';
	delete_node(db, "iqn.b", "1.1.1.1", "1", ISCSI_SUCCESS);
	ck_assert_ptr_nonnull(strstr(heard, "deleted nodes/iqn.b/1.1.1.1,3260,1/default\n"));
	heard[0] = '\0';
	iscsi_db_observe(db, &nothing);
	(void)fx_list(db, NULL);
	ck_assert_str_eq(heard, "");
}
END_TEST

START_TEST(what_is_broken_can_be_replaced_or_deleted)
{
	CLEANUP(iscsi_db_closep) struct iscsi_db *db = fx_open();
	static const struct iscsi_db_filter filter = { .target = "iqn.a", .port = -1 };
	struct iscsi_why why = { "" };
	unsigned int n = 0;

	fx_put_text("nodes/iqn.a/1.1.1.1,3260,1/default", "");
	fx_put_text("nodes/iqn.a/1.1.1.2,3260,1/default", "");
	fx_put_text("nodes/iqn.a/1.1.1.3,3260,1/default", "");
	fx_put_text("nodes/iqn.a/1.1.1.3,3260", "");
	fx_put_text("nodes/iqn.a/1.1.1.4,3260,1", "a file, no folder");
	fx_put_text("nodes/iqn.b/1.1.1.1,3260,1/default", "");
	fx_put_text("send_targets/9.9.9.9,3260/st_config", "");
	ck_assert(!symlink("/x",
			   fx_path("send_targets/9.9.9.9,3260/iqn.a,1.1.1.2,3260,1,default")));
	ck_assert_str_eq(fx_list(db, NULL), "");
	ck_assert_uint_eq(fx_warnings, 6);
	fx_write(db, fx_node("iqn.a", "1.1.1.1", "3260", "1", "default"));
	delete_node(db, "iqn.a", "1.1.1.2", "1", ISCSI_SUCCESS);
	ck_assert(!fx_exists("nodes/iqn.a/1.1.1.2,3260,1"));
	ck_assert(!fx_exists("send_targets/9.9.9.9,3260/iqn.a,1.1.1.2,3260,1,default"));
	ck_assert_str_eq(fx_list(db, NULL), "iqn.a 1.1.1.1,3260,1 default manual\n");
	ck_assert(!iscsi_db_lock(db, &why));
	ck_assert_msg(!iscsi_db_node_delete_unreadable(db, &filter, &n, &why), "%s", why.text);
	ck_assert_uint_eq(n, 3);
	ck_assert_msg(!iscsi_db_commit(db, &why), "%s", why.text);
	iscsi_db_unlock(db);
	ck_assert(!fx_exists("nodes/iqn.a/1.1.1.3,3260,1"));
	ck_assert(!fx_exists("nodes/iqn.a/1.1.1.3,3260"));
	ck_assert(!fx_exists("nodes/iqn.a/1.1.1.4,3260,1"));
	ck_assert(fx_exists("nodes/iqn.a/1.1.1.1,3260,1/default"));
	ck_assert(fx_exists("nodes/iqn.b/1.1.1.1,3260,1/default"));
	/* A new discovery record takes the place of the broken one. */
	fx_write(db, fx_portal(ISCSI_DB_SENDTARGETS, "9.9.9.9", "3260"));
	fx_put_text("nodes/iqn.c/1.1.1.1,3260,1", "a file, no folder");
	fx_write(db, fx_node("iqn.c", "1.1.1.1", "3260", "1", "default"));
	ck_assert(fx_exists("nodes/iqn.c/1.1.1.1,3260,1/default"));
}
END_TEST

static enum iscsi_err keep_type(void *arg, const struct iscsi_db_record *rec)
{
	strcpy(arg, iscsi_db_record_get(rec, "node.discovery_type"));
	return ISCSI_SUCCESS;
}

START_TEST(types_that_slp_shifted)
{
	static const struct {
		const char *line, *link, *type;
	} rows[] = {
		{ "node.discovery_type = fw\n", "static", "static" },
		{ "node.discovery_type = fw\n", "fw", "fw" },
		{ "node.discovery_type = fw\n", NULL, "fw" },
		{ "", "fw", "fw" },
		{ "", "static", "static" },
		{ "", NULL, "static" },
		{ "node.discovery_type = static\n", "fw", "static" },
		{ "node.discovery_type = isns\n", "fw", "isns" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP(freep) char *text = db_format("node.name = iqn.a\n%s", rows[i].line);
		CLEANUP(freep) char *link = db_format("%s/iqn.a,1.1.1.1,3260,1,default",
						      rows[i].link ? rows[i].link : "none");
		CLEANUP(iscsi_db_closep) struct iscsi_db *db = NULL;
		char type[64] = "";

		fx_clear(fx_root);
		fx_mkdir("static");
		fx_mkdir("fw");
		fx_mkdir("none");
		fx_put_text("nodes/iqn.a/1.1.1.1,3260,1/default", text);
		ck_assert_int_eq(symlink("/x", fx_path(link)), 0);
		db = fx_open();
		ck_assert(!iscsi_db_node_each(db, NULL, NULL, NULL, keep_type, type, NULL));
		ck_assert_msg(streq(type, rows[i].type), "%zu: %s", i, type);
	}
}
END_TEST

/* ---- never outside ------------------------------------------------------------------- */

START_TEST(links_dont_lead_out)
{
	CLEANUP(iscsi_db_closep) struct iscsi_db *db = fx_open();
	CLEANUP(iscsi_db_record_freep) struct iscsi_db_record *rec =
		fx_node("iqn.out", "1.1.1.1", "3260", "1", "default");
	CLEANUP(freep) char *outside = db_format("%s/outside", fx_base);
	CLEANUP(freep) char *victim = db_format("%s/1.1.1.1,3260,1/default", outside);
	struct iscsi_why why;

	(void)mkdir(outside, 0700);
	fx_put_text("../outside/1.1.1.1,3260,1/default", GOOD);
	fx_put_text("nodes/iqn.in/1.1.1.1,3260,1/default", GOOD);
	ck_assert_int_eq(symlink(outside, fx_path("nodes/iqn.out")), 0);
	ck_assert_int_eq(chmod(fx_path("nodes"), 0777), 0);	/* anybody may have made it */
	ck_assert_int_eq(symlink(victim, fx_path("nodes/iqn.in/1.1.1.1,3260,1/link")), 0);
	ck_assert_str_eq(fx_list(db, NULL), "iqn.in 1.1.1.1,3260,1 default automatic\n");
	ck_assert_uint_eq(fx_warnings, 3);
	if (works_here(has_openat2(), "the warning about links, since openat2() is missing"))
		ck_assert_ptr_nonnull(strstr(fx_warned, "leads out of the database"));
	ck_assert(!iscsi_db_lock(db, &why));
	ck_assert_int_eq(iscsi_db_node_write(db, rec, &why), ISCSI_ERR_IDBM);
	ck_assert(!iscsi_db_commit(db, &why));
	ck_assert_int_ne(iscsi_db_node_delete(db, rec, &why), ISCSI_SUCCESS);
	ck_assert(!iscsi_db_commit(db, &why));
	iscsi_db_unlock(db);
	ck_assert_int_eq(access(victim, F_OK), 0);
}
END_TEST

START_TEST(a_record_may_be_a_link_within_the_database)
{
	CLEANUP(iscsi_db_closep) struct iscsi_db *db = fx_open();

	if (!works_here(has_openat2(), "links to records, since openat2() is missing"))
		return;
	fx_put_text("nodes/iqn.a/1.1.1.1,3260,1/default", GOOD);
	ck_assert_int_eq(mkdir(fx_path("nodes/iqn.a/2.2.2.2,3260,1"), 0700), 0);
	ck_assert_int_eq(symlink("../1.1.1.1,3260,1/default",
				 fx_path("nodes/iqn.a/2.2.2.2,3260,1/default")), 0);
	ck_assert_str_eq(fx_list(db, NULL), "iqn.a 1.1.1.1,3260,1 default automatic\n"
					    "iqn.a 2.2.2.2,3260,1 default automatic\n");
}
END_TEST

START_TEST(bad_names_touch_nothing)
{
	static const char *const bad[] = { "../../../tmp/x", "a/b", "..", ".", "", "a b", "a,b" };
	CLEANUP(iscsi_db_closep) struct iscsi_db *db = fx_open();
	struct iscsi_db_record *out = NULL;
	struct iscsi_why why;

	ck_assert(!iscsi_db_lock(db, &why));
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		CLEANUP(iscsi_db_record_freep) struct iscsi_db_record *rec =
			fx_node(bad[i], "1.1.1.1", "3260", "1", "default");
		CLEANUP(iscsi_db_record_freep) struct iscsi_db_record *st =
			fx_portal(ISCSI_DB_SENDTARGETS, bad[i], "3260");

		ck_assert_int_eq(iscsi_db_node_write(db, rec, &why), ISCSI_ERR_INVAL);
		ck_assert_int_eq(iscsi_db_node_delete(db, rec, &why), ISCSI_ERR_INVAL);
		fx_set(rec, "node.name", "iqn.a");
		fx_set(rec, "node.conn[0].address", bad[i]);
		ck_assert_int_eq(iscsi_db_node_write(db, rec, &why), ISCSI_ERR_INVAL);
		ck_assert_int_eq(iscsi_db_discovery_write(db, st, &why), ISCSI_ERR_INVAL);
		ck_assert_int_eq(iscsi_db_discovery_read(db, ISCSI_DB_ISNS, bad[i], 1, &out, &why),
				 ISCSI_ERR_INVAL);
		if (i < 5) {
			CLEANUP(iscsi_db_record_freep) struct iscsi_db_record *iface =
				fx_iface(bad[i]);

			ck_assert_int_eq(iscsi_db_iface_write(db, iface, &why), ISCSI_ERR_INVAL);
			ck_assert_int_eq(iscsi_db_iface_read(db, bad[i], &out, &why),
					 ISCSI_ERR_INVAL);
			ck_assert_int_eq(iscsi_db_iface_delete(db, bad[i], &why), ISCSI_ERR_INVAL);
		}
	}
	ck_assert(!iscsi_db_commit(db, &why));
	iscsi_db_unlock(db);
	ck_assert_int_ne(access(fx_root, F_OK), 0);
}
END_TEST

START_TEST(without_openat2)
{
	CLEANUP(closep) int dir = -1;
	char name[NAME_MAX + 2];
	struct stat st;
	int fd;

	fx_put_text("a/b/c", "text");
	ck_assert_int_eq(symlink("b", fx_path("a/link")), 0);
	ck_assert_int_eq(symlink("c", fx_path("a/b/link")), 0);
	dir = open(fx_root, O_RDONLY | O_DIRECTORY);
	fd = os_open_by_parts(dir, "a/b/c", O_RDONLY | O_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	(void)close(fd);
	fd = os_open_by_parts(dir, "a/new", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(fstat(fd, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0600);
	(void)close(fd);
	ck_assert_int_eq(os_open_by_parts(dir, "a/link/c", O_RDONLY), -ELOOP);
	ck_assert_int_eq(os_open_by_parts(dir, "a/b/c/d", O_RDONLY), -ENOTDIR);
	ck_assert_int_eq(os_open_by_parts(dir, "a/b/link", O_RDONLY), -ELOOP);
	ck_assert_int_eq(os_open_by_parts(dir, "../root/a", O_RDONLY), -EXDEV);
	ck_assert_int_eq(os_open_by_parts(dir, "/etc/passwd", O_RDONLY), -EXDEV);
	ck_assert_int_eq(os_open_by_parts(dir, "a/none/x", O_RDONLY), -ENOENT);
	ck_assert_int_eq(os_open_by_parts(dir, "a/...", O_RDONLY), -ENOENT);
	memset(name, 'n', sizeof(name));
	name[NAME_MAX + 1] = '\0';
	ck_assert_int_eq(os_open_by_parts(dir, name, O_RDONLY), -ENAMETOOLONG);
	name[NAME_MAX] = '\0';
	ck_assert_int_eq(os_open_by_parts(dir, name, O_RDONLY), -ENOENT);
	ck_assert_int_eq(db_os_real.open(dir, "../root/a", O_RDONLY), -EXDEV);
	ck_assert_int_eq(db_os_real.open(dir, "/etc/passwd", O_RDONLY), -EXDEV);
}
END_TEST

START_TEST(files_are_read_whole)
{
	static const size_t sizes[] = { 0, 1, 8190, 8191, 8192, 8193, 16382, 16383, 16384, 65535,
					65536, DB_TEXT_MAX - 1, DB_TEXT_MAX };
	char *text = malloc(DB_TEXT_MAX + 1), *got;
	size_t len;

	for (size_t i = 0; i <= DB_TEXT_MAX; i++)
		text[i] = (char)('a' + i % 23);
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		fx_put("file", text, sizes[i]);
		ck_assert_int_eq(os_read_path(fx_path("file"), &got, &len), 0);
		ck_assert_uint_eq(len, sizes[i]);
		ck_assert_int_eq(memcmp(got, text, len), 0);
		ck_assert_int_eq(got[len], '\0');
		free(got);
	}
	fx_put("file", text, DB_TEXT_MAX + 1);
	ck_assert_int_eq(os_read_path(fx_path("file"), &got, &len), -EFBIG);
	free(text);
}
END_TEST

START_TEST(errors_of_one_path_and_of_the_process)
{
	static const int nowhere[] = { -ENOENT, -ENOTDIR, -EXDEV, -ELOOP, -ENAMETOOLONG };
	static const int shortage[] = { -ENOMEM, -EMFILE, -ENFILE };
	static const int others[] = { 0, 1, -EIO, -EACCES, -ENOSPC, ENOENT, ENOMEM };

	for (size_t i = 0; i < ARRAY_SIZE(nowhere); i++)
		ck_assert(folder_is_nowhere(nowhere[i]) && !folder_is_shortage(nowhere[i]));
	for (size_t i = 0; i < ARRAY_SIZE(shortage); i++)
		ck_assert(folder_is_shortage(shortage[i]) && !folder_is_nowhere(shortage[i]));
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		ck_assert(!folder_is_nowhere(others[i]) && !folder_is_shortage(others[i]));
}
END_TEST

/* ---- old layouts --------------------------------------------------------------------- */

START_TEST(a_single_file_becomes_a_folder)
{
	CLEANUP(iscsi_db_closep) struct iscsi_db *db = fx_open();

	fx_put_text("nodes/iqn.a/1.1.1.1,3260",
		    "node.name = iqn.a\nnode.conn[0].address = 1.1.1.1\n"
		    "iface.iscsi_ifacename = if0\n");
	ck_assert_str_eq(fx_list(db, NULL), "iqn.a 1.1.1.1,3260,-1 if0 manual\n");
	fx_write(db, fx_node("iqn.a", "1.1.1.1", "3260", "1", "default"));
	ck_assert_str_eq(fx_list(db, NULL), "iqn.a 1.1.1.1,3260,-1 if0 manual\n"
					    "iqn.a 1.1.1.1,3260,1 default manual\n");
	fx_write(db, fx_node("iqn.a", "1.1.1.1", "3260", "1", "if0"));
	ck_assert_str_eq(fx_list(db, NULL), "iqn.a 1.1.1.1,3260,1 default manual\n"
					    "iqn.a 1.1.1.1,3260,1 if0 manual\n");
	ck_assert_uint_eq(fx_warnings, 0);
	fx_write(db, fx_node("iqn.a", "1.1.1.1", "3260", "-1", "if0"));
	ck_assert_uint_eq(count_lines(fx_list(db, NULL)), 3);
}
END_TEST

static void old_portal(const struct db_os *os, const char *path)
{
	CLEANUP(iscsi_db_closep) struct iscsi_db *db = fx_open_os(os);
	CLEANUP(iscsi_db_record_freep) struct iscsi_db_record *rec = NULL;
	struct iscsi_db_record *changed = NULL;

	fx_put_text("send_targets/9.9.9.9,3260",
		    "discovery.sendtargets.address = 9.9.9.9\n"
		    "discovery.sendtargets.reopen_max = 7\n");
	ck_assert(!iscsi_db_discovery_read(db, ISCSI_DB_SENDTARGETS, "9.9.9.9", 3260, &rec, NULL));
	ck_assert_int_eq(iscsi_db_record_get_int(rec, "discovery.sendtargets.reopen_max"), 7);
	ck_assert(!iscsi_db_record_copy(rec, &changed));
	fx_set(changed, "discovery.sendtargets.reopen_max", "8");
	fx_write(db, changed);
	ck_assert(fx_exists(path));
	rec = iscsi_db_record_free(rec);
	ck_assert(!iscsi_db_discovery_read(db, ISCSI_DB_SENDTARGETS, "9.9.9.9", 3260, &rec, NULL));
	ck_assert_int_eq(iscsi_db_record_get_int(rec, "discovery.sendtargets.reopen_max"), 8);
	ck_assert(!fx_exists(".iscsi-db"));
}

START_TEST(an_old_portal_becomes_a_folder)
{
	old_portal(&db_os_real, "send_targets/9.9.9.9,3260/st_config");
}
END_TEST

START_TEST(or_stays_where_it_cannot)
{
	fx_os_reset();
	fx_fail_call = FX_EXCHANGE;
	fx_fail_err = -EINVAL;
	fx_fail_nth = 1;
	old_portal(&fx_os, "send_targets/9.9.9.9,3260");
}
END_TEST

/* ---- interfaces and discovery records ------------------------------------------------ */

static enum iscsi_err list_iface(void *arg, const struct iscsi_db_record *rec)
{
	strcat(arg, iscsi_db_record_get(rec, "iface.iscsi_ifacename"));
	strcat(arg, ";");
	return ISCSI_SUCCESS;
}

static const char *const left_behind[] = {
	"default.bak", "default~", ".default.swp", "#default#", "default.rpmsave",
	"default.dpkg-old", "default.orig", "Copy of default",
};

/* The copies that editors, packages and backups leave beside a record are no records. */
static enum iscsi_err stage_onboot(void *arg, const struct iscsi_db_record *rec)
{
	CLEANUP(iscsi_db_record_freep) struct iscsi_db_record *copy = NULL;

	ck_assert(!iscsi_db_record_copy(rec, &copy));
	fx_set(copy, "node.startup", "onboot");
	return iscsi_db_node_write(arg, copy, NULL);
}

static enum iscsi_err stage_deletion(void *arg, const struct iscsi_db_record *rec)
{
	return iscsi_db_node_delete(arg, rec, NULL);
}

#define OLD_PLACE	"nodes/iqn.a/1.1.1.1,3260,1/default"
#define NEW_PLACE	"nodes/iqn.a/2.2.2.2,3260,1/default"
#define MOVED		"iqn.a 2.2.2.2,3260,1 default manual\n"

/* As people move a portal: they put the new address in place of the old one in all records. */
static void make_moved(struct iscsi_db *db)
{
	struct iscsi_db_record *rec = fx_node("iqn.a", "1.1.1.1", "3260", "1", "default");
	CLEANUP(iscsi_db_record_freep) struct iscsi_db_record *changed =
		fx_node("iqn.a", "2.2.2.2", "3260", "1", "default");
	CLEANUP(freep) char *text = NULL;

	fx_found(rec, "static", "", "3260");
	fx_found(changed, "static", "", "3260");
	fx_write(db, rec);
	fx_write(db, fx_node("iqn.b", "3.3.3.3", "3260", "1", "default"));
	text = iscsi_db_record_print(changed, ISCSI_DB_FORM_FILE);
	fx_put_text(OLD_PLACE, text);
	fx_quiet();
}

START_TEST(an_address_changed_by_hand_counts)
{
	static const struct iscsi_db_filter old = { .address = "1.1.1.1", .port = -1 },
					    new = { .address = "2.2.2.2", .port = -1 };
	CLEANUP(iscsi_db_closep) struct iscsi_db *db = fx_open();
	struct iscsi_why why = { "" };

	make_moved(db);
	ck_assert_str_eq(fx_list(db, &new), MOVED);
	ck_assert_uint_eq(fx_warnings, 1);
	ck_assert_ptr_nonnull(strstr(fx_warned, OLD_PLACE " says that it is iqn.a on 2.2.2.2,3260,1,"
						" and this counts; to make its path agree, move it "
						"to "));
	ck_assert_ptr_nonnull(strstr(fx_warned, NEW_PLACE "\n"));
	ck_assert_str_eq(fx_list(db, &old), "");
	ck_assert_uint_eq(count_lines(fx_list(db, NULL)), 2);
	/* Its next change moves it. */
	ck_assert(!iscsi_db_lock(db, &why));
	ck_assert(!iscsi_db_node_each(db, &new, NULL, NULL, stage_onboot, db, &why));
	ck_assert_msg(!iscsi_db_commit(db, &why), "%s", why.text);
	iscsi_db_unlock(db);
	fx_quiet();
	ck_assert_str_eq(fx_list(db, &new), "iqn.a 2.2.2.2,3260,1 default onboot\n");
	ck_assert_uint_eq(fx_warnings, 0);
	ck_assert(!fx_exists("nodes/iqn.a/1.1.1.1,3260,1"));
	ck_assert(!fx_exists("static/iqn.a,1.1.1.1,3260,1,default"));
	ck_assert(fx_exists("static/iqn.a,2.2.2.2,3260,1,default"));
}
END_TEST

START_TEST(a_record_changed_by_hand_can_go)
{
	static const struct iscsi_db_filter new = { .address = "2.2.2.2", .port = -1 };
	CLEANUP(iscsi_db_closep) struct iscsi_db *db = fx_open();
	struct iscsi_why why = { "" };

	make_moved(db);
	ck_assert(!iscsi_db_lock(db, &why));
	ck_assert(!iscsi_db_node_each(db, &new, NULL, NULL, stage_deletion, db, &why));
	ck_assert_msg(!iscsi_db_commit(db, &why), "%s", why.text);
	iscsi_db_unlock(db);
	ck_assert(!fx_exists("nodes/iqn.a"));
	ck_assert(!fx_exists("static/iqn.a,1.1.1.1,3260,1,default"));
	ck_assert_str_eq(fx_list(db, NULL), "iqn.b 3.3.3.3,3260,1 default manual\n");
}
END_TEST

START_TEST(a_copied_folder_is_left_out)
{
	CLEANUP(iscsi_db_closep) struct iscsi_db *db = fx_open();
	CLEANUP(freep) char *text = NULL;

	fx_write(db, fx_node("iqn.a", "2.2.2.2", "3260", "1", "default"));
	text = fx_read(fx_path(NEW_PLACE));
	fx_put_text("nodes/iqn.a.bak/2.2.2.2,3260,1/default", text);
	fx_put_text("nodes/iqn.a/9.9.9.9,3260,1/default", text);
	ck_assert_str_eq(fx_list(db, NULL), MOVED);
	ck_assert_uint_eq(fx_warnings, 2);
	ck_assert_ptr_nonnull(strstr(fx_warned, "iqn.a.bak/2.2.2.2,3260,1/default is left out: it is "
						"a copy of the record "));
}
END_TEST

START_TEST(copies_beside_a_record_are_left_out)
{
	CLEANUP(iscsi_db_closep) struct iscsi_db *db = fx_open();
	CLEANUP(iscsi_db_record_freep) struct iscsi_db_record *rec = NULL;
	CLEANUP(freep) char *node = NULL, *iface = NULL;
	struct iscsi_why why = { "" };
	char list[1024] = "";

	fx_write(db, fx_node("iqn.a", "1.1.1.1", "3260", "1", "default"));
	fx_write(db, fx_iface("if0"));
	node = fx_read(fx_path("nodes/iqn.a/1.1.1.1,3260,1/default"));
	iface = fx_read(fx_path("ifaces/if0"));
	for (size_t i = 0; i < ARRAY_SIZE(left_behind); i++) {
		CLEANUP(freep) char *path = db_format("nodes/iqn.a/1.1.1.1,3260,1/%s",
						      left_behind[i]);
		CLEANUP(freep) char *beside = db_format("ifaces/%s", left_behind[i]);

		fx_put_text(path, node);
		fx_put_text(beside, iface);
	}
	/* Files without a name in them: only "default" may be one. */
	fx_put_text("nodes/iqn.b/1.1.1.1,3260,1/default",
		    "node.name = iqn.b\nnode.conn[0].address = 1.1.1.1\nnode.tpgt = 1\n");
	fx_put_text("nodes/iqn.b/1.1.1.1,3260,1/default.old",
		    "node.name = iqn.b\nnode.conn[0].address = 1.1.1.1\nnode.tpgt = 1\n");
	ck_assert_str_eq(fx_list(db, NULL), "iqn.a 1.1.1.1,3260,1 default manual\n"
					    "iqn.b 1.1.1.1,3260,1 default manual\n");
	ck_assert_uint_eq(fx_warnings, ARRAY_SIZE(left_behind) + 1);
	ck_assert_ptr_nonnull(strstr(fx_warned, "1,3260,1/default.bak is left out: it is a copy of "
						"the record of interface 'default'\n"));
	fx_quiet();
	ck_assert(!iscsi_db_iface_each(db, fx_warn, NULL, list_iface, list, &why));
	ck_assert_str_eq(list, "if0;");
	ck_assert_uint_eq(fx_warnings, ARRAY_SIZE(left_behind));
	ck_assert_int_eq(iscsi_db_iface_read(db, "default.bak", &rec, &why), ISCSI_ERR_INVAL);
}
END_TEST

START_TEST(the_root_is_where_records_are)
{
	CLEANUP(freep) char *historic = db_format("%s/etc", fx_root);
	CLEANUP(iscsi_db_closep) struct iscsi_db *db = fx_open();
	const char *unused = "";

	ck_assert_ptr_eq(store_choose_root(fx_root, historic, &unused), fx_root);
	ck_assert_ptr_null(unused);
	/* What packages and an empty database leave is no record. */
	fx_mkdir("nodes");
	fx_put_text("ifaces/iface.example", "");
	fx_mkdir("etc/nodes");
	fx_put_text("etc/ifaces/iface.example", "");
	ck_assert_ptr_eq(store_choose_root(fx_root, historic, &unused), fx_root);
	ck_assert_ptr_null(unused);
	fx_mkdir("etc/send_targets/9.9.9.9,3260");
	ck_assert_ptr_eq(store_choose_root(fx_root, historic, &unused), historic);
	ck_assert_ptr_null(unused);
	fx_put_text("ifaces/if0", "iface.iscsi_ifacename = if0\n");
	ck_assert_ptr_eq(store_choose_root(fx_root, historic, &unused), fx_root);
	ck_assert_ptr_eq(unused, historic);
	ck_assert_ptr_eq(store_choose_root(historic, historic, &unused), historic);
	ck_assert_ptr_null(unused);
	/* The first walk tells, and no other. */
	db->unused_root = historic;
	(void)fx_list(db, NULL);
	(void)fx_list(db, NULL);
	ck_assert_uint_eq(fx_warnings, 1);
	ck_assert_ptr_nonnull(strstr(fx_warned, "/etc are not used, since "));
}
END_TEST

START_TEST(each_kind_of_record_makes_a_root)
{
	static const struct {
		const char *path;
		bool counts;
	} rows[] = {
		{ "nodes/iqn.a/1.1.1.1,3260,1/default", true }, { "isns/9.9.9.9,3205/isns_config", true },
		{ "send_targets/9.9.9.9,3260", true },	{ "ifaces/if0", true },
		{ "ifaces/iface.example", false },	{ "ifaces/.if0.swp", false },
		{ "nodes/.dracut", false },		{ "static/odd", false },
		{ "iscsid.conf", false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP(freep) char *historic = db_format("%s/%zu", fx_root, i);
		CLEANUP(freep) char *path = db_format("%zu/%s", i, rows[i].path);
		const char *unused, *root;

		fx_put_text(path, "text\n");
		root = store_choose_root("/no/such/root", historic, &unused);
		ck_assert_msg(streq(root, rows[i].counts ? historic : "/no/such/root"), "%s", path);
	}
}
END_TEST

START_TEST(interfaces)
{
	CLEANUP(iscsi_db_closep) struct iscsi_db *db = fx_open();
	CLEANUP(iscsi_db_record_freep) struct iscsi_db_record *rec = NULL, *def = NULL,
							      *iser = NULL;
	struct iscsi_why why = { "" };
	char list[1024] = "";

	ck_assert(!iscsi_db_iface_read(db, "default", &def, &why));
	ck_assert(!iscsi_db_iface_read(db, "iser", &iser, &why));
	ck_assert_str_eq(iscsi_db_record_get(iser, "iface.transport_name"), "iser");
	ck_assert_int_eq(iscsi_db_iface_read(db, "if0", &rec, &why), ISCSI_ERR_NO_OBJS_FOUND);
	ck_assert(!iscsi_db_iface_each(db, fx_warn, NULL, list_iface, list, &why));
	ck_assert_str_eq(list, "");
	fx_write(db, fx_iface("two words"));
	fx_write(db, fx_iface("if0"));
	fx_put_text("ifaces/iface.example", "# documentation\n");
	fx_put_text("ifaces/default", "iface.transport_name = tcp\n");
	fx_put_text("ifaces/if9", "iface.iscsi_ifacename = other\niface.mtu = 9\n");
	fx_put_text("ifaces/empty", "");
	ck_assert(!iscsi_db_iface_each(db, fx_warn, NULL, list_iface, list, &why));
	ck_assert_str_eq(list, "if0;two words;");
	ck_assert_uint_eq(fx_warnings, 3);	/* default, empty, if9's inside */
	ck_assert_int_eq(iscsi_db_iface_read(db, "if9", &rec, &why), ISCSI_ERR_INVAL);
	ck_assert_ptr_nonnull(strstr(why.text, "ifaces/if9 is left out: it is a copy of the "
					       "record of interface 'other'"));
	ck_assert(!iscsi_db_lock(db, &why));
	ck_assert_int_eq(iscsi_db_iface_write(db, def, &why), ISCSI_ERR_INVAL);
	ck_assert_ptr_nonnull(strstr(why.text, "iface default is a special interface and is not "
					       "stored in "));
	ck_assert_int_eq(iscsi_db_iface_delete(db, "iser", &why), ISCSI_ERR_INVAL);
	ck_assert_str_eq(why.text, "iface iser is a special interface and cannot be deleted.");
	ck_assert_int_eq(iscsi_db_iface_delete(db, "none", &why), ISCSI_ERR_NO_OBJS_FOUND);
	ck_assert(!iscsi_db_iface_delete(db, "if0", &why));
	ck_assert(!iscsi_db_iface_delete(db, "empty", &why));
	ck_assert(!iscsi_db_commit(db, &why));
	iscsi_db_unlock(db);
	ck_assert(!fx_exists("ifaces/if0"));
	ck_assert(!fx_exists("ifaces/empty"));
	ck_assert(fx_exists("ifaces/two words"));
}
END_TEST

static enum iscsi_err list_portal(void *arg, const struct iscsi_db_record *rec)
{
	strcat(arg, iscsi_db_record_get(rec, "discovery.sendtargets.address"));
	strcat(arg, ",");
	strcat(arg, iscsi_db_record_get(rec, "discovery.sendtargets.port"));
	strcat(arg, ";");
	return ISCSI_SUCCESS;
}

START_TEST(discovery_records)
{
	CLEANUP(iscsi_db_closep) struct iscsi_db *db = fx_open();
	CLEANUP(iscsi_db_record_freep) struct iscsi_db_record *rec = NULL;
	struct iscsi_why why = { "" };
	char list[1024] = "";

	ck_assert_int_eq(iscsi_db_discovery_read(db, ISCSI_DB_ISNS, "h", 3205, &rec, &why),
			 ISCSI_ERR_NO_OBJS_FOUND);
	fx_write(db, fx_portal(ISCSI_DB_ISNS, "h", "3205"));
	fx_write(db, fx_portal(ISCSI_DB_ISNS, "2001:db8::1", "3206"));
	fx_write(db, fx_portal(ISCSI_DB_SENDTARGETS, "h", "3260"));
	fx_put_text("isns/5.5.5.5,3205/isns_config", "discovery.isns.discoveryd_poll_inval = 60\n");
	fx_put_text("isns/6.6.6.6,3205/isns_config", "");
	fx_mkdir("isns/7.7.7.7,3205");
	fx_mkdir("isns/stray");
	ck_assert_int_eq(symlink("/x", fx_path("isns/iqn.a,host,3260,1,default")), 0);
	ck_assert(!iscsi_db_discovery_each(db, ISCSI_DB_ISNS, fx_warn, NULL, list_portal, list,
					   &why));
	ck_assert_str_eq(list, "2001:db8::1,3206;5.5.5.5,3205;h,3205;");
	ck_assert_uint_eq(fx_warnings, 3);	/* 5.5.5.5 lacks its address; 6.6.6.6; stray */
	list[0] = '\0';
	ck_assert(!iscsi_db_discovery_each(db, ISCSI_DB_SENDTARGETS, fx_warn, NULL, list_portal,
					   list, &why));
	ck_assert_str_eq(list, "h,3260;");
	ck_assert(!iscsi_db_discovery_read(db, ISCSI_DB_ISNS, "5.5.5.5", 3205, &rec, &why));
	ck_assert_int_eq(iscsi_db_record_get_int(rec, "discovery.isns.discoveryd_poll_inval"), 60);
	ck_assert_str_eq(iscsi_db_record_get(rec, "discovery.sendtargets.address"), "5.5.5.5");
	rec = iscsi_db_record_free(rec);
	ck_assert_int_eq(iscsi_db_discovery_read(db, ISCSI_DB_ISNS, "6.6.6.6", 3205, &rec, &why),
			 ISCSI_ERR_IDBM);
	ck_assert(!iscsi_db_lock(db, &why));
	ck_assert(!iscsi_db_discovery_delete(db, ISCSI_DB_ISNS, "6.6.6.6", 3205, &why));
	ck_assert(!iscsi_db_commit(db, &why));
	iscsi_db_unlock(db);
	ck_assert(!fx_exists("isns/6.6.6.6,3205"));
}
END_TEST

/* ---- the root ------------------------------------------------------------------------ */

START_TEST(roots)
{
	CLEANUP(iscsi_db_closep) struct iscsi_db *db = NULL, *rel = NULL, *slashes = NULL;
	CLEANUP(freep) char *trailing = db_format("%s///", fx_root);
	struct iscsi_db *none = NULL;
	struct iscsi_why why;
	const char *unused;

	(void)setenv("ISCSI_DB_ROOT", fx_root, 1);
	ck_assert(!iscsi_db_open(NULL, &db, &why));
	ck_assert_str_eq(iscsi_db_root(db), fx_root);
	ck_assert_str_eq(fx_list(db, NULL), "");
	ck_assert_int_ne(access(fx_root, F_OK), 0);
	fx_write(db, fx_node("iqn.a", "1.1.1.1", "3260", "1", "default"));
	ck_assert_uint_eq(count_lines(fx_list(db, NULL)), 1);
	ck_assert_int_eq(chdir(fx_base), 0);
	ck_assert(!iscsi_db_open("root", &rel, &why));
	ck_assert_str_eq(iscsi_db_root(rel), fx_root);
	ck_assert(!iscsi_db_open(trailing, &slashes, &why));
	ck_assert_str_eq(iscsi_db_root(slashes), fx_root);
	slashes = iscsi_db_close(slashes);
	ck_assert(!iscsi_db_open("//", &slashes, &why));
	ck_assert_str_eq(iscsi_db_root(slashes), "/");
	fx_put_text("file", "");
	ck_assert_int_eq(iscsi_db_open(fx_path("file"), &none, &why), ISCSI_ERR_IDBM);
	ck_assert_ptr_null(none);
	db = iscsi_db_close(db);
	for (int i = 0; i < 2; i++) {
		(void)(i ? unsetenv("ISCSI_DB_ROOT") : setenv("ISCSI_DB_ROOT", "", 1));
		ck_assert(!iscsi_db_open(NULL, &db, &why));
		ck_assert_str_eq(iscsi_db_root(db), store_choose_root(ISCSI_DB_ROOT, "/etc/iscsi",
								      &unused));
		db = iscsi_db_close(db);
	}
	ck_assert_ptr_null(iscsi_db_close(NULL));
}
END_TEST

START_TEST(a_record_that_is_being_rewritten)
{
	CLEANUP(iscsi_db_closep) struct iscsi_db *db = fx_open_os(&fx_os);

	fx_put_text("nodes/iqn.a/1.1.1.1,3260,1/default", "");
	fx_slept_ms = 0;
	ck_assert_str_eq(fx_list(db, NULL), "");
	ck_assert_int_gt((int)fx_slept_ms, 0);	/* it looked again before it gave up */
	ck_assert_int_le((int)fx_slept_ms, 100);
	ck_assert_str_eq(fx_list(db, NULL), "");
	ck_assert_int_le((int)fx_slept_ms, 100);	/* and doesn't do so for ever */
}
END_TEST

int main(void)
{
	Suite *s = suite_create("store");
	TCase *t = tcase_create("store");
	SRunner *runner = srunner_create(s);
	int failed;

	suite_add_tcase(s, t);
	tcase_add_checked_fixture(t, fx_setup, fx_teardown);
	tcase_add_test(t, sendtargets_make_this_tree);
	tcase_add_test(t, static_nodes_make_this_tree);
	tcase_add_test(t, firmware_nodes_make_this_tree);
	tcase_add_test(t, isns_nodes_make_these_trees);
	tcase_add_test(t, a_flat_isns_link_stays_flat);
	tcase_add_test(t, a_link_follows_its_node);
	tcase_add_test(t, a_name_too_long_for_a_link);
	tcase_add_test(t, deleting_leaves_nothing);
	tcase_add_test(t, a_portal_takes_its_nodes_with_it);
	tcase_add_test(t, filters_select);
	tcase_add_test(t, a_filter_reads_no_more);
	tcase_add_test(t, a_walk_can_be_stopped);
	tcase_add_loop_test(t, odd_things_hurt_nobody_else, 0, (int)ARRAY_SIZE(oddities));
	tcase_add_test(t, nul_bytes_pipes_and_giants);
	tcase_add_test(t, an_observer_hears_what_happens);
	tcase_add_test(t, what_is_broken_can_be_replaced_or_deleted);
	tcase_add_test(t, types_that_slp_shifted);
	tcase_add_test(t, links_dont_lead_out);
	tcase_add_test(t, a_record_may_be_a_link_within_the_database);
	tcase_add_test(t, bad_names_touch_nothing);
	tcase_add_test(t, without_openat2);
	tcase_add_test(t, files_are_read_whole);
	tcase_add_test(t, errors_of_one_path_and_of_the_process);
	tcase_add_test(t, a_single_file_becomes_a_folder);
	tcase_add_test(t, an_old_portal_becomes_a_folder);
	tcase_add_test(t, or_stays_where_it_cannot);
	tcase_add_test(t, copies_beside_a_record_are_left_out);
	tcase_add_test(t, an_address_changed_by_hand_counts);
	tcase_add_test(t, a_record_changed_by_hand_can_go);
	tcase_add_test(t, a_copied_folder_is_left_out);
	tcase_add_test(t, the_root_is_where_records_are);
	tcase_add_test(t, each_kind_of_record_makes_a_root);
	tcase_add_test(t, interfaces);
	tcase_add_test(t, discovery_records);
	tcase_add_test(t, roots);
	tcase_add_test(t, a_record_that_is_being_rewritten);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
