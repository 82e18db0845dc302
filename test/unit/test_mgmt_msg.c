/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Messages of the local socket: there and back, and whatever isn't one. */
#include <check.h>
#include <stdlib.h>

#include "iscsid/base/bytes.h"
#include "iscsid/message/mgmt_msg.h"
#include "libiscsi-db/util.h"

static uint8_t *build_request(size_t *len)
{
	const struct mgmt_request req = {
		.type = MGMT_LOGIN, .tag = 7, .flags = MGMT_ANOTHER, .sid = 3,
		.record = "node.name = a\n", .iface = "",
	};

	return mgmt_msg_build_request(&req, len);
}

START_TEST(a_request_goes_there_and_back)
{
	struct mgmt_request got;
	struct iscsi_why why;
	uint32_t body_len;
	uint16_t type;
	size_t len;
	uint8_t *msg = build_request(&len);

	ck_assert_ptr_nonnull(msg);
	ck_assert_int_eq(mgmt_msg_header(msg, &type, &body_len, &why), 0);
	ck_assert_uint_eq(body_len, len - MGMT_HEADER_LEN);
	ck_assert_int_eq(mgmt_msg_parse_request(type, msg + MGMT_HEADER_LEN, body_len, &got, &why),
			 0);
	ck_assert_int_eq(got.type, MGMT_LOGIN);
	ck_assert_uint_eq(got.tag, 7);
	ck_assert_uint_eq(got.flags, MGMT_ANOTHER);
	ck_assert_uint_eq(got.sid, 3);
	ck_assert_str_eq(got.record, "node.name = a\n");
	ck_assert_str_eq(got.iface, "");
	free(msg);
}
END_TEST

static const struct mgmt_reply replies[] = {
	{ .type = MGMT_RESULT, .tag = 1, .err = ISCSI_ERR_LOGIN_AUTH_FAILED, .why = "no", .sid = 9,
	  .conn_state = MGMT_CONN_IN_LOGIN, .recovery = MGMT_RECOVERY_REOPEN,
	  .session = "1 tcp\niqn.a:b\n", .name = "", .address = "" },
	{ .type = MGMT_TARGET, .tag = 2, .name = "iqn.a:b", .address = "fe80::1%eth0",
	  .port = 3260, .tpgt = -1, .why = "", .session = "" },
	{ .type = MGMT_STAT, .tag = 3, .name = "txdata_octets", .value = UINT64_C(0x123456789a),
	  .custom = true, .why = "", .session = "", .address = "" },
	{ .type = MGMT_HELLO, .name = "3.0.0", .why = "", .session = "", .address = "" },
	{ .type = MGMT_WARNING, .tag = 4, .why = "odd", .session = "", .name = "", .address = "" },
	{ .type = MGMT_ATTEMPT, .tag = 5, .sid = 7, .name = "iqn.a:b", .address = "::1", .port = 3260,
	  .iface = "fast", .wanted = true, .failed = 3, .since_s = 93, .why = "refused",
	  .session = "" },
};

START_TEST(a_reply_goes_there_and_back)
{
	const struct mgmt_reply *want = &replies[_i];
	struct mgmt_reply got;
	struct iscsi_why why;
	uint32_t body_len;
	uint16_t type;
	size_t len;
	uint8_t *msg = mgmt_msg_build_reply(want, &len);

	ck_assert_ptr_nonnull(msg);
	ck_assert_int_eq(mgmt_msg_header(msg, &type, &body_len, &why), 0);
	ck_assert_int_eq(mgmt_msg_parse_reply(type, msg + MGMT_HEADER_LEN, body_len, &got, &why), 0);
	ck_assert_uint_eq(got.tag, want->tag);
	ck_assert_int_eq(got.err, want->err);
	ck_assert_uint_eq(got.sid, want->sid);
	ck_assert_int_eq(got.conn_state, want->conn_state);
	ck_assert_int_eq(got.recovery, want->recovery);
	ck_assert_str_eq(got.why, want->why);
	ck_assert_str_eq(got.session, want->session);
	ck_assert_str_eq(got.iface, want->iface ? want->iface : "");
	ck_assert_int_eq(got.wanted, want->wanted);
	ck_assert_uint_eq(got.failed, want->failed);
	ck_assert_uint_eq(got.since_s, want->since_s);
	ck_assert_str_eq(got.name, want->name);
	ck_assert_str_eq(got.address, want->address);
	ck_assert_int_eq(got.port, want->port);
	ck_assert_int_eq(got.tpgt, want->tpgt);
	ck_assert_uint_eq(got.value, want->value);
	ck_assert_int_eq(got.custom, want->custom);
	free(msg);
}
END_TEST

/* Every length but the right one is refused; nothing past the end is read (ASan sees it). */
START_TEST(a_cut_request_is_refused)
{
	struct mgmt_request got;
	struct iscsi_why why;
	size_t len;
	uint8_t *msg = build_request(&len);

	for (size_t n = 0; n < len - MGMT_HEADER_LEN; n++) {
		uint8_t *cut = malloc(n ? n : 1);

		ck_assert_ptr_nonnull(cut);
		memcpy(cut, msg + MGMT_HEADER_LEN, n);
		ck_assert_int_eq(mgmt_msg_parse_request(MGMT_LOGIN, cut, n, &got, &why),
				 ISCSI_ERR_INVALID_MGMT_REQ);
		free(cut);
	}
	free(msg);
}
END_TEST

START_TEST(a_foreign_header_is_refused)
{
	/* What open-iscsi's iscsiadm sends first: a command number of a few, little-endian. */
	static const uint8_t original[MGMT_HEADER_LEN] = { 1, 0, 0, 0 };
	uint8_t header[MGMT_HEADER_LEN];
	struct iscsi_why why;
	char versions[64];
	uint32_t body_len;

	ck_assert_int_eq(mgmt_msg_header(original, NULL, &body_len, &why),
			 ISCSI_ERR_INVALID_MGMT_REQ);
	put_be32(header, MGMT_MAGIC);
	put_be16(header + 4, MGMT_VERSION + 1);
	put_be16(header + 6, MGMT_LOGIN);
	put_be32(header + 8, 0);
	ck_assert_int_eq(mgmt_msg_header(header, NULL, &body_len, &why),
			 ISCSI_ERR_INVALID_MGMT_REQ);
	(void)snprintf(versions, sizeof(versions), "version %d; this program speaks version %d",
		       MGMT_VERSION + 1, MGMT_VERSION);
	ck_assert_ptr_nonnull(strstr(why.text, versions));
	put_be16(header + 4, MGMT_VERSION);
	put_be32(header + 8, MGMT_BODY_MAX + 1);
	ck_assert_int_eq(mgmt_msg_header(header, NULL, &body_len, &why),
			 ISCSI_ERR_INVALID_MGMT_REQ);
	(void)snprintf(versions, sizeof(versions), "message of %u bytes; at most %u are taken",
		       MGMT_BODY_MAX + 1, MGMT_BODY_MAX);
	ck_assert_str_eq(why.text, versions);
}
END_TEST

/* A message's room is that of the largest reply: six numbers and four strings. */
START_TEST(a_body_has_a_limit)
{
	enum { ROOM = MGMT_BODY_MAX - 6 * 4 - 4 * 5 };
	CLEANUP(freep) char *text = malloc(ROOM + 2);
	struct mgmt_request req = { .type = MGMT_LOGIN, .record = text, .iface = text + ROOM };
	struct mgmt_reply reply = { .type = MGMT_WARNING, .why = text };
	uint8_t header[MGMT_HEADER_LEN], *msg;
	uint32_t body_len;
	size_t len;

	memset(text, 'x', ROOM + 1);
	text[ROOM] = text[ROOM + 1] = '\0';
	msg = mgmt_msg_build_request(&req, &len);
	ck_assert_ptr_nonnull(msg);
	/* Type, tag, flags, sid and two strings. */
	ck_assert_uint_eq(len, MGMT_HEADER_LEN + 3 * 4 + 2 * 5 + ROOM);
	free(msg);
	msg = mgmt_msg_build_reply(&reply, &len);
	ck_assert_ptr_nonnull(msg);
	free(msg);
	text[ROOM] = 'x';
	ck_assert_ptr_null(mgmt_msg_build_request(&req, &len));
	ck_assert_ptr_null(mgmt_msg_build_reply(&reply, &len));

	put_be32(header, MGMT_MAGIC);
	put_be16(header + 4, MGMT_VERSION);
	put_be16(header + 6, MGMT_LOGIN);
	put_be32(header + 8, MGMT_BODY_MAX);
	ck_assert_int_eq(mgmt_msg_header(header, NULL, &body_len, NULL), 0);
	ck_assert_uint_eq(body_len, MGMT_BODY_MAX);
}
END_TEST

/* Each text of a reply may be long. */
START_TEST(long_texts_have_room)
{
	static const uint16_t types[] = {
		MGMT_RESULT, MGMT_TARGET, MGMT_STAT, MGMT_HELLO, MGMT_WARNING, MGMT_ATTEMPT,
	};
	char text[1000];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		const struct mgmt_reply reply = {
			.type = types[i], .why = text, .session = text, .name = text,
			.address = text, .iface = text,
		};
		struct mgmt_reply got;
		size_t len;
		uint8_t *msg = mgmt_msg_build_reply(&reply, &len);

		ck_assert_ptr_nonnull(msg);
		ck_assert_int_eq(mgmt_msg_parse_reply(types[i], msg + MGMT_HEADER_LEN,
						      len - MGMT_HEADER_LEN, &got, NULL), 0);
		ck_assert(streq(got.why, text) || streq(got.name, text));
		free(msg);
	}
}
END_TEST

/* A daemon of another build may know more errors and states. */
START_TEST(numbers_that_are_too_large_become_known_ones)
{
	static const struct { uint32_t sent[3], got[3]; } rows[] = {
		{ { ISCSI_ERR_END - 1, MGMT_CONN_UNKNOWN - 1, MGMT_RECOVERY_UNKNOWN - 1 },
		  { ISCSI_ERR_END - 1, MGMT_CONN_UNKNOWN - 1, MGMT_RECOVERY_UNKNOWN - 1 } },
		{ { ISCSI_ERR_END, MGMT_CONN_UNKNOWN, MGMT_RECOVERY_UNKNOWN },
		  { ISCSI_ERR_INTERNAL, MGMT_CONN_UNKNOWN, MGMT_RECOVERY_UNKNOWN } },
		{ { UINT32_MAX, MGMT_CONN_UNKNOWN + 1, UINT32_MAX },
		  { ISCSI_ERR_INTERNAL, MGMT_CONN_UNKNOWN, MGMT_RECOVERY_UNKNOWN } },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		uint8_t body[64] = { 0 };
		struct writer w = writer_init(body, sizeof(body));
		struct mgmt_reply got;

		writer_be32(&w, 7);
		writer_be32(&w, rows[i].sent[0]);
		writer_be32(&w, 0);
		writer_be32(&w, rows[i].sent[1]);
		writer_be32(&w, rows[i].sent[2]);
		writer_str(&w, "");
		writer_str(&w, "");
		ck_assert_int_eq(mgmt_msg_parse_reply(MGMT_RESULT, body, w.pos, &got, NULL), 0);
		ck_assert_uint_eq(got.err, rows[i].got[0]);
		ck_assert_uint_eq(got.conn_state, rows[i].got[1]);
		ck_assert_uint_eq(got.recovery, rows[i].got[2]);
		/* A byte more or less is another message. */
		ck_assert_int_eq(mgmt_msg_parse_reply(MGMT_RESULT, body, w.pos + 1, &got, NULL),
				 ISCSI_ERR_INVALID_MGMT_REQ);
		ck_assert_int_eq(mgmt_msg_parse_reply(MGMT_RESULT, body, w.pos - 1, &got, NULL),
				 ISCSI_ERR_INVALID_MGMT_REQ);
	}
}
END_TEST

START_TEST(every_state_of_a_connection_has_words)
{
	static const char *const texts[] = {
		"FREE", "TRANSPORT WAIT", "IN LOGIN", "LOGGED IN", "IN LOGOUT", "LOGOUT REQUESTED",
		"CLEANUP WAIT", "Unknown", "Unknown",
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(texts); i++)
		ck_assert_str_eq(mgmt_conn_text(i), texts[i]);
	ck_assert_str_eq(mgmt_conn_text(UINT32_MAX), "Unknown");
}
END_TEST

START_TEST(an_unknown_type_is_refused)
{
	static const uint8_t body[20], known[3 * 4 + 2 * 5];
	char unknown[32];
	struct mgmt_request req;
	struct mgmt_reply reply;
	struct iscsi_why why;

	(void)snprintf(unknown, sizeof(unknown), "unknown request %d", MGMT_CALL_OFF + 1);
	for (int type = 0; type <= MGMT_CALL_OFF + 1; type++)
		ck_assert_int_eq(mgmt_msg_parse_request((uint16_t)type, known, sizeof(known), &req,
							&why),
				 type >= MGMT_LOGIN && type <= MGMT_CALL_OFF ? ISCSI_SUCCESS :
				 ISCSI_ERR_INVALID_MGMT_REQ);
	ck_assert_str_eq(why.text, unknown);
	ck_assert_int_eq(mgmt_msg_parse_request(MGMT_RESULT, body, sizeof(body), &req, &why),
			 ISCSI_ERR_INVALID_MGMT_REQ);
	for (size_t len = 0; len <= sizeof(body); len++) {
		ck_assert_int_eq(mgmt_msg_parse_reply(MGMT_LOGIN, body, len, &reply, &why),
				 ISCSI_ERR_INVALID_MGMT_REQ);
		ck_assert_ptr_nonnull(strstr(why.text, "unknown reply "));
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("mgmt_msg");
	TCase *tc = tcase_create("mgmt_msg");
	SRunner *runner;
	int failed;

	tcase_add_test(tc, a_request_goes_there_and_back);
	tcase_add_loop_test(tc, a_reply_goes_there_and_back, 0, ARRAY_SIZE(replies));
	tcase_add_test(tc, a_cut_request_is_refused);
	tcase_add_test(tc, a_foreign_header_is_refused);
	tcase_add_test(tc, a_body_has_a_limit);
	tcase_add_test(tc, long_texts_have_room);
	tcase_add_test(tc, numbers_that_are_too_large_become_known_ones);
	tcase_add_test(tc, every_state_of_a_connection_has_words);
	tcase_add_test(tc, an_unknown_type_is_refused);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
