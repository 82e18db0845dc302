/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Any bytes as the text of a record, of the kind that the first byte chooses. What was taken
 * must print, read back without a change, and have no control character that came in.
 */
#include <stdint.h>

#include "libiscsi-db/line.h"
#include "libiscsi-db/record.h"
#include "libiscsi-db/setting.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void ignore(void *arg, const char *text)
{
	(void)arg;
	if (strpbrk(text, "\n\r\x1b"))
		abort();
}

static void check_stable(enum iscsi_db_kind kind, const char *text)
{
	struct iscsi_db_record *rec = NULL;
	char *again;

	if (iscsi_db_record_parse(kind, text, strlen(text), "again", ignore, NULL, &rec, NULL))
		abort();
	again = iscsi_db_record_print(rec, ISCSI_DB_FORM_FILE);
	if (!again || strcmp(again, text) != 0)
		abort();
	free(again);
	iscsi_db_record_free(rec);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct iscsi_db_record *rec = NULL, *copy = NULL;
	enum iscsi_db_kind kind;
	char *text, *show;

	/* Half of the limit: what is printed is longer than what was read. */
	if (!size || size > DB_TEXT_MAX / 2)
		return 0;
	kind = (enum iscsi_db_kind)(data[0] % DB_KINDS);
	if (iscsi_db_record_parse(kind, (const char *)data + 1, size - 1, "fuzz", ignore, NULL,
				  &rec, NULL))
		return 0;
	if (iscsi_db_record_copy(rec, &copy))
		abort();
	text = iscsi_db_record_print(copy, ISCSI_DB_FORM_FILE);
	show = iscsi_db_record_print(rec, ISCSI_DB_FORM_SHOW);
	if (!text || !show)
		abort();
	check_stable(kind, text);
	free(text);
	free(show);
	iscsi_db_record_free(copy);
	iscsi_db_record_free(rec);
	return 0;
}
