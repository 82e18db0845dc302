/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Talks to iscsid. One poll loop both writes and reads, so that client and daemon can't block
 * each other when the daemon answers before it has read every request, or reads slowly. Tags
 * begin with 1: a result with tag 0 is about the connection itself.
 */
#include "iscsiadm/client.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "iscsid/base/bytes.h"
#include "iscsid/base/stream.h"
#include "libiscsi-db/util.h"

#define RECEIVE_LEAST		4096	/* bytes of room for each read */
#define CONNECT_PAUSE_MS	50
#define CONNECT_TRY_MS		5000	/* from the end of the startup command to listening */
#define STARTUP_MAX_MS		30000	/* for the startup command to end */
#define HELLO_MAX_MS		5000	/* for the greeting on the abstract name... */
#define HELLO_PART		10	/* ...or this part of silence_ms, if shorter */
#define OVERFLOW_UID		65534	/* as which root of an outer user namespace is seen */

struct queued_request {
	struct queued_request *next;
	uint8_t *data;
	size_t len;
};

struct asked {
	size_t index;			/* the caller's number for this request */
	bool answered;
};

struct client {
	iscsi_db_warn_fn *warn;
	void *warn_arg;
	iscsi_db_warn_fn *debug;
	void *debug_arg;
	client_startup_fn *startup;
	void *startup_arg;
	void (*tick)(void);

	int fd;
	bool abstract;			/* connected by an abstract name, which any user may bind */
	uid_t stranger;			/* the user of a listener that isn't trusted */
	bool greeted;
	struct queued_request *head, **tail;
	size_t sent;			/* of head */

	struct asked *asked;		/* the request with tag N is asked[N - 1] */
	size_t asked_len;
	size_t open;			/* requests without a result */
	char **warnings;		/* that the daemon sent and that were said */
	size_t warning_count;

	uint8_t *in;
	size_t in_len, in_room;
};

static enum iscsi_err PRINTF(3, 4) tell(struct client *client, enum iscsi_err err,
					const char *fmt, ...)
{
	char text[600];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (client->warn)
		client->warn(client->warn_arg, text);
	return err;
}

static void PRINTF(2, 3) debug(struct client *client, const char *fmt, ...)
{
	char text[600];
	va_list ap;

	if (!client->debug)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	client->debug(client->debug_arg, text);
}

struct client *client_new(iscsi_db_warn_fn *warn, void *warn_arg)
{
	struct client *client = calloc(1, sizeof(*client));

	if (!client)
		return NULL;
	client->warn = warn;
	client->warn_arg = warn_arg;
	client->fd = -1;
	client->tail = &client->head;
	return client;
}

static void message_free(struct queued_request *m)
{
	if (m)
		wipe_free(m->data, m->len);	/* records carry secrets */
	free(m);
}

static void drop_messages(struct client *client)
{
	while (client->head) {
		struct queued_request *m = client->head;

		client->head = m->next;
		message_free(m);
	}
	client->tail = &client->head;
	client->sent = 0;
}

struct client *client_free(struct client *client)
{
	if (!client)
		return NULL;
	drop_messages(client);
	closep(&client->fd);
	while (client->warning_count)
		free(client->warnings[--client->warning_count]);
	free(client->warnings);
	free(client->asked);
	free(client->in);
	free(client);
	return NULL;
}

void client_set_debug(struct client *client, iscsi_db_warn_fn *fn, void *arg)
{
	client->debug = fn;
	client->debug_arg = arg;
}

void client_set_startup(struct client *client, client_startup_fn *startup, void *arg)
{
	client->startup = startup;
	client->startup_arg = arg;
}

void client_set_tick(struct client *client, void (*tick)(void))
{
	client->tick = tick;
}

/* ---- connecting ------------------------------------------------------------------------ */

/* @name: a path, or a name in the abstract space after '@'. */
static int connect_name(const char *name)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	socklen_t len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name));
	int fd;

	if (strlen(name) >= sizeof(sun.sun_path))
		return -ENAMETOOLONG;
	memcpy(sun.sun_path, name, strlen(name));
	if (name[0] == '@')
		sun.sun_path[0] = '\0';
	else
		len++;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	return fd < 0 || TEMP_FAILURE_RETRY(connect(fd, (struct sockaddr *)(void *)&sun, len)) < 0 ?
	       close_failed(fd) : fd;
}

/*
 * Any user may listen on a free abstract name, and requests carry secrets: so the listener must
 * be root or the user who runs iscsiadm. In a user namespace the root of the host looks like any
 * other foreign user; the mode of its folder guards a path, so a path may belong to that user.
 *
 * As connect_name(), but -EPERM, with client->stranger set, if the listener isn't trusted.
 */
static int connect_trusted(struct client *client, const char *name)
{
	struct ucred peer = { .uid = OVERFLOW_UID };
	socklen_t len = sizeof(peer);
	int fd = connect_name(name);

	if (fd < 0)
		return fd;
	client->abstract = name[0] == '@';
	if (!getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) &&
	    (peer.uid == 0 || peer.uid == geteuid() ||
	     (!client->abstract && peer.uid == OVERFLOW_UID)))
		return fd;
	client->stranger = peer.uid;
	(void)close(fd);
	return -EPERM;
}

/*
 * Tries each place where a daemon may listen once. A descriptor or -errno. ISCSID_SOCKET doesn't
 * count in a program that has more rights than its caller.
 */
static int connect_once(struct client *client)
{
	const char *override = secure_getenv("ISCSID_SOCKET");
	int fd, first;

	if (override && *override)
		return connect_trusted(client, override);
	first = connect_trusted(client, MGMT_SOCKET_PATH);
	if (first >= 0 || first == -EAGAIN || first == -EPERM)
		return first;
	fd = connect_trusted(client, "@" MGMT_SOCKET_ABSTRACT);
	if (fd >= 0) {
		/* systemd listens on the path before it does on the name: between the two tries above. */
		first = connect_trusted(client, MGMT_SOCKET_PATH);
		if (first >= 0) {
			(void)close(fd);
			return first;
		}
		client->abstract = true;
	}
	/* That the path refuses us says more than that no daemon has the abstract name. */
	return fd == -ECONNREFUSED && first == -EACCES ? first : fd;
}

/*
 * Runs the command; its output goes to stderr, since programs parse our stdout. The daemon that it
 * starts outlives the caller and serves everybody, so it gets nothing of the caller's environment.
 */
static int spawn_shell(const char *command, pid_t *ret)
{
	char *argv[] = { (char *)"sh", (char *)"-c", (char *)command, NULL };
	char *env[] = { (char *)"PATH=/usr/sbin:/usr/bin:/sbin:/bin", NULL };
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	sigset_t defaults;
	int r;

	(void)sigemptyset(&defaults);
	(void)sigaddset(&defaults, SIGPIPE);
	r = posix_spawn_file_actions_init(&actions);
	if (r)
		return -r;
	r = posix_spawnattr_init(&attr);
	if (!r) {
		r = posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO);
		if (!r)
			r = posix_spawnattr_setsigdefault(&attr, &defaults);
		if (!r)
			r = posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGDEF);
		if (!r)
			r = posix_spawn(ret, "/bin/sh", &actions, &attr, argv, env);
		(void)posix_spawnattr_destroy(&attr);
	}
	(void)posix_spawn_file_actions_destroy(&actions);
	return -r;
}

/* Starts the daemon and waits, with a bound, until it listens. A descriptor or -errno. */
static int start_and_connect(struct client *client, const char *command)
{
	int64_t deadline = monotonic_ms() + STARTUP_MAX_MS;
	bool running = true;
	int fd, r, status;
	pid_t pid = -1;

	r = spawn_shell(command, &pid);
	if (r < 0) {
		(void)tell(client, ISCSI_ERR_ISCSID_NOTCONN,
			   "cannot run iscsid.startup (%s): %s", command, strerror(-r));
		return -ECONNREFUSED;
	}
	for (;;) {
		fd = connect_once(client);
		if (fd >= 0 || monotonic_ms() >= deadline)
			break;
		if (running && waitpid(pid, &status, WNOHANG) == pid) {
			running = false;
			deadline = monotonic_ms() + CONNECT_TRY_MS;
			if (!WIFEXITED(status) || WEXITSTATUS(status)) {
				(void)tell(client, ISCSI_ERR_ISCSID_NOTCONN,
					   "iscsid.startup (%s) failed, %s %d", command,
					   WIFEXITED(status) ? "status" : "signal",
					   WIFEXITED(status) ? WEXITSTATUS(status) :
							       WTERMSIG(status));
				deadline = monotonic_ms() + 2 * CONNECT_PAUSE_MS;
			}
		}
		(void)poll(NULL, 0, CONNECT_PAUSE_MS);
	}
	return fd;
}

/* A stranger on the abstract name doesn't keep our daemon from listening on its path. */
static bool no_daemon_listens(const struct client *client, int r)
{
	return r == -ECONNREFUSED || r == -ENOENT || r == -ENOTDIR ||
	       (r == -EPERM && client->abstract);
}

static enum iscsi_err connect_client(struct client *client)
{
	int64_t deadline = monotonic_ms() + CONNECT_TRY_MS;
	const char *command = NULL;
	int fd;

	/* EAGAIN: the daemon listens, but its queue of new clients is full. */
	while ((fd = connect_once(client)) == -EAGAIN && monotonic_ms() < deadline)
		(void)poll(NULL, 0, CONNECT_PAUSE_MS);
	if (no_daemon_listens(client, fd) && client->startup) {
		command = client->startup(client->startup_arg);
		if (command && *command)
			fd = start_and_connect(client, command);
		else
			(void)tell(client, ISCSI_ERR_ISCSID_NOTCONN,
				   "iscsid is not running. Could not start it up automatically "
				   "using the startup command in the iscsid.conf "
				   "iscsid.startup setting, which is missing. Please start the "
				   "daemon: %s", access("/run/systemd/system", F_OK) == 0 ?
				   "systemctl enable --now iscsid.socket" : "iscsid");
	}
	if (fd >= 0) {
		client->fd = fd;
		debug(client, "connected to iscsid, by %s",
		      client->abstract ? "its abstract name" : "the path of its socket");
		return ISCSI_SUCCESS;
	}
	if (fd == -EPERM)
		return tell(client, ISCSI_ERR_ACCESS,
			    "the process that listens on iscsid's %s belongs to user %u, who is "
			    "neither root nor you; nothing was sent",
			    client->abstract ? "abstract name" : "socket", client->stranger);
	if (fd == -EACCES)
		return tell(client, ISCSI_ERR_ACCESS, "%s: %s", MGMT_SOCKET_PATH, strerror(-fd));
	/* open-iscsi prints the number of ECONNREFUSED for each of these errors. */
	if (no_daemon_listens(client, fd))
		fd = -ECONNREFUSED;
	return tell(client, ISCSI_ERR_ISCSID_NOTCONN, "can not connect to iSCSI daemon (%d)!",
		    -fd);
}

/* ---- requests and replies -------------------------------------------------------------- */

static const char *request_name(enum mgmt_type type)
{
	static const char *const names[] = {
		[MGMT_LOGIN] = "login", [MGMT_LOGOUT] = "logout", [MGMT_DISCOVER] = "discover",
		[MGMT_SESSION_STATE] = "state", [MGMT_RESCAN] = "rescan", [MGMT_STOP] = "stop",
		[MGMT_GET_STATS] = "statistics", [MGMT_ATTEMPTS] = "attempts",
		[MGMT_CALL_OFF] = "call off",
	};

	return (size_t)type < ARRAY_SIZE(names) && names[type] ? names[type] : "?";
}

enum iscsi_err client_request(struct client *client, const struct mgmt_request *req,
			      size_t index)
{
	struct mgmt_request copy = *req;
	struct queued_request *m;
	struct asked *asked;

	copy.tag = (uint32_t)client->asked_len + 1;
	m = calloc(1, sizeof(*m));
	if (m)
		m->data = mgmt_msg_build_request(&copy, &m->len);
	asked = m && m->data ? ARRAY_ADD(client->asked, client->asked_len) : NULL;
	if (!asked) {
		message_free(m);
		return ISCSI_ERR_NOMEM;
	}
	*client->tail = m;
	client->tail = &m->next;
	asked->index = index;
	client->open++;
	if (copy.sid)
		debug(client, "request %u: %s, session %u", copy.tag, request_name(copy.type),
		      copy.sid);
	else
		debug(client, "request %u: %s", copy.tag, request_name(copy.type));
	return ISCSI_SUCCESS;
}

const char *client_reason(const struct mgmt_reply *reply)
{
	return reply->why[0] ? reply->why : iscsi_db_err_text(reply->err);
}

/* Writes as much as the socket takes. 0, also if the socket is full, or -errno. */
static int send_some(struct client *client)
{
	while (client->head) {
		struct queued_request *m = client->head;
		int r = stream_send(client->fd, m->data, m->len, &client->sent);

		if (r < 0 || client->sent < m->len)
			return r;
		client->head = m->next;
		if (!client->head)
			client->tail = &client->head;
		client->sent = 0;
		message_free(m);
	}
	return 0;
}

/* Reads what has arrived. The number of bytes, 0 at the end, -EAGAIN, or another -errno. */
static ssize_t receive_some(struct client *client)
{
	ssize_t n;

	if (!bytes_reserve(&client->in, &client->in_room, client->in_len + RECEIVE_LEAST))
		return -ENOMEM;
	n = TEMP_FAILURE_RETRY(recv(client->fd, client->in + client->in_len,
				    client->in_room - client->in_len, MSG_DONTWAIT));
	if (n < 0)
		return -errno;
	client->in_len += (size_t)n;
	return n;
}

/* Several requests may cause the same warning: a discovery through several interfaces does. */
static void warn_once(struct client *client, const char *text)
{
	char **said;

	for (size_t i = 0; i < client->warning_count; i++) {
		if (streq(client->warnings[i], text))
			return;
	}
	(void)tell(client, ISCSI_SUCCESS, "%s", text);
	said = ARRAY_ADD(client->warnings, client->warning_count);
	if (said && !(*said = strdup(text)))
		client->warning_count--;
}

static enum iscsi_err handle_reply(struct client *client, const struct mgmt_reply *reply,
				   client_reply_fn *fn, void *arg)
{
	struct asked *asked;

	if (reply->type == MGMT_HELLO && !client->greeted) {
		client->greeted = true;
		debug(client, "iscsid %s greets", reply->name);
		return ISCSI_SUCCESS;
	}
	if (reply->type == MGMT_RESULT && reply->tag == 0)
		return tell(client, reply->err ?: ISCSI_ERR_ISCSID_COMM_ERR,
			    "iscsid refused the request: %s", client_reason(reply));
	asked = reply->tag && reply->tag <= client->asked_len ? &client->asked[reply->tag - 1] : NULL;
	if (!client->greeted || !asked || asked->answered)
		return tell(client, ISCSI_ERR_ISCSID_COMM_ERR,
			    "iscsid answered a request that wasn't made");
	if (reply->type == MGMT_WARNING) {
		warn_once(client, reply->why);
		return ISCSI_SUCCESS;
	}
	if (reply->type == MGMT_RESULT) {
		asked->answered = true;
		client->open--;
		debug(client, "request %u: result %d%s%s", reply->tag, (int)reply->err,
		      reply->why[0] ? ", " : "", reply->why);
	}
	fn(arg, asked->index, reply);
	return ISCSI_SUCCESS;
}

/* Takes whole messages off the buffer, and sets @progress if there was a message. */
static enum iscsi_err handle_input(struct client *client, client_reply_fn *fn, void *arg,
				   bool *progress)
{
	size_t pos = 0;
	enum iscsi_err err = ISCSI_SUCCESS;

	while (!err && client->in_len - pos >= MGMT_HEADER_LEN) {
		struct iscsi_why why = { "" };
		struct mgmt_reply reply;
		uint32_t body_len;
		uint16_t type;

		err = mgmt_msg_header(client->in + pos, &type, &body_len, &why);
		if (!err) {
			if (client->in_len - pos - MGMT_HEADER_LEN < body_len)
				break;
			err = mgmt_msg_parse_reply(type, client->in + pos + MGMT_HEADER_LEN,
						   body_len, &reply, &why);
		}
		if (err)
			return tell(client, ISCSI_ERR_ISCSID_COMM_ERR,
				    "iscsid's %s can't be understood: %s",
				    client->greeted ? "answer" : "greeting", why.text);
		err = handle_reply(client, &reply, fn, arg);
		pos += MGMT_HEADER_LEN + body_len;
		*progress = true;
	}
	memmove(client->in, client->in + pos, client->in_len - pos);
	client->in_len -= pos;
	return err;
}

/* Says what it means that the daemon was silent for too long, or hung up without a greeting. */
static enum iscsi_err say_silent(struct client *client, int silence_ms)
{
	if (!client->greeted && client->abstract)
		return tell(client, ISCSI_ERR_ISCSID_COMM_ERR,
			    "the process that listens on iscsid's abstract name (@%s) doesn't greet as "
			    "this iscsid does; nothing was asked. If open-iscsi's own iscsid is "
			    "running: stop it, and iscsid.socket, then start this one",
			    MGMT_SOCKET_ABSTRACT);
	return tell(client, ISCSI_ERR_REQ_TIMEDOUT, "iscsid has not answered for %d seconds",
		    silence_ms / 1000);
}

/*
 * How long to wait for the greeting. Our daemon listens on its path too, as a rule, so a listener
 * that has the abstract name alone may be open-iscsi's; but systemd may also have handed that
 * name alone to a daemon of ours that is still starting.
 */
static int hello_patience_ms(const struct client *client, int silence_ms)
{
	return client->abstract ? MIN(silence_ms / HELLO_PART, HELLO_MAX_MS) : silence_ms;
}

static enum iscsi_err exchange(struct client *client, int silence_ms, client_reply_fn *fn,
			       void *arg)
{
	int64_t deadline = monotonic_ms() + silence_ms;
	bool deaf = false;

	if (!client->greeted)
		deadline = monotonic_ms() + hello_patience_ms(client, silence_ms);

	while (client->open) {
		struct pollfd pfd = { .fd = client->fd, .events = POLLIN };
		int64_t left = MAX(deadline - monotonic_ms(), 0);
		bool progress = false;
		enum iscsi_err err;
		ssize_t n;

		/* A daemon that refuses us closes early; the reason can still be read. */
		if (client->head && client->greeted && !deaf && send_some(client) < 0)
			deaf = true;
		if (client->head && client->greeted && !deaf)
			pfd.events |= POLLOUT;
		n = poll(&pfd, 1, (int)MIN(left, client->tick ? 1000 : 60000));
		if (client->tick)
			client->tick();
		n = n > 0 ? receive_some(client) : -EAGAIN;
		/* While this process was stopped, by Ctrl-Z for example, the answer may have come. */
		if (n == -EAGAIN && !left)
			return say_silent(client, silence_ms);
		if (n == -EAGAIN)
			continue;
		if (n <= 0 && !client->greeted && client->abstract)
			return say_silent(client, silence_ms);
		if (n <= 0)
			return tell(client, ISCSI_ERR_ISCSID_COMM_ERR,
				    "iscsid closed the connection%s%s", n < 0 ? ": " : "",
				    n < 0 ? strerror((int)-n) : "");
		err = handle_input(client, fn, arg, &progress);
		if (err)
			return err;
		if (progress)
			deadline = monotonic_ms() + silence_ms;
	}
	return ISCSI_SUCCESS;
}

static void disconnect(struct client *client)
{
	closep(&client->fd);
	client->greeted = false;
	client->in_len = 0;
}

static bool is_hung_up(const struct client *client)
{
	struct pollfd pfd = { .fd = client->fd };

	return poll(&pfd, 1, 0) > 0;
}

enum iscsi_err client_run(struct client *client, int silence_ms, client_reply_fn *fn, void *arg)
{
	enum iscsi_err err = ISCSI_SUCCESS;

	if (!client->open)
		return ISCSI_SUCCESS;
	/* The daemon drops a client that asks nothing for a while, and may have been restarted. */
	if (client->fd >= 0 && is_hung_up(client))
		disconnect(client);
	if (client->fd < 0)
		err = connect_client(client);
	if (!err)
		err = exchange(client, silence_ms, fn, arg);
	if (!err)
		return err;

	disconnect(client);
	drop_messages(client);
	for (uint32_t tag = 1; tag <= client->asked_len; tag++) {
		struct mgmt_reply reply = {
			.type = MGMT_RESULT, .tag = tag, .err = err, .why = "",
			.conn_state = MGMT_CONN_UNKNOWN, .recovery = MGMT_RECOVERY_UNKNOWN,
		};

		if (client->asked[tag - 1].answered)
			continue;
		client->asked[tag - 1].answered = true;
		client->open--;
		fn(arg, client->asked[tag - 1].index, &reply);
	}
	return err;
}
