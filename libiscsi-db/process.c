/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Other processes as /proc shows them, as far as the lock of the database must know them. */
#include "libiscsi-db/process.h"

#include <ctype.h>
#include <dirent.h>
#include <limits.h>
#include <sys/stat.h>

#include "libiscsi-db/path.h"
#include "libiscsi-db/util.h"

bool process_name(pid_t pid, char *ret, size_t size)
{
	CLEANUP(fclosep) FILE *f = NULL;
	char path[64];

	(void)snprintf(path, sizeof(path), "/proc/%ld/comm", (long)pid);
	f = fopen(path, "re");
	if (!f || !fgets(ret, (int)size, f))
		return false;
	ret[strcspn(ret, "\n")] = '\0';
	return true;
}

/* True if @pid runs the file @name from the folder of our own program, which is of this project. */
static bool is_ours(pid_t pid, const char *name)
{
	CLEANUP(freep) char *beside = NULL;
	char self[PATH_MAX], exe[64], *slash;
	struct stat theirs, ours;
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (n <= 0)
		return false;
	self[n] = '\0';
	slash = strrchr(self, '/');
	if (!slash)
		return false;
	*slash = '\0';
	beside = db_format("%s/%s", self, name);
	(void)snprintf(exe, sizeof(exe), "/proc/%ld/exe", (long)pid);
	return beside && stat(exe, &theirs) == 0 && stat(beside, &ours) == 0 &&
	       theirs.st_dev == ours.st_dev && theirs.st_ino == ours.st_ino;
}

bool process_foreign_alive(void)
{
	static const char *const names[] = { "iscsiadm", "iscsid", "iscsistart" };
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	bool alive = false;

	if (!proc)
		return true;	/* without /proc, assume the worst */
	while (!alive && (entry = readdir(proc))) {
		pid_t pid;
		char comm[32];

		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		pid = (pid_t)strtol(entry->d_name, NULL, 10);
		if (pid == getpid() || !process_name(pid, comm, sizeof(comm)))
			continue;
		for (size_t i = 0; i < ARRAY_SIZE(names) && !alive; i++)
			alive = streq(names[i], comm) && !is_ours(pid, comm);
	}
	(void)closedir(proc);
	return alive;
}
