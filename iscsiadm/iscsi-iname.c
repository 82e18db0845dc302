/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * iscsi-iname: prints an initiator name that no other machine has: a prefix that its user
 * chooses, and six random bytes.
 */
#include <getopt.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#ifndef ISCSI_INAME_PREFIX
#define ISCSI_INAME_PREFIX "iqn.2016-04.com.open-iscsi"
#endif

#define PREFIX_MAX	210	/* with the random part, a name stays within its 223 bytes */

static int print_usage(int status)
{
	fprintf(stderr,
		"Usage: iscsi-iname [OPTION]...\n"
		"Prints a new iSCSI initiator name.\n"
		"\n"
		"  -p, --prefix=PREFIX           what it begins with (" ISCSI_INAME_PREFIX ")\n"
		"  -g, --generate-iname-prefix   print InitiatorName= before it\n"
		"  -h, --help                    this text\n");
	return status;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "prefix", required_argument, NULL, 'p' },
		{ "generate-iname-prefix", no_argument, NULL, 'g' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	const char *prefix = ISCSI_INAME_PREFIX;
	uint8_t bytes[6];
	bool key = false;
	int c;

	while ((c = getopt_long(argc, argv, "p:gh", options, NULL)) != -1) {
		switch (c) {
		case 'p':	prefix = optarg; break;
		case 'g':	key = true; break;
		case 'h':	return print_usage(0);
		default:	return print_usage(1);
		}
	}
	if (optind < argc) {
		fprintf(stderr, "iscsi-iname: unknown argument(s)\n");
		return print_usage(1);
	}
	if (strlen(prefix) > PREFIX_MAX) {
		fprintf(stderr, "error: prefix too long\n");
		return print_usage(1);
	}
	if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes)) {
		perror("iscsi-iname: random bytes");
		return 1;
	}
	printf("%s%s:", key ? "InitiatorName=" : "", prefix);
	for (size_t i = 0; i < sizeof(bytes); i++)
		printf("%02x", bytes[i]);
	printf("\n");
	return fflush(stdout) == 0 && !ferror(stdout) ? 0 : 1;
}
