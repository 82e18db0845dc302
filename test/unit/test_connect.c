/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How the client finds its daemon, whom it trusts and how long it waits, on a clock that goes on
 * only when the client waits. Its system calls are those of this file.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>

#include "iscsiadm/client.h"
#include "libiscsi-db/util.h"
#include "test/unit/capture.h"

static char heard[8192];		/* all that happened, in its order */
static int last_wait;			/* what the last line says, if it is about waiting */

__attribute__((format(printf, 1, 2)))
static void hear(const char *fmt, ...)
{
	size_t len = strlen(heard);
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(heard + len, sizeof(heard) - len, fmt, ap);
	va_end(ap);
	last_wait = -1;
}

/* ---- a row ------------------------------------------------------------------------------- */

struct row {
	/* What connect() answers for the path and for the abstract name, one after the other. */
	int path[4], abstract[2];
	const char *override;	/* ISCSID_SOCKET */
	uid_t user;		/* of the listener; 0: root, ME: who runs the client */
	/*
	 * What the daemon does each time the client waits: greets, answers with a Result, with an
	 * Error, Warns, warns at Length, says Nonsense, Closes, answers the connection (0, 1, 2), or
	 * is silent (.).
	 */
	const char *daemon;
	const char *command;	/* iscsid.startup; NULL: the client starts nothing */
	bool endless;		/* the command doesn't end before the test does */
	int requests, silence_s;
	bool tick, debug, systemd, no_stdin;
	const char *heard;
};

#define ME		1000

#define TIMES_10(text)	text text text text text text text text text text
#define LONG_TEXT	TIMES_10("a warning that many words explain, and more; ")

static const struct row *row;
static int64_t now = 1000000;
static unsigned int path_tries, abstract_tries, waits, answered;
static int peer = -1;			/* the daemon's end */

/* ---- system calls ------------------------------------------------------------------------ */

int clock_gettime(clockid_t id, struct timespec *ret)
{
	(void)id;
	*ret = (struct timespec){ .tv_sec = now / 1000, .tv_nsec = now % 1000 * 1000000 };
	return 0;
}

/* Waits for the end of the startup command, so that the client finds it at its next look. */
static void wait_for_command(void)
{
	siginfo_t info;

	if (row->command && !row->endless)
		(void)waitid(P_ALL, 0, &info, WEXITED | WNOWAIT);
}

/* Connects to a socket pair. */
int connect(int fd, __CONST_SOCKADDR_ARG address, socklen_t len)
{
	const struct sockaddr_un *sun = address.__sockaddr_un__;
	size_t name_len = len - offsetof(struct sockaddr_un, sun_path);
	bool abstract = !sun->sun_path[0];
	int pair[2], err;

	wait_for_command();
	if (abstract)
		err = row->abstract[abstract_tries];
	else
		err = row->path[path_tries];
	abstract_tries += abstract && abstract_tries + 1 < ARRAY_SIZE(row->abstract);
	path_tries += !abstract && path_tries + 1 < ARRAY_SIZE(row->path);
	if (row->override || !row->command)
		hear("connect %s%.*s%s: %d\n", abstract ? "@" : "", (int)name_len - abstract,
		     sun->sun_path + abstract, !abstract && sun->sun_path[name_len - 1] ?
		     " without its end" : "", err);
	if (err) {
		errno = err;
		return -1;
	}
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	ck_assert_int_eq(dup3(pair[0], fd, O_CLOEXEC), fd);
	(void)close(pair[0]);
	if (peer >= 0)
		(void)close(peer);
	peer = pair[1];
	return 0;
}

int getsockopt(int fd, int level, int name, void *restrict value, socklen_t *restrict len)
{
	(void)fd;
	(void)len;
	ck_assert(level == SOL_SOCKET && name == SO_PEERCRED);
	((struct ucred *)value)->uid = row->user;
	return 0;
}

uid_t geteuid(void)
{
	return ME;
}

/* A program that counts its lines looks at its own folders at the end. */
int access(const char *path, int mode)
{
	if (!streq(path, "/run/systemd/system"))
		return faccessat(AT_FDCWD, path, mode, 0);
	ck_assert_int_eq(mode, F_OK);
	return row->systemd ? 0 : -1;
}

static void reply(struct mgmt_reply reply)
{
	size_t len = 0;
	uint8_t *data = mgmt_msg_build_reply(&reply, &len);

	ck_assert_int_eq(send(peer, data, len, 0), (ssize_t)len);
	free(data);
}

/* What the daemon does while the client waits; false: nothing. */
static bool act(char what)
{
	uint32_t tag = answered + 1;

	switch (what) {
	case 'g':
		reply((struct mgmt_reply){ .type = MGMT_HELLO, .name = "3" });
		return true;
	case 'R':
		reply((struct mgmt_reply){ .type = MGMT_RESULT, .tag = tag, .why = "" });
		answered++;
		return true;
	case 'E':
		reply((struct mgmt_reply){ .type = MGMT_RESULT, .tag = tag, .err = ISCSI_ERR_BUSY,
					   .why = "in use" });
		answered++;
		return true;
	case 'W':
	case 'V':
		reply((struct mgmt_reply){ .type = MGMT_WARNING, .tag = tag,
					   .why = what == 'W' ? "careful" : "take care" });
		return true;
	case 'L':
		reply((struct mgmt_reply){ .type = MGMT_WARNING, .tag = tag, .why = LONG_TEXT });
		return true;
	case 'F':
		reply((struct mgmt_reply){ .type = MGMT_RESULT, .tag = tag, .err = ISCSI_ERR_BUSY,
					   .why = LONG_TEXT });
		answered++;
		return true;
	case '2':
		reply((struct mgmt_reply){ .type = MGMT_RESULT, .tag = 0, .err = ISCSI_ERR_END,
					   .why = "odd" });
		return true;
	case '3':
		reply((struct mgmt_reply){ .type = MGMT_RESULT, .tag = 0, .err = ISCSI_ERR_END - 1,
					   .why = "late" });
		return true;
	case '0':
		reply((struct mgmt_reply){ .type = MGMT_RESULT, .tag = 0, .why = "" });
		return true;
	case '1':
		reply((struct mgmt_reply){ .type = MGMT_RESULT, .tag = 0, .err = ISCSI_ERR_BUSY,
					   .why = "full" });
		return true;
	case 'b':	/* beyond the last one, and again the one before */
	case 'a':
		reply((struct mgmt_reply){ .type = MGMT_RESULT, .tag = what == 'b' ? tag + 9 : tag - 1,
					   .why = "" });
		return true;
	case 'N':
		ck_assert_int_eq(send(peer, "HTTP/1.1 400", 12, 0), 12);
		return true;
	case 'C':
		(void)close(peer);
		peer = -1;
		answered = (unsigned int)row->requests;	/* the client answers the others itself */
		return true;
	default:
		return false;
	}
}

int poll(struct pollfd *fds, nfds_t n, int timeout)
{
	static unsigned int times, line;
	const char *daemon = row->daemon ? row->daemon : "";
	struct pollfd *volatile asked = fds;	/* glibc says that poll() reads nothing */

	if (n && !asked->events)		/* whether the daemon has hung up */
		return 0;
	if (n && waits < strlen(daemon) && act(daemon[waits++]))
		return 1;
	if (!timeout)			/* a last look */
		return 0;
	if (timeout == last_wait) {
		heard[line] = '\0';
		hear("wait %d x %u\n", timeout, ++times);
	} else {
		line = (unsigned int)strlen(heard);
		times = 1;
		hear("wait %d%s\n", timeout, n && fds->events & POLLOUT ? " to write" : "");
	}
	last_wait = timeout;
	now += timeout;
	return 0;
}

/* ---- what the client says ---------------------------------------------------------------- */

static void on_warning(void *arg, const char *text)
{
	hear("%s: %s\n", (const char *)arg, text);
}

static void on_reply(void *arg, size_t index, const struct mgmt_reply *reply)
{
	(void)arg;
	hear("%zu %s %d %s\n", index, reply->type == MGMT_RESULT ? "result" : "reply", reply->err,
	     client_reason(reply));
	if (reply->err && reply->err != ISCSI_ERR_BUSY)
		ck_assert(reply->conn_state == MGMT_CONN_UNKNOWN &&
			  reply->recovery == MGMT_RECOVERY_UNKNOWN);
}

static const char *startup(void *arg)
{
	return arg;
}

static void tick(void)
{
	hear("tick\n");
}

#define LONG_106 "/xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" \
	"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"

static const struct row rows[] = {
	/* where a daemon may listen */
	{ .requests = 0,
	  .heard = "= 0 after 0 ms\n" },
	{ .requests = 1, .silence_s = 10, .daemon = "gR",
	  .heard = "connect /run/iscsid/iscsid.sock: 0\n"
		   "100 result 0 \n"
		   "= 0 after 0 ms\n" },
	{ .requests = 2, .silence_s = 10, .daemon = "gRE", .override = "/x/socket",
	  .heard = "connect /x/socket: 0\n"
		   "100 result 0 \n"
		   "101 result 28 in use\n"
		   "= 0 after 0 ms\n" },
	{ .requests = 1, .silence_s = 10, .daemon = "gR", .override = "@name", .path = { EIO },
	  .heard = "connect @name: 0\n"
		   "100 result 0 \n"
		   "= 0 after 0 ms\n" },
	{ .requests = 1, .silence_s = 10, .daemon = "gR", .override = LONG_106 "/",
	  .heard = "connect "
		   "/xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
		   "xxxxxxxxxxxxxxxxxxxxxx/: 0\n"
		   "100 result 0 \n"
		   "= 0 after 0 ms\n" },
	{ .requests = 1, .silence_s = 10, .daemon = "gR", .override = LONG_106 "//",
	  .heard = "warning: can not connect to iSCSI daemon (36)!\n"
		   "100 result 20 could not connect to iscsid\n"
		   "= 20 after 0 ms\n" },
	{ .requests = 1, .silence_s = 10, .daemon = "gR", .override = "",
	  .heard = "connect /run/iscsid/iscsid.sock: 0\n"
		   "100 result 0 \n"
		   "= 0 after 0 ms\n" },
	{ .requests = 1, .silence_s = 10, .override = "/x", .path = { ECONNREFUSED, ECONNREFUSED },
	  .heard = "connect /x: 111\n"
		   "warning: can not connect to iSCSI daemon (111)!\n"
		   "100 result 20 could not connect to iscsid\n"
		   "= 20 after 0 ms\n" },
	{ .requests = 1, .silence_s = 10, .path = { ENOENT, ENOENT }, .abstract = { ECONNREFUSED },
	  .heard = "connect /run/iscsid/iscsid.sock: 2\n"
		   "connect @ISCSIADM_ABSTRACT_NAMESPACE: 111\n"
		   "warning: can not connect to iSCSI daemon (111)!\n"
		   "100 result 20 could not connect to iscsid\n"
		   "= 20 after 0 ms\n" },
	{ .requests = 1, .silence_s = 10, .path = { ENOTDIR, ENOTDIR }, .abstract = { ENOENT },
	  .heard = "connect /run/iscsid/iscsid.sock: 20\n"
		   "connect @ISCSIADM_ABSTRACT_NAMESPACE: 2\n"
		   "warning: can not connect to iSCSI daemon (111)!\n"
		   "100 result 20 could not connect to iscsid\n"
		   "= 20 after 0 ms\n" },
	{ .requests = 1, .silence_s = 10, .path = { EACCES, EACCES }, .abstract = { ECONNREFUSED },
	  .heard = "connect /run/iscsid/iscsid.sock: 13\n"
		   "connect @ISCSIADM_ABSTRACT_NAMESPACE: 111\n"
		   "warning: /run/iscsid/iscsid.sock: Permission denied\n"
		   "100 result 13 daemon access denied\n"
		   "= 13 after 0 ms\n" },
	{ .requests = 1, .silence_s = 10, .path = { EACCES, EACCES, EACCES }, .abstract = { EIO },
	  .heard = "connect /run/iscsid/iscsid.sock: 13\n"
		   "connect @ISCSIADM_ABSTRACT_NAMESPACE: 5\n"
		   "warning: can not connect to iSCSI daemon (5)!\n"
		   "100 result 20 could not connect to iscsid\n"
		   "= 20 after 0 ms\n" },
	{ .requests = 1, .silence_s = 10, .path = { EMFILE, EMFILE }, .abstract = { EMFILE },
	  .heard = "connect /run/iscsid/iscsid.sock: 24\n"
		   "connect @ISCSIADM_ABSTRACT_NAMESPACE: 24\n"
		   "warning: can not connect to iSCSI daemon (24)!\n"
		   "100 result 20 could not connect to iscsid\n"
		   "= 20 after 0 ms\n" },
	{ .requests = 1, .silence_s = 10, .path = { EAGAIN, EAGAIN, EAGAIN, EAGAIN },
	  .command = "exit 3",
	  .heard = "wait 50 x 100\n"
		   "warning: can not connect to iSCSI daemon (11)!\n"
		   "100 result 20 could not connect to iscsid\n"
		   "= 20 after 5000 ms\n" },
	{ .requests = 1, .silence_s = 10, .path = { EAGAIN, EAGAIN }, .daemon = "gR",
	  .command = "exit 3",
	  .heard = "wait 50 x 2\n"
		   "100 result 0 \n"
		   "= 0 after 100 ms\n" },
	/* the path appears while the name answers; and doesn't */
	{ .requests = 1, .silence_s = 10, .path = { ENOENT }, .daemon = "gR", .debug = true,
	  .heard = "debug: request 1: rescan\n"
		   "connect /run/iscsid/iscsid.sock: 2\n"
		   "connect @ISCSIADM_ABSTRACT_NAMESPACE: 0\n"
		   "connect /run/iscsid/iscsid.sock: 0\n"
		   "debug: connected to iscsid, by the path of its socket\n"
		   "debug: iscsid 3 greets\n"
		   "debug: request 1: result 0\n"
		   "100 result 0 \n"
		   "= 0 after 0 ms\n"
		   "debug: request 2: rescan\n"
		   "wait 10000\n"
		   "warning: iscsid has not answered for 10 seconds\n"
		   "200 result 33 iscsid request timed out\n"
		   "= 33 after 10000 ms\n" },
	{ .requests = 1, .silence_s = 10, .path = { ENOENT, ENOENT }, .daemon = "gR", .debug = true,
	  .heard = "debug: request 1: rescan\n"
		   "connect /run/iscsid/iscsid.sock: 2\n"
		   "connect @ISCSIADM_ABSTRACT_NAMESPACE: 0\n"
		   "connect /run/iscsid/iscsid.sock: 2\n"
		   "debug: connected to iscsid, by its abstract name\n"
		   "debug: iscsid 3 greets\n"
		   "debug: request 1: result 0\n"
		   "100 result 0 \n"
		   "= 0 after 0 ms\n"
		   "debug: request 2: rescan\n"
		   "wait 10000\n"
		   "warning: iscsid has not answered for 10 seconds\n"
		   "200 result 33 iscsid request timed out\n"
		   "= 33 after 10000 ms\n" },
	/* whom it trusts */
	{ .requests = 1, .silence_s = 10, .user = 12345,
	  .heard = "connect /run/iscsid/iscsid.sock: 0\n"
		   "warning: the process that listens on iscsid's socket belongs to user 12345, who is "
		   "neither root nor you; nothing was sent\n"
		   "100 result 13 daemon access denied\n"
		   "= 13 after 0 ms\n" },
	{ .requests = 1, .silence_s = 10, .user = 12345, .path = { ENOENT, ENOENT },
	  .heard = "connect /run/iscsid/iscsid.sock: 2\n"
		   "connect @ISCSIADM_ABSTRACT_NAMESPACE: 0\n"
		   "warning: the process that listens on iscsid's abstract name belongs to user 12345, "
		   "who is neither root nor you; nothing was sent\n"
		   "100 result 13 daemon access denied\n"
		   "= 13 after 0 ms\n" },
	{ .requests = 1, .silence_s = 10, .user = 65534, .daemon = "gR",
	  .heard = "connect /run/iscsid/iscsid.sock: 0\n"
		   "100 result 0 \n"
		   "= 0 after 0 ms\n" },
	{ .requests = 1, .silence_s = 10, .user = 65534, .override = "@name",
	  .heard = "connect @name: 0\n"
		   "warning: the process that listens on iscsid's abstract name belongs to user 65534, "
		   "who is neither root nor you; nothing was sent\n"
		   "100 result 13 daemon access denied\n"
		   "= 13 after 0 ms\n" },
	{ .requests = 1, .silence_s = 10, .user = ME, .override = "@name", .daemon = "gR",
	  .heard = "connect @name: 0\n"
		   "100 result 0 \n"
		   "= 0 after 0 ms\n" },
	{ .requests = 1, .silence_s = 10, .user = 1, .override = "@name",
	  .heard = "connect @name: 0\n"
		   "warning: the process that listens on iscsid's abstract name belongs to user 1, "
		   "who is neither root nor you; nothing was sent\n"
		   "100 result 13 daemon access denied\n"
		   "= 13 after 0 ms\n" },
	/* descriptor 0 is a descriptor */
	{ .requests = 1, .silence_s = 10, .daemon = "gRR", .no_stdin = true, .debug = true,
	  .heard = "debug: request 1: rescan\n"
		   "connect /run/iscsid/iscsid.sock: 0\n"
		   "debug: connected to iscsid, by the path of its socket\n"
		   "debug: iscsid 3 greets\n"
		   "debug: request 1: result 0\n"
		   "100 result 0 \n"
		   "= 0 after 0 ms\n"
		   "debug: request 2: rescan\n"
		   "debug: request 2: result 0\n"
		   "200 result 0 \n"
		   "= 0 after 0 ms\n" },
	{ .requests = 1, .silence_s = 10, .path = { ENOENT, ENOENT }, .daemon = "gR", .no_stdin = true,
	  .heard = "connect /run/iscsid/iscsid.sock: 2\n"
		   "connect @ISCSIADM_ABSTRACT_NAMESPACE: 0\n"
		   "connect /run/iscsid/iscsid.sock: 2\n"
		   "100 result 0 \n"
		   "= 0 after 0 ms\n" },
	{ .requests = 1, .silence_s = 10, .user = 12345, .override = "@name", .no_stdin = true,
	  .heard = "connect @name: 0\n"
		   "warning: the process that listens on iscsid's abstract name belongs to user 12345, "
		   "who is neither root nor you; nothing was sent\n"
		   "100 result 13 daemon access denied\n"
		   "= 13 after 0 ms\n" },
	{ .requests = 1, .silence_s = 3, .path = { 111, 111, 111 }, .abstract = { 111, 111 },
	  .command = "exit 3", .daemon = "gR", .no_stdin = true,
	  .heard = "warning: iscsid.startup (exit 3) failed, status 3\n"
		   "wait 50 x 2\n"
		   "100 result 0 \n"
		   "= 0 after 100 ms\n" },
	/* silence, before and after the greeting */
	{ .requests = 2, .silence_s = 7,
	  .heard = "connect /run/iscsid/iscsid.sock: 0\n"
		   "wait 7000\n"
		   "warning: iscsid has not answered for 7 seconds\n"
		   "100 result 33 iscsid request timed out\n"
		   "101 result 33 iscsid request timed out\n"
		   "= 33 after 7000 ms\n" },
	{ .requests = 2, .silence_s = 100, .daemon = "g",
	  .heard = "connect /run/iscsid/iscsid.sock: 0\n"
		   "wait 60000\n"
		   "wait 40000\n"
		   "warning: iscsid has not answered for 100 seconds\n"
		   "100 result 33 iscsid request timed out\n"
		   "101 result 33 iscsid request timed out\n"
		   "= 33 after 100000 ms\n" },
	{ .requests = 1, .silence_s = 3, .daemon = "..g..R", .tick = true,
	  .heard = "connect /run/iscsid/iscsid.sock: 0\n"
		   "wait 1000\n"
		   "tick\n"
		   "wait 1000\n"
		   "tick\n"
		   "tick\n"
		   "wait 1000\n"
		   "tick\n"
		   "wait 1000\n"
		   "tick\n"
		   "tick\n"
		   "100 result 0 \n"
		   "= 0 after 4000 ms\n" },
	{ .requests = 1, .silence_s = 3, .daemon = "..g....R", .tick = true,
	  .heard = "connect /run/iscsid/iscsid.sock: 0\n"
		   "wait 1000\n"
		   "tick\n"
		   "wait 1000\n"
		   "tick\n"
		   "tick\n"
		   "wait 1000\n"
		   "tick\n"
		   "wait 1000\n"
		   "tick\n"
		   "wait 1000\n"
		   "tick\n"
		   "tick\n"
		   "warning: iscsid has not answered for 3 seconds\n"
		   "100 result 33 iscsid request timed out\n"
		   "= 33 after 5000 ms\n" },
	{ .requests = 2, .silence_s = 3, .daemon = "g..R..R", .tick = true,
	  .heard = "connect /run/iscsid/iscsid.sock: 0\n"
		   "tick\n"
		   "wait 1000\n"
		   "tick\n"
		   "wait 1000\n"
		   "tick\n"
		   "tick\n"
		   "100 result 0 \n"
		   "wait 1000\n"
		   "tick\n"
		   "wait 1000\n"
		   "tick\n"
		   "tick\n"
		   "101 result 0 \n"
		   "= 0 after 4000 ms\n" },
	{ .requests = 1, .silence_s = 30, .path = { ENOENT, ENOENT },
	  .heard = "connect /run/iscsid/iscsid.sock: 2\n"
		   "connect @ISCSIADM_ABSTRACT_NAMESPACE: 0\n"
		   "connect /run/iscsid/iscsid.sock: 2\n"
		   "wait 3000\n"
		   "warning: the process that listens on iscsid's abstract name "
		   "(@ISCSIADM_ABSTRACT_NAMESPACE) doesn't greet as this iscsid does; nothing was "
		   "asked. If open-iscsi's own iscsid is running: stop it, and iscsid.socket, then "
		   "start this one\n"
		   "100 result 18 could not communicate to iscsid\n"
		   "= 18 after 3000 ms\n" },
	{ .requests = 1, .silence_s = 100, .path = { ENOENT, ENOENT },
	  .heard = "connect /run/iscsid/iscsid.sock: 2\n"
		   "connect @ISCSIADM_ABSTRACT_NAMESPACE: 0\n"
		   "connect /run/iscsid/iscsid.sock: 2\n"
		   "wait 5000\n"
		   "warning: the process that listens on iscsid's abstract name "
		   "(@ISCSIADM_ABSTRACT_NAMESPACE) doesn't greet as this iscsid does; nothing was "
		   "asked. If open-iscsi's own iscsid is running: stop it, and iscsid.socket, then "
		   "start this one\n"
		   "100 result 18 could not communicate to iscsid\n"
		   "= 18 after 5000 ms\n" },
	{ .requests = 1, .silence_s = 30, .path = { ENOENT, ENOENT }, .daemon = "g",
	  .heard = "connect /run/iscsid/iscsid.sock: 2\n"
		   "connect @ISCSIADM_ABSTRACT_NAMESPACE: 0\n"
		   "connect /run/iscsid/iscsid.sock: 2\n"
		   "wait 30000\n"
		   "warning: iscsid has not answered for 30 seconds\n"
		   "100 result 33 iscsid request timed out\n"
		   "= 33 after 30000 ms\n" },
	{ .requests = 1, .silence_s = 30, .path = { ENOENT, ENOENT }, .daemon = "C",
	  .heard = "connect /run/iscsid/iscsid.sock: 2\n"
		   "connect @ISCSIADM_ABSTRACT_NAMESPACE: 0\n"
		   "connect /run/iscsid/iscsid.sock: 2\n"
		   "warning: the process that listens on iscsid's abstract name "
		   "(@ISCSIADM_ABSTRACT_NAMESPACE) doesn't greet as this iscsid does; nothing was "
		   "asked. If open-iscsi's own iscsid is running: stop it, and iscsid.socket, then "
		   "start this one\n"
		   "100 result 18 could not communicate to iscsid\n"
		   "= 18 after 0 ms\n" },
	/* what it says */
	{ .requests = 2, .silence_s = 3, .daemon = "gWWVRWR",
	  .heard = "connect /run/iscsid/iscsid.sock: 0\n"
		   "warning: careful\n"
		   "warning: take care\n"
		   "100 result 0 \n"
		   "101 result 0 \n"
		   "= 0 after 0 ms\n" },
	{ .requests = 1, .silence_s = 3, .daemon = "gLR",
	  .heard = "connect /run/iscsid/iscsid.sock: 0\n"
		   "warning: " LONG_TEXT "\n"
		   "100 result 0 \n"
		   "= 0 after 0 ms\n" },
	{ .requests = 1, .silence_s = 3, .daemon = "gFR", .debug = true,
	  .heard = "debug: request 1: rescan\n"
		   "connect /run/iscsid/iscsid.sock: 0\n"
		   "debug: connected to iscsid, by the path of its socket\n"
		   "debug: iscsid 3 greets\n"
		   "debug: request 1: result 28, " LONG_TEXT "\n"
		   "100 result 28 " LONG_TEXT "\n"
		   "= 0 after 0 ms\n"
		   "debug: request 2: rescan\n"
		   "debug: request 2: result 0\n"
		   "200 result 0 \n"
		   "= 0 after 0 ms\n" },
	{ .requests = 1, .silence_s = 3, .daemon = "2",
	  .heard = "connect /run/iscsid/iscsid.sock: 0\n"
		   "warning: iscsid refused the request: odd\n"
		   "100 result 9 internal error\n"
		   "= 9 after 0 ms\n" },
	{ .requests = 1, .silence_s = 3, .daemon = "3",
	  .heard = "connect /run/iscsid/iscsid.sock: 0\n"
		   "warning: iscsid refused the request: late\n"
		   "100 result 33 iscsid request timed out\n"
		   "= 33 after 0 ms\n" },
	{ .requests = 1, .silence_s = 3, .daemon = "0",
	  .heard = "connect /run/iscsid/iscsid.sock: 0\n"
		   "warning: iscsid refused the request: \n"
		   "100 result 18 could not communicate to iscsid\n"
		   "= 18 after 0 ms\n" },
	{ .requests = 1, .silence_s = 3, .daemon = "1",
	  .heard = "connect /run/iscsid/iscsid.sock: 0\n"
		   "warning: iscsid refused the request: full\n"
		   "100 result 28 device or resource in use\n"
		   "= 28 after 0 ms\n" },
	{ .requests = 1, .silence_s = 3, .daemon = "g1",
	  .heard = "connect /run/iscsid/iscsid.sock: 0\n"
		   "warning: iscsid refused the request: full\n"
		   "100 result 28 device or resource in use\n"
		   "= 28 after 0 ms\n" },
	{ .requests = 1, .silence_s = 3, .daemon = "R",
	  .heard = "connect /run/iscsid/iscsid.sock: 0\n"
		   "warning: iscsid answered a request that wasn't made\n"
		   "100 result 18 could not communicate to iscsid\n"
		   "= 18 after 0 ms\n" },
	{ .requests = 1, .silence_s = 3, .daemon = "gg",
	  .heard = "connect /run/iscsid/iscsid.sock: 0\n"
		   "warning: iscsid answered a request that wasn't made\n"
		   "100 result 18 could not communicate to iscsid\n"
		   "= 18 after 0 ms\n" },
	{ .requests = 2, .silence_s = 3, .daemon = "gb",
	  .heard = "connect /run/iscsid/iscsid.sock: 0\n"
		   "warning: iscsid answered a request that wasn't made\n"
		   "100 result 18 could not communicate to iscsid\n"
		   "101 result 18 could not communicate to iscsid\n"
		   "= 18 after 0 ms\n" },
	{ .requests = 3, .silence_s = 3, .daemon = "gRRa",
	  .heard = "connect /run/iscsid/iscsid.sock: 0\n"
		   "100 result 0 \n"
		   "101 result 0 \n"
		   "warning: iscsid answered a request that wasn't made\n"
		   "102 result 18 could not communicate to iscsid\n"
		   "= 18 after 0 ms\n" },
	{ .requests = 1, .silence_s = 3, .daemon = "N",
	  .heard = "connect /run/iscsid/iscsid.sock: 0\n"
		   "warning: iscsid's greeting can't be understood: not a message of this iscsid; "
		   "iscsiadm and iscsid must be of the same family (3.x)\n"
		   "100 result 18 could not communicate to iscsid\n"
		   "= 18 after 0 ms\n" },
	{ .requests = 1, .silence_s = 3, .daemon = "gN",
	  .heard = "connect /run/iscsid/iscsid.sock: 0\n"
		   "warning: iscsid's answer can't be understood: not a message of this iscsid; "
		   "iscsiadm and iscsid must be of the same family (3.x)\n"
		   "100 result 18 could not communicate to iscsid\n"
		   "= 18 after 0 ms\n" },
	{ .requests = 1, .silence_s = 3, .daemon = "C",
	  .heard = "connect /run/iscsid/iscsid.sock: 0\n"
		   "warning: iscsid closed the connection\n"
		   "100 result 18 could not communicate to iscsid\n"
		   "= 18 after 0 ms\n" },
	{ .requests = 1, .silence_s = 3, .daemon = "gC",
	  .heard = "connect /run/iscsid/iscsid.sock: 0\n"
		   "warning: iscsid closed the connection: Connection reset by peer\n"
		   "100 result 18 could not communicate to iscsid\n"
		   "= 18 after 0 ms\n" },
	{ .requests = 2, .silence_s = 3, .daemon = "gRCgRE", .debug = true,
	  .heard = "debug: request 1: rescan\n"
		   "debug: request 2: rescan, session 7\n"
		   "connect /run/iscsid/iscsid.sock: 0\n"
		   "debug: connected to iscsid, by the path of its socket\n"
		   "debug: iscsid 3 greets\n"
		   "debug: request 1: result 0\n"
		   "100 result 0 \n"
		   "warning: iscsid closed the connection: Connection reset by peer\n"
		   "101 result 18 could not communicate to iscsid\n"
		   "= 18 after 0 ms\n"
		   "debug: request 3: rescan\n"
		   "debug: request 4: rescan, session 7\n"
		   "connect /run/iscsid/iscsid.sock: 0\n"
		   "debug: connected to iscsid, by the path of its socket\n"
		   "debug: iscsid 3 greets\n"
		   "debug: request 3: result 0\n"
		   "200 result 0 \n"
		   "debug: request 4: result 28, in use\n"
		   "201 result 28 in use\n"
		   "= 0 after 0 ms\n" },
	/* starting it */
	{ .requests = 1, .silence_s = 3, .path = { 111, 111, 111, 111 }, .abstract = { 111, 111 },
	  .command = "",
	  .heard = "warning: iscsid is not running. Could not start it up automatically using the "
		   "startup command in the iscsid.conf iscsid.startup setting, which is missing. Please "
		   "start the daemon: iscsid\n"
		   "warning: can not connect to iSCSI daemon (111)!\n"
		   "100 result 20 could not connect to iscsid\n"
		   "= 20 after 0 ms\n" },
	{ .requests = 1, .silence_s = 3, .path = { 111, 111, 111, 111 }, .abstract = { 111, 111 },
	  .command = "", .systemd = true,
	  .heard = "warning: iscsid is not running. Could not start it up automatically using the "
		   "startup command in the iscsid.conf iscsid.startup setting, which is missing. Please "
		   "start the daemon: systemctl enable --now iscsid.socket\n"
		   "warning: can not connect to iSCSI daemon (111)!\n"
		   "100 result 20 could not connect to iscsid\n"
		   "= 20 after 0 ms\n" },
	{ .requests = 1, .silence_s = 3, .path = { 111, 111, 111, 111 }, .abstract = { 111, 111 },
	  .command = "echo $OF_THE_CALLER $PATH",
	  .heard = "wait 50 x 100\n"
		   "warning: can not connect to iSCSI daemon (111)!\n"
		   "100 result 20 could not connect to iscsid\n"
		   "= 20 after 5000 ms\n"
		   "/usr/sbin:/usr/bin:/sbin:/bin\n" },
	{ .requests = 1, .silence_s = 3, .path = { 111, 111, 111, 111 }, .abstract = { 111, 111 },
	  .command = "exit 3",
	  .heard = "warning: iscsid.startup (exit 3) failed, status 3\n"
		   "wait 50 x 2\n"
		   "warning: can not connect to iSCSI daemon (111)!\n"
		   "100 result 20 could not connect to iscsid\n"
		   "= 20 after 100 ms\n" },
	{ .requests = 1, .silence_s = 3, .path = { 2, 2, 2, 2 }, .abstract = { 111, 111 },
	  .command = "kill -9 $$",
	  .heard = "warning: iscsid.startup (kill -9 $$) failed, signal 9\n"
		   "wait 50 x 2\n"
		   "warning: can not connect to iSCSI daemon (111)!\n"
		   "100 result 20 could not connect to iscsid\n"
		   "= 20 after 100 ms\n" },
	{ .requests = 1, .silence_s = 3, .path = { 111, 111, 111, 111 }, .abstract = { 111, 111 },
	  .command = "read line", .endless = true,
	  .heard = "wait 50 x 600\n"
		   "warning: can not connect to iSCSI daemon (111)!\n"
		   "100 result 20 could not connect to iscsid\n"
		   "= 20 after 30000 ms\n" },
	{ .requests = 1, .silence_s = 3, .path = { 111, 111, 111 }, .abstract = { 111, 111 },
	  .command = "read line", .endless = true, .daemon = "gR",
	  .heard = "wait 50 x 2\n"
		   "100 result 0 \n"
		   "= 0 after 100 ms\n" },
	{ .requests = 1, .silence_s = 3, .path = { 111, 111, 111 }, .abstract = { 111, 111 },
	  .command = "exit 3", .daemon = "gR",
	  .heard = "warning: iscsid.startup (exit 3) failed, status 3\n"
		   "wait 50 x 2\n"
		   "100 result 0 \n"
		   "= 0 after 100 ms\n" },
	{ .requests = 1, .silence_s = 3, .path = { EIO, EIO, EIO, EIO }, .abstract = { EIO, EIO },
	  .command = "exit 3",
	  .heard = "warning: can not connect to iSCSI daemon (5)!\n"
		   "100 result 20 could not connect to iscsid\n"
		   "= 20 after 0 ms\n" },
	{ .requests = 1, .silence_s = 3, .path = { 2, 2, 2, 2 }, .user = 12345,
	  .command = "exit 3",
	  .heard = "warning: iscsid.startup (exit 3) failed, status 3\n"
		   "wait 50 x 2\n"
		   "warning: the process that listens on iscsid's abstract name belongs to user 12345, "
		   "who is neither root nor you; nothing was sent\n"
		   "100 result 13 daemon access denied\n"
		   "= 13 after 100 ms\n" },
	{ .requests = 1, .silence_s = 3, .user = 12345, .command = "exit 3",
	  .heard = "warning: the process that listens on iscsid's socket belongs to user 12345, who is "
		   "neither root nor you; nothing was sent\n"
		   "100 result 13 daemon access denied\n"
		   "= 13 after 0 ms\n" },
};

static void run(struct client *client, int first)
{
	enum iscsi_err err;

	for (int i = 0; i < row->requests; i++) {
		struct mgmt_request req = {
			.type = MGMT_RESCAN, .record = "", .iface = "", .sid = (uint32_t)i * 7,
		};

		ck_assert(!client_request(client, &req, (size_t)(first + i)));
	}
	err = client_run(client, row->silence_s * 1000, on_reply, NULL);
	hear("= %d after %lld ms\n", err, (long long)now - 1000000);
}

START_TEST(a_daemon_is_found_or_not)
{
	int command_input[2];
	struct client *client = client_new(on_warning, (void *)"warning");

	row = &rows[_i];
	(void)signal(SIGPIPE, SIG_IGN);
	/* "read line" waits for it. */
	ck_assert_int_eq(pipe2(command_input, O_CLOEXEC), 0);
	ck_assert_int_eq(dup2(command_input[0], STDIN_FILENO), STDIN_FILENO);
	if (row->override)
		ck_assert_int_eq(setenv("ISCSID_SOCKET", row->override, 1), 0);
	else
		ck_assert_int_eq(unsetenv("ISCSID_SOCKET"), 0);
	ck_assert_int_eq(setenv("OF_THE_CALLER", "1", 1), 0);
	if (row->command)
		client_set_startup(client, startup, (void *)row->command);
	client_set_tick(client, row->tick ? tick : NULL);
	client_set_debug(client, row->debug ? on_warning : NULL, (void *)"debug");
	capture();
	if (row->no_stdin)
		(void)close(STDIN_FILENO);
	run(client, 100);
	if (row->debug)
		run(client, 200);
	client = client_free(client);
	(void)close(command_input[1]);
	while (wait(NULL) > 0)
		;
	ck_assert_str_eq(said(0), "");
	hear("%s", said(1));
	ck_assert_msg(streq(heard, row->heard), "row %d: it is\n%s", _i, heard);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("connect");
	TCase *t = tcase_create("connect");
	SRunner *runner = srunner_create(s);
	int failed;

	suite_add_tcase(s, t);
	tcase_add_loop_test(t, a_daemon_is_found_or_not, 0, (int)ARRAY_SIZE(rows));
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
