/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Any 48 bytes as each kind of response. What was accepted must hold what was promised. */
#include <stdlib.h>
#include <string.h>

#include "iscsid/protocol/pdu.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct login_response_pdu login;
	struct text_response_pdu text;
	struct logout_response_pdu logout;
	struct async_pdu async;
	struct pdu_header header;
	struct iscsi_why why;
	uint8_t *bhs;

	if (size < PDU_BHS_LEN)
		return -1;
	bhs = malloc(PDU_BHS_LEN);
	memcpy(bhs, data, PDU_BHS_LEN);
	pdu_parse_header(bhs, &header);
	if (pdu_padded(header.data_len) < header.data_len || pdu_padded(header.data_len) % 4)
		abort();
	if (!pdu_parse_login_response(bhs, &login, &why) &&
	    (login.data_len > PDU_LOGIN_DATA_MAX || header.opcode != PDU_LOGIN_RESPONSE))
		abort();
	if (!pdu_parse_text_response(bhs, &text, &why) && text.final && text.cont)
		abort();
	(void)pdu_parse_logout_response(bhs, &logout, &why);
	(void)pdu_parse_async(bhs, &async, &why);
	free(bhs);
	return 0;
}
