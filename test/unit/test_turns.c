/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whose turn it is to try a portal, how many portals are silent, and answers that come late. */
#include "iscsid/turns.h"

#include <arpa/inet.h>
#include <check.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "libiscsi-db/util.h"

static struct portals portals;
static struct turn turns[4];
static char woken[16];			/* the numbers of those who were woken, in their order */
static const struct iscsi_why why = { "why" };

static void on_woken(void *arg)
{
	size_t len = strlen(woken);

	woken[len] = (char)('0' + ((struct turn *)arg - turns));
	woken[len + 1] = '\0';
}

static void setup(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(turns); i++) {
		turns[i] = (struct turn){ .woken = on_woken, .arg = &turns[i] };
		ck_assert_int_eq(turn_join(&turns[i], &portals, "a portal"), 0);
	}
	woken[0] = '\0';
}

static void teardown(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(turns); i++)
		turn_leave(&turns[i]);
	ck_assert_uint_eq(portals.index.len, 0);
	ck_assert_uint_eq(portals.silent, 0);
	index_done(&portals.index);
}

/* All ask in their order; the first may try. */
static void all_take(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(turns); i++)
		ck_assert_int_eq(turn_take(&turns[i], 100), i == 0);
}

static struct turn *attempt_fails(struct turn *turn)
{
	return turn_failed(turn, RETRY_LOST, ISCSI_ERR_TRANS, &why);
}

START_TEST(a_portal_has_one_place_for_all)
{
	struct turn other = { .woken = on_woken }, alone = { .woken = on_woken }, left = { .at = NULL };

	ck_assert_ptr_eq(turns[0].turns, turns[3].turns);
	ck_assert_uint_eq(turns[0].turns->members, 4);
	ck_assert_str_eq(turns[0].turns->key, "a portal");
	ck_assert_int_eq(turn_join(&other, &portals, "a portal through i1"), 0);
	ck_assert_ptr_ne(other.turns, turns[0].turns);
	ck_assert_uint_eq(portals.index.len, 2);
	ck_assert_int_eq(turn_join(&alone, NULL, "a portal"), 0);
	ck_assert_ptr_ne(alone.turns, turns[0].turns);
	ck_assert_uint_eq(turn_silent_portals(&alone), 1);
	ck_assert(turn_take(&alone, 0));
	ck_assert_ptr_eq(attempt_fails(&alone), &alone);
	ck_assert_uint_eq(turn_silent_portals(&alone), 1);
	turn_leave(&alone);
	turn_leave(&other);
	ck_assert_ptr_null(other.turns);
	ck_assert_uint_eq(portals.index.len, 1);
	turn_leave(&left);
}
END_TEST

START_TEST(turns_go_round)
{
	static const int order[] = { 1, 2, 3, 0, 1 };
	struct turn *turn = &turns[0];

	all_take();
	ck_assert(turn_take(&turns[0], 100));
	ck_assert(!turn_take(&turns[1], 100));		/* once more, which changes nothing */
	ck_assert_ptr_eq(attempt_fails(&turns[2]), &turns[2]);	/* whose turn it isn't */
	for (size_t i = 0; i < ARRAY_SIZE(order); i++) {
		turn = attempt_fails(turn);
		ck_assert_ptr_eq(turn, &turns[order[i]]);
		ck_assert(turn_take(turn, 100));
	}
	ck_assert_str_eq(woken, "");
	ck_assert_uint_eq(turns[0].turns->failed, 1 + ARRAY_SIZE(order));
}
END_TEST

START_TEST(a_failure_is_remembered)
{
	struct turns *t = turns[0].turns;

	all_take();
	turn_answered(&turns[0], 500);
	t->slow_ms = 7;
	ck_assert(turn_take(&turns[1], 500));
	ck_assert_ptr_eq(turn_failed(&turns[1], RETRY_SILENT, ISCSI_ERR_PDU_TIMEOUT, &why), &turns[1]);
	ck_assert_uint_eq(t->failed, 1);
	ck_assert_int_eq(t->cause, RETRY_SILENT);
	ck_assert_int_eq(t->err, ISCSI_ERR_PDU_TIMEOUT);
	ck_assert_str_eq(t->why.text, "why");
	ck_assert_uint_eq(t->answered_us, 0);
	ck_assert_uint_eq(t->slow_ms, 0);
}
END_TEST

START_TEST(an_answer_wakes_all_in_their_order)
{
	all_take();
	(void)attempt_fails(&turns[0]);
	turn_answered(&turns[1], 500);
	ck_assert_str_eq(woken, "230");
	ck_assert_uint_eq(turns[0].turns->failed, 0);
	ck_assert_ptr_null(turns[0].turns->holder);
	/* Who was lost before the answer needs no turn, and takes none; who was lost later does. */
	ck_assert(turn_take(&turns[0], 499));
	ck_assert(turn_take(&turns[1], 499));
	ck_assert_ptr_null(turns[0].turns->holder);
	ck_assert(turn_take(&turns[2], 500));
	ck_assert(!turn_take(&turns[3], 500));
	ck_assert(turn_take(&turns[3], 499));
}
END_TEST

START_TEST(whoever_leaves_passes_the_turn_on)
{
	all_take();
	turn_end(&turns[3]);		/* from the end of the queue, and from its middle */
	ck_assert(!turn_take(&turns[3], 100));
	turn_end(&turns[2]);
	ck_assert_str_eq(woken, "");
	turn_end(&turns[0]);
	ck_assert_str_eq(woken, "1");
	turn_end(&turns[0]);
	ck_assert_str_eq(woken, "1");
	turn_leave(&turns[1]);
	ck_assert_str_eq(woken, "13");
	ck_assert(!turn_take(&turns[2], 100));
	turn_end(&turns[3]);
	ck_assert_str_eq(woken, "132");
	turn_end(&turns[2]);
	ck_assert_ptr_null(turns[0].turns->holder);
	ck_assert(turn_take(&turns[0], 100));
}
END_TEST

START_TEST(silent_portals_are_counted)
{
	struct turn other = { .woken = on_woken };

	ck_assert_int_eq(turn_join(&other, &portals, "another"), 0);
	ck_assert_uint_eq(turn_silent_portals(&other), 0);
	for (unsigned int i = 0; i < 2; i++) {
		(void)attempt_fails(&turns[i]);
		ck_assert_uint_eq(turn_silent_portals(&other), 1);
	}
	(void)attempt_fails(&other);
	ck_assert_uint_eq(turn_silent_portals(&turns[0]), 2);
	turn_answered(&turns[0], 1);
	turn_answered(&turns[0], 2);
	ck_assert_uint_eq(turn_silent_portals(&turns[0]), 1);
	turn_leave(&other);
	ck_assert_uint_eq(turn_silent_portals(&turns[0]), 0);
}
END_TEST

/* ---- late answers ------------------------------------------------------------------------------ */

static int fds[2];			/* ours, and the target's end */

static void connect_pair(int pair[2])
{
	struct sockaddr_in addr = { .sin_family = AF_INET,
				    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	socklen_t len = sizeof(addr);

	ck_assert_int_eq(bind(listener, (struct sockaddr *)&addr, len), 0);
	ck_assert_int_eq(listen(listener, 1), 0);
	ck_assert_int_eq(getsockname(listener, (struct sockaddr *)&addr, &len), 0);
	pair[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(connect(pair[0], (struct sockaddr *)&addr, len), 0);
	pair[1] = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	ck_assert_int_ge(pair[1], 0);
	(void)close(listener);
}

/* The kernel shuts the socket of a connection down that it stops. */
static void await_late(void)
{
	connect_pair(fds);
	ck_assert_int_eq(shutdown(fds[0], SHUT_RDWR), 0);
	turn_await_late(&turns[0], &fds[0], 1000000);
	ck_assert_int_eq(fds[0], -1);
}

START_TEST(a_late_answer_is_found)
{
	int second[2];

	ck_assert_uint_eq(turn_slow_ms(&turns[1], 1000000, 9000000), 0);
	await_late();
	connect_pair(second);
	turn_await_late(&turns[1], &second[0], 2000000);
	ck_assert_int_ge(second[0], 0);			/* one is enough */
	ck_assert_uint_eq(turn_slow_ms(&turns[1], 3000000, 9000000), 0);
	ck_assert_int_ge(turns[0].turns->late_fd, 0);
	ck_assert_int_eq(send(fds[1], "x", 1, MSG_NOSIGNAL), 1);
	ck_assert_uint_eq(turn_slow_ms(&turns[2], 4500000, 9000000), 3500);
	ck_assert_int_lt(turns[0].turns->late_fd, 0);
	ck_assert_uint_eq(turn_slow_ms(&turns[2], 5500000, 9000000), 3500);
	(void)close(second[0]);
	(void)close(second[1]);
	(void)close(fds[1]);
}
END_TEST

START_TEST(a_late_answer_is_waited_for_within_bounds)
{
	int late_fd;

	await_late();
	ck_assert_uint_eq(turn_slow_ms(&turns[0], 9999999, 9000000), 0);
	ck_assert_int_ge(turns[0].turns->late_fd, 0);
	ck_assert_uint_eq(turn_slow_ms(&turns[0], 10000000, 9000000), 0);
	ck_assert_int_lt(turns[0].turns->late_fd, 0);
	(void)close(fds[1]);
	await_late();
	(void)close(fds[1]);		/* the target has closed, too */
	ck_assert_uint_eq(turn_slow_ms(&turns[0], 2000000, 9000000), 0);
	ck_assert_int_lt(turns[0].turns->late_fd, 0);
	await_late();
	late_fd = turns[0].turns->late_fd;
	turn_answered(&turns[0], 2000000);
	ck_assert_int_lt(turns[0].turns->late_fd, 0);
	ck_assert_int_lt(fcntl(late_fd, F_GETFD), 0);
	(void)close(fds[1]);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("turns");
	TCase *t = tcase_create("turns");
	SRunner *runner = srunner_create(s);
	int failed;

	suite_add_tcase(s, t);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, a_portal_has_one_place_for_all);
	tcase_add_test(t, turns_go_round);
	tcase_add_test(t, a_failure_is_remembered);
	tcase_add_test(t, an_answer_wakes_all_in_their_order);
	tcase_add_test(t, whoever_leaves_passes_the_turn_on);
	tcase_add_test(t, silent_portals_are_counted);
	tcase_add_test(t, a_late_answer_is_found);
	tcase_add_test(t, a_late_answer_is_waited_for_within_bounds);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
