/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * iscsid: options, becoming a daemon, privileges and readiness; then the manager runs.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <grp.h>
#include <libkmod.h>
#include <link.h>
#include <malloc.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <syslog.h>
#include <systemd/sd-daemon.h>

#include "iscsid/base/log.h"
#include "iscsid/manager.h"
#include "libiscsi-db/util.h"

#define PID_FILE	"/run/iscsid.pid"

#ifndef PR_SET_IO_FLUSHER
#define PR_SET_IO_FLUSHER 57
#endif
#ifndef MCL_ONFAULT
#define MCL_ONFAULT 4
#endif

struct options {
	struct manager_options manager;
	const char *pid_file;		/* NULL: none */
	bool foreground;
	int debug;
	uid_t uid;
	gid_t gid;
};

static const char help_text[] =
"Usage: iscsid [OPTION]...\n"
"The daemon that owns iSCSI sessions and connections; iscsiadm commands it.\n"
"\n"
"  -f, --foreground          stay in front, log to stderr\n"
"  -i, --initiatorname=FILE  the file with InitiatorName= (" ISCSI_CONF_DIR "/initiatorname.iscsi)\n"
"  -c, --config=FILE         the file with iscsid.* settings (" ISCSI_CONF_DIR "/iscsid.conf)\n"
"  -d, --debug=N             N > 0: log debug lines too\n"
"  -p, --pid=FILE            the pid file of the daemon (" PID_FILE ")\n"
"  -n, --no-pid-file         no pid file\n"
"  -u, --uid=UID             change to this user once everything is open\n"
"  -g, --gid=GID             change to this group\n"
"  -h, --help                this text\n"
"  -v, --version             the version\n";

static int usage_error(void)
{
	fprintf(stderr, "Try `iscsid --help' for more information.\n");
	return 1;
}

/* -1: go on; otherwise the exit status. */
static int parse_options(int argc, char **argv, struct options *o)
{
	static const struct option longopts[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "initiatorname", required_argument, NULL, 'i' },
		{ "foreground", no_argument, NULL, 'f' },
		{ "debug", required_argument, NULL, 'd' },
		{ "uid", required_argument, NULL, 'u' },
		{ "gid", required_argument, NULL, 'g' },
		{ "no-pid-file", no_argument, NULL, 'n' },
		{ "pid", required_argument, NULL, 'p' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'v' },
		{ 0 },
	};
	bool no_pid_file = false;
	int c;

	while ((c = getopt_long(argc, argv, "c:i:fd:u:g:np:hv", longopts, NULL)) != -1) {
		switch (c) {
		case 'c':	o->manager.config_path = optarg; break;
		case 'i':	o->manager.initiator_path = optarg; break;
		case 'f':	o->foreground = true; break;
		case 'd':	o->debug = atoi(optarg); break;
		case 'u':	o->uid = (uid_t)strtoul(optarg, NULL, 10); break;
		case 'g':	o->gid = (gid_t)strtoul(optarg, NULL, 10); break;
		case 'n':	no_pid_file = true; break;
		case 'p':	o->pid_file = optarg; break;
		case 'h':	fputs(help_text, stdout); return 0;
		case 'v':	printf("iscsid version %s\n", ISCSI_VERSION); return 0;
		default:	return usage_error();
		}
	}
	if (no_pid_file && o->pid_file) {
		fprintf(stderr, "error: Conflicting PID-file options requested\n");
		return 1;
	}
	if (o->foreground && o->pid_file) {
		fprintf(stderr, "error: PID file specified but unused in foreground mode\n");
		return 1;
	}
	if (!o->pid_file && !no_pid_file && !o->foreground)
		o->pid_file = PID_FILE;
	return -1;
}

/* ---- the kernel module ------------------------------------------------------------------------ */

/* Loads iscsi_tcp unless it is there. What goes wrong is said when the kernel is opened. */
static void load_iscsi_tcp(void)
{
	const char *const config_default = NULL;
	struct kmod_module *module = NULL;
	struct kmod_ctx *ctx;
	int r;

	if (access("/sys/class/iscsi_transport/tcp", F_OK) == 0)
		return;
	ctx = kmod_new(NULL, &config_default);
	r = ctx ? kmod_module_new_from_name(ctx, "iscsi_tcp", &module) : -ENOMEM;
	if (r >= 0)
		r = kmod_module_probe_insert_module(module, KMOD_PROBE_APPLY_BLACKLIST, NULL, NULL,
						    NULL, NULL);
	if (r)
		log_warning("can't load the kernel module iscsi_tcp: %s",
			    r > 0 ? "it is blacklisted" : strerror(-r));
	kmod_module_unref(module);
	kmod_unref(ctx);
}

/* ---- becoming a daemon -------------------------------------------------------------------------- */

/*
 * The parent waits until the child says that it serves, so that its exit status is the truth.
 * Returns the descriptor to say so on, in the child; the parent doesn't return.
 */
static int daemonise(void)
{
	char status = 1;
	int pipe_fd[2], null_fd;
	pid_t pid;

	if (pipe2(pipe_fd, O_CLOEXEC) < 0 || (pid = fork()) < 0) {
		log_error("can't become a daemon: %s", strerror(errno));
		exit(1);
	}
	if (pid > 0) {
		(void)close(pipe_fd[1]);
		(void)!read(pipe_fd[0], &status, 1);
		_exit(status);
	}
	(void)close(pipe_fd[0]);
	(void)setsid();
	(void)!chdir("/");
	null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null_fd >= 0) {
		(void)dup2(null_fd, STDIN_FILENO);
		(void)dup2(null_fd, STDOUT_FILENO);
		(void)close(null_fd);
	}
	return pipe_fd[1];
}

static void daemon_ready(int *ready_fd, int level)
{
	char status = 0;

	if (*ready_fd < 0)
		return;
	(void)!write(*ready_fd, &status, 1);
	closep(ready_fd);
	/* Until now errors went to whoever started us. */
	log_open(true, level);
	(void)!freopen("/dev/null", "w", stderr);
}

static int write_pid_file(const char *path)
{
	CLEANUP(closep) int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
				      0600);

	if (fd < 0 || dprintf(fd, "%d\n", getpid()) < 0) {
		log_error("pid file %s: %s", path, strerror(errno));
		return -1;
	}
	return 0;
}

/* ---- surviving while the disk is gone ------------------------------------------------------------ */

static void write_file(const char *path, const char *text)
{
	CLEANUP(closep) int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd >= 0)
		(void)!write(fd, text, strlen(text));
}

/* Which objects recovery runs in: our own, and those that every step of it calls. */
static bool recovery_needs(const char *name)
{
	static const char *const needed[] = { "/libc.so", "/libsystemd.so", "/ld-linux" };

	if (!*name)
		return true;		/* the program itself */
	for (size_t i = 0; i < ARRAY_SIZE(needed); i++)
		if (strstr(name, needed[i]))
			return true;
	return false;
}

/*
 * Makes code and constants resident that may not have run yet when the disk they lie on is
 * gone; locked on fault, they stay. OpenSSL isn't among them: a session that needs it has
 * touched it in its first login.
 */
__attribute__((no_sanitize("address")))	/* it reads whole segments, red zones and all */
static int touch_object(struct dl_phdr_info *info, size_t size, void *arg)
{
	volatile char sum = 0;

	(void)size;
	(void)arg;
	if (!recovery_needs(info->dlpi_name))
		return 0;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *ph = &info->dlpi_phdr[i];
		const char *start = (const char *)info->dlpi_addr + ph->p_vaddr;

		if (ph->p_type != PT_LOAD || !(ph->p_flags & PF_R))
			continue;
		for (size_t at = 0; at < ph->p_memsz; at += 4096)
			sum += start[at];
	}
	(void)sum;
	return 0;
}

/* Each connect under way holds a descriptor, and there may be thousands at once. */
static void raise_descriptor_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &limit);
	}
}

static void protect(void)
{
	write_file("/proc/self/oom_score_adj", "-1000");
	(void)setpriority(PRIO_PROCESS, 0, -10);
	if (prctl(PR_SET_IO_FLUSHER, 1, 0, 0, 0) < 0 && errno != EINVAL)
		log_warning("can't be marked as an I/O flusher: %s", strerror(errno));
	/* Freed memory stays ours: recovery must not have to ask for it again. */
	(void)mallopt(M_TRIM_THRESHOLD, 64 << 20);
	(void)mallopt(M_MMAP_THRESHOLD, 1 << 20);
	if (mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) < 0)
		log_warning("memory can't be locked (%s): recovery of the disk that swap or this "
			    "program lies on may fail", strerror(errno));
	else
		(void)dl_iterate_phdr(touch_object, NULL);
}

static int drop_ids(const struct options *o)
{
	if (setgroups(0, NULL) < 0 && errno != EPERM)
		log_warning("supplementary groups: %s", strerror(errno));
	if (o->gid && setgid(o->gid) < 0) {
		log_error("gid %u: %s", o->gid, strerror(errno));
		return -1;
	}
	if (o->uid && setuid(o->uid) < 0) {
		log_error("uid %u: %s", o->uid, strerror(errno));
		return -1;
	}
	return 0;
}

static int log_level_of(const struct options *o)
{
	return o->debug > 0 ? LOG_DEBUG : LOG_INFO;
}

static int run(const struct options *o, int *ready_fd)
{
	struct manager *manager;
	struct iscsi_why why;
	int r;

	raise_descriptor_limit();
	load_iscsi_tcp();
	if (manager_new(&o->manager, &manager, &why)) {
		log_error("%s", why.text);
		return 1;
	}
	if (o->pid_file && write_pid_file(o->pid_file) < 0) {
		manager_free(manager);
		return 1;
	}
	protect();
	if (drop_ids(o) < 0) {
		manager_free(manager);
		return 1;
	}
	daemon_ready(ready_fd, log_level_of(o));
	(void)sd_notify(0, "READY=1\nSTATUS=Ready to process requests");
	r = manager_run(manager);
	(void)sd_notify(0, "STOPPING=1");
	manager_free(manager);
	if (o->pid_file)
		(void)unlink(o->pid_file);
	log_notice("iscsid shutting down.");
	return r < 0;
}

int main(int argc, char **argv)
{
	struct options o = { 0 };
	int ready_fd = -1, status;

	status = parse_options(argc, argv, &o);
	if (status >= 0)
		return status;
	umask(0077);
	(void)signal(SIGPIPE, SIG_IGN);
	/* What goes to the journal goes by its socket: stderr would make us wait for it. */
	log_open(o.foreground && getenv("JOURNAL_STREAM"), log_level_of(&o));
	if (!o.foreground)
		ready_fd = daemonise();
	status = run(&o, &ready_fd);
	log_close();
	return status;
}
