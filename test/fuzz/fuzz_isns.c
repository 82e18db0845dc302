/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Any bytes as what an iSNS server sends: as a stream of message parts, whose contents are then
 * read as an answer, and straight as such an answer. Every portal must be fit for a file name.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "iscsid/protocol/isns_pdu.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void on_portal(void *arg, const struct isns_portal *portal)
{
	size_t *portals = arg;

	if (iscsi_db_check_name(portal->name, NULL) ||
	    iscsi_db_check_address(portal->address, NULL) || portal->port < 1 ||
	    portal->port > 65535 || portal->tpgt < ISCSI_TPGT_UNKNOWN || portal->tpgt > 65535)
		abort();
	++*portals;
}

static void on_warning(void *arg, const char *text)
{
	(void)arg;
	for (; *text; text++)
		if ((unsigned char)*text < 0x20)
			abort();
}

static void parse(const uint8_t *data, size_t size)
{
	size_t portals = 0;
	const struct isns_visitor visitor = {
		.server = "fe80::1%eth0", .portal = on_portal, .warn = on_warning,
		.arg = &portals,
	};
	uint8_t *exact = malloc(size ? size : 1);
	struct iscsi_why why;
	uint32_t status;

	if (size)
		memcpy(exact, data, size);
	if (isns_parse_status(exact, size, &status, &why) == ISCSI_SUCCESS) {
		(void)isns_status_text(status);
		if (isns_parse_targets(exact, size, &visitor, &why) && portals)
			abort();
		/* A group takes a name and an address. */
		if (portals > size / 36)
			abort();
	}
	free(exact);
}

static void stream(const uint8_t *data, size_t size)
{
	struct isns_answer answer = { .function = ISNS_DEV_ATTR_QRY, .xid = 1 };
	struct iscsi_why why;
	uint8_t *payload;
	size_t len;

	while (size >= ISNS_HEADER_LEN &&
	       isns_answer_part(&answer, data, &payload, &len, &why) == ISCSI_SUCCESS) {
		data += ISNS_HEADER_LEN;
		size -= ISNS_HEADER_LEN;
		if (len > size)
			break;
		memcpy(payload, data, len);
		data += len;
		size -= len;
		if (!isns_answer_part_end(&answer))
			continue;
		if (answer.len > ISNS_ANSWER_MAX)
			abort();
		parse(answer.data, answer.len);
		break;
	}
	isns_answer_done(&answer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	stream(data, size);
	parse(data, size);
	return 0;
}
