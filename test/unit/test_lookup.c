/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Addresses in digits, looked up with and without the system's resolver; names are left to it. */
#include "iscsid/base/lookup.h"

#include <arpa/inet.h>
#include <check.h>
#include <dlfcn.h>
#include <net/if.h>
#include <netdb.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>

#include "libiscsi-db/util.h"

/* This host has a device "4lan". */
unsigned int if_nametoindex(const char *name)
{
	unsigned int (*real)(const char *) = dlsym(RTLD_NEXT, "if_nametoindex");

	return streq(name, "4lan") ? 44 : real(name);
}

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
	ck_assert(lookup_numeric("fe80::1%4lan", 3260, &addr));
	ck_assert_uint_eq(((struct sockaddr_in6 *)&addr)->sin6_scope_id, 44);
	ck_assert(!lookup_numeric("fe80::1% 7", 3260, &addr));
	ck_assert(!lookup_numeric("fe80::1%+7", 3260, &addr));
	ck_assert(!lookup_numeric("fe80::1%77x", 3260, &addr));
	ck_assert(!lookup_numeric("fe80::1%0", 3260, &addr));
	ck_assert(!lookup_numeric("fe80::1%nosuchdev", 3260, &addr));
	ck_assert(!lookup_numeric("storage.example", 3260, &addr));
}
END_TEST

/* ---- look-ups on a pool of one thread -------------------------------------------------------- */

static sd_event *loop;
static struct resolver resolver;
static int release_fd, resolved;
static char heard[256];

/* Answers with the address 10.0.0.5 to the name "blocked" once it is released, to others at once. */
static int fake_resolve(const char *host, int port, struct sockaddr_storage *ret)
{
	eventfd_t n;

	resolved++;
	if (streq(host, "blocked"))
		(void)eventfd_read(release_fd, &n);
	return lookup_numeric("10.0.0.5", port, ret) && strlen(host) > 1 ? 0 : EAI_NONAME;
}

static void on_answer(void *arg, const struct sockaddr_storage *addr, const char *error)
{
	const struct sockaddr_in *in = (const struct sockaddr_in *)addr;

	ck_assert_ptr_eq(arg, &resolver);
	if (addr)
		(void)snprintf(heard, sizeof(heard), "%s:%d", inet_ntoa(in->sin_addr),
			       ntohs(in->sin_port));
	else
		(void)snprintf(heard, sizeof(heard), "%s", error);
}

static struct lookup *begin(const char *host)
{
	struct lookup *lookup = lookup_start(&resolver, host, 860, on_answer, &resolver);

	ck_assert_ptr_nonnull(lookup);
	return lookup;
}

static void wait_for_an_answer(void)
{
	time_t end = time(NULL) + 10;

	for (*heard = '\0'; !*heard;) {
		ck_assert(time(NULL) <= end);
		ck_assert_int_ge(sd_event_run(loop, 10000), 0);
	}
}

static void setup(void)
{
	resolver.resolve = fake_resolve;
	resolved = 0;
	release_fd = eventfd(0, EFD_CLOEXEC);
	ck_assert_int_ge(sd_event_new(&loop), 0);
	ck_assert_int_ge(worker_pool_new(loop, NULL, 1, &resolver.pool), 0);
}

static void teardown(void)
{
	ck_assert(worker_pool_free(resolver.pool));
	sd_event_unref(loop);
	(void)close(release_fd);
}

START_TEST(an_answer_comes_in_the_loop)
{
	(void)begin("storage.example");
	wait_for_an_answer();
	ck_assert_str_eq(heard, "10.0.0.5:860");
	(void)begin("x");
	wait_for_an_answer();
	ck_assert_str_eq(heard, gai_strerror(EAI_NONAME));
}
END_TEST

START_TEST(an_expired_look_up_is_answered_at_once)
{
	struct lookup *lookup = begin("blocked");

	ck_assert_ptr_null(lookup_expire(lookup));
	ck_assert_str_eq(heard, "no answer in time");
	ck_assert_ptr_null(lookup_expire(NULL));
	ck_assert_ptr_null(lookup_forget(NULL));
	(void)begin("storage.example");
	ck_assert_int_eq(eventfd_write(release_fd, 1), 0);
	wait_for_an_answer();
	ck_assert_str_eq(heard, "10.0.0.5:860");
}
END_TEST

START_TEST(a_forgotten_look_up_that_has_not_begun_is_skipped)
{
	(void)begin("blocked");
	ck_assert_ptr_null(lookup_forget(begin("storage.example")));
	ck_assert_int_eq(eventfd_write(release_fd, 1), 0);
	wait_for_an_answer();
	(void)begin("other.example");
	wait_for_an_answer();
	ck_assert_int_eq(resolved, 2);
}
END_TEST

static char longest[ISCSI_ADDRESS_MAX + 1];

static int check_longest(const char *host, int port, struct sockaddr_storage *ret)
{
	(void)port, (void)ret;
	return streq(host, longest) ? EAI_FAMILY : EAI_NONAME;
}

START_TEST(the_longest_name_is_looked_up_whole)
{
	memset(longest, 'x', sizeof(longest) - 1);
	resolver.resolve = check_longest;
	(void)begin(longest);
	wait_for_an_answer();
	ck_assert_str_eq(heard, gai_strerror(EAI_FAMILY));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("lookup");
	TCase *t = tcase_create("lookup"), *pool = tcase_create("pool");
	SRunner *runner = srunner_create(s);
	int failed;

	suite_add_tcase(s, t);
	tcase_add_loop_test(t, digits_need_no_resolver, 0, (int)ARRAY_SIZE(hosts));
	tcase_add_test(t, zones);
	suite_add_tcase(s, pool);
	tcase_add_checked_fixture(pool, setup, teardown);
	tcase_set_timeout(pool, 30);
	tcase_add_test(pool, an_answer_comes_in_the_loop);
	tcase_add_test(pool, an_expired_look_up_is_answered_at_once);
	tcase_add_test(pool, a_forgotten_look_up_that_has_not_begun_is_skipped);
	tcase_add_test(pool, the_longest_name_is_looked_up_whole);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
