/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A hostile target in the login phase. The first byte chooses what is configured; then come the
 * responses: flags, status class and detail, two bytes of length, and the text. A flag that is
 * reserved stands for two more bytes, what the header has elsewhere. Whatever they are, every
 * request must be legal, and the login must end within its bounds.
 */
#include <stdlib.h>
#include <string.h>

#include "iscsid/base/bytes.h"
#include "iscsid/protocol/login.h"
#include "test/fuzz/input.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int fixed_random(void *buf, size_t len)
{
	memset(buf, 0x42, len);
	return 0;
}

static struct login_config config_for(uint8_t bits)
{
	struct login_config config = {
		.discovery = bits & 1,
		.security_first = bits & 8,
		.initiator_name = "iqn.2026-01.com.example:host",
		.initiator_alias = bits & 2 ? "alias" : NULL,
		.target_name = bits & 1 ? NULL : "iqn.2026-01.com.example:disk",
		.tpgt = ISCSI_TPGT_UNKNOWN,
		.chap.username = bits & 4 ? "user" : "",
		.chap.password = "initiator-secret",
		.chap.username_in = bits & 8 ? "target" : "",
		.chap.password_in = bits & 16 ? "target-secret" : "",
		.offer = {
			.header_digest = bits >> 5 & 3,
			.initial_r2t = bits >> 7,
			.immediate_data = 1,
			.max_burst_length = 16776192,
			.first_burst_length = 262144,
			.max_outstanding_r2t = 1,
			.max_connections = 1,
			.data_pdu_in_order = 1,
			.data_sequence_in_order = 1,
			.default_time2wait = 2,
			.max_recv_data_segment_length = 262144,
		},
		.random = fixed_random,
	};

	return config;
}

/* RFC 7143, 6.3 and 11.12: what no request may be. */
static void check_request(const struct login_pdu *request)
{
	uint8_t flags = request->bhs[1];

	if (request->bhs[0] != 0x43 || request->data_len > PDU_LOGIN_DATA_MAX ||
	    get_be24(request->bhs + 5) != request->data_len || flags & 0x30)
		abort();
	if ((flags & 0xc0) == 0xc0)			/* C and T */
		abort();
	if (flags & 0x80 ? (flags & 0x0f) != 0x01 && (flags & 0x0f) != 0x07 : flags & 0x03)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct login_pdu request;
	struct reader r = reader_init(data, size);
	struct login_config config = config_for(next_byte(&r));
	struct login *login = login_new();
	enum iscsi_err err = ISCSI_ERR;
	struct iscsi_why why = { .text = "" };
	enum login_result result = login_start(login, &config, &request, &err, &why);
	const struct login_outcome *outcome = login_outcome(login);
	uint32_t stat_sn = 0;
	int rounds = 0;

	while (result == LOGIN_SEND) {
		uint8_t bhs[PDU_BHS_LEN] = { PDU_LOGIN_RESPONSE };
		const uint8_t *text;
		uint8_t *exact;
		size_t len;

		check_request(&request);
		bhs[1] = next_byte(&r);
		bhs[36] = next_byte(&r);
		bhs[37] = next_byte(&r);
		len = reader_be16(&r) % (PDU_LOGIN_DATA_MAX + 2);
		if (r.failed)
			break;
		len = len < r.len - r.pos ? len : r.len - r.pos;
		text = reader_bytes(&r, len);
		put_be24(bhs + 5, (uint32_t)len);
		memcpy(bhs + 16, request.bhs + 16, 4);
		put_be32(bhs + 24, stat_sn++);
		if (bhs[1] & 0x20) {
			uint8_t where = next_byte(&r) % PDU_BHS_LEN;

			bhs[where] = next_byte(&r);
		}
		exact = malloc(len ? len : 1);
		if (len)
			memcpy(exact, text, len);
		result = login_step(login, bhs, exact, len, &request, &err, &why);
		free(exact);
		if (++rounds > 33)
			abort();
	}
	if (result == LOGIN_FAILED && (!err || !*why.text))
		abort();
	if (result == LOGIN_AGAIN && (config.security_first || chap_wanted(&config.chap)))
		abort();
	if (result == LOGIN_MOVED && (!outcome->moved_to_len || outcome->status_class != 1))
		abort();
	/* With mutual CHAP nobody gets through who doesn't know the secret, which we don't. */
	if (result == LOGIN_DONE && chap_mutual(&config.chap))
		abort();
	if (result == LOGIN_DONE &&
	    (outcome->agreed.first_burst_length > outcome->agreed.max_burst_length ||
	     outcome->agreed.max_xmit_data_segment_length < 512 ||
	     outcome->agreed.max_connections != 1 || outcome->agreed.error_recovery_level))
		abort();
	login_free(login);
	return 0;
}
