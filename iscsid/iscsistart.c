/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * iscsistart: logs in from an initial RAM disk, to one target that its options name or to all
 * that the boot firmware describes, and ends. It is the daemon's own sessions without socket,
 * manager and database: what it leaves behind, in the kernel and below /run/iscsid, the daemon
 * takes over as it stands.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <ifaddrs.h>
#include <linux/ipv6.h>
#include <net/if.h>
#include <net/route.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <syslog.h>

#include "iscsiadm/firmware.h"
#include "iscsiadm/print.h"
#include "iscsiadm/show.h"
#include "iscsid/base/addr_kind.h"
#include "iscsid/base/bytes.h"
#include "iscsid/base/clock.h"
#include "iscsid/base/log.h"
#include "iscsid/base/lookup.h"
#include "iscsid/kernel/module.h"
#include "iscsid/kernel/netlink.h"
#include "iscsid/run_dir.h"
#include "iscsid/session.h"
#include "libiscsi-db/util.h"

#define RUN_DIR		"/run/iscsid"
#define INTERFACE_FILE	"/run/initramfs/open-iscsi.interface"	/* cloud-init and others read it */
#define THREADS		8
#define OTHERS_WAIT_MS	10000	/* for other portals, once one session is there */
#define TARGETS_MAX	64	/* a firmware's table has two */

struct start_options {
	struct iscsi_db_initiator initiator;
	const char *target, *address, *config;
	int port, tpgt;
	const char *username, *password, *username_in, *password_in;
	struct option_pair params[64];
	size_t params_len;
	bool connect, network, print;
	int debug;
};

/* One session to be made. */
struct boot_login {
	struct asker asker;		/* first: what the session holds */
	struct boot_starter *starter;
	struct session *session;
	char address[ISCSI_ADDRESS_MAX + 1];
	int port;
	enum iscsi_err err;
};

struct boot_starter {
	sd_event *loop;
	struct clock *clock;
	struct sysfs *sysfs;
	struct kernel *kernel;
	struct worker_pool *scan_pool;
	struct resolver resolver;
	struct session_env env;
	struct login_pdu scratch;
	struct chap_issued issued;
	struct timer *timer;		/* for those that are late */
	struct boot_login logins[TARGETS_MAX];
	size_t len, open, there;
};

static const char help_text[] =
"Usage: iscsistart -i NAME -t TARGET -g GROUP -a ADDRESS [OPTION]...\n"
"       iscsistart -b | -N | -f\n"
"Logs in to an iSCSI target from an initial RAM disk; iscsid takes the session over later.\n"
"\n"
"  -i, --initiatorname=NAME    our name\n"
"  -t, --targetname=TARGET     the target's name\n"
"  -g, --tgpt=GROUP            its portal group\n"
"  -a, --address=ADDRESS       its address\n"
"  -p, --port=PORT             its port (3260)\n"
"  -u, --username=NAME         CHAP name and secret with which we answer\n"
"  -w, --password=SECRET\n"
"  -U, --username_in=NAME      CHAP name and secret that the target must answer with\n"
"  -W, --password_in=SECRET\n"
"  -b, --fwparam_connect       log in to all targets of the boot firmware's table\n"
"  -N, --fwparam_network       set up the network as the firmware's table says\n"
"  -f, --fwparam_print         print the firmware's table\n"
"  -P, --param=KEY=VALUE       a setting of the node record, any number of times\n"
"  -c, --config=FILE           iscsid.conf, used with -b\n"
"  -d, --debug=N               N > 0: say more\n"
"  -h, --help                  this text\n"
"  -v, --version               the version\n";

static void PRINTF(1, 2) complain(const char *fmt, ...)
{
	va_list ap;

	fputs("iscsistart: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
}

/* ---- options -------------------------------------------------------------------------------- */

static bool take_param(struct start_options *o, char *text)
{
	char *value = strchr(text, '=');

	if (!value) {
		complain("Invalid --param %s. Missing value.", text);
		return false;
	}
	if (o->params_len == ARRAY_SIZE(o->params)) {
		complain("more than %zu params", ARRAY_SIZE(o->params));
		return false;
	}
	*value = '\0';
	o->params[o->params_len++] = (struct option_pair){ text, value + 1 };
	return true;
}

/* A secret on the command line is overwritten where others could read it. */
static char *take_secret(char *arg)
{
	char *copy = strdup(arg);

	explicit_bzero(arg, strlen(arg));
	return copy;
}

static bool option_number(const char *name, const char *text, int max, int *ret)
{
	char *end;
	long value = strtol(text, &end, 10);

	if (!*text || *end || value < 0 || value > max) {
		complain("%s is no %s", text, name);
		return false;
	}
	*ret = (int)value;
	return true;
}

static bool take_name(struct start_options *o, const char *name)
{
	struct iscsi_why why;

	if (*name && iscsi_db_check_name(name, &why)) {
		complain("%s", why.text);
		return false;
	}
	strcpy(o->initiator.name, name);
	return true;
}

/* -1: go on; otherwise the exit status. */
static int start_options_parse(int argc, char **argv, struct start_options *o)
{
	static const struct option longopts[] = {
		{ "initiatorname", required_argument, NULL, 'i' },
		{ "targetname", required_argument, NULL, 't' },
		{ "tgpt", required_argument, NULL, 'g' },
		{ "address", required_argument, NULL, 'a' },
		{ "port", required_argument, NULL, 'p' },
		{ "username", required_argument, NULL, 'u' },
		{ "password", required_argument, NULL, 'w' },
		{ "username_in", required_argument, NULL, 'U' },
		{ "password_in", required_argument, NULL, 'W' },
		{ "debug", required_argument, NULL, 'd' },
		{ "fwparam_connect", no_argument, NULL, 'b' },
		{ "fwparam_network", no_argument, NULL, 'N' },
		{ "fwparam_print", no_argument, NULL, 'f' },
		{ "param", required_argument, NULL, 'P' },
		{ "config", required_argument, NULL, 'c' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'v' },
		{ 0 },
	};
	bool good = true;
	int c;

	while (good && (c = getopt_long(argc, argv, "i:t:g:a:p:u:w:U:W:d:bNfP:c:hv", longopts,
					NULL)) != -1) {
		switch (c) {
		case 'i':	good = take_name(o, optarg); break;
		case 't':	o->target = optarg; break;
		case 'g':	good = option_number("portal group", optarg, 65535, &o->tpgt); break;
		case 'a':	o->address = optarg; break;
		case 'p':	good = option_number("port", optarg, 65535, &o->port); break;
		case 'u':	o->username = optarg; break;
		case 'w':	good = (o->password = take_secret(optarg)) != NULL; break;
		case 'U':	o->username_in = optarg; break;
		case 'W':	good = (o->password_in = take_secret(optarg)) != NULL; break;
		case 'd':	o->debug = atoi(optarg); break;
		case 'b':	o->connect = true; break;
		case 'N':	o->network = true; break;
		case 'f':	o->print = true; break;
		case 'P':	good = take_param(o, optarg); break;
		case 'c':	o->config = optarg; break;
		case 'h':	fputs(help_text, stdout); return 0;
		case 'v':	printf("iscsistart version %s\n", ISCSI_VERSION); return 0;
		default:
			fprintf(stderr, "Try `iscsistart --help' for more information.\n");
			good = false;
		}
	}
	return good ? -1 : ISCSI_ERR_INVAL;
}

/* In the order in which open-iscsi misses them. */
static bool have_all(const struct start_options *o)
{
	const char *missing = !*o->initiator.name ? "InitiatorName" :
			      o->tpgt < 0 ? "Portal Group" :
			      !o->target ? "TargetName" : !o->address ? "IP Address" : NULL;

	if (missing)
		complain("%s not set. Exiting iscsistart", missing);
	return !missing;
}

/* ---- records -------------------------------------------------------------------------------- */

/* A node record with the patience of a boot. */
static enum iscsi_err new_record(const struct iscsi_db_config *config, const char *target,
				 const char *address, int port, int tpgt,
				 struct iscsi_db_record **ret, struct iscsi_why *why)
{
	struct iscsi_db_record *rec = NULL;
	enum iscsi_err err = iscsi_db_record_new(ISCSI_DB_NODE, &rec);

	if (err)
		return iscsi_fail(why, err, "no memory");
	if (config)
		err = iscsi_db_config_apply(config, rec);
	err = err ?: iscsi_db_check_name(target, why) ?: iscsi_db_check_address(address, why) ?:
	      iscsi_db_record_set(rec, "node.name", target, why) ?:
	      iscsi_db_record_set(rec, "node.conn[0].address", address, why) ?:
	      record_set_int(rec, "node.conn[0].port", port, why) ?:
	      record_set_int(rec, "node.tpgt", tpgt, why) ?:
	      firmware_be_patient(rec, why);
	*ret = err ? iscsi_db_record_free(rec) : rec;
	return err;
}

static enum iscsi_err record_of_options(const struct start_options *o, struct iscsi_db_record **ret,
					struct iscsi_why *why)
{
	const struct option_pair chap[] = {
		{ "node.session.auth.authmethod", o->username ? "CHAP" : NULL },
		{ "node.session.auth.username", o->username },
		{ "node.session.auth.password", o->password },
		{ "node.session.auth.username_in", o->username_in },
		{ "node.session.auth.password_in", o->password_in },
	};
	enum iscsi_err err = new_record(NULL, o->target, o->address, o->port, o->tpgt, ret, why);

	if (err)
		return err;
	err = firmware_set_pairs(*ret, chap, ARRAY_SIZE(chap), why) ?:
	      firmware_set_pairs(*ret, o->params, o->params_len, why);
	if (err)
		*ret = iscsi_db_record_free(*ret);
	return err;
}

static enum iscsi_err record_of_firmware(const struct start_options *o,
					 const struct iscsi_db_config *config,
					 const struct firmware_target *t,
					 struct iscsi_db_record **ret, struct iscsi_why *why)
{
	struct option_pair settings[FIRMWARE_SETTINGS];
	enum iscsi_err err = firmware_check(t, why) ?:
		new_record(config, t->target, t->address, t->port, FIRMWARE_TPGT, ret, why);

	if (err)
		return err;
	firmware_settings(t, *ret, settings);
	err = firmware_set_pairs(*ret, settings, FIRMWARE_SETTINGS, why) ?:
	      firmware_set_pairs(*ret, o->params, o->params_len, why);
	if (err)
		*ret = iscsi_db_record_free(*ret);
	return err;
}

/* ---- the kernel's events --------------------------------------------------------------------- */

static struct session *find(struct boot_starter *s, uint32_t sid)
{
	for (size_t i = 0; i < s->len; i++)
		if (s->logins[i].session && session_sid(s->logins[i].session) == sid)
			return s->logins[i].session;
	return NULL;
}

static void on_pdu(void *arg, uint32_t sid, const uint8_t *bhs, const uint8_t *data, size_t len)
{
	session_pdu(find(arg, sid), bhs, data, len);
}

static void on_conn_error(void *arg, uint32_t sid, int error)
{
	session_conn_error(find(arg, sid), error);
}

static void on_unbound(void *arg, uint32_t sid)
{
	session_unbound(find(arg, sid));
}

static void on_destroyed(void *arg, uint32_t sid)
{
	session_destroyed(find(arg, sid));
}

static void on_lost_events(void *arg)
{
	struct boot_starter *s = arg;

	for (size_t i = 0; i < s->len; i++)
		if (s->logins[i].session)
			session_resync(s->logins[i].session);
}

static const struct kernel_events events = {
	.pdu = on_pdu, .conn_error = on_conn_error, .unbound = on_unbound,
	.destroyed = on_destroyed, .lost_events = on_lost_events,
};

/* ---- logging in ------------------------------------------------------------------------------ */

static void end_loop(void *arg)
{
	struct boot_starter *s = arg;

	(void)sd_event_exit(s->loop, 0);
}

static void on_login(struct asker *asker, enum iscsi_err err, uint32_t sid,
		     const struct iscsi_why *why)
{
	struct boot_login *login = (struct boot_login *)asker;
	struct boot_starter *s = login->starter;

	(void)sid;
	login->err = err;
	s->open--;
	if (!err)
		s->there++;
	else
		complain("%s; initiator reported error (%d - %s)", why->text, (int)err,
			 iscsi_db_err_text(err));
	if (!s->open)
		end_loop(s);
	else if (!err && s->there == 1)	/* one path is enough to boot from; the daemon may try the others */
		timer_arm_ms(s->timer, OTHERS_WAIT_MS);
}

static void say_warning(void *arg, const char *text)
{
	(void)arg;
	complain("%s", text);
}

/* Debian's script for the initial RAM disk calls twice, and a second session shows each disk twice. */
static bool session_exists(const struct boot_starter *s, const struct iscsi_db_record *rec)
{
	CLEANUP(freep) unsigned int *sids = NULL;
	struct sysfs_session session;
	size_t len = 0;

	(void)sysfs_list_sessions(s->sysfs, &sids, &len);
	for (size_t i = 0; i < len; i++)
		if (!sysfs_read_session(s->sysfs, sids[i], SYSFS_DETAIL_STATE, &session) &&
		    streq(session.target, iscsi_db_record_get(rec, "node.name")) &&
		    streq(session.persistent_address, iscsi_db_record_get(rec, "node.conn[0].address")) &&
		    session.persistent_port == iscsi_db_record_get_int(rec, "node.conn[0].port") &&
		    streq(session.iface, iscsi_db_record_get(rec, "iface.iscsi_ifacename")))
			return true;
	return false;
}

/* Takes @rec over. */
static void begin(struct boot_starter *s, const struct start_options *o,
		  struct iscsi_db_record *rec)
{
	struct boot_login *login = &s->logins[s->len];
	struct session_config *config;
	struct iscsi_why why = { "" };
	enum iscsi_err err;

	if (s->len == TARGETS_MAX) {
		iscsi_db_record_free(rec);
		return;
	}
	*login = (struct boot_login){ .asker.done = on_login, .starter = s, .err = ISCSI_ERR_INTERNAL };
	(void)snprintf(login->address, sizeof(login->address), "%s",
		       iscsi_db_record_get(rec, "node.conn[0].address"));
	login->port = iscsi_db_record_get_int(rec, "node.conn[0].port");
	s->len++;
	print_to(stdout, "iscsistart: Logging into %s %s:%d,%s\n", iscsi_db_record_get(rec, "node.name"),
	       login->address, login->port, iscsi_db_record_get(rec, "node.tpgt"));
	(void)fflush(stdout);
	err = session_exists(s, rec) ?
		iscsi_fail(&why, ISCSI_ERR_SESS_EXISTS, "initiator reported error (%d - %s)",
			   (int)ISCSI_ERR_SESS_EXISTS, iscsi_db_err_text(ISCSI_ERR_SESS_EXISTS)) :
		session_config_new(rec, &o->initiator, s->sysfs, say_warning, NULL, &config, &why);
	if (err) {
		complain("%s", why.text);
		iscsi_db_record_free(rec);
		login->err = err;
		return;
	}
	login->session = session_new_login(&s->env, config, &login->asker);
	if (!login->session) {
		complain("no memory");
		return;
	}
	s->open++;
	session_start(login->session);
}

static enum iscsi_err starter_init(struct boot_starter *s, struct iscsi_why *why)
{
	enum iscsi_err err;
	int r;

	module_load_iscsi_tcp();
	r = sd_event_new(&s->loop);
	if (r >= 0)
		r = (s->clock = clock_open(s->loop)) ? 0 : -ENOMEM;
	if (r >= 0)
		r = (s->timer = timer_new(s->clock, end_loop, s)) ? 0 : -ENOMEM;
	if (r >= 0)
		r = worker_pool_new(s->loop, s->clock, THREADS, &s->scan_pool);
	if (r >= 0)
		r = worker_pool_new(s->loop, s->clock, THREADS, &s->resolver.pool);
	if (r < 0)
		return iscsi_fail(why, ISCSI_ERR_INTERNAL, "event loop: %s", strerror(-r));
	s->resolver.resolve = lookup_resolve;
	err = run_dir_open(RUN_DIR, &s->env.run_dir_fd, why) ?:
	      netlink_open(s->loop, s->sysfs, &netlink_wire, &events, s, &s->kernel, why);
	if (err)
		return err;
	s->env.conn = (struct conn_env){
		.loop = s->loop, .clock = s->clock, .kernel = s->kernel, .random = bytes_random,
		.scratch = &s->scratch, .issued = &s->issued,
	};
	s->env.sysfs = s->sysfs;
	s->env.scan_pool = s->scan_pool;
	s->env.resolver = &s->resolver;
	return ISCSI_SUCCESS;
}

static void starter_done(struct boot_starter *s)
{
	for (size_t i = 0; i < s->len; i++)
		session_free(s->logins[i].session);	/* the kernel keeps what it has */
	netlink_close(s->kernel);
	if (worker_pool_free(s->scan_pool))
		sysfs_free(s->sysfs);
	(void)worker_pool_free(s->resolver.pool);
	timer_free(s->timer);
	clock_close(s->clock);
	closep(&s->env.run_dir_fd);
	sd_event_unref(s->loop);
}

/* ---- the network ----------------------------------------------------------------------------- */

/* The device that has the address from which @portal is reached. */
static bool device_towards(const struct sockaddr_storage *portal, char ret[IF_NAMESIZE])
{
	struct sockaddr_storage own = { 0 };
	socklen_t len = sizeof(own);
	struct ifaddrs *list, *i;
	bool found = false;
	int fd = socket(portal->ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return false;
	if (connect(fd, (const struct sockaddr *)portal, portal->ss_family == AF_INET ?
		    sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6)) == 0 &&
	    getsockname(fd, (struct sockaddr *)&own, &len) == 0 && getifaddrs(&list) == 0) {
		for (i = list; i && !found; i = i->ifa_next) {
			found = i->ifa_addr && addr_is_same(i->ifa_addr, (struct sockaddr *)&own);
			if (found)
				(void)snprintf(ret, IF_NAMESIZE, "%s", i->ifa_name);
		}
		freeifaddrs(list);
	}
	(void)close(fd);
	return found;
}

/* Whoever configures the network later must leave these devices alone. */
static void note_devices(const struct boot_starter *s)
{
	char devices[TARGETS_MAX][IF_NAMESIZE];
	size_t len = 0, j;
	FILE *f;

	for (size_t i = 0; i < s->len; i++) {
		struct sockaddr_storage portal;

		if (s->logins[i].err || !lookup_numeric(s->logins[i].address, s->logins[i].port,
							&portal) ||
		    !device_towards(&portal, devices[len]))
			continue;
		for (j = 0; j < len && !streq(devices[j], devices[len]); j++)
			;
		len += j == len;
	}
	if (!len)
		return;
	(void)mkdir("/run/initramfs", 0755);
	f = fopen(INTERFACE_FILE, "we");
	for (j = 0; f && j < len; j++)
		fprintf(f, "%s\n", devices[j]);
	if (!f || fclose(f))
		complain(INTERFACE_FILE ": %s", strerror(errno));
}

static int set_up(const char *device, int fd, unsigned long request, void *arg)
{
	if (ioctl(fd, request, arg) == 0 || errno == EEXIST)
		return 0;
	complain("%s: %s", device, strerror(errno));
	return -1;
}

static bool ipv4(const char *text, struct sockaddr *ret)
{
	struct sockaddr_in *addr = (struct sockaddr_in *)ret;

	memset(ret, 0, sizeof(*ret));
	addr->sin_family = AF_INET;
	return inet_pton(AF_INET, text, &addr->sin_addr) == 1;
}

static struct ifreq request_about(const char *netdev)
{
	struct ifreq ifr = { 0 };

	(void)snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%.*s", IFNAMSIZ - 1, netdev);
	return ifr;
}

static int set_up_address(const struct firmware_target *t, int fd, int fd6)
{
	struct ifreq ifr = request_about(t->netdev);
	struct in6_ifreq ifr6 = {
		.ifr6_prefixlen = *t->prefix_len ? (uint32_t)atoi(t->prefix_len) : 64,
		.ifr6_ifindex = (int)if_nametoindex(t->netdev),
	};
	int r;

	if (inet_pton(AF_INET6, t->ipaddress, &ifr6.ifr6_addr) == 1)
		return set_up(t->netdev, fd6, SIOCSIFADDR, &ifr6);
	if (!ipv4(t->ipaddress, &ifr.ifr_addr)) {
		complain("%s: the firmware gives no address", t->netdev);
		return -1;
	}
	r = set_up(t->netdev, fd, SIOCSIFADDR, &ifr);
	if (!r && ipv4(t->subnet_mask, &ifr.ifr_netmask))
		r = set_up(t->netdev, fd, SIOCSIFNETMASK, &ifr);
	return r;
}

static int set_up_gateway(const struct firmware_target *t, int fd, int fd6)
{
	struct rtentry route = { .rt_flags = RTF_UP | RTF_GATEWAY, .rt_dev = (char *)t->netdev };
	struct in6_rtmsg route6 = {
		.rtmsg_flags = RTF_UP | RTF_GATEWAY,
		.rtmsg_ifindex = (int)if_nametoindex(t->netdev),
	};

	if (inet_pton(AF_INET6, t->gateway, &route6.rtmsg_gateway) == 1)
		return IN6_IS_ADDR_UNSPECIFIED(&route6.rtmsg_gateway) ? 0 :
		       set_up(t->netdev, fd6, SIOCADDRT, &route6);
	if (!ipv4(t->gateway, &route.rt_gateway) ||
	    ((struct sockaddr_in *)&route.rt_gateway)->sin_addr.s_addr == 0)
		return 0;
	(void)ipv4("0.0.0.0", &route.rt_dst);
	(void)ipv4("0.0.0.0", &route.rt_genmask);
	return set_up(t->netdev, fd, SIOCADDRT, &route);
}

static int set_up_device(const struct firmware_target *t)
{
	CLEANUP(closep) int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	CLEANUP(closep) int fd6 = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq ifr = request_about(t->netdev);

	if (fd < 0 || ioctl(fd, SIOCGIFFLAGS, &ifr) < 0) {
		complain("%s: %s", t->netdev, strerror(errno));
		return -1;
	}
	ifr.ifr_flags |= IFF_UP;
	if (set_up(t->netdev, fd, SIOCSIFFLAGS, &ifr) || set_up_address(t, fd, fd6))
		return -1;
	return set_up_gateway(t, fd, fd6);
}

/* Each device of the table once for each address family. 1: not all of them could be set up. */
static int set_up_network(const struct firmware_target *list, size_t len)
{
	int status = 0;

	for (size_t i = 0; i < len; i++) {
		bool again = false;

		for (size_t j = 0; j < i; j++)
			again |= streq(list[j].netdev, list[i].netdev) &&
				 !strchr(list[j].ipaddress, ':') == !strchr(list[i].ipaddress, ':');
		if (again || !*list[i].netdev)
			continue;
		print_to(stdout, "Setting up software interface %s\n", list[i].netdev);
		if (set_up_device(&list[i])) {
			print_to(stdout, "Setting up software interface %s failed\n", list[i].netdev);
			status = 1;
		}
	}
	return status;
}

/* ---- what is to be done ------------------------------------------------------------------------- */

static void begin_firmware(struct boot_starter *s, const struct start_options *o,
			   const struct firmware_target *list, size_t len)
{
	struct iscsi_db_config *config = NULL;
	struct iscsi_db_record *rec;
	struct iscsi_why why = { "" };

	/* An initial RAM disk may have no configuration, and needs none. */
	(void)iscsi_db_config_read(o->config, NULL, NULL, &config, NULL);
	for (size_t i = 0; i < len; i++) {
		if (record_of_firmware(o, config, &list[i], &rec, &why))
			complain("/sys/%s: %s", list[i].path, why.text);
		else
			begin(s, o, rec);
	}
	iscsi_db_config_free(config);
}

static int start(struct boot_starter *s, const struct start_options *o,
		 const struct firmware_target *list, size_t len)
{
	struct iscsi_db_record *rec;
	struct iscsi_why why = { "" };
	enum iscsi_err err = starter_init(s, &why);

	if (err) {
		complain("%s", why.text);
		return 1;
	}
	if (o->connect) {
		begin_firmware(s, o, list, len);
	} else if (record_of_options(o, &rec, &why)) {
		complain("%s", why.text);
		return 1;
	} else {
		begin(s, o, rec);
	}
	if (s->open)
		(void)sd_event_loop(s->loop);
	note_devices(s);
	/* One path is enough to boot from. */
	return s->there ? 0 : 1;
}

static int run_once(const struct start_options *o)
{
	struct boot_starter s = { .env.run_dir_fd = -1 };
	struct firmware_target *list = NULL;
	bool firmware = o->connect || o->network || o->print;
	size_t len = 0;
	int status = 0;

	if (!firmware && !have_all(o))
		return ISCSI_ERR_INVAL;
	complain("version %s", ISCSI_VERSION);
	if (sysfs_new(NULL, &s.sysfs)) {
		complain("can't read /sys");
		return 1;
	}
	if (firmware && firmware_read(s.sysfs, NULL, NULL, &list, &len)) {
		puts(o->network ? "Could not setup fw entries." :
		     o->print ? "Could not get list of targets from firmware." :
				"Could not get boot entry.");
		status = ISCSI_ERR_NO_OBJS_FOUND;
	} else if (o->network) {
		status = set_up_network(list, len);
	} else if (o->print) {
		for (size_t i = 0; i < len; i++)
			show_firmware_target(stdout, &list[i]);
	} else {
		status = start(&s, o, list, len);
	}
	starter_done(&s);
	firmware_free(list, len);
	return status;
}

int main(int argc, char **argv)
{
	struct start_options o = { .port = ISCSI_PORT_DEFAULT, .tpgt = -1 };
	int status = start_options_parse(argc, argv, &o);

	if (status >= 0)
		return status;
	umask(0077);
	(void)signal(SIGPIPE, SIG_IGN);
	log_name("iscsistart");
	log_open(false, o.debug > 0 ? LOG_DEBUG : LOG_INFO);
	return run_once(&o);
}
