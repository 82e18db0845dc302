/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which CHAP settings of a record are complete, for node and for SendTargets records alike. */
#include <check.h>

#include "iscsid/credentials.h"
#include "libiscsi-db/util.h"

static const struct {
	const char *authmethod, *username, *password, *username_in, *password_in;
	const char *missing;		/* NULL: the record is fine */
} records[] = {
	{ "None", "",	  "",	    "",	   "",	      NULL },
	{ "None", "user", "secret", "",	   "",	      NULL },
	{ "CHAP", "user", "secret", "",	   "",	      NULL },
	{ "CHAP", "user", "secret", "",	   "other",   NULL },
	{ "CHAP", "user", "secret", "tgt", "other",   NULL },
	{ "None", "user", "secret", "tgt", "other",   NULL },
	{ "None", "user", "",	    "",	   "",	      NULL },	/* nothing is asked for */
	{ "CHAP", "",	  "",	    "",	   "",	      "username" },
	{ "CHAP", "user", "",	    "",	   "",	      "password" },
	{ "CHAP", "",	  "secret", "",	   "",	      "username" },
	{ "None", "",	  "secret", "",	   "",	      "username" },
	/* A lost user name must not switch off the target's proof. */
	{ "CHAP", "",	  "secret", "",	   "other",   "username" },
	{ "CHAP", "",	  "secret", "tgt", "other",   "username" },
	{ "CHAP", "user", "",	    "tgt", "other",   "password" },
	{ "None", "",	  "",	    "",	   "other",   "username" },
	{ "None", "",	  "",	    "tgt", "",	      "password_in" },
	{ "None", "user", "secret", "tgt", "",	      "password_in" },
};

static void set(struct iscsi_db_record *rec, const char *part, const char *name,
		const char *value)
{
	struct iscsi_why why;
	char key[64];

	(void)snprintf(key, sizeof(key), "%s.auth.%s", part, name);
	ck_assert_msg(!iscsi_db_record_set(rec, key, value, &why), "%s: %s", key, why.text);
}

static void check_kind(enum iscsi_db_kind kind, const char *part, int i)
{
	struct iscsi_db_record *rec;
	struct iscsi_why why = { "" };
	char missing[96];
	enum iscsi_err err;

	ck_assert_int_eq(iscsi_db_record_new(kind, &rec), ISCSI_SUCCESS);
	set(rec, part, "authmethod", records[i].authmethod);
	set(rec, part, "username", records[i].username);
	set(rec, part, "password", records[i].password);
	set(rec, part, "username_in", records[i].username_in);
	set(rec, part, "password_in", records[i].password_in);
	err = credentials_check(rec, &why);
	if (!records[i].missing) {
		ck_assert_msg(!err, "%s", why.text);
	} else {
		(void)snprintf(missing, sizeof(missing), "%s.auth.%s", part, records[i].missing);
		ck_assert_int_eq(err, ISCSI_ERR_INVAL);
		ck_assert_msg(strstr(why.text, missing), "%s", why.text);
		ck_assert_ptr_null(strstr(why.text, "secret"));
	}
	iscsi_db_record_free(rec);
}

START_TEST(complete)
{
	check_kind(ISCSI_DB_NODE, "node.session", _i);
	check_kind(ISCSI_DB_SENDTARGETS, "discovery.sendtargets", _i);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("credentials");
	TCase *t = tcase_create("credentials");
	SRunner *runner = srunner_create(s);
	int failed;

	suite_add_tcase(s, t);
	tcase_add_loop_test(t, complete, 0, ARRAY_SIZE(records));
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
