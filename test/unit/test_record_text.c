/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Records as text: files of several versions come back line for line, other bytes do no harm. */
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <check.h>

#include "libiscsi-db/err.h"
#include "libiscsi-db/line.h"
#include "libiscsi-db/os.h"
#include "libiscsi-db/path.h"
#include "libiscsi-db/record.h"
#include "libiscsi-db/util.h"
#include "test/unit/alloc.h"

#define SAMPLES "test/fake/db/"

static char warned[65536];
static unsigned int warnings;

static void warn(void *arg, const char *text)
{
	size_t len = strlen(warned);

	(void)arg;
	warnings++;
	(void)snprintf(warned + len, sizeof(warned) - len, "%s\n", text);
}

static char *sample(const char *name, size_t *len)
{
	/* Not on the stack: gcc 12 with -O3 takes the text for a pointer to this variable. */
	static char *text;
	CLEANUP(freep) char *path = db_format(SAMPLES "%s", name);
	int r = os_read_path(path, &text, len);

	ck_assert_msg(r == 0, "%s: %s", path, db_strerror(r));
	return text;
}

static struct iscsi_db_record *parse(enum iscsi_db_kind kind, const char *text)
{
	struct iscsi_db_record *rec = NULL;
	struct iscsi_why why = { "" };

	warned[0] = '\0';
	warnings = 0;
	ck_assert_msg(!iscsi_db_record_parse(kind, text, strlen(text), "text", warn, NULL, &rec,
					     &why),
		      "%s", why.text);
	return rec;
}

static const char *body(const char *text)
{
	return strchr(text, '\n') + 1;
}

static enum iscsi_db_kind kind_of(const char *name)
{
	if (strncmp(name, "node-", 5) == 0)
		return ISCSI_DB_NODE;
	if (strncmp(name, "iface-", 6) == 0)
		return ISCSI_DB_IFACE;
	return strncmp(name, "st_", 3) == 0 ? ISCSI_DB_SENDTARGETS : ISCSI_DB_ISNS;
}

/* Drops the lines of later versions that we don't write while they have their default. */
static void drop_late(char *text)
{
	static const char *const late[] = { "node.session.sess_reopen_log_freq = 1\n",
					    "node.session.conn_reopen_log_freq = 1\n" };

	for (size_t i = 0; i < ARRAY_SIZE(late); i++) {
		char *at = strstr(text, late[i]);

		if (at)
			memmove(at, at + strlen(late[i]), strlen(at + strlen(late[i])) + 1);
	}
}

static void check_file(const char *version, const char *file)
{
	CLEANUP(freep) char *name = db_format("%s/%s", version, file), *printed = NULL;
	CLEANUP(iscsi_db_record_freep) struct iscsi_db_record *rec = NULL;
	size_t len;
	CLEANUP(freep) char *text = sample(name, &len);

	rec = parse(kind_of(file), text);
	ck_assert_msg(warnings == 0, "%s: %s", name, warned);
	printed = iscsi_db_record_print(rec, ISCSI_DB_FORM_FILE);
	drop_late(text);
	/* 2.1.11 wrote no type for nodes of the firmware. */
	if (!strstr(text, "node.discovery_type") && rec->kind == ISCSI_DB_NODE) {
		char *type = strstr(printed, "node.discovery_type = static\n");

		ck_assert(!rec->has_type);
		memmove(type, type + 29, strlen(type + 29) + 1);
	}
	ck_assert_msg(strncmp(printed, "# BEGIN RECORD 3.", 17) == 0, "%s", printed);
	ck_assert_msg(streq(body(text), body(printed)), "%s: %s", name, printed);
}

static void check_folder(const char *version, unsigned int files)
{
	CLEANUP(freep) char *path = db_format(SAMPLES "%s", version);
	DIR *dir = opendir(path);
	struct dirent *entry;
	unsigned int seen = 0;

	ck_assert_msg(dir != NULL, "%s is run from the top of the source tree", path);
	while ((entry = readdir(dir))) {
		if (!strstr(entry->d_name, ".rec"))
			continue;
		check_file(version, entry->d_name);
		seen++;
	}
	(void)closedir(dir);
	ck_assert_uint_eq(seen, files);
}

START_TEST(files_come_back_as_they_were)
{
	check_folder("2.1.8", 21);
	check_folder("2.1.11", 7);
	check_folder("master-2026-03", 16);
}
END_TEST

static const struct {
	enum iscsi_db_form form;
	const char *in, *out;
} shows[] = {
	{ ISCSI_DB_FORM_SHOW, "2.1.8/node-sendtargets.rec", "2.1.8/out-node-show.txt" },
	{ ISCSI_DB_FORM_SHOW_SECRETS, "2.1.8/node-sendtargets.rec", "2.1.8/out-node-show.txt" },
	{ ISCSI_DB_FORM_SHOW, "2.1.8/st_config-default.rec", "2.1.8/out-st-show.txt" },
	{ ISCSI_DB_FORM_SHOW, "2.1.8/iface-ipv6.rec", "2.1.8/out-iface-show-ipv6.txt" },
};

static enum iscsi_db_kind kind_in(const char *path)
{
	return kind_of(strchr(path, '/') + 1);
}

START_TEST(show_is_as_it_always_was)
{
	CLEANUP(iscsi_db_record_freep) struct iscsi_db_record *rec = NULL;
	CLEANUP(freep) char *in = NULL, *out = NULL, *printed = NULL;
	size_t len;

	in = sample(shows[_i].in, &len);
	out = sample(shows[_i].out, &len);
	rec = parse(kind_in(shows[_i].in), in);
	printed = iscsi_db_record_print(rec, shows[_i].form);
	ck_assert_str_eq(body(printed), body(out));
}
END_TEST

START_TEST(the_default_interface_shows)
{
	CLEANUP(iscsi_db_record_freep) struct iscsi_db_record *rec = NULL;
	CLEANUP(freep) char *out = NULL, *printed = NULL;
	size_t len;

	out = sample("2.1.8/out-iface-show-default.txt", &len);
	ck_assert(!iscsi_db_record_new(ISCSI_DB_IFACE, &rec));
	printed = iscsi_db_record_print(rec, ISCSI_DB_FORM_SHOW);
	ck_assert_str_eq(body(printed), body(out));
}
END_TEST

/* Every line of @lines stands in @text, in that order. */
static void check_lines(const char *text, char *lines)
{
	char *save = NULL;

	for (char *line = strtok_r(lines, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		CLEANUP(freep) char *whole = db_format("\n%s\n", line);

		text = strstr(text, whole);
		ck_assert_msg(text != NULL, "%s", line);
	}
}

START_TEST(secrets_are_masked)
{
	CLEANUP(iscsi_db_record_freep) struct iscsi_db_record *rec = NULL;
	CLEANUP(freep) char *in = NULL, *masked = NULL, *clear = NULL, *show = NULL, *all = NULL;
	size_t len;

	in = sample("2.1.8/node-chap-updated.rec", &len);
	masked = sample("2.1.8/out-node-show-masked.txt", &len);
	clear = sample("2.1.8/out-node-show-secrets.txt", &len);
	rec = parse(ISCSI_DB_NODE, in);
	show = iscsi_db_record_print(rec, ISCSI_DB_FORM_SHOW);
	all = iscsi_db_record_print(rec, ISCSI_DB_FORM_SHOW_SECRETS);
	check_lines(show, masked);
	check_lines(all, clear);
	ck_assert_ptr_null(strstr(show, "examplesecret"));
	ck_assert_ptr_null(strstr(all, "_length"));
	ck_assert_int_eq(iscsi_db_record_get_int(rec, "node.session.auth.password_length"), 14);
}
END_TEST

/* One setting out of a text. */
static const struct {
	const char *text, *key, *value;
	unsigned int warnings;
} texts[] = {
	{ "node.startup = automatic\n", "node.startup", "automatic", 0 },
	{ "node.startup = automatic", "node.startup", "automatic", 0 },
	{ "node.startup=automatic\n", "node.startup", "automatic", 0 },
	{ "node.startup= automatic\n", "node.startup", "automatic", 0 },
	{ "node.startup =automatic\n", "node.startup", "automatic", 0 },
	{ "node.startup==automatic\n", "node.startup", "automatic", 0 },
	{ "  node.startup\t=\tautomatic  \n", "node.startup", "automatic", 0 },
	{ "\t node.startup \t = \t automatic \t\n", "node.startup", "automatic", 0 },
	{ "node.startup = automatic\r\n", "node.startup", "automatic", 0 },
	{ "\xef\xbb\xbfnode.startup = automatic\n", "node.startup", "automatic", 0 },
	{ "node.startup = onboot\nnode.startup = automatic\n", "node.startup", "automatic", 0 },
	{ "node.startup = automatic\nnode.startup = nonsense\n", "node.startup", "automatic", 1 },
	{ "node.startup=automatic\nnode.startup = manual\n", "node.startup", "manual", 0 },
	{ "node.namesake = iqn.a\n", "node.name", "", 1 },
	{ "node.name = \n", "node.name", "", 1 },
	{ "\xef\xbb\xbf", "node.startup", "manual", 0 },
	{ "node.startup = nonsense\n", "node.startup", "manual", 1 },
	{ "node.startup\n", "node.startup", "manual", 1 },
	{ "node.startup =\n", "node.startup", "manual", 1 },
	{ "node.startup automatic\n", "node.startup", "manual", 1 },
	{ "= automatic\n", "node.startup", "manual", 1 },
	{ "# node.startup = automatic\n", "node.startup", "manual", 0 },
	{ "  # node.startup = automatic\n\n\n", "node.startup", "manual", 0 },
	{ "node.name = a # b\n", "node.name", "a # b", 0 },
	{ "node.name = = b\n", "node.name", "= b", 0 },
	{ "node.name = \"q\"\n", "node.name", "\"q\"", 0 },
	{ "node.name = <empty>\n", "node.name", "", 0 },
	{ "node.tpgt = 12abc\n", "node.tpgt", "-1", 1 },
	{ "node.session.queue_depth = 16\nnode.session.queue_depth = many\n",
	  "node.session.queue_depth", "16", 1 },
	{ "node.session.cmds_max = 4\n", "node.session.cmds_max", "128", 1 },
	{ "node.session.cmds_max = 64 # few\n", "node.session.cmds_max", "64", 1 },
	{ "node.session.auth.password = a\tb\n", "node.session.auth.password", "a\tb", 0 },
	{ "node.session.auth.password = <empty>\n", "node.session.auth.password", "<empty>", 0 },
	{ "node.session.conn_reopen_log_freq = 7\n", "node.session.sess_reopen_log_freq", "7", 0 },
	{ "node.transport_name = iser\n", "iface.transport_name", "iser", 0 },
	{ "iface.hop_limit = 9\n", "iface.hop_limit", "9", 0 },
	{ "iface.ttl = 9\n", "iface.ttl", "9", 0 },
	{ "node.session.auth.password_length = 9\n", "node.session.auth.password_length", "0", 0 },
	{ "a.new.key = 1\n", "node.startup", "manual", 1 },
	{ "# BEGIN RECORD 9\nnode.startup = onboot\n", "node.startup", "onboot", 1 },
	{ "# BEGIN RECORD 9\nnode.session.cmds_max = 1024\nnode.session.timeo.replacement_timeout = 12",
	  "node.session.timeo.replacement_timeout", "120", 1 },
	{ "# BEGIN RECORD 9\nnode.session.cmds_max = 1024\nnode.session.timeo.replacement_timeout = 12",
	  "node.session.cmds_max", "1024", 1 },
	{ "# BEGIN RECORD 9\nnode.startup = onboot\n# END RECORD", "node.startup", "onboot", 0 },
	{ "# END RECORD\nnode.startup = onboot\n", "node.startup", "onboot", 0 },
	{ "node.session.auth.username = a\x01" "b\n", "node.session.auth.username", "", 1 },
	{ "", "node.startup", "manual", 0 },
	{ "\n\n\n", "node.startup", "manual", 0 },
};

START_TEST(readers_are_tolerant)
{
	CLEANUP(iscsi_db_record_freep) struct iscsi_db_record *rec =
		parse(ISCSI_DB_NODE, texts[_i].text);

	ck_assert_str_eq(iscsi_db_record_get(rec, texts[_i].key), texts[_i].value);
	ck_assert_msg(warnings == texts[_i].warnings, "%s%s", texts[_i].text, warned);
}
END_TEST

START_TEST(warnings_name_file_and_line)
{
	CLEANUP(iscsi_db_record_freep) struct iscsi_db_record *rec =
		parse(ISCSI_DB_NODE, "\n# x\nnode.startup = never\n");

	ck_assert_ptr_nonnull(rec);
	ck_assert_str_eq(warned, "text:3: unknown value format 'never' for parameter name "
				 "'node.startup'; allowed: manual | automatic | onboot; manual is "
				 "used\n");
	iscsi_db_record_free(rec);
	rec = parse(ISCSI_DB_NODE, "node.name = iqn.a\nnode.startup = manual\nnode.tpgt = x\n");
	ck_assert_ptr_eq(strstr(warned, "text:3: "), warned);
}
END_TEST

/* A text of lines with defaults is as good as any other. */
START_TEST(a_record_has_a_line_that_is_known)
{
	static const struct {
		const char *text;
		bool known;
	} rows[] = {
		{ "node.startup = manual\n", true },
		{ "node.startup = onboot\n", true },
		{ "node.startup = manual\nnode.startup = onboot\n", true },
		{ "node.startup = never\n", true },
		{ "no.such.setting = 1\n# node.startup = onboot\n", false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP(iscsi_db_record_freep) struct iscsi_db_record *rec =
			parse(ISCSI_DB_NODE, rows[i].text);

		ck_assert_msg(rec->known == rows[i].known, "%s", rows[i].text);
	}
}
END_TEST

/* A line that no setting knows is kept, unless it could harm a terminal or be meant for a setting. */
START_TEST(foreign_lines_are_kept_or_dropped)
{
	static const struct {
		const char *line;
		bool kept;
	} rows[] = {
		{ "new = a\tb", true },	{ "new = caf\xc3\xa9", true },
		{ "new = a\x1b" "b", false },	{ "new = a\xc2\x85" "b", false },
		{ "new = \xc2\x85", false },	{ "\xc2\x85new = a", false },
		{ "new =", true },		{ "new", false },
		{ "\x1bnew =", false },		{ "new\xc2\x85 =", false },
		{ "=", false },			{ "= a", false },
		{ "node.startup =", false },	{ "new a =", true },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP(iscsi_db_record_freep) struct iscsi_db_record *rec =
			parse(ISCSI_DB_NODE, rows[i].line);
		CLEANUP(freep) char *file = iscsi_db_record_print(rec, ISCSI_DB_FORM_FILE);
		CLEANUP(freep) char *end = db_format("%s%s# END RECORD\n",
						     rows[i].kept ? rows[i].line : "",
						     rows[i].kept ? "\n" : "");

		ck_assert_uint_eq(warnings, 1);
		ck_assert_str_eq(file + strlen(file) - strlen(end), end);
		ck_assert_msg((rec->extra != NULL) == rows[i].kept, "%s", rows[i].line);
	}
}
END_TEST

/* A text may lie at either edge of the memory that may be read, and end anywhere. */
START_TEST(nothing_beside_a_text_is_read)
{
	static const char *const edges[] = {
		("# BEGIN RECORD 9\nnode.name = iqn.a\nnode.tpgt = 1\nnode.startup = manual\n"
		 "later.empty =\n new==\tx \nother = a\xc2\xa0\xc2\nnode.startup=onboot\n# END RECORD\n"),
		"\xef\xbb\xbfnode.startup = manual\n", "\0\0\nnode.startup = manual\n", "=\n \n",
		"node.startup", "node.startup ", "node.startup =", "node.startup= ", "new = \xc2",
	};
	enum { PAGE = 65536 };
	char *none = mmap(NULL, 3 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *page = none + PAGE;

	ck_assert_ptr_ne(none, MAP_FAILED);
	ck_assert_int_eq(mprotect(page, PAGE, PROT_READ | PROT_WRITE), 0);
	for (size_t i = 0; i < ARRAY_SIZE(edges); i++) {
		for (size_t len = strlen(edges[i] + 2) + 2; len; len--) {
			char *printed[2];

			for (int last = 0; last < 2; last++) {
				char *text = last ? page + PAGE - len : page;
				struct iscsi_db_record *rec = NULL;

				memset(page, 'x', PAGE);
				memcpy(text, edges[i], len);
				ck_assert(!iscsi_db_record_parse(ISCSI_DB_NODE, text, len, "text",
								 NULL, NULL, &rec, NULL));
				printed[last] = iscsi_db_record_print(rec, ISCSI_DB_FORM_FILE);
				iscsi_db_record_free(rec);
			}
			ck_assert_str_eq(printed[0], printed[1]);
			free(printed[0]);
			free(printed[1]);
		}
	}
	(void)munmap(none, 3 * PAGE);
}
END_TEST

START_TEST(unknown_lines_survive)
{
	static const char text[] = "# BEGIN RECORD 2.1.99\n"
				   "node.name = iqn.a\n"
				   "node.session.new_thing =  with  blanks # and more \n"
				   "  other=1\n"
				   "broken line without sign\n"
				   "later.empty =\n"
				   "node.startup =\n"
				   "escape = \x1b[2J\n"
				   "# END RECORD\n";
	CLEANUP(iscsi_db_record_freep) struct iscsi_db_record *rec = parse(ISCSI_DB_NODE, text);
	CLEANUP(iscsi_db_record_freep) struct iscsi_db_record *again = NULL;
	CLEANUP(freep) char *file = NULL, *show = NULL, *second = NULL;

	ck_assert_uint_eq(warnings, 6);
	file = iscsi_db_record_print(rec, ISCSI_DB_FORM_FILE);
	ck_assert_ptr_nonnull(strstr(file, "\nnode.session.new_thing =  with  blanks # and more\n"
					   "other=1\nlater.empty =\n# END RECORD\n"));
	ck_assert_ptr_null(strstr(file, "broken"));
	ck_assert_ptr_null(strstr(file, "escape"));
	show = iscsi_db_record_print(rec, ISCSI_DB_FORM_SHOW);
	ck_assert_ptr_null(strstr(show, "new_thing"));
	again = parse(ISCSI_DB_NODE, file);
	second = iscsi_db_record_print(again, ISCSI_DB_FORM_FILE);
	ck_assert_str_eq(file, second);
}
END_TEST

START_TEST(late_settings_only_if_changed)
{
	CLEANUP(iscsi_db_record_freep) struct iscsi_db_record *rec =
		parse(ISCSI_DB_NODE, "node.session.sess_reopen_log_freq = 1\n");
	CLEANUP(freep) char *plain = iscsi_db_record_print(rec, ISCSI_DB_FORM_FILE);
	CLEANUP(freep) char *show = iscsi_db_record_print(rec, ISCSI_DB_FORM_SHOW);
	CLEANUP(freep) char *changed = NULL;

	ck_assert_ptr_null(strstr(plain, "log_freq"));
	ck_assert_ptr_null(strstr(show, "log_freq"));
	ck_assert_ptr_null(strstr(show, "congestion"));
	ck_assert(!iscsi_db_record_set(rec, "node.session.sess_reopen_log_freq", "5", NULL));
	ck_assert(!iscsi_db_record_set(rec, "node.conn[0].tcp.congestion_control", "bbr", NULL));
	changed = iscsi_db_record_print(rec, ISCSI_DB_FORM_FILE);
	ck_assert_ptr_nonnull(strstr(changed, "reopen_max = 0\n"
					      "node.session.sess_reopen_log_freq = 5\n"));
	ck_assert_ptr_nonnull(strstr(changed, "type_of_service = 0\n"
					      "node.conn[0].tcp.congestion_control = bbr\n"));
}
END_TEST

START_TEST(both_families_are_kept)
{
	/* The name says IPv4, the settings are of IPv6. */
	CLEANUP(iscsi_db_record_freep) struct iscsi_db_record *rec =
		parse(ISCSI_DB_NODE, "iface.iscsi_ifacename = if6\niface.ipaddress = 2001:db8::1\n"
				     "iface.hop_limit = 64\niface.ipv6_router = fe80::1\n");
	CLEANUP(iscsi_db_record_freep) struct iscsi_db_record *v6 =
		parse(ISCSI_DB_IFACE, "iface.iscsi_ifacename = my.ipv6.0\niface.ttl = 3\n");
	CLEANUP(freep) char *file = iscsi_db_record_print(rec, ISCSI_DB_FORM_FILE);
	CLEANUP(freep) char *file6 = iscsi_db_record_print(v6, ISCSI_DB_FORM_FILE);

	ck_assert_ptr_nonnull(strstr(file, "iface.ttl = 0\n"));
	ck_assert_ptr_nonnull(strstr(file, "iface.hop_limit = 64\n"));
	ck_assert_ptr_nonnull(strstr(file, "iface.ipv6_router = fe80::1\n"));
	ck_assert_ptr_null(strstr(file, "iface.flow_label"));
	ck_assert_ptr_nonnull(strstr(file6, "iface.flow_label = 0\n"));
	ck_assert_ptr_nonnull(strstr(file6, "iface.ttl = 3\n"));
	ck_assert_ptr_null(strstr(file6, "iface.tos"));
}
END_TEST

START_TEST(long_lines_are_not_used)
{
	char *text = calloc(1, 8192);
	CLEANUP(iscsi_db_record_freep) struct iscsi_db_record *rec = NULL, *key = NULL,
							      *most = NULL;
	CLEANUP(freep) char *file = NULL;

	sprintf(text, "node.name = %0*d\nnode.startup = onboot\n", DB_LINE_MAX - 12, 7);
	rec = parse(ISCSI_DB_NODE, text);
	ck_assert_str_eq(warned, "text:1: the line is ignored: it is too long\n");
	ck_assert_str_eq(iscsi_db_record_get(rec, "node.name"), "");
	ck_assert_str_eq(iscsi_db_record_get(rec, "node.startup"), "onboot");
	sprintf(text, "%0*d = x\n", DB_KEY_MAX + 1, 7);
	key = parse(ISCSI_DB_NODE, text);
	ck_assert_uint_eq(warnings, 1);
	file = iscsi_db_record_print(key, ISCSI_DB_FORM_FILE);
	ck_assert_ptr_nonnull(strstr(file, text));
	sprintf(text, "%0*d = x\n", DB_KEY_MAX, 7);
	iscsi_db_record_free(parse(ISCSI_DB_NODE, text));
	ck_assert_ptr_nonnull(strstr(warned, "no setting is called"));
	sprintf(text, "%0*d =\n", DB_KEY_MAX, 7);
	iscsi_db_record_free(parse(ISCSI_DB_NODE, text));
	ck_assert_ptr_nonnull(strstr(warned, "the line is kept but not used"));
	/* The longest line there may be: cut to what a value may hold. */
	sprintf(text, "node.name = %0*d\n", DB_LINE_MAX - 1 - 12, 7);
	most = parse(ISCSI_DB_NODE, text);
	ck_assert_uint_eq(strlen(iscsi_db_record_get(most, "node.name")), 254);
	free(text);
}
END_TEST

START_TEST(what_cannot_be_a_record)
{
	struct iscsi_db_record *rec = NULL;
	char *text = malloc(DB_TEXT_MAX + 1);
	struct iscsi_why why;

	memset(text, '\n', DB_TEXT_MAX + 1);
	ck_assert_int_eq(iscsi_db_record_parse(ISCSI_DB_NODE, text, DB_TEXT_MAX + 1, "f", NULL,
					       NULL, &rec, &why),
			 ISCSI_ERR_INVAL);
	ck_assert_ptr_null(rec);
	ck_assert_int_eq(iscsi_db_record_parse(ISCSI_DB_NODE, text, DB_TEXT_MAX, "f", NULL, NULL,
					       &rec, &why),
			 ISCSI_SUCCESS);
	iscsi_db_record_free(rec);
	/* All of it unknown lines. */
	for (size_t i = 0; i + 4 <= DB_TEXT_MAX; i += 4)
		memcpy(text + i, "a=b\n", 4);
	ck_assert_int_eq(iscsi_db_record_parse(ISCSI_DB_ISNS, text, DB_TEXT_MAX, NULL, NULL, NULL,
					       &rec, NULL),
			 ISCSI_SUCCESS);
	iscsi_db_record_free(rec);
	free(text);
}
END_TEST

START_TEST(a_power_cut_leaves_what_is_good)
{
	static const char text[] = "# BEGIN RECORD 2.1.8\nnode.name = iqn.a\nnode.tpgt = 1\0\0\0\n"
				   "node.startup = onboot\n# END RECORD\n";
	CLEANUP(iscsi_db_record_freep) struct iscsi_db_record *rec = NULL, *none = NULL;

	warned[0] = '\0';
	ck_assert(!iscsi_db_record_parse(ISCSI_DB_NODE, text, sizeof(text) - 1, "f", warn, NULL,
					 &rec, NULL));
	ck_assert_str_eq(iscsi_db_record_get(rec, "node.name"), "iqn.a");
	ck_assert_str_eq(iscsi_db_record_get(rec, "node.tpgt"), "-1");
	ck_assert_str_eq(iscsi_db_record_get(rec, "node.startup"), "manual");
	ck_assert_str_eq(warned, "f:3: there are NUL bytes in the line, as a power cut may leave "
				 "them; this line and all that follow are ignored\n"
				 "f:3: the record is cut off here; settings that are missing "
				 "have their defaults\n");
	ck_assert(!iscsi_db_record_parse(ISCSI_DB_NODE, "\0\0\0", 3, "f", warn, NULL, &none, NULL));
	ck_assert(!none->known);
}
END_TEST

/* ---- settings that have another name in another release --------------------------------- */

static const struct {
	const char *sample;
	const char *freq;	/* the release's name of that setting; NULL: it has none */
} releases[] = {
	{ "2.1.8/node-sendtargets.rec", NULL },
	{ "2.1.11/node-sendtargets.rec", "node.session.conn_reopen_log_freq" },
	{ "master-2026-03/node-sendtargets.rec",	/* as 2.1.13 */
	  "node.session.sess_reopen_log_freq" },
};

static const char *const freq_names[] = { "node.session.conn_reopen_log_freq",
					  "node.session.sess_reopen_log_freq" };

/* The record of a release, with the frequency at @value where the release has that setting. */
static char *record_of(size_t i, const char *value)
{
	size_t len;
	char *text = sample(releases[i].sample, &len), *changed;
	CLEANUP(freep) char *line = releases[i].freq ? db_format("%s = 1\n", releases[i].freq) : NULL;
	char *at = line ? strstr(text, line) : NULL;

	ck_assert_msg(!line == !strstr(text, "_reopen_log_freq") && !line == !at, "%s",
		      releases[i].sample);
	if (!at)
		return text;
	*at = '\0';
	changed = db_format("%s%s = %s\n%s", text, releases[i].freq, value, at + strlen(line));
	free(text);
	return changed;
}

/* Read, changed elsewhere and written again, a record is still one that its release reads. */
START_TEST(renamed_settings_go_back_as_they_came)
{
	static const char *const values[] = { "1", "7" };

	for (size_t v = 0; v < ARRAY_SIZE(values); v++) {
		CLEANUP(freep) char *text = record_of((size_t)_i, values[v]);
		CLEANUP(iscsi_db_record_freep) struct iscsi_db_record *rec =
			parse(ISCSI_DB_NODE, text), *copy = NULL;
		CLEANUP(freep) char *file = NULL;

		ck_assert_str_eq(warned, "");
		ck_assert(!iscsi_db_record_update(rec, "node.startup", "onboot", NULL, NULL, NULL));
		ck_assert(!iscsi_db_record_copy(rec, &copy));
		file = iscsi_db_record_print(copy, ISCSI_DB_FORM_FILE);
		for (size_t n = 0; n < ARRAY_SIZE(freq_names); n++) {
			bool own = releases[_i].freq && streq(releases[_i].freq, freq_names[n]);
			CLEANUP(freep) char *line = db_format("\n%s = 7\n", freq_names[n]);

			ck_assert_int_eq(strstr(file, line) != NULL, own && v == 1);
			ck_assert_int_eq(strstr(file, freq_names[n]) != NULL, own && v == 1);
		}
	}
}
END_TEST

/* Whoever gives one of the names gets that name, and takes back the other by using it. */
START_TEST(a_renamed_setting_has_the_name_last_used)
{
	CLEANUP(freep) char *text = record_of((size_t)_i, "7");
	CLEANUP(iscsi_db_record_freep) struct iscsi_db_record *rec = parse(ISCSI_DB_NODE, text);

	for (size_t n = 0; n < 4; n++) {
		const char *name = freq_names[n % 2], *other = freq_names[(n + 1) % 2];
		CLEANUP(freep) char *file = NULL, *line = db_format("\n%s = 8\n", name);

		ck_assert(!iscsi_db_record_update(rec, name, "8", NULL, NULL, NULL));
		ck_assert_str_eq(iscsi_db_record_get(rec, other), "8");
		file = iscsi_db_record_print(rec, ISCSI_DB_FORM_FILE);
		ck_assert_ptr_nonnull(strstr(file, line));
		ck_assert_ptr_null(strstr(file, other));
	}
}
END_TEST

/* The name of 2007 is read, but all three releases know the setting by the new name alone. */
START_TEST(the_old_name_of_the_transport_is_not_written)
{
	CLEANUP(freep) char *text = record_of((size_t)_i, "1");
	char *line = strstr(text, "\niface.transport_name = tcp\n");
	CLEANUP(iscsi_db_record_freep) struct iscsi_db_record *rec = NULL;
	CLEANUP(freep) char *file = NULL;

	ck_assert_ptr_nonnull(line);
	memcpy(line, "\nnode.transport_name  = iser\n", 28);
	rec = parse(ISCSI_DB_NODE, text);
	ck_assert(!iscsi_db_record_update(rec, "node.transport_name", "iser", NULL, NULL, NULL));
	file = iscsi_db_record_print(rec, ISCSI_DB_FORM_FILE);
	ck_assert_ptr_nonnull(strstr(file, "\niface.transport_name = iser\n"));
	ck_assert_ptr_null(strstr(file, "node.transport_name"));
}
END_TEST

START_TEST(no_memory_is_an_error)
{
	static const char text[] = "node.name = iqn.a\nunknown = 1\niface.mtu = 9\n";
	unsigned long n = 0;
	bool done = false;

	if (!alloc_can_fail)
		return;
	while (!done) {
		struct iscsi_db_record *rec = NULL;
		char *printed = NULL;
		enum iscsi_err err;

		alloc_fail_nth(++n);
		err = iscsi_db_record_parse(ISCSI_DB_NODE, text, sizeof(text) - 1, "x", NULL, NULL,
					    &rec, NULL);
		if (!err)
			printed = iscsi_db_record_print(rec, ISCSI_DB_FORM_FILE);
		done = !alloc_fail_stop();
		ck_assert(err == ISCSI_SUCCESS || err == ISCSI_ERR_NOMEM);
		if (done)
			ck_assert_ptr_nonnull(printed);
		free(printed);
		iscsi_db_record_free(rec);
	}
	ck_assert_uint_gt(n, 4);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("record_text");
	TCase *t = tcase_create("record_text");
	SRunner *runner = srunner_create(s);
	int failed;

	suite_add_tcase(s, t);
	tcase_add_test(t, files_come_back_as_they_were);
	tcase_add_loop_test(t, show_is_as_it_always_was, 0, (int)ARRAY_SIZE(shows));
	tcase_add_test(t, the_default_interface_shows);
	tcase_add_test(t, secrets_are_masked);
	tcase_add_loop_test(t, readers_are_tolerant, 0, (int)ARRAY_SIZE(texts));
	tcase_add_test(t, warnings_name_file_and_line);
	tcase_add_test(t, a_record_has_a_line_that_is_known);
	tcase_add_test(t, foreign_lines_are_kept_or_dropped);
	tcase_add_test(t, nothing_beside_a_text_is_read);
	tcase_add_test(t, unknown_lines_survive);
	tcase_add_test(t, late_settings_only_if_changed);
	tcase_add_test(t, both_families_are_kept);
	tcase_add_test(t, long_lines_are_not_used);
	tcase_add_test(t, what_cannot_be_a_record);
	tcase_add_test(t, a_power_cut_leaves_what_is_good);
	tcase_add_loop_test(t, renamed_settings_go_back_as_they_came, 0,
			    (int)ARRAY_SIZE(releases));
	tcase_add_loop_test(t, a_renamed_setting_has_the_name_last_used, 0,
			    (int)ARRAY_SIZE(releases));
	tcase_add_loop_test(t, the_old_name_of_the_transport_is_not_written, 0,
			    (int)ARRAY_SIZE(releases));
	tcase_add_test(t, no_memory_is_an_error);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
