/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Feeds each file of a folder to a fuzzer's entry, once, without libFuzzer: for make check. */
#include <dirent.h>
#include <stdint.h>
#include <sys/stat.h>

#include "libiscsi-db/util.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay_file(const char *path)
{
	CLEANUP(fclosep) FILE *f = fopen(path, "re");
	CLEANUP(freep) uint8_t *data = NULL;
	struct stat st;
	size_t n;

	if (!f || fstat(fileno(f), &st) < 0) {
		perror(path);
		return -1;
	}
	/* Exactly as long as the input, so that the sanitizer sees a read past its end. */
	data = malloc((size_t)st.st_size ? (size_t)st.st_size : 1);
	if (!data)
		return -1;
	n = fread(data, 1, (size_t)st.st_size, f);
	(void)LLVMFuzzerTestOneInput(data, n);
	return 0;
}

int main(int argc, char **argv)
{
	struct dirent *entry;
	unsigned int count = 0;
	DIR *dir;

	if (argc != 2) {
		fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
		return 2;
	}
	dir = opendir(argv[1]);
	if (!dir) {
		perror(argv[1]);
		return 1;
	}
	while ((entry = readdir(dir))) {
		char path[4096];

		if (entry->d_name[0] == '.')
			continue;
		(void)snprintf(path, sizeof(path), "%s/%s", argv[1], entry->d_name);
		if (replay_file(path) < 0) {
			closedir(dir);
			return 1;
		}
		count++;
	}
	closedir(dir);
	printf("%s: %u inputs replayed\n", argv[1], count);
	return count ? 0 : 1;
}
