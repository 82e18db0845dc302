/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kernel's news of the network: which of them count, and what malformed ones come to. */
#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "iscsid/kernel/network.h"
#include "libiscsi-db/util.h"
#include "test/unit/alloc.h"

static char heard[512];			/* a word for each piece of news */

static void note(void *arg, const struct sockaddr_storage *neighbour)
{
	char address[INET6_ADDRSTRLEN] = "any";

	ck_assert_ptr_eq(arg, heard);
	if (neighbour && neighbour->ss_family == AF_INET)
		inet_ntop(AF_INET, &((const struct sockaddr_in *)neighbour)->sin_addr, address,
			  sizeof(address));
	else if (neighbour)
		inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)neighbour)->sin6_addr, address,
			  sizeof(address));
	ck_assert_uint_lt(strlen(heard) + strlen(address) + 2, sizeof(heard));
	strcat(strcat(heard, address), " ");
}

static int receive_errors[2];		/* of the next calls */
static int lost;			/* so many more calls say that news were lost */

int recvmmsg(int fd, struct mmsghdr *msgs, unsigned int most, int flags, struct timespec *wait)
{
	if (lost && lost--)
		receive_errors[0] = ENOBUFS;
	errno = receive_errors[0];
	receive_errors[0] = receive_errors[1];
	receive_errors[1] = 0;
	return errno ? -1 : (int)syscall(SYS_recvmmsg, fd, msgs, most, flags, wait);
}

static uint8_t out[1024];
static size_t out_len;

static void setup(void)
{
	heard[0] = '\0';
	out_len = 0;
}

static void put(const void *data, size_t len)
{
	memcpy(out + out_len, data, len);
	out_len = NLMSG_ALIGN(out_len + len);
}

static void put_header(uint16_t type, size_t payload)
{
	put(&(struct nlmsghdr){ .nlmsg_type = type,
				.nlmsg_len = (uint32_t)NLMSG_LENGTH(payload) },
	    sizeof(struct nlmsghdr));
}

static void put_link(unsigned int flags)
{
	put_header(RTM_NEWLINK, sizeof(struct ifinfomsg));
	put(&(struct ifinfomsg){ .ifi_flags = flags }, sizeof(struct ifinfomsg));
}

static void put_neighbour(uint8_t family, uint16_t state, const char *address)
{
	const struct ndmsg nd = { .ndm_family = family, .ndm_state = state };
	uint16_t size = family == AF_INET ? 4 : 16;
	const struct rtattr other = { .rta_type = NDA_LLADDR, .rta_len = 10 },
			    dst = { .rta_type = NDA_DST, .rta_len = (uint16_t)(4 + size) };
	uint8_t bytes[16];

	ck_assert_int_eq(inet_pton(family, address, bytes), 1);
	put_header(RTM_NEWNEIGH, sizeof(nd) + 12 + sizeof(dst) + size);
	put(&nd, sizeof(nd));
	put(&other, sizeof(other));
	put("MACMAC", 6);
	put(&dst, sizeof(dst));
	put(bytes, size);
}

static void put_all(void)
{
	put_link(IFF_UP | IFF_RUNNING);
	put_neighbour(AF_INET, NUD_REACHABLE, "10.0.0.5");
	put_header(RTM_NEWADDR, 0);
	put_neighbour(AF_INET6, NUD_STALE, "fd00::5");
	put_header(RTM_DELROUTE, 0);
}

START_TEST(what_opens_a_way_is_heard)
{
	put_all();
	put_header(RTM_NEWROUTE, 0);
	network_parse(out, out_len, note, heard);
	ck_assert_str_eq(heard, "any 10.0.0.5 any fd00::5 any any ");
}
END_TEST

START_TEST(other_news_are_not)
{
	put_link(IFF_UP);
	put_link(IFF_RUNNING);
	put_header(RTM_DELLINK, 0);
	put_header(RTM_DELADDR, 0);
	put_header(NLMSG_DONE, 0);
	put_neighbour(AF_INET, NUD_FAILED, "10.0.0.5");
	put_neighbour(AF_INET, NUD_INCOMPLETE, "10.0.0.5");
	put_neighbour(AF_INET, NUD_DELAY | NUD_PROBE | NUD_NOARP | NUD_NONE, "10.0.0.5");
	network_parse(out, out_len, note, heard);
	ck_assert_str_eq(heard, "");
}
END_TEST

/* A neighbour's attributes, with a payload of so many bytes; what is heard of them. */
static const struct {
	uint8_t family;
	uint16_t state;
	struct { uint16_t type, size; } attrs[2];
	const char *heard;
} neighbours[] = {
	{ AF_INET, NUD_PERMANENT, { { NDA_DST, 4 } }, "1.2.3.4 " },
	{ AF_INET, NUD_STALE, { { NDA_LLADDR, 6 }, { NDA_DST, 4 } }, "1.2.3.4 " },
	{ AF_INET, NUD_REACHABLE, { { NDA_DST, 4 }, { NDA_LLADDR, 6 } }, "1.2.3.4 " },
	{ AF_INET, NUD_REACHABLE, { { NDA_LLADDR, 0 }, { NDA_DST, 4 } }, "1.2.3.4 " },
	{ AF_INET6, NUD_PERMANENT, { { NDA_DST, 16 } }, "102:304:506:708:90a:b0c:d0e:f10 " },
	/* A tunnel's link address is as long as an address. */
	{ AF_INET, NUD_REACHABLE, { { NDA_LLADDR, 4 } }, "" },
	{ AF_INET6, NUD_REACHABLE, { { NDA_LLADDR, 16 } }, "" },
	{ AF_INET, NUD_REACHABLE, { { NDA_DST, 16 } }, "" },
	{ AF_INET, NUD_REACHABLE, { { NDA_DST, 3 }, { NDA_DST, 5 } }, "" },
	{ AF_INET6, NUD_REACHABLE, { { NDA_DST, 4 } }, "" },
	{ AF_INET6, NUD_REACHABLE, { { NDA_DST, 15 }, { NDA_DST, 17 } }, "" },
	{ AF_BRIDGE, NUD_REACHABLE, { { NDA_DST, 4 }, { NDA_DST, 16 } }, "" },
	{ AF_INET, NUD_REACHABLE, { { 0, 0 } }, "" },
	{ AF_INET, NUD_FAILED, { { NDA_DST, 4 } }, "" },
};

START_TEST(a_neighbour_is_its_address)
{
	static const uint8_t payload[17] = {
		1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17,
	};
	const struct ndmsg nd = { .ndm_family = neighbours[_i].family,
				  .ndm_state = neighbours[_i].state };
	size_t len = sizeof(nd);

	for (size_t i = 0; i < 2 && neighbours[_i].attrs[i].type; i++)
		len += 4 + (neighbours[_i].attrs[i].size + 3u) / 4 * 4;
	put_header(RTM_NEWNEIGH, len);
	put(&nd, sizeof(nd));
	for (size_t i = 0; i < 2 && neighbours[_i].attrs[i].type; i++) {
		const struct rtattr attr = { .rta_type = neighbours[_i].attrs[i].type,
				.rta_len = (uint16_t)(4 + neighbours[_i].attrs[i].size) };

		put(&attr, sizeof(attr));
		put(payload, neighbours[_i].attrs[i].size);
	}
	put_header(NLMSG_DONE, 0);
	network_parse(out, out_len, note, heard);
	ck_assert_str_eq(heard, neighbours[_i].heard);
}
END_TEST

/* What comes behind a short message is no part of it, and is read for itself. */
START_TEST(short_messages_say_nothing)
{
	const struct ifinfomsg up = { .ifi_flags = IFF_UP | IFF_RUNNING };
	const struct ndmsg nd = { .ndm_family = AF_INET, .ndm_state = NUD_REACHABLE };

	put_header(RTM_NEWLINK, sizeof(up) - 1);
	put(&up, sizeof(up) - 1);
	put_header(RTM_NEWLINK, 8);
	put(&up, 8);
	put_header(NLMSG_DONE, (IFF_UP | IFF_RUNNING) - sizeof(struct nlmsghdr));
	out_len += NLMSG_ALIGN((IFF_UP | IFF_RUNNING) - sizeof(struct nlmsghdr));
	put_header(RTM_NEWNEIGH, sizeof(nd) - 1);
	put(&nd, sizeof(nd) - 1);
	put_header(RTM_NEWNEIGH, 0);
	put_header(RTM_NEWADDR, 1);
	put("x", 1);
	put_header(RTM_NEWNEIGH, sizeof(nd));
	put(&nd, sizeof(nd));
	/* The length of this message looks like an attribute: NDA_DST with four bytes. */
	put_header(NLMSG_DONE, (NDA_DST << 16 | 8) - sizeof(struct nlmsghdr));
	network_parse(out, out_len, note, heard);
	ck_assert_str_eq(heard, "any ");
}
END_TEST

/* Cut anywhere, and with any byte replaced, a datagram ends with its memory. */
START_TEST(a_malformed_datagram_is_harmless)
{
	static const uint8_t odd[] = { 0, 1, 3, 4, 15, 16, 17, 0x7f, 0x80, 0xff };
	size_t len;

	put_all();
	len = out_len;
	for (size_t cut = 0; cut <= len; cut++) {
		uint8_t *copy = malloc(cut + !cut);

		ck_assert_ptr_nonnull(copy);
		memcpy(copy, out, cut);
		heard[0] = '\0';
		network_parse(copy, cut, note, heard);
		for (size_t i = 0; i < cut * ARRAY_SIZE(odd); i++) {
			memcpy(copy, out, cut);
			copy[i / ARRAY_SIZE(odd)] = odd[i % ARRAY_SIZE(odd)];
			heard[0] = '\0';
			network_parse(copy, cut, note, heard);
		}
		free(copy);
	}
}
END_TEST

/* Many messages are read in their turn, and the socket belongs to the object. */
START_TEST(a_flood_is_read_in_turns)
{
	struct network *network;
	sd_event *loop;
	int fd[2], steps = 0;

	ck_assert_int_ge(sd_event_new(&loop), 0);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fd), 0);
	ck_assert_int_eq(network_new(loop, fd[0], note, heard, &network), 0);
	put_header(RTM_NEWADDR, 0);
	for (int i = 0; i < 8; i++)
		ck_assert_int_eq(send(fd[1], out, out_len, 0), (ssize_t)out_len);
	while (strlen(heard) < 8 * strlen("any ") && steps++ < 100)
		(void)sd_event_run(loop, 100000);
	ck_assert_str_eq(heard, "any any any any any any any any ");
	network_free(network);
	ck_assert_int_eq(send(fd[1], out, out_len, MSG_NOSIGNAL), -1);
	(void)close(fd[1]);
	sd_event_unref(loop);
}
END_TEST

/* However much comes, others have their turn after 64 messages. */
START_TEST(a_flood_is_bounded)
{
	struct network *network;
	sd_event *loop;
	int fd[2];

	ck_assert_int_ge(sd_event_new(&loop), 0);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fd), 0);
	ck_assert_int_eq(network_new(loop, fd[0], note, heard, &network), 0);
	put_header(RTM_NEWADDR, 0);
	ck_assert_int_eq(send(fd[1], out, out_len, 0), (ssize_t)out_len);
	lost = 70;
	ck_assert_int_ge(sd_event_run(loop, 10000000), 0);
	ck_assert_uint_eq(strlen(heard), 64 * strlen("any "));
	network_free(network);
	(void)close(fd[1]);
	sd_event_unref(loop);
}
END_TEST

/* What stands at the end of 8 KB is heard. */
START_TEST(a_long_datagram_is_heard)
{
	static uint8_t data[8192];
	const struct nlmsghdr first = { .nlmsg_type = NLMSG_DONE, .nlmsg_len = sizeof(data) - 16 },
			      last = { .nlmsg_type = RTM_NEWADDR, .nlmsg_len = 16 };
	struct network *network;
	sd_event *loop;
	int fd[2];

	memcpy(data, &first, sizeof(first));
	memcpy(data + sizeof(data) - 16, &last, sizeof(last));
	ck_assert_int_ge(sd_event_new(&loop), 0);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fd), 0);
	ck_assert_int_eq(network_new(loop, fd[0], note, heard, &network), 0);
	ck_assert_int_eq(send(fd[1], data, sizeof(data), 0), (ssize_t)sizeof(data));
	ck_assert_int_ge(sd_event_run(loop, 10000000), 0);
	ck_assert_str_eq(heard, "any ");
	network_free(network);
	(void)close(fd[1]);
	sd_event_unref(loop);
}
END_TEST

/* After lost news, anything may have changed; a socket that is broken says nothing. */
START_TEST(lost_news_are_news)
{
	struct network *network;
	sd_event *loop;
	int fd[2];

	ck_assert_int_ge(sd_event_new(&loop), 0);
	ck_assert_int_eq(network_new(loop, -1, note, heard, &network), -EBADF);
	alloc_fail_nth(1);
	ck_assert_int_eq(network_new(loop, -1, note, heard, &network),
			 alloc_can_fail ? -ENOMEM : -EBADF);
	(void)alloc_fail_stop();
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fd), 0);
	ck_assert_int_eq(network_new(loop, fd[0], note, heard, &network), 0);
	put_neighbour(AF_INET, NUD_REACHABLE, "10.0.0.5");
	ck_assert_int_eq(send(fd[1], out, out_len, 0), (ssize_t)out_len);
	receive_errors[0] = EIO;
	ck_assert_int_ge(sd_event_run(loop, 10000000), 0);
	ck_assert_str_eq(heard, "");
	receive_errors[0] = ENOBUFS;
	ck_assert_int_ge(sd_event_run(loop, 10000000), 0);
	ck_assert_str_eq(heard, "any 10.0.0.5 ");
	ck_assert_ptr_null(network_free(network));
	(void)close(fd[1]);
	sd_event_unref(loop);
}
END_TEST

/* The real thing: without privileges the kernel lets everybody listen. */
START_TEST(the_kernel_lets_us_listen)
{
	struct sockaddr_nl addr;
	socklen_t len = sizeof(addr);
	struct rlimit usual, none;
	int fd;

	(void)close(STDIN_FILENO);	/* so that the socket has the number 0 */
	fd = network_socket();
	ck_assert_int_eq(fd, STDIN_FILENO);
	ck_assert_int_ne(fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
	ck_assert_int_ne(fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&addr, &len), 0);
	ck_assert_int_eq(addr.nl_family, AF_NETLINK);
	ck_assert_uint_eq(addr.nl_groups, RTMGRP_LINK | RTMGRP_NEIGH | RTMGRP_IPV4_IFADDR |
			  RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_IFADDR | RTMGRP_IPV6_ROUTE);
	(void)close(fd);
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &usual), 0);
	none = (struct rlimit){ 0, usual.rlim_max };
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
	ck_assert_int_eq(network_socket(), -EMFILE);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &usual), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("network");
	TCase *tc = tcase_create("network");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, what_opens_a_way_is_heard);
	tcase_add_test(tc, other_news_are_not);
	tcase_add_loop_test(tc, a_neighbour_is_its_address, 0, ARRAY_SIZE(neighbours));
	tcase_add_test(tc, short_messages_say_nothing);
	tcase_add_test(tc, a_malformed_datagram_is_harmless);
	tcase_add_test(tc, a_flood_is_read_in_turns);
	tcase_add_test(tc, a_flood_is_bounded);
	tcase_add_test(tc, a_long_datagram_is_heard);
	tcase_add_test(tc, lost_news_are_news);
	tcase_add_test(tc, the_kernel_lets_us_listen);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
