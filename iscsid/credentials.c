/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whether the CHAP settings of a record are complete, see credentials.h. */
#include "iscsid/credentials.h"

#include "libiscsi-db/util.h"

static const char *auth_setting(const struct iscsi_db_record *rec, const char *part,
				const char *name)
{
	char key[64];

	(void)snprintf(key, sizeof(key), "%s.auth.%s", part, name);
	return iscsi_db_record_get(rec, key);
}

enum iscsi_err credentials_check(const struct iscsi_db_record *rec, struct iscsi_why *why)
{
	const char *part = iscsi_db_record_kind(rec) == ISCSI_DB_NODE ? "node.session" :
									"discovery.sendtargets";
	bool username = *auth_setting(rec, part, "username");
	bool password = *auth_setting(rec, part, "password");
	bool username_in = *auth_setting(rec, part, "username_in");
	bool password_in = *auth_setting(rec, part, "password_in");
	bool mutual = username_in || password_in;

	if (username && password && mutual == password_in)
		return ISCSI_SUCCESS;
	if (mutual) {
		const char *missing = !password_in ? "password_in" :
				      !username ? "username" : "password";

		return iscsi_fail(why, ISCSI_ERR_INVAL, "%s.auth.%s is set, so the target shall "
				  "prove who it is, but %s.auth.%s, which that takes, is not set; "
				  "nothing was sent to the target", part,
				  password_in ? "password_in" : "username_in", part, missing);
	}
	if (streq(auth_setting(rec, part, "authmethod"), "CHAP"))
		return iscsi_fail(why, ISCSI_ERR_INVAL, "%s.auth.authmethod is CHAP, but "
				  "%s.auth.%s is not set; nothing was sent to the target", part,
				  part, username ? "password" : "username");
	if (password)
		return iscsi_fail(why, ISCSI_ERR_INVAL, "%s.auth.password is set, but "
				  "%s.auth.username is not, and CHAP takes both; nothing was sent "
				  "to the target", part, part);
	return ISCSI_SUCCESS;
}
