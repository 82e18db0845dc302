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
	tcase_add_test(t, a_ping_has_both_numbers_or_none);
	tcase_add_test(t, a_boot_without_pings);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
