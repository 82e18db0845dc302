/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A record in memory: get, set, update and its refusals, copy, binding to an interface. */
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "libiscsi-db/record.h"
#include "test/unit/alloc.h"

static struct iscsi_db_record *new_record(enum iscsi_db_kind kind)
{
	struct iscsi_db_record *rec = NULL;

	ck_assert_int_eq(iscsi_db_record_new(kind, &rec), ISCSI_SUCCESS);
	ck_assert_int_eq(iscsi_db_record_kind(rec), kind);
	return rec;
}

static void set(struct iscsi_db_record *rec, const char *key, const char *value)
{
	struct iscsi_why why = { "" };

	ck_assert_msg(!iscsi_db_record_set(rec, key, value, &why), "%s", why.text);
}

START_TEST(defaults_are_there)
{
	CLEANUP(iscsi_db_record_freep) struct iscsi_db_record *node = new_record(ISCSI_DB_NODE);
	CLEANUP(iscsi_db_record_freep) struct iscsi_db_record *isns = new_record(ISCSI_DB_ISNS);
	CLEANUP(iscsi_db_record_freep) struct iscsi_db_record *st =
		new_record(ISCSI_DB_SENDTARGETS);
	struct iscsi_db_record *none = NULL;

	ck_assert_str_eq(iscsi_db_record_get(node, "node.name"), "");
	ck_assert_int_eq(iscsi_db_record_get_int(node, "node.tpgt"), -1);
	ck_assert_int_eq(iscsi_db_record_get_int(node, "node.session.xmit_thread_priority"), 0);
	ck_assert_int_eq(iscsi_db_record_get_int(node, "node.session.iscsi.FastAbort"), 1);
	ck_assert_int_eq(iscsi_db_record_get_int(node, "node.session.iscsi.InitialR2T"), 0);
	ck_assert_int_eq(iscsi_db_record_get_int(node, "node.startup"), 0);
	set(node, "node.conn[0].timeo.noop_out_timeout", "0");
	ck_assert_int_eq(iscsi_db_record_get_int(node, "node.conn[0].timeo.noop_out_timeout"), 0);
	ck_assert_int_eq(iscsi_db_record_default_int(node, "node.conn[0].timeo.noop_out_timeout"),
			 5);
	ck_assert_int_eq(iscsi_db_record_default_int(node, "no.such"), 0);
	ck_assert_int_eq(iscsi_db_record_get_int(node, "no.such"), 0);
	ck_assert_ptr_null(iscsi_db_record_get(node, "no.such"));
	ck_assert_ptr_null(iscsi_db_record_get(node, "discovery.startup"));
	ck_assert_str_eq(iscsi_db_record_get(node, "iface.iscsi_ifacename"), "default");
	ck_assert_str_eq(iscsi_db_record_get(node, "node.transport_name"), "tcp");
	ck_assert_int_eq(iscsi_db_record_get_int(isns, "discovery.sendtargets.port"), 3205);
	ck_assert_int_eq(iscsi_db_record_get_int(isns, "discovery.isns.discoveryd_poll_inval"), -1);
	ck_assert_str_eq(iscsi_db_record_get(isns, "discovery.type"), "isns");
	ck_assert_int_eq(iscsi_db_record_get_int(st, "discovery.sendtargets.port"), 3260);
	ck_assert_int_eq(iscsi_db_record_new((enum iscsi_db_kind)9, &none), ISCSI_ERR_INVAL);
	ck_assert_ptr_null(iscsi_db_record_free(NULL));
}
END_TEST

START_TEST(programs_set_exactly)
{
	CLEANUP(iscsi_db_record_freep) struct iscsi_db_record *rec = new_record(ISCSI_DB_NODE);
	struct iscsi_why why;

	set(rec, "node.name", "iqn.a");
	set(rec, "node.tpgt", "3");
	set(rec, "node.session.iscsi.FastAbort", "No");
	set(rec, "iface.flow_label", "4294967295");
	ck_assert_str_eq(iscsi_db_record_get(rec, "node.name"), "iqn.a");
	ck_assert_int_eq(iscsi_db_record_get_int(rec, "node.tpgt"), 3);
	ck_assert_int_eq(iscsi_db_record_get_int(rec, "node.session.iscsi.FastAbort"), 0);
	ck_assert_int_eq(iscsi_db_record_get_int(rec, "iface.flow_label"), INT32_MAX);
	ck_assert_int_eq(iscsi_db_record_set(rec, "node.tpgt", "3x", &why), ISCSI_ERR_INVAL);
	ck_assert_int_eq(iscsi_db_record_set(rec, "node.startup", "on", &why), ISCSI_ERR_INVAL);
	ck_assert_int_eq(iscsi_db_record_set(rec, "node.name", "a\nb", &why), ISCSI_ERR_INVAL);
	ck_assert_int_eq(iscsi_db_record_set(rec, "nope", "1", &why), ISCSI_ERR_INVAL);
	ck_assert_str_eq(why.text, "no setting is called 'nope'");
	ck_assert_int_eq(iscsi_db_record_set(rec, "nope", "1", NULL), ISCSI_ERR_INVAL);
	ck_assert_int_eq(iscsi_db_record_get_int(rec, "node.tpgt"), 3);
	ck_assert_str_eq(iscsi_db_record_get(rec, "node.name"), "iqn.a");
	/* No file can hold an empty value: where there is a default, it is that. */
	set(rec, "iface.transport_name", "iser");
	set(rec, "iface.transport_name", "");
	ck_assert_str_eq(iscsi_db_record_get(rec, "iface.transport_name"), "tcp");
	set(rec, "iface.ipaddress", "10.0.0.1");
	set(rec, "iface.ipaddress", "");
	ck_assert_str_eq(iscsi_db_record_get(rec, "iface.ipaddress"), "");
}
END_TEST

START_TEST(numbers_are_set_whole)
{
	static const int values[] = { INT32_MIN, -1, 0, 65535, INT32_MAX };
	CLEANUP(iscsi_db_record_freep) struct iscsi_db_record *rec = new_record(ISCSI_DB_NODE);

	for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
		ck_assert(!record_set_int(rec, "node.tpgt", values[i], NULL));
		ck_assert_int_eq(iscsi_db_record_get_int(rec, "node.tpgt"), values[i]);
	}
}
END_TEST

START_TEST(a_secret_has_its_length)
{
	CLEANUP(iscsi_db_record_freep) struct iscsi_db_record *rec = new_record(ISCSI_DB_NODE);

	set(rec, "node.session.auth.password", "secret");
	ck_assert_int_eq(iscsi_db_record_get_int(rec, "node.session.auth.password_length"), 6);
	set(rec, "node.session.auth.password_length", "99");
	ck_assert_int_eq(iscsi_db_record_get_int(rec, "node.session.auth.password_length"), 6);
	set(rec, "node.session.auth.password", "");
	ck_assert_int_eq(iscsi_db_record_get_int(rec, "node.session.auth.password_length"), 0);
	set(rec, "node.session.auth.password_in", "other");
	ck_assert_int_eq(iscsi_db_record_get_int(rec, "node.session.auth.password_in_length"), 5);
}
END_TEST

static char warned[1024];

static void warn(void *arg, const char *text)
{
	(void)arg;
	(void)snprintf(warned, sizeof(warned), "%s", text);
}

static const struct {
	enum iscsi_db_kind kind;
	const char *key, *value, *why, *warned;	/* why NULL: taken */
} updates[] = {
	{ ISCSI_DB_NODE, "node.startup", "automatic", NULL, "" },
	{ ISCSI_DB_NODE, "node.startup", "Automatic",
	  "unknown value format 'Automatic' for parameter name 'node.startup'; allowed: manual | "
	  "automatic | onboot", "" },
	{ ISCSI_DB_NODE, "node.startup", "",
	  "unknown value format '' for parameter name 'node.startup'; allowed: manual | automatic "
	  "| onboot", "" },
	{ ISCSI_DB_NODE, "node.name", "x",
	  "Cannot modify node.name. It is used to look up the record and cannot be changed.", "" },
	{ ISCSI_DB_NODE, "node.tpgt", "1",
	  "Cannot modify node.tpgt. It is used to look up the record and cannot be changed.", "" },
	{ ISCSI_DB_NODE, "node.discovery_address", "x",
	  "Cannot modify node.discovery_address. It is used to look up the record and cannot be "
	  "changed.", "" },
	{ ISCSI_DB_NODE, "node.discovery_type", "x",
	  "Cannot modify node.discovery_type. It is used to look up the record and cannot be "
	  "changed.", "" },
	{ ISCSI_DB_NODE, "node.conn[0].port", "1",
	  "Cannot modify node.conn[0].port. It is used to look up the record and cannot be "
	  "changed.", "" },
	{ ISCSI_DB_NODE, "node.startp", "manual",
	  "Cannot modify node.startp. Invalid param name.", "did you mean 'node.startup'?" },
	{ ISCSI_DB_NODE, "discovery.startup", "manual",
	  "Cannot modify discovery.startup. Invalid param name.", "" },
	{ ISCSI_DB_NODE, "node.conn[1].port", "1",
	  "Cannot modify node.conn[1].port. Invalid param name.",
	  "did you mean 'node.conn[0].port'?" },
	{ ISCSI_DB_NODE, "iface.mtu", "1500",
	  "Cannot modify iface.mtu. Use iface mode to update this value.", "" },
	{ ISCSI_DB_NODE, "iface.iscsi_ifacename", "x",
	  "Cannot modify iface.iscsi_ifacename. Use iface mode to update this value.", "" },
	{ ISCSI_DB_NODE, "iface.transport_name", "iser", NULL, "" },
	{ ISCSI_DB_NODE, "node.transport_name", "iser", NULL, "" },
	{ ISCSI_DB_NODE, "node.session.conn_reopen_log_freq", "5", NULL, "" },
	{ ISCSI_DB_NODE, "node.session.auth.password_length", "5", NULL, "" },
	{ ISCSI_DB_NODE, "node.session.auth.username", "joe\nnode.startup = onboot",
	  "the value of node.session.auth.username has a control character in it", "" },
	{ ISCSI_DB_NODE, "node.session.auth.chap_algs", "MD5,MD4", NULL,
	  "Ignoring unknown value 'MD4' for 'node.session.auth.chap_algs'" },
	{ ISCSI_DB_NODE, "node.session.auth.chap_algs", "MD5,MD5", NULL,
	  "Ignoring repeated value 'MD5' for 'node.session.auth.chap_algs'" },
	{ ISCSI_DB_NODE, "node.session.queue_depth", "12abc",
	  "'12abc' can't be the value of node.session.queue_depth; allowed: a number from 1 to "
	  "65535", "" },
	{ ISCSI_DB_NODE, "node.session.timeo.replacement_timeout", "",
	  "'' can't be the value of node.session.timeo.replacement_timeout; allowed: a number up to "
	  "2147483 (0: I/O fails at once; below 0: I/O waits for ever)", "" },
	{ ISCSI_DB_NODE, "node.session.queue_depth", "4096", NULL,
	  "node.session.queue_depth = 4096 makes little sense; usual: 1 to 1024" },
	{ ISCSI_DB_NODE, "node.session.auth.chap_algs", "MD4",
	  "no value of 'node.session.auth.chap_algs' is known; allowed: MD5 | SHA1 | SHA256 | "
	  "SHA3-256", "Ignoring unknown value 'MD4' for 'node.session.auth.chap_algs'" },
	{ ISCSI_DB_IFACE, "iface.iscsi_ifacename", "x",
	  "Cannot modify iface.iscsi_ifacename. It is used to look up the record and cannot be "
	  "changed.", "" },
	{ ISCSI_DB_IFACE, "iface.mtu", "1500", NULL, "" },
	{ ISCSI_DB_IFACE, "iface.hop_limit", "64", NULL, "" },
	{ ISCSI_DB_IFACE, "iface.net_ifacename", "eth0", NULL, "" },
	{ ISCSI_DB_IFACE, "node.startup", "manual",
	  "Cannot modify node.startup. Invalid param name.", "" },
	{ ISCSI_DB_SENDTARGETS, "discovery.type", "isns",
	  "Cannot modify discovery.type. It is used to look up the record and cannot be changed.",
	  "" },
	{ ISCSI_DB_SENDTARGETS, "discovery.startup", "automatic", NULL, "" },
	{ ISCSI_DB_SENDTARGETS, "discovery.startup", "onboot",
	  "unknown value format 'onboot' for parameter name 'discovery.startup'; allowed: manual | "
	  "automatic", "" },
	{ ISCSI_DB_SENDTARGETS, "discovery.sendtargets.use_discoveryd", "Yes", NULL, "" },
	{ ISCSI_DB_ISNS, "discovery.isns.discoveryd_poll_inval", "60", NULL, "" },
	{ ISCSI_DB_ISNS, "discovery.sendtargets.port", "60",
	  "Cannot modify discovery.sendtargets.port. It is used to look up the record and cannot "
	  "be changed.", "" },
};

START_TEST(people_update)
{
	CLEANUP(iscsi_db_record_freep) struct iscsi_db_record *rec = new_record(updates[_i].kind);
	CLEANUP(freep) char *before = iscsi_db_record_print(rec, ISCSI_DB_FORM_FILE);
	struct iscsi_why why = { "" };
	enum iscsi_err err;

	warned[0] = '\0';
	err = iscsi_db_record_update(rec, updates[_i].key, updates[_i].value, warn, NULL, &why);
	ck_assert_int_eq(err, updates[_i].why ? ISCSI_ERR_INVAL : ISCSI_SUCCESS);
	ck_assert_str_eq(why.text, updates[_i].why ? updates[_i].why : "");
	ck_assert_str_eq(warned, updates[_i].warned);
	if (err) {
		CLEANUP(freep) char *after = iscsi_db_record_print(rec, ISCSI_DB_FORM_FILE);

		ck_assert_str_eq(after, before);
	}
	(void)iscsi_db_record_update(rec, updates[_i].key, updates[_i].value, NULL, NULL, NULL);
}
END_TEST

START_TEST(a_binding_stays)
{
	CLEANUP(iscsi_db_record_freep) struct iscsi_db_record *rec = new_record(ISCSI_DB_IFACE);
	struct iscsi_why why;

	ck_assert(!iscsi_db_record_update(rec, "iface.net_ifacename", "eth0", NULL, NULL, &why));
	ck_assert(!iscsi_db_record_update(rec, "iface.net_ifacename", "eth1", NULL, NULL, &why));
	ck_assert_int_eq(iscsi_db_record_update(rec, "iface.hwaddress", "00:11:22:33:44:55", NULL,
						NULL, &why),
			 ISCSI_ERR_INVAL);
	ck_assert_ptr_nonnull(strstr(why.text, "Can not update interface binding from "
					       "net_ifacename to hwaddress. "));
	ck_assert(!iscsi_db_record_update(rec, "iface.net_ifacename", "default", NULL, NULL, &why));
	ck_assert(!iscsi_db_record_update(rec, "iface.hwaddress", "00:11:22:33:44:55", NULL, NULL,
					  &why));
}
END_TEST

START_TEST(a_copy_is_the_same_and_apart)
{
	static const char text[] = "node.name = iqn.a\nnode.session.auth.password = secret\n"
				   "from.the.future = 1\n";
	CLEANUP(iscsi_db_record_freep) struct iscsi_db_record *rec = NULL, *copy = NULL;
	CLEANUP(freep) char *a = NULL, *b = NULL, *c = NULL;

	ck_assert(!iscsi_db_record_parse(ISCSI_DB_NODE, text, sizeof(text) - 1, "x", NULL, NULL,
					 &rec, NULL));
	ck_assert(!iscsi_db_record_copy(rec, &copy));
	a = iscsi_db_record_print(rec, ISCSI_DB_FORM_FILE);
	b = iscsi_db_record_print(copy, ISCSI_DB_FORM_FILE);
	ck_assert_str_eq(a, b);
	ck_assert_ptr_nonnull(strstr(a, "\nfrom.the.future = 1\n"));
	set(copy, "node.session.auth.password", "changed");
	c = iscsi_db_record_print(rec, ISCSI_DB_FORM_FILE);
	ck_assert_str_eq(a, c);
}
END_TEST

START_TEST(a_node_takes_what_its_interface_sets)
{
	CLEANUP(iscsi_db_record_freep) struct iscsi_db_record *node = new_record(ISCSI_DB_NODE);
	CLEANUP(iscsi_db_record_freep) struct iscsi_db_record *iface = new_record(ISCSI_DB_IFACE);

	set(node, "iface.mtu", "9000");
	set(node, "iface.transport_name", "iser");
	set(node, "iface.initiatorname", "iqn.before");
	set(iface, "iface.iscsi_ifacename", "if0");
	set(iface, "iface.prefix_len", "24");
	set(iface, "iface.net_ifacename", "default");
	set(iface, "iface.hwaddress", "00:11:22:33:44:55");
	set(iface, "iface.hop_limit", "64");
	ck_assert(!iscsi_db_record_bind(node, iface));
	ck_assert_str_eq(iscsi_db_record_get(node, "iface.iscsi_ifacename"), "if0");
	ck_assert_str_eq(iscsi_db_record_get(node, "iface.transport_name"), "tcp");
	ck_assert_str_eq(iscsi_db_record_get(node, "iface.hwaddress"), "00:11:22:33:44:55");
	ck_assert_str_eq(iscsi_db_record_get(node, "iface.net_ifacename"), "");
	ck_assert_str_eq(iscsi_db_record_get(node, "iface.initiatorname"), "iqn.before");
	ck_assert_int_eq(iscsi_db_record_get_int(node, "iface.mtu"), 9000);
	ck_assert_int_eq(iscsi_db_record_get_int(node, "iface.prefix_len"), 24);
	ck_assert_int_eq(iscsi_db_record_get_int(node, "iface.hop_limit"), 64);
	ck_assert_int_eq(iscsi_db_record_bind(iface, node), ISCSI_ERR_INVAL);
}
END_TEST

/* Everything that allocates, once with each allocation failing. */
static enum iscsi_err use_memory(void)
{
	CLEANUP(iscsi_db_record_freep) struct iscsi_db_record *rec = NULL, *copy = NULL,
							      *iface = NULL;
	enum iscsi_err err = iscsi_db_record_new(ISCSI_DB_NODE, &rec);

	if (!err)
		err = iscsi_db_record_set(rec, "node.session.auth.password", "secret", NULL);
	if (!err)
		err = iscsi_db_record_new(ISCSI_DB_IFACE, &iface);
	if (!err)
		err = iscsi_db_record_set(iface, "iface.net_ifacename", "eth0", NULL);
	if (!err)
		err = iscsi_db_record_bind(rec, iface);
	if (!err)
		err = iscsi_db_record_copy(rec, &copy);
	return err;
}

START_TEST(no_memory_is_an_error)
{
	unsigned long n = 0;
	enum iscsi_err err;

	if (!alloc_can_fail)
		return;
	do {
		alloc_fail_nth(++n);
		err = use_memory();
		ck_assert_int_eq(err, alloc_fail_stop() ? ISCSI_ERR_NOMEM : ISCSI_SUCCESS);
	} while (err);
	ck_assert_uint_gt(n, 5);
}
END_TEST

START_TEST(ten_thousand_records_are_cheap)
{
	static struct iscsi_db_record *recs[10000];
	char name[64];

	for (size_t i = 0; i < ARRAY_SIZE(recs); i++) {
		recs[i] = new_record(ISCSI_DB_NODE);
		(void)snprintf(name, sizeof(name), "iqn.2026-01.net.example:disk%zu", i);
		set(recs[i], "node.name", name);
		set(recs[i], "node.conn[0].address", "192.0.2.1");
		set(recs[i], "node.session.queue_depth", "32");
	}
	for (size_t i = 0; i < ARRAY_SIZE(recs); i++) {
		ck_assert_int_eq(iscsi_db_record_get_int(recs[i], "node.session.queue_depth"), 32);
		iscsi_db_record_free(recs[i]);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("record");
	TCase *t = tcase_create("record");
	SRunner *runner = srunner_create(s);
	int failed;

	suite_add_tcase(s, t);
	tcase_add_test(t, defaults_are_there);
	tcase_add_test(t, programs_set_exactly);
	tcase_add_test(t, numbers_are_set_whole);
	tcase_add_test(t, a_secret_has_its_length);
	tcase_add_loop_test(t, people_update, 0, (int)ARRAY_SIZE(updates));
	tcase_add_test(t, a_binding_stays);
	tcase_add_test(t, a_copy_is_the_same_and_apart);
	tcase_add_test(t, a_node_takes_what_its_interface_sets);
	tcase_add_test(t, no_memory_is_an_error);
	tcase_add_test(t, ten_thousand_records_are_cheap);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
