/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names, addresses and portals: what is taken, what is refused, and with which words. */
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "libiscsi-db/address.h"
#include "libiscsi-db/util.h"

#define NO_PORT (-1)
#define NO_TPGT ISCSI_TPGT_UNKNOWN

static const struct {
	const char *text, *address;
	int port, tpgt;
} portals[] = {
	{ "10.0.0.1", "10.0.0.1", NO_PORT, NO_TPGT },
	{ "10.0.0.1:3261", "10.0.0.1", 3261, NO_TPGT },
	{ "10.0.0.1:3261,5", "10.0.0.1", 3261, 5 },
	{ "10.0.0.1,5", "10.0.0.1", NO_PORT, 5 },
	{ "10.0.0.1:1,0", "10.0.0.1", 1, 0 },
	{ "10.0.0.1:65535,65535", "10.0.0.1", 65535, 65535 },
	{ "name", "name", NO_PORT, NO_TPGT },
	{ "name:3261", "name", 3261, NO_TPGT },
	{ "name,5", "name", NO_PORT, 5 },
	{ "Storage_1.example.net:3260,1", "Storage_1.example.net", 3260, 1 },
	{ "[fe80::1%eth0]:3260,1", "fe80::1%eth0", 3260, 1 },
	{ "[fe80::1%eth0.5]:3260,1", "fe80::1%eth0.5", 3260, 1 },
	{ "fe80::1%eth0.5", "fe80::1%eth0.5", NO_PORT, NO_TPGT },
	{ "fe80::1%br-lan@x,7", "fe80::1%br-lan@x", NO_PORT, 7 },
	{ "[::1]", "::1", NO_PORT, NO_TPGT },
	{ "[::1],3", "::1", NO_PORT, 3 },
	{ "[::1]:3260", "::1", 3260, NO_TPGT },
	{ "::1", "::1", NO_PORT, NO_TPGT },
	{ "::", "::", NO_PORT, NO_TPGT },
	{ "fe80::2,4", "fe80::2", NO_PORT, 4 },
	{ "::ffff:1.2.3.4", "::ffff:1.2.3.4", NO_PORT, NO_TPGT },
	{ "::ffff:1.2.3.4,2", "::ffff:1.2.3.4", NO_PORT, 2 },
	{ "[::ffff:1.2.3.4]:99", "::ffff:1.2.3.4", 99, NO_TPGT },
	{ "2001:DB8:0:0:0:0:0:5", "2001:DB8:0:0:0:0:0:5", NO_PORT, NO_TPGT },
	/* How listings print a name without a dot, and an unknown tag. */
	{ "[myhost]:3260,1", "myhost", 3260, 1 },
	{ "10.0.0.1:3260,4294967295", "10.0.0.1", 3260, NO_TPGT },
	{ "10.0.0.1:3260,-1", "10.0.0.1", 3260, NO_TPGT },
	/* Any address. */
	{ ":3260", "", 3260, NO_TPGT },
	{ ":3260,2", "", 3260, 2 },
	{ "", "", NO_PORT, NO_TPGT },
};

START_TEST(portals_are_understood)
{
	struct iscsi_db_portal portal;
	struct iscsi_why why = { "" };

	ck_assert_msg(!iscsi_db_portal_parse(portals[_i].text, &portal, &why), "%s: %s",
		      portals[_i].text, why.text);
	ck_assert_str_eq(portal.address, portals[_i].address);
	ck_assert_int_eq(portal.port, portals[_i].port);
	ck_assert_int_eq(portal.tpgt, portals[_i].tpgt);
}
END_TEST

static const struct {
	const char *text, *address;	/* NULL: refused */
	int port, tpgt;
} target_addresses[] = {
	{ "2001:db8::1:3260,1", "2001:db8::1", 3260, 1 },
	{ "2001:db8::1:3260", "2001:db8::1", 3260, NO_TPGT },
	{ "fe80::1%eth0:860,7", "fe80::1%eth0", 860, 7 },
	{ "1:2:3:4:5:6:7:8:3260,1", "1:2:3:4:5:6:7:8", 3260, 1 },
	{ "::ffff:1.2.3.4:3260,2", "::ffff:1.2.3.4", 3260, 2 },
	{ "::1:3260,1", "::1", 3260, 1 },
	/* The last part can't be a port, or the rest is no address: there is no port. */
	{ "2001:db8::1,1", "2001:db8::1", NO_PORT, 1 },
	{ "2001:db8::a:beef,1", "2001:db8::a:beef", NO_PORT, 1 },
	{ "1:2:3:4:5:6:7:8,1", "1:2:3:4:5:6:7:8", NO_PORT, 1 },
	{ "::", "::", NO_PORT, NO_TPGT },
	{ "::1", "::1", NO_PORT, NO_TPGT },
	{ "2001:db8::1:0,1", "2001:db8::1:0", NO_PORT, 1 },
	{ "2001:db8::1:99999,1", NULL, 0, 0 },
	{ "1:2:3:4:5:6:7:8:9:10,1", NULL, 0, 0 },
	{ "a:b:3260,1", NULL, 0, 0 },
	{ "[2001:db8::1]:3260,1", "2001:db8::1", 3260, 1 },
	{ "10.0.0.1:3260,1", "10.0.0.1", 3260, 1 },
	{ "storage.example.net:3260,1", "storage.example.net", 3260, 1 },
};

START_TEST(targets_may_leave_out_brackets)
{
	struct iscsi_db_portal portal;
	struct iscsi_why why = { "" };
	enum iscsi_err err = iscsi_db_target_address_parse(target_addresses[_i].text, &portal,
							   &why);

	ck_assert_int_eq(err, target_addresses[_i].address ? ISCSI_SUCCESS : ISCSI_ERR_INVAL);
	if (err)
		return;
	ck_assert_str_eq(portal.address, target_addresses[_i].address);
	ck_assert_int_eq(portal.port, target_addresses[_i].port);
	ck_assert_int_eq(portal.tpgt, target_addresses[_i].tpgt);
}
END_TEST

static const struct {
	const char *text, *reason;	/* a piece of it */
} bad_portals[] = {
	{ "10.0.0.1:0", "isn't within 1..65535" },
	{ "10.0.0.1:65536", "isn't within 1..65535" },
	{ "10.0.0.1:99999999999999999999", "isn't within 1..65535" },
	{ "10.0.0.1:abc", "isn't a number" },
	{ "10.0.0.1:12x", "isn't a number" },
	{ "10.0.0.1:-5", "isn't a number" },
	{ "10.0.0.1: 5", "isn't a number" },
	{ "10.0.0.1:", "port is missing" },
	{ "10.0.0.1,", "tag is missing" },
	{ "10.0.0.1,65536", "isn't within 0..65535" },
	{ "10.0.0.1,-5", "isn't a number" },
	{ "10.0.0.1,1,2", "isn't a number" },
	{ "[::1", "no ']'" },
	{ "[::1:3260", "no ']'" },
	{ "[]", "no address between" },
	{ "[]:3260", "no address between" },
	{ "[::1]3260", "neither a port" },
	{ "[::1]]", "neither a port" },
	{ "[[::1]]", "neither a port" },
	{ "[1:2]", "neither an IPv6 address" },
	{ "a:b:c", "neither an IPv6 address" },
	{ "10.0.0.1:3260:1", "neither an IPv6 address" },
	{ ":::", "neither an IPv6 address" },
	{ "::1%", "empty zone" },
	{ "%eth0", "before its zone" },
	{ "10.0.0.1\xef\xbc\x9a" "3260", "looks like ':'; did you mean 10.0.0.1:3260?" },
	{ "10.0.0.1:3260\xef\xbc\x8c" "1", "did you mean 10.0.0.1:3260,1?" },
	{ "10\xe3\x80\x82" "0", "did you mean 10.0?" },
	{ "a\u2013b", "looks like '-'; did you mean a-b?" },
	{ "a/b", "'/'" },
	{ "../x", "'/'" },
	{ "..", "can't be" },
	{ ".:3260", "can't be" },
	{ "a b", "character" },
	{ "a\nb", "control character" },
	{ "a\x1b[m", "control character" },
	{ "h\xc3\xb6st", "character" },
	{ "fe80::1%a/b", "'/'" },
	{ "fe80::1%a b", "character" },
	{ "fe80::1%\xc3\xb6", "character" },
};

START_TEST(bad_portals_are_refused)
{
	struct iscsi_db_portal portal = { .port = 4711 };
	struct iscsi_why why = { "" };

	ck_assert_int_eq(iscsi_db_portal_parse(bad_portals[_i].text, &portal, &why),
			 ISCSI_ERR_INVAL);
	ck_assert_msg(strstr(why.text, bad_portals[_i].reason), "%s: %s", bad_portals[_i].text,
		      why.text);
	ck_assert_int_eq(portal.port, 4711);
}
END_TEST

START_TEST(long_portals_are_refused)
{
	struct iscsi_db_portal portal;
	char text[4000];

	for (size_t len = 250; len < sizeof(text); len += len < 350 ? 1 : 97) {
		memset(text, 'a', len);
		text[len] = '\0';
		ck_assert_int_eq(iscsi_db_portal_parse(text, &portal, NULL) == ISCSI_SUCCESS,
				 len <= ISCSI_ADDRESS_MAX);
	}
	strcpy(text + sizeof(text) - sizeof("\u2013"), "\u2013");
	ck_assert_int_eq(iscsi_db_portal_parse(text, &portal, NULL), ISCSI_ERR_INVAL);
	memset(text, 'a', 256);
	text[0] = '[';
	strcpy(text + 256, "]:65535,4294967295");
	ck_assert_int_eq(iscsi_db_portal_parse(text, &portal, NULL), ISCSI_SUCCESS);
	ck_assert_uint_eq(strlen(portal.address), 255);
}
END_TEST

static const struct {
	const char *name;
	bool ok;
} names[] = {
	{ "iqn.2026-01.net.example:disk1", true },
	{ "iqn.2026-01.net.example:Disk_1", true },
	{ "IQN.2026-01.NET.EXAMPLE:UPPER", true },
	{ "eui.02004567A425678D", true },
	{ "naa.52004567BA64678D", true },
	{ "iqn.2026-01.net.example:d\xc3\xbcnn", true },
	{ "anything-else", true },
	{ "...", true },
	{ "", false },
	{ ".", false },
	{ "..", false },
	{ "/", false },
	{ "../../tmp/x", false },
	{ "iqn.a/b", false },
	{ "iqn.a b", false },
	{ " iqn.a", false },
	{ "iqn.a,b", false },
	{ "iqn.a\n", false },
	{ "iqn.a\tb", false },
	{ "iqn.a\x7f", false },
	{ "iqn.a\xc2\x85", false },
	{ "iqn.a\x1b[2J", false },
};

START_TEST(names_pass_the_gate_or_not)
{
	struct iscsi_why why = { "" };
	enum iscsi_err err = iscsi_db_check_name(names[_i].name, &why);

	ck_assert_int_eq(err, names[_i].ok ? ISCSI_SUCCESS : ISCSI_ERR_INVAL);
	ck_assert_int_eq(why.text[0] == '\0', names[_i].ok);
}
END_TEST

/* What a target, a name server or firmware may call a target. */
static const struct {
	const char *name;
	bool ok;
} foreign[] = {
	{ "iqn.2026-01.net.example:Disk_1", true },
	{ "eui.02004567A425678D", true },
	{ "iqn.2026-01.net.example:d\xc3\xbcnn", true },
	{ "iqn.2026-01.net.example:\xe7\xa3\x81\xe7\x9b\x98", true },
	{ "iqn.2026-01.net.example:\xf0\xa0\x80\x80", true },
	{ "iqn.a:`id`", false },
	{ "iqn.a:$(id)", false },
	{ "iqn.a;b", false },
	{ "iqn.a|b", false },
	{ "iqn.a'b", false },
	{ "iqn.a\"b", false },
	{ "iqn.a\\b", false },
	{ "iqn.a*", false },
	{ "iqn.a%n", false },
	{ "-Tiqn.a", false },
	{ ".iqn.a", false },
	{ "...", false },
	{ "iqn.a:\xff", false },		/* not UTF-8: */
	{ "iqn.a:\xc3", false },
	{ "iqn.a:\xc0\xaf", false },
	{ "iqn.a:\xe0\x80\xaf", false },
	{ "iqn.a:\xed\xa0\x80", false },
	{ "iqn.a:\xf4\x90\x80\x80", false },
	{ "iqn.a:\xf8\x88\x80\x80\x80", false },
	{ "iqn.a:\xe2\x80\xae""b", false },	/* right-to-left override */
	{ "iqn.a:\xe2\x81\xa6""b", false },	/* isolate */
	{ "iqn.a:\xe2\x80\x8b""b", false },	/* zero-width space */
	{ "iqn.a:\xef\xbb\xbf""b", false },	/* byte order mark */
	{ "iqn.a:\xc2\xad""b", false },		/* soft hyphen */
	{ "iqn.a:\xc2\xa0""b", false },		/* no-break space */
	{ "iqn.a:\xd7\xa9", false },		/* Hebrew after Latin */
	{ "iqn.a:\xef\xbc\x9b", false },	/* full-width semicolon */
	{ "iqn.a:\xcd\xbe", false },		/* becomes a semicolon */
	{ "iqn.a:\xe3\x80\x82", false },	/* ideographic full stop */
	{ "iqn.a:\xee\x80\x80", false },	/* private use */
	{ "iqn.a:\xef\xbf\xbf", false },	/* no character at all */
	{ "iqn.a:\xf0\x9f\xbf\xbf", false },
	{ "iqn.a:\xf3\xa0\x81\x81", false },	/* tag */
};

START_TEST(foreign_names_pass_a_finer_gate)
{
	struct iscsi_why why = { "" };
	enum iscsi_err err = iscsi_db_check_foreign_name(foreign[_i].name, &why);

	ck_assert_msg(err == (foreign[_i].ok ? ISCSI_SUCCESS : ISCSI_ERR_INVAL), "%d: %s", _i,
		      why.text);
	/* The reason hides nothing and turns nothing round. */
	for (const char *p = why.text; *p; p++)
		ck_assert_msg((unsigned char)*p >= ' ' && *p != 0x7f, "%s", why.text);
	ck_assert_ptr_null(strstr(why.text, "\xe2\x80\xae"));
	ck_assert_ptr_null(strstr(why.text, "\xff"));
}
END_TEST

START_TEST(names_have_a_length)
{
	char name[ISCSI_NAME_MAX + 2];

	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	ck_assert_int_eq(iscsi_db_check_name(name, NULL), ISCSI_ERR_INVAL);
	name[ISCSI_NAME_MAX] = '\0';
	ck_assert_int_eq(iscsi_db_check_name(name, NULL), ISCSI_SUCCESS);
	name[ISCSI_IFACE_NAME_MAX + 1] = '\0';
	ck_assert_int_eq(iscsi_db_check_iface_name(name, NULL), ISCSI_ERR_INVAL);
	name[ISCSI_IFACE_NAME_MAX] = '\0';
	ck_assert_int_eq(iscsi_db_check_iface_name(name, NULL), ISCSI_SUCCESS);
}
END_TEST

START_TEST(interfaces_may_have_odd_names)
{
	static const char *const good[] = { "default", "be2iscsi.00:11:22:33:44:55.ipv4.0",
					    "two words", "a,b" };
	static const char *const bad[] = { "", ".", "..", "a/b", "a\nb", " a", "a " };

	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		ck_assert_int_eq(iscsi_db_check_iface_name(good[i], NULL), ISCSI_SUCCESS);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		ck_assert_int_eq(iscsi_db_check_iface_name(bad[i], NULL), ISCSI_ERR_INVAL);
}
END_TEST

START_TEST(numeric_addresses_compare)
{
	static const struct {
		const char *a, *b;
		bool equal;
	} pair[] = {
		{ "2001:DB8:0:0:0:0:0:5", "2001:db8::5", true },
		{ "::1", "0::1", true },
		{ "2001:db8::5", "2001:db8::6", false },
		{ "1000:2000:3000:4000:5000:6000:101.102.103.104",
		  "1000:2000:3000:4000:5000:6000:6566:6768", true },
		{ "1000:2000:3000:4000:5000:6000:101.102.103.104x",
		  "1000:2000:3000:4000:5000:6000:101.102.103.104x", false },
		{ "10.0.0.1", "10.0.0.1", true },
		{ "10.0.0.1", "10.0.0.2", false },
		{ "fe80::1%eth0", "FE80:0::1%eth0", true },
		{ "fe80::1%eth0", "fe80::1%eth1", false },
		{ "fe80::1%eth0", "fe80::1", false },
		{ "::ffff:10.0.0.1", "10.0.0.1", false },
		{ "host", "host", false },
		{ "10.0.0.1%eth0", "10.0.0.1%eth0", false },
		{ "", "", false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(pair); i++)
		ck_assert_msg(address_equal(pair[i].a, pair[i].b) == pair[i].equal, "%s %s",
			      pair[i].a, pair[i].b);
	ck_assert(iscsi_db_address_in_brackets("::1"));
	ck_assert(iscsi_db_address_in_brackets("host"));
	ck_assert(!iscsi_db_address_in_brackets("10.0.0.1"));
	ck_assert(!iscsi_db_address_in_brackets("host.example"));
}
END_TEST

START_TEST(numbers_in_paths_are_exact)
{
	static const char *const bad[] = { "", " 1", "1 ", "+1", "01", "1x", "x", "0x1", "-0",
					   "2147483648", "99999999999999999999", "1\n" };
	int v = 0;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		ck_assert_msg(!text_to_int(bad[i], &v), "%s", bad[i]);
	ck_assert(text_to_int("-2147483648", &v) && v == INT32_MIN);
	ck_assert(text_to_int("2147483647", &v) && v == INT32_MAX);
	ck_assert(text_to_int("0", &v) && v == 0);
	ck_assert(text_to_int("99999", &v) && v == 99999);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("address");
	TCase *t = tcase_create("address");
	SRunner *runner = srunner_create(s);
	int failed;

	suite_add_tcase(s, t);
	tcase_add_loop_test(t, portals_are_understood, 0, (int)ARRAY_SIZE(portals));
	tcase_add_loop_test(t, targets_may_leave_out_brackets, 0,
			    (int)ARRAY_SIZE(target_addresses));
	tcase_add_loop_test(t, bad_portals_are_refused, 0, (int)ARRAY_SIZE(bad_portals));
	tcase_add_test(t, long_portals_are_refused);
	tcase_add_loop_test(t, names_pass_the_gate_or_not, 0, (int)ARRAY_SIZE(names));
	tcase_add_loop_test(t, foreign_names_pass_a_finer_gate, 0, ARRAY_SIZE(foreign));
	tcase_add_test(t, names_have_a_length);
	tcase_add_test(t, interfaces_may_have_odd_names);
	tcase_add_test(t, numeric_addresses_compare);
	tcase_add_test(t, numbers_in_paths_are_exact);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
