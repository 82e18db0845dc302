/* SPDX-License-Identifier: GPL-2.0-or-later */
/* When two addresses mean the same. */
#include <arpa/inet.h>
#include <netdb.h>
#include <time.h>

#include <check.h>

#include "iscsiadm/match.h"
#include "libiscsi-db/util.h"

static const struct {
	const char *a, *b;
	bool equal;
} pairs[] = {
	{ "10.0.0.1", "10.0.0.1", true },
	{ "10.0.0.1", "10.0.0.2", false },
	{ "10.0.0.1", "10.0.0.10", false },
	{ "::1", "0:0:0:0:0:0:0:1", true },
	{ "2001:DB8::5", "2001:db8:0:0:0:0:0:5", true },
	{ "::ffff:10.0.0.1", "10.0.0.1", true },
	{ "fe80::1%lo", "fe80::1%lo", true },
	{ "fe80::1%lo", "fe80::1%1", true },
	{ "fe80::1%lo", "fe80::1%2", false },
	{ "fe80::1", "fe80::1%lo", false },
	{ "localhost", "localhost", true },
	{ "localhost", "LOCALHOST", true },
	{ "localhost", "192.0.2.1", false },
	{ "storage.invalid", "storage.invalid", true },
	{ "storage.invalid", "other.invalid", false },
	{ "1:2:3:4:5:6:7:8:1:2:3:4:5:6:7:8:1:2:3:4:5:6:7", "::1", false },	/* 45 characters */
	{ "1:2:3:4:5:6:7:8:1:2:3:4:5:6:7:8:1:2:3:4:5:6:78", "::1", false },	/* 46 */
	{ "0000:0000:0000:0000:0000:ffff:010.000.000.001", "10.0.0.1", false },
	{ "0000:0000:0000:0000:0000:ffff:255.255.255.255", "255.255.255.255", true },
	{ "::ffff:10.0.0.1%lo", "10.0.0.1", false },
	{ "fe80::1%", "fe80::1", true },
	{ "", "10.0.0.1", false },
	{ "", "", true },
};

START_TEST(addresses_match)
{
	struct match_names *names = match_names_new();

	ck_assert(match_address(names, pairs[_i].a, pairs[_i].b) == pairs[_i].equal);
	ck_assert(match_address(names, pairs[_i].b, pairs[_i].a) == pairs[_i].equal);
	ck_assert_ptr_null(match_names_free(names));
}
END_TEST

/* ---- names ----------------------------------------------------------------------------- */

static const struct {
	const char *name;
	int result, family;
	const char *address;
	int seconds;			/* until the answer comes */
} answers[] = {
	{ "localhost", 0, AF_INET, "127.0.0.1", 0 },
	{ "LOCALHOST", 0, AF_INET, "127.0.0.1", 0 },
	{ "four", 0, AF_INET, "10.0.0.1", 0 },
	{ "also-four", 0, AF_INET, "10.0.0.1", 60 },
	{ "six", 0, AF_INET6, "fe80::1", 0 },
	{ "other", 0, AF_UNIX, "", 0 },
	{ "silent-1", EAI_AGAIN, 0, "", 9 },
	{ "silent-2", EAI_AGAIN, 0, "", 1 },
};
static time_t now = 1000;
static unsigned int asked;

int clock_gettime(clockid_t id, struct timespec *ret)
{
	(void)id;
	*ret = (struct timespec){ .tv_sec = now };
	return 0;
}

int getaddrinfo(const char *restrict name, const char *restrict service,
		const struct addrinfo *restrict hints, struct addrinfo **restrict ret)
{
	static struct sockaddr_in in;
	static struct sockaddr_in6 in6;
	static struct addrinfo info;

	ck_assert_ptr_null(service);
	ck_assert_int_eq(hints->ai_socktype, SOCK_STREAM);
	asked++;
	for (size_t i = 0; i < ARRAY_SIZE(answers); i++) {
		if (!streq(answers[i].name, name))
			continue;
		now += answers[i].seconds;
		info = (struct addrinfo){ .ai_family = answers[i].family };
		info.ai_addr = info.ai_family == AF_INET6 ? (void *)&in6 : (void *)&in;
		in6.sin6_scope_id = 12;
		(void)inet_pton(AF_INET, answers[i].address, &in.sin_addr);
		(void)inet_pton(AF_INET6, answers[i].address, &in6.sin6_addr);
		*ret = &info;
		return answers[i].result;
	}
	return EAI_NONAME;
}

void freeaddrinfo(struct addrinfo *list)
{
	(void)list;
}

START_TEST(names_are_looked_up_once)
{
	static const struct {
		const char *a, *b;
		bool equal;
		unsigned int asked;	/* so far */
	} rows[] = {
		{ "four", "10.0.0.1", true, 1 },	{ "10.0.0.1", "four", true, 1 },
		{ "four", "10.0.0.2", false, 1 },	{ "also-four", "four", true, 2 },
		{ "six", "fe80::1%12", true, 3 },	{ "six", "fe80::1%13", false, 3 },
		{ "six", "fe80::1", false, 3 },		{ "other", "10.0.0.1", false, 4 },
		{ "other", "four", false, 4 },		{ "none", "four", false, 5 },
		{ "none", "four", false, 5 },		{ "none", "none", true, 5 },
		/* Servers that are silent for ten seconds together end all look-ups. */
		{ "silent-1", "four", false, 6 },	{ "silent-1", "four", false, 6 },
		{ "silent-2", "four", false, 7 },	{ "localhost", "four", false, 7 },
		{ "four", "10.0.0.1", true, 7 },
	};
	struct match_names *names = match_names_new();

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		ck_assert_msg(match_address(names, rows[i].a, rows[i].b) == rows[i].equal, "%zu", i);
		ck_assert_msg(asked == rows[i].asked, "%zu: %u", i, asked);
	}
	names = match_names_free(names);
	ck_assert_ptr_null(names);
}
END_TEST

START_TEST(numbers_are_no_names)
{
	static const struct {
		const char *text;
		bool is_number;
	} rows[] = {
		{ "10.0.0.1", true }, { "::1", true }, { "fe80::1%lo", true }, { "fe80::1%x", true },
		{ "10.0.0.1%lo", false }, { "10.0.0", false }, { "a", false }, { "", false },
		{ "0000:0000:0000:0000:0000:ffff:255.255.255.255", true },
		{ "0000:0000:0000:0000:0000:ffff:255.255.255.255x", false },
		{ "0000:0000:0000:0000:0000:ffff:0255.255.255.255", false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		ck_assert_msg(match_is_number(rows[i].text) == rows[i].is_number, "%s",
			      rows[i].text);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("match");
	TCase *t = tcase_create("match");
	SRunner *runner = srunner_create(s);
	int failed;

	suite_add_tcase(s, t);
	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, addresses_match, 0, (int)ARRAY_SIZE(pairs));
	tcase_add_test(t, names_are_looked_up_once);
	tcase_add_test(t, numbers_are_no_names);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
