/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Command lines: what they mean, what is refused with which status and words. */
#include <stdio.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <check.h>

#include "iscsiadm/options.h"
#include "libiscsi-db/os.h"
#include "libiscsi-db/util.h"

#define ARGS_MAX	24
#define LINES		"test/fake/command-lines"

/* "-m node" with words between blanks, '' for an empty one -> argv. */
static int split(char *line, char **argv)
{
	int argc = 0;
	char *word;

	argv[argc++] = (char *)"iscsiadm";
	for (word = strtok(line, " "); word && argc < ARGS_MAX; word = strtok(NULL, " "))
		argv[argc++] = streq(word, "''") ? word + 2 : word;
	argv[argc] = NULL;
	return argc;
}

static enum iscsi_err parse(const char *text, struct options *ret, struct iscsi_why *why)
{
	static char line[1024];
	static char *argv[ARGS_MAX + 1];

	(void)snprintf(line, sizeof(line), "%s", text);
	why->text[0] = '\0';
	return options_parse(split(line, argv), argv, ret, why);
}

static void accept(const char *text, struct options *ret)
{
	struct iscsi_why why;
	enum iscsi_err err = parse(text, ret, &why);

	ck_assert_msg(err == ISCSI_SUCCESS, "%s: %d %s", text, err, why.text);
}

START_TEST(order_is_free)
{
	static const char *const lines[] = {
		"-m node -T iqn.a:b -p 10.0.0.1:3261,5 -l",
		"-l -T iqn.a:b -m node -p 10.0.0.1:3261,5",
		"--login --targetname iqn.a:b --mode node --portal 10.0.0.1:3261,5",
		"--mode=node --targetname=iqn.a:b --portal=10.0.0.1:3261,5 --login",
		/* Unique prefixes; -l bundled with an argument's option. */
		"--mod node --target iqn.a:b --portal 10.0.0.1:3261,5 --login",
		"-mnode -lTiqn.a:b -p10.0.0.1:3261,5",
		"-m session -m node -T x -T iqn.a:b -p 1.1.1.1 -p 10.0.0.1:3261,5 -l",
	};
	struct options o;

	/* The last one has options that session mode doesn't know. */
	if (_i == (int)ARRAY_SIZE(lines) - 1) {
		struct iscsi_why why;

		ck_assert_int_eq(parse(lines[_i], &o, &why), ISCSI_ERR_INVAL);
		options_done(&o);
		return;
	}
	accept(lines[_i], &o);
	ck_assert_int_eq(o.action, ACTION_RUN);
	ck_assert_int_eq(o.mode, MODE_NODE);
	ck_assert_str_eq(o.target, "iqn.a:b");
	ck_assert(o.has_portal);
	ck_assert_str_eq(o.portal.address, "10.0.0.1");
	ck_assert_int_eq(o.portal.port, 3261);
	ck_assert_int_eq(o.portal.tpgt, 5);
	ck_assert(o.login && !o.logout);
	ck_assert_int_eq(o.print_level, OPTION_UNSET);
	options_done(&o);
}
END_TEST

START_TEST(help_and_version)
{
	struct options o;
	enum adm_mode mode;

	accept("--help", &o);
	ck_assert(o.action == ACTION_HELP && o.mode == MODE_NONE);
	options_done(&o);
	accept("-m node --help", &o);
	ck_assert(o.action == ACTION_HELP && o.mode == MODE_NODE);
	options_done(&o);
	accept("-V -m nonsense", &o);
	ck_assert(o.action == ACTION_VERSION);
	options_done(&o);
	accept("-k 0", &o);
	ck_assert(o.action == ACTION_STOP_DAEMON && o.kill_priority == 0);
	options_done(&o);
	/* Each text fits a screen, and has what is common to all. */
	for (mode = MODE_NONE; mode < MODE_COUNT; mode++) {
		const char *p, *line = options_help(mode);
		int lines = 0;

		for (p = line; *p; p++) {
			if (*p != '\n')
				continue;
			ck_assert_msg(p - line <= 80, "%.*s", (int)(p - line), line);
			line = p + 1;
			lines++;
		}
		ck_assert_ptr_nonnull(strstr(options_help(mode), "--dbroot=DIR"));
		ck_assert_int_le(lines, 24);
		ck_assert_int_gt(lines, 5);
	}
}
END_TEST

static const char *const mode_names[MODE_COUNT] = {
	[MODE_DISCOVERY] = "discovery", [MODE_DISCOVERYDB] = "discoverydb", [MODE_NODE] = "node",
	[MODE_SESSION] = "session", [MODE_IFACE] = "iface", [MODE_HOST] = "host", [MODE_FW] = "fw",
};

/* Gives the parser @text on its standard input. */
static void feed(const char *text)
{
	FILE *f = tmpfile();

	ck_assert_ptr_nonnull(f);
	(void)fputs(text, f);
	rewind(f);
	ck_assert_int_eq(dup2(fileno(f), STDIN_FILENO), STDIN_FILENO);
	__fpurge(stdin);
	clearerr(stdin);
	fclose(f);
}

START_TEST(a_value_comes_from_standard_input)
{
	struct options o;
	struct iscsi_why why;

	feed("se\tcret \nsecond");
	accept("-m node -o update -n a -v - -n b -v - -n c -v x", &o);
	ck_assert_uint_eq(o.pair_count, 3);
	ck_assert_str_eq(o.pairs[0].value, "se\tcret ");
	ck_assert_str_eq(o.pairs[1].value, "second");
	ck_assert_str_eq(o.pairs[2].value, "x");
	options_done(&o);
	feed("\n");
	accept("-m node -o update -n a -v -", &o);
	ck_assert_str_eq(o.pairs[0].value, "");
	options_done(&o);
	feed("");
	ck_assert_int_eq(parse("-m node -o update -n a -v -", &o, &why), ISCSI_ERR_INVAL);
	ck_assert_str_eq(why.text, "-v - needs a line of text on standard input");
	options_done(&o);
	feed("a\003b\n");
	ck_assert_int_eq(parse("-m node -o update -n a -v -", &o, &why), ISCSI_ERR_INVAL);
	options_done(&o);
}
END_TEST

static const struct {
	const char *path;
	unsigned int sid;	/* 0: none */
} paths[] = {
	{ "/sys/devices/platform/host3/session7", 7 },
	{ "/sys/devices/platform/host3/session7/target3:0:0/3:0:0:0/block/sda", 7 },
	{ "/sys/devices/platform/host3/session12/iscsi_session/session12", 12 },
	{ "/sys/class/iscsi_session/session5/", 5 },
	{ "session4294967295", 4294967295u },
	{ "/sys/session/x", 0 }, { "/sys/session0", 0 }, { "/sys/session1x", 0 },
	{ "/sys/xsession1", 0 }, { "/sys/session99999999999999999999", 0 }, { "/", 0 }, { "", 0 },
};

START_TEST(paths_lead_to_sessions)
{
	unsigned int sid = 0;

	ck_assert(options_path_sid(paths[_i].path, &sid) == (paths[_i].sid != 0));
	if (paths[_i].sid)
		ck_assert_uint_eq(sid, paths[_i].sid);
}
END_TEST

/* The codes of --dbroot and its like are no letters that a line can have. */
START_TEST(codes_are_no_letters)
{
	struct options o;
	struct iscsi_why why;

	ck_assert_int_eq(parse("-m node -\x01 x", &o, &why), ISCSI_ERR_INVAL);
	ck_assert_ptr_nonnull(strstr(why.text, "is not allowed/supported"));
	options_done(&o);
}
END_TEST

/* ---- all that a line says -------------------------------------------------------------- */

/* Each member that isn't as it is without options. */
static void print_options(FILE *out, const struct options *o)
{
	static const char *const actions[] = { "run", "help", "version", "stop" };
	static const char *const types[] = { "none", "sendtargets", "isns", "fw" };
	static const char *const submodes[] = { "none", "ping", "chap", "flashnode", "stats" };
	static const char *const ops[] = { "new", "delete", "update", "show", "nonpersistent",
					   "apply", "applyall", "login", "logout" };
	const struct {
		const char *name;
		bool is;
	} flags[] = {
		{ "login", o->login }, { "logout", o->logout }, { "rescan", o->rescan },
		{ "stats", o->stats }, { "discover", o->discover }, { "no-wait", o->no_wait },
		{ "secrets", o->show_secrets }, { "force", o->force }, { "json", o->json },
		{ "on-stdout", o->error_on_stdout }, { "suggest-help", o->suggest_help },
	};
	const struct {
		const char *name, *text;
	} texts[] = {
		{ "target", o->target }, { "loginall", o->login_all },
		{ "logoutall", o->logout_all }, { "type-word", o->type_word }, { "host", o->host },
		{ "portal-type", o->portal_type }, { "ping", o->ping_address },
		{ "dbroot", o->db_root }, { "type", o->type ? types[o->type] : NULL },
		{ "submode", o->submode ? submodes[o->submode] : NULL },
	};
	const struct {
		const char *name;
		long long is, usual;
	} numbers[] = {
		{ "print", o->print_level, OPTION_UNSET }, { "wait", o->wait_s, OPTION_UNSET },
		{ "debug", o->debug, 0 }, { "host-no", o->host_no, 0 }, { "size", o->packet_size, 32 },
		{ "count", o->packet_count, 1 }, { "interval", o->interval, 0 },
		{ "priority", o->kill_priority, 0 }, { "sid", o->has_sid ? o->sid : -1LL, -1 },
		{ "index", o->has_index ? o->index : -1LL, -1 },
	};

	fprintf(out, "%s %s", actions[o->action], o->mode ? mode_names[o->mode] : "without a mode");
	for (size_t i = 0; i < ARRAY_SIZE(ops); i++)
		if (o->ops >> i & 1)
			fprintf(out, " -o %s", ops[i]);
	for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
		if (flags[i].is)
			fprintf(out, " %s", flags[i].name);
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		if (texts[i].text)
			fprintf(out, " %s=%s", texts[i].name, texts[i].text);
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		if (numbers[i].is != numbers[i].usual)
			fprintf(out, " %s=%lld", numbers[i].name, numbers[i].is);
	if (o->has_portal)
		fprintf(out, " portal='%s',%d,%d", o->portal.address, o->portal.port,
			o->portal.tpgt);
	for (size_t i = 0; i < o->iface_count; i++)
		fprintf(out, " iface=%s", o->ifaces[i]);
	for (size_t i = 0; i < o->pair_count; i++)
		fprintf(out, " %s=%s", o->pairs[i].name, o->pairs[i].value);
	fputc('\n', out);
}

/* What the file says of each line that it has. */
START_TEST(lines_mean_what_is_written)
{
	CLEANUP(freep) char *wanted = NULL;
	CLEANUP(freep) char *got = NULL;
	const char *write_to = getenv("LINES_OUT");
	size_t len, got_len, same = 0;
	FILE *out = open_memstream(&got, &got_len);

	ck_assert_int_eq(os_read_path(LINES, &wanted, &len), 0);
	for (char *line = wanted; *line; line += strcspn(line, "\n") + 1) {
		CLEANUP(freep) char *copy = strndup(line, strcspn(line, "\n"));
		struct iscsi_why why;
		struct options o;
		enum iscsi_err err;

		if (strchr("#$", *copy))
			fprintf(out, "%s\n", copy);
		if (*copy != '$')
			continue;
		feed("first line\nsecond\n");
		err = parse(copy + strlen("$ "), &o, &why);
		if (err)
			fprintf(out, "! %d %s\n", err, why.text);
		print_options(out, &o);
		options_done(&o);
	}
	(void)fclose(out);
	if (write_to) {
		out = fopen(write_to, "w");
		ck_assert_ptr_nonnull(out);
		fputs(got, out);
		fclose(out);
		return;
	}
	for (size_t i = 0; got[i] && got[i] == wanted[i]; i++)
		same = got[i] == '\n' && wanted[i + 1] == '$' ? i + 1 : same;
	ck_assert_msg(streq(got, wanted), "got\n%.300s\nin the place of\n%.300s", got + same,
		      wanted + same);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("options");
	TCase *t = tcase_create("options");
	SRunner *runner = srunner_create(s);
	int failed;

	suite_add_tcase(s, t);
	tcase_set_timeout(t, 60);	/* for a busy machine */
	tcase_add_loop_test(t, order_is_free, 0, 7);
	tcase_add_test(t, help_and_version);
	tcase_add_test(t, a_value_comes_from_standard_input);
	tcase_add_test(t, codes_are_no_letters);
	tcase_add_test(t, lines_mean_what_is_written);
	tcase_add_loop_test(t, paths_lead_to_sessions, 0, (int)ARRAY_SIZE(paths));
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
