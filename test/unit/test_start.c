/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * iscsistart from its options to its exit status, with the kernel, the clock, /sys and /run of
 * the test, and a target on the loopback address.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <ifaddrs.h>
#include <linux/ipv6.h>
#include <net/if.h>
#include <net/route.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <syslog.h>

#include "iscsiadm/firmware.h"
#include "iscsid/kernel/module.h"
#include "iscsid/kernel/netlink.h"
#include "iscsid/run_dir.h"
#include "iscsid/session.h"
#include "libiscsi-db/util.h"
#include "test/fake/clock.h"
#include "test/fake/kernel.h"
#include "test/fake/target.h"
#include "test/unit/capture.h"
#include "test/unit/skip.h"

static char dir[] = "/tmp/test-start.XXXXXX", ioctls[2048];
static sd_event *loop;
static struct fake_clock fake_clock;
static struct fake_kernel kernel;
static struct fake_sysfs *fs;
static struct fake_target the_target;

/* ---- what the program gets in the place of the system's ---------------------------------- */

static enum iscsi_err open_kernel(const struct kernel_events *events, void *arg,
				  struct kernel **ret)
{
	fake_kernel_subscribe(&kernel, events, arg);
	*ret = &kernel.kernel;
	return ISCSI_SUCCESS;
}

/* The clock moves whenever the loop has had nothing to do for a while. */
static void (*when_idle)(void);		/* before the clock moves for the first time */

static int run_loop(void)
{
	while (sd_event_get_state(loop) != SD_EVENT_FINISHED) {
		int r = sd_event_run(loop, 200 * 1000);

		if (r < 0)
			return r;
		if (!r && when_idle) {
			when_idle();
			when_idle = NULL;
			continue;
		}
		if (!r)
			fake_clock_advance(&fake_clock, MIN(fake_clock_next_us(&fake_clock),
							    UINT64_C(1000000)));
	}
	return 0;
}

static const char *in_dir(const char *path)
{
	static char text[128];

	(void)snprintf(text, sizeof(text), "%s/%s", dir, strrchr(path, '/') + 1);
	return text;
}

static const char *ip(const struct sockaddr *addr)
{
	ck_assert_int_eq(addr->sa_family, AF_INET);
	ck_assert_uint_eq(((const struct sockaddr_in *)(const void *)addr)->sin_port, 0);
	return inet_ntoa(((const struct sockaddr_in *)(const void *)addr)->sin_addr);
}

static unsigned long refused_request;	/* what the kernel doesn't allow */

/* Notes what is set; a device that is called "gone" isn't there. */
static int note_ioctl(int fd, unsigned long request, void *arg)
{
	const struct ifreq *ifr = arg;
	const struct rtentry *route = arg;
	const struct in6_rtmsg *route6 = arg;
	char *end = ioctls + strlen(ioctls), text[INET6_ADDRSTRLEN];
	int domain = AF_UNSPEC, type = 0;
	socklen_t len = sizeof(domain);

	ck_assert_int_eq(getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len), 0);
	ck_assert_int_eq(getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len), 0);
	ck_assert_int_eq(type, SOCK_DGRAM);
	errno = EPERM;
	if (request == refused_request)
		return -1;
	if (request == SIOCADDRT && domain == AF_INET6) {
		(void)sprintf(end, "route6 %s dev %d flags %x, ",
			      inet_ntop(AF_INET6, &route6->rtmsg_gateway, text, sizeof(text)),
			      route6->rtmsg_ifindex, route6->rtmsg_flags);
		return 0;
	}
	if (request == SIOCADDRT) {
		end += sprintf(end, "route %s", ip(&route->rt_gateway));
		end += sprintf(end, " to %s", ip(&route->rt_dst));
		(void)sprintf(end, "/%s dev %s flags %x, ", ip(&route->rt_genmask), route->rt_dev,
			      (unsigned int)route->rt_flags);
		errno = EEXIST;
		return -1;
	}
	if (request == SIOCSIFADDR && domain == AF_INET6) {
		uint32_t numbers[2];		/* the length of the prefix, the device's index */

		memcpy(numbers, (char *)arg + sizeof(struct in6_addr), sizeof(numbers));
		(void)sprintf(end, "addr6 %s/%u dev %u, ", inet_ntop(AF_INET6, arg, text, sizeof(text)),
			      numbers[0], numbers[1]);
		return 0;
	}
	errno = ENODEV;
	if (streq(ifr->ifr_name, "gone"))
		return -1;
	if (request == SIOCGIFFLAGS)
		((struct ifreq *)arg)->ifr_flags = IFF_BROADCAST;
	else if (request == SIOCSIFFLAGS)
		(void)sprintf(end, "%s flags %x, ", ifr->ifr_name, (unsigned int)ifr->ifr_flags);
	else
		(void)sprintf(end, "%s %s %s, ", ifr->ifr_name,
			      request == SIOCSIFADDR ? "addr" : "mask", ip(&ifr->ifr_addr));
	return 0;
}

static bool loaded, no_sys;
static char made[64];			/* the folder that the program makes */
static mode_t made_mode;
static char *copies[8];			/* of secrets, which the program keeps to its end */
static size_t copies_len;

#define module_load_iscsi_tcp()	(loaded = true)
#define sysfs_new(root, ret)	\
	(sysfs_new)((root) ? NULL : no_sys ? "/nowhere" : fake_sysfs_root(fs), ret)
/* A target of the firmware's can't be on this host, but that of the test is. */
#define firmware_check(t, why)								\
	(streq((t)->address, "127.0.0.1") ? ISCSI_SUCCESS : firmware_check(t, why))
#define sd_event_new(ret)	(*(ret) = sd_event_ref(loop), 0)
#define sd_event_loop(l)	((void)(l), run_loop())
#define clock_open(l)		((void)(l), &fake_clock.clock)
#define clock_close(c)		((void)(c))
#define run_dir_open(path, ret, why)							\
	((void)(why), *(ret) = open(in_dir(path), O_RDONLY | O_DIRECTORY | O_CLOEXEC),	\
	 *(ret) < 0 ? ISCSI_ERR_INTERNAL : ISCSI_SUCCESS)
#define netlink_open(l, sysfs, wire, events, arg, ret, why)				\
	((void)(l), (void)(sysfs), (void)(wire), (void)(why), open_kernel(events, arg, ret))
#define netlink_close(k)	((void)(k), fake_kernel_subscribe(&kernel, NULL, NULL))
#define ioctl(fd, request, arg)	note_ioctl(fd, request, arg)
#define socket(domain, type, protocol)	\
	(ck_assert((type) & SOCK_CLOEXEC && !(protocol)), socket(domain, type, protocol))
#define if_nametoindex(name)	((void)(name), 7u)
#define strdup(text)		(copies[copies_len++ % ARRAY_SIZE(copies)] = strdup(text))
#define fopen(path, mode)	fopen(in_dir(path), mode)
#define mkdir(path, mode)	(strcpy(made, path), made_mode = (mode), 0)
#define main			iscsistart_main
int iscsistart_main(int argc, char **argv);
#include "iscsid/iscsistart.c"
#undef main
#undef socket
#undef fopen
#undef mkdir

/* ---- the world ----------------------------------------------------------------------------- */

static void setup(void)
{
	ck_assert_ptr_nonnull(mkdtemp(dir));
	ck_assert_int_eq(mkdir(in_dir("/iscsid"), 0700), 0);
	ck_assert_int_ge(sd_event_default(&loop), 0);
	fs = fake_sysfs_new();
	fake_clock_init(&fake_clock);
	fake_kernel_init(&kernel);
	fake_kernel_attach(&kernel, loop, fs);
	fake_target_open(&the_target, loop);
}

static void teardown(void)
{
	char command[64];

	fake_target_close(&the_target);
	fake_kernel_done(&kernel);
	fake_sysfs_free(fs);
	sd_event_unref(loop);
	(void)snprintf(command, sizeof(command), "rm -rf %s", dir);
	ck_assert_int_eq(system(command), 0);
}

static char words[1024], *argv[256];

/* Runs a command, "PORT" being the target's port. */
static int run_line(const char *line)
{
	const char *port = strstr(line, "PORT");
	char *save = NULL;
	int argc = 1, status;

	argv[0] = (char[]){ "iscsistart" };
	if (port)
		(void)snprintf(words, sizeof(words), "%.*s%u%s", (int)(port - line), line, the_target.port,
			       port + 4);
	else
		(void)snprintf(words, sizeof(words), "%s", line);
	for (char *word = strtok_r(words, " ", &save); word; word = strtok_r(NULL, " ", &save))
		argv[argc++] = word;
	argv[argc] = NULL;
	optind = 0;
	capture();
	status = iscsistart_main(argc, argv);
	(void)said(0);
	ck_assert_int_ge(fcntl(STDIN_FILENO, F_GETFD), 0);	/* it isn't the program's own */
	return status;
}

static void set_firmware(const char *name, const char *text)
{
	char path[128];

	(void)snprintf(path, sizeof(path), "firmware/ibft/%s", name);
	fake_sysfs_set(fs, path, text);
}

/* A target of the table behind card 0, which is the network device @netdev. */
static void add_firmware(const char *netdev)
{
	static const char *const table[] = {
		"initiator/initiator-name", "iqn.me\n", "ethernet0/flags", "3\n",
		"ethernet0/mac", "02:00:00:00:00:01\n", "ethernet0/ip-addr", "10.1.1.2\n",
		"ethernet0/prefix-len", "24\n", "ethernet0/subnet-mask", "255.255.255.0\n",
		"ethernet0/gateway", "10.1.1.254\n", "target0/flags", "3\n",
		"target0/nic-assoc", "0\n", "target0/target-name", "iqn.t\n",
		"target0/ip-addr", "127.0.0.1\n", NULL,
	};
	char port[16], path[64];

	for (const char *const *p = table; *p; p += 2)
		set_firmware(p[0], p[1]);
	(void)snprintf(port, sizeof(port), "%u\n", the_target.port);
	set_firmware("target0/port", port);
	(void)snprintf(path, sizeof(path), "ethernet0/device/net/%s/address", netdev);
	set_firmware(path, "02:00:00:00:00:01\n");
}

/* ---- options ------------------------------------------------------------------------------- */

#define VERSION_LINE	"iscsistart: version " ISCSI_VERSION "\n"
#define HINT		"Try `iscsistart --help' for more information.\n"
#define WHO		"-i iqn.me -g 1 -t iqn.t -a 10.0.0.1 "

static const struct {
	const char *line;
	int status;
	const char *out, *err;
} refused[] = {
	{ "--version", 0, "iscsistart version " ISCSI_VERSION "\n", "" },
	{ "-v -g x", 0, "iscsistart version " ISCSI_VERSION "\n", "" },
	{ "--help", 0, help_text, "" },
	{ "-x", 7, "", "iscsistart: invalid option -- 'x'\n" HINT },
	{ "--bogus", 7, "", "iscsistart: unrecognized option '--bogus'\n" HINT },
	{ "--tgpt= -h", 7, "", "iscsistart:  is no portal group\n" },
	{ "", 7, "", "iscsistart: InitiatorName not set. Exiting iscsistart\n" },
	{ "-i iqn.me", 7, "", "iscsistart: Portal Group not set. Exiting iscsistart\n" },
	{ "-i iqn.me -g 0", 7, "", "iscsistart: TargetName not set. Exiting iscsistart\n" },
	{ "-i iqn.me -g 1 -t iqn.t", 7, "", "iscsistart: IP Address not set. Exiting iscsistart\n" },
	{ "-g 65535 -g 65536", 7, "", "iscsistart: 65536 is no portal group\n" },
	{ "-g 1x", 7, "", "iscsistart: 1x is no portal group\n" },
	{ "-p 65535 -p 65536", 7, "", "iscsistart: 65536 is no port\n" },
	{ "-p 0 -p -1", 7, "", "iscsistart: -1 is no port\n" },
	{ "-P abc", 7, "", "iscsistart: Invalid --param abc. Missing value.\n" },
	{ WHO "-P node.bogus=1", 1, "", VERSION_LINE "iscsistart: Unknown parameter node.bogus.\n" },
	{ WHO "-P node.bogus=1 -P node.session.cmds_max=32", 1, "", VERSION_LINE
	  "iscsistart: Unknown parameter node.bogus.\n" },
	{ WHO "-P node.session.cmds_max=x", 1, "", VERSION_LINE
	  "iscsistart: 'x' can't be the value of node.session.cmds_max; allowed: a number from 16 "
	  "to 4096\n" },
	{ WHO "-a 10.0.0.1/8", 1, "", VERSION_LINE "iscsistart: the address '10.0.0.1/8' has a "
	  "'/' in it\n" },
	{ WHO "-t iqn.a/b", 1, "", VERSION_LINE "iscsistart: the iSCSI name 'iqn.a/b' has a '/' in it\n" },
	{ "-i iqn.a/b", 7, "", "iscsistart: the iSCSI name 'iqn.a/b' has a '/' in it\n" },
	{ "-b", 21, "Could not get boot entry.\n", VERSION_LINE },
	{ "-N", 21, "Could not setup fw entries.\n", VERSION_LINE },
	{ "-f", 21, "Could not get list of targets from firmware.\n", VERSION_LINE },
};

START_TEST(nothing_is_done_for)
{
	int status = run_line(refused[_i].line);

	ck_assert_str_eq(said(1), refused[_i].err);
	ck_assert_str_eq(said(0), refused[_i].out);
	ck_assert_int_eq(status, refused[_i].status);
	ck_assert_str_eq(kernel.log, "");
}
END_TEST

START_TEST(a_system_without_sys)
{
	no_sys = true;
	ck_assert_int_eq(run_line("-f"), 1);
	ck_assert_str_eq(said(1), VERSION_LINE "iscsistart: can't read /sys\n");
}
END_TEST

START_TEST(params_have_a_bound)
{
	char line[1024] = "";

	for (int i = 0; i < 64; i++)
		strcat(line, "-P a=b ");
	ck_assert_int_eq(run_line(line), 7);
	ck_assert_ptr_nonnull(strstr(said(1), "InitiatorName"));
	strcat(line, "-P a=b");
	ck_assert_int_eq(run_line(line), 7);
	ck_assert_str_eq(said(1), "iscsistart: more than 64 params\n");
}
END_TEST

/* A name that is cut off would be that of another host. */
START_TEST(our_name_has_a_bound)
{
	char name[225], line[512];

	memset(name, 'a', sizeof(name) - 1);
	memcpy(name, "iqn.", 4);
	name[224] = '\0';
	(void)snprintf(line, sizeof(line), "-i %s", name);
	ck_assert_int_eq(run_line(line), 7);
	ck_assert_str_eq(said(1), "iscsistart: the iSCSI name has 224 bytes, more than 223\n");
	name[223] = '\0';
	(void)snprintf(line, sizeof(line), "-i %s -g 1 -t iqn.t -a 127.0.0.1 -p PORT", name);
	ck_assert_msg(run_line(line) == 0, "%s", said(1));
	(void)snprintf(line, sizeof(line), "InitiatorName=%s\n", name);
	ck_assert_ptr_nonnull(strstr(the_target.last_login, line));
}
END_TEST

/* ---- one target ---------------------------------------------------------------------------- */

#define LOGIN		"-i iqn.me -g 1 -t iqn.t -a 127.0.0.1 -p PORT "

static const char *interface_file(void)
{
	static char text[256];
	FILE *f = fopen(in_dir(INTERFACE_FILE), "r");

	text[f ? fread(text, 1, sizeof(text) - 1, f) : 0] = '\0';
	if (f)
		(void)fclose(f);
	return text;
}

START_TEST(a_login)
{
	char text[192];

	ck_assert_msg(run_line(LOGIN "-P node.session.iscsi.MaxBurstLength=65536") == 0, "%s", said(1));
	(void)snprintf(text, sizeof(text),
		       "iscsistart: Logging into iqn.t 127.0.0.1:%u,1\n", the_target.port);
	ck_assert_str_eq(said(0), text);
	(void)snprintf(text, sizeof(text), VERSION_LINE "iscsistart: Connection1:0 to [target: iqn.t, "
		       "portal: 127.0.0.1,%u] through [iface: default] is operational now\n",
		       the_target.port);
	ck_assert_str_eq(said(1), text);
	ck_assert(loaded);
	ck_assert_str_eq(kernel.session[1].targetname, "iqn.t");
	ck_assert(kernel.session[1].up);
	ck_assert_ptr_nonnull(strstr(the_target.last_login, "MaxBurstLength=65536\n"));
	ck_assert_str_eq(interface_file(), "lo\n");
	ck_assert_uint_eq(fake_clock_timers(&fake_clock), 0);
}
END_TEST

START_TEST(what_a_login_does_is_said_on_demand)
{
	ck_assert_int_eq(run_line(_i ? LOGIN "-d 1" : LOGIN "-d 0"), 0);
	ck_assert_int_eq(strstr(said(1), "FREE -> SCANNING") != NULL, _i);
}
END_TEST

START_TEST(a_port_that_is_not_named)
{
	ck_assert_int_eq(run_line("-i iqn.me -g 1 -t iqn.t -a 127.0.0.1 "
				  "-P node.session.initial_login_retry_max=0"), 1);
	ck_assert_str_eq(said(0), "iscsistart: Logging into iqn.t 127.0.0.1:3260,1\n");
}
END_TEST

START_TEST(a_run_folder_that_is_missing)
{
	ck_assert_int_eq(rmdir(in_dir("/iscsid")), 0);
	ck_assert_int_eq(run_line(LOGIN), 1);
	ck_assert_str_eq(said(0), "");
	ck_assert_str_eq(kernel.log, "");
}
END_TEST

START_TEST(an_interface_file_that_cannot_be_written)
{
	ck_assert_int_eq(mkdir(in_dir(INTERFACE_FILE), 0700), 0);
	ck_assert_int_eq(run_line(LOGIN), 0);
	ck_assert_ptr_nonnull(strstr(said(1), "iscsistart: " INTERFACE_FILE ": Is a directory\n"));
}
END_TEST

/* Whoever starts programs from here gets no file that others could read. */
START_TEST(files_are_private)
{
	ck_assert_int_eq(run_line(LOGIN), 0);
	ck_assert_uint_eq(umask(022), 0077);
	ck_assert_str_eq(made, "/run/initramfs");
	ck_assert_uint_eq(made_mode, 0755);
}
END_TEST

/* ---- what the kernel tells ------------------------------------------------------------------ */

static void lose_events(void)
{
	kernel.events->lost_events(kernel.arg);
}

START_TEST(a_session_that_vanishes_with_the_events)
{
	the_target.silent = true;
	when_idle = lose_events;	/* nothing of the session stands in the test's sysfs */
	ck_assert_int_eq(run_line(LOGIN), 1);
	ck_assert_ptr_nonnull(strstr(said(1), "iscsistart: another program has removed the session "
				     "from the kernel; initiator reported error ("));
}
END_TEST

static void break_connection(void)
{
	the_target.silent = false;
	kernel.events->conn_error(kernel.arg, 2, 1011);		/* of no session of ours */
	kernel.events->conn_error(kernel.arg, 1, 1011);
}

START_TEST(a_connection_that_breaks_in_the_login)
{
	the_target.silent = true;
	when_idle = break_connection;
	ck_assert_int_eq(run_line(LOGIN), 0);
	ck_assert_ptr_nonnull(strstr(said(1), "the connection broke during login"));
	ck_assert_uint_eq(kernel.session[1].binds, 2);
}
END_TEST

START_TEST(no_event_finds_a_login_without_a_session)
{
	struct boot_starter s = { .len = 2 };

	ck_assert_ptr_null(find(&s, 0));
	events.lost_events(&s);
}
END_TEST

/* One session is waited for without a limit, the others 10 s from then. */
START_TEST(how_long_other_logins_are_waited_for)
{
	static const struct iscsi_why why = { "why" };
	struct boot_starter s = { .loop = loop, .open = 4 };

	s.timer = timer_new(&fake_clock.clock, end_loop, &s);
	for (int i = 0; i < 4; i++)
		s.logins[i].starter = &s;
	capture();
	on_login(&s.logins[0].asker, ISCSI_ERR_LOGIN, 0, &why);
	ck_assert_str_eq(said(1), "iscsistart: why; initiator reported error (5 - encountered iSCSI login failure)\n");
	ck_assert_int_eq(s.logins[0].err, ISCSI_ERR_LOGIN);
	ck_assert_uint_eq(fake_clock_armed(&fake_clock), 0);
	on_login(&s.logins[1].asker, ISCSI_SUCCESS, 7, NULL);
	ck_assert_uint_eq(fake_clock_next_us(&fake_clock), 10000000);
	fake_clock_advance(&fake_clock, 3000000);
	on_login(&s.logins[2].asker, ISCSI_SUCCESS, 8, NULL);
	ck_assert_uint_eq(fake_clock_next_us(&fake_clock), 7000000);
	ck_assert_uint_eq(s.there, 2);
	ck_assert_int_ne(sd_event_get_state(loop), SD_EVENT_FINISHED);
	on_login(&s.logins[3].asker, ISCSI_SUCCESS, 9, NULL);
	(void)sd_event_run(loop, 0);
	ck_assert_int_eq(sd_event_get_state(loop), SD_EVENT_FINISHED);
	timer_free(s.timer);
}
END_TEST

static bool device_of(const char *address, char ret[IF_NAMESIZE])
{
	struct sockaddr_storage portal;

	ck_assert(lookup_numeric(address, 3260, &portal));
	return device_towards(&portal, ret);
}

START_TEST(the_device_towards_a_portal)
{
	char name[IF_NAMESIZE] = "none";

	(void)close(STDIN_FILENO);	/* so that the socket has the descriptor 0 */
	ck_assert(device_of("127.0.0.1", name));
	ck_assert_str_eq(name, "lo");
	if (works_here(access("/proc/net/if_inet6", F_OK) == 0 && device_of("::1", name),
		       "the_device_towards_a_portal, since this host has no IPv6"))
		ck_assert_str_eq(name, "lo");
}
END_TEST

/* The same target and portal, through the same interface. */
START_TEST(a_login_once_more)
{
	fake_sysfs_add_session(fs, 7, 3, "iqn.t", "127.0.0.1", the_target.port);
	ck_assert_int_eq(run_line(LOGIN), 1);
	ck_assert_str_eq(said(1), VERSION_LINE
			 "iscsistart: initiator reported error (15 - session exists)\n");
	ck_assert_str_eq(kernel.log, "");
}
END_TEST

/* Another portal, another port, another target. */
START_TEST(a_login_beside_others)
{
	fake_sysfs_add_session(fs, 7, 3, "iqn.t", "127.0.0.2", the_target.port);
	fake_sysfs_add_session(fs, 8, 4, "iqn.t", "127.0.0.1", the_target.port + 1);
	fake_sysfs_add_session(fs, 9, 5, "iqn.u", "127.0.0.1", the_target.port);
	fake_sysfs_add_session(fs, 10, 6, "iqn.t", "127.0.0.1", the_target.port);
	fake_sysfs_set(fs, "class/iscsi_session/session10/ifacename", "other\n");
	ck_assert_msg(run_line(LOGIN) == 0, "%s", said(1));
}
END_TEST

START_TEST(names_and_patience_of_a_record)
{
	struct start_options o = {
		.target = "iqn.t", .address = "10.0.0.1", .port = 3261, .tpgt = 3,
		.username = "a", .password = "b", .username_in = "c", .password_in = "d",
		.params = { { "node.session.queue_depth", "64" } }, .params_len = 1,
	};
	static const struct option_pair settings[] = {
		{ "node.name", "iqn.t" }, { "node.conn[0].address", "10.0.0.1" },
		{ "node.conn[0].port", "3261" }, { "node.tpgt", "3" },
		{ "node.session.auth.authmethod", "CHAP" }, { "node.session.auth.username", "a" },
		{ "node.session.auth.password", "b" }, { "node.session.auth.username_in", "c" },
		{ "node.session.auth.password_in", "d" }, { "node.session.queue_depth", "64" },
		{ "node.session.initial_login_retry_max", "30" }, { "node.startup", "onboot" },
		{ "node.conn[0].timeo.noop_out_interval", "5" }, { "node.session.scan", "auto" },
		{ "node.conn[0].timeo.noop_out_timeout", "86400" }, { "node.conn[0].startup", "onboot" },
	};
	struct iscsi_db_record *rec;

	ck_assert(!record_of_options(&o, &rec, NULL));
	for (size_t i = 0; i < ARRAY_SIZE(settings); i++)
		ck_assert_str_eq(iscsi_db_record_get(rec, settings[i].name), settings[i].value);
	iscsi_db_record_free(rec);
	o.username = NULL;
	ck_assert(!record_of_options(&o, &rec, NULL));
	ck_assert_str_eq(iscsi_db_record_get(rec, "node.session.auth.authmethod"), "None");
	iscsi_db_record_free(rec);
}
END_TEST

START_TEST(a_refusal)
{
	the_target.status = 0x0201;
	ck_assert_int_eq(run_line(LOGIN), 1);
	ck_assert_msg(strstr(said(1), "; initiator reported error (24 - iSCSI login failed due to "
			     "authorization failure)\n"), "%s", said(1));
	ck_assert_str_eq(interface_file(), "");
	ck_assert(!kernel.session[1].up);
}
END_TEST

START_TEST(secrets_go_from_the_command_line)
{
	ck_assert_int_eq(run_line(LOGIN "-u user -w secret -U user2 -W secret2"), 1);
	for (char **arg = argv; *arg; arg++)
		ck_assert(!strstr(*arg, "secret"));
	/* The target says nothing about CHAP. */
	ck_assert_msg(strstr(said(1), "the target doesn't end login stage 0"), "%s", said(1));
}
END_TEST

/* ---- the firmware's table ------------------------------------------------------------------ */

START_TEST(the_table_is_logged_in_to)
{
	add_firmware("eth0");
	ck_assert_msg(run_line("-b -P node.session.iscsi.MaxBurstLength=65536") == 0, "%s", said(1));
	ck_assert_ptr_nonnull(strstr(said(0), "Logging into iqn.t 127.0.0.1:"));
	ck_assert(kernel.session[1].up);
	ck_assert_ptr_nonnull(strstr(the_target.last_login, "MaxBurstLength=65536\n"));
}
END_TEST

/* The second target is at an address where no host answers. */
START_TEST(one_path_is_enough)
{
	uint64_t began_us = fake_clock.now_us;

	add_firmware("eth0");
	set_firmware("target1/flags", "3\n");
	set_firmware("target1/nic-assoc", "0\n");
	set_firmware("target1/target-name", "iqn.u\n");
	set_firmware("target1/ip-addr", "127.0.0.1\n");
	set_firmware("target1/port", "1\n");
	ck_assert_msg(run_line("-b") == 0, "%s", said(1));
	ck_assert_ptr_nonnull(strstr(said(0), "Logging into iqn.u 127.0.0.1:1,1\n"));
	ck_assert(kernel.session[1].up);
	ck_assert_uint_eq((fake_clock.now_us - began_us) / 1000, OTHERS_WAIT_MS);
	ck_assert_uint_eq(fake_clock_timers(&fake_clock), 0);
}
END_TEST

static void add_second_target(const char *name)
{
	char port[16];

	(void)snprintf(port, sizeof(port), "%u\n", the_target.port);
	set_firmware("target1/flags", "3\n");
	set_firmware("target1/nic-assoc", "0\n");
	set_firmware("target1/target-name", name);
	set_firmware("target1/ip-addr", "127.0.0.1\n");
	set_firmware("target1/port", port);
}

START_TEST(a_session_of_the_table_that_is_there_already)
{
	add_firmware("eth0");
	add_second_target("iqn.u\n");
	fake_sysfs_add_session(fs, 7, 3, "iqn.t", "127.0.0.1", the_target.port);
	ck_assert_msg(run_line("-b") == 0, "%s", said(1));
	ck_assert_ptr_nonnull(strstr(said(1), "iscsistart: initiator reported error (15 - session exists)\n"));
	ck_assert_str_eq(kernel.session[1].targetname, "iqn.u");
	ck_assert_str_eq(interface_file(), "lo\n");
}
END_TEST

START_TEST(all_of_the_table)
{
	add_firmware("eth0");
	add_second_target("iqn.u\n");
	ck_assert_msg(run_line("-b") == 0, "%s", said(1));
	ck_assert(kernel.session[1].up && kernel.session[2].up);
	ck_assert_uint_eq(the_target.logins, 2);
	ck_assert_str_eq(interface_file(), "lo\n");
}
END_TEST

START_TEST(settings_of_a_file)
{
	FILE *f = fopen(in_dir("/conf"), "w");
	char line[192];

	fputs("node.session.iscsi.MaxBurstLength = 65536\n", f);
	(void)fclose(f);
	add_firmware("eth0");
	(void)snprintf(line, sizeof(line), "-b -c %s", in_dir("/conf"));
	ck_assert_msg(run_line(line) == 0, "%s", said(1));
	ck_assert_ptr_nonnull(strstr(the_target.last_login, "MaxBurstLength=65536\n"));
}
END_TEST

START_TEST(a_setting_that_the_table_s_record_lacks)
{
	add_firmware("eth0");
	ck_assert_int_eq(run_line("-b -P node.bogus=1"), 1);
	ck_assert_str_eq(said(1), VERSION_LINE
			 "iscsistart: /sys/firmware/ibft/target0: Unknown parameter node.bogus.\n");
}
END_TEST

START_TEST(what_the_table_lacks_is_said)
{
	add_firmware("eth0");
	set_firmware("target0/ip-addr", NULL);
	ck_assert_int_eq(run_line("-b"), 1);
	ck_assert_str_eq(said(1), VERSION_LINE
			 "iscsistart: /sys/firmware/ibft/target0: it has no ip-addr\n");
	ck_assert_str_eq(said(0), "");
	ck_assert_int_eq(run_line("-f"), 0);
	ck_assert_ptr_nonnull(strstr(said(0), "node.name = iqn.t\n"));
}
END_TEST

/* ---- the network --------------------------------------------------------------------------- */

#define SETTING_UP(device)	"Setting up software interface " device "\n"

START_TEST(the_network_is_set_up_once)
{
	add_firmware("eth0");
	set_firmware("target1/flags", "3\n");
	set_firmware("target1/nic-assoc", "0\n");
	ck_assert_int_eq(run_line("-N"), 0);
	ck_assert_str_eq(said(0), SETTING_UP("eth0"));
	ck_assert_str_eq(said(1), VERSION_LINE);
	ck_assert_str_eq(ioctls, "eth0 flags 3, eth0 addr 10.1.1.2, eth0 mask 255.255.255.0, "
			 "route 10.1.1.254 to 0.0.0.0/0.0.0.0 dev eth0 flags 3, ");
}
END_TEST

START_TEST(the_network_of_ipv6)
{
	add_firmware("eth0");
	set_firmware("ethernet0/ip-addr", "2001:db8::2\n");
	set_firmware("ethernet0/prefix-len", "64\n");
	set_firmware("ethernet0/gateway", "0.0.0.0\n");
	ck_assert_int_eq(run_line("-N"), 0);
	ck_assert_str_eq(ioctls, "eth0 flags 3, addr6 2001:db8::2/64 dev 7, ");
}
END_TEST

START_TEST(a_gateway_of_ipv6)
{
	add_firmware("eth0");
	set_firmware("ethernet0/ip-addr", "2001:db8::2\n");
	set_firmware("ethernet0/prefix-len", NULL);
	set_firmware("ethernet0/gateway", "2001:db8::1\n");
	ck_assert_int_eq(run_line("-N"), 0);
	ck_assert_str_eq(ioctls, "eth0 flags 3, addr6 2001:db8::2/64 dev 7, "
			 "route6 2001:db8::1 dev 7 flags 3, ");
	ioctls[0] = '\0';
	set_firmware("ethernet0/prefix-len", "48\n");
	set_firmware("ethernet0/gateway", "::\n");
	ck_assert_int_eq(run_line("-N"), 0);
	ck_assert_str_eq(ioctls, "eth0 flags 3, addr6 2001:db8::2/48 dev 7, ");
}
END_TEST

/* A card is set up once for each family; one that this host doesn't have, not at all. */
START_TEST(a_card_with_two_addresses)
{
	add_firmware("eth0");
	set_firmware("ethernet0/gateway", NULL);
	set_firmware("ethernet0/subnet-mask", NULL);
	set_firmware("ethernet1/flags", "3\n");
	set_firmware("ethernet1/mac", "02:00:00:00:00:01\n");
	set_firmware("ethernet1/ip-addr", "2001:db8::2\n");
	set_firmware("ethernet1/device/net/eth0/address", "02:00:00:00:00:01\n");
	set_firmware("target1/flags", "3\n");
	set_firmware("target1/nic-assoc", "2\n");
	set_firmware("ethernet2/flags", "3\n");
	set_firmware("ethernet2/mac", "02:00:00:00:00:02\n");
	set_firmware("ethernet2/ip-addr", "10.1.1.3\n");
	set_firmware("target2/flags", "3\n");
	set_firmware("target2/nic-assoc", "1\n");
	ck_assert_int_eq(run_line("-N"), 0);
	ck_assert_str_eq(said(0), SETTING_UP("eth0") SETTING_UP("eth0"));
	ck_assert_str_eq(ioctls, "eth0 flags 3, eth0 addr 10.1.1.2, "
			 "eth0 flags 3, addr6 2001:db8::2/64 dev 7, ");
}
END_TEST

START_TEST(a_device_with_a_long_name)
{
	add_firmware("a23456789012345");
	set_firmware("ethernet0/gateway", NULL);
	set_firmware("ethernet0/subnet-mask", NULL);
	ck_assert_int_eq(run_line("-N"), 0);
	ck_assert_str_eq(ioctls, "a23456789012345 flags 3, a23456789012345 addr 10.1.1.2, ");
}
END_TEST

/* What is done before the kernel refuses a step, after which nothing else is tried. */
static const struct {
	unsigned long request;
	const char *address, *gateway, *done;
} refused_steps[] = {
	{ SIOCGIFFLAGS, "10.1.1.2\n", "10.1.1.254\n", "" },
	{ SIOCSIFFLAGS, "10.1.1.2\n", "10.1.1.254\n", "" },
	{ SIOCSIFADDR, "10.1.1.2\n", "10.1.1.254\n", "eth0 flags 3, " },
	{ SIOCSIFNETMASK, "10.1.1.2\n", "10.1.1.254\n", "eth0 flags 3, eth0 addr 10.1.1.2, " },
	{ SIOCADDRT, "10.1.1.2\n", "10.1.1.254\n",
	  "eth0 flags 3, eth0 addr 10.1.1.2, eth0 mask 255.255.255.0, " },
	{ SIOCSIFADDR, "2001:db8::2\n", "2001:db8::1\n", "eth0 flags 3, " },
	{ SIOCADDRT, "2001:db8::2\n", "2001:db8::1\n",
	  "eth0 flags 3, addr6 2001:db8::2/24 dev 7, " },
};

START_TEST(a_step_that_is_refused_is_the_last)
{
	add_firmware("eth0");
	set_firmware("ethernet0/ip-addr", refused_steps[_i].address);
	set_firmware("ethernet0/gateway", refused_steps[_i].gateway);
	refused_request = refused_steps[_i].request;
	ck_assert_int_eq(run_line("-N"), 1);
	ck_assert_str_eq(said(0), SETTING_UP("eth0") "Setting up software interface eth0 failed\n");
	ck_assert_str_eq(said(1), VERSION_LINE "iscsistart: eth0: Operation not permitted\n");
	ck_assert_str_eq(ioctls, refused_steps[_i].done);
}
END_TEST

START_TEST(a_network_that_cannot_be_set_up)
{
	add_firmware("gone");
	ck_assert_int_eq(run_line("-N"), 1);
	ck_assert_str_eq(said(0), SETTING_UP("gone") "Setting up software interface gone failed\n");
	ck_assert_str_eq(said(1), VERSION_LINE "iscsistart: gone: No such device\n");
}
END_TEST

START_TEST(a_card_without_address)
{
	add_firmware("eth0");
	set_firmware("ethernet0/ip-addr", NULL);
	ck_assert_int_eq(run_line("-N"), 1);
	ck_assert_str_eq(said(1), VERSION_LINE "iscsistart: eth0: the firmware gives no address\n");
	ck_assert_str_eq(ioctls, "eth0 flags 3, ");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("start");
	TCase *t = tcase_create("start");
	SRunner *runner = srunner_create(s);
	int failed;

	suite_add_tcase(s, t);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 120);
	tcase_add_loop_test(t, nothing_is_done_for, 0, (int)ARRAY_SIZE(refused));
	tcase_add_test(t, a_system_without_sys);
	tcase_add_test(t, params_have_a_bound);
	tcase_add_test(t, our_name_has_a_bound);
	tcase_add_test(t, a_login);
	tcase_add_loop_test(t, what_a_login_does_is_said_on_demand, 0, 2);
	tcase_add_test(t, a_port_that_is_not_named);
	tcase_add_test(t, a_run_folder_that_is_missing);
	tcase_add_test(t, an_interface_file_that_cannot_be_written);
	tcase_add_test(t, files_are_private);
	tcase_add_test(t, a_session_that_vanishes_with_the_events);
	tcase_add_test(t, a_connection_that_breaks_in_the_login);
	tcase_add_test(t, no_event_finds_a_login_without_a_session);
	tcase_add_test(t, how_long_other_logins_are_waited_for);
	tcase_add_test(t, the_device_towards_a_portal);
	tcase_add_test(t, a_login_once_more);
	tcase_add_test(t, a_login_beside_others);
	tcase_add_test(t, names_and_patience_of_a_record);
	tcase_add_test(t, a_refusal);
	tcase_add_test(t, secrets_go_from_the_command_line);
	tcase_add_test(t, the_table_is_logged_in_to);
	tcase_add_test(t, one_path_is_enough);
	tcase_add_test(t, a_session_of_the_table_that_is_there_already);
	tcase_add_test(t, all_of_the_table);
	tcase_add_test(t, settings_of_a_file);
	tcase_add_test(t, a_setting_that_the_table_s_record_lacks);
	tcase_add_test(t, what_the_table_lacks_is_said);
	tcase_add_test(t, the_network_is_set_up_once);
	tcase_add_test(t, the_network_of_ipv6);
	tcase_add_test(t, a_gateway_of_ipv6);
	tcase_add_test(t, a_card_with_two_addresses);
	tcase_add_test(t, a_device_with_a_long_name);
	tcase_add_loop_test(t, a_step_that_is_refused_is_the_last, 0, (int)ARRAY_SIZE(refused_steps));
	tcase_add_test(t, a_network_that_cannot_be_set_up);
	tcase_add_test(t, a_card_without_address);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
