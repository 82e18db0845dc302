/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The manual pages of the settings, as built: they have every setting, and the values of each. */
#include "libiscsi-db/os.h"
#include "libiscsi-db/path.h"
#include "libiscsi-db/setting.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

static char *page;
static size_t page_len;

static const char *const headings[DB_KINDS] = {
	[ISCSI_DB_NODE] = "\n.SS Nodes\n",
	[ISCSI_DB_IFACE] = "\n.SS Interfaces\n",
	[ISCSI_DB_SENDTARGETS] = "\n.SS SendTargets portals\n",
	[ISCSI_DB_ISNS] = "\n.SS iSNS servers\n",
};

/* This program is BUILD/test/unit/NAME, the page BUILD/libiscsi-db/NAME. */
static void read_page_called(const char *name)
{
	char path[PATH_MAX + 64];
	ssize_t n = readlink("/proc/self/exe", path, PATH_MAX);

	ck_assert_int_gt((int)n, 0);
	path[n] = '\0';
	for (int up = 0; up < 3; up++)
		*strrchr(path, '/') = '\0';
	strcat(path, "/libiscsi-db/");
	strcat(path, name);
	ck_assert_msg(os_read_path(path, &page, &page_len) == 0, "no %s", path);
}

static void read_page(void)
{
	read_page_called("iscsi-records.5");
}

static void read_conf_page(void)
{
	read_page_called("iscsid.conf.5");
}

static void drop_page(void)
{
	free(page);
}

/* What the page says of a kind's settings; the caller frees it. */
static char *section(int kind)
{
	const char *start = strstr(page, headings[kind]), *end;

	ck_assert_ptr_nonnull(start);
	end = strstr(start + 1, "\n.S");
	ck_assert_ptr_nonnull(end);
	return strndup(start, (size_t)(end - start) + 1);
}

START_TEST(every_setting_is_there)
{
	CLEANUP(freep) char *text = section(_i);
	enum iscsi_db_kind kind = (enum iscsi_db_kind)_i;

	for (unsigned int i = 0; i < setting_count(kind); i++) {
		const struct setting *s = setting_row(kind, i);
		CLEANUP(freep) char *line = db_format("\n.B %s\n", s->name);
		const char *found = strstr(text, line);

		ck_assert_msg(found != NULL, "%s", s->name);
		ck_assert_msg(!strstr(found + 1, line), "%s twice", s->name);
	}
}
END_TEST

START_TEST(settings_are_described)
{
	static const struct {
		enum iscsi_db_kind kind;
		const char *text;
	} rows[] = {
		{ ISCSI_DB_NODE, ".B node.startup\nmanual | automatic | onboot; default manual.\n" },
		{ ISCSI_DB_NODE, ".B node.tpgt\nA number; usual: \\-1 to 65535; default \\-1.\n"
				 "The setting finds the record" },
		{ ISCSI_DB_NODE, ".B node.session.xmit_thread_priority\n"
				 "A number from \\-20 to 20; default 0.\n" },
		{ ISCSI_DB_NODE, ".B node.session.nr_sessions\n"
				 "A number from 1 to 65535; usual: 1 to 32; default 1.\n" },
		{ ISCSI_DB_NODE, ".B node.session.auth.chap_algs\nSome of MD5 | SHA1 | SHA256 | "
				 "SHA3\\-256, in any order; default MD5.\n" },
		{ ISCSI_DB_NODE, ".B node.session.auth.password\nText of up to 255 bytes.\n"
				 "The value is secret" },
		{ ISCSI_DB_NODE, "Another name is \\fBnode.session.conn_reopen_log_freq\\fR." },
		{ ISCSI_DB_NODE, "Another name is \\fBnode.transport_name\\fR." },
		{ ISCSI_DB_IFACE, ".B iface.vlan_id\nA number from 0 to 65535; default 0.\n" },
		{ ISCSI_DB_ISNS, ".B discovery.sendtargets.port\nA number; usual: 1 to "
				 "65535; default 3205.\nThe setting finds" },
	};
	CLEANUP(freep) char *text = section((int)rows[_i].kind);

	ck_assert_msg(strstr(text, rows[_i].text) != NULL, "%s", rows[_i].text);
}
END_TEST

/* Whatever a line of iscsid.conf can set, and the daemon's settings. */
START_TEST(every_line_is_explained)
{
	enum iscsi_db_kind kind = (enum iscsi_db_kind)_i;

	for (unsigned int i = 0; i < setting_count(kind); i++) {
		const struct setting *s = setting_row(kind, i);
		CLEANUP(freep) char *line = db_format("\n.B %s\n", s->name);
		bool wanted = !(s->flags & (SETTING_KEY | SETTING_UNSEEDED | SETTING_HIDDEN)) &&
			      strncmp(s->name, "iface.", 6) != 0;
		const char *found = strstr(page, line);

		ck_assert_msg(!wanted || found, "%s", s->name);
		ck_assert_msg(!found || !strstr(found + 1, line), "%s twice", s->name);
	}
}
END_TEST

START_TEST(the_installed_file_is_explained)
{
	CLEANUP(freep) char *text = NULL;
	size_t len;

	ck_assert_int_eq(os_read_path("etc/iscsid.conf", &text, &len), 0);
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
		CLEANUP(freep) char *wanted = NULL;
		char name[128];

		line += *line == '#';
		if (sscanf(line, "%127[a-zA-Z0-9_.[\\]] = ", name) != 1 || !strchr(name, '.') ||
		    line[strlen(name)] != ' ' || line[strlen(name) + 1] != '=')
			continue;
		wanted = db_format("\n.B %s\n", name);
		ck_assert_msg(strstr(page, wanted) != NULL, "%s", name);
	}
}
END_TEST

START_TEST(values_are_those_of_the_table)
{
	ck_assert_ptr_nonnull(strstr(page, "calls off a login that is still tried.\n"
					   "manual | automatic | onboot; default manual.\n"));
	ck_assert_ptr_nonnull(strstr(page, "A number from 1 to 65535; usual: 1 to 32; default 1.\n"));
}
END_TEST

START_TEST(nothing_is_left_to_fill_in)
{
	ck_assert_ptr_null(strchr(page, '@'));
	ck_assert_ptr_null(strstr(page, "\n\n"));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("man");
	TCase *t = tcase_create("records"), *conf = tcase_create("conf");
	SRunner *runner = srunner_create(s);
	int failed;

	suite_add_tcase(s, t);
	suite_add_tcase(s, conf);
	tcase_add_checked_fixture(conf, read_conf_page, drop_page);
	tcase_add_loop_test(conf, every_line_is_explained, 0, DB_KINDS);
	tcase_add_test(conf, the_installed_file_is_explained);
	tcase_add_test(conf, values_are_those_of_the_table);
	tcase_add_test(conf, nothing_is_left_to_fill_in);
	tcase_add_checked_fixture(t, read_page, drop_page);
	tcase_add_loop_test(t, every_setting_is_there, 0, DB_KINDS);
	tcase_add_loop_test(t, settings_are_described, 0, 10);
	tcase_add_test(t, nothing_is_left_to_fill_in);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
