/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Command lines of iscsiadm, as a user with a sudo rule may type them: the words of the input,
 * each ended by a NUL. A line that is refused has a documented status.
 */
#include <getopt.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "iscsiadm/options.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { WORDS_MAX = 64 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1), *argv[WORDS_MAX + 2];
	struct options options;
	struct iscsi_why why = { "" };
	enum iscsi_err err;
	int argc = 1;

	if (!text)
		abort();
	memcpy(text, data, size);
	text[size] = '\0';
	argv[0] = (char *)"iscsiadm";
	for (size_t at = 0; at < size && argc <= WORDS_MAX; at += strlen(text + at) + 1)
		argv[argc++] = text + at;
	argv[argc] = NULL;
	opterr = 0;
	err = options_parse(argc, argv, &options, &why);
	if (err < ISCSI_SUCCESS || err >= ISCSI_ERR_END)
		abort();
	if (!err && options.has_portal && *options.portal.address &&
	    iscsi_db_check_address(options.portal.address, NULL))
		abort();
	options_done(&options);
	free(text);
	return 0;
}
