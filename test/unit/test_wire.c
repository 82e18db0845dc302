/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The sockets to the kernel, with system calls of the test's own: what is asked of each. */
#include <check.h>
#include <errno.h>
#include <linux/netlink.h>
#include <sys/socket.h>

#include "iscsid/kernel/netlink.h"
#include "libiscsi-db/util.h"

#define SIZE	20	/* of a buffer for one message */

static int the_fd = 40;
static int socket_error, bind_error, force_error, send_error;
static bool closed;
static int buffer_option, buffer;	/* the last that was set */
static uint32_t groups;
static struct { ssize_t n; uint32_t from; int error; } queue[4];
static size_t at;

static int result(int error, int success)
{
	errno = error;
	return error ? -1 : success;
}

int socket(int domain, int type, int protocol)
{
	ck_assert_int_eq(domain, AF_NETLINK);
	ck_assert_int_eq(type, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK);
	ck_assert_int_eq(protocol, NETLINK_ISCSI);
	return result(socket_error, the_fd);
}

int bind(int fd, const struct sockaddr *addr, socklen_t len)
{
	const struct sockaddr_nl *nl = (const void *)addr;

	ck_assert_int_eq(fd, the_fd);
	ck_assert_uint_eq(len, sizeof(*nl));
	ck_assert_int_eq(nl->nl_family, AF_NETLINK);
	ck_assert_uint_eq(nl->nl_pid, 0);
	groups = nl->nl_groups;
	return result(bind_error, 0);
}

int setsockopt(int fd, int level, int option, const void *value, socklen_t len)
{
	ck_assert_int_eq(fd, the_fd);
	ck_assert_int_eq(level, SOL_SOCKET);
	ck_assert_uint_eq(len, sizeof(int));
	buffer_option = option;
	buffer = *(const int *)value;
	return result(option == SO_RCVBUFFORCE ? force_error : 0, 0);
}

int close(int fd)
{
	closed |= fd == the_fd;
	return 0;
}

ssize_t sendto(int fd, const void *buf, size_t len, int flags, const struct sockaddr *addr,
	       socklen_t addr_len)
{
	const struct sockaddr_nl *nl = (const void *)addr;

	ck_assert_int_eq(fd, the_fd);
	ck_assert_str_eq(buf, "message");
	ck_assert_int_eq(flags, 0);
	ck_assert_uint_eq(addr_len, sizeof(*nl));
	ck_assert_int_eq(nl->nl_family, AF_NETLINK);
	ck_assert_uint_eq(nl->nl_pid, 0);
	return result(send_error, (int)len);
}

int recvmmsg(int fd, struct mmsghdr *msgs, unsigned int most, int flags, struct timespec *wait)
{
	unsigned int n = 0;

	ck_assert_int_eq(fd, the_fd);
	ck_assert_int_eq(flags, MSG_DONTWAIT);
	ck_assert_ptr_null(wait);
	ck_assert_uint_le(most, NETLINK_AT_ONCE);
	ck_assert_uint_lt(at, ARRAY_SIZE(queue));
	if (queue[at].error)
		return result(queue[at++].error, 0);
	for (; n < most && at < ARRAY_SIZE(queue) && queue[at].n; n++, at++) {
		struct msghdr *hdr = &msgs[n].msg_hdr;
		struct sockaddr_nl *nl = hdr->msg_name;

		ck_assert_uint_eq(hdr->msg_namelen, sizeof(*nl));
		ck_assert_uint_eq(hdr->msg_iovlen, 1);
		ck_assert_uint_eq(hdr->msg_iov->iov_len, SIZE);
		memset(hdr->msg_iov->iov_base, (int)queue[at].n, SIZE);
		nl->nl_pid = queue[at].from;
		msgs[n].msg_len = (unsigned int)queue[at].n;
	}
	return (int)n;
}

START_TEST(a_socket_is_bound_and_has_room)
{
	the_fd = _i ? STDIN_FILENO : 40;	/* any number will do */
	ck_assert_int_eq(netlink_wire.open(5), the_fd);
	ck_assert_uint_eq(groups, 5);
	ck_assert_int_eq(buffer_option, SO_RCVBUFFORCE);
	ck_assert_int_eq(buffer, 4 << 20);
	force_error = EPERM;	/* a container may not */
	ck_assert_int_eq(netlink_wire.open(0), the_fd);
	ck_assert_uint_eq(groups, 0);
	ck_assert_int_eq(buffer_option, SO_RCVBUF);
	ck_assert_int_eq(buffer, 4 << 20);
	ck_assert(!closed);
	bind_error = EADDRINUSE;
	ck_assert_int_eq(netlink_wire.open(0), -EADDRINUSE);
	ck_assert(closed);
	socket_error = EPROTONOSUPPORT;
	ck_assert_int_eq(netlink_wire.open(0), -EPROTONOSUPPORT);
}
END_TEST

START_TEST(messages_go_to_the_kernel)
{
	ck_assert_int_eq(netlink_wire.send(the_fd, "message", 8), 8);
	send_error = ENOBUFS;
	ck_assert_int_eq(netlink_wire.send(the_fd, "message", 8), -ENOBUFS);
}
END_TEST

START_TEST(messages_of_others_are_dropped)
{
	uint8_t buf[100 * SIZE];
	size_t len[100];

	queue[0].error = EINTR;
	queue[1].n = 3;
	queue[1].from = 1;
	queue[2].n = 7;
	ck_assert_int_eq(netlink_wire.receive(the_fd, buf, SIZE, len, 1), 1);
	ck_assert_uint_eq(len[0], 7);
	ck_assert_uint_eq(at, 3);
	queue[3].error = EAGAIN;
	ck_assert_int_eq(netlink_wire.receive(the_fd, buf, SIZE, len, 100), 0);
	queue[3].error = ENOBUFS;
	at = 3;
	ck_assert_int_eq(netlink_wire.receive(the_fd, buf, SIZE, len, 100), -ENOBUFS);
}
END_TEST

START_TEST(many_messages_come_at_once)
{
	uint8_t buf[100 * SIZE] = { 0 };
	size_t len[100];

	queue[0].n = 5;
	queue[1].n = 3;
	queue[1].from = 1;
	queue[2].n = 7;
	ck_assert_int_eq(netlink_wire.receive(the_fd, buf, SIZE, len, 100), 2);
	ck_assert_uint_eq(len[0], 5);
	ck_assert_uint_eq(len[1], 7);
	ck_assert_uint_eq(buf[SIZE - 1], 5);
	ck_assert_uint_eq(buf[SIZE], 7);
	ck_assert_uint_eq(buf[SIZE + 6], 7);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("wire");
	TCase *t = tcase_create("wire");
	SRunner *runner = srunner_create(s);
	int failed;

	suite_add_tcase(s, t);
	tcase_add_loop_test(t, a_socket_is_bound_and_has_room, 0, 2);
	tcase_add_test(t, messages_go_to_the_kernel);
	tcase_add_test(t, messages_of_others_are_dropped);
	tcase_add_test(t, many_messages_come_at_once);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
