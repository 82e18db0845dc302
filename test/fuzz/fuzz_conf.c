/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Any bytes as iscsid.conf, as initiatorname.iscsi, as a name, an address and a portal. */
#include <stdint.h>

#include "libiscsi-db/address.h"
#include "libiscsi-db/config.h"
#include "libiscsi-db/record.h"
#include "libiscsi-db/setting.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_names(const char *text)
{
	struct iscsi_db_portal portal;
	struct iscsi_why why;

	if (!iscsi_db_portal_parse(text, &portal, &why) && *portal.address &&
	    iscsi_db_check_address(portal.address, &why))
		abort();
	if (!iscsi_db_check_name(text, &why) && strpbrk(text, "/, \n"))
		abort();
	if (!iscsi_db_check_iface_name(text, &why) && strpbrk(text, "/\n"))
		abort();
	(void)address_equal(text, "::1");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct iscsi_db_config *config = NULL;
	struct iscsi_db_initiator initiator;
	const char *text = (const char *)data;

	if (!config_parse(text, size, "fuzz", NULL, NULL, &config, NULL)) {
		for (int kind = 0; kind < DB_KINDS; kind++) {
			struct iscsi_db_record *rec = NULL;

			if (iscsi_db_record_new((enum iscsi_db_kind)kind, &rec) ||
			    iscsi_db_config_apply(config, rec))
				abort();
			iscsi_db_record_free(rec);
		}
		iscsi_db_config_free(config);
	}
	if (!initiator_parse(text, size, "fuzz", NULL, NULL, &initiator, NULL) &&
	    iscsi_db_check_name(initiator.name, NULL))
		abort();
	if (size < 4096) {
		char line[4096];

		memcpy(line, data, size);
		line[size] = '\0';
		check_names(line);
	}
	return 0;
}
