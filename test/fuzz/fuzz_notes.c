/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A note about a session below /run, as it may be after a crash or another program's work. A note
 * that is taken can be written and read again, and says the same.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "iscsid/runstate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char dir[] = "/dev/shm/iscsi-fuzz-notes-XXXXXX";
static int dir_fd = -1;

static void clean_up(void)
{
	(void)unlinkat(dir_fd, "session-5", 0);
	(void)unlinkat(dir_fd, "session-6", 0);
	(void)rmdir(dir);
}

static void open_dir(void)
{
	if (!mkdtemp(dir))
		abort();
	dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir_fd < 0 || atexit(clean_up))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct runstate state, again;
	int fd;

	if (dir_fd < 0)
		open_dir();
	fd = openat(dir_fd, "session-5", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		abort();
	(void)close(fd);
	if (runstate_load(dir_fd, 5, &state))
		return 0;
	if (state.time2wait_s > 3600 || runstate_save(dir_fd, 6, &state) ||
	    runstate_load(dir_fd, 6, &again))
		abort();
	if (memcmp(state.isid, again.isid, sizeof(state.isid)) ||
	    state.time2wait_s != again.time2wait_s ||
	    strcmp(iscsi_db_record_get(state.rec, "node.name"),
		   iscsi_db_record_get(again.rec, "node.name")))
		abort();
	iscsi_db_record_free(state.rec);
	iscsi_db_record_free(again.rec);
	return 0;
}
