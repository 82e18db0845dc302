/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Anything a client or a daemon may send over the local socket. */
#include "iscsid/message/mgmt_msg.h"
#include "libiscsi-db/util.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mgmt_request req;
	struct mgmt_reply reply;
	struct iscsi_why why;
	uint32_t body_len;
	uint16_t type;
	size_t len;

	if (size < MGMT_HEADER_LEN || mgmt_msg_header(data, &type, &body_len, &why))
		return 0;
	data += MGMT_HEADER_LEN;
	size -= MGMT_HEADER_LEN;
	if (body_len < size)
		size = body_len;
	if (!mgmt_msg_parse_request(type, data, size, &req, &why))
		free(mgmt_msg_build_request(&req, &len));
	if (!mgmt_msg_parse_reply(type, data, size, &reply, &why))
		free(mgmt_msg_build_reply(&reply, &len));
	return 0;
}
