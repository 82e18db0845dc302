/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the kernel is told about a connection: each parameter by the kernel's number for it. */
#include "iscsid/conn_params.h"

#include <check.h>
#include <stdio.h>

#include "libiscsi-db/util.h"

static const char *text_of(const struct kernel_params *p)
{
	static char text[1024];
	size_t len = 0;

	text[0] = '\0';
	for (size_t i = 0; i < p->len; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%d=%s ", (int)p->param[i].id,
					p->param[i].text ? p->param[i].text : p->param[i].number);
	return text;
}

START_TEST(identity)
{
	struct session_config c = {
		.target = "iqn.t", .address = "10.0.0.1", .iface = "if1", .port = 3261,
		.initiator = "iqn.i", .noop_out_interval_s = 11, .noop_out_timeout_s = 12,
		.replacement_timeout_s = -1, .abort_timeout_s = 13, .lu_reset_timeout_s = 14,
		.tgt_reset_timeout_s = 15, .fast_abort = true,
		.chap = { .username = "u", .password = "p", .username_in = "", .password_in = "q" },
	};
	struct kernel_params p = { .len = 3 };

	conn_params_identify(&c, &p);
	ck_assert_str_eq(text_of(&p), "15=iqn.t 34=iqn.i 17=10.0.0.1 18=3261 32=if1 19=-1 22=u 24=p "
			 "25=q 26=1 27=13 28=14 35=15 30=12 31=11 0=8192 ");
	c.chap.username_in = "v";
	c.fast_abort = false;
	conn_params_identify(&c, &p);
	ck_assert_ptr_nonnull(strstr(text_of(&p), " 23=v 25=q 26=0 "));
}
END_TEST

START_TEST(agreement)
{
	struct session_config c = { .tpgt = 3 };
	struct login_outcome outcome = {
		.exp_stat_sn = 0xfffffffe, .tpgt = ISCSI_TPGT_UNKNOWN,
		.agreed = {
			.max_recv_data_segment_length = 262144,
			.max_xmit_data_segment_length = 8195, .header_digest = DIGEST_CRC32C,
			.data_digest = DIGEST_NONE, .initial_r2t = 1, .max_outstanding_r2t = 9,
			.immediate_data = 0, .first_burst_length = 65536,
			.max_burst_length = 16776192, .data_pdu_in_order = 1,
			.data_sequence_in_order = 0, .error_recovery_level = 2,
		},
	};
	struct kernel_params p = { .len = 3 };

	conn_params_negotiated(&c, &outcome, &p);
	ck_assert_str_eq(text_of(&p), "0=262144 1=8192 2=1 3=0 4=1 5=9 6=0 7=65536 8=16776192 9=1 "
			 "10=0 11=2 14=4294967294 16=3 ");
	outcome.tpgt = 0;
	outcome.agreed.header_digest = DIGEST_NONE;
	outcome.agreed.data_digest = DIGEST_CRC32C;
	conn_params_negotiated(&c, &outcome, &p);
	ck_assert_ptr_nonnull(strstr(text_of(&p), " 2=0 3=1 "));
	ck_assert_ptr_nonnull(strstr(text_of(&p), " 16=0 "));
}
END_TEST

START_TEST(isid)
{
	const uint8_t wanted[PDU_ISID_LEN] = { 0x00, 0x02, 0x3d, 0x34, 0x56, 0x78 };
	uint8_t got[PDU_ISID_LEN];

	conn_params_isid(0x12345678, got);
	ck_assert_mem_eq(got, wanted, sizeof(got));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("conn_params");
	TCase *t = tcase_create("conn_params");
	SRunner *runner = srunner_create(s);
	int failed;

	suite_add_tcase(s, t);
	tcase_add_test(t, identity);
	tcase_add_test(t, agreement);
	tcase_add_test(t, isid);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
