/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How soon lost sessions come back, by a clock that stands still while anything runs: each kind of
 * outage, for any length; many sessions on one portal; the network's news.
 */
#include <arpa/inet.h>
#include <check.h>
#include <stdlib.h>

#include "iscsid/message/session_text.h"
#include "iscsid/session_private.h"
#include "libiscsi-db/util.h"
#include "test/fake/daemon.h"

#define SESSIONS	6
#define PORTALS		100
#define STEADY_MS	20000
#define LOGIN_TAKES_MS	40		/* this much is left for the login itself */

static const char *const at_once[] = { "node.session.iscsi.DefaultTime2Wait", "0", NULL };
static struct fake_daemon *d = &the_daemon;
static struct fake_client client;

static void setup(void)
{
	fake_daemon_setup();
	d->target.login_text = "DefaultTime2Wait=0\n";
	fake_client_open(&client);
}

static void teardown(void)
{
	fake_client_close(&client);
	fake_daemon_teardown();
}

/* Logs in @n times; the sids are counted from 1. */
static void log_in(unsigned int n, const char *const *settings)
{
	CLEANUP(freep) char *record = fake_node_text(settings);

	fake_client_close(&client);
	fake_client_open(&client);
	for (unsigned int sid = 1; sid <= n; sid++)
		ck_assert_int_eq(fake_client_ask(&client, &(struct mgmt_request){
			.type = MGMT_LOGIN, .tag = 7, .flags = MGMT_ANOTHER, .record = record }), 0);
	fake_daemon_wait(STEADY_MS);
}

static unsigned int count(enum session_state state)
{
	unsigned int n = 0;

	for (uint32_t sid = 1; sid <= SESSIONS; sid++) {
		struct session *session = manager_find(d->manager, sid);

		n += session && session_state(session) == state;
	}
	return n;
}

static struct session_outage outage(uint32_t sid)
{
	struct session_outage ret;

	ck_assert(session_text_parse_outage(session_shown(manager_find(d->manager, sid)), &ret));
	return ret;
}

enum kind { REFUSED, HOLE, LATER, NO, HANGS_UP, SILENT };
#define KINDS	(SILENT + 1)

static void set_kind(enum kind kind, bool on)
{
	switch (kind) {
	case REFUSED:
		if (on)
			fake_target_go_deaf(&d->target);
		else
			fake_target_listen(&d->target);
		break;
	case HOLE:
		if (on) {
			fake_target_lose_packets(&d->target);
		} else {
			fake_target_go_deaf(&d->target);
			fake_target_listen(&d->target);
		}
		break;
	case LATER:
		d->target.status = on ? 0x0301 : 0;
		break;
	case NO:
		d->target.status = on ? 0x0201 : 0;
		break;
	case HANGS_UP:
		d->target.hangs_up = on;
		break;
	case SILENT:
		d->target.silent = on;
		break;
	}
}

static void break_all(enum kind kind)
{
	set_kind(kind, true);
	fake_target_hang_up(&d->target);
	fake_daemon_settle();
}

/* Moves the clock until @n sessions are up; how many ms that took. */
static uint64_t until_up(unsigned int n)
{
	uint64_t us = 0;

	fake_daemon_settle();
	while (count(SESSION_LOGGED_IN) < n) {
		ck_assert_uint_lt(us, 60000000);
		us += fake_daemon_pass(60000);
	}
	return us / 1000;
}

static const struct { enum kind kind; uint64_t length_ms; } outages[] = {
	{ REFUSED, 0 }, { REFUSED, 1000 }, { REFUSED, 3000 }, { REFUSED, 10000 }, { REFUSED, 60000 },
	{ LATER, 0 }, { LATER, 1000 }, { LATER, 3000 }, { LATER, 10000 }, { LATER, 60000 },
	{ NO, 0 }, { NO, 1000 }, { NO, 3000 }, { NO, 10000 }, { NO, 60000 },
	{ HANGS_UP, 0 }, { HANGS_UP, 1000 }, { HANGS_UP, 3000 }, { HANGS_UP, 10000 },
	{ HANGS_UP, 60000 },
	{ SILENT, 0 }, { SILENT, 1000 }, { SILENT, 3000 }, { SILENT, 10000 }, { SILENT, 60000 },
	{ REFUSED, 200000 }, { SILENT, 200000 },
	{ HOLE, 0 }, { HOLE, 1000 }, { HOLE, 3000 }, { HOLE, 10000 }, { HOLE, 60000 }, { HOLE, 200000 },
};

START_TEST(a_session_is_back_soon)
{
	uint64_t length = outages[_i].length_ms;

	log_in(1, at_once);
	break_all(outages[_i].kind);
	fake_daemon_wait(length);
	set_kind(outages[_i].kind, false);
	/* An answer is waited for a second at least, since a busy target isn't a silent one. */
	ck_assert_uint_le(until_up(1), MIN(MAX(outages[_i].kind == SILENT ? 1300 : 300, length / 20), 3000));
}
END_TEST

/* However long a login takes, the first SYN after the hole is never the kernel's late repetition. */
START_TEST(a_slow_login_makes_no_slow_connect)
{
	log_in(1, at_once);
	manager_find(d->manager, 1)->login_took_ms = 800;
	break_all(HOLE);
	fake_daemon_wait(20900);
	set_kind(HOLE, false);
	ck_assert_uint_le(until_up(1), 1000);
}
END_TEST

/* How soon a session is tried again if its target is back @down_ms after the loss. */
static uint64_t promised_ms(enum kind kind, uint64_t down_ms, uint64_t wait_ms)
{
	uint64_t ms = MIN(MAX(down_ms / 20, 300), 3000) - LOGIN_TAKES_MS;

	/* A target that has accepted a connection may be busy for a second. */
	if (kind == SILENT)
		ms = MAX(ms, 1000);
	/* A target that refuses for minutes is asked less often. */
	if ((kind == LATER || kind == NO) && down_ms >= 120000 - ms)
		ms = down_ms < 600000 - 10000 ? 10000 : 30000;
	return ms + (down_ms < wait_ms ? wait_ms - down_ms : 0);
}

/*
 * An attempt that began before the target was back may fail, so the longest time from then to an
 * attempt that succeeds is the time between the beginnings of two attempts. One outage of a quarter
 * of an hour, in which each is noted, so answers for all shorter ones: however long an outage is, I/O
 * flows within 0.3 s or a twentieth of that time, whichever is longer, but within 3 s.
 */
START_TEST(the_longest_time_to_an_attempt)
{
	enum kind kind = (enum kind)(_i % KINDS);
	uint64_t wait_ms = _i < KINDS ? 0 : 2000, length_us = (_i < KINDS ? 900 : 20) * UINT64_C(1000000);
	uint64_t lost_us, last_us;
	const struct session *session;
	unsigned int attempts = 0;

	d->random = 0;				/* no pause is shorter than it may be */
	d->target.login_text = wait_ms ? "DefaultTime2Wait=2\n" : "DefaultTime2Wait=0\n";
	log_in(1, at_once);
	session = manager_find(d->manager, 1);
	break_all(kind);
	lost_us = last_us = d->clock.now_us;
	while (d->clock.now_us - lost_us < length_us) {
		uint64_t down_ms = (last_us - lost_us) / 1000, gap_ms;

		fake_daemon_pass(60000);
		if (session->attempt_us <= last_us)
			continue;
		gap_ms = (session->attempt_us - last_us) / 1000;
		ck_assert_msg(gap_ms <= promised_ms(kind, down_ms, wait_ms),
			      "kind %d: back after %lu ms, tried only %lu ms later", kind, down_ms,
			      gap_ms);
		last_us = session->attempt_us;
		attempts++;
	}
	ck_assert_uint_ge(attempts, _i < KINDS ? 180 : 10);
	ck_assert_uint_le(attempts, 600);
}
END_TEST

/* A target that answers late, but answers, is given the time that it needs. */
START_TEST(a_slow_target_is_waited_for)
{
	unsigned int accepted;

	log_in(1, at_once);
	break_all(SILENT);
	fake_daemon_wait(_i ? 10000 : 300000);
	d->target.unaware = true;
	accepted = d->target.accepted;
	while (d->target.accepted == accepted)
		fake_daemon_pass(100);
	/* This login waits for its answer although it is given up. */
	fake_daemon_wait(20000);
	fake_target_answer_oldest(&d->target);
	fake_daemon_wait(3000);
	accepted = d->target.accepted;
	fake_daemon_wait(8000);
	ck_assert_uint_eq(d->target.accepted, accepted);
	d->target.silent = false;
	fake_target_answer_newest(&d->target);
	ck_assert_uint_eq(until_up(1), 0);
}
END_TEST

/* Whatever wakes the session meanwhile: the network, its turn, or a new daemon. */
START_TEST(time2wait_is_kept)
{
	struct turn *turn;

	d->target.login_text = "DefaultTime2Wait=3\n";
	log_in(1, at_once);
	break_all(REFUSED);
	fake_daemon_wait(1000);
	set_kind(REFUSED, false);
	manager_network_changed(d->manager, NULL);
	turn = &manager_find(d->manager, 1)->turn;
	turn->woken(turn->arg);
	if (_i) {
		fake_client_close(&client);
		fake_daemon_stop();
		fake_daemon_start();
	}
	ck_assert_uint_eq(until_up(1), _i ? 3000 : 2000);
}
END_TEST

/* A connection that breaks between the login's last answer and its start was a session to the target. */
START_TEST(time2wait_is_kept_after_a_login_that_breaks)
{
	d->target.login_text = "DefaultTime2Wait=3\n";
	log_in(1, at_once);
	fake_target_hang_up(&d->target);
	fake_daemon_settle();
	d->kernel.fail_at = d->kernel.operations + 2;		/* bind, start */
	ck_assert_uint_eq(until_up(1), 6000);
	ck_assert_uint_eq(d->kernel.session[1].starts, 2);
}
END_TEST

/* The target has answered, so the other sessions don't wait for this one's Time2Wait. */
START_TEST(a_login_that_breaks_lets_the_others_try)
{
	d->target.login_text = "DefaultTime2Wait=60\n";
	log_in(2, at_once);
	break_all(HANGS_UP);
	fake_daemon_wait(60000);
	set_kind(HANGS_UP, false);
	d->kernel.fail_at = d->kernel.operations + 2;		/* bind, start */
	ck_assert_uint_le(until_up(1), 3000);
	ck_assert_uint_eq(count(SESSION_FAILED), 1);
	ck_assert_uint_ge(until_up(2), 57000);
}
END_TEST

/* The pauses grow to 10 s after two minutes, and to 30 s after ten. */
START_TEST(a_target_that_refuses_is_asked_less_and_less)
{
	unsigned int logins;

	log_in(1, at_once);
	break_all(NO);
	fake_daemon_wait(120000);
	logins = d->target.logins;
	ck_assert_uint_gt(logins, 60);
	fake_daemon_wait(480000);
	ck_assert_uint_gt(d->target.logins - logins, 480 / 10);
	ck_assert_uint_lt(d->target.logins - logins, 480 / 4);
	logins = d->target.logins;
	fake_daemon_wait(900000);
	ck_assert_uint_ge(d->target.logins - logins, 900 / 30);
	ck_assert_uint_lt(d->target.logins - logins, 900 / 19);
	ck_assert_str_eq(outage(1).reason.text, "authentication failure (02/01); no CHAP user "
			 "name and password are set");
}
END_TEST

/* Many sessions ask a dead portal no more often than one, and all come back together. */
START_TEST(sessions_take_turns)
{
	enum kind kind = _i ? SILENT : HANGS_UP;
	unsigned int accepted[2], n = 1;

	for (int i = 0; i < 2; i++, n = SESSIONS) {
		log_in(i ? SESSIONS - 1 : 1, at_once);
		break_all(kind);
		accepted[i] = d->target.accepted;
		fake_daemon_wait(60000);
		accepted[i] = d->target.accepted - accepted[i];
		ck_assert_uint_eq(count(SESSION_FAILED), n);
		for (uint32_t sid = 1; sid <= n; sid++) {
			ck_assert_int_le(outage(sid).next_attempt_ms, 3000);
			ck_assert_str_ne(outage(sid).reason.text, "");
		}
		set_kind(kind, false);
		ck_assert_uint_le(until_up(n), 3000);
	}
	ck_assert_uint_gt(accepted[0], 20);
	ck_assert_uint_le(accepted[1], accepted[0] + 1);
}
END_TEST

/* The session whose turn it is goes away, in a pause or in an attempt. */
START_TEST(a_turn_is_passed_on)
{
	log_in(SESSIONS, at_once);
	break_all(_i ? SILENT : HANGS_UP);
	fake_daemon_wait(60000);
	for (uint32_t sid = 1; sid < SESSIONS; sid++) {
		session_logout(manager_find(d->manager, sid), NULL, "");
		fake_daemon_wait(50);
	}
	set_kind(_i ? SILENT : HANGS_UP, false);
	ck_assert_uint_le(until_up(1), 3000);
	ck_assert_int_eq(session_state(manager_find(d->manager, SESSIONS)), SESSION_LOGGED_IN);
}
END_TEST

/* A hundred dead portals cost less than 1 % of a CPU, at 60 us for an attempt. */
START_TEST(many_portals_share_the_attempts)
{
	char iface[16];
	const char *const settings[] = { "iface.iscsi_ifacename", iface, NULL };
	unsigned int attempts = 0;

	fake_client_close(&client);
	fake_client_open(&client);
	for (unsigned int i = 1; i <= PORTALS; i++) {
		(void)snprintf(iface, sizeof(iface), "iface%u", i);
		(void)fake_client_log_in(&client, settings);
	}
	fake_daemon_wait(STEADY_MS);
	break_all(REFUSED);
	fake_daemon_wait(10000);
	for (uint32_t sid = 1; sid <= PORTALS; sid++)
		attempts += manager_find(d->manager, sid)->failed_attempts;
	ck_assert_uint_ge(attempts, 1200);
	ck_assert_uint_le(attempts, 1600);
	set_kind(REFUSED, false);
	fake_daemon_wait(800);
	for (uint32_t sid = 1; sid <= PORTALS; sid++)
		ck_assert_int_eq(session_state(manager_find(d->manager, sid)), SESSION_LOGGED_IN);
	ck_assert_uint_eq(turn_silent_portals(&manager_find(d->manager, 1)->turn), 0);
}
END_TEST

START_TEST(news_of_the_network_end_a_pause)
{
	struct sockaddr_storage peer = { .ss_family = AF_INET }, other = { .ss_family = AF_INET };

	((struct sockaddr_in *)&peer)->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	((struct sockaddr_in *)&other)->sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1);
	log_in(SESSIONS, at_once);
	break_all(REFUSED);
	fake_daemon_wait(60000);
	while (outage(1).next_attempt_ms > 1100 || outage(1).next_attempt_ms < 800)
		fake_daemon_pass(100);
	set_kind(REFUSED, false);
	manager_network_changed(d->manager, &other);
	fake_daemon_pass(0);
	ck_assert_uint_eq(count(SESSION_FAILED), SESSIONS);
	manager_network_changed(d->manager, _i ? &peer : NULL);
	ck_assert_uint_eq(until_up(SESSIONS), 0);
}
END_TEST

/* However often the network changes, a dead portal is tried no more than at the quick pace. */
START_TEST(a_restless_network_is_no_load)
{
	unsigned int accepted;

	log_in(SESSIONS, at_once);
	break_all(HANGS_UP);
	fake_daemon_wait(60000);
	accepted = d->target.accepted;
	for (int i = 0; i < 200; i++) {
		manager_network_changed(d->manager, NULL);
		fake_daemon_wait(50);
	}
	ck_assert_uint_ge(d->target.accepted - accepted, 30);
	ck_assert_uint_le(d->target.accepted - accepted, 35);
}
END_TEST

/* A target that has begun to answer has the time that its login takes. */
START_TEST(an_answer_is_waited_for_while_the_portal_answers_others)
{
	log_in(2, at_once);
	break_all(SILENT);
	fake_daemon_wait(10000);
	set_kind(SILENT, false);
	ck_assert_uint_le(until_up(1), 500);
	ck_assert_uint_eq(until_up(2), 0);
}
END_TEST

/* The backing store of one target hangs, so that its logins begin, but don't end. */
START_TEST(a_login_that_comes_to_a_halt_holds_up_no_other)
{
	uint8_t half[PDU_BHS_LEN] = { PDU_LOGIN_RESPONSE, 0x04 };
	unsigned int accepted;

	log_in(SESSIONS, at_once);
	break_all(SILENT);
	fake_daemon_wait(10000);
	accepted = d->target.accepted;
	while (d->target.accepted == accepted)
		fake_daemon_pass(100);
	memcpy(half + 8, d->target.last_bhs + 8, 6);		/* the ISID */
	memcpy(half + 16, d->target.last_bhs + 16, 4);		/* the task tag */
	fake_target_send(&d->target, half, NULL, 0);
	fake_daemon_settle();
	set_kind(SILENT, false);
	ck_assert_uint_le(until_up(SESSIONS - 1), 3000);
}
END_TEST

/* reopen_max counts as many attempts as open-iscsi makes in that time, not the quick ones. */
START_TEST(reopen_max_means_what_it_meant)
{
	static const char *const settings[] = {
		"node.session.iscsi.DefaultTime2Wait", "0", "node.session.reopen_max", "5", NULL };

	log_in(2, settings);
	break_all(REFUSED);
	fake_daemon_wait(9900);
	ck_assert_uint_eq(count(SESSION_FAILED), 2);
	fake_daemon_wait(3000);
	ck_assert_ptr_null(manager_find(d->manager, 1));
	ck_assert_ptr_null(manager_find(d->manager, 2));
}
END_TEST

/* A target that drops each login right after it isn't asked without a pause. */
START_TEST(short_lives_make_longer_pauses)
{
	unsigned int logins;

	log_in(1, at_once);
	break_all(LATER);
	set_kind(LATER, false);
	until_up(1);
	logins = d->target.logins;
	for (uint64_t us = 0; us < 60000000;) {
		fake_target_hang_up(&d->target);
		fake_daemon_settle();
		us += until_up(1) * 1000;
	}
	ck_assert_uint_lt(d->target.logins - logins, 100);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("recovery");
	TCase *tc = tcase_create("recovery");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 120);
	tcase_add_loop_test(tc, a_session_is_back_soon, 0, ARRAY_SIZE(outages));
	tcase_add_test(tc, a_slow_login_makes_no_slow_connect);
	tcase_add_loop_test(tc, the_longest_time_to_an_attempt, 0, 2 * KINDS);
	tcase_add_loop_test(tc, a_slow_target_is_waited_for, 0, 2);
	tcase_add_loop_test(tc, time2wait_is_kept, 0, 2);
	tcase_add_test(tc, time2wait_is_kept_after_a_login_that_breaks);
	tcase_add_test(tc, a_login_that_breaks_lets_the_others_try);
	tcase_add_test(tc, a_target_that_refuses_is_asked_less_and_less);
	tcase_add_loop_test(tc, sessions_take_turns, 0, 2);
	tcase_add_loop_test(tc, a_turn_is_passed_on, 0, 2);
	tcase_add_test(tc, many_portals_share_the_attempts);
	tcase_add_loop_test(tc, news_of_the_network_end_a_pause, 0, 2);
	tcase_add_test(tc, a_restless_network_is_no_load);
	tcase_add_test(tc, an_answer_is_waited_for_while_the_portal_answers_others);
	tcase_add_test(tc, a_login_that_comes_to_a_halt_holds_up_no_other);
	tcase_add_test(tc, reopen_max_means_what_it_meant);
	tcase_add_test(tc, short_lives_make_longer_pauses);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
