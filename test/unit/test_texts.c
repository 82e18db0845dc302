/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the library makes of names, addresses, values and files, with every word that it says. The
 * file test/fake/texts holds both; its head says how to read it.
 */
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "libiscsi-db/address.h"
#include "libiscsi-db/config.h"
#include "libiscsi-db/os.h"
#include "libiscsi-db/path.h"
#include "libiscsi-db/record.h"
#include "libiscsi-db/setting.h"

#define TEXTS	"test/fake/texts"

static FILE *out;

static void on_warning(void *arg, const char *text)
{
	(void)arg;
	fprintf(out, "  warning: %s\n", text);
}

/* @text with \n, \t, \xNN, and {TEXT*TIMES} repeated; *len gets the length. */
static char *decode(const char *text, size_t *len)
{
	char *ret = calloc(1, 1 << 14), *to = ret, piece[16];
	unsigned int byte;
	int times;

	while (*text) {
		if (sscanf(text, "{%15[^*}]*%d}", piece, &times) == 2) {
			while (times--)
				to = stpcpy(to, piece);
			text = strchr(text, '}') + 1;
		} else if (text[0] == '\\' && sscanf(text, "\\x%2x", &byte) == 1) {
			*to++ = (char)byte;
			text += 4;
		} else if (text[0] == '\\') {
			*to++ = text[1] == 'n' ? '\n' : '\t';
			text += 2;
		} else {
			*to++ = *text++;
		}
	}
	*len = (size_t)(to - ret);
	return ret;
}

static void print_result(enum iscsi_err err, const struct iscsi_why *why, const char *good)
{
	if (err)
		fprintf(out, "  = %d %s\n", err, why->text);
	else
		fprintf(out, "  %s\n", good);
}

/* The lines of @rec that neither a new record nor @besides has, behind @which; the whole text. */
static char *print_record(const struct iscsi_db_record *rec, enum iscsi_db_form form,
			  const char *besides, const char *which)
{
	CLEANUP(iscsi_db_record_freep) struct iscsi_db_record *fresh = NULL;
	CLEANUP(freep) char *usual = NULL;
	char *text = iscsi_db_record_print(rec, form);

	ck_assert(!iscsi_db_record_new(iscsi_db_record_kind(rec), &fresh));
	usual = iscsi_db_record_print(fresh, form);
	for (char *p = text; *p; p += strcspn(p, "\n") + 1) {
		CLEANUP(freep) char *line = strndup(p, strcspn(p, "\n") + 1);

		if (!strstr(usual, line) && !strstr(besides, line))
			fprintf(out, "  %s%s", which, line);
	}
	return text;
}

static void try_value(const char *key, const char *text)
{
	static const char *const sources[] = {
		[SETTING_FROM_FILE] = "file", [SETTING_FROM_USER] = "user",
		[SETTING_FROM_PROGRAM] = "program",
	};
	struct db_warn warn = { .fn = on_warning };
	int kind = DB_KINDS, index = -1;
	char *said[ARRAY_SIZE(sources)];
	FILE *all = out;
	size_t len;

	while (index < 0 && kind--)
		index = setting_find((enum iscsi_db_kind)kind, key);
	ck_assert_msg(index >= 0, "%s", key);
	for (size_t i = 0; i < ARRAY_SIZE(sources); i++) {
		char value[ISCSI_VALUE_MAX + 1] = "";
		struct iscsi_why why = { "" };
		enum iscsi_err err;

		out = open_memstream(&said[i], &len);
		err = setting_normalize(setting_row((enum iscsi_db_kind)kind, (unsigned int)index),
					text, (enum setting_source)i, value, &warn, &why);
		print_result(err, &why, value);
		(void)fclose(out);
	}
	out = all;
	for (size_t i = 0; i < ARRAY_SIZE(sources); i++) {
		/* What is the same for all stands alone. */
		if (streq(said[0], said[1]) && streq(said[0], said[2]))
			fputs(i ? "" : said[0], out);
		else
			fprintf(out, " %s:\n%s", sources[i], said[i]);
	}
	for (size_t i = 0; i < ARRAY_SIZE(sources); i++)
		free(said[i]);
}

static void try_portal(const char *text, bool of_target)
{
	struct iscsi_db_portal portal = { .port = 0 };
	struct iscsi_why why = { "" };
	enum iscsi_err err = of_target ? iscsi_db_target_address_parse(text, &portal, &why) :
					 iscsi_db_portal_parse(text, &portal, &why);
	CLEANUP(freep) char *good = db_format("'%s' %d %d%s", portal.address, portal.port,
					      portal.tpgt, iscsi_db_address_in_brackets(
					      portal.address) ? " in brackets" : "");

	print_result(err, &why, good);
}

static void try_record(enum iscsi_db_kind kind, const char *text, size_t len)
{
	CLEANUP(iscsi_db_record_freep) struct iscsi_db_record *rec = NULL;
	CLEANUP(freep) char *file = NULL, *shown = NULL, *secrets = NULL;
	struct iscsi_why why = { "" };
	enum iscsi_err err = iscsi_db_record_parse(kind, text, len, "FILE", on_warning, NULL, &rec,
						   &why);

	if (err) {
		print_result(err, &why, NULL);
		return;
	}
	file = print_record(rec, ISCSI_DB_FORM_FILE, "", "");
	shown = print_record(rec, ISCSI_DB_FORM_SHOW, file, "listed as ");
	secrets = print_record(rec, ISCSI_DB_FORM_SHOW_SECRETS, file, "with secrets as ");
}

static void try_config(const char *text, size_t len)
{
	CLEANUP(iscsi_db_config_freep) struct iscsi_db_config *config = NULL;
	struct iscsi_why why = { "" };
	enum iscsi_err err = config_parse(text, len, "FILE", on_warning, NULL, &config, &why);
	static const char *const keys[] = { "iscsid.startup", "discovery.merge", "node.startup" };
	static const char *const names[DB_KINDS] = {
		[ISCSI_DB_NODE] = "node: ", [ISCSI_DB_IFACE] = "interface: ",
		[ISCSI_DB_SENDTARGETS] = "portal: ", [ISCSI_DB_ISNS] = "server: ",
	};

	if (err)
		print_result(err, &why, NULL);
	for (int kind = 0; kind < DB_KINDS && !err; kind++) {
		CLEANUP(iscsi_db_record_freep) struct iscsi_db_record *rec = NULL;
		CLEANUP(freep) char *text_of = NULL;

		ck_assert(!iscsi_db_record_new((enum iscsi_db_kind)kind, &rec));
		ck_assert(!iscsi_db_config_apply(config, rec));
		text_of = print_record(rec, ISCSI_DB_FORM_FILE, "", names[kind]);
	}
	for (size_t i = 0; i < ARRAY_SIZE(keys) && !err; i++) {
		const char *value = iscsi_db_config_get(config, keys[i]);

		if (value)
			fprintf(out, "  get %s: %s\n", keys[i], value);
	}
}

static void try_initiator(const char *text, size_t len)
{
	struct iscsi_db_initiator initiator = { 0 };
	struct iscsi_why why = { "" };
	enum iscsi_err err = initiator_parse(text, len, "FILE", on_warning, NULL, &initiator, &why);
	CLEANUP(freep) char *good = db_format("'%s' '%s'", initiator.name, initiator.alias);

	print_result(err, &why, good);
}

static void try_near(const char *text)
{
	for (int kind = -1; kind < DB_KINDS; kind++) {
		const char *near = setting_nearest(kind, text);

		fprintf(out, " %s%s", kind < 0 ? " " : "| ", near ? near : "none");
	}
	fputc('\n', out);
}

/* "$ WHAT TEXT" */
static void run(const char *line)
{
	size_t what = strcspn(line, " "), len;
	CLEANUP(freep) char *text = decode(line[what] ? line + what + 1 : "", &len);
	struct iscsi_why why = { "" };
	const char *is = line;
	char *value = text + strcspn(text, "=");

	if ((is[0] == 'e' || is[0] == 'v') && *value)	/* a pair */
		*value++ = '\0';
#define IS(word)	(strlen(word) == what && !strncmp(is, word, what))
	if (IS("name"))
		print_result(iscsi_db_check_name(text, &why), &why, "good");
	else if (IS("foreign"))
		print_result(iscsi_db_check_foreign_name(text, &why), &why, "good");
	else if (IS("iface"))
		print_result(iscsi_db_check_iface_name(text, &why), &why, "good");
	else if (IS("address"))
		print_result(iscsi_db_check_address(text, &why), &why, "good");
	else if (IS("portal") || IS("target-address"))
		try_portal(text, IS("target-address"));
	else if (IS("node"))
		try_record(ISCSI_DB_NODE, text, len);
	else if (IS("isns"))
		try_record(ISCSI_DB_ISNS, text, len);
	else if (IS("interface"))
		try_record(ISCSI_DB_IFACE, text, len);
	else if (IS("conf"))
		try_config(text, len);
	else if (IS("initiator"))
		try_initiator(text, len);
	else if (IS("near"))
		try_near(text);
	else if (IS("equal"))
		fprintf(out, "  %d\n", address_equal(text, value));
	else if (IS("value"))
		try_value(text, value);
	else
		ck_abort_msg("%s", line);
#undef IS
}

START_TEST(texts_become_what_is_written)
{
	const char *write_to = getenv("TEXTS_OUT");
	CLEANUP(freep) char *wanted = NULL, *got = NULL;
	size_t len, at = 0, same;

	ck_assert_int_eq(os_read_path(TEXTS, &wanted, &len), 0);
	out = open_memstream(&got, &len);
	for (const char *p = wanted; *p; p += strcspn(p, "\n") + 1) {
		CLEANUP(freep) char *line = strndup(p, strcspn(p, "\n"));

		if (strchr("#$", *line))
			fprintf(out, "%s\n", line);
		if (*line == '$')
			run(line + 2);
	}
	(void)fclose(out);
	if (write_to) {
		out = fopen(write_to, "w");
		ck_assert_ptr_nonnull(out);
		fputs(got, out);
		fclose(out);
		return;
	}
	for (same = 0; got[same] && got[same] == wanted[same]; same++)
		at = got[same] == '\n' && wanted[same + 1] == '$' ? same + 1 : at;
	ck_assert_msg(streq(got, wanted), "got\n%.500s\nin the place of\n%.500s", got + at,
		      wanted + at);
}
END_TEST

START_TEST(paths_are_put_together)
{
	CLEANUP(freep) char *empty = db_format("%s", ""), *whole = db_concat("a", "", "b/", "c", NULL);
	CLEANUP(freep) char *joined = db_join("a", "b"), *parent = db_parent_name("a/b/c");
	CLEANUP(freep) char *alone = db_parent_name("a"), *root = db_parent_name("/a");

	ck_assert_str_eq(empty, "");
	ck_assert_str_eq(whole, "ab/c");
	ck_assert_str_eq(joined, "a/b");
	ck_assert_str_eq(parent, "a/b");
	ck_assert_str_eq(alone, ".");
	ck_assert_str_eq(root, "");
	ck_assert_str_eq(db_base_name("a/b/c"), "c");
	ck_assert_str_eq(db_base_name("a"), "a");
	ck_assert_str_eq(db_base_name("a/"), "");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("texts");
	TCase *t = tcase_create("texts");
	SRunner *runner = srunner_create(s);
	int failed;

	suite_add_tcase(s, t);
	tcase_add_test(t, paths_are_put_together);
	tcase_add_test(t, texts_become_what_is_written);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
