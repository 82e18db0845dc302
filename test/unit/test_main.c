/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * iscsid as a process: options, becoming a daemon, sockets, privileges, signals and the end. The
 * program runs in processes of its own, on a fake kernel and in a folder in the place of /run;
 * what changes a process for good is told to the test instead.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <grp.h>
#include <link.h>
#include <malloc.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <syslog.h>
#include <systemd/sd-daemon.h>

#include "iscsid/base/clock.h"
#include "iscsid/base/log.h"
#include "iscsid/kernel/module.h"
#include "iscsid/kernel/netlink.h"
#include "iscsid/listen.h"
#include "iscsid/manager.h"
#include "iscsid/mgmt.h"
#include "iscsid/privileges.h"
#include "iscsid/run_dir.h"
#include "iscsid/shutdown.h"
#include "libiscsi-db/util.h"
#include "test/fake/kernel.h"
#include "test/unit/capture.h"
#include "test/unit/skip.h"

static char dir[] = "/tmp/test-main.XXXXXX";
static struct fake_kernel kernel;
static struct fake_sysfs *fs;
static int news[2];			/* what the program does, a line each */
static int passed_fd, passed_count;	/* the sockets of the service manager */
static const char *missing = "";	/* the standard descriptors that the program starts without */
static bool no_pipe;
static bool no_kernel;
static int refuses;			/* the error of what may be refused; 0: nothing is */

/* ---- what the program gets in the place of the system's ---------------------------------- */

static int tell(int result, const char *fmt, ...) PRINTF(2, 3);

static int tell(int result, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vdprintf(news[1], fmt, ap);
	va_end(ap);
	if (result < 0)
		errno = refuses ? refuses : EPERM;
	return result;
}

static enum iscsi_err open_kernel(sd_event *loop, const struct kernel_events *events, void *arg,
				  struct kernel **ret, struct iscsi_why *why)
{
	if (no_kernel)
		return iscsi_fail(why, ISCSI_ERR_INTERNAL, "this kernel has no iSCSI");
	fake_kernel_init(&kernel);
	fake_kernel_attach(&kernel, loop, fs);
	fake_kernel_subscribe(&kernel, events, arg);
	*ret = &kernel.kernel;
	return ISCSI_SUCCESS;
}

static bool usual_files;		/* no option names a file */

static const char *in_dir(const char *path)
{
	static char text[128];

	(void)snprintf(text, sizeof(text), "%s/%s", dir, strrchr(path, '/') + 1);
	return text;
}

/* Files of the machine that the test has its own of. */
static const char *moved(const char *path)
{
	return !strncmp(path, "/proc/self/", 11) || streq(path, "/run/iscsid.pid") ? in_dir(path) :
										       path;
}

/* The files of this machine aren't the test's. */
static struct manager *make_manager(struct manager_env *env)
{
	if (usual_files) {
		(void)tell(0, "config %s, initiator %s\n", env->config_path ?: "usual",
			   env->initiator_path ?: "usual");
		env->config_path = env->initiator_path = "/nowhere";
	}
	return manager_new(env);
}

#undef SD_LISTEN_FDS_START
#define SD_LISTEN_FDS_START		passed_fd
#undef MGMT_SOCKET_ABSTRACT
#define MGMT_SOCKET_ABSTRACT		"iscsi-test-main"
#define sd_listen_fds(unset)		((unset) ? passed_count : 0)
#define sd_notify(unset, state)		tell(0, (unset) ? "last: %s\n" : "%s\n", state)
#define module_load_iscsi_tcp()		tell(0, "module\n")
#define iscsi_db_make_lock_folder(warn, arg, why) \
	((void)(warn), (void)(arg), (void)(why), tell(0, "lock folder\n"))
#define setgroups(count, list)		((void)(list), tell(refuses ? -1 : 0, "%d groups\n", count))
#define privileges_limit(ids)		tell(0, "limit%s\n", (ids) ? ", ids change" : "")
#define setgid(id)			tell((id) == 99 ? -1 : 0, "gid %u\n", id)
#define setuid(id)			tell((id) == 99 ? -1 : 0, "uid %u\n", id)
#define setpriority(which, who, prio)	tell(0, "priority %d %d %d\n", which, who, prio)
#define mlockall(flags)			tell(refuses ? -1 : 0, "memory %d\n", flags)
#define mallopt(param, value)		tell(1, "malloc %d %d\n", param, value)
#define prctl(option, a, b, c, d) \
	tell(refuses ? -1 : 0, "prctl %d %d %d %d %d\n", option, a, b, c, d)
#define open(path, ...)			open(moved(path), __VA_ARGS__)
#define unlink(path)			unlink(moved(path))
#define pipe2(fd, flags)		(no_pipe ? (errno = EMFILE, -1) : pipe2(fd, flags))
#define log_open(syslog, level)		tell(0, "log %d %d\n", syslog, level)
/* The program leaves its stdin open. */
#define log_close()			(fcntl(STDIN_FILENO, F_GETFD) < 0 ? _exit(3) : (void)tell(0, "end\n"))
#define sysfs_new(root, ret)		(sysfs_new)((root) ? NULL : fake_sysfs_root(fs), ret)
#define manager_new(env)		make_manager(env)
#define netlink_open(loop, sysfs, wire, events, arg, ret, why) \
	((void)(sysfs), (void)(wire), open_kernel(loop, events, arg, ret, why))
#define netlink_close(k)		((k) ? fake_kernel_done(&kernel) : (void)0)
#define run_dir_open(path, ret, why)	run_dir_open(in_dir(path), ret, why)
#define listen_path(path, own)		listen_path(in_dir(path), own)
#define listen_remove(path, own)	listen_remove(in_dir(path), own)
#define main				iscsid_main
int iscsid_main(int argc, char **argv);
#include "iscsid/main.c"
#undef main
#undef open
#undef unlink
#undef pipe2

/* ---- a process ----------------------------------------------------------------------------- */

static void write_file_at(const char *path, const char *text)
{
	FILE *f = fopen(in_dir(path), "w");

	ck_assert_ptr_nonnull(f);
	fputs(text, f);
	(void)fclose(f);
}

static void setup(void)
{
	ck_assert_ptr_nonnull(mkdtemp(dir));
	ck_assert_int_eq(mkdir(in_dir("/iscsid"), 0700), 0);
	write_file_at("/conf", "");
	write_file_at("/initiator", "InitiatorName=iqn.me\n");
	write_file_at("/oom_score_adj", "");
	fs = fake_sysfs_new();
	ck_assert_int_eq(pipe2(news, O_CLOEXEC), 0);
	/* Abstract names of its own. Without the right, two of this test mustn't run at once. */
	(void)unshare(CLONE_NEWNET);
}

static void teardown(void)
{
	char command[64];

	fake_sysfs_free(fs);
	(void)snprintf(command, sizeof(command), "rm -rf %s", dir);
	ck_assert_int_eq(system(command), 0);
}

static int run_words(const char *line)
{
	char words[512], *argv[32] = { (char[]){ "iscsid" } }, *save = NULL;
	int argc = 1;

	(void)snprintf(words, sizeof(words), "%s", line);
	for (char *word = strtok_r(words, " ", &save); word; word = strtok_r(NULL, " ", &save))
		argv[argc++] = word;
	optind = 0;
	return iscsid_main(argc, argv);
}

/* Starts "iscsid LINE -c ... -i ..."; its stderr goes to a file. */
static pid_t begin(const char *line)
{
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		struct rlimit limit;
		char words[512];
		int fd = open(in_dir("/stderr"), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC,
			      0600);

		(void)dup2(fd, STDERR_FILENO);
		ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
		limit.rlim_cur = limit.rlim_max / 2;
		for (const char *digit = missing; *digit; digit++)
			(void)close(*digit - '0');
		ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
		(void)snprintf(words, sizeof(words), usual_files ? "%s" : "%s -c %s/conf -i %s/initiator",
			       line, dir, dir);
		exit(run_words(words));
	}
	return pid;
}

static const char *text_of(const char *path)
{
	static char text[4096];
	FILE *f = fopen(in_dir(path), "r");

	text[f ? fread(text, 1, sizeof(text) - 1, f) : 0] = '\0';
	if (f)
		(void)fclose(f);
	return text;
}

/* Reads the news up to the line @last. */
static const char *news_to(const char *last)
{
	static char text[4096];
	size_t len = 0;

	do {
		ck_assert_uint_lt(len, sizeof(text) - 1);
		ck_assert_int_eq(read(news[0], text + len, 1), 1);
		text[++len] = '\0';
	} while (len < strlen(last) || !streq(text + len - strlen(last), last));
	return text;
}

static int status_of(pid_t pid)
{
	int status;

	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(WIFEXITED(status), "status %x", (unsigned int)status);
	return WEXITSTATUS(status);
}

static int end(pid_t pid, int signo)
{
	ck_assert_int_eq(kill(pid, signo), 0);
	return status_of(pid);
}

/* Whether a daemon greets at this address. */
static bool greets(const char *path, const char *abstract)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	struct timeval patience = { .tv_sec = 20 };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	socklen_t len = sizeof(addr);
	uint8_t byte;
	bool good;

	if (abstract)
		len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 +
				  (size_t)sprintf(addr.sun_path + 1, "%s", abstract));
	else
		strcpy(addr.sun_path, in_dir(path));
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	good = !connect(fd, (struct sockaddr *)&addr, len) && recv(fd, &byte, 1, 0) == 1;
	(void)close(fd);
	return good;
}

static unsigned int umask_of(pid_t pid)
{
	unsigned int mask = 0;
	char path[64], line[256];
	FILE *f;

	(void)snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	f = fopen(path, "r");
	ck_assert_ptr_nonnull(f);
	while (fgets(line, sizeof(line), f))
		(void)sscanf(line, "Umask: %o", &mask);
	(void)fclose(f);
	return mask;
}

/* Where a link below /proc/PID leads. */
static const char *link_of(pid_t pid, const char *name)
{
	static char text[128];
	char path[64];
	ssize_t len;

	(void)snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	len = readlink(path, text, sizeof(text) - 1);
	ck_assert_int_gt(len, 0);
	text[len] = '\0';
	return text;
}

/* The flags of an open file, by its description below /proc. */
static unsigned long flags_of(const char *path)
{
	unsigned long flags = 0;
	FILE *f = fopen(path, "r");
	char line[256];

	ck_assert_ptr_nonnull(f);
	while (fgets(line, sizeof(line), f))
		(void)sscanf(line, "flags: %lo", &flags);
	(void)fclose(f);
	return flags;
}

/* No descriptor that the process opened itself would outlive an exec. */
static void check_descriptors(pid_t pid)
{
	unsigned int count = 0;
	char path[64];

	for (int fd = 0; fd < 256; fd++) {
		(void)snprintf(path, sizeof(path), "/proc/%d/fdinfo/%d", (int)pid, fd);
		if (fcntl(fd, F_GETFD) >= 0 || access(path, F_OK) < 0)
			continue;
		ck_assert_msg(flags_of(path) & O_CLOEXEC, "%s: %lo", path, flags_of(path));
		count++;
	}
	ck_assert_uint_gt(count, 10);
}

/* ---- options ------------------------------------------------------------------------------- */

#define HINT	"Try `iscsid --help' for more information.\n"

static const struct {
	const char *line;
	int status;
	const char *out, *err;
} answers[] = {
	{ "--version", 0, "iscsid version " ISCSI_VERSION "\n", "" },
	{ "-v -x", 0, "iscsid version " ISCSI_VERSION "\n", "" },
	{ "-h", 0, help_text, "" },
	{ "-x", 1, "", "iscsid: invalid option -- 'x'\n" HINT },
	{ "--bogus", 1, "", "iscsid: unrecognized option '--bogus'\n" HINT },
	{ "--debug", 1, "", "iscsid: option '--debug' requires an argument\n" HINT },
	{ "-n -p /x", 1, "", "error: Conflicting PID-file options requested\n" },
	{ "-f -p /x", 1, "", "error: PID file specified but unused in foreground mode\n" },
};

START_TEST(options_that_are_answered_at_once)
{
	int status;

	capture();
	status = run_words(answers[_i].line);
	ck_assert_str_eq(said(0), answers[_i].out);
	ck_assert_str_eq(said(1), answers[_i].err);
	ck_assert_int_eq(status, answers[_i].status);
}
END_TEST

START_TEST(options_that_are_kept)
{
	char *all[] = { (char[]){ "iscsid" }, (char[]){ "-fc" }, (char[]){ "C" },
			(char[]){ "--initiatorname=I" }, (char[]){ "-d8" }, (char[]){ "-u17" },
			(char[]){ "--gid=19" }, (char[]){ "-n" }, NULL };
	struct daemon_options o = { 0 };

	optind = 0;
	ck_assert_int_eq(parse_options(1, all, &o), -1);
	ck_assert_str_eq(o.pid_file, "/run/iscsid.pid");
	ck_assert(!o.foreground);
	ck_assert_int_eq(log_level_of(&o), LOG_INFO);
	o.pid_file = NULL;
	optind = 0;
	ck_assert_int_eq(parse_options(8, all, &o), -1);
	ck_assert_ptr_null(o.pid_file);
	ck_assert(o.foreground);
	ck_assert_str_eq(o.config_path, "C");
	ck_assert_str_eq(o.initiator_path, "I");
	ck_assert_int_eq(o.debug, 8);
	ck_assert_int_eq(log_level_of(&o), LOG_DEBUG);
	ck_assert_uint_eq(o.uid, 17);
	ck_assert_uint_eq(o.gid, 19);
}
END_TEST

START_TEST(what_recovery_needs_is_resident)
{
	ck_assert(recovery_needs(""));
	ck_assert(recovery_needs("/lib/x86_64-linux-gnu/libc.so.6"));
	ck_assert(recovery_needs("/lib64/ld-linux-x86-64.so.2"));
	ck_assert(!recovery_needs("/usr/lib/x86_64-linux-gnu/libcrypto.so.3"));
}
END_TEST

/* Of an object, all pages of the segments that can be read are read, and nothing else is. */
START_TEST(an_object_is_made_resident)
{
	enum { PAGE = 4096 };
	char *there = mmap(NULL, 4 * PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *hidden = mmap(NULL, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ElfW(Phdr) segments[] = {
		{ .p_type = PT_NOTE, .p_flags = PF_R, .p_vaddr = (ElfW(Addr))hidden, .p_memsz = PAGE },
		{ .p_type = PT_LOAD, .p_flags = PF_X, .p_vaddr = (ElfW(Addr))hidden, .p_memsz = PAGE },
		{ .p_type = PT_LOAD, .p_flags = PF_R | PF_X, .p_vaddr = (ElfW(Addr))there + PAGE - 1,
		  .p_memsz = 2 },
		{ .p_type = PT_LOAD, .p_flags = PF_R, .p_vaddr = (ElfW(Addr))there + 2 * PAGE,
		  .p_memsz = PAGE },
		{ .p_type = PT_LOAD, .p_flags = PF_R, .p_vaddr = (ElfW(Addr))hidden, .p_memsz = PAGE },
	};
	struct dl_phdr_info info = {
		.dlpi_name = "/lib/libelse.so", .dlpi_phdr = segments, .dlpi_phnum = 4,
	};
	unsigned char resident[4];

	ck_assert(there != MAP_FAILED && hidden != MAP_FAILED);
	ck_assert_int_eq(mprotect(there + 3 * PAGE, PAGE, PROT_NONE), 0);
	ck_assert_int_eq(touch_object(&info, sizeof(info), NULL), 0);
	ck_assert_int_eq(mincore(there, 4 * PAGE, resident), 0);
	ck_assert_uint_eq(resident[0] & 1, 0);
	info.dlpi_name = "";
	ck_assert_int_eq(touch_object(&info, sizeof(info), NULL), 0);
	ck_assert_int_eq(mincore(there, 4 * PAGE, resident), 0);
	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(resident[i] & 1, i < 3);
}
END_TEST

/* ---- a life -------------------------------------------------------------------------------- */

#define LEVEL		"6\n"
#define PREPARED(ids)	"lock folder\nmodule\n0 groups\nlimit" ids "\n"
#define PROTECTED	"priority 0 0 -10\nprctl 57 1 0 0 0\nmalloc -1 67108864\n" \
			"malloc -3 1048576\nmemory 7\n"
#define READY		"READY=1\nSTATUS=Ready to process requests\n"

START_TEST(in_the_foreground)
{
	pid_t pid = begin("-f -n"), second;
	const char *text = news_to(READY);
	struct rlimit limit;

	ck_assert_msg(streq(text + strlen("log 0 "), LEVEL PREPARED("") PROTECTED READY), "%s", text);
	ck_assert(greets("/iscsid.sock", NULL));
	ck_assert(greets(NULL, "iscsi-test-main"));
	check_descriptors(pid);
	ck_assert_int_eq(prlimit(pid, RLIMIT_NOFILE, NULL, &limit), 0);
	ck_assert_uint_eq(limit.rlim_cur, limit.rlim_max);
	ck_assert_str_eq(text_of("/oom_score_adj"), "-1000");
	ck_assert_uint_eq(umask_of(pid), 0077);
	ck_assert_int_eq(kill(pid, SIGHUP), 0);
	second = begin("-f -n");
	ck_assert_int_eq(status_of(second), 1);
	ck_assert_int_eq(end(pid, SIGTERM), 0);
	text = text_of("/stderr");
	ck_assert_ptr_nonnull(strstr(text, "reading initiator name and settings anew"));
	ck_assert_ptr_nonnull(strstr(text, "iscsid shutting down."));
	ck_assert_ptr_null(strstr(text, " can't "));
	ck_assert_ptr_null(strstr(text, "supplementary groups"));
	ck_assert_ptr_null(strstr(text, "news of the network"));
	ck_assert_ptr_null(strstr(text, "on the abstract name only"));
	ck_assert_int_ne(access(in_dir("/iscsid.sock"), F_OK), 0);
	ck_assert_ptr_nonnull(strstr(news_to("STOPPING=1\nend\n"), "end\n"));
}
END_TEST

START_TEST(with_other_ids)
{
	pid_t pid = begin("-f -n -d 1 -u 7 -g 8");
	const char *text = news_to(READY);

	ck_assert_msg(streq(text + strlen("log 0 7\n"), PREPARED(", ids change") PROTECTED
			    "gid 8\nuid 7\n" READY), "%s", text);
	ck_assert_int_eq(end(pid, SIGINT), 0);
	(void)news_to("end\n");
	ck_assert_int_eq(status_of(begin("-f -n -u 99")), 1);
	ck_assert_ptr_nonnull(strstr(news_to("end\n"), "limit, ids change\n"));
	ck_assert_int_eq(status_of(begin("-f -n -g 99")), 1);
	ck_assert_ptr_nonnull(strstr(news_to("end\n"), "limit, ids change\n"));
	text = text_of("/stderr");
	ck_assert_msg(strstr(text, "uid 99: Operation not permitted") &&
		      strstr(text, "gid 99: Operation not permitted"), "%s", text);
}
END_TEST

/* Without a right, or on a kernel without the call. */
static const struct {
	int error;
	bool groups, flusher;
	const char *memory;
} refusals[] = {
	{ EPERM, false, true, "memory can't be locked (Operation not permitted)" },
	{ EINVAL, true, false, "memory can't be locked (Invalid argument)" },
};

START_TEST(what_is_refused_is_said)
{
	const char *text;
	pid_t pid;

	refuses = refusals[_i].error;
	pid = begin("-f -n");
	(void)news_to(READY);
	ck_assert_int_eq(end(pid, SIGTERM), 0);
	text = text_of("/stderr");
	ck_assert_int_eq(strstr(text, "supplementary groups: ") != NULL, refusals[_i].groups);
	ck_assert_int_eq(strstr(text, "can't be marked as an I/O flusher: ") != NULL,
			 refusals[_i].flusher);
	ck_assert_ptr_nonnull(strstr(text, refusals[_i].memory));
}
END_TEST

START_TEST(the_usual_files)
{
	pid_t pid;

	usual_files = true;
	pid = begin("-f -n");
	ck_assert_ptr_nonnull(strstr(news_to(READY), "config usual, initiator usual\n"));
	ck_assert_int_eq(end(pid, SIGTERM), 0);
}
END_TEST

/* In the foreground nobody needs the pid file, so a daemon without it goes on. */
START_TEST(the_usual_pid_file)
{
	struct stat st;
	pid_t pid;

	ck_assert_int_eq(setenv("JOURNAL_STREAM", "1:1", 1), 0);
	pid = begin("-f");
	ck_assert_ptr_nonnull(strstr(news_to(READY), "log 1 " LEVEL));
	ck_assert_int_eq(atoi(text_of("/iscsid.pid")), pid);
	ck_assert_int_eq(stat(in_dir("/iscsid.pid"), &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0600);
	ck_assert_int_eq(end(pid, SIGTERM), 0);
	ck_assert_int_ne(access(in_dir("/iscsid.pid"), F_OK), 0);
	ck_assert_int_eq(mkdir(in_dir("/iscsid.pid"), 0700), 0);
	pid = begin("-f");
	(void)news_to(READY);
	ck_assert_int_eq(end(pid, SIGTERM), 0);
	ck_assert_ptr_nonnull(strstr(text_of("/stderr"), "pid file /run/iscsid.pid: File exists"));
}
END_TEST

/* Nothing that the program opens takes the place of a standard descriptor. */
static void ck_standard_descriptor(pid_t pid, int fd)
{
	char name[16], path[64];

	(void)snprintf(name, sizeof(name), "fd/%d", fd);
	ck_assert_str_eq(link_of(pid, name), "/dev/null");
	(void)snprintf(path, sizeof(path), "/proc/%d/fdinfo/%d", (int)pid, fd);
	ck_assert_uint_eq(flags_of(path) & O_ACCMODE, O_RDWR);
}

START_TEST(in_the_foreground_without_standard_descriptors)
{
	pid_t pid;

	missing = "012";
	pid = begin("-f -n");
	(void)news_to(READY);
	for (int fd = 0; fd < 3; fd++)
		ck_standard_descriptor(pid, fd);
	check_descriptors(pid);
	ck_assert_int_eq(end(pid, SIGTERM), 0);
}
END_TEST

static const char *const missing_descriptors[] = { "", "0", "01", "2", "012" };

START_TEST(in_the_background)
{
	char line[128];
	pid_t pid;

	missing = missing_descriptors[_i];
	(void)snprintf(line, sizeof(line), "-p %s/pid", dir);
	write_file_at("/pid", "an old file");
	/* The daemon becomes a child of the test. */
	if (!works_here((prctl)(PR_SET_CHILD_SUBREAPER, 1) == 0,
			"in_the_background, since PR_SET_CHILD_SUBREAPER is missing"))
		return;
	ck_assert_int_eq(status_of(begin(line)), 0);
	ck_assert_ptr_nonnull(strstr(news_to(READY), "log 1 " LEVEL));
	pid = atoi(text_of("/pid"));
	ck_assert_int_gt(pid, 1);
	ck_assert_int_eq(getsid(pid), pid);
	ck_assert_str_eq(link_of(pid, "cwd"), "/");
	for (int fd = 0; fd < 3; fd++)
		ck_standard_descriptor(pid, fd);
	check_descriptors(pid);
	ck_assert(greets("/iscsid.sock", NULL));
	ck_assert_int_eq(end(pid, SIGTERM), 0);
	ck_assert_int_ne(access(in_dir("/pid"), F_OK), 0);
	ck_assert_str_eq(text_of("/stderr"), "");
}
END_TEST

START_TEST(the_starter_hears_why_not)
{
	no_kernel = true;
	ck_assert_int_eq(status_of(begin("-n")), 1);
	ck_assert_str_eq(text_of("/stderr"), "iscsid: this kernel has no iSCSI\n");
	ck_assert_int_ne(access(in_dir("/iscsid.sock"), F_OK), 0);
	no_kernel = false;
	ck_assert_int_eq(status_of(begin("-p /nowhere/pid")), 1);
	ck_assert_ptr_nonnull(strstr(text_of("/stderr"), "iscsid: pid file /nowhere/pid: No such file"));
}
END_TEST

START_TEST(a_daemon_that_cannot_be_waited_for)
{
	no_pipe = true;
	ck_assert_int_eq(status_of(begin("-n")), 1);
	ck_assert_str_eq(text_of("/stderr"), "iscsid: can't become a daemon: Too many open files\n");
}
END_TEST

START_TEST(the_sockets_of_the_service_manager)
{
	pid_t pid;

	/* They come in a row, and the second may have the name that programs know. */
	passed_fd = listen_abstract("iscsi-test-passed");
	ck_assert_int_ge(passed_fd, 0);
	ck_assert_int_eq(dup2(listen_abstract("iscsi-test-main"), passed_fd + 1), passed_fd + 1);
	passed_count = _i + 1;
	if (!_i)
		(void)close(passed_fd + 1);
	ck_assert_int_eq(fcntl(passed_fd, F_SETFL, 0), 0);
	pid = begin("-f -n");
	(void)news_to(READY);
	ck_assert(fcntl(passed_fd, F_GETFL) & O_NONBLOCK);
	ck_assert(greets(NULL, "iscsi-test-passed"));
	ck_assert(!_i || greets(NULL, "iscsi-test-main"));
	ck_assert_int_ne(access(in_dir("/iscsid.sock"), F_OK), 0);
	ck_assert_int_eq(end(pid, SIGTERM), 0);
	passed_fd = open("/dev/null", O_RDONLY);
	passed_count = 1;
	ck_assert_int_eq(status_of(begin("-f -n")), 1);
	ck_assert_ptr_nonnull(strstr(text_of("/stderr"), "can't listen on the socket that the "
				     "service manager passed"));
}
END_TEST

/* Another program has the abstract name. */
START_TEST(a_name_that_is_taken)
{
	int passed = listen_abstract("iscsi-test-passed"), fd = listen_abstract("iscsi-test-main");

	ck_assert_int_eq(fd, passed + 1);	/* it could be taken for one that was passed */
	ck_assert_int_eq(status_of(begin("-f -n")), 1);
	passed_fd = passed;
	passed_count = 1;
	ck_assert_int_eq(status_of(begin("-f -n")), 1);
	ck_assert_ptr_null(strstr(news_to("end\n"), READY));
	(void)close(fd);
}
END_TEST

/* A process has the abstract name and doesn't serve it; then the path is enough. */
START_TEST(a_name_that_is_not_served)
{
	static const char name[] = "iscsi-test-main";
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	pid_t pid;

	memcpy(addr.sun_path + 1, name, sizeof(name) - 1);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&addr,
			      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + sizeof(name))), 0);
	pid = begin("-f -n");
	(void)news_to(READY);
	ck_assert(greets("/iscsid.sock", NULL));
	ck_assert_int_eq(end(pid, SIGTERM), 0);
	ck_assert_int_eq(mkdir(in_dir("/iscsid.sock"), 0700), 0);
	ck_assert_int_eq(status_of(begin("-f -n")), 1);
	(void)close(fd);
}
END_TEST

/* The abstract name is enough; without both there is no daemon. */
START_TEST(a_path_that_cannot_be_had)
{
	pid_t pid;

	ck_assert_int_eq(mkdir(in_dir("/iscsid.sock"), 0700), 0);
	pid = begin("-f -n");
	(void)news_to(READY);
	ck_assert(greets(NULL, "iscsi-test-main"));
	ck_assert_int_eq(end(pid, SIGTERM), 0);
	ck_assert_ptr_nonnull(strstr(text_of("/stderr"), "; listening on the abstract name only"));
	ck_assert_int_eq(access(in_dir("/iscsid.sock"), F_OK), 0);
}
END_TEST

START_TEST(a_machine_that_shuts_down)
{
	pid_t pid = begin("-f -n");

	(void)news_to(READY);
	ck_assert_int_eq(kill(pid, SIGPWR), 0);
	ck_assert_int_eq(end(pid, SIGTERM), 0);
	ck_assert_ptr_nonnull(strstr(news_to("end\n"), "STOPPING=1\n"));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("main");
	TCase *t = tcase_create("main");
	SRunner *runner = srunner_create(s);
	int failed;

	suite_add_tcase(s, t);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 120);
	tcase_add_loop_test(t, options_that_are_answered_at_once, 0, (int)ARRAY_SIZE(answers));
	tcase_add_test(t, options_that_are_kept);
	tcase_add_test(t, what_recovery_needs_is_resident);
	tcase_add_test(t, an_object_is_made_resident);
	tcase_add_test(t, in_the_foreground);
	tcase_add_test(t, with_other_ids);
	tcase_add_loop_test(t, what_is_refused_is_said, 0, (int)ARRAY_SIZE(refusals));
	tcase_add_test(t, the_usual_files);
	tcase_add_test(t, the_usual_pid_file);
	tcase_add_test(t, in_the_foreground_without_standard_descriptors);
	tcase_add_loop_test(t, in_the_background, 0, (int)ARRAY_SIZE(missing_descriptors));
	tcase_add_test(t, the_starter_hears_why_not);
	tcase_add_test(t, a_daemon_that_cannot_be_waited_for);
	tcase_add_loop_test(t, the_sockets_of_the_service_manager, 0, 2);
	tcase_add_test(t, a_name_that_is_taken);
	tcase_add_test(t, a_name_that_is_not_served);
	tcase_add_test(t, a_path_that_cannot_be_had);
	tcase_add_test(t, a_machine_that_shuts_down);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
