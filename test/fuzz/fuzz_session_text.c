/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The text of a session, as the daemon hands it to iscsiadm: what is taken goes there and back. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "iscsid/message/session_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sysfs_session first, second;
	struct session_outage outage;
	char *text = malloc(size + 1), *again, *third;

	if (!text)
		abort();
	memcpy(text, data, size);
	text[size] = '\0';
	if (session_text_parse(text, 7, &first)) {
		if (first.sid != 7)
			abort();
		again = session_text_print(&first);
		if (!again || !session_text_parse(again, 7, &second))
			abort();
		third = session_text_print(&second);
		if (!third || strcmp(again, third))
			abort();
		free(third);
		free(again);
	}
	if (session_text_parse_outage(text, &outage)) {
		again = session_text_print_outage(&outage);
		if (!again || !session_text_parse_outage(again, &outage))
			abort();
		free(again);
	}
	free(text);
	return 0;
}
