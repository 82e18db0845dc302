/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a discovery does to the node records, for each operation and kind of record. */
#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <check.h>

#include "iscsiadm/found.h"
#include "libiscsi-db/util.h"
#include "test/fake/sysfs.h"

static struct fake_sysfs *fs;
static struct adm adm;
static char root[64];
static struct iscsi_db_record *ifaces[2];
static struct found_list found;
static struct adm_records records;
static const struct found_extra *extra;	/* of what is reported */

static const struct found_source source = { "send_targets", "10.0.0.1", 3260 };

static void configure(const char *text)
{
	char conf[96];
	FILE *f;

	(void)snprintf(conf, sizeof(conf), "%s/iscsid.conf", root);
	f = fopen(conf, "w");
	ck_assert_ptr_nonnull(f);
	fputs(text, f);
	fclose(f);
	iscsi_db_config_free(adm.config);
	ck_assert(!iscsi_db_config_read(conf, NULL, NULL, &adm.config, NULL));
}

static void setup(void)
{
	fs = fake_sysfs_new();
	(void)snprintf(root, sizeof(root), "/tmp/test-found.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(root));
	configure("node.startup = automatic\n");
	ck_assert(!sysfs_new(fake_sysfs_root(fs), &adm.sysfs));
	ck_assert(!iscsi_db_open(root, &adm.db, NULL));
	ck_assert(!iscsi_db_iface_read(adm.db, "default", &ifaces[0], NULL));
	ck_assert(!iscsi_db_record_new(ISCSI_DB_IFACE, &ifaces[1]));
	ck_assert(!iscsi_db_record_set(ifaces[1], "iface.iscsi_ifacename", "if1", NULL));
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static void teardown(void)
{
	found_done(&found);
	adm_records_done(&records);
	iscsi_db_record_free(ifaces[0]);
	iscsi_db_record_free(ifaces[1]);
	adm_done(&adm);
	fake_sysfs_free(fs);
	(void)nftw(root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static enum iscsi_err report(const char *target, const char *address, int tpgt, size_t iface)
{
	const struct mgmt_reply reply = {
		.type = MGMT_TARGET, .name = target, .address = address, .port = 3260,
		.tpgt = tpgt,
	};

	return found_add(&found, &reply, iface, extra, NULL);
}

/* A record as somebody changed it: its startup is onboot. */
static void store(const char *target, const char *address, int tpgt, const char *type,
		  const char *from, size_t iface)
{
	const struct adm_identity id = { target, address, 3260, tpgt, type, from, 3260 };
	struct iscsi_db_record *rec;
	struct iscsi_why why = { "" };

	ck_assert(!iscsi_db_lock(adm.db, &why));
	ck_assert(!adm_new_node(&adm, ifaces[iface], &rec));
	ck_assert(!adm_identify(rec, &id, &why));
	ck_assert(!iscsi_db_record_set(rec, "node.startup", "onboot", &why));
	ck_assert_msg(!iscsi_db_node_write(adm.db, rec, &why), "%s", why.text);
	ck_assert_msg(!iscsi_db_commit(adm.db, &why), "%s", why.text);
	iscsi_db_unlock(adm.db);
	iscsi_db_record_free(rec);
}

static enum iscsi_err run_from(const struct found_source *from, unsigned int ops,
			       size_t iface_count)
{
	struct iscsi_why why = { "" };
	enum iscsi_err err;

	ck_assert(!iscsi_db_lock(adm.db, &why));
	err = found_store(&adm, from, ops, &found, ifaces, iface_count, &records);
	ck_assert_msg(!iscsi_db_commit(adm.db, &why), "%s", why.text);
	iscsi_db_unlock(adm.db);
	return err;
}

static enum iscsi_err run(unsigned int ops, size_t iface_count)
{
	return run_from(&source, ops, iface_count);
}

static enum iscsi_err append(void *arg, const struct iscsi_db_record *rec)
{
	char *text = arg;

	sprintf(text + strlen(text), "%s/%s,%s/%s=%s ", iscsi_db_record_get(rec, "node.name"),
		iscsi_db_record_get(rec, "node.conn[0].address"),
		iscsi_db_record_get(rec, "node.tpgt"),
		iscsi_db_record_get(rec, "iface.iscsi_ifacename"),
		iscsi_db_record_get(rec, "node.startup"));
	return ISCSI_SUCCESS;
}

/* All records, "TARGET/ADDRESS,TPGT/IFACE=STARTUP " each. */
static const char *stored(void)
{
	static char text[8192];

	text[0] = '\0';
	ck_assert(!iscsi_db_node_each(adm.db, NULL, NULL, NULL, append, text, NULL));
	return text;
}

/*
 * There are: one that is reported again, one of the same source that isn't, one from elsewhere
 * and one by hand. Reported besides: one that is new.
 */
#define NEW	"iqn.a:new/10.0.0.1,1/default=automatic "
#define KEPT	"iqn.a:old/10.0.0.1,1/default=onboot "
#define FRESH	"iqn.a:old/10.0.0.1,1/default=automatic "
#define OTHERS	"iqn.a:other/10.0.0.1,1/default=onboot iqn.a:static/10.0.0.1,1/default=onboot "
#define STALE	"iqn.a:zstale/10.0.0.1,1/default=onboot "

static const struct {
	unsigned int ops;
	const char *after;
} operations[] = {
	{ 0, KEPT OTHERS STALE },
	{ OP_NEW, NEW KEPT OTHERS STALE },
	{ OP_UPDATE, NEW FRESH OTHERS STALE },
	{ OP_DELETE, KEPT OTHERS },
	{ OP_NEW | OP_DELETE, NEW KEPT OTHERS },
	{ OP_NEW | OP_UPDATE | OP_DELETE, NEW FRESH OTHERS },
	{ OP_SHOW, KEPT OTHERS STALE },
};

START_TEST(operations_do_what_they_say)
{
	store("iqn.a:old", "10.0.0.1", 1, "send_targets", "10.0.0.1", 0);
	store("iqn.a:zstale", "10.0.0.1", 1, "send_targets", "10.0.0.1", 0);
	store("iqn.a:other", "10.0.0.1", 1, "send_targets", "10.0.0.9", 0);
	store("iqn.a:static", "10.0.0.1", 1, "static", "", 0);
	ck_assert(!report("iqn.a:old", "10.0.0.1", 1, 0));
	ck_assert(!report("iqn.a:new", "10.0.0.1", 1, 0));
	ck_assert(!report("iqn.a:new", "10.0.0.1", 1, 0));
	ck_assert(!run(operations[_i].ops, 1));
	ck_assert_str_eq(stored(), operations[_i].after);
	/* What a login would use: one each, in the order of the report. */
	ck_assert_uint_eq(records.len, 2);
	ck_assert_str_eq(iscsi_db_record_get(records.list[0], "node.name"), "iqn.a:old");
	ck_assert_str_eq(iscsi_db_record_get(records.list[0], "node.startup"),
			 operations[_i].ops & OP_UPDATE ? "automatic" : "onboot");
	ck_assert_str_eq(iscsi_db_record_get(records.list[1], "node.name"), "iqn.a:new");
}
END_TEST

START_TEST(used_records_are_kept)
{
	store("iqn.a:zstale", "10.0.0.1", 1, "send_targets", "10.0.0.1", 0);
	store("iqn.a:used", "10.0.0.1", 1, "send_targets", "10.0.0.1", 0);
	fake_sysfs_add_session(fs, 1, 0, "iqn.a:used", "10.0.0.1", 3260);
	ck_assert(!report("iqn.a:new", "10.0.0.1", 1, 0));
	ck_assert(!run(OP_NEW | OP_UPDATE | OP_DELETE, 1));
	ck_assert_str_eq(stored(), NEW "iqn.a:used/10.0.0.1,1/default=onboot ");
}
END_TEST

START_TEST(each_interface_gets_a_record)
{
	ck_assert(!report("iqn.a:b", "10.0.0.1", 1, 0));
	ck_assert(!report("iqn.a:b", "10.0.0.1", 1, 1));
	ck_assert(!run(OP_NEW | OP_UPDATE | OP_DELETE, 2));
	ck_assert_str_eq(stored(), "iqn.a:b/10.0.0.1,1/default=automatic "
				   "iqn.a:b/10.0.0.1,1/if1=automatic ");
	/* Found again through one alone: the other's record is stale. */
	found_done(&found);
	ck_assert(!report("iqn.a:b", "10.0.0.1", 1, 0));
	ck_assert(!run(OP_DELETE, 1));
	ck_assert_str_eq(stored(), "iqn.a:b/10.0.0.1,1/default=automatic ");
}
END_TEST

/* What becomes of a portal's only record, in whose place another portal group is reported. */
static const struct {
	unsigned int ops;
	const char *after, *startup;	/* @startup: of the record with which a login would be made */
} groups[] = {
	{ 0, "iqn.a:old/10.0.0.1,7/default=onboot ", "onboot" },
	{ OP_NEW, "iqn.a:old/10.0.0.1,7/default=onboot ", "onboot" },
	{ OP_DELETE, "iqn.a:old/10.0.0.1,7/default=onboot ", "onboot" },
	{ OP_UPDATE, FRESH, "automatic" },
	{ OP_NEW | OP_UPDATE | OP_DELETE, FRESH, "automatic" },
};

START_TEST(only_an_update_changes_the_portal_group)
{
	store("iqn.a:old", "10.0.0.1", 7, "send_targets", "10.0.0.1", 0);
	ck_assert(!report("iqn.a:old", "10.0.0.1", 1, 0));
	ck_assert(!run(groups[_i].ops, 1));
	ck_assert_str_eq(stored(), groups[_i].after);
	ck_assert_uint_eq(records.len, 1);
	ck_assert_str_eq(iscsi_db_record_get(records.list[0], "node.startup"), groups[_i].startup);
}
END_TEST

START_TEST(portal_group_may_change)
{
	store("iqn.a:old", "10.0.0.1", 7, "send_targets", "10.0.0.1", 0);
	ck_assert(!report("iqn.a:old", "10.0.0.1", 1, 0));
	ck_assert(!run(OP_NEW, 1));
	ck_assert_str_eq(stored(), "iqn.a:old/10.0.0.1,7/default=onboot ");
	/* Of two portal groups the one that isn't reported goes with an update alone. */
	store("iqn.a:old", "10.0.0.1", 1, "send_targets", "10.0.0.1", 0);
	ck_assert(!run(OP_NEW | OP_DELETE, 1));
	ck_assert_str_eq(stored(), KEPT "iqn.a:old/10.0.0.1,7/default=onboot ");
	ck_assert(!run(OP_NEW | OP_UPDATE | OP_DELETE, 1));
	ck_assert_str_eq(stored(), FRESH);
}
END_TEST

START_TEST(settings_are_kept_if_asked_for)
{
	configure("node.startup = automatic\ndiscovery.merge = keep\n");
	store("iqn.a:old", "10.0.0.1", 7, "send_targets", "10.0.0.9", 0);
	store("iqn.a:zstale", "10.0.0.1", 1, "send_targets", "10.0.0.1", 0);
	ck_assert(!report("iqn.a:old", "10.0.0.1", 1, 0));
	ck_assert(!report("iqn.a:new", "10.0.0.1", 1, 0));
	ck_assert(!run(OP_NEW | OP_UPDATE | OP_DELETE, 1));
	ck_assert_str_eq(stored(), NEW KEPT);
	ck_assert_str_eq(iscsi_db_record_get(records.list[0], "node.discovery_address"), "10.0.0.1");
	/* Of two records the reported portal group's counts. */
	store("iqn.a:new", "10.0.0.1", 0, "static", "", 0);
	adm_records_done(&records);
	ck_assert(!run(OP_NEW | OP_UPDATE | OP_DELETE, 1));
	ck_assert_str_eq(stored(), NEW KEPT);
	/* -o update means what it says. */
	adm.opt.ops = OP_UPDATE;
	ck_assert(!run(OP_UPDATE, 1));
	adm.opt.ops = 0;
	ck_assert_str_eq(stored(), NEW FRESH);
}
END_TEST

START_TEST(hostile_names_are_refused)
{
	ck_assert_int_eq(report("../../etc/x", "10.0.0.1", 1, 0), ISCSI_ERR_INVAL);
	ck_assert_int_eq(report("iqn.a:b/c", "10.0.0.1", 1, 0), ISCSI_ERR_INVAL);
	ck_assert_int_eq(report("iqn.a:b\n", "10.0.0.1", 1, 0), ISCSI_ERR_INVAL);
	ck_assert_int_eq(report("", "10.0.0.1", 1, 0), ISCSI_ERR_INVAL);
	ck_assert_int_eq(report("iqn.a:b", "../x", 1, 0), ISCSI_ERR_INVAL);
	ck_assert_int_eq(report("iqn.a:b", "", 1, 0), ISCSI_ERR_INVAL);
	ck_assert_uint_eq(found.len, 0);
	ck_assert(!report("eui.0123456789ABCDEF", "fe80::1%eth0", -1, 0));
	ck_assert_uint_eq(found.len, 1);
}
END_TEST

static enum iscsi_err report_port(const char *target, const char *address, int port, size_t iface,
				  struct iscsi_why *why)
{
	const struct mgmt_reply reply = {
		.type = MGMT_TARGET, .name = target, .address = address, .port = port, .tpgt = 1,
	};

	return found_add(&found, &reply, iface, NULL, why);
}

START_TEST(ports_have_a_range)
{
	struct iscsi_why why;

	ck_assert_int_eq(report_port("iqn.a:b", "10.0.0.1", 0, 0, &why), ISCSI_ERR_INVAL);
	ck_assert_str_eq(why.text, "port 0 is out of range");
	ck_assert_int_eq(report_port("iqn.a:b", "10.0.0.1", 65536, 0, &why), ISCSI_ERR_INVAL);
	ck_assert_str_eq(why.text, "port 65536 is out of range");
	ck_assert(!report_port("iqn.a:b", "10.0.0.1", 1, 0, &why));
	ck_assert(!report_port("iqn.a:b", "10.0.0.1", 65535, 0, &why));
}
END_TEST

/* "TARGET ADDRESS PORT INTERFACE|" of each. */
static const char *found_text(void)
{
	static char text[1024];

	text[0] = '\0';
	for (size_t i = 0; i < found.len; i++)
		sprintf(text + strlen(text), "%s %s %d %zu|", found.list[i].target,
			found.list[i].address, found.list[i].port, found.list[i].iface);
	return text;
}

START_TEST(what_is_found_keeps_its_order)
{
	static const struct {
		const char *target, *address;
		int port;
		size_t iface;
	} rows[] = {
		{ "iqn.c", "10.0.0.2", 3261, 1 }, { "iqn.c", "10.0.0.2", 3260, 1 },
		{ "iqn.b", "10.0.0.1", 3260, 0 }, { "iqn.c", "10.0.0.1", 3262, 0 },
		{ "iqn.a", "10.0.0.1", 3260, 1 }, { "iqn.c", "10.0.0.1", 3260, 0 },
		{ "iqn.c", "10.0.0.1", 3262, 0 }, { "iqn.c", "10.0.0.1", 3260, 1 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		ck_assert(!report_port(rows[i].target, rows[i].address, rows[i].port,
				       rows[i].iface, NULL));
	found_sort(&found);
	ck_assert_str_eq(found_text(), "iqn.b 10.0.0.1 3260 0|iqn.c 10.0.0.1 3262 0|"
			 "iqn.c 10.0.0.1 3260 0|iqn.c 10.0.0.1 3262 0|iqn.c 10.0.0.2 3261 1|"
			 "iqn.c 10.0.0.2 3260 1|iqn.a 10.0.0.1 3260 1|iqn.c 10.0.0.1 3260 1|");
	ck_assert(!run(OP_NEW, 2));
	ck_assert_str_eq(stored(), "iqn.a/10.0.0.1,1/if1=automatic iqn.b/10.0.0.1,1/default=automatic "
			 "iqn.c/10.0.0.1,1/default=automatic iqn.c/10.0.0.1,1/if1=automatic "
			 "iqn.c/10.0.0.1,1/default=automatic iqn.c/10.0.0.2,1/if1=automatic "
			 "iqn.c/10.0.0.2,1/if1=automatic ");
	ck_assert_uint_eq(records.len, 7);	/* one was reported twice */
	adm_records_done(&records);
	/* All are known now, so nothing is written anew. */
	ck_assert(!run(OP_NEW | OP_DELETE, 2));
	ck_assert_uint_eq(records.len, 7);
	found_drop(&found, 0);
	ck_assert_str_eq(found_text(), "iqn.c 10.0.0.2 3261 1|iqn.c 10.0.0.2 3260 1|"
			 "iqn.a 10.0.0.1 3260 1|iqn.c 10.0.0.1 3260 1|");
	ck_assert(!run(OP_DELETE, 2));
	ck_assert_str_eq(stored(), "iqn.a/10.0.0.1,1/if1=automatic iqn.c/10.0.0.1,1/if1=automatic "
			 "iqn.c/10.0.0.2,1/if1=automatic iqn.c/10.0.0.2,1/if1=automatic ");
	found_drop(&found, 1);
	ck_assert_uint_eq(found.len, 0);
}
END_TEST

/* The firmware's targets have settings of their own, and a portal group that is a guess. */
static const struct option_pair own[] = {
	{ "node.session.auth.username", "joe" }, { "node.startup", "onboot" },
	{ "iface.initiatorname", "iqn.a:me" },
};
static const struct found_extra assumed = { own, ARRAY_SIZE(own), true };
static const struct found_source firmware = { "fw", "", 0 };

START_TEST(settings_are_the_targets_own)
{
	ck_assert(!iscsi_db_record_set(ifaces[0], "iface.initiatorname", "iqn.a:iface", NULL));
	ck_assert(!report("iqn.a:plain", "10.0.0.1", 1, 0));
	extra = &assumed;
	ck_assert(!report("iqn.a:new", "10.0.0.1", 1, 0));
	ck_assert(!run_from(&firmware, OP_NEW | OP_UPDATE | OP_DELETE, 1));
	ck_assert_str_eq(stored(), "iqn.a:new/10.0.0.1,1/default=onboot "
				   "iqn.a:plain/10.0.0.1,1/default=automatic ");
	ck_assert_str_eq(iscsi_db_record_get(records.list[0], "node.session.auth.username"), "");
	ck_assert_str_eq(iscsi_db_record_get(records.list[0], "iface.initiatorname"),
			 "iqn.a:iface");
	ck_assert_str_eq(iscsi_db_record_get(records.list[1], "node.session.auth.username"),
			 "joe");
	ck_assert_str_eq(iscsi_db_record_get(records.list[1], "iface.initiatorname"), "iqn.a:me");
	ck_assert_str_eq(iscsi_db_record_get(records.list[1], "node.discovery_type"), "fw");
}
END_TEST

START_TEST(firmware_replaces_only_its_own)
{
	store("iqn.a:zgone", "10.0.0.1", 1, "send_targets", "10.0.0.1", 0);
	store("iqn.a:ygone", "10.0.0.1", 1, "fw", "", 0);
	extra = &assumed;
	ck_assert(!report("iqn.a:new", "10.0.0.1", 1, 0));
	ck_assert(!run_from(&firmware, OP_NEW | OP_UPDATE | OP_DELETE, 1));
	/* store() gives its records a port of discovery: that isn't how a fw record looks. */
	ck_assert_ptr_nonnull(strstr(stored(), "iqn.a:ygone"));
	ck_assert_ptr_nonnull(strstr(stored(), "iqn.a:zgone"));
	found_done(&found);
	ck_assert(!report("iqn.a:other", "10.0.0.1", 1, 0));
	ck_assert(!run_from(&firmware, OP_NEW | OP_UPDATE | OP_DELETE, 1));
	ck_assert_ptr_null(strstr(stored(), "iqn.a:new"));
	ck_assert_ptr_nonnull(strstr(stored(), "iqn.a:zgone"));
}
END_TEST

START_TEST(assumed_portal_group_gives_way)
{
	store("iqn.a:old", "10.0.0.1", 7, "send_targets", "10.0.0.1", 0);
	store("iqn.a:single", "10.0.0.1", -1, "static", "", 0);
	extra = &assumed;
	ck_assert(!report("iqn.a:old", "10.0.0.1", 1, 0));
	ck_assert(!report("iqn.a:single", "10.0.0.1", 1, 0));
	ck_assert(!run_from(&firmware, OP_NEW | OP_UPDATE | OP_DELETE, 1));
	ck_assert_str_eq(stored(), "iqn.a:old/10.0.0.1,7/default=onboot "
				   "iqn.a:single/10.0.0.1,1/default=onboot ");
	ck_assert_str_eq(iscsi_db_record_get(records.list[0], "node.discovery_type"), "fw");
	/* Where there are two, the other is left alone. */
	store("iqn.a:old", "10.0.0.1", 8, "static", "", 0);
	ck_assert(!run_from(&firmware, OP_NEW | OP_UPDATE | OP_DELETE, 1));
	ck_assert_str_eq(stored(), "iqn.a:old/10.0.0.1,7/default=onboot "
				   "iqn.a:old/10.0.0.1,8/default=onboot "
				   "iqn.a:single/10.0.0.1,1/default=onboot ");
}
END_TEST

START_TEST(bad_settings_are_refused)
{
	static const struct option_pair bad[] = {
		{ "node.session.auth.password", "two\nlines" },
	};
	static const struct found_extra with_bad = { bad, 1, true };

	extra = &with_bad;
	ck_assert_int_eq(report("iqn.a:b", "10.0.0.1", 1, 0), ISCSI_ERR_INVAL);
	ck_assert_uint_eq(found.len, 0);
}
END_TEST

START_TEST(many_targets_are_stored)
{
	char target[64], address[32];
	size_t i;

	for (i = 0; i < 300; i++) {
		(void)snprintf(target, sizeof(target), "iqn.a:disk%zu", (i * 7) % 100);
		(void)snprintf(address, sizeof(address), "10.0.0.%zu", i % 3 + 1);
		ck_assert(!report(target, address, 1, 0));
	}
	ck_assert(!run(OP_NEW | OP_UPDATE | OP_DELETE, 1));
	ck_assert_uint_eq(records.len, 300);
	adm_records_done(&records);
	ck_assert(!run(OP_NEW | OP_UPDATE | OP_DELETE, 1));
	ck_assert_uint_eq(records.len, 300);
	for (i = 0; i < 300; i++)
		ck_assert_str_eq(iscsi_db_record_get(records.list[i], "node.name"),
				 found.list[i].target);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("found");
	TCase *t = tcase_create("found");
	SRunner *runner = srunner_create(s);
	int failed;

	suite_add_tcase(s, t);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, operations_do_what_they_say, 0, (int)ARRAY_SIZE(operations));
	tcase_add_test(t, used_records_are_kept);
	tcase_add_test(t, each_interface_gets_a_record);
	tcase_add_loop_test(t, only_an_update_changes_the_portal_group, 0, (int)ARRAY_SIZE(groups));
	tcase_add_test(t, portal_group_may_change);
	tcase_add_test(t, settings_are_kept_if_asked_for);
	tcase_add_test(t, hostile_names_are_refused);
	tcase_add_test(t, ports_have_a_range);
	tcase_add_test(t, what_is_found_keeps_its_order);
	tcase_add_test(t, settings_are_the_targets_own);
	tcase_add_test(t, firmware_replaces_only_its_own);
	tcase_add_test(t, assumed_portal_group_gives_way);
	tcase_add_test(t, bad_settings_are_refused);
	tcase_add_test(t, many_targets_are_stored);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
