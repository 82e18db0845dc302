// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The least that a login can cost on this kernel: a client that knows in advance what it
 * will do. It connects to 200 targets at once, sends the kernel's netlink interface as few
 * and as large batches as it takes, one login PDU a session, and scans on a few threads. It
 * handles no failure, no authentication and no recovery; the bench puts its figures below
 * those of real programs. It shares no code with them on purpose.
 *
 *	floor login N ADDRESS PORT IQN-PREFIX INITIATOR   targets PREFIX1 .. PREFIXN
 *	floor logout                                      destroys every session there is
 *
 * login prints "wall_us cpu_us rss_kb anon_kb sends" and leaves the sessions to the kernel.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dirent.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <linux/netlink.h>

#define NL_ISCSI	8
#define MAX_SESSIONS	2000
#define SCANNERS	8
/* So many connect at once: a target gives a connection up whose login is long in coming. */
#define WAVE		200
#define EV_LEN		56
#define MSG_LEN		(16 + EV_LEN)
/* Below the kernel's default for what one send may hold. */
#define BATCH_MAX	65536

enum {
	CREATE_SESSION = 11, DESTROY_SESSION, CREATE_CONN, DESTROY_CONN, BIND_CONN, SET_PARAM,
	START_CONN, STOP_CONN, SEND_PDU, RECV_PDU = 101
};

enum {
	MAX_RECV = 0, MAX_XMIT = 1, INITIAL_R2T = 4, MAX_R2T = 5, IMM_DATA = 6, FIRST_BURST = 7,
	MAX_BURST = 8, PDU_INORDER = 9, DATASEQ_INORDER = 10, ERL = 11, EXP_STATSN = 14,
	TARGET_NAME = 15, TPGT = 16, PERSISTENT_ADDRESS = 17, PERSISTENT_PORT = 18,
	IFACE_NAME = 32, INITIATOR_NAME = 34
};

struct session {
	int fd;
	uint32_t sid;
	uint32_t host;
	int started;
};

static struct session sessions[MAX_SESSIONS];
static int n_sessions;
static int nl = -1;
static uint64_t handle;
static unsigned long sends;

static unsigned char batch[BATCH_MAX];
static size_t batch_len;
static int batch_replies;
static int outstanding;

static pthread_mutex_t scan_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t scan_more = PTHREAD_COND_INITIALIZER;
static int scan_queue[MAX_SESSIONS];
static int scan_head, scan_tail;

static void die(const char *what)
{
	fprintf(stderr, "floor: %s: %s\n", what, strerror(errno));
	exit(1);
}

static uint64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void put32(unsigned char *p, uint32_t v)
{
	memcpy(p, &v, sizeof(v));
}

static uint32_t get32(const unsigned char *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static struct session *by_sid(uint32_t sid)
{
	int i;

	for (i = 0; i < n_sessions; i++)
		if (sessions[i].sid == sid)
			return &sessions[i];
	return NULL;
}

/* Enough of a response to a command: it failed, or it made a session. */
static int sessions_made;

static void on_reply(const unsigned char *msg)
{
	const unsigned char *ev = msg + 16;

	if (get32(ev) == 103 || (get32(msg + 4) & 0xffff) == 0) {
		errno = -(int)get32(ev + 4);
		die("the kernel refused a command");
	}
	if ((get32(msg + 4) & 0xffff) == CREATE_SESSION) {
		sessions[sessions_made].sid = get32(ev + 40);
		sessions[sessions_made].host = get32(ev + 44);
		sessions_made++;
	}
}

static void on_login_response(const unsigned char *ev);

/* Reads until every command has its reply; login responses are taken as they come. */
static void read_replies(int *logins)
{
	static unsigned char buf[16384];
	ssize_t len;

	while (outstanding > 0 || (logins && *logins > 0)) {
		len = recv(nl, buf, sizeof(buf), 0);
		if (len < 0)
			die("netlink");
		if (len < MSG_LEN)
			continue;
		if (get32(buf + 4) & 0xffff) {
			on_reply(buf);
			outstanding--;
		} else if (get32(buf + 16) == RECV_PDU) {
			on_login_response(buf + 16);
			if (logins)
				(*logins)--;
		}
	}
}

static void flush_batch(void)
{
	struct sockaddr_nl to = { .nl_family = AF_NETLINK };

	if (!batch_len)
		return;
	if (sendto(nl, batch, batch_len, 0, (struct sockaddr *)&to, sizeof(to)) < 0)
		die("netlink send");
	sends++;
	batch_len = 0;
	outstanding += batch_replies;
	batch_replies = 0;
}

/* A message in the batch: the caller fills in the event's fields; the payload is copied. */
static unsigned char *add_message(int type, size_t payload)
{
	size_t len = MSG_LEN + payload;
	unsigned char *msg;

	if (batch_len + len + 4 > sizeof(batch))
		flush_batch();
	msg = batch + batch_len;
	memset(msg, 0, (len + 3) & ~3UL);
	put32(msg, len);
	memcpy(msg + 4, &(uint16_t){ type }, 2);
	put32(msg + 16, type);
	memcpy(msg + 24, &handle, sizeof(handle));
	batch_len += (len + 3) & ~3UL;
	batch_replies++;
	return msg + 16;
}

static void set_param(uint32_t sid, int param, const char *format, ...)
{
	char value[256];
	unsigned char *ev;
	va_list ap;

	va_start(ap, format);
	vsnprintf(value, sizeof(value), format, ap);
	va_end(ap);
	ev = add_message(SET_PARAM, strlen(value) + 1);
	put32(ev + 16, sid);
	put32(ev + 24, param);
	put32(ev + 28, strlen(value) + 1);
	memcpy(ev + EV_LEN, value, strlen(value) + 1);
}

static void add_login(struct session *s, const char *initiator, const char *target)
{
	unsigned char *ev, *bhs;
	char text[1024];
	int len;

	len = snprintf(text, sizeof(text),
		       "InitiatorName=%s%cTargetName=%s%cSessionType=Normal%cHeaderDigest=None%c"
		       "DataDigest=None%cErrorRecoveryLevel=0%cInitialR2T=No%cImmediateData=Yes%c"
		       "MaxBurstLength=16776192%cFirstBurstLength=262144%c"
		       "MaxOutstandingR2T=1%cMaxConnections=1%cDataPDUInOrder=Yes%c"
		       "DataSequenceInOrder=Yes%cMaxRecvDataSegmentLength=262144%c"
		       "DefaultTime2Wait=2%cDefaultTime2Retain=0%c",
		       initiator, 0, target, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
	ev = add_message(SEND_PDU, 48 + len);
	put32(ev + 16, s->sid);
	put32(ev + 24, 48);
	put32(ev + 28, len);
	bhs = ev + EV_LEN;
	bhs[0] = 0x43;
	bhs[1] = 0x80 | 1 << 2 | 3;	/* straight from operational to full feature */
	bhs[6] = len >> 8;
	bhs[7] = len;
	bhs[8] = 0x00;			/* ISID, of the kind the session number makes */
	bhs[9] = 0x02;
	bhs[10] = 0x3d;
	bhs[11] = s->sid >> 16;
	bhs[12] = s->sid >> 8;
	bhs[13] = s->sid;
	memcpy(bhs + 48, text, len);
}

static void *scanner(void *unused)
{
	char path[128];
	struct session *s;
	int fd;

	(void)unused;
	for (;;) {
		pthread_mutex_lock(&scan_lock);
		while (scan_head == scan_tail)
			pthread_cond_wait(&scan_more, &scan_lock);
		s = &sessions[scan_queue[scan_head++]];
		pthread_mutex_unlock(&scan_lock);
		snprintf(path, sizeof(path), "/sys/class/scsi_host/host%u/scan", s->host);
		fd = open(path, O_WRONLY);
		if (fd < 0 || write(fd, "- - -", 5) != 5)
			die(path);
		close(fd);
	}
	return NULL;
}

static long key(const char *text, size_t len, const char *name, long otherwise)
{
	const char *end = text + len;
	size_t name_len = strlen(name);

	for (; text < end; text += strnlen(text, end - text) + 1)
		if (!strncmp(text, name, name_len) && text[name_len] == '=')
			return text[name_len + 1] == 'Y' ? 1 :
			       text[name_len + 1] == 'N' ? 0 : atol(text + name_len + 1);
	return otherwise;
}

/* The negotiated values and the start go out with those of other sessions. */
static void on_login_response(const unsigned char *ev)
{
	const unsigned char *bhs = ev + EV_LEN;
	const char *text = (const char *)bhs + 48;
	struct session *s = by_sid(get32(ev + 40));
	size_t len = bhs[5] << 16 | bhs[6] << 8 | bhs[7];
	unsigned char *start;

	if (!s || (bhs[0] & 0x3f) != 0x23)
		return;
	if (bhs[36] || (bhs[1] & 0x83) != 0x83) {
		fprintf(stderr, "floor: login refused: flags %02x status %02x%02x\n",
			bhs[1], bhs[36], bhs[37]);
		exit(1);
	}
	set_param(s->sid, MAX_RECV, "%d", 262144);
	set_param(s->sid, MAX_XMIT, "%ld", key(text, len, "MaxRecvDataSegmentLength", 8192));
	set_param(s->sid, INITIAL_R2T, "%ld", key(text, len, "InitialR2T", 1));
	set_param(s->sid, MAX_R2T, "1");
	set_param(s->sid, IMM_DATA, "%ld", key(text, len, "ImmediateData", 1));
	set_param(s->sid, FIRST_BURST, "%ld", key(text, len, "FirstBurstLength", 65536));
	set_param(s->sid, MAX_BURST, "%ld", key(text, len, "MaxBurstLength", 262144));
	set_param(s->sid, PDU_INORDER, "1");
	set_param(s->sid, DATASEQ_INORDER, "1");
	set_param(s->sid, ERL, "0");
	set_param(s->sid, EXP_STATSN, "%u", be32toh(get32(bhs + 24)) + 1);
	set_param(s->sid, TPGT, "1");
	start = add_message(START_CONN, 0);
	put32(start + 16, s->sid);
	s->started = 1;
}

/* What has been queued goes out, is answered, and each started session is scanned. */
static void finish_started(void)
{
	int i;

	flush_batch();
	read_replies(NULL);
	pthread_mutex_lock(&scan_lock);
	for (i = 0; i < n_sessions; i++) {
		if (sessions[i].started != 1)
			continue;
		sessions[i].started = 2;
		scan_queue[scan_tail++] = i;
	}
	pthread_cond_broadcast(&scan_more);
	pthread_mutex_unlock(&scan_lock);
}

static int has_disk(const struct session *s)
{
	struct dirent *e;
	char path[160];
	int found = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "/sys/devices/platform/host%u/session%u/target%u:0:0/%u:0:0:0/block",
		 s->host, s->sid, s->host, s->host);
	dir = opendir(path);
	if (!dir)
		return 0;
	while ((e = readdir(dir)))
		found |= e->d_name[0] != '.';
	closedir(dir);
	return found;
}

static void open_netlink(void)
{
	struct sockaddr_nl self = { .nl_family = AF_NETLINK, .nl_groups = 1 };
	int size = 8 << 20;
	FILE *f = fopen("/sys/class/iscsi_transport/tcp/handle", "r");

	if (!f || fscanf(f, "%lu", &handle) != 1)
		die("no iscsi_tcp");
	fclose(f);
	nl = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NL_ISCSI);
	if (nl < 0 || bind(nl, (struct sockaddr *)&self, sizeof(self)) < 0)
		die("netlink socket");
	setsockopt(nl, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
}

static void connect_wave(int first, int end, const char *address, int port)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(port) };
	int i, one = 1, error;
	socklen_t len = sizeof(error);

	if (inet_pton(AF_INET, address, &to.sin_addr) != 1)
		die("address");
	for (i = first; i < end; i++) {
		sessions[i].fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		if (sessions[i].fd < 0)
			die("socket");
		setsockopt(sessions[i].fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		if (connect(sessions[i].fd, (struct sockaddr *)&to, sizeof(to)) < 0 &&
		    errno != EINPROGRESS)
			die("connect");
	}
	for (i = first; i < end; i++) {
		struct pollfd p = { sessions[i].fd, POLLOUT, 0 };

		if (poll(&p, 1, 60000) != 1 ||
		    getsockopt(sessions[i].fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0 || error)
			die("connect");
	}
}

static void print_result(uint64_t start)
{
	long rss = 0, anon = 0;
	struct rusage use;
	char line[256];
	FILE *f = fopen("/proc/self/status", "r");

	while (f && fgets(line, sizeof(line), f)) {
		sscanf(line, "VmRSS: %ld", &rss);
		sscanf(line, "RssAnon: %ld", &anon);
	}
	getrusage(RUSAGE_SELF, &use);
	printf("%lu %lu %ld %ld %lu\n", (unsigned long)(now_us() - start),
	       (use.ru_utime.tv_sec + use.ru_stime.tv_sec) * 1000000UL +
	       use.ru_utime.tv_usec + use.ru_stime.tv_usec, rss, anon, sends);
}

static void login_wave(int first, int end, const char *address, int port, const char *prefix,
		       const char *initiator)
{
	char target[256];
	unsigned char *ev;
	int i, logins = end - first;

	connect_wave(first, end, address, port);
	for (i = first; i < end; i++) {
		ev = add_message(CREATE_SESSION, 0);
		memcpy(ev + 20, &(uint16_t){ 128 }, 2);
		memcpy(ev + 22, &(uint16_t){ 32 }, 2);
	}
	flush_batch();
	read_replies(NULL);

	for (i = first; i < end; i++) {
		struct session *s = &sessions[i];

		snprintf(target, sizeof(target), "%s%d", prefix, i + 1);
		ev = add_message(CREATE_CONN, 0);
		put32(ev + 16, s->sid);
		ev = add_message(BIND_CONN, 0);
		put32(ev + 16, s->sid);
		memcpy(ev + 24, &(uint64_t){ s->fd }, 8);
		put32(ev + 32, 1);
		set_param(s->sid, TARGET_NAME, "%s", target);
		set_param(s->sid, PERSISTENT_ADDRESS, "%s", address);
		set_param(s->sid, PERSISTENT_PORT, "%d", port);
		set_param(s->sid, IFACE_NAME, "default");
		set_param(s->sid, INITIATOR_NAME, "%s", initiator);
		add_login(s, initiator, target);
	}
	flush_batch();
	read_replies(&logins);
	finish_started();
}

static int login(int n, const char *address, int port, const char *prefix, const char *initiator)
{
	uint64_t start = now_us();
	pthread_t thread;
	int i, missing;

	if (n < 1 || n > MAX_SESSIONS)
		die("how many?");
	n_sessions = n;
	open_netlink();
	for (i = 0; i < SCANNERS && i < n; i++)
		if (pthread_create(&thread, NULL, scanner, NULL))
			die("thread");
	for (i = 0; i < n; i += WAVE)
		login_wave(i, i + WAVE < n ? i + WAVE : n, address, port, prefix, initiator);

	do {
		missing = 0;
		for (i = 0; i < n; i++)
			missing += !has_disk(&sessions[i]);
		if (missing)
			usleep(2000);
	} while (missing);
	print_result(start);
	return 0;
}

static int logout(void)
{
	DIR *dir = opendir("/sys/class/iscsi_session");
	unsigned char *ev;
	struct dirent *e;
	unsigned int sid;

	open_netlink();
	while (dir && (e = readdir(dir))) {
		if (sscanf(e->d_name, "session%u", &sid) != 1)
			continue;
		ev = add_message(STOP_CONN, 0);
		put32(ev + 16, sid);
		put32(ev + 32, 1);
		ev = add_message(DESTROY_CONN, 0);
		put32(ev + 16, sid);
		ev = add_message(DESTROY_SESSION, 0);
		put32(ev + 16, sid);
		flush_batch();
		read_replies(NULL);
	}
	if (dir)
		closedir(dir);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 7 && !strcmp(argv[1], "login"))
		return login(atoi(argv[2]), argv[3], atoi(argv[4]), argv[5], argv[6]);
	if (argc == 2 && !strcmp(argv[1], "logout"))
		return logout();
	fprintf(stderr, "usage: floor login N ADDRESS PORT IQN-PREFIX INITIATOR | floor logout\n");
	return 2;
}
