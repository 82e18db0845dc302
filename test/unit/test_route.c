/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where an attempt goes next: the record's portal, redirections, look-ups, their limits. */
#include <arpa/inet.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <semaphore.h>

#include <check.h>

#include "iscsid/protocol/login.h"
#include "iscsid/route.h"
#include "libiscsi-db/util.h"
#include "test/fake/clock.h"
#include "test/unit/alloc.h"

#define STEP_TIMEOUT_US	10000000

static sd_event *loop;
static struct fake_clock fake_clock;
static struct login_outcome outcome;
static struct route route;
static struct iscsi_why why;
static bool stepped;
static enum route_step last_step;
static sem_t answer;		/* of a slow name server */

/* "far.example" is another host, "here.example" this one, "slow.example" waits. */
static int resolve(const char *host, int port, struct sockaddr_storage *ret)
{
	if (streq(host, "slow.example"))
		(void)sem_wait(&answer);
	if (streq(host, "here.example"))
		return lookup_numeric("127.0.0.1", port, ret) ? 0 : EAI_FAIL;
	if (streq(host, "link.example"))
		return lookup_numeric("169.254.0.9", port, ret) ? 0 : EAI_FAIL;
	if (streq(host, "far.example"))
		return lookup_numeric("10.0.0.9", port, ret) ? 0 : EAI_FAIL;
	return EAI_NONAME;
}

static struct resolver resolver = { .resolve = resolve };
static unsigned int device_number;	/* of "eth9"; 0: there is no such device */

unsigned int if_nametoindex(const char *name)
{
	return streq(name, "eth9") ? device_number : 0;
}

static void on_step(void *arg, enum route_step step, const struct iscsi_why *reason)
{
	ck_assert_ptr_eq(arg, &route);
	ck_assert(!stepped);
	stepped = true;
	last_step = step;
	why = *reason;
}

static void setup(void)
{
	ck_assert_int_ge(sd_event_new(&loop), 0);
	ck_assert_int_ge(worker_pool_new(loop, NULL, 1, &resolver.pool), 0);
	ck_assert_int_eq(sem_init(&answer, 0, 0), 0);
	fake_clock_init(&fake_clock);
	outcome = (struct login_outcome){ 0 };
	why = (struct iscsi_why){ "its own reason" };
	stepped = false;
	route = (struct route){
		.clock = &fake_clock.clock, .resolver = &resolver, .name = "test",
		.address = "10.0.0.1", .port = 3260, .redirects_max = 8, .outcome = &outcome,
		.on_step = on_step, .arg = &route,
	};
}

static void teardown(void)
{
	route_cancel(&route);
	worker_pool_free(resolver.pool);
	sd_event_unref(loop);
	sem_destroy(&answer);
}

static void name_address(const char *address, int port)
{
	struct iscsi_db_portal *to = &outcome.moved_to[outcome.moved_to_len++];

	(void)snprintf(to->address, sizeof(to->address), "%s", address);
	to->port = port;
}

static const char *peer(void)
{
	static char text[64], host[INET_ADDRSTRLEN];
	const struct sockaddr_in *in = (const void *)&route.peer;

	ck_assert_int_eq(in->sin_family, AF_INET);
	ck_assert_ptr_nonnull(inet_ntop(AF_INET, &in->sin_addr, host, sizeof(host)));
	(void)snprintf(text, sizeof(text), "%s:%u", host, ntohs(in->sin_port));
	return text;
}

static void wait_for_step(void)
{
	while (!stepped)
		ck_assert_int_gt(sd_event_run(loop, STEP_TIMEOUT_US), 0);
}

START_TEST(begins_at_the_portal_each_time)
{
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(route_begin(&route, UINT64_MAX, true, &why), ROUTE_CONNECT);
		ck_assert_str_eq(peer(), "10.0.0.1:3260");
		ck_assert_uint_eq(route.redirects, 0);
		ck_assert_int_eq(route_next(&route, &why), ROUTE_END);
		ck_assert_str_eq(why.text, "its own reason");
		outcome.moved_to_len = 0;
		name_address("10.0.0.2", 3261);
		ck_assert_int_eq(route_moved(&route, &why), ROUTE_CONNECT);
		ck_assert_str_eq(peer(), "10.0.0.2:3261");
		ck_assert_uint_eq(route.redirects, 1);
		(void)snprintf(why.text, sizeof(why.text), "its own reason");
	}
}
END_TEST

/* P-REDIR-04: the addresses come in their order, those that can't be meant are passed over. */
START_TEST(takes_the_addresses_in_their_order)
{
	name_address("10.0.0.2", 3261);
	name_address("127.0.0.1", 3260);
	name_address("10.0.0.3", -1);
	name_address("224.0.0.1", 3260);
	name_address("10.0.0.4", 0);
	name_address("10.0.0.5", 1);
	ck_assert_int_eq(route_begin(&route, UINT64_MAX, true, &why), ROUTE_CONNECT);
	ck_assert_int_eq(route_moved(&route, &why), ROUTE_CONNECT);
	ck_assert_str_eq(peer(), "10.0.0.2:3261");
	ck_assert_int_eq(route_next(&route, &why), ROUTE_CONNECT);
	ck_assert_str_eq(peer(), "10.0.0.3:3260");
	ck_assert_int_eq(route_next(&route, &why), ROUTE_CONNECT);
	ck_assert_str_eq(peer(), "10.0.0.4:3260");
	ck_assert_int_eq(route_next(&route, &why), ROUTE_CONNECT);
	ck_assert_str_eq(peer(), "10.0.0.5:1");
	ck_assert_int_eq(route_next(&route, &why), ROUTE_END);
	ck_assert_str_eq(why.text, "the target has moved, but can't be followed: "
			 "not the address of another host");
	ck_assert_uint_eq(route.redirects, 6);
}
END_TEST

START_TEST(a_circle_ends)
{
	unsigned int n = 0;

	name_address("10.0.0.1", 3260);
	ck_assert_int_eq(route_begin(&route, UINT64_MAX, true, &why), ROUTE_CONNECT);
	while (route_moved(&route, &why) == ROUTE_CONNECT)
		ck_assert_uint_lt(++n, 100);
	ck_assert_uint_eq(n, route.redirects_max);
	ck_assert_ptr_nonnull(strstr(why.text, "too many redirections"));
	/* The next attempt has all of them again. */
	ck_assert_int_eq(route_begin(&route, UINT64_MAX, true, &why), ROUTE_CONNECT);
	ck_assert_int_eq(route_moved(&route, &why), ROUTE_CONNECT);
	route.redirects_max = 0;
	ck_assert_int_eq(route_begin(&route, UINT64_MAX, true, &why), ROUTE_CONNECT);
	ck_assert_int_eq(route_moved(&route, &why), ROUTE_END);
}
END_TEST

START_TEST(no_redirection_after_the_time)
{
	name_address("10.0.0.2", 3260);
	ck_assert_int_eq(route_begin(&route, fake_clock.now_us + 2, true, &why), ROUTE_CONNECT);
	fake_clock_advance(&fake_clock, 1);
	ck_assert_int_eq(route_moved(&route, &why), ROUTE_CONNECT);
	fake_clock_advance(&fake_clock, 1);
	ck_assert_int_eq(route_moved(&route, &why), ROUTE_END);
	ck_assert_ptr_nonnull(strstr(why.text, "no time left"));
}
END_TEST

START_TEST(a_name_is_looked_up_once)
{
	route.address = "far.example";
	ck_assert_int_eq(route_begin(&route, UINT64_MAX, true, &why), ROUTE_LOOKUP);
	wait_for_step();
	ck_assert_int_eq(last_step, ROUTE_CONNECT);
	ck_assert_str_eq(peer(), "10.0.0.9:3260");
	ck_assert_int_eq(route_begin(&route, UINT64_MAX, true, &why), ROUTE_CONNECT);
}
END_TEST

/* What a discovery of a distant portal named leads nowhere near this host. */
START_TEST(a_name_that_was_brought_is_judged_by_its_address)
{
	static const struct {
		const char *address, *named_by;
		const char *why;		/* NULL: nothing is wrong with it */
	} cases[] = {
		{ "here.example", NULL, NULL },		/* a person's choice */
		{ "here.example", "here.example", NULL },
		{ "here.example", "127.0.0.1", NULL },
		{ "here.example", "10.0.0.5", "cannot resolve host name here.example: what it "
		  "resolves to is this host's own address" },
		{ "here.example", "far.example", "cannot resolve host name here.example: what it "
		  "resolves to is this host's own address" },
		{ "link.example", "10.0.0.5", "cannot resolve host name link.example: what it "
		  "resolves to is an address that is valid on one link alone" },
		{ "far.example", "10.0.0.5", NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		route.address = cases[i].address;
		route.named_by = cases[i].named_by;
		route.portal.ss_family = AF_UNSPEC;
		stepped = false;
		ck_assert_int_eq(route_begin(&route, UINT64_MAX, true, &why), ROUTE_LOOKUP);
		wait_for_step();
		ck_assert_int_eq(last_step, cases[i].why ? ROUTE_UNKNOWN : ROUTE_CONNECT);
		ck_assert_str_eq(why.text, cases[i].why ? cases[i].why : "");
	}
}
END_TEST

START_TEST(a_name_that_nobody_has)
{
	route.address = "no.example";
	ck_assert_int_eq(route_begin(&route, UINT64_MAX, true, &why), ROUTE_LOOKUP);
	wait_for_step();
	ck_assert_int_eq(last_step, ROUTE_UNKNOWN);
	ck_assert_ptr_nonnull(strstr(why.text, "cannot resolve host name no.example: "));
}
END_TEST

/* The device of a link-local address goes and comes back; its name stays, its number doesn't. */
START_TEST(a_zone_is_read_anew_each_time)
{
	static const struct { unsigned int is, leads_to; } numbers[] = {
		{ 3, 3 }, { 0, 3 }, { 7, 7 },
	};

	route.address = "fe80::1%eth9";
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		device_number = numbers[i].is;
		ck_assert_int_eq(route_begin(&route, UINT64_MAX, true, &why), ROUTE_CONNECT);
		ck_assert_uint_eq(((struct sockaddr_in6 *)&route.peer)->sin6_scope_id,
				  numbers[i].leads_to);
	}
}
END_TEST

/* A name that leads to this host is no better than such an address. */
START_TEST(a_name_that_may_not_be_meant)
{
	name_address("here.example", 3260);
	name_address("10.0.0.2", 3260);
	ck_assert_int_eq(route_begin(&route, UINT64_MAX, true, &why), ROUTE_CONNECT);
	ck_assert_int_eq(route_moved(&route, &why), ROUTE_LOOKUP);
	wait_for_step();
	ck_assert_int_eq(last_step, ROUTE_CONNECT);
	ck_assert_str_eq(peer(), "10.0.0.2:3260");
}
END_TEST

START_TEST(a_look_up_without_memory)
{
	if (!alloc_can_fail)
		return;
	name_address("far.example", 3260);
	ck_assert_int_eq(route_begin(&route, UINT64_MAX, true, &why), ROUTE_CONNECT);
	alloc_fail_nth(1);
	ck_assert_int_eq(route_moved(&route, &why), ROUTE_END);
	ck_assert_str_eq(why.text, "the target has moved, but can't be followed: no memory");
	route.address = "far.example";
	route.portal.ss_family = AF_UNSPEC;
	alloc_fail_nth(1);
	ck_assert_int_eq(route_begin(&route, UINT64_MAX, true, &why), ROUTE_UNKNOWN);
	ck_assert_str_eq(why.text, "cannot resolve host name far.example: no memory");
	(void)alloc_fail_stop();
}
END_TEST

START_TEST(a_look_up_without_an_answer)
{
	route.address = "slow.example";
	ck_assert_int_eq(route_begin(&route, UINT64_MAX, true, &why), ROUTE_LOOKUP);
	route_expire(&route);
	ck_assert(stepped);
	ck_assert_int_eq(last_step, ROUTE_UNKNOWN);
	ck_assert_str_eq(why.text,
			 "cannot resolve host name slow.example: no answer in time");
	sem_post(&answer);
}
END_TEST

START_TEST(an_unanswered_name_of_a_redirection)
{
	name_address("slow.example", 3260);
	name_address("10.0.0.2", 3260);
	ck_assert_int_eq(route_begin(&route, UINT64_MAX, true, &why), ROUTE_CONNECT);
	ck_assert_int_eq(route_moved(&route, &why), ROUTE_LOOKUP);
	route_expire(&route);
	ck_assert(stepped);
	ck_assert_int_eq(last_step, ROUTE_CONNECT);
	ck_assert_str_eq(peer(), "10.0.0.2:3260");
	sem_post(&answer);
}
END_TEST

START_TEST(a_cancelled_look_up_is_silent)
{
	route.address = "slow.example";
	ck_assert_int_eq(route_begin(&route, UINT64_MAX, true, &why), ROUTE_LOOKUP);
	route_cancel(&route);
	route_expire(&route);
	sem_post(&answer);
	while (sd_event_run(loop, 100000) > 0)
		;
	ck_assert(!stepped);
}
END_TEST

/* P-LOGIN-13: the security stage is begun with from then on, silence counts as a refusal once. */
START_TEST(a_target_that_insists)
{
	enum iscsi_err err = ISCSI_ERR_PDU_TIMEOUT;

	ck_assert_int_eq(route_begin(&route, UINT64_MAX, true, &why), ROUTE_CONNECT);
	ck_assert(!route.security_first);
	ck_assert(!route_silence_refuses(&route, &err, &why));
	ck_assert_int_eq(route_insisted(&route), ROUTE_CONNECT);
	ck_assert_str_eq(peer(), "10.0.0.1:3260");
	ck_assert(route.security_first);

	err = ISCSI_ERR_FATAL_LOGIN;		/* the target has said something */
	ck_assert(!route_silence_refuses(&route, &err, &why));
	err = ISCSI_ERR_TRANS;
	ck_assert(route_silence_refuses(&route, &err, &why));
	ck_assert_int_eq(err, ISCSI_ERR_LOGIN_AUTH_FAILED);
	ck_assert_ptr_nonnull(strstr(why.text, "authentication failure (02/01); a login that begins"));
	ck_assert_ptr_nonnull(strstr(why.text, "its own reason"));
	ck_assert(!route.security_first);

	ck_assert_int_eq(route_insisted(&route), ROUTE_CONNECT);
	route_arrived(&route);
	err = ISCSI_ERR_TRANS;
	ck_assert(!route_silence_refuses(&route, &err, &why));
	ck_assert_int_eq(route_begin(&route, UINT64_MAX, true, &why), ROUTE_CONNECT);
	ck_assert(route.security_first);
}
END_TEST

/* What may come of a login that begins with the security stage; each is no answer. */
START_TEST(silence_counts_only_where_the_target_insisted)
{
	static const enum iscsi_err silences[] = {
		ISCSI_ERR_TRANS, ISCSI_ERR_TRANS_TIMEOUT, ISCSI_ERR_PDU_TIMEOUT,
	};

	name_address("10.0.0.2", 3260);
	for (size_t i = 0; i < ARRAY_SIZE(silences); i++) {
		enum iscsi_err err = silences[i];

		ck_assert_int_eq(route_begin(&route, UINT64_MAX, true, &why), ROUTE_CONNECT);
		(void)route_insisted(&route);
		ck_assert_int_eq(route_moved(&route, &why), ROUTE_CONNECT);
		ck_assert(!route_silence_refuses(&route, &err, &why));
		(void)route_insisted(&route);
		ck_assert_int_eq(route_begin(&route, UINT64_MAX, true, &why), ROUTE_CONNECT);
		ck_assert(!route_silence_refuses(&route, &err, &why));
		ck_assert_int_eq(err, silences[i]);
		(void)route_insisted(&route);
		ck_assert(route_silence_refuses(&route, &err, &why));
		ck_assert_int_eq(err, ISCSI_ERR_LOGIN_AUTH_FAILED);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("route");
	TCase *tc = tcase_create("route");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 30);
	tcase_add_test(tc, begins_at_the_portal_each_time);
	tcase_add_test(tc, takes_the_addresses_in_their_order);
	tcase_add_test(tc, a_circle_ends);
	tcase_add_test(tc, no_redirection_after_the_time);
	tcase_add_test(tc, a_name_is_looked_up_once);
	tcase_add_test(tc, a_name_that_was_brought_is_judged_by_its_address);
	tcase_add_test(tc, a_name_that_nobody_has);
	tcase_add_test(tc, a_zone_is_read_anew_each_time);
	tcase_add_test(tc, a_name_that_may_not_be_meant);
	tcase_add_test(tc, a_look_up_without_memory);
	tcase_add_test(tc, a_look_up_without_an_answer);
	tcase_add_test(tc, an_unanswered_name_of_a_redirection);
	tcase_add_test(tc, a_cancelled_look_up_is_silent);
	tcase_add_test(tc, a_target_that_insists);
	tcase_add_test(tc, silence_counts_only_where_the_target_insisted);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
