/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of settings: that it is whole and in order, and what values become. */
#include <ctype.h>
#include <glob.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "libiscsi-db/line.h"
#include "libiscsi-db/os.h"
#include "libiscsi-db/path.h"
#include "libiscsi-db/setting.h"

static const struct {
	unsigned int count;
	const char *first, *last;
} kinds[DB_KINDS] = {
	[ISCSI_DB_NODE] = { 127, "node.name", "node.conn[0].iscsi.OFMarker" },
	[ISCSI_DB_IFACE] = { 70, "iface.iscsi_ifacename", "iface.discovery_logout" },
	[ISCSI_DB_SENDTARGETS] = { 20, "discovery.startup",
				   "discovery.sendtargets.iscsi.MaxRecvDataSegmentLength" },
	[ISCSI_DB_ISNS] = { 6, "discovery.startup", "discovery.isns.discoveryd_poll_inval" },
};

START_TEST(every_kind_is_whole)
{
	enum iscsi_db_kind kind = (enum iscsi_db_kind)_i;
	bool seen[UINT8_MAX] = { false };

	ck_assert_uint_eq(setting_count(kind), kinds[kind].count);
	ck_assert_str_eq(setting_row(kind, 0)->name, kinds[kind].first);
	ck_assert_str_eq(setting_row(kind, setting_count(kind) - 1)->name, kinds[kind].last);
	for (unsigned int i = 0; i < setting_count(kind); i++) {
		const struct setting *s = setting_row(kind, i);
		unsigned int in_file = setting_runs[kind].file_order[i];
		CLEANUP(freep) char *line = db_format("%s = %s\n", s->name, s->def);

		ck_assert_int_eq(setting_find(kind, s->name), (int)i);
		ck_assert_uint_lt(in_file, setting_count(kind));
		ck_assert_msg(!seen[in_file], "%s twice", setting_row(kind, in_file)->name);
		seen[in_file] = true;
		ck_assert_uint_le(strlen(s->name), DB_KEY_MAX);
		if (s->type == SETTING_STR)
			ck_assert_uint_le(s->max, ISCSI_VALUE_MAX);
		ck_assert_str_eq(s->line, line);
		ck_assert_uint_eq(setting_line_len(s), strlen(line));
		/* The length of a secret comes right after it. */
		if (s->flags & SETTING_SECRET) {
			ck_assert(setting_row(kind, i + 1)->flags & SETTING_HIDDEN);
			ck_assert_str_eq(s->def, "");
		}
	}
}
END_TEST

START_TEST(defaults_are_good_values)
{
	enum iscsi_db_kind kind = (enum iscsi_db_kind)_i;

	for (unsigned int i = 0; i < setting_count(kind); i++) {
		const struct setting *s = setting_row(kind, i);
		char value[ISCSI_VALUE_MAX + 1];
		struct iscsi_why why = { "" };

		ck_assert_msg(!setting_normalize(s, s->def, SETTING_FROM_PROGRAM, value, NULL,
						 &why),
			      "%s", why.text);
		ck_assert_str_eq(value, s->def);
	}
}
END_TEST

static char *table_text(void)
{
	static const char *const flags[] = {
		"key", "secret", "hidden", "ipv4", "ipv6", "late", "unseeded", "binding", "or-zero",
	};
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	for (int kind = 0; kind < DB_KINDS; kind++) {
		for (unsigned int i = 0; i < setting_count((enum iscsi_db_kind)kind); i++) {
			const struct setting *s = setting_row((enum iscsi_db_kind)kind, i);

			fprintf(f, "%s = %s: ", s->name, s->def);
			if (s->type == SETTING_STR)
				fprintf(f, "%u bytes", s->max);
			else if (s->type == SETTING_NUMBER)
				fprintf(f, "%lld to %lld", (long long)s->low, (long long)s->high);
			else
				fprintf(f, "%s", setting_allowed(s).text);
			if (s->good_low != s->low || s->good_high != s->high)
				fprintf(f, "; usual: %lld to %lld", (long long)s->good_low,
					(long long)s->good_high);
			for (unsigned int bit = 0; s->flags >> bit; bit++)
				if (s->flags >> bit & 1)
					fprintf(f, " [%s]", flags[bit]);
			fputs(s->type == SETTING_LIST ? " [list]\n" : "\n", f);
		}
	}
	(void)fclose(f);
	return text;
}

/*
 * Records and iscsid.conf of users depend on each name, range and default. A change that is meant
 * changes the file too: a failing test says what to write there.
 */
START_TEST(the_table_is_the_one_that_users_know)
{
	CLEANUP(freep) char *text = table_text();
	CLEANUP(freep) char *known = NULL;
	const char *row, *known_row;
	size_t len;

	ck_assert_int_eq(os_read_path("test/fake/db/settings", &known, &len), 0);
	for (row = text, known_row = known; *row && *known_row;
	     row += strcspn(row, "\n") + 1, known_row += strcspn(known_row, "\n") + 1)
		ck_assert_msg(strcspn(row, "\n") == strcspn(known_row, "\n") &&
			      !strncmp(row, known_row, strcspn(row, "\n")), "it is %.*s",
			      (int)strcspn(row, "\n"), row);
	ck_assert_int_eq(*row, *known_row);
}
END_TEST

START_TEST(kinds_dont_mix)
{
	ck_assert_int_eq(setting_find(ISCSI_DB_IFACE, "node.name"), -1);
	ck_assert_int_eq(setting_find(ISCSI_DB_NODE, "discovery.startup"), -1);
	ck_assert_int_ge(setting_find(ISCSI_DB_NODE, "iface.mtu"), 0);
	ck_assert_int_ge(setting_find(ISCSI_DB_SENDTARGETS, "node.session.auth.chap_algs"), 0);
	ck_assert_int_eq(setting_find(ISCSI_DB_ISNS, "node.session.auth.chap_algs"), -1);
	ck_assert_int_eq(setting_find(ISCSI_DB_NODE, ""), -1);
	ck_assert_int_eq(setting_find(ISCSI_DB_NODE, "node.conn[1].port"), -1);
	ck_assert_int_eq(setting_find(ISCSI_DB_NODE, "node.session.conn_reopen_log_freq"),
			 setting_find(ISCSI_DB_NODE, "node.session.sess_reopen_log_freq"));
	ck_assert_int_eq(setting_find(ISCSI_DB_NODE, "node.transport_name"),
			 setting_find(ISCSI_DB_NODE, "iface.transport_name"));
}
END_TEST

/* The number of letters to add, leave out or replace; @limit, if there are as many or more. */
START_TEST(distances)
{
	static const struct {
		const char *a, *b;
		unsigned int limit, distance;
	} pair[] = {
		{ "", "", 9, 0 },	 { "mtu", "mtu", 9, 0 },   { "Mtu", "mTU", 9, 0 },
		{ "", "mtu", 9, 3 },	 { "mtu", "", 9, 3 },	   { "mtu", "stu", 9, 1 },
		{ "mtu", "mtv", 9, 1 },	 { "mtu", "mu", 9, 1 },	   { "tu", "mtu", 9, 1 },
		{ "mtu", "tum", 9, 2 },	 { "mtu", "port", 9, 4 },  { "mtu", "port", 4, 4 },
		{ "mtu", "port", 3, 3 }, { "mtu", "ports", 2, 2 }, { "kitten", "sitting", 9, 3 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(pair); i++)
		ck_assert_uint_eq(edit_distance(pair[i].a, pair[i].b, pair[i].limit),
				  pair[i].distance);
}
END_TEST

START_TEST(near_names_are_found)
{
	static const struct {
		const char *name, *near;
	} pair[] = {
		{ "node.startp", "node.startup" },
		{ "node.conn[0].timeo.login_timout", "node.conn[0].timeo.login_timeout" },
		{ "node.conn.timeo.login_timeout", "node.conn[0].timeo.login_timeout" },
		{ "replacement_timeout", "node.session.timeo.replacement_timeout" },
		{ "node.session.iscsi.fastabort", "node.session.iscsi.FastAbort" },
		{ "iface.mtuu", "iface.mtu" },
		{ "completely.unlike.anything", NULL },
		{ "iface.bogus", NULL },	/* a beginning alone is no likeness */
		{ "", NULL },
		{ "node.conn[0].iscsi.FMarker", "node.conn[0].iscsi.IFMarker" },
		{ "node.session.auth.password_lengt", "node.session.auth.password_in" },
		/* half of the last part may differ, */
		{ "iface.mtxy", "iface.mtu" },
		{ "iface.mxyz", NULL },
		{ "iface.mtxyz", NULL },
		/* and of the whole name a quarter and one letter more, */
		{ "nodtpgt", "node.tpgt" },
		{ "nodxpgt", NULL },
		{ "nodxypgt", "node.tpgt" },
		/* but no more than seven letters */
		{ "node.session.timeo.replacement_XXXXXXX",
		  "node.session.timeo.replacement_timeout" },
		{ "node.session.timeo.replacementXXXXXXXX", NULL },
	};
	char longest[4096];

	for (size_t i = 0; i < ARRAY_SIZE(pair); i++) {
		const char *near = setting_nearest(-1, pair[i].name);

		ck_assert_msg(near == pair[i].near || (near && pair[i].near &&
						       streq(near, pair[i].near)),
			      "%s: %s", pair[i].name, near ? near : "none");
	}
	ck_assert_ptr_null(setting_nearest(ISCSI_DB_ISNS, "iface.mtu"));
	ck_assert_ptr_null(setting_nearest(ISCSI_DB_NODE, "discovery.sendtargets.reopen_mx"));
	memset(longest, 'n', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	ck_assert_ptr_null(setting_nearest(-1, longest));
}
END_TEST

/* However long it is, a name is found again if its first letter is missing. */
START_TEST(each_name_is_near_itself)
{
	enum iscsi_db_kind kind = (enum iscsi_db_kind)_i;

	for (unsigned int i = 0; i < setting_count(kind); i++) {
		const struct setting *s = setting_row(kind, i);
		const char *near = setting_nearest((int)kind, s->name + 1);

		ck_assert_msg(s->flags & SETTING_HIDDEN || (near && streq(near, s->name)), "%s: %s",
			      s->name, near ? near : "none");
	}
}
END_TEST

static unsigned int warnings;

static void count(void *arg, const char *text)
{
	(void)arg;
	(void)text;
	warnings++;
}

#define FILE_ SETTING_FROM_FILE
#define USER SETTING_FROM_USER
#define PROG SETTING_FROM_PROGRAM

static const struct {
	const char *key, *in;
	enum setting_source source;
	const char *out;	/* NULL: refused */
	unsigned int warnings;
} values[] = {
	/* a number is one of the hard range, or refused */
	{ "node.tpgt", "5", PROG, "5", 0 },
	{ "node.tpgt", "-1", PROG, "-1", 0 },
	{ "node.tpgt", "007", PROG, "7", 0 },
	{ "node.tpgt", "abc", PROG, NULL, 0 },
	{ "node.tpgt", "", PROG, NULL, 0 },
	{ "node.tpgt", " 5", PROG, NULL, 0 },
	{ "node.tpgt", "5 ", PROG, NULL, 0 },
	{ "node.tpgt", "2147483647", PROG, "2147483647", 0 },
	{ "node.tpgt", "2147483648", PROG, NULL, 0 },
	{ "node.tpgt", "abc", FILE_, NULL, 0 },
	{ "node.tpgt", "0x40", FILE_, NULL, 0 },
	{ "node.tpgt", "99999999999", FILE_, NULL, 0 },
	{ "node.tpgt", "99999999999999999999999", FILE_, NULL, 0 },
	{ "node.session.queue_depth", "12abc", USER, NULL, 0 },
	{ "node.session.queue_depth", "12abc", FILE_, NULL, 0 },
	{ "node.session.queue_depth", "12 # a dozen", FILE_, "12", 1 },
	{ "node.session.queue_depth", "12# a dozen", FILE_, NULL, 0 },
	{ "node.session.queue_depth", "12 # a dozen", USER, NULL, 0 },
	{ "node.session.queue_depth", " 12 ", USER, "12", 0 },
	{ "node.session.queue_depth", "", USER, NULL, 0 },
	{ "node.session.queue_depth", " ", USER, NULL, 0 },
	{ "node.session.queue_depth", "0x10", USER, NULL, 0 },
	{ "node.session.queue_depth", "-5", USER, NULL, 0 },
	{ "node.session.queue_depth", "0", USER, NULL, 0 },
	{ "node.session.queue_depth", "65535", FILE_, "65535", 0 },
	{ "node.session.queue_depth", "65536", FILE_, NULL, 0 },
	{ "node.session.timeo.replacement_timeout", "infinite", USER, NULL, 0 },
	{ "node.session.timeo.replacement_timeout", "-1", USER, "-1", 0 },
	{ "node.session.timeo.replacement_timeout", "0", USER, "0", 0 },
	{ "node.session.timeo.replacement_timeout", "-77", USER, "-77", 1 },
	/* The kernel would make a negative number of ticks of it. */
	{ "node.session.timeo.replacement_timeout", "2147483647", USER, NULL, 0 },
	{ "node.conn[0].iscsi.MaxXmitDataSegmentLength", "0", USER, "0", 0 },
	{ "node.conn[0].iscsi.MaxXmitDataSegmentLength", "511", USER, NULL, 0 },
	{ "node.conn[0].iscsi.MaxXmitDataSegmentLength", "512", USER, "512", 0 },
	{ "node.conn[0].iscsi.MaxRecvDataSegmentLength", "0", USER, NULL, 0 },
	{ "iface.vlan_id", "70000", USER, NULL, 0 },
	{ "iface.vlan_id", "4095", USER, "4095", 0 },
	{ "iface.vlan_id", "70000", PROG, NULL, 0 },
	{ "iface.ttl", "-1", FILE_, NULL, 0 },
	{ "iface.ttl", "256", FILE_, NULL, 0 },
	{ "iface.flow_label", "4294967295", PROG, "4294967295", 0 },
	{ "iface.flow_label", "4294967296", PROG, NULL, 0 },
	/* taken, but worth a word to a person */
	{ "node.session.queue_depth", "4096", USER, "4096", 1 },
	{ "node.session.queue_depth", "4096", FILE_, "4096", 0 },
	{ "node.session.queue_depth", "4096", PROG, "4096", 0 },
	{ "node.session.queue_depth", "128", USER, "128", 0 },
	{ "node.session.queue_depth", "1024", USER, "1024", 0 },
	{ "node.session.queue_depth", "1025", USER, "1025", 1 },
	/* words are exact */
	{ "node.startup", "automatic", USER, "automatic", 0 },
	{ "node.startup", "Automatic", USER, NULL, 0 },
	{ "node.startup", "", USER, NULL, 0 },
	{ "node.startup", "<empty>", FILE_, NULL, 0 },
	{ "node.leading_login", "yes", FILE_, NULL, 0 },
	{ "node.conn[0].iscsi.HeaderDigest", "CRC32C,None", USER, "CRC32C,None", 0 },
	{ "node.conn[0].iscsi.HeaderDigest", "CRC32C, None", USER, NULL, 0 },
	{ "node.discovery_type", "slp", FILE_, "slp", 0 },
	{ "node.discovery_type", "sendtargets", FILE_, NULL, 0 },
	/* lists */
	{ "node.session.auth.chap_algs", "SHA256, SHA1 MD5", USER, "SHA256,SHA1,MD5", 0 },
	{ "node.session.auth.chap_algs", "MD5,MD4,SHA1,MD5", USER, "MD5,SHA1", 2 },
	{ "node.session.auth.chap_algs", "MD4", USER, NULL, 1 },
	{ "node.session.auth.chap_algs", "MD4", FILE_, "MD5", 1 },
	{ "node.session.auth.chap_algs", "", USER, "MD5", 0 },
	{ "node.session.auth.chap_algs", "MD4", PROG, NULL, 0 },
	{ "node.session.auth.chap_algs", "MD5,MD5", PROG, NULL, 0 },
	{ "node.session.auth.chap_algs", "SHA3-256,SHA256,SHA1,MD5,MD5,MD5,MD5", FILE_,
	  "SHA3-256,SHA256,SHA1,MD5", 3 },
	{ "node.session.auth.chap_algs", ",,, ,", USER, "MD5", 0 },
	/* text */
	{ "node.session.auth.password", "two words", USER, "two words", 0 },
	{ "node.session.auth.password", "  blanks ", USER, "blanks", 1 },
	{ "node.session.auth.password", "  blanks ", PROG, NULL, 0 },
	{ "node.session.auth.password", "<empty>", FILE_, "<empty>", 0 },
	{ "node.session.auth.password", "<empty>", USER, "<empty>", 0 },
	{ "node.session.auth.password", "a\tb", USER, "a\tb", 0 },
	{ "node.session.auth.password_in", "a\tb", PROG, "a\tb", 0 },
	{ "node.session.auth.password", "a\nb", USER, NULL, 0 },
	{ "node.session.auth.username", "<empty>", FILE_, "", 0 },
	{ "node.session.auth.username", "<empty>", USER, "", 0 },
	{ "node.session.auth.password", "", USER, "", 0 },
	{ "node.session.auth.password", "   ", USER, "", 0 },
	{ "node.session.auth.password", "# = \xc3\xa4", PROG, "# = \xc3\xa4", 0 },
	{ "node.session.auth.username", "joe\nnode.startup = onboot", USER, NULL, 0 },
	{ "node.session.auth.username", "joe\r", USER, NULL, 0 },
	{ "node.session.auth.username", "joe\x1b", FILE_, NULL, 0 },
	{ "node.session.auth.username", "j\toe", USER, NULL, 0 },
	{ "node.session.auth.username", "j\toe", FILE_, "j\toe", 0 },
	{ "iface.net_ifacename", "fifteen-bytes-x", USER, "fifteen-bytes-x", 0 },
	{ "iface.net_ifacename", "sixteen-bytes-xy", USER, NULL, 0 },
	{ "iface.net_ifacename", "sixteen-bytes-xy", FILE_, "sixteen-bytes-x", 1 },
	{ "iface.net_ifacename", "fourteen-bytes  and more", FILE_, "fourteen-bytes", 1 },
};

START_TEST(values_become)
{
	struct db_warn warn = { .fn = count };
	int index = setting_find(ISCSI_DB_NODE, values[_i].key);
	char value[ISCSI_VALUE_MAX + 1] = "untouched";
	struct iscsi_why why = { "" };
	enum iscsi_err err;

	ck_assert_int_ge(index, 0);
	warnings = 0;
	err = setting_normalize(setting_row(ISCSI_DB_NODE, (unsigned int)index), values[_i].in,
				values[_i].source, value, &warn, &why);
	ck_assert_msg((err == ISCSI_SUCCESS) == (values[_i].out != NULL), "%s = %s: %s",
		      values[_i].key, values[_i].in, why.text);
	if (values[_i].out)
		ck_assert_str_eq(value, values[_i].out);
	ck_assert_msg(warnings == values[_i].warnings, "%s = %s: %u warnings", values[_i].key,
		      values[_i].in, warnings);
}
END_TEST

/* Both ends of each hard range are taken, and the numbers beyond them refused with their names. */
START_TEST(ranges_are_hard)
{
	enum iscsi_db_kind kind = (enum iscsi_db_kind)_i;

	for (unsigned int i = 0; i < setting_count(kind); i++) {
		const struct setting *s = setting_row(kind, i);
		const struct {
			int64_t v;
			bool ok;
		} tries[] = {
			{ s->low, true },
			{ s->high, true },
			{ s->low - 1, !(s->low - 1) && s->flags & SETTING_OR_ZERO },
			{ s->high + 1, false },
		};

		if (s->type != SETTING_NUMBER)
			continue;
		ck_assert_int_le(s->low, s->good_low);
		ck_assert_int_le(s->good_low, s->good_high);
		ck_assert_int_le(s->good_high, s->high);
		for (size_t t = 0; t < ARRAY_SIZE(tries); t++) {
			CLEANUP(freep) char *text = db_format("%lld", (long long)tries[t].v);
			char value[ISCSI_VALUE_MAX + 1];
			struct iscsi_why why = { "" };
			enum iscsi_err err = setting_normalize(s, text, SETTING_FROM_USER, value,
							       NULL, &why);

			ck_assert_msg(!err == tries[t].ok, "%s = %s: %s", s->name, text, why.text);
			if (err) {
				ck_assert_ptr_nonnull(strstr(why.text, text));
				ck_assert_ptr_nonnull(strstr(why.text, s->name));
				ck_assert_ptr_nonnull(strstr(why.text, setting_allowed(s).text));
			}
		}
	}
}
END_TEST

START_TEST(refusals_name_what_is_allowed)
{
	static const struct {
		const char *key, *value, *reason;
	} rows[] = {
		{ "node.session.cmds_max", "4",
		  "'4' can't be the value of node.session.cmds_max; allowed: a number from 16 to "
		  "4096" },
		{ "node.session.timeo.replacement_timeout", "infinite",
		  "'infinite' can't be the value of node.session.timeo.replacement_timeout; "
		  "allowed: a number up to 2147483 (0: I/O fails at once; below 0: I/O waits for "
		  "ever)" },
		{ "node.session.reopen_max", "-1",
		  "'-1' can't be the value of node.session.reopen_max; allowed: a number of at "
		  "least 0 (0: there is no limit)" },
		{ "node.conn[0].iscsi.MaxXmitDataSegmentLength", "1",
		  "'1' can't be the value of node.conn[0].iscsi.MaxXmitDataSegmentLength; allowed: "
		  "0 or a number from 512 to 16777215 (0: as much as the target takes)" },
		{ "node.session.initial_cmdsn", "x",
		  "'x' can't be the value of node.session.initial_cmdsn; allowed: a number" },
		{ "node.startup", "Auto",
		  "unknown value format 'Auto' for parameter name 'node.startup'; allowed: manual | "
		  "automatic | onboot" },
		{ "node.session.auth.chap_algs", "MD4,",
		  "no value of 'node.session.auth.chap_algs' is known; allowed: MD5 | SHA1 | SHA256 "
		  "| SHA3-256" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		int index = setting_find(ISCSI_DB_NODE, rows[i].key);
		char value[ISCSI_VALUE_MAX + 1];
		struct iscsi_why why = { "" };

		ck_assert_int_eq(setting_normalize(setting_row(ISCSI_DB_NODE, (unsigned int)index),
						   rows[i].value, SETTING_FROM_USER, value, NULL,
						   &why),
				 ISCSI_ERR_INVAL);
		ck_assert_str_eq(why.text, rows[i].reason);
	}
}
END_TEST

START_TEST(long_values_are_cut_or_refused)
{
	const struct setting *s = setting_row(
		ISCSI_DB_NODE,
		(unsigned int)setting_find(ISCSI_DB_NODE, "node.session.auth.password"));
	char text[3000], value[ISCSI_VALUE_MAX + 1];

	memset(text, 'p', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	ck_assert_int_eq(setting_normalize(s, text, SETTING_FROM_USER, value, NULL, NULL),
			 ISCSI_ERR_INVAL);
	ck_assert_int_eq(setting_normalize(s, text, SETTING_FROM_FILE, value, NULL, NULL),
			 ISCSI_SUCCESS);
	ck_assert_uint_eq(strlen(value), ISCSI_VALUE_MAX);
	s = setting_row(ISCSI_DB_NODE, (unsigned int)setting_find(ISCSI_DB_NODE, "node.startup"));
	ck_assert_int_eq(setting_normalize(s, text, SETTING_FROM_FILE, value, NULL, NULL),
			 ISCSI_ERR_INVAL);
}
END_TEST

/* ---- the sources ----------------------------------------------------------------------- */

static bool is_number_setting(const char *name, size_t len)
{
	for (int kind = 0; kind < DB_KINDS; kind++) {
		for (unsigned int i = 0; i < setting_count((enum iscsi_db_kind)kind); i++) {
			const struct setting *s = setting_row((enum iscsi_db_kind)kind, i);

			if (s->type == SETTING_NUMBER && strlen(s->name) == len &&
			    strncmp(s->name, name, len) == 0)
				return true;
		}
	}
	return false;
}

/* A field of an initializer, ", .name = ...", counts as a statement. */
static bool ends_statement(const char *p)
{
	return strchr(";{}", *p) || (*p == ',' && p[1 + strspn(p + 1, " \t\n")] == '.');
}

/*
 * Reads C up to the end of a statement or the begin of a block, from @p on. Tells whether a
 * string there is the name of a number, and whether there is a number other than 0 outside of
 * strings, of comments and of names.
 */
static const char *read_statement(const char *p, bool *setting, bool *number)
{
	*setting = *number = false;
	while (*p && !ends_statement(p)) {
		size_t len = 1;

		if (strncmp(p, "/*", 2) == 0) {
			len = (size_t)(strstr(p, "*/") - p) + 2;
		} else if (strncmp(p, "//", 2) == 0 || *p == '#') {
			len = strcspn(p, "\n");
		} else if (*p == '"' || *p == '\'') {
			while (p[len] != *p)
				len += p[len] == '\\' ? 2 : 1;
			*setting |= *p == '"' && is_number_setting(p + 1, len - 1);
			len++;
		} else if (isalnum((unsigned char)*p) || *p == '_') {
			while (isalnum((unsigned char)p[len]) || p[len] == '_')
				len++;
			*number |= isdigit((unsigned char)*p) && !(len == 1 && *p == '0');
		}
		p += len;
	}
	return *p ? p + 1 : p;
}

static unsigned int check_source(const char *path, const char *text)
{
	unsigned int statements = 0;
	bool setting, number;

	while (*text) {
		const char *start = text;

		text = read_statement(text, &setting, &number);
		statements += setting;
		ck_assert_msg(!setting || !number, "%s: a number beside a setting:\n%.*s", path,
			      (int)(text - start), start);
	}
	return statements;
}

START_TEST(the_check_of_sources_finds_numbers)
{
	static const struct {
		const char *text;
		bool setting, number;
	} rows[] = {
		{ "x = get(rec, \"node.session.cmds_max\");", true, false },
		{ "x = get(rec, \"node.session.cmds_max\", 16);", true, true },
		{ "x = MAX(get(rec,\n\"node.session.nr_sessions\"), 0);", true, false },
		{ "x = MAX(get(rec, \"node.session.nr_sessions\"), 1u);", true, true },
		{ "x = get(rec, /* 16 */ \"node.session.cmds_max\"); y = 3;", true, false },
		{ "x32 = get(rec, \"node.startup\", 3);", false, true },
		{ "x = \"\\\"node.session.cmds_max\" \"3\";", false, false },
		{ ".a = get(rec, \"node.session.cmds_max\"),\n\t.b = 3,", true, false },
		{ "#define A 3\nx = \"node.session.cmds_max\";", true, false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		bool setting, number;

		(void)read_statement(rows[i].text, &setting, &number);
		ck_assert_msg(setting == rows[i].setting && number == rows[i].number, "%s",
			      rows[i].text);
	}
}
END_TEST

/* No other source file than setting.c has a range or a default of its own. */
START_TEST(numbers_stand_in_the_table_alone)
{
	unsigned int files = 0, statements = 0;
	glob_t found;

	ck_assert_int_eq(glob("{iscsid,iscsid/*,iscsiadm,libiscsi-db}/*.[ch]", GLOB_BRACE, NULL,
			      &found), 0);
	for (size_t i = 0; i < found.gl_pathc; i++) {
		CLEANUP(freep) char *text = NULL;
		size_t len;

		if (streq(found.gl_pathv[i], "libiscsi-db/setting.c"))
			continue;
		ck_assert_int_eq(os_read_path(found.gl_pathv[i], &text, &len), 0);
		statements += check_source(found.gl_pathv[i], text);
		files++;
	}
	globfree(&found);
	ck_assert_uint_gt(files, 50);
	ck_assert_uint_gt(statements, 20);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("setting");
	TCase *t = tcase_create("setting");
	SRunner *runner = srunner_create(s);
	int failed;

	suite_add_tcase(s, t);
	tcase_add_loop_test(t, every_kind_is_whole, 0, DB_KINDS);
	tcase_add_loop_test(t, defaults_are_good_values, 0, DB_KINDS);
	tcase_add_test(t, the_table_is_the_one_that_users_know);
	tcase_add_test(t, kinds_dont_mix);
	tcase_add_test(t, distances);
	tcase_add_test(t, near_names_are_found);
	tcase_add_loop_test(t, each_name_is_near_itself, 0, DB_KINDS);
	tcase_add_loop_test(t, values_become, 0, (int)ARRAY_SIZE(values));
	tcase_add_loop_test(t, ranges_are_hard, 0, DB_KINDS);
	tcase_add_test(t, refusals_name_what_is_allowed);
	tcase_add_test(t, long_values_are_cut_or_refused);
	tcase_add_test(t, the_check_of_sources_finds_numbers);
	tcase_add_test(t, numbers_stand_in_the_table_alone);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
