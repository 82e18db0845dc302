/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A node record as a session uses it. Every number reaches the session as the record has it:
 * the table of settings alone says which numbers there are, and what the default is.
 */
#include "iscsid/session_config.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "iscsid/message/mgmt_msg.h"
#include "libiscsi-db/path.h"
#include "libiscsi-db/setting.h"
#include "test/fake/sysfs.h"

enum rounding {
	EXACT,
	TO_WORDS,	/* down to a multiple of 4 */
	TO_POWER,	/* down to a power of two */
	TWO_IS_NONE,	/* the RFC's value is left to the target */
};

static const struct {
	const char *key;
	size_t offset, size;
	enum rounding rounding;
} numbers[] = {
#define FIELD(f)	offsetof(struct session_config, f), sizeof(((struct session_config *)0)->f)
	{ "node.session.cmds_max", FIELD(cmds_max), EXACT },
	{ "node.session.queue_depth", FIELD(queue_depth), EXACT },
	{ "node.session.initial_cmdsn", FIELD(initial_cmd_sn), EXACT },
	{ "node.conn[0].tcp.window_size", FIELD(window_size), EXACT },
	{ "node.conn[0].timeo.login_timeout", FIELD(login_timeout_s), EXACT },
	{ "node.conn[0].timeo.logout_timeout", FIELD(logout_timeout_s), EXACT },
	{ "node.session.initial_login_retry_max", FIELD(initial_login_retry_max), EXACT },
	{ "node.session.reopen_max", FIELD(reopen_max), EXACT },
	{ "node.session.timeo.replacement_timeout", FIELD(replacement_timeout_s), EXACT },
	{ "node.session.err_timeo.abort_timeout", FIELD(abort_timeout_s), EXACT },
	{ "node.session.err_timeo.lu_reset_timeout", FIELD(lu_reset_timeout_s), EXACT },
	{ "node.session.err_timeo.tgt_reset_timeout", FIELD(tgt_reset_timeout_s), EXACT },
	{ "node.session.iscsi.MaxBurstLength", FIELD(offer.max_burst_length), TO_WORDS },
	{ "node.session.iscsi.MaxOutstandingR2T", FIELD(offer.max_outstanding_r2t), TO_POWER },
	{ "node.session.iscsi.DefaultTime2Wait", FIELD(offer.default_time2wait), TWO_IS_NONE },
	{ "node.session.iscsi.DefaultTime2Retain", FIELD(offer.default_time2retain), EXACT },
	{ "node.conn[0].iscsi.MaxRecvDataSegmentLength",
	  FIELD(offer.max_recv_data_segment_length), TO_WORDS },
	{ "node.conn[0].iscsi.MaxXmitDataSegmentLength",
	  FIELD(offer.max_xmit_data_segment_length), EXACT },
};

static struct iscsi_db_record *new_record(void)
{
	static const char *const pairs[][2] = {
		{ "node.name", "iqn.2026-01.net.example:t" },
		{ "node.conn[0].address", "192.0.2.1" },
	};
	struct iscsi_db_record *rec = NULL;

	ck_assert_int_eq(iscsi_db_record_new(ISCSI_DB_NODE, &rec), 0);
	for (size_t i = 0; i < ARRAY_SIZE(pairs); i++)
		ck_assert_int_eq(iscsi_db_record_set(rec, pairs[i][0], pairs[i][1], NULL), 0);
	return rec;
}

static void set(struct iscsi_db_record *rec, const char *key, int64_t v)
{
	CLEANUP(freep) char *text = db_format("%lld", (long long)v);
	struct iscsi_why why = { "" };

	ck_assert_msg(!iscsi_db_record_set(rec, key, text, &why), "%s", why.text);
}

static struct session_config *configure(struct iscsi_db_record *rec)
{
	static const struct iscsi_db_initiator initiator = { .name = "iqn.2026-01.net.example:me" };
	struct session_config *config = NULL;
	struct iscsi_why why = { "" };

	ck_assert_msg(!session_config_new(rec, &initiator, NULL, NULL, NULL, &config, &why), "%s",
		      why.text);
	return config;
}

static uint32_t field(const struct session_config *config, size_t i)
{
	const char *p = (const char *)config + numbers[i].offset;
	uint16_t v16;
	uint32_t v32;

	memcpy(&v16, p, sizeof(v16));
	memcpy(&v32, p, MIN(numbers[i].size, sizeof(v32)));
	return numbers[i].size == sizeof(v16) ? v16 : v32;
}

static uint32_t rounded(int64_t v, enum rounding rounding)
{
	uint32_t power = 1;

	switch (rounding) {
	case EXACT:
		break;
	case TO_WORDS:
		return (uint32_t)v / 4 * 4;
	case TO_POWER:
		while (2 * power <= (uint32_t)v)
			power *= 2;
		return power;
	case TWO_IS_NONE:
		return v == 2 ? 0 : (uint32_t)v;
	}
	return (uint32_t)v;
}

START_TEST(numbers_are_the_records)
{
	const struct setting *s = setting_row(
		ISCSI_DB_NODE, (unsigned int)setting_find(ISCSI_DB_NODE, numbers[_i].key));
	struct session_config *config = configure(new_record());
	const int64_t tries[] = { s->low, s->high, s->low + (s->high - s->low) / 3 };

	ck_assert_int_eq(s->type, SETTING_NUMBER);
	ck_assert_uint_eq(field(config, (size_t)_i),
			  rounded(strtoll(s->def, NULL, 10), numbers[_i].rounding));
	session_config_free(config);
	for (size_t i = 0; i < ARRAY_SIZE(tries); i++) {
		struct iscsi_db_record *rec = new_record();

		set(rec, s->name, tries[i]);
		config = configure(rec);
		ck_assert_msg(field(config, (size_t)_i) == rounded(tries[i], numbers[_i].rounding),
			      "%s = %lld: %u", s->name, (long long)tries[i],
			      field(config, (size_t)_i));
		session_config_free(config);
	}
}
END_TEST

START_TEST(the_first_burst_is_no_longer_than_a_burst)
{
	struct iscsi_db_record *rec = new_record();
	struct session_config *config;

	set(rec, "node.session.iscsi.MaxBurstLength", 1026);
	config = configure(rec);
	ck_assert_uint_eq(config->offer.first_burst_length, 1024);
	session_config_free(config);
	rec = new_record();
	set(rec, "node.session.iscsi.FirstBurstLength", 515);
	config = configure(rec);
	ck_assert_uint_eq(config->offer.first_burst_length, 512);
	session_config_free(config);
}
END_TEST

/* ---- words ----------------------------------------------------------------------------------- */

static const struct { const char *word; uint32_t digest; } digests[] = {
	{ "None", DIGEST_NONE }, { "CRC32C", DIGEST_CRC32C },
	{ "CRC32C,None", DIGEST_CRC32C_NONE }, { "None,CRC32C", DIGEST_NONE_CRC32C },
};

START_TEST(digests_are_the_records)
{
	struct iscsi_db_record *rec = new_record();
	struct session_config *config;

	ck_assert(!iscsi_db_record_set(rec, "node.conn[0].iscsi.HeaderDigest", digests[_i].word, NULL));
	ck_assert(!iscsi_db_record_set(rec, "node.conn[0].iscsi.DataDigest", digests[3 - _i].word, NULL));
	config = configure(rec);
	ck_assert_uint_eq(config->offer.header_digest, digests[_i].digest);
	ck_assert_uint_eq(config->offer.data_digest, digests[3 - _i].digest);
	session_config_free(config);
}
END_TEST

static const struct { const char *key, *yes, *no; size_t offset, size; } switches[] = {
	{ "node.session.iscsi.InitialR2T", "Yes", "No", FIELD(offer.initial_r2t) },
	{ "node.session.iscsi.ImmediateData", "Yes", "No", FIELD(offer.immediate_data) },
	{ "node.session.iscsi.FastAbort", "Yes", "No", FIELD(fast_abort) },
	{ "node.session.scan", "auto", "manual", FIELD(scan) },
};

START_TEST(switches_are_the_records)
{
	for (int on = 0; on < 2; on++) {
		struct iscsi_db_record *rec = new_record();
		struct session_config *config;
		uint32_t value = 0;

		ck_assert(!iscsi_db_record_set(rec, switches[_i].key,
					       on ? switches[_i].yes : switches[_i].no, NULL));
		config = configure(rec);
		memcpy(&value, (const char *)config + switches[_i].offset, switches[_i].size);
		ck_assert_uint_eq(value, (uint32_t)on);
		ck_assert_uint_eq(config->offer.max_connections, 1);
		ck_assert_uint_eq(config->offer.data_pdu_in_order, 1);
		ck_assert_uint_eq(config->offer.data_sequence_in_order, 1);
		ck_assert_uint_eq(config->offer.error_recovery_level, 0);
		ck_assert(config->source_found);
		session_config_free(config);
	}
}
END_TEST

static const struct { const char *text; size_t len; enum chap_algorithm algorithms[4]; } algs[] = {
	{ "", 1, { CHAP_MD5 } }, { "bogus", 1, { CHAP_MD5 } }, { "MD5", 1, { CHAP_MD5 } },
	{ "SHA1", 1, { CHAP_SHA1 } }, { "SHA256", 1, { CHAP_SHA256 } },
	{ "SHA3-256", 1, { CHAP_SHA3_256 } }, { "SHA", 1, { CHAP_MD5 } },
	{ "SHA3-256, SHA1,,MD5 ,SHA256", 4, { CHAP_SHA3_256, CHAP_SHA1, CHAP_MD5, CHAP_SHA256 } },
	{ "SHA1,SHA1,SHA1,SHA1,MD5", 4, { CHAP_SHA1, CHAP_SHA1, CHAP_SHA1, CHAP_SHA1 } },
	{ "SHA1x,SHA256", 1, { CHAP_SHA256 } },
};

START_TEST(algorithms_come_in_their_order)
{
	struct chap_config chap = { .algorithms_len = 3 };

	session_config_chap_algs(algs[_i].text, &chap);
	ck_assert_uint_eq(chap.algorithms_len, algs[_i].len);
	for (size_t i = 0; i < algs[_i].len; i++)
		ck_assert_int_eq(chap.algorithms[i], algs[_i].algorithms[i]);
}
END_TEST

static const struct { const char *type, *named_by; } types[] = {
	{ "send_targets", "10.0.0.9" }, { "isns", "10.0.0.9" }, { "static", NULL }, { "fw", NULL },
};

START_TEST(who_named_a_target)
{
	struct iscsi_db_record *rec = new_record();
	struct session_config *config;

	ck_assert(!iscsi_db_record_set(rec, "node.discovery_type", types[_i].type, NULL));
	ck_assert(!iscsi_db_record_set(rec, "node.discovery_address", "10.0.0.9", NULL));
	config = configure(rec);
	if (types[_i].named_by)
		ck_assert_str_eq(config->named_by, types[_i].named_by);
	else
		ck_assert_ptr_null(config->named_by);
	session_config_free(config);
}
END_TEST

static unsigned int warnings;

static void on_warning(void *arg, const char *text)
{
	(void)arg;
	ck_assert_ptr_nonnull(strstr(text, "node.session.auth.password is short"));
	warnings++;
}

START_TEST(a_short_password_is_told)
{
	static const char *const passwords[] = { "12345678901", "123456789012" };
	static const struct iscsi_db_initiator initiator = { .name = "iqn.me" };

	for (size_t i = 0; i < ARRAY_SIZE(passwords); i++) {
		struct iscsi_db_record *rec = new_record();
		struct session_config *config;

		ck_assert(!iscsi_db_record_set(rec, "node.session.auth.username", "u", NULL));
		ck_assert(!iscsi_db_record_set(rec, "node.session.auth.password", passwords[i], NULL));
		warnings = 0;
		ck_assert(!session_config_new(rec, &initiator, NULL, on_warning, NULL, &config, NULL));
		ck_assert_uint_eq(warnings, i == 0);
		ck_assert_str_eq(config->chap.username, "u");
		ck_assert_str_eq(config->chap.password, passwords[i]);
		session_config_free(config);
	}
}
END_TEST

/* ---- what is refused, and what this host lacks ------------------------------------------------- */

static const struct {
	const char *key, *value;
	enum iscsi_err err;		/* of a login */
	const char *why;
	bool adopted;			/* a session that is there already goes on */
} refusals[] = {
	{ "iface.transport_name", "tcp", ISCSI_SUCCESS, NULL, true },
	{ "iface.transport_name", "iser", ISCSI_ERR_TRANS_NOT_FOUND,
	  "transport 'iser' is not supported; only tcp is", false },
	{ "iface.net_ifacename", "device-of-15-by", ISCSI_SUCCESS, NULL, true },
	{ "iface.net_ifacename", "default", ISCSI_SUCCESS, NULL, true },
	{ "node.conn[0].port", "1", ISCSI_SUCCESS, NULL, true },
	{ "node.conn[0].port", "65535", ISCSI_SUCCESS, NULL, true },
	{ "node.conn[0].port", "0", ISCSI_ERR_INVAL, "node.conn[0].port is 0, which is no port", false },
	{ "iface.ipaddress", "127.0.0.1", ISCSI_SUCCESS, NULL, true },
	{ "iface.ipaddress", "127.0.0.1x", ISCSI_ERR_INVAL,
	  "iface.ipaddress is '127.0.0.1x', which is no IP address", false },
	{ "iface.ipaddress", "fe80::1%bogus", ISCSI_ERR_TRANS, "this host has no address fe80::1%bogus",
	  true },
	{ "iface.hwaddress", "02:00:00:00:00:99", ISCSI_ERR_TRANS,
	  "this host has no network device with the hardware address 02:00:00:00:00:99", true },
	{ "iface.hwaddress", "02:00:00:00:00:01", ISCSI_SUCCESS, NULL, true },
	{ "node.session.auth.password_in", "secret-secret", ISCSI_ERR_INVAL,
	  "node.session.auth.password_in is set", true },
};

START_TEST(what_is_refused)
{
	static const struct iscsi_db_initiator initiator = { .name = "iqn.me", .alias = "alias" };
	struct fake_sysfs *fs = fake_sysfs_new();
	struct iscsi_why why = { "" };
	struct sysfs *sysfs;

	fake_sysfs_set(fs, "class/net/eth7/address", "02:00:00:00:00:01\n");
	ck_assert_int_eq(sysfs_new(fake_sysfs_root(fs), &sysfs), 0);
	for (int adopts = 0; adopts < 2; adopts++) {
		struct iscsi_db_record *rec = new_record();
		struct session_config *config = NULL;
		enum iscsi_err err;

		if (iscsi_db_record_set(rec, refusals[_i].key, refusals[_i].value, &why))
			ck_abort_msg("%s", why.text);
		err = (adopts ? session_config_adopt : session_config_new)(
			rec, &initiator, sysfs, NULL, NULL, &config, &why);
		/* What is missing now may be there at the next attempt. */
		ck_assert_int_eq(err, refusals[_i].err == ISCSI_ERR_TRANS ||
				      (adopts && refusals[_i].adopted) ? 0 : refusals[_i].err);
		if (refusals[_i].why && (err || !refusals[_i].adopted ||
					 refusals[_i].err == ISCSI_ERR_TRANS))
			ck_assert_msg(strstr(why.text, refusals[_i].why) != NULL, "%s", why.text);
		if (err) {
			iscsi_db_record_free(rec);
			continue;
		}
		ck_assert_int_eq(config->source_found, refusals[_i].err != ISCSI_ERR_TRANS);
		ck_assert_str_eq(config->initiator, "iqn.me");
		ck_assert_str_eq(config->alias, "alias");
		if (!strcmp(refusals[_i].value, "device-of-15-by"))
			ck_assert_str_eq(config->source.netdev, "device-of-15-by");
		if (!strcmp(refusals[_i].value, "02:00:00:00:00:01"))
			ck_assert_str_eq(config->source.netdev, "eth7");
		session_config_free(config);
	}
	sysfs_free(sysfs);
	fake_sysfs_free(fs);
}
END_TEST

/* The name of the interface counts before that of the host, up to the longest that there is. */
START_TEST(an_initiator_name_has_a_bound)
{
	struct iscsi_db_initiator initiator = { .name = "" };
	struct iscsi_db_record *nameless = new_record();
	struct session_config *config;
	struct iscsi_why why;
	char name[226] = "iqn.";

	for (size_t len = 222; len <= 224; len++) {
		struct iscsi_db_record *rec = new_record();
		enum iscsi_err err;

		memset(name + 4, 'x', len - 4);
		name[len] = '\0';
		if (iscsi_db_record_set(rec, "iface.initiatorname", name, &why)) {
			ck_assert_uint_eq(len, 224);
			iscsi_db_record_free(rec);
			break;
		}
		err = session_config_new(rec, &initiator, NULL, NULL, NULL, &config, &why);
		ck_assert_int_eq(err, len < 224 ? ISCSI_SUCCESS : ISCSI_ERR_INVAL);
		if (err) {
			ck_assert_str_eq(why.text, "the initiator name is too long");
			iscsi_db_record_free(rec);
			continue;
		}
		ck_assert_str_eq(config->initiator, name);
		session_config_free(config);
	}
	ck_assert_int_eq(session_config_new(nameless, &initiator, NULL, NULL, NULL, &config, &why),
			 ISCSI_ERR_INVAL);
	ck_assert_ptr_nonnull(strstr(why.text, "no initiator name is set; see "));
	iscsi_db_record_free(nameless);
}
END_TEST

/* An interval without a time-out, or the other way round, gets the default of what is missing. */
START_TEST(a_ping_has_both_numbers_or_none)
{
	static const char interval[] = "node.conn[0].timeo.noop_out_interval";
	static const char timeout[] = "node.conn[0].timeo.noop_out_timeout";
	static const struct {
		int interval, timeout;
	} rows[] = { { 0, 0 }, { 0, 7 }, { 7, 0 }, { 7, 8 }, { 86400, 86400 },
		     { 5, BOOT_NOOP_OUT_TIMEOUT_S } };

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct iscsi_db_record *rec = new_record();
		bool none = !rows[i].interval && !rows[i].timeout;
		struct session_config *config;

		set(rec, interval, rows[i].interval);
		set(rec, timeout, rows[i].timeout);
		config = configure(rec);
		ck_assert_int_eq(config->noop_out_interval_s,
				 rows[i].interval || none ? rows[i].interval :
				 iscsi_db_record_default_int(rec, interval));
		ck_assert_int_eq(config->noop_out_timeout_s,
				 rows[i].timeout || none ? rows[i].timeout :
				 iscsi_db_record_default_int(rec, timeout));
		session_config_free(config);
	}
}
END_TEST

/* In a boot, the time-out is given, so an interval of 0 is the wish of a person. */
START_TEST(a_boot_without_pings)
{
	struct iscsi_db_record *rec = new_record();
	struct session_config *config;

	set(rec, "node.conn[0].timeo.noop_out_interval", 0);
	set(rec, "node.conn[0].timeo.noop_out_timeout", BOOT_NOOP_OUT_TIMEOUT_S);
	config = configure(rec);
	ck_assert_int_eq(config->noop_out_interval_s, 0);
	ck_assert_int_eq(config->noop_out_timeout_s, 0);
	session_config_free(config);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("session_config");
	TCase *t = tcase_create("session_config");
	SRunner *runner = srunner_create(s);
	int failed;

	suite_add_tcase(s, t);
	tcase_add_loop_test(t, numbers_are_the_records, 0, (int)ARRAY_SIZE(numbers));
	tcase_add_test(t, the_first_burst_is_no_longer_than_a_burst);
	tcase_add_loop_test(t, digests_are_the_records, 0, (int)ARRAY_SIZE(digests));
	tcase_add_loop_test(t, switches_are_the_records, 0, (int)ARRAY_SIZE(switches));
	tcase_add_loop_test(t, algorithms_come_in_their_order, 0, (int)ARRAY_SIZE(algs));
	tcase_add_loop_test(t, who_named_a_target, 0, (int)ARRAY_SIZE(types));
	tcase_add_test(t, a_short_password_is_told);
	tcase_add_loop_test(t, what_is_refused, 0, (int)ARRAY_SIZE(refusals));
	tcase_add_test(t, an_initiator_name_has_a_bound);
	tcase_add_test(t, a_ping_has_both_numbers_or_none);
	tcase_add_test(t, a_boot_without_pings);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
