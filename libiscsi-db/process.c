/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Other processes as /proc shows them, as far as the lock of the database must know them. */
#include "libiscsi-db/process.h"

#include <dirent.h>
#include <limits.h>
#include <sys/stat.h>

#include "libiscsi-db/path.h"
#include "libiscsi-db/util.h"

bool process_name(pid_t pid, char *ret, size_t size)
{
	CLEANUP(freep) char *path = db_format("/proc/%ld/comm", (long)pid);
	CLEANUP(fclosep) FILE *f = path ? fopen(path, "re") : NULL;

	if (!f || !fgets(ret, (int)size, f))
		return false;
	ret[strcspn(ret, "\n")] = '\0';
	return true;
}

/* True if @pid runs the file @name from the folder of our own program, which is of this project. */
static bool is_ours(pid_t pid, const char *name)
{
	CLEANUP(freep) char *beside = NULL, *exe = db_format("/proc/%ld/exe", (long)pid);
	char self[PATH_MAX] = "", *slash;
	struct stat theirs, ours;

	(void)!readlink("/proc/self/exe", self, sizeof(self) - 1);
	slash = strrchr(self, '/');
	if (!slash || !exe)
		return false;
	*slash = '\0';
	beside = db_format("%s/%s", self, name);
	return beside && stat(exe, &theirs) == 0 && stat(beside, &ours) == 0 &&
	       theirs.st_dev == ours.st_dev && theirs.st_ino == ours.st_ino;
}

bool process_is_foreign(pid_t pid)
{
	static const char *const names[] = { "iscsiadm", "iscsid", "iscsistart", NULL };
	char comm[PROCESS_NAME_SIZE];

	return pid != getpid() && process_name(pid, comm, sizeof(comm)) &&
	       text_is_among(comm, names) && !is_ours(pid, comm);
}

bool process_foreign_alive(void)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	bool alive = false;

	if (!proc)
		return true;	/* without /proc, assume the worst */
	/* An entry that isn't a process gives 0, which no process has. */
	while (!alive && (entry = readdir(proc)))
		alive = process_is_foreign((pid_t)strtol(entry->d_name, NULL, 10));
	(void)closedir(proc);
	return alive;
}
