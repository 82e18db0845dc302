/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Command lines: what they mean, what is refused with which status and words. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <check.h>

#include "iscsiadm/options.h"
#include "libiscsi-db/util.h"

#define ARGS_MAX	24

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

/* ---- accepted -------------------------------------------------------------------------- */

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

START_TEST(operations_add_up)
{
	struct options o;

	accept("-m discovery -t st -p 10.0.0.1 -o new -o delete --op nonpersistent", &o);
	ck_assert_uint_eq(o.ops, OP_NEW | OP_DELETE | OP_NONPERSISTENT);
	ck_assert_int_eq(o.type, TYPE_SENDTARGETS);
	ck_assert_int_eq(o.portal.port, -1);
	ck_assert_int_eq(o.portal.tpgt, ISCSI_TPGT_UNKNOWN);
	options_done(&o);
	accept("-m discoverydb -t sendtargets -p [::1] -I a -I b -D", &o);
	ck_assert_int_eq(o.type, TYPE_SENDTARGETS);
	ck_assert_str_eq(o.portal.address, "::1");
	ck_assert_uint_eq(o.iface_count, 2);
	ck_assert_str_eq(o.ifaces[0], "a");
	ck_assert_str_eq(o.ifaces[1], "b");
	ck_assert(o.discover);
	options_done(&o);
	accept("-m discovery -t slp", &o);
	ck_assert_int_eq(o.type, TYPE_NONE);
	ck_assert_str_eq(o.type_word, "slp");
	options_done(&o);
}
END_TEST

static const struct {
	const char *line, *names, *values;
} pairings[] = {
	{ "-n a -v b", "a", "b" },
	{ "-v b -n a", "a", "b" },
	{ "-n a -v b -n c -v d", "ac", "bd" },
	{ "-v b -n a -n c -v d", "ac", "bd" },
	{ "-n a -l -v b", "a", "b" },
	{ "-n x -n a -v b", "a", "b" },
	{ "-n a", "", "" },
	{ "-v b", "", "" },
};

START_TEST(names_and_values_pair)
{
	char line[64], names[8] = "", values[8] = "";
	struct options o;
	struct iscsi_why why;
	size_t i;

	/* Without an operation that changes something, as -o show is. */
	(void)snprintf(line, sizeof(line), "-m discovery %s", pairings[_i].line);
	if (strstr(line, "-l"))
		(void)snprintf(line, sizeof(line), "-m node %s", pairings[_i].line);
	ck_assert_int_eq(parse(line, &o, &why), ISCSI_SUCCESS);
	for (i = 0; i < o.pair_count; i++) {
		strcat(names, o.pairs[i].name);
		strcat(values, o.pairs[i].value);
	}
	ck_assert_str_eq(names, pairings[_i].names);
	ck_assert_str_eq(values, pairings[_i].values);
	options_done(&o);
}
END_TEST

START_TEST(numbers_are_taken)
{
	struct options o;

	accept("-m session -r 7 -P 3 -S -d 8", &o);
	ck_assert(o.has_sid && o.sid == 7 && o.show_secrets);
	ck_assert_int_eq(o.print_level, 3);
	ck_assert_int_eq(o.debug, 8);
	options_done(&o);
	/* As atoi() has it. */
	accept("-m node -P x", &o);
	ck_assert_int_eq(o.print_level, 0);
	options_done(&o);
	accept("-m host -H 4294967295 -x 3 -C chap -o show", &o);
	ck_assert(o.has_host && o.host_no == 4294967295u && o.has_index && o.index == 3);
	ck_assert_int_eq(o.submode, SUBMODE_CHAP);
	options_done(&o);
	accept("-m host -H 00:11:22:33:44:55 --portal_type ipv4", &o);
	ck_assert_str_eq(o.host, "00:11:22:33:44:55");
	ck_assert_str_eq(o.portal_type, "ipv4");
	options_done(&o);
	accept("-m iface -I x -C ping -a 10.0.0.1 -b 64 -c 2 -i 1", &o);
	ck_assert_int_eq(o.packet_size, 64);
	ck_assert_int_eq(o.packet_count, 2);
	ck_assert_int_eq(o.interval, 1);
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

START_TEST(every_mode_takes_a_root)
{
	char line[128];
	struct options o;

	(void)snprintf(line, sizeof(line), "-m %s --dbroot /srv/a=b", mode_names[_i]);
	accept(line, &o);
	ck_assert_str_eq(o.db_root, "/srv/a=b");
	options_done(&o);
	(void)snprintf(line, sizeof(line), "--db=x -m %s --dbroot=y", mode_names[_i]);
	accept(line, &o);
	ck_assert_str_eq(o.db_root, "y");
	options_done(&o);
	(void)snprintf(line, sizeof(line), "-m %s", mode_names[_i]);
	accept(line, &o);
	ck_assert_ptr_null(o.db_root);
	options_done(&o);
}
END_TEST

START_TEST(harmless_words_are_ignored)
{
	static const char *const lines[] = {
		"-m node foo", "foo -m session", "-m node --logout all", "-m node -u all",
		"-m node --login all", "-m discovery -t st -p 10.0.0.1 foo", "-m session -P 1 foo",
		"-m node -o show foo", "-m node -R foo", "-m node -n foo",
		/* A value may begin with anything. */
		"-m node -T t -o update -n node.session.auth.password -v \u2013x",
	};
	struct options o;

	accept(lines[_i], &o);
	options_done(&o);
}
END_TEST

static const struct {
	const char *arg, *address;
	int port, tpgt;
} portals[] = {
	{ "10.0.0.1:3260:1", "10.0.0.1", 3260, ISCSI_TPGT_UNKNOWN },
	{ "10.0.0.1:3261:x,5", "10.0.0.1", 3261, 5 },
	{ "storage.example:3260:1", "storage.example", 3260, ISCSI_TPGT_UNKNOWN },
	{ "fe80::1:3260:1", "fe80::1:3260:1", -1, ISCSI_TPGT_UNKNOWN },
	{ "::ffff:10.0.0.1", "::ffff:10.0.0.1", -1, ISCSI_TPGT_UNKNOWN },
};

START_TEST(a_second_colon_ends_the_port)
{
	char line[64];
	struct options o;

	(void)snprintf(line, sizeof(line), "-m node -p %s", portals[_i].arg);
	accept(line, &o);
	ck_assert_str_eq(o.portal.address, portals[_i].address);
	ck_assert_int_eq(o.portal.port, portals[_i].port);
	ck_assert_int_eq(o.portal.tpgt, portals[_i].tpgt);
	options_done(&o);
}
END_TEST

/* Gives the parser @text on its standard input. */
static void feed(const char *text)
{
	FILE *f = tmpfile();

	ck_assert_ptr_nonnull(f);
	(void)fputs(text, f);
	rewind(f);
	ck_assert_int_eq(dup2(fileno(f), STDIN_FILENO), STDIN_FILENO);
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

/* ---- refused --------------------------------------------------------------------------- */

static const struct {
	const char *line;
	enum iscsi_err err;
	const char *text;	/* part of the reason */
} refused[] = {
	{ "", ISCSI_ERR_INVAL, "no mode specified" },
	{ "-P 1", ISCSI_ERR_INVAL, "no mode specified" },
	{ "-m foo", ISCSI_ERR_INVAL, "foo mode is" },
	{ "-m ''", ISCSI_ERR_INVAL, " mode is" },
	{ "-m", ISCSI_ERR_INVAL, "requires an argument -- 'm'" },
	{ "-z", ISCSI_ERR_INVAL, "unrecognized character 'z'" },
	{ "-m node -z", ISCSI_ERR_INVAL, "node mode: option '-z' is not allowed/supported" },
	{ "-zm node", ISCSI_ERR_INVAL, "node mode: option '-z' is not allowed/supported" },
	{ "-m node -T", ISCSI_ERR_INVAL, "requires an argument -- 'T'" },
	{ "-m node --targetname", ISCSI_ERR_INVAL, "option '--targetname' requires an argument" },
	{ "-m node --logoutall", ISCSI_ERR_INVAL, "option '--logoutall' requires an argument" },
	{ "-m node --logoutal", ISCSI_ERR_INVAL, "option '--logoutall' requires an argument" },
	{ "-m node -U", ISCSI_ERR_INVAL, "option requires an argument -- 'U'" },
	{ "-m node --log", ISCSI_ERR_INVAL,
	  "'--log' is ambiguous; possibilities: --login, --logout" },
	{ "-m node --lgoin", ISCSI_ERR_INVAL, "'--lgoin'; did you mean '--login'?" },
	{ "--xyzzy", ISCSI_ERR_INVAL, "unrecognized option '--xyzzy'" },
	{ "-m node --dbroot", ISCSI_ERR_INVAL, "option '--dbroot' requires an argument" },
	{ "--dbroot", ISCSI_ERR_INVAL, "option '--dbroot' requires an argument" },
	{ "-m node --dbroot=", ISCSI_ERR_INVAL, "--dbroot names no folder" },
	{ "-m node --d x", ISCSI_ERR_INVAL,
	  "'--d' is ambiguous; possibilities: --discover, --debug, --dbroot" },
	{ "-m node -\x01 x", ISCSI_ERR_INVAL, "is not allowed/supported" },
	{ "-m node --login=yes", ISCSI_ERR_INVAL, "'--login' takes no argument" },
	/* Held against the mode at -m, the whole line and from its beginning. */
	{ "-D -m node -o foo", ISCSI_ERR_INVAL, "node mode: option '-D' is not" },
	{ "-m node -o foo -D", ISCSI_ERR_INVAL, "node mode: option '-D' is not" },
	{ "-m discovery -W", ISCSI_ERR_INVAL, "discovery mode: option '-W' is not" },
	{ "-m discoverydb -T x", ISCSI_ERR_INVAL, "discoverydb mode: option '-T' is not" },
	{ "-m session -T x", ISCSI_ERR_INVAL, "session mode: option '-T' is not" },
	{ "-m session -l", ISCSI_ERR_INVAL, "session mode: option '-l' is not" },
	{ "-m iface -p x", ISCSI_ERR_INVAL, "iface mode: option '-p' is not" },
	{ "-m host -I x", ISCSI_ERR_INVAL, "host mode: option '-I' is not" },
	{ "-m fw -P 1", ISCSI_ERR_INVAL, "fw mode: option '-P' is not" },
	{ "-m node -V", ISCSI_ERR_INVAL, "node mode: option '-V' is not" },
	{ "-m node -k 0", ISCSI_ERR_INVAL, "node mode: option '-k' is not" },
	{ "-k -1", ISCSI_ERR_INVAL, "Invalid killiscsid priority -1 Priority must be greater" },
	{ "-m node -o foo", ISCSI_ERR_INVAL, "can not recognize operation: 'foo'" },
	{ "-m node -L foo", ISCSI_ERR_INVAL, "Invalid loginall option foo." },
	{ "-m node -U onboot", ISCSI_ERR_INVAL, "Invalid logoutall option onboot." },
	{ "-m session -r x", ISCSI_ERR, "x is an invalid session ID or path" },
	{ "-m session -r 0", ISCSI_ERR, "0 is an invalid session ID or path" },
	{ "-m session -r -1", ISCSI_ERR, "-1 is an invalid session ID or path" },
	{ "-m session -r 5x", ISCSI_ERR, "5x is an invalid session ID or path" },
	{ "-m session -r /etc/passwd", ISCSI_ERR, "/etc/passwd is not a directory" },
	{ "-m session -r /etc", ISCSI_ERR_INVAL, "invalid sid '/etc'" },
	{ "-m host -H 4294967296", ISCSI_ERR_INVAL,
	  "Invalid host no 4294967296. Numerical result out of range." },
	{ "-m host -H x", ISCSI_ERR_INVAL, "Invalid host no x." },
	{ "-m host -x 99999999999", ISCSI_ERR_INVAL,
	  "Invalid index 99999999999. Numerical result out of range." },
	{ "-m node -I ''", ISCSI_ERR_INVAL, "Invalid iface name . Must be from 1 to 64" },
	{ "-m node -p 10.0.0.1:0", ISCSI_ERR_INVAL, "" },
	{ "-m node -p 10.0.0.1:99999", ISCSI_ERR_INVAL, "99999" },
	{ "-m node -p [::1", ISCSI_ERR_INVAL, "" },
	/* Slips of the hand. */
	{ "-m node \u2013T iqn.a:b -l", ISCSI_ERR_INVAL, "did you mean '-T'?" },
	{ "-m node \u2014\u2014login", ISCSI_ERR_INVAL, "did you mean '--login'?" },
	{ "-m node \u2212u", ISCSI_ERR_INVAL, "did you mean '-u'?" },
	{ "-m node \u2013P 1", ISCSI_ERR_INVAL, "did you mean '-P'?" },
	{ "-m node \u2013login", ISCSI_ERR_INVAL, "did you mean '--login'?" },
	{ "-m node -\u2013login", ISCSI_ERR_INVAL, "did you mean '--login'?" },
	{ "\u2013mode node", ISCSI_ERR_INVAL, "did you mean '--mode'?" },
	{ "-m node \u2014logoutall=all", ISCSI_ERR_INVAL, "did you mean '--logoutall=all'?" },
	{ "-m node \u2013Tiqn.a:b", ISCSI_ERR_INVAL, "did you mean '-Tiqn.a:b'?" },
	{ "-m discovery -t st -p 192.168.1.1\uff1a3260", ISCSI_ERR_INVAL,
	  "did you mean 192.168.1.1:3260?" },
	{ "-m node -o delete -name iqn.a:b", ISCSI_ERR_INVAL, "did you mean '-T iqn.a:b'?" },
	{ "-m node -o delete iqn.a:b", ISCSI_ERR_INVAL, "did you mean '-T iqn.a:b'?" },
	{ "-m node -l iqn.a:b", ISCSI_ERR_INVAL, "did you mean '-T iqn.a:b'?" },
	{ "-m node -u 10.0.0.1", ISCSI_ERR_INVAL, "did you mean '-p 10.0.0.1'?" },
	{ "-m node -o update foo -n a -v b", ISCSI_ERR_INVAL,
	  "'foo' stands alone beside -o update" },
	{ "-m node -o update -n a -v b c", ISCSI_ERR_INVAL, "'c' stands alone" },
	{ "-m node -o update -n a -v b -n c", ISCSI_ERR_INVAL, "-n c has no -v" },
	{ "-m node -o update -n c -n a -v b", ISCSI_ERR_INVAL, "-n c has no -v" },
	{ "-m node -o update -v c -n a -v b -v d", ISCSI_ERR_INVAL, "a -v has no -n" },
	{ "-m node -o delete -n a", ISCSI_ERR_INVAL, "-n a has no -v beside -o delete" },
	{ "-m node -o delete all", ISCSI_ERR_INVAL, "'all' stands alone" },
	{ "-m node -L all foo", ISCSI_ERR_INVAL, "'foo' stands alone beside --loginall" },
	{ "-m node -l -p ''", ISCSI_ERR_INVAL, "portal beside --login is empty" },
	{ "-m node --wait", ISCSI_ERR_INVAL, "--wait goes with a login or a rescan" },
	{ "-m node -l -W --wait", ISCSI_ERR_INVAL, "exclude each other" },
	{ "-m node -l --wait=-1", ISCSI_ERR_INVAL, "--wait=-1: the seconds to wait are a number" },
	{ "-m node -l --wait=86401", ISCSI_ERR_INVAL, "from 0 to 86400" },
	{ "-m host --wait", ISCSI_ERR_INVAL, "host mode: option '--wait' is not" },
};

START_TEST(lines_are_refused)
{
	struct iscsi_why why;
	struct options o;
	enum iscsi_err err = parse(refused[_i].line, &o, &why);

	ck_assert_msg(err == refused[_i].err, "%s: %d %s", refused[_i].line, err, why.text);
	ck_assert_msg(strstr(why.text, refused[_i].text) != NULL, "%s: %s", refused[_i].line,
		      why.text);
	ck_assert_str_ne(why.text, "");
	options_done(&o);
}
END_TEST

START_TEST(waiting_goes_with_disks)
{
	struct iscsi_why why;
	struct options o;

	accept("-m node -l --wait", &o);
	ck_assert_int_eq(o.wait_s, 120);
	options_done(&o);
	accept("-m session -R --wait=0 --json", &o);
	ck_assert_int_eq(o.wait_s, 0);
	ck_assert(o.json);
	options_done(&o);
	accept("-m node -L all", &o);
	ck_assert_int_eq(o.wait_s, OPTION_UNSET);
	ck_assert(!o.json);
	options_done(&o);
	/* A mistake is told in a document, wherever --json stands on the line. */
	ck_assert_int_eq(parse("-m nodes -J", &o, &why), ISCSI_ERR_INVAL);
	ck_assert(o.json);
	options_done(&o);
}
END_TEST

START_TEST(iface_names_have_a_length)
{
	char line[128] = "-m node -I ";
	struct iscsi_why why;
	struct options o;
	size_t start = strlen(line);

	memset(line + start, 'i', 64);
	line[start + 64] = '\0';
	accept(line, &o);
	ck_assert(!o.error_on_stdout);
	options_done(&o);
	line[start + 64] = 'i';
	line[start + 65] = '\0';
	ck_assert_int_eq(parse(line, &o, &why), ISCSI_ERR_INVAL);
	ck_assert(o.error_on_stdout);
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

int main(void)
{
	Suite *s = suite_create("options");
	TCase *t = tcase_create("options");
	SRunner *runner = srunner_create(s);
	int failed;

	suite_add_tcase(s, t);
	tcase_set_timeout(t, 60);	/* for a busy machine */
	tcase_add_loop_test(t, order_is_free, 0, 7);
	tcase_add_test(t, operations_add_up);
	tcase_add_loop_test(t, names_and_values_pair, 0, (int)ARRAY_SIZE(pairings));
	tcase_add_test(t, numbers_are_taken);
	tcase_add_test(t, help_and_version);
	tcase_add_loop_test(t, every_mode_takes_a_root, MODE_NONE + 1, MODE_COUNT);
	tcase_add_loop_test(t, harmless_words_are_ignored, 0, 11);
	tcase_add_test(t, a_value_comes_from_standard_input);
	tcase_add_loop_test(t, a_second_colon_ends_the_port, 0, ARRAY_SIZE(portals));
	tcase_add_loop_test(t, lines_are_refused, 0, (int)ARRAY_SIZE(refused));
	tcase_add_test(t, waiting_goes_with_disks);
	tcase_add_test(t, iface_names_have_a_length);
	tcase_add_loop_test(t, paths_lead_to_sessions, 0, (int)ARRAY_SIZE(paths));
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
