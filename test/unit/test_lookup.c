/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Addresses in digits, looked up with and without the system's resolver; names are left to it. */
#include "iscsid/base/lookup.h"

#include <arpa/inet.h>
#include <check.h>
#include <net/if.h>
#include <string.h>

#include "libiscsi-db/util.h"

static const struct {
	const char *host;
	int port, family;
} hosts[] = {
	{ "127.0.0.1", 3260, AF_INET }, { "10.0.0.1", 65535, AF_INET }, { "::1", 860, AF_INET6 },
	{ "2001:db8::2", 3260, AF_INET6 }, { "fe80::1%lo", 3260, AF_INET6 },
};

START_TEST(digits_need_no_resolver)
{
	struct sockaddr_storage resolved, parsed, wanted = { 0 };
	struct sockaddr_in *in = (struct sockaddr_in *)&wanted;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&wanted;
	char address[INET6_ADDRSTRLEN];

	(void)snprintf(address, sizeof(address), "%.*s", (int)strcspn(hosts[_i].host, "%"),
		       hosts[_i].host);
	wanted.ss_family = (sa_family_t)hosts[_i].family;
	if (hosts[_i].family == AF_INET) {
		in->sin_port = htons((uint16_t)hosts[_i].port);
		ck_assert_int_eq(inet_pton(AF_INET, address, &in->sin_addr), 1);
	} else {
		in6->sin6_port = htons((uint16_t)hosts[_i].port);
		ck_assert_int_eq(inet_pton(AF_INET6, address, &in6->sin6_addr), 1);
		in6->sin6_scope_id = strchr(hosts[_i].host, '%') ? if_nametoindex("lo") : 0;
	}
	/* All of it: addresses are compared as bytes. */
	memset(&resolved, 0xa5, sizeof(resolved));
	ck_assert_int_eq(lookup_resolve(hosts[_i].host, hosts[_i].port, &resolved), 0);
	ck_assert_mem_eq(&resolved, &wanted, sizeof(wanted));
	memset(&parsed, 0xa5, sizeof(parsed));
	ck_assert(lookup_numeric(hosts[_i].host, hosts[_i].port, &parsed));
	ck_assert_mem_eq(&parsed, &wanted, sizeof(wanted));
}
END_TEST

START_TEST(zones)
{
	struct sockaddr_storage addr;
	char host[32];

	(void)snprintf(host, sizeof(host), "fe80::1%%%u", if_nametoindex("lo"));
	ck_assert(lookup_numeric(host, 3260, &addr));
	ck_assert_uint_eq(((struct sockaddr_in6 *)&addr)->sin6_scope_id, if_nametoindex("lo"));
	ck_assert(lookup_numeric("fe80::1%77", 3260, &addr));
	ck_assert_uint_eq(((struct sockaddr_in6 *)&addr)->sin6_scope_id, 77);
	ck_assert(!lookup_numeric("fe80::1%77x", 3260, &addr));
	ck_assert(!lookup_numeric("fe80::1%0", 3260, &addr));
	ck_assert(!lookup_numeric("fe80::1%nosuchdev", 3260, &addr));
	ck_assert(!lookup_numeric("storage.example", 3260, &addr));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("lookup");
	TCase *t = tcase_create("lookup");
	SRunner *runner = srunner_create(s);
	int failed;

	suite_add_tcase(s, t);
	tcase_add_loop_test(t, digits_need_no_resolver, 0, (int)ARRAY_SIZE(hosts));
	tcase_add_test(t, zones);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
