/* SPDX-License-Identifier: GPL-2.0-or-later */
/* TCP sockets over loopback: their options, how a connect ends, and the last looks at one. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include <check.h>

#include "iscsid/base/tcp.h"
#include "libiscsi-db/util.h"
#include "test/unit/skip.h"

#define WAIT_MS		10000

static struct sockaddr_storage peer;
static int fd = -1, listener = -1, target = -1;	/* ours; its socket; its end of the connection */

static bool may_not_bind;	/* to a network device */

int setsockopt(int s, int level, int option, const void *value, socklen_t len)
{
	if (may_not_bind && option == SO_BINDTODEVICE) {
		errno = EPERM;
		return -1;
	}
	return (int)syscall(SYS_setsockopt, s, level, option, value, len);
}

static void set_peer(const char *address, uint16_t port)
{
	struct sockaddr_in6 *in6 = (void *)&peer;
	struct sockaddr_in *in = (void *)&peer;

	memset(&peer, 0, sizeof(peer));
	if (inet_pton(AF_INET6, address, &in6->sin6_addr) == 1) {
		in6->sin6_family = AF_INET6;
		in6->sin6_port = htons(port);
		return;
	}
	ck_assert_int_eq(inet_pton(AF_INET, address, &in->sin_addr), 1);
	in->sin_family = AF_INET;
	in->sin_port = htons(port);
}

/* A port of @address that is ours; nobody listens yet. False: this host has no such address. */
static bool take_port(const char *address)
{
	socklen_t len;

	set_peer(address, 0);
	len = peer.ss_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
	listener = socket(peer.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	return listener >= 0 && bind(listener, (struct sockaddr *)&peer, len) == 0 &&
	       getsockname(listener, (struct sockaddr *)&peer, &len) == 0;
}

static void wait_until(short events)
{
	struct pollfd p = { .fd = fd, .events = events };

	ck_assert_int_eq(poll(&p, 1, WAIT_MS), 1);
}

static void open_socket(void)
{
	struct iscsi_why why;

	ck_assert_int_eq(tcp_open(&peer, NULL, &fd, &why), ISCSI_SUCCESS);
}

/* Our socket, connected to the peer: 0, or the errno that it ended with. */
static int connect_peer(void)
{
	int r;

	open_socket();
	r = tcp_connect(fd, &peer);
	if (r < 0)
		return -r;
	wait_until(POLLOUT);
	return tcp_error(fd);
}

static void connect_target(const char *address)
{
	ck_assert(take_port(address));
	ck_assert_int_eq(listen(listener, 1), 0);
	ck_assert_int_eq(connect_peer(), 0);
	target = accept(listener, NULL, NULL);
	ck_assert_int_ge(target, 0);
}

/* QEMU's user emulation knows few options of a socket, and takes each value for a number. */
static bool option_works(int level, int option, const void *value, socklen_t len)
{
	CLEANUP(closep) int s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_ge(s, 0);
	return setsockopt(s, level, option, value, len) == 0;
}

static void teardown(void)
{
	closep(&fd);
	closep(&listener);
	closep(&target);
}

static const struct {
	const char *address;
	uint16_t port;
	const char *text;
} names[] = {
	{ "10.0.0.5", 3260, "10.0.0.5:3260" },
	{ "255.255.255.255", 65535, "255.255.255.255:65535" },
	{ "2001:db8::5", 3260, "[2001:db8::5]:3260" },
	{ "::ffff:10.0.0.5", 860, "[::ffff:10.0.0.5]:860" },
	{ "fe80:1111:2222:3333:4444:5555:6666:7777", 65535,
	  "[fe80:1111:2222:3333:4444:5555:6666:7777]:65535" },
};

START_TEST(peer_name)
{
	char text[64];

	set_peer(names[_i].address, names[_i].port);
	tcp_peer_text(&peer, text, sizeof(text));
	ck_assert_str_eq(text, names[_i].text);
	tcp_peer_text(&peer, text, 6);
	ck_assert_uint_eq(strlen(text), 5);
}
END_TEST

/* P-PDU-10 */
START_TEST(new_socket)
{
	socklen_t len = sizeof(int);
	int on = 0;

	set_peer("127.0.0.1", 1);
	open_socket();
	ck_assert_int_ne(fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
	ck_assert_int_ne(fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
	ck_assert_int_eq(getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, &len), 0);
	ck_assert_int_ne(on, 0);
	ck_assert(!tcp_peer_closed(fd));
}
END_TEST

START_TEST(a_socket_whose_descriptor_is_0)
{
	set_peer("127.0.0.1", 1);
	(void)close(STDIN_FILENO);
	open_socket();
	ck_assert_int_eq(fd, STDIN_FILENO);
	open_socket();
	ck_assert_int_gt(fd, STDERR_FILENO);
	ck_assert_int_eq(fcntl(STDIN_FILENO, F_GETFD), FD_CLOEXEC);	/* still open */
}
END_TEST

START_TEST(a_device_that_may_not_be_used)
{
	struct tcp_source source = { .netdev = "lo", .address.ss_family = AF_UNSPEC };
	struct iscsi_why why;

	set_peer("127.0.0.1", 1);
	may_not_bind = true;
	ck_assert_int_eq(tcp_open(&peer, &source, &fd, &why), ISCSI_ERR_TRANS);
	ck_assert_str_eq(why.text, "can't bind to network device lo: Operation not permitted");
	ck_assert_int_eq(fd, -1);
	may_not_bind = false;
}
END_TEST

static const struct {
	const char *address, *netdev, *source;
	enum iscsi_err err;
	const char *why;
} sources[] = {
	{ "127.0.0.1", "", NULL, ISCSI_SUCCESS, "" },
	{ "127.0.0.1", "lo", NULL, ISCSI_SUCCESS, "" },
	{ "127.0.0.1", "", "127.0.0.2", ISCSI_SUCCESS, "" },
	{ "127.0.0.1", "lo", "127.0.0.2", ISCSI_SUCCESS, "" },
	{ "127.0.0.1", "no-such-device", NULL, ISCSI_ERR_TRANS,
	  "this host has no network device no-such-device" },
	{ "127.0.0.1", "", "192.0.2.77", ISCSI_ERR_TRANS, "this host has no address 192.0.2.77" },
	{ "127.0.0.1", "", "2001:db8::77", ISCSI_ERR_TRANS,
	  "can't bind to address 2001:db8::77: Address family not supported by protocol" },
};

START_TEST(a_socket_is_bound)
{
	struct tcp_source source = { .address.ss_family = AF_UNSPEC };
	const int on = 1;
	struct sockaddr_in bound;
	socklen_t len = sizeof(bound);
	struct iscsi_why why = { "" };

	if (sources[_i].source) {
		set_peer(sources[_i].source, 0);
		source.address = peer;
	}
	strcpy(source.netdev, sources[_i].netdev);
	set_peer(sources[_i].address, 1);
	ck_assert_int_eq(tcp_open(&peer, &source, &fd, &why), sources[_i].err);
	ck_assert_str_eq(why.text, sources[_i].why);
	ck_assert_int_eq(fd >= 0, !sources[_i].err);
	if (fd < 0)
		return;
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&bound, &len), 0);
	ck_assert_uint_eq(bound.sin_addr.s_addr,
			  sources[_i].source ? inet_addr(sources[_i].source) : INADDR_ANY);
	if (works_here(option_works(IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on)),
		       "the port of a bound socket, since IP_BIND_ADDRESS_NO_PORT is missing"))
		ck_assert_uint_eq(bound.sin_port, 0);	/* chosen by the connect */
}
END_TEST

START_TEST(no_such_family)
{
	struct iscsi_why why;

	peer = (struct sockaddr_storage){ .ss_family = AF_MAX };
	ck_assert_int_eq(tcp_open(&peer, NULL, &fd, &why), ISCSI_ERR_TRANS);
}
END_TEST

START_TEST(no_descriptor_left)
{
	struct rlimit usual, none;
	struct iscsi_why why;

	set_peer("127.0.0.1", 1);
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &usual), 0);
	none = (struct rlimit){ 0, usual.rlim_max };
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
	ck_assert_int_eq(tcp_open(&peer, NULL, &fd, &why), ISCSI_ERR_NOMEM);
	/* LeakSanitizer needs descriptors at the end. */
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &usual), 0);
}
END_TEST

START_TEST(options)
{
	bool named = works_here(option_works(IPPROTO_TCP, TCP_CONGESTION, "reno", 4),
				"a congestion control, since TCP_CONGESTION takes no name");
	socklen_t len = sizeof(int);
	int size = 0, usual = 0;

	set_peer("127.0.0.1", 1);
	open_socket();
	ck_assert_int_eq(getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &usual, &len), 0);
	ck_assert_int_eq(tcp_tune(fd, 0, ""), 0);
	ck_assert_int_eq(getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, &len), 0);
	ck_assert_int_eq(size, usual);
	ck_assert_int_eq(tcp_tune(fd, 1, ""), 0);
	ck_assert_int_eq(getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, &len), 0);
	ck_assert_int_lt(size, usual);		/* the kernel's least */
	ck_assert_int_eq(tcp_tune(fd, 16384, named ? "reno" : ""), 0);
	ck_assert_int_eq(getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, &len), 0);
	ck_assert_int_eq(size, 2 * 16384);		/* socket(7) */
	ck_assert_int_eq(getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, &len), 0);
	ck_assert_int_eq(size, 2 * 16384);
}
END_TEST

START_TEST(options_refused)
{
	socklen_t len = sizeof(int);
	int size = 0;

	set_peer("127.0.0.1", 1);
	open_socket();
	ck_assert_int_eq(tcp_tune(fd, 16384, "no-such-one"), -ENOENT);
	ck_assert_int_eq(getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, &len), 0);
	ck_assert_int_eq(size, 2 * 16384);		/* the buffers are set all the same */
}
END_TEST

static const char *const addresses[] = { "127.0.0.1", "::1" };

START_TEST(connects)
{
	if (!take_port(addresses[_i]))
		return;
	ck_assert_int_eq(listen(listener, 1), 0);
	ck_assert_int_eq(connect_peer(), 0);
	ck_assert(!tcp_peer_closed(fd));
}
END_TEST

START_TEST(refused)
{
	if (!take_port(addresses[_i]))
		return;
	ck_assert_int_eq(connect_peer(), ECONNREFUSED);
	ck_assert_int_eq(tcp_error(fd), 0);		/* said once */
}
END_TEST

START_TEST(a_refused_socket_connects_later)
{
	ck_assert(take_port("127.0.0.1"));
	open_socket();
	ck_assert_int_eq(tcp_connect(fd, &peer), 0);
	wait_until(POLLOUT);
	ck_assert_int_eq(tcp_connect(fd, &peer), -ECONNREFUSED);
	ck_assert_int_eq(listen(listener, 1), 0);
	ck_assert_int_eq(tcp_connect(fd, &peer), 0);
	wait_until(POLLOUT);
	ck_assert_int_eq(tcp_error(fd), 0);
	ck_assert(!tcp_peer_closed(fd));
}
END_TEST

/* As it does for a socket without a handshake. */
START_TEST(a_connect_may_end_at_once)
{
	set_peer("127.0.0.1", 1);
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	errno = EPERM;
	ck_assert_int_eq(tcp_connect(fd, &peer), 0);
}
END_TEST

START_TEST(not_a_socket)
{
	fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	set_peer("127.0.0.1", 1);
	ck_assert_int_eq(tcp_connect(fd, &peer), -ENOTSOCK);
	ck_assert_int_eq(tcp_error(fd), ENOTSOCK);
	ck_assert(!tcp_peer_closed(fd));
}
END_TEST

START_TEST(silent_target)
{
	struct iscsi_why why;

	connect_target("127.0.0.1");
	ck_assert_int_eq(tcp_check_silence(fd, &why), ISCSI_SUCCESS);
	ck_assert(!tcp_peer_closed(fd));
}
END_TEST

START_TEST(target_speaks)
{
	struct iscsi_why why;
	char got[2] = "";

	connect_target("127.0.0.1");
	ck_assert_int_eq(send(target, "x", 1, 0), 1);
	wait_until(POLLIN);
	ck_assert_int_eq(tcp_check_silence(fd, &why), ISCSI_ERR_FATAL_LOGIN);
	ck_assert_str_eq(why.text, "the target speaks before it was asked: not an iSCSI target?");
	ck_assert(!tcp_peer_closed(fd));
	ck_assert_int_eq(recv(fd, got, 1, 0), 1);	/* only looked at */
	ck_assert_str_eq(got, "x");
}
END_TEST

START_TEST(target_closes)
{
	struct iscsi_why why;

	connect_target("127.0.0.1");
	closep(&target);
	wait_until(POLLRDHUP);
	ck_assert_int_eq(tcp_check_silence(fd, &why), ISCSI_ERR_TRANS);
	ck_assert_str_eq(why.text, "the target closed the connection at once");
	ck_assert(tcp_peer_closed(fd));
}
END_TEST

START_TEST(target_half_closes)
{
	connect_target("127.0.0.1");
	ck_assert_int_eq(shutdown(target, SHUT_WR), 0);
	wait_until(POLLRDHUP);
	ck_assert(tcp_peer_closed(fd));
}
END_TEST

START_TEST(target_resets)
{
	const struct linger at_once = { .l_onoff = 1 };
	struct iscsi_why why;

	connect_target("127.0.0.1");
	ck_assert_int_eq(setsockopt(target, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once)), 0);
	closep(&target);
	wait_until(POLLRDHUP);
	ck_assert_int_eq(tcp_check_silence(fd, &why), ISCSI_ERR_TRANS);
	ck_assert_str_eq(why.text, "the connection broke at once: Connection reset by peer");
	ck_assert(tcp_peer_closed(fd));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("tcp");
	TCase *t = tcase_create("tcp");
	SRunner *runner = srunner_create(s);
	int failed;

	suite_add_tcase(s, t);
	tcase_add_checked_fixture(t, NULL, teardown);
	tcase_set_timeout(t, 30);
	tcase_add_loop_test(t, peer_name, 0, ARRAY_SIZE(names));
	tcase_add_test(t, new_socket);
	tcase_add_test(t, a_socket_whose_descriptor_is_0);
	tcase_add_test(t, a_device_that_may_not_be_used);
	tcase_add_loop_test(t, a_socket_is_bound, 0, ARRAY_SIZE(sources));
	tcase_add_test(t, no_such_family);
	tcase_add_test(t, no_descriptor_left);
	tcase_add_test(t, options);
	tcase_add_test(t, options_refused);
	tcase_add_loop_test(t, connects, 0, ARRAY_SIZE(addresses));
	tcase_add_loop_test(t, refused, 0, ARRAY_SIZE(addresses));
	tcase_add_test(t, a_refused_socket_connects_later);
	tcase_add_test(t, a_connect_may_end_at_once);
	tcase_add_test(t, not_a_socket);
	tcase_add_test(t, silent_target);
	tcase_add_test(t, target_speaks);
	tcase_add_test(t, target_closes);
	tcase_add_test(t, target_half_closes);
	tcase_add_test(t, target_resets);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
