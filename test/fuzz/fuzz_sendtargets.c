/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Any bytes as the answer to SendTargets. Whole or in pieces of a length that the first byte
 * gives, the same portals must come of it, each fit to become a file name.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "iscsid/protocol/sendtargets.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct seen {
	size_t portals, warnings;
	unsigned long sum;
};

static enum iscsi_err on_portal(void *arg, const struct sendtargets_portal *portal)
{
	struct seen *seen = arg;

	if (iscsi_db_check_name(portal->name, NULL) ||
	    iscsi_db_check_address(portal->address, NULL) || portal->port < 1 ||
	    portal->port > 65535 || portal->tpgt < ISCSI_TPGT_UNKNOWN || portal->tpgt > 65535)
		abort();
	seen->portals++;
	for (const char *p = portal->name; *p; p++)
		seen->sum = seen->sum * 31 + (unsigned char)*p;
	for (const char *p = portal->address; *p; p++)
		seen->sum = seen->sum * 31 + (unsigned char)*p;
	seen->sum = seen->sum * 31 + (unsigned long)portal->port;
	seen->sum = seen->sum * 31 + (unsigned long)portal->tpgt;
	return ISCSI_SUCCESS;
}

static void on_warning(void *arg, const char *text)
{
	struct seen *seen = arg;

	seen->warnings++;
	for (; *text; text++)
		if ((unsigned char)*text < 0x20)
			abort();
}

static struct seen parse(const uint8_t *data, size_t size, size_t piece)
{
	struct seen seen = { 0 };
	const struct sendtargets_config config = {
		.address = "fe80::1%eth0", .port = 3260, .portal = on_portal,
		.warn = on_warning, .arg = &seen,
	};
	struct sendtargets *st = sendtargets_new(&config);
	struct iscsi_why why;

	for (size_t at = 0; at < size; at += piece) {
		size_t len = size - at < piece ? size - at : piece;
		uint8_t *exact = malloc(len);

		memcpy(exact, data + at, len);
		if (sendtargets_feed(st, exact, len, &why))
			abort();
		free(exact);
	}
	if (sendtargets_finish(st, &why))
		abort();
	sendtargets_free(st);
	return seen;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct seen whole, pieces;

	if (!size)
		return -1;
	whole = parse(data + 1, size - 1, size);
	pieces = parse(data + 1, size - 1, (size_t)data[0] + 1);
	if (whole.portals != pieces.portals || whole.sum != pieces.sum ||
	    whole.warnings != pieces.warnings)
		abort();
	return 0;
}
