/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The 48-byte headers of RFC 7143, 11, each field at its place. */
#include <string.h>

#include <check.h>

#include "iscsid/protocol/pdu.h"
#include "libiscsi-db/util.h"

/* "43 87 | 00 ..." -> bytes; '|' and blanks are for the reader. */
static void bytes(const char *text, uint8_t ret[PDU_BHS_LEN])
{
	size_t n = 0;

	memset(ret, 0, PDU_BHS_LEN);
	while (*text) {
		unsigned int byte;

		if (*text == ' ' || *text == '|') {
			text++;
			continue;
		}
		ck_assert_uint_lt(n, PDU_BHS_LEN);
		ck_assert_int_eq(sscanf(text, "%2x", &byte), 1);
		ret[n++] = (uint8_t)byte;
		text += 2;
	}
	ck_assert_uint_eq(n, PDU_BHS_LEN);
}

static void check_header(const uint8_t bhs[PDU_BHS_LEN], const char *text)
{
	uint8_t expected[PDU_BHS_LEN];

	bytes(text, expected);
	for (size_t i = 0; i < PDU_BHS_LEN; i++)
		ck_assert_msg(bhs[i] == expected[i], "byte %zu: %02x, not %02x", i, bhs[i],
			      expected[i]);
}

/* P-PDU-02, P-PDU-07, P-LOGIN-02, P-LOGIN-03 */
START_TEST(login_request)
{
	struct login_request_pdu req = {
		.transit = true, .csg = LOGIN_STAGE_OPERATIONAL,
		.nsg = LOGIN_STAGE_FULL_FEATURE,
		.isid = { 0x00, 0x02, 0x3d, 0x01, 0x02, 0x03 },
		.itt = 0x11223344, .cmd_sn = 0x778899aa,
		.exp_stat_sn = 0xbbccddee, .data_len = 0x1234,
	};
	uint8_t bhs[PDU_BHS_LEN];

	pdu_build_login_request(&req, bhs);
	check_header(bhs,
		"43 87 00 00 | 00 00 12 34 | 00 02 3d 01 | 02 03 00 00 |"
		"11 22 33 44 | 00 00 00 00 | 77 88 99 aa | bb cc dd ee |"
		"00 00 00 00 | 00 00 00 00 | 00 00 00 00 | 00 00 00 00");
	req.csg = LOGIN_STAGE_SECURITY;
	req.nsg = LOGIN_STAGE_OPERATIONAL;
	pdu_build_login_request(&req, bhs);
	ck_assert_uint_eq(bhs[1], 0x81);
	req.transit = false;			/* NSG is reserved then */
	pdu_build_login_request(&req, bhs);
	ck_assert_uint_eq(bhs[1], 0x00);
	req.csg = LOGIN_STAGE_OPERATIONAL;
	req.cont = true;
	pdu_build_login_request(&req, bhs);
	ck_assert_uint_eq(bhs[1], 0x44);
}
END_TEST

START_TEST(login_response)
{
	struct login_response_pdu pdu;
	uint8_t bhs[PDU_BHS_LEN];

	/* Everything reserved is 0xff: P-PDU-02. */
	bytes("23 b7 03 02 | 00 00 20 00 | 00 02 3d 01 | 02 03 0a 0b |"
	      "11 22 33 44 | ff ff ff ff | 77 88 99 aa | bb cc dd ee |"
	      "01 02 03 04 | 02 0b ff ff | ff ff ff ff | ff ff ff ff", bhs);
	ck_assert_int_eq(pdu_parse_login_response(bhs, &pdu, NULL), ISCSI_SUCCESS);
	ck_assert(pdu.transit);
	ck_assert(!pdu.cont);
	ck_assert_uint_eq(pdu.csg, 1);
	ck_assert_uint_eq(pdu.nsg, 3);
	ck_assert_uint_eq(pdu.version_active, 2);
	ck_assert_uint_eq(pdu.data_len, 8192);		/* P-PDU-05: just the limit */
	ck_assert_uint_eq(pdu.tsih, 0x0a0b);
	ck_assert_uint_eq(pdu.itt, 0x11223344);
	ck_assert_uint_eq(pdu.stat_sn, 0x778899aa);
	ck_assert_uint_eq(pdu.exp_cmd_sn, 0xbbccddee);
	ck_assert_uint_eq(pdu.max_cmd_sn, 0x01020304);
	ck_assert_uint_eq(pdu.status_class, 2);
	ck_assert_uint_eq(pdu.status_detail, 0x0b);
	bhs[1] = 0x44;
	ck_assert_int_eq(pdu_parse_login_response(bhs, &pdu, NULL), ISCSI_SUCCESS);
	ck_assert(!pdu.transit && pdu.cont && pdu.csg == 1);
}
END_TEST

static const struct {
	size_t at;
	uint8_t byte;
	const char *why;
} bad_responses[] = {
	/* H-25 */
	{ 0, 0x20, "opcode 0x20" }, { 0, 0x21, "opcode 0x21" }, { 0, 0x24, "opcode 0x24" },
	{ 0, 0x26, "opcode 0x26" }, { 0, 0x27, "opcode 0x27" }, { 0, 0x32, "opcode 0x32" },
	{ 0, 0x3c, "opcode 0x3c" }, { 0, 0x3f, "opcode 0x3f" },
	{ 0, 0x03, "not an iSCSI target" }, { 0, 0x43, "not an iSCSI target" },
	{ 0, 0xe3, "not an iSCSI target" }, { 0, 0x1f, "not an iSCSI target" },
	{ 0, 0x80, "not an iSCSI target" }, { 0, 0x7f, "opcode 0x3f" },
	{ 0, 'H', "not an iSCSI target" },			/* H-16 */
	{ 0, 'S', "not an iSCSI target" },
	{ 4, 1, "additional header" }, { 4, 255, "additional header" },	/* P-PDU-04, H-23 */
	{ 5, 0xff, "over 8192" }, { 5, 0x01, "over 8192" }, { 6, 0x21, "over 8192" }, /* H-21 */
};

START_TEST(bad_login_response)
{
	struct login_response_pdu pdu;
	uint8_t bhs[PDU_BHS_LEN] = { 0x23 };
	struct iscsi_why why;

	bhs[bad_responses[_i].at] = bad_responses[_i].byte;
	ck_assert_int_eq(pdu_parse_login_response(bhs, &pdu, &why), ISCSI_ERR_FATAL_LOGIN);
	ck_assert_msg(strstr(why.text, bad_responses[_i].why), "%s", why.text);
}
END_TEST

/* H-21: 8193, the first length that is too much. */
START_TEST(one_byte_too_much)
{
	struct login_response_pdu pdu;
	uint8_t bhs[PDU_BHS_LEN] = { 0x23, 0, 0, 0, 0, 0, 0x20, 0x01 };

	ck_assert_int_eq(pdu_parse_login_response(bhs, &pdu, NULL), ISCSI_ERR_FATAL_LOGIN);
}
END_TEST

START_TEST(text)
{
	struct text_request_pdu req = {
		.lun = { 1, 2, 3, 4, 5, 6, 7, 8 }, .itt = 0x11223344,
		.ttt = 0x55667788, .cmd_sn = 0x99aabbcc, .exp_stat_sn = 0xddeeff00,
		.data_len = 16,
	};
	struct text_response_pdu pdu;
	uint8_t bhs[PDU_BHS_LEN];

	pdu_build_text_request(&req, bhs);
	check_header(bhs,
		"04 80 00 00 | 00 00 00 10 | 01 02 03 04 | 05 06 07 08 |"
		"11 22 33 44 | 55 66 77 88 | 99 aa bb cc | dd ee ff 00 |"
		"00 00 00 00 | 00 00 00 00 | 00 00 00 00 | 00 00 00 00");

	req.immediate = true;
	pdu_build_text_request(&req, bhs);
	ck_assert_uint_eq(bhs[0], 0x44);

	bytes("24 40 ff ff | 00 ff ff ff | 01 02 03 04 | 05 06 07 08 |"
	      "11 22 33 44 | 55 66 77 88 | 99 aa bb cc | dd ee ff 00 |"
	      "01 02 03 04 | ff ff ff ff | ff ff ff ff | ff ff ff ff", bhs);
	ck_assert_int_eq(pdu_parse_text_response(bhs, &pdu, NULL), ISCSI_SUCCESS);
	ck_assert(!pdu.final && pdu.cont);
	ck_assert_mem_eq(pdu.lun, "\1\2\3\4\5\6\7\10", 8);
	ck_assert_uint_eq(pdu.itt, 0x11223344);
	ck_assert_uint_eq(pdu.ttt, 0x55667788);
	ck_assert_uint_eq(pdu.stat_sn, 0x99aabbcc);
	ck_assert_uint_eq(pdu.exp_cmd_sn, 0xddeeff00);
	ck_assert_uint_eq(pdu.max_cmd_sn, 0x01020304);
	ck_assert_uint_eq(pdu.data_len, 0xffffff);
	bhs[1] = 0xc0;						/* H-113 */
	ck_assert_int_eq(pdu_parse_text_response(bhs, &pdu, NULL), ISCSI_ERR_PDU_TIMEOUT);
	bhs[1] = 0x80;
	ck_assert_int_eq(pdu_parse_text_response(bhs, &pdu, NULL), ISCSI_SUCCESS);
	ck_assert(pdu.final && !pdu.cont);
	bhs[0] = 0x3f;						/* P-DISC-27 */
	ck_assert_int_eq(pdu_parse_text_response(bhs, &pdu, NULL), ISCSI_ERR_PDU_TIMEOUT);
}
END_TEST

/* P-OUT-01, P-OUT-02, P-OUT-04 */
START_TEST(logout)
{
	struct logout_request_pdu req = {
		.itt = 0x11223344, .cmd_sn = 0x778899aa, .exp_stat_sn = 0xbbccddee,
	};
	struct logout_response_pdu pdu;
	uint8_t bhs[PDU_BHS_LEN];

	pdu_build_logout_request(&req, bhs);
	check_header(bhs,
		"46 80 00 00 | 00 00 00 00 | 00 00 00 00 | 00 00 00 00 |"
		"11 22 33 44 | 00 00 00 00 | 77 88 99 aa | bb cc dd ee |"
		"00 00 00 00 | 00 00 00 00 | 00 00 00 00 | 00 00 00 00");

	bytes("26 80 03 ff | 00 00 00 00 | ff ff ff ff | ff ff ff ff |"
	      "11 22 33 44 | ff ff ff ff | 00 00 00 01 | 00 00 00 01 |"
	      "00 00 00 01 | ff ff ff ff | 0e 10 00 14 | ff ff ff ff", bhs);
	ck_assert_int_eq(pdu_parse_logout_response(bhs, &pdu, NULL), ISCSI_SUCCESS);
	ck_assert_uint_eq(pdu.response, 3);
	bhs[0] = 0x20;
	ck_assert_int_eq(pdu_parse_logout_response(bhs, &pdu, NULL), ISCSI_ERR_LOGOUT);
}
END_TEST

/* P-NOP-01: the answer to a ping has its tag and its LUN. */
START_TEST(nop)
{
	struct nop_out_pdu out = { .cmd_sn = 0x99aabbcc, .exp_stat_sn = 0xddeeff00 };
	struct nop_in_pdu in;
	uint8_t bhs[PDU_BHS_LEN];

	bytes("20 80 ff ff | 00 00 00 00 | 01 02 03 04 | 05 06 07 08 |"
	      "ff ff ff ff | 55 66 77 88 | 00 00 00 01 | 11 22 33 44 |"
	      "12 23 34 45 | ff ff ff ff | ff ff ff ff | ff ff ff ff", bhs);
	pdu_parse_nop_in(bhs, &in);
	ck_assert_mem_eq(in.lun, "\1\2\3\4\5\6\7\10", 8);
	ck_assert_uint_eq(in.ttt, 0x55667788);
	ck_assert_uint_eq(in.exp_cmd_sn, 0x11223344);
	ck_assert_uint_eq(in.max_cmd_sn, 0x12233445);
	memcpy(out.lun, in.lun, sizeof(out.lun));
	out.ttt = in.ttt;
	pdu_build_nop_out(&out, bhs);
	check_header(bhs,
		"40 80 00 00 | 00 00 00 00 | 01 02 03 04 | 05 06 07 08 |"
		"ff ff ff ff | 55 66 77 88 | 99 aa bb cc | dd ee ff 00 |"
		"00 00 00 00 | 00 00 00 00 | 00 00 00 00 | 00 00 00 00");
}
END_TEST

START_TEST(async)
{
	struct async_pdu pdu;
	uint8_t bhs[PDU_BHS_LEN];

	bytes("32 80 ff ff | 00 00 00 14 | 00 01 00 00 | 00 00 00 00 |"
	      "ff ff ff ff | ff ff ff ff | 77 88 99 aa | 00 00 00 02 |"
	      "00 00 00 03 | 03 07 11 22 | 33 44 55 66 | ff ff ff ff", bhs);
	ck_assert_int_eq(pdu_parse_async(bhs, &pdu, NULL), ISCSI_SUCCESS);
	ck_assert_uint_eq(pdu.event, ASYNC_DROPS_SESSION);
	ck_assert_uint_eq(pdu.stat_sn, 0x778899aa);
	ck_assert_uint_eq(pdu.param1, 0x1122);
	ck_assert_uint_eq(pdu.param2, 0x3344);
	ck_assert_uint_eq(pdu.param3, 0x5566);
	bhs[4] = 1;
	ck_assert_int_eq(pdu_parse_async(bhs, &pdu, NULL), ISCSI_ERR_TRANS);
}
END_TEST

/* P-ASYNC-01: fixed format with its code at 12, descriptor format with its code at 2. */
static const struct {
	size_t len;
	const char *data;
	bool changed;
} senses[] = {
	{ 20, "\0\x12\x70\0\6\0\0\0\0\x0a\0\0\0\0\x3f\x0e\0\0\0\0", true },
	{ 20, "\0\x12\xf1\0\6\0\0\0\0\x0a\0\0\0\0\x3f\x0e\0\0\0\0", true },
	{ 20, "\0\x12\x70\0\6\0\0\0\0\x0a\0\0\0\0\x3f\x03\0\0\0\0", false },
	{ 20, "\0\x12\x70\0\6\0\0\0\0\x0a\0\0\0\0\x29\x0e\0\0\0\0", false },
	{ 20, "\0\x0d\x70\0\6\0\0\0\0\x0a\0\0\0\0\x3f\x0e\0\0\0\0", false },	/* 13 bytes */
	{ 16, "\0\x0e\x70\0\6\0\0\0\0\x0a\0\0\0\0\x3f\x0e", true },
	{ 10, "\0\x08\x72\6\x3f\x0e\0\0\0\0", true },
	{ 10, "\0\x08\x73\6\x3f\x0e\0\0\0\0", true },
	{ 10, "\0\x08\x70\6\x3f\x0e\0\0\0\0", false },
	{ 10, "\0\x08\x74\6\x3f\x0e\0\0\0\0", false },
	{ 10, "\0\x08\xf2\6\x3f\x0e\0\0\0\0", true },
	{ 10, "\0\x08\x72\6\x3f\x03\0\0\0\0", false },
	{ 10, "\0\x08\x72\6\x29\x0e\0\0\0\0", false },
	{ 6, "\0\x04\x72\6\x3f\x0e", true },
	/* Long enough for the fixed format. */
	{ 20, "\0\x12\x72\6\x3f\x0e\0\0\0\x0a\0\0\0\0\0\0\0\0\0\0", true },
	{ 20, "\0\x12\x72\6\x29\x03\0\0\0\x0a\0\0\0\0\x3f\x0e\0\0\0\0", false },
	{ 10, "\0\x12\x70\0\6\0\0\0\0\x0a", false },	/* cut off */
	{ 10, "\0\x09\x72\6\x3f\x0e\0\0\0\0", false },	/* cut off */
	{ 5, "\0\x03\x72\6\x3f", false },
	{ 1, "\0", false }, { 0, "", false },
};

START_TEST(sense_of_changed_luns)
{
	uint8_t *data = malloc(senses[_i].len + !senses[_i].len);

	memcpy(data, senses[_i].data, senses[_i].len);
	ck_assert(pdu_sense_luns_changed(data, senses[_i].len) == senses[_i].changed);
	free(data);
}
END_TEST

START_TEST(header_and_padding)
{
	struct pdu_header header;
	uint8_t bhs[PDU_BHS_LEN] = { 0x46, 0x80, 0, 0, 2, 1, 2, 3 };

	pdu_parse_header(bhs, &header);
	ck_assert_uint_eq(header.opcode, PDU_LOGOUT_REQUEST);
	ck_assert_uint_eq(header.ahs_words, 2);
	ck_assert_uint_eq(header.data_len, 0x010203);

	/* P-PDU-01 */
	ck_assert_uint_eq(pdu_padded(0), 0);
	ck_assert_uint_eq(pdu_padded(1), 4);
	ck_assert_uint_eq(pdu_padded(2), 4);
	ck_assert_uint_eq(pdu_padded(3), 4);
	ck_assert_uint_eq(pdu_padded(5), 8);
	ck_assert_uint_eq(pdu_padded(4), 4);
	ck_assert_uint_eq(pdu_padded(8191), 8192);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("pdu");
	TCase *t = tcase_create("pdu");
	SRunner *runner = srunner_create(s);
	int failed;

	suite_add_tcase(s, t);
	tcase_add_test(t, login_request);
	tcase_add_test(t, login_response);
	tcase_add_loop_test(t, bad_login_response, 0, ARRAY_SIZE(bad_responses));
	tcase_add_test(t, one_byte_too_much);
	tcase_add_test(t, text);
	tcase_add_test(t, logout);
	tcase_add_test(t, nop);
	tcase_add_test(t, async);
	tcase_add_loop_test(t, sense_of_changed_luns, 0, ARRAY_SIZE(senses));
	tcase_add_test(t, header_and_padding);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
