/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * iscsid: options, becoming a daemon, privileges and readiness. Builds what the daemon is made
 * of and runs the loop.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <grp.h>
#include <link.h>
#include <malloc.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <syslog.h>
#include <systemd/sd-daemon.h>

#include "iscsid/base/bytes.h"
#include "iscsid/base/clock.h"
#include "iscsid/base/log.h"
#include "iscsid/kernel/module.h"
#include "iscsid/kernel/netlink.h"
#include "iscsid/kernel/network.h"
#include "iscsid/discoveryd.h"
#include "iscsid/listen.h"
#include "iscsid/manager.h"
#include "iscsid/message/mgmt_msg.h"
#include "iscsid/mgmt.h"
#include "iscsid/privileges.h"
#include "iscsid/run_dir.h"
#include "iscsid/shutdown.h"
#include "libiscsi-db/util.h"

#define PID_FILE	"/run/iscsid.pid"

#ifndef PR_SET_IO_FLUSHER
#define PR_SET_IO_FLUSHER 57
#endif
#ifndef MCL_ONFAULT
#define MCL_ONFAULT 4
#endif

#define RUN_DIR		"/run/iscsid"
#define SCAN_THREADS	32	/* scans that run at once; each waits for its target */
#define NAME_THREADS	4
#define PAGE_LEN	4096UL	/* no machine has smaller ones */

/* The parts of the daemon, in the order in which daemon_build() makes them. */
struct daemon {
	sd_event *loop;
	struct clock *clock;
	struct worker_pool *scan_pool;
	struct resolver resolver;
	struct manager_env env;
	struct manager *manager;
	struct mgmt *mgmt;
	struct shutdown *shutdown;
	struct kernel *kernel;
	struct network *network;
	struct discoveryd *discoveryd;
	int lock_fd;			/* see run_dir_lock() */
	bool has_abstract;
	bool has_path;			/* MGMT_SOCKET_PATH is ours: */
	struct stat own_path;
};

struct daemon_options {
	const char *config_path, *initiator_path;
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

/* -1: go on; otherwise the exit status. */
static int parse_options(int argc, char **argv, struct daemon_options *o)
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
		case 'c':	o->config_path = optarg; break;
		case 'i':	o->initiator_path = optarg; break;
		case 'f':	o->foreground = true; break;
		case 'd':	o->debug = atoi(optarg); break;
		case 'u':	o->uid = (uid_t)strtoul(optarg, NULL, 10); break;
		case 'g':	o->gid = (gid_t)strtoul(optarg, NULL, 10); break;
		case 'n':	no_pid_file = true; break;
		case 'p':	o->pid_file = optarg; break;
		case 'h':	fputs(help_text, stdout); return 0;
		case 'v':	printf("iscsid version %s\n", ISCSI_VERSION); return 0;
		default:	fputs("Try `iscsid --help' for more information.\n", stderr); return 1;
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
	if (!o->pid_file && !no_pid_file)
		o->pid_file = PID_FILE;
	return -1;
}

/* ---- becoming a daemon -------------------------------------------------------------------------- */

/* The process that started the daemon waits for its readiness and shows why it doesn't start. */
struct starter {
	int status_fd;			/* takes a byte, the exit status; -1: no process waits */
	int stderr_fd;			/* -1: the log goes to stderr anyway */
};

/*
 * The parent waits until the child says that it serves, so that its exit status is the truth.
 * It doesn't return. The child's own stderr is /dev/null from here on: the log is elsewhere.
 */
static void daemonise(struct starter *starter, int null_fd)
{
	char status = 1;
	int pipe_fd[2];
	pid_t pid;

	if (pipe2(pipe_fd, O_CLOEXEC) < 0 || (pid = fork()) < 0) {
		fprintf(stderr, "iscsid: can't become a daemon: %s\n", strerror(errno));
		exit(1);
	}
	if (pid > 0) {
		(void)close(pipe_fd[1]);
		(void)!read(pipe_fd[0], &status, sizeof(status));
		_exit(status);
	}
	(void)close(pipe_fd[0]);
	(void)setsid();
	(void)!chdir("/");
	starter->status_fd = pipe_fd[1];
	starter->stderr_fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		(void)dup2(null_fd, fd);
}

static void start_failed(struct starter *starter, const char *why)
{
	log_error("%s", why);
	(void)dprintf(starter->stderr_fd, "iscsid: %s\n", why);
}

static void start_done(struct starter *starter)
{
	const char status = 0;

	(void)!write(starter->status_fd, &status, sizeof(status));
	closep(&starter->status_fd);
	closep(&starter->stderr_fd);
}

static enum iscsi_err write_pid_file(const struct daemon_options *o, struct iscsi_why *why)
{
	CLEANUP(closep) int fd = -1;

	if (!o->pid_file)
		return ISCSI_SUCCESS;
	/* A new file: one that lies there may be a FIFO, or have another name elsewhere. */
	(void)unlink(o->pid_file);
	fd = open(o->pid_file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd >= 0 && dprintf(fd, "%d\n", getpid()) >= 0)
		return ISCSI_SUCCESS;
	(void)iscsi_fail(why, ISCSI_ERR_INTERNAL, "pid file %s: %s", o->pid_file, strerror(errno));
	if (!o->foreground)
		return ISCSI_ERR_INTERNAL;
	/* In the foreground it is a courtesy, and a container may have no /run to write in. */
	log_warning("%s", why->text);
	return ISCSI_SUCCESS;
}

/* ---- surviving while the disk is gone ------------------------------------------------------------ */

static void write_file(const char *path, const char *text)
{
	CLEANUP(closep) int fd = open(path, O_WRONLY | O_CLOEXEC);

	(void)!write(fd, text, strlen(text));
}

/* Whether recovery runs code of this object: the program itself and the libraries it calls. */
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
 * gone; locked on fault, they stay. OpenSSL isn't among them: a session that needs CHAP
 * has touched OpenSSL in its first login.
 */
__attribute__((no_sanitize("address")))	/* the function reads whole segments, red zones included */
static int touch_object(struct dl_phdr_info *info, size_t size, void *arg)
{
	(void)size;
	(void)arg;
	if (!recovery_needs(info->dlpi_name))
		return 0;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *ph = &info->dlpi_phdr[i];
		uintptr_t start = info->dlpi_addr + ph->p_vaddr, end = start + ph->p_memsz;

		if (ph->p_type != PT_LOAD || !(ph->p_flags & PF_R))
			continue;
		/* A segment may begin anywhere in its first page. */
		for (uintptr_t page = start & ~(PAGE_LEN - 1); page < end; page += PAGE_LEN)
			(void)*(const volatile char *)page;
	}
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

/* The module is loaded by now, and the first worker thread isn't started yet. */
static void drop_privileges(const struct daemon_options *o)
{
	if (setgroups(0, NULL) < 0 && errno != EPERM)
		log_warning("supplementary groups: %s", strerror(errno));
	privileges_limit(o->uid || o->gid);
}

static enum iscsi_err drop_ids(const struct daemon_options *o, struct iscsi_why *why)
{
	if (o->gid && setgid(o->gid) < 0)
		return iscsi_fail(why, ISCSI_ERR_ACCESS, "gid %u: %s", o->gid, strerror(errno));
	if (o->uid && setuid(o->uid) < 0)
		return iscsi_fail(why, ISCSI_ERR_ACCESS, "uid %u: %s", o->uid, strerror(errno));
	return ISCSI_SUCCESS;
}

static int log_level_of(const struct daemon_options *o)
{
	return o->debug > 0 ? LOG_DEBUG : LOG_INFO;
}

/* ---- what the daemon is made of ------------------------------------------------------------------ */

static void exit_loop(void *arg)
{
	struct daemon *daemon = arg;

	(void)sd_event_exit(daemon->loop, 0);
}

static int on_signal(sd_event_source *source, const struct signalfd_siginfo *si, void *userdata)
{
	struct daemon *daemon = userdata;

	(void)source;
	if (si->ssi_signo == SIGHUP) {
		log_notice("reading initiator name and settings anew");
		manager_reload(daemon->manager);
		discoveryd_reload(daemon->discoveryd);
	} else if (si->ssi_signo == SIGPWR) {
		/* A repeated discovery would log in again to what the shutdown logs out of. */
		daemon->discoveryd = discoveryd_free(daemon->discoveryd);
		shutdown_announce(daemon->shutdown);
	} else if (shutdown_announced(daemon->shutdown)) {
		shutdown_log_out(daemon->shutdown, exit_loop, daemon);
	} else {
		exit_loop(daemon);
	}
	return 0;
}

static int add_signal(struct daemon *daemon, int signo)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, signo);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return -errno;
	return sd_event_add_signal(daemon->loop, NULL, signo, on_signal, daemon);
}

/* Not before the loop is about to run: until then these signals end the process at once. */
static int add_end_signals(struct daemon *daemon)
{
	int r = add_signal(daemon, SIGTERM);

	return r < 0 ? r : add_signal(daemon, SIGINT);
}

static int make_loop(struct daemon *daemon)
{
	int r;

	r = sd_event_new(&daemon->loop);
	if (r >= 0)
		r = (daemon->clock = clock_open(daemon->loop)) ? 0 : -ENOMEM;
	if (r >= 0)
		r = add_signal(daemon, SIGHUP);
	if (r >= 0)
		r = add_signal(daemon, SIGPWR);
	if (r >= 0)
		r = worker_pool_new(daemon->loop, daemon->clock, SCAN_THREADS, &daemon->scan_pool);
	if (r >= 0)
		r = worker_pool_new(daemon->loop, daemon->clock, NAME_THREADS, &daemon->resolver.pool);
	return r;
}

/* The service manager may have been kept from the abstract name just as we may be. */
static enum iscsi_err check_passed(int fds, struct iscsi_why *why)
{
	static const char name[] = "\0" MGMT_SOCKET_ABSTRACT;
	struct ucred peer;

	for (int fd = SD_LISTEN_FDS_START; fd < SD_LISTEN_FDS_START + fds; fd++)
		if (sd_is_socket_unix(fd, SOCK_STREAM, true, name, sizeof(name) - 1) > 0)
			return ISCSI_SUCCESS;
	if (listen_holder(MGMT_SOCKET_ABSTRACT, &peer) == -ECONNREFUSED)
		return ISCSI_SUCCESS;	/* nobody uses that name */
	return listen_judge_holder(MGMT_SOCKET_ABSTRACT, why);
}

/* The sockets of the service manager, else the abstract name, if it can be had. */
static enum iscsi_err listen_first(struct daemon *daemon, bool *passed, struct iscsi_why *why)
{
	int fds = sd_listen_fds(true), r;

	*passed = fds > 0;
	for (int fd = SD_LISTEN_FDS_START; fd < SD_LISTEN_FDS_START + fds; fd++)
		if (fcntl(fd, F_SETFL, O_NONBLOCK) < 0 || mgmt_listen(daemon->mgmt, fd) < 0)
			return iscsi_fail(why, ISCSI_ERR_INTERNAL, "can't listen on the socket "
					  "that the service manager passed");
	if (*passed)
		return check_passed(fds, why);
	r = listen_abstract(MGMT_SOCKET_ABSTRACT);
	if (r == -EADDRINUSE)
		return listen_judge_holder(MGMT_SOCKET_ABSTRACT, why);
	if (r >= 0)
		r = mgmt_listen(daemon->mgmt, r);
	daemon->has_abstract = r >= 0;
	if (r < 0)
		return iscsi_fail(why, ISCSI_ERR_INTERNAL, "Can not bind IPC socket: %s",
				  strerror(-r));
	return ISCSI_SUCCESS;
}

/* Once the kernel was found to answer: a daemon that can't work takes the path from nobody. */
static enum iscsi_err listen_on_path(struct daemon *daemon, struct iscsi_why *why)
{
	int r = listen_path(MGMT_SOCKET_PATH, &daemon->own_path);

	daemon->has_path = r >= 0;
	if (daemon->has_path)
		r = mgmt_listen(daemon->mgmt, r);
	if (r < 0 && !daemon->has_abstract)
		return iscsi_fail(why, ISCSI_ERR_INTERNAL, MGMT_SOCKET_PATH ": %s", strerror(-r));
	if (r < 0)
		log_warning("%s: %s; listening on the abstract name only", MGMT_SOCKET_PATH,
			    strerror(-r));
	return ISCSI_SUCCESS;
}

/* Needs the loop, the clock and the folder below /run, which stand in daemon->env. */
static enum iscsi_err build_parts(struct daemon *daemon, struct iscsi_why *why)
{
	struct manager_env *env = &daemon->env;
	enum iscsi_err err = sysfs_new(NULL, &env->sysfs);

	if (err)
		return iscsi_fail(why, err, "can't read /sys");
	daemon->manager = manager_new(env);
	if (daemon->manager)
		daemon->mgmt = mgmt_new(daemon->loop, daemon->clock, daemon->manager);
	if (daemon->mgmt)
		daemon->shutdown = shutdown_new(daemon->clock, daemon->manager, env->sysfs,
						env->proc);
	return daemon->shutdown ? ISCSI_SUCCESS :
				  iscsi_fail(why, ISCSI_ERR_NOMEM, "no memory");
}

/* A container may lack the right; then a session finds the network back at its next attempt. */
static void watch_network(struct daemon *daemon)
{
	int fd = network_socket(), r = fd;

	if (r >= 0)
		r = network_new(daemon->loop, fd, manager_network_changed, daemon->manager,
				&daemon->network);
	if (r >= 0)
		return;
	log_warning("iscsid hears no news of the network: %s", strerror(-r));
	closep(&fd);
}

static enum iscsi_err daemon_build(struct daemon *daemon, const struct daemon_options *o,
				   struct iscsi_why *why)
{
	struct manager_env *env = &daemon->env;
	enum iscsi_err err;
	bool passed;
	int r;

	*daemon = (struct daemon){
		.resolver.resolve = lookup_resolve,
		.lock_fd = -1,
		.env = {
			.random = bytes_random, .resolver = &daemon->resolver, .proc = "/proc",
			.config_path = o->config_path, .initiator_path = o->initiator_path,
			.run_dir_fd = -1,
		},
	};
	r = make_loop(daemon);
	if (r < 0)
		return iscsi_fail(why, ISCSI_ERR_INTERNAL, "event loop: %s", strerror(-r));
	env->loop = daemon->loop;
	env->clock = daemon->clock;
	env->scan_pool = daemon->scan_pool;
	/* The lock before all else: it keeps a second daemon away from the kernel's events. */
	err = run_dir_open(RUN_DIR, &env->run_dir_fd, why) ?:
	      run_dir_lock(env->run_dir_fd, RUN_DIR, &daemon->lock_fd, why) ?:
	      build_parts(daemon, why) ?:
	      listen_first(daemon, &passed, why) ?:
	      netlink_open(daemon->loop, env->sysfs, &netlink_wire, &manager_kernel_events,
			   daemon->manager, &daemon->kernel, why);
	if (err)
		return err;
	watch_network(daemon);
	manager_start(daemon->manager, daemon->kernel);
	daemon->discoveryd = discoveryd_new(daemon->manager, env);
	if (!passed)
		err = listen_on_path(daemon, why);
	if (err)
		return err;
	r = add_end_signals(daemon);
	return r < 0 ? iscsi_fail(why, ISCSI_ERR_INTERNAL, "signals: %s", strerror(-r)) :
		       ISCSI_SUCCESS;
}

static void daemon_free(struct daemon *daemon)
{
	shutdown_free(daemon->shutdown);
	network_free(daemon->network);
	discoveryd_free(daemon->discoveryd);
	if (daemon->manager)
		manager_end_sessions(daemon->manager);
	mgmt_free(daemon->mgmt);
	if (daemon->has_path)
		listen_remove(MGMT_SOCKET_PATH, &daemon->own_path);
	manager_free(daemon->manager);
	netlink_close(daemon->kernel);
	/* A scan that the kernel holds may come back any time, and look at sysfs. */
	if (worker_pool_free(daemon->scan_pool))
		sysfs_free(daemon->env.sysfs);
	(void)worker_pool_free(daemon->resolver.pool);
	closep(&daemon->env.run_dir_fd);
	closep(&daemon->lock_fd);	/* from here on another daemon may begin */
	clock_close(daemon->clock);
	sd_event_unref(daemon->loop);
}

static int run(const struct daemon_options *o, struct starter *starter)
{
	struct daemon daemon;
	struct iscsi_why why;
	enum iscsi_err err;
	int r = -1;

	raise_descriptor_limit();
	/* The daemon needs no lock itself. But it is there at boot, before another user can be. */
	if (iscsi_db_make_lock_folder(log_warn, NULL, &why))
		log_warning("%s", why.text);
	module_load_iscsi_tcp();
	drop_privileges(o);
	err = daemon_build(&daemon, o, &why) ?: write_pid_file(o, &why);
	if (!err) {
		protect();
		err = drop_ids(o, &why);
	}
	if (err) {
		start_failed(starter, why.text);
		goto out;
	}
	start_done(starter);
	(void)sd_notify(false, "READY=1\nSTATUS=Ready to process requests");
	r = sd_event_loop(daemon.loop);
	(void)sd_notify(false, "STOPPING=1");
out:
	daemon_free(&daemon);
	if (!r && o->pid_file)
		(void)unlink(o->pid_file);
	if (!r)
		log_notice("iscsid shutting down.");
	return r != 0;
}

int main(int argc, char **argv)
{
	struct starter starter = { .status_fd = -1, .stderr_fd = -1 };
	struct daemon_options o = { 0 };
	int status, null_fd;

	status = parse_options(argc, argv, &o);
	if (status >= 0)
		return status;
	/* Otherwise a socket could take the place of a closed stderr, and get the log. */
	do
		null_fd = open("/dev/null", O_RDWR);
	while (null_fd >= 0 && null_fd <= STDERR_FILENO);
	umask(0077);
	(void)signal(SIGPIPE, SIG_IGN);
	/* The journal is reached by its socket: a write to stderr would wait for the journal. */
	log_open(!o.foreground || getenv("JOURNAL_STREAM"), log_level_of(&o));
	if (!o.foreground)
		daemonise(&starter, null_fd);
	closep(&null_fd);
	status = run(&o, &starter);
	log_close();
	return status;
}
