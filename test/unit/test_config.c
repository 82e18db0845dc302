/* SPDX-License-Identifier: GPL-2.0-or-later */
/* iscsid.conf and initiatorname.iscsi: what they give, and what is said about mistakes. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "libiscsi-db/config.h"
#include "libiscsi-db/line.h"
#include "libiscsi-db/os.h"
#include "libiscsi-db/path.h"
#include "libiscsi-db/record.h"
#include "libiscsi-db/setting.h"
#include "test/unit/alloc.h"

static char warned[65536];
static unsigned int warnings;

static void warn(void *arg, const char *text)
{
	size_t len = strlen(warned);

	(void)arg;
	warnings++;
	(void)snprintf(warned + len, sizeof(warned) - len, "%s\n", text);
}

static struct iscsi_db_config *parse(const char *text)
{
	struct iscsi_db_config *config = NULL;
	struct iscsi_why why = { "" };

	warned[0] = '\0';
	warnings = 0;
	ck_assert_msg(!config_parse(text, strlen(text), "conf", warn, NULL, &config, &why), "%s",
		      why.text);
	return config;
}

static struct iscsi_db_record *seeded(const struct iscsi_db_config *config,
				      enum iscsi_db_kind kind)
{
	struct iscsi_db_record *rec = NULL;

	ck_assert(!iscsi_db_record_new(kind, &rec));
	ck_assert(!iscsi_db_config_apply(config, rec));
	return rec;
}

START_TEST(the_shipped_file_is_right)
{
	CLEANUP(iscsi_db_config_freep) struct iscsi_db_config *config = NULL;
	CLEANUP(iscsi_db_record_freep) struct iscsi_db_record *node = NULL, *st = NULL, *def = NULL,
							      *st_def = NULL;
	static const struct {
		const char *key, *value;
	} changed[] = {
		{ "node.conn[0].timeo.login_timeout", "15" },
		{ "node.session.initial_login_retry_max", "8" },
	};
	CLEANUP(freep) char *a = NULL, *b = NULL, *c = NULL, *d = NULL;

	warnings = 0;
	ck_assert(!iscsi_db_config_read("etc/iscsid.conf", warn, NULL, &config, NULL));
	ck_assert_uint_eq(warnings, 0);
	node = seeded(config, ISCSI_DB_NODE);
	st = seeded(config, ISCSI_DB_SENDTARGETS);
	ck_assert(!iscsi_db_record_new(ISCSI_DB_NODE, &def));
	ck_assert(!iscsi_db_record_new(ISCSI_DB_SENDTARGETS, &st_def));
	for (size_t i = 0; i < ARRAY_SIZE(changed); i++) {
		ck_assert_str_eq(iscsi_db_record_get(node, changed[i].key), changed[i].value);
		ck_assert(!iscsi_db_record_set(def, changed[i].key, changed[i].value, NULL));
	}
	a = iscsi_db_record_print(node, ISCSI_DB_FORM_FILE);
	b = iscsi_db_record_print(def, ISCSI_DB_FORM_FILE);
	ck_assert_str_eq(a, b);
	c = iscsi_db_record_print(st, ISCSI_DB_FORM_FILE);
	d = iscsi_db_record_print(st_def, ISCSI_DB_FORM_FILE);
	ck_assert_str_eq(c, d);
	/* For machines with and without systemd. */
	ck_assert_ptr_nonnull(strstr(iscsi_db_config_get(config, "iscsid.startup"),
				     "systemctl start iscsid.socket; else"));
}
END_TEST

/* A line with a setting behind a '#', as scripts look for it: no blank after the '#'. */
static bool is_example(const char *line)
{
	return line[0] == '#' && (strncmp(line + 1, "node.", 5) == 0 ||
				  strncmp(line + 1, "discovery.", 10) == 0 ||
				  strncmp(line + 1, "iscsid.", 7) == 0) &&
	       memchr(line, '=', strcspn(line, "\n"));
}

/* With the '#' gone, every example in the shipped file is a good line. */
START_TEST(the_shipped_examples_are_right)
{
	CLEANUP(iscsi_db_config_freep) struct iscsi_db_config *config = NULL;
	CLEANUP(freep) char *text = NULL;
	unsigned int examples = 0;
	size_t len;

	ck_assert_int_eq(os_read_path("etc/iscsid.conf", &text, &len), 0);
	ck_assert_ptr_null(strstr(text, "\n# node."));
	ck_assert_ptr_null(strstr(text, "\n# discovery."));
	ck_assert_ptr_null(strstr(text, "\n# iscsid."));
	for (char *line = text; (line = strchr(line, '\n')); ) {
		if (!is_example(++line))
			continue;
		line[0] = ' ';
		examples++;
	}
	config = parse(text);
	ck_assert_str_eq(warned, "");
	ck_assert_uint_eq(examples, 32);
	ck_assert_str_eq(iscsi_db_config_get(config, "iscsid.safe_logout"), "Yes");
}
END_TEST

/*
 * Lines that the iscsid.conf of open-iscsi 2.0.873 to 2.1.13 has behind a '#', and that people's
 * scripts uncomment with sed: each stands in our file as it is.
 */
static const char *const expected_examples[] = {
	"#node.session.auth.authmethod = CHAP",
	"#node.session.auth.chap_algs = SHA3-256,SHA256,SHA1,MD5",
	"#node.session.auth.username = username",
	"#node.session.auth.password = password",
	"#node.session.auth.username_in = username_in",
	"#node.session.auth.password_in = password_in",
	"#discovery.sendtargets.auth.authmethod = CHAP",
	"#discovery.sendtargets.auth.username = username",
	"#discovery.sendtargets.auth.password = password",
	"#discovery.sendtargets.auth.username_in = username_in",
	"#discovery.sendtargets.auth.password_in = password_in",
	"#iscsid.startup = /bin/systemctl start iscsid.socket",
	"#iscsid.safe_logout = Yes",
	"#iscsid.ipc_auth_uid = Yes",
	"#node.session.iscsi.InitialR2T = Yes",
	"#node.session.iscsi.ImmediateData = No",
	"#node.session.iscsi.FastAbort = No",
	"#node.conn[0].iscsi.HeaderDigest = CRC32C,None",
	"#node.conn[0].iscsi.HeaderDigest = None,CRC32C",
	"#node.conn[0].iscsi.HeaderDigest = CRC32C",
	"#node.conn[0].iscsi.HeaderDigest = None",
	"#node.conn[0].iscsi.DataDigest = CRC32C,None",
	"#node.conn[0].iscsi.DataDigest = None,CRC32C",
	"#node.conn[0].iscsi.DataDigest = CRC32C",
	"#node.conn[0].iscsi.DataDigest = None",
	"#node.session.sess_reopen_log_freq = 1",
	"#node.session.login_redirect_max = 8",
	"#discovery.sendtargets.login_redirect_max = 8",
	"#node.session.xmit_thread_priority = -20",
};

START_TEST(scripts_find_the_lines_they_edit)
{
	CLEANUP(freep) char *text = NULL;
	size_t len;

	ck_assert_int_eq(os_read_path("etc/iscsid.conf", &text, &len), 0);
	for (size_t i = 0; i < ARRAY_SIZE(expected_examples); i++) {
		CLEANUP(freep) char *line = db_format("\n%s\n", expected_examples[i]);

		ck_assert_msg(strstr(text, line) != NULL, "%s", expected_examples[i]);
	}
}
END_TEST

/* What a comment says of a range, "LOW to HIGH", is what the table says of the setting below. */
START_TEST(comments_name_the_ranges_of_the_table)
{
	CLEANUP(freep) char *text = NULL;
	unsigned int ranges = 0;
	long long low = 0, high = 0;
	bool told = false, usual = false;
	size_t len;
	char *save = NULL;

	ck_assert_int_eq(os_read_path("etc/iscsid.conf", &text, &len), 0);
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		const char *to = strstr(line, " to "), *from = to;
		const struct setting *s;
		int index;

		if (line[0] == '#' && line[1] == ' ' && to && isdigit((unsigned char)to[4])) {
			while (isdigit((unsigned char)from[-1]) || from[-1] == '-')
				from--;
			ck_assert_int_eq(sscanf(from, "%lld to %lld", &low, &high), 2);
			usual = strstr(line, "usual: ") != NULL;
			told = true;
		}
		line += line[0] == '#';
		line[strcspn(line, " ")] = '\0';
		index = setting_find(ISCSI_DB_NODE, line);
		s = index < 0 ? NULL : setting_row(ISCSI_DB_NODE, (unsigned int)index);
		if (!s) {
			index = setting_find(ISCSI_DB_SENDTARGETS, line);
			s = index < 0 ? NULL :
			    setting_row(ISCSI_DB_SENDTARGETS, (unsigned int)index);
		}
		if (!s || !told)
			continue;
		ck_assert_msg(low == (usual ? s->good_low : s->low) &&
			      high == (usual ? s->good_high : s->high), "%s: %lld to %lld",
			      s->name, low, high);
		told = false;
		ranges++;
	}
	ck_assert_uint_eq(ranges, 9);
}
END_TEST

START_TEST(records_are_seeded)
{
	CLEANUP(iscsi_db_config_freep) struct iscsi_db_config *config =
		parse("node.startup = onboot\n"
		      "node.startup = automatic\n"
		      "node.name = iqn.ignored\n"
		      "node.tpgt = 9\n"
		      "node.discovery_address = 1.2.3.4\n"
		      "node.conn[0].address = 1.2.3.4\n"
		      "node.session.auth.chap_algs = SHA256,MD5\n"
		      "iface.mtu = 7\n"
		      "iface.iscsi_ifacename = ignored\n"
		      "node.session.conn_reopen_log_freq=4\n"
		      "discovery.startup = automatic\n"
		      "discovery.type = isns\n"
		      "discovery.sendtargets.address = 1.2.3.4\n"
		      "discovery.sendtargets.auth.password = secret\n"
		      "discovery.isns.use_discoveryd = Yes\n");
	CLEANUP(iscsi_db_record_freep) struct iscsi_db_record *node = seeded(config, ISCSI_DB_NODE);
	CLEANUP(iscsi_db_record_freep) struct iscsi_db_record *st =
		seeded(config, ISCSI_DB_SENDTARGETS);
	CLEANUP(iscsi_db_record_freep) struct iscsi_db_record *isns = seeded(config, ISCSI_DB_ISNS);
	CLEANUP(iscsi_db_record_freep) struct iscsi_db_record *iface =
		seeded(config, ISCSI_DB_IFACE);
	CLEANUP(freep) char *text = NULL;

	ck_assert_str_eq(warned, "");
	ck_assert_str_eq(iscsi_db_record_get(node, "node.startup"), "automatic");
	ck_assert_str_eq(iscsi_db_record_get(node, "node.name"), "");
	ck_assert_str_eq(iscsi_db_record_get(node, "node.tpgt"), "-1");
	ck_assert_str_eq(iscsi_db_record_get(node, "node.discovery_address"), "");
	ck_assert_str_eq(iscsi_db_record_get(node, "node.conn[0].address"), "");
	ck_assert_str_eq(iscsi_db_record_get(node, "iface.mtu"), "7");
	ck_assert_str_eq(iscsi_db_record_get(node, "iface.iscsi_ifacename"), "default");
	ck_assert_str_eq(iscsi_db_record_get(node, "node.session.sess_reopen_log_freq"), "4");
	/* 2.1.11 has the setting by that name in its iscsid.conf and in its records. */
	text = iscsi_db_record_print(node, ISCSI_DB_FORM_FILE);
	ck_assert_ptr_nonnull(strstr(text, "\nnode.session.conn_reopen_log_freq = 4\n"));
	ck_assert_str_eq(iscsi_db_record_get(node, "node.session.auth.chap_algs"), "SHA256,MD5");
	ck_assert_str_eq(iscsi_db_record_get(st, "node.session.auth.chap_algs"), "SHA256,MD5");
	ck_assert_str_eq(iscsi_db_record_get(st, "discovery.startup"), "manual");
	ck_assert_str_eq(iscsi_db_record_get(st, "discovery.type"), "sendtargets");
	ck_assert_str_eq(iscsi_db_record_get(st, "discovery.sendtargets.address"), "");
	ck_assert_str_eq(iscsi_db_record_get(st, "discovery.sendtargets.auth.password"), "secret");
	ck_assert_str_eq(iscsi_db_record_get(isns, "discovery.isns.use_discoveryd"), "Yes");
	ck_assert_str_eq(iscsi_db_record_get(iface, "iface.mtu"), "0");
}
END_TEST

START_TEST(the_daemon_has_its_own)
{
	CLEANUP(iscsi_db_config_freep) struct iscsi_db_config *config =
		parse("iscsid.startup = /sbin/iscsid # really\niscsid.startup = second\n"
		      "iscsid.safe_logout = yes\nnode.startup = automatic\n");

	ck_assert_str_eq(warned, "");
	ck_assert_str_eq(iscsi_db_config_get(config, "iscsid.startup"), "/sbin/iscsid # really");
	ck_assert_str_eq(iscsi_db_config_get(config, "iscsid.safe_logout"), "yes");
	ck_assert_ptr_null(iscsi_db_config_get(config, "iscsid.ipc_auth_uid"));
	ck_assert_ptr_null(iscsi_db_config_get(config, "node.startup"));
	ck_assert_ptr_null(iscsi_db_config_get(config, "nothing"));
}
END_TEST

static const struct {
	const char *text, *warned;
} mistakes[] = {
	{ "\nnode.startp = manual\n",
	  "conf:2: no setting is called 'node.startp'; did you mean 'node.startup'?\n" },
	{ "discovery.sendtargets.reopen_mx = 4\n",
	  "conf:1: no setting is called 'discovery.sendtargets.reopen_mx'; did you mean "
	  "'discovery.sendtargets.reopen_max'?\n" },
	{ "altogether = wrong\n", "conf:1: no setting is called 'altogether'\n" },
	{ "iscsid.unheard_of = 1\n", "conf:1: no setting is called 'iscsid.unheard_of'\n" },
	{ "node.startup = Manual\n",
	  "conf:1: unknown value format 'Manual' for parameter name 'node.startup'; allowed: manual "
	  "| automatic | onboot; manual is used\n" },
	{ "node.startup = onboot\nnode.startup = Manual\n",
	  "conf:2: unknown value format 'Manual' for parameter name 'node.startup'; allowed: manual "
	  "| automatic | onboot; onboot is used\n" },
	{ "node.startup\n", "conf:1: the line is ignored: it has no value\n" },
	{ "node.startup manual\n", "conf:1: the line is ignored: it has no '='\n" },
	{ "node.session.queue_depth = many\n",
	  "conf:1: 'many' can't be the value of node.session.queue_depth; allowed: a number from 1 "
	  "to 65535; 32 is used\n" },
	{ "node.session.cmds_max = 4\n",
	  "conf:1: '4' can't be the value of node.session.cmds_max; allowed: a number from 16 to "
	  "4096; 128 is used\n" },
	{ "node.session.queue_depth = 12 # a dozen\n",
	  "conf:1: the comment behind the value of node.session.queue_depth is ignored; a comment "
	  "belongs on a line of its own\n" },
	{ "node.session.auth.password = s\x01\n",
	  "conf:1: the value of node.session.auth.password has a control character in it; the line "
	  "is ignored\n" },
};

START_TEST(mistakes_are_named)
{
	CLEANUP(iscsi_db_config_freep) struct iscsi_db_config *config = parse(mistakes[_i].text);

	ck_assert_ptr_nonnull(config);
	ck_assert_str_eq(warned, mistakes[_i].warned);
}
END_TEST

START_TEST(files_that_arent_there)
{
	CLEANUP(iscsi_db_config_freep) struct iscsi_db_config *config = NULL;
	struct iscsi_db_config *none = NULL;
	struct iscsi_why why = { "" };

	warnings = 0;
	ck_assert(!iscsi_db_config_read("/no/such/file", warn, NULL, &config, &why));
	ck_assert_uint_eq(warnings, 1);
	ck_assert_ptr_null(iscsi_db_config_get(config, "iscsid.startup"));
	warned[0] = '\0';
	ck_assert(!iscsi_db_config_read("/", warn, NULL, &none, &why));
	ck_assert_str_eq(warned, "/ is a folder; the built-in defaults hold\n");
	none = iscsi_db_config_free(none);
	ck_assert_int_eq(iscsi_db_config_read("/dev/full", NULL, NULL, &none, &why),
			 ISCSI_ERR_IDBM);
	ck_assert_ptr_null(none);
	ck_assert_ptr_null(iscsi_db_config_free(NULL));
}
END_TEST

START_TEST(the_first_mistakes_have_hints)
{
	char text[64 * 16 + 1] = "";
	unsigned int hints = 0;

	for (size_t i = 0; i < 64; i++)
		strcat(text, "node.startp = a\n");
	iscsi_db_config_free(parse(text));
	ck_assert_uint_eq(warnings, 64);
	for (const char *p = warned; (p = strstr(p, "; did you mean")); p++)
		hints++;
	ck_assert_uint_eq(hints, 32);
}
END_TEST

START_TEST(a_file_full_of_mistakes_is_quick)
{
	char *text = malloc(DB_TEXT_MAX + 1);
	CLEANUP(iscsi_db_config_freep) struct iscsi_db_config *config = NULL;

	for (size_t i = 0; i < DB_TEXT_MAX; i += 8)
		memcpy(text + i, "nod.x=1\n", 8);
	text[DB_TEXT_MAX] = '\0';
	config = parse(text);
	ck_assert_uint_eq(warnings, DB_TEXT_MAX / 8);
	free(text);
}
END_TEST

static const struct {
	const char *text, *name, *alias, *reason;	/* reason: a piece of it, if refused */
} initiators[] = {
	{ "InitiatorName=iqn.a:b\n", "iqn.a:b", "", NULL },
	{ "InitiatorName = iqn.a:b", "iqn.a:b", "", NULL },
	{ "## comment\n\n  InitiatorName=\tiqn.a:b  \r\n", "iqn.a:b", "", NULL },
	{ "InitiatorName=iqn.a\nInitiatorName=iqn.b\n", "iqn.a", "", NULL },
	{ "OldInitiatorName=iqn.x\nInitiatorName=iqn.a\n", "iqn.a", "", NULL },
	{ "#InitiatorName=iqn.x\nInitiatorName=iqn.a\n", "iqn.a", "", NULL },
	{ "InitiatorAlias=my host\nInitiatorName=eui.0123456789ABCDEF\n", "eui.0123456789ABCDEF",
	  "my host", NULL },
	{ "InitiatorName=iqn.a\nInitiatorAlias=a\x1b[2Jb\n", "iqn.a", "a[2Jb", NULL },
	{ "InitiatorName=iqn.a\nInitiatorAlias=\n", "iqn.a", "", NULL },
	{ "Other = 1\njunk\nInitiatorName=iqn.a\n", "iqn.a", "", NULL },
	{ "", NULL, NULL, "there is no line InitiatorName" },
	{ "# nothing\n", NULL, NULL, "there is no line InitiatorName" },
	{ "initiatorname=iqn.a\n", NULL, NULL, "there is no line InitiatorName" },
	{ "InitiatorName=\n", NULL, NULL, "f:1: InitiatorName has no value" },
	{ "InitiatorName\n", NULL, NULL, "f:1: InitiatorName has no value" },
	{ "\nInitiatorName=\"iqn.a\"\n", NULL, NULL, "f:2: InitiatorName has quotes" },
	{ "InitiatorName='iqn.a'\n", NULL, NULL, "f:1: InitiatorName has quotes" },
	{ "InitiatorName=iqn.a # c\n", NULL, NULL, "f:1: InitiatorName has a comment behind it" },
	{ "InitiatorName=iqn.a\t#c\n", NULL, NULL, "f:1: InitiatorName has a comment behind it" },
	{ "InitiatorName=iqn.a b\n", NULL, NULL, "f:1: the iSCSI name 'iqn.a b' has a blank" },
	{ "InitiatorName=iqn.a/b\n", NULL, NULL, "has a '/'" },
};

START_TEST(initiators_have_a_name)
{
	struct iscsi_db_initiator initiator = { .name = "before" };
	struct iscsi_why why = { "" };
	enum iscsi_err err = initiator_parse(initiators[_i].text, strlen(initiators[_i].text), "f",
					     NULL, NULL, &initiator, &why);

	ck_assert_int_eq(err, initiators[_i].reason ? ISCSI_ERR_INVAL : ISCSI_SUCCESS);
	if (err) {
		ck_assert_msg(strstr(why.text, initiators[_i].reason), "%s", why.text);
		ck_assert_str_eq(initiator.name, "before");
	} else {
		ck_assert_str_eq(initiator.name, initiators[_i].name);
		ck_assert_str_eq(initiator.alias, initiators[_i].alias);
	}
}
END_TEST

/* What a power cut leaves: the file has its length, but only zeros from some place on. */
START_TEST(nul_bytes_end_a_file)
{
	static const char conf[] = "node.startup = automatic\nnode.session.scan = man\0\0\0";
	static const char good[] = "InitiatorName=iqn.a\nInitiatorAlias=he\0\0";
	static const char bad[] = "# name\nInitiatorName=iqn.a\0\0";
	CLEANUP(iscsi_db_config_freep) struct iscsi_db_config *config = NULL;
	CLEANUP(iscsi_db_record_freep) struct iscsi_db_record *node = NULL;
	struct iscsi_db_initiator initiator;
	struct iscsi_why why;

	warned[0] = '\0';
	ck_assert(!config_parse(conf, sizeof(conf) - 1, "f", warn, NULL, &config, &why));
	ck_assert_str_eq(warned, "f:2: there are NUL bytes in the line, as a power cut may leave "
				 "them; this line and all that follow are ignored\n");
	node = seeded(config, ISCSI_DB_NODE);
	ck_assert_str_eq(iscsi_db_record_get(node, "node.startup"), "automatic");
	ck_assert_str_eq(iscsi_db_record_get(node, "node.session.scan"), "auto");

	warned[0] = '\0';
	ck_assert(!initiator_parse(good, sizeof(good) - 1, "f", warn, NULL, &initiator, &why));
	ck_assert_str_eq(initiator.name, "iqn.a");
	ck_assert_str_eq(initiator.alias, "");
	ck_assert_ptr_nonnull(strstr(warned, "f:2: there are NUL bytes"));
	ck_assert_int_eq(initiator_parse(bad, sizeof(bad) - 1, "f", warn, NULL, &initiator, &why),
			 ISCSI_ERR_INVAL);
	ck_assert_str_eq(why.text,
			 "f: there is no line InitiatorName=NAME in it before the first NUL byte");
}
END_TEST

START_TEST(long_initiators_are_bounded)
{
	struct iscsi_db_initiator initiator;
	char text[4096];

	sprintf(text, "InitiatorName=%0*d\nInitiatorAlias=%01500d\n", ISCSI_NAME_MAX, 1, 2);
	ck_assert(!initiator_parse(text, strlen(text), "f", NULL, NULL, &initiator, NULL));
	ck_assert_uint_eq(strlen(initiator.name), ISCSI_NAME_MAX);
	ck_assert_uint_eq(strlen(initiator.alias), ISCSI_VALUE_MAX);
	sprintf(text, "InitiatorName=%0*d\n", ISCSI_NAME_MAX + 1, 1);
	ck_assert_int_eq(initiator_parse(text, strlen(text), "f", NULL, NULL, &initiator, NULL),
			 ISCSI_ERR_INVAL);
	ck_assert_int_eq(iscsi_db_initiator_read("/no/such", NULL, NULL, &initiator, NULL), ISCSI_ERR_INVAL);
}
END_TEST

START_TEST(no_memory_is_an_error)
{
	static const char text[] = "node.startup = automatic\niscsid.startup = x\nbad\n";
	unsigned long n = 0;
	bool done = false;

	if (!alloc_can_fail)
		return;
	while (!done) {
		struct iscsi_db_config *config = NULL;
		enum iscsi_err err;

		alloc_fail_nth(++n);
		err = config_parse(text, sizeof(text) - 1, "f", NULL, NULL, &config, NULL);
		done = !alloc_fail_stop();
		ck_assert_int_eq(err, done ? ISCSI_SUCCESS : ISCSI_ERR_NOMEM);
		iscsi_db_config_free(config);
	}
	ck_assert_uint_gt(n, 4);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("config");
	TCase *t = tcase_create("config");
	SRunner *runner = srunner_create(s);
	int failed;

	suite_add_tcase(s, t);
	tcase_add_test(t, the_shipped_file_is_right);
	tcase_add_test(t, the_shipped_examples_are_right);
	tcase_add_test(t, scripts_find_the_lines_they_edit);
	tcase_add_test(t, comments_name_the_ranges_of_the_table);
	tcase_add_test(t, records_are_seeded);
	tcase_add_test(t, the_daemon_has_its_own);
	tcase_add_loop_test(t, mistakes_are_named, 0, (int)ARRAY_SIZE(mistakes));
	tcase_add_test(t, files_that_arent_there);
	tcase_add_test(t, the_first_mistakes_have_hints);
	tcase_add_test(t, a_file_full_of_mistakes_is_quick);
	tcase_add_loop_test(t, initiators_have_a_name, 0, (int)ARRAY_SIZE(initiators));
	tcase_add_test(t, nul_bytes_end_a_file);
	tcase_add_test(t, long_initiators_are_bounded);
	tcase_add_test(t, no_memory_is_an_error);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
