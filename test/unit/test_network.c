/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kernel's news of the network: which of them count, and what malformed ones come to. */
#include <arpa/inet.h>
#include <check.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdlib.h>

#include "iscsid/kernel/network.h"
#include "libiscsi-db/util.h"

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
	network_parse(out, out_len, note, heard);
	ck_assert_str_eq(heard, "");
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

/* The real thing: without privileges the kernel lets everybody listen. */
START_TEST(the_kernel_lets_us_listen)
{
	int fd = network_socket();

	ck_assert_int_ge(fd, 0);
	(void)close(fd);
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
	tcase_add_test(tc, a_malformed_datagram_is_harmless);
	tcase_add_test(tc, a_flood_is_read_in_turns);
	tcase_add_test(tc, the_kernel_lets_us_listen);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
