/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Any bytes as the text of a PDU: each pair is legal, and every constant in it can be tried. */
#include <stdlib.h>
#include <string.h>

#include "iscsid/protocol/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void constants(const char *value)
{
	uint8_t *binary = malloc(1024);
	char *hex = malloc(2 * 1024 + 3);
	uint64_t number = 0;
	long len = text_parse_binary(value, binary, 1024);

	if (len >= 0) {		/* there and back again */
		uint8_t again[1024];

		text_format_hex(binary, (size_t)len, hex, 2 * 1024 + 3);
		if (len && (text_parse_binary(hex, again, sizeof(again)) != len ||
			    memcmp(again, binary, (size_t)len) != 0))
			abort();
	}
	if (text_parse_number(value, 65535, &number) && number > 65535)
		abort();
	(void)text_parse_number(value, UINT64_MAX, &number);
	free(binary);
	free(hex);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *copy = malloc(size ? size : 1), *out = malloc(size + 1);
	struct iscsi_why why;
	struct text_reader r;
	struct text_writer w;

	if (size)
		memcpy(copy, data, size);
	text_reader_init(&r, copy, size);
	text_writer_init(&w, out, size + 1);
	while (text_reader_next(&r, &why) == TEXT_PAIR) {
		if (!text_is_key(r.key, strlen(r.key)))
			abort();
		constants(r.value);
		text_write(&w, r.key, r.value);
		if (w.failed)	/* what was read can't be longer when it is written */
			abort();
	}
	text_reader_done(&r);
	free(copy);
	free(out);
	return 0;
}
