/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What kind of address a text or a socket address is. */
#include <netdb.h>
#include <sys/socket.h>

#include <check.h>

#include "iscsid/base/addr_kind.h"
#include "iscsid/base/lookup.h"
#include "libiscsi-db/util.h"

static const struct {
	const char *text;
	enum addr_kind kind;
} addresses[] = {
	{ "10.0.0.5", ADDR_UNICAST },
	{ "169.254.1.1", ADDR_LINK_LOCAL_V4 },
	{ "169.255.0.0", ADDR_UNICAST },
	{ "169.253.255.255", ADDR_UNICAST },
	{ "1.0.0.0", ADDR_UNICAST },
	{ "126.255.255.255", ADDR_UNICAST },
	{ "128.0.0.0", ADDR_UNICAST },
	{ "240.0.0.1", ADDR_UNICAST },
	{ "255.255.255.254", ADDR_UNICAST },
	{ "223.255.255.255", ADDR_UNICAST },
	{ "127.0.0.1", ADDR_LOOPBACK },
	{ "127.255.255.254", ADDR_LOOPBACK },
	{ "0.0.0.0", ADDR_UNSPECIFIED },
	{ "0.1.2.3", ADDR_UNSPECIFIED },
	{ "224.0.0.1", ADDR_MULTICAST },
	{ "239.255.255.255", ADDR_MULTICAST },
	{ "255.255.255.255", ADDR_MULTICAST },
	/* What getaddrinfo() takes for IPv4, too. */
	{ "0", ADDR_NUMBER },
	{ "0x7f000001", ADDR_NUMBER },
	{ "2130706433", ADDR_NUMBER },
	{ "127.1", ADDR_NUMBER },
	{ "0177.0.0.1", ADDR_NUMBER },
	{ "010.0.0.5", ADDR_NUMBER },
	{ "2001:db8::5", ADDR_UNICAST },
	{ "fd00::1", ADDR_UNICAST },
	{ "fe80::1", ADDR_LINK_LOCAL },
	{ "fe80::1%eth0", ADDR_LINK_LOCAL },
	{ "::1", ADDR_LOOPBACK },
	{ "::", ADDR_UNSPECIFIED },
	{ "ff02::1", ADDR_MULTICAST },
	{ "ff02::1%2", ADDR_MULTICAST },
	{ "::ffff:10.0.0.5", ADDR_UNICAST },
	{ "::10.0.0.5", ADDR_UNICAST },
	{ "::127.0.0.1", ADDR_LOOPBACK },
	{ "::ffff:127.0.0.1", ADDR_LOOPBACK },
	{ "0000:0000:0000:0000:0000:ffff:255.255.255.255", ADDR_MULTICAST },
	{ "0000:0000:0000:0000:0000:ffff:255.255.255.2555", ADDR_NAME },
	{ "::ffff:0.0.0.0", ADDR_UNSPECIFIED },
	{ "::ffff:224.0.0.1", ADDR_MULTICAST },
	{ "::ffff:255.255.255.255", ADDR_MULTICAST },
	{ "localhost", ADDR_NAME },
	{ "storage.example", ADDR_NAME },
	{ "10.0.0.5.example", ADDR_NAME },
	{ "10.0.0.256", ADDR_NAME },
	{ "", ADDR_NAME },
	{ "%eth0", ADDR_NAME },
	{ "a-name-that-is-far-longer-than-any-address-in-text-would-ever-be.example",
	  ADDR_NAME },
};

START_TEST(kind)
{
	const struct addrinfo hints = { .ai_flags = AI_NUMERICHOST,
					.ai_socktype = SOCK_STREAM };
	const char *text = addresses[_i].text;
	struct addrinfo *list = NULL;

	ck_assert_msg(addr_kind_of_text(text) == addresses[_i].kind, "%s", text);
	/* The resolver sees the same in it; a zone that this host doesn't have is an error. */
	if (*text && !strchr(text, '%') && getaddrinfo(text, "3260", &hints, &list) == 0) {
		ck_assert_int_ne(addresses[_i].kind, ADDR_NAME);
		if (addresses[_i].kind != ADDR_NUMBER)
			ck_assert_msg(addr_kind_of(list->ai_addr) == addresses[_i].kind, "%s",
				      text);
		freeaddrinfo(list);
	}
}
END_TEST

START_TEST(other_families)
{
	const struct sockaddr local = { .sa_family = AF_UNIX };

	ck_assert_int_eq(addr_kind_of(&local), ADDR_NAME);
}
END_TEST

static const struct {
	const char *from, *to;
	bool allowed;
} redirections[] = {
	{ "10.0.0.5", "10.0.0.6", true },
	{ "10.0.0.5", "10.0.0.5", true },
	{ "10.0.0.5", "fd00::1", true },
	{ "10.0.0.5", "127.0.0.1", false },
	{ "10.0.0.5", "::1", false },
	{ "10.0.0.5", "::ffff:127.0.0.1", false },
	{ "10.0.0.5", "0.0.0.0", false },
	{ "10.0.0.5", "224.0.0.1", false },
	{ "10.0.0.5", "255.255.255.255", false },
	{ "127.0.0.1", "127.0.0.1", true },
	{ "::1", "127.0.0.2", true },
	{ "127.0.0.1", "0.0.0.0", false },
	{ "0.0.0.0", "127.0.0.1", false },
	{ "10.0.0.5", "169.254.169.254", false },
	{ "169.254.0.7", "169.254.0.8", true },
	{ "127.0.0.1", "169.254.0.8", false },
	{ "10.0.0.5", "::ffff:169.254.169.254", false },
	{ "fe80::1%1", "fe80::2%1", true },
	{ "127.0.0.1", "10.0.0.5", true },
};

static struct addrinfo *numeric(const char *text)
{
	const struct addrinfo hints = { .ai_flags = AI_NUMERICHOST,
					.ai_socktype = SOCK_STREAM };
	struct addrinfo *list = NULL;

	ck_assert_int_eq(getaddrinfo(text, "3260", &hints, &list), 0);
	return list;
}

/* H-100 */
START_TEST(redirection)
{
	struct addrinfo *from = numeric(redirections[_i].from);
	struct addrinfo *to = numeric(redirections[_i].to);

	ck_assert_msg(!addr_refusal(addr_kind_of(from->ai_addr), addr_kind_of(to->ai_addr)) ==
		      redirections[_i].allowed,
		      "%s -> %s", redirections[_i].from, redirections[_i].to);
	freeaddrinfo(from);
	freeaddrinfo(to);
}
END_TEST

static const struct {
	const char *one, *other;
	bool same;
} pairs[] = {
	{ "10.0.0.5", "10.0.0.5", true }, { "10.0.0.5", "10.0.0.6", false },
	{ "2001:db8::5", "2001:db8::5", true }, { "2001:db8::5", "2001:db8::6", false },
	{ "fe80::1%1", "fe80::1%2", true },		/* the zone is no part of the address */
	{ "0.0.0.0", "::", false }, { "::", "0.0.0.0", false }, { "10.0.0.5", "::ffff:10.0.0.5", false },
};

START_TEST(same_address)
{
	struct sockaddr_storage one, other;

	ck_assert(addr_parse(pairs[_i].one, 3260, &one));
	ck_assert(addr_parse(pairs[_i].other, 860, &other));
	ck_assert_msg(addr_is_same((struct sockaddr *)&one, (struct sockaddr *)&other) ==
		      pairs[_i].same, "%s, %s", pairs[_i].one, pairs[_i].other);
}
END_TEST

/* Numeric hosts are read as getaddrinfo() reads them, the zone included; names are none. */
static const char *const hosts[] = {
	"10.0.0.5", "10.1", "0x7f000001", "2001:db8::5", "::ffff:10.0.0.5", "fe80::1%lo",
	"fe80::1%1", "fe80::1", "fe80::1%", "fe80::1%no-such-device", "fe80::1%1x",
	"10.0.0.5%lo", "10.0.0.5 x", "10.0.0.256", "[::1]", "localhost", "storage.example", "",
	"a-name-that-is-far-longer-than-any-address-in-text-would-ever-be.example", "fe80::1%9",
	"fe80::1%07",
};

START_TEST(numeric_host)
{
	const struct addrinfo hints = { .ai_flags = AI_NUMERICHOST,
					.ai_socktype = SOCK_STREAM };
	struct sockaddr_storage addr;
	struct addrinfo *list = NULL;
	bool is_numeric = getaddrinfo(hosts[_i], "3260", &hints, &list) == 0;

	ck_assert_msg(lookup_numeric(hosts[_i], 3260, &addr) == is_numeric, "%s", hosts[_i]);
	if (is_numeric)
		ck_assert_msg(memcmp(&addr, list->ai_addr, list->ai_addrlen) == 0, "%s",
			      hosts[_i]);
	if (list)
		freeaddrinfo(list);
}
END_TEST

START_TEST(what_may_be_named)
{
	ck_assert_ptr_null(addr_refusal(ADDR_UNICAST, ADDR_NAME));	/* judged once it's resolved */
	ck_assert_ptr_null(addr_refusal(ADDR_NAME, ADDR_UNICAST));
	ck_assert_ptr_null(addr_refusal(ADDR_LOOPBACK, ADDR_LOOPBACK));
	ck_assert_ptr_null(addr_refusal(ADDR_UNICAST, ADDR_LINK_LOCAL));
	ck_assert_str_eq(addr_refusal(ADDR_NAME, ADDR_LOOPBACK), "this host's own address");
	ck_assert_str_eq(addr_refusal(ADDR_LOOPBACK, ADDR_UNSPECIFIED), "no host's address");
	ck_assert_str_eq(addr_refusal(ADDR_LOOPBACK, ADDR_MULTICAST),
			 "not the address of one host");
	ck_assert_str_eq(addr_refusal(ADDR_LOOPBACK, ADDR_LINK_LOCAL_V4),
			 "an address that is valid on one link alone");
	ck_assert_str_eq(addr_refusal(ADDR_UNICAST, ADDR_NUMBER), "a number, not an address");
	ck_assert_str_eq(addr_refusal(ADDR_NUMBER, ADDR_NUMBER), "a number, not an address");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("addr_kind");
	TCase *t = tcase_create("addr_kind");
	SRunner *runner = srunner_create(s);
	int failed;

	suite_add_tcase(s, t);
	tcase_add_loop_test(t, kind, 0, ARRAY_SIZE(addresses));
	tcase_add_loop_test(t, numeric_host, 0, ARRAY_SIZE(hosts));
	tcase_add_loop_test(t, same_address, 0, ARRAY_SIZE(pairs));
	tcase_add_test(t, other_families);
	tcase_add_test(t, what_may_be_named);
	tcase_add_loop_test(t, redirection, 0, ARRAY_SIZE(redirections));
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
